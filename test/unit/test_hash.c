// SPDX-License-Identifier: ISC
// crypto/hash: known answers for every named hash, computed with Python's hashlib, and SipHash's from its paper; what
// must differ does.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/crypto.h"
#include "crypto/hash.h"

static void count_up(uint8_t *bytes, size_t count, uint8_t first)
{
	for (size_t i = 0; i < count; i++)
		bytes[i] = (uint8_t)(first + i);
}

static void assert_hex(const uint8_t *bytes, size_t count, const char *expected)
{
	char hex[2 * 64 + 1] = "";
	assert_true(count <= 64);
	for (size_t i = 0; i < count; i++)
		snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
	assert_string_equal(hex, expected);
}

static struct name name_of(const char *text)
{
	struct name name;
	assert_true(name_parse(&name, text, strlen(text)));
	return name;
}

static void hashes_known_bytes(void **state)
{
	(void)state;
	uint8_t hash[32];
	hash_bytes_256("abc", 3, hash);
	assert_hex(hash, sizeof hash, "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
	hash_bytes_256(NULL, 0, hash);
	assert_hex(hash, sizeof hash, "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");

	uint8_t key[NOISE_KEY_BYTES];
	count_up(key, sizeof key, 0);
	const struct fingerprint fingerprint = hash_fingerprint(key);
	assert_hex(fingerprint.bytes, sizeof fingerprint.bytes,
		   "cb2f5160fc1f7e05a55ef49d340b48da2e5a78099d53393351cd579dd42503d6");
}

static void hashes_known_table_key(void **state)
{
	(void)state;
	uint8_t secret[TABLE_SECRET_BYTES];
	uint8_t data[15];
	count_up(secret, sizeof secret, 0);
	count_up(data, sizeof data, 0);
	// The worked example of the SipHash paper, appendix A.
	assert_true(hash_table_key(secret, data, sizeof data) == 0xa129ca6149be45e5);
	secret[15] ^= 1;
	assert_true(hash_table_key(secret, data, sizeof data) != 0xa129ca6149be45e5);
}

static void message_digest_covers_all_and_folds_recipient_only(void **state)
{
	(void)state;
	const struct message_to fred = {name_of("fred"), false};
	const struct message_to fred_capital = {name_of("FRED"), false};
	uint8_t digest[DIGEST_BYTES];
	uint8_t other[DIGEST_BYTES];
	hash_message(1, 1, &fred, "hello", 5, digest);
	assert_hex(digest, sizeof digest, "96655eb31e0defb2e17ed1a92275e091");
	hash_message(1, 1, &fred_capital, "hello", 5, other);
	assert_memory_equal(digest, other, sizeof digest);
	const struct {
		uint8_t kind;
		uint8_t form;
		struct message_to to;
		const char *text;
	} others[] = {
		{1, 1, {name_of("fred"), false}, "Hello"},
		{6, 1, {name_of("fred"), false}, "hello"},
		{1, 2, {name_of("fred"), false}, "hello"},
		{1, 1, {name_of("fred"), true}, "hello"},
		{1, 1, {name_of("fre"), false}, "dhello"}, // the same letters in a row
	};
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		hash_message(others[i].kind, others[i].form, &others[i].to, others[i].text, strlen(others[i].text), other);
		assert_memory_not_equal(digest, other, sizeof digest);
	}
}

static void proves_invites(void **state)
{
	(void)state;
	uint8_t hash[INVITE_HASH_BYTES];
	uint8_t handshake_hash[NOISE_HASH_BYTES];
	uint8_t proof[INVITE_PROOF_BYTES];
	hash_invite_code("AAECAwQFBgcICQoLDA0ODw", 22, hash);
	assert_hex(hash, sizeof hash, "b9c1d823991301281e4ba066c54dbb2ccfcdb749be7f789d61440627a1f3a482");
	count_up(hash, sizeof hash, 0);
	count_up(handshake_hash, sizeof handshake_hash, 64);
	hash_invite_proof(hash, handshake_hash, INVITE_DEVICE, proof);
	assert_hex(proof, sizeof proof, "7f9636cbff3cbe80a3abbbf9fa11c2314fd4244054e47d7ab246cf5bec26ba67");
	hash_invite_proof(hash, handshake_hash, INVITE_SERVER, proof);
	assert_hex(proof, sizeof proof, "9d22c6fc55883d85bbe9c3944526b89b8407e7e9aefff42ce4f3eed813b166f4");
}

static void cookie_binds_address_and_port(void **state)
{
	(void)state;
	uint8_t secret[COOKIE_SECRET_BYTES];
	uint8_t cookie[COOKIE_BYTES];
	uint8_t other[COOKIE_BYTES];
	const struct addr ipv4 = {.ip = {192, 0, 2, 1}, .port = 1060, .family = ADDR_IPV4};
	const struct addr ipv6 = {
		.ip = {0x20, 0x01, 0x0d, 0xb8, [15] = 1},
		.port = 1060,
		.family = ADDR_IPV6,
	};
	count_up(secret, sizeof secret, 32);
	hash_cookie(secret, &ipv6, cookie);
	assert_hex(cookie, sizeof cookie, "392b2ad4fb45f8ec091a667e3388ba89");
	hash_cookie(secret, &ipv4, cookie);
	assert_hex(cookie, sizeof cookie, "a19670c8921ba7a4c8882c26c52bbc4a");

	struct addr changed = ipv4;
	changed.port = 1061;
	hash_cookie(secret, &changed, other);
	assert_memory_not_equal(cookie, other, sizeof cookie);
	changed = ipv4;
	changed.ip[3] = 2;
	hash_cookie(secret, &changed, other);
	assert_memory_not_equal(cookie, other, sizeof cookie);
	changed = ipv4;
	changed.family = ADDR_IPV6;
	hash_cookie(secret, &changed, other);
	assert_memory_not_equal(cookie, other, sizeof cookie);

	changed = ipv4; // where a datagram reached us is no part of who sent it
	changed.local_ip[0] = 10;
	changed.socket = 1;
	hash_cookie(secret, &changed, other);
	assert_memory_equal(cookie, other, sizeof cookie);
	secret[0] ^= 1;
	hash_cookie(secret, &ipv4, other);
	assert_memory_not_equal(cookie, other, sizeof cookie);
}

static int set_up(void **state)
{
	(void)state;
	return crypto_init() == MMS_OK ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hashes_known_bytes),
		cmocka_unit_test(hashes_known_table_key),
		cmocka_unit_test(message_digest_covers_all_and_folds_recipient_only),
		cmocka_unit_test(proves_invites),
		cmocka_unit_test(cookie_binds_address_and_port),
	};
	return cmocka_run_group_tests_name("hash", tests, set_up, NULL);
}
