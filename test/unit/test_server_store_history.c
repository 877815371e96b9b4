// SPDX-License-Identifier: ISC
// store/server_store_history, and what one sends for one's other devices: what stays and for how long, what a new device begins with,
// what goes first where rows have to go. Each test ends with a look at all that must hold between the tables.
#include "server_store_rooms_fixture.h"

// Keeps history for so many days.
static void keep(struct fixture *fixture, uint32_t days)
{
	fixture->history_days = days;
	bound_held(fixture, MAILBOX_HELD_BYTES_MAX);
}

static int set_up_own(void **state)
{
	set_up_people(state);
	struct fixture *fixture = *state;
	fixture->keeps_own = true;
	keep(fixture, 0);
	return 0;
}

static struct storage_op write_op(struct fixture *fixture, const struct storage_device *from, int64_t user_id)
{
	fixture->row_next = fixture->appended.mark.commit + 1;
	struct storage_op op = accept_op(fixture, user_id);
	op.submit.sender_id = from->user_id;
	op.submit.device_id = from->device_id;
	op.submit.recipient = user_name(user_id);
	return op;
}

// Returns its row.
static uint64_t write_from(struct fixture *fixture, const struct storage_device *from, int64_t user_id)
{
	assert_int_equal(judge(fixture, write_op(fixture, from, user_id)), VERDICT_NEW);
	return fixture->result[0].row;
}

// The page of a device.
static struct storage_question read_as(struct fixture *fixture, const struct storage_device *device, uint64_t after_row,
				       uint32_t rows_max)
{
	struct storage_question question = {.kind = QUESTION_PAGE,
					    .user_id = device->user_id,
					    .mailbox = {after_row, rows_max, device->device_id},
					    .page = &fixture->page};
	assert_int_equal(server_store_ask(fixture->store, &question, &fixture->why), MMS_OK);
	return question;
}

// So many; the row of the last one.
static uint64_t write_many(struct fixture *fixture, const struct storage_device *from, int64_t user_id, int count)
{
	uint64_t row = 0;
	for (int i = 0; i < count; i++)
		row = write_from(fixture, from, user_id);
	return row;
}

static void days_pass(struct fixture *fixture, int days)
{
	for (int i = 0; i < days * 4; i++) {
		bool has_more;
		fixture->now = LATER(fixture->now, 6 * 3600);
		assert_int_equal(server_store_housekeep(fixture->store, fixture->now, 1, &has_more), MMS_OK);
	}
	housekeep_all(fixture, 100);
}

static uint64_t history(struct fixture *fixture, uint8_t key)
{
	return ask_signin(fixture, key, 0).is.history_count;
}

static void test_own_for_the_other_device(void **state)
{
	struct fixture *fixture = *state;
	const struct storage_device laptop = enroll(fixture, FRED, 1);
	const struct storage_device phone = enroll(fixture, FRED, 2);
	const struct storage_device other = enroll(fixture, JIMMY, 3);
	const uint64_t row = write_from(fixture, &laptop, JIMMY);
	assert_int_equal(fixture->result[0].place_count, 2);
	assert_int_equal(place_of(fixture, JIMMY)->is_own, false);
	assert_int_equal(place_of(fixture, FRED)->is_own, true);
	assert_int_equal(place_of(fixture, FRED)->row_before, 0);

	const struct storage_question to_phone = read_as(fixture, &phone, 0, 1);
	assert_int_equal(fixture->page.row_count, 1);
	assert_int_equal(fixture->page.row[0].row, row);
	assert_true(fixture->page.row[0].is_own);
	assert_false(fixture->page.row[0].is_counted);
	assert_false(fixture->page.row[0].is_history);
	assert_string_equal(fixture->page.row[0].recipient.text, "jimmy");
	assert_true(to_phone.has.is_end);
	const struct storage_question to_laptop = read_as(fixture, &laptop, 0, 1);
	assert_int_equal(fixture->page.row_count, 0);
	assert_int_equal(to_laptop.has.row_read, row);
	read_as(fixture, &other, 0, 1);
	assert_false(fixture->page.row[0].is_own);
	assert_int_equal(fixture->page.row[0].recipient.text[0], 0);

	// It waits for nobody, and is in no bound of what does.
	assert_int_equal(waiting(fixture, 2), 0);
	assert_int_equal(usage(fixture, FRED).rows, 0);
	// The text goes with the last place.
	take(fixture, &other, row);
	assert_int_equal(rows_held(fixture, JIMMY), 0);
	take(fixture, &laptop, row);
	assert_int_equal(rows_held(fixture, FRED), 1);
	assert_int_equal(count(fixture, "SELECT count(*) FROM body"), 1);
	take(fixture, &phone, row);
	assert_int_equal(rows_held(fixture, FRED), 0);
	assert_int_equal(count(fixture, "SELECT count(*) FROM body"), 0);
}

static void test_pages_pass_over_own(void **state)
{
	struct fixture *fixture = *state;
	const struct storage_device laptop = enroll(fixture, FRED, 1);
	const struct storage_device phone = enroll(fixture, FRED, 2);
	uint64_t row[4];
	for (int i = 0; i < 4; i++)
		row[i] = write_from(fixture, i == 2 ? &phone : &laptop, JIMMY);
	struct storage_question question = read_as(fixture, &laptop, 0, 2);
	assert_int_equal(fixture->page.row_count, 0);
	assert_int_equal(question.has.row_read, row[1]);
	assert_false(question.has.is_end);
	question = read_as(fixture, &laptop, row[1], 2);
	assert_int_equal(fixture->page.row_count, 1);
	assert_int_equal(fixture->page.row[0].row, row[2]);
	assert_true(question.has.is_end);
	assert_int_equal(question.has.row_read, row[3]);
}

static void test_no_own_for_one_device(void **state)
{
	struct fixture *fixture = *state;
	const struct storage_device laptop = enroll(fixture, FRED, 1);
	write_from(fixture, &laptop, JIMMY);
	assert_int_equal(fixture->result[0].place_count, 1);
	keep(fixture, 30);
	write_from(fixture, &laptop, JIMMY);
	assert_int_equal(fixture->result[0].place_count, 2);
	write_from(fixture, &laptop, FRED); // to oneself: one place
	assert_int_equal(fixture->result[0].place_count, 1);
	assert_false(fixture->place[fixture->result[0].place_first].is_own);
	assert_int_equal(usage(fixture, FRED).rows, 1);
}

static void test_new_device_begins_with_history(void **state)
{
	struct fixture *fixture = *state;
	keep(fixture, 7);
	const struct storage_device laptop = enroll(fixture, FRED, 1);
	const struct storage_device other = enroll(fixture, JIMMY, 3);
	days_pass(fixture, 1);
	const uint64_t early = write_from(fixture, &other, FRED);
	take(fixture, &laptop, early);
	days_pass(fixture, 5);
	const uint64_t taken = write_from(fixture, &other, FRED);
	take(fixture, &laptop, taken);
	const uint64_t own = write_from(fixture, &laptop, JIMMY);
	const uint64_t fresh = write_from(fixture, &other, FRED);
	enroll(fixture, FRED, 2);
	const struct storage_device phone = device_of(fixture, 2);
	assert_int_equal(history(fixture, 2), 3);
	assert_int_equal(waiting(fixture, 2), 1); // which no device had
	assert_int_equal(waiting(fixture, 1), 1);
	assert_int_equal(history(fixture, 1), 0);
	read_as(fixture, &phone, phone.cursor, 32);
	const struct {
		uint64_t row;
		bool is_own, is_history, is_counted;
	} wanted[] = {{early, false, true, false}, {taken, false, true, false}, {own, true, true, false}, {fresh, false, false, true}};
	assert_int_equal(fixture->page.row_count, 4);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(fixture->page.row[i].row, wanted[i].row);
		assert_int_equal(fixture->page.row[i].is_own, wanted[i].is_own);
		assert_int_equal(fixture->page.row[i].is_history, wanted[i].is_history);
		assert_int_equal(fixture->page.row[i].is_counted, wanted[i].is_counted);
	}
	read_as(fixture, &laptop, taken, 32);
	assert_int_equal(fixture->page.row_count, 1);
	assert_false(fixture->page.row[0].is_history);

	// What comes after it is no history, whoever has it first.
	const uint64_t later = write_from(fixture, &other, FRED);
	take(fixture, &laptop, later);
	read_as(fixture, &phone, fresh, 32);
	assert_false(fixture->page.row[0].is_history);
	take(fixture, &phone, taken);
	assert_int_equal(history(fixture, 2), 1);
	assert_int_equal(waiting(fixture, 2), 2);
	take(fixture, &phone, later);
	assert_int_equal(history(fixture, 2), 0);
	assert_int_equal(waiting(fixture, 2), 0);
}

static void test_history_goes_after_its_days(void **state)
{
	struct fixture *fixture = *state;
	keep(fixture, 7);
	const struct storage_device laptop = enroll(fixture, FRED, 1);
	const struct storage_device other = enroll(fixture, JIMMY, 3);
	days_pass(fixture, 1);
	uint64_t row[3];
	for (int i = 0; i < 3; i++)
		row[i] = write_from(fixture, &other, FRED);
	take(fixture, &laptop, row[1]);
	days_pass(fixture, 6);
	assert_int_equal(rows_held(fixture, FRED), 3);
	days_pass(fixture, 2);
	assert_int_equal(next_row(fixture, FRED, 0), row[2]); // waits
	assert_int_equal(waiting(fixture, 1), 1);
	take(fixture, &laptop, row[2]);
	days_pass(fixture, 1);
	assert_int_equal(rows_held(fixture, FRED), 0);
	// Own ones of who only sends go when they are as old as what only some device has can be, and are no gap for where they came from.
	assert_int_equal(rows_held(fixture, JIMMY), 3);
	enroll(fixture, JIMMY, 4);
	days_pass(fixture, 19);
	assert_int_equal(rows_held(fixture, JIMMY), 3);
	days_pass(fixture, 5);
	assert_int_equal(rows_held(fixture, JIMMY), 0);
	assert_int_equal(device_of(fixture, 3).gap_count, 0);
	assert_int_equal(device_of(fixture, 4).gap_count, 3);
	assert_int_equal(history(fixture, 4), 0);
	assert_int_equal(count(fixture, "SELECT count(*) FROM body"), 0);
	assert_true(count(fixture, "SELECT count(*) FROM epoch") <= 32 * 24);
}

static void test_history_waits_for_no_device_for_ever(void **state)
{
	struct fixture *fixture = *state;
	keep(fixture, 7);
	const struct storage_device laptop = enroll(fixture, FRED, 1);
	const struct storage_device other = enroll(fixture, JIMMY, 3);
	const uint64_t early = write_from(fixture, &other, FRED);
	take(fixture, &laptop, early);
	enroll(fixture, FRED, 2); // takes nothing
	const uint64_t row = write_from(fixture, &other, FRED);
	take(fixture, &laptop, row);
	days_pass(fixture, 29);
	assert_int_equal(rows_held(fixture, FRED), 2);
	days_pass(fixture, 3);
	assert_int_equal(rows_held(fixture, FRED), 0);
	assert_int_equal(device_of(fixture, 2).gap_count, 2);
	assert_int_equal(history(fixture, 2), 0);
}

static void test_history_switched_off(void **state)
{
	struct fixture *fixture = *state;
	keep(fixture, 7);
	const struct storage_device laptop = enroll(fixture, FRED, 1);
	const struct storage_device other = enroll(fixture, JIMMY, 3);
	take(fixture, &laptop, write_many(fixture, &other, FRED, 300));
	assert_int_equal(rows_held(fixture, FRED), 300);
	reopen_store(fixture);
	keep(fixture, 0);
	take(fixture, &laptop, write_many(fixture, &other, FRED, 1)); // a part of it at once
	must_fit(fixture);
	assert_int_equal(rows_held(fixture, FRED), 45);
	housekeep_all(fixture, 10);
	assert_int_equal(rows_held(fixture, FRED), 0);
}

static void test_history_ends_in_steps(void **state)
{
	struct fixture *fixture = *state;
	bool has_more = true;
	keep(fixture, 7);
	const struct storage_device laptop = enroll(fixture, FRED, 1);
	const struct storage_device other = enroll(fixture, JIMMY, 3);
	take(fixture, &laptop, write_many(fixture, &other, FRED, 50));
	days_pass(fixture, 1);
	fixture->now = LATER(fixture->now, 8 * 86400);
	for (uint64_t before = 50; has_more;) {
		assert_int_equal(server_store_housekeep(fixture->store, fixture->now, 3, &has_more), MMS_OK);
		const uint64_t after = rows_held(fixture, FRED);
		assert_true(before - after <= 3);
		must_fit(fixture);
		before = after;
	}
	assert_int_equal(rows_held(fixture, FRED), 0);
}

static void test_what_goes_first(void **state)
{
	struct fixture *fixture = *state;
	keep(fixture, 30);
	const struct storage_device laptop = enroll(fixture, FRED, 1);
	const struct storage_device phone = enroll(fixture, FRED, 2);
	const struct storage_device other = enroll(fixture, JIMMY, 3);
	const uint64_t some = write_from(fixture, &other, FRED); // the phone has it
	write_from(fixture, &laptop, JIMMY);
	const uint64_t all = write_from(fixture, &other, FRED);
	take(fixture, &phone, all);
	take(fixture, &laptop, some); // so `some` becomes what all have
	const uint64_t received = write_from(fixture, &other, FRED);
	take(fixture, &phone, received);
	const uint64_t fresh = write_from(fixture, &other, FRED);
	bound(fixture, 1000, 100000, 1); // all goes that may, in steps of one message
	struct storage_op op = write_op(fixture, &other, FRED);
	must_keep(fixture, &op, 1, "some text of many bytes");
	assert_int_equal(rows_held(fixture, FRED), 2);
	assert_int_equal(next_row(fixture, FRED, 0), fresh);
	assert_int_equal(device_of(fixture, 1).gap_count, 2); // not what it sent
	assert_int_equal(device_of(fixture, 2).gap_count, 0);
}

// One row too many at a time.
static void test_order_of_what_goes(void **state)
{
	struct fixture *fixture = *state;
	uint64_t row[5];
	keep(fixture, 30);
	const struct storage_device laptop = enroll(fixture, FRED, 1);
	const struct storage_device phone = enroll(fixture, FRED, 2);
	const struct storage_device other = enroll(fixture, JIMMY, 3);
	row[0] = write_from(fixture, &other, FRED);
	take(fixture, &phone, row[0]);
	take(fixture, &laptop, row[0]);
	row[1] = write_from(fixture, &other, FRED);
	take(fixture, &phone, row[1]);
	row[2] = write_from(fixture, &phone, JIMMY);
	row[3] = write_from(fixture, &other, FRED);
	const uint64_t first_to_last[] = {row[0], row[2], row[1]};
	for (int i = 0; i < 3; i++) {
		struct server_mailbox *mailbox;
		assert_int_equal(server_store_mailbox(fixture->store, FRED, &mailbox), MMS_OK);
		// Beyond its bound by less than the smallest row.
		bound(fixture, 8, 8 * TEXT_BYTES_MAX, mailbox->held_bytes + mailbox->held_rows * MAILBOX_ROW_BYTES + 10);
		row[4] = write_from(fixture, &other, FRED);
		must_fit(fixture);
		assert_int_not_equal(next_row(fixture, FRED, first_to_last[i] - 1), first_to_last[i]);
		for (int j = i + 1; j < 3; j++)
			assert_int_equal(next_row(fixture, FRED, first_to_last[j] - 1), first_to_last[j]);
	}
	assert_int_equal(next_row(fixture, FRED, row[3] - 1), row[3]);
}

// --- whatever happens, the counts are right ---

static uint32_t lot(uint32_t below)
{
	static uint64_t state = 0x9e3779b97f4a7c15;
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 33) % below;
}

static void act(struct fixture *fixture, struct storage_device *devices, uint8_t *device_count)
{
	const struct storage_device *device = &devices[lot(*device_count)];
	const uint32_t what = lot(40);
	if (what < 16) {
		judge(fixture, write_op(fixture, device, 1 + lot(4)));
	} else if (what < 20) {
		judge(fixture, say_op(fixture, device->user_id, lot(2) == 0 ? "ops" : "lobby"));
	} else if (what < 22) {
		change(fixture, lot(3) == 0 ? CHANGE_LEAVE : CHANGE_JOIN, device->user_id, lot(2) == 0 ? "ops" : "lobby", NOBODY);
	} else if (what < 32) {
		const uint64_t newest = fixture->appended.mark.commit;
		take(fixture, device, newest - lot(newest < 20 ? (uint32_t)newest : 20));
	} else if (what < 34 && *device_count < 20) {
		++*device_count;
		if (judge(fixture, invited_op(1 + lot(4), *device_count)) == VERDICT_ENROLLED)
			devices[*device_count - 1] = device_of(fixture, *device_count);
		else
			--*device_count;
	} else if (what == 34) {
		days_pass(fixture, (int)lot(9));
	} else if (what == 35) {
		fixture->history_days = lot(3) * 5;
		bound(fixture, 20 + lot(60), 8000, 4000 + lot(20000));
	} else if (what == 36) {
		list_and_revoke(fixture, (uint8_t)(1 + lot(*device_count)));
		list_people(fixture, ANNA);
	} else if (what == 37) {
		const uint32_t days = fixture->history_days;
		reopen_store(fixture);
		fixture->history_days = days;
		bound(fixture, 40, 8000, 8000);
	}
}

static void test_counts_are_right(void **state)
{
	struct fixture *fixture = *state;
	struct storage_device devices[20];
	uint8_t device_count = 4;
	for (uint8_t i = 0; i < 4; i++)
		devices[i] = enroll(fixture, 1 + i, (uint8_t)(i + 1));
	for (int i = 0; i < 700; i++) {
		act(fixture, devices, &device_count);
		must_fit(fixture);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_own, tear_down_people)
		TEST(test_own_for_the_other_device),
		TEST(test_pages_pass_over_own),
		TEST(test_no_own_for_one_device),
		TEST(test_new_device_begins_with_history),
		TEST(test_history_goes_after_its_days),
		TEST(test_history_waits_for_no_device_for_ever),
		TEST(test_history_switched_off),
		TEST(test_history_ends_in_steps),
		TEST(test_what_goes_first),
		TEST(test_order_of_what_goes),
		TEST(test_counts_are_right),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
