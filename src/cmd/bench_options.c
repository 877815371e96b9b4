// SPDX-License-Identifier: ISC
// The command line of `mms bench`; the contract is in bench.h.
#include "cmd/bench.h"

#include <stdio.h>

#include "cmd/exit.h"
#include "cmd/options.h"

enum { SECONDS_US_MIN = 100 * 1000 };

static const char notes[] =
	"Without -s it starts a server of its own, on a temporary directory in TMPDIR (default /var/tmp), keeps it and the load to\n"
	"one core each, and removes it at the end. With -s it signs in as bench-1, bench-2, … (--users: as the names in FILE): these\n"
	"have to be users of that server, and nobody else's. The first sends to the second, the third to the fourth, and so on.\n"
	"\n"
	"Exit status: 0 when every message came, once and in order; 76 when not; others as for mms send.\n";

bool bench_options_read(struct bench_options *options, int argc, char **argv, int *status)
{
	const char *server = NULL;
	struct options_words words;
	struct reason why;
	*options = (struct bench_options){.pairs = 100, .size = 100, .seconds_us = INT64_C(10) * 1000 * 1000};
	const struct options_item items[] = {
		{.name = "server", .letter = 's', .argument = "HOST[:PORT]", .text = &server,
		 .help = "play against this server, also HOST#FINGERPRINT (default: one of its own)"},
		{.name = "pairs", .argument = "N", .number = &options->pairs, .min = 1, .max = BENCH_PAIRS_MAX,
		 .help = "senders, each with a recipient of its own (default 100)"},
		{.name = "window", .argument = "N", .number = &options->window, .min = 1, .max = CALL_WINDOW,
		 .help = "messages of a pair under way: the next one waits until one has come (default 16)"},
		{.name = "rate", .argument = "N", .number = &options->rate, .min = 1, .max = 10000000,
		 .help = "messages a second of all pairs, evenly paced, whatever the server does; their time begins when they are due"},
		{.name = "size", .argument = "BYTES", .number = &options->size, .min = BENCH_STAMP_TEXT_BYTES, .max = TEXT_BYTES_MAX,
		 .help = "of a message's text (default 100)"},
		{.name = "seconds", .argument = "SECONDS", .seconds_us = &options->seconds_us, .max = 86400,
		 .help = "how long to measure, after one to warm up (default 10)"},
		{.name = "history", .argument = "DAYS", .number = &options->history_days, .max = HISTORY_DAYS_MAX,
		 .help = "that a server of its own keeps what all devices have (default 0)"},
		{.name = "users", .argument = "FILE", .text = &options->users,
		 .help = "with -s: two users a pair, one a line: NAME or NAME CODE, CODE an invite"},
		{.name = "state", .argument = "DIR", .text = &options->state,
		 .help = "with -s: where the devices' secret is kept, bench.key (default: mms in the XDG state directory)"},
		{.name = "drop", .argument = "P", .probability_ppm = &options->drop_ppm,
		 .help = "pretend to lose each datagram of the load, in and out, with probability P (for tests)"},
		{.name = "json", .flag = &options->is_json, .help = "print one JSON object"},
	};
	const struct options_command command = {
		.name = "mms bench",
		.positionals = "",
		.summary = "Plays many devices that send each other messages through a server, counts what comes and measures how long "
			   "it takes.",
		.notes = notes,
		.items = items,
		.item_count = sizeof items / sizeof items[0],
	};
	if (!options_begin(&command, argc, argv, &words, status))
		return false;
	*status = EXIT_USAGE;
	options->has_server = server != NULL;
	if (options->seconds_us < SECONDS_US_MIN) {
		*status = options_fail(&command, "--seconds must be at least 0.1");
		return false;
	}
	if (options->rate > 0 && options->window > 0) {
		*status = options_fail(&command, "--rate says when messages go, and --window when they wait: give one of them");
		return false;
	}
	if (!options->has_server && (options->users != NULL || options->state != NULL)) {
		*status = options_fail(&command, "--users and --state are for another server than its own: give that with -s");
		return false;
	}
	if (options->has_server && server_address_parse(&options->address, server, 0, &why) != MMS_OK) {
		*status = options_fail(&command, why.text);
		return false;
	}
	if (options->window == 0)
		options->window = options->rate > 0 ? CALL_WINDOW : BENCH_WINDOW_DEFAULT;
	return true;
}
