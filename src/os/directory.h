// SPDX-License-Identifier: ISC
// Directories that outlive a power cut. Layer: os. Errors and sentences as in os/file.h.
#ifndef MMS_OS_DIRECTORY_H
#define MMS_OS_DIRECTORY_H

#include <stdbool.h>

#include "base/err.h"

// Makes the directory at `path` and the parents it lacks, all with `mode` less the umask, each synced into its parent and
// given to the owner of its parent (directory_own).
// A directory that is there already is success and keeps its mode. MMS_E_EXISTS: something else is in the way.
enum mms_err directory_make(const char *path, unsigned mode, struct reason *why) MUST_CHECK;

// Makes the names in the directory at `path` durable.
enum mms_err directory_sync(const char *path, struct reason *why) MUST_CHECK;

// The same for the directory that holds the name `path`.
enum mms_err directory_sync_parent(const char *path, struct reason *why) MUST_CHECK;

// Gives what this process has just made at `path`, open as `fd`, to the owner of its directory, when we are root and that
// is somebody else: what root does once in the directory of a service stays usable for the service. Otherwise, and when
// it fails, nothing happens. Must: `fd` was made by O_EXCL, mkdir(2) or mkfifo(2), since a file that was there may be a
// hard link, made by the directory's owner, to a file of root's.
void directory_own(int fd, const char *path);

// Calls `each` with the name of every entry of the directory at `path` but "." and "..", in no order. MMS_E_MISSING: no
// such directory.
enum mms_err directory_each(const char *path, void (*each)(void *context, const char *name), void *context,
			    struct reason *why) MUST_CHECK;

// Removes the directory at `path` with all that is in it, following no symbolic link; what cannot be removed stays. False: something
// did.
bool directory_remove(const char *path);

// Whether something stands at `path`.
bool directory_has(const char *path);

// Whether what stands at `path` is an empty file.
bool directory_has_empty(const char *path);

#endif
