// SPDX-License-Identifier: ISC
// What is watched at the server: that a call is done once, that an answer tells the truth, that nothing moves or begins
// a session which may not, and that every bound holds.
#ifndef MMS_SIM_SERVER_WATCH_H
#define MMS_SIM_SERVER_WATCH_H

#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/time.h"
#include "store/storage.h"

enum { HALF_OPEN_WATCHED_MAX = 16 };

// A half-open handshake as it was before a datagram came.
struct watched_half_open {
	uint32_t index; // 0: none
	struct addr addr;
	struct mtime created_at;
};

struct watch_recv {
	uint8_t type;
	uint32_t index;
	uint32_t slot; // of the session a DATA is for; sessions_max: none
	uint64_t counter;
	uint64_t next_before;
	struct addr path_before;
	uint64_t sessions_before; // digest
	uint64_t unparsable_before;
	uint64_t unopened_before;
	uint64_t full_before;
	uint64_t curve_before; // operations on the curve
	struct watched_half_open half_open_before[HALF_OPEN_WATCHED_MAX]; // by its place in the ring
};

// A new process: nothing has been called.
void server_watch_start(void);

// Around every datagram the server takes.
void server_watch_before(struct watch_recv *watch, const uint8_t *datagram, size_t bytes);
void server_watch_after(const struct watch_recv *watch, const struct addr *from);

// That who only sends uses up no answer for anybody: what a datagram was answered with at once; 0 bytes: nothing.
void server_watch_answer(const struct watch_recv *watch, const uint8_t *datagram, size_t bytes, size_t reply_bytes);

// A batch is handed over.
void server_watch_append(uint32_t lane, const struct storage_batch *batch);

// After every turn.
void server_watch_turn(void);

// At the end in order: nothing is left undone.
void server_watch_end(void);

#endif
