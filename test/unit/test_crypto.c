// SPDX-License-Identifier: ISC
// crypto/crypto: secrets are compared whole, and wiped.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/crypto.h"

static void compares_and_wipes(void **state)
{
	(void)state;
	static const uint8_t zeros[16];
	uint8_t a[16];
	uint8_t b[16];
	for (uint8_t i = 0; i < sizeof a; i++)
		a[i] = b[i] = (uint8_t)(i + 1);
	assert_true(crypto_is_equal(a, b, sizeof a));
	for (size_t i = 0; i < sizeof a; i++) {
		b[i] ^= 0x80;
		assert_false(crypto_is_equal(a, b, sizeof a));
		b[i] ^= 0x80;
	}
	crypto_wipe(a, sizeof a - 1);
	assert_memory_equal(a, zeros, sizeof a - 1);
	assert_int_equal(a[15], 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compares_and_wipes),
	};
	return crypto_init() == MMS_OK ? cmocka_run_group_tests_name("crypto", tests, NULL, NULL) : 1;
}
