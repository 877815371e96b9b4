// SPDX-License-Identifier: ISC
// proto/admission: what a stranger can reach: budgets, cookies and their rotation, replays, the ring's bounds, and what
// each datagram costs.
#include "proto_world.h"

#include "proto/admission.h"

enum { CAPACITY = 8, INDEX_BASE = 1000, PREFIXES = 64 };

struct world {
	struct seeded seeded;
	struct rng rng;
	struct keypair server;
	struct keypair device;
	struct admission admission;
	struct halfopen ring[CAPACITY];
	struct map_slot noise_slot[16];
	struct map_slot index_slot[64];
	struct budget_entry prefix[PREFIXES];
	struct map by_index;
	uint8_t reply[WIRE_DATAGRAM_BYTES_MAX];
};

static const struct bucket_rate PLENTY = {100000, 100000};

static void make_pair(struct world *world, struct keypair *keypair)
{
	uint8_t secret[NOISE_KEY_BYTES];
	rng_fill(&world->rng, secret, sizeof secret);
	keypair_derive(keypair, secret);
}

static void begin(struct world *world)
{
	memset(world, 0, sizeof *world);
	world->seeded.state = 6;
	world->rng = seeded_rng(&world->seeded);
	make_pair(world, &world->server);
	make_pair(world, &world->device);
	map_init(&world->by_index, world->index_slot, 64);
	const struct budget_limits limits = {
		.blind = {5, 10}, .prefix = {20, 40}, .network = {40, 80}, .all = {1000, 1000}, .newcomer = {10, 10}};
	const struct admission_memory memory = {world->ring, CAPACITY, world->noise_slot, 16, world->prefix, PREFIXES};
	admission_init(&world->admission, &world->server, &limits, &memory, &world->by_index, INDEX_BASE, &world->rng,
		       at_ms(1));
}

// A fresh INIT of the device; `*noise` keeps what the answer needs.
static void make_init(struct world *world, uint32_t index, const uint8_t *cookie, uint8_t *datagram,
		      struct noise_ik *noise)
{
	static const uint8_t none[COOKIE_BYTES];
	const uint8_t prologue[4] = {'M', 'M', 'S', 1};
	uint8_t payload[WIRE_INIT_PAYLOAD_BYTES];
	uint8_t secret[NOISE_KEY_BYTES];
	uint8_t message[WIRE_INIT_NOISE_BYTES];
	wire_init_payload_encode(index, payload);
	rng_fill(&world->rng, secret, sizeof secret);
	noise_ik_init_initiator(noise, prologue, 4, &world->device, world->server.public_key);
	assert_int_equal(noise_ik_create_1(noise, secret, payload, sizeof payload, message), MMS_OK);
	wire_init_encode(cookie != NULL ? cookie : none, message, datagram);
}

static size_t recv(struct world *world, uint16_t host, const uint8_t *datagram, size_t bytes, int64_t ms)
{
	const struct addr addr = addr_of(host);
	const size_t reply_bytes = admission_recv(&world->admission, &addr, datagram, bytes, at_ms(ms), world->reply);
	assert_true(reply_bytes <= bytes); // never an amplifier
	return reply_bytes;
}

// Sends one fresh INIT and says how it was answered.
static size_t knock(struct world *world, uint16_t host, const uint8_t *cookie, int64_t ms)
{
	uint8_t datagram[WIRE_INIT_BYTES];
	struct noise_ik noise;
	make_init(world, 77, cookie, datagram, &noise);
	const size_t reply_bytes = recv(world, host, datagram, sizeof datagram, ms);
	if (reply_bytes == WIRE_RETRY_BYTES)
		assert_memory_equal(world->reply + 1, datagram + 18, WIRE_ECHO_BYTES);
	return reply_bytes;
}

static void accepts(void **state)
{
	(void)state;
	struct world world;
	uint8_t datagram[WIRE_INIT_BYTES];
	uint8_t payload[WIRE_ACCEPT_PAYLOAD_BYTES];
	struct noise_ik noise;
	struct wire_accept accept;
	struct noise_keys keys;
	uint32_t index;
	uint32_t place;
	begin(&world);
	make_init(&world, 0x01020304, NULL, datagram, &noise);
	assert_int_equal(recv(&world, 1, datagram, sizeof datagram, 10), WIRE_ACCEPT_BYTES);
	assert_int_equal(wire_accept_decode(world.reply, WIRE_ACCEPT_BYTES, &accept), MMS_OK);
	assert_int_equal(accept.device_index, 0x01020304);
	assert_int_equal(noise_ik_consume_2(&noise, accept.noise, WIRE_ACCEPT_NOISE_BYTES, payload), MMS_OK);
	noise_ik_split(&noise, &keys);
	struct reader reader = reader_of(payload, sizeof payload);
	assert_true(read_u32(&reader, &index) && index != 0);
	assert_true(map_find(&world.by_index, index, &place) && place >= INDEX_BASE);
	struct halfopen *halfopen = admission_get(&world.admission, place - INDEX_BASE);
	assert_memory_equal(halfopen->keys.recv_key, keys.send_key, NOISE_KEY_BYTES);
	assert_memory_equal(halfopen->keys.send_key, keys.recv_key, NOISE_KEY_BYTES);
	assert_memory_equal(halfopen->handshake_hash, noise.h, NOISE_HASH_BYTES);
	assert_memory_equal(halfopen->peer_key, world.device.public_key, NOISE_KEY_BYTES);
	assert_int_equal(halfopen->remote_index, 0x01020304);

	// A repeat is answered byte for byte the same, before and after confirmation, from anywhere, whatever the
	// cookie.
	uint8_t first[WIRE_ACCEPT_BYTES];
	memcpy(first, world.reply, sizeof first);
	memset(datagram + 2, 0x5a, COOKIE_BYTES);
	assert_int_equal(recv(&world, 9, datagram, sizeof datagram, 20), WIRE_ACCEPT_BYTES);
	assert_memory_equal(world.reply, first, sizeof first);
	admission_confirm(&world.admission, halfopen);
	assert_false(map_find(&world.by_index, index, &place));
	assert_int_equal(recv(&world, 1, datagram, sizeof datagram, 60009), WIRE_ACCEPT_BYTES);
	assert_memory_equal(world.reply, first, sizeof first);
	assert_int_equal(world.admission.init_count, 1);
	// After 60 s it is forgotten, and a replay makes another half-open session.
	assert_int_equal(recv(&world, 1, datagram, sizeof datagram, 60010), WIRE_ACCEPT_BYTES);
	assert_memory_not_equal(world.reply, first, sizeof first);
	assert_int_equal(world.admission.count, 1);
	assert_int_equal(world.by_index.used_count, 1);
	admission_clear(&world.admission);
}

// Few are dropped at once: one that is too old and still there is no repeat either.
static void old_ones_are_not_repeated(void **state)
{
	(void)state;
	struct world world;
	uint8_t datagram[WIRE_INIT_BYTES];
	uint8_t first[WIRE_ACCEPT_BYTES];
	struct noise_ik noise;
	begin(&world);
	for (int i = 0; i < 5; i++)
		assert_int_equal(knock(&world, 1, NULL, 10), WIRE_ACCEPT_BYTES);
	make_init(&world, 1, NULL, datagram, &noise);
	assert_int_equal(recv(&world, 1, datagram, sizeof datagram, 10), WIRE_ACCEPT_BYTES);
	memcpy(first, world.reply, sizeof first);
	assert_int_equal(recv(&world, 1, datagram, sizeof datagram, 60010), WIRE_ACCEPT_BYTES);
	assert_memory_not_equal(world.reply, first, sizeof first);
	admission_clear(&world.admission);
}

static void repeats_are_free(void **state)
{
	(void)state;
	struct world world;
	uint8_t datagram[WIRE_INIT_BYTES];
	struct noise_ik noise;
	begin(&world);
	make_init(&world, 1, NULL, datagram, &noise);
	for (int i = 0; i < 100; i++)
		assert_int_equal(recv(&world, 1, datagram, sizeof datagram, 10), WIRE_ACCEPT_BYTES);
	for (int i = 0; i < 9; i++)
		assert_int_equal(knock(&world, 1, NULL, 10), WIRE_ACCEPT_BYTES);
	assert_int_equal(knock(&world, 1, NULL, 10), WIRE_RETRY_BYTES);
	admission_clear(&world.admission);
}

static void cookies(void **state)
{
	(void)state;
	struct world world;
	uint8_t cookie[COOKIE_BYTES];
	begin(&world);
	for (int i = 0; i < 10; i++)
		assert_int_equal(knock(&world, 1, NULL, 10), WIRE_ACCEPT_BYTES);
	assert_int_equal(knock(&world, 1, NULL, 10), WIRE_RETRY_BYTES);
	memcpy(cookie, world.reply + 1 + WIRE_ECHO_BYTES, COOKIE_BYTES);
	assert_int_equal(knock(&world, 2, cookie, 10), WIRE_RETRY_BYTES); // it is host 1's
	for (int i = 0; i < 40; i++)
		assert_int_equal(knock(&world, 1, cookie, 10), WIRE_ACCEPT_BYTES);
	assert_int_equal(knock(&world, 1, cookie, 10), 0); // a valid cookie beyond its prefix's budget
	cookie[0] ^= 1;
	assert_int_equal(knock(&world, 1, cookie, 10), WIRE_RETRY_BYTES);
	admission_clear(&world.admission);
}

// The cookie that a prefix without budget is told at `ms`.
static void fetch_cookie(struct world *world, uint16_t host, int64_t ms, uint8_t *cookie)
{
	int tries = 0;
	while (knock(world, host, NULL, ms) != WIRE_RETRY_BYTES)
		assert_true(++tries < 20);
	memcpy(cookie, world->reply + 1 + WIRE_ECHO_BYTES, COOKIE_BYTES);
}

static bool is_cookie_good(struct world *world, uint16_t host, const uint8_t *cookie, int64_t ms)
{
	uint8_t ignored[COOKIE_BYTES];
	fetch_cookie(world, host, ms, ignored); // the first row is used up now
	return knock(world, host, cookie, ms) == WIRE_ACCEPT_BYTES;
}

static void cookie_secrets_rotate(void **state)
{
	(void)state;
	struct world world;
	uint8_t cookie[COOKIE_BYTES];
	begin(&world);
	fetch_cookie(&world, 1, 119000, cookie); // of the first secret
	assert_true(is_cookie_good(&world, 1, cookie, 119500));
	assert_true(is_cookie_good(&world, 1, cookie, 120500)); // the second secret; the first is the previous one
	assert_true(is_cookie_good(&world, 1, cookie, 240000));
	assert_false(is_cookie_good(&world, 1, cookie, 241000));
	fetch_cookie(&world, 1, 300000, cookie);
	assert_false(is_cookie_good(&world, 1, cookie, 3600000)); // long unused: neither counts
	admission_clear(&world.admission);
}

static void the_oldest_goes(void **state)
{
	(void)state;
	struct world world;
	uint8_t first[WIRE_INIT_BYTES];
	uint8_t answer[WIRE_ACCEPT_BYTES];
	struct noise_ik noise;
	begin(&world);
	world.admission.budget.limits.blind = PLENTY;
	make_init(&world, 1, NULL, first, &noise);
	recv(&world, 1, first, sizeof first, 1);
	memcpy(answer, world.reply, sizeof answer);
	for (uint16_t i = 0; i < CAPACITY - 1; i++)
		assert_int_equal(knock(&world, 2, NULL, 2), WIRE_ACCEPT_BYTES);
	recv(&world, 1, first, sizeof first, 3);
	assert_memory_equal(world.reply, answer, sizeof answer);
	assert_int_equal(knock(&world, 3, NULL, 4), WIRE_ACCEPT_BYTES);
	assert_int_equal(world.admission.count, CAPACITY);
	assert_int_equal(world.by_index.used_count, CAPACITY);
	recv(&world, 1, first, sizeof first, 5);
	assert_memory_not_equal(world.reply, answer, sizeof answer);
	// Confirmed ones among them, round and round.
	for (uint16_t i = 0; i < 200; i++) {
		assert_int_equal(knock(&world, (uint16_t)(100 + i), NULL, 10 + i), WIRE_ACCEPT_BYTES);
		const uint32_t newest = (world.admission.first + world.admission.count - 1) % CAPACITY;
		if (i % 3 == 0)
			admission_confirm(&world.admission, admission_get(&world.admission, newest));
		assert_int_equal(world.admission.by_noise.used_count, CAPACITY);
	}
	admission_clear(&world.admission);
}

static void hello_is_always_answered(void **state)
{
	(void)state;
	struct world world;
	uint8_t datagram[WIRE_HELLO_BYTES];
	const uint8_t nonce[WIRE_NONCE_BYTES] = {7, 7};
	begin(&world);
	wire_hello_encode(nonce, datagram);
	for (int i = 0; i < 10000; i++)
		assert_int_equal(recv(&world, 1, datagram, sizeof datagram, 10), WIRE_SERVERINFO_BYTES);
	assert_memory_equal(world.reply + 1, nonce, sizeof nonce);
	assert_memory_equal(world.reply + 19, world.server.public_key, NOISE_KEY_BYTES);
	admission_clear(&world.admission);
}

// Who can only send gets RETRY without end under the address of whom it likes, and takes nothing of who is there.
static void blind_floods_lock_nobody_out(void **state)
{
	(void)state;
	struct world world;
	uint8_t cookie[COOKIE_BYTES];
	uint8_t guess[COOKIE_BYTES];
	begin(&world);
	for (int i = 0; i < 10; i++)
		assert_int_equal(knock(&world, 1, NULL, 10), WIRE_ACCEPT_BYTES);
	for (uint16_t i = 0; i < 6000; i++) {
		seeded_fill(&world.seeded, guess, sizeof guess);
		assert_int_equal(knock(&world, i % 3 == 0 ? i : 1, i % 2 == 0 ? NULL : guess, 10), WIRE_RETRY_BYTES);
	}
	assert_int_equal(knock(&world, 1, NULL, 10), WIRE_RETRY_BYTES);
	memcpy(cookie, world.reply + 1 + WIRE_ECHO_BYTES, COOKIE_BYTES);
	for (int i = 0; i < 40; i++)
		assert_int_equal(knock(&world, 1, cookie, 10), WIRE_ACCEPT_BYTES);
	admission_clear(&world.admission);
}

// A company behind one address whose server was restarted: all are let in at once, also while a flood comes in its name.
static void a_crowd_behind_one_address_gets_in(void **state)
{
	(void)state;
	enum { CROWD = 400, FLOOD = 10 };
	struct world world;
	uint8_t datagram[WIRE_INIT_BYTES];
	uint8_t cookie[COOKIE_BYTES];
	struct noise_ik noise;
	begin(&world);
	world.admission.budget.limits = budget_limits_default();
	for (int i = 0; i < 400; i++) // what there is for those without a cookie is used up
		assert_int_equal(knock(&world, 1, NULL, 10), WIRE_ACCEPT_BYTES);
	for (uint32_t i = 0; i < CROWD; i++) {
		for (int k = 0; k < FLOOD; k++)
			assert_int_equal(knock(&world, 1, NULL, 10), WIRE_RETRY_BYTES);
		make_init(&world, 100 + i, NULL, datagram, &noise);
		assert_int_equal(recv(&world, 1, datagram, sizeof datagram, 10), WIRE_RETRY_BYTES);
		memcpy(cookie, world.reply + 1 + WIRE_ECHO_BYTES, COOKIE_BYTES);
		memcpy(datagram + 2, cookie, COOKIE_BYTES);
		assert_int_equal(recv(&world, 1, datagram, sizeof datagram, 10), WIRE_ACCEPT_BYTES);
	}
	admission_clear(&world.admission);
}

// Randomness that gives 0 and then an index that is taken, before it gives new ones.
struct repeating {
	struct rng rng;
	uint32_t taken;
	uint32_t asked_count;
};

static void repeating_fill(void *context, void *target, size_t bytes)
{
	struct repeating *repeating = context;
	const uint32_t index = repeating->asked_count == 0 ? 0 : repeating->taken;
	if (bytes == sizeof index && repeating->asked_count++ < 2)
		memcpy(target, &index, sizeof index);
	else
		rng_fill(&repeating->rng, target, bytes);
}

static void an_index_is_nobody_elses(void **state)
{
	(void)state;
	struct world world;
	begin(&world);
	assert_int_equal(knock(&world, 1, NULL, 10), WIRE_ACCEPT_BYTES);
	struct repeating repeating = {.rng = world.rng, .taken = world.ring[0].index};
	world.admission.rng = (struct rng){repeating_fill, &repeating};
	assert_int_equal(knock(&world, 2, NULL, 10), WIRE_ACCEPT_BYTES);
	assert_int_equal(repeating.asked_count, 3);
	assert_int_not_equal(world.ring[1].index, 0);
	assert_int_not_equal(world.ring[1].index, world.ring[0].index);
	admission_clear(&world.admission);
}

static void unknown_is_always_said(void **state)
{
	(void)state;
	struct world world;
	uint8_t datagram[WIRE_DATAGRAM_BYTES_MAX] = {0};
	begin(&world);
	wire_data_encode(5, 6, datagram);
	datagram[44] = 9;
	for (int i = 0; i < 10000; i++)
		assert_int_equal(admission_unknown(&world.admission, datagram, 45, world.reply), WIRE_UNKNOWN_BYTES);
	assert_memory_equal(world.reply + 5, datagram + 37, 8);
	assert_int_equal(admission_unknown(&world.admission, datagram, 44, world.reply), 0);
	admission_clear(&world.admission);
}

// --- what it costs ---

struct work {
	uint32_t curve;  // operations on the curve
	uint32_t hashes; // BLAKE2b
	uint32_t tables; // SipHash and look-ups
};
static struct work work;

int __real_crypto_scalarmult(unsigned char *q, const unsigned char *n, const unsigned char *p);
int __wrap_crypto_scalarmult(unsigned char *q, const unsigned char *n, const unsigned char *p);
int __real_crypto_scalarmult_base(unsigned char *q, const unsigned char *n);
int __wrap_crypto_scalarmult_base(unsigned char *q, const unsigned char *n);
void __real_hash_bytes_256(const void *data, size_t bytes, uint8_t hash[32]);
void __wrap_hash_bytes_256(const void *data, size_t bytes, uint8_t hash[32]);
void __real_hash_cookie(const uint8_t *secret, const struct addr *addr, uint8_t *cookie);
void __wrap_hash_cookie(const uint8_t *secret, const struct addr *addr, uint8_t *cookie);
uint64_t __real_hash_table_key(const uint8_t *secret, const void *data, size_t bytes);
uint64_t __wrap_hash_table_key(const uint8_t *secret, const void *data, size_t bytes);
bool __real_map_find(const struct map *map, uint64_t key, uint32_t *value);
bool __wrap_map_find(const struct map *map, uint64_t key, uint32_t *value);
bool __real_map_next(const struct map *map, uint64_t key, uint32_t *cursor, uint32_t *value);
bool __wrap_map_next(const struct map *map, uint64_t key, uint32_t *cursor, uint32_t *value);
enum mms_err __real_map_put(struct map *map, uint64_t key, uint32_t value);
enum mms_err __wrap_map_put(struct map *map, uint64_t key, uint32_t value);
bool __real_map_remove(struct map *map, uint64_t key, uint32_t value);
bool __wrap_map_remove(struct map *map, uint64_t key, uint32_t value);

int __wrap_crypto_scalarmult(unsigned char *q, const unsigned char *n, const unsigned char *p)
{
	work.curve++;
	return __real_crypto_scalarmult(q, n, p);
}

int __wrap_crypto_scalarmult_base(unsigned char *q, const unsigned char *n)
{
	work.curve++;
	return __real_crypto_scalarmult_base(q, n);
}

void __wrap_hash_bytes_256(const void *data, size_t bytes, uint8_t hash[32])
{
	work.hashes++;
	__real_hash_bytes_256(data, bytes, hash);
}

void __wrap_hash_cookie(const uint8_t *secret, const struct addr *addr, uint8_t *cookie)
{
	work.hashes++;
	__real_hash_cookie(secret, addr, cookie);
}

uint64_t __wrap_hash_table_key(const uint8_t *secret, const void *data, size_t bytes)
{
	work.tables++;
	return __real_hash_table_key(secret, data, bytes);
}

bool __wrap_map_find(const struct map *map, uint64_t key, uint32_t *value)
{
	work.tables++;
	return __real_map_find(map, key, value);
}

bool __wrap_map_next(const struct map *map, uint64_t key, uint32_t *cursor, uint32_t *value)
{
	work.tables++;
	return __real_map_next(map, key, cursor, value);
}

enum mms_err __wrap_map_put(struct map *map, uint64_t key, uint32_t value)
{
	work.tables++;
	return __real_map_put(map, key, value);
}

bool __wrap_map_remove(struct map *map, uint64_t key, uint32_t value)
{
	work.tables++;
	return __real_map_remove(map, key, value);
}

// Receives a datagram and holds its work to a bound, and the answer to a size.
static void costs(struct world *world, const uint8_t *datagram, size_t bytes, int64_t ms, size_t reply_bytes,
		  struct work bound)
{
	work = (struct work){0};
	assert_int_equal(recv(world, 1, datagram, bytes, ms), reply_bytes);
	assert_true(work.curve == bound.curve && work.hashes <= bound.hashes && work.tables <= bound.tables);
}

// Every datagram of a stranger costs so much and no more, also when every table is full, or full of what has expired.
static void work_is_bounded(void **state)
{
	(void)state;
	// Clearing away, one entry: a key, and out of two tables; an INIT clears DROPS and one more for room.
	enum { DROPS = 2, CLEAR = 3, LOOK = 3, KEEP = 5 };
	const struct work retry = {0, 2, LOOK + DROPS * CLEAR};
	const struct work guess = {0, 4, LOOK + DROPS * CLEAR};
	const struct work handshake = {5, 2, LOOK + KEEP + 2 + (DROPS + 1) * CLEAR};
	struct world world;
	uint8_t hello[WIRE_HELLO_BYTES];
	uint8_t data[WIRE_DATA_BYTES_MIN] = {WIRE_DATA};
	uint8_t init[WIRE_INIT_BYTES];
	uint8_t cookie[COOKIE_BYTES];
	struct noise_ik noise;
	begin(&world);
	wire_hello_encode(cookie, hello);
	fetch_cookie(&world, 1, 10, cookie);
	for (int64_t ms = 1000; ms < 200000; ms += 66000) { // the second and third time all that is kept has expired
		fetch_cookie(&world, 1, ms, cookie);
		for (uint16_t i = 0; i < 2 * CAPACITY; i++) {
			make_init(&world, 1, cookie, init, &noise);
			costs(&world, init, sizeof init, ms, WIRE_ACCEPT_BYTES, handshake);
			costs(&world, init, sizeof init, ms, WIRE_ACCEPT_BYTES, (struct work){0, 1, LOOK + 2 * CLEAR});
		}
		while (knock(&world, 1, cookie, ms) != 0)
			;
		make_init(&world, 1, cookie, init, &noise); // beyond the budget
		costs(&world, init, sizeof init, ms, 0, (struct work){0, 2, LOOK + 2});
		make_init(&world, 1, NULL, init, &noise);
		costs(&world, init, sizeof init, ms, WIRE_RETRY_BYTES, retry);
		init[2] = 1;
		costs(&world, init, sizeof init, ms, WIRE_RETRY_BYTES, guess);
		costs(&world, hello, sizeof hello, ms, WIRE_SERVERINFO_BYTES, (struct work){0, 0, 0});
		work = (struct work){0};
		assert_int_equal(admission_unknown(&world.admission, data, sizeof data, world.reply), WIRE_UNKNOWN_BYTES);
		assert_true(work.curve + work.hashes + work.tables == 0);
	}
	// One INIT does not pay for a table full of what has expired.
	init[2] = 0;
	costs(&world, init, sizeof init, 400000, WIRE_ACCEPT_BYTES, handshake);
	admission_clear(&world.admission);
}

static void rubbish_is_dropped(void **state)
{
	(void)state;
	struct world world;
	uint8_t datagram[WIRE_INIT_BYTES];
	uint8_t bent[WIRE_INIT_BYTES];
	struct noise_ik noise;
	begin(&world);
	world.admission.budget.limits.blind = PLENTY;
	make_init(&world, 1, NULL, datagram, &noise);
	for (uint16_t i = 0; i < 300; i++) { // any bent bit of version or Noise message
		const uint32_t bit = 18 * 8 + seeded_below(&world.seeded, 238 * 8);
		memcpy(bent, datagram, sizeof bent);
		bent[bit / 8] ^= (uint8_t)(1U << bit % 8);
		// X25519 ignores the highest bit of a key, and the hash catches that too
		assert_int_equal(recv(&world, i, bent, sizeof bent, 10), 0);
	}
	for (size_t i = 0; i < 2; i++) {
		memcpy(bent, datagram, sizeof bent);
		bent[i] ^= 2;
		assert_int_equal(recv(&world, 1, bent, sizeof bent, 10), 0);
	}
	memset(bent + 18, 0, 32); // an ephemeral key of low order
	assert_int_equal(recv(&world, 1, bent, sizeof bent, 10), 0);
	make_init(&world, 0, NULL, bent, &noise); // session index 0
	assert_int_equal(recv(&world, 1, bent, sizeof bent, 10), 0);
	assert_int_equal(world.by_index.used_count, 0);
	assert_int_equal(world.admission.count, 0);
	for (size_t bytes = 1; bytes < sizeof datagram; bytes++)
		assert_int_equal(recv(&world, 1, datagram, bytes, 10), 0);
	assert_int_equal(recv(&world, 1, datagram, sizeof datagram, 10), WIRE_ACCEPT_BYTES);
	admission_clear(&world.admission);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts),
		cmocka_unit_test(old_ones_are_not_repeated),
		cmocka_unit_test(repeats_are_free),
		cmocka_unit_test(cookies),
		cmocka_unit_test(cookie_secrets_rotate),
		cmocka_unit_test(the_oldest_goes),
		cmocka_unit_test(hello_is_always_answered),
		cmocka_unit_test(blind_floods_lock_nobody_out),
		cmocka_unit_test(a_crowd_behind_one_address_gets_in),
		cmocka_unit_test(an_index_is_nobody_elses),
		cmocka_unit_test(unknown_is_always_said),
		cmocka_unit_test(work_is_bounded),
		cmocka_unit_test(rubbish_is_dropped),
	};
	return cmocka_run_group_tests_name("admission", tests, crypto_set_up, NULL);
}
