// SPDX-License-Identifier: ISC
// One session, the same on both ends: DATA in, DATA out, calls both ways (doc/protocol.md section 5). Birth is the
// handshake's; receiving, sending and timers are each a file. Layer: proto, pure. The owner owns the struct and the blocks.
#ifndef MMS_PROTO_SESSION_H
#define MMS_PROTO_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/rng.h"
#include "base/time.h"
#include "crypto/noise.h"
#include "proto/blocks.h"
#include "proto/callee.h"
#include "proto/caller.h"
#include "proto/path.h"
#include "proto/replay.h"
#include "proto/wire.h"

enum {
	SESSION_MARK_DELAY_US = 20 * 1000, // received calls are marked within this (section 5.6)
	SESSION_TELL_ANSWERS = 8,          // so many answers that the peer keeps in vain, or a server the first, are
	SESSION_TELL_DELAY_US = 200 * 1000, // told it within this, though nothing else is to be sent
	SESSION_LOSS_UNIT = 1024,          // loss_share of a path that loses everything
	SESSION_LOSS_TWICE = SESSION_LOSS_UNIT / 20, // share above which repetitions go twice
	SESSION_LOSS_THRICE = SESSION_LOSS_UNIT / 2, // share above which they go three times
	SESSION_COPIES_MAX = 3,
};

struct session {
	// since the handshake
	struct noise_keys keys;
	uint32_t local_index;  // in datagrams to us
	uint32_t remote_index; // in datagrams to the peer

	// datagrams
	uint64_t send_counter; // of the next DATA
	struct replay replay;
	struct path path;
	struct mtime heard_at;    // last authentic datagram
	struct mtime answered_at; // when answers were last sent
	uint8_t response[WIRE_PATH_BYTES]; // to the newest challenge

	// calls
	struct caller caller;
	struct callee callee;
	struct mtime mark_at; // when received calls are to be marked, or BASE told; MTIME_NEVER: nothing of the kind
	uint32_t told_base;   // BASE of the last datagram
	uint32_t polled;      // handle of the answered call that the last event borrows from

	uint16_t loss_share; // smoothed share of the peer's datagrams that did not come, of SESSION_LOSS_UNIT
	bool is_server;
	bool is_response_due;
};

enum session_event_type {
	SESSION_CALL = 1,   // the peer's call has started and wants an answer
	SESSION_ANSWER = 2, // one of our calls was answered
};

// What session_poll gives; `body` is borrowed until the next call with the same session.
struct session_event {
	enum session_event_type type;
	uint32_t number; // CALL
	uint8_t kind;
	uint8_t status; // ANSWER
	const uint8_t *body;
	size_t body_bytes;
	uint64_t tag; // ANSWER
};

// Datagrams to send now: `count` of `bytes` each to `addr`.
struct session_out {
	struct addr addr;
	size_t count;
	size_t bytes;
	uint8_t datagram[SESSION_COPIES_MAX][WIRE_DATAGRAM_BYTES_MAX];
};

struct session_birth {
	const struct noise_keys *keys;
	uint32_t local_index;
	uint32_t remote_index;
	bool is_server;
	struct addr addr;
	bool is_addr_proved;    // see path_init
	size_t addr_recv_bytes; // what the handshake received from it ...
	size_t addr_sent_bytes; // ... and sent to it
	uint32_t caller_account; // blocks of its own calls are taken for this one ...
	uint32_t callee_account; // ... and those of the peer's for this one (proto/blocks.h)
};

// A session after its handshake; everything in `birth` is copied. Calls behind SIGNIN, or all of the server's, start only
// after callee_open_gate.
void session_init(struct session *session, struct blocks *blocks, const struct session_birth *birth, struct mtime now);

// From now on its blocks are taken for other accounts; those it has stay with the accounts they were taken for.
void session_set_accounts(struct session *session, uint32_t caller_account, uint32_t callee_account);

// The session is closing: it gives back the blocks of what need not be said any more. It still answers what has started, repeats
// answers, and, if it `keeps_calls`, repeats its own.
void session_close(struct session *session, struct blocks *blocks, bool keeps_calls);

// Gives back its blocks and wipes it.
void session_clear(struct session *session, struct blocks *blocks);

// Takes one DATA datagram whose index named this session. MMS_OK: processed; poll for events. MMS_E_AUTH: dropped (does
// not open, or seen before), nothing changed. MMS_E_BAD: opened and unparsable; the owner must end the session.
enum mms_err session_recv(struct session *session, struct blocks *blocks, const struct addr *addr,
			  const uint8_t *datagram, size_t bytes, struct mtime now, const struct rng *rng) MUST_CHECK;

// The next event. False: none now.
bool session_poll(struct session *session, struct blocks *blocks, struct mtime now, struct session_event *event);

// Whether session_poll would give one.
bool session_has_event(const struct session *session, struct mtime now);

// Fills `out` with the next datagram (or copies of it, each with its own counter). False: nothing to send now.
bool session_send(struct session *session, struct blocks *blocks, struct mtime now, struct session_out *out);

// When session_tick or session_poll has something to do at the latest, beside the events that are there already; MTIME_NEVER: nothing.
struct mtime session_deadline(const struct session *session, struct mtime now);

// Lets timers run that are due.
void session_tick(struct session *session, struct mtime now);

#endif
