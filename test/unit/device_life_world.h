// SPDX-License-Identifier: ISC
// For tests of a device's life: one life, its clock, and what a performer would report. The protocol below is the real one; what
// its client would tell is put in where it would come.
#ifndef MMS_TEST_DEVICE_LIFE_WORLD_H
#define MMS_TEST_DEVICE_LIFE_WORLD_H

#include "mem_client.h"

#include "msg/client_inside.h"
#include "node/device_life.h"

static struct world {
	struct seeded seeded;
	struct rng rng;
	struct mtime now;
	void *memory;
	struct keypair server;
	struct keypair device;
	struct mem_client mem;
	struct device_life life;
	struct life_order order;
	uint64_t replaced_count; // as the profile says
} w;

static inline const struct addr *here(void)
{
	static struct addr addr;
	addr = addr_of(1);
	return &addr;
}

static inline void begin_at(const struct life_server *server)
{
	uint8_t secret[NOISE_KEY_BYTES];
	free(w.memory);
	memset(&w, 0, sizeof w);
	w.seeded.state = 5;
	w.rng = seeded_rng(&w.seeded);
	w.now = at_ms(1000);
	rng_fill(&w.rng, secret, sizeof secret);
	keypair_derive(&w.server, secret);
	rng_fill(&w.rng, secret, sizeof secret);
	keypair_derive(&w.device, secret);
	w.memory = must_alloc(device_life_memory_bytes());
	struct life_server own = *server;
	if (own.is_pinned)
		memcpy(own.key, w.server.public_key, NOISE_KEY_BYTES);
	device_life_init(&w.life, &own, w.memory, &w.rng, w.now);
}

static inline void begin(bool is_pinned)
{
	begin_at(&(struct life_server){.is_pinned = is_pinned});
}

static inline void finish(void)
{
	device_life_clear(&w.life);
	assert_int_equal(w.life.state, LIFE_IDLE);
	free(w.memory);
	w.memory = NULL;
}

// Orders to the store are carried out.
static inline bool next(void)
{
	static struct client_appended appended;
	while (device_life_next(&w.life, w.now, &w.order)) {
		if (w.order.type == LIFE_APPEND) {
			mem_client_append(&w.mem, w.order.batch, &appended);
			device_life_appended(&w.life, &appended, w.now);
		} else if (w.order.type == LIFE_ASK) {
			device_life_answered(&w.life, mem_client_answer(&w.mem, w.order.question), w.now);
		} else {
			return true;
		}
	}
	return false;
}

// The next order is this one.
static inline void ordered(enum life_order_type type)
{
	assert_true(next());
	assert_int_equal(w.order.type, type);
}

static inline void told(enum life_told_type type)
{
	ordered(LIFE_TELL);
	assert_int_equal(w.order.told.type, type);
}

static inline void stopped(enum life_stop stop)
{
	told(LIFE_TOLD_STOPPED);
	assert_int_equal(w.order.told.stop, stop);
	assert_int_equal(w.life.state, LIFE_STOPPED);
}

// Nothing more is ordered now; datagrams are let go.
static inline void ordered_no_more(void)
{
	while (next())
		assert_int_equal(w.order.type, LIFE_SEND);
}

static inline uint32_t sent_count(void)
{
	uint32_t count = 0;
	for (; next(); count++)
		assert_int_equal(w.order.type, LIFE_SEND);
	return count;
}

static inline void pass_ms(int64_t ms)
{
	w.now = mtime_add_ms(w.now, ms);
}

static inline void be(enum life_use use)
{
	const struct life_wish wish = {.name = name_of("Fred"), .use = use, .has_invite = true, .invite_hash = {7}};
	device_life_be(&w.life, &wish, w.now);
}

static inline void resolve(void)
{
	ordered(LIFE_RESOLVE);
	device_life_resolved(&w.life, here(), 1, w.now);
}

static inline struct life_facts facts(bool has_signed_in)
{
	return (struct life_facts){has_signed_in, name_of(has_signed_in ? "fred" : "Fred"), w.replaced_count};
}

static inline void open_profile(bool has_signed_in)
{
	const struct life_facts read = facts(has_signed_in);
	ordered(LIFE_OPEN);
	assert_memory_equal(w.order.key, w.server.public_key, NOISE_KEY_BYTES);
	assert_string_equal(w.order.name.text, "Fred");
	device_life_opened(&w.life, &w.device, &read, w.now);
}

static inline void take_turn(bool is_ours, bool has_signed_in)
{
	const struct life_facts read = facts(has_signed_in);
	ordered(LIFE_TAKE);
	if (is_ours)
		device_life_taken(&w.life, &read, false, w.now);
	else
		device_life_busy(&w.life, &read, false, w.now);
}

static inline void receive(bool is_ours)
{
	const struct life_facts read = facts(w.life.facts.has_signed_in);
	ordered(LIFE_RECEIVE);
	if (is_ours)
		device_life_receives(&w.life, &read, false, w.now);
	else
		device_life_follows(&w.life, &read, false, w.now);
}

// What the client below tells.
static inline void client_tells(enum client_told_type type)
{
	const struct client_told what = {.type = type, .name = name_of("fred"), .status = STATUS_NOT_AUTHORIZED};
	w.life.node.owner.told(w.life.node.owner.context, &what);
}

static inline void server_shows(enum device_news news, const uint8_t *key)
{
	w.life.node.owner.news(w.life.node.owner.context, news, key);
}

// A session is up on which SIGNIN was granted.
static inline void grant(void)
{
	w.life.node.client.slot[0].state = CLIENT_SLOT_SIGNED_IN;
	w.life.node.client.present = 1;
	client_tells(TOLD_SIGNED_IN);
}

static inline void sign_in(enum life_use use)
{
	begin(true);
	be(use);
	resolve();
	open_profile(true);
	told(LIFE_TOLD_KNOWN);
	if (use == LIFE_RECEIVES)
		receive(true);
	take_turn(true, true);
	ordered_no_more();
	grant();
	told(LIFE_TOLD_SIGNED_IN);
	ordered_no_more();
	assert_int_equal(w.life.state, LIFE_SIGNED_IN);
}

#endif
