// SPDX-License-Identifier: ISC
// A FIFO that wakes the running client; the contract is in wake.h.
#include "os/wake.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
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
	*wake = (struct wake){fd, true};
	return MMS_OK;
}

enum mms_err wake_listen(struct wake *wake, const char *path, struct reason *why)
{
	assert(!wake->is_open);
	const bool is_made = mkfifo(path, 0600) == 0;
	if (!is_made && has_no_fifos(errno))
		return listen_by_timer(wake, path, why);
	if (!is_made && errno != EEXIST)
		return failure_file(why, errno, "make the FIFO", path);
	// Open for both ways: it works without a writer, and the end of a writer is not the end of the FIFO.
	const int fd = open(path, O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return failure_file(why, errno, "open the FIFO", path);
	if (!is_our_fifo(fd)) {
		close(fd);
		failure_say(why, "%s is not a FIFO of this user: remove it and start again", path);
		return MMS_E_FORMAT;
	}
	if (is_made)
		directory_own(fd, path);
	*wake = (struct wake){fd, true};
	return MMS_OK;
}

bool wake_drain(struct wake *wake)
{
	char pokes[512];
	bool is_poked = false;
	assert(wake->is_open);
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
	*wake = (struct wake){0, false};
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
