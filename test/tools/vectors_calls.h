// SPDX-License-Identifier: ISC
// For make_vectors.c: the calls of doc/protocol.md sections 6.10 to 6.17 and their answers, each a frame alone.
#ifndef MMS_TEST_VECTORS_CALLS_H
#define MMS_TEST_VECTORS_CALLS_H

#include <string.h>

#include "base/fingerprint.h"
#include "msg/call_block.h"
#include "msg/call_device.h"
#include "msg/call_history.h"
#include "msg/call_room.h"
#include "msg/call_state.h"
#include "msg/call_watch.h"
#include "vectors_print.h"

static uint32_t frame_number = 100; // of the newest call
static uint8_t frame_body[CALL_BODY_BYTES_MAX];
static const struct wtime frame_time = {1795345200123};

static struct name frame_name(const char *text)
{
	struct name name;
	const bool is_name = name_parse(&name, text, strlen(text));
	assert(is_name);
	return name;
}

static void print_frame(const char *name, const char *from, const char *answers, const struct writer *writer)
{
	printf(",\n    {\"name\": \"%s\", \"from\": \"%s\", ", name, from);
	if (answers != NULL)
		printf("\"answers\": \"%s\", ", answers);
	print_hex("frame", writer->start, writer->used_bytes, "}");
}

static void print_call(const char *name, const char *from, uint8_t kind, size_t bytes)
{
	uint8_t frame[WIRE_DATAGRAM_BYTES_MAX];
	struct writer writer = writer_of(frame, sizeof frame);
	const bool fits = wire_call_write(&writer, ++frame_number, kind, frame_body, bytes);
	assert(fits);
	print_frame(name, from, NULL, &writer);
}

// To the newest call, whose kind is called `answers`.
static void print_answer(const char *name, const char *answers, uint8_t status, size_t bytes)
{
	uint8_t frame[WIRE_DATAGRAM_BYTES_MAX];
	struct writer writer = writer_of(frame, sizeof frame);
	const bool fits = wire_answer_write(&writer, frame_number, 1, status, frame_body, bytes);
	assert(fits);
	print_frame(name, "server", answers, &writer);
}

static struct call_change frame_change(const char *random, uint64_t commit)
{
	struct call_change change = {.id = uuid_v7((struct wtime){1795345260000}, (const uint8_t *)random), .stamp = {.commit = commit}};
	if (commit != 0)
		memset(change.stamp.start_id, 0xa5, sizeof change.stamp.start_id);
	return change;
}

static size_t frame_accepted(uint64_t commit)
{
	struct call_changed changed = {.mark = {.commit = commit}, .stamp = {.commit = commit}};
	memset(changed.mark.start_id, 0xa5, sizeof changed.mark.start_id);
	memset(changed.stamp.start_id, 0xa5, sizeof changed.stamp.start_id);
	return call_changed_encode(&changed, frame_body);
}

static void print_changes(void)
{
	const struct name ops = frame_name("ops");
	const struct call_join join = {.change = frame_change("0123456789", 0), .may_create = true, .room = ops};
	print_call("JOIN", "device", CALL_JOIN, call_join_encode(&join, frame_body));
	print_answer("JOIN ACCEPTED", "JOIN", STATUS_ACCEPTED, frame_accepted(20));
	print_answer("JOIN NOT_A_MEMBER", "JOIN", STATUS_NOT_A_MEMBER, 0);
	print_answer("JOIN ROOM_FULL", "JOIN", STATUS_ROOM_FULL, 0);
	const struct call_add add = {frame_change("1234567890", 0), ops, frame_name("fred")};
	print_call("ADD", "device", CALL_ADD, call_add_encode(&add, frame_body));
	print_answer("ADD BLOCKED", "ADD", STATUS_BLOCKED, 0);
	print_answer("ADD LIMIT", "ADD", STATUS_LIMIT, 0);
	const struct call_leave leave = {.change = frame_change("2345678901", 31), .room = ops};
	print_call("LEAVE, offered again", "device", CALL_LEAVE, call_leave_encode(&leave, frame_body));
	print_answer("LEAVE ACCEPTED", "LEAVE", STATUS_ACCEPTED, frame_accepted(31));
	const struct call_leave removal = {frame_change("3456789012", 0), ops, frame_name("Tim")};
	print_call("LEAVE of another", "device", CALL_LEAVE, call_leave_encode(&removal, frame_body));
	print_answer("LEAVE NOT_AUTHORIZED", "LEAVE", STATUS_NOT_AUTHORIZED, 0);
}

static void print_lists(void)
{
	static const struct room_id id = {{1, 2, 3, 4, 5, 6, 7, 8}};
	struct call_page page;
	const struct call_rooms rooms = {.is_mine_only = true, .after = frame_name("lounge")};
	print_call("ROOMS", "device", CALL_ROOMS, call_rooms_encode(&rooms, frame_body));
	call_page_begin(&page, frame_body);
	bool fits = call_rooms_add(&page, &(struct call_room){.is_member = true, .is_owner = true, .id = id, .from_row = 1,
							      .newest_row = 1900, .member_count = 3, .name = frame_name("ops")});
	print_answer("ROOMS OK", "ROOMS", STATUS_OK, call_rooms_end(&page, false, true));
	const struct call_members members = {.room = frame_name("ops")};
	print_call("MEMBERS", "device", CALL_MEMBERS, call_members_encode(&members, frame_body));
	call_page_begin(&page, frame_body);
	fits = fits && call_members_add(&page, &(struct call_member){true, true, frame_name("fred")}) &&
	       call_members_add(&page, &(struct call_member){false, false, frame_name("Tim")});
	print_answer("MEMBERS OK", "MEMBERS", STATUS_OK, call_page_end(&page, true));
	const struct call_history history = {id, 701, 1900};
	print_call("HISTORY", "device", CALL_HISTORY, call_history_encode(&history, frame_body));
	const struct call_history_row joined = {1200, uuid_v7(frame_time, (const uint8_t *)"4567890123"), frame_time,
						MESSAGE_JOINED, MESSAGE_UTF8, frame_name("fred"), (const uint8_t *)"Tim", 3};
	const struct call_history_row said = {1201, uuid_v7(frame_time, (const uint8_t *)"5678901234"), frame_time,
					      MESSAGE_WRITTEN, MESSAGE_UTF8, frame_name("Tim"), (const uint8_t *)"hi", 2};
	call_history_page_begin(&page, frame_body);
	fits = fits && call_history_add(&page, &joined) && call_history_add(&page, &said);
	print_answer("HISTORY OK", "HISTORY", STATUS_OK, call_history_page_end(&page, 1202));
	assert(fits);
}

static void print_states(void)
{
	const struct uuid one = uuid_v7(frame_time, (const uint8_t *)"6789012345");
	const struct uuid other = uuid_v7(frame_time, (const uint8_t *)"7890123456");
	const struct call_states states = {2, {one, other}};
	print_call("STATES", "device", CALL_STATES, call_states_encode(&states, frame_body));
	const struct call_states_ok ok = {2, {{STATE_DELIVERED, 1, 1, frame_time}, {STATE_WAITING, 2, 3, {0}}}};
	print_answer("STATES OK", "STATES", STATUS_OK, call_states_ok_encode(&ok, frame_body));
	const struct call_delivered delivered = {1, {{other, 3, 3}}};
	print_call("NOTICE DELIVERED", "server", CALL_NOTICE, call_delivered_encode(&delivered, frame_body));
	const struct call_watch watch = {true, 2, {frame_name("fred"), frame_name("Tim")}};
	uint8_t taken_count;
	print_call("WATCH", "device", CALL_WATCH, call_watch_encode(&watch, &taken_count, frame_body));
	const struct call_watch_ok watched = {2, {{true, {0}}, {false, frame_time}}};
	print_answer("WATCH OK", "WATCH", STATUS_OK, call_watch_ok_encode(&watched, frame_body));
	const struct call_presence_notice presence = {1, {{{false, frame_time}, frame_name("fred")}}};
	print_call("NOTICE PRESENCE", "server", CALL_NOTICE, call_presence_encode(&presence, frame_body));
}

static void print_own(void)
{
	struct call_page page;
	struct fingerprint fingerprint;
	memset(fingerprint.bytes, 0xc3, sizeof fingerprint.bytes);
	const struct name tim = frame_name("Tim");
	const struct call_block block = {BLOCK_ADD, frame_change("8901234567", 0), tim};
	print_call("BLOCK", "device", CALL_BLOCK, call_block_encode(&block, frame_body));
	print_answer("BLOCK ACCEPTED", "BLOCK", STATUS_ACCEPTED, frame_accepted(32));
	print_call("BLOCK LIST", "device", CALL_BLOCK, call_block_encode(&(struct call_block){.what = BLOCK_LIST}, frame_body));
	call_page_begin(&page, frame_body);
	bool fits = call_names_add(&page, &tim);
	print_answer("BLOCK LIST OK", "BLOCK", STATUS_OK, call_page_end(&page, false));
	print_call("DEVICES LIST", "device", CALL_DEVICES,
		   call_devices_encode(&(struct call_devices){.what = DEVICES_LIST}, frame_body));
	call_page_begin(&page, frame_body);
	fits = fits && call_devices_add(&page, &(struct call_device){.is_this = true, .is_online = true, .fingerprint = fingerprint,
								     .enrolled_at = frame_time, .name = frame_name("laptop")});
	print_answer("DEVICES LIST OK", "DEVICES", STATUS_OK, call_page_end(&page, false));
	const struct call_devices naming = {DEVICES_NAME, frame_change("9012345678", 0), fingerprint, frame_name("desk")};
	print_call("DEVICES NAME", "device", CALL_DEVICES, call_devices_encode(&naming, frame_body));
	print_answer("DEVICES NAME ACCEPTED", "DEVICES", STATUS_ACCEPTED, frame_accepted(33));
	const struct call_devices removal = {.what = DEVICES_REMOVE, .change = frame_change("0123456780", 0), .fingerprint = fingerprint};
	print_call("DEVICES REMOVE", "device", CALL_DEVICES, call_devices_encode(&removal, frame_body));
	print_answer("DEVICES BAD", "DEVICES", STATUS_BAD, 0);
	assert(fits);
}

static void print_calls(void)
{
	print_changes();
	print_lists();
	print_states();
	print_own();
}

#endif
