// SPDX-License-Identifier: ISC
// Whole small files; the contract is in file.h.
#include "os/file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "os/directory.h"
#include "os/failure.h"
#include "os/grow.h"
#include "os/random.h"
#include "os/standard.h"

// Reads to the end of `fd` into a buffer that doubles; one byte more than allowed tells a file that is too large.
static enum mms_err read_all(int fd, const char *path, size_t bytes_max, char **text, size_t *bytes, struct reason *why)
{
	size_t capacity = 0;
	*bytes = 0;
	for (;;) {
		// The last byte is for the zero byte.
		char *larger = grow(*text, &capacity, capacity == 0 ? 0 : *bytes + 1, 1);
		if (larger == NULL)
			return failure_memory(why, "read", path);
		*text = larger;
		const ssize_t got = read(fd, *text + *bytes, capacity - *bytes - 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN) {
			if (standard_wait(fd, POLLIN, MTIME_NEVER) == STANDARD_OK)
				continue;
			failure_say(why, "cannot read %s: told to end before it ended", path);
			return MMS_E_IO;
		}
		if (got < 0)
			return failure_file(why, errno, "read", path);
		if (got == 0)
			break;
		*bytes += (size_t)got;
		if (*bytes > bytes_max) {
			failure_say(why, "cannot use %s: it is larger than the %zu bytes allowed; check the path", path,
				    bytes_max);
			return MMS_E_BAD;
		}
	}
	(*text)[*bytes] = 0;
	return MMS_OK;
}

static const char *kind_of(mode_t mode)
{
	return S_ISDIR(mode)  ? "a directory"
	       : S_ISFIFO(mode) ? "a FIFO"
	       : S_ISSOCK(mode) ? "a socket"
				: "a device";
}

// Whether the pipe at `path` was made by whoever started us: one without a name, or one that we hold already.
static bool is_inherited_pipe(const char *path)
{
	static const char *const held[] = {"/dev/stdin", "/dev/fd/", "/proc/self/fd/"};
	struct statfs system;
	for (size_t i = 0; i < sizeof held / sizeof held[0]; i++)
		if (strncmp(path, held[i], strlen(held[i])) == 0)
			return true;
	return statfs(path, &system) == 0 && system.f_type == PIPEFS_MAGIC;
}

static enum mms_err judge_kind(const struct stat *status, const char *path, struct reason *why)
{
	if (S_ISREG(status->st_mode) || (S_ISFIFO(status->st_mode) && is_inherited_pipe(path)))
		return MMS_OK;
	failure_say(why, "cannot use %s: it is %s and not a regular file; check the path", path,
		    kind_of(status->st_mode));
	return MMS_E_FORMAT;
}

enum mms_err file_open(const char *path, int flags, int *fd, struct reason *why)
{
	struct stat status;
	// Looked at before, since opening alone does something to some devices and to a FIFO's writer; and after, since another
	// may stand there by then.
	if (stat(path, &status) == 0 && judge_kind(&status, path, why) != MMS_OK)
		return MMS_E_FORMAT;
	const int opened = open(path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (opened < 0)
		return failure_file(why, errno, "open", path);
	enum mms_err err = MMS_OK;
	if (fstat(opened, &status) != 0)
		err = failure_file(why, errno, "look at", path);
	else
		err = judge_kind(&status, path, why);
	if (err == MMS_OK)
		*fd = opened;
	else
		close(opened);
	return err;
}

enum mms_err file_read(const char *path, size_t bytes_max, char **text, size_t *bytes, struct reason *why)
{
	*text = NULL;
	*bytes = 0;
	int fd = -1;
	enum mms_err err = file_open(path, O_RDONLY, &fd, why);
	if (err != MMS_OK)
		return err;
	err = read_all(fd, path, bytes_max, text, bytes, why);
	close(fd);
	if (err != MMS_OK) {
		free(*text);
		*text = NULL;
		*bytes = 0;
	}
	return err;
}

bool file_is_stream(const char *path)
{
	struct stat status;
	return stat(path, &status) == 0 && !S_ISREG(status.st_mode);
}

// Gives the file `fd` the owner and mode of the one it will replace. Where the group cannot be kept, its rights are not
// given to another group.
static bool take_after(int fd, const struct stat *old)
{
	mode_t mode = old->st_mode & 0777;
	if (fchown(fd, old->st_uid, old->st_gid) != 0 && fchown(fd, (uid_t)-1, old->st_gid) != 0)
		mode &= ~(mode_t)070;
	return fchmod(fd, mode) == 0;
}

static bool write_and_sync(int fd, const void *data, size_t bytes)
{
	const uint8_t *at = data;
	while (bytes > 0) {
		const ssize_t put = write(fd, at, bytes);
		if (put < 0 && errno != EINTR)
			return false;
		if (put > 0) {
			at += put;
			bytes -= (size_t)put;
		}
	}
	return fsync(fd) == 0;
}

// Writes a new file beside `path`, whole and synced, and stores its name in `temporary`. `old` is the file to take
// after, NULL when there is none.
static enum mms_err write_beside(const char *path, const void *data, size_t bytes, unsigned mode,
				 const struct stat *old, char temporary[PATH_MAX], struct reason *why)
{
	const struct rng rng = random_rng();
	uint64_t suffix;
	rng_fill(&rng, &suffix, sizeof suffix);
	if (snprintf(temporary, PATH_MAX, "%s.%016llx.tmp", path, (unsigned long long)suffix) >= PATH_MAX)
		return failure_file(why, ENAMETOOLONG, "write", path);
	const int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return failure_file(why, errno, "create a file beside", path);
	if (old == NULL)
		directory_own(fd, temporary);
	const bool is_ready = old != NULL ? take_after(fd, old) : fchmod(fd, (mode_t)mode) == 0;
	if (!is_ready || !write_and_sync(fd, data, bytes)) {
		const enum mms_err err = failure_file(why, errno, "write a file beside", path);
		close(fd);
		unlink(temporary);
		return err;
	}
	close(fd);
	return MMS_OK;
}

// The file a path leads to through symbolic links, on the heap; the path itself when nothing is there.
static enum mms_err find_target(const char *path, char **target, struct reason *why)
{
	struct stat status;
	*target = realpath(path, NULL);
	if (*target != NULL)
		return MMS_OK;
	const int error = errno;
	if (error != ENOENT || lstat(path, &status) == 0)
		return failure_file(why, error, "follow", path);
	*target = strdup(path);
	return *target == NULL ? failure_memory(why, "replace", path) : MMS_OK;
}

static enum mms_err fail_mounted(const char *path, struct reason *why)
{
	failure_say(why,
		    "cannot replace %s: it is a mount of its own (a bind mount, a volume of a container), and a file that is "
		    "mounted cannot be replaced; mount its directory instead",
		    path);
	return MMS_E_DENIED;
}

enum mms_err file_replace(const char *path, const void *data, size_t bytes, unsigned mode, struct reason *why)
{
	char temporary[PATH_MAX];
	char *target = NULL;
	struct stat old;
	enum mms_err err = find_target(path, &target, why);
	if (err != MMS_OK)
		goto out;
	assert(target != NULL);
	const bool is_old = stat(target, &old) == 0;
	err = is_old ? judge_kind(&old, target, why) : MMS_OK;
	if (err != MMS_OK)
		goto out;
	err = write_beside(target, data, bytes, mode, is_old ? &old : NULL, temporary, why);
	if (err != MMS_OK)
		goto out;
	if (rename(temporary, target) != 0) {
		err = errno == EBUSY ? fail_mounted(target, why) : failure_file(why, errno, "replace", target);
		unlink(temporary);
		goto out;
	}
	err = directory_sync_parent(target, why);
out:
	free(target);
	return err;
}

enum mms_err file_create_secret(const char *path, const void *data, size_t bytes, struct reason *why)
{
	char temporary[PATH_MAX];
	enum mms_err err = write_beside(path, data, bytes, 0600, NULL, temporary, why);
	if (err != MMS_OK)
		return err;
	// link(2) fails on a name that is there, which rename(2) would not, and gives the name to a whole file.
	if (link(temporary, path) != 0)
		err = failure_file(why, errno, "create", path);
	unlink(temporary);
	return err == MMS_OK ? directory_sync_parent(path, why) : err;
}
