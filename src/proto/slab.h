// SPDX-License-Identifier: ISC
// Pieces of one size in memory of the caller, taken and given back in any order; what was never taken is never touched. Layer:
// proto, pure.
#ifndef MMS_PROTO_SLAB_H
#define MMS_PROTO_SLAB_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

struct slab {
	uint8_t *memory;
	uint32_t stride_bytes;
	uint32_t capacity;
	uint32_t fresh_count; // pieces from here on were never used
	uint32_t free_head;   // a free piece begins with the next one's number
	uint32_t used_count;
};

// No pieces taken of `capacity` pieces of `stride_bytes` bytes, a multiple of 8, in memory aligned for any type that is kept while this
// is used. It need not be cleared.
void slab_init(struct slab *slab, void *memory, uint32_t stride_bytes, uint32_t capacity);

// A piece by its number, from 1; what it holds is undefined. 0: all are taken.
uint32_t slab_take(struct slab *slab);

// The piece of a number.
static inline void *slab_get(const struct slab *slab, uint32_t number)
{
	assert(number - 1 < slab->fresh_count);
	return slab->memory + (size_t)(number - 1) * slab->stride_bytes;
}

// Gives a piece back.
void slab_give(struct slab *slab, uint32_t number);

#endif
