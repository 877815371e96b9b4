// SPDX-License-Identifier: ISC
// The facts of an answer over the operator's socket: users, devices, rooms. The contract is in operator.h.
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/date.h"
#include "base/message.h"
#include "crypto/base64url.h"
#include "node/operator.h"

void operator_device_write(char *text, size_t room, size_t *used, const struct storage_listed *device)
{
	static const uint8_t none[STORAGE_LIFE_BYTES];
	char life[USER_LIFE_TEXT_BYTES] = "-";
	char fingerprint[FINGERPRINT_TEXT_BYTES];
	char since[DATE_TEXT_BYTES];
	char value[OPERATOR_DEVICE_BYTES_MAX];
	if (memcmp(device->life, none, sizeof none) != 0)
		base64url_encode(device->life, sizeof device->life, life);
	base64url_encode(device->fingerprint, sizeof device->fingerprint, fingerprint);
	date_format_s(device->enrolled_at, since);
	snprintf(value, sizeof value, "%s %s %s %s", device->user.text, life, fingerprint, since);
	operator_line_write(text, room, used, OPERATOR_KEY_DEVICE, value);
}

// The word up to the next blank or the end; steps over both.
static size_t next_word(const char **at, size_t *left, const char **word)
{
	const char *blank = memchr(*at, ' ', *left);
	const size_t bytes = blank == NULL ? *left : (size_t)(blank - *at);
	*word = *at;
	*at += bytes + (blank != NULL);
	*left -= bytes + (blank != NULL);
	return bytes;
}

bool operator_device_read(struct storage_listed *device, const char *value, size_t bytes)
{
	const char *word;
	*device = (struct storage_listed){0};
	size_t word_bytes = next_word(&value, &bytes, &word);
	if (!name_parse(&device->user, word, word_bytes))
		return false;
	word_bytes = next_word(&value, &bytes, &word);
	if (!(word_bytes == 1 && word[0] == '-') && !base64url_decode(word, word_bytes, device->life, sizeof device->life))
		return false;
	word_bytes = next_word(&value, &bytes, &word);
	if (!base64url_decode(word, word_bytes, device->fingerprint, sizeof device->fingerprint))
		return false;
	return date_parse(&device->enrolled_at, value, bytes);
}

void operator_user_write(char *text, size_t room, size_t *used, const struct users_table *table, const struct user_entry *user)
{
	char value[OPERATOR_USER_BYTES_MAX];
	char letters[FINGERPRINT_TEXT_BYTES];
	char expiry[DATE_TEXT_BYTES];
	size_t bytes = (size_t)snprintf(value, sizeof value, "%s", user->name.text);
	if (user->has_life) {
		base64url_encode(user->life, sizeof user->life, letters);
		bytes += (size_t)snprintf(value + bytes, sizeof value - bytes, " life=%s", letters);
	}
	for (uint32_t i = 0; i < user->invite_count; i++) {
		const struct user_invite *invite = &table->invite[user->invite_first + i];
		base64url_encode(invite->hash, sizeof invite->hash, letters);
		date_format_s(invite->expires_at, expiry);
		bytes += (size_t)snprintf(value + bytes, sizeof value - bytes, " invite=%s,%s", letters, expiry);
	}
	for (uint32_t i = 0; i < user->revoke_count; i++) {
		base64url_encode(table->revoke[user->revoke_first + i].bytes, FINGERPRINT_BYTES, letters);
		bytes += (size_t)snprintf(value + bytes, sizeof value - bytes, " revoke=%s", letters);
	}
	assert(bytes < sizeof value);
	operator_line_write(text, room, used, OPERATOR_KEY_USER, value);
}

static bool is_word(const char *word, size_t bytes, const char *expected)
{
	return bytes == strlen(expected) && memcmp(word, expected, bytes) == 0;
}

// One of two words: `*is_first` says which.
static bool is_either(const char *word, size_t bytes, const char *first, const char *second, bool *is_first)
{
	*is_first = is_word(word, bytes, first);
	return *is_first || is_word(word, bytes, second);
}

bool operator_count_read(uint32_t *count, const char *value, size_t bytes)
{
	uint32_t number = 0;
	if (bytes == 0 || bytes > 9 || (value[0] == '0' && bytes > 1))
		return false;
	for (size_t i = 0; i < bytes; i++) {
		if (value[i] < '0' || value[i] > '9')
			return false;
		number = 10 * number + (uint32_t)(value[i] - '0');
	}
	*count = number;
	return true;
}

void operator_room_write(char *text, size_t room, size_t *used, const struct storage_room *told)
{
	char value[OPERATOR_ROOM_BYTES_MAX];
	snprintf(value, sizeof value, "#%s %u %s %s", told->room.name.text, told->member_count, told->is_private ? "private" : "open",
		 told->has_no_history ? "nohistory" : "history");
	operator_line_write(text, room, used, OPERATOR_KEY_ROOM, value);
}

bool operator_room_read(struct storage_room *told, const char *value, size_t bytes)
{
	const char *word;
	struct message_to to;
	*told = (struct storage_room){0};
	size_t word_bytes = next_word(&value, &bytes, &word);
	if (!message_to_parse(&to, word, word_bytes) || !to.is_room)
		return false;
	told->room.name = to.name;
	word_bytes = next_word(&value, &bytes, &word);
	if (!operator_count_read(&told->member_count, word, word_bytes))
		return false;
	word_bytes = next_word(&value, &bytes, &word);
	return is_either(word, word_bytes, "private", "open", &told->is_private) &&
	       is_either(value, bytes, "nohistory", "history", &told->has_no_history);
}

void operator_member_write(char *text, size_t room, size_t *used, const struct storage_member *member)
{
	char value[OPERATOR_MEMBER_BYTES_MAX];
	snprintf(value, sizeof value, "%s %s", member->name.text, member->is_owner ? "owner" : "member");
	operator_line_write(text, room, used, OPERATOR_KEY_MEMBER, value);
}

bool operator_member_read(struct storage_member *member, const char *value, size_t bytes)
{
	const char *word;
	*member = (struct storage_member){0};
	const size_t word_bytes = next_word(&value, &bytes, &word);
	return name_parse(&member->name, word, word_bytes) && is_either(value, bytes, "owner", "member", &member->is_owner);
}
