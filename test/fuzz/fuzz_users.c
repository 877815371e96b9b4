// SPDX-License-Identifier: ISC
// The users file: read, and changed by what `mms user` does. Held: what is accepted gives names that can be found,
// each once, in order; what is refused says why in one printable line; a change to an accepted file gives an accepted
// file in which that change happened to that user, and nothing to anybody else.
#include "fuzz.h"
#include "base/users.h"
#include "store/users_edit.h"
#include "store/users_parse.h"

enum { FILE_BYTES_MAX = 6000, USERS_MAX = FILE_BYTES_MAX };

struct memory {
	struct users_table table;
	struct user_entry user[USERS_MAX];
	struct user_invite invite[USERS_MAX];
	struct fingerprint revoke[USERS_MAX];
	struct map_slot slot[4 * USERS_MAX];
};

static struct memory before;
static struct memory after;

static bool parse(struct memory *memory, const char *text, size_t bytes)
{
	struct users_table *table = &memory->table;
	struct reason why = {""};
	*table = (struct users_table){
		.user = memory->user, .invite = memory->invite, .revoke = memory->revoke, .slot = memory->slot};
	users_parse_measure(table, text, bytes);
	assert(table->user_capacity <= USERS_MAX && table->slot_count <= 4 * USERS_MAX);
	assert(table->invite_capacity <= USERS_MAX && table->revoke_capacity <= USERS_MAX);
	if (users_parse(table, text, bytes, "users", &why) == MMS_OK)
		return true;
	assert(strncmp(why.text, "users:", 6) == 0 && strlen(why.text) < sizeof why.text - 1);
	for (const char *at = why.text; *at != 0; at++)
		assert(*at >= ' ' && *at <= '~');
	assert(table->user_count == 0 && table->invite_count == 0 && table->revoke_count == 0);
	return false;
}

static void check_table(const struct users_table *table)
{
	uint32_t invite_count = 0;
	uint32_t revoke_count = 0;
	assert(table->user_count == table->user_capacity);
	for (uint32_t i = 0; i < table->user_count; i++) {
		const struct user_entry *user = &table->user[i];
		struct name name;
		assert(name_parse(&name, user->name.text, name_bytes(&user->name)));
		const struct name folded = name_fold(&user->name);
		assert(users_find(table, &user->name) == user && users_find(table, &folded) == user);
		assert(i == 0 || user->line > user[-1].line);
		assert(user->invite_first == invite_count && user->revoke_first == revoke_count);
		assert(user->invite_count <= INVITES_PER_USER_MAX && user->revoke_count <= REVOKES_PER_USER_MAX);
		assert(users_is_plain(user) == (user->invite_count == 0 && user->revoke_count == 0));
		invite_count += user->invite_count;
		revoke_count += user->revoke_count;
	}
	assert(invite_count == table->invite_count && invite_count == table->invite_capacity);
	assert(revoke_count == table->revoke_count && revoke_count == table->revoke_capacity);
}

// All users but the one of this name are as before, in the same order.
static void check_others(const struct name *name)
{
	uint32_t at = 0;
	for (uint32_t i = 0; i < before.table.user_count; i++) {
		const struct user_entry *was = &before.user[i];
		if (name_is_same(&was->name, name))
			continue;
		at += name_is_same(&after.user[at].name, name);
		const struct user_entry *is = &after.user[at++];
		assert(at <= after.table.user_count);
		assert(strcmp(is->name.text, was->name.text) == 0);
		assert(is->invite_count == was->invite_count && is->revoke_count == was->revoke_count);
		for (uint32_t k = 0; k < was->invite_count; k++) {
			const struct user_invite *old = &before.invite[was->invite_first + k];
			const struct user_invite *new = &after.invite[is->invite_first + k];
			assert(old->expires_at.ms == new->expires_at.ms);
			assert(memcmp(old->hash, new->hash, sizeof old->hash) == 0);
		}
		assert(was->revoke_count == 0 ||
		       memcmp(&before.revoke[was->revoke_first], &after.revoke[is->revoke_first],
			      was->revoke_count * sizeof *before.revoke) == 0);
	}
}

static void check_added(const struct user_entry *was, const struct user_entry *is, const struct user_invite *invite)
{
	assert(was == NULL && is != NULL && is == &after.user[after.table.user_count - 1]);
	assert(is->invite_count == (invite != NULL) && is->revoke_count == 0);
}

static void check_invited(const struct user_entry *was, const struct user_entry *is, const struct user_invite *invite,
			  bool is_alone, struct wtime now)
{
	uint32_t kept_count = 0;
	assert(was != NULL && is != NULL && is->invite_count >= 1 && is->revoke_count == was->revoke_count);
	for (uint32_t k = 0; k < was->invite_count; k++)
		kept_count += !is_alone && before.invite[was->invite_first + k].expires_at.ms > now.ms;
	assert(is->invite_count == kept_count + 1);
	const struct user_invite *last = &after.invite[is->invite_first + is->invite_count - 1];
	assert(memcmp(last->hash, invite->hash, sizeof last->hash) == 0);
	assert(last->expires_at.ms == invite->expires_at.ms);
}

static void check_revoked(const struct user_entry *was, const struct user_entry *is,
			  const struct fingerprint *fingerprint)
{
	assert(was != NULL && !users_is_revoked(&before.table, was, fingerprint));
	assert(is != NULL && users_is_revoked(&after.table, is, fingerprint));
	assert(is->revoke_count == was->revoke_count + 1 && is->invite_count == was->invite_count);
}

static void try_edit(const char *text, size_t bytes, uint8_t which, const struct name *name)
{
	static struct users_edit edit;
	static char edited[FILE_BYTES_MAX + USERS_EDIT_BYTES_MAX];
	const struct wtime now = {INT64_C(1800000000000) + (which >> 5) * INT64_C(100000000000)};
	const struct user_invite invite = {.hash = {which}, .expires_at = {now.ms + 3600000}};
	const struct fingerprint fingerprint = {{(uint8_t)(which >> 4)}};
	const bool is_alone = (which & 8) != 0;
	const struct user_entry *was = users_find(&before.table, name);
	enum mms_err err;
	if (which % 4 == 0)
		err = users_edit_add(text, bytes, name, (which & 16) != 0 ? invite.hash : NULL, is_alone ? &invite : NULL, &edit);
	else if (which % 4 == 1)
		err = users_edit_invite(text, bytes, name, &invite, is_alone, now, &edit);
	else if (which % 4 == 2)
		err = users_edit_revoke(text, bytes, name, &fingerprint, &edit);
	else
		err = users_edit_remove(text, bytes, name, &edit);
	assert((err == MMS_E_MISSING) == (was == NULL && which % 4 != 0));
	if (which % 4 == 0)
		assert((err == MMS_E_EXISTS) == (was != NULL));
	if (err != MMS_OK)
		return;
	users_edit_apply(text, bytes, &edit, edited);
	const bool is_good = parse(&after, edited, users_edit_bytes(bytes, &edit));
	assert(is_good);
	check_table(&after.table);
	check_others(name);
	const struct user_entry *is = users_find(&after.table, name);
	if (which % 4 == 0)
		check_added(was, is, is_alone ? &invite : NULL);
	else if (which % 4 == 1)
		check_invited(was, is, &invite, is_alone, now);
	else if (which % 4 == 2)
		check_revoked(was, is, &fingerprint);
	else
		assert(is == NULL && after.table.user_count == before.table.user_count - 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	if (bytes < 2 || bytes > FILE_BYTES_MAX)
		return 0;
	const char *text = (const char *)data + 2;
	struct name name = {"new"};
	if (!parse(&before, text, bytes - 2))
		return 0;
	check_table(&before.table);
	if (before.table.user_count > 0 && data[1] < 200)
		name = name_fold(&before.user[data[1] % before.table.user_count].name);
	try_edit(text, bytes - 2, data[0], &name);
	return 0;
}
