// SPDX-License-Identifier: ISC
// Life, printing and the prompt of the person's terminal; the contract is in terminal.h, keys are in terminal_read.c.
// libedit keeps the line and draws it; where its rows are on the screen we compute ourselves (ui/layout.h), take them
// off, write what is to stand above, and let it draw the line afresh from the cursor's row.
#include "ui/terminal.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/utf8.h"
#include "ui/terminal_parts.h"

static wchar_t *prompt_text(EditLine *edit)
{
	static wchar_t nothing[] = L"";
	struct terminal *terminal = NULL;
	el_wget(edit, EL_CLIENTDATA, &terminal);
	return terminal != NULL && terminal->is_wanted ? terminal->prompt : nothing;
}

static bool can(struct terminal *terminal, const char *capability)
{
	char *text = NULL;
	el_get(terminal->edit, EL_GETTC, capability, &text);
	return text != NULL && *text != '\0';
}

// Where the cursor stands, and the end of the line, counted from the prompt, on a screen of `columns`. Of a line that
// is longer than the screen libedit shows the last rows; going up then ends at the top of the screen.
static void locate(struct terminal *terminal, int columns, struct layout_place *cursor, struct layout_place *end)
{
	const LineInfoW *line = el_wline(terminal->edit);
	const size_t count = (size_t)(line->lastchar - line->buffer);
	const int prompt_cells = (int)wcslen(terminal->prompt);
	*cursor = layout_cursor(line->buffer, count, (size_t)(line->cursor - line->buffer), prompt_cells, columns);
	*end = layout_cursor(line->buffer, count, count, prompt_cells, columns);
}

static void repeat(struct terminal *terminal, char letter, int count)
{
	for (int i = 0; i < count; i++)
		fputc(letter, terminal->out);
}

void terminal_erase(struct terminal *terminal, int columns)
{
	if (!terminal->is_drawn)
		return;
	struct layout_place cursor;
	struct layout_place end;
	locate(terminal, columns, &cursor, &end);
	terminal->is_drawn = false;
	fputc('\r', terminal->out);
	if (can(terminal, "cd") && (cursor.row == 0 || can(terminal, "up"))) {
		for (int i = 0; i < cursor.row; i++)
			el_wset(terminal->edit, EL_ECHOTC, L"up", NULL);
		el_wset(terminal->edit, EL_ECHOTC, L"cd", NULL);
	} else if (end.row == 0) {
		repeat(terminal, ' ', end.column);
		fputc('\r', terminal->out);
	} else {
		repeat(terminal, '\n', end.row - cursor.row + 1); // cannot go up: go on below
	}
}

void terminal_draw(struct terminal *terminal)
{
	if (!terminal->is_wanted || terminal->is_drawn || terminal->flow.column != 0)
		return;
	terminal->is_drawn = true;
	el_set(terminal->edit, EL_REFRESH);
	fflush(terminal->out);
}

int terminal_columns(struct terminal *terminal)
{
	int columns = 0;
	el_get(terminal->edit, EL_GETTC, "co", &columns); // libedit keeps it up to date, and above 1
	return columns;
}

// xterm leaves rows as they are when its width changes; others break them anew.
static bool breaks_anew(void)
{
	return getenv("XTERM_VERSION") == NULL || getenv("TMUX") != NULL;
}

static bool set_up_edit(struct terminal *terminal)
{
	const char *term = getenv("TERM");
	if (term != NULL && strcmp(term, "emacs") == 0 && setenv("TERM", "dumb", 1) != 0)
		return false;
	// libedit writes a complaint about an unknown terminal and goes on; there is nobody to read it.
	terminal->sink = fopen("/dev/null", "we");
	const int out_fd = dup(STDOUT_FILENO);
	if (out_fd >= 0)
		terminal->out = fdopen(out_fd, "w");
	if (terminal->sink == NULL || terminal->out == NULL)
		return false;
	setvbuf(terminal->out, NULL, _IOFBF, BUFSIZ);
	terminal->edit = el_init("mms", stdin, terminal->out, terminal->sink);
	terminal->history = history_winit();
	if (terminal->edit == NULL || terminal->history == NULL)
		return false;
	EditLine *edit = terminal->edit;
	HistEventW event;
	history_w(terminal->history, &event, H_SETSIZE, TERMINAL_HISTORY_LINES);
	history_w(terminal->history, &event, H_SETUNIQUE, 1);
	el_wset(edit, EL_CLIENTDATA, terminal);
	el_wset(edit, EL_PROMPT, prompt_text);
	el_wset(edit, EL_HIST, history_w, terminal->history);
	el_wset(edit, EL_GETCFN, terminal_next_point);
	el_wset(edit, EL_EDITOR, L"emacs");
	el_wset(edit, EL_BIND, L"^I", L"ed-insert", NULL);
	// The incremental searches wait for keys on their own.
	el_wset(edit, EL_BIND, L"^R", L"ed-search-prev-history", NULL);
	el_wset(edit, EL_BIND, L"^S", L"ed-search-next-history", NULL);
	// libedit changes to its "execute" modes between lines: they must not echo what is typed ahead either.
	el_wset(edit, EL_SETTY, L"-x", L"-echo", L"-icanon", L"-ixon", NULL);
	el_wset(edit, EL_SETTY, L"-d", L"-ixon", NULL);
	el_wset(edit, EL_UNBUFFERED, 1);
	return true;
}

enum mms_err terminal_open(struct terminal **terminal, const char *prompt, struct reason *why)
{
	struct termios saved;
	if (!isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &saved) != 0)
		return MMS_E_MISSING;
	layout_set_locale(); // libedit writes what is UTF-8 on every side
	struct terminal *opened = calloc(1, sizeof *opened);
	if (opened == NULL)
		goto failed;
	opened->saved = saved;
	opened->breaks_anew = breaks_anew();
	assert(strlen(prompt) < sizeof opened->prompt / sizeof opened->prompt[0]);
	for (size_t i = 0; prompt[i] != '\0'; i++)
		opened->prompt[i] = (unsigned char)prompt[i];
	if (!set_up_edit(opened))
		goto failed;
	*terminal = opened;
	return MMS_OK;
failed:
	snprintf(why->text, sizeof why->text, "the terminal cannot be set up for typing (%s); check TERM and the "
		 "limits of memory and open files, or give commands on standard input from a file", strerror(errno));
	terminal_close(opened);
	return MMS_E_IO;
}

void terminal_close(struct terminal *terminal)
{
	if (terminal == NULL)
		return;
	if (terminal->is_drawn) {
		struct layout_place cursor;
		struct layout_place end;
		locate(terminal, terminal_columns(terminal), &cursor, &end);
		repeat(terminal, '\n', end.row - cursor.row + 1);
		fflush(terminal->out);
	}
	if (terminal->edit != NULL)
		el_end(terminal->edit);
	terminal_restore(terminal);
	if (terminal->history != NULL)
		history_wend(terminal->history);
	if (terminal->out != NULL)
		fclose(terminal->out);
	if (terminal->sink != NULL)
		fclose(terminal->sink);
	free(terminal);
}

void terminal_restore(const struct terminal *terminal)
{
	tcsetattr(STDIN_FILENO, TCSANOW, &terminal->saved);
}

void terminal_prompt_show(struct terminal *terminal)
{
	terminal->is_wanted = true;
	terminal_draw(terminal);
}

void terminal_prompt_hide(struct terminal *terminal)
{
	terminal->is_wanted = false;
	terminal_erase(terminal, terminal_columns(terminal));
	fflush(terminal->out);
}

static void write_flowing(struct terminal *terminal, const char *text, size_t bytes)
{
	const int columns = terminal_columns(terminal);
	while (bytes > 0) {
		uint32_t point = 0;
		const size_t length = utf8_decode(text, bytes, &point);
		const size_t taken = length == 0 ? 1 : length;
		if (layout_flow_step(&terminal->flow, point, columns)) {
			fputc('\n', terminal->out);
			repeat(terminal, ' ', layout_indent(columns));
		}
		fwrite(text, 1, taken, terminal->out);
		text += taken;
		bytes -= taken;
	}
}

enum mms_err terminal_print(struct terminal *terminal, const char *text, size_t bytes)
{
	assert(text != NULL || bytes == 0);
	clearerr(terminal->out);
	terminal_erase(terminal, terminal_columns(terminal));
	write_flowing(terminal, text, bytes);
	terminal_draw(terminal);
	return fflush(terminal->out) == 0 && !ferror(terminal->out) ? MMS_OK : MMS_E_IO;
}

void terminal_resized(struct terminal *terminal)
{
	const int columns_before = terminal_columns(terminal);
	el_resize(terminal->edit);
	terminal_erase(terminal, terminal->breaks_anew ? terminal_columns(terminal) : columns_before);
	terminal_draw(terminal);
}

void terminal_resumed(struct terminal *terminal)
{
	el_wset(terminal->edit, EL_PREP_TERM, 0);
	el_wset(terminal->edit, EL_PREP_TERM, 1);
	el_resize(terminal->edit);
	// The shell has written since: begin again where it left the cursor.
	fputc('\r', terminal->out);
	terminal->is_drawn = false;
	terminal_draw(terminal);
}
