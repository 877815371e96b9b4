// SPDX-License-Identifier: ISC
// msg/server: what is delivered in which order, which session receives, who is online, and what ends a session.
#include "crypto/base64url.h"
#include "server_world.h"

static void test_deliveries_in_order(void **state)
{
	(void)state;
	begin("fred\nTim\n", false);
	come_in(0, 1, "fred", FRED, true);
	submit(0, 1, "Tim", "a");
	submit(0, 2, "Tim", "b");
	assert_true(store(MMS_OK, false));
	come_in(1, 2, "Tim", TIM, true); // a backlog
	check_delivered(1, "ab");
	submit(0, 3, "Tim", "c");
	set_room(1, SERVER_CALLS_RESERVED); // what is kept for notices
	assert_true(store(MMS_OK, false));
	check_delivered(1, "ab");
	submit(0, 4, "Tim", "d");
	assert_true(store(MMS_OK, false));
	check_delivered(1, "ab"); // c first, and that comes with the next answer
	f.room[1] = CALL_WINDOW;
	answer(1, CALL_DELIVER, 2);
	check_delivered(1, "abcd");
	submit(0, 5, "Tim", "e");
	f.has_no_memory = true;
	assert_true(store(MMS_OK, false));
	f.has_no_memory = false;
	submit(0, 6, "Tim", "f");
	assert_true(store(MMS_OK, false));
	check_delivered(1, "abcd");
	f.now = server_deadline(&f.server); // nobody says when there is memory again
	assert_int_not_equal(f.now.us, MTIME_NEVER.us);
	server_tick(&f.server, moment_of_test());
	ask();
	check_delivered(1, "abcdef");
	finish();
}

// The notice of a gap is the last to be answered, and frees the window: what waits in the mailbox comes then.
static void test_gap_holds_the_window(void **state)
{
	enum { MANY = CALL_WINDOW + 10, FIRST_FILL = CALL_WINDOW - SERVER_CALLS_RESERVED - 1 };
	(void)state;
	begin("fred\nTim\n", false);
	f.mem.rows_max = MANY;
	come_in(0, 1, "fred", FRED, false);
	for (uint32_t i = 1; i <= MANY; i++)
		submit(0, i, "Tim", "a");
	assert_true(store(MMS_OK, false));
	mem_add_device(&f.mem, TIM, 2);
	f.mem.device[1].gap_count = 1;
	f.mem.device[1].gap_row = 1;
	f.mem.device[1].cursor = 0;
	assert_int_equal(status_of(1, signin_with(1, 2, "Tim", true, NULL)), STATUS_OK);
	assert_int_equal(count(CALLED, 1, NULL), 1 + FIRST_FILL);
	answer_with(1, CALL_DELIVER, STATUS_OK, FIRST_FILL); // the window has not moved
	assert_int_equal(count(CALLED, 1, NULL), 1 + FIRST_FILL);
	f.room[1] = CALL_WINDOW;
	answer_with(1, CALL_NOTICE, STATUS_OK, 1);
	assert_int_equal(count(CALLED, 1, NULL), 1 + MANY);
	finish();
}

// A batch on the disk of which the server does not know yet: a session that begins then reads it from there.
static void test_signin_while_storing(void **state)
{
	(void)state;
	begin("fred\nTim\n", false);
	come_in(0, 1, "fred", FRED, true);
	mem_add_device(&f.mem, TIM, 2);
	submit(0, 1, "Tim", "a");
	submit(0, 2, "Tim", "b");
	const struct storage_batch *batch = take(false);
	const struct storage_appended appended = mem_append(&f.mem, batch);
	assert_int_equal(status_of(2, signin_with(2, 2, "Tim", true, NULL)), STATUS_OK);
	check_delivered(2, "ab");
	server_appended(&f.server, 0, &appended, moment_of_test());
	ask();
	check_delivered(2, "ab");
	finish();
}

static void test_cursor_moves(void **state)
{
	(void)state;
	begin("fred\nTim\n", false);
	come_in(0, 1, "fred", FRED, true);
	come_in(1, 2, "Tim", TIM, true);
	for (uint32_t i = 1; i <= 4; i++)
		submit(0, i, "Tim", "a");
	assert_true(store(MMS_OK, false));
	assert_false(store(MMS_OK, false));
	answer(1, CALL_DELIVER, 3); // all before it as well
	answer(1, CALL_DELIVER, 1); // overtaken
	assert_false(store(MMS_OK, false)); // waits for company
	const struct mtime due = server_deadline(&f.server);
	assert_int_equal(mtime_diff_us(due, f.now), SERVER_MOVE_US);
	f.now = due;
	assert_true(store(MMS_OK, false));
	assert_int_equal(f.mem.device[1].cursor, 3);
	assert_int_equal(f.mem.move_count, 1);
	assert_int_equal(server_deadline(&f.server).us, MTIME_NEVER.us);
	answer_with(1, CALL_DELIVER, STATUS_BAD, 4); // none for it, ever: the next is
	submit(0, 5, "Tim", "z");
	assert_true(store(MMS_OK, false));
	check_delivered(1, "aaaaz");
	f.now = mtime_add_us(f.now, SERVER_MOVE_US);
	(void)!store(MMS_OK, false);
	assert_int_equal(f.mem.device[1].cursor, 4);
	answer_with(1, CALL_DELIVER, STATUS_SERVER_FULL, 5); // it cannot keep the fifth: no more for it
	submit(0, 6, "Tim", "y");
	assert_true(store(MMS_OK, false));
	check_delivered(1, "aaaaz");
	assert_int_equal(f.mem.device[1].cursor, 4);
	finish();
}

// A device that comes back at once is not told again of what it has: the moved cursor goes to the store before the question.
static void test_cursor_of_a_quick_return(void **state)
{
	(void)state;
	begin("fred\nTim\n", false);
	come_in(0, 1, "fred", FRED, true);
	come_in(1, 2, "Tim", TIM, true);
	submit(0, 1, "Tim", "a");
	submit(0, 2, "Tim", "b");
	assert_true(store(MMS_OK, false));
	answer(1, CALL_DELIVER, 1);
	assert_int_equal(status_of(1, call(1, CALL_SIGNOUT, NULL, 0)), STATUS_OK);
	struct record *record = NULL;
	struct call_signin_ok ok;
	const uint32_t number = signin_with(2, 2, "Tim", true, NULL);
	assert_int_equal(status_of(2, number), 0);
	const struct storage_batch *batch = take(false); // it goes at once
	assert_non_null(batch);
	assert_int_equal(batch->op_count, 0);
	assert_int_equal(batch->move_count, 1);
	stored(batch, 0, MMS_OK);
	assert_int_equal(status_of(2, number), STATUS_OK);
	count(ANSWERED, 2, &record);
	assert_int_equal(call_signin_ok_decode(&ok, record->body, record->bytes), MMS_OK);
	assert_int_equal(ok.waiting_count, 1);
	check_delivered(2, "b");
	answer(2, CALL_DELIVER, 2);
	const uint32_t beside = signin_with(3, 2, "Tim", true, NULL); // not signed out
	assert_true(store(MMS_OK, false));
	assert_int_equal(status_of(3, beside), STATUS_OK);
	check_delivered(3, "");
	assert_int_equal(last_notice(2), NOTICE_REPLACED);
	finish();
}

// A moved cursor that the store was given, though it has not said so yet, keeps nobody waiting.
static void test_signin_behind_given_moves(void **state)
{
	(void)state;
	begin("fred\nTim\n", false);
	come_in(0, 1, "fred", FRED, true);
	come_in(1, 2, "Tim", TIM, true);
	mem_add_device(&f.mem, TIM, 3);
	mem_add_device(&f.mem, TIM, 4);
	submit(0, 1, "Tim", "a");
	submit(0, 2, "Tim", "b");
	assert_true(store(MMS_OK, false));
	answer(1, CALL_DELIVER, 1);
	const uint32_t first = signin_with(2, 3, "Tim", true, NULL);
	assert_null(server_next_question(&f.server, true));
	const struct storage_batch *batch = take(false);
	f.is_slow = true;
	answer(1, CALL_DELIVER, 2); // moves again: the next one waits for that
	const uint32_t second = signin_with(3, 4, "Tim", true, NULL);
	assert_null(server_next_question(&f.server, true));
	f.is_slow = false;
	stored(batch, 0, MMS_OK);
	assert_int_equal(status_of(2, first) + status_of(3, second), 0); // a lane's moves are given all together
	assert_true(store(MMS_OK, false));
	assert_int_equal(status_of(2, first), STATUS_OK);
	assert_int_equal(status_of(3, second), STATUS_OK);
	answer(1, CALL_DELIVER, 2);
	f.now = mtime_add_us(f.now, SERVER_MOVE_US);
	batch = take(true);
	assert_null(batch); // nothing moved
	finish();
}

static void test_one_session_receives(void **state)
{
	(void)state;
	begin("fred\nTim\n", false);
	come_in(0, 1, "fred", FRED, true);
	come_in(1, 1, "fred", FRED, false); // one that only sends stays beside it
	come_in(2, 3, "fred", FRED, true);  // another device as well
	assert_int_equal(count(CLOSED, 0, NULL) + count(CLOSED, 1, NULL), 0);
	submit(1, 1, "fred", "a");
	assert_true(store(MMS_OK, false));
	check_delivered(0, "a");
	check_delivered(1, "");
	check_delivered(2, "a");
	come_in(3, 1, "fred", FRED, true);
	assert_int_equal(last_notice(0), NOTICE_REPLACED);
	assert_int_equal(count(CLOSED, 0, NULL), 1);
	assert_int_equal(count(CLOSED, 2, NULL), 0);
	submit(1, 2, "fred", "b");
	assert_true(store(MMS_OK, false));
	check_delivered(0, "a");
	check_delivered(3, "ab"); // `a` was not answered
	finish();
}

// A sign-in that was held up on its way does not turn out the session that began after it.
static void test_late_signin(void **state)
{
	(void)state;
	begin("fred\n", false);
	f.handshake_at[0] = at_ms(10);
	f.handshake_at[1] = at_ms(9);
	f.handshake_at[2] = at_ms(10);
	come_in(0, 1, "fred", FRED, true);
	come_in(1, 1, "fred", FRED, true);
	assert_int_equal(last_notice(1), NOTICE_REPLACED);
	assert_int_equal(count(CLOSED, 1, NULL), 1);
	assert_int_equal(count(CLOSED, 0, NULL), 0);
	submit(0, 2, "fred", "a");
	assert_true(store(MMS_OK, false));
	check_delivered(0, "a");
	check_delivered(1, "");
	come_in(2, 1, "fred", FRED, true); // of the same moment: the later sign-in counts
	assert_int_equal(last_notice(0), NOTICE_REPLACED);
	finish();
}

// Of those that only send a silent one goes first, then the one that signed in first.
static void test_sending_sessions(void **state)
{
	(void)state;
	begin("fred\n", false);
	for (uint32_t i = 0; i < SENDING_PER_DEVICE_MAX; i++)
		come_in(i, 1, "fred", FRED, false);
	server_silent(&f.server, 2, WALL);
	server_silent(&f.server, 3, WALL);
	server_silent(&f.server, 5, WALL);
	server_heard(&f.server, 2);
	assert_false(is_online(0)); // who only sends is not online
	const uint32_t gone[] = {3, 5, 0, 1};
	for (uint32_t i = 0; i < 4; i++) {
		come_in(SENDING_PER_DEVICE_MAX + i, 1, "fred", FRED, false);
		assert_int_equal(count(CLOSED, gone[i], NULL), 1);
		assert_int_equal(last_notice(gone[i]), NOTICE_REPLACED);
	}
	assert_int_equal(count(CLOSED, 2, NULL), 0);
	finish();
}

// A user is online as long as one receiving session is heard.
static void test_online(void **state)
{
	(void)state;
	begin("fred\nTim\n", false);
	come_in(0, 1, "fred", FRED, true);
	come_in(1, 2, "fred", FRED, true);
	come_in(2, 2, "fred", FRED, false);
	assert_int_equal(f.server.user[0].online_count, 2);
	server_silent(&f.server, 2, WALL);
	server_silent(&f.server, 1, WALL);
	assert_true(is_online(0));
	server_silent(&f.server, 0, WALL);
	assert_false(is_online(0));
	server_heard(&f.server, 1);
	assert_true(is_online(0));
	end_session(0); // silent: it counted for nothing
	assert_true(is_online(0));
	assert_int_equal(status_of(1, call(1, CALL_SIGNOUT, NULL, 0)), STATUS_OK);
	assert_false(is_online(0));
	server_silent(&f.server, 1, WALL); // while it closes
	server_heard(&f.server, 1);
	assert_int_equal(f.server.user[0].online_count, 0);
	finish();
}

static void test_gap(void **state)
{
	(void)state;
	begin("fred\nTim\n", false);
	come_in(0, 1, "fred", FRED, true);
	end_session(0);
	f.mem.device[0].gap_count = 7;
	f.mem.device[0].gap_row = 20;
	f.mem.device[0].cursor = 20;
	struct call_notice gap[2];
	for (uint32_t i = 0; i < 2; i++) {
		struct record *record = NULL;
		come_in(1 + i, 1, "fred", FRED, true);
		assert_int_not_equal(count(CALLED, 1 + i, &record), 0);
		assert_int_equal(call_notice_decode(&gap[i], record->body, record->bytes), MMS_OK);
		assert_int_equal(gap[i].what, NOTICE_GAP);
		assert_int_equal(gap[i].count, 7);
		assert_int_equal(record->tag, 20);
	}
	assert_memory_equal(&gap[0].id, &gap[1].id, ID_BYTES); // told twice, it is one
	answer(2, CALL_NOTICE, 20);
	assert_true(store(MMS_OK, true));
	assert_int_equal(f.mem.device[0].gap_count, 0);
	finish();
}

static void test_signout_waits(void **state)
{
	(void)state;
	begin("fred\nTim\n", false);
	come_in(0, 1, "fred", FRED, true);
	assert_true(is_online(0));
	const uint32_t message = submit(0, 1, "Tim", "a");
	const uint32_t signout = call(0, CALL_SIGNOUT, NULL, 0);
	const uint32_t behind = submit(0, 2, "Tim", "b");
	assert_int_equal(status_of(0, signout), 0);
	assert_true(store(MMS_OK, false));
	assert_int_equal(status_of(0, message), STATUS_ACCEPTED);
	assert_int_equal(status_of(0, signout), STATUS_OK);
	assert_int_equal(status_of(0, behind), 0); // neither done nor refused: it goes again on another session
	assert_int_equal(count(CLOSED, 0, NULL), 1);
	assert_false(is_online(0));
	assert_int_equal(f.mem.message_count, 1);
	finish();
}

static void test_rates_delay(void **state)
{
	(void)state;
	begin("fred\nTim\n", false);
	come_in(0, 1, "fred", FRED, true);
	uint32_t done = 0;
	while (count(DEFERRED, 0, NULL) == 0 && done < 1000)
		assert_int_not_equal(verdict(0, 1000 + done++, "nobody", "a"), STATUS_ACCEPTED);
	assert_int_equal(done, 101); // after a burst of 100
	struct record *record = NULL;
	count(DEFERRED, 0, &record);
	assert_in_range(mtime_diff_us(record->until, f.now), 100 * 1000, 100 * 1000 + 1); // ten a second
	assert_int_equal(count(ANSWERED, 0, NULL), 1 + 100); // with SIGNIN
	f.now = record->until;
	f.number[0]--; // the deferred call starts again
	submit(0, 5000, "nobody", "a");
	assert_int_equal(count(DEFERRED, 0, NULL), 1);
	const struct call_who who = {0, 0};
	uint8_t body[CALL_BODY_BYTES_MAX];
	const size_t bytes = call_who_encode(&who, body);
	for (int i = 0; i < 4; i++)
		assert_int_equal(status_of(0, call(0, CALL_WHO, body, bytes)), STATUS_OK);
	call(0, CALL_WHO, body, bytes);
	assert_int_equal(count(DEFERRED, 0, &record), 2);
	assert_in_range(mtime_diff_us(record->until, f.now), 500 * 1000, 500 * 1000 + 1);
	finish();
}

// Of many sessions of one user that wait for its rate, each wakes the server once: when its own turn comes.
static void test_each_session_waits_for_its_turn(void **state)
{
	enum { SESSIONS = 12 };
	(void)state;
	begin("fred\nTim\n", false);
	for (uint8_t slot = 0; slot < SESSIONS; slot++)
		come_in(slot, (uint8_t)(1 + slot), "fred", FRED, true);
	for (uint32_t i = 0; i < 100; i++)
		submit(0, 1000 + i, "nobody", "a"); // the burst
	struct mtime turn[SESSIONS];
	const struct mtime began_at = f.now;
	for (uint32_t slot = 0; slot < SESSIONS; slot++) {
		struct record *record = NULL;
		submit(slot, 2000 + slot, "nobody", "a");
		assert_int_equal(count(DEFERRED, slot, &record), 1);
		turn[slot] = record->until;
		assert_in_range(mtime_diff_us(turn[slot], began_at), (slot + 1) * 100 * 1000, (slot + 1) * 100 * 1000 + 1);
	}
	for (uint32_t slot = 0; slot < SESSIONS; slot++) {
		f.now = turn[slot];
		f.number[slot]--; // the deferred call starts again
		assert_int_equal(verdict(slot, 2000 + slot, "nobody", "a"), STATUS_NO_SUCH_USER);
		assert_int_equal(count(DEFERRED, slot, NULL), 1);
	}
	finish();
}

// A turn that nobody waits for any more is another's: sessions that come and go do not use up what their user may do.
static void test_a_turn_is_given_back(void **state)
{
	(void)state;
	struct record *record = NULL;
	begin("fred\nTim\n", false);
	come_in(0, 1, "fred", FRED, true);
	for (uint32_t i = 0; i < 100; i++)
		submit(0, 1000 + i, "nobody", "a"); // the burst
	for (uint8_t slot = 1; slot < 9; slot++) {
		come_in(slot, (uint8_t)(1 + slot), "fred", FRED, true);
		submit(slot, 2000 + slot, "nobody", "a");
		assert_int_equal(count(DEFERRED, slot, &record), 1);
		assert_in_range(mtime_diff_us(record->until, f.now), 100 * 1000, 100 * 1000 + 1);
		end_session(slot);
	}
	come_in(9, 10, "fred", FRED, true);
	submit(9, 3000, "nobody", "a");
	count(DEFERRED, 9, &record);
	f.now = record->until;
	f.number[9]--;
	assert_int_equal(verdict(9, 3000, "nobody", "a"), STATUS_NO_SUCH_USER);
	end_session(9); // what was used is not given back
	submit(0, 4000, "nobody", "a");
	assert_int_equal(count(DEFERRED, 0, &record), 1);
	assert_in_range(mtime_diff_us(record->until, f.now), 100 * 1000, 100 * 1000 + 1);
	finish();
}

// So many turns may be owed; whoever comes then asks again when the first of them is over.
static void test_turns_are_bounded(void **state)
{
	(void)state;
	struct record *record = NULL;
	begin("fred\nTim\n", false);
	come_in(0, 1, "fred", FRED, true);
	for (uint32_t i = 0; i < 100 + SERVER_BOOKED_MAX; i++)
		submit(0, 1000 + i, "nobody", "a");
	assert_int_equal(count(DEFERRED, 0, NULL), SERVER_BOOKED_MAX);
	assert_int_equal(f.server.peer[0].booked_number, f.number[0] - 1);
	submit(0, 5000, "nobody", "a");
	assert_int_equal(count(DEFERRED, 0, &record), SERVER_BOOKED_MAX + 1);
	assert_int_equal(f.server.peer[0].booked_number, f.number[0] - 2);
	f.now = record->until;
	f.number[0]--;
	assert_int_equal(verdict(0, 5000, "nobody", "a"), STATUS_NO_SUCH_USER);
	finish();
}

static void test_who(void **state)
{
	(void)state;
	static char text[300 * 8 + 1];
	for (int i = 0; i < 300; i++)
		snprintf(text + strlen(text), 9, "u%06u\n", (unsigned)i % 1000000);
	begin(text, false);
	come_in(0, 1, "u000001", 101, true);
	struct call_who_ok page = ask_who(0, 0, 0);
	const uint32_t generation = page.generation;
	assert_int_equal(page.total_count, 300);
	assert_int_equal(page.first, 0);
	assert_in_range(page.count, 100, 200);
	for (int i = 0; i < 3; i++) {
		struct name name;
		bool is_online;
		assert_true(call_who_user_read(&page, &name, &is_online));
		assert_int_equal(name.text[6], '0' + i);
		assert_int_equal(is_online, i == 1);
	}
	page = ask_who(0, 0, 0);
	uint32_t next = page.count;
	for (; next < 300; next += page.count) { // going on costs nothing of the rate
		page = ask_who(0, generation, next);
		assert_int_equal(page.first, next);
	}
	assert_int_equal(next, 300);
	page = ask_who(0, generation, 17);
	assert_int_equal(page.first, 0); // not where the last one ended
	struct users_world other;
	users_open(&other, "u000001\nu000000\n");
	other.table.user[0].user_id = 101; // the same as before
	other.table.user[1].user_id = 100;
	server_reload(&f.server, &other.table, other.user, NULL, 0);
	users_close(&f.users);
	f.users = other;
	page = ask_who(0, generation, page.count); // where it ended, but of another list
	assert_int_equal(page.first, 0);
	assert_int_equal(page.total_count, 2);
	assert_int_not_equal(page.generation, generation);
	finish();
}

static void test_reload(void **state)
{
	(void)state;
	char text[200];
	char revoked[FINGERPRINT_TEXT_BYTES];
	begin("fred\nTim\nlibero\n", false);
	come_in(0, 1, "fred", FRED, true);
	come_in(1, 2, "Tim", TIM, true);
	come_in(2, 3, "libero", LIBERO, true);
	come_in(3, 4, "libero", LIBERO, false);
	come_in(6, 1, "fred", FRED, false);
	const struct fingerprint fingerprint = hash_fingerprint(f.key[2]);
	base64url_encode(fingerprint.bytes, sizeof fingerprint.bytes, revoked);
	snprintf(text, sizeof text, "libero revoke=%s\nfrancoc\nFred\n", revoked); // fred's place changes, Tim is gone
	submit(0, 1, "libero", "a");
	submit(0, 9, "Tim", "a");
	assert_true(store(MMS_OK, true));
	struct users_world other;
	users_open(&other, text);
	for (uint32_t i = 0; i < other.table.user_count; i++)
		if (strcmp(other.table.user[i].name.text, "Fred") == 0)
			other.table.user[i].user_id = FRED;
	const int64_t removed[] = {3}; // the revoked one
	server_reload(&f.server, &other.table, other.user, removed, 1);
	users_close(&f.users);
	f.users = other;
	assert_int_equal(last_notice(1), NOTICE_REMOVED);
	assert_int_equal(last_notice(2), NOTICE_REMOVED);
	assert_int_equal(count(CLOSED, 0, NULL) + count(CLOSED, 3, NULL), 0);
	assert_int_equal(count(CLOSED, 1, NULL) + count(CLOSED, 2, NULL), 2);
	assert_int_equal(verdict(0, 2, "Tim", "a"), STATUS_NO_SUCH_USER);
	assert_int_equal(verdict(0, 9, "Tim", "a"), STATUS_ACCEPTED); // it was, and is kept for Tim
	assert_int_equal(status_of(1, call(1, CALL_PING, NULL, 0)), 0); // closing: nothing starts
	assert_int_equal(status_of(4, signin_with(4, 3, "libero", true, NULL)), STATUS_NOT_AUTHORIZED);
	assert_int_equal(status_of(5, signin_with(5, 2, "Tim", true, NULL)), STATUS_NOT_AUTHORIZED);
	submit(3, 1, "fred", "b");
	assert_true(store(MMS_OK, true));
	check_delivered(0, "b"); // at its new place
	for (uint32_t slot = 0; slot <= 6; slot++)
		end_session(slot);
	assert_false(is_online(2));
	finish();
}

static void test_shutdown_and_mark(void **state)
{
	(void)state;
	begin("fred\nTim\n", false);
	come_in(0, 1, "fred", FRED, true);
	come_in(1, 2, "Tim", TIM, true);
	end_session(1);
	server_shutdown(&f.server);
	assert_int_equal(last_notice(0), NOTICE_SHUTDOWN);
	assert_int_equal(last_notice(1), 0);
	// A mark of this start beyond what was ever given, one of an unknown start, and one that is kept.
	const struct storage_mark newest = mem_mark(&f.mem);
	const struct storage_mark marks[] = {{{0}, 0}, newest, newest, {{9}, 1}};
	for (uint32_t i = 0; i < 4; i++) {
		struct call_signin signin = {.is_receiving = true, .name = name_of("Tim"), .mark = marks[i]};
		struct call_signin_ok ok;
		struct record *record = NULL;
		uint8_t body[CALL_BODY_BYTES_MAX];
		signin.mark.commit += i == 2; // beyond it
		memset(f.key[5 + i], 2, NOISE_KEY_BYTES);
		call(5 + i, CALL_SIGNIN, body, call_signin_encode(&signin, body));
		count(ANSWERED, 5 + i, &record);
		assert_int_equal(call_signin_ok_decode(&ok, record->body, record->bytes), MMS_OK);
		assert_int_equal(ok.is_reoffer_wanted, i >= 2);
	}
	finish();
}

// What waits for a batch belongs to a session, not to the slot that the next session gets.
static void test_slot_is_reused(void **state)
{
	(void)state;
	begin("fred\nTim\n", true);
	come_in(0, 1, "fred", FRED, true);
	submit(0, 1, "fred", "a");
	signin_with(1, 2, "Tim", true, NULL);
	end_session(0);
	end_session(1);
	const uint32_t before = f.record_count;
	assert_true(store(MMS_OK, false)); // stored, though nobody is there for the answer
	assert_int_equal(f.record_count, before);
	assert_int_equal(f.mem.message_count, 1);
	submit(0, 2, "fred", "b"); // on the slots' next sessions
	assert_int_equal(f.mem.device_count, 2);
	assert_int_equal(status_of(1, signin_with(1, 2, "Tim", true, NULL)), STATUS_OK);
	assert_int_equal(count(GRANTED, 1, NULL), 1);
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_deliveries_in_order),      cmocka_unit_test(test_cursor_moves),
		cmocka_unit_test(test_cursor_of_a_quick_return), cmocka_unit_test(test_one_session_receives),
		cmocka_unit_test(test_late_signin),
		cmocka_unit_test(test_signin_behind_given_moves),
		cmocka_unit_test(test_sending_sessions),         cmocka_unit_test(test_gap),
		cmocka_unit_test(test_online),
		cmocka_unit_test(test_signout_waits),            cmocka_unit_test(test_rates_delay),
		cmocka_unit_test(test_each_session_waits_for_its_turn),
		cmocka_unit_test(test_a_turn_is_given_back),
		cmocka_unit_test(test_turns_are_bounded),
		cmocka_unit_test(test_who),                      cmocka_unit_test(test_reload),
		cmocka_unit_test(test_shutdown_and_mark),        cmocka_unit_test(test_slot_is_reused),
		cmocka_unit_test(test_gap_holds_the_window),
		cmocka_unit_test(test_signin_while_storing),
	};
	return cmocka_run_group_tests(tests, crypto_set_up, NULL);
}
