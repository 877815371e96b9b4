// SPDX-License-Identifier: ISC
// The two clocks. Layer: os; pure code gets their values as arguments. The event loop reads each once a turn.
#ifndef MMS_OS_CLOCK_H
#define MMS_OS_CLOCK_H

#include "base/time.h"

// Now on the clock that never jumps and counts suspended time too (CLOCK_BOOTTIME).
struct mtime clock_monotonic(void);

// Now in civil time, UTC; it may jump.
struct wtime clock_wall(void);

#endif
