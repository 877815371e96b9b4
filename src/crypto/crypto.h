// SPDX-License-Identifier: ISC
// The library made ready, and secrets in memory: compared and wiped. Layer: crypto, pure.
#ifndef MMS_CRYPTO_CRYPTO_H
#define MMS_CRYPTO_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

// Makes the library ready; to be called once before anything else of this layer. MMS_E_IO: it cannot.
enum mms_err crypto_init(void) MUST_CHECK;

// Compares in time that does not depend on the contents.
bool crypto_is_equal(const void *a, const void *b, size_t bytes);

// Overwrites memory in a way the compiler keeps.
void crypto_wipe(void *memory, size_t bytes);

#endif
