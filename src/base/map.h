// SPDX-License-Identifier: ISC
// A hash table from keys to 32-bit values in memory of the caller: open addressing, linear probing, no
// tombstones. Layer: base. Keys a peer can choose must be hashed with a secret first (crypto/hash.h).
//
// Of a key 32 bits are kept. So keys below 2^32 are told apart, and larger ones are not: who uses those looks at what an entry
// names, and walks on.
#ifndef MMS_BASE_MAP_H
#define MMS_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct map_slot {
	uint32_t key;          // folded
	uint32_t value_plus_1; // 0: empty
};

struct map {
	struct map_slot *slot; // kept until the map is no longer used
	uint32_t slot_count;   // a power of two
	uint32_t used_count;   // at most three quarters of the slots, so that probing stays short
};

// Slots that a map of up to `entries` entries needs: a power of two, at least a third more.
uint32_t map_slots_for(uint32_t entries);

// An empty map in `slot_count` slots at `slot`, a power of two of at least 2.
void map_init(struct map *map, struct map_slot *slot, uint32_t slot_count);

// Adds a pair; the same key may be there already, with other values. MMS_E_FULL: three quarters of the slots
// are used.
enum mms_err map_put(struct map *map, uint64_t key, uint32_t value) MUST_CHECK;

// The value of some entry with this key, which is below 2^32. False: none.
bool map_find(const struct map *map, uint64_t key, uint32_t *value);

// Walks all entries with this key, and with those that fold to the same: start with *cursor = 0, call until false.
bool map_next(const struct map *map, uint64_t key, uint32_t *cursor, uint32_t *value);

// Removes the pair. False: it was not there.
bool map_remove(struct map *map, uint64_t key, uint32_t value);

#endif
