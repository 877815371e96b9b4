// SPDX-License-Identifier: ISC
// The system's random numbers; the contract is in random.h.
#include "os/random.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <sys/random.h>

static void fill(void *context, void *target, size_t bytes)
{
	uint8_t *at = target;
	(void)context;
	while (bytes > 0) {
		const ssize_t got = getrandom(at, bytes, 0);
		// Long requests and those at early boot may be cut short by a signal; nothing else can go wrong.
		assert(got > 0 || (got < 0 && errno == EINTR));
		if (got > 0) {
			at += got;
			bytes -= (size_t)got;
		}
	}
}

struct rng random_rng(void)
{
	return (struct rng){fill, NULL};
}
