// SPDX-License-Identifier: ISC
// Keys, fingerprints and codes as text: base64url without padding (RFC 4648 section 5). Layer: crypto, pure; in time that does
// not depend on the contents, since some are secret.
#ifndef MMS_CRYPTO_BASE64URL_H
#define MMS_CRYPTO_BASE64URL_H

#include <stdbool.h>
#include <stddef.h>

enum { BASE64URL_DECODE_BYTES_MAX = 64 }; // what base64url_decode takes at once

// Writes base64url without padding and a zero byte; `text` has room for bytes * 4 / 3 + 2 bytes.
void base64url_encode(const void *data, size_t bytes, char *text);

// Decodes exactly `bytes` bytes, at most BASE64URL_DECODE_BYTES_MAX. False, and `data` unchanged: `text` is not the one
// encoding of that many bytes (no padding, no white space, no stray bits).
bool base64url_decode(const char *text, size_t text_bytes, void *data, size_t bytes);

#endif
