// SPDX-License-Identifier: ISC
// The contract is in server_host.h.
#include "server_host.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "device_host.h"
#include "network.h"
#include "report.h"
#include "server_watch.h"
#include "world.h"

enum { HOUSEKEEP_MS = 60 * 1000, USERS_TEXT_BYTES = 4096, TURN_BATCHES_MAX = 64 };

static struct wtime wall(void)
{
	return world_wall(world.server.wall_offset_ms);
}

// Store time.
static int64_t seconds(void)
{
	return world.server.opened_seconds + mtime_diff_us(world.now, world.server.opened_at) / 1000000;
}

// --- users file ---

// Whether a device before this one has the same invite.
static bool is_written(uint32_t place)
{
	for (uint32_t i = 0; i < place; i++)
		if (memcmp(world.identity[i].invite_hash, world.identity[place].invite_hash, INVITE_HASH_BYTES) == 0)
			return true;
	return false;
}

static size_t write_users(char *text)
{
	size_t bytes = 0;
	for (uint32_t u = 0; u < world.user_count; u++) {
		if (!world.user[u].is_listed)
			continue;
		bytes += (size_t)snprintf(text + bytes, USERS_TEXT_BYTES - bytes, "%s", world.user[u].name.text);
		for (uint32_t i = 0; i < world.identity_count; i++) {
			const struct identity *identity = &world.identity[i];
			char code[FINGERPRINT_TEXT_BYTES];
			if (identity->user != u)
				continue;
			if (identity->has_invite && !is_written(i)) {
				base64url_encode(identity->invite_hash, sizeof identity->invite_hash, code);
				bytes += (size_t)snprintf(text + bytes, USERS_TEXT_BYTES - bytes,
							  " invite=%s,2100-01-01T00:00:00Z", code);
			}
			if (identity->is_revoked) {
				const struct fingerprint print = hash_fingerprint(identity->keys.public_key);
				base64url_encode(print.bytes, sizeof print.bytes, code);
				bytes += (size_t)snprintf(text + bytes, USERS_TEXT_BYTES - bytes, " revoke=%s", code);
			}
		}
		bytes += (size_t)snprintf(text + bytes, USERS_TEXT_BYTES - bytes, "\n");
		assert(bytes < USERS_TEXT_BYTES);
	}
	return bytes;
}

static void *room(size_t count, size_t bytes)
{
	void *memory = calloc(count + 1, bytes);
	assert(memory != NULL);
	return memory;
}

static void free_users(struct users_table *table, struct server_user *user)
{
	free(table->user);
	free(table->invite);
	free(table->revoke);
	free(table->slot);
	free(user);
}

static void read_users(struct users_table *table, struct server_user **user)
{
	char text[USERS_TEXT_BYTES];
	struct reason why;
	const size_t bytes = write_users(text);
	memset(table, 0, sizeof *table);
	users_measure(table, text, bytes);
	table->user = room(table->user_capacity, sizeof *table->user);
	table->invite = room(table->invite_capacity, sizeof *table->invite);
	table->revoke = room(table->revoke_capacity, sizeof *table->revoke);
	table->slot = room(table->slot_count, sizeof *table->slot);
	*user = room(table->user_capacity, sizeof **user);
	if (users_parse(table, text, bytes, "users", &why) != MMS_OK)
		report_failure("%s", why.text);
	server_disk_sync_users(&world.disk, table, seconds());
}

void server_host_users_changed(void)
{
	world.server.is_reload_due = true;
	world.server.is_due = true;
}

// --- life and death ---

void server_host_begin(void)
{
	uint8_t secret[NOISE_KEY_BYTES];
	void *memory = world.server.memory;
	const size_t memory_bytes = world.server.memory_bytes;
	memset(&world.server, 0, sizeof world.server);
	world.server.memory = memory;
	world.server.memory_bytes = memory_bytes;
	rng_fill(&world.rng, secret, sizeof secret);
	keypair_derive(&world.server.keys, secret);
	world.server.up_at = world.now;
	world.server.room_at = MTIME_NEVER;
	world.server.stored_at = MTIME_NEVER;
}

void server_host_end(void)
{
	if (world.server.is_up) {
		server_node_clear(&world.server.node);
		free_users(world.server.table, world.server.user);
	}
	world.server.is_up = false;
}

static struct server_node_setup setup(void)
{
	const struct options *options = &world.options;
	struct server_node_setup setup = {
		.listener = listener_config_default(),
		.server = server_config_default(),
		.keys = &world.server.keys,
		.storage = server_disk_storage(&world.disk),
		.users = world.server.table,
		.user = world.server.user,
		.rng = world.rng,
	};
	setup.server.may_claim = true;
	setup.server.mailbox_rows_max = options->mailbox_rows_max;
	setup.server.submit_rate.burst = options->submit_burst;
	setup.listener.sessions_max = options->sessions_max;
	setup.listener.half_open_max = options->half_open_max;
	setup.listener.prefixes_max = 64;
	setup.listener.blocks_small_max = options->blocks_small_max;
	setup.listener.blocks_large_max = options->blocks_large_max;
	setup.listener.limits.blind.burst = options->blind_burst;
	return setup;
}

void server_host_start(void)
{
	struct server_host *host = &world.server;
	uint8_t start_id[STORAGE_START_ID_BYTES];
	rng_fill(&world.rng, start_id, sizeof start_id);
	host->opened_at = world.now;
	host->opened_seconds = world.disk.seconds;
	host->table = &host->tables[0];
	read_users(host->table, &host->user);
	struct server_node_setup parts = setup();
	parts.mark = server_disk_start(&world.disk, start_id);
	const size_t bytes = server_node_memory_bytes(&parts);
	if (bytes > host->memory_bytes) {
		if (host->memory != NULL)
			munmap(host->memory, host->memory_bytes);
		host->memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		host->memory_bytes = bytes;
		assert(host->memory != MAP_FAILED);
	}
	// Zeros again, at the cost of what was touched.
	const int rc = madvise(host->memory, host->memory_bytes, MADV_DONTNEED);
	assert(rc == 0);
	server_node_init(&host->node, &parts, host->memory, world.now);
	host->config = parts.server;
	host->is_up = host->is_due = true;
	host->is_stopping = false;
	host->is_reload_due = false;
	host->batch = NULL;
	host->stored_at = MTIME_NEVER;
	server_watch_start();
	report_trace("the server starts");
}

static void go_down(void)
{
	struct server_host *host = &world.server;
	server_node_clear(&host->node);
	free_users(host->table, host->user);
	host->batch = NULL;
	host->stored_at = MTIME_NEVER;
	host->is_up = false;
	host->up_at = mtime_add_ms(world.now, world.is_faulty ? draw_below(&world.draw, 10000) : 100);
}

void server_host_kill(void)
{
	struct server_host *host = &world.server;
	if (!host->is_up)
		return;
	report_trace("the server is killed");
	if (host->batch != NULL && (host->fate == MMS_OK || host->is_kept) && draw_chance(&world.draw, 500)) {
		server_disk_append(&world.disk, host->batch, seconds());
		report_sight(SIGHT_BATCH_KEPT);
	} else if (host->batch != NULL) {
		report_sight(SIGHT_BATCH_LOST);
	}
	go_down();
}

void server_host_restore(void)
{
	static bool was_there[MESSAGES_MAX];
	assert(!world.server.is_up);
	report_trace("the server's store is put back from the backup");
	report_sight(SIGHT_SERVER_RESTORED);
	memset(was_there, 0, sizeof was_there);
	for (uint32_t i = 0; i < world.disk.row_count; i++)
		was_there[world.disk.row[i].message] |= world.disk.row[i].is_id_held || world.disk.row[i].in_mailbox;
	server_disk_copy(&world.disk, &world.backup);
	for (uint32_t i = 0; i < world.disk.row_count; i++)
		if (world.disk.row[i].is_id_held || world.disk.row[i].in_mailbox)
			was_there[world.disk.row[i].message] = false;
	for (uint32_t i = 0; i < truth_count(); i++)
		truth_message(i)->is_lost |= was_there[i];
	truth_restored();
}

// A moment between two steps of a turn at which the process may die. True: it did.
static bool is_killed_here(void)
{
	if (!world.is_faulty || !draw_chance(&world.draw, world.options.server_boundary_kill))
		return false;
	server_host_kill();
	return true;
}

// --- a turn ---

void server_host_recv(const struct addr *from, const uint8_t *datagram, size_t bytes)
{
	struct server_host *host = &world.server;
	uint8_t reply[WIRE_DATAGRAM_BYTES_MAX];
	if (!host->is_up || (host->batch != NULL && world.options.commits_block))
		return; // a process that waits for its disk: the socket's buffer is not modelled, what comes is lost
	struct watch_recv watch;
	server_watch_before(&watch, datagram, bytes);
	const size_t reply_bytes = server_node_recv(&host->node, from, datagram, bytes, world.now, reply);
	server_watch_after(&watch, from);
	server_watch_answer(&watch, datagram, bytes, reply_bytes);
	host->is_due = true;
	if (reply_bytes > bytes)
		report_failure("a stranger's %zu bytes were answered with %zu", bytes, reply_bytes);
	if (reply_bytes == 0)
		return;
	if (reply[0] == WIRE_RETRY)
		report_sight(SIGHT_COOKIE);
	if (reply[0] == WIRE_UNKNOWN)
		report_sight(SIGHT_UNKNOWN);
	const struct addr server = network_server();
	network_send(&server, from, reply, reply_bytes);
}

struct mtime server_host_deadline(void)
{
	const struct server_host *host = &world.server;
	if (!host->is_up)
		return host->up_at;
	if (host->is_due)
		return world.now;
	struct mtime due = mtime_min(host->stored_at, host->room_at);
	if (host->batch == NULL || !world.options.commits_block)
		due = mtime_min(due, server_node_deadline(&host->node));
	return due;
}

static void draw_fate(void)
{
	struct server_host *host = &world.server;
	const struct options *options = &world.options;
	host->fate = MMS_OK;
	host->is_kept = false;
	host->stored_at = world.now;
	if (!world.is_faulty)
		return;
	if (draw_chance(&world.draw, options->slow_commits))
		host->stored_at = mtime_add_ms(world.now, 1 + draw_below(&world.draw, 30000));
	if (host->is_disk_full || draw_chance(&world.draw, options->full_commits)) {
		host->fate = MMS_E_NOSPACE;
	} else if (draw_chance(&world.draw, options->failed_commits)) {
		host->fate = MMS_E_IO;
		host->is_kept = draw_chance(&world.draw, 500);
	}
}

// Whether the process lives on.
static bool finish_commit(void)
{
	struct server_host *host = &world.server;
	if (is_killed_here())
		return false;
	if (host->fate == MMS_OK || host->is_kept)
		server_disk_append(&world.disk, host->batch, seconds());
	host->batch = NULL;
	host->stored_at = MTIME_NEVER;
	if (host->fate == MMS_E_NOSPACE)
		report_sight(SIGHT_COMMIT_FULL);
	if (host->fate == MMS_E_IO)
		report_sight(SIGHT_COMMIT_FAILED);
	if (is_killed_here())
		return false;
	server_node_stored(&host->node, host->fate, world.now);
	if (server_is_broken(&host->node.server)) {
		go_down();
		return false;
	}
	return !is_killed_here();
}

// Stores what waits; false: the process is gone.
static bool commit(bool is_all)
{
	struct server_host *host = &world.server;
	for (int count = 0; count < TURN_BATCHES_MAX; count++) {
		if (host->batch == NULL) {
			host->batch = server_node_batch(&host->node, is_all, world.now);
			if (host->batch == NULL)
				return true;
			draw_fate();
		}
		if (!mtime_is_due(host->stored_at, world.now))
			return true;
		const enum mms_err fate = host->fate;
		if (!finish_commit())
			return false;
		server_node_run(&host->node, world.now, wall());
		if (server_is_broken(&host->node.server)) {
			go_down();
			return false;
		}
		if (fate == MMS_E_NOSPACE)
			return true; // what was refused need not be tried again at once
	}
	report_failure("a turn of the server stores for ever");
}

static void reload(void)
{
	struct server_host *host = &world.server;
	struct users_table *old = host->table;
	struct users_table *fresh = old == &host->tables[0] ? &host->tables[1] : &host->tables[0];
	struct server_user *user;
	if (!server_can_reload(&host->node.server))
		return;
	host->is_reload_due = false;
	read_users(fresh, &user);
	server_reload(&host->node.server, fresh, user);
	free_users(old, host->user);
	host->table = fresh;
	host->user = user;
	report_sight(SIGHT_RELOADED);
	report_trace("the server reads the users file again");
}

// Whether the process lives on.
static bool send_all(void)
{
	struct server_host *host = &world.server;
	struct session_out out;
	const struct addr server = network_server();
	for (int sent = 0; server_node_send(&host->node, world.now, &out); sent++) {
		if (sent == 5000)
			report_failure("the server sends for ever");
		for (size_t i = 0; i < out.count; i++)
			network_send(&server, &out.addr, out.datagram[i], out.bytes);
		if (is_killed_here())
			return false;
	}
	return true;
}

static void housekeep(void)
{
	if (!mtime_is_due(world.server.housekeep_at, world.now))
		return;
	server_disk_housekeep(&world.disk, seconds());
	world.server.housekeep_at = mtime_add_ms(world.now, HOUSEKEEP_MS);
}

// An orderly end. True: it came to it; else the process lives on, or is gone.
static void stop(void)
{
	struct server_host *host = &world.server;
	if (!commit(true) || host->batch != NULL || !server_can_reload(&host->node.server))
		return;
	server_shutdown(&host->node.server);
	if (!send_all())
		return;
	report_trace("the server stops in order");
	go_down();
}

void server_host_turn(void)
{
	struct server_host *host = &world.server;
	if (!host->is_up) {
		if (mtime_is_due(host->up_at, world.now))
			server_host_start();
		else
			return;
	}
	if (mtime_is_due(host->room_at, world.now)) {
		host->is_disk_full = false;
		host->room_at = MTIME_NEVER;
	}
	if (!host->is_due && !mtime_is_due(server_host_deadline(), world.now))
		return;
	host->is_due = false;
	if (host->batch != NULL && world.options.commits_block && !mtime_is_due(host->stored_at, world.now))
		return;
	if (is_killed_here())
		return;
	server_node_run(&host->node, world.now, wall());
	if (server_is_broken(&host->node.server)) {
		go_down();
		return;
	}
	if (is_killed_here() || !commit(host->is_reload_due))
		return;
	if (host->is_reload_due)
		reload();
	if (host->is_stopping) {
		stop();
		return;
	}
	if (host->batch != NULL && world.options.commits_block)
		return; // it waits for its disk
	if (!send_all())
		return;
	housekeep();
	server_watch_turn();
}
