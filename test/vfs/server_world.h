// SPDX-License-Identifier: ISC
// The server's store in a world (world.h): what its script (server_script.c),
// the batches of that (server_batch.c) and its check (server_check.c) share.
#ifndef MMS_TEST_SERVER_WORLD_H
#define MMS_TEST_SERVER_WORLD_H

#include "draw.h"
#include "server_model.h"
#include "store/server_store.h"
#include "world.h"

// An operation of a batch, from which it can be made again.
struct server_op {
	bool is_enroll;
	struct model_submit submit;
	uint8_t key; // ENROLL
	uint8_t user;
	uint8_t invite; // whose it is; the key's number or another's
	bool has_invite;
};

enum { SERVER_OPS_MAX = 64, SERVER_MOVES_MAX = 4 };

// The last batch. Larger ones are not kept.
struct server_batch {
	size_t move_count;
	struct storage_move move[SERVER_MOVES_MAX];
	uint8_t moved_key[SERVER_MOVES_MAX];
	size_t op_count;
	struct server_op op[SERVER_OPS_MAX];
	uint64_t session;
	struct mtime session_began_at;
	bool is_told; // its answers were told, so that a copy hears the same
};

struct server_world {
	struct world world; // first
	struct server_store *store;

	struct server_model now;  // what the store said is durable
	struct server_model next; // with the operation that failed
	bool has_next;            // nobody knows yet whether `next` or `now`

	unsigned listed; // what the users file says: bits of users
	bool is_loud;    // and how it writes them
	struct mtime clock;     // the monotonic clock
	struct mtime opened_at; // when the store was opened
	int64_t opened_seconds; // and its time then
	uint32_t serial_next; // of messages and starts, also of those that failed
	struct model_round round; // where housekeeping of the open store stands
	struct server_batch last;
};

// What start `serial` and device `key` are made of.
void server_world_start_id(uint32_t serial, uint8_t start_id[STORAGE_START_ID_BYTES]);
void server_world_key(unsigned key, uint8_t bytes[STORAGE_KEY_BYTES]);

// Store time by the clock.
int64_t server_world_seconds(const struct server_world *server);

// Before an operation: `next` becomes `now`, for the operation to be done to it.
struct server_model *server_world_expect(struct server_world *server);

// What came of an operation that had to end with `expected`.
enum mms_err server_world_settle(struct server_world *server, enum mms_err err, enum mms_err expected);

// Steps of the script that append a batch.
enum { SERVER_BATCH_INVITE = 0x10 };
enum mms_err server_batch_accept(struct server_world *server, unsigned count);
enum mms_err server_batch_take(struct server_world *server, unsigned key); // moves its cursor
enum mms_err server_batch_enroll(struct server_world *server, unsigned argument); // a key, for user key % 4
enum mms_err server_batch_tell_gap(struct server_world *server, unsigned key);
enum mms_err server_batch_tell_old_gap(struct server_world *server, unsigned key); // it has grown since
enum mms_err server_batch_mixed(struct server_world *server, unsigned key); // all that a turn of the loop may bring
enum mms_err server_batch_forbidden(struct server_world *server, unsigned which); // of which a part is refused
enum mms_err server_batch_again(struct server_world *server, unsigned argument); // the last one, whatever became of it

// Compares the store with the model, and settles what became of an operation that failed.
void server_world_check(struct world *world);

#endif
