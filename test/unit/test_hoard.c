// SPDX-License-Identifier: ISC
// proto/listener under users who hold calls: each sends calls behind one that never comes, moves no BASE and answers nothing, in
// all the sessions it may have. Whatever they hold, the others' calls are taken and answered, and what is for them is delivered.
#include "proto_world.h"

#include "proto/listener.h"

enum {
	SESSIONS = 500,
	TICK_MS = 10, // a datagram's way, too
	MESSAGES = 20,
	MESSAGE_BYTES = 1000,
	KIND_SIGNIN = 1,
	KIND_SUBMIT = 3,
	KIND_DELIVER = 17,
};

// A peer whose session is made without a handshake.
struct peer {
	struct noise_keys keys; // its own
	uint32_t slot;
	uint64_t owner;
	uint64_t counter;
	bool is_honest;
	struct session session; // of an honest one
	struct pool pool;
	uint32_t delivered_count;
};

static struct world {
	struct seeded seeded;
	struct rng rng;
	struct mtime now;
	struct listener listener;
	void *memory;
	struct peer peer[SESSIONS];
	uint32_t peer_count;
	uint32_t accepted_count;
	uint32_t deliver_to; // peer that gets what is submitted, + 1
} world;

static void begin(void)
{
	const struct listener_config config = listener_config_default();
	struct keypair keys;
	uint8_t secret[NOISE_KEY_BYTES];
	memset(&world, 0, sizeof world);
	world.rng = seeded_rng(&world.seeded);
	world.now = at_ms(1000);
	world.memory = must_alloc(listener_memory_bytes(&config));
	rng_fill(&world.rng, secret, sizeof secret);
	keypair_derive(&keys, secret);
	listener_init(&world.listener, &config, world.memory, &keys, &world.rng, world.now);
}

static void finish(void)
{
	for (uint32_t i = 0; i < world.peer_count; i++)
		if (world.peer[i].is_honest) {
			session_clear(&world.peer[i].session, &world.peer[i].pool.blocks);
			pool_close(&world.peer[i].pool);
		}
	listener_clear(&world.listener);
	assert_int_equal(blocks_used_count(&world.listener.blocks), 0);
	free(world.memory);
}

static struct peer *peer_of_slot(uint32_t slot)
{
	for (uint32_t i = 0; i < world.peer_count; i++)
		if (world.peer[i].slot == slot)
			return &world.peer[i];
	fail();
	return NULL;
}

static void serve(void)
{
	static const uint8_t body[MESSAGE_BYTES];
	struct listener_event event;
	while (listener_poll(&world.listener, world.now, &event)) {
		if (event.type != LISTENER_CALL)
			continue;
		if (peer_of_slot(event.slot)->owner == 0)
			continue; // its sign-in waits
		listener_answer(&world.listener, event.slot, event.call.number, 1, NULL, 0, world.now);
		if (event.call.kind == KIND_SIGNIN)
			listener_signed_in(&world.listener, event.slot, peer_of_slot(event.slot)->owner);
		if (event.call.kind == KIND_SUBMIT && world.deliver_to != 0) {
			world.accepted_count++;
			// No memory, as a server knows it, means later.
			assert_int_equal(listener_call(&world.listener, world.peer[world.deliver_to - 1].slot, KIND_DELIVER, body,
						       sizeof body, 0),
					 MMS_OK);
		}
	}
}

// What the server sends. Only an honest peer hears it.
static void send_all(void)
{
	struct session_out out;
	while (listener_send(&world.listener, world.now, &out)) {
		struct peer *peer = &world.peer[out.addr.ip[2] << 8 | out.addr.ip[3]];
		if (!peer->is_honest)
			continue;
		const struct addr from = addr_of(1);
		for (size_t i = 0; i < out.count; i++)
			assert_int_equal(session_recv(&peer->session, &peer->pool.blocks, &from, out.datagram[i], out.bytes,
						      world.now, &world.rng),
					 MMS_OK);
	}
}

static void to_listener(const struct peer *peer, const uint8_t *datagram, size_t bytes)
{
	uint8_t reply[WIRE_DATAGRAM_BYTES_MAX];
	const struct addr from = addr_of((uint16_t)(peer - world.peer));
	assert_int_equal(listener_recv(&world.listener, &from, datagram, bytes, world.now, reply), 0);
}

// Sends one call by hand; BASE is 1 and nothing is held.
static void send_call(struct peer *peer, uint32_t number, uint8_t kind, size_t body_bytes)
{
	static const uint8_t body[MESSAGE_BYTES];
	uint8_t plain[WIRE_PLAIN_BYTES_MAX];
	uint8_t datagram[WIRE_DATAGRAM_BYTES_MAX];
	struct writer writer = writer_of(plain, sizeof plain);
	assert_true(wire_state_write(&writer, &(struct wire_state){1, 1, 0}));
	assert_true(wire_call_write(&writer, number, kind, body, body_bytes));
	wire_data_encode(1 + peer->slot, peer->counter, datagram);
	noise_seal(peer->keys.send_key, peer->counter++, datagram, WIRE_DATA_HEADER_BYTES, plain, writer.used_bytes,
		   datagram + WIRE_DATA_HEADER_BYTES);
	to_listener(peer, datagram, WIRE_DATA_HEADER_BYTES + writer.used_bytes + NOISE_TAG_BYTES);
}

static struct peer *join(uint64_t owner, bool is_honest)
{
	static const uint8_t zeros[NOISE_HASH_BYTES];
	struct peer *peer = &world.peer[world.peer_count];
	struct noise_keys turned;
	assert_true(world.peer_count < SESSIONS);
	assert_true(listener_take_slot(&world.listener, &peer->slot));
	rng_fill(&world.rng, &peer->keys, sizeof peer->keys);
	memcpy(turned.send_key, peer->keys.recv_key, NOISE_KEY_BYTES);
	memcpy(turned.recv_key, peer->keys.send_key, NOISE_KEY_BYTES);
	peer->owner = owner;
	peer->is_honest = is_honest;
	struct session_birth birth = {
		.keys = &turned,
		.local_index = 1 + peer->slot,
		.remote_index = 1,
		.is_server = true,
		.addr = addr_of((uint16_t)world.peer_count),
		.is_addr_proved = true,
	};
	world.peer_count++;
	listener_accounts_of_strangers(&world.listener, &birth);
	session_init(&world.listener.slot[peer->slot].session, &world.listener.blocks, &birth, world.now);
	const struct listener_spare spare = {.ends_at = mtime_add_us(world.now, LISTENER_SIGNIN_US)};
	listener_join_spare(&world.listener, peer->slot, &spare);
	assert_int_equal(map_put(&world.listener.by_index, birth.local_index, peer->slot), MMS_OK);
	if (!is_honest) {
		send_call(peer, 1, KIND_SIGNIN, 50);
		return peer;
	}
	birth.keys = &peer->keys;
	birth.is_server = false;
	birth.local_index = 1;
	birth.remote_index = 1 + peer->slot;
	birth.caller_account = 1;
	birth.callee_account = 0;
	pool_open(&peer->pool, 200, 200);
	session_init(&peer->session, &peer->pool.blocks, &birth, world.now);
	callee_open_gate(&peer->session.callee);
	assert_int_equal(caller_open(&peer->session.caller, &peer->pool.blocks, KIND_SIGNIN, zeros, 50, 0), MMS_OK);
	return peer;
}

static void run_honest(struct peer *peer)
{
	struct session_event event;
	struct session_out out;
	session_tick(&peer->session, world.now);
	while (session_poll(&peer->session, &peer->pool.blocks, world.now, &event))
		if (event.type == SESSION_CALL) {
			peer->delivered_count++;
			assert_int_equal(callee_answer(&peer->session.callee, &peer->pool.blocks, event.number, 1, NULL, 0,
						       world.now),
					 MMS_OK);
		}
	while (session_send(&peer->session, &peer->pool.blocks, world.now, &out))
		for (size_t i = 0; i < out.count; i++)
			to_listener(peer, out.datagram[i], out.bytes);
}

static void tick(void)
{
	world.now = mtime_add_ms(world.now, TICK_MS);
	for (uint32_t i = 0; i < world.peer_count; i++)
		if (world.peer[i].is_honest)
			run_honest(&world.peer[i]);
	world.now = mtime_add_ms(world.now, TICK_MS);
	listener_tick(&world.listener, world.now);
	serve();
	send_all();
}

// One user holds what it can: calls 3 .. 65 in each session, behind 2, and deliveries that it never answers.
static void hoard(uint64_t owner, uint32_t session_count)
{
	static const uint8_t body[MESSAGE_BYTES];
	for (uint32_t i = 0; i < session_count; i++) {
		struct peer *peer = join(owner, false);
		serve();
		for (uint32_t number = 3; number <= CALL_WINDOW; number++)
			send_call(peer, number, KIND_SUBMIT, MESSAGE_BYTES);
		serve();
		while (listener_call(&world.listener, peer->slot, KIND_DELIVER, body, sizeof body, 0) == MMS_OK)
			continue;
		send_all();
	}
}

// Lets one new user send MESSAGES to another. Returns the milliseconds until the last of them was delivered.
static int64_t correspond(void)
{
	static const uint8_t body[MESSAGE_BYTES];
	struct peer *fred = join(1001, true);
	struct peer *francoc = join(1002, true);
	world.accepted_count = 0;
	world.deliver_to = (uint32_t)(francoc - world.peer) + 1;
	tick();
	tick();
	const struct mtime began_at = world.now;
	for (uint32_t sent_count = 0; francoc->delivered_count < MESSAGES;) {
		// One at a time, each as soon as the one before it was delivered.
		if (sent_count < MESSAGES && sent_count == francoc->delivered_count) {
			assert_int_equal(caller_open(&fred->session.caller, &fred->pool.blocks, KIND_SUBMIT, body, sizeof body, 0),
					 MMS_OK);
			sent_count++;
		}
		tick();
		assert_true(mtime_diff_us(world.now, began_at) < 60 * 1000 * 1000);
	}
	return mtime_diff_us(world.now, began_at) / 1000;
}

static void three_users_hold_what_they_can(void **state)
{
	(void)state;
	begin();
	for (uint64_t user = 1; user <= 3; user++)
		hoard(user, 16 * 9);
	const int64_t ms = correspond();
	printf("# 3 users hold calls in 16 devices x 9 sessions: %d messages of others delivered in %lld ms each\n", MESSAGES,
	       (long long)ms / MESSAGES);
	assert_true(ms / MESSAGES < 1000);
	finish();
}

// So many users hold calls that nothing is left to share: then each has what is its own.
static void many_users_hold_what_they_can(void **state)
{
	(void)state;
	begin();
	for (uint64_t user = 1; user <= 24; user++)
		hoard(user, 18);
	const struct blocks *blocks = &world.listener.blocks;
	for (uint32_t part = 1; part < LISTENER_PARTS; part++)
		assert_int_equal(blocks->shared_used[part][BLOCKS_LARGE], BLOCKS_LARGE_MAX);
	const int64_t ms = correspond();
	printf("# and with nothing left to share: %lld ms each\n", (long long)ms / MESSAGES);
	assert_true(ms / MESSAGES < 1000);
	finish();
}

// Strangers leave what is for SIGNIN to those who come after them.
static void strangers_hold_what_they_can(void **state)
{
	(void)state;
	begin();
	for (uint32_t i = 0; i < 200; i++) {
		struct peer *peer = join(0, false);
		for (uint32_t number = 2; number <= CALL_WINDOW; number++)
			send_call(peer, number, KIND_SUBMIT, number % 2 == 0 ? MESSAGE_BYTES : 1);
	}
	const int64_t ms = correspond();
	assert_true(ms / MESSAGES < 1000);
	finish();
}

// A session that is closing gives back what it holds but need not say, and an account ends with its last session.
static void closing_gives_back(void **state)
{
	(void)state;
	begin();
	hoard(1, 2);
	assert_int_equal(world.listener.by_owner.used_count, 1);
	assert_true(blocks_used_count(&world.listener.blocks) > 2 * CALL_WINDOW);
	for (uint32_t i = 0; i < 2; i++)
		listener_close(&world.listener, world.peer[i].slot, false, world.now);
	assert_int_equal(blocks_used_count(&world.listener.blocks), 0); // not even for the answers to SIGNIN
	world.now = mtime_add_us(world.now, LISTENER_CLOSING_US);
	listener_tick(&world.listener, world.now);
	assert_int_equal(blocks_used_count(&world.listener.blocks), 0);
	assert_int_equal(world.listener.by_owner.used_count, 0);
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(three_users_hold_what_they_can),
		cmocka_unit_test(many_users_hold_what_they_can),
		cmocka_unit_test(strangers_hold_what_they_can),
		cmocka_unit_test(closing_gives_back),
	};
	return cmocka_run_group_tests_name("hoard", tests, crypto_set_up, NULL);
}
