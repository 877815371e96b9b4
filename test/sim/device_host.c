// SPDX-License-Identifier: ISC
// The contract is in device_host.h.
#include "device_host.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "double.h"
#include "network.h"
#include "report.h"

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
			process->memory = malloc(device_node_memory_bytes());
		assert(process->memory != NULL);
	}
}

void device_host_end(void)
{
	for (uint32_t i = 0; i < PROCESSES_MAX; i++) {
		if (world.process[i].is_alive)
			device_node_clear(&world.process[i].node);
		world.process[i].is_alive = false;
	}
}

struct process *device_host_of(uint8_t profile)
{
	for (uint32_t i = 0; i < PROCESSES_MAX; i++)
		if (world.process[i].is_alive && world.process[i].profile == profile)
			return &world.process[i];
	return NULL;
}

struct process *device_host_at(const struct addr *addr)
{
	for (uint32_t i = 0; i < PROCESSES_MAX; i++)
		if (world.process[i].is_alive && addr_is_same_peer(&world.process[i].addr, addr))
			return &world.process[i];
	return NULL;
}

// One process of a profile holds the outbox.
static void hand_over_outbox(uint8_t profile)
{
	struct process *first = NULL;
	for (uint32_t i = 0; i < PROCESSES_MAX; i++) {
		struct process *process = &world.process[i];
		if (!process->is_alive || process->is_stopped || process->profile != profile)
			continue;
		if (process->node.client.may_submit)
			return;
		first = first == NULL ? process : first;
	}
	if (first == NULL)
		return;
	client_set_submitting(&first->node.client, true, world.now);
	first->is_due = true;
}

// --- what a device says to its user ---

static void told(void *context, const struct client_told *told)
{
	struct process *process = context;
	const struct identity *owner = world_owner(process);
	const char *name = world.user[owner->user].name.text;
	switch (told->type) {
	case TOLD_SIGNED_IN:
	case TOLD_RECONNECTED:
		world_owner(process)->is_server_proved = true;
		process->node.client.config.is_server_proved = true;
		if (!name_is_same(&told->name, &world.user[owner->user].name))
			report_failure("%s was signed in as %s", name, told->name.text);
		report_trace("%s's process %u is signed in", name, place_of(process));
		return;
	case TOLD_VERDICT: {
		const uint32_t number = truth_find(owner->user, &told->id);
		if (number == MESSAGES_MAX)
			report_failure("a verdict was told on a message that its user did not write");
		if (!told->is_reoffer && !world.user[owner->user].is_hostile)
			truth_told(number, told->state);
		return;
	}
	case TOLD_REFUSED:
		report_sight(SIGHT_REFUSED);
		process->is_refused = true;
		break;
	case TOLD_BROKEN:
		if (!world.user[owner->user].is_hostile) // which may have made its first call itself
			report_failure("%s was told that the server breaks the protocol", name);
		break;
	case TOLD_WHO_FAILED:
		if (!world.user[owner->user].is_hostile)
			report_failure("%s got no list of users (%u)", name, told->status);
		return;
	case TOLD_NOT_PROVED:
		if (!owner->has_invite && !owner->is_claimant && !world.user[owner->user].is_hostile)
			report_failure("%s was let in with a code that is none", name);
		process->is_refused = true;
		break;
	case TOLD_REPLACED:
		report_sight(SIGHT_REPLACED);
		if (process->was_alone)
			report_failure("%s was told that another terminal receives, and there was none", name);
		break;
	case TOLD_REMOVED:
		report_sight(SIGHT_REMOVED);
		break;
	case TOLD_SIGNED_OUT:
		report_sight(SIGHT_SIGNED_OUT);
		break;
	case TOLD_SHUTDOWN:
		report_sight(SIGHT_SHUTDOWN);
		return;
	case TOLD_WHO_END:
		report_sight(SIGHT_WHO);
		return;
	case TOLD_STORED:
	case TOLD_WHO_BEGIN:
	case TOLD_WHO_USER:
		return;
	}
	report_trace("%s's process %u stops (%d)", name, place_of(process), told->type);
	process->is_stopped = true;
}

static void news(void *context, enum device_news news, const uint8_t key[NOISE_KEY_BYTES])
{
	struct process *process = context;
	(void)key;
	// A spoilt datagram can show any key; nothing proves it, and the device has stopped.
	report_trace("process %u is shown another key (%d)", place_of(process), news);
	if (world.options.flipping == 0)
		report_failure("a device was shown a key that the server does not have");
	process->is_stopped = true;
}

// --- life and death ---

static void note_company(struct process *fresh)
{
	fresh->was_alone = fresh->is_receiving; // of those that only send, the ninth replaces another
	for (uint32_t i = 0; fresh->is_receiving && i < PROCESSES_MAX; i++) {
		struct process *other = &world.process[i];
		if (other == fresh || !other->is_alive || !other->is_receiving || world_owner(other) != world_owner(fresh))
			continue;
		other->was_alone = fresh->was_alone = false;
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
// by its key.
static void choose_code(struct identity *identity, struct client_config *config)
{
	config->has_invite = identity->has_invite;
	memcpy(config->invite_hash, identity->invite_hash, sizeof config->invite_hash);
	if (identity->has_invite || identity->is_claimant)
		return;
	config->has_invite = draw_chance(&world.draw, 200);
	identity->is_claimant = !config->has_invite;
}

struct process *device_host_start(uint8_t profile, bool is_receiving)
{
	struct process *process = NULL;
	for (uint32_t i = 0; i < PROCESSES_MAX && process == NULL; i++)
		if (!world.process[i].is_alive)
			process = &world.process[i];
	if (process == NULL)
		return NULL;
	const struct addr server = network_server();
	const struct device_node_owner owner = {process, told, news};
	const struct client_storage storage = device_disk_storage(&world.profile[profile].disk);
	struct identity *identity = &world.identity[world.profile[profile].disk.identity];
	struct client_config config = {
		.name = name_for(identity),
		.is_receiving = is_receiving,
		.is_server_proved = identity->is_server_proved,
	};
	choose_code(identity, &config);
	process->is_alive = process->is_due = true;
	process->is_stopped = process->is_refused = false;
	process->is_receiving = is_receiving;
	process->is_poked = false;
	process->sent_count = 0;
	process->profile = profile;
	process->awake_at = world.now;
	note_company(process);
	device_node_init(&process->node, &server, 1, process->memory, &world.rng, &owner, world.now);
	device_node_start(&process->node, &identity->keys, world.server.keys.public_key, &storage, &config, world.now);
	hand_over_outbox(profile);
	report_trace("process %u of %s starts on profile %u", place_of(process), config.name.text, profile);
	return process;
}

void device_host_kill(struct process *process)
{
	if (!process->is_alive)
		return;
	report_trace("process %u ends", place_of(process));
	device_node_clear(&process->node);
	device_disk_crash(&world.profile[process->profile].disk);
	process->is_alive = false;
	hand_over_outbox(process->profile);
}

void device_host_revive(void)
{
	for (uint8_t i = 0; i < world.profile_count; i++) {
		struct process *process = device_host_of(i);
		const bool is_honest = world_identity_is_honest(world.profile[i].disk.identity);
		if (process != NULL && (process->is_stopped || !is_honest))
			device_host_kill(process);
		if (is_honest && device_host_of(i) == NULL)
			device_host_start(i, !world.profile[i].is_given_up);
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
	const struct dialer *dialer = &process->node.dialer;
	uint32_t index;
	uint64_t counter;
	if (bytes > 0 && datagram[0] == WIRE_DATA && wire_data_decode(datagram, bytes, &index, &counter) == MMS_OK)
		for (uint32_t i = 0; i < DIALER_SESSIONS; i++)
			if (dialer->slot[i].state == DIALER_SLOT_OLD && dialer->slot[i].session.local_index == index)
				report_sight(SIGHT_REKEY_CROSSED);
	device_node_recv(&process->node, from, datagram, bytes, world.now);
	process->is_due = true;
}

static struct mtime deadline(const struct process *process)
{
	if (!mtime_is_due(process->awake_at, world.now))
		return process->awake_at;
	if (process->is_due)
		return world.now;
	return process->is_stopped ? MTIME_NEVER : device_node_deadline(&process->node, world.now);
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
	struct dialer *dialer = &process->node.dialer;
	const uint32_t slot = draw_below(&world.draw, DIALER_SESSIONS);
	const uint8_t kind = kinds[draw_below(&world.draw, sizeof kinds)];
	size_t bytes = draw_below(&world.draw, 60);
	if (dialer->slot[slot].state == DIALER_SLOT_FREE)
		return;
	rng_fill(&world.rng, body, sizeof body);
	if (kind == CALL_SUBMIT && draw_chance(&world.draw, 800)) {
		struct call_submit submit = {
			.recipient = world.user[draw_below(&world.draw, world.user_count)].name,
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
	const struct dialer *dialer = &process->node.dialer;
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

// False: it was killed in between.
static bool is_killed_here(struct process *process)
{
	if (!world.is_faulty || !draw_chance(&world.draw, world.options.device_boundary_kill))
		return false;
	device_host_kill(process);
	return true;
}

static void turn(struct process *process)
{
	struct session_out out;
	const struct addr server = network_server();
	const bool is_spoiling = is_hostile(process) && draw_chance(&world.draw, 300);
	process->is_due = false;
	if (is_killed_here(process))
		return;
	if (process->is_poked)
		client_submit(&process->node.client, world.now);
	process->is_poked = false;
	device_node_run(&process->node, world.now, world_wall(process->wall_offset_ms));
	if (client_is_broken(&process->node.client)) {
		device_host_kill(process);
		return;
	}
	if (is_hostile(process) && draw_chance(&world.draw, 400))
		call_anything(process);
	if (is_killed_here(process))
		return;
	double_spoil(is_spoiling ? &world.draw : NULL);
	for (int sent = 0; device_node_send(&process->node, world.now, &out); sent++) {
		if (sent == 2000)
			report_failure("a device sends for ever");
		for (size_t i = 0; i < out.count; i++) {
			network_send(&process->addr, &server, out.datagram[i], out.bytes);
			process->sent_count++;
		}
		if (is_killed_here(process))
			break;
	}
	double_spoil(NULL);
	if (!process->is_alive)
		return;
	check_dialer(process);
	if (process->is_stopped)
		hand_over_outbox(process->profile);
}

void device_host_turns(void)
{
	for (uint32_t i = 0; i < PROCESSES_MAX; i++) {
		struct process *process = &world.process[i];
		if (process->is_alive && mtime_is_due(deadline(process), world.now))
			turn(process);
	}
}
