// SPDX-License-Identifier: ISC
// node/device_life: the server's name and its silence, and what is told.
#include "device_life_world.h"

static void test_a_name_that_does_not_resolve(void **state)
{
	(void)state;
	begin(false); // a key that nobody can be asked for
	be(LIFE_RECEIVES);
	ordered(LIFE_RESOLVE);
	assert_false(next());
	assert_true(device_life_deadline(&w.life, w.now).us > w.now.us); // while it is looked up
	device_life_unresolved(&w.life, w.now);
	stopped(LIFE_STOP_NO_HOST);
	ordered_no_more(); // nobody keeps trying
	device_life_forget(&w.life);
	be(LIFE_RECEIVES);
	stopped(LIFE_STOP_NO_HOST);
	finish();

	begin(true); // a user who has never signed in
	be(LIFE_SENDS);
	ordered(LIFE_RESOLVE);
	device_life_unresolved(&w.life, w.now);
	open_profile(false);
	stopped(LIFE_STOP_NO_HOST);
	ordered_no_more();
	finish();

	begin(true); // one who has: trying goes on, less and less often
	ordered(LIFE_RESOLVE);
	device_life_unresolved(&w.life, w.now);
	assert_false(next());
	assert_false(device_life_is_silent(&w.life, w.now)); // nobody is wanted who could miss it
	be(LIFE_RECEIVES);
	open_profile(true);
	told(LIFE_TOLD_KNOWN);
	told(LIFE_TOLD_UNREACHABLE);
	receive(true);
	take_turn(true, true);
	assert_false(next());
	int64_t wait_us = LIFE_LOOKUP_US_FIRST;
	for (int i = 0; i < 8; i++) {
		assert_int_equal(w.life.lookup_at.us, w.now.us + wait_us);
		assert_true(device_life_deadline(&w.life, w.now).us <= w.life.lookup_at.us);
		w.now = w.life.lookup_at;
		ordered(LIFE_RESOLVE);
		assert_false(next()); // nowhere to send to
		assert_true(device_life_is_silent(&w.life, w.now)); // as before, while it is looked up
		device_life_unresolved(&w.life, w.now);
		wait_us = 2 * wait_us < LIFE_LOOKUP_US_MAX ? 2 * wait_us : LIFE_LOOKUP_US_MAX;
	}
	device_life_resolved(&w.life, here(), 1, w.now);
	assert_true(sent_count() > 0);
	finish();
}

static void test_a_silent_server(void **state)
{
	(void)state;
	struct addr elsewhere = addr_of(2);
	begin(true);
	be(LIFE_RECEIVES);
	resolve();
	open_profile(true);
	told(LIFE_TOLD_KNOWN);
	receive(true);
	take_turn(true, true);
	ordered_no_more();
	assert_false(device_life_was_reached(&w.life));
	while (!device_life_is_silent(&w.life, w.now)) {
		const struct mtime due = device_life_deadline(&w.life, w.now);
		assert_true(due.us > w.now.us && due.us <= w.life.wished_at.us + LIFE_SILENT_US);
		w.now = due;
		if (!device_life_is_silent(&w.life, w.now))
			ordered_no_more();
	}
	assert_int_equal(w.now.us, w.life.wished_at.us + LIFE_SILENT_US);
	told(LIFE_TOLD_UNREACHABLE);
	ordered(LIFE_RESOLVE); // its name may stand for another address now
	ordered_no_more();
	assert_true(w.life.node.dialer.addr_count == 1);
	device_life_resolved(&w.life, &elsewhere, 1, w.now);
	assert_true(next());
	assert_int_equal(w.order.type, LIFE_SEND);
	assert_true(addr_is_same_peer(&w.order.datagrams.addr, &elsewhere));
	ordered_no_more();
	assert_true(device_life_deadline(&w.life, w.now).us <= w.life.lookup_at.us);
	w.now = w.life.lookup_at;
	ordered(LIFE_RESOLVE);
	device_life_unresolved(&w.life, w.now); // the addresses there are stay
	assert_int_equal(w.life.node.dialer.addr_count, 1);

	pass_ms(1);
	w.life.node.dialer.heard_at = w.now;
	assert_true(device_life_was_reached(&w.life));
	ordered_no_more();
	assert_int_equal(w.life.state, LIFE_DIALING); // reached, and not signed in: nothing is told yet
	grant();
	told(LIFE_TOLD_SIGNED_IN);
	ordered_no_more();
	told(LIFE_TOLD_REACHED);
	finish();
	assert_false(device_life_was_reached(&w.life));
}

// A session to where the server was is followed at once by one to where it is.
static void test_a_server_that_moves_under_a_session(void **state)
{
	(void)state;
	struct addr elsewhere = addr_of(2);
	sign_in(LIFE_RECEIVES);
	w.life.node.dialer.state = DIALER_UP;
	w.life.node.dialer.init.pending = 0;
	device_life_resolved(&w.life, here(), 1, w.now);
	assert_int_equal(sent_count(), 0);
	w.life.lookup = LOOKUP_RUNNING;
	device_life_resolved(&w.life, &elsewhere, 1, w.now); // it answers: nothing is to be done
	assert_int_equal(sent_count(), 0);
	struct session *session = &w.life.node.dialer.slot[0].session;
	w.life.node.dialer.slot[0].state = DIALER_SLOT_PRESENT;
	session->heard_at = w.now;
	struct caller_calls calls = {.sent = 1, .waiting_since = w.now};
	session->caller.calls = &calls;
	pass_ms(LIFE_SILENT_US / 1000);
	assert_true(device_life_is_silent(&w.life, w.now));
	device_life_resolved(&w.life, here(), 1, w.now);
	assert_int_not_equal(w.life.node.dialer.state, DIALER_UP);
	w.life.node.dialer.slot[0].state = DIALER_SLOT_FREE;
	session->caller.calls = NULL;
	finish();
}

// Each state has its deadline, and what is asked of it answers.
static void test_deadlines(void **state)
{
	(void)state;
	sign_in(LIFE_RECEIVES);
	assert_true(w.life.is_holding);
	client_put(&w.life.node.client, CLIENT_SLOTS, 0, &(struct transcript_row){.is_gap = true, .gap_count = 1});
	told(LIFE_TOLD_STORED);
	pass_ms(LIFE_SILENT_US / 1000);
	told(LIFE_TOLD_UNREACHABLE);
	ordered(LIFE_RESOLVE);
	device_life_resolved(&w.life, here(), 1, w.now);
	ordered(LIFE_STIR);
	ordered_no_more();
	assert_true(device_life_deadline(&w.life, w.now).us <= w.life.lookup_at.us);
	finish();
	assert_false(device_life_is_known(&w.life));

	begin(true);
	be(LIFE_RECEIVES);
	ordered(LIFE_RESOLVE);
	open_profile(true);
	told(LIFE_TOLD_KNOWN);
	receive(true);
	take_turn(true, true);
	w.life.node.client.slot[0].state = CLIENT_SLOT_SIGNING_IN;
	ordered_no_more();
	assert_int_equal(w.life.state, LIFE_SIGNING_IN);
	client_tells(TOLD_REFUSED);
	stopped(LIFE_STOP_REFUSED);
	device_life_unresolved(&w.life, w.now); // of a wish that is over
	ordered(LIFE_GIVE);
	ordered(LIFE_YIELD);
	assert_false(next());
	finish();
}

// Whatever the client tells goes on as it is, in its order.
static void test_all_is_told(void **state)
{
	(void)state;
	static const enum client_told_type in[] = {TOLD_RECONNECTED, TOLD_STORED,  TOLD_VERDICT,    TOLD_LIST_BEGIN,
						   TOLD_LIST_USER,    TOLD_LIST_END, TOLD_LIST_FAILED, TOLD_SHUTDOWN};
	static const enum life_told_type out[] = {LIFE_TOLD_RECONNECTED, LIFE_TOLD_STORED,  LIFE_TOLD_VERDICT,
						  LIFE_TOLD_LIST_BEGIN,   LIFE_TOLD_LIST_USER, LIFE_TOLD_LIST_END,
						  LIFE_TOLD_LIST_FAILED,  LIFE_TOLD_SHUTDOWN};
	sign_in(LIFE_RECEIVES);
	for (int round = 0; round < 100; round++) { // round and round the queue
		for (size_t i = 0; i < sizeof in / sizeof in[0]; i++)
			client_tells(in[i]);
		assert_int_equal(device_life_deadline(&w.life, w.now).us, w.now.us);
		for (size_t i = 0; i < sizeof out / sizeof out[0]; i++) {
			told(out[i]);
			assert_string_equal(w.order.told.name.text, "fred");
		}
	}
	finish();
}

static void test_datagrams_reach_the_protocol(void **state)
{
	(void)state;
	uint8_t datagram[WIRE_SERVERINFO_BYTES];
	begin(false);
	be(LIFE_RECEIVES);
	resolve();
	ordered_no_more();
	wire_serverinfo_encode(w.life.node.dialer.nonce, w.server.public_key, datagram);
	pass_ms(10);
	device_life_recv(&w.life, here(), datagram, sizeof datagram, w.now);
	ordered(LIFE_OPEN);
	assert_true(device_life_was_reached(&w.life));
	device_life_failed(&w.life);
	stopped(LIFE_STOP_FAILED);
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_name_that_does_not_resolve),
		cmocka_unit_test(test_a_silent_server),
		cmocka_unit_test(test_a_server_that_moves_under_a_session),
		cmocka_unit_test(test_deadlines),
		cmocka_unit_test(test_all_is_told),
		cmocka_unit_test(test_datagrams_reach_the_protocol),
	};
	return cmocka_run_group_tests(tests, crypto_set_up, NULL);
}
