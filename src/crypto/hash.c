// SPDX-License-Identifier: ISC
// The named hashes; the contract is in hash.h.
#include "crypto/hash.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "base/bytes.h"

_Static_assert(COOKIE_BYTES >= crypto_generichash_BYTES_MIN, "cookie");
_Static_assert(DIGEST_BYTES >= crypto_generichash_BYTES_MIN, "digest");
_Static_assert(COOKIE_SECRET_BYTES <= crypto_generichash_KEYBYTES_MAX, "cookie secret");
_Static_assert(INVITE_HASH_BYTES <= crypto_generichash_KEYBYTES_MAX, "the invite's hash is a key");
_Static_assert(TABLE_SECRET_BYTES == crypto_shorthash_KEYBYTES, "SipHash key");
_Static_assert(crypto_shorthash_BYTES == 8, "SipHash result");

// BLAKE2b of `hash_bytes` bytes, keyed unless `key` is NULL.
static void blake2b(const uint8_t *key, size_t key_bytes, const void *data, size_t bytes, uint8_t *hash,
		    size_t hash_bytes)
{
	const int rc = crypto_generichash(hash, hash_bytes, data, bytes, key, key_bytes);
	assert(rc == 0);
}

struct fingerprint hash_fingerprint(const uint8_t public_key[NOISE_KEY_BYTES])
{
	struct fingerprint fingerprint;
	blake2b(NULL, 0, public_key, NOISE_KEY_BYTES, fingerprint.bytes, sizeof fingerprint.bytes);
	return fingerprint;
}

void hash_bytes_256(const void *data, size_t bytes, uint8_t hash[32])
{
	blake2b(NULL, 0, data, bytes, hash, 32);
}

void hash_message(uint8_t kind, uint8_t form, const struct message_to *to, const void *text, size_t text_bytes,
		  uint8_t digest[DIGEST_BYTES])
{
	const struct message_to folded = {name_fold(&to->name), to->is_room};
	// The length keeps (name, text) apart from a longer name with a shorter text.
	uint8_t head[3 + MESSAGE_TO_BYTES_MAX] = {kind, form};
	const size_t to_bytes = message_to_write(&folded, head + 3);
	crypto_generichash_state state;
	assert(name_bytes(&folded.name) > 0);
	head[2] = (uint8_t)to_bytes;
	int rc = crypto_generichash_init(&state, NULL, 0, DIGEST_BYTES);
	rc |= crypto_generichash_update(&state, head, 3 + to_bytes);
	rc |= crypto_generichash_update(&state, text, text_bytes);
	rc |= crypto_generichash_final(&state, digest, DIGEST_BYTES);
	assert(rc == 0);
}

void hash_invite_code(const void *code, size_t code_bytes, uint8_t hash[INVITE_HASH_BYTES])
{
	blake2b(NULL, 0, code, code_bytes, hash, INVITE_HASH_BYTES);
}

void hash_invite_proof(const uint8_t invite_hash[INVITE_HASH_BYTES], const uint8_t handshake_hash[NOISE_HASH_BYTES],
		       enum invite_side side, uint8_t proof[INVITE_PROOF_BYTES])
{
	enum { SIDE_BYTES = 6 }; // the letters of both words
	uint8_t input[NOISE_HASH_BYTES + SIDE_BYTES];
	assert(side == INVITE_DEVICE || side == INVITE_SERVER);
	memcpy(input, handshake_hash, NOISE_HASH_BYTES);
	memcpy(input + NOISE_HASH_BYTES, side == INVITE_DEVICE ? "device" : "server", SIDE_BYTES);
	blake2b(invite_hash, INVITE_HASH_BYTES, input, sizeof input, proof, INVITE_PROOF_BYTES);
}

void hash_cookie(const uint8_t secret[COOKIE_SECRET_BYTES], const struct addr *addr, uint8_t cookie[COOKIE_BYTES])
{
	uint8_t input[1 + ADDR_IP_BYTES + 2];
	struct writer writer = writer_of(input, sizeof input);
	assert(addr->family == ADDR_IPV4 || addr->family == ADDR_IPV6);
	const bool is_written = write_u8(&writer, addr->family) && write_bytes(&writer, addr->ip, sizeof addr->ip) &&
				write_u16(&writer, addr->port);
	assert(is_written);
	assert(writer_room(&writer) == 0);
	blake2b(secret, COOKIE_SECRET_BYTES, input, sizeof input, cookie, COOKIE_BYTES);
}

uint64_t hash_table_key(const uint8_t secret[TABLE_SECRET_BYTES], const void *data, size_t bytes)
{
	uint8_t hash[crypto_shorthash_BYTES];
	uint64_t key = 0;
	const int rc = crypto_shorthash(hash, data, bytes, secret);
	assert(rc == 0);
	// SipHash's result is little-endian; the same number on every machine keeps replays from a seed alike.
	for (int i = 0; i < 8; i++)
		key |= (uint64_t)hash[i] << 8 * i;
	return key;
}
