// SPDX-License-Identifier: ISC
// Lines and words of the users file; the contract is in users_line.h.
#include "store/users_line.h"

#include <assert.h>
#include <string.h>

bool users_line_next(const char *text, size_t bytes, struct users_line *line)
{
	static const char bom[] = "\xef\xbb\xbf"; // what some editors put before UTF-8; no part of a line
	const size_t bom_bytes = sizeof bom - 1;
	size_t start = line->at + line->bytes + line->ending_bytes;
	if (start == 0 && bytes >= bom_bytes && memcmp(text, bom, bom_bytes) == 0)
		start = bom_bytes;
	assert(start <= bytes);
	if (start == bytes)
		return false;
	const char *end = memchr(text + start, '\n', bytes - start);
	struct users_line next = {.at = start, .bytes = bytes - start, .number = line->number + 1};
	if (end != NULL) {
		next.bytes = (size_t)(end - (text + start));
		next.ending_bytes = 1;
		if (next.bytes > 0 && end[-1] == '\r') {
			next.bytes--;
			next.ending_bytes = 2;
		}
	}
	*line = next;
	return true;
}

static bool is_blank(char letter)
{
	return letter == ' ' || letter == '\t';
}

struct users_word users_word_before(const struct users_line *line)
{
	return (struct users_word){line->at, 0};
}

bool users_word_next(const char *text, const struct users_line *line, struct users_word *word)
{
	const size_t end = line->at + line->bytes;
	size_t start = word->at + word->bytes;
	assert(start >= line->at);
	while (start < end && is_blank(text[start]))
		start++;
	// Here a blank or the start of the line is on the left, so that '#' begins a comment.
	if (start == end || text[start] == '#')
		return false;
	size_t stop = start;
	while (stop < end && !is_blank(text[stop]))
		stop++;
	*word = (struct users_word){start, stop - start};
	return true;
}

bool users_word_is_option(const char *text, const struct users_word *word, const char *option)
{
	const size_t bytes = strlen(option);
	return word->bytes >= bytes && memcmp(text + word->at, option, bytes) == 0;
}
