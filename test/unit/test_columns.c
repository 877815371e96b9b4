// SPDX-License-Identifier: ISC
// Tests of ui/columns.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ui/columns.h"

static char said[64 * 1024];

static void keep(void *context, const char *text, size_t bytes)
{
	char *end = strchr(context, 0);
	assert_true(end + bytes < said + sizeof said);
	memcpy(end, text, bytes);
	end[bytes] = 0;
}

static const struct phrase_out out = {keep, said, PHRASE_PREFIX, true};
static const struct phrase_out plain = {keep, said, "", false};

static void show(const struct phrase_out *to, int screen, const char *const *names)
{
	struct columns columns;
	size_t widest = 0;
	said[0] = 0;
	for (const char *const *name = names; *name != NULL; name++)
		widest = strlen(*name) > widest ? strlen(*name) : widest;
	columns_begin(&columns, to, screen, widest);
	for (; *names != NULL; names++) {
		struct name name;
		assert_true(name_parse(&name, *names, strlen(*names)));
		columns_add(&columns, &name);
	}
	columns_end(&columns);
}

static void rows_fit_the_screen(void **state)
{
	(void)state;
	static const char *const names[] = {"fred", "Tim", "francoc", "libero", NULL};
	show(&out, 24, names); // 8 and 7 and 2 and 7
	assert_string_equal(said, ">>      fred     Tim\n>>      francoc  libero\n");
	show(&out, 23, names);
	assert_string_equal(said, ">>      fred\n>>      Tim\n>>      francoc\n>>      libero\n");
	show(&plain, 80, names);
	assert_string_equal(said, "  fred     Tim      francoc  libero\n");
	show(&plain, 0, names);
	assert_string_equal(said, "  fred\n  Tim\n  francoc\n  libero\n");
	show(&plain, 80, (const char *const[]){NULL});
	assert_string_equal(said, "");
}

static size_t row_count(void)
{
	size_t count = 0;
	for (const char *at = said; (at = strchr(at, '\n')) != NULL; at++)
		count++;
	return count;
}

// However many users a server has, a screen is not flooded; a file has them all.
static void a_crowd_is_bounded(void **state)
{
	(void)state;
	enum { CROWD = 3000 };
	static char text[CROWD][8];
	static const char *names[CROWD + 1];
	for (int i = 0; i < CROWD; i++) {
		snprintf(text[i], sizeof text[i], "u%d", i % 10000);
		names[i] = text[i];
	}
	show(&plain, 80, names);
	assert_int_equal(row_count(), (COLUMNS_NAMES_MAX + 10) / 11 + 1); // 11 names of 5 and 2 letters a row
	assert_non_null(strstr(said, "u499\n  and 2500 more\n"));
	show(&plain, 0, names);
	assert_int_equal(row_count(), CROWD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_fit_the_screen),
		cmocka_unit_test(a_crowd_is_bounded),
	};
	return cmocka_run_group_tests_name("columns", tests, NULL, NULL);
}
