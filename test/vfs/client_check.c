// SPDX-License-Identifier: ISC
// Holds a profile's store against the model, through everything that client_store.h and client_storage.h let one read, and
// counts the tables' rows, so that nothing is there but what must be.
#include <string.h>

#include "client_world.h"
#include "store/client_store_inside.h"

// What one comparison needs; it stops at the first difference.
struct look {
	struct client_world *client;
	const struct client_model *model;
	struct world found; // where complaints go
};

#define EXPECT(look, condition, ...)                                                                                   \
	do {                                                                                                           \
		if (!(condition))                                                                                      \
			world_complain(&(look)->found, __VA_ARGS__);                                                   \
	} while (0)

static void look_at_identity(struct look *look)
{
	const struct client_model *model = look->model;
	struct client_store_identity identity = {.has_signed_in = false};
	struct client_store_identity expected;
	struct storage_mark mark = {.commit = UINT64_MAX};
	client_world_identity(&expected);
	const enum mms_err err = client_store_identity_get(look->client->store, &identity);
	EXPECT(look, err == (model->has_identity ? MMS_OK : MMS_E_MISSING), "the identity: error %d", err);
	if (err == MMS_OK)
		EXPECT(look,
		       memcmp(identity.static_secret, expected.static_secret, STORAGE_KEY_BYTES) == 0 &&
			       identity.has_signed_in == model->has_signed_in &&
			       name_is_same(&identity.user, &expected.user),
		       "the identity is another one, signed in %d", identity.has_signed_in);
	client_store_answer(look->client->store, &(struct client_question){.kind = CLIENT_ASK_MARK}, &look->client->answer);
	EXPECT(look, look->client->answer.err == MMS_OK, "no mark can be read");
	mark = look->client->answer.mark;
	EXPECT(look, mark.start_id[0] == (uint8_t)model->mark_start && mark.commit == model->mark_commit,
	       "the mark is %u %llu, not %u %llu", mark.start_id[0], (unsigned long long)mark.commit, model->mark_start,
	       (unsigned long long)model->mark_commit);
}

static const struct outbox_row *next_queued(struct look *look, uint64_t after_seq)
{
	const struct client_question question = {.kind = CLIENT_ASK_OUTBOX, .after_seq = after_seq, .rows_max = 1};
	client_store_answer(look->client->store, &question, &look->client->answer);
	return look->client->answer.row_count == 1 ? &look->client->answer.row[0] : NULL;
}

static void look_at_outbox(struct look *look)
{
	uint64_t after_seq = 0;
	uint64_t waiting = 0;
	uint64_t counted = 0;
	for (uint32_t i = 0; i < look->model->outbox_count && look->found.complaint[0] == 0; i++) {
		const struct model_outgoing *expected = &look->model->outbox[i];
		const struct uuid id = world_id(expected->serial);
		uint8_t text[TEXT_BYTES_MAX];
		const uint16_t text_bytes = world_text(expected->serial, text);
		enum outbox_state state = OUTBOX_QUEUED;
		uint8_t status = 0;
		EXPECT(look,
		       client_store_outbox_find(look->client->store, &id, &state, &status) == MMS_OK &&
			       (int)state == expected->state && status == expected->status,
		       "message %u has verdict %d %u, not %d %u", expected->serial, (int)state, status, expected->state,
		       expected->status);
		waiting += expected->state == OUTBOX_QUEUED;
		if (!expected->is_queued)
			continue;
		const struct outbox_row *row = next_queued(look, after_seq);
		EXPECT(look, row != NULL, "message %u is not queued: error %d", expected->serial, look->client->answer.err);
		if (row == NULL)
			return;
		EXPECT(look,
		       memcmp(&row->id, &id, sizeof id) == 0 && row->text_bytes == text_bytes &&
			       memcmp(row->text, text, text_bytes) == 0 &&
			       row->is_reoffer == (expected->state != OUTBOX_QUEUED),
		       "another message is queued where %u must be", expected->serial);
		after_seq = row->seq;
	}
	EXPECT(look, next_queued(look, after_seq) == NULL && look->client->answer.err == MMS_OK,
	       "a message more than written is queued");
	EXPECT(look, client_store_outbox_queued_count(look->client->store, &counted) == MMS_OK && counted == waiting,
	       "%llu messages wait, not %llu", (unsigned long long)counted, (unsigned long long)waiting);
}

static const struct transcript_range all_unshown = {0, UINT64_MAX, true};

static void look_at_transcript(struct look *look)
{
	struct client_store *store = look->client->store;
	struct transcript_row row = {.seq = 0};
	uint64_t waiting = 0;
	uint64_t counted = 0;
	for (uint32_t i = 0; i < look->model->transcript_count && look->found.complaint[0] == 0; i++) {
		const struct model_entry *expected = &look->model->transcript[i];
		const struct uuid id = world_id(expected->serial);
		const struct name sender = world_name(expected->sender, false);
		uint8_t text[TEXT_BYTES_MAX];
		const uint16_t text_bytes = world_text(expected->serial, text);
		if (expected->is_shown)
			continue;
		waiting += expected->gap_count == 0;
		const enum mms_err err = client_store_transcript_next(store, &(struct transcript_range){row.seq, UINT64_MAX, true}, &row);
		EXPECT(look, err == MMS_OK, "entry %u is not there to be shown: error %d", expected->serial, err);
		if (err == MMS_OK && expected->gap_count != 0)
			EXPECT(look, row.is_gap && row.gap_count == expected->gap_count, "no gap where one must be");
		else if (err == MMS_OK)
			EXPECT(look,
			       memcmp(&row.id, &id, sizeof id) == 0 && name_is_same(&row.sender, &sender) &&
				       row.text_bytes == text_bytes && memcmp(row.text, text, text_bytes) == 0,
			       "another entry stands where %u must", expected->serial);
	}
	EXPECT(look, client_store_transcript_next(store, &(struct transcript_range){row.seq, UINT64_MAX, true}, &row) == MMS_E_MISSING,
	       "an entry more than put is there to be shown");
	EXPECT(look, client_store_transcript_waiting(store, &all_unshown, &counted) == MMS_OK && counted == waiting,
	       "%llu messages waited, not %llu", (unsigned long long)counted, (unsigned long long)waiting);
}

static void expect_count(struct look *look, const char *sql, uint64_t expected)
{
	const int64_t count = world_number(look->client->store->sql.db, sql);
	EXPECT(look, count == (int64_t)expected, "%s: %lld, not %llu", sql, (long long)count,
	       (unsigned long long)expected);
}

// Writes the first difference between the store and the model; empty: none.
static void compare(struct client_world *client, const struct client_model *model, char complaint[COMPLAINT_BYTES])
{
	struct look look = {.client = client, .model = model};
	expect_count(&look, "SELECT count(*) FROM outbox", model->outbox_count);
	expect_count(&look, "SELECT count(*) FROM transcript", model->transcript_count);
	look_at_identity(&look);
	look_at_outbox(&look);
	look_at_transcript(&look);
	memcpy(complaint, look.found.complaint, COMPLAINT_BYTES);
}

void client_world_check(struct world *world)
{
	struct client_world *client = (struct client_world *)(void *)world;
	char before[COMPLAINT_BYTES];
	char after[COMPLAINT_BYTES] = "";
	uint64_t unshown;
	// First by the store, which gives up a transaction that could not be given up before.
	if (client_store_transcript_waiting(client->store, &all_unshown, &unshown) != MMS_OK)
		world_complain(world, "nothing can be read: %s", client_store_reason(client->store)->text);
	world_check_integrity(world, client->store->sql.db);
	compare(client, &client->now, before);
	if (before[0] != 0 && client->has_next) {
		compare(client, &client->next, after);
		if (after[0] == 0) {
			client->now = client->next;
			before[0] = 0;
		}
	}
	client->has_next = false;
	if (before[0] != 0)
		world_complain(world, "%.400s%s%.400s", before, after[0] == 0 ? "" : "; nor as after the operation: ",
			       after);
}
