// SPDX-License-Identifier: ISC
// The calls one side makes; the contract is in caller.h.
#include "proto/caller.h"

#include <assert.h>
#include <string.h>

void caller_init(struct caller *caller, uint32_t account)
{
	*caller = (struct caller){.base = 1, .next_number = 1, .account = account};
	congest_init(&caller->congest);
}

static struct block *get(const struct caller *caller, const struct blocks *blocks, uint32_t number)
{
	return blocks_get(blocks, caller->calls->call[ring_place(number)]);
}

const struct caller_calls *caller_calls(const struct caller *caller)
{
	static const struct caller_calls none;
	return caller->calls != NULL ? caller->calls : &none;
}

static void begin_calls(struct caller *caller, struct blocks *blocks)
{
	uint32_t window;
	struct caller_calls *calls = blocks_take_window(blocks, &window);
	memset(calls, 0, offsetof(struct caller_calls, newer));
	calls->window = window;
	caller->calls = calls;
}

static void end_calls(struct caller *caller, struct blocks *blocks)
{
	blocks_give_window(blocks, caller->calls->window);
	caller->calls = NULL;
}

void caller_clear(struct caller *caller, struct blocks *blocks)
{
	if (caller->calls == NULL)
		return;
	while (caller->calls->unanswered != 0)
		blocks_give(blocks, caller->calls->call[ring_place(ring_take(&caller->calls->unanswered, caller->base))]);
	blocks_give_list(blocks, caller->calls->done);
	end_calls(caller, blocks);
}

uint32_t caller_base(const struct caller *caller)
{
	return caller->base;
}

uint32_t caller_room(const struct caller *caller)
{
	const uint32_t span = caller->next_number - caller->base;
	assert(span <= CALL_WINDOW);
	return caller->next_number < UINT32_MAX ? CALL_WINDOW - span : 0;
}

enum mms_err caller_open(struct caller *caller, struct blocks *blocks, uint8_t kind, const void *body,
			 size_t body_bytes, uint64_t tag)
{
	assert(body_bytes <= WIRE_CALL_BODY_BYTES_MAX);
	if (caller_room(caller) == 0)
		return MMS_E_FULL;
	const uint32_t handle = blocks_take(blocks, caller->account, body_bytes, BLOCKS_TO_GO);
	if (handle == 0)
		return MMS_E_FULL;
	if (caller->calls == NULL)
		begin_calls(caller, blocks);
	struct block *block = blocks_get(blocks, handle);
	block->number = caller->next_number++;
	block->tag = tag;
	block->kind = kind;
	block->body_bytes = (uint16_t)body_bytes;
	if (body_bytes > 0)
		memcpy(block->body, body, body_bytes);
	caller->calls->call[ring_place(block->number)] = handle;
	caller->calls->unanswered |= ring_bit(block->number);
	return MMS_OK;
}

// Takes a call out of the order of those in doubt.
static void leave_order(struct caller_calls *calls, uint32_t place)
{
	const uint8_t newer = calls->newer[place];
	const uint8_t older = calls->older[place];
	*(older != 0 ? &calls->newer[older - 1] : &calls->oldest) = newer;
	*(newer != 0 ? &calls->older[newer - 1] : &calls->newest) = older;
}

// Puts a call that is sent now at the end of that order.
static void join_order(struct caller_calls *calls, uint32_t place)
{
	const uint8_t number = (uint8_t)(place + 1);
	calls->newer[place] = 0;
	calls->older[place] = calls->newest;
	*(calls->newest != 0 ? &calls->newer[calls->newest - 1] : &calls->oldest) = number;
	calls->newest = number;
}

// Whether a call is in that order.
static bool is_in_doubt(const struct caller_calls *calls, uint64_t bit)
{
	return (calls->sent & ~calls->marked & ~calls->lost & bit) != 0;
}

// What a call weighs in the congestion window.
static uint32_t weight(const struct block *block)
{
	return WIRE_CALL_HEADER_BYTES + (uint32_t)block->body_bytes;
}

// Karn's rule: only a call sent once tells the round trip. One sample a datagram, or the variance of many would vanish.
static void measure(struct caller *caller, const struct block *block, struct mtime now)
{
	if (block->send_count != 1 || block->sent_counter < caller->calls->measured_next)
		return;
	rtt_sample(&caller->rtt, mtime_diff_us(now, block->sent_at));
	caller->calls->measured_next = block->sent_counter + 1;
}

// A call is known to have arrived, by its mark or its answer.
static void note_arrival(struct caller *caller, const struct block *block, struct mtime now)
{
	const uint64_t bit = ring_bit(block->number);
	if ((caller->calls->marked & bit) == 0)
		measure(caller, block, now);
	if (is_in_doubt(caller->calls, bit))
		leave_order(caller->calls, ring_place(block->number));
	if ((caller->calls->in_flight & bit) != 0)
		congest_arrived(&caller->congest, weight(block));
	caller->calls->in_flight &= ~bit;
	caller->calls->lost &= ~bit;
	caller->rtt.probe_count = 0;
	if (block->sent_counter >= caller->calls->arrived_next) {
		caller->calls->arrived_next = block->sent_counter + 1;
		caller->calls->is_loss_due = true;
	}
}

// The calls that the peer says it holds.
static uint64_t held_by_peer(const struct caller *caller, uint32_t peer_next, uint64_t peer_marks)
{
	uint64_t row; // bit 0 is BASE
	if (peer_next >= caller->base) {
		const uint32_t span = peer_next - caller->base;
		row = ring_low(span) | (span + 1 < CALL_WINDOW ? peer_marks << (span + 1) : 0);
	} else {
		const uint32_t passed = caller->base - peer_next - 1;
		row = passed < CALL_WINDOW ? peer_marks >> passed : 0;
	}
	return ring_of_row(row, caller->base);
}

void caller_recv_state(struct caller *caller, struct blocks *blocks, uint32_t peer_next, uint64_t peer_marks,
		       struct mtime now)
{
	if (caller->calls == NULL || peer_next == 0 || peer_next > caller->next_number)
		return;
	uint64_t arrived = held_by_peer(caller, peer_next, peer_marks) & caller->calls->sent & ~caller->calls->marked;
	while (arrived != 0) {
		const uint32_t number = ring_take(&arrived, caller->base);
		note_arrival(caller, get(caller, blocks, number), now);
		caller->calls->marked |= ring_bit(number);
	}
}

// Makes room in an unanswered call's block for its answer. False: there is none.
static bool make_room(struct caller *caller, struct blocks *blocks, uint32_t number, size_t body_bytes)
{
	uint32_t *handle = &caller->calls->call[ring_place(number)];
	if (body_bytes <= blocks_room(*handle))
		return true;
	const uint32_t larger = blocks_take(blocks, caller->account, body_bytes, BLOCKS_TO_GO);
	if (larger == 0)
		return false;
	blocks_move(blocks, *handle, larger);
	*handle = larger;
	return true;
}

static void append_done(struct caller *caller, struct blocks *blocks, uint32_t handle)
{
	if (caller->calls->done == 0)
		caller->calls->done = handle;
	else
		blocks_get(blocks, caller->calls->done_last)->next = handle;
	caller->calls->done_last = handle;
}

static void move_base(struct caller *caller, struct mtime now)
{
	if ((caller->calls->unanswered & ring_bit(caller->base)) != 0)
		return;
	uint64_t left = caller->calls->unanswered;
	caller->base = left == 0 ? caller->next_number : ring_take(&left, caller->base);
	caller->calls->base_since = now;
}

uint32_t caller_recv_answer(struct caller *caller, struct blocks *blocks, uint32_t first, uint32_t count, uint8_t status,
			    const void *body, size_t body_bytes, struct mtime now)
{
	uint32_t taken_count = 0;
	if (caller->calls == NULL)
		return 0;
	uint64_t answered = ring_range(caller->base, first, (uint64_t)first + count) & caller->calls->sent;
	while (answered != 0) {
		const uint32_t number = ring_take(&answered, caller->base);
		const uint64_t bit = ring_bit(number);
		if (!make_room(caller, blocks, number, body_bytes))
			continue;
		const uint32_t handle = caller->calls->call[ring_place(number)];
		struct block *block = blocks_get(blocks, handle);
		note_arrival(caller, block, now);
		caller->calls->unanswered &= ~bit;
		caller->calls->sent &= ~bit;
		caller->calls->marked &= ~bit;
		block->status = status;
		block->body_bytes = (uint16_t)body_bytes;
		if (body_bytes > 0)
			memcpy(block->body, body, body_bytes);
		append_done(caller, blocks, handle);
		taken_count++;
	}
	if (taken_count > 0)
		move_base(caller, now);
	if (caller->calls->sent == 0)
		caller->calls->is_probe_due = false;
	return taken_count;
}

void caller_recv_end(struct caller *caller, struct blocks *blocks, struct mtime now)
{
	struct caller_calls *calls = caller->calls;
	if (calls == NULL || !calls->is_loss_due)
		return;
	calls->is_loss_due = false;
	// Every unmarked call whose last transmission is older than one that arrived counts as lost (section 5.6).
	while (calls->oldest != 0) {
		const uint32_t place = calls->oldest - 1U;
		const struct block *block = blocks_get(blocks, calls->call[place]);
		if (block->sent_counter + 1 >= calls->arrived_next)
			break;
		const uint64_t bit = ring_bit(place);
		leave_order(calls, place);
		calls->lost |= bit;
		if ((calls->in_flight & bit) != 0)
			congest_lost(&caller->congest, weight(block), now, rtt_base_us(&caller->rtt));
		calls->in_flight &= ~bit;
	}
}

uint32_t caller_poll(struct caller *caller, struct blocks *blocks)
{
	const uint32_t handle = caller_calls(caller)->done;
	if (handle == 0)
		return 0;
	caller->calls->done = blocks_get(blocks, handle)->next;
	if (caller->calls->done == 0 && caller->calls->unanswered == 0)
		end_calls(caller, blocks);
	return handle;
}

// The calls that are to go without a probe: lost ones and new ones.
static uint64_t wanted(const struct caller_calls *calls)
{
	return calls->lost | (calls->unanswered & ~calls->sent);
}

// The lowest goes first: were a smaller one let past it by the congestion window, it might wait for ever.
static bool can_send_next(const struct caller *caller, const struct blocks *blocks, uint64_t calls)
{
	return calls != 0 && congest_can_send(&caller->congest, weight(get(caller, blocks, ring_take(&calls, caller->base))));
}

bool caller_has_work(const struct caller *caller, const struct blocks *blocks)
{
	const struct caller_calls *calls = caller_calls(caller);
	return (calls->is_probe_due && calls->sent != 0) || can_send_next(caller, blocks, wanted(calls));
}

static bool write_call(struct caller *caller, struct blocks *blocks, uint32_t number, struct writer *writer,
		       uint64_t counter, struct mtime now)
{
	struct block *block = get(caller, blocks, number);
	const uint64_t bit = ring_bit(number);
	if (!wire_call_write(writer, number, block->kind, block->body, block->body_bytes))
		return false;
	if (caller->calls->sent == 0) {
		caller->calls->waiting_since = now;
		caller->calls->base_since = now;
	}
	if (((caller->calls->marked | caller->calls->in_flight) & bit) == 0) {
		caller->calls->in_flight |= bit;
		congest_sent(&caller->congest, weight(block));
	}
	if (is_in_doubt(caller->calls, bit))
		leave_order(caller->calls, ring_place(number));
	caller->calls->sent |= bit;
	caller->calls->lost &= ~bit;
	if (is_in_doubt(caller->calls, bit))
		join_order(caller->calls, ring_place(number));
	block->sent_at = now;
	block->sent_counter = counter;
	if (block->send_count < UINT8_MAX)
		block->send_count++;
	caller->calls->last_sent_at = now;
	return true;
}

// Whether it is the lowest call's turn to go first. A peer whose memory is full marks nothing, so that unmarked calls would
// fill every probe; the lowest one's answer, lost and kept by the peer, is what moves BASE and frees that memory.
static bool is_turn_of_lowest(const struct caller *caller)
{
	enum { PROBES_PER_TURN = 4 };
	return caller->rtt.probe_count % PROBES_PER_TURN == PROBES_PER_TURN - 1;
}

static size_t write_set(struct caller *caller, struct blocks *blocks, uint64_t calls, struct writer *writer,
			uint64_t counter, struct mtime now)
{
	size_t written = 0;
	while (calls != 0 && writer_room(writer) >= WIRE_CALL_HEADER_BYTES)
		written += write_call(caller, blocks, ring_take(&calls, caller->base), writer, counter, now);
	return written;
}

// A probe: what was sent and is unanswered, unmarked calls first, whatever the window (section 5.6).
static size_t write_probe(struct caller *caller, struct blocks *blocks, struct writer *writer, uint64_t counter,
			  struct mtime now)
{
	size_t written = 0;
	uint64_t calls = caller->calls->sent;
	congest_probed(&caller->congest, caller->rtt.probe_count);
	caller->calls->in_flight = 0;
	if (is_turn_of_lowest(caller)) {
		uint64_t rest = calls;
		const uint64_t lowest = ring_bit(ring_take(&rest, caller->base));
		written += write_set(caller, blocks, lowest, writer, counter, now);
		calls = written > 0 ? rest : calls;
	}
	written += write_set(caller, blocks, calls & ~caller->calls->marked, writer, counter, now);
	written += write_set(caller, blocks, calls & caller->calls->marked, writer, counter, now);
	if (written > 0) { // else an unproved path leaves no room for a call, and the probe waits for that
		caller->calls->is_probe_due = false;
		caller->calls->base_since = now;
	}
	return written;
}

size_t caller_write(struct caller *caller, struct blocks *blocks, struct writer *writer, uint64_t counter,
		    struct mtime now)
{
	size_t written = 0;
	if (caller->calls == NULL)
		return 0;
	if (caller->calls->is_probe_due)
		written = write_probe(caller, blocks, writer, counter, now);
	uint64_t calls = wanted(caller->calls);
	while (can_send_next(caller, blocks, calls) &&
	       write_call(caller, blocks, ring_take(&calls, caller->base), writer, counter, now))
		written++;
	return written;
}

int64_t caller_silence_us(const struct caller *caller, struct mtime now, struct mtime heard_at)
{
	if (caller_calls(caller)->sent == 0)
		return 0;
	return mtime_diff_us(now, heard_at.us > caller->calls->waiting_since.us ? heard_at : caller->calls->waiting_since);
}

struct mtime caller_deadline(const struct caller *caller, struct mtime now, struct mtime heard_at)
{
	if (caller_calls(caller)->sent == 0)
		return MTIME_NEVER;
	const int64_t probe_us = rtt_probe_us(&caller->rtt, caller_silence_us(caller, now, heard_at));
	// While other calls keep going out, the lowest is not left waiting: its answer may be lost.
	const int64_t base_us = probe_us > RTT_PROBE_CAP_US ? probe_us : RTT_PROBE_CAP_US;
	return mtime_min(mtime_add_us(caller->calls->last_sent_at, probe_us), mtime_add_us(caller->calls->base_since, base_us));
}

void caller_tick(struct caller *caller)
{
	assert(caller_calls(caller)->sent != 0);
	caller->calls->is_probe_due = true;
	if (caller->rtt.probe_count < UINT32_MAX)
		caller->rtt.probe_count++;
}
