// SPDX-License-Identifier: ISC
// The server's database over SQLite: mailboxes, ids held, devices, users, starts (doc/design.md, "Stores"). Layer:
// store. One thread; open it after any fork. One process at a time writes it: the caller holds the directory's lock.
// A function that fails leaves a sentence in server_store_reason, and in its `why` where it has one. Besides the errors named, each
// can return MMS_E_NOSPACE (nothing was changed) and MMS_E_IO or MMS_E_FORMAT: the store is broken, the process must stop
// without answering anything that waits for it.
#ifndef MMS_STORE_SERVER_STORE_H
#define MMS_STORE_SERVER_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/name.h"
#include "base/time.h"
#include "base/users.h"
#include "store/storage.h"

struct server_store; // opaque, on the heap

// One line of the users file. A name with another life is another user.
struct server_store_user {
	struct name name;
	uint8_t life[USER_LIFE_BYTES]; // zeros: the line says none, which is a life like any other
	const uint8_t (*revoked)[STORAGE_KEY_BYTES]; // fingerprints of devices to be removed; borrowed
	size_t revoked_count;
	const uint8_t (*invite)[STORAGE_KEY_BYTES]; // hashes of the invites; borrowed
	size_t invite_count;
};

// Opens the database file at `path`, made with mode 0600 when missing, and checks all of it; its directory must exist.
// `now` is where the store's time goes on from. MMS_E_FORMAT: not our database, or damaged. MMS_E_VERSION: one of another
// version. MMS_E_DENIED. MMS_E_BUSY: another program keeps it. On error *store is NULL and `why` says what to do.
enum mms_err server_store_open(const char *path, struct mtime now, struct server_store **store,
			       struct reason *why) MUST_CHECK;

// Opens it beside a running server: server_store_devices and server_store_life_find work, nothing is
// written. Also MMS_E_MISSING: no such file.
enum mms_err server_store_open_readonly(const char *path, struct server_store **store, struct reason *why) MUST_CHECK;

// Closes it. NULL is accepted.
void server_store_close(struct server_store *store);

// What the store holds at most; base/limits.h has the defaults and what happens at each.
struct server_store_bounds {
	uint64_t mailbox_rows_max;  // MAILBOX_ROWS_MAX: rows that no device has; one sender MAILBOX_SHARE of them
	uint64_t mailbox_bytes_max; // MAILBOX_BYTES_MAX: their text; the same
	uint64_t held_bytes_max;    // MAILBOX_HELD_BYTES_MAX: all rows of a mailbox, each MAILBOX_ROW_BYTES and its text
	uint64_t sender_ids_max;    // SENDER_IDS_MAX: ids of a sender after which another generation begins
	uint32_t history_days;      // what all devices have stays in a mailbox so long; 0: it goes at once
	uint32_t room_days;         // what is said in a room stays so long, if no mailbox has it any more
	bool keeps_own;             // what one sends stays for one's other devices: always with history, else if there are any
};

// The defaults, which hold until others are set.
struct server_store_bounds server_store_bounds_default(void);

// Sets the bounds; what is held beyond them stays, and is counted. Each is at least 1, but for the days, which are at most
// HISTORY_DAYS_MAX, and at most INT64_MAX / 2.
void server_store_bound(struct server_store *store, const struct server_store_bounds *bounds);

// What the last function that failed has to say; kept until the next one.
const struct reason *server_store_reason(const struct server_store *store);

// Whether the database still stands where it was opened. MMS_E_IO: removed, emptied or replaced, and what was accepted with it.
enum mms_err server_store_check_place(struct server_store *store) MUST_CHECK;

// Whether no start was ever recorded: a database that was just made, or whose maker came no further.
enum mms_err server_store_is_new(struct server_store *store, bool *is_new) MUST_CHECK;

// Records this start durably, by its random id. `*mark` is what may be promised at once: the start and the newest number on
// the disk. Must come before the first append and question. Of more than STARTS_MAX starts the oldest are forgotten.
enum mms_err server_store_start(struct server_store *store, const uint8_t start_id[STORAGE_START_ID_BYTES],
				struct storage_mark *mark) MUST_CHECK;

// The users file as the store is told of it, and what it answers. All memory is the caller's, borrowed until the answer.
struct server_store_sync {
	const struct server_store_user *users;
	size_t count;
	struct mtime now;
	int64_t *ids;        // of the users, never 0 and never used again for another user; as many
	int64_t *removed;    // ids of the devices that were removed, rising; room for as many as all lines revoke
	size_t removed_count;
};

// Makes the users of the database those of the users file, all in one transaction. A name and life that are new get an
// id; one written in other case is renamed; one that is not listed is absent from now on, and one that is back no longer.
// Devices revoked are removed, and what all others of their user have. Spent invites that no line has any more are
// forgotten. Names differ when case is ignored.
// On error the answer is undefined, and unless it is MMS_E_NOSPACE nobody knows what is on the disk: every later append fails.
enum mms_err server_store_users_sync(struct server_store *store, struct server_store_sync *sync) MUST_CHECK;

// Finds the life of the user who had this name last, absent or not; zeros: one without. That is the newest who has a device, for one
// who never joined has had nothing; where none has, the newest. MMS_E_MISSING: none.
enum mms_err server_store_life_find(struct server_store *store, const struct name *name,
				    uint8_t life[USER_LIFE_BYTES]) MUST_CHECK;

// Calls `each` for every device, in the order of enrolment. `each` must not use the store.
enum mms_err server_store_devices(struct server_store *store,
				  void (*each)(void *context, const struct storage_listed *device),
				  void *context) MUST_CHECK;

// Makes the moves of a batch, judges its operations, and writes what is new, as one transaction (store/storage.h says what each
// comes to). MMS_OK: it is durable, or there was no room for it and nothing changed (appended->is_kept; `why` says so). Else the
// results are undefined and nobody knows what is on the disk: every later append fails too.
// A batch that is repeated whole comes to the same results, with REPEAT for NEW; refusals as long as this store is open.
// In a mailbox that is beyond its bound with what came, at most MAILBOX_SHED_ROWS_MAX rows for each message go that some device
// has: of the sender with most bytes among those, and of them the oldest. Devices that lack one get the gap. What no device has stays.
enum mms_err server_store_append(struct server_store *store, const struct storage_batch *batch,
				 struct storage_appended *appended, struct reason *why) MUST_CHECK;

// Answers a question, from what is durable.
enum mms_err server_store_ask(struct server_store *store, struct storage_question *question, struct reason *why) MUST_CHECK;

// Removes what is kept no longer. Of a sender, ids before its newest SENDER_IDS_MAX, when there are as many more and their message
// is in no mailbox; and by store time: what all devices have after the days of history; mail that the first device took
// RETENTION_DAYS ago, or as many days as history has if these are more, and own messages as old as that (devices behind get a gap); ids of
// more than ID_RETENTION_DAYS whose message is in no mailbox, mail and devices of users absent for RETENTION_DAYS.
// Looks at no more than `rows_max` rows, at least 1; `*has_more`: call again soon, else in some minutes.
enum mms_err server_store_housekeep(struct server_store *store, struct mtime now, uint32_t rows_max,
				    bool *has_more) MUST_CHECK;

#endif
