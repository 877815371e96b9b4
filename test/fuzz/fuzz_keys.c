// SPDX-License-Identifier: ISC
// What a terminal sends: bytes into keys, a typed line into a command, and both onto the screen. No byte gets lost in a
// sequence for long, a command's parts lie in the line and are what they are said to be, every place is on the screen.
#include <locale.h>
#include <wchar.h>

#include "fuzz.h"
#include "base/utf8.h"
#include "ui/command.h"
#include "ui/filter.h"
#include "ui/keys.h"
#include "ui/layout.h"

enum { LINE_CHARACTERS_MAX = 512 };

static wchar_t line[LINE_CHARACTERS_MAX];

static bool is_point(uint32_t point)
{
	return point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
}

static size_t try_keys(const uint8_t *data, size_t bytes)
{
	struct keys keys = {0};
	struct key key;
	size_t count = 0;
	for (size_t i = 0; i < bytes; i++) {
		switch (keys_step(&keys, data[i], &key)) {
		case KEY_TEXT:
			assert(key.count == 1 && is_point(key.point[0]));
			assert(key.point[0] >= 0x20 || key.point[0] == '\t');
			if (count < LINE_CHARACTERS_MAX)
				line[count++] = (wchar_t)key.point[0];
			break;
		case KEY_EDIT:
			assert(key.count == 1 || (key.count == 2 && key.point[0] == 0x1b));
			assert(key.point[0] < 0x20 || key.point[0] == 0x7f);
			break;
		case KEY_NONE:
			assert(keys.state != KEYS_GROUND);
			break;
		case KEY_ENTER:
		case KEY_END:
		case KEY_DELETE:
		case KEY_PASTE_BEGIN:
		case KEY_PASTE_END:
		case KEY_ANSWER:
		case KEY_REFUSED:
			assert(keys.state == KEYS_GROUND);
			break;
		}
	}
	// Whatever came before, letters get through again: at once behind a control, without one when a bound is reached.
	struct keys other = keys;
	(void)keys_step(&keys, '\r', &key);
	assert(keys.state == KEYS_GROUND);
	enum { LEFT_MAX = 4 };
	if (other.state == KEYS_STRING) // near its bound, for speed
		other.pending_bytes = KEYS_STRING_BYTES_MAX - LEFT_MAX;
	for (int letter = 1; keys_step(&other, 'A', &key) != KEY_TEXT; letter++)
		assert(letter <= LEFT_MAX + 1);
	assert(key.point[0] == 'A');
	return count;
}

static void try_layout(size_t count, int prompt_cells, int columns)
{
	struct layout_place before = {0, 0};
	struct layout_flow flow = {0};
	for (size_t cursor = 0; cursor <= count; cursor += 1 + count / 4) {
		const struct layout_place place = layout_cursor(line, count, cursor, prompt_cells, columns);
		assert(place.column >= 0 && place.column < columns);
		assert(place.row > before.row || (place.row == before.row && place.column >= before.column));
		before = place;
	}
	for (size_t i = 0; i < count; i++) {
		const int column = flow.column;
		const bool breaks = layout_flow_step(&flow, (uint32_t)line[i], columns);
		assert(flow.column >= 0);
		if (columns >= LAYOUT_COLUMNS_MIN)
			assert(flow.column <= columns);
		assert(!breaks || (column > 0 && flow.column >= layout_indent(columns)));
	}
}

static bool is_within(struct command_span span, const char *text, size_t bytes)
{
	return span.text == NULL ||
	       (span.text >= text && span.text <= text + bytes && span.bytes <= (size_t)(text + bytes - span.text));
}

static void try_command(const char *text, size_t bytes)
{
	struct command command;
	command_parse(text, bytes, &command);
	assert(is_within(command.invite, text, bytes));
	assert(is_within(command.text, text, bytes));
	assert(is_within(command.word, text, bytes));
	assert(command.fault != COMMAND_FAULT_NONE || command.kind == COMMAND_NONE || command.kind == COMMAND_UNKNOWN ||
	       memchr(text, '\n', command.text.text != NULL ? (size_t)(command.text.text - text) : bytes) == NULL);
	const bool wants_word = command.kind == COMMAND_UNKNOWN || command.fault == COMMAND_FAULT_NOT_A_NAME ||
				command.fault == COMMAND_FAULT_NOT_A_ROOM || command.fault == COMMAND_FAULT_SURPLUS;
	assert(!wants_word || command.fault == COMMAND_FAULT_LINES || command.word.bytes > 0);
	if (command.fault != COMMAND_FAULT_NONE)
		return;
	if (command.kind == COMMAND_SEND || command.kind == COMMAND_SIGNIN) {
		struct name name;
		assert(name_parse(&name, command.to.name.text, name_bytes(&command.to.name)));
	}
	if (command.kind == COMMAND_SEND)
		assert(utf8_is_message(command.text.text, command.text.bytes));
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	assert(setlocale(LC_ALL, "C.UTF-8") != NULL);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	if (bytes < 2)
		return 0;
	const size_t count = try_keys(data + 2, bytes - 2);
	try_layout(count, data[0] % 40, 2 + data[1]);
	try_command((const char *)data + 2, bytes - 2);
	return 0;
}
