// SPDX-License-Identifier: ISC
// For tests of the messages' meaning: a server's store in memory that keeps the contract of store/storage.h, and users files
// in few words. The store is a plain struct without pointers, so that a copy is a backup. A device's is in mem_client.h.
#ifndef MMS_TEST_MSG_WORLD_H
#define MMS_TEST_MSG_WORLD_H

#include "proto_world.h"

#include "msg/server.h"
#include "store/storage.h"
#include "store/users_parse.h"

enum { MEM_TEXT_BYTES = 64, MEM_MESSAGES = 1500, MEM_DEVICES = 24, MEM_SPENT = MEM_DEVICES, MEM_STARTS = 64 };

#define WALL ((struct wtime){1800000000000})

static inline struct name name_of(const char *text)
{
	struct name name;
	if (!name_parse(&name, text, strlen(text)))
		fail_msg("not a name: %s", text);
	return name;
}

static inline struct uuid id_of(uint32_t number)
{
	struct uuid id = {{0x01, 0xa3, 0x18, 0x5c, 0x50}}; // of the time WALL
	memcpy(id.bytes + 12, &number, sizeof number);
	return id;
}

// --- users ---

static const char *const USER_NAMES[] = {"fred", "Tim", "libero", "francoc"};
enum { FRED = 1, TIM = 2, LIBERO = 3 };

struct users_world {
	struct users_table table;
	struct server_user *user;
};

static inline void users_open(struct users_world *users, const char *text)
{
	struct reason why;
	struct users_table *table = &users->table;
	memset(table, 0, sizeof *table);
	users_parse_measure(table, text, strlen(text));
	table->user = must_alloc((table->user_capacity + 1) * sizeof *table->user);
	table->invite = must_alloc((table->invite_capacity + 1) * sizeof *table->invite);
	table->revoke = must_alloc((table->revoke_capacity + 1) * sizeof *table->revoke);
	table->slot = must_alloc(table->slot_count * sizeof *table->slot);
	users->user = must_alloc((table->user_capacity + 1) * sizeof *users->user);
	if (users_parse(table, text, strlen(text), "users", &why) != MMS_OK)
		fail_msg("%s", why.text);
	for (uint32_t i = 0; i < table->user_count; i++) {
		table->user[i].user_id = 100 + i;
		for (int64_t known = 0; known < 4; known++)
			if (strcmp(table->user[i].name.text, USER_NAMES[known]) == 0)
				table->user[i].user_id = known + 1;
	}
}

static inline void users_close(struct users_world *users)
{
	free(users->table.user);
	free(users->table.invite);
	free(users->table.revoke);
	free(users->table.slot);
	free(users->user);
}

// --- the server's store ---

struct mem_message {
	int64_t user_id;
	uint64_t row;
	int64_t sender_id;
	struct name sender;
	struct uuid id;
	struct wtime at;
	uint8_t digest[DIGEST_BYTES];
	uint8_t kind;
	uint8_t form;
	bool was_online;
	bool is_removed; // from the mailbox; the id is still held
	uint16_t text_bytes;
	uint8_t text[MEM_TEXT_BYTES];
};

struct mem_server {
	struct mem_message message[MEM_MESSAGES]; // by row, as committed
	uint32_t message_count;
	struct storage_device device[MEM_DEVICES]; // device_id is the place + 1
	uint8_t key[MEM_DEVICES][STORAGE_KEY_BYTES];
	uint32_t device_count;
	uint8_t spent[MEM_SPENT][STORAGE_KEY_BYTES];
	uint32_t spent_count;
	struct storage_mark start[MEM_STARTS]; // with the first number of each
	uint32_t start_count;
	uint64_t commit_next;
	uint64_t rows_max; // that no device has, of a mailbox; 0: no bound
	bool is_full;      // has_room is false
	uint32_t move_count;
	uint32_t page_count; // questions of a kind that were answered
	uint32_t signin_count;
};

static inline struct storage_mark mem_mark(const struct mem_server *mem)
{
	struct storage_mark mark = mem->start[mem->start_count - 1];
	mark.commit = mem->commit_next - 1;
	return mark;
}

static inline struct storage_device *mem_device_find(struct mem_server *mem, const uint8_t *key)
{
	for (uint32_t i = 0; i < mem->device_count; i++)
		if (memcmp(mem->key[i], key, STORAGE_KEY_BYTES) == 0)
			return &mem->device[i];
	return NULL;
}

static inline uint32_t mem_device_count(const struct mem_server *mem, int64_t user_id)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < mem->device_count; i++)
		count += mem->device[i].user_id == user_id;
	return count;
}

static inline bool mem_is_spent(const struct mem_server *mem, const uint8_t *hash)
{
	for (uint32_t i = 0; i < mem->spent_count; i++)
		if (memcmp(mem->spent[i], hash, STORAGE_KEY_BYTES) == 0)
			return true;
	return false;
}

static inline const struct mem_message *mem_held(const struct mem_server *mem, int64_t sender_id, const struct uuid *id)
{
	for (uint32_t i = 0; i < mem->message_count; i++)
		if (mem->message[i].sender_id == sender_id && memcmp(mem->message[i].id.bytes, id->bytes, ID_BYTES) == 0)
			return &mem->message[i];
	return NULL;
}

static inline uint64_t mem_row_newest(const struct mem_server *mem, int64_t user_id)
{
	uint64_t row = 0;
	for (uint32_t i = 0; i < mem->message_count; i++)
		if (mem->message[i].user_id == user_id)
			row = mem->message[i].row;
	return row;
}

// How many rows are in a mailbox after this one.
static inline uint64_t mem_count(const struct mem_server *mem, int64_t user_id, uint64_t after_row)
{
	uint64_t rows = 0;
	for (uint32_t i = 0; i < mem->message_count; i++)
		rows += mem->message[i].user_id == user_id && !mem->message[i].is_removed && mem->message[i].row > after_row;
	return rows;
}

// The highest row that some device of a user has.
static inline uint64_t mem_taken(const struct mem_server *mem, int64_t user_id)
{
	uint64_t taken = 0;
	for (uint32_t i = 0; i < mem->device_count; i++)
		if (mem->device[i].user_id == user_id && mem->device[i].cursor > taken)
			taken = mem->device[i].cursor;
	return taken;
}

// A start, as server_store_start records it.
static inline void mem_start(struct mem_server *mem, uint8_t start)
{
	struct storage_mark mark = {.commit = mem->commit_next == 0 ? 1 : mem->commit_next};
	memset(mark.start_id, start, sizeof mark.start_id);
	mem->commit_next = mark.commit;
	mem->start[mem->start_count++] = mark;
}

static inline enum storage_verdict mem_enroll(struct mem_server *mem, int64_t user_id, const uint8_t *key,
					      const uint8_t *invite_hash)
{
	const struct storage_device *found = mem_device_find(mem, key);
	if (found != NULL)
		return found->user_id == user_id ? VERDICT_ENROLLED : VERDICT_NOT_ENROLLED;
	if (invite_hash == NULL ? mem_device_count(mem, user_id) > 0 : mem_is_spent(mem, invite_hash))
		return VERDICT_NOT_ENROLLED;
	assert_true(mem->device_count < MEM_DEVICES);
	assert_true(invite_hash == NULL || mem->spent_count < MEM_SPENT);
	struct storage_device *device = &mem->device[mem->device_count];
	*device = (struct storage_device){mem->device_count + 1, user_id, mem_row_newest(mem, user_id), 0, 0};
	for (uint32_t i = mem->message_count; i-- > 0;)
		if (mem->message[i].user_id == user_id && !mem->message[i].is_removed)
			device->cursor = mem->message[i].row - 1;
	memcpy(mem->key[mem->device_count++], key, STORAGE_KEY_BYTES);
	if (invite_hash != NULL)
		memcpy(mem->spent[mem->spent_count++], invite_hash, STORAGE_KEY_BYTES);
	return VERDICT_ENROLLED;
}

// A device of a user who may have others.
static inline void mem_add_device(struct mem_server *mem, int64_t user_id, uint8_t key)
{
	uint8_t bytes[STORAGE_KEY_BYTES];
	uint8_t invite[STORAGE_KEY_BYTES] = {0};
	memset(bytes, key, sizeof bytes);
	memcpy(invite, &mem->device_count, sizeof mem->device_count);
	mem_enroll(mem, user_id, bytes, mem_device_count(mem, user_id) == 0 ? NULL : invite);
}

// The result of one that is in its recipient's mailbox.
static inline struct storage_result mem_placed(enum storage_verdict verdict, const struct mem_message *message, uint64_t row_before,
					       struct storage_place *place)
{
	*place = (struct storage_place){.user_id = message->user_id, .row_before = row_before};
	return (struct storage_result){
		.verdict = verdict, .was_online = message->was_online, .row = message->row, .place_count = 1};
}

// Its place is written where the caller says; the result does not say where that is.
static inline struct storage_result mem_submit(struct mem_server *mem, const struct storage_op *op, const uint8_t *text,
					       struct storage_place *place)
{
	const struct storage_submit *submit = &op->submit;
	const struct mem_message *held = mem_held(mem, submit->sender_id, &submit->id);
	const uint64_t row_before = mem_row_newest(mem, submit->recipient_id);
	if (held != NULL && memcmp(held->digest, submit->digest, DIGEST_BYTES) != 0)
		return (struct storage_result){.verdict = VERDICT_ID_MISUSED};
	if (held != NULL)
		return mem_placed(VERDICT_REPEAT, held, UINT64_MAX, place);
	if (submit->recipient_id == 0)
		return (struct storage_result){.verdict = VERDICT_NO_SUCH_USER};
	if (mem->is_full)
		return (struct storage_result){.verdict = VERDICT_STORE_FULL};
	if (mem->rows_max > 0 &&
	    mem_count(mem, submit->recipient_id, mem_taken(mem, submit->recipient_id)) >= mem->rows_max)
		return (struct storage_result){.verdict = VERDICT_MAILBOX_FULL};
	assert_true(mem->message_count < MEM_MESSAGES && submit->text_bytes <= MEM_TEXT_BYTES);
	struct mem_message *message = &mem->message[mem->message_count++];
	*message = (struct mem_message){.user_id = submit->recipient_id, .row = mem->commit_next++,
					.sender_id = submit->sender_id, .sender = submit->sender, .id = submit->id,
					.at = op->at, .kind = submit->kind, .form = submit->form,
					.was_online = submit->is_online, .text_bytes = submit->text_bytes};
	memcpy(message->digest, submit->digest, DIGEST_BYTES);
	memcpy(message->text, text + submit->text_offset, submit->text_bytes);
	return mem_placed(VERDICT_NEW, message, row_before, place);
}

// Rows that every device of the user has are removed.
static inline void mem_move(struct mem_server *mem, const struct storage_move *move)
{
	uint64_t low = UINT64_MAX;
	assert_in_range(move->device_id, 1, mem->device_count);
	struct storage_device *device = &mem->device[move->device_id - 1];
	assert_int_equal(device->user_id, move->user_id);
	device->cursor = move->row > device->cursor ? move->row : device->cursor;
	if (move->gap_row > 0 && move->gap_row >= device->gap_row)
		device->gap_count = device->gap_row = 0;
	mem->move_count++;
	for (uint32_t i = 0; i < mem->device_count; i++)
		if (mem->device[i].user_id == move->user_id && mem->device[i].cursor < low)
			low = mem->device[i].cursor;
	for (uint32_t i = 0; i < mem->message_count; i++)
		if (mem->message[i].user_id == move->user_id && mem->message[i].row <= low)
			mem->message[i].is_removed = true;
}

static inline struct storage_appended mem_append(struct mem_server *mem, const struct storage_batch *batch)
{
	for (size_t i = 0; i < batch->move_count; i++)
		mem_move(mem, &batch->moves[i]);
	for (size_t i = 0; i < batch->op_count; i++) {
		const struct storage_op *op = &batch->ops[i];
		const struct storage_enroll *enroll = &op->enroll;
		if (op->kind == STORAGE_SUBMIT) {
			batch->results[i] = mem_submit(mem, op, batch->text, &batch->places[i]);
			batch->results[i].place_first = (uint32_t)i;
		} else
			batch->results[i] = (struct storage_result){
				.verdict = mem_enroll(mem, enroll->user_id, enroll->key,
						      enroll->has_invite ? enroll->invite_hash : NULL)};
	}
	return (struct storage_appended){true, !mem->is_full, mem_mark(mem)};
}

// A batch for which there was no room.
static inline struct storage_appended mem_append_none(struct mem_server *mem, const struct storage_batch *batch)
{
	for (size_t i = 0; i < batch->op_count; i++)
		batch->results[i] = (struct storage_result){.verdict = VERDICT_STORE_FULL};
	return (struct storage_appended){false, false, mem_mark(mem)};
}

static inline bool mem_is_mark_known(const struct mem_server *mem, const struct storage_mark *mark)
{
	static const uint8_t none[STORAGE_START_ID_BYTES];
	if (memcmp(mark->start_id, none, sizeof none) == 0)
		return true;
	for (uint32_t i = 0; i < mem->start_count; i++)
		if (memcmp(mem->start[i].start_id, mark->start_id, STORAGE_START_ID_BYTES) == 0)
			return mark->commit < (i + 1 < mem->start_count ? mem->start[i + 1].commit : mem->commit_next);
	return false;
}

static inline void mem_ask_page(const struct mem_server *mem, struct storage_question *question)
{
	struct storage_page *page = question->page;
	uint32_t text_bytes = 0;
	page->row_count = 0;
	question->has.row_newest = mem_row_newest(mem, question->user_id);
	question->has.is_end = true;
	for (uint32_t i = 0; i < mem->message_count; i++) {
		const struct mem_message *message = &mem->message[i];
		if (message->user_id != question->user_id || message->is_removed ||
		    message->row <= question->mailbox.after_row)
			continue;
		if (page->row_count == question->mailbox.rows_max) {
			question->has.is_end = false;
			return;
		}
		page->row[page->row_count++] = (struct storage_row){
			.row = message->row, .id = message->id, .sender = message->sender, .accepted_at = message->at,
			.kind = message->kind, .form = message->form, .text_bytes = message->text_bytes,
			.text_offset = text_bytes};
		memcpy(page->text + text_bytes, message->text, message->text_bytes);
		text_bytes += message->text_bytes;
	}
}

static inline void mem_ask(struct mem_server *mem, struct storage_question *question)
{
	if (question->kind == QUESTION_PAGE) {
		assert_in_range(question->mailbox.rows_max, 1, STORAGE_PAGE_ROWS_MAX);
		mem->page_count++;
		mem_ask_page(mem, question);
		return;
	}
	const struct storage_device *device = mem_device_find(mem, question->signin.key);
	mem->signin_count++;
	const bool is_spent = question->signin.has_invite && mem_is_spent(mem, question->signin.invite_hash);
	const bool is_known = mem_is_mark_known(mem, &question->signin.mark);
	memset(&question->is, 0, sizeof question->is);
	question->is.has_device = device != NULL;
	if (device != NULL)
		question->is.device = *device;
	question->is.waiting_count = device == NULL ? 0 : mem_count(mem, device->user_id, device->cursor);
	question->is.device_count = mem_device_count(mem, question->user_id);
	question->is.is_invite_spent = is_spent;
	question->is.is_mark_known = is_known;
	question->is.mark = mem_mark(mem);
}

#endif
