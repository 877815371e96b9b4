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

static bool is_known(struct fixture *fixture, const struct storage_mark *mark)
{
	bool known;
	assert_int_equal(fixture->storage.mark_is_known(fixture->store, mark, &known), MMS_OK);
	return known;
}

// Starts again with a start id of `letter`s; returns the mark of the commit before.
static struct storage_mark restart(struct fixture *fixture, int letter)
{
	struct storage_mark first;
	uint8_t start_id[STORAGE_START_ID_BYTES];
	memset(start_id, letter, sizeof start_id);
	server_store_close(fixture->store);
	assert_int_equal(server_store_open(fixture->path, fixture->now, &fixture->store, &fixture->why), MMS_OK);
	fixture->storage = server_store_storage(fixture->store);
	assert_int_equal(server_store_start(fixture->store, start_id, &first), MMS_OK);
	fixture->commit_next = first.commit;
	first.commit--;
	return first;
}

static void test_marks(void **state)
{
	struct fixture *fixture = *state;
	struct storage_mark mark = {{0}, UINT64_MAX};
	assert_true(is_known(fixture, &mark)); // none
	mark = restart(fixture, 'a');
	assert_true(is_known(fixture, &mark));
	mark.commit++;
	assert_false(is_known(fixture, &mark)); // not given yet
	assert_int_equal(accept_one(fixture, FRED), mark.commit);
	assert_true(is_known(fixture, &mark));
	const struct storage_mark b = restart(fixture, 'b');
	assert_true(is_known(fixture, &mark));
	assert_true(is_known(fixture, &b));
	mark.commit++;
	accept_one(fixture, FRED);
	assert_false(is_known(fixture, &mark)); // a number of the next start
	mark.commit = UINT64_MAX;
	assert_false(is_known(fixture, &mark));
	memset(mark.start_id, 'c', sizeof mark.start_id);
	mark.commit = 0;
	assert_false(is_known(fixture, &mark));
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
	assert_true(is_known(fixture, &before));
	assert_false(is_known(fixture, &lost)); // of a start that the copy never saw
	accept_one(fixture, FRED);
	accept_one(fixture, FRED);
	assert_false(is_known(fixture, &lost));
	assert_true(is_known(fixture, &before));
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
	assert_true(is_known(fixture, &kept));
	assert_false(is_known(fixture, &lost));
	assert_int_equal(accept_one(fixture, FRED), lost.commit); // the number is someone else's now
	assert_false(is_known(fixture, &lost));
}

// No file may grow: SQLite sees a write that fails.
static void test_file_size_limit(void **state)
{
	struct fixture *fixture = *state;
	struct rlimit before;
	struct rlimit limit;
	static char text[TEXT_BYTES_MAX];
	enum mms_err err = MMS_OK;
	uint64_t accepted = 0;
	memset(text, 't', sizeof text);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = before;
	limit.rlim_cur = 200000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	for (int i = 0; i < 1000 && err == MMS_OK; i++) {
		struct storage_op op = accept_op(fixture, FRED);
		err = append(fixture, &op, 1, text);
		accepted += err == MMS_OK;
	}
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	if (err != MMS_E_NOSPACE)
		fail_msg("error %d: %s", err, fixture->why.text);
	assert_non_null(strstr(fixture->why.text, "free space"));
	assert_true(accepted > 0);
	assert_int_equal(rows_held(fixture, FRED), accepted);

	fixture->commit_next--; // refused, so its number was not given
	assert_int_equal(accept_one(fixture, FRED), accepted + 1);
	reopen_store(fixture);
	assert_int_equal(rows_held(fixture, FRED), accepted + 1);
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

static void test_full_disk(void **state)
{
	struct fixture *fixture = *state;
	static char text[TEXT_BYTES_MAX];
	enum mms_err err = MMS_OK;
	uint64_t accepted = 0;
	bool has_more = true;
	char path[PATH_MAX + 16];
	memset(text, 't', sizeof text);
	server_store_close(fixture->store);
	fixture->store = NULL;
	if (!mount_small_disk(fixture->scratch.directory)) {
		print_message("skipped: no right to mount a small disk here\n");
		skip();
	}
	open_store(fixture);
	snprintf(path, sizeof path, "%s/filler", fixture->scratch.directory);
	assert_true(fixture->storage.has_room(fixture->store));
	fill_disk(path, 3 * STORE_RESERVE_BYTES / 4);
	reopen_store(fixture);
	assert_false(fixture->storage.has_room(fixture->store));
	assert_int_equal(unlink(path), 0);
	reopen_store(fixture);

	const struct storage_device a = enroll(fixture, FRED, 1);
	while (fixture->storage.has_room(fixture->store) && err == MMS_OK && accepted < 100000) {
		struct storage_op op = accept_op(fixture, FRED);
		op.text_bytes = TEXT_BYTES_MAX;
		err = append(fixture, &op, 1, text);
		accepted += err == MMS_OK;
	}
	assert_int_equal(err, MMS_OK); // the reserve was noticed before the disk was full
	assert_false(fixture->storage.has_room(fixture->store));
	assert_int_equal(rows_held(fixture, FRED), accepted);

	// With even less, acknowledgements and clean-up go on, and give the disk back what the mail held.
	fill_disk(path, 3 * STORE_RESERVE_BYTES / 4);
	for (uint64_t row = 1; row <= accepted; row += row % 64 == 0 ? 64 : 1)
		take(fixture, &a, row);
	take(fixture, &a, fixture->commit_next - 1);
	assert_int_equal(rows_held(fixture, FRED), 0);
	for (int i = 0; i < 1000 && (has_more || !fixture->storage.has_room(fixture->store)); i++)
		assert_int_equal(server_store_housekeep(fixture->store, DAYS(2), 1000, &has_more), MMS_OK);
	assert_true(fixture->storage.has_room(fixture->store));
	accept_one(fixture, FRED);

	// Somebody else fills the disk to the last byte: refused, not lost, and the store lives.
	fill_disk(path, 0);
	const uint64_t before = rows_held(fixture, FRED);
	uint64_t added = 0;
	for (int i = 0; i < 20000 && err == MMS_OK; i++) {
		struct storage_op op = accept_op(fixture, FRED);
		op.text_bytes = TEXT_BYTES_MAX;
		err = append(fixture, &op, 1, text);
		added += err == MMS_OK;
	}
	assert_int_equal(err, MMS_E_NOSPACE);
	assert_int_equal(rows_held(fixture, FRED), before + added);
	assert_false(fixture->storage.has_room(fixture->store)); // asks the disk after an error
	assert_int_equal(unlink(path), 0);
	fixture->commit_next--;
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
	tamper(*state, "DELETE FROM accepted");
	refuse(*state, MMS_E_FORMAT, "commit counter");
	tamper(*state, "UPDATE counter SET commit_next = 2");
	open_store(*state);
}

static void test_missing_table_is_refused(void **state)
{
	tamper(*state, "DROP TABLE device");
	refuse(*state, MMS_E_FORMAT, "device");
}

static void test_malformed_row_is_not_delivered(void **state)
{
	struct fixture *fixture = *state;
	struct storage_row row;
	struct storage_device device;
	uint8_t key[STORAGE_KEY_BYTES];
	accept_one(fixture, FRED);
	enroll(fixture, FRED, 1);
	tamper(fixture, "UPDATE message SET sender = 'a b'");
	assert_int_equal(fixture->storage.mailbox_next(fixture->store, FRED, 0, &row), MMS_E_FORMAT);
	assert_non_null(strstr(server_store_reason(fixture->store)->text, fixture->path));
	tamper(fixture, "UPDATE message SET sender = 'ab', text = zeroblob(2000), text_bytes = 2000");
	assert_int_equal(fixture->storage.mailbox_next(fixture->store, FRED, 0, &row), MMS_E_FORMAT);
	tamper(fixture, "PRAGMA ignore_check_constraints = 1; UPDATE device SET cursor = -1");
	memset(key, 1, sizeof key);
	assert_int_equal(fixture->storage.device_find(fixture->store, key, &device), MMS_E_FORMAT);
}

// An index whose entries stand for other rows than those they lead to: a message would be delivered for ever.
static void test_damaged_index_ends_no_mailbox(void **state)
{
	struct fixture *fixture = *state;
	struct storage_row row;
	const uint64_t accepted = accept_one(fixture, FRED);
	server_store_close(fixture->store);
	tamper(fixture, "DROP INDEX message_by_recipient;"
			"CREATE INDEX message_by_recipient ON message(recipient_id, accepted_at, text_bytes);"
			"PRAGMA writable_schema = 1; UPDATE sqlite_schema SET sql = replace(sql, 'accepted_at', 'row')"
			" WHERE name = 'message_by_recipient'");
	open_store(fixture);
	assert_int_equal(fixture->storage.mailbox_next(fixture->store, FRED, accepted, &row), MMS_E_FORMAT);
}

static void test_after_a_broken_write_nothing_is_appended(void **state)
{
	struct fixture *fixture = *state;
	struct storage_op op = accept_op(fixture, FRED);
	op.text_bytes = 1;
	tamper(fixture, "ALTER TABLE accepted RENAME TO elsewhere");
	assert_int_equal(append(fixture, &op, 1, "x"), MMS_E_IO);
	assert_non_null(strstr(fixture->why.text, fixture->path));
	tamper(fixture, "ALTER TABLE elsewhere RENAME TO accepted");
	assert_int_equal(append(fixture, &op, 1, "x"), MMS_E_IO);
	assert_int_equal(rows_held(fixture, FRED), 0);
	reopen_store(fixture);
	fixture->commit_next = op.row + 1;
	must_append(fixture, op, "x");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_marks, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_restored_copy, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_restored_snapshot, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_file_size_limit, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_client_database_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_newer_version_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_counter_behind_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_missing_table_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_malformed_row_is_not_delivered, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_damaged_index_ends_no_mailbox, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_after_a_broken_write_nothing_is_appended, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_full_disk, set_up, tear_down), // last: it changes the mounts
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
