// SPDX-License-Identifier: ISC
// Calls of the program that the linker turns to us; see wraps.h.
#include "wraps.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include <sqlite3.h>

struct wraps wraps;

static sqlite3_mem_methods real;

static bool fails(void)
{
	const uint64_t call = ++wraps.memory_calls;
	const uint64_t at = wraps.memory_fails_at;
	const bool is_hit = at != 0 && (call == at || (call > at && wraps.memory_is_persistent));
	wraps.memory_hits += is_hit;
	if (is_hit)
		errno = ENOMEM;
	return is_hit;
}

void wraps_fail_memory(uint64_t at, bool is_persistent)
{
	wraps.memory_calls = 0;
	wraps.memory_hits = 0;
	wraps.memory_fails_at = at;
	wraps.memory_is_persistent = is_persistent;
}

// --- SQLite's memory ---

static void *sqlite_malloc(int bytes)
{
	return fails() ? NULL : real.xMalloc(bytes);
}

static void *sqlite_realloc(void *memory, int bytes)
{
	return fails() ? NULL : real.xRealloc(memory, bytes);
}

void wraps_register(void)
{
	sqlite3_mem_methods counting;
	if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real) != SQLITE_OK)
		abort();
	counting = real;
	counting.xMalloc = sqlite_malloc;
	counting.xRealloc = sqlite_realloc;
	if (sqlite3_config(SQLITE_CONFIG_MALLOC, &counting) != SQLITE_OK)
		abort();
}

// --- the program's ---

void *__real_calloc(size_t count, size_t bytes);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t bytes);

void *__wrap_calloc(size_t count, size_t bytes)
{
	return fails() ? NULL : __real_calloc(count, bytes);
}

char *__wrap_strdup(const char *text)
{
	return fails() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t bytes)
{
	return fails() ? NULL : __real_strndup(text, bytes);
}

// --- the disk's free space ---

int __wrap_fstatvfs(int fd, struct statvfs *disk);

int __wrap_fstatvfs(int fd, struct statvfs *disk)
{
	(void)fd;
	*disk = (struct statvfs){.f_frsize = 4096, .f_bavail = wraps.is_disk_full ? 10 : 1000000};
	return 0;
}

// --- a transaction that is none ---

int __real_sqlite3_step(sqlite3_stmt *statement);
int __wrap_sqlite3_step(sqlite3_stmt *statement);

int __wrap_sqlite3_step(sqlite3_stmt *statement)
{
	if (wraps.skips != NULL && strncmp(sqlite3_sql(statement), wraps.skips, strlen(wraps.skips)) == 0)
		return SQLITE_DONE;
	const int code = __real_sqlite3_step(statement);
	sqlite3 *db = sqlite3_db_handle(statement);
	if (wraps.splits_transactions && code == SQLITE_DONE && !sqlite3_stmt_readonly(statement) &&
	    !sqlite3_get_autocommit(db))
		return sqlite3_exec(db, "COMMIT; BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK ? code : SQLITE_IOERR;
	return code;
}
