// SPDX-License-Identifier: ISC
// msg/server: batches and pools that are full in each of their ways, answers that come when nothing waits for them any more, and
// a device that may not come in after all.
#include "server_world.h"

#include "crypto/base64url.h"
#include "msg/server_inside.h"

#define CODE "abcdefghijklmnopqrstuv"
static char users_text[400];

// A users file in which Tim and libero have an invite each, with CODE and "another"; `is_shared`: both with CODE.
static const char *users_with_invites(bool is_shared)
{
	char text[2][64];
	uint8_t hash[INVITE_HASH_BYTES];
	hash_invite_code(CODE, strlen(CODE), hash);
	base64url_encode(hash, sizeof hash, text[0]);
	if (!is_shared)
		hash_invite_code("another", 7, hash);
	base64url_encode(hash, sizeof hash, text[1]);
	snprintf(users_text, sizeof users_text,
		 "fred\nTim invite=%s,2099-01-01T00:00:00Z\nlibero invite=%s,2099-01-01T00:00:00Z\n", text[0], text[1]);
	return users_text;
}

static void test_device_removed_while_it_joins(void **state)
{
	(void)state;
	begin("fred\n", true);
	const uint32_t number = signin_with(0, 1, "fred", true, NULL);
	const struct storage_batch *batch = take(true);
	const struct storage_appended appended = mem_append(&f.mem, batch);
	f.mem.device_count = 0;
	server_appended(&f.server, 0, &appended, moment_of_test());
	ask();
	assert_int_equal(status_of(0, number), STATUS_NOT_AUTHORIZED);
	assert_int_equal(count(GRANTED, 0, NULL), 0);
	assert_false(store(MMS_OK, true)); // it is not enrolled again
	finish();
}

// Within one batch, and with one being stored, an invite is not given twice, not even to two users who share it: the store
// judges one after the other.
static void test_enrolments_in_batches(void **state)
{
	(void)state;
	for (int is_storing = 0; is_storing < 2; is_storing++)
		for (int is_shared = 0; is_shared < 2; is_shared++) {
			begin(users_with_invites(is_shared), true);
			const uint32_t claim = signin_with(0, 1, "fred", true, NULL); // no invite
			const uint32_t first = signin_with(1, 2, "Tim", true, CODE);
			assert_int_equal(f.record_count, 0);
			const struct storage_batch *batch = is_storing ? take(true) : NULL;
			const uint32_t second = signin_with(2, 3, "libero", true, is_shared ? CODE : "another");
			const uint32_t none = signin_with(3, 4, "libero", true, NULL); // no invite, no claim
			assert_int_equal(status_of(3, none), STATUS_NOT_AUTHORIZED);
			if (is_storing)
				stored(batch, 0, MMS_OK);
			assert_true(store(MMS_OK, false));
			assert_int_equal(status_of(0, claim), STATUS_OK);
			assert_int_equal(status_of(1, first), STATUS_OK);
			assert_int_equal(status_of(2, second), is_shared ? STATUS_NOT_AUTHORIZED : STATUS_OK);
			finish();
		}
}

// The proof of no invite opens nothing, though the search for an invite computes it for every name.
static void test_proof_of_no_invite(void **state)
{
	(void)state;
	const uint8_t none[INVITE_HASH_BYTES] = {0};
	begin(users_with_invites(false), false);
	struct call_signin signin = {.name = name_of("Tim"), .has_proof = true};
	uint8_t body[CALL_BODY_BYTES_MAX];
	hash_invite_proof(none, HANDSHAKE_HASH, INVITE_DEVICE, signin.proof);
	assert_int_equal(status_of(0, call(0, CALL_SIGNIN, body, call_signin_encode(&signin, body))),
			 STATUS_NOT_AUTHORIZED);
	finish();
}

static void test_too_many_devices(void **state)
{
	(void)state;
	begin(users_with_invites(false), false);
	for (uint8_t key = 1; key <= DEVICES_PER_USER_MAX; key++)
		mem_add_device(&f.mem, TIM, key);
	assert_int_equal(status_of(0, signin_with(0, 99, "Tim", true, CODE)), STATUS_NOT_AUTHORIZED);
	f.mem.device_count--;
	f.mem.spent_count = 0;
	signin_with(1, 99, "Tim", true, CODE);
	assert_true(store(MMS_OK, true));
	assert_int_equal(count(GRANTED, 1, NULL), 1);
	finish();
}

static void test_more_waiting_than_the_answer_can_say(void **state)
{
	(void)state;
	struct call_signin_ok ok;
	struct record *record = NULL;
	begin("fred\n", false);
	mem_add_device(&f.mem, FRED, 1);
	f.is_slow = true;
	signin_with(0, 1, "fred", false, NULL);
	struct storage_question *question = server_next_question(&f.server, true);
	mem_ask(&f.mem, question);
	question->is.waiting_count = (uint64_t)UINT32_MAX + 7;
	server_question_answered(&f.server, question, moment_of_test());
	assert_int_equal(count(ANSWERED, 0, &record), 1);
	assert_int_equal(call_signin_ok_decode(&ok, record->body, record->bytes), MMS_OK);
	assert_int_equal(ok.waiting_count, UINT32_MAX);
	finish();
}

// --- full batches ---

static void begin_large(void)
{
	begin("fred\nTim\nlibero\n", true);
	f.mem.rows_max = 0;
	f.server.config.submit_rate = (struct bucket_rate){1000000, 1000000};
	come_in(0, 1, "fred", FRED, true);
}

static void test_batch_full_of_messages(void **state)
{
	(void)state;
	begin_large();
	for (uint32_t i = 0; i < BATCH_MESSAGES_MAX; i++)
		submit(0, i, "Tim", "a");
	assert_int_equal(count(DEFERRED, 0, NULL), 0);
	submit(0, BATCH_MESSAGES_MAX, "Tim", "a");
	assert_int_equal(count(DEFERRED, 0, NULL), 1);
	signin_with(2, 3, "libero", true, NULL); // an enrolment finds room
	const struct storage_batch *batch = take(true);
	assert_int_equal(batch->op_count, BATCH_MESSAGES_MAX + 1);
	submit(0, BATCH_MESSAGES_MAX, "Tim", "a"); // and the next batch has some
	assert_int_equal(count(DEFERRED, 0, NULL), 1);
	finish();
}

// However many calls find no room, and however often, so many start again in a second, each behind all that waited before it.
static void test_calls_without_room_take_turns(void **state)
{
	enum { SESSIONS = 6, ROUNDS = 50 };
	(void)state;
	struct mtime turn[SESSIONS];
	struct mtime last = {0};
	begin_large();
	for (uint8_t slot = 1; slot <= SESSIONS; slot++)
		come_in(slot, (uint8_t)(1 + slot), "fred", FRED, true);
	for (uint32_t i = 0; i < BATCH_MESSAGES_MAX; i++)
		submit(0, i, "Tim", "a");
	const struct mtime began_at = f.now;
	for (uint32_t round = 0; round < ROUNDS; round++) {
		for (uint32_t slot = 1; slot <= SESSIONS; slot++) {
			struct record *record = NULL;
			if (round > 0) {
				f.now = mtime_max(f.now, turn[slot - 1]);
				f.number[slot]--; // the deferred call starts again
			}
			submit(slot, BATCH_MESSAGES_MAX + slot, "Tim", "a");
			assert_int_equal(count(DEFERRED, slot, &record), round + 1);
			turn[slot - 1] = record->until;
			assert_true(mtime_diff_us(record->until, f.now) >= SERVER_RETRY_US);
			assert_true(mtime_diff_us(record->until, last) >= SERVER_RETRY_APART_US);
			last = record->until;
		}
	}
	// Nobody waits longer than it takes all to start.
	assert_in_range(mtime_diff_us(last, began_at), 0, ROUNDS * (SERVER_RETRY_US + SESSIONS * SERVER_RETRY_APART_US));
	assert_non_null(take(true));
	f.now = last;
	f.number[1]--;
	submit(1, BATCH_MESSAGES_MAX + 1, "Tim", "a");
	assert_int_equal(count(DEFERRED, 1, NULL), ROUNDS);
	finish();
}

static void test_batch_full_of_text(void **state)
{
	(void)state;
	static char text[TEXT_BYTES_MAX + 1];
	memset(text, 'a', TEXT_BYTES_MAX);
	begin_large();
	for (uint32_t i = 0; i < BATCH_BYTES_MAX / TEXT_BYTES_MAX; i++)
		submit(0, i, "Tim", text);
	assert_int_equal(count(DEFERRED, 0, NULL), 0);
	submit(0, BATCH_MESSAGES_MAX, "Tim", "a"); // there must be room for the longest, whatever this one has
	assert_int_equal(count(DEFERRED, 0, NULL), 1);
	finish();
}

// Moves of sessions that are gone, and gaps told, are lost beyond their bound; those of sessions that are there always go.
static void test_batch_full_of_moves(void **state)
{
	(void)state;
	begin_large();
	for (uint32_t i = 0; i < SERVER_MOVES_MAX + 5; i++)
		server_gap_told(&f.server, 0, 1 + i, f.now);
	server_moved(&f.server, 0, f.now);
	const struct storage_batch *batch = take(true);
	assert_int_equal(batch->move_count, SERVER_MOVES_MAX + 1);
	assert_int_equal(batch->moves[SERVER_MOVES_MAX].gap_row, 0);
	assert_int_equal(server_deadline(&f.server).us, MTIME_NEVER.us); // nothing can be done before this one is stored
	stored(batch, 0, MMS_E_NOSPACE);
	assert_int_not_equal(server_deadline(&f.server).us, MTIME_NEVER.us);
	batch = take(true);
	assert_int_equal(batch->move_count, SERVER_MOVES_MAX + 1);
	finish();
}

// --- full pools ---

static void test_too_many_signins(void **state)
{
	enum { MORE = 3 };
	(void)state;
	begin_with("fred\nTim\n", false, SERVER_JOINING_MAX + MORE, 1);
	f.is_slow = true;
	const uint8_t key[NOISE_KEY_BYTES] = {9};
	const struct call_signin signin = {.is_receiving = true, .name = name_of("Tim")};
	uint8_t body[CALL_BODY_BYTES_MAX];
	const size_t bytes = call_signin_encode(&signin, body);
	for (uint32_t slot = 0; slot < SERVER_JOINING_MAX + MORE; slot++) {
		const struct call_in in = {slot, 1, CALL_SIGNIN, body, bytes, f.now, key, HANDSHAKE_HASH};
		server_called(&f.server, &in, moment_of_test());
	}
	assert_int_equal(f.record_count, MORE);
	for (uint32_t i = 0; i < MORE; i++) {
		assert_int_equal(f.record[i].type, DEFERRED);
		assert_int_equal(f.record[i].slot, SERVER_JOINING_MAX + i);
		assert_int_equal(mtime_diff_us(f.record[i].until, f.now), SERVER_JOINING_RETRY_US + i * SERVER_RETRY_APART_US);
	}
	server_ended(&f.server, 0); // nobody asks for who is gone
	assert_int_equal(ask(), SERVER_JOINING_MAX - 1);
	f.record_count = 0;
	const struct call_in again = {SERVER_JOINING_MAX, 1, CALL_SIGNIN, body, bytes, f.now, key, HANDSHAKE_HASH};
	server_called(&f.server, &again, moment_of_test());
	assert_int_equal(f.record_count, 0); // it starts
	assert_int_equal(ask(), 1);
	assert_int_equal(status_of(SERVER_JOINING_MAX, 1), STATUS_NOT_AUTHORIZED);
	finish();
}

static void test_too_many_pages(void **state)
{
	enum { DEVICES = 5 };
	(void)state;
	begin("fred\nTim\n", false);
	come_in(0, 1, "fred", FRED, false);
	assert_int_equal(verdict(0, 1, "Tim", "a"), STATUS_ACCEPTED);
	f.server.page_fresh_count = SERVER_PAGES_MAX - 2; // as if so many were read for others
	struct storage_question *question[DEVICES];
	f.is_slow = true;
	for (uint8_t i = 0; i < DEVICES; i++) {
		mem_add_device(&f.mem, TIM, (uint8_t)(2 + i));
		f.mem.device[1 + i].cursor = 0;
		signin_with(1 + i, (uint8_t)(2 + i), "Tim", true, NULL);
		question[i] = server_next_question(&f.server, false);
		mem_ask(&f.mem, question[i]);
		server_question_answered(&f.server, question[i], moment_of_test());
	}
	assert_null(server_next_question(&f.server, false)); // pages were not asked for
	for (uint32_t i = 0; i < 2; i++)
		question[i] = server_next_question(&f.server, true);
	assert_null(server_next_question(&f.server, true));
	server_ended(&f.server, 3); // it waits no more
	for (uint32_t i = 0; i < 2; i++) {
		mem_ask(&f.mem, question[i]);
		server_question_answered(&f.server, question[i], moment_of_test());
		check_delivered(1 + i, "a");
	}
	assert_int_equal(ask(), 2);
	check_delivered(3, "");
	check_delivered(4, "a");
	check_delivered(5, "a");
	finish();
}

// --- late and malformed ---

static void test_malformed_calls(void **state)
{
	(void)state;
	begin("fred\n", false);
	come_in(0, 1, "fred", FRED, true);
	assert_int_equal(status_of(0, call(0, CALL_SIGNOUT, "x", 1)), STATUS_BAD);
	assert_int_equal(status_of(0, call(0, CALL_WHO, "x", 1)), STATUS_BAD);
	assert_int_equal(count(CLOSED, 0, NULL), 0);
	finish();
}

static void test_answers_nobody_waits_for(void **state)
{
	(void)state;
	begin("fred\nTim\n", false);
	come_in(0, 1, "fred", FRED, true);
	f.mem.device[0].gap_count = 7;
	f.mem.device[0].gap_row = 20;
	come_in(1, 1, "fred", FRED, true);
	answer(1, CALL_NOTICE, 0);  // of another notice
	answer_with(1, CALL_NOTICE, STATUS_BAD, 20);
	assert_false(store(MMS_OK, true)); // none of them ends the gap
	answer(1, CALL_NOTICE, 19); // of an earlier gap
	assert_true(store(MMS_OK, true));
	assert_int_equal(f.mem.device[0].gap_count, 7);
	assert_int_equal(status_of(1, call(1, CALL_SIGNOUT, NULL, 0)), STATUS_OK);
	answer(1, CALL_NOTICE, 20);
	answer(1, CALL_DELIVER, 1);
	assert_false(store(MMS_OK, true)); // the session is over
	assert_int_equal(f.mem.device[0].gap_count, 7);
	finish();
}

// SIGNOUT waits for what lies in both batches.
static void test_signout_waits_for_both_batches(void **state)
{
	(void)state;
	begin("fred\nTim\n", false);
	come_in(0, 1, "fred", FRED, true);
	submit(0, 1, "Tim", "a");
	const struct storage_batch *batch = take(true);
	submit(0, 2, "Tim", "b");
	const uint32_t signout = call(0, CALL_SIGNOUT, NULL, 0);
	stored(batch, 0, MMS_OK);
	assert_int_equal(status_of(0, signout), 0);
	assert_true(store(MMS_E_NOSPACE, true));
	assert_int_equal(status_of(0, signout), STATUS_OK);
	finish();
}

// No memory for a backlog: it comes in a while, without anybody's doing.
static void test_backlog_without_memory(void **state)
{
	(void)state;
	begin("fred\nTim\n", false);
	come_in(0, 1, "fred", FRED, false);
	submit(0, 1, "Tim", "a");
	assert_true(store(MMS_E_NOSPACE, false)); // who only sends has no cursor to try again
	assert_false(store(MMS_OK, true));
	submit(0, 1, "Tim", "a");
	assert_true(store(MMS_OK, false));
	f.has_no_memory = true;
	come_in(1, 2, "Tim", TIM, true);
	check_delivered(1, "");
	answer(1, CALL_NOTICE, 0); // tries again
	answer(1, CALL_DELIVER, 0);
	come_in(2, 3, "Tim", TIM, true);
	end_session(2);
	f.has_no_memory = false;
	f.now = server_deadline(&f.server);
	assert_int_not_equal(f.now.us, MTIME_NEVER.us);
	server_tick(&f.server, moment_of_test());
	ask();
	check_delivered(1, "a");
	finish();
}

// Nobody goes on in a new table where the page of the old one ended: neither with the old one's number nor with a guess of the new.
static void test_who_after_a_reload(void **state)
{
	(void)state;
	for (uint32_t ahead = 0; ahead <= 1; ahead++) {
		struct users_world other;
		begin("fred\nTim\n", false);
		come_in(0, 1, "fred", FRED, true);
		const struct call_who_ok before = ask_who(0, 0, 0);
		assert_int_equal(before.count, 2);
		users_open(&other, "Tim\nfred\nlibero\n");
		server_reload(&f.server, &other.table, other.user, NULL, 0);
		users_close(&f.users);
		f.users = other;
		const struct call_who_ok page = ask_who(0, before.generation + ahead, 2);
		assert_int_equal(page.first, 0);
		assert_int_equal(page.count, 3);
		assert_int_equal(page.generation, before.generation + 1);
		finish();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_device_removed_while_it_joins),
		cmocka_unit_test(test_enrolments_in_batches),
		cmocka_unit_test(test_proof_of_no_invite),
		cmocka_unit_test(test_too_many_devices),
		cmocka_unit_test(test_more_waiting_than_the_answer_can_say),
		cmocka_unit_test(test_batch_full_of_messages),
		cmocka_unit_test(test_calls_without_room_take_turns),
		cmocka_unit_test(test_batch_full_of_text),
		cmocka_unit_test(test_batch_full_of_moves),
		cmocka_unit_test(test_too_many_signins),
		cmocka_unit_test(test_too_many_pages),
		cmocka_unit_test(test_malformed_calls),
		cmocka_unit_test(test_answers_nobody_waits_for),
		cmocka_unit_test(test_signout_waits_for_both_batches),
		cmocka_unit_test(test_backlog_without_memory),
		cmocka_unit_test(test_who_after_a_reload),
	};
	return cmocka_run_group_tests(tests, crypto_set_up, NULL);
}
