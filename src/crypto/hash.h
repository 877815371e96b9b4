// SPDX-License-Identifier: ISC
// Every use MMS makes of a hash, each with a name: fingerprints, digests, invites, cookies, table keys.
// Layer: crypto, pure. BLAKE2b is RFC 7693 (libsodium's generichash), SipHash-2-4 keys the tables.
#ifndef MMS_CRYPTO_HASH_H
#define MMS_CRYPTO_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/fingerprint.h"
#include "base/limits.h"
#include "base/message.h"
#include "crypto/noise.h"

enum {
	INVITE_CODE_BYTES = 16,      // 128 random bits
	INVITE_CODE_TEXT_BYTES = 23, // base64url without padding and a zero byte
	INVITE_PROOF_BYTES = 32,
	COOKIE_BYTES = 16,
	COOKIE_SECRET_BYTES = 32,
	TABLE_SECRET_BYTES = 16,
};

enum invite_side { INVITE_DEVICE = 1, INVITE_SERVER = 2 };

// The fingerprint of a public key: BLAKE2b-256 of its 32 bytes.
struct fingerprint hash_fingerprint(const uint8_t public_key[NOISE_KEY_BYTES]);

// BLAKE2b-256 of any bytes: names the Noise message of an INIT in the table of answers.
void hash_bytes_256(const void *data, size_t bytes, uint8_t hash[32]);

// What makes two submissions the same: BLAKE2b-128 of (kind, form, the bytes of `to` as it is written, `to` in lower case, the
// text). `to` names somebody.
void hash_message(uint8_t kind, uint8_t form, const struct message_to *to, const void *text, size_t text_bytes,
		  uint8_t digest[DIGEST_BYTES]);

// What stands in the users file for an invite: BLAKE2b-256 of the code's text as typed.
void hash_invite_code(const void *code, size_t code_bytes, uint8_t hash[INVITE_HASH_BYTES]);

// The proof that a side knows an invite: BLAKE2b-256 keyed with its hash over the handshake hash and the word "device"
// or "server" (doc/protocol.md section 6.3).
void hash_invite_proof(const uint8_t invite_hash[INVITE_HASH_BYTES], const uint8_t handshake_hash[NOISE_HASH_BYTES],
		       enum invite_side side, uint8_t proof[INVITE_PROOF_BYTES]);

// The cookie of a peer's address: BLAKE2b-128 keyed with `secret` over (family, IP, port); doc/protocol.md section 4.5.
void hash_cookie(const uint8_t secret[COOKIE_SECRET_BYTES], const struct addr *addr, uint8_t cookie[COOKIE_BYTES]);

// A table key that a peer who does not know `secret` cannot steer: SipHash-2-4.
uint64_t hash_table_key(const uint8_t secret[TABLE_SECRET_BYTES], const void *data, size_t bytes);

#endif
