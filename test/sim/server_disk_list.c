// SPDX-License-Identifier: ISC
// Lists that the simulated store answers: rooms, who is in one, what stood in it, whom a user blocks. The contract is in
// server_disk_inside.h.
#include <assert.h>
#include <string.h>

#include "server_disk_inside.h"

// Whether a name stands behind another, in the order of lists.
static bool is_behind(const struct name *name, const struct name *other)
{
	const struct name folded = name_fold(name);
	const struct name other_folded = name_fold(other);
	return strcmp(folded.text, other_folded.text) > 0;
}

// The operator is shown all.
static bool is_visible(const struct disk_room *room, const struct disk_pair *member, const struct storage_question *question)
{
	const bool is_in = member != NULL && member->is_so;
	const bool is_open = !question->list.is_mine && !room->is_private;
	return room->room_id != 0 && !room->is_gone && (is_in || is_open || question->user_id == 0);
}

static void put_room(const struct server_disk *disk, struct storage_page *page, const struct disk_room *room,
		     const struct disk_pair *member)
{
	const bool is_in = member != NULL && member->is_so;
	page->room[page->row_count++] = (struct storage_room){
		.room = room->is,
		.is_member = is_in,
		.is_owner = is_in && member->is_owner,
		.is_private = room->is_private,
		.has_no_history = room->has_no_history,
		.from_row = is_in ? member->from_row : 0,
		.row_last = is_in ? room->row_last : 0,
		.member_count = disk_room_members(disk, room->room_id),
	};
}

static void list_rooms(const struct server_disk *disk, struct storage_question *question, uint32_t most)
{
	const uint8_t user = server_disk_user(disk, question->user_id);
	struct name after = question->list.after;
	question->has.row_newest = user == DISK_USERS_MAX ? 0 : disk->user[user].row_newest;
	for (;;) {
		const struct disk_room *next = NULL;
		for (uint32_t i = 0; i < DISK_ROOMS_MAX; i++) {
			const struct disk_room *room = &disk->room[i];
			if (is_visible(room, server_disk_member(disk, room->room_id, question->user_id), question) &&
			    is_behind(&room->is.name, &after) && (next == NULL || is_behind(&next->is.name, &room->is.name)))
				next = room;
		}
		question->has.has_more = next != NULL && question->page->row_count == most;
		if (next == NULL || question->has.has_more)
			return;
		put_room(disk, question->page, next, server_disk_member(disk, next->room_id, question->user_id));
		after = next->is.name;
	}
}

static void list_pairs(const struct disk_pair *pairs, uint32_t count, int64_t of_id, struct storage_question *question, uint32_t most)
{
	struct name after = question->list.after;
	for (;;) {
		const struct disk_pair *next = NULL;
		for (uint32_t i = 0; i < count; i++)
			if (pairs[i].user_id != 0 && pairs[i].of_id == of_id && pairs[i].is_so &&
			    is_behind(&pairs[i].name, &after) && (next == NULL || is_behind(&next->name, &pairs[i].name)))
				next = &pairs[i];
		question->has.has_more = next != NULL && question->page->row_count == most;
		if (next == NULL || question->has.has_more)
			return;
		question->page->member[question->page->row_count++] =
			(struct storage_member){next->user_id, next->name, next->is_owner};
		after = next->name;
	}
}

static const struct disk_room *room_by_name(const struct server_disk *disk, const struct name *name)
{
	for (uint32_t i = 0; i < DISK_NAMES_MAX; i++)
		for (uint32_t k = 0; k < DISK_ROOMS_MAX; k++)
			if (disk->name[i].room_id != 0 && name_is_same(&disk->name[i].name, name) &&
			    disk->room[k].room_id == disk->name[i].room_id && !disk->room[k].is_gone)
				return &disk->room[k];
	return NULL;
}

static const struct disk_room *room_by_tag(const struct server_disk *disk, const struct room_id *tag)
{
	for (uint32_t i = 0; i < DISK_ROOMS_MAX; i++)
		if (disk->room[i].room_id != 0 && !disk->room[i].is_gone &&
		    memcmp(disk->room[i].is.id.bytes, tag->bytes, sizeof tag->bytes) == 0)
			return &disk->room[i];
	return NULL;
}

static void list_members(const struct server_disk *disk, struct storage_question *question, uint32_t most)
{
	const struct disk_room *room = room_by_name(disk, &question->list.room);
	const struct disk_pair *member = room == NULL ? NULL : server_disk_member(disk, room->room_id, question->user_id);
	const bool is_let_in = question->user_id == 0 || (member != NULL && member->is_so);
	question->has.is_refused = room == NULL || (room->is_private && !is_let_in);
	if (!question->has.is_refused)
		list_pairs(disk->member, disk->member_count, room->room_id, question, most);
}

static void put_line(struct storage_page *page, uint32_t *text_bytes, const struct disk_line *line, const struct disk_room *room)
{
	page->row[page->row_count++] = (struct storage_row){
		.row = line->room_row,
		.id = line->id,
		.sender = line->sender,
		.room_row = line->room_row,
		.room = room->is,
		.accepted_at = line->accepted_at,
		.kind = line->kind,
		.form = line->form,
		.text_bytes = line->text_bytes,
		.text_offset = *text_bytes,
	};
	memcpy(page->text + *text_bytes, line->text, line->text_bytes);
	*text_bytes += line->text_bytes;
}

// Lines stand in the order of their rows.
static void list_history(const struct server_disk *disk, struct storage_question *question, uint32_t most)
{
	const struct disk_room *room = room_by_tag(disk, &question->list.room_id);
	const struct disk_pair *member = room == NULL ? NULL : server_disk_member(disk, room->room_id, question->user_id);
	struct storage_page *page = question->page;
	uint32_t text_bytes = 0;
	question->has.is_refused = member == NULL || !member->is_so;
	if (question->has.is_refused)
		return;
	const uint64_t from = question->list.from_row > member->from_row ? question->list.from_row : member->from_row;
	const uint64_t to = question->list.to_row < room->row_last ? question->list.to_row : room->row_last;
	question->has.row_newest = room->row_last;
	for (uint32_t i = 0; i < disk->line_count && page->row_count < most; i++)
		if (disk->line[i].room_id == room->room_id && disk->line[i].is_kept && disk->line[i].room_row >= from &&
		    disk->line[i].room_row <= to)
			put_line(page, &text_bytes, &disk->line[i], room);
	const uint64_t last = page->row_count == 0 ? 0 : page->row[page->row_count - 1].row;
	question->has.is_end = page->row_count < most || last == to;
	question->has.row_read = question->has.is_end ? to : last;
}

void disk_answer_list(const struct server_disk *disk, struct storage_question *question, uint32_t rows_max)
{
	question->page->row_count = 0;
	memset(&question->has, 0, sizeof question->has);
	switch (question->kind) {
	case QUESTION_ROOMS:
		list_rooms(disk, question, rows_max < STORAGE_PAGE_ROOMS_MAX ? rows_max : STORAGE_PAGE_ROOMS_MAX);
		break;
	case QUESTION_MEMBERS:
		list_members(disk, question, rows_max < STORAGE_PAGE_MEMBERS_MAX ? rows_max : STORAGE_PAGE_MEMBERS_MAX);
		break;
	case QUESTION_BLOCKED:
		list_pairs(disk->block, disk->block_count, question->user_id, question,
			   rows_max < STORAGE_PAGE_MEMBERS_MAX ? rows_max : STORAGE_PAGE_MEMBERS_MAX);
		break;
	case QUESTION_HISTORY:
		list_history(disk, question, rows_max < question->list.rows_max ? rows_max : question->list.rows_max);
		break;
	default:
		break;
	}
}
