// SPDX-License-Identifier: ISC
// Who is in a room, who owns it, and for a while who no longer is. The contract is in server_store_rooms.h.
#include <assert.h>
#include <string.h>

#include "base/message.h"
#include "store/server_store_rooms.h"

enum mms_err server_store_member_find(struct server_store *store, int64_t room_id, int64_t user_id, struct server_member *member)
{
	sqlite3_stmt *statement = store->statement[MEMBER_FIND];
	memset(member, 0, sizeof *member);
	sql_bind_int(statement, 1, room_id);
	sql_bind_int(statement, 2, user_id);
	enum mms_err err = sql_row(&store->sql, statement);
	if (err != MMS_OK)
		return err == MMS_E_MISSING ? MMS_OK : err;
	member->is_known = true;
	member->is_member = sqlite3_column_int(statement, 0) != 0;
	member->is_owner = sqlite3_column_int(statement, 1) != 0;
	if (!sql_read_number(statement, 2, &member->from_row) ||
	    !sql_read_blob(statement, 3, member->stamp.start_id, sizeof member->stamp.start_id) ||
	    !sql_read_number(statement, 4, &member->stamp.commit))
		err = sql_damaged(&store->sql, "a member of a room is malformed");
	sql_reset(statement);
	return err;
}

enum mms_err server_store_member_named(struct server_store *store, int64_t room_id, const struct name *name, int64_t *user_id,
				       struct name *written)
{
	sqlite3_stmt *statement = store->statement[MEMBER_NAMED];
	*user_id = 0;
	sql_bind_int(statement, 1, room_id);
	sql_bind_name(statement, 2, name);
	enum mms_err err = sql_row(&store->sql, statement);
	if (err != MMS_OK)
		return err == MMS_E_MISSING ? MMS_OK : err;
	*user_id = sqlite3_column_int64(statement, 0);
	if (*user_id <= 0 || !sql_read_name(statement, 1, written))
		err = sql_damaged(&store->sql, "a member of a room is malformed");
	sql_reset(statement);
	return err;
}

enum mms_err server_store_member_rooms(struct server_store *store, int64_t user_id, uint64_t *count)
{
	sqlite3_stmt *statement = store->statement[MEMBER_ROOMS];
	sql_bind_int(statement, 1, user_id);
	enum mms_err err = sql_row(&store->sql, statement);
	if (err == MMS_OK && !sql_read_number(statement, 0, count))
		err = sql_damaged(&store->sql, "a user's rooms cannot be counted");
	sql_reset(statement);
	return err;
}

// A pair's row, as it is to be.
struct pair {
	int64_t room_id;
	int64_t user_id;
	const struct name *name;
	bool is_member;
	bool is_owner;
	uint64_t from_row;
	uint64_t seq;
	const struct storage_mark *stamp;
};

static enum mms_err put_pair(struct server_store *store, const struct pair *pair)
{
	sqlite3_stmt *statement = store->statement[MEMBER_PUT];
	sql_bind_int(statement, 1, pair->room_id);
	sql_bind_int(statement, 2, pair->user_id);
	sql_bind_name(statement, 3, pair->name);
	sql_bind_int(statement, 4, pair->is_owner);
	sql_bind_number(statement, 5, pair->from_row);
	sql_bind_number(statement, 6, pair->seq);
	sql_bind_blob(statement, 7, pair->stamp->start_id, sizeof pair->stamp->start_id);
	sql_bind_number(statement, 8, pair->stamp->commit);
	if (pair->is_member)
		sql_bind_null(statement, 9);
	else
		sql_bind_number(statement, 9, store->seconds_open);
	return sql_run(&store->sql, statement);
}

// A pair of one who is not in the room. Of more than a user may have the oldest is forgotten.
static enum mms_err put_left(struct server_store *store, int64_t room_id, int64_t user_id, const struct name *name,
			     const struct storage_mark *stamp)
{
	const enum mms_err err = put_pair(
		store, &(struct pair){.room_id = room_id, .user_id = user_id, .name = name, .stamp = stamp});
	if (err != MMS_OK)
		return err;
	sql_bind_int(store->statement[MEMBER_TRIM], 1, user_id);
	sql_bind_int(store->statement[MEMBER_TRIM], 2, ROOMS_LEFT_MAX);
	return sql_run(&store->sql, store->statement[MEMBER_TRIM]);
}

enum mms_err server_store_member_enter(struct server_store *store, struct server_room *room, int64_t user_id,
				       const struct name *name, uint64_t seq, const struct storage_mark *stamp)
{
	struct server_mailbox *mailbox;
	enum mms_err err = put_pair(store, &(struct pair){
						   .room_id = room->room_id,
						   .user_id = user_id,
						   .name = name,
						   .is_member = true,
						   .is_owner = room->member_count == 0,
						   .from_row = room->has_no_history ? room->row_last + 1 : 1,
						   .seq = seq,
						   .stamp = stamp,
					   });
	if (err == MMS_OK)
		err = server_store_mailbox(store, user_id, &mailbox);
	if (err != MMS_OK)
		return err;
	if (!mailbox->has_more) // from now on it is noted when something is taken
		server_store_more_changed(store, mailbox);
	room->member_count++;
	return MMS_OK;
}

enum mms_err server_store_member_leave(struct server_store *store, struct server_room *room, int64_t user_id,
				       const struct name *name, const struct storage_mark *stamp)
{
	struct server_member member;
	enum mms_err err = server_store_member_find(store, room->room_id, user_id, &member);
	if (err == MMS_OK && (!member.is_member || room->member_count == 0))
		err = sql_damaged(&store->sql, "a room's members are miscounted");
	if (err == MMS_OK && stamp != NULL)
		err = put_left(store, room->room_id, user_id, name, stamp);
	if (err == MMS_OK && stamp == NULL) {
		sql_bind_int(store->statement[MEMBER_REMOVE], 1, room->room_id);
		sql_bind_int(store->statement[MEMBER_REMOVE], 2, user_id);
		err = sql_run(&store->sql, store->statement[MEMBER_REMOVE]);
	}
	if (err != MMS_OK)
		return err;
	room->member_count--;
	if (!member.is_owner || room->member_count == 0)
		return MMS_OK;
	sql_bind_int(store->statement[MEMBER_OWN], 1, room->room_id);
	return sql_run(&store->sql, store->statement[MEMBER_OWN]);
}

enum mms_err server_store_member_stamp(struct server_store *store, int64_t room_id, int64_t user_id, const struct name *name,
				       const struct server_member *member, const struct storage_mark *stamp)
{
	sqlite3_stmt *statement = store->statement[MEMBER_STAMP];
	if (!member->is_member) // this too says that it is not in the room, now
		return put_left(store, room_id, user_id, name, stamp);
	sql_bind_int(statement, 1, room_id);
	sql_bind_int(statement, 2, user_id);
	sql_bind_blob(statement, 3, stamp->start_id, sizeof stamp->start_id);
	sql_bind_number(statement, 4, stamp->commit);
	return sql_run(&store->sql, statement);
}

enum mms_err server_store_members_remove(struct server_store *store, int64_t room_id)
{
	sql_bind_int(store->statement[MEMBERS_REMOVE], 1, room_id);
	return sql_run(&store->sql, store->statement[MEMBERS_REMOVE]);
}

// --- a user is forgotten ---

static enum mms_err find_name(struct server_store *store, int64_t user_id, struct name *name)
{
	sqlite3_stmt *statement = store->statement[USER_NAME];
	sql_bind_int(statement, 1, user_id);
	enum mms_err err = sql_row(&store->sql, statement);
	if (err == MMS_E_MISSING || (err == MMS_OK && !sql_read_name(statement, 0, name)))
		err = sql_damaged(&store->sql, "a user is malformed");
	sql_reset(statement);
	return err;
}

// When the newest message was accepted: housekeeping is told no time that is for people.
static enum mms_err find_at(struct server_store *store, struct wtime *at)
{
	sqlite3_stmt *statement = store->statement[NEWEST_AT];
	const enum mms_err err = sql_row(&store->sql, statement);
	if (err == MMS_OK)
		at->ms = sqlite3_column_int64(statement, 0);
	sql_reset(statement);
	return err == MMS_E_MISSING ? MMS_OK : err;
}

static enum mms_err say_left(struct server_store *store, struct server_room *room, const struct name *name, uint32_t *place_count)
{
	static const struct name nobody;
	struct server_post post = {.is_silent = true};
	struct wtime at = {0};
	uint8_t random[ID_BYTES];
	const enum mms_err err = find_at(store, &at);
	if (err != MMS_OK)
		return err;
	sqlite3_randomness(sizeof random, random);
	const struct uuid id = uuid_v7(at, random);
	post.body = (struct server_body){
		.row = store->row_next++,
		.id = &id,
		.kind = MESSAGE_LEFT,
		.form = MESSAGE_UTF8,
		.text_bytes = (uint16_t)name_bytes(name),
		.at = at,
		.sender = &nobody,
		.text = (const uint8_t *)name->text,
	};
	const enum mms_err posted = server_store_post(store, room, &post);
	*place_count = post.place_count;
	return posted;
}

enum mms_err server_store_member_forget(struct server_store *store, int64_t user_id, uint32_t *rows_left)
{
	sqlite3_stmt *statement = store->statement[MEMBER_OF];
	struct server_room room;
	struct name name;
	uint32_t place_count = 0;
	sql_bind_int(statement, 1, user_id);
	enum mms_err err = sql_row(&store->sql, statement);
	if (err == MMS_E_MISSING) {
		sql_bind_int(store->statement[MEMBER_FORGET], 1, user_id);
		err = sql_run(&store->sql, store->statement[MEMBER_FORGET]);
		return err == MMS_OK ? MMS_E_MISSING : err;
	}
	if (err != MMS_OK)
		return err;
	const int64_t room_id = sqlite3_column_int64(statement, 0);
	sql_reset(statement);
	err = server_store_room_get(store, room_id, &room);
	if (err == MMS_OK)
		err = find_name(store, user_id, &name);
	if (err == MMS_OK)
		err = server_store_member_leave(store, &room, user_id, &name, NULL);
	if (err == MMS_OK && room.member_count == 0 && room.made_by != 0)
		return server_store_room_go(store, &room);
	if (err == MMS_OK)
		err = say_left(store, &room, &name, &place_count);
	if (err != MMS_OK)
		return err;
	*rows_left -= place_count < *rows_left ? place_count : *rows_left - 1;
	return server_store_room_write(store, &room);
}
