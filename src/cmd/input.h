// SPDX-License-Identifier: ISC
// Where the client's commands come from and its sentences go to: a terminal with line editing, or a pipe or file read a
// line at a time. Layer: cmd.
#ifndef MMS_CMD_INPUT_H
#define MMS_CMD_INPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "ui/terminal.h"

struct input {
	struct terminal *terminal; // NULL: standard input is a pipe or a file
	struct terminal_line line; // the pipe's line so far
	bool is_overlong;
	bool is_ended;
	bool is_unreadable; // it ended since it could not be read, which was said on standard error
	bool is_failed; // standard output takes no more; `status` is the exit status that stands for it
	int status;
	char pending[TERMINAL_LINE_BYTES_MAX]; // read and not taken yet
	size_t pending_at;
	size_t pending_bytes;
};

// Takes over standard input and output. Errors as terminal_open, but a pipe is no error.
enum mms_err input_open(struct input *input, struct reason *why) MUST_CHECK;

// Gives the terminal back.
void input_close(struct input *input);

// Lets the next command be typed, or shows that one is at work.
void input_show(struct input *input);
void input_hide(struct input *input); // see input_show

// What to wait for before input_next; -1: it need not be waited for (something is pending) or cannot be.
int input_fd(const struct input *input);

// Whether input_next can give something without waiting.
bool input_is_pending(const struct input *input);

// The next line, as terminal_read; a pipe without a newline at its end still gives its last line, unless reading it failed.
enum terminal_input input_next(struct input *input, struct terminal_line *line);

// Prints sentences above the line being typed. A pipe's are flushed at once; is_failed when they cannot be written.
void input_print(struct input *input, const char *text, size_t bytes);

// Flushes; false: standard output takes no more. What cannot be written is told once on standard error.
bool input_flush(struct input *input);

#endif
