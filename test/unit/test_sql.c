// SPDX-License-Identifier: ISC
// store/sql: whose file it is, its schema, the durability in force, and damage that is noticed.
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "scratch.h"
#include "store/sql.h"

static const char script[] = "CREATE TABLE thing(n INTEGER) STRICT; INSERT INTO thing VALUES (7)";
static const char broken_script[] = "CREATE TABLE thing(n INTEGER) STRICT; CREATE TABLE thing(n INTEGER)";

static const struct sql_kind version_1 = {"test database", "another place", 0x54455354, 1, {script},
					  200, 2048, SQLITE_CHECKPOINT_PASSIVE, false};
static const struct sql_kind version_2 = {"test database", "another place", 0x54455354, 2, {script},
					  200, 2048, SQLITE_CHECKPOINT_PASSIVE, false};
static const struct sql_kind broken = {"test database", "another place", 0x54455354, 1, {broken_script},
				       200, 2048, SQLITE_CHECKPOINT_PASSIVE, false};
static const struct sql_kind shared = {"test database", "another place", 0x54455354, 1, {script},
				       200, 2048, SQLITE_CHECKPOINT_TRUNCATE, true};
static const struct sql_kind foreign = {"other database", "another place", 0x41424344, 1, {script},
					200, 2048, SQLITE_CHECKPOINT_PASSIVE, false};

struct fixture {
	struct scratch scratch;
	char path[PATH_MAX];
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);
	scratch_open(&fixture->scratch);
	snprintf(fixture->path, sizeof fixture->path, "%.4000s/db", fixture->scratch.directory);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	scratch_close(&fixture->scratch);
	free(fixture);
	return 0;
}

static int64_t number(struct sql *sql, const char *text)
{
	sqlite3_stmt *statement;
	assert_int_equal(sqlite3_prepare_v2(sql->db, text, -1, &statement, NULL), SQLITE_OK);
	assert_int_equal(sql_row(sql, statement), MMS_OK);
	const int64_t value = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return value;
}

static void must_open(struct sql *sql, const struct fixture *fixture, const struct sql_kind *kind)
{
	const enum mms_err err = sql_open(sql, fixture->path, kind, SQL_READ_WRITE);
	if (err != MMS_OK)
		fail_msg("error %d: %s", err, sql->reason.text);
}

static void make(const struct fixture *fixture, const struct sql_kind *kind)
{
	struct sql sql;
	must_open(&sql, fixture, kind);
	sql_close(&sql);
}

// The reason must be one line that names the file and what to do.
static void refuse(const struct fixture *fixture, const struct sql_kind *kind, enum mms_err expected, const char *words)
{
	struct sql sql;
	assert_int_equal(sql_open(&sql, fixture->path, kind, SQL_READ_WRITE), expected);
	assert_null(sql.db);
	assert_non_null(strstr(sql.reason.text, fixture->path));
	if (strstr(sql.reason.text, words) == NULL)
		fail_msg("no \"%s\" in: %s", words, sql.reason.text);
	assert_null(strchr(sql.reason.text, '\n'));
}

static void test_new_file_is_private_and_durable(void **state)
{
	const struct fixture *fixture = *state;
	struct sql sql;
	struct stat status;
	const mode_t mask = umask(0);
	must_open(&sql, fixture, &version_1);
	umask(mask);
	assert_int_equal(stat(fixture->path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_int_equal(number(&sql, "PRAGMA synchronous"), 2);
	assert_int_equal(number(&sql, "SELECT journal_mode = 'wal' FROM pragma_journal_mode"), 1);
	assert_int_equal(number(&sql, "PRAGMA application_id"), 0x54455354);
	assert_int_equal(number(&sql, "PRAGMA user_version"), 1);
	sql_close(&sql);
}

static void test_failed_schema_leaves_an_empty_file(void **state)
{
	const struct fixture *fixture = *state;
	struct sql sql;
	refuse(fixture, &broken, MMS_E_IO, "already exists");
	must_open(&sql, fixture, &version_1);
	assert_int_equal(number(&sql, "SELECT n FROM thing"), 7);
	assert_int_equal(number(&sql, "PRAGMA user_version"), 1);
	sql_close(&sql);
}

static void test_newer_version_is_refused(void **state)
{
	make(*state, &version_2);
	refuse(*state, &version_1, MMS_E_VERSION, "newer version of MMS");
	refuse(*state, &version_1, MMS_E_VERSION, "another place");
}

static void test_older_version_is_refused(void **state)
{
	make(*state, &version_1);
	refuse(*state, &version_2, MMS_E_VERSION, "older version of MMS");
	refuse(*state, &version_2, MMS_E_VERSION, "another place");
}

static void test_other_databases_are_refused(void **state)
{
	const struct fixture *fixture = *state;
	sqlite3 *db;
	make(fixture, &foreign);
	refuse(fixture, &version_1, MMS_E_FORMAT, "not a test database");
	assert_int_equal(unlink(fixture->path), 0);
	assert_int_equal(sqlite3_open(fixture->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "CREATE TABLE mine(a)", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	refuse(fixture, &version_1, MMS_E_FORMAT, "not a test database");
	assert_int_equal(sqlite3_open(fixture->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "INSERT INTO mine VALUES (1)", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void write_at(const struct fixture *fixture, int flags, off_t offset, const void *data, size_t bytes)
{
	const int fd = open(fixture->path, O_WRONLY | flags, 0600);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, data, bytes, offset), bytes);
	close(fd);
}

static void test_not_a_database(void **state)
{
	char text[2000];
	memset(text, 'x', sizeof text);
	write_at(*state, O_CREAT, 0, text, sizeof text);
	refuse(*state, &version_1, MMS_E_FORMAT, "move it away");
}

// Makes a database of many pages.
static void fill(const struct fixture *fixture, const struct sql_kind *kind)
{
	struct sql sql;
	must_open(&sql, fixture, kind);
	assert_int_equal(sql_exec(&sql, "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n LIMIT 50000)"
					" INSERT INTO thing SELECT i FROM n"),
			 MMS_OK);
	sql_close(&sql);
}

// A process that has written and then dies, with its log left behind; unless `gate` is NULL, not before the parent closes
// its end of that pipe.
static pid_t die_with_a_log(const struct fixture *fixture, const struct sql_kind *kind, const int *gate)
{
	const pid_t pid = fork();
	struct sql sql;
	char byte;
	if (pid != 0)
		return pid;
	if (gate != NULL)
		close(gate[1]);
	if (sql_open(&sql, fixture->path, kind, SQL_READ_WRITE) != MMS_OK ||
	    sql_exec(&sql, "INSERT INTO thing VALUES (9)") != MMS_OK)
		_exit(1);
	_exit(gate == NULL || read(gate[0], &byte, 1) == 0 ? 0 : 2);
}

static void must_end(pid_t pid)
{
	int status = -1;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static int pages_read(struct sql *sql)
{
	int now = 0;
	int most = 0;
	assert_int_equal(sqlite3_db_status(sql->db, SQLITE_DBSTATUS_CACHE_MISS, &now, &most, 0), SQLITE_OK);
	return now;
}

static void damage(const struct fixture *fixture)
{
	char junk[100];
	memset(junk, 0xa5, sizeof junk);
	write_at(fixture, 0, 5 * SQL_PAGE_BYTES, junk, sizeof junk);
}

static void test_damaged_page(void **state)
{
	const struct fixture *fixture = *state;
	struct sql sql;
	fill(fixture, &version_1);
	damage(fixture);
	must_open(&sql, fixture, &version_1); // what was ended in order costs no reading of it all
	assert_int_equal(sql_check(&sql), MMS_E_FORMAT);
	assert_non_null(strstr(sql.reason.text, "changed or damaged"));
	sql_close(&sql);
	must_end(die_with_a_log(fixture, &version_1, NULL));
	must_open(&sql, fixture, &version_1); // nor does an end that was not in order; damage is noticed where it is read
	sqlite3_stmt *all = NULL;
	const char *const text = "SELECT sum(n) FROM thing";
	assert_int_equal(sql_prepare(&sql, &text, 1, &all), MMS_OK);
	assert_int_equal(sql_row(&sql, all), MMS_E_FORMAT);
	assert_non_null(strstr(sql.reason.text, "changed or damaged"));
	sql_finalize(&all, 1);
	sql_close(&sql);
}

// A database costs as much to open whatever is in it, also after an end that was not in order.
static void test_cost_of_opening(void **state)
{
	enum { FEW = 20 };
	const struct fixture *fixture = *state;
	struct sql sql;
	int gate[2];
	fill(fixture, &shared);
	must_open(&sql, fixture, &shared);
	assert_in_range(pages_read(&sql), 1, FEW);
	assert_true(number(&sql, "PRAGMA page_count") > 5 * FEW);
	sql_close(&sql);

	must_end(die_with_a_log(fixture, &shared, NULL));
	must_open(&sql, fixture, &shared);
	assert_in_range(pages_read(&sql), 1, FEW);
	sql_close(&sql);

	// Its log is no sign of an unclean end while another process has it open.
	assert_int_equal(pipe(gate), 0);
	const pid_t pid = die_with_a_log(fixture, &shared, gate);
	char log_path[PATH_MAX + 8];
	struct stat status = {.st_size = 0};
	snprintf(log_path, sizeof log_path, "%s-wal", fixture->path);
	while (stat(log_path, &status) != 0 || status.st_size == 0)
		usleep(1000);
	must_open(&sql, fixture, &shared);
	assert_in_range(pages_read(&sql), 1, FEW);
	sql_close(&sql);
	close(gate[1]);
	must_end(pid);
	close(gate[0]);
	must_open(&sql, fixture, &shared);
	assert_in_range(pages_read(&sql), 1, FEW);
	sql_close(&sql);
}

// A file that had a database and is empty is not taken for a new one.
static void test_emptied_file_is_refused(void **state)
{
	const struct fixture *fixture = *state;
	write_at(fixture, O_CREAT, 0, "", 0); // as a crash while it is made leaves it
	make(fixture, &shared);
	assert_int_equal(truncate(fixture->path, 0), 0);
	refuse(fixture, &shared, MMS_E_FORMAT, "is empty");
}

static void remove_database(const struct fixture *fixture, const char *log_path)
{
	(void)log_path;
	assert_int_equal(unlink(fixture->path), 0);
}

static void rename_database(const struct fixture *fixture, const char *log_path)
{
	(void)log_path;
	char other[PATH_MAX + 8];
	snprintf(other, sizeof other, "%s.old", fixture->path);
	assert_int_equal(rename(fixture->path, other), 0);
}

static void replace_database(const struct fixture *fixture, const char *log_path)
{
	(void)log_path;
	rename_database(fixture, log_path);
	write_at(fixture, O_CREAT, 0, "SQLite format 3", 16);
	assert_int_equal(truncate(fixture->path, 4L * SQL_PAGE_BYTES), 0);
}

static void empty_database(const struct fixture *fixture, const char *log_path)
{
	(void)log_path;
	assert_int_equal(truncate(fixture->path, 0), 0);
}

static void remove_log(const struct fixture *fixture, const char *log_path)
{
	(void)fixture;
	assert_int_equal(unlink(log_path), 0);
}

// What is done to the file under a process that has it open is noticed by the next commit, which promises nothing then.
static void test_moved_file_is_noticed(void **state)
{
	static void (*const cases[])(const struct fixture *, const char *) = {
		remove_database, rename_database, replace_database, empty_database, remove_log};
	struct fixture *fixture = *state;
	char log_path[PATH_MAX + 8];
	char folder[PATH_MAX];
	snprintf(folder, sizeof folder, "%s", fixture->path);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct sql sql;
		snprintf(fixture->path, sizeof fixture->path, "%.4000s%zu", folder, i);
		snprintf(log_path, sizeof log_path, "%s-wal", fixture->path);
		must_open(&sql, fixture, &version_1);
		for (int n = 0; n < 3; n++) {
			assert_int_equal(sql_begin(&sql), MMS_OK);
			assert_int_equal(sql_end(&sql, sql_exec(&sql, "INSERT INTO thing VALUES (9)")), MMS_OK);
		}
		cases[i](fixture, log_path);
		assert_int_equal(sql_begin(&sql), MMS_OK);
		const enum mms_err err = sql_end(&sql, sql_exec(&sql, "INSERT INTO thing VALUES (9)"));
		if (err != MMS_E_IO || strstr(sql.reason.text, "while it was in use") == NULL)
			fail_msg("case %zu: error %d: %s", i, err, sql.reason.text);
		sql_close(&sql);
	}
}

static void test_missing_directory(void **state)
{
	struct fixture *fixture = *state;
	strcat(fixture->path, "/none/db");
	refuse(fixture, &version_1, MMS_E_IO, "No such file or directory");
}

static void test_denied(void **state)
{
	const struct fixture *fixture = *state;
	struct sql sql;
	if (geteuid() == 0)
		assert_int_equal(chmod(fixture->scratch.directory, 0755), 0);
	else
		assert_int_equal(chmod(fixture->scratch.directory, 0555), 0);
	scratch_drop_rights();
	const enum mms_err err = sql_open(&sql, fixture->path, &version_1, SQL_READ_WRITE);
	scratch_regain_rights();
	chmod(fixture->scratch.directory, 0700);
	assert_int_equal(err, MMS_E_DENIED);
	assert_non_null(strstr(sql.reason.text, "owner"));
}

static void test_read_only(void **state)
{
	const struct fixture *fixture = *state;
	struct sql writer;
	struct sql reader;
	assert_int_equal(sql_open(&reader, fixture->path, &version_1, SQL_READ_ONLY), MMS_E_MISSING);
	assert_int_equal(access(fixture->path, F_OK), -1);
	must_open(&writer, fixture, &version_1);
	assert_int_equal(sql_exec(&writer, "INSERT INTO thing VALUES (9)"), MMS_OK);
	assert_int_equal(sql_open(&reader, fixture->path, &version_1, SQL_READ_ONLY), MMS_OK);
	assert_int_equal(number(&reader, "SELECT count(*) FROM thing"), 2);
	assert_int_equal(sql_exec(&reader, "INSERT INTO thing VALUES (9)"), MMS_E_DENIED);
	sql_close(&reader);
	sql_close(&writer);
	assert_int_equal(sql_open(&reader, fixture->path, &version_2, SQL_READ_ONLY), MMS_E_VERSION);
	assert_non_null(strstr(reader.reason.text, "older"));
}

static void test_read_only_leaves_the_log(void **state)
{
	const struct fixture *fixture = *state;
	char log_path[PATH_MAX + 8];
	struct stat before;
	struct stat after;
	struct sql sql;
	snprintf(log_path, sizeof log_path, "%s-wal", fixture->path);
	make(fixture, &version_1);
	const pid_t pid = fork();
	if (pid == 0) { // dies with a log that holds a commit
		if (sql_open(&sql, fixture->path, &version_1, SQL_READ_WRITE) != MMS_OK ||
		    sql_exec(&sql, "INSERT INTO thing VALUES (9)") != MMS_OK)
			_exit(1);
		_exit(0);
	}
	int status = -1;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(stat(log_path, &before), 0);
	assert_true(before.st_size > 0);
	assert_int_equal(sql_open(&sql, fixture->path, &version_1, SQL_READ_ONLY), MMS_OK);
	assert_int_equal(number(&sql, "SELECT count(*) FROM thing"), 2);
	sql_close(&sql);
	assert_int_equal(stat(log_path, &after), 0);
	assert_int_equal(after.st_size, before.st_size);

	must_open(&sql, fixture, &version_1); // whereas the owner rewrites it into the database
	assert_int_equal(stat(log_path, &after), 0);
	assert_int_equal(after.st_size, 0);
	assert_int_equal(number(&sql, "SELECT count(*) FROM thing"), 2);
	sql_close(&sql);
}

static void test_log_is_shortened(void **state)
{
	const struct fixture *fixture = *state;
	struct sql sql;
	int most = 0;
	must_open(&sql, fixture, &version_1);
	for (int i = 0; i < 2 * SQL_WAL_PAGES_MAX; i++) {
		assert_int_equal(sql_begin(&sql), MMS_OK);
		assert_int_equal(sql_exec(&sql, "INSERT INTO thing VALUES (9)"), MMS_OK);
		assert_int_equal(sql_end(&sql, MMS_OK), MMS_OK);
		most = sql.wal_pages > most ? sql.wal_pages : most;
	}
	assert_true(most >= SQL_WAL_PAGES_MAX - 10);
	assert_true(most < SQL_WAL_PAGES_MAX);
	sql_close(&sql);
}

static void test_opened_by_many_at_once(void **state)
{
	enum { PROCESSES = 8 };
	const struct fixture *fixture = *state;
	static struct sql_kind kind;
	pid_t pid[PROCESSES];
	int gate[2];
	char byte;
	kind = version_2;
	kind.busy_ms = 20000;
	kind.checkpoint_mode = SQLITE_CHECKPOINT_TRUNCATE;
	kind.is_shared = true;
	assert_int_equal(pipe(gate), 0);
	for (int i = 0; i < PROCESSES; i++) {
		pid[i] = fork();
		if (pid[i] != 0)
			continue;
		struct sql sql;
		close(gate[1]);
		if (read(gate[0], &byte, 1) != 0) // until the parent closes it
			_exit(2);
		if (sql_open(&sql, fixture->path, &kind, SQL_READ_WRITE) != MMS_OK) {
			fprintf(stderr, "%s\n", sql.reason.text);
			_exit(1);
		}
		sql_close(&sql);
		_exit(0);
	}
	close(gate[0]);
	close(gate[1]);
	for (int i = 0; i < PROCESSES; i++) {
		int status = -1;
		assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
		assert_int_equal(status, 0);
	}
	struct sql sql;
	must_open(&sql, fixture, &kind);
	assert_int_equal(number(&sql, "SELECT count(*) FROM thing"), 1);
	sql_close(&sql);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_new_file_is_private_and_durable, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_failed_schema_leaves_an_empty_file, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_older_version_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_newer_version_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_other_databases_are_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_not_a_database, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_damaged_page, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_cost_of_opening, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_emptied_file_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_moved_file_is_noticed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_missing_directory, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_denied, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_read_only, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_read_only_leaves_the_log, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_log_is_shortened, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_opened_by_many_at_once, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
