// SPDX-License-Identifier: ISC
// What operators want of rooms: their changes go to the store among those of devices, their lists are questions (doc/operator.md). The
// contracts are in server_node_inside.h.
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "node/server_node_inside.h"

// --- changes ---

static enum storage_change_kind kind_of(enum operator_verb verb)
{
	switch (verb) {
	case OPERATOR_ROOM_MAKE:
		return CHANGE_ROOM_MAKE;
	case OPERATOR_ROOM_ADD:
		return CHANGE_ADD;
	case OPERATOR_ROOM_REMOVE:
		return CHANGE_LEAVE;
	case OPERATOR_ROOM_RENAME:
		return CHANGE_ROOM_RENAME;
	default:
		assert(verb == OPERATOR_ROOM_DELETE);
		return CHANGE_ROOM_DELETE;
	}
}

static bool offer(struct server_node *node, struct operator_slot *slot, struct wtime wall)
{
	const struct operator_request *request = &slot->request;
	const uint32_t place = (uint32_t)(slot - node->operators.slot);
	uint8_t random[10];
	rng_fill(&node->rng, random, sizeof random);
	const struct storage_change change = {
		.what = kind_of(request->verb),
		.id = uuid_v7(wall, random), // of what it writes into the room
		.room = request->room,
		.is_private = request->is_private,
		.has_no_history = request->has_no_history,
		.other = request->name,
		.name = request->to,
	};
	return server_change_room(&node->server, &change, place, wall);
}

void server_operator_offer(struct server_node *node, struct moment moment)
{
	struct operator_slot *slot;
	while (node->life == LIFE_SERVING && (slot = server_operator_first(node, true)) != NULL && offer(node, slot, moment.wall)) {
		slot->state = OPERATOR_CHANGING;
		if (node->asked != NULL)
			node->asked(node->asked_context, (uint32_t)(slot - node->operators.slot), &slot->request);
	}
}

__attribute__((format(printf, 2, 3))) static void say(struct reason *why, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(why->text, sizeof why->text, format, arguments);
	va_end(arguments);
}

// The status of a change that was refused, and why.
static int refusal_of(const struct operator_request *request, enum storage_verdict verdict, struct reason *why)
{
	const char *room = request->room.text;
	switch (verdict) {
	case VERDICT_NOT_A_MEMBER:
		say(why, "there is no room #%s", room);
		return OPERATOR_NO_USER;
	case VERDICT_NO_SUCH_USER:
		say(why, "there is no user %s", request->name.text);
		return OPERATOR_NO_USER;
	case VERDICT_NOT_ALLOWED:
		say(why, "the name #%s is taken: a room has it, had it before, or had it in the last %d days",
		    request->verb == OPERATOR_ROOM_RENAME ? request->to.text : room, ROOM_NAME_DAYS);
		return OPERATOR_NO_ROOM;
	case VERDICT_ROOM_FULL:
		say(why, "#%s has %d members, and no room has more", room, ROOM_MEMBERS_MAX);
		return OPERATOR_NO_ROOM;
	case VERDICT_LIMIT:
		if (request->verb == OPERATOR_ROOM_MAKE)
			say(why, "the server has %d rooms, and can have no more; delete one, and it counts for %d days", ROOMS_MAX,
			    ROOM_NAME_DAYS);
		else
			say(why, "%s is in %d rooms, and nobody is in more", request->name.text, ROOMS_JOINED_MAX);
		return OPERATOR_NO_ROOM;
	default:
		assert(verdict == VERDICT_STORE_FULL);
		say(why, "the server's disk is full: nothing was done; make room, then try again");
		return OPERATOR_NO_ROOM;
	}
}

void server_operator_changed(struct server_node *node, uint32_t place, const struct storage_result *result)
{
	struct operator_slot *slot = server_operator_slot(node, place);
	struct reason why = {""};
	size_t used = 0;
	assert(slot->state == OPERATOR_CHANGING);
	if (result->verdict == VERDICT_NEW) {
		char count[16];
		snprintf(count, sizeof count, "%u", result->member_count);
		operator_line_write(slot->text, sizeof slot->text, &used, OPERATOR_KEY_MEMBERS, count);
		server_operator_end(node, slot, used, OPERATOR_DONE, NULL);
	} else if (result->verdict == VERDICT_REPEAT) {
		operator_line_write(slot->text, sizeof slot->text, &used, OPERATOR_KEY_ALREADY, "yes");
		server_operator_end(node, slot, used, OPERATOR_DONE, NULL);
	} else {
		const int status = refusal_of(&slot->request, result->verdict, &why);
		server_operator_end(node, slot, 0, status, why.text);
	}
}

// --- lists ---

void server_operator_list_rooms(struct server_node *node, struct operator_slot *slot)
{
	const bool is_of_one = slot->request.room.text[0] != 0;
	slot->question = (struct storage_question){
		.kind = is_of_one ? QUESTION_MEMBERS : QUESTION_ROOMS,
		.list = {.room = slot->request.room},
		.page = &node->operators.page,
	};
	slot->state = OPERATOR_ASKS;
}

static size_t write_rooms(struct operator_slot *slot, const struct storage_page *page)
{
	size_t used = 0;
	for (uint32_t i = 0; i < page->row_count; i++)
		operator_room_write(slot->text, sizeof slot->text, &used, &page->room[i]);
	if (page->row_count > 0)
		slot->question.list.after = page->room[page->row_count - 1].room.name;
	return used;
}

static size_t write_members(struct operator_slot *slot, const struct storage_page *page)
{
	size_t used = 0;
	for (uint32_t i = 0; i < page->row_count; i++)
		operator_member_write(slot->text, sizeof slot->text, &used, &page->member[i]);
	if (page->row_count > 0)
		slot->question.list.after = page->member[page->row_count - 1].name;
	return used;
}

// A room that is not there, or no longer.
static void refuse_list(struct server_node *node, struct operator_slot *slot)
{
	const bool is_begun = slot->question.list.after.text[0] != 0;
	struct reason why;
	say(&why, is_begun ? "the room #%s went while its members were listed" : "there is no room #%s", slot->request.room.text);
	server_operator_end(node, slot, 0, is_begun ? OPERATOR_CHANGED : OPERATOR_NO_USER, why.text);
}

void server_operator_rooms_known(struct server_node *node, struct operator_slot *slot)
{
	const struct storage_page *page = &node->operators.page;
	if (slot->question.has.is_refused) {
		refuse_list(node, slot);
		return;
	}
	const bool is_rooms = slot->question.kind == QUESTION_ROOMS;
	const size_t used = is_rooms ? write_rooms(slot, page) : write_members(slot, page);
	if (!slot->question.has.has_more || used == 0) {
		server_operator_end(node, slot, used, OPERATOR_DONE, NULL);
		return;
	}
	slot->bytes = (uint32_t)used;
	slot->state = OPERATOR_TELLS;
}
