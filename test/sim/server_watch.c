// SPDX-License-Identifier: ISC
// The contract is in server_watch.h. What goes through sessions as calls is watched in server_watch_calls.c.
#include "server_watch.h"

#include <string.h>

#include "double.h"
#include "network.h"
#include "presence.h"
#include "report.h"
#include "server_watch_inside.h"
#include "world.h"

void server_watch_start(void)
{
	for (size_t i = 0; i < sizeof world.server.watched / sizeof *world.server.watched; i++)
		world.server.watched[i].index = 0;
	memset(world.server.session, 0, sizeof world.server.session);
	memset(world.server.lane_of, 0, sizeof world.server.lane_of);
	memset(world.server.heard_row, 0, sizeof world.server.heard_row);
	memset(world.server.heard_device, 0, sizeof world.server.heard_device);
	world.server.turn_count = 0;
}

struct watched_slot *server_watched(uint32_t slot)
{
	struct watched_slot *watched = &world.server.watched[slot];
	const struct listener *listener = &world.server.node.listener;
	const struct session *session = &listener->slot[slot].session;
	if (watched->index != session->local_index) {
		memset(watched, 0, sizeof *watched);
		if (listener->slot[slot].spare != 0)
			memcpy(watched->key, listener->spare[listener->slot[slot].spare - 1].key, NOISE_KEY_BYTES);
		watched->index = session->local_index;
		watched->path = session->path.current;
	}
	return watched;
}

// --- datagrams ---

// What a handshake's first message must leave as it is: sessions, where they are, who is signed in.
static uint64_t sessions_digest(const struct listener *listener)
{
	uint64_t digest = 0;
	for (uint32_t i = 0; i < listener->fresh_count; i++) {
		const struct listener_slot *slot = &listener->slot[i];
		const struct addr *at = &slot->session.path.current;
		digest = digest * 0x100000001b3 + slot->state;
		digest = digest * 0x100000001b3 + slot->session.local_index;
		digest = digest * 0x100000001b3 + slot->is_signed_in;
		digest = digest * 0x100000001b3 + at->port + ((uint64_t)at->ip[2] << 16) + ((uint64_t)at->ip[3] << 24);
	}
	return digest;
}

static void note_half_open(struct watched_half_open *noted, const struct halfopen *half_open)
{
	*noted = (struct watched_half_open){half_open->index, half_open->addr, half_open->created_at};
}

// An INIT that comes again leaves its half-open handshake as it is.
static void check_half_open(const struct watch_recv *watch)
{
	const struct admission *admission = &world.server.node.listener.admission;
	for (uint32_t i = 0; i < admission->capacity && i < HALF_OPEN_WATCHED_MAX; i++) {
		const struct watched_half_open *before = &watch->half_open_before[i];
		const struct halfopen *after = &admission->ring[i];
		if (before->index != 0 && before->index == after->index &&
		    (!addr_is_same_peer(&before->addr, &after->addr) || before->created_at.us != after->created_at.us))
			report_failure("a first message of a handshake that came again changed it");
	}
}

static uint32_t find_session(const struct listener *listener, uint32_t index)
{
	for (uint32_t i = 0; i < listener->fresh_count; i++)
		if ((listener->slot[i].state == LISTENER_OPEN || listener->slot[i].state == LISTENER_CLOSING) &&
		    listener->slot[i].session.local_index == index)
			return i;
	return listener->sessions_max;
}

void server_watch_before(struct watch_recv *watch, const uint8_t *datagram, size_t bytes)
{
	const struct listener *listener = &world.server.node.listener;
	*watch = (struct watch_recv){.type = bytes == 0 ? 0 : datagram[0], .slot = listener->sessions_max};
	watch->unparsable_before = listener->counts.unparsable;
	watch->unopened_before = listener->counts.unopened;
	watch->full_before = listener->counts.full;
	watch->curve_before = double_curve_count();
	if (watch->type == WIRE_INIT || watch->type == WIRE_HELLO)
		watch->sessions_before = sessions_digest(listener);
	for (uint32_t i = 0; watch->type == WIRE_INIT && i < listener->admission.capacity && i < HALF_OPEN_WATCHED_MAX; i++)
		note_half_open(&watch->half_open_before[i], &listener->admission.ring[i]);
	if (watch->type != WIRE_DATA || wire_data_decode(datagram, bytes, &watch->index, &watch->counter) != MMS_OK)
		return;
	watch->slot = find_session(listener, watch->index);
	if (watch->slot == listener->sessions_max)
		return;
	watch->next_before = listener->slot[watch->slot].session.replay.next;
	watch->path_before = listener->slot[watch->slot].session.path.current;
}

// A DATA was opened, and must not have been before.
static void note_opened(const struct watch_recv *watch)
{
	const struct listener *listener = &world.server.node.listener;
	const uint32_t slot = find_session(listener, watch->index);
	if (slot == listener->sessions_max || listener->counts.unopened > watch->unopened_before)
		return;
	uint64_t *opened = &server_watched(slot)->opened[watch->counter % OPENED_MAX];
	if (*opened == watch->counter + 1)
		report_failure("datagram %llu of a session was taken twice", (unsigned long long)watch->counter);
	*opened = watch->counter + 1;
}

// Section 5.9: strangers hear nothing of what is sent to them, so none of them can prove an address, at birth or later.
static void check_stranger(const struct listener *listener, uint32_t slot, const struct addr *from)
{
	if (slot == listener->sessions_max || !addr_is_same_peer(&listener->slot[slot].session.path.current, from))
		return;
	const struct path *path = &listener->slot[slot].session.path;
	if (path_is_proved(path))
		report_failure("an address counts as proved that has heard nothing");
	if (!path_is_proved(path) && path->proof->other.family == ADDR_NONE)
		report_sight(SIGHT_BORN_ELSEWHERE);
}

void server_watch_after(const struct watch_recv *watch, const struct addr *from)
{
	const struct listener *listener = &world.server.node.listener;
	if (listener->counts.unparsable > watch->unparsable_before)
		report_sight(SIGHT_UNPARSABLE);
	if (listener->counts.unopened > watch->unopened_before)
		report_sight(SIGHT_UNOPENED);
	if (listener->counts.full > watch->full_before)
		report_sight(SIGHT_SESSIONS_FULL);
	if ((watch->type == WIRE_INIT || watch->type == WIRE_HELLO) && watch->sessions_before != sessions_digest(listener))
		report_failure("a first message of a handshake changed a session");
	if (watch->type == WIRE_INIT)
		check_half_open(watch);
	if (watch->type == WIRE_DATA)
		note_opened(watch);
	if (watch->type == WIRE_DATA && network_is_stranger(from))
		check_stranger(listener, find_session(listener, watch->index), from);
	if (watch->slot == listener->sessions_max)
		return;
	const struct session *session = &listener->slot[watch->slot].session;
	if (listener->slot[watch->slot].state == LISTENER_OVER || addr_is_same_peer(&session->path.current, &watch->path_before))
		return;
	if (watch->counter < watch->next_before)
		report_failure("a session moved to another address by a datagram that was not its newest");
	if (!addr_is_same_peer(&session->path.current, from))
		report_failure("a session moved to an address that nothing came from");
	report_sight(SIGHT_MOVED);
	server_watched(watch->slot)->path = session->path.current;
}

void server_watch_answer(const struct watch_recv *watch, const uint8_t *datagram, size_t bytes, size_t reply_bytes)
{
	static const uint8_t no_cookie[COOKIE_BYTES];
	const struct listener *listener = &world.server.node.listener;
	struct wire_init init;
	const uint8_t *nonce;
	uint32_t session;
	if (reply_bytes > 0)
		return;
	if (wire_hello_decode(datagram, bytes, &nonce) == MMS_OK)
		report_failure("a HELLO was not answered");
	if (wire_init_decode(datagram, bytes, &init) == MMS_OK && memcmp(init.cookie, no_cookie, COOKIE_BYTES) == 0 &&
	    double_curve_count() == watch->curve_before)
		report_failure("an INIT without a cookie was dropped without a look at it");
	if (watch->type == WIRE_DATA && watch->index != 0 && !map_find(&listener->by_index, watch->index, &session) &&
	    listener->counts.unparsable == watch->unparsable_before && listener->counts.full == watch->full_before)
		report_failure("a DATA for no session was not answered");
}

// --- bounds ---

static uint32_t list_length(const struct blocks *blocks, uint32_t handle)
{
	uint32_t count = 0;
	for (; handle != 0; handle = blocks_get(blocks, handle)->next)
		count++;
	return count;
}

// A ring has in each place of a set the call of that place that lies in the window from `base` on. Returns how many.
static uint32_t check_ring(const struct blocks *blocks, const uint32_t *call, uint64_t set, uint32_t base)
{
	uint32_t count = 0;
	for (; set != 0; count++) {
		const uint32_t number = ring_take(&set, base);
		if (blocks_get(blocks, call[ring_place(number)])->number != number)
			report_failure("another call than %u stands in its place", number);
	}
	return count;
}

// The same of what a side was called: answers may share a block, which says how many do.
static uint32_t check_called(const struct blocks *blocks, const struct callee *callee)
{
	const uint64_t with_block = callee->held & ~callee_bare(callee);
	uint32_t count = 0;
	if ((callee->calls == NULL) != (with_block == 0))
		report_failure("a window is kept for nothing, or calls are kept nowhere");
	for (uint64_t left = with_block & callee_answered(callee); left != 0;) {
		const uint32_t handle = callee->calls->call[ring_place(ring_take(&left, callee->peer_base))];
		uint32_t more = 0;
		for (uint64_t others = left; others != 0;) {
			const uint32_t other = ring_take(&others, callee->peer_base);
			if (callee->calls->call[ring_place(other)] != handle)
				continue;
			more++;
			left &= ~ring_bit(other);
		}
		if (more > 0)
			report_sight(SIGHT_ANSWER_SHARED);
		if (more != blocks_get(blocks, handle)->share_count)
			report_failure("an answer is shared by %u calls and counts %u", more + 1,
				       blocks_get(blocks, handle)->share_count + 1U);
		count++;
	}
	if (callee->calls == NULL)
		return 0;
	return count + check_ring(blocks, callee->calls->call, with_block & ~callee_answered(callee), callee->peer_base);
}

static uint32_t check_session(const struct session *session, const struct blocks *blocks)
{
	const struct caller_calls *caller = caller_calls(&session->caller);
	const struct callee *callee = &session->callee;
	const uint32_t base = caller_base(&session->caller);
	if (session->caller.next_number - base > CALL_WINDOW)
		report_failure("more calls are in flight than the window has");
	if (session->caller.next_number - base >= CALL_WINDOW - SERVER_CALLS_RESERVED)
		report_sight(SIGHT_WINDOW_FULL);
	if (((caller->sent & ~caller->unanswered) | ((caller->marked | caller->lost | caller->in_flight) & ~caller->sent) |
	     (callee_answered(callee) & ~callee->held) | ((callee->due | callee_bare(callee)) & ~callee_answered(callee))) != 0)
		report_failure("the sets of calls of a session do not fit each other");
	return check_ring(blocks, caller->call, caller->unanswered, base) + list_length(blocks, caller->done) +
	       check_called(blocks, callee);
}

// Whether some account has all that it may share, and takes what is its own.
static bool is_short(const struct blocks *blocks)
{
	for (uint32_t i = 0; i < blocks->account_count; i++) {
		const struct blocks_account *account = &blocks->account[i];
		for (uint32_t size = 0; size < BLOCKS_SIZES; size++)
			if (account->own_used[size] > 0)
				return true;
	}
	return false;
}

static void check_blocks(const struct listener *listener)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < listener->fresh_count; i++)
		if (listener->slot[i].state == LISTENER_OPEN || listener->slot[i].state == LISTENER_CLOSING)
			count += check_session(&listener->slot[i].session, &listener->blocks);
	if (count != blocks_used_count(&listener->blocks))
		report_failure("%u blocks are in use and %u on a session's list", blocks_used_count(&listener->blocks),
			       count);
	if (is_short(&listener->blocks))
		report_sight(SIGHT_BLOCKS_SHORT);
}

// The receiving session that replaced another one began after it.
static void check_replaced(const struct server *server, uint32_t slot)
{
	const struct server_peer *replaced = &server->peer[slot];
	for (uint32_t i = 0; replaced->is_receiving && i < server->peer_capacity; i++) {
		const struct server_peer *peer = &server->peer[i];
		if (peer->state == PEER_SIGNED_IN && peer->is_receiving && peer->device_id == replaced->device_id &&
		    peer->began_at.us < replaced->began_at.us)
			report_failure("a session was replaced by one that began before it");
	}
}

// Nobody stays signed in whom the users file shuts out.
static void check_admitted(const struct server *server)
{
	for (uint32_t i = 0; i < server->peer_capacity && !world.server.is_reload_due; i++)
		if (server->peer[i].state == PEER_SIGNED_IN)
			server_watch_admitted(i);
}

static void check_senders(const struct server *server)
{
	for (uint32_t i = 0; i < server->peer_capacity; i++) {
		const struct server_peer *peer = &server->peer[i];
		uint32_t count = 0;
		if (peer->state != PEER_SIGNED_IN || peer->is_receiving)
			continue;
		for (uint32_t j = 0; j < server->peer_capacity; j++)
			count += server->peer[j].state == PEER_SIGNED_IN && !server->peer[j].is_receiving &&
				 server->peer[j].device_id == peer->device_id;
		if (count > SENDING_PER_DEVICE_MAX)
			report_failure("a device has %u sending sessions", count);
		if (count == SENDING_PER_DEVICE_MAX)
			report_sight(SIGHT_SENDERS_FULL);
	}
}

static void check_batches(const struct server *server)
{
	for (uint32_t i = 0; i < server->config.lane_count; i++) {
		const struct server_lane *lane = &server->lane[i];
		if (lane->is_storing && lane->batch[lane->filling].op_count > 0)
			report_sight(SIGHT_BOTH_BATCHES);
		for (int k = 0; k < 2; k++)
			if (lane->batch[k].op_count > SERVER_OPS_MAX || lane->batch[k].submit_count > BATCH_MESSAGES_MAX ||
			    lane->batch[k].text_bytes > BATCH_BYTES_MAX)
				report_failure("a batch is larger than its bound");
	}
}

void server_watch_end(void)
{
	const struct server *server = &world.server.node.server;
	for (uint32_t i = 0; i < server->config.lane_count && !world.server.node.is_flushed; i++) {
		const struct server_lane *lane = &server->lane[i];
		if (lane->is_storing || lane->batch[lane->filling].op_count + lane->batch[lane->filling].move_count > 0 ||
		    lane->moved.first != 0)
			report_failure("the server stops in order, and something is not stored");
	}
}

void server_watch_turn(void)
{
	const struct listener *listener = &world.server.node.listener;
	const struct server *server = &world.server.node.server;
	for (uint32_t i = 0; i < listener->fresh_count; i++) {
		const struct session *session = &listener->slot[i].session;
		struct watched_slot *before = &world.server.watched[i];
		if (listener->slot[i].state != LISTENER_OPEN || before->index != session->local_index)
			continue;
		if (!addr_is_same_peer(&before->path, &session->path.current))
			report_sight(SIGHT_REVERTED);
		before->path = session->path.current;
	}
	for (uint32_t i = 0; i < listener->fresh_count; i++) {
		if (!world.server.watched[i].is_replaced)
			continue;
		world.server.watched[i].is_replaced = false;
		if (listener->slot[i].state == LISTENER_CLOSING)
			check_replaced(server, i);
	}
	if (listener->admission.count == listener->admission.capacity)
		report_sight(SIGHT_HALF_OPEN_FULL);
	check_batches(server);
	if (world.server.turn_count++ % 16 != 0)
		return;
	check_blocks(listener);
	check_admitted(server);
	check_senders(server);
	presence_turn();
}
