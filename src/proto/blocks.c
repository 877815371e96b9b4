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

static const uint32_t stride_bytes[BLOCKS_SIZES] = {SMALL_STRIDE, LARGE_STRIDE};

// How many blocks of one size all parts have.
static uint32_t capacity_of(const struct blocks_part *parts, uint32_t part_count, enum blocks_size size)
{
	uint64_t capacity = 0;
	for (uint32_t i = 0; i < part_count; i++)
		capacity += parts[i].limits[size].shared_count +
			    (uint64_t)parts[i].limits[size].own_count * parts[i].account_count;
	assert(capacity < BLOCKS_LARGE_BIT);
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

size_t blocks_memory_bytes(const struct blocks_part *parts, uint32_t part_count, uint32_t session_count)
{
	return (size_t)session_count * (WINDOWS_PER_SESSION * WINDOW_BYTES + PROOF_BYTES) +
	       (size_t)capacity_of(parts, part_count, BLOCKS_SMALL) * SMALL_STRIDE +
	       (size_t)capacity_of(parts, part_count, BLOCKS_LARGE) * LARGE_STRIDE +
	       account_count_of(parts, part_count) * sizeof(struct blocks_account);
}

void blocks_init(struct blocks *blocks, void *memory, const struct blocks_part *parts, uint32_t part_count,
		 uint32_t session_count)
{
	uint8_t *bytes = memory;
	assert(part_count <= BLOCKS_PARTS_MAX);
	memset(blocks, 0, sizeof *blocks);
	memcpy(blocks->part, parts, part_count * sizeof *parts);
	slab_init(&blocks->windows, bytes, WINDOW_BYTES, session_count * WINDOWS_PER_SESSION);
	bytes += (size_t)session_count * WINDOWS_PER_SESSION * WINDOW_BYTES;
	slab_init(&blocks->proofs, bytes, PROOF_BYTES, session_count);
	bytes += (size_t)session_count * PROOF_BYTES;
	for (uint32_t size = 0; size < BLOCKS_SIZES; size++) {
		const uint32_t capacity = capacity_of(parts, part_count, size);
		slab_init(&blocks->pool[size], bytes, stride_bytes[size], capacity);
		bytes += (size_t)capacity * stride_bytes[size];
	}
	blocks->account = (struct blocks_account *)(void *)bytes;
	for (uint32_t part = 0; part < part_count; part++)
		for (uint32_t i = 0; i < parts[part].account_count; i++)
			blocks->account[blocks->account_count++] = (struct blocks_account){.part = part};
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
	// There is one: the limits of all accounts together are what the pool has.
	const uint32_t number = slab_take(&blocks->pool[size]);
	assert(number != 0);
	const uint32_t handle = number | (size == BLOCKS_LARGE ? BLOCKS_LARGE_BIT : 0);
	*blocks_get(blocks, handle) = (struct block){.account = account, .is_own = is_own};
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

void blocks_move(struct blocks *blocks, uint32_t handle, uint32_t other)
{
	struct block *to = blocks_get(blocks, other);
	const struct block taken = *to;
	*to = *blocks_get(blocks, handle);
	to->account = taken.account;
	to->is_own = taken.is_own;
	blocks_give(blocks, handle);
}

void blocks_share(struct blocks *blocks, uint32_t handle)
{
	struct block *block = blocks_get(blocks, handle);
	assert(block->share_count < UINT8_MAX);
	block->share_count++;
}

void *blocks_take_window(struct blocks *blocks, uint32_t *number)
{
	*number = slab_take(&blocks->windows);
	assert(*number != 0);
	return slab_get(&blocks->windows, *number);
}

void blocks_give_window(struct blocks *blocks, uint32_t number)
{
	slab_give(&blocks->windows, number);
}

void *blocks_take_proof(struct blocks *blocks, uint32_t *number)
{
	*number = slab_take(&blocks->proofs);
	assert(*number != 0);
	return slab_get(&blocks->proofs, *number);
}

void blocks_give_proof(struct blocks *blocks, uint32_t number)
{
	slab_give(&blocks->proofs, number);
}

void blocks_give(struct blocks *blocks, uint32_t handle)
{
	struct block *block = blocks_get(blocks, handle);
	struct blocks_account *account = &blocks->account[block->account];
	const enum blocks_size size = blocks_size_of(handle);
	if (block->share_count > 0) {
		block->share_count--;
		return;
	}
	if (block->is_own) {
		assert(account->own_used[size] > 0);
		account->own_used[size]--;
	} else {
		assert(account->shared_used[size] > 0);
		account->shared_used[size]--;
		blocks->shared_used[account->part][size]--;
	}
	slab_give(&blocks->pool[size], handle & ~BLOCKS_LARGE_BIT);
}

void blocks_give_list(struct blocks *blocks, uint32_t head)
{
	while (head != 0) {
		const uint32_t next = blocks_get(blocks, head)->next;
		blocks_give(blocks, head);
		head = next;
	}
}
