// SPDX-License-Identifier: ISC
// Lists that grow; the contract is in grow.h.
#include "os/grow.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

enum { FIRST_BYTES = 4096 };

void *grow(void *list, size_t *capacity, size_t count, size_t item_bytes)
{
	assert(count <= *capacity && item_bytes > 0 && item_bytes <= FIRST_BYTES);
	if (count < *capacity)
		return list;
	if (*capacity > SIZE_MAX / 2 / item_bytes)
		return NULL;
	const size_t larger = *capacity == 0 ? FIRST_BYTES / item_bytes : 2 * *capacity;
	void *moved = realloc(list, larger * item_bytes);
	if (moved != NULL)
		*capacity = larger;
	return moved;
}
