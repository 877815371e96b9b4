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

static bool is_taken(int signo, enum signals_use use)
{
	struct sigaction inherited;
	if (signo == SIGTERM || (signo == SIGHUP && use == SIGNALS_SERVER))
		return true;
	return sigaction(signo, NULL, &inherited) == 0 && inherited.sa_handler != SIG_IGN;
}

enum mms_err signals_open(enum signals_use use, int *fd, struct reason *why)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGCONT};
	const struct sigaction ignore = {.sa_handler = SIG_IGN};
	const struct sigaction usual = {.sa_handler = SIG_DFL};
	sigset_t set;
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
		if (is_taken(signals[i], use))
			sigaddset(&set, signals[i]);
	// The descriptor first: if it cannot be had, the signals still end the process as usual.
	const int opened = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (opened < 0) {
		failure_say(why, "cannot receive signals: %s; raise the limit of open files (ulimit -n)",
			    strerror(errno));
		return MMS_E_IO;
	}
	int rc = sigprocmask(SIG_BLOCK, &set, NULL);
	assert(rc == 0);
	// One that was ignored has to become pending; blocked, it cannot end us.
	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
		if (sigismember(&set, signals[i]) == 1)
			(void)sigaction(signals[i], &usual, NULL);
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

int signals_open_ending(void)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	sigset_t set, blocked;
	bool has_any = false;
	sigemptyset(&set);
	const int rc = sigprocmask(SIG_BLOCK, NULL, &blocked);
	assert(rc == 0);
	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
		if (sigismember(&blocked, signals[i]) != 1)
			continue;
		sigaddset(&set, signals[i]);
		has_any = true;
	}
	return has_any ? signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC) : -1;
}
