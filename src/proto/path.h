// SPDX-License-Identifier: ISC
// Where a session's datagrams go, and what may be sent to an address that has not proved itself (doc/protocol.md section
// 5.9; the conditions of RFC 9146 section 6). Layer: proto, pure. The caller owns the struct; what an address has to prove takes
// a piece of its blocks, of which there is one for each session.
#ifndef MMS_PROTO_PATH_H
#define MMS_PROTO_PATH_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/rng.h"
#include "base/time.h"
#include "proto/blocks.h"
#include "proto/wire.h"

enum {
	PATH_AMPLIFICATION = 3,           // bytes sent to an unproved address for each received from it
	PATH_REVERT_US_MIN = 1000 * 1000, // least time an address has to prove itself
};

// What is kept beside a path that has an address to prove, or had one whose proof did not come.
struct path_proof {
	// While the current address is proved: whom `challenge` was made for. Else `challenge` is for the current one, and this is
	// the last address that proved itself. Family ADDR_NONE: nobody.
	struct addr other;
	struct mtime challenge_at; // when to send it (again)
	struct mtime revert_at;    // when to go back to the proved address
	uint8_t challenge[WIRE_PATH_BYTES];
	uint32_t unproved_recv_bytes; // both at most UINT32_MAX / 4, where they stay
	uint32_t unproved_sent_bytes;
	uint32_t number;    // of this piece
	bool is_proved;     // current is proved
	bool is_challenged; // `challenge` was made for somebody
};

static_assert(sizeof(struct path_proof) <= PROOF_BYTES, "a piece holds it");

struct path {
	struct addr current; // where to send
	struct path_proof *proof; // NULL: current is proved
};

// A path to the address that a session is born at. `is_proved`: it has shown what was sent to it and to nobody else. If not, it is
// challenged when the first datagram comes from it, and what the handshake received from it and sent to it counts already.
void path_init(struct path *path, struct blocks *blocks, const struct addr *addr, bool is_proved, size_t recv_bytes,
	       size_t sent_bytes);

// Gives back what it has of the blocks.
void path_clear(struct path *path, struct blocks *blocks);

// Whether the current address is proved.
bool path_is_proved(const struct path *path);

// An authentic datagram of `bytes` bytes came from `addr`; `is_newest`: its counter is above all before. Moves there if so.
// `probe_us` is the session's probe timeout.
void path_recv(struct path *path, struct blocks *blocks, const struct addr *addr, bool is_newest, size_t bytes,
	       struct mtime now, int64_t probe_us, const struct rng *rng);

// A PATH_RESPONSE came from `addr`: proves it when it answers the challenge made for it; else ignored.
void path_recv_response(struct path *path, struct blocks *blocks, const struct addr *addr,
			const uint8_t data[WIRE_PATH_BYTES]);

// Bytes that may be sent to the current address now: SIZE_MAX once it is proved.
size_t path_allowance_bytes(const struct path *path);

// `bytes` were sent to the current address; with the challenge among them when `with_challenge`.
void path_sent(struct path *path, size_t bytes, bool with_challenge, struct mtime now, int64_t probe_us);

// The challenge of the current address, which is not proved: WIRE_PATH_BYTES.
const uint8_t *path_challenge(const struct path *path);

// When a challenge is to be sent, and when to go back to the proved address; MTIME_NEVER: neither is.
struct mtime path_challenge_at(const struct path *path);
struct mtime path_revert_at(const struct path *path);

// Whether a challenge is due to be sent.
bool path_is_challenge_due(const struct path *path, struct mtime now);

// Goes back to the proved address when its successor did not prove itself in time.
void path_tick(struct path *path, struct mtime now);

#endif
