// SPDX-License-Identifier: ISC
// Who watches whom, and what of it is told (doc/protocol.md section 6.15): the tables of a server. Layer: msg, pure; memory and
// calls are those of server.h.
//
// A watch is one session's interest in one name. The watches of a name stand on two lists, by what their sessions were told last;
// so a coming or going costs the same however many watch, those still to be told are one of the lists, and what is overtaken
// before it was told is never told.
#ifndef MMS_MSG_SERVER_WATCH_H
#define MMS_MSG_SERVER_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bucket.h"
#include "base/limits.h"
#include "base/name.h"
#include "base/slot_list.h"
#include "base/time.h"

enum {
	SERVER_TELL_NAME_US = 10 * 1000 * 1000, // between two changes of a name, as it is told
	SERVER_TELL_SESSION_US = 1000 * 1000,   // between two notices on a session
	SERVER_WATCH_RETRY_US = 200 * 1000, // when a WATCH that came while a notice was in flight starts again
	SERVER_TELLS_PER_SECOND = 1000,         // notices to all sessions; beyond it they wait, and more is told by each
	SERVER_TELLS_BURST = 200,
};

struct server_watch {
	struct slot_link of_session; // on server_watcher.watches; or free
	struct slot_link of_name;    // on server_watched.told[is_told_online], unless is_queued
	uint32_t watched;            // place of the name in server_presence.watched
	uint32_t slot;
	bool is_told_online;
	bool is_queued; // its session will look at it with its next notice
};

// A name that is watched.
struct server_watched {
	struct name name;
	uint32_t user; // place in the users table; USERS_NO_PLACE: there is no such user any more
	uint32_t watch_count; // 0: the record is free
	struct slot_list told[2]; // watches whose sessions take it for away, for online
	struct slot_link telling; // on server_presence.telling: some are to be told otherwise
	struct slot_link link;    // on server_presence.changed or .resting; or free
	struct mtime rests_until;
	bool is_online; // as it is told now; the user itself may be ahead
};

// What the session of a slot watches.
struct server_watcher {
	struct slot_list watches;
	uint32_t watch_count;
	struct slot_link link; // on server_presence.due or .pausing
	struct mtime pauses_until;
	bool is_wanting;   // there is more to tell, when it may be told
	bool is_in_flight; // a notice is not answered
};

struct server_presence {
	struct server_watch *watch; // server_config.watches_max
	struct slot_list watch_free;
	uint32_t watch_fresh_count; // records from here on were never used
	uint32_t watch_count;
	struct server_watched *watched; // as many
	struct slot_list watched_free;
	uint32_t watched_fresh_count;
	struct server_watcher *watcher; // by slot

	struct slot_list changed; // names whose user came or went
	struct slot_list resting; // names that changed less than SERVER_TELL_NAME_US ago, the first one longest
	struct slot_list telling; // names that somebody has to be told of
	struct slot_list due;     // sessions that are to be told now
	struct slot_list pausing; // sessions that were told less than SERVER_TELL_SESSION_US ago, the first one longest
	struct bucket tells;
	struct mtime tick_at; // when the next of all this may happen; MTIME_NEVER: nothing waits
};

#endif
