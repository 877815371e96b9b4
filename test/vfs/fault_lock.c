// SPDX-License-Identifier: ISC
// Locks of databases in memory, and the shared memory of their write-ahead logs, for connections of this process.
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "fault_file.h"

// --- locks on a database ---

int fault_lock(sqlite3_file *base, int level)
{
	struct fault_file *file = fault_file_of(base);
	struct fault_inode *inode = file->inode;
	if (file->lock >= level)
		return SQLITE_OK;
	if (fault_disk_fails(file->disk, FAULT_LOCK))
		return fault_error(SQLITE_IOERR_LOCK, EIO);
	if (inode->pending != NULL && inode->pending != file)
		return SQLITE_BUSY;
	if (level == SQLITE_LOCK_SHARED) {
		inode->readers++;
	} else {
		assert(file->lock >= SQLITE_LOCK_SHARED);
		if (inode->reserved != NULL && inode->reserved != file)
			return SQLITE_BUSY;
		inode->reserved = file;
	}
	if (level == SQLITE_LOCK_EXCLUSIVE) {
		inode->pending = file;
		if (inode->readers > 1) {
			file->lock = SQLITE_LOCK_PENDING;
			return SQLITE_BUSY;
		}
	}
	file->lock = level;
	return SQLITE_OK;
}

int fault_unlock(sqlite3_file *base, int level)
{
	struct fault_file *file = fault_file_of(base);
	if (file->lock <= level)
		return SQLITE_OK;
	if (file->inode->reserved == file)
		file->inode->reserved = NULL;
	if (file->inode->pending == file)
		file->inode->pending = NULL;
	if (level == SQLITE_LOCK_NONE)
		file->inode->readers--;
	file->lock = level;
	return SQLITE_OK;
}

int fault_lock_check(sqlite3_file *base, int *is_reserved)
{
	const struct fault_file *file = fault_file_of(base);
	if (fault_disk_fails(file->disk, FAULT_LOCK))
		return fault_error(SQLITE_IOERR_CHECKRESERVEDLOCK, EIO);
	*is_reserved = file->inode->reserved != NULL;
	return SQLITE_OK;
}

// --- the shared memory of a write-ahead log ---

int fault_shm_map(sqlite3_file *base, int region, int bytes, int is_extended, void volatile **memory)
{
	struct fault_file *file = fault_file_of(base);
	struct fault_inode *inode = file->inode;
	*memory = NULL;
	if (fault_disk_fails(file->disk, FAULT_LOCK))
		return fault_error(SQLITE_IOERR_SHMMAP, EIO);
	if (!file->has_shm) {
		file->has_shm = true;
		inode->shm_users++;
	}
	assert(region < FAULT_SHM_REGIONS_MAX);
	if (inode->shm[region] == NULL && is_extended)
		inode->shm[region] = fault_zeroed((size_t)bytes);
	*memory = inode->shm[region];
	return SQLITE_OK;
}

static void shm_release(struct fault_file *file, unsigned bits)
{
	for (unsigned i = 0; i < FAULT_SHM_LOCKS; i++) {
		if ((bits & file->shm_shared & (1u << i)) != 0)
			file->inode->shm_readers[i]--;
		if ((bits & file->shm_exclusive & (1u << i)) != 0)
			file->inode->shm_writer[i] = NULL;
	}
	file->shm_shared &= ~bits;
	file->shm_exclusive &= ~bits;
}

int fault_shm_lock(sqlite3_file *base, int first, int count, int flags)
{
	struct fault_file *file = fault_file_of(base);
	struct fault_inode *inode = file->inode;
	const unsigned bits = ((1u << count) - 1) << first;
	if ((flags & SQLITE_SHM_UNLOCK) != 0) {
		shm_release(file, bits);
		return SQLITE_OK;
	}
	if (fault_disk_fails(file->disk, FAULT_LOCK))
		return fault_error(SQLITE_IOERR_SHMLOCK, EIO);
	const bool is_exclusive = (flags & SQLITE_SHM_EXCLUSIVE) != 0;
	for (unsigned i = 0; i < FAULT_SHM_LOCKS; i++) {
		if ((bits & (1u << i)) == 0)
			continue;
		const size_t own = (file->shm_shared & (1u << i)) != 0;
		if (inode->shm_writer[i] != NULL && inode->shm_writer[i] != file)
			return SQLITE_BUSY;
		if (is_exclusive && inode->shm_readers[i] > own)
			return SQLITE_BUSY;
	}
	for (unsigned i = 0; i < FAULT_SHM_LOCKS; i++) {
		if ((bits & (1u << i)) == 0)
			continue;
		if (is_exclusive)
			inode->shm_writer[i] = file;
		else if ((file->shm_shared & (1u << i)) == 0)
			inode->shm_readers[i]++;
	}
	if (is_exclusive)
		file->shm_exclusive |= bits;
	else
		file->shm_shared |= bits;
	return SQLITE_OK;
}

void fault_shm_barrier(sqlite3_file *base)
{
	(void)base;
}

int fault_shm_unmap(sqlite3_file *base, int is_deleted)
{
	struct fault_file *file = fault_file_of(base);
	(void)is_deleted; // the first to map it again would empty it anyway
	if (!file->has_shm)
		return SQLITE_OK;
	shm_release(file, ~0u);
	file->has_shm = false;
	if (--file->inode->shm_users > 0)
		return SQLITE_OK;
	for (size_t i = 0; i < FAULT_SHM_REGIONS_MAX; i++) {
		free(file->inode->shm[i]);
		file->inode->shm[i] = NULL;
	}
	return SQLITE_OK;
}
