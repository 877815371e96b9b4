// SPDX-License-Identifier: ISC
// The one way in which data is read from standard input and written to standard output and error. Layer: os; for cmd.
// Whether a descriptor blocks was decided by whoever started us, and may change at any time: here each step waits by
// poll(2) until it can be done. The wait ends by a signal to end (SIGINT, SIGTERM or SIGHUP, where signals_open has
// blocked it; it stays pending) or by the deadline, also where another program does not read a pipe that blocks.
// One output a process; not for two threads. Must: process_start was called, or SIGPIPE is ignored.
#ifndef MMS_OS_STANDARD_H
#define MMS_OS_STANDARD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/time.h"

enum {
	STANDARD_BUFFER_BYTES = 64 * 1024, // of output, gathered before it is written
	STANDARD_TERMINAL_MS = 50,         // that a write to a terminal may wait
};

enum standard_verdict {
	STANDARD_OK = 0,
	STANDARD_FAILED,  // reading or writing failed, or the descriptor is closed; `why` says it
	STANDARD_GONE,    // nobody reads standard output any more
	STANDARD_STOPPED, // a signal to end came while it waited
	STANDARD_LATE,    // the deadline came while it waited
};

// Waits until `fd` can be read (POLLIN) or written (POLLOUT), whichever `events` says, as every function here does. An
// error or the end of it counts as ready.
enum standard_verdict standard_wait(int fd, short events, struct mtime deadline) MUST_CHECK;

// Reads at most `capacity` bytes of standard input, waiting for the first. *bytes 0: its end. On any verdict but
// STANDARD_OK *bytes is 0.
enum standard_verdict standard_read(void *data, size_t capacity, size_t *bytes, struct reason *why) MUST_CHECK;

// Puts into `why` that reading standard input failed with the errno value `error`.
void standard_fail_read(struct reason *why, int error);

// Writes at most `bytes` to `fd`, which poll(2) calls ready; returns what write(2) does. A terminal is ready with room for
// one byte, and write(2) would wait there for whoever does not read, deaf to the signals we poll for: after
// STANDARD_TERMINAL_MS it ends with what it has written, or with EINTR. Uses the signal SIGRTMIN.
ssize_t standard_write(int fd, const void *data, size_t bytes) MUST_CHECK;

// Adds to what is to be written, and writes when the buffer is full. False: writing has failed, now or before;
// standard_flush says how.
bool standard_put(const void *data, size_t bytes);

// Writes all that was added. A verdict that is not STANDARD_OK stays for good: what was added since the last flush that
// succeeded may be written in part, and nothing more is.
enum standard_verdict standard_flush(struct reason *why) MUST_CHECK;

// No write waits beyond `deadline`, in place of the one set before. At the start there is none.
void standard_set_deadline(struct mtime deadline);

// Whether standard output was opened for writing and has a reader as far as can be told now. False: `why` says what is
// wrong. For commands that would do something whose only record goes there.
bool standard_can_put(struct reason *why);

// Writes to standard error, at once; what cannot be written is lost.
void standard_say(const char *text, size_t bytes);

#endif
