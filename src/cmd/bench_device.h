// SPDX-License-Identifier: ISC
// One device that `mms bench` plays: a session of the protocol (proto/dialer.h) without a database behind it. A pair is two of
// them. What has no verdict when a session ends is submitted again on the next, with its id, as every device does. Layer: cmd.
#ifndef MMS_CMD_BENCH_DEVICE_H
#define MMS_CMD_BENCH_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"
#include "base/name.h"
#include "base/uuid.h"
#include "cmd/bench_stamp.h"
#include "crypto/hash.h"
#include "proto/dialer.h"

struct bench_load;

// A message on its way: its sender waits for a verdict.
struct bench_submission {
	bool is_open;
	uint64_t number;
	struct mtime due;
	struct uuid id;
};

enum { BENCH_INDEXES = 4 }; // session indexes a dialer may have in use: of two sessions, of a handshake, and the one before

struct bench_device {
	struct dialer dialer;
	struct name name;
	struct keypair keys;
	bool has_invite;
	uint8_t invite_hash[INVITE_HASH_BYTES];
	uint32_t slot; // of the session it has signed in on
	uint32_t index[BENCH_INDEXES]; // those that datagrams to it were found by, the newest first; 0: none
	bool is_touched; // to be looked at before the next wait
};

struct bench_pair {
	uint64_t sent;     // numbers given
	uint64_t settled;  // of them: accepted or refused
	uint64_t refused;
	uint64_t delivered;
	struct bench_inbox inbox;
	struct bench_submission submission[CALL_WINDOW]; // at number % CALL_WINDOW
};

// Lets everything happen to device `index` that its dialer has to tell.
void bench_device_run(struct bench_load *load, uint32_t index, struct mtime now);

// Device `index` begins to sign out, if it is signed in and its window has room.
void bench_device_leave(struct bench_load *load, uint32_t index);

// Whether the pair may send another message as far as its window goes.
bool bench_pair_can_send(const struct bench_load *load, uint32_t pair);

// Sends the pair's next message, which was due then. Must: bench_pair_can_send. False: no room for its call now.
bool bench_pair_send(struct bench_load *load, uint32_t pair, struct mtime due);

#endif
