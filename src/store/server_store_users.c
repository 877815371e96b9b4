// SPDX-License-Identifier: ISC
// The users file's share of the server's database: who is there, whose devices are revoked, which invites are still on a
// line. The contract is in server_store.h, server_store_users_sync.
#include <string.h>

#include "store/server_store_inside.h"

enum { PURGE_ROWS = 256 }; // removed at once with a device; the rest by housekeeping

static size_t life_bytes(const struct server_store_user *user)
{
	static const uint8_t none[USER_LIFE_BYTES];
	return memcmp(user->life, none, sizeof none) == 0 ? 0 : sizeof none;
}

// Finds or makes the user of one line, as it is written there and not absent.
static enum mms_err sync_user(struct server_store *store, const struct server_store_user *user, int64_t *user_id)
{
	sqlite3_stmt *statement = store->statement[USER_FIND];
	sql_bind_name(statement, 1, &user->name);
	sql_bind_blob(statement, 2, user->life, life_bytes(user));
	enum mms_err err = sql_row(&store->sql, statement);
	if (err == MMS_OK) {
		*user_id = sqlite3_column_int64(statement, 0);
		const bool is_current = sqlite3_column_int(statement, 1) != 0 && sqlite3_column_int(statement, 2) != 0;
		sql_reset(statement);
		if (is_current)
			return MMS_OK;
		statement = store->statement[USER_UPDATE];
		sql_bind_int(statement, 1, *user_id);
		sql_bind_name(statement, 2, &user->name);
		return sql_run(&store->sql, statement);
	}
	if (err != MMS_E_MISSING)
		return err;
	statement = store->statement[USER_PUT];
	sql_bind_name(statement, 1, &user->name);
	sql_bind_blob(statement, 2, user->life, life_bytes(user));
	err = sql_run(&store->sql, statement);
	*user_id = sqlite3_last_insert_rowid(store->sql.db);
	return err;
}

// Removes a user's device, and the rows that all others of the user have.
static enum mms_err revoke(struct server_store *store, int64_t user_id, const uint8_t fingerprint[STORAGE_KEY_BYTES])
{
	sqlite3_stmt *statement = store->statement[DEVICE_REMOVE];
	struct server_cursors cursors = {0};
	sql_bind_int(statement, 1, user_id);
	sql_bind_blob(statement, 2, fingerprint, STORAGE_KEY_BYTES);
	enum mms_err err = sql_run(&store->sql, statement);
	if (err != MMS_OK || sqlite3_changes(store->sql.db) == 0)
		return err;
	err = server_store_cursors(store, user_id, &cursors);
	// Without any device left, what is held waits for the next. Else all that the others have goes, a part of it now.
	return err == MMS_OK && cursors.count > 0 ? server_store_settle(store, user_id, cursors.low, PURGE_ROWS) : err;
}

// One line: the user, that it is there, its revoked devices, its invites.
static enum mms_err sync_line(struct server_store *store, const struct server_store_user *user, int64_t *user_id)
{
	enum mms_err err = sync_user(store, user, user_id);
	if (err == MMS_OK) {
		sql_bind_int(store->statement[PRESENT_PUT], 1, *user_id);
		err = sql_run(&store->sql, store->statement[PRESENT_PUT]);
	}
	for (size_t i = 0; i < user->revoked_count && err == MMS_OK; i++)
		err = revoke(store, *user_id, user->revoked[i]);
	for (size_t i = 0; i < user->invite_count && err == MMS_OK; i++) {
		sql_bind_blob(store->statement[LISTED_PUT], 1, user->invite[i], STORAGE_KEY_BYTES);
		err = sql_run(&store->sql, store->statement[LISTED_PUT]);
	}
	return err;
}

// What no line has: users become absent, spent invites are forgotten.
static enum mms_err sync_rest(struct server_store *store, uint64_t seconds)
{
	sql_bind_number(store->statement[USER_MARK_ABSENT], 1, seconds);
	const enum mms_err err = sql_run(&store->sql, store->statement[USER_MARK_ABSENT]);
	return err == MMS_OK ? sql_run(&store->sql, store->statement[INVITES_FORGET]) : err;
}

enum mms_err server_store_users_sync(struct server_store *store, const struct server_store_user *users, size_t count,
				     struct mtime now, int64_t *ids)
{
	const uint64_t seconds = server_store_seconds(store, now);
	enum mms_err err = store->is_broken ? MMS_E_IO : sql_begin(&store->sql);
	if (err == MMS_OK) {
		err = sql_run(&store->sql, store->statement[PRESENT_CLEAR]);
		if (err == MMS_OK)
			err = sql_run(&store->sql, store->statement[LISTED_CLEAR]);
		for (size_t i = 0; i < count && err == MMS_OK; i++)
			err = sync_line(store, &users[i], &ids[i]);
		if (err == MMS_OK)
			err = sync_rest(store, seconds);
		if (err == MMS_OK)
			err = server_store_counter_set(store, store->commit_next, seconds);
		err = server_store_counter_end(store, store->commit_next, seconds, err);
	}
	return server_store_judge(store, err);
}

enum mms_err server_store_life_find(struct server_store *store, const struct name *name,
				    uint8_t life[USER_LIFE_BYTES])
{
	sqlite3_stmt *statement = store->statement[USER_LIFE];
	sql_bind_name(statement, 1, name);
	enum mms_err err = sql_row(&store->sql, statement);
	if (err != MMS_OK)
		return err;
	memset(life, 0, USER_LIFE_BYTES);
	if (sqlite3_column_bytes(statement, 0) != 0 && !sql_read_blob(statement, 0, life, USER_LIFE_BYTES))
		err = sql_damaged(&store->sql, "a user's life is malformed");
	sql_reset(statement);
	return err;
}
