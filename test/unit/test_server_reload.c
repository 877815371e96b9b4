// SPDX-License-Identifier: ISC
// msg/server: another users table comes into use while one batch is with the storage and another one fills.
#include "crypto/base64url.h"
#include "server_world.h"

static const struct storage_batch *take_batch(void)
{
	const struct storage_batch *batch = server_batch_take(&f.server, true, f.now);
	assert_non_null(batch);
	return batch;
}

static void stored(const struct storage_batch *batch, enum mms_err result)
{
	if (result == MMS_OK)
		mem_append(&f.mem, batch);
	server_stored(&f.server, result, f.now);
}

static void reload(const char *text, int64_t tim)
{
	struct users_world other;
	users_open(&other, text);
	for (uint32_t i = 0; i < other.table.user_count; i++)
		if (strcmp(other.table.user[i].name.text, "Tim") == 0)
			other.table.user[i].user_id = tim;
	server_reload(&f.server, &other.table, other.user);
	users_close(&f.users);
	f.users = other;
	f.server.users = &f.users.table;
}

// What was submitted before keeps its users, wherever they stand now.
static void test_places_move(void **state)
{
	(void)state;
	begin("fred\nTim\nlibero\n", false);
	come_in(0, 1, "fred", FRED, true);
	come_in(1, 2, "Tim", TIM, true);
	come_in(2, 3, "libero", LIBERO, true);
	const uint32_t first = submit(0, 1, "libero", "a");
	const uint32_t to_tim = submit(0, 2, "Tim", "b");
	const struct storage_batch *batch = take_batch();
	const uint32_t second = submit(0, 3, "libero", "c");
	reload("libero\nfred\n", TIM);
	assert_int_equal(last_notice(1), NOTICE_REMOVED);
	stored(batch, MMS_OK);
	assert_int_equal(status_of(0, first), STATUS_ACCEPTED);
	assert_int_equal(status_of(0, to_tim), STATUS_ACCEPTED); // kept for Tim, who may come back
	stored(take_batch(), MMS_OK);
	assert_int_equal(status_of(0, second), STATUS_ACCEPTED);
	check_delivered(1, "");
	check_delivered(2, "ac");
	assert_int_equal(f.mem.message_count, 3);
	assert_int_equal(f.mem.message[1].user_id, TIM);
	finish();
}

// Another reload while the batch is still with the storage: a recipient who was gone before it is not looked for again.
static void test_two_reloads_during_a_batch(void **state)
{
	(void)state;
	begin("fred\nTim\nlibero\n", false);
	come_in(0, 1, "fred", FRED, true);
	come_in(2, 3, "libero", LIBERO, true);
	const uint32_t to_tim = submit(0, 1, "Tim", "a");
	const uint32_t to_libero = submit(0, 2, "libero", "b");
	const struct storage_batch *batch = take_batch();
	reload("libero\nfred\n", TIM);
	reload("fred\nlibero\nTim\n", TIM);
	stored(batch, MMS_OK);
	assert_int_equal(status_of(0, to_tim), STATUS_ACCEPTED);
	assert_int_equal(status_of(0, to_libero), STATUS_ACCEPTED);
	check_delivered(2, "b");
	finish();
}

// A batch of cursors that found no room: they go again for those who are still there, and for no other session of theirs.
static void test_cursors_of_a_full_disk(void **state)
{
	(void)state;
	begin("fred\nTim\n", false);
	come_in(0, 1, "fred", FRED, true);
	come_in(1, 2, "Tim", TIM, true);
	come_in(2, 3, "fred", FRED, true);
	assert_int_equal(status_of(3, signin_with(3, 1, "fred", false, NULL)), STATUS_OK);
	submit(0, 1, "fred", "a");
	submit(0, 2, "Tim", "b");
	stored(take_batch(), MMS_OK);
	answer(0, CALL_DELIVER, f.server.peer[0].row_sent);
	answer(1, CALL_DELIVER, f.server.peer[1].row_sent);
	const struct storage_batch *batch = take_batch();
	assert_int_equal(batch->op_count, 2);
	reload("fred\n", TIM);
	stored(batch, MMS_E_NOSPACE);
	batch = take_batch();
	assert_int_equal(batch->op_count, 1);
	assert_int_equal(batch->ops[0].device_id, f.server.peer[0].device_id);
	stored(batch, MMS_OK);
	finish();
}

// Who is gone hears what became of it, and it is remembered as theirs.
static void test_refused_after_its_sender_is_gone(void **state)
{
	(void)state;
	begin("libero\nfred\nTim\n", false);
	come_in(0, 1, "Tim", TIM, false);
	const uint32_t number = submit(0, 1, "libero", "a");
	const struct storage_batch *batch = take_batch();
	reload("libero\n", TIM);
	stored(batch, MMS_E_NOSPACE);
	assert_int_equal(status_of(0, number), STATUS_SERVER_FULL);
	assert_int_equal(f.server.refusal[0].sender_id, TIM);
	finish();
}

// A device whose enrolment was on its way is let in only if it still may.
static void enrol_across(const char *text, uint8_t status)
{
	begin("fred\nTim\n", true);
	const uint32_t number = signin_with(0, 9, "Tim", true, NULL);
	const struct storage_batch *batch = take_batch();
	reload(text, TIM);
	stored(batch, MMS_OK);
	assert_int_equal(status_of(0, number), status);
	finish();
}

static void test_enrolment_across_a_reload(void **state)
{
	(void)state;
	char text[100];
	char letters[FINGERPRINT_TEXT_BYTES];
	uint8_t key[NOISE_KEY_BYTES];
	memset(key, 9, sizeof key);
	const struct fingerprint fingerprint = hash_fingerprint(key);
	base64url_encode(fingerprint.bytes, sizeof fingerprint.bytes, letters);
	snprintf(text, sizeof text, "Tim revoke=%s\n", letters);
	enrol_across("libero\nTim\n", STATUS_OK);
	enrol_across("fred\n", STATUS_NOT_AUTHORIZED);
	enrol_across(text, STATUS_NOT_AUTHORIZED);
}

// The same name with another id is another user: nobody stays signed in as it, and nothing that waits is forwarded to it.
static void test_another_user_of_the_name(void **state)
{
	(void)state;
	begin("fred\nTim\n", false);
	come_in(0, 1, "fred", FRED, true);
	come_in(1, 2, "Tim", TIM, true);
	submit(0, 1, "Tim", "a");
	const struct storage_batch *batch = take_batch();
	reload("fred\nTim\n", LIBERO);
	assert_int_equal(last_notice(1), NOTICE_REMOVED);
	come_in(2, 3, "Tim", LIBERO, true);
	stored(batch, MMS_OK);
	check_delivered(1, "");
	check_delivered(2, "");
	assert_int_equal(status_of(3, signin_with(3, 2, "Tim", true, NULL)), STATUS_NOT_AUTHORIZED);
	submit(0, 2, "Tim", "b");
	assert_true(store(MMS_OK, true));
	check_delivered(2, "b");
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places_move),
		cmocka_unit_test(test_two_reloads_during_a_batch),
		cmocka_unit_test(test_cursors_of_a_full_disk),
		cmocka_unit_test(test_refused_after_its_sender_is_gone),
		cmocka_unit_test(test_enrolment_across_a_reload),
		cmocka_unit_test(test_another_user_of_the_name),
	};
	return cmocka_run_group_tests(tests, crypto_set_up, NULL);
}
