// SPDX-License-Identifier: ISC
// Crashes and failing calls, one run at a time; the contract is in explore.h.
#include "explore.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "fault_vfs.h"
#include "wraps.h"

enum { STEPS_AFTER = 3 }; // of the script, done after the store was opened again

enum { AT_OPEN = -2, AT_BEGIN = -1 }; // before the script's steps

// A world with its disk, and how far it has come.
struct run {
	struct explore *explore;
	struct explore_case one;
	struct world *world;
	struct fault_disk *disk;
	int64_t position; // what it does next, or what it failed at
};

// --- a run ---

static void run_mount(struct run *run)
{
	fault_vfs_mount(run->explore->directory, run->disk);
	fault_vfs_seed(run->explore->seed + run->one.at);
}

static void run_begin(struct run *run, struct explore *explore, const struct explore_case *one)
{
	*run = (struct run){.explore = explore, .one = *one, .position = AT_OPEN};
	run->world = calloc(1, one->kind->world_bytes);
	run->disk = fault_disk_new(explore->seed ^ one->at);
	if (run->world == NULL)
		abort();
	run->disk->is_lying = explore->is_lying;
	one->kind->init(run->world, explore->seed, explore->directory);
	run->world->kind = one->kind;
	run_mount(run);
}

// Another world at the same moment, with its store closed, on `disk`.
static void run_branch(struct run *branch, const struct run *run, struct fault_disk *disk)
{
	assert(!run->one.kind->is_open(run->world));
	*branch = *run;
	branch->disk = disk;
	branch->world = malloc(run->one.kind->world_bytes);
	if (branch->world == NULL)
		abort();
	memcpy(branch->world, run->world, run->one.kind->world_bytes);
	fault_vfs_unmount(run->explore->directory);
	run_mount(branch);
}

// Ends it and says so if it broke a promise.
static void run_end(struct run *run)
{
	char words[CASE_WORDS_BYTES];
	struct explore *explore = run->explore;
	run->one.kind->close(run->world);
	if (run->world->complaint[0] != 0) {
		explore->violations++;
		explore_case_format(&run->one, words);
		if (explore->violations <= EXPLORE_SHOWN_MAX && !explore->is_silent)
			printf("violation: %s: %s\n  again: mms-vfs --seed %" PRIu64 " --case %s\n",
			       run->position < 0 ? "at the start" : run->one.kind->step_name((uint32_t)run->position),
			       run->world->complaint, explore->seed, words);
	}
	fault_vfs_unmount(explore->directory);
	fault_disk_free(run->disk);
	free(run->world);
}

// Ends a branch and goes on with what it was taken from.
static void run_rejoin(struct run *branch, struct run *run)
{
	run_end(branch);
	run_mount(run);
}

static enum mms_err run_open(struct run *run)
{
	run->explore->openings++;
	return run->one.kind->open(run->world);
}

// Does what comes next.
static enum mms_err run_step(struct run *run)
{
	if (run->position == AT_OPEN)
		return run_open(run);
	if (run->position == AT_BEGIN)
		return run->one.kind->begin(run->world);
	return run->one.kind->step(run->world, (uint32_t)run->position);
}

static bool run_is_over(const struct run *run)
{
	return run->position == (int64_t)run->one.kind->step_count;
}

static bool is_sound(const struct run *run)
{
	return run->world->complaint[0] == 0;
}

// Checks, goes on for some steps and checks again: without a fault nothing may fail.
static void run_on(struct run *run)
{
	run->one.kind->check(run->world);
	for (int i = 0; i < STEPS_AFTER && is_sound(run) && !run_is_over(run); i++) {
		const enum mms_err err = run_step(run);
		if (err != MMS_OK)
			world_complain(run->world, "error %d without a fault: %s", err, run->world->why.text);
		run->position++;
	}
	if (is_sound(run))
		run->one.kind->check(run->world);
}

// Opens the store after a crash or an error and goes on.
static void run_recover(struct run *run)
{
	enum mms_err err = run_open(run);
	if (err == MMS_OK)
		run->one.kind->check(run->world);
	if (err == MMS_OK && is_sound(run))
		err = run->one.kind->begin(run->world);
	if (err != MMS_OK)
		world_complain(run->world, "error %d without a fault: %s", err, run->world->why.text);
	if (run->position < 0)
		run->position = 0;
	if (is_sound(run))
		run_on(run);
}

// --- power loss ---

static struct fault_disk *make_state(const struct run *run, unsigned state)
{
	const uint64_t seed = run->explore->seed * 1000003 + run->one.at * 31 + run->one.second_at * 7 + state;
	switch (state) {
	case STATE_KILLED:
		return fault_disk_copy(run->disk);
	case STATE_KEPT:
		return fault_disk_lose(run->disk, LOSS_NOTHING, seed);
	case STATE_LOST:
		return fault_disk_lose(run->disk, LOSS_ALL, seed);
	default:
		return fault_disk_lose(run->disk, state < STATE_TORN ? LOSS_SOME : LOSS_TORN, seed);
	}
}

// What holds after recovery must hold after one more power loss.
static void recover_twice(struct run *run)
{
	struct run branch;
	run_recover(run);
	run->one.kind->close(run->world);
	if (run->world->complaint[0] != 0)
		return;
	run_branch(&branch, run, fault_disk_lose(run->disk, LOSS_ALL, 0));
	if (run_open(&branch) == MMS_OK)
		branch.one.kind->check(branch.world);
	else
		world_complain(branch.world, "not to be opened: %s", branch.world->why.text);
	run_rejoin(&branch, run);
}

static void open_state(struct run *run, unsigned state, bool is_second)
{
	struct run branch;
	struct explore_case *one = &branch.one;
	run_branch(&branch, run, make_state(run, state));
	*(is_second ? &one->second_state : &one->state) = state + 1;
	run->explore->states++;
	recover_twice(&branch);
	run_rejoin(&branch, run);
}

// Loses power at one change of the opening after a power loss. False: it has fewer.
static bool crash_again(struct run *run, unsigned state, uint64_t at, unsigned states)
{
	struct run branch;
	run_branch(&branch, run, make_state(run, state));
	branch.one.state = state + 1;
	branch.one.second_at = at;
	fault_disk_plan(branch.disk, (struct fault_plan){FAULT_POWER, at, true});
	if (run_open(&branch) == MMS_OK && !branch.disk->is_off) {
		branch.one.kind->check(branch.world); // which settles what the model knows
		if (is_sound(&branch))
			(void)branch.one.kind->begin(branch.world);
	}
	const bool is_hit = branch.disk->is_off;
	branch.one.kind->close(branch.world);
	run->explore->second_points += is_hit;
	for (unsigned i = 0; i < STATE_COUNT && is_hit && is_sound(&branch); i++) {
		if ((states & (1u << i)) != 0)
			open_state(&branch, i, true);
	}
	run_rejoin(&branch, run);
	return is_hit;
}

// The same at each change of the opening, or at the one that the case names.
static void crash_openings(struct run *run, unsigned state, unsigned states)
{
	const struct explore_case one = run->one;
	if (one.second_at != 0) {
		(void)crash_again(run, state, one.second_at, one.second_state == 0 ? states : 1u << (one.second_state - 1));
		return;
	}
	for (uint64_t at = 1; crash_again(run, state, at, states); at++)
		;
}

static void explore_states(struct run *run, unsigned second_every)
{
	const struct explore_case one = run->one;
	for (unsigned i = 0; i < STATE_COUNT; i++) {
		if (one.state != 0 && one.state != i + 1)
			continue;
		if (one.second_at == 0)
			open_state(run, i, false);
		if (one.second_at != 0 || (second_every != 0 && (one.at * STATE_COUNT + i) % second_every == 0))
			crash_openings(run, i, (1u << STATE_COUNT) - 1);
	}
}

static bool run_power(struct run *run, unsigned second_every)
{
	fault_disk_plan(run->disk, (struct fault_plan){FAULT_POWER, run->one.at, true});
	enum mms_err err = MMS_OK;
	while (err == MMS_OK && is_sound(run) && !run->disk->is_off && !run_is_over(run)) {
		err = run_step(run);
		run->position += err == MMS_OK;
		if (run->one.at == EXPLORE_NEVER && err == MMS_OK && run->one.kind->is_open(run->world))
			run->one.kind->check(run->world);
	}
	if (!run->disk->is_off && err != MMS_OK)
		world_complain(run->world, "error %d without a fault: %s", err, run->world->why.text);
	const bool is_hit = run->disk->is_off;
	run->one.kind->close(run->world);
	if (is_hit && is_sound(run))
		explore_states(run, second_every);
	return is_hit;
}

// --- calls that fail ---

static void arm(struct run *run)
{
	if (run->one.fault == FAULT_MEMORY)
		wraps_fail_memory(run->one.at, run->one.is_persistent);
	else
		fault_disk_plan(run->disk, (struct fault_plan){(enum fault_kind)run->one.fault, run->one.at,
							       run->one.is_persistent});
}

static void disarm(struct run *run)
{
	wraps_fail_memory(0, false);
	fault_disk_plan(run->disk, (struct fault_plan){FAULT_NONE, 0, false});
}

static bool has_hit(const struct run *run)
{
	return wraps.memory_hits + run->disk->hits > 0;
}

// Whether a fault may be reported as this error.
static bool is_error_of(int fault, enum mms_err err, const char *why)
{
	// SQLite's check of a whole file words some failed reads as it words damage.
	if (err == MMS_E_FORMAT && fault == FAULT_READ)
		return strstr(why, "Failed to read ptrmap") != NULL;
	return err == (fault == FAULT_NOSPACE ? MMS_E_NOSPACE : MMS_E_IO);
}

// Steps until one fails, or some more when a fault came and nobody said so.
static enum mms_err run_until_error(struct run *run)
{
	enum mms_err err = MMS_OK;
	for (int left = STEPS_AFTER; err == MMS_OK && left > 0 && !run_is_over(run); left -= has_hit(run)) {
		err = run_step(run);
		run->position += err == MMS_OK;
	}
	return err;
}

// Opens what a program left that was killed after an error, at once or after a power loss.
static void after_kill(struct run *killed, unsigned second_every)
{
	static const unsigned states[] = {STATE_KILLED, STATE_LOST, STATE_SOME, STATE_TORN};
	const struct explore_case *one = &killed->one;
	struct run branch;
	for (size_t i = 0; i < sizeof states / sizeof *states && one->second_at == 0; i++) {
		run_branch(&branch, killed, make_state(killed, states[i]));
		recover_twice(&branch);
		run_rejoin(&branch, killed);
	}
	// What a failed sync left in memory alone must not come half to the disk by the next opening.
	const bool is_due = second_every != 0 && one->at % second_every == 0;
	if (one->second_at != 0 || (is_due && one->fault == FAULT_SYNC && !one->is_persistent))
		crash_openings(killed, STATE_KILLED, 1u << STATE_LOST | 1u << STATE_SOME | 1u << STATE_TORN);
}

// The store refuses, or where its header says so may go on, every other time for some steps. Then its program is killed,
// or ends in order, and the disk is opened without faults.
static void after_error(struct run *run, enum mms_err err, unsigned second_every)
{
	const struct world_kind *kind = run->one.kind;
	struct run killed;
	if (!is_error_of(run->one.fault, err, run->world->why.text))
		world_complain(run->world, "error %d for a failing %s: %s", err, explore_fault_name(run->one.fault),
			       run->world->why.text);
	const bool is_usable = kind->is_open(run->world) && kind->is_usable_after(err);
	if (kind->is_open(run->world) && !is_usable)
		kind->check_broken(run->world);
	disarm(run);
	if (is_usable && is_sound(run) && run->one.at % 2 == 0)
		run_on(run);
	struct fault_disk *left = fault_disk_copy(run->disk);
	kind->close(run->world);
	if (!is_sound(run)) {
		fault_disk_free(left);
		return;
	}
	run_branch(&killed, run, left);
	after_kill(&killed, second_every);
	run_rejoin(&killed, run);
	recover_twice(run);
}

static bool run_fault(struct run *run, unsigned second_every)
{
	arm(run);
	const enum mms_err err = run_until_error(run);
	const bool is_hit = has_hit(run);
	run->explore->errors[run->one.fault] += err != MMS_OK;
	if (err != MMS_OK && !is_hit)
		world_complain(run->world, "error %d without a fault: %s", err, run->world->why.text);
	if (err != MMS_OK) {
		after_error(run, err, second_every);
	} else {
		disarm(run);
		run->one.kind->check(run->world);
		run->one.kind->close(run->world);
		if (is_sound(run) && is_hit)
			recover_twice(run);
	}
	return is_hit;
}

// --- all of them ---

bool explore_run(struct explore *explore, const struct explore_case *one, unsigned second_every)
{
	struct run run;
	const sqlite3_int64 memory_bytes = sqlite3_memory_used();
	run_begin(&run, explore, one);
	const bool is_hit = one->fault == FAULT_POWER ? run_power(&run, second_every) : run_fault(&run, second_every);
	explore->points[one->fault] += is_hit;
	one->kind->close(run.world);
	if (sqlite3_memory_used() != memory_bytes)
		world_complain(run.world, "%lld bytes of SQLite's memory are lost",
			       (long long)(sqlite3_memory_used() - memory_bytes));
	run_end(&run);
	return is_hit;
}

void explore_all(struct explore *explore, const struct world_kind *kind, int fault, bool is_persistent, uint64_t first,
		 uint64_t stride, unsigned second_every)
{
	struct explore_case one = {.kind = kind, .fault = fault, .at = EXPLORE_NEVER, .is_persistent = is_persistent};
	if (fault == FAULT_POWER)
		(void)explore_run(explore, &one, 0); // the model itself, step by step
	one.at = first;
	while (explore_run(explore, &one, second_every))
		one.at += stride;
}

// --- words ---

static const char *const fault_name[EXPLORE_KINDS] = {
	[FAULT_POWER] = "power",       [FAULT_READ] = "read",     [FAULT_WRITE] = "write",
	[FAULT_NOSPACE] = "nospace",   [FAULT_SYNC] = "sync",     [FAULT_SYNC_NOSPACE] = "sync-nospace",
	[FAULT_TRUNCATE] = "truncate", [FAULT_OPEN] = "open",     [FAULT_DELETE] = "delete",
	[FAULT_SIZE] = "size",         [FAULT_LOCK] = "lock",     [FAULT_MEMORY] = "memory",
};

static const struct world_kind *const kinds[] = {&server_world_kind, &server_log_world_kind, &room_world_kind,
						 &client_world_kind};

const char *explore_fault_name(int fault)
{
	return fault_name[fault];
}

void explore_case_format(const struct explore_case *one, char words[CASE_WORDS_BYTES])
{
	snprintf(words, CASE_WORDS_BYTES, "%s,%s,%" PRIu64 ",%s,%u,%" PRIu64 ",%u", one->kind->name,
		 fault_name[one->fault], one->at, one->is_persistent ? "on" : "once", one->state, one->second_at,
		 one->second_state);
}

bool explore_case_parse(struct explore_case *one, const char *words)
{
	char kind[32];
	char fault[32];
	char times[8];
	*one = (struct explore_case){0};
	if (sscanf(words, "%31[^,],%31[^,],%" SCNu64 ",%7[^,],%u,%" SCNu64 ",%u", kind, fault, &one->at, times,
		   &one->state, &one->second_at, &one->second_state) != 7)
		return false;
	one->is_persistent = strcmp(times, "on") == 0;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		if (strcmp(kinds[i]->name, kind) == 0)
			one->kind = kinds[i];
	}
	for (int i = 0; i < EXPLORE_KINDS; i++) {
		if (fault_name[i] != NULL && strcmp(fault_name[i], fault) == 0)
			one->fault = i;
	}
	return one->kind != NULL && one->fault != FAULT_NONE && one->at != 0;
}
