// SPDX-License-Identifier: ISC
// Lists of the slots of a table: "moved", "waiting", "free". The links stand in the table's own elements, so that a slot joins
// and leaves in a few steps and nothing can be full. Layer: base. Zeroed links are on no list, a zeroed list is empty.
#ifndef MMS_BASE_SLOT_LIST_H
#define MMS_BASE_SLOT_LIST_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SLOT_NONE UINT32_MAX // in place of a slot

// A member of the table's elements, one for each list that a slot can be on at the same time.
struct slot_link {
	uint32_t next;   // slot + 1; SLOT_NONE: it is the last; 0: it is on no list
	uint32_t before; // the same, towards the first
};

struct slot_list {
	uint32_t first; // slot + 1; 0: the list is empty
	uint32_t last;
};

// Where the links of a table are: that of slot 0, and the bytes from one element to the next.
struct slot_links {
	struct slot_link *first;
	size_t stride;
};

// The links `member` of the elements of a table at `table`.
#define SLOT_LINKS(table, member) ((struct slot_links){&(table)->member, sizeof *(table)})

static inline struct slot_link *slot_link_of(struct slot_links links, uint32_t slot)
{
	return (struct slot_link *)(void *)((uint8_t *)(void *)links.first + links.stride * slot);
}

// Whether a slot is on the list that its link serves.
static inline bool slot_is_listed(const struct slot_link *link)
{
	return link->next != 0;
}

// The first slot of a list; SLOT_NONE: it is empty.
static inline uint32_t slot_list_first(const struct slot_list *list)
{
	return list->first == 0 ? SLOT_NONE : list->first - 1;
}

// The slot behind one that is on a list; SLOT_NONE: it is the last.
static inline uint32_t slot_list_next(const struct slot_link *link)
{
	return link->next == SLOT_NONE ? SLOT_NONE : link->next - 1;
}

// Puts a slot that is on no list behind the others.
static inline void slot_list_add(struct slot_list *list, struct slot_links links, uint32_t slot)
{
	struct slot_link *link = slot_link_of(links, slot);
	assert(!slot_is_listed(link));
	*link = (struct slot_link){.next = SLOT_NONE, .before = list->first == 0 ? SLOT_NONE : list->last};
	if (list->first == 0)
		list->first = slot + 1;
	else
		slot_link_of(links, list->last - 1)->next = slot + 1;
	list->last = slot + 1;
}

// Takes a slot off the list that it is on.
static inline void slot_list_remove(struct slot_list *list, struct slot_links links, uint32_t slot)
{
	struct slot_link *link = slot_link_of(links, slot);
	assert(slot_is_listed(link));
	if (link->before == SLOT_NONE)
		list->first = link->next == SLOT_NONE ? 0 : link->next;
	else
		slot_link_of(links, link->before - 1)->next = link->next;
	if (link->next == SLOT_NONE)
		list->last = link->before == SLOT_NONE ? 0 : link->before;
	else
		slot_link_of(links, link->next - 1)->before = link->before;
	*link = (struct slot_link){0, 0};
}

// Takes the first slot off a list. SLOT_NONE: it is empty.
static inline uint32_t slot_list_take(struct slot_list *list, struct slot_links links)
{
	const uint32_t slot = slot_list_first(list);
	if (slot != SLOT_NONE)
		slot_list_remove(list, links, slot);
	return slot;
}

#endif
