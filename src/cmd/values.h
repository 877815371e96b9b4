// SPDX-License-Identifier: ISC
// Values on a command line or in the environment: whole numbers, decimals, and which of several sources wins.
// Layer: cmd, pure but for environment_or. On false the target is unchanged.
#ifndef MMS_CMD_VALUES_H
#define MMS_CMD_VALUES_H

#include <stdbool.h>
#include <stdint.h>

enum values_verdict { VALUES_OK = 0, VALUES_NOT_A_NUMBER = 1, VALUES_OUT_OF_RANGE = 2 };

// Reads decimal digits, nothing else, as a number from `min` to `max`; any count of digits is read right.
enum values_verdict values_number(const char *text, uint64_t min, uint64_t max, uint64_t *number);

// Reads digits with at most one point in or around them ("3", "0.25", ".5", "2.") as millionths of one, between `min`
// and `max` whole units, at most 2^43. Digits beyond the sixth after the point count as out of range unless they are 0.
enum values_verdict values_millionths(const char *text, uint64_t min, uint64_t max, uint64_t *millionths);

// A reason for a word that is no name, with the word.
#define VALUES_NOT_A_NAME "\"%.60s\" is not a name; a name has 1 to 32 of A-Z a-z 0-9 . _ -"

// `given` unless it is NULL, else the environment's `variable` unless it is unset or empty, else `fallback`.
const char *environment_or(const char *given, const char *variable, const char *fallback);

#endif
