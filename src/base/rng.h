// SPDX-License-Identifier: ISC
// Randomness as an argument, so that the same code runs from a seed in tests. Layer: base.
#ifndef MMS_BASE_RNG_H
#define MMS_BASE_RNG_H

#include <stddef.h>

struct rng {
	// Fills `target` with `bytes` unpredictable bytes; cannot fail.
	void (*fill)(void *context, void *target, size_t bytes);
	void *context;
};

static inline void rng_fill(const struct rng *rng, void *target, size_t bytes)
{
	rng->fill(rng->context, target, bytes);
}

#endif
