// SPDX-License-Identifier: ISC
// Places on the screen; the contract is in layout.h.
#include "ui/layout.h"

#include <assert.h>
#include <langinfo.h>
#include <locale.h>
#include <string.h>
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

void layout_set_locale(void)
{
	static bool is_set;
	if (is_set)
		return;
	is_set = true;
	setlocale(LC_CTYPE, "");
	if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
		setlocale(LC_CTYPE, "C.UTF-8");
}

int layout_indent(int columns)
{
	if (columns >= LAYOUT_COLUMNS_FULL)
		return FILTER_INDENT;
	return columns >= LAYOUT_COLUMNS_MIN ? 1 : 0;
}

// Terminals do not agree on every width, and a row that is broken early does no harm: where they differ, the larger one.
static int flow_cells(uint32_t point)
{
	enum { EMOJI_STYLE = 0xfe0f, JAMO_FIRST = 0x1160, JAMO_LAST = 0x11ff }; // vowels and finals, drawn alone by some
	if (point == EMOJI_STYLE || (point >= JAMO_FIRST && point <= JAMO_LAST))
		return 1;
	const int cells = wcwidth((wchar_t)point);
	return cells < 0 ? 2 : cells; // newer than the C library
}

bool layout_flow_step(struct layout_flow *flow, uint32_t point, int columns)
{
	assert(flow->column >= 0);
	if (point == '\n') {
		flow->column = 0;
		return false;
	}
	int width = point == '\t' ? TAB_CELLS - flow->column % TAB_CELLS : flow_cells(point);
	const bool is_full = columns >= LAYOUT_COLUMNS_MIN && flow->column + width > columns;
	const bool breaks = is_full && flow->column > layout_indent(columns); // else nothing is gained
	if (breaks) {
		flow->column = layout_indent(columns);
		width = point == '\t' ? TAB_CELLS - flow->column % TAB_CELLS : width;
	}
	flow->column += width;
	if (is_full && flow->column > columns)
		flow->column = columns; // a tab on a narrow screen ends at its edge
	return breaks;
}
