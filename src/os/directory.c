// SPDX-License-Identifier: ISC
// Directories that outlive a power cut; the contract is in directory.h.
#include "os/directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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

enum mms_err directory_sync_parent(const char *path, struct reason *why)
{
	char parent[PATH_MAX];
	size_t bytes = strlen(path);
	if (bytes >= sizeof parent)
		return failure_file(why, ENAMETOOLONG, "sync the directory of", path);
	while (bytes > 0 && path[bytes - 1] == '/')
		bytes--;
	while (bytes > 0 && path[bytes - 1] != '/')
		bytes--;
	if (bytes == 0)
		return directory_sync(".", why);
	memcpy(parent, path, bytes);
	parent[bytes] = 0;
	return directory_sync(parent, why);
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
	if (mkdir(path, (mode_t)mode) == 0)
		return directory_sync_parent(path, why);
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

void directory_remove_file(const char *path)
{
	(void)unlink(path);
}
