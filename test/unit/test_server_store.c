// SPDX-License-Identifier: ISC
// store/server_store: what a batch changes, what reads see of it, devices and their cursors, users, listing.
#include "server_store_fixture.h"

static void test_accepted_message(void **state)
{
	struct fixture *fixture = *state;
	struct storage_op op = accept_op(fixture, FRED);
	struct storage_accepted accepted;
	struct storage_row row;
	uint64_t rows;
	uint64_t bytes;
	op.text_offset = 3;
	op.text_bytes = 5;
	must_append(fixture, op, "...hello...");
	reopen_store(fixture);
	assert_int_equal(fixture->commit_next, op.row + 1);

	assert_int_equal(fixture->storage.mailbox_next(fixture->store, FRED, 0, &row), MMS_OK);
	assert_int_equal(row.row, op.row);
	assert_memory_equal(&row.id, &op.id, sizeof row.id);
	assert_string_equal(row.sender.text, "Sender");
	assert_int_equal(row.accepted_at.ms, NOW.ms);
	assert_int_equal(row.text_bytes, 5);
	assert_memory_equal(row.text, "hello", 5);
	assert_int_equal(next_row(fixture, FRED, op.row), 0);
	assert_int_equal(next_row(fixture, JIMMY, 0), 0);
	assert_int_equal(fixture->storage.mailbox_usage(fixture->store, FRED, &rows, &bytes), MMS_OK);
	assert_int_equal(rows, 1);
	assert_int_equal(bytes, 5);
	assert_int_equal(fixture->storage.mailbox_usage(fixture->store, JIMMY, &rows, &bytes), MMS_OK);
	assert_int_equal(rows + bytes, 0);

	assert_int_equal(fixture->storage.accepted_find(fixture->store, SENDER, &op.id, &accepted), MMS_OK);
	assert_int_equal(accepted.recipient_id, FRED);
	assert_int_equal(accepted.commit, op.row);
	assert_true(accepted.was_online);
	assert_memory_equal(accepted.digest, op.digest, sizeof op.digest);
	assert_int_equal(fixture->storage.accepted_find(fixture->store, JIMMY, &op.id, &accepted), MMS_E_MISSING);
	op.id.bytes[ID_BYTES - 1] = 1;
	assert_int_equal(fixture->storage.accepted_find(fixture->store, SENDER, &op.id, &accepted), MMS_E_MISSING);
}

static void test_batch_is_all_or_nothing(void **state)
{
	struct fixture *fixture = *state;
	const uint64_t first = fixture->commit_next;
	struct storage_op ops[2] = {accept_op(fixture, FRED), accept_op(fixture, JIMMY)};
	ops[1].id = ops[0].id; // held already, by the operation before
	ops[0].text_bytes = ops[1].text_bytes = 1;
	assert_int_equal(append(fixture, ops, 2, "x"), MMS_E_EXISTS);
	assert_int_equal(rows_held(fixture, FRED), 0);
	assert_false(is_id_held(fixture, first));

	fixture->commit_next = first; // and the store goes on, with the same numbers
	assert_int_equal(accept_one(fixture, FRED), first);
	assert_int_equal(rows_held(fixture, FRED), 1);
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
	reopen_store(fixture);
	assert_int_equal(fixture->commit_next, row + 1);
	// A batch may take numbers without using them all.
	fixture->commit_next += 10;
	assert_int_equal(append(fixture, NULL, 0, NULL), MMS_OK);
	reopen_store(fixture);
	assert_int_equal(fixture->commit_next, row + 11);
}

static void test_enrolled_device(void **state)
{
	struct fixture *fixture = *state;
	struct storage_device device;
	uint32_t count = 9;
	uint64_t rows = 9;
	uint64_t bytes = 9;
	assert_int_equal(find(fixture, 1, &device), MMS_E_MISSING);
	assert_int_equal(fixture->storage.device_count(fixture->store, FRED, &count), MMS_OK);
	assert_int_equal(count, 0);
	assert_int_equal(fixture->storage.mailbox_usage(fixture->store, FRED, &rows, &bytes), MMS_OK);
	assert_int_equal(rows + bytes, 0);

	// With an empty mailbox: all that comes later, also in the same batch.
	accept_one(fixture, JIMMY);
	struct storage_op ops[2] = {enroll_op(FRED, 1), accept_op(fixture, FRED)};
	ops[1].text_bytes = 1;
	assert_int_equal(append(fixture, ops, 2, "x"), MMS_OK);
	device = device_of(fixture, 1);
	assert_int_equal(device.user_id, FRED);
	assert_int_equal(device.cursor, 1);
	assert_int_equal(device.gap_row + device.gap_count, 0);
	assert_int_equal(next_row(fixture, FRED, device.cursor), ops[1].row);

	// With rows held: before the oldest.
	accept_one(fixture, JIMMY);
	accept_one(fixture, FRED);
	assert_int_equal(enroll(fixture, FRED, 2).cursor, ops[1].row - 1);
	assert_int_equal(fixture->storage.device_count(fixture->store, FRED, &count), MMS_OK);
	assert_int_equal(count, 2);
	take(fixture, &device, ops[1].row);
	assert_int_equal(fixture->storage.mailbox_usage(fixture->store, FRED, &rows, &bytes), MMS_OK);
	assert_int_equal(rows, 1);
	assert_int_equal(fixture->storage.mailbox_waiting(fixture->store, &device, device.cursor, &rows), MMS_OK);
	assert_int_equal(rows, 1);
}

static void test_key_is_enrolled_once(void **state)
{
	struct fixture *fixture = *state;
	struct storage_op op = enroll_op(JIMMY, 1);
	const struct storage_device device = enroll(fixture, FRED, 1);
	accept_one(fixture, FRED);
	assert_int_equal(enroll(fixture, FRED, 1).device_id, device.device_id);
	assert_int_equal(device_of(fixture, 1).cursor, device.cursor);
	assert_int_equal(append(fixture, &op, 1, NULL), MMS_E_EXISTS);
	assert_non_null(strstr(fixture->why.text, "another user"));
	assert_int_equal(device_of(fixture, 1).user_id, FRED);
}

static void test_invite_is_spent_once(void **state)
{
	struct fixture *fixture = *state;
	struct storage_op op = enroll_op(FRED, 1);
	struct storage_device device;
	bool is_spent = true;
	op.has_invite = true;
	memset(op.invite_hash, 0x77, sizeof op.invite_hash);
	assert_int_equal(fixture->storage.invite_is_spent(fixture->store, op.invite_hash, &is_spent), MMS_OK);
	assert_false(is_spent);
	must_append(fixture, op, NULL);
	reopen_store(fixture);
	assert_int_equal(fixture->storage.invite_is_spent(fixture->store, op.invite_hash, &is_spent), MMS_OK);
	assert_true(is_spent);
	memset(op.key, 2, sizeof op.key);
	assert_int_equal(append(fixture, &op, 1, NULL), MMS_E_EXISTS);
	assert_int_equal(find(fixture, 2, &device), MMS_E_MISSING);
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
	struct storage_device device;
	list_and_revoke(fixture, 0);
	const struct storage_device a = enroll(fixture, FRED, 1);
	enroll(fixture, FRED, 2);
	enroll(fixture, JIMMY, 4);
	take(fixture, &a, accept_one(fixture, FRED));
	assert_int_equal(rows_held(fixture, FRED), 1);
	list_and_revoke(fixture, 4); // of another user
	assert_int_equal(find(fixture, 4, &device), MMS_OK);
	list_and_revoke(fixture, 2);
	assert_int_equal(find(fixture, 2, &device), MMS_E_MISSING);
	assert_int_equal(rows_held(fixture, FRED), 0);

	// The last one gone, mail waits for the next, which has an id of its own.
	const uint64_t row = accept_one(fixture, FRED);
	list_and_revoke(fixture, 1);
	assert_int_equal(rows_held(fixture, FRED), 1);
	device = enroll(fixture, FRED, 3);
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
	sync_users(fixture, first, 2, ids);
	assert_true(ids[0] > 0);
	assert_true(ids[0] != ids[1]);
	reopen_store(fixture);
	sync_users(fixture, second, 3, again);
	assert_int_equal(again[0], ids[1]);
	assert_int_equal(again[2], ids[0]);
	assert_true(again[1] != ids[0] && again[1] != ids[1]);
}

// Another life on the line is another user; the old one waits like one whose line is gone, and comes back with its life.
static void test_another_life_is_another_user(void **state)
{
	struct fixture *fixture = *state;
	struct server_store_user dave = user_of("dave");
	struct storage_device device;
	int64_t first;
	int64_t second;
	int64_t third;
	uint8_t life[USER_LIFE_BYTES] = {1};
	assert_int_equal(server_store_life_find(fixture->store, &dave.name, life), MMS_E_MISSING);
	sync_users(fixture, &dave, 1, &first);
	assert_int_equal(server_store_life_find(fixture->store, &dave.name, life), MMS_OK);
	assert_int_equal(life[0], 0);
	enroll(fixture, first, 1);
	accept_one(fixture, first);
	memset(dave.life, 7, sizeof dave.life);
	sync_users(fixture, &dave, 1, &second);
	assert_int_equal(server_store_life_find(fixture->store, &dave.name, life), MMS_OK);
	assert_memory_equal(life, dave.life, sizeof life);
	assert_true(second != first);
	assert_int_equal(rows_held(fixture, second), 0);
	assert_int_equal(device_of(fixture, 1).user_id, first);
	enroll(fixture, second, 2);
	reopen_store(fixture);
	dave = user_of("Dave");
	sync_users(fixture, &dave, 1, &third);
	assert_int_equal(third, first);
	assert_int_equal(rows_held(fixture, first), 1);

	fixture->now = DAYS(30);
	bool has_more = true;
	while (has_more)
		assert_int_equal(server_store_housekeep(fixture->store, fixture->now, 100, &has_more), MMS_OK);
	assert_int_equal(find(fixture, 2, &device), MMS_E_MISSING);
	assert_int_equal(find(fixture, 1, &device), MMS_OK);
}

// A spent invite is remembered as long as a line has it, whatever time passes.
static void test_spent_invite_goes_with_its_line(void **state)
{
	struct fixture *fixture = *state;
	struct server_store_user fred = user_of("fred");
	struct storage_op op = enroll_op(FRED, 1);
	uint8_t hash[1][STORAGE_KEY_BYTES];
	bool is_spent = false;
	int64_t id;
	memset(hash, 0x77, sizeof hash);
	op.has_invite = true;
	memcpy(op.invite_hash, hash, sizeof op.invite_hash);
	fred.invite = (const uint8_t(*)[STORAGE_KEY_BYTES])hash;
	fred.invite_count = 1;
	sync_users(fixture, &fred, 1, &id);
	must_append(fixture, op, NULL);
	fixture->now = DAYS(9999);
	sync_users(fixture, &fred, 1, &id);
	assert_int_equal(fixture->storage.invite_is_spent(fixture->store, hash[0], &is_spent), MMS_OK);
	assert_true(is_spent);
	fred.invite_count = 0;
	sync_users(fixture, &fred, 1, &id);
	assert_int_equal(fixture->storage.invite_is_spent(fixture->store, hash[0], &is_spent), MMS_OK);
	assert_false(is_spent);
}

// A start that was forgotten is one that the server never promised anything by: its devices re-offer.
static void test_starts_are_bounded(void **state)
{
	struct fixture *fixture = *state;
	struct storage_mark first = {{0}, 0};
	struct storage_mark mark;
	uint8_t start_id[STORAGE_START_ID_BYTES] = {0};
	bool is_known = false;
	accept_one(fixture, FRED);
	for (uint32_t i = 0; i < STARTS_MAX + 1; i++) {
		memcpy(start_id, &(uint32_t){i + 1}, sizeof(uint32_t));
		assert_int_equal(server_store_start(fixture->store, start_id, &mark), MMS_OK);
		if (i == 1)
			first = mark;
	}
	first.commit--;
	assert_int_equal(fixture->storage.mark_is_known(fixture->store, &first, &is_known), MMS_OK);
	assert_true(is_known); // the second of them is the oldest kept
	memcpy(first.start_id, &(uint32_t){1}, sizeof(uint32_t));
	assert_int_equal(fixture->storage.mark_is_known(fixture->store, &first, &is_known), MMS_OK);
	assert_false(is_known);
}

struct listing {
	int count;
	struct server_store_device device[4];
};

static void list_one(void *context, const struct server_store_device *device)
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
	sync_users(fixture, names, 2, ids);
	enroll(fixture, ids[1], 1);
	enroll(fixture, ids[0], 2);
	const struct storage_device last = enroll(fixture, ids[1], 3);
	take(fixture, &last, accept_one(fixture, ids[1]));
	sync_users(fixture, renamed, 2, ids);

	assert_int_equal(server_store_open_readonly(fixture->path, &reader, &fixture->why), MMS_OK);
	assert_int_equal(server_store_devices(reader, list_one, &listing), MMS_OK);
	server_store_close(reader);
	assert_int_equal(listing.count, 3);
	assert_string_equal(listing.device[0].user.text, "Fred");
	assert_int_equal(listing.device[0].fingerprint[0], 2 ^ 0xff);
	assert_int_equal(listing.device[0].enrolled_at.ms, NOW.ms);
	assert_string_equal(listing.device[1].user.text, "Jimmy");
	assert_int_equal(listing.device[1].cursor, 0);
	assert_int_equal(listing.device[2].fingerprint[31], 3 ^ 0xff);
	assert_int_equal(listing.device[2].cursor, 1);

	assert_int_equal(unlink(fixture->path), 0);
	assert_int_equal(server_store_open_readonly(fixture->path, &reader, &fixture->why), MMS_E_MISSING);
	assert_null(reader);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_accepted_message, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_batch_is_all_or_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_counter_survives_a_purge, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_enrolled_device, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_key_is_enrolled_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_invite_is_spent_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_row_goes_when_all_devices_have_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_without_a_device_mail_waits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_revoked_device_holds_nothing_up, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_users_get_ids_for_ever, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_another_life_is_another_user, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_spent_invite_goes_with_its_line, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_starts_are_bounded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_listing_beside_the_server, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
