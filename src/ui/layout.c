// SPDX-License-Identifier: ISC
// Places on the screen; the contract is in layout.h.
#include "ui/layout.h"

#include <assert.h>
#include <wctype.h>

#include "ui/filter.h"

enum { TAB_CELLS = 8 };

static int cells_of(wchar_t character)
{
	const int cells = wcwidth(character);
	return cells < 0 ? 0 : cells;
}

// One glyph of `cells` cells, which never straddles two rows.
static void place_glyph(struct layout_place *place, int cells, int columns)
{
	if (place->column + cells > columns) {
		place->row++;
		place->column = 0;
	}
	place->column += cells;
	if (place->column >= columns) {
		place->row++;
		place->column = 0;
	}
}

static void place_cells(struct layout_place *place, int count, int columns)
{
	for (int i = 0; i < count; i++)
		place_glyph(place, 1, columns);
}

static void place_character(struct layout_place *place, wchar_t character, int columns)
{
	if (character == '\t') {
		do
			place_glyph(place, 1, columns);
		while (place->column % TAB_CELLS != 0);
	} else if (character < 0x100 && iswcntrl((wint_t)character)) {
		place_cells(place, 2, columns); // ^X
	} else if (iswprint((wint_t)character)) {
		place_glyph(place, cells_of(character), columns);
	} else {
		place_cells(place, character > 0xffff ? 8 : 7, columns); // \U+XXXXX or \U+XXXX
	}
}

struct layout_place layout_cursor(const wchar_t *text, size_t count, size_t cursor, int prompt_cells,
				  int columns)
{
	assert(columns >= 2); // so that every glyph fits
	assert(cursor <= count);
	struct layout_place place = {0, 0};
	place_cells(&place, prompt_cells, columns);
	for (size_t i = 0; i < cursor; i++)
		place_character(&place, text[i], columns);
	if (cursor < count && place.column + cells_of(text[cursor]) > columns)
		place = (struct layout_place){place.row + 1, 0};
	return place;
}

bool layout_flow_step(struct layout_flow *flow, uint32_t point, int columns)
{
	assert(flow->column >= 0);
	if (point == '\n') {
		flow->column = 0;
		return false;
	}
	const int cells = point == '\t' ? TAB_CELLS - flow->column % TAB_CELLS : wcwidth((wchar_t)point);
	const int width = cells < 0 ? 1 : cells; // newer than the C library: most likely one cell
	const bool breaks = columns >= LAYOUT_COLUMNS_MIN && flow->column + width > columns;
	flow->column = breaks ? FILTER_INDENT : flow->column;
	if (point == '\t' && breaks)
		flow->column += TAB_CELLS - FILTER_INDENT % TAB_CELLS;
	else
		flow->column += width;
	return breaks;
}
