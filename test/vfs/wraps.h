// SPDX-License-Identifier: ISC
// Calls of the program that the linker turns to us (--wrap in vfs.mk): free disk space, memory, and deliberate
// weakenings. SQLite's own memory goes through its configured allocator. All of it is one global, since the program
// passes no context there.
#ifndef MMS_TEST_WRAPS_H
#define MMS_TEST_WRAPS_H

#include <stdbool.h>
#include <stdint.h>

struct wraps {
	bool is_disk_full;         // what fstatvfs says
	bool splits_transactions;  // each statement that writes is committed alone
	const char *skips;         // a statement that begins so does nothing; NULL: none does
	uint64_t memory_calls;     // allocations by the program and by SQLite
	uint64_t memory_fails_at;  // the allocation that fails, 0: none
	bool memory_is_persistent; // so do all after it
	uint64_t memory_hits;
};

extern struct wraps wraps;

// Makes SQLite's allocations count; before SQLite is used.
void wraps_register(void);

// Allocations fail as told, counted from now.
void wraps_fail_memory(uint64_t at, bool is_persistent);

#endif
