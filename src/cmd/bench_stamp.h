// SPDX-License-Identifier: ISC
// What a message of `mms bench` carries in its text, and what its recipient makes of it: which one it is, whether it came
// before, and in its order. Layer: cmd, pure.
#ifndef MMS_CMD_BENCH_STAMP_H
#define MMS_CMD_BENCH_STAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"

enum {
	BENCH_STAMP_TEXT_BYTES = 24, // the shortest text of a message
	BENCH_INBOX_KEPT = 64,       // numbers below the next one of which it is known whether they came
};

struct bench_stamp {
	uint32_t run;      // drawn anew by each run: what an earlier one left in a mailbox is none of ours
	uint64_t number;   // from 0 on, of one sender, below 2^48
	struct mtime due;  // when it was to be sent
};

// Writes a text of `bytes` bytes, at least BENCH_STAMP_TEXT_BYTES: the stamp in base64url, then dots.
void bench_stamp_write(const struct bench_stamp *stamp, uint8_t *text, size_t bytes);

// Reads it. False: no text of a bench.
bool bench_stamp_read(struct bench_stamp *stamp, const uint8_t *text, size_t bytes);

// What one recipient has received from its sender. Zeroed: nothing.
struct bench_inbox {
	uint64_t next;      // the lowest number above all that came
	uint64_t came;      // bit i: next - 1 - i did
	uint64_t signin_at; // `next` when the present session signed in
};

enum bench_arrival {
	BENCH_IN_ORDER = 1,
	BENCH_LATE,     // for the first time, but behind a younger one
	BENCH_DOUBLED,  // again, in the session that brought it: a server never does that
	BENCH_REPEATED, // again, in a later session: a server may not have heard the answer, and a device knows the id
};

// A message has come. One that is BENCH_INBOX_KEPT or more below `next` counts as having come before.
enum bench_arrival bench_inbox_take(struct bench_inbox *inbox, uint64_t number);

// The recipient has signed in anew.
void bench_inbox_signed_in(struct bench_inbox *inbox);

#endif
