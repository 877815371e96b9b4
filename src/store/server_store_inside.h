// SPDX-License-Identifier: ISC
// What the files of server_store share. Layer: store; private to server_store*.c.
#ifndef MMS_STORE_SERVER_STORE_INSIDE_H
#define MMS_STORE_SERVER_STORE_INSIDE_H

#include "store/server_store.h"
#include "store/sql.h"

enum server_statement {
	COUNTER_GET,
	COUNTER_SET,
	START_PUT,
	STARTS_FORGET,
	START_ANY,
	START_FIND,
	START_NEXT,
	USER_FIND,
	USER_LIFE,
	USER_PUT,
	USER_UPDATE,
	USER_MARK_ABSENT,
	PRESENT_CLEAR, // temp.present: the ids of the users listed, made at opening
	PRESENT_PUT,
	USER_EXPIRED,
	USER_REMOVE,
	USER_DEVICES_REMOVE,
	DEVICE_FIND,
	DEVICE_CURSOR,
	DEVICE_BEHIND,
	DEVICE_PUT,
	DEVICE_COUNT,
	DEVICE_CURSORS,
	DEVICE_MOVE,
	DEVICE_GAP_ADD,
	DEVICE_GAP_TOLD,
	DEVICE_REMOVE,
	DEVICE_LIST,
	INVITE_FIND,
	INVITE_PUT,
	INVITES_FORGET,
	LISTED_CLEAR, // temp.listed: the invites' hashes in the users file, made at opening
	LISTED_PUT,
	ACCEPTED_FIND,
	ACCEPTED_PUT,
	ACCEPTED_OLDEST,
	ACCEPTED_REMOVE,
	ACCEPTED_OF_SENDER,
	SENDER_COUNT,
	SENDER_TURN,
	SENDER_OLD,
	SENDER_SWEPT,
	SENDER_REMOVE,
	MAILBOX_PUT,
	MAILBOX_ADD,
	MAILBOX_OVER,
	MAILBOX_USAGE,
	MAILBOX_PLACE,
	MAILBOX_TAKE,
	MAILBOX_SETTLE,
	MAILBOX_EXPIRE,
	MAILBOX_ABANDON,
	MAILBOX_PURGED,
	MAILBOX_REMOVE,
	MAILBOX_TO_PURGE,
	MESSAGE_PUT,
	MESSAGE_NEXT,
	MESSAGE_COUNT,
	MESSAGE_OLDEST,
	MESSAGE_TAKE,
	MESSAGE_PURGE,
	MESSAGE_PURGE_ALL,
	MESSAGE_EXPIRED,
	MESSAGE_REMOVE,
	PAGES_FREE, // and how many there are
	PAGES_GIVE_BACK,
	SERVER_STATEMENT_COUNT
};

// Messages put into a mailbox by the open transaction and not counted in the database yet.
struct server_put {
	int64_t user_id;
	uint64_t rows; // 0: none
	uint64_t bytes;
};

enum { SERVER_PUTS = 64 }; // mailboxes gathered at a time; two of one place: the first is counted when the other comes

// What a sender had accepted in the open transaction.
struct server_tally {
	int64_t sender_id;
	uint64_t row_last;
	uint32_t ids; // 0: unused
};

enum { SERVER_TALLIES = 64 }; // places for them; of two senders with the same place the first is written at once

// Where housekeeping stands in its round.
struct server_round {
	int64_t sender_id;     // it has swept senders before this one; INT64_MAX: all
	uint64_t old_row;      // ids of this one below it go; 0: it is swept
	uint8_t id[ID_BYTES];  // the last of its ids that was looked at
	uint32_t id_bytes;     // 0: none
	bool has_left;         // an old one whose message waits
	uint64_t expired_row;  // the ids of all have been looked at up to this row
};

struct server_store {
	struct sql sql;
	sqlite3_stmt *statement[SERVER_STATEMENT_COUNT];
	int directory_fd;

	uint64_t commit_next;   // what the counter row holds
	uint64_t seconds;       // of store time, as the counter row holds them
	uint64_t seconds_then;  // and as it held them when the store was opened
	struct mtime opened_at;
	uint64_t held_bytes_max; // of a mailbox
	uint64_t sender_ids_max; // ids of a sender after which another generation begins
	struct server_tally tally[SERVER_TALLIES];
	struct server_round round;
	uint32_t room_age;      // calls of has_room since the disk was asked
	bool has_room;          // its answer then
	bool is_broken;         // an append failed with MMS_E_IO
	struct server_put put[SERVER_PUTS]; // by the user's id modulo SERVER_PUTS
	uint8_t text[TEXT_BYTES_MAX]; // of the row read last
};

extern const struct sql_kind server_schema_kind;
extern const char *const server_schema_statement[SERVER_STATEMENT_COUNT];

// The cursors of a user's devices: what the lowest and the highest have, and how many there are.
struct server_cursors {
	uint64_t low;
	uint64_t high;
	uint64_t count; // 0: the others are 0
};

// The lowest and the highest cursor of a user's devices, and how many there are.
enum mms_err server_store_cursors(struct server_store *store, int64_t user_id,
				  struct server_cursors *cursors) MUST_CHECK;

// Rows of a mailbox.
struct server_span {
	uint64_t rows;
	uint64_t bytes; // of their text
};

// Counts the rows of a user after `after`, up to `upto`.
enum mms_err server_store_count(struct server_store *store, int64_t user_id, uint64_t after, uint64_t upto,
				struct server_span *span) MUST_CHECK;

// Where a mailbox stands: the highest row any device ever had, and up to which rows wait to be removed; 0 and 0 when there is
// none yet.
enum mms_err server_store_mailbox(struct server_store *store, int64_t user_id, uint64_t *taken_row,
				  uint64_t *purge_row) MUST_CHECK;

// After the user's devices have changed or moved: what all of them have leaves the mailbox, up to `low`, the lowest cursor.
// Removes at most `rows_max` rows of it now, the rest by housekeeping.
enum mms_err server_store_settle(struct server_store *store, int64_t user_id, uint64_t low, uint32_t rows_max) MUST_CHECK;

// The same, and all of it now. Must: nothing waits to be removed, so that it is no more than what the device behind which all waited
// has passed.
enum mms_err server_store_settle_passed(struct server_store *store, int64_t user_id, uint64_t low) MUST_CHECK;

// Counts a message of `text_bytes` into its mailbox, in memory until server_store_count_puts: many messages of a transaction
// cost a mailbox one write.
enum mms_err server_store_put(struct server_store *store, int64_t user_id, uint16_t text_bytes) MUST_CHECK;

// Writes what was put into a mailbox; must come before the transaction reads or changes its counts otherwise. In a mailbox that
// is beyond its bound, rows that some device has go, the oldest first, at most MAILBOX_SHED_ROWS_MAX for each put.
enum mms_err server_store_count_puts(struct server_store *store, int64_t user_id) MUST_CHECK;

// The same for all mailboxes, at the end of a transaction.
enum mms_err server_store_count_all_puts(struct server_store *store) MUST_CHECK;

// Forgets what a transaction that was given up put.
void server_store_forget_puts(struct server_store *store);

// Removes a row beyond purge_row that some device has: the devices that lack it get the gap, and it leaves the counts.
enum mms_err server_store_drop(struct server_store *store, int64_t user_id, int64_t row, int64_t text_bytes) MUST_CHECK;

// Removes at most `*rows_left` rows of some mailbox that waits for it, and takes them off `*rows_left`. MMS_E_MISSING: none does.
enum mms_err server_store_purge_some(struct server_store *store, uint32_t *rows_left) MUST_CHECK;

// Puts a message's id into the ids held.
enum mms_err server_store_id_put(struct server_store *store, const struct storage_op *op, uint64_t seconds) MUST_CHECK;

// Writes down what the senders had accepted in the open transaction.
enum mms_err server_store_ids_count(struct server_store *store) MUST_CHECK;

// Looks at the next ids of senders who have old ones, and removes old ones whose message is in no mailbox, until `*rows_left` is
// used up. MMS_E_MISSING: all have been looked at in this round.
enum mms_err server_store_ids_sweep(struct server_store *store, uint32_t *rows_left) MUST_CHECK;

// Store time: seconds that have passed while the store was open. Never below what the database holds.
uint64_t server_store_seconds(const struct server_store *store, struct mtime now);

// Writes the counters, in the open transaction, unless they are there already.
enum mms_err server_store_counter_set(struct server_store *store, uint64_t commit_next, uint64_t seconds) MUST_CHECK;

// Ends the open transaction that came to `err`; committed, the counters are as they were set in it.
enum mms_err server_store_counter_end(struct server_store *store, uint64_t commit_next, uint64_t seconds,
				      enum mms_err err) MUST_CHECK;

// Judges what a transaction came to: MMS_OK, MMS_E_NOSPACE and MMS_E_EXISTS leave the store usable; anything else breaks
// it and becomes MMS_E_IO.
enum mms_err server_store_judge(struct server_store *store, enum mms_err err) MUST_CHECK;

// Makes the next has_room ask the disk.
void server_store_room_changed(struct server_store *store);

#endif
