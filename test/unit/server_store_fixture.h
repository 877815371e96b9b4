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
#include "base/message.h"
#include "store/server_store.h"
#include "store/server_store_inside.h"

#define NOW ((struct wtime){1800000000000})
// Moments on the monotonic clock.
#define DAYS(n) ((struct mtime){5000000000LL + (n) * 86400000000LL})
#define LATER(at, seconds) ((struct mtime){(at).us + (seconds) * 1000000LL})

enum { FRED = 1, JIMMY = 2, SENDER = 9, OPS_MAX = 4096 };

struct fixture {
	struct scratch scratch;
	char path[PATH_MAX];
	struct server_store *store;
	struct reason why;
	struct storage_mark mark; // of this start, as it began
	uint64_t row_next;        // that the next message will get
	struct mtime now;
	uint32_t history_days;    // 0: none is kept
	bool keeps_own;
	struct storage_appended appended;     // of the last batch
	struct storage_result result[OPS_MAX]; // the same
	struct storage_place place[BATCH_PLACES_MAX]; // and again
	struct storage_page page;              // that was read last
};

static inline void open_store(struct fixture *fixture)
{
	uint8_t start_id[STORAGE_START_ID_BYTES];
	FILE *random = fopen("/dev/urandom", "r");
	assert_non_null(random);
	assert_int_equal(fread(start_id, 1, sizeof start_id, random), sizeof start_id);
	fclose(random);
	if (server_store_open(fixture->path, fixture->now, &fixture->store, &fixture->why) != MMS_OK)
		fail_msg("%s", fixture->why.text);
	assert_int_equal(server_store_start(fixture->store, start_id, &fixture->mark), MMS_OK);
	assert_memory_equal(fixture->mark.start_id, start_id, sizeof start_id);
	fixture->row_next = fixture->mark.commit + 1;
}

static inline void reopen_store(struct fixture *fixture)
{
	server_store_close(fixture->store);
	open_store(fixture);
}

static inline enum mms_err append_moves(struct fixture *fixture, const struct storage_move *moves, size_t move_count,
					const struct storage_op *ops, size_t count, const char *text)
{
	const struct storage_batch batch = {.moves = moves,
					    .move_count = move_count,
					    .ops = ops,
					    .op_count = count,
					    .results = fixture->result,
					    .places = fixture->place,
					    .text = (const uint8_t *)text,
					    .now = fixture->now};
	assert_true(count <= OPS_MAX);
	memset(fixture->result, 0xee, count * sizeof *fixture->result);
	memset(fixture->place, 0xee, sizeof fixture->place);
	return server_store_append(fixture->store, &batch, &fixture->appended, &fixture->why);
}

static inline enum mms_err append(struct fixture *fixture, const struct storage_op *ops, size_t count, const char *text)
{
	return append_moves(fixture, NULL, 0, ops, count, text);
}

static inline void must_keep(struct fixture *fixture, const struct storage_op *ops, size_t count, const char *text)
{
	if (append(fixture, ops, count, text) != MMS_OK)
		fail_msg("%s", fixture->why.text);
	assert_true(fixture->appended.is_kept);
}

// The verdict on one operation.
static inline enum storage_verdict judge(struct fixture *fixture, struct storage_op op)
{
	static char text[TEXT_BYTES_MAX];
	memset(text, 't', sizeof text);
	must_keep(fixture, &op, 1, text);
	return fixture->result[0].verdict;
}

// The newest row that the mailbox of a result had before; where it came to no more than one.
static inline uint64_t row_before(const struct fixture *fixture, size_t index)
{
	const struct storage_result *result = &fixture->result[index];
	assert_int_equal(result->place_count, 1);
	return fixture->place[result->place_first].row_before;
}

// A message to `user_id` that will get the next row if it is new; this is also its id's first byte and its text's length.
static inline struct storage_op accept_op(struct fixture *fixture, int64_t user_id)
{
	const uint64_t row = fixture->row_next++;
	struct storage_op op = {.kind = STORAGE_SUBMIT, .call = (uint32_t)row, .session = 7, .at = NOW};
	op.submit = (struct storage_submit){
		.sender_id = SENDER,
		.device_id = 3,
		.recipient_id = user_id,
		.sender = {"Sender"},
		.kind = MESSAGE_WRITTEN,
		.form = MESSAGE_UTF8,
		.is_online = true,
		.text_bytes = (uint16_t)(row % TEXT_BYTES_MAX + 1),
	};
	memcpy(op.submit.id.bytes, &row, sizeof row);
	memset(op.submit.digest, (int)row, sizeof op.submit.digest);
	return op;
}

static inline uint64_t accept_sized(struct fixture *fixture, int64_t user_id, int64_t sender_id, uint16_t text_bytes)
{
	struct storage_op op = accept_op(fixture, user_id);
	op.submit.text_bytes = text_bytes == 0 ? op.submit.text_bytes : text_bytes;
	op.submit.sender_id = sender_id;
	assert_int_equal(judge(fixture, op), VERDICT_NEW);
	assert_int_equal(fixture->result[0].row, fixture->row_next - 1);
	assert_int_equal(fixture->appended.mark.commit, fixture->row_next - 1);
	return fixture->result[0].row;
}

static inline uint64_t accept_one(struct fixture *fixture, int64_t user_id)
{
	return accept_sized(fixture, user_id, SENDER, 0);
}

static inline struct storage_op enroll_op(int64_t user_id, uint8_t key)
{
	struct storage_op op = {.kind = STORAGE_ENROLL, .at = NOW};
	op.enroll.user_id = user_id;
	memset(op.enroll.key, key, sizeof op.enroll.key);
	memset(op.enroll.fingerprint, key ^ 0xff, sizeof op.enroll.fingerprint);
	return op;
}

// The same with an invite of its own.
static inline struct storage_op invited_op(int64_t user_id, uint8_t key)
{
	struct storage_op op = enroll_op(user_id, key);
	op.enroll.has_invite = true;
	memset(op.enroll.invite_hash, key, sizeof op.enroll.invite_hash);
	return op;
}

// What the store knows when a device with this key signs in for `user_id`.
static inline struct storage_question ask_signin(struct fixture *fixture, uint8_t key, int64_t user_id)
{
	struct storage_question question = {.kind = QUESTION_SIGNIN, .user_id = user_id};
	memset(question.signin.key, key, sizeof question.signin.key);
	question.signin.has_invite = true;
	memset(question.signin.invite_hash, key, sizeof question.signin.invite_hash);
	if (server_store_ask(fixture->store, &question, &fixture->why) != MMS_OK)
		fail_msg("%s", fixture->why.text);
	return question;
}

static inline bool has_device(struct fixture *fixture, uint8_t key)
{
	return ask_signin(fixture, key, 0).is.has_device;
}

static inline struct storage_device device_of(struct fixture *fixture, uint8_t key)
{
	const struct storage_question question = ask_signin(fixture, key, 0);
	assert_true(question.is.has_device);
	return question.is.device;
}

static inline uint64_t waiting(struct fixture *fixture, uint8_t key)
{
	return ask_signin(fixture, key, 0).is.waiting_count;
}

static inline bool is_mark_known(struct fixture *fixture, const struct storage_mark *mark)
{
	struct storage_question question = {.kind = QUESTION_SIGNIN, .signin = {.mark = *mark}};
	assert_int_equal(server_store_ask(fixture->store, &question, &fixture->why), MMS_OK);
	return question.is.is_mark_known;
}

static inline struct storage_device enroll(struct fixture *fixture, int64_t user_id, uint8_t key)
{
	assert_int_equal(judge(fixture, invited_op(user_id, key)), VERDICT_ENROLLED);
	return device_of(fixture, key);
}

static inline void take(struct fixture *fixture, const struct storage_device *device, uint64_t row)
{
	const struct storage_move move = {.user_id = device->user_id, .device_id = device->device_id, .row = row};
	if (append_moves(fixture, &move, 1, NULL, 0, NULL) != MMS_OK)
		fail_msg("%s", fixture->why.text);
}

static inline uint64_t rows_held(struct fixture *fixture, int64_t user_id)
{
	struct server_span span;
	assert_int_equal(server_store_count(fixture->store, user_id, 0, INT64_MAX, &span), MMS_OK);
	return span.rows;
}

// What no device of the user ever had.
static inline struct server_span usage(struct fixture *fixture, int64_t user_id)
{
	struct server_mailbox *mailbox;
	assert_int_equal(server_store_mailbox(fixture->store, user_id, &mailbox), MMS_OK);
	return (struct server_span){mailbox->fresh_rows, mailbox->fresh_bytes};
}

static inline void bound(struct fixture *fixture, uint64_t rows, uint64_t bytes, uint64_t held_bytes)
{
	const struct server_store_bounds bounds = {rows, bytes, held_bytes, SENDER_IDS_MAX, fixture->history_days,
						   HISTORY_DAYS_DEFAULT, fixture->keeps_own};
	server_store_bound(fixture->store, &bounds);
}

static inline void bound_held(struct fixture *fixture, uint64_t held_bytes)
{
	bound(fixture, MAILBOX_ROWS_MAX, MAILBOX_BYTES_MAX, held_bytes);
}

static inline struct server_store_user user_of(const char *name)
{
	struct server_store_user user = {.name = {{0}}};
	snprintf(user.name.text, sizeof user.name.text, "%s", name);
	return user;
}

// Returns how many devices were removed, whose ids are in `removed`, if it is given.
static inline size_t sync_users(struct fixture *fixture, const struct server_store_user *users, size_t count, int64_t *ids,
				int64_t *removed)
{
	int64_t none[1];
	struct server_store_sync sync = {users, count, fixture->now, ids, removed == NULL ? none : removed, 0};
	if (server_store_users_sync(fixture->store, &sync) != MMS_OK)
		fail_msg("%s", server_store_reason(fixture->store)->text);
	return sync.removed_count;
}

// Makes FRED and JIMMY; fred's line revokes the device with this key unless it is 0. Returns the id of the device, 0: none was
// removed.
static inline int64_t list_and_revoke(struct fixture *fixture, uint8_t key)
{
	uint8_t fingerprint[1][STORAGE_KEY_BYTES];
	struct server_store_user users[] = {user_of("fred"), user_of("jimmy")};
	int64_t ids[2];
	int64_t removed[1] = {0};
	memset(fingerprint, key ^ 0xff, sizeof fingerprint);
	users[0].revoked = (const uint8_t(*)[STORAGE_KEY_BYTES])fingerprint;
	users[0].revoked_count = key != 0;
	const size_t count = sync_users(fixture, users, 2, ids, removed);
	assert_int_equal(ids[0], FRED);
	assert_int_equal(ids[1], JIMMY);
	return count == 0 ? 0 : removed[0];
}

static inline int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);
	scratch_open(&fixture->scratch);
	snprintf(fixture->path, sizeof fixture->path, "%.4000s/server.db", fixture->scratch.directory);
	fixture->now = DAYS(0);
	open_store(fixture);
	list_and_revoke(fixture, 0);
	*state = fixture;
	return 0;
}

// Reads a page.
static inline struct storage_question read_page(struct fixture *fixture, int64_t user_id, uint64_t after_row, uint32_t rows_max)
{
	struct storage_question question = {.kind = QUESTION_PAGE,
					    .user_id = user_id,
					    .mailbox = {.after_row = after_row, .rows_max = rows_max},
					    .page = &fixture->page};
	if (server_store_ask(fixture->store, &question, &fixture->why) != MMS_OK)
		fail_msg("%s", fixture->why.text);
	return question;
}

// The first row after `after_row`, 0: none.
static inline uint64_t next_row(struct fixture *fixture, int64_t user_id, uint64_t after_row)
{
	read_page(fixture, user_id, after_row, 1);
	return fixture->page.row_count == 0 ? 0 : fixture->page.row[0].row;
}

static inline bool is_id_held(struct fixture *fixture, uint64_t row)
{
	struct storage_result result;
	struct storage_submit submit = {.sender_id = SENDER};
	memcpy(submit.id.bytes, &row, sizeof row);
	const enum mms_err err = server_store_id_find(fixture->store, &submit, &result);
	assert_true(err == MMS_OK || err == MMS_E_MISSING);
	return err == MMS_OK;
}

static inline int64_t count(struct fixture *fixture, const char *sql)
{
	sqlite3_stmt *statement;
	assert_int_equal(sqlite3_prepare_v2(fixture->store->sql.db, sql, -1, &statement, NULL), SQLITE_OK);
	const int64_t number = sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : -1;
	sqlite3_finalize(statement);
	return number;
}

static inline void housekeep_all(struct fixture *fixture, uint32_t rows_max)
{
	for (bool has_more = true; has_more;)
		assert_int_equal(server_store_housekeep(fixture->store, fixture->now, rows_max, &has_more), MMS_OK);
}

static inline int tear_down(void **state)
{
	struct fixture *fixture = *state;
	server_store_close(fixture->store);
	scratch_close(&fixture->scratch);
	free(fixture);
	return 0;
}

#endif
