// SPDX-License-Identifier: ISC
// What the fuzzers share: bytes of the input as small numbers and spans, seeded randomness, a state to begin each
// execution from. A failed assert here or in the product is a find.
#ifndef MMS_TEST_FUZZ_H
#define MMS_TEST_FUZZ_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/bytes.h"
#include "base/rng.h"
#include "base/time.h"

// Called by libFuzzer: once, and for each input.
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

enum { FUZZ_OPS_MAX = 64 }; // steps of one execution

// The next byte of the input; 0 at its end.
static inline uint8_t take_u8(struct reader *input)
{
	uint8_t value = 0;
	(void)read_u8(input, &value);
	return value;
}

static inline uint32_t take_u32(struct reader *input)
{
	uint32_t value = 0;
	(void)read_u32(input, &value);
	return value;
}

// Up to `bytes_max` bytes of the input, behind a byte that says how many: from 240 on, eighty times what is above.
static inline size_t take_span(struct reader *input, const uint8_t **span, size_t bytes_max)
{
	const uint8_t told = take_u8(input);
	size_t bytes = told < 240 ? told : 240 + (told - 239U) * 80U;
	bytes = bytes < input->left_bytes ? bytes : input->left_bytes;
	bytes = bytes < bytes_max ? bytes : bytes_max;
	(void)read_span(input, span, bytes);
	return bytes;
}

// The next byte as a duration that crosses one kind of deadline or another.
static inline int64_t take_wait_us(struct reader *input)
{
	static const int64_t waits_ms[] = {0,    1,     20,    50,    100,    250,    1000,
					   3000, 10000, 20000, 61000, 100000, 181000, 3601000};
	return waits_ms[take_u8(input) % (sizeof waits_ms / sizeof *waits_ms)] * 1000;
}

// SplitMix64 (public domain).
static inline void seeded_fill(void *context, void *target, size_t bytes)
{
	uint64_t *state = context;
	uint8_t *at = target;
	while (bytes > 0) {
		uint64_t mixed = *state += 0x9e3779b97f4a7c15ULL;
		mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9ULL;
		mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebULL;
		mixed ^= mixed >> 31;
		const size_t taken = bytes < sizeof mixed ? bytes : sizeof mixed;
		memcpy(at, &mixed, taken);
		at += taken;
		bytes -= taken;
	}
}

static inline struct rng seeded_rng(uint64_t *state)
{
	return (struct rng){seeded_fill, state};
}

// 10.0.0.`host`, port 1000.
static inline struct addr addr_of(uint8_t host)
{
	return (struct addr){.family = ADDR_IPV4, .port = 1000, .ip = {10, 0, 0, host}};
}

static inline void *must_alloc(size_t bytes)
{
	void *memory = calloc(1, bytes);
	assert(memory != NULL);
	return memory;
}

// Memory as it was when the snapshot was taken, for the next execution.
struct snapshot {
	void *live;
	void *copy;
	size_t bytes;
};

static inline struct snapshot snapshot_take(void *live, size_t bytes)
{
	const struct snapshot snapshot = {live, must_alloc(bytes), bytes};
	memcpy(snapshot.copy, live, bytes);
	return snapshot;
}

static inline void snapshot_restore(const struct snapshot *snapshot)
{
	memcpy(snapshot->live, snapshot->copy, snapshot->bytes);
}

#endif
