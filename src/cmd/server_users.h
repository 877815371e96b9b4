// SPDX-License-Identifier: ISC
// The users of a server that runs: those in use, and those of a file that is read again. Layer: cmd.
#ifndef MMS_CMD_SERVER_USERS_H
#define MMS_CMD_SERVER_USERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "cmd/users_file.h"
#include "msg/server.h"
#include "store/server_store.h"

// One reading of the file, and what goes with its users while the server runs. Zeroed: nothing.
struct server_reading {
	struct users_file file;
	void *memory;             // of all that follows
	struct server_user *user; // zeros, as many as the table's user_capacity
	struct server_store_user *line;       // what the store is told, as many
	uint8_t (*invite)[STORAGE_KEY_BYTES]; // the hashes of their invites, as many as its invite_capacity
	struct server_store_sync sync;        // what the store is asked, and its answer, in this memory
};

// Zeroed: nothing.
struct server_users {
	struct server_reading reading[2]; // the users in use, and room for those that follow them
	uint8_t in_use;                   // which are
};

// Reads the users file at the start; its users are in use. Errors as users_file_load, and MMS_E_FULL: no memory.
enum mms_err server_users_read(struct server_users *users, const char *path, struct reason *why) MUST_CHECK;

// Makes the users of the store those in use, and sets the ids of their table. Errors as server_store_users_sync;
// server_store_reason has the words.
enum mms_err server_users_sync(struct server_users *users, struct server_store *store) MUST_CHECK;

// The users in use.
struct server_reading *server_users_in_use(struct server_users *users);

// Reads the users file again, beside the users in use, which it only looks at. NULL: nothing has changed, and `why` says what is
// wrong. That is also so when the file is none that can be read twice (a pipe, a device), and when it names nobody any more unless
// `may_be_empty`.
struct server_reading *server_users_read_again(struct server_users *users, const char *path, bool may_be_empty,
					       struct reason *why);

// What the store is to be asked, so that its users become those read last. Borrowed until server_users_use or server_users_drop.
struct server_store_sync *server_users_ask(struct server_users *users);

// The answer is there: gives the users read last their ids.
void server_users_answered(struct server_users *users);

// The users read last are in use from now on; those before are freed.
void server_users_use(struct server_users *users);

// The users read last are freed; those in use stay.
void server_users_drop(struct server_users *users);

// Frees all.
void server_users_clear(struct server_users *users);

#endif
