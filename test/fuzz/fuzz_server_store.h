// SPDX-License-Identifier: ISC
// A server's store in memory, within the contract of store/storage.h: small, and strict about what it is given.
#ifndef MMS_TEST_FUZZ_SERVER_STORE_H
#define MMS_TEST_FUZZ_SERVER_STORE_H

#include "base/limits.h"
#include "fuzz.h"
#include "store/storage.h"

enum { STORE_MESSAGES_MAX = 200, STORE_MESSAGES_ROOM = 100, STORE_DEVICES_MAX = 16, STORE_SPENT_MAX = 8 };

struct store_message {
	struct storage_op op; // ACCEPT
	bool is_removed;      // from the mailbox; the id is still held
	uint8_t text[TEXT_BYTES_MAX];
};

struct store {
	uint32_t message_count;
	uint32_t device_count;
	uint32_t spent_count;
	uint64_t commit_next;
	struct storage_device device[STORE_DEVICES_MAX]; // device_id is the place + 1
	uint8_t key[STORE_DEVICES_MAX][STORAGE_KEY_BYTES];
	uint8_t spent[STORE_SPENT_MAX][STORAGE_KEY_BYTES];
	struct store_message message[STORE_MESSAGES_MAX]; // by row, as committed
};

static inline enum mms_err store_device_find(void *context, const uint8_t *key, struct storage_device *device)
{
	const struct store *store = context;
	for (uint32_t i = 0; i < store->device_count; i++)
		if (memcmp(store->key[i], key, STORAGE_KEY_BYTES) == 0) {
			*device = store->device[i];
			return MMS_OK;
		}
	return MMS_E_MISSING;
}

static inline enum mms_err store_device_count(void *context, int64_t user_id, uint32_t *count)
{
	const struct store *store = context;
	*count = 0;
	for (uint32_t i = 0; i < store->device_count; i++)
		*count += store->device[i].user_id == user_id;
	return MMS_OK;
}

static inline enum mms_err store_invite_is_spent(void *context, const uint8_t *hash, bool *is_spent)
{
	const struct store *store = context;
	*is_spent = false;
	for (uint32_t i = 0; i < store->spent_count; i++)
		*is_spent = *is_spent || memcmp(store->spent[i], hash, STORAGE_KEY_BYTES) == 0;
	return MMS_OK;
}

static inline const struct store_message *store_find(const struct store *store, int64_t sender_id,
						     const struct uuid *id)
{
	for (uint32_t i = 0; i < store->message_count; i++)
		if (store->message[i].op.sender_id == sender_id &&
		    memcmp(store->message[i].op.id.bytes, id->bytes, ID_BYTES) == 0)
			return &store->message[i];
	return NULL;
}

static inline enum mms_err store_accepted_find(void *context, int64_t sender_id, const struct uuid *id,
					       struct storage_accepted *accepted)
{
	const struct store_message *message = store_find(context, sender_id, id);
	if (message == NULL)
		return MMS_E_MISSING;
	*accepted = (struct storage_accepted){message->op.user_id, {0}, message->op.row, message->op.was_online};
	memcpy(accepted->digest, message->op.digest, DIGEST_BYTES);
	return MMS_OK;
}

static inline enum mms_err store_mailbox_next(void *context, int64_t user_id, uint64_t after_row,
					      struct storage_row *row)
{
	const struct store *store = context;
	for (uint32_t i = 0; i < store->message_count; i++) {
		const struct store_message *message = &store->message[i];
		const struct storage_op *op = &message->op;
		if (op->user_id != user_id || message->is_removed || op->row <= after_row)
			continue;
		*row = (struct storage_row){op->row, op->id, op->sender, op->at, message->text, op->text_bytes};
		return MMS_OK;
	}
	return MMS_E_MISSING;
}

static inline enum mms_err store_count(void *context, int64_t user_id, uint64_t after_row, uint64_t *rows, uint64_t *bytes)
{
	const struct store *store = context;
	*rows = *bytes = 0;
	for (uint32_t i = 0; i < store->message_count; i++) {
		const struct store_message *message = &store->message[i];
		if (message->op.user_id != user_id || message->is_removed || message->op.row <= after_row)
			continue;
		++*rows;
		*bytes += message->op.text_bytes;
	}
	return MMS_OK;
}

static inline enum mms_err store_mailbox_waiting(void *context, const struct storage_device *device, uint64_t cursor,
						 uint64_t *rows)
{
	uint64_t bytes;
	return store_count(context, device->user_id, cursor, rows, &bytes);
}

static inline enum mms_err store_mailbox_usage(void *context, int64_t user_id, uint64_t *rows, uint64_t *bytes)
{
	const struct store *store = context;
	uint64_t taken = 0;
	for (uint32_t i = 0; i < store->device_count; i++)
		if (store->device[i].user_id == user_id && store->device[i].cursor > taken)
			taken = store->device[i].cursor;
	return store_count(context, user_id, taken, rows, bytes);
}

static inline enum mms_err store_mark_is_known(void *context, const struct storage_mark *mark, bool *is_known)
{
	(void)context;
	*is_known = mark->start_id[0] == 1 && mark->commit < 1; // an earlier start, that gave nothing
	return MMS_OK;
}

static inline bool store_has_room(void *context)
{
	return ((const struct store *)context)->message_count < STORE_MESSAGES_ROOM;
}

static inline struct server_storage store_storage(struct store *store)
{
	return (struct server_storage){store,
				       store_device_find,
				       store_device_count,
				       store_invite_is_spent,
				       store_accepted_find,
				       store_mailbox_next,
				       store_mailbox_waiting,
				       store_mailbox_usage,
				       store_mark_is_known,
				       store_has_room};
}

static inline void store_enrol(struct store *store, int64_t user_id, const uint8_t *key, const uint8_t *invite_hash)
{
	struct storage_device found;
	bool is_spent = false;
	assert(store_device_find(store, key, &found) == MMS_E_MISSING); // a key is one device's
	assert(store->device_count < STORE_DEVICES_MAX && store->spent_count < STORE_SPENT_MAX);
	store->device[store->device_count] =
		(struct storage_device){store->device_count + 1, user_id, store->commit_next - 1, 0, 0};
	memcpy(store->key[store->device_count++], key, STORAGE_KEY_BYTES);
	if (invite_hash == NULL)
		return;
	assert(store_invite_is_spent(store, invite_hash, &is_spent) == MMS_OK && !is_spent);
	memcpy(store->spent[store->spent_count++], invite_hash, STORAGE_KEY_BYTES);
}

static inline void store_accept(struct store *store, const struct storage_op *op, const uint8_t *text)
{
	assert(store->message_count < STORE_MESSAGES_MAX);
	assert(op->row >= store->commit_next && op->text_bytes <= TEXT_BYTES_MAX);
	assert(store_find(store, op->sender_id, &op->id) == NULL); // an id once
	assert(op->text_bytes >= 1 && op->text_bytes <= TEXT_BYTES_MAX); // its form is for whoever submitted it to know
	struct store_message *message = &store->message[store->message_count++];
	message->op = *op;
	message->is_removed = false;
	memcpy(message->text, text, op->text_bytes);
	store->commit_next = op->row + 1;
}

static inline void store_move_cursor(struct store *store, const struct storage_op *op)
{
	uint64_t low = UINT64_MAX;
	assert(op->device_id >= 1 && op->device_id <= store->device_count);
	struct storage_device *device = &store->device[op->device_id - 1];
	assert(device->user_id == op->user_id && op->row < store->commit_next);
	device->cursor = op->row > device->cursor ? op->row : device->cursor;
	for (uint32_t i = 0; i < store->device_count; i++)
		if (store->device[i].user_id == op->user_id && store->device[i].cursor < low)
			low = store->device[i].cursor;
	for (uint32_t i = 0; i < store->message_count; i++)
		if (store->message[i].op.user_id == op->user_id && store->message[i].op.row <= low)
			store->message[i].is_removed = true;
}

static inline void store_append(struct store *store, const struct storage_batch *batch)
{
	for (size_t i = 0; i < batch->op_count; i++) {
		const struct storage_op *op = &batch->ops[i];
		switch (op->kind) {
		case STORAGE_ACCEPT:
			store_accept(store, op, batch->text + op->text_offset);
			break;
		case STORAGE_CURSOR:
			store_move_cursor(store, op);
			break;
		case STORAGE_ENROLL:
			store_enrol(store, op->user_id, op->key, op->has_invite ? op->invite_hash : NULL);
			break;
		case STORAGE_GAP_TOLD:
			store->device[op->device_id - 1].gap_count = store->device[op->device_id - 1].gap_row = 0;
			break;
		}
	}
	store->commit_next = batch->commit_next;
}

#endif
