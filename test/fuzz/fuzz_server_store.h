// SPDX-License-Identifier: ISC
// A server's store in memory, within the contract of store/storage.h: small, and strict about what it is given.
#ifndef MMS_TEST_FUZZ_SERVER_STORE_H
#define MMS_TEST_FUZZ_SERVER_STORE_H

#include "base/limits.h"
#include "fuzz.h"
#include "store/storage.h"

enum { STORE_MESSAGES_MAX = 200, STORE_MESSAGES_ROOM = 100, STORE_DEVICES_MAX = 16, STORE_SPENT_MAX = 8, STORE_ROWS_MAX = 4 };

struct store_message {
	struct storage_submit submit;
	uint64_t row;
	struct wtime at;
	bool is_removed; // from the mailbox; the id is still held
	uint8_t text[TEXT_BYTES_MAX];
};

struct store {
	uint32_t message_count;
	uint32_t device_count;
	uint32_t spent_count;
	uint64_t commit_next;
	struct storage_device device[STORE_DEVICES_MAX]; // device_id is the place + 1; without user_id: removed
	uint8_t key[STORE_DEVICES_MAX][STORAGE_KEY_BYTES];
	uint8_t spent[STORE_SPENT_MAX][STORAGE_KEY_BYTES];
	struct store_message message[STORE_MESSAGES_MAX]; // by row, as committed
};

static inline struct storage_device *store_device_find(struct store *store, const uint8_t *key)
{
	for (uint32_t i = 0; i < store->device_count; i++)
		if (store->device[i].user_id != 0 && memcmp(store->key[i], key, STORAGE_KEY_BYTES) == 0)
			return &store->device[i];
	return NULL;
}

static inline uint32_t store_device_count(const struct store *store, int64_t user_id)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < store->device_count; i++)
		count += user_id != 0 && store->device[i].user_id == user_id;
	return count;
}

static inline bool store_is_spent(const struct store *store, const uint8_t *hash)
{
	for (uint32_t i = 0; i < store->spent_count; i++)
		if (memcmp(store->spent[i], hash, STORAGE_KEY_BYTES) == 0)
			return true;
	return false;
}

static inline const struct store_message *store_find(const struct store *store, int64_t sender_id,
						     const struct uuid *id)
{
	for (uint32_t i = 0; i < store->message_count; i++)
		if (store->message[i].submit.sender_id == sender_id &&
		    memcmp(store->message[i].submit.id.bytes, id->bytes, ID_BYTES) == 0)
			return &store->message[i];
	return NULL;
}

static inline bool store_is_in(const struct store_message *message, int64_t user_id, uint64_t after_row)
{
	return message->submit.recipient_id == user_id && !message->is_removed && message->row > after_row;
}

static inline uint64_t store_count(const struct store *store, int64_t user_id, uint64_t after_row)
{
	uint64_t rows = 0;
	for (uint32_t i = 0; i < store->message_count; i++)
		rows += store_is_in(&store->message[i], user_id, after_row);
	return rows;
}

static inline uint64_t store_row_newest(const struct store *store, int64_t user_id)
{
	uint64_t row = 0;
	for (uint32_t i = 0; i < store->message_count; i++)
		if (store->message[i].submit.recipient_id == user_id)
			row = store->message[i].row;
	return row;
}

static inline bool store_is_full(const struct store *store, int64_t user_id)
{
	uint64_t taken = 0;
	for (uint32_t i = 0; i < store->device_count; i++)
		if (store->device[i].user_id == user_id && store->device[i].cursor > taken)
			taken = store->device[i].cursor;
	return store_count(store, user_id, taken) >= STORE_ROWS_MAX;
}

static inline bool store_has_room(const struct store *store)
{
	return store->message_count < STORE_MESSAGES_ROOM;
}

static inline enum storage_verdict store_enrol(struct store *store, int64_t user_id, const uint8_t *key,
					       const uint8_t *invite_hash)
{
	const struct storage_device *found = store_device_find(store, key);
	if (found != NULL)
		return found->user_id == user_id ? VERDICT_ENROLLED : VERDICT_NOT_ENROLLED;
	if (invite_hash == NULL ? store_device_count(store, user_id) > 0 : store_is_spent(store, invite_hash))
		return VERDICT_NOT_ENROLLED;
	assert(store->device_count < STORE_DEVICES_MAX && store->spent_count < STORE_SPENT_MAX);
	store->device[store->device_count] =
		(struct storage_device){store->device_count + 1, user_id, store->commit_next - 1, 0, 0};
	memcpy(store->key[store->device_count++], key, STORAGE_KEY_BYTES);
	if (invite_hash != NULL)
		memcpy(store->spent[store->spent_count++], invite_hash, STORAGE_KEY_BYTES);
	return VERDICT_ENROLLED;
}

static inline struct storage_result store_placed(enum storage_verdict verdict, const struct store_message *message,
						 uint64_t row_before, struct storage_place *place)
{
	*place = (struct storage_place){.user_id = message->submit.recipient_id, .row_before = row_before};
	return (struct storage_result){
		.verdict = verdict, .was_online = message->submit.is_online, .row = message->row, .place_count = 1};
}

static inline struct storage_result store_submit(struct store *store, const struct storage_op *op, const uint8_t *texts,
						 struct storage_place *place)
{
	const struct storage_submit *submit = &op->submit;
	const uint8_t *text = texts + submit->text_offset;
	assert(submit->text_bytes >= 1 && submit->text_bytes <= TEXT_BYTES_MAX);
	const struct store_message *held = store_find(store, submit->sender_id, &submit->id);
	if (held != NULL && memcmp(held->submit.digest, submit->digest, DIGEST_BYTES) != 0)
		return (struct storage_result){.verdict = VERDICT_ID_MISUSED};
	if (held != NULL)
		return store_placed(VERDICT_REPEAT, held, UINT64_MAX, place);
	if (submit->recipient_id == 0)
		return (struct storage_result){.verdict = VERDICT_NO_SUCH_USER};
	if (!store_has_room(store))
		return (struct storage_result){.verdict = VERDICT_STORE_FULL};
	if (store_is_full(store, submit->recipient_id))
		return (struct storage_result){.verdict = VERDICT_MAILBOX_FULL};
	const uint64_t row_before = store_row_newest(store, submit->recipient_id);
	struct store_message *message = &store->message[store->message_count++];
	message->submit = *submit;
	message->row = store->commit_next++;
	message->at = op->at;
	message->is_removed = false;
	memcpy(message->text, text, submit->text_bytes);
	return store_placed(VERDICT_NEW, message, row_before, place);
}

static inline void store_move(struct store *store, const struct storage_move *move)
{
	uint64_t low = UINT64_MAX;
	assert(move->device_id >= 1 && move->device_id <= store->device_count);
	struct storage_device *device = &store->device[move->device_id - 1];
	if (device->user_id == 0)
		return;
	assert(device->user_id == move->user_id && move->row < store->commit_next);
	device->cursor = move->row > device->cursor ? move->row : device->cursor;
	if (move->gap_row >= device->gap_row)
		device->gap_count = device->gap_row = 0;
	for (uint32_t i = 0; i < store->device_count; i++)
		if (store->device[i].user_id == move->user_id && store->device[i].cursor < low)
			low = store->device[i].cursor;
	for (uint32_t i = 0; i < store->message_count; i++)
		if (store->message[i].submit.recipient_id == move->user_id && store->message[i].row <= low)
			store->message[i].is_removed = true;
}

static inline struct storage_appended store_append(struct store *store, const struct storage_batch *batch, bool is_kept)
{
	for (size_t i = 0; i < batch->move_count && is_kept; i++)
		store_move(store, &batch->moves[i]);
	for (size_t i = 0; i < batch->op_count; i++) {
		const struct storage_op *op = &batch->ops[i];
		const struct storage_enroll *enroll = &op->enroll;
		if (!is_kept)
			batch->results[i] = (struct storage_result){.verdict = VERDICT_STORE_FULL};
		else if (op->kind == STORAGE_SUBMIT) {
			batch->results[i] = store_submit(store, op, batch->text, &batch->places[i]);
			batch->results[i].place_first = (uint32_t)i;
		} else
			batch->results[i] = (struct storage_result){
				.verdict = store_enrol(store, enroll->user_id, enroll->key,
						       enroll->has_invite ? enroll->invite_hash : NULL)};
	}
	return (struct storage_appended){is_kept, store_has_room(store), {{2}, store->commit_next - 1}};
}

static inline void store_read_page(const struct store *store, struct storage_question *question)
{
	struct storage_page *page = question->page;
	uint32_t text_bytes = 0;
	assert(question->mailbox.rows_max >= 1 && question->mailbox.rows_max <= STORAGE_PAGE_ROWS_MAX);
	page->row_count = 0;
	question->has.row_newest = store_row_newest(store, question->user_id);
	question->has.is_end = true;
	for (uint32_t i = 0; i < store->message_count; i++) {
		const struct store_message *message = &store->message[i];
		const struct storage_submit *submit = &message->submit;
		if (!store_is_in(message, question->user_id, question->mailbox.after_row))
			continue;
		question->has.is_end = page->row_count < question->mailbox.rows_max;
		if (!question->has.is_end)
			return;
		page->row[page->row_count++] =
			(struct storage_row){.row = message->row, .id = submit->id, .sender = submit->sender, .accepted_at = message->at,
					     .kind = submit->kind, .form = submit->form, .text_bytes = submit->text_bytes,
					     .text_offset = text_bytes};
		memcpy(page->text + text_bytes, message->text, submit->text_bytes);
		text_bytes += submit->text_bytes;
	}
}

static inline void store_ask(struct store *store, struct storage_question *question)
{
	static const uint8_t none[STORAGE_START_ID_BYTES];
	if (question->kind == QUESTION_PAGE) {
		store_read_page(store, question);
		return;
	}
	const struct storage_device *device = store_device_find(store, question->signin.key);
	const struct storage_mark mark = question->signin.mark;
	const bool is_spent = question->signin.has_invite && store_is_spent(store, question->signin.invite_hash);
	memset(&question->is, 0, sizeof question->is);
	question->is.has_device = device != NULL;
	if (device != NULL)
		question->is.device = *device;
	question->is.waiting_count = device == NULL ? 0 : store_count(store, device->user_id, device->cursor);
	question->is.device_count = store_device_count(store, question->user_id);
	question->is.is_invite_spent = is_spent;
	question->is.is_mark_known = memcmp(mark.start_id, none, sizeof none) == 0 ||
				     (mark.start_id[0] == 2 && mark.commit < store->commit_next);
	question->is.mark = (struct storage_mark){{2}, store->commit_next - 1};
}

#endif
