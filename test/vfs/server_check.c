// SPDX-License-Identifier: ISC
// Holds the server's store against the model, through everything that storage.h lets one read, and counts the tables'
// rows, so that nothing is there but what must be.
#include <stdio.h>
#include <string.h>

#include "base/message.h"
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

// Asks a question, which must be answered.
static bool ask(struct look *look, struct storage_question *question)
{
	struct reason why = {{0}};
	const enum mms_err err = server_store_ask(look->server->store, question, &why);
	EXPECT(look, err == MMS_OK, "error %d of a question: %.200s", err, why.text);
	return err == MMS_OK;
}

// What waits for a device is what is there behind its cursor.
static uint64_t count_waiting(const struct server_model *model, const struct model_device *device)
{
	uint64_t count = 0;
	for (uint32_t i = 0; i < model->message_count; i++)
		count += model_holds(model, &model->message[i], device->user_id) && model->message[i].row > device->cursor;
	return count;
}

static void look_at_devices(struct look *look)
{
	for (unsigned i = 0; i < MODEL_KEYS; i++) {
		const struct model_device *expected = &look->model->device[i];
		const int64_t user_id = look->model->user[i % MODEL_USERS].id;
		struct storage_question question = {.kind = QUESTION_SIGNIN, .user_id = user_id, .signin = {.has_invite = true}};
		const struct storage_device *device = &question.is.device;
		uint64_t low;
		uint64_t high;
		server_world_key(i, question.signin.key);
		server_world_key(i, question.signin.invite_hash);
		if (!ask(look, &question))
			return;
		EXPECT(look, question.is.has_device == (expected->id != 0), "device %u is %d", i, question.is.has_device);
		if (question.is.has_device)
			EXPECT(look,
			       device->device_id == expected->id && device->user_id == expected->user_id &&
				       device->cursor == expected->cursor && device->gap_row == expected->gap_row &&
				       device->gap_count == expected->gap_count,
			       "device %u: id %lld user %lld cursor %llu gap %llu of %llu, not %lld %lld %llu %llu %llu", i,
			       (long long)device->device_id, (long long)device->user_id, (unsigned long long)device->cursor,
			       (unsigned long long)device->gap_row, (unsigned long long)device->gap_count,
			       (long long)expected->id, (long long)expected->user_id,
			       (unsigned long long)expected->cursor, (unsigned long long)expected->gap_row,
			       (unsigned long long)expected->gap_count);
		if (question.is.has_device)
			EXPECT(look, question.is.waiting_count == count_waiting(look->model, expected),
			       "%llu rows wait for device %u, not %llu", (unsigned long long)question.is.waiting_count, i,
			       (unsigned long long)count_waiting(look->model, expected));
		EXPECT(look, question.is.is_invite_spent == look->model->is_spent[i], "invite %u is %s", i,
		       question.is.is_invite_spent ? "spent" : "not spent");
		EXPECT(look, user_id == 0 || question.is.device_count == model_cursors(look->model, user_id, &low, &high),
		       "user %lld has %u devices", (long long)user_id, question.is.device_count);
		EXPECT(look, question.is.mark.commit == look->model->commit_next - 1, "the mark promises %llu",
		       (unsigned long long)question.is.mark.commit);
	}
}

static void look_at_ids(struct look *look)
{
	for (uint32_t i = 0; i < look->model->message_count && look->found.complaint[0] == 0; i++) {
		const struct model_message *expected = &look->model->message[i];
		struct storage_submit submit = {.sender_id = expected->sender_id, .id = world_id(expected->serial)};
		struct storage_result result = {0};
		memset(submit.digest, (int)expected->serial, sizeof submit.digest);
		const enum mms_err err = server_store_id_find(look->server->store, &submit, &result);
		EXPECT(look, err == (expected->is_held ? MMS_OK : MMS_E_MISSING), "the id of row %llu: error %d",
		       (unsigned long long)expected->row, err);
		if (err == MMS_OK)
			EXPECT(look,
			       result.verdict == VERDICT_REPEAT && result.row == expected->row &&
				       result.was_online == (expected->serial % 2 == 0),
			       "the verdict on row %llu is another one", (unsigned long long)expected->row);
	}
}

static void expect_row(struct look *look, const struct model_message *expected, const struct storage_row *row,
		       const struct storage_page *page)
{
	uint8_t text[TEXT_BYTES_MAX];
	const uint16_t text_bytes = world_text(expected->serial, text);
	const struct uuid id = world_id(expected->serial);
	const struct name sender = world_name(expected->sender, false);
	EXPECT(look,
	       row->row == expected->row && row->accepted_at.ms == (int64_t)expected->serial && memcmp(&row->id, &id, sizeof id) == 0 &&
		       name_is_same(&row->sender, &sender) &&
		       row->kind == MESSAGE_WRITTEN && row->form == MESSAGE_UTF8 &&
		       row->text_bytes == text_bytes && memcmp(page->text + row->text_offset, text, text_bytes) == 0,
	       "row %llu stands where row %llu must, or is another message", (unsigned long long)row->row,
	       (unsigned long long)expected->row);
}

// The rows of a mailbox, page by page.
static void look_at_pages(struct look *look, int64_t user_id)
{
	static struct storage_page page;
	struct storage_question question = {
		.kind = QUESTION_PAGE, .user_id = user_id, .mailbox = {.rows_max = STORAGE_PAGE_ROWS_MAX}, .page = &page};
	uint32_t next = 0;
	if (!ask(look, &question))
		return;
	for (uint32_t i = 0; i < look->model->message_count && look->found.complaint[0] == 0; i++) {
		const struct model_message *expected = &look->model->message[i];
		if (!model_holds(look->model, expected, user_id))
			continue;
		if (next == page.row_count && !question.has.is_end) {
			question.mailbox.after_row = next == 0 ? 0 : page.row[next - 1].row;
			next = 0;
			if (!ask(look, &question))
				return;
		}
		EXPECT(look, next < page.row_count, "row %llu is not in its mailbox", (unsigned long long)expected->row);
		if (next < page.row_count)
			expect_row(look, expected, &page.row[next], &page);
		next++;
	}
	EXPECT(look, next == page.row_count, "a row more than accepted in the mailbox of user %lld", (long long)user_id);
	EXPECT(look, look->model->is_gone[user_id] || question.has.row_newest == 0 ||
		       question.has.row_newest == look->model->row_last[user_id],
	       "the newest row of user %lld is %llu", (long long)user_id, (unsigned long long)question.has.row_newest);
}

static void look_at_usage(struct look *look, int64_t user_id)
{
	struct server_mailbox *mailbox;
	uint64_t fresh_rows = 0;
	uint64_t fresh_bytes = 0;
	for (uint32_t i = 0; i < look->model->message_count; i++) {
		const struct model_message *message = &look->model->message[i];
		if (!model_holds(look->model, message, user_id) || message->row <= look->model->taken_row[user_id])
			continue;
		fresh_rows++;
		fresh_bytes += message->text_bytes;
	}
	const enum mms_err err = server_store_mailbox(look->server->store, user_id, &mailbox);
	EXPECT(look, err == MMS_OK || (err == MMS_E_MISSING && fresh_rows == 0), "error %d of a mailbox", err);
	if (err == MMS_OK)
		EXPECT(look, mailbox->fresh_rows == fresh_rows && mailbox->fresh_bytes == fresh_bytes,
		       "the mailbox of user %lld counts %llu rows that nobody had, not %llu", (long long)user_id,
		       (unsigned long long)mailbox->fresh_rows, (unsigned long long)fresh_rows);
}

static void look_at_users(struct look *look)
{
	for (int64_t user_id = 1; user_id <= look->model->user_id_last; user_id++) {
		look_at_pages(look, user_id);
		look_at_usage(look, user_id);
	}
}

static void expect_mark(struct look *look, uint32_t start, uint64_t commit, bool expected)
{
	struct storage_question question = {.kind = QUESTION_SIGNIN, .signin = {.mark = {.commit = commit}}};
	server_world_start_id(look->model->start_serial[start], question.signin.mark.start_id);
	if (ask(look, &question))
		EXPECT(look, question.is.is_mark_known == expected, "the mark of start %u at %llu is %sknown", start,
		       (unsigned long long)commit, question.is.is_mark_known ? "" : "not ");
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
	uint64_t taken = 0;
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
		taken += model->message[i].is_kept && model->message[i].is_taken;
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
	expect_count(look, "SELECT count(*) FROM body", kept);
	expect_count(look, "SELECT count(*) FROM ref", kept);
	expect_count(look, "SELECT count(*) FROM received", taken);
	expect_count(look, "SELECT count(*) FROM ref JOIN body ON body_no = row AND to_user = user_id", kept);
	expect_count(look, "SELECT coalesce(sum(held_rows), 0) FROM mailbox", holding);
	expect_count(look, "SELECT coalesce(sum(held_bytes), 0) FROM mailbox", holding_bytes);
	expect_count(look, "SELECT coalesce(sum(at), 0) FROM received JOIN ref USING (user_id, row, sender_id, bytes)", taken_sum);
	expect_count(look, "SELECT count(*) FROM accepted", held);
	// Shares are there for all of a mailbox or none, and say what it has.
	expect_count(look,
		     "SELECT count(*) FROM (SELECT user_id, sender_id, sum(row > taken_row), sum((row > taken_row) * bytes),"
		     " sum((row <= taken_row) * (bytes + 128)) FROM ref JOIN mailbox USING (user_id)"
		     " WHERE is_by_sender AND row > purge_row GROUP BY user_id, sender_id EXCEPT SELECT * FROM share)", 0);
	expect_count(look, "SELECT count(*) FROM share",
		     (uint64_t)world_number(look->server->store->sql.db,
					    "SELECT count(DISTINCT user_id << 20 | sender_id) FROM ref JOIN mailbox USING (user_id)"
					    " WHERE is_by_sender AND row > purge_row"));
	for (int64_t id = 1; id <= model->user_id_last; id++) {
		const struct model_sender *sender = &model->sender[id];
		const unsigned round = sender->is_in_round + sender->has_left;
		char sql[140];
		snprintf(sql, sizeof sql,
			 "SELECT coalesce(sum(new_ids + round * 100 + edge_row * 1000 + old_row * 1000000 + edge_at), 0) FROM sender"
			 " WHERE user_id = %lld",
			 (long long)id);
		expect_count(look, sql,
			     sender->new_ids + round * 100 + sender->edge_row * 1000 + sender->old_row * 1000000 +
				     (uint64_t)sender->edge_at);
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
