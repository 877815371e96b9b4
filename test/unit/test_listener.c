// SPDX-License-Identifier: ISC
// proto/listener: an owner that speaks of sessions which are over, and datagrams that are none.
#include "dialer_world.h"

static const struct addr client_addr = {.family = ADDR_IPV4, .port = 1000, .ip = {10, 0, 0, 100}};

// The slot's session is over and its end polled: whatever is asked of it, nothing happens.
static void check_nothing_there(uint32_t slot)
{
	struct session_out out;
	listener_answer(&world.listener, slot, 1, 1, NULL, 0, world.now);
	listener_defer(&world.listener, slot, world.now);
	assert_int_equal(listener_call(&world.listener, slot, KIND_DELIVER, NULL, 0, 0), MMS_E_MISSING);
	listener_signed_in(&world.listener, slot, 1);
	listener_close(&world.listener, slot, true, world.now);
	assert_false(listener_send(&world.listener, world.now, &out));
	assert_int_equal(listener_deadline(&world.listener).us, MTIME_NEVER.us);
}

static void sessions_that_are_over(void **state)
{
	(void)state;
	begin(1, 1);
	dial_all();
	run_ms(500);
	assert_int_equal(world.slot_device[0], 1);
	const uint32_t ended_count = world.listener_ended_count;
	listener_end(&world.listener, 0);
	check_nothing_there(0); // its end not polled yet
	pump_listener();
	assert_int_equal(world.listener_ended_count, ended_count + 1);
	check_nothing_there(0);
	pump_listener();
	assert_int_equal(world.listener_ended_count, ended_count + 1);
	finish();
}

static void signed_in_twice(void **state)
{
	(void)state;
	begin(2, 2);
	dial_all();
	run_ms(500);
	listener_signed_in(&world.listener, 0, 1);
	listener_signed_in(&world.listener, 0, 1);
	run_ms(500);
	assert_int_equal(world.listener.spare_oldest, 0);
	assert_int_equal(world.listener.spare_newest, 0);
	finish();
}

// A closing session ends with the answer to its last call; answers to others, and calls, do not end it.
static void closing(void **state)
{
	(void)state;
	begin(3, 1);
	dial_all();
	run_ms(500);
	assert_int_equal(listener_call(&world.listener, 0, KIND_DELIVER, "a", 1, 1), MMS_OK);
	run_ms(5); // on its way
	assert_int_equal(listener_call(&world.listener, 0, KIND_DELIVER, "b", 1, 2), MMS_OK);
	listener_close(&world.listener, 0, true, world.now);
	assert_int_equal(world.listener.slot[0].state, LISTENER_CLOSING); // it has not ended yet
	world.device[0].message_count = 1; // a call that concerns nobody any more
	run_ms(16);
	assert_int_equal(world.listener.slot[0].state, LISTENER_CLOSING);
	run_ms(100);
	assert_int_equal(world.device[0].delivered_count, 2);
	assert_int_equal(world.device[0].accepted_count, 0);
	assert_int_equal(world.listener_ended_count, 1);
	finish();
}

// Both answers in one datagram.
static void closing_with_two_answers(void **state)
{
	(void)state;
	begin(7, 1);
	dial_all();
	run_ms(500);
	assert_int_equal(listener_call(&world.listener, 0, KIND_DELIVER, "a", 1, 1), MMS_OK);
	assert_int_equal(listener_call(&world.listener, 0, KIND_DELIVER, "b", 1, 2), MMS_OK);
	listener_close(&world.listener, 0, true, world.now);
	run_ms(100);
	assert_int_equal(world.device[0].delivered_count, 2);
	assert_int_equal(world.listener_ended_count, 1);
	finish();
}

// What is put off starts again by the listener's own timer, and so does what waits behind it.
static void deferred_calls_start_again(void **state)
{
	(void)state;
	begin(8, 1);
	dial_all();
	run_ms(500);
	world.defer_count = 2;
	world.defer_ms = 700;
	world.device[0].is_silent = true;
	world.device[0].message_count = 3;
	run_ms(1300);
	assert_int_equal(world.defer_count, 0);
	assert_int_equal(world.device[0].accepted_count, 0);
	run_ms(200);
	assert_int_equal(world.device[0].accepted_count, 3);
	finish();
}

// The first datagram of a session that is forged, or bent on its way, makes none; the next good one does.
static void a_bent_confirmation(void **state)
{
	(void)state;
	begin(9, 1);
	dial_all();
	pump_all();
	uint32_t bent_count = 0;
	for (int i = 0; i < 100 && bent_count == 0; i++) {
		step(mtime_add_ms(world.now, 10));
		for (uint32_t n = 0; n < world.flying_count; n++)
			if (world.flying[n].datagram[0] == WIRE_DATA) {
				world.flying[n].datagram[world.flying[n].bytes - 1] ^= 1;
				bent_count++;
			}
	}
	assert_int_equal(bent_count, 1);
	run_ms(15);
	assert_int_equal(world.listener.counts.unopened, 1);
	assert_int_equal(world.listener.fresh_count, 0);
	run_ms(2000);
	assert_int_equal(world.slot_device[0], 1);
	finish();
}

// What a call says of its peer: who it is while it signs in, and when its handshake began; the device knows the same hash.
static void a_call_says_whose_it_is(void **state)
{
	(void)state;
	struct listener_event event;
	begin(10, 1);
	const struct mtime began_at = world.now;
	dial_all();
	for (int i = 0; world.listener.fresh_count == 0; i++) {
		assert_true(i < 100);
		world.now = mtime_add_ms(world.now, 10);
		pump_device(&world.device[0]);
		while (world.flying_count > 0) {
			const struct flying flying = world.flying[--world.flying_count];
			arrive(&flying);
		}
	}
	const struct dialer *dialer = &world.device[0].dialer;
	assert_true(listener_poll(&world.listener, world.now, &event));
	assert_int_equal(event.type, LISTENER_CALL);
	assert_memory_equal(event.peer_key, world.device[0].keypair.public_key, NOISE_KEY_BYTES);
	assert_memory_equal(event.handshake_hash, dialer_handshake_hash(dialer, 0), NOISE_HASH_BYTES);
	assert_true(event.handshake_at.us > began_at.us && event.handshake_at.us < world.now.us);
	on_listener_call(&event);
	run_ms(500);
	assert_int_equal(dialer_call(&world.device[0].dialer, world.device[0].present, 5, NULL, 0, 0), MMS_OK);
	pump_device(&world.device[0]);
	assert_int_equal(world.flying_count, 1);
	arrive(&world.flying[0]);
	world.flying_count = 0;
	assert_true(listener_poll(&world.listener, world.now, &event));
	assert_int_equal(event.type, LISTENER_CALL);
	assert_int_equal(world.listener.slot[0].spare, 0); // its record was given back
	assert_int_equal(event.handshake_at.us, 0);
	assert_null(event.peer_key);
	assert_null(event.handshake_hash);
	finish();
}

// An answer says how many more calls can be made: as many as then can be.
static void an_answer_says_the_room(void **state)
{
	(void)state;
	begin(11, 1);
	dial_all();
	run_ms(500);
	assert_int_equal(listener_call(&world.listener, 0, KIND_DELIVER, "a", 1, 1), MMS_OK);
	run_ms(5);
	assert_int_equal(listener_call(&world.listener, 0, KIND_DELIVER, "b", 1, 2), MMS_OK);
	run_ms(16);
	assert_int_equal(world.delivery_answered_count, 1);
	assert_int_equal(world.room[0], CALL_WINDOW - 1);
	for (uint32_t made = 0; made < world.room[0]; made++)
		assert_int_equal(listener_call(&world.listener, 0, KIND_DELIVER, "c", 1, 3), MMS_OK);
	assert_int_equal(listener_call(&world.listener, 0, KIND_DELIVER, "d", 1, 4), MMS_E_FULL);
	finish();
}

// Unheard for so long, a session is said to be silent, once, and said to be heard with the next datagram.
static void a_session_falls_silent(void **state)
{
	(void)state;
	begin(12, 2);
	dial_all();
	run_ms(500);
	const uint32_t slot = world.slot_device[0] == 1 ? 0 : 1;
	world.device[0].is_silent = true;
	run_ms(LISTENER_SILENT_US / 1000 - 600);
	assert_false(world.is_slot_silent[slot]);
	run_ms(700);
	assert_true(world.is_slot_silent[slot]);
	assert_false(world.is_slot_silent[1 - slot]);
	run_ms(10 * 1000);
	world.device[0].is_silent = false;
	run_ms(1100);
	assert_false(world.is_slot_silent[slot]);
	world.device[0].is_silent = true;
	run_ms(LISTENER_SILENT_US / 1000 + 100);
	assert_true(world.is_slot_silent[slot]);
	run_ms((LISTENER_IDLE_US - LISTENER_SILENT_US) / 1000);
	assert_false(world.is_slot_live[slot]);
	finish();
}

// One that closes, or has not signed in, is not said to be silent; nor one that was heard before that was polled.
static void nobody_falls_silent(void **state)
{
	(void)state;
	struct listener_event event;
	begin(13, 1);
	dial_all();
	run_ms(500);
	world.device[0].is_silent = true;
	run_ms(LISTENER_SILENT_US / 1000 - 600);
	assert_int_equal(dialer_call(&world.device[0].dialer, world.device[0].present, 5, NULL, 0, 0), MMS_OK);
	pump_device(&world.device[0]);
	world.now = mtime_add_ms(world.now, 700);
	listener_tick(&world.listener, world.now);
	arrive(&world.flying[0]);
	world.flying_count = 0;
	assert_true(listener_poll(&world.listener, world.now, &event));
	assert_int_equal(event.type, LISTENER_CALL);
	on_listener_call(&event);
	run_ms(LISTENER_SILENT_US / 1000 - 600);
	listener_close(&world.listener, 0, true, world.now);
	run_ms(700);
	assert_true(world.is_slot_live[0]);
	assert_false(world.is_slot_silent[0]);
	finish();
}

// With nothing left to be answered it stays a while, so that the answer to SIGNOUT can be given again.
static void closing_without_a_call(void **state)
{
	(void)state;
	begin(6, 1);
	dial_all();
	run_ms(500);
	listener_close(&world.listener, 0, true, world.now);
	world.device[0].message_count = 1;
	run_ms(100);
	assert_int_equal(world.listener.slot[0].state, LISTENER_CLOSING);
	run_ms(LISTENER_CLOSING_US / 1000);
	assert_int_equal(world.listener_ended_count, 1);
	finish();
}

// Everybody has signed in: a newcomer finds no place, and nobody is turned out for it.
static void full_of_signed_in_sessions(void **state)
{
	(void)state;
	begin(4, 1);
	dial_all();
	run_ms(500);
	world.listener.sessions_max = world.listener.fresh_count;
	uint32_t slot;
	assert_false(listener_take_slot(&world.listener, &slot));
	assert_int_equal(world.listener.slot[0].state, LISTENER_OPEN);
	world.listener.sessions_max = SLOTS;
	finish();
}

// Who signs in again and again leaves closing sessions behind: they make room, and those in use do not.
static void full_of_closing_sessions(void **state)
{
	(void)state;
	begin(6, 2);
	dial_all();
	run_ms(500);
	world.listener.sessions_max = world.listener.fresh_count;
	assert_int_equal(world.listener.fresh_count, 2);
	listener_close(&world.listener, 1, false, world.now);
	listener_close(&world.listener, 1, false, world.now);
	uint32_t slot;
	assert_false(listener_take_slot(&world.listener, &slot));
	assert_int_equal(world.listener.slot[0].state, LISTENER_OPEN);
	assert_int_equal(world.listener.slot[1].state, LISTENER_OVER);
	assert_int_equal(world.listener.spare_oldest, 0);
	assert_int_equal(world.listener.spare_newest, 0);
	world.listener.sessions_max = SLOTS;
	finish();
}

static void what_is_no_datagram(void **state)
{
	(void)state;
	static uint8_t datagram[WIRE_DATAGRAM_BYTES_MAX + 1];
	uint8_t reply[WIRE_DATAGRAM_BYTES_MAX];
	begin(5, 0);
	for (int type = 0; type < 256; type++) {
		datagram[0] = (uint8_t)type;
		assert_int_equal(listener_recv(&world.listener, &client_addr, datagram, 0, world.now, reply), 0);
		assert_int_equal(
			listener_recv(&world.listener, &client_addr, datagram, sizeof datagram, world.now, reply), 0);
	}
	assert_int_equal(world.listener.counts.malformed, 512);
	finish();
}

// A deadline that only moves on leaves the timer as it was armed; when that is due nothing happens but that it is armed anew.
static void a_timer_is_armed_once(void **state)
{
	(void)state;
	begin(14, 1);
	dial_all();
	run_ms(500);
	listener_tick(&world.listener, mtime_add_ms(world.now, 1000));
	world.device[0].is_silent = true;
	run_ms(1000);
	const struct mtime armed_at = listener_deadline(&world.listener);
	// SIGNIN armed it; the word that its answer came has moved the deadline on already.
	assert_true(armed_at.us < world.listener.slot[0].session.heard_at.us + LISTENER_SILENT_US);
	for (int i = 0; i < 5; i++) {
		world.device[0].message_count++;
		run_ms(1000);
		assert_int_equal(listener_deadline(&world.listener).us, armed_at.us);
	}
	run_ms(mtime_diff_us(armed_at, world.now) / 1000 + 1);
	assert_false(world.is_slot_silent[0]);
	assert_int_equal(listener_deadline(&world.listener).us, world.listener.slot[0].session.heard_at.us + LISTENER_SILENT_US);
	run_ms(6000);
	assert_true(world.is_slot_silent[0]);
	finish();
}

// --- what a turn costs ---

static uint32_t session_steps; // calls of what does anything with a session

enum mms_err __real_session_recv(struct session *session, struct blocks *blocks, const struct addr *addr,
				 const uint8_t *datagram, size_t bytes, struct mtime now, const struct rng *rng);
enum mms_err __wrap_session_recv(struct session *session, struct blocks *blocks, const struct addr *addr,
				 const uint8_t *datagram, size_t bytes, struct mtime now, const struct rng *rng);
bool __real_session_poll(struct session *session, struct blocks *blocks, struct mtime now, struct session_event *event);
bool __wrap_session_poll(struct session *session, struct blocks *blocks, struct mtime now, struct session_event *event);
bool __real_session_send(struct session *session, struct blocks *blocks, struct mtime now, struct session_out *out);
bool __wrap_session_send(struct session *session, struct blocks *blocks, struct mtime now, struct session_out *out);
struct mtime __real_session_deadline(const struct session *session, struct mtime now);
struct mtime __wrap_session_deadline(const struct session *session, struct mtime now);
void __real_session_tick(struct session *session, struct mtime now);
void __wrap_session_tick(struct session *session, struct mtime now);
bool __real_session_has_event(const struct session *session, struct mtime now);
bool __wrap_session_has_event(const struct session *session, struct mtime now);

enum mms_err __wrap_session_recv(struct session *session, struct blocks *blocks, const struct addr *addr,
				 const uint8_t *datagram, size_t bytes, struct mtime now, const struct rng *rng)
{
	session_steps++;
	return __real_session_recv(session, blocks, addr, datagram, bytes, now, rng);
}

bool __wrap_session_poll(struct session *session, struct blocks *blocks, struct mtime now, struct session_event *event)
{
	session_steps++;
	return __real_session_poll(session, blocks, now, event);
}

bool __wrap_session_send(struct session *session, struct blocks *blocks, struct mtime now, struct session_out *out)
{
	session_steps++;
	return __real_session_send(session, blocks, now, out);
}

struct mtime __wrap_session_deadline(const struct session *session, struct mtime now)
{
	session_steps++;
	return __real_session_deadline(session, now);
}

void __wrap_session_tick(struct session *session, struct mtime now)
{
	session_steps++;
	__real_session_tick(session, now);
}

bool __wrap_session_has_event(const struct session *session, struct mtime now)
{
	session_steps++;
	return __real_session_has_event(session, now);
}

// What is done with sessions in a turn in which one device's PING comes, and in one in which nothing comes, beside others at rest.
static void turn(uint32_t device_count, uint32_t *ping_steps, uint32_t *idle_steps)
{
	struct session_out out;
	struct listener_event event;
	uint8_t reply[WIRE_DATAGRAM_BYTES_MAX];
	begin(7, device_count);
	dial_all();
	run_ms(1000);
	struct dialer *dialer = &world.device[0].dialer;
	assert_int_equal(dialer_call(dialer, world.device[0].present, 5, NULL, 0, 0), MMS_OK);
	assert_true(dialer_send(dialer, world.now, &out));
	session_steps = 0;
	const struct addr from = addr_of(world.device[0].host);
	assert_int_equal(listener_recv(&world.listener, &from, out.datagram[0], out.bytes, world.now, reply), 0);
	assert_true(listener_poll(&world.listener, world.now, &event));
	listener_answer(&world.listener, event.slot, event.call.number, 1, NULL, 0, world.now);
	while (listener_poll(&world.listener, world.now, &event) || listener_send(&world.listener, world.now, &out))
		;
	listener_tick(&world.listener, world.now);
	*ping_steps = session_steps;
	session_steps = 0;
	listener_tick(&world.listener, world.now);
	assert_false(listener_poll(&world.listener, world.now, &event) || listener_send(&world.listener, world.now, &out));
	assert_true(mtime_diff_us(listener_deadline(&world.listener), world.now) > 0);
	*idle_steps = session_steps;
	finish();
}

static void a_turn_costs_what_has_come(void **state)
{
	(void)state;
	uint32_t ping_steps[2];
	uint32_t idle_steps[2];
	turn(1, &ping_steps[0], &idle_steps[0]);
	turn(DEVICES, &ping_steps[1], &idle_steps[1]);
	assert_true(ping_steps[0] > 0);
	assert_int_equal(ping_steps[1], ping_steps[0]);
	assert_int_equal(idle_steps[0] + idle_steps[1], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sessions_that_are_over),
		cmocka_unit_test(signed_in_twice),
		cmocka_unit_test(closing),
		cmocka_unit_test(closing_with_two_answers),
		cmocka_unit_test(deferred_calls_start_again),
		cmocka_unit_test(a_bent_confirmation),
		cmocka_unit_test(a_call_says_whose_it_is),
		cmocka_unit_test(an_answer_says_the_room),
		cmocka_unit_test(a_session_falls_silent),
		cmocka_unit_test(nobody_falls_silent),
		cmocka_unit_test(closing_without_a_call),
		cmocka_unit_test(full_of_signed_in_sessions),
		cmocka_unit_test(full_of_closing_sessions),
		cmocka_unit_test(what_is_no_datagram),
		cmocka_unit_test(a_timer_is_armed_once),
		cmocka_unit_test(a_turn_costs_what_has_come),
	};
	return cmocka_run_group_tests(tests, crypto_set_up, NULL);
}
