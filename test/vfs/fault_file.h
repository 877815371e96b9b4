// SPDX-License-Identifier: ISC
// An open file of fault_vfs.h: what its files share. Private to fault_vfs.c and fault_lock.c.
#ifndef MMS_TEST_FAULT_FILE_H
#define MMS_TEST_FAULT_FILE_H

#include <errno.h>

#include <sqlite3.h>

#include "fault_disk.h"

struct fault_file {
	sqlite3_file base;
	struct fault_disk *disk;
	struct fault_inode *inode;
	char name[FAULT_NAME_BYTES];
	bool is_deleted_on_close;
	bool syncs_directory; // not done yet since the file was made
	int lock;
	bool has_shm;
	unsigned shm_shared; // bits of the locks held
	unsigned shm_exclusive;
};

static inline struct fault_file *fault_file_of(sqlite3_file *file)
{
	return (struct fault_file *)(void *)file;
}

static inline int fault_error(int code, int error)
{
	errno = error;
	return code;
}

// Methods of sqlite3_io_methods, whose contract is SQLite's.
int fault_lock(sqlite3_file *base, int level);
int fault_unlock(sqlite3_file *base, int level);
int fault_lock_check(sqlite3_file *base, int *is_reserved);
int fault_shm_map(sqlite3_file *base, int region, int bytes, int is_extended, void volatile **memory);
int fault_shm_lock(sqlite3_file *base, int first, int count, int flags);
void fault_shm_barrier(sqlite3_file *base);
int fault_shm_unmap(sqlite3_file *base, int is_deleted);

#endif
