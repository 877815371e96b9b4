// SPDX-License-Identifier: ISC
// The words of the operator's socket: lines, and requests; the contract is in operator.h. The facts of an answer are in
// operator_fact.c.
#include "node/operator.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/date.h"
#include "base/message.h"
#include "crypto/base64url.h"

enum { VALUE_BYTES_MAX = OPERATOR_PATH_BYTES }; // of a field, its zero byte included

// --- lines ---

static bool is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

size_t operator_line_read(struct operator_line *line, const char *text, size_t bytes)
{
	size_t end = 0;
	size_t equals = SIZE_MAX;
	for (; end < bytes && text[end] != '\n'; end++) {
		if (is_control(text[end]))
			return 0;
		if (text[end] == '=' && equals == SIZE_MAX)
			equals = end;
	}
	if (end == bytes || (equals == SIZE_MAX && end > 0) || equals == 0)
		return 0;
	*line = (struct operator_line){text, 0, text, 0};
	if (end > 0)
		*line = (struct operator_line){text, equals, text + equals + 1, end - equals - 1};
	return end + 1;
}

bool operator_line_is(const struct operator_line *line, const char *key)
{
	return line->key_bytes == strlen(key) && memcmp(line->key, key, line->key_bytes) == 0;
}

static void put(char *text, size_t room, size_t *used, const char *bytes, size_t count)
{
	assert(room - *used >= count);
	memcpy(text + *used, bytes, count);
	*used += count;
}

void operator_line_write(char *text, size_t room, size_t *used, const char *key, const char *value)
{
	put(text, room, used, key, strlen(key));
	put(text, room, used, "=", 1);
	for (; *value != 0; value++)
		put(text, room, used, is_control(*value) ? "?" : value, 1);
	put(text, room, used, "\n", 1);
}

void operator_end_write(char *text, size_t room, size_t *used, int status, const char *reason)
{
	char number[16];
	snprintf(number, sizeof number, "%d", status);
	if (reason != NULL && reason[0] != 0)
		operator_line_write(text, room, used, OPERATOR_KEY_REASON, reason);
	operator_line_write(text, room, used, OPERATOR_KEY_STATUS, number);
	put(text, room, used, "\n", 1);
}

// --- fields: what stands on one line of a request ---

static bool read_name(struct operator_request *request, const char *value, size_t bytes)
{
	return name_parse(&request->name, value, bytes);
}

static void write_name(const struct operator_request *request, char *value)
{
	snprintf(value, VALUE_BYTES_MAX, "%s", request->name.text);
}

// "same", a life, or empty: none.
static bool read_life(struct operator_request *request, const char *value, size_t bytes)
{
	request->is_same = bytes == 4 && memcmp(value, "same", 4) == 0;
	return bytes == 0 || request->is_same || base64url_decode(value, bytes, request->life, sizeof request->life);
}

static bool has_life(const struct operator_request *request)
{
	static const uint8_t none[USER_LIFE_BYTES];
	return memcmp(request->life, none, sizeof none) != 0;
}

static void write_life(const struct operator_request *request, char *value)
{
	value[0] = 0;
	if (request->is_same)
		memcpy(value, "same", 5);
	else if (has_life(request))
		base64url_encode(request->life, sizeof request->life, value);
}

// HASH,EXPIRY, as in the users file.
static bool read_invite(struct operator_request *request, const char *value, size_t bytes)
{
	const char *comma = memchr(value, ',', bytes);
	if (comma == NULL)
		return false;
	const size_t hash_bytes = (size_t)(comma - value);
	request->has_invite = true;
	return base64url_decode(value, hash_bytes, request->invite.hash, sizeof request->invite.hash) &&
	       date_parse(&request->invite.expires_at, comma + 1, bytes - hash_bytes - 1);
}

static void write_invite(const struct operator_request *request, char *value)
{
	char hash[FINGERPRINT_TEXT_BYTES];
	char expiry[DATE_TEXT_BYTES];
	value[0] = 0;
	if (!request->has_invite)
		return;
	base64url_encode(request->invite.hash, sizeof request->invite.hash, hash);
	date_format_s(request->invite.expires_at, expiry);
	snprintf(value, VALUE_BYTES_MAX, "%s,%s", hash, expiry);
}

static bool is_word(const char *value, size_t bytes, const char *word)
{
	return bytes == strlen(word) && memcmp(value, word, bytes) == 0;
}

static bool read_alone(struct operator_request *request, const char *value, size_t bytes)
{
	request->is_alone = true;
	return is_word(value, bytes, "yes");
}

static void write_alone(const struct operator_request *request, char *value)
{
	snprintf(value, VALUE_BYTES_MAX, "%s", request->is_alone ? "yes" : "");
}

static bool read_device(struct operator_request *request, const char *value, size_t bytes)
{
	return base64url_decode(value, bytes, request->fingerprint.bytes, sizeof request->fingerprint.bytes);
}

static void write_device(const struct operator_request *request, char *value)
{
	base64url_encode(request->fingerprint.bytes, sizeof request->fingerprint.bytes, value);
}

static bool read_users(struct operator_request *request, const char *value, size_t bytes)
{
	if (bytes == 0 || bytes >= sizeof request->users)
		return false;
	memcpy(request->users, value, bytes);
	request->users[bytes] = 0;
	return true;
}

static void write_users(const struct operator_request *request, char *value)
{
	snprintf(value, VALUE_BYTES_MAX, "%s", request->users);
}

// A room's name, with '#'.
static bool read_room_name(struct name *room, const char *value, size_t bytes)
{
	struct message_to to;
	if (!message_to_parse(&to, value, bytes) || !to.is_room)
		return false;
	*room = to.name;
	return true;
}

static void write_room_name(const struct name *room, char *value)
{
	snprintf(value, VALUE_BYTES_MAX, "%s%s", room->text[0] == 0 ? "" : "#", room->text);
}

static bool read_room(struct operator_request *request, const char *value, size_t bytes)
{
	return read_room_name(&request->room, value, bytes);
}

static void write_room(const struct operator_request *request, char *value)
{
	write_room_name(&request->room, value);
}

static bool read_to(struct operator_request *request, const char *value, size_t bytes)
{
	return read_room_name(&request->to, value, bytes);
}

static void write_to(const struct operator_request *request, char *value)
{
	write_room_name(&request->to, value);
}

static bool read_private(struct operator_request *request, const char *value, size_t bytes)
{
	request->is_private = true;
	return is_word(value, bytes, "yes");
}

static void write_private(const struct operator_request *request, char *value)
{
	snprintf(value, VALUE_BYTES_MAX, "%s", request->is_private ? "yes" : "");
}

static bool read_history(struct operator_request *request, const char *value, size_t bytes)
{
	request->has_no_history = true;
	return is_word(value, bytes, "no");
}

static void write_history(const struct operator_request *request, char *value)
{
	snprintf(value, VALUE_BYTES_MAX, "%s", request->has_no_history ? "no" : "");
}

// An empty value written is a field left away.
static const struct field {
	const char *key;
	bool (*read)(struct operator_request *request, const char *value, size_t bytes);
	void (*write)(const struct operator_request *request, char *value);
} fields[] = {
	{"name", read_name, write_name},
	{"life", read_life, write_life},
	{"invite", read_invite, write_invite},
	{"replace", read_alone, write_alone},
	{"device", read_device, write_device},
	{"users", read_users, write_users},
	{"room", read_room, write_room},
	{"to", read_to, write_to},
	{"private", read_private, write_private},
	{"history", read_history, write_history},
};

enum {
	NAME = 1 << 0, // by their places in `fields`
	LIFE = 1 << 1,
	INVITE = 1 << 2,
	REPLACE = 1 << 3,
	DEVICE = 1 << 4,
	USERS = 1 << 5,
	ROOM = 1 << 6,
	TO = 1 << 7,
	PRIVATE = 1 << 8,
	HISTORY = 1 << 9,
	FIELD_COUNT = sizeof fields / sizeof fields[0],
};

// --- verbs ---

static const struct verb {
	enum operator_verb verb;
	const char *word;
	unsigned must; // its fields
	unsigned may;
} verbs[] = {
	{OPERATOR_USER_ADD, "user add", NAME, LIFE | INVITE | USERS},
	{OPERATOR_USER_INVITE, "user invite", NAME | INVITE, REPLACE | USERS},
	{OPERATOR_USER_LIST, "user list", 0, USERS},
	{OPERATOR_USER_REMOVE, "user remove", NAME, USERS},
	{OPERATOR_USER_REVOKE, "user revoke", NAME | DEVICE, USERS},
	{OPERATOR_ROOM_LIST, "room list", 0, ROOM},
	{OPERATOR_ROOM_MAKE, "room make", ROOM, PRIVATE | HISTORY},
	{OPERATOR_ROOM_ADD, "room add", ROOM | NAME, 0},
	{OPERATOR_ROOM_REMOVE, "room remove", ROOM | NAME, 0},
	{OPERATOR_ROOM_RENAME, "room rename", ROOM | TO, 0},
	{OPERATOR_ROOM_DELETE, "room delete", ROOM, 0},
};

enum { VERB_COUNT = sizeof verbs / sizeof verbs[0] };

static const struct verb *find_verb(const struct operator_line *line)
{
	for (size_t i = 0; operator_line_is(line, "do") && i < VERB_COUNT; i++)
		if (line->value_bytes == strlen(verbs[i].word) && memcmp(line->value, verbs[i].word, line->value_bytes) == 0)
			return &verbs[i];
	return NULL;
}

static const struct verb *verb_of(enum operator_verb verb)
{
	const struct verb *found = verbs;
	while (found->verb != verb) {
		found++;
		assert(found < verbs + VERB_COUNT);
	}
	return found;
}

bool operator_verb_is_of_rooms(enum operator_verb verb)
{
	return verb >= OPERATOR_ROOM_LIST;
}

const char *operator_verb_word(enum operator_verb verb)
{
	return verb_of(verb)->word;
}

static size_t find_field(const struct operator_line *line)
{
	size_t i = 0;
	while (i < FIELD_COUNT && !operator_line_is(line, fields[i].key))
		i++;
	return i;
}

// --- requests ---

size_t operator_request_bytes(const char *text, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		if (text[i] == '\n' && (i == 0 || text[i - 1] == '\n'))
			return i + 1;
	return 0;
}

static enum mms_err refuse(struct reason *why, const char *what, const char *which, size_t bytes)
{
	snprintf(why->text, sizeof why->text, "not a request to the server: %s \"%.*s\"; are both the same version of MMS?", what,
		 bytes < 60 ? (int)bytes : 60, which);
	return MMS_E_BAD;
}

// Reads the lines behind the first. Each field at most once, and only those of the verb.
static enum mms_err read_fields(struct operator_request *request, const struct verb *verb, const char *text, size_t bytes,
				struct reason *why)
{
	unsigned seen = 0;
	struct operator_line line;
	size_t line_bytes;
	while ((line_bytes = operator_line_read(&line, text, bytes)) > 1) {
		const size_t i = find_field(&line);
		const unsigned bit = i < FIELD_COUNT ? 1U << i : 0;
		if ((bit & (verb->must | verb->may) & ~seen) == 0)
			return refuse(why, "it has no use for", line.key, line.key_bytes);
		if (!fields[i].read(request, line.value, line.value_bytes))
			return refuse(why, "malformed is", line.key, line.key_bytes);
		seen |= bit;
		text += line_bytes;
		bytes -= line_bytes;
	}
	if (line_bytes != 1 || bytes != 1) // the empty line is the last
		return refuse(why, "there is no KEY=VALUE in", text, bytes);
	for (size_t i = 0; i < FIELD_COUNT; i++)
		if ((verb->must & ~seen & 1U << i) != 0)
			return refuse(why, "it lacks", fields[i].key, strlen(fields[i].key));
	return MMS_OK;
}

enum mms_err operator_request_decode(struct operator_request *request, const char *text, size_t bytes, struct reason *why)
{
	struct operator_line line;
	const size_t line_bytes = operator_line_read(&line, text, bytes);
	const struct verb *verb = line_bytes > 1 ? find_verb(&line) : NULL;
	memset(request, 0, sizeof *request);
	if (verb == NULL)
		return refuse(why, "unknown is", text, bytes);
	request->verb = verb->verb;
	return read_fields(request, verb, text + line_bytes, bytes - line_bytes, why);
}

size_t operator_request_encode(const struct operator_request *request, char text[OPERATOR_REQUEST_BYTES_MAX])
{
	size_t used = 0;
	const struct verb *verb = verb_of(request->verb);
	operator_line_write(text, OPERATOR_REQUEST_BYTES_MAX, &used, "do", verb->word);
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		char value[VALUE_BYTES_MAX] = "";
		if (((verb->must | verb->may) & 1U << i) != 0)
			fields[i].write(request, value);
		if (value[0] != 0)
			operator_line_write(text, OPERATOR_REQUEST_BYTES_MAX, &used, fields[i].key, value);
	}
	put(text, OPERATOR_REQUEST_BYTES_MAX, &used, "\n", 1);
	return used;
}
