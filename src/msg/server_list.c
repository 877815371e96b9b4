// SPDX-License-Identifier: ISC
// What a device asks the store for: its rooms, a room's members and rows, whom it blocks (doc/protocol.md sections 6.12, 6.13 and
// 6.16). A call holds a record from its start to its answer. The contract is in server_inside.h.
#include <assert.h>

#include "msg/call_block.h"
#include "msg/call_history.h"
#include "msg/call_page.h"
#include "msg/call_room.h"
#include "msg/server_inside.h"

static struct slot_links links_list(struct server *server)
{
	return SLOT_LINKS(server->list, link);
}

static bool read_rooms(struct storage_question *question, const struct call_in *call)
{
	struct call_rooms rooms;
	if (call_rooms_decode(&rooms, call->body, call->bytes) != MMS_OK)
		return false;
	question->kind = QUESTION_ROOMS;
	question->list.is_mine = rooms.is_mine_only;
	question->list.after = rooms.after;
	return true;
}

static bool read_members(struct storage_question *question, const struct call_in *call)
{
	struct call_members members;
	if (call_members_decode(&members, call->body, call->bytes) != MMS_OK)
		return false;
	question->kind = QUESTION_MEMBERS;
	question->list.room = members.room;
	question->list.after = members.after;
	return true;
}

static bool read_history(struct storage_question *question, const struct call_in *call)
{
	struct call_history history;
	if (call_history_decode(&history, call->body, call->bytes) != MMS_OK)
		return false;
	question->kind = QUESTION_HISTORY;
	question->list.room_id = history.room_id;
	question->list.from_row = history.from_row;
	question->list.to_row = history.to_row;
	question->list.rows_max = STORAGE_PAGE_ROWS_MAX;
	return true;
}

static bool read_blocked(struct storage_question *question, const struct call_in *call)
{
	struct call_block block;
	if (call_block_decode(&block, call->body, call->bytes) != MMS_OK)
		return false;
	question->kind = QUESTION_BLOCKED;
	question->list.after = block.user;
	return true;
}

static bool read_question(struct storage_question *question, const struct call_in *call)
{
	switch (call->kind) {
	case CALL_ROOMS:
		return read_rooms(question, call);
	case CALL_MEMBERS:
		return read_members(question, call);
	case CALL_HISTORY:
		return read_history(question, call);
	default:
		return read_blocked(question, call);
	}
}

// A record that is not in use. SLOT_NONE: all are.
static uint32_t take_list(struct server *server)
{
	const uint32_t list = slot_list_take(&server->list_free, links_list(server));
	if (list == SLOT_NONE && server->list_fresh_count < SERVER_LISTS_MAX)
		return server->list_fresh_count++;
	return list;
}

static void give_list(struct server *server, uint32_t number)
{
	slot_list_add(&server->list_free, links_list(server), number);
}

void server_list(struct server *server, const struct call_in *call, struct moment moment)
{
	struct server_peer *peer = &server->peer[call->slot];
	struct storage_question question = {
		.lane = peer->lane,
		.user_id = server->users->user[peer->user].user_id,
	};
	const uint32_t number = take_list(server);
	if (number == SLOT_NONE) {
		server_start_later(server, call, SERVER_RETRY_US, &server->list_retry_at, moment.now);
		return;
	}
	if (!server_may_start(server, call, moment.now)) {
		give_list(server, number);
		return;
	}
	if (!read_question(&question, call)) {
		give_list(server, number);
		server_answer_bare(server, call->slot, call->number, STATUS_BAD);
		return;
	}
	struct server_list *list = &server->list[number];
	list->slot = call->slot;
	list->number = call->number;
	list->session = peer->session;
	list->question = question;
	list->question.tag = number;
	list->question.page = &list->page;
	slot_list_add(&server->list_due, links_list(server), number);
	peer->pending_count++;
}

struct storage_question *server_next_list(struct server *server)
{
	const uint32_t number = slot_list_take(&server->list_due, links_list(server));
	return number == SLOT_NONE ? NULL : &server->list[number].question;
}

// --- answers ---

// Whether the session may still be given what a room's newest row stands for.
static bool is_behind(const struct server *server, const struct server_list *list)
{
	const struct server_peer *peer = &server->peer[list->slot];
	return !peer->is_receiving || peer->cursor < list->question.has.row_newest;
}

static size_t write_rooms(const struct server *server, const struct server_list *list, uint8_t *body)
{
	struct call_page page;
	call_page_begin(&page, body);
	uint32_t i = 0;
	for (; i < list->page.row_count; i++) {
		const struct storage_room *room = &list->page.room[i];
		const struct call_room entry = {
			.is_member = room->is_member,
			.is_owner = room->is_owner,
			.is_private = room->is_private,
			.is_without_history = room->has_no_history,
			.id = room->room.id,
			.from_row = room->from_row,
			.newest_row = room->row_last,
			.member_count = room->member_count,
			.name = room->room.name,
		};
		if (!call_rooms_add(&page, &entry))
			break;
	}
	return call_rooms_end(&page, i < list->page.row_count || list->question.has.has_more, is_behind(server, list));
}

static size_t write_members(const struct server *server, const struct server_list *list, uint8_t *body)
{
	struct call_page page;
	call_page_begin(&page, body);
	uint32_t i = 0;
	for (; i < list->page.row_count; i++) {
		const struct storage_member *member = &list->page.member[i];
		const uint32_t place = users_place_of_id(server->users, member->user_id);
		const struct call_member entry = {
			.is_online = place != USERS_NO_PLACE && server->user[place].online_count > 0,
			.is_owner = member->is_owner,
			.name = member->name,
		};
		if (!call_members_add(&page, &entry))
			break;
	}
	return call_page_end(&page, i < list->page.row_count || list->question.has.has_more);
}

static size_t write_blocked(const struct server_list *list, uint8_t *body)
{
	struct call_page page;
	call_page_begin(&page, body);
	uint32_t i = 0;
	while (i < list->page.row_count && call_names_add(&page, &list->page.member[i].name))
		i++;
	return call_page_end(&page, i < list->page.row_count || list->question.has.has_more);
}

static size_t write_history(const struct server_list *list, uint8_t *body)
{
	struct call_page page;
	call_history_page_begin(&page, body);
	for (uint32_t i = 0; i < list->page.row_count; i++) {
		const struct storage_row *row = &list->page.row[i];
		const struct call_history_row entry = {
			.row = row->row,
			.id = row->id,
			.accepted_at = row->accepted_at,
			.kind = row->kind,
			.form = row->form,
			.sender = row->sender,
			.text = list->page.text + row->text_offset,
			.text_bytes = row->text_bytes,
		};
		if (!call_history_add(&page, &entry))
			return call_history_page_end(&page, row->row);
	}
	return call_history_page_end(&page, list->question.has.row_read + 1);
}

static size_t write_answer(const struct server *server, const struct server_list *list, uint8_t *body)
{
	switch (list->question.kind) {
	case QUESTION_ROOMS:
		return write_rooms(server, list, body);
	case QUESTION_MEMBERS:
		return write_members(server, list, body);
	case QUESTION_HISTORY:
		return write_history(list, body);
	default:
		assert(list->question.kind == QUESTION_BLOCKED);
		return write_blocked(list, body);
	}
}

// A refusal, or OK.
static enum call_status status_of(const struct storage_question *question)
{
	if (question->has.is_refused)
		return STATUS_NOT_A_MEMBER;
	// Of rows that never were there is nothing to say.
	return question->kind == QUESTION_HISTORY && question->list.to_row > question->has.row_newest ? STATUS_BAD : STATUS_OK;
}

static void answer(struct server *server, const struct server_list *list)
{
	const enum call_status status = status_of(&list->question);
	if (status != STATUS_OK) {
		server_answer_bare(server, list->slot, list->number, status);
		return;
	}
	uint8_t body[CALL_BODY_BYTES_MAX];
	const size_t bytes = write_answer(server, list, body);
	server->port.answer(server->port.context, list->slot, list->number, STATUS_OK, body, bytes);
}

void server_list_answered(struct server *server, uint32_t number)
{
	struct server_list *list = &server->list[number];
	struct server_peer *peer = &server->peer[list->slot];
	if (server_is_here(server, list->slot, list->session)) {
		assert(peer->pending_count > 0);
		peer->pending_count--;
		answer(server, list);
		if (peer->signout_number != 0)
			server_settle(server, list->slot);
	}
	give_list(server, number);
}
