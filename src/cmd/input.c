// SPDX-License-Identifier: ISC
// Where the client's commands come from; the contract is in input.h.
#include "cmd/input.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cmd/exit.h"
#include "cmd/output.h"
#include "os/standard.h"
#include "ui/printer.h"

enum mms_err input_open(struct input *input, struct reason *why)
{
	const enum mms_err err = terminal_open(&input->terminal, "> ", why);
	if (err != MMS_E_MISSING)
		return err;
	input->terminal = NULL;
	return MMS_OK;
}

void input_close(struct input *input)
{
	if (input->terminal != NULL)
		terminal_close(input->terminal);
	input->terminal = NULL;
}

void input_show(struct input *input)
{
	if (input->terminal != NULL)
		terminal_prompt_show(input->terminal);
}

void input_hide(struct input *input)
{
	if (input->terminal != NULL)
		terminal_prompt_hide(input->terminal);
}

bool input_is_pending(const struct input *input)
{
	if (input->terminal != NULL)
		return terminal_is_pending(input->terminal);
	return input->is_ended || input->pending_at < input->pending_bytes;
}

int input_fd(const struct input *input)
{
	if (input->terminal != NULL)
		return terminal_fd(input->terminal);
	return input_is_pending(input) ? -1 : STDIN_FILENO;
}

// Reads once what a pipe or file holds; only when poll has said that this does not wait.
static void fill(struct input *input)
{
	const ssize_t bytes = read(STDIN_FILENO, input->pending, sizeof input->pending);
	input->pending_at = 0;
	input->pending_bytes = bytes > 0 ? (size_t)bytes : 0;
	if (bytes < 0 && errno != EAGAIN && errno != EINTR) {
		struct reason why;
		standard_fail_read(&why, errno);
		(void)printer_line(PRINTER_ERR, "mms client: %s", why.text);
		input->is_unreadable = true;
	}
	input->is_ended = bytes == 0 || input->is_unreadable;
}

static enum terminal_input finish_line(struct input *input, struct terminal_line *line)
{
	const bool is_overlong = input->is_overlong;
	*line = input->line;
	line->text[line->bytes] = 0;
	input->line.bytes = 0;
	input->is_overlong = false;
	return is_overlong ? TERMINAL_OVERLONG : TERMINAL_LINE;
}

static enum terminal_input next_of_pipe(struct input *input, struct terminal_line *line)
{
	if (input->pending_at == input->pending_bytes && !input->is_ended)
		fill(input);
	while (input->pending_at < input->pending_bytes) {
		const char letter = input->pending[input->pending_at++];
		if (letter == '\n')
			return finish_line(input, line);
		if (input->line.bytes < TERMINAL_LINE_BYTES_MAX)
			input->line.text[input->line.bytes++] = letter;
		else
			input->is_overlong = true;
	}
	if (!input->is_ended)
		return TERMINAL_NOTHING;
	// What came before the input failed may be half of a line.
	return input->line.bytes > 0 && !input->is_unreadable ? finish_line(input, line) : TERMINAL_END;
}

enum terminal_input input_next(struct input *input, struct terminal_line *line)
{
	return input->terminal != NULL ? terminal_read(input->terminal, line) : next_of_pipe(input, line);
}

void input_print(struct input *input, const char *text, size_t bytes)
{
	if (input->terminal != NULL)
		input->is_failed = input->is_failed || terminal_print(input->terminal, text, bytes) != MMS_OK;
	else
		(void)printer_write(PRINTER_OUT, text, bytes); // input_flush tells
}

bool input_flush(struct input *input)
{
	if (!input->is_failed && input->terminal == NULL) {
		input->status = output_flush("mms client");
		input->is_failed = input->status != EXIT_DONE;
	} else if (input->is_failed && input->status == EXIT_DONE) {
		input->status = EXIT_IO;
	}
	return !input->is_failed;
}
