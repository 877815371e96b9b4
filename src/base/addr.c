// SPDX-License-Identifier: ISC
// A network path as a value; the contract is in addr.h.
#include "base/addr.h"

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
