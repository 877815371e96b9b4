// SPDX-License-Identifier: ISC
// A network path as a value: the peer's address and port, and where its datagrams reached us. Layer: base.
// The protocol compares and copies it; only os turns it into a socket address.
#ifndef MMS_BASE_ADDR_H
#define MMS_BASE_ADDR_H

#include <stdbool.h>
#include <stdint.h>

enum addr_family { ADDR_NONE = 0, ADDR_IPV4 = 4, ADDR_IPV6 = 6 };

enum {
	ADDR_IP_BYTES = 16,
	ADDR_TEXT_BYTES = 72, // as text (os/sockaddr.h), with the zero byte
};

struct addr {
	uint8_t ip[ADDR_IP_BYTES];    // IPv4: the first 4 bytes, the rest zero
	uint8_t local_ip[ADDR_IP_BYTES]; // our address the datagram came to: replies leave from it; zero: the system's choice
	uint32_t scope;               // IPv6 scope id (interface), else 0
	uint16_t port;                // host byte order
	uint8_t family;               // enum addr_family
	uint8_t socket;               // which of our sockets, counted from 0
};

// True when both name the same peer (family, IP, scope and port); the local half is not compared.
bool addr_is_same_peer(const struct addr *a, const struct addr *b);

// The part of the address that budgets are counted by: IPv4 /32, IPv6 /64, as one number; other families give 0.
uint64_t addr_prefix(const struct addr *addr);

// The network around it that one owner is likely to have whole: IPv4 /24, IPv6 /48, as one number; other families give 0.
uint64_t addr_network(const struct addr *addr);

#endif
