// SPDX-License-Identifier: ISC
// store/server_store: the bounds for all that a mailbox holds and for a sender's ids; what goes at them, and who is told.
#include "server_store_fixture.h"

enum { ROW_TEXT_BYTES = 72, ROW_BYTES = MAILBOX_ROW_BYTES + ROW_TEXT_BYTES };

// Accepts a message of so many bytes.
static uint64_t accept_bytes(struct fixture *fixture, int64_t user_id, uint16_t text_bytes)
{
	static char text[TEXT_BYTES_MAX];
	struct storage_op op = accept_op(fixture, user_id);
	memset(text, 't', sizeof text);
	op.text_bytes = text_bytes;
	must_append(fixture, op, text);
	return op.row;
}

static uint64_t accept_rows(struct fixture *fixture, int64_t user_id, int count)
{
	uint64_t row = 0;
	for (int i = 0; i < count; i++)
		row = accept_bytes(fixture, user_id, ROW_TEXT_BYTES);
	return row;
}

static uint64_t waiting(struct fixture *fixture, uint8_t key)
{
	const struct storage_device device = device_of(fixture, key);
	uint64_t rows;
	assert_int_equal(fixture->storage.mailbox_waiting(fixture->store, &device, device.cursor, &rows), MMS_OK);
	return rows;
}

static uint64_t usage(struct fixture *fixture, int64_t user_id)
{
	uint64_t rows;
	uint64_t bytes;
	assert_int_equal(fixture->storage.mailbox_usage(fixture->store, user_id, &rows, &bytes), MMS_OK);
	return rows;
}

// Case N6: one device is away; what the other has does not grow without end.
static void test_mailbox_has_one_bound(void **state)
{
	struct fixture *fixture = *state;
	enum { BOUND_ROWS = 100, ROWS = 1000 };
	const struct storage_device ahead = enroll(fixture, FRED, 1);
	enroll(fixture, FRED, 2);
	server_store_bound_mailboxes(fixture->store, BOUND_ROWS * ROW_BYTES);
	for (int i = 0; i < ROWS; i++) {
		take(fixture, &ahead, accept_rows(fixture, FRED, 1));
		assert_true(rows_held(fixture, FRED) <= BOUND_ROWS);
	}
	assert_int_equal(rows_held(fixture, FRED), BOUND_ROWS);
	assert_int_equal(next_row(fixture, FRED, 0), ROWS - BOUND_ROWS + 1); // the oldest went
	assert_int_equal(device_of(fixture, 1).gap_count, 0);
	assert_int_equal(device_of(fixture, 2).gap_count, ROWS - BOUND_ROWS);
	assert_int_equal(device_of(fixture, 2).gap_row, ROWS - BOUND_ROWS);
	assert_int_equal(waiting(fixture, 2), BOUND_ROWS);
	assert_int_equal(next_row(fixture, JIMMY, 0), 0);

	// Nothing of it is lost with the process, and the counts go on being exact.
	reopen_store(fixture);
	assert_int_equal(device_of(fixture, 2).gap_count, ROWS - BOUND_ROWS);
	const struct storage_device behind = device_of(fixture, 2);
	take(fixture, &behind, ROWS - 1);
	assert_int_equal(rows_held(fixture, FRED), 1);
	assert_int_equal(waiting(fixture, 2), 1);
	take(fixture, &behind, ROWS);
	assert_int_equal(rows_held(fixture, FRED), 0);
	assert_int_equal(usage(fixture, FRED), 0);
}

static void test_what_no_device_has_is_never_dropped(void **state)
{
	struct fixture *fixture = *state;
	const struct storage_device ahead = enroll(fixture, FRED, 1);
	enroll(fixture, FRED, 2);
	take(fixture, &ahead, accept_rows(fixture, FRED, 3));
	server_store_bound_mailboxes(fixture->store, 1);
	accept_rows(fixture, FRED, 20);
	assert_int_equal(rows_held(fixture, FRED), 20);
	assert_int_equal(usage(fixture, FRED), 20);
	assert_int_equal(device_of(fixture, 2).gap_count, 3);
	assert_int_equal(waiting(fixture, 1), 20);
	assert_int_equal(waiting(fixture, 2), 20);
	accept_rows(fixture, JIMMY, 20); // no device at all
	assert_int_equal(usage(fixture, JIMMY), 20);
}

// A large row may be worth many small ones, of which no more than a named number go for it.
static void test_a_few_rows_go_for_one(void **state)
{
	struct fixture *fixture = *state;
	enum { ROWS = 40 };
	const struct storage_device ahead = enroll(fixture, FRED, 1);
	enroll(fixture, FRED, 2);
	for (int i = 0; i < ROWS; i++)
		take(fixture, &ahead, accept_bytes(fixture, FRED, 1));
	server_store_bound_mailboxes(fixture->store, ROWS * (MAILBOX_ROW_BYTES + 1));
	take(fixture, &ahead, accept_bytes(fixture, FRED, TEXT_BYTES_MAX));
	assert_int_equal(rows_held(fixture, FRED), ROWS + 1 - 9); // 9 small ones hold as much
	server_store_bound_mailboxes(fixture->store, 1);
	for (uint64_t held = ROWS + 1 - 9; held > MAILBOX_SHED_ROWS_MAX;) {
		take(fixture, &ahead, accept_bytes(fixture, FRED, 1));
		assert_int_equal(rows_held(fixture, FRED), held + 1 - MAILBOX_SHED_ROWS_MAX);
		held -= MAILBOX_SHED_ROWS_MAX - 1;
	}
}

// A device that has the row is told nothing; one that comes later begins behind it.
static void test_only_who_lacks_a_row_gets_the_gap(void **state)
{
	struct fixture *fixture = *state;
	const struct storage_device first = enroll(fixture, FRED, 1);
	const struct storage_device second = enroll(fixture, FRED, 2);
	enroll(fixture, FRED, 3);
	const uint64_t row = accept_rows(fixture, FRED, 4);
	take(fixture, &first, row);
	take(fixture, &second, row - 2);
	server_store_bound_mailboxes(fixture->store, 3 * ROW_BYTES);
	accept_rows(fixture, FRED, 2); // rows row - 3 to row - 1 go
	assert_int_equal(device_of(fixture, 1).gap_count, 0);
	assert_int_equal(device_of(fixture, 2).gap_count, 1);
	assert_int_equal(device_of(fixture, 2).gap_row, row - 1);
	assert_int_equal(device_of(fixture, 3).gap_count, 3);
	enroll(fixture, FRED, 4);
	assert_int_equal(device_of(fixture, 4).gap_count, 0);
	assert_int_equal(waiting(fixture, 4), 3);
	assert_int_equal(waiting(fixture, 3), 3);
	assert_int_equal(waiting(fixture, 2), 3);
	assert_int_equal(waiting(fixture, 1), 2);
}

// What all devices have leaves the counts at once, though its rows go in slices, so nothing is dropped for it.
static void test_what_all_have_counts_no_more(void **state)
{
	struct fixture *fixture = *state;
	enum { ROWS = 600 };
	const struct storage_device first = enroll(fixture, FRED, 1);
	list_and_revoke(fixture, 0);
	enroll(fixture, FRED, 2);
	take(fixture, &first, accept_rows(fixture, FRED, ROWS));
	list_and_revoke(fixture, 2); // the rest waits for housekeeping
	assert_true(rows_held(fixture, FRED) > 0);
	enroll(fixture, FRED, 3);
	server_store_bound_mailboxes(fixture->store, 2 * ROW_BYTES);
	take(fixture, &first, accept_rows(fixture, FRED, 2));
	assert_int_equal(device_of(fixture, 3).gap_count, 0);
	take(fixture, &first, accept_rows(fixture, FRED, 1));
	assert_int_equal(device_of(fixture, 3).gap_count, 1);
	assert_int_equal(device_of(fixture, 3).gap_row, ROWS + 1);
	assert_int_equal(waiting(fixture, 3), 2);
}

static int64_t count(struct fixture *fixture, const char *sql)
{
	sqlite3_stmt *statement;
	assert_int_equal(sqlite3_prepare_v2(fixture->store->sql.db, sql, -1, &statement, NULL), SQLITE_OK);
	const int64_t number = sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : -1;
	sqlite3_finalize(statement);
	return number;
}

static void housekeep_all(struct fixture *fixture, uint32_t rows_max)
{
	for (bool has_more = true; has_more;)
		assert_int_equal(server_store_housekeep(fixture->store, fixture->now, rows_max, &has_more), MMS_OK);
}

// A bound that a test can reach.
static void bound_ids(struct fixture *fixture, uint64_t ids)
{
	fixture->store->sender_ids_max = ids;
}

// Case N9: the ids of one sender who never stops.
static void test_ids_of_a_sender_are_bounded(void **state)
{
	struct fixture *fixture = *state;
	enum { IDS = 50, ROWS = 425 };
	const struct storage_device device = enroll(fixture, FRED, 1);
	bound_ids(fixture, IDS);
	for (uint64_t row = 1; row <= ROWS; row++) {
		take(fixture, &device, accept_rows(fixture, FRED, 1));
		if (row % 10 == 0)
			housekeep_all(fixture, 7);
		assert_true(count(fixture, "SELECT count(*) FROM accepted") < 2 * IDS + 10);
		assert_true(row <= IDS || is_id_held(fixture, row - IDS + 1)); // the newest stay
	}
	housekeep_all(fixture, 7);
	assert_int_equal(count(fixture, "SELECT min(row) FROM accepted"), count(fixture, "SELECT max(row) - 74 FROM accepted"));

	// A process that begins anew goes on with it.
	accept_rows(fixture, FRED, IDS / 2);
	reopen_store(fixture);
	housekeep_all(fixture, 7);
	assert_int_equal(count(fixture, "SELECT count(*) FROM accepted"), IDS);
	take(fixture, &device, ROWS + IDS / 2);
	fixture->now = DAYS(1);
	housekeep_all(fixture, 7);
	assert_int_equal(count(fixture, "SELECT count(*) FROM accepted"), 0);
}

// An old id whose message waits stays, until it waits no more. Others keep theirs.
static void test_ids_of_waiting_messages_stay(void **state)
{
	struct fixture *fixture = *state;
	enum { WAITING = 30, IDS = 10, OTHERS = 20 };
	static struct storage_op ops[OTHERS];
	const struct storage_device device = enroll(fixture, FRED, 1);
	bound_ids(fixture, IDS);
	for (size_t i = 0; i < OTHERS; i++) {
		ops[i] = accept_op(fixture, FRED);
		ops[i].sender_id = SENDER + (int64_t)(1 + i % 2) * SERVER_TALLIES; // two that have the same place for what is counted
		ops[i].text_bytes = 1;
	}
	assert_int_equal(append(fixture, ops, OTHERS, "x"), MMS_OK);
	accept_rows(fixture, JIMMY, WAITING);
	take(fixture, &device, accept_rows(fixture, FRED, 3 * IDS));
	housekeep_all(fixture, 4);
	assert_int_equal(count(fixture, "SELECT count(*) FROM accepted WHERE sender_id = 9 AND row > 50"), IDS);
	assert_int_equal(count(fixture, "SELECT count(*) FROM accepted WHERE sender_id = 9 AND row <= 50"), WAITING);
	assert_int_equal(count(fixture, "SELECT count(*) FROM accepted WHERE sender_id > 9"), OTHERS);
	const struct storage_device jimmy = enroll(fixture, JIMMY, 2);
	take(fixture, &jimmy, OTHERS + WAITING - 3);
	housekeep_all(fixture, 4);
	assert_int_equal(count(fixture, "SELECT count(*) FROM accepted WHERE sender_id = 9 AND row <= 50"), 3);
	take(fixture, &jimmy, OTHERS + WAITING);
	housekeep_all(fixture, 4);
	assert_int_equal(count(fixture, "SELECT count(*) FROM accepted WHERE sender_id = 9 AND row <= 50"), 0);
	assert_int_equal(count(fixture, "SELECT sum(old_row) FROM sender"), 0); // nothing is left to look at
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_mailbox_has_one_bound, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_no_device_has_is_never_dropped, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_few_rows_go_for_one, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_only_who_lacks_a_row_gets_the_gap, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_all_have_counts_no_more, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_ids_of_a_sender_are_bounded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_ids_of_waiting_messages_stay, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
