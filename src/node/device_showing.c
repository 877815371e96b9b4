// SPDX-License-Identifier: ISC
// Which entries a process shows; the contract is in device_showing.h.
#include "node/device_showing.h"

#include <assert.h>

void device_showing_begin(struct device_showing *showing, uint64_t newest_seq)
{
	*showing = (struct device_showing){.began_seq = newest_seq, .came_seq = newest_seq};
}

uint32_t device_showing_ranges(const struct device_showing *showing, bool is_receiving,
			       struct transcript_range range[DEVICE_SHOWING_RANGES_MAX])
{
	uint32_t count = 0;
	if (is_receiving && showing->behind_seq < showing->began_seq)
		range[count++] = (struct transcript_range){showing->behind_seq, showing->began_seq, true};
	range[count++] = (struct transcript_range){showing->came_seq, UINT64_MAX, false};
	return count;
}

struct transcript_range device_showing_went(struct device_showing *showing, const struct transcript_range *range, uint64_t seq)
{
	assert(seq > range->after_seq);
	assert(seq <= range->until_seq);
	assert(range->after_seq == (range->is_unshown ? showing->behind_seq : showing->came_seq));
	if (range->is_unshown)
		showing->behind_seq = seq;
	else
		showing->came_seq = seq;
	return (struct transcript_range){range->after_seq, seq, true};
}
