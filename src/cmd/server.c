// SPDX-License-Identifier: ISC
// `mms server`: the loop around the pure server. It waits, says what happened and carries out what is ordered
// (node/server_node.h); it decides nothing.
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/limits.h"
#include "cmd/cmd.h"
#include "cmd/exit.h"
#include "cmd/operator_serve.h"
#include "cmd/outbound.h"
#include "cmd/server_reload.h"
#include "cmd/server_setup.h"
#include "crypto/base64url.h"
#include "os/clock.h"
#include "os/log.h"
#include "os/paths.h"
#include "os/random.h"
#include "os/signals.h"
#include "os/standard.h"
#include "store/store_thread.h"
#include "ui/printer.h"

enum {
	OTHER_FDS = 3, // beside the sockets: signals, the store, the users file
	TURN_BATCHES_MAX = 16, // receive calls in a turn; then the orders are carried out, whatever still waits
	HOUSEKEEP_ROWS_MAX = 1000,
	// A sync and a housekeeping beside.
	STORE_JOBS_MAX = STORE_LANES + SERVER_JOINING_MAX + SERVER_PAGES_MAX + OPERATORS_MAX + 2,
};

struct program {
	struct server_setup setup;
	struct server_node node;
	void *memory;
	struct store_thread *thread; // which has the store from start to stop
	struct outbound outbound;
	struct server_reload reload;
	struct operator_serve operators;
	char users_path[OPERATOR_PATH_BYTES];
	int signal_fd;
	int store_fd; // readable: the store has events
	struct reason store_why; // it failed
	struct server_order order;
	bool is_over;
	bool is_short; // of room on the disk, which was said
	int status;
	uint8_t inbound[UDP_BATCH_MAX][UDP_SLOT_BYTES];
};

// What is printed beside the log waits so long for a reader, and is lost then: nobody who does not read stops the service.
static void give_output_time(void)
{
	enum { OUTPUT_MS = 1000 };
	standard_set_deadline(mtime_add_ms(clock_monotonic(), OUTPUT_MS));
}

static struct moment moment_now(void)
{
	return (struct moment){clock_monotonic(), clock_wall()};
}

// The environment failed for good: nothing more is answered.
static void fail(struct program *program, const struct reason *why, int status)
{
	give_output_time();
	(void)printer_line(PRINTER_ERR, "mms server: %s", why->text);
	program->status = status;
	program->is_over = true;
}

static void log_enrolled(void *context, const struct name *user, const struct fingerprint *fingerprint)
{
	char text[FINGERPRINT_TEXT_BYTES];
	(void)context;
	base64url_encode(fingerprint->bytes, sizeof fingerprint->bytes, text);
	log_info("%s has a new device %s", user->text, text);
}

static int start_store(struct program *program, struct reason *why)
{
	program->store_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (program->store_fd < 0) {
		snprintf(why->text, sizeof why->text, "cannot wait for the server database: %s", strerror(errno));
		return EXIT_IO;
	}
	const enum mms_err err = store_thread_start(program->setup.store, STORE_JOBS_MAX, program->store_fd,
						    &program->thread, why);
	return err == MMS_OK ? EXIT_DONE : EXIT_IO;
}

// What works beside the loop, and who speaks to it.
static int start_beside(struct program *program, struct reason *why)
{
	const struct data_paths *paths = &program->setup.paths;
	paths_resolve(paths->users.text, program->users_path, sizeof program->users_path);
	if (server_reload_open(&program->reload, &program->setup.users, paths, why) != MMS_OK)
		return EXIT_IO;
	const enum mms_err err = operator_serve_open(&program->operators, paths->data.text, why);
	return err == MMS_OK ? start_store(program, why) : exit_of_data(err);
}

static int start(struct program *program, struct reason *why)
{
	struct server_reading *users = server_users_in_use(&program->setup.users);
	struct server_node_setup node = {
		.keys = &program->setup.keys,
		.users = &users->file.table,
		.user = users->user,
		.rng = random_rng(),
		.users_path = program->users_path,
		.enrolled = log_enrolled,
		.asked = operator_serve_log,
		.asked_context = &program->operators,
	};
	uint8_t start_id[STORAGE_START_ID_BYTES];
	rng_fill(&node.rng, start_id, sizeof start_id);
	struct storage_mark mark; // questions are told of it
	const enum mms_err err = server_store_start(program->setup.store, start_id, &mark);
	if (err != MMS_OK) {
		*why = *server_store_reason(program->setup.store);
		return exit_of_data(err);
	}
	server_options_configure(&program->setup.options, program->setup.may_claim, &node);
	program->memory = calloc(1, server_node_memory_bytes(&node));
	if (program->memory == NULL) {
		snprintf(why->text, sizeof why->text, "not enough memory for %u sessions: choose fewer with --sessions",
			 node.listener.sessions_max);
		return EXIT_CANT_CREATE;
	}
	server_node_init(&program->node, &node, program->memory, clock_monotonic());
	outbound_init(&program->outbound, &program->setup.udp, &node.rng, program->setup.options.drop_ppm);
	return start_beside(program, why);
}

static void announce(const struct program *program)
{
	char text[FINGERPRINT_TEXT_BYTES];
	const struct fingerprint fingerprint = hash_fingerprint(program->setup.keys.public_key);
	base64url_encode(fingerprint.bytes, sizeof fingerprint.bytes, text);
	log_info("server key %s, users %s, data %s", text, program->setup.paths.users.text,
		 program->setup.paths.data.text);
	if (program->setup.may_claim && program->setup.options.open_claims)
		log_info("anyone who reaches this server may claim a name that has no device yet (--open-claims)");
	give_output_time();
	for (uint8_t i = 0; i < program->setup.udp.socket_count; i++) {
		char name[ADDR_TEXT_BYTES];
		udp_socket_name(&program->setup.udp, i, name);
		(void)printer_line(PRINTER_OUT, "listening on %s", name);
	}
	(void)printer_flush(PRINTER_OUT);
}

static void take(struct program *program, const struct udp_message *message, struct moment moment)
{
	uint8_t reply[WIRE_DATAGRAM_BYTES_MAX];
	if (outbound_is_lost(&program->outbound))
		return;
	const size_t bytes = server_node_recv(&program->node, &message->addr, message->data, message->bytes, moment, reply);
	if (bytes > 0)
		outbound_add(&program->outbound, &message->addr, reply, bytes);
}

static void receive(struct program *program)
{
	struct udp_message message[UDP_BATCH_MAX];
	size_t count = UDP_BATCH_MAX;
	for (int batch = 0; batch < TURN_BATCHES_MAX && count == UDP_BATCH_MAX; batch++) {
		for (size_t i = 0; i < UDP_BATCH_MAX; i++)
			message[i].data = program->inbound[i];
		if (udp_recv(&program->setup.udp, message, UDP_BATCH_MAX, &count) != MMS_OK) {
			fail(program, &(struct reason){"cannot receive on the server's socket any more: start the server again"},
			     EXIT_IO);
			return;
		}
		const struct moment moment = moment_now();
		for (size_t i = 0; i < count; i++)
			take(program, &message[i], moment);
	}
}

// --- orders ---

static void read_users(struct program *program, const struct server_order *order)
{
	if (order->edit != NULL)
		operator_serve_log(&program->operators, order->slot, order->edit);
	server_reload_begin(&program->reload, order->edit);
}

// What strangers and broken peers did is only counted; --verbose shows it once a minute and at the end.
static void log_counts(const struct program *program)
{
	const struct listener *listener = &program->node.listener;
	const struct listener_counts *counts = &listener->counts;
	log_debug("datagrams %" PRIu64 ", malformed %" PRIu64 ", unopened %" PRIu64 ", unparsable %" PRIu64
		  ", for no session %" PRIu64 ", handshakes %" PRIu64 ", retries %" PRIu64 ", dropped %" PRIu64
		  ", no session free %" PRIu64,
		  counts->datagrams, counts->malformed, counts->unopened, counts->unparsable, counts->unknown,
		  listener->admission.init_count, listener->admission.retry_count, listener->admission.drop_count,
		  counts->full);
}

// The store is the caller's again.
static void stop_store(struct program *program)
{
	store_thread_stop(program->thread);
	program->thread = NULL;
}

static void end(struct program *program)
{
	program->is_over = true;
	stop_store(program);
	// An end in order says that what was accepted is on the disk.
	if (program->order.end == SERVER_STOPPED && server_store_check_place(program->setup.store) != MMS_OK) {
		program->order.end = SERVER_BROKEN;
		program->store_why = *server_store_reason(program->setup.store);
	}
	if (program->order.end == SERVER_BROKEN) {
		fail(program, &program->store_why, EXIT_IO);
		return;
	}
	log_counts(program);
	log_info("stopped");
}

static void perform(struct program *program)
{
	struct server_order *order = &program->order;
	const struct moment moment = moment_now();
	while (server_node_next(&program->node, moment, order)) {
		switch (order->kind) {
		case ORDER_SEND:
			outbound_add_session(&program->outbound, &order->out);
			break;
		case ORDER_APPEND:
			store_thread_append(program->thread, order->lane, order->batch);
			break;
		case ORDER_ASK:
			store_thread_ask(program->thread, order->question);
			break;
		case ORDER_SYNC_USERS:
			store_thread_sync(program->thread, server_users_ask(&program->setup.users));
			break;
		case ORDER_HOUSEKEEP:
			store_thread_housekeep(program->thread, moment.now, HOUSEKEEP_ROWS_MAX);
			break;
		case ORDER_READ_USERS:
			read_users(program, order);
			break;
		case ORDER_TELL:
			operator_serve_tell(&program->operators, &program->node, order);
			break;
		case ORDER_PART:
			operator_serve_part(&program->operators, order->slot);
			break;
		case ORDER_END:
			outbound_flush(&program->outbound);
			end(program);
			break;
		}
	}
	outbound_flush(&program->outbound);
}

// --- what happens ---

// Senders hear that the server is full; who can make room must hear it too.
static void tell_room(struct program *program, const struct storage_appended *appended)
{
	const bool is_short = !appended->has_room;
	if (is_short == program->is_short)
		return;
	program->is_short = is_short;
	if (is_short)
		log_warn("less than %d MiB are free on the disk of %.300s: messages are refused until there is room",
			 STORE_RESERVE_BYTES / (1024 * 1024), program->setup.paths.data.text);
	else
		log_info("there is room on the disk again: messages are accepted");
}

static void take_synced(struct program *program, const struct store_event *event, struct moment moment)
{
	struct server_users *users = &program->setup.users;
	if (event->is_kept)
		server_users_answered(users);
	const struct users_synced synced = {event->is_kept, event->sync->removed, event->sync->removed_count};
	server_node_users_synced(&program->node, &synced, moment);
	if (event->is_kept) {
		server_users_use(users);
		log_info("read %s: %u users", program->setup.paths.users.text,
			 server_users_in_use(users)->file.table.user_count);
	} else {
		server_users_drop(users);
		log_warn("the users stay as they were: %s", event->why->text);
	}
}

static void take_event(struct program *program, const struct store_event *event, struct moment moment)
{
	switch (event->kind) {
	case STORE_APPENDED:
		if (!event->appended.is_kept)
			log_warn("%s", event->why->text);
		tell_room(program, &event->appended);
		server_node_appended(&program->node, event->lane, &event->appended, moment);
		break;
	case STORE_ANSWERED:
		server_node_answered(&program->node, event->question, moment);
		break;
	case STORE_SYNCED:
		take_synced(program, event, moment);
		break;
	case STORE_HOUSEKEPT:
		if (!event->is_kept)
			log_warn("%s", event->why->text);
		if (!event->has_more)
			log_counts(program);
		server_node_housekept(&program->node, event->is_kept && event->has_more, moment);
		break;
	case STORE_BROKEN:
		program->store_why = *event->why;
		server_node_broken(&program->node);
		break;
	}
}

static void take_store_events(struct program *program)
{
	struct store_event event;
	uint64_t rung;
	const ssize_t bytes = read(program->store_fd, &rung, sizeof rung);
	(void)bytes; // whatever it holds, the events are looked at
	while (store_thread_next(program->thread, &event))
		take_event(program, &event, moment_now());
}

static void take_signals(struct program *program)
{
	int signo;
	while (signals_next(program->signal_fd, &signo)) {
		if (signo == SIGHUP)
			server_node_reload_asked(&program->node);
		else if (signo == SIGTERM || signo == SIGINT)
			server_node_stop_asked(&program->node);
	}
}

static int wait_ms(const struct program *program)
{
	const int64_t left_us = mtime_diff_us(server_node_deadline(&program->node), clock_monotonic());
	return left_us <= 0 ? 0 : left_us > INT32_MAX ? INT32_MAX / 1000 : (int)(left_us / 1000 + 1);
}

static bool has_datagrams(const struct pollfd *polled, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (polled[i].revents != 0)
			return true;
	return false;
}

static void serve(struct program *program)
{
	int fds[UDP_SOCKETS_MAX];
	struct pollfd polled[UDP_SOCKETS_MAX + OTHER_FDS + OPERATOR_SERVE_FDS];
	const size_t count = udp_fds(&program->setup.udp, fds);
	for (size_t i = 0; i < count; i++)
		polled[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
	struct pollfd *others = polled + count;
	struct pollfd *operators = others + OTHER_FDS;
	others[0] = (struct pollfd){.fd = program->signal_fd, .events = POLLIN};
	others[1] = (struct pollfd){.fd = program->store_fd, .events = POLLIN};
	others[2] = (struct pollfd){.fd = program->reload.job.fd, .events = POLLIN};
	while (!program->is_over) {
		operator_serve_poll(&program->operators, &program->node, operators);
		const int ready = poll(polled, count + OTHER_FDS + OPERATOR_SERVE_FDS, wait_ms(program));
		if (ready < 0 && errno != EINTR) {
			fail(program, &(struct reason){"cannot wait for datagrams: start the server again"}, EXIT_IO);
			return;
		}
		if (has_datagrams(polled, count))
			receive(program);
		if (others[0].revents != 0)
			take_signals(program);
		if (others[1].revents != 0)
			take_store_events(program);
		if (others[2].revents != 0)
			server_reload_take(&program->reload, &program->node);
		operator_serve_take(&program->operators, operators, &program->node, moment_now());
		if (!program->is_over)
			perform(program);
	}
}

int cmd_server(int argc, char **argv)
{
	static struct program program; // too large for a stack
	struct reason why = {""};
	int status;
	if (!server_options_read(&program.setup.options, argc, argv, &status))
		return status;
	log_open("mms server", program.setup.options.is_verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	program.signal_fd = -1;
	program.store_fd = -1;
	status = signals_open(SIGNALS_SERVER, &program.signal_fd, &why) == MMS_OK ? EXIT_DONE : EXIT_IO;
	if (status == EXIT_DONE)
		status = server_setup_open(&program.setup, &why);
	if (status == EXIT_DONE)
		status = start(&program, &why);
	if (status != EXIT_DONE) {
		fail(&program, &why, status);
	} else {
		announce(&program);
		serve(&program);
		server_node_clear(&program.node);
	}
	stop_store(&program);
	server_reload_close(&program.reload);
	operator_serve_close(&program.operators);
	free(program.memory);
	server_setup_close(&program.setup);
	if (program.signal_fd >= 0)
		close(program.signal_fd);
	if (program.store_fd >= 0)
		close(program.store_fd);
	return program.status;
}
