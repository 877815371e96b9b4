// SPDX-License-Identifier: ISC
// Lines on standard output and error; the contract is in printer.h.
#include "ui/printer.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/utf8.h"
#include "ui/filter.h"
#include "ui/layout.h"

enum {
	COLUMNS_UNKNOWN = 80, // a terminal that does not say how wide it is (a serial line) is taken for this
};

static struct layout_flow flows[2]; // where the next character comes to stand, for each stream

static const struct printer_port *way;

void printer_open(const struct printer_port *port)
{
	way = port;
}

int printer_columns(enum printer_stream stream)
{
	struct winsize size = {0};
	const int fd = stream == PRINTER_OUT ? STDOUT_FILENO : STDERR_FILENO;
	if (!isatty(fd))
		return 0;
	return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : COLUMNS_UNKNOWN;
}

static bool write_flowing(enum printer_stream stream, int columns, const char *text, size_t bytes)
{
	bool is_written = true;
	size_t begin = 0;
	layout_set_locale();
	for (size_t at = 0; at < bytes;) {
		uint32_t point = 0;
		const size_t length = utf8_decode(text + at, bytes - at, &point);
		if (layout_flow_step(&flows[stream], point, columns)) {
			char indent[16];
			const int indent_bytes = snprintf(indent, sizeof indent, "\n%*s", layout_indent(columns), "");
			is_written = is_written && printer_write_whole(stream, text + begin, at - begin) &&
				     printer_write_whole(stream, indent, (size_t)indent_bytes);
			begin = at;
		}
		at += length == 0 ? 1 : length;
	}
	return is_written && printer_write_whole(stream, text + begin, bytes - begin);
}

bool printer_write(enum printer_stream stream, const char *text, size_t bytes)
{
	assert(text != NULL || bytes == 0);
	const int columns = printer_columns(stream);
	return columns == 0 ? printer_write_whole(stream, text, bytes) : write_flowing(stream, columns, text, bytes);
}

bool printer_write_whole(enum printer_stream stream, const char *text, size_t bytes)
{
	assert(way != NULL);
	return way->put(stream, text, bytes);
}

bool printer_line(enum printer_stream stream, const char *format, ...)
{
	char plain[PRINTER_LINE_BYTES_MAX + 1];
	char line[FILTER_CAPACITY(PRINTER_LINE_BYTES_MAX) + 1];
	va_list arguments;
	va_start(arguments, format);
	const int wanted = vsnprintf(plain, sizeof plain, format, arguments);
	va_end(arguments);
	assert(wanted >= 0);
	size_t bytes = filter_text(plain, strlen(plain), FILTER_LINE, line, sizeof line - 1);
	line[bytes++] = '\n';
	return printer_write(stream, line, bytes);
}

static bool write_field(enum printer_stream stream, const char *text)
{
	char field[FILTER_CAPACITY(PRINTER_LINE_BYTES_MAX)];
	const size_t bytes = strnlen(text, PRINTER_LINE_BYTES_MAX);
	return printer_write(stream, field, filter_text(text, bytes, FILTER_LINE, field, sizeof field));
}

bool printer_fields(enum printer_stream stream, const char *first, const char *second)
{
	return write_field(stream, first) && printer_write(stream, "\t", 1) && write_field(stream, second) &&
	       printer_write(stream, "\n", 1);
}

bool printer_flush(enum printer_stream stream)
{
	assert(way != NULL);
	return way->flush(stream);
}
