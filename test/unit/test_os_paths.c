// SPDX-License-Identifier: ISC
// os/paths: which directory holds the state, and paths that do not fit.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pwd.h>
#include <unistd.h>

#include "os/paths.h"

static struct reason why;

static void set(const char *variable, const char *value)
{
	assert_int_equal(value == NULL ? unsetenv(variable) : setenv(variable, value, 1), 0);
}

static void expect_state(const char *option, const char *state_home, const char *home, const char *expected)
{
	struct file_path path;
	set("XDG_STATE_HOME", state_home);
	set("HOME", home);
	assert_int_equal(paths_state(&path, option, &why), MMS_OK);
	assert_string_equal(path.text, expected);
}

static void test_order(void **state)
{
	(void)state;
	expect_state("here", "/xdg", "/home/fred", "here");
	expect_state(NULL, "/xdg", "/home/fred", "/xdg/mms");
	expect_state(NULL, "/xdg/", "/home/fred", "/xdg/mms");
	expect_state(NULL, NULL, "/home/fred", "/home/fred/.local/state/mms");
	expect_state(NULL, "", "/home/fred", "/home/fred/.local/state/mms");
	expect_state(NULL, "relative", "/home/fred", "/home/fred/.local/state/mms");
	expect_state(NULL, NULL, "/", "/.local/state/mms");
}

static void test_home_of_the_password_database(void **state)
{
	(void)state;
	struct file_path expected;
	const struct passwd *user = getpwuid(geteuid());
	if (user == NULL || user->pw_dir[0] != '/') {
		print_message("this user has no home in the password database\n");
		skip();
	}
	assert_int_equal(paths_join(&expected, user->pw_dir, ".local/state/mms", &why), MMS_OK);
	expect_state(NULL, NULL, NULL, expected.text);
	expect_state(NULL, NULL, "relative", expected.text);
}

static void test_join(void **state)
{
	(void)state;
	struct file_path path;
	assert_int_equal(paths_join(&path, "/a", "b", &why), MMS_OK);
	assert_string_equal(path.text, "/a/b");
	assert_int_equal(paths_join(&path, path.text, "c", &why), MMS_OK);
	assert_string_equal(path.text, "/a/b/c");
}

static void test_room(void **state)
{
	(void)state;
	char text[PATHS_TEXT_BYTES + 1];
	struct file_path path = {"before"};
	memset(text, 'a', sizeof text);
	text[0] = '/';
	text[PATHS_TEXT_BYTES - 3] = 0; // with "/b" just what fits
	assert_int_equal(paths_join(&path, text, "b", &why), MMS_OK);
	assert_int_equal(strlen(path.text), PATHS_TEXT_BYTES - 1);
	path = (struct file_path){"before"};
	assert_int_equal(paths_join(&path, text, "bc", &why), MMS_E_BAD);
	assert_string_equal(path.text, "before");
	assert_non_null(strstr(why.text, "longer than 511 bytes"));
	text[PATHS_TEXT_BYTES - 3] = 'a';
	text[PATHS_TEXT_BYTES] = 0;
	assert_int_equal(paths_state(&path, text, &why), MMS_E_BAD);
	assert_int_equal(paths_state(&path, "", &why), MMS_E_BAD);
	assert_string_equal(path.text, "before");
	text[PATHS_TEXT_BYTES - 1] = 0;
	assert_int_equal(paths_state(&path, text, &why), MMS_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_home_of_the_password_database),
		cmocka_unit_test(test_join),
		cmocka_unit_test(test_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
