// SPDX-License-Identifier: ISC
// Tests of ui/filter.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/utf8.h"
#include "ui/filter.h"

static const enum filter_mode modes[] = {FILTER_TERMINAL, FILTER_LINE, FILTER_JSON};
enum { MODE_COUNT = sizeof modes / sizeof modes[0] };

static void check(const char *text, size_t bytes, enum filter_mode mode, const char *expected)
{
	char out[256];
	memset(out, 0x55, sizeof out);
	const size_t written = filter_text(text, bytes, mode, out, sizeof out);
	assert_string_equal(out, expected);
	assert_int_equal(written, strlen(expected));
}

#define CHECK(text, mode, expected) check(text, sizeof(text) - 1, mode, expected)

static size_t encode(uint32_t point, char out[4])
{
	if (point < 0x80) {
		out[0] = (char)point;
		return 1;
	}
	const size_t length = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
	for (size_t i = length - 1; i > 0; i--, point >>= 6)
		out[i] = (char)(0x80 | (point & 0x3f));
	out[0] = (char)((0xf00 >> length & 0xff) | point);
	return length;
}

// The list of the header, written down a second time as ranges.
static bool is_listed(uint32_t point)
{
	static const uint32_t ranges[][2] = {{0x00, 0x08}, {0x0b, 0x1f}, {0x7f, 0x9f}, {0x61c, 0x61c},
					     {0x200e, 0x200f}, {0x2028, 0x2029}, {0x202a, 0x202e}, {0x2066, 0x2069}};
	for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
		if (point >= ranges[i][0] && point <= ranges[i][1])
			return true;
	return false;
}

static void test_every_code_point(void **state)
{
	(void)state;
	for (uint32_t point = 0; point <= 0x10ffff; point++) {
		if (point >= 0xd800 && point <= 0xdfff)
			continue;
		char text[4];
		const size_t bytes = encode(point, text);
		uint32_t decoded;
		assert_int_equal(utf8_decode(text, bytes, &decoded), bytes);
		assert_int_equal(decoded, point);
		if (point == '\n' || point == '\t' || point == '\\')
			continue;
		char expected[16] = {0};
		if (is_listed(point))
			snprintf(expected, sizeof expected, "\\u%04x", (unsigned)point);
		else
			memcpy(expected, text, bytes);
		for (size_t i = 0; i < MODE_COUNT; i++)
			check(text, bytes, modes[i], expected);
	}
}

static void test_the_modes_differ_in_newline_tab_and_backslash(void **state)
{
	(void)state;
	CHECK("a\n>> b\tc\\", FILTER_TERMINAL, "a\n         >> b\tc\\");
	CHECK("a\n>> b\tc\\", FILTER_LINE, "a\\n>> b\\tc\\\\");
	CHECK("{\n\t\"a\\n\"\n}", FILTER_JSON, "{\n\t\"a\\n\"\n}");
}

static void test_terminal_sequences_become_legible(void **state)
{
	(void)state;
	CHECK("\x1b]52;c;aGk=\a", FILTER_TERMINAL, "\\u001b]52;c;aGk=\\u0007");
	CHECK("a\rb\bc", FILTER_TERMINAL, "a\\u000db\\u0008c");
	CHECK("\xc2\x9b" "31m", FILTER_LINE, "\\u009b31m"); // the one-character form of escape and '['
	CHECK("a\0b", FILTER_LINE, "a\\u0000b");
}

static void test_bytes_that_are_not_utf8(void **state)
{
	(void)state;
	CHECK("a\xff" "b", FILTER_TERMINAL, "a\xef\xbf\xbd" "b");
	CHECK("\xc0\x9b[", FILTER_TERMINAL, "\xef\xbf\xbd\xef\xbf\xbd["); // overlong escape
	CHECK("\xed\xa0\x80", FILTER_TERMINAL, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"); // surrogate
	CHECK("\xe2\x82", FILTER_LINE, "\xef\xbf\xbd\xef\xbf\xbd"); // cut off
	CHECK("\x9b" "1m", FILTER_JSON, "\xef\xbf\xbd" "1m"); // a lone byte that some terminals take for C1
}

static void test_nothing_dangerous_is_left(void **state)
{
	(void)state;
	uint32_t random = 1;
	for (int round = 0; round < 20000; round++) {
		char text[64];
		for (size_t i = 0; i < sizeof text; i++) {
			random = random * 1664525 + 1013904223;
			// Mostly the bytes that dangerous code points are made of.
			static const char likely[] = "\xe2\x80\xae\xc2\x9b\x1b\n\\\xd8\x9c\x81\xa6\xa9";
			text[i] = random >> 31 ? (char)(random >> 16) : likely[(random >> 16) % (sizeof likely - 1)];
		}
		for (size_t i = 0; i < MODE_COUNT; i++) {
			char out[FILTER_CAPACITY(sizeof text)];
			const size_t bytes = filter_text(text, sizeof text, modes[i], out, sizeof out);
			assert_int_equal(strlen(out), bytes);
			for (size_t at = 0; at < bytes;) {
				uint32_t point = 0;
				const size_t length = utf8_decode(out + at, bytes - at, &point);
				assert_true(length > 0);
				assert_false(is_listed(point));
				assert_false(modes[i] == FILTER_LINE && point == '\n');
				if (modes[i] == FILTER_TERMINAL && point == '\n')
					assert_memory_equal(out + at, "\n         ", 10);
				at += length;
			}
		}
	}
}

static void test_the_documented_capacity_is_reached_but_not_exceeded(void **state)
{
	(void)state;
	char text[100];
	char out[FILTER_CAPACITY(sizeof text)];
	memset(text, '\n', sizeof text);
	assert_int_equal(filter_text(text, sizeof text, FILTER_TERMINAL, out, sizeof out), sizeof out - 1);
	memset(text, 0x1b, sizeof text);
	assert_int_equal(filter_text(text, sizeof text, FILTER_LINE, out, 6 * sizeof text + 1), 6 * sizeof text);
	assert_int_equal(filter_text("", 0, FILTER_LINE, out, 1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_code_point),
		cmocka_unit_test(test_the_modes_differ_in_newline_tab_and_backslash),
		cmocka_unit_test(test_terminal_sequences_become_legible),
		cmocka_unit_test(test_bytes_that_are_not_utf8),
		cmocka_unit_test(test_nothing_dangerous_is_left),
		cmocka_unit_test(test_the_documented_capacity_is_reached_but_not_exceeded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
