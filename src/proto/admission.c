// SPDX-License-Identifier: ISC
// Handshake admission; the contract is in admission.h.
#include "crypto/crypto.h"
#include "proto/admission.h"

#include <assert.h>
#include <string.h>

void admission_init(struct admission *admission, const struct keypair *server, const struct budget_limits *limits,
		    const struct admission_memory *memory, struct map *by_index, uint32_t index_base,
		    const struct rng *rng, struct mtime now)
{
	memset(admission, 0, sizeof *admission);
	admission->server = *server;
	admission->rng = *rng;
	admission->ring = memory->ring;
	admission->capacity = memory->capacity;
	admission->by_index = by_index;
	admission->index_base = index_base;
	admission->cookie_secret_at = now;
	rng_fill(rng, admission->table_secret, sizeof admission->table_secret);
	rng_fill(rng, admission->cookie_secret, sizeof admission->cookie_secret);
	rng_fill(rng, admission->cookie_secret_previous, sizeof admission->cookie_secret_previous);
	map_init(&admission->by_noise, memory->noise_slot, memory->noise_slot_count);
	budget_init(&admission->budget, limits, memory->prefix, memory->prefix_count, admission->table_secret);
}

void admission_clear(struct admission *admission)
{
	for (uint32_t i = 0; i < admission->count; i++)
		noise_keys_clear(&admission->ring[(admission->first + i) % admission->capacity].keys);
	crypto_wipe(admission->cookie_secret, sizeof admission->cookie_secret);
	crypto_wipe(admission->cookie_secret_previous, sizeof admission->cookie_secret_previous);
	keypair_clear(&admission->server);
}

static uint64_t noise_key(const struct admission *admission, const uint8_t noise_hash[32])
{
	return hash_table_key(admission->table_secret, noise_hash, 32);
}

struct halfopen *admission_get(struct admission *admission, uint32_t place)
{
	assert(place < admission->capacity);
	return &admission->ring[place];
}

static uint32_t place_of(const struct admission *admission, const struct halfopen *halfopen)
{
	return (uint32_t)(halfopen - admission->ring);
}

bool admission_is_proof(const struct halfopen *halfopen, const struct addr *addr)
{
	return !halfopen->is_accept_elsewhere && addr_is_same_peer(&halfopen->addr, addr);
}

bool admission_is_expired(const struct halfopen *halfopen, struct mtime now)
{
	return mtime_diff_us(now, halfopen->created_at) >= ADMISSION_KEEP_US;
}

void admission_confirm(struct admission *admission, struct halfopen *halfopen)
{
	assert(halfopen->index != 0);
	const bool was_there = map_remove(admission->by_index, halfopen->index,
					  admission->index_base + place_of(admission, halfopen));
	assert(was_there);
	halfopen->index = 0;
	noise_keys_clear(&halfopen->keys);
}

static void drop_oldest(struct admission *admission)
{
	assert(admission->count > 0);
	struct halfopen *oldest = &admission->ring[admission->first];
	const bool was_there =
		map_remove(&admission->by_noise, noise_key(admission, oldest->noise_hash), admission->first);
	assert(was_there);
	if (oldest->index != 0)
		admission_confirm(admission, oldest);
	admission->first = (admission->first + 1) % admission->capacity;
	admission->count--;
}

// Some of the expired go, more than one INIT adds: no INIT pays for all that came before it.
static void drop_expired(struct admission *admission, struct mtime now)
{
	for (int i = 0; i < ADMISSION_DROPS; i++)
		if (admission->count > 0 && admission_is_expired(&admission->ring[admission->first], now))
			drop_oldest(admission);
}

static struct halfopen *find_answered(struct admission *admission, const uint8_t noise_hash[32], struct mtime now)
{
	const uint64_t key = noise_key(admission, noise_hash);
	uint32_t cursor = 0;
	uint32_t place;
	while (map_next(&admission->by_noise, key, &cursor, &place)) {
		struct halfopen *halfopen = &admission->ring[place];
		if (memcmp(halfopen->noise_hash, noise_hash, 32) == 0 && !admission_is_expired(halfopen, now))
			return halfopen;
	}
	return NULL;
}

static void renew_cookie_secret(struct admission *admission, struct mtime now)
{
	const int64_t age_us = mtime_diff_us(now, admission->cookie_secret_at);
	if (age_us < ADMISSION_COOKIE_SECRET_US)
		return;
	if (age_us < 2 * (int64_t)ADMISSION_COOKIE_SECRET_US)
		memcpy(admission->cookie_secret_previous, admission->cookie_secret, COOKIE_SECRET_BYTES);
	else
		rng_fill(&admission->rng, admission->cookie_secret_previous, COOKIE_SECRET_BYTES);
	rng_fill(&admission->rng, admission->cookie_secret, COOKIE_SECRET_BYTES);
	admission->cookie_secret_at = now;
}

static bool is_cookie_valid(const struct admission *admission, const struct addr *addr,
			    const uint8_t cookie[COOKIE_BYTES])
{
	static const uint8_t none[COOKIE_BYTES];
	uint8_t right[COOKIE_BYTES];
	if (memcmp(cookie, none, COOKIE_BYTES) == 0)
		return false; // without a hash
	hash_cookie(admission->cookie_secret, addr, right);
	if (crypto_is_equal(cookie, right, COOKIE_BYTES))
		return true;
	hash_cookie(admission->cookie_secret_previous, addr, right);
	return crypto_is_equal(cookie, right, COOKIE_BYTES);
}

static uint32_t fresh_index(struct admission *admission)
{
	uint32_t index;
	uint32_t value;
	do
		rng_fill(&admission->rng, &index, sizeof index);
	while (index == 0 || map_find(admission->by_index, index, &value));
	return index;
}

// Does the responder's half of the handshake into `halfopen`: four Diffie-Hellman operations (section 4.1).
static enum mms_err respond(struct admission *admission, const struct wire_init *init, struct halfopen *halfopen)
{
	const uint8_t prologue[4] = {'M', 'M', 'S', WIRE_VERSION};
	struct noise_ik noise;
	uint8_t payload[WIRE_INIT_PAYLOAD_BYTES];
	uint8_t ephemeral_secret[NOISE_KEY_BYTES];
	uint8_t message[WIRE_ACCEPT_NOISE_BYTES];
	uint8_t index_bytes[WIRE_ACCEPT_PAYLOAD_BYTES];
	noise_ik_init_responder(&noise, prologue, sizeof prologue, &admission->server);
	enum mms_err err = noise_ik_consume_1(&noise, init->noise, WIRE_INIT_NOISE_BYTES, payload);
	if (err == MMS_OK)
		err = wire_init_payload_decode(payload, &halfopen->remote_index);
	if (err != MMS_OK)
		goto out;
	halfopen->index = fresh_index(admission);
	struct writer writer = writer_of(index_bytes, sizeof index_bytes);
	const bool fits = write_u32(&writer, halfopen->index);
	assert(fits);
	rng_fill(&admission->rng, ephemeral_secret, sizeof ephemeral_secret);
	err = noise_ik_create_2(&noise, ephemeral_secret, index_bytes, sizeof index_bytes, message);
	if (err != MMS_OK)
		goto out;
	wire_accept_encode(halfopen->remote_index, message, halfopen->accept);
	noise_ik_split(&noise, &halfopen->keys);
	memcpy(halfopen->handshake_hash, noise.h, NOISE_HASH_BYTES);
	memcpy(halfopen->peer_key, noise.rs, NOISE_KEY_BYTES);
out:
	crypto_wipe(ephemeral_secret, sizeof ephemeral_secret);
	noise_ik_clear(&noise);
	return err;
}

// Keeps an answered INIT as the newest of the ring.
static void keep(struct admission *admission, const struct halfopen *halfopen)
{
	if (admission->count == admission->capacity)
		drop_oldest(admission);
	const uint32_t place = (admission->first + admission->count) % admission->capacity;
	admission->ring[place] = *halfopen;
	admission->count++;
	enum mms_err err = map_put(&admission->by_noise, noise_key(admission, halfopen->noise_hash), place);
	assert(err == MMS_OK);
	err = map_put(admission->by_index, halfopen->index, admission->index_base + place);
	assert(err == MMS_OK);
}

static size_t recv_init(struct admission *admission, const struct addr *addr, const struct wire_init *init,
			struct mtime now, uint8_t *reply)
{
	struct halfopen fresh = {.created_at = now, .addr = *addr};
	drop_expired(admission, now);
	hash_bytes_256(init->noise, WIRE_INIT_NOISE_BYTES, fresh.noise_hash);
	struct halfopen *answered = find_answered(admission, fresh.noise_hash, now);
	if (answered != NULL) {
		// Whoever can have a repeat's ACCEPT may send the first DATA from where the first INIT only seemed to come from.
		if (!addr_is_same_peer(&answered->addr, addr))
			answered->is_accept_elsewhere = true;
		memcpy(reply, answered->accept, WIRE_ACCEPT_BYTES);
		return WIRE_ACCEPT_BYTES;
	}

	renew_cookie_secret(admission, now);
	const bool has_cookie = is_cookie_valid(admission, addr, init->cookie);
	if (has_cookie && !budget_take(&admission->budget, addr, now))
		return 0;
	if (!has_cookie && !budget_take_blind(&admission->budget, now)) {
		uint8_t cookie[COOKIE_BYTES];
		hash_cookie(admission->cookie_secret, addr, cookie);
		wire_retry_encode(init->noise, cookie, reply);
		admission->retry_count++;
		return WIRE_RETRY_BYTES;
	}
	size_t reply_bytes = 0;
	if (respond(admission, init, &fresh) == MMS_OK) {
		keep(admission, &fresh);
		memcpy(reply, fresh.accept, WIRE_ACCEPT_BYTES);
		reply_bytes = WIRE_ACCEPT_BYTES;
		admission->init_count++;
	}
	noise_keys_clear(&fresh.keys);
	return reply_bytes;
}

size_t admission_recv(struct admission *admission, const struct addr *addr, const uint8_t *datagram, size_t bytes,
		      struct mtime now, uint8_t *reply)
{
	const uint8_t *nonce;
	struct wire_init init;
	size_t reply_bytes = 0;
	if (wire_init_decode(datagram, bytes, &init) == MMS_OK) {
		reply_bytes = recv_init(admission, addr, &init, now, reply);
	} else if (wire_hello_decode(datagram, bytes, &nonce) == MMS_OK) {
		wire_serverinfo_encode(nonce, admission->server.public_key, reply);
		reply_bytes = WIRE_SERVERINFO_BYTES;
	}
	if (reply_bytes == 0)
		admission->drop_count++;
	assert(reply_bytes <= bytes);
	return reply_bytes;
}

size_t admission_unknown(struct admission *admission, const uint8_t *datagram, size_t bytes, uint8_t *reply)
{
	uint32_t index;
	uint64_t counter;
	if (wire_data_decode(datagram, bytes, &index, &counter) != MMS_OK) {
		admission->drop_count++;
		return 0;
	}
	wire_unknown_encode(index, datagram + bytes - WIRE_TRAILER_BYTES, reply);
	return WIRE_UNKNOWN_BYTES;
}
