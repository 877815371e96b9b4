// SPDX-License-Identifier: ISC
// node/server_operator: what is ordered when operators speak, in whatever order what they wait for happens.
#include "server_node_world.h"

static struct {
	uint32_t count;
	uint32_t slot;
} port; // what it was asked

static char told[2 * OPERATOR_CHUNK_BYTES_MAX]; // to the operator that `heard` was asked of

static void port_asked(void *context, uint32_t slot, const struct operator_request *request)
{
	assert_ptr_equal(context, &w);
	assert_true(operator_verb_is_of_rooms(request->verb));
	port.count++;
	port.slot = slot;
}

static int begin(void **state)
{
	(void)state;
	memset(&port, 0, sizeof port);
	begin_world_quietly(
		(struct server_node_setup){.users_path = "/etc/mms/users", .asked = port_asked, .asked_context = &w});
	return 0;
}

static int finish(void **state)
{
	(void)state;
	if (w.others.table.user != NULL)
		users_close(&w.others);
	finish_world();
	return 0;
}

static void say(uint32_t slot, const char *text)
{
	server_node_operator_said(&w.node, slot, text, strlen(text), moment());
}

static uint32_t come(const char *text)
{
	assert_true(server_node_operator_has_room(&w.node));
	const uint32_t slot = server_node_operator_came(&w.node, moment());
	say(slot, text);
	return slot;
}

// The whole answer to an operator, after which it is sent away.
static const char *heard(uint32_t slot)
{
	size_t bytes = 0;
	memset(told, 0, sizeof told);
	while (is_next(ORDER_TELL)) {
		assert_int_equal(w.order.slot, slot);
		assert_true(bytes + w.order.told_bytes < sizeof told);
		memcpy(told + bytes, w.order.told, w.order.told_bytes);
		bytes += w.order.told_bytes;
		server_node_operator_told(&w.node, slot);
	}
	assert_int_equal(w.order.kind, ORDER_PART);
	assert_int_equal(w.order.slot, slot);
	return told;
}

static void read_after(enum operator_verb verb, const char *name)
{
	assert_true(is_next(ORDER_READ_USERS));
	assert_non_null(w.order.edit);
	assert_int_equal(w.order.edit->verb, verb);
	assert_string_equal(w.order.edit->name.text, name);
}

static void edited(void)
{
	users_open(&w.others, "Tim\n");
	const struct users_edited what = {.users = &w.others.table, .user = w.others.user};
	server_node_users_edited(&w.node, &what);
}

static void synced(bool is_kept)
{
	const struct users_synced what = {is_kept, NULL, 0};
	server_node_users_synced(&w.node, &what, moment());
}

// It is done when the store has it, and not before.
static void test_answered_when_in_effect(void **state)
{
	(void)state;
	const uint32_t slot = come("do=user remove\nname=fred\n\n");
	read_after(OPERATOR_USER_REMOVE, "fred");
	assert_true(is_quiet());
	edited();
	assert_true(is_next(ORDER_SYNC_USERS));
	assert_true(is_quiet());
	assert_int_equal(w.node.server.users->user_count, 2);
	synced(true);
	assert_int_equal(w.node.server.users->user_count, 1);
	assert_string_equal(heard(slot), "status=0\n\n");
	assert_true(is_quiet());
}

static void test_request_in_pieces(void **state)
{
	(void)state;
	static const char text[] = "do=user remove\nname=fred\n\n";
	const uint32_t slot = come("");
	for (size_t i = 0; i + 1 < sizeof text; i++) {
		assert_true(is_quiet());
		server_node_operator_said(&w.node, slot, text + i, 1, moment());
	}
	say(slot, "do=user remove\nname=tim\n\n"); // passed over
	read_after(OPERATOR_USER_REMOVE, "fred");
}

static void test_what_failed_is_told(void **state)
{
	(void)state;
	uint32_t slot = come("do=user remove\nname=zoe\n\n");
	assert_true(is_next(ORDER_READ_USERS));
	const struct users_edited what = {.status = OPERATOR_NO_USER, .reason = "no zoe"};
	server_node_users_edited(&w.node, &what);
	assert_string_equal(heard(slot), "reason=no zoe\nstatus=67\n\n");
	slot = come("do=user remove\nname=fred\n\n");
	assert_true(is_next(ORDER_READ_USERS));
	edited();
	assert_true(is_next(ORDER_SYNC_USERS));
	synced(false);
	assert_non_null(strstr(heard(slot), "status=73\n\n"));
	assert_non_null(strstr(told, "disk is full"));
	assert_int_equal(w.node.server.users->user_count, 2);
}

static void test_one_after_the_other(void **state)
{
	(void)state;
	const uint32_t first = come("do=user remove\nname=fred\n\n");
	const uint32_t second = come("do=user remove\nname=Tim\n\n");
	read_after(OPERATOR_USER_REMOVE, "fred");
	assert_true(is_quiet());
	edited();
	assert_true(is_next(ORDER_SYNC_USERS));
	assert_true(is_quiet());
	synced(true);
	assert_true(is_next(ORDER_READ_USERS)); // the second's turn comes before the first has heard
	assert_string_equal(w.order.edit->name.text, "Tim");
	assert_string_equal(heard(first), "status=0\n\n");
	const struct users_edited what = {.status = 75, .reason = "locked"};
	server_node_users_edited(&w.node, &what);
	assert_string_equal(heard(second), "reason=locked\nstatus=75\n\n");
}

// A reload that a signal asked for is nobody's edit.
static void test_beside_a_signal(void **state)
{
	(void)state;
	server_node_reload_asked(&w.node);
	assert_true(is_next(ORDER_READ_USERS));
	assert_null(w.order.edit);
	const uint32_t slot = come("do=user remove\nname=fred\n\n");
	assert_true(is_quiet());
	server_node_users_read(&w.node, NULL, NULL);
	read_after(OPERATOR_USER_REMOVE, "fred");
	server_node_reload_asked(&w.node);
	edited();
	assert_true(is_next(ORDER_SYNC_USERS));
	synced(true);
	assert_true(is_next(ORDER_READ_USERS));
	assert_null(w.order.edit);
	assert_string_equal(heard(slot), "status=0\n\n");
}

static struct storage_question *asked(enum storage_question_kind kind)
{
	assert_true(is_next(ORDER_ASK));
	assert_int_equal(w.order.question->kind, kind);
	return w.order.question;
}

static void test_life(void **state)
{
	(void)state;
	uint32_t slot = come("do=user add\nname=zoe\nlife=same\n\n");
	struct storage_question *question = asked(QUESTION_LIFE);
	assert_string_equal(question->name.text, "zoe");
	question->was.is_known = true;
	memset(question->was.life, 5, sizeof question->was.life);
	server_node_answered(&w.node, question, moment());
	read_after(OPERATOR_USER_ADD, "zoe");
	assert_int_equal(w.order.edit->life[15], 5);
	edited();
	assert_true(is_next(ORDER_SYNC_USERS));
	synced(true);
	assert_string_equal(heard(slot), "known=yes\nstatus=0\n\n");

	slot = come("do=user add\nname=zoe\nlife=same\n\n");
	question = asked(QUESTION_LIFE);
	question->was.is_known = false;
	server_node_answered(&w.node, question, moment());
	assert_non_null(strstr(heard(slot), "knows no zoe"));
	assert_non_null(strstr(told, "status=67\n\n"));
}

// Devices in pages, then the users.
static void test_list(void **state)
{
	(void)state;
	const uint32_t slot = come("do=user list\n\n");
	struct storage_question *question = asked(QUESTION_ALL_DEVICES);
	assert_int_equal(question->after_device_id, 0);
	for (uint32_t i = 0; i < STORAGE_LIST_ROWS_MAX; i++)
		question->devices->device[i] = (struct storage_listed){.device_id = 10 + i, .user = {"fred"}};
	question->devices->count = STORAGE_LIST_ROWS_MAX;
	server_node_answered(&w.node, question, moment());
	assert_true(is_next(ORDER_TELL));
	assert_memory_equal(w.order.told, "device=fred - ", 14);
	assert_true(is_quiet()); // until it is taken
	server_node_operator_told(&w.node, slot);
	question = asked(QUESTION_ALL_DEVICES);
	assert_int_equal(question->after_device_id, 10 + STORAGE_LIST_ROWS_MAX - 1);
	question->devices->count = 0;
	server_node_answered(&w.node, question, moment());
	assert_string_equal(heard(slot), "user=fred\nuser=Tim\nstatus=0\n\n");
}

static void test_users_change_while_listed(void **state)
{
	(void)state;
	const uint32_t slot = come("do=user list\n\n");
	struct storage_question *question = asked(QUESTION_ALL_DEVICES);
	server_node_reload_asked(&w.node);
	assert_true(is_next(ORDER_READ_USERS));
	users_open(&w.others, "Tim\n");
	server_node_users_read(&w.node, &w.others.table, w.others.user);
	assert_true(is_next(ORDER_SYNC_USERS));
	synced(true);
	question->devices->count = 0;
	server_node_answered(&w.node, question, moment());
	assert_non_null(strstr(heard(slot), "status=75\n\n"));
}

// --- rooms ---

// The batch that is ordered now, of so many operations.
static const struct storage_batch *given(size_t op_count)
{
	assert_true(is_next(ORDER_APPEND));
	assert_int_equal(w.order.lane, 0);
	assert_int_equal(w.order.batch->op_count, op_count);
	return w.order.batch;
}

static void kept(const struct storage_batch *batch, const struct storage_result *result)
{
	for (size_t i = 0; i < batch->op_count; i++)
		batch->results[i] = *result;
	server_node_appended(&w.node, 0, &(struct storage_appended){true, true, {{9}, 40}}, moment());
}

// A change is done when the store has it, and not before; it is written into the log when it goes there.
static void test_a_room_is_changed(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum storage_change_kind what;
	} table[] = {
		{"do=room make\nroom=#ops\nprivate=yes\nhistory=no\n\n", CHANGE_ROOM_MAKE},
		{"do=room add\nroom=#ops\nname=tim\n\n", CHANGE_ADD},
		{"do=room remove\nroom=#ops\nname=tim\n\n", CHANGE_LEAVE},
		{"do=room rename\nroom=#ops\nto=#crew\n\n", CHANGE_ROOM_RENAME},
		{"do=room delete\nroom=#ops\n\n", CHANGE_ROOM_DELETE},
	};
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		const uint32_t slot = come(table[i].text);
		const struct storage_batch *batch = given(1);
		const struct storage_change *change = &batch->ops[0].change;
		assert_int_equal(change->what, table[i].what);
		assert_int_equal(change->user_id, 0);
		assert_string_equal(change->room.text, "ops");
		assert_int_equal(change->is_private && change->has_no_history, i == 0);
		assert_string_equal(change->other.text, i == 1 || i == 2 ? "Tim" : "");
		assert_string_equal(change->name.text, i == 3 ? "crew" : "");
		assert_int_equal(port.count, i + 1);
		assert_int_equal(port.slot, slot);
		assert_true(is_quiet());
		kept(batch, &(struct storage_result){.verdict = VERDICT_NEW, .member_count = 3});
		assert_string_equal(heard(slot), "members=3\nstatus=0\n\n");
		assert_true(is_quiet());
	}
}

// What two changes write into rooms can be told apart.
static void test_ids_of_changes(void **state)
{
	(void)state;
	come("do=room add\nroom=#ops\nname=tim\n\n");
	come("do=room add\nroom=#ops\nname=fred\n\n");
	const struct storage_batch *batch = given(2);
	assert_memory_not_equal(batch->ops[0].change.id.bytes, batch->ops[1].change.id.bytes, ID_BYTES);
}

static void test_what_a_room_refuses(void **state)
{
	(void)state;
	static const struct {
		enum storage_verdict verdict;
		const char *said;
		const char *status;
	} table[] = {
		{VERDICT_REPEAT, "already=yes", "status=0"},
		{VERDICT_NOT_A_MEMBER, "no room #ops", "status=67"},
		{VERDICT_NO_SUCH_USER, "no user tim", "status=67"},
		{VERDICT_NOT_ALLOWED, "#ops is taken", "status=73"},
		{VERDICT_ROOM_FULL, "1000 members", "status=73"},
		{VERDICT_LIMIT, "tim is in 256 rooms", "status=73"},
		{VERDICT_STORE_FULL, "disk is full", "status=73"},
	};
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		const uint32_t slot = come("do=room add\nroom=#ops\nname=tim\n\n");
		kept(given(1), &(struct storage_result){.verdict = table[i].verdict});
		assert_non_null(strstr(heard(slot), table[i].said));
		assert_non_null(strstr(told, table[i].status));
	}
	const uint32_t maker = come("do=room make\nroom=#ops\n\n");
	kept(given(1), &(struct storage_result){.verdict = VERDICT_LIMIT});
	assert_non_null(strstr(heard(maker), "4096 rooms"));
	const uint32_t namer = come("do=room rename\nroom=#ops\nto=#crew\n\n");
	kept(given(1), &(struct storage_result){.verdict = VERDICT_NOT_ALLOWED});
	assert_non_null(strstr(heard(namer), "#crew is taken"));
}

// More than a batch takes of the operator go in the order in which they came, the rest with the next batch.
static void test_many_changes_of_rooms(void **state)
{
	(void)state;
	uint32_t slot[6];
	for (uint32_t i = 0; i < 6; i++)
		slot[i] = come("do=room make\nroom=#ops\n\n");
	server_node_operator_left(&w.node, slot[1]); // it waits no more
	const struct storage_batch *batch = given(BATCH_ROOM_OPS_MAX / 4);
	assert_int_equal(batch->ops[0].call, slot[0]);
	assert_int_equal(batch->ops[1].call, slot[2]);
	assert_true(is_quiet()); // the other waits for the store
	kept(batch, &(struct storage_result){.verdict = VERDICT_NEW});
	const struct storage_batch *rest = given(1);
	assert_int_equal(rest->ops[0].call, slot[5]);
}

// Rooms in pages; two who list at the same time do it one after the other.
static void test_rooms_are_listed(void **state)
{
	(void)state;
	const uint32_t slot = come("do=room list\n\n");
	const uint32_t other = come("do=room list\nroom=#ops\n\n");
	struct storage_question *question = asked(QUESTION_ROOMS);
	assert_true(is_quiet());
	assert_int_equal(question->user_id, 0);
	assert_string_equal(question->list.after.text, "");
	for (uint32_t i = 0; i < STORAGE_PAGE_ROOMS_MAX; i++)
		question->page->room[i] = (struct storage_room){.room = {.name = {"a"}}, .member_count = 2, .is_private = i == 0};
	question->page->room[STORAGE_PAGE_ROOMS_MAX - 1].room.name = (struct name){"b"};
	question->page->row_count = STORAGE_PAGE_ROOMS_MAX;
	question->has.has_more = true;
	server_node_answered(&w.node, question, moment());
	struct storage_question *of_other = asked(QUESTION_MEMBERS);
	assert_string_equal(of_other->list.room.text, "ops");
	assert_true(is_next(ORDER_TELL));
	assert_int_equal(w.order.slot, slot);
	assert_memory_equal(w.order.told, "room=#a 2 private history\nroom=#a 2 open history\n", 49);
	server_node_operator_told(&w.node, slot);
	assert_true(is_quiet()); // the page is the other's
	of_other->page->row_count = 1;
	of_other->page->member[0] = (struct storage_member){.name = {"fred"}, .is_owner = true};
	of_other->has.has_more = false;
	server_node_answered(&w.node, of_other, moment());
	question = asked(QUESTION_ROOMS);
	assert_string_equal(question->list.after.text, "b");
	assert_string_equal(heard(other), "member=fred owner\nstatus=0\n\n");
	question->page->row_count = 0;
	question->has.has_more = false;
	server_node_answered(&w.node, question, moment());
	assert_string_equal(heard(slot), "status=0\n\n");
}

static void test_members_of_no_room(void **state)
{
	(void)state;
	const uint32_t slot = come("do=room list\nroom=#ops\n\n");
	struct storage_question *question = asked(QUESTION_MEMBERS);
	question->page->row_count = 0;
	question->has.is_refused = true;
	server_node_answered(&w.node, question, moment());
	assert_non_null(strstr(heard(slot), "no room #ops"));
	assert_non_null(strstr(told, "status=67"));
	const uint32_t other = come("do=room list\nroom=#ops\n\n");
	question = asked(QUESTION_MEMBERS);
	question->page->row_count = 1;
	question->page->member[0] = (struct storage_member){.name = {"fred"}};
	question->has.is_refused = false;
	question->has.has_more = true;
	server_node_answered(&w.node, question, moment());
	assert_true(is_next(ORDER_TELL));
	server_node_operator_told(&w.node, other);
	question = asked(QUESTION_MEMBERS);
	assert_string_equal(question->list.after.text, "fred");
	question->has.is_refused = true;
	server_node_answered(&w.node, question, moment());
	assert_non_null(strstr(heard(other), "went while"));
	assert_non_null(strstr(told, "status=75"));
}

// A change in a batch is made whoever leaves, and its place is free only then; so it is with a page.
static void test_who_leaves_a_room_change(void **state)
{
	(void)state;
	const uint32_t slot = come("do=room make\nroom=#ops\n\n");
	const struct storage_batch *batch = given(1);
	const uint32_t lister = come("do=room list\n\n");
	struct storage_question *question = asked(QUESTION_ROOMS);
	server_node_operator_left(&w.node, slot);
	server_node_operator_left(&w.node, lister);
	const uint32_t next = come("do=room list\n\n");
	assert_true(next != slot && next != lister);
	assert_true(is_quiet());
	kept(batch, &(struct storage_result){.verdict = VERDICT_NEW});
	question->page->row_count = 0;
	server_node_answered(&w.node, question, moment());
	asked(QUESTION_ROOMS);
	assert_true(is_quiet());
	assert_int_equal(come(""), slot);
	assert_int_equal(come(""), lister);
}

// What is in a batch is judged and answered before the end, all else is told so.
static void test_the_server_stops_with_changes_of_rooms(void **state)
{
	(void)state;
	uint32_t slot[5];
	for (uint32_t i = 0; i < 5; i++)
		slot[i] = come("do=room make\nroom=#ops\n\n");
	const struct storage_batch *batch = given(BATCH_ROOM_OPS_MAX / 4);
	server_node_stop_asked(&w.node);
	assert_non_null(strstr(heard(slot[4]), "status=69\n\n"));
	assert_true(is_quiet());
	kept(batch, &(struct storage_result){.verdict = VERDICT_NEW});
	for (uint32_t i = 0; i < 4; i++) {
		assert_true(is_next(ORDER_TELL));
		assert_int_equal(w.order.slot, slot[i]);
		assert_memory_equal(w.order.told, "members=0\nstatus=0\n\n", w.order.told_bytes);
		server_node_operator_told(&w.node, slot[i]);
		assert_true(is_next(ORDER_PART));
	}
	assert_true(is_next(ORDER_END));
}

static void test_nonsense_is_answered(void **state)
{
	char text[OPERATOR_REQUEST_BYTES_MAX + 1];
	(void)state;
	assert_non_null(strstr(heard(come("hello\n\n")), "status=64\n\n"));
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = 0;
	assert_non_null(strstr(heard(come(text)), "too long"));
	const uint32_t slot = come("do=user list\n");
	server_node_operator_ended(&w.node, slot);
	assert_non_null(strstr(heard(slot), "empty line"));
}

static void test_another_users_file_is_meant(void **state)
{
	(void)state;
	assert_non_null(strstr(heard(come("do=user remove\nname=fred\nusers=/other\n\n")), "/etc/mms/users"));
	assert_non_null(strstr(told, "status=64"));
	come("do=user remove\nname=fred\nusers=/etc/mms/users\n\n");
	read_after(OPERATOR_USER_REMOVE, "fred");
}

// One that says nothing, and one that takes nothing.
static void test_silence_has_an_end(void **state)
{
	(void)state;
	const uint32_t silent = come("do=");
	w.now = mtime_add_ms(w.now, 1000);
	const uint32_t deaf = come("hello\n\n");
	assert_true(is_next(ORDER_TELL));
	assert_true(is_quiet());
	w.now = mtime_add_ms(w.now, OPERATOR_SILENCE_S * 1000 - 1001);
	assert_int_equal(mtime_diff_us(server_node_deadline(&w.node), w.now), 1000);
	assert_true(is_quiet());
	w.now = mtime_add_ms(w.now, 1);
	assert_true(is_next(ORDER_PART));
	assert_int_equal(w.order.slot, silent);
	assert_true(is_quiet());
	w.now = mtime_add_ms(w.now, 1000);
	assert_true(is_next(ORDER_PART));
	assert_int_equal(w.order.slot, deaf);
	assert_true(is_quiet());
}

static void test_all_places_taken(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < OPERATORS_MAX; i++)
		come("");
	assert_false(server_node_operator_has_room(&w.node));
	server_node_operator_left(&w.node, 3);
	assert_int_equal(come(""), 3);
	assert_false(server_node_operator_has_room(&w.node));
}

// Who leaves early: what waits is not done, what is under way is, and its place is free only then.
static void test_who_leaves(void **state)
{
	(void)state;
	const uint32_t first = come("do=user remove\nname=fred\n\n");
	read_after(OPERATOR_USER_REMOVE, "fred");
	const uint32_t waiting = come("do=user remove\nname=Tim\n\n");
	const uint32_t asking = come("do=user list\n\n");
	struct storage_question *question = asked(QUESTION_ALL_DEVICES);
	server_node_operator_left(&w.node, first);
	server_node_operator_left(&w.node, waiting);
	server_node_operator_left(&w.node, asking);
	assert_int_equal(come(""), waiting);
	edited();
	assert_true(is_next(ORDER_SYNC_USERS));
	synced(true);
	question->devices->count = 0;
	server_node_answered(&w.node, question, moment());
	assert_true(is_quiet());
	assert_int_equal(come(""), first);
}

// What is under way is finished and answered, all else is told so.
static void test_the_server_stops(void **state)
{
	(void)state;
	const uint32_t first = come("do=user remove\nname=fred\n\n");
	read_after(OPERATOR_USER_REMOVE, "fred");
	const uint32_t second = come("do=user remove\nname=Tim\n\n");
	server_node_stop_asked(&w.node);
	assert_non_null(strstr(heard(second), "status=69\n\n"));
	assert_non_null(strstr(heard(come("")), "status=69\n\n"));
	assert_true(is_quiet());
	edited();
	assert_true(is_next(ORDER_SYNC_USERS));
	synced(true);
	assert_string_equal(heard(first), "status=0\n\n");
	assert_true(is_next(ORDER_END));
	assert_int_equal(w.order.end, SERVER_STOPPED);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, finish)
	const struct CMUnitTest tests[] = {
		TEST(test_answered_when_in_effect),
		TEST(test_request_in_pieces),
		TEST(test_what_failed_is_told),
		TEST(test_one_after_the_other),
		TEST(test_beside_a_signal),
		TEST(test_life),
		TEST(test_list),
		TEST(test_users_change_while_listed),
		TEST(test_a_room_is_changed),
		TEST(test_ids_of_changes),
		TEST(test_what_a_room_refuses),
		TEST(test_many_changes_of_rooms),
		TEST(test_rooms_are_listed),
		TEST(test_members_of_no_room),
		TEST(test_who_leaves_a_room_change),
		TEST(test_the_server_stops_with_changes_of_rooms),
		TEST(test_nonsense_is_answered),
		TEST(test_another_users_file_is_meant),
		TEST(test_silence_has_an_end),
		TEST(test_all_places_taken),
		TEST(test_who_leaves),
		TEST(test_the_server_stops),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
