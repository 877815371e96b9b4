// SPDX-License-Identifier: ISC
// Times and their quantiles; the contract is in bench_times.h.
#include "cmd/bench_times.h"

#include <assert.h>

// Below 2 * FINE each value is a range of its own. Above, the highest bits say which: the position of the first one, and the
// FINE_BITS behind it.
static uint32_t range_of(uint64_t us)
{
	uint32_t shift = 0;
	while (us >> shift >= UINT64_C(2) * BENCH_TIMES_FINE)
		shift++;
	return shift * BENCH_TIMES_FINE + (uint32_t)(us >> shift);
}

static int64_t end_of(uint32_t range)
{
	if (range < 2 * BENCH_TIMES_FINE)
		return range;
	const uint32_t shift = range / BENCH_TIMES_FINE - 1;
	const uint64_t first = (uint64_t)(range - shift * BENCH_TIMES_FINE) << shift;
	return (int64_t)(first + (UINT64_C(1) << shift) - 1);
}

void bench_times_add(struct bench_times *times, int64_t us)
{
	const int64_t longest = (INT64_C(1) << BENCH_TIMES_BITS_MAX) - 1;
	const uint64_t kept = us < 0 ? 0 : (uint64_t)(us < longest ? us : longest);
	const uint32_t range = range_of(kept);
	assert(range < BENCH_TIMES_RANGES);
	times->in_range[range]++;
	times->count++;
}

int64_t bench_times_quantile(const struct bench_times *times, unsigned per_mille)
{
	assert(per_mille >= 1);
	assert(per_mille <= 1000);
	uint64_t left = (times->count * per_mille + 999) / 1000;
	for (uint32_t range = 0; range < BENCH_TIMES_RANGES && times->count > 0; range++) {
		if (times->in_range[range] >= left)
			return end_of(range);
		left -= times->in_range[range];
	}
	return 0;
}
