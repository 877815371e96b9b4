// SPDX-License-Identifier: ISC
// Cutting tables out of one block of memory that the caller gives: the pure layers own no heap. Layer: base.
#ifndef MMS_BASE_CARVE_H
#define MMS_BASE_CARVE_H

#include <stddef.h>

// The next `count` elements of `element_bytes` bytes behind the `*used_bytes` already taken from `memory`, aligned for any
// type; moves *used_bytes behind them. With `memory` NULL it only counts, and returns NULL: so the same code measures.
void *carve(void *memory, size_t *used_bytes, size_t element_bytes, size_t count);

#endif
