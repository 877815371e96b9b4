// SPDX-License-Identifier: ISC
// Signals as something to poll; the contract is in signals.h.
#include "os/signals.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "os/failure.h"

enum mms_err signals_open(int *fd, struct reason *why)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGCONT};
	sigset_t set;
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
		struct sigaction inherited;
		// Who started us may have had reasons to ignore one: nohup, or a shell that put us into the background.
		if (sigaction(signals[i], NULL, &inherited) == 0 && inherited.sa_handler != SIG_IGN)
			sigaddset(&set, signals[i]);
	}
	// The descriptor first: if it cannot be had, the signals still end the process as usual.
	const int opened = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (opened < 0) {
		failure_say(why, "cannot receive signals: %s; raise the limit of open files (ulimit -n)",
			    strerror(errno));
		return MMS_E_IO;
	}
	int rc = sigprocmask(SIG_BLOCK, &set, NULL);
	assert(rc == 0);
	const struct sigaction ignore = {.sa_handler = SIG_IGN};
	rc = sigaction(SIGPIPE, &ignore, NULL);
	assert(rc == 0);
	*fd = opened;
	return MMS_OK;
}

bool signals_next(int fd, int *signo)
{
	struct signalfd_siginfo info;
	if (read(fd, &info, sizeof info) != (ssize_t)sizeof info)
		return false;
	*signo = (int)info.ssi_signo;
	return true;
}
