// SPDX-License-Identifier: ISC
// Datagrams gathered for one system call, and the loss that --drop pretends. Layer: cmd; shared by server and clients.
#ifndef MMS_CMD_OUTBOUND_H
#define MMS_CMD_OUTBOUND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"
#include "os/udp.h"
#include "proto/session.h"

struct outbound {
	struct udp *udp;
	struct rng rng;
	uint64_t drop_ppm; // each datagram is lost with this probability, in millionths
	size_t count;
	struct udp_message message[UDP_BATCH_MAX];
	uint8_t data[UDP_BATCH_MAX][WIRE_DATAGRAM_BYTES_MAX];
};

// Nothing gathered, for these sockets, kept.
void outbound_init(struct outbound *outbound, struct udp *udp, const struct rng *rng, uint64_t drop_ppm);

// Whether chance loses the next datagram.
bool outbound_is_lost(struct outbound *outbound);

// Adds a datagram, sending what is there when the batch is full.
void outbound_add(struct outbound *outbound, const struct addr *addr, const void *datagram, size_t bytes);

// Adds what a session gave.
void outbound_add_session(struct outbound *outbound, const struct session_out *out);

// Sends what is there.
void outbound_flush(struct outbound *outbound);

#endif
