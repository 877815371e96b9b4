// SPDX-License-Identifier: ISC
// What a profile knows of its rooms, and which rows of each its transcript has: as ranges, so that a hole is found by looking at two
// of them, however much is there. The contract is in client_store_inside.h.
#include <assert.h>
#include <string.h>

#include "store/client_store_inside.h"

struct range {
	uint64_t first_row;
	uint64_t last_row;
};

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t most(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

// The range that HAVE_BEFORE or HAVE_AFTER finds. MMS_E_MISSING: none.
static enum mms_err find_range(struct client_store *store, enum client_statement which, const struct room_id *room, uint64_t row,
			       struct range *range)
{
	sqlite3_stmt *statement = store->statement[which];
	sql_bind_blob(statement, 1, room->bytes, ROOM_ID_BYTES);
	sql_bind_number(statement, 2, row);
	enum mms_err err = sql_row(&store->sql, statement);
	if (err != MMS_OK)
		return err;
	if (!sql_read_number(statement, 0, &range->first_row) || !sql_read_number(statement, 1, &range->last_row) ||
	    range->first_row == 0 || range->last_row < range->first_row)
		err = sql_damaged(&store->sql, "a range of a room's rows is malformed");
	sql_reset(statement);
	return err;
}

static enum mms_err remove_range(struct client_store *store, const struct room_id *room, uint64_t first_row)
{
	sqlite3_stmt *statement = store->statement[HAVE_REMOVE];
	sql_bind_blob(statement, 1, room->bytes, ROOM_ID_BYTES);
	sql_bind_number(statement, 2, first_row);
	return sql_run(&store->sql, statement);
}

static enum mms_err put_range(struct client_store *store, const struct room_id *room, const struct range *range)
{
	sqlite3_stmt *statement = store->statement[HAVE_PUT];
	sql_bind_blob(statement, 1, room->bytes, ROOM_ID_BYTES);
	sql_bind_number(statement, 2, range->first_row);
	sql_bind_number(statement, 3, range->last_row);
	return sql_run(&store->sql, statement);
}

// Adds a range to those that are there: what it touches becomes one with it.
static enum mms_err add_range(struct client_store *store, const struct room_id *room, struct range *range)
{
	for (;;) {
		struct range other;
		const enum mms_err err = find_range(store, HAVE_BEFORE, room, least(range->last_row, INT64_MAX - 1) + 1, &other);
		if (err == MMS_E_MISSING || (err == MMS_OK && other.last_row + 1 < range->first_row))
			return put_range(store, room, range);
		if (err != MMS_OK)
			return err;
		const enum mms_err removed = remove_range(store, room, other.first_row);
		if (removed != MMS_OK)
			return removed;
		range->first_row = least(range->first_row, other.first_row);
		range->last_row = most(range->last_row, other.last_row);
	}
}

static enum mms_err see_room(struct client_store *store, const struct room_id *room, const struct name *name, uint64_t row)
{
	sqlite3_stmt *statement = store->statement[CLIENT_ROOM_SEEN];
	sql_bind_blob(statement, 1, room->bytes, ROOM_ID_BYTES);
	sql_bind_name(statement, 2, name);
	sql_bind_number(statement, 3, row);
	return sql_run(&store->sql, statement);
}

static enum mms_err get_from_row(struct client_store *store, const struct room_id *room, uint64_t *from_row)
{
	sqlite3_stmt *statement = store->statement[CLIENT_ROOM_GET];
	sql_bind_blob(statement, 1, room->bytes, ROOM_ID_BYTES);
	enum mms_err err = sql_row(&store->sql, statement);
	if (err != MMS_OK)
		return err;
	if (!sql_read_number(statement, 0, from_row))
		err = sql_damaged(&store->sql, "a room is malformed");
	sql_reset(statement);
	return err;
}

static enum mms_err run_from(struct client_store *store, enum client_statement which, const struct room_id *room, uint64_t row)
{
	sqlite3_stmt *statement = store->statement[which];
	sql_bind_blob(statement, 1, room->bytes, ROOM_ID_BYTES);
	sql_bind_number(statement, 2, row);
	return sql_run(&store->sql, statement);
}

// The rows of a room from this one on are given anew.
static enum mms_err go_back(struct client_store *store, const struct room_id *room, uint64_t row)
{
	static const enum client_statement parts[] = {TRANSCRIPT_UNPLACE, CLIENT_ROOM_BACK, HAVE_NO_MORE, HAVE_CUT};
	enum mms_err err = MMS_OK;
	for (size_t i = 0; i < sizeof parts / sizeof parts[0] && err == MMS_OK; i++)
		err = run_from(store, parts[i], room, row);
	return err;
}

// Whether the row of a message is that of another one.
static enum mms_err find_other(struct client_store *store, const struct uuid *id, const struct client_op_put *put, bool *is_there)
{
	sqlite3_stmt *statement = store->statement[TRANSCRIPT_OTHER];
	sql_bind_blob(statement, 1, put->room_id.bytes, ROOM_ID_BYTES);
	sql_bind_number(statement, 2, put->room_row);
	sql_bind_name(statement, 3, &put->sender);
	sql_bind_blob(statement, 4, id->bytes, ID_BYTES);
	const enum mms_err err = sql_row(&store->sql, statement);
	*is_there = err == MMS_OK;
	sql_reset(statement);
	return err == MMS_E_MISSING ? MMS_OK : err;
}

enum mms_err client_store_room_rows(struct client_store *store, const struct uuid *id, const struct client_op_put *put,
				    bool *is_apart)
{
	const uint64_t count = put->is_gap ? put->gap_count : 1;
	struct range range = {put->room_row, put->room_row + count - 1};
	uint64_t from_row = 0;
	if (range.first_row == 0 || range.last_row < range.first_row || range.last_row >= INT64_MAX) {
		*is_apart = false; // no honest server counts so far
		return MMS_OK;
	}
	bool is_back = false;
	enum mms_err err = put->is_gap ? MMS_OK : find_other(store, id, put, &is_back);
	if (err == MMS_OK && is_back)
		err = go_back(store, &put->room_id, put->room_row);
	if (err == MMS_OK)
		err = see_room(store, &put->room_id, &put->conversation.name, range.last_row);
	if (err == MMS_OK)
		err = get_from_row(store, &put->room_id, &from_row);
	if (err == MMS_OK)
		err = add_range(store, &put->room_id, &range);
	*is_apart = range.first_row > from_row;
	return err;
}

enum mms_err client_store_room_put(struct client_store *store, const struct client_op_room *room)
{
	if (room->newest_row > 0 && room->newest_row < INT64_MAX - 1) {
		const enum mms_err err = go_back(store, &room->id, room->newest_row + 1);
		if (err != MMS_OK)
			return err;
	}
	sqlite3_stmt *statement = store->statement[CLIENT_ROOM_PUT];
	sql_bind_blob(statement, 1, room->id.bytes, ROOM_ID_BYTES);
	sql_bind_name(statement, 2, &room->name);
	sql_bind_int(statement, 3, (room->is_owner ? ROOM_OWNER : 0) | (room->is_private ? ROOM_PRIVATE : 0));
	sql_bind_number(statement, 4, least(most(room->from_row, 1), INT64_MAX - 1));
	sql_bind_number(statement, 5, least(room->newest_row, INT64_MAX - 1));
	return sql_run(&store->sql, statement);
}

// --- holes ---

struct known_room {
	struct room_id id;
	struct name name;
	uint64_t from_row;
	uint64_t newest_row;
};

static enum mms_err next_room(struct client_store *store, const struct room_id *after, struct known_room *room)
{
	sqlite3_stmt *statement = store->statement[CLIENT_ROOM_NEXT];
	sql_bind_blob(statement, 1, after->bytes, ROOM_ID_BYTES);
	enum mms_err err = sql_row(&store->sql, statement);
	if (err != MMS_OK)
		return err;
	if (!sql_read_blob(statement, 0, room->id.bytes, ROOM_ID_BYTES) || !sql_read_name(statement, 1, &room->name) ||
	    !sql_read_number(statement, 2, &room->from_row) || !sql_read_number(statement, 3, &room->newest_row) ||
	    memcmp(room->id.bytes, after->bytes, ROOM_ID_BYTES) <= 0)
		err = sql_damaged(&store->sql, "a room is malformed");
	sql_reset(statement);
	return err;
}

// The first rows of a room that are missing; `*is_there` false: none are.
static enum mms_err find_hole(struct client_store *store, const struct known_room *room, struct client_hole *hole)
{
	struct range range;
	uint64_t row = room->from_row;
	enum mms_err err = find_range(store, HAVE_BEFORE, &room->id, row, &range);
	if (err == MMS_OK && range.last_row >= row)
		row = range.last_row + 1;
	if (err != MMS_OK && err != MMS_E_MISSING)
		return err;
	if (row > room->newest_row)
		return MMS_OK;
	err = find_range(store, HAVE_AFTER, &room->id, row, &range);
	if (err != MMS_OK && err != MMS_E_MISSING)
		return err;
	*hole = (struct client_hole){
		.is_there = true,
		.room_id = room->id,
		.room = room->name,
		.from_row = row,
		.to_row = err == MMS_OK ? least(range.first_row - 1, room->newest_row) : room->newest_row,
	};
	return MMS_OK;
}

enum mms_err client_store_room_hole(struct client_store *store, const struct room_id *after, struct client_hole *hole)
{
	struct known_room room = {.id = *after};
	enum mms_err err = MMS_OK;
	*hole = (struct client_hole){0};
	while (err == MMS_OK && !hole->is_there) {
		const struct room_id last = room.id;
		err = next_room(store, &last, &room);
		if (err == MMS_OK)
			err = find_hole(store, &room, hole);
	}
	return err == MMS_E_MISSING ? MMS_OK : err;
}
