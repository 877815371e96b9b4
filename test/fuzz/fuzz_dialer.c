// SPDX-License-Identifier: ISC
// Datagrams at a device's end, raw and well made: SERVERINFO, RETRY, ACCEPT and UNKNOWN that match what it sent or
// nearly do, DATA under the session's keys, while its owner dials, calls, answers and stops. Held: what is not
// authentic and matches nothing changes nothing; only the server's addresses are spoken to; handshakes are repeated no
// faster than told, whatever RETRY and UNKNOWN say; no block is lost, no timer stands still.
#include "fuzz_peer.h"
#include "crypto/crypto.h"
#include "proto/dialer.h"

enum { ADDRS = 3, HOSTS = 4 };

static struct dialer dialer;
static struct dialer before;
static void *memory;
static struct peer server;
static struct keypair device;
static struct mtime now;
static uint64_t random_state;
static uint8_t init[WIRE_INIT_BYTES];
static bool is_init_sent;
static uint8_t nonce[WIRE_NONCE_BYTES];
static uint8_t trailer[WIRE_TRAILER_BYTES];
static uint32_t data_index;
static uint64_t init_count; // datagrams with INIT or HELLO
static uint64_t begun_count; // what may have begun a handshake
static struct mtime born_at;

static void look_at(const struct session_out *out)
{
	assert(out->count >= 1 && out->count <= SESSION_COPIES_MAX && out->bytes <= WIRE_DATAGRAM_BYTES_MAX);
	assert(out->addr.ip[3] < HOSTS);
	const uint8_t *datagram = out->datagram[out->count - 1];
	if (datagram[0] == WIRE_DATA) {
		data_index = (uint32_t)datagram[1] << 24 | (uint32_t)datagram[2] << 16 | (uint32_t)datagram[3] << 8 |
			     datagram[4];
		memcpy(trailer, datagram + out->bytes - WIRE_TRAILER_BYTES, sizeof trailer);
		return;
	}
	assert(out->addr.ip[3] < ADDRS); // what came last from elsewhere proves nothing
	init_count += out->count;
	if (datagram[0] == WIRE_INIT) {
		memcpy(init, datagram, sizeof init);
		is_init_sent = true;
	} else {
		memcpy(nonce, datagram + 1, sizeof nonce);
	}
	// Once at each beginning, of INIT and of HELLO; then each of the two, and INIT for a RETRY, in copies each
	// quarter second.
	const uint64_t waits =
		(uint64_t)(mtime_diff_us(now, born_at) + DIALER_REPEAT_US_FIRST - 1) / DIALER_REPEAT_US_FIRST;
	assert(init_count <= (2 + 2 * begun_count) * ADDRS + 3 * waits * ADDRS * SESSION_COPIES_MAX);
}

static void send_all(void)
{
	static struct session_out out;
	for (int sent = 0; dialer_send(&dialer, now, &out); sent++) {
		assert(sent < 500);
		look_at(&out);
	}
}

// The owner: signs in, lets it be the session in use, answers what it is asked.
static void poll_all(uint8_t how)
{
	struct dialer_event event;
	for (int polled = 0; dialer_poll(&dialer, now, &event); polled++) {
		assert(polled < 500);
		switch (event.type) {
		case DIALER_SERVER_KEY:
			begun_count++;
			dialer_dial(&dialer, &device, event.key, now);
			break;
		case DIALER_SESSION_UP:
			assert(event.slot < DIALER_SESSIONS);
			(void)!dialer_call(&dialer, event.slot, 1, "hello", 5, 0);
			break;
		case DIALER_CALL:
			dialer_answer(&dialer, event.slot, event.call.number, 1, NULL, 0, now);
			break;
		case DIALER_ANSWER:
			if (event.call.kind == 1)
				dialer_prefer(&dialer, event.slot, now);
			if (how % 4 == 3)
				dialer_stop(&dialer);
			break;
		case DIALER_KEY_CHANGED:
		case DIALER_NO_VERSION:
			assert(dialer.state == DIALER_IDLE);
			break;
		case DIALER_ENDED:
			break;
		}
	}
}

static void arrive(uint8_t host, const uint8_t *datagram, size_t bytes)
{
	const struct addr addr = addr_of(host);
	uint8_t *copy = malloc(bytes == 0 ? 1 : bytes);
	assert(copy != NULL);
	if (bytes > 0)
		memcpy(copy, datagram, bytes);
	dialer_recv(&dialer, &addr, copy, bytes, now);
	free(copy);
}

// Nothing that was not sealed for it moves it.
static void arrive_raw(uint8_t host, const uint8_t *datagram, size_t bytes)
{
	const bool is_sealed = bytes > 0 && (datagram[0] == WIRE_ACCEPT || datagram[0] == WIRE_DATA);
	memcpy(&before, &dialer, sizeof before);
	arrive(host, datagram, bytes);
	if (is_sealed)
		assert(memcmp(&before, &dialer, sizeof before) == 0);
}

static void send_serverinfo(uint8_t host, struct reader *input)
{
	uint8_t datagram[WIRE_SERVERINFO_BYTES];
	uint8_t shown[WIRE_NONCE_BYTES];
	uint8_t key[NOISE_KEY_BYTES];
	const uint8_t how = take_u8(input);
	memcpy(shown, nonce, sizeof shown);
	memcpy(key, server.keypair.public_key, sizeof key);
	if ((how & 1) != 0)
		shown[how >> 4] ^= 1;
	if ((how & 2) != 0)
		key[how >> 3] ^= (uint8_t)(how >> 1);
	if ((how & 0xc0) == 0xc0)
		memset(key, 0, sizeof key);
	wire_serverinfo_encode(shown, key, datagram);
	if ((how & 4) != 0)
		datagram[1 + WIRE_NONCE_BYTES + 1] = how;
	memcpy(&before, &dialer, sizeof before);
	arrive(host, datagram, sizeof datagram);
	if ((how & 1) != 0)
		assert(memcmp(&before, &dialer, sizeof before) == 0);
}

static void send_retry(uint8_t host, struct reader *input)
{
	uint8_t datagram[WIRE_RETRY_BYTES];
	const uint8_t cookie[COOKIE_BYTES] = {take_u8(input)};
	wire_retry_encode(init + 2 + COOKIE_BYTES, cookie, datagram);
	if (cookie[0] >= 240)
		datagram[cookie[0] - 240] ^= 1;
	arrive(host, datagram, sizeof datagram);
}

static void send_unknown(uint8_t host, struct reader *input)
{
	uint8_t datagram[WIRE_UNKNOWN_BYTES];
	const uint8_t how = take_u8(input);
	wire_unknown_encode(data_index, trailer, datagram);
	if (how >= 240)
		datagram[how % sizeof datagram] ^= 1;
	begun_count++;
	arrive(host, datagram, sizeof datagram);
}

static void send_accept(uint8_t host, struct reader *input)
{
	uint8_t datagram[WIRE_ACCEPT_BYTES];
	const uint8_t how = take_u8(input);
	const struct rng rng = seeded_rng(&random_state);
	const struct peer kept = server;
	if (!is_init_sent || !peer_respond(&server, init, sizeof init, &rng, how % 5, datagram))
		return;
	if (how >= 200) {
		datagram[how % sizeof datagram] ^= (uint8_t)(1 << how % 8);
		server = kept;
		arrive_raw(host, datagram, sizeof datagram);
		return;
	}
	const struct dialer_slot *slots = dialer.slot;
	arrive(host, datagram, sizeof datagram);
	begun_count++;
	if ((slots[0].state == DIALER_SLOT_FREE || slots[0].session.local_index != server.remote_index) &&
	    (slots[1].state == DIALER_SLOT_FREE || slots[1].session.local_index != server.remote_index))
		server = kept; // not taken
}

static void send_data(uint8_t host, struct reader *input)
{
	uint8_t datagram[WIRE_DATAGRAM_BYTES_MAX];
	uint8_t plain[WIRE_PLAIN_BYTES_MAX];
	static const uint8_t zeros[256];
	const uint8_t *frames = NULL;
	const uint8_t how = take_u8(input);
	struct writer writer = writer_of(plain, sizeof plain);
	const struct wire_state state = {1, 1 + (how & 3), (how & 4) != 0 ? take_u8(input) : 0};
	bool fits = wire_state_write(&writer, &state);
	if (!server.is_up)
		return;
	if ((how & 8) != 0)
		fits = fits && wire_answer_write(&writer, 1 + (how & 3), 1, 1, zeros, how);
	if ((how & 16) != 0)
		fits = fits && wire_call_write(&writer, 1U + take_u8(input) % 80, 16, zeros, how);
	if ((how & 32) != 0) {
		const size_t bytes = take_span(input, &frames, writer_room(&writer));
		fits = fits && write_bytes(&writer, frames, bytes);
	}
	assert(fits);
	server.counter += (how & 128) * 4U; // a gap as wide as the replay window
	const size_t bytes = peer_seal(&server, plain, writer.used_bytes, datagram);
	begun_count++;
	if ((how & 64) != 0)
		datagram[take_u8(input) % bytes] ^= 1;
	arrive(host, datagram, bytes);
}

static void act(struct reader *input)
{
	static const uint8_t body[600];
	const uint8_t how = take_u8(input);
	poll_all(0);
	switch (how % 8) {
	case 0:
		dialer_dial(&dialer, &device, server.keypair.public_key, now);
		begun_count++;
		break;
	case 1:
		dialer_ask(&dialer, now);
		begun_count++;
		break;
	case 2:
		dialer_redial(&dialer, now);
		begun_count++;
		break;
	case 3:
		dialer_stop(&dialer);
		break;
	default:
		(void)!dialer_call(&dialer, how >> 3 & 1, 3, body, how * 2U, how);
		break;
	}
}

static void step(struct reader *input)
{
	const uint8_t op = take_u8(input);
	const uint8_t host = op >> 6;
	const uint8_t *raw = NULL;
	size_t raw_bytes;
	switch (op % 10) {
	case 0:
		raw_bytes = take_span(input, &raw, WIRE_DATAGRAM_BYTES_MAX + 1);
		arrive_raw(host, raw, raw_bytes);
		break;
	case 1:
		send_serverinfo(host, input);
		break;
	case 2:
		send_retry(host, input);
		break;
	case 3:
		send_unknown(host, input);
		break;
	case 4:
		send_accept(host, input);
		break;
	case 5:
	case 6:
		send_data(host, input);
		break;
	case 7:
		act(input);
		break;
	case 8:
		poll_all(take_u8(input));
		send_all();
		break;
	default:
		now = mtime_add_us(now, take_wait_us(input));
		dialer_tick(&dialer, now);
		poll_all(0);
		send_all();
		break;
	}
}

// What is due is done, and then there is nothing due.
static void settle(void)
{
	for (int turn = 0;; turn++) {
		assert(turn < 8);
		dialer_tick(&dialer, now);
		poll_all(0);
		send_all();
		if (dialer_deadline(&dialer, now).us > now.us)
			return;
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	const uint8_t secret[NOISE_KEY_BYTES] = {55};
	if (crypto_init() != MMS_OK)
		return 1;
	memory = must_alloc(dialer_memory_bytes());
	keypair_derive(&device, secret);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct reader input = reader_of(data, bytes);
	const struct rng rng = seeded_rng(&random_state);
	const struct addr addrs[ADDRS] = {addr_of(0), addr_of(1), addr_of(2)};
	now = born_at = (struct mtime){1000000};
	random_state = 6;
	init_count = begun_count = 0;
	is_init_sent = false;
	memset(init, 0, sizeof init);
	peer_init(&server, 7);
	dialer_init(&dialer, addrs, 1 + (take_u8(&input) % ADDRS), memory, &rng, now);
	dialer_dial(&dialer, &device, server.keypair.public_key, now);
	send_all();
	for (int ops = 0; input.left_bytes > 0 && ops < FUZZ_OPS_MAX; ops++)
		step(&input);
	settle();
	dialer_clear(&dialer);
	assert(blocks_used_count(&dialer.blocks) == 0);
	return 0;
}
