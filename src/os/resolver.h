// SPDX-License-Identifier: ISC
// Looks up a client's server without waiting: a name goes to a thread of its own, and what it found comes through a pipe.
// Layer: os. A zeroed struct is closed.
//
// The thread owns all it works on, and the pipe is all it shares: nothing can race. It cannot be ended while the system's
// resolver waits for a name server; when the struct is closed before, or the process ends, its result goes nowhere.
#ifndef MMS_OS_RESOLVER_H
#define MMS_OS_RESOLVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"

enum { RESOLVER_ADDRS_MAX = 4, RESOLVER_HOST_BYTES = 256 };

struct resolver_result {
	enum mms_err err; // MMS_OK, or as udp_resolve
	struct addr addr[RESOLVER_ADDRS_MAX];
	size_t addr_count;
	struct reason why; // unless MMS_OK
};

struct resolver {
	int fd; // to poll for reading, while is_open
	int writer;
	bool is_open;
	struct resolver_result result; // of a literal, which needs no thread
	bool has_result;
};

// Opens the pipe. MMS_E_IO: there is none to be had. On error the struct is closed.
enum mms_err resolver_open(struct resolver *resolver, struct reason *why) MUST_CHECK;

// Begins to look up `host`, less than RESOLVER_HOST_BYTES bytes, a literal or a name; resolver_take gives what came of it, of a
// literal at once. Where no thread is to be had, that is the result. Must: open, and the result of the one before was taken;
// SIGPIPE is ignored (signals_open).
void resolver_ask(struct resolver *resolver, const char *host, uint16_t port);

// Takes a result that has come. False: none yet.
bool resolver_take(struct resolver *resolver, struct resolver_result *result);

// Closes it, whatever is on its way. Closed: nothing happens.
void resolver_close(struct resolver *resolver);

#endif
