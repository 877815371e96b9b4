// SPDX-License-Identifier: ISC
// What the files of msg/server share among themselves; nobody else includes this. Layer: msg.
// A call goes one way through them: the sender's side (server_signin.c, server_submit.c) puts an operation into the batch, which
// only keeps (server_batch.c); from the store comes a result, to the mailbox's side (server_mailbox.c), which answers and
// forwards; the delivery (server_deliver.c) knows a session's window and reads what it did not let through.
#ifndef MMS_MSG_SERVER_INSIDE_H
#define MMS_MSG_SERVER_INSIDE_H

#include "msg/server.h"

// --- peers (server.c) ---

static inline struct slot_links server_links_of_user(struct server *server)
{
	return SLOT_LINKS(server->peer, of_user);
}

static inline struct slot_links server_links_moved(struct server *server)
{
	return SLOT_LINKS(server->peer, moved);
}

static inline struct slot_links server_links_reading(struct server *server)
{
	return SLOT_LINKS(server->peer, reading);
}

// Whether the session that began as `session` is still the one of this slot.
static inline bool server_is_here(const struct server *server, uint32_t slot, uint64_t session)
{
	return server->peer[slot].session == session;
}

// Answers a call without a body.
void server_answer_bare(struct server *server, uint32_t slot, uint32_t number, enum call_status status);

// Makes a call and counts it in the peer's window. False: no memory for it now, or the window is full.
bool server_make_call(struct server *server, uint32_t slot, uint8_t kind, const uint8_t *body, size_t bytes, uint64_t tag);

// Makes a NOTICE; the reserved room makes that always possible while the session lives, but for want of memory.
void server_notice(struct server *server, uint32_t slot, const struct call_notice *notice, uint64_t tag);

// A granted peer becomes one of its user.
void server_join(struct server *server, uint32_t slot, uint32_t user, const struct storage_device *device, bool is_receiving);

// Ends a peer's part in everything; its session goes on closing. A NOTICE goes first unless `notice` is 0.
void server_dismiss(struct server *server, uint32_t slot, enum notice_what notice);

// Whether a call may start by its user's rate. False: it was deferred until its turn, which is its own: however many sessions
// of a user wait, each wakes the server once.
bool server_may_start(struct server *server, const struct call_in *call, struct mtime now);

// A call found something full: it starts again in `after_us`, but behind all that wait there already, the last of them at `*last`.
void server_start_later(struct server *server, const struct call_in *call, int64_t after_us, struct mtime *last,
			struct mtime now);

// An operation of the peer came back: a SIGNOUT that waited for the last one is answered.
void server_settle(struct server *server, uint32_t slot);

// --- the sender's side ---

// The handlers of calls; each answers or defers the call, or leaves it to a result.
void server_signin(struct server *server, const struct call_in *call, struct moment moment);
void server_submit(struct server *server, const struct call_in *call, struct moment moment); // as server_signin
void server_who(struct server *server, const struct call_in *call, struct moment moment); // as server_signin
void server_watch(struct server *server, const struct call_in *call, struct moment moment); // as server_signin
void server_change(struct server *server, const struct call_in *call, struct moment moment); // as server_signin: JOIN, ADD, LEAVE
void server_block(struct server *server, const struct call_in *call, struct moment moment); // as server_signin
void server_list(struct server *server, const struct call_in *call, struct moment moment); // as server_signin: what the store lists

// The next list's question; NULL: none.
struct storage_question *server_next_list(struct server *server);

// The answer to the question of a list.
void server_list_answered(struct server *server, uint32_t number);

// What came of the ENROLL of a record.
void server_enrolled(struct server *server, uint32_t number, enum storage_verdict verdict);

// The next record of a lane whose question can be asked; NULL: none.
struct storage_question *server_next_signin(struct server *server, struct server_lane *lane);

// The answer to a record's question.
void server_signin_answered(struct server *server, uint32_t number, struct moment moment);

// --- the batch ---

// The batch of a lane that takes operations now.
static inline struct server_batch *server_filling(struct server_lane *lane)
{
	return &lane->batch[lane->filling];
}

static inline bool server_batch_has_room(const struct server_batch *batch)
{
	return batch->submit_count < BATCH_MESSAGES_MAX && BATCH_BYTES_MAX - batch->text_bytes >= TEXT_BYTES_MAX;
}

// Whether one more operation of this user that may write into a room fits: a room has many members, and each is a mailbox.
bool server_batch_has_room_for_room(const struct server_batch *batch, int64_t user_id);

// The next operation of the lane's batch, of this call; the caller fills in what its kind has. For a message room was asked for.
// For a room, that room was asked for too, and server_batch_count_room follows.
struct storage_op *server_batch_add(struct server *server, struct server_lane *lane, enum storage_op_kind kind, uint32_t slot,
				    uint32_t number, struct server_pending **pending, struct wtime wall);

// The same of a change by the operator, with its number.
struct storage_op *server_batch_add_change(struct server_batch *batch, uint32_t number, struct wtime wall);

// The operation added last may write into a room.
void server_batch_count_room(struct server_batch *batch, int64_t user_id);

// Whether all moves of the lane have been handed over.
static inline bool server_are_moves_given(const struct server_lane *lane)
{
	return lane->moved.first == 0 && lane->batch[lane->filling].move_count == 0;
}

// The peer's cursor has moved: to be given with the lane's next batch.
void server_moved(struct server *server, uint32_t slot, struct mtime now);

// The device has been told of its gap up to this row.
void server_gap_told(struct server *server, uint32_t slot, uint64_t gap_row, struct mtime now);

// The session of a signed-in peer is about to end: its cursor goes into the batch now.
void server_move_last(struct server *server, uint32_t slot);

// The moves of a batch that was not kept are to be given again.
void server_moves_again(struct server *server, struct server_lane *lane, const struct server_batch *batch, struct mtime now);

// --- presence (server_watch.c) ---

#define SERVER_PRESENCE_TAG UINT64_MAX // of a NOTICE PRESENCE; GAP has a row, the others 0

// A user may have come online or gone.
void server_presence_changed(struct server *server, uint32_t user);

// A NOTICE PRESENCE was answered on this slot.
void server_presence_answered(struct server *server, uint32_t slot);

// Tells what is to be told now.
void server_presence_tick(struct server *server, struct mtime now);

// The users table is about to change to `users`: what is watched is found there, by its name.
void server_presence_move(struct server *server, const struct users_table *users, struct server_user *user);

// A signed-in session is about to end: it watches nobody any more.
void server_end_watching(struct server *server, uint32_t slot);

// --- the delivery ---

// A row that has come into mailboxes, as a DELIVER says it.
struct server_news {
	uint64_t row;
	size_t bytes;
	uint8_t body[CALL_BODY_BYTES_MAX];
};

// Writes it.
void server_write_news(struct server_news *news, uint64_t row, const struct call_deliver *delivery);

// It has come into the mailbox of a receiving peer, behind `row_before`: it is sent, or known to wait.
void server_forward(struct server *server, uint32_t slot, const struct server_news *news, uint64_t row_before, struct mtime now);

// The same of one that stands there for the user's other devices: this one wrote it, and passes it over.
void server_pass_over(struct server *server, uint32_t slot, uint64_t row, uint64_t row_before, struct mtime now);

// Delivers to those peers whose delivery found no memory, when that is due.
void server_feed_starved(struct server *server, struct mtime now);

// Begins the delivery to a peer of what waits behind its cursor.
void server_begin_receiving(struct server *server, uint32_t slot, const struct storage_device *device);

// A peer is none to deliver to any more.
void server_end_receiving(struct server *server, uint32_t slot);

// The next page's question; NULL: none.
struct storage_question *server_next_page(struct server *server);

// The answer to the question of a page.
void server_page_answered(struct server *server, uint32_t number, struct moment moment);

#endif
