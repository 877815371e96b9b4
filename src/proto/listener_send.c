// SPDX-License-Identifier: ISC
// The listener's sending side and its timers (doc/protocol.md sections 5.6 and 5.12). The contract is in listener.h.
#include <assert.h>

#include "proto/listener.h"

// When the slot itself, not its session's calls, is due to end.
static struct mtime end_of_life(const struct listener_slot *entry)
{
	if (entry->state == LISTENER_CLOSING)
		return entry->closes_at;
	if (!entry->is_signed_in)
		return mtime_add_us(entry->session.created_at, LISTENER_SIGNIN_US);
	return mtime_add_us(entry->session.heard_at, LISTENER_IDLE_US);
}

static bool is_live(const struct listener_slot *entry)
{
	return entry->state == LISTENER_OPEN || entry->state == LISTENER_CLOSING;
}

bool listener_send(struct listener *listener, struct mtime now, struct session_out *out)
{
	while (listener->dirty.head != 0) {
		const uint32_t slot = listener->dirty.head - 1;
		struct listener_slot *entry = &listener->slot[slot];
		if (is_live(entry) && session_send(&entry->session, &listener->blocks, now, out))
			return true;
		listener->dirty.head = entry->dirty_next;
		if (listener->dirty.head == 0)
			listener->dirty.tail = 0;
		entry->is_dirty = false;
		if (is_live(entry))
			timers_set(&listener->timers, slot,
				   mtime_min(session_deadline(&entry->session, now), end_of_life(entry)));
	}
	return false;
}

struct mtime listener_deadline(const struct listener *listener)
{
	return timers_first(&listener->timers);
}

void listener_tick(struct listener *listener, struct mtime now)
{
	uint32_t slot;
	while (timers_take_due(&listener->timers, now, &slot)) {
		struct listener_slot *entry = &listener->slot[slot];
		assert(is_live(entry));
		if (mtime_is_due(end_of_life(entry), now)) {
			listener_end(listener, slot);
			continue;
		}
		session_tick(&entry->session, now);
		if (session_has_event(&entry->session, now))
			listener_mark_ready(listener, slot);
		listener_mark_dirty(listener, slot);
	}
}
