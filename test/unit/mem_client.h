// SPDX-License-Identifier: ISC
// For tests of a device: its store in memory, which keeps the contract of store/client_storage.h. A plain struct without
// pointers, so that a copy is a backup.
#ifndef MMS_TEST_MEM_CLIENT_H
#define MMS_TEST_MEM_CLIENT_H

#include "msg_world.h"

#include "store/client_storage.h"

enum { MEM_OUTBOX = 600 };

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
	struct mem_client_state live;
	struct mem_client_state disk; // as of the last commit
	bool is_dirty;
	uint32_t commit_count;
	enum mms_err commit_err;
	uint32_t calls_good;   // so many calls go well yet
	enum mms_err call_err; // of the next one
};

static inline enum mms_err mem_called(struct mem_client *mem)
{
	const enum mms_err err = mem->calls_good == 0 ? mem->call_err : MMS_OK;
	if (mem->calls_good > 0)
		mem->calls_good--;
	else
		mem->call_err = MMS_OK;
	return err;
}

static inline enum mms_err mem_outbox_next(void *context, uint64_t after_seq, struct outbox_row *row)
{
	struct mem_client *mem = context;
	const enum mms_err err = mem_called(mem);
	if (err != MMS_OK)
		return err;
	for (uint32_t i = 0; i < mem->live.outbox_count; i++) {
		struct mem_outbox *queued = &mem->live.outbox[i];
		if (queued->row.seq <= after_seq || (queued->state != OUTBOX_QUEUED && !queued->row.is_reoffer))
			continue;
		*row = queued->row;
		row->text = queued->text;
		return MMS_OK;
	}
	return MMS_E_MISSING;
}

static inline enum mms_err mem_outbox_verdict(void *context, const struct uuid *id, enum outbox_state state,
					      uint8_t status)
{
	struct mem_client *mem = context;
	const enum mms_err err = mem_called(mem);
	if (err != MMS_OK)
		return err;
	for (uint32_t i = 0; i < mem->live.outbox_count; i++) {
		struct mem_outbox *queued = &mem->live.outbox[i];
		if (memcmp(queued->row.id.bytes, id->bytes, ID_BYTES) != 0)
			continue;
		queued->row.is_reoffer = false;
		mem->is_dirty = true;
		if (queued->state == OUTBOX_QUEUED) {
			queued->state = state;
			queued->status = status;
		}
		return MMS_OK;
	}
	return MMS_E_MISSING;
}

static inline enum mms_err mem_transcript_put(void *context, const struct transcript_row *row, bool *is_new)
{
	struct mem_client *mem = context;
	const enum mms_err err = mem_called(mem);
	if (err != MMS_OK)
		return err;
	struct mem_client_state *live = &mem->live;
	*is_new = false;
	for (uint32_t i = 0; i < live->transcript_count; i++)
		if (memcmp(live->transcript[i].id.bytes, row->id.bytes, ID_BYTES) == 0 &&
		    live->transcript[i].is_gap == row->is_gap &&
		    name_is_same(&live->transcript[i].sender, &row->sender))
			return MMS_OK;
	assert_true(live->transcript_count < MEM_MESSAGES && row->text_bytes <= MEM_TEXT_BYTES);
	struct mem_entry *entry = &live->transcript[live->transcript_count++];
	*entry = (struct mem_entry){row->id, row->sender, row->is_gap, row->gap_count, row->text_bytes, {0}};
	if (row->text_bytes > 0)
		memcpy(entry->text, row->text, row->text_bytes);
	*is_new = mem->is_dirty = true;
	return MMS_OK;
}

static inline enum mms_err mem_mark_get(void *context, struct storage_mark *mark)
{
	struct mem_client *mem = context;
	const enum mms_err err = mem_called(mem);
	if (err != MMS_OK)
		return err;
	*mark = mem->live.mark;
	return MMS_OK;
}

static inline enum mms_err mem_mark_set(void *context, const struct storage_mark *mark)
{
	struct mem_client *mem = context;
	const enum mms_err err = mem_called(mem);
	if (err != MMS_OK)
		return err;
	mem->live.mark = *mark;
	mem->is_dirty = true;
	return MMS_OK;
}

static inline enum mms_err mem_outbox_reoffer(void *context)
{
	struct mem_client *mem = context;
	const enum mms_err err = mem_called(mem);
	if (err != MMS_OK)
		return err;
	for (uint32_t i = 0; i < mem->live.outbox_count; i++) {
		const enum outbox_state state = mem->live.outbox[i].state;
		mem->live.outbox[i].row.is_reoffer = state == OUTBOX_ONLINE || state == OUTBOX_SAVED;
	}
	mem->is_dirty = true;
	return MMS_OK;
}

static inline enum mms_err mem_unshown_count(void *context, uint64_t *count)
{
	*count = ((struct mem_client *)context)->live.transcript_count;
	return MMS_OK;
}

static inline enum mms_err mem_commit(void *context)
{
	struct mem_client *mem = context;
	const enum mms_err err = mem_called(mem);
	if (err != MMS_OK)
		return err;
	if (!mem->is_dirty || mem->commit_err != MMS_OK)
		return mem->is_dirty ? mem->commit_err : MMS_OK;
	mem->disk = mem->live;
	mem->is_dirty = false;
	mem->commit_count++;
	return MMS_OK;
}

static inline struct client_storage mem_client_storage(struct mem_client *mem)
{
	return (struct client_storage){mem,          mem_outbox_next,    mem_outbox_verdict,
				       mem_transcript_put, mem_mark_get, mem_mark_set,
				       mem_outbox_reoffer, mem_unshown_count, mem_commit};
}

// Queues a message durably.
static inline void mem_queue(struct mem_client *mem, const struct uuid *id, const char *recipient, const char *text)
{
	const uint32_t place = mem->live.outbox_count++;
	struct mem_outbox *queued = &mem->live.outbox[place];
	assert_true(place < MEM_OUTBOX && strlen(text) <= MEM_TEXT_BYTES);
	*queued = (struct mem_outbox){.state = OUTBOX_QUEUED};
	queued->row = (struct outbox_row){place + 1, *id, name_of(recipient), NULL, (uint16_t)strlen(text), false};
	memcpy(queued->text, text, strlen(text));
	mem->disk.outbox[place] = *queued;
	mem->disk.outbox_count = place + 1;
}

#endif
