// SPDX-License-Identifier: ISC
// The contract is in world.h.
#include "world.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "device_host.h"
#include "hoard.h"
#include "double.h"
#include "network.h"
#include "operators.h"
#include "presence.h"
#include "people.h"
#include "report.h"
#include "rooms.h"
#include "script.h"
#include "server_host.h"
#include "terminals.h"

enum {
	QUIET_MS_MAX = 600 * 1000,  // from the end of the faults until all is well
	REOFFER_MS_MAX = 7500 * 1000, // the same while re-offers that found no room wait to be made again
	LISTEN_MS = 60 * 1000,      // how long the wire is then listened to
	KEEPALIVES_MAX = 80,          // datagrams of a device and the server in that time
	SILENCE_MS = 30 * 1000,
	GIVE_UP_MS = 200 * 1000,    // after which the server has given up a session whose device is gone
	STILL_STEPS_MAX = 1000,     // turns without the clock moving
};

static const int64_t epoch_ms = 1800000000000;

struct world world;

bool world_is_faulty(void)
{
	return world.is_faulty;
}

struct wtime world_wall(int64_t offset_ms)
{
	return (struct wtime){epoch_ms + world.now.us / 1000 + offset_ms};
}

int world_identity_of_key(const uint8_t key[NOISE_KEY_BYTES])
{
	for (uint32_t i = 0; i < world.identity_count; i++)
		if (memcmp(world.identity[i].keys.public_key, key, NOISE_KEY_BYTES) == 0)
			return (int)i;
	return -1;
}

uint8_t world_user_of_identity(uint8_t identity)
{
	return world.identity[identity].user;
}

bool world_user_is_hostile(uint8_t user)
{
	return world.user[user].is_hostile;
}

bool world_identity_is_honest(uint8_t identity)
{
	return !world.user[world.identity[identity].user].is_hostile;
}

struct identity *world_owner(const struct process *process)
{
	return &world.identity[world.profile[process->profile].disk.identity];
}

// A wish of a process of the profile, or, with NULL, of one that has ended since. A message has a text.
static bool write_by(uint8_t profile, struct process *process, struct message *wish, uint16_t text_bytes)
{
	uint8_t text[TEXT_BYTES_MAX];
	uint8_t random[10];
	struct profile *writer = &world.profile[profile];
	wish->sender = world_user_of_identity(writer->disk.identity);
	wish->lineage = writer->lineage;
	// Before the first sign-in nothing is kept.
	const bool is_known = process == NULL ? writer->disk.state.has_signed_in : device_life_is_known(&process->life);
	if (!is_known || writer->disk.state.outbox_count == OUTBOX_MAX)
		return false;
	rng_fill(&world.rng, random, sizeof random);
	memset(text, 'a' + (int)(truth_count() % 26), sizeof text);
	memcpy(text, "m", 1);
	const struct wtime wall = world_wall(process == NULL ? 0 : process->wall_offset_ms);
	wish->id = uuid_v7(wall, random);
	const uint32_t number = truth_wish(wish, text, text_bytes);
	if (number == MESSAGES_MAX)
		return false;
	const bool is_queued = device_disk_queue(&writer->disk, number, wall);
	assert(is_queued);
	const struct name to = wish->recipient >= ROOMS_FIRST ? truth_room_name(wish->recipient) : world.user[wish->recipient].name;
	report_trace("%s writes message %u (%u) to %s on profile %u", world.user[wish->sender].name.text, number, wish->what, to.text,
		     profile);
	if (process != NULL) {
		device_life_queued(&process->life, world.now);
		process->is_due = true;
	}
	return true;
}

static bool write_message_by(uint8_t profile, struct process *process, uint8_t recipient, uint16_t text_bytes)
{
	struct message wish = {.what = OUTBOX_MESSAGE, .recipient = world.user[recipient].first, .other = NOBODY};
	return write_by(profile, process, &wish, text_bytes);
}

bool world_write(uint8_t profile, uint8_t recipient, uint16_t text_bytes)
{
	return write_message_by(profile, device_host_any_of(profile), recipient, text_bytes);
}

bool world_wish(uint8_t profile, struct message *wish, uint16_t text_bytes)
{
	return write_by(profile, device_host_any_of(profile), wish, text_bytes);
}

// --- the beginning ---

static void fill(void *context, void *target, size_t bytes)
{
	struct draw *draw = context;
	uint8_t *at = target;
	while (bytes > 0) {
		const uint64_t random = draw_u64(draw);
		const size_t some = bytes < 8 ? bytes : 8;
		memcpy(at, &random, some);
		at += some;
		bytes -= some;
	}
}

void world_begin(uint64_t seed, const struct options *options)
{
	world.secret = (struct draw){.state = seed ^ 0x5851f42d4c957f2d};
	world.rng = (struct rng){fill, &world.secret};
	world.now = (struct mtime){1000 * 1000};
	world.options = *options;
	world.has_backup = world.had_absence = world.are_tails_due = false;
	world.absent_until = (struct mtime){0};
	world.device_backup_profile = -1;
	world.port = 20000;
	world.server_host = 1;
	world.still_count = 0;
	truth_begin();
	network_begin();
	server_host_make_disk();
	server_host_begin();
	operators_begin(seed);
	world.server.is_without_presence = draw_chance(&world.draw, 100);
	device_host_begin();
	people_settle();
	server_host_start();
	world.is_faulty = true;
}

void world_end(void)
{
	device_host_end();
	server_host_end();
}

void world_step(struct mtime until)
{
	struct mtime next = mtime_min(until, mtime_min(network_next(), script_next()));
	next = mtime_min(next, mtime_min(server_host_deadline(), device_host_deadline()));
	if (next.us > world.now.us) {
		world.now = next;
		world.still_count = 0;
	} else if (++world.still_count > STILL_STEPS_MAX) {
		report_failure("the clock stands still");
	}
	script_run();
	network_deliver();
	server_host_turn();
	device_host_turns();
}

// --- the end ---

void world_run_ms(int64_t ms)
{
	const struct mtime until = mtime_add_ms(world.now, ms);
	while (world.now.us < until.us)
		world_step(until);
}

// Whether a device has a right to be served now.
static bool is_authorized(const struct identity *identity)
{
	const struct disk_device *device = server_disk_device(&world.disk, identity->keys.public_key);
	const struct user *user = &world.user[identity->user];
	return user->is_listed && !user->is_hostile && !identity->is_revoked && device != NULL &&
	       device->held.user_id == world.disk.user[identity->user].user_id;
}

// Whether a device that is not enrolled would be let in.
static bool may_enroll(const struct identity *identity)
{
	const struct user *user = &world.user[identity->user];
	if (!user->is_listed || user->is_hostile || identity->is_revoked ||
	    server_disk_device(&world.disk, identity->keys.public_key) != NULL)
		return false;
	for (uint32_t i = 0; i < world.disk.spent_count; i++)
		if (identity->has_invite && memcmp(world.disk.spent[i], identity->invite_hash, STORAGE_KEY_BYTES) == 0)
			return false;
	// A claim takes a name that nobody has, and a line without a revocation.
	for (uint32_t i = 0; !identity->has_invite && i < world.identity_count; i++) {
		const struct identity *other = &world.identity[i];
		const struct disk_device *device = server_disk_device(&world.disk, other->keys.public_key);
		if (other->user == identity->user &&
		    (other->is_revoked || (device != NULL && device->held.user_id == world.disk.user[other->user].user_id)))
			return false;
	}
	return true;
}

// Whether somebody could still offer this message again.
static bool is_offered_by_anyone(uint32_t number)
{
	for (uint32_t p = 0; p < world.profile_count; p++) {
		const struct profile *profile = &world.profile[p];
		if (!is_authorized(&world.identity[profile->disk.identity]))
			continue;
		for (uint32_t i = 0; i < profile->disk.state.outbox_count; i++)
			if (profile->disk.state.outbox[i].message == number &&
			    profile->disk.state.outbox[i].state != OUTBOX_REFUSED)
				return true;
	}
	return false;
}

// Whether nothing of a sender can be accepted for a user now.
static bool is_closed(uint8_t user, uint8_t sender)
{
	return !world.user[user].is_listed || server_disk_is_closed(&world.disk, user, sender) ||
	       server_disk_blocks(&world.disk, world.disk.user[user].user_id, world.disk.user[sender].user_id);
}

// Whether a device is owed a message.
static bool is_owed(uint32_t number, const struct message *message, uint8_t identity)
{
	const uint8_t user = world.identity[identity].user;
	if (((message->had | message->excused) >> identity & 1) != 0 || (message->accepted_for >> user & 1) == 0 ||
	    message->is_rewritten)
		return false;
	for (uint32_t i = 0; i < world.disk.row_count; i++)
		if (world.disk.row[i].message == number && world.disk.row[i].in_mailbox &&
		    world.disk.row[i].recipient_id == world.disk.user[user].user_id)
			return true; // its row waits: the device must come to have it
	// It is in no mailbox: the devices of its time had it, unless a restore forgot it and its sender has it still.
	if (message->recipient >= ROOMS_FIRST)
		return rooms_owe(message, user) && is_offered_by_anyone(number);
	return message->is_lost && !world.had_absence && !is_closed(user, message->sender) && is_offered_by_anyone(number);
}

// Whether a message cannot be accepted for whoever has the name now that it is for.
static bool is_name_closed(const struct message *message)
{
	if (message->recipient >= ROOMS_FIRST || message->what != OUTBOX_MESSAGE)
		return rooms_are_closed(message);
	const int holder = people_holder(message->recipient);
	return holder < 0 || is_closed((uint8_t)holder, message->sender);
}

// Messages of a profile that must come to a verdict. Those offered again wait as long as their recipient can have none.
static uint32_t waiting(const struct profile *profile)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < profile->disk.state.outbox_count; i++) {
		const struct disk_outbox *entry = &profile->disk.state.outbox[i];
		count += entry->is_queued && (entry->state == OUTBOX_QUEUED || !is_name_closed(truth_message(entry->message)));
	}
	return count;
}

// What is still to be done, as a sentence; NULL: nothing.
static const char *unsettled(void)
{
	static char text[200];
	if (!world.server.is_up || world.server.is_reload_due)
		return "the server is not up";
	for (uint32_t p = 0; p < world.profile_count; p++) {
		const struct profile *profile = &world.profile[p];
		const uint8_t identity = profile->disk.identity;
		if (may_enroll(&world.identity[identity])) {
			snprintf(text, sizeof text, "profile %u is not enrolled", p);
			return text;
		}
		if (!is_authorized(&world.identity[identity]))
			continue;
		const struct process *process = device_host_of((uint8_t)p);
		if (process == NULL || process->is_stopped || !client_is_signed_in(&process->life.node.client)) {
			snprintf(text, sizeof text, "profile %u is not signed in", p);
			return text;
		}
		for (uint32_t i = 0; i < PROCESSES_MAX; i++) {
			if (!world.process[i].is_alive || world.process[i].profile != p || !terminals_owe(&world.process[i]))
				continue;
			snprintf(text, sizeof text, "process %u of profile %u has not shown all", i, p);
			return text;
		}
		if (waiting(profile) > 0) {
			snprintf(text, sizeof text, "profile %u has %u messages without a verdict", p, waiting(profile));
			return text;
		}
		if (profile->is_given_up)
			continue;
		if (rooms_lack(profile, world.are_tails_due, text, sizeof text))
			return text;
		for (uint32_t i = 0; i < truth_count(); i++) {
			if (!is_owed(i, truth_message(i), identity))
				continue;
			snprintf(text, sizeof text, "profile %u is owed message %u", p, i);
			return text;
		}
	}
	return NULL;
}

static bool is_anyone_reoffering(void)
{
	for (uint32_t p = 0; p < world.profile_count; p++) {
		const struct device_disk_state *state = &world.profile[p].disk.state;
		for (uint32_t i = 0; i < state->outbox_count; i++)
			if (state->outbox[i].is_queued && state->outbox[i].state != OUTBOX_QUEUED)
				return true;
	}
	return false;
}

// Lets time pass until all is well, and fails when it takes too long.
static void settle(void)
{
	enum { LOOK_MS = 500, RESTART_LOOKS = 10 };
	const char *rest;
	const struct mtime began_at = world.now;
	for (int look = 1; (rest = unsettled()) != NULL; look++) {
		const int limit_ms = is_anyone_reoffering() ? REOFFER_MS_MAX : QUIET_MS_MAX;
		if (mtime_diff_us(world.now, began_at) >= limit_ms * 1000LL)
			report_failure("after %d s without a fault %s", limit_ms / 1000, rest);
		world_run_ms(LOOK_MS);
		if (look % RESTART_LOOKS == 0)
			device_host_revive();
	}
	report_trace("all is well");
}

// The first profile that a gap is to be told to; -1: none.
static int untold_gap(void)
{
	for (uint32_t p = 0; p < world.profile_count; p++) {
		const struct profile *profile = &world.profile[p];
		const struct identity *identity = &world.identity[profile->disk.identity];
		const struct disk_device *device = server_disk_device(&world.disk, identity->keys.public_key);
		if (!profile->is_given_up && device != NULL && is_authorized(identity) && device->held.gap_count > 0)
			return (int)p;
	}
	return -1;
}

// Whether a user's share of the memory of calls may be less than what its sessions hold that are gone: then these have to end first.
static bool is_memory_short(void)
{
	enum { PLENTY = 1000 };
	return world.options.blocks_small_max < PLENTY || world.options.blocks_large_max < PLENTY / 2;
}

// Whether somebody lacks the newest of a room, whose place in the mailbox is gone or never was.
static bool is_tail_missing(void)
{
	char text[100];
	for (uint32_t p = 0; p < world.profile_count; p++)
		if (!world.profile[p].is_given_up && is_authorized(&world.identity[world.profile[p].disk.identity]) &&
		    rooms_lack(&world.profile[p], true, text, sizeof text))
			return true;
	return false;
}

// A gap, or a hole, that arose under a signed-in device is told at its next sign-in.
static void check_gaps(void)
{
	enum { TELL_MS = 5 * 1000 };
	if (untold_gap() < 0 && !is_tail_missing())
		return;
	world.are_tails_due = true;
	for (uint32_t i = 0; i < PROCESSES_MAX; i++)
		device_host_kill(&world.process[i]);
	if (is_memory_short())
		world_run_ms(GIVE_UP_MS);
	device_host_revive();
	settle();
	world.are_tails_due = false;
	world_run_ms(TELL_MS);
	if (untold_gap() >= 0)
		report_failure("profile %d has not confirmed its gap", untold_gap());
}

static bool has_verdict(const struct device_disk *disk, uint32_t message)
{
	for (uint32_t i = 0; i < disk->state.outbox_count; i++)
		if (disk->state.outbox[i].message == message)
			return disk->state.outbox[i].state != OUTBOX_QUEUED;
	return false;
}

// Who has the outbox submits at once what another process queues; who waits for its turn gets it when that one dies.
static void check_turn(void)
{
	enum { TURN_MS = 1000, VERDICT_MS = 5000 };
	const uint8_t place = (uint8_t)draw_below(&world.draw, world.profile_count);
	const struct profile *profile = &world.profile[place];
	struct process *holder = profile->holder < 0 ? NULL : &world.process[profile->holder];
	if (holder == NULL || !is_authorized(&world.identity[profile->disk.identity]))
		return;
	struct process *waiter = device_host_start(place, LIFE_SENDS, false);
	if (waiter == NULL)
		return;
	world_run_ms(TURN_MS);
	const uint32_t number = truth_count();
	if (write_message_by(place, waiter, 0, 1)) {
		world_run_ms(is_memory_short() ? GIVE_UP_MS : VERDICT_MS);
		if (!has_verdict(&profile->disk, number))
			report_failure("a message that profile %u queued beside its sender waits", place);
	}
	device_host_kill(holder);
	world_run_ms(TURN_MS);
	if (profile->holder < 0)
		report_failure("profile %u is nobody's turn though a process waits for it", place);
	device_host_kill(waiter);
	device_host_revive();
	settle();
}

// Then the wire carries keepalives and nothing else.
static void listen(void)
{
	// For what was on its way; where a device is gone for good, until the server has given up its session.
	enum { SETTLE_MS = 30 * 1000 };
	const struct options *options = &world.options;
	const bool is_anyone_gone = options->hostile_devices + options->revocations + options->user_changes + options->second_lives > 0 ||
				    options->sessions_max < 2 * world.profile_count + options->side_senders;
	hoard_end();
	world_run_ms(is_anyone_gone ? GIVE_UP_MS : SETTLE_MS);
	const uint64_t before = network_sent_count();
	uint32_t alive_count = 0;
	for (uint32_t i = 0; i < PROCESSES_MAX; i++)
		alive_count += world.process[i].is_alive && !world.process[i].is_stopped;
	world_run_ms(LISTEN_MS);
	const uint64_t count = network_sent_count() - before;
	if (count > (uint64_t)KEEPALIVES_MAX * (alive_count + 1))
		report_failure("%u devices at rest cost %llu datagrams in %d s", alive_count, (unsigned long long)count,
			       LISTEN_MS / 1000);
	settle();
	presence_check();
}

// The active phase, and then peace.
static void run(uint64_t seed, const struct options *options)
{
	world_begin(seed, options);
	script_plan();
	const struct mtime end = mtime_add_ms(world.now, options->active_ms);
	while (world.now.us < end.us || script_next().us != MTIME_NEVER.us)
		world_step(end.us > world.now.us ? end : script_next());
	script_heal();
	report_trace("the faults stop");
	settle();
}

void world_run(uint64_t seed, const struct options *given)
{
	struct options options;
	world.draw = (struct draw){.state = seed};
	options_draw(&options, &world.draw);
	double_begin(seed % 64 == 0);
	run(seed, given != NULL ? given : &options);
	device_host_check_outboxes();
	check_gaps();
	world_run_ms(SILENCE_MS); // until devices notice that the server has moved, or forgotten them
	settle();
	check_turn();
	terminals_check();
	device_host_revive();
	settle();
	listen();
	world_end();
}

void world_run_briefly(uint64_t seed, const uint8_t *script, size_t script_bytes)
{
	enum { MESSAGES = 8, ACTIVE_MS = 3000, DEVICES = 3 };
	struct options options;
	world.draw = (struct draw){.state = seed, .script = script, .script_bytes = script_bytes};
	options_draw(&options, &world.draw);
	options.messages %= MESSAGES;
	options.room_acts %= MESSAGES;
	options.active_ms = options.active_ms % ACTIVE_MS + 1;
	options.devices = options.devices < DEVICES ? options.devices : DEVICES;
	double_begin(false);
	run(seed, &options);
	world_end();
}
