// SPDX-License-Identifier: ISC
// What waits to become durable, and what happens when it is (doc/design.md, "Accepted means on disk"). Two batches: one
// fills while the other is with the storage. The contract is in server.h and server_inside.h.
#include <assert.h>
#include <string.h>

#include "msg/server_inside.h"

struct server_batch *server_batch_filling(struct server *server)
{
	return &server->batch[server->filling];
}

struct server_batch *server_batch_storing(struct server *server)
{
	return server->is_storing ? &server->batch[1 - server->filling] : NULL;
}

bool server_batch_has_room(const struct server_batch *batch, size_t text_bytes)
{
	return batch->urgent_count < BATCH_MESSAGES_MAX && batch->op_count < SERVER_OPS_MAX &&
	       BATCH_BYTES_MAX - batch->text_bytes >= text_bytes;
}

// Counts an operation that comes into a batch, or leaves it, into what waits for its user's mailbox.
static void count_pending(struct server_user *user, const struct storage_op *op, int times)
{
	if (op->kind == STORAGE_CURSOR)
		user->pending_cursors += (uint32_t)times;
	if (op->kind != STORAGE_ACCEPT)
		return;
	user->pending_rows += (uint64_t)times;
	user->pending_bytes += (uint64_t)(times * (int64_t)op->text_bytes);
}

uint32_t server_batch_add(struct server *server, struct server_batch *batch, const struct storage_op *op, uint32_t user,
			  const uint8_t *text)
{
	assert(batch->op_count < SERVER_OPS_MAX);
	assert(batch == server_batch_filling(server));
	struct storage_op *added = &batch->ops[batch->op_count];
	*added = *op;
	added->text_offset = batch->text_bytes;
	if (op->text_bytes > 0) {
		assert(text != NULL);
		memcpy(batch->text + batch->text_bytes, text, op->text_bytes);
	}
	batch->text_bytes += op->text_bytes;
	batch->op_user[batch->op_count] = user;
	count_pending(&server->user[user], op, 1);
	if (op->kind == STORAGE_ACCEPT || op->kind == STORAGE_ENROLL)
		batch->urgent_count++;
	if (op->kind == STORAGE_ENROLL)
		batch->enrol_count++;
	return batch->op_count++;
}

bool server_batch_wait(struct server *server, struct server_batch *batch, uint32_t slot, uint32_t number, uint32_t op)
{
	if (batch->waiter_count == SERVER_WAITERS_MAX)
		return false;
	batch->waiter[batch->waiter_count++] =
		(struct server_waiter){slot, server->peer[slot].serial, number, op};
	server->peer[slot].pending_count++;
	return true;
}

static void move_users(struct server_batch *batch, const struct users_table *before, const struct users_table *users)
{
	for (uint32_t i = 0; batch != NULL && i < batch->op_count; i++) {
		const uint32_t user = batch->op_user[i];
		if (user != USERS_NO_PLACE)
			batch->op_user[i] = users_place(users, &before->user[user]);
	}
}

void server_batch_move_users(struct server *server, const struct users_table *users)
{
	move_users(server_batch_filling(server), server->users, users);
	move_users(server_batch_storing(server), server->users, users);
}

void server_cursor_dirty(struct server *server, uint32_t slot, struct mtime now)
{
	struct server_peer *peer = &server->peer[slot];
	if (!peer->is_cursor_dirty) {
		peer->is_cursor_dirty = true;
		peer->dirty_next = server->dirty_head;
		server->dirty_head = slot + 1;
	}
	server->cursor_at = mtime_min(server->cursor_at, mtime_add_us(now, SERVER_CURSOR_US));
}

// A lost cursor move costs a delivery more, which the device recognises; so a full batch may pass it over.
static bool add_cursor(struct server *server, uint32_t slot)
{
	struct server_batch *batch = server_batch_filling(server);
	const struct server_peer *peer = &server->peer[slot];
	if (batch->op_count == SERVER_OPS_MAX)
		return false;
	const struct storage_op op = {
		.kind = STORAGE_CURSOR,
		.user_id = server->users->user[peer->user].user_id,
		.device_id = peer->device_id,
		.row = peer->cursor,
	};
	server_batch_add(server, batch, &op, peer->user, NULL);
	return true;
}

void server_cursor_flush(struct server *server, uint32_t slot)
{
	// The slot stays on the list; without a signed-in peer its entry there means nothing.
	if (server->peer[slot].is_cursor_dirty)
		add_cursor(server, slot);
}

// Moves the cursors on the list into the batch.
static void add_cursors(struct server *server)
{
	while (server->dirty_head != 0) {
		const uint32_t slot = server->dirty_head - 1;
		struct server_peer *peer = &server->peer[slot];
		if (peer->state == PEER_SIGNED_IN && !add_cursor(server, slot))
			return; // the rest stays due, and goes with the next
		server->dirty_head = peer->dirty_next;
		peer->is_cursor_dirty = false;
		peer->dirty_next = 0;
	}
	server->cursor_at = MTIME_NEVER;
}

const struct storage_batch *server_batch_take(struct server *server, bool is_all, struct mtime now)
{
	struct server_batch *batch = server_batch_filling(server);
	const bool are_cursors_due = is_all || mtime_is_due(server->cursor_at, now);
	if (server->is_storing || (batch->urgent_count == 0 && !are_cursors_due))
		return NULL;
	add_cursors(server);
	if (batch->op_count == 0)
		return NULL;
	batch->view = (struct storage_batch){batch->ops, batch->op_count, batch->text, server->mark.commit};
	server->is_storing = true;
	server->filling = 1 - server->filling;
	return &batch->view;
}

struct mtime server_deadline(const struct server *server)
{
	return server->is_storing ? server->starved_at : mtime_min(server->starved_at, server->cursor_at);
}

static void answer_submission(struct server *server, const struct server_waiter *waiter, const struct storage_op *op,
			      enum mms_err result, struct mtime now)
{
	uint8_t body[CALL_BODY_BYTES_MAX];
	if (result != MMS_OK) {
		server_refuse(server, waiter->slot, waiter->number, &op->id, STATUS_SERVER_FULL, now);
		return;
	}
	struct call_accepted accepted = {.was_online = op->was_online, .mark = server->mark};
	accepted.mark.commit = server->commit_durable;
	const size_t bytes = call_accepted_encode(&accepted, body);
	server->port.answer(server->port.context, waiter->slot, waiter->number, STATUS_ACCEPTED, body, bytes);
}

static void answer_waiters(struct server *server, const struct server_batch *batch, enum mms_err result,
			   struct mtime now)
{
	for (uint32_t i = 0; i < batch->waiter_count; i++) {
		const struct server_waiter *waiter = &batch->waiter[i];
		struct server_peer *peer = &server->peer[waiter->slot];
		if (peer->serial != waiter->serial)
			continue; // its session is over
		assert(peer->pending_count > 0);
		peer->pending_count--;
		if (batch->ops[waiter->op].kind == STORAGE_ENROLL)
			server_joined(server, waiter->slot, result == MMS_OK, now);
		else
			answer_submission(server, waiter, &batch->ops[waiter->op], result, now);
		if (peer->state == PEER_SIGNED_IN && peer->signout_number != 0 && peer->pending_count == 0) {
			server_answer_bare(server, waiter->slot, peer->signout_number, STATUS_OK);
			server_dismiss(server, waiter->slot, 0);
		}
	}
}

// A batch that was rolled back took its cursors along: those of sessions that are still there go with the next.
static void retry_cursors(struct server *server, const struct server_batch *batch, struct mtime now)
{
	for (uint32_t i = 0; i < batch->op_count; i++) {
		if (batch->ops[i].kind != STORAGE_CURSOR || batch->op_user[i] == USERS_NO_PLACE)
			continue;
		for (uint32_t link = server->user[batch->op_user[i]].peers; link != 0;
		     link = server->peer[link - 1].next)
			if (server->peer[link - 1].is_receiving &&
			    server->peer[link - 1].device_id == batch->ops[i].device_id)
				server_cursor_dirty(server, link - 1, now);
	}
}

void server_stored(struct server *server, enum mms_err result, struct mtime now)
{
	struct server_batch *batch = server_batch_storing(server);
	assert(batch != NULL);
	server->is_storing = false;
	server->stored_count++;
	for (uint32_t i = 0; i < batch->op_count; i++)
		if (batch->op_user[i] != USERS_NO_PLACE)
			count_pending(&server->user[batch->op_user[i]], &batch->ops[i], -1);
	if (result == MMS_OK)
		server->commit_durable = batch->view.commit_next - 1;
	else if (result == MMS_E_NOSPACE)
		retry_cursors(server, batch, now);
	else
		server_break(server);
	if (!server->is_broken)
		answer_waiters(server, batch, result, now);
	if (result == MMS_OK && !server->is_broken)
		server_forward(server, batch, now);
	batch->op_count = 0;
	batch->text_bytes = 0;
	batch->waiter_count = 0;
	batch->urgent_count = 0;
	batch->enrol_count = 0;
	if (batch->by_id.used_count > 0)
		map_init(&batch->by_id, batch->id_slot, map_slots_for(BATCH_MESSAGES_MAX));
}
