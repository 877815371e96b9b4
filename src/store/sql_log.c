// SPDX-License-Identifier: ISC
// An SQLite file system that gathers what is written to a log; the contract is in sql_log.h. All files but logs are opened by
// the one below, and SQLite talks to that from then on.
#include "store/sql_log.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

enum { HELD_BYTES_MAX = 128 * 1024 }; // full: written, and what comes next is gathered anew

struct log_file {
	sqlite3_file base; // SQLite's view
	uint8_t *held;     // HELD_BYTES_MAX: what is to be written
	sqlite3_int64 held_at;
	int held_bytes;
	sqlite3_int64 under[]; // the file of the file system below; SQLite aligns files to 8 bytes
};

static struct {
	sqlite3_vfs vfs;
	sqlite3_vfs *under;
} log_vfs;

static struct log_file *log_of(sqlite3_file *base)
{
	return (struct log_file *)(void *)base;
}

static sqlite3_file *under_of(sqlite3_file *base)
{
	return (sqlite3_file *)(void *)log_of(base)->under;
}

// Writes what is held. What cannot be written is dropped: kept, it would become a commit later that was said to have failed.
// So whatever fails gives up its transaction, also a read (sql_end).
static int flush(sqlite3_file *base)
{
	struct log_file *log = log_of(base);
	sqlite3_file *under = under_of(base);
	const int bytes = log->held_bytes;
	log->held_bytes = 0;
	return bytes == 0 ? SQLITE_OK : under->pMethods->xWrite(under, log->held, bytes, log->held_at);
}

static int log_close(sqlite3_file *base)
{
	const int code = flush(base);
	const int close_code = under_of(base)->pMethods->xClose(under_of(base));
	free(log_of(base)->held);
	return code == SQLITE_OK ? close_code : code;
}

static int log_read(sqlite3_file *base, void *target, int bytes, sqlite3_int64 offset)
{
	const int code = flush(base);
	return code == SQLITE_OK ? under_of(base)->pMethods->xRead(under_of(base), target, bytes, offset) : code;
}

static int log_write(sqlite3_file *base, const void *data, int bytes, sqlite3_int64 offset)
{
	struct log_file *log = log_of(base);
	const bool follows = offset == log->held_at + log->held_bytes && bytes <= HELD_BYTES_MAX - log->held_bytes;
	if (!follows) {
		const int code = flush(base);
		if (code != SQLITE_OK)
			return code;
		if (bytes > HELD_BYTES_MAX)
			return under_of(base)->pMethods->xWrite(under_of(base), data, bytes, offset);
		log->held_at = offset;
	}
	memcpy(log->held + log->held_bytes, data, (size_t)bytes);
	log->held_bytes += bytes;
	return SQLITE_OK;
}

static int log_truncate(sqlite3_file *base, sqlite3_int64 bytes)
{
	const int code = flush(base);
	return code == SQLITE_OK ? under_of(base)->pMethods->xTruncate(under_of(base), bytes) : code;
}

static int log_sync(sqlite3_file *base, int flags)
{
	const int code = flush(base);
	return code == SQLITE_OK ? under_of(base)->pMethods->xSync(under_of(base), flags) : code;
}

static int log_size(sqlite3_file *base, sqlite3_int64 *bytes)
{
	const int code = flush(base);
	return code == SQLITE_OK ? under_of(base)->pMethods->xFileSize(under_of(base), bytes) : code;
}

static int log_lock(sqlite3_file *base, int level)
{
	return under_of(base)->pMethods->xLock(under_of(base), level);
}

static int log_unlock(sqlite3_file *base, int level)
{
	return under_of(base)->pMethods->xUnlock(under_of(base), level);
}

static int log_check_lock(sqlite3_file *base, int *is_reserved)
{
	return under_of(base)->pMethods->xCheckReservedLock(under_of(base), is_reserved);
}

static int log_control(sqlite3_file *base, int op, void *argument)
{
	const int code = flush(base);
	return code == SQLITE_OK ? under_of(base)->pMethods->xFileControl(under_of(base), op, argument) : code;
}

static int log_sector_bytes(sqlite3_file *base)
{
	return under_of(base)->pMethods->xSectorSize(under_of(base));
}

static int log_characteristics(sqlite3_file *base)
{
	return under_of(base)->pMethods->xDeviceCharacteristics(under_of(base));
}

static int log_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *base, int flags, int *flags_out)
{
	static const sqlite3_io_methods methods = {
		.iVersion = 1, // the shared memory is the database's
		.xClose = log_close,
		.xRead = log_read,
		.xWrite = log_write,
		.xTruncate = log_truncate,
		.xSync = log_sync,
		.xFileSize = log_size,
		.xLock = log_lock,
		.xUnlock = log_unlock,
		.xCheckReservedLock = log_check_lock,
		.xFileControl = log_control,
		.xSectorSize = log_sector_bytes,
		.xDeviceCharacteristics = log_characteristics,
	};
	struct log_file *log = log_of(base);
	(void)vfs;
	if ((flags & SQLITE_OPEN_WAL) == 0)
		return log_vfs.under->xOpen(log_vfs.under, path, base, flags, flags_out);
	*log = (struct log_file){.held = malloc(HELD_BYTES_MAX)};
	if (log->held == NULL)
		return SQLITE_NOMEM;
	const int code = log_vfs.under->xOpen(log_vfs.under, path, under_of(base), flags, flags_out);
	if (code == SQLITE_OK) {
		base->pMethods = &methods;
	} else {
		free(log->held);
		log->held = NULL;
	}
	return code;
}

const char *sql_log_vfs(void)
{
	if (log_vfs.under == NULL) {
		sqlite3_vfs *under = sqlite3_vfs_find(NULL);
		if (under == NULL)
			return NULL;
		// All but opening stays as it is below, with what that keeps for itself.
		log_vfs.vfs = *under;
		log_vfs.vfs.zName = "mms-log";
		log_vfs.vfs.szOsFile = (int)sizeof(struct log_file) + under->szOsFile;
		log_vfs.vfs.pNext = NULL;
		log_vfs.vfs.xOpen = log_open;
		if (sqlite3_vfs_register(&log_vfs.vfs, 0) != SQLITE_OK)
			return NULL;
		log_vfs.under = under;
	}
	return log_vfs.vfs.zName;
}
