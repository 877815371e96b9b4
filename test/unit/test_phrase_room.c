// SPDX-License-Identifier: ISC
// Tests of ui/phrase_room, and of how messages name where they were said.
#include "said.h"

#include "ui/phrase_room.h"

static const struct message_to ops = {.name = {"ops"}, .is_room = true};
static const struct message_to me = {.name = {""}};
static const struct message_to tim = {.name = {"Tim"}};
static const struct name fred = {"fred"};
static const struct name nobody = {""};

static void test_where_a_message_was_said(void **state)
{
	(void)state;
	phrase_message(&out, &fred, &me, "hi", 2);
	assert_said(">> fred: hi\n");
	phrase_message(&out, &fred, &ops, "hi", 2);
	assert_said(">> #ops fred: hi\n");
	phrase_waiting(&out, &fred, &ops, "hi", 2);
	assert_said(">>      #ops fred: hi\n");
	phrase_message(&out, &fred, &tim, "hi", 2);
	assert_said(">> fred to Tim: hi\n");
}

static void test_who_came_and_went(void **state)
{
	(void)state;
	phrase_event(&out, false, MESSAGE_JOINED, &ops, &tim.name, &tim);
	assert_said(">> #ops Tim joined\n");
	phrase_event(&out, false, MESSAGE_JOINED, &ops, &fred, &tim);
	assert_said(">> #ops fred added Tim\n");
	phrase_event(&out, false, MESSAGE_JOINED, &ops, &nobody, &tim);
	assert_said(">> #ops Tim was added by the operator\n");
	phrase_event(&out, true, MESSAGE_LEFT, &ops, &tim.name, &tim);
	assert_said(">>      #ops Tim left\n");
	phrase_event(&out, false, MESSAGE_REMOVED, &ops, &fred, &tim);
	assert_said(">> #ops Tim was removed by fred\n");
	phrase_event(&out, false, MESSAGE_REMOVED, &ops, &nobody, &tim);
	assert_said(">> #ops Tim was removed by the operator\n");
	phrase_event(&out, false, MESSAGE_RENAMED, &ops, &nobody, &(struct message_to){.name = {"lab"}, .is_room = true});
	assert_said(">> #lab is now called #ops\n");
}

static void check(enum phrase_wish wish, enum phrase_outcome outcome, const char *expected)
{
	const bool is_of_user = wish == PHRASE_BLOCK || wish == PHRASE_UNBLOCK;
	struct phrase_change change = {.wish = wish, .to = is_of_user ? tim : ops};
	if (wish == PHRASE_ADD || wish == PHRASE_REMOVE)
		change.other = tim.name;
	phrase_change(&out, &change, outcome);
	assert_said(expected);
}

static void test_what_becomes_of_a_change(void **state)
{
	(void)state;
	check(PHRASE_JOIN, PHRASE_DONE, ">> you are in #ops\n");
	check(PHRASE_LEAVE, PHRASE_DONE, ">> you are no longer in #ops\n");
	check(PHRASE_ADD, PHRASE_DONE, ">> Tim is in #ops\n");
	check(PHRASE_REMOVE, PHRASE_DONE, ">> Tim is no longer in #ops\n");
	check(PHRASE_BLOCK, PHRASE_DONE, ">> Tim is blocked and can no longer write to you\n");
	check(PHRASE_UNBLOCK, PHRASE_DONE, ">> Tim is not blocked and can write to you\n");
	check(PHRASE_ADD, PHRASE_NOT_A_MEMBER, ">> you are not in #ops, Tim was not added; type: join #ops\n");
	check(PHRASE_ADD, PHRASE_WISH_BLOCKED, ">> Tim does not want to be added by you, Tim was not added\n");
	check(PHRASE_REMOVE, PHRASE_NOT_ALLOWED, ">> only the owner of #ops may remove somebody, Tim was not removed\n");
	check(PHRASE_BLOCK, PHRASE_WISH_SERVER_FULL, ">> the server is full, nothing was changed; ask its operator for room, then try "
						     "again\n");
	check(PHRASE_UNBLOCK, PHRASE_ROOM_FULL, ">> the server refuses \"unblock Tim\", nothing was changed\n");
	check(PHRASE_ADD, PHRASE_WISH_QUEUED,
	      ">> the server cannot be reached, \"add Tim #ops\" is queued and will be done when it answers\n");
	check(PHRASE_JOIN, PHRASE_WISH_STAYS_QUEUED,
	      ">> \"join #ops\" stays queued and will be done with the next command that reaches the server\n");
}

// Whatever a server answers, there is one line, which says what it is about.
static void test_every_outcome_has_a_sentence(void **state)
{
	(void)state;
	for (int outcome = PHRASE_DONE; outcome < PHRASE_OUTCOME_COUNT; outcome++)
		for (int wish = PHRASE_JOIN; wish < PHRASE_WISH_COUNT; wish++) {
			const struct phrase_change change = {
				.wish = (enum phrase_wish)wish, .to = wish >= PHRASE_BLOCK ? tim : ops, .other = fred};
			const bool is_for_all = outcome == PHRASE_WISH_NOT_KEPT || outcome == PHRASE_WISH_SERVER_FULL;
			phrase_change(&script, &change, (enum phrase_outcome)outcome);
			assert_int_equal(strncmp(said, "mms: ", 5), 0);
			assert_ptr_equal(strchr(said, '\n'), said + said_bytes - 1);
			assert_null(strpbrk(said, "%&|"));
			assert_true(is_for_all || strstr(said, "#ops") != NULL || strstr(said, "Tim") != NULL ||
				    strstr(said, "fred") != NULL);
			assert_null(strstr(said, "type:"));
			assert_said(said);
		}
}

static void test_rooms(void **state)
{
	(void)state;
	phrase_rooms(&out, 0, true);
	assert_said(">> you are in no room; type: join #<room>\n");
	phrase_rooms(&script, 0, true);
	assert_said("mms: you are in no room\n");
	phrase_rooms(&out, 1, true);
	phrase_room(&out, &ops.name, 1, false, false);
	assert_said(">> you are in 1 room:\n>>      #ops (1 member)\n");
	phrase_rooms(&out, 2, false);
	phrase_room(&out, &ops.name, 3, true, true);
	assert_said(">> 2 rooms are open to you:\n>>      #ops (3 members, private, yours)\n");
	phrase_room_gap(&out, &ops, 1);
	assert_said(">> 1 older message of #ops could not be delivered here, the server no longer has it\n");
	phrase_room_gap(&out, &ops, 2);
	assert_said(">> 2 older messages of #ops could not be delivered here, the server no longer has them\n");
	phrase_nobody_blocked(&out);
	assert_said(">> you block nobody; type: block <username>\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_where_a_message_was_said, begin),
		cmocka_unit_test_setup(test_who_came_and_went, begin),
		cmocka_unit_test_setup(test_what_becomes_of_a_change, begin),
		cmocka_unit_test_setup(test_every_outcome_has_a_sentence, begin),
		cmocka_unit_test_setup(test_rooms, begin),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
