// SPDX-License-Identifier: ISC
// What must stand in a profile's database, said in arrays: a second statement of what src/store/client_store.h and
// client_storage.h promise, which shares no code with them. Plain values, copied by assignment; no errors.
#ifndef MMS_TEST_CLIENT_MODEL_H
#define MMS_TEST_CLIENT_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MODEL_OUTBOX_MAX = 200, MODEL_TRANSCRIPT_MAX = 400 };

struct model_outgoing {
	uint32_t serial;
	int64_t written_ms;
	int state; // enum outbox_state
	uint8_t status;
	bool is_queued;
};

struct model_entry {
	uint32_t serial;
	uint8_t sender;
	uint64_t gap_count; // 0: a message
	bool is_shown;
};

struct client_model {
	bool has_identity;
	bool has_signed_in;
	uint32_t mark_start; // 0: no mark
	uint64_t mark_commit;
	uint32_t outbox_count;
	struct model_outgoing outbox[MODEL_OUTBOX_MAX];
	uint32_t transcript_count;
	struct model_entry transcript[MODEL_TRANSCRIPT_MAX];
};

void client_model_add(struct client_model *model, uint32_t serial, int64_t now_ms);

// Whether there is such a message.
bool client_model_verdict(struct client_model *model, uint32_t serial, int state, uint8_t status);

// Whether the entry is new.
bool client_model_put(struct client_model *model, struct model_entry entry);

void client_model_mark(struct client_model *model, uint32_t start, uint64_t commit);
void client_model_reoffer(struct client_model *model);

// Everything that is there was shown.
void client_model_show(struct client_model *model);

#endif
