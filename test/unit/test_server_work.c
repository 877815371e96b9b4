// SPDX-License-Identifier: ISC
// The work of the server's meaning, counted as in test_work.c: every branch of src/base and src/msg that is taken is one step. No
// step of the server's loop grows with how many sessions there may be, or with what others have put into a batch.
#include "server_world.h"

enum { MANY_SESSIONS = SESSIONS_MAX, MANY_MESSAGES = 1000, FIRST_ID = 10 };

static uint64_t step_count;

void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_pc(void)
{
	step_count++;
}

static void expect_alike(uint64_t few, uint64_t many, const char *what)
{
	assert_int_not_equal(few, 0);
	if (many > few + few / 4)
		fail_msg("%s: %llu steps with many, %llu with few", what, (unsigned long long)many, (unsigned long long)few);
}

static void begin_wide(const char *users, uint32_t sessions)
{
	begin_with(users, true, sessions, 1);
	f.server.config.submit_rate = (struct bucket_rate){1000000, 1000000};
	f.mem.rows_max = 0;
}

// A delivery that found no memory is tried again.
static uint64_t cost_of_tick(uint32_t sessions)
{
	begin_wide("fred\nTim\n", sessions);
	come_in(0, 1, "fred", FRED, false);
	submit(0, 1, "Tim", "a");
	assert_true(store(MMS_OK, false));
	f.has_no_memory = true;
	come_in(1, 2, "Tim", TIM, true);
	f.now = server_deadline(&f.server);
	const uint64_t before = step_count;
	server_tick(&f.server, moment_of_test());
	const uint64_t steps = step_count - before;
	f.has_no_memory = false;
	f.now = server_deadline(&f.server);
	server_tick(&f.server, moment_of_test());
	ask();
	check_delivered(1, "a");
	assert_int_equal(server_deadline(&f.server).us, MTIME_NEVER.us);
	finish();
	return steps;
}

// A batch with a cursor finds no room.
static uint64_t cost_of_full_disk(uint32_t sessions)
{
	begin_wide("fred\n", sessions);
	come_in(0, 1, "fred", FRED, true);
	submit(0, 1, "fred", "a");
	assert_true(store(MMS_OK, false));
	answer(0, CALL_DELIVER, 1);
	const struct storage_batch *batch = take(true);
	assert_non_null(batch);
	const struct storage_appended appended = mem_append_none(&f.mem, batch);
	const uint64_t before = step_count;
	server_appended(&f.server, 0, &appended, moment_of_test());
	const uint64_t steps = step_count - before;
	assert_true(store(MMS_OK, true));
	assert_int_equal(f.mem.move_count, 1);
	finish();
	return steps;
}

static void nothing_grows_with_sessions(void **state)
{
	(void)state;
	expect_alike(cost_of_tick(PEERS), cost_of_tick(MANY_SESSIONS), "a timer tick");
	expect_alike(cost_of_full_disk(PEERS), cost_of_full_disk(MANY_SESSIONS), "a batch without room");
}

struct costs {
	uint64_t granted;
	uint64_t refused;
	uint64_t submission;
};

// What comes while so many messages of others wait in the batch.
static struct costs measure(uint32_t messages)
{
	struct costs costs;
	begin_wide("fred\nTim\nlibero\n", PEERS);
	come_in(0, 1, "fred", FRED, false);
	mem_add_device(&f.mem, TIM, 2);
	submit(0, 1, "fred", "a");
	assert_true(store(MMS_OK, false));
	for (uint32_t i = 0; i < messages; i++)
		submit(0, FIRST_ID + i, "fred", "b");

	uint64_t before = step_count;
	assert_int_equal(status_of(1, signin_with(1, 2, "Tim", true, NULL)), STATUS_OK);
	costs.granted = step_count - before;
	before = step_count;
	assert_int_equal(status_of(2, signin_with(2, 3, "Tim", true, NULL)), STATUS_NOT_AUTHORIZED);
	costs.refused = step_count - before;
	before = step_count;
	submit(0, 2, "Tim", "c");
	costs.submission = step_count - before;
	finish();
	return costs;
}

static void nothing_grows_with_the_batch(void **state)
{
	(void)state;
	const struct costs few = measure(1);
	const struct costs many = measure(MANY_MESSAGES);
	expect_alike(few.granted, many.granted, "a sign-in");
	expect_alike(few.refused, many.refused, "a sign-in that is refused");
	expect_alike(few.submission, many.submission, "a submission");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_grows_with_sessions),
		cmocka_unit_test(nothing_grows_with_the_batch),
	};
	return cmocka_run_group_tests_name("server work", tests, crypto_set_up, NULL);
}
