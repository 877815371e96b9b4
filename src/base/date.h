// SPDX-License-Identifier: ISC
// Moments of civil time as text: the RFC 3339 profile of ISO 8601, always UTC ("Z"), Gregorian calendar, no leap
// seconds. Layer: base, pure.
#ifndef MMS_BASE_DATE_H
#define MMS_BASE_DATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/time.h"

enum { DATE_TEXT_BYTES = 25 }; // "2026-11-22T10:00:00.123Z" and a zero byte; the form in seconds is 4 bytes shorter

// Writes YYYY-MM-DDTHH:MM:SS.mmmZ and a zero byte. A moment outside the years 0000 to 9999 is written as the nearest
// one inside, since it may come from a peer.
void date_format_ms(struct wtime at, char text[DATE_TEXT_BYTES]);

// Writes YYYY-MM-DDTHH:MM:SSZ and a zero byte; parts of a second are cut off, towards the past. The same bounds.
void date_format_s(struct wtime at, char text[DATE_TEXT_BYTES]);

// Reads exactly YYYY-MM-DDTHH:MM:SSZ, years 0000 to 9999, upper case. False, and `*at` unchanged: anything else, also
// a day its month does not have, or second 60.
bool date_parse(struct wtime *at, const char *text, size_t bytes);

#endif
