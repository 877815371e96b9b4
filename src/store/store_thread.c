// SPDX-License-Identifier: ISC
// The thread that owns the server's store; the contract is in store_thread.h. Jobs stand in a ring: the owner puts them in at the
// end and takes them out at the front, the thread does those between. A job is touched only by whose turn it is, and two counters
// say whose: neither side ever holds up the other, which on one core would be a switch of threads for nothing.
#include "store/store_thread.h"

#include <assert.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum job_kind { JOB_APPEND, JOB_ASK, JOB_SYNC, JOB_HOUSEKEEP };
enum { JOB_KINDS = JOB_HOUSEKEEP + 1 };

// What is to be done, and then what came of it.
struct job {
	enum job_kind kind;
	uint32_t rows_max; // HOUSEKEEP
	struct mtime now;  // the same
	const struct storage_batch *batch; // APPEND
	struct store_event event;
};

struct store_thread {
	struct server_store *store;
	int wake_fd;
	pthread_t thread;
	sem_t call; // one for each job given, and one to stop

	// Jobs ever given, done and taken; each stands in its number modulo jobs_max.
	_Atomic uint64_t given;
	_Atomic uint64_t done;
	uint64_t taken;
	bool is_broken; // of the thread's alone: nothing is done any more

	struct reason why[JOB_KINDS]; // of the last job of the kind that was not done; a sentence in each job would be its largest part
	size_t jobs_max;
	struct job job[];
};

// --- the thread's side ---

static bool is_kept_or_full(enum mms_err err)
{
	return err == MMS_OK || err == MMS_E_NOSPACE;
}

// Does a job. False: the store failed.
static bool perform(struct store_thread *thread, struct job *job)
{
	struct server_store *store = thread->store;
	struct store_event *event = &job->event;
	struct reason *why = &thread->why[job->kind];
	enum mms_err err = MMS_OK;
	event->why = why;
	switch (job->kind) {
	case JOB_APPEND:
		err = server_store_append(store, job->batch, &event->appended, why);
		event->is_kept = event->appended.is_kept;
		return err == MMS_OK;
	case JOB_ASK:
		return server_store_ask(store, event->question, why) == MMS_OK;
	case JOB_SYNC:
		err = server_store_users_sync(store, event->sync);
		break;
	case JOB_HOUSEKEEP:
		err = server_store_housekeep(store, job->now, job->rows_max, &event->has_more);
		break;
	}
	event->is_kept = err == MMS_OK;
	if (err != MMS_OK)
		*why = *server_store_reason(store);
	return is_kept_or_full(err);
}

// Says that events have come. A descriptor that is full has said so already.
static void wake(const struct store_thread *thread)
{
	const uint64_t one = 1;
	const ssize_t written = write(thread->wake_fd, &one, sizeof one);
	(void)written;
}

// Waits for the job of this number. False: there is none, and none will come.
static bool await_job(struct store_thread *thread, uint64_t number)
{
	while (sem_wait(&thread->call) != 0)
		; // interrupted
	return atomic_load(&thread->given) > number;
}

// Whether the next job is given already, and both are questions: their answers are published together.
static bool is_one_of_questions(const struct store_thread *thread, uint64_t number)
{
	return atomic_load(&thread->given) > number + 1 && thread->job[number % thread->jobs_max].kind == JOB_ASK &&
	       thread->job[(number + 1) % thread->jobs_max].kind == JOB_ASK;
}

static void *run(void *context)
{
	struct store_thread *thread = context;
	for (uint64_t number = 0; !thread->is_broken && await_job(thread, number); number++) {
		struct job *job = &thread->job[number % thread->jobs_max];
		thread->is_broken = !perform(thread, job);
		if (thread->is_broken)
			job->event.kind = STORE_BROKEN;
		if (thread->is_broken || !is_one_of_questions(thread, number)) {
			atomic_store(&thread->done, number + 1);
			wake(thread);
		}
	}
	return NULL;
}

// --- the owner's side ---

static enum mms_err fail_start(struct reason *why, const char *what)
{
	snprintf(why->text, sizeof why->text, "cannot start the thread of the server database: %s; stop other programs", what);
	return MMS_E_IO;
}

enum mms_err store_thread_start(struct server_store *store, size_t jobs_max, int wake_fd, struct store_thread **thread,
				struct reason *why)
{
	sigset_t all;
	sigset_t before;
	assert(jobs_max >= 1);
	struct store_thread *started = calloc(1, sizeof *started + jobs_max * sizeof *started->job);
	*thread = NULL;
	if (started == NULL)
		return fail_start(why, "out of memory");
	started->store = store;
	started->wake_fd = wake_fd;
	started->jobs_max = jobs_max;
	const int rc = sem_init(&started->call, 0, 0);
	assert(rc == 0);
	sigfillset(&all);
	sigdelset(&all, SIGBUS); // a file of the database was cut short: that is handled where it happens (cmd/main.c)
	pthread_sigmask(SIG_SETMASK, &all, &before); // which the thread inherits
	const int error = pthread_create(&started->thread, NULL, run, started);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error != 0) {
		sem_destroy(&started->call);
		free(started);
		return fail_start(why, strerror(error));
	}
	*thread = started;
	return MMS_OK;
}

static void call(struct store_thread *thread)
{
	const int rc = sem_post(&thread->call);
	assert(rc == 0); // there are never more than jobs_max and one
}

// Puts a job at the end of the ring.
static void give(struct store_thread *thread, const struct job *job)
{
	const uint64_t number = atomic_load(&thread->given);
	assert(number - thread->taken < thread->jobs_max);
	thread->job[number % thread->jobs_max] = *job;
	atomic_store(&thread->given, number + 1);
	call(thread);
}

void store_thread_append(struct store_thread *thread, uint32_t lane, const struct storage_batch *batch)
{
	assert(lane < STORE_LANES);
	give(thread, &(struct job){.kind = JOB_APPEND, .batch = batch, .event = {.kind = STORE_APPENDED, .lane = lane}});
}

void store_thread_ask(struct store_thread *thread, struct storage_question *question)
{
	give(thread, &(struct job){.kind = JOB_ASK, .event = {.kind = STORE_ANSWERED, .question = question}});
}

void store_thread_sync(struct store_thread *thread, struct server_store_sync *sync)
{
	give(thread, &(struct job){.kind = JOB_SYNC, .event = {.kind = STORE_SYNCED, .sync = sync}});
}

void store_thread_housekeep(struct store_thread *thread, struct mtime now, uint32_t rows_max)
{
	give(thread, &(struct job){.kind = JOB_HOUSEKEEP, .now = now, .rows_max = rows_max, .event = {.kind = STORE_HOUSEKEPT}});
}

bool store_thread_next(struct store_thread *thread, struct store_event *event)
{
	const bool has_event = thread->taken < atomic_load(&thread->done);
	if (has_event)
		*event = thread->job[thread->taken++ % thread->jobs_max].event;
	return has_event;
}

void store_thread_stop(struct store_thread *thread)
{
	if (thread == NULL)
		return;
	call(thread);
	pthread_join(thread->thread, NULL);
	sem_destroy(&thread->call);
	free(thread);
}
