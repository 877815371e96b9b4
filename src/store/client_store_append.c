// SPDX-License-Identifier: ISC
// What a device orders of its database: batches and questions; the contract is in client_store.h.
#include <assert.h>
#include <string.h>

#include "base/utf8.h"
#include "store/client_store_inside.h"

// --- batches ---

// Removes what is there beyond so many rows; one row in, at most two out, so that it never takes long.
static enum mms_err forget(struct client_store *store, enum client_statement which, int64_t rows_max)
{
	sql_bind_int(store->statement[which], 1, rows_max);
	return sql_run(&store->sql, store->statement[which]);
}

// Numbers from the server that SQLite cannot hold: no honest server counts so far.
static uint64_t clamp(uint64_t number)
{
	return number < INT64_MAX ? number : INT64_MAX;
}

static bool is_stamped(const struct storage_mark *stamp)
{
	static const struct storage_mark none;
	return memcmp(stamp->start_id, none.start_id, sizeof none.start_id) != 0;
}

// The first acceptance of a change says where it stands among all.
static enum mms_err put_stamp(struct client_store *store, const struct client_op *op)
{
	sqlite3_stmt *statement = store->statement[OUTBOX_STAMP];
	sql_bind_blob(statement, 1, op->id.bytes, ID_BYTES);
	sql_bind_blob(statement, 2, op->verdict.stamp.start_id, STORAGE_START_ID_BYTES);
	sql_bind_number(statement, 3, clamp(op->verdict.stamp.commit));
	return sql_run(&store->sql, statement);
}

static enum mms_err put_verdict(struct client_store *store, const struct client_op *op, enum client_result *result)
{
	sqlite3_stmt *statement = store->statement[OUTBOX_VERDICT];
	assert(op->verdict.state != OUTBOX_QUEUED);
	assert(op->verdict.status == 0 || op->verdict.state == OUTBOX_REFUSED);
	sql_bind_blob(statement, 1, op->id.bytes, ID_BYTES);
	sql_bind_int(statement, 2, (int64_t)op->verdict.state);
	sql_bind_int(statement, 3, op->verdict.status);
	bool has_changed = false;
	enum mms_err err = client_store_end_waiting(store, OUTBOX_VERDICT, &has_changed);
	if (err == MMS_OK && !has_changed) { // it has one, and was offered again
		sql_bind_blob(store->statement[OUTBOX_OFFERED], 1, op->id.bytes, ID_BYTES);
		err = sql_run(&store->sql, store->statement[OUTBOX_OFFERED]);
		has_changed = err == MMS_OK && sqlite3_changes(store->sql.db) > 0;
	}
	if (err != MMS_OK)
		return err;
	*result = has_changed ? CLIENT_RESULT_DONE : CLIENT_RESULT_MISSING;
	if (has_changed && is_stamped(&op->verdict.stamp))
		err = put_stamp(store, op);
	if (err != MMS_OK)
		return err;
	return forget(store, OUTBOX_FORGET, OUTBOX_DONE_MAX);
}

// An entry that was there may have another row by now, after a restore of the server's store.
static enum mms_err place_again(struct client_store *store, const struct client_op *op)
{
	sqlite3_stmt *statement = store->statement[TRANSCRIPT_PLACE];
	sql_bind_name(statement, 1, &op->put.sender);
	sql_bind_blob(statement, 2, op->id.bytes, ID_BYTES);
	sql_bind_number(statement, 3, clamp(op->put.room_row));
	sql_bind_blob(statement, 4, op->put.room_id.bytes, ROOM_ID_BYTES);
	return sql_run(&store->sql, statement);
}

static enum mms_err put_entry(struct client_store *store, const struct client_batch *batch, const struct client_op *op,
			      enum client_result *result)
{
	sqlite3_stmt *statement = store->statement[TRANSCRIPT_PUT];
	const struct client_op_put *put = &op->put;
	uint8_t conversation[MESSAGE_TO_BYTES_MAX];
	assert(put->is_gap == (put->gap_count > 0));
	assert(put->text_offset + put->text_bytes <= batch->text_bytes);
	sqlite3_clear_bindings(statement);
	sql_bind_number(statement, 1, clamp(put->gap_count));
	sql_bind_name(statement, 2, &put->sender);
	sql_bind_blob(statement, 3, op->id.bytes, ID_BYTES);
	sql_bind_int(statement, 4, put->accepted_at.ms);
	sql_bind_int(statement, 6, put->kind);
	sql_bind_int(statement, 7, put->form);
	sql_bind_int(statement, 8, (put->is_own ? TRANSCRIPT_OWN : 0) | (put->is_history ? TRANSCRIPT_HISTORY : 0));
	sql_bind_number(statement, 9, clamp(put->room_row));
	const size_t conversation_bytes = message_to_write(&put->conversation, conversation);
	if (conversation_bytes > 0)
		sql_bind_blob(statement, 10, conversation, conversation_bytes);
	if (!put->is_gap)
		sql_bind_blob(statement, 5, batch->text + put->text_offset, put->text_bytes);
	if (room_id_is_set(&put->room_id))
		sql_bind_blob(statement, 11, put->room_id.bytes, ROOM_ID_BYTES);
	bool is_apart = false;
	enum mms_err err = MMS_OK;
	if (room_id_is_set(&put->room_id))
		err = client_store_room_rows(store, &op->id, put, &is_apart);
	if (err == MMS_OK)
		err = sql_run(&store->sql, statement);
	if (err != MMS_OK)
		return err;
	const bool is_new = sqlite3_changes(store->sql.db) > 0;
	*result = !is_new ? CLIENT_RESULT_REPEAT : is_apart ? CLIENT_RESULT_APART : CLIENT_RESULT_NEW;
	if (!is_new && room_id_is_set(&put->room_id) && !put->is_gap)
		err = place_again(store, op);
	if (err == MMS_OK && is_new)
		err = forget(store, TRANSCRIPT_FORGET, TRANSCRIPT_ROWS_MAX);
	return err;
}

static enum mms_err get_mark(struct client_store *store, struct storage_mark *mark)
{
	sqlite3_stmt *statement = store->statement[MARK_GET];
	enum mms_err err = sql_row(&store->sql, statement);
	*mark = (struct storage_mark){0};
	if (err == MMS_E_MISSING)
		return MMS_OK;
	if (err != MMS_OK)
		return err;
	if (!sql_read_blob(statement, 0, mark->start_id, sizeof mark->start_id) ||
	    !sql_read_number(statement, 1, &mark->commit))
		err = sql_damaged(&store->sql, "its mark is malformed");
	sql_reset(statement);
	return err;
}

static enum mms_err set_mark(struct client_store *store, const struct storage_mark *mark)
{
	sqlite3_stmt *statement = store->statement[MARK_SET];
	sql_bind_blob(statement, 1, mark->start_id, sizeof mark->start_id);
	sql_bind_number(statement, 2, clamp(mark->commit));
	return sql_run(&store->sql, statement);
}

static enum mms_err put_mark(struct client_store *store, const struct client_op_mark *op, enum client_result *result)
{
	struct storage_mark kept;
	enum mms_err err = get_mark(store, &kept);
	if (err != MMS_OK)
		return err;
	const bool is_reoffer = client_op_mark_reoffers(op, &kept);
	*result = is_reoffer ? CLIENT_RESULT_REOFFER : CLIENT_RESULT_DONE;
	if (is_reoffer)
		err = sql_run(&store->sql, store->statement[OUTBOX_REOFFER]);
	if (err == MMS_OK && (is_reoffer || op->is_acceptance))
		err = set_mark(store, &op->mark);
	return err;
}

static enum mms_err carry_out(struct client_store *store, const struct client_batch *batch, const struct client_op *op,
			      enum client_result *result)
{
	switch (op->kind) {
	case CLIENT_OP_PUT:
		return put_entry(store, batch, op, result);
	case CLIENT_OP_VERDICT:
		return put_verdict(store, op, result);
	case CLIENT_OP_MARK:
		return put_mark(store, &op->mark, result);
	case CLIENT_OP_ROOMS_BEGIN:
		*result = CLIENT_RESULT_DONE;
		return sql_run(&store->sql, store->statement[CLIENT_ROOMS_BEGIN]);
	case CLIENT_OP_ROOM:
		*result = CLIENT_RESULT_DONE;
		return client_store_room_put(store, &op->room);
	case CLIENT_OP_ROOMS_END:
		*result = CLIENT_RESULT_DONE;
		return sql_run(&store->sql, store->statement[CLIENT_ROOMS_END]);
	}
	assert(false);
	return MMS_E_BAD;
}

void client_store_append(struct client_store *store, const struct client_batch *batch, struct client_appended *appended)
{
	assert(batch->op_count >= 1 && batch->op_count <= CLIENT_BATCH_OPS_MAX);
	appended->number = batch->number;
	appended->err = sql_begin(&store->sql);
	if (appended->err != MMS_OK)
		return;
	for (uint32_t i = 0; i < batch->op_count && appended->err == MMS_OK; i++)
		appended->err = carry_out(store, batch, &batch->op[i], &appended->result[i]);
	appended->err = sql_end(&store->sql, appended->err);
}

// --- questions ---

// What is not there stands as nothing.
static bool read_optional(sqlite3_stmt *statement, int column, uint8_t *target, size_t bytes)
{
	return sqlite3_column_type(statement, column) == SQLITE_NULL || sql_read_blob(statement, column, target, bytes);
}

static bool read_wish(sqlite3_stmt *statement, struct outbox_row *row)
{
	uint64_t what = 0;
	uint64_t flags = 0;
	uint8_t to[MESSAGE_TO_BYTES_MAX];
	uint16_t to_bytes;
	if (!sql_read_number(statement, 5, &what) || what < OUTBOX_MESSAGE || what > OUTBOX_DEVICE_REMOVE ||
	    !sql_read_number(statement, 6, &flags) || flags > UINT8_MAX ||
	    !read_optional(statement, 8, row->fingerprint.bytes, FINGERPRINT_BYTES) ||
	    !read_optional(statement, 9, row->stamp.start_id, STORAGE_START_ID_BYTES) ||
	    !sql_read_number(statement, 10, &row->stamp.commit))
		return false;
	row->what = (uint8_t)what;
	row->flags = (uint8_t)flags;
	if (sqlite3_column_type(statement, 2) != SQLITE_NULL &&
	    (!sql_read_text(statement, 2, to, sizeof to, &to_bytes) || !message_to_parse(&row->to, to, to_bytes)))
		return false;
	return sqlite3_column_bytes(statement, 7) == 0 || sql_read_name(statement, 7, &row->other);
}

static bool read_queued(sqlite3_stmt *statement, struct outbox_row *row, uint8_t text[TEXT_BYTES_MAX])
{
	uint64_t state = 0;
	*row = (struct outbox_row){.text = text};
	if (!sql_read_number(statement, 0, &row->seq) || !sql_read_blob(statement, 1, row->id.bytes, ID_BYTES) ||
	    !sql_read_number(statement, 4, &state) || !read_wish(statement, row))
		return false;
	row->is_reoffer = state != OUTBOX_QUEUED;
	if (row->what != OUTBOX_MESSAGE)
		return row->to.name.text[0] != 0 || row->what >= OUTBOX_DEVICE_NAME;
	return row->to.name.text[0] != 0 && sql_read_text(statement, 3, text, TEXT_BYTES_MAX, &row->text_bytes) &&
	       utf8_is_message(text, row->text_bytes);
}

static enum mms_err read_page(struct client_store *store, const struct client_question *question, struct client_answer *answer)
{
	sqlite3_stmt *statement = store->statement[OUTBOX_PAGE];
	uint64_t last_seq = question->after_seq;
	enum mms_err err = MMS_OK;
	assert(question->rows_max >= 1 && question->rows_max <= CLIENT_PAGE_ROWS_MAX);
	sql_bind_number(statement, 1, question->after_seq);
	sql_bind_int(statement, 2, question->rows_max);
	while (answer->row_count < question->rows_max && (err = sql_row(&store->sql, statement)) == MMS_OK) {
		struct outbox_row *row = &answer->row[answer->row_count];
		// A message not behind the one before: a damaged index leads back, and whoever reads on would never come to an end.
		if (!read_queued(statement, row, answer->text[answer->row_count]) || row->seq <= last_seq)
			err = sql_damaged(&store->sql, "a message of its outbox is malformed");
		if (err != MMS_OK)
			break;
		last_seq = row->seq;
		answer->row_count++;
	}
	sql_reset(statement);
	return err == MMS_E_MISSING ? MMS_OK : err;
}

void client_store_answer(struct client_store *store, const struct client_question *question, struct client_answer *answer)
{
	answer->number = question->number;
	answer->row_count = 0;
	if (question->kind == CLIENT_ASK_MARK)
		answer->err = get_mark(store, &answer->mark);
	else if (question->kind == CLIENT_ASK_HOLE)
		answer->err = client_store_room_hole(store, &question->after_room, &answer->hole);
	else
		answer->err = read_page(store, question, answer);
}
