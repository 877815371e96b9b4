// SPDX-License-Identifier: ISC
// Instead of X25519, in the fuzzers alone: a public key is its secret, and what two keys share is their exclusive or.
// So a handshake costs microseconds; all of it but the curve is the product's. Zero counts as a point of low order.
#include <sodium.h>
#include <string.h>

int crypto_scalarmult_base(unsigned char *q, const unsigned char *n)
{
	memcpy(q, n, crypto_scalarmult_BYTES);
	return 0;
}

int crypto_scalarmult(unsigned char *q, const unsigned char *n, const unsigned char *p)
{
	unsigned char any_of_p = 0;
	unsigned char any_of_q = 0;
	for (size_t i = 0; i < crypto_scalarmult_BYTES; i++) {
		any_of_p |= p[i];
		q[i] = n[i] ^ p[i];
		any_of_q |= q[i];
	}
	return any_of_p != 0 && any_of_q != 0 ? 0 : -1;
}
