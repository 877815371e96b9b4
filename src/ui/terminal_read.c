// SPDX-License-Identifier: ISC
// The keys of the person's terminal: one byte at a time from the system, whole keys to libedit, whole lines to the
// caller. The contract is in terminal.h.
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>
#include <wctype.h>

#include "ui/terminal.h"
#include "ui/terminal_parts.h"

enum { CHARACTER_BYTES_MAX = 4 };

int terminal_next_point(EditLine *edit, wchar_t *point)
{
	struct terminal *terminal = NULL;
	el_wget(edit, EL_CLIENTDATA, &terminal);
	if (terminal->key_taken == terminal->key.count) {
		errno = EAGAIN;
		return -1;
	}
	*point = (wchar_t)terminal->key.point[terminal->key_taken++];
	return 1;
}

static size_t typed_count(struct terminal *terminal)
{
	const LineInfoW *line = el_wline(terminal->edit);
	return (size_t)(line->lastchar - line->buffer);
}

// Bytes of the typed line as UTF-8, written to `target` if that is not NULL and has room for them.
static size_t typed_encode(struct terminal *terminal, size_t count, char *target, size_t capacity)
{
	mbstate_t state = {0};
	const wchar_t *text = el_wline(terminal->edit)->buffer;
	const size_t bytes = wcsnrtombs(target, &text, count, capacity, &state);
	assert(bytes != (size_t)-1); // keys_step passes only code points, and the locale is UTF-8
	return bytes;
}

static bool has_room(struct terminal *terminal)
{
	const size_t bytes = typed_encode(terminal, typed_count(terminal), NULL, 0);
	return bytes + CHARACTER_BYTES_MAX <= TERMINAL_LINE_BYTES_MAX;
}

static void ring(struct terminal *terminal)
{
	el_beep(terminal->edit);
	fflush(terminal->out);
}

// Has libedit work on one key; it draws the change itself.
static void feed(struct terminal *terminal, const struct key *key)
{
	assert(terminal->is_drawn);
	terminal->key = *key;
	terminal->key_taken = 0;
	do {
		int count;
		(void)el_wgets(terminal->edit, &count); // the line is read with el_wline
	} while (terminal->key_taken < terminal->key.count);
}

static void feed_text(struct terminal *terminal, const struct key *key)
{
	if (!has_room(terminal)) {
		terminal->lost_keys = true;
		ring(terminal);
		return;
	}
	// libedit takes a mark that stands on the letter before it for a cell of its own: have it draw all of the line.
	const bool is_mark = wcwidth((wchar_t)key->point[0]) == 0;
	if (is_mark) {
		terminal_erase(terminal, terminal_columns(terminal));
		const wchar_t text[2] = {(wchar_t)key->point[0], 0};
		el_winsertstr(terminal->edit, text);
		terminal_draw(terminal);
		return;
	}
	feed(terminal, key);
}

static void feed_edit(struct terminal *terminal, const struct key *key)
{
	feed(terminal, key);
	if (has_room(terminal))
		terminal->lost_keys = false;
}

static void remember(struct terminal *terminal, size_t count)
{
	wchar_t text[TERMINAL_LINE_BYTES_MAX + 1];
	assert(count <= TERMINAL_LINE_BYTES_MAX);
	wmemcpy(text, el_wline(terminal->edit)->buffer, count);
	text[count] = L'\0';
	size_t blanks = 0;
	while (text[blanks] == L' ' || text[blanks] == L'\t')
		blanks++;
	HistEventW event;
	if (blanks < count)
		history_w(terminal->history, &event, H_ENTER, text);
}

// The prompt is off the screen for good and the line is gone: above stays what was typed, below begins the output.
static void end_line(struct terminal *terminal)
{
	terminal->is_drawn = false;
	terminal->is_wanted = false;
	terminal->lost_keys = false;
	el_reset(terminal->edit);
	el_wset(terminal->edit, EL_PREP_TERM, 1);
}

static enum terminal_input enter(struct terminal *terminal, struct terminal_line *line)
{
	const size_t count = typed_count(terminal);
	const size_t bytes = typed_encode(terminal, count, NULL, 0);
	enum terminal_input input = TERMINAL_OVERLONG;
	if (bytes <= TERMINAL_LINE_BYTES_MAX && !terminal->lost_keys) {
		line->bytes = typed_encode(terminal, count, line->text, sizeof line->text - 1);
		line->text[line->bytes] = '\0';
		assert(line->bytes == bytes);
		remember(terminal, count);
		input = TERMINAL_LINE;
	}
	feed(terminal, &(struct key){{'\n', 0}, 1}); // moves the cursor below the line
	end_line(terminal);
	return input;
}

static enum terminal_input end(struct terminal *terminal)
{
	fputc('\n', terminal->out);
	fflush(terminal->out);
	end_line(terminal);
	return TERMINAL_END;
}

static enum terminal_input take(struct terminal *terminal, uint8_t byte, struct terminal_line *line)
{
	static const struct key delete_right = {{0x04, 0}, 1};
	struct key key;
	switch (keys_step(&terminal->keys, byte, &key)) {
	case KEY_NONE:
		break;
	case KEY_TEXT:
		feed_text(terminal, &key);
		break;
	case KEY_EDIT:
		feed_edit(terminal, &key);
		break;
	case KEY_ENTER:
		return enter(terminal, line);
	case KEY_END:
		if (typed_count(terminal) == 0)
			return end(terminal);
		feed_edit(terminal, &delete_right);
		break;
	case KEY_DELETE:
		if (typed_count(terminal) == 0)
			ring(terminal);
		else
			feed_edit(terminal, &delete_right);
		break;
	case KEY_REFUSED:
		ring(terminal);
		break;
	}
	return TERMINAL_NOTHING;
}

int terminal_fd(const struct terminal *terminal)
{
	return terminal->is_drawn ? STDIN_FILENO : -1;
}

enum terminal_input terminal_read(struct terminal *terminal, struct terminal_line *line)
{
	while (terminal->is_drawn) {
		struct pollfd ready = {.fd = STDIN_FILENO, .events = POLLIN};
		uint8_t byte;
		if (poll(&ready, 1, 0) <= 0)
			break;
		const ssize_t bytes = read(STDIN_FILENO, &byte, 1);
		if (bytes < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (bytes <= 0)
			return end(terminal); // hung up
		const enum terminal_input input = take(terminal, byte, line);
		if (input != TERMINAL_NOTHING)
			return input;
	}
	return TERMINAL_NOTHING;
}
