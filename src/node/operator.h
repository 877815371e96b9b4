// SPDX-License-Identifier: ISC
// What an operator's command and a running server say to each other over the operator's socket (doc/operator.md): the request, and
// the lines of the answer. Layer: node, pure; bytes to values and back.
//
// Both are lines KEY=VALUE, each ended by a newline; an empty line ends the whole. A value has no control byte in it.
#ifndef MMS_NODE_OPERATOR_H
#define MMS_NODE_OPERATOR_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/fingerprint.h"
#include "base/limits.h"
#include "base/name.h"
#include "base/users.h"
#include "store/storage.h"

enum operator_verb {
	OPERATOR_USER_ADD = 1,
	OPERATOR_USER_INVITE,
	OPERATOR_USER_LIST,
	OPERATOR_USER_REMOVE,
	OPERATOR_USER_REVOKE,
	OPERATOR_ROOM_LIST, // this and what follows: of rooms
	OPERATOR_ROOM_MAKE,
	OPERATOR_ROOM_ADD,
	OPERATOR_ROOM_REMOVE,
	OPERATOR_ROOM_RENAME,
	OPERATOR_ROOM_DELETE,
};

enum { OPERATOR_PATH_BYTES = 512 }; // of a path and its zero byte

// What is not among the fields of the verb is zero.
struct operator_request {
	enum operator_verb verb;
	struct name name;               // of users: every verb but LIST; of rooms: ADD, REMOVE
	bool is_same;                   // ADD: the user who had the name last, in place of `life`
	uint8_t life[USER_LIFE_BYTES];  // ADD: zeros: a line without one
	bool has_invite;                // ADD, where it is wanted; INVITE
	struct user_invite invite;      // whole seconds
	bool is_alone;                  // INVITE: in place of all others
	struct fingerprint fingerprint; // REVOKE
	char users[OPERATOR_PATH_BYTES]; // any verb of users: the users file that the operator means; "": the server's
	struct name room;     // of rooms, without '#'; LIST: "": all rooms, else its members
	struct name to;       // RENAME: without '#'
	bool is_private;      // this and the next: MAKE
	bool has_no_history;
};

// The numbers are exit statuses (sysexits.h): the command that asked ends with the one it was answered.
enum operator_status {
	OPERATOR_DONE = 0,      // and it is in effect
	OPERATOR_BAD = 64,      // not a request
	OPERATOR_NO_USER = 67,  // or no such room
	OPERATOR_STOPPING = 69, // the server ends; nothing was done
	OPERATOR_NO_ROOM = 73,  // on the disk, or of what there may be; or the name is taken
	OPERATOR_CHANGED = 75,  // what was asked for changed meanwhile
};

// Bytes of the request that `text` begins with, its empty line included; 0: that has not come yet.
size_t operator_request_bytes(const char *text, size_t bytes);

// Reads one whole request. MMS_E_BAD: it is none; `why` says what is wrong, and `request` is undefined.
enum mms_err operator_request_decode(struct operator_request *request, const char *text, size_t bytes,
				     struct reason *why) MUST_CHECK;

// Writes a request, at most OPERATOR_REQUEST_BYTES_MAX bytes. Returns its bytes. Control bytes in the path become '?', which is then
// another one. Must: it has the fields of its verb.
size_t operator_request_encode(const struct operator_request *request, char text[OPERATOR_REQUEST_BYTES_MAX]);

// The words by which a request asks for it: "user add".
const char *operator_verb_word(enum operator_verb verb);

// Whether it is about rooms, and not about users.
bool operator_verb_is_of_rooms(enum operator_verb verb);

// The lines of an answer, in this order: facts, each by its own key; REASON, where it was not done; STATUS, the last.
#define OPERATOR_KEY_DEVICE "device" // USER_LIST: NAME LIFE FINGERPRINT SINCE, LIFE "-" for none; in the order of enrolment
#define OPERATOR_KEY_USER "user"     // USER_LIST: a line of a users file, in the file's order
#define OPERATOR_KEY_KNOWN "known"   // USER_ADD: "yes": the server knows an earlier user of the name
#define OPERATOR_KEY_ROOM "room"     // ROOM_LIST: #NAME MEMBERS open|private history|nohistory; in the order of names
#define OPERATOR_KEY_MEMBER "member" // ROOM_LIST of a room: NAME owner|member; the same
#define OPERATOR_KEY_ALREADY "already" // a change of a room: "yes": it was so before, nothing was done
#define OPERATOR_KEY_MEMBERS "members" // a change of a room that was made: how many are in it now; ROOM_DELETE: how many were
#define OPERATOR_KEY_REASON "reason" // a sentence
#define OPERATOR_KEY_STATUS "status" // a number: enum operator_status, or another exit status

// One line of a request or an answer; borrowed from the text.
struct operator_line {
	const char *key;
	size_t key_bytes;
	const char *value;
	size_t value_bytes;
};

// Takes the first line of `text`. Returns its bytes with the newline; 0: it is not whole, or breaks the rules. An empty line: 1, and
// a line without key and value.
size_t operator_line_read(struct operator_line *line, const char *text, size_t bytes);

// Whether this is the line's key.
bool operator_line_is(const struct operator_line *line, const char *key);

// Appends a line to the `*used` bytes of `text`; control bytes in the value become '?'. Must: room for it.
void operator_line_write(char *text, size_t room, size_t *used, const char *key, const char *value);

// Appends the end of an answer: the reason (NULL or "": none), the status, the empty line. Must: room for
// OPERATOR_END_BYTES_MAX bytes.
void operator_end_write(char *text, size_t room, size_t *used, int status, const char *reason);

enum { OPERATOR_END_BYTES_MAX = REASON_TEXT_BYTES + 40 };

// Appends the line of a device. Must: room for OPERATOR_DEVICE_BYTES_MAX bytes.
void operator_device_write(char *text, size_t room, size_t *used, const struct storage_listed *device);

// Reads the value of one, but for its id. False: it is none.
bool operator_device_read(struct storage_listed *device, const char *value, size_t bytes);

// Appends the line of a user of the table. Must: room for OPERATOR_USER_BYTES_MAX bytes.
void operator_user_write(char *text, size_t room, size_t *used, const struct users_table *table, const struct user_entry *user);

// Appends the line of a room, but for its id. Must: room for OPERATOR_ROOM_BYTES_MAX bytes.
void operator_room_write(char *text, size_t room, size_t *used, const struct storage_room *told);

// Reads the value of one. False: it is none.
bool operator_room_read(struct storage_room *told, const char *value, size_t bytes);

// Appends the line of a member, but for its id. Must: room for OPERATOR_MEMBER_BYTES_MAX bytes.
void operator_member_write(char *text, size_t room, size_t *used, const struct storage_member *member);

// Reads the value of one. False: it is none.
bool operator_member_read(struct storage_member *member, const char *value, size_t bytes);

// Reads a number of at most 9 digits. False: it is none.
bool operator_count_read(uint32_t *count, const char *value, size_t bytes);

enum {
	OPERATOR_DEVICE_BYTES_MAX = 160,
	OPERATOR_USER_BYTES_MAX = USERS_LINE_BYTES_MAX / 2,
	OPERATOR_ROOM_BYTES_MAX = 80,
	OPERATOR_MEMBER_BYTES_MAX = 56,
};

static_assert(STORAGE_LIST_ROWS_MAX * OPERATOR_DEVICE_BYTES_MAX <= OPERATOR_CHUNK_BYTES_MAX, "a page is a piece");
static_assert(STORAGE_PAGE_ROOMS_MAX * OPERATOR_ROOM_BYTES_MAX + OPERATOR_END_BYTES_MAX <= OPERATOR_CHUNK_BYTES_MAX,
	      "so is one of rooms");
static_assert(STORAGE_PAGE_MEMBERS_MAX * OPERATOR_MEMBER_BYTES_MAX + OPERATOR_END_BYTES_MAX <= OPERATOR_CHUNK_BYTES_MAX,
	      "and of members");

#endif
