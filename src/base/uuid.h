// SPDX-License-Identifier: ISC
// Message ids: UUID version 7 (RFC 9562 section 5.7). Layer: base; time and randomness are arguments.
#ifndef MMS_BASE_UUID_H
#define MMS_BASE_UUID_H

#include <stdint.h>

#include "base/limits.h"
#include "base/time.h"

struct uuid {
	uint8_t bytes[ID_BYTES];
};

enum { UUID_TEXT_BYTES = 37 }; // 8-4-4-4-12 hexadecimal digits and a zero byte

// The id for `now` with 10 random bytes; bits the RFC fixes are overwritten.
struct uuid uuid_v7(struct wtime now, const uint8_t random[10]);

// Writes the usual text form in lower case, ended by a zero byte.
void uuid_format(const struct uuid *uuid, char text[UUID_TEXT_BYTES]);

#endif
