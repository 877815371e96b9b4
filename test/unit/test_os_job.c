// SPDX-License-Identifier: ISC
// os/job: work beside the loop, and an end that waits for it. tools/check runs it under the thread sanitizer as well.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "os/job.h"

enum { PATIENCE_MS = 20 * 1000 };

static struct reason why;

struct work {
	int go; // a pipe: the work waits for a byte
	bool is_done;
	bool is_signal_blocked;
	pthread_t thread;
};

static void work(void *context)
{
	struct work *it = context;
	sigset_t blocked;
	char byte;
	pthread_sigmask(SIG_SETMASK, NULL, &blocked);
	it->is_signal_blocked = sigismember(&blocked, SIGTERM) == 1;
	it->thread = pthread_self();
	it->is_done = it->go < 0 || read(it->go, &byte, 1) == 1;
}

static void wait_for(struct job *job)
{
	struct pollfd polled = {.fd = job->fd, .events = POLLIN};
	assert_int_equal(poll(&polled, 1, PATIENCE_MS), 1);
	assert_true(job_take(job));
	assert_false(job_take(job));
}

static void test_done_beside(void **state)
{
	int fds[2];
	struct job job = {0};
	(void)state;
	assert_int_equal(pipe(fds), 0);
	struct work it = {.go = fds[0]};
	assert_int_equal(job_open(&job, &why), MMS_OK);
	assert_false(job_take(&job));
	for (int i = 0; i < 3; i++) {
		it.is_done = false;
		job_start(&job, work, &it);
		assert_false(job_take(&job)); // it waits
		assert_int_equal(write(fds[1], "", 1), 1);
		wait_for(&job);
		assert_true(it.is_done && it.is_signal_blocked);
		assert_false(pthread_equal(it.thread, pthread_self()) != 0);
	}
	job_close(&job);
	job_close(&job);
	close(fds[0]);
	close(fds[1]);
}

static void test_end_waits(void **state)
{
	struct job job = {0};
	struct work it = {.go = -1};
	(void)state;
	assert_int_equal(job_open(&job, &why), MMS_OK);
	job_start(&job, work, &it);
	job_close(&job);
	assert_true(it.is_done);
	assert_false(job.is_open);
}

static void test_without_a_descriptor(void **state)
{
	struct job job = {0};
	struct rlimit before;
	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	const struct rlimit none = {0, before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(job_open(&job, &why), MMS_E_IO);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_false(job.is_open || job_take(&job));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_done_beside),
		cmocka_unit_test(test_end_waits),
		cmocka_unit_test(test_without_a_descriptor),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
