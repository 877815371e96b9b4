// SPDX-License-Identifier: ISC
// Rooms of the simulated store held against the truth. The contract is in server_disk_check.h.
#include <string.h>

#include "report.h"
#include "server_disk_check.h"
#include "truth.h"
#include "world.h"

// --- what was wanted ---

static bool is_of_room(const struct message *message, const struct name *room)
{
	if (message->recipient < ROOMS_FIRST)
		return false;
	const struct name name = truth_room_name(message->recipient);
	return name_is_same(&name, room);
}

static uint8_t recipient_of(const struct name *room)
{
	for (uint8_t i = 0; i < ROOMS_COUNT; i++) {
		const struct name name = truth_room_name((uint8_t)(ROOMS_FIRST + i));
		if (name_is_same(&name, room))
			return (uint8_t)(ROOMS_FIRST + i);
	}
	return NOBODY;
}

static const struct disk_room *room_of(const struct server_disk *disk, int64_t room_id)
{
	for (uint32_t i = 0; i < DISK_ROOMS_MAX; i++)
		if (disk->room[i].room_id == room_id && room_id != 0)
			return &disk->room[i];
	report_failure("something was written into no room");
}

// The truth's number of what a line says. What the server says by itself, and what hostile users want, is written down now.
static uint32_t number_of(const struct server_disk *disk, const struct disk_line *line, uint8_t recipient, const uint8_t *text)
{
	const uint8_t sender = line->sender_id == 0 ? NOBODY : server_disk_user(disk, line->sender_id);
	if (sender == DISK_USERS_MAX)
		report_failure("the server named a sender whom its store does not know");
	if (sender != NOBODY && !name_is_same(&line->sender, &world.user[sender].name))
		report_failure("something was written in the name of somebody else");
	uint32_t number = sender == NOBODY ? MESSAGES_MAX : truth_find(sender, &line->id);
	if (number == MESSAGES_MAX && (sender == NOBODY || world_user_is_hostile(sender))) {
		const struct message wish = {.id = line->id,
					     .sender = sender,
					     .what = line->is_change ? OUTBOX_JOIN : OUTBOX_MESSAGE,
					     .recipient = recipient,
					     .other = NOBODY,
					     .lineage = LINEAGES_MAX};
		number = truth_wish(&wish, text, text == NULL ? 0 : line->text_bytes);
	}
	if (number == MESSAGES_MAX)
		report_failure("the server accepted something that nobody wanted");
	return number;
}

// What the text of a change names: the user it is about.
static const struct name *about_of(const struct message *message)
{
	return &world.user[message->other == NOBODY ? message->sender : message->other].name;
}

static bool is_as_wanted(const struct message *message, const struct disk_line *line, const uint8_t *text)
{
	if (message->what == OUTBOX_MESSAGE)
		return message->text_bytes == line->text_bytes && memcmp(message->text, text, line->text_bytes) == 0;
	const struct name *about = about_of(message);
	const bool is_join = message->what == OUTBOX_JOIN || message->what == OUTBOX_ADD;
	const bool is_own = message->other == NOBODY || name_is_same(about, &world.user[message->sender].name);
	const bool is_kind = line->kind == (is_join ? MESSAGE_JOINED : is_own ? MESSAGE_LEFT : MESSAGE_REMOVED);
	return is_kind && name_bytes(about) == line->text_bytes && memcmp(about->text, text, line->text_bytes) == 0;
}

// --- members ---

static uint32_t members_of(const struct server_disk *disk, int64_t room_id)
{
	uint32_t users = 0;
	for (uint32_t i = 0; i < disk->member_count; i++)
		if (disk->member[i].user_id != 0 && disk->member[i].of_id == room_id && disk->member[i].is_so)
			users |= 1U << server_disk_user(disk, disk->member[i].user_id);
	return users;
}

// Who comes to a room with history may see what stands there.
static void let_see(const struct server_disk *disk, const struct disk_line *line)
{
	for (uint32_t i = 0; i < disk->member_count; i++) {
		const struct disk_pair *member = &disk->member[i];
		if (member->user_id == 0 || member->of_id != line->room_id || !member->is_so || member->since != line->commit)
			continue;
		for (uint32_t k = 0; k < disk->line_count; k++)
			if (disk->line[k].room_id == line->room_id && disk->line[k].room_row >= member->from_row &&
			    disk->line[k].room_row < line->room_row)
				truth_message(disk->line[k].message)->accepted_for |= 1U << server_disk_user(disk, member->user_id);
	}
}

static bool is_known_start(const struct server_disk *disk, const struct storage_mark *mark)
{
	for (uint32_t i = 0; i < disk->start_count; i++)
		if (memcmp(disk->start[i].start_id, mark->start_id, sizeof mark->start_id) == 0)
			return true;
	return false;
}

static bool is_own_stamp(const struct server_disk *disk, const struct disk_line *line)
{
	return line->stamp.commit == line->commit &&
	       memcmp(line->stamp.start_id, disk->start[disk->start_count - 1].start_id, STORAGE_START_ID_BYTES) == 0;
}

static bool is_of_blocks(const struct message *message)
{
	return message->what == OUTBOX_BLOCK || message->what == OUTBOX_UNBLOCK;
}

// Whether a change is for what another one is against.
static bool is_against(const struct message *message, const struct message *other)
{
	const bool is_for = message->what == OUTBOX_JOIN || message->what == OUTBOX_ADD || message->what == OUTBOX_BLOCK;
	const bool is_other_for = other->what == OUTBOX_JOIN || other->what == OUTBOX_ADD || other->what == OUTBOX_BLOCK;
	return is_of_blocks(message) == is_of_blocks(other) && is_for != is_other_for;
}

// A change that is offered again, with its stamp, undoes nothing that was wanted after it and is known to the store. Of two stamps
// of starts that both are lost nobody knows which was first; one that was given a stamp twice may be the newer one by the second.
static void check_order(const struct server_disk *disk, const struct disk_line *line, const struct message *message)
{
	if (!line->has_effect || line->pair_of_id == 0 || line->pair_user_id == 0 || is_own_stamp(disk, line) ||
	    message->is_disturbed || message->stamp_count != 1 || world.had_absence)
		return;
	report_sight(SIGHT_CHANGE_REOFFERED);
	for (uint32_t i = 0; i < disk->line_count; i++) {
		const struct disk_line *other = &disk->line[i];
		if (other == line || other->sender_id == 0 || other->pair_of_id != line->pair_of_id ||
		    other->pair_user_id != line->pair_user_id)
			continue;
		const struct message *later = truth_message(other->message);
		if (is_against(message, later) && !later->is_disturbed && later->accepted_index > message->accepted_index &&
		    !world_user_is_hostile(later->sender) &&
		    (is_known_start(disk, &other->stamp) || is_known_start(disk, &line->stamp)))
			report_failure("message %u undoes message %u, which was wanted after it", line->message, other->message);
	}
}

// A change is on the disk.
static void check_change(const struct server_disk *disk, const struct disk_line *line)
{
	struct message *message = truth_message(line->message);
	if (!line->is_change || world_user_is_hostile(message->sender))
		return;
	message->stamp_count += is_own_stamp(disk, line);
	check_order(disk, line, message);
}

// --- what happens ---

static void check_line(const struct server_disk *disk, const struct disk_line *line)
{
	for (uint32_t i = 0; i < disk->line_count; i++) {
		const struct disk_line *other = &disk->line[i];
		if (other == line)
			continue;
		if (line->sender_id != 0 && other->is_id_held && other->sender_id == line->sender_id &&
		    memcmp(other->id.bytes, line->id.bytes, ID_BYTES) == 0)
			report_failure("message %u was accepted again though its id was held", line->message);
		if (line->room_id != 0 && other->room_id == line->room_id && other->room_row >= line->room_row)
			report_failure("row %llu of a room was given twice, or behind a later one", (unsigned long long)line->room_row);
	}
}

void server_disk_check_posted(const struct server_disk *disk, struct disk_line *line, const uint8_t *text)
{
	const struct disk_room *room = room_of(disk, line->room_id);
	const uint32_t number = number_of(disk, line, recipient_of(&room->is.name), text);
	const bool is_honest = line->sender_id != 0 && !world_user_is_hostile(server_disk_user(disk, line->sender_id));
	struct message *message = truth_message(number);
	const uint32_t users = members_of(disk, line->room_id);
	if (is_honest && (!is_of_room(message, &room->is.name) || !is_as_wanted(message, line, text)))
		report_failure("message %u was written into a room otherwise than it was meant", number);
	if (!is_honest && message->text_bytes > 0 && (message->text_bytes != line->text_bytes ||
						      memcmp(message->text, text, line->text_bytes) != 0))
		truth_rewrite(number, message->recipient, text, line->text_bytes);
	if (message->what == OUTBOX_MESSAGE && line->sender_id != 0 && (users >> server_disk_user(disk, line->sender_id) & 1) == 0)
		report_failure("message %u was accepted of one who is not in the room", number);
	line->message = (uint16_t)number;
	if (is_honest)
		check_change(disk, line);
	truth_posted(number, line->kind, text, line->text_bytes, &(struct truth_place){room->is.id, line->room_row});
	line->text = message->text;
	check_line(disk, line);
	truth_accepted(number, users, line->commit);
	if (line->kind == MESSAGE_JOINED)
		let_see(disk, line);
}

void server_disk_check_changed(const struct server_disk *disk, struct disk_line *line)
{
	const uint32_t number = line->sender_id == 0 ? MESSAGES_MAX : number_of(disk, line, NOBODY, NULL);
	if (number == MESSAGES_MAX)
		return; // the operator's
	line->message = (uint16_t)number;
	check_line(disk, line);
	check_change(disk, line);
	truth_accepted(number, 0, line->commit);
}
