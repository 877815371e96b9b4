// SPDX-License-Identifier: ISC
// base/map: random puts and removals against a plain array, with keys that collide and repeat.
#include "proto_world.h"

#include "base/map.h"

enum { SLOTS = 64, MOST = SLOTS / 4 * 3 };

struct pair {
	uint64_t key;
	uint32_t value;
};

static uint32_t count_key(const struct pair *pair, uint32_t count, uint64_t key)
{
	uint32_t found = 0;
	for (uint32_t i = 0; i < count; i++)
		found += pair[i].key == key;
	return found;
}

static bool has_pair(const struct pair *pair, uint32_t count, uint64_t key, uint32_t value)
{
	for (uint32_t i = 0; i < count; i++)
		if (pair[i].key == key && pair[i].value == value)
			return true;
	return false;
}

// Every key of the model is found with exactly its values, and no other key is.
static void compare(const struct map *map, const struct pair *pair, uint32_t count, uint64_t key_count)
{
	assert_int_equal(map->used_count, count);
	for (uint64_t key = 0; key < key_count; key++) {
		uint32_t cursor = 0;
		uint32_t value;
		uint32_t found = 0;
		while (map_next(map, key, &cursor, &value)) {
			assert_true(has_pair(pair, count, key, value));
			found++;
		}
		assert_int_equal(found, count_key(pair, count, key));
		assert_int_equal(map_find(map, key, &value), found > 0);
	}
}

static void agrees_with_naive(void **state)
{
	(void)state;
	enum { KEYS = 20 };
	struct seeded seeded = {1};
	struct map_slot slot[SLOTS];
	struct map map;
	struct pair pair[MOST];
	uint32_t count = 0;
	map_init(&map, slot, SLOTS);
	for (uint32_t step = 0; step < 20000; step++) {
		if (seeded_chance(&seeded, 50)) {
			const struct pair fresh = {seeded_below(&seeded, KEYS), step};
			const enum mms_err err = map_put(&map, fresh.key, fresh.value);
			assert_int_equal(err, count == MOST ? MMS_E_FULL : MMS_OK);
			if (err == MMS_OK)
				pair[count++] = fresh;
		} else if (count > 0) {
			const uint32_t i = seeded_below(&seeded, count);
			assert_true(map_remove(&map, pair[i].key, pair[i].value));
			assert_false(map_remove(&map, pair[i].key, pair[i].value));
			pair[i] = pair[--count];
		}
		compare(&map, pair, count, KEYS);
	}
}

// Keys of 32 bits are told apart; of larger ones all bits count, but two may fold to one: then both are given, and each can
// be removed.
static void keys_are_folded(void **state)
{
	(void)state;
	struct map_slot slot[SLOTS];
	struct map map;
	uint32_t value;
	uint32_t cursor = 0;
	const uint64_t large = 5ULL << 32 | 7;
	const uint64_t other = 7ULL << 32 | 5;
	map_init(&map, slot, SLOTS);
	assert_int_equal(map_put(&map, 5, 1), MMS_OK);
	assert_int_equal(map_put(&map, UINT32_MAX, UINT32_MAX - 1), MMS_OK);
	assert_true(map_find(&map, 5, &value) && value == 1);
	assert_true(map_find(&map, UINT32_MAX, &value) && value == UINT32_MAX - 1);
	assert_false(map_find(&map, 6, &value));
	assert_int_equal(map_put(&map, large, 2), MMS_OK);
	assert_int_equal(map_put(&map, other, 3), MMS_OK);
	assert_true(map_next(&map, large, &cursor, &value));
	assert_true(map_next(&map, large, &cursor, &value));
	assert_false(map_next(&map, large, &cursor, &value));
	cursor = 0;
	assert_false(map_next(&map, large ^ 1ULL << 63, &cursor, &value));
	assert_true(map_remove(&map, large, 2));
	cursor = 0;
	assert_true(map_next(&map, other, &cursor, &value) && value == 3);
}

static void sizes_leave_a_quarter_free(void **state)
{
	(void)state;
	static const uint32_t table[][2] = {{0, 2}, {1, 2}, {2, 4}, {3, 4}, {4, 8}, {6, 8}, {7, 16}, {3072, 4096}, {3073, 8192}};
	assert_int_equal(sizeof(struct map_slot), 8);
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		assert_int_equal(map_slots_for(table[i][0]), table[i][1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_naive),
		cmocka_unit_test(keys_are_folded),
		cmocka_unit_test(sizes_leave_a_quarter_free),
	};
	return cmocka_run_group_tests_name("map", tests, NULL, NULL);
}
