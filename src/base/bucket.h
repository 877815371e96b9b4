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
	int64_t microtokens;
	struct mtime filled_at; // 0: never, the bucket is full
};

// Takes a token. False: it is empty.
bool bucket_take(struct bucket *bucket, const struct bucket_rate *rate, struct mtime now);

// When the bucket will next hold a token, if none is taken before.
struct mtime bucket_ready_at(const struct bucket *bucket, const struct bucket_rate *rate, struct mtime now);

#endif
