// SPDX-License-Identifier: ISC
// os/grow: a list keeps what it holds while it grows, moves seldom, and stays whole without memory.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "os/grow.h"

static void keeps_what_it_holds(void **state)
{
	(void)state;
	enum { COUNT = 100000 };
	uint32_t *list = NULL;
	size_t capacity = 0;
	size_t growths = 0;
	for (size_t i = 0; i < COUNT; i++) {
		const size_t before = capacity;
		uint32_t *larger = grow(list, &capacity, i, sizeof *larger);
		assert_non_null(larger);
		assert_true(capacity > i);
		growths += capacity != before;
		list = larger;
		list[i] = (uint32_t)i;
	}
	for (size_t i = 0; i < COUNT; i++)
		assert_int_equal(list[i], i);
	assert_true(growths <= 17); // doubling, from at least one
	free(list);
}

static void stays_whole_without_memory(void **state)
{
	(void)state;
	uint64_t one = 7;
	size_t capacity = SIZE_MAX / 8; // an array of it cannot double
	assert_null(grow(&one, &capacity, capacity, sizeof one));
	assert_int_equal(capacity, SIZE_MAX / 8);
	assert_ptr_equal(grow(&one, &capacity, capacity - 1, sizeof one), &one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_what_it_holds),
		cmocka_unit_test(stays_whole_without_memory),
	};
	return cmocka_run_group_tests_name("grow", tests, NULL, NULL);
}
