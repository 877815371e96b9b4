// SPDX-License-Identifier: ISC
// msg/client: a receiving device's rooms: which there are, what of them is missing, and what becomes of that; and wishes that are no
// messages.
#include "client_rooms_world.h"

#include "msg/call_block.h"
#include "msg/call_device.h"

// What is no message to wait for does not stand for one: who came, what one wrote elsewhere, what another device has had.
static void test_only_what_waits_is_waited_for(void **state)
{
	(void)state;
	uint8_t body[CALL_BODY_BYTES_MAX];
	begin_with(false);
	come_in(0, 1);
	struct call_deliver delivery = delivery_of(id_of(1), name_of("Tim"), "Tim", 3);
	delivery.room_id = OPS;
	delivery.conversation = (struct message_to){name_of("ops"), true};
	for (uint32_t i = 1; i <= 4; i++) {
		delivery.id = id_of(i);
		delivery.room_row = i;
		delivery.kind = i == 1 ? MESSAGE_JOINED : MESSAGE_WRITTEN;
		delivery.is_history = i == 2;
		delivery.sender = name_of(i == 3 ? "fred" : "Tim");
		assert_int_equal(client_waiting_left(&f.client), 1);
		client_called(&f.client, 0, i, CALL_DELIVER, body, call_deliver_encode(&delivery, body));
		store();
	}
	assert_int_equal(client_waiting_left(&f.client), 0);
}

// After the sign-in the rooms are asked for, page by page, and noted between a beginning and an end.
static void test_rooms_are_asked_for(void **state)
{
	(void)state;
	struct call_rooms asked_for;
	begin_with(false);
	come_in(0, 0);
	const struct record *record = last_call(CALL_ROOMS, 1);
	assert_int_equal(call_rooms_decode(&asked_for, record->body, record->bytes), MMS_OK);
	assert_true(asked_for.is_mine_only);
	assert_int_equal(asked_for.after.text[0], 0);
	answer_rooms(only_ops, 9, true, false);
	record = last_call(CALL_ROOMS, 2);
	assert_int_equal(call_rooms_decode(&asked_for, record->body, record->bytes), MMS_OK);
	assert_string_equal(asked_for.after.text, "ops");
	assert_int_equal(f.mem.hole_count, 0);
	static const struct room_id *const rest[] = {&DEV, NULL};
	answer_rooms(rest, 9, false, false);
	assert_int_equal(f.mem.room_op_count, 4);
	assert_int_equal(f.mem.room_op[0].kind, CLIENT_OP_ROOMS_BEGIN);
	assert_int_equal(f.mem.room_op[1].kind, CLIENT_OP_ROOM);
	assert_memory_equal(f.mem.room_op[1].room.id.bytes, OPS.bytes, ROOM_ID_BYTES);
	assert_int_equal(f.mem.room_op[1].room.from_row, 2);
	assert_int_equal(f.mem.room_op[1].room.newest_row, 9);
	assert_int_equal(f.mem.room_op[3].kind, CLIENT_OP_ROOMS_END);
	assert_int_equal(f.mem.hole_count, 1);
	assert_int_equal(count(CALLED, CALL_HISTORY, NULL), 0); // there is no hole
}

// Who only sends has no rooms to follow.
static void test_a_sender_asks_for_none(void **state)
{
	(void)state;
	begin_with(false);
	f.client.config.is_receiving = false;
	come_in(0, 0);
	assert_int_equal(count(CALLED, CALL_ROOMS, NULL), 0);
}

// A server that knows no rooms: nothing follows, and everything else goes on.
static void test_a_server_without_rooms(void **state)
{
	(void)state;
	begin_with(false);
	come_in(0, 0);
	answer_call(0, CALL_ROOMS, STATUS_BAD, NULL, 0, last_call(CALL_ROOMS, 1)->tag);
	store();
	assert_int_equal(f.mem.room_op_count, 0);
	assert_int_equal(f.mem.hole_count, 0);
	deliver(0, 1, 7);
	store();
	assert_int_equal(count(ANSWERED, STATUS_OK, NULL), 1);
}

// A hole is asked for; what is there goes into the transcript as history, what is not becomes gaps; then the next hole.
static void test_a_hole_is_filled(void **state)
{
	(void)state;
	struct call_history history;
	begin_with(false);
	f.mem.hole = hole_of(&OPS, 2, 9);
	come_in(0, 0);
	answer_rooms(only_ops, 9, false, false);
	const struct record *record = last_call(CALL_HISTORY, 1);
	assert_int_equal(call_history_decode(&history, record->body, record->bytes), MMS_OK);
	assert_memory_equal(history.room_id.bytes, OPS.bytes, ROOM_ID_BYTES);
	assert_int_equal(history.from_row, 2);
	assert_int_equal(history.to_row, 9);
	f.mem.room_op_count = 0;
	f.mem.hole = hole_of(&OPS, 8, 9);
	answer_history((const uint64_t[]){4, 5, 0}, 8);
	// 2–3 gone, 4, 5, 6–7 gone
	assert_int_equal(f.mem.room_op_count, 4);
	const struct client_op *op = f.mem.room_op;
	assert_true(op[0].put.is_gap && op[0].put.room_row == 2 && op[0].put.gap_count == 2);
	assert_true(!op[1].put.is_gap && op[1].put.room_row == 4 && op[1].put.is_history);
	assert_string_equal(op[1].put.conversation.name.text, "ops");
	assert_true(op[1].put.conversation.is_room);
	assert_true(!op[2].put.is_gap && op[2].put.room_row == 5);
	assert_true(op[3].put.is_gap && op[3].put.room_row == 6 && op[3].put.gap_count == 2);
	assert_memory_not_equal(op[0].id.bytes, op[3].id.bytes, ID_BYTES);
	assert_int_equal(count(TOLD, TOLD_STORED, NULL), 1);
	record = last_call(CALL_HISTORY, 2);
	assert_int_equal(call_history_decode(&history, record->body, record->bytes), MMS_OK);
	assert_int_equal(history.from_row, 8);
	f.mem.room_op_count = 0;
	answer_history((const uint64_t[]){8, 9, 0}, 10);
	assert_int_equal(f.mem.room_op_count, 2);
	assert_int_equal(count(CALLED, CALL_HISTORY, NULL), 2);
	assert_int_equal(f.mem.hole_count, 3);
}

// What cannot be had of one room does not keep the others waiting.
static void test_a_refused_room_is_passed_over(void **state)
{
	(void)state;
	begin_with(false);
	f.mem.hole = hole_of(&OPS, 2, 9);
	come_in(0, 0);
	answer_rooms(both, 9, false, false);
	f.mem.hole = hole_of(&DEV, 3, 3);
	answer_call(0, CALL_HISTORY, STATUS_NOT_A_MEMBER, NULL, 0, last_call(CALL_HISTORY, 1)->tag);
	store();
	assert_memory_equal(f.mem.hole_after.bytes, OPS.bytes, ROOM_ID_BYTES);
	struct call_history history;
	const struct record *record = last_call(CALL_HISTORY, 2);
	assert_int_equal(call_history_decode(&history, record->body, record->bytes), MMS_OK);
	assert_memory_equal(history.room_id.bytes, DEV.bytes, ROOM_ID_BYTES);
}

// While deliveries are to come, how far the rooms are is not known; they are asked for again when nothing comes any more.
static void test_behind(void **state)
{
	(void)state;
	come_in_to(only_ops, 9, true);
	assert_int_equal(f.mem.room_op[1].room.newest_row, 0);
	assert_true(client_deadline(&f.client).us <= f.now.us + CLIENT_QUIET_US);
	f.now.us += CLIENT_QUIET_US / 2;
	deliver(0, 1, 7);
	store();
	f.now.us += CLIENT_QUIET_US * 3 / 4;
	client_tick(&f.client, f.now);
	assert_int_equal(count(CALLED, CALL_ROOMS, NULL), 1);
	f.now.us += CLIENT_QUIET_US / 4;
	assert_true(client_deadline(&f.client).us <= f.now.us);
	client_tick(&f.client, f.now);
	assert_int_equal(count(CALLED, CALL_ROOMS, NULL), 2);
	answer_rooms(only_ops, 9, false, false);
	assert_int_equal(f.mem.room_op[f.mem.room_op_count - 2].room.newest_row, 9);
	f.now.us += 10 * CLIENT_QUIET_US;
	client_tick(&f.client, f.now);
	assert_int_equal(count(CALLED, CALL_ROOMS, NULL), 2);
}

// As long as nothing is delivered it asks ever more seldom; one that is leaving asks no more.
static void test_behind_for_long(void **state)
{
	(void)state;
	int64_t wait_us = CLIENT_QUIET_US;
	come_in_to(only_ops, 9, true);
	for (uint32_t asked = 1; asked < 10; asked++) {
		f.client.sent_at = f.now; // it has no reason to be up before that but the rooms
		assert_int_equal(count(CALLED, CALL_ROOMS, NULL), asked);
		f.now.us += wait_us - 1;
		client_tick(&f.client, f.now);
		assert_int_equal(count(CALLED, CALL_ROOMS, NULL), asked);
		f.now.us++;
		client_tick(&f.client, f.now);
		wait_us = 2 * wait_us < CLIENT_QUIET_US_MAX ? 2 * wait_us : CLIENT_QUIET_US_MAX;
		answer_rooms(only_ops, 9, false, true);
	}
	client_sign_out(&f.client, f.now);
	assert_true(client_deadline(&f.client).us != f.client.rooms.quiet_at.us);
}

// A delivery behind rows that never came: they are asked for.
static void test_a_row_apart(void **state)
{
	(void)state;
	come_in_to(only_ops, 9, false);
	assert_int_equal(f.mem.hole_count, 1);
	deliver_to_room(1, MESSAGE_WRITTEN, 10, "Tim", "a");
	assert_int_equal(f.mem.hole_count, 1); // it follows
	f.mem.is_apart = true;
	f.mem.hole = hole_of(&OPS, 11, 11);
	deliver_to_room(2, MESSAGE_WRITTEN, 12, "Tim", "b");
	assert_int_equal(f.mem.hole_count, 2);
	assert_int_equal(count(CALLED, CALL_HISTORY, NULL), 1);
}

// One's own coming and going changes which rooms there are; others' does not.
static void test_membership(void **state)
{
	(void)state;
	come_in_to(only_ops, 9, false);
	deliver_to_room(1, MESSAGE_JOINED, 10, "Tim", "Tim");
	client_tick(&f.client, f.now);
	assert_int_equal(count(CALLED, CALL_ROOMS, NULL), 1);
	deliver_to_room(2, MESSAGE_REMOVED, 11, "Tim", "Fred");
	client_tick(&f.client, f.now);
	assert_int_equal(count(CALLED, CALL_ROOMS, NULL), 1); // whatever the room says, not twice in a second
	assert_int_equal(client_deadline(&f.client).us, f.now.us + CLIENT_QUIET_US);
	f.now = mtime_add_us(f.now, CLIENT_QUIET_US);
	client_tick(&f.client, f.now);
	assert_int_equal(count(CALLED, CALL_ROOMS, NULL), 2);
}

// What oneself said in a room is one's own, whichever device it came from.
static void test_own_words(void **state)
{
	(void)state;
	come_in_to(only_ops, 9, false);
	deliver_to_room(1, MESSAGE_WRITTEN, 10, "FRED", "a");
	assert_true(f.mem.room_op[f.mem.room_op_count - 1].put.is_own);
	deliver_to_room(2, MESSAGE_WRITTEN, 11, "Tim", "a");
	assert_false(f.mem.room_op[f.mem.room_op_count - 1].put.is_own);
}

static void wish(const struct outbox_row *row)
{
	struct mem_outbox *queued = &f.mem.disk.outbox[f.mem.disk.outbox_count++];
	*queued = (struct mem_outbox){.row = *row, .state = OUTBOX_QUEUED};
	queued->row.seq = f.mem.disk.outbox_count;
	queued->row.id = id_of(f.mem.disk.outbox_count);
}

// Each wish is its call, with all that it wants and the stamp that it has.
static void test_wishes(void **state)
{
	(void)state;
	const struct message_to ops = {.name = name_of("ops"), .is_room = true};
	const struct storage_mark stamp = {{6}, 66};
	struct call_join join;
	struct call_add add;
	struct call_leave leave;
	struct call_block block;
	struct call_devices devices;
	struct call_submit submit;
	begin_with(false);
	wish(&(struct outbox_row){.what = OUTBOX_JOIN, .flags = JOIN_MAKES | JOIN_NO_HISTORY, .to = ops, .stamp = stamp});
	wish(&(struct outbox_row){.what = OUTBOX_ADD, .to = ops, .other = name_of("Tim")});
	wish(&(struct outbox_row){.what = OUTBOX_LEAVE, .to = ops});
	wish(&(struct outbox_row){.what = OUTBOX_UNBLOCK, .to = {.name = name_of("Tim")}});
	wish(&(struct outbox_row){.what = OUTBOX_DEVICE_NAME, .fingerprint = {{4}}, .other = name_of("laptop")});
	wish(&(struct outbox_row){.what = OUTBOX_MESSAGE, .to = ops, .text_bytes = 1});
	come_in(0, 0);
	const struct record *record = last_call(CALL_JOIN, 1);
	assert_int_equal(call_join_decode(&join, record->body, record->bytes), MMS_OK);
	assert_true(join.may_create && !join.is_private && join.is_without_history);
	assert_string_equal(join.room.text, "ops");
	assert_int_equal(join.change.stamp.commit, 66);
	assert_memory_equal(join.change.id.bytes, id_of(1).bytes, ID_BYTES);
	record = last_call(CALL_ADD, 1);
	assert_int_equal(call_add_decode(&add, record->body, record->bytes), MMS_OK);
	assert_string_equal(add.user.text, "Tim");
	record = last_call(CALL_LEAVE, 1);
	assert_int_equal(call_leave_decode(&leave, record->body, record->bytes), MMS_OK);
	assert_int_equal(leave.user.text[0], 0);
	record = last_call(CALL_BLOCK, 1);
	assert_int_equal(call_block_decode(&block, record->body, record->bytes), MMS_OK);
	assert_int_equal(block.what, BLOCK_REMOVE);
	assert_string_equal(block.user.text, "Tim");
	assert_memory_equal(block.change.id.bytes, id_of(4).bytes, ID_BYTES);
	record = last_call(CALL_DEVICES, 1);
	assert_int_equal(call_devices_decode(&devices, record->body, record->bytes), MMS_OK);
	assert_int_equal(devices.what, DEVICES_NAME);
	assert_string_equal(devices.name.text, "laptop");
	assert_int_equal(devices.fingerprint.bytes[0], 4);
	record = last_call(CALL_SUBMIT, 1);
	assert_int_equal(call_submit_decode(&submit, record->body, record->bytes), MMS_OK);
	assert_true(submit.recipient.is_room);
}

// To block and to remove are the other halves of two of these calls.
static void test_opposite_wishes(void **state)
{
	(void)state;
	struct call_block block;
	struct call_devices devices;
	begin_with(false);
	wish(&(struct outbox_row){.what = OUTBOX_BLOCK, .to = {.name = name_of("Tim")}});
	wish(&(struct outbox_row){.what = OUTBOX_DEVICE_REMOVE, .fingerprint = {{4}}});
	come_in(0, 0);
	const struct record *record = last_call(CALL_BLOCK, 1);
	assert_int_equal(call_block_decode(&block, record->body, record->bytes), MMS_OK);
	assert_int_equal(block.what, BLOCK_ADD);
	record = last_call(CALL_DEVICES, 1);
	assert_int_equal(call_devices_decode(&devices, record->body, record->bytes), MMS_OK);
	assert_int_equal(devices.what, DEVICES_REMOVE);
}

// The verdict on a change is told with its stamp, once both are durable; after one's own coming the rooms are asked for again.
static void test_verdict_on_a_change(void **state)
{
	(void)state;
	uint8_t body[CALL_BODY_BYTES_MAX];
	const struct call_changed changed = {.mark = {{1}, 8}, .stamp = {{1}, 7}};
	begin_with(false);
	wish(&(struct outbox_row){.what = OUTBOX_JOIN, .to = {.name = name_of("ops"), .is_room = true}});
	wish(&(struct outbox_row){.what = OUTBOX_ADD, .to = {.name = name_of("ops"), .is_room = true}, .other = name_of("Tim")});
	come_in(0, 0);
	answer_rooms(NULL, 0, false, false);
	answer_call(0, CALL_JOIN, STATUS_ACCEPTED, body, call_changed_encode(&changed, body), 1);
	assert_int_equal(count(TOLD, TOLD_VERDICT, NULL), 0);
	store();
	struct record *record = NULL;
	assert_int_equal(count(TOLD, TOLD_VERDICT, &record), 1);
	assert_int_equal(record->told.what, OUTBOX_JOIN);
	assert_int_equal(record->told.state, OUTBOX_SAVED);
	assert_int_equal(record->told.stamp.commit, 7);
	assert_string_equal(record->told.to.name.text, "ops");
	assert_int_equal(f.mem.disk.mark.commit, 8);
	f.now = mtime_add_us(f.now, CLIENT_QUIET_US);
	client_tick(&f.client, f.now);
	assert_int_equal(count(CALLED, CALL_ROOMS, NULL), 2);
	answer_call(0, CALL_ADD, STATUS_BLOCKED, NULL, 0, 2);
	store();
	assert_int_equal(count(TOLD, TOLD_VERDICT, &record), 2);
	assert_int_equal(record->told.state, OUTBOX_REFUSED);
	assert_int_equal(record->told.status, STATUS_BLOCKED);
	assert_string_equal(record->told.name.text, "Tim");
}

// What was accepted once is offered until it is again: the room may be there again, or the user in it. A first refusal is a verdict.
static void test_a_refused_reoffer_waits(void **state)
{
	(void)state;
	begin_with(false);
	wish(&(struct outbox_row){.what = OUTBOX_ADD, .to = {.name = name_of("ops"), .is_room = true}, .other = name_of("Tim")});
	wish(&(struct outbox_row){.what = OUTBOX_ADD, .to = {.name = name_of("ops"), .is_room = true}, .other = name_of("Tim")});
	f.mem.disk.outbox[0].state = OUTBOX_SAVED;
	f.mem.disk.outbox[0].row.is_reoffer = true;
	come_in(0, 0);
	answer_call(0, CALL_ADD, STATUS_NOT_A_MEMBER, NULL, 0, 1);
	answer_call(0, CALL_ADD, STATUS_NOT_A_MEMBER, NULL, 0, 2);
	store();
	assert_int_equal(f.mem.disk.outbox[0].state, OUTBOX_SAVED);
	assert_true(f.mem.disk.outbox[0].row.is_reoffer);
	assert_int_equal(count(TOLD, TOLD_VERDICT, NULL), 1);
	assert_int_equal(f.mem.disk.outbox[1].state, OUTBOX_REFUSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_what_waits_is_waited_for),
		cmocka_unit_test(test_rooms_are_asked_for),
		cmocka_unit_test(test_a_sender_asks_for_none),
		cmocka_unit_test(test_a_server_without_rooms),
		cmocka_unit_test(test_a_hole_is_filled),
		cmocka_unit_test(test_a_refused_room_is_passed_over),
		cmocka_unit_test(test_behind),
		cmocka_unit_test(test_behind_for_long),
		cmocka_unit_test(test_a_row_apart),
		cmocka_unit_test(test_membership),
		cmocka_unit_test(test_own_words),
		cmocka_unit_test(test_wishes),
		cmocka_unit_test(test_opposite_wishes),
		cmocka_unit_test(test_verdict_on_a_change),
		cmocka_unit_test(test_a_refused_reoffer_waits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
