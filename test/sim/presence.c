// SPDX-License-Identifier: ISC
// The contract is in presence.h.
#include "presence.h"

#include "msg/call_watch.h"
#include "msg/server_inside.h"
#include "report.h"

static const struct name *const nobody = &(struct name){"nobody"};

void presence_signed_in(struct process *process)
{
	struct name names[USERS_MAX + 1];
	uint32_t count = 0;
	if (!process->is_receiving || draw_chance(&world.draw, 300))
		return;
	for (uint32_t i = 0; i < world.user_count; i++)
		if (draw_chance(&world.draw, 700))
			names[count++] = world.user[i].name;
	names[count++] = *nobody;
	for (uint32_t i = 0; i < USERS_MAX; i++)
		process->told_presence[i] = 0;
	device_life_want_presence(&process->life, names, count, world.now);
}

void presence_told(struct process *process, const struct life_told *told)
{
	report_sight(SIGHT_PRESENCE_TOLD);
	if (world.is_faulty && draw_chance(&world.draw, 500))
		process->life.node.client.people.is_due = true; // as when one more is written with
	report_trace("process %d is told that %s is %s", (int)(process - world.process), told->name.text,
		     told->is_online ? "online" : "away");
	for (uint32_t i = 0; i < world.user_count; i++)
		if (name_is_same(&world.user[i].name, &told->name)) {
			const uint8_t is_told = told->is_online ? 2 : 1;
			if (process->told_presence[i] == is_told)
				report_failure("%s was told to have come or gone, twice the same", told->name.text);
			process->told_presence[i] = is_told;
		}
}

uint8_t presence_kind_seen(uint32_t slot, uint8_t kind)
{
	enum { UNKNOWN_KIND = 99 };
	struct watched_presence *watched = &world.server.watched[slot].presence;
	if (kind != CALL_WATCH || !world.server.is_without_presence)
		return kind;
	const int identity = world_identity_of_key(world.server.watched[slot].key);
	if (watched->is_refused && identity >= 0 && world_identity_is_honest((uint8_t)identity))
		report_failure("a session whose server does not know WATCH was asked again");
	watched->is_refused = true;
	report_sight(SIGHT_WATCH_UNKNOWN);
	return UNKNOWN_KIND;
}

bool presence_finds_no_memory(const uint8_t *body, size_t bytes)
{
	return bytes > 0 && body[0] == NOTICE_PRESENCE && world.is_faulty && draw_chance(&world.draw, 300);
}

void presence_called(uint32_t slot, const uint8_t *body, size_t bytes)
{
	struct watched_presence *watched = &world.server.watched[slot].presence;
	struct call_presence_notice notice;
	if (bytes == 0 || body[0] != NOTICE_PRESENCE)
		return;
	if (call_presence_decode(&notice, body, bytes) != MMS_OK)
		report_failure("a notice of presence cannot be read");
	if (watched->is_open)
		report_failure("a session was told of presence that has not answered the last notice");
	if (watched->told_at.us != 0 && mtime_diff_us(world.now, watched->told_at) < SERVER_TELL_SESSION_US)
		report_failure("a session was told of presence twice in a second");
	watched->is_open = true;
	watched->told_at = world.now;
}

void presence_answered(uint32_t slot, uint64_t tag)
{
	if (tag == SERVER_PRESENCE_TAG)
		world.server.watched[slot].presence.is_open = false;
}

void presence_turn(void)
{
	const struct server *server = &world.server.node.server;
	const struct server_presence *presence = &server->presence;
	uint32_t count = 0;
	uint32_t name_count = 0;
	for (uint32_t i = 0; i < server->peer_capacity; i++) {
		const uint32_t of_session = presence->watcher[i].watch_count;
		if (of_session > CALL_WATCH_MAX)
			report_failure("a session watches %u names", of_session);
		if (of_session > 0 && server->peer[i].state != PEER_SIGNED_IN)
			report_failure("a session that is over watches %u names", of_session);
		count += of_session;
	}
	if (count != presence->watch_count || count > server->config.watches_max)
		report_failure("sessions watch %u names, and %u are counted", count, presence->watch_count);
	for (uint32_t i = 0; i < presence->watched_fresh_count; i++)
		name_count += presence->watched[i].watch_count;
	if (name_count != count)
		report_failure("%u watches are on names, and %u on sessions", name_count, count);
	for (uint32_t i = 0; i < server->users->user_count; i++)
		if (server->user[i].watch_count > WATCHES_PER_USER_MAX)
			report_failure("a user watches %u names", server->user[i].watch_count);
}

// Whether the server counts a name online.
static bool is_online(const struct name *name)
{
	const struct server *server = &world.server.node.server;
	const struct user_entry *entry = users_find(server->users, name);
	return entry != NULL && server->user[entry - server->users->user].online_count > 0;
}

// Whether the server watches a name for a device. It does not where that was no user when it was named.
static bool is_watched(const struct process *process, const struct name *name)
{
	const struct server *server = &world.server.node.server;
	const struct server_presence *presence = &server->presence;
	const struct disk_device *device = server_disk_device(&world.disk, world_owner(process)->keys.public_key);
	for (uint32_t slot = 0; slot < server->peer_capacity; slot++) {
		if (server->peer[slot].state != PEER_SIGNED_IN || !server->peer[slot].is_receiving ||
		    device == NULL || server->peer[slot].device_id != device->held.device_id)
			continue;
		uint32_t number = slot_list_first(&presence->watcher[slot].watches);
		for (; number != SLOT_NONE; number = slot_list_next(&presence->watch[number].of_session))
			if (name_is_same(&presence->watched[presence->watch[number].watched].name, name))
				return true;
	}
	return false;
}

static void check_process(const struct process *process)
{
	const bool are_users_fixed = world.options.user_changes + world.options.second_lives + world.options.revocations == 0;
	const struct client *client = &process->life.node.client;
	for (uint32_t i = 0; i < client->people.count; i++) {
		const struct client_person *person = &client->people.person[i];
		if (!person->is_known)
			report_failure("a device does not know whether %s is there", person->name.text);
		const bool is_user = !name_is_same(&person->name, nobody);
		if (!is_watched(process, &person->name)) {
			if (person->is_online || (is_user && are_users_fixed))
				report_failure("a device does not watch %s", person->name.text);
			continue;
		}
		if (person->is_online != is_online(&person->name))
			report_failure("a device takes %s for %s", person->name.text, person->is_online ? "online" : "away");
	}
	for (uint32_t i = 0; i < world.user_count; i++)
		if (process->told_presence[i] != 0 && is_watched(process, &world.user[i].name) &&
		    (process->told_presence[i] == 2) != is_online(&world.user[i].name))
			report_failure("what was told last of %s is not so", world.user[i].name.text);
}

void presence_check(void)
{
	if (world.server.is_without_presence)
		return;
	for (uint32_t i = 0; i < PROCESSES_MAX; i++) {
		const struct process *process = &world.process[i];
		const struct client *client = &process->life.node.client;
		if (process->is_alive && !process->is_stopped && process->life.state == LIFE_SIGNED_IN &&
		    client_is_signed_in(client) && client->config.is_receiving && client->people.is_wanted && !client->people.is_refused &&
		    world_identity_is_honest((uint8_t)(world_owner(process) - world.identity)))
			check_process(process);
	}
}
