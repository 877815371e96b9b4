// SPDX-License-Identifier: ISC
// The contract is in server_users.h.
#include "server_users.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/base64url.h"
#include "report.h"
#include "store/users_parse.h"

enum { USERS_TEXT_BYTES = 4096 };

// Whether a device before this one has the same invite.
static bool is_written(uint32_t place)
{
	for (uint32_t i = 0; i < place; i++)
		if (memcmp(world.identity[i].invite_hash, world.identity[place].invite_hash, INVITE_HASH_BYTES) == 0)
			return true;
	return false;
}

static size_t write_life(const struct user *user, char *text, size_t room)
{
	static const uint8_t none[USER_LIFE_BYTES];
	char letters[USER_LIFE_TEXT_BYTES];
	if (memcmp(user->life, none, sizeof none) == 0)
		return 0;
	base64url_encode(user->life, sizeof user->life, letters);
	return (size_t)snprintf(text, room, " life=%s", letters);
}

static size_t write_users(char *text)
{
	size_t bytes = 0;
	for (uint32_t u = 0; u < world.user_count; u++) {
		if (!world.user[u].is_listed)
			continue;
		bytes += (size_t)snprintf(text + bytes, USERS_TEXT_BYTES - bytes, "%s", world.user[u].name.text);
		bytes += write_life(&world.user[u], text + bytes, USERS_TEXT_BYTES - bytes);
		for (uint32_t i = 0; i < world.identity_count; i++) {
			const struct identity *identity = &world.identity[i];
			char code[FINGERPRINT_TEXT_BYTES];
			if (identity->user != u)
				continue;
			if (identity->has_invite && !is_written(i)) {
				base64url_encode(identity->invite_hash, sizeof identity->invite_hash, code);
				bytes += (size_t)snprintf(text + bytes, USERS_TEXT_BYTES - bytes,
							  " invite=%s," INVITES_END, code);
			}
			if (identity->is_revoked) {
				const struct fingerprint print = hash_fingerprint(identity->keys.public_key);
				base64url_encode(print.bytes, sizeof print.bytes, code);
				bytes += (size_t)snprintf(text + bytes, USERS_TEXT_BYTES - bytes, " revoke=%s", code);
			}
		}
		bytes += (size_t)snprintf(text + bytes, USERS_TEXT_BYTES - bytes, "\n");
		assert(bytes < USERS_TEXT_BYTES);
	}
	return bytes;
}

static void *room(size_t count, size_t bytes)
{
	void *memory = calloc(count + 1, bytes);
	assert(memory != NULL);
	return memory;
}

void server_users_free(struct host_users *users)
{
	free(users->table.user);
	free(users->table.invite);
	free(users->table.revoke);
	free(users->table.slot);
	free(users->user);
	memset(users, 0, sizeof *users);
}

void server_users_read(struct host_users *users)
{
	char text[USERS_TEXT_BYTES];
	struct reason why;
	const size_t bytes = write_users(text);
	struct users_table *table = &users->table;
	users_parse_measure(table, text, bytes);
	table->user = room(table->user_capacity, sizeof *table->user);
	table->invite = room(table->invite_capacity, sizeof *table->invite);
	table->revoke = room(table->revoke_capacity, sizeof *table->revoke);
	table->slot = room(table->slot_count, sizeof *table->slot);
	users->user = room(table->user_capacity, sizeof *users->user);
	users->version = world.server.users_version;
	if (users_parse(table, text, bytes, "users", &why) != MMS_OK)
		report_failure("%s", why.text);
}

struct host_users *server_users_present(void)
{
	return &world.server.users[world.server.users_place];
}

struct host_users *server_users_fresh(void)
{
	return &world.server.users[1 - world.server.users_place];
}
