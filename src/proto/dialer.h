// SPDX-License-Identifier: ISC
// The device's end of the protocol: asking for the server's key, the handshake, and up to two sessions, the present one and
// the one that follows or precedes it (doc/protocol.md sections 3, 4, 5 and 9.1). Layer: proto, pure; the caller owns the memory.
//
// Nothing of the user's is kept here: the owner signs in on every session that comes up and submits again what has no verdict.
#ifndef MMS_PROTO_DIALER_H
#define MMS_PROTO_DIALER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/rng.h"
#include "base/time.h"
#include "proto/blocks.h"
#include "proto/session.h"

enum {
	DIALER_ADDRS_MAX = 4,
	DIALER_SESSIONS = 2,
	DIALER_BLOCKS_SMALL = 4 * CALL_WINDOW, // for calls of the server, and as many for our own: enough for the windows of
	DIALER_BLOCKS_LARGE = 3 * CALL_WINDOW, // both sessions

	DIALER_REPEAT_US_FIRST = 250 * 1000, // then doubled up to the caps of proto/rtt.h (section 4.6)
	DIALER_JITTER = 4,                   // each wait is drawn up to 1/4 shorter or longer: those who began together part
	DIALER_EAGER_US = 10 * 1000 * 1000,  // for so long somebody waits for a handshake: repeated at the first pace (section 4.6)
	DIALER_INIT_LIFE_US = 60 * 1000 * 1000,
	DIALER_HELLO_AFTER_US = 1000 * 1000,     // INIT unanswered this long: HELLO beside it, to see a changed key
	DIALER_HELLO_EVERY_US = 3 * 1000 * 1000, // and again
	DIALER_SILENCE_US = 15 * 1000 * 1000,    // calls unanswered and nothing heard: a handshake beside
	DIALER_HANDSHAKES_BURST = 3,               // handshakes one upon the other, whatever the server does to cause them; then
	DIALER_HANDSHAKE_EVERY_US = 5 * 1000 * 1000, // one in this time: the next waits (section 4.6)
	DIALER_RETIRE_US = 10 * 1000 * 1000,     // how long the session before is kept
	DIALER_TRAILERS = 16, // a session's last datagrams that an UNKNOWN may name (section 5.10)
};
static const int64_t DIALER_REKEY_US = 3600LL * 1000 * 1000;
static const uint64_t DIALER_REKEY_DATAGRAMS = 1ULL << 32;

// Whose memory calls take: a hostile server's calls leave room for our own.
enum { DIALER_ACCOUNT_SERVER, DIALER_ACCOUNT_OWN, DIALER_ACCOUNTS };

enum dialer_state {
	DIALER_IDLE = 0, // nothing wanted
	DIALER_ASKING,   // HELLO until a key is known
	DIALER_WAITING,  // a handshake is wanted and their rate lets none begin yet; sessions go on
	DIALER_DIALING,  // INIT until an ACCEPT verifies
	DIALER_UP,       // at least one session, no handshake in progress
};

enum dialer_slot_state { DIALER_SLOT_FREE = 0, DIALER_SLOT_NEW, DIALER_SLOT_PRESENT, DIALER_SLOT_OLD };

struct dialer_slot {
	struct session session;
	enum dialer_slot_state state;
	struct mtime created_at;
	struct mtime retire_at;
	uint8_t handshake_hash[NOISE_HASH_BYTES];
	uint8_t trailer[DIALER_TRAILERS][WIRE_TRAILER_BYTES]; // of the datagrams sent: `trailer_count` % DIALER_TRAILERS is the next one's
	uint64_t trailer_count;
	bool is_end_due; // DIALER_ENDED is to be polled
};

// A datagram repeated with back-off to every address of the server that may be the right one.
struct dialer_repeat {
	struct mtime started_at;
	struct mtime next_at;
	uint32_t try_count;
	uint32_t pending; // bit i: still to go to address i now
	uint8_t copies; // how often it goes to each address at a time, at most SESSION_COPIES_MAX
};

struct dialer {
	struct rng rng;
	struct blocks blocks;
	struct addr addr[DIALER_ADDRS_MAX];
	uint32_t addr_count;
	uint32_t addr_chosen; // index + 1 of the address that answered; 0: all are tried
	enum dialer_state state;
	struct mtime heard_at; // last sign of the server

	struct dialer_repeat hello;
	uint8_t nonce[WIRE_NONCE_BYTES];

	struct keypair device;
	uint8_t server_key[NOISE_KEY_BYTES];
	struct dialer_repeat init;
	struct noise_ik noise;
	uint8_t noise_message[WIRE_INIT_NOISE_BYTES];
	uint8_t cookie[COOKIE_BYTES];
	uint32_t index;         // of the session to be
	struct mtime made_at;   // of noise_message
	bool is_for_silence;    // dialing only because the present session was silent
	struct mtime retried_at; // when a RETRY last made us send at once
	struct mtime unspent_since; // of the time since then each handshake spends DIALER_HANDSHAKE_EVERY_US

	struct dialer_slot slot[DIALER_SESSIONS];

	uint8_t shown_key[NOISE_KEY_BYTES];
	bool is_key_due;     // DIALER_SERVER_KEY is to be polled
	bool is_changed_due; // DIALER_KEY_CHANGED
	bool is_version_due; // DIALER_NO_VERSION
	uint32_t up_due;     // slot + 1 for DIALER_SESSION_UP
};

enum dialer_event_type {
	DIALER_SERVER_KEY = 1, // `key` answered our HELLO; nothing proves it. The dialer is idle until dialer_dial
	DIALER_KEY_CHANGED,    // `key` is shown where another one is wanted; the dialer has stopped
	DIALER_NO_VERSION,     // the server speaks no version of ours; the dialer has stopped
	DIALER_SESSION_UP,     // a new session: sign in on it
	DIALER_CALL,           // as LISTENER_CALL
	DIALER_ANSWER,         // as LISTENER_ANSWER
	DIALER_ENDED,          // a session is over
};

struct dialer_event {
	enum dialer_event_type type;
	uint32_t slot;
	uint8_t key[NOISE_KEY_BYTES];
	struct session_event call;
};

// Bytes of memory for its blocks.
size_t dialer_memory_bytes(void);

// An idle dialer for 1 to DIALER_ADDRS_MAX addresses of one server, over dialer_memory_bytes() bytes at `memory`.
void dialer_init(struct dialer *dialer, const struct addr *addrs, uint32_t addr_count, void *memory,
		 const struct rng *rng, struct mtime now);

// Ends everything and wipes every key.
void dialer_clear(struct dialer *dialer);

// Replaces the addresses that handshakes and HELLO go to, at most DIALER_ADDRS_MAX; what is being repeated goes to new ones at
// once. Sessions keep the address they have. Returns whether there is one that was not there before.
bool dialer_set_addrs(struct dialer *dialer, const struct addr *addrs, uint32_t addr_count);

// Asks for the server's key.
void dialer_ask(struct dialer *dialer, struct mtime now);

// Begins a handshake with this server key, and again whenever one is needed, until dialer_stop. The pair is copied. This is
// its user's order and goes at once, whatever the rate of handshakes; all that follow keep it.
void dialer_dial(struct dialer *dialer, const struct keypair *device, const uint8_t server_key[NOISE_KEY_BYTES],
		 struct mtime now);

// Begins a handshake beside the present session, as when the server has said that it restarts, as soon as their rate lets it;
// nothing unless sessions are up.
void dialer_redial(struct dialer *dialer, struct mtime now);

// Ends all sessions and handshakes, without events.
void dialer_stop(struct dialer *dialer);

// Takes one datagram. Poll and send afterwards.
void dialer_recv(struct dialer *dialer, const struct addr *addr, const uint8_t *datagram, size_t bytes,
		 struct mtime now);

// The next event. False: none now.
bool dialer_poll(struct dialer *dialer, struct mtime now, struct dialer_event *event);

// SIGNIN was granted on this session, by the right server: it is the present one, and the server's calls start from now on;
// the one before is kept for DIALER_RETIRE_US. Nothing when the session is over.
void dialer_prefer(struct dialer *dialer, uint32_t slot, struct mtime now);

// Answers a call of the server; nothing when the session is over.
void dialer_answer(struct dialer *dialer, uint32_t slot, uint32_t number, uint8_t status, const void *body,
		   size_t body_bytes, struct mtime now);

// Makes a call. MMS_E_FULL: the window is full; MMS_E_MISSING: the session is over.
enum mms_err dialer_call(struct dialer *dialer, uint32_t slot, uint8_t kind, const void *body, size_t body_bytes,
			 uint64_t tag) MUST_CHECK;

// The handshake hash of a session, borrowed until its end.
const uint8_t *dialer_handshake_hash(const struct dialer *dialer, uint32_t slot);

// How long, in microseconds, the server has owed a sign of itself: since something was first sent to it without a sign
// since, or without the answer to SIGNIN; 0 when nothing is awaited.
int64_t dialer_silence_us(const struct dialer *dialer, struct mtime now);

// The next datagrams to send. False: none now.
bool dialer_send(struct dialer *dialer, struct mtime now, struct session_out *out);

// When dialer_tick has something to do at the latest.
struct mtime dialer_deadline(const struct dialer *dialer, struct mtime now);

// Lets timers run that are due; poll and send afterwards.
void dialer_tick(struct dialer *dialer, struct mtime now);

// For the files of this module: when a session was last heard from. While one signs in only the answer counts: a server that says
// anything else, for ever, is none that lets the device in.
struct mtime dialer_heard_at(const struct dialer_slot *entry);

// The same: which of the server's addresses this is, counted from 1, 0: none.
uint32_t dialer_place_of(const struct dialer *dialer, const struct addr *addr);

// The same: begins a handshake now or as soon as their rate lets it; whether it lets one begin now; when it does; begins one
// at once; repeats a datagram when it is due; ends a session.
void dialer_begin(struct dialer *dialer, bool is_for_silence, struct mtime now);
bool dialer_may_start(const struct dialer *dialer, struct mtime now);
struct mtime dialer_ready_at(const struct dialer *dialer);
void dialer_start(struct dialer *dialer, struct mtime now);
void dialer_repeat_tick(struct dialer *dialer, struct dialer_repeat *repeat, struct mtime now);
void dialer_end(struct dialer *dialer, uint32_t slot);
bool dialer_is_signing_in(const struct dialer *dialer);    // whether a session is up that dialer_prefer has not seen

#endif
