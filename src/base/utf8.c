// SPDX-License-Identifier: ISC
// UTF-8 after RFC 3629; the contract is in utf8.h.
#include "base/utf8.h"

#include <string.h>

#include "base/limits.h"

size_t utf8_decode(const void *text, size_t bytes, uint32_t *point)
{
	const uint8_t *unit = text;
	if (bytes == 0)
		return 0;
	if (unit[0] < 0x80) {
		*point = unit[0];
		return 1;
	}
	const size_t length = unit[0] >= 0xf0 ? 4 : unit[0] >= 0xe0 ? 3 : 2;
	if (unit[0] < 0xc2 || unit[0] > 0xf4 || bytes < length)
		return 0;
	uint32_t value = unit[0] & (0x7fU >> length);
	for (size_t i = 1; i < length; i++) {
		if ((unit[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (unit[i] & 0x3fU);
	}
	static const uint32_t smallest[5] = {0, 0, 0x80, 0x800, 0x10000};
	if (value < smallest[length] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
		return 0;
	*point = value;
	return length;
}

// How many bytes ASCII goes on for from `at` on, counted by eights: most of most texts.
static size_t ascii_run(const uint8_t *at, size_t bytes)
{
	size_t run = 0;
	uint64_t eight;
	for (; bytes - run >= sizeof eight; run += sizeof eight) {
		memcpy(&eight, at + run, sizeof eight);
		if ((eight & UINT64_C(0x8080808080808080)) != 0)
			break;
	}
	return run;
}

bool utf8_is_valid(const void *text, size_t bytes)
{
	const uint8_t *at = text;
	while (bytes > 0) {
		const size_t run = ascii_run(at, bytes);
		at += run;
		bytes -= run;
		if (bytes == 0)
			return true;
		uint32_t point;
		const size_t length = utf8_decode(at, bytes, &point);
		if (length == 0)
			return false;
		at += length;
		bytes -= length;
	}
	return true;
}

bool utf8_is_message(const void *text, size_t bytes)
{
	return bytes > 0 && bytes <= TEXT_BYTES_MAX && memchr(text, 0, bytes) == NULL && utf8_is_valid(text, bytes);
}
