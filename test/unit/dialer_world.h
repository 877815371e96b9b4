// SPDX-License-Identifier: ISC
// A listener and up to three dialers with owners, joined in memory by a bad network in virtual time. The owners do what
// messaging does: sign in on every session that comes up, submit again what has no verdict, answer every call.
#ifndef MMS_TEST_DIALER_WORLD_H
#define MMS_TEST_DIALER_WORLD_H

#include "proto_world.h"

#include "proto/dialer.h"
#include "proto/listener.h"

enum { DEVICES = 3, FLYING_MAX = 8192, MESSAGES_MAX = 20000, SLOTS = 8, SERVER_HOST = 1, NO_SLOT = 99 };
enum { KIND_SIGNIN = 1, KIND_SUBMIT = 3, KIND_SIGNOUT = 4, KIND_DELIVER = 16 };

struct flying {
	struct mtime at;
	uint16_t from_host;
	uint16_t to_host;
	size_t bytes;
	uint8_t datagram[WIRE_DATAGRAM_BYTES_MAX];
};

struct device {
	struct dialer dialer;
	void *memory;
	struct keypair keypair;
	uint16_t host;
	uint32_t present;   // slot signed in on, or NO_SLOT
	uint32_t submitted; // of the present session: messages up to here were called
	uint32_t message_count;
	uint32_t accepted_count;
	bool accepted[MESSAGES_MAX + 1];
	struct mtime pinged_at;
	bool is_silent; // its owner makes no pings

	uint32_t up_count;
	uint32_t ended_count;
	uint32_t key_count;
	uint32_t changed_count;
	uint32_t refused_count;
	uint32_t delivered_count; // calls of the server executed
};

struct world {
	struct seeded seeded;
	struct rng rng;
	struct mtime now;
	uint32_t loss_percent;
	int64_t jitter_us;
	bool is_cut;
	uint16_t deaf_host; // what is sent to it is lost
	uint64_t sent_to_deaf_bytes;
	uint64_t recv_from_deaf_bytes;
	uint32_t init_count;
	uint32_t unknown_count;
	uint32_t challenge_lost_count;
	struct flying *flying;
	uint32_t flying_count;
	uint64_t still_count;

	struct listener listener;
	void *memory;
	struct listener_config config;
	struct keypair server;
	bool refuses;
	uint32_t defer_count; // so many starts of calls after SIGNIN are put off
	int64_t defer_ms;     // for so long
	uint32_t slot_device[SLOTS]; // by slot: which device signed in, plus 1
	bool is_slot_live[SLOTS];
	bool is_slot_silent[SLOTS];
	uint32_t room[SLOTS]; // as the last answer had it
	uint32_t listener_ended_count;
	uint32_t delivery_answered_count;

	struct device device[DEVICES];
	uint32_t device_count;
};

static struct world world;

static inline void make_pair(struct keypair *keypair)
{
	uint8_t secret[NOISE_KEY_BYTES];
	rng_fill(&world.rng, secret, sizeof secret);
	keypair_derive(keypair, secret);
}

// A server from nothing: with the same key it is a restart.
static inline void start_listener(void)
{
	world.config = listener_config_default();
	world.config.sessions_max = SLOTS;
	world.config.half_open_max = 16;
	world.config.prefixes_max = 64;
	world.config.blocks_small_max = 2000;
	world.config.blocks_large_max = 500;
	world.memory = must_alloc(listener_memory_bytes(&world.config));
	memset(world.slot_device, 0, sizeof world.slot_device);
	memset(world.is_slot_live, 0, sizeof world.is_slot_live);
	memset(world.is_slot_silent, 0, sizeof world.is_slot_silent);
	listener_init(&world.listener, &world.config, world.memory, &world.server, &world.rng, world.now);
}

static inline uint32_t listener_blocks(void)
{
	return blocks_used_count(&world.listener.blocks);
}

static inline void stop_listener(void)
{
	listener_clear(&world.listener);
	assert_int_equal(listener_blocks(), 0);
	free(world.memory);
}

static inline void begin(uint64_t seed, uint32_t device_count)
{
	memset(&world, 0, sizeof world);
	world.seeded.state = seed;
	world.rng = seeded_rng(&world.seeded);
	world.now = at_ms(1000);
	world.flying = must_alloc(FLYING_MAX * sizeof *world.flying);
	world.device_count = device_count;
	make_pair(&world.server);
	start_listener();
	for (uint16_t i = 0; i < device_count; i++) {
		struct device *device = &world.device[i];
		const struct addr server = addr_of(SERVER_HOST);
		device->host = (uint16_t)(100 + i);
		device->present = NO_SLOT;
		device->memory = must_alloc(dialer_memory_bytes());
		make_pair(&device->keypair);
		dialer_init(&device->dialer, &server, 1, device->memory, &world.rng, world.now);
	}
}

static inline void finish(void)
{
	for (uint32_t i = 0; i < world.device_count; i++) {
		struct device *device = &world.device[i];
		dialer_clear(&device->dialer);
		assert_int_equal(blocks_used_count(&device->dialer.blocks), 0);
		free(device->memory);
	}
	stop_listener();
	free(world.flying);
}

static inline void launch(uint16_t from_host, uint16_t to_host, const uint8_t *datagram, size_t bytes)
{
	world.init_count += datagram[0] == WIRE_INIT;
	world.unknown_count += datagram[0] == WIRE_UNKNOWN;
	if (to_host == world.deaf_host)
		world.sent_to_deaf_bytes += bytes;
	if (world.is_cut || to_host == world.deaf_host || seeded_chance(&world.seeded, world.loss_percent) ||
	    world.flying_count == FLYING_MAX)
		return;
	struct flying *flying = &world.flying[world.flying_count++];
	const int64_t jitter = world.jitter_us > 0 ? seeded_below(&world.seeded, (uint32_t)world.jitter_us) : 0;
	*flying = (struct flying){mtime_add_us(world.now, 10000 + jitter), from_host, to_host, bytes, {0}};
	memcpy(flying->datagram, datagram, bytes);
}

static inline void submit_what_fits(struct device *device)
{
	while (device->present != NO_SLOT && device->submitted < device->message_count) {
		const uint32_t message = device->submitted + 1;
		if (!device->accepted[message] && dialer_call(&device->dialer, device->present, KIND_SUBMIT, &message,
							      sizeof message, message) != MMS_OK)
			return;
		device->submitted = message;
	}
}

static inline void on_dialer_answer(struct device *device, const struct dialer_event *event)
{
	if (event->call.kind == KIND_SIGNIN && event->call.status == 1) {
		dialer_prefer(&device->dialer, event->slot, world.now);
		device->present = event->slot;
		device->submitted = 0;
	} else if (event->call.kind == KIND_SIGNIN) {
		device->refused_count++;
		dialer_stop(&device->dialer);
	} else if (event->call.kind == KIND_SUBMIT && event->call.tag != 0 && !device->accepted[event->call.tag]) {
		assert_int_equal(event->call.status, 4);
		device->accepted[event->call.tag] = true;
		device->accepted_count++;
	}
}

static inline void on_dialer_event(struct device *device, const struct dialer_event *event)
{
	switch (event->type) {
	case DIALER_SERVER_KEY:
		device->key_count++;
		dialer_dial(&device->dialer, &device->keypair, event->key, world.now);
		break;
	case DIALER_KEY_CHANGED:
	case DIALER_NO_VERSION:
		device->changed_count++;
		device->present = NO_SLOT;
		break;
	case DIALER_SESSION_UP:
		device->up_count++;
		assert_int_equal(dialer_call(&device->dialer, event->slot, KIND_SIGNIN, "hi", 2, 0), MMS_OK);
		break;
	case DIALER_CALL:
		device->delivered_count++;
		dialer_answer(&device->dialer, event->slot, event->call.number, 1, NULL, 0, world.now);
		break;
	case DIALER_ANSWER:
		on_dialer_answer(device, event);
		break;
	case DIALER_ENDED:
		device->ended_count++;
		if (event->slot == device->present)
			device->present = NO_SLOT;
		break;
	}
}

static inline void pump_device(struct device *device)
{
	struct dialer_event event;
	struct session_out out;
	while (dialer_poll(&device->dialer, world.now, &event))
		on_dialer_event(device, &event);
	if (!device->is_silent && mtime_diff_us(world.now, device->pinged_at) >= 8 * 1000 * 1000 &&
	    device->present != NO_SLOT && dialer_call(&device->dialer, device->present, 5, NULL, 0, 0) == MMS_OK)
		device->pinged_at = world.now;
	submit_what_fits(device);
	for (int sent = 0; dialer_send(&device->dialer, world.now, &out); sent++) {
		assert_true(sent < 500);
		for (size_t i = 0; i < out.count; i++) {
			if (device->host == world.deaf_host)
				world.recv_from_deaf_bytes += out.bytes;
			launch(device->host, SERVER_HOST, out.datagram[i], out.bytes);
		}
	}
}

static inline void on_listener_call(const struct listener_event *event)
{
	const uint32_t slot = event->slot;
	assert_int_equal(event->peer_key != NULL && event->handshake_hash != NULL, world.slot_device[slot] == 0);
	if (event->call.kind != KIND_SIGNIN) {
		assert_int_not_equal(world.slot_device[slot], 0); // the gate
		if (world.defer_count > 0) {
			world.defer_count--;
			listener_defer(&world.listener, slot, mtime_add_ms(world.now, world.defer_ms));
			return;
		}
		listener_answer(&world.listener, slot, event->call.number, event->call.kind == KIND_SUBMIT ? 4 : 1,
				NULL, 0, world.now);
		if (event->call.kind == KIND_SIGNOUT)
			listener_close(&world.listener, slot, true, world.now);
		return;
	}
	listener_answer(&world.listener, slot, event->call.number, world.refuses ? 3 : 1, NULL, 0, world.now);
	if (world.refuses) {
		listener_close(&world.listener, slot, true, world.now);
		return;
	}
	for (uint32_t i = 0; i < world.device_count; i++)
		if (memcmp(event->peer_key, world.device[i].keypair.public_key, NOISE_KEY_BYTES) == 0)
			world.slot_device[slot] = i + 1;
	listener_signed_in(&world.listener, slot, 1 + world.slot_device[slot]);
}

static inline void pump_listener(void)
{
	struct listener_event event;
	struct session_out out;
	while (listener_poll(&world.listener, world.now, &event)) {
		assert_true(event.slot < SLOTS);
		if (event.type == LISTENER_CALL) {
			world.is_slot_live[event.slot] = true;
			on_listener_call(&event);
		} else if (event.type == LISTENER_ANSWER) {
			assert_true(world.is_slot_live[event.slot]);
			world.delivery_answered_count++;
			world.room[event.slot] = event.room;
		} else if (event.type == LISTENER_SILENT || event.type == LISTENER_HEARD) {
			assert_true(world.is_slot_live[event.slot] && world.slot_device[event.slot] != 0);
			assert_int_equal(world.is_slot_silent[event.slot], event.type == LISTENER_HEARD);
			world.is_slot_silent[event.slot] = event.type == LISTENER_SILENT;
		} else {
			world.is_slot_live[event.slot] = false;
			world.is_slot_silent[event.slot] = false;
			world.slot_device[event.slot] = 0;
			world.listener_ended_count++;
		}
	}
	for (int sent = 0; listener_send(&world.listener, world.now, &out); sent++) {
		assert_true(sent < 2000);
		const uint16_t host = (uint16_t)(out.addr.ip[2] << 8 | out.addr.ip[3]);
		for (size_t i = 0; i < out.count; i++)
			launch(SERVER_HOST, host, out.datagram[i], out.bytes);
	}
}

// Makes a call to each session that a device is signed in on.
static inline void deliver_to_all(size_t body_bytes)
{
	static const uint8_t body[WIRE_CALL_BODY_BYTES_MAX];
	for (uint32_t slot = 0; slot < SLOTS; slot++)
		if (world.slot_device[slot] != 0)
			(void)!listener_call(&world.listener, slot, KIND_DELIVER, body, body_bytes, 7);
}

static inline void arrive(const struct flying *flying)
{
	uint8_t reply[WIRE_DATAGRAM_BYTES_MAX];
	const struct addr from = addr_of(flying->from_host);
	if (flying->to_host == SERVER_HOST) {
		const size_t bytes =
			listener_recv(&world.listener, &from, flying->datagram, flying->bytes, world.now, reply);
		assert_true(bytes <= flying->bytes);
		if (bytes > 0)
			launch(SERVER_HOST, flying->from_host, reply, bytes);
		return;
	}
	for (uint32_t i = 0; i < world.device_count; i++)
		if (world.device[i].host == flying->to_host)
			dialer_recv(&world.device[i].dialer, &from, flying->datagram, flying->bytes, world.now);
}

static inline void pump_all(void)
{
	pump_listener();
	for (uint32_t i = 0; i < world.device_count; i++)
		pump_device(&world.device[i]);
}

// To the next thing that is due, at most `until`. Something that stays due for ever is a failure.
static inline void step(struct mtime until)
{
	struct mtime next = mtime_min(until, listener_deadline(&world.listener));
	for (uint32_t i = 0; i < world.flying_count; i++)
		next = mtime_min(next, world.flying[i].at);
	for (uint32_t i = 0; i < world.device_count; i++)
		next = mtime_min(next, dialer_deadline(&world.device[i].dialer, world.now));
	if (next.us > world.now.us) {
		world.now = next;
		world.still_count = 0;
	} else if (++world.still_count > 50) {
		fail_msg("time stands still");
	}
	for (uint32_t i = 0; i < world.flying_count;) {
		if (!mtime_is_due(world.flying[i].at, world.now)) {
			i++;
			continue;
		}
		const struct flying flying = world.flying[i];
		world.flying[i] = world.flying[--world.flying_count];
		arrive(&flying);
	}
	listener_tick(&world.listener, world.now);
	for (uint32_t i = 0; i < world.device_count; i++)
		dialer_tick(&world.device[i].dialer, world.now);
	pump_all();
}

static inline void run_ms(int64_t ms)
{
	const struct mtime until = mtime_add_ms(world.now, ms);
	pump_all();
	while (world.now.us < until.us) {
		struct mtime turn = mtime_add_ms(world.now, 1000); // owners look at their pings
		step(mtime_min(turn, until));
	}
}

// Runs until every message of every device is accepted, at most `ms_max`; says how long it took.
static inline int64_t run_until_accepted(int64_t ms_max)
{
	const struct mtime start = world.now;
	for (;;) {
		bool is_done = true;
		for (uint32_t i = 0; i < world.device_count; i++)
			is_done = is_done && world.device[i].accepted_count == world.device[i].message_count;
		const int64_t took_ms = mtime_diff_us(world.now, start) / 1000;
		if (is_done)
			return took_ms;
		if (took_ms > ms_max)
			fail_msg("not accepted after %d ms", (int)took_ms);
		run_ms(10);
	}
}

static inline void dial_all(void)
{
	for (uint32_t i = 0; i < world.device_count; i++)
		dialer_dial(&world.device[i].dialer, &world.device[i].keypair, world.server.public_key, world.now);
}

#endif
