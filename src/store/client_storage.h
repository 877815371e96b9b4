// SPDX-License-Identifier: ISC
// What a device orders of its store, and what it hears from it: types and two rules, so that SQLite, a simulator's memory or a browser's
// file system can stand behind them. Layer: store (interface, no code).
//
// The device never calls the store. It orders one batch of operations at a time to be made durable, all or none of it, and
// hears when that is so, with a result for each. A batch whose outcome nobody knows is ordered again, as it was: done twice, it
// leaves what it leaves when done once. What stands in the store it learns by questions; an answer tells what is durable.
// Other processes of the profile read and write the same store.
#ifndef MMS_STORE_CLIENT_STORAGE_H
#define MMS_STORE_CLIENT_STORAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "base/fingerprint.h"
#include "base/limits.h"
#include "base/message.h"
#include "base/name.h"
#include "base/time.h"
#include "base/uuid.h"
#include "store/storage.h"

enum {
	CLIENT_BATCH_OPS_MAX = 3 * CALL_WINDOW, // operations in a batch; full: no further event is taken until the next may fill
	CLIENT_BATCH_BYTES_MAX = CALL_WINDOW * TEXT_BYTES_MAX, // their text; full: the same
	CLIENT_PAGE_ROWS_MAX = CALL_WINDOW, // messages of the outbox in an answer
};

enum outbox_state {
	OUTBOX_QUEUED = 1,  // no verdict yet
	OUTBOX_ONLINE = 2,  // accepted, the recipient was online
	OUTBOX_SAVED = 3,   // accepted, kept for later
	OUTBOX_REFUSED = 4, // refused; `status` says why (doc/protocol.md section 6, the status of the answer)
};

// What a profile wants of the server, and waits for a verdict on.
enum outbox_what {
	OUTBOX_MESSAGE = 1,   // `text` to `to`
	OUTBOX_JOIN,          // the room `to`, with `flags`
	OUTBOX_ADD,           // `other` to the room `to`
	OUTBOX_LEAVE,         // the room `to`; with an `other`, to remove that one
	OUTBOX_BLOCK,         // `to`
	OUTBOX_UNBLOCK,       // `to`
	OUTBOX_DEVICE_NAME,   // the user's device `fingerprint` is called `other`
	OUTBOX_DEVICE_REMOVE, // the user's device `fingerprint`
};

enum outbox_join { JOIN_MAKES = 1, JOIN_PRIVATE = 2, JOIN_NO_HISTORY = 4 };

// One wish of this profile, a message mostly. `text` is borrowed from where the row was read.
struct outbox_row {
	uint64_t seq; // order of writing
	struct uuid id;
	uint8_t what;  // enum outbox_what
	uint8_t flags; // JOIN: enum outbox_join, together
	struct message_to to;
	struct name other;
	struct fingerprint fingerprint;
	struct storage_mark stamp; // of all but a message: what the first ACCEPTED named; zeros: none did
	const uint8_t *text;
	uint16_t text_bytes;
	bool is_reoffer; // its sender was told the verdict before; say nothing more
};

// A message to be queued; `text` is borrowed.
static inline struct outbox_row outbox_message(const struct uuid *id, const struct message_to *to, const void *text, size_t text_bytes)
{
	return (struct outbox_row){
		.id = *id, .what = OUTBOX_MESSAGE, .to = *to, .text = (const uint8_t *)text, .text_bytes = (uint16_t)text_bytes};
}

// One entry of the transcript. `text` is borrowed from where the row was read.
struct transcript_row {
	uint64_t seq;
	bool is_gap;          // `gap_count` messages are gone for good: a room's, from room_row on, or direct ones; no sender, no text
	uint64_t gap_count;
	struct uuid id;
	uint8_t kind;  // enum message_kind, or of a later version
	uint8_t form;  // enum message_form, or of a later version
	bool is_own;     // this user sent it; with this very profile, if the outbox has its id: then it counts as shown
	bool is_from_here; // it is one's own, and the outbox had its id: it was seen where it was typed
	bool is_history; // another device of this user had received it before this one was enrolled
	struct room_id room_id; // of a room; else zeros
	uint64_t room_row;      // the same; else 0
	struct name sender; // empty only where `kind` is not MESSAGE_WRITTEN
	struct message_to conversation; // empty: to this user
	struct wtime accepted_at;
	const uint8_t *text;
	uint16_t text_bytes;
};

// Entries of the transcript: those with after_seq < seq <= until_seq.
struct transcript_range {
	uint64_t after_seq;
	uint64_t until_seq;
	bool is_unshown; // only those that no process of the profile has noted as shown
};
// Whether it tells of a room that somebody came or went, or of its name; `about`: who that is, or its name before.
static inline bool transcript_row_is_event(const struct transcript_row *row, struct message_to *about)
{
	return !row->is_gap && message_kind_is_server(row->kind) && row->form == MESSAGE_UTF8 && row->conversation.is_room &&
	       message_to_parse(about, row->text, row->text_bytes) && about->is_room == (row->kind == MESSAGE_RENAMED);
}

// Whether this version knows what a message is and how to show it. One that it does not know is kept all the same: a later
// version may show it.
static inline bool transcript_row_is_known(const struct transcript_row *row)
{
	struct message_to about;
	return row->form == MESSAGE_UTF8 && (row->kind == MESSAGE_WRITTEN || transcript_row_is_event(row, &about));
}

// Whether a delivery waits for the user, where there is one: it is no event of a room, the user did not write it, and no other device
// had received it (doc/protocol.md section 6.2).
static inline bool transcript_kind_is_waiting(uint8_t kind, bool is_own, bool is_history)
{
	return !message_kind_is_server(kind) && !is_own && !is_history;
}

// Whether an entry counts as a message that waited.
static inline bool transcript_row_is_waiting(const struct transcript_row *row)
{
	return !row->is_gap && transcript_kind_is_waiting(row->kind, row->is_own, row->is_history);
}

// --- batches ---

enum client_op_kind {
	CLIENT_OP_PUT = 1, // an entry into the transcript unless its sender and id are there. Beyond TRANSCRIPT_ROWS_MAX entries
			   // the oldest goes, if it was shown
	CLIENT_OP_VERDICT, // the verdict on a message; one already there stays. Of messages with a verdict the newest
			   // OUTBOX_DONE_MAX are kept
	CLIENT_OP_MARK,    // the mark that the server named. The store knows which one it had before: see client_op_mark
	CLIENT_OP_ROOMS_BEGIN, // what the server says of rooms follows, in this batch and later ones
	CLIENT_OP_ROOM,    // the user is a member of this one. Its name may have changed; its id stays
	CLIENT_OP_ROOMS_END, // and of none that was not named since ROOMS_BEGIN
};

enum client_result {
	CLIENT_RESULT_DONE = 1, // all but PUT
	CLIENT_RESULT_NEW,      // PUT: the transcript has grown
	CLIENT_RESULT_APART,    // PUT: the same, and of its room a row before it is missing
	CLIENT_RESULT_REPEAT,   // PUT: it was there
	CLIENT_RESULT_MISSING,  // VERDICT: no such message; it may be one of the oldest, which went
	CLIENT_RESULT_REOFFER,  // MARK: all accepted messages that are kept are queued again, as re-offers
};

// The server judged the mark that SIGNIN showed. One that came after it, through another session or process of this device, it
// did not; when its start is not that of the new mark, nobody has seen whether the store behind that still knows it. Then, and
// when the server wants it, everything accepted is queued again (section 6.4), whatever a clock says of its age.
struct client_op_mark {
	struct storage_mark mark;
	struct storage_mark shown; // by the SIGNIN of the session on which the mark was named
	bool is_acceptance; // it is kept: within one start the highest number. Else only together with re-offers
	bool is_reoffer_wanted;
};

// Whether that is so, of what the store had kept. (Here, since each store has to say the same.)
static inline bool client_op_mark_reoffers(const struct client_op_mark *op, const struct storage_mark *kept)
{
	static const struct storage_mark none;
	const bool is_other = memcmp(kept->start_id, op->mark.start_id, sizeof kept->start_id) != 0;
	const bool is_none = memcmp(kept->start_id, none.start_id, sizeof kept->start_id) == 0;
	const bool is_judged = memcmp(kept->start_id, op->shown.start_id, sizeof kept->start_id) == 0 &&
			       kept->commit == op->shown.commit;
	return op->is_reoffer_wanted || (is_other && !is_none && !is_judged);
}

struct client_op_put {
	bool is_gap;
	uint64_t gap_count; // 1 or more of a gap
	uint8_t kind; // this and what follows, as in a transcript's row
	uint8_t form;
	bool is_own;
	bool is_history;
	struct room_id room_id; // a room that the store does not know is one that the user is a member of
	uint64_t room_row;      // of a gap the first that is gone
	struct name sender;
	struct message_to conversation;
	struct wtime accepted_at;
	uint32_t text_offset; // where the text starts in the batch's `text`
	uint16_t text_bytes;
};

struct client_op_verdict {
	enum outbox_state state; // not OUTBOX_QUEUED
	uint8_t status; // 0 unless it was refused
	struct storage_mark stamp; // of a change that was accepted: kept with it. Else zeros
};

struct client_op_room {
	struct room_id id;
	struct name name;
	bool is_owner;
	bool is_private;
	uint64_t from_row;   // the first that the user may have
	uint64_t newest_row; // the last that there is; 0: not known
};

struct client_op {
	enum client_op_kind kind;
	struct uuid id; // PUT, VERDICT
	union {
		struct client_op_put put;
		struct client_op_verdict verdict;
		struct client_op_mark mark;
		struct client_op_room room;
	};
};

struct client_batch {
	uint64_t number; // names it: the event says of which batch it is
	uint32_t op_count; // at least 1
	uint32_t text_bytes;
	struct client_op op[CLIENT_BATCH_OPS_MAX]; // in order
	uint8_t text[CLIENT_BATCH_BYTES_MAX];
};

// What became of a batch.
struct client_appended {
	uint64_t number;
	enum mms_err err; // MMS_OK: it is durable. MMS_E_AGAIN: nobody knows whether it is. Else it failed, and so has the device
	enum client_result result[CLIENT_BATCH_OPS_MAX]; // of each operation, if it is durable
};

// --- questions ---

enum client_question_kind {
	CLIENT_ASK_MARK = 1, // the newest mark kept; all zero when there is none
	CLIENT_ASK_OUTBOX,   // the oldest queued messages with seq > after_seq
	CLIENT_ASK_HOLE,     // rows of a room that the transcript lacks, and no gap stands for
};

// The first hole of a room: of the first room, in the order of ids, behind `after_room`, that has one.
struct client_hole {
	bool is_there;
	struct room_id room_id;
	struct name room;
	uint64_t from_row; // these are missing, and none between them is there
	uint64_t to_row;
};

struct client_question {
	uint64_t number; // names it: the answer says to which question it is
	enum client_question_kind kind;
	uint64_t after_seq;
	uint32_t rows_max; // 1 to CLIENT_PAGE_ROWS_MAX
	struct room_id after_room; // HOLE; zeros: any
};

struct client_answer {
	uint64_t number;
	enum mms_err err; // MMS_OK. MMS_E_AGAIN: the answer is lost. Else the store has failed, and so has the device
	struct storage_mark mark;
	struct client_hole hole;
	uint32_t row_count; // less than rows_max: there are no more
	struct outbox_row row[CLIENT_PAGE_ROWS_MAX]; // in order; their texts are below
	uint8_t text[CLIENT_PAGE_ROWS_MAX][TEXT_BYTES_MAX];
};

#endif
