// SPDX-License-Identifier: ISC
// The contract is in device_host.h.
#include "device_host.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "device_perform.h"
#include "double.h"
#include "hoard.h"
#include "network.h"
#include "report.h"
#include "terminals.h"

static uint32_t place_of(const struct process *process)
{
	return (uint32_t)(process - world.process);
}

void device_host_begin(void)
{
	for (uint32_t i = 0; i < PROCESSES_MAX; i++) {
		struct process *process = &world.process[i];
		process->is_alive = false;
		process->addr = network_addr(1 + i, (uint16_t)(1000 + i));
		process->wall_offset_ms = 0;
		process->cut_until[0] = process->cut_until[1] = process->awake_at = (struct mtime){0};
		if (process->memory == NULL)
			process->memory = malloc(device_life_memory_bytes());
		assert(process->memory != NULL);
	}
}

void device_host_end(void)
{
	for (uint32_t i = 0; i < PROCESSES_MAX; i++) {
		if (world.process[i].is_alive)
			device_life_clear(&world.process[i].life);
		world.process[i].is_alive = false;
	}
}

struct process *device_host_of(uint8_t profile)
{
	struct process *found = NULL;
	for (uint32_t i = 0; i < PROCESSES_MAX; i++) {
		struct process *process = &world.process[i];
		if (process->is_alive && process->profile == profile && (found == NULL || process->is_receiving))
			found = process;
	}
	return found;
}

struct process *device_host_at(const struct addr *addr)
{
	for (uint32_t i = 0; i < PROCESSES_MAX; i++)
		if (world.process[i].is_alive && addr_is_same_peer(&world.process[i].addr, addr))
			return &world.process[i];
	return NULL;
}

struct process *device_host_any_of(uint8_t profile)
{
	struct process *found[PROCESSES_MAX];
	uint32_t count = 0;
	for (uint32_t i = 0; i < PROCESSES_MAX; i++) {
		struct process *process = &world.process[i];
		if (process->is_alive && !process->is_stopped && process->profile == profile)
			found[count++] = process;
	}
	return count == 0 ? NULL : found[draw_below(&world.draw, count)];
}

// --- life and death ---

static void note_company(struct process *fresh)
{
	fresh->was_alone = fresh->is_receiving; // of those that only send, the ninth replaces another
	for (uint32_t i = 0; fresh->is_receiving && i < PROCESSES_MAX; i++) {
		struct process *other = &world.process[i];
		if (other == fresh || !other->is_alive || !other->is_receiving || world_owner(other) != world_owner(fresh))
			continue;
		if (other->profile != fresh->profile)
			other->was_alone = false;
		fresh->was_alone = fresh->was_alone && other->was_alone;
	}
}

// The name a device signs in with. A hostile one tries others, but none that it might claim: that would be its right.
static struct name name_for(const struct identity *identity)
{
	const struct identity *other = &world.identity[draw_below(&world.draw, world.identity_count)];
	const bool is_enrolled = server_disk_device(&world.disk, identity->keys.public_key) != NULL;
	const bool is_stealing = world.user[identity->user].is_hostile && other->has_invite &&
				 draw_chance(&world.draw, is_enrolled ? 700 : 200);
	return world.user[is_stealing ? other->user : identity->user].name;
}

// A user who has no invite types something for one now and then; not once the name may be claimed, for then it may be let in
// by its key. A rival may lack the one there is.
static void choose_code(const struct process *process, struct identity *identity, struct life_wish *wish)
{
	memcpy(wish->invite_hash, identity->invite_hash, sizeof wish->invite_hash);
	// Who has a name after somebody else uses the code: without it, the one before may be claimed as long as the line is.
	const bool may_forget = process->is_rival && world.user[identity->user].first == identity->user;
	wish->has_invite = identity->has_invite && (!may_forget || draw_chance(&world.draw, 500));
	if (identity->has_invite || identity->is_claimant)
		return;
	wish->has_invite = draw_chance(&world.draw, 200);
	identity->is_claimant = !wish->has_invite;
}

static void be(struct process *process, enum life_use use)
{
	const struct profile *profile = &world.profile[process->profile];
	struct identity *identity = &world.identity[profile->disk.identity];
	struct life_server server = {.is_pinned = profile->is_pinned[process->name]};
	struct life_wish wish = {.name = name_for(identity), .use = use};
	choose_code(process, identity, &wish);
	memcpy(server.key, world.server.keys.public_key, sizeof server.key);
	device_life_init(&process->life, &server, process->memory, &world.rng, world.now);
	device_life_be(&process->life, &wish, world.now);
	report_trace("process %u of %s starts on profile %u%s", place_of(process), wish.name.text, process->profile,
		     wish.has_invite ? " with an invite" : "");
}

struct process *device_host_start(uint8_t profile, enum life_use use, bool is_rival)
{
	struct process *process = NULL;
	for (uint32_t i = 0; i < PROCESSES_MAX && process == NULL; i++)
		if (!world.process[i].is_alive)
			process = &world.process[i];
	if (process == NULL)
		return NULL;
	process->is_alive = process->is_due = true;
	process->is_stopped = process->is_woken = process->is_grown = false;
	process->work.is_append = process->work.is_ask = false;
	process->is_receiving = use == LIFE_RECEIVES;
	process->is_rival = is_rival;
	process->sent_count = 0;
	process->profile = profile;
	process->name = is_rival && draw_chance(&world.draw, 400) ? 1 : 0;
	process->awake_at = world.now;
	process->resolve_at = MTIME_NEVER;
	terminals_begin(process);
	note_company(process);
	be(process, use);
	return process;
}

void device_host_kill(struct process *process)
{
	if (!process->is_alive)
		return;
	report_trace("process %u ends", place_of(process));
	device_life_clear(&process->life);
	device_perform_end(process);
	process->is_alive = false;
	terminals_yield(process);
}

void device_host_revive(void)
{
	for (uint8_t i = 0; i < world.profile_count; i++) {
		const bool is_honest = world_identity_is_honest(world.profile[i].disk.identity);
		for (uint32_t p = 0; p < PROCESSES_MAX; p++) {
			struct process *one = &world.process[p];
			if (one->is_alive && one->profile == i && (one->is_stopped || (!is_honest && !hoard_goes_on(one))))
				device_host_kill(one);
		}
		const struct process *process = device_host_of(i);
		if (is_honest && (process == NULL || (!process->is_receiving && !world.profile[i].is_given_up)))
			device_host_start(i, world.profile[i].is_given_up ? LIFE_SENDS : LIFE_RECEIVES, false);
	}
}

void device_host_move(struct process *process)
{
	struct addr addr = network_addr(1 + place_of(process) + (draw_chance(&world.draw, 500) ? 40 : 0), ++world.port);
	report_trace("process %u has another address", place_of(process));
	process->addr = addr;
}

// --- turns ---

void device_host_recv(const struct addr *to, const struct addr *from, const uint8_t *datagram, size_t bytes)
{
	struct process *process = device_host_at(to);
	if (process == NULL || !mtime_is_due(process->awake_at, world.now))
		return;
	const struct dialer *dialer = &process->life.node.dialer;
	uint32_t index;
	uint64_t counter;
	if (bytes > 0 && datagram[0] == WIRE_DATA && wire_data_decode(datagram, bytes, &index, &counter) == MMS_OK)
		for (uint32_t i = 0; i < DIALER_SESSIONS; i++)
			if (dialer->slot[i].state == DIALER_SLOT_OLD && dialer->slot[i].session.local_index == index)
				report_sight(SIGHT_REKEY_CROSSED);
	device_life_recv(&process->life, from, datagram, bytes, world.now);
	process->is_due = true;
}

static struct mtime deadline(const struct process *process)
{
	if (!mtime_is_due(process->awake_at, world.now))
		return process->awake_at;
	if (process->is_due)
		return world.now;
	struct mtime due = mtime_min(process->resolve_at, device_perform_store_deadline(process));
	if (process->is_showing && process->has_news)
		due = mtime_min(due, process->show_at);
	return mtime_min(due, device_life_deadline(&process->life, world.now));
}

struct mtime device_host_deadline(void)
{
	struct mtime due = MTIME_NEVER;
	for (uint32_t i = 0; i < PROCESSES_MAX; i++)
		if (world.process[i].is_alive)
			due = mtime_min(due, deadline(&world.process[i]));
	return due;
}

static bool is_hostile(const struct process *process)
{
	return world.is_faulty && world.user[world_owner(process)->user].is_hostile;
}

// A call of a hostile device: any kind, any body; at times an id of somebody else.
static void call_anything(struct process *process)
{
	static const uint8_t kinds[] = {CALL_SIGNIN, CALL_WHO, CALL_SUBMIT, CALL_SUBMIT, CALL_SIGNOUT, CALL_PING, CALL_DELIVER, 99};
	uint8_t body[CALL_BODY_BYTES_MAX];
	struct dialer *dialer = &process->life.node.dialer;
	const uint32_t slot = draw_below(&world.draw, DIALER_SESSIONS);
	const uint8_t kind = kinds[draw_below(&world.draw, sizeof kinds)];
	size_t bytes = draw_below(&world.draw, 60);
	if (dialer->slot[slot].state == DIALER_SLOT_FREE)
		return;
	rng_fill(&world.rng, body, sizeof body);
	if (kind == CALL_SUBMIT && draw_chance(&world.draw, 800)) {
		struct call_submit submit = {
			.kind = draw_chance(&world.draw, 900) ? MESSAGE_WRITTEN : (uint8_t)draw_below(&world.draw, 8),
			.form = draw_chance(&world.draw, 900) ? MESSAGE_UTF8 : (uint8_t)draw_below(&world.draw, 4),
			.recipient = {world.user[draw_below(&world.draw, world.user_count)].name, draw_chance(&world.draw, 50)},
			.text = (const uint8_t *)"not what you think",
			.text_bytes = 1 + draw_below(&world.draw, 18),
		};
		memcpy(submit.id.bytes, body, ID_BYTES);
		if (truth_count() > 0 && draw_chance(&world.draw, 500))
			submit.id = truth_message(draw_below(&world.draw, truth_count()))->id;
		bytes = call_submit_encode(&submit, body);
	}
	report_sight(SIGHT_CALL_OF_HOSTILE);
	// Its client knows of no such call and ignores the answer; tag 0 is no message of its outbox.
	if (dialer_call(dialer, slot, kind, body, bytes, 0) != MMS_OK)
		return; // its window is full
}

static void check_dialer(const struct process *process)
{
	const struct dialer *dialer = &process->life.node.dialer;
	uint32_t up_count = 0;
	for (uint32_t i = 0; i < DIALER_SESSIONS; i++) {
		const struct session *session = &dialer->slot[i].session;
		if (dialer->slot[i].state == DIALER_SLOT_FREE)
			continue;
		up_count++;
		if (session->caller.next_number - caller_base(&session->caller) > CALL_WINDOW)
			report_failure("a device has more calls in flight than the window has");
	}
	if (up_count == DIALER_SESSIONS)
		report_sight(SIGHT_REKEY);
}

// Whether it was killed in between.
static bool is_killed_here(struct process *process)
{
	if (!world.is_faulty || !draw_chance(&world.draw, world.options.device_boundary_kill))
		return false;
	device_host_kill(process);
	return true;
}

// False: it was killed between two of its orders.
static bool perform(struct process *process)
{
	struct life_order order;
	for (int count = 0; device_life_next(&process->life, world.now, &order); count++) {
		if (count == 4000)
			report_failure("a device has orders for ever");
		if (is_killed_here(process))
			return false;
		device_perform(process, &order);
		device_perform_stored(process);
		device_perform_check(process);
	}
	return !is_killed_here(process);
}

static void turn(struct process *process)
{
	process->is_due = false;
	if (process->is_aside)
		terminals_come_back(process);
	if (mtime_is_due(process->resolve_at, world.now))
		device_perform_resolved(process);
	device_perform_stored(process);
	if (process->is_woken)
		device_life_woken(&process->life, world.now);
	process->is_woken = false;
	if (process->is_stirred)
		device_life_stirred(&process->life, world.now);
	process->is_stirred = false;
	if (is_hostile(process) && draw_chance(&world.draw, 400))
		call_anything(process);
	if (is_hostile(process) || hoard_goes_on(process))
		hoard_turn(process);
	double_spoil(is_hostile(process) && draw_chance(&world.draw, 300) ? &world.draw : NULL);
	const bool is_alive = perform(process);
	double_spoil(NULL);
	hoard_sent();
	if (!is_alive)
		return;
	check_dialer(process);
	if (process->is_stopped && !process->work.is_append && world.profile[process->profile].holder == (int)place_of(process))
		report_failure("a process has stopped, and keeps the outbox");
	if (process->is_stopped && !process->work.is_append && world.profile[process->profile].receiver == (int)place_of(process))
		report_failure("a process has stopped, and lets no other one receive");
	terminals_show(process, is_killed_here);
	if (!process->is_alive)
		return;
	if (process->is_grown && !process->is_stopped && !process->work.is_append)
		report_failure("the transcript of a process has grown, and it was not told");
}

void device_host_turns(void)
{
	for (uint32_t i = 0; i < PROCESSES_MAX; i++) {
		struct process *process = &world.process[i];
		if (process->is_alive && mtime_is_due(deadline(process), world.now))
			turn(process);
	}
}

void device_host_check_outboxes(void)
{
	for (uint32_t i = 0; i < truth_count(); i++) {
		bool is_held = truth_message(i)->is_disturbed || world.user[truth_message(i)->sender].is_hostile;
		for (uint32_t p = 0; p < world.profile_count; p++)
			is_held = is_held || device_disk_holds(&world.profile[p].disk, i);
		if (!is_held)
			report_failure("message %u was kept, and stands in no outbox", i);
	}
}
