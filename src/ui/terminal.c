// SPDX-License-Identifier: ISC
// Life, printing and the prompt of the person's terminal; the contract is in terminal.h, keys are in terminal_read.c.
// libedit keeps the line and draws it; where its rows are on the screen we compute ourselves (ui/layout.h), take them
// off, write what is to stand above, and let it draw the line afresh from the cursor's row.
#include "ui/terminal.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/utf8.h"
#include "ui/terminal_parts.h"

static const char paste_marks_on[] = "\x1b[?2004h";
static const char paste_marks_off[] = "\x1b[?2004l";

// For signal handlers: the terminal that is open, and the modes it was found with.
static volatile sig_atomic_t is_open;
static volatile sig_atomic_t is_marking;
static struct termios modes_found;

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

// A terminal that cannot even go up knows of no pastes; others ignore the order if they do not know it.
static void mark_pastes(struct terminal *terminal, bool on)
{
	if (terminal->marks_pastes == on || (on && !can(terminal, "up")))
		return;
	terminal->marks_pastes = on;
	is_marking = on;
	fputs(on ? paste_marks_on : paste_marks_off, terminal->out);
}

void terminal_draw(struct terminal *terminal)
{
	if (!terminal->is_wanted || terminal->is_drawn || terminal->flow.column != 0)
		return;
	mark_pastes(terminal, true);
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
	el_wset(edit, EL_SETTY, L"-x", L"-echo", L"-icanon", L"-ixon", L"-icrnl", L"-inlcr", NULL);
	el_wset(edit, EL_SETTY, L"-d", L"-ixon", L"-icrnl", L"-inlcr", NULL); // CR LF in a paste is one newline
	el_wset(edit, EL_UNBUFFERED, 1);
	return true;
}

void terminal_restore(void)
{
	if (!is_open)
		return;
	tcsetattr(STDIN_FILENO, TCSANOW, &modes_found);
	if (is_marking) {
		const ssize_t written = write(STDOUT_FILENO, paste_marks_off, sizeof paste_marks_off - 1);
		(void)written;
	}
}

// The signal's own action, which stops or ends the process, happens inside raise.
static void let_happen(int signo)
{
	struct sigaction before;
	const struct sigaction usual = {.sa_handler = SIG_DFL};
	sigset_t set;
	sigset_t blocked;
	sigemptyset(&set);
	sigaddset(&set, signo);
	sigaction(signo, &usual, &before);
	sigprocmask(SIG_UNBLOCK, &set, &blocked);
	raise(signo);
	// cppcheck-suppress unreachableCode ; raise returns when the signal stops us and we go on
	sigprocmask(SIG_SETMASK, &blocked, NULL);
	sigaction(signo, &before, NULL);
}

static void end_by_signal(int signo)
{
	terminal_restore();
	let_happen(signo);
}

// After the stop SIGCONT has the rest done (terminal_resumed). A process without a shell to continue it is not stopped,
// and goes on here.
static void stop_by_signal(int signo)
{
	const int kept_errno = errno;
	struct termios modes;
	const bool is_known = tcgetattr(STDIN_FILENO, &modes) == 0;
	terminal_restore();
	let_happen(signo);
	if (is_known)
		tcsetattr(STDIN_FILENO, TCSANOW, &modes);
	if (is_marking) {
		const ssize_t written = write(STDOUT_FILENO, paste_marks_on, sizeof paste_marks_on - 1);
		(void)written;
	}
	errno = kept_errno;
}

// Signals that are ignored, or have a handler of somebody else's (a sanitizer), stay as they are.
static void handle_signals(void)
{
	static const int signals[] = {SIGTSTP, SIGQUIT, SIGABRT, SIGSEGV, SIGILL, SIGFPE};
	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
		struct sigaction inherited;
		const struct sigaction ours = {.sa_handler = signals[i] == SIGTSTP ? stop_by_signal : end_by_signal,
					       .sa_flags = SA_RESTART};
		if (sigaction(signals[i], NULL, &inherited) == 0 && inherited.sa_handler == SIG_DFL)
			sigaction(signals[i], &ours, NULL);
	}
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
	modes_found = saved;
	is_open = 1;
	handle_signals();
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
	if (terminal->out != NULL && terminal->edit != NULL) {
		mark_pastes(terminal, false);
		fflush(terminal->out);
	}
	if (terminal->edit != NULL)
		el_end(terminal->edit);
	tcsetattr(STDIN_FILENO, TCSANOW, &terminal->saved);
	is_open = 0;
	if (terminal->history != NULL)
		history_wend(terminal->history);
	if (terminal->out != NULL)
		fclose(terminal->out);
	if (terminal->sink != NULL)
		fclose(terminal->sink);
	free(terminal);
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
	terminal->is_pasting = false;
	terminal->marks_pastes = false; // the shell may have ended it
	terminal_draw(terminal);
}
