// SPDX-License-Identifier: ISC
// Cutting tables out of one block of memory; the contract is in carve.h.
#include "base/carve.h"

#include <stdalign.h>
#include <stdint.h>

void *carve(void *memory, size_t *used_bytes, size_t element_bytes, size_t count)
{
	const size_t align = alignof(max_align_t);
	const size_t at = (*used_bytes + align - 1) / align * align;
	*used_bytes = at + element_bytes * count;
	return memory == NULL ? NULL : (uint8_t *)memory + at;
}
