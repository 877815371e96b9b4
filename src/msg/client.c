// SPDX-License-Identifier: ISC
// What a device asks of the server, and when; the contract is in client.h.
#include "msg/client.h"

#include <assert.h>
#include <string.h>

#include "msg/client_inside.h"

void client_init(struct client *client, const struct client_port *port, const struct client_storage *storage)
{
	memset(client, 0, sizeof *client);
	client->port = *port;
	client->storage = *storage;
}

void client_start(struct client *client, const struct client_config *config)
{
	client->config = *config;
	client->is_started = true;
	client->was_signed_in = false;
	client->is_leaving = false;
	client->list = (struct client_list){0};
}

void client_break(struct client *client)
{
	client->is_broken = true;
}

bool client_is_broken(const struct client *client)
{
	return client->is_broken;
}

bool client_is_signed_in(const struct client *client)
{
	return client->present != 0;
}

uint32_t client_waiting_left(const struct client *client)
{
	if (client->present == 0)
		return 0;
	const struct client_slot *session = &client->slot[client->present - 1];
	return session->waiting_count > session->delivered_count ? session->waiting_count - session->delivered_count : 0;
}

uint32_t client_in_flight_count(const struct client *client)
{
	return client->present == 0 ? 0 : client->slot[client->present - 1].submission_count;
}

void client_tell(struct client *client, enum client_told_type type)
{
	client->port.told(client->port.context, &(struct client_told){.type = type});
}

void client_stop(struct client *client)
{
	memset(client->slot, 0, sizeof client->slot);
	client->present = 0;
	client->is_started = false;
	client->port.stop(client->port.context);
}

bool client_make_call(struct client *client, uint32_t slot, uint8_t kind, const void *body, size_t bytes, uint64_t tag,
		      struct mtime now)
{
	client->sent_at = now;
	return client->port.call(client->port.context, slot, kind, body, bytes, tag) == MMS_OK;
}

void client_up(struct client *client, uint32_t slot, struct mtime now)
{
	assert(slot < CLIENT_SLOTS);
	struct call_signin signin = {
		.is_receiving = client->config.is_receiving,
		.has_proof = client->config.has_invite,
		.name = client->config.name,
	};
	uint8_t body[CALL_BODY_BYTES_MAX];
	if (!client->is_started)
		return;
	if (client->storage.mark_get(client->storage.context, &signin.mark) != MMS_OK) {
		client_break(client);
		return;
	}
	if (signin.has_proof)
		hash_invite_proof(client->config.invite_hash, client->port.handshake_hash(client->port.context, slot),
				  INVITE_DEVICE, signin.proof);
	client->slot[slot] = (struct client_slot){.state = CLIENT_SLOT_SIGNING_IN, .shown = signin.mark};
	client->slot[1 - slot].is_superseded = true;
	// A fresh session has room; only a server that keeps all memory busy through the other session can prevent this, and
	// then silence makes us dial again.
	(void)client_make_call(client, slot, CALL_SIGNIN, body, call_signin_encode(&signin, body), 0, now);
}

void client_ended(struct client *client, uint32_t slot)
{
	assert(slot < CLIENT_SLOTS);
	client->slot[slot] = (struct client_slot){0};
	if (client->present == slot + 1)
		client->present = 0;
	// Its calls cannot be answered any more, and the slot may serve another session before the next commit.
	uint32_t kept_count = 0;
	for (uint32_t i = 0; i < client->answer_count; i++)
		if (client->answer[i].slot != slot)
			client->answer[kept_count++] = client->answer[i];
	client->answer_count = kept_count;
}

// Submits one queued message. False: no room for it now.
static bool submit(struct client *client, uint32_t slot, const struct outbox_row *row, struct mtime now)
{
	struct client_slot *session = &client->slot[slot];
	const struct call_submit submission = {
		row->id, MESSAGE_WRITTEN, MESSAGE_UTF8, {row->recipient, false}, row->text, row->text_bytes};
	uint8_t body[CALL_BODY_BYTES_MAX];
	const size_t bytes = call_submit_encode(&submission, body);
	if (!client_make_call(client, slot, CALL_SUBMIT, body, bytes, row->seq, now))
		return false;
	for (uint32_t i = 0; i < CALL_WINDOW; i++) {
		if (session->submission[i].seq != 0)
			continue;
		session->submission[i] = (struct client_submission){row->seq, row->id, row->recipient, row->is_reoffer};
		break;
	}
	session->submission_count++;
	session->submitted_seq = row->seq;
	return true;
}

static void submit_queued(struct client *client, struct mtime now)
{
	if (!client->may_submit || client->present == 0 || client->is_broken ||
	    client->slot[client->present - 1].is_signout_made)
		return;
	const uint32_t slot = client->present - 1;
	struct client_slot *session = &client->slot[slot];
	while (session->submission_count < CALL_WINDOW - CLIENT_CALLS_RESERVED) {
		struct outbox_row row;
		switch (client->storage.outbox_next(client->storage.context, session->submitted_seq, &row)) {
		case MMS_OK:
			break;
		case MMS_E_MISSING:
			return;
		default:
			client_break(client);
			return;
		}
		if (!submit(client, slot, &row, now))
			return;
	}
}

// Makes the calls that are wanted and found no room before: WHO and SIGNOUT. (The window is a span: under loss it may have no room
// though few calls are unanswered.)
static void catch_up(struct client *client, struct mtime now)
{
	uint8_t body[CALL_BODY_BYTES_MAX];
	if (client->present == 0)
		return;
	const uint32_t slot = client->present - 1;
	if (client->list.is_due &&
	    client_make_call(client, slot, CALL_WHO, body, call_who_encode(&client->list.next, body),
			     client->list.ask_count, now))
		client->list.is_due = false;
	if (client->is_leaving && !client->slot[slot].is_signout_made)
		client->slot[slot].is_signout_made = client_make_call(client, slot, CALL_SIGNOUT, NULL, 0, 0, now);
}

void client_submit(struct client *client, struct mtime now)
{
	catch_up(client, now);
	submit_queued(client, now);
}

void client_begin(struct client *client, struct mtime now)
{
	client->list.next = (struct call_who){0};
	client->list.ask_count++;
	client->list.is_due = client->list.is_wanted;
	client->reoffer_at = MTIME_NEVER;
	client->reoffer_wait_us = CLIENT_REOFFER_US;
	submit_queued(client, now); // before SIGNOUT, if that is wanted
	catch_up(client, now);
}

void client_set_submitting(struct client *client, bool may_submit, struct mtime now)
{
	client->may_submit = may_submit;
	client_submit(client, now);
}

void client_ask_who(struct client *client, uint32_t generation, uint32_t first, struct mtime now)
{
	client->list.next = (struct call_who){generation, first};
	client->list.ask_count++;
	client->list.is_due = true;
	catch_up(client, now);
}

void client_who(struct client *client, struct mtime now)
{
	client->list = (struct client_list){.is_wanted = true, .ask_count = client->list.ask_count};
	client_ask_who(client, 0, 0, now);
}

void client_sign_out(struct client *client, struct mtime now)
{
	client->is_leaving = true;
	catch_up(client, now);
}

void client_flush(struct client *client, struct mtime now)
{
	if (client->is_broken)
		return;
	if (client->storage.commit(client->storage.context) != MMS_OK) {
		client_break(client);
		return;
	}
	for (uint32_t i = 0; i < client->answer_count; i++) {
		const struct client_pending_answer *answer = &client->answer[i];
		client->port.answer(client->port.context, answer->slot, answer->number, STATUS_OK);
		client->sent_at = now;
	}
	client->answer_count = 0;
	const uint32_t verdict_count = client->verdict_count;
	client->verdict_count = 0;
	for (uint32_t i = 0; i < verdict_count; i++)
		client->port.told(client->port.context, &client->verdict[i]);
	if (client->is_stored_due)
		client_tell(client, TOLD_STORED);
	client->is_stored_due = false;
	catch_up(client, now);
}

void client_defer_reoffer(struct client *client, struct mtime now)
{
	client->reoffer_at = mtime_min(client->reoffer_at, mtime_add_us(now, client->reoffer_wait_us));
}

void client_make_reoffers(struct client *client, struct mtime now)
{
	client->reoffer_at = now;
}

// The outbox is gone through again from its oldest message, so nothing may be on its way.
static bool is_reoffer_due(const struct client *client, struct mtime now)
{
	return mtime_is_due(client->reoffer_at, now) && client_in_flight_count(client) == 0;
}

static void reoffer_again(struct client *client, struct mtime now)
{
	client->reoffer_at = MTIME_NEVER;
	if (client->reoffer_wait_us < CLIENT_REOFFER_US_MAX)
		client->reoffer_wait_us *= 2;
	client->slot[client->present - 1].submitted_seq = 0;
	submit_queued(client, now);
}

struct mtime client_deadline(const struct client *client)
{
	if (client->present == 0)
		return MTIME_NEVER;
	const struct mtime ping_at = mtime_add_us(client->sent_at, CLIENT_PING_US);
	return client_in_flight_count(client) == 0 ? mtime_min(ping_at, client->reoffer_at) : ping_at;
}

void client_tick(struct client *client, struct mtime now)
{
	if (client->present == 0)
		return;
	if (is_reoffer_due(client, now))
		reoffer_again(client, now);
	if (mtime_is_due(mtime_add_us(client->sent_at, CLIENT_PING_US), now))
		(void)client_make_call(client, client->present - 1, CALL_PING, NULL, 0, 0, now);
}
