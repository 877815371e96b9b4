// SPDX-License-Identifier: ISC
// proto/blocks: both pools to their ends, shares and what is an account's own, bodies that do not overlap.
#include "proto_world.h"

static uint32_t take(struct pool *pool, size_t body_bytes)
{
	return blocks_take(&pool->blocks, 0, body_bytes, BLOCKS_TO_GO);
}

static void each_size_to_its_end(void **state)
{
	(void)state;
	struct pool pool;
	uint32_t handle[5];
	pool_open(&pool, 3, 2);
	for (int i = 0; i < 5; i++) {
		handle[i] = take(&pool, i < 3 ? BLOCK_SMALL_BYTES : BLOCK_SMALL_BYTES + 1);
		assert_int_not_equal(handle[i], 0);
		assert_int_equal(blocks_room(handle[i]), i < 3 ? BLOCK_SMALL_BYTES : BLOCK_LARGE_BYTES);
		for (int earlier = 0; earlier < i; earlier++)
			assert_int_not_equal(handle[i], handle[earlier]);
	}
	assert_int_equal(take(&pool, 0), 0);
	assert_int_equal(take(&pool, BLOCK_LARGE_BYTES), 0);
	blocks_give(&pool.blocks, handle[1]);
	assert_int_equal(take(&pool, BLOCK_SMALL_BYTES + 1), 0); // only a small one is free
	assert_int_equal(take(&pool, BLOCK_SMALL_BYTES), handle[1]);
	blocks_give(&pool.blocks, handle[4]);
	assert_int_equal(take(&pool, BLOCK_SMALL_BYTES), 0);
	assert_int_equal(take(&pool, BLOCK_SMALL_BYTES + 1), handle[4]);
	assert_int_equal(pool_used(&pool), 5);
	pool_close(&pool);
}

// Two parts: in the first three accounts share 6 blocks, 4 at most each, and have 2 of their own; the second is another's.
static void accounts_keep_their_own(void **state)
{
	(void)state;
	const struct blocks_part part[2] = {{3, {{6, 4, 2}, {0, 0, 1}}}, blocks_of_one(1, 0)};
	struct blocks blocks;
	uint32_t handle[12];
	uint32_t count = 0;
	void *memory = must_alloc(blocks_memory_bytes(part, 2, 1));
	blocks_init(&blocks, memory, part, 2, 1);
	// What waits takes three quarters of what one account may share, and nothing of its own.
	for (; count < 3; count++)
		assert_int_not_equal(handle[count] = blocks_take(&blocks, 0, 1, BLOCKS_TO_WAIT), 0);
	assert_int_equal(blocks_take(&blocks, 0, 1, BLOCKS_TO_WAIT), 0);
	assert_int_equal(blocks_take(&blocks, 0, BLOCK_LARGE_BYTES, BLOCKS_TO_WAIT), 0);
	// What can go takes the rest, and then its own.
	for (; count < 6; count++)
		assert_int_not_equal(handle[count] = blocks_take(&blocks, 0, 1, BLOCKS_TO_GO), 0);
	assert_int_equal(blocks_take(&blocks, 0, 1, BLOCKS_TO_GO), 0);
	// The second takes what is left to share, the third has its own.
	for (; count < 10; count++)
		assert_int_not_equal(handle[count] = blocks_take(&blocks, 1, 1, BLOCKS_TO_GO), 0);
	assert_int_equal(blocks_take(&blocks, 1, 1, BLOCKS_TO_GO), 0);
	for (; count < 12; count++)
		assert_int_not_equal(handle[count] = blocks_take(&blocks, 2, 1, BLOCKS_TO_GO), 0);
	assert_int_equal(blocks_take(&blocks, 2, 1, BLOCKS_TO_GO), 0);
	for (uint32_t account = 0; account < 3; account++)
		blocks_give(&blocks, blocks_take(&blocks, account, BLOCK_LARGE_BYTES, BLOCKS_TO_GO));
	blocks_give(&blocks, blocks_take(&blocks, 3, 1, BLOCKS_TO_GO));
	assert_true(blocks_has_none(&blocks, 3));
	// A shared block goes back to all, an account's own to it.
	blocks_give(&blocks, handle[5]);
	assert_int_equal(blocks_take(&blocks, 2, 1, BLOCKS_TO_GO), 0);
	blocks_give(&blocks, handle[0]);
	assert_int_equal(blocks_take(&blocks, 0, 1, BLOCKS_TO_WAIT), 0); // the quarter
	assert_int_not_equal(handle[0] = blocks_take(&blocks, 2, 1, BLOCKS_TO_WAIT), 0);
	assert_int_not_equal(handle[5] = blocks_take(&blocks, 0, 1, BLOCKS_TO_GO), 0);
	assert_int_equal(blocks_take(&blocks, 0, 1, BLOCKS_TO_GO), 0);
	for (uint32_t i = 0; i < 12; i++)
		blocks_give(&blocks, handle[i]);
	for (uint32_t account = 0; account < 4; account++)
		assert_true(blocks_has_none(&blocks, account));
	assert_int_equal(blocks_used_count(&blocks), 0);
	free(memory);
}

// Everything an account holds moves with a call, but what the new block is taken from.
static void a_call_moves(void **state)
{
	(void)state;
	struct pool pool;
	pool_open(&pool, 1, 1);
	const uint32_t small = take(&pool, 1);
	const uint32_t large = take(&pool, BLOCK_LARGE_BYTES);
	blocks_get(&pool.blocks, small)->tag = 7;
	blocks_move(&pool.blocks, small, large);
	assert_true(blocks_get(&pool.blocks, large)->tag == 7);
	assert_int_equal(pool_used(&pool), 1);
	blocks_give(&pool.blocks, large);
	assert_true(blocks_has_none(&pool.blocks, 0));
	pool_close(&pool);
}

static void bodies_are_apart(void **state)
{
	(void)state;
	struct pool pool;
	uint32_t handle[7];
	pool_open(&pool, 4, 3);
	for (uint8_t i = 0; i < 7; i++) {
		handle[i] = take(&pool, i < 4 ? 1 : BLOCK_LARGE_BYTES);
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
		const uint32_t handle = take(&pool, i % 2 == 0 ? 0 : BLOCK_LARGE_BYTES);
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
	const uint32_t again = take(&pool, 0);
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
			const size_t bytes = seeded_chance(&seeded, 70) ? 10 : 1000;
			const uint32_t taken = take(&pool, bytes);
			if (taken != 0) {
				blocks_get(&pool.blocks, taken)->tag = taken;
				handle[count++] = taken;
			} else {
				assert_int_equal(pool.blocks.pool[bytes == 10 ? BLOCKS_SMALL : BLOCKS_LARGE].used_count,
						 bytes == 10 ? SMALL : LARGE);
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
		cmocka_unit_test(each_size_to_its_end),
		cmocka_unit_test(accounts_keep_their_own),
		cmocka_unit_test(a_call_moves),
		cmocka_unit_test(bodies_are_apart),
		cmocka_unit_test(lists_go_back_whole),
		cmocka_unit_test(agrees_with_counting),
	};
	return cmocka_run_group_tests_name("blocks", tests, NULL, NULL);
}
