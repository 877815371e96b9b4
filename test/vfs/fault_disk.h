// SPDX-License-Identifier: ISC
// A disk in memory that can fail and lose power. Each file has what programs see now, what would survive a power
// loss (durable), and the changes between the two (pending). A sync of a file makes its changes durable; creating and
// deleting a file become durable with a sync of the directory. fault_vfs.h puts SQLite on top of it.
// A sync that fails drops the pending changes for good: programs go on seeing them, and no later sync saves them, as on
// systems that mark pages clean after a failed write-back. (Names are not: a file system that cannot write its journal
// stops.) No globals; one thread; all memory is the disk's own.
#ifndef MMS_TEST_FAULT_DISK_H
#define MMS_TEST_FAULT_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "draw.h"

enum { FAULT_NAME_BYTES = 64, FAULT_SHM_LOCKS = 8, FAULT_SHM_REGIONS_MAX = 32 };

// Which call fails. Each call counts for its kind, and each change of the disk for FAULT_POWER as well.
enum fault_kind {
	FAULT_NONE,
	FAULT_POWER,        // the n-th change is the last one; after it every call fails
	FAULT_READ,         // a read
	FAULT_WRITE,        // a write, which may be half done
	FAULT_NOSPACE,      // a write that makes a file longer, which may be half done
	FAULT_SYNC,         // a sync, of a file or of the directory
	FAULT_SYNC_NOSPACE, // the same, saying that there is no space
	FAULT_TRUNCATE,
	FAULT_OPEN,
	FAULT_DELETE,
	FAULT_SIZE, // asking for a file's size
	FAULT_LOCK, // a lock or a piece of shared memory
	FAULT_KIND_COUNT
};

struct fault_plan {
	enum fault_kind kind;
	uint64_t at;        // which call of that kind from now on, counted from 1
	bool is_persistent; // so do all calls of that kind after it
};

// What a power loss does to pending changes.
enum fault_loss {
	LOSS_NOTHING, // all happen to be on the disk
	LOSS_ALL,     // none is
	LOSS_SOME,    // each is or is not
	LOSS_TORN,    // and of those that are, each sector of 512 bytes is or is not
	LOSS_COUNT
};

// A pending change of a file: a write of `bytes` at `offset`, or with data NULL the new size `offset`.
struct fault_change {
	uint64_t offset;
	size_t bytes;
	uint8_t *data;
};

// Bytes with the room they may grow into.
struct fault_bytes {
	uint8_t *data;
	size_t bytes;
	size_t room_bytes;
};

struct fault_inode {
	size_t users; // directory entries, pending ones too, and open files
	struct fault_bytes now;
	struct fault_bytes durable;
	struct fault_change *change;
	size_t change_count;
	size_t change_room;

	// What open files share; gone when the power is.
	size_t readers;       // that hold SHARED or more
	const void *reserved; // the file that holds RESERVED or more
	const void *pending;  // the file that holds PENDING or EXCLUSIVE
	size_t shm_users;
	uint8_t *shm[FAULT_SHM_REGIONS_MAX];
	size_t shm_readers[FAULT_SHM_LOCKS];
	const void *shm_writer[FAULT_SHM_LOCKS];
};

struct fault_entry {
	char name[FAULT_NAME_BYTES];
	struct fault_inode *inode; // NULL: deleted
};

struct fault_entries {
	struct fault_entry *entry;
	size_t count;
	size_t room;
};

struct fault_disk {
	struct fault_entries now;
	struct fault_entries durable;
	struct fault_entries change; // pending, in order

	struct draw draw;
	struct fault_plan plan;
	uint64_t calls[FAULT_KIND_COUNT]; // since the plan was made
	uint64_t hits;                    // faults since then
	bool is_off;                      // the power is gone
	bool is_lying;                    // syncs do nothing and say that they did
};

// An empty disk that draws what a fault leaves of a call from `seed`.
struct fault_disk *fault_disk_new(uint64_t seed);

// Frees it; no file of it may be open. NULL is accepted.
void fault_disk_free(struct fault_disk *disk);

// Faults from now on; counts start at 0, and the power is on again: pending changes are as they were.
void fault_disk_plan(struct fault_disk *disk, struct fault_plan plan);

// A copy with its pending changes, without open files, locks, shared memory and plan: what a killed program leaves.
struct fault_disk *fault_disk_copy(const struct fault_disk *disk);

// The same after a power loss, which has no pending changes any more; `seed` draws what is lost.
struct fault_disk *fault_disk_lose(const struct fault_disk *disk, enum fault_loss loss, uint64_t seed);

// --- what a file system does; for fault_vfs.c ---

// Whether this call of `kind` fails. With the power gone every call does.
bool fault_disk_fails(struct fault_disk *disk, enum fault_kind kind);

// Counts a change that is about to be made. True: the power fails with it: make it and report an error.
bool fault_disk_ends(struct fault_disk *disk);

// The file of this name, or NULL.
struct fault_inode *fault_disk_find(struct fault_disk *disk, const char *name);

// Makes the name stand for `inode` (NULL: for nothing).
void fault_disk_link(struct fault_disk *disk, const char *name, struct fault_inode *inode);

// Makes all names durable, or with `has_failed` some of them, and the rest with the next sync.
void fault_disk_sync(struct fault_disk *disk, bool has_failed);

// Memory full of zeros, which never fails but ends the test.
void *fault_zeroed(size_t bytes);

// A new file without a name, used once.
struct fault_inode *fault_inode_new(void);

// Ends one use of a file.
void fault_inode_release(struct fault_inode *inode);

// Changes what is seen now; `data` NULL: the file's new size is `offset`.
void fault_inode_change(struct fault_inode *inode, uint64_t offset, const void *data, size_t bytes);

// Makes all changes durable. With `has_failed`, what `draw` says of them; the rest is lost for ever.
void fault_inode_sync(struct fault_inode *inode, struct draw *draw, bool has_failed);

#endif
