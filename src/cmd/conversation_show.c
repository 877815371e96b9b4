// SPDX-License-Identifier: ISC
// What the conversation says as things happen, and when a command is done; the contract is in conversation.h.
#include <assert.h>
#include <string.h>

#include "cmd/conversation_inside.h"
#include "cmd/exit.h"
#include "os/clock.h"
#include "ui/phrase_room.h"

static bool is_past(struct mtime began_at, int64_t wait_ms)
{
	return mtime_is_due(mtime_add_ms(began_at, wait_ms), clock_monotonic());
}

void conversation_finish(struct conversation *conversation, enum conversation_state state)
{
	if (conversation->state != state)
		return;
	conversation->state = TALK_IDLE;
	input_show(&conversation->input);
}

void conversation_say_unreachable(struct conversation *conversation)
{
	if (!conversation->is_unreachable_said)
		device_say_unreachable(&conversation->device, &conversation->out);
	conversation->is_unreachable_said = true;
}

static void fail_store(struct conversation *conversation)
{
	phrase_say_of(&conversation->out, PHRASE_FAILURE, client_store_reason(conversation->device.profile.store)->text);
	conversation->status = EXIT_IO;
	conversation->state = TALK_OVER;
}

// What is shown here of the transcript begins now.
static void begin_showing(struct conversation *conversation)
{
	uint64_t newest_seq = 0;
	if (client_store_transcript_last(conversation->device.profile.store, &newest_seq) != MMS_OK)
		fail_store(conversation);
	device_showing_begin(&conversation->showing, newest_seq);
}

static bool is_receiver(const struct conversation *conversation)
{
	return conversation->device.life.is_receiver;
}

// How many transcript entries wait to be shown here. Those that another terminal shows do not.
static uint64_t count_waiting(struct conversation *conversation)
{
	struct transcript_range range[DEVICE_SHOWING_RANGES_MAX];
	uint64_t waiting = 0;
	uint64_t count = 0;
	const uint32_t range_count = device_showing_ranges(&conversation->showing, is_receiver(conversation), range);
	for (uint32_t i = 0; i < range_count && is_receiver(conversation); i++) {
		if (client_store_transcript_waiting(conversation->device.profile.store, &range[i], &count) != MMS_OK)
			fail_store(conversation);
		waiting += count;
	}
	return waiting;
}

// The welcome waits for the messages it announces, so that its number is right also when the device has some of them
// already; but not for long.
static void welcome(struct conversation *conversation)
{
	const struct client *client = &conversation->device.life.node.client;
	if (conversation->is_welcomed || !conversation->device.life.was_signed_in ||
	    (client_waiting_left(client) > 0 && !mtime_is_due(conversation->welcome_at, clock_monotonic())))
		return;
	const uint64_t waiting = count_waiting(conversation) + client_waiting_left(client);
	conversation->is_welcomed = true;
	conversation->waiting_left = waiting > UINT32_MAX ? UINT32_MAX : (uint32_t)waiting;
	phrase_welcome(&conversation->out, &conversation->user, waiting);
}

static void show_gap(struct conversation *conversation, const struct transcript_row *row)
{
	if (row->conversation.is_room)
		phrase_room_gap(&conversation->out, &row->conversation, row->gap_count);
	else
		phrase_gap(&conversation->out, row->gap_count);
}

// Who came and went before this user did, or while this device was not there, says nothing about now.
static void show_event(struct conversation *conversation, const struct transcript_row *row, const struct message_to *about)
{
	if (!row->is_history)
		phrase_event(&conversation->out, conversation->waiting_left > 0, row->kind, &row->conversation, &row->sender, about);
}

static void show_row(struct conversation *conversation, const struct transcript_row *row)
{
	const char *text = (const char *)row->text;
	const struct phrase_out *out = &conversation->out;
	const bool is_before = conversation->waiting_left > 0 || row->is_history; // not said just now
	struct message_to about;
	if (row->is_gap)
		show_gap(conversation, row);
	else if (!transcript_row_is_known(row))
		phrase_unknown(out, &row->sender);
	else if (transcript_row_is_event(row, &about))
		show_event(conversation, row, &about);
	else if (is_before)
		phrase_waiting(out, &row->sender, &row->conversation, text, row->text_bytes);
	else
		phrase_message(out, &row->sender, &row->conversation, text, row->text_bytes);
	if (conversation->waiting_left > 0 && transcript_row_is_waiting(row))
		conversation->waiting_left--;
}

// Prints a range of the transcript, and notes it as shown once it is out.
static enum mms_err show_range(struct conversation *conversation, const struct transcript_range *range)
{
	struct client_store *store = conversation->device.profile.store;
	struct transcript_range rest = *range;
	struct transcript_row row;
	enum mms_err err;
	while ((err = client_store_transcript_next(store, &rest, &row)) == MMS_OK) {
		if (!row.is_from_here) // else it was seen where it was typed
			show_row(conversation, &row);
		rest.after_seq = row.seq;
	}
	if (err != MMS_E_MISSING || rest.after_seq == range->after_seq || !input_flush(&conversation->input))
		return err;
	const struct transcript_range shown = device_showing_went(&conversation->showing, range, rest.after_seq);
	return device_note_shown(&conversation->device, &shown);
}

static void show_messages(struct conversation *conversation)
{
	struct transcript_range range[DEVICE_SHOWING_RANGES_MAX];
	enum mms_err err = MMS_OK;
	if (!conversation->is_welcomed || !conversation->is_grown || conversation->device.profile.store == NULL)
		return;
	conversation->is_grown = false;
	const uint32_t count = device_showing_ranges(&conversation->showing, is_receiver(conversation), range);
	for (uint32_t i = 0; i < count && (err == MMS_OK || err == MMS_E_MISSING); i++)
		err = show_range(conversation, &range[i]);
	if (err != MMS_OK && err != MMS_E_MISSING)
		fail_store(conversation);
}

// What ended the wish to be somebody is said, and nobody is signed in any more.
static void take_stop(struct conversation *conversation, const struct life_told *stopped)
{
	struct device *device = &conversation->device;
	welcome(conversation); // and what had come before it
	show_messages(conversation);
	if (stopped->stop == LIFE_STOP_SIGNED_OUT)
		phrase_say_of(&conversation->out, PHRASE_SIGNED_OFF, conversation->user.text);
	else
		device_say_stop(device, stopped, &conversation->out);
	// A sign-in that was refused, or is used elsewhere, was said, and the next line may be another one.
	if (stopped->stop != LIFE_STOP_REFUSED && stopped->stop != LIFE_STOP_REPLACED &&
	    stopped->stop != LIFE_STOP_REMOVED && stopped->stop != LIFE_STOP_SIGNED_OUT)
		conversation->status = device_stop_status(device, stopped);
	conversation_look_for_verdicts(conversation);
	conversation_say_stays_queued(conversation, device_stop_status(device, stopped) == EXIT_DENIED);
	conversation->is_user = false;
	conversation->is_welcomed = false;
	conversation_forget(conversation);
	if (stopped->stop == LIFE_STOP_KEY || conversation->is_leaving) {
		conversation->state = TALK_OVER; // a changed key is a hard stop: a person has to decide
		return;
	}
	if (conversation->state != TALK_IDLE && conversation->state != TALK_OVER)
		conversation_finish(conversation, conversation->state);
}

void conversation_told(void *context, const struct life_told *told)
{
	struct conversation *conversation = context;
	conversation->was_reached = conversation->was_reached || device_life_was_reached(&conversation->device.life);
	conversation->moved_at = clock_monotonic();
	switch (told->type) {
	case LIFE_TOLD_SIGNED_IN:
		conversation->user = told->name;
		conversation->welcome_at = mtime_add_ms(clock_monotonic(), CONVERSATION_WELCOME_MS);
		conversation->is_grown = true;
		if (is_receiver(conversation)) // or the one that does has said it
			conversation_remember_queued(conversation);
		conversation_want_presence(conversation);
		device_say_left_behind(&conversation->device, &conversation->out);
		break;
	case LIFE_TOLD_STORED:
		conversation->is_grown = true;
		break;
	case LIFE_TOLD_VERDICT:
		conversation_take_verdict(conversation, told);
		break;
	case LIFE_TOLD_CHANGED:
		conversation->is_grown = true;
		conversation_look_for_verdicts(conversation);
		break;
	case LIFE_TOLD_LIST_BEGIN:
	case LIFE_TOLD_LIST_USER:
	case LIFE_TOLD_LIST_ROOM:
	case LIFE_TOLD_LIST_END:
	case LIFE_TOLD_LIST_FAILED:
		conversation_take_list(conversation, told);
		break;
	case LIFE_TOLD_PRESENCE:
		conversation_say_presence(conversation, told);
		break;
	case LIFE_TOLD_SHUTDOWN:
		phrase_say(&conversation->out, PHRASE_SHUTTING_DOWN);
		break;
	case LIFE_TOLD_UNREACHABLE:
		conversation_say_unreachable(conversation);
		break;
	case LIFE_TOLD_REACHED:
		if (conversation->is_unreachable_said)
			phrase_say_of(&conversation->out, PHRASE_REACHED, conversation->device.server_text);
		conversation->is_unreachable_said = false;
		break;
	case LIFE_TOLD_STOPPED:
		take_stop(conversation, told);
		break;
	case LIFE_TOLD_KNOWN:
		begin_showing(conversation);
		break;
	case LIFE_TOLD_RECONNECTED:
		break;
	}
}

static void advance_leaving(struct conversation *conversation)
{
	struct device *device = &conversation->device;
	const bool is_waiting = conversation->message_count > 0 &&
				!is_past(conversation->began_at, CONVERSATION_VERDICTS_MS);
	if (is_waiting)
		return;
	if (device->life.was_signed_in) {
		device_leave(device);
		conversation_start(conversation, TALK_SIGNING_OUT);
	} else {
		conversation->state = TALK_OVER;
	}
}

// The words of what was sent are said, or it is said that they will come later.
static void advance_sending(struct conversation *conversation)
{
	const bool is_ahead = conversation->input.terminal == NULL && !conversation->is_holding;
	if (conversation->line_count >= (is_ahead ? CONVERSATION_AHEAD_MAX : 1))
		return;
	conversation->state = TALK_IDLE;
	if (!conversation->is_holding) {
		input_show(&conversation->input);
		return;
	}
	conversation->is_holding = false;
	conversation_obey_now(conversation, conversation->held, &conversation->held_line);
}

// A script's next lines depend on the sign-in more than a person's, unless they can be queued for a user known here.
static int64_t signin_patience_ms(const struct conversation *conversation)
{
	return device_life_is_known(&conversation->device.life) || conversation->input.terminal != NULL
		       ? CONVERSATION_PATIENCE_MS
		       : CONVERSATION_PIPE_SIGNIN_MS;
}

void conversation_advance(struct conversation *conversation)
{
	const struct device *device = &conversation->device;
	// A server that is there may hold an answer back, or what it announced: no command waits for that for ever.
	const bool is_stalled = is_past(conversation->moved_at, CONVERSATION_STALL_MS);
	const bool is_silent = device_is_silent(device) || is_stalled;
	const bool is_given_up = is_silent && is_past(conversation->began_at, CONVERSATION_PATIENCE_MS);
	conversation->was_reached = conversation->was_reached || device_life_was_reached(&device->life);
	welcome(conversation);
	show_messages(conversation);
	if (is_silent)
		conversation_say_queued(conversation);
	if (is_stalled && (conversation->state == TALK_LISTING || (conversation->state == TALK_SIGNING_IN && !conversation->is_welcomed)))
		conversation_say_unreachable(conversation);
	switch (conversation->state) {
	case TALK_SIGNING_IN:
		if ((conversation->is_welcomed && client_waiting_left(&device->life.node.client) == 0) ||
		    (is_given_up && is_past(conversation->began_at, signin_patience_ms(conversation))))
			conversation_finish(conversation, TALK_SIGNING_IN);
		break;
	case TALK_LISTING:
		if (is_given_up)
			conversation_finish(conversation, TALK_LISTING);
		break;
	case TALK_SENDING:
		advance_sending(conversation);
		break;
	case TALK_LEAVING:
		advance_leaving(conversation);
		break;
	case TALK_IDLE:
	case TALK_SIGNING_OUT:
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
