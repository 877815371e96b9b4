// SPDX-License-Identifier: ISC
// store/client_store: rooms, the rows of them that the transcript has, and wishes that are no messages.
#include "client_store_fixture.h"

static const struct room_id OPS = {{1, 7}};
static const struct room_id DEV = {{2, 7}};

static struct transcript_row room_entry(int n, const struct room_id *room, uint64_t row)
{
	struct transcript_row found = entry(n);
	found.room_id = *room;
	found.room_row = row;
	found.conversation = (struct message_to){.name = {"ops"}, .is_room = true};
	return found;
}

static enum client_result put_row(struct fixture *fixture, int n, const struct room_id *room, uint64_t row)
{
	const uint32_t place = put_later(fixture, room_entry(n, room, row));
	commit(fixture);
	return fixture->appended.result[place];
}

static void put_gap(struct fixture *fixture, const struct room_id *room, uint64_t row, uint64_t count)
{
	struct transcript_row gap = room_entry(1000 + (int)row, room, row);
	gap.is_gap = true;
	gap.gap_count = count;
	gap.sender.text[0] = 0;
	gap.text_bytes = 0;
	put_later(fixture, gap);
	commit(fixture);
}

static void know(struct fixture *fixture, const struct room_id *room, uint64_t from_row, uint64_t newest_row)
{
	gather(fixture, CLIENT_OP_ROOM)->room = (struct client_op_room){
		.id = *room, .name = {"ops"}, .from_row = from_row, .newest_row = newest_row};
	commit(fixture);
}

static const struct client_hole *hole_after(struct fixture *fixture, const struct room_id *after)
{
	const struct client_question question = {.number = 9, .kind = CLIENT_ASK_HOLE, .after_room = *after};
	client_store_answer(fixture->store, &question, &fixture->answer);
	assert_int_equal(fixture->answer.err, MMS_OK);
	return &fixture->answer.hole;
}

static void expect_hole(struct fixture *fixture, const struct room_id *room, uint64_t from_row, uint64_t to_row)
{
	const struct client_hole *hole = hole_after(fixture, &(struct room_id){{0}});
	assert_true(hole->is_there);
	assert_memory_equal(hole->room_id.bytes, room->bytes, ROOM_ID_BYTES);
	assert_string_equal(hole->room.text, "ops");
	assert_int_equal(hole->from_row, from_row);
	assert_int_equal(hole->to_row, to_row);
}

static void expect_whole(struct fixture *fixture)
{
	assert_false(hole_after(fixture, &(struct room_id){{0}})->is_there);
}

// Whatever the order in which rows come, what lacks is one hole after the other, and in the end none.
static void test_holes(void **state)
{
	struct fixture *fixture = *state;
	expect_whole(fixture);
	know(fixture, &OPS, 3, 10);
	expect_hole(fixture, &OPS, 3, 10);
	assert_int_equal(put_row(fixture, 1, &OPS, 6), CLIENT_RESULT_APART);
	expect_hole(fixture, &OPS, 3, 5);
	assert_int_equal(put_row(fixture, 2, &OPS, 3), CLIENT_RESULT_NEW);
	expect_hole(fixture, &OPS, 4, 5);
	assert_int_equal(put_row(fixture, 3, &OPS, 5), CLIENT_RESULT_APART);
	expect_hole(fixture, &OPS, 4, 4);
	assert_int_equal(put_row(fixture, 4, &OPS, 4), CLIENT_RESULT_NEW);
	expect_hole(fixture, &OPS, 7, 10);
	reopen(fixture);
	put_gap(fixture, &OPS, 7, 3);
	expect_hole(fixture, &OPS, 10, 10);
	assert_int_equal(put_row(fixture, 5, &OPS, 10), CLIENT_RESULT_NEW);
	expect_whole(fixture);
	assert_int_equal(put_row(fixture, 6, &OPS, 11), CLIENT_RESULT_NEW); // what came is the newest
	expect_whole(fixture);
	assert_int_equal(put_row(fixture, 7, &OPS, 13), CLIENT_RESULT_APART);
	expect_hole(fixture, &OPS, 12, 12);
	put_gap(fixture, &OPS, 12, 1);
	expect_whole(fixture);
	assert_int_equal(put_row(fixture, 7, &OPS, 13), CLIENT_RESULT_REPEAT);
}

// A room that the store hears of by a message begins there, until the server says otherwise.
static void test_a_room_that_was_not_known(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(put_row(fixture, 1, &OPS, 8), CLIENT_RESULT_NEW);
	expect_whole(fixture);
	know(fixture, &OPS, 1, 8);
	expect_hole(fixture, &OPS, 1, 7);
}

// Rooms are gone through one after the other; one of which the user is no member any more has no hole.
static void test_rooms_in_order(void **state)
{
	struct fixture *fixture = *state;
	know(fixture, &DEV, 1, 2);
	know(fixture, &OPS, 1, 2);
	expect_hole(fixture, &OPS, 1, 2);
	assert_memory_equal(hole_after(fixture, &OPS)->room_id.bytes, DEV.bytes, ROOM_ID_BYTES);
	assert_false(hole_after(fixture, &DEV)->is_there);
	gather(fixture, CLIENT_OP_ROOMS_BEGIN);
	know(fixture, &DEV, 1, 2);
	gather(fixture, CLIENT_OP_ROOMS_END);
	commit(fixture);
	expect_hole(fixture, &DEV, 1, 2);
	gather(fixture, CLIENT_OP_ROOMS_BEGIN);
	gather(fixture, CLIENT_OP_ROOMS_END);
	commit(fixture);
	expect_whole(fixture);
	know(fixture, &OPS, 1, 1); // a member again, of a room that has gone back
	expect_hole(fixture, &OPS, 1, 1);
}

// Numbers that no honest server comes to are no reason to stop.
static void test_numbers_of_a_hostile_server(void **state)
{
	struct fixture *fixture = *state;
	know(fixture, &OPS, UINT64_MAX, UINT64_MAX);
	know(fixture, &DEV, 0, UINT64_MAX);
	assert_int_equal(put_row(fixture, 1, &DEV, INT64_MAX), CLIENT_RESULT_NEW);
	assert_int_equal(put_row(fixture, 2, &DEV, INT64_MAX - 1), CLIENT_RESULT_APART);
	put_gap(fixture, &DEV, 5, INT64_MAX);
	assert_true(hole_after(fixture, &(struct room_id){{0}})->is_there);
}

// What this profile wrote itself was seen where it was typed.
static void test_own_words_count_as_shown(void **state)
{
	struct fixture *fixture = *state;
	struct transcript_row row = room_entry(1, &OPS, 1);
	struct transcript_row found;
	assert_int_equal(add(fixture->store, 1), MMS_OK);
	row.is_own = true;
	assert_true(put(fixture, row));
	assert_int_equal(unshown(fixture->store), 0);
	assert_int_equal(client_store_transcript_next(fixture->store, &(struct transcript_range){.until_seq = UINT64_MAX}, &found), MMS_OK);
	assert_true(found.is_own && found.is_from_here);
	row.id = id_of(2); // of another device
	row.room_row = 2;
	assert_true(put(fixture, row));
	assert_int_equal(unshown(fixture->store), 1);
	assert_int_equal(client_store_transcript_next(fixture->store, &(struct transcript_range){1, UINT64_MAX, false}, &found), MMS_OK);
	assert_true(found.is_own && !found.is_from_here);
}

// Only messages that others wrote just now count as waiting; all is shown.
static void test_what_counts_as_waiting(void **state)
{
	struct fixture *fixture = *state;
	struct transcript_row row = room_entry(1, &OPS, 1);
	assert_true(put(fixture, row));
	assert_int_equal(waiting(fixture->store), 1);
	row.id = id_of(2);
	row.room_row = 2;
	row.is_history = true;
	assert_true(put(fixture, row));
	row = room_entry(3, &OPS, 3);
	row.kind = MESSAGE_JOINED;
	assert_true(put(fixture, row));
	row = room_entry(4, &OPS, 4);
	row.is_own = true; // on another device
	assert_true(put(fixture, row));
	put_gap(fixture, &OPS, 5, 2);
	assert_int_equal(waiting(fixture->store), 1);
	row = room_entry(7, &OPS, 7);
	row.kind = MESSAGE_RENAMED + 1; // of a later version
	assert_true(put(fixture, row));
	assert_int_equal(waiting(fixture->store), 2);
	assert_int_equal(unshown(fixture->store), 6);
}

// A change waits like a message, with all that it wants, and keeps the stamp that its first acceptance named.
static void test_changes_wait(void **state)
{
	struct fixture *fixture = *state;
	const struct outbox_row wishes[] = {
		{.id = id_of(1), .what = OUTBOX_JOIN, .flags = JOIN_MAKES | JOIN_PRIVATE, .to = {{"ops"}, true}},
		{.id = id_of(2), .what = OUTBOX_ADD, .to = {{"ops"}, true}, .other = JIMMY},
		{.id = id_of(3), .what = OUTBOX_BLOCK, .to = {JIMMY, false}},
		{.id = id_of(4), .what = OUTBOX_DEVICE_NAME, .other = {"laptop"}, .fingerprint = {{5, 6}}},
	};
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(client_store_outbox_add(fixture->store, &wishes[i], NOW), MMS_OK);
	for (int round = 0; round < 2; round++) {
		assert_int_equal(ask(fixture, CLIENT_ASK_OUTBOX, 0, 4), MMS_OK);
		assert_int_equal(fixture->answer.row_count, 4);
		for (uint32_t i = 0; i < 4; i++) {
			const struct outbox_row *row = &fixture->answer.row[i];
			assert_int_equal(row->what, wishes[i].what);
			assert_int_equal(row->flags, wishes[i].flags);
			assert_int_equal(row->to.is_room, wishes[i].to.is_room);
			assert_string_equal(row->to.name.text, wishes[i].to.name.text);
			assert_string_equal(row->other.text, wishes[i].other.text);
			assert_memory_equal(row->fingerprint.bytes, wishes[i].fingerprint.bytes, FINGERPRINT_BYTES);
			assert_int_equal(row->stamp.commit, round == 0 ? 0 : 40 + i);
			assert_int_equal(row->stamp.start_id[0], round == 0 ? 0 : 9);
			assert_int_equal(row->is_reoffer, round == 1);
		}
		for (int n = 1; n <= 4; n++) {
			struct client_op *op = gather(fixture, CLIENT_OP_VERDICT);
			op->id = id_of(n);
			op->verdict = (struct client_op_verdict){
				.state = OUTBOX_SAVED, .stamp = {{9}, (uint64_t)(round == 0 ? 39 + n : 70)}};
		}
		commit(fixture);
		reoffer(fixture);
		commit(fixture);
		reopen(fixture);
	}
	assert_int_equal(ask(fixture, CLIENT_ASK_OUTBOX, 0, 1), MMS_OK);
	assert_int_equal(fixture->answer.row[0].stamp.commit, 40); // the first one stays
}

// After a restore of the server's store a message may have another row.
static void test_a_row_changes(void **state)
{
	struct fixture *fixture = *state;
	struct transcript_row row;
	assert_int_equal(put_row(fixture, 1, &OPS, 4), CLIENT_RESULT_NEW);
	assert_int_equal(put_row(fixture, 1, &OPS, 5), CLIENT_RESULT_REPEAT);
	assert_int_equal(client_store_transcript_next(fixture->store, &(struct transcript_range){.until_seq = UINT64_MAX}, &row), MMS_OK);
	assert_int_equal(row.room_row, 5);
	assert_memory_equal(row.room_id.bytes, OPS.bytes, ROOM_ID_BYTES);
	assert_true(row.conversation.is_room);
}

// The server's store was put back: another message has a row of one that is there. From there on all rows are given anew, and what
// stood there stays, without a row.
static void test_a_room_goes_back(void **state)
{
	struct fixture *fixture = *state;
	for (int n = 1; n <= 5; n++)
		assert_int_equal(put_row(fixture, n, &OPS, (uint64_t)n), CLIENT_RESULT_NEW);
	assert_int_equal(put_row(fixture, 13, &OPS, 3), CLIENT_RESULT_NEW); // in the place of 3
	expect_whole(fixture);
	assert_int_equal(put_row(fixture, 5, &OPS, 5), CLIENT_RESULT_REPEAT); // offered again, to the same row
	expect_hole(fixture, &OPS, 4, 4);
	assert_int_equal(put_row(fixture, 3, &OPS, 4), CLIENT_RESULT_REPEAT); // and to another one
	expect_whole(fixture);
	know(fixture, &OPS, 1, 5);
	expect_whole(fixture);
	assert_int_equal(unshown(fixture->store), 6);
	assert_int_equal(put_row(fixture, 6, &OPS, 6), CLIENT_RESULT_NEW);
}

// The same, seen by how far the server says that the room is.
static void test_a_room_is_shorter(void **state)
{
	struct fixture *fixture = *state;
	for (int n = 1; n <= 5; n++)
		assert_int_equal(put_row(fixture, n, &OPS, (uint64_t)n), CLIENT_RESULT_NEW);
	know(fixture, &OPS, 1, 3);
	expect_whole(fixture);
	assert_int_equal(put_row(fixture, 7, &OPS, 6), CLIENT_RESULT_APART);
	expect_hole(fixture, &OPS, 4, 5);
	know(fixture, &OPS, 1, 0); // it does not say
	expect_hole(fixture, &OPS, 4, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_holes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_room_that_was_not_known, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_rooms_in_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_numbers_of_a_hostile_server, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_own_words_count_as_shown, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_counts_as_waiting, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_changes_wait, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_row_changes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_room_goes_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_room_is_shorter, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
