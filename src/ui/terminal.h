// SPDX-License-Identifier: ISC
// The person's terminal: a prompt with line editing (libedit), and lines printed above it while something is being
// typed. Layer: ui; system calls on standard input and output only. One at a time, one thread; made for an event loop:
// nothing here waits for a key. While it is open nobody else may read standard input or write standard output.
//
// The terminal neither echoes nor assembles lines by itself from open to close; Ctrl-C, Ctrl-\ and Ctrl-Z stay signals,
// Ctrl-S does not stop the output. Lines are UTF-8 whatever the locale says. History lives in memory. Anything printed
// must have passed ui/filter.h; rows longer than the screen are broken and indented here (ui/layout.h).
#ifndef MMS_UI_TERMINAL_H
#define MMS_UI_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum {
	TERMINAL_LINE_BYTES_MAX = 4096, // typed in one line; full: a key that adds to it is refused with a bell
	TERMINAL_HISTORY_LINES = 500,   // remembered; full: the oldest goes
	TERMINAL_READ_BYTES = 4096,     // read at a time, which is as much as Linux keeps of what is typed; full and with
	                                // a newline: a paste
};

enum terminal_input {
	TERMINAL_NOTHING,  // no complete line for now
	TERMINAL_LINE,     // a line; the prompt is hidden now
	TERMINAL_OVERLONG, // a line that lost keys to TERMINAL_LINE_BYTES_MAX, not to be obeyed; likewise
	TERMINAL_END,      // Ctrl-D on an empty line, or the terminal is gone; the prompt is hidden now
};

struct terminal_line {
	char text[TERMINAL_LINE_BYTES_MAX + 1]; // ended by a zero byte; newlines only where several lines were pasted
	size_t bytes;
};

struct terminal;

// Takes over the terminal on standard input and output, with the prompt still hidden. `prompt` is ASCII of up to 8
// letters, kept until the close. Sets the locale's character type to the environment's, or C.UTF-8 if that is not
// UTF-8, and TERM to dumb when it names no terminal libedit can edit on. MMS_E_MISSING: standard input or output is not
// a terminal, and `why` is not filled. MMS_E_IO: it cannot be set up.
enum mms_err terminal_open(struct terminal **terminal, const char *prompt, struct reason *why) MUST_CHECK;

// Leaves what is being typed on the screen, with the cursor on a new line below, and gives the terminal back as it was.
// What was typed ahead and not read is dropped, so that no shell takes it for commands. NULL is allowed.
void terminal_close(struct terminal *terminal);

// Only gives the terminal that is open, if one is, back its modes. Safe in a signal handler, for an end that cannot take
// the way of the close; signals that end or stop the process at once (Ctrl-\, Ctrl-Z, our own mistakes) call it from
// handlers that terminal_open sets where the signal had its default action.
void terminal_restore(void);

// What to wait for, readable; -1 while the prompt is hidden, when what is typed stays with the system, and when
// terminal_is_pending.
int terminal_fd(const struct terminal *terminal);

// Whether terminal_read has something to take without waiting.
bool terminal_is_pending(const struct terminal *terminal);

// Reads keys until a line is complete or none are left; the next call gives the next line. TERMINAL_NOTHING while the
// prompt is hidden; `line` is written for TERMINAL_LINE. Must: after TERMINAL_LINE or TERMINAL_OVERLONG,
// terminal_prompt_show when the command is done.
//
// A paste never ends a line: its newlines become part of it (shown as ^M), those at its start and end are dropped, and
// its other controls do nothing. A paste is what the terminal marks as one (private mode 2004); without marks, what one
// read finds when it has more than one newline, and what follows without a pause. An Enter that comes with the end of
// a paste, without a pause, does nothing either. A paste whose end mark was lost: Ctrl-U ends it.
enum terminal_input terminal_read(struct terminal *terminal, struct terminal_line *line);

// Shows the prompt and the line being typed; what was typed ahead appears with the next reads. No effect when shown.
void terminal_prompt_show(struct terminal *terminal);

// Takes the prompt and the line being typed off the screen; the line is kept. No effect when hidden.
void terminal_prompt_hide(struct terminal *terminal);

// Prints above the prompt. A text may be a part of a line, cut between characters: a shown prompt comes back with the
// newline. MMS_E_IO: not all of it was taken by the terminal.
enum mms_err terminal_print(struct terminal *terminal, const char *text, size_t bytes) MUST_CHECK;

// Call after SIGWINCH: redraws for the new size.
void terminal_resized(struct terminal *terminal);

// Call after SIGCONT: takes the terminal over again and redraws.
void terminal_resumed(struct terminal *terminal);

#endif
