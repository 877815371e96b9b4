// SPDX-License-Identifier: ISC
// The dialer's state, its handshakes and what its owner asks of it; the contract is in dialer.h.
#include "proto/dialer.h"

#include <assert.h>
#include <string.h>

#include "crypto/crypto.h"
#include "proto/rtt.h"

static void lay_out(struct blocks_part parts[DIALER_ACCOUNTS])
{
	for (int i = 0; i < DIALER_ACCOUNTS; i++)
		parts[i] = blocks_of_one(DIALER_BLOCKS_SMALL, DIALER_BLOCKS_LARGE);
}

size_t dialer_memory_bytes(void)
{
	struct blocks_part parts[DIALER_ACCOUNTS];
	lay_out(parts);
	return blocks_memory_bytes(parts, DIALER_ACCOUNTS, DIALER_SESSIONS);
}

void dialer_init(struct dialer *dialer, const struct addr *addrs, uint32_t addr_count, void *memory,
		 const struct rng *rng, struct mtime now)
{
	memset(dialer, 0, sizeof *dialer);
	dialer->rng = *rng;
	(void)dialer_set_addrs(dialer, addrs, addr_count);
	dialer->heard_at = now;
	dialer->retried_at = (struct mtime){INT64_MIN / 2};
	dialer->unspent_since = dialer->retried_at;
	struct blocks_part parts[DIALER_ACCOUNTS];
	lay_out(parts);
	blocks_init(&dialer->blocks, memory, parts, DIALER_ACCOUNTS, DIALER_SESSIONS);
}

uint32_t dialer_place_of(const struct dialer *dialer, const struct addr *addr)
{
	for (uint32_t i = 0; i < dialer->addr_count; i++)
		if (addr_is_same_peer(&dialer->addr[i], addr))
			return i + 1;
	return 0;
}

bool dialer_set_addrs(struct dialer *dialer, const struct addr *addrs, uint32_t addr_count)
{
	uint32_t fresh = 0; // bit i: address i was not there before
	struct addr chosen = {0};
	assert(addr_count <= DIALER_ADDRS_MAX);
	for (uint32_t i = 0; i < addr_count; i++)
		fresh |= (uint32_t)(dialer_place_of(dialer, &addrs[i]) == 0) << i;
	if (dialer->addr_chosen != 0)
		chosen = dialer->addr[dialer->addr_chosen - 1];
	for (uint32_t i = 0; i < addr_count; i++)
		dialer->addr[i] = addrs[i];
	dialer->addr_count = addr_count;
	dialer->addr_chosen = dialer_place_of(dialer, &chosen);
	if (dialer->state == DIALER_ASKING)
		dialer->hello.pending = fresh;
	dialer->init.pending = dialer->state == DIALER_DIALING ? fresh : 0;
	if (dialer->state == DIALER_DIALING)
		dialer->hello.pending = 0;
	return fresh != 0;
}

void dialer_end(struct dialer *dialer, uint32_t slot)
{
	struct dialer_slot *entry = &dialer->slot[slot];
	assert(entry->state != DIALER_SLOT_FREE);
	session_clear(&entry->session, &dialer->blocks);
	*entry = (struct dialer_slot){.is_end_due = true};
	if (dialer->up_due == slot + 1)
		dialer->up_due = 0;
}

void dialer_stop(struct dialer *dialer)
{
	for (uint32_t slot = 0; slot < DIALER_SESSIONS; slot++) {
		if (dialer->slot[slot].state != DIALER_SLOT_FREE)
			dialer_end(dialer, slot);
		dialer->slot[slot].is_end_due = false;
	}
	dialer->state = DIALER_IDLE;
	dialer->is_key_due = false;
	dialer->up_due = 0;
	dialer->hello.pending = 0;
	dialer->init.pending = 0;
	noise_ik_clear(&dialer->noise);
}

void dialer_clear(struct dialer *dialer)
{
	dialer_stop(dialer);
	keypair_clear(&dialer->device);
}

bool dialer_is_signing_in(const struct dialer *dialer)
{
	return dialer->slot[0].state == DIALER_SLOT_NEW || dialer->slot[1].state == DIALER_SLOT_NEW;
}

// To every address, or to the one that answered, unless that one has been silent for long.
static uint32_t targets(const struct dialer *dialer, const struct dialer_repeat *repeat, struct mtime now)
{
	enum { CHOSEN_TRIED_US = 10 * 1000 * 1000 };
	if (dialer->addr_chosen != 0 && mtime_diff_us(now, repeat->started_at) < CHOSEN_TRIED_US)
		return 1U << (dialer->addr_chosen - 1);
	return (1U << dialer->addr_count) - 1;
}

// `wait_us`, up to a quarter shorter or longer.
static int64_t jittered_us(const struct dialer *dialer, int64_t wait_us)
{
	uint16_t drawn;
	rng_fill(&dialer->rng, &drawn, sizeof drawn);
	const int64_t spread_us = wait_us / DIALER_JITTER;
	return wait_us - spread_us + 2 * spread_us * drawn / UINT16_MAX;
}

static void repeat_start(struct dialer *dialer, struct dialer_repeat *repeat, struct mtime now)
{
	*repeat = (struct dialer_repeat){.started_at = now, .try_count = 1, .copies = 1};
	repeat->next_at = mtime_add_us(now, jittered_us(dialer, DIALER_REPEAT_US_FIRST));
	repeat->pending = targets(dialer, repeat, now);
}

void dialer_repeat_tick(struct dialer *dialer, struct dialer_repeat *repeat, struct mtime now)
{
	const int64_t silence_us = mtime_diff_us(
		now, repeat->started_at.us > dialer->heard_at.us ? repeat->started_at : dialer->heard_at);
	const int64_t cap_us = silence_us < DIALER_EAGER_US ? DIALER_REPEAT_US_FIRST : rtt_cap_us(silence_us);
	int64_t wait_us = DIALER_REPEAT_US_FIRST;
	for (uint32_t i = 0; i < repeat->try_count && wait_us < cap_us; i++)
		wait_us *= 2;
	repeat->try_count++;
	repeat->next_at = mtime_add_us(now, jittered_us(dialer, wait_us < cap_us ? wait_us : cap_us));
	repeat->pending = targets(dialer, repeat, now);
	// One more copy each time: what stays unanswered is likely lost.
	if (repeat->copies < SESSION_COPIES_MAX)
		repeat->copies++;
}

static void new_nonce(struct dialer *dialer, struct mtime now)
{
	rng_fill(&dialer->rng, dialer->nonce, sizeof dialer->nonce);
	repeat_start(dialer, &dialer->hello, now);
}

void dialer_ask(struct dialer *dialer, struct mtime now)
{
	dialer->state = DIALER_ASKING;
	new_nonce(dialer, now);
}

// A new Noise message with an ephemeral key and a session index of its own (section 4.2).
static enum mms_err make_init(struct dialer *dialer, struct mtime now)
{
	const uint8_t prologue[4] = {'M', 'M', 'S', WIRE_VERSION};
	uint8_t payload[WIRE_INIT_PAYLOAD_BYTES];
	uint8_t ephemeral_secret[NOISE_KEY_BYTES];
	do
		rng_fill(&dialer->rng, &dialer->index, sizeof dialer->index);
	while (dialer->index == 0 || dialer->index == dialer->slot[0].session.local_index ||
	       dialer->index == dialer->slot[1].session.local_index);
	wire_init_payload_encode(dialer->index, payload);
	rng_fill(&dialer->rng, ephemeral_secret, sizeof ephemeral_secret);
	noise_ik_init_initiator(&dialer->noise, prologue, sizeof prologue, &dialer->device, dialer->server_key);
	const enum mms_err err = noise_ik_create_1(&dialer->noise, ephemeral_secret, payload, sizeof payload,
						   dialer->noise_message);
	crypto_wipe(ephemeral_secret, sizeof ephemeral_secret);
	dialer->made_at = now;
	return err;
}

struct mtime dialer_ready_at(const struct dialer *dialer)
{
	return mtime_add_us(dialer->unspent_since, DIALER_HANDSHAKE_EVERY_US);
}

bool dialer_may_start(const struct dialer *dialer, struct mtime now)
{
	return mtime_is_due(dialer_ready_at(dialer), now);
}

// Time beyond a burst is lost. What is begun before its time spends what there is, and owes nothing.
static void spend(struct dialer *dialer, struct mtime now)
{
	const struct mtime burst_ago = {now.us - (int64_t)DIALER_HANDSHAKES_BURST * DIALER_HANDSHAKE_EVERY_US};
	const struct mtime since = dialer->unspent_since.us > burst_ago.us ? dialer->unspent_since : burst_ago;
	dialer->unspent_since = mtime_min(mtime_add_us(since, DIALER_HANDSHAKE_EVERY_US), now);
}

void dialer_begin(struct dialer *dialer, bool is_for_silence, struct mtime now)
{
	dialer->is_for_silence = is_for_silence;
	if (dialer_may_start(dialer, now))
		dialer_start(dialer, now);
	else
		dialer->state = DIALER_WAITING;
}

void dialer_start(struct dialer *dialer, struct mtime now)
{
	dialer->state = DIALER_DIALING;
	spend(dialer, now);
	if (make_init(dialer, now) != MMS_OK) {
		// A server key of low order is nobody's key; there is nothing to dial.
		memcpy(dialer->shown_key, dialer->server_key, NOISE_KEY_BYTES);
		dialer_stop(dialer);
		dialer->is_changed_due = true;
		return;
	}
	rng_fill(&dialer->rng, dialer->nonce, sizeof dialer->nonce);
	repeat_start(dialer, &dialer->init, now);
	repeat_start(dialer, &dialer->hello, now);
	dialer->hello.pending = 0;
	dialer->hello.next_at = mtime_add_us(now, DIALER_HELLO_AFTER_US);
}

void dialer_dial(struct dialer *dialer, const struct keypair *device, const uint8_t server_key[NOISE_KEY_BYTES],
		 struct mtime now)
{
	dialer->device = *device;
	memcpy(dialer->server_key, server_key, NOISE_KEY_BYTES);
	memset(dialer->cookie, 0, sizeof dialer->cookie);
	dialer->is_for_silence = false;
	dialer_start(dialer, now);
}

void dialer_redial(struct dialer *dialer, struct mtime now)
{
	if (dialer->state == DIALER_UP)
		dialer_begin(dialer, false, now);
}

static bool poll_session(struct dialer *dialer, uint32_t slot, struct mtime now, struct dialer_event *event)
{
	struct dialer_slot *entry = &dialer->slot[slot];
	event->slot = slot;
	if (entry->is_end_due) {
		entry->is_end_due = false;
		event->type = DIALER_ENDED;
		return true;
	}
	if (entry->state == DIALER_SLOT_FREE || !session_poll(&entry->session, &dialer->blocks, now, &event->call))
		return false;
	event->type = event->call.type == SESSION_CALL ? DIALER_CALL : DIALER_ANSWER;
	return true;
}

// Takes a flag down and says whether it was up.
static bool take(bool *flag)
{
	const bool was_up = *flag;
	*flag = false;
	return was_up;
}

bool dialer_poll(struct dialer *dialer, struct mtime now, struct dialer_event *event)
{
	memcpy(event->key, dialer->shown_key, NOISE_KEY_BYTES);
	if (take(&dialer->is_changed_due))
		event->type = DIALER_KEY_CHANGED;
	else if (take(&dialer->is_version_due))
		event->type = DIALER_NO_VERSION;
	else if (take(&dialer->is_key_due))
		event->type = DIALER_SERVER_KEY;
	else if (dialer->slot[0].is_end_due || dialer->slot[1].is_end_due)
		return poll_session(dialer, dialer->slot[0].is_end_due ? 0 : 1, now, event);
	else if (dialer->up_due != 0) {
		event->type = DIALER_SESSION_UP;
		event->slot = dialer->up_due - 1;
		dialer->up_due = 0;
	} else {
		return poll_session(dialer, 0, now, event) || poll_session(dialer, 1, now, event);
	}
	return true;
}

void dialer_prefer(struct dialer *dialer, uint32_t slot, struct mtime now)
{
	if (dialer->slot[slot].state == DIALER_SLOT_FREE)
		return;
	for (uint32_t i = 0; i < DIALER_SESSIONS; i++) {
		struct dialer_slot *entry = &dialer->slot[i];
		if (i != slot && entry->state == DIALER_SLOT_PRESENT) {
			entry->state = DIALER_SLOT_OLD;
			entry->retire_at = mtime_add_us(now, DIALER_RETIRE_US);
		}
	}
	dialer->slot[slot].state = DIALER_SLOT_PRESENT;
	callee_open_gate(&dialer->slot[slot].session.callee);
}

void dialer_answer(struct dialer *dialer, uint32_t slot, uint32_t number, uint8_t status, const void *body,
		   size_t body_bytes, struct mtime now)
{
	assert(body_bytes <= BLOCK_SMALL_BYTES);
	if (dialer->slot[slot].state == DIALER_SLOT_FREE)
		return;
	const enum mms_err err = callee_answer(&dialer->slot[slot].session.callee, &dialer->blocks, number, status,
					       body, body_bytes, now);
	assert(err == MMS_OK || err == MMS_E_MISSING);
}

enum mms_err dialer_call(struct dialer *dialer, uint32_t slot, uint8_t kind, const void *body, size_t body_bytes,
			 uint64_t tag)
{
	if (dialer->slot[slot].state == DIALER_SLOT_FREE)
		return MMS_E_MISSING;
	return caller_open(&dialer->slot[slot].session.caller, &dialer->blocks, kind, body, body_bytes, tag);
}

const uint8_t *dialer_handshake_hash(const struct dialer *dialer, uint32_t slot)
{
	return dialer->slot[slot].handshake_hash;
}

static int64_t since_us(const struct dialer *dialer, struct mtime began_at, struct mtime now)
{
	return mtime_diff_us(now, dialer->heard_at.us > began_at.us ? dialer->heard_at : began_at);
}

struct mtime dialer_heard_at(const struct dialer_slot *entry)
{
	const struct mtime never = {INT64_MIN / 2};
	return entry->state == DIALER_SLOT_NEW ? never : entry->session.heard_at;
}

int64_t dialer_silence_us(const struct dialer *dialer, struct mtime now)
{
	int64_t silence_us = 0;
	if (dialer->state == DIALER_ASKING)
		return since_us(dialer, dialer->hello.started_at, now);
	if (dialer->state == DIALER_DIALING)
		silence_us = since_us(dialer, dialer->init.started_at, now);
	for (uint32_t slot = 0; slot < DIALER_SESSIONS; slot++) {
		const struct session *session = &dialer->slot[slot].session;
		if (dialer->slot[slot].state == DIALER_SLOT_FREE || dialer->slot[slot].state == DIALER_SLOT_OLD)
			continue;
		const int64_t waited_us = caller_silence_us(&session->caller, now, dialer_heard_at(&dialer->slot[slot]));
		silence_us = waited_us > silence_us ? waited_us : silence_us;
	}
	return silence_us;
}
