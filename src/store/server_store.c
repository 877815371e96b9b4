// SPDX-License-Identifier: ISC
// The server's database: opening, starts, users and devices; the contract is in server_store.h. Appending, reading and
// housekeeping have files of their own.
#include "store/server_store.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/server_store_inside.h"

// Opens the directory of the database, whose free space has_room asks for.
static enum mms_err open_directory(struct server_store *store)
{
	const char *path = store->sql.path;
	const char *slash = strrchr(path, '/');
	char *directory = slash == NULL ? strdup(".") :
			  slash == path ? strdup("/") :
					  strndup(path, (size_t)(slash - path));
	if (directory != NULL)
		store->directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (store->directory_fd < 0)
		snprintf(store->sql.reason.text, sizeof store->sql.reason.text,
			 "cannot open the directory of the server database %s: %s; check its permissions", path,
			 strerror(errno));
	free(directory);
	return store->directory_fd < 0 ? MMS_E_IO : MMS_OK;
}

// Reads the commit counter. A number at or below one in use would be given twice, so that is damage.
static enum mms_err load_counter(struct server_store *store)
{
	sqlite3_stmt *statement = store->statement[COUNTER_GET];
	uint64_t message_row;
	uint64_t accepted_row;
	enum mms_err err = sql_row(&store->sql, statement);
	if (err == MMS_E_MISSING)
		return sql_damaged(&store->sql, "its commit counter is missing");
	if (err != MMS_OK)
		return err;
	if (!sql_read_number(statement, 0, &store->commit_next) || !sql_read_number(statement, 1, &message_row) ||
	    !sql_read_number(statement, 2, &accepted_row) || store->commit_next <= message_row ||
	    store->commit_next <= accepted_row)
		err = sql_damaged(&store->sql, "its commit counter is behind its messages");
	sql_reset(statement);
	return err;
}

static enum mms_err open_store(const char *path, enum sql_access mode, struct server_store **store, struct reason *why)
{
	struct server_store *opened = calloc(1, sizeof *opened);
	enum mms_err err;
	*store = NULL;
	if (opened == NULL) {
		snprintf(why->text, sizeof why->text,
			 "cannot open the server database %s: out of memory; stop other programs", path);
		return MMS_E_IO;
	}
	opened->directory_fd = -1;
	err = sql_open(&opened->sql, path, &server_schema_kind, mode);
	if (err == MMS_OK)
		err = sql_exec(&opened->sql, "CREATE TEMP TABLE present(user_id INTEGER PRIMARY KEY)");
	if (err == MMS_OK)
		err = sql_prepare(&opened->sql, server_schema_statement, SERVER_STATEMENT_COUNT, opened->statement);
	if (err == MMS_OK)
		err = load_counter(opened);
	if (err == MMS_OK)
		err = open_directory(opened);
	if (err == MMS_OK) {
		server_store_room_changed(opened);
		*store = opened;
	} else {
		*why = opened->sql.reason;
		server_store_close(opened);
	}
	return err;
}

enum mms_err server_store_open(const char *path, struct server_store **store, struct reason *why)
{
	return open_store(path, SQL_READ_WRITE, store, why);
}

enum mms_err server_store_open_readonly(const char *path, struct server_store **store, struct reason *why)
{
	return open_store(path, SQL_READ_ONLY, store, why);
}

void server_store_close(struct server_store *store)
{
	if (store == NULL)
		return;
	sql_finalize(store->statement, SERVER_STATEMENT_COUNT);
	sql_close(&store->sql);
	if (store->directory_fd >= 0)
		close(store->directory_fd);
	free(store);
}

const struct reason *server_store_reason(const struct server_store *store)
{
	return &store->sql.reason;
}

enum mms_err server_store_start(struct server_store *store, const uint8_t start_id[STORAGE_START_ID_BYTES],
				struct wtime now, struct storage_mark *first)
{
	sqlite3_stmt *statement = store->statement[START_PUT];
	enum mms_err err = sql_begin(&store->sql);
	if (err != MMS_OK)
		return err;
	sql_bind_blob(statement, 1, start_id, STORAGE_START_ID_BYTES);
	sql_bind_number(statement, 2, store->commit_next);
	sql_bind_int(statement, 3, now.ms);
	err = sql_end(&store->sql, sql_run(&store->sql, statement));
	if (err == MMS_OK) {
		memcpy(first->start_id, start_id, STORAGE_START_ID_BYTES);
		first->commit = store->commit_next;
	}
	return err;
}

// Finds or makes the user of one listed name, as it is written there and not absent.
static enum mms_err sync_user(struct server_store *store, const struct name *name, int64_t *user_id)
{
	sqlite3_stmt *statement = store->statement[USER_FIND];
	sql_bind_name(statement, 1, name);
	enum mms_err err = sql_row(&store->sql, statement);
	if (err == MMS_OK) {
		*user_id = sqlite3_column_int64(statement, 0);
		const bool is_current = sqlite3_column_int(statement, 1) != 0 && sqlite3_column_int(statement, 2) != 0;
		sql_reset(statement);
		if (is_current)
			return MMS_OK;
		statement = store->statement[USER_UPDATE];
		sql_bind_int(statement, 1, *user_id);
		sql_bind_name(statement, 2, name);
		return sql_run(&store->sql, statement);
	}
	if (err != MMS_E_MISSING)
		return err;
	statement = store->statement[USER_PUT];
	sql_bind_name(statement, 1, name);
	err = sql_run(&store->sql, statement);
	*user_id = sqlite3_last_insert_rowid(store->sql.db);
	return err;
}

enum mms_err server_store_users_sync(struct server_store *store, const struct name *names, size_t count,
				     struct wtime now, int64_t *ids)
{
	struct sql *sql = &store->sql;
	enum mms_err err = sql_begin(sql);
	if (err != MMS_OK)
		return err;
	err = sql_run(sql, store->statement[PRESENT_CLEAR]);
	for (size_t i = 0; i < count && err == MMS_OK; i++) {
		err = sync_user(store, &names[i], &ids[i]);
		if (err != MMS_OK)
			break;
		sql_bind_int(store->statement[PRESENT_PUT], 1, ids[i]);
		err = sql_run(sql, store->statement[PRESENT_PUT]);
	}
	if (err == MMS_OK) {
		sql_bind_int(store->statement[USER_MARK_ABSENT], 1, now.ms);
		err = sql_run(sql, store->statement[USER_MARK_ABSENT]);
	}
	return sql_end(sql, err);
}

enum mms_err server_store_cursors(struct server_store *store, int64_t user_id, struct server_cursors *cursors)
{
	sqlite3_stmt *statement = store->statement[DEVICE_CURSORS];
	sql_bind_int(statement, 1, user_id);
	enum mms_err err = sql_row(&store->sql, statement);
	if (err != MMS_OK)
		return err == MMS_E_MISSING ? sql_damaged(&store->sql, "its devices cannot be counted") : err;
	if (!sql_read_number(statement, 0, &cursors->low) || !sql_read_number(statement, 1, &cursors->high) ||
	    !sql_read_number(statement, 2, &cursors->count))
		err = sql_damaged(&store->sql, "a device's cursor is not a row number");
	sql_reset(statement);
	return err;
}

enum mms_err server_store_purge(struct server_store *store, int64_t user_id, uint64_t row)
{
	sqlite3_stmt *statement = store->statement[MESSAGE_PURGE];
	sql_bind_int(statement, 1, user_id);
	sql_bind_number(statement, 2, row);
	return sql_run(&store->sql, statement);
}

enum mms_err server_store_revoke(struct server_store *store, int64_t user_id,
				 const uint8_t fingerprint[STORAGE_KEY_BYTES], bool *removed)
{
	sqlite3_stmt *statement = store->statement[DEVICE_REMOVE];
	struct server_cursors cursors = {0};
	enum mms_err err = sql_begin(&store->sql);
	if (err != MMS_OK)
		return err;
	sql_bind_int(statement, 1, user_id);
	sql_bind_blob(statement, 2, fingerprint, STORAGE_KEY_BYTES);
	err = sql_run(&store->sql, statement);
	const bool has_removed = err == MMS_OK && sqlite3_changes(store->sql.db) > 0;
	if (has_removed) {
		err = server_store_cursors(store, user_id, &cursors);
		if (err == MMS_OK) // without any device left, low is 0
			err = server_store_purge(store, user_id, cursors.low);
	}
	err = sql_end(&store->sql, err);
	if (err == MMS_OK)
		*removed = has_removed;
	return err;
}

enum mms_err server_store_devices(struct server_store *store,
				  void (*each)(void *context, const struct server_store_device *device), void *context)
{
	sqlite3_stmt *statement = store->statement[DEVICE_LIST];
	enum mms_err err;
	while ((err = sql_row(&store->sql, statement)) == MMS_OK) {
		struct server_store_device device = {.enrolled_at = {sqlite3_column_int64(statement, 2)}};
		if (!sql_read_name(statement, 0, &device.user) ||
		    !sql_read_blob(statement, 1, device.fingerprint, sizeof device.fingerprint) ||
		    !sql_read_number(statement, 3, &device.cursor)) {
			err = sql_damaged(&store->sql, "a device is malformed");
			sql_reset(statement);
			return err;
		}
		each(context, &device);
	}
	return err == MMS_E_MISSING ? MMS_OK : err;
}
