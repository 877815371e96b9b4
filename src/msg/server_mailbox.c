// SPDX-License-Identifier: ISC
// What the store made of each operation: the answer to whoever called, and the row to whom it is for (doc/protocol.md sections
// 6.6 and 6.8). Here an acceptance becomes true. The contract is in server.h.
#include <assert.h>
#include <string.h>

#include "base/message.h"
#include "msg/call_change.h"
#include "msg/server_inside.h"

// The bodies of ACCEPTED that a batch needs: its mark is the same for all.
struct accepted {
	struct storage_mark mark;
	uint8_t body[2][CALL_BODY_BYTES_MAX]; // by whether the recipient was online
	size_t bytes;
};

static void encode_accepted(struct accepted *accepted, const struct storage_mark *mark)
{
	accepted->mark = *mark;
	for (int is_online = 0; is_online < 2; is_online++) {
		const struct call_accepted body = {.was_online = is_online == 1, .mark = *mark};
		accepted->bytes = call_accepted_encode(&body, accepted->body[is_online]);
	}
}

static enum call_status status_of(enum storage_verdict verdict)
{
	switch (verdict) {
	case VERDICT_NEW:
	case VERDICT_REPEAT:
		return STATUS_ACCEPTED;
	case VERDICT_ID_MISUSED:
		return STATUS_BAD;
	case VERDICT_NO_SUCH_USER:
		return STATUS_NO_SUCH_USER;
	case VERDICT_MAILBOX_FULL:
		return STATUS_MAILBOX_FULL;
	case VERDICT_BLOCKED:
		return STATUS_BLOCKED;
	case VERDICT_NOT_A_MEMBER:
		return STATUS_NOT_A_MEMBER;
	case VERDICT_NOT_ALLOWED:
		return STATUS_NOT_AUTHORIZED;
	case VERDICT_ROOM_FULL:
		return STATUS_ROOM_FULL;
	case VERDICT_LIMIT:
		return STATUS_LIMIT;
	default:
		assert(verdict == VERDICT_STORE_FULL);
		return STATUS_SERVER_FULL;
	}
}

static void answer_call(struct server *server, const struct server_pending *pending, const struct storage_op *op,
			const struct storage_result *result, const struct accepted *accepted)
{
	enum call_status status = status_of(result->verdict);
	// Of a room that is not open nobody learns whether it is there.
	if (status == STATUS_NOT_A_MEMBER && pending->is_denied_making)
		status = STATUS_NOT_AUTHORIZED;
	if (status != STATUS_ACCEPTED) {
		server_answer_bare(server, pending->slot, op->call, status);
	} else if (op->kind == STORAGE_SUBMIT) {
		server->port.answer(server->port.context, pending->slot, op->call, STATUS_ACCEPTED,
				    accepted->body[result->was_online], accepted->bytes);
	} else {
		uint8_t body[CALL_BODY_BYTES_MAX];
		const struct call_changed changed = {.mark = accepted->mark, .stamp = result->stamp};
		server->port.answer(server->port.context, pending->slot, op->call, STATUS_ACCEPTED, body,
				    call_changed_encode(&changed, body));
	}
}

// A message to many costs more than its token.
static void charge(struct server *server, const struct server_peer *peer, const struct storage_result *result, struct mtime now)
{
	if (peer->state != PEER_SIGNED_IN || result->verdict != VERDICT_NEW)
		return;
	bucket_charge(&server->user[peer->user].submit, &server->config.submit_rate,
		      result->member_count / SERVER_MEMBERS_A_TOKEN, now);
}

// Tells the caller, if its session is still there; or the operator.
static void answer(struct server *server, const struct server_pending *pending, const struct storage_op *op,
		   const struct storage_result *result, const struct accepted *accepted, struct mtime now)
{
	if (pending->slot == SLOT_NONE) {
		server->port.changed(server->port.context, op->call, result);
		return;
	}
	struct server_peer *peer = &server->peer[pending->slot];
	const bool is_here = server_is_here(server, pending->slot, op->session);
	if (is_here) {
		assert(peer->pending_count > 0);
		peer->pending_count--;
	}
	if (op->kind == STORAGE_ENROLL) {
		server_enrolled(server, pending->joining, result->verdict);
	} else if (is_here) {
		charge(server, peer, result, now);
		answer_call(server, pending, op, result, accepted);
		if (peer->signout_number != 0)
			server_settle(server, pending->slot);
	}
}

// What a delivery says of where it was written.
static struct call_deliver delivery_in(const struct storage_op *op, const struct storage_result *result)
{
	struct call_deliver delivery = {
		.accepted_at = op->at,
		.room_id = result->room.id,
		.room_row = result->room_row,
	};
	if (result->room_row != 0)
		delivery.conversation = (struct message_to){.name = result->room.name, .is_room = true};
	return delivery;
}

static struct call_deliver delivery_of_submit(const struct storage_op *op, const struct storage_result *result, const uint8_t *text)
{
	struct call_deliver delivery = delivery_in(op, result);
	delivery.id = op->submit.id;
	delivery.kind = op->submit.kind;
	delivery.form = op->submit.form;
	delivery.sender = op->submit.sender;
	delivery.text = text + op->submit.text_offset;
	delivery.text_bytes = op->submit.text_bytes;
	return delivery;
}

// `about` has room for its text.
static struct call_deliver delivery_of_change(const struct storage_op *op, const struct storage_result *result,
					      uint8_t about[MESSAGE_TO_BYTES_MAX])
{
	struct call_deliver delivery = delivery_in(op, result);
	const struct message_to whom = {.name = result->about, .is_room = result->kind == MESSAGE_RENAMED};
	delivery.id = op->change.id;
	delivery.kind = result->kind;
	delivery.form = MESSAGE_UTF8;
	delivery.sender = op->change.user;
	delivery.text = about;
	delivery.text_bytes = message_to_write(&whom, about);
	return delivery;
}

// What was said to one stands in the mailbox of the sender too, for its other devices; what was said in a room, for all of them.
static struct call_deliver own_delivery_of(const struct storage_op *op, const struct storage_result *result,
					   const struct call_deliver *delivery)
{
	struct call_deliver own = *delivery;
	own.is_own = true;
	if (result->room_row == 0)
		own.conversation = (struct message_to){.name = op->submit.recipient};
	return own;
}

// A row that is in a mailbox goes to every receiving session of its user that was not sent it, whatever the verdict on this copy.
static void forward_place(struct server *server, const struct storage_op *op, const struct storage_place *place,
			  const struct server_news *news, struct mtime now)
{
	const uint32_t user = users_place_of_id(server->users, place->user_id);
	if (user == USERS_NO_PLACE)
		return;
	for (uint32_t slot = slot_list_first(&server->user[user].peers); slot != SLOT_NONE;
	     slot = slot_list_next(&server->peer[slot].of_user)) {
		const struct server_peer *peer = &server->peer[slot];
		if (!peer->is_receiving)
			continue;
		if (place->is_own && peer->device_id == op->submit.device_id)
			server_pass_over(server, slot, news->row, place->row_before, now);
		else
			server_forward(server, slot, news, place->row_before, now);
	}
}

static void forward(struct server *server, const struct storage_op *op, const struct storage_result *result,
		    const struct server_batch *batch, struct mtime now)
{
	if (op->kind == STORAGE_ENROLL || result->place_count == 0 ||
	    (result->verdict != VERDICT_NEW && result->verdict != VERDICT_REPEAT))
		return;
	// Of a repeat the store need not say what it was: what is behind it is not known, so it will be read.
	struct server_news news = {.row = result->row};
	struct server_news own_news = news;
	bool has_own = result->verdict == VERDICT_REPEAT;
	uint8_t about[MESSAGE_TO_BYTES_MAX];
	const struct call_deliver delivery = op->kind == STORAGE_SUBMIT ? delivery_of_submit(op, result, batch->text)
									: delivery_of_change(op, result, about);
	const int64_t author_id = op->kind == STORAGE_SUBMIT ? op->submit.sender_id : op->change.user_id;
	if (result->verdict == VERDICT_NEW)
		server_write_news(&news, result->row, &delivery);
	for (uint32_t i = 0; i < result->place_count; i++) {
		const struct storage_place *place = &batch->places[result->place_first + i];
		const bool is_own = place->is_own || (result->room_row != 0 && place->user_id == author_id);
		if (is_own && !has_own) {
			const struct call_deliver own = own_delivery_of(op, result, &delivery);
			server_write_news(&own_news, result->row, &own);
			has_own = true;
		}
		forward_place(server, op, place, is_own ? &own_news : &news, now);
	}
}

// A device that its user removed is shut out.
static void shut_out(struct server *server, const struct storage_op *op, const struct storage_result *result)
{
	if (op->kind != STORAGE_CHANGE || result->removed_device == 0)
		return;
	const uint32_t user = users_place_of_id(server->users, op->change.user_id);
	uint32_t slot = user == USERS_NO_PLACE ? SLOT_NONE : slot_list_first(&server->user[user].peers);
	while (slot != SLOT_NONE) {
		const uint32_t next = slot_list_next(&server->peer[slot].of_user);
		if (server->peer[slot].device_id == result->removed_device)
			server_dismiss(server, slot, NOTICE_REMOVED);
		slot = next;
	}
}

void server_appended(struct server *server, uint32_t number, const struct storage_appended *appended, struct moment moment)
{
	struct server_lane *lane = &server->lane[number];
	struct server_batch *batch = &lane->batch[1 - lane->filling];
	struct accepted accepted;
	assert(lane->is_storing);
	lane->is_storing = false;
	encode_accepted(&accepted, &appended->mark);
	for (uint32_t i = 0; i < batch->op_count; i++) {
		answer(server, &batch->pending[i], &batch->ops[i], &batch->results[i], &accepted, moment.now);
		forward(server, &batch->ops[i], &batch->results[i], batch, moment.now);
		shut_out(server, &batch->ops[i], &batch->results[i]);
	}
	if (!appended->is_kept)
		server_moves_again(server, lane, batch, moment.now);
	batch->op_count = 0;
	batch->submit_count = 0;
	batch->room_op_count = 0;
	batch->move_count = 0;
	batch->text_bytes = 0;
}
