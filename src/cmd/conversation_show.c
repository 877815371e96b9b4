// SPDX-License-Identifier: ISC
// What the conversation says as things happen, and when a command is done; the contract is in conversation.h.
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/conversation_inside.h"
#include "cmd/exit.h"
#include "cmd/verdict.h"
#include "os/clock.h"

static bool is_past(struct mtime began_at, int64_t wait_ms)
{
	return mtime_is_due(mtime_add_ms(began_at, wait_ms), clock_monotonic());
}

static void finish(struct conversation *conversation)
{
	conversation->state = TALK_IDLE;
	input_show(&conversation->input);
}

void conversation_say_unreachable(struct conversation *conversation)
{
	if (!conversation->is_unreachable_said)
		phrase_say_of(&conversation->out, PHRASE_UNREACHABLE, conversation->device.server_text);
	conversation->is_unreachable_said = true;
}

static void add_user(struct conversation *conversation, const struct client_told *told)
{
	if (conversation->who_count == conversation->who_capacity) {
		const size_t capacity = 2 * conversation->who_capacity + 64;
		struct name *who = realloc(conversation->who, capacity * sizeof *who);
		if (who != NULL)
			conversation->who = who;
		bool *online = realloc(conversation->who_online, capacity * sizeof *online);
		if (online != NULL)
			conversation->who_online = online;
		if (who == NULL || online == NULL)
			return; // the list ends where the memory does
		conversation->who_capacity = capacity;
	}
	conversation->who[conversation->who_count] = told->name;
	conversation->who_online[conversation->who_count++] = told->is_online;
}

static void show_users(struct conversation *conversation)
{
	for (int online = 1; online >= 0; online--) {
		struct phrase_names names;
		phrase_names_begin(&names, &conversation->out, online == 1);
		for (size_t i = 0; i < conversation->who_count; i++)
			if (conversation->who_online[i] == (online == 1))
				phrase_names_add(&names, &conversation->who[i]);
		phrase_names_end(&names);
	}
}

// Forgets a message typed here. False: it was not typed here, or its verdict has come before.
static bool forget_message(struct conversation *conversation, const struct uuid *id)
{
	for (size_t i = 0; i < conversation->message_count; i++) {
		if (memcmp(conversation->message[i].id.bytes, id->bytes, ID_BYTES) != 0)
			continue;
		conversation->message[i] = conversation->message[--conversation->message_count];
		return true;
	}
	return false;
}

static void take_verdict(struct conversation *conversation, const struct client_told *told)
{
	const bool is_ours = forget_message(conversation, &told->id);
	if (told->is_reoffer)
		return;
	// What another process of the profile queued and could not wait for is told here when it failed.
	if (told->state == OUTBOX_REFUSED)
		(void)verdict_say_refused(&conversation->out, told->status, told->name.text);
	else if (told->state == OUTBOX_SAVED && is_ours)
		phrase_say_of(&conversation->out, PHRASE_OFFLINE, told->name.text);
	if (conversation->state == TALK_SENDING &&
	    memcmp(told->id.bytes, conversation->sending_id.bytes, ID_BYTES) == 0)
		finish(conversation);
}

void conversation_told(void *context, const struct client_told *told)
{
	struct conversation *conversation = context;
	switch (told->type) {
	case TOLD_SIGNED_IN:
		conversation->user = told->name;
		conversation->welcome_at = mtime_add_ms(clock_monotonic(), CONVERSATION_WELCOME_MS);
		conversation->is_grown = true;
		conversation_remember_queued(conversation);
		break;
	case TOLD_STORED:
		conversation->is_grown = true;
		break;
	case TOLD_VERDICT:
		take_verdict(conversation, told);
		break;
	case TOLD_WHO_BEGIN:
		conversation->who_count = 0;
		break;
	case TOLD_WHO_USER:
		add_user(conversation, told);
		break;
	case TOLD_WHO_END:
		show_users(conversation);
		if (conversation->state == TALK_LISTING)
			finish(conversation);
		break;
	case TOLD_WHO_FAILED:
		(void)verdict_say_no_list(&conversation->out, told->status, conversation->device.server_text);
		if (conversation->state == TALK_LISTING)
			finish(conversation);
		break;
	case TOLD_SHUTDOWN:
		phrase_say(&conversation->out, PHRASE_SHUTTING_DOWN);
		break;
	default:
		break;
	}
}

static void fail_store(struct conversation *conversation)
{
	phrase_say_of(&conversation->out, PHRASE_FAILURE, client_store_reason(conversation->device.profile.store)->text);
	conversation->status = EXIT_IO;
	conversation->state = TALK_OVER;
}

// How many transcript entries have not been shown.
static uint64_t count_unshown(struct conversation *conversation)
{
	uint64_t count = 0;
	const struct client_storage storage = client_store_storage(conversation->device.profile.store);
	if (storage.unshown_count(storage.context, &count) != MMS_OK)
		fail_store(conversation);
	return count;
}

// The welcome waits for the messages it announces, so that its number is right also when the device has some of them
// already; but not for long.
static void welcome(struct conversation *conversation)
{
	const struct client *client = &conversation->device.node.client;
	if (conversation->is_welcomed || !conversation->device.is_signed_in ||
	    (client_waiting_left(client) > 0 && !mtime_is_due(conversation->welcome_at, clock_monotonic())))
		return;
	const uint64_t waiting = count_unshown(conversation) + client_waiting_left(client);
	conversation->is_welcomed = true;
	conversation->waiting_left = waiting > UINT32_MAX ? UINT32_MAX : (uint32_t)waiting;
	phrase_welcome(&conversation->out, &conversation->user, waiting);
}

static void show_row(struct conversation *conversation, const struct transcript_row *row)
{
	const char *text = (const char *)row->text;
	if (row->is_gap)
		phrase_gap(&conversation->out, row->gap_count);
	else if (conversation->waiting_left > 0)
		phrase_waiting(&conversation->out, &row->sender, text, row->text_bytes);
	else
		phrase_message(&conversation->out, &row->sender, text, row->text_bytes);
	if (conversation->waiting_left > 0)
		conversation->waiting_left--;
}

// Prints what the transcript holds unshown, and notes it as shown once it is out.
static void show_messages(struct conversation *conversation)
{
	struct client_store *store = conversation->device.profile.store;
	struct transcript_row row;
	uint64_t shown_seq = 0;
	enum mms_err err;
	if (!conversation->is_welcomed || !conversation->is_grown || store == NULL)
		return;
	conversation->is_grown = false;
	while ((err = client_store_transcript_next_unshown(store, shown_seq, &row)) == MMS_OK) {
		show_row(conversation, &row);
		shown_seq = row.seq;
	}
	if (err == MMS_E_MISSING && shown_seq > 0 && input_flush(&conversation->input))
		err = client_store_transcript_mark_shown(store, shown_seq);
	if (err != MMS_OK && err != MMS_E_MISSING)
		fail_store(conversation);
}

static void note_reach(struct conversation *conversation)
{
	const struct device *device = &conversation->device;
	conversation->was_reached = conversation->was_reached || device->was_reached;
	if (!device->is_wanted)
		return;
	if (device_is_unreachable(device)) {
		conversation_say_unreachable(conversation);
	} else if (conversation->is_unreachable_said && client_is_signed_in(&device->node.client) && device->is_started) {
		phrase_say_of(&conversation->out, PHRASE_REACHED, device->server_text);
		conversation->is_unreachable_said = false;
	}
}

// What ended the wish to be somebody is said, and nobody is signed in any more.
static void take_stop(struct conversation *conversation)
{
	struct device *device = &conversation->device;
	const enum device_stop stop = device->stop;
	if (stop == DEVICE_STOP_NONE)
		return;
	if (stop == DEVICE_STOP_SIGNED_OUT)
		phrase_say_of(&conversation->out, PHRASE_SIGNED_OFF, conversation->user.text);
	else
		device_say_stop(device, &conversation->out);
	if (stop == DEVICE_STOP_KEY || stop == DEVICE_STOP_NOT_PROVED || stop == DEVICE_STOP_BROKEN ||
	    stop == DEVICE_STOP_VERSION || stop == DEVICE_STOP_FAILED)
		conversation->status = device->status;
	conversation->is_user = false;
	conversation->is_welcomed = false;
	device->stop = DEVICE_STOP_NONE;
	if (stop == DEVICE_STOP_KEY) {
		conversation->state = TALK_OVER; // a hard stop: a person has to decide
		return;
	}
	if (conversation->is_leaving) {
		conversation->state = TALK_OVER;
		return;
	}
	device_forget(device);
	if (conversation->state != TALK_IDLE && conversation->state != TALK_OVER)
		finish(conversation);
}

// Leaves without the server's answer: it will notice the silence.
static void drop_user(struct conversation *conversation)
{
	phrase_say_of(&conversation->out, PHRASE_SIGNED_OFF, conversation->user.text);
	conversation->is_user = false;
	conversation->is_welcomed = false;
	if (conversation->is_leaving) {
		conversation->state = TALK_OVER;
		return;
	}
	device_forget(&conversation->device);
	finish(conversation);
}

static void advance_signing_out(struct conversation *conversation)
{
	struct device *device = &conversation->device;
	if (!conversation->is_signout_asked && device->is_signed_in)
		device_sign_out(device);
	conversation->is_signout_asked = true;
	if (!device->is_signed_in || is_past(conversation->began_at, CONVERSATION_SIGNOUT_MS)) {
		if (device_is_unreachable(device) || !device->is_signed_in ||
		    is_past(conversation->began_at, CONVERSATION_VERDICTS_MS))
			drop_user(conversation);
	}
}

static void advance_leaving(struct conversation *conversation)
{
	const struct device *device = &conversation->device;
	const bool is_waiting = conversation->message_count > 0 &&
				!is_past(conversation->began_at, CONVERSATION_VERDICTS_MS);
	if (is_waiting)
		return;
	if (device->is_signed_in)
		conversation_start(conversation, TALK_SIGNING_OUT);
	else
		conversation->state = TALK_OVER;
}

// A script's next lines depend on the sign-in more than a person's, unless they can be queued for a user known here.
static int64_t signin_patience_ms(const struct conversation *conversation)
{
	const bool can_queue = conversation->device.profile.store != NULL && conversation->device.profile.has_signed_in;
	return can_queue || conversation->input.terminal != NULL ? CONVERSATION_PATIENCE_MS : CONVERSATION_PIPE_SIGNIN_MS;
}

void conversation_advance(struct conversation *conversation)
{
	const struct device *device = &conversation->device;
	note_reach(conversation);
	welcome(conversation);
	show_messages(conversation);
	take_stop(conversation);
	const bool is_silent = device_is_unreachable(device) && is_past(conversation->began_at, CONVERSATION_PATIENCE_MS);
	switch (conversation->state) {
	case TALK_SIGNING_IN:
		if ((conversation->is_welcomed && client_waiting_left(&device->node.client) == 0) ||
		    (is_silent && is_past(conversation->began_at, signin_patience_ms(conversation))))
			finish(conversation);
		break;
	case TALK_LISTING:
		if (is_silent)
			finish(conversation);
		break;
	case TALK_SENDING:
		if (is_silent) {
			phrase_say_of(&conversation->out, PHRASE_QUEUED, conversation->sending_to.text);
			finish(conversation);
		}
		break;
	case TALK_SIGNING_OUT:
		advance_signing_out(conversation);
		break;
	case TALK_LEAVING:
		advance_leaving(conversation);
		break;
	case TALK_IDLE:
	case TALK_OVER:
		break;
	}
	input_flush(&conversation->input);
	if (conversation->input.is_failed && conversation->state != TALK_OVER) {
		if (conversation->status == EXIT_DONE)
			conversation->status = conversation->input.status;
		conversation->state = TALK_OVER;
	}
}
