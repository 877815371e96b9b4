// SPDX-License-Identifier: ISC
// Standing aside: while a process cannot go on, because its terminal has stopped it (SIGTSTP, SIGTTIN, SIGTTOU) or because
// nobody reads what it writes, other processes may have the locks that it holds. When it goes on it has them again, unless
// another one does. One process, one such set of locks. Layer: os.
#ifndef MMS_OS_ASIDE_H
#define MMS_OS_ASIDE_H

#include <stdbool.h>

#include "os/lock.h"

enum { ASIDE_LOCKS_MAX = 2 };

// From now on the process stands aside when a terminal stops it: `locks`, kept, are lent while they are held, and those who
// follow at the FIFO `news`, kept, are stirred (os/wake.h). A signal that is ignored stays so, and a handler that is there is
// called as well.
void aside_watch(struct lock *const locks[ASIDE_LOCKS_MAX], const char *news);

// No more.
void aside_forget(void);

// Between these two no terminal stops the process: who writes to a store, and is stopped, would keep all others from writing.
void aside_hold(void);
void aside_let(void); // see aside_hold

// The process waits from now on for what may take long; it does not any more. Nothing where nothing is watched.
void aside_step(void);
void aside_back(void); // see aside_step

// Whether another process has taken a lock meanwhile (lock_count), be it that it has given it back, since this was last asked: then
// those still held are for the owner to release.
bool aside_was_overtaken(void);

#endif
