// SPDX-License-Identifier: ISC
// The users of a server as a table: in what order they are listed, what their lines say, and looking them up
// (doc/design.md, "Users"). Layer: base, pure. The server's core looks names up here; a users file fills it
// (store/users_parse.h). All arrays belong to the caller.
#ifndef MMS_BASE_USERS_H
#define MMS_BASE_USERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fingerprint.h"
#include "base/map.h"
#include "base/name.h"
#include "base/time.h"

enum {
	USER_LIFE_BYTES = 16,
	USER_LIFE_TEXT_BYTES = 23, // in base64url, with the zero byte
};

struct user_invite {
	uint8_t hash[INVITE_HASH_BYTES];
	struct wtime expires_at;
};

struct user_entry {
	struct name name;      // as the file writes it
	bool has_life;
	uint8_t life[USER_LIFE_BYTES]; // zeros: the line says none
	int64_t user_id;       // the store's id of this name and life; 0 until the caller has set it
	uint32_t line;         // in the file, counted from 1
	uint32_t invite_first; // its invites are users_table.invite[invite_first .. + invite_count)
	uint32_t revoke_first; // its revoked devices likewise
	uint8_t invite_count;
	uint8_t revoke_count;
};

struct users_table {
	struct user_entry *user; // in the file's order
	struct user_invite *invite;
	struct fingerprint *revoke;
	struct map_slot *slot; // for finding a name, and the same for finding an id
	uint32_t user_capacity;
	uint32_t invite_capacity;
	uint32_t revoke_capacity;
	uint32_t slot_count; // twice map_slots_for(user_capacity)

	uint32_t user_count;
	uint32_t invite_count;
	uint32_t revoke_count;
	struct map by_name;
	struct map by_id; // since users_index
};

// Empties the table, whose arrays and capacities are set.
void users_clear(struct users_table *table);

// Adds a user behind the others, whose name is not in the table and whose invites and revoked devices are there already.
// There must be room.
void users_add(struct users_table *table, const struct user_entry *user);

// The entry of a name, whatever its case; NULL: not a user. Its place in the file's order is entry - table->user.
struct user_entry *users_find(const struct users_table *table, const struct name *name);

#define USERS_NO_PLACE UINT32_MAX // in place of a place in the file's order

// Where a user of another table, its user_id set, stands in this one: under the same name with the same user_id.
// USERS_NO_PLACE: nowhere.
uint32_t users_place(const struct users_table *table, const struct user_entry *user);

// Makes the users findable by their ids, which all are set.
void users_index(struct users_table *table);

// The place of the user with this id, since users_index. USERS_NO_PLACE: there is none.
uint32_t users_place_of_id(const struct users_table *table, int64_t user_id);

// Whether this line has no options, or a life alone, and so may be claimed by the first device, where claims are open. A line that
// revokes a device is not plain.
bool users_is_plain(const struct user_entry *entry);

// Whether a device with this fingerprint is revoked on this line.
bool users_is_revoked(const struct users_table *table, const struct user_entry *entry,
		      const struct fingerprint *fingerprint);

#endif
