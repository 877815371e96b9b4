// SPDX-License-Identifier: ISC
// The script of the server's store: everything that server_store.h and storage.h offer, each operation done to the store
// and to the model.
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "server_world.h"
#include "store/server_store_inside.h"
#include "wraps.h"

enum { OPS_MAX = 512, ALL_USERS = (1 << MODEL_USERS) - 1, WITH_INVITE = 0x10, LOUD = 0x10 };

static const int64_t DAY_MS = 24 * 60 * 60 * 1000;

// A batch on its way.
struct build {
	struct storage_op op[OPS_MAX];
	uint8_t text[OPS_MAX * TEXT_BYTES_MAX];
	size_t count;
	size_t text_bytes;
	uint64_t row_next;
};

struct server_script_world {
	struct server_world server; // first
	unsigned listed;            // what the users file says
	bool is_loud;
};

static struct build batch; // used within a call; too large to be copied with a world

static struct server_script_world *script_of(struct server_world *server)
{
	return (struct server_script_world *)(void *)server;
}

static struct server_world *server_of(struct world *world)
{
	return (struct server_world *)(void *)world;
}

// --- what things are made of ---

void server_world_start_id(uint32_t serial, uint8_t start_id[STORAGE_START_ID_BYTES])
{
	memset(start_id, 0x5a, STORAGE_START_ID_BYTES);
	memcpy(start_id, &serial, sizeof serial);
}

void server_world_key(unsigned key, uint8_t bytes[STORAGE_KEY_BYTES])
{
	memset(bytes, (int)(0x40 + key), STORAGE_KEY_BYTES);
}

// --- opening, and what an operation came to ---

static enum mms_err open_world(struct world *world)
{
	struct server_world *server = server_of(world);
	world->why.text[0] = 0;
	server->expired_row = 0;
	const enum mms_err err = server_store_open(world->path, &server->store, &world->why);
	if (err != MMS_OK && (server->store != NULL || world->why.text[0] == 0))
		world_complain(world, "opening failed with error %d and a store or no reason", err);
	if (err == MMS_OK)
		server->storage = server_store_storage(server->store);
	return err;
}

static void close_world(struct world *world)
{
	struct server_world *server = server_of(world);
	server_store_close(server->store);
	server->store = NULL;
}

static bool is_world_open(const struct world *world)
{
	return ((const struct server_world *)(const void *)world)->store != NULL;
}

// Before an operation: the model that it leads to begins as the one there is.
static struct server_model *expect(struct server_world *server)
{
	server->next = server->now;
	server->store->sql.reason.text[0] = 0;
	return &server->next;
}

// What came of an operation that had to end with `expected`.
static enum mms_err settle(struct server_world *server, enum mms_err err, enum mms_err expected)
{
	struct world *world = &server->world;
	if (err == expected) {
		if (err == MMS_OK)
			server->now = server->next;
		return MMS_OK;
	}
	if (err == MMS_OK)
		world_complain(world, "success, where error %d was due", expected);
	world->why = *server_store_reason(server->store);
	if (world->why.text[0] == 0)
		world_complain(world, "error %d without a reason", err);
	server->has_next = err != MMS_E_NOSPACE && err != MMS_E_EXISTS; // which say that nothing was changed
	return err;
}

// --- starts and users ---

static enum mms_err start(struct server_world *server, unsigned argument)
{
	struct storage_mark first = {{0}, 0};
	uint8_t start_id[STORAGE_START_ID_BYTES];
	const uint32_t serial = server->serial_next++;
	(void)argument;
	server_world_start_id(serial, start_id);
	model_start(expect(server), serial);
	const enum mms_err err = server_store_start(server->store, start_id, (struct wtime){server->clock_ms}, &first);
	if (err == MMS_OK && (first.commit != server->now.commit_next || memcmp(first.start_id, start_id, 16) != 0))
		world_complain(&server->world, "the start's first number is %llu", (unsigned long long)first.commit);
	return settle(server, err, MMS_OK);
}

static enum mms_err sync_users(struct server_world *server)
{
	const struct server_script_world *script = script_of(server);
	struct name names[MODEL_USERS];
	int64_t ids[MODEL_USERS] = {0};
	unsigned which[MODEL_USERS];
	size_t count = 0;
	struct server_model *next = expect(server);
	for (unsigned i = 0; i < MODEL_USERS; i++) {
		if ((script->listed & (1u << i)) == 0)
			continue;
		which[count] = i;
		names[count++] = world_name(i, script->is_loud);
	}
	model_users_sync(next, script->listed, script->is_loud, server->clock_ms);
	const enum mms_err err =
		server_store_users_sync(server->store, names, count, (struct wtime){server->clock_ms}, ids);
	for (size_t i = 0; i < count && err == MMS_OK; i++) {
		if (ids[i] != next->user[which[i]].id)
			world_complain(&server->world, "user %u has id %lld, not %lld", which[i], (long long)ids[i],
				       (long long)next->user[which[i]].id);
	}
	return settle(server, err, MMS_OK);
}

static enum mms_err list_users(struct server_world *server, unsigned argument)
{
	script_of(server)->listed = argument & ALL_USERS;
	script_of(server)->is_loud = (argument & LOUD) != 0;
	return sync_users(server);
}

static enum mms_err begin_world(struct world *world)
{
	struct server_world *server = server_of(world);
	const enum mms_err err = start(server, 0);
	return err == MMS_OK ? sync_users(server) : err;
}

static enum mms_err restart(struct server_world *server, unsigned argument)
{
	(void)argument;
	close_world(&server->world);
	const enum mms_err err = open_world(&server->world);
	return err == MMS_OK ? begin_world(&server->world) : err;
}

// --- batches ---

static struct storage_op *add_op(struct server_world *server, enum storage_op_kind kind)
{
	struct build *build = &batch;
	assert(build->count < OPS_MAX);
	struct storage_op *op = &build->op[build->count++];
	*op = (struct storage_op){.kind = kind, .at = {server->clock_ms}};
	return op;
}

static void begin_batch(struct server_world *server)
{
	struct build *build = &batch;
	build->count = build->text_bytes = 0;
	build->row_next = expect(server)->commit_next;
}

static enum mms_err append(struct server_world *server, enum mms_err expected)
{
	struct build *build = &batch;
	const struct storage_batch built = {build->op, build->count, build->text, build->row_next};
	model_batch_end(&server->next, build->row_next);
	server->world.why.text[0] = 0;
	const enum mms_err err = server_store_append(server->store, &built, &server->world.why);
	server->clock_ms += 1000;
	if (err != MMS_OK && server->world.why.text[0] == 0)
		world_complain(&server->world, "error %d of append without a reason", err);
	return settle(server, err, expected);
}

static void add_accept(struct server_world *server)
{
	struct build *build = &batch;
	const uint32_t serial = server->serial_next++;
	struct draw draw = {server->world.seed ^ serial};
	uint8_t sender;
	uint8_t recipient;
	do {
		sender = (uint8_t)draw_below(&draw, MODEL_USERS);
		recipient = (uint8_t)draw_below(&draw, MODEL_USERS);
	} while (server->next.user[sender].id == 0 || server->next.user[recipient].id == 0);
	struct storage_op *op = add_op(server, STORAGE_ACCEPT);
	op->row = build->row_next++;
	op->user_id = server->next.user[recipient].id;
	op->sender_id = server->next.user[sender].id;
	op->sender = world_name(sender, script_of(server)->is_loud);
	op->id = world_id(serial);
	memset(op->digest, (int)serial, sizeof op->digest);
	op->was_online = serial % 2 == 0;
	op->text_offset = (uint32_t)build->text_bytes;
	op->text_bytes = world_text(serial, build->text + build->text_bytes);
	build->text_bytes += op->text_bytes;
	model_accept(&server->next, op->row, serial, sender, recipient, server->clock_ms);
}

// The device moves to a row that is drawn; a key without one names a device that is not there.
static void add_cursor(struct server_world *server, unsigned key)
{
	const struct model_device *device = &server->next.device[key];
	const uint64_t row_last = batch.row_next - 1;
	struct draw draw = {server->world.seed ^ (row_last << 8) ^ key};
	struct storage_op *op = add_op(server, STORAGE_CURSOR);
	op->user_id = device->id == 0 ? 1 : device->user_id;
	op->device_id = device->id == 0 ? 999 : device->id;
	op->row = device->cursor + draw_below(&draw, row_last - device->cursor + 1);
	model_cursor(&server->next, key, op->row, server->clock_ms);
}

static struct storage_op *add_enroll(struct server_world *server, unsigned key, uint8_t user, bool has_invite)
{
	struct storage_op *op = add_op(server, STORAGE_ENROLL);
	op->user_id = server->next.user[user].id;
	op->has_invite = has_invite;
	server_world_key(key, op->key);
	server_world_key(key, op->invite_hash);
	memset(op->fingerprint, (int)~key & 0xff, sizeof op->fingerprint);
	return op;
}

static void add_gap_told(struct server_world *server, unsigned key, uint64_t row)
{
	struct storage_op *op = add_op(server, STORAGE_GAP_TOLD);
	op->user_id = server->next.device[key].user_id;
	op->device_id = server->next.device[key].id;
	op->row = row;
	model_gap_told(&server->next, key, row);
}

static enum mms_err accept(struct server_world *server, unsigned count)
{
	begin_batch(server);
	for (unsigned i = 0; i < count; i++)
		add_accept(server);
	return append(server, MMS_OK);
}

static enum mms_err take(struct server_world *server, unsigned key)
{
	begin_batch(server);
	add_cursor(server, key);
	return append(server, MMS_OK);
}

// Key n is of user n modulo 4.
static enum mms_err enroll(struct server_world *server, unsigned argument)
{
	const unsigned key = argument & 0xf;
	begin_batch(server);
	add_enroll(server, key, key % MODEL_USERS, (argument & WITH_INVITE) != 0);
	model_enroll(&server->next, key, key % MODEL_USERS, (argument & WITH_INVITE) != 0);
	return append(server, MMS_OK);
}

static enum mms_err tell_gap(struct server_world *server, unsigned key)
{
	const uint64_t row = server->now.device[key].gap_row;
	begin_batch(server);
	add_gap_told(server, key, row);
	return append(server, MMS_OK);
}

// The gap grew after the device was told of it.
static enum mms_err tell_old_gap(struct server_world *server, unsigned key)
{
	const uint64_t row = server->now.device[key].gap_row;
	begin_batch(server);
	add_gap_told(server, key, row == 0 ? 0 : row - 1);
	return append(server, MMS_OK);
}

// Everything that a turn of the server's loop may bring.
static enum mms_err append_mixed(struct server_world *server, unsigned key)
{
	begin_batch(server);
	add_accept(server);
	add_cursor(server, 0);
	add_enroll(server, key, key % MODEL_USERS, true);
	model_enroll(&server->next, key, key % MODEL_USERS, true);
	add_accept(server);
	add_accept(server);
	add_cursor(server, 1);
	add_gap_told(server, 0, server->next.device[0].gap_row);
	add_cursor(server, MODEL_KEYS - 1);
	return append(server, MMS_OK);
}

// Batches that the caller must exclude: none of them may do half.
static enum mms_err append_forbidden(struct server_world *server, unsigned which)
{
	struct build *build = &batch;
	begin_batch(server);
	add_accept(server);
	if (which == 0) { // the same id twice
		const struct storage_op first = build->op[0];
		*add_op(server, STORAGE_ACCEPT) = first;
		build->op[1].row = build->row_next++;
	} else if (which == 1) { // an invite that is spent
		server_world_key(1, add_enroll(server, MODEL_KEYS - 1, 0, true)->invite_hash);
	} else { // a key of another user
		add_enroll(server, 1, 2, false);
	}
	server->next = server->now;
	return append(server, MMS_E_EXISTS);
}

// --- the rest ---

static enum mms_err revoke(struct server_world *server, unsigned key)
{
	uint8_t fingerprint[STORAGE_KEY_BYTES];
	const struct model_device device = server->now.device[key];
	bool removed = device.id == 0;
	memset(fingerprint, (int)~key & 0xff, sizeof fingerprint);
	model_revoke(expect(server), key);
	const enum mms_err err = server_store_revoke(server->store, device.user_id, fingerprint, &removed);
	if (err == MMS_OK && removed != (device.id != 0))
		world_complain(&server->world, "revoking device %u removed %d", key, removed);
	return settle(server, err, MMS_OK);
}

static enum mms_err housekeep(struct server_world *server, unsigned rows_max)
{
	bool has_more = false;
	const bool expected = model_housekeep(expect(server), server->clock_ms, rows_max, &server->expired_row);
	const enum mms_err err =
		server_store_housekeep(server->store, (struct wtime){server->clock_ms}, rows_max, &has_more);
	if (err == MMS_OK && has_more != expected)
		world_complain(&server->world, "housekeeping has more: %d", has_more);
	if (err != MMS_OK)
		server->expired_row = 0;
	return settle(server, err, MMS_OK);
}

// On a full disk nothing more is accepted, and freed pages are given back.
static enum mms_err housekeep_full_disk(struct server_world *server, unsigned rows_max)
{
	wraps.is_disk_full = true;
	enum mms_err err = housekeep(server, rows_max);
	if (err == MMS_OK && server->storage.has_room(server->storage.context))
		world_complain(&server->world, "room on a full disk");
	wraps.is_disk_full = false;
	if (err == MMS_OK)
		err = housekeep(server, rows_max);
	if (err == MMS_OK && !server->storage.has_room(server->storage.context))
		world_complain(&server->world, "no room on an empty disk");
	return err;
}

static enum mms_err checkpoint(struct server_world *server, unsigned argument)
{
	(void)argument;
	expect(server);
	return settle(server, sql_checkpoint(&server->store->sql), MMS_OK);
}

static enum mms_err pass_days(struct server_world *server, unsigned days)
{
	server->clock_ms += days * DAY_MS;
	return MMS_OK;
}

// Reads that must find something, or nothing, but never fail.
static enum mms_err read_all(struct server_world *server, unsigned argument)
{
	const struct server_storage *storage = &server->storage;
	struct storage_row row = {0};
	struct storage_device device;
	uint64_t rows;
	uint64_t bytes;
	uint8_t key[STORAGE_KEY_BYTES];
	enum mms_err err = MMS_OK;
	(void)argument;
	expect(server);
	for (unsigned i = 0; i < MODEL_KEYS && (err == MMS_OK || err == MMS_E_MISSING); i++) {
		server_world_key(i, key);
		err = storage->device_find(storage->context, key, &device);
	}
	for (int64_t user_id = 1; user_id <= MODEL_USERS && (err == MMS_OK || err == MMS_E_MISSING); user_id++) {
		err = storage->mailbox_count(storage->context, user_id, 0, &rows, &bytes);
		for (row.row = 0; err == MMS_OK;)
			err = storage->mailbox_next(storage->context, user_id, row.row, &row);
	}
	return settle(server, err == MMS_E_MISSING ? MMS_OK : err, MMS_OK);
}

static void count_device(void *context, const struct server_store_device *device)
{
	uint32_t *count = context;
	*count += device->cursor < UINT64_MAX;
}

// `mms user list` beside the running server.
static enum mms_err list_beside(struct server_world *server, unsigned argument)
{
	struct world *world = &server->world;
	struct server_store *beside = NULL;
	uint32_t count = 0;
	uint32_t expected = 0;
	(void)argument;
	expect(server);
	for (unsigned i = 0; i < MODEL_KEYS; i++)
		expected += server->now.device[i].id != 0;
	world->why.text[0] = 0;
	enum mms_err err = server_store_open_readonly(world->path, &beside, &world->why);
	if (err == MMS_OK) {
		err = server_store_devices(beside, count_device, &count);
		if (err != MMS_OK)
			world->why = *server_store_reason(beside);
	}
	if (err == MMS_OK && count != expected)
		world_complain(world, "%u devices are listed, not %u", count, expected);
	if (err != MMS_OK && world->why.text[0] == 0)
		world_complain(world, "error %d of listing without a reason", err);
	server_store_close(beside);
	return err;
}

struct step {
	const char *name;
	enum mms_err (*run)(struct server_world *server, unsigned argument);
	unsigned argument;
};

static const struct step steps[] = {
	{"read an empty store", read_all, 0},
	{"claim", enroll, 0},
	{"enroll with an invite", enroll, 1 | WITH_INVITE},
	{"accept one", accept, 1},
	{"accept another", accept, 1},
	{"accept many", accept, 30},
	{"move a cursor", take, 0},
	{"enroll a second device", enroll, 4 | WITH_INVITE},
	{"an id twice", append_forbidden, 0},
	{"a spent invite", append_forbidden, 1},
	{"a key of another user", append_forbidden, 2},
	{"accept some", accept, 5},
	{"move the first of two", take, 0},
	{"move the second of two", take, 4},
	{"a batch of everything", append_mixed, 2},
	{"list beside", list_beside, 0},
	{"checkpoint", checkpoint, 0},
	{"accept after the checkpoint", accept, 3},
	{"two days", pass_days, 2},
	{"housekeep a little", housekeep, 10},
	{"housekeep ids", housekeep, 1000},
	{"accept before a long absence", accept, 24},
	{"move the first device on", take, 0},
	{"a month", pass_days, 31},
	{"housekeep three rows", housekeep, 3},
	{"accept between", accept, 4},
	{"housekeep the rest", housekeep, 1000},
	{"tell an old gap", tell_old_gap, 4},
	{"tell the gap", tell_gap, 4},
	{"restart", restart, 0},
	{"read", read_all, 0},
	{"take users off the list", list_users, 0x5},
	{"accept for the absent", accept, 16},
	{"another month", pass_days, 31},
	{"remove mail of the absent", housekeep, 2},
	{"remove the absent", housekeep, 1000},
	{"list all, loudly", list_users, ALL_USERS | LOUD},
	{"enroll one who is back", enroll, 3 | WITH_INVITE},
	{"revoke", revoke, 4},
	{"accept long texts", accept, 40},
	{"move it far", take, 0},
	{"move it farther", take, 0},
	{"housekeep on a full disk", housekeep_full_disk, 1000},
	{"accept with room again", accept, 10},
	{"revoke nothing", revoke, 6},
	{"restart again", restart, 0},
	{"another batch of everything", append_mixed, 5},
	{"move the last", take, 3},
};

static const struct step log_steps[] = {
	{"claim", enroll, 0},
	{"accept 1st", accept, 300},
	{"accept 2nd", accept, 300},
	{"accept 3rd", accept, 300},
	{"accept 4th", accept, 300},
	{"accept 5th", accept, 300},
	{"accept 6th", accept, 300},
	{"accept 7th", accept, 300},
	{"accept 8th", accept, 300},
	{"move a cursor", take, 0},
	{"accept after the log was copied", accept, 40},
	{"checkpoint", checkpoint, 0},
	{"accept into the log's beginning", accept, 20},
	{"restart", restart, 0},
	{"accept again", accept, 10},
};

static void init_world(struct world *world, uint64_t seed, const char *directory)
{
	struct server_world *server = server_of(world);
	struct server_script_world *script = script_of(server);
	memset(script, 0, sizeof *script);
	world->seed = seed;
	snprintf(world->path, sizeof world->path, "%s/server.db", directory);
	model_init(&server->now);
	server->clock_ms = 1800000000000;
	server->serial_next = 1;
	script->listed = ALL_USERS;
}

static void init_log_world(struct world *world, uint64_t seed, const char *directory)
{
	init_world(world, seed, directory);
	server_of(world)->serial_next = WORLD_LONG_TEXTS;
}

static enum mms_err run_step(struct world *world, uint32_t index)
{
	return steps[index].run(server_of(world), steps[index].argument);
}

static const char *step_name(uint32_t index)
{
	return steps[index].name;
}

static enum mms_err run_log_step(struct world *world, uint32_t index)
{
	return log_steps[index].run(server_of(world), log_steps[index].argument);
}

static const char *log_step_name(uint32_t index)
{
	return log_steps[index].name;
}

static bool is_usable_after(enum mms_err err)
{
	return err == MMS_E_NOSPACE || err == MMS_E_EXISTS;
}

// After an append that nobody knows the end of, the store must not promise anything.
static void check_broken(struct world *world)
{
	struct server_world *server = server_of(world);
	struct reason why = {{0}};
	const struct storage_batch nothing = {.commit_next = server->store->commit_next};
	const enum mms_err err = server_store_append(server->store, &nothing, &why);
	if (server->store->is_broken && err != MMS_E_IO)
		world_complain(world, "error %d of an append after a broken one", err);
}

#define SERVER_WORLD(NAME, STEPS, INIT, RUN, STEP_NAME)                                                                \
	{                                                                                                              \
		.name = (NAME), .world_bytes = sizeof(struct server_script_world),                                     \
		.step_count = sizeof(STEPS) / sizeof *(STEPS), .init = (INIT), .open = open_world,                     \
		.close = close_world, .is_open = is_world_open, .step = (RUN), .begin = begin_world,                   \
		.step_name = (STEP_NAME), .check = server_world_check, .is_usable_after = is_usable_after,             \
		.check_broken = check_broken,                                                                          \
	}

const struct world_kind server_world_kind = SERVER_WORLD("server", steps, init_world, run_step, step_name);
const struct world_kind server_log_world_kind =
	SERVER_WORLD("server-log", log_steps, init_log_world, run_log_step, log_step_name);
