// SPDX-License-Identifier: ISC
// What `mms server` needs before it can serve: its data directory, its key, its users, its sockets. Layer: cmd.
#ifndef MMS_CMD_SERVER_SETUP_H
#define MMS_CMD_SERVER_SETUP_H

#include <stdbool.h>

#include "base/err.h"
#include "cmd/data.h"
#include "cmd/server_options.h"
#include "cmd/server_users.h"
#include "crypto/noise.h"
#include "os/lock.h"
#include "os/udp.h"
#include "store/server_store.h"

// Everything a running server holds. Zeroed: nothing.
struct server_setup {
	struct server_options options;
	struct data_paths paths;
	struct lock lock;
	struct lock directory_lock; // of the data directory itself
	struct keypair keys;
	struct server_users users;
	struct server_store *store;
	struct udp udp;
	bool may_claim;
};

// Takes the lock, opens and makes everything. Returns EXIT_DONE, or the exit status with `why` filled; what was opened by then is
// for server_setup_close.
int server_setup_open(struct server_setup *setup, struct reason *why);

// Closes and wipes what is open.
void server_setup_close(struct server_setup *setup);

#endif
