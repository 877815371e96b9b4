// SPDX-License-Identifier: ISC
// The server's end of the protocol: all sessions of one server, from datagrams to events and back (doc/protocol.md
// sections 4, 5 and 9.2). Receiving, sending and timers are each a file. Layer: proto, pure, in one block of memory of the caller.
//
// A session is named by its slot. Slots are reused only after LISTENER_ENDED was polled for them, so a slot that the
// owner has heard of is valid until it polls that event; calls for a slot whose end is waiting to be polled do nothing.
#ifndef MMS_PROTO_LISTENER_H
#define MMS_PROTO_LISTENER_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/map.h"
#include "base/rng.h"
#include "base/time.h"
#include "proto/admission.h"
#include "proto/blocks.h"
#include "proto/session.h"
#include "proto/timers.h"

enum {
	LISTENER_PARTS = 3, // of the memory of calls: strangers', users', the server's own
	LISTENER_SIGNIN_US = 60 * 1000 * 1000,  // from confirmation to a granted SIGNIN
	LISTENER_SILENT_US = 45 * 1000 * 1000,  // a session not heard from: LISTENER_SILENT
	LISTENER_IDLE_US = 180 * 1000 * 1000,   // the same: it ends
	LISTENER_CLOSING_US = 10 * 1000 * 1000, // a closed session, to repeat its last answers
};

// Sizes of the tables; see base/limits.h for what happens when each is full.
struct listener_config {
	uint32_t sessions_max;
	uint32_t half_open_max;
	uint32_t prefixes_max;
	uint32_t blocks_small_max; // blocks that users share for calls of theirs, and as many for calls to them
	uint32_t blocks_large_max;
	struct budget_limits limits;
};

enum listener_state { LISTENER_FREE = 0, LISTENER_OPEN, LISTENER_CLOSING, LISTENER_OVER };

// What is known of a session that gives its slot to a newcomer when all are in use: one that is not signed in, or is closing.
struct listener_spare {
	uint8_t key[NOISE_KEY_BYTES]; // this and the next two: while it is not signed in
	uint8_t handshake_hash[NOISE_HASH_BYTES];
	struct mtime handshake_at; // when the INIT was first answered
	struct mtime ends_at;
	uint32_t older; // list of spare sessions, in the order they became so: slot + 1
	uint32_t newer;
	uint32_t free_next; // + 1
};

struct listener_slot {
	struct session session;
	uint32_t spare;   // place of its listener_spare, + 1; 0: signed in, and not closing
	uint32_t account; // of its owner, + 1; 0: not signed in
	uint8_t state;    // enum listener_state
	bool is_signed_in;
	bool is_dirty; // on the list of sessions that may have something to send
	bool is_ready; // on the list of sessions that may have events
	bool is_silent;       // signed in, and not heard from for LISTENER_SILENT_US
	bool is_told_silent;  // the last of LISTENER_SILENT and LISTENER_HEARD that was polled
	uint32_t dirty_next; // slot + 1
	uint32_t ready_next;
};

static_assert(sizeof(struct listener_slot) <= 344, "what an idle session takes, beside its maps and timer");

// Whoever has signed-in sessions: all sessions of one owner take their memory from what is this owner's.
struct listener_account {
	uint64_t owner;
	uint32_t session_count;
	uint32_t free_next; // + 1
};

struct listener_list {
	uint32_t head; // slot + 1
	uint32_t tail;
};

struct listener_counts {
	uint64_t datagrams;
	uint64_t malformed; // dropped: no type, size or direction of ours
	uint64_t unopened;  // dropped: did not open, or seen before
	uint64_t unparsable; // sessions ended for it
	uint64_t unknown;   // DATA for no session
	uint64_t full;      // confirmations dropped because every session was in use
};

struct listener {
	struct rng rng;
	struct admission admission;
	struct blocks blocks;
	struct map by_index; // session index -> slot, or sessions_max + place of a half-open one
	struct timers timers;
	struct listener_slot *slot;
	struct listener_spare *spare; // sessions_max
	uint32_t spare_fresh_count;   // those from here on were never used
	uint32_t spare_free;          // + 1
	uint32_t sessions_max;
	uint32_t fresh_count; // slots from here on were never used
	uint32_t free_head;   // slot + 1, linked by ready_next
	struct listener_list ready;
	struct listener_list dirty;
	struct listener_account *account; // sessions_max
	uint32_t account_fresh_count;     // accounts from here on were never used
	uint32_t account_free;            // + 1
	struct map by_owner;              // owner -> account
	uint32_t spare_oldest; // slot + 1
	uint32_t spare_newest;
	struct listener_counts counts;
};

enum listener_event_type {
	LISTENER_CALL = 1,   // a call has started and wants an answer
	LISTENER_ANSWER = 2, // one of our calls was answered
	LISTENER_ENDED = 3,  // the session is over; its slot may be reused after this
	LISTENER_SILENT = 4, // a signed-in session has not been heard from for LISTENER_SILENT_US
	LISTENER_HEARD = 5,  // it was heard from again, before its next call or answer
};

// All that it points at is borrowed until the next listener_poll. What a type does not have is zero.
struct listener_event {
	enum listener_event_type type;
	uint32_t slot;
	struct session_event call;     // CALL and ANSWER
	const uint8_t *peer_key;       // CALL before listener_signed_in: the peer's static key, NOISE_KEY_BYTES
	const uint8_t *handshake_hash; // the same: NOISE_HASH_BYTES
	struct mtime handshake_at;     // the same: when the INIT was first answered, which tells the later of two
	uint32_t room; // ANSWER: how many more calls listener_call can make before the window is full
};

// The sizes of base/limits.h and the budgets of protocol.md section 4.5.
struct listener_config listener_config_default(void);

// Bytes of memory for a configuration.
size_t listener_memory_bytes(const struct listener_config *config);

// A listener for a server's key pair over listener_memory_bytes(config) bytes of zeros, aligned for any type, kept while it is used.
void listener_init(struct listener *listener, const struct listener_config *config, void *memory,
		   const struct keypair *server, const struct rng *rng, struct mtime now);

// Wipes keys; the memory is the caller's again.
void listener_clear(struct listener *listener);

// Takes one datagram. Returns the bytes of an immediate answer in `reply` (WIRE_DATAGRAM_BYTES_MAX of room), to be sent
// to `addr`; 0: none. Poll for events afterwards.
size_t listener_recv(struct listener *listener, const struct addr *addr, const uint8_t *datagram, size_t bytes,
		     struct mtime now, uint8_t *reply);

// The next event. False: none now.
bool listener_poll(struct listener *listener, struct mtime now, struct listener_event *event);

// Answers a started call. A body over BLOCK_SMALL_BYTES may find no memory; the call's event then comes again later.
void listener_answer(struct listener *listener, uint32_t slot, uint32_t number, uint8_t status, const void *body,
		     size_t body_bytes, struct mtime now);

// Lets the call that the last event gave start again at `until`, and no call of the session before.
void listener_defer(struct listener *listener, uint32_t slot, struct mtime until);

// Makes a call. MMS_E_FULL: the session's window or the memory is full; MMS_E_MISSING: the session is over.
enum mms_err listener_call(struct listener *listener, uint32_t slot, uint8_t kind, const void *body, size_t body_bytes,
			   uint64_t tag) MUST_CHECK;

// SIGNIN was granted: other calls may start, the session lives as long as it is heard from, and its calls take their memory
// from what is its owner's. Sessions with the same number are the same owner's.
void listener_signed_in(struct listener *listener, uint32_t slot, uint64_t owner);

// When the session of a slot was heard last.
struct mtime listener_heard_at(const struct listener *listener, uint32_t slot);

// No further call of this session starts; it goes after LISTENER_CLOSING_US, or when our last call to it is answered. Unless
// the session `keeps_calls` to say the last of ours, they are given up. Else all of them are kept, for the peer starts them in order.
void listener_close(struct listener *listener, uint32_t slot, bool keeps_calls, struct mtime now);

// The next datagrams to send. False: none now.
bool listener_send(struct listener *listener, struct mtime now, struct session_out *out);

// When listener_tick has something to do at the latest.
struct mtime listener_deadline(const struct listener *listener);

// Lets timers run that are due; poll and send afterwards.
void listener_tick(struct listener *listener, struct mtime now);

// For the files of this module: puts a slot on a list, ends a session, makes one.
void listener_mark_dirty(struct listener *listener, uint32_t slot);
void listener_mark_ready(struct listener *listener, uint32_t slot);
// The parts of the memory of calls: LISTENER_PARTS of them. Accounts in all of them are numbered in this order: those who have
// not signed in; each owner's calls; our calls to each owner; our calls to those who have not signed in.
void listener_parts(const struct listener_config *config, struct blocks_part *parts);
void listener_accounts_of_strangers(const struct listener *listener, struct session_birth *birth); // fills both
void listener_join_account(struct listener *listener, uint32_t slot, uint64_t owner);
void listener_leave_account(struct listener *listener, uint32_t slot); // after its session was cleared
// A new session is spare; its place on the list is set here.
void listener_join_spare(struct listener *listener, uint32_t slot, const struct listener_spare *spare);
void listener_end(struct listener *listener, uint32_t slot); // clears the session; LISTENER_ENDED is to be polled
// A slot for a new session, the oldest spare one making room if need be. False: none is free yet, or every slot is signed in.
bool listener_take_slot(struct listener *listener, uint32_t *slot);

#endif
