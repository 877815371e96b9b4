// SPDX-License-Identifier: ISC
// msg/client: a store that fails at the first, second, ... n-th order, and answers that are malformed, late or twice.
#include "client_world.h"

#include "msg/client_inside.h"

enum { STEPS = 9, ORDERS_MAX = 100 };

static void take_step(int step)
{
	const struct call_signin_ok ok = {.is_reoffer_wanted = true, .mark = {{1}, 2}, .name = name_of("Fred")};
	switch (step) {
	case 0: client_up(&f.client, 0); store(); break;
	case 1: grant(0, &ok); break; // with a re-offer
	case 2: accept(0, 1, false, 3); break;
	case 3: deliver(0, 1, 7); break;
	case 4: store(); break;
	case 5: notice(0, 2, NOTICE_GAP, 9); break;
	case 6: answer_call(0, CALL_SUBMIT, STATUS_NO_SUCH_USER, NULL, 0, 2); break;
	case 7: accept(0, 3, true, 2); break; // an older mark, which is not kept
	default: store(); break;
	}
}

static int take_steps(uint32_t orders_good)
{
	int step = 0;
	begin_with(false);
	queue_many(1, 3);
	f.mem.orders_good = orders_good;
	f.mem.order_err = MMS_E_IO;
	while (step < STEPS && !client_is_broken(&f.client))
		take_step(step++);
	return step;
}

// Each order to the store that fails breaks the client at once; nothing that is not durable is told or answered.
static void test_every_order_to_the_store_fails_once(void **state)
{
	(void)state;
	assert_int_equal(take_steps(ORDERS_MAX), STEPS);
	const uint32_t orders_count = ORDERS_MAX - f.mem.orders_good;
	assert_int_equal(count(TOLD, TOLD_VERDICT, NULL), 3);
	assert_int_equal(count(ANSWERED, STATUS_OK, NULL), 2);
	assert_int_equal(orders_count, 5); // the mark, a page, and three batches
	for (uint32_t good = 0; good < orders_count; good++) {
		const int steps = take_steps(good);
		assert_true(client_is_broken(&f.client));
		assert_int_equal(count(TOLD, TOLD_SIGNED_IN, NULL), good >= 2);
		assert_int_equal(count(TOLD, TOLD_VERDICT, NULL), steps <= 5 ? 0 : 1);
		assert_int_equal(count(ANSWERED, STATUS_OK, NULL), steps <= 5 ? 0 : 1);
		const uint32_t before = f.record_count;
		client_set_submitting(&f.client, true, f.now);
		store();
		assert_int_equal(f.record_count, before); // it does nothing any more
	}
}

static void test_without_a_session(void **state)
{
	(void)state;
	begin_with(false);
	assert_int_equal(client_waiting_left(&f.client), 0);
	assert_int_equal(client_in_flight_count(&f.client), 0);
	assert_int_equal(client_deadline(&f.client).us, MTIME_NEVER.us);
}

// Where the server is known by its key already, it need not prove that it knows the invite; but a wrong proof is wrong.
static void test_proof_of_a_known_server(void **state)
{
	(void)state;
	for (int has_proof = 0; has_proof < 2; has_proof++) {
		const struct call_signin_ok ok = {.has_proof = has_proof != 0, .name = name_of("Fred")};
		begin_with(true);
		f.client.config.is_server_proved = true;
		up(0);
		grant(0, &ok);
		assert_int_equal(count(TOLD, TOLD_SIGNED_IN, NULL), !has_proof);
		assert_int_equal(count(TOLD, TOLD_NOT_PROVED, NULL), has_proof);
	}
}

static void test_second_answer_to_a_signin(void **state)
{
	(void)state;
	begin_with(false);
	come_in(0, 0);
	answer_call(0, CALL_SIGNIN, STATUS_NOT_AUTHORIZED, NULL, 0, 0);
	assert_true(client_is_signed_in(&f.client));
	assert_int_equal(count(TOLD, TOLD_REFUSED, NULL), 0);
}

// ACCEPTED with a body that says nothing is no acceptance.
static void test_malformed_acceptance(void **state)
{
	(void)state;
	begin_with(false);
	queue_many(1, 1);
	come_in(0, 0);
	answer_call(0, CALL_SUBMIT, STATUS_ACCEPTED, (const uint8_t *)"x", 1, 1);
	store();
	assert_int_equal(f.mem.disk.outbox[0].state, OUTBOX_REFUSED);
}

// A re-offer goes through the outbox from its oldest message, so it waits for what is on its way.
static void test_reoffer_waits_for_what_is_on_its_way(void **state)
{
	(void)state;
	begin_with(false);
	queue_many(1, 2);
	come_in(0, 0);
	client_defer_reoffer(&f.client, f.now);
	f.client.sent_at = f.now = mtime_add_us(f.now, CLIENT_REOFFER_US);
	client_tick(&f.client, f.now);
	learn();
	assert_int_equal(count(CALLED, CALL_SUBMIT, NULL), 2);
	assert_true(mtime_is_due(f.client.reoffer_at, f.now)); // still
	accept(0, 1, true, 1);
	accept(0, 2, true, 2);
	client_tick(&f.client, f.now);
	assert_true(mtime_is_due(f.client.reoffer_at, f.now)); // their verdicts are on their way to the storage
	store();
	client_tick(&f.client, f.now);
	learn();
	assert_false(mtime_is_due(f.client.reoffer_at, f.now));
}

// --- lists of users ---

static size_t page_of(uint8_t *body, uint32_t generation, uint32_t first, uint16_t users, uint32_t total_count)
{
	struct writer writer = writer_of(body, CALL_BODY_BYTES_MAX);
	const struct name name = name_of("u");
	call_who_page_begin(&writer, generation, total_count, first);
	for (uint16_t i = 0; i < users; i++)
		assert_true(call_who_page_add(&writer, &name, true));
	return call_who_page_end(&writer, users);
}

static void give_page(uint32_t generation, uint32_t first, uint16_t users, uint32_t total_count)
{
	uint8_t body[CALL_BODY_BYTES_MAX];
	answer_call(0, CALL_WHO, STATUS_OK, body, page_of(body, generation, first, users, total_count), asked());
}

static void ask_for_a_list(void)
{
	begin_with(false);
	come_in(0, 0);
	client_list(&f.client, &(struct client_list_wish){.kind = LIST_USERS}, f.now);
}

// The list has failed: it is told once, nothing more is asked for.
static void assert_failed(uint8_t status)
{
	struct record *record = NULL;
	const uint32_t asked_count = count(CALLED, CALL_WHO, NULL);
	assert_int_equal(count(TOLD, TOLD_LIST_FAILED, &record), 1);
	assert_int_equal(record->told.status, status);
	give_page(4, 0, 1, 1);
	assert_int_equal(count(TOLD, TOLD_LIST_END, NULL), 0);
	assert_int_equal(count(CALLED, CALL_WHO, NULL), asked_count);
}

static void test_lists_of_users(void **state)
{
	(void)state;
	begin_with(false);
	come_in(0, 0);
	give_page(4, 0, 1, 1);
	assert_int_equal(count(TOLD, TOLD_LIST_BEGIN, NULL), 0); // nobody asked
	client_list(&f.client, &(struct client_list_wish){.kind = LIST_USERS}, f.now);
	give_page(4, 0, 2, 3);
	give_page(4, 2, 1, 3);
	assert_int_equal(count(TOLD, TOLD_LIST_BEGIN, NULL), 1); // once for both pages
	assert_int_equal(count(TOLD, TOLD_LIST_USER, NULL), 3);
	assert_int_equal(count(TOLD, TOLD_LIST_END, NULL), 1);
	// A request that another has followed: its answer is nobody's.
	client_list(&f.client, &(struct client_list_wish){.kind = LIST_USERS}, f.now);
	const uint64_t older = asked();
	client_list(&f.client, &(struct client_list_wish){.kind = LIST_USERS}, f.now);
	uint8_t body[CALL_BODY_BYTES_MAX];
	answer_call(0, CALL_WHO, STATUS_OK, body, page_of(body, 4, 0, 1, 1), older);
	assert_int_equal(count(TOLD, TOLD_LIST_END, NULL), 1);
	give_page(4, 0, 1, 1);
	assert_int_equal(count(TOLD, TOLD_LIST_END, NULL), 2);
	assert_int_equal(count(TOLD, TOLD_LIST_FAILED, NULL), 0);
}

static void test_lists_that_break_the_rules(void **state)
{
	(void)state;
	uint8_t body[CALL_BODY_BYTES_MAX];
	ask_for_a_list();
	answer_call(0, CALL_WHO, 77, NULL, 0, asked());
	assert_failed(77);
	ask_for_a_list();
	answer_call(0, CALL_WHO, STATUS_OK, (const uint8_t *)"x", 1, asked());
	assert_failed(STATUS_OK);
	ask_for_a_list();
	size_t bytes = page_of(body, 4, 0, 2, 2);
	body[13] = 3; // a count beyond the body
	answer_call(0, CALL_WHO, STATUS_OK, body, bytes, asked());
	assert_int_equal(count(TOLD, TOLD_LIST_USER, NULL), 0); // not the half of it either
	assert_failed(STATUS_OK);
	ask_for_a_list();
	bytes = page_of(body, 4, 0, 2, 2);
	body[bytes - 1] = '\x1b'; // no letter of a name
	answer_call(0, CALL_WHO, STATUS_OK, body, bytes, asked());
	assert_failed(STATUS_OK);
	ask_for_a_list();
	give_page(4, 1, 1, 2); // not from the beginning
	assert_failed(STATUS_OK);
	ask_for_a_list();
	give_page(4, 0, 2, 4);
	give_page(4, 1, 1, 4); // not where it was asked to go on
	assert_failed(STATUS_OK);
	ask_for_a_list();
	give_page(4, 0, 2, 4);
	give_page(4, 2, 2, 5); // a total that changes within a generation
	assert_failed(STATUS_OK);
	ask_for_a_list();
	give_page(4, 0, 2, 4);
	give_page(5, 2, 2, 4); // the middle of another list
	assert_failed(STATUS_OK);
}

// A server that never comes to an end costs a device no more than a list may be long, a few times.
static void test_lists_without_end(void **state)
{
	(void)state;
	ask_for_a_list();
	give_page(4, 0, 2, WHO_USERS_MAX + 1);
	assert_int_equal(count(TOLD, TOLD_LIST_USER, NULL), 0);
	assert_failed(STATUS_OK);
	ask_for_a_list();
	give_page(4, 0, 2, WHO_USERS_MAX);
	for (uint32_t i = 0; i < WHO_RESTARTS_MAX; i++) {
		assert_int_equal(count(TOLD, TOLD_LIST_FAILED, NULL), 0);
		give_page(5 + i, 0, 2, WHO_USERS_MAX);
	}
	assert_int_equal(count(TOLD, TOLD_LIST_BEGIN, NULL), 1 + WHO_RESTARTS_MAX);
	give_page(4, 0, 2, WHO_USERS_MAX);
	assert_failed(STATUS_OK);
}

static void test_malformed_notice(void **state)
{
	(void)state;
	begin_with(false);
	come_in(0, 0);
	client_called(&f.client, 0, 1, CALL_NOTICE, (const uint8_t *)"", 0);
	assert_int_equal(count(ANSWERED, STATUS_BAD, NULL), 1);
	assert_true(client_is_signed_in(&f.client));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_order_to_the_store_fails_once),
		cmocka_unit_test(test_without_a_session),
		cmocka_unit_test(test_proof_of_a_known_server),
		cmocka_unit_test(test_second_answer_to_a_signin),
		cmocka_unit_test(test_malformed_acceptance),
		cmocka_unit_test(test_reoffer_waits_for_what_is_on_its_way),
		cmocka_unit_test(test_lists_of_users),
		cmocka_unit_test(test_lists_that_break_the_rules),
		cmocka_unit_test(test_lists_without_end),
		cmocka_unit_test(test_malformed_notice),
	};
	return cmocka_run_group_tests(tests, crypto_set_up, NULL);
}
