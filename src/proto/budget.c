// SPDX-License-Identifier: ISC
// Token buckets for the handshakes of strangers; the contract is in budget.h.
#include "proto/budget.h"

#include <assert.h>
#include <string.h>

struct budget_limits budget_limits_default(void)
{
	return (struct budget_limits){
		.blind = {200, 400},
		.prefix = {200, 400},
		.network = {400, 800},
		.all = {1500, 1500},
		.newcomer = {500, 500},
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

static struct budget_entry *find(struct budget *budget, uint8_t family, bool is_network, uint64_t number, struct mtime now)
{
	uint8_t key[10];
	memcpy(key, &number, 8);
	key[8] = family;
	key[9] = is_network;
	const uint64_t set = hash_table_key(budget->secret, key, sizeof key) % (budget->entry_count / BUDGET_WAYS);
	struct budget_entry *ways = &budget->entry[set * BUDGET_WAYS];
	struct budget_entry *oldest = ways;
	for (struct budget_entry *entry = ways; entry < ways + BUDGET_WAYS; entry++) {
		if (entry->family == family && entry->is_network == is_network && entry->number == number) {
			entry->used_at = now;
			return entry;
		}
		if (entry->family == ADDR_NONE || (oldest->family != ADDR_NONE && entry->used_at.us < oldest->used_at.us))
			oldest = entry;
	}
	*oldest = (struct budget_entry){.number = number, .family = family, .is_network = is_network, .used_at = now};
	return oldest;
}

bool budget_take_blind(struct budget *budget, struct mtime now)
{
	return bucket_take(&budget->blind, &budget->limits.blind, now);
}

bool budget_take(struct budget *budget, const struct addr *addr, struct mtime now)
{
	static const struct bucket_rate newcomer = {BUDGET_NEWCOMER_PER_SECOND, BUDGET_NEWCOMER_BURST};
	// A network beyond its share does not fill the table with its prefixes, and a prefix beyond its own spends nothing of
	// its network's.
	struct budget_entry *network = find(budget, addr->family, true, addr_network(addr), now);
	if (!mtime_is_due(bucket_ready_at(&network->bucket, &budget->limits.network, now), now))
		return false;
	struct budget_entry *prefix = find(budget, addr->family, false, addr_prefix(addr), now);
	if (!bucket_take(&prefix->bucket, &budget->limits.prefix, now))
		return false;
	// (Where one set holds both and all of it was used in this microsecond, the prefix may have taken the place of its
	// network, and pays for both.)
	if (!bucket_take(&network->bucket, &budget->limits.network, now))
		return false;
	const bool is_newcomer = bucket_take(&network->newcomer, &newcomer, now);
	return bucket_take(&budget->all, &budget->limits.all, now) ||
	       (is_newcomer && bucket_take(&budget->newcomer, &budget->limits.newcomer, now));
}
