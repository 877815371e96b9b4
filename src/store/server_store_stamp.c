// SPDX-License-Identifier: ISC
// Which of two changes of a pair came later, though one of them was made by a store that a restore has lost (storage.h, struct
// storage_change). No clock decides. The contract is in server_store_rooms.h.
#include <string.h>

#include "store/server_store_rooms.h"

bool server_store_has_stamp(const struct storage_mark *stamp)
{
	static const uint8_t none[STORAGE_START_ID_BYTES];
	return memcmp(stamp->start_id, none, sizeof none) != 0;
}

static enum mms_err read_rank(struct server_store *store, sqlite3_stmt *statement, int column, int64_t *rank)
{
	const enum mms_err err = sql_row(&store->sql, statement);
	if (err == MMS_OK)
		*rank = sqlite3_column_int64(statement, column);
	sql_reset(statement);
	return err;
}

// Where the start of a stamp stands. Those that are known have even ranks. One that a restore has lost was the same store as this up to
// where they parted, at or before the stamp's number: it stands right before the newest start that was not there by then.
static enum mms_err rank(struct server_store *store, const struct storage_mark *stamp, int64_t *rank)
{
	sqlite3_stmt *statement = store->statement[START_FIND];
	*rank = 0;
	sql_bind_blob(statement, 1, stamp->start_id, STORAGE_START_ID_BYTES);
	enum mms_err err = read_rank(store, statement, 0, rank);
	*rank *= 2;
	if (err != MMS_E_MISSING)
		return err;
	statement = store->statement[START_OF];
	sql_bind_number(statement, 1, stamp->commit);
	err = read_rank(store, statement, 1, rank);
	if (err == MMS_OK)
		*rank = 2 * *rank - 1;
	return err == MMS_E_MISSING ? MMS_OK : err;
}

enum mms_err server_store_is_overtaken(struct server_store *store, const struct storage_mark *shown,
				       const struct storage_mark *newest, bool *is_overtaken)
{
	int64_t shown_rank = 0;
	int64_t newest_rank = 0;
	*is_overtaken = false;
	if (!server_store_has_stamp(shown) || !server_store_has_stamp(newest))
		return MMS_OK;
	enum mms_err err = rank(store, shown, &shown_rank);
	if (err == MMS_OK)
		err = rank(store, newest, &newest_rank);
	*is_overtaken = err == MMS_OK && (shown_rank == newest_rank ? shown->commit <= newest->commit : shown_rank < newest_rank);
	return err;
}

bool server_store_is_forged(const struct server_store *store, const struct storage_mark *stamp)
{
	return memcmp(stamp->start_id, store->start_id, sizeof store->start_id) == 0 && stamp->commit >= store->row_next;
}

enum mms_err server_store_mark_of(struct server_store *store, uint64_t commit, struct storage_mark *mark)
{
	sqlite3_stmt *statement = store->statement[START_OF];
	mark->commit = commit;
	sql_bind_number(statement, 1, commit);
	enum mms_err err = sql_row(&store->sql, statement);
	if (err == MMS_E_MISSING) { // its start is forgotten, as the oldest of very many
		memset(mark, 0, sizeof *mark);
		return MMS_OK;
	}
	if (err == MMS_OK && !sql_read_blob(statement, 0, mark->start_id, sizeof mark->start_id))
		err = sql_damaged(&store->sql, "a start is malformed");
	sql_reset(statement);
	return err;
}
