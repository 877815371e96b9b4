// SPDX-License-Identifier: ISC
// A token bucket: so many a second after a burst. Layer: base. A zeroed bucket starts full.
#ifndef MMS_BASE_BUCKET_H
#define MMS_BASE_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"

// The rate of a bucket, in tokens a second; it holds `burst` tokens. Both at least 1.
struct bucket_rate {
	uint32_t per_second;
	uint32_t burst;
};

struct bucket {
	int64_t microtokens;    // below 0: taken ahead of time
	struct mtime filled_at; // 0: never, the bucket is full
};

// Takes a token. False: it is empty.
bool bucket_take(struct bucket *bucket, const struct bucket_rate *rate, struct mtime now);

// Takes a token now or ahead of time: `*at` says when it is there. Those taken ahead come one after the other. False: `owed_most`
// tokens are taken ahead already; `*at` is then when to ask again, and nothing has changed.
bool bucket_book(struct bucket *bucket, const struct bucket_rate *rate, uint32_t owed_most, struct mtime now,
		 struct mtime *at);

// Takes what something turned out to cost beyond its token, ahead of time if it must.
void bucket_charge(struct bucket *bucket, const struct bucket_rate *rate, uint32_t tokens, struct mtime now);

// Gives back a token that was taken ahead of time and is not wanted any more. Turns booked after it stay as they were.
void bucket_give(struct bucket *bucket);

// When the bucket will next hold a token, if none is taken before.
struct mtime bucket_ready_at(const struct bucket *bucket, const struct bucket_rate *rate, struct mtime now);

#endif
