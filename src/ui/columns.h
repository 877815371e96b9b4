// SPDX-License-Identifier: ISC
// Names in columns, as many beside each other as a screen has room for; where there is no screen, one a line. Layer: ui, pure; goes to
// the caller piece by piece, like the sentences of ui/phrase.h.
#ifndef MMS_UI_COLUMNS_H
#define MMS_UI_COLUMNS_H

#include <stddef.h>
#include <stdint.h>

#include "base/name.h"
#include "ui/phrase.h"

enum { COLUMNS_NAMES_MAX = 500 }; // names shown on a screen; more: how many are left out stands behind them

// The struct is the caller's; its fields are private.
struct columns {
	const struct phrase_out *out; // borrowed until the end
	int names_a_row;
	int cell;        // the room that a name has
	uint64_t count;  // names so far
	size_t owed;     // blanks between the last name and the next one of its row
	bool is_bounded; // by COLUMNS_NAMES_MAX
};

// Begins. `screen` is the width of the screen, 0: there is none; `widest` the bytes of the longest name to come.
void columns_begin(struct columns *columns, const struct phrase_out *out, int screen, size_t widest);

// Adds a name. Must: it is not longer than was said.
void columns_add(struct columns *columns, const struct name *name);

// Ends the last row, and tells how many names there were beyond COLUMNS_NAMES_MAX, if so.
void columns_end(struct columns *columns);

#endif
