// SPDX-License-Identifier: ISC
// store/server_store_housekeep: retention, gaps, ids held, users gone; all in bounded steps.
#include "server_store_fixture.h"

static void take_at(struct fixture *fixture, const struct storage_device *device, uint64_t row, struct mtime at)
{
	fixture->now = at;
	take(fixture, device, row);
}

// Calls it until nothing is left to do; returns the number of calls.
static int housekeep(struct fixture *fixture, struct mtime now, uint32_t rows_max)
{
	bool has_more = true;
	int calls = 0;
	fixture->now = now;
	for (; has_more; calls++) {
		assert_true(calls < 1000);
		assert_int_equal(server_store_housekeep(fixture->store, now, rows_max, &has_more), MMS_OK);
	}
	return calls;
}

static void test_device_behind_gets_a_gap(void **state)
{
	struct fixture *fixture = *state;
	const struct storage_device ahead = enroll(fixture, FRED, 1);
	const struct storage_device behind = enroll(fixture, FRED, 2);
	const struct storage_device other = enroll(fixture, JIMMY, 3);
	uint64_t row[4];
	for (int i = 0; i < 4; i++)
		row[i] = accept_one(fixture, FRED);
	take_at(fixture, &ahead, row[1], DAYS(0));
	take_at(fixture, &ahead, row[2], DAYS(3)); // the first two keep their time
	housekeep(fixture, LATER(DAYS(30), -1), 100);
	assert_int_equal(rows_held(fixture, FRED), 4);
	assert_int_equal(device_of(fixture, 2).gap_count, 0);

	reopen_store(fixture);
	fixture->now = LATER(DAYS(30), -1);
	housekeep(fixture, DAYS(30), 100);
	assert_int_equal(next_row(fixture, FRED, 0), row[2]);
	assert_int_equal(device_of(fixture, 2).gap_count, 2);
	assert_int_equal(device_of(fixture, 2).gap_row, row[1]);
	assert_int_equal(device_of(fixture, 2).cursor, behind.cursor);
	assert_int_equal(device_of(fixture, 1).gap_count, 0);
	assert_int_equal(device_of(fixture, 3).gap_count, 0);

	// A notice that told of less than there is now does not end the gap.
	struct storage_move move = {.user_id = FRED, .device_id = behind.device_id, .gap_row = row[1]};
	housekeep(fixture, DAYS(33), 100);
	assert_int_equal(append_moves(fixture, &move, 1, NULL, 0, NULL), MMS_OK);
	assert_int_equal(device_of(fixture, 2).gap_count, 3);
	move.gap_row = row[2];
	move.user_id = JIMMY; // not this user's device
	assert_int_equal(append_moves(fixture, &move, 1, NULL, 0, NULL), MMS_OK);
	assert_int_equal(device_of(fixture, 2).gap_count, 3);
	move.user_id = FRED;
	assert_int_equal(append_moves(fixture, &move, 1, NULL, 0, NULL), MMS_OK);
	assert_int_equal(device_of(fixture, 2).gap_count, 0);
	assert_int_equal(device_of(fixture, 2).gap_row, 0);

	// What no device took waits on.
	housekeep(fixture, DAYS(400), 100);
	assert_int_equal(next_row(fixture, FRED, 0), row[3]);
	(void)other;
}

static void test_new_device_after_a_first_one_took(void **state)
{
	struct fixture *fixture = *state;
	const struct storage_device first = enroll(fixture, FRED, 1);
	enroll(fixture, FRED, 2);
	const uint64_t row = accept_one(fixture, FRED);
	take_at(fixture, &first, row, DAYS(0));
	const struct storage_device third = enroll(fixture, FRED, 3);
	take_at(fixture, &third, row, DAYS(20)); // not the first to take it
	housekeep(fixture, DAYS(30), 100);
	assert_int_equal(rows_held(fixture, FRED), 0);
	assert_int_equal(device_of(fixture, 2).gap_count, 1);
	assert_int_equal(device_of(fixture, 3).gap_count, 0);
}

static void test_time_of_the_first_outlives_its_device(void **state)
{
	struct fixture *fixture = *state;
	const struct storage_device first = enroll(fixture, FRED, 1);
	const struct storage_device second = enroll(fixture, FRED, 2);
	enroll(fixture, FRED, 3);
	const uint64_t row = accept_one(fixture, FRED);
	take_at(fixture, &first, row, DAYS(0));
	list_and_revoke(fixture, 1);
	take_at(fixture, &second, row, DAYS(20));
	housekeep(fixture, DAYS(30), 100);
	assert_int_equal(rows_held(fixture, FRED), 0);
	assert_int_equal(device_of(fixture, 3).gap_count, 1);
}

static void test_ids_outlive_their_mail_by_a_day(void **state)
{
	struct fixture *fixture = *state;
	const struct storage_device device = enroll(fixture, FRED, 1);
	const uint64_t taken = accept_one(fixture, FRED);
	const uint64_t waiting = accept_one(fixture, JIMMY);
	housekeep(fixture, LATER(DAYS(1), -1), 100);
	const uint64_t younger = accept_one(fixture, FRED); // the last of the first generation
	take(fixture, &device, younger);
	assert_int_equal(rows_held(fixture, FRED), 0);
	housekeep(fixture, DAYS(1), 100);
	assert_true(is_id_held(fixture, younger));
	const uint64_t second = accept_one(fixture, FRED);
	take(fixture, &device, second);
	housekeep(fixture, LATER(DAYS(2), -1), 100); // of that one, a day has passed
	assert_true(is_id_held(fixture, taken));
	assert_true(is_id_held(fixture, younger));
	housekeep(fixture, DAYS(2), 100);
	assert_false(is_id_held(fixture, taken));
	assert_false(is_id_held(fixture, younger));
	assert_true(is_id_held(fixture, waiting));
	assert_true(is_id_held(fixture, second));

	// Once its message is gone, an id that was passed over goes with the next generation.
	const struct storage_device jimmy = enroll(fixture, JIMMY, 2);
	take(fixture, &jimmy, waiting);
	housekeep(fixture, DAYS(3), 100);
	assert_false(is_id_held(fixture, waiting));
	assert_false(is_id_held(fixture, second));
	assert_int_equal(count(fixture, "SELECT count(*) FROM sender"), 0); // who has none is forgotten
	accept_one(fixture, FRED);
	assert_int_equal(count(fixture, "SELECT new_ids FROM sender"), 1);
}

// Whatever the wall clock says when a message is accepted, it is delivered, and kept as long as any other.
static void test_no_wall_clock_moves_store_time(void **state)
{
	static const int64_t walls[] = {INT64_MIN, -1, 0, 1800000000000, INT64_MAX};
	struct fixture *fixture = *state;
	const struct storage_device ahead = enroll(fixture, FRED, 1);
	uint64_t row = 0;
	enroll(fixture, FRED, 2);
	for (size_t i = 0; i < sizeof walls / sizeof *walls; i++) {
		struct storage_op op = accept_op(fixture, FRED);
		op.at.ms = walls[i];
		assert_int_equal(judge(fixture, op), VERDICT_NEW);
		assert_int_equal(next_row(fixture, FRED, row), fixture->result[0].row);
		row = fixture->result[0].row;
	}
	take(fixture, &ahead, row);
	housekeep(fixture, LATER(DAYS(30), -1), 100);
	assert_int_equal(rows_held(fixture, FRED), 5);
	housekeep(fixture, DAYS(30), 100);
	assert_int_equal(rows_held(fixture, FRED), 0);
	assert_int_equal(device_of(fixture, 2).gap_count, 5);
	housekeep(fixture, DAYS(31), 100);
	assert_false(is_id_held(fixture, row));
}

// The time in which the store is closed is none.
static void test_time_off_counts_nothing(void **state)
{
	struct fixture *fixture = *state;
	const struct storage_device ahead = enroll(fixture, FRED, 1);
	enroll(fixture, FRED, 2);
	take(fixture, &ahead, accept_one(fixture, FRED));
	housekeep(fixture, DAYS(20), 100);
	fixture->now = DAYS(5000);
	reopen_store(fixture);
	housekeep(fixture, LATER(DAYS(5010), -1), 100);
	assert_int_equal(rows_held(fixture, FRED), 1);
	housekeep(fixture, DAYS(5010), 100);
	assert_int_equal(rows_held(fixture, FRED), 0);

	// Nor is a clock that goes on from nothing, as after the machine was started again.
	take(fixture, &ahead, accept_one(fixture, FRED));
	fixture->now = (struct mtime){0};
	reopen_store(fixture);
	housekeep(fixture, (struct mtime){29 * 86400000000LL}, 100);
	assert_int_equal(rows_held(fixture, FRED), 1);
	housekeep(fixture, (struct mtime){30 * 86400000000LL}, 100);
	assert_int_equal(rows_held(fixture, FRED), 0);
}

static void test_suspended_user(void **state)
{
	struct fixture *fixture = *state;
	const struct server_store_user names[] = {user_of("fred"), user_of("jimmy")};
	int64_t ids[2];
	int64_t new_ids[2];
	sync_users(fixture, names, 2, ids, NULL);
	enroll(fixture, ids[0], 1);
	enroll(fixture, ids[1], 2);
	accept_one(fixture, ids[0]);
	accept_one(fixture, ids[1]);

	// Back in time: nothing happened, and the days count from the next absence.
	sync_users(fixture, names, 1, new_ids, NULL);
	fixture->now = DAYS(20);
	sync_users(fixture, names, 2, new_ids, NULL);
	assert_int_equal(new_ids[1], ids[1]);
	fixture->now = DAYS(25);
	sync_users(fixture, names, 1, new_ids, NULL);
	fixture->now = DAYS(40);
	sync_users(fixture, names, 1, new_ids, NULL);
	housekeep(fixture, LATER(DAYS(55), -1), 100);
	assert_true(has_device(fixture, 2));
	assert_int_equal(rows_held(fixture, ids[1]), 1);

	housekeep(fixture, DAYS(55), 100);
	assert_false(has_device(fixture, 2));
	assert_int_equal(rows_held(fixture, ids[1]), 0);
	assert_true(has_device(fixture, 1));
	assert_int_equal(rows_held(fixture, ids[0]), 1);
	fixture->now = DAYS(56);
	sync_users(fixture, names, 2, new_ids, NULL);
	assert_int_equal(new_ids[0], ids[0]);
	assert_true(new_ids[1] > ids[1]); // the name came back as someone new
}

static void test_steps_are_bounded(void **state)
{
	enum { ROWS = 40, STEP = 7 };
	struct fixture *fixture = *state;
	const struct server_store_user names[] = {user_of("fred")};
	const struct storage_device ahead = enroll(fixture, JIMMY, 1);
	uint64_t last = 0;
	bool has_more = false;
	int64_t id;
	enroll(fixture, JIMMY, 2);
	sync_users(fixture, names, 1, &id, NULL);
	sync_users(fixture, names, 0, &id, NULL);
	sync_users(fixture, (struct server_store_user[]){user_of("jimmy")}, 1, &id, NULL);
	assert_int_equal(id, JIMMY);
	for (int i = 0; i < ROWS; i++) {
		accept_one(fixture, FRED);
		last = accept_one(fixture, JIMMY);
	}
	take(fixture, &ahead, last);
	assert_int_equal(server_store_housekeep(fixture->store, DAYS(30), STEP, &has_more), MMS_OK);
	assert_true(has_more);
	assert_int_equal(rows_held(fixture, JIMMY) + rows_held(fixture, FRED), 2 * ROWS - STEP);
	int calls = housekeep(fixture, DAYS(30), STEP);
	assert_int_equal(rows_held(fixture, JIMMY) + rows_held(fixture, FRED), 0);
	assert_int_equal(device_of(fixture, 2).gap_count, ROWS);
	calls += housekeep(fixture, DAYS(31), STEP);
	assert_false(is_id_held(fixture, 1));
	assert_false(is_id_held(fixture, last));
	assert_true(calls >= 4 * ROWS / STEP); // mail and ids of both
}

// A round over the ids goes on where it stopped: else those that must stay would hide the others for ever.
static void test_round_goes_on_where_it_stopped(void **state)
{
	struct fixture *fixture = *state;
	const struct storage_device device = enroll(fixture, JIMMY, 1);
	for (int i = 0; i < 20; i++)
		accept_one(fixture, FRED); // waits, so its ids stay
	const uint64_t gone = accept_one(fixture, JIMMY);
	take(fixture, &device, gone);
	bool has_more = false;
	housekeep(fixture, DAYS(2), 100);
	for (int i = 0; i < 4; i++) { // the end of the generation is a step as well
		assert_int_equal(server_store_housekeep(fixture->store, DAYS(3), 5, &has_more), MMS_OK);
		assert_true(has_more);
	}
	assert_true(is_id_held(fixture, gone));
	assert_int_equal(server_store_housekeep(fixture->store, DAYS(3), 5, &has_more), MMS_OK);
	assert_false(has_more);
	assert_false(is_id_held(fixture, gone));
}

// Who is gone for good leaves no ids behind either.
static void test_ids_of_a_removed_user_go(void **state)
{
	struct fixture *fixture = *state;
	int64_t id;
	const struct server_store_user jimmy = user_of("jimmy");
	const struct storage_device device = enroll(fixture, JIMMY, 1);
	take(fixture, &device, accept_sized(fixture, JIMMY, FRED, 5));
	sync_users(fixture, &jimmy, 1, &id, NULL);
	for (int day = 29; day < 33; day++)
		housekeep(fixture, DAYS(day), 3);
	assert_int_equal(count(fixture, "SELECT count(*) FROM user"), 1);
	assert_int_equal(count(fixture, "SELECT (SELECT count(*) FROM accepted) + (SELECT count(*) FROM sender)"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_device_behind_gets_a_gap, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_new_device_after_a_first_one_took, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_time_of_the_first_outlives_its_device, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_ids_outlive_their_mail_by_a_day, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_wall_clock_moves_store_time, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_time_off_counts_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_suspended_user, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_steps_are_bounded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_round_goes_on_where_it_stopped, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_ids_of_a_removed_user_go, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
