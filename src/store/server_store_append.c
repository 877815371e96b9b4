// SPDX-License-Identifier: ISC
// Appending a batch to the server's database: the one place where "accepted" becomes true. The contract is in
// server_store.h, server_store_append.
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "store/server_store_inside.h"

enum { PURGE_ROWS_MORE = 64 }; // removed beside those passed, so that what waits to be removed becomes less

static enum mms_err put_message(struct server_store *store, const struct storage_op *op, const uint8_t *text)
{
	sqlite3_stmt *statement = store->statement[MESSAGE_PUT];
	assert(op->text_bytes >= 1);
	assert(op->text_bytes <= TEXT_BYTES_MAX);
	sql_bind_number(statement, 1, op->row);
	sql_bind_int(statement, 2, op->user_id);
	sql_bind_int(statement, 3, op->sender_id);
	sql_bind_name(statement, 4, &op->sender);
	sql_bind_blob(statement, 5, op->id.bytes, ID_BYTES);
	sql_bind_int(statement, 6, op->at.ms);
	sql_bind_blob(statement, 7, text + op->text_offset, op->text_bytes);
	sql_bind_int(statement, 8, op->text_bytes);
	return sql_run(&store->sql, statement);
}

// The cursor of a device. MMS_E_MISSING: there is no such device of this user.
static enum mms_err read_cursor(struct server_store *store, const struct storage_op *op, uint64_t *cursor)
{
	sqlite3_stmt *statement = store->statement[DEVICE_CURSOR];
	sql_bind_int(statement, 1, op->device_id);
	sql_bind_int(statement, 2, op->user_id);
	enum mms_err err = sql_row(&store->sql, statement);
	if (err == MMS_OK && !sql_read_number(statement, 0, cursor))
		err = sql_damaged(&store->sql, "a device's cursor is not a row number");
	sql_reset(statement);
	return err;
}

// The rows up to op->row have been taken, those after `taken_row`, which are `fresh`, for the first time. They bear the time of it
// while other devices lack them.
static enum mms_err take_rows(struct server_store *store, const struct storage_op *op, uint64_t taken_row,
			      const struct server_span *fresh, bool is_shared, uint64_t seconds)
{
	sqlite3_stmt *statement = store->statement[MAILBOX_TAKE];
	sql_bind_int(statement, 1, op->user_id);
	sql_bind_number(statement, 2, op->row);
	sql_bind_number(statement, 3, fresh->rows);
	sql_bind_number(statement, 4, fresh->bytes);
	enum mms_err err = sql_run(&store->sql, statement);
	if (err != MMS_OK || !is_shared)
		return err;
	statement = store->statement[MESSAGE_TAKE];
	sql_bind_int(statement, 1, op->user_id);
	sql_bind_number(statement, 2, taken_row);
	sql_bind_number(statement, 3, op->row);
	sql_bind_number(statement, 4, seconds);
	return sql_run(&store->sql, statement);
}

static enum mms_err move_device(struct server_store *store, const struct storage_op *op, const struct server_span *passed)
{
	sqlite3_stmt *statement = store->statement[DEVICE_MOVE];
	sql_bind_int(statement, 1, op->device_id);
	sql_bind_number(statement, 2, op->row);
	sql_bind_number(statement, 3, passed->rows);
	sql_bind_number(statement, 4, passed->bytes);
	return sql_run(&store->sql, statement);
}

static enum mms_err move_cursor(struct server_store *store, const struct storage_op *op, uint64_t seconds)
{
	struct server_cursors before;
	struct server_cursors after;
	struct server_span passed = {0, 0};
	uint64_t cursor = 0;
	uint64_t taken_row;
	uint64_t purge_row;
	enum mms_err err = read_cursor(store, op, &cursor);
	if (err != MMS_OK || cursor >= op->row)
		return err == MMS_E_MISSING ? MMS_OK : err;
	err = server_store_cursors(store, op->user_id, &before);
	if (err == MMS_OK)
		err = server_store_mailbox(store, op->user_id, &taken_row, &purge_row);
	if (err == MMS_OK)
		err = server_store_count(store, op->user_id, cursor, op->row, &passed);
	if (err == MMS_OK)
		err = move_device(store, op, &passed);
	if (err == MMS_OK)
		err = server_store_cursors(store, op->user_id, &after);
	struct server_span fresh = passed;
	if (err == MMS_OK && cursor != taken_row)
		err = server_store_count(store, op->user_id, taken_row, op->row, &fresh);
	if (err == MMS_OK && op->row > taken_row)
		err = take_rows(store, op, taken_row, &fresh, after.low < op->row, seconds);
	if (err != MMS_OK || after.low <= before.low)
		return err;
	return purge_row == 0 ? server_store_settle_passed(store, op->user_id, after.low) :
				server_store_settle(store, op->user_id, after.low, (uint32_t)passed.rows + PURGE_ROWS_MORE);
}

// The cursor of a new device: before the oldest row held for the user, else before the next commit.
static enum mms_err first_cursor(struct server_store *store, int64_t user_id, uint64_t *cursor)
{
	sqlite3_stmt *statement = store->statement[MESSAGE_OLDEST];
	uint64_t row = 0;
	uint64_t taken_row;
	uint64_t purge_row;
	enum mms_err err = server_store_mailbox(store, user_id, &taken_row, &purge_row);
	if (err != MMS_OK)
		return err;
	sql_bind_int(statement, 1, user_id);
	sql_bind_number(statement, 2, purge_row);
	err = sql_row(&store->sql, statement);
	if (err == MMS_E_MISSING) {
		*cursor = store->commit_next - 1;
		return MMS_OK;
	}
	if (err != MMS_OK)
		return err;
	if (!sql_read_number(statement, 0, &row) || row == 0)
		err = sql_damaged(&store->sql, "a message has no row number");
	else
		*cursor = row - 1;
	sql_reset(statement);
	return err;
}

static enum mms_err enroll(struct server_store *store, const struct storage_op *op)
{
	sqlite3_stmt *statement = store->statement[DEVICE_FIND];
	uint64_t cursor = 0;
	sql_bind_blob(statement, 1, op->key, STORAGE_KEY_BYTES);
	enum mms_err err = sql_row(&store->sql, statement);
	if (err == MMS_OK) {
		const bool is_same_user = sqlite3_column_int64(statement, 1) == op->user_id;
		sql_reset(statement);
		if (is_same_user)
			return MMS_OK;
		snprintf(store->sql.reason.text, sizeof store->sql.reason.text,
			 "a device cannot be enrolled in %s: its key belongs to another user; "
			 "this is a mistake in MMS, please report it",
			 store->sql.path);
		return MMS_E_EXISTS;
	}
	if (err == MMS_E_MISSING)
		err = first_cursor(store, op->user_id, &cursor);
	if (err != MMS_OK)
		return err;

	statement = store->statement[DEVICE_PUT];
	sql_bind_int(statement, 1, op->user_id);
	sql_bind_blob(statement, 2, op->key, STORAGE_KEY_BYTES);
	sql_bind_blob(statement, 3, op->fingerprint, STORAGE_KEY_BYTES);
	sql_bind_int(statement, 4, op->at.ms);
	sql_bind_number(statement, 5, cursor);
	err = sql_run(&store->sql, statement);
	if (err != MMS_OK || !op->has_invite)
		return err;

	statement = store->statement[INVITE_PUT];
	sql_bind_blob(statement, 1, op->invite_hash, STORAGE_KEY_BYTES);
	return sql_run(&store->sql, statement);
}

static enum mms_err note_gap_told(struct server_store *store, const struct storage_op *op)
{
	sqlite3_stmt *statement = store->statement[DEVICE_GAP_TOLD];
	sql_bind_int(statement, 1, op->device_id);
	sql_bind_int(statement, 2, op->user_id);
	sql_bind_number(statement, 3, op->row);
	return sql_run(&store->sql, statement);
}

static enum mms_err apply(struct server_store *store, const struct storage_batch *batch, const struct storage_op *op,
			  uint64_t seconds)
{
	enum mms_err err;
	switch (op->kind) {
	case STORAGE_ACCEPT:
		assert(op->row >= store->commit_next); // a number is never given twice
		assert(op->row < batch->commit_next);
		err = put_message(store, op, batch->text);
		if (err == MMS_OK)
			err = server_store_put(store, op->user_id, op->text_bytes);
		return err == MMS_OK ? server_store_id_put(store, op, seconds) : err;
	case STORAGE_CURSOR:
		assert(op->row < batch->commit_next); // else rows to come would be taken unseen
		err = server_store_count_puts(store, op->user_id);
		return err == MMS_OK ? move_cursor(store, op, seconds) : err;
	case STORAGE_ENROLL:
		err = server_store_count_puts(store, op->user_id);
		return err == MMS_OK ? enroll(store, op) : err;
	case STORAGE_GAP_TOLD:
		return note_gap_told(store, op);
	}
	assert(false);
	return MMS_E_BAD;
}

enum mms_err server_store_judge(struct server_store *store, enum mms_err err)
{
	if (err == MMS_OK)
		return MMS_OK;
	server_store_room_changed(store);
	if (err == MMS_E_NOSPACE || err == MMS_E_EXISTS)
		return err;
	store->is_broken = true;
	return MMS_E_IO;
}

enum mms_err server_store_append(struct server_store *store, const struct storage_batch *batch, struct mtime now,
				 struct reason *why)
{
	const uint64_t seconds = server_store_seconds(store, now);
	assert(batch->commit_next >= store->commit_next);
	enum mms_err err = store->is_broken ? MMS_E_IO : sql_begin(&store->sql);
	if (err == MMS_OK) {
		memset(store->tally, 0, sizeof store->tally);
		for (size_t i = 0; i < batch->op_count && err == MMS_OK; i++)
			err = apply(store, batch, &batch->ops[i], seconds);
		if (err == MMS_OK)
			err = server_store_count_all_puts(store);
		if (err == MMS_OK)
			err = server_store_ids_count(store);
		if (err == MMS_OK)
			err = server_store_counter_set(store, batch->commit_next, seconds);
		server_store_forget_puts(store);
		err = server_store_counter_end(store, batch->commit_next, seconds, err);
	}
	if (err != MMS_OK)
		*why = store->sql.reason;
	return server_store_judge(store, err);
}
