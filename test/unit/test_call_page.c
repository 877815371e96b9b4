// SPDX-License-Identifier: ISC
// msg/call_page and the lists that come by pages: ROOMS, MEMBERS, those of BLOCK and DEVICES, and HISTORY: there and back, full,
// cut short, too long, out of order, and such as nobody would come to the end of.
#include "call_lengths.h"
#include "msg/call.h"
#include "msg/call_device.h"
#include "msg/call_history.h"
#include "msg/call_page.h"
#include "msg/call_room.h"

enum { HEAD = 2, HISTORY_HEAD = 9 };

static const struct name none = {{0}};
static const struct name longest = {"zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"};
static const struct call_history asked = {{{1}}, 10, 20};
static uint8_t body[CALL_BODY_BYTES_MAX];

static struct name name_of(const char *text)
{
	struct name name = none;
	(void)name_parse(&name, text, strlen(text));
	return name;
}

static enum mms_err decode_names(const uint8_t *from, size_t bytes)
{
	struct call_list list;
	return call_names_decode(&list, &none, from, bytes);
}

static enum mms_err decode_rooms(const uint8_t *from, size_t bytes)
{
	struct call_list list;
	return call_rooms_ok_decode(&list, &none, from, bytes);
}

static enum mms_err decode_members(const uint8_t *from, size_t bytes)
{
	struct call_list list;
	return call_members_ok_decode(&list, &none, from, bytes);
}

static enum mms_err decode_devices(const uint8_t *from, size_t bytes)
{
	struct call_list list;
	return call_devices_ok_decode(&list, &(struct fingerprint){{0}}, from, bytes);
}

static enum mms_err decode_history(const uint8_t *from, size_t bytes)
{
	struct call_history_ok ok;
	return call_history_ok_decode(&ok, &asked, from, bytes);
}

static void requests(void **state)
{
	(void)state;
	const struct call_rooms rooms[] = {{true, none}, {false, name_of("Ops")}};
	const struct call_members members[] = {{name_of("Ops"), none}, {name_of("Ops"), name_of("fred")}};
	for (int i = 0; i < 2; i++) {
		struct call_rooms decoded_rooms;
		struct call_members decoded_members;
		size_t bytes = call_rooms_encode(&rooms[i], body);
		assert_int_equal(bytes, i == 0 ? 2 : 1 + 5);
		assert_int_equal(call_rooms_decode(&decoded_rooms, body, bytes), MMS_OK);
		assert_int_equal(decoded_rooms.is_mine_only, i == 0);
		assert_string_equal(decoded_rooms.after.text, rooms[i].after.text);
		body[0] |= 0xfe; // flags of no meaning yet
		assert_int_equal(call_rooms_decode(&decoded_rooms, body, bytes), MMS_OK);
		assert_int_equal(decoded_rooms.is_mine_only, i == 0);
		assert_int_equal(call_rooms_decode(&decoded_rooms, body, bytes - 1), MMS_E_BAD);
		assert_int_equal(call_rooms_decode(&decoded_rooms, body, bytes + 1), MMS_E_BAD);
		assert_int_equal(call_rooms_decode(&decoded_rooms, body, 0), MMS_E_BAD);
		bytes = call_members_encode(&members[i], body);
		assert_int_equal(bytes, 5 + (i == 0 ? 1 : 5));
		assert_int_equal(call_members_decode(&decoded_members, body, bytes), MMS_OK);
		assert_string_equal(decoded_members.room.text, "Ops");
		assert_string_equal(decoded_members.after.text, members[i].after.text);
		assert_int_equal(call_members_decode(&decoded_members, body, bytes - 1), MMS_E_BAD);
		assert_int_equal(call_members_decode(&decoded_members, body, bytes + 1), MMS_E_BAD);
		body[1] = 'x'; // a user
		assert_int_equal(call_members_decode(&decoded_members, body, bytes), MMS_E_BAD);
	}
}

static void history_is_asked_for(void **state)
{
	(void)state;
	static const uint64_t ends[] = {0, 1, 2, INT64_MAX, (uint64_t)INT64_MAX + 1, UINT64_MAX};
	for (int from = 0; from < 6; from++)
		for (int to = 0; to < 6; to++) {
			const struct call_history history = {{{3}}, ends[from], ends[to]};
			struct call_history decoded;
			const size_t bytes = call_history_encode(&history, body);
			const bool is_good = from >= 1 && from <= to && to <= 3;
			assert_int_equal(bytes, 24);
			assert_int_equal(call_history_decode(&decoded, body, bytes), is_good ? MMS_OK : MMS_E_BAD);
			assert_int_equal(call_history_decode(&decoded, body, bytes - 1), MMS_E_BAD);
			assert_int_equal(call_history_decode(&decoded, body, bytes + 1), MMS_E_BAD);
			assert_int_equal(call_history_decode(&decoded, body, ROOM_ID_BYTES - 1), MMS_E_BAD);
		}
}

static void names_in_order(void **state)
{
	(void)state;
	struct call_page page;
	struct call_list list;
	struct name name;
	const struct name fred = name_of("fred");
	const struct name tim = name_of("Tim");
	call_page_begin(&page, body);
	assert_true(call_names_add(&page, &fred) && call_names_add(&page, &tim));
	const size_t bytes = call_page_end(&page, true);
	assert_int_equal(bytes, HEAD + 5 + 4);
	assert_int_equal(call_names_decode(&list, &none, body, bytes), MMS_OK);
	assert_true(list.has_more);
	assert_int_equal(list.count, 2);
	assert_true(call_names_read(&list, &name));
	assert_string_equal(name.text, "fred");
	assert_true(call_names_read(&list, &name));
	assert_string_equal(name.text, "Tim");
	assert_false(call_names_read(&list, &name));
	check_lengths(decode_names, body, bytes, false, 0);
	// A page that goes back, or does not go on, would be asked for for ever.
	assert_int_equal(call_names_decode(&list, &fred, body, bytes), MMS_E_BAD);
	assert_int_equal(call_names_decode(&list, &(struct name){"FREC"}, body, bytes), MMS_OK);
	memcpy(body + HEAD + 6, "Fre", 3);
	assert_int_equal(decode_names(body, bytes), MMS_E_BAD);
	memcpy(body + HEAD + 6, "Tim", 3);
	body[0] = 0xfe; // flags of no meaning yet
	assert_int_equal(call_names_decode(&list, &none, body, bytes), MMS_OK);
	assert_false(list.has_more);
	body[1] = 0;
	body[0] = 1;
	assert_int_equal(decode_names(body, HEAD), MMS_E_BAD); // nothing, and more behind it
	body[0] = 0;
	assert_int_equal(decode_names(body, HEAD), MMS_OK);
}

static void a_page_counts_to_its_end(void **state)
{
	(void)state;
	struct call_page page;
	struct call_list list;
	int added = 0;
	call_page_begin(&page, body);
	for (int i = 0; i < 1000; i++) {
		char text[3] = {(char)('a' + i / 36 % 26), "0123456789abcdefghijklmnopqrstuvwxyz"[i % 36], 0};
		const struct name name = name_of(text);
		if (!call_names_add(&page, &name))
			break;
		added++;
	}
	assert_int_equal(added, CALL_PAGE_ENTRIES_MAX);
	const size_t bytes = call_page_end(&page, true);
	assert_int_equal(call_names_decode(&list, &none, body, bytes), MMS_OK);
	assert_int_equal(list.count, CALL_PAGE_ENTRIES_MAX);
}

static const struct call_room lounge = {
	.is_member = true,
	.is_private = true,
	.id = {{1, [7] = 8}},
	.from_row = 3,
	.newest_row = INT64_MAX,
	.member_count = 1000,
	.name = {"lounge"},
};

static void test_rooms(void **state)
{
	(void)state;
	struct call_page page;
	struct call_list list;
	for (uint8_t flags = 0; flags < 16; flags++) {
		struct call_room room = lounge;
		struct call_room decoded;
		memset(&decoded, 0, sizeof decoded); // the bytes between its fields
		room.is_member = (flags & 1) != 0;
		room.is_owner = (flags & 2) != 0;
		room.is_private = (flags & 4) != 0;
		room.is_without_history = (flags & 8) != 0;
		const bool is_good = room.is_member || !room.is_owner;
		call_page_begin(&page, body);
		assert_true(call_rooms_add(&page, &room));
		const size_t bytes = call_page_end(&page, false);
		assert_int_equal(bytes, HEAD + 1 + 8 + 8 + 8 + 4 + 8);
		assert_int_equal(body[HEAD], flags);
		assert_int_equal(call_rooms_ok_decode(&list, &none, body, bytes), is_good ? MMS_OK : MMS_E_BAD);
		if (!is_good)
			continue;
		assert_true(call_rooms_read(&list, &decoded));
		assert_memory_equal(&decoded, &room, sizeof room);
		assert_false(call_rooms_read(&list, &decoded));
		check_lengths(decode_rooms, body, bytes, false, 0);
		assert_int_equal(call_rooms_ok_decode(&list, &room.name, body, bytes), MMS_E_BAD);
		body[HEAD] |= 0xf0; // flags of no meaning yet
		assert_int_equal(decode_rooms(body, bytes), MMS_OK);
	}
}

static void a_page_of_rooms_may_be_behind(void **state)
{
	(void)state;
	struct call_page page;
	struct call_list list;
	for (int flags = 0; flags < 4; flags++) {
		call_page_begin(&page, body);
		assert_true(call_rooms_add(&page, &lounge));
		const size_t bytes = call_rooms_end(&page, (flags & 1) != 0, (flags & 2) != 0);
		assert_int_equal(body[0], flags);
		body[0] |= 0xfc; // flags of no meaning yet
		assert_int_equal(call_rooms_ok_decode(&list, &none, body, bytes), MMS_OK);
		assert_int_equal(list.has_more, flags & 1);
		assert_int_equal(list.is_behind, (flags & 2) != 0);
	}
	call_page_begin(&page, body);
	body[0] = 2; // of members there is no such flag
	assert_int_equal(call_members_ok_decode(&list, &none, body, 2), MMS_OK);
	assert_false(list.is_behind);
}

static enum mms_err decode_room(const struct call_room *room)
{
	struct call_page page;
	call_page_begin(&page, body);
	assert_true(call_rooms_add(&page, room));
	return decode_rooms(body, call_page_end(&page, false));
}

static void a_room_is_of_one_mind(void **state)
{
	(void)state;
	static const uint64_t rows[] = {0, 1, INT64_MAX, (uint64_t)INT64_MAX + 1};
	for (int from = 0; from < 4; from++)
		for (int newest = 0; newest < 4; newest++)
			for (int is_member = 0; is_member < 2; is_member++) {
				struct call_room room = lounge;
				room.is_member = is_member != 0;
				room.from_row = rows[from];
				room.newest_row = rows[newest];
				const bool is_good = from == 0 ? newest == 0 && is_member == 0 : from <= newest && newest < 3;
				assert_int_equal(decode_room(&room), is_good ? MMS_OK : MMS_E_BAD);
			}
	struct call_room nowhere = lounge;
	nowhere.id = (struct room_id){{0}};
	assert_int_equal(decode_room(&nowhere), MMS_E_BAD);
}

static void test_members(void **state)
{
	(void)state;
	struct call_page page;
	struct call_list list;
	for (uint8_t flags = 0; flags < 4; flags++) {
		const struct call_member member = {(flags & 1) != 0, (flags & 2) != 0, name_of("fred")};
		struct call_member decoded;
		memset(&decoded, 0, sizeof decoded); // the bytes between its fields
		call_page_begin(&page, body);
		assert_true(call_members_add(&page, &member));
		const size_t bytes = call_page_end(&page, true);
		assert_int_equal(body[HEAD], flags);
		check_lengths(decode_members, body, bytes, false, 0);
		body[HEAD] |= 0xfc; // flags of no meaning yet
		assert_int_equal(call_members_ok_decode(&list, &none, body, bytes), MMS_OK);
		assert_true(list.has_more && call_members_read(&list, &decoded));
		assert_memory_equal(&decoded, &member, sizeof member);
		assert_int_equal(call_members_ok_decode(&list, &member.name, body, bytes), MMS_E_BAD);
	}
}

static void test_devices(void **state)
{
	(void)state;
	struct call_page page;
	struct call_list list;
	for (uint8_t flags = 0; flags < 4; flags++) {
		struct call_device device = {.is_this = (flags & 1) != 0,
					     .is_online = (flags & 2) != 0,
					     .fingerprint = {{[31] = 1}},
					     .enrolled_at = {1800000000000},
					     .heard_at = {0}};
		struct call_device decoded;
		call_page_begin(&page, body);
		assert_true(call_devices_add(&page, &device));
		device.fingerprint.bytes[0] = 1;
		device.name = longest;
		assert_true(call_devices_add(&page, &device));
		const size_t bytes = call_page_end(&page, false);
		assert_int_equal(bytes, HEAD + 2 * (1 + 32 + 8 + 8 + 1) + 32);
		assert_int_equal(call_devices_ok_decode(&list, &(struct fingerprint){{0}}, body, bytes), MMS_OK);
		assert_true(call_devices_read(&list, &decoded));
		assert_int_equal(decoded.is_this, device.is_this);
		assert_int_equal(decoded.is_online, device.is_online);
		assert_int_equal(decoded.enrolled_at.ms, 1800000000000);
		assert_int_equal(decoded.fingerprint.bytes[31], 1);
		assert_int_equal(name_bytes(&decoded.name), 0);
		assert_true(call_devices_read(&list, &decoded));
		assert_string_equal(decoded.name.text, longest.text);
		assert_false(call_devices_read(&list, &decoded));
		check_lengths(decode_devices, body, bytes, false, 0);
		assert_int_equal(call_devices_ok_decode(&list, &(struct fingerprint){{[31] = 1}}, body, bytes), MMS_E_BAD);
		body[HEAD + 1] = 2; // the first behind the second
		assert_int_equal(decode_devices(body, bytes), MMS_E_BAD);
	}
}

static size_t history_of(const uint64_t *rows, int count, uint64_t next_row)
{
	struct call_page page;
	call_history_page_begin(&page, body);
	for (int i = 0; i < count; i++)
		assert_true(call_history_add(&page, &(struct call_history_row){.row = rows[i],
									       .kind = MESSAGE_JOINED,
									       .form = MESSAGE_UTF8,
									       .text = (const uint8_t *)"Tim",
									       .text_bytes = 3}));
	return call_history_page_end(&page, next_row);
}

static void test_history(void **state)
{
	(void)state;
	struct call_page page;
	struct call_history_ok ok;
	struct call_history_row decoded;
	char text[TEXT_BYTES_MAX];
	memset(text, 'm', sizeof text);
	const struct call_history_row row = {.row = 11,
					     .id = {{1, 2}},
					     .accepted_at = {1800000000000},
					     .kind = MESSAGE_WRITTEN,
					     .form = 77,
					     .sender = longest,
					     .text = (const uint8_t *)text,
					     .text_bytes = sizeof text};
	call_history_page_begin(&page, body);
	assert_true(call_history_add(&page, &row)); // the largest of all, and no second one beside it
	assert_false(call_history_add(&page, &row));
	const size_t bytes = call_history_page_end(&page, 13);
	assert_int_equal(bytes, HISTORY_HEAD + 8 + 16 + 8 + 2 + 33 + 2 + sizeof text);
	assert_int_equal(call_history_ok_decode(&ok, &asked, body, bytes), MMS_OK);
	assert_int_equal(ok.next_row, 13);
	assert_true(call_history_read(&ok, &decoded));
	assert_int_equal(decoded.row, 11);
	assert_memory_equal(&decoded.id, &row.id, ID_BYTES);
	assert_int_equal(decoded.accepted_at.ms, row.accepted_at.ms);
	assert_int_equal(decoded.form, 77);
	assert_string_equal(decoded.sender.text, longest.text);
	assert_int_equal(decoded.text_bytes, sizeof text);
	assert_memory_equal(decoded.text, text, sizeof text);
	assert_false(call_history_read(&ok, &decoded));
	check_lengths(decode_history, body, bytes, false, 0);
	body[HISTORY_HEAD + 32] = MESSAGE_JOINED;
	assert_int_equal(decode_history(body, bytes), MMS_OK);
	static const uint64_t of_the_operator[] = {10};
	const size_t small = history_of(of_the_operator, 1, 21);
	check_lengths(decode_history, body, small, false, 0);
	body[HISTORY_HEAD + 32] = MESSAGE_WRITTEN; // by nobody
	assert_int_equal(decode_history(body, small), MMS_E_BAD);
	body[HISTORY_HEAD + 32] = MESSAGE_LEFT;
	body[HISTORY_HEAD + 36] = 0; // no text
	assert_int_equal(decode_history(body, small - 3), MMS_E_BAD);
}

static void history_comes_to_an_end(void **state)
{
	(void)state;
	static const struct {
		uint64_t rows[2];
		int count;
		uint64_t next_row;
		bool is_good;
	} cases[] = {
		{{10, 20}, 2, 21, true},  {{10, 11}, 2, 12, true},  {{0, 0}, 0, 21, true},   {{0, 0}, 0, 20, false},
		{{0, 0}, 0, 10, false},   {{0, 0}, 0, 22, false},   {{0, 0}, 0, 0, false},   {{9, 10}, 2, 21, false},
		{{10, 10}, 2, 21, false}, {{11, 10}, 2, 21, false}, {{10, 21}, 2, 21, false}, {{10, 12}, 2, 12, false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const size_t bytes = history_of(cases[i].rows, cases[i].count, cases[i].next_row);
		assert_int_equal(decode_history(body, bytes), cases[i].is_good ? MMS_OK : MMS_E_BAD);
	}
}

// Adds an entry to a page of its kind. False: there is no room.
typedef bool add_entry(struct call_page *page, int number, const struct name *name);

static bool add_room(struct call_page *page, int number, const struct name *name)
{
	struct call_room room = lounge;
	(void)number;
	room.name = *name;
	return call_rooms_add(page, &room);
}

static bool add_member(struct call_page *page, int number, const struct name *name)
{
	(void)number;
	return call_members_add(page, &(struct call_member){.name = *name});
}

static bool add_device(struct call_page *page, int number, const struct name *name)
{
	const struct call_device device = {.fingerprint = {{[31] = (uint8_t)number}}, .name = *name};
	return call_devices_add(page, &device);
}

static bool add_history(struct call_page *page, int number, const struct name *name)
{
	return call_history_add(page, &(struct call_history_row){.row = (uint64_t)number + 1,
								 .kind = MESSAGE_WRITTEN,
								 .form = MESSAGE_UTF8,
								 .sender = *name,
								 .text = (const uint8_t *)"text",
								 .text_bytes = 4});
}

// Whatever the last entry that there is room for leaves: the next one is refused, and nothing of it stays.
static void an_entry_comes_whole_or_not(void **state)
{
	(void)state;
	static const struct {
		add_entry *add;
		size_t head_bytes;
		size_t entry_bytes; // without its name
	} kinds[] = {
		{add_room, HEAD, 1 + 8 + 8 + 8 + 4 + 2}, // a room has a # too
		{add_member, HEAD, 1 + 1},
		{add_device, HEAD, 1 + 32 + 8 + 8 + 1},
		{add_history, HISTORY_HEAD, 8 + 16 + 8 + 1 + 1 + 1 + 2 + 4},
	};
	for (size_t kind = 0; kind < sizeof kinds / sizeof kinds[0]; kind++)
		for (int first = 1; first <= 32; first++)
			for (int second = 1; second <= 32; second++) {
				struct call_page page;
				size_t bytes = kinds[kind].head_bytes;
				int added = 0;
				if (kinds[kind].add == add_history)
					call_history_page_begin(&page, body);
				else
					call_page_begin(&page, body);
				for (;; added++) {
					struct name name = longest;
					name.text[added == 0 ? first : added == 1 ? second : 32] = 0;
					if (!kinds[kind].add(&page, added, &name))
						break;
					bytes += kinds[kind].entry_bytes + name_bytes(&name);
				}
				assert_true(bytes + kinds[kind].entry_bytes + 32 > CALL_BODY_BYTES_MAX);
				assert_int_equal(page.count, added);
				assert_int_equal(kinds[kind].add == add_history ? call_history_page_end(&page, 1000)
										: call_page_end(&page, false),
						 bytes);
			}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests),
		cmocka_unit_test(history_is_asked_for),
		cmocka_unit_test(names_in_order),
		cmocka_unit_test(a_page_counts_to_its_end),
		cmocka_unit_test(test_rooms),
		cmocka_unit_test(a_page_of_rooms_may_be_behind),
		cmocka_unit_test(a_room_is_of_one_mind),
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_devices),
		cmocka_unit_test(test_history),
		cmocka_unit_test(history_comes_to_an_end),
		cmocka_unit_test(an_entry_comes_whole_or_not),
	};
	return cmocka_run_group_tests_name("call_page", tests, NULL, NULL);
}
