// SPDX-License-Identifier: ISC
// Noise_IK_25519_ChaChaPoly_BLAKE2b (Noise specification, revision 34), as doc/protocol.md section 4 uses it.
// Layer: crypto, pure: the caller owns every struct and passes the ephemeral secret in. No allocation.
// On any error the handshake struct is unchanged, unless said otherwise, and the output bytes hold nothing of use.
// Outputs never overlap inputs, unless said otherwise. Calls out of order are our bug and asserted.
#ifndef MMS_CRYPTO_NOISE_H
#define MMS_CRYPTO_NOISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
	NOISE_KEY_BYTES = 32,  // DHLEN and the cipher key
	NOISE_HASH_BYTES = 64, // HASHLEN of BLAKE2b
	NOISE_TAG_BYTES = 16,
	NOISE_IK_1_BYTES = 32 + 48 + 16, // first message without its payload: e, encrypted s, payload's tag
	NOISE_IK_2_BYTES = 32 + 16,      // second message without its payload: e, payload's tag
};

struct keypair {
	uint8_t public_key[NOISE_KEY_BYTES];
	uint8_t static_secret[NOISE_KEY_BYTES];
};

// The two transport keys after Split(), from the point of view of the side that holds the struct.
struct noise_keys {
	uint8_t send_key[NOISE_KEY_BYTES];
	uint8_t recv_key[NOISE_KEY_BYTES];
};

// One IK handshake in progress. Fields carry the specification's names.
struct noise_ik {
	uint8_t ck_secret[NOISE_HASH_BYTES]; // ck
	uint8_t h[NOISE_HASH_BYTES];
	uint8_t k_secret[NOISE_KEY_BYTES]; // cipher key
	uint64_t n;                        // nonce of the next EncryptAndHash
	struct keypair s;                  // our static pair
	struct keypair e;                  // our ephemeral pair
	uint8_t rs[NOISE_KEY_BYTES];       // their static key
	uint8_t re[NOISE_KEY_BYTES];       // their ephemeral key
	bool is_initiator;
};

// Derives the public key of `secret` into `*keypair`. `secret` is 32 random bytes.
void keypair_derive(struct keypair *keypair, const uint8_t secret[NOISE_KEY_BYTES]);

// Wipes the secret half and the public half.
void keypair_clear(struct keypair *keypair);

// Starts a handshake as initiator: Initialize() with our static pair and the responder's static key, known before.
void noise_ik_init_initiator(struct noise_ik *noise, const void *prologue, size_t prologue_bytes,
			     const struct keypair *s, const uint8_t rs[NOISE_KEY_BYTES]);

// Starts a handshake as responder.
void noise_ik_init_responder(struct noise_ik *noise, const void *prologue, size_t prologue_bytes,
			     const struct keypair *s);

// -> e, es, s, ss, payload. Writes NOISE_IK_1_BYTES + payload_bytes bytes to `message`.
// MMS_E_AUTH: a Diffie-Hellman result is all zero (the responder's key is of low order).
enum mms_err noise_ik_create_1(struct noise_ik *noise, const uint8_t ephemeral_secret[NOISE_KEY_BYTES],
			       const void *payload, size_t payload_bytes, uint8_t *message) MUST_CHECK;

// The responder's side of the first message; afterwards noise->rs is the initiator's static key. Writes
// message_bytes - NOISE_IK_1_BYTES bytes to `payload`. MMS_E_BAD: too short. MMS_E_AUTH: does not verify, or low order.
enum mms_err noise_ik_consume_1(struct noise_ik *noise, const uint8_t *message, size_t message_bytes,
				void *payload) MUST_CHECK;

// <- e, ee, se, payload. Writes NOISE_IK_2_BYTES + payload_bytes bytes to `message`. MMS_E_AUTH: low order.
enum mms_err noise_ik_create_2(struct noise_ik *noise, const uint8_t ephemeral_secret[NOISE_KEY_BYTES],
			       const void *payload, size_t payload_bytes, uint8_t *message) MUST_CHECK;

// The initiator's side of the second message. Writes message_bytes - NOISE_IK_2_BYTES bytes to `payload`.
// MMS_E_BAD: too short. MMS_E_AUTH: does not verify; the handshake may be tried with another message.
enum mms_err noise_ik_consume_2(struct noise_ik *noise, const uint8_t *message, size_t message_bytes,
				void *payload) MUST_CHECK;

// Split(): the transport keys, after the second message. noise->h is then the handshake hash (section 11.2 of the
// specification, channel binding).
void noise_ik_split(const struct noise_ik *noise, struct noise_keys *keys);

// Wipes everything. A cleared or zeroed struct is accepted.
void noise_ik_clear(struct noise_ik *noise);

// Wipes both keys.
void noise_keys_clear(struct noise_keys *keys);

// Seals `plain_bytes` bytes with the 64-bit counter as nonce (section 12.3: 4 zero bytes, then the counter little-endian)
// into plain_bytes + NOISE_TAG_BYTES bytes at `sealed`. `sealed` may be `plain` itself. UINT64_MAX is reserved: asserted.
void noise_seal(const uint8_t key[NOISE_KEY_BYTES], uint64_t counter, const void *ad, size_t ad_bytes,
		const void *plain, size_t plain_bytes, uint8_t *sealed);

// Opens what noise_seal made into sealed_bytes - NOISE_TAG_BYTES bytes at `plain`; `plain` may be `sealed` itself.
// MMS_E_AUTH: it does not verify (or is shorter than a tag); `plain` then holds nothing of use.
enum mms_err noise_open(const uint8_t key[NOISE_KEY_BYTES], uint64_t counter, const void *ad, size_t ad_bytes,
			const uint8_t *sealed, size_t sealed_bytes, void *plain) MUST_CHECK;

#endif
