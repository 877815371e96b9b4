// SPDX-License-Identifier: ISC
// Numbers from a seed (SplitMix64): the same seed draws the same faults on every machine.
#ifndef MMS_TEST_DRAW_H
#define MMS_TEST_DRAW_H

#include <stdbool.h>
#include <stdint.h>

struct draw {
	uint64_t state;
};

// The next 64 bits.
static inline uint64_t draw_next(struct draw *draw)
{
	uint64_t z = draw->state += 0x9e3779b97f4a7c15u;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

// A number from 0 to limit - 1.
static inline uint64_t draw_below(struct draw *draw, uint64_t limit)
{
	return draw_next(draw) % limit;
}

// True `percent` times in a hundred.
static inline bool draw_percent(struct draw *draw, uint64_t percent)
{
	return draw_below(draw, 100) < percent;
}

#endif
