// SPDX-License-Identifier: ISC
// A device's meaning of every call: signing in, submitting what its outbox holds, keeping what is delivered (doc/protocol.md
// sections 6, 8 and 9.1). Layer: msg, pure: events in; effects out through the port; what is to be stored, and what is to be read,
// is ordered by client_append and client_ask, and comes back as an event (store/client_storage.h).
//
// Nothing is answered to the server, and nothing told through client_port.told, before what it rests on is durable: each
// operation of a batch has a note of what follows on it. Sessions are named by slot, 0 or 1.
#ifndef MMS_MSG_CLIENT_H
#define MMS_MSG_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"
#include "base/name.h"
#include "base/time.h"
#include "msg/call.h"
#include "msg/client_people.h"
#include "store/client_storage.h"

enum {
	CLIENT_SLOTS = 2,
	CLIENT_PING_US = 8 * 1000 * 1000, // how long a server that was killed and is back can go unnoticed (section 6.7)
	CLIENT_LOOK_US = 8 * 1000 * 1000, // how long what another process queued, and was killed before it said so, can go unnoticed
	CLIENT_CALLS_RESERVED = 8, // room in the window that submissions leave to other calls
	CLIENT_REOFFER_US = 60 * 1000 * 1000, // until a re-offer that was refused for now is made again; twice as long each time
	CLIENT_OPS_A_STEP = 64, // what one event adds to a batch: a page of rooms, or of a room's rows and gaps; where they might not
				// fit, none is taken
	CLIENT_QUIET_US = 1000 * 1000, // without a delivery: then the rooms are asked for again, if some were to come; twice as long each
				       // time, and between two listings at least (section 6.12)
	CLIENT_QUIET_US_MAX = 60 * 1000 * 1000, // no doubling beyond
	CLIENT_TRIES_MAX = 8, // orders of a batch or a question whose outcome stays unknown; then the storage has failed
};

static const int64_t CLIENT_REOFFER_US_MAX = 3600LL * 1000 * 1000; // no doubling beyond

enum client_told_type {
	TOLD_SIGNED_IN = 1, // name, waiting_count, history_count; only the first time, and after signing in anew by client_start
	TOLD_RECONNECTED,   // signed in again on another session
	TOLD_REFUSED,       // SIGNIN: status, NOT_AUTHORIZED or SERVER_FULL. Stopped
	TOLD_BROKEN,        // SIGNIN was answered as no server of this protocol answers it. Stopped
	TOLD_NOT_PROVED,    // the server did not prove the invite: it is another server. Stopped
	TOLD_STORED,        // the transcript has grown, or the deliveries that were waiting have all come
	TOLD_VERDICT,       // id, what, to, name (the other one), state, status, is_reoffer
	TOLD_LIST_BEGIN,    // the list that was asked for begins (anew: forget what came before)
	TOLD_LIST_USER,     // of users, members, those blocked: name; is_online but for the last; is_owner of members
	TOLD_LIST_ROOM,     // of rooms: name, is_member, is_owner, is_private, member_count
	TOLD_LIST_END,
	TOLD_LIST_FAILED,   // status: why there is no list; STATUS_OK: what came is none
	TOLD_SIGNED_OUT,    // stopped
	TOLD_REPLACED,      // another sign-in of this device receives now. Stopped
	TOLD_REMOVED,       // no longer authorized. Stopped
	TOLD_SHUTDOWN,      // the server stops; reconnecting goes on
	TOLD_PRESENCE,      // name, is_online, heard_at: one whom one writes with has come, or gone
};

struct client_told {
	enum client_told_type type;
	struct name name;
	uint32_t waiting_count;
	uint32_t history_count;
	bool is_online;
	struct wtime heard_at; // 0: not known
	bool is_member;
	bool is_owner;
	bool is_private;
	uint32_t member_count;
	uint8_t status;
	struct uuid id;
	uint8_t what;         // enum outbox_what
	struct message_to to; // of the outbox's row
	enum outbox_state state;
	struct storage_mark stamp;
	bool is_reoffer;
};

// What the client orders of its transport (proto/dialer.h) and tells its owner. None calls back into the client.
struct client_port {
	void *context;
	void (*answer)(void *context, uint32_t slot, uint32_t number, uint8_t status);
	enum mms_err (*call)(void *context, uint32_t slot, uint8_t kind, const void *body, size_t bytes, uint64_t tag);
	void (*prefer)(void *context, uint32_t slot);
	void (*redial)(void *context);
	void (*stop)(void *context);
	const uint8_t *(*handshake_hash)(void *context, uint32_t slot);
	void (*told)(void *context, const struct client_told *told);
};

struct client_config {
	struct name name;
	bool is_receiving;
	bool is_server_proved; // its key was pinned by an earlier sign-in: an invite it no longer knows is no sign of an impostor
	bool has_invite;
	uint8_t invite_hash[INVITE_HASH_BYTES];
};

enum client_slot_state {
	CLIENT_SLOT_NONE = 0,
	CLIENT_SLOT_ASKING, // the storage, for the mark that SIGNIN shows
	CLIENT_SLOT_SIGNING_IN,
	CLIENT_SLOT_SIGNED_IN,
};

// A message that was submitted on a session and has no verdict yet.
struct client_submission {
	uint64_t seq; // 0: free
	struct uuid id;
	uint8_t what; // enum outbox_what
	struct message_to to;
	struct name other;
	bool is_reoffer;
};

struct client_slot {
	enum client_slot_state state;
	struct storage_mark shown; // the mark that its SIGNIN showed
	struct storage_mark start; // the mark that the answer named: a session does not outlive the server's start
	uint32_t waiting_count;   // deliveries that waited when it signed in
	uint32_t delivered_count; // of those so far that are durable
	uint64_t submitted_seq; // everything queued up to here was submitted on this session
	struct client_submission submission[CALL_WINDOW];
	uint32_t submission_count;
	bool is_begun; // it was told, and is used
	bool is_outbox_read; // a page of what is queued was submitted
	bool is_signout_made; // nothing is submitted behind it
	bool is_superseded;   // we have signed in on a newer one, whatever became of it
	bool is_shutdown_told; // once a session: who stops says so once
};

enum client_list_kind {
	LIST_USERS = 1, // in the order of the users file
	LIST_MEMBERS,   // of a room; what follows is in the order of names
	LIST_ROOMS,     // those that one is in, and those that anybody may join
	LIST_BLOCKED,   // whom one blocks
};

struct client_list_wish {
	enum client_list_kind kind;
	struct name room; // MEMBERS: whose, without '#'
};

// A list on its way.
struct client_list {
	struct client_list_wish wish;
	struct call_who next; // USERS: the page asked for
	uint32_t total_count; // USERS: of the generation asked for, when next.first is not 0
	uint32_t restart_count; // USERS
	struct name after;    // the other kinds: the page asked for goes on behind this one; empty: it is the first
	uint32_t count;       // the other kinds: so far
	uint64_t ask_count; // names the newest request; an answer to an older one is none
	bool is_wanted;
	bool is_due; // the page is to be asked for on the present session
};

enum client_rooms_step {
	ROOMS_NONE = 0, // nothing is known of them, and nothing asked
	ROOMS_DUE,      // a page is to be asked for
	ROOMS_ASKED,
	ROOMS_TOLD,  // the last page was answered, and is not durable
	ROOMS_KNOWN, // all are in the storage
};

enum client_hole_step {
	HOLE_NONE = 0, // there is none
	HOLE_WANTED,   // the storage is to say whether there is one, or was asked
	HOLE_DUE,      // its rows are to be asked for
	HOLE_ASKED,
	HOLE_STORING, // they came, and are not durable
};

// A receiving device's rooms, on the present session.
struct client_rooms {
	enum client_rooms_step step;
	bool is_again;     // they changed since they were asked for
	bool is_behind;    // deliveries were still to come: how far each room is, is not known
	struct name after; // the room behind which the next page begins
	uint32_t count;    // of rooms named so far
	uint32_t tag;      // names a listing, and its calls
	enum client_hole_step hole_step;
	bool is_hole_again;        // another may have come up since the storage was asked
	int64_t quiet_us;          // how long nothing has to be delivered ..
	struct mtime quiet_at;     // .. until then
	struct mtime again_at;     // not asked for before that
	struct room_id after_room; // those up to this one were refused
	struct client_hole hole;   // since HOLE_DUE
};

// What follows once an operation is durable.
struct client_note {
	uint32_t slot; // of the session it came on; CLIENT_SLOTS: that is over
	uint32_t number;         // PUT: the call to be answered OK. ROOMS_END: client_rooms.tag
	struct client_told told; // VERDICT; MARK of a sign-in, which is used from then on. Else no type
};

// A batch, and a note of each of its operations.
struct client_gathered {
	struct client_batch batch;
	struct client_note note[CLIENT_BATCH_OPS_MAX];
	uint32_t mark_place; // the last operation that keeps the mark of an acceptance, from 1; 0: none
};

// What the storage was ordered.
enum client_work { CLIENT_WORK_NONE = 0, CLIENT_WORK_DUE, CLIENT_WORK_OUT };

struct client {
	struct client_port port;
	struct client_config config;
	struct client_slot slot[CLIENT_SLOTS];
	uint32_t present; // slot + 1 of the session in use; 0: none
	bool is_started;
	bool was_signed_in;
	bool may_submit; // this process holds the outbox
	bool is_leaving; // SIGNOUT is wanted or on its way
	struct client_list list;
	struct client_people people;
	struct client_rooms rooms;
	struct mtime reoffer_at; // when re-offers that found no room are made again; MTIME_NEVER: there are none
	int64_t reoffer_wait_us;
	struct mtime sent_at;  // when a call was last made or answered
	bool is_broken;
	struct client_told stop; // to be told when nothing is left to be made durable; no type: none

	struct client_gathered gathered[2];
	uint32_t filling; // which of them fills; the other one is with the storage, or empty
	enum client_work append;
	uint32_t append_tries;
	struct client_question question;
	enum client_work ask;
	uint32_t ask_tries;
	uint64_t number; // of the batch or the question ordered last
	bool has_more;   // the outbox may hold more than was submitted on the present session
	struct mtime look_at; // when it may, though nobody said so
	bool has_no_room; // in the window, since the last answer
	bool is_page_void; // the page asked for is for another session, or from another place
};

// A client that has not been started. What the port points at is kept; the numbers go on, so that an event of before is known.
void client_init(struct client *client, const struct client_port *port);

// Signs in with this configuration on every session that comes up from now on.
void client_start(struct client *client, const struct client_config *config);

// Whether this process may submit (it holds the lock on the outbox); begins with what waits when it becomes true.
void client_set_submitting(struct client *client, bool may_submit, struct mtime now);

// A session is up: SIGNIN goes out on it when the storage has told the mark.
void client_up(struct client *client, uint32_t slot);

// The server's call has started. Must: the session is one that client_port.prefer was told of, and client_has_room.
void client_called(struct client *client, uint32_t slot, uint32_t number, uint8_t kind, const uint8_t *body, size_t bytes);

// A call of ours was answered; `tag` is what client_port.call was given. Must: client_has_room.
void client_answered(struct client *client, uint32_t slot, uint8_t kind, uint8_t status, const uint8_t *body,
		     size_t bytes, uint64_t tag, struct mtime now);

// A session is over.
void client_ended(struct client *client, uint32_t slot);

// The outbox may have grown: submits what waits.
void client_submit(struct client *client, struct mtime now);

// Asks for a list, and for no other one any more; from the beginning on the next session when this one ends before the whole list has
// come. TOLD_LIST_END or TOLD_LIST_FAILED follows.
void client_list(struct client *client, const struct client_list_wish *wish, struct mtime now);

// From now on, until client_start, TOLD_PRESENCE says when somebody comes or goes whom one writes with: of those CLIENT_PEOPLE_MAX
// with whom one did so last, beginning with `names`, the newest first. Where the server does not know WATCH it says nothing. Must:
// its sessions receive.
void client_want_presence(struct client *client, const struct name *names, uint32_t count, struct mtime now);

// Whether somebody whom one writes with is away and is known to have been heard last at *heard_at.
bool client_is_away_since(const struct client *client, const struct name *name, struct wtime *heard_at);

// Signs out as soon as a session lets it; TOLD_SIGNED_OUT follows.
void client_sign_out(struct client *client, struct mtime now);

// Whether a call or an answer can be taken: there is room in the batch that fills. False: not before client_appended.
bool client_has_room(const struct client *client);

// To be called when no more events are at hand: the batch that the storage is to make durable, borrowed until the next call to
// the client. NULL: none, or one is with it already. client_appended follows.
const struct client_batch *client_append(struct client *client);

// What became of the batch. If it is durable, the server is answered and the owner told what rests on it. If nobody knows, it
// is the next one, as it was. Else the client is broken. An event of another number is ignored.
void client_appended(struct client *client, const struct client_appended *appended, struct mtime now);

// The question that the storage is to answer, borrowed until the next call to the client. NULL: none, or one is with it
// already. client_learned follows.
const struct client_question *client_ask(struct client *client);

// The answer to it. An answer of another number is ignored.
void client_learned(struct client *client, const struct client_answer *answer, struct mtime now);

// When client_tick has something to do; MTIME_NEVER: nothing.
struct mtime client_deadline(const struct client *client);

// Sends PING after silence; makes re-offers again that found no room.
void client_tick(struct client *client, struct mtime now);

// Whether it is signed in on a session that has not ended.
bool client_is_signed_in(const struct client *client);

// Deliveries of those that waited at sign-in that have not come yet; 0 without a session.
uint32_t client_waiting_left(const struct client *client);

// Submissions without a verdict on the present session.
uint32_t client_in_flight_count(const struct client *client);

// Whether anything waits to be durable, or to be told when it is.
bool client_is_gathering(const struct client *client);

// Whether the storage failed: the process must stop.
bool client_is_broken(const struct client *client);

#endif
