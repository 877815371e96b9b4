// SPDX-License-Identifier: ISC
// The pieces of a sentence, words that are not ours among them; the contract is in phrase_inside.h.
#include <string.h>

#include "base/utf8.h"
#include "ui/phrase_inside.h"

enum {
	WORD_BYTES_SHOWN = 64, // of a word somebody typed
	PIECE_BYTES = 128,     // filtered at once
};

void phrase_put(const struct phrase_out *out, const char *text)
{
	out->write(out->context, text, strlen(text));
}

// How many bytes of whole code points stand at the beginning of a text, at most so many; a byte that begins none counts alone.
static size_t whole_points(const char *text, size_t bytes, size_t most)
{
	size_t taken = 0;
	while (taken < bytes) {
		uint32_t point;
		const size_t length = utf8_decode(text + taken, bytes - taken, &point);
		const size_t step = length == 0 ? 1 : length;
		if (taken + step > most)
			break;
		taken += step;
	}
	return taken;
}

void phrase_put_filtered(const struct phrase_out *out, const char *text, size_t bytes, enum filter_mode mode)
{
	char piece[FILTER_CAPACITY(PIECE_BYTES)];
	while (bytes > 0) {
		const size_t taken = whole_points(text, bytes, PIECE_BYTES);
		out->write(out->context, piece, filter_text(text, taken, mode, piece, sizeof piece));
		text += taken;
		bytes -= taken;
	}
}

void phrase_put_word(const struct phrase_out *out, const char *word, size_t bytes)
{
	const size_t shown = whole_points(word, bytes, WORD_BYTES_SHOWN);
	phrase_put_filtered(out, word, shown, FILTER_LINE);
	if (shown < bytes)
		phrase_put(out, "...");
}

void phrase_put_to(const struct phrase_out *out, const struct message_to *to)
{
	uint8_t text[MESSAGE_TO_BYTES_MAX];
	const size_t bytes = message_to_write(to, text);
	out->write(out->context, (const char *)text, bytes);
}
