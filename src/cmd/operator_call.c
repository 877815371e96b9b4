// SPDX-License-Identifier: ISC
// A request to a running server; the contract is in operator_call.h.
#include "cmd/operator_call.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/data.h"
#include "cmd/exit.h"
#include "os/clock.h"
#include "os/failure.h"
#include "os/local.h"

enum { STATUS_MAX = 255, STATUS_DIGITS_MAX = 3 };

struct call {
	int fd;
	bool is_of_rooms; // the request
	struct operator_reply reply;
	bool is_over; // the answer is whole, or nothing more comes
	bool has_status;
	void (*each)(void *context, const struct operator_line *line);
	void *context;
	struct reason *why;
	size_t bytes; // of text
	char text[2 * OPERATOR_CHUNK_BYTES_MAX];
};

static void fail(struct call *call, int status, const char *sentence)
{
	failure_say(call->why, "%s", sentence);
	call->reply.status = status;
	call->is_over = true;
}

static void fail_silent(struct call *call)
{
	fail(call, EXIT_LATER,
	     call->is_of_rooms ? "the server does not answer; whether it was done shows \"mms room list\" later"
			       : "the server does not answer; whether it was done shows \"mms user list\" later");
}

static void fail_gone(struct call *call)
{
	fail(call, EXIT_IO,
	     call->is_of_rooms ? "the server ended before it answered; whether it was done shows \"mms room list\""
			       : "the server ended before it answered; whether it was done shows \"mms user list\"");
}

static void say(struct call *call, const struct operator_request *request)
{
	char text[OPERATOR_REQUEST_BYTES_MAX];
	const size_t bytes = operator_request_encode(request, text);
	// It fits the socket's buffer: whatever is not taken at once, is not taken.
	if (local_send(call->fd, text, bytes) != (ssize_t)bytes)
		fail_gone(call);
}

// Waits for more of the answer. A signal that changes nothing (a stop) may end a wait early.
static void hear(struct call *call)
{
	const struct mtime end = mtime_add_ms(clock_monotonic(), (int64_t)OPERATOR_WAIT_S * 1000);
	ssize_t got;
	do
		got = local_recv(call->fd, call->text + call->bytes, sizeof call->text - call->bytes);
	while (got == 0 && !mtime_is_due(end, clock_monotonic()));
	if (got < 0)
		fail_gone(call);
	else if (got == 0)
		fail_silent(call);
	else
		call->bytes += (size_t)got;
}

static bool take_status(struct call *call, const struct operator_line *line)
{
	char digits[STATUS_DIGITS_MAX + 1] = "";
	char *end;
	if (line->value_bytes == 0 || line->value_bytes > STATUS_DIGITS_MAX)
		return false;
	memcpy(digits, line->value, line->value_bytes);
	const long status = strtol(digits, &end, 10);
	call->reply.status = (int)status;
	call->has_status = true;
	return *end == 0 && status >= 0 && status <= STATUS_MAX;
}

// False: it is no line of an answer.
static bool take_line(struct call *call, const struct operator_line *line)
{
	if (line->key_bytes == 0) {
		call->is_over = true;
		return call->has_status;
	}
	if (operator_line_is(line, OPERATOR_KEY_STATUS))
		return take_status(call, line);
	if (operator_line_is(line, OPERATOR_KEY_REASON))
		failure_say(call->why, "%.*s", (int)line->value_bytes, line->value);
	else if (operator_line_is(line, OPERATOR_KEY_KNOWN))
		call->reply.is_known = true;
	else if (operator_line_is(line, OPERATOR_KEY_ALREADY))
		call->reply.is_already = true;
	else if (operator_line_is(line, OPERATOR_KEY_MEMBERS))
		return operator_count_read(&call->reply.member_count, line->value, line->value_bytes);
	else if (call->each != NULL)
		call->each(call->context, line);
	return true;
}

// Takes the lines that are whole.
static void take_lines(struct call *call)
{
	size_t used = 0;
	struct operator_line line;
	while (!call->is_over) {
		const size_t bytes = operator_line_read(&line, call->text + used, call->bytes - used);
		if (bytes == 0)
			break;
		used += bytes;
		if (!take_line(call, &line))
			fail(call, EXIT_PROTOCOL, "the server's answer makes no sense; are both the same version of MMS?");
	}
	memmove(call->text, call->text + used, call->bytes - used);
	call->bytes -= used;
	if (!call->is_over && (call->bytes == sizeof call->text || memchr(call->text, '\n', call->bytes) != NULL))
		fail(call, EXIT_PROTOCOL, "the server's answer makes no sense; are both the same version of MMS?");
}

static struct operator_reply refuse_to_ask(enum mms_err err)
{
	const int status = err == MMS_E_DENIED ? EXIT_DENIED : err == MMS_E_MISSING ? EXIT_DONE : EXIT_IO;
	return (struct operator_reply){.is_there = err != MMS_E_MISSING, .status = status};
}

struct operator_reply operator_call(const char *folder, const struct operator_request *request,
				    void (*each)(void *context, const struct operator_line *line), void *context,
				    struct reason *why)
{
	static struct call call; // too large for a stack
	call = (struct call){.is_of_rooms = operator_verb_is_of_rooms(request->verb),
			     .reply = {.is_there = true},
			     .each = each,
			     .context = context,
			     .why = why};
	const enum mms_err err = local_connect(folder, DATA_SOCKET, OPERATOR_WAIT_S, &call.fd, why);
	if (err != MMS_OK)
		return refuse_to_ask(err);
	say(&call, request);
	while (!call.is_over) {
		hear(&call);
		if (!call.is_over)
			take_lines(&call);
	}
	close(call.fd);
	return call.reply;
}
