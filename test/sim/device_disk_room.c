// SPDX-License-Identifier: ISC
// What a simulated profile knows of its rooms, and which rows of each it has (doc/protocol.md sections 6.12, 6.13 and 8.2). The contract is
// in device_disk.h.
#include <assert.h>
#include <string.h>

#include "device_disk.h"
#include "report.h"
#include "world.h"

static uint8_t find_room(const struct device_disk_state *state, const struct room_id *id)
{
	for (uint32_t i = 0; i < state->room_count; i++)
		if (memcmp(&state->room[i].id, id, sizeof *id) == 0)
			return (uint8_t)(i + 1);
	return 0;
}

// One that it does not know is one that the user is a member of.
static uint8_t see_room(struct device_disk_state *state, const struct room_id *id, const struct name *name, uint64_t row)
{
	uint8_t place = find_room(state, id);
	if (place == 0) {
		assert(state->room_count < KNOWN_ROOMS_MAX);
		place = (uint8_t)++state->room_count;
		state->room[place - 1] =
			(struct disk_known_room){.id = *id, .from_row = row, .is_member = true, .is_named = true};
	}
	struct disk_known_room *room = &state->room[place - 1];
	room->name = *name;
	room->newest_row = row > room->newest_row ? row : room->newest_row;
	return place;
}

// --- rows ---

static uint32_t message_at(const struct device_disk_state *state, uint8_t place, uint64_t row)
{
	for (uint32_t i = 0; i < MESSAGES_MAX; i++)
		if (state->room_of[i] == place && state->row_of[i] == row)
			return i;
	return MESSAGES_MAX;
}

static bool is_in_gap(const struct device_disk_state *state, uint8_t place, uint64_t row)
{
	for (uint32_t i = 0; i < state->room_gap_count; i++)
		if (state->room_gap[i].room == place && state->room_gap[i].from_row <= row && row <= state->room_gap[i].to_row)
			return true;
	return false;
}

static bool is_there(const struct device_disk_state *state, uint8_t place, uint64_t row)
{
	return message_at(state, place, row) < MESSAGES_MAX || is_in_gap(state, place, row);
}

// The room is as it was before this row: what came from there on keeps its place in the transcript, and has a row no more.
static void go_back(struct device_disk_state *state, uint8_t place, uint64_t row)
{
	report_sight(SIGHT_ROOM_WENT_BACK);
	for (uint32_t i = 0; i < MESSAGES_MAX; i++)
		if (state->room_of[i] == place && state->row_of[i] >= row)
			state->room_of[i] = 0;
	for (uint32_t i = 0; i < state->room_gap_count; i++) {
		struct disk_room_gap *gap = &state->room_gap[i];
		if (gap->room == place && gap->from_row >= row)
			gap->room = 0;
		else if (gap->room == place && gap->to_row >= row)
			gap->to_row = row - 1;
	}
	state->room[place - 1].newest_row = row - 1;
}

bool device_disk_place(struct device_disk *disk, const struct client_op_put *put, uint32_t message)
{
	struct device_disk_state *state = &disk->state;
	uint8_t place = find_room(state, &put->room_id);
	const uint32_t other = place == 0 ? MESSAGES_MAX : message_at(state, place, put->room_row);
	if (other < MESSAGES_MAX && other != message)
		go_back(state, place, put->room_row);
	place = see_room(state, &put->room_id, &put->conversation.name, put->room_row);
	state->room_of[message] = place;
	state->row_of[message] = put->room_row;
	for (uint64_t row = state->room[place - 1].from_row; row < put->room_row; row++)
		if (!is_there(state, place, row))
			return true;
	return false;
}

// What the server's history still has for the user is not gone.
static void check_gone(const struct device_disk *disk, const struct client_op_put *put)
{
	const struct server_disk *server = &world.disk;
	const uint8_t user = world_user_of_identity(disk->identity);
	for (uint32_t i = 0; i < server->line_count && world.options.server_restores == 0; i++) {
		const struct disk_line *line = &server->line[i];
		const struct disk_pair *member = server_disk_member(server, line->room_id, server->user[user].user_id);
		const uint32_t message = line->message;
		if (!line->is_kept || line->room_row < put->room_row || line->room_row >= put->room_row + put->gap_count ||
		    member == NULL || !member->is_so || member->from_row > line->room_row ||
		    !truth_had_place(truth_message(message), &(struct truth_place){put->room_id, line->room_row}))
			continue;
		report_failure("row %llu of a room is told to be gone, and message %u is there",
			       (unsigned long long)line->room_row, message);
	}
}

bool device_disk_place_gap(struct device_disk *disk, const struct client_op_put *put)
{
	struct device_disk_state *state = &disk->state;
	const uint64_t to_row = put->room_row + put->gap_count - 1;
	bool is_new = false;
	check_gone(disk, put);
	const uint8_t place = see_room(state, &put->room_id, &put->conversation.name, to_row);
	for (uint64_t row = put->room_row; row <= to_row; row++)
		is_new = is_new || !is_there(state, place, row);
	if (!is_new)
		return false;
	assert(state->room_gap_count < ROOM_GAPS_MAX);
	state->room_gap[state->room_gap_count++] = (struct disk_room_gap){place, put->room_row, to_row};
	state->room_gaps_told++;
	report_sight(SIGHT_ROOM_GAP);
	report_trace("identity %u notes a gap of #%s, %llu to %llu", disk->identity, put->conversation.name.text,
		     (unsigned long long)put->room_row, (unsigned long long)to_row);
	return true;
}

// --- the list of rooms ---

// Nobody hears of a room that no message of it was ever for.
static void check_known(const struct device_disk *disk, const struct client_op_room *named)
{
	const uint8_t user = world_user_of_identity(disk->identity);
	for (uint32_t i = 0; i < truth_count(); i++)
		for (uint32_t k = 0; k < truth_message(i)->place_count; k++)
			if (memcmp(&truth_message(i)->place[k].room_id, &named->id, sizeof named->id) == 0 &&
			    (truth_message(i)->accepted_for >> user & 1) != 0)
				return;
	report_failure("%s is told to be in #%s, and never was", world.user[user].name.text, named->name.text);
}

static void put_room(struct device_disk *disk, const struct client_op_room *named)
{
	struct device_disk_state *state = &disk->state;
	check_known(disk, named);
	const uint8_t place = see_room(state, &named->id, &named->name, 0);
	struct disk_known_room *room = &state->room[place - 1];
	room->from_row = named->from_row;
	room->is_member = room->is_named = true;
	if (named->newest_row != 0 && named->newest_row < room->newest_row)
		go_back(state, place, named->newest_row + 1);
	room->newest_row = named->newest_row > room->newest_row ? named->newest_row : room->newest_row;
}

void device_disk_list(struct device_disk *disk, const struct client_op *op)
{
	struct device_disk_state *state = &disk->state;
	if (op->kind == CLIENT_OP_ROOM)
		put_room(disk, &op->room);
	for (uint32_t i = 0; i < state->room_count; i++) {
		if (op->kind == CLIENT_OP_ROOMS_BEGIN)
			state->room[i].is_named = false;
		if (op->kind == CLIENT_OP_ROOMS_END)
			state->room[i].is_member = state->room[i].is_member && state->room[i].is_named;
	}
}

// --- holes ---

static bool find_hole(const struct device_disk_state *state, uint8_t place, struct client_hole *hole)
{
	const struct disk_known_room *room = &state->room[place - 1];
	uint64_t row = room->from_row;
	while (row <= room->newest_row && is_there(state, place, row))
		row++;
	if (row > room->newest_row)
		return false;
	*hole = (struct client_hole){.is_there = true, .room_id = room->id, .room = room->name, .from_row = row, .to_row = row};
	while (hole->to_row < room->newest_row && !is_there(state, place, hole->to_row + 1))
		hole->to_row++;
	return true;
}

void device_disk_find_hole(const struct device_disk *disk, const struct room_id *after, struct client_hole *hole)
{
	const struct device_disk_state *state = &disk->state;
	*hole = (struct client_hole){.is_there = false};
	for (uint32_t i = 0; i < state->room_count; i++) {
		struct client_hole found;
		if (!state->room[i].is_member || memcmp(&state->room[i].id, after, sizeof *after) <= 0 ||
		    (hole->is_there && memcmp(&state->room[i].id, &hole->room_id, sizeof *after) >= 0))
			continue;
		if (find_hole(state, (uint8_t)(i + 1), &found))
			*hole = found;
	}
}

uint32_t device_disk_at(const struct device_disk *disk, const struct room_id *room, uint64_t row, bool *is_gap)
{
	const uint8_t place = find_room(&disk->state, room);
	*is_gap = place != 0 && is_in_gap(&disk->state, place, row);
	return place == 0 ? MESSAGES_MAX : message_at(&disk->state, place, row);
}
