// SPDX-License-Identifier: ISC
// msg/client: the lists that a person asks for: rooms, a room's members, whom one blocks. (Of users: test_client.c.)
#include "client_world.h"

#include "msg/call_block.h"
#include "msg/call_page.h"
#include "msg/call_room.h"

static const struct client_list_wish members = {.kind = LIST_MEMBERS, .room = {"ops"}};
static const struct client_list_wish rooms = {.kind = LIST_ROOMS};
static const struct client_list_wish blocked = {.kind = LIST_BLOCKED};

static struct record *last_call(uint8_t kind)
{
	struct record *record = NULL;
	assert_true(count(CALLED, kind, &record) > 0);
	return record;
}

// Signed in, and the device knows its rooms, of which there are none.
static void begin_signed_in(void)
{
	uint8_t body[CALL_BODY_BYTES_MAX];
	struct call_page page;
	begin_with(false);
	come_in(0, 0);
	call_page_begin(&page, body);
	answer_call(0, CALL_ROOMS, STATUS_OK, body, call_rooms_end(&page, false, false), last_call(CALL_ROOMS)->tag);
	store();
	f.record_count = 0;
}

static void answer_members(uint32_t slot, uint64_t tag, const char *const *names, bool has_more)
{
	uint8_t body[CALL_BODY_BYTES_MAX];
	struct call_page page;
	call_page_begin(&page, body);
	for (; *names != NULL; names++) {
		const struct call_member member = {.is_online = true, .is_owner = **names == 'f', .name = name_of(*names)};
		assert_true(call_members_add(&page, &member));
	}
	answer_call(slot, CALL_MEMBERS, STATUS_OK, body, call_page_end(&page, has_more), tag);
}

static void expect_told(uint32_t begun, uint32_t users, uint32_t ended, uint32_t failed)
{
	assert_int_equal(count(TOLD, TOLD_LIST_BEGIN, NULL), begun);
	assert_int_equal(count(TOLD, TOLD_LIST_USER, NULL), users);
	assert_int_equal(count(TOLD, TOLD_LIST_END, NULL), ended);
	assert_int_equal(count(TOLD, TOLD_LIST_FAILED, NULL), failed);
}

static void expect_page(const char *room, const char *after)
{
	struct call_members asked_for;
	const struct record *record = last_call(CALL_MEMBERS);
	assert_int_equal(call_members_decode(&asked_for, record->body, record->bytes), MMS_OK);
	assert_string_equal(asked_for.room.text, room);
	assert_string_equal(asked_for.after.text, after);
}

static void test_members_page_by_page(void **state)
{
	(void)state;
	begin_signed_in();
	client_list(&f.client, &members, f.now);
	expect_page("ops", "");
	const uint64_t first = last_call(CALL_MEMBERS)->tag;
	answer_members(0, first, (const char *const[]){"Anne", "fred", NULL}, true);
	expect_page("ops", "fred");
	expect_told(1, 2, 0, 0);
	answer_members(0, first, (const char *const[]){"Zoe", NULL}, false); // once more: it was answered
	expect_told(1, 2, 0, 0);
	answer_members(0, last_call(CALL_MEMBERS)->tag, (const char *const[]){"Tim", NULL}, false);
	expect_told(1, 3, 1, 0);
	struct record *record = NULL;
	assert_int_equal(count(TOLD, TOLD_LIST_USER, &record), 3);
	assert_string_equal(record->told.name.text, "Tim");
	assert_true(record->told.is_online);
	assert_false(record->told.is_owner);
}

static void test_another_session_begins_anew(void **state)
{
	(void)state;
	begin_signed_in();
	client_list(&f.client, &members, f.now);
	answer_members(0, last_call(CALL_MEMBERS)->tag, (const char *const[]){"Anne", NULL}, true);
	const uint64_t second = last_call(CALL_MEMBERS)->tag;
	come_in(1, 0);
	expect_page("ops", "");
	answer_members(0, second, (const char *const[]){"fred", NULL}, false);
	expect_told(1, 1, 0, 0);
	answer_members(1, last_call(CALL_MEMBERS)->tag, (const char *const[]){"Anne", "fred", NULL}, false);
	expect_told(2, 3, 1, 0);
}

static void test_a_list_that_is_refused_says_why(void **state)
{
	(void)state;
	struct record *record = NULL;
	begin_signed_in();
	client_list(&f.client, &members, f.now);
	answer_call(0, CALL_MEMBERS, STATUS_NOT_A_MEMBER, NULL, 0, last_call(CALL_MEMBERS)->tag);
	assert_int_equal(count(TOLD, TOLD_LIST_FAILED, &record), 1);
	assert_int_equal(record->told.status, STATUS_NOT_A_MEMBER);
	expect_told(0, 0, 0, 1);
}

// Whatever a server says, there is an end: a page that does not go on, one that is none, and more members than there can be.
static void test_a_list_that_is_none(void **state)
{
	(void)state;
	struct record *record = NULL;
	begin_signed_in();
	client_list(&f.client, &members, f.now);
	answer_members(0, last_call(CALL_MEMBERS)->tag, (const char *const[]){"Tim", NULL}, true);
	answer_members(0, last_call(CALL_MEMBERS)->tag, (const char *const[]){"Anne", NULL}, true);
	expect_told(1, 1, 0, 1);
	assert_int_equal(count(TOLD, TOLD_LIST_FAILED, &record), 1);
	assert_int_equal(record->told.status, STATUS_OK);
	client_list(&f.client, &members, f.now);
	answer_call(0, CALL_MEMBERS, STATUS_OK, (const uint8_t *)"\0\1", 2, last_call(CALL_MEMBERS)->tag);
	expect_told(1, 1, 0, 2);
	client_list(&f.client, &members, f.now);
	char name[16];
	for (int i = 0; i <= ROOM_MEMBERS_MAX; i++) {
		f.record_count = 0;
		snprintf(name, sizeof name, "u%05d", i);
		struct client_list *list = &f.client.list;
		assert_true(list->is_wanted);
		answer_members(0, (UINT64_C(1) << 63) | list->ask_count, (const char *const[]){name, NULL}, true);
	}
	assert_int_equal(count(TOLD, TOLD_LIST_FAILED, NULL), 1);
	assert_false(f.client.list.is_wanted);
}

// The device asks for its own rooms by the same call: neither takes what the other one asked for.
static void test_rooms_beside_the_devices_own(void **state)
{
	(void)state;
	uint8_t body[CALL_BODY_BYTES_MAX];
	struct call_rooms asked_for;
	struct call_page page;
	struct record *record = NULL;
	begin_with(false);
	come_in(0, 0);
	const uint64_t own = last_call(CALL_ROOMS)->tag;
	client_list(&f.client, &rooms, f.now);
	record = last_call(CALL_ROOMS);
	const uint64_t asked_by_person = record->tag;
	assert_true(asked_by_person != own);
	assert_int_equal(call_rooms_decode(&asked_for, record->body, record->bytes), MMS_OK);
	assert_false(asked_for.is_mine_only);
	call_page_begin(&page, body);
	const struct call_room open = {.id = {{9}}, .member_count = 7, .name = name_of("lobby")};
	const struct call_room mine = {.is_member = true, .is_owner = true, .is_private = true, .id = {{8}}, .from_row = 1,
				       .newest_row = 1, .member_count = 2, .name = name_of("ops")};
	assert_true(call_rooms_add(&page, &open) && call_rooms_add(&page, &mine));
	const size_t bytes = call_rooms_end(&page, false, true);
	answer_call(0, CALL_ROOMS, STATUS_OK, body, bytes, asked_by_person);
	assert_int_equal(count(TOLD, TOLD_LIST_ROOM, &record), 2);
	assert_string_equal(record->told.name.text, "ops");
	assert_int_equal(record->told.member_count, 2);
	assert_true(record->told.is_member && record->told.is_owner && record->told.is_private);
	expect_told(1, 0, 1, 0);
	assert_int_equal(f.client.rooms.step, ROOMS_ASKED);
	call_page_begin(&page, body);
	answer_call(0, CALL_ROOMS, STATUS_OK, body, call_rooms_end(&page, false, false), own);
	store();
	assert_int_equal(f.client.rooms.step, ROOMS_KNOWN);
	expect_told(1, 0, 1, 0);
}

// A submission of BLOCK and the list by BLOCK: each answer finds its own.
static void test_blocked_beside_blocking(void **state)
{
	(void)state;
	uint8_t body[CALL_BODY_BYTES_MAX];
	struct call_block asked_for;
	struct call_page page;
	begin_signed_in();
	client_list(&f.client, &blocked, f.now);
	const struct record *record = last_call(CALL_BLOCK);
	assert_int_equal(call_block_decode(&asked_for, record->body, record->bytes), MMS_OK);
	assert_int_equal(asked_for.what, BLOCK_LIST);
	call_page_begin(&page, body);
	const struct name tim = name_of("Tim");
	assert_true(call_names_add(&page, &tim));
	const size_t bytes = call_page_end(&page, false);
	answer_call(0, CALL_BLOCK, STATUS_OK, body, bytes, record->tag & UINT32_MAX); // as a submission with that number
	expect_told(0, 0, 0, 0);
	answer_call(0, CALL_BLOCK, STATUS_OK, body, bytes, record->tag);
	expect_told(1, 1, 1, 0);
	assert_int_equal(count(TOLD, TOLD_VERDICT, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_members_page_by_page),
		cmocka_unit_test(test_another_session_begins_anew),
		cmocka_unit_test(test_a_list_that_is_refused_says_why),
		cmocka_unit_test(test_a_list_that_is_none),
		cmocka_unit_test(test_rooms_beside_the_devices_own),
		cmocka_unit_test(test_blocked_beside_blocking),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
