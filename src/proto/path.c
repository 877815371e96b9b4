// SPDX-License-Identifier: ISC
// Where a session's datagrams go; the contract is in path.h.
#include "crypto/crypto.h"
#include "proto/path.h"

#include <assert.h>

enum { COUNTED_BYTES_MAX = UINT32_MAX / 4 };

void path_init(struct path *path, const struct addr *addr, bool is_proved, size_t recv_bytes, size_t sent_bytes)
{
	*path = (struct path){.current = *addr,
			      .is_proved = is_proved,
			      .unproved_recv_bytes = (uint32_t)recv_bytes,
			      .unproved_sent_bytes = (uint32_t)sent_bytes};
	path->challenge_at = MTIME_NEVER;
	path->revert_at = MTIME_NEVER;
}

// The current address is proved, which was `challenged` or has been proved before.
static void prove(struct path *path, const struct addr *challenged)
{
	path->other = *challenged;
	path->is_proved = true;
	path->challenge_at = MTIME_NEVER;
	path->revert_at = MTIME_NEVER;
}

static int64_t revert_us(int64_t probe_us)
{
	return 3 * probe_us > PATH_REVERT_US_MIN ? 3 * probe_us : PATH_REVERT_US_MIN;
}

// Asks the current address to prove itself, by what it was asked before if it was the last.
static void challenge(struct path *path, const struct addr *challenged, struct mtime now, int64_t probe_us,
		      const struct rng *rng)
{
	if (!path->is_challenged || !addr_is_same_peer(challenged, &path->current))
		rng_fill(rng, path->challenge, sizeof path->challenge);
	path->is_challenged = true;
	path->challenge_at = now;
	path->revert_at = mtime_add_us(now, revert_us(probe_us));
}

// Goes to an address and asks it to prove itself, unless it is the one proved already.
static void move(struct path *path, const struct addr *addr, struct mtime now, int64_t probe_us, const struct rng *rng)
{
	const struct addr challenged = path->is_proved ? path->other : path->current;
	const struct addr proved = path->is_proved ? path->current : path->other;
	path->current = *addr;
	if (proved.family != ADDR_NONE && addr_is_same_peer(&proved, addr)) {
		prove(path, &challenged);
		return;
	}
	path->other = proved;
	path->is_proved = false;
	path->unproved_recv_bytes = 0;
	path->unproved_sent_bytes = 0;
	challenge(path, &challenged, now, probe_us, rng);
}

static uint32_t add_counted(uint32_t counted_bytes, size_t bytes)
{
	return bytes < COUNTED_BYTES_MAX - counted_bytes ? counted_bytes + (uint32_t)bytes : COUNTED_BYTES_MAX;
}

void path_recv(struct path *path, const struct addr *addr, bool is_newest, size_t bytes, struct mtime now,
	       int64_t probe_us, const struct rng *rng)
{
	const bool is_same = addr_is_same_peer(&path->current, addr);
	const bool was_asked = path->is_proved || path->is_challenged;
	if (is_newest && !is_same)
		move(path, addr, now, probe_us, rng);
	else if (is_newest)
		path->current = *addr; // our own address may have changed
	if (!was_asked && is_same)
		challenge(path, &path->current, now, probe_us, rng);
	if (!path->is_proved && addr_is_same_peer(&path->current, addr))
		path->unproved_recv_bytes = add_counted(path->unproved_recv_bytes, bytes);
}

void path_recv_response(struct path *path, const struct addr *addr, const uint8_t data[WIRE_PATH_BYTES])
{
	if (path->is_proved || !addr_is_same_peer(&path->current, addr) ||
	    !crypto_is_equal(data, path->challenge, WIRE_PATH_BYTES))
		return;
	prove(path, &path->current);
}

size_t path_allowance_bytes(const struct path *path)
{
	if (path->is_proved)
		return SIZE_MAX;
	const uint32_t allowed = PATH_AMPLIFICATION * path->unproved_recv_bytes;
	return allowed > path->unproved_sent_bytes ? allowed - path->unproved_sent_bytes : 0;
}

void path_sent(struct path *path, size_t bytes, bool with_challenge, struct mtime now, int64_t probe_us)
{
	if (path->is_proved)
		return;
	assert(bytes <= path_allowance_bytes(path));
	path->unproved_sent_bytes += (uint32_t)bytes;
	if (with_challenge)
		path->challenge_at = mtime_add_us(now, probe_us);
}

bool path_is_challenge_due(const struct path *path, struct mtime now)
{
	return !path->is_proved && mtime_is_due(path->challenge_at, now);
}

void path_tick(struct path *path, struct mtime now)
{
	if (path->is_proved || !mtime_is_due(path->revert_at, now))
		return;
	if (path->other.family != ADDR_NONE) {
		const struct addr challenged = path->current;
		path->current = path->other;
		prove(path, &challenged);
	} else {
		path->revert_at = MTIME_NEVER; // unproved from birth: there is nowhere to go
	}
}
