// SPDX-License-Identifier: ISC
// The simulated store held against the truth. The contract is in server_disk_check.h.
#include "server_disk_check.h"

#include <string.h>

#include "people.h"
#include "report.h"
#include "server_host.h"
#include "truth.h"
#include "world.h"

enum { DAY_SECONDS = 24 * 60 * 60 };

int server_disk_check_place(const struct name *name, const uint8_t life[STORAGE_LIFE_BYTES])
{
	return people_of_line(name, life);
}

int64_t server_disk_check_ran(int64_t seconds)
{
	return server_host_ran() - (server_host_seconds(world.now) - seconds);
}

void server_disk_check_line(uint8_t user, struct name *name, uint8_t life[STORAGE_LIFE_BYTES])
{
	*name = world.user[user].name;
	memcpy(life, world.user[user].life, STORAGE_LIFE_BYTES);
}

// --- mailboxes ---

// What no device of a user has, by all and by one sender, or by rooms.
struct untaken {
	uint64_t rows;
	uint64_t bytes;
	uint64_t own_rows;
	uint64_t own_bytes;
};

static struct untaken count_untaken(const struct server_disk *disk, const struct disk_user *user, int64_t sender_id)
{
	struct untaken untaken = {0, 0, 0, 0};
	for (uint32_t i = 0; i < disk->row_count; i++) {
		const struct disk_row *row = &disk->row[i];
		if (!row->in_mailbox || row->recipient_id != user->user_id || row->row <= user->taken_row)
			continue;
		// All that came by rooms together is as of one sender.
		const bool is_own = sender_id == 0 ? row->room_id != 0 : row->room_id == 0 && row->sender_id == sender_id;
		untaken.rows++;
		untaken.bytes += row->text_bytes;
		untaken.own_rows += is_own;
		untaken.own_bytes += is_own ? row->text_bytes : 0;
	}
	return untaken;
}

static uint64_t part(uint64_t most)
{
	return (most + MAILBOX_SHARE - 1) / MAILBOX_SHARE;
}

// Nothing is accepted behind a cursor, and nothing beyond a bound.
static void check_bounds(const struct server_disk *disk, const struct disk_row *row, const struct disk_user *user)
{
	const struct untaken untaken = count_untaken(disk, user, row->room_id != 0 ? 0 : row->sender_id);
	for (uint32_t i = 0; i < disk->device_count; i++)
		if (disk->device[i].held.device_id != 0 && disk->device[i].held.user_id == row->recipient_id &&
		    disk->device[i].held.cursor >= row->row)
			report_failure("message %u got row %llu, which a device's cursor has passed", row->message,
				       (unsigned long long)row->row);
	for (uint32_t i = 0; i < disk->row_count; i++) {
		const struct disk_row *other = &disk->row[i];
		if (other != row && other->is_id_held && other->sender_id == row->sender_id &&
		    memcmp(other->id.bytes, row->id.bytes, ID_BYTES) == 0)
			report_failure("message %u was accepted again though its id was held", row->message);
		if (other != row && other->recipient_id == row->recipient_id && other->in_mailbox && other->row >= row->row)
			report_failure("row %llu was given twice, or behind a later one", (unsigned long long)row->row);
	}
	if (untaken.rows > world.options.mailbox_rows_max || untaken.bytes > MAILBOX_BYTES_MAX)
		report_failure("a mailbox of %u messages holds %llu", world.options.mailbox_rows_max,
			       (unsigned long long)untaken.rows);
	if (untaken.own_rows > part(world.options.mailbox_rows_max) || untaken.own_bytes > part(MAILBOX_BYTES_MAX))
		report_failure("a sender has %llu of a mailbox's %u messages", (unsigned long long)untaken.own_rows,
			       world.options.mailbox_rows_max);
}

void server_disk_check_accepted(const struct server_disk *disk, struct disk_row *row, uint8_t recipient, const uint8_t *text)
{
	const uint8_t sender = server_disk_user(disk, row->sender_id);
	const uint8_t named = world.user[recipient].first;
	if (sender == DISK_USERS_MAX)
		report_failure("the server named a sender whom its store does not know");
	uint32_t number = truth_find(sender, &row->id);
	if (number == MESSAGES_MAX && world_user_is_hostile(sender))
		number = truth_write(sender, named, LINEAGES_MAX, text, row->text_bytes, &row->id);
	if (number == MESSAGES_MAX)
		report_failure("the server accepted a message that nobody wrote");
	const struct message *message = truth_message(number);
	const bool is_same = message->recipient == named && message->text_bytes == row->text_bytes &&
			     memcmp(message->text, text, row->text_bytes) == 0;
	if (!is_same && !world_user_is_hostile(sender))
		report_failure("message %u was accepted with another text or for another user", number);
	if (!is_same)
		truth_rewrite(number, named, text, row->text_bytes);
	if (!name_is_same(&row->sender, &world.user[sender].name))
		report_failure("message %u was accepted in the name of somebody else", number);
	row->message = (uint16_t)number;
	row->text = message->text;
	if (server_disk_blocks(disk, row->recipient_id, row->sender_id))
		report_failure("message %u was accepted for one who blocks its sender", number);
	truth_accepted(number, 1U << recipient, row->row);
}

void server_disk_check_placed(const struct server_disk *disk, const struct disk_row *row, uint8_t user)
{
	if (!row->is_going)
		check_bounds(disk, row, &disk->user[user]);
	if ((truth_message(row->message)->accepted_for >> user & 1) == 0)
		report_failure("message %u stands in the mailbox of one whom it is not for", row->message);
}

// A mailbox that has room refuses nothing.
static void check_full(const struct server_disk *disk, const struct storage_submit *submit)
{
	const struct disk_user *user = &disk->user[server_disk_user(disk, submit->recipient_id)];
	const struct untaken untaken = count_untaken(disk, user, submit->sender_id);
	if (untaken.own_rows < part(world.options.mailbox_rows_max) && untaken.rows < world.options.mailbox_rows_max &&
	    untaken.bytes + submit->text_bytes <= part(MAILBOX_BYTES_MAX))
		report_failure("a mailbox of %u messages refuses one, and holds %llu", world.options.mailbox_rows_max,
			       (unsigned long long)untaken.rows);
}

void server_disk_check_refused(const struct server_disk *disk, const struct storage_op *op, enum storage_verdict verdict)
{
	const bool is_change = op->kind == STORAGE_CHANGE;
	const uint8_t sender = server_disk_user(disk, is_change ? op->change.user_id : op->submit.sender_id);
	const uint32_t number =
		sender == DISK_USERS_MAX ? MESSAGES_MAX : truth_find(sender, is_change ? &op->change.id : &op->submit.id);
	if (number < MESSAGES_MAX)
		truth_refused(number);
	if (is_change)
		return;
	if (op->submit.is_to_room && verdict != VERDICT_NOT_A_MEMBER && verdict != VERDICT_STORE_FULL)
		report_failure("a message to a room is refused for somebody's sake (%u)", verdict);
	if (verdict == VERDICT_MAILBOX_FULL)
		check_full(disk, &op->submit);
}

// Nobody who is owed a row may lose it: every device of the user has it, or the notice of a gap stands for it.
void server_disk_check_removed(const struct server_disk *disk, const struct disk_row *row)
{
	const struct message *message = truth_message(row->message);
	for (uint32_t i = 0; i < disk->device_count; i++) {
		const struct disk_device *device = &disk->device[i];
		const int identity = world_identity_of_key(device->key);
		if (device->held.device_id == 0 || device->held.user_id != row->recipient_id || identity < 0 || message->is_rewritten)
			continue;
		if (((message->had | message->excused) >> identity & 1) == 0 && world_identity_is_honest((uint8_t)identity))
			report_failure("message %u left its mailbox, and a device has neither it nor a gap", row->message);
	}
}

void server_disk_check_owed(const struct disk_device *device, const struct disk_row *row)
{
	const int identity = world_identity_of_key(device->key);
	if (identity >= 0)
		truth_message(row->message)->excused |= 1U << identity;
	report_trace("identity %d is owed row %llu no more", identity, (unsigned long long)row->row);
}

// A cursor passes only what its device has, or what it is owed a gap for.
void server_disk_check_move(const struct server_disk *disk, const struct disk_device *device, uint64_t to)
{
	const int identity = world_identity_of_key(device->key);
	if (identity < 0 || !world_identity_is_honest((uint8_t)identity))
		return;
	for (uint32_t i = 0; i < disk->row_count; i++) {
		const struct disk_row *row = &disk->row[i];
		const struct message *message = truth_message(row->message);
		if (row->row > device->held.cursor && row->row <= to && row->recipient_id == device->held.user_id &&
		    !message->is_rewritten && ((message->had | message->excused) >> identity & 1) == 0)
			report_failure("a cursor passed message %u, which its device does not have", row->message);
	}
}

// A gap is settled when it stands in a transcript of the device, unless that was put back since. Its count may be short
// when the server's clock went back: rows then expire in another order than that of their numbers. So it is known by its
// notice's id.
void server_disk_check_gap_told(const struct disk_device *device)
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

// --- people ---

void server_disk_check_enrolled(const struct server_disk *disk, const struct storage_enroll *enroll, uint64_t cursor)
{
	const int identity = world_identity_of_key(enroll->key);
	if (identity < 0 || disk->user[world_user_of_identity((uint8_t)identity)].user_id != enroll->user_id)
		report_failure("a device was enrolled for a user who is not its owner");
	for (uint32_t i = 0; !enroll->has_invite && i < disk->device_count; i++)
		if (disk->device[i].held.device_id != 0 && disk->device[i].held.user_id == enroll->user_id)
			report_failure("a name was claimed twice");
	// As long as a code stands on its line, whom it has admitted was the only one.
	for (uint32_t i = 0; enroll->has_invite && i < world.identity_count; i++)
		if (memcmp(world.identity[i].invite_hash, enroll->invite_hash, INVITE_HASH_BYTES) == 0 &&
		    !world.identity[i].is_code_fresh &&
		    server_disk_device(disk, world.identity[i].keys.public_key) != NULL)
			report_failure("an invite admitted another device");
	// A full mailbox has lost rows between those it holds: they are none of a device's that comes after.
	for (uint32_t i = 0; i < disk->row_count; i++)
		if (disk->row[i].recipient_id == enroll->user_id && !disk->row[i].in_mailbox && disk->row[i].row > cursor)
			truth_message(disk->row[i].message)->excused |= 1U << identity;
}

void server_disk_check_synced(const struct server_disk *disk, const struct users_table *table)
{
	(void)disk;
	for (uint32_t i = 0; i < world.identity_count; i++) {
		bool is_on_a_line = false;
		for (uint32_t k = 0; k < table->invite_count; k++)
			is_on_a_line = is_on_a_line || memcmp(table->invite[k].hash, world.identity[i].invite_hash,
							      STORAGE_KEY_BYTES) == 0;
		world.identity[i].is_code_fresh |= !is_on_a_line;
	}
}

// Whatever the wall clock says, what is kept for so many days is kept for as long as the server has run meanwhile.
void server_disk_check_kept(const char *what, int64_t since_ran, int days)
{
	const int64_t ran = server_host_ran() - since_ran;
	if (ran < (int64_t)days * DAY_SECONDS - 1)
		report_failure("%s is removed after %lld s", what, (long long)ran);
}
