// SPDX-License-Identifier: ISC
// What the bookkeeping of a call costs at a full window, without sealing and without a socket: work for tools/call_cost to time, and
// to count under callgrind. usage: call_cost bare|shared COUNT. COUNT windows of 64 calls of 100 bytes, answered with an empty body
// or all with the same 25 bytes. Prints nanoseconds a call for the side that calls and for the side that is called.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proto/callee.h"
#include "proto/caller.h"

enum { CALL_BYTES = 100, ANSWER_BYTES = 25, BLOCKS = 3 * CALL_WINDOW, DATAGRAMS_MAX = 32 };

// A datagram's frames and its state of the calls.
struct letter {
	uint8_t plain[CALL_FRAMES_BYTES_MAX];
	size_t bytes;
	struct wire_state state;
};

static struct caller caller;
static struct callee callee;
static struct blocks caller_blocks;
static struct blocks callee_blocks;
static struct letter letter[DATAGRAMS_MAX];
static uint32_t letter_count;
static uint64_t counter;
static struct mtime now = {1000 * 1000};
static size_t answer_bytes;

// What tools/call_cost counts: all that each side does for a window.
__attribute__((noinline)) void caller_side_sends(void);
__attribute__((noinline)) void callee_side(void);
__attribute__((noinline)) void caller_side_hears(void);

static void must(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "call_cost: %s\n", what);
	exit(1);
}

static void begin(struct blocks *blocks)
{
	const struct blocks_part part = blocks_of_one(BLOCKS, BLOCKS);
	void *memory = malloc(blocks_memory_bytes(&part, 1, 1));
	must(memory != NULL, "no memory");
	blocks_init(blocks, memory, &part, 1, 1);
}

static struct writer next_letter(void)
{
	must(letter_count < DATAGRAMS_MAX, "too many datagrams");
	return writer_of(letter[letter_count].plain, CALL_FRAMES_BYTES_MAX);
}

static void end_letter(const struct writer *writer)
{
	letter[letter_count].state = (struct wire_state){caller_base(&caller), callee.next, callee_marks(&callee)};
	letter[letter_count++].bytes = writer->used_bytes;
}

void caller_side_sends(void)
{
	static const uint8_t body[CALL_BYTES];
	for (uint64_t i = 0; i < CALL_WINDOW; i++)
		must(caller_open(&caller, &caller_blocks, 3, body, sizeof body, i) == MMS_OK, "no room for a call");
	letter_count = 0;
	while (caller_has_work(&caller, &caller_blocks)) {
		struct writer writer = next_letter();
		must(caller_write(&caller, &caller_blocks, &writer, counter++, now) > 0, "nothing was written");
		end_letter(&writer);
	}
}

void callee_side(void)
{
	static const uint8_t body[ANSWER_BYTES];
	bool is_twice = false;
	uint32_t handle;
	for (uint32_t i = 0; i < letter_count; i++) {
		struct reader reader = reader_of(letter[i].plain, letter[i].bytes);
		struct wire_frame_view frame;
		callee_recv_base(&callee, &callee_blocks, letter[i].state.base);
		while (reader.left_bytes > 0) {
			must(wire_frame_read(&reader, &frame) == MMS_OK, "a frame was refused");
			must(callee_recv_call(&callee, &callee_blocks, &frame, false) == CALLEE_NEW, "a call was refused");
		}
	}
	while ((handle = callee_poll(&callee, now)) != 0)
		must(callee_answer(&callee, &callee_blocks, blocks_get(&callee_blocks, handle)->number, 1, body, answer_bytes,
				   now) == MMS_OK,
		     "no room for an answer");
	letter_count = 0;
	while (callee.due != 0) {
		struct writer writer = next_letter();
		must(callee_write(&callee, &callee_blocks, &writer, &is_twice) > 0, "nothing was written");
		end_letter(&writer);
	}
}

void caller_side_hears(void)
{
	uint32_t handle;
	for (uint32_t i = 0; i < letter_count; i++) {
		struct reader reader = reader_of(letter[i].plain, letter[i].bytes);
		struct wire_frame_view frame;
		caller_recv_state(&caller, &caller_blocks, letter[i].state.next, letter[i].state.marks, now);
		while (reader.left_bytes > 0) {
			must(wire_frame_read(&reader, &frame) == MMS_OK, "a frame was refused");
			caller_recv_answer(&caller, &caller_blocks, frame.number, frame.count, frame.status, frame.body,
					   frame.body_bytes, now);
		}
		caller_recv_end(&caller, &caller_blocks, now);
	}
	while ((handle = caller_poll(&caller, &caller_blocks)) != 0)
		blocks_give(&caller_blocks, handle);
}

static int64_t clock_ns(void)
{
	struct timespec at;
	clock_gettime(CLOCK_MONOTONIC, &at);
	return (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
}

int main(int argc, char **argv)
{
	int64_t caller_ns = 0;
	int64_t callee_ns = 0;
	must(argc == 3, "usage: bare|shared COUNT");
	answer_bytes = strcmp(argv[1], "shared") == 0 ? ANSWER_BYTES : 0;
	const long count = strtol(argv[2], NULL, 10);
	must(count > 0, "usage: bare|shared COUNT");
	begin(&caller_blocks);
	begin(&callee_blocks);
	caller_init(&caller, 0);
	callee_init(&callee, CALLEE_GATE_OPEN, 0);
	for (long i = 0; i < count; i++) {
		const int64_t sends_at = clock_ns();
		caller_side_sends();
		const int64_t called_at = clock_ns();
		callee_side();
		now = mtime_add_ms(now, 10);
		const int64_t hears_at = clock_ns();
		caller_side_hears();
		caller_ns += called_at - sends_at + clock_ns() - hears_at;
		callee_ns += hears_at - called_at;
	}
	must(caller_room(&caller) == CALL_WINDOW, "calls are left");
	printf("%.1f %.1f\n", (double)caller_ns / (double)count / CALL_WINDOW, (double)callee_ns / (double)count / CALL_WINDOW);
	return 0;
}
