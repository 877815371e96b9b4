// SPDX-License-Identifier: ISC
// Rooms of the simulated store, who is in them, and who blocks whom. The contract is in server_disk.h and server_disk_inside.h.
#include <assert.h>
#include <string.h>

#include "report.h"
#include "server_disk_inside.h"

enum { DAY_SECONDS = 24 * 60 * 60 };

// --- rooms and names ---

struct disk_room *disk_room_get(struct server_disk *disk, int64_t room_id)
{
	for (uint32_t i = 0; i < DISK_ROOMS_MAX && room_id != 0; i++)
		if (disk->room[i].room_id == room_id)
			return &disk->room[i];
	return NULL;
}

static struct disk_room_name *find_name(struct server_disk *disk, const struct name *name)
{
	for (uint32_t i = 0; i < DISK_NAMES_MAX; i++)
		if (disk->name[i].room_id != 0 && name_is_same(&disk->name[i].name, name))
			return &disk->name[i];
	return NULL;
}

struct disk_room *disk_room_find(struct server_disk *disk, const struct name *name, bool *is_taken)
{
	const struct disk_room_name *known = find_name(disk, name);
	struct disk_room *room = known == NULL ? NULL : disk_room_get(disk, known->room_id);
	*is_taken = known != NULL;
	return room == NULL || room->is_gone ? NULL : room;
}

const struct disk_room *server_disk_room(const struct server_disk *disk, const struct name *name)
{
	for (uint32_t i = 0; i < DISK_ROOMS_MAX; i++)
		if (disk->room[i].room_id != 0 && !disk->room[i].is_gone && name_is_same(&disk->room[i].is.name, name))
			return &disk->room[i];
	return NULL;
}

void disk_room_name(struct server_disk *disk, int64_t room_id, const struct name *name)
{
	struct disk_room_name *place = find_name(disk, name);
	for (uint32_t i = 0; i < DISK_NAMES_MAX && place == NULL; i++)
		if (disk->name[i].room_id == 0)
			place = &disk->name[i];
	assert(place != NULL);
	*place = (struct disk_room_name){room_id, *name};
}

// Random enough, and another one in every life of the store.
static struct room_id tag_of(const struct server_disk *disk)
{
	struct room_id id;
	uint64_t hash = 0xcbf29ce484222325 ^ disk->commit_next;
	for (size_t i = 0; i < STORAGE_START_ID_BYTES; i++)
		hash = (hash ^ disk->start[disk->start_count - 1].start_id[i]) * 0x100000001b3;
	hash = (hash ^ hash >> 29) * 0x9e3779b97f4a7c15;
	memcpy(id.bytes, &hash, sizeof id.bytes);
	id.bytes[0] |= 1;
	return id;
}

struct disk_room *disk_room_make(struct server_disk *disk, const struct storage_change *change)
{
	const int64_t limit = disk->seconds - ROOM_NAME_DAYS * DAY_SECONDS;
	struct disk_room *room = NULL;
	uint32_t made = 0;
	for (uint32_t i = DISK_ROOMS_MAX; i-- > 0;) {
		const struct disk_room *other = &disk->room[i];
		if (other->room_id == 0)
			room = &disk->room[i];
		else if (other->made_by == change->user_id && change->user_id != 0 && (!other->is_gone || other->gone_at > limit))
			made++;
	}
	if (made >= ROOMS_MADE_MAX)
		return NULL;
	assert(room != NULL);
	*room = (struct disk_room){
		.room_id = ++disk->room_id_next,
		.is = {tag_of(disk), change->room},
		.is_private = change->is_private,
		.has_no_history = change->has_no_history,
		.made_by = change->user_id,
	};
	disk_room_name(disk, room->room_id, &change->room);
	report_sight(SIGHT_ROOM_MADE);
	return room;
}

void disk_room_go(struct server_disk *disk, struct disk_room *room)
{
	room->is_gone = true;
	room->gone_at = disk->seconds;
	report_sight(SIGHT_ROOM_GONE);
	report_trace("the room #%s is gone", room->is.name.text);
}

// --- pairs ---

struct disk_pair *disk_pair_find(struct disk_pair *pairs, uint32_t count, int64_t of_id, int64_t user_id)
{
	for (uint32_t i = 0; i < count; i++)
		if (pairs[i].user_id == user_id && user_id != 0 && pairs[i].of_id == of_id)
			return &pairs[i];
	return NULL;
}

struct disk_pair *disk_pair_put(struct disk_pair *pairs, uint32_t *count, int64_t of_id, int64_t user_id)
{
	struct disk_pair *pair = disk_pair_find(pairs, *count, of_id, user_id);
	for (uint32_t i = 0; i < *count && pair == NULL; i++)
		if (pairs[i].user_id == 0)
			pair = &pairs[i];
	if (pair == NULL) {
		assert(*count < DISK_PAIRS_MAX);
		pair = &pairs[(*count)++];
		pair->user_id = 0;
	}
	if (pair->user_id == 0)
		*pair = (struct disk_pair){.of_id = of_id, .user_id = user_id};
	return pair;
}

const struct disk_pair *server_disk_member(const struct server_disk *disk, int64_t room_id, int64_t user_id)
{
	for (uint32_t i = 0; i < disk->member_count && user_id != 0; i++)
		if (disk->member[i].user_id == user_id && disk->member[i].of_id == room_id)
			return &disk->member[i];
	return NULL;
}

bool server_disk_blocks(const struct server_disk *disk, int64_t user_id, int64_t other_id)
{
	for (uint32_t i = 0; i < disk->block_count; i++)
		if (disk->block[i].user_id == other_id && other_id != 0 && disk->block[i].of_id == user_id)
			return disk->block[i].is_so;
	return false;
}

uint32_t disk_room_members(const struct server_disk *disk, int64_t room_id)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < disk->member_count; i++)
		count += disk->member[i].user_id != 0 && disk->member[i].of_id == room_id && disk->member[i].is_so;
	return count;
}

void disk_enter(struct server_disk *disk, const struct disk_room *room, int64_t user_id, const struct name *name,
		const struct storage_mark *stamp)
{
	const bool is_first = disk_room_members(disk, room->room_id) == 0;
	*disk_pair_put(disk->member, &disk->member_count, room->room_id, user_id) = (struct disk_pair){
		.of_id = room->room_id,
		.user_id = user_id,
		.name = *name,
		.is_so = true,
		.is_owner = is_first,
		.from_row = room->has_no_history ? room->row_last + 1 : 1,
		.since = disk->commit_next,
		.stamp = *stamp,
	};
	disk_begin_notes(disk, &disk->user[server_disk_user(disk, user_id)]);
}

// The one of longest standing owns it.
static void hand_over(struct server_disk *disk, int64_t room_id)
{
	struct disk_pair *oldest = NULL;
	for (uint32_t i = 0; i < disk->member_count; i++) {
		struct disk_pair *pair = &disk->member[i];
		if (pair->user_id != 0 && pair->of_id == room_id && pair->is_so && (oldest == NULL || pair->since < oldest->since))
			oldest = pair;
	}
	if (oldest == NULL)
		return;
	oldest->is_owner = true;
	report_sight(SIGHT_ROOM_HANDED_OVER);
}

void disk_leave(struct server_disk *disk, const struct disk_room *room, int64_t user_id)
{
	struct disk_pair *pair = disk_pair_find(disk->member, disk->member_count, room->room_id, user_id);
	const bool was_owner = pair->is_owner;
	pair->is_so = pair->is_owner = false;
	pair->from_row = pair->since = 0;
	pair->ended_at = disk->seconds;
	if (was_owner)
		hand_over(disk, room->room_id);
}

// --- a user is forgotten ---

static void leave_one(struct server_disk *disk, struct disk_pair *pair, const struct name *name)
{
	struct storage_place places[DISK_USERS_MAX];
	struct disk_room *room = disk_room_get(disk, pair->of_id);
	assert(room != NULL);
	disk_leave(disk, room, pair->user_id);
	pair->user_id = 0;
	if (disk_room_members(disk, room->room_id) == 0 && room->made_by != 0) {
		disk_room_go(disk, room);
		return;
	}
	const struct disk_line said = {
		.accepted_at = disk->newest_at,
		.kind = MESSAGE_LEFT,
		.form = MESSAGE_UTF8,
		.text_bytes = (uint16_t)name_bytes(name),
	};
	disk_post(disk, room, &said, (const uint8_t *)name->text, places);
}

void disk_forget_in_rooms(struct server_disk *disk, struct disk_user *user, const struct name *name)
{
	for (;;) { // in the order of the rooms
		struct disk_pair *first = NULL;
		for (uint32_t i = 0; i < disk->member_count; i++) {
			struct disk_pair *pair = &disk->member[i];
			if (pair->user_id == user->user_id && pair->is_so && (first == NULL || pair->of_id < first->of_id))
				first = pair;
		}
		if (first == NULL)
			break;
		leave_one(disk, first, name);
	}
	for (uint32_t i = 0; i < disk->member_count; i++)
		if (disk->member[i].user_id == user->user_id)
			disk->member[i].user_id = 0;
	for (uint32_t i = 0; i < disk->block_count; i++)
		if (disk->block[i].user_id == user->user_id || disk->block[i].of_id == user->user_id)
			disk->block[i].user_id = 0;
}

// --- what is kept no longer ---

static void clean_pairs(const struct server_disk *disk, struct disk_pair *pairs, uint32_t count)
{
	const int64_t limit = disk->seconds - PAIR_DAYS * DAY_SECONDS;
	for (uint32_t i = 0; i < count; i++)
		if (pairs[i].user_id != 0 && !pairs[i].is_so && pairs[i].ended_at <= limit)
			pairs[i].user_id = 0;
}

static bool has_lines(const struct server_disk *disk, int64_t room_id)
{
	for (uint32_t i = 0; i < disk->line_count; i++)
		if (disk->line[i].room_id == room_id && disk->line[i].is_kept)
			return true;
	for (uint32_t i = 0; i < disk->row_count; i++)
		if (disk->row[i].room_id == room_id && disk->row[i].in_mailbox)
			return true;
	return false;
}

static void clean_room(struct server_disk *disk, struct disk_room *room)
{
	const int64_t limit = disk->seconds - ROOM_NAME_DAYS * DAY_SECONDS;
	if (room->room_id == 0 || !room->is_gone || room->gone_at > limit)
		return;
	for (uint32_t i = 0; i < DISK_NAMES_MAX; i++)
		if (disk->name[i].room_id == room->room_id)
			disk->name[i].room_id = 0;
	if (!has_lines(disk, room->room_id))
		room->room_id = 0;
}

void disk_clean_rooms(struct server_disk *disk)
{
	const int64_t limit = disk->seconds - RETENTION_DAYS * DAY_SECONDS;
	for (uint32_t i = 0; i < disk->line_count; i++) {
		struct disk_line *line = &disk->line[i];
		if (!line->is_kept)
			continue;
		const struct disk_room *room = disk_room_get(disk, line->room_id);
		if (!room->is_gone && line->kept_at > limit)
			continue;
		if (!room->is_gone)
			server_disk_check_kept("a room's message", line->kept_ran, RETENTION_DAYS);
		line->is_kept = false;
		report_sight(SIGHT_LINE_EXPIRED);
	}
	clean_pairs(disk, disk->member, disk->member_count);
	clean_pairs(disk, disk->block, disk->block_count);
	for (uint32_t i = 0; i < DISK_ROOMS_MAX; i++)
		clean_room(disk, &disk->room[i]);
}
