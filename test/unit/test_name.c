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

static bool is_match(const char *text, const char *name)
{
	const struct name parsed = name_of(name);
	struct name_pattern pattern;
	assert_true(name_pattern_parse(&pattern, text, strlen(text)));
	assert_int_equal(pattern.is_name, strpbrk(text, "*?") == NULL);
	return name_pattern_is_match(&pattern, &parsed);
}

static void patterns(void **state)
{
	(void)state;
	assert_true(is_match("fred", "Fred"));
	assert_true(is_match("FRE?", "fred"));
	assert_true(is_match("*", "f"));
	assert_true(is_match("f*d", "fd"));
	assert_true(is_match("f*d", "fredd"));
	assert_true(is_match("*.ops-*", "anna.ops-2"));
	assert_true(is_match("a*ab*b?", "aXaabXabbc"));
	assert_true(is_match("fred***", "fred"));
	assert_false(is_match("fre", "fred"));
	assert_false(is_match("fredd", "fred"));
	assert_false(is_match("fred?", "fred"));
	assert_false(is_match("?red", "red"));
	assert_false(is_match("f*x", "fred"));
	assert_false(is_match("*a*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
}

static void what_is_no_pattern(void **state)
{
	(void)state;
	static const char *const none[] = {"", "fr@d", "#ops", "a b", "[a]*", "a\\*", "\xc3\xa4*"};
	char text[NAME_PATTERN_BYTES_MAX + 1];
	struct name_pattern pattern = {.text = "before"};
	memset(text, '*', sizeof text);
	for (size_t i = 0; i < sizeof none / sizeof *none; i++)
		assert_false(name_pattern_parse(&pattern, none[i], strlen(none[i])));
	assert_false(name_pattern_parse(&pattern, text, sizeof text));
	assert_false(name_pattern_parse(&pattern, "f", 2)); // with its zero byte
	assert_string_equal(pattern.text, "before");
	assert_true(name_pattern_parse(&pattern, text, sizeof text - 1));
	memset(text, 'a', sizeof text);
	assert_true(name_pattern_parse(&pattern, text, NAME_BYTES_MAX + 1));
	assert_false(pattern.is_name); // too long for one
}

static void lists_are_in_one_order(void **state)
{
	(void)state;
	static const char *const in_order[] = {"-", ".", "1", "_", "Anna", "anna-", "anna1", "ANNAB", "bert"};
	const struct name none = {{0}};
	for (size_t i = 0; i < sizeof in_order / sizeof in_order[0]; i++) {
		const struct name name = name_of(in_order[i]);
		assert_true(name_order(&none, &name) < 0 && name_order(&name, &none) > 0);
		for (size_t k = 0; k < i; k++) {
			const struct name before = name_of(in_order[k]);
			assert_true(name_order(&before, &name) < 0 && name_order(&name, &before) > 0);
		}
		assert_int_equal(name_order(&name, &name), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_listed_letters),
		cmocka_unit_test(length_is_bounded),
		cmocka_unit_test(case_does_not_count),
		cmocka_unit_test(patterns),
		cmocka_unit_test(what_is_no_pattern),
		cmocka_unit_test(lists_are_in_one_order),
	};
	return cmocka_run_group_tests_name("name", tests, NULL, NULL);
}
