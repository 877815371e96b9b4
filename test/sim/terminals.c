// SPDX-License-Identifier: ISC
// The contract is in terminals.h.
#include "terminals.h"

#include <assert.h>
#include <string.h>

#include "device_host.h"
#include "report.h"

static int place_of(const struct process *process)
{
	return (int)(process - world.process);
}

static struct profile *profile_of(const struct process *process)
{
	return &world.profile[process->profile];
}

static uint32_t serial_newest;
static uint32_t opening_newest;

void terminals_opened(struct process *process)
{
	process->opened_serial = ++opening_newest;
}

void terminals_begin(struct process *process)
{
	process->serial = ++serial_newest;
	process->opened_serial = 0;
	process->is_aside = process->is_stirred = process->has_news = process->is_showing = false;
	process->showing = (struct device_showing){0};
	process->show_at = (struct mtime){0};
	memset(process->has_shown, 0, sizeof process->has_shown);
}

void terminals_known(struct process *process)
{
	process->is_showing = process->is_receiving;
	device_showing_begin(&process->showing, profile_of(process)->disk.state.transcript_count);
}

// --- who receives ---

void terminals_replaced(const struct process *process)
{
	profile_of(process)->replaced_serial = opening_newest;
}

void terminals_check_replaced(const struct process *process)
{
	const struct client *client = &process->life.node.client;
	if (client->is_started && client->config.is_receiving && process->opened_serial <= profile_of(process)->replaced_serial)
		report_failure("process %d receives again though a copy of its profile does", place_of(process));
}

bool terminals_receive(struct process *process)
{
	struct profile *profile = profile_of(process);
	if (profile->receiver >= 0) {
		report_sight(SIGHT_FOLLOWED);
		return false;
	}
	profile->receiver = place_of(process);
	profile->receiver_turn++;
	if (process->life.node.client.is_started)
		report_sight(SIGHT_RECEIVING_INHERITED);
	return true;
}

void terminals_stir(uint8_t profile)
{
	for (uint32_t i = 0; i < PROCESSES_MAX; i++) {
		struct process *process = &world.process[i];
		if (!process->is_alive || process->profile != profile || !process->is_receiving ||
		    world.profile[profile].receiver == (int)i || (world.is_faulty && draw_chance(&world.draw, 100)))
			continue;
		process->is_stirred = process->is_due = true;
	}
}

void terminals_yield(struct process *process)
{
	struct profile *profile = profile_of(process);
	if (profile->holder == place_of(process))
		profile->holder = -1; // the system frees a lock whose holder dies
	if (profile->receiver != place_of(process))
		return;
	profile->receiver = -1;
	terminals_stir(process->profile);
}

void terminals_step_aside(struct process *process)
{
	const struct profile *profile = profile_of(process);
	if (process->is_aside)
		return;
	process->is_aside = true;
	process->outbox_turn = profile->holder == place_of(process) ? profile->holder_turn : 0;
	process->receiving_turn = profile->receiver == place_of(process) ? profile->receiver_turn : 0;
	terminals_yield(process);
}

void terminals_come_back(struct process *process)
{
	struct profile *profile = profile_of(process);
	const bool is_outbox_lost = process->outbox_turn != 0 && process->outbox_turn != profile->holder_turn;
	const bool is_receiving_lost = process->receiving_turn != 0 && process->receiving_turn != profile->receiver_turn;
	const bool is_overtaken = is_outbox_lost || is_receiving_lost;
	process->is_aside = false;
	if (process->outbox_turn != 0 && !is_overtaken)
		profile->holder = place_of(process);
	if (process->receiving_turn != 0 && !is_overtaken)
		profile->receiver = place_of(process);
	if (!is_overtaken)
		return;
	report_sight(SIGHT_OVERTAKEN);
	device_life_overtaken(&process->life, world.now);
}

// --- what is shown ---

static bool is_running(uint32_t serial)
{
	for (uint32_t i = 0; i < PROCESSES_MAX; i++)
		if (world.process[i].is_alive && world.process[i].serial == serial)
			return true;
	return false;
}

static void show_entry(struct process *process, uint64_t seq)
{
	struct profile *profile = profile_of(process);
	const uint32_t place = (uint32_t)seq - 1;
	const uint32_t before = profile->shown_by[place];
	report_trace("process %d shows entry %u of profile %u", place_of(process), place, process->profile);
	if (process->has_shown[place] != 0)
		report_failure("process %d shows entry %u of profile %u again", place_of(process), place, process->profile);
	process->has_shown[place] = 1;
	if (seq <= process->showing.began_seq) {
		report_sight(SIGHT_SHOWN_LATER);
		if (profile->receiver != place_of(process))
			report_failure("process %d shows entry %u of profile %u, which the one that receives is about to show",
				       place_of(process), place, process->profile);
		if (before != 0 && is_running(before))
			report_failure("entry %u of profile %u was shown, and is shown again by a process that began later", place,
				       process->profile);
	}
	profile->shown_by[place] = process->serial;
}

static void check_noted(const struct process *process, const struct transcript_range *shown)
{
	const struct profile *profile = profile_of(process);
	for (uint64_t seq = shown->after_seq + 1; seq <= shown->until_seq; seq++)
		if (profile->shown_by[seq - 1] == 0 && profile->disk.state.is_shown[seq - 1] == 0)
			report_failure("process %d notes entry %u of profile %u as shown, and nobody has shown it",
				       place_of(process), (uint32_t)seq - 1, process->profile);
}

static uint64_t next_of(const struct device_disk_state *state, const struct transcript_range *range)
{
	for (uint64_t seq = range->after_seq + 1; seq <= state->transcript_count && seq <= range->until_seq; seq++)
		if (!range->is_unshown || state->is_shown[seq - 1] == 0)
			return seq;
	return 0;
}

void terminals_show(struct process *process, bool (*is_killed)(struct process *process))
{
	struct transcript_range range[DEVICE_SHOWING_RANGES_MAX];
	struct device_disk *disk = &profile_of(process)->disk;
	if (!process->is_showing || !process->has_news)
		return;
	// It may wait to say its welcome, or for who reads what it writes.
	if (world.is_faulty && draw_chance(&world.draw, 250))
		process->show_at = mtime_add_ms(world.now, draw_below(&world.draw, 6000));
	if (!mtime_is_due(process->show_at, world.now))
		return;
	process->has_news = false;
	const uint32_t count = device_showing_ranges(&process->showing, process->life.is_receiver, range);
	for (uint32_t i = 0; i < count; i++) {
		struct transcript_range rest = range[i];
		uint64_t seq;
		while ((seq = next_of(&disk->state, &rest)) != 0) {
			show_entry(process, seq);
			rest.after_seq = seq;
		}
		if (rest.after_seq == range[i].after_seq)
			continue;
		if (is_killed(process))
			return;
		const struct transcript_range shown = device_showing_went(&process->showing, &range[i], rest.after_seq);
		check_noted(process, &shown);
		device_disk_show(disk, &shown);
	}
}

bool terminals_owe(const struct process *process)
{
	const struct profile *profile = &world.profile[process->profile];
	const struct device_disk_state *state = &profile->disk.state;
	if (!process->is_showing || process->is_stopped || !process->life.was_signed_in)
		return false;
	for (uint32_t place = 0; place < state->transcript_count; place++) {
		if (place >= process->showing.began_seq && process->has_shown[place] == 0)
			return true;
		if (state->is_shown[place] == 0)
			return true;
	}
	return false;
}

void terminals_check(void)
{
	enum { FOLLOW_MS = 2000, TAKE_MS = 500 };
	const uint8_t place = (uint8_t)draw_below(&world.draw, world.profile_count);
	const struct profile *profile = &world.profile[place];
	struct process *receiver = profile->receiver < 0 ? NULL : &world.process[profile->receiver];
	if (receiver == NULL || !world_identity_is_honest(profile->disk.identity) || !client_is_signed_in(&receiver->life.node.client))
		return;
	struct process *follower = device_host_start(place, LIFE_RECEIVES, false);
	if (follower == NULL)
		return;
	world_run_ms(FOLLOW_MS);
	if (profile->receiver != place_of(receiver))
		report_failure("profile %u is received on by another process, and the one that did has not ended", place);
	device_host_kill(receiver);
	world_run_ms(TAKE_MS);
	if (profile->receiver < 0)
		report_failure("nobody receives on profile %u though a process follows", place);
}
