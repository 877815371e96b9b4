// SPDX-License-Identifier: ISC
// base/date: known moments, and every month of ten thousand years read as it is written.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/date.h"

#define FIRST_S INT64_C(-62167219200) // 0000-01-01T00:00:00Z
#define LAST_S INT64_C(253402300799)  // 9999-12-31T23:59:59Z

static const struct known {
	int64_t seconds;
	const char *text;
} known[] = {
	{0, "1970-01-01T00:00:00Z"},
	{-1, "1969-12-31T23:59:59Z"},
	{951782400, "2000-02-29T00:00:00Z"},
	{951868800, "2000-03-01T00:00:00Z"},
	{1795341600, "2026-11-22T10:00:00Z"},
	{4107542400, "2100-03-01T00:00:00Z"},
	{4107542399, "2100-02-28T23:59:59Z"},
	{FIRST_S, "0000-01-01T00:00:00Z"},
	{LAST_S, "9999-12-31T23:59:59Z"},
};

static void known_moments_read_and_write(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		char text[DATE_TEXT_BYTES];
		struct wtime at = {7};
		date_format_s((struct wtime){known[i].seconds * 1000}, text);
		assert_string_equal(text, known[i].text);
		assert_true(date_parse(&at, known[i].text, strlen(known[i].text)));
		assert_int_equal(at.ms, known[i].seconds * 1000);
	}
}

static void every_month_is_read_as_it_is_written(void **state)
{
	(void)state;
	// A step of 27 days and a prime of seconds meets every month, and 29 February of every leap year's era.
	for (int64_t seconds = FIRST_S; seconds <= LAST_S; seconds += 27 * 86400 + 7919) {
		char text[DATE_TEXT_BYTES];
		struct wtime back;
		date_format_s((struct wtime){seconds * 1000}, text);
		assert_true(date_parse(&back, text, strlen(text)));
		assert_int_equal(back.ms, seconds * 1000);
	}
}

static void milliseconds_have_three_digits_and_round_to_the_past(void **state)
{
	(void)state;
	char text[DATE_TEXT_BYTES];
	date_format_ms((struct wtime){INT64_C(1795341600123)}, text);
	assert_string_equal(text, "2026-11-22T10:00:00.123Z");
	date_format_ms((struct wtime){7}, text);
	assert_string_equal(text, "1970-01-01T00:00:00.007Z");
	date_format_ms((struct wtime){-1}, text);
	assert_string_equal(text, "1969-12-31T23:59:59.999Z");
	date_format_s((struct wtime){-1}, text);
	assert_string_equal(text, "1969-12-31T23:59:59Z");
	date_format_s((struct wtime){1999}, text);
	assert_string_equal(text, "1970-01-01T00:00:01Z");
}

static void a_moment_out_of_range_is_written_as_the_nearest(void **state)
{
	(void)state;
	char text[DATE_TEXT_BYTES];
	date_format_ms((struct wtime){INT64_MAX}, text);
	assert_string_equal(text, "9999-12-31T23:59:59.999Z");
	date_format_ms((struct wtime){LAST_S * 1000 + 1000}, text);
	assert_string_equal(text, "9999-12-31T23:59:59.999Z");
	date_format_ms((struct wtime){INT64_MIN}, text);
	assert_string_equal(text, "0000-01-01T00:00:00.000Z");
	date_format_s((struct wtime){FIRST_S * 1000 - 1}, text);
	assert_string_equal(text, "0000-01-01T00:00:00Z");
}

static void anything_else_is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"", "2026-11-22", "2026-11-22T10:00:00", "2026-11-22T10:00:00z", "2026-11-22t10:00:00Z",
		"2026-11-22 10:00:00Z", "2026-11-22T10:00:00.123Z", "2026-11-22T10:00:00+00:00", "2026-11-22T10:00Z",
		"2026-11-22T10:00:00Z ", " 2026-11-22T10:00:00Z", "+026-11-22T10:00:00Z", "2026-1 -22T10:00:00Z",
		"2026-13-22T10:00:00Z", "2026-00-22T10:00:00Z", "2026-11-31T10:00:00Z", "2026-11-00T10:00:00Z",
		"2026-02-29T10:00:00Z", "2100-02-29T10:00:00Z", "2026-11-22T24:00:00Z", "2026-11-22T23:60:00Z",
		"2026-12-31T23:59:60Z", "2026/11/22T10:00:00Z", "2026-11-22T10.00.00Z", "2026-11-22T10:00:0xZ",
		"20261-1-22T10:00:00Z", "2026-11-22T10:00-00Z", "2026-11x22T10:00:00Z", "2026-11-2xT10:00:00Z",
		"2026-11-22Tx0:00:00Z", "2026-11-22T10:x0:00Z", "2026-11-22T10x00:00Z",
	};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct wtime at = {7};
		if (date_parse(&at, bad[i], strlen(bad[i])))
			fail_msg("accepted: %s", bad[i]);
		assert_int_equal(at.ms, 7);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_moments_read_and_write),
		cmocka_unit_test(every_month_is_read_as_it_is_written),
		cmocka_unit_test(milliseconds_have_three_digits_and_round_to_the_past),
		cmocka_unit_test(a_moment_out_of_range_is_written_as_the_nearest),
		cmocka_unit_test(anything_else_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
