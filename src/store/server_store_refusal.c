// SPDX-License-Identifier: ISC
// Refusals that are remembered: the one verdict that is not on disk (storage.h, STORAGE_REFUSAL_US). Rings in the order of
// time, and a table by id; of an id the newest is kept. The contract is in server_store_inside.h.
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "store/server_store_inside.h"

// Ids are their senders' to choose, so their place in the table depends on numbers that nobody knows.
static uint64_t key_of(const struct server_refusals *refusals, int64_t sender_id, const struct uuid *id)
{
	uint64_t half[2];
	memcpy(half, id->bytes, sizeof half);
	uint64_t key = ((uint64_t)sender_id ^ refusals->secret[0]) * (refusals->secret[1] | 1);
	key = (key ^ key >> 29 ^ half[0]) * (refusals->secret[2] | 1);
	key = (key ^ key >> 29 ^ half[1]) * (refusals->secret[3] | 1);
	return key ^ key >> 29;
}

enum { PART_MAX = STORAGE_REFUSALS_MAX / STORAGE_REFUSAL_PARTS };

// Where the next refusal of a sender goes: behind the newest of its part.
static uint32_t next_place(struct server_refusals *refusals, int64_t sender_id)
{
	static const struct uuid none;
	const uint32_t part = (uint32_t)(key_of(refusals, sender_id, &none) % STORAGE_REFUSAL_PARTS);
	return part * PART_MAX + refusals->next[part]++ % PART_MAX;
}

static bool is_of(const struct server_refusal *refusal, int64_t sender_id, const struct uuid *id)
{
	return refusal->sender_id == sender_id && memcmp(refusal->id.bytes, id->bytes, ID_BYTES) == 0;
}

// The place of the refusal of an id. False: there is none.
static bool find(const struct server_refusals *refusals, uint64_t key, int64_t sender_id, const struct uuid *id, uint32_t *place)
{
	uint32_t cursor = 0;
	while (map_next(&refusals->by_id, key, &cursor, place))
		if (is_of(&refusals->refusal[*place], sender_id, id))
			return true;
	return false;
}

const struct server_refusal *server_refusal_find(const struct server_refusals *refusals, const struct storage_op *op,
						 struct mtime now)
{
	uint32_t place;
	if (refusals->refusal == NULL || refusals->by_id.used_count == 0)
		return NULL;
	const uint64_t key = key_of(refusals, op->submit.sender_id, &op->submit.id);
	if (!find(refusals, key, op->submit.sender_id, &op->submit.id, &place))
		return NULL;
	const struct server_refusal *refusal = &refusals->refusal[place];
	if (mtime_diff_us(now, refusal->at) >= STORAGE_REFUSAL_US)
		return NULL;
	const bool is_bound = refusal->session == op->session ? refusal->call == op->call :
								op->session_began_at.us <= refusal->at.us;
	return is_bound ? refusal : NULL;
}

static bool make_room(struct server_refusals *refusals)
{
	const uint32_t slots = map_slots_for(STORAGE_REFUSALS_MAX);
	refusals->refusal = calloc(STORAGE_REFUSALS_MAX, sizeof *refusals->refusal);
	refusals->slot = calloc(slots, sizeof *refusals->slot);
	if (refusals->refusal == NULL || refusals->slot == NULL) {
		server_refusals_clear(refusals);
		return false;
	}
	map_init(&refusals->by_id, refusals->slot, slots);
	sqlite3_randomness(sizeof refusals->secret, refusals->secret);
	return true;
}

static void forget(struct server_refusals *refusals, uint32_t place)
{
	struct server_refusal *refusal = &refusals->refusal[place];
	if (refusal->sender_id == 0)
		return;
	const bool was_there = map_remove(&refusals->by_id, key_of(refusals, refusal->sender_id, &refusal->id), place);
	assert(was_there);
	refusal->sender_id = 0;
}

void server_refusal_add(struct server_refusals *refusals, const struct storage_op *op, enum storage_verdict verdict,
			struct mtime now)
{
	uint32_t place;
	if (refusals->refusal == NULL && !make_room(refusals))
		return;
	const uint64_t key = key_of(refusals, op->submit.sender_id, &op->submit.id);
	if (find(refusals, key, op->submit.sender_id, &op->submit.id, &place))
		forget(refusals, place);
	place = next_place(refusals, op->submit.sender_id);
	forget(refusals, place);
	refusals->refusal[place] = (struct server_refusal){
		op->submit.sender_id, op->submit.id, now, op->session, op->call, verdict};
	const enum mms_err err = map_put(&refusals->by_id, key, place);
	assert(err == MMS_OK);
}

void server_refusals_clear(struct server_refusals *refusals)
{
	free(refusals->refusal);
	free(refusals->slot);
	*refusals = (struct server_refusals){0};
}
