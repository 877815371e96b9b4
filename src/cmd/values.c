// SPDX-License-Identifier: ISC
// Values on a command line; the contract is in values.h.
#include "cmd/values.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static bool is_digits(const char *text, size_t bytes)
{
	return strspn(text, "0123456789") >= bytes;
}

// False: more than UINT64_MAX; `text` is digits.
static bool sum_digits(const char *text, size_t bytes, uint64_t *sum)
{
	*sum = 0;
	for (size_t i = 0; i < bytes; i++) {
		const uint64_t digit = (uint64_t)(text[i] - '0');
		if (*sum > (UINT64_MAX - digit) / 10)
			return false;
		*sum = *sum * 10 + digit;
	}
	return true;
}

enum values_verdict values_number(const char *text, uint64_t min, uint64_t max, uint64_t *number)
{
	const size_t bytes = strlen(text);
	uint64_t sum;
	if (bytes == 0 || !is_digits(text, bytes))
		return VALUES_NOT_A_NUMBER;
	if (!sum_digits(text, bytes, &sum) || sum < min || sum > max)
		return VALUES_OUT_OF_RANGE;
	*number = sum;
	return VALUES_OK;
}

enum values_verdict values_millionths(const char *text, uint64_t min, uint64_t max, uint64_t *millionths)
{
	enum { PLACES = 6, MILLION = 1000000 };
	assert(min <= max);
	assert(max <= UINT64_C(1) << 43);
	const size_t whole_bytes = strcspn(text, ".");
	const char *parts = text[whole_bytes] == '.' ? text + whole_bytes + 1 : text + whole_bytes;
	const size_t part_bytes = strlen(parts);
	if (!is_digits(text, whole_bytes) || !is_digits(parts, part_bytes) || whole_bytes + part_bytes == 0)
		return VALUES_NOT_A_NUMBER;

	uint64_t sum;
	if (!sum_digits(text, whole_bytes, &sum) || sum > max)
		return VALUES_OUT_OF_RANGE;
	for (size_t i = 0; i < PLACES; i++)
		sum = sum * 10 + (i < part_bytes ? (uint64_t)(parts[i] - '0') : 0);
	if (part_bytes > PLACES && strspn(parts + PLACES, "0") != part_bytes - PLACES)
		return VALUES_OUT_OF_RANGE;
	if (sum < min * MILLION || sum > max * MILLION)
		return VALUES_OUT_OF_RANGE;
	*millionths = sum;
	return VALUES_OK;
}

const char *environment_or(const char *given, const char *variable, const char *fallback)
{
	if (given != NULL)
		return given;
	const char *value = getenv(variable);
	return value != NULL && value[0] != 0 ? value : fallback;
}
