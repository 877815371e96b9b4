// SPDX-License-Identifier: ISC
// `mms who`: the users of the server, or those in a room, and who of them is online: one a line, on a terminal in columns.
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/exit.h"
#include "cmd/output.h"
#include "cmd/invite_code.h"
#include "cmd/script.h"
#include "cmd/verdict.h"
#include "cmd/who_list.h"
#include "os/clock.h"
#include "ui/json.h"
#include "ui/printer.h"

static const char prefix[] = "mms who: ";

enum { WHO_WAIT_US = 10 * 1000 * 1000 };

struct program {
	struct device device;
	struct device_options options;
	uint64_t wait_us;
	bool is_json;
	struct client_list_wish wish;
	struct who_list list; // so far; it is shown when it is whole
	bool is_out_of_memory;
	bool is_whole;
	bool is_over; // with `status`
	int status;
};

static void take_told(void *context, const struct life_told *told)
{
	struct program *program = context;
	const struct phrase_out out = script_notices(prefix);
	switch (told->type) {
	case LIFE_TOLD_SIGNED_IN:
		device_say_left_behind(&program->device, &out);
		device_list(&program->device, &program->wish);
		break;
	case LIFE_TOLD_LIST_BEGIN:
		who_list_clear(&program->list);
		break;
	case LIFE_TOLD_LIST_USER:
		if (!program->is_out_of_memory)
			program->is_out_of_memory = !who_list_add(&program->list, &told->name, told->is_online);
		break;
	case LIFE_TOLD_LIST_END:
		program->is_whole = true;
		break;
	case LIFE_TOLD_LIST_FAILED:
		program->is_over = true;
		program->status = verdict_say_no_list(&out, told->status, &program->wish, program->device.server_text);
		break;
	case LIFE_TOLD_VERDICT: // of a message that was queued before
		script_say_verdict(told, prefix);
		break;
	case LIFE_TOLD_STOPPED:
		program->is_over = true;
		program->status = script_stopped(&program->device, told, prefix);
		break;
	default:
		break;
	}
}

static int fail_memory(void)
{
	const struct phrase_out out = script_notices(prefix);
	phrase_say_of(&out, PHRASE_FAILURE, "not enough memory for the list of users: end other programs");
	return EXIT_IO;
}

// For a program. False: no memory.
static bool write_lines(const struct program *program)
{
	for (size_t i = 0; i < program->list.count; i++) {
		const struct who_user *user = &program->list.user[i];
		struct json_line line;
		if (!program->is_json)
			(void)printer_fields(PRINTER_OUT, user->name.text, user->is_online ? "online" : "offline");
		else if (json_of_user(&line, &user->name, user->is_online) == MMS_OK)
			(void)printer_write_whole(PRINTER_OUT, line.text, line.bytes);
		else
			return false;
	}
	return true;
}

static void write_out(void *context, const char *text, size_t bytes)
{
	(void)context;
	(void)printer_write(PRINTER_OUT, text, bytes);
}

static int show(const struct program *program)
{
	const struct who_list *list = &program->list;
	const struct phrase_out out = {write_out, NULL, "", false};
	const struct phrase_out notices = script_notices(prefix);
	const int screen = program->is_json ? 0 : printer_columns(PRINTER_OUT);
	if (list->count == 0 && list->has_pattern && list->pattern.is_name) {
		phrase_say_of(&notices, PHRASE_NO_USER, list->pattern.text);
		return EXIT_NO_USER;
	}
	if (screen > 0 && list->has_pattern && list->pattern.is_name)
		who_list_say_one(list, &out, "");
	else if (screen > 0)
		who_list_show(list, &out, screen);
	else if (!write_lines(program))
		return fail_memory();
	return output_flush("mms who");
}

static int ask(struct program *program, int signal_fd)
{
	struct device *device = &program->device;
	const struct mtime deadline = mtime_add_us(clock_monotonic(), (int64_t)program->wait_us);
	const struct phrase_out out = script_notices(prefix);
	// What is queued goes with this command too: its verdicts are waited for as well.
	while (!program->is_whole || client_in_flight_count(&device->life.node.client) > 0) {
		if (!script_turn(device, signal_fd, deadline))
			return EXIT_INTERRUPTED;
		if (program->is_over)
			return program->status;
		if (program->is_out_of_memory)
			return fail_memory();
		if (!mtime_is_due(deadline, clock_monotonic()))
			continue;
		if (program->is_whole)
			break;
		phrase_say_of(&out, PHRASE_NO_ANSWER, device->server_text);
		return EXIT_UNREACHABLE;
	}
	return show(program);
}

// Whom the word asks for. False: it is nothing that can be asked for, which is said.
static bool take_word(struct program *program, const char *word)
{
	const struct phrase_out out = script_notices(prefix);
	struct message_to room;
	if (*word != '#') {
		program->list.has_pattern = name_pattern_parse(&program->list.pattern, word, strlen(word));
		if (!program->list.has_pattern)
			phrase_say_of(&out, PHRASE_NOT_A_PATTERN, word);
		return program->list.has_pattern;
	}
	if (!message_to_parse(&room, word, strlen(word))) {
		phrase_say_of(&out, PHRASE_NOT_A_ROOM, word);
		return false;
	}
	program->wish = (struct client_list_wish){.kind = LIST_MEMBERS, .room = room.name};
	return true;
}

int cmd_who(int argc, char **argv)
{
	static struct program program; // too large for a stack
	struct options_words words;
	int signal_fd;
	int status;
	program.wait_us = WHO_WAIT_US;
	const struct options_item items[] = {
		SCRIPT_ITEMS(&program.options),
		{.name = "json", .flag = &program.is_json, .help = "one JSON object a line: {\"v\":1,\"user\":…,\"online\":true}"},
		{.name = "wait", .letter = 'w', .argument = "SECONDS", .seconds_us = &program.wait_us, .max = 86400,
		 .help = "how long to wait for the answer (default 10)"},
	};
	const struct options_command command = {
		.name = "mms who",
		.positionals = "[NAME|PATTERN|#ROOM]",
		.positional_max = 1,
		.summary = "Lists the users of the server in the order of its users file: NAME, a tab, online or offline.",
		.notes = "A pattern has * for any letters and ? for one: mms who 'fr*'. Of a room those are listed who are in it, by\n"
			 "their names: mms who '#ops'. On a terminal the names stand in columns, those first who are online. A name\n"
			 "that is no user's, or a room that is not there or not open to you, ends with status 67.\n",
		.items = items,
		.item_count = sizeof items / sizeof items[0],
	};
	if (!options_begin(&command, argc, argv, &words, &status) ||
	    !invite_code_choose(&program.options.invite, &command, &status))
		return status;
	program.wish.kind = LIST_USERS;
	if (words.count == 1 && !take_word(&program, words.word[0]))
		return EXIT_BAD_TEXT;
	status = script_open(&program.device, &program.options, prefix, take_told, &program, &signal_fd);
	if (status == EXIT_DONE)
		status = script_be(&program.device, &program.options, prefix, LIFE_ASKS);
	if (status == EXIT_DONE)
		status = ask(&program, signal_fd);
	script_close(&program.device, signal_fd);
	who_list_free(&program.list);
	return status;
}
