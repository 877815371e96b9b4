// SPDX-License-Identifier: ISC
// Tests of ui/phrase.
#include "said.h"

#include <stdio.h>
#include <stdlib.h>

static const struct message_to to_me = {.name = {""}};

static struct name name_of(const char *text)
{
	struct name name;
	assert_true(name_parse(&name, text, strlen(text)));
	return name;
}

static void test_the_conversation(void **state)
{
	(void)state;
	const struct name fred = name_of("fred");
	const struct name libero = name_of("libero");
	const struct name tim = name_of("Tim");
	const struct name francoc = name_of("francoc");
	phrase_greet(&out);
	assert_said("Welcome to MMS.\n");
	phrase_help(&out);
	assert_said(">> the following commands are supported:\n>>\n>>  signin <username>\n>>  whoIsOn\n"
		    ">>  send <username> <message>\n>>  signout\n>>  help more\n");
	phrase_help_more(&out);
	assert_non_null(strstr(said, ">>  add <username> #<room> "));
	assert_said(said);
	phrase_say(&out, PHRASE_SIGNIN_FIRST);
	assert_said(">> You must signin first\n");
	phrase_say_of(&out, PHRASE_NOT_AUTHORIZED, "jimmy");
	assert_said(">> user jimmy is not authorized to use MMS\n");
	phrase_welcome(&out, &fred, 2);
	phrase_waiting(&out, &libero, &to_me, "you here?", 9);
	phrase_waiting(&out, &tim, &to_me, "can't make it :(", 16);
	assert_said(">> Welcome fred, you have 2 messages waiting :\n>>      libero: you here?\n"
		    ">>      Tim: can't make it :(\n");
	phrase_message(&out, &francoc, &to_me, "hi", 2);
	assert_said(">> francoc: hi\n");
	phrase_say_of(&out, PHRASE_OFFLINE, "libero");
	assert_said(">> libero is offline, message will be saved for future delivery\n");
	phrase_say_of(&out, PHRASE_SIGNED_OFF, "fred");
	assert_said(">> user fred has signed off\n");
}

static void test_how_many_wait(void **state)
{
	(void)state;
	const struct name fred = name_of("fred");
	phrase_welcome(&out, &fred, 0);
	assert_said(">> Welcome fred, you have no messages waiting\n");
	phrase_welcome(&out, &fred, 1);
	assert_said(">> Welcome fred, you have 1 message waiting :\n");
	phrase_welcome(&out, &fred, UINT64_MAX);
	assert_said(">> Welcome fred, you have 18446744073709551615 messages waiting :\n");
}

static void list(bool online, size_t count)
{
	static const char *const users[] = {"fred", "francoc", "Tim", "libero"};
	struct phrase_names names;
	phrase_names_begin(&names, &out, online);
	for (size_t i = 0; i < count; i++) {
		const struct name name = name_of(users[i]);
		phrase_names_add(&names, &name);
	}
	phrase_names_end(&names);
}

static void test_lists_of_names(void **state)
{
	(void)state;
	list(true, 0);
	assert_said("");
	list(false, 1);
	assert_said(">> Users fred are NOT online\n");
	list(true, 2);
	assert_said(">> Users fred and francoc are online\n");
	list(true, 3);
	assert_said(">> Users fred, francoc, and Tim are online\n");
	list(false, 4);
	assert_said(">> Users fred, francoc, Tim, and libero are NOT online\n");
}

static void count_bytes(void *context, const char *text, size_t bytes)
{
	assert_non_null(text);
	*(size_t *)context += bytes;
}

static void test_a_list_of_very_many_names(void **state)
{
	(void)state;
	size_t bytes = 0;
	const struct phrase_out counter = {count_bytes, &bytes, PHRASE_PREFIX, true};
	const struct name name = name_of("abcdefghijabcdefghijabcdefghij12");
	struct phrase_names names;
	phrase_names_begin(&names, &counter, true);
	for (int i = 0; i < 100000; i++)
		phrase_names_add(&names, &name);
	phrase_names_end(&names);
	assert_int_equal(bytes, strlen(">> Users ") + 100000 * 32 + 99998 * 2 + strlen(", and ") +
				 strlen(" are online\n"));
}

static void test_every_sentence_is_one_line_and_says_its_subject(void **state)
{
	(void)state;
	for (int phrase = 0; phrase < PHRASE_COUNT; phrase++) {
		const bool has_subject = phrase >= PHRASE_NOT_AUTHORIZED;
		for (int hints = 0; hints < 2; hints++) {
			const struct phrase_out *to = hints ? &out : &script;
			if (has_subject)
				phrase_say_of(to, (enum phrase)phrase, "SUBJECT");
			else
				phrase_say(to, (enum phrase)phrase);
			assert_true(said_bytes > 10);
			assert_int_equal(strncmp(said, to->prefix, strlen(to->prefix)), 0);
			assert_ptr_equal(strchr(said, '\n'), said + said_bytes - 1);
			assert_int_equal(strstr(said, "SUBJECT") != NULL, has_subject);
			assert_null(strpbrk(said, "|%"));
			assert_said(said);
		}
	}
}

static void test_hints_are_for_those_who_type(void **state)
{
	(void)state;
	phrase_say_of(&out, PHRASE_NO_SUCH_USER, "jimmy");
	assert_said(">> there is no user jimmy, message was not sent; type: whoIsOn to see who there is\n");
	phrase_say_of(&script, PHRASE_NO_SUCH_USER, "jimmy");
	assert_said("mms: there is no user jimmy, message was not sent\n");
	phrase_say_of(&out, PHRASE_REPLACED, "fred");
	assert_said(">> fred has signed in with this profile elsewhere, messages no longer arrive here; to receive "
		    "here again, type: signin fred\n");
}

static void test_words_of_others_are_filtered_and_cut(void **state)
{
	(void)state;
	phrase_say_of(&script, PHRASE_NOT_AUTHORIZED, "a\x1b[2J\nb");
	assert_said("mms: user a\\u001b[2J\\nb is not authorized to use MMS\n");
	char word[101] = "\xc3\xa9";
	memset(word + 2, 'x', 61);
	memcpy(word + 63, "\xe6\x97\xa5", 4); // would straddle the 64th byte
	memset(word + 66, 'y', 34);
	phrase_say_of(&script, PHRASE_SIGNED_OFF, word);
	char expected[200];
	word[63] = '\0';
	snprintf(expected, sizeof expected, "mms: user %s... has signed off\n", word);
	assert_said(expected);
	char reason[601];
	memset(reason, 'r', 600);
	reason[600] = '\0';
	phrase_say_of(&script, PHRASE_FAILURE, reason);
	assert_int_equal(said_bytes, 5 + 600 + 1); // a reason is shown whole
	assert_said(said);
}

static void test_a_message_cannot_forge_a_line(void **state)
{
	(void)state;
	const struct name tim = name_of("Tim");
	static const char text[] = "hi\n>> fred: forged\r\n\x1b[1A";
	phrase_message(&out, &tim, &to_me, text, sizeof text - 1);
	assert_said(">> Tim: hi\n         >> fred: forged\\u000d\n         \\u001b[1A\n");
	phrase_waiting(&out, &tim, &to_me, "a\n>> b", 6);
	assert_said(">>      Tim: a\n         >> b\n");
}

static void test_the_longest_message_in_pieces(void **state)
{
	(void)state;
	const struct name tim = name_of("Tim");
	char text[TEXT_BYTES_MAX + 1]; // one byte, then characters of three: they lie across every power of two
	text[0] = 'x';
	for (size_t i = 1; i + 2 < TEXT_BYTES_MAX; i += 3)
		memcpy(text + i, "\xe6\x97\xa5", 3);
	text[TEXT_BYTES_MAX] = '\0';
	assert_int_equal(strlen(text), TEXT_BYTES_MAX);
	phrase_message(&out, &tim, &to_me, text, TEXT_BYTES_MAX);
	char expected[TEXT_BYTES_MAX + 16];
	snprintf(expected, sizeof expected, ">> Tim: %s\n", text);
	assert_said(expected);
	memset(text, '\n', TEXT_BYTES_MAX);
	phrase_message(&out, &tim, &to_me, text, TEXT_BYTES_MAX);
	assert_int_equal(said_bytes, strlen(">> Tim: \n") + 10 * TEXT_BYTES_MAX);
	assert_said(said);
}

static void check_fault(const char *line, const char *expected)
{
	struct command command;
	command_parse(line, strlen(line), &command);
	phrase_fault(&out, &command);
	assert_said(expected);
}

static void test_faults_say_what_to_type(void **state)
{
	(void)state;
	check_fault("frob x", ">> there is no command \"frob\"; type: help\n");
	check_fault("signin", ">> signin needs a user name; type: signin <username>\n");
	check_fault("send", ">> send needs a user name and a message; type: send <username> <message>\n");
	check_fault("send fred ", ">> the message is missing; type: send fred <message>\n");
	check_fault("send fr@d hi", ">> \"fr@d\" is not a user name, one has 1 to 32 letters, digits, dots, underscores "
		    "or hyphens\n");
	check_fault("send fred \xff", ">> the message is not UTF-8 text, it was not sent; set your terminal to UTF-8 "
		    "and type it again\n");
	check_fault("send #ops", ">> the message is missing; type: send #ops <message>\n");
	check_fault("join", ">> join needs a room; type: join #<room>\n");
	check_fault("leave", ">> leave needs a room; type: leave #<room>\n");
	check_fault("add fred", ">> add needs a user name and a room; type: add <username> #<room>\n");
	check_fault("remove", ">> remove needs a user name and a room; type: remove <username> #<room>\n");
	check_fault("unblock", ">> unblock needs a user name; type: unblock <username>\n");
	check_fault("join ops", ">> \"ops\" is not a room, one has # in front of 1 to 32 letters, digits, dots, underscores or hyphens\n");
	check_fault("block a b", ">> \"b\" is one word too many; type: block <username>\n");
	check_fault("rooms x", ">> \"x\" is one word too many; type the command alone\n");
	check_fault("signout x", ">> \"x\" is one word too many; type the command alone\n");
	check_fault("whoIsOn x y", ">> \"y\" is one word too many; type: whoIsOn <username>\n");
	check_fault("whoIsOn [x]", ">> \"[x]\" is neither a user name nor a pattern, which has * for any letters and ? for one\n");
	check_fault("quit\nquit", ">> several lines are no command, nothing was done; only a message may have them: send "
		    "<username> <message>\n");
	check_fault("no\nsuch", ">> several lines are no command, nothing was done; only a message may have them: send "
		    "<username> <message>\n");
	phrase_too_long(&out, 1300);
	assert_said(">> the message has 1300 bytes, at most 1024 are allowed, it was not sent; send it in parts\n");
	phrase_too_long(&script, 1025);
	assert_said("mms: the message has 1025 bytes, at most 1024 are allowed, it was not sent\n");
	phrase_too_long(&script, PHRASE_COUNTED_BYTES_MAX + 1);
	assert_said("mms: the message has more than 1048576 bytes, at most 1024 are allowed, it was not sent\n");
}

static void test_presence(void **state)
{
	(void)state;
	const struct name tim = name_of("Tim");
	phrase_presence(&out, &tim, true, "14:02");
	assert_said(">> Tim is online\n");
	phrase_presence(&out, &tim, false, "");
	assert_said(">> Tim is NOT online\n");
	phrase_presence(&out, &tim, false, "2026-11-22 14:02");
	assert_said(">> Tim is NOT online, last heard 2026-11-22 14:02\n");
	phrase_users(&out, 1, true);
	phrase_users(&script, 10000, false);
	assert_said(">> 1 user is online:\nmms: 10000 users are NOT online:\n");
}

static void test_gaps_and_keys(void **state)
{
	(void)state;
	phrase_unknown(&out, &(struct name){"Tim"});
	assert_said(">> a message from Tim cannot be shown by this version of MMS: install a newer one\n");
	phrase_unknown(&out, &(struct name){""});
	assert_said(">> a message cannot be shown by this version of MMS: install a newer one\n");
	phrase_gap(&out, 1);
	assert_said(">> 1 older message could not be delivered here, the server no longer has it\n");
	phrase_stay_queued(&out, 1, PHRASE_QUEUE_SERVER);
	assert_said(">> 1 message stays queued and will be sent with the next command that reaches the server\n");
	phrase_stay_queued(&out, 2, PHRASE_QUEUE_DEVICE);
	assert_said(">> 2 messages stay queued and will be sent only if this device is authorized again\n");
	phrase_left_behind(&out, 2, "/home/a\nb/fred.db");
	assert_said(">> 2 messages stay queued for a server's key that is no longer pinned and will not be sent, they are in "
		    "/home/a\\nb/fred.db\n");
	phrase_gap(&out, 7);
	assert_said(">> 7 older messages could not be delivered here, the server no longer has them\n");
	phrase_key_changed(&out, "example.org:1060", "AAAA", "BBBB", "/home/a\nb/servers");
	assert_said(">> the key of the server example.org:1060 has changed: somebody may stand between you and it, MMS "
		    "stops here\n>>      pinned:  AAAA\n>>      offered: BBBB\n"
		    ">> if its operator confirms the new key, remove the line of this server from "
		    "/home/a\\nb/servers\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_the_conversation, begin),
		cmocka_unit_test_setup(test_how_many_wait, begin),
		cmocka_unit_test_setup(test_lists_of_names, begin),
		cmocka_unit_test_setup(test_a_list_of_very_many_names, begin),
		cmocka_unit_test_setup(test_every_sentence_is_one_line_and_says_its_subject, begin),
		cmocka_unit_test_setup(test_hints_are_for_those_who_type, begin),
		cmocka_unit_test_setup(test_words_of_others_are_filtered_and_cut, begin),
		cmocka_unit_test_setup(test_a_message_cannot_forge_a_line, begin),
		cmocka_unit_test_setup(test_the_longest_message_in_pieces, begin),
		cmocka_unit_test_setup(test_faults_say_what_to_type, begin),
		cmocka_unit_test_setup(test_gaps_and_keys, begin),
		cmocka_unit_test_setup(test_presence, begin),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
