// SPDX-License-Identifier: ISC
// Between struct addr and the system's socket addresses; the contract is in sockaddr.h.
#include "os/sockaddr.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { MAPPED_PREFIX_BYTES = 12, IPV4_BYTES = 4 };

socklen_t sockaddr_encode(const struct addr *addr, union sockaddr_any *target)
{
	memset(target, 0, sizeof *target);
	if (addr->family == ADDR_IPV4) {
		target->ipv4.sin_family = AF_INET;
		target->ipv4.sin_port = htons(addr->port);
		memcpy(&target->ipv4.sin_addr, addr->ip, IPV4_BYTES);
		return sizeof target->ipv4;
	}
	assert(addr->family == ADDR_IPV6);
	target->ipv6.sin6_family = AF_INET6;
	target->ipv6.sin6_port = htons(addr->port);
	target->ipv6.sin6_scope_id = addr->scope;
	memcpy(&target->ipv6.sin6_addr, addr->ip, ADDR_IP_BYTES);
	return sizeof target->ipv6;
}

bool sockaddr_decode(const struct sockaddr *source, struct addr *addr)
{
	union sockaddr_any from;
	struct addr decoded = {.family = ADDR_IPV4};
	if (source->sa_family == AF_INET) {
		memcpy(&from.ipv4, source, sizeof from.ipv4);
		decoded.port = ntohs(from.ipv4.sin_port);
		memcpy(decoded.ip, &from.ipv4.sin_addr, IPV4_BYTES);
	} else if (source->sa_family == AF_INET6) {
		memcpy(&from.ipv6, source, sizeof from.ipv6);
		decoded.port = ntohs(from.ipv6.sin6_port);
		if (IN6_IS_ADDR_V4MAPPED(&from.ipv6.sin6_addr)) {
			memcpy(decoded.ip, from.ipv6.sin6_addr.s6_addr + MAPPED_PREFIX_BYTES, IPV4_BYTES);
		} else {
			decoded.family = ADDR_IPV6;
			decoded.scope = from.ipv6.sin6_scope_id;
			memcpy(decoded.ip, &from.ipv6.sin6_addr, ADDR_IP_BYTES);
		}
	} else {
		return false;
	}
	*addr = decoded;
	return true;
}

void sockaddr_format(const struct addr *addr, char text[ADDR_TEXT_BYTES])
{
	char ip[INET6_ADDRSTRLEN];
	if (addr->family == ADDR_NONE) {
		memcpy(text, "-", 2);
		return;
	}
	assert(addr->family == ADDR_IPV4 || addr->family == ADDR_IPV6);
	const char *written = inet_ntop(addr->family == ADDR_IPV4 ? AF_INET : AF_INET6, addr->ip, ip, sizeof ip);
	assert(written != NULL);
	if (addr->family == ADDR_IPV4)
		snprintf(text, ADDR_TEXT_BYTES, "%s:%u", ip, addr->port);
	else if (addr->scope == 0)
		snprintf(text, ADDR_TEXT_BYTES, "[%s]:%u", ip, addr->port);
	else
		snprintf(text, ADDR_TEXT_BYTES, "[%s%%%u]:%u", ip, addr->scope, addr->port);
}
