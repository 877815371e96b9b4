// SPDX-License-Identifier: ISC
// msg/server: lists at their bounds, and changes that wait. The test is the store: it answers what it is asked.
#include "server_room_world.h"

#include "msg/call_block.h"
#include "msg/call_page.h"
#include "msg/call_room.h"

static const struct name NONE = {{0}};

// A name of 32 letters, by number in order.
static struct name long_name(uint32_t number)
{
	char text[NAME_BUFFER_BYTES];
	snprintf(text, sizeof text, "a-name-of-thirty-two-letters%04u", number % 10000);
	return name_of(text);
}

// The three lists, as the store gives them: so many rows, and more or not.
struct given {
	uint32_t count;
	bool has_more;
};

static struct storage_question *list_of(uint8_t kind, struct given given)
{
	uint8_t body[CALL_BODY_BYTES_MAX];
	const struct call_rooms rooms = {0};
	const struct call_members members = {.room = name_of("ops")};
	const struct call_block blocked = {.what = BLOCK_LIST};
	const size_t bytes = kind == CALL_ROOMS	    ? call_rooms_encode(&rooms, body)
			     : kind == CALL_MEMBERS ? call_members_encode(&members, body)
						    : call_block_encode(&blocked, body);
	struct storage_question *question = question_of(0, kind, body, bytes);
	question->page->row_count = given.count;
	question->has.has_more = given.has_more;
	for (uint32_t i = 0; i < given.count; i++)
		if (kind == CALL_ROOMS)
			question->page->room[i] = (struct storage_room){.room = {OPS, long_name(i)}, .member_count = 1};
		else // users who are in no line of the file
			question->page->member[i] = (struct storage_member){.user_id = 1000 + i, .name = long_name(i)};
	return question;
}

static struct call_list answer_of(uint8_t kind, struct given given)
{
	struct call_list list;
	const struct record *record = answered(list_of(kind, given), 0);
	assert_int_equal(kind == CALL_ROOMS     ? call_rooms_ok_decode(&list, &NONE, record->body, record->bytes)
			 : kind == CALL_MEMBERS ? call_members_ok_decode(&list, &NONE, record->body, record->bytes)
						: call_names_decode(&list, &NONE, record->body, record->bytes),
			 MMS_OK);
	return list;
}

// What does not fit one answer is asked for again, though the store has no more.
static void test_a_full_answer(void **state)
{
	(void)state;
	static const struct {
		uint8_t kind;
		uint32_t count;
	} lists[] = {
		{CALL_ROOMS, STORAGE_PAGE_ROOMS_MAX},
		{CALL_MEMBERS, STORAGE_PAGE_MEMBERS_MAX},
		{CALL_BLOCK, STORAGE_PAGE_MEMBERS_MAX},
	};
	begin_three();
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
		const struct call_list list = answer_of(lists[i].kind, (struct given){lists[i].count, false});
		assert_true(list.has_more);
		assert_in_range(list.count, 1, lists[i].count - 1);
	}
	finish();
}

// Whether the store has more is said, whatever the answer has room for.
static void test_the_store_has_more(void **state)
{
	(void)state;
	static const uint8_t lists[] = {CALL_ROOMS, CALL_MEMBERS, CALL_BLOCK};
	begin_three();
	for (size_t i = 0; i < sizeof lists; i++) {
		assert_true(answer_of(lists[i], (struct given){1, true}).has_more);
		assert_false(answer_of(lists[i], (struct given){1, false}).has_more);
		assert_false(answer_of(lists[i], (struct given){0, false}).has_more);
	}
	finish();
}

// Rooms are told of as they are only to a receiving session that has answered all that its mailbox held.
static void test_behind(void **state)
{
	(void)state;
	uint8_t body[CALL_BODY_BYTES_MAX];
	const struct call_rooms rooms = {0};
	begin_three();
	come_in(3, 4, "fred", FRED, false);
	for (uint32_t i = 0; i < 3; i++) {
		struct call_list list;
		const uint32_t slot = i == 2 ? 3 : 0;
		struct storage_question *question = question_of(slot, CALL_ROOMS, body, call_rooms_encode(&rooms, body));
		question->page->row_count = 0;
		question->has.row_newest = f.server.peer[0].cursor + (i == 1);
		const struct record *record = answered(question, slot);
		assert_int_equal(call_rooms_ok_decode(&list, &NONE, record->body, record->bytes), MMS_OK);
		assert_int_equal(list.is_behind, i != 0);
	}
	finish();
}

// Lists are read at a rate; one that waits for its turn holds no record.
static void test_lists_have_a_rate(void **state)
{
	(void)state;
	uint8_t body[CALL_BODY_BYTES_MAX];
	const struct call_rooms rooms = {0};
	const size_t bytes = call_rooms_encode(&rooms, body);
	begin_three();
	f.server.config.read_rate = (struct bucket_rate){1, 1};
	f.server.user[f.server.peer[0].user].read = (struct bucket){0};
	f.is_slow = true;
	uint32_t asked = 0;
	while (count(DEFERRED, 0, NULL) == 0 && asked++ < 10)
		call(0, CALL_ROOMS, body, bytes);
	assert_in_range(asked, 1, 3);
	for (uint32_t i = 1; i < asked; i++)
		assert_non_null(server_next_question(&f.server, true));
	assert_null(server_next_question(&f.server, true));
	assert_int_equal(f.server.list_fresh_count, asked);
	question_of(1, CALL_ROOMS, body, bytes); // by the record that was given back
	assert_int_equal(f.server.list_fresh_count, asked);
	finish();
}

// --- changes ---

static const struct storage_change *last_change(void)
{
	const struct server_batch *batch = &f.server.lane[0].batch[f.server.lane[0].filling];
	assert_int_not_equal(batch->op_count, 0);
	assert_int_equal(batch->ops[batch->op_count - 1].kind, STORAGE_CHANGE);
	return &batch->ops[batch->op_count - 1].change;
}

static void block(uint32_t slot, uint32_t id, uint8_t what, const char *name)
{
	uint8_t body[CALL_BODY_BYTES_MAX];
	const struct call_block wanted = {.what = what, .change = {.id = id_of(id)}, .user = name_of(name)};
	call(slot, CALL_BLOCK, body, call_block_encode(&wanted, body));
}

static void test_what_is_changed(void **state)
{
	(void)state;
	uint8_t body[CALL_BODY_BYTES_MAX];
	const struct call_leave leave = {.change = {.id = id_of(1)}, .room = name_of("ops"), .user = name_of("Tim")};
	begin_three();
	call(0, CALL_LEAVE, body, call_leave_encode(&leave, body));
	assert_int_equal(last_change()->what, CHANGE_LEAVE);
	assert_string_equal(last_change()->room.text, "ops");
	assert_int_equal(last_change()->other_id, TIM);
	block(0, 2, BLOCK_ADD, "libero");
	assert_int_equal(last_change()->what, CHANGE_BLOCK);
	assert_int_equal(last_change()->other_id, LIBERO);
	block(0, 3, BLOCK_REMOVE, "nobody");
	assert_int_equal(last_change()->what, CHANGE_UNBLOCK);
	assert_int_equal(last_change()->other_id, 0);
	finish();
}

// A batch holds so many of all, and of a user a quarter of them: what comes then starts again later.
static void test_changes_wait(void **state)
{
	(void)state;
	const char *const users[] = {"fred", "Tim", "libero", "francoc", "Jimmy"};
	begin("fred\nTim\nlibero\nfrancoc\nJimmy\n", false);
	for (uint32_t i = 0; i < 5; i++)
		come_in(i, (uint8_t)(i + 1), users[i], f.users.table.user[i].user_id, true);
	for (uint32_t i = 0; i < BATCH_ROOM_OPS_MAX; i++)
		block(i / (BATCH_ROOM_OPS_MAX / 4), i + 1, BLOCK_ADD, "Jimmy");
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(count(DEFERRED, i, NULL), 0);
	block(0, 100, BLOCK_ADD, "Tim");
	assert_int_equal(count(DEFERRED, 0, NULL), 1);
	block(4, 101, BLOCK_ADD, "Tim");
	assert_int_equal(count(DEFERRED, 4, NULL), 1);
	finish();
}

// Nor is there room beside the most messages that a batch may hold.
static void test_changes_wait_for_messages(void **state)
{
	(void)state;
	begin_three();
	f.server.config.submit_rate = (struct bucket_rate){1000000, 1000000};
	f.server.user[f.server.peer[0].user].submit = (struct bucket){0};
	for (uint32_t i = 0; i < BATCH_MESSAGES_MAX; i++)
		submit(0, i + 1, "Tim", "a");
	assert_int_equal(count(DEFERRED, 0, NULL), 0);
	block(1, 1, BLOCK_ADD, "fred");
	assert_int_equal(count(DEFERRED, 1, NULL), 1);
	finish();
}

// --- rows of rooms, and one's own ---

// The result of the only operation of the lane's batch, with a place of its caller's own.
static void tell_own(enum storage_verdict verdict, uint64_t row, uint64_t row_before)
{
	const struct storage_batch *batch = take(false);
	const struct storage_appended appended = {true, true, {{9}, 40}};
	assert_non_null(batch);
	batch->results[0] = (struct storage_result){.verdict = verdict, .row = row, .place_count = 1};
	batch->places[0] = (struct storage_place){.user_id = FRED, .row_before = row_before, .is_own = true};
	server_appended(&f.server, 0, &appended, moment_of_test());
	ask_soon();
}

// What one said here is passed over once, and not before what lies before it in the mailbox.
static void test_own_words_are_passed_over(void **state)
{
	(void)state;
	begin_three();
	submit(0, 1, "Tim", "a");
	tell_own(VERDICT_NEW, 3, 0);
	assert_int_equal(f.server.peer[0].cursor, 3);
	const uint32_t page_count = f.mem.page_count;
	submit(0, 1, "Tim", "a");
	tell_own(VERDICT_REPEAT, 3, UINT64_MAX);
	assert_int_equal(f.server.peer[0].cursor, 3);
	assert_int_equal(f.mem.page_count, page_count);
	submit(0, 2, "Tim", "a");
	tell_own(VERDICT_NEW, 7, 5);
	assert_int_equal(f.mem.page_count, page_count + 1); // the row before it is read
	check_delivered(0, "");
	finish();
}

// A row that was read says which room it is of.
static void test_a_row_of_a_room_is_read(void **state)
{
	(void)state;
	begin("fred\nTim\n", false);
	f.is_slow = true;
	mem_add_device(&f.mem, FRED, 1);
	signin_with(0, 1, "fred", true, NULL);
	struct storage_question *question = server_next_question(&f.server, true);
	mem_ask(&f.mem, question);
	server_question_answered(&f.server, question, moment_of_test());
	question = server_next_question(&f.server, true);
	assert_int_equal(question->kind, QUESTION_PAGE);
	mem_ask(&f.mem, question);
	question->page->row_count = 1;
	question->page->row[0] = (struct storage_row){.row = 1, .id = id_of(1), .sender = name_of("Tim"), .accepted_at = WALL,
						      .kind = MESSAGE_WRITTEN, .form = MESSAGE_UTF8, .text_bytes = 1,
						      .room = {OPS, name_of("ops")}, .room_row = 5};
	question->page->text[0] = 'a';
	question->has.row_newest = 1;
	server_question_answered(&f.server, question, moment_of_test());
	const struct call_deliver deliver = last_delivery(0);
	assert_int_equal(deliver.room_row, 5);
	assert_true(deliver.conversation.is_room);
	assert_string_equal(deliver.conversation.name.text, "ops");
	finish();
}

// Who removed a device went from the users file before that was told: there is nobody to shut out.
static void test_a_user_goes_with_the_device(void **state)
{
	(void)state;
	struct users_world before, other;
	begin_three();
	block(0, 1, BLOCK_ADD, "Tim");
	const struct storage_batch *batch = take(false);
	const struct storage_appended appended = {true, true, {{9}, 40}};
	before = f.users;
	users_open(&other, "Tim\nlibero\n");
	server_reload(&f.server, &other.table, other.user, NULL, 0);
	batch->results[0] = (struct storage_result){.verdict = VERDICT_NEW, .removed_device = 1};
	server_appended(&f.server, 0, &appended, moment_of_test());
	assert_int_equal(count(CLOSED, 0, NULL), 1); // by the reload
	assert_int_equal(count(CLOSED, 1, NULL), 0);
	users_close(&before);
	f.users = other;
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_full_answer),
		cmocka_unit_test(test_the_store_has_more),
		cmocka_unit_test(test_behind),
		cmocka_unit_test(test_lists_have_a_rate),
		cmocka_unit_test(test_what_is_changed),
		cmocka_unit_test(test_changes_wait),
		cmocka_unit_test(test_changes_wait_for_messages),
		cmocka_unit_test(test_own_words_are_passed_over),
		cmocka_unit_test(test_a_row_of_a_room_is_read),
		cmocka_unit_test(test_a_user_goes_with_the_device),
	};
	return cmocka_run_group_tests_name("server_lists", tests, NULL, NULL);
}
