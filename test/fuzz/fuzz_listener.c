// SPDX-License-Identifier: ISC
// Datagrams from strangers at a server's end, raw and well made: HELLO, INIT with every kind of cookie, replays, DATA
// that confirms a handshake, from four addresses, over time. Held: no answer is larger than its question; an address
// that has not proved itself gets three times what came from it; a repeated INIT gets the same ACCEPT and changes
// nothing; tables keep their bounds and lose no block; afterwards an honest device still comes in.
#include "fuzz_peer.h"
#include "crypto/crypto.h"
#include "proto/listener.h"

enum { HOSTS = 4, PEERS = 4, RECORDS = 8, SESSIONS = 3, HALF_OPEN = 4, HONEST_HOST = 9 };

struct record {
	size_t bytes;
	uint8_t datagram[WIRE_DATAGRAM_BYTES_MAX];
};

static struct listener listener;
static struct peer peers[PEERS];
static uint8_t init_host[PEERS]; // where a peer's INIT came from first
static struct record records[RECORDS];
static uint32_t record_count;
static struct keypair server;
static struct mtime now;
static uint64_t random_state;
static uint8_t accepted[PEERS][WIRE_ACCEPT_BYTES]; // the newest of each
static bool is_elsewhere[PEERS];                   // it came to another host than init_host too
static uint64_t recv_bytes[HOSTS];
static uint64_t sent_bytes[HOSTS];
static bool is_proved[HOSTS];
static uint32_t seen_count[SESSIONS]; // calls started, by slot
static struct snapshot snapshots[2];
static const uint8_t zeros[WIRE_ANSWER_BODY_BYTES_MAX];

static void check_bounds(void)
{
	uint32_t half_open_count = 0;
	uint32_t session_count = 0;
	assert(listener.admission.count <= HALF_OPEN && listener.fresh_count <= SESSIONS);
	for (uint32_t i = 0; i < listener.admission.count; i++)
		half_open_count += listener.admission.ring[(listener.admission.first + i) % HALF_OPEN].index != 0;
	for (uint32_t i = 0; i < listener.fresh_count; i++)
		session_count +=
			listener.slot[i].state == LISTENER_OPEN || listener.slot[i].state == LISTENER_CLOSING;
	assert(listener.by_index.used_count == half_open_count + session_count);
	assert(listener.admission.by_noise.used_count == listener.admission.count);
}

// DATA that opens, from where its INIT came from, proves that address, unless its ACCEPT was brought to another one as well.
static void note_proof(uint8_t host, const uint8_t *datagram, size_t bytes)
{
	uint8_t plain[WIRE_PLAIN_BYTES_MAX];
	uint32_t index;
	uint64_t counter;
	if (host >= HOSTS || is_proved[host] || wire_data_decode(datagram, bytes, &index, &counter) != MMS_OK)
		return;
	for (uint32_t i = 0; i < PEERS; i++)
		if (peers[i].is_up && peers[i].remote_index == index && init_host[i] == host && !is_elsewhere[i] &&
		    noise_open(peers[i].keys.send_key, counter, datagram, WIRE_DATA_HEADER_BYTES,
			       datagram + WIRE_DATA_HEADER_BYTES, bytes - WIRE_DATA_HEADER_BYTES, plain) == MMS_OK)
			is_proved[host] = true;
}

// Hands a copy of exactly that size to the listener. Returns the bytes of the answer, which its peer takes.
static size_t arrive(uint8_t host, const uint8_t *datagram, size_t bytes)
{
	static uint8_t reply[WIRE_DATAGRAM_BYTES_MAX];
	const struct addr addr = addr_of(host);
	uint8_t *copy = malloc(bytes == 0 ? 1 : bytes);
	assert(copy != NULL);
	if (bytes > 0)
		memcpy(copy, datagram, bytes);
	if (host < HOSTS)
		recv_bytes[host] += bytes;
	note_proof(host, datagram, bytes);
	const size_t reply_bytes = listener_recv(&listener, &addr, copy, bytes, now, reply);
	assert(reply_bytes <= bytes);
	free(copy);
	if (host < HOSTS && !is_proved[host]) {
		sent_bytes[host] += reply_bytes;
		assert(sent_bytes[host] <= PATH_AMPLIFICATION * recv_bytes[host]);
	}
	for (uint32_t i = 0; i < PEERS && reply_bytes == WIRE_ACCEPT_BYTES; i++) {
		if (memcmp(reply, accepted[i], WIRE_ACCEPT_BYTES) == 0 && host != init_host[i])
			is_elsewhere[i] = true;
		if (!peer_accept(&peers[i], reply, reply_bytes))
			continue;
		init_host[i] = host;
		is_elsewhere[i] = false;
		memcpy(accepted[i], reply, WIRE_ACCEPT_BYTES);
	}
	check_bounds();
	return reply_bytes;
}

static void record(const uint8_t *datagram, size_t bytes)
{
	struct record *kept = &records[record_count++ % RECORDS];
	kept->bytes = bytes;
	memcpy(kept->datagram, datagram, bytes);
}

static void send_init(uint8_t host, struct reader *input)
{
	uint8_t datagram[WIRE_INIT_BYTES];
	uint8_t cookie[COOKIE_BYTES] = {0};
	uint8_t payload[WIRE_INIT_PAYLOAD_BYTES];
	const uint8_t how = take_u8(input);
	const uint32_t i = how % PEERS;
	const struct rng rng = seeded_rng(&random_state);
	const struct addr addr = addr_of((how & 64) != 0 ? HONEST_HOST : host);
	peers[i].index = 1 + take_u8(input);
	wire_init_payload_encode(peers[i].index, payload);
	if ((how & 4) != 0)
		payload[take_u8(input) % 24] ^= take_u8(input);
	peer_dial(&peers[i], server.public_key, &rng, payload);
	if ((how & 8) != 0)
		hash_cookie((how & 16) != 0 ? listener.admission.cookie_secret
					    : listener.admission.cookie_secret_previous,
			    &addr, cookie);
	wire_init_encode(cookie, peers[i].noise_message, datagram);
	if ((how & 32) != 0)
		datagram[take_u8(input) % sizeof datagram] ^= take_u8(input);
	record(datagram, sizeof datagram);
	const size_t reply_bytes = arrive(host, datagram, sizeof datagram);
	if (reply_bytes != WIRE_ACCEPT_BYTES)
		return;
	// The same again, from anywhere: the same answer, and nothing else happens.
	const uint32_t count = listener.admission.count;
	const uint64_t init_count = listener.admission.init_count;
	const size_t again_bytes = arrive((how & 128) != 0 ? host : HONEST_HOST, datagram, sizeof datagram);
	assert(again_bytes == WIRE_ACCEPT_BYTES);
	assert(listener.admission.count <= count && listener.admission.init_count == init_count); // expired ones may go
}

static void send_hello(uint8_t host, struct reader *input)
{
	uint8_t datagram[WIRE_HELLO_BYTES];
	const uint8_t nonce[WIRE_NONCE_BYTES] = {take_u8(input)};
	wire_hello_encode(nonce, datagram);
	(void)arrive(host, datagram, nonce[0] < 200 ? sizeof datagram : nonce[0] % 64);
}

static void send_data(uint8_t host, struct reader *input)
{
	uint8_t datagram[WIRE_DATAGRAM_BYTES_MAX];
	uint8_t plain[WIRE_PLAIN_BYTES_MAX];
	const uint8_t *frames = NULL;
	const uint8_t how = take_u8(input);
	struct peer *peer = &peers[how % PEERS];
	struct writer writer = writer_of(plain, sizeof plain);
	const struct wire_state state = {1 + (how >> 4 & 3), 1 + (how >> 6), 0};
	bool fits = wire_state_write(&writer, &state);
	if ((how & 4) != 0)
		fits = fits && wire_call_write(&writer, state.base, 1 + how % 5, zeros, how);
	if ((how & 8) != 0) {
		const size_t bytes = take_span(input, &frames, writer_room(&writer));
		fits = fits && write_bytes(&writer, frames, bytes);
	}
	assert(fits);
	if (!peer->is_up)
		return;
	const size_t bytes = peer_seal(peer, plain, writer.used_bytes, datagram);
	record(datagram, bytes);
	(void)arrive(host, datagram, bytes);
}

static void replay(uint8_t host, struct reader *input)
{
	const uint8_t back = take_u8(input);
	if (record_count == 0)
		return;
	const uint32_t kept_count = record_count < RECORDS ? record_count : RECORDS;
	const struct record *kept = &records[(record_count - 1 - back % kept_count) % RECORDS];
	uint8_t datagram[WIRE_DATAGRAM_BYTES_MAX];
	memcpy(datagram, kept->datagram, kept->bytes);
	if (back >= 128)
		datagram[take_u8(input) % kept->bytes] ^= (uint8_t)(1 << back % 8);
	(void)arrive(host, datagram, kept->bytes);
}

// What an owner does: SIGNIN (1) is granted, 2 is put off once, 3 called back, 4 closes, all are answered.
static void poll_all(void)
{
	struct listener_event event;
	for (int polled = 0; listener_poll(&listener, now, &event); polled++) {
		assert(polled < 1000 && event.slot < SESSIONS);
		const uint8_t kind = event.call.kind;
		if (event.type == LISTENER_ENDED) {
			seen_count[event.slot] = 0;
			continue;
		}
		if (event.type != LISTENER_CALL)
			continue;
		assert(event.call.number == seen_count[event.slot] + 1);
		if (kind == 2 && now.us % 2000 == 0) {
			listener_defer(&listener, event.slot, mtime_add_ms(now, 1));
			continue;
		}
		if (kind == 3)
			(void)!listener_call(&listener, event.slot, 16, zeros, event.call.body_bytes, 1);
		seen_count[event.slot]++;
		listener_answer(&listener, event.slot, event.call.number, 1, zeros, event.call.body_bytes % 200, now);
		if (kind == 1)
			listener_signed_in(&listener, event.slot, 1);
		if (kind == 4)
			listener_close(&listener, event.slot, true, now);
	}
}

static void send_all(void)
{
	static struct session_out out;
	for (int sent = 0; listener_send(&listener, now, &out); sent++) {
		const uint8_t host = out.addr.ip[3];
		assert(sent < 1000);
		if (host >= HOSTS || is_proved[host])
			continue;
		sent_bytes[host] += out.count * out.bytes;
		assert(sent_bytes[host] <= PATH_AMPLIFICATION * recv_bytes[host]);
	}
}

static void wait_us(int64_t us)
{
	now = mtime_add_us(now, us);
	listener_tick(&listener, now);
	poll_all();
	send_all();
}

// After everything, and what the budgets need to fill again: a device that does as the protocol says is let in.
static void come_in(void)
{
	struct peer *peer = &peers[0];
	const struct rng rng = seeded_rng(&random_state);
	uint8_t datagram[WIRE_DATAGRAM_BYTES_MAX];
	uint8_t plain[WIRE_PLAIN_BYTES_MAX];
	const uint8_t no_cookie[COOKIE_BYTES] = {0};
	struct writer writer = writer_of(plain, sizeof plain);
	for (int i = 0; i < 4; i++)
		wait_us(50 * 1000 * 1000);
	peer_init(peer, 99);
	peer_dial_index(peer, server.public_key, &rng, 7);
	wire_init_encode(no_cookie, peer->noise_message, datagram);
	const size_t reply_bytes = arrive(HONEST_HOST, datagram, WIRE_INIT_BYTES);
	assert(reply_bytes == WIRE_ACCEPT_BYTES && peer->is_up);
	const struct wire_state state = {1, 1, 0};
	assert(wire_state_write(&writer, &state) && wire_call_write(&writer, 1, 1, zeros, 2));
	(void)arrive(HONEST_HOST, datagram, peer_seal(peer, plain, writer.used_bytes, datagram));
	uint32_t slot;
	const bool is_session = map_find(&listener.by_index, peer->remote_index, &slot);
	assert(is_session && slot < SESSIONS);
	poll_all();
	assert(listener.slot[slot].is_signed_in);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	if (crypto_init() != MMS_OK)
		return 1;
	const struct rng rng = seeded_rng(&random_state);
	struct listener_config config = listener_config_default();
	config.sessions_max = SESSIONS;
	config.half_open_max = HALF_OPEN;
	config.prefixes_max = 2 * BUDGET_WAYS;
	config.blocks_small_max = 24;
	config.blocks_large_max = 6;
	config.limits.blind = (struct bucket_rate){1, 6};
	config.limits.prefix = (struct bucket_rate){1, 6};
	config.limits.network = (struct bucket_rate){1, 9};
	config.limits.all = (struct bucket_rate){1, 12};
	config.limits.newcomer = (struct bucket_rate){1, 3};
	const size_t bytes = listener_memory_bytes(&config);
	void *memory = must_alloc(bytes);
	uint8_t secret[NOISE_KEY_BYTES] = {77};
	keypair_derive(&server, secret);
	listener_init(&listener, &config, memory, &server, &rng, (struct mtime){1000000});
	snapshots[0] = snapshot_take(&listener, sizeof listener);
	snapshots[1] = snapshot_take(memory, bytes);
	return 0;
}

static void step(struct reader *input)
{
	const uint8_t op = take_u8(input);
	const uint8_t host = op >> 6;
	const uint8_t *raw = NULL;
	size_t raw_bytes;
	switch (op % 8) {
	case 0:
		raw_bytes = take_span(input, &raw, WIRE_DATAGRAM_BYTES_MAX + 1);
		(void)arrive(host, raw, raw_bytes);
		break;
	case 1:
		send_hello(host, input);
		break;
	case 2:
	case 3:
		send_init(host, input);
		break;
	case 4:
	case 5:
		send_data(host, input);
		break;
	case 6:
		replay(host, input);
		break;
	default:
		wait_us(take_wait_us(input));
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct reader input = reader_of(data, bytes);
	now = (struct mtime){1000000};
	random_state = 5;
	record_count = 0;
	memset(recv_bytes, 0, sizeof recv_bytes);
	memset(sent_bytes, 0, sizeof sent_bytes);
	memset(is_proved, 0, sizeof is_proved);
	memset(is_elsewhere, 0, sizeof is_elsewhere);
	memset(accepted, 0, sizeof accepted);
	memset(seen_count, 0, sizeof seen_count);
	snapshot_restore(&snapshots[0]);
	snapshot_restore(&snapshots[1]);
	for (uint8_t i = 0; i < PEERS; i++)
		peer_init(&peers[i], 1 + i);
	const uint8_t options = take_u8(&input);
	for (int ops = 0; input.left_bytes > 0 && ops < FUZZ_OPS_MAX; ops++)
		step(&input);
	poll_all();
	send_all();
	if (options % 4 == 0)
		come_in();
	listener_clear(&listener);
	assert(blocks_used_count(&listener.blocks) == 0);
	return 0;
}
