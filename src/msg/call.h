// SPDX-License-Identifier: ISC
// The bodies of calls and answers (doc/protocol.md section 6), for both ends: all kinds and statuses, and the layouts of sections
// 6.2 to 6.9. The others stand beside this, by subject: call_change.h, call_room.h, call_history.h, call_state.h, call_watch.h,
// call_block.h, call_device.h. Layer: msg, pure. For all of them:
// Encoders return the bytes written to `body`, which has CALL_BODY_BYTES_MAX of room; they cannot fail. Decoders return
// MMS_E_BAD for a body that is not exactly the layout, and then leave the struct undefined; text borrows from the body.
// Bits of flags that this version does not know are ignored.
#ifndef MMS_MSG_CALL_H
#define MMS_MSG_CALL_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/message.h"
#include "base/name.h"
#include "base/time.h"
#include "base/uuid.h"
#include "crypto/hash.h"
#include "store/storage.h"

enum call_kind {
	CALL_SIGNIN = 1,
	CALL_WHO = 2,
	CALL_SUBMIT = 3,
	CALL_SIGNOUT = 4,
	CALL_PING = 5,
	CALL_JOIN = 6,
	CALL_ADD = 7,
	CALL_LEAVE = 8,
	CALL_ROOMS = 9,
	CALL_MEMBERS = 10,
	CALL_HISTORY = 11,
	CALL_STATES = 12,
	CALL_WATCH = 13,
	CALL_BLOCK = 14,
	CALL_DEVICES = 15,
	CALL_DELIVER = 16,
	CALL_NOTICE = 17,
};

enum call_status {
	STATUS_OK = 1,
	STATUS_BAD = 2,
	STATUS_NOT_AUTHORIZED = 3,
	STATUS_ACCEPTED = 4,
	STATUS_NO_SUCH_USER = 5,
	STATUS_MAILBOX_FULL = 6,
	STATUS_SERVER_FULL = 7,
	STATUS_BAD_TEXT = 8,
	STATUS_NOT_A_MEMBER = 9,
	STATUS_ROOM_FULL = 10,
	STATUS_LIMIT = 11,
	STATUS_BLOCKED = 12,
};

enum notice_what {
	NOTICE_REPLACED = 1,
	NOTICE_SHUTDOWN = 2,
	NOTICE_REMOVED = 3,
	NOTICE_GAP = 4,
	NOTICE_DELIVERED = 5, // call_state.h
	NOTICE_PRESENCE = 6,  // call_watch.h
};

enum {
	CALL_BODY_BYTES_MAX = CALL_FRAMES_BYTES_MAX - 9, // the header of an ANSWER is 9 bytes, of a CALL 8
	CALL_DELIVER_BYTES_MAX =
		ID_BYTES + 8 + 3 + ROOM_ID_BYTES + 8 + 1 + NAME_BYTES_MAX + 1 + MESSAGE_TO_BYTES_MAX + TEXT_BYTES_MAX,
	CALL_SUBMIT_BYTES_MAX = ID_BYTES + 3 + 1 + MESSAGE_TO_BYTES_MAX + TEXT_BYTES_MAX,
};
static_assert(CALL_DELIVER_BYTES_MAX <= CALL_BODY_BYTES_MAX, "the largest delivery fits one datagram");

struct call_signin {
	bool is_receiving;
	bool has_proof;
	bool wants_delivered; // the notices of section 6.14
	struct storage_mark mark;
	struct name name;
	uint8_t proof[INVITE_PROOF_BYTES]; // decoded: zeros when there is none
};

struct call_signin_ok {
	bool is_reoffer_wanted;
	bool has_proof;
	struct storage_mark mark;
	uint32_t waiting_count;
	uint32_t history_count; // beyond the cursor, and not waiting
	struct name name;
	uint8_t proof[INVITE_PROOF_BYTES];
};

struct call_who {
	uint32_t generation;
	uint32_t first;
};

struct call_who_ok {
	uint32_t generation;
	uint32_t total_count;
	uint32_t first;
	uint16_t count;
	struct reader users; // `count` users, to be read with call_who_user_read; all of them are well-formed
};

struct call_submit {
	struct uuid id;
	uint8_t kind; // enum message_kind, or of a later version; decoded: none of the server's own
	uint8_t form; // enum message_form, or of a later version
	struct message_to recipient;
	const uint8_t *text;
	size_t text_bytes; // not checked: anything from 0 on
};

struct call_accepted {
	bool was_online;
	struct storage_mark mark;
};

struct call_deliver {
	struct uuid id;
	struct wtime accepted_at; // decoded: what this cannot hold is its largest value
	bool is_own;     // the receiving user sent it
	bool is_history; // another device of the user had received it before this one was enrolled
	uint8_t kind;    // enum message_kind, or of a later version
	uint8_t form;    // enum message_form, or of a later version
	struct room_id room_id;         // of a room; else zeros
	uint64_t room_row;              // of a room: 1 to INT64_MAX; else 0
	struct name sender;             // empty only where `kind` is not MESSAGE_WRITTEN: the operator did it
	struct message_to conversation; // a room; or whom a message of one's own went to; else empty, and it is to this user
	const uint8_t *text;
	size_t text_bytes; // 1 to TEXT_BYTES_MAX
};

struct call_notice {
	enum notice_what what; // REPLACED to GAP
	struct uuid id; // GAP
	uint64_t count; // GAP: 1 to INT64_MAX
};

size_t call_signin_encode(const struct call_signin *signin, uint8_t *body);                                 // section 6.2
enum mms_err call_signin_decode(struct call_signin *signin, const uint8_t *body, size_t bytes) MUST_CHECK;  // section 6.2
size_t call_signin_ok_encode(const struct call_signin_ok *ok, uint8_t *body);                               // section 6.2
enum mms_err call_signin_ok_decode(struct call_signin_ok *ok, const uint8_t *body, size_t bytes) MUST_CHECK; // section 6.2
size_t call_who_encode(const struct call_who *who, uint8_t *body);                                          // section 6.5
enum mms_err call_who_decode(struct call_who *who, const uint8_t *body, size_t bytes) MUST_CHECK;           // section 6.5
size_t call_submit_encode(const struct call_submit *submit, uint8_t *body);                                 // section 6.6
enum mms_err call_submit_decode(struct call_submit *submit, const uint8_t *body, size_t bytes) MUST_CHECK;  // section 6.6
size_t call_accepted_encode(const struct call_accepted *accepted, uint8_t *body);                           // section 6.6
enum mms_err call_accepted_decode(struct call_accepted *accepted, const uint8_t *body, size_t bytes) MUST_CHECK; // 6.6
size_t call_deliver_encode(const struct call_deliver *deliver, uint8_t *body);                              // section 6.8
enum mms_err call_deliver_decode(struct call_deliver *deliver, const uint8_t *body, size_t bytes) MUST_CHECK; // 6.8
size_t call_notice_encode(const struct call_notice *notice, uint8_t *body);                                 // section 6.9
enum mms_err call_notice_decode(struct call_notice *notice, const uint8_t *body, size_t bytes) MUST_CHECK;  // section 6.9

// Section 6.5: a page of users. Starts it in `writer` (over a body) with a count of 0; each user is then appended, false
// when it does not fit any more; the end fills the count in and returns the body's bytes.
void call_who_page_begin(struct writer *writer, uint32_t generation, uint32_t total_count, uint32_t first);
bool call_who_page_add(struct writer *writer, const struct name *name, bool is_online); // see call_who_page_begin
size_t call_who_page_end(struct writer *writer, uint16_t count);                        // see call_who_page_begin
enum mms_err call_who_ok_decode(struct call_who_ok *ok, const uint8_t *body, size_t bytes) MUST_CHECK; // section 6.5
// The next user of a decoded page. False: there was none left.
bool call_who_user_read(struct call_who_ok *ok, struct name *name, bool *is_online);

#endif
