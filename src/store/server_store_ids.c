// SPDX-License-Identifier: ISC
// The ids held at the server: how one comes in and judges what comes again, and how a sender's old ones go, by generations. The
// contract is in server_store_inside.h; why they may go, in doc/design.md.
#include <assert.h>
#include <string.h>

#include "store/server_store_inside.h"

static_assert(SENDER_IDS_MAX == DEVICES_PER_USER_MAX * OUTBOX_DONE_MAX, "as many as a user's devices offer again");

// --- one comes ---

// Writes down what a sender had accepted. A generation that is full by it, or the first, takes a second statement.
static enum mms_err write_tally(struct server_store *store, struct server_tally *tally)
{
	static const enum server_statement steps[] = {SENDER_COUNT, SENDER_TURN};
	enum mms_err err = MMS_OK;
	for (size_t i = 0; i < 2 && err == MMS_OK; i++) {
		sqlite3_stmt *statement = store->statement[steps[i]];
		sql_bind_int(statement, 1, tally->sender_id);
		sql_bind_number(statement, 2, tally->ids);
		sql_bind_number(statement, 3, i == 1 ? tally->row_last + 1 : store->bounds.sender_ids_max);
		if (i == 1)
			sql_bind_number(statement, 4, store->seconds_open);
		err = sql_run(&store->sql, statement);
		if (sqlite3_changes(store->sql.db) > 0)
			break;
	}
	tally->ids = 0;
	return err;
}

enum mms_err server_store_ids_write(struct server_store *store)
{
	enum mms_err err = MMS_OK;
	for (size_t i = 0; i < SERVER_TALLIES && err == MMS_OK; i++)
		if (store->tally[i].ids > 0)
			err = write_tally(store, &store->tally[i]);
	return err;
}

static struct server_tally *place_of(struct server_store *store, int64_t sender_id)
{
	return &store->tally[(uint64_t)sender_id % SERVER_TALLIES];
}

// A sender's first one is written at once, so that the table has all who have ids.
static enum mms_err tally(struct server_store *store, int64_t sender_id, uint64_t row)
{
	struct server_tally *place = place_of(store, sender_id);
	const bool is_first = place->sender_id != sender_id;
	enum mms_err err = MMS_OK;
	if (is_first && place->ids > 0)
		err = write_tally(store, place);
	*place = (struct server_tally){sender_id, row, place->ids + 1};
	if (err == MMS_OK && (is_first || place->ids >= store->tally_ids_max))
		err = write_tally(store, place);
	return err;
}

enum mms_err server_store_id_put(struct server_store *store, const struct storage_submit *submit, uint64_t row, bool *is_new)
{
	sqlite3_stmt *statement = store->statement[ACCEPTED_PUT];
	sql_bind_int(statement, 1, submit->sender_id);
	sql_bind_blob(statement, 2, submit->id.bytes, ID_BYTES);
	sql_bind_blob(statement, 3, submit->digest, DIGEST_BYTES);
	sql_bind_number(statement, 4, row);
	sql_bind_int(statement, 5, submit->is_online);
	const enum mms_err err = sql_run(&store->sql, statement);
	*is_new = err == MMS_OK && sqlite3_changes(store->sql.db) > 0;
	return *is_new ? tally(store, submit->sender_id, row) : err;
}

enum mms_err server_store_id_find(struct server_store *store, const struct storage_submit *submit, struct storage_result *result)
{
	sqlite3_stmt *statement = store->statement[ACCEPTED_FIND];
	uint8_t digest[DIGEST_BYTES];
	uint64_t row = 0;
	sql_bind_int(statement, 1, submit->sender_id);
	sql_bind_blob(statement, 2, submit->id.bytes, ID_BYTES);
	enum mms_err err = sql_row(&store->sql, statement);
	if (err != MMS_OK)
		return err;
	if (!sql_read_blob(statement, 0, digest, sizeof digest) || !sql_read_number(statement, 1, &row))
		err = sql_damaged(&store->sql, "the verdict on a message is malformed");
	else if (memcmp(digest, submit->digest, sizeof digest) != 0)
		*result = (struct storage_result){.verdict = VERDICT_ID_MISUSED};
	else
		*result = (struct storage_result){VERDICT_REPEAT, sqlite3_column_int(statement, 2) != 0, row, UINT64_MAX};
	sql_reset(statement);
	return err;
}

// --- old ones go ---

enum mms_err server_store_ids_age(struct server_store *store, int64_t limit)
{
	sqlite3_stmt *statement = store->statement[SENDER_AGED];
	sql_bind_int(statement, 1, limit);
	const enum mms_err err = sql_row(&store->sql, statement);
	if (err != MMS_OK)
		return err;
	const int64_t sender_id = sqlite3_column_int64(statement, 0);
	sql_reset(statement);
	statement = store->statement[SENDER_TURN];
	sql_bind_int(statement, 1, sender_id);
	sql_bind_number(statement, 2, 0);
	sql_bind_number(statement, 3, store->row_next);
	sql_bind_number(statement, 4, store->seconds_open);
	return sql_run(&store->sql, statement);
}

// Goes on to the next sender who has old ids.
static enum mms_err next_sender(struct server_store *store, struct server_round *round)
{
	sqlite3_stmt *statement = store->statement[SENDER_OLD];
	sql_bind_int(statement, 1, round->sender_id);
	enum mms_err err = sql_row(&store->sql, statement);
	if (err == MMS_E_MISSING)
		round->sender_id = INT64_MAX;
	if (err != MMS_OK)
		return err;
	*round = (struct server_round){.sender_id = sqlite3_column_int64(statement, 0)};
	if (!sql_read_number(statement, 1, &round->old_row) || round->old_row == 0)
		err = sql_damaged(&store->sql, "a sender is malformed");
	sql_reset(statement);
	return err;
}

static enum mms_err remove_id(struct server_store *store, int64_t sender_id, const uint8_t id[ID_BYTES])
{
	sqlite3_stmt *statement = store->statement[ACCEPTED_REMOVE];
	sql_bind_int(statement, 1, sender_id);
	sql_bind_blob(statement, 2, id, ID_BYTES);
	return sql_run(&store->sql, statement);
}

// The next id of the sender in the order of ids, which is that of the table. MMS_E_MISSING: none.
static enum mms_err sweep_id(struct server_store *store, struct server_round *round)
{
	sqlite3_stmt *statement = store->statement[ACCEPTED_NEXT];
	uint64_t row = 0;
	uint8_t id[ID_BYTES];
	sql_bind_int(statement, 1, round->sender_id);
	sql_bind_blob(statement, 2, round->id, round->id_bytes);
	enum mms_err err = sql_row(&store->sql, statement);
	if (err != MMS_OK)
		return err;
	const bool is_waiting = sqlite3_column_int(statement, 2) != 0;
	if (!sql_read_blob(statement, 0, id, sizeof id) || !sql_read_number(statement, 1, &row))
		err = sql_damaged(&store->sql, "the verdict on a message is malformed");
	sql_reset(statement);
	if (err != MMS_OK)
		return err;
	memcpy(round->id, id, sizeof id);
	round->id_bytes = sizeof id;
	if (!is_waiting && row < round->old_row)
		return remove_id(store, round->sender_id, id);
	round->has_left = true;
	return MMS_OK;
}

// All of this sender's were looked at. What waits is looked at again when the next generation ends. Who has none left is forgotten.
static enum mms_err finish_sender(struct server_store *store, struct server_round *round)
{
	sqlite3_stmt *statement = store->statement[SENDER_SWEPT];
	sql_bind_int(statement, 1, round->sender_id);
	sql_bind_number(statement, 2, round->old_row);
	round->old_row = 0;
	const enum mms_err err = sql_run(&store->sql, statement);
	if (err != MMS_OK || round->has_left)
		return err;
	struct server_tally *place = place_of(store, round->sender_id);
	if (place->sender_id == round->sender_id)
		*place = (struct server_tally){0}; // nothing is in it now
	statement = store->statement[SENDER_FORGET];
	sql_bind_int(statement, 1, round->sender_id);
	return sql_run(&store->sql, statement);
}

enum mms_err server_store_ids_sweep(struct server_store *store, uint32_t *rows_left)
{
	struct server_round *round = &store->round;
	enum mms_err err = round->old_row == 0 ? next_sender(store, round) : MMS_OK;
	for (; *rows_left > 0 && err == MMS_OK; *rows_left -= err == MMS_OK)
		err = sweep_id(store, round);
	if (err != MMS_E_MISSING || round->sender_id == INT64_MAX)
		return err;
	return finish_sender(store, round);
}
