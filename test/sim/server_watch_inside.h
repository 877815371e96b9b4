// SPDX-License-Identifier: ISC
// What the files that watch the server share; private to server_watch*.c.
#ifndef MMS_SIM_SERVER_WATCH_INSIDE_H
#define MMS_SIM_SERVER_WATCH_INSIDE_H

#include "world.h"

// What is known of a session, by its slot.
struct watched_slot *server_watched(uint32_t slot);

// Who is signed in on a slot may be.
void server_watch_admitted(uint32_t slot);

// Something of a user goes in a lane.
void server_watch_lane(uint32_t lane, int64_t user_id);

#endif
