// SPDX-License-Identifier: ISC
// The contract is in server_host.h.
#include "server_host.h"

#include <assert.h>
#include <string.h>
#include <sys/mman.h>

#include "network.h"
#include "operators.h"
#include "report.h"
#include "server_users.h"
#include "server_watch.h"
#include "store_host.h"
#include "world.h"

enum { ORDERS_MAX = 5000 };

static struct moment moment(void)
{
	return (struct moment){world.now, world_wall(world.server.wall_offset_ms)};
}

int64_t server_host_ran(void)
{
	return (world.server.ran_us + mtime_diff_us(world.now, world.server.opened_at)) / 1000000;
}

int64_t server_host_seconds(struct mtime at)
{
	return world.server.opened_seconds + mtime_diff_us(at, world.server.opened_at) / 1000000;
}

// --- life and death ---

void server_host_users_changed(void)
{
	struct server_host *host = &world.server;
	host->users_version++;
	host->is_reload_due = true;
	if (!host->is_up)
		return;
	if (!operators_ask())
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
	world.server.ask_at = MTIME_NEVER;
}

void server_host_make_disk(void)
{
	const struct options *options = &world.options;
	const struct disk_bounds bounds = {
		.rows_max = options->mailbox_rows_max,
		.bytes_max = MAILBOX_BYTES_MAX,
		.held_bytes_max = (uint64_t)options->mailbox_held_max * (MAILBOX_ROW_BYTES + options->text_bytes_max),
		.is_apart = options->rows_apart,
	};
	server_disk_begin(&world.disk, &bounds);
}

void server_host_end(void)
{
	if (world.server.is_up) {
		server_node_clear(&world.server.node);
		server_users_free(server_users_present());
		server_users_free(server_users_fresh());
	}
	world.server.is_up = false;
}

enum { WATCHES_SIM_MAX = 512 }; // more than all sessions can want: memory is dear here

static struct server_node_setup setup(void)
{
	const struct options *options = &world.options;
	struct server_node_setup setup = {
		.listener = listener_config_default(),
		.server = server_config_default(),
		.keys = &world.server.keys,
		.users = &server_users_present()->table,
		.user = server_users_present()->user,
		.rng = world.rng,
	};
	setup.server.may_claim = true;
	setup.server.lane_count = options->lanes;
	setup.server.watches_max = WATCHES_SIM_MAX;
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
	server_users_read(server_users_present());
	int64_t removed[DISK_DEVICES_MAX];
	server_disk_sync_users(&world.disk, &server_users_present()->table, server_host_seconds(world.now), removed);
	store_host_begin(start_id);
	const struct server_node_setup parts = setup();
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
	host->ask_at = MTIME_NEVER;
	server_watch_start();
	report_trace("the server starts");
}

static void go_down(void)
{
	struct server_host *host = &world.server;
	server_node_clear(&host->node);
	server_users_free(server_users_present());
	server_users_free(server_users_fresh());
	operators_gone();
	host->ask_at = MTIME_NEVER;
	host->ran_us += mtime_diff_us(world.now, host->opened_at);
	host->is_up = false;
	host->up_at = mtime_add_ms(world.now, world.is_faulty ? draw_below(&world.draw, 10000) : 100);
}

void server_host_kill(void)
{
	struct server_host *host = &world.server;
	if (!host->is_up)
		return;
	report_trace("the server is killed");
	store_host_kill();
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
	return world.options.commits_block && store_host_is_busy();
}

void server_host_recv(const struct addr *from, const uint8_t *datagram, size_t bytes)
{
	struct server_host *host = &world.server;
	uint8_t reply[WIRE_DATAGRAM_BYTES_MAX];
	if (!host->is_up || is_blocked())
		return; // the socket's buffer is not modelled, what comes is lost
	if (host->node.life != LIFE_SERVING) {
		if (server_node_recv(&host->node, from, datagram, bytes, moment(), reply) != 0)
			report_failure("a datagram was answered after the end was asked for");
		return; // not taken: nothing is to be seen of it
	}
	struct watch_recv watch;
	server_watch_before(&watch, datagram, bytes);
	const size_t reply_bytes = server_node_recv(&host->node, from, datagram, bytes, moment(), reply);
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
	const struct mtime due = mtime_min(store_host_deadline(), mtime_min(host->room_at, host->ask_at));
	return is_blocked() ? due
			    : mtime_min(due, mtime_min(operators_deadline(), server_node_deadline(&host->node)));
}

// --- what the store tells ---

// The operator hears that the users stay as they were, and asks again in a while.
void server_host_ask_again(void)
{
	world.server.ask_at = mtime_add_ms(world.now, 1 + draw_below(&world.draw, 5000));
}

static void tell_synced(const struct store_told *told)
{
	struct server_host *host = &world.server;
	const struct users_synced synced = {!told->is_full, told->removed, told->removed_count};
	server_node_users_synced(&host->node, &synced, moment());
	if (told->is_full) {
		server_users_free(server_users_fresh());
		report_sight(SIGHT_RELOAD_FULL);
		server_host_ask_again();
		return;
	}
	server_users_free(server_users_present());
	host->users_place = 1 - host->users_place;
	host->is_reload_due = server_users_present()->version != host->users_version;
	report_sight(SIGHT_RELOADED);
	report_trace("the server uses the users file as it was read");
}

static void tell_broken(const struct store_told *told)
{
	if (told->kind == JOB_SYNC)
		report_sight(SIGHT_RELOAD_FAILED);
	world.server.is_broken = true;
	server_node_broken(&world.server.node);
}

// Something came to its end at the store. False: the process died meanwhile.
static bool tell(const struct store_told *told)
{
	struct server_host *host = &world.server;
	if (is_killed_here())
		return false;
	if (told->is_broken)
		tell_broken(told);
	else if (told->kind == JOB_APPEND)
		server_node_appended(&host->node, told->lane, &told->appended, moment());
	else if (told->kind == JOB_ASK)
		server_node_answered(&host->node, told->question, moment());
	else if (told->kind == JOB_SYNC)
		tell_synced(told);
	else
		server_node_housekept(&host->node, false, moment());
	return !is_killed_here();
}

// What the store has to say now. False: the process died.
static bool hear_store(void)
{
	static struct store_told told;
	while (!world.server.is_broken && store_host_next(&told))
		if (!tell(&told))
			return false;
	return true;
}

// --- the other orders ---

// What an operator asks for the world's people have written into the file already.
static void read_users_again(const struct server_order *order)
{
	struct server_host *host = &world.server;
	struct users_edited edited = {.status = OPERATOR_NO_ROOM, .reason = "it cannot be read"};
	if (order->edit != NULL)
		operators_edit(order);
	if (world.is_faulty && draw_chance(&world.draw, world.options.failed_reloads)) {
		report_sight(SIGHT_RELOAD_UNREAD);
		server_host_ask_again();
	} else {
		server_users_read(server_users_fresh());
		edited = (struct users_edited){.users = &server_users_fresh()->table, .user = server_users_fresh()->user};
	}
	if (order->edit != NULL)
		server_node_users_edited(&host->node, &edited);
	else
		server_node_users_read(&host->node, edited.users, edited.user);
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
	if ((end == SERVER_BROKEN) != world.server.is_broken)
		report_failure("the server ends for another reason than it says");
	if (end == SERVER_BROKEN)
		return;
	if (store_host_is_busy())
		report_failure("the server stops in order, and its store is at work");
	server_watch_end();
	report_trace("the server stops in order");
}

// Whether the process lives on.
static bool perform(const struct server_order *order)
{
	switch (order->kind) {
	case ORDER_APPEND:
		server_watch_append(order->lane, order->batch);
		store_host_append(order->lane, order->batch);
		return hear_store() && !is_killed_here();
	case ORDER_ASK:
		store_host_ask(order->question);
		return hear_store() && !is_killed_here();
	case ORDER_SYNC_USERS:
		store_host_sync(order->users);
		return hear_store() && !is_killed_here();
	case ORDER_HOUSEKEEP:
		store_host_housekeep();
		return hear_store() && !is_killed_here();
	case ORDER_READ_USERS:
		read_users_again(order);
		break;
	case ORDER_SEND:
		send_out(&order->out);
		break;
	case ORDER_TELL:
		operators_tell(order);
		break;
	case ORDER_PART:
		operators_part(order);
		break;
	case ORDER_END:
		check_end(order->end);
		store_host_kill();
		go_down();
		return false;
	}
	return !is_killed_here();
}

static void carry_out_orders(void)
{
	static struct server_order order;
	for (int count = 0; !is_blocked() && server_node_next(&world.server.node, moment(), &order); count++) {
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
	if (!is_blocked())
		operators_run();
	if (hear_store() && !is_killed_here())
		carry_out_orders();
}
