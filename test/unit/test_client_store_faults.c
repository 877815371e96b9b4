// SPDX-License-Identifier: ISC
// store/client_store when things go wrong or happen at once: the transaction that gathers, a write that fails, several
// processes, a file that was tampered with.
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "client_store_fixture.h"

static void test_gathering(void **state)
{
	struct fixture *fixture = *state;
	commit(fixture); // nothing there: fine
	put(fixture, entry(1));
	assert_int_equal(unshown(fixture->store), 1);
	assert_int_equal(unshown(fixture->other), 0);
	reopen(fixture); // as after a crash
	assert_int_equal(unshown(fixture->store), 0);
	put(fixture, entry(1));
	assert_int_equal(add(fixture->store, 1), MMS_OK); // joins it and ends it
	assert_int_equal(unshown(fixture->other), 1);
	put(fixture, entry(2));
	assert_int_equal(add(fixture->store, 1), MMS_E_EXISTS);
	commit(fixture);
	assert_int_equal(unshown(fixture->other), 2);
	assert_int_equal(add(fixture->other, 2), MMS_OK); // the lock is free
}

static void limit_file_size(rlim_t bytes)
{
	struct rlimit limit;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes == 0 ? limit.rlim_max : bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

// A commit must not say OK for what an earlier failure has undone: its answer would lose the message.
static void test_no_commit_after_a_failed_write(void **state)
{
	struct fixture *fixture = *state;
	struct transcript_row row = entry(2);
	bool is_new;
	put(fixture, entry(1));
	limit_file_size(4096);
	assert_int_equal(add(fixture->store, 1), MMS_E_NOSPACE);
	limit_file_size(0);
	assert_int_equal(fixture->storage.transcript_put(fixture->store, &row, &is_new), MMS_E_NOSPACE);
	assert_int_equal(add(fixture->store, 2), MMS_E_NOSPACE);
	assert_int_equal(fixture->storage.commit(fixture->store), MMS_E_NOSPACE);
	assert_int_equal(unshown(fixture->store), 0);
	put(fixture, entry(1));
	commit(fixture);
	assert_int_equal(unshown(fixture->other), 1);

	// With nothing gathered a failure is told once.
	limit_file_size(4096);
	assert_int_equal(add(fixture->store, 3), MMS_E_NOSPACE);
	limit_file_size(0);
	assert_int_equal(add(fixture->store, 3), MMS_OK);
}

static void test_a_failed_statement_undoes_all(void **state)
{
	struct fixture *fixture = *state;
	struct transcript_row row = entry(2);
	const struct uuid id = id_of(1);
	bool is_new;
	tamper(fixture, "ALTER TABLE outbox RENAME TO elsewhere");
	put(fixture, entry(1));
	assert_int_equal(fixture->storage.outbox_verdict(fixture->store, &id, OUTBOX_SAVED, 0), MMS_E_IO);
	assert_int_equal(fixture->storage.transcript_put(fixture->store, &row, &is_new), MMS_E_IO);
	assert_int_equal(fixture->storage.commit(fixture->store), MMS_E_IO);
	assert_int_equal(unshown(fixture->other), 0);
	put(fixture, entry(1));
	commit(fixture);
	assert_int_equal(unshown(fixture->other), 1);
}

static void test_other_processes_are_noticed(void **state)
{
	struct fixture *fixture = *state;
	bool has_changed = true;
	assert_int_equal(client_store_changed(fixture->store, &has_changed), MMS_OK); // the other was opened
	assert_int_equal(client_store_changed(fixture->store, &has_changed), MMS_OK);
	assert_false(has_changed);
	assert_int_equal(add(fixture->store, 1), MMS_OK);
	assert_int_equal(client_store_changed(fixture->store, &has_changed), MMS_OK);
	assert_false(has_changed);
	assert_int_equal(add(fixture->other, 2), MMS_OK);
	assert_int_equal(client_store_changed(fixture->store, &has_changed), MMS_OK);
	assert_true(has_changed);
	assert_int_equal(client_store_changed(fixture->store, &has_changed), MMS_OK);
	assert_false(has_changed);
}

// Writes an entry and a message as one transaction, again while others keep the lock for longer than a call waits.
static enum mms_err write_both(struct client_store *store, int n)
{
	const struct client_storage storage = client_store_storage(store);
	const struct transcript_row row = entry(n);
	bool is_new;
	enum mms_err err = MMS_E_BUSY;
	while (err == MMS_E_BUSY) {
		err = storage.transcript_put(store, &row, &is_new);
		if (err == MMS_OK && !is_new)
			err = MMS_E_EXISTS;
		if (err == MMS_OK)
			err = add(store, n);
		if (err != MMS_OK && storage.commit(store) != err)
			err = MMS_E_BAD;
	}
	return err;
}

static int write_as_process(struct fixture *fixture, int first, int count)
{
	struct client_store *store;
	if (client_store_open(fixture->path, &store, &fixture->why) != MMS_OK)
		return 1;
	for (int n = first; n < first + count; n++) {
		if (write_both(store, n) != MMS_OK) {
			fprintf(stderr, "%s\n", client_store_reason(store)->text);
			return 2;
		}
	}
	client_store_close(store);
	return 0;
}

static void test_processes_write_at_once(void **state)
{
	enum { PROCESSES = 4, COUNT = 100 };
	struct fixture *fixture = *state;
	pid_t pid[PROCESSES];
	uint64_t queued;
	client_store_close(fixture->store); // before any fork
	client_store_close(fixture->other);
	fixture->store = fixture->other = NULL;
	for (int i = 0; i < PROCESSES; i++) {
		pid[i] = fork();
		if (pid[i] == 0)
			_exit(write_as_process(fixture, 1 + i * COUNT, COUNT));
	}
	for (int i = 0; i < PROCESSES; i++) {
		int status = -1;
		assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
		assert_int_equal(status, 0);
	}
	reopen(fixture);
	assert_int_equal(client_store_outbox_queued_count(fixture->store, &queued), MMS_OK);
	assert_int_equal(queued, PROCESSES * COUNT);
	assert_int_equal(unshown(fixture->store), PROCESSES * COUNT);
}

static void refuse(struct fixture *fixture, enum mms_err expected, const char *words)
{
	client_store_close(fixture->store);
	client_store_close(fixture->other);
	fixture->other = NULL;
	assert_int_equal(client_store_open(fixture->path, &fixture->store, &fixture->why), expected);
	assert_null(fixture->store);
	assert_non_null(strstr(fixture->why.text, fixture->path));
	if (strstr(fixture->why.text, words) == NULL)
		fail_msg("no \"%s\" in: %s", words, fixture->why.text);
}

static void test_server_database_is_refused(void **state)
{
	tamper(*state, "PRAGMA application_id = 0x4d4d5353");
	refuse(*state, MMS_E_FORMAT, "not a client database");
}

static void test_newer_version_is_refused(void **state)
{
	tamper(*state, "PRAGMA user_version = 99");
	refuse(*state, MMS_E_VERSION, "newer version of MMS");
}

static void test_tampered_key_is_refused(void **state)
{
	tamper(*state, "PRAGMA ignore_check_constraints = 1;"
		       "INSERT INTO identity VALUES (1, x'01', zeroblob(32), zeroblob(32), 'fred', 0)");
	struct client_store_identity identity;
	const struct fixture *fixture = *state;
	assert_int_equal(client_store_identity_get(fixture->store, &identity), MMS_E_FORMAT);
	assert_non_null(strstr(client_store_reason(fixture->store)->text, "move it away"));
}

static void test_tampered_values_are_not_used(void **state)
{
	struct fixture *fixture = *state;
	struct client_store_identity identity;
	const struct client_store_identity untouched = {.user = {"x"}};
	struct outbox_row row;
	struct transcript_row line;
	assert_int_equal(add(fixture->store, 1), MMS_OK);
	put(fixture, entry(1));
	commit(fixture);
	tamper(fixture, "INSERT INTO identity VALUES (1, zeroblob(32), zeroblob(32), zeroblob(32), 'a b', 0)");
	identity = untouched;
	assert_int_equal(client_store_identity_get(fixture->store, &identity), MMS_E_FORMAT);
	assert_memory_equal(&identity, &untouched, sizeof identity);
	assert_non_null(strstr(client_store_reason(fixture->store)->text, "move it away"));
	tamper(fixture, "UPDATE outbox SET text = x'ff'");
	assert_int_equal(fixture->storage.outbox_next(fixture->store, 0, &row), MMS_E_FORMAT);
	tamper(fixture, "UPDATE outbox SET text = x'61', recipient = ''");
	assert_int_equal(fixture->storage.outbox_next(fixture->store, 0, &row), MMS_E_FORMAT);
	tamper(fixture, "UPDATE outbox SET recipient = 'a'");
	assert_int_equal(fixture->storage.outbox_next(fixture->store, 0, &row), MMS_OK);
	tamper(fixture, "UPDATE transcript SET sender = char(27)");
	assert_int_equal(client_store_transcript_next_unshown(fixture->store, 0, &line), MMS_E_FORMAT);
	tamper(fixture, "UPDATE transcript SET sender = 'a', id = NULL");
	assert_int_equal(client_store_transcript_next_unshown(fixture->store, 0, &line), MMS_E_FORMAT);
}

// An index whose entries stand for other numbers than the rows they lead to: a list would never end.
static void test_damaged_index_ends_no_list(void **state)
{
	struct fixture *fixture = *state;
	struct outbox_row row;
	struct transcript_row line;
	assert_int_equal(add(fixture->store, 1), MMS_OK);
	put(fixture, entry(1));
	commit(fixture);
	client_store_close(fixture->store);
	client_store_close(fixture->other);
	fixture->other = NULL;
	tamper(fixture, "DROP INDEX outbox_by_queue; DROP INDEX transcript_by_unshown;"
			"CREATE INDEX outbox_by_queue ON outbox(written_at, state) WHERE is_queued = 1;"
			"CREATE INDEX transcript_by_unshown ON transcript(accepted_at) WHERE is_shown = 0;"
			"PRAGMA writable_schema = 1;"
			"UPDATE sqlite_schema SET sql = replace(sql, '(written_at, ', '(seq, ') WHERE name = 'outbox_by_queue';"
			"UPDATE sqlite_schema SET sql = replace(sql, '(accepted_at', '(seq') WHERE name = 'transcript_by_unshown'");
	fixture->store = open_one(fixture);
	fixture->storage = client_store_storage(fixture->store);
	assert_int_equal(fixture->storage.outbox_next(fixture->store, 1, &row), MMS_E_FORMAT);
	assert_int_equal(client_store_transcript_next_unshown(fixture->store, 1, &line), MMS_E_FORMAT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_gathering, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_commit_after_a_failed_write, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_failed_statement_undoes_all, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_other_processes_are_noticed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_processes_write_at_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_server_database_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_newer_version_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_tampered_key_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_tampered_values_are_not_used, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_damaged_index_ends_no_list, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
