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
	struct client_storage storage;
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
	fixture->storage = client_store_storage(fixture->store);
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
	fixture->storage = client_store_storage(fixture->store);
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
	return client_store_outbox_add(store, &id, &JIMMY, text, strlen(text), at);
}

static inline enum mms_err add(struct client_store *store, int n)
{
	return add_at(store, n, NOW);
}

// The id number of the next queued message, 0: none.
static inline int next_queued(struct fixture *fixture, uint64_t *seq, bool *is_reoffer)
{
	struct outbox_row row;
	int n;
	const enum mms_err err = fixture->storage.outbox_next(fixture->store, *seq, &row);
	if (err == MMS_E_MISSING)
		return 0;
	assert_int_equal(err, MMS_OK);
	*seq = row.seq;
	*is_reoffer = row.is_reoffer;
	memcpy(&n, row.id.bytes, sizeof n);
	return n;
}

static inline void verdict(struct fixture *fixture, int n, enum outbox_state state, uint8_t status)
{
	const struct uuid id = id_of(n);
	assert_int_equal(fixture->storage.outbox_verdict(fixture->store, &id, state, status), MMS_OK);
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
		.id = id_of(n), .sender = JIMMY, .accepted_at = NOW, .text = text, .text_bytes = 5};
}

static inline bool put(struct fixture *fixture, struct transcript_row row)
{
	bool is_new;
	assert_int_equal(fixture->storage.transcript_put(fixture->store, &row, &is_new), MMS_OK);
	return is_new;
}

static inline void commit(struct fixture *fixture)
{
	assert_int_equal(fixture->storage.commit(fixture->store), MMS_OK);
}

static inline uint64_t unshown(struct client_store *store)
{
	const struct client_storage storage = client_store_storage(store);
	uint64_t count;
	assert_int_equal(storage.unshown_count(store, &count), MMS_OK);
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
