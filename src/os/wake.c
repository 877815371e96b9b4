// SPDX-License-Identifier: ISC
// A FIFO that wakes the running client; the contract is in wake.h.
#include "os/wake.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "os/directory.h"
#include "os/failure.h"

static bool is_our_fifo(int fd)
{
	struct stat status;
	return fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode) &&
	       (status.st_uid == geteuid() || geteuid() == 0); // root may act for whoever owns the directory
}

// Whether mkfifo(2) tells that this file system, or this system, has no FIFOs. EPERM is no lack of rights: that is EACCES.
static bool has_no_fifos(int error)
{
	return error == EPERM || error == ENOSYS || error == EOPNOTSUPP || error == EINVAL;
}

static enum mms_err listen_by_timer(struct wake *wake, const char *path, struct reason *why)
{
	const struct itimerspec every = {.it_interval = {.tv_sec = WAKE_LOOK_S}, .it_value = {.tv_sec = WAKE_LOOK_S}};
	const int fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (fd < 0)
		return failure_file(why, errno, "make a timer in place of the FIFO", path);
	const int rc = timerfd_settime(fd, 0, &every, NULL);
	assert(rc == 0);
	*wake = (struct wake){.fd = fd, .is_open = true};
	return MMS_OK;
}

// *opened < 0: there are no FIFOs here.
static enum mms_err open_fifo(const char *path, int way, int *opened, struct reason *why)
{
	const bool is_made = mkfifo(path, 0600) == 0;
	*opened = -1;
	if (!is_made && has_no_fifos(errno))
		return MMS_OK;
	if (!is_made && errno != EEXIST)
		return failure_file(why, errno, "make the FIFO", path);
	const int fd = open(path, way | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return failure_file(why, errno, "open the FIFO", path);
	if (!is_our_fifo(fd)) {
		close(fd);
		failure_say(why, "%s is not a FIFO of this user: remove it and start again", path);
		return MMS_E_FORMAT;
	}
	if (is_made)
		directory_own(fd, path);
	*opened = fd;
	return MMS_OK;
}

enum mms_err wake_listen(struct wake *wake, const char *path, struct reason *why)
{
	int fd = -1;
	assert(!wake->is_open);
	// Open for both ways: it works without a writer, and the end of a writer is not the end of the FIFO.
	const enum mms_err err = open_fifo(path, O_RDWR, &fd, why);
	if (err != MMS_OK)
		return err;
	if (fd < 0)
		return listen_by_timer(wake, path, why);
	*wake = (struct wake){.fd = fd, .is_open = true};
	return MMS_OK;
}

// Of many readers only one would get a byte. So none reads: each has the kernel tell it, once, that something was written, or that
// there is no writer any more.
enum mms_err wake_follow(struct wake *wake, const char *path, struct reason *why)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLET};
	int fifo = -1;
	assert(!wake->is_open);
	const enum mms_err err = open_fifo(path, O_RDONLY, &fifo, why);
	if (err != MMS_OK)
		return err;
	if (fifo < 0)
		return listen_by_timer(wake, path, why);
	const int fd = epoll_create1(EPOLL_CLOEXEC);
	if (fd >= 0 && epoll_ctl(fd, EPOLL_CTL_ADD, fifo, &event) == 0) {
		*wake = (struct wake){.fd = fd, .is_open = true, .is_following = true, .fifo = fifo};
		return MMS_OK;
	}
	const enum mms_err failed = failure_file(why, errno, "wait at the FIFO", path);
	if (fd >= 0)
		close(fd);
	close(fifo);
	return failed;
}

bool wake_drain(struct wake *wake)
{
	char pokes[512];
	bool is_poked = false;
	struct epoll_event event;
	assert(wake->is_open);
	if (wake->is_following)
		return epoll_wait(wake->fd, &event, 1, 0) > 0;
	// A read that does not fill the buffer has emptied the FIFO.
	ssize_t got;
	do {
		got = read(wake->fd, pokes, sizeof pokes);
		is_poked = is_poked || got > 0;
	} while (got == (ssize_t)sizeof pokes);
	return is_poked;
}

void wake_close(struct wake *wake)
{
	if (wake->is_open)
		close(wake->fd);
	if (wake->is_following)
		close(wake->fifo);
	*wake = (struct wake){0};
}

void wake_poke(const char *path)
{
	struct sigaction pipe_action;
	const int rc = sigaction(SIGPIPE, NULL, &pipe_action);
	assert(rc == 0);
	assert(pipe_action.sa_handler == SIG_IGN); // the listener may die between our open and our write
	const int fd = open(path, O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (is_our_fifo(fd)) {
		// A full FIFO is as good as one more poke in it.
		const ssize_t put = write(fd, "", 1);
		(void)put;
	}
	close(fd);
}

void wake_stir(const char *path)
{
	const int kept_errno = errno;
	const int fd = open(path, O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
	if (fd >= 0 && is_our_fifo(fd)) {
		char pokes[512];
		// What others wrote before stays there, since nobody reads it. Without it the FIFO is never full, and each write is news.
		while (read(fd, pokes, sizeof pokes) == (ssize_t)sizeof pokes)
			;
		const ssize_t put = write(fd, "", 1);
		(void)put;
	}
	if (fd >= 0)
		close(fd);
	errno = kept_errno;
}
