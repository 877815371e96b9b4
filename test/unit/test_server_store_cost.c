// SPDX-License-Identifier: ISC
// store/server_store: no step of the server's loop costs more for what is stored. Counted in steps of SQLite's machine.
#include "server_store_fixture.h"

enum { FEW = 200, MANY = 20000, SLICE = 100 };

// Steps since the last call.
static uint64_t steps(struct fixture *fixture)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < SERVER_STATEMENT_COUNT; i++)
		sum += (uint64_t)sqlite3_stmt_status(fixture->store->statement[i], SQLITE_STMTSTATUS_VM_STEP, 1);
	return sum;
}

// A mailbox of fred's with so many rows; device 1 has them all, device 2 none.
static void fill(struct fixture *fixture, int rows)
{
	enum { BATCH = 1000 };
	static struct storage_op ops[BATCH];
	static char text[TEXT_BYTES_MAX];
	memset(text, 't', sizeof text);
	const struct storage_device ahead = enroll(fixture, FRED, 1);
	enroll(fixture, FRED, 2);
	for (int left = rows; left > 0; left -= BATCH) {
		const size_t count = left < BATCH ? (size_t)left : BATCH;
		for (size_t i = 0; i < count; i++)
			ops[i] = accept_op(fixture, FRED);
		must_keep(fixture, ops, count, text);
		take(fixture, &ahead, fixture->row_next - 1);
	}
}

// The store has no mailbox in memory, so that it has to look, and steps count from here.
static void forget(struct fixture *fixture)
{
	server_store_forget(fixture->store);
	steps(fixture);
}

struct costs {
	uint64_t refusal;
	uint64_t acceptance;
	uint64_t shedding; // an acceptance of a mailbox at its bound
	uint64_t signin;
	uint64_t page;
	uint64_t revocation;
	uint64_t housekeeping;
};

static struct costs measure(int rows)
{
	struct costs costs = {0};
	void *state = NULL;
	bool has_more = false;
	set_up(&state);
	struct fixture *fixture = state;
	const uint64_t held_bytes = (uint64_t)rows * 2000; // so that it counts by sender, with few rows too
	bound_held(fixture, held_bytes);
	fill(fixture, rows);
	forget(fixture);
	bound(fixture, 1, MAILBOX_BYTES_MAX, MAILBOX_HELD_BYTES_MAX);
	accept_one(fixture, JIMMY);
	forget(fixture);
	struct storage_op refused = accept_op(fixture, JIMMY);
	refused.submit.id.bytes[ID_BYTES - 1] = 1;
	fixture->row_next--;
	assert_int_equal(judge(fixture, refused), VERDICT_MAILBOX_FULL);
	costs.refusal = steps(fixture);
	bound_held(fixture, held_bytes);
	forget(fixture);
	accept_one(fixture, FRED);
	costs.acceptance = steps(fixture);
	bound_held(fixture, 1);
	accept_one(fixture, FRED);
	costs.shedding = steps(fixture);
	bound_held(fixture, held_bytes);
	forget(fixture);
	assert_int_equal(waiting(fixture, 2), rows + 2 - MAILBOX_SHED_ROWS_MAX);
	costs.signin = steps(fixture);
	read_page(fixture, FRED, (uint64_t)rows / 2, STORAGE_PAGE_ROWS_MAX);
	costs.page = steps(fixture);
	list_and_revoke(fixture, 2);
	costs.revocation = steps(fixture);
	assert_int_equal(waiting(fixture, 1), 2);
	enroll(fixture, FRED, 3); // begins behind what is being removed
	assert_int_equal(waiting(fixture, 3), 2);
	steps(fixture);
	assert_int_equal(server_store_housekeep(fixture->store, fixture->now, SLICE, &has_more), MMS_OK);
	costs.housekeeping = steps(fixture);
	housekeep_all(fixture, 1000);
	assert_int_equal(rows_held(fixture, FRED), 2);
	tear_down(&state);
	return costs;
}

static void expect_alike(uint64_t few, uint64_t many, const char *what)
{
	if (many > few + few / 4 + 20)
		fail_msg("%s: %llu steps with many rows, %llu with few", what, (unsigned long long)many,
			 (unsigned long long)few);
}

static void test_costs_do_not_grow(void **state)
{
	(void)state;
	const struct costs few = measure(3 * FEW);
	const struct costs many = measure(MANY);
	expect_alike(few.refusal, many.refusal, "a refusal");
	expect_alike(few.acceptance, many.acceptance, "an acceptance");
	expect_alike(few.shedding, many.shedding, "an acceptance of a mailbox at its bound");
	expect_alike(few.signin, many.signin, "a sign-in");
	expect_alike(few.page, many.page, "a page");
	expect_alike(few.revocation, many.revocation, "a revocation");
	expect_alike(few.housekeeping, many.housekeeping, "a slice of housekeeping");
	assert_true(many.refusal < many.acceptance / 2);
}

// What the work is in the common case, so that a statement more does not come in unseen: a message, its recipient's mailbox, and
// the counter once a batch.
static void test_statements_of_a_message(void **state)
{
	enum { OPS = 100 };
	static const enum server_statement each[] = {ACCEPTED_PUT, BODY_PUT, REF_PUT};
	static const enum server_statement once[] = {MAILBOX_SET, COUNTER_SET, SENDER_COUNT};
	static struct storage_op ops[OPS];
	static char text[TEXT_BYTES_MAX];
	struct fixture *fixture = *state;
	const struct storage_device device = enroll(fixture, FRED, 1);
	accept_one(fixture, FRED);
	for (size_t i = 0; i < OPS; i++)
		ops[i] = accept_op(fixture, FRED);
	const struct storage_move move = {.user_id = FRED, .device_id = device.device_id, .row = 1};
	for (size_t i = 0; i < SERVER_STATEMENT_COUNT; i++)
		sqlite3_stmt_status(fixture->store->statement[i], SQLITE_STMTSTATUS_RUN, 1);
	assert_int_equal(append_moves(fixture, &move, 1, ops, OPS, text), MMS_OK);
	int expected = 4; // of the move: devices read, one written, body and ref removed
	int runs = 0;
	for (size_t i = 0; i < SERVER_STATEMENT_COUNT; i++)
		runs += sqlite3_stmt_status(fixture->store->statement[i], SQLITE_STMTSTATUS_RUN, 0);
	for (size_t i = 0; i < 3; i++, expected += OPS + 1) {
		assert_int_equal(sqlite3_stmt_status(fixture->store->statement[each[i]], SQLITE_STMTSTATUS_RUN, 0), OPS);
		assert_int_equal(sqlite3_stmt_status(fixture->store->statement[once[i]], SQLITE_STMTSTATUS_RUN, 0), 1);
	}
	assert_int_equal(runs, expected);
}

static void accept_of_two(struct fixture *fixture)
{
	static struct storage_op ops[OPS_MAX / 2];
	for (size_t i = 0; i < OPS_MAX / 2; i++) {
		ops[i] = accept_op(fixture, i % 2 == 0 ? FRED : JIMMY);
		ops[i].submit.text_bytes = 1;
	}
	must_keep(fixture, ops, OPS_MAX / 2, "x");
}

// Bodies that came together go together, whosever they are; and of more than there is room for, all.
static void test_bodies_go_in_runs(void **state)
{
	struct fixture *fixture = *state;
	struct storage_move moves[] = {{.user_id = FRED}, {.user_id = JIMMY}};
	moves[0].device_id = enroll(fixture, FRED, 1).device_id;
	moves[1].device_id = enroll(fixture, JIMMY, 2).device_id;
	accept_of_two(fixture);
	moves[0].row = moves[1].row = fixture->row_next - 1;
	assert_int_equal(append_moves(fixture, moves, 2, NULL, 0, NULL), MMS_OK);
	assert_int_equal(count(fixture, "SELECT count(*) FROM body"), 0);
	assert_int_equal(sqlite3_stmt_status(fixture->store->statement[BODIES_REMOVE], SQLITE_STMTSTATUS_RUN, 0), 1);
	assert_int_equal(sqlite3_stmt_status(fixture->store->statement[BODY_REMOVE], SQLITE_STMTSTATUS_RUN, 0), 0);

	for (int i = 0; i <= 2 * SERVER_GONE_MAX / OPS_MAX; i++)
		accept_of_two(fixture);
	moves[0].row = moves[1].row = fixture->row_next - 2;
	assert_int_equal(append_moves(fixture, moves, 2, NULL, 0, NULL), MMS_OK);
	assert_int_equal(count(fixture, "SELECT count(*) FROM body JOIN ref ON row = body_no"), 1);
	assert_int_equal(count(fixture, "SELECT count(*) FROM body"), 1);
}

// Ids are held in the order of time: what many senders had accepted together is in few pages. By sender it would be one for each.
static void test_pages_of_many_senders(void **state)
{
	enum { SENDERS = 400, BATCHES = 30, PAGES_MAX = SENDERS / 5 };
	static struct storage_op ops[SENDERS];
	struct fixture *fixture = *state;
	const struct storage_device device = enroll(fixture, FRED, 1);
	int pages = 0;
	for (uint8_t batch = 1; batch <= BATCHES; batch++) {
		for (size_t i = 0; i < SENDERS; i++) {
			ops[i] = accept_op(fixture, FRED);
			ops[i].submit.sender_id = SENDER + 1 + (int64_t)i;
			ops[i].submit.text_bytes = 1;
			memmove(ops[i].submit.id.bytes + 1, ops[i].submit.id.bytes, ID_BYTES - 1);
			ops[i].submit.id.bytes[0] = batch; // ids of one time are in no order
		}
		const int before = fixture->store->sql.wal_pages;
		must_keep(fixture, ops, SENDERS, "x");
		pages = fixture->store->sql.wal_pages - before;
		take(fixture, &device, fixture->row_next - 1);
		assert_int_equal(sql_checkpoint(&fixture->store->sql), MMS_OK);
	}
	assert_in_range(pages, 1, PAGES_MAX);
}

// The file becomes small again when mail and ids have gone, a slice at a time.
static void test_file_shrinks(void **state)
{
	struct fixture *fixture = *state;
	enum { SLICE_PAGES = 300 };
	bool has_more = true;
	fill(fixture, MANY);
	const int64_t most = count(fixture, "PRAGMA page_count");
	int64_t before = most;
	list_and_revoke(fixture, 2);
	for (int calls = 0; has_more || calls < 100; calls++) {
		fixture->now = DAYS(calls < 50 ? 2 : 4); // of two generations of ids
		assert_int_equal(server_store_housekeep(fixture->store, fixture->now, 1000, &has_more), MMS_OK);
		assert_true(count(fixture, "PRAGMA page_count") >= before - SLICE_PAGES);
		before = count(fixture, "PRAGMA page_count");
	}
	assert_int_equal(rows_held(fixture, FRED), 0);
	assert_true(before < most / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_costs_do_not_grow),
		cmocka_unit_test_setup_teardown(test_statements_of_a_message, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bodies_go_in_runs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_pages_of_many_senders, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_file_shrinks, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
