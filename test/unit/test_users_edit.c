// SPDX-License-Identifier: ISC
// store/users_edit: an edit changes what it says and no other byte, and its result is a users file again.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/date.h"
#include "store/users_edit.h"
#include "store/users_parse.h"

// 32 bytes 00 01 .. 1f and 32 bytes ff, in base64url.
#define HASH_A "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
#define HASH_B "__________________________________________8"
#define OLD "invite=" HASH_B ",2026-11-22T09:59:59Z"
#define NOW "2026-11-22T10:00:00Z"
#define DUE "invite=" HASH_B ",2026-11-22T10:00:00Z"
#define LIVE "invite=" HASH_B ",2026-11-22T10:00:01Z"
#define NEW "invite=" HASH_A ",2026-11-29T10:00:00Z"
#define REVOKE_A "revoke=" HASH_A
#define REVOKE_B "revoke=" HASH_B

#define LIFE "life=AAECAwQFBgcICQoLDA0ODw"

enum action { ADD_PLAIN, ADD_LIFE, ADD, INVITE, INVITE_ALONE, REVOKE, REMOVE };

static struct users_edit edit;

static enum mms_err make_edit(enum action action, const char *user, const char *text)
{
	const size_t bytes = strlen(text);
	struct name name;
	struct user_invite invite;
	struct fingerprint counting;
	struct wtime now;
	for (uint8_t i = 0; i < 32; i++)
		invite.hash[i] = counting.bytes[i] = i;
	assert_true(name_parse(&name, user, strlen(user)));
	assert_true(date_parse(&now, NOW, strlen(NOW)));
	invite.expires_at.ms = now.ms + INT64_C(7) * 86400 * 1000;
	switch (action) {
	case ADD_PLAIN: return users_edit_add(text, bytes, &name, NULL, NULL, &edit);
	case ADD_LIFE: return users_edit_add(text, bytes, &name, counting.bytes, NULL, &edit);
	case ADD: return users_edit_add(text, bytes, &name, counting.bytes, &invite, &edit);
	case INVITE: return users_edit_invite(text, bytes, &name, &invite, false, now, &edit);
	case INVITE_ALONE: return users_edit_invite(text, bytes, &name, &invite, true, now, &edit);
	case REVOKE: return users_edit_revoke(text, bytes, &name, &counting, &edit);
	case REMOVE: return users_edit_remove(text, bytes, &name, &edit);
	}
	return MMS_E_BAD;
}

static void assert_parses(const char *text, size_t bytes)
{
	struct users_table table = {0};
	struct reason why;
	users_parse_measure(&table, text, bytes);
	table.user = malloc(table.user_capacity * sizeof *table.user + 1);
	table.invite = malloc(table.invite_capacity * sizeof *table.invite + 1);
	table.revoke = malloc(table.revoke_capacity * sizeof *table.revoke + 1);
	table.slot = malloc(table.slot_count * sizeof *table.slot);
	if (users_parse(&table, text, bytes, "users", &why) != MMS_OK)
		fail_msg("%s", why.text);
	free(table.user);
	free(table.invite);
	free(table.revoke);
	free(table.slot);
}

static void becomes(enum action action, const char *user, const char *text, const char *expected)
{
	assert_int_equal(make_edit(action, user, text), MMS_OK);
	const size_t bytes = users_edit_bytes(strlen(text), &edit);
	char *made = malloc(bytes + 1);
	users_edit_apply(text, strlen(text), &edit, made);
	made[bytes] = 0;
	assert_string_equal(made, expected);
	assert_parses(made, bytes);
	free(made);
}

static void fails(enum action action, const char *user, const char *text, enum mms_err err)
{
	const struct users_edit before = edit;
	assert_int_equal(make_edit(action, user, text), err);
	assert_memory_equal(&before, &edit, sizeof edit);
}

static void a_user_is_added_at_the_end(void **state)
{
	(void)state;
	becomes(ADD_PLAIN, "fred", "", "fred\n");
	becomes(ADD_PLAIN, "Fred", "# who\ntim # fred\n\n", "# who\ntim # fred\n\nFred\n");
	becomes(ADD, "fred", "tim\n", "tim\nfred " LIFE " " NEW "\n");
	becomes(ADD_LIFE, "fred", "", "fred " LIFE "\n");
}

static void a_user_is_added_with_the_line_ends_of_the_file(void **state)
{
	(void)state;
	becomes(ADD_PLAIN, "fred", "tim", "tim\nfred\n");
	becomes(ADD_PLAIN, "fred", "\xef\xbb\xbftim\r\njim\r\n", "\xef\xbb\xbftim\r\njim\r\nfred\r\n");
	becomes(REMOVE, "tim", "\xef\xbb\xbftim\njim\n", "\xef\xbb\xbfjim\n");
	becomes(ADD_PLAIN, "fred", "tim\r\njim", "tim\r\njim\r\nfred\r\n");
	becomes(ADD_PLAIN, "fred", "tim\r\n# end", "tim\r\n# end\r\nfred\r\n");
	becomes(ADD_PLAIN, "fred", "tim\njim\r\n", "tim\njim\r\nfred\r\n");
	becomes(ADD_PLAIN, "fred", "tim\r\njim\n", "tim\r\njim\nfred\n");
}

static void a_user_is_added_once(void **state)
{
	(void)state;
	fails(ADD_PLAIN, "fred", "tim\n\t Fred # x", MMS_E_EXISTS);
	fails(ADD, "tim", "tim\nfred\n", MMS_E_EXISTS);
}

static void an_invite_goes_behind_the_options(void **state)
{
	(void)state;
	becomes(INVITE, "fred", "tim\nfred", "tim\nfred " NEW);
	becomes(INVITE, "fred", "fred " LIFE " " OLD, "fred " LIFE " " NEW); // the life stays
	becomes(INVITE, "FRED", "  fred\t # the one \r\njim\r\n", "  fred " NEW "\t # the one \r\njim\r\n");
	becomes(INVITE, "fred", "fred \t" REVOKE_B "  " LIVE "  #x\n", "fred \t" REVOKE_B "  " LIVE " " NEW "  #x\n");
}

static void an_invite_drops_the_expired_ones(void **state)
{
	(void)state;
	becomes(INVITE, "fred", "fred " OLD "\t" LIVE " " DUE " " REVOKE_B " # " OLD "\ntim " OLD "\n",
		"fred\t" LIVE " " REVOKE_B " " NEW " # " OLD "\ntim " OLD "\n");
	becomes(INVITE, "fred", "fred " OLD " " LIVE " " DUE " " LIVE " " LIVE,
		"fred " LIVE " " LIVE " " LIVE " " NEW);
}

static void an_invite_alone_drops_the_others(void **state)
{
	(void)state;
	becomes(INVITE_ALONE, "fred", "fred " LIVE " " REVOKE_B " " OLD " #\n", "fred " REVOKE_B " " NEW " #\n");
	becomes(INVITE_ALONE, "fred", "fred " LIVE " " LIVE " " LIVE " " LIVE "\n", "fred " NEW "\n");
}

static void a_revoked_device_goes_behind_the_options(void **state)
{
	(void)state;
	becomes(REVOKE, "fred", "tim\r\nfred " LIVE " " REVOKE_B " #x\r\n",
		"tim\r\nfred " LIVE " " REVOKE_B " " REVOKE_A " #x\r\n");
	becomes(REVOKE, "fred", "fred", "fred " REVOKE_A);
	fails(REVOKE, "fred", "fred " REVOKE_A "\n", MMS_E_EXISTS);
}

static void a_line_is_removed_whole(void **state)
{
	(void)state;
	becomes(REMOVE, "fred", "# fred\nfred " LIVE " # x\ntim\n", "# fred\ntim\n");
	becomes(REMOVE, "fred", "tim\r\nFred", "tim\r\n");
	becomes(REMOVE, "fred", "fred\r\ntim", "tim");
}

static void a_name_not_there_is_missing(void **state)
{
	(void)state;
	for (enum action action = INVITE; action <= REMOVE; action++) {
		fails(action, "fred", "", MMS_E_MISSING);
		fails(action, "fred", "freddy\n\n# fred\n \t\ntim # fred\n", MMS_E_MISSING);
	}
}

static void a_line_keeps_its_limits(void **state)
{
	(void)state;
	static char text[USERS_LINE_BYTES_MAX + 1];
	static char expected[USERS_LINE_BYTES_MAX + 1];
	fails(INVITE, "fred", "fred " LIVE " " LIVE " " LIVE " " LIVE "\n", MMS_E_FULL);
	size_t bytes = (size_t)snprintf(text, sizeof text, "fred");
	for (int i = 0; i < REVOKES_PER_USER_MAX; i++)
		bytes += (size_t)snprintf(text + bytes, sizeof text - bytes, " " REVOKE_B);
	fails(REVOKE, "fred", text, MMS_E_FULL);

	// A comment that leaves exactly the room of one option, and then one byte less.
	const struct { enum action action; const char *option; } grown[] = {{INVITE, " " NEW}, {REVOKE, " " REVOKE_A}};
	for (size_t i = 0; i < 2; i++) {
		memset(text, 'x', sizeof text);
		memcpy(text, "fred #", 6);
		text[USERS_LINE_BYTES_MAX - strlen(grown[i].option)] = 0;
		snprintf(expected, sizeof expected, "fred%s%s", grown[i].option, text + 4);
		becomes(grown[i].action, "fred", text, expected);
		strcat(text, "x");
		fails(grown[i].action, "fred", text, MMS_E_FULL);
	}
	memset(text, ' ', sizeof text); // a full line whose last option must stay
	memcpy(text, "fred", 4);
	memcpy(text + USERS_LINE_BYTES_MAX - strlen(REVOKE_B), REVOKE_B, strlen(REVOKE_B) + 1);
	fails(INVITE, "fred", text, MMS_E_FULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_user_is_added_at_the_end),
		cmocka_unit_test(a_user_is_added_with_the_line_ends_of_the_file),
		cmocka_unit_test(a_user_is_added_once),
		cmocka_unit_test(an_invite_goes_behind_the_options),
		cmocka_unit_test(an_invite_drops_the_expired_ones),
		cmocka_unit_test(an_invite_alone_drops_the_others),
		cmocka_unit_test(a_revoked_device_goes_behind_the_options),
		cmocka_unit_test(a_line_is_removed_whole),
		cmocka_unit_test(a_name_not_there_is_missing),
		cmocka_unit_test(a_line_keeps_its_limits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
