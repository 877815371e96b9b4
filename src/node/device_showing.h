// SPDX-License-Identifier: ISC
// Which entries of a profile's transcript a process shows, where several run: what comes while it runs; and, if it is the one that
// receives, also what no process has shown. So each running one shows what comes, and what came while none ran is shown by
// one: who that is, the lock decides that the receiving one has (LIFE_RECEIVE). Layer: node, pure.
//
// The owner takes the ranges of device_showing_ranges one after the other: it shows the entries of a range, oldest first, says how
// far it came by device_showing_went, and notes in the store that those were shown which that names.
#ifndef MMS_NODE_DEVICE_SHOWING_H
#define MMS_NODE_DEVICE_SHOWING_H

#include <stdbool.h>
#include <stdint.h>

#include "store/client_storage.h"

enum { DEVICE_SHOWING_RANGES_MAX = 2 };

struct device_showing {
	uint64_t began_seq;  // the newest entry when it began: what is beyond has come since
	uint64_t behind_seq; // of those up to there what was unshown has been shown, up to here
	uint64_t came_seq;   // of those beyond all have been shown, up to here
};

// Begins where `newest_seq` is the newest entry; 0: there is none.
void device_showing_begin(struct device_showing *showing, uint64_t newest_seq);

// The ranges whose entries are to be shown now, in this order. Returns how many there are; one may be without entries.
uint32_t device_showing_ranges(const struct device_showing *showing, bool is_receiving,
			       struct transcript_range range[DEVICE_SHOWING_RANGES_MAX]);

// Of such a range the entries up to `seq` were shown. Returns which are to be noted as shown: no others, for those that the one
// shows that receives are not this one's.
struct transcript_range device_showing_went(struct device_showing *showing, const struct transcript_range *range, uint64_t seq);

#endif
