// SPDX-License-Identifier: ISC
// What a device has its storage make durable, and what follows when it is: answers to the server, words to the owner. One batch
// is with the storage while the next one fills. The contract is in client.h.
#include <assert.h>
#include <string.h>

#include "msg/client_inside.h"

// --- what gathers ---

bool client_has_room(const struct client *client)
{
	const struct client_batch *batch = &client->gathered[client->filling].batch;
	return batch->op_count + CLIENT_OPS_A_STEP <= CLIENT_BATCH_OPS_MAX &&
	       batch->text_bytes + TEXT_BYTES_MAX <= CLIENT_BATCH_BYTES_MAX;
}

bool client_is_gathering(const struct client *client)
{
	return client->append != CLIENT_WORK_NONE || client->gathered[client->filling].batch.op_count > 0;
}

static struct client_op *add(struct client *client, const struct client_op *op, const struct client_note *note)
{
	struct client_gathered *filling = &client->gathered[client->filling];
	assert(filling->batch.op_count < CLIENT_BATCH_OPS_MAX);
	filling->note[filling->batch.op_count] = *note;
	filling->batch.op[filling->batch.op_count] = *op;
	return &filling->batch.op[filling->batch.op_count++];
}

void client_put(struct client *client, uint32_t slot, uint32_t number, const struct transcript_row *row)
{
	struct client_batch *batch = &client->gathered[client->filling].batch;
	struct client_op *op = add(client, &(struct client_op){.kind = CLIENT_OP_PUT, .id = row->id},
				   &(struct client_note){.slot = slot, .number = number});
	op->put = (struct client_op_put){
		.is_gap = row->is_gap,
		.gap_count = row->gap_count,
		.kind = row->kind,
		.form = row->form,
		.is_own = row->is_own,
		.is_history = row->is_history,
		.room_id = row->room_id,
		.room_row = row->room_row,
		.sender = row->sender,
		.conversation = row->conversation,
		.accepted_at = row->accepted_at,
		.text_offset = batch->text_bytes,
		.text_bytes = row->text_bytes,
	};
	if (row->text_bytes > 0)
		memcpy(batch->text + batch->text_bytes, row->text, row->text_bytes);
	batch->text_bytes += row->text_bytes;
}

void client_put_verdict(struct client *client, const struct client_told *verdict)
{
	struct client_op *op = add(client, &(struct client_op){.kind = CLIENT_OP_VERDICT, .id = verdict->id},
				   &(struct client_note){.slot = CLIENT_SLOTS, .told = *verdict});
	op->verdict = (struct client_op_verdict){verdict->state, verdict->status, verdict->stamp};
}

void client_put_room(struct client *client, const struct client_op_room *room)
{
	add(client, &(struct client_op){.kind = CLIENT_OP_ROOM, .room = *room}, &(struct client_note){.slot = CLIENT_SLOTS});
}

void client_put_rooms_bound(struct client *client, enum client_op_kind bound, uint32_t tag)
{
	add(client, &(struct client_op){.kind = bound}, &(struct client_note){.slot = CLIENT_SLOTS, .number = tag});
}

// Acceptances of one session come with marks of one start: the last operation stands for all of them.
void client_put_mark(struct client *client, uint32_t slot, const struct storage_mark *mark)
{
	struct client_gathered *filling = &client->gathered[client->filling];
	const struct client_slot *session = &client->slot[slot];
	struct client_op *last = filling->mark_place == 0 ? NULL : &filling->batch.op[filling->mark_place - 1];
	if (last != NULL && filling->note[filling->mark_place - 1].slot == slot) {
		if (mark->commit > last->mark.mark.commit)
			last->mark.mark.commit = mark->commit;
		return;
	}
	struct client_op *op = add(client, &(struct client_op){.kind = CLIENT_OP_MARK}, &(struct client_note){.slot = slot});
	op->mark = (struct client_op_mark){.mark = *mark, .shown = session->shown, .is_acceptance = true};
	filling->mark_place = filling->batch.op_count;
}

void client_put_signin(struct client *client, uint32_t slot, const struct call_signin_ok *ok)
{
	const struct client_note note = {
		.slot = slot,
		.told = {.type = TOLD_SIGNED_IN, .name = ok->name, .waiting_count = ok->waiting_count,
			 .history_count = ok->history_count},
	};
	struct client_op *op = add(client, &(struct client_op){.kind = CLIENT_OP_MARK}, &note);
	op->mark = (struct client_op_mark){
		.mark = ok->mark, .shown = client->slot[slot].shown, .is_reoffer_wanted = ok->is_reoffer_wanted};
}

void client_forget_session(struct client *client, uint32_t slot)
{
	for (uint32_t i = 0; i < 2; i++)
		for (uint32_t place = 0; place < client->gathered[i].batch.op_count; place++)
			if (client->gathered[i].note[place].slot == slot)
				client->gathered[i].note[place].slot = CLIENT_SLOTS;
}

// --- to the storage, and back ---

const struct client_batch *client_append(struct client *client)
{
	struct client_gathered *filling = &client->gathered[client->filling];
	if (client->is_broken)
		return NULL;
	if (client->append == CLIENT_WORK_NONE && filling->batch.op_count > 0) {
		filling->batch.number = ++client->number;
		client->filling = 1 - client->filling;
		client->append = CLIENT_WORK_DUE;
		client->append_tries = 0;
	}
	if (client->append != CLIENT_WORK_DUE)
		return NULL;
	client->append = CLIENT_WORK_OUT;
	client->append_tries++;
	return &client->gathered[1 - client->filling].batch;
}

// What is waited for was durable before the session ended, or is not told of: a new session counts its own.
static bool is_last_awaited(struct client *client, uint32_t slot)
{
	return ++client->slot[slot].delivered_count == client->slot[slot].waiting_count;
}

// True: the owner is to be told that the transcript has grown. Its entries may have been put there by this batch when it was
// ordered before, and the outcome was not known.
static bool conclude_put(struct client *client, const struct client_op *op, const struct client_note *note,
			 enum client_result result, struct mtime now)
{
	bool is_told = result == CLIENT_RESULT_NEW || result == CLIENT_RESULT_APART || client->append_tries > 1;
	if (result == CLIENT_RESULT_APART || (room_id_is_set(&op->put.room_id) && client->append_tries > 1))
		client_look_for_hole(client);
	if (note->slot == CLIENT_SLOTS)
		return is_told;
	if (!op->put.is_gap && transcript_kind_is_waiting(op->put.kind, op->put.is_own, op->put.is_history) &&
	    is_last_awaited(client, note->slot))
		is_told = true;
	client_delivered(client, now);
	client->port.answer(client->port.context, note->slot, note->number, STATUS_OK);
	client->sent_at = now;
	return is_told;
}

static void conclude_mark(struct client *client, const struct client_op *op, const struct client_note *note,
			  enum client_result result, struct mtime now)
{
	struct client_told told = note->told;
	if (op->mark.is_acceptance) {
		if (result == CLIENT_RESULT_REOFFER || client->append_tries > 1)
			client_make_reoffers(client, now);
		return;
	}
	if (client->was_signed_in)
		told.type = TOLD_RECONNECTED;
	client->was_signed_in = true;
	client->port.told(client->port.context, &told);
	if (note->slot + 1 == client->present)
		client_begin(client, now);
}

static void conclude(struct client *client, const struct client_gathered *done, const struct client_appended *appended,
		     struct mtime now)
{
	bool is_stored = false;
	for (uint32_t i = 0; i < done->batch.op_count; i++) {
		const struct client_op *op = &done->batch.op[i];
		switch (op->kind) {
		case CLIENT_OP_PUT:
			if (conclude_put(client, op, &done->note[i], appended->result[i], now))
				is_stored = true;
			break;
		case CLIENT_OP_VERDICT:
			client->port.told(client->port.context, &done->note[i].told);
			break;
		case CLIENT_OP_MARK:
			conclude_mark(client, op, &done->note[i], appended->result[i], now);
			break;
		case CLIENT_OP_ROOMS_BEGIN:
		case CLIENT_OP_ROOM:
			break;
		case CLIENT_OP_ROOMS_END:
			client_rooms_known(client, done->note[i].number);
			break;
		}
	}
	client_hole_stored(client);
	if (is_stored)
		client_tell(client, TOLD_STORED);
}

void client_appended(struct client *client, const struct client_appended *appended, struct mtime now)
{
	struct client_gathered *done = &client->gathered[1 - client->filling];
	if (client->is_broken || client->append != CLIENT_WORK_OUT || appended->number != done->batch.number)
		return;
	if (appended->err == MMS_E_AGAIN && client->append_tries < CLIENT_TRIES_MAX) {
		client->append = CLIENT_WORK_DUE;
		return;
	}
	if (appended->err != MMS_OK) {
		client_break(client);
		return;
	}
	conclude(client, done, appended, now);
	done->batch.op_count = done->batch.text_bytes = done->mark_place = 0;
	client->append = CLIENT_WORK_NONE;
	client_go_on(client, now);
	client_tell_stop(client);
}
