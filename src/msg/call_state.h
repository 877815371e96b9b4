// SPDX-License-Identifier: ISC
// What has become of messages that one has sent: STATES, and NOTICE DELIVERED (doc/protocol.md section 6.14).
// Layer: msg, pure; contract as in call.h.
#ifndef MMS_MSG_CALL_STATE_H
#define MMS_MSG_CALL_STATE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/time.h"
#include "base/uuid.h"

enum { CALL_STATES_MAX = 60, CALL_DELIVERED_MAX = 46 };

enum call_state_what {
	STATE_WAITING = 1,   // somebody whom it is for has it on no device yet
	STATE_DELIVERED = 2, // everybody has
	STATE_REMOVED = 3,   // it waits for nobody any more, but somebody never had it
	STATE_UNKNOWN = 4,   // the server does not know it, or not any more
};

struct call_states {
	uint8_t count; // 1 to CALL_STATES_MAX
	struct uuid id[CALL_STATES_MAX];
};

struct call_state {
	enum call_state_what what;
	uint32_t delivered_count; // whose device has it ...
	uint32_t of_count;        // ... of so many; 1 for a direct message; 0 where it is not known
	struct wtime delivered_at; // to the last of them; 0: not known, or not all
};

// In the order in which they were asked for.
struct call_states_ok {
	uint8_t count;
	struct call_state state[CALL_STATES_MAX];
};

struct call_delivered_item {
	struct uuid id;
	uint32_t delivered_count; // 1 to of_count
	uint32_t of_count;
};

// NOTICE DELIVERED, its `what` included.
struct call_delivered {
	uint8_t count; // 1 to CALL_DELIVERED_MAX
	struct call_delivered_item item[CALL_DELIVERED_MAX];
};

size_t call_states_encode(const struct call_states *states, uint8_t *body);                                // section 6.14
enum mms_err call_states_decode(struct call_states *states, const uint8_t *body, size_t bytes) MUST_CHECK; // section 6.14
size_t call_states_ok_encode(const struct call_states_ok *ok, uint8_t *body);                              // section 6.14
enum mms_err call_states_ok_decode(struct call_states_ok *ok, const uint8_t *body, size_t bytes) MUST_CHECK; // 6.14
size_t call_delivered_encode(const struct call_delivered *delivered, uint8_t *body);                       // section 6.14
enum mms_err call_delivered_decode(struct call_delivered *delivered, const uint8_t *body, size_t bytes) MUST_CHECK; // 6.14

#endif
