// SPDX-License-Identifier: ISC
// The calls one side makes; the contract is in caller.h.
#include "proto/caller.h"

#include <assert.h>
#include <string.h>

void caller_init(struct caller *caller)
{
	*caller = (struct caller){.next_number = 1};
	congest_init(&caller->congest);
}

void caller_clear(struct caller *caller, struct blocks *blocks)
{
	blocks_give_list(blocks, caller->unanswered);
	blocks_give_list(blocks, caller->done);
	caller->unanswered = 0;
	caller->done = 0;
	caller->sent_count = 0;
}

uint32_t caller_base(const struct caller *caller, const struct blocks *blocks)
{
	return caller->unanswered == 0 ? caller->next_number : blocks_get(blocks, caller->unanswered)->number;
}

uint32_t caller_room(const struct caller *caller, const struct blocks *blocks)
{
	const uint32_t span = caller->next_number - caller_base(caller, blocks);
	assert(span <= CALL_WINDOW);
	return caller->next_number < UINT32_MAX ? CALL_WINDOW - span : 0;
}

// Appends a block at the end of a list.
static void append(struct blocks *blocks, uint32_t *head, uint32_t handle)
{
	uint32_t *link = head;
	while (*link != 0)
		link = &blocks_get(blocks, *link)->next;
	blocks_get(blocks, handle)->next = 0;
	*link = handle;
}

enum mms_err caller_open(struct caller *caller, struct blocks *blocks, uint8_t kind, const void *body,
			 size_t body_bytes, uint64_t tag)
{
	assert(body_bytes <= WIRE_CALL_BODY_BYTES_MAX);
	// A quarter is left to the peers' calls, or two full sides would wait for each other for ever.
	if (caller_room(caller, blocks) == 0 || blocks_is_used(blocks, 3))
		return MMS_E_FULL;
	const uint32_t handle = blocks_take(blocks, body_bytes);
	if (handle == 0)
		return MMS_E_FULL;
	struct block *block = blocks_get(blocks, handle);
	block->number = caller->next_number++;
	block->tag = tag;
	block->kind = kind;
	block->state = BLOCK_UNSENT;
	block->body_bytes = (uint16_t)body_bytes;
	if (body_bytes > 0)
		memcpy(block->body, body, body_bytes);
	append(blocks, &caller->unanswered, handle);
	return MMS_OK;
}

// What a call weighs in the congestion window.
static uint32_t weight(const struct block *block)
{
	return WIRE_CALL_HEADER_BYTES + (uint32_t)block->body_bytes;
}

static void leave_flight(struct caller *caller, struct block *block)
{
	if (block->is_in_flight)
		congest_arrived(&caller->congest, weight(block));
	block->is_in_flight = false;
}

// Karn's rule: only a call sent once tells the round trip. One sample a datagram, or the variance of many would vanish.
static void measure(struct caller *caller, const struct block *block, struct mtime now)
{
	if (block->send_count != 1 || block->is_marked || block->sent_counter < caller->measured_next)
		return;
	rtt_sample(&caller->rtt, mtime_diff_us(now, block->sent_at));
	caller->measured_next = block->sent_counter + 1;
}

static bool is_held_by_peer(const struct block *block, uint32_t peer_next, uint64_t peer_marks)
{
	if (block->number < peer_next)
		return true;
	const uint32_t above = block->number - peer_next;
	return above >= 1 && above <= 64 && (peer_marks >> (above - 1) & 1) != 0;
}

// Every unmarked call whose last transmission is older than one that arrived counts as lost (section 5.6).
static void find_lost(struct caller *caller, struct blocks *blocks, uint64_t arrived_counter, struct mtime now)
{
	for (uint32_t handle = caller->unanswered; handle != 0; handle = blocks_get(blocks, handle)->next) {
		struct block *block = blocks_get(blocks, handle);
		if (block->state != BLOCK_SENT || block->is_marked || block->is_lost ||
		    block->sent_counter >= arrived_counter)
			continue;
		block->is_lost = true;
		if (block->is_in_flight)
			congest_lost(&caller->congest, weight(block), now, rtt_base_us(&caller->rtt));
		block->is_in_flight = false;
	}
}

void caller_recv_state(struct caller *caller, struct blocks *blocks, uint32_t peer_next, uint64_t peer_marks,
		       struct mtime now)
{
	if (peer_next == 0 || peer_next > caller->next_number)
		return;
	uint64_t arrived_counter = 0;
	for (uint32_t handle = caller->unanswered; handle != 0; handle = blocks_get(blocks, handle)->next) {
		struct block *block = blocks_get(blocks, handle);
		if (block->state != BLOCK_SENT || block->is_marked || !is_held_by_peer(block, peer_next, peer_marks))
			continue;
		measure(caller, block, now);
		block->is_marked = true;
		block->is_lost = false;
		leave_flight(caller, block);
		caller->rtt.probe_count = 0;
		if (block->sent_counter > arrived_counter)
			arrived_counter = block->sent_counter;
	}
	find_lost(caller, blocks, arrived_counter, now);
}

bool caller_recv_answer(struct caller *caller, struct blocks *blocks, uint32_t number, uint8_t status, const void *body,
			size_t body_bytes, struct mtime now)
{
	uint32_t *link = &caller->unanswered;
	while (*link != 0 && blocks_get(blocks, *link)->number < number)
		link = &blocks_get(blocks, *link)->next;
	uint32_t handle = *link;
	if (handle == 0)
		return false;
	struct block *block = blocks_get(blocks, handle);
	if (block->number != number || block->state != BLOCK_SENT)
		return false;
	if (body_bytes > blocks_room(handle)) {
		const uint32_t larger = blocks_take(blocks, body_bytes);
		if (larger == 0)
			return false;
		struct block *copy = blocks_get(blocks, larger);
		*copy = *block;
		*link = larger;
		blocks_give(blocks, handle);
		handle = larger;
		block = copy;
	}
	measure(caller, block, now);
	leave_flight(caller, block);
	const uint64_t arrived_counter = block->sent_counter;
	caller->rtt.probe_count = 0;
	if (--caller->sent_count == 0)
		caller->is_probe_due = false;
	if (link == &caller->unanswered)
		caller->base_since = now;
	*link = block->next;
	block->state = BLOCK_DONE;
	block->status = status;
	block->body_bytes = (uint16_t)body_bytes;
	if (body_bytes > 0)
		memcpy(block->body, body, body_bytes);
	append(blocks, &caller->done, handle);
	find_lost(caller, blocks, arrived_counter, now);
	return true;
}

uint32_t caller_poll(struct caller *caller, struct blocks *blocks)
{
	const uint32_t handle = caller->done;
	if (handle != 0)
		caller->done = blocks_get(blocks, handle)->next;
	return handle;
}

static bool is_wanted(const struct caller *caller, const struct block *block)
{
	return (block->state == BLOCK_UNSENT || block->is_lost) && congest_can_send(&caller->congest, weight(block));
}

bool caller_has_work(const struct caller *caller, const struct blocks *blocks)
{
	if (caller->is_probe_due && caller->sent_count > 0)
		return true;
	for (uint32_t handle = caller->unanswered; handle != 0; handle = blocks_get(blocks, handle)->next)
		if (is_wanted(caller, blocks_get(blocks, handle)))
			return true;
	return false;
}

static bool write_call(struct caller *caller, struct block *block, struct writer *writer, uint64_t counter,
		       struct mtime now)
{
	if (!wire_call_write(writer, block->number, block->kind, block->body, block->body_bytes))
		return false;
	if (block->state == BLOCK_UNSENT && caller->sent_count++ == 0) {
		caller->waiting_since = now;
		caller->base_since = now;
	}
	if (!block->is_marked && !block->is_in_flight) {
		block->is_in_flight = true;
		congest_sent(&caller->congest, weight(block));
	}
	block->state = BLOCK_SENT;
	block->is_lost = false;
	block->sent_at = now;
	block->sent_counter = counter;
	if (block->send_count < UINT8_MAX)
		block->send_count++;
	caller->last_sent_at = now;
	return true;
}

// Whether it is the lowest call's turn to go first. A peer whose memory is full marks nothing, so that unmarked calls would
// fill every probe; the lowest one's answer, lost and kept by the peer, is what moves BASE and frees that memory.
static bool is_turn_of_lowest(const struct caller *caller)
{
	enum { PROBES_PER_TURN = 4 };
	return caller->rtt.probe_count % PROBES_PER_TURN == PROBES_PER_TURN - 1;
}

// A probe: what was sent and is unanswered, unmarked calls first, whatever the window (section 5.6).
static size_t write_probe(struct caller *caller, struct blocks *blocks, struct writer *writer, uint64_t counter,
			  struct mtime now)
{
	size_t written = 0;
	congest_probed(&caller->congest, caller->rtt.probe_count);
	for (uint32_t handle = caller->unanswered; handle != 0; handle = blocks_get(blocks, handle)->next)
		blocks_get(blocks, handle)->is_in_flight = false;
	const struct block *first = NULL;
	if (is_turn_of_lowest(caller) && write_call(caller, blocks_get(blocks, caller->unanswered), writer, counter, now)) {
		first = blocks_get(blocks, caller->unanswered);
		written++;
	}
	for (int marked = 0; marked <= 1; marked++)
		for (uint32_t handle = caller->unanswered; handle != 0; handle = blocks_get(blocks, handle)->next) {
			struct block *block = blocks_get(blocks, handle);
			if (block != first && block->state == BLOCK_SENT && block->is_marked == (marked == 1))
				written += write_call(caller, block, writer, counter, now);
		}
	if (written > 0) { // else an unproved path leaves no room for a call, and the probe waits for that
		caller->is_probe_due = false;
		caller->base_since = now;
	}
	return written;
}

size_t caller_write(struct caller *caller, struct blocks *blocks, struct writer *writer, uint64_t counter,
		    struct mtime now)
{
	size_t written = 0;
	if (caller->is_probe_due)
		written = write_probe(caller, blocks, writer, counter, now);
	for (uint32_t handle = caller->unanswered; handle != 0; handle = blocks_get(blocks, handle)->next) {
		struct block *block = blocks_get(blocks, handle);
		if (!is_wanted(caller, block))
			continue;
		if (!write_call(caller, block, writer, counter, now))
			break;
		written++;
	}
	return written;
}

int64_t caller_silence_us(const struct caller *caller, struct mtime now, struct mtime heard_at)
{
	if (caller->sent_count == 0)
		return 0;
	return mtime_diff_us(now, heard_at.us > caller->waiting_since.us ? heard_at : caller->waiting_since);
}

struct mtime caller_deadline(const struct caller *caller, struct mtime now, struct mtime heard_at)
{
	if (caller->sent_count == 0)
		return MTIME_NEVER;
	const int64_t probe_us = rtt_probe_us(&caller->rtt, caller_silence_us(caller, now, heard_at));
	// While other calls keep going out, the lowest is not left waiting: its answer may be lost.
	const int64_t base_us = probe_us > RTT_PROBE_CAP_US ? probe_us : RTT_PROBE_CAP_US;
	return mtime_min(mtime_add_us(caller->last_sent_at, probe_us), mtime_add_us(caller->base_since, base_us));
}

void caller_tick(struct caller *caller)
{
	assert(caller->sent_count > 0);
	caller->is_probe_due = true;
	if (caller->rtt.probe_count < UINT32_MAX)
		caller->rtt.probe_count++;
}
