// SPDX-License-Identifier: ISC
// Pages of lists that are asked for by what stands last on the page before (doc/protocol.md section 6.10). Layer: msg, pure.
// The answering side keeps nothing between two pages, and whoever asks comes to the end: each page goes on behind the last one.
#ifndef MMS_MSG_CALL_PAGE_H
#define MMS_MSG_CALL_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/name.h"

enum { CALL_PAGE_ENTRIES_MAX = 255, CALL_PAGE_FLAGS_AT = 0 };

// A page that is being written. Entries are appended by the functions of the list it is of (call_rooms_add, …), which are false,
// and change nothing, when one does not fit any more.
struct call_page {
	struct writer writer;
	size_t count_at; // where the count stands in the body
	uint8_t count;
};

// A page that was read: all its entries are well-formed and in order. They are taken out by the functions of the list.
struct call_list {
	struct reader entries;
	uint8_t count;  // entries not yet taken out
	bool has_more;  // behind the last entry of the page, which then is not empty
	bool is_behind; // ROOMS: the mailbox holds what this session has not answered yet, or the session receives nothing
};

void call_page_begin(struct call_page *page, uint8_t *body); // over a body of CALL_BODY_BYTES_MAX
size_t call_page_end(struct call_page *page, bool has_more); // returns the body's bytes

// For the lists: one entry, of which `fits` says whether it was written whole after `before`. Returns `fits`.
bool call_page_added(struct call_page *page, const struct writer *before, bool fits);

// For the lists: begins to read a page. False: it is none.
bool call_list_begin(struct call_list *list, const uint8_t *body, size_t bytes);

// A list of names alone, in the order of name_order.
bool call_names_add(struct call_page *page, const struct name *name);
// MMS_E_BAD also for a page that does not go on behind `after`.
enum mms_err call_names_decode(struct call_list *list, const struct name *after, const uint8_t *body, size_t bytes) MUST_CHECK;
bool call_names_read(struct call_list *list, struct name *name); // false: none is left

#endif
