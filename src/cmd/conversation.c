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
	if (conversation->has_left_queued && name_is_same(&conversation->left_user, &command->name))
		conversation->has_left_queued = false; // it is looked at again when this user leaves
	device_be(device, &command->name, LIFE_RECEIVES, code[0] != 0 ? code : conversation->invite);
	conversation->is_user = true;
	conversation->user = command->name;
	conversation->is_welcomed = false;
	conversation->is_unreachable_said = false;
	conversation_start(conversation, TALK_SIGNING_IN);
}

// Whether there is somebody for whom a command can be done, also while the server does not answer.
static bool is_somebody(const struct conversation *conversation)
{
	return conversation->is_user && device_life_is_known(&conversation->device.life);
}

static void list(struct conversation *conversation, const struct command *command)
{
	struct device *device = &conversation->device;
	who_list_clear(&conversation->who);
	conversation->who.has_pattern = command->has_pattern;
	conversation->who.pattern = command->pattern;
	if (device->life.state != LIFE_SIGNED_IN && device_is_silent(device)) {
		conversation->is_unreachable_said = false; // whoever asks hears it again
		conversation_say_unreachable(conversation);
		return;
	}
	device_list(device, &(struct client_list_wish){.kind = LIST_USERS});
	conversation_start(conversation, TALK_LISTING);
}

// Whether the next line need not wait for the verdict on a message.
static bool is_going_ahead(const struct conversation *conversation)
{
	return conversation->input.terminal == NULL && conversation->line_count < CONVERSATION_AHEAD_MAX;
}

static void send(struct conversation *conversation, const struct command *command)
{
	struct device *device = &conversation->device;
	struct outbox_row wish = outbox_message(&(struct uuid){{0}}, &(struct message_to){.name = command->name}, command->text.text,
						command->text.bytes);
	switch (device_queue(device, &wish)) {
	case MMS_OK:
		break;
	case MMS_E_FULL:
		phrase_say(&conversation->out, PHRASE_OUTBOX_FULL);
		return;
	default:
		phrase_say_of(&conversation->out, PHRASE_FAILURE, device->why.text);
		return;
	}
	const bool is_silent = device_is_silent(device);
	if (is_silent)
		phrase_say_of(&conversation->out, PHRASE_QUEUED, command->name.text);
	// Without memory for it, it is queued all the same; only its verdict goes unsaid.
	const struct conversation_message message = {
		.id = wish.id, .recipient = command->name, .typed_at = clock_monotonic(), .is_typed = true, .is_line = !is_silent};
	if (conversation_remember(conversation, &message) && !is_silent && !is_going_ahead(conversation))
		conversation_start(conversation, TALK_SENDING);
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
		phrase_help(out);
		break;
	case COMMAND_SIGNIN:
		sign_in(conversation, command);
		break;
	case COMMAND_WHO:
		if (is_somebody(conversation))
			list(conversation, command);
		else
			phrase_say(out, PHRASE_SIGNIN_FIRST);
		break;
	case COMMAND_SEND:
		if (is_somebody(conversation))
			send(conversation, command);
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
static bool is_message(const struct conversation *conversation, enum terminal_input input, const struct terminal_line *line)
{
	struct command command;
	if (input != TERMINAL_LINE)
		return false;
	command_parse(line->text, line->bytes, &command);
	return command.kind == COMMAND_SEND && command.fault == COMMAND_FAULT_NONE && is_somebody(conversation);
}

void conversation_obey(struct conversation *conversation, enum terminal_input input, const struct terminal_line *line)
{
	assert(conversation->state == TALK_IDLE);
	conversation->moved_at = clock_monotonic();
	if (conversation->line_count == 0 || input == TERMINAL_NOTHING || is_message(conversation, input, line)) {
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
	return status;
}
