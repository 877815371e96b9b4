// SPDX-License-Identifier: ISC
// proto/replay: a table of the window's edges, also where 64-bit sums would wrap, and random counters against a set.
#include "proto_world.h"

#include "proto/replay.h"

static bool accept(struct replay *replay, uint64_t counter)
{
	if (!replay_is_fresh(replay, counter))
		return false;
	replay_mark(replay, counter);
	assert_false(replay_is_fresh(replay, counter));
	return true;
}

struct step {
	uint64_t counter;
	bool is_fresh;
};

static void walk(const struct step *step, size_t count)
{
	struct replay replay = {{0}, 0};
	for (size_t i = 0; i < count; i++)
		if (accept(&replay, step[i].counter) != step[i].is_fresh)
			fail_msg("step %zu", i);
}

static void edges(void **state)
{
	(void)state;
	static const struct step step[] = {
		{0, true},
		{0, false},
		{1, true},
		{1, false},
		{9, true},
		{8, true},
		{7, true},
		{7, false},
		{2, true},
		{255, true},
		{3, true},
		{3, false},
		{256, true},
		{0, false},
		{4, true},
		{4, false},
		// 256 above the highest keeps nothing; 255 keeps one
		{512, true},
		{256, false},
		{257, true},
		{257, false},
		{511, true},
		{258, true},
		{512, false},
		{767, true},
		{512, false},
		{511, false},
		{513, true},
		{766, true},
		// far ahead
		{1000000, true},
		{767, false},
		{999744, false},
		{999745, true},
		{999745, false},
		{999999, true},
		{1000000, false},
	};
	walk(step, sizeof step / sizeof step[0]);
}

static void near_the_end(void **state)
{
	(void)state;
	const uint64_t end = UINT64_MAX;
	const struct step step[] = {
		{5, true},        {end - 257, true},  {6, false},        {end - 1, true},    {end, false},
		{end - 1, false}, {end - 257, false}, {end - 256, true}, {end - 256, false}, {end - 2, true},
		{0, false},       {255, false},       {end, false},
	};
	walk(step, sizeof step / sizeof step[0]);
	struct replay replay = {{0}, 0};
	assert_false(replay_is_fresh(&replay, UINT64_MAX));
	assert_true(accept(&replay, UINT64_MAX - 1));
	assert_false(replay_is_newest(&replay, UINT64_MAX - 1));
}

static void newest(void **state)
{
	(void)state;
	struct replay replay = {{0}, 0};
	assert_true(replay_is_newest(&replay, 0));
	replay_mark(&replay, 7);
	assert_false(replay_is_newest(&replay, 7));
	assert_false(replay_is_newest(&replay, 6));
	assert_true(replay_is_newest(&replay, 8));
}

static void agrees_with_set(void **state)
{
	(void)state;
	enum { COUNTERS = 200000 };
	struct seeded seeded = {2};
	struct replay replay = {{0}, 0};
	bool *seen = must_alloc(COUNTERS * sizeof *seen);
	int64_t highest = -1;
	for (int step = 0; step < 300000; step++) {
		const uint32_t stride = seeded_chance(&seeded, 1) ? 2000 : 300;
		const int64_t counter = highest - 299 + seeded_below(&seeded, stride);
		if (counter < 0 || counter >= COUNTERS)
			continue;
		const bool expected = counter > highest - REPLAY_WINDOW && !seen[counter];
		assert_int_equal(accept(&replay, (uint64_t)counter), expected);
		seen[counter] = true;
		highest = counter > highest ? counter : highest;
	}
	assert_true(highest > COUNTERS / 2);
	free(seen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(edges),
		cmocka_unit_test(near_the_end),
		cmocka_unit_test(newest),
		cmocka_unit_test(agrees_with_set),
	};
	return cmocka_run_group_tests_name("replay", tests, NULL, NULL);
}
