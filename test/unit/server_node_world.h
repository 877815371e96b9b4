// SPDX-License-Identifier: ISC
// For the tests of node/server_node: one server of fred and Tim, the order that came last, and what is next.
#ifndef MMS_TEST_SERVER_NODE_WORLD_H
#define MMS_TEST_SERVER_NODE_WORLD_H

#include "msg_world.h"

#include "node/server_node.h"

static struct {
	struct server_node node;
	void *memory;
	struct keypair keys;
	struct mem_server mem;
	struct users_world users;
	struct users_world others;
	struct server_order order;
	struct mtime now;
	struct seeded seeded;
} w;

static inline struct moment moment(void)
{
	return (struct moment){w.now, WALL};
}

static inline bool is_next(enum server_order_kind kind)
{
	return server_node_next(&w.node, moment(), &w.order) && w.order.kind == kind;
}

static inline bool is_quiet(void)
{
	return !server_node_next(&w.node, moment(), &w.order);
}

// Begins; what is not of the world stands in `given`.
static inline void begin_world(struct server_node_setup given)
{
	uint8_t secret[NOISE_KEY_BYTES] = {7};
	memset(&w, 0, sizeof w);
	w.now = at_ms(1000);
	mem_start(&w.mem, 1);
	keypair_derive(&w.keys, secret);
	users_open(&w.users, "fred\nTim\n");
	given.listener = listener_config_default();
	given.listener.sessions_max = 4;
	given.server = server_config_default();
	given.keys = &w.keys;
	given.users = &w.users.table;
	given.user = w.users.user;
	given.rng = seeded_rng(&w.seeded);
	w.memory = must_alloc(server_node_memory_bytes(&given));
	server_node_init(&w.node, &given, w.memory, w.now);
}

// The first turn has the housekeeping to do, and then nothing.
static inline void begin_world_quietly(struct server_node_setup given)
{
	begin_world(given);
	assert_true(is_next(ORDER_HOUSEKEEP));
	server_node_housekept(&w.node, false, moment());
	assert_true(is_quiet());
}

static inline void finish_world(void)
{
	server_node_clear(&w.node);
	users_close(&w.users);
	free(w.memory);
}

#endif
