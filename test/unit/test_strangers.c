// SPDX-License-Identifier: ISC
// proto/listener and proto/dialer against a peer that knows the handshake and keeps no rule: nothing it sends takes a
// slot for good, makes much be sent to somebody else, or stops the program.
#include <sodium.h>

#include "dialer_world.h"

// A device made by hand.
struct stranger {
	struct keypair keypair;
	struct noise_keys keys;
	uint32_t index; // the server's
	uint64_t counter;
	uint8_t init[WIRE_INIT_BYTES];
};

static size_t to_listener(uint16_t host, const uint8_t *datagram, size_t bytes, uint8_t *reply)
{
	const struct addr from = addr_of(host);
	return listener_recv(&world.listener, &from, datagram, bytes, world.now, reply);
}

static void shake_hands(struct stranger *stranger, uint16_t host)
{
	const uint8_t prologue[4] = {'M', 'M', 'S', 1};
	static const uint8_t no_cookie[COOKIE_BYTES];
	uint8_t payload[WIRE_INIT_PAYLOAD_BYTES];
	uint8_t message[WIRE_INIT_NOISE_BYTES];
	uint8_t reply[WIRE_DATAGRAM_BYTES_MAX];
	uint8_t secret[NOISE_KEY_BYTES];
	struct noise_ik noise;
	struct wire_accept accept;
	make_pair(&stranger->keypair);
	rng_fill(&world.rng, secret, sizeof secret);
	wire_init_payload_encode(5, payload);
	noise_ik_init_initiator(&noise, prologue, 4, &stranger->keypair, world.server.public_key);
	assert_int_equal(noise_ik_create_1(&noise, secret, payload, sizeof payload, message), MMS_OK);
	wire_init_encode(no_cookie, message, stranger->init);
	assert_int_equal(to_listener(host, stranger->init, WIRE_INIT_BYTES, reply), WIRE_ACCEPT_BYTES);
	assert_int_equal(wire_accept_decode(reply, WIRE_ACCEPT_BYTES, &accept), MMS_OK);
	assert_int_equal(noise_ik_consume_2(&noise, accept.noise, WIRE_ACCEPT_NOISE_BYTES, payload), MMS_OK);
	noise_ik_split(&noise, &stranger->keys);
	struct reader reader = reader_of(payload, 4);
	assert_true(read_u32(&reader, &stranger->index));
	stranger->counter = 0;
}

// Seals frames into a DATA; BASE is 1 and nothing is held. Returns its size.
static size_t seal(const struct stranger *stranger, uint64_t counter, const void *frames, size_t frames_bytes,
		   uint8_t *datagram)
{
	uint8_t plain[WIRE_PLAIN_BYTES_MAX];
	uint8_t nonce[12] = {0};
	const struct wire_state calls = {1, 1, 0};
	struct writer writer = writer_of(plain, sizeof plain);
	assert_true(wire_state_write(&writer, &calls) && write_bytes(&writer, frames, frames_bytes));
	wire_data_encode(stranger->index, counter, datagram);
	for (int i = 0; i < 8; i++)
		nonce[4 + i] = (uint8_t)(counter >> 8 * i);
	// Not noise_seal, which refuses the reserved counter.
	crypto_aead_chacha20poly1305_ietf_encrypt(datagram + 13, NULL, plain, writer.used_bytes, datagram, 13, NULL,
						  nonce, stranger->keys.send_key);
	return 13 + writer.used_bytes + 16;
}

static size_t send_frames(struct stranger *stranger, uint16_t host, const void *frames, size_t frames_bytes)
{
	uint8_t datagram[WIRE_DATAGRAM_BYTES_MAX];
	uint8_t reply[WIRE_DATAGRAM_BYTES_MAX];
	const size_t bytes = seal(stranger, stranger->counter++, frames, frames_bytes, datagram);
	const size_t reply_bytes = to_listener(host, datagram, bytes, reply);
	assert_true(reply_bytes <= bytes);
	return reply_bytes;
}

static const uint8_t signin_frame[] = {1, 0, 0, 0, 1, KIND_SIGNIN, 0, 2, 'h', 'i'};

static void reserved_counter_takes_no_slot(void **state)
{
	(void)state;
	struct stranger stranger;
	uint8_t datagram[WIRE_DATAGRAM_BYTES_MAX];
	uint8_t reply[WIRE_DATAGRAM_BYTES_MAX];
	begin(40, 0);
	shake_hands(&stranger, 50);
	const size_t bytes = seal(&stranger, UINT64_MAX, NULL, 0, datagram);
	assert_int_equal(to_listener(50, datagram, bytes, reply), 0);
	assert_int_equal(world.listener.fresh_count, 0);
	assert_int_equal(send_frames(&stranger, 50, signin_frame, sizeof signin_frame), 0);
	run_ms(100);
	assert_true(world.is_slot_live[0]);
	finish();
}

static void confirmation_comes_in_time(void **state)
{
	(void)state;
	struct stranger stranger;
	begin(41, 0);
	shake_hands(&stranger, 50);
	run_ms(60 * 1000);
	assert_int_equal(send_frames(&stranger, 50, signin_frame, sizeof signin_frame), WIRE_UNKNOWN_BYTES);
	assert_int_equal(world.listener.fresh_count, 0);
	finish();
}

static void sessions_without_signin_end(void **state)
{
	(void)state;
	struct stranger stranger;
	begin(42, 0);
	shake_hands(&stranger, 50);
	assert_int_equal(send_frames(&stranger, 50, NULL, 0), 0);
	for (int i = 0; i < 599; i++) { // however busy it is
		run_ms(100);
		assert_int_equal(send_frames(&stranger, 50, NULL, 0), 0);
	}
	assert_int_equal(world.listener_ended_count, 0);
	run_ms(200);
	assert_int_equal(world.listener_ended_count, 1);
	assert_int_equal(send_frames(&stranger, 50, NULL, 0), WIRE_UNKNOWN_BYTES);
	assert_true(listener_deadline(&world.listener).us == MTIME_NEVER.us);
	finish();
}

static void a_full_table_makes_room(void **state)
{
	(void)state;
	struct stranger stranger[SLOTS + 1];
	struct listener_event event;
	begin(43, 0);
	for (uint16_t i = 0; i < SLOTS; i++) {
		shake_hands(&stranger[i], (uint16_t)(50 + i));
		send_frames(&stranger[i], (uint16_t)(50 + i), NULL, 0);
		run_ms(10);
	}
	shake_hands(&stranger[SLOTS], 70);
	send_frames(&stranger[SLOTS], 70, signin_frame, sizeof signin_frame);
	// The oldest has gone, but its slot is not given away before its end was polled.
	assert_int_equal(world.listener.counts.full, 1);
	assert_int_equal(world.listener.slot[0].state, LISTENER_OVER);
	assert_true(listener_poll(&world.listener, world.now, &event));
	assert_true(event.type == LISTENER_ENDED && event.slot == 0);
	assert_false(listener_poll(&world.listener, world.now, &event));
	send_frames(&stranger[SLOTS], 70, signin_frame, sizeof signin_frame);
	assert_true(listener_poll(&world.listener, world.now, &event));
	assert_true(event.type == LISTENER_CALL && event.slot == 0);
	listener_answer(&world.listener, 0, event.call.number, 1, NULL, 0, world.now);
	listener_signed_in(&world.listener, 0, 1);
	for (int half = 0; half < 2; half++) { // it is never silent
		run_ms(29500);
		send_frames(&stranger[SLOTS], 70, NULL, 0);
	}
	run_ms(2000);
	assert_int_equal(world.listener_ended_count, SLOTS - 1); // all but the one that signed in
	finish();
}

static void rubbish_ends_the_session(void **state)
{
	(void)state;
	begin(44, 0);
	for (int i = 0; i < 40; i++) { // in slots used again and again
		struct stranger stranger;
		shake_hands(&stranger, (uint16_t)(50 + i));
		if (i % 2 == 0)
			send_frames(&stranger, 50, signin_frame, sizeof signin_frame);
		if (i % 3 == 0)
			run_ms(10);
		assert_int_equal(send_frames(&stranger, 50, "\x09", 1), 0);
		assert_int_equal(send_frames(&stranger, 50, signin_frame, sizeof signin_frame), WIRE_UNKNOWN_BYTES);
		run_ms(100);
		assert_int_equal(listener_blocks(), 0);
	}
	assert_int_equal(world.listener_ended_count, 40);
	assert_true(world.listener.fresh_count <= 2);
	finish();
}

// INIT from one address, everything else as if from another: that other one gets little, and is asked what it cannot
// know.
static void spoofed_from_birth(void **state)
{
	(void)state;
	static const uint8_t guess[9] = {4, 0, 0, 0, 0, 0, 0, 0, 0}; // PATH_RESPONSE
	struct stranger stranger;
	begin(45, 0);
	world.deaf_host = 51;
	shake_hands(&stranger, 50);
	send_frames(&stranger, 51, signin_frame, sizeof signin_frame);
	uint64_t recv_bytes = WIRE_DATA_BYTES_MIN + sizeof signin_frame;
	run_ms(10);
	world.slot_device[0] = 1;
	for (int i = 0; i < 30; i++)
		deliver_to_all(1000);
	for (int i = 0; i < 50; i++) {
		send_frames(&stranger, 51, guess, sizeof guess);
		recv_bytes += WIRE_DATA_BYTES_MIN + sizeof guess;
		run_ms(200);
	}
	assert_false(path_is_proved(&world.listener.slot[0].session.path));
	assert_true(world.sent_to_deaf_bytes > 0);
	assert_true(world.sent_to_deaf_bytes <= 3 * recv_bytes);
	finish();
}

// Reflection: INIT as if from a victim, the same INIT from here, which brings the ACCEPT here; then all as if from the
// victim, with answers to calls that nobody saw. The victim gets at most three times what came in its name.
static void spoofed_from_birth_with_the_first_init(void **state)
{
	(void)state;
	struct stranger stranger;
	uint8_t reply[WIRE_DATAGRAM_BYTES_MAX];
	begin(55, 0);
	world.deaf_host = 51;
	shake_hands(&stranger, 51);
	assert_int_equal(to_listener(50, stranger.init, WIRE_INIT_BYTES, reply), WIRE_ACCEPT_BYTES);
	uint64_t recv_bytes = WIRE_INIT_BYTES;
	world.sent_to_deaf_bytes = WIRE_ACCEPT_BYTES; // the immediate answer
	send_frames(&stranger, 51, signin_frame, sizeof signin_frame);
	recv_bytes += WIRE_DATA_BYTES_MIN + sizeof signin_frame;
	run_ms(10);
	world.slot_device[0] = 1;
	for (uint8_t first = 1; first < 200; first = (uint8_t)(first + 8)) {
		const uint8_t answer[9] = {WIRE_FRAME_ANSWER, 0, 0, 0, first, 8, 1, 0, 0};
		for (int i = 0; i < 30; i++)
			deliver_to_all(1000);
		run_ms(100);
		send_frames(&stranger, 51, answer, sizeof answer);
		recv_bytes += WIRE_DATA_BYTES_MIN + sizeof answer;
	}
	run_ms(5000);
	assert_false(path_is_proved(&world.listener.slot[0].session.path));
	assert_true(world.sent_to_deaf_bytes > WIRE_ACCEPT_BYTES);
	assert_true(world.sent_to_deaf_bytes <= 3 * recv_bytes);
	finish();
}

// A device whose INIT came by two addresses of its own is challenged with the answer to SIGNIN, and waits for nothing.
static void born_at_the_second_address(void **state)
{
	(void)state;
	uint8_t reply[WIRE_DATAGRAM_BYTES_MAX];
	struct session_out out;
	begin(56, 1);
	dial_all();
	assert_true(dialer_send(&world.device[0].dialer, world.now, &out));
	assert_int_equal(to_listener(90, out.datagram[0], out.bytes, reply), WIRE_ACCEPT_BYTES);
	launch(world.device[0].host, SERVER_HOST, out.datagram[0], out.bytes);
	run_ms(41); // two round trips: INIT and ACCEPT, SIGNIN and its answer
	assert_int_not_equal(world.device[0].present, NO_SLOT);
	assert_false(path_is_proved(&world.listener.slot[0].session.path));
	run_ms(20);
	assert_true(path_is_proved(&world.listener.slot[0].session.path));
	finish();
}

// A server with the right key that accepts with session index 0, again and again, and then with a real one.
static void accept_with_index_zero(void **state)
{
	(void)state;
	const uint8_t prologue[4] = {'M', 'M', 'S', 1};
	struct session_out out;
	begin(46, 1);
	struct dialer *dialer = &world.device[0].dialer;
	dialer_dial(dialer, &world.device[0].keypair, world.server.public_key, world.now);
	assert_true(dialer_send(dialer, world.now, &out));
	for (uint8_t index = 0; index < 4; index++) {
		uint8_t payload[WIRE_INIT_PAYLOAD_BYTES];
		uint8_t secret[NOISE_KEY_BYTES];
		uint8_t message[WIRE_ACCEPT_NOISE_BYTES];
		uint8_t datagram[WIRE_ACCEPT_BYTES];
		uint8_t index_bytes[4] = {0, 0, 0, index < 3 ? 0 : 7};
		struct noise_ik noise;
		uint32_t device_index;
		noise_ik_init_responder(&noise, prologue, 4, &world.server);
		assert_int_equal(noise_ik_consume_1(&noise, out.datagram[0] + 18, WIRE_INIT_NOISE_BYTES, payload),
				 MMS_OK);
		assert_int_equal(wire_init_payload_decode(payload, &device_index), MMS_OK);
		rng_fill(&world.rng, secret, sizeof secret);
		assert_int_equal(noise_ik_create_2(&noise, secret, index_bytes, 4, message), MMS_OK);
		wire_accept_encode(device_index, message, datagram);
		const struct addr from = addr_of(SERVER_HOST);
		dialer_recv(dialer, &from, datagram, sizeof datagram, world.now);
		assert_int_equal(dialer->state, index < 3 ? DIALER_DIALING : DIALER_UP);
	}
	finish();
}

// A server whose sessions always break makes the device try again, but not as fast as it can.
static void a_broken_server_is_not_flooded(void **state)
{
	(void)state;
	begin(47, 1);
	const struct bucket_rate plenty = {1000, 1000};
	world.listener.admission.budget.limits.blind = plenty;
	dial_all();
	for (int i = 0; i < 1000; i++) { // 10 s
		for (uint32_t slot = 0; slot < SLOTS; slot++) {
			const struct listener_slot *entry = &world.listener.slot[slot];
			if (entry->state != LISTENER_OPEN || !world.is_slot_live[slot])
				continue;
			uint8_t datagram[64];
			uint8_t plain[WIRE_STATE_BYTES + 1] = {[WIRE_STATE_BYTES] = 0x77};
			wire_data_encode(entry->session.remote_index, 1000, datagram);
			noise_seal(entry->session.keys.send_key, 1000, datagram, 13, plain, sizeof plain,
				   datagram + 13);
			const struct addr from = addr_of(SERVER_HOST);
			dialer_recv(&world.device[0].dialer, &from, datagram, 13 + sizeof plain + 16, world.now);
			listener_end(&world.listener, slot);
		}
		run_ms(10);
	}
	assert_in_range(world.device[0].up_count, 4, DIALER_HANDSHAKES_BURST + 2);
	finish();
}

// UNKNOWN is a hint: one that names nothing we sent does nothing, one that does begins a handshake, but not many.
static void forged_unknown(void **state)
{
	(void)state;
	uint8_t datagram[WIRE_UNKNOWN_BYTES];
	const uint8_t trailer[WIRE_TRAILER_BYTES] = {1, 2, 3};
	const struct addr from = addr_of(SERVER_HOST);
	begin(48, 1);
	dial_all();
	run_ms(1000);
	struct dialer *dialer = &world.device[0].dialer;
	const struct session *session = &dialer->slot[world.device[0].present].session;
	const uint32_t inits = world.init_count;
	wire_unknown_encode(session->remote_index, trailer, datagram);
	dialer_recv(dialer, &from, datagram, sizeof datagram, world.now);
	wire_unknown_encode(session->remote_index ^ 1, dialer->slot[world.device[0].present].trailer[0], datagram);
	dialer_recv(dialer, &from, datagram, sizeof datagram, world.now);
	run_ms(100);
	assert_int_equal(world.init_count, inits);
	for (int i = 0; i < 90; i++) { // 9 s
		session = &dialer->slot[world.device[0].present].session;
		wire_unknown_encode(session->remote_index, dialer->slot[world.device[0].present].trailer[0], datagram);
		dialer_recv(dialer, &from, datagram, sizeof datagram, world.now);
		run_ms(100);
	}
	assert_int_equal(world.init_count, DIALER_HANDSHAKES_BURST + 2); // those of 10 s
	finish();
}

enum { CROWD = 400 };

// The list of those not signed in holds exactly them.
static void check_unsigned(const uint32_t seated[SLOTS])
{
	uint32_t unsigned_count = 0;
	const struct listener *listener = &world.listener;
	for (uint32_t at = listener->spare_oldest; at != 0; at = listener->spare[listener->slot[at - 1].spare - 1].newer) {
		assert_true(++unsigned_count <= SLOTS);
		assert_int_equal(world.listener.slot[at - 1].state, LISTENER_OPEN);
		assert_false(world.listener.slot[at - 1].is_signed_in);
	}
	for (uint32_t slot = 0; slot < SLOTS; slot++)
		unsigned_count += seated[slot] - (world.listener.slot[slot].state == LISTENER_OPEN);
	assert_int_equal(unsigned_count, 0);
}

// Which of the first `count` strangers has this key, plus 1.
static uint32_t who_is(const uint8_t *peer_key, const struct stranger *stranger, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (memcmp(peer_key, stranger[i].keypair.public_key, NOISE_KEY_BYTES) == 0)
			return i + 1;
	fail_msg("nobody we know");
	return 0;
}

// Who comes, signs in, breaks rules or falls silent, at random, in a table that is always full: no slot is ever given
// to a second session before the end of the first was polled, and nobody who signed in and is heard from is pushed out.
static void a_crowd_at_the_door(void **state)
{
	(void)state;
	static struct stranger stranger[CROWD];
	uint32_t owner[SLOTS] = {0};  // by slot: which stranger is in it, plus 1
	uint32_t seated[SLOTS] = {0}; // and signed in
	uint32_t ended_count = 0;
	begin(49, 0);
	for (uint32_t next = 0; next < CROWD;) {
		struct listener_event event;
		world.now = mtime_add_ms(world.now, 300);
		listener_tick(&world.listener, world.now);
		shake_hands(&stranger[next], (uint16_t)(100 + next));
		const uint32_t again = next < 20 ? 0 : next - seeded_below(&world.seeded, 20);
		send_frames(&stranger[next++], 50, signin_frame, sizeof signin_frame);
		send_frames(&stranger[again], 50, signin_frame, sizeof signin_frame);
		for (uint32_t slot = 0; slot < SLOTS; slot++)
			if (seated[slot] != 0)
				send_frames(&stranger[owner[slot] - 1], 50,
					    seeded_chance(&world.seeded, 2) ? "\x09" : "\0", 1);
		while (listener_poll(&world.listener, world.now, &event)) {
			if (event.type == LISTENER_ENDED) {
				assert_true(seated[event.slot] == 0 || world.listener.counts.unparsable > 0);
				owner[event.slot] = 0;
				seated[event.slot] = 0;
				ended_count++;
				continue;
			}
			assert_int_equal(event.type, LISTENER_CALL);
			assert_int_equal(owner[event.slot], 0);
			owner[event.slot] = who_is(event.peer_key, stranger, next);
			listener_answer(&world.listener, event.slot, event.call.number, 1, NULL, 0, world.now);
			if (seeded_chance(&world.seeded, 10)) {
				listener_signed_in(&world.listener, event.slot, 1);
				seated[event.slot] = 1;
			}
		}
		struct session_out out;
		while (listener_send(&world.listener, world.now, &out))
			;
		check_unsigned(seated);
	}
	assert_true(ended_count > CROWD / 4);
	assert_true(world.listener.counts.full > 0);
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reserved_counter_takes_no_slot),
		cmocka_unit_test(confirmation_comes_in_time),
		cmocka_unit_test(sessions_without_signin_end),
		cmocka_unit_test(a_full_table_makes_room),
		cmocka_unit_test(rubbish_ends_the_session),
		cmocka_unit_test(spoofed_from_birth),
		cmocka_unit_test(spoofed_from_birth_with_the_first_init),
		cmocka_unit_test(born_at_the_second_address),
		cmocka_unit_test(accept_with_index_zero),
		cmocka_unit_test(a_broken_server_is_not_flooded),
		cmocka_unit_test(forged_unknown),
		cmocka_unit_test(a_crowd_at_the_door),
	};
	return cmocka_run_group_tests_name("strangers", tests, crypto_set_up, NULL);
}
