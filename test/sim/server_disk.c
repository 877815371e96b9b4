// SPDX-License-Identifier: ISC
// The contract is in server_disk.h.
#include "server_disk.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "people.h"
#include "report.h"
#include "server_host.h"
#include "truth.h"
#include "world.h"

enum { DAY_SECONDS = 24 * 60 * 60 };

void server_disk_begin(struct server_disk *disk)
{
	memset(disk, 0, offsetof(struct server_disk, device));
	disk->commit_next = 1;
	disk->user_id_next = 1;
}

void server_disk_copy(struct server_disk *to, const struct server_disk *from)
{
	memcpy(to, from, offsetof(struct server_disk, row));
	memcpy(to->row, from->row, from->row_count * sizeof *from->row);
}

struct storage_mark server_disk_start(struct server_disk *disk, const uint8_t start_id[STORAGE_START_ID_BYTES])
{
	struct storage_mark mark = {.commit = disk->commit_next};
	memcpy(mark.start_id, start_id, sizeof mark.start_id);
	if (disk->start_count == DISK_STARTS_MAX) { // the oldest ones are of no use to a run any more
		memmove(disk->start, disk->start + 1, (DISK_STARTS_MAX - 1) * sizeof *disk->start);
		disk->start_count--;
	}
	disk->start[disk->start_count++] = mark;
	return mark;
}

static bool cursors(const struct server_disk *disk, int64_t user_id, uint64_t *low, uint64_t *high)
{
	bool is_any = false;
	*low = UINT64_MAX;
	*high = 0;
	for (uint32_t i = 0; i < disk->device_count; i++) {
		const struct storage_device *device = &disk->device[i].held;
		if (device->device_id == 0 || device->user_id != user_id)
			continue;
		is_any = true;
		*low = device->cursor < *low ? device->cursor : *low;
		*high = device->cursor > *high ? device->cursor : *high;
	}
	if (!is_any)
		*low = 0;
	return is_any;
}

// Nobody who is owed a row may lose it: every device of the user has it, or the notice of a gap stands for it.
static void check_removed(const struct server_disk *disk, const struct disk_row *row)
{
	const struct message *message = truth_message(row->message);
	for (uint32_t i = 0; i < disk->device_count; i++) {
		const struct disk_device *device = &disk->device[i];
		const int identity = world_identity_of_key(device->key);
		if (device->held.device_id == 0 || device->held.user_id != row->recipient_id || identity < 0 || message->is_rewritten)
			continue;
		if (((message->had | message->excused) >> identity & 1) == 0 &&
		    (device->held.cursor < row->row || !world_identity_is_honest((uint8_t)identity)) &&
		    world_identity_is_honest((uint8_t)identity))
			report_failure("message %u left its mailbox, and a device has neither it nor a gap", row->message);
	}
}

static void remove_rows(struct server_disk *disk, int64_t user_id, uint64_t up_to)
{
	for (uint32_t i = 0; i < disk->row_count && disk->row[i].row <= up_to; i++) {
		struct disk_row *row = &disk->row[i];
		if (!row->in_mailbox || row->recipient_id != user_id)
			continue;
		row->in_mailbox = false;
		check_removed(disk, row);
	}
}

static int64_t user_id_of(struct server_disk *disk, int user)
{
	assert(user >= 0 && user < DISK_USERS_MAX);
	struct disk_user *known = &disk->user[user];
	if (known->user_id == 0)
		known->user_id = disk->user_id_next++;
	known->is_absent = false;
	return known->user_id;
}

static void revoke(struct server_disk *disk, int64_t user_id, const uint8_t *fingerprint)
{
	uint64_t low;
	uint64_t high;
	for (uint32_t i = 0; i < disk->device_count; i++) {
		struct disk_device *device = &disk->device[i];
		if (device->held.device_id == 0 || device->held.user_id != user_id ||
		    memcmp(device->fingerprint, fingerprint, STORAGE_KEY_BYTES) != 0)
			continue;
		device->held.device_id = 0;
		if (cursors(disk, user_id, &low, &high))
			remove_rows(disk, user_id, low);
	}
}

static bool is_on_a_line(const struct users_table *table, const uint8_t *hash)
{
	for (uint32_t i = 0; i < table->invite_count; i++)
		if (memcmp(table->invite[i].hash, hash, STORAGE_KEY_BYTES) == 0)
			return true;
	return false;
}

static void forget_invites(struct server_disk *disk, const struct users_table *table)
{
	uint32_t kept = 0;
	for (uint32_t i = 0; i < disk->spent_count; i++)
		if (is_on_a_line(table, disk->spent[i]))
			memmove(disk->spent[kept++], disk->spent[i], STORAGE_KEY_BYTES);
	disk->spent_count = kept;
	for (uint32_t i = 0; i < world.identity_count; i++)
		world.identity[i].is_code_fresh |= !is_on_a_line(table, world.identity[i].invite_hash);
}

static bool is_known_user(const struct server_disk *disk, int64_t user_id)
{
	for (int user = 0; user < DISK_USERS_MAX; user++)
		if (disk->user[user].user_id == user_id)
			return true;
	return false;
}

// Absent or not, a user keeps what it has.
static void check_owned(const struct server_disk *disk)
{
	for (uint32_t i = 0; i < disk->row_count; i++)
		if (disk->row[i].in_mailbox && !is_known_user(disk, disk->row[i].recipient_id))
			report_failure("message %u stands in the mailbox of nobody", disk->row[i].message);
	for (uint32_t i = 0; i < disk->device_count; i++)
		if (disk->device[i].held.device_id != 0 && !is_known_user(disk, disk->device[i].held.user_id))
			report_failure("a device is nobody's");
}

void server_disk_sync_users(struct server_disk *disk, struct users_table *table, int64_t seconds)
{
	disk->seconds = seconds;
	bool is_present[DISK_USERS_MAX] = {false};
	for (uint32_t i = 0; i < table->user_count; i++) {
		struct user_entry *entry = &table->user[i];
		const int user = people_of_line(&entry->name, entry->life);
		entry->user_id = user_id_of(disk, user);
		is_present[user] = true;
		for (uint32_t r = 0; r < entry->revoke_count; r++)
			revoke(disk, entry->user_id, table->revoke[entry->revoke_first + r].bytes);
	}
	for (int user = 0; user < DISK_USERS_MAX; user++) {
		if (is_present[user] || disk->user[user].user_id == 0 || disk->user[user].is_absent)
			continue;
		disk->user[user].is_absent = true;
		disk->user[user].absent_since = seconds;
		disk->user[user].absent_ran = server_host_ran();
	}
	forget_invites(disk, table);
	check_owned(disk);
}

// --- a batch ---

static struct disk_row *find_id(struct server_disk *disk, int64_t sender_id, const struct uuid *id)
{
	for (uint32_t i = disk->row_count; i-- > 0;)
		if (disk->row[i].is_id_held && disk->row[i].sender_id == sender_id &&
		    memcmp(truth_message(disk->row[i].message)->id.bytes, id->bytes, ID_BYTES) == 0)
			return &disk->row[i];
	return NULL;
}

// Rows of long ago that nothing refers to make room for new ones.
static void compact(struct server_disk *disk)
{
	uint32_t kept = 0;
	for (uint32_t i = 0; i < disk->row_count; i++)
		if (disk->row[i].in_mailbox || disk->row[i].is_id_held)
			disk->row[kept++] = disk->row[i];
	disk->row_count = kept;
}

uint64_t server_disk_untaken(const struct server_disk *disk, uint8_t user)
{
	const struct disk_user *known = &disk->user[user];
	uint64_t count = 0;
	for (uint32_t i = 0; i < disk->row_count; i++)
		count += disk->row[i].in_mailbox && disk->row[i].recipient_id == known->user_id &&
			 disk->row[i].row > known->taken_row;
	return count;
}

// The user of the world with an id of the store.
static uint8_t user_of(const struct server_disk *disk, int64_t user_id)
{
	uint8_t user = 0;
	while (user < DISK_USERS_MAX && disk->user[user].user_id != user_id)
		user++;
	if (user == DISK_USERS_MAX)
		report_failure("the server named a user whom its store does not know");
	return user;
}

// Devices that do not have the row get the gap.
static void drop_row(struct server_disk *disk, struct disk_row *row)
{
	for (uint32_t i = 0; i < disk->device_count; i++) {
		struct storage_device *device = &disk->device[i].held;
		const int identity = world_identity_of_key(disk->device[i].key);
		if (device->device_id == 0 || device->user_id != row->recipient_id || device->cursor >= row->row)
			continue;
		device->gap_row = row->row > device->gap_row ? row->row : device->gap_row;
		device->gap_count++;
		if (identity >= 0)
			truth_message(row->message)->excused |= 1U << identity;
		report_sight(SIGHT_GAP_MADE);
		report_trace("identity %d is owed a gap up to row %llu", identity, (unsigned long long)device->gap_row);
	}
	row->in_mailbox = false;
	check_removed(disk, row);
}

// A mailbox beyond its bound loses its oldest row that some device has, if there is one.
static void shed_row(struct server_disk *disk, const struct disk_user *user)
{
	struct disk_row *oldest = NULL;
	uint32_t held = 0;
	for (uint32_t i = 0; i < disk->row_count; i++) {
		struct disk_row *row = &disk->row[i];
		if (!row->in_mailbox || row->recipient_id != user->user_id)
			continue;
		held++;
		if (oldest == NULL && row->row <= user->taken_row)
			oldest = row;
	}
	if (held <= world.options.mailbox_held_max || oldest == NULL)
		return;
	drop_row(disk, oldest);
	report_sight(SIGHT_ROW_SHED);
}

static void check_acceptance(const struct server_disk *disk, const struct storage_op *op, uint32_t message)
{
	for (uint32_t i = 0; i < disk->device_count; i++)
		if (disk->device[i].held.device_id != 0 && disk->device[i].held.user_id == op->user_id &&
		    disk->device[i].held.cursor >= op->row)
			report_failure("message %u got row %llu, which a device's cursor has passed", message,
				       (unsigned long long)op->row);
	const uint64_t untaken = server_disk_untaken(disk, (uint8_t)user_of(disk, op->user_id));
	if (untaken > world.options.mailbox_rows_max)
		report_failure("a mailbox of %u messages holds %llu", world.options.mailbox_rows_max,
			       (unsigned long long)untaken);
}

static void apply_accept(struct server_disk *disk, const struct storage_op *op, const uint8_t *text)
{
	const uint8_t sender = user_of(disk, op->sender_id);
	const uint8_t recipient = user_of(disk, op->user_id);
	const uint8_t named = world.user[recipient].first;
	uint32_t number = truth_find(sender, &op->id);
	if (number == MESSAGES_MAX && world_user_is_hostile(sender))
		number = truth_write(sender, named, LINEAGES_MAX, text + op->text_offset, op->text_bytes, &op->id);
	if (number == MESSAGES_MAX)
		report_failure("the server accepted a message that nobody wrote");
	struct message *message = truth_message(number);
	const bool is_same = message->recipient == named && message->text_bytes == op->text_bytes &&
			     memcmp(message->text, text + op->text_offset, op->text_bytes) == 0;
	if (!is_same && !world_user_is_hostile(sender))
		report_failure("message %u was accepted with another text or for another user", number);
	if (!is_same)
		truth_rewrite(number, named, text + op->text_offset, op->text_bytes);
	if (find_id(disk, op->sender_id, &op->id) != NULL)
		report_failure("message %u was accepted again though its id was held", number);
	if (op->row < disk->commit_next)
		report_failure("row %llu was given twice", (unsigned long long)op->row);
	if (disk->row_count == ROWS_MAX)
		compact(disk);
	assert(disk->row_count < ROWS_MAX);
	struct disk_row *row = &disk->row[disk->row_count++];
	*row = (struct disk_row){
		.row = op->row,
		.message = (uint16_t)number,
		.in_mailbox = true,
		.is_id_held = true,
		.was_online = op->was_online,
		.sender_id = op->sender_id,
		.recipient_id = op->user_id,
		.accepted_at = op->at,
		.held_since = disk->seconds,
		.held_ran = server_host_ran(),
	};
	memcpy(row->digest, op->digest, DIGEST_BYTES);
	check_acceptance(disk, op, number);
	truth_accepted(number, recipient, op->row);
	shed_row(disk, &disk->user[recipient]);
}

// A cursor passes only what its device has, or what it is owed a gap for.
static void check_cursor(const struct server_disk *disk, const struct disk_device *device, uint64_t from, uint64_t to)
{
	const int identity = world_identity_of_key(device->key);
	if (identity < 0 || !world_identity_is_honest((uint8_t)identity))
		return;
	for (uint32_t i = 0; i < disk->row_count; i++) {
		const struct disk_row *row = &disk->row[i];
		const struct message *message = truth_message(row->message);
		if (row->row > from && row->row <= to && row->recipient_id == device->held.user_id &&
		    !message->is_rewritten && ((message->had | message->excused) >> identity & 1) == 0)
			report_failure("a cursor passed message %u, which its device does not have", row->message);
	}
}

static struct disk_device *device_of(struct server_disk *disk, const struct storage_op *op)
{
	for (uint32_t i = 0; i < disk->device_count; i++)
		if (disk->device[i].held.device_id == op->device_id && disk->device[i].held.user_id == op->user_id)
			return &disk->device[i];
	return NULL;
}

static void apply_cursor(struct server_disk *disk, const struct storage_op *op)
{
	struct disk_device *device = device_of(disk, op);
	uint64_t before_low, before_high, low, high;
	if (device == NULL || device->held.cursor >= op->row)
		return;
	cursors(disk, op->user_id, &before_low, &before_high);
	check_cursor(disk, device, device->held.cursor, op->row);
	device->held.cursor = op->row;
	for (int user = 0; user < DISK_USERS_MAX; user++)
		if (disk->user[user].user_id == op->user_id && disk->user[user].taken_row < op->row)
			disk->user[user].taken_row = op->row;
	cursors(disk, op->user_id, &low, &high);
	if (low > before_low)
		remove_rows(disk, op->user_id, low);
	for (uint32_t i = 0; i < disk->row_count; i++) {
		struct disk_row *row = &disk->row[i];
		if (row->in_mailbox && row->recipient_id == op->user_id && row->row > before_high && row->row <= high &&
		    !row->is_taken) {
			row->is_taken = true;
			row->taken_at = disk->seconds;
			row->taken_ran = server_host_ran();
		}
	}
}

// As long as a code stands on its line, whom it has admitted was the only one.
static void check_code(const struct server_disk *disk, const uint8_t *hash)
{
	for (uint32_t i = 0; i < world.identity_count; i++)
		if (memcmp(world.identity[i].invite_hash, hash, INVITE_HASH_BYTES) == 0 && !world.identity[i].is_code_fresh &&
		    server_disk_device(disk, world.identity[i].keys.public_key) != NULL)
			report_failure("an invite that was spent was forgotten, and admits another device");
}

static void apply_enroll(struct server_disk *disk, const struct storage_op *op)
{
	const struct disk_device *known = server_disk_device(disk, op->key);
	const int identity = world_identity_of_key(op->key);
	if (identity < 0 || disk->user[world_user_of_identity((uint8_t)identity)].user_id != op->user_id)
		report_failure("a device was enrolled for a user who is not its owner");
	if (known != NULL) {
		if (known->held.user_id != op->user_id)
			report_failure("a device of one user was enrolled for another");
		return;
	}
	for (uint32_t i = 0; !op->has_invite && i < disk->device_count; i++)
		if (disk->device[i].held.device_id != 0 && disk->device[i].held.user_id == op->user_id)
			report_failure("a name was claimed twice");
	for (uint32_t i = 0; op->has_invite && i < disk->spent_count; i++)
		if (memcmp(disk->spent[i], op->invite_hash, STORAGE_KEY_BYTES) == 0)
			report_failure("an invite was spent twice");
	if (op->has_invite)
		check_code(disk, op->invite_hash);
	uint64_t cursor = disk->commit_next - 1;
	for (uint32_t i = disk->row_count; i-- > 0;)
		if (disk->row[i].in_mailbox && disk->row[i].recipient_id == op->user_id)
			cursor = disk->row[i].row - 1;
	uint32_t place = 0;
	while (place < disk->device_count && disk->device[place].held.device_id != 0)
		place++;
	disk->device_count += place == disk->device_count;
	assert(disk->device_count <= DISK_DEVICES_MAX);
	struct disk_device *device = &disk->device[place];
	*device = (struct disk_device){.held = {.device_id = disk->user_id_next++, .user_id = op->user_id, .cursor = cursor}};
	memcpy(device->key, op->key, STORAGE_KEY_BYTES);
	memcpy(device->fingerprint, op->fingerprint, STORAGE_KEY_BYTES);
	report_sight(op->has_invite ? SIGHT_INVITED : SIGHT_CLAIMED);
	if (!op->has_invite)
		return;
	assert(disk->spent_count < SPENT_MAX);
	memcpy(disk->spent[disk->spent_count++], op->invite_hash, STORAGE_KEY_BYTES);
}

// A gap is settled when it stands in a transcript of the device, unless that was put back since. Its count may be short
// when the server's clock went back: rows then expire in another order than that of their numbers. So it is known by its
// notice's id.
static void check_gap_told(const struct disk_device *device)
{
	const int identity = world_identity_of_key(device->key);
	if (identity < 0 || !world_identity_is_honest((uint8_t)identity) || world.options.device_restores > 0)
		return;
	for (uint32_t p = 0; p < world.profile_count; p++) {
		const struct device_disk *disk = &world.profile[p].disk;
		for (uint32_t i = 0; disk->identity == identity && i < disk->state.gap_count; i++)
			if (memcmp(disk->state.gap[i].id.bytes, world.identity[identity].gap_id.bytes, ID_BYTES) == 0)
				return;
	}
	report_failure("a gap counts as told that stands in no transcript");
}

static void apply_gap_told(struct server_disk *disk, const struct storage_op *op)
{
	struct disk_device *device = device_of(disk, op);
	if (device == NULL || device->held.gap_row > op->row)
		return;
	check_gap_told(device);
	device->held.gap_row = device->held.gap_count = 0;
	report_sight(SIGHT_GAP_SETTLED);
	report_trace("a device of user id %lld has its gap up to row %llu", (long long)op->user_id, (unsigned long long)op->row);
}

void server_disk_append(struct server_disk *disk, const struct storage_batch *batch, int64_t seconds)
{
	disk->seconds = seconds;
	for (size_t i = 0; i < batch->op_count; i++) {
		const struct storage_op *op = &batch->ops[i];
		switch (op->kind) {
		case STORAGE_ACCEPT:
			apply_accept(disk, op, batch->text);
			break;
		case STORAGE_CURSOR:
			assert(op->row < batch->commit_next);
			apply_cursor(disk, op);
			break;
		case STORAGE_ENROLL:
			apply_enroll(disk, op);
			break;
		case STORAGE_GAP_TOLD:
			apply_gap_told(disk, op);
			break;
		}
	}
	if (batch->commit_next < disk->commit_next)
		report_failure("the commit counter went back");
	disk->commit_next = batch->commit_next;
}

// --- retention ---

// Whatever the wall clock says, what is kept for so many days is kept for as long as the server has run meanwhile.
static void check_kept(const char *what, int64_t since_ran, int days)
{
	const int64_t ran = server_host_ran() - since_ran;
	if (ran < (int64_t)days * DAY_SECONDS - 1)
		report_failure("%s is removed after %lld s", what, (long long)ran);
}

static void expire_row(struct server_disk *disk, struct disk_row *row)
{
	check_kept("a message that a device has taken", row->taken_ran, RETENTION_DAYS);
	drop_row(disk, row);
}

static void expire_user(struct server_disk *disk, struct disk_user *user)
{
	check_kept("an absent user", user->absent_ran, RETENTION_DAYS);
	for (uint32_t i = 0; i < disk->row_count; i++)
		if (disk->row[i].recipient_id == user->user_id)
			disk->row[i].in_mailbox = false;
	for (uint32_t i = 0; i < disk->device_count; i++)
		if (disk->device[i].held.user_id == user->user_id)
			disk->device[i].held.device_id = 0;
	*user = (struct disk_user){0};
	report_sight(SIGHT_USER_EXPIRED);
}

void server_disk_housekeep(struct server_disk *disk, int64_t seconds)
{
	const int64_t limit = seconds - (int64_t)RETENTION_DAYS * DAY_SECONDS;
	const int64_t id_limit = seconds - (int64_t)ID_RETENTION_DAYS * DAY_SECONDS;
	disk->seconds = seconds;
	for (uint32_t i = 0; i < disk->row_count; i++)
		if (disk->row[i].in_mailbox && disk->row[i].is_taken && disk->row[i].taken_at <= limit)
			expire_row(disk, &disk->row[i]);
	for (int i = 0; i < DISK_USERS_MAX; i++)
		if (disk->user[i].is_absent && disk->user[i].absent_since <= limit)
			expire_user(disk, &disk->user[i]);
	for (uint32_t i = 0; i < disk->row_count; i++) {
		struct disk_row *row = &disk->row[i];
		if (!row->is_id_held)
			continue;
		if (row->held_since > id_limit)
			break;
		if (row->in_mailbox)
			continue;
		check_kept("an id", row->held_ran, ID_RETENTION_DAYS);
		row->is_id_held = false;
		report_sight(SIGHT_ID_EXPIRED);
	}
}

// --- reads ---

bool server_disk_holds(const struct server_disk *disk, uint32_t message)
{
	for (uint32_t i = disk->row_count; i-- > 0;)
		if (disk->row[i].message == message && disk->row[i].is_id_held)
			return true;
	return false;
}

const struct disk_device *server_disk_device(const struct server_disk *disk, const uint8_t key[STORAGE_KEY_BYTES])
{
	for (uint32_t i = 0; i < disk->device_count; i++)
		if (disk->device[i].held.device_id != 0 && memcmp(disk->device[i].key, key, STORAGE_KEY_BYTES) == 0)
			return &disk->device[i];
	return NULL;
}

static enum mms_err read_fate(void)
{
	if (!world_is_faulty() || !draw_chance(&world.draw, world.options.failed_reads))
		return MMS_OK;
	report_sight(SIGHT_READ_FAILED);
	return MMS_E_IO;
}

static enum mms_err find_device(void *context, const uint8_t *key, struct storage_device *device)
{
	const struct disk_device *found = server_disk_device(context, key);
	if (read_fate() != MMS_OK)
		return MMS_E_IO;
	if (found == NULL)
		return MMS_E_MISSING;
	*device = found->held;
	return MMS_OK;
}

static enum mms_err count_devices(void *context, int64_t user_id, uint32_t *count)
{
	const struct server_disk *disk = context;
	*count = 0;
	for (uint32_t i = 0; i < disk->device_count; i++)
		*count += disk->device[i].held.device_id != 0 && disk->device[i].held.user_id == user_id;
	return read_fate();
}

static enum mms_err is_invite_spent(void *context, const uint8_t *hash, bool *is_spent)
{
	const struct server_disk *disk = context;
	*is_spent = false;
	for (uint32_t i = 0; i < disk->spent_count; i++)
		*is_spent = *is_spent || memcmp(disk->spent[i], hash, STORAGE_KEY_BYTES) == 0;
	return read_fate();
}

static enum mms_err find_accepted(void *context, int64_t sender_id, const struct uuid *id, struct storage_accepted *accepted)
{
	const struct disk_row *row = find_id(context, sender_id, id);
	if (read_fate() != MMS_OK)
		return MMS_E_IO;
	if (row == NULL)
		return MMS_E_MISSING;
	*accepted = (struct storage_accepted){row->recipient_id, {0}, row->row, row->was_online};
	memcpy(accepted->digest, row->digest, DIGEST_BYTES);
	report_sight(SIGHT_RESUBMITTED);
	return MMS_OK;
}

static enum mms_err next_row(void *context, int64_t user_id, uint64_t after_row, struct storage_row *row)
{
	const struct server_disk *disk = context;
	if (read_fate() != MMS_OK)
		return MMS_E_IO;
	for (uint32_t i = 0; i < disk->row_count; i++) {
		const struct disk_row *held = &disk->row[i];
		if (!held->in_mailbox || held->recipient_id != user_id || held->row <= after_row)
			continue;
		const struct message *message = truth_message(held->message);
		*row = (struct storage_row){held->row,         message->id,   world.user[message->sender].name,
					    held->accepted_at, message->text, message->text_bytes};
		return MMS_OK;
	}
	return MMS_E_MISSING;
}

static enum mms_err count_rows(const struct server_disk *disk, int64_t user_id, uint64_t after_row, uint64_t *rows,
			       uint64_t *bytes)
{
	*rows = *bytes = 0;
	for (uint32_t i = 0; i < disk->row_count; i++) {
		const struct disk_row *row = &disk->row[i];
		if (!row->in_mailbox || row->recipient_id != user_id || row->row <= after_row)
			continue;
		++*rows;
		*bytes += truth_message(row->message)->text_bytes;
	}
	return read_fate();
}

static enum mms_err count_waiting(void *context, const struct storage_device *device, uint64_t cursor, uint64_t *rows)
{
	uint64_t bytes;
	return count_rows(context, device->user_id, cursor, rows, &bytes);
}

static enum mms_err read_usage(void *context, int64_t user_id, uint64_t *rows, uint64_t *bytes)
{
	const struct server_disk *disk = context;
	uint64_t taken_row = 0;
	for (int user = 0; user < DISK_USERS_MAX; user++)
		if (disk->user[user].user_id == user_id)
			taken_row = disk->user[user].taken_row;
	return count_rows(disk, user_id, taken_row, rows, bytes);
}

static enum mms_err is_mark_known(void *context, const struct storage_mark *mark, bool *is_known)
{
	const struct server_disk *disk = context;
	*is_known = false;
	for (uint32_t i = 0; i < disk->start_count; i++)
		if (memcmp(disk->start[i].start_id, mark->start_id, STORAGE_START_ID_BYTES) == 0)
			*is_known = mark->commit < (i + 1 < disk->start_count ? disk->start[i + 1].commit : disk->commit_next);
	return read_fate();
}

static bool has_room(void *context)
{
	(void)context;
	return !world.server.is_disk_full;
}

struct server_storage server_disk_storage(struct server_disk *disk)
{
	return (struct server_storage){disk,       find_device,   count_devices, is_invite_spent, find_accepted,
				       next_row,   count_waiting, read_usage,    is_mark_known,   has_room};
}
