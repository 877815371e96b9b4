// SPDX-License-Identifier: ISC
// UDP sockets: opening, naming, closing; the contract is in udp.h, receiving and sending in udp_batch.c.
#include "os/udp.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/failure.h"
#include "os/sockaddr.h"

// How often another free port is tried when the one free for the first socket is taken for the next.
enum { FREE_PORT_TRIES = 32 };

static bool set_option(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

// As large a kernel buffer as we get: by privilege, else within the system's limit.
static void enlarge_buffers(int fd, int bytes)
{
	if (!set_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, bytes))
		(void)set_option(fd, SOL_SOCKET, SO_RCVBUF, bytes);
	if (!set_option(fd, SOL_SOCKET, SO_SNDBUFFORCE, bytes))
		(void)set_option(fd, SOL_SOCKET, SO_SNDBUF, bytes);
}

// A socket for one family, not yet bound. Returns -1 and sets errno. With `is_local_told` datagrams carry the local
// address they came to.
static int open_socket(uint8_t family, bool is_local_told)
{
	const bool is_ipv4 = family == ADDR_IPV4;
	const int fd = socket(is_ipv4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	enlarge_buffers(fd, UDP_BUFFER_BYTES);
	bool is_set;
	if (is_ipv4)
		is_set = set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT) &&
			 (!is_local_told || set_option(fd, IPPROTO_IP, IP_PKTINFO, 1));
	else
		is_set = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) &&
			 set_option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT) &&
			 (!is_local_told || set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1));
	if (!is_set) {
		const int error = errno;
		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

// No AI_ADDRCONFIG: it would hide ::1 and 127.0.0.1 on a machine without a network.
static struct addrinfo hints_for(int flags)
{
	return (struct addrinfo){.ai_flags = flags, .ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM};
}

// Looks `host` up: the first `capacity` of its addresses, each once, with `port`.
static enum mms_err look_up(const char *host, uint16_t port, struct addr *addrs, size_t capacity, size_t *count,
			    struct reason *why)
{
	const struct addrinfo hints = hints_for(0);
	struct addrinfo *list = NULL;
	*count = 0;
	const int rc = getaddrinfo(host, NULL, &hints, &list);
	if (rc == EAI_NONAME || rc == EAI_NODATA) {
		failure_say(why, "unknown host %.255s: check the spelling, or give its address", host);
		return MMS_E_HOST;
	}
	if (rc != 0) {
		failure_say(why, "cannot look up host %.255s: %s; try again later, or give its address", host,
			    rc == EAI_SYSTEM ? strerror(errno) : gai_strerror(rc));
		return MMS_E_HOST;
	}
	for (const struct addrinfo *entry = list; entry != NULL && *count < capacity; entry = entry->ai_next) {
		struct addr addr;
		bool is_new = sockaddr_decode(entry->ai_addr, &addr);
		addr.port = port;
		for (size_t i = 0; is_new && i < *count; i++)
			is_new = !addr_is_same_peer(&addrs[i], &addr);
		if (is_new)
			addrs[(*count)++] = addr;
	}
	freeaddrinfo(list);
	assert(*count > 0);
	return MMS_OK;
}

// Opens and binds one socket at `at` and completes the port in `*at`. Returns -1 and sets errno.
static int open_bound(struct addr *at, bool is_local_told)
{
	union sockaddr_any name;
	socklen_t bytes = sockaddr_encode(at, &name);
	const int fd = open_socket(at->family, is_local_told);
	if (fd < 0)
		return -1;
	if (bind(fd, &name.any, bytes) != 0 || getsockname(fd, &name.any, &bytes) != 0) {
		const int error = errno;
		close(fd);
		errno = error;
		return -1;
	}
	const bool is_known = sockaddr_decode(&name.any, at);
	assert(is_known);
	return fd;
}

// Binds all addresses to one port, passing over those this machine lacks. Returns 0, or the errno value of the failure
// with the address it concerns in `*at`; nothing is open then.
static int bind_all(struct udp *udp, const struct addr *addrs, size_t count, struct addr *at)
{
	struct udp opened = {.port = addrs[0].port};
	int error = 0;
	for (size_t i = 0; i < count; i++) {
		struct addr name = addrs[i];
		name.port = opened.port;
		const int fd = open_bound(&name, true);
		if (fd < 0) {
			error = errno;
			*at = name;
			if (error == EAFNOSUPPORT || error == EADDRNOTAVAIL)
				continue;
			udp_close(&opened);
			return error;
		}
		opened.fd[opened.socket_count] = fd;
		opened.name[opened.socket_count++] = name;
		opened.port = name.port;
	}
	if (opened.socket_count == 0)
		return error;
	*udp = opened;
	return 0;
}

// The address in words for a sentence: what sockaddr_format writes, less the port.
static const char *ip_text(const struct addr *addr, char text[ADDR_TEXT_BYTES])
{
	sockaddr_format(addr, text);
	*strrchr(text, ':') = 0;
	if (text[0] != '[')
		return text;
	text[strlen(text) - 1] = 0;
	return text + 1;
}

static enum mms_err explain_bind(int error, const struct addr *at, struct reason *why)
{
	char text[ADDR_TEXT_BYTES];
	const char *ip = ip_text(at, text);
	switch (error) {
	case EADDRINUSE:
		failure_say(why, "port %u on %s is in use by another program: stop it or choose another with -p",
			    at->port, ip);
		return MMS_E_BUSY;
	case EACCES:
	case EPERM:
		failure_say(why, "port %u on %s is not permitted to this user: choose one above 1023 with -p",
			    at->port, ip);
		return MMS_E_DENIED;
	case EADDRNOTAVAIL:
	case EAFNOSUPPORT:
		failure_say(why, "%s is not an address of this machine: name one that is, or '' for every address", ip);
		return MMS_E_HOST;
	case EINVAL: // what Linux says to a link-local address alone
		failure_say(why, "%s is not an address to listen at: name its interface too, as in fe80::1%%eth0", ip);
		return MMS_E_HOST;
	default:
		failure_say(why, "cannot open port %u on %s: %s; check the address and the system's log", at->port, ip,
			    strerror(error));
		return MMS_E_IO;
	}
}

enum mms_err udp_listen(struct udp *udp, const char *host, uint16_t port, struct reason *why)
{
	struct addr addrs[UDP_SOCKETS_MAX + 1];
	struct addr at;
	size_t count = 2;
	assert(udp->socket_count == 0);
	if (host[0] == 0) {
		addrs[0] = (struct addr){.family = ADDR_IPV4, .port = port};
		addrs[1] = (struct addr){.family = ADDR_IPV6, .port = port};
	} else {
		const enum mms_err err = look_up(host, port, addrs, UDP_SOCKETS_MAX + 1, &count, why);
		if (err != MMS_OK)
			return err;
	}
	if (count > UDP_SOCKETS_MAX) {
		failure_say(why, "host %.255s has more than %d addresses: name one of them, or '' for every address",
			    host, UDP_SOCKETS_MAX);
		return MMS_E_HOST;
	}
	int error = EADDRINUSE;
	for (int i = 0; error == EADDRINUSE && i < (port == 0 ? FREE_PORT_TRIES : 1); i++)
		error = bind_all(udp, addrs, count, &at);
	return error == 0 ? MMS_OK : explain_bind(error, &at, why);
}

enum mms_err udp_open_client(struct udp *udp, struct reason *why)
{
	struct udp opened = {.socket_count = UDP_CLIENT_SOCKETS};
	int error = 0;
	assert(udp->socket_count == 0);
	opened.name[UDP_CLIENT_IPV4].family = ADDR_IPV4;
	opened.name[UDP_CLIENT_IPV6].family = ADDR_IPV6;
	for (size_t i = 0; i < UDP_CLIENT_SOCKETS; i++) {
		// Bound at once, so that the sockets of udp_reopen_client cannot get the ports of those they replace.
		opened.fd[i] = open_bound(&opened.name[i], false);
		if (opened.fd[i] < 0)
			error = errno;
	}
	if (opened.fd[UDP_CLIENT_IPV4] < 0 && opened.fd[UDP_CLIENT_IPV6] < 0) {
		failure_say(why, "cannot open a UDP socket: %s; check the network and the limit of open files",
			    strerror(error));
		return MMS_E_IO;
	}
	*udp = opened;
	return MMS_OK;
}

enum mms_err udp_reopen_client(struct udp *udp, struct reason *why)
{
	struct udp opened = {0};
	const enum mms_err err = udp_open_client(&opened, why);
	if (err != MMS_OK)
		return err;
	udp_close(udp);
	*udp = opened;
	return MMS_OK;
}

void udp_enlarge(const struct udp *udp, int bytes)
{
	for (size_t i = 0; i < udp->socket_count; i++)
		if (udp->fd[i] >= 0)
			enlarge_buffers(udp->fd[i], bytes);
}

void udp_close(struct udp *udp)
{
	for (size_t i = 0; i < udp->socket_count; i++)
		if (udp->fd[i] >= 0)
			close(udp->fd[i]);
	*udp = (struct udp){0};
}

size_t udp_fds(const struct udp *udp, int fds[UDP_SOCKETS_MAX])
{
	size_t count = 0;
	for (size_t i = 0; i < udp->socket_count; i++)
		if (udp->fd[i] >= 0)
			fds[count++] = udp->fd[i];
	return count;
}

uint16_t udp_port(const struct udp *udp)
{
	return udp->port;
}

void udp_socket_name(const struct udp *udp, size_t index, char text[ADDR_TEXT_BYTES])
{
	assert(index < udp->socket_count);
	sockaddr_format(&udp->name[index], text);
}

// Makes an address one that a client sends to. "Any address of this machine" answers from its loopback address, and what comes
// from elsewhere is no answer: so it is that from the start.
static void aim(struct addr *addr, uint16_t port)
{
	static const uint8_t any[ADDR_IP_BYTES];
	static const uint8_t loopback_ipv4[ADDR_IP_BYTES] = {127, 0, 0, 1};
	static const uint8_t loopback_ipv6[ADDR_IP_BYTES] = {[ADDR_IP_BYTES - 1] = 1};
	if (memcmp(addr->ip, any, sizeof any) == 0)
		memcpy(addr->ip, addr->family == ADDR_IPV4 ? loopback_ipv4 : loopback_ipv6, sizeof any);
	addr->port = port;
	addr->socket = addr->family == ADDR_IPV4 ? UDP_CLIENT_IPV4 : UDP_CLIENT_IPV6;
}

enum mms_err udp_resolve(const char *host, uint16_t port, struct addr *addrs, size_t capacity, size_t *count,
			 struct reason *why)
{
	assert(capacity > 0);
	const enum mms_err err = look_up(host, port, addrs, capacity, count, why);
	if (err != MMS_OK)
		return err;
	for (size_t i = 0; i < *count; i++)
		aim(&addrs[i], port);
	return MMS_OK;
}

bool udp_resolve_literal(const char *host, uint16_t port, struct addr *addr)
{
	const struct addrinfo hints = hints_for(AI_NUMERICHOST);
	struct addrinfo *list = NULL;
	if (getaddrinfo(host, NULL, &hints, &list) != 0)
		return false;
	const bool is_known = sockaddr_decode(list->ai_addr, addr);
	freeaddrinfo(list);
	assert(is_known);
	aim(addr, port);
	return true;
}
