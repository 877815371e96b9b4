// SPDX-License-Identifier: ISC
// `mms send`: one message; the exit status tells its fate.
#include <stdio.h>
#include <stdlib.h>
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

enum {
	SEND_WAIT_US = 10 * 1000 * 1000, // for the verdict, without --wait
	SEND_LOOK_MS = 20,               // between looks for a verdict that another process of the profile gets
};

struct message {
	struct name recipient;
	char text[TEXT_BYTES_MAX + 2]; // one byte more than can be sent tells that there is too much, and one for a newline
	size_t bytes;
};

struct program {
	struct device device;
	struct device_options options;
	uint64_t wait_us;
	struct message message;
	struct name user;
	struct uuid id;
	bool is_queued; // the message is in the outbox
};

static void take_told(void *context, const struct client_told *told)
{
	const struct program *program = context;
	const bool is_own = program->is_queued && memcmp(told->id.bytes, program->id.bytes, ID_BYTES) == 0;
	// What was queued before and is refused now is told by whoever learns it.
	if (told->type == TOLD_VERDICT && told->state == OUTBOX_REFUSED && !told->is_reoffer && !is_own) {
		const struct phrase_out out = script_notices(prefix);
		(void)verdict_say_refused(&out, told->status, told->name.text);
	}
}

static int fail(const struct reason *why, int status)
{
	const struct phrase_out out = script_notices(prefix);
	phrase_say_of(&out, PHRASE_FAILURE, why->text);
	return status;
}

static bool parse_recipient(struct message *message, const char *text)
{
	const struct phrase_out out = script_notices(prefix);
	if (name_parse(&message->recipient, text, strlen(text)))
		return true;
	phrase_say_of(&out, PHRASE_NOT_A_NAME, text);
	return false;
}

// Reads all of standard input, counting what does not fit, and drops one final newline. Returns EXIT_DONE or the exit status.
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
		if (verdict != STANDARD_OK)
			return verdict == STANDARD_STOPPED ? EXIT_INTERRUPTED : fail(&why, EXIT_IO);
		const size_t room = sizeof message->text - message->bytes;
		const size_t kept = bytes < room ? bytes : room;
		memcpy(message->text + message->bytes, part, kept);
		message->bytes += kept;
		*total_bytes += bytes;
		last = bytes > 0 ? part[bytes - 1] : last;
	} while (bytes > 0);
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

// Puts the message into the outbox as soon as the profile is one that has signed in. Returns the exit status.
static int queue(struct program *program)
{
	struct device *device = &program->device;
	if (program->is_queued || device->profile.store == NULL || !device->profile.has_signed_in)
		return EXIT_DONE;
	switch (device_queue(device, &program->message.recipient, program->message.text, program->message.bytes,
			     &program->id)) {
	case MMS_OK:
		program->is_queued = true;
		return EXIT_DONE;
	case MMS_E_FULL: {
		const struct phrase_out out = script_notices(prefix);
		phrase_say(&out, PHRASE_OUTBOX_FULL);
		return EXIT_REFUSED;
	}
	case MMS_E_NOSPACE:
		return fail(&device->why, EXIT_CANT_CREATE);
	default:
		return fail(&device->why, EXIT_IO);
	}
}

// Looks what became of the message. False: no verdict yet.
static bool has_verdict(struct program *program, int *exit_status)
{
	const struct phrase_out out = script_notices(prefix);
	struct client_store *store = program->device.profile.store;
	enum outbox_state state;
	uint8_t status;
	if (!program->is_queued)
		return false;
	if (client_store_outbox_find(store, &program->id, &state, &status) != MMS_OK) {
		*exit_status = fail(client_store_reason(store), EXIT_IO);
		return true;
	}
	switch (state) {
	case OUTBOX_ONLINE:
		*exit_status = EXIT_DONE;
		return true;
	case OUTBOX_SAVED:
		phrase_say_of(&out, PHRASE_OFFLINE, program->message.recipient.text);
		*exit_status = EXIT_DONE;
		return true;
	case OUTBOX_REFUSED:
		*exit_status = verdict_say_refused(&out, status, program->message.recipient.text);
		return true;
	case OUTBOX_QUEUED:
		break;
	}
	return false;
}

// Wants a session of its own as soon as no other process of the profile submits; that one is woken meanwhile.
static void seek_session(struct program *program)
{
	struct device *device = &program->device;
	struct reason why;
	if (device->is_wanted || device->stop != DEVICE_STOP_NONE)
		return;
	if (device->profile.store == NULL || !program->is_queued ||
	    profile_take_outbox(&device->profile, &why) != MMS_E_BUSY)
		device_sign_in(device, &program->user, false, script_invite(&program->options));
	else
		wake_poke(device->profile.wake_file.text);
}

static int out_of_time(const struct program *program)
{
	const struct phrase_out out = script_notices(prefix);
	if (program->is_queued) {
		phrase_say_of(&out, PHRASE_QUEUED, program->message.recipient.text);
		return EXIT_LATER;
	}
	phrase_say_of(&out, PHRASE_GIVEN_UP, program->device.server_text);
	return EXIT_UNREACHABLE;
}

static int deliver(struct program *program, int signal_fd)
{
	struct device *device = &program->device;
	const struct mtime deadline = mtime_add_us(clock_monotonic(), (int64_t)program->wait_us);
	bool is_said = true; // that the server does not answer is said at the end, with what became of the message
	int status = queue(program);
	if (status != EXIT_DONE)
		return status;
	for (;;) {
		seek_session(program);
		const struct mtime now = clock_monotonic();
		const struct mtime look = device->is_wanted ? deadline : mtime_min(deadline, mtime_add_ms(now, SEND_LOOK_MS));
		const bool goes_on = script_turn(device, signal_fd, look, prefix, &is_said);
		if (device->is_signed_in && device->stop == DEVICE_STOP_NONE)
			status = queue(program);
		if (status != EXIT_DONE || has_verdict(program, &status))
			return status;
		if (device->stop != DEVICE_STOP_NONE)
			return script_stopped(device, prefix);
		if (!goes_on)
			return EXIT_INTERRUPTED;
		if (mtime_is_due(deadline, clock_monotonic()))
			return out_of_time(program);
	}
}

static int prepare(struct program *program)
{
	struct device *device = &program->device;
	int status = device_choose_user(device, program->options.user, &program->user);
	if (status == EXIT_DONE && device->stop != DEVICE_STOP_NONE)
		return script_stopped(device, prefix);
	if (status == EXIT_DONE && device->has_key) {
		const enum mms_err err = profile_open(&device->profile, device->state.text, device->server_key,
						      &program->user, false, &device->why);
		status = err == MMS_OK || err == MMS_E_MISSING ? EXIT_DONE : exit_of_data(err);
	}
	return status == EXIT_DONE ? status : fail(&device->why, status);
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
		.summary = "Sends one message. Without TEXT, or with -, the text is standard input less one final newline.",
		.notes = "Options stand before RECIPIENT: behind it nothing is one, so that any TEXT can be sent.\n"
			 "Exit status: 0 accepted by the server, 75 queued and sent later, 67 no such user, 69 server never\n"
			 "reached, 71 mailbox or server full, 65 text too long or not UTF-8, 77 not authorized, 76 server key\n"
			 "changed.\n",
		.items = items,
		.item_count = sizeof items / sizeof items[0],
	};
	if (!options_begin(&command, argc, argv, &words, &status) ||
	    !invite_code_choose(&program.options.invite, &command, &status))
		return status;
	if (!parse_recipient(&program.message, words.word[0]))
		return EXIT_BAD_TEXT;
	status = take_text(&program.message, words.count > 1 ? words.word[1] : NULL);
	if (status != EXIT_DONE)
		return status;
	status = script_open(&program.device, &program.options, prefix, take_told, &program, &signal_fd);
	if (status == EXIT_DONE)
		status = prepare(&program);
	if (status == EXIT_DONE)
		status = deliver(&program, signal_fd);
	script_close(&program.device, signal_fd);
	return status;
}
