// SPDX-License-Identifier: ISC
// Directories that outlive a power cut. Layer: os. Errors and sentences as in os/file.h.
#ifndef MMS_OS_DIRECTORY_H
#define MMS_OS_DIRECTORY_H

#include "base/err.h"

// Makes the directory at `path` and the parents it lacks, all with `mode` less the umask, each synced into its parent.
// A directory that is there already is success and keeps its mode. MMS_E_EXISTS: something else is in the way.
enum mms_err directory_make(const char *path, unsigned mode, struct reason *why) MUST_CHECK;

// Makes the names in the directory at `path` durable.
enum mms_err directory_sync(const char *path, struct reason *why) MUST_CHECK;

// The same for the directory that holds the name `path`.
enum mms_err directory_sync_parent(const char *path, struct reason *why) MUST_CHECK;

#endif
