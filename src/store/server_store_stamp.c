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

// Where a start stands. One that is not known was forgotten by a restore: it was before this one, for only one store runs at a time.
static enum mms_err rank(struct server_store *store, const uint8_t start_id[STORAGE_START_ID_BYTES], int64_t *rank)
{
	sqlite3_stmt *statement = store->statement[START_FIND];
	*rank = INT64_MAX;
	if (memcmp(start_id, store->start_id, sizeof store->start_id) == 0)
		return MMS_OK;
	sql_bind_blob(statement, 1, start_id, STORAGE_START_ID_BYTES);
	const enum mms_err err = sql_row(&store->sql, statement);
	*rank = err == MMS_OK ? sqlite3_column_int64(statement, 0) : INT64_MAX - 1;
	sql_reset(statement);
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
	if (memcmp(shown->start_id, newest->start_id, sizeof shown->start_id) == 0) {
		*is_overtaken = shown->commit <= newest->commit;
		return MMS_OK;
	}
	enum mms_err err = rank(store, shown->start_id, &shown_rank);
	if (err == MMS_OK)
		err = rank(store, newest->start_id, &newest_rank);
	*is_overtaken = err == MMS_OK && shown_rank < newest_rank;
	return err;
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
