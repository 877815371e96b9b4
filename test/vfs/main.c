// SPDX-License-Identifier: ISC
// mms-vfs: the real stores on disks in memory, through every crash and every failing call (doc/design.md, "Accepted
// means on disk"). Prints what it tried and how often; on a violation the arguments that do that one case again.
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "explore.h"
#include "fault_vfs.h"
#include "wraps.h"

// How much of the whole a run does: every so many-th point.
struct effort {
	uint64_t power;
	uint64_t power_log;
	uint64_t fault;
	uint64_t memory;
	unsigned second_every;
	unsigned sync_again_every; // failed syncs after which the opening is tried at every change
};

static const struct effort whole = {1, 197, 1, 11, 401, 7};
static const struct effort quick = {43, 4001, 41, 997, 1100, 3};

static double seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void report(const struct explore *explore, const char *what, double began)
{
	printf("%-22s %6" PRIu64 " crash points, %7" PRIu64 " disks after them; %6" PRIu64
	       " crashes while opening; %7" PRIu64 " openings; %5.1f s\n",
	       what, explore->points[FAULT_POWER], explore->states, explore->second_points, explore->openings,
	       seconds() - began);
}

// Every fault of every kind, once and from then on.
static void try_faults(struct explore *explore, const struct world_kind *kind, const struct effort *effort)
{
	for (int fault = FAULT_READ; fault < EXPLORE_KINDS; fault++) {
		const double began = seconds();
		const uint64_t points = explore->points[fault];
		const uint64_t errors = explore->errors[fault];
		const uint64_t stride = fault == FAULT_MEMORY ? effort->memory : effort->fault;
		for (int is_persistent = 0; is_persistent < 2; is_persistent++)
			explore_all(explore, kind, fault, is_persistent, 1 + explore->seed % stride, stride,
				    effort->sync_again_every);
		printf("%-8s %-13s %6" PRIu64 " runs, %6" PRIu64 " reported by the store; %5.1f s\n", kind->name,
		       explore_fault_name(fault), explore->points[fault] - points, explore->errors[fault] - errors,
		       seconds() - began);
	}
}

static void try_crashes(struct explore *explore, const struct world_kind *kind, uint64_t stride, unsigned second_every)
{
	const double began = seconds();
	struct explore one = {.seed = explore->seed, .directory = explore->directory};
	explore_all(&one, kind, FAULT_POWER, true, 1 + explore->seed % stride, stride, second_every);
	report(&one, kind->name, began);
	explore->violations += one.violations;
	explore->states += one.states;
	explore->second_points += one.second_points;
	explore->openings += one.openings;
	explore->points[FAULT_POWER] += one.points[FAULT_POWER];
}

// Runs a script with a store that is broken on purpose; the harness must notice. Returns whether it did.
static bool try_weak_store(const struct explore *explore, const struct world_kind *kind, const char *name, bool is_lying)
{
	struct explore one = *explore;
	one.is_silent = true;
	one.is_lying = is_lying;
	explore_all(&one, kind, FAULT_POWER, true, 5, 29, 0);
	printf("%-8s %-31s %5" PRIu64 " violations at %" PRIu64 " crash points\n", kind->name, name, one.violations,
	       one.points[FAULT_POWER]);
	return one.violations > 0;
}

// Returns how many weaknesses went unnoticed.
static int try_weak(struct explore *explore)
{
	static const struct world_kind *const kinds[] = {&server_world_kind, &room_world_kind, &client_world_kind};
	static const struct {
		const char *name;
		const char *skips;
		const struct world_kind *kind; // NULL: of messages to users
	} lapses[] = {
		{"a mailbox is not written", "UPDATE mailbox SET put_rows", NULL},
		{"a share is not written", "INSERT INTO share", NULL},
		{"a body stays", "DELETE FROM body", NULL},
		{"that it was taken stays", "DELETE FROM received", NULL},
		{"when a row was taken is lost", "INSERT INTO received", NULL},
		{"a gap is not told", "UPDATE device SET gap_row = iif", NULL},
		{"ids are not counted", "UPDATE sender SET new_ids", NULL},
		{"a room's row is not written", "UPDATE room SET name", &room_world_kind},
		{"a room is not let go", "UPDATE room SET gone_at", &room_world_kind},
		{"an owner hands nothing over", "UPDATE member SET is_owner", &room_world_kind},
		{"a place of a body is not counted", "UPDATE room_line SET refs", &room_world_kind},
		{"what a device is passed over is not counted", "UPDATE device SET done_rows = done_rows + 1", NULL},
		{"a move is not written", "UPDATE device SET cursor = ?2", &room_world_kind},
		{"history forgets nothing", "UPDATE room SET row_kept", &room_world_kind},
		{"a block is not written", "INSERT INTO block", &room_world_kind},
	};
	int unnoticed = 0;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		unnoticed += !try_weak_store(explore, kinds[i], "syncs that do nothing", true);
		wraps.splits_transactions = true;
		unnoticed += !try_weak_store(explore, kinds[i], "each statement committed alone", false);
		wraps.splits_transactions = false;
	}
	for (size_t i = 0; i < sizeof lapses / sizeof *lapses; i++) {
		wraps.skips = lapses[i].skips;
		unnoticed += !try_weak_store(explore, lapses[i].kind == NULL ? &server_world_kind : lapses[i].kind, lapses[i].name,
					     false);
		wraps.skips = NULL;
	}
	return unnoticed;
}

static void try_everything(struct explore *explore, const struct effort *effort)
{
	try_crashes(explore, &server_world_kind, effort->power, effort->second_every);
	try_crashes(explore, &room_world_kind, effort->power, effort->second_every);
	try_crashes(explore, &client_world_kind, effort->power, effort->second_every);
	try_crashes(explore, &server_log_world_kind, effort->power_log, 0); // an opening of it has a thousand changes
	try_faults(explore, &server_world_kind, effort);
	try_faults(explore, &room_world_kind, effort);
	try_faults(explore, &client_world_kind, effort);
}

static void usage(void)
{
	fputs("usage: mms-vfs [--seed N] [--quick | --weak | --case WORDS]\n", stderr);
	exit(64);
}

int main(int argc, char **argv)
{
	struct explore explore = {.seed = 1};
	struct explore_case one = {.kind = NULL};
	const struct effort *effort = &whole;
	bool is_weak = false;
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--quick") == 0)
			effort = &quick;
		else if (strcmp(argv[i], "--weak") == 0)
			is_weak = true;
		else if (i + 1 < argc && strcmp(argv[i], "--seed") == 0)
			explore.seed = strtoull(argv[++i], NULL, 10);
		else if (i + 1 == argc || strcmp(argv[i], "--case") != 0 || !explore_case_parse(&one, argv[++i]))
			usage();
	}
	const char *parent = getenv("TMPDIR");
	char directory[256];
	snprintf(directory, sizeof directory, "%s/mms-vfs-XXXXXX", parent == NULL ? "/tmp" : parent);
	if (mkdtemp(directory) == NULL) {
		perror(directory);
		return 73;
	}
	explore.directory = directory;
	mallopt(M_MMAP_THRESHOLD, 64 << 20); // worlds and disks come and go by the thousand
	mallopt(M_TRIM_THRESHOLD, 256 << 20);
	wraps_register();
	fault_vfs_register();
	setvbuf(stdout, NULL, _IOLBF, 0);
	const double began = seconds();
	int status = 0;
	if (is_weak) {
		status = try_weak(&explore) > 0;
	} else {
		if (one.kind != NULL && !explore_run(&explore, &one, 0))
			puts("the script ends before that");
		if (one.kind == NULL)
			try_everything(&explore, effort);
		printf("seed %" PRIu64 ": %" PRIu64 " openings, %" PRIu64 " violations, %.1f s\n", explore.seed,
		       explore.openings, explore.violations, seconds() - began);
		status = explore.violations > 0;
	}
	char path[300];
	snprintf(path, sizeof path, "%s/server.db", directory);
	unlink(path);
	snprintf(path, sizeof path, "%s/fred.db", directory);
	unlink(path);
	rmdir(directory);
	return status;
}
