// SPDX-License-Identifier: ISC
// JOIN, ADD, LEAVE and BLOCK: one change into its user's batch, or why not (doc/protocol.md sections 6.11 and 6.16); and the operator's
// changes of rooms. What becomes of it the store judges, and server_mailbox.c tells. The contracts are in server_inside.h and server.h.
#include <assert.h>
#include <string.h>

#include "base/bytes.h"
#include "crypto/hash.h"
#include "msg/call_block.h"
#include "msg/call_room.h"
#include "msg/server_inside.h"

// What a call wants, but for who calls.
struct wanted {
	struct call_change change;
	struct storage_change op;
};

static bool read_join(struct wanted *wanted, const struct call_in *call)
{
	struct call_join join;
	if (call_join_decode(&join, call->body, call->bytes) != MMS_OK)
		return false;
	wanted->change = join.change;
	wanted->op.what = CHANGE_JOIN;
	wanted->op.room = join.room;
	wanted->op.may_make = join.may_create;
	wanted->op.is_private = join.is_private;
	wanted->op.has_no_history = join.is_without_history;
	return true;
}

static bool read_add(struct wanted *wanted, const struct call_in *call)
{
	struct call_add add;
	if (call_add_decode(&add, call->body, call->bytes) != MMS_OK)
		return false;
	wanted->change = add.change;
	wanted->op.what = CHANGE_ADD;
	wanted->op.room = add.room;
	wanted->op.other = add.user;
	return true;
}

static bool read_leave(struct wanted *wanted, const struct call_in *call)
{
	struct call_leave leave;
	if (call_leave_decode(&leave, call->body, call->bytes) != MMS_OK)
		return false;
	wanted->change = leave.change;
	wanted->op.what = CHANGE_LEAVE;
	wanted->op.room = leave.room;
	wanted->op.other = leave.user;
	return true;
}

static bool read_change(struct wanted *wanted, const struct call_in *call)
{
	switch (call->kind) {
	case CALL_JOIN:
		return read_join(wanted, call);
	case CALL_ADD:
		return read_add(wanted, call);
	default:
		return read_leave(wanted, call);
	}
}

// It starts when there is room for it, and by its user's rate.
static bool may_offer(struct server *server, const struct call_in *call, struct mtime now)
{
	const struct server_peer *peer = &server->peer[call->slot];
	struct server_lane *lane = &server->lane[peer->lane];
	const struct server_batch *batch = server_filling(lane);
	const int64_t user_id = server->users->user[peer->user].user_id;
	if (!server_batch_has_room(batch) || !server_batch_has_room_for_room(batch, user_id)) {
		server_start_later(server, call, SERVER_RETRY_US, &lane->retry_at, now);
		return false;
	}
	return server_may_start(server, call, now);
}

static bool write_folded(struct writer *writer, const struct name *name)
{
	const struct name folded = name_fold(name);
	const size_t bytes = strlen(folded.text);
	return write_u8(writer, (uint8_t)bytes) && write_bytes(writer, folded.text, bytes);
}

// What makes two changes the same: all that they want, but for their stamps.
static void digest_change(const struct storage_change *change, uint8_t digest[DIGEST_BYTES])
{
	uint8_t input[2 + 2 * (1 + NAME_BYTES_MAX)];
	uint8_t hash[32];
	struct writer writer = writer_of(input, sizeof input);
	const int flags = change->may_make + 2 * change->is_private + 4 * change->has_no_history;
	const bool is_written = write_u8(&writer, (uint8_t)change->what) && write_u8(&writer, (uint8_t)flags) &&
				write_folded(&writer, &change->room) && write_folded(&writer, &change->other);
	assert(is_written);
	hash_bytes_256(input, sizeof input - writer_room(&writer), hash);
	memcpy(digest, hash, DIGEST_BYTES);
}

// Whom it is about: the user as the users file writes the name.
static void name_other(const struct server *server, struct storage_change *change)
{
	const struct user_entry *other = users_find(server->users, &change->other);
	change->other_id = other == NULL ? 0 : other->user_id;
	if (other != NULL)
		change->other = other->name;
}

static void offer(struct server *server, const struct call_in *call, struct wanted *wanted, struct wtime wall)
{
	struct server_pending *pending;
	const struct server_peer *peer = &server->peer[call->slot];
	const struct user_entry *user = &server->users->user[peer->user];
	struct server_lane *lane = &server->lane[peer->lane];
	struct storage_op *op =
		server_batch_add(server, lane, STORAGE_CHANGE, call->slot, call->number, &pending, wall);
	server_batch_count_room(server_filling(lane), user->user_id);
	op->change = wanted->op;
	op->change.user_id = user->user_id;
	op->change.device_id = peer->device_id;
	op->change.user = user->name;
	op->change.id = wanted->change.id;
	op->change.stamp = wanted->change.stamp;
	digest_change(&op->change, op->change.digest);
	pending->is_denied_making = op->change.may_make && !server->config.may_make_rooms;
	op->change.may_make = op->change.may_make && server->config.may_make_rooms;
	name_other(server, &op->change);
}

void server_change(struct server *server, const struct call_in *call, struct moment moment)
{
	struct wanted wanted = {0};
	if (!may_offer(server, call, moment.now))
		return;
	if (read_change(&wanted, call))
		offer(server, call, &wanted, moment.wall);
	else
		server_answer_bare(server, call->slot, call->number, STATUS_BAD);
}

void server_block(struct server *server, const struct call_in *call, struct moment moment)
{
	struct call_block block;
	const bool is_well = call_block_decode(&block, call->body, call->bytes) == MMS_OK;
	if (is_well && block.what == BLOCK_LIST) {
		server_list(server, call, moment);
		return;
	}
	if (!may_offer(server, call, moment.now))
		return;
	if (!is_well) {
		server_answer_bare(server, call->slot, call->number, STATUS_BAD);
		return;
	}
	struct wanted wanted = {
		.change = block.change,
		.op = {.what = block.what == BLOCK_ADD ? CHANGE_BLOCK : CHANGE_UNBLOCK, .other = block.user},
	};
	offer(server, call, &wanted, moment.wall);
}

bool server_change_room(struct server *server, const struct storage_change *change, uint32_t number, struct wtime wall)
{
	struct server_batch *batch = server_filling(&server->lane[0]);
	assert(change->user_id == 0);
	if (!server_batch_has_room(batch) || !server_batch_has_room_for_room(batch, 0))
		return false;
	struct storage_op *op = server_batch_add_change(batch, number, wall);
	server_batch_count_room(batch, 0);
	op->change = *change;
	name_other(server, &op->change);
	return true;
}
