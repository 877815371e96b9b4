// SPDX-License-Identifier: ISC
// Lines on standard error: UTC time, program, text; one write(2) each, so that lines of two processes do not mix.
// Layer: os; for cmd and node. One log a process.
// Must: text that came from a peer has passed the output filter before it gets here. The log only replaces control
// bytes (below 0x20, and 0x7f) by '?', so that one call is one line; bidi controls and broken UTF-8 would go through.
#ifndef MMS_OS_LOG_H
#define MMS_OS_LOG_H

#include "base/err.h"

enum log_level { LOG_LEVEL_WARN = 1, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

enum { LOG_LINE_BYTES_MAX = 1024 }; // a longer line is cut and ends in "..."

// Sets what stands before the text (kept for ever; at most 64 bytes) and the chattiest level that is written. Before
// the first call the prefix is "mms" and the level LOG_LEVEL_INFO.
void log_open(const char *prefix, enum log_level level);

// Writes one line, as printf does, if the level lets it; the newline is added. A line that cannot be written is lost.
void log_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));  // the same, level INFO
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2))); // the same, level DEBUG

#endif
