// SPDX-License-Identifier: ISC
// What a device reads from its storage: the mark that a sign-in shows, and what is queued, a page at a time, as the window has
// room for it. The contract is in client.h.
#include <assert.h>
#include <string.h>

#include "msg/call_block.h"
#include "msg/call_device.h"
#include "msg/call_room.h"
#include "msg/client_inside.h"

// --- what is wanted ---

static bool is_mark_wanted(const struct client *client)
{
	return client->slot[0].state == CLIENT_SLOT_ASKING || client->slot[1].state == CLIENT_SLOT_ASKING;
}

static uint32_t room_for_submissions(const struct client_slot *session)
{
	const uint32_t room = CALL_WINDOW - CLIENT_CALLS_RESERVED;
	return session->submission_count < room ? room - session->submission_count : 0;
}

// Whether there is a session that takes submissions.
static bool is_submitting(const struct client *client)
{
	if (!client->may_submit || client->present == 0)
		return false;
	const struct client_slot *session = &client->slot[client->present - 1];
	return session->is_begun && !session->is_signout_made;
}

static bool is_page_wanted(const struct client *client)
{
	return is_submitting(client) && client->has_more && !client->has_no_room &&
	       room_for_submissions(&client->slot[client->present - 1]) > 0;
}

void client_read_from_start(struct client *client)
{
	client->has_more = true;
	client->has_no_room = false;
	client->is_page_void = true;
}

// --- questions and answers ---

static void ask_for_mark(struct client *client)
{
	client->question = (struct client_question){.number = ++client->number, .kind = CLIENT_ASK_MARK};
}

static void ask_for_hole(struct client *client)
{
	client->question = (struct client_question){
		.number = ++client->number, .kind = CLIENT_ASK_HOLE, .after_room = client->rooms.after_room};
}

static void ask_for_page(struct client *client)
{
	const struct client_slot *session = &client->slot[client->present - 1];
	client->question = (struct client_question){
		.number = ++client->number,
		.kind = CLIENT_ASK_OUTBOX,
		.after_seq = session->submitted_seq,
		.rows_max = room_for_submissions(session),
	};
	client->has_more = false; // what is queued from now on sets it again
	client->is_page_void = false;
}

const struct client_question *client_ask(struct client *client)
{
	if (client->is_broken)
		return NULL;
	if (client->ask == CLIENT_WORK_NONE &&
	    (is_mark_wanted(client) || is_page_wanted(client) || client_is_hole_wanted(client))) {
		if (is_mark_wanted(client))
			ask_for_mark(client);
		else if (is_page_wanted(client))
			ask_for_page(client);
		else
			ask_for_hole(client);
		client->ask = CLIENT_WORK_DUE;
		client->ask_tries = 0;
	}
	if (client->ask != CLIENT_WORK_DUE)
		return NULL;
	client->ask = CLIENT_WORK_OUT;
	client->ask_tries++;
	return &client->question;
}

static size_t encode_message(const struct outbox_row *row, uint8_t *body)
{
	const struct call_submit submission = {
		row->id, MESSAGE_WRITTEN, MESSAGE_UTF8, row->to, row->text, row->text_bytes};
	return call_submit_encode(&submission, body);
}

static size_t encode_join(const struct outbox_row *row, uint8_t *body)
{
	const struct call_join join = {
		.change = {row->id, row->stamp},
		.may_create = (row->flags & JOIN_MAKES) != 0,
		.is_private = (row->flags & JOIN_PRIVATE) != 0,
		.is_without_history = (row->flags & JOIN_NO_HISTORY) != 0,
		.room = row->to.name,
	};
	return call_join_encode(&join, body);
}

// Writes the call that asks for what the row wants; returns its bytes.
static size_t encode(const struct outbox_row *row, uint8_t *kind, uint8_t *body)
{
	const struct call_change change = {row->id, row->stamp};
	switch ((enum outbox_what)row->what) {
	case OUTBOX_MESSAGE:
		*kind = CALL_SUBMIT;
		return encode_message(row, body);
	case OUTBOX_JOIN:
		*kind = CALL_JOIN;
		return encode_join(row, body);
	case OUTBOX_ADD:
		*kind = CALL_ADD;
		return call_add_encode(&(struct call_add){change, row->to.name, row->other}, body);
	case OUTBOX_LEAVE:
		*kind = CALL_LEAVE;
		return call_leave_encode(&(struct call_leave){change, row->to.name, row->other}, body);
	case OUTBOX_BLOCK:
	case OUTBOX_UNBLOCK:
		*kind = CALL_BLOCK;
		return call_block_encode(&(struct call_block){.what = row->what == OUTBOX_BLOCK ? BLOCK_ADD : BLOCK_REMOVE,
							      .change = change, .user = row->to.name},
					 body);
	case OUTBOX_DEVICE_NAME:
	case OUTBOX_DEVICE_REMOVE:
		*kind = CALL_DEVICES;
		return call_devices_encode(
			&(struct call_devices){.what = row->what == OUTBOX_DEVICE_NAME ? DEVICES_NAME : DEVICES_REMOVE,
					       .change = change, .fingerprint = row->fingerprint, .name = row->other},
			body);
	}
	assert(false);
	return 0;
}

// Submits one row. False: no room for it now.
static bool submit(struct client *client, uint32_t slot, const struct outbox_row *row, struct mtime now)
{
	struct client_slot *session = &client->slot[slot];
	uint8_t body[CALL_BODY_BYTES_MAX];
	uint8_t kind = 0;
	const size_t bytes = encode(row, &kind, body);
	if (!client_make_call(client, slot, kind, body, bytes, row->seq, now))
		return false;
	for (uint32_t i = 0; i < CALL_WINDOW; i++) {
		if (session->submission[i].seq != 0)
			continue;
		session->submission[i] =
			(struct client_submission){row->seq, row->id, row->what, row->to, row->other, row->is_reoffer};
		break;
	}
	session->submission_count++;
	session->submitted_seq = row->seq;
	if (row->what == OUTBOX_MESSAGE && !row->to.is_room)
		client_people_note(client, &row->to.name);
	return true;
}

// The session has at least the room it had when the page was asked for; the window, which is a span, may have less.
static void take_page(struct client *client, const struct client_answer *page, struct mtime now)
{
	assert(page->row_count <= client->question.rows_max);
	if (client->is_page_void || !is_submitting(client))
		return;
	client->slot[client->present - 1].is_outbox_read = true;
	if (page->row_count == client->question.rows_max)
		client->has_more = true;
	for (uint32_t i = 0; i < page->row_count; i++)
		if (!submit(client, client->present - 1, &page->row[i], now)) {
			client->has_more = client->has_no_room = true;
			return;
		}
}

void client_learned(struct client *client, const struct client_answer *answer, struct mtime now)
{
	if (client->is_broken || client->ask != CLIENT_WORK_OUT || answer->number != client->question.number)
		return;
	if (answer->err == MMS_E_AGAIN && client->ask_tries < CLIENT_TRIES_MAX) {
		client->ask = CLIENT_WORK_DUE;
		return;
	}
	if (answer->err != MMS_OK) {
		client_break(client);
		return;
	}
	client->ask = CLIENT_WORK_NONE;
	if (client->question.kind == CLIENT_ASK_MARK)
		client_sign_in(client, &answer->mark, now);
	else if (client->question.kind == CLIENT_ASK_HOLE)
		client_hole_learned(client, &answer->hole);
	else
		take_page(client, answer, now);
	client_go_on(client, now);
}

// --- re-offers ---

void client_defer_reoffer(struct client *client, struct mtime now)
{
	client->reoffer_at = mtime_min(client->reoffer_at, mtime_add_us(now, client->reoffer_wait_us));
}

void client_make_reoffers(struct client *client, struct mtime now)
{
	client->reoffer_at = now;
}

// The outbox is gone through again from its oldest message, so nothing may be on its way: no submission, and no verdict.
bool client_may_reoffer(const struct client *client)
{
	return client_in_flight_count(client) == 0 && !client_is_gathering(client);
}

void client_reoffer_again(struct client *client)
{
	client->reoffer_at = MTIME_NEVER;
	if (client->reoffer_wait_us < CLIENT_REOFFER_US_MAX)
		client->reoffer_wait_us *= 2;
	client->slot[client->present - 1].submitted_seq = 0;
	client_read_from_start(client);
}
