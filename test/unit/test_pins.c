// SPDX-License-Identifier: ISC
// The file of pinned keys: a pin that is added leaves everything else in the file as it was.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cmd/pins.h"
#include "scratch.h"

#define OTHER_PIN "b:1060 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\n"

// Adds a pin for host a to a file of these bytes, then looks for the one of host b in it.
static void check_kept(const char *before, size_t bytes)
{
	const struct server_address added = {.host = "a", .port = 1060};
	const struct server_address other = {.host = "b", .port = 1060};
	const uint8_t key[NOISE_KEY_BYTES] = {7};
	struct scratch scratch;
	struct reason why;
	uint8_t found[NOISE_KEY_BYTES];
	scratch_open(&scratch);
	FILE *file = fopen(scratch_path(&scratch, "known_servers"), "w");
	assert_non_null(file);
	assert_int_equal(fwrite(before, 1, bytes, file), bytes);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(pins_add(scratch.directory, &added, key, &why), MMS_OK);
	assert_int_equal(pins_find(scratch.directory, &added, found, &why), MMS_OK);
	assert_memory_equal(found, key, sizeof key);
	assert_int_equal(pins_find(scratch.directory, &other, found, &why), MMS_OK);
	assert_int_equal(found[1], 1);
	scratch_close(&scratch);
}

static void test_other_pins_are_kept(void **state)
{
	(void)state;
	check_kept(OTHER_PIN, sizeof OTHER_PIN - 1);
	check_kept("# two\n\n" OTHER_PIN, sizeof "# two\n\n" OTHER_PIN - 1);
	check_kept(OTHER_PIN, sizeof OTHER_PIN - 2); // without the last line's end
}

static void test_pins_behind_a_zero_byte_are_kept(void **state)
{
	(void)state;
	check_kept("# a\0b\n" OTHER_PIN, sizeof "# a\0b\n" OTHER_PIN - 1);
}

// What pins_find says of host b when the file has these bytes.
static enum mms_err find_in_file(const char *bytes, size_t count, struct reason *why)
{
	const struct server_address other = {.host = "b", .port = 1060};
	struct scratch scratch;
	uint8_t found[NOISE_KEY_BYTES];
	scratch_open(&scratch);
	FILE *file = fopen(scratch_path(&scratch, "known_servers"), "w");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, count, file), count);
	assert_int_equal(fclose(file), 0);
	const enum mms_err err = pins_find(scratch.directory, &other, found, why);
	if (err == MMS_OK)
		assert_int_equal(found[1], 1);
	scratch_close(&scratch);
	return err;
}

#define OTHER_KEY "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
#define EXPECT_IN(bytes, err) assert_int_equal(find_in_file(bytes, sizeof bytes - 1, &why), err)

static void test_pins_as_editors_leave_them(void **state)
{
	(void)state;
	struct reason why;
	EXPECT_IN("\xef\xbb\xbf" OTHER_PIN, MMS_OK);
	EXPECT_IN("\xef\xbb\xbf# pins\r\n\r\nb:1060 " OTHER_KEY "\r\n", MMS_OK);
	EXPECT_IN("b:1060 " OTHER_KEY "\r", MMS_OK);
	EXPECT_IN(" \t b:1060 \t " OTHER_KEY " \t\n", MMS_OK);
	EXPECT_IN("  # indented\n   \nB:1060 " OTHER_KEY, MMS_OK);
	EXPECT_IN("b:01060 " OTHER_KEY "\n", MMS_OK);
	EXPECT_IN("", MMS_E_MISSING);
	EXPECT_IN("\xef\xbb\xbf", MMS_E_MISSING);
	EXPECT_IN("c:1060 " OTHER_KEY "\nb:1061 " OTHER_KEY "\n", MMS_E_MISSING);
}

// Nothing that may be a pin is passed over.
static void test_lines_that_cannot_be_read(void **state)
{
	(void)state;
	struct reason why;
	EXPECT_IN("\n\xef\xbb\xbf" OTHER_PIN, MMS_E_BAD);
	assert_non_null(strstr(why.text, "known_servers:2:"));
	EXPECT_IN("\xff\xfe" "b\0:\0" "1\0" "0\0" "6\0" "0\0 \0", MMS_E_BAD);
	EXPECT_IN("#\0 \0p\0\n\0" "b\0:\0" "1\0" "0\0", MMS_E_BAD);
	EXPECT_IN("b\0:1060 " OTHER_KEY "\n", MMS_E_BAD);
	EXPECT_IN("# pins\rb:1060 " OTHER_KEY "\r", MMS_E_BAD);
	EXPECT_IN("\xc2\xa0" "b:1060 " OTHER_KEY "\n", MMS_E_BAD);
	EXPECT_IN("b:1060 " OTHER_KEY "x\n", MMS_E_BAD);
	EXPECT_IN("b:1060 " OTHER_KEY " # comment\n", MMS_E_BAD);
	EXPECT_IN("b:1060#" OTHER_KEY " " OTHER_KEY "\n", MMS_E_BAD);
	EXPECT_IN("b:1060\n", MMS_E_BAD);
	EXPECT_IN("b:106x " OTHER_KEY "\n", MMS_E_BAD);
}

static void test_an_address_written_in_another_way(void **state)
{
	(void)state;
	const struct server_address written = {.host = "0:0:0:0:0:0:0:1", .port = 1060};
	const struct server_address wanted = {.host = "::1", .port = 1060};
	const uint8_t key[NOISE_KEY_BYTES] = {7};
	uint8_t found[NOISE_KEY_BYTES];
	struct scratch scratch;
	struct reason why;
	scratch_open(&scratch);
	assert_int_equal(pins_add(scratch.directory, &written, key, &why), MMS_OK);
	assert_int_equal(pins_find(scratch.directory, &wanted, found, &why), MMS_OK);
	assert_memory_equal(found, key, sizeof key);
	scratch_close(&scratch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_other_pins_are_kept),
		cmocka_unit_test(test_pins_behind_a_zero_byte_are_kept),
		cmocka_unit_test(test_pins_as_editors_leave_them),
		cmocka_unit_test(test_lines_that_cannot_be_read),
		cmocka_unit_test(test_an_address_written_in_another_way),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
