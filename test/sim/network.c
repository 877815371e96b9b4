// SPDX-License-Identifier: ISC
// The contract is in network.h.
#include "network.h"

#include <assert.h>
#include <string.h>

#include "device_host.h"
#include "proto/path.h"
#include "proto/wire.h"
#include "report.h"
#include "server_host.h"
#include "world.h"

enum { FLYING_MAX = 2048, RECORDS = 32, STRANGERS = 16, STRANGER_HOST = 200, FLOOD_MAX = 200 };

struct flying {
	struct mtime at;
	uint64_t order;
	struct addr from;
	struct addr to;
	uint16_t bytes;
	uint8_t datagram[WIRE_DATAGRAM_BYTES_MAX];
};

static struct {
	struct flying flying[FLYING_MAX];
	uint16_t heap[FLYING_MAX]; // places in `flying`, the earliest first; those beyond `count` are free
	uint32_t count;
	uint64_t order;
	uint64_t sent_count;
	uint64_t digest;
	uint32_t burst_left;
	struct flying record[RECORDS];
	uint32_t record_count;
	uint64_t stranger_sent[STRANGERS]; // bytes from each to the server
	uint64_t stranger_got[STRANGERS];
	struct mtime reflected_until[PROCESSES_MAX];
} network;

void network_begin(void)
{
	for (uint32_t i = 0; i < FLYING_MAX; i++)
		network.heap[i] = (uint16_t)i;
	network.count = 0;
	network.order = 0;
	network.sent_count = 0;
	network.digest = 0;
	network.burst_left = 0;
	network.record_count = 0;
	memset(network.stranger_sent, 0, sizeof network.stranger_sent);
	memset(network.stranger_got, 0, sizeof network.stranger_got);
	memset(network.reflected_until, 0, sizeof network.reflected_until);
}

struct addr network_addr(uint32_t host, uint16_t port)
{
	return (struct addr){.ip = {10, 0, (uint8_t)(host >> 8), (uint8_t)host}, .port = port, .family = ADDR_IPV4};
}

struct addr network_server(void)
{
	return (struct addr){.ip = {192, 0, 2, world.server_host}, .port = SERVER_PORT, .family = ADDR_IPV4};
}

bool network_is_stranger(const struct addr *addr)
{
	return addr->ip[0] == 10 && addr->ip[2] == 0 && addr->ip[3] >= STRANGER_HOST;
}

uint64_t network_digest(void)
{
	return network.digest;
}

uint64_t network_sent_count(void)
{
	return network.sent_count;
}

// --- on the way ---

static bool is_before(uint32_t a, uint32_t b)
{
	const struct flying *one = &network.flying[network.heap[a]];
	const struct flying *other = &network.flying[network.heap[b]];
	return one->at.us != other->at.us ? one->at.us < other->at.us : one->order < other->order;
}

static void swap(uint32_t a, uint32_t b)
{
	const uint16_t place = network.heap[a];
	network.heap[a] = network.heap[b];
	network.heap[b] = place;
}

static void launch(struct mtime at, const struct addr *from, const struct addr *to, const uint8_t *datagram, size_t bytes)
{
	if (network.count == FLYING_MAX)
		return; // as a router's queue would
	uint32_t place = network.count++;
	struct flying *flying = &network.flying[network.heap[place]];
	flying->at = at;
	flying->order = network.order++;
	flying->from = *from;
	flying->to = *to;
	flying->bytes = (uint16_t)bytes;
	memcpy(flying->datagram, datagram, bytes);
	for (; place > 0 && is_before(place, (place - 1) / 2); place = (place - 1) / 2)
		swap(place, (place - 1) / 2);
}

static const struct flying *land(void)
{
	const uint32_t last = --network.count;
	swap(0, last);
	for (uint32_t place = 0, child; (child = 2 * place + 1) < last; place = child) {
		if (child + 1 < last && is_before(child + 1, child))
			child++;
		if (!is_before(child, place))
			break;
		swap(place, child);
	}
	return &network.flying[network.heap[last]];
}

struct mtime network_next(void)
{
	return network.count == 0 ? MTIME_NEVER : network.flying[network.heap[0]].at;
}

// --- sending ---

static void record(const struct addr *from, const struct addr *to, const uint8_t *datagram, size_t bytes)
{
	const uint32_t place = network.record_count < RECORDS ? network.record_count++ : draw_below(&world.draw, RECORDS);
	struct flying *kept = &network.record[place];
	kept->from = *from;
	kept->to = *to;
	kept->bytes = (uint16_t)bytes;
	memcpy(kept->datagram, datagram, bytes);
}

static bool is_lost(bool is_up, const struct addr *device)
{
	const struct options *options = &world.options;
	const struct process *process = device_host_at(device);
	if (process != NULL && !mtime_is_due(process->cut_until[is_up], world.now))
		return true;
	if (network.burst_left > 0) {
		network.burst_left--;
		return true;
	}
	if (draw_chance(&world.draw, options->burst_loss))
		network.burst_left = 1 + draw_below(&world.draw, 60);
	return draw_chance(&world.draw, is_up ? options->up_loss : options->down_loss);
}

static struct mtime arrival(void)
{
	const struct options *options = &world.options;
	const int64_t delay_us = options->delay_ms_min * 1000LL +
				 draw_below(&world.draw, (options->delay_ms_max - options->delay_ms_min) * 1000 + 1);
	const bool is_late = world.is_faulty && draw_chance(&world.draw, options->straggling);
	return mtime_add_us(world.now, is_late ? delay_us + draw_below(&world.draw, 60000) * 1000LL : delay_us);
}

static void count_stranger(const struct addr *from, const struct addr *to, size_t bytes)
{
	if (network_is_stranger(from))
		network.stranger_sent[(from->ip[3] - STRANGER_HOST) % STRANGERS] += bytes;
	if (!network_is_stranger(to))
		return;
	const uint32_t who = (uint32_t)(to->ip[3] - STRANGER_HOST) % STRANGERS;
	network.stranger_got[who] += bytes;
	if (network.stranger_got[who] > PATH_AMPLIFICATION * network.stranger_sent[who])
		report_failure("an address that proved nothing sent %llu bytes and was sent %llu",
			       (unsigned long long)network.stranger_sent[who],
			       (unsigned long long)network.stranger_got[who]);
}

// A datagram with a fault in its bytes.
static void launch_spoiled(const struct addr *from, const struct addr *to, const uint8_t *datagram, size_t bytes)
{
	uint8_t spoiled[WIRE_DATAGRAM_BYTES_MAX];
	memcpy(spoiled, datagram, bytes);
	if (draw_chance(&world.draw, world.options.flipping))
		spoiled[draw_below(&world.draw, (uint32_t)bytes)] ^= (uint8_t)(1U << draw_below(&world.draw, 8));
	if (draw_chance(&world.draw, world.options.truncation))
		bytes = draw_below(&world.draw, (uint32_t)bytes + 1);
	launch(arrival(), from, to, spoiled, bytes);
}

static void trace_datagram(bool is_up, const struct addr *device, const uint8_t *datagram, size_t bytes)
{
	static const char *const types[] = {"nothing", "HELLO", "SERVERINFO", "INIT", "ACCEPT", "RETRY", "DATA", "UNKNOWN"};
	uint32_t index = 0;
	uint64_t counter = 0;
	const uint8_t type = bytes > 0 && datagram[0] < sizeof types / sizeof *types ? datagram[0] : 0;
	if (type == WIRE_DATA && wire_data_decode(datagram, bytes, &index, &counter) != MMS_OK)
		return;
	report_trace("%s %d.%d:%u  %s %zu bytes, session %08x, %llu", is_up ? "from" : "to  ", device->ip[2], device->ip[3],
		     device->port, types[type], bytes, index, (unsigned long long)counter);
}

static void note(const uint8_t *datagram, size_t bytes)
{
	uint64_t tail = bytes;
	memcpy(&tail, datagram + bytes - (bytes < 8 ? bytes : 8), bytes < 8 ? bytes : 8);
	network.digest = (network.digest ^ tail ^ (uint64_t)world.now.us) * 0x100000001b3;
}

// A process that aims the server at a stranger for a while: its INIT comes from there first and then from itself, which brings it the
// ACCEPT, and everything else as if from there. NULL: it does not.
static const struct addr *reflected(const struct addr *device, uint8_t type)
{
	static struct addr victim;
	const struct process *process = device_host_at(device);
	if (process == NULL)
		return NULL;
	const ptrdiff_t place = process - world.process;
	if (type == WIRE_INIT && draw_chance(&world.draw, world.options.reflections))
		network.reflected_until[place] = mtime_add_ms(world.now, 1000 + draw_below(&world.draw, 30000));
	if (mtime_is_due(network.reflected_until[place], world.now))
		return NULL;
	victim = network_addr(STRANGER_HOST + 1 + (uint32_t)place % (STRANGERS - 1), 7);
	return &victim;
}

void network_send(const struct addr *from, const struct addr *to, const uint8_t *datagram, size_t bytes)
{
	const bool is_up = to->port == SERVER_PORT && to->ip[0] == 192;
	count_stranger(from, to, bytes);
	network.sent_count++;
	note(datagram, bytes);
	trace_datagram(is_up, is_up ? from : to, datagram, bytes);
	if (!world.is_faulty) {
		launch(arrival(), from, to, datagram, bytes);
		return;
	}
	// Nobody hears what strangers are sent, or they could prove their addresses.
	if (world.options.replays > 0 && !network_is_stranger(to) && draw_chance(&world.draw, 300))
		record(from, to, datagram, bytes);
	const struct addr *victim = is_up && bytes > 0 ? reflected(from, datagram[0]) : NULL;
	if (victim != NULL) {
		count_stranger(victim, to, bytes);
		launch(world.now, victim, to, datagram, bytes);
		if (datagram[0] == WIRE_DATA)
			return;
	}
	for (uint32_t copies = 1 + draw_chance(&world.draw, world.options.duplication); copies > 0; copies--) {
		struct addr source = *from;
		if (is_lost(is_up, is_up ? from : to))
			continue;
		if (is_up && draw_chance(&world.draw, world.options.detours)) {
			source = network_addr(STRANGER_HOST, 7);
			count_stranger(&source, to, bytes);
		}
		launch_spoiled(&source, to, datagram, bytes);
	}
}

static struct addr stranger(void)
{
	return network_addr(STRANGER_HOST + draw_below(&world.draw, STRANGERS), 7);
}

void network_replay(void)
{
	if (network.record_count == 0)
		return;
	const struct flying *again = &network.record[draw_below(&world.draw, network.record_count)];
	const bool is_up = again->to.ip[0] == 192;
	struct addr from = again->from;
	struct addr to = again->to;
	if (is_up && draw_chance(&world.draw, 600))
		from = stranger();
	else if (is_up && draw_chance(&world.draw, 300))
		from = world.process[draw_below(&world.draw, PROCESSES_MAX)].addr;
	else if (!is_up)
		to = world.process[draw_below(&world.draw, PROCESSES_MAX)].addr;
	if (to.family == ADDR_NONE || from.family == ADDR_NONE)
		return;
	report_trace("a recorded datagram of %u bytes is sent again", again->bytes);
	if (again->bytes > 0 && again->datagram[0] == WIRE_INIT)
		report_sight(SIGHT_REPLAYED_INIT);
	count_stranger(&from, &to, again->bytes);
	launch(arrival(), &from, &to, again->datagram, again->bytes);
}

void network_flood(void)
{
	struct addr server = network_server();
	const uint32_t count = 1 + draw_below(&world.draw, FLOOD_MAX);
	report_trace("a flood of %u INIT begins", count);
	for (uint32_t i = 0; i < count; i++) {
		uint8_t random[3 * NOISE_KEY_BYTES];
		uint8_t payload[WIRE_INIT_PAYLOAD_BYTES];
		uint8_t message[WIRE_INIT_NOISE_BYTES];
		uint8_t datagram[WIRE_INIT_BYTES];
		struct keypair keys;
		struct noise_ik noise;
		const uint8_t prologue[4] = {'M', 'M', 'S', WIRE_VERSION};
		rng_fill(&world.rng, random, sizeof random);
		keypair_derive(&keys, random);
		wire_init_payload_encode(1 + i, payload);
		noise_ik_init_initiator(&noise, prologue, sizeof prologue, &keys, world.server.keys.public_key);
		if (noise_ik_create_1(&noise, random + 32, payload, sizeof payload, message) != MMS_OK)
			continue;
		wire_init_encode(random + 64, message, datagram);
		const struct addr from = stranger();
		network_send(&from, &server, datagram, sizeof datagram);
	}
}

// --- arriving ---

void network_deliver(void)
{
	while (network.count > 0 && mtime_is_due(network_next(), world.now)) {
		const struct flying flying = *land(); // its place may be taken by an answer
		if (flying.to.ip[0] == 192 && flying.to.ip[3] != world.server_host)
			continue; // nobody is there any more
		if (flying.to.ip[0] == 192)
			server_host_recv(&flying.from, flying.datagram, flying.bytes);
		else
			device_host_recv(&flying.to, &flying.from, flying.datagram, flying.bytes);
	}
}
