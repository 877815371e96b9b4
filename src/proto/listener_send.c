// SPDX-License-Identifier: ISC
// The listener's sending side and its timers (doc/protocol.md sections 5.6 and 5.12). The contract is in listener.h.
#include <assert.h>

#include "proto/listener.h"

// When a slot's session is to be called silent.
static struct mtime silence(const struct listener_slot *entry)
{
	if (entry->state != LISTENER_OPEN || !entry->is_signed_in || entry->is_silent)
		return MTIME_NEVER;
	return mtime_add_us(entry->session.heard_at, LISTENER_SILENT_US);
}

// When the slot itself, not its session's calls, is due to end.
static struct mtime end_of_life(const struct listener *listener, const struct listener_slot *entry)
{
	if (entry->spare != 0)
		return listener->spare[entry->spare - 1].ends_at;
	return mtime_add_us(entry->session.heard_at, LISTENER_IDLE_US);
}

static bool is_live(const struct listener_slot *entry)
{
	return entry->state == LISTENER_OPEN || entry->state == LISTENER_CLOSING;
}

static struct mtime deadline(const struct listener *listener, const struct listener_slot *entry, struct mtime now)
{
	return mtime_min(mtime_min(session_deadline(&entry->session, now), silence(entry)), end_of_life(listener, entry));
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
			timers_lower(&listener->timers, slot, deadline(listener, entry, now));
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
		// What it was armed for has moved on meanwhile, as with every datagram: then it is armed anew, and nothing is due.
		const struct mtime due_at = deadline(listener, entry, now);
		if (!mtime_is_due(due_at, now)) {
			timers_lower(&listener->timers, slot, due_at);
			continue;
		}
		if (mtime_is_due(end_of_life(listener, entry), now)) {
			listener_end(listener, slot);
			continue;
		}
		entry->is_silent = entry->is_silent || mtime_is_due(silence(entry), now);
		session_tick(&entry->session, now);
		if (entry->is_silent != entry->is_told_silent || session_has_event(&entry->session, now))
			listener_mark_ready(listener, slot);
		listener_mark_dirty(listener, slot);
	}
}
