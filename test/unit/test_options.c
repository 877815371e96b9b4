// SPDX-License-Identifier: ISC
// cmd/options with cmd/values and cmd/server_address: what a command line may say, every refusal in words, the help.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cmd/options.h"
#include "cmd/server_address.h"
#include "cmd/values.h"

enum { ARGS_MAX = 16 };

static struct {
	bool json;
	const char *server;
	uint64_t port;
	uint64_t timeout_us;
	uint64_t loss_ppm;
} got;

static const struct options_item items[] = {
	{.name = "json", .help = "write JSON", .flag = &got.json},
	{.name = "server", .letter = 's', .argument = "HOST", .help = "the server", .text = &got.server},
	{.name = "port", .letter = 'p', .argument = "PORT", .help = "its port (default 1060)", .number = &got.port,
	 .min = 1, .max = 65535},
	{.name = "timeout", .letter = 't', .argument = "SECONDS", .help = "wait so long", .seconds_us = &got.timeout_us,
	 .min = 0, .max = 3600},
	{.name = "loss-of-every-datagram", .argument = "P", .help = "lose some", .probability_ppm = &got.loss_ppm},
};

static struct options_command command = {
	.name = "mms test",
	.positionals = "RECIPIENT [TEXT]",
	.positional_min = 1,
	.positional_max = 2,
	.summary = "A command for the test.",
	.notes = "And so on.\n",
	.items = items,
	.item_count = sizeof items / sizeof items[0],
};

static char *argv[ARGS_MAX + 1];
static struct options_words words;
static struct reason why;

// Splits a line at blanks and reads it; '' stands for an empty word.
static enum options_verdict read_line(const char *line)
{
	static char buffer[512];
	int argc = 0;
	memset(&got, 0, sizeof got);
	snprintf(buffer, sizeof buffer, "test %s", line);
	for (char *word = strtok(buffer, " "); word != NULL; word = strtok(NULL, " ")) {
		assert_true(argc < ARGS_MAX);
		if (strcmp(word, "''") == 0)
			*word = 0;
		argv[argc++] = word;
	}
	argv[argc] = NULL;
	memset(&why, 0, sizeof why);
	return options_read(&command, argc, argv, &words, &why);
}

static void accept(const char *line)
{
	if (read_line(line) != OPTIONS_GO)
		fail_msg("%s: %s", line, why.text);
}

static void refuse(const char *line, const char *reason)
{
	assert_int_equal(read_line(line), OPTIONS_BAD);
	assert_string_equal(why.text, reason);
}

static void options_may_stand_anywhere(void **state)
{
	(void)state;
	accept("fred -s host --port=7 text --json");
	assert_int_equal(words.count, 2);
	assert_string_equal(words.word[0], "fred");
	assert_string_equal(words.word[1], "text");
	assert_string_equal(got.server, "host");
	assert_int_equal(got.port, 7);
	assert_true(got.json);
	accept("-p1 -p 65535 fred");
	assert_int_equal(got.port, 65535);
	assert_false(got.json);
	assert_null(got.server);
	accept("--serv host fred -");
	assert_string_equal(words.word[1], "-");
	accept("-s host -- -p -1");
	assert_string_equal(got.server, "host");
	assert_string_equal(words.word[0], "-p");
	assert_string_equal(words.word[1], "-1");
}

// A message, or a fingerprint in base64url, may begin with a dash.
static void behind_the_first_word_nothing_is_an_option(void **state)
{
	static const char *const texts[] = {"--help", "-h", "--version", "-starts-with-dash", "--", "-", "-p", "--server=x", "-s"};
	char line[64];
	(void)state;
	command.words_end_options = true;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		snprintf(line, sizeof line, "-p 7 fred %s", texts[i]);
		accept(line);
		assert_int_equal(words.count, 2);
		assert_string_equal(words.word[0], "fred");
		assert_string_equal(words.word[1], texts[i]);
		assert_int_equal(got.port, 7);
		assert_null(got.server);
	}
	accept("-- -bob -x");
	assert_string_equal(words.word[0], "-bob");
	assert_string_equal(words.word[1], "-x");
	refuse("fred x -p 5", "too many arguments, beginning with \"-p\"; options stand before RECIPIENT");
	refuse("fred -- x", "too many arguments, beginning with \"x\"; options stand before RECIPIENT");
	// Something was to be done: this must not end as if it had been.
	refuse("--help x", "nothing may follow --help, but \"x\" does; a word that begins with a dash stands behind --");
	refuse("-h x", "nothing may follow -h, but \"x\" does; a word that begins with a dash stands behind --");
	refuse("--version x", "nothing may follow --version, but \"x\" does; a word that begins with a dash stands behind --");
	assert_int_equal(read_line("-p 7 --help"), OPTIONS_HELP);
	assert_int_equal(read_line("-h"), OPTIONS_HELP);
	command.words_end_options = false;
	refuse("-hello", "-h stands alone; a word that begins with a dash stands behind --");
}

static void mistakes_are_told_in_words(void **state)
{
	(void)state;
	refuse("", "too few arguments, RECIPIENT [TEXT] wanted");
	refuse("--", "too few arguments, RECIPIENT [TEXT] wanted");
	refuse("a b c d", "too many arguments, beginning with \"c\"");
	refuse("-x fred", "unknown option -x");
	refuse("fred -sx -x", "unknown option -x");
	refuse("--nothing=1 fred", "unknown or ambiguous option --nothing");
}

static void missing_and_surplus_arguments(void **state)
{
	(void)state;
	refuse("fred -p", "option -p needs an argument, PORT");
	refuse("fred --timeout", "option --timeout needs an argument, SECONDS");
	refuse("fred --json=yes", "option --json takes no argument");
	refuse("fred --help=yes", "option --help takes no argument");
	refuse("-s '' fred", "option --server has an empty HOST; leave the option away, or set the variable it comes from");
	refuse("--server= fred", "option --server has an empty HOST; leave the option away, or set the variable it comes from");
	accept("-s first -s second fred"); // the last one counts
	assert_string_equal(got.server, "second");
}

static void numbers_have_a_range(void **state)
{
	(void)state;
#define PORTS "; it must be 1 to 65535"
	refuse("fred -p 0", "port out of range: \"0\"" PORTS);
	refuse("fred -p 65536", "port out of range: \"65536\"" PORTS);
	refuse("fred --port 18446744073709551617", "port out of range: \"18446744073709551617\"" PORTS);
	refuse("fred -p ''", "port is not a number: \"\"" PORTS);
	refuse("fred -p -1", "port is not a number: \"-1\"" PORTS);
	refuse("fred -p +1", "port is not a number: \"+1\"" PORTS);
	refuse("fred -p 0x10", "port is not a number: \"0x10\"" PORTS);
	refuse("fred -p 1060.", "port is not a number: \"1060.\"" PORTS);
	refuse("fred -t 3600.000001", "timeout out of range: \"3600.000001\"; it must be 0 to 3600 seconds");
	refuse("fred -t 1e3", "timeout is not a number: \"1e3\"; it must be 0 to 3600 seconds");
	refuse("fred --loss 1.1", "loss-of-every-datagram out of range: \"1.1\"; it must be 0 to 1");
	refuse("fred --loss nan", "loss-of-every-datagram is not a number: \"nan\"; it must be 0 to 1");
	accept("fred -p 001060 -t 0.25 --loss .75");
	assert_int_equal(got.port, 1060);
	assert_int_equal(got.timeout_us, 250000);
	assert_int_equal(got.loss_ppm, 750000);
	accept("fred --loss 1 -t 3600");
	assert_int_equal(got.timeout_us, UINT64_C(3600000000));
	assert_int_equal(got.loss_ppm, 1000000);
}

static void numbers_at_their_edges(void **state)
{
	(void)state;
	uint64_t number = 5;
	assert_int_equal(values_number("18446744073709551615", 0, UINT64_MAX, &number), VALUES_OK);
	assert_true(number == UINT64_MAX);
	assert_int_equal(values_number("18446744073709551616", 0, UINT64_MAX, &number), VALUES_OUT_OF_RANGE);
	assert_int_equal(values_number("00000000000000000000000000007", 0, 9, &number), VALUES_OK);
	assert_int_equal(number, 7);
	assert_int_equal(values_number(" 7", 0, 9, &number), VALUES_NOT_A_NUMBER);
	assert_int_equal(values_number("7 ", 0, 9, &number), VALUES_NOT_A_NUMBER);
	assert_int_equal(number, 7);
	assert_int_equal(values_millionths("2.", 0, 9, &number), VALUES_OK);
	assert_int_equal(number, 2000000);
	assert_int_equal(values_millionths("0.000001", 0, 9, &number), VALUES_OK);
	assert_int_equal(number, 1);
	assert_int_equal(values_millionths("0.1000000", 0, 9, &number), VALUES_OK);
	assert_int_equal(number, 100000);
	assert_int_equal(values_millionths("0.0000001", 0, 9, &number), VALUES_OUT_OF_RANGE);
	assert_int_equal(values_millionths("0.999999", 1, 9, &number), VALUES_OUT_OF_RANGE);
	assert_int_equal(values_millionths("99999999999999999999.", 0, 9, &number), VALUES_OUT_OF_RANGE);
	// 2^58 of anything are a multiple of 2^64 millionths.
	assert_int_equal(values_millionths("288230376151711744", 0, 9, &number), VALUES_OUT_OF_RANGE);
	static const char *const bad[] = {"", ".", "-1", "1.2.3", "1,5", " 1", "1s", "0x1", "1.-5"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(values_millionths(bad[i], 0, 9, &number), VALUES_NOT_A_NUMBER);
	assert_int_equal(number, 100000);
}

static void an_option_wins_over_the_environment(void **state)
{
	(void)state;
	setenv("MMS_TEST_VALUE", "environment", 1);
	assert_string_equal(environment_or("option", "MMS_TEST_VALUE", "default"), "option");
	assert_string_equal(environment_or("", "MMS_TEST_VALUE", "default"), "");
	assert_string_equal(environment_or(NULL, "MMS_TEST_VALUE", "default"), "environment");
	setenv("MMS_TEST_VALUE", "", 1);
	assert_string_equal(environment_or(NULL, "MMS_TEST_VALUE", "default"), "default");
	unsetenv("MMS_TEST_VALUE");
	assert_null(environment_or(NULL, "MMS_TEST_VALUE", NULL));
}

static char captured[4096];
static size_t captured_bytes;

static bool take(enum printer_stream stream, const char *text, size_t bytes)
{
	assert_int_equal(stream, PRINTER_OUT);
	assert_true(captured_bytes + bytes < sizeof captured);
	memcpy(captured + captured_bytes, text, bytes);
	captured_bytes += bytes;
	captured[captured_bytes] = 0;
	return true;
}

// Captures what `write` puts on standard output, until the next call.
static const char *capture(void (*write)(const struct options_command *, enum printer_stream))
{
	static const struct printer_port port = {.put = take};
	captured_bytes = 0;
	printer_open(&port);
	write(&command, PRINTER_OUT);
	return captured;
}

static void help_comes_from_the_table(void **state)
{
	(void)state;
	const char *help = capture(options_help);
	assert_string_equal(help,
			    "usage: mms test [OPTION]... RECIPIENT [TEXT]\n"
			    "A command for the test.\n"
			    "\n"
			    "options:\n"
			    "      --json                write JSON\n"
			    "  -s, --server HOST         the server\n"
			    "  -p, --port PORT           its port (default 1060)\n"
			    "  -t, --timeout SECONDS     wait so long\n"
			    "      --loss-of-every-datagram P\n"
			    "                            lose some\n"
			    "  -h, --help                show this help\n"
			    "      --version             show the version\n"
			    "\n"
			    "And so on.\n");
	assert_int_equal(read_line("--help"), OPTIONS_HELP);
	assert_int_equal(read_line("-h -x"), OPTIONS_HELP);
	assert_int_equal(read_line("--version a b c"), OPTIONS_VERSION);
}

#define FINGERPRINT "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"

static void addresses_are_read(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint16_t given_port;
		const char *host;
		uint16_t port;
	} good[] = {
		{"host", 0, "host", 1060},
		{"host", 7, "host", 7},
		{"127.0.0.1:65535", 0, "127.0.0.1", 65535},
		{"host:7", 7, "host", 7},
		{"[::1]", 0, "::1", 1060},
		{"[::1]:01", 0, "::1", 1},
		{"[fe80::1%eth0]:5", 0, "fe80::1%eth0", 5},
		{"a.b-c_d.", 9, "a.b-c_d.", 9},
	};
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		struct server_address address;
		char text[128];
		for (int with = 0; with < 2; with++) {
			snprintf(text, sizeof text, "%s%s", good[i].text, with == 1 ? "#" FINGERPRINT : "");
			memset(&address, 0xff, sizeof address);
			if (server_address_parse(&address, text, good[i].given_port, &why) != MMS_OK)
				fail_msg("%s", why.text);
			assert_string_equal(address.host, good[i].host);
			assert_int_equal(address.port, good[i].port);
			assert_int_equal(address.has_fingerprint, with);
			assert_int_equal(address.fingerprint.bytes[31], with == 1 ? 31 : 0);
		}
	}
}

static void other_addresses_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint16_t given_port;
		const char *what;
	} bad[] = {
		{"", 0, "the host is missing"},
		{":1060", 0, "the host is missing"},
		{"[]:1060", 0, "the host is missing"},
		{"a b", 0, "the host is missing or has letters"},
		{"-x", 0, "the host is missing"},
		{"user@host", 0, "the host is missing or has letters"},
		{"h\xc3\xb6st", 0, "letters no host has"},
		{"host/x", 0, "letters no host has"},
		{"a[b", 0, "letters no host has"},
		{"h\x1b", 0, "letters no host has"},
		{"host:", 0, "port out of range"},
		{"host:0", 0, "port out of range"},
		{"host:65536", 0, "port out of range"},
		{"host:1x", 0, "port out of range"},
		{"host:+1", 0, "port out of range"},
		{"host:11111111111111111111111111111111111111", 0, "port out of range"},
		{"host:7", 8, "another one was given"},
		{"[::1]:7", 8, "another one was given"},
		{"::1", 0, "an IPv6 address stands in brackets"},
		{"fe80::1:1060", 0, "stands in brackets"},
		{"[::1", 0, "the bracket ] is missing"},
		{"[::1]1060", 0, "only :PORT may follow"},
		{"host#", 0, "behind # stands the fingerprint"},
		{"host#short", 0, "behind # stands the fingerprint"},
		{"host#" FINGERPRINT "A", 0, "behind # stands"},
		{"host#" FINGERPRINT ":1060", 0, "behind # stands"},
		{"#" FINGERPRINT, 0, "the host is missing"},
	};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct server_address address, before;
		char start[128];
		memset(&address, 0xff, sizeof address);
		before = address;
		if (server_address_parse(&address, bad[i].text, bad[i].given_port, &why) != MMS_E_BAD)
			fail_msg("accepted: %s", bad[i].text);
		snprintf(start, sizeof start, "\"%s\" is not a server's address: ", bad[i].text);
		assert_memory_equal(why.text, start, strlen(start));
		if (strstr(why.text, bad[i].what) == NULL)
			fail_msg("%s, but expected: %s", why.text, bad[i].what);
		assert_memory_equal(&address, &before, sizeof address);
	}
	char longest[300];
	struct server_address address;
	memset(longest, 'x', sizeof longest);
	longest[255] = 0;
	assert_int_equal(server_address_parse(&address, longest, 0, &why), MMS_OK);
	assert_string_equal(address.host, longest);
	longest[255] = 'x';
	longest[256] = 0;
	assert_int_equal(server_address_parse(&address, longest, 0, &why), MMS_E_BAD);
}

static void the_server_comes_from_option_environment_or_default(void **state)
{
	(void)state;
	struct server_address address;
	unsetenv("MMS_SERVER");
	assert_int_equal(server_address_choose(&address, NULL, 0, &why), MMS_OK);
	assert_string_equal(address.host, "127.0.0.1");
	assert_int_equal(address.port, 1060);
	setenv("MMS_SERVER", "there:5", 1);
	assert_int_equal(server_address_choose(&address, NULL, 0, &why), MMS_OK);
	assert_string_equal(address.host, "there");
	assert_int_equal(address.port, 5);
	assert_int_equal(server_address_choose(&address, "here", 7, &why), MMS_OK);
	assert_string_equal(address.host, "here");
	assert_int_equal(address.port, 7);
	assert_int_equal(server_address_choose(&address, NULL, 7, &why), MMS_OK);
	assert_string_equal(address.host, "there");
	assert_int_equal(address.port, 7);
	setenv("MMS_SERVER", "there:x", 1);
	assert_int_equal(server_address_choose(&address, NULL, 7, &why), MMS_E_BAD);
	assert_non_null(strstr(why.text, "(it comes from MMS_SERVER)"));
	assert_int_equal(server_address_choose(&address, "", 0, &why), MMS_E_BAD);
	assert_null(strstr(why.text, "MMS_SERVER"));
	unsetenv("MMS_SERVER");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_may_stand_anywhere),
		cmocka_unit_test(behind_the_first_word_nothing_is_an_option),
		cmocka_unit_test(mistakes_are_told_in_words),
		cmocka_unit_test(missing_and_surplus_arguments),
		cmocka_unit_test(numbers_have_a_range),
		cmocka_unit_test(numbers_at_their_edges),
		cmocka_unit_test(an_option_wins_over_the_environment),
		cmocka_unit_test(help_comes_from_the_table),
		cmocka_unit_test(addresses_are_read),
		cmocka_unit_test(other_addresses_are_refused),
		cmocka_unit_test(the_server_comes_from_option_environment_or_default),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
