// SPDX-License-Identifier: ISC
// base64url over libsodium's; the contract is in base64url.h.
#include "crypto/base64url.h"

#include <assert.h>
#include <sodium.h>
#include <stdint.h>
#include <string.h>

void base64url_encode(const void *data, size_t bytes, char *text)
{
	const size_t text_capacity = sodium_base64_ENCODED_LEN(bytes, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	assert(text_capacity <= bytes * 4 / 3 + 2);
	sodium_bin2base64(text, text_capacity, data, bytes, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

bool base64url_decode(const char *text, size_t text_bytes, void *data, size_t bytes)
{
	uint8_t decoded[BASE64URL_DECODE_BYTES_MAX];
	size_t decoded_bytes = 0;
	assert(bytes <= sizeof decoded);
	// Refuses white space, padding and unused bits that are not zero; `data` is touched only after that.
	const int rc = sodium_base642bin(decoded, bytes, text, text_bytes, NULL, &decoded_bytes, NULL,
					 sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	bool is_valid = rc == 0 && decoded_bytes == bytes;
	// Bytes that are not ASCII it takes for the letter of 63, whatever they are.
	for (size_t i = 0; i < text_bytes; i++)
		is_valid = is_valid && (uint8_t)text[i] < 0x80;
	if (is_valid && bytes > 0)
		memcpy(data, decoded, bytes);
	sodium_memzero(decoded, sizeof decoded);
	return is_valid;
}
