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
// '!' refused.
static void check(const char *bytes, const char *expected)
{
	char got[512] = "";
	size_t at = 0;
	struct keys keys = {0};
	for (size_t i = 0; i < strlen(bytes); i++) {
		struct key key;
		memset(&key, 0x55, sizeof key);
		static const char signs[] = {[KEY_ENTER] = '+', [KEY_END] = '$',
					     [KEY_DELETE] = 'x', [KEY_REFUSED] = '!'};
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
	check("\x1b[200~a\x1b[201~", "!<61>!");         // the marks around a paste
	check("\x1b[<0;123;456M" "a", "!<61>");         // a mouse, longer than what is kept
	check("\x1b[1111111111111111A" "a", "!<61>");   // ends like cursor up
	check("\x1bx\x1bX\x1b?" "a", "!!!<61>");        // Alt-x would wait
	check("\x1b\x1b[A", "(10)");                    // Alt-up, or escape and up
	check("\x1b[1\x1b[A", "(10)");                  // broken off
	check("\x1b", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_characters),
		cmocka_unit_test(test_bytes_that_are_no_character),
		cmocka_unit_test(test_cursor_keys),
		cmocka_unit_test(test_unknown_sequences_leave_nothing_behind),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
