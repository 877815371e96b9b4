// SPDX-License-Identifier: ISC
// Where things are: the state directory (XDG Base Directory Specification 0.8) and names joined to it. Layer: os.
// Only paths_resolve touches the disk.
#ifndef MMS_OS_PATHS_H
#define MMS_OS_PATHS_H

#include <stddef.h>

#include "base/err.h"

// A path longer than this is refused, so that a sentence about it still fits `struct reason`.
enum { PATHS_TEXT_BYTES = 512 };

struct file_path {
	char text[PATHS_TEXT_BYTES]; // ended by a zero byte
};

// The directory for all of our state, first match: `option` (--state DIR, NULL when not given, any path);
// $XDG_STATE_HOME/mms, where a relative value counts as unset, as the specification asks; $HOME/.local/state/mms, with
// the home of the password database when HOME is no absolute path. MMS_E_BAD: too long, or an empty option.
// MMS_E_MISSING: there is no home. On error `path` is unchanged.
enum mms_err paths_state(struct file_path *path, const char *option, struct reason *why) MUST_CHECK;

// `folder`/`name`, one slash between them; an absolute `name` is not treated apart. MMS_E_BAD: too long; `path` is
// unchanged. `folder` may be path->text.
enum mms_err paths_join(struct file_path *path, const char *folder, const char *name, struct reason *why) MUST_CHECK;

// The absolute path of the file at `path`, without symbolic links; `path` itself where there is none, or no room for it. Less than
// `room` bytes of it are written, and a zero byte.
void paths_resolve(const char *path, char *resolved, size_t room);

#endif
