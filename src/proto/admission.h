// SPDX-License-Identifier: ISC
// Handshake admission at the server: budgets, cookies, answers kept for repeats, half-open sessions (doc/protocol.md
// sections 4.2 to 4.5). What a stranger can reach before it has proved anything. Layer: proto, pure.
#ifndef MMS_PROTO_ADMISSION_H
#define MMS_PROTO_ADMISSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/map.h"
#include "base/rng.h"
#include "base/time.h"
#include "crypto/hash.h"
#include "crypto/noise.h"
#include "proto/budget.h"
#include "proto/wire.h"

enum {
	ADMISSION_KEEP_US = 60 * 1000 * 1000,           // how long an ACCEPT is repeated
	ADMISSION_DROPS = 2,                            // expired answers that an INIT clears away at most
	ADMISSION_COOKIE_SECRET_US = 120 * 1000 * 1000, // how long a cookie secret is the current one
};

// An answered INIT. `index` 0: confirmed already, kept for repeats only.
struct halfopen {
	uint8_t noise_hash[32]; // BLAKE2b-256 of its Noise message
	struct mtime created_at;
	struct addr addr; // where its first INIT came from
	bool is_accept_elsewhere; // a repeat brought the ACCEPT to another address too
	uint8_t accept[WIRE_ACCEPT_BYTES];
	uint32_t index; // ours
	uint32_t remote_index;
	struct noise_keys keys;
	uint8_t handshake_hash[NOISE_HASH_BYTES];
	uint8_t peer_key[NOISE_KEY_BYTES];
};

struct admission {
	struct keypair server;
	struct rng rng;
	struct budget budget;
	uint8_t table_secret[TABLE_SECRET_BYTES];

	uint8_t cookie_secret[COOKIE_SECRET_BYTES];
	uint8_t cookie_secret_previous[COOKIE_SECRET_BYTES];
	struct mtime cookie_secret_at;

	struct halfopen *ring; // oldest first; full: the oldest goes
	uint32_t capacity;
	uint32_t first;
	uint32_t count;
	struct map by_noise; // of noise_hash -> place in the ring
	struct map *by_index; // the listener's: index -> index_base + place in the ring
	uint32_t index_base;

	uint64_t init_count;
	uint64_t retry_count;
	uint64_t drop_count;
};

struct admission_memory {
	struct halfopen *ring;
	uint32_t capacity;
	struct map_slot *noise_slot;
	uint32_t noise_slot_count;
	struct budget_entry *prefix;
	uint32_t prefix_count;
};

// Admission for a server's key pair. Everything in `memory` and `by_index` is kept while it is used.
void admission_init(struct admission *admission, const struct keypair *server, const struct budget_limits *limits,
		    const struct admission_memory *memory, struct map *by_index, uint32_t index_base,
		    const struct rng *rng, struct mtime now);

// Wipes keys and secrets.
void admission_clear(struct admission *admission);

// Answers a HELLO or an INIT. Returns the bytes of the answer in `reply` (WIRE_DATAGRAM_BYTES_MAX of room); 0: dropped.
size_t admission_recv(struct admission *admission, const struct addr *addr, const uint8_t *datagram, size_t bytes,
		      struct mtime now, uint8_t *reply);

// Answers a DATA for no session with UNKNOWN. Returns as admission_recv.
size_t admission_unknown(struct admission *admission, const uint8_t *datagram, size_t bytes, uint8_t *reply);

// The half-open session at a place of the ring that by_index named.
struct halfopen *admission_get(struct admission *admission, uint32_t place);

// Whether a first DATA from `addr` proves that address: it shows knowledge of the ACCEPT, which must have gone there and nowhere else.
bool admission_is_proof(const struct halfopen *halfopen, const struct addr *addr);

// Whether a half-open session is too old to be confirmed, though its place is not taken yet.
bool admission_is_expired(const struct halfopen *halfopen, struct mtime now);

// It is a session now: takes its index out of by_index and wipes its keys; its ACCEPT is still repeated.
void admission_confirm(struct admission *admission, struct halfopen *halfopen);

#endif
