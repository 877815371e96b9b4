// SPDX-License-Identifier: ISC
// msg/server: who comes in, what is accepted and when that is said. The rest is in test_server_sessions.c.
#include "crypto/base64url.h"
#include "server_world.h"

#define CODE "abcdefghijklmnopqrstuv"
#define CODE_HASH_ROOM 64

// A users file in which Tim has an invite with CODE that ends at `until`.
static const char *users_with_invite(const char *until)
{
	static char text[400];
	char hash_text[CODE_HASH_ROOM];
	uint8_t hash[INVITE_HASH_BYTES];
	hash_invite_code(CODE, strlen(CODE), hash);
	base64url_encode(hash, sizeof hash, hash_text);
	snprintf(text, sizeof text, "fred\nTim invite=%s,%s\nlibero\n", hash_text, until);
	return text;
}

static void test_refusals_are_the_same(void **state)
{
	(void)state;
	begin(users_with_invite("2099-01-01T00:00:00Z"), false);
	come_in(0, 1, "fred", FRED, true);
	const uint32_t refused[] = {
		signin_with(1, 9, "nobody", true, NULL), // no such user
		signin_with(2, 9, "fred", true, NULL),   // another device
		signin_with(3, 9, "libero", true, NULL), // not claimable here
		signin_with(4, 9, "Tim", true, "wrong-code-wrong-code-"),
		signin_with(5, 9, "Tim", true, NULL),
		signin_with(6, 9, "fred", true, CODE), // somebody else's invite
	};
	for (uint32_t i = 0; i < 6; i++) {
		struct record *record = NULL;
		assert_int_equal(status_of(1 + i, refused[i]), STATUS_NOT_AUTHORIZED);
		assert_int_equal(count(ANSWERED, 1 + i, &record), 1);
		assert_int_equal(record->bytes, 0);
		assert_int_equal(count(CLOSED, 1 + i, NULL), 1);
		assert_int_equal(count(GRANTED, 1 + i, NULL), 0);
		end_session(1 + i);
	}
	assert_false(store(MMS_OK, true));
	const uint32_t number = f.number[7];
	call(7, CALL_PING, NULL, 0); // call 1 is not SIGNIN
	assert_int_equal(status_of(7, number), STATUS_BAD);
	assert_int_equal(count(CLOSED, 7, NULL), 1);
	assert_int_equal(status_of(8, call(8, CALL_SIGNIN, "x", 1)), STATUS_BAD);
	finish();
}

static void test_claim_waits_for_the_commit(void **state)
{
	(void)state;
	begin("fred\nTim\n", true);
	const uint32_t first = signin_with(0, 1, "FRED", true, NULL);
	const uint32_t second = signin_with(1, 2, "fred", true, NULL); // a race within one batch
	const uint32_t same_key = signin_with(2, 1, "Tim", true, NULL); // one key for two names
	assert_int_equal(f.record_count, 0);
	assert_true(store(MMS_OK, false));
	struct call_signin_ok ok;
	struct record *record = NULL;
	assert_int_equal(status_of(0, first), STATUS_OK);
	assert_int_equal(count(ANSWERED, 0, &record), 1);
	assert_int_equal(call_signin_ok_decode(&ok, record->body, record->bytes), MMS_OK);
	assert_string_equal(ok.name.text, "fred"); // as the users file writes it
	assert_int_equal(f.enrolled_count, 1);
	assert_int_equal(status_of(1, second), STATUS_NOT_AUTHORIZED);
	assert_int_equal(status_of(2, same_key), STATUS_NOT_AUTHORIZED);
	assert_false(store(MMS_OK, true));
	assert_int_equal(f.mem.device_count, 1);
	finish();
}

static void test_invite(void **state)
{
	(void)state;
	begin(users_with_invite("2099-01-01T00:00:00Z"), false);
	const uint32_t number = signin_with(0, 1, "Tim", true, CODE);
	assert_int_equal(f.record_count, 0);
	assert_true(store(MMS_OK, false));
	struct record *record = NULL;
	struct call_signin_ok ok;
	uint8_t invite[INVITE_HASH_BYTES], proof[INVITE_PROOF_BYTES];
	assert_int_equal(status_of(0, number), STATUS_OK);
	count(ANSWERED, 0, &record);
	assert_int_equal(call_signin_ok_decode(&ok, record->body, record->bytes), MMS_OK);
	hash_invite_code(CODE, strlen(CODE), invite);
	hash_invite_proof(invite, HANDSHAKE_HASH, INVITE_SERVER, proof);
	assert_true(ok.has_proof);
	assert_memory_equal(ok.proof, proof, sizeof proof);
	// It is spent for another device; the one that spent it is shown the proof again.
	assert_int_equal(status_of(1, signin_with(1, 2, "Tim", true, CODE)), STATUS_NOT_AUTHORIZED);
	assert_int_equal(status_of(2, signin_with(2, 1, "Tim", false, CODE)), STATUS_OK);
	count(ANSWERED, 2, &record);
	assert_int_equal(call_signin_ok_decode(&ok, record->body, record->bytes), MMS_OK);
	assert_true(ok.has_proof);
	finish();
	begin(users_with_invite("2020-01-01T00:00:00Z"), true); // expired; and the line is no claimable one
	assert_int_equal(status_of(0, signin_with(0, 1, "Tim", true, CODE)), STATUS_NOT_AUTHORIZED);
	finish();
}

// Who shows a wrong proof is no claimant: it would be enrolled and take the server for an impostor. A device that is enrolled
// comes in by its key, whatever old code it shows.
static void test_wrong_proof_claims_nothing(void **state)
{
	(void)state;
	struct record *record = NULL;
	struct call_signin_ok ok;
	begin("fred\nlibero\n", true);
	assert_int_equal(status_of(0, signin_with(0, 1, "fred", true, CODE)), STATUS_NOT_AUTHORIZED);
	assert_false(store(MMS_OK, true));
	assert_int_equal(f.mem.device_count, 0);
	come_in(1, 2, "libero", LIBERO, true);
	assert_int_equal(status_of(2, signin_with(2, 2, "libero", false, CODE)), STATUS_OK);
	count(ANSWERED, 2, &record);
	assert_int_equal(call_signin_ok_decode(&ok, record->body, record->bytes), MMS_OK);
	assert_false(ok.has_proof);
	finish();
}

static void test_submit_is_answered_when_stored(void **state)
{
	(void)state;
	begin("fred\nTim\n", false);
	come_in(0, 1, "fred", FRED, true);
	come_in(1, 2, "Tim", TIM, true);
	const uint32_t first = submit(0, 1, "tim", "a");
	const uint32_t again = submit(0, 1, "Tim", "a"); // one more operation, judged after the first
	const uint32_t other = submit(0, 1, "Tim", "b");
	const struct storage_batch *batch = take(false);
	assert_non_null(batch);
	assert_int_equal(batch->op_count, 3);
	const uint32_t storing = submit(0, 1, "Tim", "a"); // its verdict is open
	const uint32_t next = submit(0, 2, "Tim", "b");
	assert_null(take(true)); // one of a lane at a time
	assert_int_equal(status_of(0, first), 0);
	check_delivered(1, "");
	stored(batch, 0, MMS_OK);
	assert_int_equal(status_of(0, first), STATUS_ACCEPTED);
	assert_int_equal(status_of(0, again), STATUS_ACCEPTED);
	assert_int_equal(status_of(0, other), STATUS_BAD);
	assert_int_equal(status_of(0, storing), 0);
	check_delivered(1, "a");
	assert_true(store(MMS_OK, false));
	assert_int_equal(status_of(0, storing), STATUS_ACCEPTED);
	assert_int_equal(status_of(0, next), STATUS_ACCEPTED);
	struct record *record = NULL;
	struct call_accepted accepted;
	assert_int_equal(verdict(0, 1, "Tim", "a"), STATUS_ACCEPTED);
	count(ANSWERED, 0, &record);
	assert_int_equal(call_accepted_decode(&accepted, record->body, record->bytes), MMS_OK);
	assert_true(accepted.was_online);
	assert_int_equal(accepted.mark.commit, 2); // what the store said is durable
	assert_int_equal(verdict(0, 1, "Tim", "c"), STATUS_BAD);
	assert_int_equal(f.mem.message_count, 2);
	check_delivered(1, "ab");
	finish();
}

static void test_kinds_forms_and_rooms(void **state)
{
	(void)state;
	begin("fred\nTim\n", false);
	come_in(0, 1, "fred", FRED, true);
	come_in(1, 2, "Tim", TIM, true);
	assert_int_equal(status_of(0, submit_as(0, 1, MESSAGE_JOINED, MESSAGE_UTF8, "Tim", "a")), STATUS_BAD);
	assert_int_equal(status_of(0, submit_as(0, 1, MESSAGE_RENAMED, MESSAGE_UTF8, "nobody", "")), STATUS_BAD);
	assert_int_equal(status_of(0, submit_as(0, 1, MESSAGE_WRITTEN, 77, "Tim", "")), STATUS_BAD_TEXT); // no text of any form
	const uint32_t room = submit_as(0, 2, MESSAGE_WRITTEN, MESSAGE_UTF8, "#Tim", "a");
	const uint32_t sealed = submit_as(0, 3, MESSAGE_WRITTEN, 77, "Tim", "\xff");
	const uint32_t later = submit_as(0, 4, 78, MESSAGE_UTF8, "Tim", "a");
	const uint32_t other = submit_as(0, 4, MESSAGE_WRITTEN, MESSAGE_UTF8, "Tim", "a"); // another message with its id
	assert_true(store(MMS_OK, false));
	assert_int_equal(status_of(0, room), STATUS_NO_SUCH_USER); // the user of that name is not the room
	assert_int_equal(status_of(0, sealed), STATUS_ACCEPTED);
	assert_int_equal(status_of(0, later), STATUS_ACCEPTED);
	assert_int_equal(status_of(0, other), STATUS_BAD);
	assert_int_equal(f.mem.message_count, 2);
	// They are passed on as they came, at once and from the mailbox.
	end_session(1);
	come_in(2, 2, "Tim", TIM, true);
	for (uint32_t slot = 1; slot <= 2; slot++) {
		uint32_t at = 0;
		for (uint32_t i = 0; i < 2; i++) {
			struct call_deliver deliver;
			while (f.record[at].type != CALLED || f.record[at].slot != slot)
				assert_true(++at < f.record_count);
			assert_int_equal(call_deliver_decode(&deliver, f.record[at].body, f.record[at].bytes), MMS_OK);
			assert_int_equal(deliver.kind, i == 0 ? MESSAGE_WRITTEN : 78);
			assert_int_equal(deliver.form, i == 0 ? 77 : MESSAGE_UTF8);
			at++;
		}
	}
	finish();
}

// What the store says of each operation is what its caller hears; what it need not judge is answered at once.
static void test_order_of_checks(void **state)
{
	(void)state;
	begin("fred\nTim\n", false);
	come_in(0, 1, "fred", FRED, true);
	assert_int_equal(status_of(0, call(0, CALL_SUBMIT, "short", 5)), STATUS_BAD);
	assert_int_equal(status_of(0, submit(0, 1, "nobody", "")), STATUS_BAD_TEXT);
	assert_int_equal(status_of(0, submit(0, 1, "nobody", "\xff")), STATUS_BAD_TEXT);
	assert_int_equal(verdict(0, 1, "nobody", "a"), STATUS_NO_SUCH_USER);
	assert_int_equal(verdict(0, 1, "Tim", "a"), STATUS_ACCEPTED);
	f.mem.is_full = true;
	assert_int_equal(verdict(0, 1, "Tim", "a"), STATUS_ACCEPTED); // a repeat needs no room
	assert_int_equal(verdict(0, 2, "Tim", "a"), STATUS_SERVER_FULL);
	f.mem.is_full = false;
	f.mem.rows_max = 1;
	assert_int_equal(verdict(0, 2, "Tim", "a"), STATUS_MAILBOX_FULL);
	assert_int_equal(status_of(0, call(0, 99, NULL, 0)), STATUS_BAD);
	assert_int_equal(status_of(0, call(0, CALL_PING, NULL, 0)), STATUS_OK);
	assert_int_equal(status_of(0, call(0, CALL_PING, "x", 1)), STATUS_BAD);
	assert_int_equal(status_of(0, call(0, CALL_SIGNIN, NULL, 0)), STATUS_BAD);
	finish();
}

// An operation says all that it is judged by, and goes in its sender's lane.
static void test_what_an_operation_says(void **state)
{
	(void)state;
	uint32_t lane;
	begin_with("fred\nTim\n", false, PEERS, 2);
	f.handshake_at[1] = at_us(f.now.us - 7);
	come_in(0, 1, "fred", FRED, true);
	come_in(1, 2, "Tim", TIM, false);
	submit(1, 1, "FRED", "abc");
	const uint32_t number = submit(1, 2, "nobody", "de");
	const struct storage_batch *batch = server_next_batch(&f.server, false, f.now, &lane);
	assert_non_null(batch);
	assert_int_equal(lane, TIM % 2);
	assert_int_equal(batch->op_count, 2);
	assert_int_equal(batch->now.us, f.now.us);
	const struct storage_op *op = batch->ops;
	assert_int_equal(op[0].call, number - 1);
	assert_int_equal(op[1].call, number);
	assert_int_equal(op[0].session, op[1].session);
	assert_int_equal(op[0].session_began_at.us, f.handshake_at[1].us);
	assert_int_equal(op[0].at.ms, WALL.ms);
	assert_int_equal(op[0].submit.sender_id, TIM);
	assert_int_equal(op[0].submit.device_id, 2);
	assert_int_equal(op[0].submit.recipient_id, FRED);
	assert_string_equal(op[0].submit.sender.text, "Tim");
	assert_true(op[0].submit.is_online);
	assert_int_equal(op[1].submit.recipient_id, 0);
	assert_memory_equal(batch->text + op[1].submit.text_offset, "de", 2);
	assert_int_equal(op[1].submit.text_bytes, 2);
	assert_null(server_next_batch(&f.server, true, f.now, &lane)); // fred's lane has nothing
	submit(0, 1, "Tim", "f");
	assert_non_null(server_next_batch(&f.server, false, f.now, &lane)); // and does not wait for Tim's
	assert_int_equal(lane, FRED % 2);
	finish();
}

static void test_full_disk(void **state)
{
	(void)state;
	begin("fred\nTim\n", true);
	come_in(0, 1, "fred", FRED, true);
	submit(0, 1, "fred", "a");
	assert_true(store(MMS_OK, false));
	const uint32_t signin = signin_with(1, 2, "Tim", true, NULL);
	answer(0, CALL_DELIVER, 1);
	const uint32_t message = submit(0, 2, "Tim", "a");
	const uint32_t signout = call(0, CALL_SIGNOUT, NULL, 0);
	const uint32_t behind = submit(0, 3, "Tim", "b"); // never starts: the session ends first
	assert_int_equal(status_of(0, signout), 0);
	assert_true(store(MMS_E_NOSPACE, false));
	assert_int_equal(status_of(0, message), STATUS_SERVER_FULL);
	assert_int_equal(status_of(1, signin), STATUS_SERVER_FULL);
	assert_int_equal(status_of(0, signout), STATUS_OK); // after what came before it
	assert_int_equal(status_of(0, behind), 0);
	assert_false(server_is_broken(&f.server));
	assert_int_equal(f.mem.move_count, 0);
	assert_true(store(MMS_OK, true)); // the cursor is tried again
	assert_int_equal(f.mem.move_count, 1);
	assert_int_equal(f.mem.device[0].cursor, 1);
	submit(2, 1, "fred", "x"); // call 1 of a new slot: not SIGNIN
	assert_int_equal(status_of(2, 1), STATUS_BAD);
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals_are_the_same), cmocka_unit_test(test_claim_waits_for_the_commit),
		cmocka_unit_test(test_invite),                cmocka_unit_test(test_wrong_proof_claims_nothing),
		cmocka_unit_test(test_submit_is_answered_when_stored),
		cmocka_unit_test(test_kinds_forms_and_rooms), cmocka_unit_test(test_order_of_checks),
		cmocka_unit_test(test_what_an_operation_says), cmocka_unit_test(test_full_disk),
	};
	return cmocka_run_group_tests(tests, crypto_set_up, NULL);
}
