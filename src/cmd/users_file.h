// SPDX-License-Identifier: ISC
// A users file in memory: read, measured and parsed in one call. Layer: cmd; the memory is on the heap.
#ifndef MMS_CMD_USERS_FILE_H
#define MMS_CMD_USERS_FILE_H

#include <stddef.h>

#include "base/err.h"
#include "base/users.h"

// Zeroed: nothing loaded.
struct users_file {
	char *text; // as read
	size_t bytes;
	struct users_table table; // its arrays belong to this struct
};

// Reads and parses the file at `path`. MMS_E_BAD: not a users file; else as file_read. On error `file` is zeroed and
// `why` says what to do.
enum mms_err users_file_load(struct users_file *file, const char *path, struct reason *why) MUST_CHECK;

// Parses a text of `bytes` bytes, on the heap, which is the file's from now on; NULL: an empty one. `name` is what `why` calls it.
// Errors as users_file_load, without those of reading.
enum mms_err users_file_parse(struct users_file *file, char *text, size_t bytes, const char *name,
			      struct reason *why) MUST_CHECK;

// Frees everything and zeroes the struct. Zeroed is accepted.
void users_file_clear(struct users_file *file);

#endif
