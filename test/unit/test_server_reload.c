// SPDX-License-Identifier: ISC
// msg/server: another users table comes into use while one batch is with the storage and another one fills.
#include "crypto/base64url.h"
#include "server_world.h"

static const struct storage_batch *take_batch(void)
{
	const struct storage_batch *batch = take(true);
	assert_non_null(batch);
	return batch;
}

static void reload_without(const char *text, int64_t tim, const int64_t *removed, size_t removed_count)
{
	struct users_world other;
	users_open(&other, text);
	for (uint32_t i = 0; i < other.table.user_count; i++)
		if (strcmp(other.table.user[i].name.text, "Tim") == 0)
			other.table.user[i].user_id = tim;
	server_reload(&f.server, &other.table, other.user, removed, removed_count);
	users_close(&f.users);
	f.users = other;
	f.server.users = &f.users.table;
}

static void reload(const char *text, int64_t tim)
{
	reload_without(text, tim, NULL, 0);
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
	stored(batch, 0, MMS_OK);
	assert_int_equal(status_of(0, first), STATUS_ACCEPTED);
	assert_int_equal(status_of(0, to_tim), STATUS_ACCEPTED); // kept for Tim, who may come back
	stored(take_batch(), 0, MMS_OK);
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
	stored(batch, 0, MMS_OK);
	assert_int_equal(status_of(0, to_tim), STATUS_ACCEPTED);
	assert_int_equal(status_of(0, to_libero), STATUS_ACCEPTED);
	check_delivered(2, "b");
	finish();
}

// A batch of moves that found no room: they go again, those of sessions that are gone too.
static void test_moves_of_a_full_disk(void **state)
{
	(void)state;
	begin("fred\nTim\n", false);
	come_in(0, 1, "fred", FRED, true);
	come_in(1, 2, "Tim", TIM, true);
	come_in(2, 3, "fred", FRED, true);
	submit(0, 1, "fred", "a");
	submit(0, 2, "Tim", "b");
	stored(take_batch(), 0, MMS_OK);
	answer(0, CALL_DELIVER, f.server.peer[0].row_sent);
	answer(1, CALL_DELIVER, f.server.peer[1].row_sent);
	const struct storage_batch *batch = take_batch();
	assert_int_equal(batch->move_count, 2);
	reload("fred\n", TIM);
	stored(batch, 0, MMS_E_NOSPACE);
	assert_int_equal(mtime_diff_us(server_deadline(&f.server), f.now), SERVER_MOVE_US);
	assert_null(take(false));
	batch = take_batch();
	assert_int_equal(batch->move_count, 2);
	stored(batch, 0, MMS_OK);
	assert_int_equal(f.mem.device[0].cursor, 1);
	assert_int_equal(f.mem.device[1].cursor, 2);
	assert_null(take(true));
	finish();
}

// Who is gone hears what became of it.
static void test_refused_after_its_sender_is_gone(void **state)
{
	(void)state;
	begin("libero\nfred\nTim\n", false);
	come_in(0, 1, "Tim", TIM, false);
	const uint32_t number = submit(0, 1, "libero", "a");
	const struct storage_batch *batch = take_batch();
	reload("libero\n", TIM);
	stored(batch, 0, MMS_E_NOSPACE);
	assert_int_equal(status_of(0, number), STATUS_SERVER_FULL);
	finish();
}

// Devices that the store removed are shut out, and no others of their user.
static void test_removed_devices(void **state)
{
	(void)state;
	begin("fred\nTim\n", false);
	for (uint8_t slot = 0; slot < 8; slot++)
		come_in(slot, (uint8_t)(1 + slot), slot < 7 ? "fred" : "Tim", slot < 7 ? FRED : TIM, slot % 2 == 0);
	const int64_t removed[] = {1, 4, 6, 8}; // device ids: the slot's number and one
	reload_without("Tim\nfred\n", TIM, removed, 4);
	for (uint32_t slot = 0; slot < 8; slot++) {
		const bool is_removed = slot == 0 || slot == 3 || slot == 5 || slot == 7;
		assert_int_equal(count(CLOSED, slot, NULL), is_removed);
		assert_int_equal(last_notice(slot), is_removed ? NOTICE_REMOVED : 0);
	}
	assert_false(is_online(0));
	assert_int_equal(f.server.user[1].online_count, 3); // slots 2, 4, 6
	finish();
}

// A SIGNIN whose question was asked before other users came into use is looked at anew.
static void test_signin_across_a_reload(void **state)
{
	(void)state;
	for (int is_asked = 0; is_asked < 2; is_asked++) {
		begin("fred\nTim\n", false);
		mem_add_device(&f.mem, TIM, 2);
		mem_add_device(&f.mem, FRED, 1);
		f.is_slow = true;
		const uint32_t tim = signin_with(0, 2, "Tim", true, NULL);
		const uint32_t fred = signin_with(1, 1, "fred", true, NULL);
		struct storage_question *question[2] = {NULL, NULL};
		for (int i = 0; i < 2 && is_asked; i++) {
			question[i] = server_next_question(&f.server, true);
			mem_ask(&f.mem, question[i]);
		}
		reload("libero\nfred\n", TIM);
		for (int i = 0; i < 2 && is_asked; i++)
			server_question_answered(&f.server, question[i], moment_of_test());
		ask();
		assert_int_equal(status_of(0, tim), STATUS_NOT_AUTHORIZED);
		assert_int_equal(status_of(1, fred), STATUS_OK);
		assert_int_equal(f.server.peer[1].user, 1);
		finish();
	}
}

// An invite that other users do not have any more lets nobody in, though it was shown before.
static void test_invite_across_a_reload(void **state)
{
	static const char code[] = "abcdefghijklmnopqrstuv";
	(void)state;
	char text[200];
	char letters[FINGERPRINT_TEXT_BYTES];
	uint8_t hash[INVITE_HASH_BYTES];
	hash_invite_code(code, strlen(code), hash);
	base64url_encode(hash, sizeof hash, letters);
	snprintf(text, sizeof text, "Tim invite=%s,2099-01-01T00:00:00Z\n", letters);
	begin(text, false);
	f.is_slow = true;
	const uint32_t number = signin_with(0, 9, "Tim", true, code);
	struct storage_question *question = server_next_question(&f.server, true);
	mem_ask(&f.mem, question);
	reload("Tim\n", TIM);
	server_question_answered(&f.server, question, moment_of_test());
	ask();
	assert_null(take(true)); // no enrolment
	assert_int_equal(status_of(0, number), STATUS_NOT_AUTHORIZED);
	finish();
}

// A device whose enrolment was on its way is let in only if it still may.
static void enrol_across(const char *text, uint8_t status)
{
	begin("fred\nTim\n", true);
	const uint32_t number = signin_with(0, 9, "Tim", true, NULL);
	const struct storage_batch *batch = take_batch();
	reload(text, TIM);
	stored(batch, 0, MMS_OK);
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
	stored(batch, 0, MMS_OK);
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
		cmocka_unit_test(test_moves_of_a_full_disk),
		cmocka_unit_test(test_refused_after_its_sender_is_gone),
		cmocka_unit_test(test_removed_devices),
		cmocka_unit_test(test_signin_across_a_reload),
		cmocka_unit_test(test_invite_across_a_reload),
		cmocka_unit_test(test_enrolment_across_a_reload),
		cmocka_unit_test(test_another_user_of_the_name),
	};
	return cmocka_run_group_tests(tests, crypto_set_up, NULL);
}
