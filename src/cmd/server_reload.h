// SPDX-License-Identifier: ISC
// The users file of a server that runs, changed and read again beside the loop: with a million users that takes seconds. Layer: cmd.
#ifndef MMS_CMD_SERVER_RELOAD_H
#define MMS_CMD_SERVER_RELOAD_H

#include <stdbool.h>

#include "base/err.h"
#include "cmd/data.h"
#include "cmd/server_users.h"
#include "node/server_node.h"
#include "os/job.h"

// Zeroed: closed.
struct server_reload {
	struct job job; // its descriptor is to be polled
	struct server_users *users;
	const struct data_paths *paths;
	const struct operator_request *edit; // NULL: the file is only read
	struct server_reading *fresh;        // what was read; NULL: nothing that can come into effect
	int status;
	struct reason why;
};

// Opens it; `users` and `paths` are kept. MMS_E_IO: no descriptor is to be had.
enum mms_err server_reload_open(struct server_reload *reload, struct server_users *users, const struct data_paths *paths,
				struct reason *why) MUST_CHECK;

// Carries out ORDER_READ_USERS: with an edit (borrowed) first changes the file. Must: what was begun before was taken.
void server_reload_begin(struct server_reload *reload, const struct operator_request *edit);

// Tells the node what came of it, if that is known now. Then, as server_node_users_synced says, the users read are in use by
// server_users_use, or go by server_users_drop.
void server_reload_take(struct server_reload *reload, struct server_node *node);

// Waits for what was begun, and closes. Closed: nothing happens.
void server_reload_close(struct server_reload *reload);

#endif
