// SPDX-License-Identifier: ISC
// What the bodies of calls are made of (doc/protocol.md section 1.5), for the codecs beside this. Layer: msg, pure.
// Writers are false where the field does not fit, readers where it is not there as it must be; what they read is then undefined.
#ifndef MMS_MSG_FIELD_H
#define MMS_MSG_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/message.h"
#include "base/name.h"
#include "base/uuid.h"
#include "store/storage.h"

// A writer over a body of CALL_BODY_BYTES_MAX, and its bytes at the end: it cannot have been too small.
struct writer field_body(uint8_t *body);
size_t field_end(const struct writer *writer, bool fits); // see field_body; asserts `fits`

// MMS_OK: all was as it must be, and nothing is left of the body.
enum mms_err field_verdict(const struct reader *reader, bool is_good) MUST_CHECK;

// A name of 1 to 32 bytes; where the layout may have none, that is the empty struct.
bool field_write_name(struct writer *writer, const struct name *name);
bool field_read_name(struct reader *reader, struct name *name);         // see field_write_name; none is false
bool field_read_name_or_none(struct reader *reader, struct name *name); // see field_write_name

// A user or a room: a name, with '#' in front of a room's.
bool field_write_to(struct writer *writer, const struct message_to *to);
bool field_read_to(struct reader *reader, struct message_to *to); // see field_write_to

// A room: '#' and its name; where the layout may have none, that is the empty struct.
bool field_write_room(struct writer *writer, const struct name *room);
bool field_read_room(struct reader *reader, struct name *room);         // see field_write_room; none is false
bool field_read_room_or_none(struct reader *reader, struct name *room); // see field_write_room

// True, and the field read: its length is 0.
bool field_read_empty(struct reader *reader);

// A mark or a stamp: a start id and a commit number.
bool field_write_mark(struct writer *writer, const struct storage_mark *mark);
bool field_read_mark(struct reader *reader, struct storage_mark *mark); // see field_write_mark

bool field_write_id(struct writer *writer, const struct uuid *id); // a message's, or a change's
bool field_read_id(struct reader *reader, struct uuid *id);        // see field_write_id

// Times of people, in milliseconds since 1970 UTC: one before is written as 0, one that this cannot hold is read as the largest.
bool field_write_time(struct writer *writer, struct wtime at);
bool field_read_time(struct reader *reader, struct wtime *at); // see field_write_time

// The sender of a message of `kind`: empty only where the operator did it, which is no message that was written.
bool field_read_sender(struct reader *reader, uint8_t kind, struct name *sender);

// `bytes` bytes of text, borrowed from the body. False also for what no message has: none, or more than TEXT_BYTES_MAX.
bool field_read_text(struct reader *reader, const uint8_t **text, size_t *text_bytes, size_t bytes);

#endif
