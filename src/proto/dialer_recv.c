// SPDX-License-Identifier: ISC
// The dialer's receiving side: what a datagram from the server's direction means (doc/protocol.md sections 3, 4.3, 4.5, 5.10
// and 10). The contract is in dialer.h.
#include <assert.h>
#include <string.h>

#include "proto/dialer.h"

// Remembers which of the server's addresses answered.
static void choose(struct dialer *dialer, const struct addr *addr)
{
	const uint32_t place = dialer_place_of(dialer, addr);
	if (place != 0)
		dialer->addr_chosen = place;
}

static void recv_serverinfo(struct dialer *dialer, const struct addr *addr, const uint8_t *datagram, size_t bytes,
			    struct mtime now)
{
	struct wire_serverinfo info;
	if ((dialer->state != DIALER_ASKING && dialer->state != DIALER_DIALING) ||
	    wire_serverinfo_decode(datagram, bytes, &info) != MMS_OK ||
	    memcmp(info.nonce, dialer->nonce, WIRE_NONCE_BYTES) != 0)
		return;
	dialer->heard_at = now;
	choose(dialer, addr);
	memcpy(dialer->shown_key, info.server_key, NOISE_KEY_BYTES);
	if (memchr(info.versions, WIRE_VERSION, info.version_count) == NULL) {
		dialer_stop(dialer);
		dialer->is_version_due = true;
	} else if (dialer->state == DIALER_ASKING) {
		dialer->state = DIALER_IDLE;
		dialer->is_key_due = true;
	} else if (memcmp(info.server_key, dialer->server_key, NOISE_KEY_BYTES) != 0) {
		dialer_stop(dialer);
		dialer->is_changed_due = true;
	}
}

// A slot for a new session: that of one it overtakes while signing in, a free one, or the one that is not present.
static uint32_t slot_for_new(struct dialer *dialer)
{
	for (uint32_t slot = 0; slot < DIALER_SESSIONS; slot++)
		if (dialer->slot[slot].state == DIALER_SLOT_NEW)
			dialer_end(dialer, slot);
	for (uint32_t slot = 0; slot < DIALER_SESSIONS; slot++)
		if (dialer->slot[slot].state == DIALER_SLOT_FREE)
			return slot;
	const uint32_t slot = dialer->slot[0].state == DIALER_SLOT_PRESENT ? 1 : 0;
	dialer_end(dialer, slot);
	return slot;
}

static void recv_accept(struct dialer *dialer, const struct addr *addr, const uint8_t *datagram, size_t bytes,
			struct mtime now)
{
	struct wire_accept accept;
	uint8_t payload[WIRE_ACCEPT_PAYLOAD_BYTES];
	uint32_t remote_index;
	struct noise_keys keys = {{0}, {0}};
	// All of the session goes to where its ACCEPT came from: a server must not be able to name somebody else there.
	if (dialer->state != DIALER_DIALING || wire_accept_decode(datagram, bytes, &accept) != MMS_OK ||
	    accept.device_index != dialer->index || dialer_place_of(dialer, addr) == 0)
		return;
	// In a copy: an ACCEPT that is refused after it verified must leave the handshake as it was.
	struct noise_ik noise = dialer->noise;
	if (noise_ik_consume_2(&noise, accept.noise, WIRE_ACCEPT_NOISE_BYTES, payload) != MMS_OK)
		goto out;
	struct reader reader = reader_of(payload, sizeof payload);
	if (!read_u32(&reader, &remote_index) || remote_index == 0)
		goto out;
	noise_ik_split(&noise, &keys);
	const uint32_t slot = slot_for_new(dialer);
	const struct session_birth birth = {
		.keys = &keys,
		.local_index = dialer->index,
		.remote_index = remote_index,
		.addr = *addr,
		.is_addr_proved = true,
		.caller_account = DIALER_ACCOUNT_OWN,
		.callee_account = DIALER_ACCOUNT_SERVER,
	};
	session_init(&dialer->slot[slot].session, &dialer->blocks, &birth, now);
	dialer->slot[slot].state = DIALER_SLOT_NEW;
	dialer->slot[slot].created_at = now;
	dialer->slot[slot].trailer_count = 0;
	memcpy(dialer->slot[slot].handshake_hash, noise.h, NOISE_HASH_BYTES);
	dialer->up_due = slot + 1;
	dialer->state = DIALER_UP;
	dialer->heard_at = now;
	dialer->init.pending = 0;
	dialer->hello.pending = 0;
	choose(dialer, addr);
	noise_ik_clear(&dialer->noise);
out:
	noise_keys_clear(&keys);
	noise_ik_clear(&noise);
}

static void recv_retry(struct dialer *dialer, const uint8_t *datagram, size_t bytes, struct mtime now)
{
	struct wire_retry retry;
	if (dialer->state != DIALER_DIALING || wire_retry_decode(datagram, bytes, &retry) != MMS_OK ||
	    memcmp(retry.echo, dialer->noise_message, WIRE_ECHO_BYTES) != 0 ||
	    memcmp(retry.cookie, dialer->cookie, COOKIE_BYTES) == 0)
		return;
	memcpy(dialer->cookie, retry.cookie, COOKIE_BYTES);
	// At once, but a RETRY is not authentic: a flood of them must not make a flood of INITs.
	if (mtime_diff_us(now, dialer->retried_at) < DIALER_REPEAT_US_FIRST)
		return;
	dialer->retried_at = now;
	dialer->init.pending =
		dialer->addr_chosen != 0 ? 1U << (dialer->addr_chosen - 1) : (1U << dialer->addr_count) - 1;
}

// Whether a trailer ends one of the last datagrams that a session sent.
static bool has_sent(const struct dialer_slot *entry, const uint8_t trailer[WIRE_TRAILER_BYTES])
{
	for (uint64_t i = 0; i < DIALER_TRAILERS && i < entry->trailer_count; i++)
		if (memcmp(entry->trailer[i], trailer, WIRE_TRAILER_BYTES) == 0)
			return true;
	return false;
}

static void recv_unknown(struct dialer *dialer, const uint8_t *datagram, size_t bytes, struct mtime now)
{
	struct wire_unknown unknown;
	if (dialer->state != DIALER_UP || wire_unknown_decode(datagram, bytes, &unknown) != MMS_OK)
		return;
	for (uint32_t slot = 0; slot < DIALER_SESSIONS; slot++) {
		const struct dialer_slot *entry = &dialer->slot[slot];
		// That the present one is unknown is no news while a new one signs in.
		if (entry->state == (dialer_is_signing_in(dialer) ? DIALER_SLOT_NEW : DIALER_SLOT_PRESENT) &&
		    entry->session.remote_index == unknown.index &&
		    has_sent(entry, unknown.trailer)) {
			dialer_begin(dialer, false, now);
			return;
		}
	}
}

static void recv_data(struct dialer *dialer, const struct addr *addr, const uint8_t *datagram, size_t bytes,
		      struct mtime now)
{
	uint32_t index;
	uint64_t counter;
	if (wire_data_decode(datagram, bytes, &index, &counter) != MMS_OK)
		return;
	for (uint32_t slot = 0; slot < DIALER_SESSIONS; slot++) {
		struct dialer_slot *entry = &dialer->slot[slot];
		if (entry->state == DIALER_SLOT_FREE || entry->session.local_index != index)
			continue;
		const enum mms_err err =
			session_recv(&entry->session, &dialer->blocks, addr, datagram, bytes, now, &dialer->rng);
		const bool is_present = entry->state == DIALER_SLOT_PRESENT;
		if (err == MMS_E_BAD) {
			const bool was_old = entry->state == DIALER_SLOT_OLD;
			dialer_end(dialer, slot);
			if (!was_old && dialer->state == DIALER_UP)
				dialer_begin(dialer, false, now);
		} else if (err == MMS_OK) {
			dialer->heard_at = now;
			if (is_present && dialer->is_for_silence &&
			    (dialer->state == DIALER_DIALING || dialer->state == DIALER_WAITING)) {
				dialer->state = DIALER_UP; // the present session is alive after all
				dialer->init.pending = 0;
			}
		}
		return;
	}
}

void dialer_recv(struct dialer *dialer, const struct addr *addr, const uint8_t *datagram, size_t bytes,
		 struct mtime now)
{
	if (bytes == 0 || bytes > WIRE_DATAGRAM_BYTES_MAX)
		return;
	switch (datagram[0]) {
	case WIRE_SERVERINFO:
		recv_serverinfo(dialer, addr, datagram, bytes, now);
		break;
	case WIRE_ACCEPT:
		recv_accept(dialer, addr, datagram, bytes, now);
		break;
	case WIRE_RETRY:
		recv_retry(dialer, datagram, bytes, now);
		break;
	case WIRE_DATA:
		recv_data(dialer, addr, datagram, bytes, now);
		break;
	case WIRE_UNKNOWN:
		recv_unknown(dialer, datagram, bytes, now);
		break;
	default:
		break;
	}
}
