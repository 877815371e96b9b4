// SPDX-License-Identifier: ISC
// The server's meaning of every call: who may sign in, what is accepted, what is delivered, who is online (doc/protocol.md
// sections 6 and 8). Layer: msg, pure: events in; effects out through the port; storage behind its interface.
//
// Sessions are named by the slot numbers of the transport; a slot's first call begins a peer and server_ended ends it.
// Nothing is answered or forwarded before server_stored says that the batch with it is durable.
#ifndef MMS_MSG_SERVER_H
#define MMS_MSG_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bucket.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/time.h"
#include "msg/call.h"
#include "base/users.h"
#include "store/storage.h"

enum {
	SERVER_ONLINE_US = 90 * 1000 * 1000,     // since a receiving session was heard
	SERVER_CURSOR_US = 1000 * 1000,          // how long a moved cursor may wait for company in a batch
	SERVER_RETRY_US = 1000,                  // when a call that found no room starts again
	SERVER_STARVED_US = 100 * 1000,          // when a delivery that found no memory is tried again
	SERVER_CALLS_RESERVED = 4,               // room in a session's window kept for notices
	SERVER_BOOKED_MAX = DEVICES_PER_USER_MAX * (SENDING_PER_DEVICE_MAX + 1), // calls of a user that wait for their turn, a
									 // session one; full: the next asks again
	SERVER_OPS_MAX = 2 * BATCH_MESSAGES_MAX, // operations of a batch; full: submissions wait, cursors go with the next
	SERVER_REFUSALS_MAX = 256, // refusals remembered; full: the oldest is forgotten
	SERVER_REFUSAL_US = 180 * 1000 * 1000, // and for how long: until no session of a process that is gone is left
	SERVER_WAITERS_MAX = 2 * BATCH_MESSAGES_MAX, // calls that wait for a batch; full: the same
};

// What the server orders of its transport; the functions of proto/listener.h with the same names. None calls back.
struct server_port {
	void *context;
	void (*answer)(void *context, uint32_t slot, uint32_t number, uint8_t status, const void *body, size_t bytes);
	enum mms_err (*call)(void *context, uint32_t slot, uint8_t kind, const void *body, size_t bytes, uint64_t tag);
	uint32_t (*call_room)(void *context, uint32_t slot);
	void (*defer)(void *context, uint32_t slot, struct mtime until);
	void (*signed_in)(void *context, uint32_t slot, uint64_t owner);
	void (*close)(void *context, uint32_t slot, bool keeps_calls);
	void (*identity)(void *context, uint32_t slot, const uint8_t **peer_key, const uint8_t **handshake_hash);
	struct mtime (*handshake_at)(void *context, uint32_t slot);
	struct mtime (*heard_at)(void *context, uint32_t slot);
	// A device was enrolled; for the log.
	void (*enrolled)(void *context, const struct name *user, const struct fingerprint *fingerprint);
};

struct server_config {
	bool may_claim; // plain names may be claimed by the first device
	uint64_t mailbox_rows_max;
	uint64_t mailbox_bytes_max;
	struct bucket_rate submit_rate; // a user
	struct bucket_rate who_rate;    // a user
};

enum server_peer_state {
	PEER_NONE = 0,
	PEER_JOINING,   // its enrolment waits for the batch
	PEER_SIGNED_IN,
	PEER_GONE,      // refused, signed out, replaced or removed; its session lingers
};

// One session, by slot.
struct server_peer {
	enum server_peer_state state;
	uint32_t serial; // tells the sessions of one slot apart
	uint32_t user;   // place in the users table, while signed in
	uint32_t next;   // of the same user: slot + 1
	uint32_t pending_count; // submissions that wait for a batch
	uint32_t signout_number; // call to answer when they are done; 0: none

	int64_t user_id; // since it signed in, also when its user is gone
	int64_t device_id;
	uint64_t cursor;   // highest row the device has
	uint64_t row_sent; // highest row made into a call
	uint64_t gap_row;
	bool is_receiving;
	bool has_backlog;  // the mailbox holds rows above row_sent
	bool is_stuck;     // the device cannot take a delivery now; no more are made
	bool is_cursor_dirty; // cursor is not in a batch yet
	uint32_t dirty_next; // slot + 1
	bool is_starved;     // a delivery found no memory
	uint32_t starved_next; // slot + 1

	uint32_t booked_number; // the call whose token is taken; it starts when that is there
	uint8_t booked_kind;    // its kind while that is still to come; 0: it has come, or nothing is booked
	uint32_t room_number;   // the call that waits for a mailbox's cursors to be stored
	uint64_t room_batch;    // until so many batches have been

	uint32_t who_generation; // the page this session may ask for without beginning a list
	uint32_t who_first;

	struct call_signin signin; // while joining
	uint32_t signin_number;
};

// A user while the server runs; the same places as in the users table.
struct server_user {
	uint32_t peers; // slot + 1, linked by next
	struct bucket submit;
	struct bucket who;
	uint64_t pending_rows; // in the batches: messages, their bytes, moves of cursors
	uint64_t pending_bytes;
	uint32_t pending_cursors;
	bool is_usage_known;
	uint64_t usage_rows; // upper bounds of what the quota counts
	uint64_t usage_bytes;
};

struct server_waiter {
	uint32_t slot;
	uint32_t serial;
	uint32_t number;
	uint32_t op;
};

// A submission that was refused, which its user may have been told: one that waits on another session of the device, or is
// held up on its way there, must not be accepted after it.
struct server_refusal {
	int64_t sender_id;
	struct uuid id;
	struct mtime at;
	uint32_t serial; // of the peer it was refused to
	uint8_t status;
};

struct server_batch {
	struct storage_op *ops; // SERVER_OPS_MAX
	uint32_t *op_user;      // the user's place in the table, by op; USERS_NO_PLACE: it is gone
	uint8_t *text;          // BATCH_BYTES_MAX
	struct server_waiter *waiter; // SERVER_WAITERS_MAX
	struct map_slot *id_slot; // for BATCH_MESSAGES_MAX
	uint32_t op_count;
	uint32_t text_bytes;
	uint32_t waiter_count;
	uint32_t urgent_count;  // operations that somebody waits for
	uint32_t enrol_count;   // enrolments among them
	struct map by_id; // table key of (sender, id) -> op
	struct storage_batch view; // what server_batch_take gave
};

struct server {
	struct server_port port;
	struct server_storage storage;
	struct server_config config;
	uint8_t table_secret[TABLE_SECRET_BYTES];
	struct users_table *users;
	struct server_user *user;
	uint32_t generation; // of the users table
	struct server_peer *peer;
	uint32_t peer_capacity;
	uint32_t serial_next;
	struct storage_mark mark; // start id and the next commit number
	uint64_t commit_durable;  // the newest commit number on disk
	struct server_batch batch[2];
	uint32_t filling;   // which batch takes operations
	bool is_storing;    // the other one is with the storage
	uint64_t stored_count; // batches that came back from it, stored or not
	uint32_t dirty_head; // peers whose cursor moved: slot + 1
	struct mtime cursor_at; // when they are to be stored at the latest
	uint32_t starved_head;   // peers whose delivery found no memory: slot + 1
	struct mtime starved_at; // when it is tried again; MTIME_NEVER: there are none
	struct server_refusal refusal[SERVER_REFUSALS_MAX]; // a ring
	uint64_t refusal_count; // ever noted; the next goes to refusal_count % SERVER_REFUSALS_MAX
	bool is_broken; // the storage failed; stop
};

// Bytes of memory for `peer_capacity` sessions.
size_t server_memory_bytes(uint32_t peer_capacity);

// The limits of protocol.md section 11, claims not allowed.
struct server_config server_config_default(void);

// A server. Kept: `memory` (server_memory_bytes bytes of zeros), what port and storage point at, `users` with all
// user_ids set, and `user`, zeros, as many as the table's user_capacity. `mark` is this start's id and first commit number.
void server_init(struct server *server, const struct server_config *config, void *memory, uint32_t peer_capacity,
		 const struct server_port *port, const struct server_storage *storage, struct users_table *users,
		 struct server_user *user, const struct storage_mark *mark, const uint8_t table_secret[TABLE_SECRET_BYTES]);

// A call has started on a session.
void server_call(struct server *server, uint32_t slot, uint32_t number, uint8_t kind, const uint8_t *body, size_t bytes,
		 struct mtime now, struct wtime wall);

// A call of ours was answered; `tag` is what server_port.call was given.
void server_answer(struct server *server, uint32_t slot, uint8_t kind, uint8_t status, uint64_t tag, struct mtime now);

// A session is over.
void server_ended(struct server *server, uint32_t slot);

// The batch to make durable now, or NULL: nothing that must go yet, or one is with the storage already. Borrowed until
// server_stored. With `is_all`, also cursors that could wait.
const struct storage_batch *server_batch_take(struct server *server, bool is_all, struct mtime now);

// What became of it: MMS_OK, durable; MMS_E_NOSPACE, rolled back, its submissions are refused; else the server is broken.
void server_stored(struct server *server, enum mms_err result, struct mtime now);

// Lets timers run that are due.
void server_tick(struct server *server, struct mtime now);

// When server_tick has something to do or server_batch_take should be asked; MTIME_NEVER: whenever calls came.
struct mtime server_deadline(const struct server *server);

// Another users table, user_ids set, with its own `user` array (zeros): both replace the old ones, which are the caller's
// again. A user is the same when name and user_id are. Sessions of users and devices that are no longer authorized end. What
// waits in a batch, or is with the storage, stays as it was submitted: its users are named there by their user_ids.
// Must: the transport has no event of a session's end that was not told.
void server_reload(struct server *server, struct users_table *users, struct server_user *user);

// Tells every signed-in session that the server stops.
void server_shutdown(struct server *server);

// Whether a user is online.
bool server_is_online(const struct server *server, uint32_t user, struct mtime now);

// The storage failed, in whatever it was asked.
void server_break(struct server *server);

// Whether the storage failed: the process must stop without sending anything more.
bool server_is_broken(const struct server *server);

#endif
