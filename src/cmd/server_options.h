// SPDX-License-Identifier: ISC
// The command line of `mms server`, and what it asks of the server's parts. Layer: cmd.
#ifndef MMS_CMD_SERVER_OPTIONS_H
#define MMS_CMD_SERVER_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "node/server_node.h"
#include "store/server_store.h"

struct server_options {
	const char *host;
	const char *data;
	const char *users;
	uint64_t port;
	uint64_t drop_ppm;
	bool open_claims;
	const char *rooms; // who makes them: "users" or "operator"
	bool new_database;
	bool is_verbose;
	uint64_t sessions_max;
	uint64_t mailbox_rows_max;
	uint64_t mailbox_bytes_max;
	uint64_t mailbox_held_bytes_max;
	const char *history; // as it was written
	uint32_t history_days;
	uint64_t submit_rate;
	uint64_t submit_burst;
	uint64_t who_rate;
	uint64_t blind_rate; // of handshakes, as in struct budget_limits
	uint64_t prefix_rate;
	uint64_t network_rate;
	uint64_t all_rate;
	uint64_t newcomer_rate;
};

// Reads the command line into `options`. False: the command is over with `*status`.
bool server_options_read(struct server_options *options, int argc, char **argv, int *status);

// What the store may hold.
struct server_store_bounds server_options_bounds(const struct server_options *options);

// Sets the listener's and the server's configuration in `node`. `may_claim`: the first device that signs in as a name without
// invite has it.
void server_options_configure(const struct server_options *options, bool may_claim, struct server_node_setup *node);

#endif
