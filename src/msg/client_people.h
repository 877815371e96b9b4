// SPDX-License-Identifier: ISC
// The people one writes with, and who of them is there (doc/protocol.md section 6.15): what a client knows of it. Layer: msg, pure.
// In memory only: a process that begins anew is told by its owner whom one wrote with last.
#ifndef MMS_MSG_CLIENT_PEOPLE_H
#define MMS_MSG_CLIENT_PEOPLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/name.h"
#include "base/time.h"
#include "msg/call_watch.h"

enum {
	CLIENT_PEOPLE_MAX = CALL_WATCH_MAX, // people watched; full: who was written with longest ago goes
	CLIENT_WATCH_APART_US = 5 * 1000 * 1000, // between two rounds of WATCH on a session
	CLIENT_WATCH_AGAIN_US = 1000 * 1000,     // until one that found no room in the window is tried again
	CLIENT_WATCH_FULL_US = 60 * 1000 * 1000, // until a round that found no room at the server is
};

struct client_person {
	struct name name;
	uint64_t used;         // the greater, the later one wrote with this one
	struct wtime heard_at; // when it was away and heard last; 0: not known
	bool is_known;         // the server has said so much as ..
	bool is_online;
	bool is_asked;   // the WATCH that is not answered has this name
	bool is_noticed; // since it was called a notice came: which of the two is newer is open
};

struct client_people {
	bool is_wanted; // the owner wants to be told
	struct client_person person[CLIENT_PEOPLE_MAX];
	uint32_t count;
	uint64_t used;
	bool is_due;        // the server does not know the list as it is now
	bool is_refused;    // by the server of the present session, which does not know WATCH
	bool is_going;      // a round of WATCH, of all names, is under way
	uint32_t next;      // and has come so far
	uint32_t until;     // and goes so far: who joined later is for the next round
	uint32_t asked_first; // names of the WATCH that is not answered
	uint32_t asked_count; // 0: there is none
	uint64_t ask_count; // names it; an answer to an older one is none
	struct mtime due_at; // no round begins before
};

#endif
