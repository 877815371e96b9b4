// SPDX-License-Identifier: ISC
// The calls one side receives; the contract is in callee.h.
#include "proto/callee.h"

#include <assert.h>
#include <string.h>

void callee_init(struct callee *callee, enum callee_gate gate, uint32_t account)
{
	*callee = (struct callee){.peer_base = 1, .next = 1, .start_next = 1, .account = account, .gate = gate};
	callee->start_after = (struct mtime){INT64_MIN};
}

// Gives back the blocks of a set of calls that are held.
static void forget(struct callee *callee, struct blocks *blocks, uint64_t calls)
{
	callee->held &= ~calls;
	callee->answered &= ~calls;
	callee->due &= ~calls;
	callee->twice &= ~calls;
	while (calls != 0)
		blocks_give(blocks, callee->call[ring_place(ring_take(&calls, callee->peer_base))]);
}

void callee_clear(struct callee *callee, struct blocks *blocks)
{
	forget(callee, blocks, callee->held);
}

void callee_close(struct callee *callee, struct blocks *blocks)
{
	const uint64_t started = ring_range(callee->peer_base, callee->peer_base, callee->start_next);
	callee->is_closed = true;
	forget(callee, blocks, callee->held & ~started);
}

void callee_recv_base(struct callee *callee, struct blocks *blocks, uint32_t base)
{
	if (base <= callee->peer_base || base > callee->next)
		return;
	const uint64_t passed = ring_range(callee->peer_base, callee->peer_base, base);
	if ((passed & ~callee->answered) != 0)
		return;
	forget(callee, blocks, passed);
	callee->peer_base = base;
}

// Moves NEXT over calls that are held.
static void note_held(struct callee *callee, uint32_t number)
{
	if (number != callee->next) {
		callee->marks |= 1ULL << (number - callee->next - 1);
		return;
	}
	callee->next++;
	while ((callee->marks & 1) != 0) {
		callee->marks >>= 1;
		callee->next++;
	}
	callee->marks >>= 1;
}

// Answers go again by one datagram at a time: more would let few bytes of repeated calls bring many of answers.
static enum callee_verdict recv_repeat(struct callee *callee, const struct blocks *blocks, uint32_t number,
				       bool is_repeat_twice)
{
	const uint64_t bit = ring_bit(number);
	if ((callee->answered & bit) == 0)
		return CALLEE_WAITING;
	if ((callee->due & bit) != 0)
		return CALLEE_REPEAT;
	const uint32_t bytes = WIRE_ANSWER_HEADER_BYTES +
			       (uint32_t)blocks_get(blocks, callee->call[ring_place(number)])->body_bytes;
	if (callee->due == 0)
		callee->repeat_bytes = 0;
	if (callee->repeat_bytes + bytes > CALL_FRAMES_BYTES_MAX)
		return CALLEE_IGNORED;
	callee->repeat_bytes += bytes;
	callee->due |= bit;
	if (is_repeat_twice)
		callee->twice |= bit;
	return CALLEE_REPEAT;
}

static bool is_behind_gate(const struct callee *callee, uint32_t number)
{
	return callee->gate != CALLEE_GATE_OPEN && number >= callee->gate;
}

// Only the call that can start next may take the account's last blocks: calls that wait for it would wait for ever.
static enum blocks_use use_of(const struct callee *callee, uint32_t number)
{
	const bool starts_next = number == callee->next && number == callee->start_next;
	return starts_next && !is_behind_gate(callee, number) ? BLOCKS_TO_GO : BLOCKS_TO_WAIT;
}

enum callee_verdict callee_recv_call(struct callee *callee, struct blocks *blocks, const struct wire_frame_view *frame,
				     bool is_repeat_twice)
{
	if (frame->number < callee->peer_base || frame->number - callee->peer_base >= CALL_WINDOW ||
	    frame->body_bytes > BLOCK_LARGE_BYTES)
		return CALLEE_IGNORED;
	if ((callee->held & ring_bit(frame->number)) != 0)
		return recv_repeat(callee, blocks, frame->number, is_repeat_twice);
	const enum blocks_use use = use_of(callee, frame->number);
	const uint32_t handle = callee->is_closed ? 0 : blocks_take(blocks, callee->account, frame->body_bytes, use);
	if (handle == 0)
		return CALLEE_IGNORED;
	struct block *block = blocks_get(blocks, handle);
	block->number = frame->number;
	block->kind = frame->kind;
	block->body_bytes = frame->body_bytes;
	if (frame->body_bytes > 0)
		memcpy(block->body, frame->body, frame->body_bytes);
	callee->call[ring_place(frame->number)] = handle;
	callee->held |= ring_bit(frame->number);
	note_held(callee, frame->number);
	return CALLEE_NEW;
}

bool callee_has_next(const struct callee *callee)
{
	return callee->start_next < callee->next && !callee->is_closed && !is_behind_gate(callee, callee->start_next);
}

uint32_t callee_poll(struct callee *callee, struct mtime now)
{
	if (!callee_has_next(callee) || !mtime_is_due(callee->start_after, now))
		return 0;
	assert((callee->held & ring_bit(callee->start_next)) != 0);
	return callee->call[ring_place(callee->start_next++)];
}

void callee_defer(struct callee *callee, struct mtime until)
{
	callee->start_next--;
	assert((callee->held & ~callee->answered & ring_bit(callee->start_next)) != 0);
	callee->start_after = until;
}

void callee_open_gate(struct callee *callee)
{
	callee->gate = CALLEE_GATE_OPEN;
}

// Whether a call is held in the window; the place of one outside it is another's.
static bool is_held(const struct callee *callee, uint32_t number)
{
	return number >= callee->peer_base && number - callee->peer_base < CALL_WINDOW &&
	       (callee->held & ring_bit(number)) != 0;
}

enum mms_err callee_answer(struct callee *callee, struct blocks *blocks, uint32_t number, uint8_t status,
			   const void *body, size_t body_bytes, struct mtime retry_at)
{
	assert(body_bytes <= WIRE_ANSWER_BODY_BYTES_MAX);
	if (!is_held(callee, number))
		return MMS_E_MISSING;
	assert(number < callee->start_next && (callee->answered & ring_bit(number)) == 0);
	uint32_t *handle = &callee->call[ring_place(number)];
	const bool is_too_small = body_bytes > blocks_room(*handle);
	// A small answer leaves a large block to others, for it is kept until BASE passes it.
	if (is_too_small || (body_bytes <= BLOCK_SMALL_BYTES && blocks_room(*handle) > BLOCK_SMALL_BYTES)) {
		const uint32_t other = blocks_take(blocks, callee->account, body_bytes, BLOCKS_TO_GO);
		if (other != 0) {
			blocks_move(blocks, *handle, other);
			*handle = other;
		} else if (is_too_small) {
			assert(number == callee->start_next - 1);
			callee_defer(callee, retry_at);
			return MMS_E_FULL;
		}
	}
	struct block *block = blocks_get(blocks, *handle);
	block->status = status;
	block->body_bytes = (uint16_t)body_bytes;
	if (body_bytes > 0)
		memcpy(block->body, body, body_bytes);
	callee->answered |= ring_bit(number);
	callee->due |= ring_bit(number);
	return MMS_OK;
}

// How many answers from `first` on, of those due (`row` has bit 0 for `first`), are the same: they go as one frame.
static uint32_t count_same(const struct callee *callee, const struct blocks *blocks, uint32_t first, uint64_t row)
{
	const struct block *lead = blocks_get(blocks, callee->call[ring_place(first)]);
	uint32_t count = 1;
	for (; count < CALL_WINDOW && (row >> count & 1) != 0; count++) {
		const struct block *next = blocks_get(blocks, callee->call[ring_place(first + count)]);
		if (next->status != lead->status || next->body_bytes != lead->body_bytes ||
		    memcmp(next->body, lead->body, lead->body_bytes) != 0)
			break;
	}
	return count;
}

size_t callee_write(struct callee *callee, struct blocks *blocks, struct writer *writer, bool *is_twice)
{
	size_t frames = 0;
	while (callee->due != 0) {
		uint64_t due = callee->due;
		const uint32_t first = ring_take(&due, callee->peer_base);
		const struct block *block = blocks_get(blocks, callee->call[ring_place(first)]);
		if (writer_room(writer) < WIRE_ANSWER_HEADER_BYTES + (size_t)block->body_bytes)
			break;
		const uint64_t row = ring_row(callee->due, callee->peer_base) >> (first - callee->peer_base);
		const uint32_t count = count_same(callee, blocks, first, row);
		const bool fits =
			wire_answer_write(writer, first, (uint8_t)count, block->status, block->body, block->body_bytes);
		assert(fits);
		const uint64_t written = ring_range(callee->peer_base, first, (uint64_t)first + count);
		*is_twice = *is_twice || (callee->twice & written) != 0;
		callee->due &= ~written;
		callee->twice &= ~written;
		frames++;
	}
	return frames;
}
