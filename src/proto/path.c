// SPDX-License-Identifier: ISC
// Where a session's datagrams go; the contract is in path.h.
#include "crypto/crypto.h"
#include "proto/path.h"

#include <assert.h>

enum { COUNTED_BYTES_MAX = UINT32_MAX / 4 };

// The piece that a path has, or a new one: there is one for each session.
static struct path_proof *take_proof(struct path *path, struct blocks *blocks)
{
	if (path->proof != NULL)
		return path->proof;
	uint32_t number;
	path->proof = blocks_take_proof(blocks, &number);
	*path->proof = (struct path_proof){.number = number, .is_proved = true};
	path->proof->challenge_at = MTIME_NEVER;
	path->proof->revert_at = MTIME_NEVER;
	return path->proof;
}

void path_init(struct path *path, struct blocks *blocks, const struct addr *addr, bool is_proved, size_t recv_bytes,
	       size_t sent_bytes)
{
	*path = (struct path){.current = *addr};
	if (is_proved)
		return;
	struct path_proof *proof = take_proof(path, blocks);
	proof->is_proved = false;
	proof->unproved_recv_bytes = (uint32_t)recv_bytes;
	proof->unproved_sent_bytes = (uint32_t)sent_bytes;
}

void path_clear(struct path *path, struct blocks *blocks)
{
	if (path->proof != NULL)
		blocks_give_proof(blocks, path->proof->number);
	path->proof = NULL;
}

bool path_is_proved(const struct path *path)
{
	return path->proof == NULL || path->proof->is_proved;
}

// Back at the address that has proved itself. Whom the challenge was made for is kept: it may come again.
static void come_home(struct path_proof *proof, const struct addr *challenged)
{
	proof->other = *challenged;
	proof->is_proved = true;
	proof->challenge_at = MTIME_NEVER;
	proof->revert_at = MTIME_NEVER;
}

static int64_t revert_us(int64_t probe_us)
{
	return 3 * probe_us > PATH_REVERT_US_MIN ? 3 * probe_us : PATH_REVERT_US_MIN;
}

// Asks the current address to prove itself, by what it was asked before if it was the last.
static void challenge(struct path *path, const struct addr *challenged, struct mtime now, int64_t probe_us,
		      const struct rng *rng)
{
	struct path_proof *proof = path->proof;
	if (!proof->is_challenged || !addr_is_same_peer(challenged, &path->current))
		rng_fill(rng, proof->challenge, sizeof proof->challenge);
	proof->is_challenged = true;
	proof->challenge_at = now;
	proof->revert_at = mtime_add_us(now, revert_us(probe_us));
}

// Goes to an address and asks it to prove itself, unless it is the one proved already.
static void move(struct path *path, struct blocks *blocks, const struct addr *addr, struct mtime now, int64_t probe_us,
		 const struct rng *rng)
{
	struct path_proof *proof = take_proof(path, blocks);
	const struct addr challenged = proof->is_proved ? proof->other : path->current;
	const struct addr proved = proof->is_proved ? path->current : proof->other;
	path->current = *addr;
	if (proved.family != ADDR_NONE && addr_is_same_peer(&proved, addr)) {
		come_home(proof, &challenged);
		return;
	}
	proof->other = proved;
	proof->is_proved = false;
	proof->unproved_recv_bytes = 0;
	proof->unproved_sent_bytes = 0;
	challenge(path, &challenged, now, probe_us, rng);
}

static uint32_t add_counted(uint32_t counted_bytes, size_t bytes)
{
	return bytes < COUNTED_BYTES_MAX - counted_bytes ? counted_bytes + (uint32_t)bytes : COUNTED_BYTES_MAX;
}

void path_recv(struct path *path, struct blocks *blocks, const struct addr *addr, bool is_newest, size_t bytes,
	       struct mtime now, int64_t probe_us, const struct rng *rng)
{
	const bool is_same = addr_is_same_peer(&path->current, addr);
	const bool was_asked = path_is_proved(path) || path->proof->is_challenged;
	if (is_newest && !is_same)
		move(path, blocks, addr, now, probe_us, rng);
	else if (is_newest)
		path->current = *addr; // our own address may have changed
	if (!was_asked && is_same)
		challenge(path, &path->current, now, probe_us, rng);
	if (!path_is_proved(path) && addr_is_same_peer(&path->current, addr))
		path->proof->unproved_recv_bytes = add_counted(path->proof->unproved_recv_bytes, bytes);
}

void path_recv_response(struct path *path, struct blocks *blocks, const struct addr *addr,
			const uint8_t data[WIRE_PATH_BYTES])
{
	if (path_is_proved(path) || !addr_is_same_peer(&path->current, addr) ||
	    !crypto_is_equal(data, path->proof->challenge, WIRE_PATH_BYTES))
		return;
	path_clear(path, blocks);
}

size_t path_allowance_bytes(const struct path *path)
{
	if (path_is_proved(path))
		return SIZE_MAX;
	const uint32_t allowed = PATH_AMPLIFICATION * path->proof->unproved_recv_bytes;
	return allowed > path->proof->unproved_sent_bytes ? allowed - path->proof->unproved_sent_bytes : 0;
}

void path_sent(struct path *path, size_t bytes, bool with_challenge, struct mtime now, int64_t probe_us)
{
	if (path_is_proved(path))
		return;
	assert(bytes <= path_allowance_bytes(path));
	path->proof->unproved_sent_bytes += (uint32_t)bytes;
	if (with_challenge)
		path->proof->challenge_at = mtime_add_us(now, probe_us);
}

const uint8_t *path_challenge(const struct path *path)
{
	assert(!path_is_proved(path));
	return path->proof->challenge;
}

struct mtime path_challenge_at(const struct path *path)
{
	return path->proof != NULL ? path->proof->challenge_at : MTIME_NEVER;
}

struct mtime path_revert_at(const struct path *path)
{
	return path->proof != NULL ? path->proof->revert_at : MTIME_NEVER;
}

bool path_is_challenge_due(const struct path *path, struct mtime now)
{
	return !path_is_proved(path) && mtime_is_due(path->proof->challenge_at, now);
}

void path_tick(struct path *path, struct mtime now)
{
	struct path_proof *proof = path->proof;
	if (path_is_proved(path) || !mtime_is_due(proof->revert_at, now))
		return;
	if (proof->other.family != ADDR_NONE) {
		const struct addr challenged = path->current;
		path->current = proof->other;
		come_home(proof, &challenged);
	} else {
		proof->revert_at = MTIME_NEVER; // unproved from birth: there is nowhere to go
	}
}
