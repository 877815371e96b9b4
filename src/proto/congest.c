// SPDX-License-Identifier: ISC
// The congestion window; the contract is in congest.h.
#include "proto/congest.h"

#include <assert.h>

void congest_init(struct congest *congest)
{
	*congest = (struct congest){.window_bytes = CONGEST_INITIAL_BYTES, .halved_at = {CONGEST_STARTING_US}};
}

bool congest_is_past_slow_start(const struct congest *congest)
{
	return congest->halved_at.us != CONGEST_STARTING_US;
}

bool congest_can_send(const struct congest *congest, uint32_t bytes)
{
	return congest->in_flight_bytes == 0 || (congest->in_flight_bytes <= congest->window_bytes &&
						 bytes <= congest->window_bytes - congest->in_flight_bytes);
}

void congest_sent(struct congest *congest, uint32_t bytes)
{
	assert(bytes <= UINT32_MAX - congest->in_flight_bytes);
	congest->in_flight_bytes += bytes;
}

static void leave_flight(struct congest *congest, uint32_t bytes)
{
	// Bytes that a probe has written off already are not counted twice.
	congest->in_flight_bytes -= bytes < congest->in_flight_bytes ? bytes : congest->in_flight_bytes;
}

void congest_arrived(struct congest *congest, uint32_t bytes)
{
	leave_flight(congest, bytes);
	uint32_t growth = bytes;
	if (congest_is_past_slow_start(congest))
		growth = (uint32_t)((uint64_t)CONGEST_STEP_BYTES * bytes / congest->window_bytes);
	congest->window_bytes += growth;
	if (congest->window_bytes > CONGEST_MOST_BYTES)
		congest->window_bytes = CONGEST_MOST_BYTES;
}

void congest_lost(struct congest *congest, uint32_t bytes, struct mtime now, int64_t round_trip_us)
{
	leave_flight(congest, bytes);
	if (mtime_diff_us(now, congest->halved_at) < round_trip_us)
		return;
	congest->halved_at = now;
	congest->window_bytes /= 2;
	if (congest->window_bytes < CONGEST_LEAST_BYTES)
		congest->window_bytes = CONGEST_LEAST_BYTES;
}

void congest_probed(struct congest *congest, uint32_t probe_count)
{
	congest->in_flight_bytes = 0;
	if (probe_count >= CONGEST_PROBES_COLLAPSE) {
		if (!congest_is_past_slow_start(congest))
			congest->halved_at.us = CONGEST_STARTING_US + 1; // and yet the next loss may halve it
		congest->window_bytes = CONGEST_LEAST_BYTES;
	}
}
