// SPDX-License-Identifier: ISC
// Time as a value. Monotonic and wall time are different structs, so neither is mistaken for the other or for a
// plain number. Layer: base. Nothing here reads a clock: callers pass the time in.
#ifndef MMS_BASE_TIME_H
#define MMS_BASE_TIME_H

#include <stdbool.h>
#include <stdint.h>

// A moment on a clock that never jumps and runs on during suspend (CLOCK_BOOTTIME), in microseconds.
struct mtime {
	int64_t us;
};

// A moment of civil time, in milliseconds since 1970-01-01 UTC; for people and for retention, never for timers.
struct wtime {
	int64_t ms;
};

// What happened, happened at one moment, which both clocks name.
struct moment {
	struct mtime now;
	struct wtime wall;
};

#define MTIME_NEVER ((struct mtime){INT64_MAX})

static inline struct mtime mtime_add_us(struct mtime at, int64_t us)
{
	return at.us > INT64_MAX - us ? MTIME_NEVER : (struct mtime){at.us + us};
}

static inline struct mtime mtime_add_ms(struct mtime at, int64_t ms)
{
	return mtime_add_us(at, ms * 1000);
}

// Microseconds from `from` to `to`; negative when `to` is earlier.
static inline int64_t mtime_diff_us(struct mtime to, struct mtime from)
{
	return to.us - from.us;
}

static inline bool mtime_is_due(struct mtime deadline, struct mtime now)
{
	return deadline.us <= now.us;
}

static inline struct mtime mtime_min(struct mtime a, struct mtime b)
{
	return a.us < b.us ? a : b;
}

static inline struct mtime mtime_max(struct mtime a, struct mtime b)
{
	return a.us > b.us ? a : b;
}

#endif
