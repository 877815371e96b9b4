// SPDX-License-Identifier: ISC
// For the tests of a device's rooms: a server that says which there are, delivers to them, and gives what is missing.
#ifndef MMS_TEST_CLIENT_ROOMS_WORLD_H
#define MMS_TEST_CLIENT_ROOMS_WORLD_H

#include "client_world.h"

#include "msg/call_history.h"
#include "msg/call_page.h"
#include "msg/call_room.h"

static const struct room_id OPS = {{1, 7}};
static const struct room_id DEV = {{2, 7}};

static inline struct record *last_call(uint8_t kind, uint32_t expected_count)
{
	struct record *record = NULL;
	assert_int_equal(count(CALLED, kind, &record), expected_count);
	return record;
}

// Answers ROOMS with these, all of which the user is a member of.
static inline void answer_rooms(const struct room_id *const *ids, uint64_t newest_row, bool has_more, bool is_behind)
{
	uint8_t body[CALL_BODY_BYTES_MAX];
	struct record *record = NULL;
	struct call_page page;
	call_page_begin(&page, body);
	for (int i = 0; ids != NULL && ids[i] != NULL; i++) {
		const struct call_room room = {.is_member = true, .id = *ids[i], .from_row = 2, .newest_row = newest_row,
					       .member_count = 3, .name = name_of(ids[i] == &OPS ? "ops" : "zdev")};
		assert_true(call_rooms_add(&page, &room));
	}
	count(CALLED, CALL_ROOMS, &record);
	answer_call(0, CALL_ROOMS, STATUS_OK, body, call_rooms_end(&page, has_more, is_behind), record->tag);
	store();
}

static inline void come_in_to(const struct room_id *const *ids, uint64_t newest_row, bool is_behind)
{
	begin_with(false);
	come_in(0, 0);
	answer_rooms(ids, newest_row, false, is_behind);
}

static const struct room_id *const only_ops[] = {&OPS, NULL};
static const struct room_id *const both[] = {&OPS, &DEV, NULL};

static inline struct client_hole hole_of(const struct room_id *id, uint64_t from_row, uint64_t to_row)
{
	return (struct client_hole){true, *id, name_of("ops"), from_row, to_row};
}

// Answers the newest HISTORY with one row of one letter for each number, up to 0.
static inline void answer_history(const uint64_t *rows, uint64_t next_row)
{
	uint8_t body[CALL_BODY_BYTES_MAX];
	struct record *record = NULL;
	struct call_page page;
	call_history_page_begin(&page, body);
	for (; *rows != 0; rows++) {
		const struct call_history_row row = {.row = *rows, .id = id_of((uint32_t)*rows), .accepted_at = WALL,
						     .kind = MESSAGE_WRITTEN, .form = MESSAGE_UTF8, .sender = name_of("Tim"),
						     .text = (const uint8_t *)"h", .text_bytes = 1};
		assert_true(call_history_add(&page, &row));
	}
	count(CALLED, CALL_HISTORY, &record);
	answer_call(0, CALL_HISTORY, STATUS_OK, body, call_history_page_end(&page, next_row), record->tag);
	store();
}

static inline void deliver_to_room(uint32_t number, uint8_t kind, uint64_t row, const char *sender, const char *text)
{
	struct call_deliver delivery = delivery_of(id_of(100 + (uint32_t)row), name_of(sender), text, strlen(text));
	uint8_t body[CALL_BODY_BYTES_MAX];
	delivery.kind = kind;
	delivery.room_id = OPS;
	delivery.room_row = row;
	delivery.conversation = (struct message_to){.name = name_of("ops"), .is_room = true};
	client_called(&f.client, 0, number, CALL_DELIVER, body, call_deliver_encode(&delivery, body));
	store();
}

#endif
