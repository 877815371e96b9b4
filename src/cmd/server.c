// SPDX-License-Identifier: ISC
// `mms server`: the loop that joins sockets, the store and the pure server.
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/exit.h"
#include "cmd/outbound.h"
#include "cmd/server_setup.h"
#include "os/clock.h"
#include "os/log.h"
#include "os/random.h"
#include "os/signals.h"
#include "ui/printer.h"

enum {
	TURN_BATCHES_MAX = 16,           // receive calls in a turn; then commit and send, whatever still waits
	HOUSEKEEP_MS = 60 * 1000,
	HOUSEKEEP_SOON_MS = 100,         // when there was more to do
	HOUSEKEEP_ROWS_MAX = 1000,
};

struct program {
	struct server_setup setup;
	struct server_node node;
	void *memory;
	struct outbound outbound;
	int signal_fd;
	struct mtime housekeep_at;
	bool is_reload_due; // the users file is to be read again
	bool is_stopping;
	int status;
	uint8_t inbound[UDP_BATCH_MAX][UDP_SLOT_BYTES];
};

// The environment failed for good: nothing more is answered.
static void fail(struct program *program, const struct reason *why, int status)
{
	(void)printer_line(PRINTER_ERR, "mms server: %s", why->text);
	program->status = status;
	program->is_stopping = true;
}

static void log_enrolled(void *context, const struct name *user, const struct fingerprint *fingerprint)
{
	char text[FINGERPRINT_TEXT_BYTES];
	(void)context;
	base64url_encode(fingerprint->bytes, sizeof fingerprint->bytes, text);
	log_info("%s has a new device %s", user->text, text);
}

static int start(struct program *program, struct reason *why)
{
	struct server_node_setup node = {
		.keys = &program->setup.keys,
		.users = server_setup_users(&program->setup),
		.user = program->setup.user,
		.rng = random_rng(),
		.enrolled = log_enrolled,
	};
	uint8_t start_id[STORAGE_START_ID_BYTES];
	rng_fill(&node.rng, start_id, sizeof start_id);
	const enum mms_err err = server_store_start(program->setup.store, start_id, &node.mark);
	if (err != MMS_OK) {
		*why = *server_store_reason(program->setup.store);
		return exit_of_data(err);
	}
	node.storage = server_store_storage(program->setup.store);
	server_setup_configure(&program->setup, &node);
	program->memory = calloc(1, server_node_memory_bytes(&node));
	if (program->memory == NULL) {
		snprintf(why->text, sizeof why->text, "not enough memory for %u sessions: choose fewer with --sessions",
			 node.listener.sessions_max);
		return EXIT_CANT_CREATE;
	}
	server_node_init(&program->node, &node, program->memory, clock_monotonic());
	outbound_init(&program->outbound, &program->setup.udp, &node.rng, program->setup.options.drop_ppm);
	program->housekeep_at = clock_monotonic();
	return EXIT_DONE;
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
	for (uint8_t i = 0; i < program->setup.udp.socket_count; i++) {
		char name[ADDR_TEXT_BYTES];
		udp_socket_name(&program->setup.udp, i, name);
		(void)printer_line(PRINTER_OUT, "listening on %s", name);
	}
	(void)printer_flush(PRINTER_OUT);
}

static void receive(struct program *program)
{
	struct udp_message message[UDP_BATCH_MAX];
	uint8_t reply[WIRE_DATAGRAM_BYTES_MAX];
	struct reason why;
	size_t count = UDP_BATCH_MAX;
	for (int batch = 0; batch < TURN_BATCHES_MAX && count == UDP_BATCH_MAX; batch++) {
		for (size_t i = 0; i < UDP_BATCH_MAX; i++)
			message[i].data = program->inbound[i];
		if (udp_recv(&program->setup.udp, message, UDP_BATCH_MAX, &count) != MMS_OK) {
			snprintf(why.text, sizeof why.text, "cannot receive on the server's socket any more: start the "
							    "server again");
			fail(program, &why, EXIT_IO);
			return;
		}
		const struct mtime now = clock_monotonic();
		for (size_t i = 0; i < count; i++) {
			if (outbound_is_lost(&program->outbound))
				continue;
			const size_t bytes = server_node_recv(&program->node, &message[i].addr, message[i].data,
							      message[i].bytes, now, reply);
			if (bytes > 0)
				outbound_add(&program->outbound, &message[i].addr, reply, bytes);
		}
		server_node_run(&program->node, now, clock_wall());
	}
}

// Makes durable what waits for it, then lets the answers out.
static void commit(struct program *program, bool is_all)
{
	struct reason why;
	for (;;) {
		const struct storage_batch *batch =
			server_node_batch(&program->node, is_all, clock_monotonic());
		if (batch == NULL)
			break;
		const enum mms_err err = server_store_append(program->setup.store, batch, clock_monotonic(), &why);
		server_node_stored(&program->node, err, clock_monotonic());
		if (err != MMS_OK && err != MMS_E_NOSPACE) {
			fail(program, &why, EXIT_IO);
			return;
		}
		if (err == MMS_E_NOSPACE) {
			log_warn("%s", why.text);
			break; // what was refused need not be tried again at once
		}
		server_node_run(&program->node, clock_monotonic(), clock_wall());
	}
}

static void send_all(struct program *program)
{
	struct session_out out;
	const struct mtime now = clock_monotonic();
	while (server_node_send(&program->node, now, &out))
		outbound_add_session(&program->outbound, &out);
	outbound_flush(&program->outbound);
}

static void reload(struct program *program)
{
	struct users_table *table;
	struct server_user *user;
	struct reason why;
	commit(program, true);
	if (program->is_stopping || !server_can_reload(&program->node.server))
		return; // a full disk holds a batch up: tried again next turn
	program->is_reload_due = false;
	if (server_setup_reload(&program->setup, &table, &user, &why) != MMS_OK) {
		log_warn("the users stay as they were: %s", why.text);
		return;
	}
	server_reload(&program->node.server, table, user);
	server_setup_reloaded(&program->setup, user);
	log_info("read %s: %u users", program->setup.paths.users.text, table->user_count);
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

static void housekeep(struct program *program, struct mtime now)
{
	bool has_more = false;
	if (!mtime_is_due(program->housekeep_at, now))
		return;
	const enum mms_err err =
		server_store_housekeep(program->setup.store, now, HOUSEKEEP_ROWS_MAX, &has_more);
	if (err == MMS_E_NOSPACE)
		log_warn("%s", server_store_reason(program->setup.store)->text);
	else if (err != MMS_OK)
		fail(program, server_store_reason(program->setup.store), EXIT_IO);
	if (!has_more)
		log_counts(program);
	program->housekeep_at = mtime_add_ms(now, has_more ? HOUSEKEEP_SOON_MS : HOUSEKEEP_MS);
}

static void take_signals(struct program *program)
{
	int signo;
	while (signals_next(program->signal_fd, &signo)) {
		if (signo == SIGHUP)
			program->is_reload_due = true;
		else if (signo == SIGTERM || signo == SIGINT)
			program->is_stopping = true;
	}
}

static int wait_ms(const struct program *program)
{
	const struct mtime now = clock_monotonic();
	enum { RELOAD_RETRY_MS = 500 };
	struct mtime due = mtime_min(server_node_deadline(&program->node), program->housekeep_at);
	if (program->is_reload_due)
		due = mtime_min(due, mtime_add_ms(now, RELOAD_RETRY_MS));
	const int64_t left_us = mtime_diff_us(due, now);
	return left_us <= 0 ? 0 : (int)(left_us / 1000 + 1);
}

static void serve(struct program *program)
{
	int fds[UDP_SOCKETS_MAX];
	struct pollfd polled[UDP_SOCKETS_MAX + 1];
	const size_t count = udp_fds(&program->setup.udp, fds);
	for (size_t i = 0; i < count; i++)
		polled[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
	polled[count] = (struct pollfd){.fd = program->signal_fd, .events = POLLIN};
	while (!program->is_stopping) {
		const int ready = poll(polled, count + 1, wait_ms(program));
		if (ready < 0 && errno != EINTR) {
			fail(program, &(struct reason){"cannot wait for datagrams: start the server again"}, EXIT_IO);
			return;
		}
		if (polled[count].revents != 0)
			take_signals(program);
		server_node_run(&program->node, clock_monotonic(), clock_wall());
		receive(program);
		if (server_is_broken(&program->node.server))
			fail(program, server_store_reason(program->setup.store), EXIT_IO);
		if (!program->is_stopping)
			commit(program, false);
		if (!program->is_stopping && program->is_reload_due)
			reload(program);
		if (program->status == EXIT_DONE && !server_is_broken(&program->node.server))
			send_all(program);
		housekeep(program, clock_monotonic());
	}
	if (program->status != EXIT_DONE)
		return;
	// An orderly end: what was received is made durable and answered, and the signed-in devices are told.
	commit(program, true);
	if (program->status == EXIT_DONE && server_is_broken(&program->node.server))
		fail(program, server_store_reason(program->setup.store), EXIT_IO);
	if (program->status != EXIT_DONE)
		return;
	server_shutdown(&program->node.server);
	send_all(program);
	log_counts(program);
	log_info("stopped");
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
	free(program.memory);
	server_setup_close(&program.setup);
	if (program.signal_fd >= 0)
		close(program.signal_fd);
	return program.status;
}
