// SPDX-License-Identifier: ISC
// What the files of server_store share. Layer: store; private to server_store*.c.
//
// What changes with every message is kept in memory while a transaction is open, and written once for all of its messages:
// mailboxes, shares of senders, how many ids a sender has, and which bodies go. server_store_write does it, before the end;
// server_store_forget is for a transaction that was given up.
#ifndef MMS_STORE_SERVER_STORE_INSIDE_H
#define MMS_STORE_SERVER_STORE_INSIDE_H

#include "base/map.h"
#include "store/server_store.h"
#include "store/server_store_statement.h"
#include "store/sql.h"

// Rows of a mailbox.
struct server_span {
	uint64_t rows;
	uint64_t bytes; // of their text
};

struct server_device {
	int64_t device_id;
	uint64_t cursor;
	struct server_span done; // of all that was ever put
	uint64_t done_silent;
	uint64_t gap_row;
	uint64_t old_rows; // what it will get as history, and of that
	uint64_t old_silent;
};

// A mailbox, as it is with what the open transaction did: a row of the table of that name. Memory is a cache; one that is not
// here is read again.
struct server_mailbox {
	int64_t user_id; // 0: unused
	uint64_t put_rows;
	uint64_t put_bytes;
	uint64_t held_rows;
	uint64_t held_bytes;
	uint64_t fresh_rows;
	uint64_t fresh_bytes;
	uint64_t row_last;
	uint64_t taken_row;
	uint64_t purge_row; // SERVER_ABANDONED: its user is gone, and it goes too
	bool is_by_sender;
	bool has_only;      // its user has one device, and `only` is that
	struct server_device only;
	bool has_more; // the table mailbox_more has a row, or will have; without one what follows is 0
	uint64_t put_silent;
	uint64_t held_silent;
	uint64_t fresh_silent;
	uint64_t taken_at;
	uint64_t blocked_count;
	bool is_more_dirty; // that is not as the table has it

	bool is_stored;     // the table has a row
	bool is_dirty;      // it is not as the table has it
	bool is_listed;     // among those to be written
	uint32_t dirty_next; // place + 1 of the next one to be written, 0: none
};

enum { SERVER_MAILBOXES = 16384 }; // by the user's id modulo it; another user's at the same place takes it over

#define SERVER_ABANDONED ((uint64_t)INT64_MAX)

// Of a ref. Nobody waits for a silent one: what the server says of a room, and to who wrote it his own words. An own one is what its
// user wrote to another: it is silent, and never fresh.
enum server_ref_flags { SERVER_REF_SILENT = 1, SERVER_REF_OWN = 2 };

// A message that comes into a mailbox.
struct server_ref {
	uint64_t row;
	int64_t sender_id; // SERVER_ROOMS: by a room
	uint16_t bytes;
	bool is_silent;
	bool is_own; // and silent
};

// Whose share rooms have in a mailbox, all together.
enum { SERVER_ROOMS = 0 };

// What a sender has in a mailbox that counts by sender, the same way; used within a transaction.
struct server_share {
	int64_t user_id; // 0: unused
	int64_t sender_id;
	uint64_t fresh_rows;
	uint64_t fresh_bytes;
	uint64_t taken_weight;
	bool is_dirty;
};

enum { SERVER_SHARES = 64 };

// What a sender had accepted since it was written down.
struct server_tally {
	int64_t sender_id; // 0: unused
	uint64_t row_last;
	uint32_t ids;
};

enum {
	SERVER_TALLIES = 16384,   // of two senders with the same place the first is written at once
	SERVER_TALLY_IDS_MAX = 64 // written when there are so many, and by housekeeping; an end forgets the others
};

enum { SERVER_GONE_MAX = 4096 }; // bodies that wait to be removed together; so many are removed at once

// A refusal that is remembered (storage.h, STORAGE_REFUSAL_US).
struct server_refusal {
	int64_t sender_id; // 0: unused
	struct uuid id;
	struct mtime at;
	uint64_t session;
	uint32_t call;
	enum storage_verdict verdict;
};

// The refusals remembered, in the order they were made, and where the next one goes.
struct server_refusals {
	struct server_refusal *refusal; // STORAGE_REFUSALS_MAX, one part behind the other; NULL: none was made yet
	struct map_slot *slot;
	struct map by_id;
	uint64_t secret[4];
	uint32_t next[STORAGE_REFUSAL_PARTS];
};

// A sender in the round over the ids: table sender, round. One whose ids begin another generation meanwhile is in it no more, for
// some may have been looked at already: the next round ends with it.
enum server_sweep {
	SWEEP_NONE, // not in it
	SWEEP_IN,   // of the ids looked at none stays
	SWEEP_LEFT, // one does
};

enum server_stage { STAGE_MARK, STAGE_LOOK, STAGE_END };

// Where housekeeping stands in its round over the ids: it marks the senders who have old ones, looks at all ids, and ends with
// the senders marked.
struct server_round {
	enum server_stage stage;
	int64_t user_id;      // MARK, END: it has done senders up to this one
	int64_t sender_id;    // LOOK: the last one that was looked at,
	uint8_t id[ID_BYTES]; // whose key is (id, sender_id)
	uint32_t id_bytes;    // 0: none was
};

struct server_store {
	struct sql sql;
	sqlite3_stmt *statement[SERVER_STATEMENT_COUNT];
	int directory_fd;

	uint8_t start_id[STORAGE_START_ID_BYTES];
	uint64_t commit_next;  // what the counter row holds
	uint64_t row_next;     // the same, with what the open transaction gave
	uint64_t seconds;      // of store time, as the counter row holds them
	uint64_t seconds_open; // of the open transaction
	uint64_t seconds_then; // and as it held them when the store was opened
	struct mtime opened_at;
	struct server_store_bounds bounds;
	bool has_own;      // a message may stand in two mailboxes; noted in the table once there is one
	bool is_own_noted;
	// What all devices of a user have goes up to this number: everything when no history is kept. And own messages up to the other.
	uint64_t history_row;
	uint64_t own_row;
	uint64_t epoch_seconds;     // of the newest sample
	uint64_t history_round;     // the sample with which the round over the mailboxes began; UINT64_MAX: none
	int64_t history_user_id;    // it has done users up to this one,
	bool is_history_round_done; // or all
	uint32_t tally_ids_max; // SERVER_TALLY_IDS_MAX
	uint32_t room_age;      // calls of has_room since the disk was asked
	bool has_room;          // its answer then
	bool is_broken;         // a transaction failed, and nobody knows what is on the disk

	struct server_refusals refusals;
	struct server_round round;
	struct server_tally tally[SERVER_TALLIES]; // by the sender's id modulo SERVER_TALLIES
	bool has_shares; // any was ever used
	struct server_share share[SERVER_SHARES];
	uint32_t gone_count;
	uint64_t gone[SERVER_GONE_MAX]; // the numbers of bodies whose refs the open transaction removed
	uint32_t dirty_first;           // place + 1
	struct server_mailbox mailbox[SERVER_MAILBOXES];
};

extern const struct sql_kind server_schema_kind;
extern const char server_schema_room[];
extern const char *const server_schema_statement[SERVER_STATEMENT_COUNT];

// --- mailboxes (server_store_mailbox.c) ---

// The mailbox of a user, all zeros but the id when it never had a message; `*mailbox` is good until the next call. Whoever changes
// it says so by server_store_changed. MMS_E_MISSING: there is no such user (any more).
enum mms_err server_store_mailbox(struct server_store *store, int64_t user_id, struct server_mailbox **mailbox) MUST_CHECK;

// It is to be written.
void server_store_changed(struct server_store *store, struct server_mailbox *mailbox);

// The same for what the table mailbox_more has; the caller changes it afterwards.
void server_store_more_changed(struct server_store *store, struct server_mailbox *mailbox);

// Something was taken, or what comes now is the first that is to be taken.
void server_store_note_taken(struct server_store *store, struct server_mailbox *mailbox);

// Forgets the mailbox in memory, as its row is gone.
void server_store_mailbox_gone(struct server_store *store, int64_t user_id);

// Writes what the open transaction changed of mailboxes and shares, and removes the bodies that go.
enum mms_err server_store_write(struct server_store *store) MUST_CHECK;

// A body goes, before the open transaction ends.
enum mms_err server_store_body_gone(struct server_store *store, uint64_t body_no) MUST_CHECK;

// Forgets what a transaction that was given up did.
void server_store_forget(struct server_store *store);

// Counts the rows of a user after `after`, up to `upto`.
enum mms_err server_store_count(struct server_store *store, int64_t user_id, uint64_t after, uint64_t upto,
				struct server_span *span) MUST_CHECK;

// Removes the rows of a user up to `row`, and their bodies that nothing else holds: all of them, or at most `rows_max`; `*removed`
// says how many. Whether any can be one that only some device has.
enum mms_err server_store_purge_all(struct server_store *store, int64_t user_id, uint64_t row, bool has_received) MUST_CHECK;
enum mms_err server_store_purge(struct server_store *store, int64_t user_id, uint64_t row, uint32_t rows_max,
				uint32_t *removed) MUST_CHECK;

// Removes one row and its body, which no count has; whether it can be one that only some device has. `*was_there` says whether
// there was such a row.
enum mms_err server_store_remove(struct server_store *store, int64_t user_id, uint64_t row, bool has_received,
				 bool *was_there) MUST_CHECK;

// Removes a row beyond purge_row that some device has: it leaves the counts, and the devices that lack it get the gap. Of one that
// came by a room they do not: a device sees what it lacks there by the room's rows.
enum mms_err server_store_drop(struct server_store *store, int64_t user_id, int64_t sender_id, uint64_t row,
			       uint64_t bytes) MUST_CHECK;

// --- history (server_store_history.c) ---

// Whether what all devices of a user have stays for a while.
static inline bool server_store_keeps(const struct server_store *store)
{
	return store->bounds.history_days > 0;
}

// Notes how far the numbers have come, once an hour, and finds those of some days ago: history_row and own_row.
enum mms_err server_store_epoch(struct server_store *store) MUST_CHECK;

// Removes what has been kept for long enough, in the next mailboxes, unless all were looked at since the newest sample. It is at most
// `*rows_left` rows, which it takes off, of some mailboxes; the next call goes on.
enum mms_err server_store_history_clean(struct server_store *store, uint32_t *rows_left) MUST_CHECK;

// --- what is judged (server_store_append.c) ---

struct server_judged {
	const struct storage_batch *batch;
	const struct storage_op *op;
	struct storage_result *result;
	uint32_t *place_next; // of the batch's places
};

// A message as it is written: text_bytes is 1 to TEXT_BYTES_MAX.
struct server_body {
	uint64_t row;
	int64_t sender_id; // 0: the operator, whose name is empty
	const struct uuid *id;
	int64_t device_id;
	uint8_t kind;
	uint8_t form;
	uint16_t text_bytes;
	int64_t to_user; // 0: a room
	struct wtime at;
	const struct name *sender;
	const struct name *recipient; // of one that the sender has too; NULL: it has not
	const uint8_t *text;
};

// Writes a body.
enum mms_err server_store_body_put(struct server_store *store, const struct server_body *body) MUST_CHECK;

// Puts a message into a mailbox that has room for it: the ref, all counts, and what goes for it.
enum mms_err server_store_ref_put(struct server_store *store, struct server_mailbox *mailbox,
				  const struct server_ref *ref) MUST_CHECK;

// Whether a mailbox has room for a message of a sender.
enum mms_err server_store_has_quota(struct server_store *store, struct server_mailbox *mailbox, int64_t sender_id,
				    uint16_t bytes, bool *has) MUST_CHECK;

// Refuses a message, or what is to be judged as one (server_store_change.c), unless it was accepted before; the refusal is remembered.
enum mms_err server_store_refuse(struct server_store *store, const struct server_judged *judged,
				 enum storage_verdict verdict) MUST_CHECK;

// --- devices (server_store_move.c) ---

// The devices of the user of a mailbox in memory have changed otherwise.
void server_store_devices_changed(struct server_mailbox *mailbox);

// Makes a move.
enum mms_err server_store_move(struct server_store *store, const struct storage_move *move) MUST_CHECK;

// After devices of the user were removed: what all others have leaves the mailbox, a part of it now, the rest by housekeeping.
enum mms_err server_store_settle(struct server_store *store, int64_t user_id) MUST_CHECK;

// --- lists for operators (server_store_list.c) ---

// Reads the devices with ids above the given one, up to STORAGE_LIST_ROWS_MAX.
enum mms_err server_store_list(struct server_store *store, int64_t after_device_id, struct storage_list *list) MUST_CHECK;

// How many devices a user has, and up to which row all of them have what is in the mailbox: without any, what one had if history
// is kept, else nothing.
enum mms_err server_store_devices_have(struct server_store *store, struct server_mailbox *mailbox, uint32_t *count,
				       uint64_t *low) MUST_CHECK;

// --- shares (server_store_share.c) ---

// Whether a message of so many bytes is within what its sender may have in the mailbox. Must: all together are.
enum mms_err server_store_share_fits(struct server_store *store, struct server_mailbox *mailbox, int64_t sender_id,
				     uint64_t bytes, bool *fits) MUST_CHECK;

// Counts a message that came into a mailbox, whose counts have it already, to its sender, if the mailbox counts by sender;
// begins that when the mailbox is no longer nearly empty.
enum mms_err server_store_share_put(struct server_store *store, struct server_mailbox *mailbox,
				    const struct server_ref *ref) MUST_CHECK;

// Before the rows after `after` up to `upto` are taken, of which those up to `low` leave the mailbox: the same for their senders.
enum mms_err server_store_share_pass(struct server_store *store, const struct server_mailbox *mailbox, uint64_t after,
				     uint64_t upto, uint64_t low) MUST_CHECK;

// After a mailbox became smaller: ends the counting by sender when it is nearly empty, or at once.
enum mms_err server_store_share_end(struct server_store *store, struct server_mailbox *mailbox, bool is_at_once) MUST_CHECK;

// A row that some device has is dropped.
enum mms_err server_store_share_drop(struct server_store *store, const struct server_mailbox *mailbox, int64_t sender_id,
				     uint64_t bytes) MUST_CHECK;

// Drops rows from a mailbox beyond its bound, at most MAILBOX_SHED_ROWS_MAX: what all devices have, the user's own, what some device
// has. Must: it counts by sender if it is beyond.
enum mms_err server_store_shed(struct server_store *store, struct server_mailbox *mailbox) MUST_CHECK;

// Writes the shares.
enum mms_err server_store_share_write(struct server_store *store) MUST_CHECK;

// --- ids (server_store_ids.c) ---

// Holds the id of a message that gets the row. `*is_new` false: it was held already, and nothing changed.
enum mms_err server_store_id_put(struct server_store *store, const struct storage_submit *submit, uint64_t row,
				 bool *is_new) MUST_CHECK;

// Judges a message whose id may be held: VERDICT_REPEAT or VERDICT_ID_MISUSED. MMS_E_MISSING: it is not.
enum mms_err server_store_id_find(struct server_store *store, const struct storage_submit *submit,
				  struct storage_result *result) MUST_CHECK;

// Writes down what senders had accepted and is not written yet.
enum mms_err server_store_ids_write(struct server_store *store) MUST_CHECK;

// Begins another generation of ids for a sender whose newest one began by `limit`. MMS_E_MISSING: there is none.
enum mms_err server_store_ids_age(struct server_store *store, int64_t limit) MUST_CHECK;

// Goes on with the round over the ids, unless no sender has old ones, and removes old ones whose message is in no mailbox; takes
// the rows looked at off `*rows_left`, which is not 0. MMS_E_MISSING: the round is through.
enum mms_err server_store_ids_sweep(struct server_store *store, uint32_t *rows_left) MUST_CHECK;

// --- refusals (server_store_refusal.c) ---

// The refusal that binds the operation at `now`, or NULL.
const struct server_refusal *server_refusal_find(const struct server_refusals *refusals, const struct storage_op *op,
						 struct mtime now);

// Remembers a refusal. Without memory it is forgotten at once.
void server_refusal_add(struct server_refusals *refusals, const struct storage_op *op, enum storage_verdict verdict,
			struct mtime now);

// Forgets all of them, and gives their memory back.
void server_refusals_clear(struct server_refusals *refusals);

// --- what must hold (server_store_check.c) ---

// Looks whether the tables of an open database fit each other. MMS_E_FORMAT: they do not.
enum mms_err server_store_check_rules(struct sql *sql) MUST_CHECK;

// --- time, counters, room (server_store.c) ---

// Begins a transaction at `now`, whose store time is `seconds_open`. MMS_E_IO also when the store is broken.
enum mms_err server_store_begin(struct server_store *store, struct mtime now) MUST_CHECK;

// Ends the open transaction that came to `err`: writes what is left to be written and the counters, and commits, or gives it up.
// MMS_OK and MMS_E_NOSPACE leave the store usable; anything else breaks it and becomes MMS_E_IO.
enum mms_err server_store_end(struct server_store *store, enum mms_err err) MUST_CHECK;

// False while the disk is so full that every message is refused.
bool server_store_has_room(struct server_store *store);

// Makes the next has_room ask the disk.
void server_store_room_changed(struct server_store *store);

#endif
