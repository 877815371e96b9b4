// SPDX-License-Identifier: ISC
// What a message of `mms bench` carries; the contract is in bench_stamp.h.
#include "cmd/bench_stamp.h"

#include <assert.h>
#include <string.h>

#include "base/bytes.h"
#include "crypto/base64url.h"

enum { STAMP_BYTES = 18 };

static_assert(STAMP_BYTES % 3 == 0 && STAMP_BYTES / 3 * 4 == BENCH_STAMP_TEXT_BYTES, "base64url without a rest");

void bench_stamp_write(const struct bench_stamp *stamp, uint8_t *text, size_t bytes)
{
	uint8_t data[STAMP_BYTES];
	char encoded[BENCH_STAMP_TEXT_BYTES + 2];
	struct writer writer = writer_of(data, sizeof data);
	assert(bytes >= BENCH_STAMP_TEXT_BYTES);
	assert(stamp->number < UINT64_C(1) << 48);
	bool fits = write_u32(&writer, stamp->run);
	fits = write_u16(&writer, (uint16_t)(stamp->number >> 32)) && fits;
	fits = write_u32(&writer, (uint32_t)stamp->number) && fits;
	fits = write_u64(&writer, (uint64_t)stamp->due.us) && fits;
	assert(fits);
	base64url_encode(data, sizeof data, encoded);
	memcpy(text, encoded, BENCH_STAMP_TEXT_BYTES);
	memset(text + BENCH_STAMP_TEXT_BYTES, '.', bytes - BENCH_STAMP_TEXT_BYTES);
}

bool bench_stamp_read(struct bench_stamp *stamp, const uint8_t *text, size_t bytes)
{
	uint8_t data[STAMP_BYTES];
	char encoded[BENCH_STAMP_TEXT_BYTES];
	uint32_t run, low;
	uint16_t high;
	uint64_t due;
	if (bytes < BENCH_STAMP_TEXT_BYTES)
		return false;
	memcpy(encoded, text, sizeof encoded);
	if (!base64url_decode(encoded, sizeof encoded, data, sizeof data))
		return false;
	struct reader reader = reader_of(data, sizeof data);
	if (!read_u32(&reader, &run) || !read_u16(&reader, &high) || !read_u32(&reader, &low) || !read_u64(&reader, &due) ||
	    due > INT64_MAX)
		return false;
	*stamp = (struct bench_stamp){run, (uint64_t)high << 32 | low, {(int64_t)due}};
	return true;
}

enum bench_arrival bench_inbox_take(struct bench_inbox *inbox, uint64_t number)
{
	if (number >= inbox->next) {
		const uint64_t step = number - inbox->next + 1;
		inbox->came = (step < BENCH_INBOX_KEPT ? inbox->came << step : 0) | 1;
		inbox->next = number + 1;
		return BENCH_IN_ORDER;
	}
	const uint64_t below = inbox->next - 1 - number;
	if (below < BENCH_INBOX_KEPT && (inbox->came >> below & 1) == 0) {
		inbox->came |= UINT64_C(1) << below;
		return BENCH_LATE;
	}
	return number < inbox->signin_at ? BENCH_REPEATED : BENCH_DOUBLED;
}

void bench_inbox_signed_in(struct bench_inbox *inbox)
{
	inbox->signin_at = inbox->next;
}
