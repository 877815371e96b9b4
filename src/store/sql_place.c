// SPDX-License-Identifier: ISC
// Whether this process is alone with a database, and whether the file still stands where it was opened; the contract is in
// sql.h. Where several processes use one database, each holds a shared lock on PATH-use; who gets it for itself is alone.
// The system drops the lock with the process, so it tells the truth after any end.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store/sql.h"

enum { PLACE_PATH_BYTES = 4096 + 8, USE_WAIT_MS = 2 };

enum mms_err sql_fail_system(struct sql *sql, const char *doing, int error)
{
	const bool is_denied = error == EACCES || error == EPERM || error == EROFS;
	const bool is_full = error == ENOSPC || error == EDQUOT;
	snprintf(sql->reason.text, sizeof sql->reason.text, "cannot %s the %s %s: %s; %s", doing, sql->kind->noun,
		 sql->path, strerror(error),
		 is_full   ? "free space on its disk" :
		 error == EROFS ? "make its file system writable" :
		 is_denied ? "run MMS as the owner of the file and of its directory" :
			     "check its directory");
	return is_full ? MMS_E_NOSPACE : is_denied ? MMS_E_DENIED : MMS_E_IO;
}

// Twice for each transaction, so without a format.
static void path_beside(const struct sql *sql, const char *suffix, char path[PLACE_PATH_BYTES])
{
	const size_t suffix_bytes = strlen(suffix) + 1;
	const size_t bytes = strnlen(sql->path, PLACE_PATH_BYTES - suffix_bytes);
	memcpy(path, sql->path, bytes);
	memcpy(path + bytes, suffix, suffix_bytes);
}

// Waits until the one who was alone, and checks the file, shares the lock.
static enum mms_err share(struct sql *sql)
{
	const struct timespec wait = {.tv_nsec = USE_WAIT_MS * 1000000L};
	for (int waited_ms = 0; flock(sql->use_fd, LOCK_SH | LOCK_NB) != 0; waited_ms += USE_WAIT_MS) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return sql_fail_system(sql, "lock", errno);
		if (waited_ms >= sql->kind->busy_ms) {
			snprintf(sql->reason.text, sizeof sql->reason.text,
				 "cannot open the %s %s: another process is checking it; try again in a moment",
				 sql->kind->noun, sql->path);
			return MMS_E_BUSY;
		}
		nanosleep(&wait, NULL);
	}
	return MMS_OK;
}

enum mms_err sql_place_take(struct sql *sql)
{
	char path[PLACE_PATH_BYTES];
	char byte;
	sql->is_alone = true;
	if (!sql->kind->is_shared)
		return MMS_OK;
	path_beside(sql, "-use", path);
	const int flags = O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW;
	sql->use_fd = open(path, flags | O_CREAT | O_EXCL, 0600);
	if (sql->use_fd >= 0)
		sql_file_own(sql, sql->use_fd);
	else if (errno == EEXIST)
		sql->use_fd = open(path, flags);
	if (sql->use_fd < 0)
		return sql_fail_system(sql, "create a file beside", errno);
	sql->was_made = pread(sql->use_fd, &byte, 1, 0) == 1;
	if (flock(sql->use_fd, LOCK_EX | LOCK_NB) == 0)
		return MMS_OK;
	if (errno == EWOULDBLOCK) {
		sql->is_alone = false;
		return share(sql);
	}
	return MMS_OK; // a file system without locks: every process takes itself for the first
}

enum mms_err sql_place_opened(struct sql *sql)
{
	char path[PLACE_PATH_BYTES];
	struct stat status;
	if (sql->use_fd >= 0 && !sql->was_made && pwrite(sql->use_fd, "1", 1, 0) != 1)
		return sql_fail_system(sql, "write beside", errno);
	if (sql->use_fd >= 0 && sql->is_alone && flock(sql->use_fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK)
		return share(sql); // giving up one lock for the other, we may meet one who takes it for itself
	path_beside(sql, "", path);
	if (stat(path, &status) == 0 && status.st_size > 0) {
		sql->inode = status.st_ino;
		sql->device = status.st_dev;
	}
	path_beside(sql, "-wal", path);
	if (stat(path, &status) == 0)
		sql->log_inode = status.st_ino;
	return MMS_OK;
}

void sql_place_give(struct sql *sql)
{
	if (sql->use_fd >= 0)
		close(sql->use_fd);
	sql->use_fd = -1;
}

// Whether the file that was opened stands there still, with as many bytes as it must have at least.
static bool is_there(const struct sql *sql, const char *suffix, ino_t inode, off_t bytes_least)
{
	char path[PLACE_PATH_BYTES];
	struct stat status;
	path_beside(sql, suffix, path);
	return inode == 0 || (stat(path, &status) == 0 && status.st_ino == inode && status.st_dev == sql->device &&
			      status.st_size >= bytes_least);
}

static enum mms_err fail_place(struct sql *sql)
{
	snprintf(sql->reason.text, sizeof sql->reason.text,
		 "the %s %s was removed, emptied or replaced while it was in use; put it back together with its -wal file, "
		 "then start again",
		 sql->kind->noun, sql->path);
	return MMS_E_IO;
}

enum mms_err sql_check_place(struct sql *sql)
{
	const bool is_ours = is_there(sql, "", sql->inode, SQL_PAGE_BYTES) && is_there(sql, "-wal", sql->log_inode, 0);
	return is_ours ? MMS_OK : fail_place(sql);
}

enum mms_err sql_check_log(struct sql *sql)
{
	enum { LOG_HEADER_BYTES = 32, FRAME_HEADER_BYTES = 24 };
	const off_t held = sql->wal_pages == 0 ? 0 : LOG_HEADER_BYTES + (off_t)sql->wal_pages * (FRAME_HEADER_BYTES + SQL_PAGE_BYTES);
	if (held == 0 || is_there(sql, "-wal", sql->log_inode, held))
		return MMS_OK;
	// Another program may have copied it into the database, and emptied it then. Else its pages cannot be copied any more.
	return sql_checkpoint(sql) == MMS_OK ? MMS_OK : fail_place(sql);
}
