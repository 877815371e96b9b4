// SPDX-License-Identifier: ISC
// proto/budget: rates over time, prefixes and networks apart, everyone's buckets, newcomers, a full table. (The bucket itself is base's.)
#include "proto_world.h"

#include "proto/budget.h"

enum { ENTRIES = 1024, PLENTY = 1000000 };

static struct budget_entry entries[ENTRIES];

static void set_up_budget(struct budget *budget, struct budget_limits limits)
{
	static const uint8_t secret[TABLE_SECRET_BYTES] = {1};
	budget_init(budget, &limits, entries, ENTRIES, secret);
}

// How many tokens can be taken at once.
static uint32_t drain(struct budget *budget, const struct addr *addr, struct mtime now)
{
	uint32_t count = 0;
	while (budget_take(budget, addr, now))
		assert_true(++count < PLENTY);
	return count;
}

static uint32_t drain_blind(struct budget *budget, struct mtime now)
{
	uint32_t count = 0;
	while (budget_take_blind(budget, now))
		assert_true(++count < PLENTY);
	return count;
}

// 10.N.0.1
static struct addr in_network(uint16_t network)
{
	struct addr addr = {.family = ADDR_IPV4, .ip = {10, (uint8_t)(network >> 8), (uint8_t)network, 1}};
	return addr;
}

static void rates_of_the_protocol(void **state)
{
	(void)state;
	struct budget budget;
	const struct addr addr = addr_of(1);
	set_up_budget(&budget, budget_limits_default());
	assert_int_equal(drain(&budget, &addr, at_ms(1000)), 400);
	assert_int_equal(drain(&budget, &addr, at_ms(2000)), 200);
	assert_int_equal(drain(&budget, &addr, at_ms(2004)), 0);
	assert_int_equal(drain(&budget, &addr, at_ms(2005)), 1);
	assert_int_equal(drain(&budget, &addr, at_ms(3600 * 1000)), 400);
	assert_int_equal(drain_blind(&budget, at_ms(1000)), 400);
	assert_int_equal(drain_blind(&budget, at_ms(2000)), 200);
}

// Who has shown nothing takes nothing of those who have, and finds no place in the table.
static void blind_ones_are_apart(void **state)
{
	(void)state;
	struct budget budget;
	const struct addr addr = addr_of(1);
	set_up_budget(&budget, budget_limits_default());
	for (int i = 0; i < 100000; i++)
		(void)!budget_take_blind(&budget, at_us(1 + i));
	for (uint32_t i = 0; i < ENTRIES; i++)
		assert_int_equal(entries[i].family, ADDR_NONE);
	assert_int_equal(drain(&budget, &addr, at_ms(100)), 400);
	assert_int_equal(drain_blind(&budget, at_ms(3600 * 1000)), 400);
}

static void prefixes_and_networks(void **state)
{
	(void)state;
	struct budget budget;
	set_up_budget(&budget, budget_limits_default());
	struct addr a = addr_of(1);
	assert_int_equal(drain(&budget, &a, at_ms(1)), 400);
	a.port++; // another port of the same address
	assert_int_equal(drain(&budget, &a, at_ms(1)), 0);
	a.ip[3]++; // the same /24: what the first was refused spent nothing of it
	assert_int_equal(drain(&budget, &a, at_ms(1)), 400);
	a.ip[3]++;
	assert_int_equal(drain(&budget, &a, at_ms(1)), 0);
	struct addr v6 = {.family = ADDR_IPV6, .ip = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, 9}};
	assert_int_equal(drain(&budget, &v6, at_ms(5000)), 400);
	v6.ip[15] = 77; // the same /64
	assert_int_equal(drain(&budget, &v6, at_ms(5000)), 0);
	v6.ip[7] = 2; // the same /48
	assert_int_equal(drain(&budget, &v6, at_ms(5000)), 400);
	v6.ip[7] = 3;
	assert_int_equal(drain(&budget, &v6, at_ms(5000)), 0);
	// an IPv6 prefix that as a number is the IPv4 address is not the same
	struct addr like_v4 = {.family = ADDR_IPV6, .ip = {0, 0, 0, 0, 10, 0, 0, 1}};
	assert_int_equal(drain(&budget, &like_v4, at_ms(5000)), 400);
}

// Some networks use up what there is for everybody; others, which ask for little, still get in.
static void newcomers_get_in(void **state)
{
	(void)state;
	struct budget budget;
	set_up_budget(&budget, budget_limits_default());
	uint32_t taken = 0;
	for (int turn = 0; turn < 100; turn++) // 10 s, ten networks as fast as they can
		for (uint16_t network = 0; network < 10; network++) {
			const struct addr addr = in_network(network);
			taken += drain(&budget, &addr, at_ms(1000 + turn * 100));
		}
	assert_in_range(taken, 15000, 1500 + 10 * 1500 + 10 * (BUDGET_NEWCOMER_BURST + 10));
	for (uint16_t network = 100; network < 110; network++) {
		const struct addr addr = in_network(network);
		assert_int_equal(drain(&budget, &addr, at_ms(10900)), BUDGET_NEWCOMER_BURST);
	}
	const struct addr known = in_network(3);
	assert_int_equal(drain(&budget, &known, at_ms(10900)), 0);
}

// Newcomers have a bucket of their own, and it is one for all of them.
static void newcomers_share_a_bucket(void **state)
{
	(void)state;
	struct budget budget;
	struct budget_limits limits = budget_limits_default();
	limits.all = limits.newcomer = (struct bucket_rate){1, 1};
	set_up_budget(&budget, limits);
	for (uint16_t network = 0; network < 4; network++) {
		const struct addr addr = in_network(network);
		assert_true(budget_take(&budget, &addr, at_ms(1)) == (network < 2));
	}
}

static void full_table_forgets_the_oldest(void **state)
{
	(void)state;
	struct budget budget;
	struct budget_limits limits = budget_limits_default();
	limits.all = (struct bucket_rate){2 * PLENTY, 2 * PLENTY};
	set_up_budget(&budget, limits);
	// Far more prefixes than entries: each still has its burst when it is new.
	for (uint16_t network = 0; network < 3000; network++) {
		const struct addr addr = in_network(network);
		assert_int_equal(drain(&budget, &addr, at_us(1 + network)), 400);
	}
	// The newest of all is still known.
	const struct addr newest = in_network(2999);
	assert_int_equal(drain(&budget, &newest, at_us(4000)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rates_of_the_protocol), cmocka_unit_test(blind_ones_are_apart),
		cmocka_unit_test(prefixes_and_networks), cmocka_unit_test(newcomers_get_in),
		cmocka_unit_test(newcomers_share_a_bucket),
		cmocka_unit_test(full_table_forgets_the_oldest),
	};
	return cmocka_run_group_tests_name("budget", tests, crypto_set_up, NULL);
}
