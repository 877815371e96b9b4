// SPDX-License-Identifier: ISC
// For tests that need the file system: a directory of their own, removed at the end, and another user's rights.
#ifndef MMS_TEST_SCRATCH_H
#define MMS_TEST_SCRATCH_H

#include <ftw.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct scratch {
	char directory[PATH_MAX];
	char path[PATH_MAX + NAME_MAX + 2]; // what scratch_path wrote last
};

// Makes the directory, under TMPDIR or /tmp.
static inline void scratch_open(struct scratch *scratch)
{
	const char *parent = getenv("TMPDIR");
	snprintf(scratch->directory, sizeof scratch->directory, "%s/mms-test-XXXXXX", parent != NULL ? parent : "/tmp");
	if (mkdtemp(scratch->directory) == NULL) {
		perror(scratch->directory);
		abort();
	}
}

static inline int scratch_remove_one(const char *path, const struct stat *status, int type, struct FTW *place)
{
	(void)status;
	(void)type;
	(void)place;
	return remove(path);
}

// Removes the directory and all in it.
static inline void scratch_close(struct scratch *scratch)
{
	nftw(scratch->directory, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

// The path of `name` in the directory, valid until the next call.
static inline const char *scratch_path(struct scratch *scratch, const char *name)
{
	snprintf(scratch->path, sizeof scratch->path, "%s/%s", scratch->directory, name);
	return scratch->path;
}

// Goes on with the rights of an ordinary user when the test runs as root, who may do everything.
static inline void scratch_drop_rights(void)
{
	if (geteuid() == 0 && seteuid(65534) != 0)
		abort();
}

// Takes them back.
static inline void scratch_regain_rights(void)
{
	if (getuid() == 0 && seteuid(0) != 0)
		abort();
}

#endif
