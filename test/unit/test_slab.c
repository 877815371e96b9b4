// SPDX-License-Identifier: ISC
// proto/slab: random takes and gives against an array of marks.
#include "proto_world.h"

#include "proto/slab.h"

enum { PIECES = 23, PIECE_BYTES = 24 };

static void no_piece_is_taken_twice(void **state)
{
	(void)state;
	static uint64_t memory[PIECES * PIECE_BYTES / 8];
	struct seeded seeded = {5};
	struct slab slab;
	bool is_taken[PIECES + 1] = {false};
	uint32_t taken_count = 0;
	uint32_t most = 0;
	slab_init(&slab, memory, PIECE_BYTES, PIECES);
	for (int i = 0; i < 20000; i++) {
		if (seeded_chance(&seeded, i / 2000 % 2 == 0 ? 60 : 40)) {
			const uint32_t number = slab_take(&slab);
			assert_int_equal(number == 0, taken_count == PIECES);
			if (number == 0)
				continue;
			assert_true(number <= PIECES && !is_taken[number]);
			is_taken[number] = true;
			memset(slab_get(&slab, number), 0xff, PIECE_BYTES);
			taken_count++;
			most = taken_count > most ? taken_count : most;
		} else {
			const uint32_t number = 1 + seeded_below(&seeded, PIECES);
			if (!is_taken[number])
				continue;
			is_taken[number] = false;
			slab_give(&slab, number);
			taken_count--;
		}
		assert_int_equal(slab.used_count, taken_count);
		assert_int_equal(slab.fresh_count, most); // what was given back goes first
	}
	assert_int_equal(most, PIECES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_piece_is_taken_twice),
	};
	return cmocka_run_group_tests(tests, crypto_set_up, NULL);
}
