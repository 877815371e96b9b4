// SPDX-License-Identifier: ISC
// proto/listener and proto/dialer together: first contact, calls both ways, restarts, roaming, renewal, silence, ends.
#include "dialer_world.h"

static void first_contact(void **state)
{
	(void)state;
	for (uint32_t loss = 0; loss <= 60; loss += 30) {
		begin(20 + loss, 3);
		world.loss_percent = loss;
		for (uint32_t i = 0; i < 3; i++) {
			dialer_ask(&world.device[i].dialer, world.now);
			world.device[i].message_count = 100;
		}
		const int64_t took_ms = run_until_accepted(120000);
		assert_true(loss > 0 || took_ms <= 200);
		for (uint32_t i = 0; i < 3; i++) {
			assert_int_equal(world.device[i].key_count, 1);
			assert_true(loss > 0 || world.device[i].up_count == 1);
		}
		finish();
	}
}

static void calls_both_ways(void **state)
{
	(void)state;
	begin(21, 2);
	world.loss_percent = 20;
	world.jitter_us = 30000;
	dial_all();
	run_ms(3000);
	for (int i = 0; i < 50; i++) {
		deliver_to_all(i % 5 == 0 ? 1000 : 50);
		world.device[0].message_count += 3;
		run_ms(40);
	}
	run_until_accepted(60000);
	run_ms(20000);
	assert_true(world.device[0].delivered_count >= 50 && world.device[1].delivered_count >= 50);
	assert_int_equal(world.delivery_answered_count,
			 world.device[0].delivered_count + world.device[1].delivered_count);
	finish();
}

// The server comes back knowing nothing: UNKNOWN, a session beside the old one, everything submitted again.
static void restart_of_the_server(void **state)
{
	(void)state;
	begin(22, 1);
	dial_all();
	world.device[0].message_count = 5;
	run_until_accepted(1000);
	stop_listener();
	start_listener();
	world.device[0].message_count = 8;
	const int64_t took_ms = run_until_accepted(5000);
	assert_true(took_ms <= 500);
	assert_true(world.unknown_count >= 1);
	assert_int_equal(world.device[0].up_count, 2);
	assert_int_equal(world.device[0].ended_count, 0);
	run_ms(10500);
	assert_int_equal(world.device[0].ended_count, 1); // the old one is retired
	run_ms(60000);
	assert_int_equal(world.device[0].up_count, 2);
	finish();
}

static void a_slow_restart(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 10; seed++) {
		begin(seed, 1);
		world.loss_percent = 50;
		dial_all();
		world.device[0].message_count = 5;
		run_until_accepted(60000);
		stop_listener();
		start_listener();
		world.device[0].message_count = 10;
		run_until_accepted(90000);
		run_ms(120000);
		assert_true(world.device[0].up_count <= 12);
		finish();
	}
}

static void roaming(void **state)
{
	(void)state;
	begin(23, 1);
	dial_all();
	run_ms(1000);
	for (uint16_t move = 0; move < 5; move++) {
		world.device[0].host = (uint16_t)(300 + move);
		world.device[0].message_count += 2;
		assert_true(run_until_accepted(3000) <= 30); // the very next round trip
		run_ms(200);
		const struct path *path = &world.listener.slot[0].session.path;
		const struct addr here = addr_of(world.device[0].host);
		assert_true(path_is_proved(path) && addr_is_same_peer(&path->current, &here));
		deliver_to_all(1000);
		run_ms(100);
	}
	assert_int_equal(world.device[0].delivered_count, 5);
	assert_int_equal(world.device[0].up_count, 1);
	finish();
}

// Datagrams go to an address that hears nothing: at most three times what came from there, and then back.
static void unproved_addresses_get_little(void **state)
{
	(void)state;
	begin(24, 1);
	dial_all();
	run_ms(1000);
	world.deaf_host = 400;
	world.device[0].host = 400;
	world.device[0].message_count += 1;
	run_ms(50);
	world.device[0].host = 100; // the device is back, and sends nothing of its own accord for a while
	world.device[0].is_silent = true;
	for (int i = 0; i < 60; i++) {
		deliver_to_all(1000);
		run_ms(10);
	}
	run_ms(10000);
	assert_true(world.sent_to_deaf_bytes > 0);
	assert_true(world.sent_to_deaf_bytes <= 3 * world.recv_from_deaf_bytes);
	run_until_accepted(20000);
	run_ms(5000);
	assert_int_equal(world.device[0].delivered_count, 60);
	assert_int_equal(world.device[0].up_count, 1);
	finish();
}

// Renewal after an hour, while datagrams arrive all the time: one handshake, no more.
static void renewal_under_traffic(void **state)
{
	(void)state;
	begin(25, 1);
	dial_all();
	run_ms(3590 * 1000);
	assert_int_equal(world.device[0].up_count, 1);
	const uint32_t inits = world.init_count;
	for (int i = 0; i < 20000; i += 5) {
		deliver_to_all(20);
		world.device[0].message_count += i % 50 == 0;
		run_ms(5);
	}
	assert_int_equal(world.device[0].up_count, 2);
	assert_int_equal(world.init_count - inits, 1);
	run_until_accepted(5000);
	run_ms(12000);
	assert_int_equal(world.device[0].ended_count, 1);
	run_ms(600 * 1000);
	assert_int_equal(world.device[0].up_count, 2);
	finish();
}

static void renewal_without_traffic(void **state)
{
	(void)state;
	begin(26, 1);
	dial_all();
	world.device[0].is_silent = true;
	for (int hour = 0; hour < 5; hour++)
		run_ms(3600 * 1000);
	assert_true(world.device[0].up_count >= 5 && world.device[0].up_count <= 6);
	assert_true(world.init_count <= 8);
	finish();
}

// A cut shorter than the silence makes no session, a longer one makes one, and nobody gives up during a long one.
static void silence(void **state)
{
	(void)state;
	begin(27, 1);
	dial_all();
	run_ms(1000);
	world.is_cut = true;
	world.device[0].message_count = 3;
	run_ms(10000);
	world.is_cut = false;
	run_until_accepted(2000);
	assert_int_equal(world.device[0].up_count, 1);

	world.is_cut = true;
	world.device[0].message_count = 6;
	run_ms(20000);
	world.is_cut = false;
	run_until_accepted(3000);
	run_ms(30000);
	assert_true(world.device[0].up_count <= 2);

	world.is_cut = true;
	world.device[0].message_count = 9;
	run_ms(20 * 60 * 1000);
	assert_int_equal(world.device[0].accepted_count, 6);
	world.is_cut = false;
	run_until_accepted(32000);
	const uint32_t ups = world.device[0].up_count;
	run_ms(120000);
	assert_true(world.device[0].up_count <= ups + 1);
	finish();
}

static void key_changed(void **state)
{
	(void)state;
	begin(28, 1);
	dial_all();
	run_ms(1000);
	stop_listener();
	make_pair(&world.server);
	start_listener();
	world.device[0].message_count = 1;
	run_ms(30000);
	assert_int_equal(world.device[0].changed_count, 1);
	assert_int_equal(world.device[0].dialer.state, DIALER_IDLE);
	assert_true(dialer_deadline(&world.device[0].dialer, world.now).us == MTIME_NEVER.us);
	finish();
}

static void sign_out(void **state)
{
	(void)state;
	begin(29, 2);
	dial_all();
	run_ms(1000);
	deliver_to_all(500);
	world.device[0].message_count = 20;
	run_until_accepted(1000);
	assert_int_equal(dialer_call(&world.device[0].dialer, world.device[0].present, KIND_SIGNOUT, NULL, 0, 0),
			 MMS_OK);
	run_ms(500);
	dialer_stop(&world.device[0].dialer);
	assert_int_equal(world.listener_ended_count, 0);
	run_ms(10000);
	assert_int_equal(world.listener_ended_count, 1);
	// the other one falls silent
	dialer_stop(&world.device[1].dialer);
	run_ms(165000);
	assert_int_equal(world.listener_ended_count, 1);
	run_ms(20000);
	assert_int_equal(world.listener_ended_count, 2);
	assert_int_equal(listener_blocks(), 0);
	assert_true(listener_deadline(&world.listener).us == MTIME_NEVER.us);
	finish();
}

static void refused(void **state)
{
	(void)state;
	begin(30, 3);
	world.refuses = true;
	world.loss_percent = 30;
	dial_all();
	run_ms(8000);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(world.device[i].refused_count, 1);
	run_ms(30000);
	assert_int_equal(listener_blocks(), 0);
	finish();
}

// Everything at once, from a seed; then peace: all is accepted, everybody leaves, nothing is left.
static void turmoil(uint64_t seed)
{
	begin(seed, 3);
	dial_all();
	for (int turn = 0; turn < 60; turn++) {
		world.loss_percent = seeded_below(&world.seeded, 70);
		world.jitter_us = seeded_below(&world.seeded, 50000);
		world.is_cut = seeded_chance(&world.seeded, 10);
		for (uint32_t i = 0; i < 3; i++) {
			if (seeded_chance(&world.seeded, 10))
				world.device[i].host = (uint16_t)(1000 + seeded_below(&world.seeded, 60000));
			world.device[i].message_count += seeded_below(&world.seeded, 30);
		}
		if (seeded_chance(&world.seeded, 5)) {
			stop_listener();
			start_listener();
		}
		deliver_to_all(seeded_below(&world.seeded, 1100));
		run_ms(seeded_below(&world.seeded, seeded_chance(&world.seeded, 10) ? 40000 : 3000));
	}
	world.loss_percent = 0;
	world.is_cut = false;
	run_until_accepted(40000);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(world.device[i].changed_count, 0);
		dialer_stop(&world.device[i].dialer);
	}
	run_ms(200 * 1000);
	assert_int_equal(listener_blocks(), 0);
	assert_true(listener_deadline(&world.listener).us == MTIME_NEVER.us);
	for (uint32_t slot = 0; slot < SLOTS; slot++)
		assert_false(world.is_slot_live[slot]);
	finish();
}

static void turmoil_then_peace(void **state)
{
	(void)state;
	for (uint64_t seed = 100; seed < 120; seed++)
		turmoil(seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_contact),
		cmocka_unit_test(calls_both_ways),
		cmocka_unit_test(restart_of_the_server),
		cmocka_unit_test(a_slow_restart),
		cmocka_unit_test(roaming),
		cmocka_unit_test(unproved_addresses_get_little),
		cmocka_unit_test(renewal_under_traffic),
		cmocka_unit_test(renewal_without_traffic),
		cmocka_unit_test(silence),
		cmocka_unit_test(key_changed),
		cmocka_unit_test(sign_out),
		cmocka_unit_test(refused),
		cmocka_unit_test(turmoil_then_peace),
	};
	return cmocka_run_group_tests_name("listener_dialer", tests, crypto_set_up, NULL);
}
