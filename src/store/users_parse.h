// SPDX-License-Identifier: ISC
// The users file: who may use the server, in what order they are listed, and how a device may join (doc/design.md,
// "Users"). Layer: store; text that the caller has read, into a table whose memory the caller gives. users_edit.h changes a file.
//
// One user a line: NAME, then options, separated by blanks. '#' starts a comment at the start of a line or after a blank;
// blank lines are allowed; lines end in LF or CR LF. Options: invite=HASH,EXPIRY (base64url of the code's hash, and a
// moment YYYY-MM-DDTHH:MM:SSZ); revoke=FINGERPRINT (base64url of the hash of a device's key); life=LIFE (base64url of 16 random
// bytes): the same name with another life, or with none, is another user.
#ifndef MMS_STORE_USERS_PARSE_H
#define MMS_STORE_USERS_PARSE_H

#include <stddef.h>

#include "base/err.h"
#include "base/users.h"

// Sets the three capacities and slot_count of `table` to enough for this file, the arrays untouched.
void users_parse_measure(struct users_table *table, const char *text, size_t bytes);

// Parses a whole file into `table`, whose arrays have the capacities users_parse_measure gave. MMS_E_BAD: a bad line; `why`
// then reads FILE:LINE: what is wrong and what to write instead, with `file` as FILE, and `table` holds nothing.
// Bad are: a name against the rules, a name that stands there before (also in other case; both lines are named), an
// unknown option, a malformed or surplus one, a line longer than USERS_LINE_BYTES_MAX, bytes that are not ASCII outside
// comments. An empty file is not an error.
enum mms_err users_parse(struct users_table *table, const char *text, size_t bytes, const char *file,
			 struct reason *why) MUST_CHECK;

#endif
