// SPDX-License-Identifier: ISC
// The bodies of calls about rooms, devices, history, states, presence and blocking. As in fuzz_wire.c: what a decoder accepts,
// encoded again, gives the same bytes; only bits of flags that nobody knows may be lost, and times that nobody can hold. A page
// goes on behind what it was asked to.
#include "fuzz.h"
#include "msg/call.h"
#include "msg/call_block.h"
#include "msg/call_device.h"
#include "msg/call_history.h"
#include "msg/call_room.h"
#include "msg/call_state.h"
#include "msg/call_watch.h"

static uint8_t made[CALL_BODY_BYTES_MAX];
static uint8_t known[CALL_BODY_BYTES_MAX]; // what was given without what may be lost

static void forget_flags(size_t at, uint8_t mask)
{
	known[at] &= mask;
}

static void forget_time(size_t at)
{
	if ((known[at] & 0x80) == 0)
		return;
	known[at] = 0x7f;
	memset(known + at + 1, 0xff, 7);
}

static void check_same(size_t bytes, size_t made_bytes)
{
	assert(made_bytes == bytes);
	assert(memcmp(made, known, bytes) == 0);
}

static void try_changes(const uint8_t *data, size_t bytes)
{
	struct call_join join;
	struct call_add add;
	struct call_leave leave;
	struct call_block block;
	struct call_devices devices;
	if (call_add_decode(&add, data, bytes) == MMS_OK)
		check_same(bytes, call_add_encode(&add, made));
	if (call_leave_decode(&leave, data, bytes) == MMS_OK)
		check_same(bytes, call_leave_encode(&leave, made));
	if (call_block_decode(&block, data, bytes) == MMS_OK)
		check_same(bytes, call_block_encode(&block, made));
	if (call_devices_decode(&devices, data, bytes) == MMS_OK)
		check_same(bytes, call_devices_encode(&devices, made));
	if (call_join_decode(&join, data, bytes) == MMS_OK) {
		forget_flags(CALL_CHANGE_BYTES, 7);
		check_same(bytes, call_join_encode(&join, made));
	}
}

static void try_requests(const uint8_t *data, size_t bytes)
{
	struct call_rooms rooms;
	struct call_members members;
	struct call_history history;
	struct call_states states;
	struct call_watch watch;
	uint8_t taken_count;
	if (call_members_decode(&members, data, bytes) == MMS_OK)
		check_same(bytes, call_members_encode(&members, made));
	if (call_history_decode(&history, data, bytes) == MMS_OK)
		check_same(bytes, call_history_encode(&history, made));
	if (call_states_decode(&states, data, bytes) == MMS_OK)
		check_same(bytes, call_states_encode(&states, made));
	if (bytes >= 1)
		forget_flags(0, 1);
	if (call_rooms_decode(&rooms, data, bytes) == MMS_OK)
		check_same(bytes, call_rooms_encode(&rooms, made));
	if (call_watch_decode(&watch, data, bytes) == MMS_OK) {
		check_same(bytes, call_watch_encode(&watch, &taken_count, made));
		assert(taken_count == watch.count);
	}
}

static void try_changed(const uint8_t *data, size_t bytes)
{
	struct call_changed changed;
	if (call_changed_decode(&changed, data, bytes) != MMS_OK)
		return;
	forget_flags(0, 0);
	check_same(bytes, call_changed_encode(&changed, made));
}

static void try_states(const uint8_t *data, size_t bytes)
{
	struct call_states_ok states;
	struct call_watch_ok watched;
	struct call_delivered delivered;
	struct call_presence_notice presence;
	if (call_delivered_decode(&delivered, data, bytes) == MMS_OK)
		check_same(bytes, call_delivered_encode(&delivered, made));
	if (call_states_ok_decode(&states, data, bytes) == MMS_OK) {
		for (uint8_t i = 0; i < states.count; i++)
			forget_time(1 + 17 * (size_t)i + 9);
		check_same(bytes, call_states_ok_encode(&states, made));
	}
	if (call_watch_ok_decode(&watched, data, bytes) == MMS_OK) {
		memcpy(known, data, bytes);
		for (uint8_t i = 0; i < watched.count; i++) {
			forget_flags(1 + 9 * (size_t)i, 1);
			forget_time(2 + 9 * (size_t)i);
		}
		check_same(bytes, call_watch_ok_encode(&watched, made));
	}
	if (call_presence_decode(&presence, data, bytes) == MMS_OK) {
		size_t at = 2;
		memcpy(known, data, bytes);
		for (uint8_t i = 0; i < presence.count; i++) {
			forget_flags(at, 1);
			forget_time(at + 1);
			at += 10 + name_bytes(&presence.item[i].name);
		}
		check_same(bytes, call_presence_encode(&presence, made));
	}
}

static void end_page(struct call_page *page, const struct call_list *list, size_t bytes)
{
	assert(list->count == 0 && (page->count > 0 || !list->has_more));
	check_same(bytes, call_page_end(page, list->has_more));
}

static void try_rooms(const uint8_t *data, size_t bytes)
{
	struct call_page page;
	struct call_list list;
	struct call_room room;
	struct name last = {"Lounge"};
	if (call_rooms_ok_decode(&list, &last, data, bytes) != MMS_OK)
		return;
	forget_flags(0, 3);
	call_page_begin(&page, made);
	while (list.count > 0) {
		forget_flags(bytes - list.entries.left_bytes, 15);
		const bool is_read = call_rooms_read(&list, &room);
		assert(is_read && name_order(&last, &room.name) < 0 && (room.is_member ? room.from_row > 0 : !room.is_owner));
		last = room.name;
		const bool fits = call_rooms_add(&page, &room);
		assert(fits);
	}
	assert(page.count > 0 || !list.has_more);
	check_same(bytes, call_rooms_end(&page, list.has_more, list.is_behind));
}

static void try_members(const uint8_t *data, size_t bytes)
{
	struct call_page page;
	struct call_list list;
	struct call_member member;
	struct name last = {{0}};
	if (call_members_ok_decode(&list, &last, data, bytes) != MMS_OK)
		return;
	forget_flags(0, 1);
	call_page_begin(&page, made);
	while (list.count > 0) {
		forget_flags(bytes - list.entries.left_bytes, 3);
		const bool is_read = call_members_read(&list, &member);
		assert(is_read && name_order(&last, &member.name) < 0);
		last = member.name;
		const bool fits = call_members_add(&page, &member);
		assert(fits);
	}
	end_page(&page, &list, bytes);
}

static void try_names(const uint8_t *data, size_t bytes)
{
	struct call_page page;
	struct call_list list;
	struct name last = {"fred"};
	struct name name;
	if (call_names_decode(&list, &last, data, bytes) != MMS_OK)
		return;
	forget_flags(0, 1);
	call_page_begin(&page, made);
	while (list.count > 0) {
		const bool is_read = call_names_read(&list, &name);
		assert(is_read && name_order(&last, &name) < 0);
		last = name;
		const bool fits = call_names_add(&page, &name);
		assert(fits);
	}
	end_page(&page, &list, bytes);
}

static void try_devices(const uint8_t *data, size_t bytes)
{
	struct call_page page;
	struct call_list list;
	struct call_device device;
	struct fingerprint last = {{0}};
	if (call_devices_ok_decode(&list, &last, data, bytes) != MMS_OK)
		return;
	forget_flags(0, 1);
	call_page_begin(&page, made);
	while (list.count > 0) {
		const size_t at = bytes - list.entries.left_bytes;
		forget_flags(at, 3);
		forget_time(at + 1 + FINGERPRINT_BYTES);
		forget_time(at + 1 + FINGERPRINT_BYTES + 8);
		const bool is_read = call_devices_read(&list, &device);
		assert(is_read && memcmp(last.bytes, device.fingerprint.bytes, FINGERPRINT_BYTES) < 0);
		last = device.fingerprint;
		const bool fits = call_devices_add(&page, &device);
		assert(fits);
	}
	end_page(&page, &list, bytes);
}

static void try_history(const uint8_t *data, size_t bytes)
{
	const struct call_history asked = {{{1}}, 3, 40};
	struct call_page page;
	struct call_history_ok ok;
	struct call_history_row row;
	uint64_t last = asked.from_row - 1;
	if (call_history_ok_decode(&ok, &asked, data, bytes) != MMS_OK)
		return;
	assert(ok.next_row > asked.from_row && ok.next_row <= asked.to_row + 1);
	assert(ok.count > 0 || ok.next_row == asked.to_row + 1);
	call_history_page_begin(&page, made);
	while (ok.count > 0) {
		forget_time(bytes - ok.rows.left_bytes + 8 + ID_BYTES);
		const bool is_read = call_history_read(&ok, &row);
		assert(is_read && row.row > last && row.row < ok.next_row && row.text_bytes >= 1);
		last = row.row;
		const bool fits = call_history_add(&page, &row);
		assert(fits);
	}
	check_same(bytes, call_history_page_end(&page, ok.next_row));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static void (*const tries[])(const uint8_t *, size_t) = {try_changes, try_requests, try_changed, try_states, try_rooms,
								 try_members, try_names,    try_devices, try_history};
	if (bytes < 1 || bytes - 1 > CALL_BODY_BYTES_MAX)
		return 0;
	memcpy(known, data + 1, bytes - 1);
	tries[data[0] % 9](data + 1, bytes - 1);
	return 0;
}
