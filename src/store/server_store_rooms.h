// SPDX-License-Identifier: ISC
// What the server's store knows of rooms, of who is in them, and of who blocks whom (doc/design.md, "Rooms"). Layer: store; private to
// server_store*.c. Everything runs in the open transaction; errors are those of server_store.h.
#ifndef MMS_STORE_SERVER_STORE_ROOMS_H
#define MMS_STORE_SERVER_STORE_ROOMS_H

#include "store/server_store_inside.h"

// --- rooms (server_store_room.c) ---

// A row of the table room, as it is with what the open transaction did.
struct server_room {
	int64_t room_id; // 0: there is no such room, and all else is zeros
	struct storage_room_name is;
	bool is_private;
	bool has_no_history;
	bool has_kept;   // history has any row ...
	int64_t kept_at; // ... the first since this second of store time
	int64_t made_by;
	uint64_t row_last;
	uint64_t row_kept;
	uint64_t member_count;
};

// Finds the room that has the name, or had it before. `*is_taken`, which may be NULL, also for one of a room that is gone.
enum mms_err server_store_room_find(struct server_store *store, const struct name *name, struct server_room *room,
				    bool *is_taken) MUST_CHECK;

// Finds one by what devices know it by.
enum mms_err server_store_room_find_id(struct server_store *store, const struct room_id *id,
				       struct server_room *room) MUST_CHECK;

// Reads a room that is there.
enum mms_err server_store_room_get(struct server_store *store, int64_t room_id, struct server_room *room) MUST_CHECK;

// Makes a room without members; `room` has its name, `made_by`, and how it is. VERDICT_NEW, or VERDICT_LIMIT: nothing was made.
// Must: the name is not taken.
enum mms_err server_store_room_make(struct server_store *store, struct server_room *room, enum storage_verdict *verdict) MUST_CHECK;

// Writes what changes of a room while it is there: its name, its newest row and how many are in it.
enum mms_err server_store_room_write(struct server_store *store, const struct server_room *room) MUST_CHECK;

// Gives a room one name more. Must: it is not taken, or is this room's already.
enum mms_err server_store_room_name(struct server_store *store, int64_t room_id, const struct name *name) MUST_CHECK;

// The room is one no more. Must: nobody is in it. It stays until nothing holds its messages, and its name ROOM_NAME_DAYS.
enum mms_err server_store_room_go(struct server_store *store, const struct server_room *room) MUST_CHECK;

// Removes lines that history has for long enough, what is left of rooms that are gone, and pairs that ended long ago: as many of
// all of them as `*rows_left` says. MMS_OK also when there is no more.
enum mms_err server_store_rooms_clean(struct server_store *store, uint32_t *rows_left) MUST_CHECK;

// --- messages to rooms (server_store_post.c) ---

// A message for all who are in a room.
struct server_post {
	struct server_body body; // to_user is 0
	int64_t author_id;       // whose own it is, so that nobody waits for it there; 0: nobody's
	int64_t going_id;        // who leaves by it, and gets it in any case: it says how far the room went for that user; 0: nobody
	bool is_silent;          // nobody waits for it
	struct storage_place *places; // where it came to, room for all members; NULL: nobody asks
	uint32_t place_count;         // set
};

// Writes it: a body, the room's next row, and a ref for each member who can have one. The caller writes the room.
enum mms_err server_store_post(struct server_store *store, struct server_room *room, struct server_post *post) MUST_CHECK;

// Judges a message to a room.
enum mms_err server_store_room_submit(struct server_store *store, const struct server_judged *judged) MUST_CHECK;

// Says in a result what was posted.
void server_store_posted(const struct server_room *room, const struct server_post *post, const struct server_judged *judged);

// A ref of the body is gone. The body goes when that was the last, and history has it no more. `*is_of_room` false: it is in none, and
// nothing happened.
enum mms_err server_store_line_release(struct server_store *store, uint64_t body_no, bool *is_of_room) MUST_CHECK;

// Takes one line out of a history, of those that are there since `limit` or before. MMS_E_MISSING: there is none.
enum mms_err server_store_line_expire(struct server_store *store, int64_t limit) MUST_CHECK;

// --- who is in a room (server_store_member.c) ---

struct server_member {
	bool is_known;  // the pair has a row
	bool is_member;
	bool is_owner;
	uint64_t from_row;
	struct storage_mark stamp; // of the newest change of the pair
};

// Reads the pair; the work is the same for a room that is not there.
enum mms_err server_store_member_find(struct server_store *store, int64_t room_id, int64_t user_id,
				      struct server_member *member) MUST_CHECK;

// The member of that name, compared without case: *user_id, and the name as it is written. Of several, as after a name was given to
// another user, the one of longest standing. *user_id 0: there is none.
enum mms_err server_store_member_named(struct server_store *store, int64_t room_id, const struct name *name, int64_t *user_id,
				       struct name *written) MUST_CHECK;

// In how many rooms a user is.
enum mms_err server_store_member_rooms(struct server_store *store, int64_t user_id, uint64_t *count) MUST_CHECK;

// Puts a user into a room, by the commit `seq`, as its owner when nobody is in it. Nothing is posted; the caller writes the room.
enum mms_err server_store_member_enter(struct server_store *store, struct server_room *room, int64_t user_id,
				       const struct name *name, uint64_t seq, const struct storage_mark *stamp) MUST_CHECK;

// Takes a member out of a room; an owner hands over to the oldest who is left. The pair stays for a while, with its stamp; NULL: not
// even that. Nothing is posted; the caller writes the room, or lets it go.
enum mms_err server_store_member_leave(struct server_store *store, struct server_room *room, int64_t user_id,
				       const struct name *name, const struct storage_mark *stamp) MUST_CHECK;

// Notes a newer stamp of a pair: of one without a row, that of a user who is not in the room.
enum mms_err server_store_member_stamp(struct server_store *store, int64_t room_id, int64_t user_id, const struct name *name,
				       const struct server_member *member, const struct storage_mark *stamp) MUST_CHECK;

// Takes everybody out of a room that goes.
enum mms_err server_store_members_remove(struct server_store *store, int64_t room_id) MUST_CHECK;

// Takes a user who is forgotten out of one room, which says so to the others, and takes what that cost off `*rows_left`, down to 1. In
// none any more: forgets what the user has left, and MMS_E_MISSING.
enum mms_err server_store_member_forget(struct server_store *store, int64_t user_id, uint32_t *rows_left) MUST_CHECK;

// --- who blocks whom (server_store_block.c) ---

// Whether `user_id` blocks `other_id`.
enum mms_err server_store_is_blocked(struct server_store *store, int64_t user_id, int64_t other_id, bool *is_blocked) MUST_CHECK;

// Judges BLOCK and UNBLOCK; `stamp` is that of the change.
enum mms_err server_store_block(struct server_store *store, const struct storage_change *change,
				const struct storage_mark *stamp, enum storage_verdict *verdict) MUST_CHECK;

// Forgets one block of a user who is forgotten. None by others left: all of his own too, and MMS_E_MISSING.
enum mms_err server_store_block_forget(struct server_store *store, int64_t user_id) MUST_CHECK;

// --- stamps (server_store_stamp.c) ---

// Whether a change that shows this stamp was overtaken by the pair's newest. Zeros show none.
enum mms_err server_store_is_overtaken(struct server_store *store, const struct storage_mark *shown,
				       const struct storage_mark *newest, bool *is_overtaken) MUST_CHECK;

// Whether it is of this start, with a number that was not given yet.
bool server_store_is_forged(const struct server_store *store, const struct storage_mark *stamp);

// The mark of a commit: by the newest of the starts that are known to have begun before it.
enum mms_err server_store_mark_of(struct server_store *store, uint64_t commit, struct storage_mark *mark) MUST_CHECK;

// Whether it is one at all.
bool server_store_has_stamp(const struct storage_mark *stamp);

// --- changes (server_store_change.c) ---

// Judges a change.
enum mms_err server_store_change(struct server_store *store, const struct server_judged *judged) MUST_CHECK;

// Refuses one, unless it was accepted before.
enum mms_err server_store_change_refuse(struct server_store *store, const struct server_judged *judged,
					enum storage_verdict verdict) MUST_CHECK;

// --- questions (server_store_rooms_ask.c) ---

// Answers ROOMS, MEMBERS, HISTORY or BLOCKED.
enum mms_err server_store_rooms_ask(struct server_store *store, struct storage_question *question) MUST_CHECK;

// Reads the columns from `column` on as a message: id, sender, at, kind, form, text. `*text_bytes`: of the page's text. False: it is
// none that we write.
bool server_store_read_body(sqlite3_stmt *statement, int column, struct storage_page *page, struct storage_row *row,
			    uint32_t *text_bytes);

#endif
