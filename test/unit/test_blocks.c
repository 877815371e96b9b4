// SPDX-License-Identifier: ISC
// proto/blocks: both pools to their ends, small bodies in large blocks, bodies that do not overlap.
#include "proto_world.h"

static void small_ones_then_large_ones(void **state)
{
	(void)state;
	struct pool pool;
	uint32_t handle[6];
	pool_open(&pool, 3, 2);
	for (int i = 0; i < 5; i++) {
		handle[i] = blocks_take(&pool.blocks, BLOCK_SMALL_BYTES);
		assert_int_not_equal(handle[i], 0);
		assert_int_equal(blocks_room(handle[i]), i < 3 ? BLOCK_SMALL_BYTES : BLOCK_LARGE_BYTES);
		for (int earlier = 0; earlier < i; earlier++)
			assert_int_not_equal(handle[i], handle[earlier]);
	}
	assert_int_equal(blocks_take(&pool.blocks, 0), 0);
	assert_int_equal(blocks_take(&pool.blocks, BLOCK_LARGE_BYTES), 0);
	blocks_give(&pool.blocks, handle[1]);
	assert_int_equal(blocks_take(&pool.blocks, BLOCK_SMALL_BYTES + 1), 0); // only a small one is free
	assert_int_equal(blocks_take(&pool.blocks, BLOCK_SMALL_BYTES), handle[1]);
	blocks_give(&pool.blocks, handle[4]);
	assert_int_equal(blocks_take(&pool.blocks, BLOCK_SMALL_BYTES + 1), handle[4]);
	assert_int_equal(pool_used(&pool), 5);
	pool_close(&pool);
}

static void bodies_are_apart(void **state)
{
	(void)state;
	struct pool pool;
	uint32_t handle[7];
	pool_open(&pool, 4, 3);
	for (uint8_t i = 0; i < 7; i++) {
		handle[i] = blocks_take(&pool.blocks, i < 4 ? 1 : BLOCK_LARGE_BYTES);
		memset(blocks_get(&pool.blocks, handle[i])->body, i, blocks_room(handle[i]));
		blocks_get(&pool.blocks, handle[i])->number = 1000U + i;
	}
	for (uint8_t i = 0; i < 7; i++) {
		const struct block *block = blocks_get(&pool.blocks, handle[i]);
		assert_int_equal(block->number, 1000 + i);
		for (size_t byte = 0; byte < blocks_room(handle[i]); byte++)
			assert_int_equal(block->body[byte], i);
	}
	pool_close(&pool);
}

static void lists_go_back_whole(void **state)
{
	(void)state;
	struct pool pool;
	uint32_t head = 0;
	pool_open(&pool, 2, 2);
	for (int i = 0; i < 4; i++) {
		const uint32_t handle = blocks_take(&pool.blocks, i % 2 == 0 ? 0 : BLOCK_LARGE_BYTES);
		struct block *block = blocks_get(&pool.blocks, handle);
		assert_true(block->number == 0 && block->next == 0 && block->send_count == 0); // clean each time
		block->number = 7;
		block->send_count = 3;
		block->next = head;
		head = handle;
	}
	assert_int_equal(pool_used(&pool), 4);
	blocks_give_list(&pool.blocks, head);
	blocks_give_list(&pool.blocks, 0);
	assert_int_equal(pool_used(&pool), 0);
	const uint32_t again = blocks_take(&pool.blocks, 0);
	assert_int_equal(blocks_get(&pool.blocks, again)->number, 0);
	assert_int_equal(blocks_get(&pool.blocks, again)->send_count, 0);
	pool_close(&pool);
}

static void agrees_with_counting(void **state)
{
	(void)state;
	enum { SMALL = 50, LARGE = 20 };
	struct seeded seeded = {4};
	struct pool pool;
	uint32_t handle[SMALL + LARGE];
	uint32_t count = 0;
	pool_open(&pool, SMALL, LARGE);
	for (int step = 0; step < 50000; step++) {
		if (seeded_chance(&seeded, 52)) {
			const uint32_t taken = blocks_take(&pool.blocks, seeded_chance(&seeded, 70) ? 10 : 1000);
			if (taken != 0) {
				blocks_get(&pool.blocks, taken)->tag = taken;
				handle[count++] = taken;
			} else {
				assert_int_equal(pool.blocks.large.used_count, LARGE);
			}
		} else if (count > 0) {
			const uint32_t i = seeded_below(&seeded, count);
			assert_true(blocks_get(&pool.blocks, handle[i])->tag == handle[i]);
			blocks_give(&pool.blocks, handle[i]);
			handle[i] = handle[--count];
		}
		assert_int_equal(pool_used(&pool), count);
	}
	pool_close(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_ones_then_large_ones),
		cmocka_unit_test(bodies_are_apart),
		cmocka_unit_test(lists_go_back_whole),
		cmocka_unit_test(agrees_with_counting),
	};
	return cmocka_run_group_tests_name("blocks", tests, NULL, NULL);
}
