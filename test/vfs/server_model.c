// SPDX-License-Identifier: ISC
// What must stand in the server's database after each operation; see server_model.h.
#include "server_model.h"

#include <assert.h>
#include <string.h>

#include "base/limits.h"
#include "store/storage.h"
#include "world.h"

static const int64_t DAY_SECONDS = 24 * 60 * 60;

void model_init(struct server_model *model)
{
	memset(model, 0, sizeof *model);
	model->commit_next = 1;
	model->rows_max = MAILBOX_ROWS_MAX;
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

static uint64_t weight_of(const struct model_message *message)
{
	return MAILBOX_ROW_BYTES + message->text_bytes;
}

static bool is_fresh(const struct server_model *model, const struct model_message *message, int64_t user_id)
{
	return model_holds(model, message, user_id) && message->row > model->taken_row[user_id];
}

// The first row of the sender who has most of what some device has; NULL: there is none, or the mailbox is within its bound.
static struct model_message *find_shed(struct server_model *model, int64_t user_id)
{
	uint64_t weight[MODEL_IDS_MAX] = {0};
	uint64_t held = 0;
	int64_t heaviest = 0;
	for (uint32_t i = 0; i < model->message_count; i++) {
		const struct model_message *message = &model->message[i];
		if (!model_holds(model, message, user_id))
			continue;
		held += weight_of(message);
		if (!is_fresh(model, message, user_id))
			weight[message->sender_id] += weight_of(message);
	}
	for (int64_t id = 1; id < MODEL_IDS_MAX; id++)
		if (weight[id] > weight[heaviest])
			heaviest = id;
	if (held <= model->held_bytes_max || heaviest == 0)
		return NULL;
	for (uint32_t i = 0; i < model->message_count; i++) {
		struct model_message *message = &model->message[i];
		if (model_holds(model, message, user_id) && message->sender_id == heaviest && !is_fresh(model, message, user_id))
			return message;
	}
	return NULL;
}

// A sender's id more.
static void count_id(struct server_model *model, int64_t sender_id, uint64_t row, int64_t seconds)
{
	struct model_sender *sender = &model->sender[sender_id];
	if (!sender->is_known) {
		*sender = (struct model_sender){.is_known = true, .new_ids = 1, .edge_at = seconds};
	} else if (sender->new_ids + 1 < model->ids_max) {
		sender->new_ids++;
	} else {
		sender->new_ids = 0;
		sender->is_in_round = sender->has_left = false;
		sender->old_row = sender->edge_row;
		sender->edge_row = row + 1;
		sender->edge_at = seconds;
	}
}

static const struct model_message *find_held(const struct server_model *model, const struct model_submit *submit)
{
	for (uint32_t i = 0; i < model->message_count; i++) {
		const struct model_message *message = &model->message[i];
		if (message->is_held && message->serial == submit->serial && message->sender_id == model->user[submit->sender].id)
			return message;
	}
	return NULL;
}

static struct model_answer answer_again(const struct model_submit *submit, const struct model_message *held)
{
	if (submit->is_other)
		return (struct model_answer){VERDICT_ID_MISUSED, 0, 0};
	return (struct model_answer){VERDICT_REPEAT, held->row, UINT64_MAX};
}

static bool has_quota(const struct server_model *model, const struct model_submit *submit)
{
	const int64_t user_id = model->user[submit->recipient].id;
	uint64_t rows = 0;
	uint64_t of_sender = 0;
	for (uint32_t i = 0; i < model->message_count; i++) {
		if (!is_fresh(model, &model->message[i], user_id))
			continue;
		rows++;
		of_sender += model->message[i].sender_id == model->user[submit->sender].id;
	}
	return rows < model->rows_max && of_sender < (model->rows_max + MAILBOX_SHARE - 1) / MAILBOX_SHARE;
}

struct model_answer model_submit(struct server_model *model, const struct model_submit *submit, int64_t seconds)
{
	const struct model_message *held = find_held(model, submit);
	if (held != NULL)
		return answer_again(submit, held);
	if (submit->recipient == MODEL_USERS || model->user[submit->recipient].id == 0)
		return (struct model_answer){VERDICT_NO_SUCH_USER, 0, 0};
	if (!has_quota(model, submit))
		return (struct model_answer){VERDICT_MAILBOX_FULL, 0, 0};
	const int64_t user_id = model->user[submit->recipient].id;
	const struct model_answer answer = {VERDICT_NEW, model->commit_next++, model->row_last[user_id]};
	assert(model->message_count < MODEL_MESSAGES_MAX);
	model->message[model->message_count++] = (struct model_message){
		.row = answer.row,
		.serial = submit->serial,
		.sender = submit->sender,
		.sender_id = model->user[submit->sender].id,
		.recipient_id = user_id,
		.text_bytes = submit->text_bytes,
		.is_kept = true,
		.is_held = true,
	};
	model->row_last[user_id] = answer.row;
	count_id(model, model->user[submit->sender].id, answer.row, seconds);
	for (int i = 0; i < MAILBOX_SHED_ROWS_MAX; i++) {
		struct model_message *shed = find_shed(model, user_id);
		if (shed == NULL)
			break;
		drop(model, shed);
	}
	return answer;
}

struct model_answer model_unkept_submit(const struct server_model *model, const struct model_submit *submit)
{
	const struct model_message *held = find_held(model, submit);
	return held != NULL ? answer_again(submit, held) : (struct model_answer){VERDICT_STORE_FULL, 0, 0};
}

struct model_answer model_unkept_enroll(const struct server_model *model, unsigned key, uint8_t user)
{
	const bool is_enrolled = model->device[key].id != 0 && model->device[key].user_id == model->user[user].id;
	return (struct model_answer){is_enrolled ? VERDICT_ENROLLED : VERDICT_STORE_FULL, 0, 0};
}

void model_move(struct server_model *model, unsigned key, uint64_t row, int64_t seconds)
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

struct model_answer model_enroll(struct server_model *model, unsigned key, uint8_t user, bool has_invite, unsigned invite)
{
	const struct model_answer yes = {VERDICT_ENROLLED, 0, 0};
	const struct model_answer no = {VERDICT_NOT_ENROLLED, 0, 0};
	struct model_device *device = &model->device[key];
	uint64_t low;
	uint64_t high;
	if (device->id != 0)
		return device->user_id == model->user[user].id ? yes : no;
	if (has_invite ? model->is_spent[invite] : model_cursors(model, model->user[user].id, &low, &high) > 0)
		return no;
	*device = (struct model_device){.id = ++model->device_id_last, .user_id = model->user[user].id};
	device->cursor = model->commit_next - 1;
	for (uint32_t i = model->message_count; i > 0; i--) {
		if (model->message[i - 1].is_kept && model->message[i - 1].recipient_id == device->user_id)
			device->cursor = model->message[i - 1].row - 1;
	}
	if (has_invite)
		model->is_spent[invite] = true;
	return yes;
}

void model_gap_told(struct server_model *model, unsigned key, uint64_t row)
{
	struct model_device *device = &model->device[key];
	if (device->gap_row <= row)
		device->gap_row = device->gap_count = 0;
}

void model_batch_end(struct server_model *model, int64_t seconds)
{
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
		    (found == NULL || message->taken_at < found->taken_at ||
		     (message->taken_at == found->taken_at && message->recipient_id < found->recipient_id)))
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

// The order of ids, and of senders who gave the same.
static int compare_ids(const struct model_message *a, const struct model_message *b)
{
	const struct uuid id_a = world_id(a->serial);
	const struct uuid id_b = world_id(b->serial);
	const int order = memcmp(&id_a, &id_b, sizeof id_a);
	return order != 0 ? order : (a->sender_id > b->sender_id) - (a->sender_id < b->sender_id);
}

// The next message whose id is held; NULL: none.
static struct model_message *next_id(struct server_model *model, const struct model_round *round)
{
	struct model_message *next = NULL;
	for (uint32_t i = 0; i < model->message_count; i++) {
		struct model_message *message = &model->message[i];
		if (message->is_held && (round->last.serial == 0 || compare_ids(message, &round->last) > 0) &&
		    (next == NULL || compare_ids(message, next) < 0))
			next = message;
	}
	return next;
}

// A generation that is old enough ends.
static bool age_ids(struct server_model *model, int64_t seconds)
{
	struct model_sender *found = NULL;
	for (int id = 1; id < MODEL_IDS_MAX; id++) {
		struct model_sender *sender = &model->sender[id];
		if (sender->is_known && sender->edge_at <= seconds - ID_RETENTION_DAYS * DAY_SECONDS &&
		    (found == NULL || sender->edge_at < found->edge_at))
			found = sender;
	}
	if (found == NULL)
		return false;
	*found = (struct model_sender){
		.is_known = true, .edge_at = seconds, .edge_row = model->commit_next, .old_row = found->edge_row};
	return true;
}

// The next sender who has old ids; NULL: none.
static struct model_sender *next_sender(struct server_model *model, struct model_round *round)
{
	for (int64_t id = round->user_id + 1; id < MODEL_IDS_MAX; id++) {
		if (model->sender[id].old_row == 0)
			continue;
		round->user_id = id;
		return &model->sender[id];
	}
	return NULL;
}

static void look_at_id(struct server_model *model, struct model_message *message)
{
	struct model_sender *sender = &model->sender[message->sender_id];
	message->is_held = message->is_kept || message->row >= sender->old_row;
	sender->has_left |= message->is_held && sender->is_in_round;
}

static void end_sender(struct model_sender *sender)
{
	if (!sender->is_in_round)
		return;
	if (sender->has_left || sender->new_ids > 0)
		sender->old_row = sender->is_in_round = sender->has_left = 0;
	else
		*sender = (struct model_sender){0};
}

// Of senders with old ids, those go whose message waits for nobody. Returns whether some are left to look at.
static bool sweep_ids(struct server_model *model, uint32_t *rows_left, struct model_round *round)
{
	struct model_sender *sender;
	struct model_message *message;
	for (; round->stage == ROUND_MARK && *rows_left > 0; --*rows_left) {
		sender = next_sender(model, round);
		if (sender == NULL && round->user_id == 0)
			return false;
		if (sender == NULL) {
			*round = (struct model_round){.stage = ROUND_LOOK};
			break;
		}
		sender->is_in_round = true;
		sender->has_left = false;
	}
	for (; round->stage == ROUND_LOOK && *rows_left > 0; --*rows_left) {
		message = next_id(model, round);
		if (message == NULL) {
			*round = (struct model_round){.stage = ROUND_END};
			break;
		}
		look_at_id(model, message);
		round->last = *message;
	}
	for (; round->stage == ROUND_END && *rows_left > 0; --*rows_left) {
		sender = next_sender(model, round);
		if (sender == NULL)
			return false;
		end_sender(sender);
	}
	return true;
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
	while (rows_left > 0 && age_ids(model, seconds))
		rows_left--;
	const bool has_more = sweep_ids(model, &rows_left, round);
	model->seconds = seconds;
	if (!has_more)
		*round = (struct model_round){0};
	return has_more;
}
