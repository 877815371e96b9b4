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

void replay_mark(struct replay *replay, uint64_t counter)
{
	assert(replay_is_fresh(replay, counter));
	if (replay_is_newest(replay, counter)) {
		if (counter - replay->next >= REPLAY_WINDOW)
			memset(replay->seen, 0, sizeof replay->seen);
		else
			for (uint64_t passed = replay->next; passed < counter; passed++)
				*word_of(replay, passed) &= ~bit_of(passed);
		replay->next = counter + 1;
	}
	*word_of(replay, counter) |= bit_of(counter);
}
