// SPDX-License-Identifier: ISC
// Lists that the server's database answers: rooms, who is in one, its history, whom a user blocks. Each by an index, a page at a time.
// The contract is in server_store_rooms.h.
#include <assert.h>
#include <string.h>

#include "store/server_store_rooms.h"

static bool read_byte(sqlite3_stmt *statement, int column, uint8_t *value)
{
	uint64_t number;
	if (!sql_read_number(statement, column, &number) || number > UINT8_MAX)
		return false;
	*value = (uint8_t)number;
	return true;
}

// A sender's name, which the operator has not.
static bool read_sender(sqlite3_stmt *statement, int column, struct name *name)
{
	memset(name, 0, sizeof *name);
	return (sqlite3_column_type(statement, column) == SQLITE_TEXT && sqlite3_column_bytes(statement, column) == 0) ||
	       sql_read_name(statement, column, name);
}

bool server_store_read_body(sqlite3_stmt *statement, int column, struct storage_page *page, struct storage_row *row,
			    uint32_t *text_bytes)
{
	row->text_offset = *text_bytes;
	row->accepted_at.ms = sqlite3_column_int64(statement, column + 2);
	if (!sql_read_blob(statement, column, row->id.bytes, sizeof row->id.bytes) ||
	    !read_sender(statement, column + 1, &row->sender) || !read_byte(statement, column + 3, &row->kind) ||
	    !read_byte(statement, column + 4, &row->form) ||
	    !sql_read_text(statement, column + 5, page->text + *text_bytes, TEXT_BYTES_MAX, &row->text_bytes))
		return false;
	*text_bytes += row->text_bytes;
	return true;
}

// Reads the rows of a statement that has one more than the page takes, if there are more.
static enum mms_err read_list(struct server_store *store, sqlite3_stmt *statement, struct storage_question *question,
			      uint32_t entries_max, bool (*read)(sqlite3_stmt *statement, struct storage_page *page))
{
	struct storage_page *page = question->page;
	enum mms_err err;
	while ((err = sql_row(&store->sql, statement)) == MMS_OK) {
		question->has.has_more = page->row_count == entries_max;
		if (question->has.has_more)
			continue;
		if (!read(statement, page)) {
			err = sql_damaged(&store->sql, "an entry of a list is malformed");
			sql_reset(statement);
			return err;
		}
		page->row_count++;
	}
	return err == MMS_E_MISSING ? MMS_OK : err;
}

// --- ROOMS ---

static bool read_room(sqlite3_stmt *statement, struct storage_page *page)
{
	struct storage_room *room = &page->room[page->row_count];
	uint64_t member_count;
	memset(room, 0, sizeof *room);
	room->is_member = sqlite3_column_int(statement, 2) != 0;
	room->is_owner = sqlite3_column_int(statement, 3) != 0;
	room->is_private = sqlite3_column_int(statement, 4) != 0;
	room->has_no_history = sqlite3_column_int(statement, 5) != 0;
	if (!sql_read_blob(statement, 0, room->room.id.bytes, ROOM_ID_BYTES) || !sql_read_name(statement, 1, &room->room.name) ||
	    !sql_read_number(statement, 8, &member_count))
		return false;
	room->member_count = (uint32_t)member_count;
	return !room->is_member ||
	       (sql_read_number(statement, 6, &room->from_row) && sql_read_number(statement, 7, &room->row_last));
}

static enum mms_err list_rooms(struct server_store *store, struct storage_question *question)
{
	const enum server_statement which = question->user_id == 0 ? LIST_ALL_ROOMS : question->list.is_mine ? LIST_MY_ROOMS : LIST_ROOMS;
	sqlite3_stmt *statement = store->statement[which];
	struct server_mailbox *mailbox;
	enum mms_err err = MMS_E_MISSING; // the operator has none
	if (question->user_id != 0)
		err = server_store_mailbox(store, question->user_id, &mailbox);
	if (err != MMS_OK && err != MMS_E_MISSING)
		return err;
	question->has.row_newest = err == MMS_OK ? mailbox->row_last : 0;
	sql_bind_int(statement, 1, question->user_id);
	sql_bind_name(statement, 2, &question->list.after);
	sql_bind_int(statement, 3, STORAGE_PAGE_ROOMS_MAX + 1);
	return read_list(store, statement, question, STORAGE_PAGE_ROOMS_MAX, read_room);
}

// --- MEMBERS, BLOCKED ---

static bool read_member(sqlite3_stmt *statement, struct storage_page *page)
{
	struct storage_member *member = &page->member[page->row_count];
	member->user_id = sqlite3_column_int64(statement, 0);
	member->is_owner = sqlite3_column_int(statement, 2) != 0;
	return member->user_id > 0 && sql_read_name(statement, 1, &member->name);
}

static enum mms_err list_users(struct server_store *store, struct storage_question *question, enum server_statement which,
			       int64_t of_id)
{
	sqlite3_stmt *statement = store->statement[which];
	sql_bind_int(statement, 1, of_id);
	sql_bind_name(statement, 2, &question->list.after);
	sql_bind_int(statement, 3, STORAGE_PAGE_MEMBERS_MAX + 1);
	return read_list(store, statement, question, STORAGE_PAGE_MEMBERS_MAX, read_member);
}

// Finds the room that is asked about, and the asker in it; the work is the same whether there is one.
static enum mms_err find(struct server_store *store, const struct storage_question *question, struct server_room *room,
			 struct server_member *member)
{
	const enum mms_err err = question->kind == QUESTION_HISTORY ?
					 server_store_room_find_id(store, &question->list.room_id, room) :
					 server_store_room_find(store, &question->list.room, room, NULL);
	return err == MMS_OK ? server_store_member_find(store, room->room_id, question->user_id, member) : err;
}

static enum mms_err list_members(struct server_store *store, struct storage_question *question)
{
	struct server_member member;
	struct server_room room;
	const enum mms_err err = find(store, question, &room, &member);
	question->has.is_refused = room.room_id == 0 || (room.is_private && !member.is_member && question->user_id != 0);
	if (err != MMS_OK || question->has.is_refused)
		return err;
	return list_users(store, question, LIST_MEMBERS, room.room_id);
}

// --- HISTORY ---

static enum mms_err read_lines(struct server_store *store, struct storage_question *question, int64_t room_id, uint64_t from,
			       uint64_t to)
{
	sqlite3_stmt *statement = store->statement[LIST_LINES];
	struct storage_page *page = question->page;
	uint32_t text_bytes = 0;
	enum mms_err err;
	sql_bind_int(statement, 1, room_id);
	sql_bind_number(statement, 2, from);
	sql_bind_number(statement, 3, to);
	sql_bind_int(statement, 4, question->list.rows_max);
	while ((err = sql_row(&store->sql, statement)) == MMS_OK) {
		struct storage_row *row = &page->row[page->row_count];
		memset(row, 0, sizeof *row);
		if (page->row_count == question->list.rows_max || !sql_read_number(statement, 0, &row->row) || row->row < from ||
		    row->row > to || !server_store_read_body(statement, 1, page, row, &text_bytes)) {
			err = sql_damaged(&store->sql, "a message is malformed");
			sql_reset(statement);
			return err;
		}
		row->room_row = row->row;
		from = row->row + 1;
		page->row_count++;
	}
	return err == MMS_E_MISSING ? MMS_OK : err;
}

static enum mms_err list_history(struct server_store *store, struct storage_question *question)
{
	struct server_member member;
	struct server_room room;
	uint64_t from = question->list.from_row;
	uint64_t to = question->list.to_row;
	assert(question->list.rows_max >= 1);
	assert(question->list.rows_max <= STORAGE_PAGE_ROWS_MAX);
	enum mms_err err = find(store, question, &room, &member);
	question->has.is_refused = room.room_id == 0 || !member.is_member;
	if (err != MMS_OK || question->has.is_refused)
		return err;
	to = to < room.row_last ? to : room.row_last;
	from = from > member.from_row ? from : member.from_row;
	from = from > room.row_kept ? from : room.row_kept;
	question->has.row_newest = room.row_last;
	if (from <= to)
		err = read_lines(store, question, room.room_id, from, to);
	const uint32_t count = question->page->row_count;
	question->has.is_end = count < question->list.rows_max || question->page->row[count - 1].row == to;
	question->has.row_read = question->has.is_end ? to : question->page->row[count - 1].row;
	for (uint32_t i = 0; i < count; i++)
		question->page->row[i].room = room.is;
	return err;
}

enum mms_err server_store_rooms_ask(struct server_store *store, struct storage_question *question)
{
	memset(&question->has, 0, sizeof question->has);
	question->page->row_count = 0;
	switch (question->kind) {
	case QUESTION_ROOMS:
		return list_rooms(store, question);
	case QUESTION_MEMBERS:
		return list_members(store, question);
	case QUESTION_HISTORY:
		return list_history(store, question);
	case QUESTION_BLOCKED:
		return list_users(store, question, LIST_BLOCKED, question->user_id);
	default:
		assert(false);
		return MMS_E_BAD;
	}
}
