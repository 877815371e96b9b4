// SPDX-License-Identifier: ISC
// Reading a whole database, for `mms check`: no start does. The contract is in sql.h.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/sql.h"

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

enum mms_err sql_check(struct sql *sql)
{
	sqlite3_stmt *statement = NULL;
	errno = 0;
	if (sqlite3_prepare_v2(sql->db, "PRAGMA integrity_check(1)", -1, &statement, NULL) != SQLITE_OK)
		return sql_fail(sql, "read");
	enum mms_err err = sql_row(sql, statement);
	if (err == MMS_OK || err == MMS_E_MISSING)
		err = judge_pages(sql, err == MMS_OK ? (const char *)sqlite3_column_text(statement, 0) : NULL);
	sqlite3_finalize(statement);
	return err;
}
