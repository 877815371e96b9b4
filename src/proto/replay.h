// SPDX-License-Identifier: ISC
// The replay window: each counter of a session is processed once (doc/protocol.md section 5.2; the bitmap is the one of
// RFC 6479, compared by subtraction). Layer: proto, pure. The caller owns the struct; zero is the initial state.
#ifndef MMS_PROTO_REPLAY_H
#define MMS_PROTO_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

// What one side can have under way at once: 64 calls and 64 answers, each in a datagram of its own, and each twice. What comes even
// later is repeated in a datagram of its own.
enum { REPLAY_WINDOW = 256 };

struct replay {
	uint64_t seen[REPLAY_WINDOW / 64]; // bit c % REPLAY_WINDOW: counter c was processed
	uint64_t next;                     // one above the highest counter processed; 0: none yet
};

// Whether a datagram with this counter may still be processed: not seen, and not REPLAY_WINDOW or more below the highest.
bool replay_is_fresh(const struct replay *replay, uint64_t counter);

// Whether it is above all processed before. To be asked before replay_mark.
bool replay_is_newest(const struct replay *replay, uint64_t counter);

// Marks a fresh counter as processed. Must: only after the datagram was opened. The highest 64-bit counter is reserved.
void replay_mark(struct replay *replay, uint64_t counter);

#endif
