// SPDX-License-Identifier: ISC
// What a receiving device knows of its rooms: after each sign-in it asks which there are and how far each has come; what the
// transcript lacks of one it asks for, and what the server has no more becomes a gap (doc/protocol.md sections 6.12 and 6.13).
// The contract is in client_inside.h.
//
// The mailbox comes first. While deliveries are to come, nothing is said of the rows behind the last one of a room that is there:
// they may be among them. What lacks below a row that came is certain, since deliveries rise.
#include <assert.h>
#include <string.h>

#include "base/utf8.h"
#include "msg/call_history.h"
#include "msg/call_room.h"
#include "msg/client_inside.h"

void client_begin_rooms(struct client *client)
{
	client->rooms = (struct client_rooms){
		.tag = client->rooms.tag + 1,
		.step = client->config.is_receiving ? ROOMS_DUE : ROOMS_NONE,
		.quiet_us = CLIENT_QUIET_US,
	};
}

// The same on a session that has asked before.
static void begin_again(struct client *client)
{
	const int64_t quiet_us = client->rooms.quiet_us;
	const struct mtime quiet_at = client->rooms.quiet_at;
	const struct mtime again_at = client->rooms.again_at;
	client_begin_rooms(client);
	client->rooms.quiet_us = quiet_us;
	client->rooms.quiet_at = quiet_at;
	client->rooms.again_at = again_at;
}

void client_rooms_changed(struct client *client)
{
	client->rooms.is_again = true;
}

void client_look_for_hole(struct client *client)
{
	if (client->rooms.hole_step == HOLE_NONE)
		client->rooms.hole_step = HOLE_WANTED;
	else
		client->rooms.is_hole_again = true;
}

bool client_is_hole_wanted(const struct client *client)
{
	return client->present != 0 && client->rooms.step == ROOMS_KNOWN && client->rooms.hole_step == HOLE_WANTED;
}

void client_delivered(struct client *client, struct mtime now)
{
	client->rooms.quiet_us = CLIENT_QUIET_US;
	client->rooms.quiet_at = mtime_add_us(now, CLIENT_QUIET_US);
}

// Whether all is done that the last list of rooms has led to.
static bool is_done(const struct client *client)
{
	return client->rooms.step == ROOMS_KNOWN && client->rooms.hole_step == HOLE_NONE;
}

struct mtime client_rooms_deadline(const struct client *client)
{
	// A session that has not begun yet will ask by itself.
	if (!is_done(client) || client->is_leaving || client->present == 0 || !client->slot[client->present - 1].is_begun)
		return MTIME_NEVER;
	if (client->rooms.is_again)
		return client->rooms.again_at;
	return client->rooms.is_behind ? client->rooms.quiet_at : MTIME_NEVER;
}

static void ask_rooms(struct client *client, struct mtime now)
{
	uint8_t body[CALL_BODY_BYTES_MAX];
	const struct call_rooms rooms = {.is_mine_only = true, .after = client->rooms.after};
	client->rooms.again_at = mtime_add_us(now, CLIENT_QUIET_US);
	client->rooms.quiet_at = mtime_add_us(now, client->rooms.quiet_us);
	if (client_make_call(client, client->present - 1, CALL_ROOMS, body, call_rooms_encode(&rooms, body), client->rooms.tag, now))
		client->rooms.step = ROOMS_ASKED;
}

static struct call_history history_of(const struct client_hole *hole)
{
	return (struct call_history){.room_id = hole->room_id, .from_row = hole->from_row, .to_row = hole->to_row};
}

static void ask_history(struct client *client, struct mtime now)
{
	uint8_t body[CALL_BODY_BYTES_MAX];
	const struct call_history history = history_of(&client->rooms.hole);
	if (client_make_call(client, client->present - 1, CALL_HISTORY, body, call_history_encode(&history, body),
			     client->rooms.tag, now))
		client->rooms.hole_step = HOLE_ASKED;
}

static int64_t longer(int64_t quiet_us)
{
	return 2 * quiet_us < CLIENT_QUIET_US_MAX ? 2 * quiet_us : CLIENT_QUIET_US_MAX;
}

void client_rooms_go_on(struct client *client, struct mtime now)
{
	if (client->present == 0 || client->is_leaving)
		return;
	if (mtime_is_due(client_rooms_deadline(client), now)) {
		if (!client->rooms.is_again)
			client->rooms.quiet_us = longer(client->rooms.quiet_us);
		begin_again(client);
	}
	if (client->rooms.step == ROOMS_DUE)
		ask_rooms(client, now);
	if (client->rooms.hole_step == HOLE_DUE)
		ask_history(client, now);
}

// --- answers ---

// The list cannot be had from this server; it is asked for again at the next sign-in.
static void give_up(struct client *client)
{
	client->rooms.step = ROOMS_NONE;
}

void client_rooms_answered(struct client *client, uint8_t status, const uint8_t *body, size_t bytes, uint64_t tag)
{
	struct call_list list;
	struct call_room room;
	if (client->rooms.step != ROOMS_ASKED || tag != client->rooms.tag)
		return;
	if (status != STATUS_OK || call_rooms_ok_decode(&list, &client->rooms.after, body, bytes) != MMS_OK) {
		give_up(client);
		return;
	}
	const bool has_more = list.has_more;
	client->rooms.is_behind = client->rooms.is_behind || list.is_behind;
	if (client->rooms.count == 0)
		client_put_rooms_bound(client, CLIENT_OP_ROOMS_BEGIN, client->rooms.tag);
	client->rooms.count += list.count;
	if (client->rooms.count > ROOMS_JOINED_MAX && has_more) {
		give_up(client);
		return;
	}
	while (call_rooms_read(&list, &room)) {
		client->rooms.after = room.name;
		if (room.is_member)
			client_put_room(client, &(struct client_op_room){room.id, room.name, room.is_owner, room.is_private,
									 room.from_row, list.is_behind ? 0 : room.newest_row});
	}
	client->rooms.step = has_more ? ROOMS_DUE : ROOMS_TOLD;
	if (!has_more)
		client_put_rooms_bound(client, CLIENT_OP_ROOMS_END, client->rooms.tag);
}

void client_rooms_known(struct client *client, uint32_t tag)
{
	if (client->rooms.step != ROOMS_TOLD || tag != client->rooms.tag)
		return;
	client->rooms.step = ROOMS_KNOWN;
	client_look_for_hole(client);
}

void client_hole_learned(struct client *client, const struct client_hole *hole)
{
	if (client->rooms.hole_step != HOLE_WANTED)
		return;
	client->rooms.hole = *hole;
	client->rooms.hole_step = hole->is_there ? HOLE_DUE : HOLE_NONE;
	if (hole->is_there || !client->rooms.is_hole_again)
		return;
	client->rooms.is_hole_again = false;
	client->rooms.after_room = (struct room_id){{0}};
	client->rooms.hole_step = HOLE_WANTED;
}

static void put_gap(struct client *client, uint64_t from_row, uint64_t to_row)
{
	struct transcript_row gap = {
		.is_gap = true,
		.gap_count = to_row - from_row + 1,
		.room_id = client->rooms.hole.room_id,
		.room_row = from_row,
		.conversation = {.name = client->rooms.hole.room, .is_room = true},
	};
	// The same gap is told once, whenever it is found.
	memcpy(gap.id.bytes, gap.room_id.bytes, ROOM_ID_BYTES);
	for (uint32_t i = 0; i < ID_BYTES - ROOM_ID_BYTES; i++)
		gap.id.bytes[ROOM_ID_BYTES + i] = (uint8_t)(from_row >> (8 * (7 - i)));
	client_put(client, CLIENT_SLOTS, 0, &gap);
}

static void put_row(struct client *client, const struct call_history_row *row)
{
	const struct transcript_row entry = {
		.id = row->id,
		.kind = row->kind,
		.form = row->form,
		.is_own = name_is_same(&row->sender, &client->config.name),
		.is_history = true,
		.room_id = client->rooms.hole.room_id,
		.room_row = row->row,
		.sender = row->sender,
		.conversation = {.name = client->rooms.hole.room, .is_room = true},
		.accepted_at = row->accepted_at,
		.text = row->text,
		.text_bytes = (uint16_t)row->text_bytes,
	};
	client_put(client, CLIENT_SLOTS, 0, &entry);
}

// What cannot be read back from the store is as good as gone.
static bool is_readable(const struct call_history_row *row)
{
	return row->form != MESSAGE_UTF8 || utf8_is_message(row->text, row->text_bytes);
}

static void take_rows(struct client *client, struct call_history_ok *ok)
{
	const struct client_hole *hole = &client->rooms.hole;
	const uint64_t to_row = ok->next_row - 1 < hole->to_row ? ok->next_row - 1 : hole->to_row;
	uint64_t next_row = hole->from_row;
	struct call_history_row row;
	while (call_history_read(ok, &row)) {
		if (!is_readable(&row))
			continue;
		if (row.row > next_row)
			put_gap(client, next_row, row.row - 1);
		put_row(client, &row);
		next_row = row.row + 1;
	}
	if (next_row <= to_row)
		put_gap(client, next_row, to_row);
}

void client_history_answered(struct client *client, uint8_t status, const uint8_t *body, size_t bytes, uint64_t tag)
{
	struct call_history_ok ok;
	const struct call_history asked = history_of(&client->rooms.hole);
	if (client->rooms.hole_step != HOLE_ASKED || tag != client->rooms.tag)
		return;
	if (status != STATUS_OK || call_history_ok_decode(&ok, &asked, body, bytes) != MMS_OK) {
		// This room's must wait for another sign-in; others may be had.
		client->rooms.after_room = client->rooms.hole.room_id;
		client->rooms.hole_step = HOLE_WANTED;
		return;
	}
	client->rooms.hole_step = HOLE_STORING;
	take_rows(client, &ok);
}

void client_hole_stored(struct client *client)
{
	if (client->rooms.hole_step == HOLE_STORING)
		client->rooms.hole_step = HOLE_WANTED;
}
