// SPDX-License-Identifier: ISC
// The calls about rooms and their members; the contract is in call_room.h.
#include "msg/call_room.h"

#include "msg/call.h"
#include "msg/field.h"

enum {
	JOIN_CREATE = 1,
	JOIN_PRIVATE = 2,
	JOIN_NO_HISTORY = 4,
	ROOMS_MINE = 1,
	ROOMS_BEHIND = 2, // beside MORE
	ROOM_MEMBER = 1,
	ROOM_OWNER = 2,
	ROOM_PRIVATE = 4,
	ROOM_NO_HISTORY = 8,
	MEMBER_ONLINE = 1,
	MEMBER_OWNER = 2,
	ROOM_FIELD_BYTES_MAX = 1 + MESSAGE_TO_BYTES_MAX,
	NAME_FIELD_BYTES_MAX = 1 + NAME_BYTES_MAX,
};
static_assert(CALL_CHANGE_BYTES + ROOM_FIELD_BYTES_MAX + NAME_FIELD_BYTES_MAX <= CALL_BODY_BYTES_MAX, "the largest change fits");
static_assert(2 + 1 + ROOM_ID_BYTES + 8 + 8 + 4 + ROOM_FIELD_BYTES_MAX <= CALL_BODY_BYTES_MAX, "a page has an entry at least");

size_t call_join_encode(const struct call_join *join, uint8_t *body)
{
	struct writer writer = field_body(body);
	const uint8_t flags = (uint8_t)((join->may_create ? JOIN_CREATE : 0) | (join->is_private ? JOIN_PRIVATE : 0) |
					(join->is_without_history ? JOIN_NO_HISTORY : 0));
	return field_end(&writer, call_change_write(&writer, &join->change) && write_u8(&writer, flags) &&
					  field_write_room(&writer, &join->room));
}

enum mms_err call_join_decode(struct call_join *join, const uint8_t *body, size_t bytes)
{
	struct reader reader = reader_of(body, bytes);
	uint8_t flags = 0;
	const bool is_good = call_change_read(&reader, &join->change) && read_u8(&reader, &flags) &&
			     field_read_room(&reader, &join->room);
	join->may_create = (flags & JOIN_CREATE) != 0;
	join->is_private = (flags & JOIN_PRIVATE) != 0;
	join->is_without_history = (flags & JOIN_NO_HISTORY) != 0;
	return field_verdict(&reader, is_good);
}

size_t call_add_encode(const struct call_add *add, uint8_t *body)
{
	struct writer writer = field_body(body);
	return field_end(&writer, call_change_write(&writer, &add->change) && field_write_room(&writer, &add->room) &&
					  field_write_name(&writer, &add->user));
}

enum mms_err call_add_decode(struct call_add *add, const uint8_t *body, size_t bytes)
{
	struct reader reader = reader_of(body, bytes);
	return field_verdict(&reader, call_change_read(&reader, &add->change) && field_read_room(&reader, &add->room) &&
					      field_read_name(&reader, &add->user));
}

size_t call_leave_encode(const struct call_leave *leave, uint8_t *body)
{
	struct writer writer = field_body(body);
	return field_end(&writer, call_change_write(&writer, &leave->change) && field_write_room(&writer, &leave->room) &&
					  field_write_name(&writer, &leave->user));
}

enum mms_err call_leave_decode(struct call_leave *leave, const uint8_t *body, size_t bytes)
{
	struct reader reader = reader_of(body, bytes);
	return field_verdict(&reader, call_change_read(&reader, &leave->change) && field_read_room(&reader, &leave->room) &&
					      field_read_name_or_none(&reader, &leave->user));
}

size_t call_rooms_encode(const struct call_rooms *rooms, uint8_t *body)
{
	struct writer writer = field_body(body);
	return field_end(&writer, write_u8(&writer, rooms->is_mine_only ? ROOMS_MINE : 0) &&
					  field_write_room(&writer, &rooms->after));
}

enum mms_err call_rooms_decode(struct call_rooms *rooms, const uint8_t *body, size_t bytes)
{
	struct reader reader = reader_of(body, bytes);
	uint8_t flags = 0;
	const bool is_good = read_u8(&reader, &flags) && field_read_room_or_none(&reader, &rooms->after);
	rooms->is_mine_only = (flags & ROOMS_MINE) != 0;
	return field_verdict(&reader, is_good);
}

size_t call_members_encode(const struct call_members *members, uint8_t *body)
{
	struct writer writer = field_body(body);
	return field_end(&writer, field_write_room(&writer, &members->room) && field_write_name(&writer, &members->after));
}

enum mms_err call_members_decode(struct call_members *members, const uint8_t *body, size_t bytes)
{
	struct reader reader = reader_of(body, bytes);
	return field_verdict(&reader, field_read_room(&reader, &members->room) &&
					      field_read_name_or_none(&reader, &members->after));
}

bool call_rooms_add(struct call_page *page, const struct call_room *room)
{
	const struct writer before = page->writer;
	struct writer *writer = &page->writer;
	const uint8_t flags = (uint8_t)((room->is_member ? ROOM_MEMBER : 0) | (room->is_owner ? ROOM_OWNER : 0) |
					(room->is_private ? ROOM_PRIVATE : 0) |
					(room->is_without_history ? ROOM_NO_HISTORY : 0));
	return call_page_added(page, &before,
			       write_u8(writer, flags) && write_bytes(writer, room->id.bytes, ROOM_ID_BYTES) &&
				       write_u64(writer, room->from_row) && write_u64(writer, room->newest_row) &&
				       write_u32(writer, room->member_count) && field_write_room(writer, &room->name));
}

size_t call_rooms_end(struct call_page *page, bool has_more, bool is_behind)
{
	const size_t bytes = call_page_end(page, has_more);
	page->writer.start[CALL_PAGE_FLAGS_AT] |= is_behind ? ROOMS_BEHIND : 0;
	return bytes;
}

// What an entry says of its asker is of one mind.
static bool is_possible(const struct call_room *room)
{
	const bool was_member = room->from_row > 0;
	return room_id_is_set(&room->id) && room->from_row <= room->newest_row && room->newest_row <= INT64_MAX &&
	       (was_member || room->newest_row == 0) && (was_member || !room->is_member) &&
	       (room->is_member || !room->is_owner);
}

bool call_rooms_read(struct call_list *list, struct call_room *room)
{
	struct reader *reader = &list->entries;
	uint8_t flags = 0;
	*room = (struct call_room){0};
	const bool is_good = list->count > 0 && read_u8(reader, &flags) &&
			     read_bytes(reader, room->id.bytes, ROOM_ID_BYTES) && read_u64(reader, &room->from_row) &&
			     read_u64(reader, &room->newest_row) && read_u32(reader, &room->member_count) &&
			     field_read_room(reader, &room->name);
	room->is_member = (flags & ROOM_MEMBER) != 0;
	room->is_owner = (flags & ROOM_OWNER) != 0;
	room->is_private = (flags & ROOM_PRIVATE) != 0;
	room->is_without_history = (flags & ROOM_NO_HISTORY) != 0;
	if (!is_good || !is_possible(room))
		return false;
	list->count--;
	return true;
}

enum mms_err call_rooms_ok_decode(struct call_list *list, const struct name *after, const uint8_t *body, size_t bytes)
{
	bool is_good = call_list_begin(list, body, bytes);
	list->is_behind = is_good && (body[CALL_PAGE_FLAGS_AT] & ROOMS_BEHIND) != 0;
	struct call_list page = *list; // read through here, so that nobody meets half of a page
	struct name last = *after;
	struct call_room room;
	while (is_good && call_rooms_read(&page, &room)) {
		is_good = name_order(&last, &room.name) < 0;
		last = room.name;
	}
	return field_verdict(&page.entries, is_good && page.count == 0);
}

bool call_members_add(struct call_page *page, const struct call_member *member)
{
	const struct writer before = page->writer;
	const uint8_t flags = (uint8_t)((member->is_online ? MEMBER_ONLINE : 0) | (member->is_owner ? MEMBER_OWNER : 0));
	return call_page_added(page, &before,
			       write_u8(&page->writer, flags) && field_write_name(&page->writer, &member->name));
}

bool call_members_read(struct call_list *list, struct call_member *member)
{
	uint8_t flags = 0;
	if (list->count == 0 || !read_u8(&list->entries, &flags) || !field_read_name(&list->entries, &member->name))
		return false;
	member->is_online = (flags & MEMBER_ONLINE) != 0;
	member->is_owner = (flags & MEMBER_OWNER) != 0;
	list->count--;
	return true;
}

enum mms_err call_members_ok_decode(struct call_list *list, const struct name *after, const uint8_t *body, size_t bytes)
{
	bool is_good = call_list_begin(list, body, bytes);
	struct call_list page = *list;
	struct name last = *after;
	struct call_member member;
	while (is_good && call_members_read(&page, &member)) {
		is_good = name_order(&last, &member.name) < 0;
		last = member.name;
	}
	return field_verdict(&page.entries, is_good && page.count == 0);
}
