// SPDX-License-Identifier: ISC
// What a device asks of the server, and when; the contract is in client.h.
#include "msg/client.h"

#include <assert.h>
#include <string.h>

#include "msg/client_inside.h"

void client_init(struct client *client, const struct client_port *port)
{
	const uint64_t number = client->number;
	memset(client, 0, sizeof *client);
	client->number = number;
	client->port = *port;
}

void client_start(struct client *client, const struct client_config *config)
{
	client->config = *config;
	client->is_started = true;
	client->was_signed_in = false;
	client->is_leaving = false;
	client->list = (struct client_list){0};
	client->people = (struct client_people){.ask_count = client->people.ask_count};
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

// Its sessions are over at once. What was gathered before is made durable all the same, and told before the end is.
void client_stop(struct client *client, const struct client_told *stop)
{
	for (uint32_t slot = 0; slot < CLIENT_SLOTS; slot++)
		client_forget_session(client, slot);
	memset(client->slot, 0, sizeof client->slot);
	client->present = 0;
	client->is_started = false;
	client->is_page_void = true;
	client->port.stop(client->port.context);
	client->stop = *stop;
	client_tell_stop(client);
}

void client_tell_stop(struct client *client)
{
	const struct client_told stop = client->stop;
	if (stop.type == 0 || client->is_broken || client_is_gathering(client))
		return;
	client->stop = (struct client_told){0};
	client->port.told(client->port.context, &stop);
}

bool client_make_call(struct client *client, uint32_t slot, uint8_t kind, const void *body, size_t bytes, uint64_t tag,
		      struct mtime now)
{
	client->sent_at = now;
	return client->port.call(client->port.context, slot, kind, body, bytes, tag) == MMS_OK;
}

void client_up(struct client *client, uint32_t slot)
{
	assert(slot < CLIENT_SLOTS);
	if (!client->is_started)
		return;
	client_forget_session(client, slot);
	client->slot[slot] = (struct client_slot){.state = CLIENT_SLOT_ASKING};
	client->slot[1 - slot].is_superseded = true;
}

static void sign_in_on(struct client *client, uint32_t slot, const struct storage_mark *mark, struct mtime now)
{
	struct call_signin signin = {
		.is_receiving = client->config.is_receiving,
		.has_proof = client->config.has_invite,
		.name = client->config.name,
		.mark = *mark,
	};
	uint8_t body[CALL_BODY_BYTES_MAX];
	if (signin.has_proof)
		hash_invite_proof(client->config.invite_hash, client->port.handshake_hash(client->port.context, slot),
				  INVITE_DEVICE, signin.proof);
	client->slot[slot].state = CLIENT_SLOT_SIGNING_IN;
	client->slot[slot].shown = signin.mark;
	// A fresh session has room; only a server that keeps all memory busy through the other session can prevent this, and
	// then silence makes us dial again.
	(void)client_make_call(client, slot, CALL_SIGNIN, body, call_signin_encode(&signin, body), 0, now);
}

void client_sign_in(struct client *client, const struct storage_mark *mark, struct mtime now)
{
	for (uint32_t slot = 0; slot < CLIENT_SLOTS; slot++)
		if (client->slot[slot].state == CLIENT_SLOT_ASKING)
			sign_in_on(client, slot, mark, now);
}

void client_ended(struct client *client, uint32_t slot)
{
	assert(slot < CLIENT_SLOTS);
	client->slot[slot] = (struct client_slot){0};
	if (client->present == slot + 1)
		client->present = 0;
	// Its calls cannot be answered any more, and the slot may serve another session before what they brought is durable.
	client_forget_session(client, slot);
}

// Makes the calls that are wanted and found no room before: for a list, and SIGNOUT. (The window is a span: under loss it may have no room
// though few calls are unanswered.)
static void catch_up(struct client *client, struct mtime now)
{
	if (client->present == 0 || !client->slot[client->present - 1].is_begun)
		return;
	const uint32_t slot = client->present - 1;
	client_list_go_on(client, now);
	client_people_go_on(client, now);
	// A page of what is queued goes before it: nothing is submitted behind.
	const bool is_first = client->may_submit && !client->slot[slot].is_outbox_read;
	if (client->is_leaving && !client->slot[slot].is_signout_made && !is_first)
		client->slot[slot].is_signout_made = client_make_call(client, slot, CALL_SIGNOUT, NULL, 0, 0, now);
}

void client_go_on(struct client *client, struct mtime now)
{
	if (client->is_broken)
		return;
	catch_up(client, now);
	if (client->present != 0 && client->slot[client->present - 1].is_begun)
		client_rooms_go_on(client, now);
}

void client_submit(struct client *client, struct mtime now)
{
	client->has_more = true;
	client_go_on(client, now);
}

void client_begin(struct client *client, struct mtime now)
{
	client->slot[client->present - 1].is_begun = true;
	client_list_begin(client);
	client->reoffer_at = MTIME_NEVER;
	client->reoffer_wait_us = CLIENT_REOFFER_US;
	client->look_at = mtime_add_us(now, CLIENT_LOOK_US);
	client_read_from_start(client);
	client_people_begin(client, now);
	client_begin_rooms(client);
	client_delivered(client, now);
	client_go_on(client, now);
}

void client_set_submitting(struct client *client, bool may_submit, struct mtime now)
{
	client->may_submit = may_submit;
	client_submit(client, now);
}

void client_list(struct client *client, const struct client_list_wish *wish, struct mtime now)
{
	client->list = (struct client_list){.wish = *wish, .is_wanted = true, .ask_count = client->list.ask_count};
	client_list_begin(client);
	catch_up(client, now);
}

void client_sign_out(struct client *client, struct mtime now)
{
	client->is_leaving = true;
	catch_up(client, now);
}

static bool is_reoffer_due(const struct client *client, struct mtime now)
{
	return mtime_is_due(client->reoffer_at, now) && client_may_reoffer(client);
}

// Whether the outbox is looked at now and then: before its first page that would be for nothing.
static bool may_look(const struct client *client)
{
	return client->may_submit && client->slot[client->present - 1].is_begun;
}

struct mtime client_deadline(const struct client *client)
{
	if (client->present == 0)
		return MTIME_NEVER;
	const struct mtime ping_at = mtime_min(mtime_add_us(client->sent_at, CLIENT_PING_US), client_rooms_deadline(client));
	struct mtime due = may_look(client) ? mtime_min(ping_at, client->look_at) : ping_at;
	if (client->slot[client->present - 1].is_begun)
		due = mtime_min(due, client_people_deadline(client));
	return client_may_reoffer(client) ? mtime_min(due, client->reoffer_at) : due;
}

void client_tick(struct client *client, struct mtime now)
{
	if (client->present == 0)
		return;
	if (is_reoffer_due(client, now))
		client_reoffer_again(client);
	if (may_look(client) && mtime_is_due(client->look_at, now)) {
		client->has_more = true;
		client->look_at = mtime_add_us(now, CLIENT_LOOK_US);
	}
	client_go_on(client, now); // those whom it watches, and its rooms
	if (mtime_is_due(mtime_add_us(client->sent_at, CLIENT_PING_US), now))
		(void)client_make_call(client, client->present - 1, CALL_PING, NULL, 0, 0, now);
}
