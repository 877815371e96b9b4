// SPDX-License-Identifier: ISC
// What an unclean end leaves: a log that is not in the database yet. It is made durable and copied; after an end in order
// there is no log, and nothing to do. Nothing else is read: how long it takes does not depend on what is held. The contract is
// in sql.h.
#include <errno.h>

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
	return err;
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
