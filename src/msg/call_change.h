// SPDX-License-Identifier: ISC
// What all changes have in common (doc/protocol.md section 6.10): JOIN, ADD, LEAVE, and what of BLOCK and DEVICES changes something.
// A change waits in the device's outbox like a message, and is offered again like one. Layer: msg, pure; contract as in call.h.
#ifndef MMS_MSG_CALL_CHANGE_H
#define MMS_MSG_CALL_CHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/uuid.h"
#include "store/storage.h"

enum { CALL_CHANGE_BYTES = ID_BYTES + STORAGE_START_ID_BYTES + 8 };

// What a change begins with.
struct call_change {
	struct uuid id;
	struct storage_mark stamp; // what its first ACCEPTED named; zeros: it never had one
};

// ACCEPTED
struct call_changed {
	struct storage_mark mark;  // as that of call_accepted
	struct storage_mark stamp; // where the change stands among all: to be kept with it, and sent whenever it is offered again
};

size_t call_changed_encode(const struct call_changed *changed, uint8_t *body);                                // section 6.10
enum mms_err call_changed_decode(struct call_changed *changed, const uint8_t *body, size_t bytes) MUST_CHECK; // section 6.10

// True: the stamp is that of a change which never had one.
bool call_stamp_is_none(const struct storage_mark *stamp);

// For the bodies that begin with one.
bool call_change_write(struct writer *writer, const struct call_change *change);
bool call_change_read(struct reader *reader, struct call_change *change); // see call_change_write

#endif
