// SPDX-License-Identifier: ISC
// Standard input, output and error; the contract is in standard.h.
#include "os/standard.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "os/aside.h"
#include "os/clock.h"
#include "os/failure.h"
#include "os/signals.h"

enum {
	// One write: a pipe that poll calls ready takes as much without blocking, also when it is in blocking mode. A terminal
	// need not; see standard_write.
	WRITE_BYTES_MAX = PIPE_BUF,
	WAIT_MS_MAX = 60 * 60 * 1000,
};

static struct {
	char data[STANDARD_BUFFER_BYTES];
	size_t bytes;
	enum standard_verdict verdict;
	int error; // the errno value behind STANDARD_FAILED
	struct mtime deadline; // MTIME_NEVER, but that is no constant to C
} output = {.deadline = {INT64_MAX}};

static int wait_ms(struct mtime deadline)
{
	if (deadline.us == MTIME_NEVER.us)
		return -1;
	const int64_t left_us = mtime_diff_us(deadline, clock_monotonic());
	return left_us <= 0 ? 0 : left_us / 1000 >= WAIT_MS_MAX ? WAIT_MS_MAX : (int)(left_us / 1000 + 1);
}

enum standard_verdict standard_wait(int fd, short events, struct mtime deadline)
{
	struct pollfd polled[2] = {{.fd = fd, .events = events}, {.fd = -1, .events = POLLIN}};
	if (poll(polled, 1, 0) > 0)
		return STANDARD_OK;
	polled[1].fd = signals_open_ending();
	if (events == POLLOUT)
		aside_step(); // a reader that does not read keeps no other process waiting
	enum standard_verdict verdict = STANDARD_OK;
	for (;;) {
		const int ready = poll(polled, 2, wait_ms(deadline));
		if (polled[0].revents != 0 && ready > 0)
			break;
		if (ready > 0)
			verdict = STANDARD_STOPPED;
		else if (ready == 0 && mtime_is_due(deadline, clock_monotonic()))
			verdict = STANDARD_LATE;
		else if (ready < 0 && errno != EINTR)
			verdict = STANDARD_FAILED;
		if (verdict != STANDARD_OK)
			break;
	}
	if (events == POLLOUT)
		aside_back();
	if (polled[1].fd >= 0)
		close(polled[1].fd);
	return verdict;
}

// That it comes is all: it interrupts a write(2) that waits.
static void interrupt(int signo)
{
	(void)signo;
}

// Again and again, since the first may come before the write has begun to wait.
static bool start_interrupting(timer_t *timer)
{
	const struct timespec step = {.tv_nsec = STANDARD_TERMINAL_MS * 1000000L};
	const struct itimerspec every = {.it_interval = step, .it_value = step};
	const struct sigaction action = {.sa_handler = interrupt}; // no SA_RESTART
	// Not SIGALRM: whoever started us may have set an alarm to end us.
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
	return sigaction(SIGRTMIN, &action, NULL) == 0 && timer_create(CLOCK_MONOTONIC, &event, timer) == 0 &&
	       timer_settime(*timer, 0, &every, NULL) == 0;
}

ssize_t standard_write(int fd, const void *data, size_t bytes)
{
	timer_t timer;
	if (isatty(fd) != 1 || !start_interrupting(&timer))
		return write(fd, data, bytes);
	const ssize_t put = write(fd, data, bytes);
	const int error = errno;
	timer_delete(timer);
	errno = error;
	return put;
}

static bool is_passing(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

// Waits a little for room where poll sees some and write finds too little, as in a terminal for a newline.
static enum standard_verdict wait_for_more_room(struct mtime deadline)
{
	const struct mtime soon = mtime_add_ms(clock_monotonic(), STANDARD_TERMINAL_MS);
	const enum standard_verdict verdict = standard_wait(-1, 0, soon);
	if (verdict != STANDARD_LATE)
		return verdict;
	return mtime_is_due(deadline, clock_monotonic()) ? STANDARD_LATE : STANDARD_OK;
}

static enum standard_verdict write_all(int fd, const char *data, size_t bytes, struct mtime deadline, int *error)
{
	while (bytes > 0) {
		enum standard_verdict verdict = standard_wait(fd, POLLOUT, deadline);
		*error = errno;
		if (verdict != STANDARD_OK)
			return verdict;
		const ssize_t put = standard_write(fd, data, bytes < WRITE_BYTES_MAX ? bytes : WRITE_BYTES_MAX);
		*error = errno;
		if (put < 0 && !is_passing(errno))
			return errno == EPIPE ? STANDARD_GONE : STANDARD_FAILED;
		if (put <= 0) {
			verdict = wait_for_more_room(deadline);
			if (verdict != STANDARD_OK)
				return verdict;
		} else {
			data += put;
			bytes -= (size_t)put;
		}
	}
	return STANDARD_OK;
}

static void fail_of(struct reason *why, const char *action, int error)
{
	const char *advice = error == ENOSPC || error == EDQUOT || error == EFBIG ? "make room where it leads" :
										    "look where it leads";
	failure_say(why, "cannot %s: %s; %s", action, error == EBADF ? "it is closed" : strerror(error), advice);
}

void standard_fail_read(struct reason *why, int error)
{
	fail_of(why, "read standard input", error);
}

enum standard_verdict standard_read(void *data, size_t capacity, size_t *bytes, struct reason *why)
{
	*bytes = 0;
	for (;;) {
		const enum standard_verdict verdict = standard_wait(STDIN_FILENO, POLLIN, MTIME_NEVER);
		if (verdict != STANDARD_OK)
			return verdict;
		const ssize_t got = read(STDIN_FILENO, data, capacity);
		if (got >= 0) {
			*bytes = (size_t)got;
			return STANDARD_OK;
		}
		if (!is_passing(errno)) {
			standard_fail_read(why, errno);
			return STANDARD_FAILED;
		}
	}
}

static void write_out(void)
{
	if (output.verdict == STANDARD_OK)
		output.verdict = write_all(STDOUT_FILENO, output.data, output.bytes, output.deadline, &output.error);
	output.bytes = 0;
}

bool standard_put(const void *data, size_t bytes)
{
	const char *at = data;
	while (bytes > 0 && output.verdict == STANDARD_OK) {
		const size_t room = sizeof output.data - output.bytes;
		const size_t taken = bytes < room ? bytes : room;
		memcpy(output.data + output.bytes, at, taken);
		output.bytes += taken;
		at += taken;
		bytes -= taken;
		if (output.bytes == sizeof output.data)
			write_out();
	}
	return output.verdict == STANDARD_OK;
}

enum standard_verdict standard_flush(struct reason *why)
{
	write_out();
	if (output.verdict == STANDARD_FAILED)
		fail_of(why, "write to standard output", output.error);
	return output.verdict;
}

void standard_set_deadline(struct mtime deadline)
{
	output.deadline = deadline;
}

bool standard_can_put(struct reason *why)
{
	struct pollfd polled = {.fd = STDOUT_FILENO, .events = POLLOUT};
	const int flags = fcntl(STDOUT_FILENO, F_GETFL);
	int error = 0;
	if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY)
		error = EBADF;
	else if (poll(&polled, 1, 0) > 0 && (polled.revents & POLLERR) != 0)
		error = EPIPE;
	if (error != 0)
		fail_of(why, "write to standard output", error);
	return error == 0;
}

void standard_say(const char *text, size_t bytes)
{
	int error;
	(void)write_all(STDERR_FILENO, text, bytes, output.deadline, &error);
}
