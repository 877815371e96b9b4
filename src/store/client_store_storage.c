// SPDX-License-Identifier: ISC
// What the messaging logic of a client reads and writes in its database; the contract is in client_storage.h.
#include <assert.h>
#include <string.h>

#include "store/client_store_inside.h"

static enum mms_err next_queued(void *context, uint64_t after_seq, struct outbox_row *row)
{
	struct client_store *store = context;
	sqlite3_stmt *statement = store->statement[OUTBOX_NEXT];
	struct outbox_row found = {.text = store->text};
	uint64_t state = 0;
	sql_bind_number(statement, 1, after_seq);
	enum mms_err err = sql_row(&store->sql, statement);
	if (err != MMS_OK)
		return err;
	// The number too: a damaged index may lead back.
	if (sql_read_number(statement, 0, &found.seq) && found.seq > after_seq &&
	    sql_read_blob(statement, 1, found.id.bytes, ID_BYTES) && sql_read_name(statement, 2, &found.recipient) &&
	    client_store_read_text(store, statement, 3, &found.text_bytes) && sql_read_number(statement, 4, &state)) {
		found.is_reoffer = state != OUTBOX_QUEUED;
		*row = found;
	} else {
		err = sql_damaged(&store->sql, "a message of its outbox is malformed");
	}
	sql_reset(statement);
	return err;
}

// Removes what is there beyond so many rows; one row in, at most two out, so that it never takes long.
static enum mms_err forget(struct client_store *store, enum client_statement which, int64_t rows_max)
{
	sql_bind_int(store->statement[which], 1, rows_max);
	return client_store_run(store, store->statement[which]);
}

static enum mms_err put_verdict(void *context, const struct uuid *id, enum outbox_state state, uint8_t status)
{
	struct client_store *store = context;
	sqlite3_stmt *statement = store->statement[OUTBOX_VERDICT];
	assert(state != OUTBOX_QUEUED);
	assert(status == 0 || state == OUTBOX_REFUSED);
	enum mms_err err = client_store_write(store);
	if (err != MMS_OK)
		return err;
	sql_bind_blob(statement, 1, id->bytes, ID_BYTES);
	sql_bind_int(statement, 2, (int64_t)state);
	sql_bind_int(statement, 3, status);
	err = client_store_run(store, statement);
	if (err != MMS_OK || sqlite3_changes(store->sql.db) == 0)
		return err == MMS_OK ? MMS_E_MISSING : err;
	return forget(store, OUTBOX_FORGET, OUTBOX_DONE_MAX);
}

// Numbers from the server that SQLite cannot hold: no honest server counts so far.
static uint64_t clamp(uint64_t number)
{
	return number < INT64_MAX ? number : INT64_MAX;
}

static enum mms_err put_transcript(void *context, const struct transcript_row *row, bool *is_new)
{
	static const struct uuid no_id;
	struct client_store *store = context;
	sqlite3_stmt *statement = store->statement[TRANSCRIPT_PUT];
	enum mms_err err = client_store_write(store);
	if (err != MMS_OK)
		return err;
	sqlite3_clear_bindings(statement);
	sql_bind_int(statement, 1, 0);
	sql_bind_name(statement, 2, &row->sender);
	sql_bind_int(statement, 4, row->accepted_at.ms);
	if (row->is_gap) {
		assert(row->sender.text[0] == 0);
		sql_bind_number(statement, 1, row->gap_count == 0 ? 1 : clamp(row->gap_count));
	} else {
		assert(row->sender.text[0] != 0);
		assert(row->text_bytes >= 1);
		assert(row->text_bytes <= TEXT_BYTES_MAX);
		sql_bind_blob(statement, 5, row->text, row->text_bytes);
	}
	if (!row->is_gap || memcmp(&row->id, &no_id, sizeof no_id) != 0)
		sql_bind_blob(statement, 3, row->id.bytes, ID_BYTES);
	err = client_store_run(store, statement);
	if (err != MMS_OK)
		return err;
	*is_new = sqlite3_changes(store->sql.db) > 0;
	return *is_new ? forget(store, TRANSCRIPT_FORGET, TRANSCRIPT_ROWS_MAX) : MMS_OK;
}

static enum mms_err get_mark(void *context, struct storage_mark *mark)
{
	struct client_store *store = context;
	sqlite3_stmt *statement = store->statement[MARK_GET];
	struct storage_mark found = {0};
	enum mms_err err = sql_row(&store->sql, statement);
	if (err == MMS_E_MISSING) {
		*mark = found;
		return MMS_OK;
	}
	if (err != MMS_OK)
		return err;
	if (sql_read_blob(statement, 0, found.start_id, sizeof found.start_id) &&
	    sql_read_number(statement, 1, &found.commit))
		*mark = found;
	else
		err = sql_damaged(&store->sql, "its mark is malformed");
	sql_reset(statement);
	return err;
}

static enum mms_err set_mark(void *context, const struct storage_mark *mark)
{
	struct client_store *store = context;
	sqlite3_stmt *statement = store->statement[MARK_SET];
	const enum mms_err err = client_store_write(store);
	if (err != MMS_OK)
		return err;
	sql_bind_blob(statement, 1, mark->start_id, sizeof mark->start_id);
	sql_bind_number(statement, 2, clamp(mark->commit));
	return client_store_run(store, statement);
}

static enum mms_err reoffer(void *context)
{
	struct client_store *store = context;
	const enum mms_err err = client_store_write(store);
	return err == MMS_OK ? client_store_run(store, store->statement[OUTBOX_REOFFER]) : err;
}

static enum mms_err count_unshown(void *context, uint64_t *count)
{
	return client_store_number(context, TRANSCRIPT_COUNT, count);
}

static enum mms_err commit(void *context)
{
	return client_store_commit(context);
}

struct client_storage client_store_storage(struct client_store *store)
{
	return (struct client_storage){
		.context = store,
		.outbox_next = next_queued,
		.outbox_verdict = put_verdict,
		.transcript_put = put_transcript,
		.mark_get = get_mark,
		.mark_set = set_mark,
		.outbox_reoffer = reoffer,
		.unshown_count = count_unshown,
		.commit = commit,
	};
}
