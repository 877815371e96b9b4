// SPDX-License-Identifier: ISC
// proto/callee: window and BASE, order of starts, gate and deferral, merged and repeated answers, memory used up.
#include "proto_world.h"

#include "proto/callee.h"

struct world {
	struct pool pool;
	struct callee callee;
};

static void begin(struct world *world, enum callee_gate gate, uint32_t small_count, uint32_t large_count)
{
	pool_open(&world->pool, small_count, large_count);
	callee_init(&world->callee, gate, 0);
}

static void finish(struct world *world)
{
	callee_clear(&world->callee, &world->pool.blocks);
	assert_int_equal(pool_used(&world->pool), 0);
	pool_close(&world->pool);
}

static enum callee_verdict recv(struct world *world, uint32_t number, size_t body_bytes)
{
	static const uint8_t body[WIRE_CALL_BODY_BYTES_MAX] = {'b'};
	const struct wire_frame_view frame = {
		.type = WIRE_FRAME_CALL, .number = number, .kind = 9, .body = body, .body_bytes = (uint16_t)body_bytes};
	return callee_recv_call(&world->callee, &world->pool.blocks, &frame, false);
}

static void base(struct world *world, uint32_t number)
{
	callee_recv_base(&world->callee, &world->pool.blocks, number);
}

// The number of the call that starts now; 0: none.
static uint32_t poll_at(struct world *world, int64_t ms)
{
	const uint32_t handle = callee_poll(&world->callee, at_ms(ms));
	return handle == 0 ? 0 : blocks_get(&world->pool.blocks, handle)->number;
}

static enum mms_err answer(struct world *world, uint32_t number, uint8_t status, size_t body_bytes)
{
	static const uint8_t body[WIRE_ANSWER_BODY_BYTES_MAX];
	return callee_answer(&world->callee, &world->pool.blocks, number, status, body, body_bytes, at_ms(500));
}

// Writes one datagram of `room` bytes; every frame's (first, count, status) goes to `seen`.
static size_t write(struct world *world, size_t room, uint32_t seen[][3], bool *is_twice)
{
	uint8_t plain[CALL_FRAMES_BYTES_MAX];
	struct writer writer = writer_of(plain, room);
	const size_t frames = callee_write(&world->callee, &world->pool.blocks, &writer, is_twice);
	struct reader reader = reader_of(plain, writer.used_bytes);
	struct wire_frame_view frame;
	for (size_t i = 0; i < frames; i++) {
		assert_int_equal(wire_frame_read(&reader, &frame), MMS_OK);
		seen[i][0] = frame.number;
		seen[i][1] = frame.count;
		seen[i][2] = frame.status;
	}
	assert_int_equal(reader.left_bytes, 0);
	return frames;
}

static void marks_show_what_is_held(void **state)
{
	(void)state;
	struct world world;
	begin(&world, CALLEE_GATE_OPEN, 100, 0);
	assert_int_equal(recv(&world, 3, 1), CALLEE_NEW);
	assert_true(world.callee.next == 1 && callee_marks(&world.callee) == 1U << 1);
	assert_int_equal(recv(&world, 64, 1), CALLEE_NEW);
	assert_true(callee_marks(&world.callee) == (1ULL << 1 | 1ULL << 62));
	assert_int_equal(recv(&world, 65, 1), CALLEE_IGNORED);
	assert_int_equal(recv(&world, UINT32_MAX, 1), CALLEE_IGNORED);
	assert_int_equal(recv(&world, 1, 1), CALLEE_NEW);
	assert_true(world.callee.next == 2 && callee_marks(&world.callee) == (1ULL << 0 | 1ULL << 61));
	assert_int_equal(recv(&world, 2, 1), CALLEE_NEW);
	assert_true(world.callee.next == 4 && callee_marks(&world.callee) == 1ULL << 59);
	assert_int_equal(recv(&world, 2, 1), CALLEE_WAITING);
	finish(&world);
}

static void starts_in_order(void **state)
{
	(void)state;
	struct world world;
	begin(&world, CALLEE_GATE_OPEN, 100, 0);
	recv(&world, 2, 1);
	assert_int_equal(poll_at(&world, 0), 0);
	recv(&world, 1, 1);
	assert_int_equal(poll_at(&world, 0), 1);
	assert_int_equal(poll_at(&world, 0), 2);
	assert_int_equal(poll_at(&world, 0), 0);
	assert_int_equal(answer(&world, 2, 1, 0), MMS_OK); // in any order
	assert_int_equal(answer(&world, 1, 1, 0), MMS_OK);
	assert_int_equal(recv(&world, 1, 1), CALLEE_REPEAT);
	assert_int_equal(poll_at(&world, 0), 0); // never executed again
	finish(&world);
}

static void gate(void **state)
{
	(void)state;
	struct world world;
	begin(&world, CALLEE_GATE_SIGNIN, 100, 0);
	recv(&world, 1, 1);
	recv(&world, 2, 1);
	assert_int_equal(poll_at(&world, 0), 1);
	assert_int_equal(poll_at(&world, 0), 0);
	callee_defer(&world.callee, at_ms(50));
	assert_int_equal(poll_at(&world, 49), 0);
	assert_int_equal(poll_at(&world, 50), 1);
	assert_int_equal(answer(&world, 1, 1, 0), MMS_OK);
	assert_int_equal(poll_at(&world, 60), 0);
	callee_open_gate(&world.callee);
	assert_int_equal(poll_at(&world, 60), 2);
	finish(&world);
}

static void deferred_calls_hold_the_next(void **state)
{
	(void)state;
	struct world world;
	begin(&world, CALLEE_GATE_OPEN, 100, 0);
	for (uint32_t number = 1; number <= 3; number++)
		recv(&world, number, 1);
	assert_int_equal(poll_at(&world, 0), 1);
	assert_int_equal(poll_at(&world, 0), 2);
	callee_defer(&world.callee, at_ms(100));
	assert_int_equal(recv(&world, 2, 1), CALLEE_WAITING);
	assert_int_equal(poll_at(&world, 99), 0);
	assert_int_equal(answer(&world, 1, 1, 0), MMS_OK);
	assert_int_equal(poll_at(&world, 100), 2);
	assert_int_equal(poll_at(&world, 100), 3);
	finish(&world);
}

static void base_frees_answers(void **state)
{
	(void)state;
	struct world world;
	begin(&world, CALLEE_GATE_OPEN, 100, 0);
	for (uint32_t number = 1; number <= 4; number++)
		recv(&world, number, 1);
	for (uint32_t number = 1; number <= 3; number++)
		assert_int_equal(poll_at(&world, 0), number);
	assert_int_equal(answer(&world, 1, 1, 1), MMS_OK);
	assert_int_equal(answer(&world, 3, 1, 2), MMS_OK);
	base(&world, 3); // beyond 2, which is not answered
	base(&world, 6); // beyond what is held
	assert_int_equal(world.callee.peer_base, 1);
	assert_int_equal(pool_used(&world.pool), 4);
	base(&world, 2);
	assert_int_equal(world.callee.peer_base, 2);
	assert_int_equal(pool_used(&world.pool), 3);
	assert_int_equal(recv(&world, 1, 1), CALLEE_IGNORED);
	base(&world, 1); // backwards
	assert_int_equal(world.callee.peer_base, 2);
	assert_int_equal(answer(&world, 2, 1, 0), MMS_OK);
	base(&world, 5); // 4 has not even started
	assert_int_equal(world.callee.peer_base, 2);
	base(&world, 4);
	assert_int_equal(pool_used(&world.pool), 1);
	assert_int_equal(__builtin_popcountll(world.callee.due), 0);    // what BASE has passed is not sent
	assert_int_equal(recv(&world, 67, 1), CALLEE_NEW); // the window has moved along
	assert_int_equal(recv(&world, 68, 1), CALLEE_IGNORED);
	finish(&world);
}

// An answer of one status without a body takes no block, and a callee that holds only such keeps no window.
static void bare_answers_take_nothing(void **state)
{
	(void)state;
	struct world world;
	uint32_t seen[64][3];
	bool is_twice = false;
	begin(&world, CALLEE_GATE_OPEN, 100, 0);
	for (uint32_t number = 1; number <= 5; number++) {
		recv(&world, number, 1);
		poll_at(&world, 0);
	}
	assert_int_equal(world.pool.blocks.windows.used_count, 1);
	for (uint32_t number = 1; number <= 4; number++)
		assert_int_equal(answer(&world, number, 7, 0), MMS_OK);
	assert_int_equal(pool_used(&world.pool), 1);
	assert_int_equal(answer(&world, 5, 8, 0), MMS_OK); // of another status
	assert_int_equal(pool_used(&world.pool), 1);
	assert_int_equal(write(&world, CALL_FRAMES_BYTES_MAX, seen, &is_twice), 2);
	static const uint32_t expected[2][3] = {{1, 4, 7}, {5, 1, 8}};
	assert_memory_equal(seen, expected, sizeof expected);
	base(&world, 5);
	recv(&world, 6, 1);
	poll_at(&world, 0);
	assert_int_equal(answer(&world, 6, 9, 0), MMS_OK); // none is bare any more: this status is
	base(&world, 6);
	assert_int_equal(pool_used(&world.pool), 0);
	assert_int_equal(world.pool.blocks.windows.used_count, 0);
	assert_null(world.callee.calls);
	assert_int_equal(recv(&world, 6, 1), CALLEE_REPEAT);
	assert_int_equal(write(&world, CALL_FRAMES_BYTES_MAX, seen, &is_twice), 1);
	assert_true(seen[0][0] == 6 && seen[0][2] == 9);
	finish(&world);
}

// Equal answers share one block until BASE has passed the last of them; one that differs has its own.
static void equal_answers_share(void **state)
{
	(void)state;
	struct world world;
	uint32_t seen[64][3];
	bool is_twice = false;
	begin(&world, CALLEE_GATE_OPEN, 100, 10);
	for (uint32_t number = 1; number <= 64; number++) {
		recv(&world, number, number == 3 ? BLOCK_SMALL_BYTES + 1 : 1);
		assert_int_equal(poll_at(&world, 0), number);
	}
	for (uint32_t number = 64; number >= 1; number--)
		assert_int_equal(answer(&world, number, 4, number > 32 ? 25 : 24), MMS_OK);
	assert_int_equal(pool_used(&world.pool), 2);
	assert_int_equal(write(&world, CALL_FRAMES_BYTES_MAX, seen, &is_twice), 2);
	static const uint32_t expected[2][3] = {{1, 32, 4}, {33, 32, 4}};
	assert_memory_equal(seen, expected, sizeof expected);
	base(&world, 32);
	assert_int_equal(pool_used(&world.pool), 2);
	assert_int_equal(recv(&world, 32, 1), CALLEE_REPEAT);
	assert_int_equal(write(&world, CALL_FRAMES_BYTES_MAX, seen, &is_twice), 1);
	assert_true(seen[0][0] == 32 && seen[0][1] == 1 && seen[0][2] == 4);
	base(&world, 33);
	assert_int_equal(pool_used(&world.pool), 1);
	recv(&world, 65, 1); // the last like it has been passed by BASE: this one is alone
	poll_at(&world, 0);
	assert_int_equal(answer(&world, 65, 4, 24), MMS_OK);
	assert_int_equal(pool_used(&world.pool), 2);
	base(&world, 65);
	assert_int_equal(pool_used(&world.pool), 1);
	finish(&world);
}

static void equal_neighbours_merge(void **state)
{
	(void)state;
	struct world world;
	uint32_t seen[64][3];
	bool is_twice = false;
	begin(&world, CALLEE_GATE_OPEN, 100, 0);
	for (uint32_t number = 1; number <= 64; number++) {
		recv(&world, number, 1);
		assert_int_equal(poll_at(&world, 0), number);
	}
	for (uint32_t number = 64; number >= 1; number--)
		assert_int_equal(answer(&world, number, number == 10 ? 2 : 1, number == 20 ? 1 : 0), MMS_OK);
	assert_int_equal(__builtin_popcountll(world.callee.due), 64);
	assert_int_equal(write(&world, CALL_FRAMES_BYTES_MAX, seen, &is_twice), 5);
	static const uint32_t expected[5][3] = {{1, 9, 1}, {10, 1, 2}, {11, 9, 1}, {20, 1, 1}, {21, 44, 1}};
	assert_memory_equal(seen, expected, sizeof expected);
	assert_int_equal(__builtin_popcountll(world.callee.due), 0);
	assert_false(is_twice);
	assert_int_equal(write(&world, CALL_FRAMES_BYTES_MAX, seen, &is_twice), 0);
	for (uint32_t number = 1; number <= 64; number += 2)
		assert_int_equal(recv(&world, number, 1), CALLEE_REPEAT);
	assert_int_equal(recv(&world, 1, 1), CALLEE_REPEAT); // once more changes nothing
	assert_int_equal(write(&world, CALL_FRAMES_BYTES_MAX, seen, &is_twice), 32);
	finish(&world);
}

static void answers_wait_for_room(void **state)
{
	(void)state;
	struct world world;
	uint32_t seen[64][3];
	bool is_twice = false;
	begin(&world, CALLEE_GATE_OPEN, 100, 0);
	for (uint32_t number = 1; number <= 3; number++) {
		recv(&world, number, 1);
		assert_int_equal(poll_at(&world, 0), number);
		assert_int_equal(answer(&world, number, (uint8_t)number, 0), MMS_OK);
	}
	assert_int_equal(write(&world, 8, seen, &is_twice), 0);
	assert_int_equal(write(&world, 9, seen, &is_twice), 1);
	assert_int_equal(__builtin_popcountll(world.callee.due), 2);
	assert_int_equal(write(&world, 18, seen, &is_twice), 2);
	assert_int_equal(seen[0][0], 2);
	finish(&world);
}

static void repeats_may_go_twice(void **state)
{
	(void)state;
	struct world world;
	uint32_t seen[64][3];
	bool is_twice = false;
	const struct wire_frame_view frame = {.type = WIRE_FRAME_CALL, .number = 1};
	begin(&world, CALLEE_GATE_OPEN, 10, 0);
	recv(&world, 1, 0);
	poll_at(&world, 0);
	assert_int_equal(answer(&world, 1, 1, 0), MMS_OK);
	write(&world, 100, seen, &is_twice);
	assert_int_equal(callee_recv_call(&world.callee, &world.pool.blocks, &frame, true), CALLEE_REPEAT);
	assert_int_equal(write(&world, 100, seen, &is_twice), 1);
	assert_true(is_twice);
	assert_int_equal(write(&world, 100, seen, &is_twice), 0);
	finish(&world);
}

// Few bytes of repeated calls do not bring many of answers: one datagram's worth at a time goes again, and then the rest.
static void repeats_are_one_datagram(void **state)
{
	(void)state;
	struct world world;
	uint32_t seen[64][3];
	bool is_twice = false;
	begin(&world, CALLEE_GATE_OPEN, 64, 64);
	for (uint32_t number = 1; number <= 64; number++) {
		recv(&world, number, 1);
		assert_int_equal(poll_at(&world, 0), number);
		assert_int_equal(answer(&world, number, 1, 500), MMS_OK);
	}
	while (write(&world, CALL_FRAMES_BYTES_MAX, seen, &is_twice) > 0)
		continue;
	for (int time = 0; time < 2; time++) {
		for (uint32_t number = 1; number <= 64; number++)
			assert_int_equal(recv(&world, number, 1), number <= 2 ? CALLEE_REPEAT : CALLEE_IGNORED);
		assert_int_equal(write(&world, CALL_FRAMES_BYTES_MAX, seen, &is_twice), 1); // merged
		assert_int_equal(write(&world, CALL_FRAMES_BYTES_MAX, seen, &is_twice), 0);
	}
	assert_int_equal(recv(&world, 64, 1), CALLEE_REPEAT);
	finish(&world);
}

static void blocks_exhausted(void **state)
{
	(void)state;
	struct world world;
	begin(&world, CALLEE_GATE_OPEN, 3, 1);
	assert_int_equal(recv(&world, 2, 1), CALLEE_NEW);
	assert_int_equal(recv(&world, 3, 1), CALLEE_NEW);
	assert_int_equal(recv(&world, 4, 1), CALLEE_IGNORED); // out of order: not the last blocks
	assert_int_equal(recv(&world, 1, 1), CALLEE_NEW);
	assert_int_equal(recv(&world, 4, 1), CALLEE_IGNORED); // it would wait for 1
	assert_true(world.callee.next == 4 && callee_marks(&world.callee) == 0);
	finish(&world);
	begin(&world, CALLEE_GATE_OPEN, 4, 1);
	recv(&world, 1, 1);
	recv(&world, 2, 1);
	assert_int_equal(poll_at(&world, 0), 1);
	assert_int_equal(answer(&world, 1, 1, BLOCK_SMALL_BYTES + 1), MMS_OK);
	assert_int_equal(poll_at(&world, 0), 2);
	assert_int_equal(answer(&world, 2, 1, BLOCK_SMALL_BYTES + 2), MMS_E_FULL);
	assert_int_equal(poll_at(&world, 499), 0); // starts again at the time given
	base(&world, 2);
	assert_int_equal(poll_at(&world, 500), 2);
	assert_int_equal(answer(&world, 2, 1, BLOCK_SMALL_BYTES + 2), MMS_OK);
	finish(&world);
	begin(&world, CALLEE_GATE_OPEN, 2, 0);
	assert_int_equal(recv(&world, 1, BLOCK_SMALL_BYTES + 1), CALLEE_IGNORED); // no block so large, though it is next
	assert_int_equal(recv(&world, 1, BLOCK_LARGE_BYTES + 1), CALLEE_IGNORED); // nor can there be
	assert_int_equal(recv(&world, 1, BLOCK_SMALL_BYTES), CALLEE_NEW);
	finish(&world);
}

// What waits behind a sign-in leaves memory for what can start.
static void the_gated_leave_memory(void **state)
{
	(void)state;
	struct world world;
	begin(&world, CALLEE_GATE_SIGNIN, 8, 8);
	for (uint32_t number = 1; number <= 64; number++)
		recv(&world, number, WIRE_CALL_BODY_BYTES_MAX);
	assert_int_equal(pool_used(&world.pool), 6);
	assert_int_equal(poll_at(&world, 0), 1);
	assert_int_equal(answer(&world, 1, 1, 0), MMS_OK);
	callee_open_gate(&world.callee);
	for (uint32_t number = 2; number <= 8; number++) { // each can start: the last blocks are for them
		recv(&world, number, WIRE_CALL_BODY_BYTES_MAX);
		assert_int_equal(poll_at(&world, 0), number);
	}
	finish(&world);
}

// An answer is kept for long, so a large block is not kept with it.
static void small_answers_free_large_blocks(void **state)
{
	(void)state;
	struct world world;
	begin(&world, CALLEE_GATE_OPEN, 10, 10);
	recv(&world, 1, WIRE_CALL_BODY_BYTES_MAX);
	recv(&world, 2, 1);
	assert_int_equal(world.pool.blocks.pool[BLOCKS_LARGE].used_count, 1);
	assert_int_equal(poll_at(&world, 0), 1);
	assert_int_equal(answer(&world, 1, 1, 5), MMS_OK);
	assert_int_equal(world.pool.blocks.pool[BLOCKS_LARGE].used_count, 0);
	assert_int_equal(pool_used(&world.pool), 2);
	assert_int_equal(poll_at(&world, 0), 2);
	assert_int_equal(recv(&world, 1, 1), CALLEE_REPEAT);
	finish(&world);
	begin(&world, CALLEE_GATE_OPEN, 0, 1);
	recv(&world, 1, WIRE_CALL_BODY_BYTES_MAX);
	poll_at(&world, 0);
	assert_int_equal(answer(&world, 1, 1, 5), MMS_OK); // no small block to move to: it stays
	assert_int_equal(world.pool.blocks.pool[BLOCKS_LARGE].used_count, 1);
	finish(&world);
}

// A closing session keeps what has started and what was answered, and takes nothing more.
static void closing_gives_up_what_waits(void **state)
{
	(void)state;
	struct world world;
	begin(&world, CALLEE_GATE_OPEN, 100, 0);
	for (uint32_t number = 1; number <= 10; number++)
		recv(&world, number, 1);
	for (uint32_t number = 1; number <= 3; number++)
		assert_int_equal(poll_at(&world, 0), number);
	assert_int_equal(answer(&world, 1, 1, 1), MMS_OK);
	callee_close(&world.callee, &world.pool.blocks);
	assert_int_equal(pool_used(&world.pool), 3);
	assert_int_equal(poll_at(&world, 0), 0);
	assert_int_equal(answer(&world, 2, 1, 2), MMS_OK);
	assert_int_equal(answer(&world, 4, 1, 0), MMS_E_MISSING);
	assert_int_equal(recv(&world, 11, 1), CALLEE_IGNORED);
	assert_int_equal(recv(&world, 4, 1), CALLEE_IGNORED);
	assert_int_equal(recv(&world, 3, 1), CALLEE_WAITING);
	assert_int_equal(recv(&world, 1, 1), CALLEE_REPEAT);
	base(&world, 5); // 3 is not answered, 4 never will be
	assert_int_equal(pool_used(&world.pool), 3);
	base(&world, 3);
	assert_int_equal(pool_used(&world.pool), 1);
	finish(&world);
}

static void an_empty_session_misses_it(void **state)
{
	(void)state;
	struct world world;
	begin(&world, CALLEE_GATE_OPEN, 2, 0);
	assert_int_equal(answer(&world, 1, 1, 0), MMS_E_MISSING);
	recv(&world, 2, 0);
	assert_int_equal(answer(&world, 1, 1, 0), MMS_E_MISSING);
	finish(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(marks_show_what_is_held),
		cmocka_unit_test(starts_in_order),
		cmocka_unit_test(gate),
		cmocka_unit_test(deferred_calls_hold_the_next),
		cmocka_unit_test(base_frees_answers),
		cmocka_unit_test(bare_answers_take_nothing),
		cmocka_unit_test(equal_answers_share),
		cmocka_unit_test(equal_neighbours_merge),
		cmocka_unit_test(answers_wait_for_room),
		cmocka_unit_test(repeats_may_go_twice),
		cmocka_unit_test(repeats_are_one_datagram),
		cmocka_unit_test(blocks_exhausted),
		cmocka_unit_test(the_gated_leave_memory),
		cmocka_unit_test(small_answers_free_large_blocks),
		cmocka_unit_test(closing_gives_up_what_waits),
		cmocka_unit_test(an_empty_session_misses_it),
	};
	return cmocka_run_group_tests_name("callee", tests, NULL, NULL);
}
