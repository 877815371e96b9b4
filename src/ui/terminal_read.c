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

enum { CHARACTER_BYTES_MAX = 4, CONTROL_U = 0x15 };

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
	return bytes + terminal->pasted_bytes + CHARACTER_BYTES_MAX <= TERMINAL_LINE_BYTES_MAX;
}

static void ring(struct terminal *terminal)
{
	if (terminal->has_rung)
		return;
	terminal->has_rung = true;
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

// Has libedit draw all of the line afresh, with some characters more.
static void insert_whole(struct terminal *terminal, const wchar_t *text)
{
	terminal_erase(terminal, terminal_columns(terminal));
	el_winsertstr(terminal->edit, text);
	terminal_draw(terminal);
}

static void lose_key(struct terminal *terminal)
{
	terminal->lost_keys = true;
	ring(terminal);
}

static void add_pasted(struct terminal *terminal, uint32_t point)
{
	if (!has_room(terminal)) {
		lose_key(terminal);
		return;
	}
	terminal->pasted[terminal->pasted_count++] = (wchar_t)point;
	terminal->pasted_bytes += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
}

static void feed_pasted(struct terminal *terminal)
{
	if (terminal->pasted_count == 0)
		return;
	terminal->pasted[terminal->pasted_count] = L'\0';
	terminal->pasted_count = 0;
	terminal->pasted_bytes = 0;
	insert_whole(terminal, terminal->pasted);
}

static void feed_text(struct terminal *terminal, const struct key *key)
{
	if (!has_room(terminal)) {
		lose_key(terminal);
		return;
	}
	// libedit takes a mark that stands on the letter before it for a cell of its own: have it draw all of the line.
	const bool is_mark = wcwidth((wchar_t)key->point[0]) == 0;
	if (is_mark)
		insert_whole(terminal, (const wchar_t[2]){(wchar_t)key->point[0], L'\0'});
	else
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
		for (char *at = line->text; (at = strchr(at, (char)TERMINAL_NEWLINE)) != NULL;)
			*at = '\n';
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

// In a paste nothing but characters and newlines does anything. Ctrl-U, which stands in no text, is a person's whose
// terminal has lost the mark at its end.
static void take_pasted(struct terminal *terminal, enum key_kind kind, const struct key *key)
{
	switch (kind) {
	case KEY_TEXT:
		for (; terminal->newlines_held > 0 && !terminal->lost_keys; terminal->newlines_held--)
			add_pasted(terminal, TERMINAL_NEWLINE);
		add_pasted(terminal, key->point[0]);
		break;
	case KEY_ENTER:
		if (!terminal->is_pasting && !terminal->is_burst)
			ring(terminal); // it came with the end of a paste: nobody has seen the line yet
		else if (typed_count(terminal) + terminal->pasted_count > 0)
			terminal->newlines_held++;
		break;
	case KEY_PASTE_BEGIN:
	case KEY_PASTE_END:
		terminal->is_pasting = kind == KEY_PASTE_BEGIN;
		terminal->was_pasted = true;
		terminal->newlines_held = 0;
		break;
	case KEY_EDIT:
		if (key->count == 1 && key->point[0] == CONTROL_U)
			terminal->is_pasting = false;
		ring(terminal);
		break;
	case KEY_END:
	case KEY_DELETE:
	case KEY_REFUSED:
		ring(terminal);
		break;
	case KEY_NONE:
	case KEY_ANSWER:
		break;
	}
}

static enum terminal_input take_typed(struct terminal *terminal, enum key_kind kind, const struct key *key,
				      struct terminal_line *line)
{
	static const struct key delete_right = {{0x04, 0}, 1};
	switch (kind) {
	case KEY_TEXT:
		feed_text(terminal, key);
		break;
	case KEY_EDIT:
		feed_edit(terminal, key);
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
	case KEY_PASTE_BEGIN:
	case KEY_PASTE_END:
		take_pasted(terminal, kind, key);
		break;
	case KEY_NONE:
	case KEY_ANSWER:
		break;
	}
	return TERMINAL_NOTHING;
}

static enum terminal_input take(struct terminal *terminal, uint8_t byte, struct terminal_line *line)
{
	struct key key = {{0, 0}, 0};
	const bool is_second_half = byte == '\n' && terminal->is_after_return; // of CR LF
	terminal->is_after_return = byte == '\r';
	const enum key_kind kind = keys_step(&terminal->keys, byte, &key);
	if (is_second_half)
		return TERMINAL_NOTHING;
	if (terminal->is_pasting || terminal->is_burst || (terminal->was_pasted && kind == KEY_ENTER)) {
		take_pasted(terminal, kind, &key);
		return TERMINAL_NOTHING;
	}
	feed_pasted(terminal);
	return take_typed(terminal, kind, &key, line);
}

int terminal_fd(const struct terminal *terminal)
{
	return terminal->is_drawn && !terminal_is_pending(terminal) ? STDIN_FILENO : -1;
}

bool terminal_is_pending(const struct terminal *terminal)
{
	return terminal->is_drawn && terminal->input_at < terminal->input_bytes;
}

static size_t count_newlines(const uint8_t *bytes, size_t count)
{
	size_t newlines = 0;
	for (size_t i = 0; i < count; i++)
		newlines += bytes[i] == '\r' || (bytes[i] == '\n' && (i == 0 || bytes[i - 1] != '\r'));
	return newlines;
}

// Reads what is there. TERMINAL_NOTHING: `*has_more` says whether there was something.
static enum terminal_input fill(struct terminal *terminal, bool *has_more)
{
	struct pollfd ready = {.fd = STDIN_FILENO, .events = POLLIN};
	*has_more = false;
	if (poll(&ready, 1, 0) <= 0)
		return TERMINAL_NOTHING;
	const ssize_t bytes = read(STDIN_FILENO, terminal->input, sizeof terminal->input);
	if (bytes < 0 && (errno == EAGAIN || errno == EINTR))
		return TERMINAL_NOTHING;
	if (bytes <= 0)
		return end(terminal); // hung up
	terminal->input_at = 0;
	terminal->input_bytes = (size_t)bytes;
	const size_t newlines = count_newlines(terminal->input, terminal->input_bytes);
	const bool is_full = terminal->input_bytes == sizeof terminal->input;
	terminal->is_burst = terminal->is_burst || newlines > 1 || (is_full && newlines > 0);
	*has_more = true;
	return TERMINAL_NOTHING;
}

// Nothing more is there: what comes next is another paste, or typed.
static void pause_input(struct terminal *terminal)
{
	terminal->was_pasted = false;
	terminal->is_burst = false;
	terminal->has_rung = false;
	if (!terminal->is_pasting)
		terminal->newlines_held = 0;
}

enum terminal_input terminal_read(struct terminal *terminal, struct terminal_line *line)
{
	while (terminal->is_drawn) {
		if (terminal->input_at == terminal->input_bytes) {
			bool has_more;
			feed_pasted(terminal);
			const enum terminal_input input = fill(terminal, &has_more);
			if (input != TERMINAL_NOTHING)
				return input;
			if (!has_more) {
				pause_input(terminal);
				break;
			}
		}
		const enum terminal_input input = take(terminal, terminal->input[terminal->input_at++], line);
		if (input != TERMINAL_NOTHING)
			return input;
	}
	return TERMINAL_NOTHING;
}
