// SPDX-License-Identifier: ISC
// The replay window; the contract is in replay.h.
#include "proto/replay.h"

#include <assert.h>
#include <string.h>

static uint64_t bit_of(uint64_t counter)
{
	return 1ULL << counter % 64;
}

static uint64_t *word_of(struct replay *replay, uint64_t counter)
{
	return &replay->seen[counter % REPLAY_WINDOW / 64];
}

bool replay_is_newest(const struct replay *replay, uint64_t counter)
{
	return counter >= replay->next;
}

bool replay_is_fresh(const struct replay *replay, uint64_t counter)
{
	if (counter == UINT64_MAX)
		return false;
	if (replay_is_newest(replay, counter))
		return true;
	if (replay->next - counter > REPLAY_WINDOW)
		return false;
	return (replay->seen[counter % REPLAY_WINDOW / 64] & bit_of(counter)) == 0;
}

// The counters from `first` until `end`, fewer than the window has, were not seen yet; a word of 64 at a time.
static void forget(struct replay *replay, uint64_t first, uint64_t end)
{
	while (first < end) {
		const uint64_t room = 64 - first % 64;
		const uint64_t count = end - first < room ? end - first : room;
		*word_of(replay, first) &= ~(UINT64_MAX >> (64 - count) << first % 64);
		first += count;
	}
}

void replay_mark(struct replay *replay, uint64_t counter)
{
	assert(replay_is_fresh(replay, counter));
	if (replay_is_newest(replay, counter)) {
		if (counter - replay->next >= REPLAY_WINDOW)
			memset(replay->seen, 0, sizeof replay->seen);
		else
			forget(replay, replay->next, counter);
		replay->next = counter + 1;
	}
	*word_of(replay, counter) |= bit_of(counter);
}
