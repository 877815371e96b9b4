// SPDX-License-Identifier: ISC
// The load of `mms bench`; the contract is in bench_load.h. Who plays is made in bench_cast.c.
#include "cmd/bench_load.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cmd/exit.h"
#include "os/clock.h"
#include "os/measure.h"
#include "os/signals.h"

enum {
	TURN_BATCHES_MAX = 512, // receive calls in a turn: what has come is taken before more is asked for
	SCAN_EVERY_US = 4000,  // how exact the devices' timers are
	SPIN_US = 500,         // with a core of its own a message that is due sooner is not slept for: waking up takes a while
	DIALING_MAX = 64,      // devices that sign in at a time
	SECOND_US = 1000 * 1000,
	LEAVE_US = 2 * SECOND_US, // without an answer to a SIGNOUT; then it is over
};

void bench_load_fail(struct bench_load *load, int status, const char *format, ...)
{
	va_list arguments;
	if (load->is_over)
		return; // the first failure is the cause
	va_start(arguments, format);
	vsnprintf(load->why.text, sizeof load->why.text, format, arguments);
	va_end(arguments);
	load->is_over = true;
	load->status = status;
}

void bench_load_touch(struct bench_load *load, uint32_t index)
{
	if (load->device[index].is_touched)
		return;
	load->device[index].is_touched = true;
	load->touched[(load->touched_first + load->touched_count++) % load->device_count] = index;
}

// --- datagrams in ---

static void give(struct bench_load *load, uint32_t index, const struct udp_message *message, struct mtime now)
{
	dialer_recv(&load->device[index].dialer, &message->addr, message->data, message->bytes, now);
	bench_load_touch(load, index);
}

// ACCEPT and DATA name a session by its index. What names none is for those that are not signed in, or, UNKNOWN, for whoever
// recognises it.
static void take(struct bench_load *load, const struct udp_message *message, struct mtime now)
{
	uint32_t session, index, cursor = 0;
	uint8_t type;
	struct reader reader = reader_of(message->data, message->bytes);
	if (outbound_is_lost(&load->outbound) || !read_u8(&reader, &type))
		return;
	if (type == WIRE_ACCEPT || type == WIRE_DATA) {
		if (!read_u32(&reader, &session))
			return;
		while (map_next(&load->by_index, session, &cursor, &index))
			give(load, index, message, now);
		return;
	}
	const uint32_t count = load->dialed_count > 0 ? load->dialed_count : 1; // the first one asks for the server's key
	for (index = 0; index < count; index++)
		if (type == WIRE_UNKNOWN ? load->is_in[index] : !load->is_in[index])
			give(load, index, message, now);
}

static void receive(struct bench_load *load)
{
	struct udp_message message[UDP_BATCH_MAX];
	size_t count = UDP_BATCH_MAX;
	for (int batch = 0; batch < TURN_BATCHES_MAX && count == UDP_BATCH_MAX; batch++) {
		for (size_t i = 0; i < UDP_BATCH_MAX; i++)
			message[i].data = load->inbound[i];
		if (udp_recv(&load->udp, message, UDP_BATCH_MAX, &count) != MMS_OK) {
			bench_load_fail(load, EXIT_IO, "cannot receive on the load's socket any more");
			return;
		}
		const struct mtime now = clock_monotonic();
		for (size_t i = 0; i < count; i++)
			take(load, &message[i], now);
	}
}

// --- datagrams out ---

static uint64_t number_due(const struct bench_load *load, uint64_t number)
{
	return (uint64_t)load->began_at.us + number * SECOND_US / load->options->rate;
}

// Sends what the pair may send now. At a rate, its messages are every so many of all.
static void pump(struct bench_load *load, uint32_t pair, struct mtime now)
{
	const struct bench_options *options = load->options;
	while (load->phase >= BENCH_WARMING_UP && bench_pair_can_send(load, pair)) {
		struct mtime due = now;
		if (options->rate > 0)
			due.us = (int64_t)number_due(load, load->pair[pair].sent * options->pairs + pair);
		if (!mtime_is_due(due, now) || mtime_is_due(load->measure_to, due) || !bench_pair_send(load, pair, due))
			return;
	}
}

// A datagram finds its device by an index that the dialer draws for each handshake.
static void keep_index(struct bench_load *load, uint32_t index)
{
	struct bench_device *device = &load->device[index];
	const uint32_t session = device->dialer.index;
	if (session == device->index[0])
		return;
	if (device->index[BENCH_INDEXES - 1] != 0)
		(void)map_remove(&load->by_index, device->index[BENCH_INDEXES - 1], index);
	memmove(device->index + 1, device->index, (BENCH_INDEXES - 1) * sizeof device->index[0]);
	device->index[0] = session;
	if (map_put(&load->by_index, session, index) != MMS_OK)
		bench_load_fail(load, EXIT_IO, "the table of sessions is full"); // it has room for all there can be
}

static void flush(struct bench_load *load, struct mtime now)
{
	struct session_out out;
	while (load->touched_count > 0 && !load->is_over) { // more may be added meanwhile
		const uint32_t index = load->touched[load->touched_first];
		struct bench_device *device = &load->device[index];
		bench_device_run(load, index, now);
		if (index % 2 == 0)
			pump(load, index / 2, now);
		while (dialer_send(&device->dialer, now, &out))
			outbound_add_session(&load->outbound, &out);
		keep_index(load, index);
		load->due_us[index] = dialer_deadline(&device->dialer, now).us;
		device->is_touched = false;
		load->touched_first = (load->touched_first + 1) % load->device_count;
		load->touched_count--;
	}
	outbound_flush(&load->outbound);
}

// --- time ---

static void run_timers(struct bench_load *load, struct mtime now)
{
	if (mtime_diff_us(now, load->scanned_at) < SCAN_EVERY_US)
		return;
	load->scanned_at = now;
	for (uint32_t i = 0; i < load->device_count; i++) {
		if (load->due_us[i] > now.us)
			continue;
		dialer_tick(&load->device[i].dialer, now);
		bench_load_touch(load, i);
	}
}

static void give_due(struct bench_load *load, struct mtime now)
{
	if (load->options->rate == 0 || load->phase < BENCH_WARMING_UP)
		return;
	for (; number_due(load, load->given) <= (uint64_t)now.us; load->given++)
		bench_load_touch(load, 2 * (uint32_t)(load->given % load->options->pairs));
}

static void dial(struct bench_load *load, struct mtime now)
{
	while (load->phase == BENCH_SIGNING_IN && load->dialed_count < load->device_count &&
	       load->dialed_count - load->in_count < DIALING_MAX) {
		struct bench_device *device = &load->device[load->dialed_count];
		dialer_dial(&device->dialer, &device->keys, load->server_key, now);
		bench_load_touch(load, load->dialed_count++);
	}
}

// --- phases ---

static bool is_waited_for(const struct bench_load *load)
{
	const struct bench_result *result = load->result;
	if (result->delivered + result->refused < result->sent)
		return true;
	for (uint32_t i = 0; i < load->options->pairs; i++) {
		const struct bench_pair *pair = &load->pair[i];
		if (pair->settled < pair->sent ||
		    (load->options->rate > 0 &&
		     number_due(load, pair->sent * load->options->pairs + i) < (uint64_t)load->measure_to.us))
			return true;
	}
	return false;
}

// Reads both processes' CPU clocks; what they have used since the phase before goes to these two, unless NULL.
static void read_cpu(struct bench_load *load, int64_t *server_us, int64_t *load_us)
{
	int64_t us;
	if (load->server->is_started && measure_cpu_us(load->server->pid, &us)) {
		load->result->has_server_cpu = true;
		if (server_us != NULL)
			*server_us = us - load->server_cpu_us;
		load->server_cpu_us = us;
	}
	if (!measure_cpu_us(0, &us))
		return;
	if (load_us != NULL)
		*load_us = us - load->load_cpu_us;
	load->load_cpu_us = us;
}

static void enter(struct bench_load *load, enum bench_phase phase, struct mtime now)
{
	struct bench_result *result = load->result;
	load->phase = phase;
	load->progress_at = now;
	switch (phase) {
	case BENCH_ASKING:
		break;
	case BENCH_SIGNING_IN:
		bench_tell("signing in %" PRIu32 " devices", load->device_count);
		read_cpu(load, NULL, NULL);
		break;
	case BENCH_WARMING_UP:
		read_cpu(load, &result->server_signin_cpu_us, NULL);
		load->began_at = now;
		load->measure_from = mtime_add_us(now, BENCH_WARM_UP_US);
		load->measure_to = mtime_add_us(load->measure_from, (int64_t)load->options->seconds_us);
		for (uint32_t i = 0; i < load->device_count; i += 2)
			bench_load_touch(load, i);
		break;
	case BENCH_MEASURING:
		bench_tell("measuring");
		read_cpu(load, NULL, NULL);
		load->measure_from = now;
		break;
	case BENCH_WAITING:
		read_cpu(load, &result->server_cpu_us, &result->load_cpu_us);
		load->measure_to = now;
		result->measured_us = mtime_diff_us(now, load->measure_from);
		bench_tell("waiting for what is under way");
		break;
	case BENCH_LEAVING:
		for (uint32_t i = 0; i < load->device_count; i++)
			bench_device_leave(load, i);
		break;
	}
}

static void tell(struct bench_load *load, struct mtime now)
{
	if (load->phase == BENCH_ASKING || mtime_diff_us(now, load->told_at) < SECOND_US)
		return;
	if (load->phase == BENCH_SIGNING_IN)
		bench_tell("%" PRIu32 " signed in", load->in_count);
	else
		bench_tell("%" PRIu64 " delivered in a second", load->result->delivered - load->told_delivered);
	load->told_delivered = load->result->delivered;
	load->told_at = now;
}

static bool is_out_of_patience(const struct bench_load *load, struct mtime now, int64_t patience_us)
{
	return mtime_diff_us(now, load->progress_at) > patience_us;
}

// False: played to the end.
static bool advance(struct bench_load *load, struct mtime now)
{
	switch (load->phase) {
	case BENCH_ASKING:
		if (load->has_server_key) {
			bench_load_cast(load);
			if (load->is_over)
				break;
			enter(load, BENCH_SIGNING_IN, now);
		} else if (is_out_of_patience(load, now, BENCH_ANSWER_US))
			bench_load_fail(load, EXIT_UNREACHABLE, "no answer from the server");
		break;
	case BENCH_SIGNING_IN:
		if (load->in_count == load->device_count)
			enter(load, BENCH_WARMING_UP, now);
		else if (is_out_of_patience(load, now, BENCH_PATIENCE_US))
			bench_load_fail(load, EXIT_UNREACHABLE, "only %" PRIu32 " of %" PRIu32 " devices could sign in",
					load->in_count, load->device_count);
		break;
	case BENCH_WARMING_UP:
		if (mtime_is_due(load->measure_from, now))
			enter(load, BENCH_MEASURING, now);
		break;
	case BENCH_MEASURING:
		if (mtime_is_due(load->measure_to, now))
			enter(load, BENCH_WAITING, now);
		break;
	case BENCH_WAITING:
		if (is_waited_for(load) && !is_out_of_patience(load, now, BENCH_PATIENCE_US))
			return true;
		if (!load->options->has_server)
			return false;
		enter(load, BENCH_LEAVING, now);
		return true;
	case BENCH_LEAVING:
		return load->in_count > 0 && !is_out_of_patience(load, now, LEAVE_US);
	}
	if (load->phase >= BENCH_SIGNING_IN && bench_server_is_gone(load->server)) {
		load->result->is_server_gone = true;
		return false;
	}
	return true;
}

// --- the loop ---

static struct timespec wait_time(const struct bench_load *load)
{
	int64_t wait_us = SCAN_EVERY_US;
	if (load->options->rate > 0 && load->phase >= BENCH_WARMING_UP) {
		const int64_t left_us = (int64_t)number_due(load, load->given) - clock_monotonic().us;
		const int64_t sleep_us = load->is_pinned ? left_us - SPIN_US : left_us;
		if (sleep_us < wait_us)
			wait_us = sleep_us > 0 ? sleep_us : 0;
	}
	return (struct timespec){wait_us / SECOND_US, wait_us % SECOND_US * 1000};
}

static void wait_and_take(struct bench_load *load)
{
	int fds[UDP_SOCKETS_MAX];
	struct pollfd polled[UDP_SOCKETS_MAX + 1];
	const size_t count = udp_fds(&load->udp, fds);
	int signo;
	for (size_t i = 0; i < count; i++)
		polled[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
	polled[count] = (struct pollfd){.fd = load->signal_fd, .events = POLLIN};
	const struct timespec wait = wait_time(load);
	if (ppoll(polled, count + 1, &wait, NULL) < 0 && errno != EINTR)
		bench_load_fail(load, EXIT_IO, "cannot wait for datagrams");
	receive(load);
	while (polled[count].revents != 0 && signals_next(load->signal_fd, &signo))
		if (signo == SIGINT || signo == SIGTERM || signo == SIGHUP)
			bench_load_fail(load, EXIT_INTERRUPTED, "interrupted");
}

static void count_drops(struct bench_load *load)
{
	struct bench_result *result = load->result;
	if (load->server->is_started)
		result->has_drops = measure_udp_drops(load->server->port, &result->server_drops);
	(void)measure_udp_drops(load->udp.name[0].port, &result->load_drops);
}

int bench_load_play(struct bench_load *load)
{
	const struct mtime now = clock_monotonic();
	load->scanned_at = now;
	load->told_at = now;
	load->measure_from = MTIME_NEVER;
	load->measure_to = MTIME_NEVER;
	enter(load, BENCH_ASKING, now);
	dialer_ask(&load->device[0].dialer, now);
	bench_load_touch(load, 0);
	while (!load->is_over) {
		const struct mtime turn = clock_monotonic();
		if (!advance(load, turn) || load->is_over)
			break;
		tell(load, turn);
		run_timers(load, turn);
		dial(load, turn);
		give_due(load, turn);
		flush(load, clock_monotonic());
		if (!load->is_over)
			wait_and_take(load);
	}
	count_drops(load);
	return load->is_over ? load->status : EXIT_DONE;
}
