// SPDX-License-Identifier: ISC
// node/operator: requests and answers of the operator's socket, word by word.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "node/operator.h"

#define HASH "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
#define LIFE "AAECAwQFBgcICQoLDA0ODw"

static struct operator_request request;
static struct reason why;

static bool is_taken(const char *text)
{
	why.text[0] = 0;
	return operator_request_decode(&request, text, strlen(text), &why) == MMS_OK;
}

// Refused, and the reason names what is wrong.
static void is_refused(const char *text, const char *named)
{
	if (is_taken(text))
		fail_msg("taken: %s", text);
	if (strstr(why.text, named) == NULL)
		fail_msg("\"%s\" does not name %s", why.text, named);
}

static void check_encoded(const char *expected)
{
	char text[OPERATOR_REQUEST_BYTES_MAX];
	const size_t bytes = operator_request_encode(&request, text);
	assert_int_equal(bytes, strlen(expected));
	assert_memory_equal(text, expected, bytes);
}

static void test_every_verb(void **state)
{
	static const char *const texts[] = {
		"do=user add\nname=fred\nlife=" LIFE "\ninvite=" HASH ",2026-11-22T10:00:00Z\nusers=/etc/mms users\n\n",
		"do=user add\nname=fred\nlife=same\n\n",
		"do=user add\nname=fred\n\n",
		"do=user invite\nname=Fred\ninvite=" HASH ",2026-11-22T10:00:00Z\nreplace=yes\n\n",
		"do=user invite\nname=fred\ninvite=" HASH ",2026-11-22T10:00:00Z\n\n",
		"do=user list\n\n",
		"do=user remove\nname=a.b-c_9\nusers=\xc3\xa9\n\n",
		"do=user revoke\nname=fred\ndevice=" HASH "\n\n",
		"do=room list\n\n",
		"do=room list\nroom=#ops\n\n",
		"do=room make\nroom=#ops\n\n",
		"do=room make\nroom=#ops\nprivate=yes\nhistory=no\n\n",
		"do=room add\nname=fred\nroom=#Ops\n\n",
		"do=room remove\nname=fred\nroom=#ops\n\n",
		"do=room rename\nroom=#ops\nto=#crew\n\n",
		"do=room delete\nroom=#ops\n\n",
	};
	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		if (!is_taken(texts[i]))
			fail_msg("%s: %s", texts[i], why.text);
		check_encoded(texts[i]);
	}
}

static void test_values(void **state)
{
	(void)state;
	assert_true(is_taken("do=user add\ninvite=" HASH ",2026-11-22T10:00:00Z\nname=fred\nlife=" LIFE "\n\n"));
	assert_int_equal(request.verb, OPERATOR_USER_ADD);
	assert_string_equal(request.name.text, "fred");
	assert_true(request.has_invite && !request.is_same && !request.is_alone);
	assert_int_equal(request.invite.hash[31], 31);
	assert_int_equal(request.invite.expires_at.ms, 1795341600000);
	assert_int_equal(request.life[15], 15);
	assert_string_equal(request.users, "");
	assert_true(is_taken("do=user add\nname=fred\nlife=same\n\n"));
	assert_true(request.is_same && !request.has_invite);
	assert_string_equal(operator_verb_word(OPERATOR_USER_REVOKE), "user revoke");
	assert_true(is_taken("do=room make\nprivate=yes\nroom=#Ops\n\n"));
	assert_string_equal(request.room.text, "Ops");
	assert_true(request.is_private && !request.has_no_history);
	assert_true(is_taken("do=room make\nhistory=no\nroom=#Ops\n\n"));
	assert_true(!request.is_private && request.has_no_history);
	assert_true(is_taken("do=room rename\nto=#b\nroom=#a\n\n"));
	assert_string_equal(request.room.text, "a");
	assert_string_equal(request.to.text, "b");
	assert_false(operator_verb_is_of_rooms(OPERATOR_USER_REVOKE));
	assert_true(operator_verb_is_of_rooms(OPERATOR_ROOM_LIST));
}

static void test_what_is_no_request(void **state)
{
	(void)state;
	is_refused("\n", "unknown");
	is_refused("do=user fly\n\n", "user fly");
	is_refused("do=user add \nname=fred\n\n", "unknown");
	is_refused("name=fred\ndo=user add\n\n", "name=fred");
	is_refused("do=user add\n\n", "name");
	is_refused("do=user invite\nname=fred\n\n", "invite");
	is_refused("do=user revoke\nname=fred\n\n", "device");
	is_refused("do=user remove\nname=fred\ndevice=" HASH "\n\n", "device");
	is_refused("do=user remove\nname=fred\nname=tim\n\n", "name");
	is_refused("do=user remove\nname=fred\ncolour=red\n\n", "colour");
	is_refused("do=user remove\nname=a b\n\n", "name");
	is_refused("do=user remove\nname=\n\n", "name");
	is_refused("do=user remove\nname\n\n", "KEY=VALUE");
	is_refused("do=user remove\nname=fred\n", "KEY=VALUE");
	is_refused("do=user remove\nname=fred\n\n\n", "KEY=VALUE");
	is_refused("do=user remove\n=fred\n\n", "KEY=VALUE");
	is_refused("do=user remove\nname=fred\r\n\r\n\n", "KEY=VALUE");
	is_refused("do=user add\nname=fred\nlife=other\n\n", "life");
	is_refused("do=user add\nname=fred\nlife=some\n\n", "life");
	is_refused("do=user add\nname=fred\ninvite=" HASH "\n\n", "invite");
	is_refused("do=user add\nname=fred\ninvite=" HASH ",tomorrow\n\n", "invite");
	is_refused("do=user add\nname=fred\ninvite=AAAA,2026-11-22T10:00:00Z\n\n", "invite");
	is_refused("do=user invite\nname=fred\ninvite=" HASH ",2026-11-22T10:00:00Z\nreplace=no\n\n", "replace");
	is_refused("do=user invite\nname=fred\ninvite=" HASH ",2026-11-22T10:00:00Z\nreplace=yep\n\n", "replace");
	is_refused("do=user revoke\nname=fred\ndevice=AAAA\n\n", "device");
	is_refused("do=user list\nusers=\n\n", "users");
	is_refused("do=room make\nroom=ops\n\n", "room");
	is_refused("do=room make\nroom=#\n\n", "room");
	is_refused("do=room make\nroom=\n\n", "room");
	is_refused("do=room make\n\n", "room");
	is_refused("do=room make\nroom=#ops\nprivate=no\n\n", "private");
	is_refused("do=room make\nroom=#ops\nhistory=yes\n\n", "history");
	is_refused("do=room make\nroom=#ops\nname=fred\n\n", "name");
	is_refused("do=room add\nroom=#ops\n\n", "name");
	is_refused("do=room rename\nroom=#ops\nto=ops\n\n", "to");
	is_refused("do=room rename\nroom=#ops\n\n", "to");
	is_refused("do=room delete\nroom=#ops\nusers=/etc/mms/users\n\n", "users");
}

static void test_path_has_a_bound(void **state)
{
	char text[OPERATOR_PATH_BYTES + 64];
	const int begun = snprintf(text, sizeof text, "do=user list\nusers=");
	(void)state;
	memset(text + begun, 'x', OPERATOR_PATH_BYTES);
	memcpy(text + begun + OPERATOR_PATH_BYTES, "\n\n", 3);
	is_refused(text, "users");
	memcpy(text + begun + OPERATOR_PATH_BYTES - 1, "\n\n", 3);
	assert_true(is_taken(text));
	check_encoded(text);
}

static void test_where_a_request_ends(void **state)
{
	static const char text[] = "do=user list\n\ndo=";
	(void)state;
	for (size_t bytes = 0; bytes < 14; bytes++)
		assert_int_equal(operator_request_bytes(text, bytes), 0);
	assert_int_equal(operator_request_bytes(text, strlen(text)), 14);
	assert_int_equal(operator_request_bytes("\n", 1), 1);
}

static void test_end_of_an_answer(void **state)
{
	char text[OPERATOR_END_BYTES_MAX];
	size_t used = 0;
	struct operator_line line;
	(void)state;
	operator_end_write(text, sizeof text, &used, 73, "no room\nin a=b");
	static const char expected[] = "reason=no room?in a=b\nstatus=73\n\n";
	assert_int_equal(used, strlen(expected));
	assert_memory_equal(text, expected, used);
	const size_t first = operator_line_read(&line, text, used);
	assert_true(operator_line_is(&line, OPERATOR_KEY_REASON));
	assert_false(operator_line_is(&line, "reaso"));
	assert_int_equal(line.value_bytes, strlen("no room?in a=b"));
	assert_int_equal(operator_line_read(&line, text, first - 1), 0); // not whole
	assert_int_equal(operator_line_read(&line, text + used - 1, 1), 1);
	assert_int_equal(line.key_bytes, 0);
	used = 0;
	operator_end_write(text, sizeof text, &used, 0, NULL);
	assert_memory_equal(text, "status=0\n\n", used);
	char longest[REASON_TEXT_BYTES];
	memset(longest, 'x', sizeof longest - 1);
	longest[sizeof longest - 1] = 0;
	used = 0;
	operator_end_write(text, sizeof text, &used, 255, longest); // there is room
}

static void test_device(void **state)
{
	char text[OPERATOR_DEVICE_BYTES_MAX];
	size_t used = 0;
	struct storage_listed device = {7, {{0}}, {1}, {2}, {1795341600000}};
	struct storage_listed read;
	struct operator_line line;
	(void)state;
	memset(device.user.text, 'x', NAME_BYTES_MAX);
	operator_device_write(text, sizeof text, &used, &device);
	assert_int_equal(operator_line_read(&line, text, used), used);
	assert_true(operator_line_is(&line, OPERATOR_KEY_DEVICE));
	assert_true(operator_device_read(&read, line.value, line.value_bytes));
	device.device_id = 0; // is not told
	assert_memory_equal(&read.user, &device.user, sizeof read.user);
	assert_memory_equal(read.life, device.life, sizeof read.life);
	assert_memory_equal(read.fingerprint, device.fingerprint, sizeof read.fingerprint);
	assert_int_equal(read.enrolled_at.ms, device.enrolled_at.ms);
	memset(device.life, 0, sizeof device.life);
	used = 0;
	operator_device_write(text, sizeof text, &used, &device);
	assert_non_null(memmem(text, used, "x - ", 4));
	assert_int_equal(operator_line_read(&line, text, used), used);
	assert_true(operator_device_read(&read, line.value, line.value_bytes));
	for (size_t bytes = 0; bytes < line.value_bytes; bytes++)
		assert_false(operator_device_read(&read, line.value, bytes));
	assert_false(operator_device_read(&read, "x y", 3)); // one letter, and not the one for none
}

static void test_room_and_member(void **state)
{
	char text[OPERATOR_ROOM_BYTES_MAX];
	size_t used = 0;
	struct storage_room room = {.member_count = 1000, .is_private = true, .has_no_history = true}, room_read;
	struct storage_member member = {.is_owner = true}, member_read;
	struct operator_line line;
	(void)state;
	memset(room.room.name.text, 'x', NAME_BYTES_MAX);
	operator_room_write(text, sizeof text, &used, &room);
	assert_int_equal(operator_line_read(&line, text, used), used);
	assert_true(operator_line_is(&line, OPERATOR_KEY_ROOM));
	assert_true(operator_room_read(&room_read, line.value, line.value_bytes));
	assert_memory_equal(&room_read, &room, sizeof room);
	for (size_t bytes = 0; bytes < line.value_bytes; bytes++)
		assert_false(operator_room_read(&room_read, line.value, bytes));
	static const char open[] = "#ops 3 open history";
	assert_true(operator_room_read(&room_read, open, sizeof open - 1));
	assert_false(room_read.is_private || room_read.has_no_history);
	assert_int_equal(room_read.member_count, 3);
	static const char *const wrongs[] = {"ops 3 open history", "#ops 03 open history", "#ops -3 open history", "#ops 3 shut history",
					     "#ops 3 open nothing", "#ops 1234567890 open history"};
	for (size_t i = 0; i < sizeof wrongs / sizeof wrongs[0]; i++)
		assert_false(operator_room_read(&room_read, wrongs[i], strlen(wrongs[i])));
	memset(member.name.text, 'x', NAME_BYTES_MAX);
	used = 0;
	operator_member_write(text, OPERATOR_MEMBER_BYTES_MAX, &used, &member);
	assert_int_equal(operator_line_read(&line, text, used), used);
	assert_true(operator_member_read(&member_read, line.value, line.value_bytes));
	assert_memory_equal(&member_read, &member, sizeof member);
	for (size_t bytes = 0; bytes < line.value_bytes; bytes++)
		assert_false(operator_member_read(&member_read, line.value, bytes));
}

// A line of the users file, whatever stands on it, has room.
static void test_user(void **state)
{
	static struct user_invite invites[INVITES_PER_USER_MAX];
	static struct fingerprint revoked[REVOKES_PER_USER_MAX];
	struct user_entry user = {.name = {"fred"}, .has_life = true};
	struct users_table table = {.user = &user, .invite = invites, .revoke = revoked};
	char text[OPERATOR_USER_BYTES_MAX];
	size_t used = 0;
	(void)state;
	operator_user_write(text, sizeof text, &used, &table, &user);
	assert_memory_equal(text, "user=fred life=AAAAAAAAAAAAAAAAAAAAAA\n", used);
	memset(user.name.text, 'x', NAME_BYTES_MAX);
	user.invite_count = INVITES_PER_USER_MAX;
	user.revoke_count = REVOKES_PER_USER_MAX;
	used = 0;
	operator_user_write(text, sizeof text, &used, &table, &user);
	assert_true(used > 1000);
}

// A number of up to nine digits, written in one way.
static void test_count(void **state)
{
	static const char *const none[] = {"", "00", "1234567890", "1 2", "1a", "-1"};
	uint32_t count = 0;
	(void)state;
	for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
		assert_false(operator_count_read(&count, none[i], strlen(none[i])));
	assert_true(operator_count_read(&count, "0", 1));
	assert_int_equal(count, 0);
	assert_true(operator_count_read(&count, "123456789", 9));
	assert_int_equal(count, 123456789);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_verb),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_what_is_no_request),
		cmocka_unit_test(test_path_has_a_bound),
		cmocka_unit_test(test_where_a_request_ends),
		cmocka_unit_test(test_end_of_an_answer),
		cmocka_unit_test(test_device),
		cmocka_unit_test(test_user),
		cmocka_unit_test(test_room_and_member),
		cmocka_unit_test(test_count),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
