// SPDX-License-Identifier: ISC
// `mms listen`: incoming messages on standard output, one a line, flushed.
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
#include "ui/printer.h"

static const char prefix[] = "mms listen: ";

struct program {
	struct device device;
	struct device_options options;
	bool is_json;
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

static bool write_plain(const struct transcript_row *row)
{
	char text[TEXT_BYTES_MAX * FILTER_EXPANSION_MAX + 1];
	const size_t bytes = filter_text(row->text, row->text_bytes, FILTER_LINE, text, sizeof text);
	return printer_write(PRINTER_OUT, row->sender.text, name_bytes(&row->sender)) &&
	       printer_write(PRINTER_OUT, ": ", 2) && printer_write(PRINTER_OUT, text, bytes) &&
	       printer_write(PRINTER_OUT, "\n", 1);
}

static bool write_json(const struct program *program, const struct transcript_row *row)
{
	struct json_line line;
	const struct json_message message = {
		.id = row->id,
		.from = row->sender,
		.to = program->device.profile.name,
		.time = row->accepted_at,
		.text = (const char *)row->text,
		.text_bytes = row->text_bytes,
	};
	const enum mms_err err = row->is_gap			   ? json_of_gap(&line, row->gap_count)
				 : transcript_row_is_known(row) ? json_of_message(&line, &message)
								 : json_of_unknown(&line, &message);
	if (err == MMS_E_BAD)
		return true; // a server that lets such text through: nothing that could be shown
	return err == MMS_OK && printer_write_whole(PRINTER_OUT, line.text, line.bytes);
}

static bool write_row(const struct program *program, const struct transcript_row *row)
{
	const struct phrase_out out = script_notices(prefix);
	if (program->is_json)
		return write_json(program, row);
	if (row->is_gap)
		phrase_gap(&out, row->gap_count);
	else if (!transcript_row_is_known(row))
		phrase_unknown(&out, &row->sender);
	else
		return write_plain(row);
	return true;
}

// Writes what is in the range, and notes that it was shown. Returns the exit status.
static int show_range(struct program *program, const struct transcript_range *range)
{
	struct client_store *store = program->device.profile.store;
	const struct phrase_out out = script_notices(prefix);
	struct transcript_range rest = *range;
	struct transcript_row row;
	int status = EXIT_DONE;
	enum mms_err err = MMS_E_MISSING;
	while (program->count_max == 0 || program->shown_count < program->count_max) {
		err = client_store_transcript_next(store, &rest, &row);
		if (err != MMS_OK)
			break;
		const bool is_whole = write_row(program, &row);
		status = output_flush("mms listen");
		if (status == EXIT_DONE && !is_whole) {
			phrase_say_of(&out, PHRASE_FAILURE, "not enough memory to write a message: end other programs");
			status = EXIT_IO;
		}
		if (status != EXIT_DONE)
			break; // what was not written is shown next time
		rest.after_seq = row.seq;
		program->shown_count += row.is_gap ? 0 : 1;
	}
	if ((err == MMS_E_MISSING || err == MMS_OK) && rest.after_seq > range->after_seq) {
		const struct transcript_range shown = device_showing_went(&program->showing, range, rest.after_seq);
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
		{.name = "count", .letter = 'n', .argument = "COUNT", .number = &program.count_max, .min = 1,
		 .max = 1000000000, .help = "end with status 0 after COUNT messages"},
		{.name = "timeout", .argument = "SECONDS", .seconds_us = &program.timeout_us, .max = 31536000,
		 .help = "end with status 75 after SECONDS"},
	};
	const struct options_command command = {
		.name = "mms listen",
		.positionals = "",
		.summary = "Writes incoming messages, one a line: FROM: TEXT, with \\n, \\t and \\\\ in the text escaped.",
		.notes = "A message counts as shown once it is written; what was not comes the next time.\n",
		.items = items,
		.item_count = sizeof items / sizeof items[0],
	};
	if (!options_begin(&command, argc, argv, &words, &status) ||
	    !invite_code_choose(&program.options.invite, &command, &status))
		return status;
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
