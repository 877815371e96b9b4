// SPDX-License-Identifier: ISC
// People in rooms: what they do there, and what their devices must come to have of it.
#ifndef MMS_SIM_ROOMS_H
#define MMS_SIM_ROOMS_H

#include "world.h"

// The user of a profile joins, leaves, adds, removes, blocks, unblocks, or writes to a room.
void rooms_act(uint8_t profile);

// A profile has a user come into a room, or leave it: its own, or another.
void rooms_waver(uint8_t profile, uint8_t user);

// Whether a message to a room, or a change, need not come to a verdict when it is offered again: whoever offers it has no right to it now.
bool rooms_are_closed(const struct message *message);

// Whether a message to a room that a restore has lost must come to a user again, once somebody offers it.
bool rooms_owe(const struct message *message, uint8_t user);

// Whether a profile lacks something of its user's rooms, for which no gap stands; then `text` says what. What is missing behind all that
// it has of a room is due only after a sign-in: then `is_tail_due`.
bool rooms_lack(const struct profile *profile, bool is_tail_due, char *text, size_t text_bytes);

#endif
