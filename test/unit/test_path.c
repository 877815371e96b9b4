// SPDX-License-Identifier: ISC
// proto/path: moving, proving, going back, three times what was received, and challenges nobody can guess.
#include "proto_world.h"

#include "proto/path.h"

enum { PROBE_US = 100 * 1000 };

struct world {
	struct seeded seeded;
	struct rng rng;
	struct pool pool;
	struct path path;
};

static void finish(struct world *world)
{
	path_clear(&world->path, &world->pool.blocks);
	assert_int_equal(world->pool.blocks.proofs.used_count, 0);
	pool_close(&world->pool);
}

static void begin(struct world *world, uint16_t host, bool is_proved)
{
	*world = (struct world){.seeded = {5}};
	world->rng = seeded_rng(&world->seeded);
	pool_open(&world->pool, 1, 1);
	const struct addr addr = addr_of(host);
	path_init(&world->path, &world->pool.blocks, &addr, is_proved, 0, 0);
}

static void recv(struct world *world, uint16_t host, bool is_newest, size_t bytes, int64_t ms)
{
	const struct addr addr = addr_of(host);
	path_recv(&world->path, &world->pool.blocks, &addr, is_newest, bytes, at_ms(ms), PROBE_US, &world->rng);
}

static bool is_at(const struct world *world, uint16_t host)
{
	const struct addr addr = addr_of(host);
	return addr_is_same_peer(&world->path.current, &addr);
}

static void respond(struct world *world, uint16_t host, const uint8_t data[WIRE_PATH_BYTES])
{
	const struct addr addr = addr_of(host);
	path_recv_response(&world->path, &world->pool.blocks, &addr, data);
}

static void stays_while_nothing_moves(void **state)
{
	(void)state;
	struct world world;
	begin(&world, 1, true);
	recv(&world, 1, true, 100, 0);
	recv(&world, 2, false, 100, 0); // old datagrams move nothing
	assert_true(is_at(&world, 1) && path_is_proved(&world.path));
	assert_true(path_allowance_bytes(&world.path) == SIZE_MAX);
	assert_false(path_is_challenge_due(&world.path, at_ms(100000)));
	assert_true(path_revert_at(&world.path).us == MTIME_NEVER.us);
	finish(&world);
}

static void three_times_until_proved(void **state)
{
	(void)state;
	struct world world;
	begin(&world, 1, true);
	recv(&world, 2, true, 100, 0);
	assert_true(is_at(&world, 2) && !path_is_proved(&world.path));
	assert_int_equal(path_allowance_bytes(&world.path), 300);
	assert_true(path_is_challenge_due(&world.path, at_ms(0)));
	path_sent(&world.path, 250, true, at_ms(0), PROBE_US);
	assert_int_equal(path_allowance_bytes(&world.path), 50);
	assert_false(path_is_challenge_due(&world.path, at_ms(99)));
	assert_true(path_is_challenge_due(&world.path, at_ms(100)));
	recv(&world, 1, false, 1000, 1); // a late one from the old address does not count for the new one
	assert_int_equal(path_allowance_bytes(&world.path), 50);
	recv(&world, 2, false, 10, 1);
	assert_int_equal(path_allowance_bytes(&world.path), 80);

	uint8_t wrong[WIRE_PATH_BYTES];
	memcpy(wrong, world.path.proof->challenge, sizeof wrong);
	wrong[7] ^= 1;
	respond(&world, 2, wrong);
	respond(&world, 1, world.path.proof->challenge);
	assert_false(path_is_proved(&world.path));
	respond(&world, 2, world.path.proof->challenge);
	assert_true(path_is_proved(&world.path));
	assert_int_equal(world.pool.blocks.proofs.used_count, 0); // a proved path keeps nothing else
	path_tick(&world.path, at_ms(100000));
	assert_true(is_at(&world, 2));
	finish(&world);
}

static void goes_back_unproved(void **state)
{
	(void)state;
	struct world world;
	uint8_t challenge[WIRE_PATH_BYTES];
	begin(&world, 1, true);
	recv(&world, 2, true, 100, 0);
	memcpy(challenge, world.path.proof->challenge, sizeof challenge);
	path_tick(&world.path, at_ms(999));
	assert_true(is_at(&world, 2));
	path_tick(&world.path, at_ms(1000));
	assert_true(is_at(&world, 1) && path_is_proved(&world.path));
	respond(&world, 2, challenge); // too late: it is not the current address
	assert_true(is_at(&world, 1));
	// The same address again is asked the same; another one is asked something else.
	recv(&world, 2, true, 100, 2000);
	assert_memory_equal(world.path.proof->challenge, challenge, sizeof challenge);
	assert_int_equal(path_allowance_bytes(&world.path), 300);
	recv(&world, 3, true, 100, 2100);
	assert_memory_not_equal(world.path.proof->challenge, challenge, sizeof challenge);
	respond(&world, 3, challenge);
	assert_false(path_is_proved(&world.path));
	recv(&world, 1, true, 100, 2200); // home again needs no proof
	assert_true(is_at(&world, 1) && path_is_proved(&world.path));
	finish(&world);
}

static void a_slow_path_has_longer(void **state)
{
	(void)state;
	struct world world;
	begin(&world, 1, true);
	const struct addr addr = addr_of(2);
	path_recv(&world.path, &world.pool.blocks, &addr, true, 100, at_ms(0), 2000 * 1000, &world.rng);
	path_tick(&world.path, at_ms(5999));
	assert_true(is_at(&world, 2));
	path_tick(&world.path, at_ms(6000));
	assert_true(is_at(&world, 1));
	finish(&world);
}

// The session was confirmed from another address than its INIT came from.
static void unproved_from_birth(void **state)
{
	(void)state;
	static const uint8_t zeros[WIRE_PATH_BYTES];
	struct world world;
	begin(&world, 1, false);
	assert_int_equal(path_allowance_bytes(&world.path), 0);
	recv(&world, 1, true, 100, 0);
	assert_int_equal(path_allowance_bytes(&world.path), 300);
	assert_true(path_is_challenge_due(&world.path, at_ms(0)));
	respond(&world, 1, zeros);
	assert_false(path_is_proved(&world.path));
	path_tick(&world.path, at_ms(100000)); // there is nowhere to go back to
	assert_true(is_at(&world, 1) && !path_is_proved(&world.path));
	recv(&world, 1, true, 100, 100000);
	assert_int_equal(path_allowance_bytes(&world.path), 600);
	path_sent(&world.path, 100, false, at_ms(100000), PROBE_US); // without a challenge, which stays due
	assert_int_equal(path_allowance_bytes(&world.path), 500);
	assert_true(path_is_challenge_due(&world.path, at_ms(100000)));
	respond(&world, 1, world.path.proof->challenge);
	assert_true(path_is_proved(&world.path));
	// An old datagram from elsewhere asks for nothing; a new one asks there, once.
	finish(&world);
	begin(&world, 1, false);
	recv(&world, 2, false, 100, 0);
	assert_true(is_at(&world, 1) && !world.path.proof->is_challenged);
	recv(&world, 2, true, 100, 0);
	assert_true(is_at(&world, 2) && path_is_challenge_due(&world.path, at_ms(0)));
	finish(&world);
}

// What the handshake took from an address and sent there counts for it, and for no other address.
static void the_handshake_counts(void **state)
{
	(void)state;
	struct world world;
	const struct addr addr = addr_of(1);
	begin(&world, 1, false);
	path_clear(&world.path, &world.pool.blocks);
	path_init(&world.path, &world.pool.blocks, &addr, false, 256, 57);
	recv(&world, 1, true, 100, 0);
	assert_int_equal(path_allowance_bytes(&world.path), 3 * 356 - 57);
	assert_true(path_is_challenge_due(&world.path, at_ms(0)));
	recv(&world, 2, true, 100, 1);
	assert_int_equal(path_allowance_bytes(&world.path), 300);
	respond(&world, 2, world.path.proof->challenge);
	assert_true(path_is_proved(&world.path));
	finish(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stays_while_nothing_moves), cmocka_unit_test(three_times_until_proved),
		cmocka_unit_test(goes_back_unproved),        cmocka_unit_test(a_slow_path_has_longer),
		cmocka_unit_test(unproved_from_birth),       cmocka_unit_test(the_handshake_counts),
	};
	return cmocka_run_group_tests_name("path", tests, crypto_set_up, NULL);
}
