// SPDX-License-Identifier: ISC
// A list of rooms on its way to a person: those that one is in, and those that one may join. Layer: cmd.
#ifndef MMS_CMD_ROOM_LIST_H
#define MMS_CMD_ROOM_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/device_life.h"
#include "ui/phrase.h"

struct room_list_room {
	struct name name;
	uint32_t member_count;
	bool is_member;
	bool is_owner;
	bool is_private;
};

// Zeros: an empty list.
struct room_list {
	struct room_list_room *room; // in the order of names
	size_t count;
	size_t capacity;
};

// Forgets the rooms.
void room_list_clear(struct room_list *list);

// Gives the memory back.
void room_list_free(struct room_list *list);

// Keeps a room of a LIFE_TOLD_LIST_ROOM. False: no memory, and the list is as before.
bool room_list_add(struct room_list *list, const struct life_told *told);

// Says which one is in, and which are open besides.
void room_list_say(const struct room_list *list, const struct phrase_out *out);

#endif
