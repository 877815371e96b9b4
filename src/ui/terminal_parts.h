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

	struct keys keys;      // a key that is not complete yet
	struct key key;        // the key libedit is working on
	size_t key_taken;      // of its points
	bool lost_keys;        // the line was full, and has not been shortened since
};

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
