// SPDX-License-Identifier: ISC
// The congestion window over the bytes of calls in flight (doc/protocol.md section 5.7; the shape of RFC 9002 section 7).
// Layer: proto, pure. The caller owns the struct.
#ifndef MMS_PROTO_CONGEST_H
#define MMS_PROTO_CONGEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"

enum {
	CONGEST_INITIAL_BYTES = 12000,
	CONGEST_LEAST_BYTES = 2400,
	CONGEST_MOST_BYTES = 76800,
	CONGEST_STEP_BYTES = 1200,
	CONGEST_PROBES_COLLAPSE = 3, // probes in a row that count as persistent congestion
};

// Stands for a time that has not been, longer ago than any round trip.
#define CONGEST_STARTING_US (INT64_MIN / 2)

struct congest {
	uint32_t window_bytes;
	uint32_t in_flight_bytes;
	struct mtime halved_at; // when the window was last halved; CONGEST_STARTING_US: it never was
};

// An empty window of CONGEST_INITIAL_BYTES.
void congest_init(struct congest *congest);

// Whether the window grows by what arrives, or slowly: it has been halved, or given up by probes.
bool congest_is_past_slow_start(const struct congest *congest);

// Whether `bytes` more may go; always when nothing is in flight.
bool congest_can_send(const struct congest *congest, uint32_t bytes);

// `bytes` of calls were sent.
void congest_sent(struct congest *congest, uint32_t bytes);

// `bytes` sent before have arrived: the window grows.
void congest_arrived(struct congest *congest, uint32_t bytes);

// `bytes` sent before count as lost; `round_trip_us` limits how often the window is halved.
void congest_lost(struct congest *congest, uint32_t bytes, struct mtime now, int64_t round_trip_us);

// A probe was sent, the `probe_count`th in a row: everything before it counts as gone from the path.
void congest_probed(struct congest *congest, uint32_t probe_count);

#endif
