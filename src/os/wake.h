// SPDX-License-Identifier: ISC
// A FIFO beside a profile by which one process tells others to look into it. Layer: os. Either a short-lived process wakes the
// one that listens ("look into the outbox"), or the one that receives stirs all that follow it, which also notice when it ends.
// A poke carries nothing and may be lost when nobody listens: what stands in the profile counts. A zeroed struct is closed.
#ifndef MMS_OS_WAKE_H
#define MMS_OS_WAKE_H

#include <stdbool.h>

#include "base/err.h"

enum { WAKE_LOOK_S = 1 }; // where there are no FIFOs

struct wake {
	int fd; // to poll for reading, while is_open
	bool is_open;
	bool is_following; // by wake_follow
	int fifo; // then
};

// Opens the FIFO at `path`, making it 0600 if it is missing, for the owner of its directory (directory_own). On a file system
// that has no FIFOs a timer stands in: it wakes the listener every WAKE_LOOK_S, as if poked. MMS_E_FORMAT: what is there
// is not a FIFO, or not ours; root takes everybody's. Other errors as in os/file.h. On error the struct is closed.
enum mms_err wake_listen(struct wake *wake, const char *path, struct reason *why) MUST_CHECK;

// The same, to follow: each that follows is woken by wake_stir, and when the last process ends that has the FIFO open by
// wake_listen. Errors as there.
enum mms_err wake_follow(struct wake *wake, const char *path, struct reason *why) MUST_CHECK;

// Takes all pokes that have come. False: there was none.
bool wake_drain(struct wake *wake);

// Closes the descriptor; the FIFO stays. Closed: nothing happens.
void wake_close(struct wake *wake);

// Wakes whoever listens at `path`; nobody, or no FIFO there: nothing happens. Must: SIGPIPE is ignored (signals_open).
void wake_poke(const char *path);

// Wakes all that follow at `path`, likewise. May be called by a handler of signals.
void wake_stir(const char *path);

#endif
