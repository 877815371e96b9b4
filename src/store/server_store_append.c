// SPDX-License-Identifier: ISC
// Appending a batch to the server's database: the one place where "accepted" becomes true. Each operation is judged here, in the
// transaction that makes it durable. The contract is in server_store.h, server_store_append.
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "store/server_store_rooms.h"

// --- a message ---

enum mms_err server_store_body_put(struct server_store *store, const struct server_body *body)
{
	sqlite3_stmt *statement = store->statement[BODY_PUT];
	assert(body->text_bytes >= 1);
	assert(body->text_bytes <= TEXT_BYTES_MAX);
	sql_bind_number(statement, 1, body->row);
	sql_bind_int(statement, 2, body->sender_id);
	sql_bind_blob(statement, 3, body->id->bytes, ID_BYTES);
	sql_bind_int(statement, 4, body->device_id);
	sql_bind_int(statement, 5, body->kind);
	sql_bind_int(statement, 6, body->form);
	sql_bind_int(statement, 7, body->to_user);
	sql_bind_int(statement, 8, body->at.ms);
	sql_bind_name(statement, 9, body->sender);
	static const struct name nobody;
	sql_bind_name(statement, 10, body->recipient == NULL ? &nobody : body->recipient);
	sql_bind_blob(statement, 11, body->text, body->text_bytes);
	return sql_run(&store->sql, statement);
}

static enum mms_err put_ref(struct server_store *store, int64_t user_id, const struct server_ref *ref)
{
	sqlite3_stmt *statement = store->statement[REF_PUT];
	sql_bind_int(statement, 1, user_id);
	sql_bind_number(statement, 2, ref->row);
	sql_bind_int(statement, 3, ref->sender_id);
	sql_bind_int(statement, 4, ref->bytes);
	sql_bind_int(statement, 5, (ref->is_silent ? SERVER_REF_SILENT : 0) + (ref->is_own ? SERVER_REF_OWN : 0));
	return sql_run(&store->sql, statement);
}

static void count(struct server_store *store, struct server_mailbox *mailbox, const struct server_ref *ref)
{
	if (mailbox->fresh_rows == 0)
		server_store_note_taken(store, mailbox);
	mailbox->put_rows++;
	mailbox->put_bytes += ref->bytes;
	mailbox->held_rows++;
	mailbox->held_bytes += ref->bytes;
	mailbox->fresh_rows += !ref->is_own;
	mailbox->fresh_bytes += ref->is_own ? 0 : ref->bytes;
	mailbox->row_last = ref->row;
	server_store_changed(store, mailbox);
	if (!ref->is_silent)
		return;
	server_store_more_changed(store, mailbox);
	mailbox->put_silent++;
	mailbox->held_silent++;
	mailbox->fresh_silent += !ref->is_own;
}

enum mms_err server_store_ref_put(struct server_store *store, struct server_mailbox *mailbox, const struct server_ref *ref)
{
	enum mms_err err = put_ref(store, mailbox->user_id, ref);
	if (err != MMS_OK)
		return err;
	count(store, mailbox, ref);
	err = server_store_share_put(store, mailbox, ref);
	return err == MMS_OK ? server_store_shed(store, mailbox) : err;
}

// Whether the message is to stand in its sender's mailbox too. Other mailboxes are to be found again after this.
static enum mms_err is_own_kept(struct server_store *store, const struct storage_submit *submit, bool *is_kept)
{
	struct server_mailbox *mailbox;
	uint32_t devices = 0;
	uint64_t low;
	*is_kept = false;
	if (!store->bounds.keeps_own || submit->sender_id == submit->recipient_id)
		return MMS_OK;
	enum mms_err err = server_store_mailbox(store, submit->sender_id, &mailbox);
	if (err == MMS_OK && !server_store_keeps(store))
		err = server_store_devices_have(store, mailbox, &devices, &low);
	*is_kept = err == MMS_OK && (server_store_keeps(store) || devices > 1);
	return err == MMS_E_MISSING ? MMS_OK : err; // a sender who is forgotten has none
}

// Puts the message into its sender's mailbox.
static enum mms_err put_own(struct server_store *store, const struct server_judged *judged, uint64_t row)
{
	const struct storage_submit *submit = &judged->op->submit;
	struct server_mailbox *mailbox;
	enum mms_err err = server_store_mailbox(store, submit->sender_id, &mailbox);
	if (err == MMS_OK && !store->is_own_noted)
		err = sql_run(&store->sql, store->statement[COUNTER_OWN]);
	if (err != MMS_OK)
		return err;
	store->is_own_noted = store->has_own = true;
	judged->batch->places[(*judged->place_next)++] = (struct storage_place){submit->sender_id, mailbox->row_last, true};
	judged->result->place_count++;
	return server_store_ref_put(store, mailbox, &(struct server_ref){.row = row,
									.sender_id = submit->sender_id,
									.bytes = submit->text_bytes,
									.is_silent = true,
									.is_own = true});
}

// What an id that is held says of the message; a direct one names the mailbox it is in. MMS_E_MISSING: the id is not held.
static enum mms_err find_again(struct server_store *store, const struct server_judged *judged)
{
	const struct storage_submit *submit = &judged->op->submit;
	struct storage_result *result = judged->result;
	const enum mms_err err = server_store_id_find(store, submit, result);
	if (err != MMS_OK || result->verdict != VERDICT_REPEAT || submit->is_to_room || submit->recipient_id == 0)
		return err;
	result->place_first = *judged->place_next;
	result->place_count = 1;
	judged->batch->places[(*judged->place_next)++] = (struct storage_place){submit->recipient_id, UINT64_MAX, false};
	return MMS_OK;
}

// Writes the message, unless its id is held: then that says what it is.
static enum mms_err accept(struct server_store *store, const struct server_judged *judged)
{
	const struct storage_submit *submit = &judged->op->submit;
	const uint64_t row = store->row_next;
	struct server_mailbox *mailbox;
	bool is_new;
	bool has_own = false;
	enum mms_err err = server_store_id_put(store, submit, row, &is_new);
	if (err == MMS_OK && !is_new) {
		err = find_again(store, judged);
		return err == MMS_E_MISSING ? sql_damaged(&store->sql, "an id is held and is not") : err;
	}
	if (err == MMS_OK)
		err = is_own_kept(store, submit, &has_own);
	if (err == MMS_OK)
		err = server_store_body_put(store, &(struct server_body){
			.row = row,
			.sender_id = submit->sender_id,
			.id = &submit->id,
			.device_id = submit->device_id,
			.kind = submit->kind,
			.form = submit->form,
			.text_bytes = submit->text_bytes,
			.to_user = submit->recipient_id,
			.at = judged->op->at,
			.sender = &submit->sender,
			.recipient = has_own ? &submit->recipient : NULL,
			.text = judged->batch->text + submit->text_offset,
		});
	if (err == MMS_OK)
		err = server_store_mailbox(store, submit->recipient_id, &mailbox);
	if (err != MMS_OK)
		return err == MMS_E_MISSING ? sql_damaged(&store->sql, "a user is there and is not") : err;
	struct storage_result *result = judged->result;
	result->verdict = VERDICT_NEW;
	result->was_online = submit->is_online;
	result->row = row;
	result->place_first = *judged->place_next;
	result->place_count = 1;
	struct storage_place *place = &judged->batch->places[(*judged->place_next)++];
	place->user_id = submit->recipient_id;
	place->row_before = mailbox->row_last;
	place->is_own = false;
	store->row_next++;
	err = server_store_ref_put(store, mailbox,
				   &(struct server_ref){.row = row, .sender_id = submit->sender_id, .bytes = submit->text_bytes});
	return err == MMS_OK && has_own ? put_own(store, judged, row) : err;
}

enum mms_err server_store_refuse(struct server_store *store, const struct server_judged *judged, enum storage_verdict verdict)
{
	const struct mtime now = judged->batch->now;
	const enum mms_err err = find_again(store, judged);
	if (err != MMS_E_MISSING)
		return err;
	const struct server_refusal *before = server_refusal_find(&store->refusals, judged->op, now);
	*judged->result = (struct storage_result){.verdict = before == NULL ? verdict : before->verdict};
	if (before == NULL)
		server_refusal_add(&store->refusals, judged->op, verdict, now);
	return MMS_OK;
}

enum mms_err server_store_has_quota(struct server_store *store, struct server_mailbox *mailbox, int64_t sender_id, uint16_t bytes,
				    bool *has)
{
	const struct server_store_bounds *bounds = &store->bounds;
	*has = false;
	if (mailbox->fresh_rows >= bounds->mailbox_rows_max || mailbox->fresh_bytes > bounds->mailbox_bytes_max ||
	    bounds->mailbox_bytes_max - mailbox->fresh_bytes < bytes)
		return MMS_OK;
	return server_store_share_fits(store, mailbox, sender_id, bytes, has);
}

static enum mms_err judge_submit(struct server_store *store, const struct server_judged *judged)
{
	const struct storage_submit *message = &judged->op->submit;
	struct server_mailbox *mailbox = NULL;
	bool fits = false;
	bool is_blocked = false;
	if (message->is_to_room)
		return server_store_room_submit(store, judged);
	enum mms_err err = message->recipient_id == 0 ? MMS_E_MISSING :
							server_store_mailbox(store, message->recipient_id, &mailbox);
	if (err == MMS_E_MISSING)
		return server_store_refuse(store, judged, VERDICT_NO_SUCH_USER);
	if (err == MMS_OK && !server_store_has_room(store))
		return server_store_refuse(store, judged, VERDICT_STORE_FULL);
	if (err == MMS_OK && mailbox->blocked_count > 0)
		err = server_store_is_blocked(store, message->recipient_id, message->sender_id, &is_blocked);
	if (err == MMS_OK && is_blocked)
		return server_store_refuse(store, judged, VERDICT_BLOCKED);
	if (err == MMS_OK)
		err = server_store_has_quota(store, mailbox, message->sender_id, message->text_bytes, &fits);
	if (err != MMS_OK)
		return err;
	if (!fits || server_refusal_find(&store->refusals, judged->op, judged->batch->now) != NULL)
		return server_store_refuse(store, judged, VERDICT_MAILBOX_FULL);
	return accept(store, judged);
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
	sql_bind_number(statement, 8, mailbox->put_silent - mailbox->held_silent);
	sql_bind_number(statement, 9, mailbox->taken_row);
	sql_bind_number(statement, 10, store->row_next - 1);
	sql_bind_number(statement, 11, mailbox->held_rows - mailbox->fresh_rows);
	sql_bind_number(statement, 12, mailbox->held_silent - mailbox->fresh_silent);
	err = sql_run(&store->sql, statement);
	if (err != MMS_OK || !enroll->has_invite)
		return err;
	statement = store->statement[INVITE_PUT];
	sql_bind_blob(statement, 1, enroll->invite_hash, STORAGE_KEY_BYTES);
	return sql_run(&store->sql, statement);
}

static enum mms_err judge_enroll(struct server_store *store, const struct server_judged *judged)
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

static enum mms_err judge(struct server_store *store, const struct server_judged *judged)
{
	switch (judged->op->kind) {
	case STORAGE_SUBMIT:
		return judge_submit(store, judged);
	case STORAGE_ENROLL:
		return judge_enroll(store, judged);
	case STORAGE_CHANGE:
		return server_store_change(store, judged);
	}
	assert(false);
	return MMS_E_BAD;
}

// There was no room for the batch: what was so before stays so, all else is refused.
static enum mms_err judge_unkept(struct server_store *store, const struct server_judged *judged)
{
	int64_t owner_id = 0;
	if (judged->op->kind == STORAGE_SUBMIT)
		return server_store_refuse(store, judged, VERDICT_STORE_FULL);
	if (judged->op->kind == STORAGE_CHANGE)
		return server_store_change_refuse(store, judged, VERDICT_STORE_FULL);
	const enum mms_err err = find_owner(store, &judged->op->enroll, &owner_id);
	const bool is_enrolled = err == MMS_OK && owner_id == judged->op->enroll.user_id;
	judged->result->verdict = is_enrolled ? VERDICT_ENROLLED : VERDICT_STORE_FULL;
	return err == MMS_E_MISSING ? MMS_OK : err;
}

static enum mms_err judge_all(struct server_store *store, const struct storage_batch *batch,
			      enum mms_err (*one)(struct server_store *store, const struct server_judged *judged))
{
	enum mms_err err = MMS_OK;
	uint32_t place_next = 0;
	for (size_t i = 0; i < batch->op_count && err == MMS_OK; i++) {
		batch->results[i] = (struct storage_result){0};
		err = one(store, &(struct server_judged){batch, &batch->ops[i], &batch->results[i], &place_next});
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
