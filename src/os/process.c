// SPDX-License-Identifier: ISC
// What a process inherits; the contract is in process.h.
#include "os/process.h"

#include <assert.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <unistd.h>

// What a closed descriptor is opened for. Standard output only for reading: a write that nobody gets must fail.
static const int null_mode[] = {[STDIN_FILENO] = O_RDONLY, [STDOUT_FILENO] = O_RDONLY, [STDERR_FILENO] = O_WRONLY};

static void open_terminal_anew(int fd, int flags)
{
	char name[PATH_MAX] = "";
	if ((flags & O_NONBLOCK) == 0 || ttyname_r(fd, name, sizeof name) != 0)
		return;
	const int fresh = open(name, (flags & O_ACCMODE) | (flags & O_APPEND) | O_NOCTTY | O_CLOEXEC);
	if (fresh < 0)
		return; // it stays as it was
	(void)dup2(fresh, fd);
	close(fresh);
}

bool process_start(void)
{
	sigset_t none;
	const struct sigaction ignore = {.sa_handler = SIG_IGN};
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		const int flags = fcntl(fd, F_GETFL);
		if (flags >= 0) {
			open_terminal_anew(fd, flags);
			continue;
		}
		const int opened = open("/dev/null", null_mode[fd] | O_NOCTTY); // the lowest that is free
		if (opened != fd)
			return false;
	}
	int rc = sigaction(SIGPIPE, &ignore, NULL);
	assert(rc == 0);
	rc = sigaction(SIGXFSZ, &ignore, NULL);
	assert(rc == 0);
	sigemptyset(&none);
	rc = sigprocmask(SIG_SETMASK, &none, NULL);
	assert(rc == 0);
	return true;
}
