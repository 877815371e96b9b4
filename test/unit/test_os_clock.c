// SPDX-License-Identifier: ISC
// Tests of os/clock.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "os/clock.h"

static void check(int64_t at_s, int64_t today_s, const char *expected)
{
	char text[CLOCK_LOCAL_BYTES];
	clock_local((struct wtime){at_s * 1000}, (struct wtime){today_s * 1000}, text);
	assert_string_equal(text, expected);
}

// The day is that of the place, not that of Greenwich.
static void moments_as_the_wall_shows_them(void **state)
{
	(void)state;
	enum { NIGHT = 1795390200 }; // 2026-11-22T23:30:00Z
	setenv("TZ", "EAST-3", 1);
	tzset();
	check(NIGHT, NIGHT + 3600, "02:30");
	check(NIGHT - 3 * 3600, NIGHT, "2026-11-22 23:30");
	check(NIGHT - 365 * 86400, NIGHT, "2025-11-23 02:30");
	check(INT64_MAX / 1000, NIGHT, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(moments_as_the_wall_shows_them),
	};
	return cmocka_run_group_tests_name("os_clock", tests, NULL, NULL);
}
