// SPDX-License-Identifier: ISC
// What an unclean end leaves: a log that is not in the database yet. It is made durable and copied, and the whole file is
// checked; after an end in order there is no log, and nothing to do. The contract is in sql.h.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/sql.h"

// Writes the log's bytes over themselves and syncs them. After a sync that failed they may stand in the page cache of the
// system alone, marked as written; a crash while they were copied into the database would then leave half of a
// transaction there, and nothing in the log to complete it from.
static enum mms_err make_log_durable(struct sql *sql, sqlite3_file *log, sqlite3_int64 bytes)
{
	uint8_t chunk[4 * SQL_PAGE_BYTES];
	int code = SQLITE_OK;
	errno = 0;
	for (sqlite3_int64 at = 0; at < bytes && code == SQLITE_OK; at += (sqlite3_int64)sizeof chunk) {
		const sqlite3_int64 left = bytes - at;
		const int size = left < (sqlite3_int64)sizeof chunk ? (int)left : (int)sizeof chunk;
		code = log->pMethods->xRead(log, chunk, size, at);
		if (code == SQLITE_OK)
			code = log->pMethods->xWrite(log, chunk, size, at);
	}
	if (code != SQLITE_OK)
		return sql_fail_system(sql, "rewrite the log of", errno == 0 ? EIO : errno);
	// A sync that failed is never "no room".
	if (log->pMethods->xSync(log, SQLITE_SYNC_NORMAL) != SQLITE_OK)
		return sql_fail_system(sql, "sync the log of", EIO);
	return MMS_OK;
}


// Whether SQLite's verdict tells of a page that could not be read, which it words like damage.
static bool tells_of_failed_read(const char *verdict)
{
	static const char words[] = "error code=";
	const char *found = strstr(verdict, words);
	const long code = found == NULL ? SQLITE_OK : strtol(found + strlen(words), NULL, 10) & 0xff;
	return code == SQLITE_IOERR || code == SQLITE_NOMEM;
}

static enum mms_err judge_pages(struct sql *sql, const char *verdict)
{
	if (verdict != NULL && strcmp(verdict, "ok") == 0)
		return MMS_OK;
	if (verdict == NULL || !tells_of_failed_read(verdict))
		return sql_damaged(sql, verdict == NULL ? "it cannot be checked" : verdict);
	snprintf(sql->reason.text, sizeof sql->reason.text,
		 "cannot check the %s %s: reading it failed; check the disk and the system's log", sql->kind->noun,
		 sql->path);
	return MMS_E_IO;
}

static enum mms_err check(struct sql *sql, const char *how)
{
	sqlite3_stmt *statement = NULL;
	errno = 0;
	if (sqlite3_prepare_v2(sql->db, how, -1, &statement, NULL) != SQLITE_OK)
		return sql_fail(sql, "read");
	enum mms_err err = sql_row(sql, statement);
	if (err == MMS_OK || err == MMS_E_MISSING)
		err = judge_pages(sql, err == MMS_OK ? (const char *)sqlite3_column_text(statement, 0) : NULL);
	sqlite3_finalize(statement);
	return err;
}

enum mms_err sql_check(struct sql *sql)
{
	return check(sql, "PRAGMA integrity_check(1)");
}

// Copies the log into the database and empties it, so that nothing is taken for durable that only the page cache of a
// system that failed to sync it holds.
static enum mms_err empty_log(struct sql *sql, sqlite3_file *log, sqlite3_int64 bytes)
{
	enum mms_err err = make_log_durable(sql, log, bytes);
	if (err == MMS_OK)
		err = sql_rollback(sql);
	errno = 0;
	if (err == MMS_OK &&
	    sqlite3_wal_checkpoint_v2(sql->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) != SQLITE_OK)
		err = sql_fail(sql, "write");
	if (err == MMS_E_BUSY && sql->kind->is_shared)
		err = MMS_OK; // where locks say nothing, others may be here: they see to the log
	return err == MMS_OK ? check(sql, "PRAGMA quick_check(1)") : err;
}

enum mms_err sql_recover(struct sql *sql)
{
	sqlite3_file *log = NULL;
	sqlite3_int64 bytes = 0;
	enum mms_err err = sql_begin(sql); // opens the log; nobody else writes it meanwhile
	if (err != MMS_OK)
		return err;
	errno = 0;
	if (sqlite3_file_control(sql->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) != SQLITE_OK || log == NULL ||
	    log->pMethods == NULL || log->pMethods->xFileSize(log, &bytes) != SQLITE_OK)
		return sql_fail(sql, "read the log of");
	return bytes > 0 ? empty_log(sql, log, bytes) : sql_rollback(sql);
}
