// SPDX-License-Identifier: ISC
// UDP sockets, non-blocking, many datagrams a system call (doc/protocol.md section 3). Layer: os.
// The caller owns the struct; a zeroed one is closed. On error it is unchanged, so a failed open leaves it closed.
//
// Datagrams are sent so that the network may fragment them if it must (no DF) and never by what ICMP says about the
// path: nothing here depends on either.
#ifndef MMS_OS_UDP_H
#define MMS_OS_UDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"

enum {
	UDP_SOCKETS_MAX = 4,    // addresses a server listens at; more is refused
	UDP_SLOT_BYTES = 1500,  // room for one received datagram; a larger one arrives as an empty one
	UDP_BATCH_MAX = 64,     // datagrams moved by one system call
	UDP_BUFFER_BYTES = 4 * 1024 * 1024, // kernel buffers asked for; the system may give less
};

// A client's sockets stand at fixed places, so that an address can name its socket before the socket is open.
enum { UDP_CLIENT_IPV4 = 0, UDP_CLIENT_IPV6 = 1, UDP_CLIENT_SOCKETS = 2 };

struct udp {
	int fd[UDP_SOCKETS_MAX];         // -1: a family this machine lacks
	struct addr name[UDP_SOCKETS_MAX]; // where each is bound
	uint8_t socket_count;            // 0: closed
	uint8_t recv_first;              // socket to be read first next time, so that none starves the others
	uint16_t port;                   // the same for all; 0 for a client
};

// One datagram. To receive, `data` has room for UDP_SLOT_BYTES bytes; to send, it is only read.
struct udp_message {
	uint8_t *data;
	size_t bytes;
	struct addr addr; // the peer
};

// Listens at `host` and `port`, both families. `host` "": every address, of IPv4 and of IPv6; else a literal or a name,
// all of its addresses; those this machine lacks are passed over as long as one is left. `port` 0: one that is free on
// all of them. Datagrams received name the local address they came to, and a message is sent from the local address it
// names. A name is looked up in the DNS, which may take seconds.
// MMS_E_HOST: unknown, no address of this machine, or too many. MMS_E_BUSY: the port is in use. MMS_E_DENIED: not
// permitted. MMS_E_IO: anything else.
enum mms_err udp_listen(struct udp *udp, const char *host, uint16_t port, struct reason *why) MUST_CHECK;

// Opens a client's sockets, one for each family there is, on ports the system picks; local addresses are always the
// system's choice, so a changed network needs no new socket. MMS_E_IO: there is none.
enum mms_err udp_open_client(struct udp *udp, struct reason *why) MUST_CHECK;

// New sockets, hence new source ports, for a client's struct; what waited in the old ones is lost.
enum mms_err udp_reopen_client(struct udp *udp, struct reason *why) MUST_CHECK;

// Asks for kernel buffers of `bytes` in place of UDP_BUFFER_BYTES, for sockets that many devices share; the system may give less.
void udp_enlarge(const struct udp *udp, int bytes);

// Closes all sockets. Closed: nothing happens.
void udp_close(struct udp *udp);

// Receives what waits, at most `capacity` datagrams, into messages[0 .. *count). A datagram larger than a slot gets
// bytes 0, like one that is empty: both count, and neither means anything to the protocol. Nothing waits: MMS_OK and
// *count 0. Errors that ICMP left on a socket are swallowed. MMS_E_IO: a socket is broken; what was received counts.
enum mms_err udp_recv(struct udp *udp, struct udp_message *messages, size_t capacity, size_t *count) MUST_CHECK;

// Sends the messages in order, each by the socket its addr.socket names. One that the system does not take (buffer
// full, unreachable, family missing, local address gone) is lost like any datagram, and the next is tried. Returns how
// many were taken.
size_t udp_send(struct udp *udp, const struct udp_message *messages, size_t count);

// The descriptors to poll for reading. Returns how many there are.
size_t udp_fds(const struct udp *udp, int fds[UDP_SOCKETS_MAX]);

// The port a server listens at, host byte order.
uint16_t udp_port(const struct udp *udp);

// Writes where socket `index`, below socket_count, is bound: "127.0.0.1:1060" or "[::1]:1060".
void udp_socket_name(const struct udp *udp, size_t index, char text[ADDR_TEXT_BYTES]);

// Looks up a client's server: the first `capacity` addresses of `host`, a literal or a name, in the order to try them,
// each with `port` and the client's socket for its family; loopback for "any address". At least one on success. May wait
// for the DNS for seconds. MMS_E_HOST: no such host, or the DNS does not answer.
enum mms_err udp_resolve(const char *host, uint16_t port, struct addr *addrs, size_t capacity, size_t *count,
			 struct reason *why) MUST_CHECK;

// The same for a literal alone, one address, without waiting. False: `host` is none.
bool udp_resolve_literal(const char *host, uint16_t port, struct addr *addr);

#endif
