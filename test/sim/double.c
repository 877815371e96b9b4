// SPDX-License-Identifier: ISC
// Stands between crypto/ and libsodium in the simulator: watches that no (key, nonce) seals twice, lets a hostile device
// spoil what it seals, and puts a quick group in the place of X25519. The Noise code above it is the product's.
#include "double.h"

#include <sodium.h>
#include <string.h>

#include "proto/wire.h"
#include "report.h"

// Linker wraps: __real_ names are libsodium's own.
int __real_crypto_aead_chacha20poly1305_ietf_encrypt(unsigned char *c, unsigned long long *clen, const unsigned char *m,
						     unsigned long long mlen, const unsigned char *ad,
						     unsigned long long adlen, const unsigned char *nsec,
						     const unsigned char *npub, const unsigned char *k);
int __wrap_crypto_aead_chacha20poly1305_ietf_encrypt(unsigned char *c, unsigned long long *clen, const unsigned char *m,
						     unsigned long long mlen, const unsigned char *ad,
						     unsigned long long adlen, const unsigned char *nsec,
						     const unsigned char *npub, const unsigned char *k);
int __real_crypto_scalarmult(unsigned char *q, const unsigned char *n, const unsigned char *p);
int __wrap_crypto_scalarmult(unsigned char *q, const unsigned char *n, const unsigned char *p);
int __real_crypto_scalarmult_base(unsigned char *q, const unsigned char *n);
int __wrap_crypto_scalarmult_base(unsigned char *q, const unsigned char *n);

enum { SEALED_SLOTS = 1 << 15 };

static struct {
	uint64_t slot[SEALED_SLOTS]; // of each (key, nonce) used in this run; 0: free
	uint32_t used[SEALED_SLOTS / 2];
	uint32_t used_count;
	bool is_real;
	struct draw *spoiler;
	uint32_t base; // to be said; 0: the true one
	uint64_t curve_count;
} state;

void double_begin(bool is_real)
{
	for (uint32_t i = 0; i < state.used_count; i++)
		state.slot[state.used[i]] = 0;
	state.used_count = 0;
	state.is_real = is_real;
	state.spoiler = NULL;
	state.base = 0;
}

uint64_t double_curve_count(void)
{
	return state.curve_count;
}

void double_spoil(struct draw *draw)
{
	state.spoiler = draw;
}

void double_say_base(uint32_t base)
{
	state.base = base;
}

static uint64_t mix(uint64_t z)
{
	z = (z ^ z >> 33) * 0xff51afd7ed558ccd;
	z = (z ^ z >> 33) * 0xc4ceb9fe1a85ec53;
	return z ^ z >> 33;
}

// Keys are uniform, so a few of their bytes name them.
static void note_sealed(const unsigned char *nonce, const unsigned char *key)
{
	uint64_t key_head;
	uint64_t key_tail;
	uint64_t counter;
	memcpy(&key_head, key, 8);
	memcpy(&key_tail, key + 24, 8);
	memcpy(&counter, nonce + 4, 8);
	const uint64_t tag = (mix(key_head + mix(counter)) ^ key_tail) | 1;
	uint32_t at = (uint32_t)(mix(tag) % SEALED_SLOTS);
	for (; state.slot[at] != 0; at = (at + 1) % SEALED_SLOTS)
		if (state.slot[at] == tag)
			report_failure("a key sealed twice with the nonce %llu", (unsigned long long)counter);
	if (state.used_count == SEALED_SLOTS / 2)
		return; // a run of this length has shown enough
	state.slot[at] = tag;
	state.used[state.used_count++] = at;
}

// Frames that answer whole windows of calls: some were made, most never were.
static void answer_nothing(struct draw *draw, unsigned char *plain, size_t bytes)
{
	struct writer writer = writer_of(plain + WIRE_STATE_BYTES, bytes - WIRE_STATE_BYTES);
	uint32_t first = 1 + draw_below(draw, 4) * draw_below(draw, 200);
	while (wire_answer_write(&writer, first, CALL_WINDOW, (uint8_t)draw_below(draw, 9), NULL, 0))
		first += draw_below(draw, CALL_WINDOW);
	memset(plain + WIRE_STATE_BYTES + writer.used_bytes, 0, bytes - WIRE_STATE_BYTES - writer.used_bytes);
	report_sight(SIGHT_ANSWERS_TO_NOTHING);
}

// What a hostile device writes in place of honest frames: any byte, and numbers at the ends of their range.
static void spoil(unsigned char *plain, size_t bytes)
{
	static const uint8_t edge[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
	struct draw *draw = state.spoiler;
	switch (draw_below(draw, 5)) {
	case 0:
		for (uint32_t i = 0; i < 1 + draw_below(draw, 4); i++)
			plain[draw_below(draw, (uint32_t)bytes)] = (uint8_t)draw_below(draw, 256);
		break;
	case 1: { // a field of four bytes: a number of a call, BASE, NEXT
		const size_t at = draw_below(draw, (uint32_t)(bytes < 24 ? bytes : 24));
		memset(plain + at, edge[draw_below(draw, sizeof edge)], bytes - at < 4 ? bytes - at : 4);
		break;
	}
	case 2: // the number of the first call
		if (bytes > 21)
			memset(plain + 17, edge[draw_below(draw, sizeof edge)], 4);
		break;
	case 3:
		answer_nothing(draw, plain, bytes);
		break;
	default:
		break;
	}
}

int __wrap_crypto_aead_chacha20poly1305_ietf_encrypt(unsigned char *c, unsigned long long *clen, const unsigned char *m,
						     unsigned long long mlen, const unsigned char *ad,
						     unsigned long long adlen, const unsigned char *nsec,
						     const unsigned char *npub, const unsigned char *k)
{
	unsigned char spoiled[2048];
	note_sealed(npub, k);
	// DATA alone: what is spoilt in a handshake is another device's key, and nobody's here.
	if ((state.spoiler != NULL || state.base != 0) && adlen == WIRE_DATA_HEADER_BYTES && mlen >= WIRE_STATE_BYTES &&
	    mlen <= sizeof spoiled) {
		memcpy(spoiled, m, mlen);
		for (int i = 0; state.base != 0 && i < 4; i++)
			spoiled[i] = (unsigned char)(state.base >> 8 * (3 - i));
		if (state.spoiler != NULL)
			spoil(spoiled, mlen);
		m = spoiled;
	}
	return __real_crypto_aead_chacha20poly1305_ietf_encrypt(c, clen, m, mlen, ad, adlen, nsec, npub, k);
}

// The multiplicative group of the integers modulo the prime 2^61 - 1: commutative as X25519 is, and safe from nobody.
static const uint64_t prime = (1ULL << 61) - 1;

static uint64_t multiply(uint64_t a, uint64_t b)
{
	__extension__ typedef unsigned __int128 wide;
	const wide product = (wide)a * b;
	const uint64_t folded = (uint64_t)(product & prime) + (uint64_t)(product >> 61);
	return folded >= prime ? folded - prime : folded;
}

static uint64_t power(uint64_t base, const unsigned char *exponent)
{
	uint64_t bits;
	uint64_t result = 1;
	memcpy(&bits, exponent, sizeof bits);
	for (bits = bits % (prime - 1) | 1; bits != 0; bits >>= 1) {
		if ((bits & 1) != 0)
			result = multiply(result, base);
		base = multiply(base, base);
	}
	return result;
}

static void spread(uint64_t element, unsigned char *q)
{
	memcpy(q, &element, 8);
	for (int i = 1; i < 4; i++) {
		const uint64_t more = mix(element + (uint64_t)i);
		memcpy(q + 8 * i, &more, 8);
	}
}

int __wrap_crypto_scalarmult_base(unsigned char *q, const unsigned char *n)
{
	if (state.is_real)
		return __real_crypto_scalarmult_base(q, n);
	spread(power(7, n), q);
	return 0;
}

int __wrap_crypto_scalarmult(unsigned char *q, const unsigned char *n, const unsigned char *p)
{
	uint64_t element;
	state.curve_count++;
	if (state.is_real)
		return __real_crypto_scalarmult(q, n, p);
	memcpy(&element, p, 8);
	element %= prime;
	if (element == 0)
		return -1;
	spread(power(element, n), q);
	return 0;
}
