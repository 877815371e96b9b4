// SPDX-License-Identifier: ISC
// Where a server is, as people write it: HOST, HOST:PORT, [::1] or [::1]:PORT, each with #FINGERPRINT to pin the
// server's key beforehand. Layer: cmd, pure but for the environment.
#ifndef MMS_CMD_SERVER_ADDRESS_H
#define MMS_CMD_SERVER_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "crypto/hash.h"

enum { SERVER_PORT_DEFAULT = 1060, SERVER_HOST_BYTES = 256 };

struct server_address {
	char host[SERVER_HOST_BYTES]; // a name or an IP address without brackets, ended by a zero byte; never empty
	uint16_t port;                // 1 to 65535
	bool has_fingerprint;
	struct fingerprint fingerprint; // of the server's key
};

// Reads an address; without :PORT the port is `port`, or SERVER_PORT_DEFAULT when that is 0. MMS_E_BAD: not an address,
// or another port than `port` is in it; `why` says what to write, and `address` is unchanged.
enum mms_err server_address_parse(struct server_address *address, const char *text, uint16_t port,
				  struct reason *why) MUST_CHECK;

// The server of a command: `given`, else MMS_SERVER, else 127.0.0.1, read as by server_address_parse. A `port` that is
// not 0 goes before the one in MMS_SERVER, since an option goes before the environment.
enum mms_err server_address_choose(struct server_address *address, const char *given, uint16_t port,
				   struct reason *why) MUST_CHECK;

#endif
