// SPDX-License-Identifier: ISC
// For the tests of a profile's database: two openings of one in a directory of its own, and rows in few words.
#ifndef MMS_TEST_CLIENT_STORE_FIXTURE_H
#define MMS_TEST_CLIENT_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "scratch.h"
#include "store/client_store.h"

static const struct wtime NOW = {1800000000000};
static const struct name FRED = {"fred"};
static const struct name JIMMY = {"Jimmy"};

struct fixture {
	struct scratch scratch;
	char path[PATH_MAX];
	struct client_store *store;
	struct client_store *other; // as another process would have it open
	struct client_batch batch; // what gathers
	struct client_appended appended;
	struct client_answer answer;
	struct reason why;
};

static inline struct client_store *open_one(struct fixture *fixture)
{
	struct client_store *store;
	if (client_store_open(fixture->path, &store, &fixture->why) != MMS_OK)
		fail_msg("%s", fixture->why.text);
	return store;
}

static inline int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);
	scratch_open(&fixture->scratch);
	snprintf(fixture->path, sizeof fixture->path, "%.4000s/fred.db", fixture->scratch.directory);
	fixture->store = open_one(fixture);
	fixture->other = open_one(fixture);
	*state = fixture;
	return 0;
}

static inline int tear_down(void **state)
{
	struct fixture *fixture = *state;
	client_store_close(fixture->store);
	client_store_close(fixture->other);
	scratch_close(&fixture->scratch);
	free(fixture);
	return 0;
}

static inline void reopen(struct fixture *fixture)
{
	client_store_close(fixture->store);
	fixture->store = open_one(fixture);
}

static inline struct uuid id_of(int n)
{
	struct uuid id = {{0}};
	memcpy(id.bytes, &n, sizeof n);
	id.bytes[ID_BYTES - 1] = 1;
	return id;
}

static inline enum mms_err add_at(struct client_store *store, int n, struct wtime at)
{
	const struct uuid id = id_of(n);
	char text[32];
	snprintf(text, sizeof text, "text %d", n);
	const struct outbox_row wish = outbox_message(&id, &(struct message_to){.name = JIMMY}, text, strlen(text));
	return client_store_outbox_add(store, &wish, at);
}

static inline enum mms_err add(struct client_store *store, int n)
{
	return add_at(store, n, NOW);
}

static inline enum mms_err ask(struct fixture *fixture, enum client_question_kind kind, uint64_t after_seq, uint32_t rows_max)
{
	const struct client_question question = {.number = 7, .kind = kind, .after_seq = after_seq, .rows_max = rows_max};
	client_store_answer(fixture->store, &question, &fixture->answer);
	assert_int_equal(fixture->answer.number, 7);
	return fixture->answer.err;
}

// The id number of the next queued message, 0: none.
static inline int next_queued(struct fixture *fixture, uint64_t *seq, bool *is_reoffer)
{
	int n;
	assert_int_equal(ask(fixture, CLIENT_ASK_OUTBOX, *seq, 1), MMS_OK);
	if (fixture->answer.row_count == 0)
		return 0;
	*seq = fixture->answer.row[0].seq;
	*is_reoffer = fixture->answer.row[0].is_reoffer;
	memcpy(&n, fixture->answer.row[0].id.bytes, sizeof n);
	return n;
}

static inline struct client_op *gather(struct fixture *fixture, enum client_op_kind kind)
{
	struct client_op *op = &fixture->batch.op[fixture->batch.op_count++];
	*op = (struct client_op){.kind = kind};
	return op;
}

static inline void verdict(struct fixture *fixture, int n, enum outbox_state state, uint8_t status)
{
	struct client_op *op = gather(fixture, CLIENT_OP_VERDICT);
	op->id = id_of(n);
	op->verdict = (struct client_op_verdict){.state = state, .status = status};
}

// Everything accepted is to be offered again.
static inline void reoffer(struct fixture *fixture)
{
	gather(fixture, CLIENT_OP_MARK)->mark = (struct client_op_mark){.mark = {{9}, 1}, .is_reoffer_wanted = true};
}

// What has gathered, as a batch; the next one begins.
static inline enum mms_err append(struct fixture *fixture)
{
	fixture->batch.number++;
	client_store_append(fixture->store, &fixture->batch, &fixture->appended);
	assert_int_equal(fixture->appended.number, fixture->batch.number);
	fixture->batch.op_count = fixture->batch.text_bytes = 0;
	return fixture->appended.err;
}

static inline void commit(struct fixture *fixture)
{
	assert_int_equal(append(fixture), MMS_OK);
}

static inline void expect_verdict(struct client_store *store, int n, enum outbox_state state, uint8_t status)
{
	const struct uuid id = id_of(n);
	enum outbox_state found_state;
	uint8_t found_status;
	assert_int_equal(client_store_outbox_find(store, &id, &found_state, &found_status), MMS_OK);
	assert_int_equal(found_state, state);
	assert_int_equal(found_status, status);
}

static inline struct transcript_row entry(int n)
{
	static const uint8_t text[] = "hello";
	return (struct transcript_row){
		.id = id_of(n), .kind = MESSAGE_WRITTEN, .form = MESSAGE_UTF8, .sender = JIMMY,
		.accepted_at = NOW, .text = text, .text_bytes = 5};
}

// Into what gathers. Returns its place there.
static inline uint32_t put_later(struct fixture *fixture, struct transcript_row row)
{
	struct client_batch *batch = &fixture->batch;
	struct client_op *op = gather(fixture, CLIENT_OP_PUT);
	op->id = row.id;
	op->put = (struct client_op_put){
		.is_gap = row.is_gap, .gap_count = row.gap_count, .kind = row.kind, .form = row.form, .is_own = row.is_own,
		.is_history = row.is_history, .room_id = row.room_id, .room_row = row.room_row, .sender = row.sender,
		.conversation = row.conversation,
		.accepted_at = row.accepted_at, .text_offset = batch->text_bytes, .text_bytes = row.text_bytes};
	if (row.text_bytes > 0)
		memcpy(batch->text + batch->text_bytes, row.text, row.text_bytes);
	batch->text_bytes += row.text_bytes;
	return batch->op_count - 1;
}

// Puts it, with what has gathered. Returns whether it is new.
static inline bool put(struct fixture *fixture, struct transcript_row row)
{
	const uint32_t place = put_later(fixture, row);
	commit(fixture);
	return fixture->appended.result[place] == CLIENT_RESULT_NEW;
}

static inline enum mms_err next_unshown(struct client_store *store, uint64_t after_seq, struct transcript_row *row)
{
	return client_store_transcript_next(store, &(struct transcript_range){after_seq, UINT64_MAX, true}, row);
}

static inline uint64_t unshown(struct client_store *store)
{
	struct transcript_row row = {0};
	uint64_t count = 0;
	while (next_unshown(store, row.seq, &row) == MMS_OK)
		count++;
	return count;
}

// How many of them are messages that waited.
static inline uint64_t waiting(struct client_store *store)
{
	uint64_t count;
	assert_int_equal(client_store_transcript_waiting(store, &(struct transcript_range){0, UINT64_MAX, true}, &count), MMS_OK);
	return count;
}

// Runs SQL on the file beside the stores.
static inline void tamper(struct fixture *fixture, const char *sql)
{
	sqlite3 *db;
	char *message = NULL;
	assert_int_equal(sqlite3_open(fixture->path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
		fail_msg("%s", message);
	sqlite3_close(db);
}

#endif
