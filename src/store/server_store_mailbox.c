// SPDX-License-Identifier: ISC
// What a mailbox holds, counted as it changes, so that nobody has to count what is stored; the removal of what all devices
// have, in slices; and of what some have, when a mailbox comes to its bound. The contract is in server_store_inside.h; what is
// counted, in server_schema.c, table mailbox.
#include <assert.h>
#include <string.h>

#include "store/server_store_inside.h"

// The quota of what no device has fits; and a mailbox becomes smaller, whatever goes for a row that comes.
static_assert(MAILBOX_BYTES_MAX + MAILBOX_ROWS_MAX * MAILBOX_ROW_BYTES <= MAILBOX_HELD_BYTES_MAX, "one bound for all");
static_assert(MAILBOX_SHED_ROWS_MAX * (MAILBOX_ROW_BYTES + 1) > MAILBOX_ROW_BYTES + TEXT_BYTES_MAX, "it shrinks");

enum mms_err server_store_count(struct server_store *store, int64_t user_id, uint64_t after, uint64_t upto,
				struct server_span *span)
{
	sqlite3_stmt *statement = store->statement[MESSAGE_COUNT];
	sql_bind_int(statement, 1, user_id);
	sql_bind_number(statement, 2, after);
	sql_bind_number(statement, 3, upto);
	enum mms_err err = sql_row(&store->sql, statement);
	if (err == MMS_OK && (!sql_read_number(statement, 0, &span->rows) || !sql_read_number(statement, 1, &span->bytes)))
		err = sql_damaged(&store->sql, "a message's size is malformed");
	sql_reset(statement);
	return err;
}

enum mms_err server_store_mailbox(struct server_store *store, int64_t user_id, uint64_t *taken_row, uint64_t *purge_row)
{
	sqlite3_stmt *statement = store->statement[MAILBOX_PLACE];
	*taken_row = *purge_row = 0;
	sql_bind_int(statement, 1, user_id);
	enum mms_err err = sql_row(&store->sql, statement);
	if (err == MMS_OK && (!sql_read_number(statement, 0, taken_row) || !sql_read_number(statement, 1, purge_row)))
		err = sql_damaged(&store->sql, "a mailbox is malformed");
	sql_reset(statement);
	return err == MMS_E_MISSING ? MMS_OK : err;
}

// Devices that do not have the row get the gap.
static enum mms_err make_gap(struct server_store *store, int64_t user_id, int64_t row, int64_t text_bytes)
{
	sqlite3_stmt *statement = store->statement[DEVICE_GAP_ADD];
	sql_bind_int(statement, 1, user_id);
	sql_bind_int(statement, 2, row);
	sql_bind_int(statement, 3, text_bytes);
	return sql_run(&store->sql, statement);
}

enum mms_err server_store_drop(struct server_store *store, int64_t user_id, int64_t row, int64_t text_bytes)
{
	enum mms_err err = make_gap(store, user_id, row, text_bytes);
	sqlite3_stmt *statement = store->statement[MAILBOX_EXPIRE];
	if (err == MMS_OK) {
		sql_bind_int(statement, 1, user_id);
		sql_bind_int(statement, 2, text_bytes);
		err = sql_run(&store->sql, statement);
	}
	if (err != MMS_OK)
		return err;
	statement = store->statement[MESSAGE_REMOVE];
	sql_bind_int(statement, 1, row);
	return sql_run(&store->sql, statement);
}

// Removes the oldest row that some device has from a mailbox that is beyond its bound. MMS_E_MISSING: it is not, or no device
// has any of its rows.
static enum mms_err shed_row(struct server_store *store, int64_t user_id)
{
	sqlite3_stmt *statement = store->statement[MAILBOX_OVER];
	uint64_t taken_row = 0;
	uint64_t purge_row = 0;
	sql_bind_int(statement, 1, user_id);
	sql_bind_int(statement, 2, MAILBOX_ROW_BYTES);
	sql_bind_number(statement, 3, store->held_bytes_max);
	enum mms_err err = sql_row(&store->sql, statement);
	if (err != MMS_OK)
		return err;
	if (!sql_read_number(statement, 0, &taken_row) || !sql_read_number(statement, 1, &purge_row))
		err = sql_damaged(&store->sql, "a mailbox is malformed");
	sql_reset(statement);
	if (err != MMS_OK)
		return err;

	statement = store->statement[MESSAGE_OLDEST];
	sql_bind_int(statement, 1, user_id);
	sql_bind_number(statement, 2, purge_row);
	err = sql_row(&store->sql, statement);
	if (err != MMS_OK)
		return err == MMS_E_MISSING ? sql_damaged(&store->sql, "a mailbox is miscounted") : err;
	const int64_t row = sqlite3_column_int64(statement, 0);
	const int64_t text_bytes = sqlite3_column_int64(statement, 1);
	sql_reset(statement);
	if (row > (int64_t)taken_row) // what no device has is never dropped
		return sql_damaged(&store->sql, "a mailbox is miscounted");
	return server_store_drop(store, user_id, row, text_bytes);
}

static enum mms_err count_put(struct server_store *store, struct server_put *put)
{
	const uint64_t shed_max = put->rows * MAILBOX_SHED_ROWS_MAX;
	const int64_t user_id = put->user_id;
	sqlite3_stmt *statement = store->statement[MAILBOX_ADD];
	if (put->rows == 0)
		return MMS_OK;
	sql_bind_int(statement, 1, user_id);
	sql_bind_number(statement, 2, put->rows);
	sql_bind_number(statement, 3, put->bytes);
	sql_bind_int(statement, 4, MAILBOX_ROW_BYTES);
	sql_bind_number(statement, 5, store->held_bytes_max);
	enum mms_err err = sql_run(&store->sql, statement);
	if (err == MMS_OK && sqlite3_changes(store->sql.db) == 0) {
		statement = store->statement[MAILBOX_PUT];
		sql_bind_int(statement, 1, user_id);
		sql_bind_number(statement, 2, put->rows);
		sql_bind_number(statement, 3, put->bytes);
		err = sql_run(&store->sql, statement);
		for (uint64_t i = 0; i < shed_max && err == MMS_OK; i++)
			err = shed_row(store, user_id);
	}
	*put = (struct server_put){0};
	return err == MMS_E_MISSING ? MMS_OK : err;
}

static struct server_put *place_of(struct server_store *store, int64_t user_id)
{
	return &store->put[(uint64_t)user_id % SERVER_PUTS];
}

enum mms_err server_store_put(struct server_store *store, int64_t user_id, uint16_t text_bytes)
{
	struct server_put *put = place_of(store, user_id);
	enum mms_err err = MMS_OK;
	if (put->user_id != user_id)
		err = count_put(store, put);
	*put = (struct server_put){user_id, put->rows + 1, put->bytes + text_bytes};
	return err;
}

enum mms_err server_store_count_puts(struct server_store *store, int64_t user_id)
{
	struct server_put *put = place_of(store, user_id);
	return put->user_id == user_id ? count_put(store, put) : MMS_OK;
}

enum mms_err server_store_count_all_puts(struct server_store *store)
{
	enum mms_err err = MMS_OK;
	for (uint32_t i = 0; i < SERVER_PUTS && err == MMS_OK; i++)
		err = count_put(store, &store->put[i]);
	return err;
}

void server_store_forget_puts(struct server_store *store)
{
	memset(store->put, 0, sizeof store->put);
}

// Removes rows up to `row`, at most `rows_max`; `*removed` says how many there were.
static enum mms_err purge(struct server_store *store, int64_t user_id, uint64_t row, uint32_t rows_max, uint32_t *removed)
{
	sqlite3_stmt *statement = store->statement[MESSAGE_PURGE];
	sql_bind_int(statement, 1, user_id);
	sql_bind_number(statement, 2, row);
	sql_bind_int(statement, 3, rows_max);
	const enum mms_err err = sql_run(&store->sql, statement);
	*removed = err == MMS_OK ? (uint32_t)sqlite3_changes(store->sql.db) : 0;
	return err;
}

static enum mms_err run_for(struct server_store *store, enum server_statement which, int64_t user_id)
{
	sql_bind_int(store->statement[which], 1, user_id);
	return sql_run(&store->sql, store->statement[which]);
}

// What all devices have leaves the counts; `purge_row` says up to where it waits to be removed.
static enum mms_err leave(struct server_store *store, int64_t user_id, uint64_t purge_row)
{
	sqlite3_stmt *statement = store->statement[MAILBOX_SETTLE];
	sql_bind_int(statement, 1, user_id);
	sql_bind_number(statement, 2, purge_row);
	return sql_run(&store->sql, statement);
}

enum mms_err server_store_settle(struct server_store *store, int64_t user_id, uint64_t low, uint32_t rows_max)
{
	uint32_t removed = 0;
	enum mms_err err = leave(store, user_id, low);
	if (err == MMS_OK)
		err = purge(store, user_id, low, rows_max, &removed);
	return err == MMS_OK && removed < rows_max ? run_for(store, MAILBOX_PURGED, user_id) : err;
}

enum mms_err server_store_settle_passed(struct server_store *store, int64_t user_id, uint64_t low)
{
	sqlite3_stmt *statement = store->statement[MESSAGE_PURGE_ALL];
	const enum mms_err err = leave(store, user_id, 0);
	if (err != MMS_OK)
		return err;
	sql_bind_int(statement, 1, user_id);
	sql_bind_number(statement, 2, low);
	return sql_run(&store->sql, statement);
}

enum mms_err server_store_purge_some(struct server_store *store, uint32_t *rows_left)
{
	sqlite3_stmt *statement = store->statement[MAILBOX_TO_PURGE];
	uint64_t row = 0;
	uint32_t removed = 0;
	enum mms_err err = sql_row(&store->sql, statement);
	if (err != MMS_OK)
		return err;
	const int64_t user_id = sqlite3_column_int64(statement, 0);
	if (!sql_read_number(statement, 1, &row))
		err = sql_damaged(&store->sql, "a mailbox is malformed");
	sql_reset(statement);
	if (err == MMS_OK)
		err = purge(store, user_id, row, *rows_left, &removed);
	assert(removed <= *rows_left);
	*rows_left -= removed;
	if (err != MMS_OK || *rows_left == 0)
		return err;
	--*rows_left;
	return run_for(store, row == INT64_MAX ? MAILBOX_REMOVE : MAILBOX_PURGED, user_id);
}
