// SPDX-License-Identifier: ISC
// Small helpers over libsodium; the contract is in crypto.h.
#include "crypto/crypto.h"

#include <sodium.h>

enum mms_err crypto_init(void)
{
	return sodium_init() < 0 ? MMS_E_IO : MMS_OK;
}

bool crypto_is_equal(const void *a, const void *b, size_t bytes)
{
	return sodium_memcmp(a, b, bytes) == 0;
}

void crypto_wipe(void *memory, size_t bytes)
{
	sodium_memzero(memory, bytes);
}
