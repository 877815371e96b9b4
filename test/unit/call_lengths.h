// SPDX-License-Identifier: ISC
// Bodies of calls, cut short and made longer, for the tests of all codecs.
#ifndef MMS_TEST_CALL_LENGTHS_H
#define MMS_TEST_CALL_LENGTHS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"

// Each length but the right one is refused; the body lies in memory of exactly its size, for the address checker.
static void check_lengths(enum mms_err (*decode)(const uint8_t *, size_t), const uint8_t *body, size_t bytes,
			  bool has_rest, size_t bytes_min)
{
	for (size_t cut = 0; cut <= bytes + 1; cut++) {
		uint8_t *copy = malloc(cut + 1);
		uint8_t *at = copy + 1; // so that a step beyond the end leaves the block
		assert_non_null(copy);
		memcpy(at, body, cut < bytes ? cut : bytes);
		if (cut > bytes)
			at[bytes] = 'x';
		const bool is_good = cut == bytes || (has_rest && cut >= bytes_min);
		if ((decode(at, cut) == MMS_OK) != is_good)
			fail_msg("%zu of %zu bytes: %s", cut, bytes, is_good ? "refused" : "taken");
		free(copy);
	}
}

#endif
