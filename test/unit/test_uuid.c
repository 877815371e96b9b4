// SPDX-License-Identifier: ISC
// base/uuid: the bits RFC 9562 fixes, the order by time, and the text form.
#include "proto_world.h"

#include "base/uuid.h"

static void example_of_the_rfc(void **state)
{
	(void)state;
	// RFC 9562 appendix A.6: 2022-02-22 14:22:22.00-05:00, rand_a 0xcc3, rand_b 0x18c4dc0c0c07398f.
	const uint8_t random[10] = {0x0c, 0xc3, 0x18, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f};
	char text[UUID_TEXT_BYTES];
	const struct uuid uuid = uuid_v7((struct wtime){0x017f22e279b0}, random);
	uuid_format(&uuid, text);
	assert_string_equal(text, "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
}

static void fixes_only_six_bits(void **state)
{
	(void)state;
	uint8_t random[10];
	memset(random, 0xff, sizeof random);
	char text[UUID_TEXT_BYTES];
	struct uuid uuid = uuid_v7((struct wtime){0}, random);
	uuid_format(&uuid, text);
	assert_string_equal(text, "00000000-0000-7fff-bfff-ffffffffffff");
	memset(random, 0, sizeof random);
	uuid = uuid_v7((struct wtime){0xffffffffffff}, random);
	uuid_format(&uuid, text);
	assert_string_equal(text, "ffffffff-ffff-7000-8000-000000000000");
}

static void later_is_greater(void **state)
{
	(void)state;
	const uint8_t most[10] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	const uint8_t least[10] = {0};
	for (int64_t ms = 255; ms < INT64_C(1) << 40; ms = ms * 2 + 1) {
		const struct uuid earlier = uuid_v7((struct wtime){ms}, most);
		const struct uuid later = uuid_v7((struct wtime){ms + 1}, least);
		assert_true(memcmp(earlier.bytes, later.bytes, ID_BYTES) < 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(example_of_the_rfc),
		cmocka_unit_test(fixes_only_six_bits),
		cmocka_unit_test(later_is_greater),
	};
	return cmocka_run_group_tests_name("uuid", tests, NULL, NULL);
}
