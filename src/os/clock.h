// SPDX-License-Identifier: ISC
// The two clocks. Layer: os; pure code gets their values as arguments. The event loop reads each once a turn.
#ifndef MMS_OS_CLOCK_H
#define MMS_OS_CLOCK_H

#include "base/time.h"

// Now on the clock that never jumps and counts suspended time too (CLOCK_BOOTTIME).
struct mtime clock_monotonic(void);

// Now in civil time, UTC; it may jump.
struct wtime clock_wall(void);

enum { CLOCK_LOCAL_BYTES = 17 }; // "2026-11-22 14:02" and a zero byte

// Writes `at` as the clock on the wall shows it here: HH:MM, or YYYY-MM-DD HH:MM when it is not of the same day as `today`. A
// moment that it cannot show is written as "".
void clock_local(struct wtime at, struct wtime today, char text[CLOCK_LOCAL_BYTES]);

#endif
