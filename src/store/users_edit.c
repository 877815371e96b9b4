// SPDX-License-Identifier: ISC
// Changes to a users file; the contract is in users_edit.h.
#include "store/users_edit.h"

#include <assert.h>
#include <string.h>

#include "base/bytes.h"
#include "base/date.h"
#include "crypto/base64url.h"
#include "store/users_line.h"

// The longest option, with the blank before it and the zero byte: " invite=HASH,EXPIRY".
enum { OPTION_BYTES_MAX = 1 + 7 + FINGERPRINT_TEXT_BYTES + DATE_TEXT_BYTES };

static bool find_line(const char *text, size_t bytes, const struct name *name, struct users_line *line)
{
	struct users_line each = {0};
	while (users_line_next(text, bytes, &each)) {
		struct users_word word = users_word_before(&each);
		struct name found;
		if (users_word_next(text, &each, &word) && name_parse(&found, text + word.at, word.bytes) &&
		    name_is_same(&found, name)) {
			*line = each;
			return true;
		}
	}
	return false;
}

// Writes into `option`, ended by a zero byte, and returns the bytes before it.
static size_t format_invite(const struct user_invite *invite, char option[OPTION_BYTES_MAX])
{
	struct writer writer = writer_of(option, OPTION_BYTES_MAX);
	char hash[FINGERPRINT_TEXT_BYTES];
	char expiry[DATE_TEXT_BYTES];
	base64url_encode(invite->hash, sizeof invite->hash, hash);
	date_format_s(invite->expires_at, expiry);
	const bool has_room = write_bytes(&writer, " invite=", 8) && write_bytes(&writer, hash, strlen(hash)) &&
			      write_u8(&writer, ',') && write_bytes(&writer, expiry, strlen(expiry) + 1);
	assert(has_room);
	return writer.used_bytes - 1;
}

static size_t format_revoke(const struct fingerprint *fingerprint, char option[OPTION_BYTES_MAX])
{
	struct writer writer = writer_of(option, OPTION_BYTES_MAX);
	char letters[FINGERPRINT_TEXT_BYTES];
	base64url_encode(fingerprint->bytes, sizeof fingerprint->bytes, letters);
	const bool has_room = write_bytes(&writer, " revoke=", 8) && write_bytes(&writer, letters, sizeof letters);
	assert(has_room);
	return writer.used_bytes - 1;
}

static size_t format_life(const uint8_t life[USER_LIFE_BYTES], char option[OPTION_BYTES_MAX])
{
	struct writer writer = writer_of(option, OPTION_BYTES_MAX);
	char letters[USER_LIFE_TEXT_BYTES];
	base64url_encode(life, USER_LIFE_BYTES, letters);
	const bool has_room = write_bytes(&writer, " life=", 6) && write_bytes(&writer, letters, sizeof letters);
	assert(has_room);
	return writer.used_bytes - 1;
}

enum mms_err users_edit_add(const char *text, size_t bytes, const struct name *name,
			    const uint8_t life[USER_LIFE_BYTES], const struct user_invite *invite,
			    struct users_edit *edit)
{
	struct users_line line = {0};
	if (find_line(text, bytes, name, &line))
		return MMS_E_EXISTS;
	size_t ending_bytes = 1;
	while (users_line_next(text, bytes, &line))
		if (line.ending_bytes > 0)
			ending_bytes = line.ending_bytes;
	const char *ending = ending_bytes == 2 ? "\r\n" : "\n";
	const bool lacks_ending = line.bytes > 0 && line.ending_bytes == 0;

	struct users_edit made = {.at = bytes};
	struct writer writer = writer_of(made.inserted, sizeof made.inserted);
	char life_option[OPTION_BYTES_MAX];
	char option[OPTION_BYTES_MAX];
	const size_t life_bytes = life != NULL ? format_life(life, life_option) : 0;
	const size_t option_bytes = invite != NULL ? format_invite(invite, option) : 0;
	const bool has_room = (!lacks_ending || write_bytes(&writer, ending, ending_bytes)) &&
			      write_bytes(&writer, name->text, name_bytes(name)) &&
			      write_bytes(&writer, life_option, life_bytes) &&
			      write_bytes(&writer, option, option_bytes) && write_bytes(&writer, ending, ending_bytes);
	assert(has_room);
	made.inserted_bytes = writer.used_bytes;
	*edit = made;
	return MMS_OK;
}

// A dropped word takes the blanks before it along, so that what stays keeps its own spacing.
static bool is_dropped(const char *text, const struct users_word *word, bool is_alone, struct wtime now)
{
	struct wtime expires_at;
	if (!users_word_is_option(text, word, "invite="))
		return false;
	const char *comma = memchr(text + word->at, ',', word->bytes);
	assert(comma != NULL);
	const size_t before_bytes = (size_t)(comma + 1 - (text + word->at));
	const bool is_date = date_parse(&expires_at, comma + 1, word->bytes - before_bytes);
	assert(is_date);
	return is_alone || expires_at.ms <= now.ms;
}

enum mms_err users_edit_invite(const char *text, size_t bytes, const struct name *name,
			       const struct user_invite *invite, bool is_alone, struct wtime now,
			       struct users_edit *edit)
{
	struct users_line line;
	char option[OPTION_BYTES_MAX];
	if (!find_line(text, bytes, name, &line))
		return MMS_E_MISSING;
	struct users_edit made = {.at = line.at};
	struct writer writer = writer_of(made.inserted, sizeof made.inserted);
	struct users_word word = users_word_before(&line);
	size_t invite_count = 0;
	size_t end = line.at;
	while (users_word_next(text, &line, &word)) {
		const size_t stop = word.at + word.bytes;
		if (!is_dropped(text, &word, is_alone, now)) {
			invite_count += users_word_is_option(text, &word, "invite=");
			if (!write_bytes(&writer, text + end, stop - end))
				return MMS_E_FULL;
		}
		end = stop;
	}
	if (invite_count == INVITES_PER_USER_MAX || !write_bytes(&writer, option, format_invite(invite, option)))
		return MMS_E_FULL;
	made.inserted_bytes = writer.used_bytes;
	made.removed_bytes = end - line.at;
	if (line.bytes - made.removed_bytes + made.inserted_bytes > USERS_LINE_BYTES_MAX)
		return MMS_E_FULL;
	*edit = made;
	return MMS_OK;
}

enum mms_err users_edit_revoke(const char *text, size_t bytes, const struct name *name,
			       const struct fingerprint *fingerprint, struct users_edit *edit)
{
	struct users_line line;
	char option[OPTION_BYTES_MAX];
	if (!find_line(text, bytes, name, &line))
		return MMS_E_MISSING;
	const size_t option_bytes = format_revoke(fingerprint, option);
	struct users_word word = users_word_before(&line);
	size_t end = line.at;
	size_t revoke_count = 0;
	while (users_word_next(text, &line, &word)) {
		// A word of 43 letters has one encoding only (crypto/hash.h), so letters can be compared.
		if (word.bytes == option_bytes - 1 && memcmp(text + word.at, option + 1, word.bytes) == 0)
			return MMS_E_EXISTS;
		revoke_count += users_word_is_option(text, &word, "revoke=");
		end = word.at + word.bytes;
	}
	if (revoke_count == REVOKES_PER_USER_MAX || line.bytes + option_bytes > USERS_LINE_BYTES_MAX)
		return MMS_E_FULL;
	edit->at = end;
	edit->removed_bytes = 0;
	edit->inserted_bytes = option_bytes;
	memcpy(edit->inserted, option, option_bytes);
	return MMS_OK;
}

enum mms_err users_edit_remove(const char *text, size_t bytes, const struct name *name, struct users_edit *edit)
{
	struct users_line line;
	if (!find_line(text, bytes, name, &line))
		return MMS_E_MISSING;
	edit->at = line.at;
	edit->removed_bytes = line.bytes + line.ending_bytes;
	edit->inserted_bytes = 0;
	return MMS_OK;
}

size_t users_edit_bytes(size_t bytes, const struct users_edit *edit)
{
	assert(edit->at <= bytes);
	assert(edit->removed_bytes <= bytes - edit->at);
	return bytes - edit->removed_bytes + edit->inserted_bytes;
}

void users_edit_apply(const char *text, size_t bytes, const struct users_edit *edit, char *target)
{
	const size_t rest = edit->at + edit->removed_bytes;
	struct writer writer = writer_of(target, users_edit_bytes(bytes, edit));
	const bool has_room = write_bytes(&writer, text, edit->at) &&
			      write_bytes(&writer, edit->inserted, edit->inserted_bytes) &&
			      write_bytes(&writer, text + rest, bytes - rest);
	assert(has_room);
	assert(writer_room(&writer) == 0);
}
