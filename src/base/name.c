// SPDX-License-Identifier: ISC
// User names; the contract is in name.h.
#include "base/name.h"

#include <string.h>

static char fold(char letter)
{
	return letter >= 'A' && letter <= 'Z' ? (char)(letter - 'A' + 'a') : letter;
}

static bool is_name_letter(char letter)
{
	return (letter >= 'A' && letter <= 'Z') || (letter >= 'a' && letter <= 'z') ||
	       (letter >= '0' && letter <= '9') || letter == '.' || letter == '_' || letter == '-';
}

bool name_parse(struct name *name, const void *text, size_t bytes)
{
	const char *letters = text;
	if (bytes == 0 || bytes > NAME_BYTES_MAX)
		return false;
	for (size_t i = 0; i < bytes; i++)
		if (!is_name_letter(letters[i]))
			return false;
	struct name parsed = {{0}};
	memcpy(parsed.text, letters, bytes);
	*name = parsed;
	return true;
}

struct name name_fold(const struct name *name)
{
	struct name folded = *name;
	for (size_t i = 0; i < NAME_BYTES_MAX; i++)
		folded.text[i] = fold(folded.text[i]);
	return folded;
}

int name_order(const struct name *a, const struct name *b)
{
	const struct name folded_a = name_fold(a);
	const struct name folded_b = name_fold(b);
	return memcmp(folded_a.text, folded_b.text, sizeof folded_a.text);
}

bool name_is_same(const struct name *a, const struct name *b)
{
	return name_order(a, b) == 0;
}

size_t name_bytes(const struct name *name)
{
	return strlen(name->text);
}

bool name_pattern_parse(struct name_pattern *pattern, const void *text, size_t bytes)
{
	const char *letters = text;
	struct name_pattern parsed = {.is_name = bytes <= NAME_BYTES_MAX};
	if (bytes == 0 || bytes > NAME_PATTERN_BYTES_MAX)
		return false;
	for (size_t i = 0; i < bytes; i++) {
		const bool is_wild = letters[i] == '*' || letters[i] == '?';
		if (!is_wild && !is_name_letter(letters[i]))
			return false;
		parsed.is_name = parsed.is_name && !is_wild;
		parsed.text[i] = fold(letters[i]);
	}
	*pattern = parsed;
	return true;
}

bool name_pattern_is_match(const struct name_pattern *pattern, const struct name *name)
{
	const struct name folded = name_fold(name);
	const char *wanted = pattern->text;
	const char *letter = folded.text;
	const char *star = NULL;   // behind the last `*`,
	const char *tried = NULL;  // and the letter at which what follows it was last tried
	while (*letter != 0) {
		if (*wanted == '*') {
			star = ++wanted;
			tried = letter;
		} else if (*wanted != 0 && (*wanted == '?' || *wanted == *letter)) {
			wanted++;
			letter++;
		} else if (star != NULL) {
			wanted = star;
			letter = ++tried;
		} else {
			return false;
		}
	}
	while (*wanted == '*')
		wanted++;
	return *wanted == 0;
}
