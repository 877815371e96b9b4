// SPDX-License-Identifier: ISC
// An SQLite file system over disks in memory; the contract is in fault_vfs.h. It answers as SQLite's own for Unix does
// on a file system without special powers, sets errno as a failed system call would, and syncs the directory when a new
// journal or log is synced for the first time.
#include "fault_vfs.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault_file.h"

enum { PATH_BYTES = 512, SECTOR_BYTES_REPORTED = 4096 };

struct mount {
	char directory[PATH_BYTES];
	struct fault_disk *disk;
};

static struct {
	struct mount mount[FAULT_MOUNTS_MAX];
	size_t count;
	struct draw draw;
} mounts;

// The disk of a path, and the name on it.
static struct fault_disk *disk_of(const char *path, const char **name)
{
	for (size_t i = 0; path != NULL && i < mounts.count; i++) {
		const size_t bytes = strlen(mounts.mount[i].directory);
		if (strncmp(path, mounts.mount[i].directory, bytes) == 0 && path[bytes] == '/') {
			*name = path + bytes + 1;
			return mounts.mount[i].disk;
		}
	}
	return NULL;
}

// --- a file ---

static int file_close(sqlite3_file *base)
{
	struct fault_file *file = fault_file_of(base);
	assert(!file->has_shm);
	if (file->lock != SQLITE_LOCK_NONE)
		(void)fault_unlock(base, SQLITE_LOCK_NONE);
	if (file->is_deleted_on_close && !file->disk->is_off)
		fault_disk_link(file->disk, file->name, NULL);
	fault_inode_release(file->inode);
	return SQLITE_OK;
}

static int file_read(sqlite3_file *base, void *target, int bytes, sqlite3_int64 offset)
{
	const struct fault_file *file = fault_file_of(base);
	const struct fault_bytes *now = &file->inode->now;
	const size_t wanted = (size_t)bytes;
	if (fault_disk_fails(file->disk, FAULT_READ))
		return fault_error(SQLITE_IOERR_READ, EIO);
	const size_t there = (size_t)offset < now->bytes ? now->bytes - (size_t)offset : 0;
	const size_t copied = there < wanted ? there : wanted;
	if (copied > 0)
		memcpy(target, now->data + offset, copied);
	memset((uint8_t *)target + copied, 0, wanted - copied);
	return copied == wanted ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

// Part of a write that fails is done, never all of it.
static void write_half(struct fault_file *file, const void *data, size_t bytes, uint64_t offset)
{
	const size_t done = (size_t)draw_below(&file->disk->draw, bytes);
	if (done > 0)
		fault_inode_change(file->inode, offset, data, done);
}

static int file_write(sqlite3_file *base, const void *data, int bytes, sqlite3_int64 offset)
{
	struct fault_file *file = fault_file_of(base);
	const bool grows = (size_t)offset + (size_t)bytes > file->inode->now.bytes;
	if (file->disk->is_off)
		return fault_error(SQLITE_IOERR_WRITE, EIO);
	const bool has_failed = fault_disk_fails(file->disk, FAULT_WRITE);
	const bool has_no_space = grows && fault_disk_fails(file->disk, FAULT_NOSPACE);
	if (has_failed || has_no_space) {
		write_half(file, data, (size_t)bytes, (uint64_t)offset);
		return has_no_space ? fault_error(SQLITE_FULL, ENOSPC) : fault_error(SQLITE_IOERR_WRITE, EIO);
	}
	const bool is_last = fault_disk_ends(file->disk);
	fault_inode_change(file->inode, (uint64_t)offset, data, (size_t)bytes);
	return is_last ? fault_error(SQLITE_IOERR_WRITE, EIO) : SQLITE_OK;
}

static int file_truncate(sqlite3_file *base, sqlite3_int64 bytes)
{
	struct fault_file *file = fault_file_of(base);
	if (fault_disk_fails(file->disk, FAULT_TRUNCATE))
		return fault_error(SQLITE_IOERR_TRUNCATE, EIO);
	const bool is_last = fault_disk_ends(file->disk);
	fault_inode_change(file->inode, (uint64_t)bytes, NULL, 0);
	return is_last ? fault_error(SQLITE_IOERR_TRUNCATE, EIO) : SQLITE_OK;
}

// Whether a sync of a file (`inode`) or of the directory (NULL) is done; errno when not.
static bool sync_one(struct fault_disk *disk, struct fault_inode *inode)
{
	const bool has_failed = fault_disk_fails(disk, FAULT_SYNC);
	const bool has_no_space = fault_disk_fails(disk, FAULT_SYNC_NOSPACE);
	if (has_failed || has_no_space) {
		if (!disk->is_off && inode != NULL)
			fault_inode_sync(inode, &disk->draw, true);
		else if (!disk->is_off)
			fault_disk_sync(disk, true);
		errno = has_no_space ? ENOSPC : EIO;
		return false;
	}
	if (disk->is_lying)
		return true;
	if (fault_disk_ends(disk)) { // in the midst of it; what is pending now may be there or not
		errno = EIO;
		return false;
	}
	if (inode != NULL)
		fault_inode_sync(inode, &disk->draw, false);
	else
		fault_disk_sync(disk, false);
	return true;
}

static int file_sync(sqlite3_file *base, int flags)
{
	struct fault_file *file = fault_file_of(base);
	(void)flags;
	if (!sync_one(file->disk, file->inode))
		return SQLITE_IOERR_FSYNC;
	if (file->syncs_directory && !sync_one(file->disk, NULL))
		return SQLITE_IOERR_DIR_FSYNC;
	file->syncs_directory = false;
	return SQLITE_OK;
}

static int file_size(sqlite3_file *base, sqlite3_int64 *bytes)
{
	const struct fault_file *file = fault_file_of(base);
	if (fault_disk_fails(file->disk, FAULT_SIZE))
		return fault_error(SQLITE_IOERR_FSTAT, EIO);
	*bytes = (sqlite3_int64)file->inode->now.bytes;
	return SQLITE_OK;
}

static int file_control(sqlite3_file *base, int op, void *argument)
{
	(void)base;
	(void)op;
	(void)argument;
	return SQLITE_NOTFOUND;
}

static int sector_bytes(sqlite3_file *base)
{
	(void)base;
	return SECTOR_BYTES_REPORTED;
}

static int characteristics(sqlite3_file *base)
{
	(void)base;
	return SQLITE_IOCAP_POWERSAFE_OVERWRITE; // as SQLite assumes of every Unix file
}

// --- the file system ---

static int vfs_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *base, int flags, int *flags_out)
{
	static const sqlite3_io_methods methods = {
		.iVersion = 2, // with shared memory, without mapped files
		.xClose = file_close,
		.xRead = file_read,
		.xWrite = file_write,
		.xTruncate = file_truncate,
		.xSync = file_sync,
		.xFileSize = file_size,
		.xLock = fault_lock,
		.xUnlock = fault_unlock,
		.xCheckReservedLock = fault_lock_check,
		.xFileControl = file_control,
		.xSectorSize = sector_bytes,
		.xDeviceCharacteristics = characteristics,
		.xShmMap = fault_shm_map,
		.xShmLock = fault_shm_lock,
		.xShmBarrier = fault_shm_barrier,
		.xShmUnmap = fault_shm_unmap,
	};
	struct fault_file *file = fault_file_of(base);
	const char *name = NULL;
	(void)vfs;
	memset(file, 0, sizeof *file);
	file->disk = disk_of(path, &name);
	if (file->disk == NULL)
		return fault_error(SQLITE_CANTOPEN, ENOENT);
	if (fault_disk_fails(file->disk, FAULT_OPEN))
		return fault_error(SQLITE_CANTOPEN, EIO);
	file->inode = fault_disk_find(file->disk, name);
	// The stores make their database empty, in a real directory, before SQLite opens it.
	const bool is_made = (flags & (SQLITE_OPEN_CREATE | SQLITE_OPEN_MAIN_DB)) != 0;
	if (file->inode == NULL && (!is_made || (flags & SQLITE_OPEN_READONLY) != 0))
		return fault_error(SQLITE_CANTOPEN, ENOENT);
	if (file->inode != NULL) {
		file->inode->users++;
	} else {
		file->inode = fault_inode_new();
		const bool is_last = fault_disk_ends(file->disk);
		fault_disk_link(file->disk, name, file->inode);
		if (is_last) {
			fault_inode_release(file->inode);
			return fault_error(SQLITE_CANTOPEN, EIO);
		}
	}
	snprintf(file->name, sizeof file->name, "%s", name);
	file->is_deleted_on_close = (flags & SQLITE_OPEN_DELETEONCLOSE) != 0;
	file->syncs_directory = (flags & SQLITE_OPEN_CREATE) != 0 &&
				(flags & (SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_WAL)) != 0;
	if (flags_out != NULL)
		*flags_out = flags;
	base->pMethods = &methods;
	return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int syncs_directory)
{
	const char *name = NULL;
	struct fault_disk *disk = disk_of(path, &name);
	(void)vfs;
	if (disk == NULL || fault_disk_fails(disk, FAULT_DELETE))
		return fault_error(SQLITE_IOERR_DELETE, EIO);
	if (fault_disk_find(disk, name) == NULL)
		return fault_error(SQLITE_IOERR_DELETE_NOENT, ENOENT);
	const bool is_last = fault_disk_ends(disk);
	fault_disk_link(disk, name, NULL);
	if (is_last)
		return fault_error(SQLITE_IOERR_DELETE, EIO);
	return syncs_directory && !sync_one(disk, NULL) ? SQLITE_IOERR_DIR_FSYNC : SQLITE_OK;
}

static int vfs_access(sqlite3_vfs *vfs, const char *path, int flags, int *answer)
{
	const char *name = NULL;
	struct fault_disk *disk = disk_of(path, &name);
	const struct fault_inode *inode = disk == NULL ? NULL : fault_disk_find(disk, name);
	(void)vfs;
	// SQLite's own takes an empty file for none when it asks whether there is one.
	*answer = inode != NULL && (flags != SQLITE_ACCESS_EXISTS || inode->now.bytes > 0);
	return SQLITE_OK;
}

static int vfs_full_path(sqlite3_vfs *vfs, const char *path, int bytes, char *target)
{
	(void)vfs;
	return (size_t)snprintf(target, (size_t)bytes, "%s", path) < (size_t)bytes ? SQLITE_OK : SQLITE_CANTOPEN;
}

static int vfs_randomness(sqlite3_vfs *vfs, int bytes, char *target)
{
	(void)vfs;
	for (int i = 0; i < bytes; i++)
		target[i] = (char)draw_next(&mounts.draw);
	return bytes;
}

static int vfs_sleep(sqlite3_vfs *vfs, int us)
{
	(void)vfs;
	return us;
}

static int vfs_time_ms(sqlite3_vfs *vfs, sqlite3_int64 *now)
{
	(void)vfs;
	*now = 212666688000000; // since noon of 24 November 4714 BC: 2027-01-15
	return SQLITE_OK;
}

static int vfs_time(sqlite3_vfs *vfs, double *now)
{
	sqlite3_int64 ms = 0;
	const int code = vfs_time_ms(vfs, &ms);
	*now = (double)ms / 86400000.0;
	return code;
}

static int vfs_last_error(sqlite3_vfs *vfs, int bytes, char *target)
{
	(void)vfs;
	(void)bytes;
	(void)target;
	return errno;
}

void fault_vfs_register(void)
{
	static sqlite3_vfs vfs = {
		.iVersion = 2,
		.szOsFile = sizeof(struct fault_file),
		.mxPathname = PATH_BYTES,
		.zName = "fault",
		.xOpen = vfs_open,
		.xDelete = vfs_delete,
		.xAccess = vfs_access,
		.xFullPathname = vfs_full_path,
		.xRandomness = vfs_randomness,
		.xSleep = vfs_sleep,
		.xCurrentTime = vfs_time,
		.xGetLastError = vfs_last_error,
		.xCurrentTimeInt64 = vfs_time_ms,
	};
	if (sqlite3_vfs_register(&vfs, 1) != SQLITE_OK)
		abort();
}

void fault_vfs_mount(const char *directory, struct fault_disk *disk)
{
	assert(mounts.count < FAULT_MOUNTS_MAX);
	struct mount *mount = &mounts.mount[mounts.count++];
	const int length = snprintf(mount->directory, sizeof mount->directory, "%s", directory);
	assert(length > 0 && (size_t)length < sizeof mount->directory);
	mount->disk = disk;
}

void fault_vfs_unmount(const char *directory)
{
	for (size_t i = 0; i < mounts.count; i++) {
		if (strcmp(mounts.mount[i].directory, directory) == 0) {
			mounts.mount[i] = mounts.mount[--mounts.count];
			return;
		}
	}
	assert(false); // was not mounted
}

void fault_vfs_seed(uint64_t seed)
{
	mounts.draw.state = seed;
	sqlite3_randomness(0, NULL); // what was drawn before is forgotten
}
