// SPDX-License-Identifier: ISC
// The users file: who may use the server, in what order they are listed, and how a device may join (doc/design.md,
// "Users"). Layer: msg, pure: parses bytes the caller read, into memory the caller gives. Nothing here writes the file.
//
// One user a line: NAME, then options, separated by blanks. '#' starts a comment at the start of a line or after a blank;
// blank lines are allowed; lines end in LF or CR LF. Options: invite=HASH,EXPIRY (base64url of the code's hash, and a
// moment YYYY-MM-DDTHH:MM:SSZ); revoke=FINGERPRINT (base64url of the hash of a device's key); life=LIFE (base64url of 16 random
// bytes): the same name with another life, or with none, is another user.
#ifndef MMS_MSG_USERS_H
#define MMS_MSG_USERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/name.h"
#include "base/time.h"
#include "crypto/hash.h"
#include "store/storage.h"

enum { USER_LIFE_TEXT_BYTES = 23 }; // of STORAGE_LIFE_BYTES in base64url, with the zero byte

struct user_invite {
	uint8_t hash[INVITE_HASH_BYTES];
	struct wtime expires_at;
};

struct user_entry {
	struct name name;      // as the file writes it
	bool has_life;
	uint8_t life[STORAGE_LIFE_BYTES]; // zeros: the line says none
	int64_t user_id;       // the store's id of this name and life; 0 until the caller has set it
	uint32_t line;         // in the file, counted from 1
	uint32_t invite_first; // its invites are users_table.invite[invite_first .. + invite_count)
	uint32_t revoke_first; // its revoked devices likewise
	uint8_t invite_count;
	uint8_t revoke_count;
};

// A parsed file. All arrays belong to the caller; users_measure says how large they have to be.
struct users_table {
	struct user_entry *user; // in the file's order
	struct user_invite *invite;
	struct fingerprint *revoke;
	struct map_slot *slot; // for finding a name
	uint32_t user_capacity;
	uint32_t invite_capacity;
	uint32_t revoke_capacity;
	uint32_t slot_count; // map_slots_for(user_capacity)

	uint32_t user_count;
	uint32_t invite_count;
	uint32_t revoke_count;
	struct map by_name;
};

// Sets the three capacities and slot_count of `table` to enough for this file, the arrays untouched.
void users_measure(struct users_table *table, const char *text, size_t bytes);

// Parses a whole file into `table`, whose arrays have the capacities users_measure gave. MMS_E_BAD: a bad line; `why`
// then reads FILE:LINE: what is wrong and what to write instead, with `file` as FILE, and `table` holds nothing.
// Bad are: a name against the rules, a name that stands there before (also in other case; both lines are named), an
// unknown option, a malformed or surplus one, a line longer than USERS_LINE_BYTES_MAX, bytes that are not ASCII outside
// comments. An empty file is not an error.
enum mms_err users_parse(struct users_table *table, const char *text, size_t bytes, const char *file,
			 struct reason *why) MUST_CHECK;

// The entry of a name, whatever its case; NULL: not a user. Its place in the file's order is entry - table->user.
struct user_entry *users_find(const struct users_table *table, const struct name *name);

#define USERS_NO_PLACE UINT32_MAX // in place of a place in the file's order

// Where a user of another table, its user_id set, stands in this one: under the same name with the same user_id.
// USERS_NO_PLACE: nowhere.
uint32_t users_place(const struct users_table *table, const struct user_entry *user);

// Whether this line has no options, or a life alone, and so may be claimed by the first device, where claims are open. A line that
// revokes a device is not plain.
bool users_is_plain(const struct user_entry *entry);

// Whether a device with this fingerprint is revoked on this line.
bool users_is_revoked(const struct users_table *table, const struct user_entry *entry,
		      const struct fingerprint *fingerprint);

#endif
