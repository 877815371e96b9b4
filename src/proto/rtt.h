// SPDX-License-Identifier: ISC
// Round trip, probe timeout and its back-off (doc/protocol.md section 5.6; RFC 6298 for the estimate, RFC 9002 for the
// shape of the timeout). Layer: proto, pure. The caller owns the struct.
#ifndef MMS_PROTO_RTT_H
#define MMS_PROTO_RTT_H

#include <stdbool.h>
#include <stdint.h>

enum {
	RTT_INITIAL_US = 250 * 1000,
	RTT_VARIANCE_US_MIN = 10 * 1000,
	RTT_PROBE_US_MIN = 50 * 1000,
	RTT_LEAST_FACTOR = 3,           // the timeout without back-off is at most this many times least_us ...
	RTT_LEAST_SLACK_US = 100 * 1000, // ... and this: a call whose first answer was lost measures the loss, not the path
	RTT_SAMPLE_US_MAX = 3 * 1000 * 1000, // a longer measurement is a machine that slept, and counts as this
	RTT_PROBE_CAP_EAGER_US = 250 * 1000,      // until RTT_EAGER_US have passed without a sign of the peer: somebody waits
	RTT_EAGER_US = 3 * 1000 * 1000,
	RTT_PROBE_CAP_US = 1000 * 1000,           // then
	RTT_PROBE_CAP_SILENT_US = 3 * 1000 * 1000, // after RTT_SILENT_US without a sign of it
	RTT_PROBE_CAP_GONE_US = 30 * 1000 * 1000,  // after RTT_GONE_US
	RTT_SILENT_US = 60 * 1000 * 1000,
	RTT_GONE_US = 300 * 1000 * 1000,
	RTT_PROBES_TWICE = 1, // probes in a row after which copies go twice
};

struct rtt {
	int32_t smoothed_us; // 0: no sample yet; as all of these at most RTT_SAMPLE_US_MAX
	int32_t variance_us;
	int32_t least_us; // the least of late: a sample below it, else drifting up by 1/64 of the difference
	uint32_t probe_count; // probes in a row without progress
};

// Takes one measured round trip, in microseconds, not negative.
void rtt_sample(struct rtt *rtt, int64_t measured_us);

// The cap on the time between repetitions, in microseconds, after `silence_us` without a sign of the peer.
int64_t rtt_cap_us(int64_t silence_us);

// Microseconds from a transmission to the next probe, when the peer was last heard `silence_us` ago.
int64_t rtt_probe_us(const struct rtt *rtt, int64_t silence_us);

// The timeout without back-off: what "three probe timeouts" elsewhere means.
int64_t rtt_base_us(const struct rtt *rtt);

#endif
