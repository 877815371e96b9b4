// SPDX-License-Identifier: ISC
// The server's database: opening, starts, counters, devices; the contract is in server_store.h. Users, appending, questions
// and housekeeping have files of their own.
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

// Reads the counters. A commit number at or below one in use would be given twice, so that is damage.
static enum mms_err load_counter(struct server_store *store)
{
	sqlite3_stmt *statement = store->statement[COUNTER_GET];
	uint64_t body_no;
	uint64_t first_commit;
	enum mms_err err = sql_row(&store->sql, statement);
	if (err == MMS_E_MISSING)
		return sql_damaged(&store->sql, "its commit counter is missing");
	if (err != MMS_OK)
		return err;
	if (!sql_read_number(statement, 0, &store->commit_next) || !sql_read_number(statement, 1, &store->seconds) ||
	    !sql_read_number(statement, 2, &body_no) || !sql_read_number(statement, 3, &first_commit) ||
	    store->commit_next <= body_no || store->commit_next < first_commit)
		err = sql_damaged(&store->sql, "its commit counter is behind its messages");
	store->is_own_noted = store->has_own = sqlite3_column_int(statement, 4) != 0;
	sql_reset(statement);
	store->row_next = store->commit_next;
	return err;
}

static enum mms_err open_store(const char *path, enum sql_access mode, struct mtime now, struct server_store **store,
			       struct reason *why)
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
		err = sql_exec(&opened->sql, "CREATE TEMP TABLE present(user_id INTEGER PRIMARY KEY);"
					     "CREATE TEMP TABLE listed(hash BLOB PRIMARY KEY) WITHOUT ROWID");
	if (err == MMS_OK)
		err = sql_prepare(&opened->sql, server_schema_statement, SERVER_STATEMENT_COUNT, opened->statement);
	if (err == MMS_OK)
		err = load_counter(opened);
	if (err == MMS_OK)
		err = open_directory(opened);
	if (err == MMS_OK) {
		opened->opened_at = now;
		const struct server_store_bounds bounds = server_store_bounds_default();
		server_store_bound(opened, &bounds);
		opened->tally_ids_max = SERVER_TALLY_IDS_MAX;
		opened->seconds_then = opened->seconds;
		server_store_room_changed(opened);
		*store = opened;
	} else {
		*why = opened->sql.reason;
		server_store_close(opened);
	}
	return err;
}

enum mms_err server_store_open(const char *path, struct mtime now, struct server_store **store, struct reason *why)
{
	return open_store(path, SQL_READ_WRITE, now, store, why);
}

enum mms_err server_store_open_readonly(const char *path, struct server_store **store, struct reason *why)
{
	return open_store(path, SQL_READ_ONLY, (struct mtime){0}, store, why);
}

void server_store_close(struct server_store *store)
{
	if (store == NULL)
		return;
	sql_finalize(store->statement, SERVER_STATEMENT_COUNT);
	sql_close(&store->sql);
	server_refusals_clear(&store->refusals);
	if (store->directory_fd >= 0)
		close(store->directory_fd);
	free(store);
}

struct server_store_bounds server_store_bounds_default(void)
{
	return (struct server_store_bounds){MAILBOX_ROWS_MAX, MAILBOX_BYTES_MAX, MAILBOX_HELD_BYTES_MAX, SENDER_IDS_MAX, 0,
					    HISTORY_DAYS_DEFAULT, false};
}

void server_store_bound(struct server_store *store, const struct server_store_bounds *bounds)
{
	const uint64_t each[] = {bounds->mailbox_rows_max, bounds->mailbox_bytes_max, bounds->held_bytes_max,
				 bounds->sender_ids_max};
	for (size_t i = 0; i < sizeof each / sizeof *each; i++) {
		assert(each[i] >= 1);
		assert(each[i] <= INT64_MAX / 2);
	}
	assert(bounds->history_days <= HISTORY_DAYS_MAX);
	assert(bounds->room_days <= HISTORY_DAYS_MAX);
	store->bounds = *bounds;
	store->history_row = bounds->history_days == 0 ? INT64_MAX : 0; // until it is known
	store->history_round = UINT64_MAX; // it begins anew
}

const struct reason *server_store_reason(const struct server_store *store)
{
	return &store->sql.reason;
}

// --- transactions ---

// Store time: seconds that have passed while the store was open. Never below what the database holds.
static uint64_t seconds_at(const struct server_store *store, struct mtime now)
{
	const int64_t open_us = mtime_diff_us(now, store->opened_at);
	const uint64_t seconds = store->seconds_then + (open_us > 0 ? (uint64_t)open_us / 1000000 : 0);
	return seconds > store->seconds ? seconds : store->seconds;
}

enum mms_err server_store_begin(struct server_store *store, struct mtime now)
{
	store->seconds_open = seconds_at(store, now);
	return store->is_broken ? MMS_E_IO : sql_begin(&store->sql);
}

// Writes the counters, unless they are there already.
static enum mms_err write_counter(struct server_store *store)
{
	sqlite3_stmt *statement = store->statement[COUNTER_SET];
	if (store->row_next == store->commit_next && store->seconds_open == store->seconds)
		return MMS_OK;
	sql_bind_number(statement, 1, store->row_next);
	sql_bind_number(statement, 2, store->seconds_open);
	return sql_run(&store->sql, statement);
}

enum mms_err server_store_end(struct server_store *store, enum mms_err err)
{
	if (err == MMS_OK)
		err = server_store_write(store);
	if (err == MMS_OK)
		err = write_counter(store);
	err = sql_end(&store->sql, err);
	if (err == MMS_OK) {
		store->commit_next = store->row_next;
		store->seconds = store->seconds_open;
		return MMS_OK;
	}
	server_store_forget(store);
	server_store_room_changed(store);
	if (err == MMS_E_NOSPACE)
		return err;
	store->is_broken = true;
	return MMS_E_IO;
}

// --- starts ---

enum mms_err server_store_is_new(struct server_store *store, bool *is_new)
{
	sqlite3_stmt *statement = store->statement[START_ANY];
	const enum mms_err err = sql_row(&store->sql, statement);
	sql_reset(statement);
	*is_new = err == MMS_E_MISSING;
	return err == MMS_E_MISSING ? MMS_OK : err;
}

enum mms_err server_store_start(struct server_store *store, const uint8_t start_id[STORAGE_START_ID_BYTES],
				struct storage_mark *mark)
{
	sqlite3_stmt *statement = store->statement[START_PUT];
	enum mms_err err = sql_begin(&store->sql);
	if (err != MMS_OK)
		return err;
	sql_bind_blob(statement, 1, start_id, STORAGE_START_ID_BYTES);
	sql_bind_number(statement, 2, store->commit_next);
	err = sql_run(&store->sql, statement);
	if (err == MMS_OK) {
		sql_bind_int(store->statement[STARTS_FORGET], 1, STARTS_MAX);
		err = sql_run(&store->sql, store->statement[STARTS_FORGET]);
	}
	err = sql_end(&store->sql, err);
	if (err == MMS_OK) {
		memcpy(store->start_id, start_id, STORAGE_START_ID_BYTES);
		memcpy(mark->start_id, start_id, STORAGE_START_ID_BYTES);
		mark->commit = store->commit_next - 1;
	}
	return err;
}
