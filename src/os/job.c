// SPDX-License-Identifier: ISC
// Work done beside the loop; the contract is in job.h.
#include "os/job.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "os/failure.h"

enum mms_err job_open(struct job *job, struct reason *why)
{
	assert(!job->is_open);
	const int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fd < 0) {
		failure_say(why, "cannot make an event descriptor: %s; raise the limit of open files (ulimit -n)", strerror(errno));
		return MMS_E_IO;
	}
	*job = (struct job){.fd = fd, .is_open = true};
	return MMS_OK;
}

static void ring(const struct job *job)
{
	const uint64_t one = 1;
	const ssize_t put = write(job->fd, &one, sizeof one);
	assert(put == (ssize_t)sizeof one);
}

static void *run(void *argument)
{
	const struct job *job = argument;
	job->work(job->context);
	ring(job);
	return NULL;
}

void job_start(struct job *job, void (*work)(void *context), void *context)
{
	sigset_t all;
	sigset_t before;
	assert(job->is_open && !job->is_running);
	job->work = work;
	job->context = context;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	job->is_running = pthread_create(&job->thread, NULL, run, job) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (job->is_running)
		return;
	work(context);
	ring(job);
}

static void join(struct job *job)
{
	if (!job->is_running)
		return;
	const int rc = pthread_join(job->thread, NULL);
	assert(rc == 0);
	job->is_running = false;
}

bool job_take(struct job *job)
{
	uint64_t rung;
	if (!job->is_open || read(job->fd, &rung, sizeof rung) != (ssize_t)sizeof rung)
		return false;
	join(job);
	return true;
}

void job_close(struct job *job)
{
	if (!job->is_open)
		return;
	join(job);
	close(job->fd);
	*job = (struct job){0};
}
