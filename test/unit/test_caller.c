// SPDX-License-Identifier: ISC
// proto/caller: the window, marks, what counts as lost, probes and their order, answers in any order, memory.
#include "proto_world.h"

#include "proto/caller.h"

struct world {
	struct pool pool;
	struct caller caller;
	uint64_t counter;
	uint32_t sent[CALL_WINDOW]; // the calls of the last datagram, in its order
	size_t sent_count;
};

static void begin(struct world *world, uint32_t small_count, uint32_t large_count)
{
	*world = (struct world){0};
	pool_open(&world->pool, small_count, large_count);
	caller_init(&world->caller, 0);
}

static void finish(struct world *world)
{
	caller_clear(&world->caller, &world->pool.blocks);
	assert_int_equal(pool_used(&world->pool), 0);
	pool_close(&world->pool);
}

static void open_calls(struct world *world, uint32_t count, size_t body_bytes)
{
	static const uint8_t body[WIRE_CALL_BODY_BYTES_MAX];
	for (uint32_t i = 0; i < count; i++)
		assert_int_equal(caller_open(&world->caller, &world->pool.blocks, 3, body, body_bytes,
					     world->caller.next_number + 1000),
				 MMS_OK);
}

// Writes one datagram and notes which calls it carries.
static size_t send_one(struct world *world, int64_t ms)
{
	uint8_t plain[CALL_FRAMES_BYTES_MAX];
	struct writer writer = writer_of(plain, sizeof plain);
	struct wire_frame_view frame;
	const bool had_work = caller_has_work(&world->caller, &world->pool.blocks);
	const size_t written = caller_write(&world->caller, &world->pool.blocks, &writer, world->counter++, at_ms(ms));
	assert_int_equal(written > 0, had_work);
	struct reader reader = reader_of(plain, writer.used_bytes);
	for (world->sent_count = 0; reader.left_bytes > 0;) {
		assert_int_equal(wire_frame_read(&reader, &frame), MMS_OK);
		assert_int_equal(frame.kind, 3);
		world->sent[world->sent_count++] = frame.number;
	}
	assert_int_equal(world->sent_count, written);
	return written;
}

static void expect_sent(const struct world *world, size_t count, const uint32_t *numbers)
{
	assert_int_equal(world->sent_count, count);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(world->sent[i], numbers[i]);
}

static void marks(struct world *world, uint32_t next, uint64_t bits, int64_t ms)
{
	caller_recv_state(&world->caller, &world->pool.blocks, next, bits, at_ms(ms));
	caller_recv_end(&world->caller, &world->pool.blocks, at_ms(ms));
}

static uint32_t answers(struct world *world, uint32_t first, uint32_t count, size_t body_bytes, int64_t ms)
{
	static const uint8_t body[WIRE_ANSWER_BODY_BYTES_MAX];
	const uint32_t taken_count = caller_recv_answer(&world->caller, &world->pool.blocks, first, count, 1, body,
							body_bytes, at_ms(ms));
	caller_recv_end(&world->caller, &world->pool.blocks, at_ms(ms));
	return taken_count;
}

static bool answer(struct world *world, uint32_t number, size_t body_bytes, int64_t ms)
{
	return answers(world, number, 1, body_bytes, ms) == 1;
}

static struct block *lowest(const struct world *world)
{
	const uint32_t base = caller_base(&world->caller);
	assert_true((world->caller.calls->unanswered & ring_bit(base)) != 0);
	return blocks_get(&world->pool.blocks, world->caller.calls->call[ring_place(base)]);
}

static uint32_t poll_number(struct world *world)
{
	const uint32_t handle = caller_poll(&world->caller, &world->pool.blocks);
	if (handle == 0)
		return 0;
	const struct block *block = blocks_get(&world->pool.blocks, handle);
	const uint32_t number = block->number;
	assert_true(block->tag == number + 1000);
	blocks_give(&world->pool.blocks, handle);
	return number;
}

static void window_is_a_span(void **state)
{
	(void)state;
	struct world world;
	begin(&world, 200, 0);
	assert_int_equal(caller_base(&world.caller), 1);
	open_calls(&world, CALL_WINDOW, 1);
	assert_int_equal(caller_room(&world.caller), 0);
	assert_int_equal(caller_open(&world.caller, &world.pool.blocks, 3, NULL, 0, 0), MMS_E_FULL);
	while (send_one(&world, 0) > 0)
		;
	for (uint32_t number = 2; number <= CALL_WINDOW; number++)
		assert_true(answer(&world, number, 0, 10));
	assert_int_equal(caller_room(&world.caller), 0); // call 1 is still unanswered
	assert_true(answer(&world, 1, 0, 10));
	assert_int_equal(caller_room(&world.caller), CALL_WINDOW);
	assert_int_equal(caller_base(&world.caller), CALL_WINDOW + 1);
	for (uint32_t number = 2; number <= CALL_WINDOW; number++)
		assert_int_equal(poll_number(&world), number); // as the answers came
	assert_int_equal(poll_number(&world), 1);
	assert_int_equal(poll_number(&world), 0);
	finish(&world);
}

static void numbers_never_come_round(void **state)
{
	(void)state;
	struct world world;
	begin(&world, 4, 0);
	world.caller.base = world.caller.next_number = UINT32_MAX - 1;
	open_calls(&world, 1, 0);
	assert_int_equal(caller_room(&world.caller), 0);
	assert_int_equal(caller_open(&world.caller, &world.pool.blocks, 3, NULL, 0, 0), MMS_E_FULL);
	send_one(&world, 0);
	assert_int_equal(answers(&world, UINT32_MAX, CALL_WINDOW, 0, 1), 0);
	assert_int_equal(answers(&world, UINT32_MAX - 10, CALL_WINDOW, 0, 1), 1);
	assert_int_equal(caller_base(&world.caller), UINT32_MAX);
	finish(&world);
}

static void only_answers_free(void **state)
{
	(void)state;
	struct world world;
	begin(&world, 10, 0);
	open_calls(&world, 3, 1);
	assert_false(answer(&world, 1, 0, 0)); // not sent yet
	assert_int_equal(send_one(&world, 0), 3);
	marks(&world, 4, 0, 10);
	assert_int_equal(pool_used(&world.pool), 3);
	assert_int_equal(send_one(&world, 11), 0);
	assert_false(answer(&world, 4, 0, 12));
	assert_false(answer(&world, 0, 0, 12));
	assert_true(answer(&world, 2, 0, 12));
	assert_false(answer(&world, 2, 0, 12));
	assert_int_equal(caller_base(&world.caller), 1);
	finish(&world);
}

static void marks_that_cannot_be(void **state)
{
	(void)state;
	struct world world;
	begin(&world, 10, 0);
	open_calls(&world, 2, 1);
	assert_int_equal(send_one(&world, 0), 2);
	marks(&world, 0, UINT64_MAX, 10);
	marks(&world, 4, UINT64_MAX, 10);
	marks(&world, UINT32_MAX, UINT64_MAX, 10);
	assert_true(caller_calls(&world.caller)->marked == 0);
	assert_int_equal(world.caller.rtt.smoothed_us, 0);
	open_calls(&world, 1, 1); // 3 is made and not sent: marks do not concern it
	marks(&world, 4, 0, 10);
	assert_int_equal(send_one(&world, 10), 1);
	finish(&world);
}

// A state that was held up on its way while a whole window passed says nothing of the calls of now.
static void marks_of_long_ago(void **state)
{
	(void)state;
	struct world world;
	begin(&world, 10, 0);
	for (uint32_t number = 1; number <= CALL_WINDOW + 1; number++) {
		open_calls(&world, 1, 1);
		send_one(&world, number);
		assert_true(answer(&world, number, 0, number));
		assert_int_equal(poll_number(&world), number);
	}
	open_calls(&world, 1, 1);
	send_one(&world, 100);
	marks(&world, 1, UINT64_MAX, 110);
	assert_true(caller_calls(&world.caller)->marked == 0);
	finish(&world);
}

static void unmarked_before_marked_is_lost(void **state)
{
	(void)state;
	struct world world;
	begin(&world, 20, 0);
	open_calls(&world, 1, 1);
	send_one(&world, 0); // 1 in datagram 0
	open_calls(&world, 2, 1);
	send_one(&world, 1); // 2, 3 in datagram 1
	open_calls(&world, 1, 1);
	send_one(&world, 2);          // 4 in datagram 2
	marks(&world, 1, 1 << 1, 20); // holds 3
	assert_int_equal(send_one(&world, 20), 1);
	expect_sent(&world, 1, (uint32_t[]){1}); // 2 went with 3, 4 after it: neither counts as lost
	assert_true(answer(&world, 4, 0, 30));
	assert_int_equal(send_one(&world, 30), 1);
	expect_sent(&world, 1, (uint32_t[]){2}); // 3 is marked, 1 was sent again after 4
	assert_int_equal(send_one(&world, 30), 0);
	finish(&world);
}

static void probes_carry_all_unmarked_first(void **state)
{
	(void)state;
	struct world world;
	begin(&world, 20, 0);
	open_calls(&world, 4, 1);
	send_one(&world, 0);
	marks(&world, 2, 1 << 0, 20); // 1 and 3
	assert_int_equal(world.caller.rtt.smoothed_us, 20000);
	const struct mtime due = caller_deadline(&world.caller, at_ms(20), at_ms(20));
	assert_true(due.us == 60 * 1000); // 20 + max(4 * 10, 10) after the last sending
	assert_false(caller_has_work(&world.caller, &world.pool.blocks));
	caller_tick(&world.caller);
	assert_int_equal(send_one(&world, 60), 4);
	expect_sent(&world, 4, (uint32_t[]){2, 4, 1, 3});
	assert_true(caller_deadline(&world.caller, at_ms(60), at_ms(20)).us == (60 + 120) * 1000);
	assert_true(answer(&world, 2, 0, 70)); // sent twice: measures nothing
	assert_int_equal(world.caller.rtt.smoothed_us, 20000);
	assert_int_equal(world.caller.rtt.probe_count, 0);
	finish(&world);
}

// The peer's memory is full: it holds the lowest call, whose answer was lost, and marks no other. It must come again.
static void lowest_call_has_its_turn(void **state)
{
	(void)state;
	struct world world;
	begin(&world, 10, 10);
	open_calls(&world, 3, 1000);
	for (int i = 0; i < 3; i++)
		send_one(&world, 0);
	marks(&world, 2, 0, 20);
	while (send_one(&world, 20) > 0)
		continue; // those that count as lost
	uint32_t lowest_count = 0;
	for (int probe = 1; probe <= 8; probe++) {
		caller_tick(&world.caller);
		assert_int_equal(send_one(&world, 100 * probe), 1);
		lowest_count += world.sent[0] == 1;
	}
	assert_int_equal(lowest_count, 2);
	finish(&world);
}

static void large_calls_probe_one_by_one(void **state)
{
	(void)state;
	struct world world;
	begin(&world, 1, 20);
	open_calls(&world, 3, 1000);
	for (int i = 0; i < 3; i++)
		assert_int_equal(send_one(&world, 0), 1);
	caller_tick(&world.caller);
	assert_int_equal(send_one(&world, 250), 1);
	expect_sent(&world, 1, (uint32_t[]){1});
	assert_int_equal(send_one(&world, 250), 0);
	marks(&world, 2, 0, 270); // the others were sent before it: lost
	assert_int_equal(send_one(&world, 270), 1);
	expect_sent(&world, 1, (uint32_t[]){2});
	assert_int_equal(send_one(&world, 270), 1);
	expect_sent(&world, 1, (uint32_t[]){3});
	finish(&world);
}

static void window_bounds_bytes(void **state)
{
	(void)state;
	struct world world;
	begin(&world, 1, 64);
	open_calls(&world, 40, 1000); // 1008 each, 12,000 may fly
	size_t sent = 0;
	while (send_one(&world, 0) > 0)
		sent += world.sent_count;
	assert_int_equal(sent, 11);
	assert_int_equal(world.caller.congest.in_flight_bytes, 11 * 1008);
	marks(&world, 12, 0, 20);
	sent = 0;
	while (send_one(&world, 20) > 0)
		sent += world.sent_count;
	assert_int_equal(sent, 22); // doubled
	for (uint32_t number = 1; number <= 33; number++)
		assert_true(answer(&world, number, 0, 40));
	assert_int_equal(world.caller.congest.in_flight_bytes, 0);
	finish(&world);
}

// The last answer comes between the deadline and the sending: the probe is not owed to whatever is called next.
static void a_probe_dies_with_its_reason(void **state)
{
	(void)state;
	struct world world;
	begin(&world, 10, 0);
	open_calls(&world, 1, 1);
	send_one(&world, 0);
	caller_tick(&world.caller);
	assert_true(answer(&world, 1, 0, 250));
	assert_false(caller_has_work(&world.caller, &world.pool.blocks));
	open_calls(&world, 1, 1);
	assert_int_equal(send_one(&world, 1000), 1);
	assert_false(caller_has_work(&world.caller, &world.pool.blocks));
	finish(&world);
}

// Calls that keep going out do not keep a call whose answer was lost waiting.
static void a_steady_flow_still_probes(void **state)
{
	(void)state;
	struct world world;
	int64_t probed_ms = 0;
	begin(&world, 100, 0);
	for (int64_t ms = 0; ms < 3000 && probed_ms == 0; ms += 40) {
		if (ms > 0 && mtime_is_due(caller_deadline(&world.caller, at_ms(ms), at_ms(ms)), at_ms(ms))) {
			caller_tick(&world.caller);
			probed_ms = ms;
		}
		open_calls(&world, 1, 1);
		send_one(&world, ms);
		marks(&world, world.caller.next_number, 0, ms + 20);
		if (world.caller.next_number > 2)
			assert_true(answer(&world, world.caller.next_number - 1, 0, ms + 20));
		while (poll_number(&world) != 0)
			;
	}
	assert_true(probed_ms >= 500 && probed_ms <= 1100);
	assert_int_equal(world.sent[0], 1);
	finish(&world);
}

static void large_answers_move(void **state)
{
	(void)state;
	struct world world;
	begin(&world, 3, 1);
	open_calls(&world, 3, 1);
	send_one(&world, 0);
	assert_true(answer(&world, 2, BLOCK_SMALL_BYTES + 1, 10));
	assert_int_equal(pool_used(&world.pool), 3);
	assert_false(answer(&world, 1, BLOCK_SMALL_BYTES + 1, 10)); // no block: as if it had not come
	assert_true(answer(&world, 1, BLOCK_SMALL_BYTES, 10));
	assert_int_equal(poll_number(&world), 2);
	assert_true(answer(&world, 3, WIRE_ANSWER_BODY_BYTES_MAX, 10));
	assert_int_equal(poll_number(&world), 1);
	assert_int_equal(poll_number(&world), 3);
	assert_int_equal(pool_used(&world.pool), 0);
	finish(&world);
}

static void pool_exhausted(void **state)
{
	(void)state;
	struct world world;
	begin(&world, 2, 0);
	open_calls(&world, 2, 1);
	assert_int_equal(caller_open(&world.caller, &world.pool.blocks, 3, NULL, 0, 0), MMS_E_FULL);
	assert_int_equal(world.caller.next_number, 3);
	send_one(&world, 0);
	assert_true(answer(&world, 1, 0, 1));
	assert_int_equal(poll_number(&world), 1);
	open_calls(&world, 1, 1);
	finish(&world);
	begin(&world, 2, 0);
	assert_int_equal(caller_open(&world.caller, &world.pool.blocks, 3, NULL, BLOCK_SMALL_BYTES + 1, 0), MMS_E_FULL);
	assert_int_equal(world.caller.next_number, 1);
	finish(&world);
}

// A peer whose state lags far behind its answers marks nothing by it: 64 marks reach no further.
static void marks_reach_64_calls(void **state)
{
	(void)state;
	struct world world;
	begin(&world, 300, 0);
	for (uint32_t number = 1; number <= 70; number++) {
		open_calls(&world, 1, 1);
		send_one(&world, number);
		if (number < 65)
			answer(&world, number, 0, number);
	}
	while (poll_number(&world) != 0)
		;
	marks(&world, 1, UINT64_MAX, 100);
	assert_true(caller_calls(&world.caller)->marked == ring_bit(65));
	finish(&world);
}

// Ranges of answers that reach over both ends of what is unanswered, and over the place where the ring begins again.
static void answers_come_in_ranges(void **state)
{
	(void)state;
	struct world world;
	begin(&world, 300, 0);
	for (uint32_t number = 1; number <= 60; number++) {
		open_calls(&world, 1, 1);
		send_one(&world, number);
		assert_true(answer(&world, number, 0, number));
	}
	open_calls(&world, 10, 1); // 61 .. 70
	send_one(&world, 100);
	open_calls(&world, 1, 1); // 71, not sent
	assert_int_equal(answers(&world, 1, 60, 0, 110), 0);
	assert_int_equal(answers(&world, 71, 64, 0, 110), 0);
	assert_int_equal(answers(&world, 125, 10, 0, 110), 0); // of the same places as 61 .. 70
	assert_int_equal(answers(&world, 63, 3, 0, 110), 3);
	assert_int_equal(caller_base(&world.caller), 61);
	assert_int_equal(answers(&world, 30, 64, 0, 110), 7);
	assert_int_equal(caller_base(&world.caller), 71);
	uint32_t count = 0;
	while (poll_number(&world) != 0)
		count++;
	assert_int_equal(count, 70);
	finish(&world);
}

// A large call that the window has no room for is not passed for ever by small ones behind it.
static void the_lowest_goes_first(void **state)
{
	(void)state;
	struct world world;
	begin(&world, 64, 64);
	open_calls(&world, 11, 1000);
	while (send_one(&world, 0) > 0)
		continue;
	open_calls(&world, 1, 1000); // 12,000 bytes are not enough for it
	open_calls(&world, 1, 1);
	assert_int_equal(send_one(&world, 1), 0);
	assert_true(answer(&world, 1, 0, 20));
	assert_int_equal(send_one(&world, 20), 2);
	expect_sent(&world, 2, (uint32_t[]){12, 13});
	finish(&world);
}

// Nothing is repeated then, nothing is due, and BASE stays where it is.
static void given_up(void **state)
{
	(void)state;
	struct world world;
	begin(&world, 100, 0);
	open_calls(&world, 5, 1);
	send_one(&world, 0);
	assert_true(answer(&world, 1, 0, 10));
	open_calls(&world, 1, 1);
	caller_tick(&world.caller);
	caller_clear(&world.caller, &world.pool.blocks);
	assert_int_equal(pool_used(&world.pool), 0);
	assert_int_equal(caller_base(&world.caller), 2);
	assert_int_equal(send_one(&world, 20), 0);
	assert_true(caller_deadline(&world.caller, at_ms(20), at_ms(20)).us == MTIME_NEVER.us);
	assert_false(answer(&world, 3, 0, 30));
	marks(&world, 5, 0, 30);
	assert_int_equal(caller_base(&world.caller), 2);
	finish(&world);
}

// What counts transmissions and probes stands still at its end, and does not begin again.
static void counters_end(void **state)
{
	(void)state;
	struct world world;
	begin(&world, 10, 0);
	open_calls(&world, 1, 1);
	for (int64_t i = 0; i < UINT8_MAX + 10; i++) {
		send_one(&world, i);
		caller_tick(&world.caller);
	}
	assert_int_equal(lowest(&world)->send_count, UINT8_MAX);
	world.caller.rtt.probe_count = UINT32_MAX;
	caller_tick(&world.caller);
	assert_int_equal(world.caller.rtt.probe_count, UINT32_MAX);
	finish(&world);
}

static void silence(void **state)
{
	(void)state;
	struct world world;
	begin(&world, 10, 0);
	assert_true(caller_deadline(&world.caller, at_ms(5), at_ms(0)).us == MTIME_NEVER.us);
	assert_int_equal(caller_silence_us(&world.caller, at_ms(100000), at_ms(0)), 0);
	open_calls(&world, 1, 1);
	assert_true(caller_deadline(&world.caller, at_ms(5), at_ms(0)).us == MTIME_NEVER.us); // not sent yet
	send_one(&world, 50000);
	assert_int_equal(caller_silence_us(&world.caller, at_ms(51000), at_ms(0)), 1000 * 1000); // not before it waited
	assert_int_equal(caller_silence_us(&world.caller, at_ms(52000), at_ms(51500)), 500 * 1000);
	world.caller.rtt.probe_count = 20;
	assert_true(caller_deadline(&world.caller, at_ms(51000), at_ms(0)).us == 50250 * 1000);
	assert_true(caller_deadline(&world.caller, at_ms(53000), at_ms(0)).us == 51000 * 1000);
	assert_true(caller_deadline(&world.caller, at_ms(110000), at_ms(0)).us == 53000 * 1000);
	assert_true(caller_deadline(&world.caller, at_ms(350000), at_ms(0)).us == 80000 * 1000);
	finish(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(window_is_a_span),
		cmocka_unit_test(numbers_never_come_round),
		cmocka_unit_test(only_answers_free),
		cmocka_unit_test(marks_that_cannot_be),
		cmocka_unit_test(marks_of_long_ago),
		cmocka_unit_test(unmarked_before_marked_is_lost),
		cmocka_unit_test(probes_carry_all_unmarked_first),
		cmocka_unit_test(lowest_call_has_its_turn),
		cmocka_unit_test(large_calls_probe_one_by_one),
		cmocka_unit_test(window_bounds_bytes),
		cmocka_unit_test(a_probe_dies_with_its_reason),
		cmocka_unit_test(a_steady_flow_still_probes),
		cmocka_unit_test(large_answers_move),
		cmocka_unit_test(pool_exhausted),
		cmocka_unit_test(marks_reach_64_calls),
		cmocka_unit_test(answers_come_in_ranges),
		cmocka_unit_test(the_lowest_goes_first),
		cmocka_unit_test(given_up),
		cmocka_unit_test(counters_end),
		cmocka_unit_test(silence),
	};
	return cmocka_run_group_tests_name("caller", tests, NULL, NULL);
}
