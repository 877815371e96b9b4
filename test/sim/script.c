// SPDX-License-Identifier: ISC
// The contract is in script.h.
#include "script.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "clocks.h"
#include "device_host.h"
#include "network.h"
#include "people.h"
#include "report.h"
#include "rooms.h"
#include "server_host.h"
#include "store_host.h"
#include "terminals.h"
#include "world.h"

enum { EVENTS_MAX = 600, START_MS = 15000, SOON_MS = 500, WAVERS = 8, CUT_MS_MAX = 60000, DAY_S = 24 * 3600 };

enum event_kind {
	EVENT_START,
	EVENT_WRITE,
	EVENT_BURST,
	EVENT_ROOM,
	EVENT_WAVER,
	EVENT_WHO,
	EVENT_REPLAY,
	EVENT_MOVE,
	EVENT_PARTITION,
	EVENT_SERVER_KILL,
	EVENT_DEVICE_KILL,
	EVENT_DISK_FILLS,
	EVENT_SERVER_BACKUP,
	EVENT_SERVER_RESTORE,
	EVENT_DEVICE_BACKUP,
	EVENT_DEVICE_RESTORE,
	EVENT_CLONE,
	EVENT_WALL_JUMP,
	EVENT_WALL_RIGHT,
	EVENT_SUSPEND,
	EVENT_ABSENCE,
	EVENT_USER_CHANGE,
	EVENT_SECOND_LIFE,
	EVENT_REVOKE,
	EVENT_SHUTDOWN,
	EVENT_SIDE_SENDER,
	EVENT_TERMINAL,
	EVENT_RIVAL,
	EVENT_SERVER_MOVE,
	EVENT_SIGN_OUT,
	EVENT_FLOOD,
};

struct event {
	struct mtime at;
	uint32_t order;
	enum event_kind kind;
	uint8_t profile; // EVENT_WAVER: the user
};

static struct {
	struct event event[EVENTS_MAX];
	uint32_t count;
	uint32_t next;
} script;

static int compare(const void *a, const void *b)
{
	const struct event *one = a;
	const struct event *other = b;
	if (one->at.us != other->at.us)
		return one->at.us < other->at.us ? -1 : 1;
	return one->order < other->order ? -1 : one->order > other->order;
}

static void plan_at(enum event_kind kind, int64_t after_ms, uint8_t profile)
{
	if (script.count == EVENTS_MAX)
		return;
	script.event[script.count] = (struct event){mtime_add_ms(world.now, after_ms), script.count, kind, profile};
	script.count++;
}

static void plan(enum event_kind kind, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		plan_at(kind, draw_below(&world.draw, world.options.active_ms), 0);
}

// Somebody goes in and out of a room, by the own devices and by others' will; in the midst of it the server's store is saved, and
// put back when that is over: what came after the backup is offered again, in any order.
static void plan_waverer(void)
{
	const uint32_t around_ms = 2000 + draw_below(&world.draw, 8000);
	const uint32_t from_ms = draw_below(&world.draw, world.options.active_ms);
	const uint8_t user = world_user_of_identity(world.profile[draw_below(&world.draw, world.profile_count)].disk.identity);
	for (uint32_t i = 0; i < WAVERS; i++)
		plan_at(EVENT_WAVER, from_ms + draw_below(&world.draw, around_ms), user);
	plan_at(EVENT_SERVER_BACKUP, from_ms + draw_below(&world.draw, around_ms), 0);
	plan_at(EVENT_SERVER_RESTORE, from_ms + around_ms + draw_below(&world.draw, START_MS), 0);
}

void script_plan(void)
{
	const struct options *options = &world.options;
	script.count = script.next = 0;
	for (uint32_t i = 0; i < world.profile_count; i++)
		plan_at(EVENT_START, draw_chance(&world.draw, 600) ? 0 : draw_below(&world.draw, options->active_ms),
			(uint8_t)i);
	plan(EVENT_WRITE, options->messages);
	plan(EVENT_ROOM, options->room_acts);
	plan(EVENT_WHO, draw_below(&world.draw, 3));
	plan(EVENT_REPLAY, options->replays);
	plan(EVENT_MOVE, options->moves);
	plan(EVENT_PARTITION, options->partitions);
	plan(EVENT_SERVER_KILL, options->server_kills);
	plan(EVENT_DEVICE_KILL, options->device_kills);
	plan(EVENT_DISK_FILLS, options->disk_fills);
	plan(EVENT_SERVER_BACKUP, options->server_restores);
	plan(EVENT_SERVER_RESTORE, options->server_restores);
	plan(EVENT_DEVICE_BACKUP, options->device_restores);
	plan(EVENT_DEVICE_RESTORE, options->device_restores);
	plan(EVENT_CLONE, options->clones);
	plan(EVENT_WALL_JUMP, options->wall_jumps);
	plan(EVENT_SUSPEND, options->suspensions);
	plan(EVENT_ABSENCE, options->absences);
	plan(EVENT_USER_CHANGE, options->user_changes);
	plan(EVENT_SECOND_LIFE, options->second_lives);
	plan(EVENT_REVOKE, options->revocations);
	plan(EVENT_SHUTDOWN, options->shutdowns);
	plan(EVENT_SIDE_SENDER, options->side_senders);
	plan(EVENT_TERMINAL, options->terminals);
	// Most begin with the first process, when the device is not enrolled yet.
	for (uint32_t i = 0; i < options->rivals; i++)
		plan_at(EVENT_RIVAL, draw_below(&world.draw, draw_chance(&world.draw, 600) ? 1000 : options->active_ms), 0);
	plan(EVENT_SERVER_MOVE, options->server_moves);
	plan(EVENT_SIGN_OUT, options->sign_outs);
	plan(EVENT_FLOOD, options->floods);
	for (uint32_t i = 0; i < options->waverers; i++)
		plan_waverer();
	qsort(script.event, script.count, sizeof *script.event, compare);
}

struct mtime script_next(void)
{
	return script.next < script.count ? script.event[script.next].at : MTIME_NEVER;
}

// Plans an event among those still to come, within some time.
static void plan_soon(enum event_kind kind, uint32_t within_ms, uint8_t profile)
{
	plan_at(kind, draw_below(&world.draw, within_ms), profile);
	qsort(script.event + script.next, script.count - script.next, sizeof *script.event, compare);
}

// --- people ---

static uint8_t any_profile(void)
{
	return (uint8_t)draw_below(&world.draw, world.profile_count);
}

// A process that is alive, or NULL.
static struct process *any_process(void)
{
	const uint8_t profile = any_profile();
	struct process *process = device_host_any_of(profile);
	return process != NULL ? process : device_host_of(profile);
}

static void write_some(uint8_t profile, uint32_t count)
{
	const uint8_t sender = world_user_of_identity(world.profile[profile].disk.identity);
	const uint8_t recipient = (uint8_t)draw_below(&world.draw, world.user_count);
	if (world.user[sender].is_hostile)
		return;
	for (uint32_t i = 0; i < count; i++)
		if (!world_write(profile, recipient, (uint16_t)(1 + draw_below(&world.draw, world.options.text_bytes_max))))
			return;
}

static void write_message(void)
{
	const uint8_t profile = any_profile();
	write_some(profile, draw_chance(&world.draw, 100) ? 1 + draw_below(&world.draw, 20) : 1);
}

// Mostly by one of the user's own devices.
static void waver(uint8_t user)
{
	uint8_t profile = any_profile();
	for (uint32_t i = 0; i < WAVERS && world_user_of_identity(world.profile[profile].disk.identity) != user; i++)
		profile = any_profile();
	rooms_waver(profile, user);
}

// More than the window of calls has room for.
static void write_burst(uint8_t profile)
{
	write_some(profile, CALL_WINDOW + draw_below(&world.draw, CALL_WINDOW));
}

static void ask_who(void)
{
	struct process *process = any_process();
	if (process == NULL || process->is_stopped)
		return;
	device_life_list(&process->life, &(struct client_list_wish){.kind = LIST_USERS}, world.now);
	process->is_due = true;
	// Where its answer may be lost, it stands in front of many others.
	if (draw_chance(&world.draw, world.options.down_loss > 0 ? 400 : 100))
		plan_soon(EVENT_BURST, 150, process->profile);
}

static void sign_out(void)
{
	struct process *process = any_process();
	if (process == NULL || process->is_stopped)
		return;
	device_life_leave(&process->life, world.now);
	process->is_due = true;
	plan_soon(EVENT_START, 20000, process->profile);
}

static void change_user(void)
{
	people_change((uint8_t)draw_below(&world.draw, world.user_count));
	server_host_users_changed();
}

static void pass_name_on(void)
{
	const int profile = people_pass_name_on((uint8_t)draw_below(&world.draw, world.user_count));
	if (profile < 0)
		return;
	server_host_users_changed();
	plan_soon(EVENT_START, SOON_MS, (uint8_t)profile);
	if (draw_chance(&world.draw, 500))
		plan_soon(EVENT_USER_CHANGE, START_MS, 0);
}

static void revoke(void)
{
	struct identity *identity = &world.identity[draw_below(&world.draw, world.identity_count)];
	identity->is_revoked = true;
	report_trace("a device of %s is revoked", world.user[identity->user].name.text);
	server_host_users_changed();
}

// --- machines ---

static void start(uint8_t profile)
{
	bool has_other = false;
	for (uint32_t i = 0; i < PROCESSES_MAX; i++) {
		struct process *process = &world.process[i];
		if (!process->is_alive || process->profile != profile)
			continue;
		if (process->is_stopped)
			device_host_kill(process);
		else
			has_other = true;
	}
	if (has_other)
		return;
	device_host_start(profile, world.profile[profile].is_given_up ? LIFE_SENDS : LIFE_RECEIVES, false);
}

static void kill_profile(uint8_t profile)
{
	for (uint32_t i = 0; i < PROCESSES_MAX; i++)
		if (world.process[i].is_alive && world.process[i].profile == profile)
			device_host_kill(&world.process[i]);
}

static void cut_off(void)
{
	struct process *process = any_process();
	if (process == NULL)
		return;
	const uint32_t which = 1 + draw_below(&world.draw, 3);
	// In a long run some for so long that the server counts the device as away.
	const uint32_t most = world.options.active_ms > CUT_MS_MAX ? 3 * CUT_MS_MAX : CUT_MS_MAX;
	const struct mtime until = mtime_add_ms(world.now, 1 + draw_below(&world.draw, most));
	for (uint32_t way = 0; way < 2; way++)
		if ((which >> way & 1) != 0)
			process->cut_until[way] = until;
	report_trace("a process is cut off until %lld ms", (long long)until.us / 1000);
}

// Its disk goes on in another machine.
static void move_server(void)
{
	server_host_kill();
	world.server_host = (uint8_t)(1 + (world.server_host + draw_below(&world.draw, 2)) % 3);
	report_trace("the server is at 192.0.2.%u", world.server_host);
}

static void fill_disk(void)
{
	world.server.is_disk_full = true;
	world.server.room_at = mtime_add_ms(world.now, 1 + draw_below(&world.draw, 20000));
	report_trace("the server's disk is full");
}

// --- copies ---

// From here on what is written on a profile is ordered for itself, and what it holds may be sent by two.
static void disturb(struct profile *profile)
{
	for (uint32_t i = 0; i < profile->disk.state.outbox_count; i++)
		truth_message(profile->disk.state.outbox[i].message)->is_disturbed = true;
	assert(world.lineage_count < LINEAGES_MAX - 1);
	profile->lineage = world.lineage_count++;
}

static void restore_server(void)
{
	if (!world.has_backup)
		return;
	server_host_kill();
	server_host_restore();
}

static void back_up_device(void)
{
	world.device_backup_profile = any_profile();
	world.device_backup = world.profile[world.device_backup_profile].disk;
}

static void restore_device(void)
{
	if (world.device_backup_profile < 0 || world.lineage_count + 2 >= LINEAGES_MAX)
		return;
	const uint8_t place = (uint8_t)world.device_backup_profile;
	struct profile *profile = &world.profile[place];
	report_trace("profile %u is put back from its backup", place);
	report_sight(SIGHT_DEVICE_RESTORED);
	kill_profile(place);
	disturb(profile);
	profile->disk = world.device_backup;
	memset(profile->shown_by, 0, sizeof profile->shown_by);
	world.identity[profile->disk.identity].is_put_back = true;
	disturb(profile);
	plan_soon(EVENT_START, START_MS, place);
}

static void clone_device(void)
{
	if (world.profile_count == PROFILES_MAX || world.lineage_count + 2 >= LINEAGES_MAX)
		return;
	const uint8_t from = any_profile();
	const uint8_t to = (uint8_t)world.profile_count++;
	report_trace("profile %u is copied to %u", from, to);
	report_sight(SIGHT_CLONED);
	world.profile[to].is_given_up = false;
	world.profile[to].is_made = world.profile[from].is_made = true; // a copy has the key
	memcpy(world.profile[to].is_pinned, world.profile[from].is_pinned, sizeof world.profile[to].is_pinned);
	world.profile[to].holder = world.profile[to].receiver = -1;
	world.profile[to].replaced_serial = 0;
	memset(world.profile[to].shown_by, 0, sizeof world.profile[to].shown_by);
	world.profile[to].disk = world.profile[from].disk;
	disturb(&world.profile[from]);
	disturb(&world.profile[to]);
	plan_soon(EVENT_START, START_MS, to);
}

// --- clocks ---

static void step_clock(void)
{
	const uint8_t whose = clocks_step();
	if (draw_chance(&world.draw, 500))
		plan_soon(EVENT_WALL_RIGHT, START_MS, whose);
}

static void suspend(void)
{
	struct process *process = any_process();
	if (process == NULL)
		return;
	const uint32_t seconds = 1U << draw_below(&world.draw, 12);
	process->awake_at = mtime_add_ms(world.now, 1000LL * seconds);
	if (!process->work.is_append && draw_chance(&world.draw, 500)) // no terminal stops one that is at its store
		terminals_step_aside(process);
	report_trace("a process %s for %u s", process->is_aside ? "is stopped by its terminal" : "sleeps", seconds);
}

// Everybody goes home for some days.
static void be_absent(void)
{
	// A day or two, at which ids are forgotten, or about as long as messages are kept.
	const int64_t days = draw_chance(&world.draw, 500) ? 1 + draw_below(&world.draw, 2) : 25 + draw_below(&world.draw, 15);
	const int64_t us = days * DAY_S * 1000000LL;
	report_trace("everybody is away for %lld days", (long long)days);
	report_sight(SIGHT_ABSENCE);
	world.had_absence = true;
	world.absent_until = mtime_add_us(world.now, us);
	for (uint32_t i = 0; i < PROCESSES_MAX; i++)
		if (world.process[i].is_alive)
			world.process[i].awake_at = world.absent_until;
	for (uint32_t i = script.next; i < script.count; i++)
		script.event[i].at = mtime_add_us(script.event[i].at, us);
}

// --- the run ---

static void happen(const struct event *event)
{
	struct process *process;
	switch (event->kind) {
	case EVENT_START:
		start(event->profile);
		break;
	case EVENT_WRITE:
		write_message();
		break;
	case EVENT_BURST:
		write_burst(event->profile);
		break;
	case EVENT_ROOM:
		rooms_act(any_profile());
		break;
	case EVENT_WAVER:
		waver(event->profile);
		break;
	case EVENT_WHO:
		ask_who();
		break;
	case EVENT_REPLAY:
		network_replay();
		break;
	case EVENT_MOVE:
		process = any_process();
		if (process != NULL)
			device_host_move(process);
		break;
	case EVENT_PARTITION:
		cut_off();
		break;
	case EVENT_SERVER_KILL:
		server_host_kill();
		break;
	case EVENT_DEVICE_KILL:
		process = any_process();
		if (process == NULL)
			break;
		plan_soon(EVENT_START, draw_chance(&world.draw, 500) ? SOON_MS : START_MS, process->profile);
		device_host_kill(process);
		break;
	case EVENT_DISK_FILLS:
		fill_disk();
		break;
	case EVENT_SERVER_BACKUP:
		server_disk_copy(&world.backup, &world.disk);
		world.has_backup = true;
		break;
	case EVENT_SERVER_RESTORE:
		restore_server();
		break;
	case EVENT_DEVICE_BACKUP:
		back_up_device();
		break;
	case EVENT_DEVICE_RESTORE:
		restore_device();
		break;
	case EVENT_CLONE:
		clone_device();
		break;
	case EVENT_WALL_JUMP:
		step_clock();
		break;
	case EVENT_WALL_RIGHT:
		clocks_right(event->profile);
		break;
	case EVENT_SUSPEND:
		suspend();
		break;
	case EVENT_ABSENCE:
		be_absent();
		break;
	case EVENT_USER_CHANGE:
		change_user();
		break;
	case EVENT_SECOND_LIFE:
		pass_name_on();
		break;
	case EVENT_REVOKE:
		revoke();
		break;
	case EVENT_SHUTDOWN:
		server_host_stop();
		break;
	case EVENT_SIDE_SENDER:
		// Many of one device, so that it comes to have all it may.
		device_host_start(draw_chance(&world.draw, 500) ? 0 : any_profile(), LIFE_ASKS, false);
		break;
	case EVENT_TERMINAL:
		device_host_start(draw_chance(&world.draw, 500) ? 0 : any_profile(), LIFE_RECEIVES, false);
		break;
	case EVENT_RIVAL:
		device_host_start(any_profile(), draw_chance(&world.draw, 700) ? LIFE_SENDS : LIFE_ASKS, true);
		break;
	case EVENT_SERVER_MOVE:
		move_server();
		break;
	case EVENT_SIGN_OUT:
		sign_out();
		break;
	case EVENT_FLOOD:
		network_flood();
		break;
	}
}

void script_run(void)
{
	while (script.next < script.count && mtime_is_due(script.event[script.next].at, world.now)) {
		const struct event event = script.event[script.next++];
		happen(&event);
	}
}

void script_heal(void)
{
	script.next = script.count;
	world.is_faulty = false;
	world.server.is_disk_full = false;
	world.server.room_at = MTIME_NEVER;
	world.server.is_due = true;
	world.options.commits_block = 0;
	if (world_wall(world.server.wall_offset_ms).ms > INVITES_END_MS)
		world.server.wall_offset_ms = 0; // or no invite of those who are still to come would be valid
	store_host_hurry();
	for (uint32_t i = 0; i < PROCESSES_MAX; i++) {
		struct process *process = &world.process[i];
		process->awake_at = process->cut_until[0] = process->cut_until[1] = world.now;
		// One that only asks may have the outbox, and keeps it: others get on beside it.
		const bool is_kept = process->life.wish.use == LIFE_ASKS && process->profile == 0 &&
				     world.profile[0].holder == (int)i && !world.profile[0].is_given_up;
		if (process->is_alive &&
		    (process->is_stopped || (!process->is_receiving && !is_kept) || process->life.state == LIFE_SIGNING_OUT))
			device_host_kill(process);
		process->is_due = true;
	}
	// Of several copies of a device one receives; the others only send what they still have.
	bool has_receiver[IDENTITIES_MAX] = {false};
	for (uint8_t i = 0; i < world.profile_count; i++) {
		const uint8_t identity = world.profile[i].disk.identity;
		world.profile[i].is_given_up = has_receiver[identity];
		has_receiver[identity] = true;
		if (world.profile[i].is_given_up)
			kill_profile(i);
	}
	device_host_revive();
}
