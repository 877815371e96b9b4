// SPDX-License-Identifier: ISC
// Holds the server's store against the model, through everything that storage.h lets one read, and counts the tables'
// rows, so that nothing is there but what must be.
#include <stdio.h>
#include <string.h>

#include "server_world.h"
#include "store/server_store_inside.h"

// What one comparison needs; it stops at the first difference.
struct look {
	struct server_world *server;
	const struct server_model *model;
	struct world found; // where complaints go
};

#define EXPECT(look, condition, ...)                                                                                   \
	do {                                                                                                           \
		if (!(condition))                                                                                      \
			world_complain(&(look)->found, __VA_ARGS__);                                                   \
	} while (0)

static void look_at_waiting(struct look *look, unsigned key);

static void look_at_devices(struct look *look)
{
	const struct server_storage *storage = &look->server->storage;
	for (unsigned i = 0; i < MODEL_KEYS; i++) {
		const struct model_device *expected = &look->model->device[i];
		struct storage_device device = {0};
		uint8_t key[STORAGE_KEY_BYTES];
		bool is_spent = !look->model->is_spent[i];
		server_world_key(i, key);
		const enum mms_err err = storage->device_find(storage->context, key, &device);
		EXPECT(look, err == (expected->id == 0 ? MMS_E_MISSING : MMS_OK), "device %u: error %d", i, err);
		if (err == MMS_OK)
			EXPECT(look,
			       device.device_id == expected->id && device.user_id == expected->user_id &&
				       device.cursor == expected->cursor && device.gap_row == expected->gap_row &&
				       device.gap_count == expected->gap_count,
			       "device %u: id %lld user %lld cursor %llu gap %llu of %llu, not %lld %lld %llu %llu %llu", i,
			       (long long)device.device_id, (long long)device.user_id, (unsigned long long)device.cursor,
			       (unsigned long long)device.gap_row, (unsigned long long)device.gap_count,
			       (long long)expected->id, (long long)expected->user_id,
			       (unsigned long long)expected->cursor, (unsigned long long)expected->gap_row,
			       (unsigned long long)expected->gap_count);
		if (expected->id != 0)
			look_at_waiting(look, i);
		EXPECT(look,
		       storage->invite_is_spent(storage->context, key, &is_spent) == MMS_OK &&
			       is_spent == look->model->is_spent[i],
		       "invite %u is %s", i, is_spent ? "spent" : "not spent");
	}
}

static void look_at_ids(struct look *look)
{
	const struct server_storage *storage = &look->server->storage;
	for (uint32_t i = 0; i < look->model->message_count && look->found.complaint[0] == 0; i++) {
		const struct model_message *expected = &look->model->message[i];
		const struct uuid id = world_id(expected->serial);
		struct storage_accepted accepted = {0};
		const enum mms_err err =
			storage->accepted_find(storage->context, expected->sender_id, &id, &accepted);
		EXPECT(look, err == (expected->is_held ? MMS_OK : MMS_E_MISSING), "the id of row %llu: error %d",
		       (unsigned long long)expected->row, err);
		if (err == MMS_OK)
			EXPECT(look,
			       accepted.commit == expected->row && accepted.recipient_id == expected->recipient_id &&
				       accepted.digest[0] == (uint8_t)expected->serial &&
				       accepted.was_online == (expected->serial % 2 == 0),
			       "the verdict on row %llu is another one", (unsigned long long)expected->row);
	}
}

static void expect_row(struct look *look, const struct model_message *expected, const struct storage_row *row)
{
	uint8_t text[TEXT_BYTES_MAX];
	const uint16_t text_bytes = world_text(expected->serial, text);
	const struct uuid id = world_id(expected->serial);
	const struct name sender = world_name(expected->sender, false);
	EXPECT(look,
	       row->row == expected->row && row->accepted_at.ms == (int64_t)expected->serial && memcmp(&row->id, &id, sizeof id) == 0 &&
		       name_is_same(&row->sender, &sender) &&
		       row->text_bytes == text_bytes && memcmp(row->text, text, text_bytes) == 0,
	       "row %llu stands where row %llu must, or is another message", (unsigned long long)row->row,
	       (unsigned long long)expected->row);
}

static void look_at_mailbox(struct look *look, int64_t user_id)
{
	const struct server_storage *storage = &look->server->storage;
	struct storage_row row = {0};
	uint64_t fresh_rows = 0;
	uint64_t fresh_bytes = 0;
	uint64_t rows_counted = 0;
	uint64_t bytes_counted = 0;
	for (uint32_t i = 0; i < look->model->message_count && look->found.complaint[0] == 0; i++) {
		const struct model_message *expected = &look->model->message[i];
		if (!expected->is_kept || expected->recipient_id != user_id)
			continue;
		const enum mms_err err = storage->mailbox_next(storage->context, user_id, row.row, &row);
		EXPECT(look, err == MMS_OK, "row %llu is not in its mailbox: error %d", (unsigned long long)expected->row,
		       err);
		if (err == MMS_OK)
			expect_row(look, expected, &row);
		if (!model_holds(look->model, expected, user_id) || expected->row <= look->model->taken_row[user_id])
			continue;
		fresh_rows++;
		fresh_bytes += row.text_bytes;
	}
	EXPECT(look, storage->mailbox_next(storage->context, user_id, row.row, &row) == MMS_E_MISSING,
	       "a row more than accepted in the mailbox of user %lld", (long long)user_id);
	EXPECT(look,
	       storage->mailbox_usage(storage->context, user_id, &rows_counted, &bytes_counted) == MMS_OK &&
		       rows_counted == fresh_rows && bytes_counted == fresh_bytes,
	       "the mailbox of user %lld counts %llu rows that nobody had, not %llu", (long long)user_id,
	       (unsigned long long)rows_counted, (unsigned long long)fresh_rows);
}

// What waits for a device is what is there behind its cursor.
static void look_at_waiting(struct look *look, unsigned key)
{
	const struct server_storage *storage = &look->server->storage;
	const struct model_device *model = &look->model->device[key];
	const struct storage_device device = {.device_id = model->id, .user_id = model->user_id, .cursor = model->cursor};
	uint64_t expected = 0;
	uint64_t waiting = 0;
	for (uint32_t i = 0; i < look->model->message_count; i++)
		expected += model_holds(look->model, &look->model->message[i], model->user_id) &&
			    look->model->message[i].row > model->cursor;
	const enum mms_err err = storage->mailbox_waiting(storage->context, &device, model->cursor, &waiting);
	EXPECT(look, err == MMS_OK && waiting == expected, "%llu rows wait for device %u, not %llu",
	       (unsigned long long)waiting, key, (unsigned long long)expected);
}

static void look_at_users(struct look *look)
{
	const struct server_storage *storage = &look->server->storage;
	for (int64_t user_id = 1; user_id <= look->model->user_id_last; user_id++) {
		uint64_t low;
		uint64_t high;
		uint32_t count = UINT32_MAX;
		const uint32_t expected = model_cursors(look->model, user_id, &low, &high);
		look_at_mailbox(look, user_id);
		EXPECT(look, storage->device_count(storage->context, user_id, &count) == MMS_OK && count == expected,
		       "user %lld has %u devices", (long long)user_id, count);
	}
}

static void expect_mark(struct look *look, uint32_t start, uint64_t commit, bool expected)
{
	const struct server_storage *storage = &look->server->storage;
	struct storage_mark mark = {.commit = commit};
	bool is_known = !expected;
	server_world_start_id(look->model->start_serial[start], mark.start_id);
	EXPECT(look, storage->mark_is_known(storage->context, &mark, &is_known) == MMS_OK && is_known == expected,
	       "the mark of start %u at %llu is %sknown", start, (unsigned long long)commit, is_known ? "" : "not ");
}

// The number that a start may have promised last, and the one after it: with that of the last start, the counter.
static void look_at_marks(struct look *look)
{
	for (uint32_t i = 0; i < look->model->start_count; i++) {
		const bool is_last = i + 1 == look->model->start_count;
		const uint64_t end = is_last ? look->model->commit_next : look->model->start_first[i + 1];
		expect_mark(look, i, end - 1, true);
		expect_mark(look, i, end, false);
	}
}

static void expect_count(struct look *look, const char *sql, uint64_t expected)
{
	const int64_t count = world_number(look->server->store->sql.db, sql);
	EXPECT(look, count == (int64_t)expected, "%s: %lld, not %llu", sql, (long long)count,
	       (unsigned long long)expected);
}

static void look_at_counts(struct look *look)
{
	const struct server_model *model = look->model;
	uint64_t kept = 0;
	uint64_t holding = 0;
	uint64_t holding_bytes = 0;
	uint64_t held = 0;
	uint64_t taken_sum = 0;
	uint64_t devices = 0;
	uint64_t spent = 0;
	uint64_t users = 0;
	uint64_t absent_sum = 0;
	for (uint32_t i = 0; i < model->message_count; i++) {
		kept += model->message[i].is_kept;
		if (model_holds(model, &model->message[i], model->message[i].recipient_id)) {
			holding++;
			holding_bytes += model->message[i].text_bytes;
		}
		held += model->message[i].is_held;
		taken_sum += model->message[i].is_kept && model->message[i].is_taken ? (uint64_t)model->message[i].taken_at : 0;
	}
	for (unsigned i = 0; i < MODEL_KEYS; i++) {
		devices += model->device[i].id != 0;
		spent += model->is_spent[i];
	}
	for (unsigned i = 0; i < MODEL_USERS; i++) {
		users += model->user[i].id != 0;
		absent_sum += model->user[i].is_absent ? (uint64_t)model->user[i].absent_since : 0;
	}
	expect_count(look, "SELECT commit_next FROM counter", model->commit_next);
	expect_count(look, "SELECT seconds FROM counter", (uint64_t)model->seconds);
	expect_count(look, "SELECT count(*) FROM message", kept);
	expect_count(look, "SELECT coalesce(sum(held_rows), 0) FROM mailbox", holding);
	expect_count(look, "SELECT coalesce(sum(held_bytes), 0) FROM mailbox", holding_bytes);
	expect_count(look, "SELECT coalesce(sum(taken_at), 0) FROM message", taken_sum);
	expect_count(look, "SELECT count(*) FROM accepted", held);
	for (int64_t id = 1; id <= model->user_id_last; id++) {
		const struct model_sender *sender = &model->sender[id];
		char sql[120];
		snprintf(sql, sizeof sql,
			 "SELECT coalesce(sum(new_ids + edge_row * 1000 + old_row * 1000000), 0) FROM sender"
			 " WHERE user_id = %lld",
			 (long long)id);
		expect_count(look, sql, sender->new_ids + sender->edge_row * 1000 + sender->old_row * 1000000);
	}
	expect_count(look, "SELECT count(*) FROM device", devices);
	expect_count(look, "SELECT count(*) FROM invite_spent", spent);
	expect_count(look, "SELECT count(*) FROM user", users);
	expect_count(look, "SELECT coalesce(sum(absent_since), 0) FROM user", absent_sum);
	expect_count(look, "SELECT count(*) FROM start", model->start_count);
}

// Writes the first difference between the store and the model; empty: none.
static void compare(struct server_world *server, const struct server_model *model, char complaint[COMPLAINT_BYTES])
{
	struct look look = {.server = server, .model = model};
	look_at_counts(&look);
	look_at_devices(&look);
	look_at_users(&look);
	look_at_ids(&look);
	look_at_marks(&look);
	memcpy(complaint, look.found.complaint, COMPLAINT_BYTES);
}

void server_world_check(struct world *world)
{
	struct server_world *server = (struct server_world *)(void *)world;
	char before[COMPLAINT_BYTES];
	char after[COMPLAINT_BYTES] = "";
	world_check_integrity(world, server->store->sql.db);
	compare(server, &server->now, before);
	if (before[0] != 0 && server->has_next) {
		compare(server, &server->next, after);
		if (after[0] == 0) {
			server->now = server->next;
			before[0] = 0;
		}
	}
	server->has_next = false;
	if (before[0] != 0)
		world_complain(world, "%.400s%s%.400s", before, after[0] == 0 ? "" : "; nor as after the operation: ",
			       after);
}
