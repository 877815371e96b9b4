// SPDX-License-Identifier: ISC
// SUBMIT: one message into its user's batch, or why not (doc/protocol.md section 6.6). What becomes of it the store judges, and
// server_mailbox.c tells. The contract is in server_inside.h.
#include <assert.h>
#include <string.h>

#include "base/message.h"
#include "base/utf8.h"
#include "msg/server_inside.h"

static void offer(struct server *server, const struct call_in *call, const struct call_submit *submit, struct wtime wall)
{
	struct server_pending *pending;
	const struct server_peer *peer = &server->peer[call->slot];
	const struct user_entry *sender = &server->users->user[peer->user];
	const bool is_to_room = submit->recipient.is_room;
	const struct user_entry *recipient = is_to_room ? NULL : users_find(server->users, &submit->recipient.name);
	struct server_lane *lane = &server->lane[peer->lane];
	struct server_batch *batch = server_filling(lane);
	struct storage_op *op =
		server_batch_add(server, lane, STORAGE_SUBMIT, call->slot, call->number, &pending, wall);
	if (is_to_room)
		server_batch_count_room(batch, sender->user_id);
	op->submit = (struct storage_submit){
		.sender_id = sender->user_id,
		.device_id = peer->device_id,
		.is_to_room = is_to_room,
		.recipient = submit->recipient.name,
		.recipient_id = recipient == NULL ? 0 : recipient->user_id,
		.sender = sender->name,
		.id = submit->id,
		.kind = submit->kind,
		.form = submit->form,
		.is_online = is_to_room || (recipient != NULL && server->user[recipient - server->users->user].online_count > 0),
		.text_bytes = (uint16_t)submit->text_bytes,
		.text_offset = batch->text_bytes,
	};
	hash_message(submit->kind, submit->form, &submit->recipient, submit->text, submit->text_bytes, op->submit.digest);
	memcpy(batch->text + batch->text_bytes, submit->text, submit->text_bytes);
	batch->text_bytes += (uint32_t)submit->text_bytes;
}

// A text of another form than UTF-8 is for the devices to understand.
static bool is_text(const struct call_submit *submit)
{
	if (submit->form == MESSAGE_UTF8)
		return utf8_is_message(submit->text, submit->text_bytes);
	return submit->text_bytes >= 1 && submit->text_bytes <= TEXT_BYTES_MAX;
}

static bool has_room(const struct server *server, const struct server_peer *peer, const struct server_batch *batch, bool is_to_room)
{
	return server_batch_has_room(batch) &&
	       (!is_to_room || server_batch_has_room_for_room(batch, server->users->user[peer->user].user_id));
}

void server_submit(struct server *server, const struct call_in *call, struct moment moment)
{
	struct call_submit submit;
	const struct server_peer *peer = &server->peer[call->slot];
	struct server_lane *lane = &server->lane[peer->lane];
	const bool is_well = call_submit_decode(&submit, call->body, call->bytes) == MMS_OK;
	// Room and the rate first: a call that has to wait must not have been half done.
	if (!has_room(server, peer, server_filling(lane), is_well && submit.recipient.is_room)) {
		server_start_later(server, call, SERVER_RETRY_US, &lane->retry_at, moment.now);
		return;
	}
	if (!server_may_start(server, call, moment.now))
		return;
	if (!is_well)
		server_answer_bare(server, call->slot, call->number, STATUS_BAD);
	else if (!is_text(&submit))
		server_answer_bare(server, call->slot, call->number, STATUS_BAD_TEXT);
	else
		offer(server, call, &submit, moment.wall);
}
