// SPDX-License-Identifier: ISC
// Signals as something to poll: nothing of ours runs in a signal handler. Layer: os; once a process, before threads.
//
// What was ignored when the program was started:
//   SIGTERM   taken all the same: it is how a process is asked to end, and nobody ignores it for others.
//   SIGHUP    taken by a server, to which it says "read the users file again". Ignored by the others: nohup means that they
//             live on when the terminal goes.
//   SIGINT    ignored: a shell without job control starts a command behind "&" so, and the key is not meant for it.
#ifndef MMS_OS_SIGNALS_H
#define MMS_OS_SIGNALS_H

#include <stdbool.h>

#include "base/err.h"

enum signals_use { SIGNALS_CLIENT, SIGNALS_SERVER };

// Blocks SIGINT, SIGTERM, SIGHUP, SIGWINCH and SIGCONT, except those that stay ignored (see above), ignores SIGPIPE, and
// stores in `*fd` a non-blocking descriptor that is readable while one of the blocked ones is pending; the caller closes
// it. Programs started later inherit the blocked signals. MMS_E_IO: no descriptor to be had.
enum mms_err signals_open(enum signals_use use, int *fd, struct reason *why) MUST_CHECK;

// Takes the next pending signal. False: none.
bool signals_next(int fd, int *signo);

// A descriptor that is readable while SIGINT, SIGTERM or SIGHUP is pending, of those that are blocked now; nothing is
// taken from it. The caller closes it. -1: none is blocked, or no descriptor is to be had.
int signals_open_ending(void);

#endif
