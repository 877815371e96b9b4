// SPDX-License-Identifier: ISC
// Directories that outlive a power cut; the contract is in directory.h.
#include "os/directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/failure.h"

enum mms_err directory_sync(const char *path, struct reason *why)
{
	enum mms_err err = MMS_OK;
	const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return failure_file(why, errno, "open the directory", path);
	// EINVAL: a file system that has nothing to sync for a directory.
	if (fsync(fd) != 0 && errno != EINVAL)
		err = failure_file(why, errno, "sync the directory", path);
	close(fd);
	return err;
}

// The directory that holds the name `path`. False: too long.
static bool find_parent(const char *path, char parent[PATH_MAX])
{
	size_t bytes = strlen(path);
	if (bytes >= PATH_MAX)
		return false;
	while (bytes > 0 && path[bytes - 1] == '/')
		bytes--;
	while (bytes > 0 && path[bytes - 1] != '/')
		bytes--;
	memcpy(parent, bytes == 0 ? "." : path, bytes == 0 ? 1 : bytes);
	parent[bytes == 0 ? 1 : bytes] = 0;
	return true;
}

enum mms_err directory_sync_parent(const char *path, struct reason *why)
{
	char parent[PATH_MAX];
	return find_parent(path, parent) ? directory_sync(parent, why)
					 : failure_file(why, ENAMETOOLONG, "sync the directory of", path);
}

void directory_own(int fd, const char *path)
{
	char parent[PATH_MAX];
	struct stat status;
	if (geteuid() != 0 || fstat(fd, &status) != 0 || (!S_ISDIR(status.st_mode) && status.st_nlink != 1))
		return; // the second name, should there be one, is not ours
	if (!find_parent(path, parent) || stat(parent, &status) != 0 || status.st_uid == 0)
		return;
	const int rc = fchown(fd, status.st_uid, status.st_gid);
	(void)rc; // it stays root's, as it was made
}

// Opens the directory that was just made, to give it to its parent's owner.
static void own_made(const char *path)
{
	const int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return;
	directory_own(fd, path);
	close(fd);
}

// Makes one directory whose parent is there.
static enum mms_err make_one(const char *path, unsigned mode, struct reason *why)
{
	struct stat status;
	if (stat(path, &status) == 0) {
		if (S_ISDIR(status.st_mode))
			return MMS_OK;
		failure_say(why, "cannot make the directory %s: a file is in its place; move it or choose another path",
			    path);
		return MMS_E_EXISTS;
	}
	if (errno != ENOENT)
		return failure_file(why, errno, "look up the directory", path);
	if (mkdir(path, (mode_t)mode) == 0) {
		own_made(path);
		return directory_sync_parent(path, why);
	}
	if (errno == EEXIST && stat(path, &status) == 0 && S_ISDIR(status.st_mode))
		return MMS_OK; // another process was faster
	return failure_file(why, errno, "make the directory", path);
}

enum mms_err directory_make(const char *path, unsigned mode, struct reason *why)
{
	char part[PATH_MAX];
	const size_t bytes = strlen(path);
	if (bytes == 0 || bytes >= sizeof part)
		return failure_file(why, bytes == 0 ? ENOENT : ENAMETOOLONG, "make the directory", path);
	memcpy(part, path, bytes + 1);
	for (size_t i = 1; i <= bytes; i++) {
		if (part[i] != '/' && part[i] != 0)
			continue;
		part[i] = 0;
		const enum mms_err err = make_one(part, mode, why);
		if (err != MMS_OK)
			return err;
		part[i] = path[i];
	}
	return MMS_OK;
}

enum mms_err directory_each(const char *path, void (*each)(void *context, const char *name), void *context,
			    struct reason *why)
{
	DIR *directory = opendir(path);
	if (directory == NULL)
		return failure_file(why, errno, "read the directory", path);
	for (const struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			each(context, entry->d_name);
	closedir(directory);
	return MMS_OK;
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *place)
{
	(void)status;
	(void)kind;
	(void)place;
	(void)remove(path);
	return 0;
}

bool directory_remove(const char *path)
{
	enum { OPEN_MAX_AT_ONCE = 16 };
	(void)nftw(path, remove_entry, OPEN_MAX_AT_ONCE, FTW_DEPTH | FTW_PHYS);
	return !directory_has(path);
}

bool directory_has(const char *path)
{
	struct stat status;
	return lstat(path, &status) == 0;
}

bool directory_has_empty(const char *path)
{
	struct stat status;
	return stat(path, &status) == 0 && S_ISREG(status.st_mode) && status.st_size == 0;
}
