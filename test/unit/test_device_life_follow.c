// SPDX-License-Identifier: ISC
// node/device_life and node/device_showing: several processes of a profile, of which one receives, and what each of them shows.
#include "device_life_world.h"

#include "node/device_showing.h"

// --- following ---

static void follow(void)
{
	begin(true);
	be(LIFE_RECEIVES);
	resolve();
	open_profile(true);
	told(LIFE_TOLD_KNOWN);
	receive(false);
	assert_int_equal(w.life.state, LIFE_DIALING);
	assert_false(w.life.node.client.config.is_receiving);
	ordered_no_more(); // it has no use for the outbox
	grant();
	told(LIFE_TOLD_SIGNED_IN);
	ordered_no_more();
}

static void test_who_follows_receives_when_the_other_one_ends(void **state)
{
	(void)state;
	follow();
	device_life_list(&w.life, &(struct client_list_wish){.kind = LIST_USERS}, w.now);
	ordered_no_more();
	device_life_stirred(&w.life, w.now);
	assert_int_equal(device_life_deadline(&w.life, w.now).us, w.now.us);
	receive(false); // it only had news
	ordered_no_more();
	const struct life_facts read = facts(true);
	pass_ms(LIFE_LOOK_US / 1000); // nobody woke it
	while (next() && w.order.type != LIFE_RECEIVE)
		;
	device_life_receives(&w.life, &read, false, w.now);
	while (next() && w.order.type != LIFE_TAKE)
		;
	device_life_taken(&w.life, &read, false, w.now);
	ordered_no_more(); // INIT, of a session that receives
	assert_true(w.life.node.client.config.is_receiving);
	assert_true(w.life.node.client.may_submit);
	assert_true(w.life.node.client.list.is_wanted); // as it was
	grant();
	told(LIFE_TOLD_SIGNED_IN);
	device_life_stirred(&w.life, w.now);
	ordered_no_more(); // it need not try again
	finish();
}

// What the session that does not receive has brought is kept and told before that is over.
static void test_the_role_changes_behind_the_last_batch(void **state)
{
	(void)state;
	static struct client_appended appended;
	const struct life_facts read = facts(true);
	follow();
	client_put_verdict(&w.life.node.client, &(struct client_told){.type = TOLD_VERDICT, .state = OUTBOX_SAVED});
	assert_true(device_life_next(&w.life, w.now, &w.order));
	assert_int_equal(w.order.type, LIFE_APPEND);
	appended.number = w.order.batch->number;
	device_life_stirred(&w.life, w.now);
	assert_true(device_life_next(&w.life, w.now, &w.order));
	assert_int_equal(w.order.type, LIFE_RECEIVE);
	device_life_receives(&w.life, &read, false, w.now);
	take_turn(true, true);
	ordered_no_more();
	assert_false(w.life.node.client.config.is_receiving);
	device_life_appended(&w.life, &appended, w.now);
	told(LIFE_TOLD_VERDICT);
	ordered(LIFE_STIR);
	ordered_no_more();
	assert_true(w.life.node.client.config.is_receiving);
	finish();
}

static void test_who_receives_stirs_the_others(void **state)
{
	(void)state;
	sign_in(LIFE_RECEIVES);
	client_put(&w.life.node.client, CLIENT_SLOTS, 0, &(struct transcript_row){.is_gap = true, .gap_count = 1});
	told(LIFE_TOLD_STORED);
	ordered(LIFE_STIR);
	ordered_no_more();
	finish();
}

// Who follows wakes the one that submits until that looks by itself.
static void test_pokes_of_who_follows_end(void **state)
{
	(void)state;
	uint32_t count = 0;
	follow();
	device_life_queued(&w.life, w.now);
	for (int i = 0; i < 20; i++) {
		while (next()) {
			count += w.order.type == LIFE_POKE;
			if (w.order.type == LIFE_RECEIVE) {
				const struct life_facts read = facts(true);
				device_life_follows(&w.life, &read, false, w.now);
			}
		}
		pass_ms(LIFE_POKE_US / 1000);
	}
	assert_int_equal(count, CLIENT_LOOK_US / LIFE_POKE_US + 1);
	finish();
}

// --- a copy of the profile ---

static void test_a_copy_replaces_all_processes(void **state)
{
	(void)state;
	follow();
	w.replaced_count = 1;
	device_life_stirred(&w.life, w.now);
	receive(false);
	stopped(LIFE_STOP_REPLACED);
	assert_false(next());
	finish();

	follow(); // the one that was replaced has ended already
	w.replaced_count = 1;
	device_life_stirred(&w.life, w.now);
	receive(true);
	stopped(LIFE_STOP_REPLACED);
	ordered(LIFE_YIELD);
	assert_false(next());
	finish();

	begin(true); // who comes after that is meant to receive
	w.replaced_count = 1;
	be(LIFE_RECEIVES);
	resolve();
	open_profile(true);
	told(LIFE_TOLD_KNOWN);
	receive(true);
	assert_int_equal(w.life.state, LIFE_DIALING);
	finish();
}

// The server has made room for others: that is no copy, and who follows comes back when it has something to ask.
static void test_who_follows_makes_room(void **state)
{
	(void)state;
	for (int is_asked = 0; is_asked <= 1; is_asked++) {
		follow();
		client_tells(TOLD_REPLACED);
		assert_false(next());
		assert_int_equal(w.life.state, LIFE_PAUSING);
		pass_ms(LIFE_PAUSE_US / 1000);
		assert_false(next());
		if (is_asked == 1)
			device_life_list(&w.life, &(struct client_list_wish){.kind = LIST_USERS}, w.now);
		else
			pass_ms((LIFE_FOLLOW_PAUSE_US - LIFE_PAUSE_US) / 1000);
		if (is_asked == 0)
			receive(false); // it has looked meanwhile
		assert_int_equal(sent_count(), 1);
		assert_int_equal(w.life.state, LIFE_DIALING);
		assert_int_equal(w.life.node.client.list.is_wanted, is_asked);
		finish();
	}
	follow();
	client_tells(TOLD_REPLACED);
	assert_false(next());
	device_life_stirred(&w.life, w.now);
	receive(true); // from a pause
	take_turn(true, true);
	assert_int_equal(sent_count(), 1);
	assert_true(w.life.node.client.config.is_receiving);
	finish();
}

// --- standing aside ---

static void test_who_was_overtaken_follows(void **state)
{
	(void)state;
	sign_in(LIFE_RECEIVES);
	device_life_overtaken(&w.life, w.now);
	assert_false(w.life.node.client.may_submit);
	client_tells(TOLD_REPLACED); // by the process that receives now
	assert_false(next() && w.order.type != LIFE_RECEIVE);
	const struct life_facts read = facts(true);
	device_life_follows(&w.life, &read, true, w.now);
	told(LIFE_TOLD_CHANGED);
	assert_int_equal(sent_count(), 1);
	assert_false(w.life.node.client.config.is_receiving);
	finish();

	sign_in(LIFE_RECEIVES); // the other one has ended again
	device_life_overtaken(&w.life, w.now);
	receive(true);
	take_turn(true, true);
	assert_int_equal(sent_count(), 1);
	assert_true(w.life.node.client.config.is_receiving);
	finish();

	sign_in(LIFE_RECEIVES);
	device_life_leave(&w.life, w.now);
	device_life_overtaken(&w.life, w.now);
	stopped(LIFE_STOP_SIGNED_OUT);
	assert_false(next());
	finish();

	sign_in(LIFE_SENDS); // who only sends waits for its turn again
	device_life_overtaken(&w.life, w.now);
	take_turn(false, true);
	assert_int_equal(w.life.state, LIFE_WAITING);
	assert_false(next());
	device_life_overtaken(&w.life, w.now); // nothing is left to lose
	assert_false(next());
	finish();

	sign_in(LIFE_ASKS); // who asks goes on without the outbox
	device_life_overtaken(&w.life, w.now);
	take_turn(false, true);
	ordered_no_more();
	assert_int_equal(w.life.state, LIFE_SIGNED_IN);
	finish();
}

// --- what is shown ---

static void test_showing(void **state)
{
	(void)state;
	struct device_showing showing;
	struct transcript_range range[DEVICE_SHOWING_RANGES_MAX];
	device_showing_begin(&showing, 7);
	assert_int_equal(device_showing_ranges(&showing, false, range), 1); // what came since
	assert_int_equal(range[0].after_seq, 7);
	assert_false(range[0].is_unshown);
	const struct transcript_range noted = device_showing_went(&showing, &range[0], 9);
	assert_int_equal(noted.after_seq, 7); // what is unshown before is another's
	assert_int_equal(noted.until_seq, 9);
	assert_int_equal(device_showing_ranges(&showing, true, range), 2); // and before that what nobody has shown
	assert_int_equal(range[0].after_seq, 0);
	assert_int_equal(range[0].until_seq, 7);
	assert_true(range[0].is_unshown);
	assert_int_equal(range[1].after_seq, 9);
	assert_int_equal(range[1].until_seq, UINT64_MAX);
	(void)device_showing_went(&showing, &range[0], 4);
	assert_int_equal(device_showing_ranges(&showing, true, range), 2);
	assert_int_equal(range[0].after_seq, 4);
	(void)device_showing_went(&showing, &range[0], 7);
	assert_int_equal(device_showing_ranges(&showing, true, range), 1);
	assert_int_equal(range[0].after_seq, 9);

	device_showing_begin(&showing, 0);
	assert_int_equal(device_showing_ranges(&showing, true, range), 1);
	assert_int_equal(range[0].after_seq, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_follows_receives_when_the_other_one_ends),
		cmocka_unit_test(test_the_role_changes_behind_the_last_batch),
		cmocka_unit_test(test_who_receives_stirs_the_others),
		cmocka_unit_test(test_pokes_of_who_follows_end),
		cmocka_unit_test(test_a_copy_replaces_all_processes),
		cmocka_unit_test(test_who_follows_makes_room),
		cmocka_unit_test(test_who_was_overtaken_follows),
		cmocka_unit_test(test_showing),
	};
	return cmocka_run_group_tests(tests, crypto_set_up, NULL);
}
