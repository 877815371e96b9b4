// SPDX-License-Identifier: ISC
// store/server_store: messages to rooms: who gets them, what counts, how long they stay, and what is answered about rooms.
#include "server_store_rooms_fixture.h"

// One body, one place for each member, the sender too; for whom it is his own, nobody waits.
static void test_everybody_in_a_room_gets_it(void **state)
{
	struct fixture *fixture = *state;
	for (int64_t user = FRED; user <= TIM; user++)
		enroll(fixture, user, (uint8_t)user);
	join(fixture, FRED, "ops");
	join(fixture, JIMMY, "ops");
	const uint64_t direct = write_to(fixture, JIMMY, FRED) == VERDICT_NEW ? fixture->result[0].row : 0;
	const uint64_t row = say(fixture, JIMMY, "ops");
	const struct storage_result *result = &fixture->result[0];
	assert_int_equal(result->row, direct + 1);
	assert_int_equal(result->place_count, 2);
	assert_int_equal(place_of(fixture, FRED)->row_before, direct);
	assert_int_equal(place_of(fixture, JIMMY)->row_before, direct - 1); // his own joining
	assert_null(place_of(fixture, TIM));
	assert_int_equal(result->room_row, 3);
	assert_int_equal(result->member_count, 2);
	assert_string_equal(result->room.name.text, "ops");
	assert_int_equal(count(fixture, "SELECT count(*) FROM body WHERE kind = 1 AND to_user = 0"), 1);
	assert_int_equal(waiting(fixture, FRED), 2); // the direct one and this; nobody waits for joins
	assert_int_equal(waiting(fixture, JIMMY), 0);
	assert_int_equal(waiting(fixture, TIM), 0);
	read_page(fixture, FRED, direct, 5);
	assert_int_equal(fixture->page.row_count, 1);
	assert_int_equal(fixture->page.row[0].row, row);
	assert_int_equal(fixture->page.row[0].room_row, 3);
	assert_true(fixture->page.row[0].is_counted);
	assert_string_equal(fixture->page.row[0].room.name.text, "ops");
	assert_memory_equal(fixture->page.row[0].room.id.bytes, result->room.id.bytes, ROOM_ID_BYTES);
	read_page(fixture, JIMMY, row - 1, 5);
	assert_false(fixture->page.row[0].is_counted);
	read_page(fixture, FRED, 0, 5);
	assert_int_equal(fixture->page.row[0].kind, MESSAGE_JOINED);
	assert_false(fixture->page.row[0].is_counted);
	assert_int_equal(fixture->page.row[2].room_row, 0); // the direct one
	assert_true(fixture->page.row[2].is_counted);
}

static void test_a_stranger_to_a_room_says_nothing(void **state)
{
	struct fixture *fixture = *state;
	join(fixture, FRED, "ops");
	assert_int_equal(judge(fixture, say_op(fixture, JIMMY, "ops")), VERDICT_NOT_A_MEMBER);
	assert_int_equal(judge(fixture, say_op(fixture, JIMMY, "nowhere")), VERDICT_NOT_A_MEMBER);
	const struct storage_op op = say_op(fixture, JIMMY, "ops");
	assert_int_equal(judge(fixture, op), VERDICT_NOT_A_MEMBER);
	join(fixture, JIMMY, "ops");
	assert_int_equal(judge(fixture, op), VERDICT_NOT_A_MEMBER); // as it was said
	assert_int_equal(judge(fixture, say_op(fixture, JIMMY, "OPS")), VERDICT_NEW);
	leave(fixture, JIMMY, "ops");
	assert_int_equal(judge(fixture, say_op(fixture, JIMMY, "ops")), VERDICT_NOT_A_MEMBER);
}

// A repeated batch comes to the same rows, and nothing is there twice.
static void test_a_repeated_batch_says_it_once(void **state)
{
	struct fixture *fixture = *state;
	join(fixture, FRED, "ops");
	struct storage_op ops[] = {say_op(fixture, FRED, "ops"), change_op(fixture, CHANGE_ADD, FRED, "ops", JIMMY),
				   say_op(fixture, FRED, "ops"), change_op(fixture, CHANGE_LEAVE, JIMMY, "ops", NOBODY)};
	struct storage_result first[4];
	must_keep(fixture, ops, 4, "0123456789");
	memcpy(first, fixture->result, sizeof first);
	assert_int_equal(first[3].room_row, 5);
	assert_int_equal(first[2].place_first, first[1].place_first + first[1].place_count);
	const int64_t bodies = count(fixture, "SELECT count(*) FROM body");
	reopen_store(fixture);
	must_keep(fixture, ops, 4, "0123456789");
	for (int i = 0; i < 4; i++) {
		assert_int_equal(first[i].verdict, VERDICT_NEW);
		assert_int_equal(fixture->result[i].verdict, VERDICT_REPEAT);
		assert_int_equal(fixture->result[i].row, i % 2 == 0 ? first[i].row : 0);
		assert_memory_equal(&fixture->result[i].stamp, &first[i].stamp, sizeof first[i].stamp);
	}
	assert_int_equal(count(fixture, "SELECT count(*) FROM body"), bodies);
	ops[0].submit.digest[0] ^= 1;
	ops[1].change.digest[0] ^= 1;
	must_keep(fixture, ops, 2, "0123456789");
	assert_int_equal(fixture->result[0].verdict, VERDICT_ID_MISUSED);
	assert_int_equal(fixture->result[1].verdict, VERDICT_ID_MISUSED);
}

// A member whose mailbox is full, by all or by what rooms may have of it, refuses nobody's message: history has it.
static void test_a_full_member_refuses_nothing(void **state)
{
	struct fixture *fixture = *state;
	join(fixture, FRED, "ops");
	join(fixture, JIMMY, "ops");
	bound(fixture, 8, MAILBOX_BYTES_MAX, MAILBOX_HELD_BYTES_MAX);
	for (int i = 0; i < 3; i++) // with his joining these are half of it
		say(fixture, FRED, "ops");
	say(fixture, FRED, "ops");
	assert_null(place_of(fixture, JIMMY));
	assert_null(place_of(fixture, FRED)); // his own mailbox is no better
	assert_int_equal(fixture->result[0].place_count, 0);
	assert_int_equal(fixture->result[0].room_row, 6);
	assert_int_equal(write_to(fixture, TIM, JIMMY), VERDICT_NEW); // rooms take no room from people
	const struct storage_question question = ask_history(fixture, JIMMY, id_of(fixture, "ops"), 1, 100, 32);
	assert_int_equal(fixture->page.row_count, 6);
	assert_int_equal(question.has.row_read, 6);
	const struct storage_device device = enroll(fixture, JIMMY, 2);
	assert_int_equal(waiting(fixture, 2), 4);
	take(fixture, &device, fixture->appended.mark.commit);
	say(fixture, FRED, "ops");
	assert_non_null(place_of(fixture, JIMMY));
	assert_int_equal(waiting(fixture, 2), 1);
}

static void test_who_takes_nothing_for_long_gets_nothing(void **state)
{
	struct fixture *fixture = *state;
	join(fixture, FRED, "ops");
	join(fixture, JIMMY, "ops");
	const struct storage_device fred = enroll(fixture, FRED, 1);
	const struct storage_device jimmy = enroll(fixture, JIMMY, 2);
	for (int day = 1; day < ROOM_AWAY_DAYS; day++) {
		fixture->now = DAYS(day);
		const uint64_t row = say(fixture, FRED, "ops");
		assert_non_null(place_of(fixture, JIMMY));
		take(fixture, &fred, row);
	}
	fixture->now = DAYS(ROOM_AWAY_DAYS);
	say(fixture, FRED, "ops");
	assert_non_null(place_of(fixture, FRED));
	assert_null(place_of(fixture, JIMMY));
	assert_int_equal(waiting(fixture, 2), ROOM_AWAY_DAYS - 1);
	take(fixture, &jimmy, fixture->appended.mark.commit);
	say(fixture, FRED, "ops");
	assert_non_null(place_of(fixture, JIMMY));
	// Who has taken all that came is not away, however long nothing came.
	take(fixture, &jimmy, fixture->appended.mark.commit);
	fixture->now = DAYS(200);
	say(fixture, FRED, "ops");
	assert_non_null(place_of(fixture, JIMMY));
	say(fixture, FRED, "ops");
	assert_non_null(place_of(fixture, JIMMY));
}

// Waiting is exact, whatever is passed, dropped or enrolled between.
static void test_what_nobody_waits_for_is_never_waiting(void **state)
{
	struct fixture *fixture = *state;
	const struct storage_device first = enroll(fixture, FRED, 1);
	uint64_t row[8];
	join(fixture, FRED, "ops");
	join(fixture, JIMMY, "ops");
	enroll(fixture, FRED, 2);
	for (int i = 0; i < 8; i++)
		row[i] = say(fixture, i % 2 == 0 ? FRED : JIMMY, "ops"); // every other is his own
	assert_int_equal(waiting(fixture, 1), 4);
	take(fixture, &first, row[0]);
	assert_int_equal(waiting(fixture, 1), 4);
	take(fixture, &first, row[4]);
	assert_int_equal(waiting(fixture, 1), 2);
	assert_int_equal(waiting(fixture, 2), 4);
	enroll(fixture, FRED, 3);
	assert_int_equal(waiting(fixture, 3), 2); // the rest is history
	must_fit(fixture);
	// Of what some device has, the oldest goes; that is no gap of the mailbox.
	bound_held(fixture, 6 * (MAILBOX_ROW_BYTES + 10));
	say(fixture, JIMMY, "ops");
	assert_true(rows_held(fixture, FRED) < 10);
	assert_int_equal(device_of(fixture, 2).gap_count, 0);
	assert_true(waiting(fixture, 2) < 5);
	assert_int_equal(waiting(fixture, 3), 3); // what no device has stays
	must_fit(fixture);
	reopen_store(fixture);
	take(fixture, &first, row[7]);
	assert_int_equal(waiting(fixture, 1), 1);
	assert_int_equal(list_and_revoke(fixture, 2) != 0, true);
	list_people(fixture, ANNA);
	const struct storage_device third = device_of(fixture, 3);
	take(fixture, &third, fixture->appended.mark.commit);
	assert_int_equal(waiting(fixture, 3), 0);
}

// A message stays while any mailbox or the room's history has it.
static void test_a_message_lives_as_long_as_one_has_it(void **state)
{
	struct fixture *fixture = *state;
	join(fixture, FRED, "ops");
	join(fixture, JIMMY, "ops");
	const struct storage_device fred = enroll(fixture, FRED, 1);
	const struct storage_device jimmy = enroll(fixture, JIMMY, 2);
	const uint64_t row = say(fixture, FRED, "ops");
	take(fixture, &fred, row);
	take(fixture, &jimmy, row);
	assert_int_equal(rows_held(fixture, FRED) + rows_held(fixture, JIMMY), 0);
	assert_int_equal(count(fixture, "SELECT count(*) FROM body"), 3);
	fixture->now = DAYS(RETENTION_DAYS - 1);
	const uint64_t later = say(fixture, FRED, "ops");
	take(fixture, &fred, later);
	housekeep_all(fixture, 100);
	assert_int_equal(count(fixture, "SELECT count(*) FROM body"), 4);
	fixture->now = DAYS(RETENTION_DAYS);
	housekeep_all(fixture, 1);
	assert_int_equal(count(fixture, "SELECT count(*) FROM body"), 1);
	const struct room_id ops = id_of(fixture, "ops");
	ask_history(fixture, FRED, ops, 1, 100, 32);
	assert_int_equal(fixture->page.row_count, 1);
	assert_int_equal(fixture->page.row[0].row, 4);
	fixture->now = DAYS(2 * RETENTION_DAYS);
	housekeep_all(fixture, 100);
	assert_int_equal(ask_history(fixture, FRED, ops, 1, 100, 32).has.row_read, 4);
	assert_int_equal(fixture->page.row_count, 0);
	assert_int_equal(next_row(fixture, JIMMY, row), later); // it waits for him still
	must_fit(fixture);
	take(fixture, &jimmy, later);
	assert_int_equal(count(fixture, "SELECT count(*) FROM body"), 0);
	assert_int_equal(count(fixture, "SELECT count(*) FROM room_line"), 0);
	say(fixture, FRED, "ops");
	assert_int_equal(fixture->result[0].room_row, 5); // rows go on
}

// A mailbox whose user is forgotten lets go what it had of rooms.
static void test_a_user_who_is_forgotten_leaves(void **state)
{
	struct fixture *fixture = *state;
	join(fixture, FRED, "ops");
	join(fixture, JIMMY, "ops");
	join(fixture, TIM, "ops");
	join(fixture, FRED, "mine");
	change(fixture, CHANGE_BLOCK, JIMMY, "", FRED);
	change(fixture, CHANGE_BLOCK, FRED, "", JIMMY);
	change(fixture, CHANGE_BLOCK, TIM, "", FRED);
	change(fixture, CHANGE_UNBLOCK, TIM, "", FRED);
	say(fixture, FRED, "ops");
	struct server_store_user users[] = {user_of("jimmy"), user_of("tim"), user_of("anna")};
	int64_t ids[3];
	sync_users(fixture, users, 3, ids, NULL);
	say(fixture, JIMMY, "ops"); // a suspended member is one
	assert_int_equal(fixture->result[0].place_count, 3);
	assert_true(owns(fixture, FRED, "ops"));
	fixture->now = DAYS(RETENTION_DAYS);
	const struct storage_device tim = enroll(fixture, TIM, 3);
	take(fixture, &tim, fixture->appended.mark.commit);
	housekeep_all(fixture, 2);
	assert_int_equal(count(fixture, "SELECT count(*) FROM user"), 3);
	assert_int_equal(count(fixture, "SELECT count(*) FROM member WHERE user_id = 1"), 0);
	assert_int_equal(count(fixture, "SELECT count(*) FROM block"), 0);
	assert_false(is_member(fixture, FRED, "ops"));
	assert_true(owns(fixture, JIMMY, "ops"));
	assert_int_equal(count(fixture, "SELECT count(*) FROM room WHERE gone_at IS NOT NULL"), 1); // that nobody was in but he
	read_page(fixture, TIM, 0, 32);
	const struct storage_row *row = &fixture->page.row[fixture->page.row_count - 1];
	assert_int_equal(row->kind, MESSAGE_LEFT);
	assert_int_equal(name_bytes(&row->sender), 0);
	assert_int_equal(row->text_bytes, 4);
	assert_memory_equal(fixture->page.text + row->text_offset, "fred", 4);
	say(fixture, TIM, "ops");
	assert_int_equal(fixture->result[0].place_count, 1); // jimmy took nothing for long
}

// --- questions ---

static void test_history_is_for_members_and_from_their_row_on(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(make(fixture, FRED, "open", false, false), VERDICT_NEW);
	assert_int_equal(make(fixture, FRED, "closed", true, true), VERDICT_NEW);
	for (int i = 0; i < 40; i++) {
		say(fixture, FRED, "open");
		say(fixture, FRED, "closed");
	}
	const struct room_id open = id_of(fixture, "open");
	const struct room_id closed = id_of(fixture, "closed");
	assert_true(ask_history(fixture, JIMMY, open, 1, 100, 32).has.is_refused);
	assert_true(ask_history(fixture, JIMMY, closed, 1, 100, 32).has.is_refused);
	assert_true(ask_history(fixture, FRED, (struct room_id){{1}}, 1, 100, 32).has.is_refused);
	join(fixture, JIMMY, "open");
	assert_int_equal(change(fixture, CHANGE_ADD, FRED, "closed", JIMMY), VERDICT_NEW);
	struct storage_question question = ask_history(fixture, JIMMY, open, 1, 100, 32);
	assert_false(question.has.is_refused);
	assert_int_equal(fixture->page.row_count, 32);
	assert_int_equal(question.has.row_read, 32);
	question = ask_history(fixture, JIMMY, open, 33, 100, 32);
	assert_int_equal(fixture->page.row_count, 10);
	assert_int_equal(question.has.row_read, 42);
	assert_int_equal(fixture->page.row[8].kind, MESSAGE_WRITTEN);
	assert_int_equal(fixture->page.row[9].kind, MESSAGE_JOINED);
	question = ask_history(fixture, JIMMY, open, 5, 6, 32);
	assert_int_equal(fixture->page.row_count, 2);
	assert_int_equal(question.has.row_read, 6);
	question = ask_history(fixture, JIMMY, closed, 1, 100, 32);
	assert_int_equal(fixture->page.row_count, 1); // his own coming
	assert_int_equal(fixture->page.row[0].row, 42);
	leave(fixture, JIMMY, "open");
	assert_true(ask_history(fixture, JIMMY, open, 1, 100, 32).has.is_refused);
}

static void test_lists_are_paged_by_name(void **state)
{
	struct fixture *fixture = *state;
	char room[NAME_BUFFER_BYTES];
	list_people(fixture, 120);
	for (int i = 0; i < 60; i++) {
		snprintf(room, sizeof room, "%s%02d", i % 2 == 0 ? "room" : "ROOM", i);
		assert_int_equal(make(fixture, OPERATOR, room, i % 3 == 0, false), VERDICT_NEW);
		if (i % 4 == 0)
			assert_int_equal(change(fixture, CHANGE_ADD, OPERATOR, room, FRED), VERDICT_NEW);
	}
	char after[NAME_BUFFER_BYTES] = "";
	int seen[60] = {0};
	for (bool has_more = true; has_more;) {
		const struct storage_question question = ask_list(fixture, QUESTION_ROOMS, FRED, "", after);
		has_more = question.has.has_more;
		assert_true(fixture->page.row_count == STORAGE_PAGE_ROOMS_MAX || !has_more);
		for (uint32_t i = 0; i < fixture->page.row_count; i++) {
			const struct storage_room *entry = &fixture->page.room[i];
			const int number = atoi(entry->room.name.text + 4);
			const struct name before = name_of(after);
			assert_true(name_order(&before, &entry->room.name) < 0);
			seen[number]++;
			assert_int_equal(entry->is_member, number % 4 == 0);
			assert_int_equal(entry->is_owner, number % 4 == 0); // the first in it
			assert_int_equal(entry->is_private, number % 3 == 0);
			assert_int_equal(entry->member_count, number % 4 == 0);
			assert_int_equal(entry->row_last, number % 4 == 0);
			snprintf(after, sizeof after, "%s", entry->room.name.text);
		}
	}
	for (int i = 0; i < 60; i++)
		assert_int_equal(seen[i], i % 3 != 0 || i % 4 == 0);
	// The operator is shown all.
	after[0] = 0;
	uint32_t all = 0;
	for (bool has_more = true; has_more;) {
		has_more = ask_list(fixture, QUESTION_ROOMS, OPERATOR, "", after).has.has_more;
		for (uint32_t i = 0; i < fixture->page.row_count; i++, all++) {
			const struct storage_room *entry = &fixture->page.room[i];
			const int number = atoi(entry->room.name.text + 4);
			assert_int_equal(number, all);
			assert_false(entry->is_member || entry->is_owner);
			assert_int_equal(entry->is_private, number % 3 == 0);
			assert_int_equal(entry->member_count, number % 4 == 0);
			snprintf(after, sizeof after, "%s", entry->room.name.text);
		}
	}
	assert_int_equal(all, 60);
	struct storage_question mine = {.kind = QUESTION_ROOMS, .user_id = FRED, .list = {.is_mine = true}, .page = &fixture->page};
	assert_int_equal(server_store_ask(fixture->store, &mine, &fixture->why), MMS_OK);
	assert_int_equal(fixture->page.row_count, 15);
	assert_false(mine.has.has_more);
	for (int64_t user = JIMMY; user <= 120; user++)
		assert_int_equal(join(fixture, user, "room04"), VERDICT_NEW);
	uint32_t members = 0;
	after[0] = 0;
	for (bool has_more = true; has_more;) {
		has_more = ask_list(fixture, QUESTION_MEMBERS, ANNA, "ROOM04", after).has.has_more;
		for (uint32_t i = 0; i < fixture->page.row_count; i++, members++) {
			const struct name before = name_of(after);
			assert_true(name_order(&before, &fixture->page.member[i].name) < 0);
			assert_int_equal(fixture->page.member[i].is_owner, fixture->page.member[i].user_id == FRED);
			snprintf(after, sizeof after, "%s", fixture->page.member[i].name.text);
		}
	}
	assert_int_equal(members, 120);
	assert_true(ask_list(fixture, QUESTION_MEMBERS, ANNA, "room00", "").has.is_refused); // private
	assert_true(ask_list(fixture, QUESTION_MEMBERS, ANNA, "nowhere", "").has.is_refused);
	assert_false(ask_list(fixture, QUESTION_MEMBERS, ANNA, "room02", "").has.is_refused); // open, and nobody in it
	assert_false(ask_list(fixture, QUESTION_MEMBERS, FRED, "room00", "").has.is_refused);
	assert_false(ask_list(fixture, QUESTION_MEMBERS, OPERATOR, "room00", "").has.is_refused);
	assert_int_equal(fixture->page.row_count, 1);
	assert_true(ask_list(fixture, QUESTION_MEMBERS, OPERATOR, "nowhere", "").has.is_refused);
	assert_int_equal(change(fixture, CHANGE_ROOM_DELETE, OPERATOR, "room00", NOBODY), VERDICT_NEW);
	ask_list(fixture, QUESTION_ROOMS, OPERATOR, "", "");
	assert_string_equal(fixture->page.room[0].room.name.text, "ROOM01"); // a room that is gone is none
	assert_true(ask_list(fixture, QUESTION_MEMBERS, OPERATOR, "room00", "").has.is_refused);
}

// --- what must hold ---

static void test_a_check_finds_what_does_not_fit(void **state)
{
	struct fixture *fixture = *state;
	static const char *const wrongs[] = {
		"DELETE FROM body WHERE to_user > 0",
		"DELETE FROM ref WHERE sender_id > 0",
		"UPDATE mailbox SET held_bytes = held_bytes + 1 WHERE user_id = 2",
		"UPDATE mailbox_more SET held_silent = held_silent + 1, put_silent = put_silent + 1 WHERE user_id = 1",
		"UPDATE mailbox_more SET fresh_silent = 0",
		"UPDATE device SET done_rows = 1",
		"UPDATE device SET done_rows = 1, done_silent = 1",
		"UPDATE room SET member_count = 3",
		"DELETE FROM room",
		"UPDATE member SET is_owner = 1",
		"UPDATE member SET is_owner = 0",
		"DELETE FROM room_name",
		"UPDATE room SET row_last = 9",
		"UPDATE room SET kept_at = NULL",
		"UPDATE room_line SET room_row = 100 - room_row",
		"DELETE FROM body WHERE to_user = 0 AND kind = 1",
		"UPDATE room_line SET refs = refs + 1",
		("UPDATE room SET row_kept = 2; DELETE FROM ref WHERE row = (SELECT min(row) FROM ref);"
		 "UPDATE room_line SET refs = 0 WHERE room_row = 1"),
		"UPDATE mailbox_more SET blocked_count = 0",
		"DELETE FROM block",
		"UPDATE device SET old_rows = old_rows + 1",
		"UPDATE device SET old_rows = 1, old_silent = 1",
		"UPDATE counter SET has_own = 0",
		"UPDATE ref SET flags = flags - 1 WHERE flags & 2",
		"DELETE FROM mailbox_more WHERE user_id = 4",
		"DELETE FROM share",
		"UPDATE share SET taken_weight = taken_weight + 1",
		"UPDATE share SET fresh_bytes = fresh_bytes + 1",
		"UPDATE mailbox SET is_by_sender = 0",
		"UPDATE mailbox_more SET user_id = user_id + 100 WHERE put_silent = 1",
	};
	enroll(fixture, FRED, 1);
	join(fixture, FRED, "ops");
	join(fixture, JIMMY, "ops");
	say(fixture, FRED, "ops");
	write_to(fixture, JIMMY, FRED);
	change(fixture, CHANGE_BLOCK, FRED, "", TIM);
	fixture->history_days = 7; // of one's own, and by sender
	fixture->keeps_own = true;
	bound(fixture, 8, 4000, 10000);
	assert_int_equal(write_to(fixture, ANNA, FRED), VERDICT_NEW);
	must_fit(fixture);
	for (size_t i = 0; i < sizeof wrongs / sizeof *wrongs; i++) {
		assert_int_equal(sql_exec(&fixture->store->sql, "SAVEPOINT wrong"), MMS_OK);
		assert_int_equal(sql_exec(&fixture->store->sql, wrongs[i]), MMS_OK);
		if (server_store_check_rules(&fixture->store->sql) != MMS_E_FORMAT)
			fail_msg("not found: %s", wrongs[i]);
		assert_int_equal(sql_exec(&fixture->store->sql, "ROLLBACK TO wrong; RELEASE wrong"), MMS_OK);
	}
	must_fit(fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_everybody_in_a_room_gets_it, set_up_people, tear_down_people),
		cmocka_unit_test_setup_teardown(test_a_stranger_to_a_room_says_nothing, set_up_people, tear_down_people),
		cmocka_unit_test_setup_teardown(test_a_repeated_batch_says_it_once, set_up_people, tear_down_people),
		cmocka_unit_test_setup_teardown(test_a_full_member_refuses_nothing, set_up_people, tear_down_people),
		cmocka_unit_test_setup_teardown(test_who_takes_nothing_for_long_gets_nothing, set_up_people, tear_down_people),
		cmocka_unit_test_setup_teardown(test_what_nobody_waits_for_is_never_waiting, set_up_people, tear_down_people),
		cmocka_unit_test_setup_teardown(test_a_message_lives_as_long_as_one_has_it, set_up_people, tear_down_people),
		cmocka_unit_test_setup_teardown(test_a_user_who_is_forgotten_leaves, set_up_people, tear_down_people),
		cmocka_unit_test_setup_teardown(test_history_is_for_members_and_from_their_row_on, set_up_people, tear_down_people),
		cmocka_unit_test_setup_teardown(test_lists_are_paged_by_name, set_up_people, tear_down_people),
		cmocka_unit_test_setup_teardown(test_a_check_finds_what_does_not_fit, set_up_people, tear_down_people),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
