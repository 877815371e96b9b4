// SPDX-License-Identifier: ISC
// Whole small files: read at once, replaced or created atomically, durable on return. Layer: os.
// Every failure leaves a sentence in `why`: what failed, the path, the system's reason, what to do. Errors, beside
// those named at a function: MMS_E_MISSING, MMS_E_DENIED, MMS_E_NOSPACE, MMS_E_IO, MMS_E_FULL (no memory).
#ifndef MMS_OS_FILE_H
#define MMS_OS_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

// Opens the regular file at `path` with `flags` of open(2), and never waits for it, as open(2) does for a FIFO without a
// writer. MMS_E_FORMAT: something else stands there (a directory, a FIFO, a socket, a device). A pipe that whoever started
// us has made (/dev/stdin, /dev/fd/N) is opened too; reading it may give EAGAIN. On error *fd is unchanged.
enum mms_err file_open(const char *path, int flags, int *fd, struct reason *why) MUST_CHECK;

// Reads all of the file at `path`; errors also as file_open. A pipe is read to its end, which a signal to end breaks off
// (os/standard.h): MMS_E_IO. On success `*text` is heap memory the caller frees, with a zero byte after its `*bytes` bytes;
// on error it is NULL. MMS_E_BAD: it holds more than `bytes_max` bytes.
enum mms_err file_read(const char *path, size_t bytes_max, char **text, size_t *bytes, struct reason *why) MUST_CHECK;

// Whether something that is no regular file is at `path`, through symbolic links: what was read from it is gone. False also
// where nothing is.
bool file_is_stream(const char *path);

// Replaces the file at `path` by these bytes, or creates it. Whoever opens the path, also after a power cut, finds the
// old file or the new one, whole. A symbolic link is followed and stays. `mode` is for a new file; an existing one
// keeps its mode, and its owner where the system lets us; a new one is its directory's owner's
// (directory_own). MMS_E_FORMAT: it is no regular file. MMS_E_DENIED also where it is a mount of its own, which only a
// mount of its directory can mend. On error the old file is in place, unless the last sync failed.
enum mms_err file_replace(const char *path, const void *data, size_t bytes, unsigned mode,
			  struct reason *why) MUST_CHECK;

// Creates a file only its owner can read, whole or not at all; it is its directory's owner's. MMS_E_EXISTS: something
// is at `path`, left untouched.
enum mms_err file_create_secret(const char *path, const void *data, size_t bytes, struct reason *why) MUST_CHECK;

#endif
