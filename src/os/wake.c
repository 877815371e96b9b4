// SPDX-License-Identifier: ISC
// A FIFO that wakes the running client; the contract is in wake.h.
#include "os/wake.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/failure.h"

static bool is_our_fifo(int fd)
{
	struct stat status;
	return fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode) && status.st_uid == geteuid();
}

enum mms_err wake_listen(struct wake *wake, const char *path, struct reason *why)
{
	assert(!wake->is_open);
	if (mkfifo(path, 0600) != 0 && errno != EEXIST)
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
