// SPDX-License-Identifier: ISC
// Sets of calls within one window, as bits of a 64-bit word: call n is bit n % CALL_WINDOW, its place. Any CALL_WINDOW numbers
// in a row have places of their own, so that a call is found, and a range of calls cut with a set, in one step whatever a
// peer says. Layer: proto, pure.
#ifndef MMS_PROTO_RING_H
#define MMS_PROTO_RING_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"

static_assert(CALL_WINDOW == 64, "a set of calls is one word");

// Where a call stands in the ring.
static inline uint32_t ring_place(uint32_t number)
{
	return number % CALL_WINDOW;
}

// The set of one call.
static inline uint64_t ring_bit(uint32_t number)
{
	return 1ULL << ring_place(number);
}

// Moves a set that has call `first` as bit 0, the next as bit 1 and so on, to its places.
static inline uint64_t ring_of_row(uint64_t row, uint32_t first)
{
	const uint32_t place = ring_place(first);
	return place == 0 ? row : row << place | row >> (CALL_WINDOW - place);
}

// The other way: the set as a row whose bit 0 is call `first`. The lowest bit of it is the lowest call of a window from there.
static inline uint64_t ring_row(uint64_t set, uint32_t first)
{
	const uint32_t place = ring_place(first);
	return place == 0 ? set : set >> place | set << (CALL_WINDOW - place);
}

// The lowest `count` bits of a row, at most all.
static inline uint64_t ring_low(uint32_t count)
{
	return count >= CALL_WINDOW ? UINT64_MAX : (1ULL << count) - 1;
}

// The calls `first` .. `end` - 1 as far as they lie in the window from `base` on. `end` has 64 bits: it may lie behind the
// highest number.
static inline uint64_t ring_range(uint32_t base, uint32_t first, uint64_t end)
{
	const uint64_t window_end = (uint64_t)base + CALL_WINDOW;
	const uint64_t from = first > base ? first : base;
	const uint64_t to = end < window_end ? end : window_end;
	if (from >= to)
		return 0;
	const uint64_t row = ring_low((uint32_t)(to - base)) & ~ring_low((uint32_t)(from - base));
	return ring_of_row(row, base);
}

// Takes the lowest call of a window from `base` on out of `*set`, which is not empty.
static inline uint32_t ring_take(uint64_t *set, uint32_t base)
{
	assert(*set != 0);
	const uint32_t number = base + (uint32_t)__builtin_ctzll(ring_row(*set, base));
	*set &= ~ring_bit(number);
	return number;
}

#endif
