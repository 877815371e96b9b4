// SPDX-License-Identifier: ISC
// `mms send`: one message, to a user or a room; the exit status tells its fate.
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/utf8.h"
#include "cmd/cmd.h"
#include "cmd/exit.h"
#include "cmd/invite_code.h"
#include "cmd/script.h"
#include "cmd/verdict.h"
#include "os/clock.h"
#include "os/standard.h"

static const char prefix[] = "mms send: ";

enum { SEND_WAIT_US = 10 * 1000 * 1000 }; // for the verdict, without --wait

struct message {
	struct message_to recipient;
	char recipient_text[MESSAGE_TO_BYTES_MAX + 1]; // as it is written
	char text[TEXT_BYTES_MAX + 2]; // one byte more than can be sent tells that there is too much, and one for a newline
	size_t bytes;
};

struct program {
	struct device device;
	struct device_options options;
	uint64_t wait_us;
	struct message message;
	struct uuid id;
	bool is_queued; // the message is in the outbox
	bool is_kept_out; // the outbox is full: room is waited for
	bool has_end;   // its fate, or why there is none, is said: `status`
	bool is_over;   // nothing is left to wait for
	int status;
};

static int fail(const struct reason *why, int status)
{
	const struct phrase_out out = script_notices(prefix);
	phrase_say_of(&out, PHRASE_FAILURE, why->text);
	return status;
}

static bool parse_recipient(struct message *message, const char *text)
{
	const struct phrase_out out = script_notices(prefix);
	if (!message_to_parse(&message->recipient, text, strlen(text))) {
		phrase_say_of(&out, *text == '#' ? PHRASE_NOT_A_ROOM : PHRASE_NOT_A_NAME, text);
		return false;
	}
	message->recipient_text[message_to_write(&message->recipient, (uint8_t *)message->recipient_text)] = 0;
	return true;
}

// Reads all of standard input, counting what does not fit as far as it is told, since the input may have no end; drops one
// final newline. Returns EXIT_DONE or the exit status.
static int read_text(struct message *message, size_t *total_bytes)
{
	char part[4096];
	struct reason why;
	size_t bytes = 0;
	char last = 0;
	*total_bytes = 0;
	message->bytes = 0;
	do {
		const enum standard_verdict verdict = standard_read(part, sizeof part, &bytes, &why);
		if (verdict == STANDARD_STOPPED) {
			const struct phrase_out out = script_notices(prefix);
			phrase_say(&out, PHRASE_NOT_KEPT);
			return EXIT_INTERRUPTED;
		}
		if (verdict != STANDARD_OK)
			return fail(&why, EXIT_IO);
		const size_t room = sizeof message->text - message->bytes;
		const size_t kept = bytes < room ? bytes : room;
		memcpy(message->text + message->bytes, part, kept);
		message->bytes += kept;
		*total_bytes += bytes;
		last = bytes > 0 ? part[bytes - 1] : last;
	} while (bytes > 0 && *total_bytes <= PHRASE_COUNTED_BYTES_MAX);
	if (last == '\n') {
		--*total_bytes;
		if (message->bytes > *total_bytes)
			message->bytes = *total_bytes;
	}
	return EXIT_DONE;
}

static int take_text(struct message *message, const char *text)
{
	const struct phrase_out out = script_notices(prefix);
	size_t total_bytes = text == NULL ? 0 : strlen(text);
	if (text == NULL || strcmp(text, "-") == 0) {
		const int status = read_text(message, &total_bytes);
		if (status != EXIT_DONE)
			return status;
	} else {
		message->bytes = total_bytes < sizeof message->text ? total_bytes : sizeof message->text;
		memcpy(message->text, text, message->bytes);
	}
	if (total_bytes > TEXT_BYTES_MAX) {
		phrase_too_long(&out, total_bytes);
		return EXIT_BAD_TEXT;
	}
	if (total_bytes == 0)
		return fail(&(struct reason){"the message is empty: write some text"}, EXIT_BAD_TEXT);
	if (!utf8_is_message(message->text, message->bytes)) {
		phrase_say(&out, PHRASE_BAD_TEXT);
		return EXIT_BAD_TEXT;
	}
	return EXIT_DONE;
}

static void end(struct program *program, int status)
{
	program->has_end = true;
	program->status = status;
}

// --- once the message is in the outbox, nothing but a verdict ends it: else the status is 75, and it is said that it stays. But a
// device that is not let in takes it back ---

static void end_queued(struct program *program)
{
	const struct phrase_out out = script_notices(prefix);
	phrase_say_of(&out, PHRASE_STAYS_QUEUED, program->message.recipient_text);
	end(program, EXIT_LATER);
}

// Looks what became of the message.
static void look(struct program *program)
{
	const struct phrase_out out = script_notices(prefix);
	struct client_store *store = program->device.profile.store;
	enum outbox_state state;
	uint8_t status;
	if (!program->is_queued || program->has_end)
		return;
	if (client_store_outbox_find(store, &program->id, &state, &status) != MMS_OK) {
		phrase_say_of(&out, PHRASE_FAILURE, client_store_reason(store)->text);
		end_queued(program);
		program->is_over = true;
		return;
	}
	switch (state) {
	case OUTBOX_ONLINE:
		end(program, EXIT_DONE);
		break;
	case OUTBOX_SAVED:
		phrase_say_of(&out, PHRASE_OFFLINE, program->message.recipient_text);
		end(program, EXIT_DONE);
		break;
	case OUTBOX_REFUSED:
		end(program, verdict_say_refused(
				     &out, status, &(struct verdict_wish){.what = OUTBOX_MESSAGE, .to = program->message.recipient}));
		break;
	case OUTBOX_QUEUED:
		break;
	}
}

// Puts the message into the outbox: the profile is one that has signed in. A full one is no end while there is time: this very
// command submits what is queued, or waits while another one does.
static void queue(struct program *program)
{
	struct device *device = &program->device;
	if (program->is_queued || program->has_end)
		return;
	struct outbox_row wish = outbox_message(&(struct uuid){{0}}, &program->message.recipient, program->message.text,
						program->message.bytes);
	const enum mms_err err = device_queue(device, &wish);
	program->id = wish.id;
	switch (err) {
	case MMS_OK:
		program->is_queued = true;
		program->is_kept_out = false;
		break;
	case MMS_E_FULL:
		program->is_kept_out = true;
		break;
	case MMS_E_NOSPACE:
		end(program, fail(&device->why, EXIT_CANT_CREATE));
		break;
	default:
		end(program, fail(&device->why, EXIT_IO));
		break;
	}
}

// A verdict may have made room.
static void retry(struct program *program)
{
	if (program->is_kept_out)
		queue(program);
}

// A server that does not let this device in may never do so again. What nobody has submitted is taken back, so that "not
// authorized" means what it says; what may have been submitted stays: its verdict may be that it was accepted.
static void withdraw(struct program *program)
{
	struct device *device = &program->device;
	if (program->is_queued && !device_life_may_have_submitted(&device->life) &&
	    client_store_outbox_withdraw(device->profile.store, &program->id) == MMS_OK)
		program->is_queued = false;
}

static void take_stop(struct program *program, const struct life_told *stopped)
{
	const bool is_denied = device_stop_status(&program->device, stopped) == EXIT_DENIED;
	program->is_over = true;
	look(program);
	if (program->has_end)
		return;
	if (is_denied)
		withdraw(program);
	const int status = script_stopped(&program->device, stopped, prefix);
	if (program->is_queued && is_denied)
		end(program, EXIT_LATER); // that it stays is said
	else if (program->is_queued)
		end_queued(program);
	else
		end(program, status == EXIT_LATER ? EXIT_REFUSED : status); // 75 is for what is queued
}

static void take_told(void *context, const struct life_told *told)
{
	struct program *program = context;
	const struct phrase_out out = script_notices(prefix);
	switch (told->type) {
	case LIFE_TOLD_SIGNED_IN:
		device_say_left_behind(&program->device, &out);
		break;
	case LIFE_TOLD_KNOWN:
		queue(program);
		break;
	case LIFE_TOLD_VERDICT:
		// What was queued before and is refused now is told by whoever learns it.
		if (program->is_queued && memcmp(told->id.bytes, program->id.bytes, ID_BYTES) == 0)
			look(program);
		else
			script_say_verdict(told, prefix);
		retry(program);
		break;
	case LIFE_TOLD_CHANGED:
		look(program);
		retry(program);
		break;
	case LIFE_TOLD_STOPPED:
		take_stop(program, told);
		break;
	default:
		break;
	}
}

// Who submits does so for the other commands of this user too: they wait for it, and would each sign in for themselves.
static bool has_others(const struct program *program)
{
	const struct device *device = &program->device;
	uint64_t count = 0;
	return program->is_queued && device->life.is_holding && !device_is_silent(device) &&
	       client_store_outbox_queued_count(device->profile.store, &count) == MMS_OK && count > 0;
}

static void end_interrupted(struct program *program)
{
	const struct phrase_out out = script_notices(prefix);
	look(program);
	if (program->has_end)
		return;
	phrase_say(&out, program->is_queued ? PHRASE_INTERRUPTED : PHRASE_NOT_KEPT);
	if (program->is_queued)
		end_queued(program);
	else
		end(program, EXIT_INTERRUPTED);
}

static void end_out_of_time(struct program *program)
{
	const struct phrase_out out = script_notices(prefix);
	struct device *device = &program->device;
	look(program);
	if (program->has_end)
		return;
	if (program->is_kept_out) {
		phrase_say(&out, PHRASE_OUTBOX_FULL);
		end(program, EXIT_REFUSED);
	} else if (!program->is_queued) {
		phrase_say_of(&out, PHRASE_GIVEN_UP, device->server_text);
		end(program, EXIT_UNREACHABLE);
	} else if (device_is_without_host(device)) {
		phrase_say_of(&out, PHRASE_FAILURE, device->host_why.text);
		end_queued(program);
	} else if (device_is_silent(device) ||
		   (device->life.state != LIFE_WAITING && !device_life_was_reached(&device->life))) {
		phrase_say_of(&out, PHRASE_QUEUED, program->message.recipient_text);
		end(program, EXIT_LATER);
	} else {
		phrase_say(&out, PHRASE_NO_VERDICT);
		end_queued(program);
	}
}

static int deliver(struct program *program, int signal_fd)
{
	const struct mtime deadline = mtime_add_us(clock_monotonic(), (int64_t)program->wait_us);
	for (;;) {
		const bool goes_on = script_turn(&program->device, signal_fd, deadline);
		const bool is_late = mtime_is_due(deadline, clock_monotonic());
		if (!goes_on)
			end_interrupted(program);
		else if (is_late)
			end_out_of_time(program);
		if (program->has_end && (program->is_over || !goes_on || is_late || !has_others(program)))
			return program->status;
	}
}

int cmd_send(int argc, char **argv)
{
	static struct program program; // too large for a stack
	struct options_words words;
	int signal_fd;
	int status;
	program.wait_us = SEND_WAIT_US;
	const struct options_item items[] = {
		SCRIPT_ITEMS(&program.options),
		{.name = "wait", .letter = 'w', .argument = "SECONDS", .seconds_us = &program.wait_us, .max = 86400,
		 .help = "how long to wait for the verdict (default 10)"},
	};
	const struct options_command command = {
		.name = "mms send",
		.positionals = "RECIPIENT [TEXT|-]",
		.positional_min = 1,
		.positional_max = 2,
		.words_end_options = true,
		.summary = "Sends one message, to a user or a room ('#ops'). Without TEXT, or with -, the text is standard input less one "
			   "final newline.",
		.notes = "Options stand before RECIPIENT: behind it nothing is one, so that any TEXT can be sent.\n"
			 "Exit status: 0 accepted by the server, 75 queued and sent later, whatever came between; with every other\n"
			 "the message is not queued: 67 no such user, or you are not in the room, 69 server never reached, 71\n"
			 "mailbox or server full, or the recipient blocks you, 65 text too long or not UTF-8, 77 not authorized, 76\n"
			 "server key changed, 130 interrupted.\n",
		.items = items,
		.item_count = sizeof items / sizeof items[0],
	};
	if (!options_begin(&command, argc, argv, &words, &status) ||
	    !invite_code_choose(&program.options.invite, &command, &status))
		return status;
	if (!parse_recipient(&program.message, words.word[0]))
		return EXIT_BAD_TEXT;
	// The text may be long in coming: a signal ends that wait too, whatever was inherited.
	status = script_open(&program.device, &program.options, prefix, take_told, &program, &signal_fd);
	if (status == EXIT_DONE)
		status = take_text(&program.message, words.count > 1 ? words.word[1] : NULL);
	if (status == EXIT_DONE)
		status = script_be(&program.device, &program.options, prefix, LIFE_SENDS);
	if (status == EXIT_DONE)
		status = deliver(&program, signal_fd);
	script_close(&program.device, signal_fd);
	return status;
}
