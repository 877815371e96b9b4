// SPDX-License-Identifier: ISC
// Changes, judged: of who is in a room, of rooms, and of what a user blocks. The order in which they are judged, and what comes of each,
// stands in storage.h; how rooms, members and blocks are kept, in files of their own.
#include <assert.h>
#include <string.h>

#include "base/message.h"
#include "store/server_store_rooms.h"

// A change as it is judged.
struct changing {
	const struct server_judged *judged;
	const struct storage_change *change;
	struct storage_mark stamp;   // it will have
	struct server_room room;     // room_id 0: there is none
	bool is_taken;               // the name is, maybe by a room that is gone
	struct server_member caller; // the user in that room; all false for the operator
	enum storage_verdict verdict;
	uint64_t removed_count; // by deleting it
	bool is_posted; // into `room`
	struct server_post post;
};

// A change as that which holds ids and remembers refusals knows an operation.
static struct storage_op submit_of(const struct storage_op *op)
{
	struct storage_op submit = {.kind = STORAGE_SUBMIT,
				    .call = op->call,
				    .session = op->session,
				    .session_began_at = op->session_began_at,
				    .at = op->at};
	submit.submit.sender_id = op->change.user_id;
	submit.submit.id = op->change.id;
	memcpy(submit.submit.digest, op->change.digest, sizeof submit.submit.digest);
	return submit;
}

// --- what is said in the room ---

// Posts what came of the change: about a user, or a name that the room had. `going_id`: who leaves by it.
static enum mms_err post(struct server_store *store, struct changing *changing, uint8_t kind, const struct name *about, int64_t going_id)
{
	const bool is_renamed = kind == MESSAGE_RENAMED;
	uint8_t text[MESSAGE_TO_BYTES_MAX];
	const size_t text_bytes = message_to_write(&(struct message_to){*about, is_renamed}, text);
	const struct storage_change *change = changing->change;
	changing->post = (struct server_post){
		.body = {.row = store->row_next,
			 .sender_id = change->user_id,
			 .id = &change->id,
			 .device_id = change->device_id,
			 .kind = kind,
			 .form = MESSAGE_UTF8,
			 .text_bytes = (uint16_t)text_bytes,
			 .at = changing->judged->op->at,
			 .sender = &change->user,
			 .text = text},
		.going_id = going_id,
		.is_silent = true,
		.places = changing->judged->batch->places + *changing->judged->place_next,
	};
	changing->is_posted = true;
	changing->judged->result->about = *about;
	return server_store_post(store, &changing->room, &changing->post);
}

// --- coming ---

// Whether one more member, and one more room, is within the bounds.
static enum mms_err judge_bounds(struct server_store *store, struct changing *changing, int64_t user_id, uint64_t rooms_max)
{
	uint64_t rooms = 0;
	const enum mms_err err = server_store_member_rooms(store, user_id, &rooms);
	if (changing->room.member_count >= ROOM_MEMBERS_MAX)
		changing->verdict = VERDICT_ROOM_FULL;
	else if (rooms >= rooms_max)
		changing->verdict = VERDICT_LIMIT;
	else
		changing->verdict = VERDICT_NEW;
	return err;
}

// Puts a user in, and says so.
static enum mms_err enter(struct server_store *store, struct changing *changing, int64_t user_id, const struct name *name)
{
	enum mms_err err =
		server_store_member_enter(store, &changing->room, user_id, name, store->row_next, &changing->stamp);
	if (err == MMS_OK)
		err = post(store, changing, MESSAGE_JOINED, name, 0);
	return err == MMS_OK ? server_store_room_write(store, &changing->room) : err;
}

// Whether there is nothing to do for a pair: the change was overtaken, or the user is as the change wants it; then the stamp is noted.
static enum mms_err is_settled(struct server_store *store, const struct changing *changing, int64_t user_id,
			       const struct name *name, const struct server_member *pair, bool wants_member, bool *is_settled)
{
	const enum mms_err err =
		server_store_is_overtaken(store, &changing->change->stamp, &pair->stamp, is_settled);
	if (err != MMS_OK || *is_settled)
		return err;
	*is_settled = pair->is_member == wants_member;
	if (!*is_settled || !server_store_has_stamp(&changing->stamp))
		return MMS_OK;
	return server_store_member_stamp(store, changing->room.room_id, user_id, name, pair, &changing->stamp);
}

static enum mms_err join_new(struct server_store *store, struct changing *changing)
{
	const struct storage_change *change = changing->change;
	enum mms_err err = judge_bounds(store, changing, change->user_id, ROOMS_JOINED_MAX);
	if (err != MMS_OK || changing->verdict != VERDICT_NEW)
		return err;
	changing->room = (struct server_room){.is = {.name = change->room},
					      .is_private = change->is_private,
					      .has_no_history = change->has_no_history,
					      .made_by = change->user_id};
	err = server_store_room_make(store, &changing->room, &changing->verdict);
	return err == MMS_OK && changing->verdict == VERDICT_NEW ? enter(store, changing, change->user_id, &change->user) : err;
}

static enum mms_err join(struct server_store *store, struct changing *changing)
{
	const struct storage_change *change = changing->change;
	const struct server_room *room = &changing->room;
	bool is_done = false;
	assert(change->user_id != 0);
	changing->verdict = VERDICT_NOT_A_MEMBER;
	if (room->room_id == 0)
		return change->may_make && !changing->is_taken ? join_new(store, changing) : MMS_OK;
	if (room->is_private && !changing->caller.is_member)
		return MMS_OK;
	enum mms_err err = is_settled(store, changing, change->user_id, &change->user, &changing->caller, true, &is_done);
	changing->verdict = VERDICT_REPEAT;
	if (err != MMS_OK || is_done)
		return err;
	err = judge_bounds(store, changing, change->user_id, ROOMS_JOINED_MAX);
	return err == MMS_OK && changing->verdict == VERDICT_NEW ? enter(store, changing, change->user_id, &change->user) : err;
}

static enum mms_err add(struct server_store *store, struct changing *changing)
{
	const struct storage_change *change = changing->change;
	const bool is_operator = change->user_id == 0;
	struct server_member pair;
	bool is_done = false;
	bool is_blocked = false;
	changing->verdict = changing->room.room_id == 0 || !(is_operator || changing->caller.is_member) ? VERDICT_NOT_A_MEMBER :
			    changing->room.is_private && !is_operator && !changing->caller.is_owner	? VERDICT_NOT_ALLOWED :
			    change->other_id == 0							? VERDICT_NO_SUCH_USER :
													  VERDICT_REPEAT;
	if (changing->verdict != VERDICT_REPEAT)
		return MMS_OK;
	enum mms_err err = server_store_member_find(store, changing->room.room_id, change->other_id, &pair);
	if (err == MMS_OK)
		err = is_settled(store, changing, change->other_id, &change->other, &pair, true, &is_done);
	if (err != MMS_OK || is_done)
		return err;
	if (!is_operator)
		err = server_store_is_blocked(store, change->other_id, change->user_id, &is_blocked);
	if (err == MMS_OK && is_blocked)
		changing->verdict = VERDICT_BLOCKED;
	if (err != MMS_OK || is_blocked)
		return err;
	err = judge_bounds(store, changing, change->other_id, is_operator ? ROOMS_JOINED_MAX : ROOMS_ADDED_MAX);
	return err == MMS_OK && changing->verdict == VERDICT_NEW ? enter(store, changing, change->other_id, &change->other) : err;
}

// --- going ---

// Takes a member out. It is said while the user is still in, so that it is heard there too.
static enum mms_err take_out(struct server_store *store, struct changing *changing, int64_t user_id, const struct name *name,
			     uint8_t kind)
{
	struct server_room *room = &changing->room;
	changing->verdict = VERDICT_NEW;
	enum mms_err err = post(store, changing, kind, name, user_id);
	if (err == MMS_OK)
		err = server_store_member_leave(store, room, user_id, name, &changing->stamp);
	if (err != MMS_OK)
		return err;
	return room->member_count == 0 && room->made_by != 0 ? server_store_room_go(store, room) :
							       server_store_room_write(store, room);
}

static enum mms_err leave(struct server_store *store, struct changing *changing)
{
	const struct storage_change *change = changing->change;
	bool is_done = false;
	const enum mms_err err =
		is_settled(store, changing, change->user_id, &change->user, &changing->caller, false, &is_done);
	changing->verdict = VERDICT_REPEAT;
	if (err != MMS_OK || is_done)
		return err;
	return take_out(store, changing, change->user_id, &change->user, MESSAGE_LEFT);
}

// The one who is to go: the user of that name; or if that one is not in, a member of the name who is no user now.
static enum mms_err find_other(struct server_store *store, const struct changing *changing, int64_t *other_id, struct name *other,
			       struct server_member *pair)
{
	const struct storage_change *change = changing->change;
	int64_t named_id = 0;
	*other_id = change->other_id;
	*other = change->other;
	enum mms_err err = server_store_member_find(store, changing->room.room_id, change->other_id, pair);
	if (err == MMS_OK && !pair->is_member)
		err = server_store_member_named(store, changing->room.room_id, &change->other, &named_id, other);
	if (err != MMS_OK || named_id == 0)
		return err;
	*other_id = named_id;
	return server_store_member_find(store, changing->room.room_id, named_id, pair);
}

static enum mms_err take_away(struct server_store *store, struct changing *changing)
{
	const struct storage_change *change = changing->change;
	const bool is_operator = change->user_id == 0;
	struct server_member pair;
	struct name other;
	int64_t other_id;
	bool is_done = false;
	if (changing->room.room_id == 0 || !(is_operator || changing->caller.is_member))
		changing->verdict = VERDICT_NOT_A_MEMBER;
	else
		changing->verdict = is_operator || changing->caller.is_owner ? VERDICT_REPEAT : VERDICT_NOT_ALLOWED;
	if (changing->verdict != VERDICT_REPEAT)
		return MMS_OK;
	enum mms_err err = find_other(store, changing, &other_id, &other, &pair);
	if (err == MMS_OK && other_id != 0)
		err = is_settled(store, changing, other_id, &other, &pair, false, &is_done);
	if (err != MMS_OK || other_id == 0 || is_done)
		return err;
	return take_out(store, changing, other_id, &other, MESSAGE_REMOVED);
}

static enum mms_err leave_or_remove(struct server_store *store, struct changing *changing)
{
	const struct storage_change *change = changing->change;
	const bool is_another = change->other.text[0] != 0 && (change->user_id == 0 || change->other_id != change->user_id);
	assert(is_another || change->user_id != 0);
	return is_another ? take_away(store, changing) : leave(store, changing);
}

// --- the operator's ---

static enum mms_err make_room(struct server_store *store, struct changing *changing)
{
	const struct storage_change *change = changing->change;
	changing->verdict = VERDICT_NOT_ALLOWED;
	if (changing->is_taken)
		return MMS_OK;
	changing->room = (struct server_room){.is = {.name = change->room},
					      .is_private = change->is_private,
					      .has_no_history = change->has_no_history};
	return server_store_room_make(store, &changing->room, &changing->verdict);
}

static enum mms_err rename_room(struct server_store *store, struct changing *changing)
{
	struct server_room *room = &changing->room;
	struct server_room other;
	bool is_taken = false;
	changing->verdict = VERDICT_NOT_A_MEMBER;
	if (room->room_id == 0)
		return MMS_OK;
	enum mms_err err = server_store_room_find(store, &changing->change->name, &other, &is_taken);
	changing->verdict = is_taken && other.room_id != room->room_id ? VERDICT_NOT_ALLOWED : VERDICT_NEW;
	if (err != MMS_OK || changing->verdict != VERDICT_NEW)
		return err;
	if (strcmp(room->is.name.text, changing->change->name.text) == 0) {
		changing->verdict = VERDICT_REPEAT;
		return MMS_OK;
	}
	const struct name before = room->is.name;
	room->is.name = changing->change->name;
	err = server_store_room_name(store, room->room_id, &room->is.name);
	if (err == MMS_OK)
		err = post(store, changing, MESSAGE_RENAMED, &before, 0);
	return err == MMS_OK ? server_store_room_write(store, room) : err;
}

static enum mms_err delete_room(struct server_store *store, struct changing *changing)
{
	struct server_room *room = &changing->room;
	changing->verdict = room->room_id == 0 ? VERDICT_NOT_A_MEMBER : VERDICT_NEW;
	if (room->room_id == 0)
		return MMS_OK;
	const enum mms_err err = server_store_members_remove(store, room->room_id);
	changing->removed_count = room->member_count;
	room->member_count = 0;
	return err == MMS_OK ? server_store_room_go(store, room) : err;
}

// --- judged ---

static enum mms_err judge_in_room(struct server_store *store, struct changing *changing)
{
	const struct storage_change *change = changing->change;
	enum mms_err err = server_store_room_find(store, &change->room, &changing->room, &changing->is_taken);
	if (err == MMS_OK)
		err = server_store_member_find(store, changing->room.room_id, change->user_id, &changing->caller);
	if (err != MMS_OK)
		return err;
	switch (change->what) {
	case CHANGE_JOIN:
		return join(store, changing);
	case CHANGE_ADD:
		return add(store, changing);
	case CHANGE_LEAVE:
		return leave_or_remove(store, changing);
	case CHANGE_ROOM_MAKE:
		return make_room(store, changing);
	case CHANGE_ROOM_RENAME:
		return rename_room(store, changing);
	case CHANGE_ROOM_DELETE:
		return delete_room(store, changing);
	case CHANGE_BLOCK:
	case CHANGE_UNBLOCK:
	case CHANGE_DEVICE_NAME:
	case CHANGE_DEVICE_REMOVE:
		break;
	}
	assert(false);
	return MMS_E_BAD;
}

static enum mms_err judge(struct server_store *store, struct changing *changing)
{
	switch (changing->change->what) {
	case CHANGE_BLOCK:
	case CHANGE_UNBLOCK:
		return server_store_block(store, changing->change, &changing->stamp, &changing->verdict);
	case CHANGE_DEVICE_NAME:
	case CHANGE_DEVICE_REMOVE:
		changing->verdict = VERDICT_REPEAT; // no such device
		return MMS_OK;
	default:
		return judge_in_room(store, changing);
	}
}

// The change is so: it has a number, its id is held, and the result says all.
static enum mms_err accept(struct server_store *store, struct changing *changing)
{
	const struct server_judged *judged = changing->judged;
	const struct storage_op submit = submit_of(judged->op);
	struct storage_result *result = judged->result;
	bool is_new = true;
	result->verdict = changing->verdict;
	if (changing->change->user_id == 0 && changing->verdict == VERDICT_REPEAT)
		return MMS_OK;
	if (changing->change->user_id != 0) {
		const enum mms_err err = server_store_id_put(store, &submit.submit, store->row_next, &is_new);
		if (err != MMS_OK)
			return err;
	}
	if (!is_new)
		return sql_damaged(&store->sql, "an id is held and is not");
	result->stamp = changing->stamp;
	if (changing->verdict == VERDICT_NEW) { // else it may be a stranger's
		result->room = changing->room.is;
		result->member_count = (uint32_t)(changing->room.member_count + changing->removed_count);
	}
	if (changing->is_posted)
		server_store_posted(&changing->room, &changing->post, judged);
	store->row_next++;
	return MMS_OK;
}

// Judges a change of a user by its id. MMS_E_MISSING: that is not held.
static enum mms_err find_held(struct server_store *store, const struct server_judged *judged)
{
	const struct storage_change *change = &judged->op->change;
	const struct storage_op submit = submit_of(judged->op);
	struct storage_result *result = judged->result;
	const enum mms_err err = server_store_id_find(store, &submit.submit, result);
	if (err != MMS_OK || result->verdict != VERDICT_REPEAT)
		return err;
	const uint64_t commit = result->row;
	result->row = 0;
	result->stamp = change->stamp;
	return server_store_has_stamp(&change->stamp) ? MMS_OK : server_store_mark_of(store, commit, &result->stamp);
}

enum mms_err server_store_change_refuse(struct server_store *store, const struct server_judged *judged,
					enum storage_verdict verdict)
{
	const struct storage_op submit = submit_of(judged->op);
	enum mms_err err = MMS_E_MISSING;
	if (judged->op->change.user_id != 0)
		err = find_held(store, judged);
	if (err != MMS_E_MISSING)
		return err;
	judged->result->verdict = verdict;
	return judged->op->change.user_id == 0 ? MMS_OK :
						 server_store_refuse(store, &(struct server_judged){judged->batch, &submit, judged->result,
												    judged->place_next},
								     verdict);
}

enum mms_err server_store_change(struct server_store *store, const struct server_judged *judged)
{
	const struct storage_change *change = &judged->op->change;
	const struct storage_op submit = submit_of(judged->op);
	struct changing changing = {.judged = judged, .change = change, .stamp = change->stamp};
	if (change->user_id != 0) {
		const enum mms_err err = find_held(store, judged);
		if (err != MMS_E_MISSING)
			return err;
		if (server_refusal_find(&store->refusals, &submit, judged->batch->now) != NULL)
			return server_store_change_refuse(store, judged, VERDICT_STORE_FULL);
	}
	if (!server_store_has_room(store))
		return server_store_change_refuse(store, judged, VERDICT_STORE_FULL);
	if (server_store_is_forged(store, &changing.stamp)) {
		judged->result->verdict = VERDICT_ID_MISUSED;
		return MMS_OK;
	}
	if (!server_store_has_stamp(&changing.stamp)) {
		changing.stamp.commit = store->row_next;
		memcpy(changing.stamp.start_id, store->start_id, sizeof store->start_id);
	}
	const enum mms_err err = judge(store, &changing);
	if (err != MMS_OK)
		return err;
	if (changing.verdict != VERDICT_NEW && changing.verdict != VERDICT_REPEAT)
		return server_store_change_refuse(store, judged, changing.verdict);
	return accept(store, &changing);
}
