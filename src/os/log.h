// SPDX-License-Identifier: ISC
// Lines on standard error: UTC time, program, text; one write(2) each, so that lines of two processes do not mix
// where there is room.
// A log must not stop the service. (Only another program that fills the same pipe between two system calls of ours can.)
// Layer: os; for cmd and node. One log a process.
// Whatever the arguments say, one call is one line that a terminal may show: '?' stands over each byte of a control, of
// a code point that is dangerous there (base/control.h) and of what is not UTF-8.
#ifndef MMS_OS_LOG_H
#define MMS_OS_LOG_H

#include "base/err.h"

enum log_level { LOG_LEVEL_WARN = 1, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

enum { LOG_LINE_BYTES_MAX = 1024 }; // a longer line is cut and ends in "..."

// Sets what stands before the text (kept for ever; at most 64 bytes) and the chattiest level that is written. Before
// the first call the prefix is "mms" and the level LOG_LEVEL_INFO.
void log_open(const char *prefix, enum log_level level);

// Writes one line, as printf does, if the level lets it; the newline is added. Waits for nobody (at a terminal no longer
// than STANDARD_TERMINAL_MS, os/standard.h): a line for which there is no room, since nobody reads the log or its disk is
// full, is lost or cut, and how many were is said before the next line that is not.
void log_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));  // the same, level INFO
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2))); // the same, level DEBUG

#endif
