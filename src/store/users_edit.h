// SPDX-License-Identifier: ISC
// Changes to a users file, text to text, for `mms user`: comments, order, spacing and line ends stay as they are.
// Layer: store. The text must be one that users_parse accepts; names are found whatever their case.
//
// An edit says which bytes of the text other bytes replace: users_edit_X fills it in, users_edit_apply makes the new
// text. Errors: MMS_E_MISSING: no line for this name. MMS_E_FULL: the line would pass a limit of users_parse.h. On error the
// edit is unchanged.
#ifndef MMS_STORE_USERS_EDIT_H
#define MMS_STORE_USERS_EDIT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/limits.h"
#include "base/name.h"
#include "base/time.h"
#include "base/users.h"

enum { USERS_EDIT_BYTES_MAX = USERS_LINE_BYTES_MAX + 4 }; // a line, and a line end on both sides

struct users_edit {
	size_t at;             // where in the text
	size_t removed_bytes;  // from there on
	size_t inserted_bytes; // take their place
	char inserted[USERS_EDIT_BYTES_MAX];
};

// Adds a line at the end: the name, and the life and the invite unless they are NULL. The line ends as the file's last whole
// line does; a last line that lacks its end gets it. MMS_E_EXISTS: the name stands there already.
enum mms_err users_edit_add(const char *text, size_t bytes, const struct name *name,
			    const uint8_t life[USER_LIFE_BYTES], const struct user_invite *invite,
			    struct users_edit *edit) MUST_CHECK;

// Adds an invite behind the last option of the name's line and drops its invites that expired at or before `now`, or
// all of them when `is_alone`. MMS_E_FULL: also when INVITES_PER_USER_MAX would remain.
enum mms_err users_edit_invite(const char *text, size_t bytes, const struct name *name,
			       const struct user_invite *invite, bool is_alone, struct wtime now,
			       struct users_edit *edit) MUST_CHECK;

// Adds a revoked device behind the last option of the name's line. MMS_E_EXISTS: it is revoked there already.
// MMS_E_FULL: also when REVOKES_PER_USER_MAX are.
enum mms_err users_edit_revoke(const char *text, size_t bytes, const struct name *name,
			       const struct fingerprint *fingerprint, struct users_edit *edit) MUST_CHECK;

// Removes the name's line with its comment and its end.
enum mms_err users_edit_remove(const char *text, size_t bytes, const struct name *name,
			       struct users_edit *edit) MUST_CHECK;

// Bytes of the new text.
size_t users_edit_bytes(size_t bytes, const struct users_edit *edit);

// Writes the new text, users_edit_bytes() long, to `target`, which does not overlap the text.
void users_edit_apply(const char *text, size_t bytes, const struct users_edit *edit, char *target);

#endif
