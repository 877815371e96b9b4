// SPDX-License-Identifier: ISC
// User names: 1 to 32 of A-Z a-z 0-9 . _ -, unique without regard to case (doc/protocol.md section 7.1). Layer: base.
#ifndef MMS_BASE_NAME_H
#define MMS_BASE_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"

// A name as text, ended by a zero byte; all bytes after it are zero, so that structs can be compared.
struct name {
	char text[NAME_BUFFER_BYTES];
};

enum { NAME_PATTERN_BYTES_MAX = 64 }; // longer is not a pattern

// What names may look like: letters of names, `*` for any letters or none, `?` for one letter. In lower case.
struct name_pattern {
	char text[NAME_PATTERN_BYTES_MAX + 1]; // ended by a zero byte
	bool is_name; // it has neither `*` nor `?` and can be a name: at most one user matches
};

// Copies `bytes` bytes at `text` into `name`. False, and `name` unchanged: not a name.
bool name_parse(struct name *name, const void *text, size_t bytes);

// True when both are the same user: equal when ASCII letters are folded to lower case.
bool name_is_same(const struct name *a, const struct name *b);

// Below 0, 0 or above 0: `a` stands before `b` in a list, is the same user, or stands behind: by the bytes in lower case. The
// empty struct stands before all.
int name_order(const struct name *a, const struct name *b);

// The name in lower case: the form in which names are unique.
struct name name_fold(const struct name *name);

// Bytes of the name, 1 to NAME_BYTES_MAX; 0 for the empty struct.
size_t name_bytes(const struct name *name);

// Takes `bytes` bytes at `text` for a pattern. False, and `pattern` unchanged: they are none.
bool name_pattern_parse(struct name_pattern *pattern, const void *text, size_t bytes);

// Whether a name looks like the pattern, without regard to case. At most a few thousand steps, whatever both are.
bool name_pattern_is_match(const struct name_pattern *pattern, const struct name *name);

#endif
