// SPDX-License-Identifier: ISC
// What the store made of each operation: the answer to whoever called, and the row to whom it is for (doc/protocol.md sections
// 6.6 and 6.8). Here an acceptance becomes true. The contract is in server.h.
#include <assert.h>

#include "msg/server_inside.h"

// The bodies of ACCEPTED that a batch needs: its mark is the same for all.
struct accepted {
	uint8_t body[2][CALL_BODY_BYTES_MAX]; // by whether the recipient was online
	size_t bytes;
};

static void encode_accepted(struct accepted *accepted, const struct storage_mark *mark)
{
	for (int is_online = 0; is_online < 2; is_online++) {
		const struct call_accepted body = {.was_online = is_online == 1, .mark = *mark};
		accepted->bytes = call_accepted_encode(&body, accepted->body[is_online]);
	}
}

static void answer_submission(struct server *server, const struct server_pending *pending, const struct storage_op *op,
			      const struct storage_result *result, const struct accepted *accepted)
{
	switch (result->verdict) {
	case VERDICT_NEW:
	case VERDICT_REPEAT:
		server->port.answer(server->port.context, pending->slot, op->call, STATUS_ACCEPTED,
				    accepted->body[result->was_online], accepted->bytes);
		break;
	case VERDICT_ID_MISUSED:
		server_answer_bare(server, pending->slot, op->call, STATUS_BAD);
		break;
	case VERDICT_NO_SUCH_USER:
		server_answer_bare(server, pending->slot, op->call, STATUS_NO_SUCH_USER);
		break;
	case VERDICT_MAILBOX_FULL:
		server_answer_bare(server, pending->slot, op->call, STATUS_MAILBOX_FULL);
		break;
	default:
		assert(result->verdict == VERDICT_STORE_FULL);
		server_answer_bare(server, pending->slot, op->call, STATUS_SERVER_FULL);
		break;
	}
}

// Tells the caller, if its session is still there.
static void answer(struct server *server, const struct server_pending *pending, const struct storage_op *op,
		   const struct storage_result *result, const struct accepted *accepted)
{
	struct server_peer *peer = &server->peer[pending->slot];
	const bool is_here = server_is_here(server, pending->slot, op->session);
	if (is_here) {
		assert(peer->pending_count > 0);
		peer->pending_count--;
	}
	if (op->kind == STORAGE_ENROLL) {
		server_enrolled(server, pending->joining, result->verdict);
	} else if (is_here) {
		answer_submission(server, pending, op, result, accepted);
		if (peer->signout_number != 0)
			server_settle(server, pending->slot);
	}
}

// A row that is in the mailbox goes to every receiving session that was not sent it, whatever the verdict on this copy.
static void forward(struct server *server, const struct server_pending *pending, const struct storage_op *op,
		    const struct storage_result *result, const uint8_t *text, struct mtime now)
{
	if (op->kind != STORAGE_SUBMIT || pending->user == USERS_NO_PLACE ||
	    (result->verdict != VERDICT_NEW && result->verdict != VERDICT_REPEAT))
		return;
	const struct storage_submit *submit = &op->submit;
	const struct call_deliver delivery = {
		.id = submit->id,
		.accepted_at = op->at,
		.kind = submit->kind,
		.form = submit->form,
		.sender = submit->sender,
		.text = text + submit->text_offset,
		.text_bytes = submit->text_bytes,
	};
	for (uint32_t slot = slot_list_first(&server->user[pending->user].peers); slot != SLOT_NONE;
	     slot = slot_list_next(&server->peer[slot].of_user))
		if (server->peer[slot].is_receiving)
			server_forward(server, slot, result, &delivery, now);
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
		answer(server, &batch->pending[i], &batch->ops[i], &batch->results[i], &accepted);
		forward(server, &batch->pending[i], &batch->ops[i], &batch->results[i], batch->text, moment.now);
	}
	if (!appended->is_kept)
		server_moves_again(server, lane, batch, moment.now);
	batch->op_count = 0;
	batch->submit_count = 0;
	batch->move_count = 0;
	batch->text_bytes = 0;
}
