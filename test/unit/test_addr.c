// SPDX-License-Identifier: ISC
// base/addr: who is the same peer, and what a budget is counted by.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/addr.h"

static const struct addr six = {
	.family = ADDR_IPV6, .ip = {0xfe, 0x80, 0, 0, 0, 0, 0, 7, 1}, .local_ip = {9}, .scope = 2, .port = 1060, .socket = 1};

static void same_peer(void **state)
{
	(void)state;
	struct addr other = six;
	other.local_ip[0] = 0;
	other.socket = 0;
	assert_true(addr_is_same_peer(&six, &other)); // ours, not the peer's
	other.family = ADDR_IPV4;
	assert_false(addr_is_same_peer(&six, &other));
	other = six;
	other.port++;
	assert_false(addr_is_same_peer(&six, &other));
	other = six;
	other.scope++;
	assert_false(addr_is_same_peer(&six, &other));
	other = six;
	other.ip[15] = 1;
	assert_false(addr_is_same_peer(&six, &other));
}

static void prefixes(void **state)
{
	(void)state;
	const struct addr four = {.family = ADDR_IPV4, .ip = {192, 0, 2, 1}, .port = 7};
	const struct addr none = {.ip = {1, 2, 3}};
	assert_int_equal(addr_prefix(&six), 0xfe80000000000007);
	assert_int_equal(addr_prefix(&four), 0xc0000201);
	assert_int_equal(addr_prefix(&none), 0);
	assert_int_equal(addr_network(&six), 0xfe8000000000);
	assert_int_equal(addr_network(&four), 0xc00002);
	assert_int_equal(addr_network(&none), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_peer),
		cmocka_unit_test(prefixes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
