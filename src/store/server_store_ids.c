// SPDX-License-Identifier: ISC
// The ids held at the server: how one comes in, and how a sender's old ones go. The contract is in server_store_inside.h; why they
// may go, in doc/design.md.
#include <assert.h>
#include <string.h>

#include "store/server_store_inside.h"

static_assert(SENDER_IDS_MAX == DEVICES_PER_USER_MAX * OUTBOX_DONE_MAX, "as many as a user's devices offer again");

// --- one comes ---

// Counts them into the sender's generation. One that is full by them, or the first, takes a second statement.
static enum mms_err count_ids(struct server_store *store, const struct server_tally *tally)
{
	static const enum server_statement steps[] = {SENDER_COUNT, SENDER_TURN};
	for (size_t i = 0; i < 2; i++) {
		sqlite3_stmt *statement = store->statement[steps[i]];
		sql_bind_int(statement, 1, tally->sender_id);
		sql_bind_number(statement, 2, tally->ids);
		sql_bind_number(statement, 3, steps[i] == SENDER_TURN ? tally->row_last + 1 : store->sender_ids_max);
		const enum mms_err err = sql_run(&store->sql, statement);
		if (err != MMS_OK || sqlite3_changes(store->sql.db) > 0)
			return err;
	}
	return MMS_OK;
}

static enum mms_err tally(struct server_store *store, int64_t sender_id, uint64_t row)
{
	struct server_tally *place = &store->tally[(uint64_t)sender_id % SERVER_TALLIES];
	enum mms_err err = MMS_OK;
	if (place->ids > 0 && place->sender_id != sender_id) {
		err = count_ids(store, place);
		place->ids = 0;
	}
	*place = (struct server_tally){sender_id, row, place->ids + 1};
	return err;
}

enum mms_err server_store_ids_count(struct server_store *store)
{
	enum mms_err err = MMS_OK;
	for (size_t i = 0; i < SERVER_TALLIES && err == MMS_OK; i++)
		if (store->tally[i].ids > 0)
			err = count_ids(store, &store->tally[i]);
	return err;
}

enum mms_err server_store_id_put(struct server_store *store, const struct storage_op *op, uint64_t seconds)
{
	sqlite3_stmt *statement = store->statement[ACCEPTED_PUT];
	sql_bind_int(statement, 1, op->sender_id);
	sql_bind_blob(statement, 2, op->id.bytes, ID_BYTES);
	sql_bind_int(statement, 3, op->user_id);
	sql_bind_blob(statement, 4, op->digest, DIGEST_BYTES);
	sql_bind_number(statement, 5, op->row);
	sql_bind_int(statement, 6, op->was_online);
	sql_bind_number(statement, 7, seconds);
	const enum mms_err err = sql_run(&store->sql, statement);
	return err == MMS_OK ? tally(store, op->sender_id, op->row) : err;
}

// --- old ones go ---

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
	round->sender_id = sqlite3_column_int64(statement, 0);
	round->id_bytes = 0;
	round->has_left = false;
	if (!sql_read_number(statement, 1, &round->old_row) || round->old_row == 0)
		err = sql_damaged(&store->sql, "a sender is malformed");
	sql_reset(statement);
	return err;
}

// The next id of the sender in the order of ids, which is that of the table. MMS_E_MISSING: none.
static enum mms_err sweep_id(struct server_store *store, struct server_round *round)
{
	sqlite3_stmt *statement = store->statement[ACCEPTED_OF_SENDER];
	uint64_t row = 0;
	sql_bind_int(statement, 1, round->sender_id);
	sql_bind_blob(statement, 2, round->id, round->id_bytes);
	enum mms_err err = sql_row(&store->sql, statement);
	if (err != MMS_OK)
		return err;
	const bool is_waiting = sqlite3_column_int(statement, 2) != 0;
	uint8_t id[ID_BYTES];
	if (!sql_read_blob(statement, 0, id, sizeof id) || !sql_read_number(statement, 1, &row))
		err = sql_damaged(&store->sql, "the verdict on a message is malformed");
	sql_reset(statement);
	if (err != MMS_OK)
		return err;
	memcpy(round->id, id, sizeof id);
	round->id_bytes = sizeof id;
	if (row >= round->old_row)
		return MMS_OK;
	round->has_left |= is_waiting;
	if (is_waiting)
		return MMS_OK;
	sql_bind_number(store->statement[ACCEPTED_REMOVE], 1, row);
	return sql_run(&store->sql, store->statement[ACCEPTED_REMOVE]);
}

enum mms_err server_store_ids_sweep(struct server_store *store, uint32_t *rows_left)
{
	struct server_round *round = &store->round;
	enum mms_err err = round->old_row == 0 ? next_sender(store, round) : MMS_OK;
	for (; *rows_left > 0 && err == MMS_OK; *rows_left -= err == MMS_OK)
		err = sweep_id(store, round);
	if (err != MMS_E_MISSING || round->sender_id == INT64_MAX)
		return err;
	// All of this sender's. What waits is looked at again in the next round.
	sqlite3_stmt *statement = store->statement[SENDER_SWEPT];
	sql_bind_int(statement, 1, round->sender_id);
	sql_bind_number(statement, 2, round->old_row);
	round->old_row = 0;
	return round->has_left ? MMS_OK : sql_run(&store->sql, statement);
}
