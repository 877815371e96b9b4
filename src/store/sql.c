// SPDX-License-Identifier: ISC
// Statements, transactions and errors over SQLite; the contract is in sql.h. Opening is in sql_open.c.
#include "store/sql.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

// Whether a failed system call says that there is no room, rather than that the device is broken.
static bool is_no_room(int error)
{
	return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

static enum mms_err classify(int code, int error)
{
	switch (code & 0xff) {
	case SQLITE_FULL:
		return MMS_E_NOSPACE;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return MMS_E_BUSY;
	case SQLITE_CONSTRAINT:
		return MMS_E_EXISTS;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return MMS_E_FORMAT;
	case SQLITE_PERM:
	case SQLITE_AUTH:
	case SQLITE_READONLY:
		return MMS_E_DENIED;
	case SQLITE_CANTOPEN:
		return error == EACCES || error == EPERM || error == EROFS ? MMS_E_DENIED : MMS_E_IO;
	case SQLITE_IOERR:
		// A sync that failed is never "no room": what it should have kept may be gone.
		if (code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC)
			return MMS_E_IO;
		return is_no_room(error) ? MMS_E_NOSPACE : MMS_E_IO;
	default:
		return MMS_E_IO;
	}
}

static const char *advice(enum mms_err err)
{
	if (err == MMS_E_NOSPACE)
		return "free space on its disk";
	if (err == MMS_E_BUSY)
		return "another program is using it; close that program and try again";
	if (err == MMS_E_DENIED)
		return "run MMS as the owner of the file and of its directory";
	if (err == MMS_E_EXISTS)
		return "this is a mistake in MMS, please report it";
	return "check the disk and the system's log";
}

enum mms_err sql_fail(struct sql *sql, const char *doing)
{
	// sqlite3_system_errno is not set by a COMMIT that fails, and then still holds that of an older failure.
	const int error = errno;
	const int code = sqlite3_extended_errcode(sql->db);
	const enum mms_err err = classify(code, error);
	if (err == MMS_E_FORMAT)
		return sql_damaged(sql, sqlite3_errmsg(sql->db));
	const int family = code & 0xff;
	const bool has_error =
		error != 0 && (family == SQLITE_IOERR || family == SQLITE_FULL || family == SQLITE_CANTOPEN);
	snprintf(sql->reason.text, sizeof sql->reason.text, "cannot %s the %s %s: %s%s%s%s; %s", doing, sql->kind->noun,
		 sql->path, sqlite3_errmsg(sql->db), has_error ? " (" : "", has_error ? strerror(error) : "",
		 has_error ? ")" : "", advice(err));
	return err;
}

enum mms_err sql_damaged(struct sql *sql, const char *what)
{
	char line[200];
	size_t bytes = 0;
	// SQLite answers in several lines and quotes the file, whose words must not reach a terminal as they are.
	for (; bytes < sizeof line - 1 && what[bytes] != 0; bytes++)
		line[bytes] = what[bytes] >= ' ' && what[bytes] <= '~' ? what[bytes] : ' ';
	line[bytes] = 0;
	snprintf(sql->reason.text, sizeof sql->reason.text,
		 "the %s %s was changed or damaged (%s); put a good copy in its place, or move it away together with "
		 "its -wal and -shm files to start afresh",
		 sql->kind->noun, sql->path, line);
	return MMS_E_FORMAT;
}

enum mms_err sql_prepare(struct sql *sql, const char *const *texts, size_t count, sqlite3_stmt **statements)
{
	for (size_t i = 0; i < count; i++)
		statements[i] = NULL;
	for (size_t i = 0; i < count; i++) {
		errno = 0;
		const int code =
			sqlite3_prepare_v3(sql->db, texts[i], -1, SQLITE_PREPARE_PERSISTENT, &statements[i], NULL);
		if (code == SQLITE_OK)
			continue;
		// Our texts fit our schema; one that does not compile means another schema.
		const enum mms_err err = code == SQLITE_ERROR ? sql_damaged(sql, sqlite3_errmsg(sql->db)) :
								sql_fail(sql, "read");
		sql_finalize(statements, count);
		return err;
	}
	return MMS_OK;
}

void sql_finalize(sqlite3_stmt **statements, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		sqlite3_finalize(statements[i]);
		statements[i] = NULL;
	}
}

// Binding copies nothing and allocates nothing here, so it can only fail by a mistake of ours.
static void expect_bound(int code)
{
	assert(code == SQLITE_OK);
}

void sql_bind_int(sqlite3_stmt *statement, int index, int64_t value)
{
	expect_bound(sqlite3_bind_int64(statement, index, value));
}

void sql_bind_number(sqlite3_stmt *statement, int index, uint64_t value)
{
	assert(value <= INT64_MAX);
	sql_bind_int(statement, index, (int64_t)value);
}

void sql_bind_null(sqlite3_stmt *statement, int index)
{
	expect_bound(sqlite3_bind_null(statement, index));
}

void sql_bind_blob(sqlite3_stmt *statement, int index, const void *data, size_t bytes)
{
	assert(bytes <= INT32_MAX);
	expect_bound(sqlite3_bind_blob(statement, index, data, (int)bytes, SQLITE_STATIC));
}

void sql_bind_name(sqlite3_stmt *statement, int index, const struct name *name)
{
	expect_bound(sqlite3_bind_text(statement, index, name->text, (int)name_bytes(name), SQLITE_STATIC));
}

enum mms_err sql_row(struct sql *sql, sqlite3_stmt *statement)
{
	if (sql->is_stuck && sql_rollback(sql) != MMS_OK)
		return MMS_E_IO;
	errno = 0;
	const int code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		return MMS_OK;
	const char *doing = sqlite3_stmt_readonly(statement) ? "read" : "write";
	const enum mms_err err = code == SQLITE_DONE ? MMS_E_MISSING : sql_fail(sql, doing);
	sql_reset(statement);
	return err;
}

enum mms_err sql_run(struct sql *sql, sqlite3_stmt *statement)
{
	enum mms_err err = MMS_OK;
	while (err == MMS_OK)
		err = sql_row(sql, statement);
	return err == MMS_E_MISSING ? MMS_OK : err;
}

void sql_reset(sqlite3_stmt *statement)
{
	sqlite3_reset(statement); // repeats the error of the step before, which has been seen
}

enum mms_err sql_exec(struct sql *sql, const char *text)
{
	errno = 0;
	return sqlite3_exec(sql->db, text, NULL, NULL, NULL) == SQLITE_OK ? MMS_OK : sql_fail(sql, "write");
}

bool sql_read_number(sqlite3_stmt *statement, int column, uint64_t *value)
{
	if (sqlite3_column_type(statement, column) != SQLITE_INTEGER)
		return false;
	const int64_t number = sqlite3_column_int64(statement, column);
	if (number < 0)
		return false;
	*value = (uint64_t)number;
	return true;
}

bool sql_read_blob(sqlite3_stmt *statement, int column, void *target, size_t bytes)
{
	if (sqlite3_column_type(statement, column) != SQLITE_BLOB)
		return false;
	const void *data = sqlite3_column_blob(statement, column);
	if (data == NULL || (size_t)sqlite3_column_bytes(statement, column) != bytes)
		return false;
	memcpy(target, data, bytes);
	return true;
}

bool sql_read_name(sqlite3_stmt *statement, int column, struct name *name)
{
	if (sqlite3_column_type(statement, column) != SQLITE_TEXT)
		return false;
	const void *text = sqlite3_column_text(statement, column);
	return text != NULL && name_parse(name, text, (size_t)sqlite3_column_bytes(statement, column));
}

bool sql_read_text(sqlite3_stmt *statement, int column, uint8_t *target, size_t capacity_bytes, uint16_t *bytes)
{
	if (sqlite3_column_type(statement, column) != SQLITE_BLOB)
		return false;
	const size_t text_bytes = (size_t)sqlite3_column_bytes(statement, column);
	if (text_bytes == 0 || text_bytes > capacity_bytes || text_bytes > UINT16_MAX)
		return false;
	if (!sql_read_blob(statement, column, target, text_bytes))
		return false;
	*bytes = (uint16_t)text_bytes;
	return true;
}

// Runs one of the statements around a transaction; compiling it takes longer than what it does.
static enum mms_err run_bound(struct sql *sql, enum sql_bound which)
{
	static const char *const texts[SQL_BOUND_COUNT] = {[SQL_BEGIN] = "BEGIN IMMEDIATE", [SQL_COMMIT] = "COMMIT"};
	enum mms_err err = sql->bound[which] != NULL ? MMS_OK : sql_prepare(sql, &texts[which], 1, &sql->bound[which]);
	if (err != MMS_OK)
		return err;
	errno = 0;
	if (sqlite3_step(sql->bound[which]) != SQLITE_DONE)
		err = sql_fail(sql, "write");
	sql_reset(sql->bound[which]);
	return err;
}

enum mms_err sql_begin(struct sql *sql)
{
	if (sql->is_stuck && sql_rollback(sql) != MMS_OK)
		return MMS_E_IO;
	assert(sqlite3_get_autocommit(sql->db));
	const enum mms_err err = sql_check_log(sql);
	return err == MMS_OK ? run_bound(sql, SQL_BEGIN) : err;
}

enum mms_err sql_checkpoint(struct sql *sql)
{
	errno = 0;
	if (sqlite3_wal_checkpoint_v2(sql->db, NULL, sql->kind->checkpoint_mode, NULL, NULL) == SQLITE_OK) {
		sql->wal_pages = 0;
		return MMS_OK;
	}
	const enum mms_err err = sql_fail(sql, "write");
	return err == MMS_E_NOSPACE || err == MMS_E_BUSY ? MMS_OK : MMS_E_IO;
}

enum mms_err sql_commit(struct sql *sql)
{
	assert(!sqlite3_get_autocommit(sql->db));
	enum mms_err err = run_bound(sql, SQL_COMMIT);
	if (err != MMS_OK && sql_rollback(sql) != MMS_OK)
		err = MMS_E_IO;
	if (err == MMS_OK)
		err = sql_check_place(sql);
	// Left to SQLite, a checkpoint happens inside COMMIT, which then hides a sync that failed.
	return err == MMS_OK && sql->wal_pages >= SQL_WAL_PAGES_MAX ? sql_checkpoint(sql) : err;
}

enum mms_err sql_rollback(struct sql *sql)
{
	enum mms_err err = MMS_OK;
	// After some errors SQLite has rolled back by itself. A rollback only drops pages from memory, no sync fails.
	if (!sqlite3_get_autocommit(sql->db) && sqlite3_exec(sql->db, "ROLLBACK", NULL, NULL, NULL) != SQLITE_OK) {
		(void)sql_fail(sql, "undo a change of");
		err = MMS_E_IO;
	}
	sql->is_stuck = err != MMS_OK;
	return err;
}

enum mms_err sql_end(struct sql *sql, enum mms_err err)
{
	if (err == MMS_OK)
		return sql_commit(sql);
	return sql_rollback(sql) == MMS_OK ? err : MMS_E_IO;
}
