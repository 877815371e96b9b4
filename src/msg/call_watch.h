// SPDX-License-Identifier: ISC
// Who comes and goes: WATCH, and NOTICE PRESENCE (doc/protocol.md section 6.15). Layer: msg, pure; contract as in call.h.
#ifndef MMS_MSG_CALL_WATCH_H
#define MMS_MSG_CALL_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/name.h"
#include "base/time.h"

enum { CALL_WATCH_MAX = 64, CALL_PRESENCE_MAX = 24 };

struct call_watch {
	bool is_first; // what was watched before is forgotten
	uint8_t count; // 0 to CALL_WATCH_MAX, and to what a body has room for
	struct name name[CALL_WATCH_MAX];
};

struct call_presence {
	bool is_online;
	struct wtime heard_at; // the last time; 0: not known
};

// In the order in which they were named.
struct call_watch_ok {
	uint8_t count;
	struct call_presence presence[CALL_WATCH_MAX];
};

struct call_presence_item {
	struct call_presence presence;
	struct name name;
};

// NOTICE PRESENCE, its `what` included.
struct call_presence_notice {
	uint8_t count; // 1 to CALL_PRESENCE_MAX
	struct call_presence_item item[CALL_PRESENCE_MAX];
};

// Section 6.15: writes as many of `watch->count` names as a body has room for; *taken_count says how many.
size_t call_watch_encode(const struct call_watch *watch, uint8_t *taken_count, uint8_t *body);
enum mms_err call_watch_decode(struct call_watch *watch, const uint8_t *body, size_t bytes) MUST_CHECK;      // section 6.15
size_t call_watch_ok_encode(const struct call_watch_ok *ok, uint8_t *body);                                  // section 6.15
enum mms_err call_watch_ok_decode(struct call_watch_ok *ok, const uint8_t *body, size_t bytes) MUST_CHECK;   // section 6.15
size_t call_presence_encode(const struct call_presence_notice *notice, uint8_t *body);                       // section 6.15
enum mms_err call_presence_decode(struct call_presence_notice *notice, const uint8_t *body, size_t bytes) MUST_CHECK; // 6.15

#endif
