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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_other_pins_are_kept),
		cmocka_unit_test(test_pins_behind_a_zero_byte_are_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
