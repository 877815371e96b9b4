// SPDX-License-Identifier: ISC
// The calls one side receives; the contract is in callee.h.
#include "proto/callee.h"

#include <assert.h>
#include <string.h>

void callee_init(struct callee *callee, enum callee_gate gate)
{
	*callee = (struct callee){.peer_base = 1, .next = 1, .start_next = 1, .gate = gate};
	callee->start_after = (struct mtime){INT64_MIN};
}

void callee_clear(struct callee *callee, struct blocks *blocks)
{
	blocks_give_list(blocks, callee->calls);
	callee->calls = 0;
	callee->answer_count = 0;
}

// The link that holds the first call with this number or a higher one.
static uint32_t *find(struct callee *callee, struct blocks *blocks, uint32_t number)
{
	uint32_t *link = &callee->calls;
	while (*link != 0 && blocks_get(blocks, *link)->number < number)
		link = &blocks_get(blocks, *link)->next;
	return link;
}

void callee_recv_base(struct callee *callee, struct blocks *blocks, uint32_t base)
{
	if (base <= callee->peer_base || base > callee->next)
		return;
	uint32_t handle = callee->calls;
	for (; handle != 0; handle = blocks_get(blocks, handle)->next) {
		const struct block *block = blocks_get(blocks, handle);
		if (block->number < base && block->state != BLOCK_ANSWERED)
			return;
	}
	while (callee->calls != 0 && blocks_get(blocks, callee->calls)->number < base) {
		handle = callee->calls;
		struct block *block = blocks_get(blocks, handle);
		if (block->send_count > 0)
			callee->answer_count--;
		callee->calls = block->next;
		blocks_give(blocks, handle);
	}
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

static enum callee_verdict recv_repeat(struct callee *callee, struct block *block, bool is_repeat_twice)
{
	if (block->state != BLOCK_ANSWERED)
		return CALLEE_WAITING;
	if (block->send_count == 0) {
		callee->answer_count++;
		block->send_count = is_repeat_twice ? 2 : 1;
	}
	return CALLEE_REPEAT;
}

static bool is_behind_gate(const struct callee *callee, uint32_t number)
{
	return callee->gate != CALLEE_GATE_OPEN && number >= callee->gate;
}

// Only the call that can start next may take the last blocks: calls that wait for it would wait for ever. What waits for a
// sign-in may take half of them.
static bool is_memory_for(const struct callee *callee, const struct blocks *blocks, uint32_t number)
{
	if (is_behind_gate(callee, number))
		return !blocks_is_used(blocks, 2);
	const bool starts_next = number == callee->next && number == callee->start_next;
	return starts_next || !blocks_is_used(blocks, 3);
}

enum callee_verdict callee_recv_call(struct callee *callee, struct blocks *blocks, const struct wire_frame_view *frame,
				     bool is_repeat_twice)
{
	if (frame->number < callee->peer_base || frame->number - callee->peer_base >= CALL_WINDOW ||
	    frame->body_bytes > BLOCK_LARGE_BYTES)
		return CALLEE_IGNORED;
	uint32_t *link = find(callee, blocks, frame->number);
	if (*link != 0 && blocks_get(blocks, *link)->number == frame->number)
		return recv_repeat(callee, blocks_get(blocks, *link), is_repeat_twice);
	if (!is_memory_for(callee, blocks, frame->number))
		return CALLEE_IGNORED;
	const uint32_t handle = blocks_take(blocks, frame->body_bytes);
	if (handle == 0)
		return CALLEE_IGNORED;
	struct block *block = blocks_get(blocks, handle);
	block->number = frame->number;
	block->kind = frame->kind;
	block->state = BLOCK_HELD;
	block->body_bytes = frame->body_bytes;
	if (frame->body_bytes > 0)
		memcpy(block->body, frame->body, frame->body_bytes);
	block->next = *link;
	*link = handle;
	note_held(callee, frame->number);
	return CALLEE_NEW;
}

bool callee_has_next(const struct callee *callee)
{
	return callee->start_next < callee->next && !is_behind_gate(callee, callee->start_next);
}

uint32_t callee_poll(struct callee *callee, struct blocks *blocks, struct mtime now)
{
	if (!callee_has_next(callee) || !mtime_is_due(callee->start_after, now))
		return 0;
	const uint32_t handle = *find(callee, blocks, callee->start_next);
	assert(handle != 0);
	struct block *block = blocks_get(blocks, handle);
	assert(block->number == callee->start_next);
	assert(block->state == BLOCK_HELD);
	block->state = BLOCK_STARTED;
	callee->start_next++;
	return handle;
}

void callee_defer(struct callee *callee, struct blocks *blocks, struct mtime until)
{
	const uint32_t handle = *find(callee, blocks, callee->start_next - 1);
	assert(handle != 0);
	struct block *block = blocks_get(blocks, handle);
	assert(block->number == callee->start_next - 1);
	assert(block->state == BLOCK_STARTED);
	block->state = BLOCK_HELD;
	callee->start_next--;
	callee->start_after = until;
}

void callee_open_gate(struct callee *callee)
{
	callee->gate = CALLEE_GATE_OPEN;
}

enum mms_err callee_answer(struct callee *callee, struct blocks *blocks, uint32_t number, uint8_t status,
			   const void *body, size_t body_bytes, struct mtime retry_at)
{
	assert(body_bytes <= WIRE_ANSWER_BODY_BYTES_MAX);
	uint32_t *link = find(callee, blocks, number);
	if (*link == 0 || blocks_get(blocks, *link)->number != number)
		return MMS_E_MISSING;
	struct block *block = blocks_get(blocks, *link);
	assert(block->state == BLOCK_STARTED);
	const bool is_too_small = body_bytes > blocks_room(*link);
	// A small answer leaves a large block to others, for it is kept until BASE passes it.
	if (is_too_small || (body_bytes <= BLOCK_SMALL_BYTES && blocks_room(*link) > BLOCK_SMALL_BYTES)) {
		const uint32_t other = blocks_take(blocks, body_bytes);
		if (other != 0) {
			*blocks_get(blocks, other) = *block;
			blocks_give(blocks, *link);
			*link = other;
			block = blocks_get(blocks, other);
		} else if (is_too_small) {
			callee_defer(callee, blocks, retry_at);
			return MMS_E_FULL;
		}
	}
	block->state = BLOCK_ANSWERED;
	block->status = status;
	block->body_bytes = (uint16_t)body_bytes;
	if (body_bytes > 0)
		memcpy(block->body, body, body_bytes);
	block->send_count = 1;
	callee->answer_count++;
	return MMS_OK;
}

static bool is_due(const struct block *block)
{
	return block->state == BLOCK_ANSWERED && block->send_count > 0;
}

// Whether `block` can join a run whose first answer is `first` and whose last number is `last`.
static bool joins(const struct block *first, uint32_t last, const struct block *block)
{
	return is_due(block) && block->number == last + 1 && block->status == first->status &&
	       block->body_bytes == first->body_bytes && memcmp(block->body, first->body, first->body_bytes) == 0;
}

size_t callee_write(struct callee *callee, struct blocks *blocks, struct writer *writer, bool *is_twice)
{
	size_t frames = 0;
	uint32_t handle = callee->calls;
	while (handle != 0 && callee->answer_count > 0) {
		struct block *first = blocks_get(blocks, handle);
		if (!is_due(first)) {
			handle = first->next;
			continue;
		}
		uint32_t end = first->next;
		uint32_t last = first->number;
		while (end != 0 && joins(first, last, blocks_get(blocks, end))) {
			last++;
			end = blocks_get(blocks, end)->next;
		}
		if (!wire_answer_write(writer, first->number, (uint8_t)(last - first->number + 1), first->status,
				       first->body, first->body_bytes))
			return frames;
		for (; handle != end; handle = blocks_get(blocks, handle)->next) {
			struct block *block = blocks_get(blocks, handle);
			*is_twice = *is_twice || block->send_count > 1;
			block->send_count = 0;
			callee->answer_count--;
		}
		frames++;
	}
	return frames;
}
