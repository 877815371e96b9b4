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
		.mailbox_rows_max = MAILBOX_ROWS_MAX,
		.mailbox_bytes_max = MAILBOX_BYTES_MAX,
		.submit_rate = {50, 1000},
		.who_rate = {2, 4},
	};
}

// Lays the tables out in `memory`; with NULL it only counts bytes.
static size_t lay_out(struct server *server, uint32_t peer_capacity, void *memory)
{
	size_t bytes = 0;
	server->peer = carve(memory, &bytes, sizeof *server->peer, peer_capacity);
	for (int i = 0; i < 2; i++) {
		struct server_batch *batch = &server->batch[i];
		batch->ops = carve(memory, &bytes, sizeof *batch->ops, SERVER_OPS_MAX);
		batch->op_user = carve(memory, &bytes, sizeof *batch->op_user, SERVER_OPS_MAX);
		batch->text = carve(memory, &bytes, 1, BATCH_BYTES_MAX);
		batch->waiter = carve(memory, &bytes, sizeof *batch->waiter, SERVER_WAITERS_MAX);
		batch->id_slot = carve(memory, &bytes, sizeof *batch->id_slot, map_slots_for(BATCH_MESSAGES_MAX));
	}
	return bytes;
}

size_t server_memory_bytes(uint32_t peer_capacity)
{
	struct server scratch;
	return lay_out(&scratch, peer_capacity, NULL);
}

void server_init(struct server *server, const struct server_config *config, void *memory, uint32_t peer_capacity,
		 const struct server_port *port, const struct server_storage *storage, struct users_table *users,
		 struct server_user *user, const struct storage_mark *mark, const uint8_t table_secret[TABLE_SECRET_BYTES])
{
	memset(server, 0, sizeof *server);
	server->port = *port;
	server->storage = *storage;
	server->config = *config;
	server->users = users;
	server->user = user;
	server->generation = 1;
	server->peer_capacity = peer_capacity;
	server->mark = *mark;
	server->commit_durable = mark->commit - 1;
	server->cursor_at = MTIME_NEVER;
	server->starved_at = MTIME_NEVER;
	memcpy(server->table_secret, table_secret, TABLE_SECRET_BYTES);
	lay_out(server, peer_capacity, memory);
	for (int i = 0; i < 2; i++)
		map_init(&server->batch[i].by_id, server->batch[i].id_slot, map_slots_for(BATCH_MESSAGES_MAX));
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

void server_notice(struct server *server, uint32_t slot, const struct call_notice *notice, uint64_t tag)
{
	uint8_t body[CALL_BODY_BYTES_MAX];
	const size_t bytes = call_notice_encode(notice, body);
	// No memory for it, or the session is over: then the device learns it by signing in again.
	const enum mms_err err = server->port.call(server->port.context, slot, CALL_NOTICE, body, bytes, tag);
	(void)err;
}

static void unlink_peer(struct server *server, uint32_t slot)
{
	uint32_t *link = &server->user[server->peer[slot].user].peers;
	while (*link != slot + 1) {
		assert(*link != 0);
		link = &server->peer[*link - 1].next;
	}
	*link = server->peer[slot].next;
	server->peer[slot].next = 0;
}

static struct bucket *bucket_of(struct server *server, const struct server_peer *peer, uint8_t kind)
{
	struct server_user *user = &server->user[peer->user];
	return kind == CALL_WHO ? &user->who : &user->submit;
}

// A session stops being its user's. A turn that it waits for is not used up: sessions that come and go would keep the user waiting.
static void leave(struct server *server, uint32_t slot)
{
	struct server_peer *peer = &server->peer[slot];
	if (peer->state != PEER_SIGNED_IN)
		return;
	server_cursor_flush(server, slot);
	if (peer->booked_kind != 0)
		bucket_give(bucket_of(server, peer, peer->booked_kind));
	peer->booked_kind = 0;
	unlink_peer(server, slot);
}

void server_dismiss(struct server *server, uint32_t slot, enum notice_what notice)
{
	struct server_peer *peer = &server->peer[slot];
	leave(server, slot);
	peer->state = PEER_GONE;
	if (notice != 0)
		server_notice(server, slot, &(struct call_notice){.what = notice}, 0);
	server->port.close(server->port.context, slot, notice != 0);
}

void server_ended(struct server *server, uint32_t slot)
{
	assert(slot < server->peer_capacity);
	struct server_peer *peer = &server->peer[slot];
	leave(server, slot);
	peer->state = PEER_NONE;
	peer->serial = 0;
}

static void begin_peer(struct server *server, uint32_t slot)
{
	struct server_peer *peer = &server->peer[slot];
	// A slot that is still on a list, of moved cursors or of the starved, stays on it; the rest starts from nothing.
	*peer = (struct server_peer){
		.state = PEER_GONE,
		.serial = ++server->serial_next,
		.is_cursor_dirty = peer->is_cursor_dirty,
		.dirty_next = peer->dirty_next,
		.is_starved = peer->is_starved,
		.starved_next = peer->starved_next,
	};
}

bool server_may_start(struct server *server, uint32_t slot, uint32_t number, uint8_t kind, struct mtime now)
{
	struct server_peer *peer = &server->peer[slot];
	const struct bucket_rate *rate = kind == CALL_WHO ? &server->config.who_rate : &server->config.submit_rate;
	struct bucket *bucket = bucket_of(server, peer, kind);
	struct mtime start_at = now;
	if (peer->booked_number != number && bucket_book(bucket, rate, SERVER_BOOKED_MAX, now, &start_at)) {
		peer->booked_number = number;
		peer->booked_kind = kind;
	}
	if (!mtime_is_due(start_at, now)) {
		server->port.defer(server->port.context, slot, start_at);
		return false;
	}
	peer->booked_kind = 0;
	return true;
}

static void signout(struct server *server, uint32_t slot, uint32_t number)
{
	struct server_peer *peer = &server->peer[slot];
	// SIGNOUT starts when all before it are answered (protocol.md section 5.5).
	if (peer->pending_count > 0) {
		peer->signout_number = number;
		return;
	}
	server_answer_bare(server, slot, number, STATUS_OK);
	server_dismiss(server, slot, 0);
}

void server_call(struct server *server, uint32_t slot, uint32_t number, uint8_t kind, const uint8_t *body, size_t bytes,
		 struct mtime now, struct wtime wall)
{
	assert(slot < server->peer_capacity);
	struct server_peer *peer = &server->peer[slot];
	if (peer->state == PEER_NONE) {
		begin_peer(server, slot);
		if (kind == CALL_SIGNIN) {
			server_signin(server, slot, number, body, bytes, now, wall);
		} else {
			server_answer_bare(server, slot, number, STATUS_BAD);
			server->port.close(server->port.context, slot, false);
		}
		return;
	}
	// Behind a SIGNOUT that waits, or on a session that closes: it never starts, and goes again on another session.
	if (peer->state != PEER_SIGNED_IN || peer->signout_number != 0)
		return;
	switch (kind) {
	case CALL_SUBMIT:
		server_submit(server, slot, number, body, bytes, now, wall);
		break;
	case CALL_WHO:
		server_who(server, slot, number, body, bytes, now);
		break;
	case CALL_PING:
		server_answer_bare(server, slot, number, bytes == 0 ? STATUS_OK : STATUS_BAD);
		break;
	case CALL_SIGNOUT:
		if (bytes == 0)
			signout(server, slot, number);
		else
			server_answer_bare(server, slot, number, STATUS_BAD);
		break;
	default:
		server_answer_bare(server, slot, number, STATUS_BAD);
		break;
	}
}

bool server_is_online(const struct server *server, uint32_t user, struct mtime now)
{
	for (uint32_t link = server->user[user].peers; link != 0; link = server->peer[link - 1].next)
		if (server->peer[link - 1].is_receiving &&
		    mtime_diff_us(now, server->port.heard_at(server->port.context, link - 1)) < SERVER_ONLINE_US)
			return true;
	return false;
}

void server_who(struct server *server, uint32_t slot, uint32_t number, const uint8_t *body, size_t bytes,
		struct mtime now)
{
	struct server_peer *peer = &server->peer[slot];
	struct call_who who;
	uint8_t page[CALL_BODY_BYTES_MAX];
	if (call_who_decode(&who, body, bytes) != MMS_OK) {
		server_answer_bare(server, slot, number, STATUS_BAD);
		return;
	}
	const bool goes_on = who.first != 0 && who.generation == server->generation &&
			     peer->who_generation == who.generation && peer->who_first == who.first;
	if (!goes_on && !server_may_start(server, slot, number, CALL_WHO, now))
		return;
	const uint32_t first = goes_on ? who.first : 0;
	const uint32_t total_count = server->users->user_count;
	uint32_t next = first;
	struct writer writer = writer_of(page, sizeof page);
	call_who_page_begin(&writer, server->generation, total_count, first);
	while (next < total_count && call_who_page_add(&writer, &server->users->user[next].name,
						       server_is_online(server, next, now)))
		next++;
	peer->who_generation = server->generation;
	peer->who_first = next;
	const size_t page_bytes = call_who_page_end(&writer, (uint16_t)(next - first));
	server->port.answer(server->port.context, slot, number, STATUS_OK, page, page_bytes);
}

static bool is_peer_revoked(const struct server *server, const struct users_table *users, uint32_t slot, uint32_t place)
{
	const uint8_t *peer_key;
	const uint8_t *handshake_hash;
	server->port.identity(server->port.context, slot, &peer_key, &handshake_hash);
	const struct fingerprint fingerprint = hash_fingerprint(peer_key);
	return users_is_revoked(users, &users->user[place], &fingerprint);
}

static void shut_out(struct server *server, uint32_t slot)
{
	server->peer[slot].state = PEER_GONE;
	server_notice(server, slot, &(struct call_notice){.what = NOTICE_REMOVED}, 0);
	server->port.close(server->port.context, slot, true);
}

// Moves the peers of one user to its place in the new table, or shuts them out.
static void move_peers(struct server *server, const struct users_table *users, struct server_user *user, uint32_t place,
		       uint32_t link)
{
	while (link != 0) {
		const uint32_t slot = link - 1;
		struct server_peer *peer = &server->peer[slot];
		link = peer->next;
		peer->next = 0;
		if (place == USERS_NO_PLACE || is_peer_revoked(server, users, slot, place)) {
			shut_out(server, slot);
			continue;
		}
		peer->user = place;
		peer->next = user[place].peers;
		user[place].peers = slot + 1;
	}
}

void server_reload(struct server *server, struct users_table *users, struct server_user *user)
{
	for (uint32_t i = 0; i < server->users->user_count; i++) {
		const uint32_t place = users_place(users, &server->users->user[i]);
		const uint32_t peers = server->user[i].peers;
		if (place != USERS_NO_PLACE) {
			user[place] = server->user[i];
			user[place].peers = 0;
		}
		move_peers(server, users, user, place, peers);
	}
	server_batch_move_users(server, users);
	server->users = users;
	server->user = user;
	server->generation++;
}

void server_shutdown(struct server *server)
{
	for (uint32_t slot = 0; slot < server->peer_capacity; slot++)
		if (server->peer[slot].state == PEER_SIGNED_IN)
			server_notice(server, slot, &(struct call_notice){.what = NOTICE_SHUTDOWN}, 0);
}
