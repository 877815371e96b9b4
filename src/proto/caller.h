// SPDX-License-Identifier: ISC
// The calls one side makes in a session: numbering, the window, marks, answers, what to repeat (doc/protocol.md sections
// 5.3, 5.5, 5.6, 5.7). Layer: proto, pure. The caller of this module owns the struct; calls live in its blocks.
#ifndef MMS_PROTO_CALLER_H
#define MMS_PROTO_CALLER_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/time.h"
#include "proto/blocks.h"
#include "proto/congest.h"
#include "proto/ring.h"
#include "proto/rtt.h"
#include "proto/wire.h"

// What a side that has calls knows of them.
struct caller_calls {
	// sets of calls (proto/ring.h)
	uint64_t unanswered;
	uint64_t sent;      // of the unanswered: at least once
	uint64_t marked;    // of the sent: the peer holds it
	uint64_t lost;      // of the sent: to be repeated at once
	uint64_t in_flight; // of the sent: counted in the congestion window

	uint64_t arrived_next; // every datagram that is known to have arrived has a counter below this
	uint64_t measured_next; // datagrams below this have told the round trip
	struct mtime last_sent_at; // when a call was last sent
	struct mtime waiting_since; // when the first of the sent calls was sent
	struct mtime base_since;    // when BASE last moved, or a probe went
	uint32_t done;      // handle: list of answered calls not yet polled, in the order their answers came
	uint32_t done_last;
	uint32_t window;    // where all this is kept, in the caller's blocks
	bool is_loss_due;   // arrived_next has grown: some calls may count as lost now
	bool is_probe_due;  // the next datagram is a probe
	// The sent that are neither marked nor lost, by the datagrams that carried them last: places + 1, 0: none. What counts as
	// lost stands in front, so that nothing else is looked at.
	uint8_t oldest;
	uint8_t newest;
	uint8_t newer[CALL_WINDOW];
	uint8_t older[CALL_WINDOW];
	uint32_t call[CALL_WINDOW]; // handles of the unanswered calls, by place
};

static_assert(sizeof(struct caller_calls) <= WINDOW_BYTES, "a window holds it");

struct caller {
	uint32_t base;        // BASE: the lowest unanswered call, or next_number
	uint32_t next_number; // the next call's
	uint32_t account;     // its blocks are taken for
	struct caller_calls *calls; // NULL: none is unanswered, and none waits to be polled
	struct congest congest;
	struct rtt rtt;
};

// A caller that has made no call, and takes its blocks for `account`.
void caller_init(struct caller *caller, uint32_t account);

// Gives every call up, and back its block. BASE stays where it is, and no further call may be made.
void caller_clear(struct caller *caller, struct blocks *blocks);

// What is known of its calls; all zero when it has none. Borrowed until the next call to this module.
const struct caller_calls *caller_calls(const struct caller *caller);

// BASE: the lowest unanswered call, or the next number.
uint32_t caller_base(const struct caller *caller);

// How many more calls the window lets be made now.
uint32_t caller_room(const struct caller *caller);

// Makes the next call, to be sent when the congestion window allows. `tag` comes back with its answer.
// MMS_E_FULL: the window is full, or the account has no block for it; nothing was made.
enum mms_err caller_open(struct caller *caller, struct blocks *blocks, uint8_t kind, const void *body, size_t body_bytes,
			 uint64_t tag) MUST_CHECK;

// Takes NEXT and MARKS of the peer: marks calls and measures the round trip. Ignored when NEXT lies beyond the calls made.
// Must: only for the newest datagram of the session.
void caller_recv_state(struct caller *caller, struct blocks *blocks, uint32_t peer_next, uint64_t peer_marks,
		       struct mtime now);

// Takes the answer to the calls `first` .. `first` + `count` - 1, `count` at most CALL_WINDOW, each then waiting to be polled.
// Returns how many it was for: not those that were never sent or are answered, nor those for whose body no block is free (they
// will be repeated).
uint32_t caller_recv_answer(struct caller *caller, struct blocks *blocks, uint32_t first, uint32_t count, uint8_t status,
			    const void *body, size_t body_bytes, struct mtime now);

// The datagram is at its end: finds the calls that count as lost by what was marked and answered in it.
void caller_recv_end(struct caller *caller, struct blocks *blocks, struct mtime now);

// The oldest answered call not yet taken, or 0; the handle is then the taker's to give back.
uint32_t caller_poll(struct caller *caller, struct blocks *blocks);

// Whether caller_write would write something.
bool caller_has_work(const struct caller *caller, const struct blocks *blocks);

// Appends CALL frames to a datagram with this counter: a probe if one is due, else lost calls, then new ones, as the
// window and the room allow. Returns how many were written.
size_t caller_write(struct caller *caller, struct blocks *blocks, struct writer *writer, uint64_t counter,
		    struct mtime now);

// How long, in microseconds, a sent call has waited without anything heard from the peer, last heard at `heard_at`; 0
// without a sent call.
int64_t caller_silence_us(const struct caller *caller, struct mtime now, struct mtime heard_at);

// When the next probe is due if nothing happens; MTIME_NEVER without a sent call.
struct mtime caller_deadline(const struct caller *caller, struct mtime now, struct mtime heard_at);

// The deadline passed: the next datagram is a probe.
void caller_tick(struct caller *caller);

#endif
