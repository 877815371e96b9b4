// SPDX-License-Identifier: ISC
// msg/server: rooms, changes and lists. The test is the store: it reads what it is ordered and says what came of it.
#include "server_room_world.h"

#include "msg/call_block.h"
#include "msg/call_history.h"
#include "msg/call_page.h"
#include "msg/call_room.h"

// What the store says of the only operation of the lane's batch.
static void tell(const struct storage_result *result, const struct storage_place *places, uint32_t place_count)
{
	const struct storage_batch *batch = take(false);
	const struct storage_appended appended = {true, true, {{9}, 40}};
	assert_non_null(batch);
	assert_int_equal(batch->op_count, 1);
	batch->results[0] = *result;
	batch->results[0].place_count = place_count;
	for (uint32_t i = 0; i < place_count; i++)
		batch->places[i] = places[i];
	server_appended(&f.server, 0, &appended, moment_of_test());
	ask_soon();
}

static uint32_t join(uint32_t slot, uint32_t id, const char *room)
{
	const struct call_join join = {.change = {.id = id_of(id)}, .may_create = true, .room = name_of(room)};
	uint8_t body[CALL_BODY_BYTES_MAX];
	return call(slot, CALL_JOIN, body, call_join_encode(&join, body));
}

// A message to a room goes to every member that was given a place, the sender's devices too.
static void test_a_room_is_told(void **state)
{
	(void)state;
	begin_three();
	const uint32_t number = submit(0, 1, "#ops", "a");
	const struct storage_op *op = &f.server.lane[0].batch[f.server.lane[0].filling].ops[0];
	assert_true(op->submit.is_to_room);
	assert_true(op->submit.is_online);
	assert_string_equal(op->submit.recipient.text, "ops");
	const struct storage_place places[] = {{.user_id = FRED}, {.user_id = LIBERO}};
	const struct storage_result result = {
		.verdict = VERDICT_NEW, .was_online = true, .row = 1, .room_row = 5, .room = {OPS, name_of("Ops")}, .member_count = 2};
	tell(&result, places, 2);
	assert_int_equal(status_of(0, number), STATUS_ACCEPTED);
	check_delivered(0, "a");
	check_delivered(1, "");
	check_delivered(2, "a");
	const struct call_deliver deliver = last_delivery(2);
	assert_int_equal(deliver.room_row, 5);
	assert_true(deliver.conversation.is_room);
	assert_string_equal(deliver.conversation.name.text, "Ops");
	assert_memory_equal(deliver.room_id.bytes, OPS.bytes, sizeof OPS.bytes);
	assert_string_equal(deliver.sender.text, "fred");
	assert_false(deliver.is_own);
	finish();
}

// A refusal has a status of its own.
static void test_refusals(void **state)
{
	(void)state;
	static const struct {
		enum storage_verdict verdict;
		enum call_status status;
	} table[] = {{VERDICT_NOT_A_MEMBER, STATUS_NOT_A_MEMBER}, {VERDICT_NOT_ALLOWED, STATUS_NOT_AUTHORIZED},
		     {VERDICT_ROOM_FULL, STATUS_ROOM_FULL},       {VERDICT_LIMIT, STATUS_LIMIT},
		     {VERDICT_BLOCKED, STATUS_BLOCKED},           {VERDICT_STORE_FULL, STATUS_SERVER_FULL},
		     {VERDICT_ID_MISUSED, STATUS_BAD}};
	begin_three();
	for (uint32_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		const uint32_t number = join(0, 1 + i, "ops");
		tell(&(struct storage_result){.verdict = table[i].verdict}, NULL, 0);
		assert_int_equal(status_of(0, number), table[i].status);
	}
	finish();
}

// Users who may not make rooms come into open ones all the same, and learn of a name only that they may not make it.
static void test_only_the_operator_makes_rooms(void **state)
{
	(void)state;
	begin_three();
	f.server.config.may_make_rooms = false;
	uint32_t number = join(0, 1, "ops");
	const struct storage_op *op = &f.server.lane[0].batch[f.server.lane[0].filling].ops[0];
	assert_false(op->change.may_make);
	tell(&(struct storage_result){.verdict = VERDICT_NOT_A_MEMBER}, NULL, 0);
	assert_int_equal(status_of(0, number), STATUS_NOT_AUTHORIZED);
	number = join(0, 2, "ops");
	tell(&(struct storage_result){.verdict = VERDICT_NEW}, NULL, 0);
	assert_int_equal(status_of(0, number), STATUS_ACCEPTED);
	for (uint32_t i = 0; i < 2; i++) { // each half of the lane has had a JOIN
		number = submit(0, 3 + i, "#ops", "a");
		tell(&(struct storage_result){.verdict = VERDICT_NOT_A_MEMBER}, NULL, 0);
		assert_int_equal(status_of(0, number), STATUS_NOT_A_MEMBER);
	}
	finish();
}

// What a change wrote into the room is told to its members, and its answer names its stamp.
static void test_a_change_is_told(void **state)
{
	(void)state;
	begin_three();
	join(0, 1, "ops");
	const struct storage_op *op = &f.server.lane[0].batch[f.server.lane[0].filling].ops[0];
	assert_int_equal(op->kind, STORAGE_CHANGE);
	assert_int_equal(op->change.what, CHANGE_JOIN);
	assert_int_equal(op->change.user_id, FRED);
	assert_true(op->change.may_make);
	assert_false(op->change.is_private);
	const struct storage_place places[] = {{.user_id = FRED}, {.user_id = TIM}};
	const struct storage_mark stamp = {{9}, 33};
	tell(&(struct storage_result){.verdict = VERDICT_NEW, .row = 1, .kind = MESSAGE_JOINED, .room_row = 1, .stamp = stamp,
				      .room = {OPS, name_of("ops")}, .about = name_of("fred"), .member_count = 2},
	     places, 2);
	struct record *record = NULL;
	struct call_changed changed;
	count(ANSWERED, 0, &record);
	assert_int_equal(record->code, STATUS_ACCEPTED);
	assert_int_equal(call_changed_decode(&changed, record->body, record->bytes), MMS_OK);
	assert_int_equal(changed.stamp.commit, 33);
	assert_int_equal(changed.mark.commit, 40);
	const struct call_deliver deliver = last_delivery(1);
	assert_int_equal(deliver.kind, MESSAGE_JOINED);
	assert_memory_equal(deliver.text, "fred", 4);
	assert_int_equal(deliver.text_bytes, 4);
	finish();
}

// Two wishes with one id are the same only when they want the same, the stamp apart.
static void test_digests(void **state)
{
	(void)state;
	uint8_t digest[4][DIGEST_BYTES];
	const struct call_add wish[] = {{.room = name_of("ops"), .user = name_of("Tim")},
					{.change = {.stamp = {{1}, 1}}, .room = name_of("OPS"), .user = name_of("tim")},
					{.room = name_of("ops"), .user = name_of("libero")},
					{.room = name_of("op"), .user = name_of("sTim")}};
	begin_three();
	for (uint32_t i = 0; i < 4; i++) {
		uint8_t body[CALL_BODY_BYTES_MAX];
		call(0, CALL_ADD, body, call_add_encode(&wish[i], body));
		const struct storage_op *op = &f.server.lane[0].batch[f.server.lane[0].filling].ops[i];
		assert_int_equal(op->change.what, CHANGE_ADD);
		memcpy(digest[i], op->change.digest, DIGEST_BYTES);
	}
	assert_memory_equal(digest[0], digest[1], DIGEST_BYTES);
	assert_memory_not_equal(digest[0], digest[2], DIGEST_BYTES);
	assert_memory_not_equal(digest[0], digest[3], DIGEST_BYTES);
	finish();
}

// What was said to one is shown by the sender's other devices, and passed over for the one that said it.
static void test_own_words(void **state)
{
	(void)state;
	begin_three();
	come_in(3, 4, "fred", FRED, true);
	submit(0, 1, "Tim", "a");
	const struct storage_place places[] = {{.user_id = TIM}, {.user_id = FRED, .is_own = true}};
	tell(&(struct storage_result){.verdict = VERDICT_NEW, .was_online = true, .row = 1}, places, 2);
	check_delivered(0, "");
	check_delivered(1, "a");
	check_delivered(3, "a");
	const struct call_deliver deliver = last_delivery(3);
	assert_true(deliver.is_own);
	assert_string_equal(deliver.conversation.name.text, "Tim");
	assert_false(deliver.conversation.is_room);
	assert_int_equal(f.server.peer[0].cursor, 1); // it has it, and nothing else is on its way
	assert_int_equal(f.server.peer[3].cursor, 0);
	finish();
}

// While something is on its way to the device, its cursor waits for the answer to that.
static void test_own_words_behind_others(void **state)
{
	(void)state;
	begin_three();
	submit(1, 1, "fred", "a");
	assert_true(store(MMS_OK, false));
	check_delivered(0, "a");
	submit(0, 2, "Tim", "b");
	const struct storage_place places[] = {{.user_id = TIM}, {.user_id = FRED, .row_before = 1, .is_own = true}};
	tell(&(struct storage_result){.verdict = VERDICT_NEW, .was_online = true, .row = 2}, places, 2);
	assert_int_equal(f.server.peer[0].cursor, 0);
	answer(0, CALL_DELIVER, 1);
	assert_int_equal(f.server.peer[0].cursor, 2);
	finish();
}

// So many operations that may write into rooms are in one batch, and a user's are a quarter of them.
static void test_rooms_of_a_batch(void **state)
{
	(void)state;
	begin_three();
	for (uint32_t i = 0; i < BATCH_ROOM_OPS_MAX / 4; i++)
		submit(0, 1 + i, "#ops", "a");
	assert_int_equal(count(DEFERRED, 0, NULL), 0);
	submit(0, 100, "#ops", "a");
	assert_int_equal(count(DEFERRED, 0, NULL), 1);
	submit(0, 101, "Tim", "a"); // to one person it is no matter
	join(0, 102, "ops");
	assert_int_equal(count(DEFERRED, 0, NULL), 2);
	join(1, 103, "ops"); // and it is no matter to others
	assert_int_equal(count(DEFERRED, 1, NULL), 0);
	finish();
}

// A message to many takes more tokens.
static void test_a_large_room_costs_more(void **state)
{
	(void)state;
	begin_three();
	const struct storage_result result = {.verdict = VERDICT_NEW, .row = 1, .room_row = 1, .room = {OPS, name_of("ops")},
					      .member_count = 10 * SERVER_MEMBERS_A_TOKEN};
	submit(0, 1, "#ops", "a");
	const int64_t before = f.server.user[f.server.peer[0].user].submit.microtokens;
	tell(&result, NULL, 0);
	assert_int_equal(before - f.server.user[f.server.peer[0].user].submit.microtokens, 10 * 1000000);
	finish();
}

// A device that was removed is shut out, and no other.
static void test_a_device_is_removed(void **state)
{
	(void)state;
	begin_three();
	come_in(3, 4, "fred", FRED, true);
	join(0, 1, "ops");
	tell(&(struct storage_result){.verdict = VERDICT_NEW, .removed_device = f.server.peer[3].device_id}, NULL, 0);
	assert_int_equal(count(CLOSED, 3, NULL), 1);
	assert_int_equal(last_notice(3), NOTICE_REMOVED);
	assert_int_equal(count(CLOSED, 0, NULL), 0);
	finish();
}

// --- the operator's changes ---

static bool change_room(enum storage_change_kind what, const char *other, uint32_t number)
{
	const struct storage_change change = {.what = what, .id = id_of(number), .room = name_of("ops"), .other = name_of(other)};
	return server_change_room(&f.server, &change, number, WALL);
}

// It is an operation as those of devices, of no session; it is told by its number, and its message goes to the members.
static void test_the_operator_changes_a_room(void **state)
{
	(void)state;
	begin_three();
	assert_true(change_room(CHANGE_ADD, "tIM", 5));
	const struct server_batch *batch = &f.server.lane[0].batch[f.server.lane[0].filling];
	const struct storage_op *op = &batch->ops[0];
	assert_int_equal(op->kind, STORAGE_CHANGE);
	assert_int_equal(op->session, 0);
	assert_int_equal(op->at.ms, WALL.ms);
	assert_int_equal(op->change.user_id, 0);
	assert_string_equal(op->change.user.text, "");
	assert_int_equal(op->change.other_id, TIM);
	assert_string_equal(op->change.other.text, "Tim"); // as the users file writes it
	const struct storage_place places[] = {{.user_id = FRED}, {.user_id = TIM}};
	tell(&(struct storage_result){.verdict = VERDICT_NEW, .row = 1, .kind = MESSAGE_JOINED, .room_row = 1,
				      .room = {OPS, name_of("ops")}, .about = name_of("Tim"), .member_count = 2},
	     places, 2);
	assert_int_equal(f.changed_number, 5);
	assert_int_equal(f.changed.verdict, VERDICT_NEW);
	assert_int_equal(f.changed.member_count, 2);
	for (uint32_t slot = 0; slot < 2; slot++) {
		const struct call_deliver deliver = last_delivery(slot);
		assert_int_equal(deliver.kind, MESSAGE_JOINED);
		assert_string_equal(deliver.sender.text, "");
		assert_memory_equal(deliver.id.bytes, op->change.id.bytes, ID_BYTES);
		assert_memory_equal(deliver.text, "Tim", 3);
	}
	check_delivered(2, "");
	assert_int_equal(f.server.peer[0].pending_count, 0);
	finish();
}

// In one batch with those of devices, each hears what came of its own; also of one whose user there is not.
static void test_the_operator_among_devices(void **state)
{
	(void)state;
	begin_three();
	const uint32_t joined = join(0, 1, "ops");
	assert_true(change_room(CHANGE_LEAVE, "nobody", 7));
	const uint32_t submitted = submit(1, 2, "#ops", "a");
	const struct storage_batch *batch = take(false);
	assert_int_equal(batch->op_count, 3);
	assert_int_equal(batch->ops[1].change.other_id, 0);
	assert_string_equal(batch->ops[1].change.other.text, "nobody");
	batch->results[0] = (struct storage_result){.verdict = VERDICT_LIMIT};
	batch->results[1] = (struct storage_result){.verdict = VERDICT_ROOM_FULL};
	batch->results[2] = (struct storage_result){.verdict = VERDICT_NOT_A_MEMBER};
	server_appended(&f.server, 0, &(struct storage_appended){true, true, {{9}, 40}}, moment_of_test());
	assert_int_equal(status_of(0, joined), STATUS_LIMIT);
	assert_int_equal(status_of(1, submitted), STATUS_NOT_A_MEMBER);
	assert_int_equal(f.changed_number, 7);
	assert_int_equal(f.changed.verdict, VERDICT_ROOM_FULL);
	finish();
}

// It has a part of a batch as a user has, and goes on when that was taken.
static void test_the_operator_waits_for_room(void **state)
{
	(void)state;
	begin_three();
	for (uint32_t i = 0; i < BATCH_ROOM_OPS_MAX / 4; i++)
		assert_true(change_room(CHANGE_ADD, "Tim", i));
	assert_false(change_room(CHANGE_ADD, "Tim", 20));
	const struct storage_batch *batch = take(false);
	assert_int_equal(batch->op_count, BATCH_ROOM_OPS_MAX / 4);
	assert_true(change_room(CHANGE_ADD, "Tim", 20));
	finish();
}

// --- lists ---

static void test_members(void **state)
{
	(void)state;
	uint8_t body[CALL_BODY_BYTES_MAX];
	const struct call_members members = {.room = name_of("ops"), .after = name_of("a")};
	begin_three();
	end_session(2);
	struct storage_question *question = question_of(0, CALL_MEMBERS, body, call_members_encode(&members, body));
	assert_int_equal(question->kind, QUESTION_MEMBERS);
	assert_int_equal(question->user_id, FRED);
	assert_string_equal(question->list.room.text, "ops");
	assert_string_equal(question->list.after.text, "a");
	question->page->row_count = 2;
	question->page->member[0] = (struct storage_member){.user_id = LIBERO, .name = name_of("libero")};
	question->page->member[1] = (struct storage_member){.user_id = TIM, .name = name_of("Tim"), .is_owner = true};
	question->has.has_more = true;
	const struct record *record = answered(question, 0);
	struct call_list list;
	struct call_member member;
	assert_int_equal(record->code, STATUS_OK);
	assert_int_equal(call_members_ok_decode(&list, &members.after, record->body, record->bytes), MMS_OK);
	assert_true(list.has_more);
	assert_true(call_members_read(&list, &member));
	assert_string_equal(member.name.text, "libero");
	assert_false(member.is_online || member.is_owner);
	assert_true(call_members_read(&list, &member));
	assert_true(member.is_online && member.is_owner);
	assert_false(call_members_read(&list, &member));
	finish();
}

static void test_a_stranger_learns_nothing(void **state)
{
	(void)state;
	uint8_t body[CALL_BODY_BYTES_MAX];
	const struct call_members members = {.room = name_of("ops")};
	begin_three();
	struct storage_question *question = question_of(0, CALL_MEMBERS, body, call_members_encode(&members, body));
	question->page->row_count = 0;
	question->has.is_refused = true;
	const struct record *record = answered(question, 0);
	assert_int_equal(record->code, STATUS_NOT_A_MEMBER);
	assert_int_equal(record->bytes, 0);
	finish();
}

// Rows that do not fit one answer are asked for again.
static void test_history(void **state)
{
	(void)state;
	uint8_t body[CALL_BODY_BYTES_MAX];
	const struct call_history history = {.room_id = OPS, .from_row = 3, .to_row = 50};
	struct call_history_ok ok;
	struct call_history_row row;
	begin_three();
	struct storage_question *question = question_of(0, CALL_HISTORY, body, call_history_encode(&history, body));
	assert_int_equal(question->kind, QUESTION_HISTORY);
	assert_memory_equal(question->list.room_id.bytes, OPS.bytes, sizeof OPS.bytes);
	assert_int_equal(question->list.from_row, 3);
	assert_int_equal(question->list.to_row, 50);
	question->page->row_count = 2;
	for (uint32_t i = 0; i < 2; i++) {
		question->page->row[i] = (struct storage_row){.row = 4 + i, .id = id_of(i), .sender = name_of("Tim"),
							      .kind = MESSAGE_WRITTEN, .form = MESSAGE_UTF8,
							      .text_bytes = 1000, .text_offset = 1000 * i};
		memset(question->page->text + 1000 * i, 'x', 1000);
	}
	question->has.row_read = 5;
	question->has.row_newest = 50;
	const struct record *record = answered(question, 0);
	assert_int_equal(call_history_ok_decode(&ok, &history, record->body, record->bytes), MMS_OK);
	assert_int_equal(ok.next_row, 5);
	assert_int_equal(ok.count, 1);
	assert_true(call_history_read(&ok, &row));
	assert_int_equal(row.row, 4);
	question = question_of(0, CALL_HISTORY, body, call_history_encode(&history, body));
	question->page->row_count = 0;
	question->has.row_read = 50;
	question->has.row_newest = 51;
	record = answered(question, 0);
	assert_int_equal(call_history_ok_decode(&ok, &history, record->body, record->bytes), MMS_OK);
	assert_int_equal(ok.next_row, 51);
	question = question_of(0, CALL_HISTORY, body, call_history_encode(&history, body));
	question->page->row_count = 0;
	question->has.row_read = 49;
	question->has.row_newest = 49; // one row was asked for that never was
	record = answered(question, 0);
	assert_int_equal(record->code, STATUS_BAD);
	assert_int_equal(record->bytes, 0);
	finish();
}

static void test_rooms_and_blocked(void **state)
{
	(void)state;
	uint8_t body[CALL_BODY_BYTES_MAX];
	const struct call_rooms rooms = {.is_mine_only = true};
	const struct call_block blocked = {.what = BLOCK_LIST};
	const struct name none = {{0}};
	struct call_list list;
	struct call_room room;
	struct name name;
	begin_three();
	struct storage_question *question = question_of(0, CALL_ROOMS, body, call_rooms_encode(&rooms, body));
	assert_int_equal(question->kind, QUESTION_ROOMS);
	assert_true(question->list.is_mine);
	question->page->row_count = 1;
	question->page->room[0] = (struct storage_room){.room = {OPS, name_of("ops")}, .is_member = true, .is_private = true,
							.from_row = 2, .row_last = 9, .member_count = 3};
	const struct record *record = answered(question, 0);
	assert_int_equal(call_rooms_ok_decode(&list, &none, record->body, record->bytes), MMS_OK);
	assert_false(list.has_more);
	assert_true(call_rooms_read(&list, &room));
	assert_true(room.is_member && room.is_private && !room.is_owner);
	assert_int_equal(room.from_row, 2);
	assert_int_equal(room.newest_row, 9);
	assert_int_equal(room.member_count, 3);
	question = question_of(0, CALL_BLOCK, body, call_block_encode(&blocked, body));
	assert_int_equal(question->kind, QUESTION_BLOCKED);
	question->page->row_count = 1;
	question->page->member[0] = (struct storage_member){.name = name_of("Tim")};
	record = answered(question, 0);
	assert_int_equal(call_names_decode(&list, &none, record->body, record->bytes), MMS_OK);
	assert_true(call_names_read(&list, &name));
	assert_string_equal(name.text, "Tim");
	finish();
}

// Every record is in use: the next call starts again later. A session that is over gets no answer, and its record is free.
static void test_lists_are_bounded(void **state)
{
	(void)state;
	uint8_t body[CALL_BODY_BYTES_MAX];
	const struct call_rooms rooms = {0};
	const size_t bytes = call_rooms_encode(&rooms, body);
	struct storage_question *question[SERVER_LISTS_MAX];
	begin_three();
	for (uint32_t i = 0; i < SERVER_LISTS_MAX; i++)
		question[i] = question_of(0, CALL_ROOMS, body, bytes);
	call(1, CALL_ROOMS, body, bytes);
	assert_int_equal(count(DEFERRED, 1, NULL), 1);
	assert_null(server_next_question(&f.server, true));
	end_session(0);
	question[0]->page->row_count = 0;
	server_question_answered(&f.server, question[0], moment_of_test());
	assert_int_equal(count(ANSWERED, 0, NULL), 1); // its sign-in
	question_of(1, CALL_ROOMS, body, bytes);
	finish();
}

// SIGNOUT waits for a list that is under way.
static void test_signout_waits_for_a_list(void **state)
{
	(void)state;
	uint8_t body[CALL_BODY_BYTES_MAX];
	const struct call_rooms rooms = {0};
	begin_three();
	struct storage_question *question = question_of(0, CALL_ROOMS, body, call_rooms_encode(&rooms, body));
	const uint32_t number = call(0, CALL_SIGNOUT, NULL, 0);
	assert_int_equal(status_of(0, number), 0);
	question->page->row_count = 0;
	server_question_answered(&f.server, question, moment_of_test());
	assert_int_equal(status_of(0, number), STATUS_OK);
	finish();
}

// What is malformed is BAD, and holds no record.
static void test_malformed(void **state)
{
	(void)state;
	static const uint8_t kinds[] = {CALL_JOIN, CALL_ADD, CALL_LEAVE, CALL_ROOMS, CALL_MEMBERS, CALL_HISTORY, CALL_BLOCK};
	begin_three();
	f.is_slow = true;
	for (uint32_t i = 0; i < 3 * sizeof kinds; i++)
		assert_int_equal(status_of(0, call(0, kinds[i % sizeof kinds], (const uint8_t *)"\xff", 1)), STATUS_BAD);
	assert_null(server_next_question(&f.server, true));
	assert_null(take(true));
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_room_is_told),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_only_the_operator_makes_rooms),
		cmocka_unit_test(test_a_change_is_told),
		cmocka_unit_test(test_digests),
		cmocka_unit_test(test_own_words),
		cmocka_unit_test(test_own_words_behind_others),
		cmocka_unit_test(test_rooms_of_a_batch),
		cmocka_unit_test(test_a_large_room_costs_more),
		cmocka_unit_test(test_a_device_is_removed),
		cmocka_unit_test(test_the_operator_changes_a_room),
		cmocka_unit_test(test_the_operator_among_devices),
		cmocka_unit_test(test_the_operator_waits_for_room),
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_a_stranger_learns_nothing),
		cmocka_unit_test(test_history),
		cmocka_unit_test(test_rooms_and_blocked),
		cmocka_unit_test(test_lists_are_bounded),
		cmocka_unit_test(test_signout_waits_for_a_list),
		cmocka_unit_test(test_malformed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
