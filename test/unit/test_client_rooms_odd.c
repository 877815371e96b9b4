// SPDX-License-Identifier: ISC
// msg/client: a receiving device's rooms when an answer is none, comes out of turn, or finds that things have changed meanwhile.
#include "client_rooms_world.h"

#include "msg/client_inside.h"

static uint32_t room_ops(enum client_op_kind kind)
{
	uint32_t found = 0;
	for (uint32_t i = 0; i < f.mem.room_op_count; i++)
		found += f.mem.room_op[i].kind == kind;
	return found;
}

// An answer that is none ends it until the next sign-in, which asks again.
static void test_a_list_that_is_none(void **state)
{
	(void)state;
	begin_with(false);
	come_in(0, 0);
	answer_call(0, CALL_ROOMS, STATUS_OK, (const uint8_t *)"x", 1, last_call(CALL_ROOMS, 1)->tag);
	store();
	assert_int_equal(f.mem.room_op_count, 0);
	client_tick(&f.client, f.now);
	assert_int_equal(count(CALLED, CALL_ROOMS, NULL), 1);
	client_ended(&f.client, 0);
	come_in(1, 0);
	assert_int_equal(count(CALLED, CALL_ROOMS, NULL), 2);
}

// A second answer to one call changes nothing, nor does one to a call of an earlier session.
static void test_answers_out_of_turn(void **state)
{
	(void)state;
	begin_with(false);
	come_in(0, 0);
	const uint64_t tag = last_call(CALL_ROOMS, 1)->tag;
	answer_call(0, CALL_ROOMS, STATUS_BAD, NULL, 0, tag + 1);
	answer_rooms(only_ops, 9, false, false);
	const uint32_t known_count = f.mem.room_op_count;
	assert_int_equal(known_count, 3);
	answer_rooms(only_ops, 9, false, false);
	assert_int_equal(f.mem.room_op_count, known_count);
	answer_call(0, CALL_HISTORY, STATUS_BAD, NULL, 0, tag); // nothing was asked
	assert_int_equal(f.mem.hole_count, 1);
}

// The same of HISTORY; and what is no answer to it keeps the other rooms waiting no longer than a refusal.
static void test_history_out_of_turn(void **state)
{
	(void)state;
	begin_with(false);
	f.mem.hole = hole_of(&OPS, 2, 9);
	come_in(0, 0);
	answer_rooms(only_ops, 9, false, false);
	const uint64_t tag = last_call(CALL_HISTORY, 1)->tag;
	f.mem.hole = hole_of(&DEV, 3, 3);
	answer_call(0, CALL_HISTORY, STATUS_BAD, NULL, 0, tag + 1);
	assert_int_equal(count(CALLED, CALL_HISTORY, NULL), 1);
	answer_call(0, CALL_HISTORY, STATUS_OK, (const uint8_t *)"x", 1, tag);
	store();
	assert_memory_equal(f.mem.hole_after.bytes, OPS.bytes, ROOM_ID_BYTES);
	assert_int_equal(count(CALLED, CALL_HISTORY, NULL), 2);
}

// Of a list of several pages one that is behind is enough; rooms that one is no member of are none of ours.
static void test_one_page_is_behind(void **state)
{
	(void)state;
	uint8_t body[CALL_BODY_BYTES_MAX];
	struct call_page page;
	static const struct room_id *const rest[] = {&DEV, NULL};
	begin_with(false);
	come_in(0, 0);
	answer_rooms(only_ops, 9, true, true);
	answer_rooms(rest, 9, false, false);
	assert_int_equal(room_ops(CLIENT_OP_ROOM), 2);
	f.now.us += CLIENT_QUIET_US;
	client_tick(&f.client, f.now);
	const struct record *record = last_call(CALL_ROOMS, 3);
	const struct call_room open_one = {.id = OPS, .member_count = 1, .name = name_of("ops")};
	call_page_begin(&page, body);
	assert_true(call_rooms_add(&page, &open_one));
	answer_call(0, CALL_ROOMS, STATUS_OK, body, call_rooms_end(&page, false, false), record->tag);
	store();
	assert_int_equal(room_ops(CLIENT_OP_ROOM), 2);
	assert_int_equal(room_ops(CLIENT_OP_ROOMS_END), 2);
}

// Answers ROOMS with one page of 16 rooms, numbered on.
static void answer_sixteen(uint32_t first, bool has_more)
{
	uint8_t body[CALL_BODY_BYTES_MAX];
	struct record *record = NULL;
	struct call_page page;
	call_page_begin(&page, body);
	for (uint32_t i = first; i < first + 16; i++) {
		char text[NAME_BUFFER_BYTES];
		struct call_room room = {.is_member = true, .id = OPS, .from_row = 1, .newest_row = 1, .member_count = 1};
		snprintf(text, sizeof text, "r%06u", i);
		room.name = name_of(text);
		assert_true(call_rooms_add(&page, &room));
	}
	count(CALLED, CALL_ROOMS, &record);
	answer_call(0, CALL_ROOMS, STATUS_OK, body, call_rooms_end(&page, has_more, false), record->tag);
	f.mem.room_op_count = 0;
	store();
}

// A list that goes on beyond all that there can be is left; one that ends there is taken.
static void test_a_list_without_end(void **state)
{
	(void)state;
	for (int is_endless = 0; is_endless < 2; is_endless++) {
		begin_with(false);
		come_in(0, 0);
		uint32_t first = 0;
		for (; first <= ROOMS_JOINED_MAX - 16; first += 16)
			answer_sixteen(first, true);
		answer_sixteen(first, is_endless != 0);
		assert_int_equal(room_ops(CLIENT_OP_ROOMS_END), is_endless ? 0 : 1);
		assert_int_equal(room_ops(CLIENT_OP_ROOM), is_endless ? 0 : 16);
	}
}

// Who comes into a room while the list is read, or goes while a hole is filled, asks for the list once more when that is done.
static void test_changes_meanwhile(void **state)
{
	(void)state;
	begin_with(false);
	f.mem.hole = hole_of(&OPS, 2, 2);
	come_in(0, 0);
	deliver_to_room(1, MESSAGE_JOINED, 10, "fred", "fred");
	answer_rooms(only_ops, 9, false, false);
	deliver_to_room(2, MESSAGE_LEFT, 11, "fred", "fred");
	client_tick(&f.client, f.now);
	assert_int_equal(count(CALLED, CALL_ROOMS, NULL), 1);
	answer_history((const uint64_t[]){2, 0}, 3);
	f.now.us += CLIENT_QUIET_US; // no sooner
	client_tick(&f.client, f.now);
	assert_int_equal(count(CALLED, CALL_ROOMS, NULL), 2);
	answer_rooms(only_ops, 11, false, false);
	client_tick(&f.client, f.now);
	assert_int_equal(count(CALLED, CALL_ROOMS, NULL), 2); // both stand in one list
}

// The list is through on a session that another has followed: that one asks for its own.
static void test_known_too_late(void **state)
{
	(void)state;
	uint8_t body[CALL_BODY_BYTES_MAX];
	struct call_page page;
	static struct client_appended appended;
	begin_with(false);
	come_in(0, 0);
	call_page_begin(&page, body);
	answer_call(0, CALL_ROOMS, STATUS_OK, body, call_rooms_end(&page, false, false), last_call(CALL_ROOMS, 1)->tag);
	const struct client_batch *batch = client_append(&f.client);
	assert_non_null(batch);
	const struct call_signin_ok ok = {.name = name_of("fred"), .mark = {{1}, 5}};
	up(1);
	answer_call(1, CALL_SIGNIN, STATUS_OK, body, call_signin_ok_encode(&ok, body), 0);
	mem_client_append(&f.mem, batch, &appended);
	client_appended(&f.client, &appended, f.now);
	store();
	assert_int_equal(count(CALLED, CALL_ROOMS, NULL), 2);
	assert_int_equal(f.mem.hole_count, 0);
}

// A row apart while a hole is asked for: when no hole is left behind that one, all rooms are gone through once more.
static void test_another_hole_meanwhile(void **state)
{
	(void)state;
	begin_with(false);
	f.mem.hole = hole_of(&OPS, 2, 2);
	come_in(0, 0);
	answer_rooms(only_ops, 9, false, false);
	assert_int_equal(count(CALLED, CALL_HISTORY, NULL), 1);
	f.mem.is_apart = true;
	deliver_to_room(1, MESSAGE_WRITTEN, 12, "Tim", "b");
	f.mem.is_apart = false;
	const uint32_t hole_count = f.mem.hole_count;
	f.mem.hole = (struct client_hole){0};
	answer_history((const uint64_t[]){2, 0}, 3);
	assert_int_equal(f.mem.hole_count, hole_count + 2);
	assert_memory_equal(f.mem.hole_after.bytes, ((struct room_id){{0}}).bytes, ROOM_ID_BYTES);
}

// Without room in the window it is asked when there is some.
static void test_no_room(void **state)
{
	(void)state;
	begin_with(false);
	f.mem.hole = hole_of(&OPS, 2, 2);
	up(0);
	f.room = 0;
	const struct call_signin_ok ok = {.name = name_of("Fred"), .mark = {{1}, 5}};
	grant(0, &ok);
	assert_int_equal(count(CALLED, CALL_ROOMS, NULL), 0);
	f.room = 1;
	client_go_on(&f.client, f.now);
	assert_int_equal(f.room, 0);
	answer_rooms(only_ops, 9, false, false);
	assert_int_equal(count(CALLED, CALL_HISTORY, NULL), 0);
	f.room = 1;
	client_go_on(&f.client, f.now);
	assert_int_equal(count(CALLED, CALL_HISTORY, NULL), 1);
}

// Who signs out asks for nothing more.
static void test_leaving(void **state)
{
	(void)state;
	come_in_to(only_ops, 9, true);
	client_sign_out(&f.client, f.now);
	f.now.us += 10 * CLIENT_QUIET_US;
	client_tick(&f.client, f.now);
	assert_int_equal(count(CALLED, CALL_ROOMS, NULL), 1);
}

// A row whose text is none is as good as gone.
static void test_an_unreadable_row(void **state)
{
	(void)state;
	uint8_t body[CALL_BODY_BYTES_MAX];
	struct call_page page;
	begin_with(false);
	f.mem.hole = hole_of(&OPS, 2, 4);
	come_in(0, 0);
	answer_rooms(only_ops, 9, false, false);
	f.mem.room_op_count = 0;
	f.mem.hole = (struct client_hole){0};
	call_history_page_begin(&page, body);
	for (uint32_t i = 2; i <= 4; i++) {
		const struct call_history_row row = {.row = i, .id = id_of(i), .accepted_at = WALL, .kind = MESSAGE_WRITTEN,
						     .form = i == 2 ? 77 : MESSAGE_UTF8, .sender = name_of("Tim"),
						     .text = (const uint8_t *)"\xff", .text_bytes = 1};
		assert_true(call_history_add(&page, &row));
	}
	answer_call(0, CALL_HISTORY, STATUS_OK, body, call_history_page_end(&page, 5), last_call(CALL_HISTORY, 1)->tag);
	store();
	assert_int_equal(f.mem.room_op_count, 2);
	assert_int_equal(f.mem.room_op[0].put.form, 77); // a later version will know
	assert_true(f.mem.room_op[1].put.is_gap);
	assert_int_equal(f.mem.room_op[1].put.room_row, 3);
	assert_int_equal(f.mem.room_op[1].put.gap_count, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_list_that_is_none),
		cmocka_unit_test(test_answers_out_of_turn),
		cmocka_unit_test(test_history_out_of_turn),
		cmocka_unit_test(test_one_page_is_behind),
		cmocka_unit_test(test_a_list_without_end),
		cmocka_unit_test(test_changes_meanwhile),
		cmocka_unit_test(test_known_too_late),
		cmocka_unit_test(test_another_hole_meanwhile),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_leaving),
		cmocka_unit_test(test_an_unreadable_row),
	};
	return cmocka_run_group_tests_name("client_rooms_odd", tests, NULL, NULL);
}
