// SPDX-License-Identifier: ISC
// A profile's database: opening, identity, and what commands ask of outbox and transcript; the contract is in
// client_store.h. What the device orders is in client_store_append.c.
#include "store/client_store.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "store/client_store_inside.h"

// Reads one number with a statement whose parameters are bound.
static enum mms_err read_number(struct client_store *store, enum client_statement which, uint64_t *value)
{
	sqlite3_stmt *statement = store->statement[which];
	enum mms_err err = sql_row(&store->sql, statement);
	if (err == MMS_E_MISSING || (err == MMS_OK && !sql_read_number(statement, 0, value)))
		err = sql_damaged(&store->sql, "it cannot be counted");
	sql_reset(statement);
	return err;
}

enum mms_err client_store_open(const char *path, struct client_store **store, struct reason *why)
{
	struct client_store *opened = calloc(1, sizeof *opened);
	enum mms_err err;
	*store = NULL;
	if (opened == NULL) {
		snprintf(why->text, sizeof why->text,
			 "cannot open the client database %s: out of memory; stop other programs", path);
		return MMS_E_IO;
	}
	err = sql_open(&opened->sql, path, &client_schema_kind, SQL_READ_WRITE);
	if (err == MMS_OK)
		err = sql_prepare(&opened->sql, client_schema_statement, CLIENT_STATEMENT_COUNT, opened->statement);
	if (err == MMS_OK)
		err = read_number(opened, DATA_VERSION, &opened->data_version);
	if (err == MMS_OK) {
		*store = opened;
	} else {
		*why = opened->sql.reason;
		client_store_close(opened);
	}
	return err;
}

void client_store_close(struct client_store *store)
{
	if (store == NULL)
		return;
	sql_finalize(store->statement, CLIENT_STATEMENT_COUNT);
	sql_close(&store->sql);
	free(store);
}

const struct reason *client_store_reason(const struct client_store *store)
{
	return &store->sql.reason;
}

// --- identity ---

enum mms_err client_store_identity_create(struct client_store *store, const struct client_store_identity *identity)
{
	sqlite3_stmt *statement = store->statement[IDENTITY_PUT];
	enum mms_err err = sql_begin(&store->sql);
	if (err == MMS_OK) {
		sql_bind_blob(statement, 1, identity->static_secret, STORAGE_KEY_BYTES);
		sql_bind_blob(statement, 2, identity->public_key, STORAGE_KEY_BYTES);
		sql_bind_blob(statement, 3, identity->server_key, STORAGE_KEY_BYTES);
		sql_bind_name(statement, 4, &identity->user);
		err = sql_run(&store->sql, statement);
	}
	return sql_end(&store->sql, err);
}

enum mms_err client_store_identity_get(struct client_store *store, struct client_store_identity *identity)
{
	sqlite3_stmt *statement = store->statement[IDENTITY_GET];
	struct client_store_identity found = {0};
	uint64_t has_signed_in = 0;
	enum mms_err err = sql_row(&store->sql, statement);
	if (err != MMS_OK)
		return err;
	if (sql_read_blob(statement, 0, found.static_secret, STORAGE_KEY_BYTES) &&
	    sql_read_blob(statement, 1, found.public_key, STORAGE_KEY_BYTES) &&
	    sql_read_blob(statement, 2, found.server_key, STORAGE_KEY_BYTES) &&
	    sql_read_name(statement, 3, &found.user) && sql_read_number(statement, 4, &has_signed_in)) {
		found.has_signed_in = has_signed_in != 0;
		*identity = found;
	} else {
		err = sql_damaged(&store->sql, "its identity is malformed");
	}
	sql_reset(statement);
	client_store_identity_clear(&found);
	return err;
}

void client_store_identity_clear(struct client_store_identity *identity)
{
	explicit_bzero(identity, sizeof *identity); // static_secret
}

enum mms_err client_store_signed_in_set(struct client_store *store, const struct name *user)
{
	sqlite3_stmt *statement = store->statement[IDENTITY_SIGNED_IN];
	enum mms_err err = sql_begin(&store->sql);
	if (err == MMS_OK) {
		sql_bind_name(statement, 1, user);
		err = sql_run(&store->sql, statement);
		if (err == MMS_OK && sqlite3_changes(store->sql.db) == 0)
			err = MMS_E_MISSING;
	}
	return sql_end(&store->sql, err);
}

enum mms_err client_store_signed_in_get(struct client_store *store, bool *has_signed_in, struct name *user)
{
	struct client_store_identity identity = {0};
	const enum mms_err err = client_store_identity_get(store, &identity);
	if (err != MMS_OK)
		return err;
	*has_signed_in = identity.has_signed_in;
	*user = identity.user;
	client_store_identity_clear(&identity);
	return MMS_OK;
}

enum mms_err client_store_replaced_get(struct client_store *store, uint64_t *count)
{
	return read_number(store, REPLACED_GET, count);
}

enum mms_err client_store_replaced_add(struct client_store *store)
{
	enum mms_err err = sql_begin(&store->sql);
	if (err == MMS_OK)
		err = sql_run(&store->sql, store->statement[REPLACED_MORE]);
	return sql_end(&store->sql, err);
}

// --- outbox ---

// `to` has room for the recipient; it and the wish stay until the statement has run.
static void bind_wish(sqlite3_stmt *statement, const struct outbox_row *wish, uint8_t to[MESSAGE_TO_BYTES_MAX], struct wtime now)
{
	const size_t to_bytes = message_to_write(&wish->to, to);
	sqlite3_clear_bindings(statement);
	sql_bind_blob(statement, 1, wish->id.bytes, ID_BYTES);
	if (to_bytes > 0)
		sql_bind_blob(statement, 2, to, to_bytes);
	if (wish->what == OUTBOX_MESSAGE)
		sql_bind_blob(statement, 3, wish->text, wish->text_bytes);
	sql_bind_int(statement, 4, now.ms);
	sql_bind_int(statement, 5, wish->what);
	sql_bind_int(statement, 6, wish->flags);
	sql_bind_name(statement, 7, &wish->other);
	if (wish->what >= OUTBOX_DEVICE_NAME)
		sql_bind_blob(statement, 8, wish->fingerprint.bytes, FINGERPRINT_BYTES);
}

enum mms_err client_store_outbox_add(struct client_store *store, const struct outbox_row *wish, struct wtime now)
{
	sqlite3_stmt *statement = store->statement[OUTBOX_PUT];
	uint64_t count = 0;
	assert(wish->what >= OUTBOX_MESSAGE && wish->what <= OUTBOX_DEVICE_REMOVE);
	assert(wish->what != OUTBOX_MESSAGE || utf8_is_message(wish->text, wish->text_bytes));
	enum mms_err err = sql_begin(&store->sql);
	if (err == MMS_OK)
		err = client_store_outbox_queued_count(store, &count);
	if (err == MMS_OK && count >= OUTBOX_ROWS_MAX) {
		snprintf(store->sql.reason.text, sizeof store->sql.reason.text,
			 "%d messages wait in the client database %s already; connect to the server so that they "
			 "can go",
			 OUTBOX_ROWS_MAX, store->sql.path);
		err = MMS_E_FULL;
	}
	if (err == MMS_OK) {
		uint8_t to[MESSAGE_TO_BYTES_MAX];
		bind_wish(statement, wish, to, now);
		err = sql_run(&store->sql, statement);
	}
	if (err == MMS_OK)
		err = sql_run(&store->sql, store->statement[WAITING_MORE]);
	return sql_end(&store->sql, err);
}

enum mms_err client_store_outbox_find(struct client_store *store, const struct uuid *id, enum outbox_state *state,
				      uint8_t *status)
{
	sqlite3_stmt *statement = store->statement[OUTBOX_FIND];
	uint64_t found_state = 0;
	uint64_t found_status = 0;
	sql_bind_blob(statement, 1, id->bytes, ID_BYTES);
	enum mms_err err = sql_row(&store->sql, statement);
	if (err != MMS_OK)
		return err;
	if (sql_read_number(statement, 0, &found_state) && sql_read_number(statement, 1, &found_status) &&
	    found_state >= OUTBOX_QUEUED && found_state <= OUTBOX_REFUSED && found_status <= UINT8_MAX) {
		*state = (enum outbox_state)found_state;
		*status = (uint8_t)found_status;
	} else {
		err = sql_damaged(&store->sql, "the verdict on a message is malformed");
	}
	sql_reset(statement);
	return err;
}

enum mms_err client_store_outbox_queued_count(struct client_store *store, uint64_t *count)
{
	return read_number(store, WAITING_GET, count);
}

enum mms_err client_store_end_waiting(struct client_store *store, enum client_statement which, bool *has_changed)
{
	enum mms_err err = sql_run(&store->sql, store->statement[which]);
	*has_changed = err == MMS_OK && sqlite3_changes(store->sql.db) > 0;
	return *has_changed ? sql_run(&store->sql, store->statement[WAITING_LESS]) : err;
}

enum mms_err client_store_outbox_withdraw(struct client_store *store, const struct uuid *id)
{
	bool has_changed = false;
	enum mms_err err = sql_begin(&store->sql);
	if (err == MMS_OK) {
		sql_bind_blob(store->statement[OUTBOX_WITHDRAW], 1, id->bytes, ID_BYTES);
		err = client_store_end_waiting(store, OUTBOX_WITHDRAW, &has_changed);
	}
	if (err == MMS_OK && !has_changed)
		err = MMS_E_MISSING;
	return sql_end(&store->sql, err);
}

// --- transcript ---

enum mms_err client_store_transcript_last(struct client_store *store, uint64_t *seq)
{
	return read_number(store, TRANSCRIPT_LAST, seq);
}

// Numbers that SQLite cannot hold stand for the greatest one it can.
static void bind_range(sqlite3_stmt *statement, const struct transcript_range *range)
{
	sql_bind_number(statement, 1, range->after_seq < INT64_MAX ? range->after_seq : INT64_MAX);
	sql_bind_number(statement, 2, range->until_seq < INT64_MAX ? range->until_seq : INT64_MAX);
}

enum mms_err client_store_transcript_waiting(struct client_store *store, const struct transcript_range *range, uint64_t *count)
{
	const enum client_statement which = range->is_unshown ? TRANSCRIPT_WAITING_UNSHOWN : TRANSCRIPT_WAITING;
	bind_range(store->statement[which], range);
	return read_number(store, which, count);
}

static bool read_byte(sqlite3_stmt *statement, int column, uint8_t *value)
{
	uint64_t number;
	if (!sql_read_number(statement, column, &number) || number > UINT8_MAX)
		return false;
	*value = (uint8_t)number;
	return true;
}

// The empty one stands as nothing.
static bool read_conversation(sqlite3_stmt *statement, int column, struct message_to *to)
{
	uint8_t text[MESSAGE_TO_BYTES_MAX];
	uint16_t bytes;
	return sqlite3_column_type(statement, column) == SQLITE_NULL ||
	       (sql_read_text(statement, column, text, sizeof text, &bytes) && message_to_parse(to, text, bytes));
}

// Where a message was said, or what a gap is of.
static bool read_place(sqlite3_stmt *statement, struct transcript_row *row)
{
	return sql_read_number(statement, 9, &row->room_row) && read_conversation(statement, 10, &row->conversation);
}

// Whose it is: nobody's only where the server did something, or where it is none of this version's.
static bool read_sender(sqlite3_stmt *statement, int column, struct transcript_row *row)
{
	return (row->kind != MESSAGE_WRITTEN && sqlite3_column_bytes(statement, column) == 0) ||
	       sql_read_name(statement, column, &row->sender);
}

static bool read_message(struct client_store *store, sqlite3_stmt *statement, struct transcript_row *row)
{
	uint8_t flags = 0;
	if (!read_byte(statement, 6, &row->kind) || !read_byte(statement, 7, &row->form) || !read_byte(statement, 8, &flags) ||
	    !read_place(statement, row) ||
	    !read_sender(statement, 2, row) ||
	    !sql_read_text(statement, 5, store->text, sizeof store->text, &row->text_bytes))
		return false;
	row->is_own = (flags & TRANSCRIPT_OWN) != 0;
	row->is_history = (flags & TRANSCRIPT_HISTORY) != 0;
	row->is_from_here = (flags & TRANSCRIPT_FROM_HERE) != 0;
	row->text = store->text;
	return row->form != MESSAGE_UTF8 || utf8_is_message(row->text, row->text_bytes);
}

// Reads an entry, or finds that it is a gap.
static bool read_entry(struct client_store *store, sqlite3_stmt *statement, struct transcript_row *row)
{
	if (!sql_read_number(statement, 0, &row->seq) || !sql_read_number(statement, 1, &row->gap_count) ||
	    !sql_read_blob(statement, 3, row->id.bytes, ID_BYTES))
		return false;
	row->is_gap = sqlite3_column_type(statement, 5) == SQLITE_NULL;
	row->accepted_at.ms = sqlite3_column_int64(statement, 4);
	if (sqlite3_column_type(statement, 11) != SQLITE_NULL && !sql_read_blob(statement, 11, row->room_id.bytes, ROOM_ID_BYTES))
		return false;
	return row->is_gap ? row->gap_count > 0 && read_place(statement, row) : read_message(store, statement, row);
}

enum mms_err client_store_transcript_next(struct client_store *store, const struct transcript_range *range,
					  struct transcript_row *row)
{
	sqlite3_stmt *statement = store->statement[range->is_unshown ? TRANSCRIPT_NEXT_UNSHOWN : TRANSCRIPT_NEXT];
	struct transcript_row found = {0};
	bind_range(statement, range);
	enum mms_err err = sql_row(&store->sql, statement);
	if (err != MMS_OK)
		return err;
	// An entry not behind the one before: a damaged index leads back, and whoever reads on would never come to an end.
	if (read_entry(store, statement, &found) && found.seq > range->after_seq)
		*row = found;
	else
		err = sql_damaged(&store->sql, "an entry of its transcript is malformed");
	sql_reset(statement);
	return err;
}

enum mms_err client_store_transcript_mark_shown(struct client_store *store, const struct transcript_range *range)
{
	sqlite3_stmt *statement = store->statement[TRANSCRIPT_SHOWN];
	enum mms_err err = sql_begin(&store->sql);
	if (err == MMS_OK) {
		bind_range(statement, range);
		err = sql_run(&store->sql, statement);
	}
	return sql_end(&store->sql, err);
}

enum mms_err client_store_changed(struct client_store *store, bool *has_changed)
{
	uint64_t version = 0;
	const enum mms_err err = read_number(store, DATA_VERSION, &version);
	if (err != MMS_OK)
		return err;
	*has_changed = version != store->data_version;
	store->data_version = version;
	return MMS_OK;
}
