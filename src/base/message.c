// SPDX-License-Identifier: ISC
// What a message is beside its words; the contract is in message.h.
#include "base/message.h"

#include <string.h>

static const char ROOM_SIGN = '#';

bool message_to_parse(struct message_to *to, const void *text, size_t bytes)
{
	const char *letters = text;
	const bool is_room = bytes > 0 && letters[0] == ROOM_SIGN;
	struct name name;
	if (!name_parse(&name, letters + is_room, bytes - is_room))
		return false;
	*to = (struct message_to){name, is_room};
	return true;
}

bool room_id_is_set(const struct room_id *id)
{
	static const struct room_id none;
	return memcmp(id->bytes, none.bytes, ROOM_ID_BYTES) != 0;
}

size_t message_to_write(const struct message_to *to, uint8_t text[MESSAGE_TO_BYTES_MAX])
{
	const size_t sign_bytes = to->is_room ? 1 : 0;
	text[0] = (uint8_t)ROOM_SIGN;
	memcpy(text + sign_bytes, to->name.text, name_bytes(&to->name));
	return sign_bytes + name_bytes(&to->name);
}

bool message_kind_is_server(uint8_t kind)
{
	return kind >= MESSAGE_JOINED && kind <= MESSAGE_RENAMED;
}
