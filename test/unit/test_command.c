// SPDX-License-Identifier: ISC
// Tests of ui/command.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "ui/command.h"

static struct command parse(const char *line)
{
	struct command command;
	memset(&command, 0x55, sizeof command);
	command_parse(line, strlen(line), &command);
	return command;
}

static void assert_span(struct command_span span, const char *expected)
{
	assert_int_equal(span.bytes, strlen(expected));
	if (span.bytes > 0)
		assert_memory_equal(span.text, expected, span.bytes);
	else
		assert_null(span.text);
}

// A line that gives this kind and fault, and this word, "" for none.
static void check(const char *line, enum command_kind kind, enum command_fault fault, const char *word)
{
	const struct command command = parse(line);
	assert_int_equal(command.kind, kind);
	assert_int_equal(command.fault, fault);
	assert_span(command.word, word);
}

static void test_blank_lines_are_nothing(void **state)
{
	(void)state;
	check("", COMMAND_NONE, COMMAND_FAULT_NONE, "");
	check(" \t ", COMMAND_NONE, COMMAND_FAULT_NONE, "");
	check("\r", COMMAND_NONE, COMMAND_FAULT_NONE, "");
	struct command command;
	command_parse(NULL, 0, &command);
	assert_int_equal(command.kind, COMMAND_NONE);
}

static void test_commands_without_regard_to_case(void **state)
{
	(void)state;
	check("help", COMMAND_HELP, COMMAND_FAULT_NONE, "");
	check("HELP me", COMMAND_HELP, COMMAND_FAULT_NONE, "");
	check("whoIsOn", COMMAND_WHO, COMMAND_FAULT_NONE, "");
	check("WhoIsOn", COMMAND_WHO, COMMAND_FAULT_NONE, "");
	check("  whoison  ", COMMAND_WHO, COMMAND_FAULT_NONE, "");
	check("whoison\r", COMMAND_WHO, COMMAND_FAULT_NONE, "");
	check("SignOut", COMMAND_SIGNOUT, COMMAND_FAULT_NONE, "");
	check("quit", COMMAND_QUIT, COMMAND_FAULT_NONE, "");
}

static void test_unknown_commands_name_their_word(void **state)
{
	(void)state;
	check("frobnicate now", COMMAND_UNKNOWN, COMMAND_FAULT_NONE, "frobnicate");
	check("hel", COMMAND_UNKNOWN, COMMAND_FAULT_NONE, "hel");
	check("helpp", COMMAND_UNKNOWN, COMMAND_FAULT_NONE, "helpp");
	check("\x1b[A", COMMAND_UNKNOWN, COMMAND_FAULT_NONE, "\x1b[A");
	check("\r\r", COMMAND_UNKNOWN, COMMAND_FAULT_NONE, "\r"); // only the one at the end belongs to it
}

static void test_signin(void **state)
{
	(void)state;
	struct command command = parse("signin fred");
	assert_int_equal(command.kind, COMMAND_SIGNIN);
	assert_int_equal(command.fault, COMMAND_FAULT_NONE);
	assert_string_equal(command.to.name.text, "fred");
	assert_span(command.invite, "");

	command = parse("\tSIGNIN \t Fred.J-2  c0de_ \r");
	assert_int_equal(command.fault, COMMAND_FAULT_NONE);
	assert_string_equal(command.to.name.text, "Fred.J-2");
	assert_span(command.invite, "c0de_");

	check("signin", COMMAND_SIGNIN, COMMAND_FAULT_NO_NAME, "");
	check("signin  ", COMMAND_SIGNIN, COMMAND_FAULT_NO_NAME, "");
	check("signin fr!ed code", COMMAND_SIGNIN, COMMAND_FAULT_NOT_A_NAME, "fr!ed");
	check("signin abcdefghijabcdefghijabcdefghij123", COMMAND_SIGNIN, COMMAND_FAULT_NOT_A_NAME,
	      "abcdefghijabcdefghijabcdefghij123");
	command = parse("signin fred  < co de >");
	assert_int_equal(command.fault, COMMAND_FAULT_NONE);
	assert_int_equal(command.invite.bytes, 9); // the rest of the line
	assert_memory_equal(command.invite.text, "< co de >", 9);
}

static void test_who_takes_a_pattern(void **state)
{
	(void)state;
	struct command command = parse("whoIsOn  Fr* ");
	assert_int_equal(command.kind, COMMAND_WHO);
	assert_int_equal(command.fault, COMMAND_FAULT_NONE);
	assert_true(command.has_pattern);
	assert_string_equal(command.pattern.text, "fr*");
	command = parse("whoIsOn");
	assert_false(command.has_pattern);
	check("whoIsOn fr@d", COMMAND_WHO, COMMAND_FAULT_NOT_A_PATTERN, "fr@d");
	check("whoIsOn fr*\nquit", COMMAND_WHO, COMMAND_FAULT_LINES, "");
}

static void check_to(const struct command *command, const char *name, bool is_room)
{
	assert_int_equal(command->fault, COMMAND_FAULT_NONE);
	assert_string_equal(command->to.name.text, name);
	assert_int_equal(command->to.is_room, is_room);
}

static void test_rooms(void **state)
{
	(void)state;
	check("Rooms", COMMAND_ROOMS, COMMAND_FAULT_NONE, "");
	struct command command = parse("join #ops");
	assert_int_equal(command.kind, COMMAND_JOIN);
	check_to(&command, "ops", true);
	assert_false(command.is_private || command.is_without_history);
	command = parse("join  #ops NoHistory private ");
	check_to(&command, "ops", true);
	assert_true(command.is_private && command.is_without_history);
	command = parse("leave #ops");
	assert_int_equal(command.kind, COMMAND_LEAVE);
	check_to(&command, "ops", true);
	command = parse("add fred #ops");
	assert_int_equal(command.kind, COMMAND_ADD);
	check_to(&command, "ops", true);
	assert_string_equal(command.other.text, "fred");
	command = parse("remove fred #ops");
	assert_int_equal(command.kind, COMMAND_REMOVE);
	assert_string_equal(command.other.text, "fred");
	command = parse("whoIsOn #ops");
	check_to(&command, "ops", true);
	assert_false(command.has_pattern);
	command = parse("send #ops hi all");
	check_to(&command, "ops", true);
	assert_span(command.text, "hi all");
}

static void test_what_a_command_about_a_room_can_lack(void **state)
{
	(void)state;
	check("join", COMMAND_JOIN, COMMAND_FAULT_NO_NAME, "");
	check("join ops", COMMAND_JOIN, COMMAND_FAULT_NOT_A_ROOM, "ops");
	check("join #", COMMAND_JOIN, COMMAND_FAULT_NOT_A_ROOM, "#");
	check("join #ops public", COMMAND_JOIN, COMMAND_FAULT_SURPLUS, "public");
	check("join #ops private too", COMMAND_JOIN, COMMAND_FAULT_SURPLUS, "too");
	check("leave #ops now", COMMAND_LEAVE, COMMAND_FAULT_SURPLUS, "now");
	check("add", COMMAND_ADD, COMMAND_FAULT_NO_NAME, "");
	check("add fred", COMMAND_ADD, COMMAND_FAULT_NO_NAME, "");
	check("add #ops fred", COMMAND_ADD, COMMAND_FAULT_NOT_A_NAME, "#ops");
	check("remove fred ops", COMMAND_REMOVE, COMMAND_FAULT_NOT_A_ROOM, "ops");
	check("remove fred #ops now", COMMAND_REMOVE, COMMAND_FAULT_SURPLUS, "now");
	check("whoIsOn #o*", COMMAND_WHO, COMMAND_FAULT_NOT_A_ROOM, "#o*");
	check("whoIsOn #ops #lab", COMMAND_WHO, COMMAND_FAULT_SURPLUS, "#lab");
	check("send #o@ps hi", COMMAND_SEND, COMMAND_FAULT_NOT_A_ROOM, "#o@ps");
	check("send #ops", COMMAND_SEND, COMMAND_FAULT_NO_TEXT, "");
	check("rooms all", COMMAND_ROOMS, COMMAND_FAULT_SURPLUS, "all");
	check("signin #ops", COMMAND_SIGNIN, COMMAND_FAULT_NOT_A_NAME, "#ops");
	check("join #ops\nquit", COMMAND_JOIN, COMMAND_FAULT_LINES, "");
}

static void test_blocking(void **state)
{
	(void)state;
	struct command command = parse("block");
	assert_int_equal(command.kind, COMMAND_BLOCK);
	check_to(&command, "", false);
	command = parse("block fred");
	check_to(&command, "fred", false);
	command = parse("unblock fred ");
	assert_int_equal(command.kind, COMMAND_UNBLOCK);
	check_to(&command, "fred", false);
	check("unblock", COMMAND_UNBLOCK, COMMAND_FAULT_NO_NAME, "");
	check("block #ops", COMMAND_BLOCK, COMMAND_FAULT_NOT_A_NAME, "#ops");
	check("block fred tim", COMMAND_BLOCK, COMMAND_FAULT_SURPLUS, "tim");
}

static void test_help_more(void **state)
{
	(void)state;
	assert_false(parse("help").is_more);
	assert_true(parse("help More").is_more);
	assert_false(parse("help me").is_more);
}

static void test_surplus_words(void **state)
{
	(void)state;
	check("whoIsOn fred tim", COMMAND_WHO, COMMAND_FAULT_SURPLUS, "tim");
	check("signout fred", COMMAND_SIGNOUT, COMMAND_FAULT_SURPLUS, "fred");
	check("quit now", COMMAND_QUIT, COMMAND_FAULT_SURPLUS, "now");
}

// A paste: what stands behind a newline is never a command, and only a message may hold one.
static void test_several_lines(void **state)
{
	static const char *const lines[] = {"whoIsOn\nquit", "quit\n", "signin fred\nquit", "signin fred code\nsend Tim x", "help\nquit",
					    "what\never", "send\nfred x", "send fred\nx", "\nquit", "send fred \n"};
	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		const struct command command = parse(lines[i]);
		if (i + 1 < sizeof lines / sizeof lines[0])
			assert_int_equal(command.fault, COMMAND_FAULT_LINES);
		else
			assert_int_equal(command.fault, COMMAND_FAULT_NONE); // an empty line is a text too
	}
	const struct command message = parse("send fred one\n\nquit");
	assert_int_equal(message.fault, COMMAND_FAULT_NONE);
	assert_span(message.text, "one\n\nquit");
}

static void check_text(const char *line, const char *name, const char *text)
{
	const struct command command = parse(line);
	assert_int_equal(command.kind, COMMAND_SEND);
	assert_int_equal(command.fault, COMMAND_FAULT_NONE);
	assert_string_equal(command.to.name.text, name);
	assert_span(command.text, text);
}

static void test_a_message_is_the_rest_of_the_line(void **state)
{
	(void)state;
	check_text("send fred hi fred", "fred", "hi fred");
	check_text("  Send \t fred   two  blanks before, one after ", "fred", "  two  blanks before, one after ");
	check_text("send fred\thi\tthere", "fred", "hi\tthere");
	check_text("send fred hi\r", "fred", "hi");
	check_text("send fred send fred hi", "fred", "send fred hi");
	check_text("send Fred \xe6\x97\xa5\xe6\x9c\xac", "Fred", "\xe6\x97\xa5\xe6\x9c\xac");
}

static void test_what_send_can_lack(void **state)
{
	(void)state;
	check("send", COMMAND_SEND, COMMAND_FAULT_NO_NAME, "");
	check("send fr@d hi", COMMAND_SEND, COMMAND_FAULT_NOT_A_NAME, "fr@d");
	static const char *const empty[] = {"send fred", "send fred ", "send fred  \t ", "send fred\r", "send fred \r"};
	for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++) {
		const struct command command = parse(empty[i]);
		assert_int_equal(command.kind, COMMAND_SEND);
		assert_int_equal(command.fault, COMMAND_FAULT_NO_TEXT);
		assert_string_equal(command.to.name.text, "fred");
		assert_span(command.text, "");
	}
}

static void test_the_length_of_a_message(void **state)
{
	(void)state;
	char line[10 + TEXT_BYTES_MAX + 2];
	memset(line, 'x', sizeof line);
	memcpy(line, "send fred ", 10);
	line[10 + TEXT_BYTES_MAX] = '\0';
	struct command command = parse(line);
	assert_int_equal(command.fault, COMMAND_FAULT_NONE);
	assert_int_equal(command.text.bytes, TEXT_BYTES_MAX);
	line[10 + TEXT_BYTES_MAX] = 'x';
	line[10 + TEXT_BYTES_MAX + 1] = '\0';
	command = parse(line);
	assert_int_equal(command.fault, COMMAND_FAULT_TOO_LONG);
	assert_int_equal(command.text.bytes, TEXT_BYTES_MAX + 1);
}

static void test_text_that_is_none(void **state)
{
	(void)state;
	check("send fred \xff", COMMAND_SEND, COMMAND_FAULT_NOT_UTF8, "");
	static const char zero[] = "send fred a\0b";
	struct command command;
	command_parse(zero, sizeof zero - 1, &command);
	assert_int_equal(command.fault, COMMAND_FAULT_NOT_UTF8);
	assert_int_equal(command.text.bytes, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_blank_lines_are_nothing),
		cmocka_unit_test(test_commands_without_regard_to_case),
		cmocka_unit_test(test_unknown_commands_name_their_word),
		cmocka_unit_test(test_signin),
		cmocka_unit_test(test_who_takes_a_pattern),
		cmocka_unit_test(test_rooms),
		cmocka_unit_test(test_what_a_command_about_a_room_can_lack),
		cmocka_unit_test(test_blocking),
		cmocka_unit_test(test_help_more),
		cmocka_unit_test(test_surplus_words),
		cmocka_unit_test(test_several_lines),
		cmocka_unit_test(test_a_message_is_the_rest_of_the_line),
		cmocka_unit_test(test_what_send_can_lack),
		cmocka_unit_test(test_the_length_of_a_message),
		cmocka_unit_test(test_text_that_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
