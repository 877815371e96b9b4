// SPDX-License-Identifier: ISC
// Rooms and their names: how one is found, made, renamed and goes. The contract is in server_store_rooms.h; how long something stays
// of one that is gone, in base/limits.h.
#include <assert.h>
#include <string.h>

#include "store/server_store_rooms.h"

enum { DAY_SECONDS = 24 * 60 * 60 };

static int64_t days_ago(const struct server_store *store, int days)
{
	return (int64_t)store->seconds_open - days * (int64_t)DAY_SECONDS;
}

// The columns of ROOM_FIND and ROOM_GET.
static bool read_room(sqlite3_stmt *statement, struct server_room *room)
{
	room->room_id = sqlite3_column_int64(statement, 0);
	room->is_private = sqlite3_column_int(statement, 3) != 0;
	room->has_no_history = sqlite3_column_int(statement, 4) != 0;
	room->made_by = sqlite3_column_int64(statement, 5);
	room->has_kept = sqlite3_column_type(statement, 9) != SQLITE_NULL;
	room->kept_at = sqlite3_column_int64(statement, 9);
	return room->room_id > 0 && sql_read_blob(statement, 1, room->is.id.bytes, ROOM_ID_BYTES) &&
	       sql_read_name(statement, 2, &room->is.name) && sql_read_number(statement, 6, &room->member_count) &&
	       sql_read_number(statement, 7, &room->row_last) && sql_read_number(statement, 8, &room->row_kept);
}

static enum mms_err read_one(struct server_store *store, sqlite3_stmt *statement, struct server_room *room, bool *is_gone)
{
	memset(room, 0, sizeof *room);
	enum mms_err err = sql_row(&store->sql, statement);
	if (err == MMS_OK && !read_room(statement, room))
		err = sql_damaged(&store->sql, "a room is malformed");
	*is_gone = err == MMS_OK && sqlite3_column_int(statement, 10) != 0;
	sql_reset(statement);
	return err;
}

enum mms_err server_store_room_find(struct server_store *store, const struct name *name, struct server_room *room,
				    bool *is_taken)
{
	bool is_gone;
	sql_bind_name(store->statement[ROOM_FIND], 1, name);
	const enum mms_err err = read_one(store, store->statement[ROOM_FIND], room, &is_gone);
	if (is_taken != NULL)
		*is_taken = err == MMS_OK;
	if (is_gone)
		memset(room, 0, sizeof *room);
	return err == MMS_E_MISSING ? MMS_OK : err;
}

enum mms_err server_store_room_find_id(struct server_store *store, const struct room_id *id, struct server_room *room)
{
	bool is_gone;
	sql_bind_blob(store->statement[ROOM_BY_TAG], 1, id->bytes, sizeof id->bytes);
	const enum mms_err err = read_one(store, store->statement[ROOM_BY_TAG], room, &is_gone);
	if (is_gone)
		memset(room, 0, sizeof *room);
	return err == MMS_E_MISSING ? MMS_OK : err;
}

enum mms_err server_store_room_get(struct server_store *store, int64_t room_id, struct server_room *room)
{
	bool is_gone;
	sql_bind_int(store->statement[ROOM_GET], 1, room_id);
	const enum mms_err err = read_one(store, store->statement[ROOM_GET], room, &is_gone);
	return err == MMS_E_MISSING || is_gone ? sql_damaged(&store->sql, "somebody is in a room that is gone") : err;
}

// --- one is made ---

static enum mms_err read_count(struct server_store *store, sqlite3_stmt *statement, uint64_t *count)
{
	enum mms_err err = sql_row(&store->sql, statement);
	if (err == MMS_OK && !sql_read_number(statement, 0, count))
		err = sql_damaged(&store->sql, "its rooms cannot be counted");
	sql_reset(statement);
	return err;
}

// Rooms that are gone count while their names are not given again, so that nobody uses up names.
static enum mms_err may_make(struct server_store *store, int64_t made_by, bool *may)
{
	uint64_t all = 0;
	uint64_t made = 0;
	enum mms_err err = read_count(store, store->statement[ROOM_COUNT], &all);
	if (err == MMS_OK && made_by != 0) {
		sql_bind_int(store->statement[ROOMS_MADE], 1, made_by);
		sql_bind_int(store->statement[ROOMS_MADE], 2, days_ago(store, ROOM_NAME_DAYS));
		err = read_count(store, store->statement[ROOMS_MADE], &made);
	}
	*may = all < ROOMS_MAX && made < ROOMS_MADE_MAX;
	return err;
}

enum mms_err server_store_room_make(struct server_store *store, struct server_room *room, enum storage_verdict *verdict)
{
	sqlite3_stmt *statement = store->statement[ROOM_PUT];
	bool may = false;
	enum mms_err err = may_make(store, room->made_by, &may);
	*verdict = may ? VERDICT_NEW : VERDICT_LIMIT;
	if (err != MMS_OK || !may)
		return err;
	sqlite3_randomness(ROOM_ID_BYTES, room->is.id.bytes);
	room->row_kept = 1;
	sql_bind_blob(statement, 1, room->is.id.bytes, ROOM_ID_BYTES);
	sql_bind_name(statement, 2, &room->is.name);
	sql_bind_int(statement, 3, room->is_private);
	sql_bind_int(statement, 4, room->has_no_history);
	sql_bind_int(statement, 5, room->made_by);
	err = sql_run(&store->sql, statement);
	room->room_id = sqlite3_last_insert_rowid(store->sql.db);
	return err == MMS_OK ? server_store_room_name(store, room->room_id, &room->is.name) : err;
}

enum mms_err server_store_room_name(struct server_store *store, int64_t room_id, const struct name *name)
{
	sql_bind_name(store->statement[ROOM_NAME_REMOVE], 1, name);
	const enum mms_err err = sql_run(&store->sql, store->statement[ROOM_NAME_REMOVE]);
	if (err != MMS_OK)
		return err;
	sql_bind_name(store->statement[ROOM_NAME_PUT], 1, name);
	sql_bind_int(store->statement[ROOM_NAME_PUT], 2, room_id);
	return sql_run(&store->sql, store->statement[ROOM_NAME_PUT]);
}

enum mms_err server_store_room_write(struct server_store *store, const struct server_room *room)
{
	sqlite3_stmt *statement = store->statement[ROOM_SET];
	sql_bind_int(statement, 1, room->room_id);
	sql_bind_name(statement, 2, &room->is.name);
	sql_bind_number(statement, 3, room->member_count);
	sql_bind_number(statement, 4, room->row_last);
	if (room->has_kept)
		sql_bind_int(statement, 5, room->kept_at);
	else
		sql_bind_null(statement, 5);
	return sql_run(&store->sql, statement);
}

// --- one goes ---

enum mms_err server_store_room_go(struct server_store *store, const struct server_room *room)
{
	sqlite3_stmt *statement = store->statement[ROOM_GO];
	assert(room->member_count == 0);
	const enum mms_err err = server_store_room_write(store, room);
	if (err != MMS_OK)
		return err;
	sql_bind_int(statement, 1, room->room_id);
	sql_bind_number(statement, 2, store->seconds_open);
	sql_bind_int(statement, 3, INT64_MIN); // its lines have been there for long enough
	return sql_run(&store->sql, statement);
}

// Runs a statement that removes one thing that is as old as `limit`, again and again. MMS_OK: all are gone, or no rows are left.
static enum mms_err remove_each(struct server_store *store, enum server_statement which, int64_t limit, uint32_t *rows_left)
{
	enum mms_err err = MMS_OK;
	for (bool has_more = true; has_more && *rows_left > 0 && err == MMS_OK;) {
		sql_bind_int(store->statement[which], 1, limit);
		err = sql_run(&store->sql, store->statement[which]);
		has_more = err == MMS_OK && sqlite3_changes(store->sql.db) > 0;
		*rows_left -= has_more;
	}
	return err;
}

enum mms_err server_store_rooms_clean(struct server_store *store, uint32_t *rows_left)
{
	const int64_t retention = days_ago(store, (int)store->bounds.room_days);
	enum mms_err err = MMS_OK;
	for (; *rows_left > 0 && err == MMS_OK; *rows_left -= err == MMS_OK)
		err = server_store_line_expire(store, retention);
	if (err == MMS_E_MISSING)
		err = MMS_OK;
	if (err == MMS_OK)
		err = remove_each(store, MEMBER_EXPIRE, days_ago(store, PAIR_DAYS), rows_left);
	if (err == MMS_OK)
		err = remove_each(store, BLOCK_EXPIRE, days_ago(store, PAIR_DAYS), rows_left);
	if (err == MMS_OK)
		err = remove_each(store, ROOM_NAMES_FREE, days_ago(store, ROOM_NAME_DAYS), rows_left);
	return err == MMS_OK ? remove_each(store, ROOM_FORGET, days_ago(store, ROOM_NAME_DAYS), rows_left) : err;
}
