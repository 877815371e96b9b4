// SPDX-License-Identifier: ISC
// Token buckets for strangers; the contract is in budget.h.
#include "proto/budget.h"

#include <assert.h>
#include <string.h>

struct budget_limits budget_limits_default(void)
{
	return (struct budget_limits){
		.prefix = {[BUDGET_INIT] = {5, 10}, [BUDGET_COOKIE] = {20, 40}, [BUDGET_ANSWER] = {20, 40}},
		.all = {[BUDGET_INIT] = {500, 500}, [BUDGET_COOKIE] = {2000, 2000}, [BUDGET_ANSWER] = {2000, 2000}},
	};
}

void budget_init(struct budget *budget, const struct budget_limits *limits, struct budget_entry *entry,
		 uint32_t entry_count, const uint8_t secret[TABLE_SECRET_BYTES])
{
	assert(entry_count >= BUDGET_WAYS && entry_count % BUDGET_WAYS == 0);
	memset(budget, 0, sizeof *budget);
	memset(entry, 0, entry_count * sizeof *entry);
	budget->limits = *limits;
	budget->entry = entry;
	budget->entry_count = entry_count;
	memcpy(budget->secret, secret, TABLE_SECRET_BYTES);
}

static struct budget_entry *find(struct budget *budget, const struct addr *addr, struct mtime now)
{
	const uint64_t prefix = addr_prefix(addr);
	uint8_t key[9];
	memcpy(key, &prefix, 8);
	key[8] = addr->family;
	const uint64_t set = hash_table_key(budget->secret, key, sizeof key) % (budget->entry_count / BUDGET_WAYS);
	struct budget_entry *ways = &budget->entry[set * BUDGET_WAYS];
	struct budget_entry *oldest = ways;
	for (struct budget_entry *entry = ways; entry < ways + BUDGET_WAYS; entry++) {
		if (entry->family == addr->family && entry->prefix == prefix) {
			entry->used_at = now;
			return entry;
		}
		if (entry->family == ADDR_NONE || (oldest->family != ADDR_NONE && entry->used_at.us < oldest->used_at.us))
			oldest = entry;
	}
	*oldest = (struct budget_entry){.prefix = prefix, .family = addr->family, .used_at = now};
	return oldest;
}

bool budget_take(struct budget *budget, enum budget_kind kind, const struct addr *addr, struct mtime now)
{
	assert(kind < BUDGET_KIND_COUNT);
	return bucket_take(&find(budget, addr, now)->bucket[kind], &budget->limits.prefix[kind], now) &&
	       bucket_take(&budget->all[kind], &budget->limits.all[kind], now);
}
