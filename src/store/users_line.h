// SPDX-License-Identifier: ISC
// How the users file divides into lines and words: shared by reading it (users_parse.h) and editing it (users_edit.h).
// Layer: store. Places are offsets into the text, so that an edit can name the bytes it replaces.
#ifndef MMS_STORE_USERS_LINE_H
#define MMS_STORE_USERS_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// A line: text[at .. at + bytes), then its ending. Zeroed: before the first line.
struct users_line {
	size_t at;
	size_t bytes;        // without the ending
	size_t ending_bytes; // 2: CR LF, 1: LF, 0: the last line lacks one
	uint32_t number;     // counted from 1
};

// A word: text[at .. at + bytes).
struct users_word {
	size_t at;
	size_t bytes;
};

// Moves `line` on by one; a byte order mark before the first is passed over.
// False: there are no more; what follows the last ending is a line only when it is not empty.
bool users_line_next(const char *text, size_t bytes, struct users_line *line);

// The place before the first word of a line, for users_word_next.
struct users_word users_word_before(const struct users_line *line);

// Moves `word` on by one. False, and `word` unchanged: the rest of the line is blanks or a comment.
bool users_word_next(const char *text, const struct users_line *line, struct users_word *word);

// Whether the word begins with `option` ("invite=").
bool users_word_is_option(const char *text, const struct users_word *word, const char *option);

#endif
