// SPDX-License-Identifier: ISC
// Signals as something to poll: nothing of ours runs in a signal handler. Layer: os; once a process, before threads.
#ifndef MMS_OS_SIGNALS_H
#define MMS_OS_SIGNALS_H

#include <stdbool.h>

#include "base/err.h"

// Blocks SIGINT, SIGTERM, SIGHUP, SIGWINCH and SIGCONT, except those that were ignored when the program was started;
// ignores SIGPIPE; and stores in `*fd` a non-blocking descriptor that is readable while one of the blocked ones is
// pending; the caller closes it. Programs started later inherit the blocked signals.
// MMS_E_IO: no descriptor to be had.
enum mms_err signals_open(int *fd, struct reason *why) MUST_CHECK;

// Takes the next pending signal. False: none.
bool signals_next(int fd, int *signo);

#endif
