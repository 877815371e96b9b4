// SPDX-License-Identifier: ISC
// For the tests of rooms in the server's database: changes and messages to rooms in few words. Each test ends with a look at all that
// must hold between the tables.
#ifndef MMS_TEST_SERVER_STORE_ROOMS_FIXTURE_H
#define MMS_TEST_SERVER_STORE_ROOMS_FIXTURE_H

#include "server_store_fixture.h"
#include "store/server_store_rooms.h"

enum { TIM = 3, ANNA = 4, NOBODY = 0, OPERATOR = 0 };

static const char *const people[] = {"", "fred", "jimmy", "tim", "anna"};

static inline struct name name_of(const char *text)
{
	struct name name = {{0}};
	snprintf(name.text, sizeof name.text, "%s", text);
	return name;
}

// The user of an id: one of those above, or a numbered one.
static inline struct name user_name(int64_t user_id)
{
	struct name name = {{0}};
	if (user_id <= ANNA)
		return name_of(people[user_id]);
	snprintf(name.text, sizeof name.text, "user%04lld", (long long)user_id);
	return name;
}

// A change of `room`, which gets the next id.
static inline struct storage_op change_op(struct fixture *fixture, enum storage_change_kind what, int64_t user_id, const char *room,
					  int64_t other_id)
{
	static uint64_t serial = 1u << 20;
	struct storage_op op = {.kind = STORAGE_CHANGE, .call = (uint32_t)serial, .session = 7, .at = NOW};
	(void)fixture;
	op.change = (struct storage_change){
		.what = what,
		.user_id = user_id,
		.device_id = 3,
		.user = user_name(user_id),
		.room = name_of(room),
		.may_make = true,
		.other_id = other_id,
		.other = user_name(other_id),
	};
	serial++;
	memcpy(op.change.id.bytes, &serial, sizeof serial);
	memset(op.change.digest, (int)serial, sizeof op.change.digest);
	return op;
}

static inline enum storage_verdict change(struct fixture *fixture, enum storage_change_kind what, int64_t user_id, const char *room,
					  int64_t other_id)
{
	return judge(fixture, change_op(fixture, what, user_id, room, other_id));
}

static inline enum storage_verdict join(struct fixture *fixture, int64_t user_id, const char *room)
{
	return change(fixture, CHANGE_JOIN, user_id, room, NOBODY);
}

static inline enum storage_verdict leave(struct fixture *fixture, int64_t user_id, const char *room)
{
	return change(fixture, CHANGE_LEAVE, user_id, room, NOBODY);
}

static inline enum storage_verdict make(struct fixture *fixture, int64_t user_id, const char *room, bool is_private, bool has_no_history)
{
	struct storage_op op = change_op(fixture, user_id == OPERATOR ? CHANGE_ROOM_MAKE : CHANGE_JOIN, user_id, room, NOBODY);
	op.change.is_private = is_private;
	op.change.has_no_history = has_no_history;
	return judge(fixture, op);
}

// A message to a room.
static inline struct storage_op say_op(struct fixture *fixture, int64_t user_id, const char *room)
{
	struct storage_op op = change_op(fixture, CHANGE_JOIN, user_id, room, NOBODY);
	const struct storage_change change = op.change;
	op.kind = STORAGE_SUBMIT;
	op.submit = (struct storage_submit){
		.sender_id = user_id,
		.device_id = 3,
		.is_to_room = true,
		.recipient = change.room,
		.sender = change.user,
		.id = change.id,
		.kind = MESSAGE_WRITTEN,
		.form = MESSAGE_UTF8,
		.is_online = true,
		.text_bytes = 10,
	};
	memcpy(op.submit.digest, change.digest, sizeof op.submit.digest);
	return op;
}

// Says something; returns its row in the mailboxes.
static inline uint64_t say(struct fixture *fixture, int64_t user_id, const char *room)
{
	assert_int_equal(judge(fixture, say_op(fixture, user_id, room)), VERDICT_NEW);
	return fixture->result[0].row;
}

// A message to a user, with the row that comes.
static inline enum storage_verdict write_to(struct fixture *fixture, int64_t sender_id, int64_t user_id)
{
	fixture->row_next = fixture->appended.mark.commit + 1;
	struct storage_op op = accept_op(fixture, user_id);
	op.submit.sender_id = sender_id;
	return judge(fixture, op);
}

static inline const struct storage_place *place_of(const struct fixture *fixture, int64_t user_id)
{
	const struct storage_result *result = &fixture->result[0];
	for (uint32_t i = 0; i < result->place_count; i++)
		if (fixture->place[result->place_first + i].user_id == user_id)
			return &fixture->place[result->place_first + i];
	return NULL;
}

static inline struct storage_question ask_list(struct fixture *fixture, enum storage_question_kind kind, int64_t user_id,
					       const char *room, const char *after)
{
	struct storage_question question = {.kind = kind,
					    .user_id = user_id,
					    .list = {.room = name_of(room), .after = name_of(after)},
					    .page = &fixture->page};
	memset(&fixture->page, 0xee, sizeof fixture->page);
	if (server_store_ask(fixture->store, &question, &fixture->why) != MMS_OK)
		fail_msg("%s", fixture->why.text);
	return question;
}

static inline struct room_id id_of(struct fixture *fixture, const char *room)
{
	struct server_room found;
	const struct name name = name_of(room);
	assert_int_equal(server_store_room_find(fixture->store, &name, &found, NULL), MMS_OK);
	return found.is.id;
}

// Reads history into the fixture's page.
static inline struct storage_question ask_history(struct fixture *fixture, int64_t user_id, struct room_id room, uint64_t from,
						  uint64_t to, uint32_t rows_max)
{
	struct storage_question question = {
		.kind = QUESTION_HISTORY,
		.user_id = user_id,
		.list = {.room_id = room, .from_row = from, .to_row = to, .rows_max = rows_max},
		.page = &fixture->page};
	if (server_store_ask(fixture->store, &question, &fixture->why) != MMS_OK)
		fail_msg("%s", fixture->why.text);
	return question;
}

static inline struct server_member member_of(struct fixture *fixture, int64_t user_id, const char *room)
{
	struct server_member member;
	struct server_room found;
	const struct name name = name_of(room);
	assert_int_equal(server_store_room_find(fixture->store, &name, &found, NULL), MMS_OK);
	assert_int_equal(server_store_member_find(fixture->store, found.room_id, user_id, &member), MMS_OK);
	return member;
}

static inline bool is_member(struct fixture *fixture, int64_t user_id, const char *room)
{
	return member_of(fixture, user_id, room).is_member;
}

static inline bool owns(struct fixture *fixture, int64_t user_id, const char *room)
{
	const struct server_member member = member_of(fixture, user_id, room);
	return member.is_member && member.is_owner;
}

// Makes users with the ids 1 to `count`.
static inline void list_people(struct fixture *fixture, size_t user_count)
{
	struct server_store_user *users = calloc(user_count, sizeof *users);
	int64_t *ids = calloc(user_count, sizeof *ids);
	for (size_t i = 0; i < user_count; i++)
		users[i].name = user_name((int64_t)i + 1);
	sync_users(fixture, users, user_count, ids, NULL);
	for (size_t i = 0; i < user_count; i++)
		assert_int_equal(ids[i], i + 1);
	free(users);
	free(ids);
}

static inline int set_up_people(void **state)
{
	set_up(state);
	list_people(*state, ANNA);
	return 0;
}

static inline void must_fit(struct fixture *fixture)
{
	if (server_store_check_rules(&fixture->store->sql) != MMS_OK)
		fail_msg("%s", server_store_reason(fixture->store)->text);
}

static inline int tear_down_people(void **state)
{
	must_fit(*state);
	return tear_down(state);
}

#endif
