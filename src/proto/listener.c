// SPDX-License-Identifier: ISC
// The listener's tables, the lives of its slots and what its owner asks of a session; the contract is in listener.h.
#include "proto/listener.h"

#include <assert.h>
#include <string.h>

#include "base/carve.h"

struct listener_config listener_config_default(void)
{
	return (struct listener_config){
		.sessions_max = SESSIONS_MAX,
		.half_open_max = HALF_OPEN_MAX,
		.prefixes_max = PREFIXES_MAX,
		.blocks_small_max = BLOCKS_SMALL_MAX,
		.blocks_large_max = BLOCKS_LARGE_MAX,
		.limits = budget_limits_default(),
	};
}

struct tables {
	struct listener_slot *slot;
	struct listener_spare *spare;
	struct timers_entry *heap;
	uint32_t *place;
	struct map_slot *index_slot;
	void *blocks;
	struct listener_account *account;
	struct map_slot *owner_slot;
	struct admission_memory admission;
	size_t bytes;
};

static struct tables lay_out(const struct listener_config *config, void *memory)
{
	struct tables tables = {0};
	const uint32_t indexes = map_slots_for(config->sessions_max + config->half_open_max);
	const uint32_t noises = map_slots_for(config->half_open_max);
	tables.slot = carve(memory, &tables.bytes, sizeof *tables.slot, config->sessions_max);
	tables.spare = carve(memory, &tables.bytes, sizeof *tables.spare, config->sessions_max);
	tables.heap = carve(memory, &tables.bytes, sizeof *tables.heap, config->sessions_max);
	tables.place = carve(memory, &tables.bytes, sizeof *tables.place, config->sessions_max);
	tables.index_slot = carve(memory, &tables.bytes, sizeof *tables.index_slot, indexes);
	struct blocks_part parts[LISTENER_PARTS];
	listener_parts(config, parts);
	tables.blocks = carve(memory, &tables.bytes, blocks_memory_bytes(parts, LISTENER_PARTS, config->sessions_max), 1);
	tables.account = carve(memory, &tables.bytes, sizeof *tables.account, config->sessions_max);
	tables.owner_slot = carve(memory, &tables.bytes, sizeof *tables.owner_slot, map_slots_for(config->sessions_max));
	tables.admission.ring = carve(memory, &tables.bytes, sizeof(struct halfopen), config->half_open_max);
	tables.admission.capacity = config->half_open_max;
	tables.admission.noise_slot = carve(memory, &tables.bytes, sizeof(struct map_slot), noises);
	tables.admission.noise_slot_count = noises;
	tables.admission.prefix = carve(memory, &tables.bytes, sizeof(struct budget_entry), config->prefixes_max);
	tables.admission.prefix_count = config->prefixes_max;
	return tables;
}

size_t listener_memory_bytes(const struct listener_config *config)
{
	return lay_out(config, NULL).bytes;
}

void listener_init(struct listener *listener, const struct listener_config *config, void *memory,
		   const struct keypair *server, const struct rng *rng, struct mtime now)
{
	const struct tables tables = lay_out(config, memory);
	memset(listener, 0, sizeof *listener);
	listener->rng = *rng;
	listener->slot = tables.slot;
	listener->spare = tables.spare;
	listener->sessions_max = config->sessions_max;
	timers_init(&listener->timers, tables.heap, tables.place, config->sessions_max);
	struct blocks_part parts[LISTENER_PARTS];
	listener_parts(config, parts);
	blocks_init(&listener->blocks, tables.blocks, parts, LISTENER_PARTS, config->sessions_max);
	listener->account = tables.account;
	map_init(&listener->by_owner, tables.owner_slot, map_slots_for(config->sessions_max));
	map_init(&listener->by_index, tables.index_slot, map_slots_for(config->sessions_max + config->half_open_max));
	admission_init(&listener->admission, server, &config->limits, &tables.admission, &listener->by_index,
		       config->sessions_max, rng, now);
}

void listener_clear(struct listener *listener)
{
	for (uint32_t i = 0; i < listener->fresh_count; i++)
		if (listener->slot[i].state == LISTENER_OPEN || listener->slot[i].state == LISTENER_CLOSING)
			session_clear(&listener->slot[i].session, &listener->blocks);
	admission_clear(&listener->admission);
}

void listener_mark_dirty(struct listener *listener, uint32_t slot)
{
	struct listener_slot *entry = &listener->slot[slot];
	if (entry->is_dirty)
		return;
	entry->is_dirty = true;
	entry->dirty_next = 0;
	if (listener->dirty.tail != 0)
		listener->slot[listener->dirty.tail - 1].dirty_next = slot + 1;
	else
		listener->dirty.head = slot + 1;
	listener->dirty.tail = slot + 1;
}

void listener_mark_ready(struct listener *listener, uint32_t slot)
{
	struct listener_slot *entry = &listener->slot[slot];
	if (entry->is_ready)
		return;
	entry->is_ready = true;
	entry->ready_next = 0;
	if (listener->ready.tail != 0)
		listener->slot[listener->ready.tail - 1].ready_next = slot + 1;
	else
		listener->ready.head = slot + 1;
	listener->ready.tail = slot + 1;
}

static struct listener_spare *spare_of(const struct listener *listener, uint32_t slot)
{
	assert(listener->slot[slot].spare != 0);
	return &listener->spare[listener->slot[slot].spare - 1];
}

void listener_join_spare(struct listener *listener, uint32_t slot, const struct listener_spare *spare)
{
	uint32_t place = listener->spare_free;
	if (place != 0)
		listener->spare_free = listener->spare[place - 1].free_next;
	else
		place = ++listener->spare_fresh_count;
	assert(listener->slot[slot].spare == 0 && place <= listener->sessions_max);
	struct listener_spare *joined = &listener->spare[place - 1];
	listener->slot[slot].spare = place;
	*joined = *spare;
	joined->older = listener->spare_newest;
	joined->newer = 0;
	if (joined->older != 0)
		spare_of(listener, joined->older - 1)->newer = slot + 1;
	else
		listener->spare_oldest = slot + 1;
	listener->spare_newest = slot + 1;
}

static void leave_spare(struct listener *listener, uint32_t slot)
{
	struct listener_spare *left = spare_of(listener, slot);
	if (left->older != 0)
		spare_of(listener, left->older - 1)->newer = left->newer;
	else
		listener->spare_oldest = left->newer;
	if (left->newer != 0)
		spare_of(listener, left->newer - 1)->older = left->older;
	else
		listener->spare_newest = left->older;
	left->free_next = listener->spare_free;
	listener->spare_free = listener->slot[slot].spare;
	listener->slot[slot].spare = 0;
}

void listener_end(struct listener *listener, uint32_t slot)
{
	struct listener_slot *entry = &listener->slot[slot];
	assert(entry->state == LISTENER_OPEN || entry->state == LISTENER_CLOSING);
	const bool was_there = map_remove(&listener->by_index, entry->session.local_index, slot);
	assert(was_there);
	if (entry->spare != 0)
		leave_spare(listener, slot);
	timers_set(&listener->timers, slot, MTIME_NEVER);
	session_clear(&entry->session, &listener->blocks);
	listener_leave_account(listener, slot);
	entry->state = LISTENER_OVER;
	listener_mark_ready(listener, slot);
}

bool listener_take_slot(struct listener *listener, uint32_t *slot)
{
	if (listener->free_head != 0) {
		*slot = listener->free_head - 1;
		listener->free_head = listener->slot[*slot].ready_next;
	} else if (listener->fresh_count < listener->sessions_max) {
		*slot = listener->fresh_count++;
	} else {
		// Its slot is free once the owner has polled its end; until then the newcomer repeats itself.
		if (listener->spare_oldest != 0)
			listener_end(listener, listener->spare_oldest - 1);
		return false;
	}
	struct listener_slot *entry = &listener->slot[*slot];
	entry->state = LISTENER_OPEN;
	entry->is_signed_in = false;
	entry->is_silent = false;
	entry->is_told_silent = false;
	return true;
}

static bool is_live(const struct listener *listener, uint32_t slot)
{
	const uint8_t state = listener->slot[slot].state;
	assert(slot < listener->fresh_count);
	return state == LISTENER_OPEN || state == LISTENER_CLOSING;
}

// Takes the first slot off the ready list.
static void leave_ready(struct listener *listener)
{
	struct listener_slot *entry = &listener->slot[listener->ready.head - 1];
	listener->ready.head = entry->ready_next;
	if (listener->ready.head == 0)
		listener->ready.tail = 0;
	entry->is_ready = false;
}

// A closing session's events concern nobody, but the answer to our last call ends it.
static void drain_closing(struct listener *listener, uint32_t slot, struct mtime now)
{
	struct session *session = &listener->slot[slot].session;
	struct session_event event;
	bool was_answered = false;
	while (session_poll(session, &listener->blocks, now, &event))
		was_answered = was_answered || event.type == SESSION_ANSWER;
	if (was_answered && caller_calls(&session->caller)->unanswered == 0)
		listener_end(listener, slot);
}

// The next event of an open session. False: none now.
static bool poll_open(struct listener *listener, struct listener_slot *entry, struct mtime now,
		      struct listener_event *event)
{
	if (entry->is_silent != entry->is_told_silent) {
		entry->is_told_silent = entry->is_silent;
		event->type = entry->is_silent ? LISTENER_SILENT : LISTENER_HEARD;
		return true;
	}
	if (!session_poll(&entry->session, &listener->blocks, now, &event->call))
		return false;
	if (event->call.type == SESSION_ANSWER) {
		event->type = LISTENER_ANSWER;
		event->room = caller_room(&entry->session.caller);
		return true;
	}
	event->type = LISTENER_CALL;
	if (!entry->is_signed_in) {
		const struct listener_spare *peer = &listener->spare[entry->spare - 1];
		event->handshake_at = peer->handshake_at;
		event->peer_key = peer->key;
		event->handshake_hash = peer->handshake_hash;
	}
	return true;
}

bool listener_poll(struct listener *listener, struct mtime now, struct listener_event *event)
{
	while (listener->ready.head != 0) {
		const uint32_t slot = listener->ready.head - 1;
		struct listener_slot *entry = &listener->slot[slot];
		*event = (struct listener_event){.slot = slot};
		if (entry->state == LISTENER_OPEN) {
			if (poll_open(listener, entry, now, event))
				return true;
			leave_ready(listener);
			continue;
		}
		if (entry->state == LISTENER_CLOSING)
			drain_closing(listener, slot, now);
		leave_ready(listener);
		if (entry->state == LISTENER_OVER) {
			entry->state = LISTENER_FREE;
			entry->ready_next = listener->free_head;
			listener->free_head = slot + 1;
			event->type = LISTENER_ENDED;
			return true;
		}
	}
	return false;
}

void listener_answer(struct listener *listener, uint32_t slot, uint32_t number, uint8_t status, const void *body,
		     size_t body_bytes, struct mtime now)
{
	enum { RETRY_MS = 100 };
	if (!is_live(listener, slot))
		return;
	const enum mms_err err = callee_answer(&listener->slot[slot].session.callee, &listener->blocks, number, status,
					       body, body_bytes, mtime_add_ms(now, RETRY_MS));
	assert(err == MMS_OK || (err == MMS_E_FULL && body_bytes > BLOCK_SMALL_BYTES));
	listener_mark_dirty(listener, slot);
}

void listener_defer(struct listener *listener, uint32_t slot, struct mtime until)
{
	if (!is_live(listener, slot))
		return;
	callee_defer(&listener->slot[slot].session.callee, until);
	listener_mark_dirty(listener, slot);
}

enum mms_err listener_call(struct listener *listener, uint32_t slot, uint8_t kind, const void *body, size_t body_bytes,
			   uint64_t tag)
{
	if (!is_live(listener, slot))
		return MMS_E_MISSING;
	const enum mms_err err = caller_open(&listener->slot[slot].session.caller, &listener->blocks, kind, body,
					     body_bytes, tag);
	listener_mark_dirty(listener, slot);
	return err;
}

void listener_signed_in(struct listener *listener, uint32_t slot, uint64_t owner)
{
	struct listener_slot *entry = &listener->slot[slot];
	if (!is_live(listener, slot) || entry->is_signed_in)
		return;
	entry->is_signed_in = true;
	if (entry->state == LISTENER_OPEN)
		leave_spare(listener, slot);
	listener_join_account(listener, slot, owner);
	callee_open_gate(&entry->session.callee);
	listener_mark_ready(listener, slot);
	listener_mark_dirty(listener, slot);
}

struct mtime listener_heard_at(const struct listener *listener, uint32_t slot)
{
	assert(slot < listener->fresh_count);
	return listener->slot[slot].session.heard_at;
}

void listener_close(struct listener *listener, uint32_t slot, bool keeps_calls, struct mtime now)
{
	struct listener_slot *entry = &listener->slot[slot];
	if (!is_live(listener, slot))
		return;
	if (entry->state == LISTENER_OPEN)
		session_close(&entry->session, &listener->blocks, keeps_calls);
	// A closing one is of no use to anybody but for a word that may have been lost; were it kept when all slots are in use, a
	// user who signs in again and again would leave ten seconds of such sessions behind.
	if (entry->spare == 0)
		listener_join_spare(listener, slot, &(struct listener_spare){0});
	spare_of(listener, slot)->ends_at = mtime_add_us(now, LISTENER_CLOSING_US);
	entry->state = LISTENER_CLOSING;
	listener_mark_dirty(listener, slot);
}
