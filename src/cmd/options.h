// SPDX-License-Identifier: ISC
// One parser for the command line of every subcommand: a table of options says their names, their help and where
// their values go; --help, --version, the usage line and all refusals come from it. Layer: cmd.
// Built on getopt_long(3), so options may stand anywhere, long ones may be cut short, and "--" ends them. In a command
// that takes words which may begin with a dash (a message, a fingerprint) they stand before the first of its words
// only: `words_end_options`.
#ifndef MMS_CMD_OPTIONS_H
#define MMS_CMD_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "cmd/exit.h"
#include "ui/printer.h"

enum { OPTIONS_COUNT_MAX = 32 }; // options of one subcommand, --help and --version not counted

// One option. Exactly one of the five targets is set and tells what kind of option it is; the command line changes a
// target only when it names the option, the last time counts. Texts point into argv; an empty one is refused, since it
// comes from a variable that is not set.
struct options_item {
	const char *name;     // the long name, without dashes
	char letter;          // the short one, 0: none
	const char *argument; // the word for its argument in the help; NULL for a flag
	const char *help;     // what it does, with its default; one line

	bool *flag;                // becomes true
	const char **text;         // any text
	uint64_t *number;          // a whole number, min to max
	uint64_t *seconds_us;      // seconds, decimals allowed, min to max; stored in microseconds
	uint64_t *probability_ppm; // 0 to 1, stored in millionths
	uint64_t min;              // for number and seconds_us, in the option's own unit
	uint64_t max;
};

struct options_command {
	const char *name;        // "mms send"
	const char *positionals; // as in the usage line: "RECIPIENT [TEXT|-]"; "" when there are none
	size_t positional_min;   // how many there must be
	size_t positional_max;   // and may be
	bool words_end_options;  // whatever stands behind the first of them is a word, also one that begins with a dash
	const char *summary;     // what the command does; the first line of its help
	const char *notes;       // shown below the options, ends in a newline; NULL: nothing
	const struct options_item *items;
	size_t item_count;
};

// What stood on the line beside options, in argv, in order.
struct options_words {
	char **word;
	size_t count;
};

enum options_verdict { OPTIONS_GO = 0, OPTIONS_HELP = 1, OPTIONS_VERSION = 2, OPTIONS_BAD = 3 };

// Reads the command line into the targets and `words`, printing nothing; `argv` is reordered unless words_end_options.
// OPTIONS_HELP and OPTIONS_VERSION: asked for; where words_end_options, with nothing behind it, for what else stands
// there was to be done, and must not end as if it had been. On OPTIONS_BAD `why` says what is wrong; some targets may
// be set then. Not for two threads at once (getopt keeps its place in globals).
enum options_verdict options_read(const struct options_command *command, int argc, char **argv,
				  struct options_words *words, struct reason *why) MUST_CHECK;

// Writes the whole help.
void options_help(const struct options_command *command, enum printer_stream stream);

// What every subcommand begins with: reads the command line, and answers --help, --version and mistakes itself. True:
// go on. False: the command is over with `*status`: EXIT_DONE after --help or --version on standard output (else as
// output_flush), EXIT_USAGE after a mistake, told on standard error together with the usage.
bool options_begin(const struct options_command *command, int argc, char **argv, struct options_words *words,
		   int *status) MUST_CHECK;

// For a mistake the table cannot see: tells `what` and the usage on standard error; returns EXIT_USAGE.
int options_fail(const struct options_command *command, const char *what);

// A word of a command that names what is to be done, and what does it: `argv` from that word on, to the exit status.
struct options_action {
	const char *name;
	int (*function)(int argc, char **argv);
};

// A command whose first word is one of `count` actions: does that one. Else as options_begin, and a mistake.
int options_act(const struct options_command *command, const struct options_action *actions, size_t count, int argc, char **argv);

#endif
