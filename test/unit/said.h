// SPDX-License-Identifier: ISC
// For the tests of sentences: what was written, kept for the comparison.
#ifndef MMS_TEST_SAID_H
#define MMS_TEST_SAID_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "ui/filter.h"
#include "ui/phrase.h"

static char said[FILTER_CAPACITY(TEXT_BYTES_MAX) + 1024];
static size_t said_bytes;

static void keep_said(void *context, const char *text, size_t bytes)
{
	assert_ptr_equal(context, said);
	assert_true(bytes < sizeof said - said_bytes);
	memcpy(said + said_bytes, text, bytes);
	said_bytes += bytes;
	said[said_bytes] = '\0';
}

static const struct phrase_out out = {keep_said, said, PHRASE_PREFIX, true};
static const struct phrase_out script = {keep_said, said, "mms: ", false};

// And nothing was said then.
static inline void assert_said(const char *expected)
{
	assert_string_equal(said, expected);
	said_bytes = 0;
	said[0] = '\0';
}

static inline int begin(void **state)
{
	(void)state;
	assert_said("");
	return 0;
}

#endif
