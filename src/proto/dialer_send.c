// SPDX-License-Identifier: ISC
// The dialer's sending side and its timers (doc/protocol.md sections 4.6 and 5.11). The contract is in dialer.h.
#include <assert.h>
#include <string.h>

#include "proto/dialer.h"

// Takes the next address that a repetition has still to go to.
static const struct addr *take_target(struct dialer *dialer, struct dialer_repeat *repeat)
{
	for (uint32_t i = 0; i < dialer->addr_count; i++)
		if ((repeat->pending >> i & 1) != 0) {
			repeat->pending &= ~(1U << i);
			return &dialer->addr[i];
		}
	return NULL;
}

static bool send_handshake(struct dialer *dialer, struct session_out *out)
{
	const struct addr *addr = take_target(dialer, &dialer->init);
	if (addr != NULL) {
		wire_init_encode(dialer->cookie, dialer->noise_message, out->datagram[0]);
		out->bytes = WIRE_INIT_BYTES;
		out->count = dialer->init.copies;
	} else {
		addr = take_target(dialer, &dialer->hello);
		if (addr == NULL)
			return false;
		wire_hello_encode(dialer->nonce, out->datagram[0]);
		out->bytes = WIRE_HELLO_BYTES;
		out->count = dialer->hello.copies;
	}
	for (size_t copy = 1; copy < out->count; copy++)
		memcpy(out->datagram[copy], out->datagram[0], out->bytes);
	out->addr = *addr;
	return true;
}

bool dialer_send(struct dialer *dialer, struct mtime now, struct session_out *out)
{
	if (send_handshake(dialer, out))
		return true;
	for (uint32_t slot = 0; slot < DIALER_SESSIONS; slot++) {
		struct dialer_slot *entry = &dialer->slot[slot];
		if (entry->state == DIALER_SLOT_FREE || !session_send(&entry->session, &dialer->blocks, now, out))
			continue;
		for (size_t i = 0; i < out->count; i++)
			memcpy(entry->trailer[entry->trailer_count++ % DIALER_TRAILERS],
			       out->datagram[i] + out->bytes - WIRE_TRAILER_BYTES, WIRE_TRAILER_BYTES);
		return true;
	}
	return false;
}

// When a session is to be followed by another because it is used up: age, counters (section 5.11).
static struct mtime use_up(const struct dialer_slot *entry)
{
	const struct session *session = &entry->session;
	if (session->send_counter >= DIALER_REKEY_DATAGRAMS || session->replay.next >= DIALER_REKEY_DATAGRAMS)
		return entry->created_at;
	return mtime_add_us(entry->created_at, DIALER_REKEY_US);
}

// When a session is to be followed by another because nothing is heard.
static struct mtime silence(const struct dialer_slot *entry)
{
	if (caller_calls(&entry->session.caller)->sent == 0)
		return MTIME_NEVER;
	const struct mtime since = mtime_max(dialer_heard_at(entry), caller_calls(&entry->session.caller)->waiting_since);
	return mtime_add_us(since, DIALER_SILENCE_US);
}

// When the dialer is to begin a handshake because of this session. The present one is being followed already while a new
// one signs in; to follow it again would end that.
static struct mtime renewal(const struct dialer *dialer, const struct dialer_slot *entry)
{
	if (dialer->state != DIALER_UP || entry->state == DIALER_SLOT_FREE || entry->state == DIALER_SLOT_OLD ||
	    (entry->state == DIALER_SLOT_PRESENT && dialer_is_signing_in(dialer)))
		return MTIME_NEVER;
	return mtime_min(use_up(entry), silence(entry));
}

struct mtime dialer_deadline(const struct dialer *dialer, struct mtime now)
{
	struct mtime deadline = MTIME_NEVER;
	if (dialer->state == DIALER_ASKING || dialer->state == DIALER_DIALING)
		deadline = dialer->hello.next_at;
	if (dialer->state == DIALER_DIALING)
		deadline = mtime_min(deadline, dialer->init.next_at);
	if (dialer->state == DIALER_WAITING)
		deadline = dialer_ready_at(dialer);
	for (uint32_t slot = 0; slot < DIALER_SESSIONS; slot++) {
		const struct dialer_slot *entry = &dialer->slot[slot];
		if (entry->state == DIALER_SLOT_FREE)
			continue;
		deadline = mtime_min(deadline, session_deadline(&entry->session, now));
		if (entry->state == DIALER_SLOT_OLD)
			deadline = mtime_min(deadline, entry->retire_at);
		deadline = mtime_min(deadline, renewal(dialer, entry));
	}
	return deadline;
}

static void tick_handshake(struct dialer *dialer, struct mtime now)
{
	if (dialer->state == DIALER_WAITING && dialer_may_start(dialer, now))
		dialer_start(dialer, now);
	if (dialer->state == DIALER_DIALING && mtime_is_due(dialer->init.next_at, now)) {
		if (mtime_diff_us(now, dialer->made_at) >= DIALER_INIT_LIFE_US && dialer_may_start(dialer, now)) {
			const struct dialer_repeat hello = dialer->hello;
			const struct dialer_repeat init = dialer->init;
			dialer_start(dialer, now);
			dialer->hello = hello; // the back-off goes on
			dialer->init = init;
		}
		dialer_repeat_tick(dialer, &dialer->init, now);
	}
	if (!mtime_is_due(dialer->hello.next_at, now))
		return;
	if (dialer->state == DIALER_ASKING || dialer->state == DIALER_DIALING)
		dialer_repeat_tick(dialer, &dialer->hello, now);
	if (dialer->state == DIALER_DIALING)
		dialer->hello.next_at = mtime_add_us(now, DIALER_HELLO_EVERY_US);
}

void dialer_tick(struct dialer *dialer, struct mtime now)
{
	tick_handshake(dialer, now);
	for (uint32_t slot = 0; slot < DIALER_SESSIONS; slot++) {
		struct dialer_slot *entry = &dialer->slot[slot];
		if (entry->state == DIALER_SLOT_FREE)
			continue;
		session_tick(&entry->session, now);
		if (entry->state == DIALER_SLOT_OLD && mtime_is_due(entry->retire_at, now)) {
			dialer_end(dialer, slot);
		} else if (mtime_is_due(renewal(dialer, entry), now)) {
			const bool is_for_silence =
				entry->state == DIALER_SLOT_PRESENT && !mtime_is_due(use_up(entry), now);
			if (entry->state == DIALER_SLOT_NEW)
				dialer_end(dialer, slot);
			dialer_begin(dialer, is_for_silence, now);
		}
	}
}
