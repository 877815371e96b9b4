// SPDX-License-Identifier: ISC
// store/server_store: what a batch changes, what reads see of it, devices and their cursors, users, listing.
#include "server_store_fixture.h"

static void test_accepted_message(void **state)
{
	struct fixture *fixture = *state;
	struct storage_op op = accept_op(fixture, FRED);
	op.submit.text_offset = 3;
	op.submit.text_bytes = 5;
	op.submit.kind = 9; // stored as it comes
	op.submit.form = 2;
	must_keep(fixture, &op, 1, "...hello...");
	assert_int_equal(fixture->result[0].verdict, VERDICT_NEW);
	assert_int_equal(fixture->result[0].row, 1);
	assert_int_equal(row_before(fixture, 0), 0);
	assert_true(fixture->result[0].was_online);
	assert_true(fixture->appended.has_room);
	assert_int_equal(fixture->appended.mark.commit, 1);
	assert_memory_equal(fixture->appended.mark.start_id, fixture->mark.start_id, sizeof fixture->mark.start_id);
	reopen_store(fixture);
	assert_int_equal(fixture->row_next, 2);

	const struct storage_question question = read_page(fixture, FRED, 0, STORAGE_PAGE_ROWS_MAX);
	const struct storage_row *row = fixture->page.row;
	assert_int_equal(fixture->page.row_count, 1);
	assert_true(question.has.is_end);
	assert_int_equal(question.has.row_newest, 1);
	assert_int_equal(row->row, 1);
	assert_memory_equal(&row->id, &op.submit.id, sizeof row->id);
	assert_string_equal(row->sender.text, "Sender");
	assert_int_equal(row->accepted_at.ms, NOW.ms);
	assert_int_equal(row->kind, 9);
	assert_int_equal(row->form, 2);
	assert_int_equal(row->text_bytes, 5);
	assert_memory_equal(fixture->page.text + row->text_offset, "hello", 5);
	assert_int_equal(next_row(fixture, FRED, 1), 0);
	assert_int_equal(next_row(fixture, JIMMY, 0), 0);
	assert_int_equal(usage(fixture, FRED).rows, 1);
	assert_int_equal(usage(fixture, FRED).bytes, 5);
	assert_int_equal(usage(fixture, JIMMY).rows, 0);
}

static void test_pages(void **state)
{
	struct fixture *fixture = *state;
	enum { ROWS = 70 };
	for (int i = 0; i < ROWS; i++) {
		accept_one(fixture, FRED);
		accept_one(fixture, JIMMY);
	}
	uint64_t row = 0;
	struct storage_question question = {0};
	for (int i = 0; i < ROWS; i++) {
		if (i % STORAGE_PAGE_ROWS_MAX == 0) {
			assert_false(question.has.is_end);
			question = read_page(fixture, FRED, row, STORAGE_PAGE_ROWS_MAX);
			assert_int_equal(question.has.row_newest, 2 * ROWS - 1);
		}
		const struct storage_row *read = &fixture->page.row[i % STORAGE_PAGE_ROWS_MAX];
		assert_int_equal(read->row, row == 0 ? 1 : row + 2);
		row = read->row;
		assert_int_equal(read->text_bytes, row % TEXT_BYTES_MAX + 1);
		assert_int_equal(fixture->page.text[read->text_offset + read->text_bytes - 1u], 't');
	}
	assert_true(question.has.is_end);
	assert_true(read_page(fixture, FRED, 2 * ROWS - 1 - 2 * 5, 5).has.is_end); // as many as are there
	assert_true(read_page(fixture, 77, 0, 5).has.is_end);                      // nobody's
	assert_int_equal(read_page(fixture, 77, 0, 5).has.row_newest, 0);
}

// Each operation has a verdict of its own, and what is judged first counts for what comes behind it.
static void test_each_operation_is_judged(void **state)
{
	struct fixture *fixture = *state;
	struct storage_op ops[] = {accept_op(fixture, FRED), accept_op(fixture, FRED), accept_op(fixture, FRED),
				   accept_op(fixture, 0),    accept_op(fixture, 77),   accept_op(fixture, JIMMY)};
	char text[TEXT_BYTES_MAX];
	memset(text, 'x', sizeof text);
	ops[1].submit.id = ops[0].submit.id; // a copy
	memcpy(ops[1].submit.digest, ops[0].submit.digest, DIGEST_BYTES);
	ops[1].submit.is_online = false;
	ops[2].submit.id = ops[0].submit.id; // another message
	must_keep(fixture, ops, 6, text);
	const struct storage_result *result = fixture->result;
	assert_int_equal(result[0].verdict, VERDICT_NEW);
	assert_int_equal(result[1].verdict, VERDICT_REPEAT);
	assert_int_equal(result[1].row, result[0].row);
	assert_true(result[1].was_online); // as it was
	assert_true(row_before(fixture, 1) == UINT64_MAX);
	assert_int_equal(result[2].verdict, VERDICT_ID_MISUSED);
	assert_int_equal(result[3].verdict, VERDICT_NO_SUCH_USER);
	assert_int_equal(result[4].verdict, VERDICT_NO_SUCH_USER);
	assert_int_equal(result[5].verdict, VERDICT_NEW);
	assert_int_equal(result[5].row, 2);
	assert_int_equal(rows_held(fixture, FRED) + rows_held(fixture, JIMMY), 2);
	// Of another sender the id is another one.
	ops[2].submit.sender_id = SENDER + 1;
	assert_int_equal(judge(fixture, ops[2]), VERDICT_NEW);
	assert_int_equal(row_before(fixture, 0), 1);
}

// What nobody knows the outcome of is handed over again: the answers are the same, and nothing is there twice.
static void test_batch_repeated_whole(void **state)
{
	struct fixture *fixture = *state;
	struct storage_op ops[] = {accept_op(fixture, FRED),    invited_op(FRED, 1),      accept_op(fixture, 0),
				   accept_op(fixture, JIMMY),   enroll_op(JIMMY, 2),      enroll_op(JIMMY, 3),
				   invited_op(JIMMY, 4),        invited_op(FRED, 2),      accept_op(fixture, FRED)};
	enum { OPS = sizeof ops / sizeof *ops };
	char text[TEXT_BYTES_MAX];
	struct storage_result first[OPS];
	memset(text, 'x', sizeof text);
	memset(ops[6].enroll.invite_hash, 1, STORAGE_KEY_BYTES); // the invite that fred has spent
	must_keep(fixture, ops, OPS, text);
	memcpy(first, fixture->result, sizeof first);
	const enum storage_verdict expected[OPS] = {VERDICT_NEW,      VERDICT_ENROLLED,     VERDICT_NO_SUCH_USER,
						    VERDICT_NEW,      VERDICT_ENROLLED,     VERDICT_NOT_ENROLLED,
						    VERDICT_NOT_ENROLLED, VERDICT_NOT_ENROLLED, VERDICT_NEW};
	for (size_t i = 0; i < OPS; i++)
		assert_int_equal(first[i].verdict, expected[i]);
	for (int time = 0; time < 3; time++) {
		if (time == 2)
			reopen_store(fixture);
		must_keep(fixture, ops, OPS, text);
		for (size_t i = 0; i < OPS; i++) {
			const enum storage_verdict again = first[i].verdict == VERDICT_NEW ? VERDICT_REPEAT : first[i].verdict;
			assert_int_equal(fixture->result[i].verdict, again);
			assert_int_equal(fixture->result[i].row, first[i].row);
			assert_int_equal(fixture->result[i].was_online, first[i].was_online);
		}
		assert_int_equal(fixture->appended.mark.commit, 3);
	}
	assert_int_equal(rows_held(fixture, FRED), 2);
	assert_int_equal(count(fixture, "SELECT count(*) FROM body"), 3);
	assert_int_equal(count(fixture, "SELECT count(*) FROM device"), 2);
	assert_int_equal(count(fixture, "SELECT sum(put_rows) FROM mailbox"), 3);
	assert_int_equal(count(fixture, "SELECT count(*) FROM invite_spent"), 1);
}

static void test_counter_survives_a_purge(void **state)
{
	struct fixture *fixture = *state;
	const struct storage_device device = enroll(fixture, FRED, 1);
	uint64_t row = 0;
	for (int i = 0; i < 3; i++)
		row = accept_one(fixture, FRED);
	take(fixture, &device, row);
	assert_int_equal(rows_held(fixture, FRED), 0);
	assert_int_equal(count(fixture, "SELECT count(*) FROM body"), 0);
	reopen_store(fixture);
	assert_int_equal(fixture->row_next, row + 1);
	assert_int_equal(accept_one(fixture, FRED), row + 1);
	assert_int_equal(row_before(fixture, 0), row); // though it is gone
}

static void test_enrolled_device(void **state)
{
	struct fixture *fixture = *state;
	assert_false(has_device(fixture, 1));
	assert_int_equal(ask_signin(fixture, 1, FRED).is.device_count, 0);

	// With an empty mailbox: all that comes later, also in the same batch.
	accept_one(fixture, JIMMY);
	struct storage_op ops[2] = {enroll_op(FRED, 1), accept_op(fixture, FRED)};
	ops[1].submit.text_bytes = 1;
	must_keep(fixture, ops, 2, "x");
	const struct storage_device device = device_of(fixture, 1);
	assert_int_equal(device.user_id, FRED);
	assert_int_equal(device.cursor, 1);
	assert_int_equal(device.gap_row + device.gap_count, 0);
	assert_int_equal(next_row(fixture, FRED, device.cursor), 2);

	// With rows held: before the oldest.
	accept_one(fixture, JIMMY);
	accept_one(fixture, FRED);
	assert_int_equal(enroll(fixture, FRED, 2).cursor, 1);
	assert_int_equal(ask_signin(fixture, 1, FRED).is.device_count, 2);
	assert_int_equal(ask_signin(fixture, 1, JIMMY).is.device_count, 0);
	take(fixture, &device, 2);
	assert_int_equal(usage(fixture, FRED).rows, 1);
	assert_int_equal(waiting(fixture, 1), 1);
	assert_int_equal(waiting(fixture, 2), 2);
}

static void test_key_is_enrolled_once(void **state)
{
	struct fixture *fixture = *state;
	const struct storage_device device = enroll(fixture, FRED, 1);
	accept_one(fixture, FRED);
	assert_int_equal(enroll(fixture, FRED, 1).device_id, device.device_id);
	assert_int_equal(device_of(fixture, 1).cursor, device.cursor);
	assert_int_equal(judge(fixture, enroll_op(JIMMY, 1)), VERDICT_NOT_ENROLLED);
	assert_int_equal(device_of(fixture, 1).user_id, FRED);
}

// A claim is for a name without devices; an invite for one device; and nobody has more than the bound.
static void test_who_is_enrolled(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(judge(fixture, enroll_op(77, 9)), VERDICT_NOT_ENROLLED); // no such user
	assert_int_equal(judge(fixture, enroll_op(FRED, 1)), VERDICT_ENROLLED);
	assert_int_equal(judge(fixture, enroll_op(FRED, 2)), VERDICT_NOT_ENROLLED);
	struct storage_op op = invited_op(FRED, 3);
	assert_int_equal(judge(fixture, op), VERDICT_ENROLLED);
	reopen_store(fixture);
	assert_true(ask_signin(fixture, 3, FRED).is.is_invite_spent);
	assert_false(ask_signin(fixture, 4, FRED).is.is_invite_spent);
	memset(op.enroll.key, 4, sizeof op.enroll.key);
	assert_int_equal(judge(fixture, op), VERDICT_NOT_ENROLLED);
	assert_false(has_device(fixture, 4));
	for (uint8_t key = 10; key < 10 + DEVICES_PER_USER_MAX - 2; key++)
		enroll(fixture, FRED, key);
	assert_int_equal(judge(fixture, invited_op(FRED, 99)), VERDICT_NOT_ENROLLED);
	assert_false(ask_signin(fixture, 99, FRED).is.is_invite_spent);
	assert_int_equal(ask_signin(fixture, 99, FRED).is.device_count, DEVICES_PER_USER_MAX);
}

static void test_row_goes_when_all_devices_have_it(void **state)
{
	struct fixture *fixture = *state;
	const struct storage_device a = enroll(fixture, FRED, 1);
	const struct storage_device b = enroll(fixture, FRED, 2);
	uint64_t row[4];
	for (int i = 0; i < 4; i++) {
		row[i] = accept_one(fixture, FRED);
		accept_one(fixture, JIMMY);
	}
	take(fixture, &a, row[3]);
	assert_int_equal(rows_held(fixture, FRED), 4);
	take(fixture, &b, row[1]);
	assert_int_equal(rows_held(fixture, FRED), 2);
	assert_int_equal(next_row(fixture, FRED, 0), row[2]);
	take(fixture, &b, row[0]); // backwards: nothing
	assert_int_equal(device_of(fixture, 2).cursor, row[1]);
	take(fixture, &b, row[3]);
	assert_int_equal(rows_held(fixture, FRED), 0);
	assert_int_equal(rows_held(fixture, JIMMY), 4);

	// Of no device at all, and under another user's name: nothing.
	const uint64_t more = accept_one(fixture, FRED);
	const struct storage_device none = {.device_id = 99, .user_id = FRED};
	const struct storage_device wrong = {.device_id = a.device_id, .user_id = JIMMY};
	take(fixture, &none, more);
	take(fixture, &wrong, more);
	assert_int_equal(device_of(fixture, 1).cursor, row[3]);
	assert_int_equal(rows_held(fixture, JIMMY), 4);
}

static void test_without_a_device_mail_waits(void **state)
{
	struct fixture *fixture = *state;
	const uint64_t row = accept_one(fixture, FRED);
	assert_int_equal(enroll(fixture, FRED, 1).cursor, row - 1);
	assert_int_equal(rows_held(fixture, FRED), 1);
}

static void test_revoked_device_holds_nothing_up(void **state)
{
	struct fixture *fixture = *state;
	const struct storage_device a = enroll(fixture, FRED, 1);
	const struct storage_device b = enroll(fixture, FRED, 2);
	enroll(fixture, JIMMY, 4);
	take(fixture, &a, accept_one(fixture, FRED));
	assert_int_equal(rows_held(fixture, FRED), 1);
	assert_int_equal(list_and_revoke(fixture, 4), 0); // of another user
	assert_true(has_device(fixture, 4));
	assert_int_equal(list_and_revoke(fixture, 2), b.device_id);
	assert_int_equal(list_and_revoke(fixture, 2), 0); // it is gone already
	assert_false(has_device(fixture, 2));
	assert_int_equal(rows_held(fixture, FRED), 0);

	// The last one gone, mail waits for the next, which has an id of its own.
	const uint64_t row = accept_one(fixture, FRED);
	assert_int_equal(list_and_revoke(fixture, 1), a.device_id);
	assert_int_equal(rows_held(fixture, FRED), 1);
	const struct storage_device device = enroll(fixture, FRED, 3);
	assert_int_equal(device.cursor, row - 1);
	assert_true(device.device_id > 2);
}

static void test_users_get_ids_for_ever(void **state)
{
	struct fixture *fixture = *state;
	const struct server_store_user first[] = {user_of("fred"), user_of("jimmy")};
	const struct server_store_user second[] = {user_of("Jimmy"), user_of("anna"), user_of("FRED")};
	int64_t ids[3];
	int64_t again[3];
	sync_users(fixture, first, 2, ids, NULL);
	assert_true(ids[0] > 0);
	assert_true(ids[0] != ids[1]);
	reopen_store(fixture);
	sync_users(fixture, second, 3, again, NULL);
	assert_int_equal(again[0], ids[1]);
	assert_int_equal(again[2], ids[0]);
	assert_true(again[1] != ids[0] && again[1] != ids[1]);
}

// Another life on the line is another user; the old one waits like one whose line is gone, and comes back with its life.
static void test_another_life_is_another_user(void **state)
{
	struct fixture *fixture = *state;
	struct server_store_user dave = user_of("dave");
	int64_t first;
	int64_t second;
	int64_t third;
	uint8_t life[USER_LIFE_BYTES] = {1};
	assert_int_equal(server_store_life_find(fixture->store, &dave.name, life), MMS_E_MISSING);
	sync_users(fixture, &dave, 1, &first, NULL);
	assert_int_equal(server_store_life_find(fixture->store, &dave.name, life), MMS_OK);
	assert_int_equal(life[0], 0);
	enroll(fixture, first, 1);
	accept_one(fixture, first);
	memset(dave.life, 7, sizeof dave.life);
	sync_users(fixture, &dave, 1, &second, NULL);
	assert_int_equal(server_store_life_find(fixture->store, &dave.name, life), MMS_OK);
	assert_int_equal(life[0], 0); // nobody has joined as the second
	assert_true(second != first);
	assert_int_equal(rows_held(fixture, second), 0);
	assert_int_equal(device_of(fixture, 1).user_id, first);
	enroll(fixture, second, 2);
	assert_int_equal(server_store_life_find(fixture->store, &dave.name, life), MMS_OK);
	assert_memory_equal(life, dave.life, sizeof life);
	reopen_store(fixture);
	dave = user_of("Dave");
	sync_users(fixture, &dave, 1, &third, NULL);
	assert_int_equal(third, first);
	assert_int_equal(rows_held(fixture, first), 1);

	fixture->now = DAYS(30);
	housekeep_all(fixture, 100);
	assert_false(has_device(fixture, 2));
	assert_true(has_device(fixture, 1));
}

// A spent invite is remembered as long as a line has it, whatever time passes.
static void test_spent_invite_goes_with_its_line(void **state)
{
	struct fixture *fixture = *state;
	struct server_store_user fred = user_of("fred");
	uint8_t hash[1][STORAGE_KEY_BYTES];
	int64_t id;
	memset(hash, 0x77, sizeof hash);
	fred.invite = (const uint8_t(*)[STORAGE_KEY_BYTES])hash;
	fred.invite_count = 1;
	sync_users(fixture, &fred, 1, &id, NULL);
	enroll(fixture, FRED, 0x77);
	fixture->now = DAYS(9999);
	sync_users(fixture, &fred, 1, &id, NULL);
	assert_true(ask_signin(fixture, 0x77, FRED).is.is_invite_spent);
	fred.invite_count = 0;
	sync_users(fixture, &fred, 1, &id, NULL);
	assert_false(ask_signin(fixture, 0x77, FRED).is.is_invite_spent);
}

// The devices that a reload removes are named, whichever line revokes them.
static void test_removed_devices_are_named(void **state)
{
	struct fixture *fixture = *state;
	struct server_store_user users[] = {user_of("jimmy"), user_of("fred")};
	uint8_t print[4][STORAGE_KEY_BYTES];
	int64_t ids[2];
	int64_t removed[5];
	const int64_t first = enroll(fixture, FRED, 1).device_id;
	const int64_t second = enroll(fixture, JIMMY, 2).device_id;
	enroll(fixture, FRED, 3);
	const int64_t fourth = enroll(fixture, FRED, 4).device_id;
	for (size_t i = 0; i < 4; i++)
		memset(print[i], (int)(uint8_t)~(i + 1), sizeof print[i]);
	users[0].revoked = (const uint8_t(*)[STORAGE_KEY_BYTES])&print[1];
	users[0].revoked_count = 3;
	assert_int_equal(sync_users(fixture, users, 2, ids, removed), 1);
	assert_int_equal(removed[0], second);
	users[1].revoked = (const uint8_t(*)[STORAGE_KEY_BYTES])&print[3];
	users[1].revoked_count = 1;
	struct server_store_user twice[] = {users[1], users[0]};
	twice[1] = user_of("Fred2");
	assert_int_equal(sync_users(fixture, twice, 2, ids, removed), 1);
	assert_int_equal(removed[0], fourth);
	users[1].revoked = (const uint8_t(*)[STORAGE_KEY_BYTES])print;
	users[1].revoked_count = 4;
	const struct storage_device back = enroll(fixture, FRED, 4);
	assert_int_equal(sync_users(fixture, users, 2, ids, removed), 3);
	assert_int_equal(removed[0], first);
	assert_true(removed[1] > first);
	assert_int_equal(removed[2], back.device_id);

	// Rising, whatever the order of the lines.
	const int64_t older = enroll(fixture, FRED, 5).device_id;
	const int64_t newer = enroll(fixture, JIMMY, 2).device_id;
	memset(print[2], (int)(uint8_t)~5, sizeof print[2]);
	users[1].revoked = (const uint8_t(*)[STORAGE_KEY_BYTES])&print[2];
	users[1].revoked_count = 1;
	assert_int_equal(sync_users(fixture, users, 2, ids, removed), 2); // jimmy's line is the first
	assert_int_equal(removed[0], older);
	assert_int_equal(removed[1], newer);
}

// A start that was forgotten is one that the server never promised anything by: its devices re-offer.
static void test_starts_are_bounded(void **state)
{
	struct fixture *fixture = *state;
	struct storage_mark first = {{0}, 0};
	struct storage_mark mark;
	uint8_t start_id[STORAGE_START_ID_BYTES] = {0};
	accept_one(fixture, FRED);
	assert_true(is_mark_known(fixture, &fixture->appended.mark));
	assert_true(is_mark_known(fixture, &first)); // none
	fixture->mark.commit = 2;
	assert_false(is_mark_known(fixture, &fixture->mark)); // not given yet
	for (uint32_t i = 0; i < STARTS_MAX + 1; i++) {
		memcpy(start_id, &(uint32_t){i + 1}, sizeof(uint32_t));
		assert_int_equal(server_store_start(fixture->store, start_id, &mark), MMS_OK);
		assert_int_equal(mark.commit, 1);
		if (i == 1)
			first = mark;
	}
	assert_true(is_mark_known(fixture, &first)); // the second of them is the oldest kept
	memcpy(first.start_id, &(uint32_t){1}, sizeof(uint32_t));
	assert_false(is_mark_known(fixture, &first));
}

struct listing {
	int count;
	struct storage_listed device[4];
};

static void list_one(void *context, const struct storage_listed *device)
{
	struct listing *listing = context;
	assert_true(listing->count < 4);
	listing->device[listing->count++] = *device;
}

static void test_listing_beside_the_server(void **state)
{
	struct fixture *fixture = *state;
	const struct server_store_user names[] = {user_of("fred"), user_of("Jimmy")};
	const struct server_store_user renamed[] = {user_of("Fred"), user_of("Jimmy")};
	struct listing listing = {0};
	struct server_store *reader;
	int64_t ids[2];
	sync_users(fixture, names, 2, ids, NULL);
	enroll(fixture, ids[1], 1);
	enroll(fixture, ids[0], 2);
	const struct storage_device last = enroll(fixture, ids[1], 3);
	sync_users(fixture, renamed, 2, ids, NULL);

	assert_int_equal(server_store_open_readonly(fixture->path, &reader, &fixture->why), MMS_OK);
	assert_int_equal(server_store_devices(reader, list_one, &listing), MMS_OK);
	server_store_close(reader);
	assert_int_equal(listing.count, 3);
	assert_string_equal(listing.device[0].user.text, "Jimmy");
	assert_string_equal(listing.device[1].user.text, "Fred");
	assert_int_equal(listing.device[1].fingerprint[0], 2 ^ 0xff);
	assert_int_equal(listing.device[1].enrolled_at.ms, NOW.ms);
	assert_string_equal(listing.device[2].user.text, "Jimmy");
	assert_int_equal(listing.device[2].fingerprint[31], 3 ^ 0xff);
	assert_int_equal(listing.device[2].device_id, last.device_id);

	assert_int_equal(unlink(fixture->path), 0);
	assert_int_equal(server_store_open_readonly(fixture->path, &reader, &fixture->why), MMS_E_MISSING);
	assert_null(reader);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_accepted_message, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_pages, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_each_operation_is_judged, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_batch_repeated_whole, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_counter_survives_a_purge, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_enrolled_device, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_key_is_enrolled_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_who_is_enrolled, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_row_goes_when_all_devices_have_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_without_a_device_mail_waits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_revoked_device_holds_nothing_up, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_users_get_ids_for_ever, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_another_life_is_another_user, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_spent_invite_goes_with_its_line, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_removed_devices_are_named, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_starts_are_bounded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_listing_beside_the_server, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
