// SPDX-License-Identifier: ISC
// proto/rtt: the estimate, the bounds of the probe timeout, its back-off and caps.
#include "proto_world.h"

#include "proto/rtt.h"

static void before_a_sample(void **state)
{
	(void)state;
	struct rtt rtt = {0};
	static const int64_t expected_ms[] = {250, 500, 1000, 1000, 1000};
	for (rtt.probe_count = 0; rtt.probe_count < 5; rtt.probe_count++) {
		assert_int_equal(rtt_probe_us(&rtt, 0), 250 * 1000);
		assert_int_equal(rtt_probe_us(&rtt, RTT_EAGER_US), expected_ms[rtt.probe_count] * 1000);
	}
	rtt.probe_count = UINT32_MAX;
	assert_int_equal(rtt_probe_us(&rtt, RTT_EAGER_US), 1000 * 1000);
	assert_int_equal(rtt_base_us(&rtt), 250 * 1000);
}

static void follows_rfc_6298(void **state)
{
	(void)state;
	struct rtt rtt = {0};
	rtt_sample(&rtt, 80000);
	assert_int_equal(rtt.smoothed_us, 80000);
	assert_int_equal(rtt.variance_us, 40000);
	assert_int_equal(rtt_base_us(&rtt), 240000);
	rtt_sample(&rtt, 160000);
	assert_int_equal(rtt.variance_us, 50000); // 3/4 * 40000 + 1/4 * 80000
	assert_int_equal(rtt.smoothed_us, 90000); // 7/8 * 80000 + 1/8 * 160000
	for (int i = 0; i < 200; i++)
		rtt_sample(&rtt, 100000);
	assert_true(rtt.smoothed_us > 99900 && rtt.smoothed_us <= 100000);
	assert_true(rtt_base_us(&rtt) >= 109900 && rtt_base_us(&rtt) <= 110100);
}

static void has_a_least_timeout(void **state)
{
	(void)state;
	struct rtt rtt = {0};
	for (int i = 0; i < 100; i++)
		rtt_sample(&rtt, 0);
	assert_int_equal(rtt_probe_us(&rtt, 0), 50 * 1000);
	rtt.probe_count = 2;
	assert_int_equal(rtt_probe_us(&rtt, 0), 200 * 1000);
	rtt.probe_count = 3;
	assert_int_equal(rtt_probe_us(&rtt, 0), 250 * 1000);
	assert_int_equal(rtt_probe_us(&rtt, RTT_EAGER_US), 400 * 1000);
}

static void caps_follow_silence(void **state)
{
	(void)state;
	struct rtt rtt = {.smoothed_us = 20000, .variance_us = 0, .probe_count = 40};
	static const int64_t table[][2] = {{0, 250},      {2999, 250},    {3000, 1000},    {29999, 1000},
					   {59999, 1000}, {60000, 3000}, {299999, 3000}, {300000, 30000}, {9000000, 30000}};
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		assert_int_equal(rtt_probe_us(&rtt, table[i][0] * 1000), table[i][1] * 1000);
		assert_int_equal(rtt_cap_us(table[i][0] * 1000), table[i][1] * 1000);
	}
}

static void a_slow_path_is_waited_for(void **state)
{
	(void)state;
	struct rtt rtt = {0};
	for (int i = 0; i < 100; i++)
		rtt_sample(&rtt, 2500 * 1000);
	assert_true(rtt_probe_us(&rtt, 0) >= 2500 * 1000);
	assert_true(rtt_probe_us(&rtt, 0) < 2600 * 1000);
	rtt = (struct rtt){.smoothed_us = 300 * 1000, .variance_us = 60 * 1000, .probe_count = 9};
	assert_int_equal(rtt_probe_us(&rtt, 0), 540 * 1000); // its jitter counts as well, up to a second
	rtt.variance_us = 600 * 1000;
	assert_int_equal(rtt_probe_us(&rtt, 0), 1000 * 1000);
}

// A machine that slept between sending and the answer measures hours; the next loss must not wait for hours.
static void one_sleep_does_not_stall(void **state)
{
	(void)state;
	struct rtt rtt = {0};
	for (int i = 0; i < 10; i++)
		rtt_sample(&rtt, 20 * 1000);
	rtt_sample(&rtt, INT64_C(8) * 3600 * 1000 * 1000);
	assert_true(rtt_probe_us(&rtt, 0) <= 1500 * 1000);
	rtt = (struct rtt){0};
	rtt_sample(&rtt, INT64_C(8) * 3600 * 1000 * 1000);
	assert_true(rtt_probe_us(&rtt, 0) <= 3100 * 1000);
}

// A call whose first answer was lost measures the loss: the timeout stays near the least round trip of late.
static void losses_do_not_stretch_the_timeout(void **state)
{
	(void)state;
	struct rtt rtt = {0};
	rtt_sample(&rtt, 10 * 1000);
	for (int i = 0; i < 4; i++)
		rtt_sample(&rtt, 900 * 1000);
	// The least drifts up by 1/64 of the difference each time, to 64 ms; three times that and 100 ms.
	assert_in_range(rtt_base_us(&rtt), 292000, 294000);
	assert_int_equal(rtt_probe_us(&rtt, 0), rtt_base_us(&rtt));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(before_a_sample),           cmocka_unit_test(follows_rfc_6298),
		cmocka_unit_test(has_a_least_timeout),       cmocka_unit_test(caps_follow_silence),
		cmocka_unit_test(a_slow_path_is_waited_for), cmocka_unit_test(one_sleep_does_not_stall),
		cmocka_unit_test(losses_do_not_stretch_the_timeout),
	};
	return cmocka_run_group_tests_name("rtt", tests, NULL, NULL);
}
