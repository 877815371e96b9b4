// SPDX-License-Identifier: ISC
// The life of a device: wishes and what happened. The contract is in device_life.h; the orders are in device_life_next.c.
#include "node/device_life.h"

#include <assert.h>
#include <string.h>

#include "crypto/crypto.h"
#include "node/device_life_inside.h"

// --- the queue of what is to be told ---

void device_life_tell(struct device_life *life, const struct life_told *told)
{
	assert(life->told_count < LIFE_TOLD_MAX);
	life->told[(life->told_first + life->told_count++) % LIFE_TOLD_MAX] = *told;
}

void device_life_stop(struct device_life *life, enum life_stop stop, uint8_t status)
{
	device_life_tell(life, &(struct life_told){.type = LIFE_TOLD_STOPPED, .stop = stop, .status = status});
}

static void take_told(void *context, const struct client_told *told)
{
	static const enum life_told_type types[] = {
		[TOLD_SIGNED_IN] = LIFE_TOLD_SIGNED_IN, [TOLD_RECONNECTED] = LIFE_TOLD_RECONNECTED,
		[TOLD_REFUSED] = LIFE_TOLD_STOPPED,     [TOLD_NOT_PROVED] = LIFE_TOLD_STOPPED,
		[TOLD_STORED] = LIFE_TOLD_STORED,       [TOLD_VERDICT] = LIFE_TOLD_VERDICT,
		[TOLD_LIST_BEGIN] = LIFE_TOLD_LIST_BEGIN, [TOLD_LIST_USER] = LIFE_TOLD_LIST_USER,
		[TOLD_LIST_ROOM] = LIFE_TOLD_LIST_ROOM, [TOLD_LIST_END] = LIFE_TOLD_LIST_END,
		[TOLD_LIST_FAILED] = LIFE_TOLD_LIST_FAILED, [TOLD_SIGNED_OUT] = LIFE_TOLD_STOPPED,
		[TOLD_REPLACED] = LIFE_TOLD_STOPPED,    [TOLD_REMOVED] = LIFE_TOLD_STOPPED,
		[TOLD_SHUTDOWN] = LIFE_TOLD_SHUTDOWN,
		[TOLD_BROKEN] = LIFE_TOLD_STOPPED,      [TOLD_PRESENCE] = LIFE_TOLD_PRESENCE,
	};
	static const enum life_stop stops[] = {
		[TOLD_REFUSED] = LIFE_STOP_REFUSED,       [TOLD_NOT_PROVED] = LIFE_STOP_NOT_PROVED,
		[TOLD_SIGNED_OUT] = LIFE_STOP_SIGNED_OUT, [TOLD_REPLACED] = LIFE_STOP_REPLACED,
		[TOLD_REMOVED] = LIFE_STOP_REMOVED,       [TOLD_BROKEN] = LIFE_STOP_BROKEN,
	};
	const enum life_told_type type = types[told->type];
	assert(type != 0);
	device_life_tell(context, &(struct life_told){
		.type = type,
		.name = told->name,
		.waiting_count = told->waiting_count,
		.is_online = told->is_online,
		.heard_at = told->heard_at,
		.is_member = told->is_member,
		.is_owner = told->is_owner,
		.is_private = told->is_private,
		.member_count = told->member_count,
		.status = told->status,
		.id = told->id,
		.what = told->what,
		.to = told->to,
		.state = told->state,
		.is_reoffer = told->is_reoffer,
		.stop = type == LIFE_TOLD_STOPPED ? stops[told->type] : 0,
	});
}

// --- keys ---

static bool is_expected(const struct device_life *life, const uint8_t key[NOISE_KEY_BYTES])
{
	const struct fingerprint fingerprint = hash_fingerprint(key);
	return !life->has_fingerprint ||
	       crypto_is_equal(fingerprint.bytes, life->fingerprint.bytes, sizeof fingerprint.bytes);
}

static void take_news(void *context, enum device_news news, const uint8_t key[NOISE_KEY_BYTES])
{
	struct device_life *life = context;
	memcpy(life->shown_key, key, NOISE_KEY_BYTES);
	if (news == DEVICE_NO_VERSION) {
		device_life_stop(life, LIFE_STOP_VERSION, 0);
	} else if (news == DEVICE_KEY_CHANGED || !is_expected(life, key)) {
		device_life_stop(life, LIFE_STOP_KEY, 0);
	} else {
		memcpy(life->server_key, key, NOISE_KEY_BYTES);
		life->has_key = true;
		life->state = LIFE_OPENING;
	}
}

size_t device_life_memory_bytes(void)
{
	return device_node_memory_bytes();
}

void device_life_init(struct device_life *life, const struct life_server *server, void *memory, const struct rng *rng,
		      struct mtime now)
{
	const struct device_node_owner owner = {life, take_told, take_news};
	memset(life, 0, sizeof *life);
	life->has_fingerprint = server->has_fingerprint;
	life->fingerprint = server->fingerprint;
	life->has_key = life->is_pinned = server->is_pinned;
	if (server->is_pinned)
		memcpy(life->server_key, server->key, NOISE_KEY_BYTES);
	life->lookup_wait_us = LIFE_LOOKUP_US_FIRST;
	device_node_init(&life->node, NULL, 0, memory, rng, &owner, now);
}

void device_life_clear(struct device_life *life)
{
	device_life_forget(life);
	device_node_clear(&life->node);
}

// --- wishes ---

// Whether there is nothing that could be kept for a server whose address is unknown: no key, or nobody who has signed in.
static bool is_stranded(const struct device_life *life)
{
	const bool is_new = life->is_open && !life->facts.has_signed_in;
	return device_life_is_unresolved(life) && life->state != LIFE_IDLE &&
	       life->state != LIFE_STOPPED && (!life->has_key || is_new);
}

void device_life_be(struct device_life *life, const struct life_wish *wish, struct mtime now)
{
	assert(life->state == LIFE_IDLE);
	life->wish = *wish;
	life->wished_at = life->turn_at = now;
	if (life->has_key && !is_expected(life, life->server_key)) {
		// The fingerprint the user gave is not that of the pinned key: somebody has to decide.
		life->state = LIFE_ASKING;
		memcpy(life->shown_key, life->server_key, NOISE_KEY_BYTES);
		device_life_stop(life, LIFE_STOP_KEY, 0);
	} else if (life->has_key) {
		life->state = LIFE_OPENING;
	} else {
		life->state = LIFE_ASKING;
		device_node_ask(&life->node, now);
	}
	if (is_stranded(life))
		device_life_stop(life, LIFE_STOP_NO_HOST, 0);
}

void device_life_want_presence(struct device_life *life, const struct name *names, uint32_t count, struct mtime now)
{
	client_want_presence(&life->node.client, names, count, now);
}

void device_life_list(struct device_life *life, const struct client_list_wish *wish, struct mtime now)
{
	life->list = *wish;
	if (life->node.client.is_started) {
		client_list(&life->node.client, wish, now);
	} else if (life->state == LIFE_PAUSING || life->state == LIFE_WAITING) {
		life->is_list_due = true;
		life->again_at = mtime_max(now, dialer_ready_at(&life->node.dialer));
	}
}

void device_life_leave(struct device_life *life, struct mtime now)
{
	if (life->state == LIFE_IDLE || life->state == LIFE_STOPPED || life->state == LIFE_SIGNING_OUT)
		return;
	if (!life->was_signed_in || !life->node.client.is_started) {
		device_life_stop(life, LIFE_STOP_SIGNED_OUT, 0);
		return;
	}
	client_sign_out(&life->node.client, now);
	life->state = LIFE_SIGNING_OUT;
	life->leave_at = mtime_add_us(now, LIFE_SIGNOUT_US);
}

void device_life_forget(struct device_life *life)
{
	device_node_stop(&life->node);
	keypair_clear(&life->keys);
	life->state = LIFE_IDLE;
	life->is_open = life->is_holding = life->was_busy = life->was_signed_in = life->is_silence_told = false;
	life->is_receiver = life->is_receiving = life->is_role_changed = life->is_stir_due = false;
	life->is_overruled = life->is_list_due = false;
	life->facts = (struct life_facts){0};
	life->poke_at = MTIME_NEVER;
	life->told_count = 0;
	life->pending = 0;
	life->is_append_out = life->is_ask_out = false;
}

// --- the server's name ---

void device_life_resolved(struct device_life *life, const struct addr *addrs, uint32_t addr_count, struct mtime now)
{
	const bool was_silent = device_life_is_silent(life, now);
	const bool was_known = life->node.dialer.addr_count > 0;
	life->lookup = LOOKUP_KNOWN;
	life->was_unresolved = false;
	life->lookup_at = mtime_add_us(now, life->lookup_wait_us);
	if (dialer_set_addrs(&life->node.dialer, addrs, addr_count) && was_known && was_silent)
		dialer_redial(&life->node.dialer, now); // a session to the address before may be alive all the same
}

void device_life_unresolved(struct device_life *life, struct mtime now)
{
	life->lookup = LOOKUP_FAILED;
	life->was_unresolved = true;
	life->lookup_at = mtime_add_us(now, life->lookup_wait_us);
	if (is_stranded(life))
		device_life_stop(life, LIFE_STOP_NO_HOST, 0);
}

// --- the profile ---

void device_life_dial(struct device_life *life, struct mtime now)
{
	struct client_config config = {
		.name = life->wish.name,
		.is_receiving = life->is_receiver,
		// An invite that the server no longer knows is then no sign of an impostor.
		.is_server_proved = life->is_pinned && life->facts.has_signed_in,
		.has_invite = life->wish.has_invite,
	};
	memcpy(config.invite_hash, life->wish.invite_hash, INVITE_HASH_BYTES);
	device_node_start(&life->node, &life->keys, life->server_key, &config, now);
	life->state = LIFE_DIALING;
	life->is_receiving = life->is_receiver;
	life->is_role_changed = false;
	if (life->is_holding)
		client_set_submitting(&life->node.client, true, now);
	if (life->is_list_due)
		client_list(&life->node.client, &life->list, now);
	life->is_list_due = false;
}

static void learn(struct device_life *life, const struct life_facts *facts, bool has_changed)
{
	const bool was_known = life->facts.has_signed_in;
	life->facts = *facts;
	if (facts->has_signed_in && !was_known)
		device_life_tell(life, &(struct life_told){.type = LIFE_TOLD_KNOWN});
	if (has_changed)
		device_life_tell(life, &(struct life_told){.type = LIFE_TOLD_CHANGED});
}

static void performed(struct device_life *life, enum life_order_type order)
{
	assert(life->pending == order);
	life->pending = 0;
}

void device_life_opened(struct device_life *life, const struct keypair *keys, const struct life_facts *facts, struct mtime now)
{
	performed(life, LIFE_OPEN);
	life->is_open = true;
	life->keys = *keys;
	life->turn_at = life->role_at = now;
	life->turn_wait_us = LIFE_TURN_US;
	life->poke_at = MTIME_NEVER;
	life->state = LIFE_WAITING;
	life->replaced_count = facts->replaced_count;
	learn(life, facts, false);
	if (is_stranded(life))
		device_life_stop(life, LIFE_STOP_NO_HOST, 0);
	else if (facts->has_signed_in && life->wish.use == LIFE_ASKS)
		device_life_dial(life, now);
}

// Who shows what comes finds out first whether it receives (LIFE_RECEIVE).
static bool may_dial(const struct device_life *life)
{
	return life->state == LIFE_WAITING && life->wish.use != LIFE_RECEIVES;
}

void device_life_taken(struct device_life *life, const struct life_facts *facts, bool has_changed, struct mtime now)
{
	performed(life, LIFE_TAKE);
	life->is_holding = true;
	life->poke_at = MTIME_NEVER;
	learn(life, facts, has_changed);
	if (may_dial(life))
		device_life_dial(life, now);
	else if (life->node.client.is_started)
		client_set_submitting(&life->node.client, true, now);
}

void device_life_busy(struct device_life *life, const struct life_facts *facts, bool has_changed, struct mtime now)
{
	performed(life, LIFE_TAKE);
	life->was_busy = true;
	life->turn_at = mtime_add_us(now, life->turn_wait_us);
	life->turn_wait_us = life->turn_wait_us >= LIFE_TURN_US_MAX ? LIFE_TURN_US_MAX : life->turn_wait_us + LIFE_TURN_US;
	learn(life, facts, has_changed);
	// Who signs in first does so alone: others would ask to be enrolled with the same key and another invite, or none.
	if (may_dial(life) && facts->has_signed_in && life->wish.use != LIFE_SENDS)
		device_life_dial(life, now);
}

// What both outcomes of RECEIVE have in common. When a copy has replaced who received, none of the profile's processes comes back
// by itself: they would fight with those of the copy.
static void take_role(struct device_life *life, const struct life_facts *facts, bool has_changed, struct mtime now)
{
	const bool is_overruled = facts->replaced_count != life->replaced_count;
	performed(life, LIFE_RECEIVE);
	learn(life, facts, has_changed);
	if (is_overruled) {
		life->is_overruled = true;
		device_life_stop(life, LIFE_STOP_REPLACED, 0);
	} else if (life->state == LIFE_WAITING) {
		device_life_dial(life, now);
	}
}

void device_life_receives(struct device_life *life, const struct life_facts *facts, bool has_changed, struct mtime now)
{
	life->is_receiver = true;
	life->is_role_changed = true;
	life->turn_at = now;
	take_role(life, facts, has_changed, now);
}

void device_life_follows(struct device_life *life, const struct life_facts *facts, bool has_changed, struct mtime now)
{
	life->role_at = mtime_add_us(now, LIFE_LOOK_US);
	take_role(life, facts, has_changed, now);
}

void device_life_stirred(struct device_life *life, struct mtime now)
{
	life->role_at = now;
}

void device_life_overtaken(struct device_life *life, struct mtime now)
{
	if (!life->is_receiver && !life->is_holding)
		return;
	life->is_role_changed = life->is_receiver || life->wish.use == LIFE_SENDS || !life->facts.has_signed_in;
	life->is_receiver = life->is_receiving = life->is_holding = false;
	life->was_busy = true;
	life->role_at = life->turn_at = now;
	if (life->node.client.is_started)
		client_set_submitting(&life->node.client, false, now);
	if (life->state == LIFE_SIGNING_OUT)
		device_life_stop(life, LIFE_STOP_SIGNED_OUT, 0); // another process has signed in meanwhile
}

void device_life_pinned(struct device_life *life)
{
	performed(life, LIFE_PIN);
	life->is_pinned = true;
}

void device_life_noted(struct device_life *life)
{
	performed(life, LIFE_NOTE);
	learn(life, &(struct life_facts){true, life->told[life->told_first].name, life->facts.replaced_count}, false);
	life->is_stir_due = true;
}

void device_life_overruled(struct device_life *life)
{
	performed(life, LIFE_OVERRULE);
	life->is_overruled = life->is_stir_due = true;
}

void device_life_appended(struct device_life *life, const struct client_appended *appended, struct mtime now)
{
	assert(life->is_append_out);
	life->is_append_out = false;
	life->is_stir_due = life->is_stir_due || appended->err == MMS_OK;
	device_node_appended(&life->node, appended, now);
}

void device_life_answered(struct device_life *life, const struct client_answer *answer, struct mtime now)
{
	assert(life->is_ask_out);
	life->is_ask_out = false;
	device_node_learned(&life->node, answer, now);
}

void device_life_break(struct device_life *life, enum life_stop stop)
{
	life->pending = 0;
	if (life->state == LIFE_IDLE || life->state == LIFE_STOPPED)
		return;
	life->told_count = 0;
	device_life_stop(life, stop, 0);
}

void device_life_failed(struct device_life *life)
{
	device_life_break(life, LIFE_STOP_FAILED);
}

void device_life_queued(struct device_life *life, struct mtime now)
{
	if (!life->is_holding) {
		life->poke_at = now;
		life->poke_end_at = mtime_add_us(now, CLIENT_LOOK_US);
		life->turn_wait_us = LIFE_TURN_US; // whoever has it will have a verdict soon
	}
	if (life->node.client.is_started)
		client_submit(&life->node.client, now);
}

void device_life_woken(struct device_life *life, struct mtime now)
{
	if (life->node.client.is_started)
		client_submit(&life->node.client, now);
}

void device_life_recv(struct device_life *life, const struct addr *addr, const uint8_t *datagram, size_t bytes,
		      struct mtime now)
{
	device_node_recv(&life->node, addr, datagram, bytes, now);
}

bool device_life_is_known(const struct device_life *life)
{
	return life->is_open && life->facts.has_signed_in;
}

bool device_life_may_have_submitted(const struct device_life *life)
{
	return life->was_signed_in || life->was_busy;
}

bool device_life_was_reached(const struct device_life *life)
{
	return life->state != LIFE_IDLE && device_node_heard_at(&life->node).us > life->wished_at.us;
}
