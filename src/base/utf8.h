// SPDX-License-Identifier: ISC
// UTF-8 as RFC 3629 defines it: no overlong forms, no surrogates, nothing above U+10FFFF. Layer: base.
#ifndef MMS_BASE_UTF8_H
#define MMS_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Decodes the code point at the start of `text`. Returns its length in bytes (1 to 4) and stores it in `*point`;
// returns 0 when the first bytes are not a code point, also when `bytes` is 0.
size_t utf8_decode(const void *text, size_t bytes, uint32_t *point);

// True when all of `text` is UTF-8. Empty text is.
bool utf8_is_valid(const void *text, size_t bytes);

// True when `text` may be a message (doc/protocol.md section 7.2): 1 to TEXT_BYTES_MAX bytes of UTF-8 without U+0000.
bool utf8_is_message(const void *text, size_t bytes);

#endif
