// SPDX-License-Identifier: ISC
// What `mms bench` makes of what it sees: the stamp in a text, whether a message came before, quantiles, what is lost.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/utf8.h"
#include "cmd/bench.h"

static void test_stamp_comes_back(void **state)
{
	static const size_t sizes[] = {BENCH_STAMP_TEXT_BYTES, 100, TEXT_BYTES_MAX};
	const struct bench_stamp stamp = {0xfedcba98, (UINT64_C(1) << 48) - 2, {123456789012345}};
	uint8_t text[TEXT_BYTES_MAX];
	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		struct bench_stamp read;
		bench_stamp_write(&stamp, text, sizes[i]);
		assert_true(utf8_is_message(text, sizes[i]));
		assert_true(bench_stamp_read(&read, text, sizes[i]));
		assert_int_equal(read.run, stamp.run);
		assert_int_equal(read.number, stamp.number);
		assert_int_equal(read.due.us, stamp.due.us);
		assert_false(bench_stamp_read(&read, text, BENCH_STAMP_TEXT_BYTES - 1));
	}
	text[3] = ' ';
	assert_false(bench_stamp_read(&(struct bench_stamp){0}, text, sizeof text));
}

static void test_inbox_tells_order_from_repeats(void **state)
{
	struct bench_inbox inbox = {0};
	(void)state;
	assert_int_equal(bench_inbox_take(&inbox, 0), BENCH_IN_ORDER);
	assert_int_equal(bench_inbox_take(&inbox, 1), BENCH_IN_ORDER);
	assert_int_equal(bench_inbox_take(&inbox, 1), BENCH_DOUBLED);
	assert_int_equal(bench_inbox_take(&inbox, 4), BENCH_IN_ORDER); // whether 2 and 3 come is not known yet
	assert_int_equal(bench_inbox_take(&inbox, 2), BENCH_LATE);
	assert_int_equal(bench_inbox_take(&inbox, 2), BENCH_DOUBLED);
	assert_int_equal(bench_inbox_take(&inbox, 0), BENCH_DOUBLED);
	bench_inbox_signed_in(&inbox);
	assert_int_equal(bench_inbox_take(&inbox, 4), BENCH_REPEATED);
	assert_int_equal(bench_inbox_take(&inbox, 3), BENCH_LATE);
	assert_int_equal(bench_inbox_take(&inbox, 5), BENCH_IN_ORDER);
	assert_int_equal(bench_inbox_take(&inbox, 5), BENCH_DOUBLED);
	assert_int_equal(bench_inbox_take(&inbox, 5 + BENCH_INBOX_KEPT), BENCH_IN_ORDER); // all that is kept passes
	assert_int_equal(bench_inbox_take(&inbox, 6), BENCH_LATE);
	assert_int_equal(bench_inbox_take(&inbox, 5), BENCH_DOUBLED);
	assert_int_equal(bench_inbox_take(&inbox, 1000), BENCH_IN_ORDER);
	assert_int_equal(bench_inbox_take(&inbox, 999), BENCH_LATE);
	assert_int_equal(bench_inbox_take(&inbox, 1000 - BENCH_INBOX_KEPT), BENCH_DOUBLED);
}

static void test_quantiles_of_small_times_are_exact(void **state)
{
	static struct bench_times times;
	(void)state;
	memset(&times, 0, sizeof times);
	assert_int_equal(bench_times_quantile(&times, 500), 0);
	for (int64_t us = 1; us <= 200; us++)
		bench_times_add(&times, us);
	assert_int_equal(bench_times_quantile(&times, 500), 100);
	assert_int_equal(bench_times_quantile(&times, 990), 198);
	assert_int_equal(bench_times_quantile(&times, 1000), 200);
	assert_int_equal(bench_times_quantile(&times, 1), 1);
}

static void test_quantiles_of_long_times_are_near(void **state)
{
	static struct bench_times times;
	(void)state;
	for (int64_t us = 1; us < INT64_C(1) << BENCH_TIMES_BITS_MAX; us = us * 3 + 1) {
		memset(&times, 0, sizeof times);
		bench_times_add(&times, us);
		const int64_t found = bench_times_quantile(&times, 1000);
		assert_true(found >= us);
		assert_true(found - us <= us / BENCH_TIMES_FINE);
	}
	memset(&times, 0, sizeof times);
	bench_times_add(&times, -5);
	assert_int_equal(bench_times_quantile(&times, 500), 0);
	bench_times_add(&times, INT64_MAX);
	assert_int_equal(bench_times_quantile(&times, 1000), (INT64_C(1) << BENCH_TIMES_BITS_MAX) - 1);
}

static void test_ninety_nine_in_a_hundred(void **state)
{
	static struct bench_times times;
	(void)state;
	memset(&times, 0, sizeof times);
	for (int i = 0; i < 99; i++)
		bench_times_add(&times, 10);
	bench_times_add(&times, 100000);
	assert_int_equal(bench_times_quantile(&times, 990), 10);
	bench_times_add(&times, 100000);
	assert_true(bench_times_quantile(&times, 990) >= 100000);
}

static void test_lost_is_what_was_neither_delivered_nor_refused(void **state)
{
	static struct bench_result result;
	(void)state;
	result.sent = 10;
	result.delivered = 7;
	result.refused = 2;
	assert_int_equal(bench_result_lost(&result), 1);
	result.delivered = 8;
	assert_int_equal(bench_result_lost(&result), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stamp_comes_back),
		cmocka_unit_test(test_inbox_tells_order_from_repeats),
		cmocka_unit_test(test_quantiles_of_small_times_are_exact),
		cmocka_unit_test(test_quantiles_of_long_times_are_near),
		cmocka_unit_test(test_ninety_nine_in_a_hundred),
		cmocka_unit_test(test_lost_is_what_was_neither_delivered_nor_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
