// SPDX-License-Identifier: ISC
// What a message is beside its words: what happened, how to read it, and whom it is for (doc/protocol.md sections 7.3 and 7.4).
// Layer: base.
#ifndef MMS_BASE_MESSAGE_H
#define MMS_BASE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/name.h"

// What happened. A later version has more of them; where one is stored or passed on it is a uint8_t of any value.
enum message_kind {
	MESSAGE_WRITTEN = 1, // by a person or a program
	MESSAGE_JOINED = 2,  // 2 to 5 are the server's own: about a room, with whom or what in the text
	MESSAGE_LEFT = 3,
	MESSAGE_REMOVED = 4,
	MESSAGE_RENAMED = 5,
};

// How to read the text; as message_kind, there will be more.
enum message_form {
	MESSAGE_UTF8 = 1,
};

enum {
	MESSAGE_TO_BYTES_MAX = 1 + NAME_BYTES_MAX, // as it is written
	ROOM_ID_BYTES = 8,
};

// What a room is known by, whatever its name: random, never all zeros, which is none.
struct room_id {
	uint8_t bytes[ROOM_ID_BYTES];
};

// Whom a message is for: a user, or a room, whose name is written with '#' in front. An empty name: nobody is named.
struct message_to {
	struct name name;
	bool is_room;
};

// Reads `bytes` bytes at `text`. False, and `to` unchanged: neither a user's name nor a room's.
bool message_to_parse(struct message_to *to, const void *text, size_t bytes);

// True: it names a room.
bool room_id_is_set(const struct room_id *id);

// Writes it as it is read, without an end; returns the bytes, at most MESSAGE_TO_BYTES_MAX, 0 for the empty name.
size_t message_to_write(const struct message_to *to, uint8_t text[MESSAGE_TO_BYTES_MAX]);

// True for the kinds that only the server may make.
bool message_kind_is_server(uint8_t kind);

#endif
