// SPDX-License-Identifier: ISC
// store/client_store when things go wrong or happen at once: a batch that fails, several
// processes, a file that was tampered with.
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "client_store_fixture.h"

static void limit_file_size(rlim_t bytes)
{
	struct rlimit limit;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes == 0 ? limit.rlim_max : bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

// A batch is there whole or not at all, and after one that failed the store is as good as before.
static void test_no_room(void **state)
{
	struct fixture *fixture = *state;
	put(fixture, entry(1));
	put_later(fixture, entry(2));
	put_later(fixture, entry(3));
	limit_file_size(4096);
	assert_int_equal(append(fixture), MMS_E_NOSPACE);
	assert_int_equal(add(fixture->store, 1), MMS_E_NOSPACE);
	limit_file_size(0);
	assert_int_equal(unshown(fixture->other), 1);
	assert_true(put(fixture, entry(2)));
	assert_int_equal(add(fixture->store, 1), MMS_OK);
	assert_int_equal(unshown(fixture->other), 2);
	assert_int_equal(add(fixture->other, 2), MMS_OK); // the lock is free
}

static void test_a_failed_operation_undoes_all(void **state)
{
	struct fixture *fixture = *state;
	tamper(fixture, "ALTER TABLE outbox RENAME TO elsewhere");
	put_later(fixture, entry(1));
	verdict(fixture, 1, OUTBOX_SAVED, 0);
	put_later(fixture, entry(2));
	assert_int_equal(append(fixture), MMS_E_IO);
	assert_int_equal(unshown(fixture->other), 0);
	tamper(fixture, "ALTER TABLE elsewhere RENAME TO outbox");
	assert_true(put(fixture, entry(1)));
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

// Writes a batch and a message, again while others keep the lock for longer than a call waits.
static enum mms_err write_both(struct client_store *store, int n)
{
	static struct client_batch batch;
	static struct client_appended appended;
	batch.op_count = 1;
	batch.text_bytes = 1;
	batch.op[0] = (struct client_op){.kind = CLIENT_OP_PUT, .id = id_of(n)};
	batch.op[0].put = (struct client_op_put){
		.kind = MESSAGE_WRITTEN, .form = MESSAGE_UTF8, .sender = JIMMY, .accepted_at = NOW, .text_bytes = 1};
	batch.text[0] = 'a';
	do {
		client_store_append(store, &batch, &appended);
	} while (appended.err == MMS_E_BUSY);
	if (appended.err == MMS_OK && appended.result[0] != CLIENT_RESULT_NEW)
		return MMS_E_EXISTS;
	enum mms_err err = appended.err == MMS_OK ? MMS_E_BUSY : appended.err;
	while (err == MMS_E_BUSY)
		err = add(store, n);
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
		       "INSERT INTO identity VALUES (1, x'01', zeroblob(32), zeroblob(32), 'fred', 0, 0)");
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
	struct transcript_row line;
	assert_int_equal(add(fixture->store, 1), MMS_OK);
	put(fixture, entry(1));
	tamper(fixture, "INSERT INTO identity VALUES (1, zeroblob(32), zeroblob(32), zeroblob(32), 'a b', 0, 0)");
	identity = untouched;
	assert_int_equal(client_store_identity_get(fixture->store, &identity), MMS_E_FORMAT);
	assert_memory_equal(&identity, &untouched, sizeof identity);
	assert_non_null(strstr(client_store_reason(fixture->store)->text, "move it away"));
	tamper(fixture, "UPDATE outbox SET text = x'ff'");
	assert_int_equal(ask(fixture, CLIENT_ASK_OUTBOX, 0, 1), MMS_E_FORMAT);
	tamper(fixture, "UPDATE outbox SET text = x'61', recipient = x'23'");
	assert_int_equal(ask(fixture, CLIENT_ASK_OUTBOX, 0, 1), MMS_E_FORMAT);
	tamper(fixture, "UPDATE outbox SET recipient = x'61'");
	assert_int_equal(ask(fixture, CLIENT_ASK_OUTBOX, 0, 1), MMS_OK);
	tamper(fixture, "UPDATE transcript SET sender = char(27)");
	assert_int_equal(next_unshown(fixture->store, 0, &line), MMS_E_FORMAT);
	tamper(fixture, "PRAGMA ignore_check_constraints = 1; UPDATE transcript SET sender = 'a', text = x'ff'");
	assert_int_equal(next_unshown(fixture->store, 0, &line), MMS_E_FORMAT);
}

// An index whose entries stand for other numbers than the rows they lead to: a list would never end.
static void test_damaged_index_ends_no_list(void **state)
{
	struct fixture *fixture = *state;
	struct transcript_row line;
	assert_int_equal(add(fixture->store, 1), MMS_OK);
	put(fixture, entry(1));
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
	assert_int_equal(ask(fixture, CLIENT_ASK_OUTBOX, 1, 1), MMS_E_FORMAT);
	assert_int_equal(next_unshown(fixture->store, 1, &line), MMS_E_FORMAT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_no_room, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_failed_operation_undoes_all, set_up, tear_down),
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
