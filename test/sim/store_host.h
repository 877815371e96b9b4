// SPDX-License-Identifier: ISC
// What the server's store was ordered and has not told the end of. Nobody waits for it: a batch of each lane, questions, a sync
// of users and the housekeeping are under way together, each becomes durable at a drawn moment and is told at a later one, so
// that words come out of order. A batch may be performed twice, and what is told is then the second time's; or find no room, or
// break the store. Everything that was lent must be as it was until it is told.
#ifndef MMS_SIM_STORE_HOST_H
#define MMS_SIM_STORE_HOST_H

#include "base/time.h"
#include "base/users.h"
#include "server_disk.h"
#include "store/storage.h"

enum store_job_kind {
	JOB_APPEND = 1,
	JOB_ASK,
	JOB_SYNC,
	JOB_HOUSEKEEP,
};

// The end of a job.
struct store_told {
	enum store_job_kind kind;
	bool is_broken; // the store failed: nothing of what follows is set
	bool is_full;   // SYNC, HOUSEKEEP: there was no room, nothing was changed
	uint32_t lane;  // APPEND
	const struct storage_batch *batch;
	struct storage_appended appended;
	struct storage_question *question; // ASK
	int64_t removed[DISK_DEVICES_MAX]; // SYNC: devices that are gone
	uint32_t removed_count;
};

// A process opens its store and records its start; nothing is under way.
void store_host_begin(const uint8_t start_id[STORAGE_START_ID_BYTES]);

// Orders. What is handed over is borrowed until it is told.
void store_host_append(uint32_t lane, const struct storage_batch *batch);
void store_host_ask(struct storage_question *question);
void store_host_sync(struct users_table *table);
void store_host_housekeep(void);

// Whether anything is under way.
bool store_host_is_busy(void);

// When anything becomes durable or is to be told; MTIME_NEVER: nothing is under way.
struct mtime store_host_deadline(void);

// Lets happen what is due, up to the next word. False: there is none now.
bool store_host_next(struct store_told *told);

// The faults have stopped: everything under way is due.
void store_host_hurry(void);

// The process died: each thing that was under way is on the disk, or is not.
void store_host_kill(void);

#endif
