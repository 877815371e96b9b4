// SPDX-License-Identifier: ISC
// `mms listen`: incoming messages on standard output, one a line, flushed.
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/exit.h"
#include "cmd/output.h"
#include "cmd/invite_code.h"
#include "cmd/script.h"
#include "os/clock.h"
#include "node/device_showing.h"
#include "os/standard.h"
#include "ui/filter.h"
#include "ui/json.h"
#include "ui/phrase_room.h"
#include "ui/printer.h"

static const char prefix[] = "mms listen: ";

struct program {
	struct device device;
	struct device_options options;
	bool is_json;
	const char *in;
	bool has_room;          // only what belongs to `room` is shown
	struct message_to room;
	struct room_id room_id; // once something of it was there; else zeros
	uint64_t count_max; // 0: no end
	uint64_t timeout_us;
	bool has_timeout;
	uint64_t shown_count;
	bool is_grown;
	struct device_showing showing;
	bool is_stopped; // `stopped` says why
	struct life_told stopped;
};

// What is shown here of the transcript begins now. A store that cannot be read says so when it is read on.
static void begin_showing(struct program *program)
{
	uint64_t newest_seq = 0;
	const enum mms_err err = client_store_transcript_last(program->device.profile.store, &newest_seq);
	device_showing_begin(&program->showing, err == MMS_OK ? newest_seq : 0);
}

static void take_told(void *context, const struct life_told *told)
{
	struct program *program = context;
	const struct phrase_out out = script_notices(prefix);
	switch (told->type) {
	case LIFE_TOLD_KNOWN:
		begin_showing(program);
		break;
	case LIFE_TOLD_SIGNED_IN:
		device_say_left_behind(&program->device, &out);
		program->is_grown = true;
		break;
	case LIFE_TOLD_STORED:
	case LIFE_TOLD_CHANGED:
		program->is_grown = true;
		break;
	case LIFE_TOLD_VERDICT:
		script_say_verdict(told, prefix);
		break;
	case LIFE_TOLD_UNREACHABLE:
		device_say_unreachable(&program->device, &out);
		break;
	case LIFE_TOLD_REACHED:
		phrase_say_of(&out, PHRASE_REACHED, program->device.server_text);
		break;
	case LIFE_TOLD_STOPPED:
		program->is_stopped = true;
		program->stopped = *told;
		break;
	default:
		break;
	}
}

// "FROM: TEXT"; to a room "#ROOM FROM: TEXT"; what this user wrote elsewhere to somebody "FROM to NAME: TEXT".
static bool write_plain(const struct transcript_row *row)
{
	char text[TEXT_BYTES_MAX * FILTER_EXPANSION_MAX + 1];
	char who[NAME_BUFFER_BYTES + MESSAGE_TO_BYTES_MAX + 8];
	char to[MESSAGE_TO_BYTES_MAX + 1] = "";
	const size_t bytes = filter_text(row->text, row->text_bytes, FILTER_LINE, text, sizeof text);
	to[message_to_write(&row->conversation, (uint8_t *)to)] = 0;
	if (row->conversation.is_room)
		snprintf(who, sizeof who, "%s %s: ", to, row->sender.text);
	else
		snprintf(who, sizeof who, "%s%s%s: ", row->sender.text, to[0] == 0 ? "" : " to ", to);
	return printer_write(PRINTER_OUT, who, strlen(who)) && printer_write(PRINTER_OUT, text, bytes) &&
	       printer_write(PRINTER_OUT, "\n", 1);
}

static enum mms_err format_event(struct json_line *line, const struct transcript_row *row, const struct message_to *about)
{
	return json_of_event(line, &(struct json_event){
		.id = row->id,
		.kind = row->kind,
		.by = row->sender,
		.to = row->conversation,
		.about = *about,
		.time = row->accepted_at,
		.row = row->room_row,
		.is_history = row->is_history,
	});
}

static enum mms_err format_message(const struct program *program, struct json_line *line, const struct transcript_row *row)
{
	struct json_message message = {
		.id = row->id,
		.from = row->sender,
		.to = row->conversation,
		.time = row->accepted_at,
		.text = (const char *)row->text,
		.text_bytes = row->text_bytes,
		.row = row->room_row,
		.is_history = row->is_history,
	};
	if (name_bytes(&message.to.name) == 0)
		message.to.name = program->device.profile.name;
	return transcript_row_is_known(row) ? json_of_message(line, &message) : json_of_unknown(line, &message);
}

static bool write_json(const struct program *program, const struct transcript_row *row)
{
	struct json_line line;
	struct message_to about;
	const enum mms_err err = row->is_gap ? json_of_gap(&line, row->gap_count, &row->conversation, row->room_row)
				 : transcript_row_is_event(row, &about) ? format_event(&line, row, &about)
									: format_message(program, &line, row);
	if (err == MMS_E_BAD)
		return true; // a server that lets such text through: nothing that could be shown
	return err == MMS_OK && printer_write_whole(PRINTER_OUT, line.text, line.bytes);
}

static bool write_row(const struct program *program, const struct transcript_row *row)
{
	const struct phrase_out out = script_notices(prefix);
	if (program->is_json)
		return write_json(program, row);
	struct message_to about;
	if (row->is_gap && row->conversation.is_room)
		phrase_room_gap(&out, &row->conversation, row->gap_count);
	else if (row->is_gap)
		phrase_gap(&out, row->gap_count);
	else if (!transcript_row_is_known(row))
		phrase_unknown(&out, &row->sender);
	else if (transcript_row_is_event(row, &about) && row->is_history)
		return true; // it says nothing about now
	else if (transcript_row_is_event(row, &about))
		phrase_event(&out, false, row->kind, &row->conversation, &row->sender, &about);
	else
		return write_plain(row);
	return true;
}

// Whether an entry is of the room that is meant. It keeps its id when it is renamed.
static bool is_in_room(struct program *program, const struct transcript_row *row)
{
	struct message_to about;
	if (!room_id_is_set(&row->room_id))
		return false;
	if (memcmp(row->room_id.bytes, program->room_id.bytes, ROOM_ID_BYTES) == 0)
		return true;
	const bool is_called_so = name_is_same(&row->conversation.name, &program->room.name) ||
				  (transcript_row_is_event(row, &about) && about.is_room && name_is_same(&about.name, &program->room.name));
	if (is_called_so)
		program->room_id = row->room_id;
	return is_called_so;
}

// Whether an entry is written. What this profile wrote was seen where it was typed.
static bool is_wanted(struct program *program, const struct transcript_row *row)
{
	return !row->is_from_here && (!program->has_room || is_in_room(program, row));
}

// Writes what is in the range, and notes that it was shown. Returns the exit status.
static int show_range(struct program *program, const struct transcript_range *range)
{
	struct client_store *store = program->device.profile.store;
	const struct phrase_out out = script_notices(prefix);
	struct transcript_range rest = *range;
	struct transcript_row row;
	int status = EXIT_DONE;
	enum mms_err err = MMS_OK;
	while (err == MMS_OK && (program->count_max == 0 || program->shown_count < program->count_max)) {
		err = client_store_transcript_next(store, &rest, &row);
		if (err != MMS_OK)
			break;
		if (!is_wanted(program, &row)) {
			rest.after_seq = row.seq;
			continue;
		}
		const bool is_whole = write_row(program, &row);
		status = output_flush("mms listen");
		if (status == EXIT_DONE && !is_whole) {
			phrase_say_of(&out, PHRASE_FAILURE, "not enough memory to write a message: end other programs");
			status = EXIT_IO;
		}
		if (status != EXIT_DONE)
			break; // what was not written is shown next time
		rest.after_seq = row.seq;
		program->shown_count += transcript_row_is_waiting(&row);
		if (program->has_room)
			err = device_note_shown(&program->device, &(struct transcript_range){row.seq - 1, row.seq, true});
	}
	if ((err == MMS_E_MISSING || err == MMS_OK) && rest.after_seq > range->after_seq) {
		const struct transcript_range shown = device_showing_went(&program->showing, range, rest.after_seq);
		// With one room alone its entries were noted one by one, and no others are.
		if (!program->has_room)
			err = device_note_shown(&program->device, &shown);
	}
	if (err == MMS_OK || err == MMS_E_MISSING)
		return status;
	phrase_say_of(&out, PHRASE_FAILURE, client_store_reason(store)->text);
	return EXIT_IO;
}

// What is to be shown by this process, where several run.
static int show(struct program *program)
{
	struct transcript_range range[DEVICE_SHOWING_RANGES_MAX];
	int status = EXIT_DONE;
	if (!program->is_grown || program->device.profile.store == NULL)
		return EXIT_DONE;
	program->is_grown = false;
	const uint32_t count = device_showing_ranges(&program->showing, program->device.life.is_receiver, range);
	for (uint32_t i = 0; i < count && status == EXIT_DONE; i++)
		status = show_range(program, &range[i]);
	return status;
}

static int listen_on(struct program *program, int signal_fd)
{
	struct device *device = &program->device;
	const struct mtime deadline =
		program->has_timeout ? mtime_add_us(clock_monotonic(), (int64_t)program->timeout_us) : MTIME_NEVER;
	standard_set_deadline(deadline);
	for (;;) {
		if (!script_turn(device, signal_fd, deadline))
			return EXIT_INTERRUPTED;
		const int status = show(program);
		if (status != EXIT_DONE)
			return status;
		if (program->count_max > 0 && program->shown_count >= program->count_max)
			return EXIT_DONE;
		if (program->is_stopped)
			return script_stopped(device, &program->stopped, prefix);
		if (mtime_is_due(deadline, clock_monotonic()))
			return EXIT_LATER;
	}
}

int cmd_listen(int argc, char **argv)
{
	static struct program program; // too large for a stack
	struct options_words words;
	int signal_fd;
	int status;
	program.timeout_us = UINT64_MAX;
	const struct options_item items[] = {
		SCRIPT_ITEMS(&program.options),
		{.name = "json", .flag = &program.is_json, .help = "one JSON object a line, with id, from, to, time and text"},
		{.name = "in", .argument = "#ROOM", .text = &program.in, .help = "only what belongs to this room; all else stays unshown"},
		{.name = "count", .letter = 'n', .argument = "COUNT", .number = &program.count_max, .min = 1,
		 .max = 1000000000, .help = "end with status 0 after COUNT messages"},
		{.name = "timeout", .argument = "SECONDS", .seconds_us = &program.timeout_us, .max = 31536000,
		 .help = "end with status 75 after SECONDS"},
	};
	const struct options_command command = {
		.name = "mms listen",
		.positionals = "",
		.summary = "Writes incoming messages, one a line: FROM: TEXT, with \\n, \\t and \\\\ in the text escaped.",
		.notes = "A message counts as shown once it is written; what was not comes the next time. What is said in a room is\n"
			 "written #ROOM FROM: TEXT.\n",
		.items = items,
		.item_count = sizeof items / sizeof items[0],
	};
	if (!options_begin(&command, argc, argv, &words, &status) ||
	    !invite_code_choose(&program.options.invite, &command, &status))
		return status;
	program.has_room = program.in != NULL;
	if (program.has_room && (*program.in != '#' || !message_to_parse(&program.room, program.in, strlen(program.in)))) {
		const struct phrase_out out = script_notices(prefix);
		phrase_say_of(&out, PHRASE_NOT_A_ROOM, program.in);
		return EXIT_BAD_TEXT;
	}
	program.has_timeout = program.timeout_us != UINT64_MAX;
	program.is_grown = program.device.is_listening = true;
	status = script_open(&program.device, &program.options, prefix, take_told, &program, &signal_fd);
	if (status == EXIT_DONE)
		status = script_be(&program.device, &program.options, prefix, LIFE_RECEIVES);
	if (status == EXIT_DONE)
		status = listen_on(&program, signal_fd);
	script_close(&program.device, signal_fd);
	return status;
}
