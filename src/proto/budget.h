// SPDX-License-Identifier: ISC
// Token buckets for the handshakes of strangers (doc/protocol.md section 4.5). Layer: proto, pure, in memory of the caller.
//
// Who has shown no cookie may be anybody, and is counted with everybody; who has shown one is at its address, and is counted there.
// So nothing that can be sent blindly takes a token, or a place in the table, of somebody who has heard the server.
#ifndef MMS_PROTO_BUDGET_H
#define MMS_PROTO_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/bucket.h"
#include "base/time.h"
#include "crypto/hash.h"

enum {
	BUDGET_WAYS = 4, // entries a set
	// Handshakes a network may have had of late and still be a newcomer; one more each second.
	BUDGET_NEWCOMER_PER_SECOND = 1,
	BUDGET_NEWCOMER_BURST = 20,
};

struct budget_limits {
	struct bucket_rate blind;    // without a valid cookie, from everybody
	struct bucket_rate prefix;   // with one, from an IPv4 address or IPv6 /64
	struct bucket_rate network;  // with one, from an IPv4 /24 or IPv6 /48
	struct bucket_rate all;      // with one, from everybody
	struct bucket_rate newcomer; // beyond `all`: from networks that have had few of late
};

struct budget_entry {
	uint64_t number; // addr_prefix or addr_network
	uint8_t family;  // ADDR_NONE: free
	bool is_network;
	struct mtime used_at;
	struct bucket bucket;
	struct bucket newcomer; // of a network
};

struct budget {
	struct budget_limits limits;
	struct budget_entry *entry; // BUDGET_WAYS entries a set; full: the one used longest ago goes
	uint32_t entry_count;
	uint8_t secret[TABLE_SECRET_BYTES];
	struct bucket blind;
	struct bucket all;
	struct bucket newcomer;
};

// The limits of protocol.md section 4.5.
struct budget_limits budget_limits_default(void);

// A budget over `entry_count` entries (a multiple of BUDGET_WAYS), kept while it is used.
void budget_init(struct budget *budget, const struct budget_limits *limits, struct budget_entry *entry,
		 uint32_t entry_count, const uint8_t secret[TABLE_SECRET_BYTES]);

// Takes a token for a handshake without a valid cookie. False: they are used up.
bool budget_take_blind(struct budget *budget, struct mtime now);

// Takes a token for a handshake of an address that has shown a valid cookie: its network's, its prefix's and one of everybody's.
// False: one of the three is used up (those taken before it are spent).
bool budget_take(struct budget *budget, const struct addr *addr, struct mtime now);

#endif
