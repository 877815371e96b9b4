// SPDX-License-Identifier: ISC
// A thread that owns the server's store: jobs go in, events come out in the order of the jobs, one for each, and a descriptor
// says when there are some (doc/design.md, "Accepted means on disk"). Layer: store. All functions are for one thread, the one
// that started it; it never waits for the disk, except in store_thread_stop.
// What a job points to is borrowed from the call to the event.
#ifndef MMS_STORE_STORE_THREAD_H
#define MMS_STORE_STORE_THREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/time.h"
#include "store/server_store.h"
#include "store/storage.h"

struct store_thread; // opaque, on the heap

enum { STORE_LANES = 1 }; // batches that SQLite can have under way

enum store_event_kind {
	STORE_APPENDED = 1,
	STORE_ANSWERED,
	STORE_SYNCED,
	STORE_HOUSEKEPT,
	STORE_BROKEN, // the store failed; in place of the event of the job that met it, and the last one
};

struct store_event {
	enum store_event_kind kind;
	bool is_kept;       // SYNCED, HOUSEKEPT, as appended.is_kept: false: no room on the disk, and nothing changed
	bool has_more;      // HOUSEKEPT
	uint32_t lane;      // APPENDED
	struct storage_appended appended;  // APPENDED
	struct storage_question *question; // ANSWERED
	struct server_store_sync *sync;    // SYNCED
	const struct reason *why; // BROKEN, and where is_kept is false; good until another job of the kind is given
};

// Starts a thread for an open store whose start is recorded; nobody else may use the store until the thread is stopped. At most
// `jobs_max` jobs are under way. Whenever events have come, 8 bytes with the number 1 are written to `wake_fd` (an eventfd, or
// a pipe that does not block; the caller's). The thread takes no signals but SIGBUS, which is its own. MMS_E_IO: no memory, or
// no thread can be started.
enum mms_err store_thread_start(struct server_store *store, size_t jobs_max, int wake_fd, struct store_thread **thread,
				struct reason *why) MUST_CHECK;

// The jobs, done one after the other in the order they are given. Must: fewer than `jobs_max` wait for their event to be taken.
void store_thread_append(struct store_thread *thread, uint32_t lane, const struct storage_batch *batch);
void store_thread_ask(struct store_thread *thread, struct storage_question *question);
void store_thread_sync(struct store_thread *thread, struct server_store_sync *sync);
void store_thread_housekeep(struct store_thread *thread, struct mtime now, uint32_t rows_max);

// Takes the next event. False: there is none now.
bool store_thread_next(struct store_thread *thread, struct store_event *event);

// Waits until the jobs given are done, ends the thread and frees it; events that were not taken are lost. The store is the
// caller's again. NULL is accepted.
void store_thread_stop(struct store_thread *thread);

#endif
