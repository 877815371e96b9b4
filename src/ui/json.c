// SPDX-License-Identifier: ISC
// JSON lines over libjansson; the contract is in json.h.
#include "ui/json.h"

#include <assert.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/date.h"
#include "base/utf8.h"
#include "ui/filter.h"

// Serialises, filters and ends the line; takes `object`, which is NULL when there was no memory for it.
static enum mms_err finish(struct json_line *line, json_t *object)
{
	enum mms_err rc = MMS_E_FULL;
	char *text = NULL;
	if (object == NULL)
		goto out;
	text = json_dumps(object, JSON_COMPACT);
	if (text == NULL)
		goto out;
	line->bytes = filter_text(text, strlen(text), FILTER_JSON, line->text, sizeof line->text - 1);
	line->text[line->bytes++] = '\n';
	line->text[line->bytes] = '\0';
	rc = MMS_OK;
out:
	free(text);
	json_decref(object);
	return rc;
}

struct to_text {
	char text[MESSAGE_TO_BYTES_MAX + 1];
};

static struct to_text text_of(const struct message_to *to)
{
	struct to_text written = {""};
	written.text[message_to_write(to, (uint8_t *)written.text)] = 0;
	return written;
}

// What is known of its place. Takes `object`, and gives it, or NULL when there was no memory.
static json_t *add_place(json_t *object, uint64_t row, bool is_history)
{
	bool is_whole = object != NULL;
	if (is_whole && row != 0)
		is_whole = json_object_set_new(object, "row", json_integer((json_int_t)row)) == 0;
	if (is_whole && is_history)
		is_whole = json_object_set_new(object, "history", json_true()) == 0;
	if (is_whole)
		return object;
	json_decref(object);
	return NULL;
}

enum mms_err json_of_message(struct json_line *line, const struct json_message *message)
{
	if (!utf8_is_message(message->text, message->text_bytes))
		return MMS_E_BAD;
	char id[UUID_TEXT_BYTES];
	char time[DATE_TEXT_BYTES];
	uuid_format(&message->id, id);
	date_format_ms(message->time, time);
	json_t *object = json_pack("{s:i,s:s,s:s,s:s,s:s,s:s%}", "v", 1, "id", id, "from", message->from.text, "to",
				   text_of(&message->to).text, "time", time, "text", message->text, message->text_bytes);
	return finish(line, add_place(object, message->row, message->is_history));
}

enum mms_err json_of_unknown(struct json_line *line, const struct json_message *message)
{
	char id[UUID_TEXT_BYTES];
	char time[DATE_TEXT_BYTES];
	uuid_format(&message->id, id);
	date_format_ms(message->time, time);
	json_t *object = json_pack("{s:i,s:s,s:s*,s:s,s:s,s:b}", "v", 1, "id", id, "from",
				   name_bytes(&message->from) == 0 ? NULL : message->from.text, "to",
				   text_of(&message->to).text, "time", time, "unsupported", 1);
	return finish(line, add_place(object, message->row, message->is_history));
}

enum mms_err json_of_event(struct json_line *line, const struct json_event *event)
{
	static const char *const names[] = {
		[MESSAGE_JOINED] = "joined", [MESSAGE_LEFT] = "left", [MESSAGE_REMOVED] = "removed", [MESSAGE_RENAMED] = "renamed"};
	assert(message_kind_is_server(event->kind));
	char id[UUID_TEXT_BYTES];
	char time[DATE_TEXT_BYTES];
	uuid_format(&event->id, id);
	date_format_ms(event->time, time);
	json_t *object = json_pack("{s:i,s:s,s:s,s:s,s:s*,s:s,s:s}", "v", 1, "id", id, "event", names[event->kind],
				   event->kind == MESSAGE_RENAMED ? "was" : "user", text_of(&event->about).text, "by",
				   name_bytes(&event->by) == 0 ? NULL : event->by.text, "to", text_of(&event->to).text, "time", time);
	return finish(line, add_place(object, event->row, event->is_history));
}

enum mms_err json_of_user(struct json_line *line, const struct name *user, bool online)
{
	assert(name_bytes(user) > 0);
	return finish(line, json_pack("{s:i,s:s,s:b}", "v", 1, "user", user->text, "online", (int)online));
}

enum mms_err json_of_gap(struct json_line *line, uint64_t count, const struct message_to *room, uint64_t row)
{
	assert(count <= INT64_MAX);
	json_t *object = json_pack("{s:i,s:I,s:s*}", "v", 1, "gap", (json_int_t)count, "to", row == 0 ? NULL : text_of(room).text);
	return finish(line, add_place(object, row, false));
}
