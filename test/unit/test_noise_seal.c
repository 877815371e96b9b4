// SPDX-License-Identifier: ISC
// crypto/noise, the transport cipher: where the counter stands in the nonce, sealing in place, tampering, the reserved
// counter.
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "crypto/crypto.h"
#include "crypto/hash.h"
#include "crypto/noise.h"

static void count_up(uint8_t bytes[NOISE_KEY_BYTES], uint8_t first)
{
	for (unsigned i = 0; i < NOISE_KEY_BYTES; i++)
		bytes[i] = (uint8_t)(first + i);
}

// The published vectors of the handshake only reach counter 0; this pins the counter's place and byte order. Computed with
// Python's cryptography.
static void seals_with_little_endian_counter(void **state)
{
	(void)state;
	uint8_t key[NOISE_KEY_BYTES];
	uint8_t sealed[2 + NOISE_TAG_BYTES];
	static const uint8_t expected[2 + NOISE_TAG_BYTES] = {
		0x9c, 0xd8, 0xdb, 0xb5, 0x12, 0xed, 0x5c, 0x0f, 0x28,
		0x56, 0x25, 0x55, 0xb5, 0xbf, 0xee, 0x04, 0x34, 0x8e,
	};
	count_up(key, 0x80);
	noise_seal(key, 0x0102030405060708, "ad", 2, "hi", 2, sealed);
	assert_memory_equal(sealed, expected, sizeof sealed);
}

static void seals_and_opens_in_place(void **state)
{
	(void)state;
	uint8_t key[NOISE_KEY_BYTES];
	uint8_t apart[300 + NOISE_TAG_BYTES];
	uint8_t buffer[300 + NOISE_TAG_BYTES] = {0};
	count_up(key, 0x80);
	for (size_t bytes = 0; bytes <= 300; bytes++) {
		memset(buffer, 'a', bytes);
		noise_seal(key, UINT64_MAX - 1, "header", 6, buffer, bytes, apart);
		noise_seal(key, UINT64_MAX - 1, "header", 6, buffer, bytes, buffer);
		assert_memory_equal(buffer, apart, bytes + NOISE_TAG_BYTES);
		assert_int_equal(noise_open(key, UINT64_MAX - 1, "header", 6, buffer, bytes + NOISE_TAG_BYTES, buffer),
				 MMS_OK);
		for (size_t i = 0; i < bytes; i++)
			assert_int_equal(buffer[i], 'a');
	}
}

static void open_refuses_tampering(void **state)
{
	(void)state;
	uint8_t key[NOISE_KEY_BYTES];
	uint8_t sealed[5 + NOISE_TAG_BYTES];
	uint8_t plain[sizeof sealed];
	count_up(key, 0x80);
	noise_seal(key, 7, "header", 6, "hello", 5, sealed);
	assert_int_equal(noise_open(key, 7, "header", 6, sealed, sizeof sealed, plain), MMS_OK);
	assert_memory_equal(plain, "hello", 5);
	for (unsigned bit = 0; bit < 8 * sizeof sealed; bit++) {
		sealed[bit / 8] ^= (uint8_t)(1U << bit % 8);
		assert_int_equal(noise_open(key, 7, "header", 6, sealed, sizeof sealed, plain), MMS_E_AUTH);
		sealed[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
	for (size_t bytes = 0; bytes < sizeof sealed; bytes++)
		assert_int_equal(noise_open(key, 7, "header", 6, sealed, bytes, plain), MMS_E_AUTH);
	assert_int_equal(noise_open(key, 8, "header", 6, sealed, sizeof sealed, plain), MMS_E_AUTH);
	assert_int_equal(noise_open(key, 7, "headex", 6, sealed, sizeof sealed, plain), MMS_E_AUTH);
	assert_int_equal(noise_open(key, 7, "header", 5, sealed, sizeof sealed, plain), MMS_E_AUTH);
	key[0] ^= 1;
	assert_int_equal(noise_open(key, 7, "header", 6, sealed, sizeof sealed, plain), MMS_E_AUTH);
}

// A counter that came round would repeat nonces: better no process than that.
static void reserved_counter_is_our_bug(void **state)
{
	(void)state;
	const pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		static const uint8_t key[NOISE_KEY_BYTES];
		uint8_t sealed[NOISE_TAG_BYTES];
		const struct rlimit no_core = {0, 0};
		if (setrlimit(RLIMIT_CORE, &no_core) == 0 && close(STDERR_FILENO) == 0)
			noise_seal(key, UINT64_MAX, NULL, 0, NULL, 0, sealed);
		_exit(0);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

static int set_up(void **state)
{
	(void)state;
	return crypto_init() == MMS_OK ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seals_with_little_endian_counter),
		cmocka_unit_test(seals_and_opens_in_place),
		cmocka_unit_test(open_refuses_tampering),
		cmocka_unit_test(reserved_counter_is_our_bug),
	};
	return cmocka_run_group_tests_name("noise_seal", tests, set_up, NULL);
}
