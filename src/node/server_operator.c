// SPDX-License-Identifier: ISC
// What operators ask of a running server over its socket, and what follows (doc/operator.md); what is of rooms alone is in
// server_operator_room.c. The contracts are in server_node.h and server_node_inside.h.
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "node/server_node_inside.h"

struct operator_slot *server_operator_slot(struct server_node *node, uint32_t slot)
{
	assert(slot < OPERATORS_MAX);
	assert(node->operators.slot[slot].state != OPERATOR_FREE);
	return &node->operators.slot[slot];
}

static void set_free(struct server_node *node, struct operator_slot *slot)
{
	slot->state = OPERATOR_FREE;
	node->operators.count--;
}

void server_operator_end(struct server_node *node, struct operator_slot *slot, size_t used, int status, const char *reason)
{
	if (slot->is_gone) {
		set_free(node, slot);
		return;
	}
	operator_end_write(slot->text, sizeof slot->text, &used, status, reason);
	slot->bytes = (uint32_t)used;
	slot->is_last = true;
	slot->state = OPERATOR_TELLS;
}

// The end of an answer without facts, but for what is known of the user.
static void end_answer(struct server_node *node, struct operator_slot *slot, int status, const char *reason)
{
	size_t used = 0;
	if (slot->is_known)
		operator_line_write(slot->text, sizeof slot->text, &used, OPERATOR_KEY_KNOWN, "yes");
	server_operator_end(node, slot, used, status, reason);
}

void server_operator_init(struct server_node *node)
{
	node->operators.editing = OPERATORS_MAX;
}

// --- what happens ---

// The first free place; OPERATORS_MAX: there is none.
static uint32_t free_place(const struct server_node *node)
{
	uint32_t place = 0;
	while (place < OPERATORS_MAX && node->operators.slot[place].state != OPERATOR_FREE)
		place++;
	return place;
}

bool server_node_operator_has_room(const struct server_node *node)
{
	return free_place(node) < OPERATORS_MAX;
}

uint32_t server_node_operator_came(struct server_node *node, struct moment moment)
{
	const uint32_t place = free_place(node);
	assert(place < OPERATORS_MAX);
	struct operator_slot *slot = &node->operators.slot[place];
	memset(slot, 0, sizeof *slot);
	node->operators.count++;
	slot->state = OPERATOR_SPEAKING;
	slot->until = mtime_add_ms(moment.now, (int64_t)OPERATOR_SILENCE_S * 1000);
	return place;
}

static void queue(struct server_node *node, struct operator_slot *slot)
{
	slot->state = OPERATOR_QUEUED;
	slot->turn = node->operators.turn_next++;
}

// Whether the operator means the users of this server.
static bool is_meant(const struct server_node *node, const struct operator_slot *slot, struct reason *why)
{
	const char *path = node->users_path == NULL ? "" : node->users_path;
	if (slot->request.users[0] == 0 || strcmp(slot->request.users, path) == 0)
		return true;
	snprintf(why->text, sizeof why->text, "the server that runs on this data reads other users, %s: leave -u away", path);
	return false;
}

// The request is whole.
static void begin(struct server_node *node, struct operator_slot *slot, size_t bytes)
{
	struct reason why;
	if (operator_request_decode(&slot->request, slot->text, bytes, &why) != MMS_OK || !is_meant(node, slot, &why)) {
		end_answer(node, slot, OPERATOR_BAD, why.text);
		return;
	}
	switch (slot->request.verb) {
	case OPERATOR_USER_ADD:
		slot->question = (struct storage_question){.kind = QUESTION_LIFE, .name = slot->request.name};
		slot->state = OPERATOR_ASKS;
		break;
	case OPERATOR_USER_LIST:
		slot->question = (struct storage_question){.kind = QUESTION_ALL_DEVICES, .devices = &slot->list};
		slot->generation = node->server.generation;
		slot->state = OPERATOR_ASKS;
		break;
	case OPERATOR_USER_INVITE:
	case OPERATOR_USER_REMOVE:
	case OPERATOR_USER_REVOKE:
	case OPERATOR_ROOM_MAKE:
	case OPERATOR_ROOM_ADD:
	case OPERATOR_ROOM_REMOVE:
	case OPERATOR_ROOM_RENAME:
	case OPERATOR_ROOM_DELETE:
		queue(node, slot);
		break;
	case OPERATOR_ROOM_LIST:
		server_operator_list_rooms(node, slot);
		break;
	}
}

void server_node_operator_said(struct server_node *node, uint32_t place, const char *data, size_t bytes, struct moment moment)
{
	struct operator_slot *slot = server_operator_slot(node, place);
	node->now = moment.now;
	if (slot->state != OPERATOR_SPEAKING)
		return;
	const size_t room = OPERATOR_REQUEST_BYTES_MAX - slot->bytes;
	const size_t taken = bytes < room ? bytes : room;
	memcpy(slot->text + slot->bytes, data, taken);
	slot->bytes += (uint32_t)taken;
	const size_t request_bytes = operator_request_bytes(slot->text, slot->bytes);
	if (request_bytes > 0)
		begin(node, slot, request_bytes);
	else if (slot->bytes == OPERATOR_REQUEST_BYTES_MAX)
		end_answer(node, slot, OPERATOR_BAD, "not a request to the server: it is too long");
}

void server_node_operator_ended(struct server_node *node, uint32_t place)
{
	struct operator_slot *slot = server_operator_slot(node, place);
	if (slot->state == OPERATOR_SPEAKING)
		end_answer(node, slot, OPERATOR_BAD, "not a request to the server: it ends without an empty line");
}

void server_node_operator_told(struct server_node *node, uint32_t place)
{
	struct operator_slot *slot = server_operator_slot(node, place);
	assert(slot->state == OPERATOR_TOLD);
	slot->state = slot->is_last ? OPERATOR_PARTS : slot->has_devices ? OPERATOR_LISTING : OPERATOR_ASKS;
}

void server_node_operator_left(struct server_node *node, uint32_t place)
{
	struct operator_slot *slot = server_operator_slot(node, place);
	slot->is_gone = true;
	if (slot->state != OPERATOR_ASKED && slot->state != OPERATOR_EDITING && slot->state != OPERATOR_CHANGING)
		set_free(node, slot);
}

// --- questions ---

struct storage_question *server_operator_next_question(struct server_node *node)
{
	for (uint32_t i = 0; node->operators.count > 0 && node->life == LIFE_SERVING && i < OPERATORS_MAX; i++) {
		struct operator_slot *slot = &node->operators.slot[i];
		const bool is_paged = slot->question.page != NULL;
		if (slot->state != OPERATOR_ASKS || (is_paged && node->operators.is_page_asked))
			continue;
		slot->question.tag = i;
		slot->state = OPERATOR_ASKED;
		node->operators.is_page_asked = node->operators.is_page_asked || is_paged;
		return &slot->question;
	}
	return NULL;
}

static void life_known(struct server_node *node, struct operator_slot *slot)
{
	const struct storage_question *question = &slot->question;
	slot->is_known = question->was.is_known;
	if (slot->request.is_same && !question->was.is_known) {
		struct reason why;
		snprintf(why.text, sizeof why.text, "the server's database knows no %s; without --same it is a new user",
			 slot->request.name.text);
		end_answer(node, slot, OPERATOR_NO_USER, why.text);
		return;
	}
	if (slot->request.is_same)
		memcpy(slot->request.life, question->was.life, sizeof slot->request.life);
	queue(node, slot);
}

static void devices_known(struct operator_slot *slot)
{
	const struct storage_list *list = &slot->list;
	size_t used = 0;
	for (uint32_t i = 0; i < list->count; i++)
		operator_device_write(slot->text, sizeof slot->text, &used, &list->device[i]);
	if (list->count > 0)
		slot->question.after_device_id = list->device[list->count - 1].device_id;
	slot->has_devices = list->count < STORAGE_LIST_ROWS_MAX;
	slot->bytes = (uint32_t)used;
	slot->state = used > 0 ? OPERATOR_TELLS : OPERATOR_LISTING;
}

bool server_operator_answered(struct server_node *node, struct storage_question *question)
{
	const bool is_paged = question->page == &node->operators.page;
	if (question->kind != QUESTION_LIFE && question->kind != QUESTION_ALL_DEVICES && !is_paged)
		return false;
	if (is_paged)
		node->operators.is_page_asked = false;
	struct operator_slot *slot = server_operator_slot(node, (uint32_t)question->tag);
	assert(slot->state == OPERATOR_ASKED);
	if (slot->is_gone)
		set_free(node, slot);
	else if (question->kind == QUESTION_LIFE)
		life_known(node, slot);
	else if (is_paged)
		server_operator_rooms_known(node, slot);
	else
		devices_known(slot);
	return true;
}

// --- edits: one after the other, each in effect before the next ---

struct operator_slot *server_operator_first(struct server_node *node, bool is_of_rooms)
{
	struct operators *operators = &node->operators;
	struct operator_slot *first = NULL;
	for (uint32_t i = 0; operators->count > 0 && i < OPERATORS_MAX; i++) {
		struct operator_slot *slot = &operators->slot[i];
		if (slot->state == OPERATOR_QUEUED && operator_verb_is_of_rooms(slot->request.verb) == is_of_rooms &&
		    (first == NULL || slot->turn < first->turn))
			first = slot;
	}
	return first;
}

const struct operator_request *server_operator_next_edit(struct server_node *node)
{
	struct operators *operators = &node->operators;
	assert(operators->editing == OPERATORS_MAX);
	struct operator_slot *first = server_operator_first(node, false);
	if (first == NULL)
		return NULL;
	first->state = OPERATOR_EDITING;
	operators->editing = (uint32_t)(first - operators->slot);
	return &first->request;
}

void server_operator_edited(struct server_node *node, int status, const char *reason)
{
	const uint32_t editing = node->operators.editing;
	if (editing == OPERATORS_MAX)
		return; // the file was read because of a signal
	node->operators.editing = OPERATORS_MAX;
	end_answer(node, server_operator_slot(node, editing), status, reason);
}

// --- what is to be done ---

// As many lines as there is room for.
static void list_users(struct server_node *node, struct operator_slot *slot)
{
	const struct users_table *table = node->server.users;
	size_t used = 0;
	if (slot->generation != node->server.generation) {
		end_answer(node, slot, OPERATOR_CHANGED, "the users changed while they were listed; ask again");
		return;
	}
	while (slot->next < table->user_count && sizeof slot->text - used >= OPERATOR_USER_BYTES_MAX)
		operator_user_write(slot->text, sizeof slot->text, &used, table, &table->user[slot->next++]);
	if (used == 0) {
		end_answer(node, slot, OPERATOR_DONE, NULL);
		return;
	}
	slot->bytes = (uint32_t)used;
	slot->state = OPERATOR_TELLS;
}

static void give(struct operator_slot *slot, struct mtime now, struct server_order *order)
{
	order->kind = ORDER_TELL;
	order->told = slot->text;
	order->told_bytes = slot->bytes;
	slot->state = OPERATOR_TOLD;
	slot->until = mtime_add_ms(now, (int64_t)OPERATOR_SILENCE_S * 1000);
}

static bool is_waited_for(const struct operator_slot *slot)
{
	return slot->state == OPERATOR_SPEAKING || slot->state == OPERATOR_TOLD;
}

// What one connection needs. False: nothing now.
static bool slot_next(struct server_node *node, struct operator_slot *slot, struct mtime now, struct server_order *order)
{
	const bool is_begun = slot->state == OPERATOR_ASKED || slot->state >= OPERATOR_EDITING;
	if (node->life != LIFE_SERVING && (!is_begun || slot->state == OPERATOR_LISTING))
		end_answer(node, slot, OPERATOR_STOPPING, "the server is stopping; nothing was done");
	if (slot->state == OPERATOR_LISTING)
		list_users(node, slot);
	if (slot->state == OPERATOR_TELLS) {
		give(slot, now, order);
		return true;
	}
	if (slot->state != OPERATOR_PARTS && !(is_waited_for(slot) && mtime_is_due(slot->until, now)))
		return false;
	set_free(node, slot);
	order->kind = ORDER_PART;
	return true;
}

bool server_operator_next(struct server_node *node, struct mtime now, struct server_order *order)
{
	for (uint32_t i = 0; node->operators.count > 0 && i < OPERATORS_MAX; i++) {
		struct operator_slot *slot = &node->operators.slot[i];
		order->slot = i;
		if (slot->state != OPERATOR_FREE && slot_next(node, slot, now, order))
			return true;
	}
	return false;
}

struct mtime server_operator_deadline(const struct server_node *node)
{
	struct mtime due = MTIME_NEVER;
	for (uint32_t i = 0; node->operators.count > 0 && i < OPERATORS_MAX; i++)
		if (is_waited_for(&node->operators.slot[i]))
			due = mtime_min(due, node->operators.slot[i].until);
	return due;
}
