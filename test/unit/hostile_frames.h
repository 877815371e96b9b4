// SPDX-License-Identifier: ISC
// Datagrams that a hostile peer fills to make them dear, for what counts their cost: test/unit/test_work.c, test/tools/datagram_cost.c.
#ifndef MMS_TEST_HOSTILE_FRAMES_H
#define MMS_TEST_HOSTILE_FRAMES_H

#include <string.h>

#include "proto/wire.h"

// Kinds, the last NULL. The receiver has made HOSTILE_OPEN_CALLS calls that are not answered. Of its peer it has calls 1 ..
// CALL_WINDOW, all answered; for "held" 2 .. CALL_WINDOW, which wait for 1.
enum { HOSTILE_OPEN_CALLS = 60 };
static const char *const hostile_kinds[] = {"padding", "answers", "answer", "held", "repeats", "paths", NULL};

// Writes the next frame of a datagram, its frames counted from `i` = 0. False: no more of them; the rest is PADDING.
static inline bool hostile_frame(struct writer *writer, const char *kind, uint32_t i)
{
	static const uint8_t data[WIRE_PATH_BYTES];
	if (strcmp(kind, "answers") == 0) // to calls never made, 64 at a time
		return wire_answer_write(writer, 1000 + i * CALL_WINDOW, CALL_WINDOW, 1, NULL, 0);
	if (strcmp(kind, "answer") == 0) // to one call never made
		return wire_answer_write(writer, HOSTILE_OPEN_CALLS + 1 + i, 1, 1, NULL, 0);
	if (strcmp(kind, "held") == 0)
		return wire_call_write(writer, 2 + i % (CALL_WINDOW - 1), 9, NULL, 0);
	if (strcmp(kind, "repeats") == 0)
		return wire_call_write(writer, 1 + i % CALL_WINDOW, 9, NULL, 0);
	if (strcmp(kind, "paths") == 0)
		return wire_path_write(writer, WIRE_FRAME_PATH_RESPONSE, data);
	return false;
}

#endif
