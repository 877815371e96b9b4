// SPDX-License-Identifier: ISC
// DELIVER and the answers to it: from the mailbox to the device, in order, and the cursor that follows (doc/protocol.md
// section 6.8). The contract is in server.h and server_inside.h.
#include <assert.h>
#include <string.h>

#include "msg/server_inside.h"

static bool can_deliver(const struct server *server, uint32_t slot)
{
	const struct server_peer *peer = &server->peer[slot];
	return peer->state == PEER_SIGNED_IN && peer->is_receiving && !peer->is_stuck &&
	       server->port.call_room(server->port.context, slot) > SERVER_CALLS_RESERVED;
}

// Makes one delivery. False: no memory for it now.
static bool deliver(struct server *server, uint32_t slot, uint64_t row, const struct call_deliver *delivery)
{
	uint8_t body[CALL_BODY_BYTES_MAX];
	const size_t bytes = call_deliver_encode(delivery, body);
	if (server->port.call(server->port.context, slot, CALL_DELIVER, body, bytes, row) != MMS_OK)
		return false;
	server->peer[slot].row_sent = row;
	return true;
}

// No memory for a delivery: nobody tells when there is some again, so it is tried again in a while.
static void starve(struct server *server, uint32_t slot, struct mtime now)
{
	struct server_peer *peer = &server->peer[slot];
	if (!peer->is_starved) {
		peer->is_starved = true;
		peer->starved_next = server->starved_head;
		server->starved_head = slot + 1;
	}
	server->starved_at = mtime_min(server->starved_at, mtime_add_us(now, SERVER_STARVED_US));
}

void server_fill(struct server *server, uint32_t slot, struct mtime now)
{
	struct server_peer *peer = &server->peer[slot];
	const int64_t user_id = server->users->user[peer->user].user_id;
	while (peer->has_backlog && can_deliver(server, slot)) {
		struct storage_row row;
		switch (server->storage.mailbox_next(server->storage.context, user_id, peer->row_sent, &row)) {
		case MMS_OK:
			break;
		case MMS_E_MISSING:
			peer->has_backlog = false;
			return;
		default:
			server_break(server);
			return;
		}
		const struct call_deliver delivery = {
			.id = row.id,
			.accepted_at = row.accepted_at,
			.kind = MESSAGE_WRITTEN,
			.form = MESSAGE_UTF8,
			.sender = row.sender,
			.text = row.text,
			.text_bytes = row.text_bytes,
		};
		if (!deliver(server, slot, row.row, &delivery)) {
			starve(server, slot, now);
			return;
		}
	}
}

void server_tick(struct server *server, struct mtime now)
{
	if (!mtime_is_due(server->starved_at, now))
		return;
	uint32_t link = server->starved_head;
	server->starved_head = 0;
	server->starved_at = MTIME_NEVER;
	while (link != 0) {
		const uint32_t slot = link - 1;
		struct server_peer *peer = &server->peer[slot];
		link = peer->starved_next;
		peer->is_starved = false;
		if (peer->state == PEER_SIGNED_IN)
			server_fill(server, slot, now);
	}
}

void server_forward(struct server *server, const struct server_batch *batch, struct mtime now)
{
	for (uint32_t i = 0; i < batch->op_count; i++) {
		const struct storage_op *op = &batch->ops[i];
		if (op->kind != STORAGE_ACCEPT || batch->op_user[i] == USERS_NO_PLACE)
			continue;
		const struct call_deliver delivery = {
			.id = op->id,
			.accepted_at = op->at,
			.kind = MESSAGE_WRITTEN,
			.form = MESSAGE_UTF8,
			.sender = op->sender,
			.text = batch->text + op->text_offset,
			.text_bytes = op->text_bytes,
		};
		for (uint32_t link = server->user[batch->op_user[i]].peers; link != 0;
		     link = server->peer[link - 1].next) {
			struct server_peer *peer = &server->peer[link - 1];
			if (!peer->is_receiving || peer->has_backlog || peer->row_sent >= op->row)
				continue; // what lies before it in the mailbox goes first
			if (can_deliver(server, link - 1) && deliver(server, link - 1, op->row, &delivery))
				continue;
			peer->has_backlog = true;
			if (can_deliver(server, link - 1))
				starve(server, link - 1, now);
		}
	}
}

static void gap_told(struct server *server, uint32_t slot)
{
	struct server_batch *batch = server_batch_filling(server);
	const struct server_peer *peer = &server->peer[slot];
	if (batch->op_count == SERVER_OPS_MAX)
		return; // the device is told again at its next sign-in, and knows the notice by its id
	const struct storage_op op = {
		.kind = STORAGE_GAP_TOLD,
		.user_id = server->users->user[peer->user].user_id,
		.device_id = peer->device_id,
		.row = peer->gap_row,
	};
	server_batch_add(server, batch, &op, peer->user, NULL);
}

void server_answer(struct server *server, uint32_t slot, uint8_t kind, uint8_t status, uint64_t tag, struct mtime now)
{
	assert(slot < server->peer_capacity);
	struct server_peer *peer = &server->peer[slot];
	if (peer->state != PEER_SIGNED_IN)
		return;
	if (kind == CALL_NOTICE && tag != 0 && tag == peer->gap_row && status == STATUS_OK) {
		gap_told(server, slot);
		server_cursor_dirty(server, slot, now);
	}
	if (kind == CALL_NOTICE)
		server_fill(server, slot, now); // deliveries may have waited for its place in the window
	if (kind != CALL_DELIVER)
		return;
	// BAD says that the message is none for it, now or later: kept in front of the others, it would hold them back for ever.
	if (status != STATUS_OK && status != STATUS_BAD) {
		peer->is_stuck = true; // it cannot store what it is given; what it has not got stays in the mailbox
		return;
	}
	assert(tag <= peer->row_sent);
	if (tag > peer->cursor) {
		peer->cursor = tag;
		server_cursor_dirty(server, slot, now);
	}
	server_fill(server, slot, now);
}
