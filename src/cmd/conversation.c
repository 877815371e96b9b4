// SPDX-License-Identifier: ISC
// What a typed command does; the contract is in conversation.h. What is said as things happen is in conversation_show.c.
#include "cmd/conversation.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/conversation_inside.h"
#include "cmd/exit.h"
#include "cmd/invite_code.h"
#include "os/clock.h"

static void write_out(void *context, const char *text, size_t bytes)
{
	struct conversation *conversation = context;
	input_print(&conversation->input, text, bytes);
}

void conversation_begin(struct conversation *conversation)
{
	conversation->out = (struct phrase_out){write_out, conversation, PHRASE_PREFIX, true};
	phrase_greet(&conversation->out);
	input_show(&conversation->input);
}

void conversation_start(struct conversation *conversation, enum conversation_state state)
{
	conversation->state = state;
	conversation->began_at = conversation->moved_at = clock_monotonic();
}

static void sign_in(struct conversation *conversation, const struct command *command)
{
	struct device *device = &conversation->device;
	char code[INVITE_CODE_TEXT_BYTES] = "";
	if (conversation->is_user) {
		phrase_say_of(&conversation->out, PHRASE_ALREADY_SIGNED_IN, conversation->user.text);
		return;
	}
	if (command->invite.text != NULL && !invite_code_read(command->invite.text, command->invite.bytes, code)) {
		phrase_say(&conversation->out, PHRASE_BAD_INVITE);
		return;
	}
	conversation_forget(conversation);
	if (conversation->has_left_queued && name_is_same(&conversation->left_user, &command->to.name))
		conversation->has_left_queued = false; // it is looked at again when this user leaves
	device_be(device, &command->to.name, LIFE_RECEIVES, code[0] != 0 ? code : conversation->invite);
	conversation->is_user = true;
	conversation->user = command->to.name;
	conversation->is_welcomed = false;
	conversation->is_unreachable_said = false;
	conversation_start(conversation, TALK_SIGNING_IN);
}

// Whether there is somebody for whom a command can be done, also while the server does not answer.
static bool is_somebody(const struct conversation *conversation)
{
	return conversation->is_user && device_life_is_known(&conversation->device.life);
}

// Whether the next line need not wait for the verdict on a message.
static bool is_going_ahead(const struct conversation *conversation)
{
	return conversation->input.terminal == NULL && conversation->line_count < CONVERSATION_AHEAD_MAX;
}

// Queues what a command wants, and waits for its verdict.
static void queue(struct conversation *conversation, struct outbox_row *row)
{
	struct device *device = &conversation->device;
	const struct verdict_wish wish = {row->what, row->to, row->other};
	switch (device_queue(device, row)) {
	case MMS_OK:
		break;
	case MMS_E_FULL:
		verdict_say_not_kept(&conversation->out, &wish);
		return;
	default:
		phrase_say_of(&conversation->out, PHRASE_FAILURE, device->why.text);
		return;
	}
	const bool is_silent = device_is_silent(device);
	if (is_silent)
		verdict_say_queued(&conversation->out, &wish);
	// Without memory for it, it is queued all the same; only its verdict goes unsaid.
	const struct conversation_message message = {
		.id = row->id, .wish = wish, .typed_at = clock_monotonic(), .is_typed = true, .is_line = !is_silent};
	if (conversation_remember(conversation, &message) && !is_silent && !is_going_ahead(conversation))
		conversation_start(conversation, TALK_SENDING);
}

static void send(struct conversation *conversation, const struct command *command)
{
	struct outbox_row row = outbox_message(&(struct uuid){{0}}, &command->to, command->text.text, command->text.bytes);
	queue(conversation, &row);
}

static enum outbox_what what_of(enum command_kind kind)
{
	switch (kind) {
	case COMMAND_JOIN:
		return OUTBOX_JOIN;
	case COMMAND_ADD:
		return OUTBOX_ADD;
	case COMMAND_BLOCK:
		return OUTBOX_BLOCK;
	case COMMAND_UNBLOCK:
		return OUTBOX_UNBLOCK;
	default:
		return OUTBOX_LEAVE; // or remove
	}
}

static void change(struct conversation *conversation, const struct command *command)
{
	struct outbox_row row = {.what = (uint8_t)what_of(command->kind), .to = command->to, .other = command->other};
	if (row.what == OUTBOX_JOIN)
		row.flags = (uint8_t)(JOIN_MAKES | (command->is_private ? JOIN_PRIVATE : 0) |
				      (command->is_without_history ? JOIN_NO_HISTORY : 0));
	queue(conversation, &row);
}

static void sign_out(struct conversation *conversation)
{
	device_leave(&conversation->device);
	conversation_start(conversation, TALK_SIGNING_OUT);
}

void conversation_forget(struct conversation *conversation)
{
	struct device *device = &conversation->device;
	uint64_t queued = 0;
	if (device->profile.store != NULL &&
	    client_store_outbox_queued_count(device->profile.store, &queued) == MMS_OK && queued > 0) {
		conversation->has_left_queued = true;
		conversation->left_user = conversation->user;
	}
	conversation->message_count = conversation->line_count = 0;
	device_forget(device);
}

void conversation_leave(struct conversation *conversation)
{
	if (conversation->state == TALK_OVER)
		return;
	conversation->is_leaving = true;
	input_hide(&conversation->input); // a signal may have come while the prompt was shown
	conversation_start(conversation, conversation->is_user ? TALK_LEAVING : TALK_OVER);
}

static bool is_list(const struct command *command)
{
	return command->kind == COMMAND_WHO || command->kind == COMMAND_ROOMS ||
	       (command->kind == COMMAND_BLOCK && command->to.name.text[0] == 0);
}

// A command of somebody who has signed in.
static void obey_somebody(struct conversation *conversation, const struct command *command)
{
	if (is_list(command))
		conversation_list(conversation, command);
	else if (command->kind == COMMAND_SEND)
		send(conversation, command);
	else
		change(conversation, command);
}

static void obey_command(struct conversation *conversation, const struct command *command)
{
	const struct phrase_out *out = &conversation->out;
	if (command->kind == COMMAND_UNKNOWN || command->fault != COMMAND_FAULT_NONE) {
		phrase_fault(out, command);
		return;
	}
	switch (command->kind) {
	case COMMAND_NONE:
	case COMMAND_UNKNOWN:
		break;
	case COMMAND_HELP:
		if (command->is_more)
			phrase_help_more(out);
		else
			phrase_help(out);
		break;
	case COMMAND_SIGNIN:
		sign_in(conversation, command);
		break;
	case COMMAND_WHO:
	case COMMAND_ROOMS:
	case COMMAND_SEND:
	case COMMAND_JOIN:
	case COMMAND_LEAVE:
	case COMMAND_ADD:
	case COMMAND_REMOVE:
	case COMMAND_BLOCK:
	case COMMAND_UNBLOCK:
		if (is_somebody(conversation))
			obey_somebody(conversation, command);
		else
			phrase_say(out, PHRASE_SIGNIN_FIRST);
		break;
	case COMMAND_SIGNOUT:
		if (conversation->is_user)
			sign_out(conversation);
		else
			phrase_say(out, PHRASE_NOT_SIGNED_IN);
		break;
	case COMMAND_QUIT:
		conversation_leave(conversation);
		break;
	}
}

void conversation_obey_now(struct conversation *conversation, enum terminal_input input, const struct terminal_line *line)
{
	struct command command;
	switch (input) {
	case TERMINAL_NOTHING:
		return;
	case TERMINAL_OVERLONG:
		phrase_say(&conversation->out, PHRASE_LINE_TOO_LONG);
		break;
	case TERMINAL_END:
		conversation_leave(conversation);
		break;
	case TERMINAL_LINE:
		command_parse(line->text, line->bytes, &command);
		obey_command(conversation, &command);
		break;
	}
	if (conversation->state == TALK_IDLE)
		input_show(&conversation->input);
}

// Whether a line says nothing before its verdict: then it may go ahead of the words of those before it.
static bool is_wish(const struct conversation *conversation, enum terminal_input input, const struct terminal_line *line)
{
	struct command command;
	if (input != TERMINAL_LINE)
		return false;
	command_parse(line->text, line->bytes, &command);
	return command.kind >= COMMAND_SEND && command.fault == COMMAND_FAULT_NONE && !is_list(&command) && is_somebody(conversation);
}

void conversation_obey(struct conversation *conversation, enum terminal_input input, const struct terminal_line *line)
{
	assert(conversation->state == TALK_IDLE);
	conversation->moved_at = clock_monotonic();
	if (conversation->line_count == 0 || input == TERMINAL_NOTHING || is_wish(conversation, input, line)) {
		conversation_obey_now(conversation, input, line);
		return;
	}
	conversation->is_holding = true;
	conversation->held = input;
	conversation->held_line = *line;
	conversation_start(conversation, TALK_SENDING);
}

struct mtime conversation_deadline(const struct conversation *conversation)
{
	// While a command is at work or a sign of the server is awaited, patience is looked at now and then; else nothing is due.
	enum { LOOK_MS = 200 };
	const struct mtime now = clock_monotonic();
	const bool is_quiet = conversation->state == TALK_IDLE && (conversation->is_welcomed || !conversation->is_user) &&
			      conversation->line_count == 0 &&
			      device_node_silence_us(&conversation->device.life.node, now) == 0;
	return is_quiet ? MTIME_NEVER : mtime_add_ms(now, LOOK_MS);
}

int conversation_end(struct conversation *conversation)
{
	int status = conversation->status;
	if (conversation->is_user)
		conversation_say_stays_queued(conversation, false);
	if (!input_flush(&conversation->input) && status == EXIT_DONE) // what was said last
		status = conversation->input.status;
	conversation_forget(conversation); // what stays queued is counted before the store is closed
	if (status == EXIT_DONE && conversation->has_left_queued)
		status = EXIT_LATER;
	else if (status == EXIT_DONE && !conversation->was_reached && conversation->is_unreachable_said)
		status = EXIT_UNREACHABLE;
	else if (status == EXIT_DONE && conversation->input.is_unreadable)
		status = EXIT_IO;
	input_close(&conversation->input);
	device_close(&conversation->device);
	free(conversation->message);
	who_list_free(&conversation->who);
	room_list_free(&conversation->rooms);
	return status;
}
