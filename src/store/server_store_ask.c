// SPDX-License-Identifier: ISC
// Questions to the server's database (storage.h), each answered from one state of it, and whether there is room on its disk. The
// contract is in server_store.h.
#include <assert.h>
#include <string.h>
#include <sys/statvfs.h>

#include "store/server_store_rooms.h"

enum {
	ROOM_CALLS_MAX = 64, // calls of has_room between two looks at the disk
	COMMIT_PAGES = 12,   // what a message that is committed alone may write to the log
};

static_assert(ROOM_CALLS_MAX * COMMIT_PAGES * SQL_PAGE_BYTES < STORE_RESERVE_BYTES, "seen in time");

// --- SIGNIN ---

static enum mms_err find_device(struct server_store *store, struct storage_question *question)
{
	sqlite3_stmt *statement = store->statement[DEVICE_FIND];
	struct storage_device *device = &question->is.device;
	struct server_mailbox *mailbox;
	uint64_t done_rows = 0;
	uint64_t done_silent = 0;
	uint64_t old_rows = 0;
	uint64_t old_silent = 0;
	sql_bind_blob(statement, 1, question->signin.key, STORAGE_KEY_BYTES);
	enum mms_err err = sql_row(&store->sql, statement);
	if (err != MMS_OK)
		return err == MMS_E_MISSING ? MMS_OK : err;
	device->device_id = sqlite3_column_int64(statement, 0);
	device->user_id = sqlite3_column_int64(statement, 1);
	if (!sql_read_number(statement, 2, &device->cursor) || !sql_read_number(statement, 3, &device->gap_row) ||
	    !sql_read_number(statement, 4, &device->gap_count) || !sql_read_number(statement, 5, &done_rows) ||
	    !sql_read_number(statement, 6, &done_silent) ||
	    !sql_read_number(statement, 7, &old_rows) || !sql_read_number(statement, 8, &old_silent) || old_silent > old_rows ||
	    device->user_id <= 0)
		err = sql_damaged(&store->sql, "a device is malformed");
	sql_reset(statement);
	if (err == MMS_OK)
		err = server_store_mailbox(store, device->user_id, &mailbox);
	if (err == MMS_OK && (done_rows > mailbox->put_rows || done_silent > mailbox->put_silent ||
			      mailbox->put_silent - done_silent + (old_rows - old_silent) > mailbox->put_rows - done_rows))
		err = sql_damaged(&store->sql, "a mailbox is miscounted");
	if (err != MMS_OK)
		return err == MMS_E_MISSING ? sql_damaged(&store->sql, "a device has no user") : err;
	question->is.has_device = true;
	question->is.waiting_count =
		mailbox->put_rows - done_rows - (mailbox->put_silent - done_silent) - (old_rows - old_silent);
	question->is.history_count = old_rows;
	return MMS_OK;
}

static enum mms_err count_devices(struct server_store *store, struct storage_question *question)
{
	sqlite3_stmt *statement = store->statement[DEVICE_COUNT];
	sql_bind_int(statement, 1, question->user_id);
	const enum mms_err err = sql_row(&store->sql, statement);
	if (err == MMS_OK)
		question->is.device_count = (uint32_t)sqlite3_column_int64(statement, 0);
	sql_reset(statement);
	return err == MMS_E_MISSING ? sql_damaged(&store->sql, "its devices cannot be counted") : err;
}

static enum mms_err find_invite(struct server_store *store, struct storage_question *question)
{
	sqlite3_stmt *statement = store->statement[INVITE_FIND];
	if (!question->signin.has_invite)
		return MMS_OK;
	sql_bind_blob(statement, 1, question->signin.invite_hash, STORAGE_KEY_BYTES);
	const enum mms_err err = sql_row(&store->sql, statement);
	sql_reset(statement);
	question->is.is_invite_spent = err == MMS_OK;
	return err == MMS_E_MISSING ? MMS_OK : err;
}

// The number that the start after the given one began with; without one, the next that will be given. MMS_E_MISSING: the start is
// not known.
static enum mms_err find_end(struct server_store *store, const uint8_t start_id[STORAGE_START_ID_BYTES], uint64_t *end)
{
	sqlite3_stmt *statement = store->statement[START_FIND];
	sql_bind_blob(statement, 1, start_id, STORAGE_START_ID_BYTES);
	enum mms_err err = sql_row(&store->sql, statement);
	const int64_t seq = err == MMS_OK ? sqlite3_column_int64(statement, 0) : 0;
	sql_reset(statement);
	if (err != MMS_OK)
		return err;
	statement = store->statement[START_NEXT];
	*end = store->commit_next;
	sql_bind_int(statement, 1, seq);
	err = sql_row(&store->sql, statement);
	if (err == MMS_OK && !sql_read_number(statement, 0, end))
		err = sql_damaged(&store->sql, "a start is malformed");
	sql_reset(statement);
	return err == MMS_E_MISSING ? MMS_OK : err;
}

static enum mms_err judge_mark(struct server_store *store, struct storage_question *question)
{
	static const uint8_t none[STORAGE_START_ID_BYTES];
	const struct storage_mark *mark = &question->signin.mark;
	uint64_t end = store->commit_next;
	enum mms_err err = MMS_OK;
	question->is.mark.commit = store->commit_next - 1;
	memcpy(question->is.mark.start_id, store->start_id, sizeof store->start_id);
	question->is.is_mark_known = true;
	if (memcmp(mark->start_id, none, sizeof none) == 0)
		return MMS_OK;
	if (memcmp(mark->start_id, store->start_id, sizeof store->start_id) != 0)
		err = find_end(store, mark->start_id, &end);
	question->is.is_mark_known = err == MMS_OK && mark->commit < end;
	return err == MMS_E_MISSING ? MMS_OK : err;
}

static enum mms_err ask_signin(struct server_store *store, struct storage_question *question)
{
	memset(&question->is, 0, sizeof question->is);
	enum mms_err err = find_device(store, question);
	if (err == MMS_OK)
		err = count_devices(store, question);
	if (err == MMS_OK)
		err = find_invite(store, question);
	return err == MMS_OK ? judge_mark(store, question) : err;
}

// --- PAGE ---

// Who reads a page.
struct reader {
	int64_t user_id;
	int64_t device_id;
	uint64_t seen_row; // as the table device has them
	uint64_t enrolled_row;
};

// What only some rows have: that nobody waits for them, that they are the user's own or history, and the room they came by.
static bool read_way(sqlite3_stmt *statement, const struct reader *reader, struct storage_row *row)
{
	const int flags = sqlite3_column_int(statement, 7);
	const bool is_of_room = sqlite3_column_type(statement, 8) != SQLITE_NULL;
	row->is_own = (flags & SERVER_REF_OWN) != 0 || (is_of_room && sqlite3_column_int(statement, 13) != 0);
	row->is_history = row->row <= reader->seen_row || ((flags & SERVER_REF_OWN) != 0 && row->row <= reader->enrolled_row);
	row->is_counted = (flags & SERVER_REF_SILENT) == 0 && !row->is_history;
	if ((flags & SERVER_REF_OWN) != 0 && !sql_read_name(statement, 12, &row->recipient))
		return false;
	return sqlite3_column_type(statement, 8) == SQLITE_NULL ||
	       (sql_read_number(statement, 8, &row->room_row) && sql_read_blob(statement, 9, row->room.id.bytes, ROOM_ID_BYTES) &&
		sql_read_name(statement, 10, &row->room.name));
}

// Puts the row that was read into the page. False: it is none that we write; the number too, for a damaged index may lead back.
static bool read_row(sqlite3_stmt *statement, const struct reader *reader, uint64_t after_row, uint32_t *text_bytes,
		     struct storage_page *page)
{
	struct storage_row *row = &page->row[page->row_count];
	memset(row, 0, sizeof *row);
	return sql_read_number(statement, 0, &row->row) && row->row > after_row &&
	       server_store_read_body(statement, 1, page, row, text_bytes) && read_way(statement, reader, row);
}

// Whether a row stands there for other devices than the one that asks.
static bool is_passed_over(sqlite3_stmt *statement, const struct reader *reader)
{
	return (sqlite3_column_int(statement, 7) & SERVER_REF_OWN) != 0 && sqlite3_column_int64(statement, 11) == reader->device_id;
}

// Reads up to `rows_max` rows after `*row_read`, which becomes the last of them; `*rows`: how many, also those passed over.
static enum mms_err read_page(struct server_store *store, const struct reader *reader, uint32_t rows_max, uint64_t *row_read,
			      uint32_t *rows, struct storage_page *page)
{
	sqlite3_stmt *statement = store->statement[PAGE_READ];
	uint32_t text_bytes = 0;
	enum mms_err err;
	*rows = 0;
	sql_bind_int(statement, 1, reader->user_id);
	sql_bind_number(statement, 2, *row_read);
	sql_bind_int(statement, 3, rows_max);
	while ((err = sql_row(&store->sql, statement)) == MMS_OK) {
		const uint32_t text_before = text_bytes;
		if (*rows == rows_max || !read_row(statement, reader, *row_read, &text_bytes, page)) {
			err = sql_damaged(&store->sql, "a message is malformed");
			sql_reset(statement);
			return err;
		}
		++*rows;
		*row_read = page->row[page->row_count].row;
		if (is_passed_over(statement, reader))
			text_bytes = text_before;
		else
			page->row_count++;
	}
	return err == MMS_E_MISSING ? MMS_OK : err;
}

// Of a device that is gone nothing is history: nobody hears the answer.
static enum mms_err find_seen(struct server_store *store, struct reader *reader)
{
	sqlite3_stmt *statement = store->statement[DEVICE_SEEN];
	sql_bind_int(statement, 1, reader->device_id);
	enum mms_err err = sql_row(&store->sql, statement);
	if (err == MMS_OK &&
	    (!sql_read_number(statement, 0, &reader->seen_row) || !sql_read_number(statement, 1, &reader->enrolled_row)))
		err = sql_damaged(&store->sql, "a device is malformed");
	sql_reset(statement);
	return err == MMS_E_MISSING ? MMS_OK : err;
}

static enum mms_err ask_page(struct server_store *store, struct storage_question *question)
{
	const uint32_t rows_max = question->mailbox.rows_max;
	struct reader reader = {.user_id = question->user_id, .device_id = question->mailbox.device_id};
	uint32_t rows = 0;
	struct storage_page *page = question->page;
	struct server_mailbox *mailbox;
	assert(rows_max >= 1);
	assert(rows_max <= STORAGE_PAGE_ROWS_MAX);
	memset(&question->has, 0, sizeof question->has);
	question->has.is_end = true;
	question->has.row_read = question->mailbox.after_row;
	page->row_count = 0;
	enum mms_err err = server_store_mailbox(store, question->user_id, &mailbox);
	if (err != MMS_OK)
		return err == MMS_E_MISSING ? MMS_OK : err;
	question->has.row_newest = mailbox->row_last;
	if (question->mailbox.after_row >= mailbox->row_last)
		return MMS_OK;
	err = find_seen(store, &reader);
	if (err == MMS_OK)
		err = read_page(store, &reader, rows_max, &question->has.row_read, &rows, page);
	question->has.is_end = err == MMS_OK && (rows < rows_max || question->has.row_read >= mailbox->row_last);
	return err;
}

// --- LIFE ---

static enum mms_err ask_life(struct server_store *store, struct storage_question *question)
{
	memset(&question->was, 0, sizeof question->was);
	const enum mms_err err = server_store_life_find(store, &question->name, question->was.life);
	question->was.is_known = err == MMS_OK;
	return err == MMS_E_MISSING ? MMS_OK : err;
}

static enum mms_err ask(struct server_store *store, struct storage_question *question)
{
	switch (question->kind) {
	case QUESTION_SIGNIN:
		return ask_signin(store, question);
	case QUESTION_PAGE:
		return ask_page(store, question);
	case QUESTION_ROOMS:
	case QUESTION_MEMBERS:
	case QUESTION_HISTORY:
	case QUESTION_BLOCKED:
		return server_store_rooms_ask(store, question);
	case QUESTION_STATES:
	case QUESTION_DEVICES:
		memset(&question->has, 0, sizeof question->has);
		question->page->row_count = 0;
		return MMS_OK;
	case QUESTION_LIFE:
		return ask_life(store, question);
	case QUESTION_ALL_DEVICES:
		return server_store_list(store, question->after_device_id, question->devices);
	}
	assert(false);
	return MMS_E_BAD;
}

enum mms_err server_store_ask(struct server_store *store, struct storage_question *question, struct reason *why)
{
	enum mms_err err = store->is_broken ? MMS_E_IO : sql_run(&store->sql, store->statement[READ_BEGIN]);
	if (err == MMS_OK)
		err = ask(store, question);
	if (err == MMS_OK)
		err = sql_run(&store->sql, store->statement[READ_END]);
	if (err == MMS_OK)
		return MMS_OK;
	*why = store->sql.reason;
	store->is_broken = true;
	if (sql_rollback(&store->sql) != MMS_OK)
		return MMS_E_IO;
	return err == MMS_E_FORMAT ? err : MMS_E_IO;
}

// --- room ---

bool server_store_has_room(struct server_store *store)
{
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

void server_store_room_changed(struct server_store *store)
{
	store->room_age = ROOM_CALLS_MAX;
}

enum mms_err server_store_check_place(struct server_store *store)
{
	const enum mms_err err = sql_check_log(&store->sql);
	return err == MMS_OK ? sql_check_place(&store->sql) : err;
}
