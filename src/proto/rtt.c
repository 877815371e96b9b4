// SPDX-License-Identifier: ISC
// Round trip and probe timeout; the contract is in rtt.h.
#include "proto/rtt.h"

#include <assert.h>

static int64_t larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

// What the least round trip of late allows the timeout to be, without back-off.
static int64_t ceiling_us(const struct rtt *rtt)
{
	return rtt->least_us == 0 ? INT64_MAX : (int64_t)RTT_LEAST_FACTOR * rtt->least_us + RTT_LEAST_SLACK_US;
}

void rtt_sample(struct rtt *rtt, int64_t measured_us)
{
	assert(measured_us >= 0);
	const int32_t sample_us = (int32_t)smaller(larger(measured_us, 1), RTT_SAMPLE_US_MAX);
	if (rtt->smoothed_us == 0) {
		*rtt = (struct rtt){sample_us, sample_us / 2, sample_us, rtt->probe_count};
		return;
	}
	if (rtt->least_us == 0 || sample_us < rtt->least_us)
		rtt->least_us = sample_us;
	else
		rtt->least_us += (sample_us - rtt->least_us) / 64;
	// RFC 6298 section 2.3: alpha = 1/8, beta = 1/4.
	const int32_t error_us = sample_us - rtt->smoothed_us;
	rtt->variance_us += ((error_us < 0 ? -error_us : error_us) - rtt->variance_us) / 4;
	rtt->smoothed_us = (int32_t)larger(rtt->smoothed_us + error_us / 8, 1);
}

int64_t rtt_base_us(const struct rtt *rtt)
{
	if (rtt->smoothed_us == 0)
		return RTT_INITIAL_US;
	const int64_t wait_us = rtt->smoothed_us + larger(4 * (int64_t)rtt->variance_us, RTT_VARIANCE_US_MIN);
	return larger(smaller(wait_us, ceiling_us(rtt)), RTT_PROBE_US_MIN);
}

int64_t rtt_cap_us(int64_t silence_us)
{
	if (silence_us >= RTT_GONE_US)
		return RTT_PROBE_CAP_GONE_US;
	if (silence_us >= RTT_SILENT_US)
		return RTT_PROBE_CAP_SILENT_US;
	return silence_us >= RTT_EAGER_US ? RTT_PROBE_CAP_US : RTT_PROBE_CAP_EAGER_US;
}

int64_t rtt_probe_us(const struct rtt *rtt, int64_t silence_us)
{
	const int64_t cap_us = rtt_cap_us(silence_us);
	int64_t wait_us = rtt_base_us(rtt);
	for (uint32_t i = 0; i < rtt->probe_count && wait_us < cap_us; i++)
		wait_us *= 2;
	if (wait_us < cap_us)
		return wait_us;
	// A path slower than the cap is still given its own round trip, or every probe would be spurious; its variance,
	// which one outlier makes many times as large, only up to a second.
	const int64_t base_us = smaller(rtt_base_us(rtt), RTT_PROBE_CAP_US);
	return larger(cap_us, larger(base_us, smaller(rtt->smoothed_us + RTT_VARIANCE_US_MIN, ceiling_us(rtt))));
}
