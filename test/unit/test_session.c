// SPDX-License-Identifier: ISC
// proto/session: two sessions joined by a bad network in virtual time. Every call is executed exactly once, in order,
// and answered; nothing leaks; time always advances. Also: how long a call takes at 0, 50, 75 and 90 % loss.
#include "proto_world.h"

#include "proto/session.h"

enum { FLYING_MAX = 4096, CALLS_MAX = 4096 };

struct flying {
	struct mtime at;
	uint8_t end; // whose it is
	size_t bytes;
	uint8_t datagram[WIRE_DATAGRAM_BYTES_MAX];
};

struct end {
	struct session session;
	struct pool pool;
	struct mtime called_at; // when a call was last made
	uint32_t opened;        // calls made
	uint32_t answered;      // answers seen
	uint32_t executed;      // calls of the peer executed: also the number of the last
	bool is_answered[CALLS_MAX + 1];
	struct mtime opened_at[CALLS_MAX + 1];
	struct mtime answered_at[CALLS_MAX + 1];
	uint32_t owed[CALLS_MAX]; // executed and answered later
	uint32_t owed_count;
};

struct net {
	struct seeded seeded;
	struct rng rng;
	struct mtime now;
	uint32_t loss_percent;
	uint32_t duplicate_percent;
	int64_t delay_us;
	int64_t jitter_us;
	bool answers_late;
	struct end end[2]; // 0: device, 1: server
	struct flying *flying;
	uint32_t flying_count;
	uint64_t sent_count;
	uint64_t step_count;
};

static struct net net;

static void birth(struct end *end, bool is_server, const struct noise_keys *keys)
{
	const struct session_birth birth = {
		.keys = keys,
		.local_index = is_server ? 2 : 1,
		.remote_index = is_server ? 1 : 2,
		.is_server = is_server,
		.addr = addr_of(is_server ? 1 : 2),
		.is_addr_proved = true,
		.caller_account = 1,
	};
	session_init(&end->session, &end->pool.blocks, &birth, net.now);
	callee_open_gate(&end->session.callee);
}

static void begin(uint64_t seed, uint32_t loss_percent, uint32_t blocks)
{
	struct noise_keys device;
	struct noise_keys server;
	memset(&net, 0, sizeof net);
	net.seeded.state = seed;
	net.rng = seeded_rng(&net.seeded);
	net.now = at_ms(1000);
	net.loss_percent = loss_percent;
	net.delay_us = 10000;
	net.flying = must_alloc(FLYING_MAX * sizeof *net.flying);
	rng_fill(&net.rng, &device, sizeof device);
	memcpy(server.send_key, device.recv_key, NOISE_KEY_BYTES);
	memcpy(server.recv_key, device.send_key, NOISE_KEY_BYTES);
	for (int i = 0; i < 2; i++)
		pool_open(&net.end[i].pool, blocks, blocks);
	birth(&net.end[0], false, &device);
	birth(&net.end[1], true, &server);
}

static void finish(void)
{
	for (int i = 0; i < 2; i++) {
		session_clear(&net.end[i].session, &net.end[i].pool.blocks);
		// Nothing of it is left in memory, its keys least of all.
		static const struct session none;
		assert_memory_equal(&net.end[i].session, &none, sizeof none);
		assert_int_equal(pool_used(&net.end[i].pool), 0);
		pool_close(&net.end[i].pool);
	}
	free(net.flying);
}

static void launch(uint8_t to, const uint8_t *datagram, size_t bytes)
{
	net.sent_count++;
	if (seeded_chance(&net.seeded, net.loss_percent))
		return;
	const int copies = seeded_chance(&net.seeded, net.duplicate_percent) ? 2 : 1;
	for (int i = 0; i < copies && net.flying_count < FLYING_MAX; i++) {
		struct flying *flying = &net.flying[net.flying_count++];
		const int64_t jitter = net.jitter_us > 0 ? seeded_below(&net.seeded, (uint32_t)net.jitter_us) : 0;
		flying->at = mtime_add_us(net.now, net.delay_us + jitter);
		flying->end = to;
		flying->bytes = bytes;
		memcpy(flying->datagram, datagram, bytes);
	}
}

static void open_call(struct end *end, size_t body_bytes)
{
	uint8_t body[WIRE_CALL_BODY_BYTES_MAX] = {0};
	const uint32_t number = end->opened + 1;
	memcpy(body, &number, sizeof number);
	if (caller_open(&end->session.caller, &end->pool.blocks, 3, body, body_bytes < 4 ? 4 : body_bytes, number) !=
	    MMS_OK)
		return;
	end->opened = number;
	end->called_at = net.now;
	end->opened_at[number] = net.now;
}

static void answer_call(struct end *end, uint32_t number)
{
	uint8_t body[600] = {0};
	const size_t bytes = number % 7 == 0 ? 600 : number % 3 == 0 ? 0 : 4;
	if (number % 3 != 0)
		memcpy(body, &number, sizeof number);
	const enum mms_err err = callee_answer(&end->session.callee, &end->pool.blocks, number,
					       (uint8_t)(number % 5 + 1), body, bytes, mtime_add_ms(net.now, 100));
	if (err == MMS_E_FULL)
		end->executed--; // it starts again
	else
		assert_int_equal(err, MMS_OK);
}

static void on_event(struct end *end, const struct session_event *event)
{
	uint32_t number;
	if (event->type == SESSION_CALL) {
		assert_int_equal(event->number, end->executed + 1); // once, in order
		memcpy(&number, event->body, sizeof number);
		assert_int_equal(number, event->number);
		end->executed++;
		if (net.answers_late && event->number % 7 != 0 && seeded_chance(&net.seeded, 50))
			end->owed[end->owed_count++] = event->number;
		else
			answer_call(end, event->number);
		return;
	}
	number = (uint32_t)event->tag;
	assert_int_equal(event->number, number);
	assert_false(end->is_answered[number]);
	assert_int_equal(event->status, number % 5 + 1);
	if (event->body_bytes == 4)
		assert_memory_equal(event->body, &number, 4);
	else
		assert_int_equal(event->body_bytes, number % 7 == 0 ? 600 : 0);
	end->is_answered[number] = true;
	end->answered_at[number] = net.now;
	end->answered++;
}

static void pump(uint8_t i)
{
	struct end *end = &net.end[i];
	struct session_event event;
	struct session_out out;
	while (session_poll(&end->session, &end->pool.blocks, net.now, &event))
		on_event(end, &event);
	if (end->owed_count > 0 && seeded_chance(&net.seeded, 30))
		while (end->owed_count > 0)
			answer_call(end, end->owed[--end->owed_count]);
	for (int sent = 0; session_send(&end->session, &end->pool.blocks, net.now, &out); sent++) {
		assert_true(sent < 500);
		for (size_t copy = 0; copy < out.count; copy++)
			launch(1 - i, out.datagram[copy], out.bytes);
	}
}

static void deliver_due(void)
{
	for (uint32_t i = 0; i < net.flying_count;) {
		if (!mtime_is_due(net.flying[i].at, net.now)) {
			i++;
			continue;
		}
		const struct flying flying = net.flying[i];
		net.flying[i] = net.flying[--net.flying_count];
		const struct addr from = addr_of(flying.end == 1 ? 1 : 2);
		const enum mms_err err = session_recv(&net.end[flying.end].session, &net.end[flying.end].pool.blocks,
						      &from, flying.datagram, flying.bytes, net.now, &net.rng);
		assert_true(err == MMS_OK || err == MMS_E_AUTH);
	}
}

// One step of the world: to the next thing that is due, but at most `until`. Nothing may be due for ever.
static void step(struct mtime until)
{
	struct mtime next = until;
	for (uint32_t i = 0; i < net.flying_count; i++)
		next = mtime_min(next, net.flying[i].at);
	for (int i = 0; i < 2; i++)
		next = mtime_min(next, session_deadline(&net.end[i].session, net.now));
	if (next.us > net.now.us) {
		net.now = next;
		net.step_count = 0;
	} else if (++net.step_count > 50) {
		fail_msg("time stands still");
	}
	deliver_due();
	for (uint8_t i = 0; i < 2; i++) {
		session_tick(&net.end[i].session, net.now);
		pump(i);
	}
}

static void run(struct mtime until)
{
	for (uint8_t i = 0; i < 2; i++)
		pump(i);
	while (net.now.us < until.us)
		step(until);
}

// Both sides make calls of all sizes over a network drawn from the seed; everything must come to an end.
static void converse(uint64_t seed)
{
	enum { EACH = 150 };
	begin(seed, seeded_below(&(struct seeded){seed}, 80), seed % 3 == 0 ? 40 : 300);
	net.duplicate_percent = seeded_below(&net.seeded, 40);
	net.jitter_us = seeded_below(&net.seeded, 60000);
	net.answers_late = seeded_chance(&net.seeded, 50);
	const struct mtime limit = mtime_add_ms(net.now, 2 * 3600 * 1000);
	while (net.end[0].answered < EACH || net.end[1].answered < EACH) {
		for (int i = 0; i < 2; i++)
			if ((net.end[i].opened < EACH && seeded_chance(&net.seeded, 60)) ||
			    mtime_diff_us(net.now, net.end[i].called_at) > 8 * 1000 * 1000) // as PING does
				open_call(&net.end[i],
					  seeded_chance(&net.seeded, 20) ? seeded_below(&net.seeded, 1147) : 30);
		for (uint8_t i = 0; i < 2; i++)
			pump(i);
		step(mtime_add_us(net.now, 1 + seeded_below(&net.seeded, 30000)));
		if (net.now.us > limit.us)
			fail_msg("seed %u: stalled at %u and %u answers", (unsigned)seed, net.end[0].answered,
				 net.end[1].answered);
	}
	assert_true(net.end[0].executed >= EACH && net.end[1].executed >= EACH);
	for (int i = 0; i < 2; i++)
		for (uint32_t number = 1; number <= EACH; number++)
			assert_true(net.end[i].is_answered[number]);
	finish();
}

static void exactly_once_in_order(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 18; seed++)
		converse(seed);
}

static int compare_us(const void *a, const void *b)
{
	const int64_t left = *(const int64_t *)a;
	const int64_t right = *(const int64_t *)b;
	return (left > right) - (left < right);
}

// The time from a call to its acceptance at the sender, call after call in a session that has been used before.
static void acceptance(uint32_t loss_percent, int64_t *median_us, int64_t *p95_us, int64_t *worst_us)
{
	enum { CALLS = 200 };
	static int64_t took_us[CALLS];
	begin(900 + loss_percent, loss_percent, 300);
	for (uint32_t i = 0; i < CALLS + 20; i++) {
		struct end *device = &net.end[0];
		open_call(device, 100);
		pump(0);
		const struct mtime limit = mtime_add_ms(net.now, 6 * 3600 * 1000);
		while (!device->is_answered[device->opened]) {
			step(limit);
			assert_true(net.now.us < limit.us);
		}
		if (i >= 20)
			took_us[i - 20] =
				mtime_diff_us(device->answered_at[device->opened], device->opened_at[device->opened]);
		run(mtime_add_ms(net.now, 2000 + seeded_below(&net.seeded, 3000)));
	}
	qsort(took_us, CALLS, sizeof took_us[0], compare_us);
	*median_us = took_us[CALLS / 2];
	*p95_us = took_us[CALLS * 95 / 100];
	*worst_us = took_us[CALLS - 1];
	finish();
}

static void accepted_under_loss(void **state)
{
	(void)state;
	static const uint32_t loss[] = {0, 50, 75, 90};
	for (size_t i = 0; i < 4; i++) {
		int64_t median_us, p95_us, worst_us;
		acceptance(loss[i], &median_us, &p95_us, &worst_us);
		print_message(
			"# %2u %% loss each way: accepted after %.2f s (median), %.2f s (95 %%), %.2f s (worst)\n",
			loss[i], (double)median_us / 1e6, (double)p95_us / 1e6, (double)worst_us / 1e6);
		assert_true(loss[i] != 0 || worst_us <= 25 * 1000); // one round trip
		assert_true(loss[i] != 75 || median_us < 5000 * 1000);
	}
}

// Nobody keeps many answers in vain: after a burst the caller says that they came.
static void answers_are_let_go(void **state)
{
	(void)state;
	begin(10, 0, 200);
	for (int i = 0; i < 60; i++)
		open_call(&net.end[0], i % 2 == 0 ? 30 : 900);
	run(mtime_add_ms(net.now, 3000));
	assert_int_equal(net.end[0].answered, 60);
	assert_true(pool_used(&net.end[1].pool) < SESSION_TELL_ANSWERS);
	finish();
}

// Of the first answer the server hears though the device has nothing else to say, by one datagram; not of each later one, nor the
// device of those to the server's calls.
static void sign_in_is_let_go(void **state)
{
	(void)state;
	begin(11, 0, 200);
	open_call(&net.end[0], 30);
	run(mtime_add_ms(net.now, 1000));
	assert_int_equal(pool_used(&net.end[1].pool), 0);
	assert_int_equal(net.sent_count, 3); // CALL, ANSWER, BASE
	open_call(&net.end[0], 30);
	open_call(&net.end[1], 30);
	run(mtime_add_ms(net.now, 1000));
	assert_int_equal(net.end[0].answered, 2);
	assert_int_equal(net.end[1].answered, 1);
	assert_int_equal(pool_used(&net.end[1].pool), 1);
	assert_int_equal(net.sent_count, 3 + 4);
	finish();
}

// What goes anyway says it: then nothing goes for it.
static void sign_in_is_let_go_by_what_goes(void **state)
{
	(void)state;
	begin(12, 0, 200);
	open_call(&net.end[0], 30);
	run(mtime_add_us(net.now, SESSION_TELL_DELAY_US / 2));
	assert_int_equal(net.end[0].answered, 1);
	open_call(&net.end[0], 30);
	run(mtime_add_ms(net.now, 1000));
	assert_int_equal(net.sent_count, 4);
	finish();
}

// A path that delays some datagrams more than others does not lose them: nothing goes in copies for it.
static void reordering_is_no_loss(void **state)
{
	(void)state;
	begin(12, 0, 100);
	net.jitter_us = 600 * 1000;
	for (int i = 0; i < 60; i++) { // in bursts, so that they overtake each other
		for (int n = 0; n < 4; n++)
			open_call(&net.end[0], 900);
		run(mtime_add_ms(net.now, 5000));
	}
	const uint64_t before = net.sent_count;
	for (int i = 0; i < 20; i++) {
		open_call(&net.end[0], 30);
		run(mtime_add_ms(net.now, 25000));
	}
	print_message("# a call over a path of 10 to 610 ms: %.1f datagrams\n", (double)(net.sent_count - before) / 20);
	assert_true(net.sent_count - before < 20 * 6);
	finish();
}

static void idle_sends_nothing(void **state)
{
	(void)state;
	begin(7, 0, 10);
	for (int i = 0; i < 3; i++)
		open_call(&net.end[0], 10);
	run(mtime_add_ms(net.now, 2000));
	assert_int_equal(net.end[0].answered, 3);
	const uint64_t sent = net.sent_count;
	assert_true(sent <= 3);
	run(mtime_add_ms(net.now, 3600 * 1000));
	assert_int_equal(net.sent_count, sent);
	finish();
}

// Calls that wait for their answers are marked in time, and a silent peer is probed ever more slowly, without end.
static void marks_and_back_off(void **state)
{
	(void)state;
	begin(8, 0, 10);
	open_call(&net.end[0], 10);
	struct session_out out;
	struct session_event event;
	struct end *device = &net.end[0];
	struct end *server = &net.end[1];
	const struct addr from = addr_of(1);
	assert_true(session_send(&device->session, &device->pool.blocks, net.now, &out));
	assert_int_equal(session_recv(&server->session, &server->pool.blocks, &from, out.datagram[0], out.bytes,
				      net.now, &net.rng),
			 MMS_OK);
	assert_true(session_poll(&server->session, &server->pool.blocks, net.now, &event)); // executed, not answered
	assert_false(session_send(&server->session, &server->pool.blocks, net.now, &out));
	assert_int_equal(mtime_diff_us(session_deadline(&server->session, net.now), net.now), 20000);
	net.now = mtime_add_ms(net.now, 20);
	assert_true(session_send(&server->session, &server->pool.blocks, net.now, &out));
	assert_false(session_send(&server->session, &server->pool.blocks, net.now, &out));
	net.loss_percent = 100;
	uint64_t sent = net.sent_count;
	run(mtime_add_ms(net.now, 25 * 1000));
	assert_true(net.sent_count - sent >= 50 &&
		    net.sent_count - sent <= 75); // soon about one a second, in two copies
	run(mtime_add_ms(net.now, 400 * 1000));
	sent = net.sent_count;
	run(mtime_add_ms(net.now, 300 * 1000));
	assert_true(net.sent_count - sent >= 18 && net.sent_count - sent <= 24); // every 30 s
	finish();
}

// Calls behind a sign-in that has started and is not decided yet: they are no event and due at no time until it is.
static void calls_behind_the_gate(void **state)
{
	(void)state;
	struct session_out out;
	struct session_event event;
	begin(13, 0, 10);
	struct end *device = &net.end[0];
	struct end *server = &net.end[1];
	struct session *session = &server->session;
	const struct addr from = addr_of(1);
	session->callee.gate = CALLEE_GATE_SIGNIN;
	assert_false(session_has_event(session, net.now));
	open_call(device, 10);
	open_call(device, 10);
	assert_true(session_send(&device->session, &device->pool.blocks, net.now, &out));
	assert_int_equal(session_recv(session, &server->pool.blocks, &from, out.datagram[0], out.bytes, net.now, &net.rng),
			 MMS_OK);
	assert_true(session_has_event(session, net.now));
	assert_true(session_deadline(session, net.now).us > net.now.us); // an event is there already: its owner may leave it for later
	assert_true(session_poll(session, &server->pool.blocks, net.now, &event));
	assert_int_equal(event.number, 1);
	assert_false(session_has_event(session, net.now));
	assert_false(session_poll(session, &server->pool.blocks, net.now, &event));
	assert_true(session_deadline(session, net.now).us > net.now.us);
	callee_defer(&session->callee, mtime_add_ms(net.now, 5)); // put off: due again then
	assert_false(session_has_event(session, net.now));
	assert_int_equal(mtime_diff_us(session_deadline(session, net.now), net.now), 5000);
	assert_true(session_has_event(session, mtime_add_ms(net.now, 5)));
	assert_true(session_poll(session, &server->pool.blocks, mtime_add_ms(net.now, 5), &event));
	assert_int_equal(event.number, 1);
	assert_false(session_has_event(session, mtime_add_ms(net.now, 5)));
	callee_open_gate(&session->callee);
	assert_true(session_has_event(session, mtime_add_ms(net.now, 5)));
	assert_true(session_poll(session, &server->pool.blocks, mtime_add_ms(net.now, 5), &event));
	assert_int_equal(event.number, 2);
	assert_int_equal(callee_answer(&session->callee, &server->pool.blocks, 1, 1, NULL, 0, net.now), MMS_OK);
	assert_true(session_send(session, &server->pool.blocks, net.now, &out));
	assert_false(session_has_event(&device->session, net.now));
	assert_int_equal(session_recv(&device->session, &device->pool.blocks, &from, out.datagram[0], out.bytes, net.now,
				      &net.rng),
			 MMS_OK);
	assert_true(session_has_event(&device->session, net.now));
	finish();
}

// What is no datagram of this session changes nothing, not even what it knows of the path.
static void datagrams_that_do_not_open(void **state)
{
	(void)state;
	struct session_out out;
	begin(14, 0, 10);
	struct end *device = &net.end[0];
	struct end *server = &net.end[1];
	const struct addr from = addr_of(7);
	open_call(device, 10);
	assert_true(session_send(&device->session, &device->pool.blocks, net.now, &out));
	const struct session before = server->session;
	for (size_t bytes = 0; bytes <= out.bytes; bytes++) {
		if (bytes == out.bytes)
			out.datagram[0][bytes - 1] ^= 1;
		assert_int_equal(session_recv(&server->session, &server->pool.blocks, &from, out.datagram[0], bytes,
					      mtime_add_ms(net.now, 9), &net.rng),
				 MMS_E_AUTH);
	}
	assert_memory_equal(&server->session, &before, sizeof before);
	out.datagram[0][out.bytes - 1] ^= 1;
	assert_int_equal(session_recv(&server->session, &server->pool.blocks, &from, out.datagram[0], out.bytes, net.now,
				      &net.rng),
			 MMS_OK);
	finish();
}

static void hostile_frames(void **state)
{
	(void)state;
	static const struct {
		uint8_t to; // 0: to the device
		size_t bytes;
		uint8_t frames[12];
		enum mms_err expected;
	} table[] = {
		{1, 0, {0}, MMS_OK},
		{1, 3, {0, 255, 255}, MMS_OK},
		{1, 1, {5}, MMS_E_BAD},
		{1, 8, {1, 0, 0, 0, 0, 3, 0, 0}, MMS_E_BAD},    // call number 0
		{1, 8, {1, 0, 0, 0, 1, 3, 0, 1}, MMS_E_BAD},    // one byte short
		{1, 9, {3, 1, 2, 3, 4, 5, 6, 7, 8}, MMS_E_BAD}, // a challenge to the server
		{0, 9, {3, 1, 2, 3, 4, 5, 6, 7, 8}, MMS_OK},
		{0, 9, {4, 1, 2, 3, 4, 5, 6, 7, 8}, MMS_E_BAD}, // a response to the device
		{1, 9, {4, 1, 2, 3, 4, 5, 6, 7, 8}, MMS_OK},
		{1, 9, {2, 255, 255, 255, 255, 64, 1, 0, 0}, MMS_OK}, // answers beyond the last number
		{1, 9, {2, 0, 0, 0, 1, 65, 1, 0, 0}, MMS_E_BAD},
		{1, 8, {1, 0, 0, 0, 65, 3, 0, 0}, MMS_OK}, // outside the window: ignored
		{1, 8, {1, 255, 255, 255, 255, 3, 0, 0}, MMS_OK},
	};
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		begin(9, 0, 10);
		struct end *end = &net.end[table[i].to];
		uint8_t datagram[100];
		uint8_t plain[60] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}; // BASE and NEXT that cannot be
		memset(plain + 8, 0xff, 8);
		memcpy(plain + WIRE_STATE_BYTES, table[i].frames, table[i].bytes);
		wire_data_encode(end->session.local_index, 1000, datagram);
		noise_seal(end->session.keys.recv_key, 1000, datagram, WIRE_DATA_HEADER_BYTES, plain,
			   WIRE_STATE_BYTES + table[i].bytes, datagram + WIRE_DATA_HEADER_BYTES);
		const struct addr from = addr_of(1);
		const enum mms_err err = session_recv(&end->session, &end->pool.blocks, &from, datagram,
						      WIRE_DATA_BYTES_MIN + table[i].bytes, net.now, &net.rng);
		if (err != table[i].expected)
			fail_msg("entry %zu: %d", i, (int)err);
		struct session_event event;
		assert_false(session_poll(&end->session, &end->pool.blocks, net.now, &event));
		assert_int_equal(session_recv(&end->session, &end->pool.blocks, &from, datagram,
					      WIRE_DATA_BYTES_MIN + table[i].bytes, net.now, &net.rng),
				 MMS_E_AUTH);
		finish();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exactly_once_in_order), cmocka_unit_test(answers_are_let_go),
		cmocka_unit_test(sign_in_is_let_go), cmocka_unit_test(sign_in_is_let_go_by_what_goes),
		cmocka_unit_test(reordering_is_no_loss),
		cmocka_unit_test(idle_sends_nothing),    cmocka_unit_test(marks_and_back_off),
		cmocka_unit_test(calls_behind_the_gate),
		cmocka_unit_test(datagrams_that_do_not_open),
		cmocka_unit_test(hostile_frames),        cmocka_unit_test(accepted_under_loss),
	};
	return cmocka_run_group_tests_name("session", tests, crypto_set_up, NULL);
}
