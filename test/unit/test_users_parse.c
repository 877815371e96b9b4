// SPDX-License-Identifier: ISC
// store/users_parse and base/users: what a users file may say, and every refusal with its file, line and advice.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/users.h"
#include "store/users_parse.h"

// 32 bytes 00 01 .. 1f and 32 bytes ff, in base64url.
#define HASH_A "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
#define HASH_B "__________________________________________8"
#define INVITE_A "invite=" HASH_A ",2026-11-22T10:00:00Z"
#define INVITE_B "invite=" HASH_B ",1999-01-01T00:00:00Z"
#define REVOKE_A "revoke=" HASH_A
#define REVOKE_B "revoke=" HASH_B

struct fixture {
	struct users_table table;
	struct reason why;
};

// Parses into arrays of exactly the measured sizes, so that the address checker sees a step beyond them.
static enum mms_err parse(struct fixture *fixture, const char *text, size_t bytes)
{
	struct users_table *table = &fixture->table;
	memset(fixture, 0, sizeof *fixture);
	users_parse_measure(table, text, bytes);
	table->user = malloc(table->user_capacity * sizeof *table->user + 1);
	table->invite = malloc(table->invite_capacity * sizeof *table->invite + 1);
	table->revoke = malloc(table->revoke_capacity * sizeof *table->revoke + 1);
	table->slot = malloc(table->slot_count * sizeof *table->slot);
	return users_parse(table, text, bytes, "users", &fixture->why);
}

static void clear(struct fixture *fixture)
{
	free(fixture->table.user);
	free(fixture->table.invite);
	free(fixture->table.revoke);
	free(fixture->table.slot);
}

static void accept(struct fixture *fixture, const char *text)
{
	const enum mms_err err = parse(fixture, text, strlen(text));
	if (err != MMS_OK)
		fail_msg("refused: %s", fixture->why.text);
}

static void refuse_bytes(const char *text, size_t bytes, const char *why)
{
	struct fixture fixture;
	const struct name fred = {"fred"};
	assert_int_equal(parse(&fixture, text, bytes), MMS_E_BAD);
	assert_string_equal(fixture.why.text, why);
	assert_int_equal(fixture.table.user_count, 0);
	assert_int_equal(fixture.table.invite_count, 0);
	assert_int_equal(fixture.table.revoke_count, 0);
	assert_null(users_find(&fixture.table, &fred));
	clear(&fixture);
}

static void refuse(const char *text, const char *why)
{
	refuse_bytes(text, strlen(text), why);
}

static const struct user_entry *find(const struct fixture *fixture, const char *text)
{
	struct name name;
	assert_true(name_parse(&name, text, strlen(text)));
	return users_find(&fixture->table, &name);
}

static void an_empty_file_has_no_users(void **state)
{
	(void)state;
	static const char *const empty[] = {"\xef\xbb\xbf", "\xef\xbb\xbf# fred\n", "",
					    "\n", "  \t \r\n", "# fred", "# fred\r", "# fred\n\n \t# tim #\r\n"};
	for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++) {
		struct fixture fixture;
		accept(&fixture, empty[i]);
		assert_int_equal(fixture.table.user_count, 0);
		assert_int_equal(fixture.table.user_capacity, 0);
		assert_null(find(&fixture, "fred"));
		clear(&fixture);
	}
}

static void users_stand_in_the_order_of_the_file(void **state)
{
	(void)state;
	struct fixture fixture;
	accept(&fixture, "# who\nfred\r\n\n  Tim\t # the tall one \xc3\xa9\n francoc " INVITE_A "\nlast-one");
	assert_int_equal(fixture.table.user_count, 4);
	assert_string_equal(fixture.table.user[0].name.text, "fred");
	assert_string_equal(fixture.table.user[1].name.text, "Tim");
	assert_string_equal(fixture.table.user[2].name.text, "francoc");
	assert_string_equal(fixture.table.user[3].name.text, "last-one");
	assert_int_equal(fixture.table.user[0].line, 2);
	assert_int_equal(fixture.table.user[1].line, 4);
	assert_int_equal(fixture.table.user[2].line, 5);
	assert_int_equal(fixture.table.user[3].line, 6);
	assert_int_equal(fixture.table.user[1].user_id, 0);
	clear(&fixture);
}

static void names_are_found_in_any_case(void **state)
{
	(void)state;
	struct fixture fixture;
	accept(&fixture, "fred\nTim\n");
	assert_ptr_equal(find(&fixture, "FRED"), &fixture.table.user[0]);
	assert_ptr_equal(find(&fixture, "tim"), &fixture.table.user[1]);
	assert_null(find(&fixture, "fre"));
	assert_null(find(&fixture, "fredd"));
	clear(&fixture);
}

static void many_users_are_found(void **state)
{
	(void)state;
	enum { USERS = 5000 };
	static char text[USERS * 8];
	struct fixture fixture;
	size_t bytes = 0;
	for (int i = 0; i < USERS; i++)
		bytes += (size_t)snprintf(text + bytes, sizeof text - bytes, "u%d\n", i);
	assert_int_equal(parse(&fixture, text, bytes), MMS_OK);
	assert_int_equal(fixture.table.user_count, USERS);
	for (int i = 0; i < USERS; i++) {
		char name[16];
		snprintf(name, sizeof name, "U%d", i);
		assert_ptr_equal(find(&fixture, name), &fixture.table.user[i]);
	}
	assert_null(find(&fixture, "u5000"));
	clear(&fixture);
}

static void options_belong_to_their_line(void **state)
{
	(void)state;
	struct fixture fixture;
	accept(&fixture, "fred " INVITE_A " " REVOKE_B "\t" INVITE_B " # invite=none\n"
			 "tim " REVOKE_A " " REVOKE_B "\njim\n");
	const struct users_table *table = &fixture.table;
	const struct user_entry *fred = &table->user[0], *tim = &table->user[1], *jim = &table->user[2];
	struct fingerprint counting;
	for (uint8_t i = 0; i < sizeof counting.bytes; i++)
		counting.bytes[i] = i;

	assert_int_equal(fred->invite_count, 2);
	assert_int_equal(fred->invite_first, 0);
	assert_memory_equal(table->invite[0].hash, counting.bytes, sizeof counting.bytes);
	assert_int_equal(table->invite[0].expires_at.ms, INT64_C(1795341600000));
	assert_int_equal(table->invite[1].hash[31], 0xff);
	assert_int_equal(table->invite[1].expires_at.ms, INT64_C(915148800000));
	assert_false(users_is_revoked(table, fred, &counting));
	assert_int_equal(tim->invite_count, 0);
	assert_int_equal(tim->revoke_first, 1);
	assert_int_equal(tim->revoke_count, 2);
	assert_true(users_is_revoked(table, tim, &counting));
	memset(counting.bytes, 0xff, sizeof counting.bytes);
	assert_true(users_is_revoked(table, fred, &counting));
	assert_true(users_is_revoked(table, tim, &counting));
	assert_false(users_is_revoked(table, jim, &counting));
	clear(&fixture);
}

static void only_a_line_without_options_is_plain(void **state)
{
	(void)state;
	struct fixture fixture;
	accept(&fixture, "plain\nasked " INVITE_B "\nrobbed " REVOKE_A "\n");
	assert_true(users_is_plain(&fixture.table.user[0]));
	assert_false(users_is_plain(&fixture.table.user[1]));
	assert_false(users_is_plain(&fixture.table.user[2]));
	clear(&fixture);
}

#define NOT_A_NAME "is not a name; begin the line with 1 to 32 of A-Z a-z 0-9 . _ -"

static void bad_names_are_refused(void **state)
{
	(void)state;
	struct fixture fixture;
	accept(&fixture, "abcdefghijklmnopqrstuvwxyz.-_456");
	clear(&fixture);
	refuse("abcdefghijklmnopqrstuvwxyz.-_4567", "users:1: \"abcdefghijklmnopqrstuvwxyz.-_4567\" " NOT_A_NAME);
	refuse("fred\n\nti/m\n", "users:3: \"ti/m\" " NOT_A_NAME);
	refuse("fred#x\n", "users:1: \"fred#x\" " NOT_A_NAME);
	refuse(INVITE_A, "users:1: \"" INVITE_A "\" " NOT_A_NAME);
}

static void a_name_stands_once(void **state)
{
	(void)state;
	refuse("fred\ntim\nFred\n", "users:3: \"Fred\" stands on line 1 already, as fred; remove one of the two lines");
}

static void only_comments_hold_other_bytes(void **state)
{
	(void)state;
#define AND_SO " is not printable ASCII; only comments may hold other text"
	refuse("fr\xc3\xa9" "d\n", "users:1: byte 0xc3 in column 3" AND_SO);
	refuse("tim\n  fred \x1b[2J\n", "users:2: byte 0x1b in column 8" AND_SO);
	refuse("fred\x7f\n", "users:1: byte 0x7f in column 5" AND_SO);
	refuse("fred\rtim\n", "users:1: byte 0x0d in column 5" AND_SO);
	refuse("fred\n# all\rtim\r", "users:2: a carriage return stands within the comment; end lines by LF or by CR LF");
	refuse("fred # tall\rtim\r\n", "users:1: a carriage return stands within the comment; end lines by LF or by CR LF");
	refuse("fred\r", "users:1: byte 0x0d in column 5" AND_SO);
	refuse_bytes("fred\0\n", 6, "users:1: byte 0x00 in column 5" AND_SO);
}

static void unknown_options_are_refused(void **state)
{
	(void)state;
#define NOT_AN_OPTION "is not an option; options are invite=HASH,EXPIRY, revoke=FINGERPRINT and life=LIFE"
	refuse("fred tim\n", "users:1: \"tim\" " NOT_AN_OPTION);
	refuse("fred Invite=x\n", "users:1: \"Invite=x\" " NOT_AN_OPTION);
	refuse("fred " REVOKE_A " admin # why not\n", "users:1: \"admin\" " NOT_AN_OPTION);
	char text[128], why[256];
	memset(text, 'x', sizeof text);
	memcpy(text, "fred ", 5);
	text[5 + 81] = 0;
	snprintf(why, sizeof why, "users:1: \"%.80s...\" " NOT_AN_OPTION, text + 5);
	refuse(text, why);
}

static void refuse_invite(const char *word)
{
	char text[256], why[512];
	snprintf(text, sizeof text, "fred %s\n", word);
	snprintf(why, sizeof why, "users:1: \"%s\" is not invite=HASH,YYYY-MM-DDTHH:MM:SSZ with 43 letters of "
		 "base64url as HASH; remove it and run \"mms user invite\"", word);
	refuse(text, why);
}

static void malformed_invites_are_refused(void **state)
{
	(void)state;
	refuse_invite("invite=");
	refuse_invite("invite=abc");
	refuse_invite("invite=" HASH_A);
	refuse_invite("invite=" HASH_A ",");
	refuse_invite("invite=" HASH_A ",2026-11-22");
	refuse_invite("invite=" HASH_A ";2026-11-22T10:00:00Z");
	refuse_invite("invite=" HASH_A ",2026-02-30T10:00:00Z");
	refuse_invite(INVITE_A ",");
	refuse_invite("invite=A" HASH_A ",2026-11-22T10:00:00Z");
	refuse_invite("invite=+AECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8,2026-11-22T10:00:00Z");
}

static void a_line_has_a_life(void **state)
{
	(void)state;
#define LIFE_A "AAECAwQFBgcICQoLDA0ODw"
#define NOT_A_LIFE "\" is not life=LIFE with 22 letters of base64url; \"mms user add\" writes it"
	struct fixture fixture;
	accept(&fixture, "fred\nTim life=" LIFE_A " " INVITE_A "\njim life=" LIFE_A "\n");
	const struct user_entry *user = fixture.table.user;
	assert_false(user[0].has_life);
	for (uint8_t i = 0; i < USER_LIFE_BYTES; i++) {
		assert_int_equal(user[0].life[i], 0);
		assert_int_equal(user[1].life[i], i);
	}
	assert_int_equal(user[1].invite_count, 1);
	assert_true(users_is_plain(&user[2]));
	clear(&fixture);
	refuse("fred life=\n", "users:1: \"life=" NOT_A_LIFE);
	refuse("fred life=" LIFE_A "A\n", "users:1: \"life=" LIFE_A "A" NOT_A_LIFE);
	refuse("fred life=" LIFE_A " life=" LIFE_A "\n",
	       "users:1: \"life=" LIFE_A "\" is one too many, a line has one life; remove one of them");
}

static void malformed_revokes_are_refused(void **state)
{
	(void)state;
#define NOT_A_REVOKE "\" is not revoke=FINGERPRINT with the 43 letters \"mms user list\" shows"
	refuse("fred revoke=\n", "users:1: \"revoke=" NOT_A_REVOKE);
	refuse("fred revoke=x" HASH_A "\n", "users:1: \"revoke=x" HASH_A NOT_A_REVOKE);
	refuse("fred " REVOKE_A "=\n", "users:1: \"" REVOKE_A "=" NOT_A_REVOKE);
}

// A line of one user with `count` times the same option.
static void line_of(char *text, size_t capacity_bytes, const char *option, int count)
{
	size_t bytes = (size_t)snprintf(text, capacity_bytes, "fred");
	for (int i = 0; i < count; i++)
		bytes += (size_t)snprintf(text + bytes, capacity_bytes - bytes, " %s", option);
	assert_true(bytes < capacity_bytes);
}

static void surplus_options_are_refused(void **state)
{
	(void)state;
	struct fixture fixture;
	char text[2048];
	line_of(text, sizeof text, INVITE_A, INVITES_PER_USER_MAX);
	accept(&fixture, text);
	assert_int_equal(fixture.table.user[0].invite_count, INVITES_PER_USER_MAX);
	clear(&fixture);
	line_of(text, sizeof text, INVITE_A, INVITES_PER_USER_MAX + 1);
	refuse(text, "users:1: \"" INVITE_A "\" is one too many, a line may have 4 invites; "
		     "remove spent or expired ones");
	line_of(text, sizeof text, REVOKE_A, REVOKES_PER_USER_MAX);
	accept(&fixture, text);
	assert_int_equal(fixture.table.user[0].revoke_count, REVOKES_PER_USER_MAX);
	clear(&fixture);
	line_of(text, sizeof text, REVOKE_A, REVOKES_PER_USER_MAX + 1);
	refuse(text, "users:1: \"" REVOKE_A "\" is one too many, a line may have 16 of revoke=; remove the oldest");
}

static void a_long_line_is_refused(void **state)
{
	(void)state;
	struct fixture fixture;
	char text[USERS_LINE_BYTES_MAX + 8];
	memset(text, 'x', sizeof text);
	memcpy(text, "fred #", 6);
	text[USERS_LINE_BYTES_MAX] = '\r';
	text[USERS_LINE_BYTES_MAX + 1] = '\n';
	assert_int_equal(parse(&fixture, text, USERS_LINE_BYTES_MAX + 2), MMS_OK);
	clear(&fixture);
	text[USERS_LINE_BYTES_MAX] = 'x';
	refuse_bytes(text, USERS_LINE_BYTES_MAX + 2, "users:1: the line is longer than 4096 bytes; shorten it");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_file_has_no_users),
		cmocka_unit_test(users_stand_in_the_order_of_the_file),
		cmocka_unit_test(names_are_found_in_any_case),
		cmocka_unit_test(many_users_are_found),
		cmocka_unit_test(options_belong_to_their_line),
		cmocka_unit_test(only_a_line_without_options_is_plain),
		cmocka_unit_test(bad_names_are_refused),
		cmocka_unit_test(a_name_stands_once),
		cmocka_unit_test(only_comments_hold_other_bytes),
		cmocka_unit_test(unknown_options_are_refused),
		cmocka_unit_test(malformed_invites_are_refused),
		cmocka_unit_test(a_line_has_a_life),
		cmocka_unit_test(malformed_revokes_are_refused),
		cmocka_unit_test(surplus_options_are_refused),
		cmocka_unit_test(a_long_line_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
