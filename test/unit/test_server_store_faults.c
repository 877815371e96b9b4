// SPDX-License-Identifier: ISC
// store/server_store when things go wrong: restored copies, a full disk, a damaged or foreign file, a broken write.
#include "server_store_fixture.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/statvfs.h>

// Starts again with a start id of `letter`s; returns what may be promised then.
static struct storage_mark restart(struct fixture *fixture, int letter)
{
	struct storage_mark mark;
	uint8_t start_id[STORAGE_START_ID_BYTES];
	memset(start_id, letter, sizeof start_id);
	server_store_close(fixture->store);
	assert_int_equal(server_store_open(fixture->path, fixture->now, &fixture->store, &fixture->why), MMS_OK);
	assert_int_equal(server_store_start(fixture->store, start_id, &mark), MMS_OK);
	fixture->row_next = mark.commit + 1;
	return mark;
}

static void test_marks(void **state)
{
	struct fixture *fixture = *state;
	struct storage_mark mark = {{0}, UINT64_MAX};
	assert_true(is_mark_known(fixture, &mark)); // none
	mark = restart(fixture, 'a');
	assert_true(is_mark_known(fixture, &mark));
	mark.commit++;
	assert_false(is_mark_known(fixture, &mark)); // not given yet
	assert_int_equal(accept_one(fixture, FRED), mark.commit);
	assert_true(is_mark_known(fixture, &mark));
	const struct storage_mark b = restart(fixture, 'b');
	assert_true(is_mark_known(fixture, &mark));
	assert_true(is_mark_known(fixture, &b));
	mark.commit++;
	accept_one(fixture, FRED);
	assert_false(is_mark_known(fixture, &mark)); // a number of the next start
	mark.commit = UINT64_MAX;
	assert_false(is_mark_known(fixture, &mark));
	memset(mark.start_id, 'c', sizeof mark.start_id);
	mark.commit = 0;
	assert_false(is_mark_known(fixture, &mark));
}

static void copy_file(const char *from, const char *to)
{
	char command[3 * PATH_MAX];
	snprintf(command, sizeof command, "cp '%s' '%s'", from, to);
	assert_int_equal(system(command), 0);
}

static void test_restored_copy(void **state)
{
	struct fixture *fixture = *state;
	char copy[PATH_MAX + 16];
	snprintf(copy, sizeof copy, "%s.copy", fixture->path);
	struct storage_mark before = restart(fixture, 'a');
	before.commit = accept_one(fixture, FRED);
	server_store_close(fixture->store);
	fixture->store = NULL;
	copy_file(fixture->path, copy);
	const struct storage_mark idle = restart(fixture, 'b');
	struct storage_mark lost = idle;
	lost.commit = accept_one(fixture, FRED);

	server_store_close(fixture->store);
	fixture->store = NULL;
	copy_file(copy, fixture->path);
	restart(fixture, 'c');
	assert_true(is_mark_known(fixture, &before));
	assert_false(is_mark_known(fixture, &lost)); // of a start that the copy never saw
	accept_one(fixture, FRED);
	accept_one(fixture, FRED);
	assert_false(is_mark_known(fixture, &lost));
	assert_true(is_mark_known(fixture, &before));
}

// A snapshot taken while the server ran: the start is known, the promise was made after it.
static void test_restored_snapshot(void **state)
{
	struct fixture *fixture = *state;
	char copy[PATH_MAX + 16];
	char log_path[PATH_MAX + 16];
	char log_copy[PATH_MAX + 16];
	snprintf(copy, sizeof copy, "%s.copy", fixture->path);
	snprintf(log_path, sizeof log_path, "%s-wal", fixture->path);
	snprintf(log_copy, sizeof log_copy, "%s.copy-wal", fixture->path);
	struct storage_mark kept = restart(fixture, 'a');
	kept.commit = accept_one(fixture, FRED);
	copy_file(fixture->path, copy);
	copy_file(log_path, log_copy);
	struct storage_mark lost = kept;
	lost.commit = accept_one(fixture, FRED);
	server_store_close(fixture->store);
	fixture->store = NULL;
	copy_file(copy, fixture->path);
	copy_file(log_copy, log_path);
	restart(fixture, 'b');
	assert_int_equal(rows_held(fixture, FRED), 1);
	assert_true(is_mark_known(fixture, &kept));
	assert_false(is_mark_known(fixture, &lost));
	assert_int_equal(accept_one(fixture, FRED), lost.commit); // the number is someone else's now
	assert_false(is_mark_known(fixture, &lost));
}

// Hands over one more message, and says whether it was kept.
static bool accept_long(struct fixture *fixture, struct storage_op *op)
{
	static char text[TEXT_BYTES_MAX];
	memset(text, 't', sizeof text);
	*op = accept_op(fixture, FRED);
	op->submit.sender_id = SENDER + (int64_t)fixture->row_next % 2; // none has more than half
	op->submit.text_bytes = TEXT_BYTES_MAX;
	if (append(fixture, op, 1, text) != MMS_OK)
		fail_msg("%s", fixture->why.text);
	return fixture->appended.is_kept;
}

// No file may grow: SQLite sees a write that fails. What was accepted before is so still, and said so; all else is refused.
static void test_file_size_limit(void **state)
{
	struct fixture *fixture = *state;
	struct rlimit before;
	struct rlimit limit;
	struct storage_op op;
	uint64_t accepted = 0;
	enroll(fixture, FRED, 1);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = before;
	limit.rlim_cur = 200000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	while (accepted < 1000 && accept_long(fixture, &op))
		accepted++;
	assert_true(accepted > 0);
	assert_false(fixture->appended.is_kept);
	assert_non_null(strstr(fixture->why.text, "free space"));
	assert_int_equal(fixture->result[0].verdict, VERDICT_STORE_FULL);
	assert_int_equal(fixture->appended.mark.commit, accepted);
	assert_int_equal(rows_held(fixture, FRED), accepted);

	const struct storage_op refused = op;
	fixture->row_next = 1;
	struct storage_op ops[] = {accept_op(fixture, FRED), refused, accept_op(fixture, FRED), invited_op(FRED, 1),
				   invited_op(JIMMY, 2)};
	ops[0].submit.sender_id = SENDER + 0;
	ops[2].submit.sender_id = SENDER + 1;
	ops[2].submit.digest[0] ^= 1;
	static char text[TEXT_BYTES_MAX];
	assert_int_equal(append(fixture, ops, 5, text), MMS_OK);
	assert_false(fixture->appended.is_kept);
	assert_int_equal(fixture->result[0].verdict, VERDICT_REPEAT);
	assert_int_equal(fixture->result[0].row, 1);
	assert_int_equal(fixture->result[1].verdict, VERDICT_STORE_FULL);
	assert_int_equal(fixture->result[2].verdict, VERDICT_ID_MISUSED);
	assert_int_equal(fixture->result[3].verdict, VERDICT_ENROLLED);
	assert_int_equal(fixture->result[4].verdict, VERDICT_STORE_FULL);
	assert_false(has_device(fixture, 2));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);

	// A copy of what was refused hears the same; the number was not given.
	struct storage_op copy = refused;
	copy.session++;
	assert_int_equal(judge(fixture, copy), VERDICT_STORE_FULL);
	fixture->row_next = accepted + 1;
	struct storage_op more = accept_op(fixture, FRED);
	more.submit.id.bytes[ID_BYTES - 1] = 1;
	assert_int_equal(judge(fixture, more), VERDICT_NEW);
	assert_int_equal(fixture->result[0].row, accepted + 1);
	assert_int_equal(row_before(fixture, 0), accepted);
	reopen_store(fixture);
	assert_int_equal(rows_held(fixture, FRED), accepted + 1);
	assert_int_equal(usage(fixture, FRED).rows, accepted + 1);
}

// A disk of our own, where the system lets us have one.
static bool mount_small_disk(const char *directory)
{
	if (unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
		return false;
	return mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("mms-test", directory, "tmpfs", 0, "size=20m,mode=0700") == 0;
}

// Makes the file larger until no more than `left_bytes` are free on its disk.
static void fill_disk(const char *path, uint64_t left_bytes)
{
	static const char block[4096];
	struct statvfs disk;
	const int fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	do
		assert_int_equal(fstatvfs(fd, &disk), 0);
	while (disk.f_bavail * disk.f_frsize > left_bytes && write(fd, block, sizeof block) > 0);
	close(fd);
}

static bool has_room(struct fixture *fixture)
{
	assert_int_equal(append(fixture, NULL, 0, NULL), MMS_OK);
	return fixture->appended.has_room;
}

static void test_full_disk(void **state)
{
	struct fixture *fixture = *state;
	struct storage_op op;
	uint64_t accepted = 0;
	bool has_more = true;
	char path[PATH_MAX + 16];
	server_store_close(fixture->store);
	fixture->store = NULL;
	if (!mount_small_disk(fixture->scratch.directory)) {
		print_message("skipped: no right to mount a small disk here\n");
		skip();
	}
	open_store(fixture);
	list_and_revoke(fixture, 0);
	bound(fixture, 1000000, 1 << 30, 1 << 30);
	snprintf(path, sizeof path, "%s/filler", fixture->scratch.directory);
	assert_true(has_room(fixture));
	fill_disk(path, 3 * STORE_RESERVE_BYTES / 4);
	reopen_store(fixture);
	bound(fixture, 1000000, 1 << 30, 1 << 30);
	assert_false(has_room(fixture));
	assert_int_equal(judge(fixture, accept_op(fixture, FRED)), VERDICT_STORE_FULL);
	fixture->row_next--;
	assert_int_equal(judge(fixture, accept_op(fixture, 0)), VERDICT_STORE_FULL); // as it was told
	assert_int_equal(unlink(path), 0);
	reopen_store(fixture);
	bound(fixture, 1000000, 1 << 30, 1 << 30);

	const struct storage_device a = enroll(fixture, FRED, 1);
	while (accepted < 100000 && accept_long(fixture, &op) && fixture->result[0].verdict == VERDICT_NEW)
		accepted++;
	assert_true(fixture->appended.is_kept); // the reserve was noticed before the disk was full
	assert_int_equal(fixture->result[0].verdict, VERDICT_STORE_FULL);
	assert_false(fixture->appended.has_room);
	assert_int_equal(rows_held(fixture, FRED), accepted);

	// With even less, acknowledgements and clean-up go on, and give the disk back what the mail held.
	fill_disk(path, 3 * STORE_RESERVE_BYTES / 4);
	for (uint64_t row = 1; row <= accepted; row += row % 64 == 0 ? 64 : 1)
		take(fixture, &a, row);
	take(fixture, &a, accepted);
	assert_int_equal(rows_held(fixture, FRED), 0);
	for (int i = 0; i < 1000 && (has_more || !has_room(fixture)); i++)
		assert_int_equal(server_store_housekeep(fixture->store, DAYS(i < 500 ? 2 : 4), 1000, &has_more), MMS_OK);
	fixture->now = DAYS(5);
	assert_true(has_room(fixture));
	fixture->row_next = accepted + 1;
	op = accept_op(fixture, FRED);
	op.submit.id.bytes[ID_BYTES - 1] = 1;
	assert_int_equal(judge(fixture, op), VERDICT_NEW);

	// Somebody else fills the disk to the last byte: refused, not lost, and the store lives.
	fill_disk(path, 0);
	const uint64_t before = rows_held(fixture, FRED);
	uint64_t added = 0;
	assert_true(fixture->store->has_room);
	for (bool is_kept = true; is_kept && added < 20000; added += is_kept) {
		fixture->store->room_age = 1; // it has looked a moment ago
		is_kept = accept_long(fixture, &op);
	}
	assert_int_equal(fixture->result[0].verdict, VERDICT_STORE_FULL);
	assert_false(fixture->appended.is_kept);
	assert_int_equal(rows_held(fixture, FRED), before + added);
	assert_false(fixture->appended.has_room); // asks the disk after an error
	assert_int_equal(unlink(path), 0);
	reopen_store(fixture);
	accept_one(fixture, FRED);
	assert_int_equal(rows_held(fixture, FRED), before + added + 1);
	server_store_close(fixture->store);
	fixture->store = NULL;
	umount2(fixture->scratch.directory, MNT_DETACH);
}

// Runs SQL on the file beside the store.
static void tamper(struct fixture *fixture, const char *sql)
{
	sqlite3 *db;
	assert_int_equal(sqlite3_open(fixture->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void refuse(struct fixture *fixture, enum mms_err expected, const char *words)
{
	server_store_close(fixture->store);
	assert_int_equal(server_store_open(fixture->path, fixture->now, &fixture->store, &fixture->why), expected);
	assert_null(fixture->store);
	if (strstr(fixture->why.text, words) == NULL)
		fail_msg("no \"%s\" in: %s", words, fixture->why.text);
}

static void test_client_database_is_refused(void **state)
{
	tamper(*state, "PRAGMA application_id = 0x4d4d5343");
	refuse(*state, MMS_E_FORMAT, "not a server database");
}

static void test_older_version_is_refused(void **state)
{
	tamper(*state, "PRAGMA user_version = 3");
	refuse(*state, MMS_E_VERSION, "an older version of MMS");
}

static void test_newer_version_is_refused(void **state)
{
	tamper(*state, "PRAGMA user_version = 99");
	refuse(*state, MMS_E_VERSION, "another data directory");
}

static void test_counter_behind_is_refused(void **state)
{
	accept_one(*state, FRED);
	tamper(*state, "UPDATE counter SET commit_next = 1");
	refuse(*state, MMS_E_FORMAT, "commit counter");
	tamper(*state, "UPDATE counter SET commit_next = 2; UPDATE start SET first_commit = 3");
	refuse(*state, MMS_E_FORMAT, "commit counter");
	tamper(*state, "UPDATE start SET first_commit = 2");
	open_store(*state);
}

static void test_missing_table_is_refused(void **state)
{
	tamper(*state, "DROP TABLE device");
	refuse(*state, MMS_E_FORMAT, "device");
}

// A page is asked for, and the store must fail.
static void expect_broken_page(struct fixture *fixture)
{
	struct storage_question question = {
		.kind = QUESTION_PAGE, .user_id = FRED, .mailbox = {.rows_max = STORAGE_PAGE_ROWS_MAX}, .page = &fixture->page};
	assert_int_equal(server_store_ask(fixture->store, &question, &fixture->why), MMS_E_FORMAT);
	assert_non_null(strstr(fixture->why.text, fixture->path));
	assert_int_equal(server_store_ask(fixture->store, &question, &fixture->why), MMS_E_IO); // and nothing is answered from now on
	assert_int_equal(append(fixture, NULL, 0, NULL), MMS_E_IO);
	reopen_store(fixture);
}

static void test_malformed_row_is_not_delivered(void **state)
{
	struct fixture *fixture = *state;
	struct storage_question question = {.kind = QUESTION_SIGNIN};
	accept_one(fixture, FRED);
	enroll(fixture, FRED, 1);
	tamper(fixture, "UPDATE body SET sender = 'a b'");
	expect_broken_page(fixture);
	tamper(fixture, "UPDATE body SET sender = 'ab', text = zeroblob(2000)");
	expect_broken_page(fixture);
	tamper(fixture, "UPDATE body SET text = x'61', kind = 256");
	expect_broken_page(fixture);
	tamper(fixture, "PRAGMA ignore_check_constraints = 1; UPDATE device SET cursor = -1");
	memset(question.signin.key, 1, sizeof question.signin.key);
	assert_int_equal(server_store_ask(fixture->store, &question, &fixture->why), MMS_E_FORMAT);
}

// A place whose message is not there is not passed over in silence.
static void test_missing_body_is_noticed(void **state)
{
	accept_one(*state, FRED);
	accept_one(*state, FRED);
	tamper(*state, "DELETE FROM body WHERE body_no = 1");
	expect_broken_page(*state);
}

// A table in another order than its schema says: a message would be delivered for ever.
static void test_damaged_order_ends_no_mailbox(void **state)
{
	struct fixture *fixture = *state;
	accept_one(fixture, FRED);
	accept_one(fixture, FRED);
	server_store_close(fixture->store);
	tamper(fixture, "CREATE TABLE other(user_id INTEGER NOT NULL, row INTEGER NOT NULL, sender_id INTEGER NOT NULL,"
			" bytes INTEGER NOT NULL, flags INTEGER NOT NULL, PRIMARY KEY (user_id, row DESC)) STRICT, WITHOUT ROWID;"
			"INSERT INTO other SELECT * FROM ref; DROP TABLE ref; ALTER TABLE other RENAME TO ref;"
			"CREATE INDEX ref_own ON ref(user_id, row) WHERE flags & 2;"
			"PRAGMA writable_schema = 1; UPDATE sqlite_schema SET sql = replace(sql, 'row DESC', 'row')");
	open_store(fixture);
	expect_broken_page(fixture);
}

static void test_after_a_broken_write_nothing_is_appended(void **state)
{
	struct fixture *fixture = *state;
	struct storage_op op = accept_op(fixture, FRED);
	op.submit.text_bytes = 1;
	tamper(fixture, "ALTER TABLE accepted RENAME TO elsewhere");
	assert_int_equal(append(fixture, &op, 1, "x"), MMS_E_IO);
	assert_non_null(strstr(fixture->why.text, fixture->path));
	tamper(fixture, "ALTER TABLE elsewhere RENAME TO accepted");
	assert_int_equal(append(fixture, &op, 1, "x"), MMS_E_IO);
	assert_int_equal(rows_held(fixture, FRED), 0);
	reopen_store(fixture);
	assert_int_equal(judge(fixture, op), VERDICT_NEW);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_marks, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_restored_copy, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_restored_snapshot, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_file_size_limit, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_client_database_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_older_version_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_newer_version_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_counter_behind_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_missing_table_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_malformed_row_is_not_delivered, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_missing_body_is_noticed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_damaged_order_ends_no_mailbox, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_after_a_broken_write_nothing_is_appended, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_full_disk, set_up, tear_down), // last: it changes the mounts
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
