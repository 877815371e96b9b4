// SPDX-License-Identifier: ISC
// One request to a running server over its operator's socket (doc/operator.md), as `mms user` and `mms room` make it. Layer: cmd; it waits.
#ifndef MMS_CMD_OPERATOR_CALL_H
#define MMS_CMD_OPERATOR_CALL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "node/operator.h"

enum { OPERATOR_WAIT_S = 60 }; // for the next word of the server

struct operator_reply {
	bool is_there; // a server runs; else nothing was done
	int status;    // exit status; EXIT_DONE: it is in effect
	bool is_known; // USER_ADD: the server knows an earlier user of the name
	bool is_already; // a change of a room: it was so before
	uint32_t member_count; // a change of a room that was made: afterwards; ROOM_DELETE: before
};

// Asks the server whose socket is in the data directory `folder`. `each` is called for the facts of the answer that the reply does not
// have; NULL: none are wanted. `why` is filled unless the status is EXIT_DONE or nobody is there. Statuses of its own: EXIT_DENIED:
// this user may not speak to it; EXIT_LATER: no word for OPERATOR_WAIT_S; EXIT_IO: it ended first, and whether it was done is not
// known; EXIT_PROTOCOL: the answer is none.
struct operator_reply operator_call(const char *folder, const struct operator_request *request,
				    void (*each)(void *context, const struct operator_line *line), void *context,
				    struct reason *why);

#endif
