// SPDX-License-Identifier: ISC
// msg/server: storage that fails at the first, second, ... n-th read, batches that are full in each of their ways, and
// answers that come when nothing waits for them any more.
#include "server_world.h"

#include "crypto/base64url.h"
#include "msg/server_inside.h"

#define CODE "abcdefghijklmnopqrstuv"
enum { STEPS = 9, READS_MAX = 100 };

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

static uint32_t signin_with_mark(uint32_t slot, uint8_t key, const char *name, const struct storage_mark *mark)
{
	const struct call_signin signin = {.is_receiving = true, .name = name_of(name), .mark = *mark};
	uint8_t body[CALL_BODY_BYTES_MAX];
	memset(f.key[slot], key, NOISE_KEY_BYTES);
	return call(slot, CALL_SIGNIN, body, call_signin_encode(&signin, body));
}

// Stores what is there; the storage's own look-ups while it writes do not count as reads.
static void store_reading(void)
{
	const struct storage_batch *batch = server_batch_take(&f.server, true, f.now);
	const uint32_t reads_good = f.mem.reads_good;
	const enum mms_err read_err = f.mem.read_err;
	assert_non_null(batch);
	f.mem.read_err = MMS_OK;
	mem_append(&f.mem, batch);
	f.mem.reads_good = reads_good;
	f.mem.read_err = read_err;
	server_stored(&f.server, MMS_OK, f.now);
}

static void take_step(int step)
{
	switch (step) {
	case 0: signin_with(0, 1, "Tim", true, CODE); break;
	case 1: store_reading(); break;
	case 2: signin_with(1, 2, "fred", true, NULL); break;
	case 3: store_reading(); break;
	case 4: submit(1, 1, "Tim", "a"); break;
	case 5: store_reading(); break;
	case 6: server_ended(&f.server, 0); break;
	case 7: signin_with_mark(2, 1, "Tim", &(struct storage_mark){{9}, 1}); break; // of another start; a backlog
	default: submit(1, 1, "Tim", "a"); break; // again
	}
}

// Takes the steps with so many reads that go well; returns how many steps were begun.
static int take_steps(uint32_t reads_good)
{
	int step = 0;
	begin(users_with_invites(false), true);
	f.mem.reads_good = reads_good;
	f.mem.read_err = MMS_E_IO;
	f.mem.is_read_err_once = true;
	while (step < STEPS && !server_is_broken(&f.server))
		take_step(step++);
	return step;
}

// Each read that fails breaks the server at once, and what depended on it is neither refused nor promised.
static void test_every_read_fails_once(void **state)
{
	(void)state;
	assert_int_equal(take_steps(READS_MAX), STEPS);
	const uint32_t reads_count = READS_MAX - f.mem.reads_good;
	check_delivered(2, "a");
	finish();
	assert_true(reads_count > 15);
	for (uint32_t good = 0; good < reads_count; good++) {
		const int steps = take_steps(good);
		assert_true(server_is_broken(&f.server));
		assert_int_equal(count(CLOSED, 0, NULL) + count(CLOSED, 1, NULL) + count(CLOSED, 2, NULL), 0);
		if (steps < 8)
			check_delivered(2, "");
		for (uint32_t i = 0; i < f.record_count; i++)
			if (f.record[i].type == ANSWERED)
				assert_true(f.record[i].code == STATUS_OK || f.record[i].code == STATUS_ACCEPTED);
		finish();
	}
}

static void test_device_removed_while_it_joins(void **state)
{
	(void)state;
	begin("fred\n", true);
	const uint32_t number = signin_with(0, 1, "fred", true, NULL);
	const struct storage_batch *batch = server_batch_take(&f.server, true, f.now);
	mem_append(&f.mem, batch);
	f.mem.device_count = 0;
	server_stored(&f.server, MMS_OK, f.now);
	assert_int_equal(status_of(0, number), STATUS_NOT_AUTHORIZED);
	assert_int_equal(count(GRANTED, 0, NULL), 0);
	finish();
}

// Within one batch, and with one being stored, an invite is not given twice, not even to two users who share it.
static void test_enrolments_in_batches(void **state)
{
	(void)state;
	for (int is_storing = 0; is_storing < 2; is_storing++)
		for (int is_shared = 0; is_shared < 2; is_shared++) {
			begin(users_with_invites(is_shared), true);
			signin_with(0, 1, "fred", true, NULL); // a claim: no invite
			signin_with(1, 2, "Tim", true, CODE);
			assert_int_equal(f.record_count, 0);
			if (is_storing)
				assert_non_null(server_batch_take(&f.server, true, f.now));
			signin_with(2, 3, "libero", true, is_shared ? CODE : "another");
			assert_int_equal(count(DEFERRED, 2, NULL), is_shared);
			signin_with(3, 4, "libero", true, NULL); // no invite, no claim
			assert_int_equal(count(DEFERRED, 3, NULL), !is_shared);
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
	const uint8_t *peer_key, *hash;
	port_identity(NULL, 0, &peer_key, &hash);
	hash_invite_proof(none, hash, INVITE_DEVICE, signin.proof);
	assert_int_equal(status_of(0, call(0, CALL_SIGNIN, body, call_signin_encode(&signin, body))),
			 STATUS_NOT_AUTHORIZED);
	finish();
}

static void test_too_many_devices(void **state)
{
	(void)state;
	begin(users_with_invites(false), false);
	for (uint8_t key = 1; key <= DEVICES_PER_USER_MAX; key++) {
		uint8_t bytes[NOISE_KEY_BYTES];
		memset(bytes, key, sizeof bytes);
		mem_enroll(&f.mem, TIM, bytes, NULL);
	}
	assert_int_equal(status_of(0, signin_with(0, 99, "Tim", true, CODE)), STATUS_NOT_AUTHORIZED);
	f.mem.device_count--;
	signin_with(1, 99, "Tim", true, CODE);
	assert_true(store(MMS_OK, true));
	assert_int_equal(count(GRANTED, 1, NULL), 1);
	finish();
}

static enum mms_err count_very_many(void *context, const struct storage_device *device, uint64_t cursor, uint64_t *rows)
{
	(void)context;
	(void)device;
	(void)cursor;
	*rows = (uint64_t)UINT32_MAX + 7;
	return MMS_OK;
}

static void test_more_waiting_than_the_answer_can_say(void **state)
{
	(void)state;
	struct call_signin_ok ok;
	struct record *record = NULL;
	begin("fred\n", false);
	f.server.storage.mailbox_waiting = count_very_many;
	come_in(0, 1, "fred", FRED, false);
	assert_int_equal(count(ANSWERED, 0, &record), 1);
	assert_int_equal(call_signin_ok_decode(&ok, record->body, record->bytes), MMS_OK);
	assert_int_equal(ok.waiting_count, UINT32_MAX);
	finish();
}

// --- full batches ---

static void begin_large(void)
{
	begin("fred\nTim\nlibero\n", true);
	f.server.config.mailbox_rows_max = f.server.config.mailbox_bytes_max = UINT32_MAX;
	f.server.config.submit_rate = (struct bucket_rate){1000000, 1000000};
	come_in(0, 1, "fred", FRED, true);
}

static void check_starts_wait(uint32_t deferred_count)
{
	assert_int_equal(count(DEFERRED, 0, NULL), deferred_count);
	signin_with(2, 3, "libero", true, NULL); // an enrolment as well
	assert_int_equal(count(DEFERRED, 2, NULL), 1);
	assert_int_equal(count(ANSWERED, 0, NULL) + count(ANSWERED, 2, NULL), 1);
}

static void test_batch_full_of_waiters(void **state)
{
	(void)state;
	begin_large();
	for (uint32_t i = 0; i < SERVER_WAITERS_MAX; i++)
		submit(0, 1, "Tim", "a");
	assert_int_equal(count(DEFERRED, 0, NULL), 0);
	submit(0, 1, "Tim", "a");
	submit(0, 2, "Tim", "b");
	check_starts_wait(2);
	assert_non_null(server_batch_take(&f.server, true, f.now));
	submit(0, 2, "Tim", "b"); // the next batch has room
	submit(0, 1, "Tim", "a"); // and this one waits for the full one
	assert_int_equal(count(DEFERRED, 0, NULL), 3);
	finish();
}

static void test_batch_full_of_messages(void **state)
{
	(void)state;
	begin_large();
	for (uint32_t i = 0; i < BATCH_MESSAGES_MAX; i++)
		submit(0, i, "Tim", "a");
	assert_int_equal(count(DEFERRED, 0, NULL), 0);
	submit(0, BATCH_MESSAGES_MAX, "Tim", "a");
	check_starts_wait(1);
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

// Cursors and gaps that find no room go with the next batch, or are told again.
static void test_batch_full_of_operations(void **state)
{
	(void)state;
	begin_large();
	f.mem.device[0].gap_count = 7;
	f.mem.device[0].gap_row = 20;
	come_in(1, 1, "fred", FRED, true);
	server_cursor_dirty(&f.server, 1, f.now);
	for (uint32_t i = 0; i < SERVER_OPS_MAX; i++)
		server_cursor_flush(&f.server, 1);
	submit(1, 1, "Tim", "a");
	assert_int_equal(count(DEFERRED, 1, NULL), 1);
	answer(1, CALL_NOTICE, 20);
	const struct storage_batch *batch = server_batch_take(&f.server, true, f.now);
	assert_int_equal(batch->op_count, SERVER_OPS_MAX);
	assert_int_equal(server_deadline(&f.server).us, MTIME_NEVER.us); // nothing can be done before this one is stored
	server_stored(&f.server, MMS_OK, f.now);
	assert_int_not_equal(server_deadline(&f.server).us, MTIME_NEVER.us);
	batch = server_batch_take(&f.server, true, f.now);
	assert_int_equal(batch->op_count, 1);
	assert_int_equal(batch->ops[0].kind, STORAGE_CURSOR);
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
	answer(1, CALL_NOTICE, 19); // of an earlier gap
	server_answer(&f.server, 1, CALL_NOTICE, STATUS_BAD, 20, f.now);
	assert_false(store(MMS_OK, true)); // none of them ends the gap
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
	const struct storage_batch *batch = server_batch_take(&f.server, true, f.now);
	mem_append(&f.mem, batch);
	submit(0, 2, "Tim", "b");
	const uint32_t signout = call(0, CALL_SIGNOUT, NULL, 0);
	server_stored(&f.server, MMS_OK, f.now);
	assert_int_equal(status_of(0, signout), 0);
	assert_non_null(server_batch_take(&f.server, true, f.now));
	server_stored(&f.server, MMS_E_NOSPACE, f.now);
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
	server_ended(&f.server, 2);
	f.has_no_memory = false;
	f.now = server_deadline(&f.server);
	assert_int_not_equal(f.now.us, MTIME_NEVER.us);
	server_tick(&f.server, f.now);
	check_delivered(1, "a");
	finish();
}

// A full mailbox whose messages were just taken may have room after all, once the store knows: the call waits for that.
// Another's mailbox that is being emptied is no reason to wait.
static void test_mailbox_being_emptied(void **state)
{
	(void)state;
	begin("fred\nTim\nlibero\n", false);
	come_in(0, 1, "fred", FRED, true);
	come_in(1, 2, "Tim", TIM, true);
	come_in(2, 3, "libero", LIBERO, true);
	for (uint32_t i = 1; i <= 10; i++) {
		submit(0, i, "Tim", "a");
		submit(0, 10 + i, "libero", "b");
	}
	assert_int_equal(status_of(0, submit(0, 98, "libero", "c")), STATUS_MAILBOX_FULL);
	assert_true(store(MMS_OK, false));
	assert_int_equal(status_of(0, submit(0, 99, "Tim", "c")), STATUS_MAILBOX_FULL);
	answer(1, CALL_DELIVER, f.server.peer[1].row_sent);
	submit(0, 99, "Tim", "c");
	assert_int_equal(count(DEFERRED, 0, NULL), 1);
	assert_int_equal(server_deadline(&f.server).us, f.now.us); // the cursor goes at once
	assert_int_equal(status_of(0, submit(0, 98, "libero", "c")), STATUS_MAILBOX_FULL);
	const struct storage_batch *batch = server_batch_take(&f.server, false, f.now);
	assert_int_equal(batch->op_count, 1);
	submit(0, 99, "Tim", "c");
	assert_int_equal(count(DEFERRED, 0, NULL), 2);
	assert_int_equal(status_of(0, submit(0, 98, "libero", "c")), STATUS_MAILBOX_FULL);
	mem_append(&f.mem, batch);
	server_stored(&f.server, MMS_OK, f.now);
	const uint32_t number = submit(0, 99, "Tim", "c");
	assert_true(store(MMS_OK, false));
	assert_int_equal(status_of(0, number), STATUS_ACCEPTED);
	finish();
}

// A device that is behind takes one by one what another one has had already. That makes no room, and holds up nobody who writes
// to its user for longer than it takes to find that out.
static void test_mailbox_taken_again(void **state)
{
	(void)state;
	begin("fred\nTim\n", false);
	come_in(0, 1, "fred", FRED, true);
	come_in(1, 2, "Tim", TIM, true);
	come_in(2, 3, "Tim", TIM, true);
	for (uint32_t i = 1; i <= 5; i++)
		submit(0, i, "Tim", "a");
	assert_true(store(MMS_OK, false));
	answer(1, CALL_DELIVER, f.server.peer[1].row_sent);
	assert_true(store(MMS_OK, true));
	for (uint32_t i = 11; i <= 20; i++)
		submit(0, i, "Tim", "b");
	assert_true(store(MMS_OK, false));
	const uint32_t number = submit(0, 99, "Tim", "c");
	assert_int_equal(status_of(0, number), STATUS_MAILBOX_FULL);
	const uint32_t again = f.number[0];
	answer(2, CALL_DELIVER, 1);
	submit(0, 98, "Tim", "c");
	assert_int_equal(count(DEFERRED, 0, NULL), 1);
	assert_true(store(MMS_OK, false));
	answer(2, CALL_DELIVER, 2);
	f.number[0] = again; // the deferred call starts again
	assert_int_equal(status_of(0, submit(0, 98, "Tim", "c")), STATUS_MAILBOX_FULL);
	assert_int_equal(count(DEFERRED, 0, NULL), 1);
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
		server_reload(&f.server, &other.table, other.user);
		users_close(&f.users);
		f.users = other;
		const struct call_who_ok page = ask_who(0, before.generation + ahead, 2);
		assert_int_equal(page.first, 0);
		assert_int_equal(page.count, 3);
		assert_int_equal(page.generation, before.generation + 1);
		finish();
	}
}

// Cursors that wait for the store are known by device: another one's, or an older one, moves nothing.
static void test_cursors_in_batches(void **state)
{
	(void)state;
	struct call_signin_ok ok;
	struct record *record = NULL;
	begin("fred\nTim\n", false);
	come_in(0, 1, "fred", FRED, true);
	come_in(1, 2, "Tim", TIM, true);
	come_in(2, 3, "Tim", TIM, true);
	for (uint32_t i = 1; i <= 3; i++)
		submit(0, i, "Tim", "a");
	assert_true(store(MMS_OK, false));
	answer(1, CALL_DELIVER, 3);
	answer(2, CALL_DELIVER, 1);
	server_ended(&f.server, 1);
	server_ended(&f.server, 2);
	for (uint32_t slot = 3; slot <= 4; slot++) {
		signin_with(slot, 3, "Tim", false, NULL);
		count(ANSWERED, slot, &record);
		assert_int_equal(call_signin_ok_decode(&ok, record->body, record->bytes), MMS_OK);
		assert_int_equal(ok.waiting_count, slot == 3 ? 2 : 1);
		f.mem.device[2].cursor = 2; // as if the store knew more than the batch
	}
	finish();
}

// What waits beside a cursor or an enrolment, of other kinds, is neither.
static void test_signin_beside_other_operations(void **state)
{
	(void)state;
	struct call_signin_ok ok;
	struct record *record = NULL;
	begin("fred\nTim\nlibero\n", true);
	come_in(0, 1, "fred", FRED, true);
	come_in(1, 2, "Tim", TIM, true);
	submit(0, 1, "Tim", "a");
	submit(0, 2, "Tim", "a");
	assert_true(store(MMS_OK, false));
	answer(1, CALL_DELIVER, 1);
	submit(0, 3, "fred", "a");
	server_ended(&f.server, 1); // its cursor waits behind the message
	signin_with(2, 2, "Tim", true, NULL);
	count(ANSWERED, 2, &record);
	assert_int_equal(call_signin_ok_decode(&ok, record->body, record->bytes), MMS_OK);
	assert_int_equal(ok.waiting_count, 1);
	signin_with(3, 7, "libero", true, NULL);
	signin_with(4, 8, "libero", true, NULL); // until the first claim is through
	assert_int_equal(count(DEFERRED, 4, NULL), 1);
	finish();
}

// A mailbox that holds more than it may by now, since its limit was lowered.
static void test_lowered_limit(void **state)
{
	(void)state;
	begin("fred\nTim\n", false);
	come_in(0, 1, "fred", FRED, true);
	submit(0, 1, "Tim", "0123456789");
	assert_true(store(MMS_OK, false));
	f.server.config.mailbox_bytes_max = 9;
	assert_int_equal(status_of(0, submit(0, 2, "Tim", "a")), STATUS_MAILBOX_FULL);
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_read_fails_once),
		cmocka_unit_test(test_device_removed_while_it_joins),
		cmocka_unit_test(test_enrolments_in_batches),
		cmocka_unit_test(test_proof_of_no_invite),
		cmocka_unit_test(test_too_many_devices),
		cmocka_unit_test(test_more_waiting_than_the_answer_can_say),
		cmocka_unit_test(test_batch_full_of_waiters),
		cmocka_unit_test(test_batch_full_of_messages),
		cmocka_unit_test(test_batch_full_of_text),
		cmocka_unit_test(test_batch_full_of_operations),
		cmocka_unit_test(test_malformed_calls),
		cmocka_unit_test(test_answers_nobody_waits_for),
		cmocka_unit_test(test_signout_waits_for_both_batches),
		cmocka_unit_test(test_backlog_without_memory),
		cmocka_unit_test(test_mailbox_being_emptied),
		cmocka_unit_test(test_mailbox_taken_again),
		cmocka_unit_test(test_who_after_a_reload),
		cmocka_unit_test(test_cursors_in_batches),
		cmocka_unit_test(test_signin_beside_other_operations),
		cmocka_unit_test(test_lowered_limit),
	};
	return cmocka_run_group_tests(tests, crypto_set_up, NULL);
}
