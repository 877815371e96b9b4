// SPDX-License-Identifier: ISC
// The frames behind the seal: two real sessions with known keys, server's end and device's end, that make and answer
// calls while the input forges plain text under either one's key, replays, bends and delays. Held: what opens and is
// malformed ends the session and nothing else does; what does not open changes nothing; calls start in order, once; an
// answer comes once; an unproved address gets three times what came from it; no block is lost; no timer stands still.
#include "fuzz.h"
#include "crypto/crypto.h"
#include "proto/session.h"

enum { ENDS = 2, HOSTS = 4, WIRES_MAX = 16, CALLS_MAX = 256, CALL_BODY_BYTES = 700, TAKEN_MAX = 256 };

struct wire_record {
	size_t bytes;
	uint8_t datagram[WIRE_DATAGRAM_BYTES_MAX];
};

struct end {
	struct session session;
	struct blocks blocks;
	void *memory;
	struct wire_record wire[WIRES_MAX]; // sent by it, the last ones
	uint32_t wire_count;
	uint32_t started;              // calls of the other end that have started
	uint32_t pending[CALL_WINDOW]; // those that wait for an answer
	uint32_t pending_count;
	uint64_t tag_count; // calls made
	bool is_answered[CALLS_MAX];
	uint64_t next_counter; // no counter below is sent again
	uint64_t taken[TAKEN_MAX]; // counters it has taken
	uint32_t taken_count;
	uint64_t taken_next; // one above the highest of them
};

static struct end ends[ENDS];
static struct mtime now;
static uint64_t random_state;
static uint64_t recv_bytes[HOSTS]; // by the server's end, from each address
static uint64_t sent_bytes[HOSTS]; // to each, while it was not proved
static bool is_proved[HOSTS];
static uint8_t challenge[WIRE_PATH_BYTES]; // the newest that was sent to challenge_host
static uint8_t challenge_host;

static void begin(uint8_t options)
{
	static const uint8_t key[ENDS][NOISE_KEY_BYTES] = {{1}, {2}};
	now = (struct mtime){1000000};
	random_state = 1;
	memset(recv_bytes, 0, sizeof recv_bytes);
	memset(sent_bytes, 0, sizeof sent_bytes);
	memset(is_proved, 0, sizeof is_proved);
	is_proved[0] = (options & 1) != 0;
	memset(challenge, 0, sizeof challenge);
	challenge_host = HOSTS;
	for (uint32_t i = 0; i < ENDS; i++) {
		struct end *end = &ends[i];
		struct noise_keys keys;
		memcpy(keys.send_key, key[i], NOISE_KEY_BYTES);
		memcpy(keys.recv_key, key[1 - i], NOISE_KEY_BYTES);
		const struct session_birth birth = {
			.keys = &keys,
			.local_index = 1 + i,
			.remote_index = 2 - i,
			.is_server = i == 0,
			.addr = addr_of(0),
			.is_addr_proved = i == 1 || (options & 1) != 0,
		};
		const bool is_short = (options & 2) != 0;
		const struct blocks_part part = is_short ? blocks_of_one(12, 4) : blocks_of_one(160, 48);
		blocks_init(&end->blocks, end->memory, &part, 1, 1);
		session_init(&end->session, &end->blocks, &birth, now);
		end->wire_count = end->started = end->pending_count = 0;
		end->tag_count = end->next_counter = end->taken_next = end->taken_count = 0;
		memset(end->is_answered, 0, sizeof end->is_answered);
	}
}

// What section 5.4 says about a plain text, said again. The server's challenge in it, copied back from the address it
// was sent to, proves `host`.
static bool is_good_plain(const uint8_t *plain, size_t bytes, bool to_server, uint8_t host)
{
	for (size_t at = WIRE_STATE_BYTES; at < bytes;) {
		const uint8_t *frame = plain + at;
		const size_t left = bytes - at;
		const size_t header = frame[0] == 1 ? 8 : 9;
		if (frame[0] == 0)
			return true;
		if (frame[0] > 4 || left < header)
			return false;
		if (frame[0] >= 3) {
			if ((frame[0] == 3) == to_server)
				return false;
			if (to_server && host == challenge_host && memcmp(frame + 1, challenge, WIRE_PATH_BYTES) == 0)
				is_proved[host] = true;
			at += 9;
			continue;
		}
		const bool has_number = (frame[1] | frame[2] | frame[3] | frame[4]) != 0;
		const size_t body_bytes = (size_t)frame[header - 2] << 8 | frame[header - 1];
		if (!has_number || body_bytes > left - header || (frame[0] == 2 && (frame[5] < 1 || frame[5] > 64)))
			return false;
		at += header + body_bytes;
	}
	return bytes >= WIRE_STATE_BYTES;
}

// The replay window of section 5.2, said again.
static bool is_fresh(const struct end *end, uint64_t counter)
{
	for (uint32_t i = 0; i < end->taken_count; i++)
		if (end->taken[i] == counter)
			return false;
	return counter >= end->taken_next || end->taken_next - counter <= REPLAY_WINDOW;
}

static void note_taken(struct end *end, uint64_t counter)
{
	assert(end->taken_count < TAKEN_MAX);
	end->taken[end->taken_count++] = counter;
	end->taken_next = counter >= end->taken_next ? counter + 1 : end->taken_next;
}

// Gives a datagram to an end. False: it ended the session.
static bool arrive(uint32_t i, uint8_t host, const uint8_t *datagram, size_t bytes)
{
	struct end *end = &ends[i];
	static struct session before;
	uint8_t plain[WIRE_PLAIN_BYTES_MAX];
	const struct addr addr = addr_of(host);
	const struct rng rng = seeded_rng(&random_state);
	uint32_t index;
	uint64_t counter;
	bool opens = wire_data_decode(datagram, bytes, &index, &counter) == MMS_OK;
	if (opens && index != end->session.local_index)
		return true; // another session's
	opens = opens && is_fresh(end, counter) &&
		noise_open(end->session.keys.recv_key, counter, datagram, WIRE_DATA_HEADER_BYTES,
			   datagram + WIRE_DATA_HEADER_BYTES, bytes - WIRE_DATA_HEADER_BYTES, plain) == MMS_OK;
	if (opens && i == 0)
		recv_bytes[host] += bytes;
	if (opens)
		note_taken(end, counter);
	memcpy(&before, &end->session, sizeof before);
	const enum mms_err err = session_recv(&end->session, &end->blocks, &addr, datagram, bytes, now, &rng);
	if (!opens) {
		assert(err == MMS_E_AUTH);
		assert(memcmp(&before, &end->session, sizeof before) == 0);
		return true;
	}
	const bool is_good = is_good_plain(plain, bytes - WIRE_DATA_HEADER_BYTES - NOISE_TAG_BYTES, i == 0, host);
	assert(err == (is_good ? MMS_OK : MMS_E_BAD));
	return is_good;
}

// The plain text of what an end sends is of the layout; a challenge in it is remembered for its address.
static void look_at(uint32_t i, const struct session_out *out, const uint8_t *datagram)
{
	uint8_t plain[WIRE_PLAIN_BYTES_MAX];
	uint32_t index;
	uint64_t counter;
	struct wire_state state;
	assert(out->bytes <= WIRE_DATAGRAM_BYTES_MAX);
	const bool is_data = wire_data_decode(datagram, out->bytes, &index, &counter) == MMS_OK;
	assert(is_data && counter >= ends[i].next_counter); // no nonce twice
	ends[i].next_counter = counter + 1;
	const size_t sealed_bytes = out->bytes - WIRE_DATA_HEADER_BYTES;
	const enum mms_err err = noise_open(ends[i].session.keys.send_key, counter, datagram, WIRE_DATA_HEADER_BYTES,
					    datagram + WIRE_DATA_HEADER_BYTES, sealed_bytes, plain);
	assert(err == MMS_OK);
	assert(is_good_plain(plain, sealed_bytes - NOISE_TAG_BYTES, i == 1, 0));
	struct reader reader = reader_of(plain, sealed_bytes - NOISE_TAG_BYTES);
	assert(wire_state_read(&reader, &state) && state.base >= 1 && state.next >= 1);
	if (i == 0 && reader.left_bytes > 0 && *reader.at == WIRE_FRAME_PATH_CHALLENGE) {
		memcpy(challenge, reader.at + 1, WIRE_PATH_BYTES);
		challenge_host = out->addr.ip[3];
	}
}

static void send_all(uint32_t i)
{
	struct end *end = &ends[i];
	static struct session_out out;
	for (int sent = 0; session_send(&end->session, &end->blocks, now, &out); sent++) {
		assert(sent < 200);
		assert(out.count >= 1 && out.count <= SESSION_COPIES_MAX);
		for (size_t copy = 0; copy < out.count; copy++) {
			look_at(i, &out, out.datagram[copy]);
			struct wire_record *wire = &end->wire[end->wire_count++ % WIRES_MAX];
			wire->bytes = out.bytes;
			memcpy(wire->datagram, out.datagram[copy], out.bytes);
		}
		const uint8_t host = out.addr.ip[3];
		if (i == 1 || is_proved[host])
			continue;
		sent_bytes[host] += out.count * out.bytes;
		assert(sent_bytes[host] <= PATH_AMPLIFICATION * recv_bytes[host]);
	}
}

// An answer of the size the call's kind says; sometimes the call starts again instead.
static void answer_one(struct end *end, uint8_t how)
{
	static const uint8_t body[WIRE_ANSWER_BODY_BYTES_MAX];
	static const size_t sizes[] = {0, 0, 25, 208, 209, 1146};
	if (end->pending_count == 0)
		return;
	const uint32_t number = end->pending[--end->pending_count];
	const size_t bytes = sizes[how % 6];
	const enum mms_err err = callee_answer(&end->session.callee, &end->blocks, number, 1 + how % 3, body, bytes,
					       mtime_add_ms(now, 100));
	assert(err == MMS_OK || (err == MMS_E_FULL && bytes > BLOCK_SMALL_BYTES && number == end->started));
	end->started -= err == MMS_E_FULL; // as if it had not started
}

static void poll_one(struct end *end, uint8_t how)
{
	struct session_event event;
	const bool has_event = session_has_event(&end->session, now);
	const bool is_event = session_poll(&end->session, &end->blocks, now, &event);
	assert(has_event == is_event);
	if (!is_event)
		return;
	if (event.type == SESSION_ANSWER) {
		assert(event.tag < end->tag_count && !end->is_answered[event.tag]);
		end->is_answered[event.tag] = true;
		return;
	}
	assert(event.number == end->started + 1);
	if (how % 8 == 7) {
		callee_defer(&end->session.callee, mtime_add_ms(now, 50));
		return;
	}
	end->started++;
	if (event.number == 1)
		callee_open_gate(&end->session.callee);
	assert(end->pending_count < CALL_WINDOW);
	end->pending[end->pending_count++] = event.number;
	// A body over BLOCK_SMALL_BYTES may be turned down for the call that started last only: it is answered at once.
	if (how % 8 < 5)
		answer_one(end, how);
}

static void open_call(struct end *end, uint8_t size)
{
	static const uint8_t body[CALL_BODY_BYTES];
	if (end->tag_count < CALLS_MAX &&
	    caller_open(&end->session.caller, &end->blocks, size % 7, body, size * CALL_BODY_BYTES / 255U,
			end->tag_count) == MMS_OK)
		end->tag_count++;
}

// Plain text from the input, under the key of the other end. False: it ended the session.
static bool forge(uint32_t i, uint8_t host, struct reader *input)
{
	struct session *forger = &ends[1 - i].session;
	uint8_t datagram[WIRE_DATAGRAM_BYTES_MAX];
	uint8_t plain[WIRE_PLAIN_BYTES_MAX];
	const uint8_t *frames = NULL;
	const uint8_t how = take_u8(input);
	uint64_t counter = forger->send_counter;
	struct writer writer = writer_of(plain, sizeof plain);
	const bool is_honest = (how & 1) == 0;
	const struct wire_state state = {is_honest ? caller_base(&forger->caller) : take_u8(input),
					 is_honest ? forger->callee.next : take_u8(input),
					 is_honest ? 0 : (uint64_t)take_u32(input) << (how >> 4 << 1)};
	bool fits = (how & 2) != 0 || wire_state_write(&writer, &state);
	if ((how & 4) != 0 && i == 0)
		fits = fits && wire_path_write(&writer, WIRE_FRAME_PATH_RESPONSE, challenge);
	const size_t frame_bytes = take_span(input, &frames, writer_room(&writer));
	fits = fits && write_bytes(&writer, frames, frame_bytes);
	assert(fits);
	if ((how & 8) != 0)
		counter = counter + ((uint64_t)1 << take_u8(input) % 64) - 1; // a gap, however wide
	if (writer.used_bytes < WIRE_STATE_BYTES || counter >= UINT64_MAX - 64)
		return true;
	forger->send_counter = counter + 1;
	ends[1 - i].next_counter = counter + 1;
	wire_data_encode(1 + i, counter, datagram);
	noise_seal(forger->keys.send_key, counter, datagram, WIRE_DATA_HEADER_BYTES, plain, writer.used_bytes,
		   datagram + WIRE_DATA_HEADER_BYTES);
	return arrive(i, host, datagram, WIRE_DATA_HEADER_BYTES + writer.used_bytes + NOISE_TAG_BYTES);
}

// One of the last datagrams, again or for the first time, whole or bent. False: it ended the session.
static bool deliver(uint32_t i, uint8_t host, struct reader *input)
{
	const struct end *from = &ends[1 - i];
	uint8_t bent[WIRE_DATAGRAM_BYTES_MAX];
	const uint8_t back = take_u8(input);
	const uint32_t kept = from->wire_count < WIRES_MAX ? from->wire_count : WIRES_MAX;
	if (kept == 0)
		return true;
	const struct wire_record *wire = &from->wire[(from->wire_count - 1 - back % kept) % WIRES_MAX];
	if (back < 192)
		return arrive(i, host, wire->datagram, wire->bytes);
	memcpy(bent, wire->datagram, wire->bytes);
	bent[take_u8(input) % wire->bytes] ^= (uint8_t)(1 << back % 8);
	return arrive(i, host, bent, wire->bytes - back % 3);
}

static bool step(struct reader *input)
{
	const uint8_t op = take_u8(input);
	const uint32_t i = op >> 7;
	const uint8_t host = i == 1 ? 0 : op >> 5 & 3;
	switch (op % 8) {
	case 0:
	case 1:
		return forge(i, host, input);
	case 2:
		return deliver(i, host, input);
	case 3:
		open_call(&ends[i], take_u8(input));
		return true;
	case 4:
		poll_one(&ends[i], take_u8(input));
		return true;
	case 5:
		answer_one(&ends[i], take_u8(input) % 4);
		return true;
	case 6:
		send_all(i);
		return true;
	default:
		now = mtime_add_us(now, take_wait_us(input));
		session_tick(&ends[0].session, now);
		session_tick(&ends[1].session, now);
		return true;
	}
}

// After everything that is due was done, the next deadline lies ahead: nothing spins.
static void settle(uint32_t i)
{
	struct end *end = &ends[i];
	for (int turn = 0;; turn++) {
		assert(turn < 8);
		session_tick(&end->session, now);
		while (session_has_event(&end->session, now))
			poll_one(end, 0);
		send_all(i);
		if (session_deadline(&end->session, now).us > now.us)
			return;
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	const struct blocks_part part = blocks_of_one(160, 48);
	for (uint32_t i = 0; i < ENDS; i++)
		ends[i].memory = must_alloc(blocks_memory_bytes(&part, 1, 1));
	return crypto_init() == MMS_OK ? 0 : 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct reader input = reader_of(data, bytes);
	begin(take_u8(&input));
	int ops = 0;
	while (input.left_bytes > 0 && ops < FUZZ_OPS_MAX && step(&input))
		ops++;
	if (input.left_bytes == 0 || ops == FUZZ_OPS_MAX) {
		settle(0);
		settle(1);
	}
	for (uint32_t i = 0; i < ENDS; i++) {
		session_clear(&ends[i].session, &ends[i].blocks);
		assert(blocks_used_count(&ends[i].blocks) == 0 && ends[i].blocks.proofs.used_count == 0);
	}
	return 0;
}
