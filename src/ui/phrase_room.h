// SPDX-License-Identifier: ISC
// The sentences about rooms, who is in them, and who is blocked: what phrase.h is for the rest. Layer: ui, pure.
#ifndef MMS_UI_PHRASE_ROOM_H
#define MMS_UI_PHRASE_ROOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/message.h"
#include "base/name.h"
#include "ui/phrase.h"

// What somebody wants to be changed.
enum phrase_wish {
	PHRASE_JOIN,
	PHRASE_LEAVE,
	PHRASE_ADD,
	PHRASE_REMOVE,
	PHRASE_BLOCK,
	PHRASE_UNBLOCK,
	PHRASE_WISH_COUNT
};

// What becomes of it.
enum phrase_outcome {
	PHRASE_DONE,
	PHRASE_WISH_QUEUED,       // the server does not answer; it is in the outbox
	PHRASE_WISH_STAYS_QUEUED, // what ended a command did not end it
	PHRASE_WISH_REFUSED,      // the outcomes from here on: nothing was changed
	PHRASE_WISH_NOT_KEPT,     // the outbox is full
	PHRASE_WISH_SERVER_FULL,
	PHRASE_NOT_A_MEMBER,
	PHRASE_NOT_ALLOWED,
	PHRASE_NO_SUCH_OTHER,     // there is no such user
	PHRASE_ROOM_FULL,
	PHRASE_LIMIT,
	PHRASE_WISH_BLOCKED,
	PHRASE_OUTCOME_COUNT
};

struct phrase_change {
	enum phrase_wish wish;
	struct message_to to; // the room; BLOCK and UNBLOCK: whom
	struct name other;    // ADD and REMOVE: whom
};

// Says what becomes of it.
void phrase_change(const struct phrase_out *out, const struct phrase_change *change, enum phrase_outcome outcome);

// What happened in the room `in`, under its name of now: `kind` is one of the server's own (base/message.h), done by `by`, or by the
// operator where that is empty; `about` is whom it is about, or the room's name before. With `is_waiting`, as phrase_waiting.
void phrase_event(const struct phrase_out *out, bool is_waiting, uint8_t kind, const struct message_to *in, const struct name *by,
		  const struct message_to *about);

// `count` messages of a room, more than 0, that the server no longer has.
void phrase_room_gap(const struct phrase_out *out, const struct message_to *room, uint64_t count);

// "you are in N rooms:", or `is_mine` false, "N rooms are open to you:"; phrase_room for each follows. 0: that there are none.
void phrase_rooms(const struct phrase_out *out, uint64_t count, bool is_mine);
void phrase_room(const struct phrase_out *out, const struct name *room, uint32_t member_count, bool is_private, bool is_owner); // ..

// There is nobody whom one blocks.
void phrase_nobody_blocked(const struct phrase_out *out);

#endif
