// SPDX-License-Identifier: ISC
// The memory of calls; the contract is in blocks.h.
#include "proto/blocks.h"

#include <assert.h>
#include <string.h>

#include "proto/wire.h"

static_assert((int)BLOCK_LARGE_BYTES >= (int)WIRE_CALL_BODY_BYTES_MAX, "a large block holds any call");
static_assert((int)BLOCK_LARGE_BYTES >= (int)WIRE_ANSWER_BODY_BYTES_MAX, "a large block holds any answer");

enum {
	SMALL_STRIDE = (sizeof(struct block) + BLOCK_SMALL_BYTES + 7) / 8 * 8,
	LARGE_STRIDE = (sizeof(struct block) + BLOCK_LARGE_BYTES + 7) / 8 * 8,
};

// A handle is index + 1; this bit says it is one of the large pool.
static const uint32_t large_bit = 1U << 31;

size_t blocks_memory_bytes(uint32_t small_count, uint32_t large_count)
{
	return (size_t)small_count * SMALL_STRIDE + (size_t)large_count * LARGE_STRIDE;
}

void blocks_init(struct blocks *blocks, void *memory, uint32_t small_count, uint32_t large_count)
{
	uint8_t *bytes = memory;
	assert(small_count < large_bit && large_count < large_bit);
	blocks->small = (struct blocks_pool){bytes, SMALL_STRIDE, small_count, 0, 0, 0};
	blocks->large = (struct blocks_pool){bytes + (size_t)small_count * SMALL_STRIDE, LARGE_STRIDE, large_count, 0, 0, 0};
}

static struct block *pool_block(const struct blocks_pool *pool, uint32_t index)
{
	assert(index < pool->fresh_count);
	return (struct block *)(void *)(pool->memory + (size_t)index * pool->stride_bytes);
}

// The index + 1 of a free block, or 0.
static uint32_t pool_take(struct blocks_pool *pool)
{
	uint32_t taken = pool->free_head;
	if (taken != 0)
		pool->free_head = pool_block(pool, taken - 1)->next;
	else if (pool->fresh_count < pool->capacity)
		taken = ++pool->fresh_count;
	else
		return 0;
	pool->used_count++;
	memset(pool_block(pool, taken - 1), 0, sizeof(struct block));
	return taken;
}

uint32_t blocks_take(struct blocks *blocks, size_t body_bytes)
{
	assert(body_bytes <= BLOCK_LARGE_BYTES);
	if (body_bytes <= BLOCK_SMALL_BYTES) {
		const uint32_t taken = pool_take(&blocks->small);
		if (taken != 0)
			return taken;
	}
	const uint32_t taken = pool_take(&blocks->large);
	return taken == 0 ? 0 : taken | large_bit;
}

static bool pool_is_used(const struct blocks_pool *pool, uint32_t quarters)
{
	return (uint64_t)pool->used_count * 4 > (uint64_t)pool->capacity * quarters;
}

bool blocks_is_used(const struct blocks *blocks, uint32_t quarters)
{
	return pool_is_used(&blocks->small, quarters) || pool_is_used(&blocks->large, quarters);
}

struct block *blocks_get(const struct blocks *blocks, uint32_t handle)
{
	assert(handle != 0);
	return (handle & large_bit) != 0 ? pool_block(&blocks->large, (handle & ~large_bit) - 1)
					 : pool_block(&blocks->small, handle - 1);
}

size_t blocks_room(uint32_t handle)
{
	assert(handle != 0);
	return (handle & large_bit) != 0 ? BLOCK_LARGE_BYTES : BLOCK_SMALL_BYTES;
}

void blocks_give(struct blocks *blocks, uint32_t handle)
{
	struct block *block = blocks_get(blocks, handle);
	struct blocks_pool *pool = (handle & large_bit) != 0 ? &blocks->large : &blocks->small;
	assert(pool->used_count > 0);
	block->next = pool->free_head;
	pool->free_head = handle & ~large_bit;
	pool->used_count--;
}

void blocks_give_list(struct blocks *blocks, uint32_t head)
{
	while (head != 0) {
		const uint32_t next = blocks_get(blocks, head)->next;
		blocks_give(blocks, head);
		head = next;
	}
}
