// SPDX-License-Identifier: ISC
// Locks between processes: flock(2) on a file of their own, freed by the kernel when the holder dies. Layer: os.
// The lock file stays: removing it would let two processes lock two files of one name. A zeroed struct is "not held".
// Children of fork share the lock; programs started by exec do not inherit it.
#ifndef MMS_OS_LOCK_H
#define MMS_OS_LOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct lock {
	int fd;
	bool is_held;
	uint64_t turn; // by lock_count; 0: not counted
};

// Takes the lock at `path`, creating the file 0600 if it is missing, for the owner of its directory (directory_own).
// MMS_E_FORMAT: what stands there is no regular file. MMS_E_BUSY: another holder, also in this process;
// other errors as in os/file.h. On error the lock is not held.
enum mms_err lock_take(struct lock *lock, const char *path, struct reason *why) MUST_CHECK;

// The same, but waits for the other holder without limit; only for locks that are held for moments.
enum mms_err lock_take_blocking(struct lock *lock, const char *path, struct reason *why) MUST_CHECK;

// Locks the directory `path` itself, which nobody takes for a stale file and removes. As lock_take, but where the file system
// locks no directories nothing is held, and that is no error: only beside the lock of a file in it.
enum mms_err lock_take_directory(struct lock *lock, const char *path, struct reason *why) MUST_CHECK;

// Counts in the file of a lock that is held how often it was taken so that this was called: for lock_lend. A file that cannot be
// written, as on a full disk, counts nothing.
void lock_count(struct lock *lock);

// For a while another process may have a lock that is held: the struct stays as it is. Not held: nothing happens. Both may be
// called by a handler of signals.
void lock_lend(const struct lock *lock);

// Ends that. False: another process has it, or has had it and counted it; lock_release is due.
bool lock_regain(const struct lock *lock);

// Gives the lock back. Not held: nothing happens.
void lock_release(struct lock *lock);

#endif
