// SPDX-License-Identifier: ISC
// A profile's database over SQLite: the device's key, its outbox and its transcript (doc/design.md, "Stores"). Layer:
// store. One thread; open it after any fork. Several processes of one user may have it open at once.
// A function that fails leaves a sentence in client_store_reason. Besides the errors named, each can return MMS_E_BUSY
// (another process wrote for longer than CLIENT_STORE_BUSY_MS), MMS_E_NOSPACE, MMS_E_IO, and MMS_E_FORMAT: the file was
// tampered with or is damaged.
//
// Every write here is a transaction of its own, durable when the function returns MMS_OK, undone after any other error; but
// after MMS_E_IO nobody knows.
#ifndef MMS_STORE_CLIENT_STORE_H
#define MMS_STORE_CLIENT_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/name.h"
#include "base/time.h"
#include "base/uuid.h"
#include "store/client_storage.h"

enum { CLIENT_STORE_BUSY_MS = 5000 };

struct client_store; // opaque, on the heap

// Who this profile is, and at which server.
struct client_store_identity {
	uint8_t static_secret[STORAGE_KEY_BYTES];
	uint8_t public_key[STORAGE_KEY_BYTES]; // whether it belongs to the secret is for the caller to check
	uint8_t server_key[STORAGE_KEY_BYTES];
	struct name user;   // as typed; as the server writes it once it has signed in
	bool has_signed_in; // the server has answered its SIGNIN with OK at least once
};

// Opens the database file at `path`, made with mode 0600 when missing, and checks all of it; its directory must exist.
// MMS_E_FORMAT: not our database, or changed or damaged. MMS_E_VERSION: a newer one. MMS_E_DENIED. On error *store is
// NULL and `why` says what to do.
enum mms_err client_store_open(const char *path, struct client_store **store, struct reason *why) MUST_CHECK;

// Closes it. NULL is accepted.
void client_store_close(struct client_store *store);

// What the last function that failed has to say; kept until the next one.
const struct reason *client_store_reason(const struct client_store *store);

// Stores the identity of a new profile; has_signed_in is stored as false. MMS_E_EXISTS: it has one.
enum mms_err client_store_identity_create(struct client_store *store,
					  const struct client_store_identity *identity) MUST_CHECK;

// Reads it. MMS_E_MISSING: a new profile. MMS_E_FORMAT: changed or damaged; `*identity` is then untouched.
enum mms_err client_store_identity_get(struct client_store *store, struct client_store_identity *identity) MUST_CHECK;

// Wipes the secret and the rest.
void client_store_identity_clear(struct client_store_identity *identity);

// Notes that this profile has signed in, and its name as the server writes it. MMS_E_MISSING: no identity.
enum mms_err client_store_signed_in_set(struct client_store *store, const struct name *user) MUST_CHECK;

// Whether it has, and the name. MMS_E_MISSING: no identity.
enum mms_err client_store_signed_in_get(struct client_store *store, bool *has_signed_in, struct name *user) MUST_CHECK;

// How often a copy of this profile has replaced the process that received; and once more.
enum mms_err client_store_replaced_get(struct client_store *store, uint64_t *count) MUST_CHECK;
enum mms_err client_store_replaced_add(struct client_store *store) MUST_CHECK; // see client_store_replaced_get

// Queues what the profile wants; a message's text is one (base/utf8.h, utf8_is_message). Of `wish` seq, stamp and is_reoffer are not
// looked at. MMS_E_EXISTS: this id is there. MMS_E_FULL: OUTBOX_ROWS_MAX of them wait for a verdict.
enum mms_err client_store_outbox_add(struct client_store *store, const struct outbox_row *wish, struct wtime now) MUST_CHECK;

// The verdict on a message, OUTBOX_QUEUED without one; `status` is 0 unless it was refused. A verdict stays while the
// message is offered again. MMS_E_MISSING: no such message.
enum mms_err client_store_outbox_find(struct client_store *store, const struct uuid *id, enum outbox_state *state,
				      uint8_t *status) MUST_CHECK;

// Takes a message that has no verdict out again: it is never sent. Must: nobody has submitted it. MMS_E_MISSING: no such
// message, or it has a verdict.
enum mms_err client_store_outbox_withdraw(struct client_store *store, const struct uuid *id) MUST_CHECK;

// How many messages wait for a verdict; offers made again are not counted. It is kept beside them, so that it costs the same
// whatever their number.
enum mms_err client_store_outbox_queued_count(struct client_store *store, uint64_t *count) MUST_CHECK;

// The newest entry of the transcript; 0: it is empty.
enum mms_err client_store_transcript_last(struct client_store *store, uint64_t *seq) MUST_CHECK;

// At most `count_max` of the people whom this user wrote with last, the latest first: who wrote here, and who was written to from
// here. Only what is new is looked at; rooms do not count. `names` holds so many.
enum mms_err client_store_people(struct client_store *store, struct name *names, uint32_t count_max, uint32_t *count) MUST_CHECK;

// How many entries of a range are messages that waited (transcript_row_is_waiting).
enum mms_err client_store_transcript_waiting(struct client_store *store, const struct transcript_range *range,
					   uint64_t *count) MUST_CHECK;

// The oldest entry of a range. `row->text` is borrowed until the next call. MMS_E_MISSING: none.
enum mms_err client_store_transcript_next(struct client_store *store, const struct transcript_range *range,
					  struct transcript_row *row) MUST_CHECK;

// Notes that all entries of a range were shown.
enum mms_err client_store_transcript_mark_shown(struct client_store *store, const struct transcript_range *range) MUST_CHECK;

// `*has_changed`: another process has written since the last call, or since the opening; or it has opened it.
enum mms_err client_store_changed(struct client_store *store, bool *has_changed) MUST_CHECK;

// Carries out a batch that a device ordered (client_storage.h), as one transaction. `appended` says what became of it, in its
// `err` as the functions here do, and never that nobody knows: who has it in a file stops at MMS_E_IO.
void client_store_append(struct client_store *store, const struct client_batch *batch, struct client_appended *appended);

// Answers a question that a device asked. The texts of a page are in the answer.
void client_store_answer(struct client_store *store, const struct client_question *question, struct client_answer *answer);

#endif
