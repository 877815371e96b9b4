// SPDX-License-Identifier: ISC
// Invite codes from people; the contract is in invite_code.h.
#include "cmd/invite_code.h"

#include <stdint.h>
#include <string.h>

#include "base/bytes.h"
#include "base/utf8.h"
#include "cmd/values.h"
#include "crypto/base64url.h"

enum {
	TYPED_LETTERS_MAX = 64, // a code with all that may stand around it, without blanks; more is no code
	AROUND = '"',           // stands for every mark that may surround a code
	FOREIGN = '?',          // and for every letter that is in none
};

static bool is_blank(uint32_t point)
{
	return point == ' ' || (point >= '\t' && point <= '\r') || point == 0xa0 || point == 0xad ||
	       (point >= 0x2000 && point <= 0x200f) || (point >= 0x2028 && point <= 0x202f) ||
	       (point >= 0x205f && point <= 0x206f) || point == 0x3000 || point == 0xfeff;
}

static bool is_hyphen(uint32_t point)
{
	return (point >= 0x2010 && point <= 0x2013) || point == 0x2212;
}

static bool is_around(uint32_t point)
{
	return (point < 0x80 && point != 0 && strchr("\"'`<>()[]{}*.,;:", (int)point) != NULL) || point == 0xab ||
	       point == 0xbb || (point >= 0x2018 && point <= 0x201f) || point == 0x2039 || point == 0x203a;
}

// One letter for each code point of the text that is no blank. False: too many.
static bool gather(const char *text, size_t bytes, char letters[TYPED_LETTERS_MAX], size_t *count)
{
	*count = 0;
	while (bytes > 0) {
		uint32_t point = 0;
		const size_t length = utf8_decode(text, bytes, &point);
		const size_t taken = length == 0 ? 1 : length;
		text += taken;
		bytes -= taken;
		if (length > 0 && is_blank(point))
			continue;
		if (*count == TYPED_LETTERS_MAX)
			return false;
		// The colon and the equals sign end a word in front, so that they stay what they are.
		const bool is_plain = length == 1 && point > ' ' && point < 0x7f && (point == ':' || !is_around(point));
		letters[(*count)++] = is_plain ? (char)point : length == 0 ? FOREIGN : is_hyphen(point) ? '-' :
				      is_around(point) ? AROUND : FOREIGN;
	}
	return true;
}

// The bytes of a word like "invite=" at the start; 0: none.
static size_t word_in_front(const char *letters, size_t count)
{
	static const char *const words[] = {"invite", "invitecode", "mms_invite", "--invite", "code"};
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		const size_t bytes = strlen(words[i]);
		size_t same = 0;
		while (same < bytes && same < count && (letters[same] | 0x20) == (words[i][same] | 0x20))
			same++;
		if (same == bytes && bytes < count && (letters[bytes] == '=' || letters[bytes] == ':'))
			return bytes + 1;
	}
	return 0;
}

bool invite_code_read(const char *text, size_t bytes, char code[INVITE_CODE_TEXT_BYTES])
{
	char letters[TYPED_LETTERS_MAX] = {0};
	uint8_t decoded[INVITE_CODE_BYTES];
	size_t count = 0;
	if (!gather(text, bytes, letters, &count))
		return false;
	size_t at = 0;
	for (size_t before = TYPED_LETTERS_MAX + 1; before != at;) {
		before = at;
		while (at < count && (letters[at] == AROUND || letters[at] == ':'))
			at++;
		at += word_in_front(letters + at, count - at);
	}
	while (count > at && (letters[count - 1] == AROUND || letters[count - 1] == ':'))
		count--;
	if (count - at != INVITE_CODE_TEXT_BYTES - 1 || !base64url_decode(letters + at, count - at, decoded, sizeof decoded))
		return false;
	memcpy(code, letters + at, count - at);
	code[count - at] = '\0';
	return true;
}

bool invite_code_choose(const char **invite, const struct options_command *command, int *status)
{
	static char code_secret[INVITE_CODE_TEXT_BYTES];
	const char *text = environment_or(*invite, "MMS_INVITE", NULL);
	const bool is_option = *invite != NULL;
	*invite = NULL;
	if (text == NULL)
		return true;
	if (invite_code_read(text, strlen(text), code_secret)) {
		*invite = code_secret;
		return true;
	}
	// The text is not shown: it may be most of a secret.
	*status = options_fail(command, is_option ? "what --invite gives is not an invite code; one has 22 of A-Z a-z 0-9 - _"
						  : "what MMS_INVITE holds is not an invite code; one has 22 of A-Z a-z 0-9 - _");
	return false;
}
