// SPDX-License-Identifier: ISC
// What a mailbox holds, counted as it changes, so that nobody has to count what is stored; and the removal of what all devices
// have. Mailboxes are kept in memory and written once a transaction. The contract is in server_store_inside.h; what is counted, in
// server_schema.c, table mailbox.
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "store/server_store_rooms.h"

// The quota of what no device has fits; and a mailbox becomes smaller, whatever goes for a row that comes.
static_assert(MAILBOX_BYTES_MAX + MAILBOX_ROWS_MAX * MAILBOX_ROW_BYTES <= MAILBOX_HELD_BYTES_MAX, "one bound for all");
static_assert(MAILBOX_SHED_ROWS_MAX * (MAILBOX_ROW_BYTES + 1) > MAILBOX_ROW_BYTES + TEXT_BYTES_MAX, "it shrinks");

static bool read_more(sqlite3_stmt *statement, int column, struct server_mailbox *mailbox)
{
	return sql_read_number(statement, column, &mailbox->put_silent) &&
	       sql_read_number(statement, column + 1, &mailbox->held_silent) &&
	       sql_read_number(statement, column + 2, &mailbox->fresh_silent) &&
	       sql_read_number(statement, column + 3, &mailbox->taken_at) &&
	       sql_read_number(statement, column + 4, &mailbox->blocked_count);
}

static enum mms_err read_mailbox(struct server_store *store, struct server_mailbox *mailbox)
{
	sqlite3_stmt *statement = store->statement[MAILBOX_GET];
	uint64_t *numbers[] = {&mailbox->put_rows,   &mailbox->put_bytes,   &mailbox->held_rows,
			       &mailbox->held_bytes, &mailbox->fresh_rows,  &mailbox->fresh_bytes,
			       &mailbox->row_last,   &mailbox->taken_row,   &mailbox->purge_row};
	enum { NUMBERS = sizeof numbers / sizeof *numbers };
	sql_bind_int(statement, 1, mailbox->user_id);
	enum mms_err err = sql_row(&store->sql, statement);
	if (err != MMS_OK)
		return err;
	for (int i = 0; i < NUMBERS && err == MMS_OK; i++)
		if (!sql_read_number(statement, i, numbers[i]))
			err = sql_damaged(&store->sql, "a mailbox is malformed");
	mailbox->is_by_sender = sqlite3_column_int(statement, NUMBERS) != 0;
	mailbox->is_stored = true;
	mailbox->has_more = sqlite3_column_type(statement, NUMBERS + 1) != SQLITE_NULL;
	if (err == MMS_OK && mailbox->has_more && !read_more(statement, NUMBERS + 1, mailbox))
		err = sql_damaged(&store->sql, "a mailbox is malformed");
	sql_reset(statement);
	return err;
}

// Whether there is such a user; asked once for a mailbox that never had a message.
static enum mms_err find_user(struct server_store *store, int64_t user_id)
{
	sqlite3_stmt *statement = store->statement[USER_EXISTS];
	sql_bind_int(statement, 1, user_id);
	const enum mms_err err = sql_row(&store->sql, statement);
	sql_reset(statement);
	return err;
}

static enum mms_err write_more(struct server_store *store, struct server_mailbox *mailbox)
{
	sqlite3_stmt *statement = store->statement[MORE_SET];
	sql_bind_int(statement, 1, mailbox->user_id);
	sql_bind_number(statement, 2, mailbox->put_silent);
	sql_bind_number(statement, 3, mailbox->held_silent);
	sql_bind_number(statement, 4, mailbox->fresh_silent);
	sql_bind_number(statement, 5, mailbox->taken_at);
	sql_bind_number(statement, 6, mailbox->blocked_count);
	mailbox->is_more_dirty = false;
	return sql_run(&store->sql, statement);
}

// Writes one back that changed.
static enum mms_err write_mailbox(struct server_store *store, struct server_mailbox *mailbox)
{
	if (!mailbox->is_dirty)
		return MMS_OK;
	const uint64_t numbers[] = {mailbox->put_rows,   mailbox->put_bytes,  mailbox->held_rows, mailbox->held_bytes,
				    mailbox->fresh_rows, mailbox->fresh_bytes, mailbox->row_last,  mailbox->taken_row,
				    mailbox->purge_row,  mailbox->is_by_sender};
	enum { NUMBERS = sizeof numbers / sizeof *numbers };
	sqlite3_stmt *statement = store->statement[mailbox->is_stored ? MAILBOX_SET : MAILBOX_PUT];
	for (int i = 0; i < NUMBERS; i++)
		sql_bind_number(statement, i + 1, numbers[i]);
	sql_bind_int(statement, NUMBERS + 1, mailbox->user_id);
	const enum mms_err err = sql_run(&store->sql, statement);
	mailbox->is_stored = true;
	mailbox->is_dirty = false;
	return err == MMS_OK && mailbox->is_more_dirty ? write_more(store, mailbox) : err;
}

static struct server_mailbox *place_of(struct server_store *store, int64_t user_id)
{
	return &store->mailbox[(uint64_t)user_id % SERVER_MAILBOXES];
}

// The place goes to another mailbox.
static enum mms_err take_place(struct server_store *store, struct server_mailbox *place, int64_t user_id)
{
	struct server_mailbox found = {.user_id = user_id};
	enum mms_err err = read_mailbox(store, &found);
	if (err == MMS_E_MISSING)
		err = find_user(store, user_id);
	if (err == MMS_OK)
		err = write_mailbox(store, place);
	if (err != MMS_OK)
		return err;
	found.is_listed = place->is_listed;
	found.dirty_next = place->dirty_next;
	*place = found;
	return MMS_OK;
}

enum mms_err server_store_mailbox(struct server_store *store, int64_t user_id, struct server_mailbox **mailbox)
{
	struct server_mailbox *place = place_of(store, user_id);
	assert(user_id > 0);
	const enum mms_err err = place->user_id == user_id ? MMS_OK : take_place(store, place, user_id);
	*mailbox = place;
	return err == MMS_OK && place->purge_row == SERVER_ABANDONED ? MMS_E_MISSING : err;
}

void server_store_changed(struct server_store *store, struct server_mailbox *mailbox)
{
	mailbox->is_dirty = true;
	if (mailbox->is_listed)
		return;
	mailbox->is_listed = true;
	mailbox->dirty_next = store->dirty_first;
	store->dirty_first = (uint32_t)(mailbox - store->mailbox) + 1;
}

void server_store_more_changed(struct server_store *store, struct server_mailbox *mailbox)
{
	if (!mailbox->has_more)
		mailbox->taken_at = store->seconds_open; // from now on it is known
	mailbox->has_more = true;
	mailbox->is_more_dirty = true;
	server_store_changed(store, mailbox);
}

void server_store_note_taken(struct server_store *store, struct server_mailbox *mailbox)
{
	enum { STEP_S = 24 * 60 * 60 }; // so that it is seldom written
	if (!mailbox->has_more || store->seconds_open - mailbox->taken_at < STEP_S)
		return;
	server_store_more_changed(store, mailbox);
	mailbox->taken_at = store->seconds_open;
}

void server_store_mailbox_gone(struct server_store *store, int64_t user_id)
{
	struct server_mailbox *place = place_of(store, user_id);
	if (place->user_id != user_id)
		return;
	place->user_id = 0;
	place->is_dirty = false;
}

// --- bodies go ---

static int compare_numbers(const void *a, const void *b)
{
	const uint64_t left = *(const uint64_t *)a;
	const uint64_t right = *(const uint64_t *)b;
	return (left > right) - (left < right);
}

static enum mms_err remove_run(struct server_store *store, uint64_t first, uint64_t last)
{
	const bool is_one = first == last && !store->has_own;
	sqlite3_stmt *statement = store->statement[store->has_own ? BODIES_REMOVE_FREE : is_one ? BODY_REMOVE : BODIES_REMOVE];
	sql_bind_number(statement, 1, first);
	if (!is_one)
		sql_bind_number(statement, 2, last);
	return sql_run(&store->sql, statement);
}

// In runs of numbers: what came together mostly goes together, whosever it is, and a statement costs more than a row.
static enum mms_err remove_gone(struct server_store *store)
{
	const uint64_t *gone = store->gone;
	enum mms_err err = MMS_OK;
	qsort(store->gone, store->gone_count, sizeof *gone, compare_numbers);
	for (uint32_t first = 0, next; first < store->gone_count && err == MMS_OK; first = next) {
		for (next = first + 1; next < store->gone_count && gone[next] - gone[next - 1] <= 1; next++)
			;
		err = remove_run(store, gone[first], gone[next - 1]);
	}
	store->gone_count = 0;
	return err;
}

enum mms_err server_store_body_gone(struct server_store *store, uint64_t body_no)
{
	const enum mms_err err = store->gone_count == SERVER_GONE_MAX ? remove_gone(store) : MMS_OK;
	store->gone[store->gone_count++] = body_no;
	return err;
}

// Whether refs of the user may be of rooms; not who was in none, as far as memory knows.
static bool may_have_rooms(struct server_store *store, int64_t user_id)
{
	const struct server_mailbox *place = place_of(store, user_id);
	return place->user_id != user_id || place->has_more;
}

// The body of a ref goes; one that is a room's when nothing else holds it.
static enum mms_err remove_body(struct server_store *store, uint64_t row, bool may_be_of_room)
{
	bool is_of_room = false;
	const enum mms_err err = may_be_of_room ? server_store_line_release(store, row, &is_of_room) : MMS_OK;
	return err == MMS_OK && !is_of_room ? server_store_body_gone(store, row) : err;
}

// --- the end of a transaction ---

enum mms_err server_store_write(struct server_store *store)
{
	enum mms_err err = remove_gone(store);
	while (store->dirty_first != 0 && err == MMS_OK) {
		struct server_mailbox *mailbox = &store->mailbox[store->dirty_first - 1];
		err = write_mailbox(store, mailbox);
		mailbox->is_listed = false;
		store->dirty_first = mailbox->dirty_next;
	}
	return err == MMS_OK ? server_store_share_write(store) : err;
}

void server_store_forget(struct server_store *store)
{
	memset(store->mailbox, 0, sizeof store->mailbox);
	memset(store->share, 0, sizeof store->share);
	memset(store->tally, 0, sizeof store->tally);
	store->dirty_first = 0;
	store->gone_count = 0;
	store->row_next = store->commit_next;
	store->is_own_noted = false; // that it is may have been given up
}

enum mms_err server_store_count(struct server_store *store, int64_t user_id, uint64_t after, uint64_t upto,
				struct server_span *span)
{
	sqlite3_stmt *statement = store->statement[REFS_COUNT];
	sql_bind_int(statement, 1, user_id);
	sql_bind_number(statement, 2, after);
	sql_bind_number(statement, 3, upto);
	enum mms_err err = sql_row(&store->sql, statement);
	if (err == MMS_OK && (!sql_read_number(statement, 0, &span->rows) || !sql_read_number(statement, 1, &span->bytes)))
		err = sql_damaged(&store->sql, "a message's size is malformed");
	sql_reset(statement);
	return err;
}

// --- rows go ---

// Runs a statement on the rows of a user up to, or at, `row`.
static enum mms_err run_on(struct server_store *store, enum server_statement which, int64_t user_id, uint64_t row)
{
	sql_bind_int(store->statement[which], 1, user_id);
	sql_bind_number(store->statement[which], 2, row);
	return sql_run(&store->sql, store->statement[which]);
}

static enum mms_err remove_bodies(struct server_store *store, int64_t user_id, uint64_t row)
{
	sqlite3_stmt *statement = store->statement[REFS_UPTO];
	const bool may_be_of_room = may_have_rooms(store, user_id);
	enum mms_err err;
	sql_bind_int(statement, 1, user_id);
	sql_bind_number(statement, 2, row);
	while ((err = sql_row(&store->sql, statement)) == MMS_OK) {
		uint64_t found;
		err = sql_read_number(statement, 0, &found) ? remove_body(store, found, may_be_of_room) :
							      sql_damaged(&store->sql, "a message has no row number");
		if (err != MMS_OK) {
			sql_reset(statement);
			return err;
		}
	}
	return err == MMS_E_MISSING ? MMS_OK : err;
}

enum mms_err server_store_purge_all(struct server_store *store, int64_t user_id, uint64_t row, bool has_received)
{
	enum mms_err err = remove_bodies(store, user_id, row);
	if (err == MMS_OK)
		err = run_on(store, REFS_REMOVE, user_id, row);
	return err == MMS_OK && has_received ? run_on(store, RECEIVED_REMOVE_UPTO, user_id, row) : err;
}

enum mms_err server_store_purge(struct server_store *store, int64_t user_id, uint64_t row, uint32_t rows_max, uint32_t *removed)
{
	sqlite3_stmt *statement = store->statement[REFS_SLICE];
	uint64_t last = 0;
	uint64_t count = 0;
	sql_bind_int(statement, 1, user_id);
	sql_bind_number(statement, 2, row);
	sql_bind_int(statement, 3, rows_max);
	enum mms_err err = sql_row(&store->sql, statement);
	if (err == MMS_OK && (!sql_read_number(statement, 0, &last) || !sql_read_number(statement, 1, &count)))
		err = sql_damaged(&store->sql, "a message's row is malformed");
	sql_reset(statement);
	*removed = (uint32_t)count;
	return err == MMS_OK && count > 0 ? server_store_purge_all(store, user_id, last, true) : err;
}

enum mms_err server_store_remove(struct server_store *store, int64_t user_id, uint64_t row, bool has_received, bool *was_there)
{
	enum mms_err err = run_on(store, REF_REMOVE, user_id, row);
	*was_there = err == MMS_OK && sqlite3_changes(store->sql.db) == 1;
	if (*was_there)
		err = remove_body(store, row, may_have_rooms(store, user_id));
	return err == MMS_OK && has_received ? run_on(store, RECEIVED_REMOVE, user_id, row) : err;
}

// What a row is that goes, beside its size.
struct dropped {
	uint64_t row;
	uint64_t bytes;
	bool is_silent;
	bool is_own;
	bool is_of_room;
	int64_t origin_device;
};

static enum mms_err read_dropped(struct server_store *store, int64_t user_id, struct dropped *dropped)
{
	sqlite3_stmt *statement = store->statement[REF_FLAGS];
	sql_bind_int(statement, 1, user_id);
	sql_bind_number(statement, 2, dropped->row);
	const enum mms_err err = sql_row(&store->sql, statement);
	if (err == MMS_OK) {
		const int flags = sqlite3_column_int(statement, 0);
		dropped->is_silent = (flags & SERVER_REF_SILENT) != 0;
		dropped->is_own = (flags & SERVER_REF_OWN) != 0;
		dropped->origin_device = sqlite3_column_int64(statement, 1);
	}
	sql_reset(statement);
	return err == MMS_E_MISSING ? sql_damaged(&store->sql, "a mailbox is miscounted") : err;
}

// Devices that do not have the row have nothing to get any more: the gap, but for what came by a room, or from the device itself.
static enum mms_err pass_row(struct server_store *store, int64_t user_id, const struct dropped *dropped)
{
	static const enum server_statement steps[] = {DEVICE_GAP_ADD, DEVICE_PASS, DEVICE_OLD_PASS};
	const int64_t third[] = {dropped->is_own ? dropped->origin_device : 0, (int64_t)dropped->bytes, dropped->is_own};
	enum mms_err err = MMS_OK;
	for (size_t i = dropped->is_of_room; i < sizeof steps / sizeof *steps && err == MMS_OK; i++) {
		sqlite3_stmt *statement = store->statement[steps[i]];
		sql_bind_int(statement, 1, user_id);
		sql_bind_number(statement, 2, dropped->row);
		sql_bind_int(statement, 3, third[i]);
		if (steps[i] != DEVICE_GAP_ADD)
			sql_bind_int(statement, 4, dropped->is_silent);
		err = sql_run(&store->sql, statement);
	}
	return err;
}

enum mms_err server_store_drop(struct server_store *store, int64_t user_id, int64_t sender_id, uint64_t row, uint64_t bytes)
{
	struct dropped dropped = {.row = row, .bytes = bytes, .is_of_room = sender_id == SERVER_ROOMS};
	struct server_mailbox *mailbox;
	bool was_there;
	enum mms_err err = server_store_mailbox(store, user_id, &mailbox);
	if (err == MMS_OK)
		err = read_dropped(store, user_id, &dropped);
	if (err == MMS_OK)
		err = pass_row(store, user_id, &dropped);
	if (err == MMS_OK && (mailbox->held_rows <= mailbox->fresh_rows || mailbox->held_bytes < mailbox->fresh_bytes + bytes ||
			      mailbox->held_silent < mailbox->fresh_silent + dropped.is_silent))
		err = sql_damaged(&store->sql, "a mailbox is miscounted");
	if (err == MMS_OK)
		err = server_store_share_drop(store, mailbox, sender_id, bytes);
	if (err != MMS_OK)
		return err;
	server_store_devices_changed(mailbox); // of what they passed
	mailbox->held_rows--;
	mailbox->held_bytes -= bytes;
	server_store_changed(store, mailbox);
	if (dropped.is_silent) {
		server_store_more_changed(store, mailbox);
		mailbox->held_silent--;
	}
	return server_store_remove(store, user_id, row, true, &was_there);
}
