// SPDX-License-Identifier: ISC
// Standard output and standard error: the only way anything is printed there, but for the log (os/log.h) and the
// terminal of a conversation (ui/terminal.h). Foreign text (arguments, paths, names, reasons with such in them) passes
// ui/filter.h here. On a terminal rows are broken and indented as ui/layout.h says, so that no text can bring its own
// words to the start of a row by its length; into a file or a pipe the bytes go unbroken. Layer: ui; writes by a
// table of functions (cmd/output.h), asks for a terminal's width, and sets the locale's character type the first time one is a terminal.
// Not for two threads at once.
#ifndef MMS_UI_PRINTER_H
#define MMS_UI_PRINTER_H

#include <stdbool.h>
#include <stddef.h>

enum printer_stream { PRINTER_OUT, PRINTER_ERR };

// How bytes leave; each returns false when the stream has failed.
struct printer_port {
	bool (*put)(enum printer_stream stream, const char *text, size_t bytes);
	bool (*flush)(enum printer_stream stream);
};

// Sets how (the table is kept). Must be called before anything is printed.
void printer_open(const struct printer_port *port);

enum { PRINTER_LINE_BYTES_MAX = 2048 }; // of a line before it is filtered; a longer one is cut

// Prints one line, as printf does; the newline is added. Everything in it passes the filter as one line (FILTER_LINE):
// no argument can begin another line. False: the stream has failed.
bool printer_line(enum printer_stream stream, const char *format, ...) __attribute__((format(printf, 2, 3)));

// Prints two fields with a tab between, as the lists are; each passes the filter as by printer_line.
bool printer_fields(enum printer_stream stream, const char *first, const char *second);

// Prints text that is our own or has passed the filter: lines, or pieces of them cut between characters.
bool printer_write(enum printer_stream stream, const char *text, size_t bytes);

// The same for JSON, which is never broken: whoever reads it is a program.
bool printer_write_whole(enum printer_stream stream, const char *text, size_t bytes);

// How many cells wide the terminal is that a stream leads to, as it is now; 0: it leads elsewhere.
int printer_columns(enum printer_stream stream);

// Sends what is buffered. False: something printed on the stream, now or before, could not be written.
bool printer_flush(enum printer_stream stream);

#endif
