// SPDX-License-Identifier: ISC
// A whole device without its system; the contract is in device_node.h.
#include "node/device_node.h"

#include <assert.h>
#include <string.h>

static void port_answer(void *context, uint32_t slot, uint32_t number, uint8_t status)
{
	struct device_node *node = context;
	dialer_answer(&node->dialer, slot, number, status, NULL, 0, node->now);
}

static enum mms_err port_call(void *context, uint32_t slot, uint8_t kind, const void *body, size_t bytes, uint64_t tag)
{
	struct device_node *node = context;
	return dialer_call(&node->dialer, slot, kind, body, bytes, tag);
}

static void port_prefer(void *context, uint32_t slot)
{
	struct device_node *node = context;
	dialer_prefer(&node->dialer, slot, node->now);
}

static void port_redial(void *context)
{
	struct device_node *node = context;
	dialer_redial(&node->dialer, node->now);
}

static void port_stop(void *context)
{
	struct device_node *node = context;
	dialer_stop(&node->dialer);
}

static const uint8_t *port_handshake_hash(void *context, uint32_t slot)
{
	const struct device_node *node = context;
	return dialer_handshake_hash(&node->dialer, slot);
}

static void port_told(void *context, const struct client_told *told)
{
	const struct device_node *node = context;
	node->owner.told(node->owner.context, told);
}

size_t device_node_memory_bytes(void)
{
	return dialer_memory_bytes();
}

void device_node_init(struct device_node *node, const struct addr *addrs, uint32_t addr_count, void *memory,
		      const struct rng *rng, const struct device_node_owner *owner, struct mtime now)
{
	memset(node, 0, sizeof *node);
	node->owner = *owner;
	node->now = now;
	dialer_init(&node->dialer, addrs, addr_count, memory, rng, now);
}

void device_node_clear(struct device_node *node)
{
	dialer_clear(&node->dialer);
}

void device_node_ask(struct device_node *node, struct mtime now)
{
	dialer_ask(&node->dialer, now);
}

void device_node_start(struct device_node *node, const struct keypair *keys, const uint8_t server_key[NOISE_KEY_BYTES],
		       const struct client_config *config, struct mtime now)
{
	const struct client_port port = {
		.context = node,
		.answer = port_answer,
		.call = port_call,
		.prefer = port_prefer,
		.redial = port_redial,
		.stop = port_stop,
		.handshake_hash = port_handshake_hash,
		.told = port_told,
	};
	client_init(&node->client, &port);
	client_start(&node->client, config);
	dialer_dial(&node->dialer, keys, server_key, now);
}

void device_node_stop(struct device_node *node)
{
	dialer_stop(&node->dialer);
	client_init(&node->client, &(struct client_port){0});
}

void device_node_recv(struct device_node *node, const struct addr *addr, const uint8_t *datagram, size_t bytes,
		      struct mtime now)
{
	dialer_recv(&node->dialer, addr, datagram, bytes, now);
}

static void take(struct device_node *node, const struct dialer_event *event, struct mtime now)
{
	const struct session_event *call = &event->call;
	switch (event->type) {
	case DIALER_SERVER_KEY:
		node->owner.news(node->owner.context, DEVICE_SERVER_KEY, event->key);
		break;
	case DIALER_KEY_CHANGED:
		node->owner.news(node->owner.context, DEVICE_KEY_CHANGED, event->key);
		break;
	case DIALER_NO_VERSION:
		node->owner.news(node->owner.context, DEVICE_NO_VERSION, event->key);
		break;
	case DIALER_SESSION_UP:
		client_up(&node->client, event->slot);
		break;
	case DIALER_CALL:
		client_called(&node->client, event->slot, call->number, call->kind, call->body, call->body_bytes);
		break;
	case DIALER_ANSWER:
		client_answered(&node->client, event->slot, call->kind, call->status, call->body, call->body_bytes,
				call->tag, now);
		break;
	case DIALER_ENDED:
		client_ended(&node->client, event->slot);
		break;
	}
}

bool device_node_step(struct device_node *node, struct mtime now)
{
	struct dialer_event event;
	node->now = now;
	if (client_is_broken(&node->client) || !client_has_room(&node->client) ||
	    !dialer_poll(&node->dialer, now, &event))
		return false;
	take(node, &event, now);
	return true;
}

void device_node_tick(struct device_node *node, struct mtime now)
{
	node->now = now;
	dialer_tick(&node->dialer, now);
	if (node->client.is_started && !client_is_broken(&node->client))
		client_tick(&node->client, now);
}

void device_node_run(struct device_node *node, struct mtime now)
{
	device_node_tick(node, now);
	while (device_node_step(node, now))
		;
}

const struct client_batch *device_node_append(struct device_node *node)
{
	return client_append(&node->client);
}

const struct client_question *device_node_question(struct device_node *node)
{
	return client_ask(&node->client);
}

void device_node_appended(struct device_node *node, const struct client_appended *appended, struct mtime now)
{
	node->now = now;
	client_appended(&node->client, appended, now);
}

void device_node_learned(struct device_node *node, const struct client_answer *answer, struct mtime now)
{
	node->now = now;
	client_learned(&node->client, answer, now);
}

bool device_node_send(struct device_node *node, struct mtime now, struct session_out *out)
{
	return !client_is_broken(&node->client) && dialer_send(&node->dialer, now, out);
}

struct mtime device_node_deadline(const struct device_node *node, struct mtime now)
{
	return mtime_min(dialer_deadline(&node->dialer, now), client_deadline(&node->client));
}

struct mtime device_node_heard_at(const struct device_node *node)
{
	return node->dialer.heard_at;
}

int64_t device_node_silence_us(const struct device_node *node, struct mtime now)
{
	return dialer_silence_us(&node->dialer, now);
}
