// SPDX-License-Identifier: ISC
// The one output filter: whatever came from the network, a file or a command line passes it before a terminal, a log
// or a JSON reader sees it (doc/security.md). Layer: ui, pure; no allocation, works in the caller's memory.
//
// Each dangerous code point (base/control.h) is replaced, visibly, by \uXXXX with four lower-case hexadecimal digits: an
// escape byte reads \u001b. Each byte that is not UTF-8 becomes U+FFFD. All else stays.
#ifndef MMS_UI_FILTER_H
#define MMS_UI_FILTER_H

#include <stddef.h>
#include <stdint.h>

enum filter_mode {
	FILTER_TERMINAL, // newline brings FILTER_INDENT blanks, so that no text can forge a line; tab is kept
	FILTER_LINE,     // newline, tab and backslash become \n, \t and \\ : one line, and the text can be read back
	FILTER_JSON,     // input is serialised JSON: newline and tab are kept; what \uXXXX means is what stood there
};

enum {
	FILTER_INDENT = 9,         // blanks before the later lines of a text on a terminal
	FILTER_EXPANSION_MAX = 10, // bytes written for one byte read, at most (6 in the modes LINE and JSON)
};

// Bytes that always suffice as `capacity` for a text of `bytes` bytes.
#define FILTER_CAPACITY(bytes) ((size_t)FILTER_EXPANSION_MAX * (bytes) + 1)

// Writes `bytes` bytes of `text`, filtered, and a zero byte to `out`. Returns the bytes written without the zero byte;
// no zero byte is among them. `capacity` must hold all of it (asserted); text and out must not overlap.
size_t filter_text(const void *text, size_t bytes, enum filter_mode mode, char *out, size_t capacity);

#endif
