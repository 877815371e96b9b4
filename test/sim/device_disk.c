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

bool device_disk_queue(struct device_disk *disk, uint32_t message, struct wtime now)
{
	struct device_disk_state *state = &disk->state;
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

enum outbox_state device_disk_verdict(const struct device_disk *disk, uint32_t message)
{
	for (uint32_t i = 0; i < disk->state.outbox_count; i++)
		if (disk->state.outbox[i].message == message)
			return (enum outbox_state)disk->state.outbox[i].state;
	return OUTBOX_QUEUED;
}

// --- batches ---

static enum client_result put_verdict(struct device_disk *disk, const struct client_op *op)
{
	for (uint32_t i = 0; i < disk->state.outbox_count; i++) {
		struct disk_outbox *queued = &disk->state.outbox[i];
		if (memcmp(truth_message(queued->message)->id.bytes, op->id.bytes, ID_BYTES) != 0)
			continue;
		queued->is_queued = false;
		if (queued->state == OUTBOX_QUEUED) {
			queued->state = (uint8_t)op->verdict.state;
			queued->status = op->verdict.status;
		}
		return CLIENT_RESULT_DONE;
	}
	return CLIENT_RESULT_MISSING;
}

static enum client_result put_gap(struct device_disk *disk, const struct client_op *op)
{
	struct device_disk_state *state = &disk->state;
	for (uint32_t i = 0; i < state->gap_count; i++)
		if (memcmp(state->gap[i].id.bytes, op->id.bytes, ID_BYTES) == 0)
			return CLIENT_RESULT_REPEAT;
	assert(state->gap_count < GAPS_MAX);
	state->gap[state->gap_count++] = (struct disk_gap){op->id, op->put.gap_count};
	report_sight(SIGHT_GAP_TOLD);
	return CLIENT_RESULT_NEW;
}

static enum client_result put_message(struct device_disk *disk, const struct client_op *op, const uint8_t *text)
{
	struct device_disk_state *state = &disk->state;
	const uint32_t number = truth_find_named(&op->put.sender, &op->id);
	if (number == MESSAGES_MAX)
		report_failure("a message was delivered that its sender did not write");
	const struct message *message = truth_message(number);
	if (message->text_bytes != op->put.text_bytes || memcmp(message->text, text, op->put.text_bytes) != 0)
		report_failure("message %u was delivered with another text", number);
	if (message->accepted_count == 0)
		report_failure("message %u was delivered and never accepted", number);
	if ((message->accepted_for >> world_user_of_identity(disk->identity) & 1) == 0)
		report_failure("message %u was delivered to one whom it was not accepted for", number);
	if (state->has[number] != 0) {
		report_sight(SIGHT_REDELIVERED);
		return CLIENT_RESULT_REPEAT;
	}
	assert(state->transcript_count < MESSAGES_MAX);
	state->has[number]++;
	state->transcript[state->transcript_count++] = (uint16_t)number;
	truth_had(state->transcript, state->transcript_count - 1, disk->identity, &state->last_index);
	return CLIENT_RESULT_NEW;
}

static enum client_result put_mark(struct device_disk *disk, const struct client_op_mark *op)
{
	struct device_disk_state *state = &disk->state;
	const struct storage_mark kept = state->mark;
	const bool is_same_start = memcmp(kept.start_id, op->mark.start_id, sizeof kept.start_id) == 0;
	const bool is_reoffer = client_op_mark_reoffers(op, &kept);
	for (uint32_t i = 0; is_reoffer && i < state->outbox_count; i++)
		if (state->outbox[i].state == OUTBOX_ONLINE || state->outbox[i].state == OUTBOX_SAVED)
			state->outbox[i].is_queued = true;
	if ((is_reoffer || op->is_acceptance) && (!is_same_start || op->mark.commit > kept.commit))
		state->mark = op->mark;
	if (is_reoffer)
		report_sight(SIGHT_RESTORE_NOTICED);
	return is_reoffer ? CLIENT_RESULT_REOFFER : CLIENT_RESULT_DONE;
}

bool device_disk_append(struct device_disk *disk, const struct client_batch *batch, enum client_result *results)
{
	bool has_grown = false;
	for (uint32_t i = 0; i < batch->op_count; i++) {
		const struct client_op *op = &batch->op[i];
		if (op->kind == CLIENT_OP_MARK)
			results[i] = put_mark(disk, &op->mark);
		else if (op->kind == CLIENT_OP_VERDICT)
			results[i] = put_verdict(disk, op);
		else if (op->kind != CLIENT_OP_PUT)
			results[i] = CLIENT_RESULT_DONE; // there are no rooms here
		else if (op->put.is_gap)
			results[i] = put_gap(disk, op);
		else
			results[i] = put_message(disk, op, batch->text + op->put.text_offset);
		has_grown = has_grown || results[i] == CLIENT_RESULT_NEW;
	}
	disk->version++;
	return has_grown;
}

void device_disk_note(struct device_disk *disk, const struct name *name)
{
	disk->state.has_signed_in = true;
	disk->state.name = *name;
	disk->version++;
}

void device_disk_show(struct device_disk *disk, const struct transcript_range *range)
{
	for (uint64_t seq = range->after_seq + 1; seq <= range->until_seq && seq <= disk->state.transcript_count; seq++)
		disk->state.is_shown[seq - 1] = 1;
	disk->version++;
}

void device_disk_overrule(struct device_disk *disk)
{
	disk->state.replaced_count++;
	disk->version++;
}

// --- questions ---

static void read_page(const struct device_disk *disk, const struct client_question *question, struct client_answer *answer)
{
	for (uint64_t place = question->after_seq; place < disk->state.outbox_count; place++) {
		const struct disk_outbox *queued = &disk->state.outbox[place];
		const struct message *message = truth_message(queued->message);
		if (!queued->is_queued || answer->row_count == question->rows_max)
			continue;
		answer->row[answer->row_count++] =
			(struct outbox_row){.seq = place + 1,
					    .id = message->id,
					    .what = OUTBOX_MESSAGE,
					    .to = {.name = world.user[message->recipient].name},
					    .text = message->text,
					    .text_bytes = message->text_bytes,
					    .is_reoffer = queued->state != OUTBOX_QUEUED};
	}
}

void device_disk_answer(const struct device_disk *disk, const struct client_question *question, struct client_answer *answer)
{
	answer->mark = disk->state.mark;
	answer->hole = (struct client_hole){0};
	answer->row_count = 0;
	if (question->kind == CLIENT_ASK_OUTBOX)
		read_page(disk, question, answer);
}
