// SPDX-License-Identifier: ISC
// msg/server: who watches whom, and what is told of it: the truth in the end, within the budgets, and with a bounded memory.
#include "server_world.h"

#include "msg/call_watch.h"
#include "msg/server_inside.h"

static const struct call_watch nobody;

// A WATCH of these names. Returns the status; what was answered is in `ok`.
static uint8_t watch_all(uint32_t slot, bool is_first, const char *const *names, struct call_watch_ok *ok)
{
	struct call_watch watch = nobody;
	struct record *record = NULL;
	uint8_t taken, body[CALL_BODY_BYTES_MAX];
	watch.is_first = is_first;
	for (; *names != NULL; names++)
		watch.name[watch.count++] = name_of(*names);
	const size_t bytes = call_watch_encode(&watch, &taken, body);
	assert_int_equal(taken, watch.count);
	const uint32_t number = call(slot, CALL_WATCH, body, bytes);
	count(ANSWERED, slot, &record);
	if (record->number != number)
		return 0;
	if (record->code == STATUS_OK) {
		assert_int_equal(call_watch_ok_decode(ok, record->body, record->bytes), MMS_OK);
		assert_int_equal(ok->count, watch.count);
	}
	return record->code;
}

// A WATCH of one name. Returns whether it is told to be online.
static bool watch(uint32_t slot, bool is_first, const char *name)
{
	struct call_watch_ok ok;
	assert_int_equal(watch_all(slot, is_first, (const char *const[]){name, NULL}, &ok), STATUS_OK);
	assert_true(!ok.presence[0].is_online || ok.presence[0].heard_at.ms == 0);
	return ok.presence[0].is_online;
}

static void tick_at(struct mtime at)
{
	f.now = at;
	server_tick(&f.server, moment_of_test());
}

static void tick(void)
{
	tick_at(f.now);
}

static void pass_ms(int64_t ms)
{
	tick_at(mtime_add_ms(f.now, ms));
}

// The notices of presence on a slot so far, and the last of them.
static uint32_t notices(uint32_t slot, struct call_presence_notice *last)
{
	uint32_t found = 0;
	for (uint32_t i = 0; i < f.record_count; i++) {
		const struct record *record = &f.record[i];
		if (record->type != CALLED || record->slot != slot || record->tag != SERVER_PRESENCE_TAG)
			continue;
		assert_int_equal(call_presence_decode(last, record->body, record->bytes), MMS_OK);
		found++;
	}
	return found;
}

// There are so many notices on a slot, and the last says this of one name.
static void told(uint32_t slot, uint32_t count_expected, const char *name, bool is_online)
{
	struct call_presence_notice last;
	assert_int_equal(notices(slot, &last), count_expected);
	assert_int_equal(last.count, 1);
	assert_string_equal(last.item[0].name.text, name);
	assert_int_equal(last.item[0].presence.is_online, is_online);
}

static void told_nothing(uint32_t slot)
{
	struct call_presence_notice last;
	assert_int_equal(notices(slot, &last), 0);
}

static void take_notice(uint32_t slot)
{
	answer(slot, CALL_NOTICE, SERVER_PRESENCE_TAG);
	tick();
}

static void leave_by(uint32_t slot)
{
	const uint32_t number = call(slot, CALL_SIGNOUT, NULL, 0);
	(void)!store(MMS_OK, true);
	assert_int_equal(status_of(slot, number), STATUS_OK);
	end_session(slot);
}

static void test_coming_and_going(void **state)
{
	(void)state;
	begin("fred\nTim\nlibero\n", false);
	come_in(0, 1, "fred", FRED, true);
	assert_false(watch(0, true, "tim"));
	come_in(1, 2, "Tim", TIM, true);
	tick();
	told(0, 1, "Tim", true);
	told_nothing(1);
	take_notice(0);
	pass_ms(20000);
	leave_by(1);
	tick();
	told(0, 2, "Tim", false);
	struct call_presence_notice last;
	notices(0, &last);
	assert_int_equal(last.item[0].presence.heard_at.ms, WALL.ms);
	take_notice(0);
	come_in(2, 2, "Tim", TIM, false); // who only sends is not online
	pass_ms(20000);
	told(0, 2, "Tim", false);
	assert_false(watch(2, false, "libero"));
	assert_true(watch(2, false, "FRED"));
	finish();
}

// A name that is no user's is answered, and not watched.
static void test_no_user(void **state)
{
	(void)state;
	struct call_watch_ok ok;
	begin("fred\nTim\n", false);
	come_in(0, 1, "fred", FRED, true);
	come_in(1, 2, "Tim", TIM, true);
	assert_int_equal(watch_all(0, true, (const char *const[]){"jimmy", "Tim", "x", NULL}, &ok), STATUS_OK);
	assert_false(ok.presence[0].is_online || ok.presence[2].is_online);
	assert_true(ok.presence[1].is_online);
	assert_int_equal(f.server.presence.watch_count, 1);
	assert_int_equal(status_of(0, call(0, CALL_WATCH, "\1\1", 2)), STATUS_BAD);
	finish();
}

// Silence ends being online, and the last word is when it was heard, not when it was missed; a later word brings it back.
static void test_silence(void **state)
{
	(void)state;
	const struct wtime heard_at = {WALL.ms - 45000};
	begin("fred\nTim\n", false);
	come_in(0, 1, "fred", FRED, true);
	come_in(1, 2, "Tim", TIM, true);
	assert_true(watch(0, true, "Tim"));
	server_silent(&f.server, 1, heard_at);
	tick();
	struct call_presence_notice last;
	told(0, 1, "Tim", false);
	notices(0, &last);
	assert_int_equal(last.item[0].presence.heard_at.ms, heard_at.ms);
	take_notice(0);
	server_heard(&f.server, 1);
	pass_ms(10000);
	told(0, 2, "Tim", true);
	take_notice(0);
	pass_ms(10000);
	end_session(1);
	tick();
	told(0, 3, "Tim", false);
	finish();
}

// A name changes at most once in ten seconds, as it is told; what is overtaken is not told.
static void test_a_name_rests(void **state)
{
	(void)state;
	begin("fred\nTim\n", false);
	come_in(0, 1, "fred", FRED, true);
	assert_false(watch(0, true, "Tim"));
	come_in(1, 2, "Tim", TIM, true);
	tick();
	told(0, 1, "Tim", true);
	take_notice(0);
	leave_by(1);
	pass_ms(9999);
	told(0, 1, "Tim", true);
	come_in(1, 2, "Tim", TIM, true);
	pass_ms(1);
	pass_ms(30000);
	told(0, 1, "Tim", true); // again
	leave_by(1);
	tick();
	told(0, 2, "Tim", false);
	take_notice(0);
	come_in(1, 2, "Tim", TIM, true);
	tick();
	assert_int_equal(server_deadline(&f.server).us, mtime_add_us(f.now, SERVER_TELL_SESSION_US).us);
	pass_ms(5000);
	assert_true(watch(1, true, "fred"));
	assert_false(watch(1, false, "Tim")); // as everybody is told
	pass_ms(5000);
	told(0, 3, "Tim", true);
	told(1, 1, "Tim", true);
	finish();
}

// A notice under way may come behind the answer to a WATCH and say something older: so that waits for it.
static void test_watch_behind_a_notice(void **state)
{
	(void)state;
	struct record *deferred = NULL;
	struct call_watch_ok ok;
	begin("fred\nTim\nlibero\n", false);
	come_in(0, 1, "fred", FRED, true);
	assert_false(watch(0, true, "Tim"));
	come_in(1, 2, "Tim", TIM, true);
	tick();
	told(0, 1, "Tim", true);
	assert_int_equal(watch_all(0, true, (const char *const[]){"Tim", NULL}, &ok), 0);
	assert_int_equal(count(DEFERRED, 0, &deferred), 1);
	assert_int_equal(mtime_diff_us(deferred->until, f.now), SERVER_WATCH_RETRY_US);
	take_notice(0);
	assert_true(watch(0, true, "Tim"));
	finish();
}

static void begin_crowd(uint32_t users, uint32_t capacity)
{
	static char text[40 * 1000];
	size_t bytes = 0;
	for (uint32_t i = 0; i < users; i++)
		bytes += (size_t)snprintf(text + bytes, sizeof text - bytes, "user%u\n", i);
	begin_with(text, false, capacity, 1);
}

// One notice a second on a session, and one that is not answered: each says all that there is to say.
static void test_a_session_is_told_once_a_second(void **state)
{
	(void)state;
	struct call_presence_notice last;
	begin_crowd(20, PEERS);
	come_in(0, 1, "user0", 100, true);
	for (uint32_t i = 1; i < 20; i++) {
		char name[NAME_BUFFER_BYTES];
		snprintf(name, sizeof name, "user%u", i);
		assert_false(watch(0, i == 1, name));
	}
	for (uint32_t i = 1; i < 20; i++) {
		char name[NAME_BUFFER_BYTES];
		snprintf(name, sizeof name, "user%u", i);
		come_in(i, (uint8_t)(i + 1), name, 100 + i, true);
		if (i < 10)
			pass_ms(100);
	}
	assert_int_equal(notices(0, &last), 1);
	pass_ms(200);
	assert_int_equal(notices(0, &last), 1); // it is not answered
	take_notice(0);
	assert_int_equal(notices(0, &last), 2);
	assert_int_equal(last.count, 18);
	take_notice(0);
	assert_int_equal(notices(0, &last), 2);
	pass_ms(5000);
	assert_int_equal(notices(0, &last), 2);
	finish();
}

// Without memory for a call it is told later, and then as it is then.
static void test_no_memory_for_a_notice(void **state)
{
	(void)state;
	begin("fred\nTim\nlibero\n", false);
	come_in(0, 1, "fred", FRED, true);
	assert_false(watch(0, true, "Tim"));
	assert_false(watch(0, false, "libero"));
	come_in(1, 2, "Tim", TIM, true);
	f.has_no_memory = true;
	tick();
	told_nothing(0);
	f.has_no_memory = false;
	pass_ms(999);
	told_nothing(0);
	pass_ms(1);
	told(0, 1, "Tim", true);
	finish();
}

// Somebody whom everybody watches comes and goes: that costs as much as if nobody did, and the telling is spread.
static void test_a_star(void **state)
{
	enum { FANS = 2000 };
	(void)state;
	begin_crowd(FANS + 1, FANS + PEERS);
	struct server_presence *presence = &f.server.presence;
	come_in(0, 1, "user0", 100, true);
	// Sessions beyond those that the fixture notes: they are put where they would be.
	for (uint32_t i = 0; i < FANS; i++) {
		const struct storage_device device = {.user_id = 101 + i, .device_id = 1000 + i};
		const uint32_t slot = PEERS + i;
		server_join(&f.server, slot, 1 + i, &device, true);
		f.server.peer[slot].room = CALL_WINDOW;
	}
	uint32_t told_count = 0;
	for (uint32_t i = 0; i < FANS; i++) {
		struct call_watch one = {.count = 1, .name = {{"user0"}}};
		uint8_t taken, body[CALL_BODY_BYTES_MAX];
		const struct call_in in = {.slot = PEERS + i, .number = 1, .kind = CALL_WATCH, .body = body,
					   .bytes = call_watch_encode(&one, &taken, body)};
		server_called(&f.server, &in, moment_of_test());
		f.record_count = 0;
	}
	tick();
	assert_int_equal(presence->watch_count, FANS);
	leave_by(0);
	f.record_count = 0;
	for (uint32_t second = 0; told_count < FANS; second++) {
		tick();
		assert_in_range(f.record_count, 1, second == 0 ? SERVER_TELLS_BURST : SERVER_TELLS_PER_SECOND / 10 + 1);
		told_count += f.record_count;
		f.record_count = 0;
		assert_true(second < 30);
		f.now = mtime_add_ms(f.now, 100);
	}
	assert_int_equal(told_count, FANS);
	tick();
	assert_int_equal(f.record_count, 0);
	finish();
}

// The bounds of a session, of a user and of all; a refusal changes nothing; an end gives everything back.
static void test_bounds(void **state)
{
	(void)state;
	struct call_watch_ok ok;
	static char text[CALL_WATCH_MAX + 1][NAME_BUFFER_BYTES];
	const char *names[CALL_WATCH_MAX + 1];
	begin_crowd(200, PEERS);
	struct server_presence *presence = &f.server.presence;
	for (uint32_t i = 0; i <= CALL_WATCH_MAX; i++) {
		snprintf(text[i], sizeof text[i], "user%u", i + 1);
		names[i] = i == CALL_WATCH_MAX ? NULL : text[i];
	}
	come_in(0, 1, "user0", 100, true);
	assert_int_equal(watch_all(0, false, names, &ok), STATUS_OK);
	assert_int_equal(watch_all(0, false, names, &ok), STATUS_OK); // the same ones
	assert_int_equal(watch_all(0, false, (const char *const[]){text[CALL_WATCH_MAX], NULL}, &ok), STATUS_LIMIT);
	assert_int_equal(presence->watch_count, CALL_WATCH_MAX);
	assert_int_equal(watch_all(0, true, (const char *const[]){text[CALL_WATCH_MAX], NULL}, &ok), STATUS_OK);
	assert_int_equal(presence->watch_count, 1);
	assert_int_equal(watch_all(0, true, names, &ok), STATUS_OK);

	f.server.user[0].watch_count += WATCHES_PER_USER_MAX - CALL_WATCH_MAX; // by other sessions
	come_in(1, 2, "user0", 100, true);
	assert_int_equal(watch_all(1, true, (const char *const[]){text[0], NULL}, &ok), STATUS_LIMIT);
	assert_int_equal(watch_all(0, true, names, &ok), STATUS_OK); // in place of its own
	f.server.user[0].watch_count -= WATCHES_PER_USER_MAX - CALL_WATCH_MAX;
	presence->watch_count += f.server.config.watches_max - CALL_WATCH_MAX;
	assert_int_equal(watch_all(1, true, (const char *const[]){text[0], NULL}, &ok), STATUS_LIMIT);
	presence->watch_count -= f.server.config.watches_max - CALL_WATCH_MAX;
	assert_int_equal(watch_all(1, true, (const char *const[]){text[0], NULL}, &ok), STATUS_OK);

	const uint32_t fresh_count = presence->watch_fresh_count;
	const uint32_t watched_fresh_count = presence->watched_fresh_count;
	end_session(0);
	assert_int_equal(presence->watch_count, 1);
	assert_int_equal(f.server.user[0].watch_count, 1);
	for (uint32_t round = 0; round < 5; round++) {
		f.now = mtime_add_ms(f.now, 60000);
		come_in(0, 1, "user0", 100, true);
		assert_int_equal(watch_all(0, true, names, &ok), STATUS_OK);
		end_session(0);
	}
	assert_int_equal(presence->watch_fresh_count, fresh_count);
	assert_int_equal(presence->watched_fresh_count, watched_fresh_count);
	end_session(1);
	assert_int_equal(presence->watch_count, 0);
	tick();
	assert_int_equal(presence->tick_at.us, MTIME_NEVER.us);
	finish();
}

// Another users table: watches stay, who is gone is away, and back when the line is.
static void test_reload(void **state)
{
	(void)state;
	struct users_world before, other, back;
	begin("fred\nTim\nlibero\n", false);
	come_in(0, 1, "fred", FRED, true);
	come_in(1, 2, "Tim", TIM, true);
	come_in(2, 3, "libero", LIBERO, true);
	assert_true(watch(0, true, "Tim"));
	assert_true(watch(0, false, "libero"));
	before = f.users;
	users_open(&other, "libero\nfred\n");
	server_reload(&f.server, &other.table, other.user, NULL, 0);
	tick();
	told(0, 1, "Tim", false);
	take_notice(0);
	end_session(1);
	pass_ms(20000);
	users_open(&back, "Tim\nlibero\nfred\n");
	server_reload(&f.server, &back.table, back.user, NULL, 0);
	come_in(1, 2, "Tim", TIM, true);
	tick();
	told(0, 2, "Tim", true);
	take_notice(0);
	pass_ms(20000);
	end_session(2);
	tick();
	told(0, 3, "libero", false);
	users_close(&before);
	users_close(&other);
	f.users = back;
	finish();
}

// The last who watched somebody is shut out by the reload itself.
static void test_reload_without_the_watcher(void **state)
{
	(void)state;
	struct users_world before, other;
	begin("Tim\nlibero\nfred\n", false);
	come_in(0, 1, "fred", FRED, true);
	come_in(1, 2, "libero", LIBERO, true);
	assert_false(watch(0, true, "Tim"));
	before = f.users;
	users_open(&other, "Tim\nlibero\n");
	server_reload(&f.server, &other.table, other.user, NULL, 0);
	assert_int_equal(f.server.presence.watch_count, 0);
	assert_true(watch(1, true, "libero"));
	assert_false(watch(1, false, "Tim"));
	assert_int_equal(f.server.presence.watch_count, 2);
	users_close(&before);
	f.users = other;
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_coming_and_going),
		cmocka_unit_test(test_no_user),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_a_name_rests),
		cmocka_unit_test(test_watch_behind_a_notice),
		cmocka_unit_test(test_a_session_is_told_once_a_second),
		cmocka_unit_test(test_no_memory_for_a_notice),
		cmocka_unit_test(test_a_star),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_reload),
		cmocka_unit_test(test_reload_without_the_watcher),
	};
	return cmocka_run_group_tests_name("server_watch", tests, crypto_set_up, NULL);
}
