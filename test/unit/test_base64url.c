// SPDX-License-Identifier: ISC
// crypto/base64url: what is written is read again, and only the one right encoding is.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/fingerprint.h"
#include "crypto/base64url.h"
#include "crypto/hash.h"

static void base64url_round_trip(void **state)
{
	(void)state;
	uint8_t data[BASE64URL_DECODE_BYTES_MAX];
	uint8_t back[BASE64URL_DECODE_BYTES_MAX];
	char text[BASE64URL_DECODE_BYTES_MAX * 4 / 3 + 2];
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)(0xd0 + i); // passes through bytes that need both letters beyond the alphanumeric
	for (size_t bytes = 0; bytes <= sizeof data; bytes++) {
		memset(text, '!', sizeof text);
		base64url_encode(data, bytes, text);
		assert_int_equal(strlen(text), (bytes * 4 + 2) / 3);
		assert_int_equal(strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
				 strlen(text));
		for (size_t i = bytes * 4 / 3 + 2; i < sizeof text; i++)
			assert_int_equal(text[i], '!'); // the room the header asks for is enough
		memset(back, 0, sizeof back);
		assert_true(base64url_decode(text, strlen(text), back, bytes));
		assert_memory_equal(back, data, bytes);
	}
	base64url_encode("\xfb\xff", 2, text);
	assert_string_equal(text, "-_8");
	base64url_encode(data, INVITE_CODE_BYTES, text);
	assert_int_equal(strlen(text) + 1, INVITE_CODE_TEXT_BYTES);
	base64url_encode(data, FINGERPRINT_BYTES, text);
	assert_int_equal(strlen(text) + 1, FINGERPRINT_TEXT_BYTES);
}

static void base64url_refuses(void **state)
{
	(void)state;
	static const struct refused {
		const char *text;
		size_t text_bytes;
		size_t bytes;
	} refused[] = {
		{"-_8=", 4, 2},   // padding
		{"-_8", 3, 1},    // more than asked for
		{"-_8", 3, 3},    // less
		{"-_", 2, 2},     // cut
		{"", 0, 1},
		{"A", 1, 0},      // a letter that gives no byte
		{"AAAAA", 5, 3},  // the same after a group
		{"-_9", 3, 2},    // unused bits that are not zero
		{"+/8", 3, 2},    // plain base64
		{"-_ 8", 4, 2},   // white space inside
		{"-_8\n", 4, 2},  // and after
		{" -_8", 4, 2},   // and before
		{"-\0008", 3, 2}, // a zero byte
		{"-_\xc3", 3, 2},
	};
	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
		uint8_t data[4] = "abc";
		if (base64url_decode(refused[i].text, refused[i].text_bytes, data, refused[i].bytes))
			fail_msg("case %zu was decoded", i);
		assert_string_equal((const char *)data, "abc");
	}
	// Letters are ASCII; libsodium reads any byte above as '_'.
	for (int byte = 0x80; byte <= 0xff; byte++) {
		const char text[4] = {'A', (char)byte, 'A', 'A'};
		uint8_t data[3];
		assert_false(base64url_decode(text, sizeof text, data, sizeof data));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(base64url_round_trip),
		cmocka_unit_test(base64url_refuses),
	};
	return cmocka_run_group_tests_name("base64url", tests, NULL, NULL);
}
