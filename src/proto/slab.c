// SPDX-License-Identifier: ISC
// Pieces of one size; the contract is in slab.h.
#include "proto/slab.h"

#include <assert.h>
#include <string.h>

void slab_init(struct slab *slab, void *memory, uint32_t stride_bytes, uint32_t capacity)
{
	assert(stride_bytes >= sizeof(uint32_t) && stride_bytes % 8 == 0);
	*slab = (struct slab){.memory = memory, .stride_bytes = stride_bytes, .capacity = capacity};
}

uint32_t slab_take(struct slab *slab)
{
	uint32_t taken = slab->free_head;
	if (slab->used_count == slab->capacity)
		return 0;
	if (taken != 0)
		memcpy(&slab->free_head, slab_get(slab, taken), sizeof slab->free_head);
	else
		taken = ++slab->fresh_count;
	slab->used_count++;
	return taken;
}

void slab_give(struct slab *slab, uint32_t number)
{
	assert(slab->used_count > 0);
	memcpy(slab_get(slab, number), &slab->free_head, sizeof slab->free_head);
	slab->free_head = number;
	slab->used_count--;
}
