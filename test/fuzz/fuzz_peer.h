// SPDX-License-Identifier: ISC
// The other end of a handshake, as device or as server, in the fuzzers' hands: it does what the protocol says, and
// keeps the keys, so that anything can be sealed afterwards.
#ifndef MMS_TEST_FUZZ_PEER_H
#define MMS_TEST_FUZZ_PEER_H

#include "fuzz.h"
#include "proto/session.h"

struct peer {
	struct keypair keypair;
	struct noise_ik noise;
	struct noise_keys keys;
	uint8_t handshake_hash[NOISE_HASH_BYTES];
	uint8_t noise_message[WIRE_INIT_NOISE_BYTES]; // a device's INIT
	uint32_t index;                               // in datagrams to it
	uint32_t remote_index;                        // in datagrams from it
	uint64_t counter;                             // of its next DATA
	bool is_up;
};

static const uint8_t peer_prologue[4] = {'M', 'M', 'S', WIRE_VERSION};

static inline void peer_init(struct peer *peer, uint8_t secret)
{
	uint8_t bytes[NOISE_KEY_BYTES];
	memset(peer, 0, sizeof *peer);
	memset(bytes, secret, sizeof bytes);
	keypair_derive(&peer->keypair, bytes);
}

// A device begins a handshake; the payload of its INIT may be anything.
static inline void peer_dial(struct peer *peer, const uint8_t server_key[NOISE_KEY_BYTES], const struct rng *rng,
			     const uint8_t payload[WIRE_INIT_PAYLOAD_BYTES])
{
	uint8_t ephemeral[NOISE_KEY_BYTES];
	rng_fill(rng, ephemeral, sizeof ephemeral);
	noise_ik_init_initiator(&peer->noise, peer_prologue, sizeof peer_prologue, &peer->keypair, server_key);
	const enum mms_err err = noise_ik_create_1(&peer->noise, ephemeral, payload, WIRE_INIT_PAYLOAD_BYTES,
						   peer->noise_message);
	assert(err == MMS_OK);
	peer->is_up = false;
	peer->counter = 0;
}

static inline void peer_dial_index(struct peer *peer, const uint8_t server_key[NOISE_KEY_BYTES], const struct rng *rng,
				   uint32_t index)
{
	uint8_t payload[WIRE_INIT_PAYLOAD_BYTES];
	wire_init_payload_encode(index, payload);
	peer->index = index;
	peer_dial(peer, server_key, rng, payload);
}

static inline void peer_up(struct peer *peer, const uint8_t payload[WIRE_ACCEPT_PAYLOAD_BYTES])
{
	struct reader reader = reader_of(payload, WIRE_ACCEPT_PAYLOAD_BYTES);
	const bool fits = read_u32(&reader, &peer->remote_index);
	assert(fits && peer->remote_index != 0);
	noise_ik_split(&peer->noise, &peer->keys);
	memcpy(peer->handshake_hash, peer->noise.h, NOISE_HASH_BYTES);
	peer->is_up = true;
}

// A device takes an ACCEPT. False: not one for it.
static inline bool peer_accept(struct peer *peer, const uint8_t *datagram, size_t bytes)
{
	struct wire_accept accept;
	uint8_t payload[WIRE_ACCEPT_PAYLOAD_BYTES];
	if (peer->is_up || !peer->noise.is_initiator || wire_accept_decode(datagram, bytes, &accept) != MMS_OK ||
	    noise_ik_consume_2(&peer->noise, accept.noise, WIRE_ACCEPT_NOISE_BYTES, payload) != MMS_OK)
		return false;
	peer_up(peer, payload);
	return true;
}

// A server answers an INIT with `index` as its own; writes WIRE_ACCEPT_BYTES bytes. False: not an INIT for it.
static inline bool peer_respond(struct peer *peer, const uint8_t *datagram, size_t bytes, const struct rng *rng,
				uint32_t index, uint8_t *reply)
{
	struct wire_init init;
	uint8_t payload[WIRE_INIT_PAYLOAD_BYTES];
	uint8_t ephemeral[NOISE_KEY_BYTES];
	uint8_t message[WIRE_ACCEPT_NOISE_BYTES];
	const uint8_t index_bytes[WIRE_ACCEPT_PAYLOAD_BYTES] = {(uint8_t)(index >> 24), (uint8_t)(index >> 16),
								(uint8_t)(index >> 8), (uint8_t)index};
	uint32_t remote_index;
	if (wire_init_decode(datagram, bytes, &init) != MMS_OK)
		return false;
	noise_ik_init_responder(&peer->noise, peer_prologue, sizeof peer_prologue, &peer->keypair);
	if (noise_ik_consume_1(&peer->noise, init.noise, WIRE_INIT_NOISE_BYTES, payload) != MMS_OK ||
	    wire_init_payload_decode(payload, &remote_index) != MMS_OK)
		return false;
	rng_fill(rng, ephemeral, sizeof ephemeral);
	const enum mms_err err =
		noise_ik_create_2(&peer->noise, ephemeral, index_bytes, sizeof index_bytes, message);
	assert(err == MMS_OK);
	wire_accept_encode(remote_index, message, reply);
	noise_ik_split(&peer->noise, &peer->keys);
	memcpy(peer->handshake_hash, peer->noise.h, NOISE_HASH_BYTES);
	peer->remote_index = remote_index;
	peer->index = index;
	peer->counter = 0;
	peer->is_up = true;
	return true;
}

// Seals plain text under its next counter. Returns the datagram's bytes.
static inline size_t peer_seal(struct peer *peer, const uint8_t *plain, size_t bytes, uint8_t *datagram)
{
	assert(peer->is_up && bytes >= WIRE_STATE_BYTES && bytes <= WIRE_PLAIN_BYTES_MAX);
	wire_data_encode(peer->remote_index, peer->counter, datagram);
	noise_seal(peer->keys.send_key, peer->counter, datagram, WIRE_DATA_HEADER_BYTES, plain, bytes,
		   datagram + WIRE_DATA_HEADER_BYTES);
	peer->counter++;
	return WIRE_DATA_HEADER_BYTES + bytes + NOISE_TAG_BYTES;
}

// Opens a datagram to it. Returns the bytes of plain text; 0: not one it can open.
static inline size_t peer_open(const struct peer *peer, const uint8_t *datagram, size_t bytes, uint8_t *plain)
{
	uint32_t index;
	uint64_t counter;
	if (!peer->is_up || wire_data_decode(datagram, bytes, &index, &counter) != MMS_OK || index != peer->index ||
	    noise_open(peer->keys.recv_key, counter, datagram, WIRE_DATA_HEADER_BYTES,
		       datagram + WIRE_DATA_HEADER_BYTES, bytes - WIRE_DATA_HEADER_BYTES, plain) != MMS_OK)
		return 0;
	return bytes - WIRE_DATA_HEADER_BYTES - NOISE_TAG_BYTES;
}

// The same end as a session of the product, at the address the other one knows it by.
static inline void peer_session(const struct peer *peer, struct session *session, struct blocks *blocks,
				bool is_server, const struct addr *addr, struct mtime now)
{
	const struct session_birth birth = {
		.keys = &peer->keys,
		.local_index = peer->index,
		.remote_index = peer->remote_index,
		.is_server = is_server,
		.addr = *addr,
		.is_addr_proved = true,
	};
	session_init(session, blocks, &birth, now);
}

#endif
