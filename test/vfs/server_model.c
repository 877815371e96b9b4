// SPDX-License-Identifier: ISC
// What must stand in the server's database after each operation; see server_model.h.
#include "server_model.h"

#include <assert.h>
#include <string.h>

#include "base/limits.h"
#include "world.h"

static const int64_t DAY_SECONDS = 24 * 60 * 60;

void model_init(struct server_model *model)
{
	memset(model, 0, sizeof *model);
	model->commit_next = 1;
	model->held_bytes_max = MAILBOX_HELD_BYTES_MAX;
	model->ids_max = SENDER_IDS_MAX;
}

void model_start(struct server_model *model, uint32_t serial)
{
	assert(model->start_count < MODEL_STARTS_MAX);
	model->start_serial[model->start_count] = serial;
	model->start_first[model->start_count++] = model->commit_next;
}

void model_users_sync(struct server_model *model, unsigned listed, bool is_loud, int64_t seconds)
{
	for (unsigned i = 0; i < MODEL_USERS; i++) {
		struct model_user *user = &model->user[i];
		if ((listed & (1u << i)) != 0) {
			if (user->id == 0)
				user->id = ++model->user_id_last;
			assert(user->id < MODEL_IDS_MAX);
			user->is_absent = false;
			user->is_loud = is_loud;
		} else if (user->id != 0 && !user->is_absent) {
			user->is_absent = true;
			user->absent_since = seconds;
		}
	}
	model->seconds = seconds;
}

void model_invites_gone(struct server_model *model)
{
	memset(model->is_spent, 0, sizeof model->is_spent);
}

uint32_t model_cursors(const struct server_model *model, int64_t user_id, uint64_t *low, uint64_t *high)
{
	uint32_t count = 0;
	*low = *high = 0;
	for (unsigned i = 0; i < MODEL_KEYS; i++) {
		const struct model_device *device = &model->device[i];
		if (device->id == 0 || device->user_id != user_id)
			continue;
		*low = count == 0 || device->cursor < *low ? device->cursor : *low;
		*high = device->cursor > *high ? device->cursor : *high;
		count++;
	}
	return count;
}

static void remove_rows(struct server_model *model, int64_t user_id, uint64_t row)
{
	for (uint32_t i = 0; i < model->message_count; i++) {
		struct model_message *message = &model->message[i];
		if (message->recipient_id == user_id && message->row <= row)
			message->is_kept = false;
	}
}

// The row leaves the mailbox, and devices that do not have it have a gap.
static void drop(struct server_model *model, struct model_message *message)
{
	message->is_kept = false;
	for (unsigned i = 0; i < MODEL_KEYS; i++) {
		struct model_device *device = &model->device[i];
		if (device->id == 0 || device->user_id != message->recipient_id || device->cursor >= message->row)
			continue;
		device->gap_row = message->row > device->gap_row ? message->row : device->gap_row;
		device->gap_count++;
	}
}

// Whether a mailbox holds more than it may; `*oldest` is its first row that some device has, NULL: none.
static bool is_over(struct server_model *model, int64_t user_id, struct model_message **oldest)
{
	uint64_t bytes = 0;
	*oldest = NULL;
	for (uint32_t i = 0; i < model->message_count; i++) {
		struct model_message *message = &model->message[i];
		if (!model_holds(model, message, user_id))
			continue;
		bytes += MAILBOX_ROW_BYTES + message->text_bytes;
		if (*oldest == NULL && message->row <= model->taken_row[user_id])
			*oldest = message;
	}
	return bytes > model->held_bytes_max;
}

void model_accept(struct server_model *model, uint64_t row, uint32_t serial, uint8_t sender, uint8_t recipient,
		  uint16_t text_bytes, int64_t seconds)
{
	struct model_message *oldest;
	assert(model->message_count < MODEL_MESSAGES_MAX);
	model->message[model->message_count++] = (struct model_message){
		.row = row,
		.serial = serial,
		.sender = sender,
		.sender_id = model->user[sender].id,
		.recipient_id = model->user[recipient].id,
		.at = seconds,
		.text_bytes = text_bytes,
		.is_kept = true,
		.is_held = true,
	};
	model->sender[model->user[sender].id].batch_ids++;
	model->sender[model->user[sender].id].batch_row = row;
	for (int i = 0; i < MAILBOX_SHED_ROWS_MAX; i++) {
		if (!is_over(model, model->user[recipient].id, &oldest) || oldest == NULL)
			return;
		drop(model, oldest);
	}
}

void model_cursor(struct server_model *model, unsigned key, uint64_t row, int64_t seconds)
{
	struct model_device *device = &model->device[key];
	uint64_t low;
	uint64_t high;
	if (device->id == 0 || device->cursor >= row)
		return;
	device->cursor = row;
	model_cursors(model, device->user_id, &low, &high);
	remove_rows(model, device->user_id, low);
	uint64_t *taken_row = &model->taken_row[device->user_id];
	for (uint32_t i = 0; i < model->message_count; i++) {
		struct model_message *message = &model->message[i];
		if (message->is_kept && message->recipient_id == device->user_id && message->row > *taken_row &&
		    message->row <= row) {
			message->is_taken = true;
			message->taken_at = seconds;
		}
	}
	*taken_row = row > *taken_row ? row : *taken_row;
}

bool model_holds(const struct server_model *model, const struct model_message *message, int64_t user_id)
{
	return message->is_kept && message->recipient_id == user_id && !model->is_gone[user_id];
}

void model_enroll(struct server_model *model, unsigned key, uint8_t user, bool has_invite)
{
	struct model_device *device = &model->device[key];
	if (device->id != 0)
		return;
	*device = (struct model_device){.id = ++model->device_id_last, .user_id = model->user[user].id};
	device->cursor = model->commit_next - 1;
	for (uint32_t i = model->message_count; i > 0; i--) {
		if (model->message[i - 1].is_kept && model->message[i - 1].recipient_id == device->user_id)
			device->cursor = model->message[i - 1].row - 1;
	}
	if (has_invite)
		model->is_spent[key] = true;
}

void model_gap_told(struct server_model *model, unsigned key, uint64_t row)
{
	struct model_device *device = &model->device[key];
	if (device->gap_row <= row)
		device->gap_row = device->gap_count = 0;
}

void model_batch_end(struct server_model *model, uint64_t row_next, int64_t seconds)
{
	for (int id = 0; id < MODEL_IDS_MAX; id++) {
		struct model_sender *sender = &model->sender[id];
		if (sender->batch_ids == 0)
			continue;
		sender->new_ids += sender->batch_ids;
		if (sender->is_known && sender->new_ids >= model->ids_max) {
			sender->old_row = sender->edge_row;
			sender->edge_row = sender->batch_row + 1;
			sender->new_ids = 0;
		}
		sender->is_known = true;
		sender->batch_ids = 0;
	}
	model->commit_next = row_next;
	model->seconds = seconds;
}

void model_revoke(struct server_model *model, unsigned key)
{
	const struct model_device removed = model->device[key];
	uint64_t low;
	uint64_t high;
	model->device[key] = (struct model_device){0};
	if (removed.id != 0 && model_cursors(model, removed.user_id, &low, &high) > 0)
		remove_rows(model, removed.user_id, low);
}

// --- housekeeping ---

// The message that its first device took longest ago, if that is long enough ago.
static struct model_message *find_expired(struct server_model *model, int64_t limit)
{
	struct model_message *found = NULL;
	for (uint32_t i = 0; i < model->message_count; i++) {
		struct model_message *message = &model->message[i];
		if (message->is_kept && message->is_taken && message->taken_at <= limit &&
		    (found == NULL || message->taken_at < found->taken_at))
			found = message;
	}
	return found;
}

static struct model_user *find_expired_user(struct server_model *model, int64_t limit)
{
	struct model_user *found = NULL;
	for (unsigned i = 0; i < MODEL_USERS; i++) {
		struct model_user *user = &model->user[i];
		if (user->id != 0 && user->is_absent && user->absent_since <= limit &&
		    (found == NULL || user->absent_since < found->absent_since))
			found = user;
	}
	return found;
}

static void expire_user(struct server_model *model, struct model_user *user)
{
	for (unsigned i = 0; i < MODEL_KEYS; i++) {
		if (model->device[i].user_id == user->id)
			model->device[i] = (struct model_device){0};
	}
	for (uint32_t i = 0; i < model->message_count; i++)
		model->is_gone[user->id] |= model->message[i].recipient_id == user->id; // there is a mailbox
	model->sender[user->id] = (struct model_sender){0};
	*user = (struct model_user){0};
}

// Removes what is in mailboxes of users who are gone, and then the mailboxes.
static void purge(struct server_model *model, uint32_t *rows_left)
{
	for (int64_t id = 1; id <= model->user_id_last && *rows_left > 0; id++) {
		if (!model->is_gone[id])
			continue;
		for (uint32_t i = 0; i < model->message_count && *rows_left > 0; i++) {
			struct model_message *message = &model->message[i];
			if (message->is_kept && message->recipient_id == id) {
				message->is_kept = false;
				--*rows_left;
			}
		}
		if (*rows_left == 0)
			return;
		--*rows_left;
		model->is_gone[id] = false;
	}
}

// The next message whose id is held of a sender, in the order of ids; NULL: none.
static struct model_message *next_id(struct server_model *model, const struct model_round *round)
{
	const struct uuid last = world_id(round->serial);
	struct model_message *next = NULL;
	struct uuid next_id;
	for (uint32_t i = 0; i < model->message_count; i++) {
		struct model_message *message = &model->message[i];
		const struct uuid id = world_id(message->serial);
		if (!message->is_held || message->sender_id != round->sender_id ||
		    (round->serial != 0 && memcmp(&id, &last, sizeof id) <= 0) ||
		    (next != NULL && memcmp(&id, &next_id, sizeof id) >= 0))
			continue;
		next = message;
		next_id = id;
	}
	return next;
}

// Of senders with old ids, those go whose message waits for nobody.
static void sweep_ids(struct server_model *model, uint32_t *rows_left, struct model_round *round)
{
	while (*rows_left > 0) {
		while (round->old_row == 0) {
			if (round->sender_id >= model->user_id_last)
				return;
			const int64_t sender_id = round->sender_id + 1;
			*round = (struct model_round){.sender_id = sender_id,
						      .old_row = model->sender[sender_id].old_row,
						      .expired_row = round->expired_row};
		}
		struct model_message *message;
		while (*rows_left > 0 && (message = next_id(model, round)) != NULL) {
			round->serial = message->serial;
			--*rows_left;
			if (message->row >= round->old_row)
				continue;
			round->has_left |= message->is_kept;
			message->is_held = message->is_kept;
		}
		if (*rows_left == 0)
			return;
		struct model_sender *sender = &model->sender[round->sender_id];
		if (!round->has_left && sender->old_row == round->old_row)
			sender->old_row = 0;
		round->old_row = 0;
	}
}

// Returns whether ids are left to look at.
static bool expire_ids(struct server_model *model, int64_t seconds, uint32_t rows_left, struct model_round *round)
{
	for (uint32_t i = 0; i < model->message_count && rows_left > 0; i++) {
		struct model_message *message = &model->message[i];
		if (!message->is_held || message->row <= round->expired_row)
			continue;
		if (message->at > seconds - ID_RETENTION_DAYS * DAY_SECONDS)
			break;
		round->expired_row = message->row;
		message->is_held = message->is_kept;
		rows_left--;
	}
	return rows_left == 0;
}

bool model_housekeep(struct server_model *model, int64_t seconds, uint32_t rows_max, struct model_round *round)
{
	const int64_t limit = seconds - RETENTION_DAYS * DAY_SECONDS;
	uint32_t rows_left = rows_max;
	struct model_message *message;
	struct model_user *user;
	while (rows_left > 0 && (message = find_expired(model, limit)) != NULL) {
		drop(model, message);
		rows_left--;
	}
	for (; rows_left > 0 && (user = find_expired_user(model, limit)) != NULL; rows_left--)
		expire_user(model, user);
	purge(model, &rows_left);
	sweep_ids(model, &rows_left, round);
	const bool has_more = expire_ids(model, seconds, rows_left, round);
	model->seconds = seconds;
	if (!has_more)
		*round = (struct model_round){0};
	return has_more;
}
