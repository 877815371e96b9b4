// SPDX-License-Identifier: ISC
// A list of rooms for a person; the contract is in room_list.h.
#include "cmd/room_list.h"

#include <stdlib.h>

#include "os/grow.h"
#include "ui/phrase_room.h"

void room_list_clear(struct room_list *list)
{
	list->count = 0;
}

void room_list_free(struct room_list *list)
{
	free(list->room);
	*list = (struct room_list){0};
}

bool room_list_add(struct room_list *list, const struct life_told *told)
{
	struct room_list_room *room = grow(list->room, &list->capacity, list->count, sizeof *room);
	if (room == NULL)
		return false;
	list->room = room;
	list->room[list->count++] = (struct room_list_room){
		.name = told->name,
		.member_count = told->member_count,
		.is_member = told->is_member,
		.is_owner = told->is_owner,
		.is_private = told->is_private,
	};
	return true;
}

// Those that one is in; or those that one may come into, which a private one is not.
static bool is_of(const struct room_list_room *room, bool is_mine)
{
	return room->is_member == is_mine && (is_mine || !room->is_private);
}

static size_t count_of(const struct room_list *list, bool is_mine)
{
	size_t count = 0;
	for (size_t i = 0; i < list->count; i++)
		count += is_of(&list->room[i], is_mine);
	return count;
}

static void say(const struct room_list *list, const struct phrase_out *out, bool is_mine)
{
	phrase_rooms(out, count_of(list, is_mine), is_mine);
	for (size_t i = 0; i < list->count; i++) {
		const struct room_list_room *room = &list->room[i];
		if (is_of(room, is_mine))
			phrase_room(out, &room->name, room->member_count, room->is_private, room->is_owner);
	}
}

void room_list_say(const struct room_list *list, const struct phrase_out *out)
{
	say(list, out, true);
	if (count_of(list, false) > 0)
		say(list, out, false);
}
