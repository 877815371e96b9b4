// SPDX-License-Identifier: ISC
// node/server_turn: which order follows on what happened, when the store is slow, full or broken, and the operator asks.
#include "server_node_world.h"

#include "msg/server_inside.h"

static void begin_quietly(void)
{
	begin_world_quietly((struct server_node_setup){0});
}

// Something waits for the store: a message, whose session is over.
static void submit(void)
{
	struct server_pending *pending;
	struct server_lane *lane = &w.node.server.lane[0];
	struct storage_op *op = server_batch_add(&w.node.server, lane, STORAGE_SUBMIT, 3, 1, &pending, WALL);
	op->submit = (struct storage_submit){.sender_id = FRED, .id = id_of(1), .text_bytes = 1};
	op->session = 99;
}

// A session that is none any more had moved its cursor.
static void submit_lazily(void)
{
	struct server_batch *batch = server_filling(&w.node.server.lane[0]);
	batch->moves[batch->move_count] = (struct storage_move){.user_id = FRED, .device_id = 1};
	batch->move_slot[batch->move_count++] = SLOT_NONE;
}

// A device whose sign-in is under way.
static void sign_in(void)
{
	const uint8_t key[NOISE_KEY_BYTES] = {1};
	const uint8_t hash[NOISE_HASH_BYTES] = {2};
	const struct call_signin signin = {.name = name_of("fred")};
	uint8_t body[CALL_BODY_BYTES_MAX];
	const size_t bytes = call_signin_encode(&signin, body);
	const struct call_in in = {2, 1, CALL_SIGNIN, body, bytes, w.now, key, hash};
	server_called(&w.node.server, &in, moment());
}

static void stored(enum mms_err result)
{
	const struct storage_batch *batch = &w.node.server.lane[0].batch[1 - w.node.server.lane[0].filling].view;
	const struct storage_appended appended = {result == MMS_OK, true, {{0}, 0}};
	for (size_t i = 0; i < batch->op_count; i++)
		batch->results[i] = (struct storage_result){.verdict = VERDICT_STORE_FULL};
	server_node_appended(&w.node, 0, &appended, moment());
}

static void answered(struct storage_question *question)
{
	mem_ask(&w.mem, question);
	server_node_answered(&w.node, question, moment());
}

static void read_others(void)
{
	assert_true(is_next(ORDER_READ_USERS));
	users_open(&w.others, "Tim\n");
	server_node_users_read(&w.node, &w.others.table, w.others.user);
}

static void synced(bool is_kept)
{
	const struct users_synced what = {is_kept, NULL, 0};
	server_node_users_synced(&w.node, &what, moment());
}

static void check_end(enum server_end end)
{
	assert_true(is_next(ORDER_END));
	assert_int_equal(w.order.end, end);
	assert_true(is_quiet());
	assert_int_equal(server_node_deadline(&w.node).us, MTIME_NEVER.us);
}

// A batch of a lane at a time, and what comes meanwhile goes with the next one; other orders do not wait for it.
static void test_store_takes_its_time(void **state)
{
	(void)state;
	begin_quietly();
	submit();
	assert_true(is_next(ORDER_APPEND));
	assert_int_equal(w.order.batch->op_count, 1);
	assert_int_equal(w.order.lane, 0);
	submit();
	assert_true(is_quiet());
	w.now = mtime_add_ms(w.now, 100 * 1000);
	assert_true(is_next(ORDER_HOUSEKEEP));
	assert_true(is_quiet());
	assert_true(server_node_deadline(&w.node).us > w.now.us);
	stored(MMS_OK);
	assert_true(is_next(ORDER_APPEND));
	server_node_housekept(&w.node, true, moment());
	stored(MMS_OK);
	assert_true(is_quiet());
	assert_int_equal(mtime_diff_us(server_node_deadline(&w.node), w.now), 100 * 1000);
	finish_world();
}

// Questions are asked when all batches that can go have gone.
static void test_questions(void **state)
{
	(void)state;
	begin_quietly();
	sign_in();
	submit();
	assert_true(is_next(ORDER_APPEND));
	assert_true(is_next(ORDER_ASK));
	struct storage_question *question = w.order.question;
	assert_int_equal(question->kind, QUESTION_SIGNIN);
	server_ended(&w.node.server, 2); // the session is over
	assert_true(is_quiet());
	server_node_stop_asked(&w.node);
	stored(MMS_OK);
	assert_true(is_quiet()); // the end waits for the answer
	answered(question);
	check_end(SERVER_STOPPED);
	finish_world();
}

static void test_reload(void **state)
{
	(void)state;
	begin_quietly();
	server_node_reload_asked(&w.node);
	submit();
	assert_true(is_next(ORDER_APPEND));
	read_others(); // the file needs no store
	server_node_reload_asked(&w.node); // for the one after this
	assert_true(is_next(ORDER_SYNC_USERS)); // beside the batch
	assert_ptr_equal(w.order.users, &w.others.table);
	assert_true(is_quiet()); // the one before is not read over
	stored(MMS_OK);
	submit();
	assert_true(is_next(ORDER_APPEND));
	synced(true);
	assert_ptr_equal(w.node.server.users, &w.others.table);
	users_close(&w.users);
	w.users = w.others;
	stored(MMS_OK);
	assert_true(is_next(ORDER_READ_USERS));
	server_node_users_read(&w.node, NULL, NULL); // it could not be
	assert_true(is_quiet());
	finish_world();
}

// At the end no mailbox is read: nobody would hear what is in it.
static void test_no_page_at_the_end(void **state)
{
	(void)state;
	begin_quietly();
	struct server *server = &w.node.server;
	slot_list_add(&server->readers, SLOT_LINKS(server->peer, reading), 1); // a session that is behind
	server_node_stop_asked(&w.node);
	check_end(SERVER_STOPPED);
	finish_world();
	begin_quietly();
	slot_list_add(&server->readers, SLOT_LINKS(server->peer, reading), 1);
	assert_true(is_next(ORDER_ASK));
	assert_int_equal(w.order.question->kind, QUESTION_PAGE);
	finish_world();
}

// S22: whatever the store fails at, the next order is the end, and nothing is sent before it.
static void test_broken_store(void **state)
{
	(void)state;
	begin_quietly();
	server_node_reload_asked(&w.node);
	read_others();
	assert_true(is_next(ORDER_SYNC_USERS));
	server_node_broken(&w.node);
	assert_ptr_equal(w.node.server.users, &w.users.table);
	submit();
	check_end(SERVER_BROKEN);
	users_close(&w.others);
	finish_world();

	begin_quietly();
	submit();
	server_node_stop_asked(&w.node);
	assert_true(is_next(ORDER_APPEND));
	server_node_broken(&w.node);
	check_end(SERVER_BROKEN);
	finish_world();

	begin_world((struct server_node_setup){0});
	assert_true(is_next(ORDER_HOUSEKEEP));
	server_node_broken(&w.node);
	check_end(SERVER_BROKEN);
	finish_world();
}

// A full disk breaks nothing.
static void test_full_store(void **state)
{
	(void)state;
	begin_world((struct server_node_setup){0});
	assert_true(is_next(ORDER_HOUSEKEEP));
	server_node_housekept(&w.node, true, moment());
	submit();
	assert_true(is_next(ORDER_APPEND));
	stored(MMS_E_NOSPACE);
	assert_true(is_quiet());
	server_node_reload_asked(&w.node);
	read_others();
	assert_true(is_next(ORDER_SYNC_USERS));
	synced(false);
	assert_ptr_equal(w.node.server.users, &w.users.table);
	assert_true(is_quiet());
	users_close(&w.others);
	finish_world();
}

// The end waits for what the store was ordered and for what it has not got yet, cursors too; then it takes nothing more.
static void test_stop(void **state)
{
	(void)state;
	uint8_t reply[WIRE_DATAGRAM_BYTES_MAX];
	const uint8_t junk[WIRE_DATA_BYTES_MIN] = {WIRE_DATA};
	const struct addr from = {.family = ADDR_IPV4, .port = 9, .ip = {127, 0, 0, 1}};
	begin_quietly();
	for (int i = 0; i < 100; i++) // more than are taken at once before what they hold is given back
		assert_int_equal(server_node_recv(&w.node, &from, junk, sizeof junk, moment(), reply), WIRE_UNKNOWN_BYTES);
	assert_true(w.node.datagram_count < 100);
	submit();
	assert_true(is_next(ORDER_APPEND));
	submit_lazily();
	server_node_stop_asked(&w.node);
	server_node_reload_asked(&w.node); // too late
	server_node_stop_asked(&w.node);   // once is enough
	assert_true(is_quiet());
	assert_int_equal(server_node_recv(&w.node, &from, junk, sizeof junk, moment(), reply), 0);
	stored(MMS_OK);
	assert_true(is_next(ORDER_APPEND));
	stored(MMS_OK);
	check_end(SERVER_STOPPED);
	finish_world();
}

static void test_stop_on_a_full_disk(void **state)
{
	(void)state;
	begin_quietly();
	submit_lazily();
	server_node_stop_asked(&w.node);
	assert_true(is_next(ORDER_APPEND));
	submit_lazily();
	stored(MMS_E_NOSPACE);
	check_end(SERVER_STOPPED); // not tried for ever
	finish_world();
}

// One that is asked for while another is read or stored follows it.
static void test_reload_during_a_reload(void **state)
{
	(void)state;
	begin_quietly();
	server_node_reload_asked(&w.node);
	assert_true(is_next(ORDER_READ_USERS));
	server_node_reload_asked(&w.node);
	assert_true(is_quiet());
	users_open(&w.others, "Tim\n");
	server_node_users_read(&w.node, &w.others.table, w.others.user);
	assert_true(is_next(ORDER_SYNC_USERS));
	assert_true(is_quiet());
	synced(true);
	users_close(&w.users);
	w.users = w.others;
	assert_true(is_next(ORDER_READ_USERS));
	server_node_users_read(&w.node, NULL, NULL);
	assert_true(is_quiet());
	finish_world();
}

// A reload that is on its way when the end is asked for is carried through.
static void test_stop_during_a_reload(void **state)
{
	(void)state;
	begin_quietly();
	server_node_reload_asked(&w.node);
	assert_true(is_next(ORDER_READ_USERS));
	server_node_stop_asked(&w.node);
	assert_true(is_quiet());
	users_open(&w.others, "Tim\n");
	server_node_users_read(&w.node, &w.others.table, w.others.user);
	assert_true(is_next(ORDER_SYNC_USERS));
	assert_true(is_quiet());
	synced(true);
	users_close(&w.users);
	w.users = w.others;
	check_end(SERVER_STOPPED);
	finish_world();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_store_takes_its_time), cmocka_unit_test(test_reload),
		cmocka_unit_test(test_no_page_at_the_end),
		cmocka_unit_test(test_questions),            cmocka_unit_test(test_reload_during_a_reload),
		cmocka_unit_test(test_broken_store),         cmocka_unit_test(test_full_store),
		cmocka_unit_test(test_stop),                 cmocka_unit_test(test_stop_on_a_full_disk),
		cmocka_unit_test(test_stop_during_a_reload),
	};
	return cmocka_run_group_tests(tests, crypto_set_up, NULL);
}
