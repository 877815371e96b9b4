// SPDX-License-Identifier: ISC
// A whole server without its system: protocol and meaning joined. The contract is in server_node.h.
#include "node/server_node_inside.h"

#include <stdalign.h>
#include <string.h>

static void port_answer(void *context, uint32_t slot, uint32_t number, uint8_t status, const void *body, size_t bytes)
{
	struct server_node *node = context;
	listener_answer(&node->listener, slot, number, status, body, bytes, node->now);
}

static enum mms_err port_call(void *context, uint32_t slot, uint8_t kind, const void *body, size_t bytes, uint64_t tag)
{
	struct server_node *node = context;
	return listener_call(&node->listener, slot, kind, body, bytes, tag);
}

static uint32_t port_call_room(void *context, uint32_t slot)
{
	const struct server_node *node = context;
	return listener_call_room(&node->listener, slot);
}

static void port_defer(void *context, uint32_t slot, struct mtime until)
{
	struct server_node *node = context;
	listener_defer(&node->listener, slot, until);
}

static void port_signed_in(void *context, uint32_t slot, uint64_t owner)
{
	struct server_node *node = context;
	listener_signed_in(&node->listener, slot, owner);
}

static void port_close(void *context, uint32_t slot, bool keeps_calls)
{
	struct server_node *node = context;
	listener_close(&node->listener, slot, keeps_calls, node->now);
}

static void port_identity(void *context, uint32_t slot, const uint8_t **peer_key, const uint8_t **handshake_hash)
{
	const struct server_node *node = context;
	listener_identity(&node->listener, slot, peer_key, handshake_hash);
}

static struct mtime port_handshake_at(void *context, uint32_t slot)
{
	const struct server_node *node = context;
	return listener_handshake_at(&node->listener, slot);
}

static struct mtime port_heard_at(void *context, uint32_t slot)
{
	const struct server_node *node = context;
	return listener_heard_at(&node->listener, slot);
}

static void port_enrolled(void *context, const struct name *user, const struct fingerprint *fingerprint)
{
	const struct server_node *node = context;
	if (node->enrolled != NULL)
		node->enrolled(node->enrolled_context, user, fingerprint);
}

// The listener's memory comes first, then, aligned for any type, the server's.
static size_t server_at(const struct server_node_setup *setup)
{
	const size_t align = alignof(max_align_t);
	return (listener_memory_bytes(&setup->listener) + align - 1) / align * align;
}

size_t server_node_memory_bytes(const struct server_node_setup *setup)
{
	return server_at(setup) + server_memory_bytes(setup->listener.sessions_max);
}

void server_node_init(struct server_node *node, const struct server_node_setup *setup, void *memory, struct mtime now)
{
	const struct server_port port = {
		.context = node,
		.answer = port_answer,
		.call = port_call,
		.call_room = port_call_room,
		.defer = port_defer,
		.signed_in = port_signed_in,
		.close = port_close,
		.identity = port_identity,
		.handshake_at = port_handshake_at,
		.heard_at = port_heard_at,
		.enrolled = port_enrolled,
	};
	uint8_t table_secret[TABLE_SECRET_BYTES];
	rng_fill(&setup->rng, table_secret, sizeof table_secret);
	memset(node, 0, sizeof *node);
	node->now = now;
	node->has_news = true;
	node->housekeep_at = now;
	node->enrolled = setup->enrolled;
	node->enrolled_context = setup->enrolled_context;
	listener_init(&node->listener, &setup->listener, memory, setup->keys, &setup->rng, now);
	server_init(&node->server, &setup->server, (uint8_t *)memory + server_at(setup), setup->listener.sessions_max,
		    &port, &setup->storage, setup->users, setup->user, &setup->mark, table_secret);
}

void server_node_clear(struct server_node *node)
{
	listener_clear(&node->listener);
}

void server_node_run(struct server_node *node, struct mtime now, struct wtime wall)
{
	struct listener_event event;
	node->now = now;
	listener_tick(&node->listener, now);
	server_tick(&node->server, now);
	while (!server_is_broken(&node->server) && listener_poll(&node->listener, now, &event)) {
		switch (event.type) {
		case LISTENER_CALL:
			server_call(&node->server, event.slot, event.call.number, event.call.kind, event.call.body,
				    event.call.body_bytes, now, wall);
			break;
		case LISTENER_ANSWER:
			server_answer(&node->server, event.slot, event.call.kind, event.call.status, event.call.tag,
				      now);
			break;
		case LISTENER_ENDED:
			server_ended(&node->server, event.slot);
			break;
		case LISTENER_SILENT:
		case LISTENER_HEARD:
			break;
		}
	}
}
