// SPDX-License-Identifier: ISC
// Moments of civil time as text; the contract is in date.h.
#include "base/date.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { MS_PER_SECOND = 1000 };

// 0000-01-01T00:00:00.000Z and 9999-12-31T23:59:59.999Z.
#define MS_FIRST (INT64_C(-62167219200) * MS_PER_SECOND)
#define MS_LAST (INT64_C(253402300800) * MS_PER_SECOND - 1)

void date_format_ms(struct wtime at, char text[DATE_TEXT_BYTES])
{
	const int64_t ms = at.ms < MS_FIRST ? MS_FIRST : at.ms > MS_LAST ? MS_LAST : at.ms;
	const int64_t of_first = ms - MS_FIRST; // never negative, so it divides as one expects
	const time_t seconds = (time_t)(of_first / MS_PER_SECOND + MS_FIRST / MS_PER_SECOND);
	struct tm civil;
	char longest[96]; // more than the compiler can prove it takes
	const struct tm *made = gmtime_r(&seconds, &civil);
	assert(made != NULL);
	const int bytes = snprintf(longest, sizeof longest, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", civil.tm_year + 1900,
				   civil.tm_mon + 1, civil.tm_mday, civil.tm_hour, civil.tm_min, civil.tm_sec,
				   (int)(of_first % MS_PER_SECOND));
	assert(bytes == DATE_TEXT_BYTES - 1);
	memcpy(text, longest, DATE_TEXT_BYTES);
}

void date_format_s(struct wtime at, char text[DATE_TEXT_BYTES])
{
	date_format_ms(at, text);
	char *point = strchr(text, '.');
	assert(point != NULL);
	memcpy(point, "Z", 2);
}

static bool read_digits(const char *text, size_t count, int *value)
{
	int parsed = 0;
	for (size_t i = 0; i < count; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		parsed = parsed * 10 + (text[i] - '0');
	}
	*value = parsed;
	return true;
}

bool date_parse(struct wtime *at, const char *text, size_t bytes)
{
	static const char form[] = "YYYY-MM-DDTHH:MM:SSZ";
	struct tm civil = {0};
	if (bytes != sizeof form - 1 || !read_digits(text, 4, &civil.tm_year) || !read_digits(text + 5, 2, &civil.tm_mon) ||
	    !read_digits(text + 8, 2, &civil.tm_mday) || !read_digits(text + 11, 2, &civil.tm_hour) ||
	    !read_digits(text + 14, 2, &civil.tm_min) || !read_digits(text + 17, 2, &civil.tm_sec))
		return false;
	civil.tm_year -= 1900;
	civil.tm_mon -= 1;
	// A month 13 or a February 30 counts on from where it would be: no text is right but the one that comes back.
	const struct wtime parsed = {(int64_t)timegm(&civil) * MS_PER_SECOND};
	char back[DATE_TEXT_BYTES];
	date_format_s(parsed, back);
	if (memcmp(text, back, bytes) != 0)
		return false;
	*at = parsed;
	return true;
}
