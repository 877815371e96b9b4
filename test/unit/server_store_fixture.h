// SPDX-License-Identifier: ISC
// For the tests of the server's database: a store in a directory of its own, and batches in few words.
#ifndef MMS_TEST_SERVER_STORE_FIXTURE_H
#define MMS_TEST_SERVER_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scratch.h"
#include "store/server_store.h"
#include "store/server_store_inside.h"

#define NOW ((struct wtime){1800000000000})
// Moments on the monotonic clock.
#define DAYS(n) ((struct mtime){5000000000LL + (n) * 86400000000LL})
#define LATER(at, seconds) ((struct mtime){(at).us + (seconds) * 1000000LL})

enum { FRED = 1, JIMMY = 2, SENDER = 9 };

struct fixture {
	struct scratch scratch;
	char path[PATH_MAX];
	struct server_store *store;
	struct server_storage storage;
	struct reason why;
	uint64_t commit_next;
	struct mtime now;
};

static inline void open_store(struct fixture *fixture)
{
	struct storage_mark first;
	uint8_t start_id[STORAGE_START_ID_BYTES];
	FILE *random = fopen("/dev/urandom", "r");
	assert_non_null(random);
	assert_int_equal(fread(start_id, 1, sizeof start_id, random), sizeof start_id);
	fclose(random);
	if (server_store_open(fixture->path, fixture->now, &fixture->store, &fixture->why) != MMS_OK)
		fail_msg("%s", fixture->why.text);
	fixture->storage = server_store_storage(fixture->store);
	assert_int_equal(server_store_start(fixture->store, start_id, &first), MMS_OK);
	assert_memory_equal(first.start_id, start_id, sizeof start_id);
	fixture->commit_next = first.commit;
}

static inline void reopen_store(struct fixture *fixture)
{
	server_store_close(fixture->store);
	open_store(fixture);
}

static inline int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);
	scratch_open(&fixture->scratch);
	snprintf(fixture->path, sizeof fixture->path, "%.4000s/server.db", fixture->scratch.directory);
	fixture->now = DAYS(0);
	open_store(fixture);
	*state = fixture;
	return 0;
}

static inline int tear_down(void **state)
{
	struct fixture *fixture = *state;
	server_store_close(fixture->store);
	scratch_close(&fixture->scratch);
	free(fixture);
	return 0;
}

static inline enum mms_err append(struct fixture *fixture, struct storage_op *ops, size_t count, const char *text)
{
	struct storage_batch batch = {ops, count, (const uint8_t *)text, fixture->commit_next};
	return server_store_append(fixture->store, &batch, fixture->now, &fixture->why);
}

static inline void must_append(struct fixture *fixture, struct storage_op op, const char *text)
{
	if (append(fixture, &op, 1, text) != MMS_OK)
		fail_msg("%s", fixture->why.text);
}

// A message to `user_id` with the next commit number, which is also its id's first byte and its text's length.
static inline struct storage_op accept_op(struct fixture *fixture, int64_t user_id)
{
	struct storage_op op = {
		.kind = STORAGE_ACCEPT,
		.user_id = user_id,
		.row = fixture->commit_next++,
		.sender_id = SENDER,
		.sender = {"Sender"},
		.at = NOW,
		.was_online = true,
	};
	op.text_bytes = (uint16_t)(op.row % TEXT_BYTES_MAX + 1);
	memcpy(op.id.bytes, &op.row, sizeof op.row);
	memset(op.digest, (int)op.row, sizeof op.digest);
	return op;
}

static inline uint64_t accept_one(struct fixture *fixture, int64_t user_id)
{
	static char text[TEXT_BYTES_MAX];
	memset(text, 't', sizeof text);
	const struct storage_op op = accept_op(fixture, user_id);
	must_append(fixture, op, text);
	return op.row;
}

static inline struct storage_op enroll_op(int64_t user_id, uint8_t key)
{
	struct storage_op op = {.kind = STORAGE_ENROLL, .user_id = user_id, .at = NOW};
	memset(op.key, key, sizeof op.key);
	memset(op.fingerprint, key ^ 0xff, sizeof op.fingerprint);
	return op;
}

static inline enum mms_err find(struct fixture *fixture, uint8_t key, struct storage_device *device)
{
	uint8_t bytes[STORAGE_KEY_BYTES];
	memset(bytes, key, sizeof bytes);
	return fixture->storage.device_find(fixture->store, bytes, device);
}

static inline struct storage_device device_of(struct fixture *fixture, uint8_t key)
{
	struct storage_device device;
	assert_int_equal(find(fixture, key, &device), MMS_OK);
	return device;
}

static inline struct storage_device enroll(struct fixture *fixture, int64_t user_id, uint8_t key)
{
	must_append(fixture, enroll_op(user_id, key), NULL);
	return device_of(fixture, key);
}

static inline void take(struct fixture *fixture, const struct storage_device *device, uint64_t row)
{
	const struct storage_op op = {.kind = STORAGE_CURSOR,
				      .user_id = device->user_id,
				      .device_id = device->device_id,
				      .row = row};
	must_append(fixture, op, NULL);
}

static inline uint64_t rows_held(struct fixture *fixture, int64_t user_id)
{
	struct server_span span;
	assert_int_equal(server_store_count(fixture->store, user_id, 0, INT64_MAX, &span), MMS_OK);
	return span.rows;
}

static inline struct server_store_user user_of(const char *name)
{
	struct server_store_user user = {.name = {{0}}};
	snprintf(user.name.text, sizeof user.name.text, "%s", name);
	return user;
}

static inline void sync_users(struct fixture *fixture, const struct server_store_user *users, size_t count, int64_t *ids)
{
	if (server_store_users_sync(fixture->store, users, count, fixture->now, ids) != MMS_OK)
		fail_msg("%s", server_store_reason(fixture->store)->text);
}

// Makes FRED and JIMMY; fred's line revokes the device with this key unless it is 0.
static inline void list_and_revoke(struct fixture *fixture, uint8_t key)
{
	uint8_t fingerprint[1][STORAGE_KEY_BYTES];
	struct server_store_user users[] = {user_of("fred"), user_of("jimmy")};
	int64_t ids[2];
	memset(fingerprint, key ^ 0xff, sizeof fingerprint);
	users[0].revoked = (const uint8_t(*)[STORAGE_KEY_BYTES])fingerprint;
	users[0].revoked_count = key != 0;
	sync_users(fixture, users, 2, ids);
	assert_int_equal(ids[0], FRED);
	assert_int_equal(ids[1], JIMMY);
}

// The row that mailbox_next gives, 0: none.
static inline uint64_t next_row(struct fixture *fixture, int64_t user_id, uint64_t after_row)
{
	struct storage_row row;
	const enum mms_err err = fixture->storage.mailbox_next(fixture->store, user_id, after_row, &row);
	if (err == MMS_E_MISSING)
		return 0;
	assert_int_equal(err, MMS_OK);
	return row.row;
}

static inline bool is_id_held(struct fixture *fixture, uint64_t row)
{
	struct storage_accepted accepted;
	struct uuid id = {{0}};
	memcpy(id.bytes, &row, sizeof row);
	const enum mms_err err = fixture->storage.accepted_find(fixture->store, SENDER, &id, &accepted);
	assert_true(err == MMS_OK || err == MMS_E_MISSING);
	return err == MMS_OK;
}

#endif
