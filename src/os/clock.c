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

static bool break_down(struct wtime at, struct tm *tm)
{
	const time_t seconds = (time_t)(at.ms / 1000);
	return localtime_r(&seconds, tm) != NULL;
}

void clock_local(struct wtime at, struct wtime today, char text[CLOCK_LOCAL_BYTES])
{
	struct tm then;
	struct tm now;
	text[0] = 0;
	if (!break_down(at, &then) || !break_down(today, &now))
		return;
	const bool is_today = then.tm_year == now.tm_year && then.tm_yday == now.tm_yday;
	if (strftime(text, CLOCK_LOCAL_BYTES, is_today ? "%H:%M" : "%Y-%m-%d %H:%M", &then) == 0)
		text[0] = 0;
}
