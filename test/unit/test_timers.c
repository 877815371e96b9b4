// SPDX-License-Identifier: ISC
// proto/timers: random settings and expiries against a search through an array.
#include "proto_world.h"

#include "proto/timers.h"

enum { SLOTS = 37 };

static struct mtime naive_first(const struct mtime *deadline)
{
	struct mtime first = MTIME_NEVER;
	for (uint32_t slot = 0; slot < SLOTS; slot++)
		first = mtime_min(first, deadline[slot]);
	return first;
}

static void agrees_with_naive(void **state)
{
	(void)state;
	struct seeded seeded = {3};
	struct timers timers;
	struct timers_entry heap[SLOTS];
	uint32_t place[SLOTS];
	struct mtime deadline[SLOTS];
	uint32_t taken_count = 0;
	memset(place, 0xff, sizeof place);
	timers_init(&timers, heap, place, SLOTS);
	for (uint32_t slot = 0; slot < SLOTS; slot++)
		deadline[slot] = MTIME_NEVER;
	for (int64_t now = 0; now < 50000; now++) {
		const uint32_t slot = seeded_below(&seeded, SLOTS);
		deadline[slot] = seeded_chance(&seeded, 30) ? MTIME_NEVER : at_us(now - 5 + seeded_below(&seeded, 60));
		timers_set(&timers, slot, deadline[slot]);
		assert_true(timers_first(&timers).us == naive_first(deadline).us);
		uint32_t due;
		int64_t last = INT64_MIN;
		while (seeded_chance(&seeded, 60) && timers_take_due(&timers, at_us(now), &due)) {
			assert_true(deadline[due].us <= now);
			assert_true(deadline[due].us == naive_first(deadline).us);
			assert_true(deadline[due].us >= last);
			last = deadline[due].us;
			deadline[due] = MTIME_NEVER;
			taken_count++;
		}
		assert_true(timers_first(&timers).us == naive_first(deadline).us);
	}
	assert_true(taken_count > 1000);
}

static void lowered_only(void **state)
{
	(void)state;
	struct timers timers;
	struct timers_entry heap[2];
	uint32_t place[2];
	timers_init(&timers, heap, place, 2);
	timers_lower(&timers, 1, at_us(10));
	assert_int_equal(timers_first(&timers).us, 10);
	timers_lower(&timers, 1, at_us(11));
	timers_lower(&timers, 1, MTIME_NEVER);
	assert_int_equal(timers_first(&timers).us, 10);
	timers_lower(&timers, 1, at_us(9));
	assert_int_equal(timers_first(&timers).us, 9);
}

static void due_is_at_the_deadline(void **state)
{
	(void)state;
	struct timers timers;
	struct timers_entry heap[2];
	uint32_t place[2];
	uint32_t slot = 9;
	timers_init(&timers, heap, place, 2);
	assert_true(timers_first(&timers).us == MTIME_NEVER.us);
	assert_false(timers_take_due(&timers, MTIME_NEVER, &slot));
	timers_set(&timers, 1, at_us(10));
	timers_set(&timers, 0, MTIME_NEVER);
	assert_false(timers_take_due(&timers, at_us(9), &slot));
	assert_true(timers_take_due(&timers, at_us(10), &slot));
	assert_int_equal(slot, 1);
	assert_false(timers_take_due(&timers, at_us(10), &slot));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_naive),
		cmocka_unit_test(lowered_only),
		cmocka_unit_test(due_is_at_the_deadline),
	};
	return cmocka_run_group_tests_name("timers", tests, NULL, NULL);
}
