// SPDX-License-Identifier: ISC
// msg/client: whom a device watches, what it is told of them, and which word is the newest.
#include "client_world.h"

#include "msg/call_watch.h"
#include "msg/client_inside.h"

static struct record *last_watch(void)
{
	struct record *record = NULL;
	count(CALLED, CALL_WATCH, &record);
	return record;
}

static uint32_t watch_count(void)
{
	return count(CALLED, CALL_WATCH, NULL);
}

static struct call_watch watched(const struct record *record)
{
	struct call_watch watch;
	assert_int_equal(call_watch_decode(&watch, record->body, record->bytes), MMS_OK);
	return watch;
}

// Answers the last WATCH: of its names those are online that the bits of `online` say, from the lowest on.
static void answer_watch(uint64_t online)
{
	const struct record *record = last_watch();
	const struct call_watch watch = watched(record);
	struct call_watch_ok ok = {.count = watch.count};
	uint8_t body[CALL_BODY_BYTES_MAX];
	for (uint32_t i = 0; i < watch.count; i++) {
		ok.presence[i].is_online = (online >> i & 1) != 0;
		ok.presence[i].heard_at.ms = ok.presence[i].is_online ? 0 : 1000;
	}
	answer_call(record->slot, CALL_WATCH, STATUS_OK, body, call_watch_ok_encode(&ok, body), record->tag);
}

static void notice_of(uint32_t slot, uint32_t number, const char *name, bool is_online)
{
	const struct call_presence_notice notice = {1, {{{is_online, {is_online ? 0 : 7000}}, name_of(name)}}};
	struct record *record = NULL;
	uint8_t body[CALL_BODY_BYTES_MAX];
	client_called(&f.client, slot, number, CALL_NOTICE, body, call_presence_encode(&notice, body));
	count(ANSWERED, STATUS_OK, &record);
	assert_int_equal(record->number, number);
}

static void want(const char *first, const char *second)
{
	struct name names[2] = {name_of(first), name_of(second)};
	client_want_presence(&f.client, names, 2, f.now);
}

static void told(uint32_t count_expected, const char *name, bool is_online)
{
	struct record *record = NULL;
	assert_int_equal(count(TOLD, TOLD_PRESENCE, &record), count_expected);
	assert_string_equal(record->told.name.text, name);
	assert_int_equal(record->told.is_online, is_online);
}

static void told_nothing(void)
{
	assert_int_equal(count(TOLD, TOLD_PRESENCE, NULL), 0);
}

static void pass(int64_t us)
{
	f.now = mtime_add_us(f.now, us);
	client_tick(&f.client, f.now);
}

static void test_coming_and_going(void **state)
{
	(void)state;
	struct wtime heard_at;
	begin_with(false);
	come_in(0, 0);
	assert_int_equal(watch_count(), 0);
	want("Tim", "libero");
	assert_int_equal(watch_count(), 1);
	const struct call_watch watch = watched(last_watch());
	assert_true(watch.is_first);
	assert_int_equal(watch.count, 2);
	assert_string_equal(watch.name[1].text, "Tim"); // behind who was written with before
	assert_false(client_is_away_since(&f.client, &watch.name[1], &heard_at)); // nobody knows yet
	answer_watch(1);
	told_nothing(); // so it was before
	assert_true(client_is_away_since(&f.client, &watch.name[1], &heard_at));
	assert_int_equal(heard_at.ms, 1000);
	assert_false(client_is_away_since(&f.client, &watch.name[0], &heard_at));
	notice_of(0, 1, "Tim", true);
	told(1, "Tim", true);
	notice_of(0, 2, "tim", true); // the same
	notice_of(0, 3, "nobody", true);
	told(1, "Tim", true);
	notice_of(0, 4, "Tim", false);
	told(2, "Tim", false);
	assert_true(client_is_away_since(&f.client, &watch.name[1], &heard_at));
	assert_int_equal(heard_at.ms, 7000);
	uint8_t bad[2] = {NOTICE_PRESENCE, 1};
	client_called(&f.client, 0, 5, CALL_NOTICE, bad, sizeof bad);
	assert_int_equal(count(ANSWERED, STATUS_BAD, NULL), 1);
}

// Nobody is watched unless it is wanted, nor oneself; whom one writes with joins, and rounds are apart.
static void test_whom_one_writes_with(void **state)
{
	(void)state;
	begin_with(false);
	come_in(0, 0);
	deliver(0, 1, 1);
	store();
	pass(CLIENT_WATCH_APART_US);
	assert_int_equal(watch_count(), 0);
	want("fred", "libero");
	assert_int_equal(watched(last_watch()).count, 1);
	deliver(0, 2, 2); // of Tim
	store();
	pass(CLIENT_WATCH_APART_US);
	assert_int_equal(watch_count(), 1); // that is not answered
	answer_watch(0);
	assert_int_equal(watch_count(), 1);
	assert_int_equal(client_people_deadline(&f.client).us, mtime_add_us(f.now, CLIENT_WATCH_APART_US).us);
	deliver(0, 3, 3);
	store();
	pass(CLIENT_WATCH_APART_US - 1);
	assert_int_equal(watch_count(), 1);
	pass(1);
	assert_int_equal(watch_count(), 2);
	assert_int_equal(watched(last_watch()).count, 2);
	answer_watch(3);
	told(1, "libero", true); // Tim was not known before
	const struct uuid id = id_of(9);
	mem_queue(&f.mem, &id, "francoc", "a");
	client_submit(&f.client, f.now);
	store();
	pass(CLIENT_WATCH_APART_US);
	assert_int_equal(watched(last_watch()).count, 3);
}

// All 64 names do not fit one call; one more takes the place of who was written with longest ago.
static void test_many(void **state)
{
	(void)state;
	struct name names[CLIENT_PEOPLE_MAX + 1];
	begin_with(false);
	come_in(0, 0);
	for (uint32_t i = 0; i <= CLIENT_PEOPLE_MAX; i++) {
		char text[NAME_BUFFER_BYTES];
		snprintf(text, sizeof text, "a-name-of-thirty-one-letters%03u", i);
		names[i] = name_of(text);
	}
	client_want_presence(&f.client, names, CLIENT_PEOPLE_MAX, f.now);
	const uint32_t first_count = watched(last_watch()).count;
	assert_in_range(first_count, 30, CLIENT_PEOPLE_MAX - 1);
	client_want_presence(&f.client, &names[CLIENT_PEOPLE_MAX], 1, f.now); // in the place of the first one that was asked
	assert_string_equal(f.client.people.person[0].name.text, names[CLIENT_PEOPLE_MAX].text);
	answer_watch(~UINT64_C(0));
	assert_false(f.client.people.person[0].is_known);
	assert_true(f.client.people.person[1].is_known);
	assert_int_equal(watch_count(), 2);
	assert_false(watched(last_watch()).is_first);
	assert_int_equal(watched(last_watch()).count, CLIENT_PEOPLE_MAX - first_count);
	answer_watch(0);
	assert_int_equal(watch_count(), 2);
	pass(CLIENT_WATCH_APART_US);
	assert_true(watched(last_watch()).is_first);
	assert_string_equal(watched(last_watch()).name[0].text, names[CLIENT_PEOPLE_MAX].text);
}

// A notice that comes before the answer to a WATCH may be older or newer than that: it is asked again.
static void test_a_notice_beside_a_watch(void **state)
{
	(void)state;
	begin_with(false);
	come_in(0, 0);
	want("Tim", "Tim");
	notice_of(0, 1, "Tim", true);
	told_nothing();
	answer_watch(0);
	told_nothing();
	assert_true(f.client.people.person[0].is_online);
	pass(CLIENT_WATCH_APART_US);
	assert_int_equal(watch_count(), 2);
	answer_watch(0);
	told(1, "Tim", false);
	pass(CLIENT_WATCH_APART_US);
	assert_int_equal(watch_count(), 2);
	client_people_note(&f.client, &(struct name){"libero"});
	pass(0);
	assert_int_equal(watch_count(), 3);
	notice_of(0, 2, "Tim", true);
	answer_watch(1); // the same
	told(2, "Tim", true);
	pass(CLIENT_WATCH_APART_US);
	assert_int_equal(watch_count(), 3);
}

// A server that does not know WATCH is not asked again on this session; one without room is, later.
static void test_refusals(void **state)
{
	(void)state;
	begin_with(false);
	come_in(0, 0);
	want("Tim", "libero");
	answer_call(0, CALL_WATCH, STATUS_LIMIT, NULL, 0, last_watch()->tag);
	pass(CLIENT_WATCH_FULL_US - 1);
	assert_int_equal(watch_count(), 1);
	pass(1);
	assert_int_equal(watch_count(), 2);
	answer_call(0, CALL_WATCH, STATUS_BAD, NULL, 0, last_watch()->tag);
	deliver(0, 1, 1);
	store();
	pass(CLIENT_WATCH_FULL_US);
	assert_int_equal(watch_count(), 2);
	told_nothing();
	client_ended(&f.client, 0);
	come_in(1, 0);
	assert_int_equal(watch_count(), 3);
	answer_call(1, CALL_WATCH, STATUS_OK, (const uint8_t *)"x", 1, last_watch()->tag); // that is none
	pass(CLIENT_WATCH_FULL_US);
	assert_int_equal(watch_count(), 3);
}

// Another session asks anew, and tells what has changed meanwhile; an answer on the old one is none.
static void test_another_session(void **state)
{
	(void)state;
	begin_with(false);
	come_in(0, 0);
	want("libero", "Tim");
	answer_watch(1); // Tim
	deliver(0, 1, 1);
	client_people_note(&f.client, &(struct name){"francoc"});
	store();
	pass(CLIENT_WATCH_APART_US);
	assert_int_equal(watch_count(), 2);
	const struct record old = *last_watch();
	come_in(1, 0);
	assert_int_equal(watch_count(), 3);
	answer_call(0, CALL_WATCH, STATUS_BAD, NULL, 0, old.tag);
	notice_of(0, 2, "Tim", false); // on the old one
	told_nothing();
	answer_watch(2);
	assert_int_equal(count(TOLD, TOLD_PRESENCE, NULL), 2);
	told(2, "libero", true);
}

// Without room in the window it is tried again in a while, and nothing turns in vain meanwhile.
static void test_no_room(void **state)
{
	(void)state;
	begin_with(false);
	come_in(0, 0);
	f.room = 0;
	want("libero", "Tim");
	assert_int_equal(watch_count(), 0);
	assert_int_equal(client_deadline(&f.client).us, mtime_add_us(f.now, CLIENT_WATCH_AGAIN_US).us);
	f.room = 10;
	pass(CLIENT_WATCH_AGAIN_US);
	assert_int_equal(watch_count(), 1);
	assert_true(watched(last_watch()).is_first);
}

// An answer about more or fewer than were asked for is none; a second answer to one WATCH is no answer at all.
static void test_an_answer_that_is_none(void **state)
{
	(void)state;
	uint8_t body[CALL_BODY_BYTES_MAX];
	const struct call_watch_ok one = {.count = 1};
	begin_with(false);
	come_in(0, 0);
	want("Tim", "libero");
	answer_call(0, CALL_WATCH, STATUS_OK, body, call_watch_ok_encode(&one, body), last_watch()->tag + 1);
	assert_false(f.client.people.is_refused);
	answer_call(0, CALL_WATCH, STATUS_OK, body, call_watch_ok_encode(&one, body), last_watch()->tag);
	assert_true(f.client.people.is_refused);
	f.client.people.is_refused = false;
	answer_watch(3);
	assert_false(f.client.people.person[0].is_known);
}

// Who was never heard may be nobody: no time is said, and one more word of it asks again.
static void test_who_was_never_heard(void **state)
{
	(void)state;
	struct wtime heard_at;
	uint8_t body[CALL_BODY_BYTES_MAX];
	const struct call_watch_ok never = {.count = 2};
	begin_with(false);
	come_in(0, 0);
	want("Tim", "libero");
	answer_call(0, CALL_WATCH, STATUS_OK, body, call_watch_ok_encode(&never, body), last_watch()->tag);
	assert_true(f.client.people.person[0].is_known);
	assert_false(client_is_away_since(&f.client, &f.client.people.person[0].name, &heard_at));
	deliver(0, 1, 1); // of Tim
	store();
	pass(CLIENT_WATCH_APART_US);
	assert_int_equal(watch_count(), 2);
}

// The place of who was written with longest ago, wherever that is.
static void test_the_oldest_goes(void **state)
{
	(void)state;
	struct name names[CLIENT_PEOPLE_MAX + 1];
	begin_with(false);
	for (uint32_t i = 0; i <= CLIENT_PEOPLE_MAX; i++) {
		char text[NAME_BUFFER_BYTES];
		snprintf(text, sizeof text, "name%03u", i);
		names[i] = name_of(text);
	}
	client_want_presence(&f.client, names, CLIENT_PEOPLE_MAX, f.now);
	client_people_note(&f.client, &f.client.people.person[0].name);
	client_people_note(&f.client, &names[CLIENT_PEOPLE_MAX]);
	assert_string_equal(f.client.people.person[1].name.text, names[CLIENT_PEOPLE_MAX].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_coming_and_going),
		cmocka_unit_test(test_whom_one_writes_with),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_a_notice_beside_a_watch),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_another_session),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_an_answer_that_is_none),
		cmocka_unit_test(test_who_was_never_heard),
		cmocka_unit_test(test_the_oldest_goes),
	};
	return cmocka_run_group_tests_name("client_people", tests, crypto_set_up, NULL);
}
