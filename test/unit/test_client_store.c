// SPDX-License-Identifier: ISC
// store/client_store: identity, outbox, transcript and mark.
#include "client_store_fixture.h"
#include "store/client_store_inside.h"

static void test_identity(void **state)
{
	struct fixture *fixture = *state;
	struct client_store_identity identity = {.user = {"Fred"}, .has_signed_in = true};
	struct client_store_identity found;
	struct name user;
	bool has_signed_in = true;
	memset(identity.static_secret, 1, STORAGE_KEY_BYTES);
	memset(identity.public_key, 2, STORAGE_KEY_BYTES);
	memset(identity.server_key, 3, STORAGE_KEY_BYTES);
	assert_int_equal(client_store_identity_get(fixture->store, &found), MMS_E_MISSING);
	assert_int_equal(client_store_signed_in_get(fixture->store, &has_signed_in, &user), MMS_E_MISSING);
	assert_int_equal(client_store_signed_in_set(fixture->store, &FRED), MMS_E_MISSING);
	assert_int_equal(client_store_identity_create(fixture->store, &identity), MMS_OK);
	assert_int_equal(client_store_identity_create(fixture->other, &identity), MMS_E_EXISTS);
	reopen(fixture);
	assert_int_equal(client_store_identity_get(fixture->store, &found), MMS_OK);
	assert_memory_equal(found.static_secret, identity.static_secret, STORAGE_KEY_BYTES);
	assert_memory_equal(found.public_key, identity.public_key, STORAGE_KEY_BYTES);
	assert_memory_equal(found.server_key, identity.server_key, STORAGE_KEY_BYTES);
	assert_string_equal(found.user.text, "Fred");
	assert_false(found.has_signed_in);
	assert_int_equal(client_store_signed_in_set(fixture->store, &FRED), MMS_OK);
	assert_int_equal(client_store_signed_in_get(fixture->other, &has_signed_in, &user), MMS_OK);
	assert_true(has_signed_in);
	assert_string_equal(user.text, "fred");
	client_store_identity_clear(&found);
	memset(&identity, 0, sizeof identity);
	assert_memory_equal(&found, &identity, sizeof found);
}

static void test_outbox_order_and_verdicts(void **state)
{
	struct fixture *fixture = *state;
	const struct uuid unknown = id_of(99);
	const struct outbox_row *row = &fixture->answer.row[0];
	enum outbox_state found;
	uint8_t status;
	uint64_t count;
	uint64_t seq = 0;
	bool is_reoffer = true;
	for (int n = 1; n <= 3; n++)
		assert_int_equal(add(n == 2 ? fixture->other : fixture->store, n), MMS_OK);
	assert_int_equal(add(fixture->store, 2), MMS_E_EXISTS);
	assert_int_equal(client_store_outbox_find(fixture->store, &unknown, &found, &status), MMS_E_MISSING);
	verdict(fixture, 99, OUTBOX_SAVED, 0);
	commit(fixture);
	assert_int_equal(fixture->appended.result[0], CLIENT_RESULT_MISSING);
	assert_int_equal(ask(fixture, CLIENT_ASK_OUTBOX, 0, 2), MMS_OK);
	assert_int_equal(fixture->answer.row_count, 2);
	assert_string_equal(row->to.name.text, "Jimmy");
	assert_int_equal(row->text_bytes, 6);
	assert_memory_equal(row->text, "text 1", 6);
	assert_memory_equal(row[1].text, "text 2", 6);
	for (int n = 1; n <= 3; n++) {
		assert_int_equal(next_queued(fixture, &seq, &is_reoffer), n);
		assert_false(is_reoffer);
		expect_verdict(fixture->store, n, OUTBOX_QUEUED, 0);
	}
	assert_int_equal(next_queued(fixture, &seq, &is_reoffer), 0);

	verdict(fixture, 2, OUTBOX_REFUSED, 7);
	verdict(fixture, 2, OUTBOX_SAVED, 0); // too late
	commit(fixture);
	assert_int_equal(fixture->appended.result[0], CLIENT_RESULT_DONE);
	assert_int_equal(fixture->appended.result[1], CLIENT_RESULT_DONE);
	seq = 0;
	assert_int_equal(next_queued(fixture, &seq, &is_reoffer), 1);
	assert_int_equal(next_queued(fixture, &seq, &is_reoffer), 3);
	expect_verdict(fixture->other, 2, OUTBOX_REFUSED, 7);
	assert_int_equal(client_store_outbox_queued_count(fixture->other, &count), MMS_OK);
	assert_int_equal(count, 2);
}

static void test_reoffer(void **state)
{
	struct fixture *fixture = *state;
	uint64_t seq = 0;
	uint64_t count;
	bool is_reoffer = false;
	for (int n = 1; n <= 5; n++)
		assert_int_equal(add_at(fixture->store, n, (struct wtime){n == 1 ? INT64_MIN : NOW.ms + n}), MMS_OK);
	verdict(fixture, 1, OUTBOX_ONLINE, 0);
	verdict(fixture, 2, OUTBOX_SAVED, 0);
	verdict(fixture, 3, OUTBOX_REFUSED, 4);
	verdict(fixture, 4, OUTBOX_ONLINE, 0);
	reoffer(fixture);
	commit(fixture);
	assert_int_equal(fixture->appended.result[4], CLIENT_RESULT_REOFFER);
	assert_int_equal(next_queued(fixture, &seq, &is_reoffer), 1); // whatever the clock said when it was written
	assert_int_equal(next_queued(fixture, &seq, &is_reoffer), 2);
	assert_true(is_reoffer);
	assert_int_equal(next_queued(fixture, &seq, &is_reoffer), 4);
	assert_int_equal(next_queued(fixture, &seq, &is_reoffer), 5);
	assert_false(is_reoffer);
	assert_int_equal(client_store_outbox_queued_count(fixture->store, &count), MMS_OK);
	assert_int_equal(count, 1);

	// What the sender was told stays, whatever the second answer is.
	expect_verdict(fixture->store, 2, OUTBOX_SAVED, 0);
	verdict(fixture, 1, OUTBOX_ONLINE, 0);
	verdict(fixture, 2, OUTBOX_REFUSED, 4);
	verdict(fixture, 4, OUTBOX_SAVED, 0);
	commit(fixture);
	expect_verdict(fixture->store, 2, OUTBOX_SAVED, 0);
	expect_verdict(fixture->store, 4, OUTBOX_ONLINE, 0);
	seq = 0;
	assert_int_equal(next_queued(fixture, &seq, &is_reoffer), 5);
}

static int64_t number(struct fixture *fixture, const char *sql)
{
	sqlite3 *db;
	sqlite3_stmt *statement;
	assert_int_equal(sqlite3_open(fixture->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	const int64_t value = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return value;
}

// Both lists are bounded: what has a verdict goes from the outbox, what was shown goes from the transcript, oldest first; what
// waits stays.
static void test_lists_are_bounded(void **state)
{
	struct fixture *fixture = *state;
	struct transcript_row line;
	char sql[300];
	for (int n = 1; n <= 3; n++)
		assert_int_equal(add(fixture->store, n), MMS_OK);
	verdict(fixture, 1, OUTBOX_SAVED, 0);
	verdict(fixture, 3, OUTBOX_SAVED, 0);
	put(fixture, entry(1));
	put(fixture, entry(2));
	assert_int_equal(client_store_transcript_mark_shown(fixture->store, &(struct transcript_range){0, 1, true}), MMS_OK);
	// As if so many had come between.
	snprintf(sql, sizeof sql, "UPDATE sqlite_sequence SET seq = %d WHERE name = 'outbox';"
				  "UPDATE sqlite_sequence SET seq = %d WHERE name = 'transcript'",
		 OUTBOX_DONE_MAX + 1, TRANSCRIPT_ROWS_MAX);
	tamper(fixture, sql);
	assert_int_equal(add(fixture->store, 4), MMS_OK);
	verdict(fixture, 4, OUTBOX_SAVED, 0);
	put(fixture, entry(4));
	assert_int_equal(number(fixture, "SELECT count(*) FROM outbox"), 3);
	assert_int_equal(number(fixture, "SELECT min(seq) FROM outbox"), 2); // which waits for its verdict
	assert_int_equal(number(fixture, "SELECT count(*) FROM transcript"), 2);
	assert_int_equal(next_unshown(fixture->store, 0, &line), MMS_OK);
	put(fixture, entry(5));
	assert_int_equal(number(fixture, "SELECT min(seq) FROM transcript"), 2); // not shown yet
	assert_int_equal(number(fixture, "SELECT count(*) FROM transcript"), 3);
}

static void test_full_outbox(void **state)
{
	struct fixture *fixture = *state;
	char sql[256];
	snprintf(sql, sizeof sql,
		 "WITH RECURSIVE n(i) AS (VALUES (100) UNION ALL SELECT i + 1 FROM n LIMIT %d)"
		 " INSERT INTO outbox(id, what, flags, recipient, other, text, written_at)"
		 " SELECT randomblob(16), 1, 0, x'61', '', x'61', 1 FROM n;"
		 "UPDATE waiting SET count = %d",
		 OUTBOX_ROWS_MAX - 1, OUTBOX_ROWS_MAX - 1);
	tamper(fixture, sql);
	assert_int_equal(add(fixture->store, 1), MMS_OK);
	assert_int_equal(add(fixture->store, 2), MMS_E_FULL);
	assert_non_null(strstr(client_store_reason(fixture->store)->text, "10000"));
	verdict(fixture, 1, OUTBOX_ONLINE, 0);
	commit(fixture);
	assert_int_equal(add(fixture->store, 2), MMS_OK);
}

// Nothing that is refused is counted, no verdict twice, and no offer that is made again.
static void test_waiting_is_counted_exactly(void **state)
{
	struct fixture *fixture = *state;
	uint64_t count;
	for (int n = 1; n <= 4; n++)
		assert_int_equal(add(fixture->store, n), MMS_OK);
	assert_int_equal(add(fixture->store, 4), MMS_E_EXISTS);
	verdict(fixture, 1, OUTBOX_SAVED, 0);
	verdict(fixture, 1, OUTBOX_SAVED, 0);
	verdict(fixture, 9, OUTBOX_SAVED, 0); // no such message
	commit(fixture);
	assert_int_equal(fixture->appended.result[2], CLIENT_RESULT_MISSING);
	reoffer(fixture);
	commit(fixture);
	verdict(fixture, 1, OUTBOX_ONLINE, 0);
	commit(fixture);
	const struct uuid second = id_of(2);
	const struct uuid first = id_of(1);
	assert_int_equal(client_store_outbox_withdraw(fixture->other, &second), MMS_OK);
	assert_int_equal(client_store_outbox_withdraw(fixture->other, &second), MMS_E_MISSING);
	assert_int_equal(client_store_outbox_withdraw(fixture->other, &first), MMS_E_MISSING); // it has its verdict
	expect_verdict(fixture->store, 1, OUTBOX_SAVED, 0);
	assert_int_equal(client_store_outbox_queued_count(fixture->store, &count), MMS_OK);
	assert_int_equal(count, 2);
	assert_int_equal(number(fixture, "SELECT count(*) FROM outbox WHERE state = 1"), 2);
}

// The steps that SQLite took since this was asked last.
static uint64_t steps_taken(struct fixture *fixture)
{
	uint64_t sum = 0;
	for (int i = 0; i < CLIENT_STATEMENT_COUNT; i++)
		sum += (uint64_t)sqlite3_stmt_status(fixture->store->statement[i], SQLITE_STMTSTATUS_VM_STEP, 1);
	return sum;
}

static void test_an_addition_costs_the_same_whatever_waits(void **state)
{
	struct fixture *fixture = *state;
	uint64_t steps[2];
	for (int i = 0; i < 2; i++) {
		(void)steps_taken(fixture);
		assert_int_equal(add(fixture->store, 2000 + i), MMS_OK);
		steps[i] = steps_taken(fixture);
		for (int n = 1; i == 0 && n <= 500; n++)
			assert_int_equal(add(fixture->store, n), MMS_OK);
	}
	assert_in_range(steps[1], 1, steps[0] + 10);
}

static void test_transcript_has_a_message_once(void **state)
{
	struct fixture *fixture = *state;
	struct transcript_row same = entry(1);
	struct transcript_row row;
	assert_true(put(fixture, entry(1)));
	assert_false(put(fixture, entry(1)));
	strcpy(same.sender.text, "jIMMY");
	assert_false(put(fixture, same));
	strcpy(same.sender.text, "anna");
	assert_true(put(fixture, same)); // ids are unique per sender
	reopen(fixture);
	assert_false(put(fixture, entry(1)));
	assert_true(put(fixture, entry(2)));
	assert_int_equal(unshown(fixture->store), 3);

	assert_int_equal(next_unshown(fixture->other, 0, &row), MMS_OK);
	assert_false(row.is_gap);
	assert_string_equal(row.sender.text, "Jimmy");
	assert_int_equal(row.accepted_at.ms, NOW.ms);
	assert_int_equal(row.text_bytes, 5);
	assert_memory_equal(row.text, "hello", 5);
	assert_memory_equal(&row.id, &same.id, sizeof row.id);
}

// What a later version sent is read back as it came, text and all.
static void test_entries_of_later_versions(void **state)
{
	struct fixture *fixture = *state;
	static const uint8_t sealed[] = {0xff, 0, 0x1b};
	struct transcript_row given[4] = {entry(1), entry(2), entry(3), entry(4)};
	struct transcript_row row = {.seq = 0};
	given[0].form = 2;
	given[0].text = sealed;
	given[0].text_bytes = sizeof sealed;
	given[1].kind = MESSAGE_JOINED;
	given[1].sender = (struct name){""};
	given[1].text = (const uint8_t *)"Tim";
	given[1].text_bytes = 3;
	given[1].room_row = 7;
	given[1].conversation = (struct message_to){{"porch"}, true};
	given[2].is_own = true;
	given[2].conversation = (struct message_to){JIMMY, false};
	given[3].is_history = true;
	for (int i = 0; i < 4; i++)
		assert_true(put(fixture, given[i]));
	assert_false(put(fixture, given[1]));
	for (int i = 0; i < 4; i++) {
		assert_int_equal(next_unshown(fixture->other, row.seq, &row), MMS_OK);
		assert_int_equal(row.kind, given[i].kind);
		assert_int_equal(row.form, given[i].form);
		assert_int_equal(row.is_own, given[i].is_own);
		assert_int_equal(row.is_history, given[i].is_history);
		assert_int_equal(row.room_row, given[i].room_row);
		assert_string_equal(row.sender.text, given[i].sender.text);
		assert_string_equal(row.conversation.name.text, given[i].conversation.name.text);
		assert_int_equal(row.conversation.is_room, given[i].conversation.is_room);
		assert_int_equal(row.text_bytes, given[i].text_bytes);
		assert_memory_equal(row.text, given[i].text, row.text_bytes);
		assert_int_equal(transcript_row_is_known(&row), i > 0);
	}
}

static void test_gaps(void **state)
{
	struct fixture *fixture = *state;
	struct transcript_row gap = {.is_gap = true, .gap_count = UINT64_MAX};
	struct transcript_row row;
	assert_true(put(fixture, gap));
	assert_false(put(fixture, gap));
	gap.id = id_of(5);
	gap.gap_count = 12;
	assert_true(put(fixture, gap));
	assert_false(put(fixture, gap));
	assert_int_equal(next_unshown(fixture->store, 1, &row), MMS_OK);
	assert_true(row.is_gap);
	assert_int_equal(row.gap_count, 12);
	assert_int_equal(row.text_bytes, 0);
	assert_int_equal(next_unshown(fixture->store, row.seq, &row), MMS_E_MISSING);
}

static void test_people(void **state)
{
	struct fixture *fixture = *state;
	struct name names[3];
	uint32_t count = 7;
	assert_int_equal(client_store_people(fixture->store, names, 3, &count), MMS_OK);
	assert_int_equal(count, 0);
	const struct {
		const char *sender;
		int64_t at_ms;
		const char *own_to; // by another device of this user
		uint64_t room_row;
	} heard[] = {{"libero", 5000, NULL, 0}, {"Tim", 1000, NULL, 0}, {"fred", 3000, "TIM", 0}, {"bob", 9000, NULL, 4}};
	for (int i = 0; i < 4; i++) {
		struct transcript_row row = entry(100 + i);
		assert_true(name_parse(&row.sender, heard[i].sender, strlen(heard[i].sender)));
		row.accepted_at.ms = heard[i].at_ms;
		row.is_own = heard[i].own_to != NULL;
		row.room_row = heard[i].room_row;
		if (row.is_own)
			assert_true(message_to_parse(&row.conversation, heard[i].own_to, strlen(heard[i].own_to)));
		else if (row.room_row > 0)
			assert_true(message_to_parse(&row.conversation, "#ops", 4));
		assert_true(put(fixture, row));
	}
	assert_int_equal(add_at(fixture->store, 1, (struct wtime){4000}), MMS_OK); // to Jimmy
	assert_int_equal(client_store_people(fixture->store, names, 3, &count), MMS_OK);
	assert_int_equal(count, 3);
	assert_string_equal(names[0].text, "libero");
	assert_string_equal(names[1].text, "Jimmy");
	assert_true(name_is_same(&names[2], &(struct name){"tim"}));
	assert_int_equal(client_store_people(fixture->store, names, 1, &count), MMS_OK);
	assert_int_equal(count, 1);
}

static void test_shown(void **state)
{
	struct fixture *fixture = *state;
	struct transcript_row row;
	for (int n = 1; n <= 4; n++)
		put(fixture, entry(n));
	assert_int_equal(next_unshown(fixture->store, 0, &row), MMS_OK);
	assert_int_equal(next_unshown(fixture->store, row.seq, &row), MMS_OK);
	assert_int_equal(client_store_transcript_mark_shown(fixture->store, &(struct transcript_range){0, row.seq, true}), MMS_OK);
	assert_int_equal(unshown(fixture->other), 2);
	reopen(fixture);
	assert_int_equal(unshown(fixture->store), 2);
	assert_int_equal(next_unshown(fixture->store, 0, &row), MMS_OK);
	const struct uuid third = id_of(3);
	assert_memory_equal(&row.id, &third, sizeof third);
	assert_false(put(fixture, entry(1))); // shown or not, it is there
}

// Who follows shows what came since it began, shown elsewhere or not, and notes no more than that.
static void test_ranges(void **state)
{
	struct fixture *fixture = *state;
	struct transcript_range range = {.until_seq = UINT64_MAX};
	struct transcript_row row;
	uint64_t number = 1;
	assert_int_equal(client_store_transcript_last(fixture->store, &number), MMS_OK);
	assert_int_equal(number, 0);
	for (int n = 1; n <= 5; n++)
		put(fixture, entry(n));
	assert_int_equal(client_store_transcript_last(fixture->other, &number), MMS_OK);
	assert_int_equal(number, 5);
	assert_int_equal(client_store_transcript_mark_shown(fixture->other, &(struct transcript_range){2, 4, false}), MMS_OK);
	assert_int_equal(unshown(fixture->store), 3);
	range.after_seq = 2;
	assert_int_equal(client_store_transcript_next(fixture->store, &range, &row), MMS_OK);
	assert_int_equal(row.seq, 3);
	assert_int_equal(client_store_transcript_waiting(fixture->store, &range, &number), MMS_OK);
	assert_int_equal(number, 3);
	range.is_unshown = true;
	assert_int_equal(client_store_transcript_next(fixture->store, &range, &row), MMS_OK);
	assert_int_equal(row.seq, 5);
	range = (struct transcript_range){2, 4, true};
	assert_int_equal(client_store_transcript_next(fixture->store, &range, &row), MMS_E_MISSING);
	assert_int_equal(client_store_transcript_waiting(fixture->store, &range, &number), MMS_OK);
	assert_int_equal(number, 0);
}

static void test_replacements_are_counted(void **state)
{
	struct fixture *fixture = *state;
	uint64_t count = 1;
	const struct client_store_identity identity = {.user = JIMMY};
	assert_int_equal(client_store_identity_create(fixture->store, &identity), MMS_OK);
	assert_int_equal(client_store_replaced_get(fixture->other, &count), MMS_OK);
	assert_int_equal(count, 0);
	assert_int_equal(client_store_replaced_add(fixture->store), MMS_OK);
	assert_int_equal(client_store_replaced_get(fixture->other, &count), MMS_OK);
	assert_int_equal(count, 1);
}

// One operation on the mark, alone.
static enum client_result mark(struct fixture *fixture, struct client_op_mark op)
{
	gather(fixture, CLIENT_OP_MARK)->mark = op;
	commit(fixture);
	return fixture->appended.result[0];
}

static const struct storage_mark *kept(struct fixture *fixture)
{
	assert_int_equal(ask(fixture, CLIENT_ASK_MARK, 0, 0), MMS_OK);
	return &fixture->answer.mark;
}

static void test_mark(void **state)
{
	struct fixture *fixture = *state;
	const struct storage_mark none = {{0}, 0};
	const struct storage_mark at_50 = {{1, 2, 3}, 50};
	const struct storage_mark other = {{7}, 40};
	assert_memory_equal(kept(fixture), &none, sizeof none);
	assert_int_equal(mark(fixture, (struct client_op_mark){.mark = at_50}), CLIENT_RESULT_DONE); // of a sign-in
	assert_memory_equal(kept(fixture), &none, sizeof none);
	assert_int_equal(mark(fixture, (struct client_op_mark){.mark = at_50, .is_acceptance = true}), CLIENT_RESULT_DONE);
	struct storage_mark older = at_50;
	older.commit = 40;
	assert_int_equal(mark(fixture, (struct client_op_mark){.mark = older, .is_acceptance = true}), CLIENT_RESULT_DONE);
	reopen(fixture);
	assert_memory_equal(kept(fixture), &at_50, sizeof at_50);
	// Of another start, when the server has judged the one kept; and the numbers end somewhere.
	assert_int_equal(mark(fixture, (struct client_op_mark){.mark = other, .shown = at_50, .is_acceptance = true}),
			 CLIENT_RESULT_DONE);
	assert_memory_equal(kept(fixture), &other, sizeof other);
	struct storage_mark last = other;
	last.commit = UINT64_MAX;
	assert_int_equal(mark(fixture, (struct client_op_mark){.mark = last, .is_acceptance = true}), CLIENT_RESULT_DONE);
	assert_int_equal(kept(fixture)->commit, INT64_MAX);
}

// The store judges, with the mark that it has: another process may have kept one that this one's session never showed.
static void test_mark_that_nobody_judged(void **state)
{
	struct fixture *fixture = *state;
	const struct storage_mark at_50 = {{1}, 50};
	const struct storage_mark at_51 = {{1}, 51};
	const struct storage_mark other = {{7}, 40};
	uint64_t seq = 0;
	bool is_reoffer = false;
	assert_int_equal(add(fixture->store, 1), MMS_OK);
	verdict(fixture, 1, OUTBOX_SAVED, 0);
	gather(fixture, CLIENT_OP_MARK)->mark = (struct client_op_mark){.mark = at_51, .is_acceptance = true};
	commit(fixture);
	const struct client_op_mark signin = {.mark = other, .shown = at_50};
	assert_int_equal(mark(fixture, signin), CLIENT_RESULT_REOFFER);
	assert_memory_equal(kept(fixture), &other, sizeof other);
	assert_int_equal(next_queued(fixture, &seq, &is_reoffer), 1);
	assert_true(is_reoffer);
	assert_int_equal(mark(fixture, signin), CLIENT_RESULT_DONE); // it is of the session's start now
}

// A batch that comes twice leaves what it leaves once.
static void test_batch_again(void **state)
{
	struct fixture *fixture = *state;
	uint64_t count;
	assert_int_equal(add(fixture->store, 1), MMS_OK);
	put_later(fixture, entry(1));
	put_later(fixture, (struct transcript_row){.is_gap = true, .gap_count = 3, .id = id_of(2)});
	verdict(fixture, 1, OUTBOX_REFUSED, 4);
	const uint32_t ops = fixture->batch.op_count;
	const uint32_t text_bytes = fixture->batch.text_bytes;
	for (int times = 0; times < 3; times++) {
		fixture->batch.op_count = ops;
		fixture->batch.text_bytes = text_bytes;
		commit(fixture);
		assert_int_equal(fixture->appended.result[0], times == 0 ? CLIENT_RESULT_NEW : CLIENT_RESULT_REPEAT);
		assert_int_equal(fixture->appended.result[1], times == 0 ? CLIENT_RESULT_NEW : CLIENT_RESULT_REPEAT);
		assert_int_equal(fixture->appended.result[2], CLIENT_RESULT_DONE);
		assert_int_equal(unshown(fixture->store), 2);
		expect_verdict(fixture->store, 1, OUTBOX_REFUSED, 4);
		assert_int_equal(client_store_outbox_queued_count(fixture->store, &count), MMS_OK);
		assert_int_equal(count, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_identity, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_outbox_order_and_verdicts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_reoffer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_lists_are_bounded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_full_outbox, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_waiting_is_counted_exactly, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_an_addition_costs_the_same_whatever_waits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_transcript_has_a_message_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_entries_of_later_versions, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_gaps, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_people, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_shown, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_ranges, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_replacements_are_counted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_mark, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_mark_that_nobody_judged, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_batch_again, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
