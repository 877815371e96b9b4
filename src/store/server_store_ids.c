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
		*result = (struct storage_result){
			.verdict = VERDICT_REPEAT, .was_online = sqlite3_column_int(statement, 2) != 0, .row = row};
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

// Runs a statement on one sender.
static enum mms_err run_on(struct server_store *store, enum server_statement which, int64_t sender_id)
{
	sql_bind_int(store->statement[which], 1, sender_id);
	return sql_run(&store->sql, store->statement[which]);
}

// The next sender who has old ids, and how it stands in the round. MMS_E_MISSING: there is none.
static enum mms_err next_sender(struct server_store *store, struct server_round *round, enum server_sweep *sweep)
{
	sqlite3_stmt *statement = store->statement[SENDER_OLD];
	sql_bind_int(statement, 1, round->user_id);
	const enum mms_err err = sql_row(&store->sql, statement);
	if (err != MMS_OK)
		return err;
	round->user_id = sqlite3_column_int64(statement, 0);
	*sweep = (enum server_sweep)sqlite3_column_int(statement, 1);
	sql_reset(statement);
	return MMS_OK;
}

static enum mms_err mark_sender(struct server_store *store, struct server_round *round, uint32_t *rows_left)
{
	enum server_sweep before;
	const enum mms_err err = next_sender(store, round, &before);
	if (err == MMS_OK) {
		--*rows_left;
		return run_on(store, SENDER_MARK, round->user_id);
	}
	if (err == MMS_E_MISSING && round->user_id > 0) {
		*round = (struct server_round){.stage = STAGE_LOOK};
		return MMS_OK;
	}
	return err;
}

// Runs a statement on the ids after those of the round before, up to those of the round now.
static enum mms_err run_on_slice(struct server_store *store, enum server_statement which, const struct server_round *before,
				 const struct server_round *now)
{
	sqlite3_stmt *statement = store->statement[which];
	sql_bind_blob(statement, 1, before->id, before->id_bytes);
	sql_bind_int(statement, 2, before->sender_id);
	sql_bind_blob(statement, 3, now->id, now->id_bytes);
	sql_bind_int(statement, 4, now->sender_id);
	return sql_run(&store->sql, statement);
}

// Finds the end of the next `*rows_left` ids. MMS_E_MISSING: there are no more of them, and as many are left.
static enum mms_err find_slice(struct server_store *store, struct server_round *round, uint32_t *rows_left)
{
	sqlite3_stmt *statement = store->statement[ACCEPTED_SLICE];
	const struct server_round before = *round;
	enum mms_err err;
	sql_bind_blob(statement, 1, before.id, before.id_bytes);
	sql_bind_int(statement, 2, before.sender_id);
	sql_bind_int(statement, 3, *rows_left);
	while ((err = sql_row(&store->sql, statement)) == MMS_OK) {
		if (!sql_read_blob(statement, 0, round->id, sizeof round->id)) {
			err = sql_damaged(&store->sql, "the verdict on a message is malformed");
			sql_reset(statement);
			return err;
		}
		round->id_bytes = sizeof round->id;
		round->sender_id = sqlite3_column_int64(statement, 1);
		--*rows_left;
	}
	return err == MMS_E_MISSING && *rows_left == 0 ? MMS_OK : err;
}

// Old ones go. What waits is looked at again when the next generation ends.
static enum mms_err look_at_ids(struct server_store *store, struct server_round *round, uint32_t *rows_left)
{
	const struct server_round before = *round;
	enum mms_err err = find_slice(store, round, rows_left);
	const bool is_last = err == MMS_E_MISSING;
	if (err == MMS_OK || is_last)
		err = run_on_slice(store, ACCEPTED_REMOVE, &before, round);
	if (err == MMS_OK)
		err = run_on_slice(store, SENDERS_LEFT, &before, round);
	if (err == MMS_OK && is_last)
		*round = (struct server_round){.stage = STAGE_END};
	return err;
}

// Who has no ids left is forgotten.
static enum mms_err end_sender(struct server_store *store, struct server_round *round, uint32_t *rows_left)
{
	enum server_sweep sweep;
	enum mms_err err = next_sender(store, round, &sweep);
	if (err != MMS_OK)
		return err;
	--*rows_left;
	if (sweep == SWEEP_NONE)
		return MMS_OK;
	err = run_on(store, SENDER_SWEPT, round->user_id);
	if (err != MMS_OK || sweep == SWEEP_LEFT)
		return err;
	struct server_tally *place = place_of(store, round->user_id);
	if (place->sender_id == round->user_id)
		*place = (struct server_tally){0}; // nothing is in it now
	return run_on(store, SENDER_FORGET, round->user_id);
}

enum mms_err server_store_ids_sweep(struct server_store *store, uint32_t *rows_left)
{
	struct server_round *round = &store->round;
	assert(*rows_left > 0);
	switch (round->stage) {
	case STAGE_MARK:
		return mark_sender(store, round, rows_left);
	case STAGE_LOOK:
		return look_at_ids(store, round, rows_left);
	case STAGE_END:
		return end_sender(store, round, rows_left);
	}
	assert(false);
	return MMS_E_BAD;
}
