// SPDX-License-Identifier: ISC
// The Noise IK handshake and its transport cipher; the contract is in noise.h.
//
// IK:
//   <- s
//   ...
//   -> e, es, s, ss
//   <- e, ee, se
//
// Functions and step labels carry the names of the Noise specification, revision 34; sections cited are its own.
#include "crypto/noise.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "base/bytes.h"

enum {
	BLOCK_BYTES = 128, // BLOCKLEN of BLAKE2b, section 12.8
	SEALED_KEY_BYTES = NOISE_KEY_BYTES + NOISE_TAG_BYTES,
	NONCE_BYTES = 12,
};

_Static_assert(crypto_scalarmult_BYTES == NOISE_KEY_BYTES, "DHLEN");
_Static_assert(crypto_scalarmult_SCALARBYTES == NOISE_KEY_BYTES, "secret key");
_Static_assert(crypto_generichash_BYTES_MAX == NOISE_HASH_BYTES, "HASHLEN");
_Static_assert(crypto_aead_chacha20poly1305_ietf_KEYBYTES == NOISE_KEY_BYTES, "cipher key");
_Static_assert(crypto_aead_chacha20poly1305_ietf_ABYTES == NOISE_TAG_BYTES, "tag");
_Static_assert(crypto_aead_chacha20poly1305_ietf_NPUBBYTES == NONCE_BYTES, "nonce");
_Static_assert(NOISE_IK_1_BYTES == NOISE_KEY_BYTES + SEALED_KEY_BYTES + NOISE_TAG_BYTES, "first message");
_Static_assert(NOISE_IK_2_BYTES == NOISE_KEY_BYTES + NOISE_TAG_BYTES, "second message");

// HASH(first || second).
static void hash_pair(const void *first, size_t first_bytes, const void *second, size_t second_bytes,
		      uint8_t hash[NOISE_HASH_BYTES])
{
	crypto_generichash_state state;
	int rc = crypto_generichash_init(&state, NULL, 0, NOISE_HASH_BYTES);
	rc |= crypto_generichash_update(&state, first, first_bytes);
	rc |= crypto_generichash_update(&state, second, second_bytes);
	rc |= crypto_generichash_final(&state, hash, NOISE_HASH_BYTES);
	assert(rc == 0);
	sodium_memzero(&state, sizeof state);
}

// HMAC-HASH(key, data), section 4.3. Spelled out because BLAKE2b's own keyed mode is another function.
static void hmac_hash(const uint8_t key[NOISE_HASH_BYTES], const void *data, size_t bytes,
		      uint8_t mac[NOISE_HASH_BYTES])
{
	uint8_t inner_secret[BLOCK_BYTES];
	uint8_t outer_secret[BLOCK_BYTES];
	uint8_t inner_hash[NOISE_HASH_BYTES];
	memset(inner_secret, 0x36, sizeof inner_secret);
	memset(outer_secret, 0x5c, sizeof outer_secret);
	for (size_t i = 0; i < NOISE_HASH_BYTES; i++) {
		inner_secret[i] ^= key[i];
		outer_secret[i] ^= key[i];
	}
	hash_pair(inner_secret, sizeof inner_secret, data, bytes, inner_hash);
	hash_pair(outer_secret, sizeof outer_secret, inner_hash, sizeof inner_hash, mac);
	sodium_memzero(inner_secret, sizeof inner_secret);
	sodium_memzero(outer_secret, sizeof outer_secret);
	sodium_memzero(inner_hash, sizeof inner_hash);
}

// HKDF(ck, input, 2), section 4.3.
static void hkdf(const uint8_t ck_secret[NOISE_HASH_BYTES], const void *input, size_t bytes,
		 uint8_t output_1[NOISE_HASH_BYTES], uint8_t output_2[NOISE_HASH_BYTES])
{
	uint8_t temp_secret[NOISE_HASH_BYTES];
	uint8_t block_secret[NOISE_HASH_BYTES + 1];
	hmac_hash(ck_secret, input, bytes, temp_secret);
	hmac_hash(temp_secret, "\x01", 1, output_1);
	memcpy(block_secret, output_1, NOISE_HASH_BYTES);
	block_secret[NOISE_HASH_BYTES] = 2;
	hmac_hash(temp_secret, block_secret, sizeof block_secret, output_2);
	sodium_memzero(temp_secret, sizeof temp_secret);
	sodium_memzero(block_secret, sizeof block_secret);
}

static void mix_hash(struct noise_ik *noise, const void *data, size_t bytes)
{
	hash_pair(noise->h, sizeof noise->h, data, bytes, noise->h);
}

// MixKey(DH(ours, theirs)).
static enum mms_err MUST_CHECK mix_dh(struct noise_ik *noise, const struct keypair *ours,
				      const uint8_t theirs[NOISE_KEY_BYTES])
{
	uint8_t dh_secret[NOISE_KEY_BYTES] = {0};
	uint8_t ck_secret[NOISE_HASH_BYTES] = {0};
	uint8_t k_secret[NOISE_HASH_BYTES] = {0};
	enum mms_err err = MMS_E_AUTH;
	// Refuses an all-zero result: such a secret would be known to everyone.
	if (crypto_scalarmult(dh_secret, ours->static_secret, theirs) != 0)
		goto out;
	hkdf(noise->ck_secret, dh_secret, sizeof dh_secret, ck_secret, k_secret);
	memcpy(noise->ck_secret, ck_secret, sizeof noise->ck_secret);
	memcpy(noise->k_secret, k_secret, sizeof noise->k_secret); // truncated, section 5.2
	noise->n = 0;
	err = MMS_OK;
out:
	sodium_memzero(dh_secret, sizeof dh_secret);
	sodium_memzero(ck_secret, sizeof ck_secret);
	sodium_memzero(k_secret, sizeof k_secret);
	return err;
}

static void encrypt_and_hash(struct noise_ik *noise, const void *plain, size_t plain_bytes, uint8_t *sealed)
{
	noise_seal(noise->k_secret, noise->n, noise->h, sizeof noise->h, plain, plain_bytes, sealed);
	noise->n++;
	mix_hash(noise, sealed, plain_bytes + NOISE_TAG_BYTES);
}

static enum mms_err MUST_CHECK decrypt_and_hash(struct noise_ik *noise, const uint8_t *sealed, size_t sealed_bytes,
						void *plain)
{
	const enum mms_err err =
		noise_open(noise->k_secret, noise->n, noise->h, sizeof noise->h, sealed, sealed_bytes, plain);
	if (err != MMS_OK)
		return err;
	noise->n++;
	mix_hash(noise, sealed, sealed_bytes);
	return MMS_OK;
}

static bool is_set(const uint8_t key[NOISE_KEY_BYTES])
{
	return sodium_is_zero(key, NOISE_KEY_BYTES) == 0;
}

void keypair_derive(struct keypair *keypair, const uint8_t secret[NOISE_KEY_BYTES])
{
	memcpy(keypair->static_secret, secret, NOISE_KEY_BYTES);
	const int rc = crypto_scalarmult_base(keypair->public_key, keypair->static_secret);
	assert(rc == 0);
}

void keypair_clear(struct keypair *keypair)
{
	sodium_memzero(keypair, sizeof *keypair);
}

// Initialize(): the protocol's name, the prologue, and the pre-message "<- s".
static void initialize(struct noise_ik *noise, const void *prologue, size_t prologue_bytes, const struct keypair *s,
		       const uint8_t responder_key[NOISE_KEY_BYTES])
{
	static const char protocol_name[] = "Noise_IK_25519_ChaChaPoly_BLAKE2b";
	_Static_assert(sizeof protocol_name - 1 <= NOISE_HASH_BYTES, "else h starts as the hash of the name");
	assert(is_set(s->public_key));
	*noise = (struct noise_ik){.s = *s};
	memcpy(noise->h, protocol_name, sizeof protocol_name - 1);
	memcpy(noise->ck_secret, noise->h, sizeof noise->ck_secret);
	mix_hash(noise, prologue, prologue_bytes);
	mix_hash(noise, responder_key, NOISE_KEY_BYTES);
}

void noise_ik_init_initiator(struct noise_ik *noise, const void *prologue, size_t prologue_bytes,
			     const struct keypair *s, const uint8_t rs[NOISE_KEY_BYTES])
{
	initialize(noise, prologue, prologue_bytes, s, rs);
	memcpy(noise->rs, rs, NOISE_KEY_BYTES);
	noise->is_initiator = true;
}

void noise_ik_init_responder(struct noise_ik *noise, const void *prologue, size_t prologue_bytes,
			     const struct keypair *s)
{
	initialize(noise, prologue, prologue_bytes, s, s->public_key);
}

enum mms_err noise_ik_create_1(struct noise_ik *noise, const uint8_t ephemeral_secret[NOISE_KEY_BYTES],
			       const void *payload, size_t payload_bytes, uint8_t *message)
{
	struct noise_ik work = *noise;
	enum mms_err err;
	assert(noise->is_initiator);
	assert(!is_set(noise->e.public_key));
	// e
	keypair_derive(&work.e, ephemeral_secret);
	memcpy(message, work.e.public_key, NOISE_KEY_BYTES);
	mix_hash(&work, work.e.public_key, NOISE_KEY_BYTES);
	// es
	err = mix_dh(&work, &work.e, work.rs);
	if (err != MMS_OK)
		goto out;
	// s
	encrypt_and_hash(&work, work.s.public_key, NOISE_KEY_BYTES, message + NOISE_KEY_BYTES);
	// ss
	err = mix_dh(&work, &work.s, work.rs);
	if (err != MMS_OK)
		goto out;
	// payload
	encrypt_and_hash(&work, payload, payload_bytes, message + NOISE_KEY_BYTES + SEALED_KEY_BYTES);
	*noise = work;
out:
	noise_ik_clear(&work);
	return err;
}

enum mms_err noise_ik_consume_1(struct noise_ik *noise, const uint8_t *message, size_t message_bytes, void *payload)
{
	struct noise_ik work = *noise;
	struct reader reader = reader_of(message, message_bytes);
	const uint8_t *sealed_s;
	enum mms_err err = MMS_E_BAD;
	assert(!noise->is_initiator);
	assert(!is_set(noise->re));
	if (!read_bytes(&reader, work.re, NOISE_KEY_BYTES) || !read_span(&reader, &sealed_s, SEALED_KEY_BYTES) ||
	    reader.left_bytes < NOISE_TAG_BYTES)
		goto out;
	// e
	mix_hash(&work, work.re, NOISE_KEY_BYTES);
	// es
	err = mix_dh(&work, &work.s, work.re);
	if (err != MMS_OK)
		goto out;
	// s
	err = decrypt_and_hash(&work, sealed_s, SEALED_KEY_BYTES, work.rs);
	if (err != MMS_OK)
		goto out;
	// ss
	err = mix_dh(&work, &work.s, work.rs);
	if (err != MMS_OK)
		goto out;
	// payload
	err = decrypt_and_hash(&work, reader.at, reader.left_bytes, payload);
	if (err != MMS_OK)
		goto out;
	*noise = work;
out:
	noise_ik_clear(&work);
	return err;
}

enum mms_err noise_ik_create_2(struct noise_ik *noise, const uint8_t ephemeral_secret[NOISE_KEY_BYTES],
			       const void *payload, size_t payload_bytes, uint8_t *message)
{
	struct noise_ik work = *noise;
	enum mms_err err;
	assert(!noise->is_initiator);
	assert(is_set(noise->re));
	assert(!is_set(noise->e.public_key));
	// e
	keypair_derive(&work.e, ephemeral_secret);
	memcpy(message, work.e.public_key, NOISE_KEY_BYTES);
	mix_hash(&work, work.e.public_key, NOISE_KEY_BYTES);
	// ee
	err = mix_dh(&work, &work.e, work.re);
	if (err != MMS_OK)
		goto out;
	// se
	err = mix_dh(&work, &work.e, work.rs);
	if (err != MMS_OK)
		goto out;
	// payload
	encrypt_and_hash(&work, payload, payload_bytes, message + NOISE_KEY_BYTES);
	*noise = work;
out:
	noise_ik_clear(&work);
	return err;
}

enum mms_err noise_ik_consume_2(struct noise_ik *noise, const uint8_t *message, size_t message_bytes, void *payload)
{
	struct noise_ik work = *noise;
	struct reader reader = reader_of(message, message_bytes);
	enum mms_err err = MMS_E_BAD;
	assert(noise->is_initiator);
	assert(is_set(noise->e.public_key));
	assert(!is_set(noise->re));
	if (!read_bytes(&reader, work.re, NOISE_KEY_BYTES) || reader.left_bytes < NOISE_TAG_BYTES)
		goto out;
	// e
	mix_hash(&work, work.re, NOISE_KEY_BYTES);
	// ee
	err = mix_dh(&work, &work.e, work.re);
	if (err != MMS_OK)
		goto out;
	// se
	err = mix_dh(&work, &work.s, work.re);
	if (err != MMS_OK)
		goto out;
	// payload
	err = decrypt_and_hash(&work, reader.at, reader.left_bytes, payload);
	if (err != MMS_OK)
		goto out;
	*noise = work;
out:
	noise_ik_clear(&work);
	return err;
}

void noise_ik_split(const struct noise_ik *noise, struct noise_keys *keys)
{
	uint8_t temp_secret_1[NOISE_HASH_BYTES];
	uint8_t temp_secret_2[NOISE_HASH_BYTES];
	assert(is_set(noise->e.public_key));
	assert(is_set(noise->re));
	hkdf(noise->ck_secret, NULL, 0, temp_secret_1, temp_secret_2);
	// The first key carries what the initiator sends; both truncated, section 5.2.
	memcpy(noise->is_initiator ? keys->send_key : keys->recv_key, temp_secret_1, NOISE_KEY_BYTES);
	memcpy(noise->is_initiator ? keys->recv_key : keys->send_key, temp_secret_2, NOISE_KEY_BYTES);
	sodium_memzero(temp_secret_1, sizeof temp_secret_1);
	sodium_memzero(temp_secret_2, sizeof temp_secret_2);
}

void noise_ik_clear(struct noise_ik *noise)
{
	sodium_memzero(noise, sizeof *noise);
}

void noise_keys_clear(struct noise_keys *keys)
{
	sodium_memzero(keys, sizeof *keys);
}

// Section 12.3. The counter 2^64 - 1 is reserved (section 5.1); no session lives to reach it.
static void nonce_of(uint64_t counter, uint8_t nonce[NONCE_BYTES])
{
	assert(counter != UINT64_MAX);
	memset(nonce, 0, 4);
	for (int i = 0; i < 8; i++)
		nonce[4 + i] = (uint8_t)(counter >> 8 * i);
}

void noise_seal(const uint8_t key[NOISE_KEY_BYTES], uint64_t counter, const void *ad, size_t ad_bytes,
		const void *plain, size_t plain_bytes, uint8_t *sealed)
{
	uint8_t nonce[NONCE_BYTES];
	nonce_of(counter, nonce);
	const int rc = crypto_aead_chacha20poly1305_ietf_encrypt(sealed, NULL, plain, plain_bytes, ad, ad_bytes, NULL,
								 nonce, key);
	assert(rc == 0);
}

enum mms_err noise_open(const uint8_t key[NOISE_KEY_BYTES], uint64_t counter, const void *ad, size_t ad_bytes,
			const uint8_t *sealed, size_t sealed_bytes, void *plain)
{
	uint8_t nonce[NONCE_BYTES];
	nonce_of(counter, nonce);
	const int rc = crypto_aead_chacha20poly1305_ietf_decrypt(plain, NULL, NULL, sealed, sealed_bytes, ad, ad_bytes,
								 nonce, key);
	return rc == 0 ? MMS_OK : MMS_E_AUTH;
}
