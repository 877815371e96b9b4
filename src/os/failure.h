// SPDX-License-Identifier: ISC
// Turns errno into our errors and into one sentence for a person. Layer: os; errno does not travel further up.
#ifndef MMS_OS_FAILURE_H
#define MMS_OS_FAILURE_H

#include "base/err.h"

// Writes a sentence into `why` as snprintf does, cut at its room.
void failure_say(struct reason *why, const char *format, ...) __attribute__((format(printf, 2, 3)));

// Describes the errno value `error` of an action on a file: "cannot ACTION PATH: error in words; what to do". Returns
// the error to pass up: MMS_E_MISSING, MMS_E_EXISTS, MMS_E_DENIED, MMS_E_NOSPACE or MMS_E_IO.
enum mms_err failure_file(struct reason *why, int error, const char *action, const char *path);

// The same for memory that could not be had: MMS_E_FULL.
enum mms_err failure_memory(struct reason *why, const char *action, const char *path);

#endif
