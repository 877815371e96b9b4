// SPDX-License-Identifier: ISC
// Moments of civil time as text; the contract is in date.h.
#include "base/date.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { MS_PER_SECOND = 1000, SECONDS_PER_DAY = 86400, DAYS_PER_ERA = 146097, YEARS_PER_ERA = 400 };

#define MS_PER_DAY ((int64_t)SECONDS_PER_DAY * MS_PER_SECOND)
// Days are counted here from 0000-03-01, so that the leap day is the last of its year; this is 1970-01-01.
#define DAYS_TO_1970 INT64_C(719468)
// 0000-01-01T00:00:00.000Z and 9999-12-31T23:59:59.999Z.
#define MS_FIRST (INT64_C(-719528) * MS_PER_DAY)
#define MS_LAST (INT64_C(2932897) * MS_PER_DAY - 1)

struct civil {
	int year, month, day, hour, minute, second, ms;
};

// Days before the month, of a year that begins in March (month 0).
static int64_t days_before_month(int64_t march_month)
{
	return (153 * march_month + 2) / 5;
}

static int64_t days_of_civil(const struct civil *civil)
{
	const int64_t march_month = (civil->month + 9) % 12;
	// One era is added, so that January and February of the year 0 do not divide a negative number.
	const int64_t year = civil->year - (civil->month <= 2) + YEARS_PER_ERA;
	const int64_t days = 365 * year + year / 4 - year / 100 + year / 400;
	return days + days_before_month(march_month) + civil->day - 1 - DAYS_PER_ERA - DAYS_TO_1970;
}

static struct civil civil_of_days(int64_t days_since_1970)
{
	const int64_t days = days_since_1970 + DAYS_TO_1970 + DAYS_PER_ERA;
	assert(days >= 0);
	const int64_t era = days / DAYS_PER_ERA;
	const int64_t day_of_era = days % DAYS_PER_ERA;
	// Leap days so far: one every 1461 days, none after 36524, one at the very last day of the era.
	const int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	const int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	const int64_t march_month = (5 * day_of_year + 2) / 153;
	const int64_t month = march_month < 10 ? march_month + 3 : march_month - 9;
	const int64_t year = (era - 1) * YEARS_PER_ERA + year_of_era + (month <= 2);
	return (struct civil){.year = (int)year, .month = (int)month,
			      .day = (int)(day_of_year - days_before_month(march_month) + 1)};
}

static struct civil civil_of(struct wtime at)
{
	const int64_t ms = at.ms < MS_FIRST ? MS_FIRST : at.ms > MS_LAST ? MS_LAST : at.ms;
	const int64_t of_first = ms - MS_FIRST; // never negative, so it divides as one expects
	struct civil civil = civil_of_days(of_first / MS_PER_DAY + MS_FIRST / MS_PER_DAY);
	const int of_day = (int)(of_first % MS_PER_DAY);
	civil.ms = of_day % MS_PER_SECOND;
	civil.second = of_day / MS_PER_SECOND % 60;
	civil.minute = of_day / (60 * MS_PER_SECOND) % 60;
	civil.hour = of_day / (3600 * MS_PER_SECOND);
	return civil;
}

void date_format_ms(struct wtime at, char text[DATE_TEXT_BYTES])
{
	const struct civil civil = civil_of(at);
	char longest[64]; // more than the compiler can prove it takes
	const int bytes = snprintf(longest, sizeof longest, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", civil.year,
				   civil.month, civil.day, civil.hour, civil.minute, civil.second, civil.ms);
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

static int days_in_month(int year, int month)
{
	static const int days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	const bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	return month == 2 && is_leap ? 29 : days[month - 1];
}

bool date_parse(struct wtime *at, const char *text, size_t bytes)
{
	static const char form[] = "YYYY-MM-DDTHH:MM:SSZ";
	struct civil civil = {0};
	if (bytes != sizeof form - 1 || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' ||
	    text[16] != ':' || text[19] != 'Z')
		return false;
	if (!read_digits(text, 4, &civil.year) || !read_digits(text + 5, 2, &civil.month) ||
	    !read_digits(text + 8, 2, &civil.day) || !read_digits(text + 11, 2, &civil.hour) ||
	    !read_digits(text + 14, 2, &civil.minute) || !read_digits(text + 17, 2, &civil.second))
		return false;
	if (civil.month < 1 || civil.month > 12 || civil.day < 1 ||
	    civil.day > days_in_month(civil.year, civil.month) || civil.hour > 23 || civil.minute > 59 ||
	    civil.second > 59)
		return false;
	const int64_t second_of_day = civil.hour * 3600 + civil.minute * 60 + civil.second;
	at->ms = (days_of_civil(&civil) * SECONDS_PER_DAY + second_of_day) * MS_PER_SECOND;
	return true;
}
