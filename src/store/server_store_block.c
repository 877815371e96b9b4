// SPDX-License-Identifier: ISC
// Who blocks whom. A mailbox knows how many its user blocks, so that a message to one who blocks nobody costs no look. The contract is in
// server_store_rooms.h.
#include <string.h>

#include "store/server_store_rooms.h"

// A row of the table block.
struct pair {
	bool is_blocked;
	struct storage_mark stamp; // zeros: there is no row
};

static enum mms_err find(struct server_store *store, int64_t user_id, int64_t other_id, struct pair *pair)
{
	sqlite3_stmt *statement = store->statement[BLOCK_FIND];
	memset(pair, 0, sizeof *pair);
	sql_bind_int(statement, 1, user_id);
	sql_bind_int(statement, 2, other_id);
	enum mms_err err = sql_row(&store->sql, statement);
	if (err != MMS_OK)
		return err == MMS_E_MISSING ? MMS_OK : err;
	pair->is_blocked = sqlite3_column_int(statement, 0) != 0;
	if (!sql_read_blob(statement, 1, pair->stamp.start_id, sizeof pair->stamp.start_id) ||
	    !sql_read_number(statement, 2, &pair->stamp.commit))
		err = sql_damaged(&store->sql, "whom a user blocks is malformed");
	sql_reset(statement);
	return err;
}

enum mms_err server_store_is_blocked(struct server_store *store, int64_t user_id, int64_t other_id, bool *is_blocked)
{
	struct pair pair;
	const enum mms_err err = find(store, user_id, other_id, &pair);
	*is_blocked = err == MMS_OK && pair.is_blocked;
	return err;
}

static enum mms_err put(struct server_store *store, const struct storage_change *change, const struct storage_mark *stamp,
			bool is_blocked)
{
	sqlite3_stmt *statement = store->statement[BLOCK_PUT];
	sql_bind_int(statement, 1, change->user_id);
	sql_bind_int(statement, 2, change->other_id);
	sql_bind_name(statement, 3, &change->other);
	sql_bind_blob(statement, 4, stamp->start_id, sizeof stamp->start_id);
	sql_bind_number(statement, 5, stamp->commit);
	if (is_blocked)
		sql_bind_null(statement, 6);
	else
		sql_bind_number(statement, 6, store->seconds_open);
	const enum mms_err err = sql_run(&store->sql, statement);
	if (err != MMS_OK || is_blocked)
		return err;
	sql_bind_int(store->statement[BLOCK_TRIM], 1, change->user_id);
	sql_bind_int(store->statement[BLOCK_TRIM], 2, UNBLOCKED_MAX);
	return sql_run(&store->sql, store->statement[BLOCK_TRIM]);
}

enum mms_err server_store_block(struct server_store *store, const struct storage_change *change,
				const struct storage_mark *stamp, enum storage_verdict *verdict)
{
	const bool is_wanted = change->what == CHANGE_BLOCK;
	struct server_mailbox *mailbox;
	struct pair pair = {.is_blocked = false};
	bool is_overtaken = false;
	*verdict = is_wanted && change->other_id == 0 ? VERDICT_NO_SUCH_USER : VERDICT_REPEAT;
	if (change->other_id == 0 || change->other_id == change->user_id)
		return MMS_OK;
	enum mms_err err = find(store, change->user_id, change->other_id, &pair);
	if (err == MMS_OK)
		err = server_store_is_overtaken(store, &change->stamp, &pair.stamp, &is_overtaken);
	if (err == MMS_OK)
		err = server_store_mailbox(store, change->user_id, &mailbox);
	if (err != MMS_OK || is_overtaken)
		return err == MMS_E_MISSING ? sql_damaged(&store->sql, "who blocks is no user") : err;
	if (pair.is_blocked == is_wanted)
		return put(store, change, stamp, is_wanted);
	if (is_wanted && mailbox->blocked_count >= BLOCKED_MAX) {
		*verdict = VERDICT_LIMIT;
		return MMS_OK;
	}
	*verdict = VERDICT_NEW;
	server_store_more_changed(store, mailbox);
	mailbox->blocked_count += is_wanted ? 1 : (uint64_t)-1;
	return put(store, change, stamp, is_wanted);
}

enum mms_err server_store_block_forget(struct server_store *store, int64_t user_id)
{
	sqlite3_stmt *statement = store->statement[BLOCK_OF];
	struct server_mailbox *mailbox;
	sql_bind_int(statement, 1, user_id);
	enum mms_err err = sql_row(&store->sql, statement);
	if (err == MMS_E_MISSING) {
		sql_bind_int(store->statement[BLOCKS_REMOVE], 1, user_id);
		err = sql_run(&store->sql, store->statement[BLOCKS_REMOVE]);
		return err == MMS_OK ? MMS_E_MISSING : err;
	}
	if (err != MMS_OK)
		return err;
	const int64_t blocker_id = sqlite3_column_int64(statement, 0);
	const bool is_blocked = sqlite3_column_int(statement, 1) != 0;
	sql_reset(statement);
	err = blocker_id > 0 ? server_store_mailbox(store, blocker_id, &mailbox) : MMS_E_MISSING;
	if (err == MMS_E_MISSING || (err == MMS_OK && is_blocked && mailbox->blocked_count == 0))
		err = sql_damaged(&store->sql, "whom a user blocks is miscounted");
	if (err != MMS_OK)
		return err;
	if (is_blocked) {
		server_store_more_changed(store, mailbox);
		mailbox->blocked_count--;
	}
	sql_bind_int(store->statement[BLOCK_REMOVE], 1, blocker_id);
	sql_bind_int(store->statement[BLOCK_REMOVE], 2, user_id);
	return sql_run(&store->sql, store->statement[BLOCK_REMOVE]);
}
