// SPDX-License-Identifier: ISC
// os/udp: listening, both families, the address replies leave from, odd datagrams, errors in words. Loopback only.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/sockaddr.h"
#include "os/udp.h"
#include "scratch.h"

enum { SLOTS = 256, WAIT_MS = 5000 };

static uint8_t slot[SLOTS][UDP_SLOT_BYTES];
static struct udp_message received[SLOTS];
static struct reason why;

static bool is_ipv6_here(void)
{
	struct sockaddr_in6 name = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	const int fd = socket(AF_INET6, SOCK_DGRAM, 0);
	const bool is_here = fd >= 0 && bind(fd, (struct sockaddr *)&name, sizeof name) == 0;
	if (fd >= 0)
		close(fd);
	return is_here;
}

static void reset_slots(void)
{
	for (size_t i = 0; i < SLOTS; i++)
		received[i] = (struct udp_message){.data = slot[i], .bytes = 9999};
}

// Receives until `wanted` datagrams are there or nothing has come for WAIT_MS.
static size_t receive(struct udp *udp, size_t wanted)
{
	size_t count = 0;
	reset_slots();
	while (count < wanted) {
		int fds[UDP_SOCKETS_MAX];
		struct pollfd polled[UDP_SOCKETS_MAX];
		const size_t fd_count = udp_fds(udp, fds);
		for (size_t i = 0; i < fd_count; i++)
			polled[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
		if (poll(polled, fd_count, WAIT_MS) <= 0)
			break;
		size_t more;
		assert_int_equal(udp_recv(udp, received + count, SLOTS - count, &more), MMS_OK);
		count += more;
	}
	return count;
}

static void listen_at(struct udp *server, const char *host)
{
	const enum mms_err err = udp_listen(server, host, 0, &why);
	if (err != MMS_OK)
		print_error("%s\n", why.text);
	assert_int_equal(err, MMS_OK);
	assert_int_not_equal(udp_port(server), 0);
}

static struct addr address_of(const char *host, uint16_t port)
{
	struct addr addr;
	size_t count;
	assert_int_equal(udp_resolve(host, port, &addr, 1, &count, &why), MMS_OK);
	assert_int_equal(count, 1);
	return addr;
}

static size_t send_text(struct udp *udp, const struct addr *addr, const char *text)
{
	uint8_t data[64];
	memcpy(data, text, strlen(text));
	const struct udp_message message = {data, strlen(text), *addr};
	return udp_send(udp, &message, 1);
}

// A question goes to `host` and its answer comes back.
static void exchange(const char *listen_host, const char *host)
{
	struct udp server = {0}, client = {0};
	listen_at(&server, listen_host);
	assert_int_equal(udp_open_client(&client, &why), MMS_OK);
	const struct addr addr = address_of(host, udp_port(&server));
	assert_int_equal(send_text(&client, &addr, "question"), 1);
	assert_int_equal(receive(&server, 1), 1);
	assert_int_equal(received[0].bytes, 8);
	assert_memory_equal(received[0].data, "question", 8);
	assert_int_equal(received[0].addr.family, addr.family);
	assert_memory_equal(received[0].addr.local_ip, addr.ip, ADDR_IP_BYTES);

	const struct addr reply_to = received[0].addr;
	assert_int_equal(send_text(&server, &reply_to, "answer"), 1);
	assert_int_equal(receive(&client, 1), 1);
	assert_int_equal(received[0].bytes, 6);
	assert_true(addr_is_same_peer(&received[0].addr, &addr));
	static const uint8_t no_ip[ADDR_IP_BYTES];
	assert_memory_equal(received[0].addr.local_ip, no_ip, ADDR_IP_BYTES);
	assert_int_equal(received[0].addr.socket, addr.socket);
	udp_close(&client);
	udp_close(&server);
}

static void test_exchange_ipv4(void **state)
{
	(void)state;
	exchange("127.0.0.1", "127.0.0.1");
	exchange("", "127.0.0.1");
	exchange("::ffff:127.0.0.1", "127.0.0.1");
}

static void test_exchange_ipv6(void **state)
{
	(void)state;
	if (!is_ipv6_here()) {
		print_message("this machine has no IPv6\n");
		skip();
	}
	exchange("::1", "::1");
	exchange("", "::1");
}

static void test_every_address_has_one_port(void **state)
{
	(void)state;
	struct udp server = {0};
	char text[ADDR_TEXT_BYTES], expected[ADDR_TEXT_BYTES];
	int fds[UDP_SOCKETS_MAX];
	listen_at(&server, "");
	snprintf(expected, sizeof expected, "0.0.0.0:%u", udp_port(&server));
	udp_socket_name(&server, 0, text);
	assert_string_equal(text, expected);
	assert_int_equal(server.socket_count, is_ipv6_here() ? 2 : 1);
	assert_int_equal(udp_fds(&server, fds), server.socket_count);
	if (server.socket_count == 2) {
		snprintf(expected, sizeof expected, "[::]:%u", udp_port(&server));
		udp_socket_name(&server, 1, text);
		assert_string_equal(text, expected);
	}
	udp_close(&server);
	assert_int_equal(udp_fds(&server, fds), 0);
	udp_close(&server);
}

static void test_host_name(void **state)
{
	(void)state;
	struct udp server = {0};
	struct addr addrs[8];
	size_t count;
	listen_at(&server, "localhost");
	assert_int_equal(udp_resolve("localhost", 7, addrs, 8, &count, &why), MMS_OK);
	assert_true(count >= server.socket_count);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(addrs[i].port, 7);
		assert_int_equal(addrs[i].socket, addrs[i].family == ADDR_IPV4 ? UDP_CLIENT_IPV4 : UDP_CLIENT_IPV6);
		for (size_t j = 0; j < i; j++)
			assert_false(addr_is_same_peer(&addrs[i], &addrs[j]));
	}
	udp_close(&server);
}

// What is sent to "any address" is answered from loopback, and an answer from elsewhere than it was sent to is none.
static void test_any_address_is_loopback(void **state)
{
	(void)state;
	const uint8_t ipv4[ADDR_IP_BYTES] = {127, 0, 0, 1};
	const uint8_t ipv6[ADDR_IP_BYTES] = {[15] = 1};
	struct addr addr;
	size_t count;
	assert_int_equal(udp_resolve("0.0.0.0", 7, &addr, 1, &count, &why), MMS_OK);
	assert_memory_equal(addr.ip, ipv4, sizeof ipv4);
	assert_true(udp_resolve_literal("0.0.0.0", 7, &addr));
	assert_memory_equal(addr.ip, ipv4, sizeof ipv4);
	assert_true(udp_resolve_literal("::", 7, &addr));
	assert_memory_equal(addr.ip, ipv6, sizeof ipv6);
	assert_true(udp_resolve_literal("10.0.0.1", 7, &addr));
	assert_int_equal(addr.ip[0], 10);
}

// The client's socket is connected to 127.0.0.2, so the kernel hands it nothing that comes from elsewhere; without care
// an answer from 0.0.0.0 would leave as 127.0.0.1.
static void test_reply_leaves_from_the_address_asked(void **state)
{
	(void)state;
	struct udp server = {0};
	char text[16];
	listen_at(&server, "");
	struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(udp_port(&server))};
	assert_int_equal(inet_pton(AF_INET, "127.0.0.2", &name.sin_addr), 1);
	const int fd = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&name, sizeof name), 0);
	assert_int_equal(send(fd, "hello", 5, 0), 5);
	assert_int_equal(receive(&server, 1), 1);
	assert_memory_equal(received[0].addr.local_ip, "\x7f\0\0\2\0\0\0\0\0\0\0\0\0\0\0", ADDR_IP_BYTES);
	const struct addr reply_to = received[0].addr;
	assert_int_equal(send_text(&server, &reply_to, "world"), 1);
	struct pollfd polled = {.fd = fd, .events = POLLIN};
	assert_int_equal(poll(&polled, 1, WAIT_MS), 1);
	assert_int_equal(recv(fd, text, sizeof text, 0), 5);
	assert_memory_equal(text, "world", 5);
	close(fd);
	udp_close(&server);
}

static void test_too_large_and_empty_datagrams(void **state)
{
	(void)state;
	static uint8_t data[UDP_SLOT_BYTES + 1];
	struct udp server = {0}, client = {0};
	listen_at(&server, "127.0.0.1");
	assert_int_equal(udp_open_client(&client, &why), MMS_OK);
	const struct addr addr = address_of("127.0.0.1", udp_port(&server));
	const struct udp_message messages[] = {
		{data, UDP_SLOT_BYTES, addr}, {data, UDP_SLOT_BYTES + 1, addr}, {data, 0, addr}, {data, 1, addr},
	};
	assert_int_equal(udp_send(&client, messages, 4), 4);
	assert_int_equal(receive(&server, 4), 4);
	assert_int_equal(received[0].bytes, UDP_SLOT_BYTES);
	assert_int_equal(received[1].bytes, 0);
	assert_int_equal(received[2].bytes, 0);
	assert_int_equal(received[3].bytes, 1);
	udp_close(&client);
	udp_close(&server);
}

static void test_batches_keep_order_and_capacity(void **state)
{
	(void)state;
	enum { COUNT = 150 };
	static uint8_t data[COUNT];
	static struct udp_message messages[COUNT];
	struct udp server = {0}, client = {0};
	size_t count;
	listen_at(&server, "127.0.0.1");
	assert_int_equal(udp_open_client(&client, &why), MMS_OK);
	const struct addr addr = address_of("127.0.0.1", udp_port(&server));
	for (size_t i = 0; i < COUNT; i++) {
		data[i] = (uint8_t)i;
		messages[i] = (struct udp_message){data + i, 1, addr};
	}
	assert_int_equal(udp_send(&client, messages, COUNT), COUNT);
	reset_slots();
	assert_int_equal(udp_recv(&server, received, 70, &count), MMS_OK);
	assert_int_equal(count, 70);
	assert_int_equal(received[70].bytes, 9999);
	assert_int_equal(udp_recv(&server, received + 70, SLOTS - 70, &count), MMS_OK);
	assert_int_equal(count, COUNT - 70);
	for (size_t i = 0; i < COUNT; i++)
		assert_int_equal(received[i].data[0], i);
	assert_int_equal(udp_recv(&server, received, SLOTS, &count), MMS_OK);
	assert_int_equal(count, 0);
	udp_close(&client);
	udp_close(&server);
}

static void test_no_socket_starves_another(void **state)
{
	(void)state;
	struct udp server = {0}, client = {0};
	size_t count;
	if (!is_ipv6_here()) {
		print_message("this machine has no IPv6, so one socket only\n");
		skip();
	}
	listen_at(&server, "");
	assert_int_equal(udp_open_client(&client, &why), MMS_OK);
	const struct addr ipv4 = address_of("127.0.0.1", udp_port(&server));
	const struct addr ipv6 = address_of("::1", udp_port(&server));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(send_text(&client, &ipv4, "a"), 1);
		assert_int_equal(send_text(&client, &ipv6, "b"), 1);
	}
	unsigned seen[2] = {0};
	for (int i = 0; i < 2; i++) {
		reset_slots();
		assert_int_equal(udp_recv(&server, received, 1, &count), MMS_OK);
		assert_int_equal(count, 1);
		seen[received[0].addr.socket]++;
	}
	assert_int_equal(seen[0], 1);
	assert_int_equal(seen[1], 1);
	udp_close(&client);
	udp_close(&server);
}

static void test_a_lost_message_does_not_stop_the_next(void **state)
{
	(void)state;
	uint8_t data[1] = {7};
	struct udp server = {0};
	listen_at(&server, "127.0.0.1");
	const struct addr good = address_of("127.0.0.1", udp_port(&server));
	// The system refuses a broadcast without SO_BROADCAST, and a local address that is not ours.
	const struct addr refused = address_of("255.255.255.255", 9);
	struct addr foreign = good;
	memcpy(foreign.local_ip, "\xcb\x00\x71\x4d", 4);
	const struct udp_message messages[] = {
		{data, 1, refused}, {data, 1, good}, {data, 1, foreign}, {data, 1, refused}, {data, 1, good},
	};
	assert_int_equal(udp_send(&server, messages, 5), 2);
	assert_int_equal(receive(&server, 2), 2);
	udp_close(&server);
}

static void test_errors_left_by_icmp_are_swallowed(void **state)
{
	(void)state;
	struct udp closed = {0}, client = {0}, server = {0};
	const int on = 1;
	listen_at(&closed, "127.0.0.1");
	listen_at(&server, "127.0.0.1");
	const struct addr nobody = address_of("127.0.0.1", udp_port(&closed));
	const struct addr somebody = address_of("127.0.0.1", udp_port(&server));
	udp_close(&closed);
	assert_int_equal(udp_open_client(&client, &why), MMS_OK);
	assert_int_equal(send_text(&client, &somebody, "hello"), 1);
	assert_int_equal(receive(&server, 1), 1);
	const struct addr reply_to = received[0].addr;
	assert_int_equal(setsockopt(client.fd[UDP_CLIENT_IPV4], IPPROTO_IP, IP_RECVERR, &on, sizeof on), 0);
	assert_int_equal(send_text(&client, &nobody, "x"), 1);
	struct pollfd polled = {.fd = client.fd[UDP_CLIENT_IPV4], .events = POLLIN};
	assert_int_equal(poll(&polled, 1, WAIT_MS), 1);
	assert_true((polled.revents & POLLERR) != 0);
	assert_int_equal(send_text(&server, &reply_to, "answer"), 1);
	reset_slots();
	size_t count;
	assert_int_equal(udp_recv(&client, received, SLOTS, &count), MMS_OK);
	assert_int_equal(count, 1);
	assert_int_equal(received[0].bytes, 6);
	udp_close(&client);
	udp_close(&server);
}

static uint16_t source_port_seen(struct udp *client, struct udp *server)
{
	const struct addr addr = address_of("127.0.0.1", udp_port(server));
	assert_int_equal(send_text(client, &addr, "x"), 1);
	assert_int_equal(receive(server, 1), 1);
	return received[0].addr.port;
}

static void test_reopened_client_has_another_port(void **state)
{
	(void)state;
	struct udp server = {0}, client = {0};
	listen_at(&server, "127.0.0.1");
	assert_int_equal(udp_open_client(&client, &why), MMS_OK);
	const uint16_t before = source_port_seen(&client, &server);
	const int old_fd = client.fd[UDP_CLIENT_IPV4];
	assert_int_equal(udp_reopen_client(&client, &why), MMS_OK);
	assert_int_not_equal(source_port_seen(&client, &server), before);
	assert_int_equal(fcntl(old_fd, F_GETFD), -1);
	udp_close(&client);
	udp_close(&server);
}

static void test_descriptors_are_closed_by_exec_and_never_block(void **state)
{
	(void)state;
	struct udp server = {0};
	listen_at(&server, "127.0.0.1");
	assert_true((fcntl(server.fd[0], F_GETFD) & FD_CLOEXEC) != 0);
	assert_true((fcntl(server.fd[0], F_GETFL) & O_NONBLOCK) != 0);
	udp_close(&server);
}

static void test_port_in_use(void **state)
{
	(void)state;
	struct udp first = {0}, second = {0};
	char expected[REASON_TEXT_BYTES];
	listen_at(&first, "127.0.0.1");
	assert_int_equal(udp_listen(&second, "127.0.0.1", udp_port(&first), &why), MMS_E_BUSY);
	snprintf(expected, sizeof expected,
		 "port %u on 127.0.0.1 is in use by another program: stop it or choose another with -p",
		 udp_port(&first));
	assert_string_equal(why.text, expected);
	assert_int_equal(second.socket_count, 0);
	assert_int_equal(udp_listen(&second, "", udp_port(&first), &why), MMS_E_BUSY);
	assert_int_equal(second.socket_count, 0);
	udp_close(&first);
}

static void test_wrong_hosts(void **state)
{
	(void)state;
	struct udp server = {0};
	struct addr addr;
	size_t count;
	// TEST-NET-3 (RFC 5737) is on no machine. A label of 64 letters is no host name, so no DNS server is asked.
	static const char label[] = "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd";
	assert_int_equal(udp_listen(&server, "203.0.113.77", 0, &why), MMS_E_HOST);
	assert_non_null(strstr(why.text, "203.0.113.77 is not an address of this machine"));
	if (is_ipv6_here()) {
		assert_int_equal(udp_listen(&server, "fe80::1", 0, &why), MMS_E_HOST);
		assert_non_null(strstr(why.text, "fe80::1 is not an address to listen at: name its interface"));
	}
	assert_int_equal(udp_listen(&server, label, 0, &why), MMS_E_HOST);
	assert_non_null(strstr(why.text, label));
	assert_int_equal(udp_resolve(label, 1060, &addr, 1, &count, &why), MMS_E_HOST);
	assert_int_equal(udp_resolve("", 1060, &addr, 1, &count, &why), MMS_E_HOST);
	assert_int_equal(server.socket_count, 0);
}

static void test_port_not_permitted(void **state)
{
	(void)state;
	struct udp server = {0};
	FILE *file = fopen("/proc/sys/net/ipv4/ip_unprivileged_port_start", "re");
	int first_free = 0;
	if (file != NULL) {
		if (fscanf(file, "%d", &first_free) != 1)
			first_free = 0;
		fclose(file);
	}
	if (first_free <= 9) {
		print_message("this system lets everybody have every port\n");
		skip();
	}
	scratch_drop_rights();
	const enum mms_err err = udp_listen(&server, "127.0.0.1", 9, &why);
	scratch_regain_rights();
	assert_int_equal(err, MMS_E_DENIED);
	assert_non_null(strstr(why.text, "port 9 on 127.0.0.1 is not permitted"));
}

static void test_address_as_text(void **state)
{
	(void)state;
	char text[ADDR_TEXT_BYTES];
	struct addr addr = {.family = ADDR_IPV6, .ip = {0xfe, 0x80, [15] = 1}, .scope = 2, .port = 65535};
	sockaddr_format(&addr, text);
	assert_string_equal(text, "[fe80::1%2]:65535");
	addr.scope = 0;
	sockaddr_format(&addr, text);
	assert_string_equal(text, "[fe80::1]:65535");
	memset(addr.ip, 0xff, sizeof addr.ip);
	addr.scope = UINT32_MAX;
	sockaddr_format(&addr, text);
	assert_string_equal(text, "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295]:65535");
	sockaddr_format(&(struct addr){.family = ADDR_IPV4, .ip = {127, 0, 0, 1}, .port = 1060}, text);
	assert_string_equal(text, "127.0.0.1:1060");
	addr.family = ADDR_NONE;
	sockaddr_format(&addr, text);
	assert_string_equal(text, "-");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exchange_ipv4),
		cmocka_unit_test(test_exchange_ipv6),
		cmocka_unit_test(test_every_address_has_one_port),
		cmocka_unit_test(test_host_name),
		cmocka_unit_test(test_any_address_is_loopback),
		cmocka_unit_test(test_reply_leaves_from_the_address_asked),
		cmocka_unit_test(test_too_large_and_empty_datagrams),
		cmocka_unit_test(test_batches_keep_order_and_capacity),
		cmocka_unit_test(test_no_socket_starves_another),
		cmocka_unit_test(test_a_lost_message_does_not_stop_the_next),
		cmocka_unit_test(test_errors_left_by_icmp_are_swallowed),
		cmocka_unit_test(test_reopened_client_has_another_port),
		cmocka_unit_test(test_descriptors_are_closed_by_exec_and_never_block),
		cmocka_unit_test(test_port_in_use),
		cmocka_unit_test(test_wrong_hosts),
		cmocka_unit_test(test_port_not_permitted),
		cmocka_unit_test(test_address_as_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
