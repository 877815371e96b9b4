// SPDX-License-Identifier: ISC
// Where every decision of a simulated run comes from: a seed, or the bytes of a fuzzer for as long as they last.
#ifndef MMS_SIM_DRAW_H
#define MMS_SIM_DRAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct draw {
	uint64_t state;
	const uint8_t *script; // NULL: the seed alone decides
	size_t script_bytes;
};

// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
static inline uint64_t draw_u64(struct draw *draw)
{
	uint64_t z = draw->state += 0x9e3779b97f4a7c15;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

// 0 to count - 1; `count` is at least 1.
static inline uint32_t draw_below(struct draw *draw, uint32_t count)
{
	if (draw->script_bytes == 0)
		return (uint32_t)((draw_u64(draw) >> 32) * count >> 32);
	uint32_t value = 0;
	for (uint32_t left = count - 1; left > 0 && draw->script_bytes > 0; left >>= 8) {
		value = value << 8 | *draw->script++;
		draw->script_bytes--;
	}
	return value % count;
}

// True `permille` times in a thousand.
static inline bool draw_chance(struct draw *draw, uint32_t permille)
{
	return permille > 0 && (permille >= 1000 || draw_below(draw, 1000) < permille);
}

// From `low` to `high`, both included.
static inline int64_t draw_between(struct draw *draw, int64_t low, int64_t high)
{
	const int64_t unit = (high - low) / 65535 + 1;
	const int64_t drawn = low + unit * draw_below(draw, (uint32_t)((high - low) / unit) + 1);
	return drawn > high ? high : drawn;
}

#endif
