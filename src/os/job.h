// SPDX-License-Identifier: ISC
// Work that takes long, done by a thread of its own beside the loop: one piece at a time. Layer: os. A zeroed struct is closed.
#ifndef MMS_OS_JOB_H
#define MMS_OS_JOB_H

#include <pthread.h>
#include <stdbool.h>

#include "base/err.h"

struct job {
	int fd; // to poll for reading, while is_open: the work is done
	bool is_open;
	bool is_running; // until job_take or job_close
	pthread_t thread;
	void (*work)(void *context);
	void *context;
};

// Opens it. MMS_E_IO: no descriptor is to be had. On error it is closed.
enum mms_err job_open(struct job *job, struct reason *why) MUST_CHECK;

// Calls `work` in the thread, which takes no signals. What `context` points at is the thread's until job_take or job_close. Where no
// thread is to be had it is called at once. Must: open, and not running. The struct must not move meanwhile.
void job_start(struct job *job, void (*work)(void *context), void *context);

// Whether the work is done; told once. All that it wrote can be read.
bool job_take(struct job *job);

// Waits until the work is done, and closes. Closed: nothing happens.
void job_close(struct job *job);

#endif
