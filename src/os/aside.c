// SPDX-License-Identifier: ISC
// Standing aside; the contract is in aside.h.
#include "os/aside.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stddef.h>

#include "os/wake.h"

static const int stops[] = {SIGTSTP, SIGTTIN, SIGTTOU};

enum { STOP_COUNT = sizeof stops / sizeof stops[0] };

static struct {
	struct lock *lock[ASIDE_LOCKS_MAX];
	const char *news;
	volatile sig_atomic_t depth; // a stop may come while it waits for a reader
	volatile sig_atomic_t is_overtaken;
	struct sigaction before[STOP_COUNT];
	bool is_handled[STOP_COUNT];
} aside;

void aside_step(void)
{
	if (aside.depth++ > 0 || aside.news == NULL)
		return;
	for (size_t i = 0; i < ASIDE_LOCKS_MAX; i++)
		lock_lend(aside.lock[i]);
	wake_stir(aside.news);
}

void aside_back(void)
{
	if (--aside.depth > 0 || aside.news == NULL)
		return;
	for (size_t i = 0; i < ASIDE_LOCKS_MAX; i++)
		if (!lock_regain(aside.lock[i]))
			aside.is_overtaken = 1;
}

static void mask(int how)
{
	sigset_t set;
	sigemptyset(&set);
	for (size_t i = 0; i < STOP_COUNT; i++)
		if (aside.is_handled[i])
			sigaddset(&set, stops[i]);
	const int rc = sigprocmask(how, &set, NULL);
	assert(rc == 0);
}

void aside_hold(void)
{
	mask(SIG_BLOCK);
}

void aside_let(void)
{
	mask(SIG_UNBLOCK);
}

bool aside_was_overtaken(void)
{
	if (aside.is_overtaken == 0)
		return false;
	aside.is_overtaken = 0; // a handler that sets it again just now says the same
	return true;
}

// Stops the process here, by the action that the signal has without a handler.
static void stop(int signo, const struct sigaction *ours)
{
	const struct sigaction usual = {.sa_handler = SIG_DFL};
	sigset_t set;
	sigset_t blocked;
	sigemptyset(&set);
	sigaddset(&set, signo);
	sigaction(signo, &usual, NULL);
	sigprocmask(SIG_UNBLOCK, &set, &blocked);
	raise(signo);
	// cppcheck-suppress unreachableCode ; raise returns when the signal stops us and we go on
	sigprocmask(SIG_SETMASK, &blocked, NULL);
	sigaction(signo, ours, NULL);
}

static void stand_aside(int signo)
{
	const int kept_errno = errno;
	struct sigaction ours;
	sigaction(signo, NULL, &ours);
	aside_step();
	for (size_t i = 0; i < STOP_COUNT; i++) {
		if (stops[i] != signo)
			continue;
		if (aside.before[i].sa_handler == SIG_DFL)
			stop(signo, &ours);
		else
			aside.before[i].sa_handler(signo);
	}
	aside_back();
	errno = kept_errno;
}

void aside_watch(struct lock *const locks[ASIDE_LOCKS_MAX], const char *news)
{
	const struct sigaction ours = {.sa_handler = stand_aside, .sa_flags = SA_RESTART};
	aside_forget();
	for (size_t i = 0; i < ASIDE_LOCKS_MAX; i++)
		aside.lock[i] = locks[i];
	aside.news = news;
	for (size_t i = 0; i < STOP_COUNT; i++) {
		if (sigaction(stops[i], NULL, &aside.before[i]) != 0 || aside.before[i].sa_handler == SIG_IGN)
			continue;
		aside.is_handled[i] = sigaction(stops[i], &ours, NULL) == 0;
	}
}

void aside_forget(void)
{
	for (size_t i = 0; i < STOP_COUNT; i++)
		if (aside.is_handled[i])
			sigaction(stops[i], &aside.before[i], NULL);
	for (size_t i = 0; i < STOP_COUNT; i++)
		aside.is_handled[i] = false;
	aside.news = NULL;
	aside.is_overtaken = 0;
}
