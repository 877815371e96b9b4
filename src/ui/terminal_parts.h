// SPDX-License-Identifier: ISC
// What terminal.c and terminal_read.c share and nobody else needs. Layer: ui.
#ifndef MMS_UI_TERMINAL_PARTS_H
#define MMS_UI_TERMINAL_PARTS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <termios.h>
#include <wchar.h>

#include <histedit.h>

#include "ui/keys.h"
#include "ui/layout.h"
#include "ui/terminal.h"

struct terminal {
	EditLine *edit;
	HistoryW *history;
	FILE *out;             // standard output, fully buffered: one write for what belongs together
	FILE *sink;            // /dev/null, for libedit's complaints
	struct termios saved;  // the modes found at the open
	wchar_t prompt[9];
	bool breaks_anew;      // whether this terminal breaks its rows anew when its width changes

	bool is_wanted;        // the prompt is to be shown
	bool is_drawn;         // it is on the screen; the cursor is in it
	struct layout_flow flow; // of what is printed; column 0: the prompt may be drawn

	uint8_t input[TERMINAL_READ_BYTES]; // read and not taken yet
	size_t input_at;
	size_t input_bytes;
	bool is_burst;         // what is read is a paste without marks; until nothing more is there
	bool was_pasted;       // a paste has ended since nothing more was there
	bool has_rung;         // likewise: one bell is enough
	bool is_after_return;  // the last byte was CR: LF behind it is not another newline
	bool marks_pastes;     // the terminal has been told to mark pastes
	bool is_pasting;       // between such marks
	size_t newlines_held;  // of a paste: put into the line when more follows
	wchar_t pasted[TERMINAL_LINE_BYTES_MAX + 1]; // put into the line at once, when all that is read is taken
	size_t pasted_count;
	size_t pasted_bytes;   // in UTF-8

	struct keys keys;      // a key that is not complete yet
	struct key key;        // the key libedit is working on
	size_t key_taken;      // of its points
	bool lost_keys;        // the line was full, and has not been shortened since
};

// A newline in the typed line, which libedit draws as ^M: no key puts one there.
#define TERMINAL_NEWLINE L'\r'

// Takes the prompt and the line off a screen of `columns`, cursor at the start of their first row. Nothing when not
// drawn.
void terminal_erase(struct terminal *terminal, int columns);

// Draws prompt and line from the cursor's row on, if they are wanted and not there and no line is half printed.
void terminal_draw(struct terminal *terminal);

// The width of the screen, at least 2.
int terminal_columns(struct terminal *terminal);

// libedit's source of characters: the points of terminal->key, then an error, so that it never waits.
int terminal_next_point(EditLine *edit, wchar_t *point);

#endif
