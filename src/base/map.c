// SPDX-License-Identifier: ISC
// A hash table in memory of the caller; the contract is in map.h.
#include "base/map.h"

#include <assert.h>
#include <string.h>

static uint32_t fold(uint64_t key)
{
	return (uint32_t)(key ^ key >> 32);
}

// The finaliser of MurmurHash3 (public domain): spreads keys that are counters or pointers.
static uint32_t home_of(const struct map *map, uint32_t folded)
{
	uint64_t mixed = folded * 0xff51afd7ed558ccdULL;
	mixed ^= mixed >> 33;
	return (uint32_t)mixed & (map->slot_count - 1);
}

// How many entries so many slots take.
static uint32_t entries_most(uint32_t slot_count)
{
	return slot_count - (slot_count + 3) / 4;
}

uint32_t map_slots_for(uint32_t entries)
{
	uint32_t slots = 2;
	assert(entries <= 1U << 30);
	while (entries_most(slots) < entries)
		slots *= 2;
	return slots;
}

void map_init(struct map *map, struct map_slot *slot, uint32_t slot_count)
{
	assert(slot_count >= 2);
	assert((slot_count & (slot_count - 1)) == 0);
	memset(slot, 0, slot_count * sizeof *slot);
	*map = (struct map){slot, slot_count, 0};
}

enum mms_err map_put(struct map *map, uint64_t key, uint32_t value)
{
	assert(value != UINT32_MAX);
	if (map->used_count >= entries_most(map->slot_count))
		return MMS_E_FULL;
	uint32_t i = home_of(map, fold(key));
	while (map->slot[i].value_plus_1 != 0)
		i = (i + 1) & (map->slot_count - 1);
	map->slot[i] = (struct map_slot){fold(key), value + 1};
	map->used_count++;
	return MMS_OK;
}

bool map_next(const struct map *map, uint64_t key, uint32_t *cursor, uint32_t *value)
{
	const uint32_t folded = fold(key);
	const uint32_t home = home_of(map, folded);
	for (;;) {
		const struct map_slot *slot = &map->slot[(home + *cursor) & (map->slot_count - 1)];
		if (slot->value_plus_1 == 0)
			return false;
		++*cursor;
		if (slot->key == folded) {
			*value = slot->value_plus_1 - 1;
			return true;
		}
	}
}

bool map_find(const struct map *map, uint64_t key, uint32_t *value)
{
	uint32_t cursor = 0;
	assert(key <= UINT32_MAX);
	return map_next(map, key, &cursor, value);
}

// Closes the hole at `hole` by moving back every later entry of its run that may stand there.
static void close_hole(struct map *map, uint32_t hole)
{
	const uint32_t mask = map->slot_count - 1;
	for (uint32_t i = (hole + 1) & mask; map->slot[i].value_plus_1 != 0; i = (i + 1) & mask) {
		const uint32_t home = home_of(map, map->slot[i].key);
		if (((i - home) & mask) >= ((i - hole) & mask)) {
			map->slot[hole] = map->slot[i];
			hole = i;
		}
	}
	map->slot[hole] = (struct map_slot){0, 0};
}

bool map_remove(struct map *map, uint64_t key, uint32_t value)
{
	const uint32_t mask = map->slot_count - 1;
	const uint32_t folded = fold(key);
	for (uint32_t i = home_of(map, folded); map->slot[i].value_plus_1 != 0; i = (i + 1) & mask) {
		if (map->slot[i].key == folded && map->slot[i].value_plus_1 == value + 1) {
			close_hole(map, i);
			map->used_count--;
			return true;
		}
	}
	return false;
}
