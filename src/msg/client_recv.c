// SPDX-License-Identifier: ISC
// What the server's answers and calls mean to a device (doc/protocol.md sections 6 and 9.1). The contract is in client.h.
#include <assert.h>
#include <string.h>

#include "base/utf8.h"
#include "crypto/crypto.h"
#include "msg/call_change.h"
#include "msg/client_inside.h"

static bool is_same_start(const struct storage_mark *a, const struct storage_mark *b)
{
	return memcmp(a->start_id, b->start_id, sizeof a->start_id) == 0;
}

static bool is_proved(const struct client *client, uint32_t slot, const struct call_signin_ok *ok)
{
	uint8_t proof[INVITE_PROOF_BYTES];
	if (!client->config.has_invite || (client->config.is_server_proved && !ok->has_proof))
		return true;
	hash_invite_proof(client->config.invite_hash, client->port.handshake_hash(client->port.context, slot),
			  INVITE_SERVER, proof);
	return ok->has_proof && crypto_is_equal(proof, ok->proof, sizeof proof);
}

// The refusals of SIGNIN that there are.
static bool is_refusal(uint8_t status)
{
	return status == STATUS_NOT_AUTHORIZED || status == STATUS_SERVER_FULL;
}

static void signin_answered(struct client *client, uint32_t slot, uint8_t status, const uint8_t *body, size_t bytes)
{
	struct call_signin_ok ok;
	struct client_slot *session = &client->slot[slot];
	if (session->state != CLIENT_SLOT_SIGNING_IN)
		return;
	const bool is_granted = status == STATUS_OK && call_signin_ok_decode(&ok, body, bytes) == MMS_OK &&
				name_is_same(&ok.name, &client->config.name);
	if (!is_granted || !is_proved(client, slot, &ok)) {
		client_stop(client, &(struct client_told){.type = is_granted	       ? TOLD_NOT_PROVED
								  : is_refusal(status) ? TOLD_REFUSED
										       : TOLD_BROKEN,
							  .status = status});
		return;
	}
	session->state = CLIENT_SLOT_SIGNED_IN;
	client->config.is_server_proved = true; // by this sign-in, for those that follow
	client->present = slot + 1;
	session->start = ok.mark;
	session->waiting_count = client->config.is_receiving ? ok.waiting_count : 0;
	client->port.prefer(client->port.context, slot);
	client_put_signin(client, slot, &ok);
}

// Takes a submission off its session's list. False: it is not there.
static bool take_submission(struct client_slot *session, uint64_t seq, struct client_submission *submission)
{
	for (uint32_t i = 0; i < CALL_WINDOW; i++) {
		if (seq == 0 || session->submission[i].seq != seq)
			continue;
		*submission = session->submission[i];
		session->submission[i].seq = 0;
		session->submission_count--;
		return true;
	}
	return false;
}

// Whether a re-offer that was refused stays queued: its user was told that it was accepted, and there may be room, or the
// recipient or the room back.
static bool is_to_be_reoffered(uint8_t status)
{
	return status != STATUS_ACCEPTED && status != STATUS_BAD && status != STATUS_BAD_TEXT;
}

// What an acceptance says: of a message, or of a change. False: it is none.
static bool read_acceptance(struct client *client, uint32_t slot, uint8_t what, const uint8_t *body, size_t bytes,
			    struct client_told *verdict)
{
	struct call_accepted accepted;
	struct call_changed changed = {0};
	if (what == OUTBOX_MESSAGE) {
		if (call_accepted_decode(&accepted, body, bytes) != MMS_OK)
			return false;
		changed.mark = accepted.mark;
		verdict->state = accepted.was_online ? OUTBOX_ONLINE : OUTBOX_SAVED;
	} else {
		if (call_changed_decode(&changed, body, bytes) != MMS_OK)
			return false;
		verdict->state = OUTBOX_SAVED;
		verdict->stamp = changed.stamp;
	}
	// A mark of another start than the session's is no server's: with a new one in each acceptance everything would be offered
	// again for ever.
	if (is_same_start(&changed.mark, &client->slot[slot].start))
		client_put_mark(client, slot, &changed.mark);
	return true;
}

// The user is in other rooms than before, by what this device asked for.
static bool is_of_my_rooms(const struct client_submission *submission)
{
	return submission->what == OUTBOX_JOIN || (submission->what == OUTBOX_LEAVE && submission->other.text[0] == 0);
}

static void submit_answered(struct client *client, uint32_t slot, uint8_t status, const uint8_t *body, size_t bytes,
			    uint64_t seq, struct mtime now)
{
	struct client_submission submission;
	if (!take_submission(&client->slot[slot], seq, &submission))
		return;
	// On a session that another has followed, no verdict is the last word: a refusal may be overtaken, and what was
	// accepted may be lost in a restore that the newer sign-in did not show. The message was submitted there again.
	if (slot + 1 != client->present)
		return;
	struct client_told verdict = {
		.type = TOLD_VERDICT,
		.what = submission.what,
		.to = submission.to,
		.name = submission.other,
		.id = submission.id,
		.is_reoffer = submission.is_reoffer,
		.state = OUTBOX_REFUSED,
	};
	if (status != STATUS_ACCEPTED || !read_acceptance(client, slot, submission.what, body, bytes, &verdict))
		verdict.status = status;
	else if (is_of_my_rooms(&submission))
		client_rooms_changed(client);
	if (submission.is_reoffer && is_to_be_reoffered(status)) {
		client_defer_reoffer(client, now);
		return;
	}
	client_put_verdict(client, &verdict);
}

void client_answered(struct client *client, uint32_t slot, uint8_t kind, uint8_t status, const uint8_t *body,
		     size_t bytes, uint64_t tag, struct mtime now)
{
	assert(slot < CLIENT_SLOTS);
	if (client_is_list(kind, tag)) {
		if (slot + 1 == client->present)
			client_list_answered(client, status, body, bytes, tag, now);
		client->has_no_room = false; // see below
		client_go_on(client, now);
		return;
	}
	switch (kind) {
	case CALL_SIGNIN:
		signin_answered(client, slot, status, body, bytes);
		break;
	case CALL_SUBMIT:
	case CALL_JOIN:
	case CALL_ADD:
	case CALL_LEAVE:
	case CALL_BLOCK:
	case CALL_DEVICES:
		submit_answered(client, slot, status, body, bytes, tag, now);
		break;
	case CALL_ROOMS:
		if (slot + 1 == client->present)
			client_rooms_answered(client, status, body, bytes, tag);
		break;
	case CALL_HISTORY:
		if (slot + 1 == client->present)
			client_history_answered(client, status, body, bytes, tag);
		break;
	case CALL_WATCH:
		if (slot + 1 == client->present)
			client_people_answered(client, status, body, bytes, tag, now);
		break;
	case CALL_SIGNOUT:
		client_stop(client, &(struct client_told){.type = TOLD_SIGNED_OUT});
		break;
	default:
		break;
	}
	client->has_no_room = false; // the window is a span: whatever was answered may have made room
	client_go_on(client, now);
}

// One who comes into a room or goes: oneself, perhaps by another device.
static bool is_about_us(const struct client *client, const struct call_deliver *deliver)
{
	struct name name;
	return deliver->kind >= MESSAGE_JOINED && deliver->kind <= MESSAGE_REMOVED &&
	       name_parse(&name, (const char *)deliver->text, deliver->text_bytes) && name_is_same(&name, &client->config.name);
}

static void delivered(struct client *client, uint32_t slot, uint32_t number, const uint8_t *body, size_t bytes)
{
	struct call_deliver deliver;
	// A text against section 7.2 could not be read back from the store, which would then count as damaged for ever. What another
	// form's text is, a later version will know.
	if (call_deliver_decode(&deliver, body, bytes) != MMS_OK ||
	    (deliver.form == MESSAGE_UTF8 && !utf8_is_message(deliver.text, deliver.text_bytes))) {
		client->port.answer(client->port.context, slot, number, STATUS_BAD);
		return;
	}
	const struct transcript_row row = {
		.id = deliver.id,
		.kind = deliver.kind,
		.form = deliver.form,
		.is_own = deliver.is_own || (deliver.room_row != 0 && name_is_same(&deliver.sender, &client->config.name)),
		.is_history = deliver.is_history,
		.room_id = deliver.room_id,
		.room_row = deliver.room_row,
		.sender = deliver.sender,
		.conversation = deliver.conversation,
		.accepted_at = deliver.accepted_at,
		.text = deliver.text,
		.text_bytes = (uint16_t)deliver.text_bytes,
	};
	client_put(client, slot, number, &row);
	if (deliver.kind == MESSAGE_WRITTEN && deliver.room_row == 0)
		client_people_note(client, deliver.is_own ? &deliver.conversation.name : &deliver.sender);
	if (is_about_us(client, &deliver))
		client_rooms_changed(client);
}

// We have replaced ourselves. When the session that did it is gone without an answer, this one is over at the server too.
static void replaced_by_ourselves(struct client *client, uint32_t slot)
{
	if (client->slot[1 - slot].state == CLIENT_SLOT_NONE)
		client->port.redial(client->port.context);
}

static void noticed(struct client *client, uint32_t slot, uint32_t number, const uint8_t *body, size_t bytes)
{
	struct call_notice notice;
	if (bytes > 0 && body[0] == NOTICE_PRESENCE) {
		const bool is_good = client_people_noticed(client, slot, body, bytes);
		client->port.answer(client->port.context, slot, number, is_good ? STATUS_OK : STATUS_BAD);
		return;
	}
	if (call_notice_decode(&notice, body, bytes) != MMS_OK) {
		client->port.answer(client->port.context, slot, number, STATUS_BAD);
		return;
	}
	if (notice.what == NOTICE_GAP) {
		client_put(client, slot, number,
			   &(struct transcript_row){.is_gap = true, .id = notice.id, .gap_count = notice.count});
		return;
	}
	client->port.answer(client->port.context, slot, number, STATUS_OK);
	if (client->slot[slot].is_superseded) {
		replaced_by_ourselves(client, slot);
		return;
	}
	switch (notice.what) {
	case NOTICE_REPLACED:
	case NOTICE_REMOVED:
		client_stop(client, &(struct client_told){
					    .type = notice.what == NOTICE_REPLACED ? TOLD_REPLACED : TOLD_REMOVED});
		break;
	case NOTICE_SHUTDOWN:
		if (!client->slot[slot].is_shutdown_told)
			client_tell(client, TOLD_SHUTDOWN);
		client->slot[slot].is_shutdown_told = true;
		client->port.redial(client->port.context);
		break;
	case NOTICE_GAP:
	case NOTICE_DELIVERED:
	case NOTICE_PRESENCE:
		break;
	}
}

void client_called(struct client *client, uint32_t slot, uint32_t number, uint8_t kind, const uint8_t *body, size_t bytes)
{
	assert(slot < CLIENT_SLOTS);
	assert(client->slot[slot].state == CLIENT_SLOT_SIGNED_IN);
	switch (kind) {
	case CALL_DELIVER:
		delivered(client, slot, number, body, bytes);
		break;
	case CALL_NOTICE:
		noticed(client, slot, number, body, bytes);
		break;
	default:
		client->port.answer(client->port.context, slot, number, STATUS_BAD);
		break;
	}
}
