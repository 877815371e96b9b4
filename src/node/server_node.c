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

static void port_enrolled(void *context, const struct name *user, const struct fingerprint *fingerprint)
{
	const struct server_node *node = context;
	if (node->enrolled != NULL)
		node->enrolled(node->enrolled_context, user, fingerprint);
}

static void port_changed(void *context, uint32_t number, const struct storage_result *result)
{
	server_operator_changed(context, number, result);
}

// The listener's memory comes first, then, aligned for any type, the server's.
static size_t server_at(const struct server_node_setup *setup)
{
	const size_t align = alignof(max_align_t);
	return (listener_memory_bytes(&setup->listener) + align - 1) / align * align;
}

size_t server_node_memory_bytes(const struct server_node_setup *setup)
{
	return server_at(setup) + server_memory_bytes(&setup->server, setup->listener.sessions_max);
}

void server_node_init(struct server_node *node, const struct server_node_setup *setup, void *memory, struct mtime now)
{
	const struct server_port port = {
		.context = node,
		.answer = port_answer,
		.call = port_call,
		.defer = port_defer,
		.signed_in = port_signed_in,
		.close = port_close,
		.enrolled = port_enrolled,
		.changed = port_changed,
	};
	memset(node, 0, sizeof *node);
	node->now = now;
	node->has_news = true;
	node->housekeep_at = now;
	node->enrolled = setup->enrolled;
	node->enrolled_context = setup->enrolled_context;
	node->asked = setup->asked;
	node->asked_context = setup->asked_context;
	node->users_path = setup->users_path;
	node->rng = setup->rng;
	server_operator_init(node);
	listener_init(&node->listener, &setup->listener, memory, setup->keys, &setup->rng, now);
	server_init(&node->server, &setup->server, (uint8_t *)memory + server_at(setup), setup->listener.sessions_max,
		    &port, setup->users, setup->user);
}

void server_node_clear(struct server_node *node)
{
	listener_clear(&node->listener);
}

static void called(struct server_node *node, const struct listener_event *event, struct moment moment)
{
	const struct call_in call = {
		.slot = event->slot,
		.number = event->call.number,
		.kind = event->call.kind,
		.body = event->call.body,
		.bytes = event->call.body_bytes,
		.handshake_at = event->handshake_at,
		.peer_key = event->peer_key,
		.handshake_hash = event->handshake_hash,
	};
	server_called(&node->server, &call, moment);
}

static void answered(struct server_node *node, const struct listener_event *event, struct moment moment)
{
	const struct answer_in answer = {
		.slot = event->slot,
		.kind = event->call.kind,
		.status = event->call.status,
		.tag = event->call.tag,
		.room = event->room,
	};
	server_answered(&node->server, &answer, moment);
}

static void silent(struct server_node *node, uint32_t slot, struct moment moment)
{
	const int64_t silence_us = mtime_diff_us(moment.now, listener_heard_at(&node->listener, slot));
	server_silent(&node->server, slot, (struct wtime){moment.wall.ms - silence_us / 1000});
}

void server_node_run(struct server_node *node, struct moment moment)
{
	struct listener_event event;
	node->now = moment.now;
	listener_tick(&node->listener, moment.now);
	while (!server_is_broken(&node->server) && listener_poll(&node->listener, moment.now, &event)) {
		switch (event.type) {
		case LISTENER_CALL:
			called(node, &event, moment);
			break;
		case LISTENER_ANSWER:
			answered(node, &event, moment);
			break;
		case LISTENER_SILENT:
			silent(node, event.slot, moment);
			break;
		case LISTENER_HEARD:
			server_heard(&node->server, event.slot);
			break;
		case LISTENER_ENDED:
			server_ended(&node->server, event.slot);
			break;
		}
	}
	server_tick(&node->server, moment);
}
