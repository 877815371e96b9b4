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

// A change that was accepted has a stamp, the one that the server said, and keeps it.
static void keep_stamp(struct disk_outbox *queued, const struct client_op_verdict *verdict)
{
	static const struct storage_mark none;
	const bool is_accepted = verdict->state == OUTBOX_ONLINE || verdict->state == OUTBOX_SAVED;
	if (!is_accepted || truth_message(queued->message)->what == OUTBOX_MESSAGE)
		return;
	if (memcmp(&verdict->stamp, &none, sizeof none) == 0)
		report_failure("change %u is kept without the stamp that it has", queued->message);
	if (memcmp(&queued->stamp, &none, sizeof none) != 0 && memcmp(&queued->stamp, &verdict->stamp, sizeof none) != 0 &&
	    !truth_message(queued->message)->is_disturbed)
		report_failure("change %u has another stamp than it had", queued->message);
	queued->stamp = verdict->stamp;
}

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
		keep_stamp(queued, &op->verdict);
		return CLIENT_RESULT_DONE;
	}
	return CLIENT_RESULT_MISSING;
}

static enum client_result put_gap(struct device_disk *disk, const struct client_op *op)
{
	struct device_disk_state *state = &disk->state;
	if (room_id_is_set(&op->put.room_id))
		return device_disk_place_gap(disk, &op->put) ? CLIENT_RESULT_NEW : CLIENT_RESULT_REPEAT;
	for (uint32_t i = 0; i < state->gap_count; i++)
		if (memcmp(state->gap[i].id.bytes, op->id.bytes, ID_BYTES) == 0)
			return CLIENT_RESULT_REPEAT;
	assert(state->gap_count < GAPS_MAX);
	state->gap[state->gap_count++] = (struct disk_gap){op->id, op->put.gap_count};
	report_sight(SIGHT_GAP_TOLD);
	return CLIENT_RESULT_NEW;
}

// A message of a room comes as one, with a row that it has or had; one to a user has none.
static void check_room(const struct device_disk *disk, uint32_t number, const struct client_op_put *put)
{
	const struct message *message = truth_message(number);
	if (message->place_count == 0) {
		if (room_id_is_set(&put->room_id) || put->room_row != 0)
			report_failure("message %u came as of a room", number);
		return;
	}
	const struct name name = message->recipient < ROOMS_FIRST || message->recipient == NOBODY ?
					 put->conversation.name :
					 truth_room_name(message->recipient);
	if (!put->conversation.is_room || !name_is_same(&put->conversation.name, &name))
		report_failure("message %u came as of another room", number);
	if (!truth_had_place(message, &(struct truth_place){put->room_id, put->room_row}))
		report_failure("message %u came with row %llu of its room, which it never had", number,
			       (unsigned long long)put->room_row);
	if (put->kind != message->kind && !message->is_rewritten)
		report_failure("message %u came as another kind", number);
	// By the name: who has it now is taken for who had it.
	const struct name *user = &world.user[world_user_of_identity(disk->identity)].name;
	if (put->is_own != (message->sender != NOBODY && name_is_same(&world.user[message->sender].name, user)))
		report_failure("message %u is wrong about whose own it is", number);
}

// What still waits in the user's mailbox does not come as history, but for what another device had before this one was enrolled.
static void check_history(const struct device_disk *disk, uint32_t number)
{
	const struct disk_device *device = server_disk_device(&world.disk, world.identity[disk->identity].keys.public_key);
	if (device == NULL || world.options.server_restores + world.options.device_restores + world.options.clones > 0)
		return;
	for (uint32_t i = 0; i < world.disk.row_count; i++) {
		const struct disk_row *row = &world.disk.row[i];
		if (row->message == number && row->in_mailbox && row->recipient_id == device->held.user_id &&
		    row->row > device->held.cursor && row->row > device->seen_row)
			report_failure("message %u came as history and still waits", number);
	}
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
	check_room(disk, number, &op->put);
	const bool is_apart = message->place_count > 0 && device_disk_place(disk, &op->put, number);
	if (state->has[number] != 0) {
		report_sight(SIGHT_REDELIVERED);
		return CLIENT_RESULT_REPEAT;
	}
	assert(state->transcript_count < MESSAGES_MAX);
	state->has[number]++;
	state->transcript[state->transcript_count++] = (uint16_t)number;
	if (op->put.is_history)
		check_history(disk, number);
	if (op->put.is_history)
		report_sight(SIGHT_HOLE_FILLED);
	truth_had(state->transcript, state->transcript_count - 1, disk->identity, op->put.is_history ? NULL : &state->last_index);
	return is_apart ? CLIENT_RESULT_APART : CLIENT_RESULT_NEW;
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
		else if (op->kind != CLIENT_OP_PUT) {
			device_disk_list(disk, op);
			results[i] = CLIENT_RESULT_DONE;
		} else if (op->put.is_gap)
			results[i] = put_gap(disk, op);
		else
			results[i] = put_message(disk, op, batch->text + op->put.text_offset);
		has_grown = has_grown || results[i] == CLIENT_RESULT_NEW || results[i] == CLIENT_RESULT_APART;
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

static struct message_to to_of(const struct message *message)
{
	if (message->recipient >= ROOMS_FIRST)
		return (struct message_to){truth_room_name(message->recipient), message->what == OUTBOX_MESSAGE};
	return (struct message_to){.name = world.user[message->recipient].name};
}

static void read_page(const struct device_disk *disk, const struct client_question *question, struct client_answer *answer)
{
	for (uint64_t place = question->after_seq; place < disk->state.outbox_count; place++) {
		const struct disk_outbox *queued = &disk->state.outbox[place];
		const struct message *message = truth_message(queued->message);
		if (!queued->is_queued || answer->row_count == question->rows_max)
			continue;
		const bool is_message = message->what == OUTBOX_MESSAGE;
		answer->row[answer->row_count++] =
			(struct outbox_row){.seq = place + 1,
					    .id = message->id,
					    .what = message->what,
					    .flags = message->flags,
					    .to = to_of(message),
					    .other = message->other == NOBODY ? (struct name){{0}} : world.user[message->other].name,
					    .stamp = queued->stamp,
					    .text = is_message ? message->text : NULL,
					    .text_bytes = is_message ? message->text_bytes : 0,
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
	else if (question->kind == CLIENT_ASK_HOLE)
		device_disk_find_hole(disk, &question->after_room, &answer->hole);
}
