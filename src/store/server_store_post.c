// SPDX-License-Identifier: ISC
// A message into a room: one body, the room's next row, and a place in each member's mailbox that can have one; and how long the body
// stays. The contract is in server_store_rooms.h.
#include <assert.h>

#include "store/server_store_rooms.h"

enum { DAY_SECONDS = 24 * 60 * 60 };

// --- it comes ---

// Whether a member gets a ref: devices take what comes, and there is room. Who gets none has the room's history.
static enum mms_err can_have(struct server_store *store, struct server_mailbox *mailbox, uint16_t bytes, bool *can)
{
	*can = mailbox->fresh_rows == 0 ||
	       store->seconds_open - mailbox->taken_at < ROOM_AWAY_DAYS * (uint64_t)DAY_SECONDS;
	return *can ? server_store_has_quota(store, mailbox, SERVER_ROOMS, bytes, can) : MMS_OK;
}

static enum mms_err place(struct server_store *store, int64_t user_id, struct server_post *post)
{
	struct server_mailbox *mailbox;
	const bool is_silent = post->is_silent || user_id == post->author_id;
	bool can = user_id == post->going_id;
	enum mms_err err = server_store_mailbox(store, user_id, &mailbox);
	if (err == MMS_OK && !can)
		err = can_have(store, mailbox, post->body.text_bytes, &can);
	if (err != MMS_OK)
		return err == MMS_E_MISSING ? sql_damaged(&store->sql, "a member of a room is no user") : err;
	if (!can)
		return MMS_OK;
	if (post->places != NULL)
		post->places[post->place_count] = (struct storage_place){user_id, mailbox->row_last, false};
	post->place_count++;
	return server_store_ref_put(store, mailbox,
				    &(struct server_ref){.row = post->body.row,
							 .sender_id = SERVER_ROOMS,
							 .bytes = post->body.text_bytes,
							 .is_silent = is_silent});
}

static enum mms_err place_all(struct server_store *store, int64_t room_id, struct server_post *post)
{
	sqlite3_stmt *statement = store->statement[MEMBERS];
	enum mms_err err;
	sql_bind_int(statement, 1, room_id);
	while ((err = sql_row(&store->sql, statement)) == MMS_OK) {
		const int64_t user_id = sqlite3_column_int64(statement, 0);
		err = user_id > 0 && post->place_count < ROOM_MEMBERS_MAX ? place(store, user_id, post) :
									    sql_damaged(&store->sql, "a room's members are malformed");
		if (err != MMS_OK) {
			sql_reset(statement);
			return err;
		}
	}
	return err == MMS_E_MISSING ? MMS_OK : err;
}

enum mms_err server_store_post(struct server_store *store, struct server_room *room, struct server_post *post)
{
	sqlite3_stmt *statement = store->statement[LINE_PUT];
	assert(post->body.to_user == 0);
	post->place_count = 0;
	enum mms_err err = server_store_body_put(store, &post->body);
	if (err == MMS_OK)
		err = place_all(store, room->room_id, post);
	if (err != MMS_OK)
		return err;
	room->row_last++;
	if (!room->has_kept)
		room->kept_at = (int64_t)store->seconds_open;
	room->has_kept = true;
	sql_bind_number(statement, 1, post->body.row);
	sql_bind_int(statement, 2, room->room_id);
	sql_bind_number(statement, 3, room->row_last);
	sql_bind_int(statement, 4, post->place_count);
	sql_bind_number(statement, 5, store->seconds_open);
	return sql_run(&store->sql, statement);
}

void server_store_posted(const struct server_room *room, const struct server_post *post, const struct server_judged *judged)
{
	struct storage_result *result = judged->result;
	result->row = post->body.row;
	result->place_first = *judged->place_next;
	result->place_count = post->place_count;
	result->kind = post->body.kind;
	result->room_row = room->row_last;
	*judged->place_next += post->place_count;
	assert(*judged->place_next <= BATCH_PLACES_MAX);
}

// --- judged ---

static enum mms_err accept(struct server_store *store, const struct server_judged *judged, struct server_room *room)
{
	const struct storage_submit *submit = &judged->op->submit;
	struct server_post post = {.author_id = submit->sender_id, .places = judged->batch->places + *judged->place_next};
	bool is_new;
	enum mms_err err = server_store_id_put(store, submit, store->row_next, &is_new);
	if (err == MMS_OK && !is_new) {
		err = server_store_id_find(store, submit, judged->result);
		return err == MMS_E_MISSING ? sql_damaged(&store->sql, "an id is held and is not") : err;
	}
	post.body = (struct server_body){
		.row = store->row_next,
		.sender_id = submit->sender_id,
		.id = &submit->id,
		.device_id = submit->device_id,
		.kind = submit->kind,
		.form = submit->form,
		.text_bytes = submit->text_bytes,
		.at = judged->op->at,
		.sender = &submit->sender,
		.text = judged->batch->text + submit->text_offset,
	};
	if (err == MMS_OK)
		err = server_store_post(store, room, &post);
	if (err == MMS_OK)
		err = server_store_room_write(store, room);
	if (err != MMS_OK)
		return err;
	store->row_next++;
	judged->result->verdict = VERDICT_NEW;
	judged->result->was_online = submit->is_online;
	judged->result->room = room->is;
	judged->result->member_count = (uint32_t)room->member_count;
	server_store_posted(room, &post, judged);
	return MMS_OK;
}

enum mms_err server_store_room_submit(struct server_store *store, const struct server_judged *judged)
{
	const struct storage_submit *submit = &judged->op->submit;
	struct server_member member;
	struct server_room room;
	enum mms_err err = server_store_room_find(store, &submit->recipient, &room, NULL);
	if (err == MMS_OK)
		err = server_store_member_find(store, room.room_id, submit->sender_id, &member);
	if (err != MMS_OK)
		return err;
	if (!server_store_has_room(store))
		return server_store_refuse(store, judged, VERDICT_STORE_FULL);
	if (!member.is_member || server_refusal_find(&store->refusals, judged->op, judged->batch->now) != NULL)
		return server_store_refuse(store, judged, VERDICT_NOT_A_MEMBER);
	return accept(store, judged, &room);
}

// --- it goes ---

static enum mms_err remove_line(struct server_store *store, uint64_t body_no)
{
	sql_bind_number(store->statement[LINE_REMOVE], 1, body_no);
	const enum mms_err err = sql_run(&store->sql, store->statement[LINE_REMOVE]);
	return err == MMS_OK ? server_store_body_gone(store, body_no) : err;
}

enum mms_err server_store_line_release(struct server_store *store, uint64_t body_no, bool *is_of_room)
{
	sqlite3_stmt *statement = store->statement[LINE_RELEASE];
	sql_bind_number(statement, 1, body_no);
	enum mms_err err = sql_row(&store->sql, statement);
	*is_of_room = err == MMS_OK;
	if (err != MMS_OK)
		return err == MMS_E_MISSING ? MMS_OK : err;
	const bool is_held = sqlite3_column_int64(statement, 0) > 0 || sqlite3_column_int(statement, 1) == 0;
	err = sql_run(&store->sql, statement);
	return err == MMS_OK && !is_held ? remove_line(store, body_no) : err;
}

// A line of a room, by its row. MMS_E_MISSING: there is none.
static enum mms_err find_line(struct server_store *store, int64_t room_id, uint64_t room_row, uint64_t *body_no, bool *has_refs,
			      int64_t *at)
{
	sqlite3_stmt *statement = store->statement[LINE_GET];
	sql_bind_int(statement, 1, room_id);
	sql_bind_number(statement, 2, room_row);
	enum mms_err err = sql_row(&store->sql, statement);
	if (err != MMS_OK)
		return err;
	if (!sql_read_number(statement, 0, body_no))
		err = sql_damaged(&store->sql, "a room's line is malformed");
	*has_refs = sqlite3_column_int64(statement, 1) > 0;
	*at = sqlite3_column_int64(statement, 2);
	sql_reset(statement);
	return err;
}

// The history of a room begins at `row_kept`, if there is such a line.
static enum mms_err keep_from(struct server_store *store, int64_t room_id, uint64_t row_kept, bool is_gone)
{
	sqlite3_stmt *statement = store->statement[ROOM_KEEP];
	uint64_t body_no;
	bool has_refs;
	int64_t at = 0;
	const enum mms_err err = find_line(store, room_id, row_kept, &body_no, &has_refs, &at);
	if (err != MMS_OK && err != MMS_E_MISSING)
		return err;
	sql_bind_int(statement, 1, room_id);
	sql_bind_number(statement, 2, row_kept);
	if (err == MMS_OK)
		sql_bind_int(statement, 3, is_gone ? INT64_MIN : at);
	else
		sql_bind_null(statement, 3);
	return sql_run(&store->sql, statement);
}

enum mms_err server_store_line_expire(struct server_store *store, int64_t limit)
{
	sqlite3_stmt *statement = store->statement[ROOM_DUE];
	uint64_t row_kept = 0;
	uint64_t body_no = 0;
	bool has_refs = false;
	int64_t at;
	sql_bind_int(statement, 1, limit);
	enum mms_err err = sql_row(&store->sql, statement);
	if (err != MMS_OK)
		return err;
	const int64_t room_id = sqlite3_column_int64(statement, 0);
	const bool is_gone = sqlite3_column_int(statement, 2) != 0;
	if (!sql_read_number(statement, 1, &row_kept))
		err = sql_damaged(&store->sql, "a room is malformed");
	sql_reset(statement);
	if (err == MMS_OK)
		err = find_line(store, room_id, row_kept, &body_no, &has_refs, &at);
	if (err == MMS_OK)
		err = keep_from(store, room_id, row_kept + 1, is_gone);
	if (err != MMS_OK || has_refs)
		return err == MMS_E_MISSING ? sql_damaged(&store->sql, "a room lacks a line") : err;
	return remove_line(store, body_no);
}
