// SPDX-License-Identifier: ISC
// What a device and an invite are known by, as values: how they are made is crypto/hash.h's. Layer: base, no code.
#ifndef MMS_BASE_FINGERPRINT_H
#define MMS_BASE_FINGERPRINT_H

#include <stdint.h>

enum {
	FINGERPRINT_BYTES = 32,
	FINGERPRINT_TEXT_BYTES = 44, // 43 letters of base64url without padding and a zero byte
	INVITE_HASH_BYTES = 32,
};

// The hash of a device's public key.
struct fingerprint {
	uint8_t bytes[FINGERPRINT_BYTES];
};

#endif
