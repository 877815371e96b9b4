// SPDX-License-Identifier: ISC
// base/bucket and base/time: so many a second after a burst, and moments that never overflow.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bucket.h"

static const struct bucket_rate rate = {2, 3};

static struct mtime at(int64_t us)
{
	return (struct mtime){us};
}

static void burst_then_rate(void **state)
{
	(void)state;
	struct bucket bucket = {0};
	assert_int_equal(bucket_ready_at(&bucket, &rate, at(1000)).us, 1000); // never used: full
	for (int i = 0; i < 3; i++) {
		assert_int_equal(bucket_ready_at(&bucket, &rate, at(1000)).us, 1000);
		assert_true(bucket_take(&bucket, &rate, at(1000)));
	}
	assert_false(bucket_take(&bucket, &rate, at(1000)));
	const struct mtime ready_at = bucket_ready_at(&bucket, &rate, at(1000));
	assert_in_range(ready_at.us, 501000, 501001);
	assert_false(bucket_take(&bucket, &rate, at(500000)));
	assert_true(bucket_take(&bucket, &rate, ready_at));
	assert_false(bucket_take(&bucket, &rate, ready_at));
}

static void no_more_than_the_burst(void **state)
{
	(void)state;
	struct bucket bucket = {0};
	assert_true(bucket_take(&bucket, &rate, at(1000)));
	for (int i = 0; i < 3; i++)
		assert_true(bucket_take(&bucket, &rate, at(1001000))); // two came, one of them in vain
	assert_false(bucket_take(&bucket, &rate, at(1001000)));
	for (int i = 0; i < 3; i++)
		assert_true(bucket_take(&bucket, &rate, at(INT64_MAX / 2))); // and no overflow on the way
	assert_false(bucket_take(&bucket, &rate, at(INT64_MAX / 2)));
	assert_true(bucket_take(&bucket, &rate, at(INT64_MAX / 2 + 1000000))); // two came, one is left
	assert_true(bucket_take(&bucket, &rate, at(INT64_MAX / 2 + 2000000)));
	for (int i = 0; i < 2; i++)
		assert_true(bucket_take(&bucket, &rate, at(INT64_MAX / 2 + 2000000)));
	assert_false(bucket_take(&bucket, &rate, at(INT64_MAX / 2 + 2000000))); // 1 + 2, not more than 3
}

// Each that is booked has a moment of its own, as many as may be owed.
static void booked_ahead(void **state)
{
	(void)state;
	struct bucket bucket = {0};
	struct mtime due;
	for (int i = 0; i < 3; i++) {
		assert_true(bucket_book(&bucket, &rate, 2, at(1000), &due));
		assert_int_equal(due.us, 1000);
	}
	assert_true(bucket_book(&bucket, &rate, 2, at(1000), &due));
	assert_in_range(due.us, 501000, 501001);
	assert_true(bucket_book(&bucket, &rate, 2, at(1000), &due));
	assert_in_range(due.us, 1001000, 1001001);
	assert_false(bucket_book(&bucket, &rate, 2, at(1000), &due));
	assert_in_range(due.us, 1501000, 1501001);
	assert_false(bucket_take(&bucket, &rate, at(1001000))); // what came was owed
	assert_true(bucket_take(&bucket, &rate, at(1501001)));
	assert_true(bucket_book(&bucket, &rate, 2, at(1501001), &due));
	for (int i = 0; i < 3; i++)
		assert_true(bucket_take(&bucket, &rate, at(20000000)));
	assert_false(bucket_take(&bucket, &rate, at(20000000)));
}

static void moments_end_at_never(void **state)
{
	(void)state;
	assert_int_equal(mtime_add_us(at(INT64_MAX - 5), 5).us, INT64_MAX);
	assert_int_equal(mtime_add_us(at(INT64_MAX - 5), 6).us, MTIME_NEVER.us);
	assert_int_equal(mtime_add_us(MTIME_NEVER, 1).us, MTIME_NEVER.us);
	assert_int_equal(mtime_add_ms(at(5), 7).us, 7005);
	assert_int_equal(mtime_max(at(5), MTIME_NEVER).us, MTIME_NEVER.us);
	assert_int_equal(mtime_max(at(6), at(5)).us, 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(burst_then_rate),
		cmocka_unit_test(no_more_than_the_burst),
		cmocka_unit_test(booked_ahead),
		cmocka_unit_test(moments_end_at_never),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
