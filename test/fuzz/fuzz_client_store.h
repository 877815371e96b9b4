// SPDX-License-Identifier: ISC
// A device's store in memory, within the contract of store/client_storage.h. It is given nothing that the real one could not
// read back. Its outbox begins with messages that wait.
#ifndef MMS_TEST_FUZZ_CLIENT_STORE_H
#define MMS_TEST_FUZZ_CLIENT_STORE_H

#include "base/utf8.h"
#include "fuzz.h"
#include "store/client_storage.h"

enum { QUEUED = 12, ENTRIES_MAX = 200, QUEUED_TEXT_BYTES = 5 };

struct entry {
	struct uuid id;
	struct name sender;
	bool is_gap;
};

struct queued {
	struct uuid id;
	enum outbox_state state;
	bool is_queued;
	bool is_told;
};

static struct entry entries[ENTRIES_MAX];
static uint32_t entry_count;
static struct queued outbox[QUEUED];
static struct storage_mark mark;

static inline struct queued *find_queued(const struct uuid *id)
{
	for (int i = 0; i < QUEUED; i++)
		if (memcmp(outbox[i].id.bytes, id->bytes, ID_BYTES) == 0)
			return &outbox[i];
	return NULL;
}

static inline enum client_result put_verdict(const struct client_op *op)
{
	struct queued *queued = find_queued(&op->id);
	assert(queued != NULL && op->verdict.state != OUTBOX_QUEUED);
	assert(op->verdict.status == 0 || op->verdict.state == OUTBOX_REFUSED);
	queued->is_queued = false;
	if (queued->state == OUTBOX_QUEUED)
		queued->state = op->verdict.state;
	return CLIENT_RESULT_DONE;
}

static inline const struct entry *find_entry(const struct uuid *id, const struct name *sender, bool is_gap)
{
	for (uint32_t i = 0; i < entry_count; i++)
		if (memcmp(entries[i].id.bytes, id->bytes, ID_BYTES) == 0 && entries[i].is_gap == is_gap &&
		    (is_gap || name_is_same(&entries[i].sender, sender)))
			return &entries[i];
	return NULL;
}

static inline enum client_result put_entry(const struct client_op *op, const struct client_batch *batch)
{
	const struct client_op_put *put = &op->put;
	struct name parsed;
	// What client_store reads back (src/store/client_store.c, read_entry).
	assert(put->is_gap || put->form != MESSAGE_UTF8 || utf8_is_message(batch->text + put->text_offset, put->text_bytes));
	assert(put->is_gap || (put->kind != MESSAGE_WRITTEN && put->sender.text[0] == 0) ||
	       name_parse(&parsed, put->sender.text, name_bytes(&put->sender)));
	assert(put->is_gap == (put->gap_count > 0));
	assert(put->text_offset + put->text_bytes <= batch->text_bytes);
	if (find_entry(&op->id, &put->sender, put->is_gap) != NULL)
		return CLIENT_RESULT_REPEAT;
	assert(entry_count < ENTRIES_MAX);
	entries[entry_count++] = (struct entry){op->id, put->sender, put->is_gap};
	return CLIENT_RESULT_NEW;
}

static inline enum client_result put_mark(const struct client_op_mark *op)
{
	const bool is_reoffer = client_op_mark_reoffers(op, &mark);
	for (int i = 0; is_reoffer && i < QUEUED; i++)
		if (outbox[i].state == OUTBOX_ONLINE || outbox[i].state == OUTBOX_SAVED)
			outbox[i].is_queued = true;
	if (is_reoffer || op->is_acceptance)
		mark = op->mark;
	return is_reoffer ? CLIENT_RESULT_REOFFER : CLIENT_RESULT_DONE;
}

static inline void append(const struct client_batch *batch, struct client_appended *appended)
{
	assert(batch->op_count >= 1 && batch->op_count <= CLIENT_BATCH_OPS_MAX);
	assert(batch->text_bytes <= CLIENT_BATCH_BYTES_MAX);
	for (uint32_t i = 0; i < batch->op_count; i++)
		appended->result[i] = batch->op[i].kind == CLIENT_OP_MARK      ? put_mark(&batch->op[i].mark)
				      : batch->op[i].kind == CLIENT_OP_VERDICT ? put_verdict(&batch->op[i])
				      : batch->op[i].kind == CLIENT_OP_PUT     ? put_entry(&batch->op[i], batch)
									       : CLIENT_RESULT_DONE;
}

static inline void answer_question(const struct client_question *question, struct client_answer *found)
{
	found->mark = mark;
	found->hole = (struct client_hole){0};
	found->row_count = 0;
	if (question->kind != CLIENT_ASK_OUTBOX)
		return;
	assert(question->rows_max >= 1 && question->rows_max <= CLIENT_PAGE_ROWS_MAX);
	for (uint64_t i = question->after_seq; i < QUEUED && found->row_count < question->rows_max; i++)
		if (outbox[i].is_queued) {
			struct outbox_row *row = &found->row[found->row_count++];
			*row = outbox_message(&outbox[i].id, &(struct message_to){.name = {"Tim"}}, "hello", QUEUED_TEXT_BYTES);
			row->seq = i + 1;
			row->is_reoffer = outbox[i].state != OUTBOX_QUEUED;
		}
}

static inline void client_store_begin(void)
{
	mark = (struct storage_mark){0};
	entry_count = 0;
	for (uint8_t i = 0; i < QUEUED; i++)
		outbox[i] = (struct queued){.id = {{i, 1}}, .state = OUTBOX_QUEUED, .is_queued = true};
}

#endif
