// SPDX-License-Identifier: ISC
// The server's tables, the lives of its peers and the calls that need no file of their own; the contract is in server.h.
#include "msg/server.h"

#include <assert.h>
#include <string.h>

#include "base/carve.h"
#include "msg/server_inside.h"

struct server_config server_config_default(void)
{
	return (struct server_config){
		.lane_count = 1,
		.watches_max = WATCHES_MAX,
		.may_make_rooms = true,
		.submit_rate = {50, 1000},
		.who_rate = {2, 4},
		.read_rate = {100, 400},
	};
}

static void lay_out_batch(struct server_batch *batch, uint32_t peer_capacity, void *memory, size_t *bytes)
{
	const size_t moves = (size_t)peer_capacity + SERVER_MOVES_MAX;
	batch->ops = carve(memory, bytes, sizeof *batch->ops, SERVER_OPS_MAX);
	batch->results = carve(memory, bytes, sizeof *batch->results, SERVER_OPS_MAX);
	batch->pending = carve(memory, bytes, sizeof *batch->pending, SERVER_OPS_MAX);
	batch->moves = carve(memory, bytes, sizeof *batch->moves, moves);
	batch->move_slot = carve(memory, bytes, sizeof *batch->move_slot, moves);
	batch->places = carve(memory, bytes, sizeof *batch->places, BATCH_PLACES_MAX);
	batch->text = carve(memory, bytes, 1, BATCH_BYTES_MAX);
}

// Lays the tables out in `memory`; with NULL it only counts bytes.
static size_t lay_out(struct server *server, const struct server_config *config, uint32_t peer_capacity, void *memory)
{
	size_t bytes = 0;
	server->peer = carve(memory, &bytes, sizeof *server->peer, peer_capacity);
	server->presence.watcher = carve(memory, &bytes, sizeof *server->presence.watcher, peer_capacity);
	for (uint32_t i = 0; i < config->lane_count; i++)
		for (int half = 0; half < 2; half++)
			lay_out_batch(&server->lane[i].batch[half], peer_capacity, memory, &bytes);
	server->joining = carve(memory, &bytes, sizeof *server->joining, SERVER_JOINING_MAX);
	server->page = carve(memory, &bytes, sizeof *server->page, SERVER_PAGES_MAX);
	server->presence.watch = carve(memory, &bytes, sizeof *server->presence.watch, config->watches_max);
	server->presence.watched = carve(memory, &bytes, sizeof *server->presence.watched, config->watches_max);
	server->list = carve(memory, &bytes, sizeof *server->list, SERVER_LISTS_MAX);
	return bytes;
}

size_t server_memory_bytes(const struct server_config *config, uint32_t peer_capacity)
{
	struct server scratch;
	return lay_out(&scratch, config, peer_capacity, NULL);
}

void server_init(struct server *server, const struct server_config *config, void *memory, uint32_t peer_capacity,
		 const struct server_port *port, struct users_table *users, struct server_user *user)
{
	assert(config->lane_count >= 1);
	assert(config->lane_count <= SERVER_LANES_MAX);
	memset(server, 0, sizeof *server);
	server->port = *port;
	server->config = *config;
	server->users = users;
	server->user = user;
	server->generation = 1;
	server->peer_capacity = peer_capacity;
	server->starved_at = MTIME_NEVER;
	server->presence.tick_at = MTIME_NEVER;
	users_index(users);
	for (uint32_t i = 0; i < SERVER_LANES_MAX; i++)
		server->lane[i].moves_at = MTIME_NEVER;
	lay_out(server, config, peer_capacity, memory);
}

void server_break(struct server *server)
{
	server->is_broken = true;
}

bool server_is_broken(const struct server *server)
{
	return server->is_broken;
}

void server_answer_bare(struct server *server, uint32_t slot, uint32_t number, enum call_status status)
{
	server->port.answer(server->port.context, slot, number, (uint8_t)status, NULL, 0);
}

bool server_make_call(struct server *server, uint32_t slot, uint8_t kind, const uint8_t *body, size_t bytes, uint64_t tag)
{
	struct server_peer *peer = &server->peer[slot];
	if (server->port.call(server->port.context, slot, kind, body, bytes, tag) != MMS_OK)
		return false;
	if (peer->room > 0)
		peer->room--;
	return true;
}

void server_notice(struct server *server, uint32_t slot, const struct call_notice *notice, uint64_t tag)
{
	uint8_t body[CALL_BODY_BYTES_MAX];
	const size_t bytes = call_notice_encode(notice, body);
	// No memory for it, or the session is over: then the device learns it by signing in again.
	(void)server_make_call(server, slot, CALL_NOTICE, body, bytes, tag);
}

static void begin_peer(struct server *server, const struct call_in *call)
{
	server->peer[call->slot] = (struct server_peer){
		.state = PEER_GONE,
		.session = ++server->session_next,
		.began_at = call->handshake_at,
		.room = CALL_WINDOW,
	};
}

static bool is_online(const struct server_peer *peer)
{
	return peer->is_receiving && !peer->is_silent;
}

static struct slot_links links_signed_in(struct server *server)
{
	return SLOT_LINKS(server->peer, signed_in);
}

static void come_online(struct server *server, const struct server_peer *peer)
{
	if (server->user[peer->user].online_count++ == 0)
		server_presence_changed(server, peer->user);
}

// A receiving session counts no longer, and was heard then for the last time. A later time is believed only if the clock was not
// put back since.
static void go_away(struct server *server, const struct server_peer *peer, struct wtime heard_at)
{
	struct server_user *user = &server->user[peer->user];
	if (heard_at.ms > user->heard_at.ms || user->heard_at.ms > server->wall.ms)
		user->heard_at = heard_at;
	if (--user->online_count == 0)
		server_presence_changed(server, peer->user);
}

void server_join(struct server *server, uint32_t slot, uint32_t user, const struct storage_device *device, bool is_receiving)
{
	struct server_peer *peer = &server->peer[slot];
	peer->state = PEER_SIGNED_IN;
	peer->user = user;
	peer->lane = (uint8_t)(device->user_id % server->config.lane_count);
	peer->device_id = device->device_id;
	peer->cursor = device->cursor;
	peer->is_receiving = is_receiving;
	slot_list_add(&server->user[user].peers, server_links_of_user(server), slot);
	slot_list_add(&server->signed_in, links_signed_in(server), slot);
	if (is_online(peer))
		come_online(server, peer);
}

static struct bucket *bucket_of(struct server *server, const struct server_peer *peer, uint8_t kind)
{
	struct server_user *user = &server->user[peer->user];
	switch (kind) {
	case CALL_WHO:
		return &user->who;
	case CALL_ROOMS:
	case CALL_MEMBERS:
	case CALL_HISTORY:
		return &user->read;
	default:
		return &user->submit;
	}
}

static const struct bucket_rate *rate_of(const struct server *server, uint8_t kind)
{
	switch (kind) {
	case CALL_WHO:
		return &server->config.who_rate;
	case CALL_ROOMS:
	case CALL_MEMBERS:
	case CALL_HISTORY:
		return &server->config.read_rate;
	default:
		return &server->config.submit_rate;
	}
}

// A session stops being its user's. A turn that it waits for is not used up: sessions that come and go would keep the user waiting.
static void leave(struct server *server, uint32_t slot)
{
	struct server_peer *peer = &server->peer[slot];
	if (peer->state != PEER_SIGNED_IN)
		return;
	server_move_last(server, slot);
	server_end_receiving(server, slot);
	if (peer->booked_kind != 0)
		bucket_give(bucket_of(server, peer, peer->booked_kind));
	peer->booked_kind = 0;
	server_end_watching(server, slot);
	if (is_online(peer))
		go_away(server, peer, server->wall);
	slot_list_remove(&server->user[peer->user].peers, server_links_of_user(server), slot);
	slot_list_remove(&server->signed_in, links_signed_in(server), slot);
	peer->state = PEER_GONE;
}

void server_dismiss(struct server *server, uint32_t slot, enum notice_what notice)
{
	leave(server, slot);
	server->peer[slot].state = PEER_GONE;
	if (notice != 0)
		server_notice(server, slot, &(struct call_notice){.what = notice}, 0);
	server->port.close(server->port.context, slot, notice != 0);
}

void server_ended(struct server *server, uint32_t slot)
{
	assert(slot < server->peer_capacity);
	leave(server, slot);
	server->peer[slot] = (struct server_peer){.state = PEER_NONE};
}

void server_silent(struct server *server, uint32_t slot, struct wtime heard_at)
{
	struct server_peer *peer = &server->peer[slot];
	if (peer->state == PEER_SIGNED_IN && is_online(peer))
		go_away(server, peer, heard_at);
	peer->is_silent = true;
}

void server_heard(struct server *server, uint32_t slot)
{
	struct server_peer *peer = &server->peer[slot];
	const bool was_silent = peer->is_silent;
	peer->is_silent = false;
	if (peer->state == PEER_SIGNED_IN && was_silent && is_online(peer))
		come_online(server, peer);
}

bool server_may_start(struct server *server, const struct call_in *call, struct mtime now)
{
	struct server_peer *peer = &server->peer[call->slot];
	const struct bucket_rate *rate = rate_of(server, call->kind);
	struct bucket *bucket = bucket_of(server, peer, call->kind);
	struct mtime start_at = now;
	if (peer->booked_number != call->number && bucket_book(bucket, rate, SERVER_BOOKED_MAX, now, &start_at)) {
		peer->booked_number = call->number;
		peer->booked_kind = call->kind;
	}
	if (!mtime_is_due(start_at, now)) {
		server->port.defer(server->port.context, call->slot, start_at);
		return false;
	}
	peer->booked_kind = 0;
	return true;
}

void server_start_later(struct server *server, const struct call_in *call, int64_t after_us, struct mtime *last,
			struct mtime now)
{
	*last = mtime_max(mtime_add_us(now, after_us), mtime_add_us(*last, SERVER_RETRY_APART_US));
	server->port.defer(server->port.context, call->slot, *last);
}

void server_settle(struct server *server, uint32_t slot)
{
	struct server_peer *peer = &server->peer[slot];
	if (peer->state != PEER_SIGNED_IN || peer->signout_number == 0 || peer->pending_count > 0)
		return;
	server_answer_bare(server, slot, peer->signout_number, STATUS_OK);
	server_dismiss(server, slot, 0);
}

// SIGNOUT starts when all before it are answered (protocol.md section 5.5).
static void signout(struct server *server, const struct call_in *call)
{
	if (call->bytes != 0) {
		server_answer_bare(server, call->slot, call->number, STATUS_BAD);
		return;
	}
	server->peer[call->slot].signout_number = call->number;
	server_settle(server, call->slot);
}

void server_called(struct server *server, const struct call_in *call, struct moment moment)
{
	assert(call->slot < server->peer_capacity);
	struct server_peer *peer = &server->peer[call->slot];
	server->wall = moment.wall;
	if (peer->state == PEER_NONE) {
		begin_peer(server, call);
		if (call->kind == CALL_SIGNIN) {
			server_signin(server, call, moment);
		} else {
			server_answer_bare(server, call->slot, call->number, STATUS_BAD);
			server->port.close(server->port.context, call->slot, false);
		}
		return;
	}
	// Behind a SIGNOUT that waits, or on a session that closes: it never starts, and goes again on another session.
	if (peer->state != PEER_SIGNED_IN || peer->signout_number != 0)
		return;
	switch (call->kind) {
	case CALL_SUBMIT:
		server_submit(server, call, moment);
		break;
	case CALL_WHO:
		server_who(server, call, moment);
		break;
	case CALL_WATCH:
		server_watch(server, call, moment);
		break;
	case CALL_JOIN:
	case CALL_ADD:
	case CALL_LEAVE:
		server_change(server, call, moment);
		break;
	case CALL_BLOCK:
		server_block(server, call, moment);
		break;
	case CALL_ROOMS:
	case CALL_MEMBERS:
	case CALL_HISTORY:
		server_list(server, call, moment);
		break;
	case CALL_PING:
		server_answer_bare(server, call->slot, call->number, call->bytes == 0 ? STATUS_OK : STATUS_BAD);
		break;
	case CALL_SIGNOUT:
		signout(server, call);
		break;
	default:
		server_answer_bare(server, call->slot, call->number, STATUS_BAD);
		break;
	}
}

struct storage_question *server_next_question(struct server *server, bool with_pages)
{
	struct storage_question *question = with_pages ? server_next_page(server) : NULL;
	if (question == NULL && with_pages)
		question = server_next_list(server);
	for (uint32_t i = 0; i < server->config.lane_count && question == NULL; i++)
		question = server_next_signin(server, &server->lane[i]);
	return question;
}

void server_question_answered(struct server *server, struct storage_question *question, struct moment moment)
{
	switch (question->kind) {
	case QUESTION_SIGNIN:
		server_signin_answered(server, (uint32_t)question->tag, moment);
		break;
	case QUESTION_PAGE:
		server_page_answered(server, (uint32_t)question->tag, moment);
		break;
	default:
		server_list_answered(server, (uint32_t)question->tag);
		break;
	}
}

void server_tick(struct server *server, struct moment moment)
{
	server->wall = moment.wall;
	server_feed_starved(server, moment.now);
	server_presence_tick(server, moment.now);
}

void server_shutdown(struct server *server)
{
	for (uint32_t slot = slot_list_first(&server->signed_in); slot != SLOT_NONE;
	     slot = slot_list_next(&server->peer[slot].signed_in))
		server_notice(server, slot, &(struct call_notice){.what = NOTICE_SHUTDOWN}, 0);
}
