// SPDX-License-Identifier: ISC
// The work that a datagram makes, counted: every branch of src/base and src/proto that is taken is one step, which the compiler
// counts for us here (the Makefile builds them so). However a peer fills a datagram, its steps are bounded by its bytes.
#include "proto_world.h"

#include "hostile_frames.h"
#include "proto/session.h"

enum { STEPS_PER_BYTE = 10, STEPS = 2000, BLOCKS = 400, ANSWER_BYTES = 1000 };

static uint64_t step_count;

void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_pc(void)
{
	step_count++;
}

struct receiver {
	struct session session;
	struct pool pool;
	struct noise_keys keys;
	struct mtime now;
	uint64_t counter; // the peer's
};

static struct receiver receiver;
static struct seeded seeded;

static void begin(bool is_server)
{
	const struct addr addr = addr_of(1);
	receiver = (struct receiver){.now = at_ms(1000)};
	const struct session_birth birth = {
		.keys = &receiver.keys,
		.local_index = 1,
		.remote_index = 1,
		.is_server = is_server,
		.addr = addr,
		.is_addr_proved = true,
	};
	pool_open(&receiver.pool, BLOCKS, BLOCKS);
	session_init(&receiver.session, &receiver.pool.blocks, &birth, receiver.now);
	callee_open_gate(&receiver.session.callee);
}

static void finish(void)
{
	session_clear(&receiver.session, &receiver.pool.blocks);
	assert_int_equal(pool_used(&receiver.pool), 0);
	pool_close(&receiver.pool);
}

// Takes what came, answers every call at length, sends what there is. Returns the datagrams sent.
static uint32_t turn(void)
{
	static const uint8_t body[ANSWER_BYTES];
	struct session_event event;
	struct session_out out;
	uint32_t sent_count = 0;
	while (session_poll(&receiver.session, &receiver.pool.blocks, receiver.now, &event))
		assert_int_equal(callee_answer(&receiver.session.callee, &receiver.pool.blocks, event.number, 1, body,
					       sizeof body, receiver.now),
				 MMS_OK);
	while (session_send(&receiver.session, &receiver.pool.blocks, receiver.now, &out))
		sent_count += (uint32_t)out.count;
	return sent_count;
}

static struct writer begin_plain(uint8_t *plain)
{
	struct writer writer = writer_of(plain, WIRE_PLAIN_BYTES_MAX);
	memset(plain, 0, WIRE_PLAIN_BYTES_MAX);
	assert_true(wire_state_write(&writer, &(struct wire_state){1, 1, 0}));
	return writer;
}

// Lets the receiver take a datagram. Returns the steps it took.
static uint64_t arrive(const struct writer *writer)
{
	const struct addr addr = addr_of(1);
	const struct rng rng = seeded_rng(&seeded);
	uint8_t datagram[WIRE_DATAGRAM_BYTES_MAX];
	wire_data_encode(1, receiver.counter, datagram);
	noise_seal(receiver.keys.send_key, receiver.counter++, datagram, WIRE_DATA_HEADER_BYTES, writer->start,
		   writer->used_bytes, datagram + WIRE_DATA_HEADER_BYTES);
	const uint64_t before = step_count;
	assert_int_equal(session_recv(&receiver.session, &receiver.pool.blocks, &addr, datagram,
				      WIRE_DATA_HEADER_BYTES + writer->used_bytes + NOISE_TAG_BYTES, receiver.now, &rng),
			 MMS_OK);
	return step_count - before;
}

static void prepare(const char *kind)
{
	uint8_t plain[WIRE_PLAIN_BYTES_MAX];
	for (uint32_t i = 0; i < HOSTILE_OPEN_CALLS; i++)
		assert_int_equal(caller_open(&receiver.session.caller, &receiver.pool.blocks, 3, NULL, 0, i), MMS_OK);
	turn();
	for (uint32_t number = strcmp(kind, "held") == 0 ? 2 : 1; number <= CALL_WINDOW; number++) {
		struct writer writer = begin_plain(plain);
		assert_true(wire_call_write(&writer, number, 9, NULL, 0));
		arrive(&writer);
		turn();
	}
}

static void a_datagram_is_worth_its_bytes(void **state)
{
	(void)state;
	for (size_t kind = 0; hostile_kinds[kind] != NULL; kind++) {
		uint8_t plain[WIRE_PLAIN_BYTES_MAX];
		begin(true);
		prepare(hostile_kinds[kind]);
		for (int i = 0; i < 20; i++) {
			struct writer writer = begin_plain(plain);
			for (uint32_t frame = 0; hostile_frame(&writer, hostile_kinds[kind], frame); frame++)
				continue;
			writer.used_bytes = WIRE_PLAIN_BYTES_MAX;
			receiver.now = mtime_add_ms(receiver.now, 1);
			const uint64_t steps = arrive(&writer);
			if (steps > STEPS + STEPS_PER_BYTE * WIRE_DATAGRAM_BYTES_MAX)
				fail_msg("%s: %llu steps", hostile_kinds[kind], (unsigned long long)steps);
			const uint64_t before = step_count;
			// What goes again is no more than came, in as many copies as a bad path makes necessary.
			assert_true(turn() <= SESSION_COPIES_MAX);
			assert_true(step_count - before <= STEPS + SESSION_COPIES_MAX * STEPS_PER_BYTE * WIRE_DATAGRAM_BYTES_MAX);
		}
		finish();
	}
}

// A counter far ahead, and marks of everything.
static void a_jump_is_worth_its_bytes(void **state)
{
	(void)state;
	uint8_t plain[WIRE_PLAIN_BYTES_MAX];
	begin(true);
	prepare("padding");
	struct writer plainest = begin_plain(plain);
	const uint64_t steps = arrive(&plainest);
	for (uint32_t jump = 1; jump < 64; jump++) {
		struct writer writer = writer_of(plain, sizeof plain);
		assert_true(wire_state_write(&writer, &(struct wire_state){1 + jump, 1, UINT64_MAX}));
		receiver.counter += jump < 32 ? 1ULL << jump : REPLAY_WINDOW - jump;
		assert_true(arrive(&writer) <= STEPS);
	}
	// The replay window passes over them a word at a time.
	for (int i = 0; i < 100; i++) {
		enum { JUMP_STEPS = 100 };
		struct writer writer = begin_plain(plain);
		receiver.counter += REPLAY_WINDOW - 2;
		assert_true(arrive(&writer) <= steps + JUMP_STEPS);
	}
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_datagram_is_worth_its_bytes),
		cmocka_unit_test(a_jump_is_worth_its_bytes),
	};
	return cmocka_run_group_tests_name("work", tests, crypto_set_up, NULL);
}
