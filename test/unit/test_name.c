// SPDX-License-Identifier: ISC
// base/name: which byte strings are names, and when two are the same user.
#include "proto_world.h"

#include "base/name.h"

static struct name name_of(const char *text)
{
	struct name name;
	assert_true(name_parse(&name, text, strlen(text)));
	return name;
}

static void only_the_listed_letters(void **state)
{
	(void)state;
	for (int letter = 0; letter < 256; letter++) {
		const char text[1] = {(char)letter};
		const char *listed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
		struct name name;
		const bool expected = letter != 0 && strchr(listed, letter) != NULL;
		assert_int_equal(name_parse(&name, text, 1), expected);
	}
}

static void length_is_bounded(void **state)
{
	(void)state;
	const char text[] = "abcdefghijklmnopqrstuvwxyzABCDEF7";
	struct name name = name_of("before");
	assert_false(name_parse(&name, text, 0));
	assert_false(name_parse(&name, text, NAME_BYTES_MAX + 1));
	assert_false(name_parse(&name, "in valid", 8));
	assert_string_equal(name.text, "before");
	assert_true(name_parse(&name, text, NAME_BYTES_MAX));
	assert_int_equal(name_bytes(&name), NAME_BYTES_MAX);
	assert_true(name_parse(&name, "f", 1));
	assert_int_equal(name_bytes(&name), 1);
	for (size_t i = 1; i < sizeof name.text; i++)
		assert_int_equal(name.text[i], 0);
	assert_int_equal(name_bytes(&(struct name){{0}}), 0);
}

static void case_does_not_count(void **state)
{
	(void)state;
	const struct name fred = name_of("Fred.Z-9_");
	const struct name same = name_of("fREd.z-9_");
	const struct name other = name_of("Fred.Z-9-");
	const struct name longer = name_of("Fred.Z-9_x");
	const struct name folded = name_fold(&fred);
	assert_true(name_is_same(&fred, &same));
	assert_false(name_is_same(&fred, &other));
	assert_false(name_is_same(&fred, &longer));
	assert_string_equal(folded.text, "fred.z-9_");
	assert_string_equal(fred.text, "Fred.Z-9_");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_listed_letters),
		cmocka_unit_test(length_is_bounded),
		cmocka_unit_test(case_does_not_count),
	};
	return cmocka_run_group_tests_name("name", tests, NULL, NULL);
}
