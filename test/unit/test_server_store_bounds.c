// SPDX-License-Identifier: ISC
// store/server_store: the bound for all that a mailbox holds, what goes at it, and who is told.
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_mailbox_has_one_bound, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_no_device_has_is_never_dropped, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_few_rows_go_for_one, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_only_who_lacks_a_row_gets_the_gap, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_all_have_counts_no_more, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
