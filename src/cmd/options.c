// SPDX-License-Identifier: ISC
// The command line of every subcommand; the contract is in options.h.
#include "cmd/options.h"

#include <assert.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/output.h"
#include "cmd/values.h"

// getopt's return values: above every letter, so that an option without one can be told.
enum { CODE_HELP = 256, CODE_VERSION = 257, CODE_ITEM = 258 };
enum { HELP_COLUMN = 28, WORD_BYTES_SHOWN = 60 };

struct table {
	struct option longs[OPTIONS_COUNT_MAX + 3];
	char shorts[2 * OPTIONS_COUNT_MAX + 5];
};

static void check_item(const struct options_item *item)
{
	const int targets = (item->flag != NULL) + (item->text != NULL) + (item->number != NULL) +
			    (item->seconds_us != NULL) + (item->probability_ppm != NULL);
	assert(targets == 1);
	assert((item->flag != NULL) == (item->argument == NULL));
	assert(item->letter != 'h' && item->letter != 'V');
}

static void build_table(const struct options_command *command, struct table *table)
{
	assert(command->item_count <= OPTIONS_COUNT_MAX);
	memset(table, 0, sizeof *table);
	char *letter = table->shorts;
	if (command->words_end_options)
		*letter++ = '+';
	*letter++ = ':'; // a missing argument is told from an unknown option
	*letter++ = 'h';
	for (size_t i = 0; i < command->item_count; i++) {
		const struct options_item *item = &command->items[i];
		check_item(item);
		table->longs[i] = (struct option){item->name, item->argument != NULL, NULL, CODE_ITEM + (int)i};
		if (item->letter == 0)
			continue;
		*letter++ = item->letter;
		if (item->argument != NULL)
			*letter++ = ':';
	}
	table->longs[command->item_count] = (struct option){"help", no_argument, NULL, CODE_HELP};
	table->longs[command->item_count + 1] = (struct option){"version", no_argument, NULL, CODE_VERSION};
}

static const struct options_item *item_of(const struct options_command *command, int code)
{
	for (size_t i = 0; i < command->item_count; i++)
		if (code == CODE_ITEM + (int)i || (code != 0 && code == command->items[i].letter))
			return &command->items[i];
	return NULL;
}

// "-p" or "--port", as the option stands on the line; `word` is the last one getopt looked at.
static void name_of(int code, const char *word, const struct options_item *item, char name[64])
{
	if (code > 0 && code < CODE_HELP)
		snprintf(name, 64, "-%c", code);
	else if (item != NULL)
		snprintf(name, 64, "--%.50s", item->name);
	else
		snprintf(name, 64, "%.*s", (int)(strcspn(word, "=") < 50 ? strcspn(word, "=") : 50), word);
}

static enum options_verdict refuse_option(const struct options_command *command, int code, const char *word,
					  struct reason *why)
{
	char name[64];
	const struct options_item *item = item_of(command, optopt);
	name_of(optopt, word, item, name);
	if (code == ':')
		snprintf(why->text, sizeof why->text, "option %s needs an argument, %s", name,
			 item != NULL ? item->argument : "VALUE");
	else if (optopt >= CODE_HELP)
		snprintf(why->text, sizeof why->text, "option %.40s takes no argument", name);
	else
		snprintf(why->text, sizeof why->text, "unknown%s option %s",
			 strncmp(name, "--", 2) == 0 ? " or ambiguous" : "", name);
	return OPTIONS_BAD;
}

static enum options_verdict refuse_value(const struct options_item *item, enum values_verdict verdict,
					 const char *argument, struct reason *why)
{
	const uint64_t min = item->probability_ppm != NULL ? 0 : item->min;
	const uint64_t max = item->probability_ppm != NULL ? 1 : item->max;
	snprintf(why->text, sizeof why->text, "%s %s: \"%.60s\"; it must be %" PRIu64 " to %" PRIu64 "%s", item->name,
		 verdict == VALUES_OUT_OF_RANGE ? "out of range" : "is not a number", argument, min, max,
		 item->seconds_us != NULL ? " seconds" : "");
	return OPTIONS_BAD;
}

static enum options_verdict take_text(const struct options_item *item, const char *argument, struct reason *why)
{
	if (argument[0] == 0) {
		snprintf(why->text, sizeof why->text, "option --%s has an empty %s; leave the option away, or set the "
			 "variable it comes from", item->name, item->argument);
		return OPTIONS_BAD;
	}
	*item->text = argument;
	return OPTIONS_GO;
}

static enum options_verdict take_value(const struct options_item *item, const char *argument, struct reason *why)
{
	enum values_verdict verdict = VALUES_OK;
	if (item->flag != NULL)
		*item->flag = true;
	else if (item->text != NULL)
		return take_text(item, argument, why);
	else if (item->number != NULL)
		verdict = values_number(argument, item->min, item->max, item->number);
	else if (item->seconds_us != NULL)
		verdict = values_millionths(argument, item->min, item->max, item->seconds_us);
	else
		verdict = values_millionths(argument, 0, 1, item->probability_ppm);
	return verdict == VALUES_OK ? OPTIONS_GO : refuse_value(item, verdict, argument, why);
}

static enum options_verdict take_words(const struct options_command *command, int argc, char **argv,
				       struct options_words *words, struct reason *why)
{
	assert(optind <= argc);
	const size_t count = (size_t)(argc - optind);
	if (count < command->positional_min) {
		snprintf(why->text, sizeof why->text, "too few arguments, %s wanted", command->positionals);
		return OPTIONS_BAD;
	}
	if (count > command->positional_max) {
		const char *surplus = argv[optind + (int)command->positional_max];
		snprintf(why->text, sizeof why->text, "too many arguments, beginning with \"%.*s\"%s%.*s",
			 WORD_BYTES_SHOWN, surplus, command->words_end_options ? "; options stand before " : "",
			 command->words_end_options ? (int)strcspn(command->positionals, " ") : 0, command->positionals);
		return OPTIONS_BAD;
	}
	*words = (struct options_words){argv + optind, count};
	return OPTIONS_GO;
}

// --help or --version. "-hello" is neither: it is a word of somebody's who did not know of "--".
static enum options_verdict answer_asked(const struct options_command *command, int code, int argc, char **argv,
					 struct reason *why)
{
	const char *word = argv[optind - 1];
	if (code == 'h' && strcmp(word, "-h") != 0) {
		snprintf(why->text, sizeof why->text, "-h stands alone; a word that begins with a dash stands behind --");
		return OPTIONS_BAD;
	}
	if (command->words_end_options && optind < argc) {
		snprintf(why->text, sizeof why->text, "nothing may follow %.*s, but \"%.*s\" does; a word that begins with "
			 "a dash stands behind --", WORD_BYTES_SHOWN, word, WORD_BYTES_SHOWN, argv[optind]);
		return OPTIONS_BAD;
	}
	return code == CODE_VERSION ? OPTIONS_VERSION : OPTIONS_HELP;
}

enum options_verdict options_read(const struct options_command *command, int argc, char **argv,
				  struct options_words *words, struct reason *why)
{
	struct table table;
	build_table(command, &table);
	optind = 0; // glibc and musl: start anew
	for (;;) {
		const int code = getopt_long(argc, argv, table.shorts, table.longs, NULL);
		if (code == -1)
			return take_words(command, argc, argv, words, why);
		if (code == 'h' || code == CODE_HELP || code == CODE_VERSION)
			return answer_asked(command, code, argc, argv, why);
		if (code == '?' || code == ':')
			return refuse_option(command, code, argv[optind - 1], why);
		const struct options_item *item = item_of(command, code);
		assert(item != NULL);
		const enum options_verdict verdict = take_value(item, optarg, why);
		if (verdict != OPTIONS_GO)
			return verdict;
	}
}

// "usage: mms send [OPTION]... RECIPIENT [TEXT|-]".
static void usage(const struct options_command *command, enum printer_stream stream)
{
	(void)printer_line(stream, "usage: %s%s%s%s", command->name, command->item_count > 0 ? " [OPTION]..." : "",
			   command->positionals[0] != 0 ? " " : "", command->positionals);
}

static void help_item(const struct options_item *item, enum printer_stream stream)
{
	char left[64];
	const char letter[] = {'-', item->letter, ',', ' ', 0};
	const int bytes = snprintf(left, sizeof left, "  %s--%s%s%s", item->letter != 0 ? letter : "    ", item->name,
				   item->argument != NULL ? " " : "", item->argument != NULL ? item->argument : "");
	if (bytes >= HELP_COLUMN)
		(void)printer_line(stream, "%s", left);
	(void)printer_line(stream, "%-*s%s", HELP_COLUMN, bytes < HELP_COLUMN ? left : "", item->help);
}

void options_help(const struct options_command *command, enum printer_stream stream)
{
	static const struct options_item own[] = {
		{.name = "help", .letter = 'h', .help = "show this help"},
		{.name = "version", .help = "show the version"},
	};
	static const char options_head[] = "\n\noptions:\n";
	usage(command, stream);
	(void)printer_write(stream, command->summary, strlen(command->summary));
	(void)printer_write(stream, options_head, sizeof options_head - 1);
	for (size_t i = 0; i < command->item_count; i++)
		help_item(&command->items[i], stream);
	for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
		help_item(&own[i], stream);
	if (command->notes == NULL)
		return;
	(void)printer_line(stream, "%s", "");
	(void)printer_write(stream, command->notes, strlen(command->notes));
}

int options_fail(const struct options_command *command, const char *what)
{
	(void)printer_line(PRINTER_ERR, "%s: %s", command->name, what);
	usage(command, PRINTER_ERR);
	(void)printer_line(PRINTER_ERR, "\"%s --help\" tells more", command->name);
	return EXIT_USAGE;
}

bool options_begin(const struct options_command *command, int argc, char **argv, struct options_words *words,
		   int *status)
{
	struct reason why;
	switch (options_read(command, argc, argv, words, &why)) {
	case OPTIONS_GO:
		return true;
	case OPTIONS_HELP:
		options_help(command, PRINTER_OUT);
		break;
	case OPTIONS_VERSION:
		(void)printer_line(PRINTER_OUT, "mms %s", MMS_VERSION);
		break;
	case OPTIONS_BAD:
		*status = options_fail(command, why.text);
		return false;
	}
	*status = output_flush(command->name);
	return false;
}

int options_act(const struct options_command *command, const struct options_action *actions, size_t count, int argc, char **argv)
{
	struct options_words words;
	char what[128];
	int status;
	for (size_t i = 0; argc > 1 && i < count; i++)
		if (strcmp(argv[1], actions[i].name) == 0)
			return actions[i].function(argc - 1, argv + 1);
	if (!options_begin(command, argc, argv, &words, &status))
		return status;
	if (words.count == 0)
		return options_fail(command, "an action is missing");
	snprintf(what, sizeof what, "unknown action \"%.60s\"", words.word[0]);
	return options_fail(command, what);
}
