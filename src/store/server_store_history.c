// SPDX-License-Identifier: ISC
// What all devices of a user have stays for some days, and a user's own messages stand there too. Store time says which numbers are how
// old, and a round over the mailboxes takes what is old enough: off the way of messages. The contract is in server_store_inside.h.
#include <assert.h>

#include "store/server_store_inside.h"

enum {
	HOUR_SECONDS = 60 * 60,
	DAY_SECONDS = 24 * HOUR_SECONDS,
	LOOKS_MAX = 1024, // mailboxes looked at by one call
};

// --- ages are numbers ---

// The newest sample up to some second; zeros without one.
struct epoch {
	uint64_t seconds;
	uint64_t commit;
	bool is_there;
};

static enum mms_err find_epoch(struct server_store *store, int64_t seconds, struct epoch *epoch)
{
	sqlite3_stmt *statement = store->statement[EPOCH_NEWEST];
	*epoch = (struct epoch){0};
	sql_bind_int(statement, 1, seconds);
	enum mms_err err = sql_row(&store->sql, statement);
	if (err == MMS_OK && (!sql_read_number(statement, 0, &epoch->seconds) || !sql_read_number(statement, 1, &epoch->commit)))
		err = sql_damaged(&store->sql, "a sample of the commit numbers is malformed");
	epoch->is_there = err == MMS_OK;
	sql_reset(statement);
	return err == MMS_E_MISSING ? MMS_OK : err;
}

static enum mms_err find_days_ago(struct server_store *store, uint64_t days, struct epoch *epoch)
{
	return find_epoch(store, (int64_t)store->seconds_open - (int64_t)(days * DAY_SECONDS), epoch);
}

static enum mms_err put_epoch(struct server_store *store)
{
	sqlite3_stmt *statement = store->statement[EPOCH_PUT];
	struct epoch newest;
	const enum mms_err err = find_epoch(store, (int64_t)store->seconds_open, &newest);
	store->epoch_seconds = newest.seconds;
	if (err != MMS_OK || (newest.is_there && store->seconds_open - newest.seconds < HOUR_SECONDS))
		return err;
	store->epoch_seconds = store->seconds_open;
	sql_bind_number(statement, 1, store->seconds_open);
	sql_bind_number(statement, 2, store->row_next - 1);
	return sql_run(&store->sql, statement);
}

enum mms_err server_store_epoch(struct server_store *store)
{
	sqlite3_stmt *statement = store->statement[EPOCHS_FORGET];
	const uint64_t days = store->bounds.history_days;
	struct epoch kept = {0};
	struct epoch own = {0};
	enum mms_err err = put_epoch(store);
	if (err == MMS_OK)
		err = find_days_ago(store, days, &kept);
	if (err == MMS_OK)
		err = find_days_ago(store, days > RETENTION_DAYS ? days : RETENTION_DAYS, &own);
	if (err != MMS_OK)
		return err;
	store->history_row = server_store_keeps(store) ? kept.commit : INT64_MAX;
	store->own_row = own.commit;
	if (!own.is_there)
		return MMS_OK;
	sql_bind_number(statement, 1, own.seconds);
	return sql_run(&store->sql, statement);
}

// --- what is old goes ---

// Rows that left at the front of a mailbox leave the counts.
static enum mms_err count_left(struct server_store *store, struct server_mailbox *mailbox, uint64_t last)
{
	sqlite3_stmt *statement = store->statement[REFS_SILENT];
	struct server_span left = {0, 0};
	uint64_t silent = 0;
	enum mms_err err = server_store_count(store, mailbox->user_id, 0, last, &left);
	if (err != MMS_OK)
		return err;
	sql_bind_int(statement, 1, mailbox->user_id);
	sql_bind_number(statement, 2, 0);
	sql_bind_number(statement, 3, last);
	err = sql_row(&store->sql, statement);
	if (err == MMS_OK &&
	    (!sql_read_number(statement, 0, &silent) || left.rows + mailbox->fresh_rows > mailbox->held_rows ||
	     left.bytes + mailbox->fresh_bytes > mailbox->held_bytes || silent + mailbox->fresh_silent > mailbox->held_silent))
		err = sql_damaged(&store->sql, "a mailbox is miscounted");
	sql_reset(statement);
	if (err != MMS_OK)
		return err;
	mailbox->held_rows -= left.rows;
	mailbox->held_bytes -= left.bytes;
	server_store_changed(store, mailbox);
	if (silent == 0)
		return MMS_OK;
	server_store_more_changed(store, mailbox);
	mailbox->held_silent -= silent;
	return MMS_OK;
}

// What all have for long enough, at the front. `*rows_left` becomes 0, or there is no more.
static enum mms_err clean_front(struct server_store *store, struct server_mailbox *mailbox, uint64_t row, uint32_t *rows_left)
{
	sqlite3_stmt *statement = store->statement[REFS_SLICE];
	uint64_t last = 0;
	uint64_t count = 0;
	sql_bind_int(statement, 1, mailbox->user_id);
	sql_bind_number(statement, 2, row);
	sql_bind_int(statement, 3, *rows_left);
	enum mms_err err = sql_row(&store->sql, statement);
	if (err == MMS_OK && (!sql_read_number(statement, 0, &last) || !sql_read_number(statement, 1, &count)))
		err = sql_damaged(&store->sql, "a message's row is malformed");
	sql_reset(statement);
	if (err != MMS_OK || count == 0)
		return err;
	err = server_store_share_pass(store, mailbox, 0, last, last);
	if (err == MMS_OK)
		err = count_left(store, mailbox, last);
	*rows_left -= (uint32_t)count;
	return err == MMS_OK ? server_store_purge_all(store, mailbox->user_id, last, true) : err;
}

// Drops one by one what a statement finds up to `last`, while `*rows_left` allows.
static enum mms_err drop_each(struct server_store *store, int64_t user_id, enum server_statement which, uint64_t last,
			      uint32_t *rows_left)
{
	sqlite3_stmt *statement = store->statement[which];
	uint64_t row = 0;
	enum mms_err err = MMS_OK;
	for (; *rows_left > 0 && err == MMS_OK; *rows_left -= err == MMS_OK) {
		uint64_t bytes = 0;
		sql_bind_int(statement, 1, user_id);
		sql_bind_number(statement, 2, row);
		if (which == REF_OLD)
			sql_bind_number(statement, 3, last);
		err = sql_row(&store->sql, statement);
		if (err == MMS_OK && (!sql_read_number(statement, 0, &row) || !sql_read_number(statement, 2, &bytes)))
			err = sql_damaged(&store->sql, "a message's size is malformed");
		const int64_t sender_id = err == MMS_OK ? sqlite3_column_int64(statement, 1) : 0;
		sql_reset(statement);
		if (err == MMS_OK)
			err = row <= last ? server_store_drop(store, user_id, sender_id, row, bytes) : MMS_E_MISSING;
	}
	return err == MMS_E_MISSING ? MMS_OK : err;
}

static enum mms_err clean_mailbox(struct server_store *store, int64_t user_id, uint32_t *rows_left)
{
	struct server_mailbox *mailbox;
	uint32_t devices = 0;
	uint64_t low = 0;
	enum mms_err err = server_store_mailbox(store, user_id, &mailbox);
	if (err == MMS_E_MISSING || (err == MMS_OK && mailbox->purge_row != 0))
		return MMS_OK; // what waits to be removed goes first
	if (err == MMS_OK)
		err = server_store_devices_have(store, mailbox, &devices, &low);
	if (err != MMS_OK)
		return err;
	err = clean_front(store, mailbox, low < store->history_row ? low : store->history_row, rows_left);
	// What nobody lacked when it was taken, and a device lacks that came later.
	if (err == MMS_OK)
		err = drop_each(store, user_id, REF_OLD, mailbox->taken_row < store->own_row ? mailbox->taken_row : store->own_row,
				rows_left);
	if (err == MMS_OK)
		err = drop_each(store, user_id, REF_OWN_OLDEST, store->own_row, rows_left);
	return err == MMS_OK ? server_store_share_end(store, mailbox, false) : err;
}

// The next mailbox, and its oldest row. MMS_E_MISSING: there is none.
static enum mms_err next_mailbox(struct server_store *store, int64_t *user_id, uint64_t *row)
{
	sqlite3_stmt *statement = store->statement[MAILBOX_NEXT];
	sql_bind_int(statement, 1, store->history_user_id);
	enum mms_err err = sql_row(&store->sql, statement);
	if (err != MMS_OK)
		return err;
	*user_id = sqlite3_column_int64(statement, 0);
	if (*user_id <= store->history_user_id || !sql_read_number(statement, 1, row))
		err = sql_damaged(&store->sql, "a mailbox is malformed");
	sql_reset(statement);
	return err;
}

enum mms_err server_store_history_clean(struct server_store *store, uint32_t *rows_left)
{
	const uint64_t limit = store->history_row > store->own_row ? store->history_row : store->own_row;
	enum mms_err err = MMS_OK;
	if (store->history_round != store->epoch_seconds) {
		store->history_round = store->epoch_seconds;
		store->history_user_id = 0;
		store->is_history_round_done = false;
	}
	for (int looks = 0; looks < LOOKS_MAX && *rows_left > 0 && err == MMS_OK && !store->is_history_round_done; looks++) {
		int64_t user_id = 0;
		uint64_t row = 0;
		err = next_mailbox(store, &user_id, &row);
		if (err == MMS_OK && row <= limit)
			err = clean_mailbox(store, user_id, rows_left);
		store->is_history_round_done = err == MMS_E_MISSING;
		if (err != MMS_OK || *rows_left == 0)
			break; // of this one there may be more
		store->history_user_id = user_id;
	}
	return err == MMS_E_MISSING ? MMS_OK : err;
}
