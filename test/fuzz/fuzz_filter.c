// SPDX-License-Identifier: ISC
// The terminal filter, the sentences and the JSON lines that go through it: whatever the text, what comes out is UTF-8
// within the promised size, has nothing that steers a terminal, forges no line, and depends on no cut between
// characters.
#include <jansson.h>
#include <stdio.h>

#include "fuzz.h"
#include "base/utf8.h"
#include "ui/filter.h"
#include "ui/json.h"
#include "ui/phrase.h"

enum { BYTES_MAX = 2000 };

static char filtered[FILTER_CAPACITY(BYTES_MAX)];
static char pieces[FILTER_CAPACITY(BYTES_MAX)];

// From the list in doc/security.md and protocol.md section 12, not from the filter.
static bool steers(uint32_t point)
{
	return (point < 0x20 && point != '\n' && point != '\t') || point == 0x7f || (point >= 0x80 && point <= 0x9f) ||
	       point == 0x61c || point == 0x200e || point == 0x200f || point == 0x2028 || point == 0x2029 ||
	       (point >= 0x202a && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);
}

static void check_harmless(const char *text, size_t bytes, bool may_break_lines, bool is_indented)
{
	for (size_t at = 0; at < bytes;) {
		uint32_t point = 0;
		const size_t length = utf8_decode(text + at, bytes - at, &point);
		assert(length > 0);
		assert(!steers(point));
		assert(may_break_lines || (point != '\n' && point != '\t'));
		if (point == '\n' && is_indented && at + 1 < bytes)
			assert(bytes - at > FILTER_INDENT && memcmp(text + at + 1, "         ", FILTER_INDENT) == 0);
		at += length;
	}
}

static size_t step_of(const uint8_t *text, size_t bytes)
{
	uint32_t point;
	const size_t length = utf8_decode(text, bytes, &point);
	return length == 0 ? 1 : length;
}

// Character by character gives the same.
static void check_cuts(const uint8_t *text, size_t bytes, enum filter_mode mode, size_t filtered_bytes)
{
	size_t used = 0;
	for (size_t at = 0; at < bytes;) {
		const size_t step = step_of(text + at, bytes - at);
		used += filter_text(text + at, step, mode, pieces + used, sizeof pieces - used);
		at += step;
	}
	assert(used == filtered_bytes && memcmp(pieces, filtered, used) == 0);
}

// FILTER_LINE can be read back: what is escaped stands for one thing only.
static void check_readable(const uint8_t *text, size_t bytes, const char *line)
{
	for (size_t at = 0; at < bytes;) {
		uint32_t point = 0;
		unsigned written = 0;
		const size_t length = utf8_decode(text + at, bytes - at, &point);
		if (length == 0) {
			assert(strncmp(line, "\xef\xbf\xbd", 3) == 0);
			line += 3;
		} else if (*line == '\\' && line[1] == 'u') {
			assert(sscanf(line + 2, "%4x", &written) == 1 && written == point);
			line += 6;
		} else if (*line == '\\') {
			assert(point == (line[1] == 'n' ? '\n' : line[1] == 't' ? '\t' : '\\'));
			line += 2;
		} else {
			assert(strncmp(line, (const char *)text + at, length) == 0);
			line += length;
		}
		at += length == 0 ? 1 : length;
	}
	assert(*line == 0);
}

static void try_filter(const uint8_t *text, size_t bytes, enum filter_mode mode)
{
	const size_t filtered_bytes = filter_text(text, bytes, mode, filtered, sizeof filtered);
	assert(filtered_bytes <= bytes * (mode == FILTER_TERMINAL ? FILTER_EXPANSION_MAX : 6));
	assert(strlen(filtered) == filtered_bytes);
	check_harmless(filtered, filtered_bytes, mode != FILTER_LINE, mode == FILTER_TERMINAL);
	check_cuts(text, bytes, mode, filtered_bytes);
	if (mode == FILTER_LINE)
		check_readable(text, bytes, filtered);
}

static char said[FILTER_CAPACITY(BYTES_MAX) + 1024];
static size_t said_bytes;

static void hear(void *context, const char *text, size_t bytes)
{
	(void)context;
	assert(bytes <= sizeof said - said_bytes);
	memcpy(said + said_bytes, text, bytes);
	said_bytes += bytes;
}

// A sentence is one line, or goes on behind the indentation; it ends with its newline.
static void try_phrase(const uint8_t *text, size_t bytes, uint8_t which)
{
	const struct phrase_out out = {hear, NULL, PHRASE_PREFIX, (which & 1) != 0};
	const struct name from = {"fred"};
	const struct message_to to[] = {{{""}, false}, {{"ops"}, true}, {{"Tim"}, false}}; // to this user, to a room, from this user
	char subject[BYTES_MAX + 1];
	said_bytes = 0;
	if (which < 128 && bytes <= TEXT_BYTES_MAX) {
		(which < 64 ? phrase_message : phrase_waiting)(&out, &from, &to[which % 3], (const char *)text, bytes);
	} else {
		memcpy(subject, text, bytes);
		subject[bytes] = 0;
		phrase_say_of(&out, which < 192 ? PHRASE_FAILURE : PHRASE_NOT_A_NAME, subject);
	}
	assert(said_bytes > 0 && said[said_bytes - 1] == '\n');
	check_harmless(said, said_bytes, true, true);
}

static void try_json(const uint8_t *text, size_t bytes)
{
	struct json_line line;
	const struct json_message message = {
		.from = {"fred"}, .to = {{"Tim"}, false}, .time = {1}, .text = (const char *)text, .text_bytes = bytes};
	const enum mms_err err = json_of_message(&line, &message);
	assert((err == MMS_OK) == utf8_is_message(text, bytes));
	if (err != MMS_OK)
		return;
	assert(line.text[line.bytes - 1] == '\n');
	check_harmless(line.text, line.bytes - 1, false, false);
	json_t *object = json_loadb(line.text, line.bytes, 0, NULL);
	const json_t *read = json_object_get(object, "text");
	assert(json_string_length(read) == bytes && memcmp(json_string_value(read), text, bytes) == 0);
	json_decref(object);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	if (bytes < 2 || bytes > BYTES_MAX)
		return 0;
	if (data[0] % 8 == 0)
		try_json(data + 2, bytes - 2);
	else if (data[0] % 8 == 1)
		try_phrase(data + 2, bytes - 2, data[1]);
	else
		try_filter(data + 2, bytes - 2, (enum filter_mode)(data[1] % 3));
	return 0;
}
