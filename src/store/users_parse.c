// SPDX-License-Identifier: ISC
// Reading the users file; the contract is in users_parse.h.
#include "store/users_parse.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/date.h"
#include "base/limits.h"
#include "crypto/base64url.h"
#include "store/users_line.h"

enum { QUOTED_BYTES_MAX = 80 }; // of a bad word, in a reason: enough for an invite

// One run over a file: what every step needs.
struct parse {
	struct users_table *table;
	const char *text;
	const char *file;
	struct users_line line;
	struct reason *why;
};

void users_parse_measure(struct users_table *table, const char *text, size_t bytes)
{
	assert(bytes <= USERS_FILE_BYTES_MAX);
	table->user_capacity = 0;
	table->invite_capacity = 0;
	table->revoke_capacity = 0;
	struct users_line line = {0};
	while (users_line_next(text, bytes, &line)) {
		struct users_word word = users_word_before(&line);
		if (!users_word_next(text, &line, &word))
			continue;
		table->user_capacity++;
		while (users_word_next(text, &line, &word)) {
			table->invite_capacity += users_word_is_option(text, &word, "invite=");
			table->revoke_capacity += users_word_is_option(text, &word, "revoke=");
		}
	}
	table->slot_count = 2 * map_slots_for(table->user_capacity);
}

// A reason that begins FILE:LINE: and may quote a word; words are printable ASCII when this is called.
static enum mms_err refuse(struct parse *parse, const struct users_word *word, const char *what)
{
	const bool is_cut = word->bytes > QUOTED_BYTES_MAX;
	if (word->bytes == 0)
		snprintf(parse->why->text, sizeof parse->why->text, "%.400s:%" PRIu32 ": %s", parse->file,
			 parse->line.number, what);
	else
		snprintf(parse->why->text, sizeof parse->why->text, "%.400s:%" PRIu32 ": \"%.*s%s\" %s", parse->file,
			 parse->line.number, is_cut ? QUOTED_BYTES_MAX : (int)word->bytes, parse->text + word->at,
			 is_cut ? "..." : "", what);
	return MMS_E_BAD;
}

static enum mms_err check_letters(struct parse *parse, const struct users_word *word)
{
	for (size_t i = 0; i < word->bytes; i++) {
		const uint8_t letter = (uint8_t)parse->text[word->at + i];
		if (letter > ' ' && letter < 0x7f)
			continue;
		char what[160];
		snprintf(what, sizeof what,
			 "byte 0x%02x in column %zu is not printable ASCII; only comments may hold other text", letter,
			 word->at + i - parse->line.at + 1);
		return refuse(parse, &(struct users_word){0, 0}, what);
	}
	return MMS_OK;
}

static enum mms_err parse_name(struct parse *parse, const struct users_word *word, struct user_entry *user)
{
	if (!name_parse(&user->name, parse->text + word->at, word->bytes))
		return refuse(parse, word, "is not a name; begin the line with 1 to 32 of A-Z a-z 0-9 . _ -");
	const struct user_entry *other = users_find(parse->table, &user->name);
	if (other == NULL)
		return MMS_OK;
	char what[128];
	snprintf(what, sizeof what, "stands on line %" PRIu32 " already, as %s; remove one of the two lines",
		 other->line, other->name.text);
	return refuse(parse, word, what);
}

static enum mms_err parse_invite(struct parse *parse, const struct users_word *word, struct user_entry *user)
{
	static const char option[] = "invite=";
	const size_t hash_letters = FINGERPRINT_TEXT_BYTES - 1;
	const char *value = parse->text + word->at + strlen(option);
	const size_t bytes = word->bytes - strlen(option);
	struct user_invite invite;
	if (user->invite_count == INVITES_PER_USER_MAX)
		return refuse(parse, word, "is one too many, a line may have 4 invites; remove spent or expired ones");
	if (bytes <= hash_letters || value[hash_letters] != ',' ||
	    !base64url_decode(value, hash_letters, invite.hash, sizeof invite.hash) ||
	    !date_parse(&invite.expires_at, value + hash_letters + 1, bytes - hash_letters - 1))
		return refuse(parse, word,
			      "is not invite=HASH,YYYY-MM-DDTHH:MM:SSZ with 43 letters of base64url as HASH; "
			      "remove it and run \"mms user invite\"");
	assert(parse->table->invite_count < parse->table->invite_capacity);
	parse->table->invite[parse->table->invite_count++] = invite;
	user->invite_count++;
	return MMS_OK;
}

static enum mms_err parse_revoke(struct parse *parse, const struct users_word *word, struct user_entry *user)
{
	static const char option[] = "revoke=";
	struct fingerprint fingerprint;
	if (user->revoke_count == REVOKES_PER_USER_MAX)
		return refuse(parse, word, "is one too many, a line may have 16 of revoke=; remove the oldest");
	if (!base64url_decode(parse->text + word->at + strlen(option), word->bytes - strlen(option), fingerprint.bytes,
			      sizeof fingerprint.bytes))
		return refuse(parse, word, "is not revoke=FINGERPRINT with the 43 letters \"mms user list\" shows");
	assert(parse->table->revoke_count < parse->table->revoke_capacity);
	parse->table->revoke[parse->table->revoke_count++] = fingerprint;
	user->revoke_count++;
	return MMS_OK;
}

static enum mms_err parse_life(struct parse *parse, const struct users_word *word, struct user_entry *user)
{
	const size_t option_bytes = strlen("life=");
	if (user->has_life)
		return refuse(parse, word, "is one too many, a line has one life; remove one of them");
	if (!base64url_decode(parse->text + word->at + option_bytes, word->bytes - option_bytes, user->life, sizeof user->life))
		return refuse(parse, word, "is not life=LIFE with 22 letters of base64url; \"mms user add\" writes it");
	user->has_life = true;
	return MMS_OK;
}

static enum mms_err parse_option(struct parse *parse, const struct users_word *word, struct user_entry *user)
{
	if (users_word_is_option(parse->text, word, "invite="))
		return parse_invite(parse, word, user);
	if (users_word_is_option(parse->text, word, "revoke="))
		return parse_revoke(parse, word, user);
	if (users_word_is_option(parse->text, word, "life="))
		return parse_life(parse, word, user);
	return refuse(parse, word, "is not an option; options are invite=HASH,EXPIRY, revoke=FINGERPRINT and life=LIFE");
}

// Of a line whose words are read. A '\r' within it is the end of a line to whoever wrote it, and a user may stand behind it.
static enum mms_err check_comment(struct parse *parse)
{
	const struct users_word none = {0, 0};
	const char *found = memchr(parse->text + parse->line.at, '\r', parse->line.bytes);
	if (found == NULL || found + 1 == parse->text + parse->line.at + parse->line.bytes)
		return MMS_OK;
	return refuse(parse, &none, "a carriage return stands within the comment; end lines by LF or by CR LF");
}

static enum mms_err parse_line(struct parse *parse)
{
	struct users_table *table = parse->table;
	struct user_entry user = {
		.line = parse->line.number,
		.invite_first = table->invite_count,
		.revoke_first = table->revoke_count,
	};
	struct users_word word = users_word_before(&parse->line);
	if (parse->line.bytes > USERS_LINE_BYTES_MAX)
		return refuse(parse, &word, "the line is longer than 4096 bytes; shorten it");
	if (!users_word_next(parse->text, &parse->line, &word))
		return check_comment(parse);
	enum mms_err err = check_letters(parse, &word);
	if (err == MMS_OK)
		err = parse_name(parse, &word, &user);
	while (err == MMS_OK && users_word_next(parse->text, &parse->line, &word)) {
		err = check_letters(parse, &word);
		if (err == MMS_OK)
			err = parse_option(parse, &word, &user);
	}
	if (err == MMS_OK)
		err = check_comment(parse);
	if (err != MMS_OK)
		return err;
	users_add(table, &user);
	return MMS_OK;
}

enum mms_err users_parse(struct users_table *table, const char *text, size_t bytes, const char *file,
			 struct reason *why)
{
	static_assert(USERS_LINE_BYTES_MAX == 4096 && INVITES_PER_USER_MAX == 4 && REVOKES_PER_USER_MAX == 16,
		      "the reasons name these limits");
	static_assert((int)INVITE_HASH_BYTES == (int)FINGERPRINT_BYTES, "both have 43 letters");
	struct parse parse = {.table = table, .text = text, .file = file, .why = why};
	users_clear(table);
	while (users_line_next(text, bytes, &parse.line)) {
		const enum mms_err err = parse_line(&parse);
		if (err != MMS_OK) {
			users_clear(table);
			return err;
		}
	}
	return MMS_OK;
}
