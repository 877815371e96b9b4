// SPDX-License-Identifier: ISC
// A device's store in memory, within the contract of store/client_storage.h, that says what has been committed. It is given
// nothing that the real one could not read back. Its outbox begins with messages that wait.
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
	bool is_committed;
};

struct queued {
	struct uuid id;
	enum outbox_state state;
	bool is_queued;
	bool is_committed; // its verdict
	bool is_told;
};

static struct entry entries[ENTRIES_MAX];
static uint32_t entry_count;
static struct queued outbox[QUEUED];
static struct storage_mark mark;

static inline enum mms_err outbox_next(void *context, uint64_t after_seq, struct outbox_row *row)
{
	(void)context;
	for (uint64_t i = after_seq; i < QUEUED; i++)
		if (outbox[i].is_queued) {
			*row = (struct outbox_row){i + 1,
						   outbox[i].id,
						   {"Tim"},
						   (const uint8_t *)"hello",
						   QUEUED_TEXT_BYTES,
						   outbox[i].state != OUTBOX_QUEUED};
			return MMS_OK;
		}
	return MMS_E_MISSING;
}

static inline struct queued *find_queued(const struct uuid *id)
{
	for (int i = 0; i < QUEUED; i++)
		if (memcmp(outbox[i].id.bytes, id->bytes, ID_BYTES) == 0)
			return &outbox[i];
	return NULL;
}

static inline enum mms_err outbox_verdict(void *context, const struct uuid *id, enum outbox_state state, uint8_t status)
{
	(void)context;
	struct queued *queued = find_queued(id);
	assert(queued != NULL && state != OUTBOX_QUEUED);
	assert(status == 0 || state == OUTBOX_REFUSED);
	queued->is_queued = false;
	if (queued->state == OUTBOX_QUEUED) {
		queued->state = state;
		queued->is_committed = false;
	}
	return MMS_OK;
}

static inline const struct entry *find_entry(const struct uuid *id, const struct name *sender, bool is_gap)
{
	for (uint32_t i = 0; i < entry_count; i++)
		if (memcmp(entries[i].id.bytes, id->bytes, ID_BYTES) == 0 && entries[i].is_gap == is_gap &&
		    (is_gap || name_is_same(&entries[i].sender, sender)))
			return &entries[i];
	return NULL;
}

static inline enum mms_err transcript_put(void *context, const struct transcript_row *row, bool *is_new)
{
	(void)context;
	struct name parsed;
	// What client_store reads back (src/store/client_store.c, read_entry).
	assert(row->is_gap || utf8_is_message(row->text, row->text_bytes));
	assert(row->is_gap || name_parse(&parsed, row->sender.text, name_bytes(&row->sender)));
	*is_new = find_entry(&row->id, &row->sender, row->is_gap) == NULL;
	assert(entry_count < ENTRIES_MAX);
	if (*is_new)
		entries[entry_count++] = (struct entry){row->id, row->sender, row->is_gap, false};
	return MMS_OK;
}

static inline enum mms_err mark_get(void *context, struct storage_mark *found)
{
	(void)context;
	*found = mark;
	return MMS_OK;
}

static inline enum mms_err mark_set(void *context, const struct storage_mark *set)
{
	(void)context;
	mark = *set;
	return MMS_OK;
}

static inline enum mms_err outbox_reoffer(void *context)
{
	(void)context;
	for (int i = 0; i < QUEUED; i++)
		if (outbox[i].state == OUTBOX_ONLINE || outbox[i].state == OUTBOX_SAVED)
			outbox[i].is_queued = true;
	return MMS_OK;
}

static inline enum mms_err unshown_count(void *context, uint64_t *count)
{
	(void)context;
	*count = entry_count;
	return MMS_OK;
}

static inline enum mms_err commit(void *context)
{
	(void)context;
	for (uint32_t i = 0; i < entry_count; i++)
		entries[i].is_committed = true;
	for (int i = 0; i < QUEUED; i++)
		outbox[i].is_committed = outbox[i].state != OUTBOX_QUEUED;
	return MMS_OK;
}

static inline struct client_storage client_store_in_memory(void)
{
	return (struct client_storage){NULL,     outbox_next,    outbox_verdict, transcript_put, mark_get,
				       mark_set, outbox_reoffer, unshown_count,  commit};
}

static inline void client_store_begin(void)
{
	mark = (struct storage_mark){0};
	entry_count = 0;
	for (uint8_t i = 0; i < QUEUED; i++)
		outbox[i] = (struct queued){.id = {{i, 1}}, .state = OUTBOX_QUEUED, .is_queued = true};
}

#endif
