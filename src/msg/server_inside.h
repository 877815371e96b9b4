// SPDX-License-Identifier: ISC
// What the files of msg/server share among themselves; nobody else includes this. Layer: msg.
#ifndef MMS_MSG_SERVER_INSIDE_H
#define MMS_MSG_SERVER_INSIDE_H

#include "msg/server.h"

// The handlers of calls; each answers or defers the call, or leaves it to a waiter.
void server_signin(struct server *server, uint32_t slot, uint32_t number, const uint8_t *body, size_t bytes,
		   struct mtime now, struct wtime wall);
void server_submit(struct server *server, uint32_t slot, uint32_t number, const uint8_t *body, size_t bytes,
		   struct mtime now, struct wtime wall); // as server_signin
void server_who(struct server *server, uint32_t slot, uint32_t number, const uint8_t *body, size_t bytes,
		struct mtime now); // as server_signin

// Answers a call without a body.
void server_answer_bare(struct server *server, uint32_t slot, uint32_t number, enum call_status status);

// Refuses a submission for want of a user or of room, and remembers it.
void server_refuse(struct server *server, uint32_t slot, uint32_t number, const struct uuid *id, enum call_status status,
		   struct mtime now);

// Ends a peer's part in everything; its session goes on closing. A NOTICE goes first unless `notice` is 0.
void server_dismiss(struct server *server, uint32_t slot, enum notice_what notice);

// Makes NOTICE `what` on a session; the reserved room makes that always possible while the session lives.
void server_notice(struct server *server, uint32_t slot, const struct call_notice *notice, uint64_t tag);

// Goes on delivering from the mailbox as far as the session's window lets it; where memory is short, again by server_tick.
void server_fill(struct server *server, uint32_t slot, struct mtime now);

// Delivers the messages of a durable batch to the receiving sessions of their recipients.
void server_forward(struct server *server, const struct server_batch *batch, struct mtime now);

// The device of a joining peer is enrolled (`is_enrolled`), or could not be stored.
void server_joined(struct server *server, uint32_t slot, bool is_enrolled, struct mtime now);

// The batch that takes operations now, and the one with the storage (NULL: none).
struct server_batch *server_batch_filling(struct server *server);
struct server_batch *server_batch_storing(struct server *server); // see server_batch_filling

// Whether another urgent operation with this much text fits.
bool server_batch_has_room(const struct server_batch *batch, size_t text_bytes);

// Appends an operation of a user at this place in the table. Must: room was asked for. Returns its number.
uint32_t server_batch_add(struct server *server, struct server_batch *batch, const struct storage_op *op, uint32_t user,
			  const uint8_t *text);

// Makes a call wait for an operation. False: no room.
bool server_batch_wait(struct server *server, struct server_batch *batch, uint32_t slot, uint32_t number, uint32_t op);

// The users table changes to `users`: what waits in the batches, or is with the storage, finds its users' places there.
void server_batch_move_users(struct server *server, const struct users_table *users);

// The peer's cursor moved: to be stored with a batch.
void server_cursor_dirty(struct server *server, uint32_t slot, struct mtime now);

// Puts a moved cursor into the batch now, room permitting: the session is about to end.
void server_cursor_flush(struct server *server, uint32_t slot);

// Whether a call may start by its user's rate. False: it was deferred until its turn, which is its own: however many sessions
// of a user wait, each wakes the server once.
bool server_may_start(struct server *server, uint32_t slot, uint32_t number, uint8_t kind, struct mtime now);

#endif
