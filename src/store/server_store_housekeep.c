// SPDX-License-Identifier: ISC
// Removing what the server keeps no longer, some rows at a time; the contract is in server_store.h.
#include <assert.h>

#include "store/server_store_rooms.h"

enum { DAY_SECONDS = 24 * 60 * 60 };

// The store time some days ago; before the store's beginning, when nothing was kept.
static int64_t days_before(uint64_t seconds, int days)
{
	return (int64_t)seconds - days * (int64_t)DAY_SECONDS;
}

// One message that its first device took long ago.
static enum mms_err expire_message(struct server_store *store, int64_t limit)
{
	sqlite3_stmt *statement = store->statement[RECEIVED_EXPIRED];
	struct server_mailbox *mailbox;
	uint64_t row = 0;
	uint64_t bytes = 0;
	bool was_there;
	sql_bind_int(statement, 1, limit);
	enum mms_err err = sql_row(&store->sql, statement);
	if (err != MMS_OK)
		return err;
	const int64_t user_id = sqlite3_column_int64(statement, 0);
	const int64_t sender_id = sqlite3_column_int64(statement, 2);
	if (!sql_read_number(statement, 1, &row) || !sql_read_number(statement, 3, &bytes) || user_id <= 0)
		err = sql_damaged(&store->sql, "a message's size is malformed");
	sql_reset(statement);
	if (err == MMS_OK)
		err = server_store_mailbox(store, user_id, &mailbox);
	if (err == MMS_OK && row > mailbox->purge_row)
		return server_store_drop(store, user_id, sender_id, row, bytes);
	// All devices have it, or its user is gone, so that it is in no count.
	return err == MMS_OK || err == MMS_E_MISSING ? server_store_remove(store, user_id, row, true, &was_there) : err;
}

// What a user's mailbox holds waits to be removed, and it with that.
static enum mms_err abandon(struct server_store *store, int64_t user_id)
{
	struct server_mailbox *mailbox;
	enum mms_err err = server_store_mailbox(store, user_id, &mailbox);
	if (err == MMS_OK && !mailbox->is_stored) {
		server_store_mailbox_gone(store, user_id);
		return MMS_OK;
	}
	if (err == MMS_OK)
		err = server_store_share_end(store, mailbox, true);
	if (err != MMS_OK)
		return err == MMS_E_MISSING ? MMS_OK : err;
	mailbox->held_rows = mailbox->held_bytes = mailbox->fresh_rows = mailbox->fresh_bytes = 0;
	mailbox->held_silent = mailbox->fresh_silent = 0;
	mailbox->is_more_dirty = mailbox->has_more;
	mailbox->purge_row = SERVER_ABANDONED;
	server_store_changed(store, mailbox);
	return MMS_OK;
}

// One user who is absent for long, with all devices, after what the user has in rooms and blocks, one by one. The ids go by their age.
static enum mms_err expire_user(struct server_store *store, int64_t limit, uint32_t *rows_left)
{
	static const enum server_statement steps[] = {USER_DEVICES_REMOVE, USER_REMOVE};
	sqlite3_stmt *statement = store->statement[USER_EXPIRED];
	sql_bind_int(statement, 1, limit);
	enum mms_err err = sql_row(&store->sql, statement);
	if (err != MMS_OK)
		return err;
	const int64_t user_id = sqlite3_column_int64(statement, 0);
	sql_reset(statement);
	if (user_id <= 0)
		return sql_damaged(&store->sql, "a user is malformed");
	err = server_store_member_forget(store, user_id, rows_left);
	if (err == MMS_E_MISSING)
		err = server_store_block_forget(store, user_id);
	if (err != MMS_E_MISSING)
		return err;
	err = abandon(store, user_id);
	for (size_t i = 0; i < sizeof steps / sizeof *steps && err == MMS_OK; i++) {
		sql_bind_int(store->statement[steps[i]], 1, user_id);
		err = sql_run(&store->sql, store->statement[steps[i]]);
	}
	return err;
}

// All rows of a mailbox that waited for it are removed.
static enum mms_err end_purge(struct server_store *store, int64_t user_id, bool is_abandoned)
{
	struct server_mailbox *mailbox;
	enum mms_err err;
	if (is_abandoned) {
		server_store_mailbox_gone(store, user_id);
		sql_bind_int(store->statement[MAILBOX_REMOVE], 1, user_id);
		err = sql_run(&store->sql, store->statement[MAILBOX_REMOVE]);
		sql_bind_int(store->statement[MORE_REMOVE], 1, user_id);
		return err == MMS_OK ? sql_run(&store->sql, store->statement[MORE_REMOVE]) : err;
	}
	err = server_store_mailbox(store, user_id, &mailbox);
	if (err != MMS_OK)
		return err == MMS_E_MISSING ? sql_damaged(&store->sql, "a mailbox is malformed") : err;
	mailbox->purge_row = 0;
	server_store_changed(store, mailbox);
	return MMS_OK;
}

// Removes at most `*rows_left` rows of some mailbox that waits for it, and takes them off `*rows_left`. MMS_E_MISSING: none does.
static enum mms_err purge_some(struct server_store *store, uint32_t *rows_left)
{
	sqlite3_stmt *statement = store->statement[MAILBOX_TO_PURGE];
	uint64_t row = 0;
	uint32_t removed = 0;
	enum mms_err err = server_store_write(store); // for the statement to see
	if (err == MMS_OK)
		err = sql_row(&store->sql, statement);
	if (err != MMS_OK)
		return err;
	const int64_t user_id = sqlite3_column_int64(statement, 0);
	if (!sql_read_number(statement, 1, &row) || user_id <= 0)
		err = sql_damaged(&store->sql, "a mailbox is malformed");
	sql_reset(statement);
	if (err == MMS_OK)
		err = server_store_purge(store, user_id, row, *rows_left, &removed);
	assert(removed <= *rows_left);
	*rows_left -= removed;
	if (err != MMS_OK || *rows_left == 0)
		return err;
	--*rows_left;
	return end_purge(store, user_id, row == SERVER_ABANDONED);
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
	bool has_spare = false;
	server_store_room_changed(store);
	enum mms_err err = has_spare_pages(store, &has_spare);
	if (err != MMS_OK || (!has_spare && server_store_has_room(store)))
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

// What a device lacks stays so long after the first one took it: history may be longer.
static int received_days(const struct server_store *store)
{
	return store->bounds.history_days > RETENTION_DAYS ? (int)store->bounds.history_days : RETENTION_DAYS;
}

// Does up to `*rows_left` of everything, in the open transaction. MMS_E_MISSING: there is no more.
static enum mms_err clean(struct server_store *store, uint32_t *rows_left)
{
	const int64_t retention = days_before(store->seconds_open, RETENTION_DAYS);
	const int64_t received = days_before(store->seconds_open, received_days(store));
	const int64_t id_retention = days_before(store->seconds_open, ID_RETENTION_DAYS);
	enum mms_err err = server_store_ids_write(store);
	if (err == MMS_OK)
		err = server_store_epoch(store);
	for (; *rows_left > 0 && err == MMS_OK; *rows_left -= err == MMS_OK)
		err = expire_message(store, received);
	if (err == MMS_E_MISSING)
		err = MMS_OK;
	if (err == MMS_OK)
		err = server_store_history_clean(store, rows_left);
	for (; *rows_left > 0 && err == MMS_OK; *rows_left -= err == MMS_OK)
		err = expire_user(store, retention, rows_left);
	if (err == MMS_E_MISSING)
		err = MMS_OK;
	while (*rows_left > 0 && err == MMS_OK)
		err = purge_some(store, rows_left);
	if (err == MMS_E_MISSING)
		err = MMS_OK;
	if (err == MMS_OK)
		err = server_store_rooms_clean(store, rows_left);
	for (; *rows_left > 0 && err == MMS_OK; *rows_left -= err == MMS_OK)
		err = server_store_ids_age(store, id_retention);
	if (err == MMS_E_MISSING)
		err = MMS_OK;
	if (err == MMS_OK)
		err = server_store_write(store); // for the sweep to see which bodies are gone
	while (*rows_left > 0 && err == MMS_OK)
		err = server_store_ids_sweep(store, rows_left);
	return err;
}

enum mms_err server_store_housekeep(struct server_store *store, struct mtime now, uint32_t rows_max, bool *has_more)
{
	uint32_t rows_left = rows_max;
	assert(rows_max >= 1);
	enum mms_err err = server_store_begin(store, now);
	if (err == MMS_OK)
		err = clean(store, &rows_left);
	const bool is_through = err == MMS_E_MISSING;
	err = server_store_end(store, is_through ? MMS_OK : err);
	if (is_through || err != MMS_OK)
		store->round = (struct server_round){0}; // the next call begins another round
	if (err != MMS_OK)
		store->history_round = UINT64_MAX; // the same
	if (err == MMS_OK)
		err = give_back_pages(store);
	if (err == MMS_OK)
		*has_more = !is_through;
	return err;
}
