// SPDX-License-Identifier: ISC
// proto/dialer: a single dialer against datagrams made by hand: what it must not believe, and what it says of silence.
#include "dialer_world.h"

static struct dialer *dialer;
static const struct addr server_addr = {.family = ADDR_IPV4, .port = 1000, .ip = {10, 0, 0, SERVER_HOST}};
static const struct addr stranger = {.family = ADDR_IPV4, .port = 1000, .ip = {10, 0, 9, 9}};

static void start(uint64_t seed)
{
	begin(seed, 1);
	dialer = &world.device[0].dialer;
}

static void dial(void)
{
	dialer_dial(dialer, &world.device[0].keypair, world.server.public_key, world.now);
}

// What the next event is; 0: there is none.
static enum dialer_event_type next_event(void)
{
	struct dialer_event event;
	return dialer_poll(dialer, world.now, &event) ? event.type : 0;
}

static bool sends_something(struct session_out *out)
{
	return dialer_send(dialer, world.now, out);
}

static void drain(void)
{
	struct session_out out;
	while (sends_something(&out))
		;
}

// --- owners that come too early or too late ---

static void owners_of_free_slots(void **state)
{
	(void)state;
	struct session_out out;
	start(1);
	dialer_redial(dialer, world.now);
	dialer_prefer(dialer, 0, world.now);
	dialer_answer(dialer, 1, 1, 1, NULL, 0, world.now);
	assert_int_equal(dialer_call(dialer, 0, KIND_SIGNIN, NULL, 0, 0), MMS_E_MISSING);
	assert_false(sends_something(&out));
	assert_int_equal(dialer->state, DIALER_IDLE);
	assert_int_equal(next_event(), 0);
	finish();
}

static void silence(void **state)
{
	(void)state;
	start(2);
	assert_int_equal(dialer_silence_us(dialer, world.now), 0);
	world.now = mtime_add_ms(world.now, 5000);
	dialer_ask(dialer, world.now);
	world.now = mtime_add_ms(world.now, 2000);
	assert_int_equal(dialer_silence_us(dialer, world.now), 2000 * 1000); // since it asked, not since it was made
	dialer->heard_at = at_us(world.now.us - 500 * 1000);
	assert_int_equal(dialer_silence_us(dialer, world.now), 500 * 1000);
	dial();
	world.now = mtime_add_ms(world.now, 3000);
	assert_int_equal(dialer_silence_us(dialer, world.now), 3000 * 1000);
	finish();

	start(3);
	dial();
	run_ms(1000);
	assert_int_equal(dialer_silence_us(dialer, world.now), 0); // nothing waits for an answer
	world.is_cut = true;
	world.device[0].message_count = 1;
	run_ms(4000);
	assert_in_range(dialer_silence_us(dialer, world.now), 3900 * 1000, 4000 * 1000);
	world.is_cut = false;
	run_ms(2000);
	dialer_redial(dialer, world.now);
	run_ms(1000); // the session before is kept for a while, and its silence is none
	assert_int_equal(dialer->slot[0].state + dialer->slot[1].state, DIALER_SLOT_OLD + DIALER_SLOT_PRESENT);
	struct caller *old = &dialer->slot[dialer->slot[0].state == DIALER_SLOT_OLD ? 0 : 1].session.caller;
	struct caller_calls calls = {.sent = 1};
	assert_null(old->calls);
	old->calls = &calls; // as if a call were unanswered there
	assert_int_equal(dialer_silence_us(dialer, world.now), 0);
	old->calls = NULL;
	finish();
}

// --- keys and versions ---

static void a_key_of_low_order_is_nobodys(void **state)
{
	(void)state;
	const uint8_t zero[NOISE_KEY_BYTES] = {0};
	struct session_out out;
	start(4);
	dialer_dial(dialer, &world.device[0].keypair, zero, world.now);
	assert_int_equal(next_event(), DIALER_KEY_CHANGED);
	assert_int_equal(next_event(), 0);
	assert_false(sends_something(&out));
	finish();
}

static void serverinfo(void **state)
{
	(void)state;
	uint8_t datagram[WIRE_SERVERINFO_BYTES];
	start(5);
	dialer_ask(dialer, world.now);
	wire_serverinfo_encode(dialer->nonce, world.server.public_key, datagram);
	dialer_recv(dialer, &server_addr, datagram, sizeof datagram - 1, world.now);
	datagram[1] ^= 1; // the answer to somebody else's question
	dialer_recv(dialer, &server_addr, datagram, sizeof datagram, world.now);
	assert_int_equal(next_event(), 0);
	datagram[1] ^= 1;
	dialer_recv(dialer, &stranger, datagram, sizeof datagram, world.now); // from another address: good, but not chosen
	assert_int_equal(next_event(), DIALER_SERVER_KEY);
	assert_int_equal(dialer->addr_chosen, 0);
	dialer_recv(dialer, &server_addr, datagram, sizeof datagram, world.now); // nobody asks any more
	assert_int_equal(next_event(), 0);
	assert_int_equal(dialer->addr_chosen, 0);
	dialer_ask(dialer, world.now);
	wire_serverinfo_encode(dialer->nonce, world.server.public_key, datagram);
	datagram[WIRE_SERVERINFO_BYTES - NOISE_KEY_BYTES - 1] = WIRE_VERSION + 1;
	dialer_recv(dialer, &server_addr, datagram, sizeof datagram, world.now);
	assert_int_equal(next_event(), DIALER_NO_VERSION);
	assert_int_equal(dialer->state, DIALER_IDLE);
	finish();
}

// Repetitions of a HELLO are the same; another key than that of the handshake on its way is a changed one, pinned or not.
static void another_key_in_a_later_serverinfo(void **state)
{
	(void)state;
	struct session_out out;
	uint8_t datagram[WIRE_SERVERINFO_BYTES];
	uint8_t nonce[WIRE_NONCE_BYTES];
	start(17);
	dialer_ask(dialer, world.now);
	memcpy(nonce, dialer->nonce, sizeof nonce);
	for (int i = 0; i < 5; i++) {
		dialer_tick(dialer, world.now);
		while (dialer_send(dialer, world.now, &out))
			assert_memory_equal(out.datagram[0] + 1, nonce, sizeof nonce);
		world.now = dialer_deadline(dialer, world.now);
	}
	wire_serverinfo_encode(nonce, world.server.public_key, datagram);
	dialer_recv(dialer, &server_addr, datagram, sizeof datagram, world.now);
	assert_int_equal(next_event(), DIALER_SERVER_KEY);
	dial();
	assert_memory_not_equal(dialer->nonce, nonce, sizeof nonce);
	dialer_recv(dialer, &server_addr, datagram, sizeof datagram, world.now); // to a question of before
	wire_serverinfo_encode(dialer->nonce, world.server.public_key, datagram);
	dialer_recv(dialer, &server_addr, datagram, sizeof datagram, world.now); // the same key
	assert_int_equal(dialer->state, DIALER_DIALING);
	wire_serverinfo_encode(dialer->nonce, world.device[0].keypair.public_key, datagram);
	dialer_recv(dialer, &server_addr, datagram, sizeof datagram, world.now);
	assert_int_equal(next_event(), DIALER_KEY_CHANGED);
	assert_int_equal(dialer->state, DIALER_IDLE);
	finish();
}

// --- handshakes ---

// The server's ACCEPT to the dialer's INIT, naming this session index.
static void make_accept(uint32_t remote_index, uint8_t datagram[WIRE_ACCEPT_BYTES])
{
	const uint8_t prologue[4] = {'M', 'M', 'S', WIRE_VERSION};
	struct noise_ik noise;
	uint8_t payload[WIRE_INIT_PAYLOAD_BYTES];
	uint8_t secret[NOISE_KEY_BYTES];
	uint8_t message[WIRE_ACCEPT_NOISE_BYTES];
	uint8_t index_bytes[WIRE_ACCEPT_PAYLOAD_BYTES];
	struct writer writer = writer_of(index_bytes, sizeof index_bytes);
	assert_true(write_u32(&writer, remote_index));
	rng_fill(&world.rng, secret, sizeof secret);
	noise_ik_init_responder(&noise, prologue, sizeof prologue, &world.server);
	assert_int_equal(noise_ik_consume_1(&noise, dialer->noise_message, WIRE_INIT_NOISE_BYTES, payload), MMS_OK);
	assert_int_equal(noise_ik_create_2(&noise, secret, index_bytes, sizeof index_bytes, message), MMS_OK);
	wire_accept_encode(dialer->index, message, datagram);
}

static void accepts(void **state)
{
	(void)state;
	uint8_t good[WIRE_ACCEPT_BYTES];
	uint8_t bad[WIRE_ACCEPT_BYTES];
	start(6);
	dial();
	make_accept(77, good);
	dialer_recv(dialer, &server_addr, good, sizeof good - 1, world.now);
	memcpy(bad, good, sizeof bad);
	bad[4] ^= 1; // another index
	dialer_recv(dialer, &server_addr, bad, sizeof bad, world.now);
	memcpy(bad, good, sizeof bad);
	bad[sizeof bad - 1] ^= 1; // not the server's
	dialer_recv(dialer, &server_addr, bad, sizeof bad, world.now);
	make_accept(0, bad); // the server's own, and against the rules
	dialer_recv(dialer, &server_addr, bad, sizeof bad, world.now);
	dialer_recv(dialer, &stranger, good, sizeof good, world.now); // whoever that is would get all of the session
	assert_int_equal(dialer->state, DIALER_DIALING);
	assert_int_equal(next_event(), 0);
	dialer_recv(dialer, &server_addr, good, sizeof good, world.now); // none of them has spoilt it
	assert_int_equal(next_event(), DIALER_SESSION_UP);
	dialer_recv(dialer, &server_addr, good, sizeof good, world.now);
	assert_int_equal(next_event(), 0); // once
	finish();
}

// A server that is heard, but does not answer SIGNIN, is as good as silent.
static void signin_without_an_answer(void **state)
{
	(void)state;
	start(13);
	dial();
	while (!dialer_is_signing_in(dialer))
		run_ms(1);
	world.is_cut = true;
	const uint32_t slot = dialer->slot[0].state == DIALER_SLOT_NEW ? 0 : 1;
	for (int i = 0; i < 40; i++) { // 4 s
		run_ms(100);
		dialer->slot[slot].session.heard_at = world.now;
	}
	assert_in_range(dialer_silence_us(dialer, world.now), 3900 * 1000, 4100 * 1000);
	for (int i = 0; i < 105; i++) {
		run_ms(100);
		dialer->slot[slot].session.heard_at = world.now;
	}
	assert_int_equal(dialer->slot[slot].state, DIALER_SLOT_NEW); // not before its time
	run_ms(1000);
	assert_int_equal(dialer->slot[slot].state, DIALER_SLOT_FREE);
	assert_int_equal(dialer->state, DIALER_DIALING);
	finish();
}

static void give_retry(const uint8_t *echo, uint8_t cookie_byte)
{
	uint8_t cookie[COOKIE_BYTES];
	uint8_t datagram[WIRE_RETRY_BYTES];
	memset(cookie, cookie_byte, sizeof cookie);
	wire_retry_encode(echo, cookie, datagram);
	dialer_recv(dialer, &server_addr, datagram, sizeof datagram, world.now);
}

static void retries(void **state)
{
	(void)state;
	struct session_out out;
	const uint8_t wrong[WIRE_ECHO_BYTES] = {1};
	start(7);
	give_retry(wrong, 5); // nothing was sent
	dial();
	drain();
	give_retry(wrong, 5); // to somebody else
	dialer_recv(dialer, &server_addr, (const uint8_t[]){WIRE_RETRY}, 1, world.now);
	assert_false(sends_something(&out));
	give_retry(dialer->noise_message, 5);
	assert_true(sends_something(&out)); // at once, with the cookie
	assert_int_equal(out.datagram[0][2], 5);
	drain();
	give_retry(dialer->noise_message, 5); // the same again
	give_retry(dialer->noise_message, 6); // another so soon: kept, and not sent at once
	assert_false(sends_something(&out));
	assert_int_equal(dialer->cookie[0], 6);
	world.now = mtime_add_us(world.now, DIALER_REPEAT_US_FIRST);
	give_retry(dialer->noise_message, 6);
	assert_false(sends_something(&out)); // nothing new
	dialer->addr_chosen = 1;
	give_retry(dialer->noise_message, 7);
	assert_true(sends_something(&out));
	finish();
}

// Randomness that says what it is told first.
struct scripted {
	uint32_t index[4];
	uint32_t count;
	uint32_t used;
};

static void scripted_fill(void *context, void *target, size_t bytes)
{
	struct scripted *scripted = context;
	if (bytes == sizeof scripted->index[0] && scripted->used < scripted->count)
		memcpy(target, &scripted->index[scripted->used++], bytes);
	else
		rng_fill(&world.rng, target, bytes);
}

static void an_index_is_the_dialers_own(void **state)
{
	(void)state;
	start(8);
	dial();
	run_ms(500);
	dialer_redial(dialer, world.now);
	run_ms(500);
	assert_int_equal(world.device[0].up_count, 2);
	struct scripted scripted = {
		.index = {0, dialer->slot[0].session.local_index, dialer->slot[1].session.local_index, 4711}, .count = 4};
	dialer->rng = (struct rng){scripted_fill, &scripted};
	dialer_redial(dialer, world.now);
	assert_int_equal(dialer->index, 4711);
	finish();
}

// A dialer that was asleep goes on as slowly as its tries say, not as its silence would allow.
static void repetition_after_a_sleep(void **state)
{
	(void)state;
	start(9);
	dialer_ask(dialer, world.now);
	drain();
	world.now = mtime_add_ms(world.now, 3600 * 1000);
	dialer_tick(dialer, world.now);
	assert_in_range(mtime_diff_us(dialer_deadline(dialer, world.now), world.now), 3 * DIALER_REPEAT_US_FIRST / 2,
			5 * DIALER_REPEAT_US_FIRST / 2);
	finish();
}

// Those who began together do not repeat together.
static void repetitions_are_spread(void **state)
{
	(void)state;
	enum { QUARTER = DIALER_REPEAT_US_FIRST / 4 };
	int early_count = 0;
	int late_count = 0;
	start(14);
	dialer_ask(dialer, world.now);
	for (int i = 0; i < 30; i++) {
		const int64_t wait_us = mtime_diff_us(dialer_deadline(dialer, world.now), world.now);
		assert_in_range(wait_us, 3 * QUARTER, 5 * QUARTER);
		early_count += wait_us < 4 * QUARTER - QUARTER / 2;
		late_count += wait_us > 4 * QUARTER + QUARTER / 2;
		world.now = dialer_deadline(dialer, world.now);
		dialer_tick(dialer, world.now);
		drain();
	}
	assert_true(early_count > 2 && late_count > 2);
	finish();
}

// To which of the two addresses the next datagrams go: bit 0 the first, bit 1 the second.
static uint32_t goes_to(void)
{
	struct session_out out;
	uint32_t hosts = 0;
	while (sends_something(&out))
		hosts |= addr_is_same_peer(&out.addr, &server_addr) ? 1 : 2;
	return hosts;
}

// Until one has answered all are tried; then that one, for 10 s, and when it has been silent so long all of them again.
static void the_chosen_address_has_ten_seconds(void **state)
{
	(void)state;
	start(15);
	dialer->addr[1] = stranger;
	dialer->addr_count = 2;
	dial();
	assert_int_equal(goes_to(), 3);
	dialer->addr_chosen = 1;
	dial();
	assert_int_equal(goes_to(), 1);
	const struct mtime began = world.now;
	for (;;) {
		world.now = dialer_deadline(dialer, world.now);
		dialer_tick(dialer, world.now);
		const int64_t passed_us = mtime_diff_us(world.now, began);
		assert_int_equal(goes_to(), passed_us < 10 * 1000 * 1000 ? 1 : 3);
		if (passed_us > 12 * 1000 * 1000)
			break;
	}
	finish();
}

// The name of a server comes to stand for other addresses, or for some at last: what is repeated goes to the new ones at once.
static void addresses_are_replaced(void **state)
{
	(void)state;
	const struct addr other = addr_of(77);
	start(15);
	const struct addr first = dialer->addr[0];
	const struct addr both[] = {other, first};
	assert_false(dialer_set_addrs(dialer, &first, 1));
	dial();
	assert_int_equal(goes_to(), 1);
	dialer->addr_chosen = 1;
	assert_true(dialer_set_addrs(dialer, both, 2));
	assert_int_equal(dialer->addr_chosen, 2); // it has answered, and stays
	assert_int_equal(goes_to(), 2);           // the other one has still to be tried
	assert_true(dialer_set_addrs(dialer, &stranger, 1));
	assert_int_equal(dialer->addr_chosen, 0);
	assert_int_equal(goes_to(), 2);

	assert_false(dialer_set_addrs(dialer, &first, 0));
	dialer_ask(dialer, world.now);
	struct session_out out;
	assert_false(dialer_send(dialer, world.now, &out)); // nowhere to send to
	assert_true(dialer_set_addrs(dialer, &first, 1));
	assert_true(dialer_send(dialer, world.now, &out));
	assert_int_equal(out.datagram[0][0], WIRE_HELLO);
	finish();
}

// Whatever makes it begin handshakes: a burst of them, then one at a time; one that has to wait is in its deadline.
static void handshakes_keep_their_rate(void **state)
{
	(void)state;
	enum { SECONDS = 60 };
	start(14);
	dial(); // its user's order goes whatever was before
	for (int i = 0; i < 5; i++) {
		dialer_stop(dialer);
		dial();
		assert_int_equal(dialer->state, DIALER_DIALING);
	}
	run_ms(1000);
	const uint32_t before = world.device[0].up_count;
	for (int ms = 0; ms < SECONDS * 1000; ms += 50) {
		dialer_redial(dialer, world.now);
		if (dialer->state == DIALER_WAITING)
			assert_true(dialer_deadline(dialer, world.now).us <= dialer_ready_at(dialer).us);
		run_ms(50);
	}
	assert_int_equal(world.device[0].up_count - before, SECONDS / 5);
	run_ms(SECONDS * 1000);
	const uint32_t rested = world.device[0].up_count;
	for (int ms = 0; ms < 1000; ms += 50) {
		dialer_redial(dialer, world.now);
		run_ms(50);
	}
	assert_int_equal(world.device[0].up_count - rested, DIALER_HANDSHAKES_BURST);
	finish();
}

// An INIT that is as old as one may be is made anew when there is something to spend; until then it goes on.
static void an_old_init_goes_on(void **state)
{
	(void)state;
	start(16);
	world.is_cut = true;
	dial();
	const struct mtime made_at = dialer->made_at;
	dialer->unspent_since = mtime_add_us(world.now, 3600LL * 1000 * 1000);
	run_ms(DIALER_INIT_LIFE_US / 1000 + 10 * 1000);
	assert_int_equal(dialer->state, DIALER_DIALING);
	assert_int_equal(dialer->made_at.us, made_at.us);
	dialer->unspent_since = made_at;
	run_ms(60 * 1000);
	assert_true(dialer->made_at.us > made_at.us);
	finish();
}

// The present session was silent and a handshake waits for its turn: not needed any more when the session is heard again.
static void a_handshake_that_waits_is_called_off(void **state)
{
	(void)state;
	start(15);
	dial();
	run_ms(1000);
	dialer->unspent_since = mtime_add_us(world.now, 3600LL * 1000 * 1000); // nothing to spend
	world.is_cut = true;
	world.device[0].message_count = 1;
	run_ms(DIALER_SILENCE_US / 1000 + 1000);
	assert_int_equal(dialer->state, DIALER_WAITING);
	world.is_cut = false;
	run_ms(3000);
	assert_int_equal(dialer->state, DIALER_UP);
	assert_int_equal(world.device[0].accepted_count, 1);
	assert_int_equal(world.device[0].up_count, 1);
	finish();
}

static void a_used_up_session_is_followed(void **state)
{
	(void)state;
	for (int received = 0; received < 2; received++) {
		start(10);
		dial();
		run_ms(500);
		struct session *session = &dialer->slot[0].session;
		if (received)
			session->replay.next = DIALER_REKEY_DATAGRAMS;
		else
			session->send_counter = DIALER_REKEY_DATAGRAMS;
		run_ms(500);
		assert_int_equal(world.device[0].up_count, 2);
		finish();
	}
}

// --- DATA and UNKNOWN ---

// What the server would seal for this session: a state of the calls and `frames`.
static size_t make_data(const struct session *session, const void *frames, size_t bytes,
			uint8_t datagram[WIRE_DATAGRAM_BYTES_MAX])
{
	const uint64_t counter = session->replay.next + 5;
	uint8_t plain[WIRE_STATE_BYTES + 64];
	struct writer writer = writer_of(plain, sizeof plain);
	assert_true(wire_state_write(&writer, &(struct wire_state){1, 1, 0}) && write_bytes(&writer, frames, bytes));
	wire_data_encode(session->local_index, counter, datagram);
	noise_seal(session->keys.recv_key, counter, datagram, WIRE_DATA_HEADER_BYTES, plain, writer.used_bytes,
		   datagram + WIRE_DATA_HEADER_BYTES);
	return WIRE_DATA_HEADER_BYTES + writer.used_bytes + NOISE_TAG_BYTES;
}

// A frame of no type.
static size_t make_bad_data(const struct session *session, uint8_t datagram[WIRE_DATAGRAM_BYTES_MAX])
{
	return make_data(session, "\xee", 1, datagram);
}

static uint32_t slot_in(enum dialer_slot_state state)
{
	const uint32_t slot = dialer->slot[0].state == state ? 0 : 1;
	assert_int_equal(dialer->slot[slot].state, state);
	return slot;
}

// A session whose server breaks the rules ends, and is followed by another; not so one that has been followed already,
// or while a handshake is on its way.
static void a_server_that_breaks_the_rules(void **state)
{
	(void)state;
	uint8_t datagram[WIRE_DATAGRAM_BYTES_MAX];
	enum { PRESENT, OLD, DIALING, CASES };
	for (int which = 0; which < CASES; which++) {
		start(11);
		dial();
		run_ms(500);
		if (which == OLD) {
			dialer_redial(dialer, world.now);
			run_ms(500);
		} else if (which == DIALING) {
			dialer_redial(dialer, world.now);
			drain();
		}
		const uint32_t slot = slot_in(which == OLD ? DIALER_SLOT_OLD : DIALER_SLOT_PRESENT);
		const uint32_t index = dialer->index;
		const size_t bytes = make_bad_data(&dialer->slot[slot].session, datagram);
		dialer_recv(dialer, &server_addr, datagram, bytes, world.now);
		assert_int_equal(dialer->slot[slot].state, DIALER_SLOT_FREE);
		assert_int_equal(next_event(), DIALER_ENDED);
		assert_int_equal(dialer->index == index, which != PRESENT); // a new handshake
		assert_int_equal(dialer->state, which == OLD ? DIALER_UP : DIALER_DIALING);
		dialer_recv(dialer, &server_addr, datagram, bytes, world.now); // its index is no session's now
		assert_int_equal(next_event(), 0);
		finish();
	}
}

// What the server calls before its SIGNIN is granted is held and waits for that.
static void no_call_of_the_server_starts_before_the_sign_in(void **state)
{
	(void)state;
	uint8_t frame[WIRE_CALL_HEADER_BYTES];
	uint8_t datagram[WIRE_DATAGRAM_BYTES_MAX];
	struct writer writer = writer_of(frame, sizeof frame);
	assert_true(wire_call_write(&writer, 1, KIND_DELIVER, NULL, 0));
	start(16);
	dial();
	while (dialer->state != DIALER_UP)
		step(mtime_add_ms(world.now, 1000));
	const uint32_t slot = slot_in(DIALER_SLOT_NEW); // SIGNIN is on its way
	const size_t bytes = make_data(&dialer->slot[slot].session, frame, sizeof frame, datagram);
	dialer_recv(dialer, &server_addr, datagram, bytes, world.now);
	assert_int_equal(dialer->slot[slot].session.callee.next, 2);
	assert_int_equal(next_event(), 0);
	assert_true(dialer_deadline(dialer, world.now).us > world.now.us); // nothing to be done at once
	dialer_prefer(dialer, slot, world.now);
	assert_int_equal(next_event(), DIALER_CALL);
	finish();
}

static void what_is_no_datagram(void **state)
{
	(void)state;
	static uint8_t datagram[WIRE_DATAGRAM_BYTES_MAX + 1];
	start(12);
	dial();
	run_ms(500);
	for (int type = 0; type < 256; type++) {
		memset(datagram, 0, sizeof datagram);
		datagram[0] = (uint8_t)type;
		dialer_recv(dialer, &server_addr, datagram, 0, world.now);
		dialer_recv(dialer, &server_addr, datagram, 1, world.now);
		dialer_recv(dialer, &server_addr, datagram, sizeof datagram, world.now);
		dialer_recv(dialer, &server_addr, datagram, sizeof datagram - 1, world.now);
	}
	assert_int_equal(dialer->state, DIALER_UP);
	assert_int_equal(next_event(), 0);
	finish();
}

static void unknown(void **state)
{
	(void)state;
	uint8_t datagram[WIRE_UNKNOWN_BYTES];
	uint8_t trailer[WIRE_TRAILER_BYTES];
	start(13);
	dial();
	run_ms(500);
	const struct session *session = &dialer->slot[slot_in(DIALER_SLOT_PRESENT)].session;
	memcpy(trailer, dialer->slot[world.device[0].present].trailer[(session->send_counter - 1) % DIALER_TRAILERS], sizeof trailer);
	wire_unknown_encode(session->remote_index ^ 1, trailer, datagram);
	dialer_recv(dialer, &server_addr, datagram, sizeof datagram, world.now); // another session's
	wire_unknown_encode(session->remote_index, trailer, datagram);
	datagram[sizeof datagram - 1] ^= 1;
	dialer_recv(dialer, &server_addr, datagram, sizeof datagram, world.now); // to nothing that was sent
	assert_int_equal(dialer->state, DIALER_UP);
	datagram[sizeof datagram - 1] ^= 1;
	for (world.device[0].message_count = 0; session->send_counter <= 2 * DIALER_TRAILERS;) {
		world.device[0].message_count++;
		run_ms(100);
	}
	dialer_recv(dialer, &server_addr, datagram, sizeof datagram, world.now); // to one of long ago
	assert_int_equal(dialer->state, DIALER_UP);
	wire_unknown_encode(session->remote_index, dialer->slot[world.device[0].present].trailer[0], datagram);
	dialer_recv(dialer, &server_addr, datagram, sizeof datagram, world.now);
	assert_int_equal(dialer->state, DIALER_DIALING);
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(owners_of_free_slots),
		cmocka_unit_test(silence),
		cmocka_unit_test(a_key_of_low_order_is_nobodys),
		cmocka_unit_test(serverinfo),
		cmocka_unit_test(another_key_in_a_later_serverinfo),
		cmocka_unit_test(accepts),
		cmocka_unit_test(signin_without_an_answer),
		cmocka_unit_test(retries),
		cmocka_unit_test(an_index_is_the_dialers_own),
		cmocka_unit_test(repetition_after_a_sleep),
		cmocka_unit_test(handshakes_keep_their_rate),
		cmocka_unit_test(an_old_init_goes_on),
		cmocka_unit_test(a_handshake_that_waits_is_called_off),
		cmocka_unit_test(repetitions_are_spread),
		cmocka_unit_test(the_chosen_address_has_ten_seconds),
		cmocka_unit_test(addresses_are_replaced),
		cmocka_unit_test(a_used_up_session_is_followed),
		cmocka_unit_test(a_server_that_breaks_the_rules),
		cmocka_unit_test(no_call_of_the_server_starts_before_the_sign_in),
		cmocka_unit_test(what_is_no_datagram),
		cmocka_unit_test(unknown),
	};
	return cmocka_run_group_tests(tests, crypto_set_up, NULL);
}
