// SPDX-License-Identifier: ISC
// Many times in little memory, for their quantiles: a count for each of about 4,600 ranges, none wider than 1/128 of where it
// begins. Layer: cmd, pure.
#ifndef MMS_CMD_BENCH_TIMES_H
#define MMS_CMD_BENCH_TIMES_H

#include <stdint.h>

enum {
	BENCH_TIMES_FINE = 128,     // ranges from one power of two to the next
	BENCH_TIMES_FINE_BITS = 7,
	BENCH_TIMES_BITS_MAX = 42,  // longer than 2^42 microseconds, 50 days, counts as that
	BENCH_TIMES_RANGES = (BENCH_TIMES_BITS_MAX - BENCH_TIMES_FINE_BITS + 1) * BENCH_TIMES_FINE,
};

// Zeroed: none.
struct bench_times {
	uint64_t count;
	uint64_t in_range[BENCH_TIMES_RANGES];
};

// Adds one, in microseconds; a negative one counts as 0.
void bench_times_add(struct bench_times *times, int64_t us);

// The least time, rounded up to the end of its range, that `per_mille` of 1,000 do not exceed (1 to 1,000), in
// microseconds; 0 when there are none.
int64_t bench_times_quantile(const struct bench_times *times, unsigned per_mille);

#endif
