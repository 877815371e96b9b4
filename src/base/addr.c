// SPDX-License-Identifier: ISC
// A network path as a value; the contract is in addr.h.
#include "base/addr.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <string.h>

bool addr_is_same_peer(const struct addr *a, const struct addr *b)
{
	return a->family == b->family && a->port == b->port && a->scope == b->scope &&
	       memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

uint64_t addr_prefix(const struct addr *addr)
{
	uint64_t prefix = 0;
	const unsigned bytes = addr->family == ADDR_IPV6 ? 8 : addr->family == ADDR_IPV4 ? 4 : 0;
	for (unsigned i = 0; i < bytes; i++)
		prefix = prefix << 8 | addr->ip[i];
	// IPv4 addresses fill the low 32 bits; global IPv6 prefixes never look like that.
	return prefix;
}

uint64_t addr_network(const struct addr *addr)
{
	return addr_prefix(addr) >> (addr->family == ADDR_IPV6 ? 16 : 8);
}

void addr_format(const struct addr *addr, char text[ADDR_TEXT_BYTES])
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
