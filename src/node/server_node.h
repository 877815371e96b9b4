// SPDX-License-Identifier: ISC
// A whole server without its system: the protocol (proto/listener.h) joined to its meaning (msg/server.h). Layer: node,
// pure: datagrams, time, randomness and storage in; datagrams and batches out. The program and a simulator drive it alike.
//
// A turn: receive datagrams, then server_node_run, then take a batch; when it is stored, say so; then send until false.
#ifndef MMS_NODE_SERVER_NODE_H
#define MMS_NODE_SERVER_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "msg/server.h"
#include "proto/listener.h"

struct server_node {
	struct listener listener;
	struct server server;
	struct mtime now; // of the current turn, for what the server orders during it
	void (*enrolled)(void *context, const struct name *user, const struct fingerprint *fingerprint);
	void *enrolled_context;
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

// As listener_recv.
size_t server_node_recv(struct server_node *node, const struct addr *addr, const uint8_t *datagram, size_t bytes,
			struct mtime now, uint8_t *reply);

// Lets due timers run and every event take its effect.
void server_node_run(struct server_node *node, struct mtime now, struct wtime wall);

// As server_batch_take and server_stored; after the latter run again.
const struct storage_batch *server_node_batch(struct server_node *node, bool is_all, struct mtime now);
void server_node_stored(struct server_node *node, enum mms_err result, struct mtime now); // see server_node_batch

// As listener_send. Must: not when server_is_broken.
bool server_node_send(struct server_node *node, struct mtime now, struct session_out *out);

// When the next turn is due though nothing was received.
struct mtime server_node_deadline(const struct server_node *node);

#endif
