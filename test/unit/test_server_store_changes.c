// SPDX-License-Identifier: ISC
// store/server_store: changes: who comes into a room and goes, whose a room is, what a user blocks, the bounds, and stamps.
#include "server_store_rooms_fixture.h"

// The text of the last row of a mailbox.
static const char *last_text(struct fixture *fixture, int64_t user_id)
{
	static char text[TEXT_BYTES_MAX + 1];
	read_page(fixture, user_id, 0, STORAGE_PAGE_ROWS_MAX);
	assert_true(fixture->page.row_count > 0);
	const struct storage_row *row = &fixture->page.row[fixture->page.row_count - 1];
	memcpy(text, fixture->page.text + row->text_offset, row->text_bytes);
	text[row->text_bytes] = 0;
	return text;
}

static uint8_t last_kind(struct fixture *fixture, int64_t user_id)
{
	read_page(fixture, user_id, 0, STORAGE_PAGE_ROWS_MAX);
	assert_true(fixture->page.row_count > 0);
	return fixture->page.row[fixture->page.row_count - 1].kind;
}

// Who comes sees the coming, who goes the going, and nobody else before or after.
static void test_coming_and_going_stand_in_the_rooms_order(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(join(fixture, FRED, "ops"), VERDICT_NEW);
	const struct storage_result *result = &fixture->result[0];
	assert_int_equal(result->kind, MESSAGE_JOINED);
	assert_int_equal(result->room_row, 1);
	assert_int_equal(result->place_count, 1);
	assert_int_equal(result->member_count, 1);
	assert_string_equal(result->about.text, "fred");
	assert_int_equal(result->stamp.commit, result->row);
	assert_memory_equal(result->stamp.start_id, fixture->mark.start_id, STORAGE_START_ID_BYTES);
	assert_int_equal(join(fixture, JIMMY, "Ops"), VERDICT_NEW);
	assert_int_equal(result->place_count, 2);
	assert_int_equal(change(fixture, CHANGE_ADD, JIMMY, "ops", TIM), VERDICT_NEW); // any member may add
	assert_int_equal(result->place_count, 3);
	assert_int_equal(result->room_row, 3);
	assert_string_equal(last_text(fixture, FRED), "tim");
	assert_int_equal(last_kind(fixture, TIM), MESSAGE_JOINED);
	assert_int_equal(next_row(fixture, TIM, 0), result->row); // the first that he has
	assert_int_equal(change(fixture, CHANGE_LEAVE, FRED, "ops", TIM), VERDICT_NEW);
	assert_int_equal(result->kind, MESSAGE_REMOVED);
	assert_int_equal(result->place_count, 3);
	assert_int_equal(result->member_count, 2);
	assert_int_equal(last_kind(fixture, TIM), MESSAGE_REMOVED);
	assert_int_equal(leave(fixture, JIMMY, "ops"), VERDICT_NEW);
	assert_int_equal(result->kind, MESSAGE_LEFT);
	assert_int_equal(result->place_count, 2);
	assert_int_equal(last_kind(fixture, JIMMY), MESSAGE_LEFT);
	assert_int_equal(last_kind(fixture, TIM), MESSAGE_REMOVED);
	assert_string_equal(last_text(fixture, FRED), "jimmy");
	// Again, there is nothing to do; but it has a stamp, and its id is held.
	struct storage_op again = change_op(fixture, CHANGE_LEAVE, JIMMY, "ops", NOBODY);
	assert_int_equal(judge(fixture, again), VERDICT_REPEAT);
	assert_int_equal(result->row, 0);
	const uint64_t commit = result->stamp.commit;
	assert_int_equal(commit, fixture->appended.mark.commit);
	reopen_store(fixture);
	assert_int_equal(judge(fixture, again), VERDICT_REPEAT);
	assert_int_equal(result->stamp.commit, commit);
	assert_int_equal(join(fixture, FRED, "ops"), VERDICT_REPEAT);
	assert_int_equal(result->place_count, 0);
}

// Who is in a room goes by its own list: also one whom the users file has no more, or has given the name of to another.
static void test_a_member_who_is_no_user_can_be_removed(void **state)
{
	struct fixture *fixture = *state;
	const struct storage_result *result = &fixture->result[0];
	for (int64_t named = NOBODY; named <= ANNA; named += ANNA - NOBODY) { // nobody has the name now, or another user
		struct storage_op op = change_op(fixture, CHANGE_LEAVE, FRED, "ops", named);
		op.change.other = name_of("JIMMY");
		join(fixture, FRED, "ops");
		join(fixture, JIMMY, "ops");
		assert_int_equal(judge(fixture, op), VERDICT_NEW);
		assert_int_equal(result->kind, MESSAGE_REMOVED);
		assert_string_equal(result->about.text, "jimmy"); // as it is written
		assert_false(is_member(fixture, JIMMY, "ops"));
	}
	struct storage_op op = change_op(fixture, CHANGE_LEAVE, FRED, "ops", NOBODY);
	op.change.other = name_of("jimmy");
	assert_int_equal(judge(fixture, op), VERDICT_REPEAT); // nobody of the name is in
	assert_true(is_member(fixture, FRED, "ops"));
}

static void test_owner_hands_over_to_the_oldest(void **state)
{
	struct fixture *fixture = *state;
	join(fixture, TIM, "ops");
	join(fixture, JIMMY, "ops");
	join(fixture, FRED, "ops");
	assert_true(owns(fixture, TIM, "ops"));
	assert_int_equal(change(fixture, CHANGE_LEAVE, JIMMY, "ops", FRED), VERDICT_NOT_ALLOWED);
	assert_int_equal(change(fixture, CHANGE_LEAVE, ANNA, "ops", FRED), VERDICT_NOT_A_MEMBER);
	leave(fixture, TIM, "ops");
	assert_true(owns(fixture, JIMMY, "ops"));
	join(fixture, TIM, "ops");
	assert_false(owns(fixture, TIM, "ops"));
	assert_int_equal(change(fixture, CHANGE_LEAVE, JIMMY, "ops", JIMMY), VERDICT_NEW); // oneself
	assert_int_equal(fixture->result[0].kind, MESSAGE_LEFT);
	assert_true(owns(fixture, FRED, "ops"));
}

// A user's room goes with its last member, and its name is not another's for a while; the operator's stays.
static void test_an_empty_room_goes(void **state)
{
	struct fixture *fixture = *state;
	join(fixture, FRED, "ops");
	const struct room_id before = id_of(fixture, "ops");
	const struct storage_device fred = enroll(fixture, FRED, 1);
	leave(fixture, FRED, "ops");
	assert_int_equal(join(fixture, JIMMY, "ops"), VERDICT_NOT_A_MEMBER);
	assert_int_equal(make(fixture, OPERATOR, "OPS", false, false), VERDICT_NOT_ALLOWED);
	assert_true(ask_history(fixture, FRED, before, 1, 9, 32).has.is_refused);
	assert_int_equal(ask_list(fixture, QUESTION_ROOMS, JIMMY, "", "").has.has_more, false);
	assert_int_equal(fixture->page.row_count, 0);
	housekeep_all(fixture, 3);
	must_fit(fixture);
	read_page(fixture, FRED, 0, 32);
	assert_int_equal(fixture->page.row_count, 2); // what he has of it stays, with its name
	assert_string_equal(fixture->page.row[1].room.name.text, "ops");
	fixture->now = DAYS(ROOM_NAME_DAYS);
	housekeep_all(fixture, 3);
	assert_int_equal(join(fixture, JIMMY, "ops"), VERDICT_NEW);
	const struct room_id after = id_of(fixture, "ops");
	assert_memory_not_equal(before.bytes, after.bytes, ROOM_ID_BYTES);
	take(fixture, &fred, fixture->appended.mark.commit);
	housekeep_all(fixture, 3);
	assert_int_equal(count(fixture, "SELECT count(*) FROM room"), 1);
	assert_int_equal(count(fixture, "SELECT count(*) FROM member"), 1);
	assert_int_equal(make(fixture, OPERATOR, "staff", true, false), VERDICT_NEW);
	assert_int_equal(change(fixture, CHANGE_ADD, OPERATOR, "staff", TIM), VERDICT_NEW);
	assert_true(owns(fixture, TIM, "staff"));
	assert_int_equal(leave(fixture, TIM, "staff"), VERDICT_NEW);
	assert_int_equal(change(fixture, CHANGE_ADD, OPERATOR, "staff", FRED), VERDICT_NEW);
	assert_true(owns(fixture, FRED, "staff"));
}

// Whoever is not in it hears the same of a private room and of none.
static void test_a_private_room_is_not_to_be_probed(void **state)
{
	struct fixture *fixture = *state;
	make(fixture, FRED, "closed", true, false);
	join(fixture, FRED, "open");
	for (int i = 0; i < 2; i++) {
		const char *room = i == 0 ? "closed" : "nowhere";
		struct storage_op op = change_op(fixture, CHANGE_JOIN, JIMMY, room, NOBODY);
		op.change.may_make = false;
		assert_int_equal(judge(fixture, op), VERDICT_NOT_A_MEMBER);
		assert_int_equal(fixture->result[0].member_count, 0);
		assert_int_equal(change(fixture, CHANGE_ADD, JIMMY, room, TIM), VERDICT_NOT_A_MEMBER);
		assert_int_equal(change(fixture, CHANGE_ADD, JIMMY, room, NOBODY), VERDICT_NOT_A_MEMBER);
		assert_int_equal(change(fixture, CHANGE_LEAVE, JIMMY, room, FRED), VERDICT_NOT_A_MEMBER);
		const int64_t pairs = count(fixture, "SELECT count(*) FROM member");
		assert_int_equal(leave(fixture, JIMMY, room), VERDICT_REPEAT);
		assert_int_equal(count(fixture, "SELECT count(*) FROM member"), pairs + 1); // the work is the same
		assert_int_equal(name_bytes(&fixture->result[0].room.name), 0);
		assert_int_equal(fixture->result[0].member_count, 0);
	}
	assert_int_equal(change(fixture, CHANGE_ADD, FRED, "closed", NOBODY), VERDICT_NO_SUCH_USER);
	assert_int_equal(change(fixture, CHANGE_ADD, FRED, "closed", JIMMY), VERDICT_NEW);
	assert_int_equal(change(fixture, CHANGE_ADD, JIMMY, "closed", TIM), VERDICT_NOT_ALLOWED);
	assert_int_equal(change(fixture, CHANGE_LEAVE, FRED, "closed", JIMMY), VERDICT_NEW);
	assert_int_equal(join(fixture, JIMMY, "closed"), VERDICT_NOT_A_MEMBER); // though he was in it
	assert_int_equal(ask_list(fixture, QUESTION_ROOMS, JIMMY, "", "").has.has_more, false);
	assert_int_equal(fixture->page.row_count, 1);
}

static void test_the_bounds_of_rooms(void **state)
{
	struct fixture *fixture = *state;
	enum { PEOPLE = ROOM_MEMBERS_MAX + 2 };
	list_people(fixture, PEOPLE);
	make(fixture, OPERATOR, "all", false, false);
	for (int64_t user = 1; user <= ROOM_MEMBERS_MAX; user++)
		assert_int_equal(change(fixture, CHANGE_ADD, OPERATOR, "all", user), VERDICT_NEW);
	assert_int_equal(fixture->result[0].place_count, ROOM_MEMBERS_MAX);
	assert_int_equal(join(fixture, PEOPLE, "all"), VERDICT_ROOM_FULL);
	assert_int_equal(change(fixture, CHANGE_ADD, FRED, "all", PEOPLE), VERDICT_ROOM_FULL);
	char room[NAME_BUFFER_BYTES];
	int made = 0;
	for (; made < ROOMS_MADE_MAX; made++) {
		snprintf(room, sizeof room, "made%d", made);
		assert_int_equal(join(fixture, FRED, room), VERDICT_NEW);
	}
	assert_int_equal(join(fixture, FRED, "one-more"), VERDICT_LIMIT);
	leave(fixture, FRED, "made0");
	assert_int_equal(join(fixture, FRED, "one-more"), VERDICT_LIMIT); // for a while
	for (int i = made; i < ROOMS_JOINED_MAX; i++) {
		snprintf(room, sizeof room, "room%d", i);
		assert_int_equal(make(fixture, OPERATOR, room, false, false), VERDICT_NEW);
		assert_int_equal(join(fixture, JIMMY, room), VERDICT_NEW);
		const bool may_add = i < ROOMS_ADDED_MAX; // fred has all, and what he made but one
		assert_int_equal(change(fixture, CHANGE_ADD, JIMMY, room, FRED), may_add ? VERDICT_NEW : VERDICT_LIMIT);
		if (!may_add)
			assert_int_equal(join(fixture, FRED, room), VERDICT_NEW);
	}
	assert_int_equal(make(fixture, OPERATOR, "last", false, false), VERDICT_NEW);
	assert_int_equal(join(fixture, FRED, "last"), VERDICT_LIMIT);
}

// What has gone is remembered, within a bound and for a time.
static void test_what_ended_is_forgotten(void **state)
{
	struct fixture *fixture = *state;
	char room[NAME_BUFFER_BYTES];
	for (int i = 0; i < ROOMS_LEFT_MAX + 20; i++) {
		snprintf(room, sizeof room, "room%d", i);
		make(fixture, OPERATOR, room, false, false);
		fixture->now = LATER(DAYS(0), i);
		leave(fixture, FRED, room);
	}
	assert_int_equal(count(fixture, "SELECT count(*) FROM member WHERE user_id = 1"), ROOMS_LEFT_MAX);
	assert_int_equal(count(fixture, "SELECT min(left_at) FROM member"), 20);
	list_people(fixture, UNBLOCKED_MAX + 20);
	for (int64_t user = 2; user < UNBLOCKED_MAX + 20; user++) {
		fixture->now = LATER(DAYS(0), 1000 + user);
		change(fixture, CHANGE_UNBLOCK, FRED, "", user);
	}
	assert_int_equal(count(fixture, "SELECT count(*) FROM block"), UNBLOCKED_MAX);
	assert_int_equal(count(fixture, "SELECT min(blocked_id) FROM block"), 20);
	fixture->now = LATER(DAYS(PAIR_DAYS), 10000);
	housekeep_all(fixture, 100);
	assert_int_equal(count(fixture, "SELECT count(*) FROM block") + count(fixture, "SELECT count(*) FROM member"), 0);
}

// --- the operator ---

static void test_a_room_is_renamed_and_deleted(void **state)
{
	struct fixture *fixture = *state;
	join(fixture, FRED, "ops");
	join(fixture, JIMMY, "ops");
	join(fixture, TIM, "taken");
	const struct room_id id = id_of(fixture, "ops");
	struct storage_op op = change_op(fixture, CHANGE_ROOM_RENAME, OPERATOR, "ops", NOBODY);
	op.change.name = name_of("Taken");
	assert_int_equal(judge(fixture, op), VERDICT_NOT_ALLOWED);
	op.change.name = name_of("crew");
	assert_int_equal(judge(fixture, op), VERDICT_NEW);
	const struct storage_result *result = &fixture->result[0];
	assert_int_equal(result->kind, MESSAGE_RENAMED);
	assert_int_equal(result->place_count, 2);
	assert_string_equal(result->about.text, "ops");
	assert_string_equal(result->room.name.text, "crew");
	assert_string_equal(last_text(fixture, FRED), "#ops");
	assert_string_equal(fixture->page.row[0].room.name.text, "crew"); // also of what came before
	assert_int_equal(name_bytes(&fixture->page.row[fixture->page.row_count - 1].sender), 0);
	assert_memory_equal(fixture->page.row[fixture->page.row_count - 1].id.bytes, op.change.id.bytes, ID_BYTES);
	say(fixture, FRED, "ops"); // by its old name
	assert_string_equal(result->room.name.text, "crew");
	assert_memory_equal(result->room.id.bytes, id.bytes, ROOM_ID_BYTES);
	assert_int_equal(join(fixture, TIM, "ops"), VERDICT_NEW);
	op.change.name = name_of("Crew");
	assert_int_equal(judge(fixture, op), VERDICT_NEW);
	assert_int_equal(judge(fixture, op), VERDICT_REPEAT);
	const uint64_t commit = fixture->appended.mark.commit;
	assert_int_equal(judge(fixture, op), VERDICT_REPEAT);
	assert_int_equal(fixture->appended.mark.commit, commit); // the operator's changes nothing
	op.change.room = op.change.name;
	op.change.name = name_of("ops"); // back
	assert_int_equal(judge(fixture, op), VERDICT_NEW);
	must_fit(fixture);

	assert_int_equal(change(fixture, CHANGE_LEAVE, OPERATOR, "ops", FRED), VERDICT_NEW);
	assert_int_equal(result->kind, MESSAGE_REMOVED);
	assert_int_equal(change(fixture, CHANGE_LEAVE, OPERATOR, "ops", FRED), VERDICT_REPEAT);
	assert_int_equal(change(fixture, CHANGE_LEAVE, OPERATOR, "nowhere", FRED), VERDICT_NOT_A_MEMBER);
	assert_int_equal(change(fixture, CHANGE_ROOM_DELETE, OPERATOR, "crew", NOBODY), VERDICT_NEW);
	assert_int_equal(result->place_count, 0);
	assert_int_equal(result->member_count, 2); // that were in it
	assert_int_equal(judge(fixture, say_op(fixture, JIMMY, "ops")), VERDICT_NOT_A_MEMBER);
	assert_int_equal(change(fixture, CHANGE_ROOM_DELETE, OPERATOR, "crew", NOBODY), VERDICT_NOT_A_MEMBER);
	assert_int_equal(make(fixture, OPERATOR, "ops", false, false), VERDICT_NOT_ALLOWED);
	assert_int_equal(make(fixture, OPERATOR, "crew", false, false), VERDICT_NOT_ALLOWED);
	fixture->now = DAYS(ROOM_NAME_DAYS);
	housekeep_all(fixture, 1);
	assert_int_equal(make(fixture, OPERATOR, "ops", false, false), VERDICT_NEW);
	assert_int_equal(make(fixture, OPERATOR, "crew", false, false), VERDICT_NEW);
}

// --- blocks ---

static void test_a_block_refuses_for_one(void **state)
{
	struct fixture *fixture = *state;
	join(fixture, FRED, "ops");
	join(fixture, JIMMY, "ops");
	assert_int_equal(change(fixture, CHANGE_BLOCK, FRED, "", NOBODY), VERDICT_NO_SUCH_USER);
	assert_int_equal(change(fixture, CHANGE_BLOCK, FRED, "", FRED), VERDICT_REPEAT);
	assert_int_equal(write_to(fixture, FRED, FRED), VERDICT_NEW);
	assert_int_equal(change(fixture, CHANGE_BLOCK, FRED, "", JIMMY), VERDICT_NEW);
	assert_int_equal(fixture->result[0].row, 0);
	assert_int_equal(fixture->result[0].stamp.commit, fixture->appended.mark.commit);
	assert_int_equal(change(fixture, CHANGE_BLOCK, FRED, "", JIMMY), VERDICT_REPEAT);
	assert_int_equal(write_to(fixture, JIMMY, FRED), VERDICT_BLOCKED);
	assert_int_equal(write_to(fixture, TIM, FRED), VERDICT_NEW);
	assert_int_equal(write_to(fixture, FRED, JIMMY), VERDICT_NEW);
	assert_non_null(say(fixture, JIMMY, "ops") != 0 ? place_of(fixture, FRED) : NULL); // in rooms nothing is hidden
	join(fixture, JIMMY, "other");
	assert_int_equal(change(fixture, CHANGE_ADD, JIMMY, "other", FRED), VERDICT_BLOCKED);
	assert_int_equal(change(fixture, CHANGE_ADD, OPERATOR, "other", FRED), VERDICT_NEW);
	reopen_store(fixture);
	assert_int_equal(write_to(fixture, JIMMY, FRED), VERDICT_BLOCKED);
	ask_list(fixture, QUESTION_BLOCKED, FRED, "", "");
	assert_int_equal(fixture->page.row_count, 1);
	assert_int_equal(fixture->page.member[0].user_id, JIMMY);
	assert_string_equal(fixture->page.member[0].name.text, "jimmy");
	assert_int_equal(change(fixture, CHANGE_UNBLOCK, FRED, "", JIMMY), VERDICT_NEW);
	assert_int_equal(change(fixture, CHANGE_UNBLOCK, FRED, "", JIMMY), VERDICT_REPEAT);
	assert_int_equal(write_to(fixture, JIMMY, FRED), VERDICT_NEW);
	ask_list(fixture, QUESTION_BLOCKED, FRED, "", "");
	assert_int_equal(fixture->page.row_count, 0);
	list_people(fixture, BLOCKED_MAX + 3);
	for (int64_t user = 2; user < BLOCKED_MAX + 2; user++)
		assert_int_equal(change(fixture, CHANGE_BLOCK, FRED, "", user), VERDICT_NEW);
	const struct storage_op more = change_op(fixture, CHANGE_BLOCK, FRED, "", BLOCKED_MAX + 3);
	assert_int_equal(judge(fixture, more), VERDICT_LIMIT);
	assert_int_equal(change(fixture, CHANGE_UNBLOCK, FRED, "", JIMMY), VERDICT_NEW);
	assert_int_equal(judge(fixture, more), VERDICT_LIMIT); // as it was said
}

// --- stamps ---

static struct storage_mark stamp_of(uint8_t start, uint64_t commit)
{
	struct storage_mark stamp = {.commit = commit};
	memset(stamp.start_id, start, sizeof stamp.start_id);
	return stamp;
}

static enum storage_verdict offer(struct fixture *fixture, enum storage_change_kind what, int64_t user_id, int64_t other_id,
				  struct storage_mark stamp)
{
	struct storage_op op = change_op(fixture, what, user_id, what == CHANGE_BLOCK || what == CHANGE_UNBLOCK ? "" : "ops", other_id);
	op.change.stamp = stamp;
	return judge(fixture, op);
}

// What a store said that a restore has lost is offered again in any order; the newest counts.
static void test_what_was_overtaken_does_nothing(void **state)
{
	struct fixture *fixture = *state;
	join(fixture, FRED, "ops");
	// fred had added jimmy, and jimmy had left.
	assert_int_equal(offer(fixture, CHANGE_LEAVE, JIMMY, NOBODY, stamp_of(9, 18)), VERDICT_REPEAT);
	assert_int_equal(fixture->result[0].stamp.commit, 18);
	const struct storage_mark shown = stamp_of(9, 18);
	assert_memory_equal(&fixture->result[0].stamp, &shown, sizeof shown);
	assert_int_equal(offer(fixture, CHANGE_ADD, FRED, JIMMY, stamp_of(9, 15)), VERDICT_REPEAT);
	assert_false(is_member(fixture, JIMMY, "ops"));
	assert_int_equal(offer(fixture, CHANGE_ADD, FRED, JIMMY, stamp_of(9, 18)), VERDICT_REPEAT);
	assert_int_equal(offer(fixture, CHANGE_ADD, FRED, JIMMY, stamp_of(9, 19)), VERDICT_NEW);
	// What came from this start is newer than what came from one that is not known ...
	assert_int_equal(leave(fixture, JIMMY, "ops"), VERDICT_NEW);
	assert_int_equal(offer(fixture, CHANGE_ADD, FRED, JIMMY, stamp_of(9, 30)), VERDICT_REPEAT);
	assert_false(is_member(fixture, JIMMY, "ops"));
	// ... but that is newer than what came from those before.
	reopen_store(fixture);
	assert_int_equal(offer(fixture, CHANGE_ADD, FRED, JIMMY, stamp_of(9, 30)), VERDICT_NEW);
	assert_true(is_member(fixture, JIMMY, "ops"));
	const struct storage_mark now = fixture->mark;
	assert_int_equal(change(fixture, CHANGE_LEAVE, FRED, "ops", JIMMY), VERDICT_NEW);
	reopen_store(fixture);
	assert_int_equal(offer(fixture, CHANGE_JOIN, JIMMY, NOBODY, (struct storage_mark){.commit = 1}), VERDICT_NEW); // shows none
	assert_int_equal(offer(fixture, CHANGE_LEAVE, JIMMY, NOBODY, now), VERDICT_REPEAT); // by an older start
	assert_true(is_member(fixture, JIMMY, "ops"));

	assert_int_equal(offer(fixture, CHANGE_UNBLOCK, FRED, TIM, stamp_of(9, 12)), VERDICT_REPEAT);
	assert_int_equal(offer(fixture, CHANGE_BLOCK, FRED, TIM, stamp_of(9, 11)), VERDICT_REPEAT);
	assert_int_equal(write_to(fixture, TIM, FRED), VERDICT_NEW);
	assert_int_equal(offer(fixture, CHANGE_BLOCK, FRED, TIM, stamp_of(9, 13)), VERDICT_NEW);
	assert_int_equal(write_to(fixture, TIM, FRED), VERDICT_BLOCKED);
}

// A refusal binds the copy on any session that had begun by then.
static void test_a_refused_change_is_remembered(void **state)
{
	struct fixture *fixture = *state;
	make(fixture, FRED, "closed", true, false);
	struct storage_op op = change_op(fixture, CHANGE_JOIN, JIMMY, "closed", NOBODY);
	assert_int_equal(judge(fixture, op), VERDICT_NOT_A_MEMBER);
	assert_int_equal(change(fixture, CHANGE_ADD, FRED, "closed", JIMMY), VERDICT_NEW);
	op.session++;
	assert_int_equal(judge(fixture, op), VERDICT_NOT_A_MEMBER);
	op.session_began_at = LATER(fixture->now, 1);
	fixture->now = LATER(fixture->now, 2);
	assert_int_equal(judge(fixture, op), VERDICT_REPEAT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_coming_and_going_stand_in_the_rooms_order, set_up_people, tear_down_people),
		cmocka_unit_test_setup_teardown(test_a_member_who_is_no_user_can_be_removed, set_up_people, tear_down_people),
		cmocka_unit_test_setup_teardown(test_owner_hands_over_to_the_oldest, set_up_people, tear_down_people),
		cmocka_unit_test_setup_teardown(test_an_empty_room_goes, set_up_people, tear_down_people),
		cmocka_unit_test_setup_teardown(test_a_private_room_is_not_to_be_probed, set_up_people, tear_down_people),
		cmocka_unit_test_setup_teardown(test_the_bounds_of_rooms, set_up_people, tear_down_people),
		cmocka_unit_test_setup_teardown(test_what_ended_is_forgotten, set_up_people, tear_down_people),
		cmocka_unit_test_setup_teardown(test_a_room_is_renamed_and_deleted, set_up_people, tear_down_people),
		cmocka_unit_test_setup_teardown(test_a_block_refuses_for_one, set_up_people, tear_down_people),
		cmocka_unit_test_setup_teardown(test_what_was_overtaken_does_nothing, set_up_people, tear_down_people),
		cmocka_unit_test_setup_teardown(test_a_refused_change_is_remembered, set_up_people, tear_down_people),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
