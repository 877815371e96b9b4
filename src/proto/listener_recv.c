// SPDX-License-Identifier: ISC
// The listener's receiving side: from a datagram to its session, or to a stateless answer (doc/protocol.md sections 2, 4
// and 5.10). The contract is in listener.h.
#include <assert.h>
#include <string.h>

#include "proto/listener.h"

// The first DATA that opens under a half-open session's keys makes it a session (section 4.4). False: dropped.
static bool confirm(struct listener *listener, struct halfopen *halfopen, const struct addr *addr,
		    const uint8_t *datagram, size_t bytes, uint64_t counter, struct mtime now, uint32_t *slot)
{
	uint8_t plain[WIRE_PLAIN_BYTES_MAX];
	if (noise_open(halfopen->keys.recv_key, counter, datagram, WIRE_DATA_HEADER_BYTES,
		       datagram + WIRE_DATA_HEADER_BYTES, bytes - WIRE_DATA_HEADER_BYTES, plain) != MMS_OK) {
		listener->counts.unopened++;
		return false;
	}
	if (!listener_take_slot(listener, slot)) {
		listener->counts.full++;
		return false;
	}
	const bool is_same = addr_is_same_peer(&halfopen->addr, addr);
	struct session_birth birth = {
		.keys = &halfopen->keys,
		.local_index = halfopen->index,
		.remote_index = halfopen->remote_index,
		.is_server = true,
		.addr = *addr,
		.is_addr_proved = admission_is_proof(halfopen, addr),
		.addr_recv_bytes = is_same ? WIRE_INIT_BYTES : 0,
		.addr_sent_bytes = is_same ? WIRE_ACCEPT_BYTES : 0,
	};
	listener_accounts_of_strangers(listener, &birth);
	session_init(&listener->slot[*slot].session, &listener->blocks, &birth, now);
	struct listener_spare spare = {
		.handshake_at = halfopen->created_at,
		.ends_at = mtime_add_us(now, LISTENER_SIGNIN_US),
	};
	memcpy(spare.key, halfopen->peer_key, NOISE_KEY_BYTES);
	memcpy(spare.handshake_hash, halfopen->handshake_hash, NOISE_HASH_BYTES);
	listener_join_spare(listener, *slot, &spare);
	admission_confirm(&listener->admission, halfopen);
	const enum mms_err err = map_put(&listener->by_index, birth.local_index, *slot);
	assert(err == MMS_OK);
	return true;
}

static size_t recv_data(struct listener *listener, const struct addr *addr, const uint8_t *datagram, size_t bytes,
			struct mtime now, uint8_t *reply)
{
	uint32_t index;
	uint64_t counter;
	uint32_t slot;
	if (wire_data_decode(datagram, bytes, &index, &counter) != MMS_OK) {
		listener->counts.malformed++;
		return 0;
	}
	struct halfopen *halfopen = NULL;
	const bool is_known = map_find(&listener->by_index, index, &slot);
	if (is_known && slot >= listener->sessions_max)
		halfopen = admission_get(&listener->admission, slot - listener->sessions_max);
	if (!is_known || (halfopen != NULL && admission_is_expired(halfopen, now))) {
		listener->counts.unknown++;
		return admission_unknown(&listener->admission, datagram, bytes, reply);
	}
	if (halfopen != NULL && !confirm(listener, halfopen, addr, datagram, bytes, counter, now, &slot))
		return 0;
	switch (session_recv(&listener->slot[slot].session, &listener->blocks, addr, datagram, bytes, now,
			     &listener->rng)) {
	case MMS_OK:
		listener->slot[slot].is_silent = false;
		listener_mark_ready(listener, slot);
		listener_mark_dirty(listener, slot);
		break;
	case MMS_E_BAD:
		listener->counts.unparsable++;
		listener_end(listener, slot);
		break;
	default:
		listener->counts.unopened++;
		break;
	}
	return 0;
}

size_t listener_recv(struct listener *listener, const struct addr *addr, const uint8_t *datagram, size_t bytes,
		     struct mtime now, uint8_t *reply)
{
	listener->counts.datagrams++;
	if (bytes == 0 || bytes > WIRE_DATAGRAM_BYTES_MAX) {
		listener->counts.malformed++;
		return 0;
	}
	if (datagram[0] == WIRE_DATA)
		return recv_data(listener, addr, datagram, bytes, now, reply);
	return admission_recv(&listener->admission, addr, datagram, bytes, now, reply);
}
