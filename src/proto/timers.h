// SPDX-License-Identifier: ISC
// Deadlines of many things by slot: a binary heap with the place of each slot, in memory of the caller. Layer: proto, pure.
#ifndef MMS_PROTO_TIMERS_H
#define MMS_PROTO_TIMERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"

struct timers_entry {
	struct mtime deadline;
	uint32_t slot;
};

struct timers {
	struct timers_entry *heap; // `capacity` entries
	uint32_t *place_plus_1;    // by slot: where it stands in the heap; 0: nowhere
	uint32_t capacity;
	uint32_t count;
};

// No deadlines, for slots 0 .. capacity - 1; both arrays have `capacity` elements and are kept while this is used.
void timers_init(struct timers *timers, struct timers_entry *heap, uint32_t *place_plus_1, uint32_t capacity);

// Sets the deadline of a slot; MTIME_NEVER removes it.
void timers_set(struct timers *timers, uint32_t slot, struct mtime deadline);

// Sets the deadline of a slot if it has none or a later one. A deadline that moves on with every datagram costs nothing so: when
// the earlier one is due, whoever takes it looks what is due, and sets what is not.
void timers_lower(struct timers *timers, uint32_t slot, struct mtime deadline);

// The earliest deadline; MTIME_NEVER when there is none.
struct mtime timers_first(const struct timers *timers);

// Removes and gives a slot whose deadline is due. False: none is.
bool timers_take_due(struct timers *timers, struct mtime now, uint32_t *slot);

#endif
