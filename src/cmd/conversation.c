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
	conversation->began_at = clock_monotonic();
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
	device_forget(device);
	device_sign_in(device, &command->name, true,
		       code[0] != 0 ? code : conversation->invite);
	conversation->is_user = true;
	conversation->user = command->name;
	conversation->is_welcomed = false;
	conversation->is_unreachable_said = false;
	conversation->is_signout_asked = false;
	conversation_start(conversation, TALK_SIGNING_IN);
}

// Whether there is somebody for whom a command can be done, also while the server does not answer.
static bool is_somebody(const struct conversation *conversation)
{
	return conversation->is_user && (conversation->device.is_signed_in || conversation->device.profile.has_signed_in);
}

static void list(struct conversation *conversation)
{
	struct device *device = &conversation->device;
	conversation->who_count = 0;
	if (!client_is_signed_in(&device->node.client) && device_is_unreachable(device)) {
		conversation->is_unreachable_said = false; // whoever asks hears it again
		conversation_say_unreachable(conversation);
		return;
	}
	client_who(&device->node.client, clock_monotonic());
	conversation_start(conversation, TALK_LISTING);
}

// Remembers a message that was typed here until its verdict comes. False: no memory.
static bool remember(struct conversation *conversation, const struct uuid *id, const struct name *recipient)
{
	if (conversation->message_count == conversation->message_capacity) {
		const size_t capacity = 2 * conversation->message_capacity + 16;
		struct conversation_message *message =
			realloc(conversation->message, capacity * sizeof *conversation->message);
		if (message == NULL)
			return false;
		conversation->message = message;
		conversation->message_capacity = capacity;
	}
	conversation->message[conversation->message_count++] = (struct conversation_message){*id, *recipient};
	return true;
}

static bool is_remembered(const struct conversation *conversation, const struct uuid *id)
{
	for (size_t i = 0; i < conversation->message_count; i++)
		if (memcmp(conversation->message[i].id.bytes, id->bytes, ID_BYTES) == 0)
			return true;
	return false;
}

void conversation_remember_queued(struct conversation *conversation)
{
	const struct client_storage storage = client_store_storage(conversation->device.profile.store);
	struct outbox_row row = {0};
	while (storage.outbox_next(storage.context, row.seq, &row) == MMS_OK)
		if (!row.is_reoffer && !is_remembered(conversation, &row.id) &&
		    !remember(conversation, &row.id, &row.recipient))
			return; // no memory: their verdicts go unsaid
}

static void send(struct conversation *conversation, const struct command *command)
{
	struct device *device = &conversation->device;
	switch (device_queue(device, &command->name, command->text.text, command->text.bytes, &conversation->sending_id)) {
	case MMS_OK:
		break;
	case MMS_E_FULL:
		phrase_say(&conversation->out, PHRASE_OUTBOX_FULL);
		return;
	default:
		phrase_say_of(&conversation->out, PHRASE_FAILURE, device->why.text);
		return;
	}
	if (!remember(conversation, &conversation->sending_id, &command->name))
		return; // it is queued all the same; only its verdict goes unsaid
	conversation->sending_to = command->name;
	conversation_start(conversation, TALK_SENDING);
	if (device_is_unreachable(device)) {
		phrase_say_of(&conversation->out, PHRASE_QUEUED, command->name.text);
		conversation->state = TALK_IDLE;
	}
}

static void sign_out(struct conversation *conversation)
{
	conversation_start(conversation, TALK_SIGNING_OUT);
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
			list(conversation);
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

void conversation_obey(struct conversation *conversation, enum terminal_input input, const struct terminal_line *line)
{
	struct command command;
	assert(conversation->state == TALK_IDLE);
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

struct mtime conversation_deadline(const struct conversation *conversation)
{
	// While a command is at work or a sign of the server is awaited, patience is looked at now and then; else nothing is due.
	enum { LOOK_MS = 200 };
	const struct mtime now = clock_monotonic();
	const bool is_quiet = conversation->state == TALK_IDLE && (conversation->is_welcomed || !conversation->is_user) &&
			      device_node_silence_us(&conversation->device.node, now) == 0;
	return is_quiet ? MTIME_NEVER : mtime_add_ms(now, LOOK_MS);
}

int conversation_end(struct conversation *conversation)
{
	struct device *device = &conversation->device;
	uint64_t queued = 0;
	int status = conversation->status;
	if (status == EXIT_DONE && device->profile.store != NULL &&
	    client_store_outbox_queued_count(device->profile.store, &queued) == MMS_OK && queued > 0)
		status = EXIT_LATER;
	else if (status == EXIT_DONE && !conversation->was_reached && conversation->is_unreachable_said)
		status = EXIT_UNREACHABLE;
	input_close(&conversation->input);
	device_close(device);
	free(conversation->message);
	free(conversation->who);
	free(conversation->who_online);
	return status;
}
