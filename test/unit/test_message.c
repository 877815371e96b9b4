// SPDX-License-Identifier: ISC
// base/message: whom a message is for, there and back, and which kinds are the server's own.
#include "proto_world.h"

#include "base/message.h"

static void users_and_rooms(void **state)
{
	static const char *const good[] = {"f", "fred", "#f", "#lounge", "abcdefghijklmnopqrstuvwxyzABCDEF",
					   "#abcdefghijklmnopqrstuvwxyzABCDEF"};
	static const char *const bad[] = {"", "#", "##a", "a#", "# a", "a b", "abcdefghijklmnopqrstuvwxyzABCDEFG",
					  "#abcdefghijklmnopqrstuvwxyzABCDEFG"};
	(void)state;
	struct message_to to;
	uint8_t text[MESSAGE_TO_BYTES_MAX];
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		const bool is_room = good[i][0] == '#';
		assert_true(message_to_parse(&to, good[i], strlen(good[i])));
		assert_int_equal(to.is_room, is_room);
		assert_string_equal(to.name.text, good[i] + is_room);
		assert_int_equal(message_to_write(&to, text), strlen(good[i]));
		assert_memory_equal(text, good[i], strlen(good[i]));
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		const struct message_to before = to;
		assert_false(message_to_parse(&to, bad[i], strlen(bad[i])));
		assert_memory_equal(&to, &before, sizeof to);
	}
	assert_int_equal(message_to_write(&(struct message_to){.is_room = false}, text), 0);
}

static void kinds_of_the_server(void **state)
{
	(void)state;
	for (int kind = 0; kind < 256; kind++)
		assert_int_equal(message_kind_is_server((uint8_t)kind), kind >= 2 && kind <= 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(users_and_rooms),
		cmocka_unit_test(kinds_of_the_server),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
