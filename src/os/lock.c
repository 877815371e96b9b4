// SPDX-License-Identifier: ISC
// Locks between processes; the contract is in lock.h.
#include "os/lock.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "os/directory.h"
#include "os/failure.h"
#include "os/file.h"

static enum mms_err take(struct lock *lock, const char *path, int operation, struct reason *why)
{
	assert(!lock->is_held);
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd >= 0) {
		directory_own(fd, path);
	} else if (errno == EEXIST) {
		const enum mms_err err = file_open(path, O_RDWR | O_NOFOLLOW, &fd, why);
		if (err != MMS_OK)
			return err;
	} else {
		return failure_file(why, errno, "open the lock", path);
	}
	int rc;
	do
		rc = flock(fd, operation);
	while (rc != 0 && errno == EINTR);
	if (rc == 0) {
		*lock = (struct lock){.fd = fd, .is_held = true};
		return MMS_OK;
	}
	enum mms_err err = MMS_E_BUSY;
	if (errno == EWOULDBLOCK)
		failure_say(why, "another MMS process holds the lock %s: wait until it ends, or stop it", path);
	else
		err = failure_file(why, errno, "take the lock", path);
	close(fd);
	return err;
}

enum mms_err lock_take(struct lock *lock, const char *path, struct reason *why)
{
	return take(lock, path, LOCK_EX | LOCK_NB, why);
}

enum mms_err lock_take_blocking(struct lock *lock, const char *path, struct reason *why)
{
	return take(lock, path, LOCK_EX, why);
}

enum mms_err lock_take_directory(struct lock *lock, const char *path, struct reason *why)
{
	assert(!lock->is_held);
	lock->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (lock->fd < 0)
		return failure_file(why, errno, "open the directory", path);
	lock->is_held = flock(lock->fd, LOCK_EX | LOCK_NB) == 0;
	if (lock->is_held)
		return MMS_OK;
	const bool is_busy = errno == EWOULDBLOCK;
	close(lock->fd);
	if (!is_busy)
		return MMS_OK;
	failure_say(why, "another MMS process holds the directory %s: wait until it ends, or stop it", path);
	return MMS_E_BUSY;
}

// 0: none was counted.
static uint64_t read_turn(const struct lock *lock)
{
	uint64_t turn = 0;
	return pread(lock->fd, &turn, sizeof turn, 0) == (ssize_t)sizeof turn ? turn : 0;
}

void lock_count(struct lock *lock)
{
	assert(lock->is_held);
	const uint64_t turn = read_turn(lock) + 1;
	lock->turn = pwrite(lock->fd, &turn, sizeof turn, 0) == (ssize_t)sizeof turn ? turn : 0;
}

void lock_lend(const struct lock *lock)
{
	if (lock->is_held)
		(void)flock(lock->fd, LOCK_UN);
}

bool lock_regain(const struct lock *lock)
{
	if (!lock->is_held)
		return true;
	return flock(lock->fd, LOCK_EX | LOCK_NB) == 0 && (lock->turn == 0 || read_turn(lock) == lock->turn);
}

void lock_release(struct lock *lock)
{
	if (!lock->is_held)
		return;
	// An explicit unlock, since a forked child may still hold a copy of the descriptor.
	flock(lock->fd, LOCK_UN);
	close(lock->fd);
	*lock = (struct lock){0};
}
