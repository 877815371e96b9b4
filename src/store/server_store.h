// SPDX-License-Identifier: ISC
// The server's database over SQLite: mailboxes, ids held, devices, users, starts (doc/design.md, "Stores"). Layer:
// store. One thread; open it after any fork. One process at a time writes it: the caller holds the directory's lock.
// A function that fails leaves a sentence in server_store_reason. Besides the errors named, each can return
// MMS_E_NOSPACE (nothing was changed) and MMS_E_IO or MMS_E_FORMAT: the store is broken, the process must stop without
// answering anything that waits for it.
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

// One enrolled device, for listing.
struct server_store_device {
	struct name user;
	uint8_t fingerprint[STORAGE_KEY_BYTES];
	struct wtime enrolled_at;
	uint64_t cursor; // highest row it has
	uint8_t life[USER_LIFE_BYTES]; // of the user; zeros: none
};

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

// Opens it beside a running server: server_store_devices and the reads of server_store_storage work, nothing is
// written. Also MMS_E_MISSING: no such file.
enum mms_err server_store_open_readonly(const char *path, struct server_store **store, struct reason *why) MUST_CHECK;

// Closes it. NULL is accepted.
void server_store_close(struct server_store *store);

// Sets how much a mailbox may hold: each row counts MAILBOX_ROW_BYTES and its text. MAILBOX_HELD_BYTES_MAX until then.
void server_store_bound_mailboxes(struct server_store *store, uint64_t held_bytes_max);

// What the last function that failed has to say; kept until the next one.
const struct reason *server_store_reason(const struct server_store *store);

// Whether the database still stands where it was opened. MMS_E_IO: removed, emptied or replaced, and what was accepted with it.
enum mms_err server_store_check_place(struct server_store *store) MUST_CHECK;

// What the storage answers to has_room: false while the disk is so full that every message is refused.
bool server_store_has_room(struct server_store *store);

// Whether no start was ever recorded: a database that was just made, or whose maker came no further.
enum mms_err server_store_is_new(struct server_store *store, bool *is_new) MUST_CHECK;

// Records this start durably: its random id and the next commit number. `*first` becomes both. Of more than STARTS_MAX
// starts the oldest are forgotten.
enum mms_err server_store_start(struct server_store *store, const uint8_t start_id[STORAGE_START_ID_BYTES],
				struct storage_mark *first) MUST_CHECK;

// Makes the users of the database those of the users file, all in one transaction. A name and life that are new get an
// id; one written in other case is renamed; one that is not listed is absent from now on, and one that is back no longer.
// Devices revoked are removed, and what all others of their user have. Spent invites that no line has any more are
// forgotten. Sets ids[i], never 0 and never used again for another user, for users[i]. Names differ when case is ignored.
// On error the ids are undefined, and unless it is MMS_E_NOSPACE nobody knows what is on the disk: every later append fails.
enum mms_err server_store_users_sync(struct server_store *store, const struct server_store_user *users, size_t count,
				     struct mtime now, int64_t *ids) MUST_CHECK;

// Finds the life of the newest user of this name that the database holds, absent or not; zeros: one without. MMS_E_MISSING:
// none.
enum mms_err server_store_life_find(struct server_store *store, const struct name *name,
				    uint8_t life[USER_LIFE_BYTES]) MUST_CHECK;

// Calls `each` for every device, ordered by user and by time of enrolment. `each` must not use the store.
enum mms_err server_store_devices(struct server_store *store,
				  void (*each)(void *context, const struct server_store_device *device),
				  void *context) MUST_CHECK;

// The reads that the messaging logic needs; usable until server_store_close.
struct server_storage server_store_storage(struct server_store *store);

// Writes a batch as one transaction, durable when it returns MMS_OK. Rows must rise from the counter's value and be
// below batch->commit_next.
// ENROLL: the device's id is found with device_find afterwards. A key that this user has enrolled already changes
// nothing.
// ACCEPT: in a mailbox that is beyond its bound with it, at most MAILBOX_SHED_ROWS_MAX rows that some device has go, the oldest
// first; devices that lack one get the gap. What no device has stays.
// CURSOR: only forwards. A device that does not exist (any more) is passed over, also by GAP_TOLD.
// GAP_TOLD: when the gap has grown beyond `row` since, it stays, and the device is told once more.
// Errors: MMS_E_NOSPACE: rolled back, the store is usable. MMS_E_EXISTS: a key of another user, a spent invite or an id
// held already, which the caller must exclude; rolled back, usable. MMS_E_IO: nobody knows what is on the disk; every
// later append fails too.
enum mms_err server_store_append(struct server_store *store, const struct storage_batch *batch, struct mtime now,
				 struct reason *why) MUST_CHECK;

// Removes what is kept no longer. Of a sender, ids before its newest SENDER_IDS_MAX, when there are as many more and their message
// is in no mailbox; and by store time: mail that the first device took RETENTION_DAYS ago (devices behind get a gap), ids of
// more than ID_RETENTION_DAYS whose message is in no mailbox, mail and devices of users absent for RETENTION_DAYS.
// Looks at no more than `rows_max` rows, at least 1; `*has_more`: call again soon, else in some minutes.
enum mms_err server_store_housekeep(struct server_store *store, struct mtime now, uint32_t rows_max,
				    bool *has_more) MUST_CHECK;

#endif
