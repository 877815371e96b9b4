// SPDX-License-Identifier: ISC
// The life of a device: what is to be done next. The contract is in device_life.h.
#include <assert.h>
#include <string.h>

#include "node/device_life_inside.h"

// Whether the protocol is at work.
static bool is_running(const struct device_life *life)
{
	return life->state == LIFE_ASKING || (life->state >= LIFE_DIALING && life->state <= LIFE_SIGNING_OUT);
}

bool device_life_is_unresolved(const struct device_life *life)
{
	return life->was_unresolved && life->node.dialer.addr_count == 0;
}

bool device_life_is_silent(const struct device_life *life, struct mtime now)
{
	if (life->state == LIFE_IDLE || life->state == LIFE_STOPPED)
		return false;
	return device_life_is_unresolved(life) || (is_running(life) && device_node_silence_us(&life->node, now) >= LIFE_SILENT_US);
}

// --- time ---

static void note_silence(struct device_life *life, struct mtime now)
{
	// Whether trying to find an address goes on, is known when the profile is.
	const bool is_waited_for = !device_life_is_unresolved(life) || device_life_is_known(life);
	const bool is_silent = device_life_is_silent(life, now) && is_waited_for;
	if (is_silent && !life->is_silence_told) {
		life->is_silence_told = true;
		device_life_tell(life, &(struct life_told){.type = LIFE_TOLD_UNREACHABLE});
	} else if (!is_silent && life->is_silence_told && life->state == LIFE_SIGNED_IN) {
		life->is_silence_told = false;
		device_life_tell(life, &(struct life_told){.type = LIFE_TOLD_REACHED});
	}
}

// A name that stands for another address now is found by looking again; how often, grows while it does not help.
static void note_lookup(struct device_life *life, struct mtime now)
{
	const bool is_silent = device_life_is_silent(life, now);
	if (life->lookup == LOOKUP_KNOWN && !is_silent) {
		life->lookup_wait_us = LIFE_LOOKUP_US_FIRST;
		life->lookup_at = now;
	} else if ((life->lookup == LOOKUP_KNOWN || life->lookup == LOOKUP_FAILED) &&
		   mtime_is_due(life->lookup_at, now)) {
		life->lookup = LOOKUP_DUE;
		life->lookup_wait_us *= 2;
		if (life->lookup_wait_us > LIFE_LOOKUP_US_MAX)
			life->lookup_wait_us = LIFE_LOOKUP_US_MAX;
	}
}

static void note_time(struct device_life *life, struct mtime now)
{
	note_silence(life, now);
	note_lookup(life, now);
	if (life->state == LIFE_SIGNING_OUT &&
	    (mtime_is_due(life->leave_at, now) || device_life_is_silent(life, now)))
		device_life_stop(life, LIFE_STOP_SIGNED_OUT, 0); // it will notice the silence
}

// --- orders ---

static bool order_keyed(struct device_life *life, struct life_order *order, enum life_order_type type,
			const struct name *name)
{
	*order = (struct life_order){.type = type, .name = *name};
	memcpy(order->key, life->server_key, NOISE_KEY_BYTES);
	life->pending = type;
	return true;
}

static bool order_bare(struct life_order *order, enum life_order_type type)
{
	*order = (struct life_order){.type = type};
	return true;
}

static void end(struct device_life *life, const struct life_told *told)
{
	device_node_stop(&life->node);
	life->state = LIFE_STOPPED;
	life->is_role_changed = false;
	life->poke_at = MTIME_NEVER;
	// Nothing proved a key that was shown and not pinned.
	if (!life->is_pinned && (told->stop == LIFE_STOP_REFUSED || told->stop == LIFE_STOP_NOT_PROVED ||
				 told->stop == LIFE_STOP_BROKEN))
		life->has_key = false;
}

// A sign-in is told when it cannot be forgotten any more: the key is pinned, and the profile says that it has signed in.
static bool next_before_signed_in(struct device_life *life, const struct life_told *told, struct life_order *order)
{
	if (!life->is_pinned)
		return order_keyed(life, order, LIFE_PIN, &told->name);
	if (!life->facts.has_signed_in || strcmp(life->facts.name.text, told->name.text) != 0)
		return order_keyed(life, order, LIFE_NOTE, &told->name);
	return false;
}

// The server keeps so many sessions of a device that do not receive, and ends the one heard from least recently. Nobody ordered
// the handshake that follows: it waits for its turn like all of those.
static bool pause(struct device_life *life, const struct life_told *told, struct mtime now)
{
	const int64_t wait_us = life->wish.use == LIFE_RECEIVES ? LIFE_FOLLOW_PAUSE_US : LIFE_PAUSE_US;
	if (told->stop != LIFE_STOP_REPLACED || life->is_receiving || life->is_overruled || life->state == LIFE_SIGNING_OUT)
		return false;
	device_node_stop(&life->node);
	life->state = LIFE_PAUSING;
	life->again_at = mtime_max(mtime_add_us(now, wait_us), dialer_ready_at(&life->node.dialer));
	return true;
}

// A copy of the profile receives: those who follow have to know before one of them can take this one's place.
static bool next_before_replaced(struct device_life *life, const struct life_told *told, struct life_order *order)
{
	return told->stop == LIFE_STOP_REPLACED && life->is_receiving && !life->is_overruled && life->state != LIFE_STOPPED &&
	       order_keyed(life, order, LIFE_OVERRULE, &life->wish.name);
}

static bool next_told(struct device_life *life, struct mtime now, struct life_order *order)
{
	while (life->told_count > 0) {
		const struct life_told *told = &life->told[life->told_first];
		if (told->type == LIFE_TOLD_SIGNED_IN && next_before_signed_in(life, told, order))
			return true;
		if (told->type == LIFE_TOLD_STOPPED && next_before_replaced(life, told, order))
			return true;
		*order = (struct life_order){.type = LIFE_TELL, .told = *told};
		life->told_first = (life->told_first + 1) % LIFE_TOLD_MAX;
		life->told_count--;
		if (told->type == LIFE_TOLD_STOPPED && (life->state == LIFE_STOPPED || pause(life, told, now)))
			continue; // it has ended already, or does not end by this
		if (told->type == LIFE_TOLD_STOPPED)
			end(life, &order->told);
		life->was_signed_in = life->was_signed_in || told->type == LIFE_TOLD_SIGNED_IN;
		return true;
	}
	return false;
}

static bool is_at_work(const struct device_life *life)
{
	return life->state >= LIFE_WAITING && life->state <= LIFE_SIGNED_IN;
}

// Whether the outbox is to be taken as soon as no other process has it. Who receives has it in the end; who follows needs it only
// to sign in first.
static bool is_taking(const struct device_life *life)
{
	const bool is_following = life->wish.use == LIFE_RECEIVES && life->facts.has_signed_in && !life->is_receiver;
	return !life->is_holding && is_at_work(life) && !is_following;
}

// Whether this process is to receive as soon as no other one does.
static bool is_to_receive(const struct device_life *life)
{
	return life->wish.use == LIFE_RECEIVES && !life->is_receiver && is_at_work(life) &&
	       (life->facts.has_signed_in || life->is_holding);
}

// Whether sessions are to begin anew, since their process receives now, or does no longer. What they brought is kept and told first.
static bool is_change_due(const struct device_life *life)
{
	return life->is_role_changed && is_at_work(life) && !life->is_append_out && !client_is_gathering(&life->node.client);
}

static void change_role(struct device_life *life, struct mtime now)
{
	life->is_role_changed = false;
	life->is_list_due = life->is_list_due || life->node.client.list.is_wanted;
	device_node_stop(&life->node);
	life->state = LIFE_WAITING;
	if (life->wish.use == LIFE_RECEIVES ? life->facts.has_signed_in || life->is_holding : life->is_holding)
		device_life_dial(life, now);
}

// Whether the outbox is to be given to another process: not before it can read there what became of what this one submitted.
static bool is_outbox_due(const struct device_life *life)
{
	return life->state == LIFE_STOPPED && life->is_holding && !life->is_append_out;
}

// The same of receiving.
static bool is_yield_due(const struct device_life *life)
{
	return life->state == LIFE_STOPPED && life->is_receiver && !life->is_append_out;
}

static bool next_own(struct device_life *life, struct mtime now, struct life_order *order)
{
	if (life->lookup == LOOKUP_DUE) {
		life->lookup = LOOKUP_RUNNING;
		return order_bare(order, LIFE_RESOLVE);
	}
	if (is_outbox_due(life)) {
		life->is_holding = false;
		return order_bare(order, LIFE_GIVE);
	}
	if (is_yield_due(life)) {
		life->is_receiver = false;
		return order_bare(order, LIFE_YIELD);
	}
	if (life->is_open && life->is_stir_due) {
		life->is_stir_due = false;
		return order_bare(order, LIFE_STIR);
	}
	if (life->state == LIFE_OPENING)
		return order_keyed(life, order, LIFE_OPEN, &life->wish.name);
	if (life->is_open && !life->is_holding && mtime_is_due(life->poke_at, now)) {
		life->poke_at = is_taking(life) || !mtime_is_due(life->poke_end_at, now) ? mtime_add_us(now, LIFE_POKE_US) : MTIME_NEVER;
		return order_bare(order, LIFE_POKE);
	}
	if (is_to_receive(life) && mtime_is_due(life->role_at, now))
		return order_keyed(life, order, LIFE_RECEIVE, &life->wish.name);
	if (is_change_due(life))
		change_role(life, now);
	if (life->state == LIFE_PAUSING && mtime_is_due(life->again_at, now))
		device_life_dial(life, now);
	if (is_taking(life) && mtime_is_due(life->turn_at, now))
		return order_keyed(life, order, LIFE_TAKE, &life->wish.name);
	return false;
}

// The state follows the sessions while the life is at the server.
static void follow_sessions(struct device_life *life)
{
	const struct client *client = &life->node.client;
	if (life->state < LIFE_DIALING || life->state > LIFE_SIGNED_IN)
		return;
	if (client_is_signed_in(client))
		life->state = LIFE_SIGNED_IN;
	else if (client->slot[0].state != CLIENT_SLOT_NONE || client->slot[1].state != CLIENT_SLOT_NONE)
		life->state = LIFE_SIGNING_IN;
	else
		life->state = LIFE_DIALING;
}

static bool step(struct device_life *life, struct mtime now)
{
	const bool has_stepped = device_node_step(&life->node, now);
	if (client_is_broken(&life->node.client)) {
		device_life_break(life, LIFE_STOP_STORE);
		return true;
	}
	follow_sessions(life);
	return has_stepped || life->told_count > 0;
}

// What the storage is to do, when no event is left: what they changed goes there together.
static bool next_stored(struct device_life *life, struct life_order *order)
{
	const struct client_batch *batch = life->is_append_out ? NULL : device_node_append(&life->node);
	if (batch != NULL) {
		*order = (struct life_order){.type = LIFE_APPEND, .batch = batch};
		return life->is_append_out = true;
	}
	const struct client_question *question = life->is_ask_out ? NULL : device_node_question(&life->node);
	if (question != NULL) {
		*order = (struct life_order){.type = LIFE_ASK, .question = question};
		return life->is_ask_out = true;
	}
	return false;
}

bool device_life_next(struct device_life *life, struct mtime now, struct life_order *order)
{
	assert(life->pending == 0);
	if (is_running(life))
		device_node_tick(&life->node, now);
	note_time(life, now);
	do {
		if (next_told(life, now, order) || next_own(life, now, order))
			return true;
	} while (is_running(life) && step(life, now));
	if (is_running(life) && next_stored(life, order))
		return true;
	*order = (struct life_order){.type = LIFE_SEND};
	return is_running(life) && device_node_send(&life->node, now, &order->datagrams);
}

struct mtime device_life_deadline(const struct device_life *life, struct mtime now)
{
	struct mtime due = MTIME_NEVER;
	const bool is_silent = device_life_is_silent(life, now);
	if (life->told_count > 0 || life->lookup == LOOKUP_DUE || life->state == LIFE_OPENING ||
	    is_outbox_due(life) || is_yield_due(life) || (life->is_open && life->is_stir_due) || is_change_due(life))
		return now;
	if (life->lookup == LOOKUP_FAILED || (life->lookup == LOOKUP_KNOWN && is_silent))
		due = life->lookup_at;
	if (life->is_open && !life->is_holding)
		due = mtime_min(due, life->poke_at);
	if (is_taking(life))
		due = mtime_min(due, life->turn_at);
	if (is_to_receive(life))
		due = mtime_min(due, life->role_at);
	if (life->state == LIFE_PAUSING)
		due = mtime_min(due, life->again_at);
	if (life->state == LIFE_SIGNING_OUT)
		due = mtime_min(due, life->leave_at);
	if (!is_running(life))
		return due;
	const int64_t silence_us = device_node_silence_us(&life->node, now);
	if (silence_us > 0 && silence_us < LIFE_SILENT_US)
		due = mtime_min(due, mtime_add_us(now, LIFE_SILENT_US - silence_us));
	return mtime_min(due, device_node_deadline(&life->node, now));
}
