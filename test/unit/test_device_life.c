// SPDX-License-Identifier: ISC
// node/device_life: each state, what leads out of it, and what is ordered on the way.
#include "device_life_world.h"

// --- from a wish to a session ---

static void test_a_first_sign_in(void **state)
{
	(void)state;
	begin(false);
	assert_int_equal(device_life_deadline(&w.life, w.now).us, w.now.us); // its first order is due
	be(LIFE_RECEIVES);
	assert_int_equal(w.life.state, LIFE_ASKING);
	resolve();
	assert_int_equal(sent_count(), 1); // HELLO
	server_shows(DEVICE_SERVER_KEY, w.server.public_key);
	assert_int_equal(w.life.state, LIFE_OPENING);
	assert_int_equal(device_life_deadline(&w.life, w.now).us, w.now.us);
	open_profile(false);
	assert_int_equal(w.life.state, LIFE_WAITING);
	assert_false(device_life_is_known(&w.life));
	take_turn(false, false);
	ordered_no_more();
	assert_int_equal(device_life_deadline(&w.life, w.now).us, w.now.us + LIFE_TURN_US);
	pass_ms(LIFE_TURN_US / 1000);
	take_turn(true, false);
	receive(true);
	assert_int_equal(w.life.state, LIFE_DIALING);
	assert_int_equal(sent_count(), 1); // INIT
	w.life.node.client.slot[1].state = CLIENT_SLOT_SIGNING_IN;
	assert_false(next());
	assert_int_equal(w.life.state, LIFE_SIGNING_IN);
	grant();

	// Told only when the key is pinned, and the profile says that it has signed in.
	ordered(LIFE_PIN);
	assert_memory_equal(w.order.key, w.server.public_key, NOISE_KEY_BYTES);
	device_life_pinned(&w.life);
	ordered(LIFE_NOTE);
	assert_string_equal(w.order.name.text, "fred");
	device_life_noted(&w.life);
	told(LIFE_TOLD_SIGNED_IN);
	told(LIFE_TOLD_KNOWN);
	ordered(LIFE_STIR); // another process of the profile may wait for it
	ordered_no_more();
	assert_int_equal(w.life.state, LIFE_SIGNED_IN);
	assert_true(device_life_is_known(&w.life));
	assert_true(w.life.node.client.may_submit);
	finish();
}

static void test_the_server_renames_a_user(void **state)
{
	(void)state;
	begin(true);
	be(LIFE_RECEIVES);
	resolve();
	open_profile(true);
	told(LIFE_TOLD_KNOWN);
	receive(true);
	take_turn(true, true);
	w.life.facts.name = name_of("FRED");
	grant();
	ordered(LIFE_NOTE);
	device_life_noted(&w.life);
	told(LIFE_TOLD_SIGNED_IN);
	finish();
}

// Who has signed in before need not wait for the outbox, unless it only sends.
static void test_who_waits_for_a_turn(void **state)
{
	(void)state;
	for (int use = LIFE_RECEIVES; use <= LIFE_SENDS; use++) {
		begin(true);
		be((enum life_use)use);
		resolve();
		open_profile(true);
		told(LIFE_TOLD_KNOWN);
		if (use == LIFE_RECEIVES)
			receive(true);
		assert_false(device_life_may_have_submitted(&w.life));
		take_turn(false, true);
		assert_true(device_life_may_have_submitted(&w.life)); // who has the outbox may have done it
		assert_int_equal(sent_count(), use == LIFE_SENDS ? 0 : 1);
		assert_int_equal(w.life.state, use == LIFE_SENDS ? LIFE_WAITING : LIFE_DIALING);
		assert_false(w.life.node.client.may_submit);
		for (int i = 0; i < 20; i++) { // less and less often
			pass_ms(LIFE_TURN_US_MAX / 1000);
			while (next())
				if (w.order.type == LIFE_TAKE) {
					const struct life_facts read = facts(true);
					device_life_busy(&w.life, &read, i % 2 == 0, w.now);
				} else {
					assert_true(w.order.type == LIFE_SEND || w.order.type == LIFE_RESOLVE ||
						    (w.order.type == LIFE_TELL && (w.order.told.type == LIFE_TOLD_CHANGED ||
										   w.order.told.type == LIFE_TOLD_UNREACHABLE)));
				}
		}
		assert_int_equal(w.life.turn_wait_us, LIFE_TURN_US_MAX);
		pass_ms(LIFE_TURN_US_MAX / 1000);
		while (next() && w.order.type != LIFE_TAKE)
			;
		const struct life_facts read = facts(true);
		device_life_taken(&w.life, &read, false, w.now);
		assert_int_equal(w.life.state, LIFE_DIALING);
		assert_true(w.life.node.client.may_submit);
		finish();
	}
}

// Who waits to sign in first sees that another process has done it; one that only sends may queue then, and waits on.
static void test_another_process_signs_in_first(void **state)
{
	(void)state;
	for (int use = LIFE_RECEIVES; use <= LIFE_SENDS; use++) {
		begin(true);
		be((enum life_use)use);
		resolve();
		open_profile(false);
		take_turn(false, false);
		ordered_no_more();
		pass_ms(LIFE_TURN_US / 1000);
		take_turn(false, true);
		told(LIFE_TOLD_KNOWN);
		if (use == LIFE_RECEIVES)
			receive(false); // it may not have ended
		assert_int_equal(w.life.state, use == LIFE_SENDS ? LIFE_WAITING : LIFE_DIALING);
		finish();
	}
}

// --- the outbox ---

static void test_who_holds_the_outbox_is_poked(void **state)
{
	(void)state;
	begin(true);
	be(LIFE_SENDS);
	resolve();
	open_profile(true);
	told(LIFE_TOLD_KNOWN);
	take_turn(false, true);
	device_life_queued(&w.life, w.now);
	device_life_woken(&w.life, w.now); // nothing is at work that could submit
	ordered(LIFE_POKE);
	ordered_no_more();
	pass_ms(LIFE_POKE_US / 1000);
	ordered(LIFE_POKE);
	take_turn(true, true);
	device_life_queued(&w.life, w.now);
	device_life_woken(&w.life, w.now);
	pass_ms(LIFE_POKE_US / 1000);
	ordered_no_more(); // it submits by itself now
	finish();
}

// Who had it may have left a verdict before it went.
static void test_what_was_written_before_the_turn_is_told(void **state)
{
	(void)state;
	const struct life_facts read = facts(true);
	begin(true);
	be(LIFE_SENDS);
	resolve();
	open_profile(true);
	told(LIFE_TOLD_KNOWN);
	ordered(LIFE_TAKE);
	device_life_busy(&w.life, &read, true, w.now);
	told(LIFE_TOLD_CHANGED);
	ordered_no_more();
	pass_ms(LIFE_TURN_US / 1000);
	ordered(LIFE_TAKE);
	device_life_taken(&w.life, &read, true, w.now);
	told(LIFE_TOLD_CHANGED);
	finish();
}

static void test_a_stopped_life_gives_the_outbox(void **state)
{
	(void)state;
	sign_in(LIFE_RECEIVES);
	client_tells(TOLD_REPLACED);
	ordered(LIFE_OVERRULE); // those who follow must know first
	device_life_overruled(&w.life);
	stopped(LIFE_STOP_REPLACED);
	assert_int_equal(device_life_deadline(&w.life, w.now).us, w.now.us);
	ordered(LIFE_GIVE);
	ordered(LIFE_YIELD);
	ordered(LIFE_STIR);
	assert_false(next());
	assert_int_equal(device_life_deadline(&w.life, w.now).us, MTIME_NEVER.us);
	client_tells(TOLD_REPLACED); // it has ended already
	assert_false(next());
	device_life_leave(&w.life, w.now);
	device_life_failed(&w.life);
	assert_false(next());
	finish();
}

// --- ends ---

static void test_refusals(void **state)
{
	(void)state;
	static const struct {
		enum client_told_type told;
		enum life_stop stop;
		bool is_key_kept; // though it is not pinned
	} ends[] = {
		{TOLD_REFUSED, LIFE_STOP_REFUSED, false},       {TOLD_NOT_PROVED, LIFE_STOP_NOT_PROVED, false},
		{TOLD_BROKEN, LIFE_STOP_BROKEN, false},         {TOLD_REMOVED, LIFE_STOP_REMOVED, true},
		{TOLD_SIGNED_OUT, LIFE_STOP_SIGNED_OUT, true},
	};
	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
		for (int is_pinned = 0; is_pinned <= 1; is_pinned++) {
			begin(is_pinned == 1);
			be(LIFE_RECEIVES);
			resolve();
			if (is_pinned == 0) {
				ordered_no_more();
				server_shows(DEVICE_SERVER_KEY, w.server.public_key);
			}
			open_profile(false);
			take_turn(true, false);
			receive(true);
			client_tells(ends[i].told);
			stopped(ends[i].stop);
			assert_int_equal(w.order.told.status, STATUS_NOT_AUTHORIZED);
			ordered(LIFE_GIVE);
			assert_int_equal(w.life.has_key, is_pinned == 1 || ends[i].is_key_kept);
			finish();
		}
}

static void test_keys(void **state)
{
	(void)state;
	struct life_server server = {.has_fingerprint = true};
	begin(false);
	be(LIFE_RECEIVES);
	resolve();
	server_shows(DEVICE_NO_VERSION, w.server.public_key);
	stopped(LIFE_STOP_VERSION);
	finish();

	begin(true);
	be(LIFE_RECEIVES);
	resolve();
	server_shows(DEVICE_KEY_CHANGED, w.device.public_key);
	stopped(LIFE_STOP_KEY);
	assert_memory_equal(w.life.shown_key, w.device.public_key, NOISE_KEY_BYTES);
	finish();

	begin_at(&server); // a fingerprint that is not the shown key's
	be(LIFE_RECEIVES);
	resolve();
	server_shows(DEVICE_SERVER_KEY, w.server.public_key);
	stopped(LIFE_STOP_KEY);
	finish();

	server.is_pinned = true; // and not the pinned one's
	begin_at(&server);
	be(LIFE_RECEIVES);
	assert_int_equal(w.life.state, LIFE_ASKING);
	stopped(LIFE_STOP_KEY);
	finish();

	server.fingerprint = hash_fingerprint(w.server.public_key);
	begin_at(&server);
	be(LIFE_RECEIVES);
	assert_int_equal(w.life.state, LIFE_OPENING);
	finish();
}

static void test_a_failed_order(void **state)
{
	(void)state;
	begin(true);
	device_life_failed(&w.life); // nobody is wanted
	be(LIFE_RECEIVES);
	resolve();
	ordered(LIFE_OPEN);
	device_life_failed(&w.life);
	stopped(LIFE_STOP_FAILED);
	assert_false(next());
	finish();

	// What is not told yet is not, when the pin fails: the sign-in too.
	begin(false);
	be(LIFE_RECEIVES);
	resolve();
	server_shows(DEVICE_SERVER_KEY, w.server.public_key);
	open_profile(false);
	take_turn(true, false);
	receive(true);
	grant();
	ordered(LIFE_PIN);
	device_life_failed(&w.life);
	stopped(LIFE_STOP_FAILED);
	ordered(LIFE_GIVE);
	ordered(LIFE_YIELD);
	assert_false(next());
	finish();
}

static void test_a_broken_store(void **state)
{
	(void)state;
	sign_in(LIFE_RECEIVES);
	client_break(&w.life.node.client);
	stopped(LIFE_STOP_STORE);
	finish();
}

static void test_leaving(void **state)
{
	(void)state;
	begin(true);
	device_life_leave(&w.life, w.now);
	device_life_list(&w.life, &(struct client_list_wish){.kind = LIST_USERS}, w.now);
	be(LIFE_RECEIVES);
	resolve();
	open_profile(true);
	told(LIFE_TOLD_KNOWN);
	device_life_leave(&w.life, w.now); // nobody has signed in
	stopped(LIFE_STOP_SIGNED_OUT);
	finish();

	sign_in(LIFE_RECEIVES);
	device_life_leave(&w.life, w.now);
	device_life_leave(&w.life, w.now);
	assert_int_equal(w.life.state, LIFE_SIGNING_OUT);
	assert_true(w.life.node.client.is_leaving);
	assert_true(device_life_deadline(&w.life, w.now).us <= w.now.us + LIFE_SIGNOUT_US);
	ordered_no_more();
	client_tells(TOLD_SIGNED_OUT);
	stopped(LIFE_STOP_SIGNED_OUT);
	finish();

	sign_in(LIFE_RECEIVES);
	w.life.node.dialer.state = DIALER_IDLE; // the server is not silent, and does not answer
	device_life_leave(&w.life, w.now);
	ordered_no_more();
	pass_ms(LIFE_SIGNOUT_US / 1000);
	stopped(LIFE_STOP_SIGNED_OUT);
	finish();

	sign_in(LIFE_RECEIVES);
	device_life_leave(&w.life, w.now);
	pass_ms(LIFE_SILENT_US / 1000);
	told(LIFE_TOLD_UNREACHABLE);
	stopped(LIFE_STOP_SIGNED_OUT);
	finish();
}

// Who does not receive and was replaced has made room for others, and comes back.
static void test_pausing(void **state)
{
	(void)state;
	sign_in(LIFE_ASKS);
	device_life_list(&w.life, &(struct client_list_wish){.kind = LIST_USERS}, w.now);
	assert_true(w.life.node.client.list.is_wanted);
	client_tells(TOLD_REPLACED);
	assert_false(next());
	assert_int_equal(w.life.state, LIFE_PAUSING);
	assert_int_equal(device_life_deadline(&w.life, w.now).us, w.now.us + LIFE_PAUSE_US);
	pass_ms(LIFE_PAUSE_US / 1000);
	assert_int_equal(sent_count(), 1);
	assert_int_equal(w.life.state, LIFE_DIALING);
	assert_true(w.life.node.client.may_submit); // it has kept the outbox
	grant();
	told(LIFE_TOLD_SIGNED_IN);

	client_tells(TOLD_REPLACED);
	assert_false(next());
	device_life_leave(&w.life, w.now); // from a pause, at once
	stopped(LIFE_STOP_SIGNED_OUT);
	finish();

	sign_in(LIFE_SENDS);
	device_life_leave(&w.life, w.now);
	client_tells(TOLD_REPLACED);
	stopped(LIFE_STOP_REPLACED);
	finish();
}

// The outbox is given away when the next process can read what became of what this one submitted.
static void test_outbox_is_given_behind_the_last_batch(void **state)
{
	(void)state;
	static struct client_appended appended;
	sign_in(LIFE_RECEIVES);
	client_put(&w.life.node.client, CLIENT_SLOTS, 0, &(struct transcript_row){.is_gap = true, .gap_count = 1});
	assert_true(device_life_next(&w.life, w.now, &w.order));
	assert_int_equal(w.order.type, LIFE_APPEND);
	appended.number = w.order.batch->number;
	device_life_failed(&w.life);
	stopped(LIFE_STOP_FAILED);
	assert_false(next());
	assert_int_equal(device_life_deadline(&w.life, w.now).us, MTIME_NEVER.us);
	device_life_appended(&w.life, &appended, w.now);
	ordered(LIFE_GIVE);
	ordered(LIFE_YIELD);
	ordered(LIFE_STIR);
	assert_false(next());
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_outbox_is_given_behind_the_last_batch),
		cmocka_unit_test(test_a_first_sign_in),
		cmocka_unit_test(test_the_server_renames_a_user),
		cmocka_unit_test(test_who_waits_for_a_turn),
		cmocka_unit_test(test_another_process_signs_in_first),
		cmocka_unit_test(test_who_holds_the_outbox_is_poked),
		cmocka_unit_test(test_what_was_written_before_the_turn_is_told),
		cmocka_unit_test(test_a_stopped_life_gives_the_outbox),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_a_failed_order),
		cmocka_unit_test(test_a_broken_store),
		cmocka_unit_test(test_leaving),
		cmocka_unit_test(test_pausing),
	};
	return cmocka_run_group_tests(tests, crypto_set_up, NULL);
}
