// SPDX-License-Identifier: ISC
// Where text comes to stand on a screen of a given width. Two rules: that of the line editor, which puts what is typed
// on as many rows as it needs, and ours for messages, which breaks them itself and indents what follows, so that no
// message can bring its own text to the start of a row by its length. Layer: ui; pure but for wcwidth and the locale it
// asks.
#ifndef MMS_UI_LAYOUT_H
#define MMS_UI_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <wchar.h>

// Widths are asked of the C library: makes its character type the environment's, or C.UTF-8 if that is not UTF-8.
// Once in a process; later calls do nothing.
void layout_set_locale(void);

struct layout_place {
	int row; // both count from 0
	int column;
};

// Where libedit puts the cursor when it stands before text[cursor] of `count` characters, which follow a prompt of
// `prompt_cells` cells at the start of a row of `columns` (at least 2) cells: tabs are spaces up to the next multiple
// of 8, other controls ^X, unprintable code points \U+XXXX; a wide character that does not fit moves to the next row;
// after a full row the next one begins.
struct layout_place layout_cursor(const wchar_t *text, size_t count, size_t cursor, int prompt_cells,
				  int columns);

enum {
	LAYOUT_COLUMNS_FULL = 24, // from here on rows are indented by FILTER_INDENT, on a narrower screen by one blank
	LAYOUT_COLUMNS_MIN = 4,   // a narrower screen is left to break lines itself: it shows no word
};

// Text on its way to the screen, character by character; {0} is the start of a row.
struct layout_flow {
	int column;
};

// The blanks a broken row of a screen of `columns` begins with.
int layout_indent(int columns);

// Takes the next code point. Returns whether the row has to be ended, and layout_indent blanks written, before it.
// Where terminals differ in a character's width it is taken for as wide as any draws it.
bool layout_flow_step(struct layout_flow *flow, uint32_t point, int columns);

#endif
