// SPDX-License-Identifier: ISC
// msg/client: signing in, the outbox from session to session, what is told and answered only once it is durable.
#include "client_world.h"

static void test_signin(void **state)
{
	(void)state;
	begin_with(true);
	f.mem.disk.mark = (struct storage_mark){{4, 4}, 99};
	up(1);
	struct record *record = NULL;
	struct call_signin signin;
	uint8_t proof[INVITE_PROOF_BYTES];
	assert_int_equal(count(CALLED, CALL_SIGNIN, &record), 1);
	assert_int_equal(call_signin_decode(&signin, record->body, record->bytes), MMS_OK);
	assert_memory_equal(&signin.mark, &f.mem.disk.mark, sizeof signin.mark);
	assert_true(signin.is_receiving && signin.has_proof);
	hash_invite_proof(f.client.config.invite_hash, port_handshake_hash(NULL, 1), INVITE_DEVICE, proof);
	assert_memory_equal(signin.proof, proof, sizeof proof);
	struct call_signin_ok ok = {.has_proof = true, .name = name_of("Fred"), .waiting_count = 2};
	hash_invite_proof(f.client.config.invite_hash, port_handshake_hash(NULL, 1), INVITE_SERVER, ok.proof);
	grant(1, &ok);
	assert_int_equal(count(PREFERRED, 0, NULL), 1);
	assert_int_equal(count(TOLD, TOLD_SIGNED_IN, &record), 1);
	assert_string_equal(record->told.name.text, "Fred");
	assert_int_equal(record->told.waiting_count, 2);
	client_ended(&f.client, 1);
	assert_false(client_is_signed_in(&f.client));
	up(1);
	grant(1, &ok);
	assert_int_equal(count(TOLD, TOLD_SIGNED_IN, NULL), 1);
	assert_int_equal(count(TOLD, TOLD_RECONNECTED, NULL), 1);
}

// However SIGNIN is not granted, the device stops, says which it was, and sends nothing more.
static void test_signin_refused(void **state)
{
	(void)state;
	const struct call_signin_ok no_proof = {.name = name_of("Fred")};
	const struct call_signin_ok wrong_proof = {.has_proof = true, .name = name_of("Fred")};
	const struct call_signin_ok other_name = {.name = name_of("Fred2")};
	const struct {
		bool has_invite;
		uint8_t status;
		const struct call_signin_ok *ok; // NULL: an empty body
		enum client_told_type told;
	} cases[] = {
		{true, STATUS_OK, &no_proof, TOLD_NOT_PROVED},
		{true, STATUS_OK, &wrong_proof, TOLD_NOT_PROVED},
		{false, STATUS_NOT_AUTHORIZED, NULL, TOLD_REFUSED},
		{false, STATUS_SERVER_FULL, NULL, TOLD_REFUSED},
		{false, STATUS_BAD, NULL, TOLD_BROKEN},
		{false, 200, NULL, TOLD_BROKEN},
		{false, STATUS_OK, NULL, TOLD_BROKEN}, // not the body of an OK
		{false, STATUS_ACCEPTED, &no_proof, TOLD_BROKEN},
		{false, STATUS_OK, &other_name, TOLD_BROKEN}, // not who was to be signed in
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct record *record = NULL;
		uint8_t body[CALL_BODY_BYTES_MAX];
		begin_with(cases[i].has_invite);
		mem_queue(&f.mem, &(struct uuid){{1}}, "Tim", "a");
		up(0);
		const size_t bytes = cases[i].ok == NULL ? 0 : call_signin_ok_encode(cases[i].ok, body);
		answer_call(0, CALL_SIGNIN, cases[i].status, body, bytes, 0);
		assert_int_equal(count(TOLD, (uint8_t)cases[i].told, &record), 1);
		assert_int_equal(record->told.status, cases[i].status);
		assert_int_equal(count(STOPPED, 0, NULL), 1);
		assert_int_equal(count(PREFERRED, 0, NULL), 0);
		assert_int_equal(count(CALLED, CALL_SUBMIT, NULL), 0);
		up(1);
		assert_int_equal(count(CALLED, CALL_SIGNIN, NULL), 1);
	}
}

static void test_outbox_in_order_and_again(void **state)
{
	(void)state;
	begin_with(false);
	queue_many(1, 100);
	come_in(0, 0);
	const uint32_t span = CALL_WINDOW - CLIENT_CALLS_RESERVED;
	assert_int_equal(count(CALLED, CALL_SUBMIT, NULL), span);
	assert_int_equal(client_in_flight_count(&f.client), span);
	uint64_t seq = 0;
	for (uint32_t i = 0; i < f.record_count; i++)
		if (f.record[i].type == CALLED && f.record[i].code == CALL_SUBMIT)
			assert_int_equal(f.record[i].tag, ++seq);
	accept(0, 2, true, 6);
	accept(0, 2, true, 6); // a second answer to the same is none
	assert_int_equal(count(CALLED, CALL_SUBMIT, NULL), span + 1);
	assert_int_equal(count(TOLD, TOLD_VERDICT, NULL), 0);
	assert_int_equal(f.mem.disk.outbox[1].state, OUTBOX_QUEUED);
	store();
	struct record *record = NULL;
	assert_int_equal(count(TOLD, TOLD_VERDICT, &record), 1);
	assert_int_equal(record->told.state, OUTBOX_ONLINE);
	assert_int_equal(record->commit_count, 2); // durable before it is told
	assert_int_equal(f.mem.disk.outbox[1].state, OUTBOX_ONLINE);
	assert_int_equal(f.mem.disk.mark.commit, 6);
	answer_call(0, CALL_SUBMIT, STATUS_NO_SUCH_USER, NULL, 0, 3);
	accept(0, 4, false, 4);
	store();
	assert_int_equal(f.mem.disk.outbox[2].state, OUTBOX_REFUSED);
	assert_int_equal(f.mem.disk.outbox[2].status, STATUS_NO_SUCH_USER);
	assert_int_equal(f.mem.disk.outbox[3].state, OUTBOX_SAVED);
	assert_int_equal(f.mem.disk.mark.commit, 6); // the newest stays
	// In a new session: what has no verdict, from the beginning. A late verdict of the old one is none.
	const uint32_t before = f.record_count;
	come_in(1, 0);
	seq = 0;
	for (uint32_t i = before; i < f.record_count; i++)
		if (f.record[i].type == CALLED && f.record[i].code == CALL_SUBMIT) {
			seq = seq == 0 ? 1 : seq == 1 ? 5 : seq + 1;
			assert_int_equal(f.record[i].tag, seq);
		}
	assert_int_equal(seq, span + 3);
	accept(0, 5, true, 50);
	store();
	assert_int_equal(f.mem.disk.outbox[4].state, OUTBOX_QUEUED);
	assert_int_equal(f.mem.disk.mark.commit, 6);
	accept(1, 5, false, 51);
	store();
	assert_int_equal(f.mem.disk.outbox[4].state, OUTBOX_SAVED);
}

static void test_delivery_is_answered_when_stored(void **state)
{
	(void)state;
	begin_with(false);
	up(0);
	const struct call_signin_ok ok = {.name = name_of("Fred"), .waiting_count = 2};
	grant(0, &ok);
	deliver(0, 1, 7);
	deliver(0, 2, 7); // had already
	assert_int_equal(client_waiting_left(&f.client), 2);
	assert_int_equal(count(ANSWERED, STATUS_OK, NULL), 0);
	assert_int_equal(f.mem.disk.transcript_count, 0);
	store();
	struct record *record = NULL;
	assert_int_equal(count(ANSWERED, STATUS_OK, &record), 2);
	assert_int_equal(record->number, 2);
	assert_int_equal(record->commit_count, 2);
	assert_int_equal(client_waiting_left(&f.client), 0);
	assert_int_equal(f.mem.disk.transcript_count, 1);
	assert_int_equal(count(TOLD, TOLD_STORED, &record), 1);
	deliver(0, 3, 7);
	notice(0, 4, NOTICE_GAP, 9);
	notice(0, 5, NOTICE_GAP, 9);
	store();
	assert_int_equal(count(ANSWERED, STATUS_OK, NULL), 5);
	assert_int_equal(f.mem.disk.transcript_count, 2);
	assert_int_equal(f.mem.disk.transcript[1].gap_count, 3);
	client_called(&f.client, 0, 6, CALL_DELIVER, (const uint8_t *)"x", 1);
	client_called(&f.client, 0, 7, 99, NULL, 0);
	assert_int_equal(count(ANSWERED, STATUS_BAD, NULL), 2);
}

// What the store could not read back as a message is not put into it.
static void test_bad_text_is_not_stored(void **state)
{
	static const char *const texts[] = {"\xff", "a\0b", "\xed\xa0\x80"};
	(void)state;
	begin_with(false);
	come_in(0, 0);
	for (uint32_t i = 0; i < 3; i++) {
		const struct call_deliver delivery = delivery_of(id_of(i), name_of("Tim"), texts[i], i == 0 ? 1 : 3);
		uint8_t body[CALL_BODY_BYTES_MAX];
		client_called(&f.client, 0, i + 1, CALL_DELIVER, body, call_deliver_encode(&delivery, body));
	}
	store();
	assert_int_equal(count(ANSWERED, STATUS_BAD, NULL), 3);
	assert_int_equal(count(ANSWERED, STATUS_OK, NULL), 0);
	assert_int_equal(f.mem.disk.transcript_count, 0);
}

// A slot's next session has calls of the same numbers, which nobody has stored.
static void test_answers_end_with_their_session(void **state)
{
	(void)state;
	begin_with(false);
	come_in(0, 0);
	come_in(1, 0);
	deliver(0, 1, 1);
	deliver(1, 1, 1);
	client_ended(&f.client, 0);
	come_in(0, 0);
	store();
	struct record *record = NULL;
	assert_int_equal(count(ANSWERED, STATUS_OK, &record), 1);
	assert_int_equal(record->slot, 1);
}

static void test_notices(void **state)
{
	(void)state;
	begin_with(false);
	come_in(0, 0);
	notice(0, 1, NOTICE_SHUTDOWN, 0);
	assert_int_equal(count(TOLD, TOLD_SHUTDOWN, NULL), 1);
	assert_int_equal(count(REDIALED, 0, NULL), 1);
	for (uint32_t i = 0; i < 10; i++)
		notice(0, 10 + i, NOTICE_SHUTDOWN, 0);
	assert_int_equal(count(TOLD, TOLD_SHUTDOWN, NULL), 1); // who says it without end fills no screen
	up(1);
	notice(0, 2, NOTICE_REPLACED, 0); // by the session that is signing in
	const struct call_signin_ok ok = {.name = name_of("Fred")};
	grant(1, &ok);
	notice(0, 3, NOTICE_REPLACED, 0);
	notice(1, 1, (enum notice_what)77, 0);
	assert_int_equal(count(ANSWERED, STATUS_OK, NULL), 13);
	assert_int_equal(count(ANSWERED, STATUS_BAD, NULL), 1); // a later version's
	assert_int_equal(count(TOLD, TOLD_REPLACED, NULL) + count(STOPPED, 0, NULL), 0);
	client_ended(&f.client, 0);
	deliver(1, 2, 5);
	notice(1, 3, NOTICE_REPLACED, 0);
	assert_int_equal(count(STOPPED, 0, NULL), 1); // at once: it would dial again
	assert_int_equal(count(TOLD, TOLD_REPLACED, NULL), 0);
	store();
	assert_int_equal(f.record[f.record_count - 1].code, TOLD_REPLACED);
	assert_int_equal(count(TOLD, TOLD_STORED, NULL), 1);
	assert_int_equal(f.mem.disk.transcript_count, 1); // what came before it is kept
	// The session that replaced this one was given up before its answer came: it was ourselves all the same.
	begin_with(false);
	come_in(0, 0);
	up(1);
	client_ended(&f.client, 1);
	notice(0, 1, NOTICE_REPLACED, 0);
	assert_int_equal(count(TOLD, TOLD_REPLACED, NULL) + count(STOPPED, 0, NULL), 0);
	assert_int_equal(count(REDIALED, 0, NULL), 1);
	begin_with(false);
	come_in(0, 0);
	notice(0, 1, NOTICE_REMOVED, 0);
	assert_int_equal(count(TOLD, TOLD_REMOVED, NULL), 1);
}

// What was submitted on two sessions gets one verdict, that of the later one.
static void test_one_verdict(void **state)
{
	(void)state;
	begin_with(false);
	queue_many(1, 2);
	come_in(0, 0);
	come_in(1, 0);
	assert_int_equal(count(CALLED, CALL_SUBMIT, NULL), 4);
	answer_call(0, CALL_SUBMIT, STATUS_MAILBOX_FULL, NULL, 0, 1);
	accept(0, 2, false, 5);
	store();
	assert_int_equal(count(TOLD, TOLD_VERDICT, NULL), 0);
	assert_int_equal(f.mem.disk.outbox[0].state, OUTBOX_QUEUED);
	assert_int_equal(f.mem.disk.outbox[1].state, OUTBOX_QUEUED);
	accept(1, 1, false, 6);
	accept(1, 2, false, 6);
	store();
	assert_int_equal(count(TOLD, TOLD_VERDICT, NULL), 2);
	assert_int_equal(f.mem.disk.outbox[0].state, OUTBOX_SAVED);
}

// The time in an id decides nothing: a clock may have been wrong when it was made, or be wrong now.
static void test_reoffer_of_old(void **state)
{
	(void)state;
	begin_with(false);
	queue_many(1, 1);
	f.mem.disk.outbox[0].row.id.bytes[1]--; // years before WALL
	come_in(0, 0);
	accept(0, 1, false, 5);
	store();
	client_ended(&f.client, 0);
	const struct call_signin_ok ok = {.is_reoffer_wanted = true, .mark = {{8}, 2}, .name = name_of("Fred")};
	up(0);
	grant(0, &ok);
	answer_call(0, CALL_SUBMIT, STATUS_NO_SUCH_USER, NULL, 0, 1);
	store();
	assert_true(f.mem.disk.outbox[0].row.is_reoffer);
	assert_int_equal(f.mem.disk.outbox[0].state, OUTBOX_SAVED);
}

// A re-offer that finds no room stays queued, for its user was told that it was accepted: it is made again, ever later.
static void test_reoffer_without_room(void **state)
{
	(void)state;
	begin_with(false);
	queue_many(1, 1);
	come_in(0, 0);
	accept(0, 1, false, 5);
	store();
	client_ended(&f.client, 0);
	const struct call_signin_ok ok = {.is_reoffer_wanted = true, .mark = {{8}, 2}, .name = name_of("Fred")};
	up(0);
	grant(0, &ok);
	int64_t wait_us = CLIENT_REOFFER_US;
	for (uint32_t refusals = 1; refusals <= 8; refusals++) {
		const uint32_t made = count(CALLED, CALL_SUBMIT, NULL);
		assert_int_equal(made, 1 + refusals);
		static const uint8_t statuses[] = {STATUS_MAILBOX_FULL, STATUS_SERVER_FULL, STATUS_NO_SUCH_USER};
		answer_call(0, CALL_SUBMIT, statuses[refusals % 3], NULL, 0, 1);
		store();
		assert_true(f.mem.disk.outbox[0].row.is_reoffer);
		f.client.sent_at = f.now = at_us(f.now.us + wait_us - 1);
		client_tick(&f.client, f.now);
		learn();
		assert_int_equal(count(CALLED, CALL_SUBMIT, NULL), made);
		f.now = at_us(f.now.us + 1);
		assert_true(client_deadline(&f.client).us <= f.now.us);
		client_tick(&f.client, f.now);
		learn();
		wait_us = wait_us < CLIENT_REOFFER_US_MAX ? wait_us * 2 : wait_us;
	}
	accept(0, 1, false, 5);
	store();
	assert_false(f.mem.disk.outbox[0].row.is_reoffer);
	assert_int_equal(f.mem.disk.outbox[0].state, OUTBOX_SAVED);
}

// A mark that came after SIGNIN showed another was not judged by the server: when its start is followed by another,
// everything is offered again.
static void test_unjudged_mark(void **state)
{
	(void)state;
	for (int case_number = 0; case_number < 4; case_number++) {
		begin_with(false);
		queue_many(1, 1);
		come_in(0, 0);
		accept(0, 1, true, 5);
		store();
		up(1); // shows number 5
		const struct storage_mark later = {{1}, 6};
		if (case_number != 0)
			f.mem.disk.mark = later; // by another process of this device
		const struct call_signin_ok ok = {.mark = {{2}, 4}, .name = name_of("Fred")};
		if (case_number == 1) {
			grant(1, &ok);
		} else { // the other process comes after the answer
			f.mem.disk.mark.commit = 5;
			grant(1, &ok);
			f.mem.disk.mark.commit = 5 + (uint64_t)(case_number == 2);
			if (case_number == 3) // of a start that nobody judged
				f.mem.disk.mark.start_id[0] = 3;
			queue_many(2, 2);
			client_submit(&f.client, f.now);
			learn();
			const struct call_accepted accepted = {false, {{2}, 5}};
			uint8_t body[CALL_BODY_BYTES_MAX];
			answer_call(1, CALL_SUBMIT, STATUS_ACCEPTED, body, call_accepted_encode(&accepted, body), 2);
			store();
			client_tick(&f.client, f.now);
			learn();
		}
		assert_int_equal(f.mem.disk.outbox[0].row.is_reoffer, case_number != 0);
		struct record *record = NULL;
		count(CALLED, CALL_SUBMIT, &record);
		assert_int_equal(record->tag, case_number == 0 ? 2 : 1);
		assert_int_equal(f.mem.disk.mark.start_id[0], 2);
	}
}

// A session has one start of the server: acceptances that name others make nothing be offered again, and no mark be kept.
static void test_starts_without_end(void **state)
{
	(void)state;
	begin_with(false);
	queue_many(1, 5);
	come_in(0, 0);
	for (uint8_t seq = 1; seq <= 5; seq++) {
		const struct call_accepted accepted = {false, {{(uint8_t)(10 + seq)}, seq}};
		uint8_t body[CALL_BODY_BYTES_MAX];
		answer_call(0, CALL_SUBMIT, STATUS_ACCEPTED, body, call_accepted_encode(&accepted, body), seq);
		store();
		client_tick(&f.client, f.now);
		learn();
		assert_int_equal(f.mem.disk.outbox[seq - 1].state, OUTBOX_SAVED);
	}
	assert_int_equal(count(CALLED, CALL_SUBMIT, NULL), 5);
	assert_int_equal(f.mem.disk.mark.start_id[0], 0);
}

static void test_reoffer(void **state)
{
	(void)state;
	begin_with(false);
	queue_many(1, 3);
	come_in(0, 0);
	accept(0, 1, true, 5);
	answer_call(0, CALL_SUBMIT, STATUS_BAD_TEXT, NULL, 0, 2);
	store();
	client_ended(&f.client, 0);
	const uint32_t before = f.record_count;
	const struct call_signin_ok ok = {.is_reoffer_wanted = true, .mark = {{8}, 2}, .name = name_of("Fred")};
	up(0);
	grant(0, &ok);
	assert_memory_equal(&f.mem.disk.mark, &ok.mark, sizeof ok.mark); // with the queue, so that it is asked for once
	assert_true(f.mem.disk.outbox[0].row.is_reoffer);
	uint64_t tags[2] = {0, 0};
	uint32_t found = 0;
	for (uint32_t i = before; i < f.record_count; i++)
		if (f.record[i].type == CALLED && f.record[i].code == CALL_SUBMIT && found < 2)
			tags[found++] = f.record[i].tag;
	assert_int_equal(tags[0], 1);
	assert_int_equal(tags[1], 3); // what was refused is not offered
	accept(0, 1, false, 3);
	store();
	struct record *record = NULL;
	count(TOLD, TOLD_VERDICT, &record);
	assert_true(record->told.is_reoffer);
	assert_int_equal(f.mem.disk.outbox[0].state, OUTBOX_ONLINE);
}

static void give_page(uint32_t slot, uint32_t first, uint16_t users, uint32_t total_count)
{
	uint8_t body[CALL_BODY_BYTES_MAX];
	struct writer writer = writer_of(body, sizeof body);
	const struct name name = name_of("u");
	call_who_page_begin(&writer, 4, total_count, first);
	for (uint16_t i = 0; i < users; i++)
		assert_true(call_who_page_add(&writer, &name, true));
	answer_call(slot, CALL_WHO, STATUS_OK, body, call_who_page_end(&writer, users), asked());
}

static void test_who(void **state)
{
	(void)state;
	struct record *record = NULL;
	struct call_who who;
	begin_with(false);
	client_list(&f.client, &(struct client_list_wish){.kind = LIST_USERS}, f.now); // before there is a session
	come_in(0, 0);
	assert_int_equal(count(CALLED, CALL_WHO, NULL), 1);
	give_page(0, 0, 3, 5);
	assert_int_equal(count(CALLED, CALL_WHO, &record), 2);
	assert_int_equal(call_who_decode(&who, record->body, record->bytes), MMS_OK);
	assert_int_equal(who.generation, 4);
	assert_int_equal(who.first, 3);
	come_in(1, 0); // the session changes: from the beginning
	assert_int_equal(count(CALLED, CALL_WHO, &record), 3);
	assert_int_equal(call_who_decode(&who, record->body, record->bytes), MMS_OK);
	assert_int_equal(who.first, 0);
	give_page(0, 3, 2, 5);
	assert_int_equal(count(TOLD, TOLD_LIST_END, NULL), 0);
	give_page(1, 0, 5, 5);
	assert_int_equal(count(TOLD, TOLD_LIST_BEGIN, NULL), 2);
	assert_int_equal(count(TOLD, TOLD_LIST_USER, NULL), 8);
	assert_int_equal(count(TOLD, TOLD_LIST_END, NULL), 1);
	f.room = 0; // the window is a span, and may be full of answered calls
	client_list(&f.client, &(struct client_list_wish){.kind = LIST_USERS}, f.now);
	assert_int_equal(count(CALLED, CALL_WHO, NULL), 3);
	f.room = 1;
	answer_call(1, CALL_PING, STATUS_OK, NULL, 0, 0);
	assert_int_equal(count(CALLED, CALL_WHO, NULL), 4);
	answer_call(1, CALL_WHO, STATUS_BAD, NULL, 0, asked());
	assert_int_equal(count(TOLD, TOLD_LIST_FAILED, &record), 1);
	assert_int_equal(record->told.status, STATUS_BAD);
	assert_int_equal(count(TOLD, TOLD_LIST_END, NULL), 1);
}

// An old call without an answer keeps the window full; when it is answered, what has waited goes.
static void test_submissions_behind_another_call(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		begin_with(false);
		come_in(0, 0);
		client_list(&f.client, &(struct client_list_wish){.kind = LIST_USERS}, f.now);
		queue_many(1, 3);
		f.room = 2;
		client_submit(&f.client, f.now);
		learn();
		assert_int_equal(count(CALLED, CALL_SUBMIT, NULL), 2);
		accept(0, 1, true, 6);
		accept(0, 2, true, 7);
		assert_int_equal(count(CALLED, CALL_SUBMIT, NULL), 2); // the span is as it was
		f.room = 64;
		answer_call(0, i == 0 ? CALL_WHO : CALL_PING, STATUS_OK, NULL, 0, 0);
		assert_int_equal(count(CALLED, CALL_SUBMIT, NULL), 3);
	}
}

static void test_signout_and_ping(void **state)
{
	(void)state;
	begin_with(false);
	assert_int_equal(client_deadline(&f.client).us, MTIME_NEVER.us);
	come_in(0, 0);
	assert_int_equal(mtime_diff_us(client_deadline(&f.client), f.now), CLIENT_PING_US);
	client_tick(&f.client, f.now);
	learn();
	assert_int_equal(count(CALLED, CALL_PING, NULL), 0);
	f.now = client_deadline(&f.client);
	client_tick(&f.client, f.now);
	learn();
	client_tick(&f.client, f.now);
	learn();
	assert_int_equal(count(CALLED, CALL_PING, NULL), 1);
	queue_many(1, 60);
	client_submit(&f.client, f.now);
	learn();
	const uint32_t submitted = count(CALLED, CALL_SUBMIT, NULL);
	f.room = 0;
	client_sign_out(&f.client, f.now);
	f.room = 5;
	accept(0, 1, true, 6);
	assert_int_equal(count(CALLED, CALL_SIGNOUT, NULL), 1);
	accept(0, 2, true, 7);
	assert_int_equal(count(CALLED, CALL_SUBMIT, NULL), submitted); // nothing behind it: it would never start
	client_ended(&f.client, 0);
	f.room = 100;
	come_in(1, 0);
	assert_int_equal(count(CALLED, CALL_SIGNOUT, NULL), 2);
	assert_int_equal(count(CALLED, CALL_SUBMIT, NULL), submitted + CALL_WINDOW - CLIENT_CALLS_RESERVED);
	accept(1, 3, true, 8);
	answer_call(1, CALL_SIGNOUT, STATUS_OK, NULL, 0, 0);
	store();
	assert_int_equal(f.record[f.record_count - 1].code, TOLD_SIGNED_OUT); // after the verdict that came before it
	assert_int_equal(count(TOLD, TOLD_VERDICT, NULL), 3);
	assert_int_equal(count(STOPPED, 0, NULL), 1);
}

// A process of the profile queued something and was killed before it could say so: it goes within CLIENT_LOOK_US all the same.
static void test_what_nobody_told_is_found(void **state)
{
	(void)state;
	begin_with(false);
	come_in(0, 0);
	queue_many(1, 2);
	client_set_submitting(&f.client, false, f.now);
	f.now = mtime_add_us(f.now, CLIENT_LOOK_US);
	client_tick(&f.client, f.now);
	learn();
	assert_int_equal(count(CALLED, CALL_SUBMIT, NULL), 0); // another process has the outbox
	client_set_submitting(&f.client, true, f.now);
	learn();
	assert_int_equal(count(CALLED, CALL_SUBMIT, NULL), 2);
	queue_many(3, 3);
	learn();
	assert_int_equal(count(CALLED, CALL_SUBMIT, NULL), 2);
	const uint64_t asked_before = f.client.number;
	for (int i = 0; i < 2; i++) {
		f.now = mtime_add_us(f.now, CLIENT_LOOK_US);
		assert_true(mtime_is_due(client_deadline(&f.client), f.now));
		client_tick(&f.client, f.now);
		learn();
		assert_int_equal(count(CALLED, CALL_SUBMIT, NULL), 3);
		client_tick(&f.client, f.now);
		learn();
		assert_int_equal(f.client.number, asked_before + 1 + (uint64_t)i); // one look each time
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signin),
		cmocka_unit_test(test_signin_refused),
		cmocka_unit_test(test_outbox_in_order_and_again),
		cmocka_unit_test(test_delivery_is_answered_when_stored),
		cmocka_unit_test(test_bad_text_is_not_stored),
		cmocka_unit_test(test_answers_end_with_their_session),
		cmocka_unit_test(test_notices),
		cmocka_unit_test(test_one_verdict),
		cmocka_unit_test(test_reoffer_without_room),
		cmocka_unit_test(test_reoffer_of_old),
		cmocka_unit_test(test_unjudged_mark),
		cmocka_unit_test(test_starts_without_end),
		cmocka_unit_test(test_reoffer),
		cmocka_unit_test(test_who),
		cmocka_unit_test(test_submissions_behind_another_call),
		cmocka_unit_test(test_signout_and_ping),
		cmocka_unit_test(test_what_nobody_told_is_found),
	};
	return cmocka_run_group_tests(tests, crypto_set_up, NULL);
}
