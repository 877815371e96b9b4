// SPDX-License-Identifier: ISC
// The users of a server that runs; the contract is in server_users.h.
#include "cmd/server_users.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/carve.h"
#include "os/clock.h"
#include "os/file.h"

static void clear(struct server_reading *reading)
{
	users_file_clear(&reading->file);
	free(reading->memory);
	*reading = (struct server_reading){0};
}

// Places what the users need in their memory; with that NULL it only measures. Returns its bytes.
static size_t place(struct server_reading *reading)
{
	const struct users_table *table = &reading->file.table;
	size_t bytes = 0;
	reading->user = carve(reading->memory, &bytes, sizeof *reading->user, table->user_capacity);
	reading->line = carve(reading->memory, &bytes, sizeof *reading->line, table->user_capacity);
	reading->invite = carve(reading->memory, &bytes, sizeof *reading->invite, table->invite_capacity);
	reading->sync.ids = carve(reading->memory, &bytes, sizeof *reading->sync.ids, table->user_capacity);
	reading->sync.removed = carve(reading->memory, &bytes, sizeof *reading->sync.removed, table->revoke_capacity);
	return bytes;
}

// All memory that the users need is taken here, so that nothing but the store can fail when they come into use.
static enum mms_err read_file(struct server_reading *reading, const char *path, struct reason *why)
{
	struct server_reading fresh = {0};
	const enum mms_err err = users_file_load(&fresh.file, path, why);
	if (err != MMS_OK)
		return err;
	fresh.memory = calloc(1, place(&fresh) + 1); // one more, so that none is of size 0
	if (fresh.memory == NULL) {
		snprintf(why->text, sizeof why->text, "not enough memory for %u users: end other programs",
			 fresh.file.table.user_capacity);
		clear(&fresh);
		return MMS_E_FULL;
	}
	(void)place(&fresh);
	*reading = fresh;
	return MMS_OK;
}

static_assert(sizeof(struct fingerprint) == STORAGE_KEY_BYTES, "the store reads fingerprints as bytes");

// Says to the store what stands on a line. `invites` has room for its hashes.
static struct server_store_user describe(const struct users_table *table, const struct user_entry *entry,
					 uint8_t (*invites)[STORAGE_KEY_BYTES])
{
	for (uint32_t i = 0; i < entry->invite_count; i++)
		memcpy(invites[i], table->invite[entry->invite_first + i].hash, STORAGE_KEY_BYTES);
	struct server_store_user line = {
		.name = entry->name,
		.revoked = (const uint8_t(*)[STORAGE_KEY_BYTES])(table->revoke + entry->revoke_first),
		.revoked_count = entry->revoke_count,
		.invite = (const uint8_t(*)[STORAGE_KEY_BYTES])invites,
		.invite_count = entry->invite_count,
	};
	memcpy(line.life, entry->life, sizeof line.life);
	return line;
}

// What the store is told of the users file.
static struct server_store_sync *ask(struct server_reading *reading)
{
	const struct users_table *table = &reading->file.table;
	const size_t count = table->user_count;
	for (size_t i = 0; i < count; i++)
		reading->line[i] = describe(table, &table->user[i], reading->invite + table->user[i].invite_first);
	reading->sync.users = reading->line;
	reading->sync.count = count;
	reading->sync.now = clock_monotonic();
	return &reading->sync;
}

// Gives every user of the table the id that the store answered.
static void take_answer(struct server_reading *reading)
{
	struct users_table *table = &reading->file.table;
	for (size_t i = 0; i < table->user_count; i++)
		table->user[i].user_id = reading->sync.ids[i];
}

enum mms_err server_users_read(struct server_users *users, const char *path, struct reason *why)
{
	return read_file(server_users_in_use(users), path, why);
}

enum mms_err server_users_sync(struct server_users *users, struct server_store *store)
{
	const enum mms_err err = server_store_users_sync(store, ask(server_users_in_use(users)));
	if (err == MMS_OK)
		take_answer(server_users_in_use(users));
	return err;
}

struct server_reading *server_users_in_use(struct server_users *users)
{
	return &users->reading[users->in_use];
}

static struct server_reading *fresh_of(struct server_users *users)
{
	return &users->reading[1 - users->in_use];
}

struct server_reading *server_users_read_again(struct server_users *users, const char *path, bool may_be_empty,
					       struct reason *why)
{
	struct server_reading *fresh = fresh_of(users);
	if (file_is_stream(path)) {
		snprintf(why->text, sizeof why->text,
			 "%.300s is not a regular file and was read once, at the start; give a file with -u to have it read again", path);
		return NULL;
	}
	if (read_file(fresh, path, why) != MMS_OK)
		return NULL;
	// An emptied file is more often a mistake than the wish to shut everybody out.
	if (may_be_empty || fresh->file.table.user_count > 0 || server_users_in_use(users)->file.table.user_count == 0)
		return fresh;
	snprintf(why->text, sizeof why->text,
		 "%.300s names nobody any more; to shut everybody out, stop the server", path);
	clear(fresh);
	return NULL;
}

struct server_store_sync *server_users_ask(struct server_users *users)
{
	return ask(fresh_of(users));
}

void server_users_answered(struct server_users *users)
{
	take_answer(fresh_of(users));
}

void server_users_use(struct server_users *users)
{
	clear(server_users_in_use(users));
	users->in_use = 1 - users->in_use;
}

void server_users_drop(struct server_users *users)
{
	clear(fresh_of(users));
}

void server_users_clear(struct server_users *users)
{
	clear(&users->reading[0]);
	clear(&users->reading[1]);
}
