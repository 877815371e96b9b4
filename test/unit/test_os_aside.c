// SPDX-License-Identifier: ISC
// os/aside: who cannot go on lends its locks, and has them again if nobody took them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "os/aside.h"
#include "os/standard.h"
#include "os/wake.h"
#include "scratch.h"

static struct scratch scratch;
static struct reason why;
static struct lock first, second, other;
static char first_path[sizeof scratch.path], second_path[sizeof scratch.path], news[sizeof scratch.path];

static int set_up(void **state)
{
	(void)state;
	struct lock *const locks[ASIDE_LOCKS_MAX] = {&first, &second};
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTSTP, SIG_DFL);
	scratch_open(&scratch);
	snprintf(first_path, sizeof first_path, "%s", scratch_path(&scratch, "first"));
	snprintf(second_path, sizeof second_path, "%s", scratch_path(&scratch, "second"));
	snprintf(news, sizeof news, "%s", scratch_path(&scratch, "news"));
	assert_int_equal(lock_take(&first, first_path, &why), MMS_OK);
	aside_watch(locks, news);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	aside_forget();
	lock_release(&first);
	lock_release(&second);
	lock_release(&other);
	scratch_close(&scratch);
	return 0;
}

static void test_locks_are_lent(void **state)
{
	(void)state;
	struct wake wake = {0};
	assert_int_equal(wake_follow(&wake, news, &why), MMS_OK);
	assert_int_equal(lock_take(&other, first_path, &why), MMS_E_BUSY);
	aside_step();
	assert_true(wake_drain(&wake)); // who follows hears of it
	aside_step(); // a stop while it waits for a reader
	aside_back();
	assert_int_equal(lock_take(&other, first_path, &why), MMS_OK);
	lock_release(&other);
	aside_back();
	assert_false(aside_was_overtaken());
	assert_int_equal(lock_take(&other, first_path, &why), MMS_E_BUSY);

	aside_step();
	assert_int_equal(lock_take(&other, first_path, &why), MMS_OK);
	aside_back();
	assert_true(aside_was_overtaken());
	assert_false(aside_was_overtaken());
	lock_release(&first);

	// Who had it in between counts too, and what it did.
	assert_int_equal(lock_take(&first, second_path, &why), MMS_OK);
	lock_count(&first);
	aside_step();
	aside_back();
	assert_false(aside_was_overtaken());
	aside_step();
	lock_release(&other);
	assert_int_equal(lock_take(&other, second_path, &why), MMS_OK);
	lock_count(&other);
	lock_release(&other);
	aside_back();
	assert_true(aside_was_overtaken());
	lock_release(&first);

	// What is not held is not taken either.
	aside_step();
	aside_back();
	assert_false(aside_was_overtaken());
	assert_int_equal(lock_take(&first, second_path, &why), MMS_OK);
	lock_release(&first);

	aside_forget();
	aside_step();
	aside_back();
	assert_false(aside_was_overtaken());
	wake_close(&wake);
}

// A child with the lock that stops itself as a terminal does; its status says whether it was overtaken.
static pid_t stopped_child(int signo, bool is_handled)
{
	struct lock *const locks[ASIDE_LOCKS_MAX] = {&first, &second};
	lock_release(&first);
	const pid_t child = fork();
	if (child == 0) {
		setpgid(0, 0); // not an orphaned group, which no terminal stops
		aside_forget();
		if (is_handled)
			signal(signo, SIG_IGN);
		if (lock_take(&first, first_path, &why) != MMS_OK)
			_exit(2);
		aside_watch(locks, news);
		raise(signo);
		_exit(aside_was_overtaken() ? 1 : 0);
	}
	return child;
}

static int end_of(pid_t child)
{
	int status = 0;
	assert_int_equal(kill(child, SIGCONT), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_a_stop_by_the_terminal(void **state)
{
	(void)state;
	static const int signals[] = {SIGTSTP, SIGTTIN, SIGTTOU};
	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
		for (int is_taken = 0; is_taken <= 1; is_taken++) {
			int status = 0;
			const pid_t child = stopped_child(signals[i], false);
			assert_int_equal(waitpid(child, &status, WUNTRACED), child);
			assert_true(WIFSTOPPED(status));
			assert_int_equal(lock_take(&other, first_path, &why), MMS_OK);
			if (is_taken == 0)
				lock_release(&other);
			assert_int_equal(end_of(child), is_taken);
			lock_release(&other);
		}
	assert_int_equal(end_of(stopped_child(SIGTSTP, true)), 0); // it does not stop
}

// A stop that comes while the process is at its store has its effect afterwards.
static void test_a_stop_is_held_off(void **state)
{
	(void)state;
	int fd[2], status = 0;
	char seen = 0;
	assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
	lock_release(&first);
	const pid_t child = fork();
	if (child == 0) {
		struct lock *const locks[ASIDE_LOCKS_MAX] = {&first, &second};
		setpgid(0, 0);
		aside_watch(locks, news);
		aside_hold();
		raise(SIGTSTP);
		const bool is_written = write(fd[1], "1", 1) == 1;
		aside_let();
		_exit(is_written ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, WUNTRACED), child);
	assert_true(WIFSTOPPED(status));
	close(fd[1]);
	assert_int_equal(read(fd[0], &seen, 1), 1);
	assert_int_equal(end_of(child), 0);
	close(fd[0]);
}

static volatile sig_atomic_t handled_count;

static void handle(int signo)
{
	(void)signo;
	handled_count++;
}

static void test_a_handler_that_is_there_is_called(void **state)
{
	(void)state;
	struct lock *const locks[ASIDE_LOCKS_MAX] = {&first, &second};
	aside_forget();
	signal(SIGTSTP, handle);
	aside_watch(locks, news);
	raise(SIGTSTP);
	raise(SIGTSTP);
	assert_int_equal(handled_count, 2);
	aside_forget();
	raise(SIGTSTP);
	assert_int_equal(handled_count, 3);
	signal(SIGTSTP, SIG_DFL);
}

// While nobody reads, another process may receive.
static void test_a_reader_that_does_not_read(void **state)
{
	(void)state;
	static char much[65536];
	int fd[2];
	assert_int_equal(pipe2(fd, O_NONBLOCK | O_CLOEXEC), 0);
	while (write(fd[1], much, sizeof much) > 0)
		;
	const pid_t child = fork();
	if (child == 0) { // takes the lock as soon as it can
		struct lock taken = {0};
		const enum mms_err err = lock_take_blocking(&taken, first_path, &why);
		while (read(fd[0], much, sizeof much) > 0)
			;
		close(fd[1]);
		struct pollfd parent = {.fd = fd[0], .events = POLLIN};
		_exit(err == MMS_OK && poll(&parent, 1, 20000) > 0 ? 0 : 1); // until the other end is closed
	}
	assert_int_equal(standard_wait(fd[0], POLLIN, MTIME_NEVER), STANDARD_OK); // what is read keeps nobody waiting
	assert_int_equal(standard_wait(fd[1], POLLOUT, MTIME_NEVER), STANDARD_OK);
	assert_true(aside_was_overtaken());
	close(fd[1]);
	int status = 0;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	close(fd[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_locks_are_lent, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_stop_by_the_terminal, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_stop_is_held_off, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_handler_that_is_there_is_called, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_reader_that_does_not_read, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
