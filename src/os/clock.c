// SPDX-License-Identifier: ISC
// The two clocks; the contract is in clock.h.
#include "os/clock.h"

#include <assert.h>
#include <time.h>

static struct timespec read_clock(clockid_t clock)
{
	struct timespec now;
	const int rc = clock_gettime(clock, &now);
	assert(rc == 0);
	return now;
}

struct mtime clock_monotonic(void)
{
	const struct timespec now = read_clock(CLOCK_BOOTTIME);
	return (struct mtime){(int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000};
}

struct wtime clock_wall(void)
{
	const struct timespec now = read_clock(CLOCK_REALTIME);
	return (struct wtime){(int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000};
}
