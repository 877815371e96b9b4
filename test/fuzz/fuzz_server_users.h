// SPDX-License-Identifier: ISC
// The users of a server under fuzzing, and two users files that it changes between.
#ifndef MMS_TEST_FUZZ_SERVER_USERS_H
#define MMS_TEST_FUZZ_SERVER_USERS_H

#include <stdio.h>

#include "fuzz.h"
#include "base/users.h"
#include "crypto/base64url.h"
#include "store/users_parse.h"

enum { TABLES = 2, USERS = 5 };

static const char *const names[USERS] = {"fred", "Tim", "libero", "francoc", "nobody"};
static struct users_table tables[TABLES];
static uint8_t invite_hash[INVITE_HASH_BYTES]; // of libero's invite

static inline int64_t user_id_of(const struct name *name)
{
	for (int64_t i = 0; i < USERS; i++)
		if (strcmp(names[i], name->text) == 0)
			return i + 1;
	return 0;
}

static inline struct name name_at(uint8_t place)
{
	struct name name;
	const char *text = names[place % USERS];
	const bool is_name = name_parse(&name, text, strlen(text));
	assert(is_name);
	return name;
}

static inline void read_users(uint32_t which, const char *text)
{
	static struct user_entry user[TABLES][USERS];
	static struct user_invite invite[TABLES][USERS];
	static struct fingerprint revoke[TABLES][USERS];
	static struct map_slot slot[TABLES][4 * USERS];
	struct users_table *read = &tables[which];
	struct reason why;
	*read = (struct users_table){
		.user = user[which], .invite = invite[which], .revoke = revoke[which], .slot = slot[which]};
	users_parse_measure(read, text, strlen(text));
	assert(read->slot_count <= 4 * USERS);
	const enum mms_err err = users_parse(read, text, strlen(text), "users", &why);
	assert(err == MMS_OK);
	for (uint32_t i = 0; i < read->user_count; i++)
		read->user[i].user_id = user_id_of(&read->user[i].name);
}

// Two users files: in one a name with an invite and one with a revoked device, in the other some are gone.
static inline void make_tables(const struct keypair *revoked_keypair)
{
	char hash[FINGERPRINT_TEXT_BYTES];
	char revoked[FINGERPRINT_TEXT_BYTES];
	char text[400];
	memset(invite_hash, 0x17, sizeof invite_hash);
	base64url_encode(invite_hash, sizeof invite_hash, hash);
	const struct fingerprint fingerprint = hash_fingerprint(revoked_keypair->public_key);
	base64url_encode(fingerprint.bytes, sizeof fingerprint.bytes, revoked);
	snprintf(text, sizeof text, "fred\nTim\nlibero invite=%s,2028-01-01T00:00:00Z\nfrancoc revoke=%s\n", hash,
		 revoked);
	read_users(0, text);
	snprintf(text, sizeof text, "francoc\nlibero\nfred revoke=%s\n", revoked);
	read_users(1, text);
}

#endif
