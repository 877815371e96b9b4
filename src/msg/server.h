// SPDX-License-Identifier: ISC
// The server's meaning of every call: who may sign in, what is offered to the store, what is delivered, who is online
// (doc/protocol.md sections 6 and 8). Layer: msg, pure: facts in; effects out through the port, and through the batches and
// questions that the owner carries to the store (store/storage.h) and whose outcome it tells.
//
// Sessions are named by the slot numbers of the transport; a slot's first call begins a peer and server_ended ends it.
// Nothing is answered or forwarded before server_appended says that the store keeps it.
#ifndef MMS_MSG_SERVER_H
#define MMS_MSG_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bucket.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/slot_list.h"
#include "base/time.h"
#include "base/users.h"
#include "crypto/hash.h"
#include "crypto/noise.h"
#include "msg/call.h"
#include "msg/server_watch.h"
#include "store/storage.h"

enum {
	SERVER_LANES_MAX = 8,
	SERVER_MOVE_US = 1000 * 1000,   // how long a moved cursor may wait for company in a batch
	SERVER_RETRY_US = 1000,         // when a call that found no room in the batch starts again, ..
	SERVER_RETRY_APART_US = 4,      // .. and the next one so much later: however many wait, so many start in a second
	SERVER_STARVED_US = 100 * 1000, // when a delivery that found no memory is tried again
	SERVER_CALLS_RESERVED = 4,      // room in a session's window kept for notices
	SERVER_BOOKED_MAX = DEVICES_PER_USER_MAX * (SENDING_PER_DEVICE_MAX + 1), // calls of a user that wait for their turn, a
									 // session one; full: the next asks again
	SERVER_JOINING_MAX = 1024,           // sign-ins under way; full: the next starts again after ..
	SERVER_JOINING_RETRY_US = 20 * 1000, // .. so long, and the next one SERVER_RETRY_APART_US later
	SERVER_PAGES_MAX = 128, // pages of mailboxes that are read at the same time; full: deliveries wait for one
	SERVER_MEMBERS_A_TOKEN = 64, // of a room: a message to it takes one token more for so many
	SERVER_LISTS_MAX = 32, // lists that the store is asked for at the same time; full: the next call starts again after SERVER_RETRY_US
	SERVER_OPS_MAX = BATCH_MESSAGES_MAX + SERVER_JOINING_MAX, // operations of a batch: what it may hold of messages, and all enrolments
	SERVER_MOVES_MAX = 4096, // moves of a batch beside one for each session: of those that ended, and of gaps told; full: such
				 // a move is lost, and costs a delivery more that the device knows already
};

// What the server orders of its transport; the functions of proto/listener.h with the same names. None calls back.
struct server_port {
	void *context;
	void (*answer)(void *context, uint32_t slot, uint32_t number, uint8_t status, const void *body, size_t bytes);
	enum mms_err (*call)(void *context, uint32_t slot, uint8_t kind, const void *body, size_t bytes, uint64_t tag);
	void (*defer)(void *context, uint32_t slot, struct mtime until);
	void (*signed_in)(void *context, uint32_t slot, uint64_t owner);
	void (*close)(void *context, uint32_t slot, bool keeps_calls);
	// A device was enrolled; for the log.
	void (*enrolled)(void *context, const struct name *user, const struct fingerprint *fingerprint);
	// What came of the operator's change that server_change_room was given with this number. Borrowed.
	void (*changed)(void *context, uint32_t number, const struct storage_result *result);
};

struct server_config {
	bool may_claim;     // plain names may be claimed by the first device
	bool may_make_rooms; // users may; else only the operator
	uint32_t lane_count; // of the store: 1 to SERVER_LANES_MAX. A user's lane is its user_id modulo this
	uint32_t watches_max; // names watched by all sessions
	struct bucket_rate submit_rate; // a user
	struct bucket_rate who_rate;    // a user
	struct bucket_rate read_rate;   // a user: pages of lists, of rooms' history, and states
};

// A call that has started. All of it is borrowed.
struct call_in {
	uint32_t slot;
	uint32_t number;
	uint8_t kind;
	const uint8_t *body;
	size_t bytes;
	struct mtime handshake_at;     // of its session, while that is not signed in: which of two is the later one
	const uint8_t *peer_key;       // the same: NOISE_KEY_BYTES
	const uint8_t *handshake_hash; // the same: NOISE_HASH_BYTES
};

// A call of ours that was answered.
struct answer_in {
	uint32_t slot;
	uint8_t kind;
	uint8_t status;
	uint64_t tag;  // what server_port.call was given
	uint32_t room; // how many more calls the session's window lets be made now
};

enum server_peer_state {
	PEER_NONE = 0,
	PEER_JOINING,   // its SIGNIN is under way
	PEER_SIGNED_IN,
	PEER_GONE,      // refused, signed out, replaced or removed; its session lingers
};

// How far the delivery to a receiving session is.
enum server_peer_read {
	READ_UP = 0,  // nothing that is known of waits behind row_sent
	READ_WINDOW,  // rows wait; the window has no room for them
	READ_QUEUED,  // they wait for a page to be free
	READ_ASKED,   // the store reads them
	READ_STARVED, // they wait for the transport's memory
};

// One session, by slot. What only some sessions have stands in a pool: there are many of these.
struct server_peer {
	uint64_t session;        // tells all sessions of this start apart
	struct mtime began_at;   // its handshake
	int64_t device_id;       // this and what follows: since it signed in
	uint64_t cursor;         // highest row the device has
	uint64_t row_sent;       // highest row made into a call
	uint32_t user;           // place in the users table
	uint32_t signout_number; // call to answer when its operations are through; 0: none
	uint32_t booked_number;  // the call whose token is taken; it starts when that is there
	uint32_t who_next;       // the page of the users table that it may ask for without beginning a list
	struct slot_link of_user;   // on server_user.peers
	struct slot_link signed_in; // on server.signed_in
	struct slot_link moved;     // on server_lane.moved: the cursor is in no batch yet
	struct slot_link reading;   // on server.readers or server.starved
	uint8_t state;         // enum server_peer_state
	uint8_t lane;
	uint8_t room;          // calls that can be made before the window is full
	uint8_t pending_count; // its operations in batches
	uint8_t booked_kind;   // while a booked turn is still to come; 0: it has come, or nothing is booked
	uint8_t page;          // while READ_ASKED
	uint8_t page_rows;     // how many rows are worth reading at once: fewer where memory is short
	uint8_t read : 4;      // enum server_peer_read
	uint8_t is_receiving : 1;
	uint8_t is_silent : 1; // the transport has not heard of it for a while
	uint8_t is_stuck : 1;  // the device cannot take a delivery now; no more are made
};
static_assert(sizeof(struct server_peer) <= 96, "an idle session is small");
static_assert(SERVER_PAGES_MAX <= UINT8_MAX, "server_peer.page");

// A user while the server runs; the same places as in the users table.
struct server_user {
	struct slot_list peers; // in the order they signed in
	uint32_t online_count;  // of them: receiving and not silent
	uint32_t watched;       // place + 1 in server_presence.watched; 0: nobody watches
	uint32_t watch_count;   // names that its sessions watch
	struct wtime heard_at;  // when one of its receiving sessions that no longer counts was heard last; 0: not in this start
	struct bucket submit;
	struct bucket who;
	struct bucket read;
};

// Whose call an operation is.
struct server_pending {
	uint32_t slot;    // SLOT_NONE: it is the operator's change, and its op.call the number of it
	uint32_t joining; // ENROLL: its record
	bool is_denied_making; // JOIN: it wants to make the room if there is none, and users may not
};

struct server_batch {
	struct storage_op *ops; // this and the next two: SERVER_OPS_MAX
	struct storage_result *results;
	struct server_pending *pending;
	struct storage_move *moves; // this and the next: SERVER_MOVES_MAX and one for each session
	uint32_t *move_slot;        // whose move it is; SLOT_NONE: nobody's who is still there
	struct storage_place *places; // BATCH_PLACES_MAX
	uint8_t *text;              // BATCH_BYTES_MAX
	uint32_t op_count;
	uint32_t submit_count; // of these, messages and changes
	uint32_t room_op_count; // of these, those that may write into a room
	int64_t room_user[BATCH_ROOM_OPS_MAX]; // whose they are
	uint32_t move_count;
	uint32_t text_bytes;
	struct storage_batch view; // as it was handed over
};

// What a lane of the store is given, in order. Two batches: one fills while the other is with the store.
struct server_lane {
	struct server_batch batch[2];
	uint8_t filling;
	bool is_storing;
	struct mtime retry_at;    // the last of the calls that found no room starts again
	struct slot_list moved;   // peers
	struct mtime moves_at;    // when their moves are given at the latest; MTIME_NEVER: there are none
	struct slot_list joining; // records whose question waits until all moves are given
};

// A SIGNIN under way.
struct server_joining {
	struct slot_link link; // free, or in its lane
	bool has_enrolled; // its ENROLL was granted
	uint32_t slot;
	uint32_t number;       // of the call
	uint64_t session;      // the peer's: another one is there now, if they differ
	uint32_t generation;   // of the users table that the question was made from
	const struct user_invite *invite; // of that table, whose code was shown; NULL: none
	struct call_signin signin;
	struct fingerprint fingerprint;
	uint8_t handshake_hash[NOISE_HASH_BYTES];
	struct storage_question question;
};

// A page that is read for a peer.
struct server_page {
	struct slot_link link; // free
	uint32_t slot;
	uint64_t session;  // as server_joining.session
	uint64_t row_came; // highest row of the mailbox that was heard of since the question was asked
	struct storage_question question;
	struct storage_page page;
};

// A list that the store is asked for.
struct server_list {
	struct slot_link link; // free
	uint32_t slot;
	uint32_t number;       // of the call
	uint64_t session;      // as server_joining.session
	struct storage_question question;
	struct storage_page page;
};

struct server {
	struct server_port port;
	struct server_config config;
	struct users_table *users;
	struct server_user *user;
	uint32_t generation; // of the users table
	struct server_peer *peer;
	uint32_t peer_capacity;
	uint64_t session_next;
	struct slot_list signed_in; // peers
	struct server_lane lane[SERVER_LANES_MAX];
	struct server_joining *joining; // SERVER_JOINING_MAX
	struct slot_list joining_free;
	uint32_t joining_fresh_count; // records from here on were never used
	struct mtime joining_retry_at; // the last of the SIGNINs that found none starts again
	struct server_page *page; // SERVER_PAGES_MAX
	struct slot_list page_free;
	uint32_t page_fresh_count;
	struct server_list *list; // SERVER_LISTS_MAX
	struct slot_list list_free;
	struct slot_list list_due; // to be asked
	uint32_t list_fresh_count;
	struct mtime list_retry_at; // the last of the calls that found no record starts again
	struct slot_list readers;  // peers that wait for a page
	struct slot_list starved;  // peers whose delivery found no memory
	struct mtime starved_at;   // when they try again; MTIME_NEVER: there are none
	struct server_presence presence;
	struct wtime wall;         // as it was told last
	bool holds_signins; // until the store has the users that it was ordered
	bool is_broken; // the store failed; stop
};

// Bytes of memory for `peer_capacity` sessions.
size_t server_memory_bytes(const struct server_config *config, uint32_t peer_capacity);

// The limits of protocol.md section 11, one lane, claims not allowed.
struct server_config server_config_default(void);

// A server. Kept: `memory` (server_memory_bytes bytes of zeros), what port points at, `users` with all user_ids set, and
// `user`, zeros, as many as the table's user_capacity.
void server_init(struct server *server, const struct server_config *config, void *memory, uint32_t peer_capacity,
		 const struct server_port *port, struct users_table *users, struct server_user *user);

// --- what happened on a session ---

// A call has started.
void server_called(struct server *server, const struct call_in *call, struct moment moment);

// A call of ours was answered.
void server_answered(struct server *server, const struct answer_in *answer, struct moment moment);

// A signed-in session has not been heard for a while, since `heard_at`, or is heard again.
void server_silent(struct server *server, uint32_t slot, struct wtime heard_at);
void server_heard(struct server *server, uint32_t slot); // see server_silent

// It is over.
void server_ended(struct server *server, uint32_t slot);

// --- what the operator wants ---

// A change of a room, by the operator: into a batch of the first lane, where it is judged behind those given before. `change` has
// what it wants, an id for what it writes into the room, and names as they were asked for. False: there is no room for it until
// server_next_batch has been asked. What came of it is told by server_port.changed, with the number.
bool server_change_room(struct server *server, const struct storage_change *change, uint32_t number, struct wtime wall);

// --- what the store is to do, and what became of it ---

// The next batch that must be appended now, and its lane's number. NULL: there is nothing that must go yet, or its lane's last
// batch is still with the store. With `is_all`, also moves that could wait. Borrowed until server_appended.
const struct storage_batch *server_next_batch(struct server *server, bool is_all, struct mtime now, uint32_t *number);

// What became of the batch of the lane with this number; its results are written.
void server_appended(struct server *server, uint32_t number, const struct storage_appended *appended, struct moment moment);

// The next question to be asked. NULL: none now. Must: all batches that server_next_batch gave were appended before. Without
// `with_pages`, no mailbox is read. Borrowed, the answer's memory included, until server_question_answered.
struct storage_question *server_next_question(struct server *server, bool with_pages);

// Its answer is there. It is compared with what is so now: its session may be over, the users others.
void server_question_answered(struct server *server, struct storage_question *question, struct moment moment);

// The store failed, in whatever it was asked.
void server_break(struct server *server);

// Whether it did: the process must stop without sending anything more.
bool server_is_broken(const struct server *server);

// --- the rest ---

// Lets timers run that are due, and tells who came and went. Must: also after each of the events above.
void server_tick(struct server *server, struct moment moment);

// When server_tick has something to do or server_next_batch is to be asked; MTIME_NEVER: whenever something happened.
struct mtime server_deadline(const struct server *server);

// Another users table, user_ids set, with its own `user` array (zeros): both replace the old ones, which are the caller's
// again. A user is the same when name and user_id are. Sessions of users that are gone end, and those of the `removed_count`
// devices in `removed`, in ascending order. What waits in a batch, or is with the store, stays as it was submitted; a SIGNIN
// under way is looked at anew.
// Must: the transport has no event of a session's end that was not told.
void server_reload(struct server *server, struct users_table *users, struct server_user *user, const int64_t *removed,
		   size_t removed_count);

// Other users are with the store, or are no longer: meanwhile nobody signs in. A device that is enrolled behind the sync that
// revoked it is not among those it removed, and the users in use do not revoke it yet.
void server_hold_signins(struct server *server, bool holds);

// Tells every signed-in session that the server stops.
void server_shutdown(struct server *server);

#endif
