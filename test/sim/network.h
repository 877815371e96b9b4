// SPDX-License-Identifier: ISC
// The simulated network: datagrams on their way, and all that can become of them.
#ifndef MMS_SIM_NETWORK_H
#define MMS_SIM_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/time.h"

void network_begin(void);

// The address of a process (`host` from 0), or of a stranger who owns no process (from 200 on).
struct addr network_addr(uint32_t host, uint16_t port);
struct addr network_server(void);
bool network_is_stranger(const struct addr *addr);

// Sends a datagram into the world's faults.
void network_send(const struct addr *from, const struct addr *to, const uint8_t *datagram, size_t bytes);

// When the next datagram arrives; MTIME_NEVER: none is on its way.
struct mtime network_next(void);

// Delivers what is due by world.now.
void network_deliver(void);

// Sends a recorded datagram again, from the address it had or from any other.
void network_replay(void);

// A burst of INIT from many addresses.
void network_flood(void);

// What was sent since network_begin, and when, as one number: the same for every replay of a run.
uint64_t network_digest(void);

// Datagrams sent since network_begin.
uint64_t network_sent_count(void);

#endif
