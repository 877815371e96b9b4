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

static const uint32_t stride_bytes[BLOCKS_SIZES] = {SMALL_STRIDE, LARGE_STRIDE};

// How many blocks of one size all parts have.
static uint32_t capacity_of(const struct blocks_part *parts, uint32_t part_count, enum blocks_size size)
{
	uint64_t capacity = 0;
	for (uint32_t i = 0; i < part_count; i++)
		capacity += parts[i].limits[size].shared_count +
			    (uint64_t)parts[i].limits[size].own_count * parts[i].account_count;
	assert(capacity < large_bit);
	return (uint32_t)capacity;
}

static uint32_t account_count_of(const struct blocks_part *parts, uint32_t part_count)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < part_count; i++)
		count += parts[i].account_count;
	return count;
}

struct blocks_part blocks_of_one(uint32_t small_count, uint32_t large_count)
{
	return (struct blocks_part){1, {{small_count, small_count, 0}, {large_count, large_count, 0}}};
}

size_t blocks_memory_bytes(const struct blocks_part *parts, uint32_t part_count)
{
	return (size_t)capacity_of(parts, part_count, BLOCKS_SMALL) * SMALL_STRIDE +
	       (size_t)capacity_of(parts, part_count, BLOCKS_LARGE) * LARGE_STRIDE +
	       account_count_of(parts, part_count) * sizeof(struct blocks_account);
}

void blocks_init(struct blocks *blocks, void *memory, const struct blocks_part *parts, uint32_t part_count)
{
	uint8_t *bytes = memory;
	assert(part_count <= BLOCKS_PARTS_MAX);
	memset(blocks, 0, sizeof *blocks);
	memcpy(blocks->part, parts, part_count * sizeof *parts);
	for (uint32_t size = 0; size < BLOCKS_SIZES; size++) {
		const uint32_t capacity = capacity_of(parts, part_count, size);
		blocks->pool[size] = (struct blocks_pool){bytes, stride_bytes[size], capacity, 0, 0, 0};
		bytes += (size_t)capacity * stride_bytes[size];
	}
	blocks->account = (struct blocks_account *)(void *)bytes;
	for (uint32_t part = 0; part < part_count; part++)
		for (uint32_t i = 0; i < parts[part].account_count; i++)
			blocks->account[blocks->account_count++] = (struct blocks_account){.part = part};
}

static struct block *pool_block(const struct blocks_pool *pool, uint32_t index)
{
	assert(index < pool->fresh_count);
	return (struct block *)(void *)(pool->memory + (size_t)index * pool->stride_bytes);
}

static enum blocks_size size_of(uint32_t handle)
{
	assert(handle != 0);
	return (handle & large_bit) != 0 ? BLOCKS_LARGE : BLOCKS_SMALL;
}

// The index + 1 of a free block. There is one: the limits of all accounts together are what the pool has.
static uint32_t pool_take(struct blocks_pool *pool)
{
	uint32_t taken = pool->free_head;
	assert(pool->used_count < pool->capacity);
	if (taken != 0)
		pool->free_head = pool_block(pool, taken - 1)->next;
	else
		taken = ++pool->fresh_count;
	pool->used_count++;
	memset(pool_block(pool, taken - 1), 0, sizeof(struct block));
	return taken;
}

// Whether a shared block may go to an account.
static bool may_share(const struct blocks *blocks, const struct blocks_account *account, enum blocks_size size,
		      enum blocks_use use)
{
	const struct blocks_limits *limits = &blocks->part[account->part].limits[size];
	const uint64_t most = (uint64_t)limits->shared_most * (use == BLOCKS_TO_WAIT ? 3 : 4) / 4;
	return account->shared_used[size] < most && blocks->shared_used[account->part][size] < limits->shared_count;
}

uint32_t blocks_take(struct blocks *blocks, uint32_t account, size_t body_bytes, enum blocks_use use)
{
	assert(body_bytes <= BLOCK_LARGE_BYTES && account < blocks->account_count);
	struct blocks_account *taker = &blocks->account[account];
	const enum blocks_size size = body_bytes <= BLOCK_SMALL_BYTES ? BLOCKS_SMALL : BLOCKS_LARGE;
	const bool is_own = !may_share(blocks, taker, size, use);
	if (is_own && (use == BLOCKS_TO_WAIT ||
		       taker->own_used[size] == blocks->part[taker->part].limits[size].own_count))
		return 0;
	if (is_own) {
		taker->own_used[size]++;
	} else {
		taker->shared_used[size]++;
		blocks->shared_used[taker->part][size]++;
	}
	const uint32_t handle = pool_take(&blocks->pool[size]) | (size == BLOCKS_LARGE ? large_bit : 0);
	struct block *block = blocks_get(blocks, handle);
	block->account = account;
	block->is_own = is_own;
	return handle;
}

bool blocks_has_none(const struct blocks *blocks, uint32_t account)
{
	assert(account < blocks->account_count);
	const struct blocks_account *owner = &blocks->account[account];
	return owner->shared_used[BLOCKS_SMALL] + owner->shared_used[BLOCKS_LARGE] + owner->own_used[BLOCKS_SMALL] +
		       owner->own_used[BLOCKS_LARGE] ==
	       0;
}

uint32_t blocks_used_count(const struct blocks *blocks)
{
	return blocks->pool[BLOCKS_SMALL].used_count + blocks->pool[BLOCKS_LARGE].used_count;
}

struct block *blocks_get(const struct blocks *blocks, uint32_t handle)
{
	return pool_block(&blocks->pool[size_of(handle)], (handle & ~large_bit) - 1);
}

size_t blocks_room(uint32_t handle)
{
	return size_of(handle) == BLOCKS_LARGE ? BLOCK_LARGE_BYTES : BLOCK_SMALL_BYTES;
}

void blocks_move(struct blocks *blocks, uint32_t handle, uint32_t other)
{
	struct block *to = blocks_get(blocks, other);
	const struct block taken = *to;
	*to = *blocks_get(blocks, handle);
	to->account = taken.account;
	to->is_own = taken.is_own;
	blocks_give(blocks, handle);
}

void blocks_give(struct blocks *blocks, uint32_t handle)
{
	struct block *block = blocks_get(blocks, handle);
	struct blocks_account *account = &blocks->account[block->account];
	const enum blocks_size size = size_of(handle);
	struct blocks_pool *pool = &blocks->pool[size];
	if (block->is_own) {
		assert(account->own_used[size] > 0);
		account->own_used[size]--;
	} else {
		assert(account->shared_used[size] > 0);
		account->shared_used[size]--;
		blocks->shared_used[account->part][size]--;
	}
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
