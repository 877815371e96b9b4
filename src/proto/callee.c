// SPDX-License-Identifier: ISC
// The calls one side receives; the contract is in callee.h.
#include "proto/callee.h"

#include <assert.h>
#include <string.h>

void callee_init(struct callee *callee, enum callee_gate gate, uint32_t account)
{
	*callee = (struct callee){.peer_base = 1, .next = 1, .account = account, .gate = (uint8_t)gate};
}

uint64_t callee_answered(const struct callee *callee)
{
	return callee->calls != NULL ? callee->calls->answered : callee->held;
}

uint64_t callee_bare(const struct callee *callee)
{
	return callee->calls != NULL ? callee->calls->bare : callee->held;
}

uint64_t callee_marks(const struct callee *callee)
{
	return callee->calls != NULL ? callee->calls->marks : 0;
}

// The next call to start.
static uint32_t start_next(const struct callee *callee)
{
	return callee->calls != NULL ? callee->calls->start_next : callee->next;
}

static uint32_t *handle_of(const struct callee *callee, uint32_t number)
{
	return &callee->calls->call[ring_place(number)];
}

static void begin_calls(struct callee *callee, struct blocks *blocks)
{
	uint32_t window;
	struct callee_calls *calls = blocks_take_window(blocks, &window);
	memset(calls, 0, offsetof(struct callee_calls, call));
	calls->answered = callee->held;
	calls->bare = callee->held;
	calls->start_after = (struct mtime){INT64_MIN};
	calls->start_next = callee->next;
	calls->window = window;
	callee->calls = calls;
}

// Gives the window back when no call needs a block any more.
static void end_calls(struct callee *callee, struct blocks *blocks)
{
	if (callee->calls == NULL || (callee->held & ~callee->calls->bare) != 0)
		return;
	blocks_give_window(blocks, callee->calls->window);
	callee->calls = NULL;
}

// Gives back the blocks of a set of calls that are held.
static void forget(struct callee *callee, struct blocks *blocks, uint64_t calls)
{
	uint64_t with_block = calls & ~callee_bare(callee);
	callee->held &= ~calls;
	callee->due &= ~calls;
	if (callee->calls == NULL)
		return;
	callee->calls->answered &= ~calls;
	callee->calls->bare &= ~calls;
	while (with_block != 0)
		blocks_give(blocks, *handle_of(callee, ring_take(&with_block, callee->peer_base)));
	end_calls(callee, blocks);
}

void callee_clear(struct callee *callee, struct blocks *blocks)
{
	forget(callee, blocks, callee->held);
}

void callee_close(struct callee *callee, struct blocks *blocks)
{
	const uint64_t started = ring_range(callee->peer_base, callee->peer_base, start_next(callee));
	callee->is_closed = true;
	forget(callee, blocks, callee->held & ~started);
}

void callee_recv_base(struct callee *callee, struct blocks *blocks, uint32_t base)
{
	if (base <= callee->peer_base || base > callee->next)
		return;
	const uint64_t passed = ring_range(callee->peer_base, callee->peer_base, base);
	if ((passed & ~callee_answered(callee)) != 0)
		return;
	forget(callee, blocks, passed);
	callee->peer_base = base;
}

// Moves NEXT over calls that are held.
static void note_held(struct callee *callee, uint32_t number)
{
	struct callee_calls *calls = callee->calls;
	if (number != callee->next) {
		calls->marks |= 1ULL << (number - callee->next - 1);
		return;
	}
	callee->next++;
	while ((calls->marks & 1) != 0) {
		calls->marks >>= 1;
		callee->next++;
	}
	calls->marks >>= 1;
}

struct answer {
	const uint8_t *body;
	uint16_t body_bytes;
	uint8_t status;
};

static struct answer answer_of(const struct callee *callee, const struct blocks *blocks, uint32_t number)
{
	if ((callee_bare(callee) & ring_bit(number)) != 0)
		return (struct answer){.status = callee->bare_status};
	const struct block *block = blocks_get(blocks, *handle_of(callee, number));
	return (struct answer){block->body, block->body_bytes, block->status};
}

// Answers go again by one datagram at a time: more would let few bytes of repeated calls bring many of answers.
static enum callee_verdict recv_repeat(struct callee *callee, const struct blocks *blocks, uint32_t number,
				       bool is_repeat_twice)
{
	const uint64_t bit = ring_bit(number);
	if ((callee_answered(callee) & bit) == 0)
		return CALLEE_WAITING;
	if ((callee->due & bit) != 0)
		return CALLEE_REPEAT;
	const uint32_t bytes = WIRE_ANSWER_HEADER_BYTES + (uint32_t)answer_of(callee, blocks, number).body_bytes;
	if (callee->due == 0)
		callee->repeat_bytes = 0;
	if (callee->repeat_bytes + bytes > CALL_FRAMES_BYTES_MAX)
		return CALLEE_IGNORED;
	callee->repeat_bytes = (uint16_t)(callee->repeat_bytes + bytes);
	callee->due |= bit;
	callee->is_twice = callee->is_twice || is_repeat_twice;
	return CALLEE_REPEAT;
}

static bool is_behind_gate(const struct callee *callee, uint32_t number)
{
	return callee->gate != CALLEE_GATE_OPEN && number >= callee->gate;
}

// Only the call that can start next may take the account's last blocks: calls that wait for it would wait for ever.
static enum blocks_use use_of(const struct callee *callee, uint32_t number)
{
	const bool starts_next = number == callee->next && number == start_next(callee);
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
	if (callee->calls == NULL)
		begin_calls(callee, blocks);
	struct block *block = blocks_get(blocks, handle);
	block->number = frame->number;
	block->kind = frame->kind;
	block->body_bytes = frame->body_bytes;
	if (frame->body_bytes > 0)
		memcpy(block->body, frame->body, frame->body_bytes);
	*handle_of(callee, frame->number) = handle;
	callee->held |= ring_bit(frame->number);
	note_held(callee, frame->number);
	return CALLEE_NEW;
}

bool callee_has_next(const struct callee *callee)
{
	return start_next(callee) < callee->next && !callee->is_closed && !is_behind_gate(callee, start_next(callee));
}

struct mtime callee_start_after(const struct callee *callee)
{
	return callee->calls != NULL ? callee->calls->start_after : (struct mtime){INT64_MIN};
}

uint32_t callee_poll(struct callee *callee, struct mtime now)
{
	if (!callee_has_next(callee) || !mtime_is_due(callee_start_after(callee), now))
		return 0;
	assert((callee->held & ring_bit(callee->calls->start_next)) != 0);
	return *handle_of(callee, callee->calls->start_next++);
}

void callee_defer(struct callee *callee, struct mtime until)
{
	callee->calls->start_next--;
	assert((callee->held & ~callee->calls->answered & ring_bit(callee->calls->start_next)) != 0);
	callee->calls->start_after = until;
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

// An answer of one kind without a body takes no block, for it is what most calls get. False: it is of another kind.
static bool answer_bare(struct callee *callee, struct blocks *blocks, uint32_t number, uint8_t status)
{
	if (callee->calls->bare != 0 && callee->bare_status != status)
		return false;
	blocks_give(blocks, *handle_of(callee, number));
	callee->bare_status = status;
	callee->calls->bare |= ring_bit(number);
	end_calls(callee, blocks);
	return true;
}

// Whether an answer's block has this status and body.
static bool is_equal(const struct block *block, uint8_t status, const void *body, size_t body_bytes)
{
	return block->status == status && block->body_bytes == body_bytes &&
	       (body_bytes == 0 || memcmp(block->body, body, body_bytes) == 0);
}

// The answers of one transaction are the same: one like the last shares its block. False: it is not like it.
static bool answer_shared(struct callee *callee, struct blocks *blocks, uint32_t number, uint8_t status, const void *body,
			  size_t body_bytes)
{
	const uint32_t last = callee->calls->answered_last;
	if (!is_held(callee, last) || !is_equal(blocks_get(blocks, *handle_of(callee, last)), status, body, body_bytes))
		return false;
	uint32_t *handle = handle_of(callee, number);
	blocks_give(blocks, *handle);
	*handle = *handle_of(callee, last);
	blocks_share(blocks, *handle);
	return true;
}

// Makes a call's block that of its answer. False: there is none large enough.
static bool answer_alone(struct callee *callee, struct blocks *blocks, uint32_t number, uint8_t status, const void *body,
			 size_t body_bytes)
{
	uint32_t *handle = handle_of(callee, number);
	const bool is_too_small = body_bytes > blocks_room(*handle);
	// A small answer leaves a large block to others, for it is kept until BASE passes it.
	if (is_too_small || (body_bytes <= BLOCK_SMALL_BYTES && blocks_room(*handle) > BLOCK_SMALL_BYTES)) {
		const uint32_t other = blocks_take(blocks, callee->account, body_bytes, BLOCKS_TO_GO);
		if (other == 0 && is_too_small)
			return false;
		if (other != 0) {
			blocks_move(blocks, *handle, other);
			*handle = other;
		}
	}
	struct block *block = blocks_get(blocks, *handle);
	block->status = status;
	block->body_bytes = (uint16_t)body_bytes;
	if (body_bytes > 0)
		memcpy(block->body, body, body_bytes);
	callee->calls->answered_last = number;
	return true;
}

enum mms_err callee_answer(struct callee *callee, struct blocks *blocks, uint32_t number, uint8_t status,
			   const void *body, size_t body_bytes, struct mtime retry_at)
{
	assert(body_bytes <= WIRE_ANSWER_BODY_BYTES_MAX);
	if (!is_held(callee, number))
		return MMS_E_MISSING;
	assert(number < start_next(callee) && (callee_answered(callee) & ring_bit(number)) == 0);
	const bool is_done = (body_bytes == 0 && answer_bare(callee, blocks, number, status)) ||
			     answer_shared(callee, blocks, number, status, body, body_bytes) ||
			     answer_alone(callee, blocks, number, status, body, body_bytes);
	if (!is_done) {
		assert(number == callee->calls->start_next - 1);
		callee_defer(callee, retry_at);
		return MMS_E_FULL;
	}
	if (callee->calls != NULL) // else all that is held is answered
		callee->calls->answered |= ring_bit(number);
	callee->due |= ring_bit(number);
	return MMS_OK;
}

// How many answers from `first` on, of those due (`row` has bit 0 for `first`), are the same: they go as one frame.
static uint32_t count_same(const struct callee *callee, const struct blocks *blocks, uint32_t first, uint64_t row)
{
	const uint64_t bare = ring_row(callee_bare(callee), callee->peer_base) >> (first - callee->peer_base);
	const bool is_bare = (bare & 1) != 0;
	const uint64_t others = ~row | (is_bare ? ~bare : bare);
	const uint32_t most = others == 0 ? CALL_WINDOW : (uint32_t)__builtin_ctzll(others);
	if (is_bare)
		return most;
	const uint32_t lead = *handle_of(callee, first);
	const struct block *block = blocks_get(blocks, lead);
	uint32_t count = 1;
	for (; count < most; count++) {
		const uint32_t handle = *handle_of(callee, first + count);
		if (handle != lead &&
		    !is_equal(blocks_get(blocks, handle), block->status, block->body, block->body_bytes))
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
		const struct answer answer = answer_of(callee, blocks, first);
		if (writer_room(writer) < WIRE_ANSWER_HEADER_BYTES + (size_t)answer.body_bytes)
			break;
		const uint64_t row = ring_row(callee->due, callee->peer_base) >> (first - callee->peer_base);
		const uint32_t count = count_same(callee, blocks, first, row);
		const bool fits =
			wire_answer_write(writer, first, (uint8_t)count, answer.status, answer.body, answer.body_bytes);
		assert(fits);
		callee->due &= ~ring_range(callee->peer_base, first, (uint64_t)first + count);
		frames++;
	}
	*is_twice = *is_twice || (frames > 0 && callee->is_twice);
	if (callee->due == 0)
		callee->is_twice = false;
	return frames;
}
