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
#include "base/message.h"
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
	STORAGE_SUBMIT = 1, // a message: a body, a ref in the mailbox of each who is to have it, its id among the ids held
	STORAGE_ENROLL = 2, // a new device of a user; with an invite, its hash becomes spent. Starts before the oldest row held
	STORAGE_CHANGE = 3, // of a room's members, of what a user blocks, of a user's devices, or of a room itself
};

struct storage_submit {
	int64_t sender_id;
	int64_t device_id;    // it came from
	bool is_to_room;
	struct name recipient; // as it was asked for: a room's name without '#', or a user's
	int64_t recipient_id; // to a user: 0: there is none
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

// Changes are judged by the pair they are about (the room and the user; who blocks and who is blocked; the device): what the
// pair had last carries a stamp, the mark of that change. One that shows an older stamp than that, or the same, is kept as an id
// and changes nothing (VERDICT_REPEAT): it was overtaken before a restore (doc/protocol.md section 6). Older: of the same start, by
// the number; else by the store's list of starts, in which one that is not known stands right before the newest whose first number is
// not above the stamp's. The stamp of a change is the one it shows, and its own when it shows none; the pair keeps the newest, also of
// one that found nothing to do. One of this start with a number not given yet is VERDICT_ID_MISUSED.
enum storage_change_kind {
	// Who comes into a room without members owns it. Who goes as owner hands over to the oldest member. A room that a user made goes
	// with its last member, one that the operator made stays. The name of one that is gone is not given for ROOM_NAME_DAYS.
	CHANGE_JOIN = 1, // `user` joins `room`; makes it where there is none and `may_make`
	CHANGE_ADD,      // `user` adds `other`: in a private room the owner alone
	CHANGE_LEAVE,    // `user` leaves; with an `other`, removes it, as its owner
	CHANGE_BLOCK,    // `user` takes nothing more from `other`
	CHANGE_UNBLOCK,
	CHANGE_DEVICE_NAME, // `user`'s device with `fingerprint` is called `name`
	CHANGE_DEVICE_REMOVE,
	CHANGE_ROOM_MAKE, // this and the next two: by the operator alone. A name that is in use, or not given yet: NOT_ALLOWED
	CHANGE_ROOM_RENAME, // to `name`; the name before stays as an alias
	CHANGE_ROOM_DELETE, // writes no message: devices see that they have the room no more
};

struct storage_change {
	enum storage_change_kind what;
	int64_t user_id; // whose wish it is. 0: the operator's, who may do anything, with no stamp, and no bound of a user
	int64_t device_id;
	struct name user; // as it is written; empty: the operator
	struct uuid id;  // the operator's is not held: it is that of what is written into the room
	uint8_t digest[DIGEST_BYTES]; // of all but the stamp
	struct storage_mark stamp; // that an answer named before; zeros: none
	struct name room; // without '#'
	bool may_make;    // JOIN: the room, if there is none
	bool is_private;  // this and the next: of a room that is made
	bool has_no_history; // who joins sees nothing of before
	int64_t other_id; // 0: there is no such user, or none is meant (`other` is empty)
	struct name other;
	uint8_t fingerprint[STORAGE_KEY_BYTES];
	struct name name;
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
		struct storage_change change;
	};
};

enum storage_verdict {
	// SUBMIT, CHANGE
	VERDICT_NEW = 1,
	VERDICT_REPEAT,       // the id is held with this digest: `row`, `was_online` and `stamp` are as they were. A change also when
			      // nothing was to be done; it has a stamp of its own then, and its id is held
	VERDICT_ID_MISUSED,   // the id is held with another digest
	VERDICT_NO_SUCH_USER, // this and the next two are refusals; see storage_refusal
	VERDICT_MAILBOX_FULL, // by rows, by bytes, or by the sender's share
	VERDICT_STORE_FULL,   // no room on the disk: for this one, or for the batch, which was then rolled back
	VERDICT_BLOCKED,      // this and what follows: also refusals. The one it is for blocked who asks
	VERDICT_NOT_A_MEMBER, // of that room; or there is none. Nobody learns which
	VERDICT_NOT_ALLOWED,  // a member, but not the owner; or users may not make rooms
	VERDICT_ROOM_FULL,    // ROOM_MEMBERS_MAX
	VERDICT_LIMIT,        // of what this user may have (rooms made or joined, others blocked), or of rooms in all
	// ENROLL
	VERDICT_ENROLLED,     // also: this user has this key already
	VERDICT_NOT_ENROLLED, // the key is another user's, the invite is spent, the name has a device, or there are too many
};

// A mailbox that got a ref.
struct storage_place {
	int64_t user_id;
	uint64_t row_before; // the newest row that it ever had before; REPEAT: UINT64_MAX, not known
	bool is_own; // of a user to whom it was not sent: what its other devices show. Not for the device it came from
};

// What a device is told of the room: its id, random, which a rename keeps; and its name.
struct storage_room_name {
	struct room_id id;
	struct name name;
};

struct storage_result {
	enum storage_verdict verdict;
	bool was_online; // NEW, REPEAT
	uint64_t row;    // NEW, REPEAT: the commit number; the message's row in every mailbox. 0: a change that wrote no message now
	// The mailboxes are places[place_first ..] of the batch. REPEAT: if it is only that its own batch was repeated; else maybe none.
	uint32_t place_first;
	uint32_t place_count;
	struct storage_mark stamp; // CHANGE, NEW and REPEAT: its stamp. Zeros: the operator's that had nothing to do
	uint8_t kind; // CHANGE, NEW: enum message_kind of what it wrote into the room; 0: nothing
	uint64_t room_row;         // this and the next: NEW, what was written into a room
	struct storage_room_name room;
	struct name about;     // CHANGE, NEW: what its message says: the user it is about; of a rename, the room's name before
	uint32_t member_count; // NEW, of a room: afterwards; of one that is deleted: before
	int64_t removed_device; // CHANGE_DEVICE_REMOVE: whose sessions are to end; 0: none
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
	struct storage_place *places;   // written by the store: BATCH_PLACES_MAX
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

// A row of a mailbox: a ref and its body; or of a room, then `row` is the room's.
struct storage_row {
	uint64_t row;
	struct uuid id;
	struct name sender;
	bool is_own;     // it stands there for the user's other devices
	bool is_history; // for the device that asks: another device had it before this one was enrolled
	bool is_counted; // it is one of those that wait
	uint64_t room_row; // 0: of no room
	struct storage_room_name room;
	struct name recipient; // of an own one that went to a user
	struct wtime accepted_at;
	uint8_t kind;
	uint8_t form;
	uint16_t text_bytes;
	uint32_t text_offset; // in the page's text
};

enum { STORAGE_PAGE_ROWS_MAX = 32 };

// A room in a list, as the asker may see it.
struct storage_room {
	struct storage_room_name room;
	bool is_member;
	bool is_owner;
	bool is_private;
	bool has_no_history;
	uint64_t from_row; // the first that a member may see; else 0
	uint64_t row_last; // the newest; else 0
	uint32_t member_count;
};

struct storage_member {
	int64_t user_id;
	struct name name; // also of one who is absent
	bool is_owner;
};

// A device in its user's list.
struct storage_device_entry {
	int64_t device_id;
	uint8_t fingerprint[STORAGE_KEY_BYTES];
	struct wtime enrolled_at;
	struct wtime heard_at; // it signed in last, or was heard while the server kept count; 0: not known
	struct name name;      // empty: it has none
};

// What became of a message, for who sent it.
enum storage_fate { FATE_UNKNOWN = 0, FATE_WAITING, FATE_DELIVERED, FATE_REMOVED };

struct storage_state {
	enum storage_fate fate;
	uint32_t delivered_count; // of mailboxes in which it was placed, those of which a device has it
	uint32_t place_count;
};

enum {
	STORAGE_PAGE_ROOMS_MAX = 24,
	STORAGE_PAGE_MEMBERS_MAX = 48,
	STORAGE_STATES_MAX = 60,
};

// The memory for an answer; which part of it holds, the kind of the question says.
struct storage_page {
	uint32_t row_count; // of whichever it is
	union {
		struct {
			struct storage_row row[STORAGE_PAGE_ROWS_MAX]; // PAGE, HISTORY
			uint8_t text[STORAGE_PAGE_ROWS_MAX * TEXT_BYTES_MAX];
		};
		struct storage_room room[STORAGE_PAGE_ROOMS_MAX];
		struct storage_member member[STORAGE_PAGE_MEMBERS_MAX]; // MEMBERS, BLOCKED
		struct storage_device_entry device[DEVICES_PER_USER_MAX];
		struct storage_state state[STORAGE_STATES_MAX];
	};
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
	QUESTION_ROOMS,      // rooms the user is in, or may join, after a name and in that order; user 0, the operator: all
	QUESTION_MEMBERS,    // of a room, after a name; of an open one anybody may ask, and the operator of any
	QUESTION_HISTORY,    // rows of a room, for a member
	QUESTION_STATES,     // what became of messages that the user sent
	QUESTION_BLOCKED,    // whom the user blocks, after a name
	QUESTION_DEVICES,    // the user's devices
	QUESTION_LIFE,       // the life of who had a name last, absent or not: the newest who has a device, else the newest
	QUESTION_ALL_DEVICES, // the next devices, of all users, in the order of their ids, which is that of enrolment
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
			int64_t device_id; // which asks: rows it wrote itself to a user are passed over
		} mailbox;
		struct {
			struct name room;  // MEMBERS
			struct room_id room_id; // HISTORY
			struct name after; // ROOMS, MEMBERS, BLOCKED: a name, compared without case; empty: from the first
			bool is_mine;      // ROOMS: only those that the user is in
			uint64_t from_row; // HISTORY: this to the next
			uint64_t to_row;
			uint32_t rows_max;
		} list;
		struct {
			uint32_t count; // 1 to STORAGE_STATES_MAX
			struct uuid id[STORAGE_STATES_MAX];
		} states;
		struct name name;      // LIFE
		int64_t after_device_id; // ALL_DEVICES; 0: from the first
	};
	// The answer.
	union {
		struct {
			bool has_device; // the key is enrolled, for device.user_id
			struct storage_device device;
			uint64_t waiting_count; // rows of its mailbox after its cursor that count as waiting
			uint64_t history_count; // and those that are history
			uint32_t device_count;  // of user_id
			bool is_invite_spent;
			bool is_mark_known;       // the store promised it: or it is zeros
			struct storage_mark mark; // the newest that the lane's answers may promise
		} is;
		struct {
			bool is_end;         // there are no more rows up to row_newest
			uint64_t row_newest; // PAGE, ROOMS: the newest row that the mailbox ever had, as the page was read; 0: none.
					     // HISTORY: the room's
			uint64_t row_read;   // PAGE: the last that was looked at, also one passed over; without any, after_row. HISTORY:
					     // asking goes on behind it: to_row, or the room's newest, when there is no more
			bool is_refused;     // MEMBERS, HISTORY: the user may not know of that room
			bool has_more;       // ROOMS, MEMBERS, BLOCKED
		} has;
		struct {
			bool is_known; // there was a user of that name
			uint8_t life[STORAGE_LIFE_BYTES]; // zeros: one without
		} was;
	};
	struct storage_page *page; // for all but SIGNIN, LIFE, ALL_DEVICES: the asker's memory for the answer
	struct storage_list *devices; // ALL_DEVICES: the same
};

#endif
