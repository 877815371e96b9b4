// SPDX-License-Identifier: ISC
// What the messaging logic asks of a server's store: types and a function table only, so that SQLite, a simulator's memory or
// a distributed engine can stand behind them. A device's is in client_storage.h. Layer: store (interface, no code).
//
// Reads see committed data only. All writes of a moment travel as one batch; the caller appends it and is told
// when it is durable (doc/design.md, "Accepted means on disk"). Nothing in a batch is visible before.
// No read costs more for what is stored, and no operation but a cursor's: as much as the rows it passes.
// Errors of every read: MMS_E_MISSING where a thing may be absent; anything else but MMS_OK: the store is broken
// (MMS_E_IO, MMS_E_FORMAT), full or busy, and the process must stop without answering.
#ifndef MMS_STORE_STORAGE_H
#define MMS_STORE_STORAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"
#include "base/name.h"
#include "base/time.h"
#include "base/uuid.h"

enum { STORAGE_KEY_BYTES = 32, STORAGE_START_ID_BYTES = 16 };

// The server's position: a start (random id) and a commit number. Every accepted message takes the next number, from a
// counter kept in the database; it is also the message's row in its mailbox.
struct storage_mark {
	uint8_t start_id[STORAGE_START_ID_BYTES];
	uint64_t commit;
};

struct storage_device {
	int64_t device_id;
	int64_t user_id;
	uint64_t cursor;     // highest row this device has in its transcript
	uint64_t gap_row;    // highest row that was removed unread, 0: none
	uint64_t gap_count;  // how many such rows since the device was last told
};

// The verdict on an id that was accepted before.
struct storage_accepted {
	int64_t recipient_id;
	uint8_t digest[DIGEST_BYTES];
	uint64_t commit;
	bool was_online;
};

// A row of a mailbox. `text` is borrowed until the next call to the same storage.
struct storage_row {
	uint64_t row;
	struct uuid id;
	struct name sender;
	struct wtime accepted_at;
	const uint8_t *text;
	uint16_t text_bytes;
};

enum storage_op_kind {
	STORAGE_ACCEPT = 1, // one message into a mailbox, its id into the ids held, the commit counter forward; from a mailbox
			    // beyond its bound some rows go that a device has
	STORAGE_CURSOR = 2, // a device has all rows up to `row`; rows that all devices of the user have are removed
	STORAGE_ENROLL = 3, // a new device of a user; with an invite, its hash becomes spent. Starts before the oldest row held
	STORAGE_GAP_TOLD = 4, // a device has the notice of its gap up to `row`: its gap count and row become 0
};

struct storage_op {
	enum storage_op_kind kind;
	int64_t user_id;   // ACCEPT: the recipient; else the device's user
	int64_t device_id; // CURSOR, GAP_TOLD; the id of an enrolled device is found with device_find afterwards
	uint64_t row;      // ACCEPT: its commit number; CURSOR, GAP_TOLD: the row

	// ACCEPT
	int64_t sender_id;
	struct name sender;
	struct uuid id;
	uint8_t digest[DIGEST_BYTES];
	struct wtime at; // the wall clock, for people; also ENROLL. Retention does not follow it
	bool was_online;
	uint16_t text_bytes;
	uint32_t text_offset; // where the text starts in the batch's `text`

	// ENROLL
	uint8_t key[STORAGE_KEY_BYTES];
	uint8_t fingerprint[STORAGE_KEY_BYTES];
	bool has_invite;
	uint8_t invite_hash[STORAGE_KEY_BYTES];
};

struct storage_batch {
	struct storage_op *ops; // in order
	size_t op_count;
	const uint8_t *text; // the messages' texts
	uint64_t commit_next; // the counter's value after this batch
};

struct server_storage {
	void *context;

	// The device enrolled with this key. MISSING: none.
	enum mms_err (*device_find)(void *context, const uint8_t key[STORAGE_KEY_BYTES], struct storage_device *device);
	// How many devices a user has.
	enum mms_err (*device_count)(void *context, int64_t user_id, uint32_t *count);
	// Whether an invite's hash is spent.
	enum mms_err (*invite_is_spent)(void *context, const uint8_t hash[STORAGE_KEY_BYTES], bool *is_spent);
	// The verdict on a message id of this sender. MISSING: not held (never seen, or longer ago than the retention).
	enum mms_err (*accepted_find)(void *context, int64_t sender_id, const struct uuid *id,
				      struct storage_accepted *accepted);
	// The next row of a mailbox after `after_row`. MISSING: none.
	enum mms_err (*mailbox_next)(void *context, int64_t user_id, uint64_t after_row, struct storage_row *row);
	// How many rows wait for a device that device_find gave, after `cursor`, which is at least its own. Costs as much as
	// the rows between the two.
	enum mms_err (*mailbox_waiting)(void *context, const struct storage_device *device, uint64_t cursor, uint64_t *rows);
	// The rows that no device of the user ever had, and their text's bytes: what the quota counts.
	enum mms_err (*mailbox_usage)(void *context, int64_t user_id, uint64_t *rows, uint64_t *bytes);
	// Whether the server ever promised this mark: the start is known and the number is below the next start's first.
	enum mms_err (*mark_is_known)(void *context, const struct storage_mark *mark, bool *is_known);
	// False when the disk is so full that nothing more may be accepted (STORE_RESERVE_BYTES).
	bool (*has_room)(void *context);
};

#endif
