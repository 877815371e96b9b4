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
#include "base/message.h"
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
	struct message_to to;
	struct wtime time;
	const char *text;  // borrowed
	size_t text_bytes; // 1 to TEXT_BYTES_MAX
	uint64_t row;      // of a room: its place among the room's; else 0
	bool is_history;   // it was said before, and comes now so that what is there is whole
};

// What happened in a room.
struct json_event {
	struct uuid id;
	uint8_t kind;             // one of the server's own (base/message.h)
	struct name by;           // who did it; empty: the operator
	struct message_to to;     // the room, by its name of now
	struct message_to about;  // who came or went; RENAMED: the room's name before
	struct wtime time;
	uint64_t row;
	bool is_history;
};

// {"v":1,"id":"<uuid>","from":"…","to":"…","time":"2026-11-22T10:00:00.123Z","text":"…"}
// "to" of a room is "#…". Of a message to a room follows "row":N, and of one that was said before "history":true.
// MMS_E_BAD: the text is not a message (utf8_is_message). MMS_E_FULL: no memory.
enum mms_err json_of_message(struct json_line *line, const struct json_message *message) MUST_CHECK;

// {"v":1,"id":"<uuid>","from":"…","to":"…","time":"…","unsupported":true}: its kind or form is none that this version knows. Its
// text is not looked at. "from" is absent when nobody is named. MMS_E_FULL: no memory.
enum mms_err json_of_unknown(struct json_line *line, const struct json_message *message) MUST_CHECK;

// {"v":1,"id":"<uuid>","event":"joined","user":"…","by":"…","to":"#…","time":"…","row":N}
// "event" is joined, left, removed or renamed; of the last, "was":"#…" stands for "user". "by" is absent when it was the operator.
// "history":true may follow. MMS_E_FULL: no memory.
enum mms_err json_of_event(struct json_line *line, const struct json_event *event) MUST_CHECK;

// {"v":1,"user":"…","online":true}
// MMS_E_FULL: no memory.
enum mms_err json_of_user(struct json_line *line, const struct name *user, bool online) MUST_CHECK;

// {"v":1,"gap":N}: the server no longer held N messages for this device; of a room, {"v":1,"gap":N,"to":"#…","row":N}, with the row
// of the first. `row` is 0 where it is of no room. MMS_E_FULL: no memory.
enum mms_err json_of_gap(struct json_line *line, uint64_t count, const struct message_to *room, uint64_t row) MUST_CHECK;

#endif
