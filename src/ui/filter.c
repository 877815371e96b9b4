// SPDX-License-Identifier: ISC
// The output filter; the contract is in filter.h.
#include "ui/filter.h"

#include <assert.h>
#include <string.h>

#include "base/bytes.h"
#include "base/control.h"
#include "base/utf8.h"

static void put(struct writer *out, const void *source, size_t bytes)
{
	const bool fits = write_bytes(out, source, bytes);
	assert(fits);
}

static void put_escaped(struct writer *out, uint32_t point)
{
	static const char digits[] = "0123456789abcdef";
	assert(point <= 0xffff); // every dangerous code point is: no surrogate pairs are needed
	const char escape[6] = {'\\', 'u', digits[point >> 12 & 15], digits[point >> 8 & 15], digits[point >> 4 & 15],
				digits[point & 15]};
	put(out, escape, sizeof escape);
}

// True when the mode has a form of its own for this code point, which is then written.
static bool put_special(struct writer *out, uint32_t point, enum filter_mode mode)
{
	static const char later_line[] = "\n         ";
	static_assert(sizeof later_line - 1 == 1 + FILTER_INDENT, "the indentation");
	static_assert(sizeof later_line - 1 <= FILTER_EXPANSION_MAX, "the documented expansion");
	if (mode == FILTER_TERMINAL && point == '\n') {
		put(out, later_line, sizeof later_line - 1);
		return true;
	}
	if (mode != FILTER_LINE || (point != '\n' && point != '\t' && point != '\\'))
		return false;
	put(out, point == '\n' ? "\\n" : point == '\t' ? "\\t" : "\\\\", 2);
	return true;
}

size_t filter_text(const void *text, size_t bytes, enum filter_mode mode, char *out, size_t capacity)
{
	assert(text != NULL || bytes == 0);
	assert(out != NULL && capacity > 0);
	const uint8_t *at = text;
	struct writer writer = writer_of(out, capacity - 1);
	while (bytes > 0) {
		uint32_t point = 0;
		const size_t length = utf8_decode(at, bytes, &point);
		if (length == 0)
			put(&writer, "\xef\xbf\xbd", 3);
		else if (control_is_dangerous(point))
			put_escaped(&writer, point);
		else if (!put_special(&writer, point, mode))
			put(&writer, at, length);
		at += length == 0 ? 1 : length;
		bytes -= length == 0 ? 1 : length;
	}
	out[writer.used_bytes] = '\0';
	return writer.used_bytes;
}
