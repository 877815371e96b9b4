// SPDX-License-Identifier: ISC
// The life of a device: from a wish to be somebody at a server to the end of it, as one state machine. Layer: node, pure.
// `mms client`, `listen`, `send` and `who` are views of it, and the simulator runs it.
//
// Wishes and what happened come in, by a function each, named in the past tense. Orders come out, one at a time, by
// device_life_next: the performer does each before it asks for the next, and reports what came of it by the event named at
// the order. A process that is killed between any two orders leaves a profile that the next one can go on with.
//
//	ASKING ──key──▶ OPENING ──profile──▶ WAITING ──turn──▶ DIALING ◀──▶ SIGNING_IN ──▶ SIGNED_IN ──▶ SIGNING_OUT ──▶ STOPPED
//	                       └──── it has signed in, and only asking is wished ──▲                  PAUSING ◀── replaced, not receiving
//
// Of the processes of a profile that show what comes one receives, under a lock. The others follow it: they have sessions that
// do not receive, and hear when the profile has changed. When the one ends, or is killed, one of them receives in its place.
//
// From every state the life can go to STOPPED, which is told with its reason, and by device_life_forget to IDLE. Beside the
// state stand two small ones: what is known of the server's addresses, and whether it has been silent for long.
#ifndef MMS_NODE_DEVICE_LIFE_H
#define MMS_NODE_DEVICE_LIFE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "crypto/hash.h"
#include "node/device_node.h"

enum {
	LIFE_SILENT_US = 3 * 1000 * 1000,       // without a sign of the server: told, and its name is looked up again
	LIFE_TURN_US = 20 * 1000,               // until the outbox is tried again; then so much longer each time
	LIFE_TURN_US_MAX = 200 * 1000,          // no longer
	LIFE_POKE_US = 1000 * 1000,             // between pokes of who holds it, while something of ours may wait there
	LIFE_LOOKUP_US_FIRST = 2 * 1000 * 1000, // until a name is looked up again; then twice as long each time
	LIFE_LOOKUP_US_MAX = 60 * 1000 * 1000,  // no doubling beyond
	LIFE_PAUSE_US = 1000 * 1000,            // until who does not receive, and was replaced, dials again
	LIFE_FOLLOW_PAUSE_US = 60 * 1000 * 1000, // the same of one that follows: it has no use for a session until it is asked
	LIFE_LOOK_US = 8 * 1000 * 1000,         // until one that follows looks though nobody woke it
	LIFE_SIGNOUT_US = 10 * 1000 * 1000,     // how long SIGNOUT waits for its answer; LIFE_SILENT_US of silence end it too
	// What one step can tell, what one batch can, and our own. Only an empty queue steps, or orders a batch.
	LIFE_TOLD_MAX = CALL_BODY_BYTES_MAX / 2 + CLIENT_BATCH_OPS_MAX + 16,
};

enum life_state {
	LIFE_IDLE = 0,    // nobody is wanted
	LIFE_ASKING,      // for the server's key
	LIFE_OPENING,     // the profile is being opened
	LIFE_WAITING,     // for the outbox: the profile has never signed in, or only sending is wished; or to know who receives
	LIFE_PAUSING,     // too many commands of this device were at the server: until LIFE_PAUSE_US have passed
	LIFE_DIALING,     // no session
	LIFE_SIGNING_IN,  // a session, and SIGNIN is not answered
	LIFE_SIGNED_IN,
	LIFE_SIGNING_OUT,
	LIFE_STOPPED,     // for good; the reason was told
};

enum life_lookup { LOOKUP_DUE = 0, LOOKUP_RUNNING, LOOKUP_KNOWN, LOOKUP_FAILED };

// Why a wish to be somebody has ended.
enum life_stop {
	LIFE_STOP_FAILED = 1,  // an order failed: the performer has the reason
	LIFE_STOP_STORE,       // the profile's store failed: it has the reason
	LIFE_STOP_NO_HOST,     // the name does not resolve, and nothing here could be kept or sent
	LIFE_STOP_REFUSED,     // SIGNIN was not granted: `status`
	LIFE_STOP_BROKEN,      // the server answered SIGNIN against the protocol
	LIFE_STOP_NOT_PROVED,  // the server does not know the invite
	LIFE_STOP_KEY,         // the server shows `shown_key` where another one is wanted
	LIFE_STOP_VERSION,     // no common version
	LIFE_STOP_REPLACED,    // a copy of this profile receives now; who does not receive dials again instead
	LIFE_STOP_REMOVED,     // no longer authorized
	LIFE_STOP_SIGNED_OUT,  // as was wished
};

enum life_told_type {
	LIFE_TOLD_KNOWN = 1,   // the profile has signed in, now or before: what is queued there is kept and will be sent
	LIFE_TOLD_SIGNED_IN,   // name, waiting_count; once a wish, again after LIFE_PAUSING, and when another process receives
	LIFE_TOLD_RECONNECTED, // signed in again on another session
	LIFE_TOLD_STORED,      // the transcript has grown, or the deliveries that were waiting have all come
	LIFE_TOLD_VERDICT,     // id, what, to, name (the other one), state, status, is_reoffer; it is durable
	LIFE_TOLD_CHANGED,     // another process has written to the profile: verdicts and entries may stand there
	LIFE_TOLD_LIST_BEGIN,  // the list that was asked for begins (anew: forget what came before)
	LIFE_TOLD_LIST_USER,   // of users, members, those blocked: name; is_online but for the last; is_owner of members
	LIFE_TOLD_LIST_ROOM,   // of rooms: name, is_member, is_owner, is_private, member_count
	LIFE_TOLD_LIST_END,
	LIFE_TOLD_LIST_FAILED, // status: why there is no list; STATUS_OK: what came is none
	LIFE_TOLD_SHUTDOWN,    // the server stops; reconnecting goes on
	LIFE_TOLD_UNREACHABLE, // the server has been silent for LIFE_SILENT_US, or its name does not resolve; trying goes on
	LIFE_TOLD_REACHED,     // signed in again after that
	LIFE_TOLD_PRESENCE,    // name, is_online, heard_at: one whom one writes with has come, or gone
	LIFE_TOLD_STOPPED,     // stop, status (of SIGNIN's answer)
};

struct life_told {
	enum life_told_type type;
	struct name name;
	uint32_t waiting_count;
	bool is_online;
	struct wtime heard_at; // 0: not known
	bool is_member;
	bool is_owner;
	bool is_private;
	uint32_t member_count;
	uint8_t status;
	struct uuid id;
	uint8_t what;         // enum outbox_what
	struct message_to to; // of the outbox's row
	enum outbox_state state;
	bool is_reoffer;
	enum life_stop stop;
};

enum life_use {
	LIFE_RECEIVES = 1, // client, listen: one of a profile's receives, the others follow it
	LIFE_ASKS,         // who
	LIFE_SENDS,        // send: signs in only while it holds the outbox, so that a profile's many senders share a session
};

struct life_wish {
	struct name name;
	enum life_use use;
	bool has_invite;
	uint8_t invite_hash[INVITE_HASH_BYTES];
};

// What stands in the profile, as it was read while the event's order was performed.
struct life_facts {
	bool has_signed_in; // some process of it, at some time
	struct name name;   // as the server writes it, once it has
	uint64_t replaced_count; // how often a copy of the profile has replaced the process that received
};

enum life_order_type {
	LIFE_RESOLVE = 1, // look the server's name up, without waiting → device_life_resolved, device_life_unresolved, at any time
	LIFE_OPEN,        // open the profile of `name` at the server with `key`, made if missing → device_life_opened
	LIFE_TAKE,        // try to take the profile's outbox → device_life_taken, device_life_busy
	LIFE_GIVE,        // let another process have it
	LIFE_POKE,        // wake who holds it
	LIFE_RECEIVE,     // try to become the process that receives; if not, one that hears who does → device_life_receives,
			  // device_life_follows
	LIFE_YIELD,       // let another process receive
	LIFE_STIR,        // wake those who follow
	LIFE_PIN,         // pin `key` for the server's name, durably → device_life_pinned
	LIFE_NOTE,        // note in the profile, durably, that it has signed in as `name` → device_life_noted
	LIFE_OVERRULE,    // note in the profile, durably, that a copy of it has replaced this process → device_life_overruled
	LIFE_APPEND,      // make `batch` durable in the profile, all of it or nothing → device_life_appended, at any time
	LIFE_ASK,         // answer `question` from the profile → device_life_answered, at any time
	LIFE_SEND,        // send `datagrams`
	LIFE_TELL,        // tell the user `told`
}; // RESOLVE, APPEND and ASK apart, an order that the environment refuses → device_life_failed

// Of APPEND one is out at a time, and of ASK one. A batch and a question are borrowed until the next call to the life: who carries
// them out later keeps a copy.

struct life_order {
	enum life_order_type type;
	struct name name;
	uint8_t key[NOISE_KEY_BYTES];
	union {
		struct session_out datagrams;
		struct life_told told;
		const struct client_batch *batch;
		const struct client_question *question;
	};
};

struct device_life {
	struct device_node node;
	enum life_state state;
	struct life_wish wish;
	struct mtime wished_at;

	enum life_lookup lookup;
	struct mtime lookup_at; // when it is to be looked up again, if it is
	int64_t lookup_wait_us;
	bool was_unresolved; // the last lookup came to nothing
	bool is_silence_told;
	bool was_signed_in; // since the wish

	bool has_fingerprint; // that the server's key must have
	struct fingerprint fingerprint;
	bool has_key; // server_key is pinned, or was shown
	bool is_pinned;
	uint8_t server_key[NOISE_KEY_BYTES];
	uint8_t shown_key[NOISE_KEY_BYTES]; // by the server last

	bool is_open; // there is a profile: keys and facts are its
	struct keypair keys;
	struct life_facts facts;

	bool is_holding;     // the outbox
	bool was_busy;       // another process had it, since the wish
	struct mtime turn_at; // when to try to take it
	int64_t turn_wait_us; // until it is tried again
	struct mtime poke_at; // when to wake who holds it; MTIME_NEVER: nothing of ours waits
	struct mtime poke_end_at; // when the outbox is looked into anyway: who follows wakes nobody any more then
	struct mtime again_at; // when pausing is over
	struct mtime leave_at; // when signing out is over without an answer

	bool is_receiver;     // of the profile's processes this one receives
	bool is_receiving;    // its sessions do
	bool is_role_changed; // and are to begin anew, since they do not yet, or may no longer
	bool is_stir_due;     // those who follow are to be woken
	bool is_overruled;    // a copy of the profile has replaced who received, since the wish
	uint64_t replaced_count; // how often before the wish
	struct client_list_wish list; // what was asked for last
	bool is_list_due;     // it was, and there is no session yet that could tell
	struct mtime role_at; // when to try to receive

	enum life_order_type pending; // an order that awaits its event; 0: none
	bool is_append_out; // a batch is with the storage, be it of an earlier client
	bool is_ask_out;    // the same of a question
	struct life_told told[LIFE_TOLD_MAX];
	uint32_t told_first;
	uint32_t told_count;
};

struct life_server {
	bool has_fingerprint;
	struct fingerprint fingerprint; // the user gave it
	bool is_pinned;
	uint8_t key[NOISE_KEY_BYTES]; // pinned for its name
};

// Bytes of memory for a device.
size_t device_life_memory_bytes(void);

// An idle life at this server, over device_life_memory_bytes() bytes at `memory`, kept. The first order is RESOLVE.
void device_life_init(struct device_life *life, const struct life_server *server, void *memory, const struct rng *rng,
		      struct mtime now);

// Wipes keys. The profile, if one is open, is for the owner to close.
void device_life_clear(struct device_life *life);

// --- wishes ---

// To be somebody. Must: IDLE.
void device_life_be(struct device_life *life, const struct life_wish *wish, struct mtime now);

// For a list, and no other one any more; it is told once it can be. Nothing unless the profile is open and the wish goes on.
void device_life_list(struct device_life *life, const struct client_list_wish *wish, struct mtime now);

// LIFE_TOLD_PRESENCE is wanted: as client_want_presence. To be said after each LIFE_TOLD_SIGNED_IN.
void device_life_want_presence(struct device_life *life, const struct name *names, uint32_t count, struct mtime now);

// To sign out: STOPPED, SIGNED_OUT follows, at once where nobody is signed in. Nothing while IDLE or STOPPED.
void device_life_leave(struct device_life *life, struct mtime now);

// To be nobody, at once and without a word to the server. The owner closes the profile then, and with it the outbox's lock;
// what is with the storage may become durable or not, and is not reported.
void device_life_forget(struct device_life *life);

// --- what happened ---

// RESOLVE came to addresses, or to none.
void device_life_resolved(struct device_life *life, const struct addr *addrs, uint32_t addr_count, struct mtime now);
void device_life_unresolved(struct device_life *life, struct mtime now); // see device_life_resolved

// OPEN was performed. The pair is copied.
void device_life_opened(struct device_life *life, const struct keypair *keys, const struct life_facts *facts, struct mtime now);

// APPEND came to this; a storage that has failed ends the wish, LIFE_STOP_STORE. Must: it is out, and the profile was not
// forgotten since.
void device_life_appended(struct device_life *life, const struct client_appended *appended, struct mtime now);

// ASK came to this. Must: the same.
void device_life_answered(struct device_life *life, const struct client_answer *answer, struct mtime now);

// TAKE was performed: the outbox is ours. The facts were read after it was. `has_changed`: another process has written since this
// was last asked.
void device_life_taken(struct device_life *life, const struct life_facts *facts, bool has_changed, struct mtime now);

// TAKE was performed: another process has the outbox.
void device_life_busy(struct device_life *life, const struct life_facts *facts, bool has_changed, struct mtime now);

// RECEIVE was performed: this process receives; or another one does. The facts were read after it was; has_changed as above.
void device_life_receives(struct device_life *life, const struct life_facts *facts, bool has_changed, struct mtime now);
void device_life_follows(struct device_life *life, const struct life_facts *facts, bool has_changed,
			 struct mtime now); // see device_life_receives

// One that receives has woken this one, which follows; or has ended.
void device_life_stirred(struct device_life *life, struct mtime now);

// While this process stood aside, others have taken what it had: neither does it receive nor has it the outbox.
void device_life_overtaken(struct device_life *life, struct mtime now);

// PIN was performed; NOTE was; OVERRULE was.
void device_life_pinned(struct device_life *life);
void device_life_noted(struct device_life *life); // see device_life_pinned
void device_life_overruled(struct device_life *life); // see device_life_pinned

// The pending order, or something of the owner's, failed: STOPPED, FAILED follows; what is not told yet is dropped. Nothing
// while IDLE or STOPPED.
void device_life_failed(struct device_life *life);

// This process has queued a message in the profile, durably.
void device_life_queued(struct device_life *life, struct mtime now);

// Another process poked: the outbox may have grown.
void device_life_woken(struct device_life *life, struct mtime now);

// A datagram came.
void device_life_recv(struct device_life *life, const struct addr *addr, const uint8_t *datagram, size_t bytes,
		      struct mtime now);

// --- what is to be done ---

// The next order. False: none until something happens or device_life_deadline. Must: the pending order was reported.
bool device_life_next(struct device_life *life, struct mtime now, struct life_order *order);

// When device_life_next has an order though nothing happened; MTIME_NEVER: nothing is due.
struct mtime device_life_deadline(const struct device_life *life, struct mtime now);

// Whether the server has been silent for LIFE_SILENT_US while a sign of it was awaited, or its name does not resolve.
bool device_life_is_silent(const struct device_life *life, struct mtime now);

// Whether no address of the server is known, and its name did not resolve when it was last looked up.
bool device_life_is_unresolved(const struct device_life *life);

// Whether what is queued in the profile now is kept and will be sent: it is open and has signed in.
bool device_life_is_known(const struct device_life *life);

// Whether what was queued since the wish may have been submitted, by this process or another: then nobody knows its fate before
// its verdict.
bool device_life_may_have_submitted(const struct device_life *life);

// Whether the server has given any sign of itself since the wish.
bool device_life_was_reached(const struct device_life *life);

#endif
