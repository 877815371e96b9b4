// SPDX-License-Identifier: ISC
// msg/server: what a result makes of a delivery, whatever its verdict and whenever it comes: rows sent at once, rows that wait,
// pages that are read again, lanes that answer out of order, and answers that nobody is there for.
#include "server_world.h"

#include "msg/server_inside.h"

// A result of the store's own for the only operation of a batch, which put row 1 into Tim's mailbox.
static void appended_as(uint32_t lane, const struct storage_batch *batch, enum storage_verdict verdict, uint64_t row_before)
{
	const struct storage_result result = {.verdict = verdict, .was_online = true, .row = 1, .place_count = 1};
	const struct storage_appended appended = {true, true, mem_mark(&f.mem)};
	assert_int_equal(batch->op_count, 1);
	batch->results[0] = result;
	batch->places[0] = (struct storage_place){.user_id = TIM, .row_before = row_before};
	server_appended(&f.server, lane, &appended, moment_of_test());
}

static void begin_pair(void)
{
	begin("fred\nTim\n", false);
	come_in(0, 1, "fred", FRED, false);
	come_in(1, 2, "Tim", TIM, true);
}

// fred is signed in on slot 0, and has sent "a" to Tim, whose device 2 lacks it.
static void begin_with_one_waiting(bool may_claim)
{
	begin("fred\nTim\n", may_claim);
	come_in(0, 1, "fred", FRED, false);
	assert_int_equal(verdict(0, 1, "Tim", "a"), STATUS_ACCEPTED);
	mem_add_device(&f.mem, TIM, 2);
	f.mem.device[1].cursor = 0;
}

// The first verdict on a message was never told: the row of a repeat is one like any other.
static void test_a_repeat_is_delivered(void **state)
{
	(void)state;
	begin_pair();
	submit(0, 1, "Tim", "a");
	mem_append(&f.mem, take(false));
	f.is_slow = true;
	appended_as(0, &f.server.lane[0].batch[0].view, VERDICT_REPEAT, UINT64_MAX);
	check_delivered(1, ""); // what lies before it is not known, so it is read
	assert_int_equal(ask(), 1);
	check_delivered(1, "a");
	assert_int_equal(verdict(0, 1, "Tim", "a"), STATUS_ACCEPTED); // and once more: it was sent
	assert_int_equal(ask(), 0);
	check_delivered(1, "a");
	finish();
}

// A row that does not follow what was sent is read with what lies before it.
static void test_a_row_beyond_is_read(void **state)
{
	(void)state;
	begin_pair();
	f.is_slow = true;
	submit(0, 1, "Tim", "a");
	mem_append(&f.mem, take(false)); // row 1; its event comes late
	const struct storage_op second = {.kind = STORAGE_SUBMIT, .at = WALL,
					  .submit = {.sender_id = FRED, .recipient_id = TIM, .sender = name_of("fred"),
						     .id = id_of(2), .kind = MESSAGE_WRITTEN, .form = MESSAGE_UTF8,
						     .text_bytes = 1}};
	struct storage_place place;
	struct server_news news;
	const struct storage_result result = mem_submit(&f.mem, &second, (const uint8_t *)"b", &place);
	assert_int_equal(place.row_before, 1);
	const struct call_deliver delivery = {.id = second.submit.id, .accepted_at = WALL, .kind = MESSAGE_WRITTEN,
					      .form = MESSAGE_UTF8, .sender = second.submit.sender,
					      .text = (const uint8_t *)"b", .text_bytes = 1};
	server_write_news(&news, result.row, &delivery);
	server_forward(&f.server, 1, &news, place.row_before, f.now);
	check_delivered(1, "");
	assert_int_equal(ask(), 1);
	check_delivered(1, "ab");
	appended_as(0, &f.server.lane[0].batch[0].view, VERDICT_NEW, 0);
	check_delivered(1, "ab");
	finish();
}

// While a page is read something comes: the page may not have it.
static void test_a_page_is_read_again(void **state)
{
	(void)state;
	for (int is_in_page = 0; is_in_page < 2; is_in_page++) {
		begin_with_one_waiting(false);
		f.is_slow = true;
		signin_with(1, 2, "Tim", true, NULL);
		struct storage_question *question = server_next_question(&f.server, true);
		mem_ask(&f.mem, question);
		server_question_answered(&f.server, question, moment_of_test());
		question = server_next_question(&f.server, true);
		assert_int_equal(question->kind, QUESTION_PAGE);
		if (!is_in_page)
			mem_ask(&f.mem, question);
		assert_int_equal(verdict(0, 2, "Tim", "b"), STATUS_ACCEPTED);
		if (is_in_page)
			mem_ask(&f.mem, question);
		check_delivered(1, "");
		server_question_answered(&f.server, question, moment_of_test());
		check_delivered(1, is_in_page ? "ab" : "a");
		assert_int_equal(ask(), is_in_page ? 0 : 1); // what the page had is not read again
		check_delivered(1, "ab");
		assert_int_equal(verdict(0, 3, "Tim", "c"), STATUS_ACCEPTED);
		check_delivered(1, "abc"); // up to date again
		assert_int_equal(ask(), 0);
		finish();
	}
}

// Rows that went before the page was read leave nothing to send, and nothing in the way of what comes.
static void test_an_empty_page(void **state)
{
	(void)state;
	begin_with_one_waiting(false);
	f.mem.message[0].is_removed = true;
	assert_int_equal(status_of(1, signin_with(1, 2, "Tim", true, NULL)), STATUS_OK);
	check_delivered(1, "");
	assert_int_equal(f.server.peer[1].row_sent, 1);
	assert_int_equal(verdict(0, 2, "Tim", "b"), STATUS_ACCEPTED);
	check_delivered(1, "b");
	assert_int_equal(f.mem.page_count, 1);
	finish();
}

// A backlog is read by pages that the window has room for, not row by row.
static void test_pages_are_few(void **state)
{
	enum { MANY = 300 };
	(void)state;
	begin("fred\nTim\n", false);
	f.mem.rows_max = MANY;
	f.server.config.submit_rate = (struct bucket_rate){1000, 1000};
	come_in(0, 1, "fred", FRED, false);
	for (uint32_t i = 1; i <= MANY; i++)
		assert_int_equal(verdict(0, i, "Tim", "a"), STATUS_ACCEPTED);
	mem_add_device(&f.mem, TIM, 2);
	f.mem.device[1].cursor = 0;
	assert_int_equal(status_of(1, signin_with(1, 2, "Tim", true, NULL)), STATUS_OK);
	for (uint32_t row = 1; row <= MANY; row++)
		answer(1, CALL_DELIVER, row);
	assert_int_equal(count(CALLED, 1, NULL), MANY);
	assert_in_range(f.mem.page_count, MANY / STORAGE_PAGE_ROWS_MAX, 2 * MANY / STORAGE_PAGE_ROWS_MAX + 2);
	finish();
}

// Where memory is short, no more is read than could be sent.
static void test_pages_of_the_starved(void **state)
{
	(void)state;
	begin("fred\nTim\n", false);
	come_in(0, 1, "fred", FRED, false);
	for (uint32_t i = 1; i <= 10; i++)
		submit(0, i, "Tim", "a");
	assert_true(store(MMS_OK, false));
	mem_add_device(&f.mem, TIM, 2);
	f.mem.device[1].cursor = 0;
	f.has_no_memory = true;
	assert_int_equal(status_of(1, signin_with(1, 2, "Tim", true, NULL)), STATUS_OK);
	assert_int_equal(f.server.peer[1].page_rows, 1);
	f.has_no_memory = false;
	f.is_slow = true;
	f.now = server_deadline(&f.server);
	server_tick(&f.server, moment_of_test());
	struct storage_question *question = server_next_question(&f.server, true);
	assert_int_equal(question->mailbox.rows_max, 1);
	mem_ask(&f.mem, question);
	server_question_answered(&f.server, question, moment_of_test());
	check_delivered(1, "a");
	ask(); // 2, 4 and the rest
	assert_int_equal(f.mem.page_count, 5);
	check_delivered(1, "aaaaaaaaaa");
	assert_int_equal(f.server.peer[1].page_rows, STORAGE_PAGE_ROWS_MAX / 2);
	finish();
}

// Answers of the store for a session that is over change nothing for the one that has its slot now.
static void test_answers_after_the_session(void **state)
{
	(void)state;
	begin_with_one_waiting(true);
	f.is_slow = true;
	signin_with(1, 2, "Tim", true, NULL);
	struct storage_question *signin = server_next_question(&f.server, true);
	mem_ask(&f.mem, signin);
	end_session(1);
	const uint32_t number = signin_with(1, 2, "Tim", true, NULL);
	server_question_answered(&f.server, signin, moment_of_test());
	assert_int_equal(status_of(1, number), 0);
	assert_int_equal(count(GRANTED, 1, NULL), 0);
	signin = server_next_question(&f.server, true);
	mem_ask(&f.mem, signin);
	server_question_answered(&f.server, signin, moment_of_test());
	assert_int_equal(status_of(1, number), STATUS_OK);
	// The same for a page.
	struct storage_question *page = server_next_question(&f.server, true);
	mem_ask(&f.mem, page);
	end_session(1);
	signin_with(1, 2, "Tim", true, NULL);
	signin = server_next_question(&f.server, true);
	mem_ask(&f.mem, signin);
	server_question_answered(&f.server, signin, moment_of_test());
	struct storage_question *other = server_next_question(&f.server, true);
	assert_ptr_not_equal(other, page);
	server_question_answered(&f.server, page, moment_of_test());
	check_delivered(1, "");
	mem_ask(&f.mem, other);
	server_question_answered(&f.server, other, moment_of_test());
	check_delivered(1, "a");
	// And for a device that was dismissed while its page was read.
	signin_with(2, 2, "Tim", true, NULL);
	signin = server_next_question(&f.server, true);
	mem_ask(&f.mem, signin);
	server_question_answered(&f.server, signin, moment_of_test());
	page = server_next_question(&f.server, true);
	mem_ask(&f.mem, page);
	assert_int_equal(status_of(2, call(2, CALL_SIGNOUT, NULL, 0)), STATUS_OK);
	server_question_answered(&f.server, page, moment_of_test());
	check_delivered(2, "");
	finish();
}

// Two lanes: what comes back first is told first, and the mailbox that both write into is delivered in its order.
static void test_lanes_out_of_order(void **state)
{
	(void)state;
	uint32_t lane[2];
	begin_with("fred\nTim\nlibero\n", false, PEERS, 2);
	come_in(0, 1, "fred", FRED, false); // lane 1
	come_in(1, 2, "Tim", TIM, false);   // lane 0
	come_in(2, 3, "libero", LIBERO, true);
	const uint32_t fred = submit(0, 1, "libero", "a");
	const uint32_t tim = submit(1, 1, "libero", "b");
	f.is_slow = true;
	const struct storage_batch *first = server_next_batch(&f.server, false, f.now, &lane[0]);
	const struct storage_batch *second = server_next_batch(&f.server, false, f.now, &lane[1]);
	assert_int_equal(lane[0] + lane[1], 1);
	assert_null(server_next_batch(&f.server, true, f.now, &lane[0]));
	lane[0] = 1 - lane[1];
	const struct storage_appended of_first = mem_append(&f.mem, first); // row 1
	const struct storage_appended of_second = mem_append(&f.mem, second); // row 2
	server_appended(&f.server, lane[1], &of_second, moment_of_test());
	assert_int_equal(status_of(0, fred) == STATUS_ACCEPTED, lane[1] == FRED % 2);
	assert_int_equal(status_of(1, tim) == STATUS_ACCEPTED, lane[1] == TIM % 2);
	check_delivered(2, ""); // row 1 first
	assert_int_equal(ask(), 1);
	assert_int_equal(count(CALLED, 2, NULL), 2);
	server_appended(&f.server, lane[0], &of_first, moment_of_test());
	assert_int_equal(ask(), 0);
	assert_int_equal(status_of(0, fred), STATUS_ACCEPTED);
	assert_int_equal(status_of(1, tim), STATUS_ACCEPTED);
	assert_int_equal(count(CALLED, 2, NULL), 2); // each once
	finish();
}

// An answer to a session that has gone on to another one is counted for nobody.
static void test_result_after_the_session(void **state)
{
	(void)state;
	begin_pair();
	submit(0, 1, "Tim", "a");
	const struct storage_batch *batch = take(false);
	end_session(0);
	come_in(0, 1, "fred", FRED, false);
	const uint32_t number = submit(0, 1, "Tim", "a");
	stored(batch, 0, MMS_OK);
	assert_int_equal(status_of(0, number), 0);
	check_delivered(1, "a");
	assert_true(store(MMS_OK, false));
	assert_int_equal(status_of(0, number), STATUS_ACCEPTED);
	check_delivered(1, "a");
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_repeat_is_delivered),
		cmocka_unit_test(test_a_row_beyond_is_read),
		cmocka_unit_test(test_a_page_is_read_again),
		cmocka_unit_test(test_an_empty_page),
		cmocka_unit_test(test_pages_are_few),
		cmocka_unit_test(test_pages_of_the_starved),
		cmocka_unit_test(test_answers_after_the_session),
		cmocka_unit_test(test_lanes_out_of_order),
		cmocka_unit_test(test_result_after_the_session),
	};
	return cmocka_run_group_tests(tests, crypto_set_up, NULL);
}
