// SPDX-License-Identifier: ISC
// Token buckets for what strangers may ask: per address prefix and over all (doc/protocol.md section 4.5). Layer: proto,
// pure, in memory of the caller.
#ifndef MMS_PROTO_BUDGET_H
#define MMS_PROTO_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/bucket.h"
#include "base/time.h"
#include "crypto/hash.h"

enum budget_kind {
	BUDGET_INIT = 0,    // INIT without a valid cookie
	BUDGET_COOKIE,      // INIT with one
	BUDGET_ANSWER,      // stateless answers: SERVERINFO, RETRY, UNKNOWN
	BUDGET_KIND_COUNT,
};

struct budget_limits {
	struct bucket_rate prefix[BUDGET_KIND_COUNT];
	struct bucket_rate all[BUDGET_KIND_COUNT];
};

struct budget_entry {
	uint64_t prefix;
	uint8_t family; // ADDR_NONE: free
	struct mtime used_at;
	struct bucket bucket[BUDGET_KIND_COUNT];
};

struct budget {
	struct budget_limits limits;
	struct budget_entry *entry; // BUDGET_WAYS entries a set; full: the one used longest ago goes
	uint32_t entry_count;
	uint8_t secret[TABLE_SECRET_BYTES];
	struct bucket all[BUDGET_KIND_COUNT];
};

enum { BUDGET_WAYS = 4 };

// The limits of protocol.md section 4.5.
struct budget_limits budget_limits_default(void);

// A budget over `entry_count` entries (a multiple of BUDGET_WAYS), kept while it is used.
void budget_init(struct budget *budget, const struct budget_limits *limits, struct budget_entry *entry,
		 uint32_t entry_count, const uint8_t secret[TABLE_SECRET_BYTES]);

// Takes a token of `kind` for this address, its prefix's and everyone's. False: one of the two is used up (a token of the
// prefix is spent even when everyone's are used up).
bool budget_take(struct budget *budget, enum budget_kind kind, const struct addr *addr, struct mtime now);

#endif
