// SPDX-License-Identifier: ISC
// The calls one side receives in a session: holding, starting in order, answering, repeating answers (doc/protocol.md
// sections 5.3 and 5.5). Layer: proto, pure. The user of this module owns the struct; calls live in its blocks.
#ifndef MMS_PROTO_CALLEE_H
#define MMS_PROTO_CALLEE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/time.h"
#include "proto/blocks.h"
#include "proto/ring.h"
#include "proto/wire.h"

enum callee_gate {
	CALLEE_GATE_OPEN = 0,
	CALLEE_GATE_ALL = 1,    // at the device: the server's calls begin after the answer to SIGNIN
	CALLEE_GATE_SIGNIN = 2, // at the server: SIGNIN alone may start
};

// What is known of the calls while some need a block.
struct callee_calls {
	// sets of calls (proto/ring.h)
	uint64_t answered; // of the held
	uint64_t bare;     // of the answered: with bare_status and an empty body, which takes no block

	uint64_t marks; // MARKS: bit i: call next + 1 + i is held
	struct mtime start_after; // no call starts before this
	uint32_t start_next;      // the next call to start
	uint32_t answered_last;   // the last call whose answer needed a block; 0: none
	uint32_t window;          // where this is kept, in the callee's blocks
	uint32_t call[CALL_WINDOW]; // handles, by place
};

static_assert(sizeof(struct callee_calls) <= WINDOW_BYTES, "a window holds it");

struct callee {
	uint32_t peer_base; // the peer's lowest unanswered call: what is below is forgotten
	uint32_t next;      // NEXT: the lowest call not held
	// sets of calls (proto/ring.h)
	uint64_t held; // started or not, answered or not
	uint64_t due;  // of the answered: the answer is to go with the next datagram
	struct callee_calls *calls; // NULL: all that is held is answered and bare
	uint32_t account;      // its blocks are taken for
	uint16_t repeat_bytes; // frames of answers that are to go again
	uint8_t gate; // enum callee_gate: calls from this number on do not start (section 5.5)
	uint8_t bare_status;
	bool is_twice; // some of the due are to go in copies
	bool is_closed;
};

static_assert(sizeof(struct callee) <= 48, "a part of what an idle session takes");

enum callee_verdict {
	CALLEE_IGNORED, // outside the window, no memory, or a datagram's worth of answers is to go again already: nothing changed
	CALLEE_NEW,     // held now, and to be marked
	CALLEE_WAITING, // was held already and is not answered yet: to be marked again
	CALLEE_REPEAT,  // was answered: the answer will go again
};

// A callee that holds nothing, takes its blocks for `account`, and starts nothing from call `gate` on until callee_open_gate.
void callee_init(struct callee *callee, enum callee_gate gate, uint32_t account);

// Which of the calls that are held are answered, which of these are bare, and MARKS.
uint64_t callee_answered(const struct callee *callee);
uint64_t callee_bare(const struct callee *callee);
uint64_t callee_marks(const struct callee *callee);

// Gives back every block.
void callee_clear(struct callee *callee, struct blocks *blocks);

// The session is closing: no further call is held or starts, and those that have not started are given up.
void callee_close(struct callee *callee, struct blocks *blocks);

// Takes the peer's BASE: answers below it are forgotten. Ignored when it goes backwards or passes a call not answered.
void callee_recv_base(struct callee *callee, struct blocks *blocks, uint32_t base);

// Takes a CALL frame. A call that cannot start next is held only in memory that the account shares. `is_repeat_twice`: an answer that
// goes again goes in copies.
enum callee_verdict callee_recv_call(struct callee *callee, struct blocks *blocks, const struct wire_frame_view *frame,
				     bool is_repeat_twice);

// Whether a call is held that is the next to start and that the gate lets through; it may have to wait for start_after.
bool callee_has_next(const struct callee *callee);

// When the next call may start at the earliest.
struct mtime callee_start_after(const struct callee *callee);

// Starts the next call if it is held and may start now. Returns its handle, borrowed until the next call to this module, or 0.
uint32_t callee_poll(struct callee *callee, struct mtime now);

// Undoes the start of the call that callee_poll gave last, which is not answered; no call starts before `until`.
void callee_defer(struct callee *callee, struct mtime until);

// Lets every call start.
void callee_open_gate(struct callee *callee);

// Answers a started call; the answer goes with the next datagram. MMS_E_FULL: no block is free for so large a body; the
// call is then as if it had not started (callee_defer with `retry_at`). An answer like the one before shares its block.
// A body of up to BLOCK_SMALL_BYTES always succeeds.
// A number that is not a started call is an error of ours, unless the session was emptied: then MMS_E_MISSING.
enum mms_err callee_answer(struct callee *callee, struct blocks *blocks, uint32_t number, uint8_t status,
			   const void *body, size_t body_bytes, struct mtime retry_at) MUST_CHECK;

// Appends ANSWER frames for the answers that are to go, equal neighbours merged, as the room allows. Returns how many frames.
// `*is_twice` becomes true when one of them is to go in a second datagram as well.
size_t callee_write(struct callee *callee, struct blocks *blocks, struct writer *writer, bool *is_twice);

#endif
