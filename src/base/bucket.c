// SPDX-License-Identifier: ISC
// A token bucket; the contract is in bucket.h.
#include "base/bucket.h"

#include <assert.h>

enum { TOKEN = 1000000 }; // microtokens; a rate of r tokens a second adds r microtokens a microsecond

static void fill(struct bucket *bucket, const struct bucket_rate *rate, struct mtime now)
{
	assert(rate->per_second > 0 && rate->burst > 0);
	const int64_t most = (int64_t)rate->burst * TOKEN;
	const int64_t passed_us = mtime_diff_us(now, bucket->filled_at);
	if (bucket->filled_at.us == 0 || passed_us > (most - bucket->microtokens) / rate->per_second)
		bucket->microtokens = most;
	else if (passed_us > 0)
		bucket->microtokens += passed_us * rate->per_second;
	if (bucket->microtokens > most)
		bucket->microtokens = most;
	bucket->filled_at = now;
}

bool bucket_take(struct bucket *bucket, const struct bucket_rate *rate, struct mtime now)
{
	fill(bucket, rate, now);
	if (bucket->microtokens < TOKEN)
		return false;
	bucket->microtokens -= TOKEN;
	return true;
}

bool bucket_book(struct bucket *bucket, const struct bucket_rate *rate, uint32_t owed_most, struct mtime now,
		 struct mtime *at)
{
	fill(bucket, rate, now);
	*at = bucket_ready_at(bucket, rate, now);
	if (bucket->microtokens < TOKEN - (int64_t)owed_most * TOKEN)
		return false;
	bucket->microtokens -= TOKEN;
	return true;
}

void bucket_charge(struct bucket *bucket, const struct bucket_rate *rate, uint32_t tokens, struct mtime now)
{
	fill(bucket, rate, now);
	bucket->microtokens -= (int64_t)tokens * TOKEN;
}

void bucket_give(struct bucket *bucket)
{
	bucket->microtokens += TOKEN;
}

struct mtime bucket_ready_at(const struct bucket *bucket, const struct bucket_rate *rate, struct mtime now)
{
	if (bucket->filled_at.us == 0 || bucket->microtokens >= TOKEN)
		return now;
	return mtime_add_us(bucket->filled_at, (TOKEN - bucket->microtokens) / rate->per_second + 1);
}
