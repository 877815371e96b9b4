// SPDX-License-Identifier: ISC
// For tests of the protocol: randomness from a seed, virtual time, addresses, and memory for blocks.
#ifndef MMS_TEST_PROTO_WORLD_H
#define MMS_TEST_PROTO_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/addr.h"
#include "base/rng.h"
#include "base/time.h"
#include "crypto/crypto.h"
#include "crypto/hash.h"
#include "crypto/noise.h"
#include "proto/blocks.h"

// SplitMix64 (public domain): the same seed gives the same test.
struct seeded {
	uint64_t state;
};

static inline uint64_t seeded_next(struct seeded *seeded)
{
	uint64_t mixed = seeded->state += 0x9e3779b97f4a7c15ULL;
	mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9ULL;
	mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebULL;
	return mixed ^ mixed >> 31;
}

// A number below `limit`, which is not 0.
static inline uint32_t seeded_below(struct seeded *seeded, uint32_t limit)
{
	return (uint32_t)(seeded_next(seeded) % limit);
}

static inline bool seeded_chance(struct seeded *seeded, uint32_t percent)
{
	return seeded_below(seeded, 100) < percent;
}

static inline void seeded_fill(void *context, void *target, size_t bytes)
{
	uint8_t *at = target;
	for (size_t i = 0; i < bytes; i++)
		at[i] = (uint8_t)seeded_next(context);
}

static inline struct rng seeded_rng(struct seeded *seeded)
{
	return (struct rng){seeded_fill, seeded};
}

static inline struct mtime at_us(int64_t us)
{
	return (struct mtime){us};
}

static inline struct mtime at_ms(int64_t ms)
{
	return at_us(ms * 1000);
}

// 10.0.x.y, port 1000.
static inline struct addr addr_of(uint16_t host)
{
	struct addr addr = {.family = ADDR_IPV4, .port = 1000, .ip = {10, 0, (uint8_t)(host >> 8), (uint8_t)host}};
	return addr;
}

static inline void *must_alloc(size_t bytes)
{
	void *memory = calloc(1, bytes);
	if (memory == NULL)
		abort();
	return memory;
}

// Blocks in memory of their own: so many of each size for account 0, and as many for account 1.
struct pool {
	struct blocks blocks;
	void *memory;
};

static inline void pool_open(struct pool *pool, uint32_t small_count, uint32_t large_count)
{
	const struct blocks_part one = blocks_of_one(small_count, large_count);
	const struct blocks_part part[2] = {one, one};
	pool->memory = must_alloc(blocks_memory_bytes(part, 2, 1));
	blocks_init(&pool->blocks, pool->memory, part, 2, 1);
}

static inline uint32_t pool_used(const struct pool *pool)
{
	return blocks_used_count(&pool->blocks);
}

static inline void pool_close(struct pool *pool)
{
	free(pool->memory);
	*pool = (struct pool){0};
}

static inline int crypto_set_up(void **state)
{
	(void)state;
	return crypto_init() == MMS_OK ? 0 : -1;
}

#endif
