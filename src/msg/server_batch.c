// SPDX-License-Identifier: ISC
// What waits to be given to the store: operations and moved cursors, by lane (doc/design.md, "Accepted means on disk"). It only
// keeps; what becomes of an operation is server_mailbox.c's. The contract is in server.h and server_inside.h.
#include <assert.h>
#include <string.h>

#include "msg/server_inside.h"

static struct storage_op *add(struct server_batch *batch, enum storage_op_kind kind, uint32_t slot, uint32_t number, struct wtime wall)
{
	assert(batch->op_count < SERVER_OPS_MAX);
	struct storage_op *op = &batch->ops[batch->op_count];
	op->kind = kind;
	op->call = number;
	op->at = wall;
	batch->pending[batch->op_count] = (struct server_pending){.slot = slot};
	batch->op_count++;
	batch->submit_count += kind != STORAGE_ENROLL;
	return op;
}

struct storage_op *server_batch_add(struct server *server, struct server_lane *lane, enum storage_op_kind kind, uint32_t slot,
				    uint32_t number, struct server_pending **pending, struct wtime wall)
{
	struct server_batch *batch = server_filling(lane);
	struct server_peer *peer = &server->peer[slot];
	struct storage_op *op = add(batch, kind, slot, number, wall);
	op->session = peer->session;
	op->session_began_at = peer->began_at;
	*pending = &batch->pending[batch->op_count - 1];
	peer->pending_count++;
	return op;
}

struct storage_op *server_batch_add_change(struct server_batch *batch, uint32_t number, struct wtime wall)
{
	struct storage_op *op = add(batch, STORAGE_CHANGE, SLOT_NONE, number, wall);
	op->session = 0; // none has this number
	op->session_began_at = (struct mtime){0};
	return op;
}

bool server_batch_has_room_for_room(const struct server_batch *batch, int64_t user_id)
{
	uint32_t own_count = 0;
	for (uint32_t i = 0; i < batch->room_op_count; i++)
		own_count += batch->room_user[i] == user_id;
	return batch->room_op_count < BATCH_ROOM_OPS_MAX && own_count < BATCH_ROOM_OPS_MAX / 4;
}

void server_batch_count_room(struct server_batch *batch, int64_t user_id)
{
	assert(batch->room_op_count < BATCH_ROOM_OPS_MAX);
	batch->room_user[batch->room_op_count++] = user_id;
}

static void due_at(struct server_lane *lane, struct mtime now)
{
	lane->moves_at = mtime_min(lane->moves_at, mtime_add_us(now, SERVER_MOVE_US));
}

void server_moved(struct server *server, uint32_t slot, struct mtime now)
{
	struct server_peer *peer = &server->peer[slot];
	struct server_lane *lane = &server->lane[peer->lane];
	if (!slot_is_listed(&peer->moved))
		slot_list_add(&lane->moved, server_links_moved(server), slot);
	due_at(lane, now);
}

static struct storage_move move_of(const struct server *server, uint32_t slot)
{
	const struct server_peer *peer = &server->peer[slot];
	return (struct storage_move){server->users->user[peer->user].user_id, peer->device_id, peer->cursor, 0};
}

// Adds a move that is on no list; those on a list have room of their own. Without room it is lost: the device is given again
// what it has, or told again, and knows it.
static void add_move(struct server_lane *lane, const struct storage_move *move, uint32_t slot)
{
	struct server_batch *batch = server_filling(lane);
	if (batch->move_count == SERVER_MOVES_MAX)
		return;
	batch->moves[batch->move_count] = *move;
	batch->move_slot[batch->move_count++] = slot;
}

void server_gap_told(struct server *server, uint32_t slot, uint64_t gap_row, struct mtime now)
{
	struct server_lane *lane = &server->lane[server->peer[slot].lane];
	struct storage_move move = move_of(server, slot);
	move.row = 0;
	move.gap_row = gap_row;
	add_move(lane, &move, SLOT_NONE);
	due_at(lane, now);
}

void server_move_last(struct server *server, uint32_t slot)
{
	struct server_peer *peer = &server->peer[slot];
	struct server_lane *lane = &server->lane[peer->lane];
	if (!slot_is_listed(&peer->moved))
		return;
	slot_list_remove(&lane->moved, server_links_moved(server), slot);
	const struct storage_move move = move_of(server, slot);
	add_move(lane, &move, SLOT_NONE);
}

void server_moves_again(struct server *server, struct server_lane *lane, const struct server_batch *batch, struct mtime now)
{
	for (uint32_t i = 0; i < batch->move_count; i++) {
		const uint32_t slot = batch->move_slot[i];
		const struct storage_move *move = &batch->moves[i];
		const struct server_peer *peer = slot == SLOT_NONE ? NULL : &server->peer[slot];
		if (peer != NULL && peer->state == PEER_SIGNED_IN && peer->device_id == move->device_id)
			server_moved(server, slot, now);
		else
			add_move(lane, move, SLOT_NONE);
	}
	if (batch->move_count > 0)
		due_at(lane, now);
}

// A batch takes all moves of its lane: they come before its operations.
static void take_moves(struct server *server, struct server_lane *lane)
{
	struct server_batch *batch = server_filling(lane);
	for (;;) {
		const uint32_t slot = slot_list_take(&lane->moved, server_links_moved(server));
		if (slot == SLOT_NONE)
			break;
		batch->moves[batch->move_count] = move_of(server, slot);
		batch->move_slot[batch->move_count++] = slot;
	}
	lane->moves_at = MTIME_NEVER;
}

static bool must_go(const struct server_lane *lane, bool is_all, struct mtime now)
{
	const struct server_batch *batch = &lane->batch[lane->filling];
	if (lane->is_storing)
		return false;
	if (batch->op_count > 0)
		return true;
	// A SIGNIN waits for moves, so that what it is told still waits has been counted right.
	return !server_are_moves_given(lane) &&
	       (is_all || lane->joining.first != 0 || mtime_is_due(lane->moves_at, now));
}

const struct storage_batch *server_next_batch(struct server *server, bool is_all, struct mtime now, uint32_t *number)
{
	for (uint32_t i = 0; i < server->config.lane_count; i++) {
		struct server_lane *lane = &server->lane[i];
		struct server_batch *batch = server_filling(lane);
		if (!must_go(lane, is_all, now))
			continue;
		take_moves(server, lane);
		batch->view = (struct storage_batch){
			.moves = batch->moves,
			.move_count = batch->move_count,
			.ops = batch->ops,
			.op_count = batch->op_count,
			.results = batch->results,
			.places = batch->places,
			.text = batch->text,
			.now = now,
		};
		lane->is_storing = true;
		lane->filling = 1 - lane->filling;
		*number = i;
		return &batch->view;
	}
	return NULL;
}

struct mtime server_deadline(const struct server *server)
{
	struct mtime due = mtime_min(server->starved_at, server->presence.tick_at);
	for (uint32_t i = 0; i < server->config.lane_count; i++)
		if (!server->lane[i].is_storing)
			due = mtime_min(due, server->lane[i].moves_at);
	return due;
}
