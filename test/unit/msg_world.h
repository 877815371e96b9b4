// SPDX-License-Identifier: ISC
// For tests of the messages' meaning: a server's store in memory that keeps the contract of store/storage.h, and users files
// in few words. The store is a plain struct without pointers, so that a copy is a backup. A device's is in mem_client.h.
#ifndef MMS_TEST_MSG_WORLD_H
#define MMS_TEST_MSG_WORLD_H

#include "proto_world.h"

#include "msg/server.h"
#include "store/storage.h"
#include "store/users_parse.h"

enum { MEM_TEXT_BYTES = 64, MEM_MESSAGES = 1500, MEM_DEVICES = 24, MEM_SPENT = 8, MEM_STARTS = 64 };

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
	bool is_full;          // has_room
	uint32_t reads_good;   // so many reads go well yet
	enum mms_err read_err; // of every read after them, or of the next alone
	bool is_read_err_once;
	uint32_t cursor_op_count;
};

static inline enum mms_err mem_read(struct mem_server *mem)
{
	const enum mms_err err = mem->reads_good == 0 ? mem->read_err : MMS_OK;
	if (mem->reads_good > 0)
		mem->reads_good--;
	else if (mem->is_read_err_once)
		mem->read_err = MMS_OK;
	return err;
}

static inline enum mms_err mem_device_find(void *context, const uint8_t *key, struct storage_device *device)
{
	struct mem_server *mem = context;
	const enum mms_err err = mem_read(mem);
	if (err != MMS_OK)
		return err;
	for (uint32_t i = 0; i < mem->device_count; i++)
		if (memcmp(mem->key[i], key, STORAGE_KEY_BYTES) == 0) {
			*device = mem->device[i];
			return MMS_OK;
		}
	return MMS_E_MISSING;
}

static inline enum mms_err mem_device_count(void *context, int64_t user_id, uint32_t *count)
{
	struct mem_server *mem = context;
	*count = 0;
	for (uint32_t i = 0; i < mem->device_count; i++)
		*count += mem->device[i].user_id == user_id;
	return mem_read(mem);
}

static inline enum mms_err mem_invite_is_spent(void *context, const uint8_t *hash, bool *is_spent)
{
	struct mem_server *mem = context;
	*is_spent = false;
	for (uint32_t i = 0; i < mem->spent_count; i++)
		*is_spent = *is_spent || memcmp(mem->spent[i], hash, STORAGE_KEY_BYTES) == 0;
	return mem_read(mem);
}

static inline enum mms_err mem_accepted_find(void *context, int64_t sender_id, const struct uuid *id,
					     struct storage_accepted *accepted)
{
	struct mem_server *mem = context;
	for (uint32_t i = 0; i < mem->message_count; i++) {
		const struct mem_message *message = &mem->message[i];
		if (message->sender_id != sender_id || memcmp(message->id.bytes, id->bytes, ID_BYTES) != 0)
			continue;
		*accepted = (struct storage_accepted){message->user_id, {0}, message->row, message->was_online};
		memcpy(accepted->digest, message->digest, DIGEST_BYTES);
		return mem_read(mem);
	}
	const enum mms_err err = mem_read(mem);
	return err == MMS_OK ? MMS_E_MISSING : err;
}

static inline enum mms_err mem_mailbox_next(void *context, int64_t user_id, uint64_t after_row, struct storage_row *row)
{
	struct mem_server *mem = context;
	const enum mms_err err = mem_read(mem);
	for (uint32_t i = 0; err == MMS_OK && i < mem->message_count; i++) {
		const struct mem_message *message = &mem->message[i];
		if (message->user_id != user_id || message->is_removed || message->row <= after_row)
			continue;
		*row = (struct storage_row){message->row, message->id,   message->sender,
					    message->at,  message->text, message->text_bytes};
		return MMS_OK;
	}
	return err == MMS_OK ? MMS_E_MISSING : err;
}

static inline enum mms_err mem_count(void *context, int64_t user_id, uint64_t after_row, uint64_t *rows, uint64_t *bytes)
{
	struct mem_server *mem = context;
	*rows = *bytes = 0;
	for (uint32_t i = 0; i < mem->message_count; i++)
		if (mem->message[i].user_id == user_id && !mem->message[i].is_removed &&
		    mem->message[i].row > after_row) {
			++*rows;
			*bytes += mem->message[i].text_bytes;
		}
	return mem_read(mem);
}

static inline enum mms_err mem_mailbox_waiting(void *context, const struct storage_device *device, uint64_t cursor,
					       uint64_t *rows)
{
	uint64_t bytes;
	return mem_count(context, device->user_id, cursor, rows, &bytes);
}

static inline enum mms_err mem_mailbox_usage(void *context, int64_t user_id, uint64_t *rows, uint64_t *bytes)
{
	struct mem_server *mem = context;
	uint64_t taken = 0;
	for (uint32_t i = 0; i < mem->device_count; i++)
		if (mem->device[i].user_id == user_id && mem->device[i].cursor > taken)
			taken = mem->device[i].cursor;
	return mem_count(context, user_id, taken, rows, bytes);
}

static inline enum mms_err mem_mark_is_known(void *context, const struct storage_mark *mark, bool *is_known)
{
	struct mem_server *mem = context;
	*is_known = false;
	for (uint32_t i = 0; i < mem->start_count; i++)
		if (memcmp(mem->start[i].start_id, mark->start_id, STORAGE_START_ID_BYTES) == 0)
			*is_known = mark->commit <
				    (i + 1 < mem->start_count ? mem->start[i + 1].commit : mem->commit_next);
	return mem_read(mem);
}

static inline bool mem_has_room(void *context)
{
	return !((const struct mem_server *)context)->is_full;
}

static inline struct server_storage mem_server_storage(struct mem_server *mem)
{
	return (struct server_storage){mem,
				       mem_device_find,
				       mem_device_count,
				       mem_invite_is_spent,
				       mem_accepted_find,
				       mem_mailbox_next,
				       mem_mailbox_waiting,
				       mem_mailbox_usage,
				       mem_mark_is_known,
				       mem_has_room};
}

// A start, as server_store_start records it.
static inline struct storage_mark mem_start(struct mem_server *mem, uint8_t start)
{
	struct storage_mark mark = {.commit = mem->commit_next == 0 ? 1 : mem->commit_next};
	memset(mark.start_id, start, sizeof mark.start_id);
	mem->commit_next = mark.commit;
	mem->start[mem->start_count++] = mark;
	return mark;
}

static inline void mem_enroll(struct mem_server *mem, int64_t user_id, const uint8_t *key, const uint8_t *invite_hash)
{
	struct storage_device found;
	struct storage_device *device = &mem->device[mem->device_count];
	if (mem_device_find(mem, key, &found) == MMS_OK) {
		assert_int_equal(found.user_id, user_id); // the real store fails here, and the server ends
		return;
	}
	*device = (struct storage_device){mem->device_count + 1, user_id, mem->commit_next - 1, 0, 0};
	for (uint32_t i = mem->message_count; i-- > 0;)
		if (mem->message[i].user_id == user_id && !mem->message[i].is_removed)
			device->cursor = mem->message[i].row - 1;
	memcpy(mem->key[mem->device_count++], key, STORAGE_KEY_BYTES);
	if (invite_hash == NULL)
		return;
	bool is_spent;
	assert_int_equal(mem_invite_is_spent(mem, invite_hash, &is_spent), MMS_OK);
	assert_false(is_spent); // likewise
	memcpy(mem->spent[mem->spent_count++], invite_hash, STORAGE_KEY_BYTES);
}

static inline void mem_accept(struct mem_server *mem, const struct storage_op *op, const uint8_t *text)
{
	struct mem_message *message = &mem->message[mem->message_count++];
	struct storage_accepted held;
	assert_true(mem->message_count <= MEM_MESSAGES && op->text_bytes <= MEM_TEXT_BYTES);
	assert_true(op->row >= mem->commit_next);
	assert_int_equal(mem_accepted_find(mem, op->sender_id, &op->id, &held), MMS_E_MISSING);
	*message = (struct mem_message){.user_id = op->user_id, .row = op->row, .sender_id = op->sender_id,
					.sender = op->sender, .id = op->id, .at = op->at, .was_online = op->was_online,
					.text_bytes = op->text_bytes};
	memcpy(message->digest, op->digest, DIGEST_BYTES);
	memcpy(message->text, text + op->text_offset, op->text_bytes);
}

// Rows that every device of the user has are removed.
static inline void mem_move_cursor(struct mem_server *mem, const struct storage_op *op)
{
	uint64_t low = UINT64_MAX;
	assert_in_range(op->device_id, 1, mem->device_count);
	struct storage_device *device = &mem->device[op->device_id - 1];
	assert_int_equal(device->user_id, op->user_id);
	device->cursor = op->row > device->cursor ? op->row : device->cursor;
	mem->cursor_op_count++;
	for (uint32_t i = 0; i < mem->device_count; i++)
		if (mem->device[i].user_id == op->user_id && mem->device[i].cursor < low)
			low = mem->device[i].cursor;
	for (uint32_t i = 0; i < mem->message_count; i++)
		if (mem->message[i].user_id == op->user_id && mem->message[i].row <= low)
			mem->message[i].is_removed = true;
}

static inline void mem_append(struct mem_server *mem, const struct storage_batch *batch)
{
	for (size_t i = 0; i < batch->op_count; i++) {
		const struct storage_op *op = &batch->ops[i];
		switch (op->kind) {
		case STORAGE_ACCEPT:
			mem_accept(mem, op, batch->text);
			break;
		case STORAGE_CURSOR:
			mem_move_cursor(mem, op);
			break;
		case STORAGE_ENROLL:
			mem_enroll(mem, op->user_id, op->key, op->has_invite ? op->invite_hash : NULL);
			break;
		case STORAGE_GAP_TOLD:
			mem->device[op->device_id - 1].gap_count = mem->device[op->device_id - 1].gap_row = 0;
			break;
		}
	}
	mem->commit_next = batch->commit_next;
}

#endif
