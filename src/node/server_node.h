// SPDX-License-Identifier: ISC
// A whole server without its system: the protocol (proto/listener.h) joined to its meaning (msg/server.h), and the turn that
// drives both. Layer: node, pure: what happened comes in, orders go out. The program and the simulator carry out the same
// orders; neither decides anything.
//
// What happened: a datagram came, a batch was stored, users were read, users were synced, the store was housekept, the
// operator asked for a reload or for the end. After it, and whenever server_node_deadline has come, server_node_next gives
// one order after the other, until it says that there is none. Between an order of the store and the word of what became of
// it any time may pass: datagrams may come, and other orders are given. There is one order of the store at a time.
// A store that failed ends the server in every path: the one order after that is ORDER_END.
#ifndef MMS_NODE_SERVER_NODE_H
#define MMS_NODE_SERVER_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "msg/server.h"
#include "proto/listener.h"

enum server_order_kind {
	ORDER_APPEND = 1, // make `batch` durable; then server_node_stored. `batch` is borrowed until then
	ORDER_SEND,       // give `out` to the network
	ORDER_READ_USERS, // read the users file; then server_node_users_read
	ORDER_SYNC_USERS, // make the users of the store those of `users`, whole, and set their ids; then server_node_users_synced
	ORDER_HOUSEKEEP,  // remove a slice of what the store keeps no longer; then server_node_housekept
	ORDER_END,        // nothing follows: the process ends, for the reason `end`
};

enum server_end {
	SERVER_STOPPED = 1, // as the operator asked: everything that was received is durable and answered
	SERVER_BROKEN,      // the store failed: nothing more was sent
};

struct server_order {
	enum server_order_kind kind;
	enum server_end end;
	const struct storage_batch *batch;
	struct users_table *users;
	struct session_out out;
};

// What the store was ordered and has not said the end of.
enum server_node_work {
	WORK_NONE = 0,
	WORK_APPEND,
	WORK_SYNC,
	WORK_HOUSEKEEP,
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
	enum server_node_work work;
	bool has_news;           // events are to be run before the next order
	bool is_flushed;         // while stopping: what found no room is not tried again
	uint32_t datagram_count; // since the events were last run
	struct mtime housekeep_at;
	bool is_reload_asked;
	bool is_reading;                // the users file, since ORDER_READ_USERS
	struct users_table *fresh;      // read, and not in use yet; NULL: none
	struct server_user *fresh_user; // of its users
};

struct server_node_setup {
	struct listener_config listener;
	struct server_config server;
	const struct keypair *keys;
	struct server_storage storage;
	struct storage_mark mark;
	struct users_table *users; // user_ids set
	struct server_user *user;  // zeros, as many as the table's user_capacity
	struct rng rng;
	// Told when a device has been enrolled; NULL: nobody.
	void (*enrolled)(void *context, const struct name *user, const struct fingerprint *fingerprint);
	void *enrolled_context;
};

// Bytes of memory for a setup.
size_t server_node_memory_bytes(const struct server_node_setup *setup);

// A server over server_node_memory_bytes(setup) bytes of zeros at `memory`; `users`, `user`, `memory` and what the storage
// points at are kept, the rest of `setup` is copied.
void server_node_init(struct server_node *node, const struct server_node_setup *setup, void *memory, struct mtime now);

// Wipes keys.
void server_node_clear(struct server_node *node);

// A datagram came. As listener_recv; nothing is taken in any more when the end was asked for or was ordered.
size_t server_node_recv(struct server_node *node, const struct addr *addr, const uint8_t *datagram, size_t bytes,
			struct mtime now, struct wtime wall, uint8_t *reply);

// What became of the batch of ORDER_APPEND: as server_stored.
void server_node_stored(struct server_node *node, enum mms_err result, struct mtime now, struct wtime wall);

// The users file was read into `users`, with `user`, zeros, as many as its user_capacity; both are kept. NULL: it could not
// be, and the users stay as they are.
void server_node_users_read(struct server_node *node, struct users_table *users, struct server_user *user);

// What became of ORDER_SYNC_USERS. MMS_OK: the new users are in use, the former ones and their `user` are the caller's
// again. MMS_E_NOSPACE: nothing was changed, and the new ones are the caller's again. Else the store is broken, and all are.
void server_node_users_synced(struct server_node *node, enum mms_err result, struct mtime now, struct wtime wall);

// What became of ORDER_HOUSEKEEP. MMS_OK, `has_more` to do; MMS_E_NOSPACE: later; else the store is broken.
void server_node_housekept(struct server_node *node, enum mms_err result, bool has_more, struct mtime now);

// The operator asked that the users file be read again. Asked while one reload is on its way: another follows it.
void server_node_reload_asked(struct server_node *node);

// The operator asked for the end: no datagram is taken any more, what was received becomes durable and is answered, the
// devices are told, and ORDER_END follows, as soon as the store has finished what it was ordered.
void server_node_stop_asked(struct server_node *node);

// The next order. False: none until something happens or server_node_deadline has come.
bool server_node_next(struct server_node *node, struct mtime now, struct wtime wall, struct server_order *order);

// When server_node_next is to be asked though nothing happened; MTIME_NEVER: not at all.
struct mtime server_node_deadline(const struct server_node *node);

#endif
