// SPDX-License-Identifier: ISC
// store/server_store: the bounds for all that a mailbox holds and for a sender's ids; what goes at them, and who is told.
#include "server_store_fixture.h"

enum { ROW_TEXT_BYTES = 72, ROW_BYTES = MAILBOX_ROW_BYTES + ROW_TEXT_BYTES };

static uint64_t accept_bytes(struct fixture *fixture, int64_t user_id, uint16_t text_bytes)
{
	return accept_sized(fixture, user_id, SENDER, text_bytes);
}

static uint64_t accept_rows(struct fixture *fixture, int64_t user_id, int count)
{
	uint64_t row = 0;
	for (int i = 0; i < count; i++)
		row = accept_bytes(fixture, user_id, ROW_TEXT_BYTES);
	return row;
}

// Case N6: one device is away; what the other has does not grow without end.
static void test_mailbox_has_one_bound(void **state)
{
	struct fixture *fixture = *state;
	enum { BOUND_ROWS = 100, ROWS = 1000 };
	const struct storage_device ahead = enroll(fixture, FRED, 1);
	enroll(fixture, FRED, 2);
	bound_held(fixture, BOUND_ROWS * ROW_BYTES);
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
	assert_int_equal(usage(fixture, FRED).rows, 0);
}

static void test_what_no_device_has_is_never_dropped(void **state)
{
	struct fixture *fixture = *state;
	const struct storage_device ahead = enroll(fixture, FRED, 1);
	enroll(fixture, FRED, 2);
	take(fixture, &ahead, accept_rows(fixture, FRED, 3));
	bound_held(fixture, 1);
	accept_rows(fixture, FRED, 20);
	assert_int_equal(rows_held(fixture, FRED), 20);
	assert_int_equal(usage(fixture, FRED).rows, 20);
	assert_int_equal(device_of(fixture, 2).gap_count, 3);
	assert_int_equal(waiting(fixture, 1), 20);
	assert_int_equal(waiting(fixture, 2), 20);
	accept_rows(fixture, JIMMY, 20); // no device at all
	assert_int_equal(usage(fixture, JIMMY).rows, 20);
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
	bound_held(fixture, ROWS * (MAILBOX_ROW_BYTES + 1));
	take(fixture, &ahead, accept_bytes(fixture, FRED, TEXT_BYTES_MAX));
	assert_int_equal(rows_held(fixture, FRED), ROWS + 1 - 9); // 9 small ones hold as much
	bound_held(fixture, 1);
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
	bound_held(fixture, 3 * ROW_BYTES);
	accept_rows(fixture, FRED, 2); // rows row - 3 to row - 1 go
	assert_int_equal(device_of(fixture, 1).gap_count, 0);
	assert_int_equal(device_of(fixture, 2).gap_count, 1);
	assert_int_equal(device_of(fixture, 2).gap_row, row - 1);
	assert_int_equal(device_of(fixture, 3).gap_count, 3);
	enroll(fixture, FRED, 4);
	assert_int_equal(device_of(fixture, 4).gap_count, 0);
	assert_int_equal(waiting(fixture, 4), 2);
	assert_int_equal(ask_signin(fixture, 4, 0).is.history_count, 1); // which the first device has
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
	enroll(fixture, FRED, 2);
	take(fixture, &first, accept_rows(fixture, FRED, ROWS));
	list_and_revoke(fixture, 2); // the rest waits for housekeeping
	assert_true(rows_held(fixture, FRED) > 0);
	enroll(fixture, FRED, 3);
	bound_held(fixture, 2 * ROW_BYTES);
	take(fixture, &first, accept_rows(fixture, FRED, 2));
	assert_int_equal(device_of(fixture, 3).gap_count, 0);
	take(fixture, &first, accept_rows(fixture, FRED, 1));
	assert_int_equal(device_of(fixture, 3).gap_count, 1);
	assert_int_equal(device_of(fixture, 3).gap_row, ROWS + 1);
	assert_int_equal(waiting(fixture, 3), 2);
}

// --- shares ---

static enum storage_verdict offer(struct fixture *fixture, int64_t user_id, int64_t sender_id, uint16_t text_bytes)
{
	static uint32_t serial;
	struct storage_op op = accept_op(fixture, user_id);
	op.submit.sender_id = sender_id;
	op.submit.text_bytes = text_bytes;
	serial++; // an id that no refusal has
	memcpy(op.submit.id.bytes + 8, &serial, sizeof serial);
	const enum storage_verdict verdict = judge(fixture, op);
	fixture->row_next -= verdict != VERDICT_NEW; // no row was given
	return verdict;
}

// Case N6: one sender has at most half of what waits for nobody's device.
static void test_a_sender_has_half(void **state)
{
	struct fixture *fixture = *state;
	bound(fixture, 21, MAILBOX_BYTES_MAX, MAILBOX_HELD_BYTES_MAX);
	for (int i = 0; i < 11; i++)
		assert_int_equal(offer(fixture, FRED, 30, 1), VERDICT_NEW);
	assert_int_equal(offer(fixture, FRED, 30, 1), VERDICT_MAILBOX_FULL);
	reopen_store(fixture);
	bound(fixture, 21, MAILBOX_BYTES_MAX, MAILBOX_HELD_BYTES_MAX);
	assert_int_equal(offer(fixture, FRED, 30, 1), VERDICT_MAILBOX_FULL);
	for (int64_t sender = 31; sender < 41; sender++)
		assert_int_equal(offer(fixture, FRED, sender, 1), VERDICT_NEW);
	assert_int_equal(offer(fixture, FRED, 41, 1), VERDICT_MAILBOX_FULL); // all together
	assert_int_equal(offer(fixture, JIMMY, 30, 1), VERDICT_NEW);

	// What a device took is no part of it.
	const struct storage_device device = enroll(fixture, FRED, 1);
	take(fixture, &device, 4);
	for (int i = 0; i < 4; i++)
		assert_int_equal(offer(fixture, FRED, 30, 1), VERDICT_NEW);
	assert_int_equal(offer(fixture, FRED, 30, 1), VERDICT_MAILBOX_FULL);
	take(fixture, &device, fixture->row_next - 1);
	assert_int_equal(count(fixture, "SELECT count(*) FROM share WHERE user_id = 1"), 0);
	assert_int_equal(offer(fixture, FRED, 30, 1), VERDICT_NEW);
}

// The same by bytes; a batch is judged message by message.
static void test_a_sender_has_half_of_the_bytes(void **state)
{
	struct fixture *fixture = *state;
	enum { OPS = 30 };
	struct storage_op ops[OPS];
	char text[TEXT_BYTES_MAX] = {0};
	bound(fixture, MAILBOX_ROWS_MAX, 1000, MAILBOX_HELD_BYTES_MAX);
	for (size_t i = 0; i < OPS; i++) {
		ops[i] = accept_op(fixture, FRED);
		ops[i].submit.sender_id = 30 + (int64_t)i % 2 * SERVER_SHARES; // at the same place in memory
		ops[i].submit.text_bytes = 45;
	}
	must_keep(fixture, ops, OPS, text);
	for (size_t i = 0; i < OPS; i++) // 11 of each are 495 bytes
		assert_int_equal(fixture->result[i].verdict, i < 22 ? VERDICT_NEW : VERDICT_MAILBOX_FULL);
	assert_int_equal(usage(fixture, FRED).bytes, 990);
	fixture->row_next = 23;
	assert_int_equal(offer(fixture, FRED, 30, 5), VERDICT_NEW);
	assert_int_equal(offer(fixture, FRED, 30, 1), VERDICT_MAILBOX_FULL);
	assert_int_equal(offer(fixture, FRED, 31, 5), VERDICT_NEW);
	assert_int_equal(offer(fixture, FRED, 31, 1), VERDICT_MAILBOX_FULL); // all together
}

// Moves come first: what the recipient has taken makes room in the same batch.
static void test_moves_make_room(void **state)
{
	struct fixture *fixture = *state;
	const struct storage_device device = enroll(fixture, FRED, 1);
	bound(fixture, 2, MAILBOX_BYTES_MAX, MAILBOX_HELD_BYTES_MAX);
	accept_sized(fixture, FRED, 30, 1);
	accept_sized(fixture, FRED, 31, 1);
	const struct storage_move move = {.user_id = FRED, .device_id = device.device_id, .row = 1};
	struct storage_op ops[] = {accept_op(fixture, FRED), accept_op(fixture, FRED)};
	ops[0].submit.text_bytes = ops[1].submit.text_bytes = 1;
	assert_int_equal(append_moves(fixture, &move, 1, ops, 2, "x"), MMS_OK);
	assert_int_equal(fixture->result[0].verdict, VERDICT_NEW);
	assert_int_equal(fixture->result[1].verdict, VERDICT_MAILBOX_FULL);
}

// Who is full by it hears of what was accepted before all the same.
static void test_a_repeat_needs_no_room(void **state)
{
	struct fixture *fixture = *state;
	bound(fixture, 1, MAILBOX_BYTES_MAX, MAILBOX_HELD_BYTES_MAX);
	struct storage_op op = accept_op(fixture, FRED);
	assert_int_equal(judge(fixture, op), VERDICT_NEW);
	assert_int_equal(judge(fixture, op), VERDICT_REPEAT);
	op.submit.digest[0] ^= 1;
	assert_int_equal(judge(fixture, op), VERDICT_ID_MISUSED);
}

// Rows go of the sender with most of them, of those the oldest; what no device has stays, whoever wrote it.
static void test_the_heaviest_sender_loses_first(void **state)
{
	struct fixture *fixture = *state;
	const struct storage_device ahead = enroll(fixture, FRED, 1);
	enroll(fixture, FRED, 2);
	accept_sized(fixture, FRED, 30, ROW_TEXT_BYTES); // 1
	for (int i = 0; i < 8; i++)
		accept_sized(fixture, FRED, 31, ROW_TEXT_BYTES); // 2 to 9
	for (int i = 0; i < 5; i++)
		accept_sized(fixture, FRED, 32, ROW_TEXT_BYTES); // 10 to 14
	take(fixture, &ahead, 14);
	for (int i = 0; i < 20; i++)
		accept_sized(fixture, FRED, 33, ROW_TEXT_BYTES); // 15 to 34, which no device has
	bound_held(fixture, 30 * ROW_BYTES);
	accept_sized(fixture, FRED, 33, ROW_TEXT_BYTES); // 35: five go, the last of who has five when the other has four
	assert_int_equal(count(fixture, "SELECT count(*) FROM ref WHERE sender_id = 31"), 4);
	assert_int_equal(count(fixture, "SELECT min(row) FROM ref WHERE sender_id = 31"), 6);
	assert_int_equal(count(fixture, "SELECT min(row) FROM ref WHERE sender_id = 32"), 11);
	accept_sized(fixture, FRED, 33, ROW_TEXT_BYTES); // 36: of two with as much, of the lower id
	assert_int_equal(count(fixture, "SELECT min(row) FROM ref WHERE sender_id = 31"), 7);
	accept_sized(fixture, FRED, 33, ROW_TEXT_BYTES); // 37
	assert_int_equal(count(fixture, "SELECT min(row) FROM ref WHERE sender_id = 32"), 12);
	assert_int_equal(count(fixture, "SELECT min(row) FROM ref"), 1);
	assert_int_equal(count(fixture, "SELECT count(*) FROM ref WHERE sender_id = 33"), 23);
	assert_int_equal(device_of(fixture, 2).gap_count, 7);
	assert_int_equal(device_of(fixture, 2).gap_row, 11);
	assert_int_equal(waiting(fixture, 2), 30);
}

// The newest row may be gone before an older one: what is left then goes all the same.
static void test_the_last_row_is_not_the_newest(void **state)
{
	struct fixture *fixture = *state;
	const struct storage_device ahead = enroll(fixture, FRED, 1);
	const struct storage_device behind = enroll(fixture, FRED, 2);
	accept_sized(fixture, FRED, 31, 10);
	accept_sized(fixture, FRED, 32, 500);
	take(fixture, &ahead, 1);
	fixture->now = DAYS(1);
	take(fixture, &ahead, 2);
	assert_int_equal(sqlite3_exec(fixture->store->sql.db, "UPDATE received SET at = -at WHERE row = 2", 0, 0, 0), 0);
	fixture->now = DAYS(29);
	housekeep_all(fixture, 100); // as if the second had been taken first
	assert_int_equal(count(fixture, "SELECT group_concat(row) = '1' FROM ref"), 1);
	take(fixture, &behind, 2);
	assert_int_equal(rows_held(fixture, FRED), 0);
	assert_int_equal(count(fixture, "SELECT count(*) FROM body"), 0);
}

// A mailbox that is nearly empty pays nothing for it; beginning and ending agree with what is there.
static void test_shares_are_exact(void **state)
{
	static const char wrong[] =
		"SELECT count(*) FROM (SELECT user_id, sender_id, fresh_rows, fresh_bytes, taken_weight FROM share EXCEPT"
		" SELECT user_id, sender_id, sum(row > taken_row), sum((row > taken_row) * bytes),"
		" sum((row <= taken_row) * (bytes + 128)) FROM ref JOIN mailbox USING (user_id) GROUP BY user_id, sender_id)";
	struct fixture *fixture = *state;
	struct storage_device device[2] = {enroll(fixture, FRED, 1), enroll(fixture, FRED, 2)};
	uint64_t random = 1;
	int counted = 0;
	bound(fixture, 40, 4000, 60 * ROW_BYTES);
	for (int i = 0; i < 600; i++) {
		random = random * 6364136223846793005U + 1442695040888963407U;
		const uint32_t drawn = (uint32_t)(random >> 33);
		if (drawn % 8 != 0) {
			(void)offer(fixture, FRED, 30 + drawn / 8 % 5, (uint16_t)(1 + drawn / 64 % 200));
		} else {
			const struct storage_device now = device_of(fixture, (uint8_t)(1 + drawn / 8 % 2));
			const uint64_t newest = (uint64_t)count(fixture, "SELECT coalesce(max(row), 0) FROM ref");
			if (newest > now.cursor)
				take(fixture, &device[drawn / 8 % 2], now.cursor + 1 + drawn / 64 % (newest - now.cursor));
		}
		assert_int_equal(count(fixture, wrong), 0);
		const int64_t shares = count(fixture, "SELECT count(*) FROM share");
		assert_int_equal(shares, count(fixture, "SELECT is_by_sender FROM mailbox UNION SELECT 0 ORDER BY 1 DESC LIMIT 1") == 0 ?
					 0 : count(fixture, "SELECT count(DISTINCT sender_id) FROM ref"));
		counted += shares > 0;
	}
	assert_true(counted > 100);
	assert_true(counted < 600);
}

// --- refusals ---

// A refusal binds the copies of a message that were under way when it was told, and nobody else.
static void test_refusal_is_remembered(void **state)
{
	struct fixture *fixture = *state;
	struct storage_op op = accept_op(fixture, FRED);
	op.session_began_at = fixture->now;
	bound(fixture, 1, MAILBOX_BYTES_MAX, MAILBOX_HELD_BYTES_MAX);
	assert_int_equal(offer(fixture, FRED, 30, 1), VERDICT_NEW);
	assert_int_equal(judge(fixture, op), VERDICT_MAILBOX_FULL);
	bound(fixture, 10, MAILBOX_BYTES_MAX, MAILBOX_HELD_BYTES_MAX); // now there is room
	struct storage_op copy = op;
	copy.session++;
	copy.call = 99;
	assert_int_equal(judge(fixture, copy), VERDICT_MAILBOX_FULL); // of another session that had begun
	assert_int_equal(judge(fixture, op), VERDICT_MAILBOX_FULL);   // its own batch repeated
	copy.submit.sender_id++;
	assert_int_equal(judge(fixture, copy), VERDICT_NEW); // another sender's id
	copy.submit.sender_id--;
	fixture->now = LATER(fixture->now, 1);
	struct storage_op later = copy;
	later.session_began_at = fixture->now;
	fixture->now = LATER(fixture->now, 178);
	assert_int_equal(judge(fixture, copy), VERDICT_MAILBOX_FULL);
	assert_int_equal(judge(fixture, later), VERDICT_NEW);
	assert_int_equal(judge(fixture, copy), VERDICT_REPEAT); // what is held counts for more
	assert_int_equal(judge(fixture, op), VERDICT_REPEAT);
}

static void test_refusal_is_forgotten(void **state)
{
	struct fixture *fixture = *state;
	struct storage_op op = accept_op(fixture, 0);
	struct storage_op again = op;
	again.call++;
	again.submit.recipient_id = FRED;
	assert_int_equal(judge(fixture, op), VERDICT_NO_SUCH_USER);
	assert_int_equal(judge(fixture, again), VERDICT_NEW); // another call of the same session
	op.submit.id.bytes[15] = 1;
	again = op;
	again.session++;
	again.submit.recipient_id = FRED;
	assert_int_equal(judge(fixture, op), VERDICT_NO_SUCH_USER);
	fixture->now = LATER(fixture->now, 179);
	assert_int_equal(judge(fixture, again), VERDICT_NO_SUCH_USER);
	fixture->now = LATER(fixture->now, 1);
	assert_int_equal(judge(fixture, again), VERDICT_NEW);

	// The oldest is forgotten when its sender has too many.
	enum { PART_MAX = STORAGE_REFUSALS_MAX / STORAGE_REFUSAL_PARTS };
	op.submit.id.bytes[15] = 2;
	again.submit.id.bytes[15] = 2;
	assert_int_equal(judge(fixture, op), VERDICT_NO_SUCH_USER);
	for (uint32_t i = 1; i < PART_MAX; i++) {
		memcpy(op.submit.id.bytes, &i, sizeof i);
		op.submit.id.bytes[15] = 3;
		server_refusal_add(&fixture->store->refusals, &op, VERDICT_NO_SUCH_USER, fixture->now);
	}
	assert_int_equal(judge(fixture, again), VERDICT_NO_SUCH_USER);
	op.submit.id.bytes[14] = 1;
	assert_int_equal(judge(fixture, op), VERDICT_NO_SUCH_USER);
	assert_int_equal(judge(fixture, again), VERDICT_NEW);
}

// Who is refused again and again makes few of the refusals of others forgotten, and never more than a part of all.
static void test_refusals_of_others_stay(void **state)
{
	enum { SENDERS = 1000, KEPT_MIN = SENDERS / 2 };
	struct fixture *fixture = *state;
	struct server_refusals *refusals = &fixture->store->refusals;
	struct storage_op op = accept_op(fixture, 0);
	struct storage_op copy = op;
	copy.session++;
	for (int64_t sender = 1; sender <= SENDERS; sender++) {
		op.submit.sender_id = sender;
		server_refusal_add(refusals, &op, VERDICT_MAILBOX_FULL, fixture->now);
	}
	op.submit.sender_id = SENDERS + 1;
	for (uint32_t i = 1; i <= 2 * STORAGE_REFUSALS_MAX; i++) {
		memcpy(op.submit.id.bytes, &i, sizeof i);
		server_refusal_add(refusals, &op, VERDICT_NO_SUCH_USER, fixture->now);
	}
	uint32_t kept = 0;
	for (int64_t sender = 1; sender <= SENDERS; sender++) {
		copy.submit.sender_id = sender;
		kept += server_refusal_find(refusals, &copy, fixture->now) != NULL;
	}
	assert_in_range(kept, KEPT_MIN, SENDERS);
}

// --- ids ---

static void bound_ids(struct fixture *fixture, uint64_t ids)
{
	struct server_store_bounds bounds = server_store_bounds_default();
	bounds.sender_ids_max = ids;
	server_store_bound(fixture->store, &bounds);
	fixture->store->tally_ids_max = 1; // exact
}

// Case N9: the ids of one sender who never stops.
static void test_ids_of_a_sender_are_bounded(void **state)
{
	struct fixture *fixture = *state;
	enum { IDS = 50, ROWS = 425 };
	const struct storage_device device = enroll(fixture, FRED, 1);
	bound_ids(fixture, IDS);
	for (uint64_t row = 1; row <= ROWS; row++) {
		take(fixture, &device, accept_rows(fixture, FRED, 1));
		if (row % 10 == 0)
			housekeep_all(fixture, 7);
		assert_true(count(fixture, "SELECT count(*) FROM accepted") < 2 * IDS + 10);
		assert_true(row <= IDS || is_id_held(fixture, row - IDS + 1)); // the newest stay
	}
	housekeep_all(fixture, 7);
	assert_int_equal(count(fixture, "SELECT min(row) FROM accepted"), count(fixture, "SELECT max(row) - 74 FROM accepted"));

	// A process that begins anew goes on with it.
	accept_rows(fixture, FRED, IDS / 2);
	reopen_store(fixture);
	bound_ids(fixture, IDS);
	housekeep_all(fixture, 7);
	assert_int_equal(count(fixture, "SELECT count(*) FROM accepted"), IDS);
	take(fixture, &device, ROWS + IDS / 2);
	for (int day = 1; day < 3; day++) {
		fixture->now = DAYS(day);
		housekeep_all(fixture, 7);
	}
	assert_int_equal(count(fixture, "SELECT count(*) FROM accepted"), 0);
}

// An old id whose message waits stays, until it waits no more. Others keep theirs.
static void test_ids_of_waiting_messages_stay(void **state)
{
	struct fixture *fixture = *state;
	enum { WAITING = 30, IDS = 10, OTHERS = 20 };
	static struct storage_op ops[OTHERS];
	const struct storage_device device = enroll(fixture, FRED, 1);
	bound_ids(fixture, IDS);
	for (size_t i = 0; i < OTHERS; i++) {
		ops[i] = accept_op(fixture, FRED);
		ops[i].submit.sender_id = SENDER + (int64_t)(1 + i % 2) * SERVER_TALLIES; // two at the same place in memory
		ops[i].submit.text_bytes = 1;
	}
	must_keep(fixture, ops, OTHERS, "x");
	accept_rows(fixture, JIMMY, WAITING);
	take(fixture, &device, accept_rows(fixture, FRED, 3 * IDS));
	housekeep_all(fixture, 4);
	assert_int_equal(count(fixture, "SELECT count(*) FROM accepted WHERE sender_id = 9 AND row > 50"), IDS);
	assert_int_equal(count(fixture, "SELECT count(*) FROM accepted WHERE sender_id = 9 AND row <= 50"), WAITING);
	assert_int_equal(count(fixture, "SELECT count(*) FROM accepted WHERE sender_id > 9"), OTHERS);
	const struct storage_device jimmy = enroll(fixture, JIMMY, 2);
	take(fixture, &jimmy, OTHERS + WAITING - 3);
	take(fixture, &device, accept_rows(fixture, FRED, IDS)); // another generation
	housekeep_all(fixture, 4);
	assert_int_equal(count(fixture, "SELECT count(*) FROM accepted WHERE sender_id = 9 AND row <= 50"), 3);
	take(fixture, &jimmy, OTHERS + WAITING);
	take(fixture, &device, accept_rows(fixture, FRED, IDS));
	housekeep_all(fixture, 4);
	assert_int_equal(count(fixture, "SELECT count(*) FROM accepted WHERE sender_id = 9 AND row <= 50"), 0);
	assert_int_equal(count(fixture, "SELECT sum(old_row) FROM sender"), 0); // nothing is left to look at
}

// A generation that ends while a round over the ids is under way: what the round has passed goes with the next one.
static void test_round_ends_without_who_came_meanwhile(void **state)
{
	struct fixture *fixture = *state;
	enum { IDS = 10, PASSED = 15 };
	bool has_more;
	const struct storage_device device = enroll(fixture, FRED, 1);
	bound_ids(fixture, IDS);
	take(fixture, &device, accept_rows(fixture, FRED, 2 * IDS));
	assert_int_equal(server_store_housekeep(fixture->store, fixture->now, 1 + PASSED, &has_more), MMS_OK); // marks one sender
	assert_true(has_more);
	assert_int_equal(count(fixture, "SELECT min(row) FROM accepted"), IDS + 1);
	take(fixture, &device, accept_rows(fixture, FRED, IDS));
	housekeep_all(fixture, 1000);
	assert_int_equal(count(fixture, "SELECT count(*) FROM accepted WHERE row <= 20"), PASSED - IDS);
	housekeep_all(fixture, 1000);
	assert_int_equal(count(fixture, "SELECT min(row) FROM accepted"), 2 * IDS + 1);
	assert_int_equal(count(fixture, "SELECT sum(old_row + round) FROM sender"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_mailbox_has_one_bound, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_no_device_has_is_never_dropped, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_few_rows_go_for_one, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_only_who_lacks_a_row_gets_the_gap, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_all_have_counts_no_more, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_sender_has_half, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_sender_has_half_of_the_bytes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_moves_make_room, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_repeat_needs_no_room, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_the_heaviest_sender_loses_first, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_the_last_row_is_not_the_newest, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_shares_are_exact, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refusal_is_remembered, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refusal_is_forgotten, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refusals_of_others_stay, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_ids_of_a_sender_are_bounded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_ids_of_waiting_messages_stay, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_round_ends_without_who_came_meanwhile, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
