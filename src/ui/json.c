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

enum mms_err json_of_message(struct json_line *line, const struct json_message *message)
{
	if (!utf8_is_message(message->text, message->text_bytes))
		return MMS_E_BAD;
	char id[UUID_TEXT_BYTES];
	char time[DATE_TEXT_BYTES];
	uuid_format(&message->id, id);
	date_format_ms(message->time, time);
	return finish(line, json_pack("{s:i,s:s,s:s,s:s,s:s,s:s%}", "v", 1, "id", id, "from", message->from.text, "to",
				      message->to.text, "time", time, "text", message->text, message->text_bytes));
}

enum mms_err json_of_unknown(struct json_line *line, const struct json_message *message)
{
	char id[UUID_TEXT_BYTES];
	char time[DATE_TEXT_BYTES];
	uuid_format(&message->id, id);
	date_format_ms(message->time, time);
	return finish(line, json_pack("{s:i,s:s,s:s*,s:s,s:s,s:b}", "v", 1, "id", id, "from",
				      name_bytes(&message->from) == 0 ? NULL : message->from.text, "to", message->to.text,
				      "time", time, "unsupported", 1));
}

enum mms_err json_of_user(struct json_line *line, const struct name *user, bool online)
{
	assert(name_bytes(user) > 0);
	return finish(line, json_pack("{s:i,s:s,s:b}", "v", 1, "user", user->text, "online", (int)online));
}

enum mms_err json_of_gap(struct json_line *line, uint64_t count)
{
	assert(count <= INT64_MAX);
	return finish(line, json_pack("{s:i,s:I}", "v", 1, "gap", (json_int_t)count));
}
