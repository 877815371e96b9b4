// SPDX-License-Identifier: ISC
// Lists on the heap that grow. Layer: os.
#ifndef MMS_OS_GROW_H
#define MMS_OS_GROW_H

#include <stddef.h>

// Sees that `list` (on the heap; NULL: none yet), which holds `count` items of at most `*capacity`, has room for one more. It
// doubles, so that filling a list costs as much for each item. Returns the list, which may have moved, `*capacity` with it.
// NULL: no memory; list and capacity are as they were.
void *grow(void *list, size_t *capacity, size_t count, size_t item_bytes);

#endif
