// SPDX-License-Identifier: ISC
// Lines on standard error; the contract is in log.h.
#include "os/log.h"

#include <assert.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/control.h"
#include "base/date.h"
#include "base/utf8.h"
#include "os/clock.h"
#include "os/standard.h"

enum { PREFIX_BYTES_MAX = 64, HEAD_BYTES_MAX = 128 };

static const char *line_prefix = "mms";
static enum log_level chattiest = LOG_LEVEL_INFO;
static uint64_t lost_count; // lines since the last one that was written
static bool is_cut;         // the last one was written in part

static_assert(LOG_LINE_BYTES_MAX + 1 <= PIPE_BUF, "what poll calls ready takes a whole line");

void log_open(const char *prefix, enum log_level level)
{
	assert(strlen(prefix) <= PREFIX_BYTES_MAX);
	assert(level >= LOG_LEVEL_WARN && level <= LOG_LEVEL_DEBUG);
	line_prefix = prefix;
	chattiest = level;
}

// The start of a line, "2026-02-03T04:05:06.789Z mms: ". Returns its bytes.
static size_t write_head(char *line, size_t capacity)
{
	char now[DATE_TEXT_BYTES];
	date_format_ms(clock_wall(), now);
	const int bytes = snprintf(line, capacity, "%s %s: ", now, line_prefix);
	assert(bytes > 0 && (size_t)bytes < capacity);
	return (size_t)bytes;
}

// Puts "..." over the end of a line that was cut, at the start of a character. Returns the line's bytes.
static size_t mark_cut(char *line, size_t end)
{
	size_t at = end - 3;
	while ((line[at] & 0xc0) == 0x80)
		at--;
	memset(line + at, '.', 3);
	return at + 3;
}

// Puts '?' over every byte of a control, of a code point the output filter would replace, and of what is not UTF-8.
static void mask(char *text, size_t bytes)
{
	for (size_t at = 0; at < bytes;) {
		uint32_t point = 0;
		const size_t length = utf8_decode(text + at, bytes - at, &point);
		const size_t taken = length == 0 ? 1 : length;
		if (length == 0 || point == '\n' || point == '\t' || control_is_dangerous(point))
			memset(text + at, '?', taken);
		at += taken;
	}
}

// Returns how many bytes there was room for.
static size_t put_some(const char *text, size_t bytes)
{
	struct pollfd polled = {.fd = STDERR_FILENO, .events = POLLOUT};
	if (poll(&polled, 1, 0) <= 0)
		return 0;
	const ssize_t written = standard_write(STDERR_FILENO, text, bytes);
	return written > 0 ? (size_t)written : 0;
}

// False: there is no room for it now, or not for all of it.
static bool put(const char *line, size_t bytes)
{
	if (is_cut && put_some("\n", 1) == 0)
		return false;
	const size_t written = put_some(line, bytes);
	is_cut = written > 0 && written < bytes;
	return written == bytes;
}

static bool put_lost(void)
{
	char line[HEAD_BYTES_MAX + 128];
	const size_t head = write_head(line, HEAD_BYTES_MAX);
	const int more = snprintf(line + head, sizeof line - head,
				  "%" PRIu64 " lines of this log are lost: there was no room where it goes\n", lost_count);
	assert(more > 0 && (size_t)more < sizeof line - head);
	return put(line, head + (size_t)more);
}

__attribute__((format(printf, 2, 0)))
static void write_line(enum log_level level, const char *format, va_list arguments)
{
	char line[LOG_LINE_BYTES_MAX + 1]; // the zero byte's place is the newline's in the end
	if (level > chattiest)
		return;
	const size_t head = write_head(line, HEAD_BYTES_MAX);
	const int wanted = vsnprintf(line + head, LOG_LINE_BYTES_MAX - head, format, arguments);
	size_t end = strlen(line);
	if (wanted >= 0 && (size_t)wanted >= LOG_LINE_BYTES_MAX - head)
		end = mark_cut(line, end);
	mask(line + head, end - head);
	line[end++] = '\n';
	if (lost_count > 0 && put_lost())
		lost_count = 0;
	if (lost_count > 0 || !put(line, end))
		lost_count++;
}

void log_warn(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	write_line(LOG_LEVEL_WARN, format, arguments);
	va_end(arguments);
}

void log_info(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	write_line(LOG_LEVEL_INFO, format, arguments);
	va_end(arguments);
}

void log_debug(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	write_line(LOG_LEVEL_DEBUG, format, arguments);
	va_end(arguments);
}
