// SPDX-License-Identifier: ISC
// Takes a world (world.h) through every crash and every failing call, and counts. One run is one case; every case
// begins from an empty disk, so that it can be repeated alone.
#ifndef MMS_TEST_EXPLORE_H
#define MMS_TEST_EXPLORE_H

#include "fault_disk.h"
#include "world.h"

enum { CASE_WORDS_BYTES = 128, EXPLORE_SHOWN_MAX = 5 };

// After FAULT_KIND_COUNT, which the disk does not know: an allocation.
enum { FAULT_MEMORY = FAULT_KIND_COUNT, EXPLORE_KINDS };

// As `at`: never. A run that never loses power checks after each step.
#define EXPLORE_NEVER UINT64_MAX

// What a killed program leaves, and what a power loss makes of it, several times where it draws.
enum { STATE_KILLED, STATE_KEPT, STATE_LOST, STATE_SOME, STATE_TORN = STATE_SOME + 3, STATE_COUNT = STATE_TORN + 3 };

// One run. Zero in `state` and what follows stands for all of them, counted from 1.
struct explore_case {
	const struct world_kind *kind;
	int fault; // enum fault_kind or FAULT_MEMORY
	uint64_t at;
	bool is_persistent;
	unsigned state;        // FAULT_POWER: 1 + one of STATE_...
	uint64_t second_at;    // the power fails again at this change of the opening after it
	unsigned second_state; // and this is left then
};

struct explore {
	uint64_t seed;
	const char *directory; // a real one, where the stores make their empty files and look for free space
	bool is_lying;         // the disks' syncs do nothing
	bool is_silent;        // violations are counted, not shown

	uint64_t points[EXPLORE_KINDS]; // runs in which that fault came
	uint64_t errors[EXPLORE_KINDS]; // those in which the store reported it
	uint64_t states;                // disks after a crash, opened and checked
	uint64_t second_points;         // crashes while opening those
	uint64_t openings;
	uint64_t violations;
};

// The name of a fault, as in a case in words, or NULL.
const char *explore_fault_name(int fault);

// Runs one case. False: the script ended before the fault came. With `second_every` not 0, every so many-th state after
// a power loss, and what every so many-th failed sync left, is opened again and again, losing power at each change of
// the opening.
bool explore_run(struct explore *explore, const struct explore_case *one, unsigned second_every);

// Runs a fault at calls first, first + stride, ... until a run has none, `is_persistent` or once.
void explore_all(struct explore *explore, const struct world_kind *kind, int fault, bool is_persistent, uint64_t first,
		 uint64_t stride, unsigned second_every);

// A case in words, and back: "server,power,12,once,3,0,0". False: no case.
void explore_case_format(const struct explore_case *one, char words[CASE_WORDS_BYTES]);
bool explore_case_parse(struct explore_case *one, const char *words);

#endif
