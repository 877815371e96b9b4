// SPDX-License-Identifier: ISC
// Between struct addr and the system's socket addresses. Layer: os, for udp*.c.
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

#endif
