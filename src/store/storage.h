// SPDX-License-Identifier: ISC
// What the messaging logic and a server's store say to each other: types only, so that SQLite, a simulator's memory or a
// distributed engine can stand behind them. A device's is in client_storage.h. Layer: store (interface, no code).
//
// No question costs more for what is stored, and no operation; a move costs as much as the rows it passes.
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

enum { STORAGE_KEY_BYTES = 32, STORAGE_START_ID_BYTES = 16, STORAGE_LIFE_BYTES = 16 };

// Nobody waits. A batch or a question is handed over; an event says later what became of it. The store judges: it gives rows and
// commit numbers, and a result for each operation. Batches go in lanes, one of a lane at a time, several lanes at once. What a user's
// devices called goes in one lane, in the order it came; between lanes there is no order, neither of commits nor of events.
// An append whose outcome the store does not know it repeats whole itself; every operation comes to the same result again.
// A row can be read, and is named by a result, only when every lower row of its mailbox can be read too.

// The store's position: a start (random id) and a commit number. Numbers only rise; what a mark names is durable.
struct storage_mark {
	uint8_t start_id[STORAGE_START_ID_BYTES];
	uint64_t commit;
};

// A move of a device. All moves of a batch happen before its operations, so that a mailbox is judged by what its devices are
// known to have. One of a device that is gone, or backwards, changes nothing.
struct storage_move {
	int64_t user_id;
	int64_t device_id;
	uint64_t row;     // it has all rows up to this one; rows that all devices of the user have leave the mailbox. 0: not moved
	uint64_t gap_row; // it has the notice of its gap up to this row: the gap is settled unless it has grown since. 0: no notice
};

enum storage_op_kind {
	STORAGE_SUBMIT = 1, // a message to one user: a body, a ref in the recipient's mailbox, its id among the ids held
	STORAGE_ENROLL = 2, // a new device of a user; with an invite, its hash becomes spent. Starts before the oldest row held
};

struct storage_submit {
	int64_t sender_id;
	int64_t device_id;    // it came from
	int64_t recipient_id; // 0: there is no such user
	struct name sender;   // as it is written when it is accepted
	struct uuid id;
	uint8_t digest[DIGEST_BYTES]; // of all that makes it this message and no other with its id
	uint8_t kind; // enum message_kind, and below enum message_form (base/message.h), or of a later version
	uint8_t form;
	bool is_online;       // the recipient is, now
	uint16_t text_bytes;  // 1 to TEXT_BYTES_MAX
	uint32_t text_offset; // where the text starts in the batch's `text`
};

struct storage_enroll {
	int64_t user_id;
	uint8_t key[STORAGE_KEY_BYTES];
	uint8_t fingerprint[STORAGE_KEY_BYTES];
	bool has_invite; // without: a claim, for a user without devices
	uint8_t invite_hash[STORAGE_KEY_BYTES];
};

struct storage_op {
	enum storage_op_kind kind;
	uint32_t call;     // number of the call in its session ...
	uint64_t session;  // ... which together name the operation among all of this start
	struct mtime session_began_at; // its handshake: a session that began after a refusal is not bound by it
	struct wtime at;   // the wall clock, for people. Retention does not follow it
	union {
		struct storage_submit submit;
		struct storage_enroll enroll;
	};
};

enum storage_verdict {
	// SUBMIT
	VERDICT_NEW = 1,
	VERDICT_REPEAT,       // the id is held with this digest: `row` and `was_online` are as they were
	VERDICT_ID_MISUSED,   // the id is held with another digest
	VERDICT_NO_SUCH_USER, // this and the next two are refusals; see storage_refusal
	VERDICT_MAILBOX_FULL, // by rows, by bytes, or by the sender's share
	VERDICT_STORE_FULL,   // no room on the disk: for this one, or for the batch, which was then rolled back
	// ENROLL
	VERDICT_ENROLLED,     // also: this user has this key already
	VERDICT_NOT_ENROLLED, // the key is another user's, the invite is spent, the name has a device, or there are too many
};

struct storage_result {
	enum storage_verdict verdict;
	bool was_online;     // NEW, REPEAT
	uint64_t row;        // NEW, REPEAT: in the recipient's mailbox
	uint64_t row_before; // NEW: the newest row that mailbox ever had before; REPEAT: UINT64_MAX, not known
};

// STORAGE_REFUSAL_US: a refusal is remembered for so long, whatever the lane, and for STORAGE_REFUSALS_MAX ids. Senders share the room
// in STORAGE_REFUSAL_PARTS, each in one that nobody knows (full: the oldest of its part is forgotten), so that who is refused much
// makes few others' forgotten. A copy of the id gets it again on any other session that had begun by then, and so does the operation
// itself when its batch is repeated; another call of the same session, or of one that began later, is judged anew.
enum { STORAGE_REFUSAL_US = 180 * 1000 * 1000, STORAGE_REFUSALS_MAX = 16384, STORAGE_REFUSAL_PARTS = 16 };

// Borrowed, results included, from the append to its event.
struct storage_batch {
	const struct storage_move *moves;
	size_t move_count;
	const struct storage_op *ops; // in order, judged one after the other
	size_t op_count;
	struct storage_result *results; // op_count, written by the store
	const uint8_t *text;            // the messages' texts
	struct mtime now;               // when it was handed over: store time and refusals follow it
};

// What became of a batch that was appended.
struct storage_appended {
	bool is_kept; // false: no room on the disk; nothing changed, each result is a refusal, and moves are to be made again
	bool has_room; // false: the disk is so full that every message is refused (STORE_RESERVE_BYTES)
	struct storage_mark mark; // the newest number that the lane's answers may promise
};

struct storage_device {
	int64_t device_id;
	int64_t user_id;
	uint64_t cursor;     // highest row this device has in its transcript
	uint64_t gap_row;    // highest row that was removed unread, 0: none
	uint64_t gap_count;  // how many such rows since the device was last told
};

// A row of a mailbox: a ref and its body.
struct storage_row {
	uint64_t row;
	struct uuid id;
	struct name sender;
	struct wtime accepted_at;
	uint8_t kind;
	uint8_t form;
	uint16_t text_bytes;
	uint32_t text_offset; // in the page's text
};

enum { STORAGE_PAGE_ROWS_MAX = 32 };

struct storage_page {
	uint32_t row_count;
	struct storage_row row[STORAGE_PAGE_ROWS_MAX];
	uint8_t text[STORAGE_PAGE_ROWS_MAX * TEXT_BYTES_MAX];
};

// A device as an operator is shown it.
struct storage_listed {
	int64_t device_id;
	struct name user;
	uint8_t life[STORAGE_LIFE_BYTES]; // of the user; zeros: none
	uint8_t fingerprint[STORAGE_KEY_BYTES];
	struct wtime enrolled_at;
};

enum { STORAGE_LIST_ROWS_MAX = 32 };

struct storage_list {
	uint32_t count; // less than STORAGE_LIST_ROWS_MAX: there are no more
	struct storage_listed device[STORAGE_LIST_ROWS_MAX];
};

enum storage_question_kind {
	QUESTION_SIGNIN = 1, // all that is to be known of a device that signs in
	QUESTION_PAGE,       // the next rows of a mailbox
	QUESTION_LIFE,       // the life of who had a name last, absent or not: the newest who has a device, else the newest
	QUESTION_DEVICES,    // the next devices, of all users, in the order of their ids, which is that of enrolment
};

// Answered from a state that holds every batch of its lane that was appended before it was asked. Borrowed, the answer's memory
// included, until its event.
struct storage_question {
	enum storage_question_kind kind;
	uint32_t lane;
	uint64_t tag; // the asker's own value
	int64_t user_id; // SIGNIN: 0: there is no such user, which is as much work
	union {
		struct {
			uint8_t key[STORAGE_KEY_BYTES];
			bool has_invite;
			uint8_t invite_hash[STORAGE_KEY_BYTES];
			struct storage_mark mark; // that the device was promised; zeros: none
		} signin;
		struct {
			uint64_t after_row;
			uint32_t rows_max; // 1 to STORAGE_PAGE_ROWS_MAX
		} mailbox;
		struct name name;      // LIFE
		int64_t after_device_id; // DEVICES; 0: from the first
	};
	// The answer.
	union {
		struct {
			bool has_device; // the key is enrolled, for device.user_id
			struct storage_device device;
			uint64_t waiting_count; // rows of its mailbox after its cursor
			uint32_t device_count;  // of user_id
			bool is_invite_spent;
			bool is_mark_known;       // the store promised it: or it is zeros
			struct storage_mark mark; // the newest that the lane's answers may promise
		} is;
		struct {
			bool is_end;         // there are no more rows up to row_newest
			uint64_t row_newest; // the newest row that the mailbox ever had, as the page was read; 0: none
		} has;
		struct {
			bool is_known; // there was a user of that name
			uint8_t life[STORAGE_LIFE_BYTES]; // zeros: one without
		} was;
	};
	struct storage_page *page; // PAGE: the asker's memory for the rows
	struct storage_list *list; // DEVICES: the same
};

#endif
