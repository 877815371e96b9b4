// SPDX-License-Identifier: ISC
// Where a session's datagrams go; the contract is in path.h.
#include "crypto/crypto.h"
#include "proto/path.h"

#include <assert.h>

void path_init(struct path *path, const struct addr *addr, bool is_proved, size_t recv_bytes, size_t sent_bytes)
{
	*path = (struct path){.current = *addr,
			      .is_proved = is_proved,
			      .unproved_recv_bytes = recv_bytes,
			      .unproved_sent_bytes = sent_bytes};
	if (is_proved)
		path->proved = *addr;
	path->challenge_at = MTIME_NEVER;
	path->revert_at = MTIME_NEVER;
}

static void prove(struct path *path)
{
	path->proved = path->current;
	path->is_proved = true;
	path->challenge_at = MTIME_NEVER;
	path->revert_at = MTIME_NEVER;
}

static int64_t revert_us(int64_t probe_us)
{
	return 3 * probe_us > PATH_REVERT_US_MIN ? 3 * probe_us : PATH_REVERT_US_MIN;
}

// Asks the current address to prove itself.
static void challenge(struct path *path, struct mtime now, int64_t probe_us, const struct rng *rng)
{
	if (!addr_is_same_peer(&path->challenged, &path->current))
		rng_fill(rng, path->challenge, sizeof path->challenge);
	path->challenged = path->current;
	path->challenge_at = now;
	path->revert_at = mtime_add_us(now, revert_us(probe_us));
}

// Goes to an address and asks it to prove itself, unless it is the one proved already.
static void move(struct path *path, const struct addr *addr, struct mtime now, int64_t probe_us, const struct rng *rng)
{
	path->current = *addr;
	if (path->proved.family != ADDR_NONE && addr_is_same_peer(&path->proved, addr)) {
		prove(path);
		return;
	}
	path->is_proved = false;
	path->unproved_recv_bytes = 0;
	path->unproved_sent_bytes = 0;
	challenge(path, now, probe_us, rng);
}

void path_recv(struct path *path, const struct addr *addr, bool is_newest, size_t bytes, struct mtime now,
	       int64_t probe_us, const struct rng *rng)
{
	const bool is_same = addr_is_same_peer(&path->current, addr);
	const bool was_asked = path->is_proved || path->challenged.family != ADDR_NONE;
	if (is_newest && !is_same)
		move(path, addr, now, probe_us, rng);
	else if (is_newest)
		path->current = *addr; // our own address may have changed
	if (!was_asked && is_same)
		challenge(path, now, probe_us, rng);
	if (!path->is_proved && addr_is_same_peer(&path->current, addr))
		path->unproved_recv_bytes += bytes;
}

void path_recv_response(struct path *path, const struct addr *addr, const uint8_t data[WIRE_PATH_BYTES])
{
	if (path->is_proved || !addr_is_same_peer(&path->current, addr) ||
	    !crypto_is_equal(data, path->challenge, WIRE_PATH_BYTES))
		return;
	prove(path);
}

size_t path_allowance_bytes(const struct path *path)
{
	if (path->is_proved)
		return SIZE_MAX;
	const uint64_t allowed = PATH_AMPLIFICATION * path->unproved_recv_bytes;
	return allowed > path->unproved_sent_bytes ? (size_t)(allowed - path->unproved_sent_bytes) : 0;
}

void path_sent(struct path *path, size_t bytes, bool with_challenge, struct mtime now, int64_t probe_us)
{
	if (path->is_proved)
		return;
	assert(bytes <= path_allowance_bytes(path));
	path->unproved_sent_bytes += bytes;
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
	if (path->proved.family != ADDR_NONE) {
		path->current = path->proved;
		prove(path);
	} else {
		path->revert_at = MTIME_NEVER; // unproved from birth: there is nowhere to go
	}
}
