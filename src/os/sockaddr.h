// SPDX-License-Identifier: ISC
// Between struct addr and the system's socket addresses, and addresses as text. Layer: os, for udp*.c.
#ifndef MMS_OS_SOCKADDR_H
#define MMS_OS_SOCKADDR_H

#include <netinet/in.h>
#include <stdbool.h>

#include "base/addr.h"

union sockaddr_any {
	struct sockaddr any;
	struct sockaddr_in ipv4;
	struct sockaddr_in6 ipv6;
};

// Writes the peer half of an address that has a family. Returns the bytes of `target` in use.
socklen_t sockaddr_encode(const struct addr *addr, union sockaddr_any *target);

// Reads the peer half of `addr`; the local half and the socket become zero. An IPv4 address mapped into IPv6 becomes
// plain IPv4. False, and `addr` unchanged: another family.
bool sockaddr_decode(const struct sockaddr *source, struct addr *addr);

// Writes the peer as "127.0.0.1:1060", "[::1]:1060" or "[fe80::1%2]:1060", "-" without a family, with a zero byte.
void sockaddr_format(const struct addr *addr, char text[ADDR_TEXT_BYTES]);

#endif
