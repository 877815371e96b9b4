// SPDX-License-Identifier: ISC
// BLOCK: of whom one wants nothing (doc/protocol.md section 6.16). Layer: msg, pure; contract as in call.h.
#ifndef MMS_MSG_CALL_BLOCK_H
#define MMS_MSG_CALL_BLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/name.h"
#include "msg/call_change.h"

enum call_block_what {
	BLOCK_LIST = 1, // answered by a page of names (call_page.h)
	BLOCK_ADD = 2,
	BLOCK_REMOVE = 3,
};

struct call_block {
	enum call_block_what what;
	struct call_change change; // ADD, REMOVE
	struct name user;          // ADD, REMOVE: whom; LIST: the one after whom the page begins, empty: from the beginning
};

size_t call_block_encode(const struct call_block *block, uint8_t *body);                                // section 6.16
enum mms_err call_block_decode(struct call_block *block, const uint8_t *body, size_t bytes) MUST_CHECK; // section 6.16

#endif
