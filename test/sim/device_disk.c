// SPDX-License-Identifier: ISC
// The contract is in device_disk.h.
#include "device_disk.h"

#include <assert.h>
#include <string.h>

#include "report.h"
#include "world.h"

void device_disk_begin(struct device_disk *disk, uint8_t identity)
{
	memset(disk, 0, sizeof *disk);
	disk->identity = identity;
}

void device_disk_copy(struct device_disk *to, const struct device_disk *from)
{
	assert(!from->is_open);
	*to = *from;
}

static void open_transaction(struct device_disk *disk)
{
	if (disk->is_open)
		return;
	disk->is_open = true;
	disk->transcript_undo = disk->state.transcript_count;
	disk->gap_undo = disk->state.gap_count;
	disk->mark_undo = disk->state.mark;
	disk->undo_count = 0;
}

static struct disk_outbox *change(struct device_disk *disk, uint32_t place)
{
	open_transaction(disk);
	if (!disk->is_undoable[place]) {
		disk->is_undoable[place] = true;
		disk->undo_place[disk->undo_count] = (uint16_t)place;
		disk->undo[disk->undo_count++] = disk->state.outbox[place];
	}
	return &disk->state.outbox[place];
}

static void close_transaction(struct device_disk *disk)
{
	for (uint32_t i = 0; i < disk->undo_count; i++)
		disk->is_undoable[disk->undo_place[i]] = false;
	disk->undo_count = 0;
	disk->is_open = false;
}

void device_disk_crash(struct device_disk *disk)
{
	struct device_disk_state *state = &disk->state;
	if (!disk->is_open)
		return;
	for (uint32_t i = 0; i < disk->undo_count; i++)
		state->outbox[disk->undo_place[i]] = disk->undo[i];
	while (state->transcript_count > disk->transcript_undo)
		state->has[state->transcript[--state->transcript_count]] = 0;
	state->gap_count = disk->gap_undo;
	state->mark = disk->mark_undo;
	close_transaction(disk);
}

// Everything since the last commit is durable: the truth hears of it.
static void make_durable(struct device_disk *disk)
{
	struct device_disk_state *state = &disk->state;
	for (uint32_t i = disk->transcript_undo; i < state->transcript_count; i++)
		truth_had(state->transcript, i, disk->identity, &state->last_index);
	close_transaction(disk);
	disk->version++;
}

bool device_disk_queue(struct device_disk *disk, uint32_t message, struct wtime now)
{
	struct device_disk_state *state = &disk->state;
	assert(!disk->is_open);
	if (state->outbox_count == OUTBOX_MAX)
		return false;
	state->outbox[state->outbox_count++] =
		(struct disk_outbox){.message = (uint16_t)message, .state = OUTBOX_QUEUED, .is_queued = true, .written_at = now};
	disk->version++;
	return true;
}

bool device_disk_holds(const struct device_disk *disk, uint32_t message)
{
	for (uint32_t i = 0; i < disk->state.outbox_count; i++)
		if (disk->state.outbox[i].message == message)
			return true;
	return false;
}

static enum mms_err next_queued(void *context, uint64_t after_seq, struct outbox_row *row)
{
	const struct device_disk *disk = context;
	for (uint64_t place = after_seq; place < disk->state.outbox_count; place++) {
		const struct disk_outbox *queued = &disk->state.outbox[place];
		const struct message *message = truth_message(queued->message);
		if (!queued->is_queued)
			continue;
		*row = (struct outbox_row){place + 1,     message->id,         world.user[message->recipient].name,
					   message->text, message->text_bytes, queued->state != OUTBOX_QUEUED};
		return MMS_OK;
	}
	return MMS_E_MISSING;
}

static enum mms_err put_verdict(void *context, const struct uuid *id, enum outbox_state state, uint8_t status)
{
	struct device_disk *disk = context;
	for (uint32_t i = 0; i < disk->state.outbox_count; i++) {
		if (memcmp(truth_message(disk->state.outbox[i].message)->id.bytes, id->bytes, ID_BYTES) != 0)
			continue;
		struct disk_outbox *queued = change(disk, i);
		queued->is_queued = false;
		if (queued->state == OUTBOX_QUEUED) {
			queued->state = (uint8_t)state;
			queued->status = status;
		}
		return MMS_OK;
	}
	return MMS_E_MISSING;
}

static enum mms_err put_gap(struct device_disk *disk, const struct transcript_row *row, bool *is_new)
{
	struct device_disk_state *state = &disk->state;
	for (uint32_t i = 0; i < state->gap_count; i++)
		if (memcmp(state->gap[i].id.bytes, row->id.bytes, ID_BYTES) == 0)
			return MMS_OK;
	assert(state->gap_count < GAPS_MAX);
	open_transaction(disk);
	state->gap[state->gap_count++] = (struct disk_gap){row->id, row->gap_count};
	*is_new = true;
	report_sight(SIGHT_GAP_TOLD);
	return MMS_OK;
}

static enum mms_err put_transcript(void *context, const struct transcript_row *row, bool *is_new)
{
	struct device_disk *disk = context;
	struct device_disk_state *state = &disk->state;
	*is_new = false;
	if (row->is_gap)
		return put_gap(disk, row, is_new);
	const uint32_t number = truth_find_named(&row->sender, &row->id);
	if (number == MESSAGES_MAX)
		report_failure("a message was delivered that its sender did not write");
	const struct message *message = truth_message(number);
	if (message->text_bytes != row->text_bytes || memcmp(message->text, row->text, row->text_bytes) != 0)
		report_failure("message %u was delivered with another text", number);
	if (message->accepted_count == 0)
		report_failure("message %u was delivered and never accepted", number);
	if ((message->accepted_for >> world_user_of_identity(disk->identity) & 1) == 0)
		report_failure("message %u was delivered to one whom it was not accepted for", number);
	if (state->has[number] != 0) {
		report_sight(SIGHT_REDELIVERED);
		return MMS_OK;
	}
	assert(state->transcript_count < MESSAGES_MAX);
	open_transaction(disk);
	state->has[number]++;
	state->transcript[state->transcript_count++] = (uint16_t)number;
	*is_new = true;
	return MMS_OK;
}

static enum mms_err get_mark(void *context, struct storage_mark *mark)
{
	*mark = ((const struct device_disk *)context)->state.mark;
	return MMS_OK;
}

static enum mms_err set_mark(void *context, const struct storage_mark *mark)
{
	struct device_disk *disk = context;
	open_transaction(disk);
	disk->state.mark = *mark;
	return MMS_OK;
}

static enum mms_err reoffer(void *context)
{
	struct device_disk *disk = context;
	report_sight(SIGHT_RESTORE_NOTICED);
	open_transaction(disk);
	for (uint32_t i = 0; i < disk->state.outbox_count; i++) {
		const struct disk_outbox *held = &disk->state.outbox[i];
		if (held->state == OUTBOX_ONLINE || held->state == OUTBOX_SAVED)
			change(disk, i)->is_queued = true;
	}
	return MMS_OK;
}

static enum mms_err count_unshown(void *context, uint64_t *count)
{
	*count = ((const struct device_disk *)context)->state.transcript_count;
	return MMS_OK;
}

static enum mms_err commit(void *context)
{
	struct device_disk *disk = context;
	if (!disk->is_open)
		return MMS_OK;
	if (!world_is_faulty() || !draw_chance(&world.draw, world.options.failed_device_commits)) {
		make_durable(disk);
		return MMS_OK;
	}
	if (draw_chance(&world.draw, 500)) {
		make_durable(disk); // done, and the sync that said so failed
		report_sight(SIGHT_DEVICE_COMMIT_KEPT);
	} else {
		device_disk_crash(disk);
		report_sight(SIGHT_DEVICE_COMMIT_LOST);
	}
	return MMS_E_IO;
}

enum mms_err device_disk_note(struct device_disk *disk, const struct name *name)
{
	open_transaction(disk);
	const struct device_disk_state before = disk->state;
	disk->state.has_signed_in = true;
	disk->state.name = *name;
	const enum mms_err err = commit(disk);
	if (err != MMS_OK && draw_chance(&world.draw, 500)) {
		disk->state.has_signed_in = before.has_signed_in; // what became of the rest, commit has drawn
		disk->state.name = before.name;
	}
	return err;
}

struct client_storage device_disk_storage(struct device_disk *disk)
{
	return (struct client_storage){disk,     next_queued, put_verdict,   put_transcript, get_mark,
				       set_mark, reoffer,     count_unshown, commit};
}
