// SPDX-License-Identifier: ISC
// Mailboxes: rows come, are passed by cursors, and leave. The contract is in server_disk_inside.h.
#include <assert.h>

#include "report.h"
#include "server_disk_inside.h"

bool disk_cursors(const struct server_disk *disk, int64_t user_id, uint64_t *low, uint64_t *high)
{
	bool is_any = false;
	*low = UINT64_MAX;
	*high = 0;
	for (uint32_t i = 0; i < disk->device_count; i++) {
		const struct storage_device *device = &disk->device[i].held;
		if (device->device_id == 0 || device->user_id != user_id)
			continue;
		is_any = true;
		*low = device->cursor < *low ? device->cursor : *low;
		*high = device->cursor > *high ? device->cursor : *high;
	}
	if (!is_any)
		*low = 0;
	return is_any;
}

void disk_remove_rows(struct server_disk *disk, int64_t user_id, uint64_t up_to)
{
	for (uint32_t i = 0; i < disk->row_count; i++) {
		struct disk_row *row = &disk->row[i];
		if (!row->in_mailbox || row->recipient_id != user_id || row->row > up_to)
			continue;
		row->in_mailbox = false;
		server_disk_check_removed(disk, row);
	}
}

void disk_drop_row(struct server_disk *disk, struct disk_row *row)
{
	for (uint32_t i = 0; i < disk->device_count; i++) {
		struct storage_device *device = &disk->device[i].held;
		if (device->device_id == 0 || device->user_id != row->recipient_id || device->cursor >= row->row)
			continue;
		server_disk_check_owed(&disk->device[i], row);
		if (row->room_id != 0)
			continue; // what it lacks of a room it sees
		device->gap_row = row->row > device->gap_row ? row->row : device->gap_row;
		device->gap_count++;
		report_sight(SIGHT_GAP_MADE);
	}
	row->in_mailbox = false;
	server_disk_check_removed(disk, row);
}

// --- bounds ---

struct usage {
	uint64_t rows;
	uint64_t bytes;
};

// Whose part of a mailbox a row takes.
static int64_t share_of(const struct disk_row *row)
{
	return row->room_id != 0 ? DISK_SHARE_ROOMS : row->sender_id;
}

// What no device of a user has; sender_id 0: of all.
static struct usage count_untaken(const struct server_disk *disk, const struct disk_user *user, int64_t sender_id)
{
	struct usage usage = {0, 0};
	for (uint32_t i = 0; i < disk->row_count; i++) {
		const struct disk_row *row = &disk->row[i];
		if (!row->in_mailbox || row->recipient_id != user->user_id || row->row <= user->taken_row ||
		    (sender_id != 0 && share_of(row) != sender_id))
			continue;
		usage.rows++;
		usage.bytes += row->text_bytes;
	}
	return usage;
}

uint64_t disk_untaken(const struct server_disk *disk, const struct disk_user *user)
{
	return count_untaken(disk, user, 0).rows;
}

// A sender's part of what a mailbox may hold that no device has.
static uint64_t share(uint64_t most)
{
	return (most + MAILBOX_SHARE - 1) / MAILBOX_SHARE;
}

bool disk_has_quota(const struct server_disk *disk, const struct disk_user *user, int64_t sender_id, size_t text_bytes)
{
	const struct disk_bounds *bounds = &disk->bounds;
	const struct usage all = count_untaken(disk, user, 0);
	const struct usage own = count_untaken(disk, user, sender_id);
	return all.rows < bounds->rows_max && all.bytes + text_bytes <= bounds->bytes_max &&
	       own.rows < share(bounds->rows_max) && own.bytes + text_bytes <= share(bounds->bytes_max);
}

// What a row counts into what a mailbox holds.
static uint64_t held_bytes_of(const struct disk_row *row)
{
	return MAILBOX_ROW_BYTES + row->text_bytes;
}

// Whether a row may go from a full mailbox: some device has it.
static bool may_go(const struct disk_row *row, const struct disk_user *user)
{
	return row->in_mailbox && row->recipient_id == user->user_id && row->row <= user->taken_row;
}

// The oldest row of the sender with most of what some device has, or NULL.
static struct disk_row *find_excess(struct server_disk *disk, const struct disk_user *user)
{
	struct disk_row *found = NULL;
	uint64_t most = 0;
	for (uint32_t i = 0; i < disk->row_count; i++) {
		uint64_t bytes = 0;
		struct disk_row *row = &disk->row[i];
		if (!may_go(row, user))
			continue;
		for (uint32_t k = 0; k < disk->row_count; k++)
			if (may_go(&disk->row[k], user) && share_of(&disk->row[k]) == share_of(row))
				bytes += held_bytes_of(&disk->row[k]);
		if (bytes < most || (bytes == most && share_of(row) >= share_of(found)))
			continue;
		most = bytes;
		found = row;
	}
	return found;
}

void disk_shed(struct server_disk *disk, const struct disk_user *user)
{
	uint64_t held_bytes = 0;
	for (uint32_t i = 0; i < disk->row_count; i++)
		if (disk->row[i].in_mailbox && disk->row[i].recipient_id == user->user_id)
			held_bytes += held_bytes_of(&disk->row[i]);
	for (int shed = 0; shed < MAILBOX_SHED_ROWS_MAX && held_bytes > disk->bounds.held_bytes_max; shed++) {
		struct disk_row *row = find_excess(disk, user);
		if (row == NULL)
			return;
		held_bytes -= held_bytes_of(row);
		disk_drop_row(disk, row);
		report_sight(SIGHT_ROW_SHED);
	}
}

// --- rows ---

void disk_note(const struct server_disk *disk, struct disk_user *user)
{
	enum { DAY_SECONDS = 24 * 60 * 60 };
	if (user->has_more && disk->seconds - user->noted_at >= DAY_SECONDS)
		user->noted_at = disk->seconds;
}

void disk_begin_notes(const struct server_disk *disk, struct disk_user *user)
{
	if (!user->has_more)
		user->noted_at = disk->seconds;
	user->has_more = true;
}

// Rows of long ago that nothing refers to make room for new ones.
static void compact(struct server_disk *disk)
{
	uint32_t kept = 0;
	for (uint32_t i = 0; i < disk->row_count; i++)
		if (disk->row[i].in_mailbox || disk->row[i].is_id_held)
			disk->row[kept++] = disk->row[i];
	disk->row_count = kept;
	disk->compact_count++;
}

struct disk_row *disk_put_row(struct server_disk *disk, struct disk_user *user, const struct disk_row *row)
{
	if (disk->row_count == ROWS_MAX)
		compact(disk);
	assert(disk->row_count < ROWS_MAX);
	if (disk_untaken(disk, user) == 0)
		disk_note(disk, user);
	struct disk_row *put = &disk->row[disk->row_count++];
	*put = *row;
	put->recipient_id = user->user_id;
	put->in_mailbox = true;
	put->held_since = disk->seconds;
	put->held_ran = server_disk_check_ran(disk->seconds);
	user->row_newest = put->row;
	server_disk_check_placed(disk, put, (uint8_t)(user - disk->user));
	disk_shed(disk, user);
	return put;
}

// --- moves ---

static struct disk_device *find_device(struct server_disk *disk, const struct storage_move *move)
{
	for (uint32_t i = 0; i < disk->device_count; i++)
		if (disk->device[i].held.device_id == move->device_id && disk->device[i].held.user_id == move->user_id)
			return &disk->device[i];
	return NULL;
}

// Rows that a device of the user has now, and none had before.
static void take_rows(struct server_disk *disk, int64_t user_id, uint64_t after, uint64_t up_to)
{
	for (uint32_t i = 0; i < disk->row_count; i++) {
		struct disk_row *row = &disk->row[i];
		if (!row->in_mailbox || row->recipient_id != user_id || row->row <= after || row->row > up_to || row->is_taken)
			continue;
		row->is_taken = true;
		row->taken_at = disk->seconds;
		row->taken_ran = server_disk_check_ran(disk->seconds);
	}
}

static void move_cursor(struct server_disk *disk, struct disk_device *device, uint64_t row)
{
	struct disk_user *user = &disk->user[server_disk_user(disk, device->held.user_id)];
	uint64_t before_low, before_high, low, high;
	if (row > user->row_newest)
		report_failure("a device has row %llu, which its mailbox never had", (unsigned long long)row);
	disk_cursors(disk, user->user_id, &before_low, &before_high);
	server_disk_check_move(disk, device, row);
	device->held.cursor = row;
	if (row > user->taken_row)
		disk_note(disk, user);
	user->taken_row = row > user->taken_row ? row : user->taken_row;
	disk_cursors(disk, user->user_id, &low, &high);
	if (low > before_low)
		disk_remove_rows(disk, user->user_id, low);
	take_rows(disk, user->user_id, before_high, high);
}

void disk_move(struct server_disk *disk, const struct storage_move *move)
{
	struct disk_device *device = find_device(disk, move);
	if (device == NULL)
		return;
	if (move->row > device->held.cursor)
		move_cursor(disk, device, move->row);
	if (move->gap_row == 0 || device->held.gap_row == 0 || device->held.gap_row > move->gap_row)
		return;
	server_disk_check_gap_told(device);
	device->held.gap_row = device->held.gap_count = 0;
	report_sight(SIGHT_GAP_SETTLED);
	report_trace("a device of user id %lld has its gap up to row %llu", (long long)move->user_id,
		     (unsigned long long)move->gap_row);
}
