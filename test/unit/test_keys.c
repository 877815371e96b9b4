// SPDX-License-Identifier: ISC
// Tests of ui/keys.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ui/keys.h"

// Feeds the bytes and writes each key down: text as <hex>, editing keys as (hex hex), '+' enter, '$' end, 'x' delete,
// '!' refused, '{' and '}' the marks of a paste, '~' an answer.
static void check(const char *bytes, const char *expected)
{
	char got[512] = "";
	size_t at = 0;
	struct keys keys = {0};
	for (size_t i = 0; i < strlen(bytes); i++) {
		struct key key;
		memset(&key, 0x55, sizeof key);
		static const char signs[] = {[KEY_ENTER] = '+', [KEY_END] = '$',
					     [KEY_DELETE] = 'x', [KEY_REFUSED] = '!',
					     [KEY_PASTE_BEGIN] = '{', [KEY_PASTE_END] = '}', [KEY_ANSWER] = '~'};
		const enum key_kind kind = keys_step(&keys, (uint8_t)bytes[i], &key);
		int written = 0;
		if (kind == KEY_TEXT) {
			assert_int_equal(key.count, 1);
			written = snprintf(got + at, sizeof got - at, "<%x>", (unsigned)key.point[0]);
		} else if (kind == KEY_EDIT && key.count == 2) {
			written = snprintf(got + at, sizeof got - at, "(%x %x)", (unsigned)key.point[0],
					   (unsigned)key.point[1]);
		} else if (kind == KEY_EDIT) {
			assert_int_equal(key.count, 1);
			written = snprintf(got + at, sizeof got - at, "(%x)", (unsigned)key.point[0]);
		} else if (kind != KEY_NONE) {
			written = snprintf(got + at, sizeof got - at, "%c", signs[kind]);
		}
		at += (size_t)written;
	}
	assert_string_equal(got, expected);
}

static void test_characters(void **state)
{
	(void)state;
	check("a \t~", "<61><20><9><7e>");
	check("\xc3\xa9\xe6\x97\xa5\xf0\x9f\x98\x80", "<e9><65e5><1f600>");
	check("a\r\nb", "<61>++<62>");
	check("\x04", "$");
	check("\x01\x17\x7f", "(1)(17)(7f)");
	check("\x16\x18", "!!"); // these would wait
}

static void test_bytes_that_are_no_character(void **state)
{
	(void)state;
	check("\xff\x80\xc0" "a", "!!!<61>");
	check("\xe6\x97" "a", "<61>");         // broken off
	check("\xe6\x97\xc3\xa9", "<e9>");
	check("\xe6\x97\x1b[A", "(10)");
	check("\xed\xa0\x80" "a", "!<61>");    // a surrogate
	check("\xf4\x90\x80\x80" "a", "!<61>"); // above U+10FFFF
}

static void test_cursor_keys(void **state)
{
	(void)state;
	check("\x1b[A\x1bOB\x1b[C\x1bOD", "(10)(e)(6)(2)");
	check("\x1b[H\x1b[4~\x1b[3~\x1bOM", "(1)(5)x+");
	check("\x1b[1;5C\x1b[1;3D", "(1b 66)(1b 62)");
	check("\x1b" "b\x1b\x7f", "(1b 62)(1b 7f)");
}

static void test_unknown_sequences_leave_nothing_behind(void **state)
{
	(void)state;
	check("\x1b[15~a", "!<61>");
	check("\x1b[1;2P" "a", "!<61>");
	check("\x1b[[A" "a", "!<61>");                  // F1 on a Linux console
	check("\x1b[1111111111111111A" "a", "!<61>");   // ends like cursor up
	check("\x1bx\x1b?" "a", "!!<61>");              // Alt-x would wait
	check("\x1b(Ba", "!<61>");
	check("\x1b\x1b[A", "(10)");                    // Alt-up, or escape and up
	check("\x1b[1\x1b[A", "(10)");                  // broken off
	check("\x1b", "");
}

static void test_a_paste_is_marked(void **state)
{
	(void)state;
	check("\x1b[200~a\rb\x1b[201~c", "{<61>+<62>}<63>");
	check("\xc2\x9b" "200~a\x9b" "201~", "{<61>}"); // the introducer in one character, and in one byte
}

// What terminals send by themselves: xterm's control sequences, "Operating System Commands" and "Functions using CSI".
static void test_answers_leave_nothing_behind(void **state)
{
	static const char *const answers[] = {
		"\x1b]11;rgb:0000/0000/0000\a", "\x1b]11;rgb:0000/0000/0000\x1b\\", // a colour
		"\x1b]11;rgb:0000/0000/0000\x9c", "\x1b]11;rgb:0\xc2\x9c",
		"\x1b]l\xe6\x97\xa5\xc3\x9c title\x1b\\", // U+00DC has the byte of ST
		"\x1b]52;c;c2VjcmV0\a",                       // a clipboard
		"\xc2\x9d" "4;1;rgb:ffff/0/0\a", "\x9d" "4;1;x\a",
		"\x1bP1$r0m\x1b\\", "\x1bP>|XTerm(370)\x1b\\", "\x1bP!|00000000\x1b\\", "\x90" "1+r\x9c",
		"\x1b_Gi=1;OK\x1b\\", "\x1b^private\x1b\\", "\x1bXany\x1b\\",
		"\x1b[12;40R", "\x1b[?12;40R", "\x1b[0n", "\x1b[?62;1;2;6;22c", "\x1b[>0;276;0c", "\x1b[8;24;80t",
		"\x1b[?2004;2$y", "\x1b[I", "\x1b[O", "\x1b[?1u",
		"\x1b[<0;123;456M", "\x1b[<0;1;1m", "\x1b[M !!", "\x1b[MC++", // the mouse, new and old
		"\x1b[?1;2;3;4;5;6;7;8;9;10;11;12;13;14;15;16;17;18;19;20c",
	};
	(void)state;
	for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
		char typed[256];
		snprintf(typed, sizeof typed, "a%sb", answers[i]);
		check(typed, "<61>~<62>");
	}
}

// A control ends what has no end, and does nothing else: no line goes that has lost its middle.
static void test_what_does_not_end(void **state)
{
	(void)state;
	check("a\x1b]11;rgb:\rb\r", "<61>!<62>+");
	check("\x1bPlease send\x15" "b", "!<62>");
	check("\x1b[12;\rb", "!<62>");
	check("\x1bO\rb", "!<62>");
	check("\x1b[M\rb", "!<62>");
	check("\x1b]11;rgb\x1b[A", "(10)");            // a key ends it too
	check("\x1b]11;rgb\x1b[200~a", "{<61>");
	check("\x1b]0;\x18" "b\x1b]0;\x1a" "c", "!<62>!<63>"); // CAN and SUB
	check("\x1b\xc3\xa9" "a", "<e9><61>");          // a lone escape, then a letter
	check("\x1b[1\xc3\xa9", "<e9>");
	check("\x1b\r" "a", "!<61>");
}

static void feed_many(struct keys *keys, size_t count, uint8_t byte, enum key_kind expected_last)
{
	struct key key;
	for (size_t i = 1; i < count; i++)
		assert_int_equal(keys_step(keys, byte, &key), KEY_NONE);
	assert_int_equal(keys_step(keys, byte, &key), expected_last);
	assert_int_equal(keys_step(keys, 'a', &key), KEY_TEXT);
}

static void test_bounds(void **state)
{
	struct keys keys = {0};
	struct key key;
	(void)state;
	(void)keys_step(&keys, 0x1b, &key);
	(void)keys_step(&keys, ']', &key);
	feed_many(&keys, KEYS_STRING_BYTES_MAX + 1, 'x', KEY_REFUSED);
	(void)keys_step(&keys, 0x1b, &key);
	(void)keys_step(&keys, '[', &key);
	feed_many(&keys, KEYS_SEQUENCE_BYTES_MAX + 1, '1', KEY_REFUSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_characters),
		cmocka_unit_test(test_bytes_that_are_no_character),
		cmocka_unit_test(test_cursor_keys),
		cmocka_unit_test(test_unknown_sequences_leave_nothing_behind),
		cmocka_unit_test(test_a_paste_is_marked),
		cmocka_unit_test(test_answers_leave_nothing_behind),
		cmocka_unit_test(test_what_does_not_end),
		cmocka_unit_test(test_bounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
