// SPDX-License-Identifier: ISC
// What must stand in a profile's database after each operation; see client_model.h.
#include "client_model.h"

#include <assert.h>

#include "store/client_storage.h"

void client_model_add(struct client_model *model, uint32_t serial, int64_t now_ms)
{
	assert(model->outbox_count < MODEL_OUTBOX_MAX);
	model->outbox[model->outbox_count++] = (struct model_outgoing){
		.serial = serial, .written_ms = now_ms, .state = OUTBOX_QUEUED, .is_queued = true};
}

bool client_model_verdict(struct client_model *model, uint32_t serial, int state, uint8_t status)
{
	for (uint32_t i = 0; i < model->outbox_count; i++) {
		struct model_outgoing *row = &model->outbox[i];
		if (row->serial != serial)
			continue;
		row->is_queued = false;
		if (row->state == OUTBOX_QUEUED) {
			row->state = state;
			row->status = status;
		}
		return true;
	}
	return false;
}

bool client_model_put(struct client_model *model, struct model_entry entry)
{
	for (uint32_t i = 0; i < model->transcript_count && entry.serial != 0; i++) {
		const struct model_entry *other = &model->transcript[i];
		const bool is_same_sender = (other->gap_count == 0) == (entry.gap_count == 0) &&
					    (entry.gap_count != 0 || other->sender == entry.sender);
		if (other->serial == entry.serial && is_same_sender)
			return false;
	}
	assert(model->transcript_count < MODEL_TRANSCRIPT_MAX);
	model->transcript[model->transcript_count++] = entry;
	return true;
}

void client_model_mark(struct client_model *model, uint32_t start, uint64_t commit)
{
	if (model->mark_start != start || model->mark_commit < commit)
		model->mark_commit = commit;
	model->mark_start = start;
}

void client_model_reoffer(struct client_model *model)
{
	for (uint32_t i = 0; i < model->outbox_count; i++) {
		struct model_outgoing *row = &model->outbox[i];
		if (row->state == OUTBOX_ONLINE || row->state == OUTBOX_SAVED)
			row->is_queued = true;
	}
}

void client_model_show(struct client_model *model)
{
	for (uint32_t i = 0; i < model->transcript_count; i++)
		model->transcript[i].is_shown = true;
}
