// SPDX-License-Identifier: ISC
// Deadlines by slot; the contract is in timers.h.
#include "proto/timers.h"

#include <assert.h>
#include <string.h>

void timers_init(struct timers *timers, struct timers_entry *heap, uint32_t *place_plus_1, uint32_t capacity)
{
	*timers = (struct timers){heap, place_plus_1, capacity, 0};
	memset(place_plus_1, 0, capacity * sizeof *place_plus_1);
}

static void put(struct timers *timers, uint32_t place, struct timers_entry entry)
{
	timers->heap[place] = entry;
	timers->place_plus_1[entry.slot] = place + 1;
}

static void rise(struct timers *timers, uint32_t place, struct timers_entry entry)
{
	while (place > 0 && entry.deadline.us < timers->heap[(place - 1) / 2].deadline.us) {
		put(timers, place, timers->heap[(place - 1) / 2]);
		place = (place - 1) / 2;
	}
	put(timers, place, entry);
}

static void sink(struct timers *timers, uint32_t place, struct timers_entry entry)
{
	for (;;) {
		uint32_t child = 2 * place + 1;
		if (child >= timers->count)
			break;
		if (child + 1 < timers->count && timers->heap[child + 1].deadline.us < timers->heap[child].deadline.us)
			child++;
		if (entry.deadline.us <= timers->heap[child].deadline.us)
			break;
		put(timers, place, timers->heap[child]);
		place = child;
	}
	put(timers, place, entry);
}

static void settle(struct timers *timers, uint32_t place, struct timers_entry entry)
{
	if (place > 0 && entry.deadline.us < timers->heap[(place - 1) / 2].deadline.us)
		rise(timers, place, entry);
	else
		sink(timers, place, entry);
}

static void take_out(struct timers *timers, uint32_t place)
{
	timers->place_plus_1[timers->heap[place].slot] = 0;
	const struct timers_entry last = timers->heap[--timers->count];
	if (place < timers->count)
		settle(timers, place, last);
}

void timers_set(struct timers *timers, uint32_t slot, struct mtime deadline)
{
	assert(slot < timers->capacity);
	const uint32_t place_plus_1 = timers->place_plus_1[slot];
	if (deadline.us == MTIME_NEVER.us) {
		if (place_plus_1 != 0)
			take_out(timers, place_plus_1 - 1);
		return;
	}
	const struct timers_entry entry = {deadline, slot};
	if (place_plus_1 == 0)
		rise(timers, timers->count++, entry);
	else
		settle(timers, place_plus_1 - 1, entry);
}

void timers_lower(struct timers *timers, uint32_t slot, struct mtime deadline)
{
	assert(slot < timers->capacity);
	const uint32_t place_plus_1 = timers->place_plus_1[slot];
	if (place_plus_1 == 0 || deadline.us < timers->heap[place_plus_1 - 1].deadline.us)
		timers_set(timers, slot, deadline);
}

struct mtime timers_first(const struct timers *timers)
{
	return timers->count == 0 ? MTIME_NEVER : timers->heap[0].deadline;
}

bool timers_take_due(struct timers *timers, struct mtime now, uint32_t *slot)
{
	if (timers->count == 0 || !mtime_is_due(timers->heap[0].deadline, now))
		return false;
	*slot = timers->heap[0].slot;
	take_out(timers, 0);
	return true;
}
