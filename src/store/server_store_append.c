// SPDX-License-Identifier: ISC
// Appending a batch to the server's database: the one place where "accepted" becomes true. Each operation is judged here, in the
// transaction that makes it durable. The contract is in server_store.h, server_store_append.
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "store/server_store_inside.h"

// What is judged, and what comes of it.
struct judged {
	const struct storage_batch *batch;
	const struct storage_op *op;
	struct storage_result *result;
};

// --- a message ---

static enum mms_err put_body(struct server_store *store, const struct judged *judged, uint64_t row)
{
	const struct storage_submit *submit = &judged->op->submit;
	sqlite3_stmt *statement = store->statement[BODY_PUT];
	assert(submit->text_bytes >= 1);
	assert(submit->text_bytes <= TEXT_BYTES_MAX);
	sql_bind_number(statement, 1, row);
	sql_bind_int(statement, 2, submit->sender_id);
	sql_bind_blob(statement, 3, submit->id.bytes, ID_BYTES);
	sql_bind_int(statement, 4, submit->device_id);
	sql_bind_int(statement, 5, submit->kind);
	sql_bind_int(statement, 6, submit->form);
	sql_bind_int(statement, 7, submit->recipient_id);
	sql_bind_int(statement, 8, judged->op->at.ms);
	sql_bind_name(statement, 9, &submit->sender);
	sql_bind_blob(statement, 10, judged->batch->text + submit->text_offset, submit->text_bytes);
	return sql_run(&store->sql, statement);
}

static enum mms_err put_ref(struct server_store *store, const struct storage_submit *submit, uint64_t row)
{
	sqlite3_stmt *statement = store->statement[REF_PUT];
	sql_bind_int(statement, 1, submit->recipient_id);
	sql_bind_number(statement, 2, row);
	sql_bind_int(statement, 3, submit->sender_id);
	sql_bind_int(statement, 4, submit->text_bytes);
	return sql_run(&store->sql, statement);
}

static void count(struct server_store *store, struct server_mailbox *mailbox, uint64_t row, uint16_t bytes)
{
	mailbox->put_rows++;
	mailbox->put_bytes += bytes;
	mailbox->held_rows++;
	mailbox->held_bytes += bytes;
	mailbox->fresh_rows++;
	mailbox->fresh_bytes += bytes;
	mailbox->row_last = row;
	server_store_changed(store, mailbox);
}

// Writes the message, unless its id is held: then that says what it is.
static enum mms_err accept(struct server_store *store, const struct judged *judged, struct server_mailbox *mailbox)
{
	const struct storage_submit *submit = &judged->op->submit;
	const uint64_t row = store->row_next;
	bool is_new;
	enum mms_err err = server_store_id_put(store, submit, row, &is_new);
	if (err == MMS_OK && !is_new) {
		err = server_store_id_find(store, submit, judged->result);
		return err == MMS_E_MISSING ? sql_damaged(&store->sql, "an id is held and is not") : err;
	}
	if (err == MMS_OK)
		err = put_body(store, judged, row);
	if (err == MMS_OK)
		err = put_ref(store, submit, row);
	if (err != MMS_OK)
		return err;
	*judged->result = (struct storage_result){VERDICT_NEW, submit->is_online, row, mailbox->row_last};
	store->row_next++;
	count(store, mailbox, row, submit->text_bytes);
	err = server_store_share_put(store, mailbox, submit->sender_id, submit->text_bytes);
	return err == MMS_OK ? server_store_shed(store, mailbox) : err;
}

// A message that is not accepted now, unless it was before.
static enum mms_err refuse(struct server_store *store, const struct judged *judged, enum storage_verdict verdict)
{
	const struct mtime now = judged->batch->now;
	const enum mms_err err = server_store_id_find(store, &judged->op->submit, judged->result);
	if (err != MMS_E_MISSING)
		return err;
	const struct server_refusal *before = server_refusal_find(&store->refusals, judged->op, now);
	*judged->result = (struct storage_result){.verdict = before == NULL ? verdict : before->verdict};
	if (before == NULL)
		server_refusal_add(&store->refusals, judged->op, verdict, now);
	return MMS_OK;
}

static enum mms_err has_quota(struct server_store *store, struct server_mailbox *mailbox, const struct storage_submit *submit,
			      bool *has)
{
	const struct server_store_bounds *bounds = &store->bounds;
	*has = false;
	if (mailbox->fresh_rows >= bounds->mailbox_rows_max || mailbox->fresh_bytes > bounds->mailbox_bytes_max ||
	    bounds->mailbox_bytes_max - mailbox->fresh_bytes < submit->text_bytes)
		return MMS_OK;
	return server_store_share_fits(store, mailbox, submit->sender_id, submit->text_bytes, has);
}

static enum mms_err judge_submit(struct server_store *store, const struct judged *judged)
{
	const struct storage_submit *message = &judged->op->submit;
	struct server_mailbox *mailbox = NULL;
	bool fits = false;
	enum mms_err err = message->recipient_id == 0 ? MMS_E_MISSING :
							server_store_mailbox(store, message->recipient_id, &mailbox);
	if (err == MMS_E_MISSING)
		return refuse(store, judged, VERDICT_NO_SUCH_USER);
	if (err == MMS_OK && !server_store_has_room(store))
		return refuse(store, judged, VERDICT_STORE_FULL);
	if (err == MMS_OK)
		err = has_quota(store, mailbox, message, &fits);
	if (err != MMS_OK)
		return err;
	if (!fits || server_refusal_find(&store->refusals, judged->op, judged->batch->now) != NULL)
		return refuse(store, judged, VERDICT_MAILBOX_FULL);
	return accept(store, judged, mailbox);
}

// --- a device ---

// The user whose device has this key. MMS_E_MISSING: nobody's.
static enum mms_err find_owner(struct server_store *store, const struct storage_enroll *enroll, int64_t *user_id)
{
	sqlite3_stmt *statement = store->statement[DEVICE_FIND];
	sql_bind_blob(statement, 1, enroll->key, STORAGE_KEY_BYTES);
	const enum mms_err err = sql_row(&store->sql, statement);
	if (err == MMS_OK)
		*user_id = sqlite3_column_int64(statement, 1);
	sql_reset(statement);
	return err;
}

// Whether a key that nobody has may become a device of this user: by an unspent invite, or as the first one.
static enum mms_err may_enroll(struct server_store *store, const struct storage_enroll *enroll, bool *may)
{
	sqlite3_stmt *statement = store->statement[DEVICE_COUNT];
	sql_bind_int(statement, 1, enroll->user_id);
	enum mms_err err = sql_row(&store->sql, statement);
	const int64_t devices = err == MMS_OK ? sqlite3_column_int64(statement, 0) : 0;
	sql_reset(statement);
	*may = devices < DEVICES_PER_USER_MAX && (enroll->has_invite || devices == 0);
	if (err != MMS_OK || !enroll->has_invite)
		return err;
	statement = store->statement[INVITE_FIND];
	sql_bind_blob(statement, 1, enroll->invite_hash, STORAGE_KEY_BYTES);
	err = sql_row(&store->sql, statement);
	sql_reset(statement);
	*may = *may && err == MMS_E_MISSING;
	return err == MMS_E_MISSING ? MMS_OK : err;
}

// The cursor of a new device: before the oldest row held for the user, else before the next commit.
static enum mms_err first_cursor(struct server_store *store, const struct server_mailbox *mailbox, uint64_t *cursor)
{
	sqlite3_stmt *statement = store->statement[REF_OLDEST];
	uint64_t row = store->row_next;
	sql_bind_int(statement, 1, mailbox->user_id);
	sql_bind_number(statement, 2, mailbox->purge_row);
	enum mms_err err = sql_row(&store->sql, statement);
	if (err == MMS_OK && (!sql_read_number(statement, 0, &row) || row == 0))
		err = sql_damaged(&store->sql, "a message has no row number");
	*cursor = row - 1;
	sql_reset(statement);
	return err == MMS_E_MISSING ? MMS_OK : err;
}

static enum mms_err put_device(struct server_store *store, const struct storage_op *op, const struct server_mailbox *mailbox)
{
	const struct storage_enroll *enroll = &op->enroll;
	sqlite3_stmt *statement = store->statement[DEVICE_PUT];
	uint64_t cursor = 0;
	enum mms_err err = first_cursor(store, mailbox, &cursor);
	if (err != MMS_OK)
		return err;
	sql_bind_int(statement, 1, enroll->user_id);
	sql_bind_blob(statement, 2, enroll->key, STORAGE_KEY_BYTES);
	sql_bind_blob(statement, 3, enroll->fingerprint, STORAGE_KEY_BYTES);
	sql_bind_int(statement, 4, op->at.ms);
	sql_bind_number(statement, 5, cursor);
	sql_bind_number(statement, 6, mailbox->put_rows - mailbox->held_rows);
	sql_bind_number(statement, 7, mailbox->put_bytes - mailbox->held_bytes);
	err = sql_run(&store->sql, statement);
	if (err != MMS_OK || !enroll->has_invite)
		return err;
	statement = store->statement[INVITE_PUT];
	sql_bind_blob(statement, 1, enroll->invite_hash, STORAGE_KEY_BYTES);
	return sql_run(&store->sql, statement);
}

static enum mms_err judge_enroll(struct server_store *store, const struct judged *judged)
{
	const struct storage_enroll *device = &judged->op->enroll;
	struct server_mailbox *mailbox;
	int64_t owner_id = 0;
	bool may = false;
	enum mms_err err = find_owner(store, device, &owner_id);
	if (err == MMS_OK)
		judged->result->verdict = owner_id == device->user_id ? VERDICT_ENROLLED : VERDICT_NOT_ENROLLED;
	if (err != MMS_E_MISSING)
		return err;
	err = may_enroll(store, device, &may);
	if (err == MMS_OK)
		err = server_store_mailbox(store, device->user_id, &mailbox);
	if (err == MMS_OK && may) {
		server_store_devices_changed(mailbox);
		err = put_device(store, judged->op, mailbox);
	}
	judged->result->verdict = err == MMS_OK && may ? VERDICT_ENROLLED : VERDICT_NOT_ENROLLED;
	return err == MMS_E_MISSING ? MMS_OK : err; // no such user
}

// --- the batch ---

static enum mms_err judge(struct server_store *store, const struct judged *judged)
{
	switch (judged->op->kind) {
	case STORAGE_SUBMIT:
		return judge_submit(store, judged);
	case STORAGE_ENROLL:
		return judge_enroll(store, judged);
	}
	assert(false);
	return MMS_E_BAD;
}

// There was no room for the batch: what was so before stays so, all else is refused.
static enum mms_err judge_unkept(struct server_store *store, const struct judged *judged)
{
	int64_t owner_id = 0;
	if (judged->op->kind == STORAGE_SUBMIT)
		return refuse(store, judged, VERDICT_STORE_FULL);
	const enum mms_err err = find_owner(store, &judged->op->enroll, &owner_id);
	const bool is_enrolled = err == MMS_OK && owner_id == judged->op->enroll.user_id;
	judged->result->verdict = is_enrolled ? VERDICT_ENROLLED : VERDICT_STORE_FULL;
	return err == MMS_E_MISSING ? MMS_OK : err;
}

static enum mms_err judge_all(struct server_store *store, const struct storage_batch *batch,
			      enum mms_err (*one)(struct server_store *store, const struct judged *judged))
{
	enum mms_err err = MMS_OK;
	for (size_t i = 0; i < batch->op_count && err == MMS_OK; i++) {
		batch->results[i] = (struct storage_result){0};
		err = one(store, &(struct judged){batch, &batch->ops[i], &batch->results[i]});
	}
	return err;
}

// After a batch that was not kept. What was accepted before is promised anew: by a file that still stands where it is looked for.
static enum mms_err refuse_all(struct server_store *store, const struct storage_batch *batch)
{
	const enum mms_err err = judge_all(store, batch, judge_unkept);
	return err == MMS_OK ? server_store_check_place(store) : err;
}

enum mms_err server_store_append(struct server_store *store, const struct storage_batch *batch,
				 struct storage_appended *appended, struct reason *why)
{
	enum mms_err err = server_store_begin(store, batch->now);
	for (size_t i = 0; i < batch->move_count && err == MMS_OK; i++)
		err = server_store_move(store, &batch->moves[i]);
	if (err == MMS_OK)
		err = judge_all(store, batch, judge);
	err = server_store_end(store, err);
	if (err != MMS_OK)
		*why = store->sql.reason;
	appended->is_kept = err == MMS_OK;
	if (err == MMS_E_NOSPACE) {
		err = refuse_all(store, batch);
		if (err != MMS_OK)
			*why = store->sql.reason;
		store->is_broken |= err != MMS_OK;
	}
	appended->has_room = server_store_has_room(store);
	appended->mark.commit = store->commit_next - 1;
	memcpy(appended->mark.start_id, store->start_id, sizeof store->start_id);
	return err == MMS_OK ? MMS_OK : MMS_E_IO;
}
