// SPDX-License-Identifier: ISC
// proto/congest: growth before and after the first loss, one halving a round trip, collapse at the third probe.
#include "proto_world.h"

#include "proto/congest.h"

static void starts_open(void **state)
{
	(void)state;
	struct congest congest;
	congest_init(&congest);
	assert_true(congest_can_send(&congest, 12000));
	assert_true(congest_can_send(&congest, 12001)); // nothing is in flight: always
	congest_sent(&congest, 11000);
	assert_true(congest_can_send(&congest, 1000));
	assert_false(congest_can_send(&congest, 1001));
	congest_sent(&congest, 2000); // what a probe may do
	assert_false(congest_can_send(&congest, 0));
}

static void grows(void **state)
{
	(void)state;
	struct congest congest;
	congest_init(&congest);
	congest_sent(&congest, 5000);
	congest_arrived(&congest, 3000);
	assert_int_equal(congest.window_bytes, 15000);
	assert_int_equal(congest.in_flight_bytes, 2000);
	for (int i = 0; i < 100; i++) {
		congest_sent(&congest, 1000);
		congest_arrived(&congest, 1000);
	}
	assert_int_equal(congest.window_bytes, 76800);
	congest_lost(&congest, 1000, at_ms(5), 1000);
	assert_int_equal(congest.window_bytes, 38400);
	// afterwards one step a window
	for (int i = 0; i < 384; i++) {
		congest_sent(&congest, 100);
		congest_arrived(&congest, 100);
	}
	assert_true(congest.window_bytes > 39000 && congest.window_bytes <= 39600);
}

static void halves_once_a_round_trip(void **state)
{
	(void)state;
	struct congest congest;
	congest_init(&congest);
	congest_sent(&congest, 10000);
	congest_lost(&congest, 1000, at_us(0), 50000);
	assert_int_equal(congest.window_bytes, 6000);
	congest_lost(&congest, 1000, at_us(49999), 50000);
	assert_int_equal(congest.window_bytes, 6000);
	congest_lost(&congest, 1000, at_us(50000), 50000);
	assert_int_equal(congest.window_bytes, 3000);
	assert_int_equal(congest.in_flight_bytes, 7000);
	congest_lost(&congest, 1000, at_us(200000), 50000);
	assert_int_equal(congest.window_bytes, 2400);
	congest_lost(&congest, 9000, at_us(300000), 50000); // more than is in flight
	assert_int_equal(congest.in_flight_bytes, 0);
}

static void collapses(void **state)
{
	(void)state;
	struct congest congest;
	congest_init(&congest);
	congest_sent(&congest, 5000);
	congest_probed(&congest, 1);
	assert_int_equal(congest.in_flight_bytes, 0);
	congest_probed(&congest, 2);
	assert_int_equal(congest.window_bytes, 12000);
	congest_probed(&congest, 3);
	assert_int_equal(congest.window_bytes, 2400);
	assert_true(congest_is_past_slow_start(&congest));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(starts_open),
		cmocka_unit_test(grows),
		cmocka_unit_test(halves_once_a_round_trip),
		cmocka_unit_test(collapses),
	};
	return cmocka_run_group_tests_name("congest", tests, NULL, NULL);
}
