// SPDX-License-Identifier: ISC
// proto/budget: rates over time, prefixes apart, everyone's bucket, a full table. (The bucket itself is base's.)
#include "proto_world.h"

#include "proto/budget.h"

enum { ENTRIES = 16 };

static struct budget_entry entries[ENTRIES];

static void set_up_budget(struct budget *budget, struct budget_limits limits)
{
	static const uint8_t secret[TABLE_SECRET_BYTES] = {1};
	budget_init(budget, &limits, entries, ENTRIES, secret);
}

// How many tokens can be taken at once.
static uint32_t drain(struct budget *budget, enum budget_kind kind, const struct addr *addr, struct mtime now)
{
	uint32_t count = 0;
	while (budget_take(budget, kind, addr, now))
		assert_true(++count < 100000);
	return count;
}

static void rates_of_the_protocol(void **state)
{
	(void)state;
	static const struct {
		enum budget_kind kind;
		uint32_t burst, per_second;
	} table[] = {{BUDGET_INIT, 10, 5}, {BUDGET_COOKIE, 40, 20}, {BUDGET_ANSWER, 40, 20}};
	struct budget budget;
	const struct addr addr = addr_of(1);
	set_up_budget(&budget, budget_limits_default());
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(drain(&budget, table[i].kind, &addr, at_ms(1000)), table[i].burst);
		assert_int_equal(drain(&budget, table[i].kind, &addr, at_ms(2000)), table[i].per_second);
		assert_int_equal(drain(&budget, table[i].kind, &addr, at_ms(2000 + 1000 / table[i].per_second - 1)), 0);
		assert_int_equal(drain(&budget, table[i].kind, &addr, at_ms(2000 + 1000 / table[i].per_second)), 1);
		assert_int_equal(drain(&budget, table[i].kind, &addr, at_ms(3600 * 1000)), table[i].burst);
	}
}

static void everyone_together(void **state)
{
	(void)state;
	struct budget budget;
	struct budget_limits limits = budget_limits_default();
	limits.all[BUDGET_INIT] = (struct bucket_rate){1, 15};
	set_up_budget(&budget, limits);
	const struct addr a = addr_of(1);
	const struct addr b = addr_of(2);
	assert_int_equal(drain(&budget, BUDGET_INIT, &a, at_ms(1)), 10);
	assert_int_equal(drain(&budget, BUDGET_INIT, &b, at_ms(1)), 5);
	assert_int_equal(drain(&budget, BUDGET_COOKIE, &b, at_ms(1)), 40);
}

static void prefixes(void **state)
{
	(void)state;
	struct budget budget;
	set_up_budget(&budget, budget_limits_default());
	struct addr a = addr_of(1);
	assert_int_equal(drain(&budget, BUDGET_INIT, &a, at_ms(1)), 10);
	a.port++; // another port of the same address
	assert_int_equal(drain(&budget, BUDGET_INIT, &a, at_ms(1)), 0);
	struct addr v6 = {.family = ADDR_IPV6, .ip = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, 9}};
	assert_int_equal(drain(&budget, BUDGET_INIT, &v6, at_ms(1)), 10);
	v6.ip[15] = 77; // the same /64
	assert_int_equal(drain(&budget, BUDGET_INIT, &v6, at_ms(1)), 0);
	v6.ip[7] = 2;
	assert_int_equal(drain(&budget, BUDGET_INIT, &v6, at_ms(1)), 10);
	// an IPv6 prefix that as a number is the IPv4 address is not the same
	struct addr like_v4 = {.family = ADDR_IPV6, .ip = {0, 0, 0, 0, 10, 0, 0, 1}};
	assert_int_equal(drain(&budget, BUDGET_INIT, &like_v4, at_ms(1)), 10);
}

static void full_table_forgets_the_oldest(void **state)
{
	(void)state;
	struct budget budget;
	struct budget_limits limits = budget_limits_default();
	limits.all[BUDGET_INIT] = (struct bucket_rate){100000, 100000};
	set_up_budget(&budget, limits);
	// Far more prefixes than entries: each still has its burst when it is new.
	for (uint16_t host = 0; host < 300; host++) {
		const struct addr addr = addr_of(host);
		assert_int_equal(drain(&budget, BUDGET_INIT, &addr, at_us(1 + host)), 10);
	}
	// The newest of all is still known.
	const struct addr newest = addr_of(299);
	assert_int_equal(drain(&budget, BUDGET_INIT, &newest, at_us(400)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rates_of_the_protocol),
		cmocka_unit_test(everyone_together),
		cmocka_unit_test(prefixes),
		cmocka_unit_test(full_table_forgets_the_oldest),
	};
	return cmocka_run_group_tests_name("budget", tests, crypto_set_up, NULL);
}
