// SPDX-License-Identifier: ISC
// The system's random numbers, as the argument that pure code wants. Layer: os. Any thread may use it.
#ifndef MMS_OS_RANDOM_H
#define MMS_OS_RANDOM_H

#include "base/rng.h"

// A source over getrandom(2) that needs no context and no closing. It waits for the kernel's pool at early boot and
// cannot fail afterwards.
struct rng random_rng(void);

#endif
