// SPDX-License-Identifier: ISC
// Opening a database: whose it is, which version, durability that is read back; the contract is in sql.h. What an unclean
// end left is mended in sql_recover.c; whether the file is still ours to use is the matter of sql_place.c.
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/sql.h"
#include "store/sql_log.h"

enum {
	WAL_SWITCH_TRIES = 100, // times that other processes may be in the way while a new file becomes a WAL database
	SYNCHRONOUS_FULL = 2,   // what PRAGMA synchronous answers
};

// What the header of a file says about it.
struct identity {
	int64_t application_id;
	int64_t version;
	int64_t table_count;
};

// Makes an empty file for the owner alone; SQLite gives its -wal and -shm files the same mode. An existing file is not
// opened here: closing it would drop the locks that SQLite holds on it for another connection of this process.
static enum mms_err make_file(struct sql *sql)
{
	const int fd = open(sql->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 && errno != EEXIST)
		return sql_fail_system(sql, "create", errno);
	// SQLite would open a file that cannot be written all the same, and fail later with another reason.
	if (fd < 0 && !sql_file_is_writable(sql))
		return sql_fail_system(sql, "write", errno);
	if (fd >= 0) {
		sql_file_own(sql, fd);
		close(fd);
	}
	// SQLite takes a file that is shorter than its header for an empty one, and would write over it.
	enum { HEADER_BYTES = 100 };
	struct stat status;
	if (fd < 0 && stat(sql->path, &status) == 0 && status.st_size == 0 && sql->was_made) {
		snprintf(sql->reason.text, sizeof sql->reason.text,
			 "the %s %s is empty, and it was not: put a good copy in its place, or move it away to start afresh",
			 sql->kind->noun, sql->path);
		return MMS_E_FORMAT;
	}
	if (stat(sql->path, &status) == 0 && status.st_size > 0 && status.st_size < HEADER_BYTES) {
		snprintf(sql->reason.text, sizeof sql->reason.text, "%s is not a database; move it away or use %s",
			 sql->path, sql->kind->elsewhere);
		return MMS_E_FORMAT;
	}
	return MMS_OK;
}

// Runs a query that gives one number.
static enum mms_err get_int(struct sql *sql, const char *text, int64_t *value)
{
	sqlite3_stmt *statement = NULL;
	enum mms_err err = MMS_OK;
	errno = 0;
	if (sqlite3_prepare_v2(sql->db, text, -1, &statement, NULL) != SQLITE_OK)
		err = sql_fail(sql, "read");
	else
		err = sql_row(sql, statement);
	if (err == MMS_OK)
		*value = sqlite3_column_int64(statement, 0);
	else if (err == MMS_E_MISSING)
		err = sql_damaged(sql, "no answer from it");
	sqlite3_finalize(statement);
	return err;
}

// Must run inside a transaction, or another process could make the database between the reads.
static enum mms_err read_identity(struct sql *sql, struct identity *identity)
{
	enum mms_err err = get_int(sql, "PRAGMA application_id", &identity->application_id);
	if (err == MMS_OK)
		err = get_int(sql, "PRAGMA user_version", &identity->version);
	if (err == MMS_OK)
		err = get_int(sql, "SELECT count(*) FROM sqlite_schema", &identity->table_count);
	return err;
}

static bool is_empty(const struct identity *identity)
{
	return identity->application_id == 0 && identity->version == 0 && identity->table_count == 0;
}

// Whether this file is ours to open. An empty one is.
static enum mms_err judge(struct sql *sql, const struct identity *identity, enum sql_access mode)
{
	const struct sql_kind *kind = sql->kind;
	if (is_empty(identity) && mode == SQL_READ_WRITE)
		return MMS_OK;
	if (identity->application_id != (int64_t)kind->application_id && !is_empty(identity)) {
		snprintf(sql->reason.text, sizeof sql->reason.text,
			 "%s is a database, but not a %s of MMS; move it away or use %s", sql->path, kind->noun,
			 kind->elsewhere);
		return MMS_E_FORMAT;
	}
	if (mode == SQL_READ_ONLY && is_empty(identity)) {
		snprintf(sql->reason.text, sizeof sql->reason.text,
			 "the %s %s is empty; start that server once, or use %s", kind->noun, sql->path, kind->elsewhere);
		return MMS_E_VERSION;
	}
	if (identity->version < 1)
		return sql_damaged(sql, "its schema has no version");
	if (identity->version != (int64_t)kind->version) {
		snprintf(sql->reason.text, sizeof sql->reason.text,
			 "the %s %s was written by %s version of MMS (its schema is %" PRId64
			 ", this program knows %" PRIu32 "); use that version, or %s",
			 kind->noun, sql->path, identity->version > (int64_t)kind->version ? "a newer" : "an older",
			 identity->version, kind->version, kind->elsewhere);
		return MMS_E_VERSION;
	}
	return MMS_OK;
}

static enum mms_err identify(struct sql *sql, enum sql_access mode, struct identity *identity)
{
	enum mms_err err = sql_exec(sql, "BEGIN");
	if (err != MMS_OK)
		return err;
	err = read_identity(sql, identity);
	if (err == MMS_OK)
		err = sql_rollback(sql);
	return err == MMS_OK ? judge(sql, identity, mode) : err;
}

// Makes the tables of an empty file, all in one transaction; another process may have been faster.
static enum mms_err make_schema(struct sql *sql)
{
	struct identity identity = {0};
	char text[96];
	enum mms_err err = sql_begin(sql);
	if (err != MMS_OK)
		return err;
	err = read_identity(sql, &identity);
	if (err == MMS_OK)
		err = judge(sql, &identity, SQL_READ_WRITE);
	if (err != MMS_OK || !is_empty(&identity))
		return sql_end(sql, err);
	snprintf(text, sizeof text, "PRAGMA application_id = %" PRIu32 "; PRAGMA user_version = %" PRIu32,
		 sql->kind->application_id, sql->kind->version);
	for (size_t i = 0; i < SQL_SCHEMA_PARTS && err == MMS_OK && sql->kind->schema[i] != NULL; i++)
		err = sql_exec(sql, sql->kind->schema[i]);
	if (err == MMS_OK)
		err = sql_exec(sql, text);
	return sql_end(sql, err);
}

// Makes it a WAL database and reads that back. While another process makes the same file one, SQLite may say "busy" at
// once, without waiting; an empty transaction waits for it.
static enum mms_err set_wal(struct sql *sql)
{
	sqlite3_stmt *statement = NULL;
	enum mms_err err = MMS_E_BUSY;
	bool is_wal = false;
	for (int i = 0; i < WAL_SWITCH_TRIES && err == MMS_E_BUSY; i++) {
		if (i > 0) {
			err = sql_begin(sql);
			if (err == MMS_OK)
				err = sql_rollback(sql);
			if (err != MMS_OK)
				break;
		}
		errno = 0;
		if (sqlite3_prepare_v2(sql->db, "PRAGMA journal_mode = WAL", -1, &statement, NULL) != SQLITE_OK)
			return sql_fail(sql, "open");
		err = sql_row(sql, statement);
		if (err == MMS_OK)
			is_wal = sqlite3_stricmp((const char *)sqlite3_column_text(statement, 0), "wal") == 0;
		sqlite3_finalize(statement);
	}
	if (err == MMS_OK && !is_wal) {
		snprintf(sql->reason.text, sizeof sql->reason.text,
			 "the file system of the %s %s cannot hold a write-ahead log; use %s on a local disk",
			 sql->kind->noun, sql->path, sql->kind->elsewhere);
		err = MMS_E_IO;
	}
	return err;
}

static enum mms_err set_synchronous(struct sql *sql)
{
	int64_t level = 0;
	enum mms_err err = sql_exec(sql, "PRAGMA synchronous = FULL");
	if (err == MMS_OK)
		err = get_int(sql, "PRAGMA synchronous", &level);
	if (err == MMS_OK && level != SYNCHRONOUS_FULL) {
		snprintf(sql->reason.text, sizeof sql->reason.text,
			 "the SQLite library here does not sync the %s %s; use the SQLite of your distribution",
			 sql->kind->noun, sql->path);
		err = MMS_E_IO;
	}
	return err;
}

static int on_commit(void *context, sqlite3 *db, const char *database, int pages)
{
	struct sql *sql = context;
	(void)db;
	if (strcmp(database, "main") == 0)
		sql->wal_pages = pages;
	return SQLITE_OK;
}

static enum mms_err connect(struct sql *sql, enum sql_access mode)
{
	const int flags = mode == SQL_READ_ONLY ? SQLITE_OPEN_READONLY | SQLITE_OPEN_URI : SQLITE_OPEN_READWRITE;
	char uri[SQL_URI_BYTES];
	char text[128];
	const char *name = mode == SQL_READ_ONLY ? sql_file_name(sql, uri) : sql->path;
	if (name == NULL)
		return MMS_E_DENIED;
	// Nobody asks how much memory it has, and counting takes a lock for each piece. Only the first database of a process decides.
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	errno = 0;
	const char *vfs = mode == SQL_READ_ONLY ? NULL : sql_log_vfs();
	if (sqlite3_open_v2(name, &sql->db, flags | SQLITE_OPEN_NOMUTEX, vfs) != SQLITE_OK) {
		if (sql->db != NULL)
			return sql_fail(sql, "open");
		snprintf(sql->reason.text, sizeof sql->reason.text,
			 "cannot open the %s %s: out of memory; stop other programs", sql->kind->noun, sql->path);
		return MMS_E_IO;
	}
	sqlite3_extended_result_codes(sql->db, 1);
	sqlite3_busy_timeout(sql->db, sql->kind->busy_ms);
	// A file that someone else wrote must not make us run what its schema says.
	sqlite3_db_config(sql->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(sql->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(sql->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	if (mode == SQL_READ_ONLY)
		sqlite3_db_config(sql->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_wal_hook(sql->db, on_commit, sql); // instead of SQLite's own checkpoints, see sql_commit
	snprintf(text, sizeof text, "PRAGMA temp_store = MEMORY; PRAGMA cell_size_check = ON; PRAGMA cache_size = -%d",
		 sql->kind->cache_kib);
	return sql_exec(sql, text);
}

enum mms_err sql_open(struct sql *sql, const char *path, const struct sql_kind *kind, enum sql_access mode)
{
	struct identity identity = {0};
	enum mms_err err = MMS_OK;
	assert(kind->version >= 1);
	*sql = (struct sql){.kind = kind, .path = strdup(path), .use_fd = -1};
	if (sql->path == NULL) {
		snprintf(sql->reason.text, sizeof sql->reason.text,
			 "cannot open the %s %s: out of memory; stop other programs", kind->noun, path);
		return MMS_E_IO;
	}
	err = sql_file_check(sql);
	if (err == MMS_OK && mode == SQL_READ_WRITE) {
		err = sql_place_take(sql);
		if (err == MMS_OK)
			err = make_file(sql);
	} else if (err == MMS_OK && access(path, F_OK) != 0) {
		err = errno == ENOENT ? MMS_E_MISSING : MMS_OK;
		snprintf(sql->reason.text, sizeof sql->reason.text,
			 "there is no %s %s; start the server once, or use %s", kind->noun, path, kind->elsewhere);
	}
	if (err == MMS_OK)
		err = connect(sql, mode);
	if (err == MMS_OK)
		err = identify(sql, mode, &identity);
	if (err != MMS_OK || mode == SQL_READ_ONLY)
		goto out;

	err = set_synchronous(sql);
	if (err == MMS_OK && is_empty(&identity)) // can only be set before there is a first page
		err = sql_exec(sql, "PRAGMA auto_vacuum = INCREMENTAL");
	if (err == MMS_OK)
		err = set_wal(sql);
	if (err == MMS_OK && is_empty(&identity))
		err = make_schema(sql);
	if (err == MMS_OK && sql->is_alone)
		err = sql_recover(sql);
	if (err == MMS_OK)
		err = sql_place_opened(sql);
out:
	if (err != MMS_OK)
		sql_close(sql);
	return err;
}

void sql_close(struct sql *sql)
{
	sql_finalize(sql->bound, SQL_BOUND_COUNT);
	if (sql->db != NULL) {
		const int code = sqlite3_close(sql->db);
		assert(code == SQLITE_OK); // else a statement was left
	}
	sql_place_give(sql);
	free(sql->path);
	sql->db = NULL;
	sql->path = NULL;
}
