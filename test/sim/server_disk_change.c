// SPDX-License-Identifier: ISC
// Changes, judged: the simulated store's own mind of what store/storage.h and doc/protocol.md sections 6.10, 6.11 and 6.16 say. The
// contract is in server_disk_inside.h.
#include <assert.h>
#include <string.h>

#include "report.h"
#include "server_disk_inside.h"

// What a change comes to.
struct judgement {
	struct server_disk *disk;
	const struct storage_change *change;
	struct storage_mark stamp; // it has, or will have
	enum storage_verdict verdict;
	struct disk_room *room; // that it is about
	int64_t pair_user_id;   // and whom, where somebody comes or goes; who is blocked or not
	bool is_taken;          // the room's name, also by a room that is gone
	uint8_t kind; // of what is written into the room; 0: nothing
	struct name about;
	int64_t going_id; // who leaves or is removed
	uint32_t removed_count; // of members, by deleting the room
};

// --- stamps ---

static bool has_stamp(const struct storage_mark *stamp)
{
	static const struct storage_mark none;
	return memcmp(stamp->start_id, none.start_id, sizeof none.start_id) != 0;
}

bool disk_is_forged(const struct server_disk *disk, const struct storage_mark *stamp)
{
	const struct storage_mark *present = &disk->start[disk->start_count - 1];
	return memcmp(stamp->start_id, present->start_id, sizeof present->start_id) == 0 && stamp->commit >= disk->commit_next;
}

// Where the start of a stamp stands: the starts there are have even places; between two of them stand those that nobody knows.
static uint32_t place_of(const struct server_disk *disk, const struct storage_mark *stamp)
{
	uint32_t place = 0;
	for (uint32_t i = 0; i < disk->start_count; i++) {
		if (memcmp(disk->start[i].start_id, stamp->start_id, sizeof stamp->start_id) == 0)
			return 2 * (i + 1);
		if (disk->start[i].commit <= stamp->commit)
			place = 2 * (i + 1) - 1;
	}
	return place;
}

// Whether the pair had something as new as what the change shows.
static bool is_overtaken(const struct judgement *judgement, const struct disk_pair *pair)
{
	const struct storage_mark *shown = &judgement->change->stamp;
	if (pair == NULL || !has_stamp(shown) || !has_stamp(&pair->stamp))
		return false;
	const uint32_t shown_place = place_of(judgement->disk, shown);
	const uint32_t place = place_of(judgement->disk, &pair->stamp);
	const bool is = shown_place != place ? shown_place < place : shown->commit <= pair->stamp.commit;
	if (is)
		report_sight(SIGHT_CHANGE_OVERTAKEN);
	return is;
}

// --- members ---

static struct disk_pair *member_of(const struct judgement *judgement, int64_t user_id)
{
	struct server_disk *disk = judgement->disk;
	return disk_pair_find(disk->member, disk->member_count, judgement->room == NULL ? 0 : judgement->room->room_id, user_id);
}

static bool is_member(const struct disk_pair *pair)
{
	return pair != NULL && pair->is_so;
}

// Whether nothing is to be done for a user: then the change has only its stamp to leave.
static bool is_settled(struct judgement *judgement, int64_t user_id, const struct name *name, bool wants)
{
	struct server_disk *disk = judgement->disk;
	struct disk_pair *pair = member_of(judgement, user_id);
	judgement->pair_user_id = user_id;
	if (is_overtaken(judgement, pair))
		return true;
	if (is_member(pair) != wants)
		return false;
	if (!has_stamp(&judgement->stamp))
		return true;
	pair = disk_pair_put(disk->member, &disk->member_count, judgement->room == NULL ? 0 : judgement->room->room_id, user_id);
	pair->stamp = judgement->stamp;
	if (!wants) {
		pair->name = *name;
		pair->ended_at = disk->seconds;
	}
	return true;
}

static uint32_t count_rooms(const struct server_disk *disk, int64_t user_id)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < disk->member_count; i++)
		count += disk->member[i].user_id == user_id && disk->member[i].is_so;
	return count;
}

static void let_in(struct judgement *judgement, int64_t user_id, const struct name *name, uint32_t rooms_max)
{
	struct server_disk *disk = judgement->disk;
	if (judgement->room != NULL && disk_room_members(disk, judgement->room->room_id) >= ROOM_MEMBERS_MAX)
		judgement->verdict = VERDICT_ROOM_FULL;
	else if (count_rooms(disk, user_id) >= rooms_max)
		judgement->verdict = VERDICT_LIMIT;
	else
		judgement->verdict = VERDICT_NEW;
	if (judgement->verdict == VERDICT_NEW && judgement->room == NULL) {
		judgement->room = disk_room_make(disk, judgement->change);
		judgement->verdict = judgement->room == NULL ? VERDICT_LIMIT : VERDICT_NEW;
	}
	if (judgement->verdict != VERDICT_NEW)
		return;
	disk_enter(disk, judgement->room, user_id, name, &judgement->stamp);
	judgement->pair_user_id = user_id;
	judgement->kind = MESSAGE_JOINED;
	judgement->about = *name;
}

static void judge_join(struct judgement *judgement)
{
	const struct storage_change *change = judgement->change;
	const bool is_in = is_member(member_of(judgement, change->user_id));
	if (judgement->room == NULL ? judgement->is_taken || !change->may_make : judgement->room->is_private && !is_in)
		judgement->verdict = VERDICT_NOT_A_MEMBER;
	else if (judgement->room != NULL && is_settled(judgement, change->user_id, &change->user, true))
		judgement->verdict = VERDICT_REPEAT;
	else
		let_in(judgement, change->user_id, &change->user, ROOMS_JOINED_MAX);
}

static void judge_add(struct judgement *judgement)
{
	const struct storage_change *change = judgement->change;
	const bool is_operator = change->user_id == 0;
	const struct disk_pair *caller = member_of(judgement, change->user_id);
	if (judgement->room == NULL || (!is_operator && !is_member(caller)))
		judgement->verdict = VERDICT_NOT_A_MEMBER;
	else if (judgement->room->is_private && !is_operator && !caller->is_owner)
		judgement->verdict = VERDICT_NOT_ALLOWED;
	else if (change->other_id == 0)
		judgement->verdict = VERDICT_NO_SUCH_USER;
	else if (is_settled(judgement, change->other_id, &change->other, true))
		judgement->verdict = VERDICT_REPEAT;
	else if (!is_operator && server_disk_blocks(judgement->disk, change->other_id, change->user_id))
		judgement->verdict = VERDICT_BLOCKED;
	else
		let_in(judgement, change->other_id, &change->other, is_operator ? ROOMS_JOINED_MAX : ROOMS_ADDED_MAX);
}

static void judge_leave(struct judgement *judgement)
{
	const struct storage_change *change = judgement->change;
	const bool is_operator = change->user_id == 0;
	const bool is_of_another = change->other.text[0] != 0 && (is_operator || change->other_id != change->user_id);
	const struct disk_pair *caller = member_of(judgement, change->user_id);
	judgement->verdict = VERDICT_REPEAT;
	if (is_of_another && (judgement->room == NULL || (!is_operator && !is_member(caller))))
		judgement->verdict = VERDICT_NOT_A_MEMBER;
	else if (is_of_another && !is_operator && !caller->is_owner)
		judgement->verdict = VERDICT_NOT_ALLOWED;
	if (judgement->verdict != VERDICT_REPEAT || (is_of_another && change->other_id == 0))
		return;
	const int64_t user_id = is_of_another ? change->other_id : change->user_id;
	judgement->about = is_of_another ? change->other : change->user;
	if (is_settled(judgement, user_id, &judgement->about, false))
		return;
	judgement->verdict = VERDICT_NEW;
	judgement->kind = is_of_another ? MESSAGE_REMOVED : MESSAGE_LEFT;
	judgement->going_id = user_id;
	member_of(judgement, user_id)->stamp = judgement->stamp;
	member_of(judgement, user_id)->name = judgement->about;
}

// --- the operator's ---

static void judge_make(struct judgement *judgement)
{
	judgement->verdict = VERDICT_NOT_ALLOWED;
	if (judgement->is_taken)
		return;
	judgement->room = disk_room_make(judgement->disk, judgement->change);
	judgement->verdict = judgement->room == NULL ? VERDICT_LIMIT : VERDICT_NEW;
}

static void judge_rename(struct judgement *judgement)
{
	bool is_taken;
	struct disk_room *room = judgement->room;
	const struct name *name = &judgement->change->name;
	judgement->verdict = VERDICT_NOT_A_MEMBER;
	if (room == NULL)
		return;
	const bool is_own = disk_room_find(judgement->disk, name, &is_taken) == room;
	judgement->verdict = VERDICT_NOT_ALLOWED;
	if (is_taken && !is_own)
		return;
	judgement->verdict = VERDICT_REPEAT;
	if (strcmp(room->is.name.text, name->text) == 0)
		return;
	judgement->verdict = VERDICT_NEW;
	judgement->kind = MESSAGE_RENAMED;
	judgement->about = room->is.name;
	room->is.name = *name;
	disk_room_name(judgement->disk, room->room_id, name);
}

static void judge_delete(struct judgement *judgement)
{
	struct server_disk *disk = judgement->disk;
	judgement->verdict = judgement->room == NULL ? VERDICT_NOT_A_MEMBER : VERDICT_NEW;
	if (judgement->room == NULL)
		return;
	judgement->removed_count = disk_room_members(disk, judgement->room->room_id);
	for (uint32_t i = 0; i < disk->member_count; i++)
		if (disk->member[i].of_id == judgement->room->room_id && disk->member[i].is_so)
			disk->member[i].user_id = 0;
	disk_room_go(disk, judgement->room);
}

// --- blocks ---

static void judge_block(struct judgement *judgement)
{
	struct server_disk *disk = judgement->disk;
	const struct storage_change *change = judgement->change;
	const bool wants = change->what == CHANGE_BLOCK;
	judgement->verdict = wants && change->other_id == 0 ? VERDICT_NO_SUCH_USER : VERDICT_REPEAT;
	if (change->other_id == 0 || change->other_id == change->user_id)
		return;
	judgement->pair_user_id = change->other_id;
	struct disk_pair *pair = disk_pair_find(disk->block, disk->block_count, change->user_id, change->other_id);
	if (is_overtaken(judgement, pair))
		return;
	if ((pair != NULL && pair->is_so) != wants) {
		judgement->verdict = VERDICT_NEW;
		disk_begin_notes(disk, &disk->user[server_disk_user(disk, change->user_id)]);
		report_sight(wants ? SIGHT_BLOCKED : SIGHT_UNBLOCKED);
	}
	pair = disk_pair_put(disk->block, &disk->block_count, change->user_id, change->other_id);
	pair->is_so = wants;
	pair->name = change->other;
	pair->stamp = judgement->stamp;
	pair->ended_at = disk->seconds;
}

// --- a change ---

static void judge(struct judgement *judgement)
{
	const enum storage_change_kind what = judgement->change->what;
	if (what != CHANGE_BLOCK && what != CHANGE_UNBLOCK && what != CHANGE_DEVICE_NAME && what != CHANGE_DEVICE_REMOVE)
		judgement->room = disk_room_find(judgement->disk, &judgement->change->room, &judgement->is_taken);
	switch (what) {
	case CHANGE_JOIN:
		judge_join(judgement);
		return;
	case CHANGE_ADD:
		judge_add(judgement);
		return;
	case CHANGE_LEAVE:
		judge_leave(judgement);
		return;
	case CHANGE_BLOCK:
	case CHANGE_UNBLOCK:
		judge_block(judgement);
		return;
	case CHANGE_DEVICE_NAME:
	case CHANGE_DEVICE_REMOVE:
		judgement->verdict = VERDICT_REPEAT; // there are none by name yet
		return;
	case CHANGE_ROOM_MAKE:
		judge_make(judgement);
		return;
	case CHANGE_ROOM_RENAME:
		judge_rename(judgement);
		return;
	case CHANGE_ROOM_DELETE:
		judge_delete(judgement);
		return;
	}
	assert(false);
}

static bool is_of_blocks(const struct storage_change *change)
{
	return change->what == CHANGE_BLOCK || change->what == CHANGE_UNBLOCK;
}

// Writes into the room what came of it. Who goes hears it too, and is gone then.
static uint32_t say(const struct judgement *judgement, struct disk_line *said, struct storage_place *places)
{
	struct server_disk *disk = judgement->disk;
	uint8_t text[MESSAGE_TO_BYTES_MAX];
	const struct message_to about = {judgement->about, judgement->kind == MESSAGE_RENAMED};
	said->kind = judgement->kind;
	said->form = MESSAGE_UTF8;
	said->text_bytes = (uint16_t)message_to_write(&about, text);
	said->going_id = judgement->going_id;
	const uint32_t count = disk_post(disk, judgement->room, said, text, places);
	if (judgement->going_id == 0)
		return count;
	disk_leave(disk, judgement->room, judgement->going_id);
	if (disk_room_members(disk, judgement->room->room_id) == 0 && judgement->room->made_by != 0)
		disk_room_go(disk, judgement->room);
	return count;
}

struct storage_result disk_change(struct server_disk *disk, const struct storage_op *op, struct storage_place *places)
{
	const struct storage_change *change = &op->change;
	struct judgement judgement = {.disk = disk, .change = change, .stamp = change->stamp};
	if (!has_stamp(&judgement.stamp)) {
		judgement.stamp = disk->start[disk->start_count - 1];
		judgement.stamp.commit = disk->commit_next;
	}
	judge(&judgement);
	struct storage_result result = {.verdict = judgement.verdict};
	if ((judgement.verdict != VERDICT_NEW && judgement.verdict != VERDICT_REPEAT) ||
	    (judgement.verdict == VERDICT_REPEAT && change->user_id == 0))
		return result;
	struct disk_line said = {
		.is_change = true,
		.sender_id = change->user_id,
		.id = change->id,
		.sender = change->user,
		.stamp = judgement.stamp,
		.pair_of_id = judgement.room != NULL ? judgement.room->room_id : is_of_blocks(change) ? change->user_id : 0,
		.pair_user_id = judgement.pair_user_id,
		.has_effect = judgement.verdict == VERDICT_NEW,
		.accepted_at = op->at,
	};
	memcpy(said.digest, change->digest, DIGEST_BYTES);
	result.stamp = judgement.stamp;
	if (judgement.verdict == VERDICT_NEW && judgement.room != NULL)
		result.room = judgement.room->is;
	if (judgement.verdict == VERDICT_NEW && judgement.kind != 0) {
		result.row = disk->commit_next;
		result.kind = judgement.kind;
		result.about = judgement.about;
		result.place_count = say(&judgement, &said, places);
		result.room_row = judgement.room->row_last;
	} else {
		disk_note_change(disk, &said);
	}
	if (judgement.verdict == VERDICT_NEW && judgement.room != NULL)
		result.member_count = disk_room_members(disk, judgement.room->room_id) + judgement.removed_count;
	return result;
}
