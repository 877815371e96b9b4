// SPDX-License-Identifier: ISC
// Names in columns; the contract is in columns.h.
#include "ui/columns.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
	GAP = 2,          // blanks between two columns
	MARGIN = 8,       // of a row behind a prefix: that of a waiting message
	MARGIN_PLAIN = 2, // of one without
};

static void put(const struct columns *columns, const char *text)
{
	columns->out->write(columns->out->context, text, strlen(text));
}

static void put_blanks(const struct columns *columns, size_t count)
{
	for (; count > 0; count--)
		put(columns, " ");
}

static size_t margin_of(const struct phrase_out *out)
{
	return *out->prefix == 0 ? MARGIN_PLAIN : MARGIN;
}

static void put_margin(const struct columns *columns)
{
	const size_t prefix_bytes = strlen(columns->out->prefix);
	const size_t margin = margin_of(columns->out);
	put(columns, columns->out->prefix);
	put_blanks(columns, prefix_bytes < margin ? margin - prefix_bytes : 0);
}

void columns_begin(struct columns *columns, const struct phrase_out *out, int screen, size_t widest)
{
	assert(widest <= NAME_BYTES_MAX);
	const int cell = (int)widest + GAP;
	const int room = screen - (int)margin_of(out) + GAP;
	*columns = (struct columns){
		.out = out,
		.cell = cell,
		.names_a_row = room > cell ? room / cell : 1,
		.is_bounded = screen > 0,
	};
}

void columns_add(struct columns *columns, const struct name *name)
{
	const size_t bytes = name_bytes(name);
	assert(bytes > 0 && (int)bytes + GAP <= columns->cell);
	const uint64_t place = columns->count++;
	if (columns->is_bounded && place >= COLUMNS_NAMES_MAX)
		return;
	if (place % (uint64_t)columns->names_a_row == 0) {
		if (place > 0)
			put(columns, "\n");
		put_margin(columns);
	} else {
		put_blanks(columns, columns->owed);
	}
	put(columns, name->text);
	columns->owed = (size_t)columns->cell - bytes;
}

void columns_end(struct columns *columns)
{
	if (columns->count > 0)
		put(columns, "\n");
	if (columns->is_bounded && columns->count > COLUMNS_NAMES_MAX) {
		char more[64];
		snprintf(more, sizeof more, "and %" PRIu64 " more\n", columns->count - COLUMNS_NAMES_MAX);
		put_margin(columns);
		put(columns, more);
	}
	columns->count = 0;
}
