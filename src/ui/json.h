// SPDX-License-Identifier: ISC
// The objects that `mms listen --json` and `mms who --json` print, one a line. Layer: ui; over libjansson, which
// allocates. Keys come in the order given here, without blanks; legible characters stay as they are; what FILTER_JSON
// of ui/filter.h calls dangerous is escaped. "v" is the version of the object's form.
#ifndef MMS_UI_JSON_H
#define MMS_UI_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"
#include "base/name.h"
#include "base/time.h"
#include "base/uuid.h"

enum { JSON_LINE_BYTES = 6 * TEXT_BYTES_MAX + 512 }; // holds every object with its newline and a zero byte

struct json_line {
	size_t bytes; // with the newline at its end, without the zero byte
	char text[JSON_LINE_BYTES];
};

struct json_message {
	struct uuid id;
	struct name from;
	struct name to;
	struct wtime time;
	const char *text;  // borrowed
	size_t text_bytes; // 1 to TEXT_BYTES_MAX
};

// {"v":1,"id":"<uuid>","from":"…","to":"…","time":"2026-11-22T10:00:00.123Z","text":"…"}
// MMS_E_BAD: the text is not a message (utf8_is_message). MMS_E_FULL: no memory.
enum mms_err json_of_message(struct json_line *line, const struct json_message *message) MUST_CHECK;

// {"v":1,"id":"<uuid>","from":"…","to":"…","time":"…","unsupported":true}: its kind or form is none that this version knows. Its
// text is not looked at. "from" is absent when nobody is named. MMS_E_FULL: no memory.
enum mms_err json_of_unknown(struct json_line *line, const struct json_message *message) MUST_CHECK;

// {"v":1,"user":"…","online":true}
// MMS_E_FULL: no memory.
enum mms_err json_of_user(struct json_line *line, const struct name *user, bool online) MUST_CHECK;

// {"v":1,"gap":N}: the server no longer held N messages for this device.
// MMS_E_FULL: no memory.
enum mms_err json_of_gap(struct json_line *line, uint64_t count) MUST_CHECK;

#endif
