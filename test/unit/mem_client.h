// SPDX-License-Identifier: ISC
// For tests of a device: its store in memory, which keeps the contract of store/client_storage.h. A plain struct without
// pointers, so that a copy is a backup.
#ifndef MMS_TEST_MEM_CLIENT_H
#define MMS_TEST_MEM_CLIENT_H

#include "msg_world.h"

#include "store/client_storage.h"

enum { MEM_OUTBOX = 600, MEM_ROOM_OPS = 200 };

struct mem_outbox {
	struct outbox_row row; // its text is at `text`
	enum outbox_state state;
	uint8_t status;
	uint8_t text[MEM_TEXT_BYTES];
};

struct mem_entry {
	struct uuid id;
	struct name sender;
	bool is_gap;
	uint64_t gap_count;
	uint16_t text_bytes;
	uint8_t text[MEM_TEXT_BYTES];
};

struct mem_client_state {
	struct mem_outbox outbox[MEM_OUTBOX];
	uint32_t outbox_count;
	struct mem_entry transcript[MEM_MESSAGES];
	uint32_t transcript_count;
	struct storage_mark mark;
};

struct mem_client {
	struct mem_client_state disk;
	struct client_answer answer;
	uint32_t commit_count;
	enum mms_err commit_err; // of every batch, which then does nothing
	uint32_t orders_good;    // so many orders go well yet
	enum mms_err order_err;  // of the next one
	bool is_done_all_the_same; // it is carried out, whatever is said
	struct client_op room_op[MEM_ROOM_OPS]; // all that was done about rooms: of these the test is the store
	uint32_t room_op_count;
	bool is_apart;           // what a message to a room comes to
	struct client_hole hole; // what the next question for one is answered
	uint32_t hole_count;     // how often it was asked
	struct room_id hole_after;
};

static inline enum mms_err mem_ordered(struct mem_client *mem)
{
	const enum mms_err err = mem->orders_good == 0 ? mem->order_err : MMS_OK;
	if (mem->orders_good > 0)
		mem->orders_good--;
	else
		mem->order_err = MMS_OK;
	return err;
}

static inline enum client_result mem_put_verdict(struct mem_client *mem, const struct client_op *op)
{
	for (uint32_t i = 0; i < mem->disk.outbox_count; i++) {
		struct mem_outbox *queued = &mem->disk.outbox[i];
		if (memcmp(queued->row.id.bytes, op->id.bytes, ID_BYTES) != 0)
			continue;
		queued->row.is_reoffer = false;
		if (queued->state == OUTBOX_QUEUED) {
			queued->state = op->verdict.state;
			queued->status = op->verdict.status;
		}
		return CLIENT_RESULT_DONE;
	}
	return CLIENT_RESULT_MISSING;
}

static inline enum client_result mem_put(struct mem_client *mem, const struct client_op *op, const uint8_t *text)
{
	struct mem_client_state *disk = &mem->disk;
	const struct client_op_put *put = &op->put;
	for (uint32_t i = 0; i < disk->transcript_count; i++)
		if (memcmp(disk->transcript[i].id.bytes, op->id.bytes, ID_BYTES) == 0 &&
		    disk->transcript[i].is_gap == put->is_gap && name_is_same(&disk->transcript[i].sender, &put->sender))
			return CLIENT_RESULT_REPEAT;
	assert_true(disk->transcript_count < MEM_MESSAGES && put->text_bytes <= MEM_TEXT_BYTES);
	struct mem_entry *entry = &disk->transcript[disk->transcript_count++];
	*entry = (struct mem_entry){op->id, put->sender, put->is_gap, put->gap_count, put->text_bytes, {0}};
	if (put->text_bytes > 0)
		memcpy(entry->text, text, put->text_bytes);
	return CLIENT_RESULT_NEW;
}

static inline enum client_result mem_put_mark(struct mem_client *mem, const struct client_op_mark *op)
{
	const struct storage_mark kept = mem->disk.mark;
	const bool is_same_start = memcmp(kept.start_id, op->mark.start_id, sizeof kept.start_id) == 0;
	const bool is_reoffer = client_op_mark_reoffers(op, &kept);
	for (uint32_t i = 0; is_reoffer && i < mem->disk.outbox_count; i++) {
		const enum outbox_state state = mem->disk.outbox[i].state;
		mem->disk.outbox[i].row.is_reoffer = state == OUTBOX_ONLINE || state == OUTBOX_SAVED;
	}
	if ((is_reoffer || op->is_acceptance) && (!is_same_start || op->mark.commit > kept.commit))
		mem->disk.mark = op->mark;
	return is_reoffer ? CLIENT_RESULT_REOFFER : CLIENT_RESULT_DONE;
}

// Carries out a batch, as client_store_append does.
static inline void mem_client_append(struct mem_client *mem, const struct client_batch *batch, struct client_appended *appended)
{
	const enum mms_err err = mem_ordered(mem);
	appended->number = batch->number;
	appended->err = err != MMS_OK ? err : mem->commit_err;
	if (appended->err != MMS_OK && !mem->is_done_all_the_same)
		return;
	for (uint32_t i = 0; i < batch->op_count; i++) {
		const struct client_op *op = &batch->op[i];
		const bool is_put = op->kind == CLIENT_OP_PUT;
		if (op->kind >= CLIENT_OP_ROOMS_BEGIN || (is_put && room_id_is_set(&op->put.room_id))) {
			assert_true(mem->room_op_count < MEM_ROOM_OPS);
			mem->room_op[mem->room_op_count++] = *op;
		}
		appended->result[i] = op->kind == CLIENT_OP_MARK      ? mem_put_mark(mem, &op->mark)
				      : op->kind == CLIENT_OP_VERDICT ? mem_put_verdict(mem, op)
				      : op->kind == CLIENT_OP_PUT     ? mem_put(mem, op, batch->text + op->put.text_offset)
								      : CLIENT_RESULT_DONE;
		if (is_put && room_id_is_set(&op->put.room_id) && mem->is_apart && appended->result[i] == CLIENT_RESULT_NEW)
			appended->result[i] = CLIENT_RESULT_APART;
	}
	mem->commit_count++;
}

// Answers a question, as client_store_answer does; the answer is the store's.
static inline const struct client_answer *mem_client_answer(struct mem_client *mem, const struct client_question *question)
{
	struct client_answer *answer = &mem->answer;
	answer->number = question->number;
	answer->err = mem_ordered(mem);
	answer->mark = mem->disk.mark;
	answer->hole = mem->hole;
	answer->row_count = 0;
	if (question->kind == CLIENT_ASK_HOLE) {
		mem->hole_count++;
		mem->hole_after = question->after_room;
		mem->hole = (struct client_hole){0};
		return answer;
	}
	for (uint32_t i = 0; i < mem->disk.outbox_count; i++) {
		struct mem_outbox *queued = &mem->disk.outbox[i];
		if (queued->row.seq <= question->after_seq || answer->row_count == question->rows_max ||
		    (queued->state != OUTBOX_QUEUED && !queued->row.is_reoffer))
			continue;
		answer->row[answer->row_count] = queued->row;
		answer->row[answer->row_count++].text = queued->text;
	}
	return answer;
}

// Queues a message.
static inline void mem_queue(struct mem_client *mem, const struct uuid *id, const char *recipient, const char *text)
{
	const uint32_t place = mem->disk.outbox_count++;
	struct mem_outbox *queued = &mem->disk.outbox[place];
	assert_true(place < MEM_OUTBOX && strlen(text) <= MEM_TEXT_BYTES);
	*queued = (struct mem_outbox){.state = OUTBOX_QUEUED};
	queued->row = outbox_message(id, &(struct message_to){.name = name_of(recipient)}, NULL, strlen(text));
	queued->row.seq = place + 1;
	memcpy(queued->text, text, strlen(text));
}

#endif
