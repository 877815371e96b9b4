// SPDX-License-Identifier: ISC
// A whole server without its system: the protocol (proto/listener.h) joined to its meaning (msg/server.h), and the turn that
// drives both. Layer: node, pure: what happened comes in, orders go out. The program and the simulator carry out the same
// orders; neither decides anything.
//
// What happened: a datagram came, the store has an event (a batch was appended, a question answered, users were synced, it was
// housekept, it failed), users were read, the operator asked for a reload or for the end. After it, and whenever
// server_node_deadline has come, server_node_next gives one order after the other, until it says that there is none.
// The store may have several orders at the same time: a batch in each lane, questions, one sync, one housekeeping. Between an
// order and the word of what became of it any time may pass, datagrams may come, and other orders are given.
// A store that failed ends the server in every path: the one order after that is ORDER_END, and what the store still has does
// not come back.
#ifndef MMS_NODE_SERVER_NODE_H
#define MMS_NODE_SERVER_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "msg/server.h"
#include "node/server_operator.h"
#include "proto/listener.h"

enum server_order_kind {
	ORDER_APPEND = 1, // append `batch` in `lane`; then server_node_appended. `batch` is borrowed until then
	ORDER_ASK,        // ask `question`, after all that was ordered before; then server_node_answered. Borrowed likewise
	ORDER_SEND,       // give `out` to the network
	ORDER_READ_USERS, // read the users file; then server_node_users_read. With an `edit`, first change it as that asks; then
			  // server_node_users_edited. Borrowed until then
	ORDER_SYNC_USERS, // make the users of the store those of `users`, whole, and set their ids; then server_node_users_synced
	ORDER_TELL,       // give `told` to the operator's connection `slot`, now or by and by; when it has all of it,
			  // server_node_operator_told. Borrowed until then
	ORDER_PART,       // end the operator's connection `slot`, which is free then
	ORDER_HOUSEKEEP,  // remove a slice of what the store keeps no longer; then server_node_housekept
	ORDER_END,        // nothing follows: the process ends, for the reason `end`
};

enum server_end {
	SERVER_STOPPED = 1, // as the operator asked: everything that was received is durable and answered, the store has nothing
	SERVER_BROKEN,      // the store failed: nothing more was sent
};

// What else than the kind says it has is undefined.
struct server_order {
	enum server_order_kind kind;
	enum server_end end;
	uint32_t lane;
	const struct storage_batch *batch;
	struct storage_question *question;
	struct users_table *users;
	const struct operator_request *edit; // NULL: none; else of the operator `slot`
	uint32_t slot;
	const char *told;
	size_t told_bytes;
	struct session_out out;
};

enum server_life {
	LIFE_SERVING = 0,
	LIFE_STOPPING, // the end was asked for
	LIFE_PARTING,  // the devices were told
	LIFE_OVER,     // ORDER_END was given
};

struct server_node {
	struct listener listener;
	struct server server;
	struct mtime now; // of the current turn, for what the server orders during it
	void (*enrolled)(void *context, const struct name *user, const struct fingerprint *fingerprint);
	void *enrolled_context;

	// The turn.
	enum server_life life;
	uint32_t append_count; // orders that the store has not said the end of: batches
	uint32_t ask_count;    // questions
	bool is_syncing;
	bool is_housekeeping;
	bool has_news;           // events are to be run before the next order
	bool is_flushed;         // while stopping: what found no room is not tried again
	uint32_t datagram_count; // since the events were last run
	struct mtime housekeep_at;
	bool is_reload_asked;
	bool is_reading;                // the users file, since ORDER_READ_USERS
	struct users_table *fresh;      // read, and not in use yet; NULL: none
	struct server_user *fresh_user; // of its users

	struct operators operators;
	const char *users_path;
	struct rng rng;
	void (*asked)(void *context, uint32_t slot, const struct operator_request *request);
	void *asked_context;
};

struct server_node_setup {
	struct listener_config listener;
	struct server_config server;
	const struct keypair *keys;
	struct users_table *users; // user_ids set
	struct server_user *user;  // zeros, as many as the table's user_capacity
	struct rng rng;
	const char *users_path; // of the users file, kept: an operator that means another one is refused. NULL: it has none
	// Told when a device has been enrolled; NULL: nobody.
	void (*enrolled)(void *context, const struct name *user, const struct fingerprint *fingerprint);
	void *enrolled_context;
	// Told when an operator's change of a room goes to the store; NULL: nobody.
	void (*asked)(void *context, uint32_t slot, const struct operator_request *request);
	void *asked_context;
};

// Bytes of memory for a setup.
size_t server_node_memory_bytes(const struct server_node_setup *setup);

// A server over server_node_memory_bytes(setup) bytes of zeros at `memory`; `users`, `user` and `memory` are kept, the rest of
// `setup` is copied.
void server_node_init(struct server_node *node, const struct server_node_setup *setup, void *memory, struct mtime now);

// Wipes keys.
void server_node_clear(struct server_node *node);

// A datagram came. As listener_recv; nothing is taken in any more when the end was asked for or was ordered.
size_t server_node_recv(struct server_node *node, const struct addr *addr, const uint8_t *datagram, size_t bytes,
			struct moment moment, uint8_t *reply);

// What became of the batch of ORDER_APPEND in this lane; its results are written.
void server_node_appended(struct server_node *node, uint32_t lane, const struct storage_appended *appended,
			  struct moment moment);

// The question of ORDER_ASK has its answer.
void server_node_answered(struct server_node *node, struct storage_question *question, struct moment moment);

// The store failed, in whatever it was ordered: no other word of it follows.
void server_node_broken(struct server_node *node);

// The users file was read into `users`, with `user`, zeros, as many as its user_capacity; both are kept. NULL: it could not
// be, and the users stay as they are.
void server_node_users_read(struct server_node *node, struct users_table *users, struct server_user *user);

// What became of an ORDER_READ_USERS with an edit.
struct users_edited {
	struct users_table *users; // of the file as it is now, kept with `user` as by server_node_users_read; NULL: not in effect
	struct server_user *user;
	int status;         // for the operator, unless the users come into effect: enum operator_status, or another exit status
	const char *reason; // a sentence for it; used up at once
};
void server_node_users_edited(struct server_node *node, const struct users_edited *edited); // see struct users_edited

// What the store says of ORDER_SYNC_USERS.
struct users_synced {
	bool is_kept;           // false: there was no room, and nothing changed
	const int64_t *removed; // ids of the devices that were removed, ascending
	size_t removed_count;
};

// What became of ORDER_SYNC_USERS. Kept: the new users are in use, the former ones and their `user` are the caller's again.
// Else the new ones are the caller's again.
void server_node_users_synced(struct server_node *node, const struct users_synced *synced, struct moment moment);

// What became of ORDER_HOUSEKEEP: there is more to do, soon; or it has done, or found no room, and comes again later.
void server_node_housekept(struct server_node *node, bool has_more, struct moment moment);

// The operator asked that the users file be read again. Asked while one reload is on its way: another follows it.
void server_node_reload_asked(struct server_node *node);

// The operator asked for the end: no datagram is taken any more, what was received becomes durable and is answered, the
// devices are told, and ORDER_END follows, as soon as the store has finished what it was ordered.
void server_node_stop_asked(struct server_node *node);

// --- the operator's socket (doc/operator.md): who connects there may do all that follows ---

// Whether one more can be heard. While none can, whoever comes is to wait.
bool server_node_operator_has_room(const struct server_node *node);

// Somebody connected: it is this slot, below OPERATORS_MAX, until ORDER_PART or server_node_operator_left. Must: there is room.
uint32_t server_node_operator_came(struct server_node *node, struct moment moment);

// Bytes came on it. What comes behind the request is passed over.
void server_node_operator_said(struct server_node *node, uint32_t place, const char *data, size_t bytes, struct moment moment);

// It says nothing more, and hears still.
void server_node_operator_ended(struct server_node *node, uint32_t place);

// It has taken what ORDER_TELL gave.
void server_node_operator_told(struct server_node *node, uint32_t place);

// It was ended by the other side, or is broken, and is over. What was begun for it goes to its end.
void server_node_operator_left(struct server_node *node, uint32_t place);

// The next order. False: none until something happens or server_node_deadline has come.
bool server_node_next(struct server_node *node, struct moment moment, struct server_order *order);

// When server_node_next is to be asked though nothing happened; MTIME_NEVER: not at all.
struct mtime server_node_deadline(const struct server_node *node);

#endif
