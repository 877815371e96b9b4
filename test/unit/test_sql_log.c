// SPDX-License-Identifier: ISC
// store/sql_log: a commit's pages reach the log by one write, and before anybody is told.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "scratch.h"
#include "store/sql.h"

static const struct sql_kind kind = {"test database", "another place", 0x54455354, 1, {"CREATE TABLE thing(n INTEGER, b BLOB) STRICT"},
				     200, 2048, SQLITE_CHECKPOINT_PASSIVE, false};

struct fixture {
	struct scratch scratch;
	char path[PATH_MAX];
	struct sql sql;
};

static unsigned writes;
static size_t written_bytes;

static ssize_t count_pwrite(int fd, const void *data, size_t bytes, off_t offset)
{
	writes++;
	written_bytes += bytes;
	return pwrite(fd, data, bytes, offset);
}

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);
	sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
	scratch_open(&fixture->scratch);
	snprintf(fixture->path, sizeof fixture->path, "%.4000s/db", fixture->scratch.directory);
	assert_int_equal(sql_open(&fixture->sql, fixture->path, &kind, SQL_READ_WRITE), MMS_OK);
	// SQLite is built to call the one or the other.
	assert_int_equal(vfs->xSetSystemCall(vfs, "pwrite", (sqlite3_syscall_ptr)count_pwrite), SQLITE_OK);
	assert_int_equal(vfs->xSetSystemCall(vfs, "pwrite64", (sqlite3_syscall_ptr)count_pwrite), SQLITE_OK);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
	sql_close(&fixture->sql);
	assert_int_equal(vfs->xSetSystemCall(vfs, NULL, NULL), SQLITE_OK);
	scratch_close(&fixture->scratch);
	free(fixture);
	return 0;
}

// Commits one row that takes at least so many pages.
static void commit_pages(struct fixture *fixture, int pages)
{
	char text[128];
	snprintf(text, sizeof text, "INSERT INTO thing VALUES (1, zeroblob(%d))", pages * SQL_PAGE_BYTES);
	assert_int_equal(sql_begin(&fixture->sql), MMS_OK);
	assert_int_equal(sql_exec(&fixture->sql, text), MMS_OK);
	writes = 0;
	written_bytes = 0;
	assert_int_equal(sql_commit(&fixture->sql), MMS_OK);
}

// Another connection, over SQLite's own files.
static int64_t rows_seen_by_another(const struct fixture *fixture)
{
	struct sql other;
	sqlite3_stmt *statement;
	assert_int_equal(sql_open(&other, fixture->path, &kind, SQL_READ_ONLY), MMS_OK);
	assert_int_equal(sqlite3_prepare_v2(other.db, "SELECT count(*) FROM thing WHERE length(b) > 0", -1, &statement, NULL),
			 SQLITE_OK);
	assert_int_equal(sql_row(&other, statement), MMS_OK);
	const int64_t rows = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	sql_close(&other);
	return rows;
}

static void test_a_commit_is_one_write(void **state)
{
	struct fixture *fixture = *state;
	commit_pages(fixture, 1); // begins the log: its header is synced by itself
	for (int pages = 1; pages <= 16; pages++) {
		commit_pages(fixture, pages);
		assert_int_equal(writes, 1);
		assert_true(written_bytes >= (size_t)pages * SQL_PAGE_BYTES);
	}
}

static void test_a_large_commit_is_few_writes(void **state)
{
	struct fixture *fixture = *state;
	commit_pages(fixture, 1);
	commit_pages(fixture, 400);
	assert_true(written_bytes >= (size_t)400 * SQL_PAGE_BYTES);
	assert_true(writes <= written_bytes / ((size_t)64 * 1024) + 1);
	assert_int_equal(rows_seen_by_another(fixture), 2);
}

static void test_another_process_sees_each_commit(void **state)
{
	struct fixture *fixture = *state;
	for (int64_t row = 1; row <= 20; row++) {
		commit_pages(fixture, (int)row);
		assert_int_equal(rows_seen_by_another(fixture), row);
	}
}

// What was written before it was given up is not in the way of what is written in its place.
static void test_after_a_rollback(void **state)
{
	struct fixture *fixture = *state;
	commit_pages(fixture, 1);
	assert_int_equal(sql_exec(&fixture->sql, "PRAGMA cache_size = 10"), MMS_OK); // so that it writes before the end
	for (int i = 0; i < 5; i++) {
		assert_int_equal(sql_begin(&fixture->sql), MMS_OK);
		assert_int_equal(sql_exec(&fixture->sql, "INSERT INTO thing VALUES (2, zeroblob(300000))"), MMS_OK);
		assert_int_equal(sql_rollback(&fixture->sql), MMS_OK);
		commit_pages(fixture, 3);
		assert_int_equal(rows_seen_by_another(fixture), 2 + i);
	}
	assert_int_equal(sql_check(&fixture->sql), MMS_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_commit_is_one_write, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_large_commit_is_few_writes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_another_process_sees_each_commit, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_after_a_rollback, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
