// SPDX-License-Identifier: ISC
// The lists that a person asks for, one at a time, page by page: users, a room's members, rooms, whom one blocks (doc/protocol.md
// sections 6.5, 6.12 and 6.16). The contract is in client.h and client_inside.h.
#include <assert.h>
#include <string.h>

#include "msg/call_block.h"
#include "msg/call_room.h"
#include "msg/client_inside.h"

// Submissions of BLOCK have small numbers as tags, and so has the device's own listing of its rooms.
#define LIST_TAG (UINT64_C(1) << 63)

void client_list_begin(struct client *client)
{
	struct client_list *list = &client->list;
	list->next = (struct call_who){0};
	list->after = (struct name){0};
	list->count = 0;
	list->ask_count++;
	list->is_due = list->is_wanted;
}

bool client_is_list(uint8_t kind, uint64_t tag)
{
	return kind == CALL_WHO || ((tag & LIST_TAG) != 0 && (kind == CALL_MEMBERS || kind == CALL_ROOMS || kind == CALL_BLOCK));
}

static size_t encode(const struct client_list *list, uint8_t *kind, uint8_t *body)
{
	switch (list->wish.kind) {
	case LIST_USERS:
		*kind = CALL_WHO;
		return call_who_encode(&list->next, body);
	case LIST_MEMBERS:
		*kind = CALL_MEMBERS;
		return call_members_encode(&(struct call_members){list->wish.room, list->after}, body);
	case LIST_ROOMS:
		*kind = CALL_ROOMS;
		return call_rooms_encode(&(struct call_rooms){.after = list->after}, body);
	case LIST_BLOCKED:
		*kind = CALL_BLOCK;
		return call_block_encode(&(struct call_block){.what = BLOCK_LIST, .user = list->after}, body);
	}
	assert(false);
	return 0;
}

void client_list_go_on(struct client *client, struct mtime now)
{
	uint8_t body[CALL_BODY_BYTES_MAX];
	uint8_t kind = 0;
	if (!client->list.is_due)
		return;
	const size_t bytes = encode(&client->list, &kind, body);
	client->list.is_due =
		!client_make_call(client, client->present - 1, kind, body, bytes, LIST_TAG | client->list.ask_count, now);
}

// The next page is to be asked for.
static void go_on(struct client *client, struct mtime now)
{
	client->list.ask_count++;
	client->list.is_due = true;
	client_list_go_on(client, now);
}

static void end(struct client *client)
{
	client->list.is_wanted = false;
	client_tell(client, TOLD_LIST_END);
}

static void fail(struct client *client, uint8_t status)
{
	client->list.is_wanted = false;
	client->port.told(client->port.context, &(struct client_told){.type = TOLD_LIST_FAILED, .status = status});
}

// --- users ---

// Whether a page is the one that was asked for, or the first of a list that the server has begun anew (section 6.5).
static bool is_page_expected(struct client_list *list, const struct call_who_ok *ok)
{
	if (ok->total_count > WHO_USERS_MAX)
		return false;
	if (list->next.first == 0)
		return ok->first == 0;
	if (ok->first == list->next.first && ok->generation == list->next.generation)
		return ok->total_count == list->total_count;
	return ok->first == 0 && list->restart_count++ < WHO_RESTARTS_MAX;
}

static void take_users(struct client *client, const uint8_t *body, size_t bytes, struct mtime now)
{
	struct call_who_ok ok;
	struct client_told user = {.type = TOLD_LIST_USER};
	if (call_who_ok_decode(&ok, body, bytes) != MMS_OK || !is_page_expected(&client->list, &ok)) {
		fail(client, STATUS_OK);
		return;
	}
	if (ok.first == 0)
		client_tell(client, TOLD_LIST_BEGIN);
	client->list.total_count = ok.total_count;
	client->list.next = (struct call_who){ok.generation, ok.first + ok.count};
	while (call_who_user_read(&ok, &user.name, &user.is_online))
		client->port.told(client->port.context, &user);
	if (client->list.next.first < ok.total_count)
		go_on(client, now);
	else
		end(client);
}

// --- lists in the order of names ---

static bool decode(struct call_list *page, const struct client_list *list, const uint8_t *body, size_t bytes)
{
	switch (list->wish.kind) {
	case LIST_MEMBERS:
		return call_members_ok_decode(page, &list->after, body, bytes) == MMS_OK;
	case LIST_ROOMS:
		return call_rooms_ok_decode(page, &list->after, body, bytes) == MMS_OK;
	default:
		return call_names_decode(page, &list->after, body, bytes) == MMS_OK;
	}
}

// Takes the next entry out of a page. False: none is left.
static bool read(struct call_list *page, enum client_list_kind kind, struct client_told *entry)
{
	struct call_member member;
	struct call_room room;
	*entry = (struct client_told){.type = kind == LIST_ROOMS ? TOLD_LIST_ROOM : TOLD_LIST_USER};
	switch (kind) {
	case LIST_MEMBERS:
		if (!call_members_read(page, &member))
			return false;
		entry->name = member.name;
		entry->is_online = member.is_online;
		entry->is_owner = member.is_owner;
		return true;
	case LIST_ROOMS:
		if (!call_rooms_read(page, &room))
			return false;
		entry->name = room.name;
		entry->is_member = room.is_member;
		entry->is_owner = room.is_owner;
		entry->is_private = room.is_private;
		entry->member_count = room.member_count;
		return true;
	default:
		return call_names_read(page, &entry->name);
	}
}

// More than there can be: an honest list ends before.
static uint32_t count_max(enum client_list_kind kind)
{
	return kind == LIST_MEMBERS ? ROOM_MEMBERS_MAX : kind == LIST_ROOMS ? ROOMS_MAX : BLOCKED_MAX;
}

static void take_page(struct client *client, const uint8_t *body, size_t bytes, struct mtime now)
{
	struct client_list *list = &client->list;
	struct call_list page;
	struct client_told entry;
	if (!decode(&page, list, body, bytes) || list->count + page.count > count_max(list->wish.kind)) {
		fail(client, STATUS_OK);
		return;
	}
	const bool has_more = page.has_more;
	if (name_bytes(&list->after) == 0)
		client_tell(client, TOLD_LIST_BEGIN);
	list->count += page.count;
	while (read(&page, list->wish.kind, &entry)) {
		list->after = entry.name;
		client->port.told(client->port.context, &entry);
	}
	if (has_more)
		go_on(client, now);
	else
		end(client);
}

void client_list_answered(struct client *client, uint8_t status, const uint8_t *body, size_t bytes, uint64_t tag, struct mtime now)
{
	if (!client->list.is_wanted || tag != (LIST_TAG | client->list.ask_count))
		return;
	if (status != STATUS_OK)
		fail(client, status);
	else if (client->list.wish.kind == LIST_USERS)
		take_users(client, body, bytes, now);
	else
		take_page(client, body, bytes, now);
}
