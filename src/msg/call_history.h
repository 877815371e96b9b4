// SPDX-License-Identifier: ISC
// HISTORY: rows of a room that a device lacks (doc/protocol.md section 6.13). Layer: msg, pure; contract as in call.h.
#ifndef MMS_MSG_CALL_HISTORY_H
#define MMS_MSG_CALL_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/message.h"
#include "base/name.h"
#include "base/time.h"
#include "base/uuid.h"
#include "msg/call_page.h"

struct call_history {
	struct room_id room_id;
	uint64_t from_row; // 1 to to_row
	uint64_t to_row;   // to INT64_MAX
};

struct call_history_row {
	uint64_t row;
	struct uuid id;
	struct wtime accepted_at; // decoded: what this cannot hold is its largest value
	uint8_t kind;             // enum message_kind, or of a later version
	uint8_t form;             // enum message_form, or of a later version
	struct name sender;       // empty only where `kind` is not MESSAGE_WRITTEN: the operator did it
	const uint8_t *text;      // borrowed from the body
	size_t text_bytes;        // 1 to TEXT_BYTES_MAX
};

// Rows that are still there, lowest first: one at least, unless there are none in all that was asked for. What is asked for, is below
// `next_row` and not among them is gone for good.
struct call_history_ok {
	uint64_t next_row; // where to ask on; beyond what was asked for: all was said
	uint8_t count;     // rows not yet taken out
	struct reader rows;
};

size_t call_history_encode(const struct call_history *history, uint8_t *body);                                // section 6.13
enum mms_err call_history_decode(struct call_history *history, const uint8_t *body, size_t bytes) MUST_CHECK; // section 6.13

// Section 6.13: a page of rows (call_page.h; this one begins and ends with the following two).
void call_history_page_begin(struct call_page *page, uint8_t *body);          // over a body of CALL_BODY_BYTES_MAX
size_t call_history_page_end(struct call_page *page, uint64_t next_row);      // returns the body's bytes
bool call_history_add(struct call_page *page, const struct call_history_row *row); // false: it does not fit any more
// MMS_E_BAD also for a page that is none of what `asked` asked for.
enum mms_err call_history_ok_decode(struct call_history_ok *ok, const struct call_history *asked, const uint8_t *body,
				    size_t bytes) MUST_CHECK;
bool call_history_read(struct call_history_ok *ok, struct call_history_row *row); // false: none is left

#endif
