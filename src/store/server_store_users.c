// SPDX-License-Identifier: ISC
// The users file's share of the server's database: who is there, whose devices are revoked, which invites are still on a
// line. The contract is in server_store.h, server_store_users_sync.
#include <stdlib.h>
#include <string.h>

#include "store/server_store_inside.h"

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
static enum mms_err revoke(struct server_store *store, int64_t user_id, const uint8_t fingerprint[STORAGE_KEY_BYTES],
			   struct server_store_sync *sync)
{
	sqlite3_stmt *statement = store->statement[DEVICE_REMOVE];
	sql_bind_int(statement, 1, user_id);
	sql_bind_blob(statement, 2, fingerprint, STORAGE_KEY_BYTES);
	enum mms_err err = sql_row(&store->sql, statement);
	if (err != MMS_OK)
		return err == MMS_E_MISSING ? MMS_OK : err;
	sync->removed[sync->removed_count++] = sqlite3_column_int64(statement, 0);
	err = sql_run(&store->sql, statement);
	return err == MMS_OK ? server_store_settle(store, user_id) : err;
}

// One line: the user, that it is there, its revoked devices, its invites.
static enum mms_err sync_line(struct server_store *store, const struct server_store_user *user, int64_t *user_id,
			      struct server_store_sync *sync)
{
	enum mms_err err = sync_user(store, user, user_id);
	if (err == MMS_OK) {
		sql_bind_int(store->statement[PRESENT_PUT], 1, *user_id);
		err = sql_run(&store->sql, store->statement[PRESENT_PUT]);
	}
	for (size_t i = 0; i < user->revoked_count && err == MMS_OK; i++)
		err = revoke(store, *user_id, user->revoked[i], sync);
	for (size_t i = 0; i < user->invite_count && err == MMS_OK; i++) {
		sql_bind_blob(store->statement[LISTED_PUT], 1, user->invite[i], STORAGE_KEY_BYTES);
		err = sql_run(&store->sql, store->statement[LISTED_PUT]);
	}
	return err;
}

// What no line has: users become absent, spent invites are forgotten.
static enum mms_err sync_rest(struct server_store *store)
{
	sql_bind_number(store->statement[USER_MARK_ABSENT], 1, store->seconds_open);
	const enum mms_err err = sql_run(&store->sql, store->statement[USER_MARK_ABSENT]);
	return err == MMS_OK ? sql_run(&store->sql, store->statement[INVITES_FORGET]) : err;
}

static int compare_ids(const void *a, const void *b)
{
	const int64_t left = *(const int64_t *)a;
	const int64_t right = *(const int64_t *)b;
	return (left > right) - (left < right);
}

enum mms_err server_store_users_sync(struct server_store *store, struct server_store_sync *sync)
{
	enum mms_err err = server_store_begin(store, sync->now);
	sync->removed_count = 0;
	if (err == MMS_OK)
		err = sql_run(&store->sql, store->statement[PRESENT_CLEAR]);
	if (err == MMS_OK)
		err = sql_run(&store->sql, store->statement[LISTED_CLEAR]);
	for (size_t i = 0; i < sync->count && err == MMS_OK; i++)
		err = sync_line(store, &sync->users[i], &sync->ids[i], sync);
	if (err == MMS_OK)
		err = sync_rest(store);
	if (sync->removed_count > 0)
		qsort(sync->removed, sync->removed_count, sizeof *sync->removed, compare_ids);
	return server_store_end(store, err);
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
