// SPDX-License-Identifier: ISC
// Who has how much in a mailbox, so that one sender takes no other's place: a bound for what no device has, and whose rows go
// first where rows have to go. Only mailboxes that are no longer nearly empty count by sender: a sender alone cannot have half of
// less. Beginning to count reads the mailbox once. The contract is in server_store_inside.h.
#include <assert.h>
#include <string.h>

#include "store/server_store_inside.h"

enum {
	COUNTED_PART = 8, // a mailbox counts by sender from this part of one of its bounds on,
	LEFT_PART = 16,   // until it is within this part of all
};

static uint64_t weight_of(const struct server_mailbox *mailbox)
{
	return mailbox->held_bytes + mailbox->held_rows * MAILBOX_ROW_BYTES;
}

static bool is_within(const struct server_store *store, const struct server_mailbox *mailbox, uint64_t part)
{
	const struct server_store_bounds *bounds = &store->bounds;
	return mailbox->fresh_rows <= bounds->mailbox_rows_max / part &&
	       mailbox->fresh_bytes <= bounds->mailbox_bytes_max / part && weight_of(mailbox) <= bounds->held_bytes_max / part;
}

// --- a share, in memory ---

static struct server_share *place_of(struct server_store *store, int64_t user_id, int64_t sender_id)
{
	return &store->share[((uint64_t)user_id * 31 + (uint64_t)sender_id) % SERVER_SHARES];
}

static enum mms_err write_share(struct server_store *store, struct server_share *share)
{
	if (!share->is_dirty)
		return MMS_OK;
	share->is_dirty = false;
	const bool is_none = share->fresh_rows == 0 && share->taken_weight == 0;
	sqlite3_stmt *statement = store->statement[is_none ? SHARE_REMOVE : SHARE_SET];
	sql_bind_int(statement, 1, share->user_id);
	sql_bind_int(statement, 2, share->sender_id);
	if (!is_none) {
		sql_bind_number(statement, 3, share->fresh_rows);
		sql_bind_number(statement, 4, share->fresh_bytes);
		sql_bind_number(statement, 5, share->taken_weight);
	}
	return sql_run(&store->sql, statement);
}

static enum mms_err read_share(struct server_store *store, struct server_share *share)
{
	sqlite3_stmt *statement = store->statement[SHARE_GET];
	sql_bind_int(statement, 1, share->user_id);
	sql_bind_int(statement, 2, share->sender_id);
	enum mms_err err = sql_row(&store->sql, statement);
	if (err == MMS_OK &&
	    (!sql_read_number(statement, 0, &share->fresh_rows) || !sql_read_number(statement, 1, &share->fresh_bytes) ||
	     !sql_read_number(statement, 2, &share->taken_weight)))
		err = sql_damaged(&store->sql, "a sender's share is malformed");
	sql_reset(statement);
	return err == MMS_E_MISSING ? MMS_OK : err;
}

// Good until the next call.
static enum mms_err find_share(struct server_store *store, int64_t user_id, int64_t sender_id, struct server_share **share)
{
	struct server_share *place = place_of(store, user_id, sender_id);
	*share = place;
	if (place->user_id == user_id && place->sender_id == sender_id)
		return MMS_OK;
	struct server_share found = {.user_id = user_id, .sender_id = sender_id};
	enum mms_err err = write_share(store, place);
	if (err == MMS_OK)
		err = read_share(store, &found);
	if (err == MMS_OK)
		*place = found;
	store->has_shares = true;
	return err;
}

enum mms_err server_store_share_write(struct server_store *store)
{
	enum mms_err err = MMS_OK;
	for (size_t i = 0; i < SERVER_SHARES && err == MMS_OK && store->has_shares; i++)
		err = write_share(store, &store->share[i]);
	return err;
}

// --- counting begins and ends ---

static enum mms_err begin(struct server_store *store, struct server_mailbox *mailbox)
{
	sqlite3_stmt *statement = store->statement[SHARES_MAKE];
	sql_bind_int(statement, 1, mailbox->user_id);
	sql_bind_number(statement, 2, mailbox->purge_row);
	sql_bind_number(statement, 3, mailbox->taken_row);
	sql_bind_int(statement, 4, MAILBOX_ROW_BYTES);
	mailbox->is_by_sender = true;
	server_store_changed(store, mailbox);
	return sql_run(&store->sql, statement);
}

enum mms_err server_store_share_end(struct server_store *store, struct server_mailbox *mailbox, bool is_at_once)
{
	sqlite3_stmt *statement = store->statement[SHARES_REMOVE];
	if (!mailbox->is_by_sender || (!is_at_once && !is_within(store, mailbox, LEFT_PART)))
		return MMS_OK;
	for (size_t i = 0; i < SERVER_SHARES; i++)
		if (store->share[i].user_id == mailbox->user_id)
			store->share[i] = (struct server_share){0};
	mailbox->is_by_sender = false;
	server_store_changed(store, mailbox);
	sql_bind_int(statement, 1, mailbox->user_id);
	return sql_run(&store->sql, statement);
}

// --- what changes ---

enum mms_err server_store_share_fits(struct server_store *store, struct server_mailbox *mailbox, int64_t sender_id,
				     uint64_t bytes, bool *fits)
{
	const uint64_t rows_max = (store->bounds.mailbox_rows_max + MAILBOX_SHARE - 1) / MAILBOX_SHARE;
	const uint64_t bytes_max = (store->bounds.mailbox_bytes_max + MAILBOX_SHARE - 1) / MAILBOX_SHARE;
	struct server_share *share;
	enum mms_err err = MMS_OK;
	*fits = mailbox->fresh_rows < rows_max && mailbox->fresh_bytes + bytes <= bytes_max; // as it would be for one alone
	if (*fits)
		return MMS_OK;
	if (!mailbox->is_by_sender) // the bounds were higher when it got what it has
		err = begin(store, mailbox);
	if (err == MMS_OK)
		err = find_share(store, mailbox->user_id, sender_id, &share);
	if (err == MMS_OK)
		*fits = share->fresh_rows < rows_max && share->fresh_bytes + bytes <= bytes_max;
	return err;
}

enum mms_err server_store_share_put(struct server_store *store, struct server_mailbox *mailbox, const struct server_ref *ref)
{
	struct server_share *share;
	if (!mailbox->is_by_sender)
		return is_within(store, mailbox, COUNTED_PART) ? MMS_OK : begin(store, mailbox);
	const enum mms_err err = find_share(store, mailbox->user_id, ref->sender_id, &share);
	if (err != MMS_OK)
		return err;
	share->fresh_rows += !ref->is_own;
	share->fresh_bytes += ref->is_own ? 0 : ref->bytes;
	share->taken_weight += ref->is_own ? (uint64_t)ref->bytes + MAILBOX_ROW_BYTES : 0;
	share->is_dirty = true;
	return MMS_OK;
}

// What one sender has among rows that are passed.
struct passed {
	uint64_t sender_id;
	uint64_t fresh_rows;
	uint64_t fresh_bytes;
	uint64_t fresh_weight;
	uint64_t left_weight; // leaves the mailbox
};

static enum mms_err pass_share(struct server_store *store, int64_t user_id, const struct passed *passed)
{
	struct server_share *share;
	const enum mms_err err = find_share(store, user_id, (int64_t)passed->sender_id, &share);
	if (err != MMS_OK)
		return err;
	if (share->fresh_rows < passed->fresh_rows || share->fresh_bytes < passed->fresh_bytes ||
	    share->taken_weight + passed->fresh_weight < passed->left_weight)
		return sql_damaged(&store->sql, "a sender's share is miscounted");
	share->fresh_rows -= passed->fresh_rows;
	share->fresh_bytes -= passed->fresh_bytes;
	share->taken_weight += passed->fresh_weight - passed->left_weight;
	share->is_dirty = true;
	return MMS_OK;
}

enum mms_err server_store_share_pass(struct server_store *store, const struct server_mailbox *mailbox, uint64_t after,
				     uint64_t upto, uint64_t low)
{
	sqlite3_stmt *statement = store->statement[REFS_BY_SENDER];
	const int64_t user_id = mailbox->user_id;
	enum mms_err err;
	if (!mailbox->is_by_sender)
		return MMS_OK;
	sql_bind_int(statement, 1, user_id);
	sql_bind_number(statement, 2, after);
	sql_bind_number(statement, 3, upto);
	sql_bind_number(statement, 4, mailbox->taken_row);
	sql_bind_number(statement, 5, low);
	sql_bind_int(statement, 6, MAILBOX_ROW_BYTES);
	while ((err = sql_row(&store->sql, statement)) == MMS_OK) {
		struct passed passed;
		if (sql_read_number(statement, 0, &passed.sender_id) && sql_read_number(statement, 1, &passed.fresh_rows) &&
		    sql_read_number(statement, 2, &passed.fresh_bytes) && sql_read_number(statement, 3, &passed.fresh_weight) &&
		    sql_read_number(statement, 4, &passed.left_weight))
			err = pass_share(store, user_id, &passed);
		else
			err = sql_damaged(&store->sql, "a message's size is malformed");
		if (err != MMS_OK) {
			sql_reset(statement);
			return err;
		}
	}
	return err == MMS_E_MISSING ? MMS_OK : err;
}

enum mms_err server_store_share_drop(struct server_store *store, const struct server_mailbox *mailbox, int64_t sender_id,
				     uint64_t bytes)
{
	const struct passed passed = {.sender_id = (uint64_t)sender_id, .left_weight = bytes + MAILBOX_ROW_BYTES};
	return mailbox->is_by_sender ? pass_share(store, mailbox->user_id, &passed) : MMS_OK;
}

// --- shedding ---

// The sender with most of what some device has. MMS_E_MISSING: no device has anything.
static enum mms_err find_heaviest(struct server_store *store, int64_t user_id, int64_t *sender_id)
{
	sqlite3_stmt *statement = store->statement[SHARE_HEAVIEST];
	enum mms_err err = server_store_share_write(store);
	if (err != MMS_OK)
		return err;
	sql_bind_int(statement, 1, user_id);
	err = sql_row(&store->sql, statement);
	if (err == MMS_OK)
		*sender_id = sqlite3_column_int64(statement, 0);
	sql_reset(statement);
	return err;
}

// A row that may go.
struct goner {
	uint64_t row;
	int64_t sender_id;
	uint64_t bytes;
};

// The oldest of the mailbox that a statement finds, up to `last`. MMS_E_MISSING: none.
static enum mms_err find_oldest(struct server_store *store, const struct server_mailbox *mailbox, enum server_statement which,
				uint64_t last, struct goner *goner)
{
	sqlite3_stmt *statement = store->statement[which];
	sql_bind_int(statement, 1, mailbox->user_id);
	sql_bind_number(statement, 2, mailbox->purge_row);
	if (which == RECEIVED_OLDEST)
		sql_bind_int(statement, 3, goner->sender_id);
	enum mms_err err = sql_row(&store->sql, statement);
	if (err == MMS_OK && (!sql_read_number(statement, 0, &goner->row) || !sql_read_number(statement, 2, &goner->bytes)))
		err = sql_damaged(&store->sql, "a message's size is malformed");
	if (err == MMS_OK)
		goner->sender_id = sqlite3_column_int64(statement, 1);
	sql_reset(statement);
	return err == MMS_OK && goner->row > last ? MMS_E_MISSING : err;
}

// What some device has: of the sender with most of it. What nobody lacked when its first device had it is not known by sender.
static enum mms_err find_received(struct server_store *store, const struct server_mailbox *mailbox, struct goner *goner)
{
	enum mms_err err = find_heaviest(store, mailbox->user_id, &goner->sender_id);
	if (err == MMS_OK)
		err = find_oldest(store, mailbox, RECEIVED_OLDEST, mailbox->taken_row, goner);
	return err == MMS_E_MISSING ? find_oldest(store, mailbox, REF_OLDEST, mailbox->taken_row, goner) : err;
}

// What no device has is never dropped.
static enum mms_err shed_row(struct server_store *store, struct server_mailbox *mailbox)
{
	struct goner goner = {0};
	uint32_t devices = 0;
	uint64_t low = 0;
	enum mms_err err = server_store_devices_have(store, mailbox, &devices, &low);
	if (err == MMS_OK)
		err = find_oldest(store, mailbox, REF_OLDEST, low, &goner);
	if (err == MMS_E_MISSING)
		err = find_oldest(store, mailbox, REF_OWN_OLDEST, INT64_MAX, &goner);
	if (err == MMS_E_MISSING)
		err = find_received(store, mailbox, &goner);
	return err == MMS_OK ? server_store_drop(store, mailbox->user_id, goner.sender_id, goner.row, goner.bytes) : err;
}

enum mms_err server_store_shed(struct server_store *store, struct server_mailbox *mailbox)
{
	enum mms_err err = MMS_OK;
	for (int i = 0; i < MAILBOX_SHED_ROWS_MAX && err == MMS_OK && mailbox->held_rows > mailbox->fresh_rows &&
			weight_of(mailbox) > store->bounds.held_bytes_max; i++)
		err = shed_row(store, mailbox);
	return err == MMS_E_MISSING ? sql_damaged(&store->sql, "a sender's share is miscounted") : err;
}
