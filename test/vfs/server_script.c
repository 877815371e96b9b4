// SPDX-License-Identifier: ISC
// The script of the server's store: everything that server_store.h and storage.h offer, each operation done to the store
// and to the model.
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "server_world.h"
#include "store/server_store_inside.h"
#include "wraps.h"

enum { ALL_USERS = (1 << MODEL_USERS) - 1, LOUD = 0x10 };

static const int64_t DAY_MS = 24 * 60 * 60 * 1000;

#define NO_KEY (~0u)

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

static void set_bounds(struct server_world *server)
{
	const struct server_store_bounds bounds = {server->now.rows_max, MAILBOX_BYTES_MAX, server->now.held_bytes_max,
						   server->now.ids_max, 0, HISTORY_DAYS_DEFAULT, false};
	server_store_bound(server->store, &bounds);
}

static enum mms_err open_world(struct world *world)
{
	struct server_world *server = server_of(world);
	world->why.text[0] = 0;
	server->round = (struct model_round){0};
	const enum mms_err err = server_store_open(world->path, server->clock, &server->store, &world->why);
	if (err != MMS_OK && (server->store != NULL || world->why.text[0] == 0))
		world_complain(world, "opening failed with error %d and a store or no reason", err);
	if (err == MMS_OK) {
		set_bounds(server);
		server->store->tally_ids_max = 1; // what a kill forgets is no matter of the model
		server->last.is_told = false;     // refusals are remembered by a process
		server->opened_at = server->clock;
		server->opened_seconds = (int64_t)server->store->seconds; // a look into the file is a call that may be made to fail
	}
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

int64_t server_world_seconds(const struct server_world *server)
{
	return server->opened_seconds + mtime_diff_us(server->clock, server->opened_at) / 1000000;
}

struct server_model *server_world_expect(struct server_world *server)
{
	server->next = server->now;
	server->store->sql.reason.text[0] = 0;
	return &server->next;
}

enum mms_err server_world_settle(struct server_world *server, enum mms_err err, enum mms_err expected)
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
	model_start(server_world_expect(server), serial);
	const enum mms_err err = server_store_start(server->store, start_id, &first);
	if (err == MMS_OK && (first.commit != server->now.commit_next - 1 || memcmp(first.start_id, start_id, 16) != 0))
		world_complain(&server->world, "the start promises %llu", (unsigned long long)first.commit);
	return server_world_settle(server, err, MMS_OK);
}

// Reads the users file into the store. The line of user key % 4 revokes the device `revoked` unless that is NO_KEY; the
// lines have all invites unless `has_invites` is false.
static enum mms_err sync_lines(struct server_world *server, unsigned revoked, bool has_invites)
{
	struct server_store_user users[MODEL_USERS] = {{.name = {{0}}}};
	uint8_t fingerprint[1][STORAGE_KEY_BYTES];
	uint8_t invites[MODEL_KEYS][STORAGE_KEY_BYTES];
	int64_t ids[MODEL_USERS] = {0};
	unsigned which[MODEL_USERS];
	size_t count = 0;
	struct server_model *next = server_world_expect(server);
	const int64_t seconds = server_world_seconds(server);
	const int64_t device_id = revoked == NO_KEY || (server->listed & (1u << revoked % MODEL_USERS)) == 0 ?
					  0 : server->now.device[revoked].id;
	memset(fingerprint, (int)~revoked & 0xff, sizeof fingerprint);
	for (unsigned i = 0; i < MODEL_KEYS; i++)
		server_world_key(i, invites[i]);
	model_users_sync(next, server->listed, server->is_loud, seconds);
	for (unsigned i = 0; i < MODEL_USERS; i++) {
		if ((server->listed & (1u << i)) == 0)
			continue;
		struct server_store_user *user = &users[count];
		user->name = world_name(i, server->is_loud);
		user->revoked = (const uint8_t(*)[STORAGE_KEY_BYTES])fingerprint;
		user->revoked_count = revoked != NO_KEY && revoked % MODEL_USERS == i;
		user->invite = (const uint8_t(*)[STORAGE_KEY_BYTES])invites;
		user->invite_count = has_invites ? MODEL_KEYS : 0;
		if (user->revoked_count > 0)
			model_revoke(next, revoked);
		which[count++] = i;
	}
	if (!has_invites)
		model_invites_gone(next);
	int64_t removed[1] = {0};
	struct server_store_sync sync = {users, count, server->clock, ids, removed, 0};
	const enum mms_err err = server_store_users_sync(server->store, &sync);
	if (err == MMS_OK && (sync.removed_count > 0 ? removed[0] : 0) != device_id)
		world_complain(&server->world, "device %lld was removed, not %lld", (long long)removed[0], (long long)device_id);
	for (size_t i = 0; i < count && err == MMS_OK; i++) {
		if (ids[i] != next->user[which[i]].id)
			world_complain(&server->world, "user %u has id %lld, not %lld", which[i], (long long)ids[i],
				       (long long)next->user[which[i]].id);
	}
	return server_world_settle(server, err, MMS_OK);
}

static enum mms_err sync_users(struct server_world *server)
{
	return sync_lines(server, NO_KEY, true);
}

static enum mms_err list_users(struct server_world *server, unsigned argument)
{
	server->listed = argument & ALL_USERS;
	server->is_loud = (argument & LOUD) != 0;
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

// --- the rest ---

static enum mms_err revoke(struct server_world *server, unsigned key)
{
	return sync_lines(server, key, true);
}

static enum mms_err forget_invites(struct server_world *server, unsigned argument)
{
	(void)argument;
	return sync_lines(server, NO_KEY, false);
}

static enum mms_err housekeep(struct server_world *server, unsigned rows_max)
{
	bool has_more = false;
	const bool expected = model_housekeep(server_world_expect(server), server_world_seconds(server), rows_max, &server->round);
	const enum mms_err err =
		server_store_housekeep(server->store, server->clock, rows_max, &has_more);
	if (err == MMS_OK && has_more != expected)
		world_complain(&server->world, "housekeeping has more: %d", has_more);
	if (err != MMS_OK)
		server->round = (struct model_round){0};
	return server_world_settle(server, err, MMS_OK);
}

// On a full disk nothing more is accepted, and freed pages are given back.
static enum mms_err housekeep_full_disk(struct server_world *server, unsigned rows_max)
{
	wraps.is_disk_full = true;
	enum mms_err err = housekeep(server, rows_max);
	if (err == MMS_OK && server_store_has_room(server->store))
		world_complain(&server->world, "room on a full disk");
	wraps.is_disk_full = false;
	if (err == MMS_OK)
		err = housekeep(server, rows_max);
	if (err == MMS_OK && !server_store_has_room(server->store))
		world_complain(&server->world, "no room on an empty disk");
	return err;
}

// From now on a mailbox may hold so many KiB.
static enum mms_err bound_mailboxes(struct server_world *server, unsigned kib)
{
	server->now.held_bytes_max = kib == 0 ? MAILBOX_HELD_BYTES_MAX : kib * 1024;
	set_bounds(server);
	return MMS_OK;
}

// From now on a generation of a sender's ids has so many.
static enum mms_err bound_ids(struct server_world *server, unsigned count)
{
	server->now.ids_max = count == 0 ? SENDER_IDS_MAX : count;
	set_bounds(server);
	return MMS_OK;
}

// From now on so many rows may wait that no device has.
static enum mms_err bound_rows(struct server_world *server, unsigned count)
{
	server->now.rows_max = count == 0 ? MAILBOX_ROWS_MAX : count;
	set_bounds(server);
	return MMS_OK;
}

static enum mms_err checkpoint(struct server_world *server, unsigned argument)
{
	(void)argument;
	server_world_expect(server);
	return server_world_settle(server, sql_checkpoint(&server->store->sql), MMS_OK);
}

static enum mms_err pass_days(struct server_world *server, unsigned days)
{
	server->clock = mtime_add_ms(server->clock, days * DAY_MS);
	return MMS_OK;
}

// Questions that must find something, or nothing, but never fail.
static enum mms_err read_all(struct server_world *server, unsigned argument)
{
	static struct storage_page page;
	enum mms_err err = MMS_OK;
	(void)argument;
	server_world_expect(server);
	for (unsigned i = 0; i < MODEL_KEYS && err == MMS_OK; i++) {
		struct storage_question question = {.kind = QUESTION_SIGNIN, .user_id = server->now.user[i % MODEL_USERS].id};
		server_world_key(i, question.signin.key);
		err = server_store_ask(server->store, &question, &server->world.why);
	}
	for (int64_t user_id = 1; user_id <= MODEL_USERS && err == MMS_OK; user_id++) {
		struct storage_question question = {.kind = QUESTION_PAGE, .user_id = user_id, .mailbox = {.rows_max = 7}, .page = &page};
		do {
			err = server_store_ask(server->store, &question, &server->world.why);
			if (err == MMS_OK && page.row_count > 0)
				question.mailbox.after_row = page.row[page.row_count - 1].row;
		} while (err == MMS_OK && !question.has.is_end);
	}
	return server_world_settle(server, err, MMS_OK);
}

static void count_device(void *context, const struct storage_listed *device)
{
	uint32_t *count = context;
	*count += device->device_id > 0;
}

// `mms user list` beside the running server.
static enum mms_err list_beside(struct server_world *server, unsigned argument)
{
	struct world *world = &server->world;
	struct server_store *beside = NULL;
	uint32_t count = 0;
	uint32_t expected = 0;
	(void)argument;
	server_world_expect(server);
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
	{"claim", server_batch_enroll, 0},
	{"enroll with an invite", server_batch_enroll, 1 | SERVER_BATCH_INVITE},
	{"accept one", server_batch_accept, 1},
	{"the same again", server_batch_again, 0},
	{"accept another", server_batch_accept, 1},
	{"accept many", server_batch_accept, 30},
	{"move a cursor", server_batch_take, 0},
	{"enroll a second device", server_batch_enroll, 4 | SERVER_BATCH_INVITE},
	{"an id twice", server_batch_forbidden, 0},
	{"the same again", server_batch_again, 0},
	{"a spent invite", server_batch_forbidden, 1},
	{"a key of another user", server_batch_forbidden, 2},
	{"accept some", server_batch_accept, 5},
	{"bound mailboxes", bound_mailboxes, 2},
	{"move the first of two", server_batch_take, 0},
	{"accept beyond the bound", server_batch_accept, 12},
	{"the same again", server_batch_again, 0},
	{"lower the bound", bound_mailboxes, 1},
	{"accept for less", server_batch_accept, 3},
	{"bound mailboxes no more", bound_mailboxes, 0},
	{"move the second of two", server_batch_take, 4},
	{"a batch of everything", server_batch_mixed, 2},
	{"the same again", server_batch_again, 0},
	{"bound rows", bound_rows, 5},
	{"accept what there is room for", server_batch_accept, 40},
	{"the same again", server_batch_again, 0},
	{"bound rows no more", bound_rows, 0},
	{"list beside", list_beside, 0},
	{"checkpoint", checkpoint, 0},
	{"accept after the checkpoint", server_batch_accept, 3},
	{"bound ids", bound_ids, 3},
	{"accept a generation of ids", server_batch_accept, 24},
	{"accept another", server_batch_accept, 24},
	{"sweep a few ids", housekeep, 3},
	{"accept between sweeps", server_batch_accept, 4},
	{"sweep all ids", housekeep, 1000},
	{"bound ids no more", bound_ids, 0},
	{"a day", pass_days, 1},
	{"end generations of ids", housekeep, 1000},
	{"another day", pass_days, 1},
	{"housekeep a little", housekeep, 10},
	{"housekeep ids", housekeep, 1000},
	{"accept before a long absence", server_batch_accept, 24},
	{"move the first device on", server_batch_take, 0},
	{"a month", pass_days, 31},
	{"housekeep three rows", housekeep, 3},
	{"accept between", server_batch_accept, 4},
	{"housekeep the rest", housekeep, 1000},
	{"tell an old gap", server_batch_tell_old_gap, 4},
	{"tell the gap", server_batch_tell_gap, 4},
	{"restart", restart, 0},
	{"read", read_all, 0},
	{"take users off the list", list_users, 0x5},
	{"accept for the absent", server_batch_accept, 16},
	{"another month", pass_days, 31},
	{"remove mail of the absent", housekeep, 2},
	{"remove the absent", housekeep, 1000},
	{"list all, loudly", list_users, ALL_USERS | LOUD},
	{"enroll one who is back", server_batch_enroll, 3 | SERVER_BATCH_INVITE},
	{"revoke", revoke, 4},
	{"accept long texts", server_batch_accept, 40},
	{"move it far", server_batch_take, 0},
	{"move it farther", server_batch_take, 0},
	{"housekeep on a full disk", housekeep_full_disk, 1000},
	{"accept with room again", server_batch_accept, 10},
	{"revoke nothing", revoke, 6},
	{"restart again", restart, 0},
	{"another batch of everything", server_batch_mixed, 5},
	{"the same again", server_batch_again, 0},
	{"move the last", server_batch_take, 3},
	{"forget invites", forget_invites, 0},
};

static const struct step log_steps[] = {
	{"claim", server_batch_enroll, 0},
	{"accept 1st", server_batch_accept, 300},
	{"accept 2nd", server_batch_accept, 300},
	{"accept 3rd", server_batch_accept, 300},
	{"accept 4th", server_batch_accept, 300},
	{"accept 5th", server_batch_accept, 300},
	{"accept 6th", server_batch_accept, 300},
	{"accept 7th", server_batch_accept, 300},
	{"accept 8th", server_batch_accept, 300},
	{"move a cursor", server_batch_take, 0},
	{"accept after the log was copied", server_batch_accept, 40},
	{"checkpoint", checkpoint, 0},
	{"accept into the log's beginning", server_batch_accept, 20},
	{"restart", restart, 0},
	{"accept again", server_batch_accept, 10},
};

static void init_world(struct world *world, uint64_t seed, const char *directory)
{
	struct server_world *server = server_of(world);
	memset(server, 0, sizeof *server);
	world->seed = seed;
	snprintf(world->path, sizeof world->path, "%s/server.db", directory);
	model_init(&server->now);
	server->clock = (struct mtime){5000000};
	server->serial_next = 1;
	server->listed = ALL_USERS;
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
	struct storage_appended appended;
	const struct storage_batch nothing = {.now = server->clock};
	if (!server->store->is_broken)
		return;
	const enum mms_err err = server_store_append(server->store, &nothing, &appended, &why);
	if (err != MMS_E_IO)
		world_complain(world, "error %d of an append after a broken one", err);
}

#define SERVER_WORLD(NAME, STEPS, INIT, RUN, STEP_NAME)                                                                \
	{                                                                                                              \
		.name = (NAME), .world_bytes = sizeof(struct server_world),                                     \
		.step_count = sizeof(STEPS) / sizeof *(STEPS), .init = (INIT), .open = open_world,                     \
		.close = close_world, .is_open = is_world_open, .step = (RUN), .begin = begin_world,                   \
		.step_name = (STEP_NAME), .check = server_world_check, .is_usable_after = is_usable_after,             \
		.check_broken = check_broken,                                                                          \
	}

const struct world_kind server_world_kind = SERVER_WORLD("server", steps, init_world, run_step, step_name);
const struct world_kind server_log_world_kind =
	SERVER_WORLD("server-log", log_steps, init_log_world, run_log_step, log_step_name);
