// SPDX-License-Identifier: ISC
// The contract is in server_host.h.
#include "server_host.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "crypto/base64url.h"
#include "device_host.h"
#include "network.h"
#include "report.h"
#include "server_watch.h"
#include "store/users_parse.h"
#include "world.h"

enum { USERS_TEXT_BYTES = 4096, ORDERS_MAX = 5000 };

static struct wtime wall(void)
{
	return world_wall(world.server.wall_offset_ms);
}

int64_t server_host_ran(void)
{
	return (world.server.ran_us + mtime_diff_us(world.now, world.server.opened_at)) / 1000000;
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

static size_t write_life(const struct user *user, char *text, size_t room)
{
	static const uint8_t none[USER_LIFE_BYTES];
	char letters[USER_LIFE_TEXT_BYTES];
	if (memcmp(user->life, none, sizeof none) == 0)
		return 0;
	base64url_encode(user->life, sizeof user->life, letters);
	return (size_t)snprintf(text, room, " life=%s", letters);
}

static size_t write_users(char *text)
{
	size_t bytes = 0;
	for (uint32_t u = 0; u < world.user_count; u++) {
		if (!world.user[u].is_listed)
			continue;
		bytes += (size_t)snprintf(text + bytes, USERS_TEXT_BYTES - bytes, "%s", world.user[u].name.text);
		bytes += write_life(&world.user[u], text + bytes, USERS_TEXT_BYTES - bytes);
		for (uint32_t i = 0; i < world.identity_count; i++) {
			const struct identity *identity = &world.identity[i];
			char code[FINGERPRINT_TEXT_BYTES];
			if (identity->user != u)
				continue;
			if (identity->has_invite && !is_written(i)) {
				base64url_encode(identity->invite_hash, sizeof identity->invite_hash, code);
				bytes += (size_t)snprintf(text + bytes, USERS_TEXT_BYTES - bytes,
							  " invite=%s," INVITES_END, code);
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

static void free_users(struct host_users *users)
{
	free(users->table.user);
	free(users->table.invite);
	free(users->table.revoke);
	free(users->table.slot);
	free(users->user);
	memset(users, 0, sizeof *users);
}

static void read_users(struct host_users *users)
{
	char text[USERS_TEXT_BYTES];
	struct reason why;
	const size_t bytes = write_users(text);
	struct users_table *table = &users->table;
	users_parse_measure(table, text, bytes);
	table->user = room(table->user_capacity, sizeof *table->user);
	table->invite = room(table->invite_capacity, sizeof *table->invite);
	table->revoke = room(table->revoke_capacity, sizeof *table->revoke);
	table->slot = room(table->slot_count, sizeof *table->slot);
	users->user = room(table->user_capacity, sizeof *users->user);
	if (users_parse(table, text, bytes, "users", &why) != MMS_OK)
		report_failure("%s", why.text);
}

static struct host_users *present_users(void)
{
	return &world.server.users[world.server.users_place];
}

static struct host_users *fresh_users(void)
{
	return &world.server.users[1 - world.server.users_place];
}

void server_host_users_changed(void)
{
	struct server_host *host = &world.server;
	host->is_reload_due = true;
	if (!host->is_up)
		return;
	server_node_reload_asked(&host->node);
	host->is_due = true;
}

void server_host_stop(void)
{
	if (!world.server.is_up)
		return;
	server_node_stop_asked(&world.server.node);
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
	world.server.done_at = MTIME_NEVER;
	world.server.ask_at = MTIME_NEVER;
}

void server_host_end(void)
{
	if (world.server.is_up) {
		server_node_clear(&world.server.node);
		free_users(present_users());
		free_users(fresh_users());
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
		.users = &present_users()->table,
		.user = present_users()->user,
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
	read_users(present_users());
	server_disk_sync_users(&world.disk, &present_users()->table, seconds());
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
	host->is_reload_due = host->is_broken = false;
	host->work = 0;
	host->done_at = host->ask_at = MTIME_NEVER;
	server_watch_start();
	report_trace("the server starts");
}

static void go_down(void)
{
	struct server_host *host = &world.server;
	server_node_clear(&host->node);
	free_users(present_users());
	free_users(fresh_users());
	host->work = 0;
	host->done_at = host->ask_at = MTIME_NEVER;
	host->ran_us += mtime_diff_us(world.now, host->opened_at);
	host->is_up = false;
	host->up_at = mtime_add_ms(world.now, world.is_faulty ? draw_below(&world.draw, 10000) : 100);
}

// What the store was ordered becomes durable.
static void apply_work(void)
{
	struct server_host *host = &world.server;
	if (host->work == ORDER_APPEND)
		server_disk_append(&world.disk, host->batch, seconds());
	else if (host->work == ORDER_SYNC_USERS)
		server_disk_sync_users(&world.disk, &fresh_users()->table, seconds());
	else
		server_disk_housekeep(&world.disk, seconds());
}

void server_host_kill(void)
{
	struct server_host *host = &world.server;
	if (!host->is_up)
		return;
	report_trace("the server is killed");
	if (host->work != 0 && (host->fate == MMS_OK || host->is_kept) && draw_chance(&world.draw, 500)) {
		apply_work();
		report_sight(host->work == ORDER_APPEND ? SIGHT_BATCH_KEPT : SIGHT_SYNC_KEPT);
	} else if (host->work == ORDER_APPEND) {
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

// In days without a device the server keeps house and nothing else: to let it fail there thousands of times shows nothing new.
static bool may_fail(void)
{
	return world.is_faulty && mtime_is_due(world.absent_until, world.now);
}

// A moment between two orders at which the process may die. True: it did.
static bool is_killed_here(void)
{
	if (!may_fail() || !draw_chance(&world.draw, world.options.server_boundary_kill))
		return false;
	server_host_kill();
	return true;
}

// --- a turn ---

// Whether the process waits for its disk, as one without a thread for its store does.
static bool is_blocked(void)
{
	const struct server_host *host = &world.server;
	return host->work != 0 && world.options.commits_block;
}

void server_host_recv(const struct addr *from, const uint8_t *datagram, size_t bytes)
{
	struct server_host *host = &world.server;
	uint8_t reply[WIRE_DATAGRAM_BYTES_MAX];
	if (!host->is_up || is_blocked())
		return; // the socket's buffer is not modelled, what comes is lost
	if (host->node.life != LIFE_SERVING) {
		if (server_node_recv(&host->node, from, datagram, bytes, world.now, wall(), reply) != 0)
			report_failure("a datagram was answered after the end was asked for");
		return; // not taken: nothing is to be seen of it
	}
	struct watch_recv watch;
	server_watch_before(&watch, datagram, bytes);
	const size_t reply_bytes = server_node_recv(&host->node, from, datagram, bytes, world.now, wall(), reply);
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
	const struct mtime due = mtime_min(host->done_at, mtime_min(host->room_at, host->ask_at));
	return is_blocked() ? due : mtime_min(due, server_node_deadline(&host->node));
}

// --- the store's orders ---

// Every one may take long, find no room, or fail before or after it is durable.
static void begin_work(const struct server_order *order)
{
	struct server_host *host = &world.server;
	const struct options *options = &world.options;
	assert(host->work == 0);
	host->work = order->kind;
	host->batch = order->batch;
	host->fate = MMS_OK;
	host->is_kept = false;
	host->done_at = world.now;
	if (!may_fail())
		return;
	const uint32_t more = order->kind == ORDER_SYNC_USERS ? options->failed_reloads : 0;
	if (draw_chance(&world.draw, options->slow_commits + more))
		host->done_at = mtime_add_ms(world.now, 1 + draw_below(&world.draw, 30000));
	if (host->is_disk_full || draw_chance(&world.draw, options->full_commits + more)) {
		host->fate = MMS_E_NOSPACE;
	} else if (draw_chance(&world.draw, options->failed_commits + more)) {
		host->fate = MMS_E_IO;
		host->is_kept = draw_chance(&world.draw, 500);
	}
}

static void tell_stored(void)
{
	struct server_host *host = &world.server;
	if (host->fate == MMS_E_NOSPACE)
		report_sight(SIGHT_COMMIT_FULL);
	if (host->fate == MMS_E_IO)
		report_sight(SIGHT_COMMIT_FAILED);
	server_node_stored(&host->node, host->fate, world.now, wall());
}

// The operator hears that the users stay as they were, and asks again in a while.
static void ask_again(void)
{
	world.server.ask_at = mtime_add_ms(world.now, 1 + draw_below(&world.draw, 5000));
}

static void tell_synced(void)
{
	struct server_host *host = &world.server;
	server_node_users_synced(&host->node, host->fate, world.now, wall());
	if (host->fate == MMS_E_NOSPACE) {
		free_users(fresh_users());
		report_sight(SIGHT_RELOAD_FULL);
		ask_again();
	} else if (host->fate == MMS_OK) {
		free_users(present_users());
		host->users_place = 1 - host->users_place;
		host->is_reload_due = host->node.is_reload_asked;
		report_sight(SIGHT_RELOADED);
		report_trace("the server uses the users file as it was read");
	} else {
		report_sight(SIGHT_RELOAD_FAILED);
	}
}

// The store says what became of its order. False: the process died meanwhile.
static bool finish_work(void)
{
	struct server_host *host = &world.server;
	const enum server_order_kind work = host->work;
	if (is_killed_here())
		return false;
	if (host->fate == MMS_OK || host->is_kept)
		apply_work();
	host->work = 0;
	host->done_at = MTIME_NEVER;
	if (is_killed_here())
		return false;
	if (work == ORDER_APPEND)
		tell_stored();
	else if (work == ORDER_SYNC_USERS)
		tell_synced();
	else
		server_node_housekept(&host->node, host->fate, false, world.now);
	host->is_broken |= host->fate == MMS_E_IO;
	return !is_killed_here();
}

// --- the other orders ---

static void read_users_again(void)
{
	struct server_host *host = &world.server;
	if (world.is_faulty && draw_chance(&world.draw, world.options.failed_reloads)) {
		report_sight(SIGHT_RELOAD_UNREAD);
		server_node_users_read(&host->node, NULL, NULL);
		ask_again();
		return;
	}
	read_users(fresh_users());
	server_node_users_read(&host->node, &fresh_users()->table, fresh_users()->user);
}

static void send_out(const struct session_out *out)
{
	const struct addr server = network_server();
	if (world.server.is_broken)
		report_failure("the server sends though its store has failed");
	for (size_t i = 0; i < out->count; i++)
		network_send(&server, &out->addr, out->datagram[i], out->bytes);
}

// An end in order leaves nothing undone that the disk had room for.
static void check_end(enum server_end end)
{
	const struct server *server = &world.server.node.server;
	if ((end == SERVER_BROKEN) != server_is_broken(server))
		report_failure("the server ends for another reason than it says");
	if (end == SERVER_BROKEN)
		return;
	const bool is_all_stored =
		!server->is_storing && server->batch[server->filling].op_count == 0 && server->dirty_head == 0;
	if (!is_all_stored && !world.server.node.is_flushed)
		report_failure("the server stops in order, and something is not stored");
	report_trace("the server stops in order");
}

// Whether the process lives on.
static bool perform(const struct server_order *order)
{
	switch (order->kind) {
	case ORDER_APPEND:
	case ORDER_SYNC_USERS:
	case ORDER_HOUSEKEEP:
		begin_work(order);
		return !mtime_is_due(world.server.done_at, world.now) || finish_work();
	case ORDER_READ_USERS:
		read_users_again();
		break;
	case ORDER_SEND:
		send_out(&order->out);
		break;
	case ORDER_END:
		check_end(order->end);
		go_down();
		return false;
	}
	return !is_killed_here();
}

static void carry_out_orders(void)
{
	static struct server_order order;
	for (int count = 0; !is_blocked() && server_node_next(&world.server.node, world.now, wall(), &order); count++) {
		if (count == ORDERS_MAX)
			report_failure("the server gives orders for ever");
		if (!perform(&order))
			return;
	}
	server_watch_turn();
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
	if (mtime_is_due(host->ask_at, world.now)) {
		host->ask_at = MTIME_NEVER;
		server_node_reload_asked(&host->node);
	}
	if (!host->is_due && !mtime_is_due(server_host_deadline(), world.now))
		return;
	host->is_due = false;
	if (mtime_is_due(host->done_at, world.now) && !finish_work())
		return;
	if (!is_killed_here())
		carry_out_orders();
}
