// SPDX-License-Identifier: ISC
// Tests of ui/layout. That libedit puts its cursor in the same places is tested in test/e2e/test_terminal.py.
#include <assert.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ui/filter.h"
#include "ui/layout.h"

static void check(const wchar_t *text, size_t cursor, int columns, int row, int column)
{
	const struct layout_place place = layout_cursor(text, wcslen(text), cursor, 2, columns);
	assert_int_equal(place.row, row);
	assert_int_equal(place.column, column);
}

static void test_rows_of_narrow_characters(void **state)
{
	(void)state;
	check(L"", 0, 10, 0, 2);
	check(L"1234567", 7, 10, 0, 9);
	check(L"12345678", 7, 10, 0, 9);
	check(L"12345678", 8, 10, 1, 0); // a full row: the cursor waits on the next
	check(L"123456789012345678", 18, 10, 2, 0);
	check(L"x", 1, 2, 1, 1); // the prompt fills the first row
}

static void test_wide_characters_do_not_straddle_rows(void **state)
{
	(void)state;
	check(L"\u65e5\u65e5", 2, 10, 0, 6);
	check(L"x\u65e5\u65e5\u65e5\u65e5", 4, 10, 1, 0); // stands before the one that does not fit
	check(L"x\u65e5\u65e5\u65e5\u65e5", 5, 10, 1, 2);
	check(L"e\u0301x", 3, 10, 0, 4);
}

static void test_tabs_and_what_cannot_be_printed(void **state)
{
	(void)state;
	check(L"\t", 1, 80, 0, 8);
	check(L"123456\tx", 8, 80, 0, 17);
	check(L"1234567\t", 8, 12, 1, 0);
	check(L"\x01", 1, 80, 0, 4);
	check(L"\u0378", 1, 80, 0, 9); // assigned to nothing: \U+0378
	check(L"\U0001ffff", 1, 80, 0, 10);
}

// The text with a '/' wherever it is broken.
static void check_flow(const wchar_t *text, int columns, const wchar_t *expected)
{
	wchar_t got[256];
	size_t count = 0;
	struct layout_flow flow = {0};
	for (size_t i = 0; text[i] != L'\0'; i++) {
		if (layout_flow_step(&flow, (uint32_t)text[i], columns))
			got[count++] = L'/';
		got[count++] = text[i];
	}
	got[count] = L'\0';
	assert_int_equal(wcscmp(got, expected), 0);
}

static void test_long_rows_are_broken_and_indented(void **state)
{
	(void)state;
	check_flow(L"abcdefghijklmnopqrstuvwxyz", 26, L"abcdefghijklmnopqrstuvwxyz");
	check_flow(L"abcdefghijklmnopqrstuvwxyz", 25, L"abcdefghijklmnopqrstuvwxy/z");
	check_flow(L"abcdefghijklmnopqrstuvwxy\nabc", 25, L"abcdefghijklmnopqrstuvwxy\nabc");
	check_flow(L"abcdefghijklmnopqrstuvwxyz1234567890123456789", 25, // 16 fit after 9 blanks
		   L"abcdefghijklmnopqrstuvwxy/z123456789012345/6789");
	check_flow(L"abcdefghijklmnopqrstuvwx\u65e5\u65e5", 25, L"abcdefghijklmnopqrstuvwx/\u65e5\u65e5");
	check_flow(L"abcdefghijklmnopqrstuvwxyz", LAYOUT_COLUMNS_FULL - 1, L"abcdefghijklmnopqrstuvw/xyz");
	check_flow(L"abcdefghijk", 4, L"abcd/efg/hij/k"); // one blank before the later rows
	check_flow(L"a\u65e5\u65e5", 4, L"a\u65e5/\u65e5");
	check_flow(L"abcdefghijk", LAYOUT_COLUMNS_MIN - 1, L"abcdefghijk");
	assert_int_equal(layout_indent(LAYOUT_COLUMNS_FULL), FILTER_INDENT);
	assert_int_equal(layout_indent(LAYOUT_COLUMNS_MIN), 1);
}

// Two terminals draw these differently; a row is counted by the one that needs more room.
static void test_widths_in_doubt_count_as_the_larger(void **state)
{
	(void)state;
	check_flow(L"abcdefghijklmnopqrstuvwx\u0301", 24, L"abcdefghijklmnopqrstuvwx\u0301"); // a mark: no cell
	check_flow(L"abcdefghijklmnopqrstuvwx\u200b", 24, L"abcdefghijklmnopqrstuvwx\u200b");
	check_flow(L"abcdefghijklmnopqrstuvwx\ufe0f", 24, L"abcdefghijklmnopqrstuvwx/\ufe0f"); // may widen what it follows
	check_flow(L"abcdefghijklmnopqrstuvwx\u1160", 24, L"abcdefghijklmnopqrstuvwx/\u1160"); // a vowel alone
	check_flow(L"abcdefghijklmnopqrstuvw\u0378", 24, L"abcdefghijklmnopqrstuvw/\u0378"); // not assigned yet
}

static void test_tabs_in_long_rows(void **state)
{
	(void)state;
	check_flow(L"\tab", 6, L"\t/ab");
	check_flow(L"a\tb\tc", 6, L"a\t/b/\t/c");
	check_flow(L"\t\t\tabc", 25, L"\t\t\ta/bc");
	check_flow(L"\t\t\t\tabc", 25, L"\t\t\t/\tabc");
	struct layout_flow flow = {.column = 24};
	assert_true(layout_flow_step(&flow, '\t', 25));
	assert_int_equal(flow.column, 16); // from the indentation to the next stop
	assert_int_equal(FILTER_INDENT, 9);
}

int main(void)
{
	assert(setlocale(LC_CTYPE, "C.UTF-8") != NULL);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows_of_narrow_characters),
		cmocka_unit_test(test_wide_characters_do_not_straddle_rows),
		cmocka_unit_test(test_tabs_and_what_cannot_be_printed),
		cmocka_unit_test(test_long_rows_are_broken_and_indented),
		cmocka_unit_test(test_widths_in_doubt_count_as_the_larger),
		cmocka_unit_test(test_tabs_in_long_rows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
