// SPDX-License-Identifier: ISC
// os/resolver: literals at once, names through a thread, and an end whatever is on its way. tools/check runs it under the thread
// sanitizer as well.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "os/resolver.h"
#include "os/udp.h"

static struct resolver opened(void)
{
	struct reason why;
	struct resolver resolver = {0};
	assert_int_equal(resolver_open(&resolver, &why), MMS_OK);
	return resolver;
}

// Waits for a result as a client does.
static struct resolver_result wait_for(struct resolver *resolver)
{
	enum { PATIENCE_MS = 20 * 1000 };
	struct resolver_result result;
	if (!resolver_take(resolver, &result)) {
		struct pollfd polled = {.fd = resolver->fd, .events = POLLIN};
		assert_int_equal(poll(&polled, 1, PATIENCE_MS), 1);
		assert_true(resolver_take(resolver, &result));
	}
	struct resolver_result none;
	assert_false(resolver_take(resolver, &none));
	return result;
}

static void test_literals_need_no_thread(void **state)
{
	(void)state;
	struct resolver_result result;
	struct resolver resolver = opened();
	assert_false(resolver_take(&resolver, &result));
	resolver_ask(&resolver, "192.0.2.7", 1060);
	assert_true(resolver_take(&resolver, &result));
	assert_int_equal(result.err, MMS_OK);
	assert_int_equal(result.addr_count, 1);
	assert_int_equal(result.addr[0].family, ADDR_IPV4);
	assert_int_equal(result.addr[0].port, 1060);
	assert_int_equal(result.addr[0].socket, UDP_CLIENT_IPV4);
	resolver_ask(&resolver, "::1", 7);
	assert_true(resolver_take(&resolver, &result));
	assert_int_equal(result.addr[0].family, ADDR_IPV6);
	assert_int_equal(result.addr[0].socket, UDP_CLIENT_IPV6);
	resolver_close(&resolver);
}

static void test_names(void **state)
{
	(void)state;
	struct resolver resolver = opened();
	for (int i = 0; i < 20; i++) {
		resolver_ask(&resolver, "localhost", 1060);
		const struct resolver_result result = wait_for(&resolver);
		assert_int_equal(result.err, MMS_OK);
		assert_in_range(result.addr_count, 1, RESOLVER_ADDRS_MAX);
		assert_int_equal(result.addr[0].port, 1060);
	}
	resolver_ask(&resolver, "no such host", 1060); // no name, so nobody is asked
	const struct resolver_result result = wait_for(&resolver);
	assert_int_equal(result.err, MMS_E_HOST);
	assert_non_null(strstr(result.why.text, "no such host"));
	resolver_close(&resolver);
}

// A question that is on its way when the struct is closed goes nowhere, and its thread ends by itself.
static void test_closing_behind_a_question(void **state)
{
	(void)state;
	for (int i = 0; i < 50; i++) {
		struct resolver resolver = opened();
		resolver_ask(&resolver, "localhost", 1060);
		resolver_close(&resolver);
		resolver_close(&resolver);
		struct resolver_result result;
		assert_false(resolver_take(&resolver, &result));
	}
}

static void test_no_descriptors(void **state)
{
	(void)state;
	struct rlimit before;
	struct reason why;
	struct resolver closed = {0};
	struct resolver resolver = opened();
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	const int next_fd = dup(0);
	assert_true(next_fd >= 0);
	close(next_fd);
	const struct rlimit none = {(rlim_t)next_fd, before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	const enum mms_err err = resolver_open(&closed, &why);
	resolver_ask(&resolver, "localhost", 1060);
	struct resolver_result result;
	const bool is_told = resolver_take(&resolver, &result);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(err, MMS_E_IO);
	assert_false(closed.is_open);
	assert_true(is_told);
	assert_int_equal(result.err, MMS_E_HOST);
	resolver_close(&resolver);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_descriptors), // first: threads of the others may still hold some
		cmocka_unit_test(test_literals_need_no_thread),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_closing_behind_a_question),
	};
	signal(SIGPIPE, SIG_IGN); // see resolver_ask
	return cmocka_run_group_tests(tests, NULL, NULL);
}
