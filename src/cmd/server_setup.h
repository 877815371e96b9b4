// SPDX-License-Identifier: ISC
// What `mms server` needs before it can serve: its options, its users, its data directory, its key, its sockets. Layer: cmd.
#ifndef MMS_CMD_SERVER_SETUP_H
#define MMS_CMD_SERVER_SETUP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "cmd/data.h"
#include "cmd/users_file.h"
#include "msg/server.h"
#include "node/server_node.h"
#include "os/lock.h"
#include "os/udp.h"
#include "store/server_store.h"

struct server_options {
	const char *host;
	const char *data;
	const char *users;
	uint64_t port;
	uint64_t drop_ppm;
	bool open_claims;
	bool is_verbose;
	uint64_t sessions_max;
	uint64_t mailbox_rows_max;
	uint64_t mailbox_bytes_max;
	uint64_t submit_rate;
	uint64_t submit_burst;
	uint64_t who_rate;
	uint64_t blind_rate; // of handshakes, as in struct budget_limits
	uint64_t prefix_rate;
	uint64_t network_rate;
	uint64_t all_rate;
	uint64_t newcomer_rate;
};

// Everything a running server holds. Zeroed: nothing.
struct server_setup {
	struct server_options options;
	struct data_paths paths;
	struct lock lock;
	struct keypair keys;
	struct users_file users[2]; // the one in use, and room for the one that follows it
	uint8_t users_place;        // which is in use
	struct server_user *user;   // of the users in use
	struct server_store *store;
	struct udp udp;
	bool may_claim;
};

// Reads the command line into `options`. False: the command is over with `*status`.
bool server_options_read(struct server_options *options, int argc, char **argv, int *status);

// Takes the lock, opens and makes everything. Returns EXIT_DONE, or the exit status with `why` filled; what was opened by then is
// for server_setup_close.
int server_setup_open(struct server_setup *setup, struct reason *why);

// The users table in use.
struct users_table *server_setup_users(struct server_setup *setup);

// Reads the users file again, beside the one in use, and tells the store. On success `*table` and `*user` are the new ones,
// and server_setup_reloaded is to be called. On error nothing has changed and `why` says what is wrong.
enum mms_err server_setup_reload(struct server_setup *setup, struct users_table **table, struct server_user **user,
				 struct reason *why) MUST_CHECK;

// The server uses the new table: the old one is freed. `user` as server_setup_reload gave it.
void server_setup_reloaded(struct server_setup *setup, struct server_user *user);

// The listener's and the server's configuration that the options ask for.
void server_setup_configure(const struct server_setup *setup, struct server_node_setup *node);

// Closes and wipes what is open.
void server_setup_close(struct server_setup *setup);

#endif
