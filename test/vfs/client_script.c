// SPDX-License-Identifier: ISC
// The script of a profile's store: everything that client_store.h and client_storage.h offer, each operation done to the store
// and to the model. A batch is there whole or not at all, and one that comes again leaves what it left before.
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client_world.h"
#include "store/client_store_inside.h"

enum { REOFFER_START = 8 };
static const int64_t DAY_MS = 24 * 60 * 60 * 1000;

static struct client_world *client_of(struct world *world)
{
	return (struct client_world *)(void *)world;
}

void client_world_identity(struct client_store_identity *identity)
{
	*identity = (struct client_store_identity){.user = world_name(0, false)};
	memset(identity->static_secret, 1, STORAGE_KEY_BYTES);
	memset(identity->public_key, 2, STORAGE_KEY_BYTES);
	memset(identity->server_key, 3, STORAGE_KEY_BYTES);
}

// --- opening ---

static enum mms_err open_world(struct world *world)
{
	struct client_world *client = client_of(world);
	world->why.text[0] = 0;
	// What stands at the path itself is no database: that one is on the world's disk. It is new, and then in use.
	char use_path[WORLD_PATH_BYTES + 8];
	snprintf(use_path, sizeof use_path, "%s-use", world->path);
	unlink(use_path);
	unlink(world->path);
	const enum mms_err err = client_store_open(world->path, &client->store, &world->why);
	if (err == MMS_OK && truncate(world->path, SQL_PAGE_BYTES) != 0)
		world_complain(world, "cannot write to %s", world->path);
	if (err != MMS_OK && (client->store != NULL || world->why.text[0] == 0))
		world_complain(world, "opening failed with error %d and a store or no reason", err);
	return err;
}

static void close_world(struct world *world)
{
	client_store_close(client_of(world)->store);
	client_of(world)->store = NULL;
}

static bool is_world_open(const struct world *world)
{
	return ((const struct client_world *)(const void *)world)->store != NULL;
}

static enum mms_err begin_world(struct world *world)
{
	struct client_world *client = client_of(world);
	struct client_store_identity identity;
	client->store->sql.reason.text[0] = 0;
	enum mms_err err = client_store_identity_get(client->store, &identity);
	if (err == (client->now.has_identity ? MMS_OK : MMS_E_MISSING))
		return MMS_OK;
	world->why = *client_store_reason(client->store);
	if (err == MMS_OK || err == MMS_E_MISSING || world->why.text[0] == 0)
		world_complain(world, "reading the identity: %d, or no reason", err);
	return err;
}

// --- batches ---

static struct client_model *expect(struct client_world *client)
{
	client->next = client->now;
	client->batch.op_count = client->batch.text_bytes = 0;
	client->store->sql.reason.text[0] = 0;
	return &client->next;
}

static struct client_op *add_op(struct client_world *client, enum client_op_kind kind, enum client_result expected)
{
	struct client_op *op = &client->batch.op[client->batch.op_count];
	*op = (struct client_op){.kind = kind};
	client->expected[client->batch.op_count++] = expected;
	return op;
}

static void put(struct client_world *client, struct model_entry entry)
{
	struct client_batch *batch = &client->batch;
	const bool is_new = client_model_put(&client->next, entry);
	struct client_op *op = add_op(client, CLIENT_OP_PUT, is_new ? CLIENT_RESULT_NEW : CLIENT_RESULT_REPEAT);
	op->id = world_id(entry.serial);
	op->put = (struct client_op_put){.accepted_at = {client->clock_ms}, .text_offset = batch->text_bytes};
	op->put.is_gap = entry.gap_count != 0;
	op->put.gap_count = entry.gap_count;
	if (op->put.is_gap)
		return;
	op->put.kind = MESSAGE_WRITTEN;
	op->put.form = MESSAGE_UTF8;
	op->put.sender = world_name(entry.sender, entry.serial % 2 == 0);
	op->put.text_bytes = world_text(entry.serial, batch->text + batch->text_bytes);
	batch->text_bytes += op->put.text_bytes;
}

// Of an acceptance on a session that showed the mark that is kept.
static void set_mark(struct client_world *client, uint32_t start, uint64_t commit)
{
	struct client_op_mark *op = &add_op(client, CLIENT_OP_MARK, CLIENT_RESULT_DONE)->mark;
	*op = (struct client_op_mark){.is_acceptance = true, .mark.commit = commit, .shown.commit = client->next.mark_commit};
	memset(op->mark.start_id, (int)start, sizeof op->mark.start_id);
	memset(op->shown.start_id, (int)client->next.mark_start, sizeof op->shown.start_id);
	client_model_mark(&client->next, start, commit);
}

// A serial of 0 is no message of ours.
static void verdict(struct client_world *client, uint32_t serial, enum outbox_state state, uint8_t status)
{
	const bool is_known = client_model_verdict(&client->next, serial, (int)state, status);
	struct client_op *op = add_op(client, CLIENT_OP_VERDICT, is_known ? CLIENT_RESULT_DONE : CLIENT_RESULT_MISSING);
	op->id = world_id(serial);
	op->verdict = (struct client_op_verdict){.state = state, .status = status};
}

// --- what ends it ---

static enum mms_err settle(struct client_world *client, enum mms_err err, enum mms_err expected)
{
	struct world *world = &client->world;
	client->clock_ms += 1000;
	if (err == expected) {
		client->now = client->next;
		return MMS_OK;
	}
	if (err == MMS_OK)
		world_complain(world, "success, where error %d was due", expected);
	world->why = *client_store_reason(client->store);
	if (world->why.text[0] == 0)
		world_complain(world, "error %d without a reason", err);
	// "No space" and "busy" mean that nothing was changed; else nobody knows.
	client->has_next = err != MMS_E_NOSPACE && err != MMS_E_BUSY;
	return err;
}

static enum mms_err append(struct client_world *client)
{
	client->batch.number++;
	client_store_append(client->store, &client->batch, &client->appended);
	if (client->appended.number != client->batch.number)
		world_complain(&client->world, "batch %d came back as another", (int)client->batch.number);
	for (uint32_t i = 0; i < client->batch.op_count && client->appended.err == MMS_OK; i++)
		if (client->appended.result[i] != client->expected[i])
			world_complain(&client->world, "operation %u came to %d, not %d", i, client->appended.result[i],
				       client->expected[i]);
	return settle(client, client->appended.err, MMS_OK);
}

static enum mms_err add(struct client_world *client, uint32_t serial, enum mms_err expected)
{
	const struct uuid id = world_id(serial);
	const struct name recipient = world_name(1, false);
	uint8_t text[TEXT_BYTES_MAX];
	const uint16_t text_bytes = world_text(serial, text);
	if (expected == MMS_OK)
		client_model_add(&client->next, serial, client->clock_ms);
	const struct outbox_row wish = outbox_message(&id, &(struct message_to){.name = recipient}, text, text_bytes);
	const enum mms_err err = client_store_outbox_add(client->store, &wish, (struct wtime){client->clock_ms});
	return settle(client, err, expected);
}

// --- steps ---

static enum mms_err create_identity(struct client_world *client, unsigned argument)
{
	struct client_store_identity identity;
	(void)argument;
	client_world_identity(&identity);
	expect(client)->has_identity = true;
	const enum mms_err err = client_store_identity_create(client->store, &identity);
	return settle(client, err, client->now.has_identity ? MMS_E_EXISTS : MMS_OK);
}

static enum mms_err sign_in(struct client_world *client, unsigned argument)
{
	const struct name name = world_name(0, true);
	(void)argument;
	expect(client)->has_signed_in = true;
	return settle(client, client_store_signed_in_set(client->store, &name), MMS_OK);
}

static enum mms_err queue(struct client_world *client, unsigned count)
{
	enum mms_err err = MMS_OK;
	for (unsigned i = 0; i < count && err == MMS_OK; i++) {
		expect(client);
		err = add(client, client->serial_next++, MMS_OK);
	}
	return err;
}

static enum mms_err queue_twice(struct client_world *client, unsigned argument)
{
	(void)argument;
	expect(client);
	if (client->now.outbox_count == 0)
		return MMS_OK;
	return add(client, client->now.outbox[0].serial, MMS_E_EXISTS);
}

// A burst of deliveries with one known already, one id of two senders and a gap, and the mark that came with them.
static void gather(struct client_world *client, unsigned count)
{
	expect(client);
	for (unsigned i = 0; i < count; i++) {
		const uint32_t serial = client->serial_next++;
		put(client, (struct model_entry){.serial = serial, .sender = (uint8_t)(serial % WORLD_USERS)});
	}
	const uint32_t serial = client->serial_next - 1;
	put(client, (struct model_entry){.serial = serial, .sender = (uint8_t)(serial % WORLD_USERS)});
	put(client, (struct model_entry){.serial = serial, .sender = (uint8_t)((serial + 1) % WORLD_USERS)});
	put(client, (struct model_entry){.serial = client->serial_next++, .gap_count = 3});
}

static enum mms_err receive(struct client_world *client, unsigned count)
{
	gather(client, count);
	return append(client);
}

// The mark is in the transaction of the verdicts it came with.
static enum mms_err take_verdicts(struct client_world *client, unsigned start)
{
	unsigned done = 0;
	expect(client);
	for (uint32_t i = 0; i < client->now.outbox_count && done < 5; i++) {
		const struct model_outgoing *row = &client->now.outbox[i];
		if (!row->is_queued)
			continue;
		const bool is_refused = done == 2;
		verdict(client, row->serial,
			is_refused ? OUTBOX_REFUSED :
			done % 2   ? OUTBOX_SAVED :
				     OUTBOX_ONLINE,
			is_refused ? 7 : 0);
		done++;
	}
	set_mark(client, start, 10 + client->serial_next);
	set_mark(client, start, 5);
	verdict(client, 0, OUTBOX_SAVED, 0);
	return append(client);
}

// Nobody knew what became of a batch: it comes again.
static enum mms_err receive_twice(struct client_world *client, unsigned count)
{
	gather(client, count);
	const enum mms_err err = append(client);
	if (err != MMS_OK)
		return err;
	client->store->sql.reason.text[0] = 0;
	for (uint32_t i = 0; i < client->batch.op_count; i++)
		client->expected[i] = CLIENT_RESULT_REPEAT;
	return append(client);
}

static enum mms_err restart(struct client_world *client, unsigned argument)
{
	(void)argument;
	close_world(&client->world);
	const enum mms_err err = open_world(&client->world);
	return err == MMS_OK ? begin_world(&client->world) : err;
}

static enum mms_err show(struct client_world *client, unsigned argument)
{
	struct transcript_row row = {.seq = 0};
	enum mms_err err = MMS_OK;
	(void)argument;
	client_model_show(expect(client));
	while (err == MMS_OK)
		err = client_store_transcript_next(client->store, &(struct transcript_range){row.seq, UINT64_MAX, true}, &row);
	if (err == MMS_E_MISSING)
		err = client_store_transcript_mark_shown(client->store, &(struct transcript_range){0, row.seq, true});
	return settle(client, err, MMS_OK);
}

// The server was restored: what was accepted goes again.
static enum mms_err reoffer(struct client_world *client, unsigned argument)
{
	(void)argument;
	expect(client);
	struct client_op_mark *op = &add_op(client, CLIENT_OP_MARK, CLIENT_RESULT_REOFFER)->mark;
	*op = (struct client_op_mark){.mark = {{0}, 1}, .is_reoffer_wanted = true};
	memset(op->mark.start_id, REOFFER_START, sizeof op->mark.start_id);
	client_model_reoffer(&client->next);
	client_model_mark(&client->next, REOFFER_START, 1);
	return append(client);
}

static enum mms_err pass_days(struct client_world *client, unsigned days)
{
	client->clock_ms += days * DAY_MS;
	return MMS_OK;
}

// Another process of the profile queues a message; this one notices.
static enum mms_err queue_beside(struct client_world *client, unsigned argument)
{
	struct world *world = &client->world;
	struct client_store *own = client->store;
	struct client_store *beside = NULL;
	bool has_changed = false;
	(void)argument;
	expect(client);
	world->why.text[0] = 0;
	enum mms_err err = client_store_changed(own, &has_changed);
	if (err != MMS_OK)
		return settle(client, err, MMS_OK);
	err = client_store_open(world->path, &beside, &world->why);
	if (err != MMS_OK) {
		if (world->why.text[0] == 0)
			world_complain(world, "error %d of opening beside without a reason", err);
		return err;
	}
	client->store = beside;
	err = add(client, client->serial_next++, MMS_OK);
	client_store_close(beside);
	client->store = own;
	if (err == MMS_OK) {
		expect(client);
		err = settle(client, client_store_changed(own, &has_changed), MMS_OK);
	}
	if (err == MMS_OK && !has_changed)
		world_complain(world, "another process was not noticed");
	return err;
}

struct step {
	const char *name;
	enum mms_err (*run)(struct client_world *client, unsigned argument);
	unsigned argument;
};

static const struct step steps[] = {
	{"make an identity", create_identity, 0},
	{"make another", create_identity, 0},
	{"queue before signing in", queue, 1},
	{"sign in", sign_in, 0},
	{"queue", queue, 4},
	{"queue an id again", queue_twice, 0},
	{"first verdicts", take_verdicts, 1},
	{"receive", receive, 1},
	{"receive many", receive, 40},
	{"show", show, 0},
	{"receive twice", receive_twice, 6},
	{"end", restart, 0},
	{"receive after that", receive, 6},
	{"queue beside", queue_beside, 0},
	{"more verdicts", take_verdicts, 1},
	{"a month", pass_days, 31},
	{"queue later", queue, 3},
	{"verdicts of another start", take_verdicts, 2},
	{"offer again what is young", reoffer, 30},
	{"verdicts on offers made again", take_verdicts, 2},
	{"restart", restart, 0},
	{"receive again", receive, 12},
	{"show more", show, 0},
	{"queue beside again", queue_beside, 0},
	{"offer all again", reoffer, 90},
	{"receive twice again", receive_twice, 30},
	{"last verdicts", take_verdicts, 3},
	{"restart again", restart, 0},
	{"queue at the end", queue, 2},
};

static void init_world(struct world *world, uint64_t seed, const char *directory)
{
	struct client_world *client = client_of(world);
	memset(client, 0, sizeof *client);
	world->seed = seed;
	snprintf(world->path, sizeof world->path, "%s/fred.db", directory);
	client->clock_ms = 1800000000000;
	client->serial_next = 1;
}

static enum mms_err run_step(struct world *world, uint32_t index)
{
	return steps[index].run(client_of(world), steps[index].argument);
}

static const char *step_name(uint32_t index)
{
	return steps[index].name;
}

// After every failure: what had gathered is undone, and the next transaction is another one.
static bool is_usable_after(enum mms_err err)
{
	(void)err;
	return true;
}

static void check_broken(struct world *world)
{
	(void)world;
}

const struct world_kind client_world_kind = {
	.name = "client",
	.world_bytes = sizeof(struct client_world),
	.step_count = sizeof steps / sizeof *steps,
	.init = init_world,
	.open = open_world,
	.close = close_world,
	.is_open = is_world_open,
	.step = run_step,
	.begin = begin_world,
	.step_name = step_name,
	.check = client_world_check,
	.is_usable_after = is_usable_after,
	.check_broken = check_broken,
};
