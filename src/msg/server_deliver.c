// SPDX-License-Identifier: ISC
// DELIVER and the answers to it: what comes into a mailbox goes on at once while a session is up to date; what its window or
// the memory did not let through is read, page by page; the cursor follows (doc/protocol.md section 6.8). The contract is in
// server.h and server_inside.h.
#include <assert.h>
#include <string.h>

#include "msg/server_inside.h"

static struct slot_links links_page(struct server *server)
{
	return SLOT_LINKS(server->page, link);
}

static uint32_t room_of(const struct server_peer *peer)
{
	return peer->room > SERVER_CALLS_RESERVED && !peer->is_stuck ? peer->room - SERVER_CALLS_RESERVED : 0;
}

// Makes one delivery. False: no memory for it now.
static bool deliver(struct server *server, uint32_t slot, const struct server_news *news)
{
	if (!server_make_call(server, slot, CALL_DELIVER, news->body, news->bytes, news->row))
		return false;
	server->peer[slot].row_sent = news->row;
	return true;
}

// Rows that were sent to nobody may lie behind the last that was sent. When nothing is on its way the device has all up to there.
static void settle_cursor(struct server *server, uint32_t slot, struct mtime now)
{
	struct server_peer *peer = &server->peer[slot];
	if (peer->room < CALL_WINDOW || peer->is_stuck || peer->cursor >= peer->row_sent)
		return;
	peer->cursor = peer->row_sent;
	server_moved(server, slot, now);
}

// Rows wait: they are read as soon as the window has room for enough of them to be worth a page.
static void await_room(struct server *server, uint32_t slot)
{
	struct server_peer *peer = &server->peer[slot];
	const uint32_t worth = (peer->page_rows + 1U) / 2;
	peer->read = READ_WINDOW;
	if (room_of(peer) < worth)
		return;
	slot_list_add(&server->readers, server_links_reading(server), slot);
	peer->read = READ_QUEUED;
}

// No memory for a delivery: nobody tells when there is some again, so it is tried again in a while, or after the next answer.
static void starve(struct server *server, uint32_t slot, struct mtime now)
{
	slot_list_add(&server->starved, server_links_reading(server), slot);
	server->peer[slot].read = READ_STARVED;
	server->starved_at = mtime_min(server->starved_at, mtime_add_us(now, SERVER_STARVED_US));
}

static void feed(struct server *server, uint32_t slot)
{
	slot_list_remove(&server->starved, server_links_reading(server), slot);
	await_room(server, slot);
}

void server_feed_starved(struct server *server, struct mtime now)
{
	if (!mtime_is_due(server->starved_at, now))
		return;
	server->starved_at = MTIME_NEVER;
	while (slot_list_first(&server->starved) != SLOT_NONE)
		feed(server, slot_list_first(&server->starved));
}

// Whether a row that came is to be dealt with now: it was not sent, and will not be read with others.
static bool is_new_now(struct server *server, const struct server_peer *peer, uint64_t row)
{
	if (row > peer->row_sent && peer->read == READ_ASKED) {
		// The page may have been read before this row came.
		struct server_page *page = &server->page[peer->page];
		if (page->row_came < row)
			page->row_came = row;
	}
	return row > peer->row_sent && peer->read == READ_UP;
}

void server_forward(struct server *server, uint32_t slot, const struct server_news *news, uint64_t row_before, struct mtime now)
{
	struct server_peer *peer = &server->peer[slot];
	if (!is_new_now(server, peer, news->row))
		return;
	// Only what follows all that was sent may be sent: what lies before it in the mailbox goes first.
	const bool is_next = row_before <= peer->row_sent;
	assert(!is_next || news->bytes > 0);
	if (!is_next || room_of(peer) == 0)
		await_room(server, slot);
	else if (!deliver(server, slot, news))
		starve(server, slot, now);
}

void server_pass_over(struct server *server, uint32_t slot, uint64_t row, uint64_t row_before, struct mtime now)
{
	struct server_peer *peer = &server->peer[slot];
	if (!is_new_now(server, peer, row))
		return;
	if (row_before > peer->row_sent) {
		await_room(server, slot);
		return;
	}
	peer->row_sent = row;
	settle_cursor(server, slot, now);
}

void server_begin_receiving(struct server *server, uint32_t slot, const struct storage_device *device)
{
	struct server_peer *peer = &server->peer[slot];
	peer->row_sent = device->cursor;
	peer->page_rows = STORAGE_PAGE_ROWS_MAX;
	await_room(server, slot);
}

void server_end_receiving(struct server *server, uint32_t slot)
{
	struct server_peer *peer = &server->peer[slot];
	if (peer->read == READ_QUEUED)
		slot_list_remove(&server->readers, server_links_reading(server), slot);
	if (peer->read == READ_STARVED)
		slot_list_remove(&server->starved, server_links_reading(server), slot);
	peer->read = READ_UP; // a page that is asked for finds nobody who waits for it
}

// --- pages ---

// A record that is not in use. SLOT_NONE: all are.
static uint32_t take_page(struct server *server)
{
	const uint32_t page = slot_list_take(&server->page_free, links_page(server));
	if (page == SLOT_NONE && server->page_fresh_count < SERVER_PAGES_MAX)
		return server->page_fresh_count++;
	return page;
}

struct storage_question *server_next_page(struct server *server)
{
	const uint32_t slot = slot_list_first(&server->readers);
	const uint32_t number = slot == SLOT_NONE ? SLOT_NONE : take_page(server);
	if (number == SLOT_NONE)
		return NULL;
	struct server_peer *peer = &server->peer[slot];
	struct server_page *page = &server->page[number];
	slot_list_remove(&server->readers, server_links_reading(server), slot);
	peer->read = READ_ASKED;
	peer->page = (uint8_t)number;
	page->slot = slot;
	page->session = peer->session;
	page->row_came = 0;
	page->question = (struct storage_question){
		.kind = QUESTION_PAGE,
		.lane = peer->lane,
		.tag = number,
		.user_id = server->users->user[peer->user].user_id,
		.page = &page->page,
	};
	const uint32_t room = room_of(peer);
	page->question.mailbox.after_row = peer->row_sent;
	page->question.mailbox.device_id = peer->device_id;
	page->question.mailbox.rows_max = room == 0 ? 1 : room < peer->page_rows ? room : peer->page_rows;
	return &page->question;
}

void server_write_news(struct server_news *news, uint64_t row, const struct call_deliver *delivery)
{
	news->row = row;
	news->bytes = call_deliver_encode(delivery, news->body);
}

static struct call_deliver delivery_of(const struct storage_page *page, const struct storage_row *row)
{
	const struct message_to room = {.name = row->room.name, .is_room = true};
	const struct message_to user = {.name = row->recipient};
	return (struct call_deliver){
		.id = row->id,
		.accepted_at = row->accepted_at,
		.is_own = row->is_own,
		.is_history = row->is_history,
		.kind = row->kind,
		.form = row->form,
		.room_id = row->room.id,
		.room_row = row->room_row,
		.sender = row->sender,
		.conversation = row->room_row != 0 ? room : user,
		.text = page->text + row->text_offset,
		.text_bytes = row->text_bytes,
	};
}

// Delivers the rows of a page. False: not all found memory, and the peer waits for some.
static bool deliver_page(struct server *server, uint32_t slot, const struct storage_page *page, struct mtime now)
{
	struct server_peer *peer = &server->peer[slot];
	for (uint32_t i = 0; i < page->row_count; i++) {
		const struct storage_row *row = &page->row[i];
		const struct call_deliver delivery = delivery_of(page, row);
		struct server_news news;
		assert(row->row > peer->row_sent);
		if (room_of(peer) == 0) {
			await_room(server, slot);
			return false;
		}
		server_write_news(&news, row->row, &delivery);
		if (!deliver(server, slot, &news)) {
			peer->page_rows = (uint8_t)(i == 0 ? 1 : i);
			starve(server, slot, now);
			return false;
		}
	}
	peer->page_rows = peer->page_rows > STORAGE_PAGE_ROWS_MAX / 2 ? STORAGE_PAGE_ROWS_MAX : peer->page_rows * 2;
	return true;
}

void server_page_answered(struct server *server, uint32_t number, struct moment moment)
{
	struct server_page *page = &server->page[number];
	struct server_peer *peer = &server->peer[page->slot];
	if (server_is_here(server, page->slot, page->session) && peer->read == READ_ASKED &&
	    deliver_page(server, page->slot, &page->page, moment.now)) {
		const bool is_end = page->question.has.is_end;
		// No row waits up to this one.
		const uint64_t row_read = is_end ? page->question.has.row_newest : page->question.has.row_read;
		if (row_read > peer->row_sent)
			peer->row_sent = row_read;
		settle_cursor(server, page->slot, moment.now);
		if (is_end && page->row_came <= peer->row_sent)
			peer->read = READ_UP;
		else
			await_room(server, page->slot);
	}
	slot_list_add(&server->page_free, links_page(server), number);
}

// --- answers ---

void server_answered(struct server *server, const struct answer_in *answer, struct moment moment)
{
	assert(answer->slot < server->peer_capacity);
	struct server_peer *peer = &server->peer[answer->slot];
	if (peer->state != PEER_SIGNED_IN)
		return;
	peer->room = (uint8_t)answer->room;
	if (answer->kind == CALL_NOTICE && answer->tag == SERVER_PRESENCE_TAG)
		server_presence_answered(server, answer->slot);
	else if (answer->kind == CALL_NOTICE && answer->tag != 0 && answer->status == STATUS_OK)
		server_gap_told(server, answer->slot, answer->tag, moment.now);
	if (answer->kind == CALL_DELIVER) {
		// BAD says that the message is none for it, now or later: kept in front of the others, it would hold them back for ever.
		if (answer->status != STATUS_OK && answer->status != STATUS_BAD)
			peer->is_stuck = true; // it cannot store what it is given; what it has not got stays in the mailbox
		else if (!peer->is_stuck && answer->tag > peer->cursor) {
			assert(answer->tag <= peer->row_sent);
			peer->cursor = answer->tag;
			server_moved(server, answer->slot, moment.now);
		}
	}
	settle_cursor(server, answer->slot, moment.now);
	if (peer->read == READ_STARVED)
		feed(server, answer->slot);
	else if (peer->read == READ_WINDOW)
		await_room(server, answer->slot);
}
