// SPDX-License-Identifier: ISC
// cmd/user_list: the users file and a real server database, as lines on standard output.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cmd/exit.h"
#include "cmd/output.h"
#include "cmd/user_list.h"
#include "cmd/users_file.h"
#include "crypto/base64url.h"
#include "crypto/hash.h"
#include "store/server_store.h"

static char folder[] = "/tmp/mms-user-list-XXXXXX";
static struct data_paths paths;
static struct reason why;

static int make_folder(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	return data_choose(&paths, folder, NULL, &why) == MMS_OK ? 0 : -1;
}

static int remove_folder(void **state)
{
	static const char *const names[] = {"users", "server.db", "server.db-wal", "server.db-shm", "output"};
	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct file_path path;
		if (paths_join(&path, folder, names[i], &why) == MMS_OK)
			unlink(path.text);
	}
	return rmdir(folder);
}

static void write_file(const char *text)
{
	FILE *stream = fopen(paths.users.text, "w");
	assert_non_null(stream);
	fputs(text, stream);
	fclose(stream);
}

// Enrols a device whose key is 32 times `key`, by an invite of its own.
static void enroll(struct server_store *store, int64_t user_id, uint8_t key, uint64_t second)
{
	struct storage_op op = {.kind = STORAGE_ENROLL, .at = {(int64_t)second * 1000}, .enroll = {.user_id = user_id, .has_invite = true}};
	struct storage_result result;
	struct storage_appended appended;
	const struct storage_batch batch = {.ops = &op, .op_count = 1, .results = &result};
	memset(op.enroll.key, key, sizeof op.enroll.key);
	memset(op.enroll.invite_hash, key, sizeof op.enroll.invite_hash);
	const struct fingerprint fingerprint = hash_fingerprint(op.enroll.key);
	memcpy(op.enroll.fingerprint, fingerprint.bytes, sizeof op.enroll.fingerprint);
	if (server_store_append(store, &batch, &appended, &why) != MMS_OK)
		fail_msg("%s", why.text);
	assert_int_equal(result.verdict, VERDICT_ENROLLED);
}

static void make_database(void)
{
	static const struct server_store_user users[] = {{.name = {"gone"}}, {.name = {"fred"}}, {.name = {"tim"}}};
	struct server_store *store;
	struct storage_mark first;
	int64_t ids[3];
	const uint8_t start_id[STORAGE_START_ID_BYTES] = {1};
	if (server_store_open(paths.database.text, (struct mtime){0}, &store, &why) != MMS_OK)
		fail_msg("%s", why.text);
	assert_int_equal(server_store_start(store, start_id, &first), MMS_OK);
	struct server_store_sync sync = {.users = users, .count = 3, .ids = ids};
	assert_int_equal(server_store_users_sync(store, &sync), MMS_OK);
	enroll(store, ids[0], 10, 1000);
	enroll(store, ids[2], 30, 1795341600);
	enroll(store, ids[1], 20, 2000);
	enroll(store, ids[2], 31, 1795341601);
	server_store_close(store);
}

// Runs user_list_read with standard output in a file and compares what it wrote.
static void shows(int expected_status, const char *expected)
{
	static char text[8192];
	struct user_list list = {0};
	struct file_path path;
	assert_int_equal(paths_join(&path, folder, "output", &why), MMS_OK);
	fflush(stdout);
	const int saved = dup(STDOUT_FILENO);
	assert_non_null(freopen(path.text, "w", stdout));
	output_open();
	const int status = user_list_read(&list, &paths, &why);
	fflush(stdout);
	assert_true(dup2(saved, STDOUT_FILENO) >= 0);
	close(saved);
	user_list_clear(&list);

	FILE *stream = fopen(path.text, "r");
	assert_non_null(stream);
	text[fread(text, 1, sizeof text - 1, stream)] = 0;
	fclose(stream);
	assert_string_equal(text, expected);
	assert_int_equal(status, expected_status);
}

static void without_a_database_the_file_is_listed(void **state)
{
	(void)state;
	write_file("fred\nTim\n");
	shows(EXIT_DONE, "fred\tplain\nTim\tplain\n");
}

static void devices_stand_with_their_user(void **state)
{
	char expected[1024];
	char letters[4][FINGERPRINT_TEXT_BYTES];
	static const uint8_t keys[4] = {30, 31, 20, 10};
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		uint8_t key[NOISE_KEY_BYTES];
		memset(key, keys[i], sizeof key);
		const struct fingerprint fingerprint = hash_fingerprint(key);
		base64url_encode(fingerprint.bytes, sizeof fingerprint.bytes, letters[i]);
	}
	make_database();
	write_file("Tim # first\nnobody\nfred\n");
	snprintf(expected, sizeof expected,
		 "Tim\tplain\n"
		 "Tim\tdevice %s since 2026-11-22T10:00:00Z\n"
		 "Tim\tdevice %s since 2026-11-22T10:00:01Z\n"
		 "nobody\tplain\n"
		 "fred\tplain\n"
		 "fred\tdevice %s since 1970-01-01T00:33:20Z\n"
		 "gone\tsuspended %s since 1970-01-01T00:16:40Z\n",
		 letters[0], letters[1], letters[2], letters[3]);
	shows(EXIT_DONE, expected);
}

static void a_file_that_is_not_our_database_is_told(void **state)
{
	(void)state;
	FILE *stream = fopen(paths.database.text, "w");
	assert_non_null(stream);
	for (int i = 0; i < 1000; i++)
		fputs("not a database\n", stream);
	fclose(stream);
	write_file("fred\n");
	shows(EXIT_CONFIG, "fred\tplain\n");
	assert_non_null(strstr(why.text, "server.db"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_database_the_file_is_listed),
		cmocka_unit_test(devices_stand_with_their_user),
		cmocka_unit_test(a_file_that_is_not_our_database_is_told),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
