// SPDX-License-Identifier: ISC
// The table of users; the contract is in users.h.
#include "base/users.h"

#include <assert.h>
#include <string.h>

#include "base/err.h"

// FNV-1a. No secret is needed: peers only look names up, and cannot make the chains of this table longer.
static uint64_t key_of(const struct name *folded)
{
	uint64_t key = UINT64_C(0xcbf29ce484222325);
	for (const char *at = folded->text; *at != 0; at++)
		key = (key ^ (uint8_t)*at) * UINT64_C(0x100000001b3);
	return key;
}

void users_clear(struct users_table *table)
{
	assert(table->slot != NULL);
	assert(table->slot_count >= 2 * map_slots_for(table->user_capacity));
	table->user_count = 0;
	table->invite_count = 0;
	table->revoke_count = 0;
	map_init(&table->by_name, table->slot, table->slot_count / 2);
}

void users_add(struct users_table *table, const struct user_entry *user)
{
	const struct name folded = name_fold(&user->name);
	assert(table->user_count < table->user_capacity);
	assert(user->invite_first + user->invite_count <= table->invite_count);
	assert(user->revoke_first + user->revoke_count <= table->revoke_count);
	const enum mms_err err = map_put(&table->by_name, key_of(&folded), table->user_count);
	assert(err == MMS_OK); // slot_count is for user_capacity
	table->user[table->user_count++] = *user;
}

struct user_entry *users_find(const struct users_table *table, const struct name *name)
{
	const struct name folded = name_fold(name);
	const uint64_t key = key_of(&folded);
	uint32_t cursor = 0;
	uint32_t index;
	while (map_next(&table->by_name, key, &cursor, &index)) {
		assert(index < table->user_count);
		if (name_is_same(&table->user[index].name, name))
			return &table->user[index];
	}
	return NULL;
}

uint32_t users_place(const struct users_table *table, const struct user_entry *user)
{
	const struct user_entry *entry = users_find(table, &user->name);
	return entry != NULL && entry->user_id == user->user_id ? (uint32_t)(entry - table->user) : USERS_NO_PLACE;
}

void users_index(struct users_table *table)
{
	map_init(&table->by_id, table->slot + table->slot_count / 2, table->slot_count / 2);
	for (uint32_t i = 0; i < table->user_count; i++) {
		const enum mms_err err = map_put(&table->by_id, (uint64_t)table->user[i].user_id, i);
		assert(err == MMS_OK); // as for names
	}
}

uint32_t users_place_of_id(const struct users_table *table, int64_t user_id)
{
	uint32_t cursor = 0;
	uint32_t place;
	while (map_next(&table->by_id, (uint64_t)user_id, &cursor, &place))
		if (table->user[place].user_id == user_id)
			return place;
	return USERS_NO_PLACE;
}

bool users_is_plain(const struct user_entry *entry)
{
	// A line with a revoked device is not claimable either: its thief would only have to make another key.
	return entry->invite_count == 0 && entry->revoke_count == 0;
}

bool users_is_revoked(const struct users_table *table, const struct user_entry *entry,
		      const struct fingerprint *fingerprint)
{
	assert(entry->revoke_first + entry->revoke_count <= table->revoke_count);
	for (uint32_t i = 0; i < entry->revoke_count; i++) {
		const struct fingerprint *revoked = &table->revoke[entry->revoke_first + i];
		if (memcmp(revoked->bytes, fingerprint->bytes, sizeof revoked->bytes) == 0)
			return true;
	}
	return false;
}
