// SPDX-License-Identifier: ISC
// A whole device without its system: the protocol (proto/dialer.h) joined to its meaning (msg/client.h). Layer: node,
// pure. The program's commands and a simulator drive it alike.
//
// A turn: receive datagrams, then device_node_run, then give the storage what it is to do, then send until false.
#ifndef MMS_NODE_DEVICE_NODE_H
#define MMS_NODE_DEVICE_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "msg/client.h"
#include "proto/dialer.h"

// What the dialer has to say to the owner, beside what client_port.told says.
enum device_news {
	DEVICE_SERVER_KEY = 1, // the server showed `key`: choose the profile, then device_node_start
	DEVICE_KEY_CHANGED,    // it shows `key` where another is wanted; stopped
	DEVICE_NO_VERSION,     // it speaks no version of ours; stopped
};

struct device_node_owner {
	void *context;
	void (*told)(void *context, const struct client_told *told);
	void (*news)(void *context, enum device_news news, const uint8_t key[NOISE_KEY_BYTES]);
};

struct device_node {
	struct dialer dialer;
	struct client client;
	struct device_node_owner owner;
	struct mtime now; // of the current turn
};

// Bytes of memory for a device.
size_t device_node_memory_bytes(void);

// A device that does nothing yet, at a server of at most DIALER_ADDRS_MAX addresses (dialer_init), over
// device_node_memory_bytes() bytes at `memory`, kept.
void device_node_init(struct device_node *node, const struct addr *addrs, uint32_t addr_count, void *memory,
		      const struct rng *rng, const struct device_node_owner *owner, struct mtime now);

// Wipes keys.
void device_node_clear(struct device_node *node);

// Asks for the server's key; DEVICE_SERVER_KEY follows.
void device_node_ask(struct device_node *node, struct mtime now);

// Signs in with this pair at this server and stays so until told otherwise.
void device_node_start(struct device_node *node, const struct keypair *keys, const uint8_t server_key[NOISE_KEY_BYTES],
		       const struct client_config *config, struct mtime now);

// Ends everything at once, without a word to the server.
void device_node_stop(struct device_node *node);

// Takes one datagram.
void device_node_recv(struct device_node *node, const struct addr *addr, const uint8_t *datagram, size_t bytes,
		      struct mtime now);

// The next event of the protocol takes its effect. False: none, or what it might change has no room beside what waits to be
// durable.
bool device_node_step(struct device_node *node, struct mtime now);

// Lets due timers of the protocol run; steps follow.
void device_node_tick(struct device_node *node, struct mtime now);

// All of it at once: due timers, and every event.
void device_node_run(struct device_node *node, struct mtime now);

// When no event is left: the batch that the storage is to make durable, the question it is to answer, each as client_append and
// client_ask have it.
const struct client_batch *device_node_append(struct device_node *node);
const struct client_question *device_node_question(struct device_node *node); // see device_node_append

// What became of the batch: the server is answered and the owner told what rests on it. The answer to the question.
void device_node_appended(struct device_node *node, const struct client_appended *appended, struct mtime now);
void device_node_learned(struct device_node *node, const struct client_answer *answer, struct mtime now); // see there

// The next datagrams to send. False: none now.
bool device_node_send(struct device_node *node, struct mtime now, struct session_out *out);

// When the next turn is due though nothing was received.
struct mtime device_node_deadline(const struct device_node *node, struct mtime now);

// How long, in microseconds, the server has owed a sign of itself: since something was first sent to it without a sign
// since; 0 when nothing is awaited.
int64_t device_node_silence_us(const struct device_node *node, struct mtime now);

// When the server last gave a sign of itself; the time of device_node_init before that.
struct mtime device_node_heard_at(const struct device_node *node);

#endif
