// SPDX-License-Identifier: ISC
// store/store_thread: each job has its event, in order; nothing is answered after a failure; the end waits for what was given.
#include "server_store_fixture.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/resource.h>

#include "store/store_thread.h"

enum { JOBS = 8 };

struct threaded {
	struct fixture *fixture;
	struct store_thread *thread;
	int wake_fd;
};

static int set_up_thread(void **state)
{
	struct threaded *threaded = calloc(1, sizeof *threaded);
	void *fixture = NULL;
	set_up(&fixture);
	threaded->fixture = fixture;
	threaded->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	assert_true(threaded->wake_fd >= 0);
	assert_int_equal(store_thread_start(threaded->fixture->store, JOBS, threaded->wake_fd, &threaded->thread,
					    &threaded->fixture->why),
			 MMS_OK);
	*state = threaded;
	return 0;
}

static int tear_down_thread(void **state)
{
	struct threaded *threaded = *state;
	void *fixture = threaded->fixture;
	store_thread_stop(threaded->thread);
	close(threaded->wake_fd);
	tear_down(&fixture);
	free(threaded);
	return 0;
}

// The next event, which the descriptor announces.
static struct store_event await(struct threaded *threaded)
{
	struct store_event event;
	while (!store_thread_next(threaded->thread, &event)) {
		struct pollfd polled = {.fd = threaded->wake_fd, .events = POLLIN};
		uint64_t count;
		assert_int_equal(poll(&polled, 1, -1), 1);
		assert_int_equal(read(threaded->wake_fd, &count, sizeof count), sizeof count);
	}
	return event;
}

// A batch of one message, and where its result goes.
struct one {
	struct storage_op op;
	struct storage_result result;
	struct storage_place place[1];
	struct storage_batch batch;
};

static void prepare(struct fixture *fixture, struct one *one)
{
	static const uint8_t text[TEXT_BYTES_MAX];
	one->op = accept_op(fixture, FRED);
	one->result = (struct storage_result){0};
	one->batch = (struct storage_batch){
		.ops = &one->op, .op_count = 1, .results = &one->result, .places = one->place, .text = text, .now = fixture->now};
}

static void test_each_job_has_its_event(void **state)
{
	struct threaded *threaded = *state;
	struct fixture *fixture = threaded->fixture;
	struct one one[3];
	struct storage_page page;
	struct storage_question question = {.kind = QUESTION_PAGE, .tag = 5, .user_id = FRED, .mailbox = {.rows_max = 8}, .page = &page};
	struct storage_question again = question;
	struct server_store_user users[] = {user_of("fred"), user_of("anna")};
	int64_t ids[2];
	struct server_store_sync sync = {users, 2, fixture->now, ids, NULL, 0};
	for (int i = 0; i < 3; i++)
		prepare(fixture, &one[i]);
	store_thread_append(threaded->thread, 0, &one[0].batch);
	store_thread_ask(threaded->thread, &question);
	store_thread_append(threaded->thread, 0, &one[1].batch);
	store_thread_append(threaded->thread, 0, &one[2].batch);
	store_thread_ask(threaded->thread, &again);
	store_thread_sync(threaded->thread, &sync);
	store_thread_housekeep(threaded->thread, fixture->now, 100);

	struct store_event event = await(threaded);
	assert_int_equal(event.kind, STORE_APPENDED);
	assert_true(event.is_kept && event.appended.is_kept && event.appended.has_room);
	assert_int_equal(event.appended.mark.commit, 1);
	assert_int_equal(one[0].result.verdict, VERDICT_NEW);
	event = await(threaded);
	assert_int_equal(event.kind, STORE_ANSWERED);
	assert_ptr_equal(event.question, &question);
	assert_int_equal(question.tag, 5);
	assert_int_equal(question.has.row_newest, 1); // what was given before it, and no more
	for (uint64_t i = 1; i < 3; i++) {
		event = await(threaded);
		assert_int_equal(event.kind, STORE_APPENDED);
		assert_int_equal(event.appended.mark.commit, i + 1);
		assert_int_equal(one[i].result.row, i + 1);
	}
	assert_int_equal(await(threaded).kind, STORE_ANSWERED);
	assert_int_equal(again.has.row_newest, 3);
	assert_int_equal(page.row_count, 3);
	event = await(threaded);
	assert_int_equal(event.kind, STORE_SYNCED);
	assert_ptr_equal(event.sync, &sync);
	assert_true(event.is_kept);
	assert_int_equal(ids[0], FRED);
	assert_true(ids[1] > JIMMY);
	event = await(threaded);
	assert_int_equal(event.kind, STORE_HOUSEKEPT);
	assert_true(event.is_kept);
	assert_false(event.has_more);
	assert_false(store_thread_next(threaded->thread, &event));
}

// The ring goes round many times, with as many jobs under way as it may have.
static void test_many_jobs(void **state)
{
	enum { ROUNDS = 200 };
	struct threaded *threaded = *state;
	static struct one one[JOBS];
	uint64_t given = 0;
	uint64_t taken = 0;
	while (taken < ROUNDS * JOBS) {
		while (given < ROUNDS * JOBS && given - taken < JOBS) {
			struct one *next = &one[given++ % JOBS];
			prepare(threaded->fixture, next);
			next->op.submit.recipient_id = given % 2 == 0 ? FRED : JIMMY;
			store_thread_append(threaded->thread, 0, &next->batch);
		}
		assert_int_equal(await(threaded).kind, STORE_APPENDED);
		assert_int_equal(one[taken % JOBS].result.row, taken + 1);
		taken++;
	}
}

static void test_stop_finishes_what_was_given(void **state)
{
	struct threaded *threaded = *state;
	struct one one[JOBS];
	for (int i = 0; i < JOBS; i++) {
		prepare(threaded->fixture, &one[i]);
		store_thread_append(threaded->thread, 0, &one[i].batch);
	}
	store_thread_stop(threaded->thread);
	threaded->thread = NULL;
	for (int i = 0; i < JOBS; i++)
		assert_int_equal(one[i].result.verdict, VERDICT_NEW);
	assert_int_equal(rows_held(threaded->fixture, FRED), JOBS);
	reopen_store(threaded->fixture);
	assert_int_equal(rows_held(threaded->fixture, FRED), JOBS);
}

static void test_nothing_is_answered_after_a_failure(void **state)
{
	struct threaded *threaded = *state;
	struct one one[3];
	struct store_event event;
	sqlite3 *db;
	assert_int_equal(sqlite3_open(threaded->fixture->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "ALTER TABLE accepted RENAME TO elsewhere", NULL, NULL, NULL), SQLITE_OK);
	for (int i = 0; i < 3; i++) {
		prepare(threaded->fixture, &one[i]);
		store_thread_append(threaded->thread, 0, &one[i].batch);
	}
	event = await(threaded);
	assert_int_equal(event.kind, STORE_BROKEN);
	assert_non_null(strstr(event.why->text, threaded->fixture->path));
	store_thread_append(threaded->thread, 0, &one[0].batch);
	store_thread_stop(threaded->thread); // everything that will ever be done is
	threaded->thread = NULL;
	assert_int_equal(one[1].result.verdict + one[2].result.verdict, 0);
	sqlite3_close(db);
}

// Each event wakes, so that they can be counted when the thread is gone. A lock holds the first job up until all are given, so
// that the others are taken together.
static void test_one_event_is_the_last(void **state)
{
	struct threaded *threaded = *state;
	struct storage_question question = {.kind = QUESTION_SIGNIN};
	struct one one;
	uint64_t events = 0;
	sqlite3 *db;
	assert_int_equal(sqlite3_open(threaded->fixture->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE; DROP TABLE device", NULL, NULL, NULL), SQLITE_OK);
	prepare(threaded->fixture, &one);
	store_thread_append(threaded->thread, 0, &one.batch);
	store_thread_ask(threaded->thread, &question);
	for (int i = 2; i < JOBS; i++)
		store_thread_housekeep(threaded->thread, threaded->fixture->now, 10);
	assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	store_thread_stop(threaded->thread);
	threaded->thread = NULL;
	assert_int_equal(one.result.verdict, VERDICT_NEW);
	assert_int_equal(read(threaded->wake_fd, &events, sizeof events), sizeof events);
	assert_int_equal(events, 2); // of the message, and of the failure
	sqlite3_close(db);
}

static void test_no_event_follows_a_failure(void **state)
{
	struct threaded *threaded = *state;
	struct storage_question question = {.kind = QUESTION_SIGNIN};
	struct store_event event;
	sqlite3 *db;
	assert_int_equal(sqlite3_open(threaded->fixture->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "DROP TABLE device", NULL, NULL, NULL), SQLITE_OK);
	store_thread_ask(threaded->thread, &question);
	store_thread_housekeep(threaded->thread, threaded->fixture->now, 10);
	assert_int_equal(await(threaded).kind, STORE_BROKEN);
	store_thread_housekeep(threaded->thread, threaded->fixture->now, 10);
	assert_false(store_thread_next(threaded->thread, &event));
	sqlite3_close(db);
}

static void test_no_room_is_no_failure(void **state)
{
	struct threaded *threaded = *state;
	struct rlimit before;
	struct one one;
	struct server_store_user users[] = {user_of("zoe")};
	int64_t ids[1];
	struct server_store_sync sync = {users, 1, threaded->fixture->now, ids, NULL, 0};
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	struct rlimit limit = {0, before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	prepare(threaded->fixture, &one);
	store_thread_append(threaded->thread, 0, &one.batch);
	store_thread_sync(threaded->thread, &sync);
	struct store_event event = await(threaded);
	assert_int_equal(event.kind, STORE_APPENDED);
	assert_false(event.is_kept);
	assert_int_equal(one.result.verdict, VERDICT_STORE_FULL);
	assert_non_null(strstr(event.why->text, "free space"));
	event = await(threaded);
	assert_int_equal(event.kind, STORE_SYNCED);
	assert_false(event.is_kept);
	assert_non_null(strstr(event.why->text, "free space"));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	one.op.call++;
	store_thread_append(threaded->thread, 0, &one.batch);
	assert_true(await(threaded).is_kept);
	assert_int_equal(one.result.verdict, VERDICT_NEW);
}

// Signals are for who waits for them: the thread would end the process.
static void test_the_thread_takes_no_signal(void **state)
{
	struct threaded *threaded = *state;
	struct one one;
	sigset_t usr1;
	sigset_t pending;
	sigset_t before;
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigprocmask(SIG_BLOCK, &usr1, &before);
	assert_int_equal(kill(getpid(), SIGUSR1), 0);
	prepare(threaded->fixture, &one);
	store_thread_append(threaded->thread, 0, &one.batch);
	await(threaded);
	sigpending(&pending);
	assert_true(sigismember(&pending, SIGUSR1));
	const struct timespec none = {0, 0};
	assert_int_equal(sigtimedwait(&usr1, NULL, &none), SIGUSR1);
	sigprocmask(SIG_SETMASK, &before, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_each_job_has_its_event, set_up_thread, tear_down_thread),
		cmocka_unit_test_setup_teardown(test_many_jobs, set_up_thread, tear_down_thread),
		cmocka_unit_test_setup_teardown(test_stop_finishes_what_was_given, set_up_thread, tear_down_thread),
		cmocka_unit_test_setup_teardown(test_nothing_is_answered_after_a_failure, set_up_thread, tear_down_thread),
		cmocka_unit_test_setup_teardown(test_no_event_follows_a_failure, set_up_thread, tear_down_thread),
		cmocka_unit_test_setup_teardown(test_one_event_is_the_last, set_up_thread, tear_down_thread),
		cmocka_unit_test_setup_teardown(test_no_room_is_no_failure, set_up_thread, tear_down_thread),
		cmocka_unit_test_setup_teardown(test_the_thread_takes_no_signal, set_up_thread, tear_down_thread),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
