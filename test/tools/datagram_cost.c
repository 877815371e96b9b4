// SPDX-License-Identifier: ISC
// What a datagram costs its receiver, whatever it says, and what a call costs both ends: work for tools/datagram_cost to count under
// callgrind. usage: datagram_cost KIND COUNT. COUNT datagrams of one kind to a server's session with 60 deliveries unanswered; or, for
// "window", COUNT full windows of calls and answers each way.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/hostile_frames.h"
#include "crypto/crypto.h"
#include "proto/session.h"

enum { DELIVERY_BYTES = 100, ANSWER_BYTES = 1000, BLOCKS = 400 };

// What tools/datagram_cost counts; the rest prepares it.
__attribute__((noinline)) void cost_of_datagram(const uint8_t *datagram, size_t bytes);
__attribute__((noinline)) void cost_of_windows(long count);

struct end {
	struct session session;
	struct blocks blocks;
};

static struct end server;
static struct end device;
static struct noise_keys device_keys;
static const struct addr addr = {.family = ADDR_IPV4, .port = 1000, .ip = {10, 0, 0, 1}};
static struct mtime now = {1000 * 1000};
static uint64_t counter;

static void fill(void *context, void *target, size_t bytes)
{
	(void)context;
	memset(target, 7, bytes);
}

static const struct rng rng = {fill, NULL};

static void must(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "datagram_cost: %s\n", what);
	exit(1);
}

static void begin(struct end *end, const struct noise_keys *keys, bool is_server)
{
	const struct session_birth birth = {
		.keys = keys,
		.local_index = 1,
		.remote_index = 1,
		.is_server = is_server,
		.addr = addr,
		.is_addr_proved = true,
	};
	const struct blocks_part part = blocks_of_one(BLOCKS, BLOCKS);
	void *memory = malloc(blocks_memory_bytes(&part, 1, 1));
	must(memory != NULL, "no memory");
	blocks_init(&end->blocks, memory, &part, 1, 1);
	session_init(&end->session, &end->blocks, &birth, now);
	callee_open_gate(&end->session.callee);
}

static void open_calls(struct end *end, uint32_t count)
{
	static const uint8_t body[DELIVERY_BYTES];
	for (uint32_t i = 0; i < count; i++)
		must(caller_open(&end->session.caller, &end->blocks, 3, body, sizeof body, i) == MMS_OK, "no room for a call");
}

// Lets a session do what is due: what it is asked it answers at once, what it has to send goes to `to`, or nowhere.
static void turn(struct end *end, struct end *to, size_t answer_bytes)
{
	static const uint8_t body[ANSWER_BYTES];
	struct session_event event;
	struct session_out out;
	while (session_poll(&end->session, &end->blocks, now, &event))
		if (event.type == SESSION_CALL)
			must(callee_answer(&end->session.callee, &end->blocks, event.number, 1, body, answer_bytes, now) == MMS_OK,
			     "no room for an answer");
	while (session_send(&end->session, &end->blocks, now, &out))
		if (to != NULL)
			must(session_recv(&to->session, &to->blocks, &addr, out.datagram[0], out.bytes, now, &rng) == MMS_OK,
			     "a datagram was refused");
}

// Full windows both ways.
void cost_of_windows(long count)
{
	for (long i = 0; i < count; i++) {
		open_calls(&device, CALL_WINDOW);
		open_calls(&server, CALL_WINDOW);
		while (caller_room(&device.session.caller) + caller_room(&server.session.caller) <
		       2 * CALL_WINDOW) {
			now = mtime_add_ms(now, 10);
			session_tick(&device.session, now);
			turn(&device, &server, 0);
			now = mtime_add_ms(now, 10);
			session_tick(&server.session, now);
			turn(&server, &device, 0);
		}
	}
}

// --- a hostile device ---

static size_t seal(const struct writer *writer, uint8_t *datagram)
{
	wire_data_encode(1, counter, datagram);
	noise_seal(device_keys.send_key, counter, datagram, WIRE_DATA_HEADER_BYTES, writer->start, writer->used_bytes,
		   datagram + WIRE_DATA_HEADER_BYTES);
	counter++;
	return WIRE_DATA_HEADER_BYTES + writer->used_bytes + NOISE_TAG_BYTES;
}

void cost_of_datagram(const uint8_t *datagram, size_t bytes)
{
	must(session_recv(&server.session, &server.blocks, &addr, datagram, bytes, now, &rng) == MMS_OK,
	     "a datagram was refused");
	turn(&server, NULL, ANSWER_BYTES);
}

static struct writer begin_plain(uint8_t *plain)
{
	struct writer writer = writer_of(plain, WIRE_PLAIN_BYTES_MAX);
	memset(plain, 0, WIRE_PLAIN_BYTES_MAX);
	must(wire_state_write(&writer, &(struct wire_state){1, 1, 0}), "no room for the state");
	return writer;
}

static void run_hostile(const char *kind, long count)
{
	uint8_t plain[WIRE_PLAIN_BYTES_MAX];
	uint8_t datagram[WIRE_DATAGRAM_BYTES_MAX];
	open_calls(&server, HOSTILE_OPEN_CALLS);
	turn(&server, NULL, 0);
	for (uint32_t number = strcmp(kind, "held") == 0 ? 2 : 1; number <= CALL_WINDOW; number++) {
		struct writer writer = begin_plain(plain);
		must(wire_call_write(&writer, number, 9, NULL, 0), "no room for a call");
		const size_t bytes = seal(&writer, datagram);
		must(session_recv(&server.session, &server.blocks, &addr, datagram, bytes, now, &rng) == MMS_OK,
		     "a call was refused");
		turn(&server, NULL, ANSWER_BYTES);
	}
	for (long i = 0; i < count; i++) {
		struct writer writer = begin_plain(plain);
		for (uint32_t frame = 0; hostile_frame(&writer, kind, frame); frame++)
			continue;
		writer.used_bytes = WIRE_PLAIN_BYTES_MAX; // the rest is PADDING
		if (strcmp(kind, "jumps") == 0)
			counter += REPLAY_WINDOW - 2;
		now = mtime_add_ms(now, 1);
		cost_of_datagram(datagram, seal(&writer, datagram));
	}
}

int main(int argc, char **argv)
{
	must(argc == 3 && crypto_init() == MMS_OK, "usage: datagram_cost KIND COUNT");
	memset(&device_keys, 1, sizeof device_keys);
	begin(&server, &device_keys, true);
	begin(&device, &device_keys, false);
	if (strcmp(argv[1], "window") == 0)
		cost_of_windows(strtol(argv[2], NULL, 10));
	else
		run_hostile(argv[1], strtol(argv[2], NULL, 10));
	return 0;
}
