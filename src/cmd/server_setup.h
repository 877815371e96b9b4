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
	bool new_database;
	bool is_verbose;
	uint64_t sessions_max;
	uint64_t mailbox_rows_max;
	uint64_t mailbox_bytes_max;
	uint64_t mailbox_held_bytes_max;
	uint64_t submit_rate;
	uint64_t submit_burst;
	uint64_t who_rate;
	uint64_t blind_rate; // of handshakes, as in struct budget_limits
	uint64_t prefix_rate;
	uint64_t network_rate;
	uint64_t all_rate;
	uint64_t newcomer_rate;
};

// The users of one reading of the file, and what goes with them while the server runs. Zeroed: nothing.
struct server_users {
	struct users_file file;
	void *memory;             // of all that follows
	struct server_user *user; // zeros, as many as the table's user_capacity
	struct server_store_user *line;            // what the store is told, as many
	uint8_t (*invite)[STORAGE_KEY_BYTES];      // the hashes of their invites, as many as its invite_capacity
	int64_t *id;                               // what the store answers, as many as the users
};

// Everything a running server holds. Zeroed: nothing.
struct server_setup {
	struct server_options options;
	struct data_paths paths;
	struct lock lock;
	struct lock directory_lock; // of the data directory itself
	struct keypair keys;
	struct server_users users[2]; // those in use, and room for those that follow them
	uint8_t users_place;          // which are in use
	struct server_store *store;
	struct udp udp;
	bool may_claim;
};

// Reads the command line into `options`. False: the command is over with `*status`.
bool server_options_read(struct server_options *options, int argc, char **argv, int *status);

// Takes the lock, opens and makes everything. Returns EXIT_DONE, or the exit status with `why` filled; what was opened by then is
// for server_setup_close.
int server_setup_open(struct server_setup *setup, struct reason *why);

// The users in use.
struct server_users *server_setup_users(struct server_setup *setup);

// Reads the users file again, beside the one in use. NULL: nothing has changed, and `why` says what is wrong. That is also
// so when the file is none that can be read twice (a pipe, a device), and when it names nobody any more.
struct server_users *server_setup_read_users(struct server_setup *setup, struct reason *why);

// Makes the users of the store those read last, and sets the ids of the table. MMS_E_NOSPACE: nothing was changed. Else the store
// is broken. server_store_reason has the words.
enum mms_err server_setup_sync_users(struct server_setup *setup) MUST_CHECK;

// The users read last are in use from now on; those before are freed.
void server_setup_use_users(struct server_setup *setup);

// The users read last are freed; those in use stay.
void server_setup_drop_users(struct server_setup *setup);

// The listener's and the server's configuration that the options ask for.
void server_setup_configure(const struct server_setup *setup, struct server_node_setup *node);

// Closes and wipes what is open.
void server_setup_close(struct server_setup *setup);

#endif
