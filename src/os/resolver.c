// SPDX-License-Identifier: ISC
// Names looked up by a thread; the contract is in resolver.h.
#include "os/resolver.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/failure.h"
#include "os/udp.h"

// What the thread owns.
struct job {
	char host[RESOLVER_HOST_BYTES];
	uint16_t port;
	int writer;
	struct resolver_result result;
};

_Static_assert(sizeof(struct resolver_result) <= PIPE_BUF, "a result is written whole");

enum mms_err resolver_open(struct resolver *resolver, struct reason *why)
{
	int fds[2];
	assert(!resolver->is_open);
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) != 0) {
		failure_say(why, "cannot make a pipe: %s; raise the limit of open files (ulimit -n)", strerror(errno));
		return MMS_E_IO;
	}
	*resolver = (struct resolver){.fd = fds[0], .writer = fds[1], .is_open = true};
	return MMS_OK;
}

static void *look_up(void *argument)
{
	struct job *job = argument;
	struct resolver_result *result = &job->result;
	result->err = udp_resolve(job->host, job->port, result->addr, RESOLVER_ADDRS_MAX, &result->addr_count, &result->why);
	// Where the reader has gone, so has the question.
	const ssize_t put = write(job->writer, result, sizeof *result);
	(void)put;
	close(job->writer);
	free(job);
	return NULL;
}

// Starts the thread, every signal blocked: they are the process's first thread's. Returns an errno.
static int start(struct job *job)
{
	sigset_t all;
	sigset_t before;
	pthread_attr_t attributes;
	pthread_t thread;
	sigfillset(&all);
	int rc = pthread_attr_init(&attributes);
	if (rc != 0)
		return rc;
	rc = pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	assert(rc == 0);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&thread, &attributes, look_up, job);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return rc;
}

static void fail(struct resolver *resolver, int error)
{
	resolver->result.err = MMS_E_HOST;
	failure_say(&resolver->result.why, "cannot look up a host: %s; end other programs, or give its address",
		    strerror(error));
	resolver->has_result = true;
}

void resolver_ask(struct resolver *resolver, const char *host, uint16_t port)
{
	assert(resolver->is_open && !resolver->has_result && strlen(host) < RESOLVER_HOST_BYTES);
	resolver->result = (struct resolver_result){0};
	if (udp_resolve_literal(host, port, resolver->result.addr)) {
		resolver->result.addr_count = 1;
		resolver->has_result = true;
		return;
	}
	struct job *job = calloc(1, sizeof *job);
	if (job == NULL) {
		fail(resolver, ENOMEM);
		return;
	}
	memcpy(job->host, host, strlen(host));
	job->port = port;
	job->writer = fcntl(resolver->writer, F_DUPFD_CLOEXEC, 0);
	int error = errno;
	if (job->writer >= 0) {
		error = start(job);
		if (error == 0)
			return;
		close(job->writer);
	}
	free(job);
	fail(resolver, error);
}

bool resolver_take(struct resolver *resolver, struct resolver_result *result)
{
	if (!resolver->is_open)
		return false;
	if (resolver->has_result) {
		*result = resolver->result;
		resolver->has_result = false;
		return true;
	}
	return read(resolver->fd, result, sizeof *result) == (ssize_t)sizeof *result;
}

void resolver_close(struct resolver *resolver)
{
	if (resolver->is_open) {
		close(resolver->fd);
		close(resolver->writer);
	}
	*resolver = (struct resolver){0};
}
