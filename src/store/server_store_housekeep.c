// SPDX-License-Identifier: ISC
// Removing what the server keeps no longer, some rows at a time; the contract is in server_store.h.
#include <assert.h>

#include "store/server_store_inside.h"

enum { DAY_SECONDS = 24 * 60 * 60 };

// The store time some days ago; before the store's beginning, when nothing was kept.
static int64_t days_before(uint64_t seconds, int days)
{
	return (int64_t)seconds - days * (int64_t)DAY_SECONDS;
}

// One message that its first device took long ago.
static enum mms_err expire_message(struct server_store *store, int64_t limit)
{
	sqlite3_stmt *statement = store->statement[MESSAGE_EXPIRED];
	uint64_t taken_row;
	uint64_t purge_row;
	sql_bind_int(statement, 1, limit);
	enum mms_err err = sql_row(&store->sql, statement);
	if (err != MMS_OK)
		return err;
	const int64_t row = sqlite3_column_int64(statement, 0);
	const int64_t user_id = sqlite3_column_int64(statement, 1);
	const int64_t bytes = sqlite3_column_int64(statement, 2);
	sql_reset(statement);

	err = server_store_mailbox(store, user_id, &taken_row, &purge_row);
	if (err == MMS_OK && row > (int64_t)purge_row)
		return server_store_drop(store, user_id, row, bytes);
	if (err != MMS_OK)
		return err;
	// All devices have it, so that it is in no count.
	statement = store->statement[MESSAGE_REMOVE];
	sql_bind_int(statement, 1, row);
	return sql_run(&store->sql, statement);
}

// The next id held, in the order of acceptance. MMS_E_MISSING: all that are old enough have been looked at.
static enum mms_err expire_id(struct server_store *store, int64_t limit)
{
	sqlite3_stmt *statement = store->statement[ACCEPTED_OLDEST];
	sql_bind_number(statement, 1, store->round.expired_row);
	enum mms_err err = sql_row(&store->sql, statement);
	if (err != MMS_OK)
		return err;
	const int64_t row = sqlite3_column_int64(statement, 0);
	const int64_t held_since = sqlite3_column_int64(statement, 1);
	const bool is_held = sqlite3_column_int(statement, 2) != 0;
	sql_reset(statement);
	if (held_since > limit)
		return MMS_E_MISSING;
	if (row <= 0)
		return sql_damaged(&store->sql, "the verdict on a message is malformed");
	store->round.expired_row = (uint64_t)row;
	if (is_held)
		return MMS_OK;
	statement = store->statement[ACCEPTED_REMOVE];
	sql_bind_int(statement, 1, row);
	return sql_run(&store->sql, statement);
}

// One user who is absent for long, with all devices; what the mailbox holds waits to be removed.
static enum mms_err expire_user(struct server_store *store, int64_t limit)
{
	static const enum server_statement steps[] = {MAILBOX_ABANDON, SENDER_REMOVE, USER_DEVICES_REMOVE, USER_REMOVE};
	sqlite3_stmt *statement = store->statement[USER_EXPIRED];
	sql_bind_int(statement, 1, limit);
	enum mms_err err = sql_row(&store->sql, statement);
	if (err != MMS_OK)
		return err;
	const int64_t user_id = sqlite3_column_int64(statement, 0);
	sql_reset(statement);
	for (size_t i = 0; i < sizeof steps / sizeof *steps && err == MMS_OK; i++) {
		sql_bind_int(store->statement[steps[i]], 1, user_id);
		err = sql_run(&store->sql, store->statement[steps[i]]);
	}
	return err;
}

// Whether more pages hold nothing than will soon be needed for new messages: a quarter of the file, and at least a slice.
static enum mms_err has_spare_pages(struct server_store *store, bool *has_spare)
{
	enum { PAGES_KEPT_MIN = 1024, PAGES_KEPT_PART = 4 };
	sqlite3_stmt *statement = store->statement[PAGES_FREE];
	const enum mms_err err = sql_row(&store->sql, statement);
	if (err == MMS_OK) {
		const int64_t free_pages = sqlite3_column_int64(statement, 0);
		*has_spare = free_pages > PAGES_KEPT_MIN &&
			     free_pages > sqlite3_column_int64(statement, 1) / PAGES_KEPT_PART;
	}
	sql_reset(statement);
	return err;
}

// Gives pages that hold nothing any more back to the disk, when there are many, or when it is short of room.
static enum mms_err give_back_pages(struct server_store *store)
{
	const struct server_storage storage = server_store_storage(store);
	bool has_spare = false;
	server_store_room_changed(store);
	enum mms_err err = has_spare_pages(store, &has_spare);
	if (err != MMS_OK || (!has_spare && storage.has_room(store)))
		return err;
	err = sql_begin(&store->sql);
	if (err != MMS_OK)
		return err;
	err = sql_end(&store->sql, sql_run(&store->sql, store->statement[PAGES_GIVE_BACK]));
	server_store_room_changed(store);
	if (err == MMS_E_NOSPACE)
		return MMS_OK; // the log has no room for it now
	return err == MMS_OK ? sql_checkpoint(&store->sql) : err;
}

enum mms_err server_store_housekeep(struct server_store *store, struct mtime now, uint32_t rows_max, bool *has_more)
{
	const uint64_t seconds = server_store_seconds(store, now);
	const int64_t retention = days_before(seconds, RETENTION_DAYS);
	const int64_t id_retention = days_before(seconds, ID_RETENTION_DAYS);
	uint32_t rows_left = rows_max;
	assert(rows_max >= 1);
	enum mms_err err = sql_begin(&store->sql);
	if (err != MMS_OK)
		return err;
	for (; rows_left > 0 && err == MMS_OK; rows_left -= err == MMS_OK)
		err = expire_message(store, retention);
	if (err == MMS_E_MISSING)
		err = MMS_OK;
	for (; rows_left > 0 && err == MMS_OK; rows_left -= err == MMS_OK)
		err = expire_user(store, retention);
	if (err == MMS_E_MISSING)
		err = MMS_OK;
	while (rows_left > 0 && err == MMS_OK)
		err = server_store_purge_some(store, &rows_left);
	if (err == MMS_E_MISSING)
		err = MMS_OK;
	while (rows_left > 0 && err == MMS_OK)
		err = server_store_ids_sweep(store, &rows_left);
	if (err == MMS_E_MISSING)
		err = MMS_OK;
	for (; rows_left > 0 && err == MMS_OK; rows_left -= err == MMS_OK)
		err = expire_id(store, id_retention);
	const bool is_through = err == MMS_E_MISSING;
	if (is_through)
		err = MMS_OK;
	if (err == MMS_OK)
		err = server_store_counter_set(store, store->commit_next, seconds);
	err = server_store_counter_end(store, store->commit_next, seconds, err);
	if (is_through || err != MMS_OK)
		store->round = (struct server_round){0}; // the next call begins another round
	if (err == MMS_OK)
		err = give_back_pages(store);
	if (err == MMS_OK)
		*has_more = !is_through;
	return err;
}
