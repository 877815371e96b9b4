// SPDX-License-Identifier: ISC
// The contract is in rooms.h.
#include "rooms.h"

#include <stdio.h>

#include "people.h"
#include "report.h"

// --- what people do ---

static uint8_t any_user(void)
{
	return world.user[draw_below(&world.draw, world.user_count)].first;
}

void rooms_act(uint8_t profile)
{
	struct draw *draw = &world.draw;
	const uint32_t what = draw_below(draw, 100);
	struct message wish = {.recipient = (uint8_t)(ROOMS_FIRST + draw_below(draw, ROOMS_COUNT)), .other = NOBODY};
	uint16_t text_bytes = 0;
	if (world_user_is_hostile(world_user_of_identity(world.profile[profile].disk.identity)))
		return;
	if (what < 20) {
		wish.what = OUTBOX_JOIN;
		wish.flags = (uint8_t)(draw_chance(draw, 800) ? JOIN_MAKES : 0);
		wish.flags |= draw_chance(draw, 200) ? JOIN_PRIVATE : 0;
		wish.flags |= draw_chance(draw, 300) ? JOIN_NO_HISTORY : 0;
	} else if (what < 32) {
		wish.what = OUTBOX_ADD;
		wish.other = any_user();
	} else if (what < 44) {
		wish.what = OUTBOX_LEAVE;
		wish.other = draw_chance(draw, 500) ? any_user() : NOBODY;
	} else if (what < 52) {
		wish.what = draw_chance(draw, 500) ? OUTBOX_BLOCK : OUTBOX_UNBLOCK;
		wish.recipient = any_user();
	} else {
		wish.what = OUTBOX_MESSAGE;
		text_bytes = (uint16_t)(1 + draw_below(draw, world.options.text_bytes_max));
	}
	(void)world_wish(profile, &wish, text_bytes);
}

void rooms_waver(uint8_t profile, uint8_t user)
{
	const uint8_t own = world_user_of_identity(world.profile[profile].disk.identity);
	const bool comes = draw_chance(&world.draw, 500);
	struct message wish = {.recipient = ROOMS_FIRST, .flags = JOIN_MAKES, .what = comes ? OUTBOX_JOIN : OUTBOX_LEAVE, .other = NOBODY};
	if (world_user_is_hostile(own))
		return;
	if (own != user) {
		wish.what = comes ? OUTBOX_ADD : OUTBOX_LEAVE;
		wish.flags = 0;
		wish.other = world.user[user].first;
	}
	(void)world_wish(profile, &wish, 0);
}

// --- what must come ---

static const struct disk_room *room_of(const struct message *message)
{
	const struct name name = truth_room_name(message->recipient);
	return server_disk_room(&world.disk, &name);
}

static bool is_member(const struct disk_room *room, uint8_t user)
{
	const struct disk_pair *member = server_disk_member(&world.disk, room->room_id, world.disk.user[user].user_id);
	return member != NULL && member->is_so;
}

bool rooms_are_closed(const struct message *message)
{
	if (message->what == OUTBOX_UNBLOCK)
		return false;
	if (message->what == OUTBOX_BLOCK)
		return people_holder(message->recipient) < 0;
	if (message->what != OUTBOX_MESSAGE)
		return message->what != OUTBOX_LEAVE || message->other != NOBODY;
	const struct disk_room *room = room_of(message);
	return room == NULL || !is_member(room, message->sender);
}

bool rooms_owe(const struct message *message, uint8_t user)
{
	if (message->what != OUTBOX_MESSAGE || !message->is_lost || world.had_absence || message->sender == NOBODY)
		return false;
	const struct disk_room *room = room_of(message);
	return room != NULL && is_member(room, user) && is_member(room, message->sender);
}

static const struct disk_line *line_at(const struct disk_room *room, uint64_t row)
{
	for (uint32_t i = 0; i < world.disk.line_count; i++)
		if (world.disk.line[i].room_id == room->room_id && world.disk.line[i].room_row == row)
			return &world.disk.line[i];
	return NULL;
}

// A row that history has must be there, and no other message in its place; of one that it has not, that or a gap.
static bool lacks_row(const struct profile *profile, const struct disk_room *room, uint64_t row)
{
	bool is_gap = false;
	const struct disk_line *line = line_at(room, row);
	const uint32_t message = device_disk_at(&profile->disk, &room->is.id, row, &is_gap);
	if (line != NULL && message < MESSAGES_MAX && message != line->message)
		return true;
	if (message < MESSAGES_MAX)
		return false;
	return line != NULL && line->is_kept ? !is_gap || world.options.server_restores == 0 : !is_gap;
}

// The last row of a room that a profile has, or notes as gone.
static uint64_t last_row(const struct profile *profile, const struct disk_room *room)
{
	uint64_t row = room->row_last;
	bool is_gap = false;
	while (row > 0 && device_disk_at(&profile->disk, &room->is.id, row, &is_gap) == MESSAGES_MAX && !is_gap)
		row--;
	return row;
}

bool rooms_lack(const struct profile *profile, bool is_tail_due, char *text, size_t text_bytes)
{
	const uint8_t user = world_user_of_identity(profile->disk.identity);
	for (uint32_t i = 0; i < DISK_ROOMS_MAX; i++) {
		const struct disk_room *room = &world.disk.room[i];
		const struct disk_pair *member = server_disk_member(&world.disk, room->room_id, world.disk.user[user].user_id);
		if (room->room_id == 0 || room->is_gone || member == NULL || !member->is_so)
			continue;
		const uint64_t last = is_tail_due ? room->row_last : last_row(profile, room);
		for (uint64_t row = member->from_row; row <= last; row++) {
			if (!lacks_row(profile, room, row))
				continue;
			snprintf(text, text_bytes, "profile %u lacks row %llu of #%s", (unsigned)(profile - world.profile),
				 (unsigned long long)row, room->is.name.text);
			return true;
		}
	}
	return false;
}
