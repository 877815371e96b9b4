// SPDX-License-Identifier: ISC
// The printer's way to the system; the contract is in output.h.
#include "cmd/output.h"

#include "cmd/exit.h"
#include "os/standard.h"
#include "ui/printer.h"

static bool put(enum printer_stream stream, const char *text, size_t bytes)
{
	if (stream == PRINTER_OUT)
		return standard_put(text, bytes);
	standard_say(text, bytes);
	return true; // where could it be told that this failed
}

static bool flush(enum printer_stream stream)
{
	struct reason why;
	return stream != PRINTER_OUT || standard_flush(&why) == STANDARD_OK;
}

void output_open(void)
{
	static const struct printer_port port = {put, flush};
	printer_open(&port);
}

int output_flush(const char *command)
{
	struct reason why;
	switch (standard_flush(&why)) {
	case STANDARD_OK:
		return EXIT_DONE;
	case STANDARD_GONE:
		return EXIT_NO_READER;
	case STANDARD_STOPPED:
		return EXIT_INTERRUPTED;
	case STANDARD_LATE:
		return EXIT_LATER;
	case STANDARD_FAILED:
		break;
	}
	(void)printer_line(PRINTER_ERR, "%s: %s", command, why.text);
	return EXIT_IO;
}
