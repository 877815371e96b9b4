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
	list_and_revoke(fixture, 0);
	memset(text, 't', sizeof text);
	const struct storage_device ahead = enroll(fixture, FRED, 1);
	enroll(fixture, FRED, 2);
	for (int left = rows; left > 0; left -= BATCH) {
		const size_t count = left < BATCH ? (size_t)left : BATCH;
		for (size_t i = 0; i < count; i++)
			ops[i] = accept_op(fixture, FRED);
		assert_int_equal(append(fixture, ops, count, text), MMS_OK);
	}
	take(fixture, &ahead, fixture->commit_next - 1);
}

struct costs {
	uint64_t refusal;
	uint64_t acceptance;
	uint64_t shedding; // an acceptance of a mailbox at its bound
	uint64_t signin;
	uint64_t revocation;
	uint64_t housekeeping;
};

static struct costs measure(int rows)
{
	struct costs costs = {0};
	void *state = NULL;
	uint64_t held;
	uint64_t bytes;
	bool has_more = false;
	set_up(&state);
	struct fixture *fixture = state;
	fill(fixture, rows);
	steps(fixture);
	assert_int_equal(fixture->storage.mailbox_usage(fixture->store, FRED, &held, &bytes), MMS_OK);
	assert_int_equal(held, 0);
	costs.refusal = steps(fixture);
	accept_one(fixture, FRED);
	costs.acceptance = steps(fixture);
	server_store_bound_mailboxes(fixture->store, 1);
	accept_one(fixture, FRED);
	costs.shedding = steps(fixture);
	server_store_bound_mailboxes(fixture->store, MAILBOX_HELD_BYTES_MAX);
	const struct storage_device behind = device_of(fixture, 2);
	assert_int_equal(fixture->storage.mailbox_waiting(fixture->store, &behind, behind.cursor, &held), MMS_OK);
	assert_int_equal(held, rows + 2 - MAILBOX_SHED_ROWS_MAX);
	costs.signin = steps(fixture);
	list_and_revoke(fixture, 2);
	costs.revocation = steps(fixture);
	const struct storage_device ahead = device_of(fixture, 1);
	assert_int_equal(fixture->storage.mailbox_waiting(fixture->store, &ahead, ahead.cursor, &held), MMS_OK);
	assert_int_equal(held, 2);
	const struct storage_device next = enroll(fixture, FRED, 3); // begins behind what is being removed
	assert_int_equal(fixture->storage.mailbox_waiting(fixture->store, &next, next.cursor, &held), MMS_OK);
	assert_int_equal(held, 2);
	steps(fixture);
	assert_int_equal(server_store_housekeep(fixture->store, fixture->now, SLICE, &has_more), MMS_OK);
	costs.housekeeping = steps(fixture);
	for (has_more = true; has_more;)
		assert_int_equal(server_store_housekeep(fixture->store, fixture->now, 1000, &has_more), MMS_OK);
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
	expect_alike(few.revocation, many.revocation, "a revocation");
	expect_alike(few.housekeeping, many.housekeeping, "a slice of housekeeping");
	assert_true(many.refusal < many.acceptance / 2);
}

static int64_t pages(struct fixture *fixture)
{
	sqlite3_stmt *statement;
	assert_int_equal(sqlite3_prepare_v2(fixture->store->sql.db, "PRAGMA page_count", -1, &statement, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	const int64_t count = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return count;
}

// The file becomes small again when mail and ids have gone, a slice at a time.
static void test_file_shrinks(void **state)
{
	struct fixture *fixture = *state;
	enum { SLICE_PAGES = 300 };
	bool has_more = true;
	fill(fixture, MANY);
	const int64_t most = pages(fixture);
	int64_t before = most;
	list_and_revoke(fixture, 2);
	fixture->now = DAYS(2);
	for (int calls = 0; has_more || calls < 100; calls++) {
		assert_int_equal(server_store_housekeep(fixture->store, fixture->now, 1000, &has_more), MMS_OK);
		assert_true(pages(fixture) >= before - SLICE_PAGES);
		before = pages(fixture);
	}
	assert_int_equal(rows_held(fixture, FRED), 0);
	assert_true(before < most / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_costs_do_not_grow),
		cmocka_unit_test_setup_teardown(test_file_shrinks, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
