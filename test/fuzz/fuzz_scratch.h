// SPDX-License-Identifier: ISC
// For the fuzzers that need files: one directory for the whole run, under TMPDIR. tools/fuzz has that in memory, and
// takes it away also after a crash.
#ifndef MMS_TEST_FUZZ_SCRATCH_H
#define MMS_TEST_FUZZ_SCRATCH_H

#include <fcntl.h>

#include "../unit/scratch.h"
#include "fuzz.h"

static struct scratch scratch;

static inline void scratch_leave(void)
{
	scratch_close(&scratch);
}

static inline void scratch_enter(void)
{
	scratch_open(&scratch);
	const int rc = atexit(scratch_leave);
	assert(rc == 0);
}

static inline void scratch_write(const char *path, const void *data, size_t bytes)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert(fd >= 0);
	const ssize_t written = write(fd, data, bytes);
	assert(written == (ssize_t)bytes);
	(void)close(fd);
}

// Reads the file at `path`, at most `bytes_max` bytes. Returns its bytes; 0: there is none.
static inline size_t scratch_read(const char *path, void *data, size_t bytes_max)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	const ssize_t bytes = read(fd, data, bytes_max);
	assert(bytes >= 0);
	(void)close(fd);
	return (size_t)bytes;
}

#endif
