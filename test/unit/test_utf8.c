// SPDX-License-Identifier: ISC
// base/utf8: every code point there and back, and the forms that RFC 3629 forbids.
#include "proto_world.h"

#include "base/limits.h"
#include "base/utf8.h"

// Written from the table of RFC 3629 section 3.
static size_t encode(uint32_t point, uint8_t out[4])
{
	if (point < 0x80) {
		out[0] = (uint8_t)point;
		return 1;
	}
	const size_t length = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
	static const uint8_t lead[5] = {0, 0, 0xc0, 0xe0, 0xf0};
	for (size_t i = length - 1; i > 0; i--, point >>= 6)
		out[i] = (uint8_t)(0x80 | (point & 0x3f));
	out[0] = (uint8_t)(lead[length] | point);
	return length;
}

static void every_code_point(void **state)
{
	(void)state;
	for (uint32_t point = 0; point < 0x110400; point++) {
		uint8_t text[4];
		uint32_t decoded = 0;
		const size_t bytes = encode(point, text);
		const bool is_allowed = point < 0x110000 && (point < 0xd800 || point > 0xdfff);
		const size_t length = utf8_decode(text, bytes, &decoded);
		if (length != (is_allowed ? bytes : 0) || (is_allowed && decoded != point))
			fail_msg("U+%04X", point);
		for (size_t cut = 0; cut < bytes; cut++)
			if (utf8_decode(text, cut, &decoded) != 0)
				fail_msg("U+%04X cut to %zu", point, cut);
	}
}

static void bad_forms(void **state)
{
	(void)state;
	static const char *const table[] = {
		"\x80",
		"\xbf",
		"\xc0\x80",
		"\xc1\xbf",
		"\xe0\x80\x80",
		"\xe0\x9f\xbf",
		"\xf0\x80\x80\x80",
		"\xf0\x8f\xbf\xbf",
		"\xf5\x80\x80\x80",
		"\xff",
		"\xfe",
		"\xc2\x41",
		"\xe2\x82\x41",
		"\xf0\x9f\x98\x41",
		"\xed\xa0\x80",
		"ok\xc2",
		"\xf8\x88\x80\x80\x80",
	};
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (utf8_is_valid(table[i], strlen(table[i])))
			fail_msg("entry %zu", i);
	for (size_t place = 0; place < 40; place++) {
		char text[40];
		memset(text, 'a', sizeof text);
		text[place] = (char)0x80;
		assert_false(utf8_is_valid(text, sizeof text));
		assert_true(utf8_is_valid(text, place));
	}
	assert_true(utf8_is_valid("", 0));
	assert_true(utf8_is_valid("a\0b \xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80", 15));
}

static void messages(void **state)
{
	(void)state;
	char text[TEXT_BYTES_MAX + 1];
	memset(text, 'x', sizeof text);
	assert_false(utf8_is_message(text, 0));
	assert_true(utf8_is_message(text, 1));
	assert_true(utf8_is_message(text, TEXT_BYTES_MAX));
	assert_false(utf8_is_message(text, TEXT_BYTES_MAX + 1));
	text[5] = 0;
	assert_false(utf8_is_message(text, 6));
	assert_true(utf8_is_message(text, 5));
	assert_true(utf8_is_message("\n\x1b[31m\x7f", 7));
	assert_false(utf8_is_message("\xff", 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_code_point),
		cmocka_unit_test(bad_forms),
		cmocka_unit_test(messages),
	};
	return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
