// SPDX-License-Identifier: ISC
// What the bodies of calls are made of; the contract is in field.h.
#include "msg/field.h"

#include <assert.h>

#include "msg/call.h"

struct writer field_body(uint8_t *body)
{
	return writer_of(body, CALL_BODY_BYTES_MAX);
}

size_t field_end(const struct writer *writer, bool fits)
{
	assert(fits);
	return writer->used_bytes;
}

enum mms_err field_verdict(const struct reader *reader, bool is_good)
{
	return is_good && reader->left_bytes == 0 ? MMS_OK : MMS_E_BAD;
}

bool field_write_name(struct writer *writer, const struct name *name)
{
	return write_u8(writer, (uint8_t)name_bytes(name)) && write_bytes(writer, name->text, name_bytes(name));
}

bool field_read_name(struct reader *reader, struct name *name)
{
	uint8_t bytes;
	const uint8_t *text;
	return read_u8(reader, &bytes) && read_span(reader, &text, bytes) && name_parse(name, text, bytes);
}

bool field_read_name_or_none(struct reader *reader, struct name *name)
{
	*name = (struct name){{0}};
	return field_read_empty(reader) || field_read_name(reader, name);
}

bool field_write_to(struct writer *writer, const struct message_to *to)
{
	uint8_t text[MESSAGE_TO_BYTES_MAX];
	const size_t bytes = message_to_write(to, text);
	return write_u8(writer, (uint8_t)bytes) && write_bytes(writer, text, bytes);
}

bool field_read_to(struct reader *reader, struct message_to *to)
{
	uint8_t bytes;
	const uint8_t *text;
	return read_u8(reader, &bytes) && read_span(reader, &text, bytes) && message_to_parse(to, text, bytes);
}

bool field_write_room(struct writer *writer, const struct name *room)
{
	return name_bytes(room) == 0 ? write_u8(writer, 0) : field_write_to(writer, &(struct message_to){*room, true});
}

bool field_read_room(struct reader *reader, struct name *room)
{
	struct message_to to = {.is_room = false};
	const bool is_good = field_read_to(reader, &to) && to.is_room;
	*room = to.name;
	return is_good;
}

bool field_read_room_or_none(struct reader *reader, struct name *room)
{
	*room = (struct name){{0}};
	return field_read_empty(reader) || field_read_room(reader, room);
}

bool field_read_empty(struct reader *reader)
{
	struct reader ahead = *reader;
	uint8_t bytes;
	if (!read_u8(&ahead, &bytes) || bytes != 0)
		return false;
	*reader = ahead;
	return true;
}

bool field_write_mark(struct writer *writer, const struct storage_mark *mark)
{
	return write_bytes(writer, mark->start_id, sizeof mark->start_id) && write_u64(writer, mark->commit);
}

bool field_read_mark(struct reader *reader, struct storage_mark *mark)
{
	return read_bytes(reader, mark->start_id, sizeof mark->start_id) && read_u64(reader, &mark->commit);
}

bool field_write_id(struct writer *writer, const struct uuid *id)
{
	return write_bytes(writer, id->bytes, ID_BYTES);
}

bool field_read_id(struct reader *reader, struct uuid *id)
{
	return read_bytes(reader, id->bytes, ID_BYTES);
}

bool field_write_time(struct writer *writer, struct wtime at)
{
	return write_u64(writer, at.ms < 0 ? 0 : (uint64_t)at.ms);
}

bool field_read_time(struct reader *reader, struct wtime *at)
{
	uint64_t ms = 0;
	const bool is_good = read_u64(reader, &ms);
	at->ms = ms > INT64_MAX ? INT64_MAX : (int64_t)ms;
	return is_good;
}

bool field_read_sender(struct reader *reader, uint8_t kind, struct name *sender)
{
	return kind == MESSAGE_WRITTEN ? field_read_name(reader, sender) : field_read_name_or_none(reader, sender);
}

bool field_read_text(struct reader *reader, const uint8_t **text, size_t *text_bytes, size_t bytes)
{
	*text_bytes = bytes;
	return bytes >= 1 && bytes <= TEXT_BYTES_MAX && read_span(reader, text, bytes);
}
