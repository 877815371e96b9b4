// SPDX-License-Identifier: ISC
// What the messaging logic reads from the server's database; the contract is in storage.h. Every statement is reset
// before its function returns, so no read transaction outlives a call.
#include <assert.h>
#include <string.h>
#include <sys/statvfs.h>

#include "store/server_store_inside.h"

enum {
	ROOM_CALLS_MAX = 64, // calls of has_room between two looks at the disk
	COMMIT_PAGES = 12,   // what a message that is committed alone may write to the log
};

static_assert(ROOM_CALLS_MAX * COMMIT_PAGES * SQL_PAGE_BYTES < STORE_RESERVE_BYTES, "seen in time");

static enum mms_err find_device(void *context, const uint8_t key[STORAGE_KEY_BYTES], struct storage_device *device)
{
	struct server_store *store = context;
	sqlite3_stmt *statement = store->statement[DEVICE_FIND];
	struct storage_device found = {0};
	sql_bind_blob(statement, 1, key, STORAGE_KEY_BYTES);
	enum mms_err err = sql_row(&store->sql, statement);
	if (err != MMS_OK)
		return err;
	found.device_id = sqlite3_column_int64(statement, 0);
	found.user_id = sqlite3_column_int64(statement, 1);
	if (sql_read_number(statement, 2, &found.cursor) && sql_read_number(statement, 3, &found.gap_row) &&
	    sql_read_number(statement, 4, &found.gap_count))
		*device = found;
	else
		err = sql_damaged(&store->sql, "a device is malformed");
	sql_reset(statement);
	return err;
}

static enum mms_err count_devices(void *context, int64_t user_id, uint32_t *count)
{
	struct server_store *store = context;
	sqlite3_stmt *statement = store->statement[DEVICE_COUNT];
	sql_bind_int(statement, 1, user_id);
	const enum mms_err err = sql_row(&store->sql, statement);
	if (err == MMS_OK)
		*count = (uint32_t)sqlite3_column_int64(statement, 0);
	sql_reset(statement);
	return err;
}

static enum mms_err is_invite_spent(void *context, const uint8_t hash[STORAGE_KEY_BYTES], bool *is_spent)
{
	struct server_store *store = context;
	sqlite3_stmt *statement = store->statement[INVITE_FIND];
	sql_bind_blob(statement, 1, hash, STORAGE_KEY_BYTES);
	const enum mms_err err = sql_row(&store->sql, statement);
	sql_reset(statement);
	if (err != MMS_OK && err != MMS_E_MISSING)
		return err;
	*is_spent = err == MMS_OK;
	return MMS_OK;
}

static enum mms_err find_accepted(void *context, int64_t sender_id, const struct uuid *id,
				  struct storage_accepted *accepted)
{
	struct server_store *store = context;
	sqlite3_stmt *statement = store->statement[ACCEPTED_FIND];
	struct storage_accepted found = {0};
	sql_bind_int(statement, 1, sender_id);
	sql_bind_blob(statement, 2, id->bytes, ID_BYTES);
	enum mms_err err = sql_row(&store->sql, statement);
	if (err != MMS_OK)
		return err;
	found.recipient_id = sqlite3_column_int64(statement, 0);
	found.was_online = sqlite3_column_int(statement, 3) != 0;
	if (sql_read_blob(statement, 1, found.digest, sizeof found.digest) &&
	    sql_read_number(statement, 2, &found.commit))
		*accepted = found;
	else
		err = sql_damaged(&store->sql, "the verdict on a message is malformed");
	sql_reset(statement);
	// The verdict is promised anew: by a file that still stands where it is looked for.
	return err == MMS_OK ? sql_check_place(&store->sql) : err;
}

static enum mms_err next_row(void *context, int64_t user_id, uint64_t after_row, struct storage_row *row)
{
	struct server_store *store = context;
	sqlite3_stmt *statement = store->statement[MESSAGE_NEXT];
	struct storage_row found = {.text = store->text};
	sql_bind_int(statement, 1, user_id);
	sql_bind_number(statement, 2, after_row);
	enum mms_err err = sql_row(&store->sql, statement);
	if (err != MMS_OK)
		return err;
	found.accepted_at.ms = sqlite3_column_int64(statement, 3);
	// The number too: a damaged index may lead back.
	if (sql_read_number(statement, 0, &found.row) && found.row > after_row &&
	    sql_read_blob(statement, 1, found.id.bytes, sizeof found.id.bytes) &&
	    sql_read_name(statement, 2, &found.sender) &&
	    sql_read_text(statement, 4, store->text, sizeof store->text, &found.text_bytes))
		*row = found;
	else
		err = sql_damaged(&store->sql, "a message is malformed");
	sql_reset(statement);
	return err;
}

static enum mms_err count_waiting(void *context, const struct storage_device *device, uint64_t cursor, uint64_t *rows)
{
	struct server_store *store = context;
	sqlite3_stmt *statement = store->statement[DEVICE_BEHIND];
	struct server_span passed = {0, 0};
	uint64_t behind = 0;
	uint64_t stored_cursor = 0;
	sql_bind_int(statement, 1, device->device_id);
	enum mms_err err = sql_row(&store->sql, statement);
	if (err == MMS_OK && (!sql_read_number(statement, 0, &behind) || !sql_read_number(statement, 1, &stored_cursor)))
		err = sql_damaged(&store->sql, "a device is malformed");
	sql_reset(statement);
	if (err == MMS_OK && cursor > stored_cursor)
		err = server_store_count(store, device->user_id, stored_cursor, cursor, &passed);
	if (err == MMS_OK && passed.rows > behind)
		err = sql_damaged(&store->sql, "a mailbox is miscounted");
	if (err == MMS_OK)
		*rows = behind - passed.rows;
	return err;
}

static enum mms_err read_usage(void *context, int64_t user_id, uint64_t *rows, uint64_t *bytes)
{
	struct server_store *store = context;
	sqlite3_stmt *statement = store->statement[MAILBOX_USAGE];
	*rows = *bytes = 0;
	sql_bind_int(statement, 1, user_id);
	enum mms_err err = sql_row(&store->sql, statement);
	if (err == MMS_OK && (!sql_read_number(statement, 0, rows) || !sql_read_number(statement, 1, bytes)))
		err = sql_damaged(&store->sql, "a mailbox is malformed");
	sql_reset(statement);
	return err == MMS_E_MISSING ? MMS_OK : err;
}

// The seq of a start, or MMS_E_MISSING.
static enum mms_err find_start(struct server_store *store, const uint8_t start_id[STORAGE_START_ID_BYTES], int64_t *seq)
{
	sqlite3_stmt *statement = store->statement[START_FIND];
	sql_bind_blob(statement, 1, start_id, STORAGE_START_ID_BYTES);
	const enum mms_err err = sql_row(&store->sql, statement);
	if (err == MMS_OK)
		*seq = sqlite3_column_int64(statement, 0);
	sql_reset(statement);
	return err;
}

static enum mms_err is_mark_known(void *context, const struct storage_mark *mark, bool *is_known)
{
	static const uint8_t none[STORAGE_START_ID_BYTES];
	struct server_store *store = context;
	sqlite3_stmt *statement = store->statement[START_NEXT];
	uint64_t end = store->commit_next;
	int64_t seq = 0;
	if (memcmp(mark->start_id, none, sizeof none) == 0) {
		*is_known = true; // a device that was never promised anything
		return MMS_OK;
	}
	enum mms_err err = find_start(store, mark->start_id, &seq);
	if (err == MMS_E_MISSING) {
		*is_known = false;
		return MMS_OK;
	}
	if (err != MMS_OK)
		return err;
	sql_bind_int(statement, 1, seq);
	err = sql_row(&store->sql, statement);
	if (err == MMS_OK && !sql_read_number(statement, 0, &end))
		err = sql_damaged(&store->sql, "a start is malformed");
	sql_reset(statement);
	if (err != MMS_OK && err != MMS_E_MISSING)
		return err;
	*is_known = mark->commit < end;
	return MMS_OK;
}

static bool has_room(void *context)
{
	struct server_store *store = context;
	struct statvfs disk;
	if (store->room_age++ < ROOM_CALLS_MAX)
		return store->has_room;
	store->room_age = 1;
	// What is in the log may need as much again in the database. Without an answer nothing is promised.
	const uint64_t reserve_bytes = STORE_RESERVE_BYTES + (uint64_t)store->sql.wal_pages * SQL_PAGE_BYTES;
	store->has_room = fstatvfs(store->directory_fd, &disk) == 0 &&
			  disk.f_bavail >= reserve_bytes / disk.f_frsize;
	return store->has_room;
}

enum mms_err server_store_check_place(struct server_store *store)
{
	const enum mms_err err = sql_check_log(&store->sql);
	return err == MMS_OK ? sql_check_place(&store->sql) : err;
}

bool server_store_has_room(struct server_store *store)
{
	return has_room(store);
}

void server_store_room_changed(struct server_store *store)
{
	store->room_age = ROOM_CALLS_MAX;
}

struct server_storage server_store_storage(struct server_store *store)
{
	return (struct server_storage){
		.context = store,
		.device_find = find_device,
		.device_count = count_devices,
		.invite_is_spent = is_invite_spent,
		.accepted_find = find_accepted,
		.mailbox_next = next_row,
		.mailbox_waiting = count_waiting,
		.mailbox_usage = read_usage,
		.mark_is_known = is_mark_known,
		.has_room = has_room,
	};
}
