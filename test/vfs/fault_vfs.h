// SPDX-License-Identifier: ISC
// SQLite's files on disks in memory (fault_disk.h), for the real stores. Once registered it is SQLite's default; a
// database is found by its directory, which stands for a mounted disk. Time stands still and nothing ever sleeps, so a
// busy database is reported at once. One thread. The registration and the table of mounts are the only globals.
#ifndef MMS_TEST_FAULT_VFS_H
#define MMS_TEST_FAULT_VFS_H

#include "fault_disk.h"

enum { FAULT_MOUNTS_MAX = 64 };

// Makes it SQLite's default; more calls do nothing.
void fault_vfs_register(void);

// From now on files in `directory` (without a slash at its end) are on `disk`, kept until it is unmounted.
void fault_vfs_mount(const char *directory, struct fault_disk *disk);

// Ends it; no file of it may be open.
void fault_vfs_unmount(const char *directory);

// What SQLite gets as randomness depends on `seed` alone from here on.
void fault_vfs_seed(uint64_t seed);

#endif
