// SPDX-License-Identifier: ISC
// Answers to questions. The contract is in server_disk.h.
#include <assert.h>
#include <string.h>

#include "server_disk_inside.h"

bool server_disk_is_closed(const struct server_disk *disk, uint8_t user, uint8_t sender)
{
	return !disk_has_quota(disk, &disk->user[user], disk->user[sender].user_id, 1);
}

// Whether the store promised a mark, or it is none.
static bool is_mark_known(const struct server_disk *disk, const struct storage_mark *mark)
{
	static const uint8_t none[STORAGE_START_ID_BYTES];
	if (memcmp(mark->start_id, none, sizeof none) == 0)
		return true;
	for (uint32_t i = 0; i < disk->start_count; i++)
		if (memcmp(disk->start[i].start_id, mark->start_id, STORAGE_START_ID_BYTES) == 0)
			return mark->commit <
			       (i + 1 < disk->start_count ? disk->start[i + 1].commit : disk->commit_next);
	return false;
}

static void answer_signin(const struct server_disk *disk, const struct disk_memory *memory, struct storage_question *question)
{
	const struct disk_device *known = server_disk_device(disk, question->signin.key);
	const bool is_known = is_mark_known(disk, &question->signin.mark);
	bool is_spent = false;
	for (uint32_t i = 0; question->signin.has_invite && i < disk->spent_count; i++)
		is_spent = is_spent || memcmp(disk->spent[i], question->signin.invite_hash, STORAGE_KEY_BYTES) == 0;
	memset(&question->is, 0, sizeof question->is);
	question->is.is_invite_spent = is_spent;
	question->is.is_mark_known = is_known;
	question->is.mark = memory->lane[question->lane];
	if (!disk->bounds.is_apart)
		question->is.mark.commit = disk->commit_next - 1;
	for (uint32_t i = 0; i < disk->device_count; i++)
		question->is.device_count +=
			disk->device[i].held.device_id != 0 && disk->device[i].held.user_id == question->user_id;
	if (known == NULL)
		return;
	question->is.has_device = true;
	question->is.device = known->held;
	for (uint32_t i = 0; i < disk->row_count; i++) {
		const struct disk_row *row = &disk->row[i];
		if (!row->in_mailbox || row->recipient_id != known->held.user_id || row->row <= known->held.cursor)
			continue;
		question->is.waiting_count += row->row > known->seen_row && !row->is_silent;
		question->is.history_count += row->row <= known->seen_row;
	}
}

// A room that is gone has its name as long as a message of it is there.
static struct storage_room_name room_of(const struct server_disk *disk, int64_t room_id)
{
	for (uint32_t i = 0; i < DISK_ROOMS_MAX && room_id != 0; i++)
		if (disk->room[i].room_id == room_id)
			return disk->room[i].is;
	return (struct storage_room_name){0};
}

static bool is_history(const struct server_disk *disk, int64_t device_id, uint64_t row)
{
	for (uint32_t i = 0; i < disk->device_count; i++)
		if (device_id != 0 && disk->device[i].held.device_id == device_id)
			return row <= disk->device[i].seen_row;
	return false;
}

static void put_row(const struct server_disk *disk, struct storage_page *page, uint32_t *text_bytes, const struct disk_row *row,
		    bool is_old)
{
	page->row[page->row_count++] = (struct storage_row){
		.row = row->row,
		.id = row->id,
		.sender = row->sender,
		.is_history = is_old,
		.is_counted = !row->is_silent && !is_old,
		.room_row = row->room_row,
		.room = room_of(disk, row->room_id),
		.accepted_at = row->accepted_at,
		.kind = row->kind,
		.form = row->form,
		.text_bytes = row->text_bytes,
		.text_offset = *text_bytes,
	};
	memcpy(page->text + *text_bytes, row->text, row->text_bytes);
	*text_bytes += row->text_bytes;
}

static void answer_page(const struct server_disk *disk, struct storage_question *question, uint32_t rows_max)
{
	const uint64_t after_row = question->mailbox.after_row;
	const uint32_t most = question->mailbox.rows_max < rows_max ? question->mailbox.rows_max : rows_max;
	const uint8_t user = server_disk_user(disk, question->user_id);
	uint32_t text_bytes = 0;
	assert(most >= 1);
	assert(question->mailbox.rows_max <= STORAGE_PAGE_ROWS_MAX);
	question->page->row_count = 0;
	question->has.is_end = true;
	question->has.row_newest = user == DISK_USERS_MAX ? 0 : disk->user[user].row_newest;
	question->has.row_read = after_row;
	for (uint32_t i = 0; i < disk->row_count && question->has.is_end; i++) {
		const struct disk_row *row = &disk->row[i];
		if (!row->in_mailbox || row->recipient_id != question->user_id || row->row <= after_row)
			continue;
		if (question->page->row_count == most)
			question->has.is_end = false;
		else {
			put_row(disk, question->page, &text_bytes, row,
				is_history(disk, question->mailbox.device_id, row->row));
			question->has.row_read = row->row;
		}
	}
}

static bool has_device(const struct server_disk *disk, const struct disk_user *user)
{
	for (uint32_t i = 0; i < disk->device_count; i++)
		if (disk->device[i].held.device_id != 0 && disk->device[i].held.user_id == user->user_id)
			return true;
	return false;
}

static void answer_life(const struct server_disk *disk, struct storage_question *question)
{
	const struct disk_user *last = NULL;
	memset(&question->was, 0, sizeof question->was);
	for (uint8_t i = 0; i < DISK_USERS_MAX; i++) {
		const struct disk_user *user = &disk->user[i];
		struct name name;
		uint8_t life[STORAGE_LIFE_BYTES];
		if (user->user_id == 0)
			continue;
		server_disk_check_line(i, &name, life);
		if (!name_is_same(&name, &question->name))
			continue;
		const bool is_better = last != NULL && has_device(disk, user) != has_device(disk, last)
					       ? has_device(disk, user)
					       : last == NULL || user->user_id > last->user_id;
		if (!is_better)
			continue;
		last = user;
		question->was.is_known = true;
		memcpy(question->was.life, life, sizeof life);
	}
}

static const struct disk_device *next_device(const struct server_disk *disk, int64_t after_device_id)
{
	const struct disk_device *next = NULL;
	for (uint32_t i = 0; i < disk->device_count; i++)
		if (disk->device[i].held.device_id > after_device_id &&
		    (next == NULL || disk->device[i].held.device_id < next->held.device_id))
			next = &disk->device[i];
	return next;
}

static void answer_devices(const struct server_disk *disk, struct storage_question *question)
{
	struct storage_list *list = question->devices;
	const struct disk_device *device;
	int64_t after_device_id = question->after_device_id;
	list->count = 0;
	while (list->count < STORAGE_LIST_ROWS_MAX && (device = next_device(disk, after_device_id)) != NULL) {
		struct storage_listed *listed = &list->device[list->count++];
		*listed = (struct storage_listed){.device_id = device->held.device_id};
		server_disk_check_line(server_disk_user(disk, device->held.user_id), &listed->user, listed->life);
		memcpy(listed->fingerprint, device->fingerprint, sizeof listed->fingerprint);
		after_device_id = device->held.device_id;
	}
}

void server_disk_answer(const struct server_disk *disk, const struct disk_memory *memory, struct storage_question *question,
			uint32_t rows_max)
{
	switch (question->kind) {
	case QUESTION_SIGNIN:
		answer_signin(disk, memory, question);
		break;
	case QUESTION_PAGE:
		answer_page(disk, question, rows_max);
		break;
	case QUESTION_LIFE:
		answer_life(disk, question);
		break;
	case QUESTION_ALL_DEVICES:
		answer_devices(disk, question);
		break;
	default:
		disk_answer_list(disk, question, rows_max);
		break;
	}
}
