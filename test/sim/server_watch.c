// SPDX-License-Identifier: ISC
// The contract is in server_watch.h. Calls and answers are seen where node/ passes them on, by wraps of the linker.
#include "server_watch.h"

#include <string.h>

#include "double.h"
#include "network.h"
#include "people.h"
#include "report.h"
#include "world.h"

void __real_server_call(struct server *server, uint32_t slot, uint32_t number, uint8_t kind, const uint8_t *body,
			size_t bytes, struct mtime now, struct wtime wall);
void __wrap_server_call(struct server *server, uint32_t slot, uint32_t number, uint8_t kind, const uint8_t *body,
			size_t bytes, struct mtime now, struct wtime wall);
void __real_listener_answer(struct listener *listener, uint32_t slot, uint32_t number, uint8_t status, const void *body,
			    size_t body_bytes, struct mtime now);
void __wrap_listener_answer(struct listener *listener, uint32_t slot, uint32_t number, uint8_t status, const void *body,
			    size_t body_bytes, struct mtime now);
enum mms_err __real_listener_call(struct listener *listener, uint32_t slot, uint8_t kind, const void *body,
				  size_t body_bytes, uint64_t tag);
enum mms_err __wrap_listener_call(struct listener *listener, uint32_t slot, uint8_t kind, const void *body,
				  size_t body_bytes, uint64_t tag);
enum callee_verdict __real_callee_recv_call(struct callee *callee, struct blocks *blocks,
					    const struct wire_frame_view *frame, bool is_repeat_twice);
enum callee_verdict __wrap_callee_recv_call(struct callee *callee, struct blocks *blocks,
					    const struct wire_frame_view *frame, bool is_repeat_twice);
void __real_listener_defer(struct listener *listener, uint32_t slot, struct mtime until);
void __wrap_listener_defer(struct listener *listener, uint32_t slot, struct mtime until);

void server_watch_start(void)
{
	for (size_t i = 0; i < sizeof world.server.watched / sizeof *world.server.watched; i++)
		world.server.watched[i].index = 0;
	world.server.turn_count = 0;
}

static struct watched_slot *watched(uint32_t slot)
{
	struct watched_slot *watched = &world.server.watched[slot];
	const struct listener *listener = &world.server.node.listener;
	const struct session *session = &listener->slot[slot].session;
	if (watched->index != session->local_index) {
		memset(watched, 0, sizeof *watched);
		if (listener->slot[slot].peer != 0)
			memcpy(watched->key, listener->peer[listener->slot[slot].peer - 1].key, NOISE_KEY_BYTES);
		watched->index = session->local_index;
		watched->path = session->path.current;
	}
	return watched;
}

static uint32_t submitted_message(uint32_t slot, const uint8_t *body, size_t bytes)
{
	struct call_submit submit;
	const int identity = world_identity_of_key(watched(slot)->key);
	if (identity < 0 || call_submit_decode(&submit, body, bytes) != MMS_OK)
		return MESSAGES_MAX;
	return truth_find(world_user_of_identity((uint8_t)identity), &submit.id);
}

void __wrap_server_call(struct server *server, uint32_t slot, uint32_t number, uint8_t kind, const uint8_t *body,
			size_t bytes, struct mtime now, struct wtime wall)
{
	struct look *look = &watched(slot)->look[number % LOOKS_MAX];
	if (look->number == number && look->is_answered && kind != CALL_WHO)
		report_failure("call %u of a session was done again after its answer", number);
	if (look->number > number)
		report_failure("call %u of a session was done after call %u", number, look->number);
	*look = (struct look){.number = number, .kind = kind, .message = MESSAGES_MAX};
	if (kind == CALL_SUBMIT)
		look->message = (uint16_t)submitted_message(slot, body, bytes);
	__real_server_call(server, slot, number, kind, body, bytes, now, wall);
}

// Who is not in the users file, or revoked there, stays out.
static void check_grant(uint32_t slot)
{
	const int identity = world_identity_of_key(watched(slot)->key);
	if (identity < 0 || world.server.is_reload_due)
		return;
	const struct identity *owner = &world.identity[identity];
	if (owner->is_revoked || !world.user[owner->user].is_listed)
		report_failure("a device of %s is signed in that is shut out", world.user[owner->user].name.text);
}

// Who is in the users file and enrolled, and not revoked there, is let in.
static void check_refusal(uint32_t slot)
{
	const uint8_t *key = watched(slot)->key;
	const int identity = world_identity_of_key(key);
	if (identity < 0 || !world_identity_is_honest((uint8_t)identity) || world.server.is_reload_due)
		return;
	const struct identity *owner = &world.identity[identity];
	const struct disk_device *device = server_disk_device(&world.disk, key);
	if (device != NULL && !world.user[owner->user].is_listed && people_holder(owner->user) >= 0)
		report_sight(SIGHT_OLD_LIFE_REFUSED);
	if (device != NULL && world.user[owner->user].is_listed && !owner->is_revoked &&
	    device->held.user_id == world.disk.user[owner->user].user_id)
		report_failure("an enrolled device of %s was refused", world.user[owner->user].name.text);
}

void __wrap_listener_answer(struct listener *listener, uint32_t slot, uint32_t number, uint8_t status, const void *body,
			    size_t body_bytes, struct mtime now)
{
	if (listener->slot[slot].state != LISTENER_OPEN && listener->slot[slot].state != LISTENER_CLOSING) {
		__real_listener_answer(listener, slot, number, status, body, body_bytes, now);
		return; // its session is over: the answer goes nowhere
	}
	struct look *look = &watched(slot)->look[number % LOOKS_MAX];
	if (look->number != number)
		report_failure("call %u of a session was answered and not done", number);
	if (look->is_answered && look->kind != CALL_WHO)
		report_failure("call %u of a session was answered twice", number);
	look->is_answered = true;
	look->answered_at = now;
	if (look->kind == CALL_SUBMIT && look->message < MESSAGES_MAX)
		truth_answered(look->message, status == STATUS_ACCEPTED, server_disk_holds(&world.disk, look->message));
	if (look->kind == CALL_SUBMIT && status == STATUS_MAILBOX_FULL)
		report_sight(SIGHT_MAILBOX_FULL);
	if (look->kind == CALL_SUBMIT && status == STATUS_NO_SUCH_USER)
		report_sight(SIGHT_NO_SUCH_USER);
	if (status == STATUS_SERVER_FULL)
		report_sight(SIGHT_SERVER_FULL);
	if (look->kind == CALL_SIGNIN && status == STATUS_NOT_AUTHORIZED)
		check_refusal(slot);
	if (look->kind == CALL_SIGNIN && status == STATUS_OK)
		check_grant(slot);
	__real_listener_answer(listener, slot, number, status, body, body_bytes, now);
}

void __wrap_listener_defer(struct listener *listener, uint32_t slot, struct mtime until)
{
	report_sight(SIGHT_DEFERRED);
	__real_listener_defer(listener, slot, until);
}

enum mms_err __wrap_listener_call(struct listener *listener, uint32_t slot, uint8_t kind, const void *body,
				  size_t body_bytes, uint64_t tag)
{
	const enum mms_err err = __real_listener_call(listener, slot, kind, body, body_bytes, tag);
	struct call_notice notice;
	const int identity = world_identity_of_key(watched(slot)->key);
	if (err != MMS_OK || kind != CALL_NOTICE || call_notice_decode(&notice, body, body_bytes) != MMS_OK)
		return err;
	if (notice.what == NOTICE_REPLACED)
		watched(slot)->is_replaced = true;
	if (notice.what == NOTICE_GAP && identity >= 0)
		world.identity[identity].gap_id = notice.id;
	return err;
}

// The session at the server that a callee belongs to, or NULL.
static const struct watched_slot *watched_callee(const struct callee *callee)
{
	const struct listener *listener = &world.server.node.listener;
	for (uint32_t i = 0; world.server.is_up && i < listener->fresh_count; i++)
		if (&listener->slot[i].session.callee == callee)
			return watched(i);
	return NULL;
}

enum callee_verdict __wrap_callee_recv_call(struct callee *callee, struct blocks *blocks,
					    const struct wire_frame_view *frame, bool is_repeat_twice)
{
	const enum callee_verdict verdict = __real_callee_recv_call(callee, blocks, frame, is_repeat_twice);
	const struct watched_slot *slot = verdict == CALLEE_REPEAT ? watched_callee(callee) : NULL;
	const struct look *look = slot == NULL ? NULL : &slot->look[frame->number % LOOKS_MAX];
	if (look == NULL || look->number != frame->number || look->kind != CALL_SUBMIT || !look->is_answered)
		return verdict;
	// Later than an answer and a repetition that have crossed.
	if (mtime_diff_us(world.now, look->answered_at) > 2000LL * world.options.delay_ms_max)
		report_sight(SIGHT_ANSWER_LOST);
	return verdict;
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
	uint64_t *opened = &watched(slot)->opened[watch->counter % OPENED_MAX];
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
	if (path->is_proved)
		report_failure("an address counts as proved that has heard nothing");
	if (!path->is_proved && path->other.family == ADDR_NONE)
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
	watched(watch->slot)->path = session->path.current;
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
	const uint64_t with_block = callee->held & ~callee->bare;
	uint32_t count = 0;
	if ((callee->calls == NULL) != (with_block == 0))
		report_failure("a window is kept for nothing, or calls are kept nowhere");
	for (uint64_t left = with_block & callee->answered; left != 0;) {
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
	return count + check_ring(blocks, callee->calls->call, with_block & ~callee->answered, callee->peer_base);
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
	     (callee->answered & ~callee->held) | ((callee->due | callee->bare) & ~callee->answered)) != 0)
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
	const struct listener *listener = &world.server.node.listener;
	const struct server_peer *replaced = &server->peer[slot];
	for (uint32_t i = 0; replaced->is_receiving && i < server->peer_capacity; i++) {
		const struct server_peer *peer = &server->peer[i];
		if (peer->state == PEER_SIGNED_IN && peer->is_receiving && peer->device_id == replaced->device_id &&
		    listener_handshake_at(listener, i).us < listener_handshake_at(listener, slot).us)
			report_failure("a session was replaced by one that began before it");
	}
}

// Nobody stays signed in whom the users file shuts out.
static void check_admitted(const struct server *server)
{
	for (uint32_t i = 0; i < server->peer_capacity && !world.server.is_reload_due; i++)
		if (server->peer[i].state == PEER_SIGNED_IN)
			check_grant(i);
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
	if (server->is_storing && server->batch[server->filling].op_count > 0)
		report_sight(SIGHT_BOTH_BATCHES);
	for (int i = 0; i < 2; i++)
		if (server->batch[i].op_count > SERVER_OPS_MAX || server->batch[i].waiter_count > SERVER_WAITERS_MAX)
			report_failure("a batch is larger than its bound");
	if (world.server.turn_count++ % 16 != 0)
		return;
	check_blocks(listener);
	check_admitted(server);
	check_senders(server);
}
