// SPDX-License-Identifier: ISC
// msg/client: batches and questions on their way to the storage. It answers late, not at all, twice, or that nobody knows.
#include "client_world.h"

// No more events are taken than the batches have room for, and of a batch that failed nothing is answered or told.
static void test_storage_fails(void **state)
{
	(void)state;
	uint32_t delivered = 0;
	static struct client_appended failed = {.err = MMS_E_NOSPACE};
	begin_with(false);
	come_in(0, 0);
	for (int batches = 0; batches < 2; batches++) {
		while (client_has_room(&f.client)) {
			delivered++;
			deliver(0, delivered, delivered);
		}
		const struct client_batch *batch = client_append(&f.client);
		assert_int_equal(batch != NULL, batches == 0); // one is with the storage at a time
		if (batch != NULL)
			failed.number = batch->number;
	}
	assert_int_equal(delivered, 2 * (CLIENT_BATCH_OPS_MAX - CLIENT_OPS_A_STEP + 1));
	client_appended(&f.client, &failed, f.now);
	assert_true(client_is_broken(&f.client));
	assert_null(client_append(&f.client));
	assert_int_equal(count(ANSWERED, STATUS_OK, NULL), 0);
	assert_int_equal(count(TOLD, TOLD_STORED, NULL), 0);
}

// A batch of texts ends before a text would not fit.
static void test_texts_fill_a_batch(void **state)
{
	static uint8_t text[TEXT_BYTES_MAX];
	(void)state;
	begin_with(false);
	come_in(0, 0);
	memset(text, 'a', sizeof text);
	for (uint32_t i = 1; i <= CALL_WINDOW; i++) {
		const struct call_deliver delivery = {
			.id = id_of(i), .accepted_at = WALL, .kind = MESSAGE_WRITTEN, .form = MESSAGE_UTF8,
			.sender = name_of("Tim"), .text = text, .text_bytes = sizeof text};
		uint8_t body[CALL_BODY_BYTES_MAX];
		assert_true(client_has_room(&f.client));
		client_called(&f.client, 0, i, CALL_DELIVER, body, call_deliver_encode(&delivery, body));
	}
	assert_false(client_has_room(&f.client));
	assert_int_equal(client_append(&f.client)->text_bytes, CLIENT_BATCH_BYTES_MAX);
	assert_true(client_has_room(&f.client));
}

// Nobody knows what became of a batch: it comes again as it was, and what it found there is told, since it may be its own.
static void test_unknown_outcome(void **state)
{
	(void)state;
	for (int is_done = 0; is_done < 2; is_done++) {
		begin_with(false);
		queue_many(1, 2);
		come_in(0, 0);
		store();
		accept(0, 1, true, 6);
		deliver(0, 1, 7);
		f.mem.order_err = MMS_E_AGAIN;
		f.mem.is_done_all_the_same = is_done != 0;
		assert_true(store_one());
		const uint32_t commits = f.mem.commit_count;
		assert_int_equal(count(TOLD, TOLD_VERDICT, NULL) + count(TOLD, TOLD_STORED, NULL), 0);
		assert_int_equal(count(ANSWERED, STATUS_OK, NULL), 0);
		deliver(0, 2, 8); // goes with the next one
		const struct client_batch *again = client_append(&f.client);
		assert_int_equal(again->op_count, 3); // the mark, the verdict, the entry
		static struct client_appended appended;
		mem_client_append(&f.mem, again, &appended);
		client_appended(&f.client, &appended, f.now);
		assert_int_equal(f.mem.commit_count, commits + 1);
		assert_int_equal(count(TOLD, TOLD_VERDICT, NULL), 1);
		assert_int_equal(count(TOLD, TOLD_STORED, NULL), 1);
		assert_int_equal(count(ANSWERED, STATUS_OK, NULL), 1);
		assert_int_equal(f.mem.disk.transcript_count, 1);
		client_appended(&f.client, &appended, f.now); // of what is over
		assert_int_equal(count(TOLD, TOLD_VERDICT, NULL), 1);
		store();
		assert_int_equal(f.mem.disk.transcript_count, 2);
	}
}

static void test_unknown_for_ever(void **state)
{
	(void)state;
	begin_with(false);
	come_in(0, 0);
	deliver(0, 1, 7);
	f.mem.commit_err = MMS_E_AGAIN;
	for (uint32_t tries = 0; tries < CLIENT_TRIES_MAX; tries++) {
		assert_false(client_is_broken(&f.client));
		assert_true(store_one());
	}
	assert_true(client_is_broken(&f.client));
	begin_with(false);
	client_up(&f.client, 0);
	for (uint32_t tries = 0; tries < CLIENT_TRIES_MAX; tries++) {
		assert_false(client_is_broken(&f.client));
		f.mem.order_err = MMS_E_AGAIN;
		assert_true(store_one());
	}
	assert_true(client_is_broken(&f.client));
	assert_int_equal(count(CALLED, CALL_SIGNIN, NULL), 0);
}

// A sign-in is told, and used, when it is known whether all has to be offered again.
static void test_signin_waits_for_the_storage(void **state)
{
	(void)state;
	const struct call_signin_ok ok = {.name = name_of("Fred"), .mark = {{1}, 5}};
	uint8_t body[CALL_BODY_BYTES_MAX];
	begin_with(false);
	queue_many(1, 1);
	client_list(&f.client, &(struct client_list_wish){.kind = LIST_USERS}, f.now);
	client_up(&f.client, 0);
	assert_int_equal(count(CALLED, CALL_SIGNIN, NULL), 0); // the mark is not known
	learn();
	assert_int_equal(count(CALLED, CALL_SIGNIN, NULL), 1);
	answer_call(0, CALL_SIGNIN, STATUS_OK, body, call_signin_ok_encode(&ok, body), 0);
	assert_true(client_is_signed_in(&f.client));
	assert_int_equal(count(TOLD, TOLD_SIGNED_IN, NULL), 0);
	assert_int_equal(count(CALLED, CALL_WHO, NULL) + count(CALLED, CALL_SUBMIT, NULL), 0);
	store();
	assert_int_equal(count(TOLD, TOLD_SIGNED_IN, NULL), 1);
	assert_int_equal(count(CALLED, CALL_WHO, NULL), 1);
	assert_int_equal(count(CALLED, CALL_SUBMIT, NULL), 1);
}

// A page that comes when its session is over is read anew for the next one.
static void test_late_page(void **state)
{
	(void)state;
	static struct client_answer page;
	begin_with(false);
	come_in(0, 0);
	store();
	queue_many(1, 2);
	client_submit(&f.client, f.now);
	const struct client_question *question = client_ask(&f.client);
	assert_int_equal(question->kind, CLIENT_ASK_OUTBOX);
	assert_null(client_ask(&f.client)); // one question at a time
	page = *mem_client_answer(&f.mem, question);
	client_ended(&f.client, 0);
	client_up(&f.client, 0);
	client_learned(&f.client, &page, f.now);
	assert_int_equal(count(CALLED, CALL_SUBMIT, NULL), 0);
	learn();
	const struct call_signin_ok ok = {.name = name_of("Fred"), .mark = {{1}, 5}};
	grant(0, &ok);
	assert_int_equal(count(CALLED, CALL_SUBMIT, NULL), 2);
	client_learned(&f.client, &page, f.now); // of a question that was answered
	assert_int_equal(count(CALLED, CALL_SUBMIT, NULL), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_storage_fails),
		cmocka_unit_test(test_texts_fill_a_batch),
		cmocka_unit_test(test_unknown_outcome),
		cmocka_unit_test(test_unknown_for_ever),
		cmocka_unit_test(test_signin_waits_for_the_storage),
		cmocka_unit_test(test_late_page),
	};
	return cmocka_run_group_tests(tests, crypto_set_up, NULL);
}
