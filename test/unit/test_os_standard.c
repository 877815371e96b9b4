// SPDX-License-Identifier: ISC
// os/standard and os/process: descriptors as whoever started us left them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/process.h"
#include "os/signals.h"
#include "os/standard.h"

static struct reason why;

// Each case runs in a child, whose descriptors and signals are its own; it ends with 0 when all it expected was so.
#define EXPECT(condition) \
	do { \
		if (!(condition)) \
			_exit(__LINE__ % 200 + 1); \
	} while (0)

static void in_child(void (*body)(void))
{
	fflush(stdout);
	fflush(stderr);
	const pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		alarm(20);
		body();
		_exit(0);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("the child ended with 0x%x; an exit status is the line modulo 200, plus 1", (unsigned)status);
}

static void closed(void)
{
	size_t bytes = 7;
	char letter;
	close(0);
	close(1);
	close(2);
	EXPECT(process_start());
	EXPECT(standard_read(&letter, 1, &bytes, &why) == STANDARD_OK);
	EXPECT(bytes == 0);
	EXPECT(!standard_can_put(&why));
	EXPECT(strstr(why.text, "standard output") != NULL);
	(void)standard_put("x", 1);
	EXPECT(standard_flush(&why) == STANDARD_FAILED);
	EXPECT(standard_flush(&why) == STANDARD_FAILED); // for good
	standard_say("x", 1);
	EXPECT(open("/dev/null", O_RDONLY | O_CLOEXEC) > STDERR_FILENO); // however many the test itself was given
}

static void test_closed_descriptors(void **state)
{
	(void)state;
	in_child(closed);
}

static void signals_inherited(void)
{
	sigset_t all, blocked;
	signal(SIGPIPE, SIG_DFL);
	sigfillset(&all);
	EXPECT(sigprocmask(SIG_SETMASK, &all, NULL) == 0);
	EXPECT(process_start());
	EXPECT(sigprocmask(SIG_SETMASK, NULL, &blocked) == 0);
	EXPECT(sigisemptyset(&blocked));
	EXPECT(raise(SIGPIPE) == 0);
}

static void test_signals_are_unblocked(void **state)
{
	(void)state;
	in_child(signals_inherited);
}

// Standard output is a pipe that holds a page; its other end is returned.
static int small_pipe(bool is_blocking)
{
	int ends[2];
	EXPECT(pipe(ends) == 0);
	EXPECT(fcntl(ends[1], F_SETPIPE_SZ, 4096) > 0);
	EXPECT(is_blocking || fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0);
	EXPECT(dup2(ends[1], STDOUT_FILENO) == STDOUT_FILENO);
	close(ends[1]);
	EXPECT(process_start());
	return ends[0];
}

enum { LONG_BYTES = 200 * 1000 };

static void put_line(int number)
{
	char line[16]; // any number fits; these have ten letters with the newline
	snprintf(line, sizeof line, "%09d\n", number);
	(void)standard_put(line, 10);
}

static void put_long(void)
{
	for (int i = 0; i < LONG_BYTES / 10; i++)
		put_line(i);
}

static void *read_long(void *context)
{
	const int fd = *(const int *)context;
	char line[11] = "";
	FILE *stream = fdopen(fd, "r");
	EXPECT(stream != NULL);
	for (int i = 0; i < LONG_BYTES / 10; i++) {
		EXPECT(fgets(line, sizeof line, stream) != NULL);
		EXPECT(atoi(line) == i);
	}
	return NULL;
}

static void slow_reader(void)
{
	int fd = small_pipe(false);
	pthread_t reader;
	EXPECT(pthread_create(&reader, NULL, read_long, &fd) == 0);
	put_long();
	EXPECT(standard_flush(&why) == STANDARD_OK);
	EXPECT(pthread_join(reader, NULL) == 0);
}

static void test_output_waits_for_room(void **state)
{
	(void)state;
	in_child(slow_reader);
}

static void no_reader(void)
{
	const int fd = small_pipe(true);
	EXPECT(standard_can_put(&why));
	close(fd);
	EXPECT(!standard_can_put(&why));
	(void)standard_put("x", 1);
	EXPECT(standard_flush(&why) == STANDARD_GONE);
}

static void test_a_reader_that_is_gone(void **state)
{
	(void)state;
	in_child(no_reader);
}

static void signal_while_waiting(void)
{
	int signo, fd = -1;
	const int reader = small_pipe(true);
	EXPECT(signals_open(SIGNALS_CLIENT, &fd, &why) == MMS_OK);
	EXPECT(raise(SIGTERM) == 0);
	put_long();
	EXPECT(standard_flush(&why) == STANDARD_STOPPED);
	EXPECT(signals_next(fd, &signo)); // still there for whoever acts on it
	EXPECT(signo == SIGTERM);
	close(reader);
}

static void resize_while_waiting(void)
{
	int fd = -1;
	const int reader = small_pipe(false);
	EXPECT(signals_open(SIGNALS_CLIENT, &fd, &why) == MMS_OK);
	EXPECT(raise(SIGWINCH) == 0);
	standard_set_deadline(mtime_add_ms(clock_monotonic(), 1));
	put_long();
	EXPECT(standard_flush(&why) == STANDARD_LATE);
	close(reader);
}

static void test_what_ends_the_wait(void **state)
{
	(void)state;
	in_child(signal_while_waiting);
	in_child(resize_while_waiting);
}

static void text_later(void)
{
	int ends[2], fd = -1;
	size_t bytes;
	char text[8];
	EXPECT(pipe(ends) == 0);
	EXPECT(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0);
	EXPECT(dup2(ends[0], STDIN_FILENO) == STDIN_FILENO);
	EXPECT(process_start());
	const pid_t writer = fork();
	if (writer == 0) {
		EXPECT(write(ends[1], "later", 5) == 5);
		_exit(0);
	}
	EXPECT(standard_read(text, sizeof text, &bytes, &why) == STANDARD_OK);
	EXPECT(bytes == 5);
	EXPECT(signals_open(SIGNALS_CLIENT, &fd, &why) == MMS_OK);
	EXPECT(raise(SIGTERM) == 0);
	EXPECT(standard_read(text, sizeof text, &bytes, &why) == STANDARD_STOPPED);
	EXPECT(bytes == 0);
}

static void test_input_waits_for_text(void **state)
{
	(void)state;
	in_child(text_later);
}

static void full(void)
{
	const int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	EXPECT(dup2(fd, STDOUT_FILENO) == STDOUT_FILENO);
	EXPECT(process_start());
	(void)standard_put("x", 1);
	EXPECT(standard_flush(&why) == STANDARD_FAILED);
	EXPECT(strstr(why.text, "No space left") != NULL && strstr(why.text, "make room") != NULL);
}

static void test_a_full_disk_is_told(void **state)
{
	(void)state;
	in_child(full);
}

// Which signals a command takes that whoever started it has ignored.
static void ignored_by(enum signals_use use, bool takes_hup)
{
	int signo, fd = -1;
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	EXPECT(signals_open(use, &fd, &why) == MMS_OK);
	EXPECT(raise(SIGINT) == 0);
	EXPECT(!signals_next(fd, &signo));
	EXPECT(raise(SIGHUP) == 0);
	EXPECT(signals_next(fd, &signo) == takes_hup);
	EXPECT(raise(SIGTERM) == 0);
	EXPECT(signals_next(fd, &signo));
	EXPECT(signo == SIGTERM);
}

static void ignored_by_a_server(void)
{
	ignored_by(SIGNALS_SERVER, true);
}

static void ignored_by_a_client(void)
{
	ignored_by(SIGNALS_CLIENT, false);
}

static void test_ignored_signals(void **state)
{
	(void)state;
	in_child(ignored_by_a_server);
	in_child(ignored_by_a_client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_closed_descriptors),
		cmocka_unit_test(test_signals_are_unblocked),
		cmocka_unit_test(test_output_waits_for_room),
		cmocka_unit_test(test_a_reader_that_is_gone),
		cmocka_unit_test(test_what_ends_the_wait),
		cmocka_unit_test(test_input_waits_for_text),
		cmocka_unit_test(test_a_full_disk_is_told),
		cmocka_unit_test(test_ignored_signals),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
