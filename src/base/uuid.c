// SPDX-License-Identifier: ISC
// UUID version 7; the contract is in uuid.h.
#include "base/uuid.h"

#include <string.h>

struct uuid uuid_v7(struct wtime now, const uint8_t random[10])
{
	struct uuid uuid;
	for (int i = 0; i < 6; i++)
		uuid.bytes[i] = (uint8_t)((uint64_t)now.ms >> 8 * (5 - i));
	memcpy(uuid.bytes + 6, random, 10);
	uuid.bytes[6] = (uint8_t)((uuid.bytes[6] & 0x0f) | 0x70); // ver
	uuid.bytes[8] = (uint8_t)((uuid.bytes[8] & 0x3f) | 0x80); // var
	return uuid;
}

void uuid_format(const struct uuid *uuid, char text[UUID_TEXT_BYTES])
{
	static const char digits[] = "0123456789abcdef";
	char *at = text;
	for (int i = 0; i < ID_BYTES; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*at++ = '-';
		*at++ = digits[uuid->bytes[i] >> 4];
		*at++ = digits[uuid->bytes[i] & 15];
	}
	*at = 0;
}
