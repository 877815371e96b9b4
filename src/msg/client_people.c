// SPDX-License-Identifier: ISC
// Whom a device watches, and what it hears of them. The contract is in client.h and client_inside.h.
#include "msg/client_people.h"

#include <assert.h>
#include <string.h>

#include "msg/client_inside.h"

// The names are mostly written alike, and folding is work.
static struct client_person *find(struct client_people *people, const struct name *name)
{
	for (uint32_t i = 0; i < people->count; i++)
		if (memcmp(&people->person[i].name, name, sizeof *name) == 0)
			return &people->person[i];
	for (uint32_t i = 0; i < people->count; i++)
		if (name_is_same(&people->person[i].name, name))
			return &people->person[i];
	return NULL;
}

// A place for one more: behind the others, or that of the one written with longest ago.
static struct client_person *make_place(struct client_people *people)
{
	struct client_person *oldest = &people->person[0];
	if (people->count < CLIENT_PEOPLE_MAX)
		return &people->person[people->count++];
	for (uint32_t i = 1; i < people->count; i++)
		if (people->person[i].used < oldest->used)
			oldest = &people->person[i];
	return oldest;
}

void client_people_note(struct client *client, const struct name *name)
{
	struct client_people *people = &client->people;
	if (!people->is_wanted || name_bytes(name) == 0 || name_is_same(name, &client->config.name))
		return;
	struct client_person *person = find(people, name);
	if (person == NULL) {
		person = make_place(people);
		*person = (struct client_person){.name = *name};
		people->is_due = true;
	}
	// One who was away and never heard may have been nobody's name then, which no server watches.
	if (person->is_known && !person->is_online && person->heard_at.ms == 0)
		people->is_due = true;
	person->used = ++people->used;
}

void client_want_presence(struct client *client, const struct name *names, uint32_t count, struct mtime now)
{
	client->people.is_wanted = true;
	for (uint32_t i = count; i > 0; i--)
		client_people_note(client, &names[i - 1]);
	client_go_on(client, now);
}

bool client_is_away_since(const struct client *client, const struct name *name, struct wtime *heard_at)
{
	for (uint32_t i = 0; i < client->people.count; i++) {
		const struct client_person *person = &client->people.person[i];
		if (!name_is_same(&person->name, name) || !person->is_known || person->is_online || person->heard_at.ms == 0)
			continue;
		*heard_at = person->heard_at;
		return true;
	}
	return false;
}

void client_people_begin(struct client *client, struct mtime now)
{
	struct client_people *people = &client->people;
	people->is_refused = people->is_going = false;
	people->asked_count = 0;
	people->ask_count++;
	people->is_due = people->count > 0;
	people->due_at = now;
}

static bool may_ask(const struct client_people *people)
{
	return people->is_wanted && !people->is_refused && people->asked_count == 0;
}

struct mtime client_people_deadline(const struct client *client)
{
	const struct client_people *people = &client->people;
	return client->config.is_receiving && may_ask(people) && (people->is_due || people->is_going) ? people->due_at : MTIME_NEVER;
}

static void ask(struct client *client, struct mtime now)
{
	struct client_people *people = &client->people;
	struct call_watch watch = {.is_first = people->next == 0};
	uint8_t body[CALL_BODY_BYTES_MAX];
	uint8_t taken_count;
	for (uint32_t i = people->next; i < people->until; i++)
		watch.name[watch.count++] = people->person[i].name;
	const size_t bytes = call_watch_encode(&watch, &taken_count, body);
	if (!client_make_call(client, client->present - 1, CALL_WATCH, body, bytes, people->ask_count + 1, now)) {
		people->due_at = mtime_add_us(now, CLIENT_WATCH_AGAIN_US);
		return;
	}
	people->ask_count++;
	people->asked_first = people->next;
	people->asked_count = taken_count;
	for (uint32_t i = 0; i < taken_count; i++) {
		people->person[people->next + i].is_asked = true;
		people->person[people->next + i].is_noticed = false;
	}
}

void client_people_go_on(struct client *client, struct mtime now)
{
	struct client_people *people = &client->people;
	if (!mtime_is_due(client_people_deadline(client), now))
		return;
	if (!people->is_going) {
		people->is_going = true;
		people->is_due = false;
		people->next = 0;
		people->until = people->count;
	}
	ask(client, now);
}

static void learn(struct client *client, struct client_person *person, const struct call_presence *presence)
{
	const bool is_news = person->is_known && person->is_online != presence->is_online;
	person->is_known = true;
	person->is_online = presence->is_online;
	if (!presence->is_online)
		person->heard_at = presence->heard_at;
	if (is_news)
		client->port.told(client->port.context, &(struct client_told){.type = TOLD_PRESENCE,
									       .name = person->name,
									       .is_online = presence->is_online,
									       .heard_at = presence->heard_at});
}

void client_people_answered(struct client *client, uint8_t status, const uint8_t *body, size_t bytes, uint64_t ask_number,
			    struct mtime now)
{
	struct client_people *people = &client->people;
	const uint32_t count = people->asked_count;
	struct call_watch_ok ok = {0};
	if (ask_number != people->ask_count || count == 0)
		return;
	people->asked_count = 0;
	const bool is_good = status == STATUS_OK && call_watch_ok_decode(&ok, body, bytes) == MMS_OK && ok.count == count;
	const bool is_full = !is_good && status != STATUS_OK && status != STATUS_BAD;
	people->is_refused = !is_good && !is_full;
	people->is_due = people->is_due || is_full;
	for (uint32_t i = 0; i < count; i++) {
		struct client_person *person = &people->person[people->asked_first + i];
		if (!person->is_asked)
			continue; // another one has its place now
		person->is_asked = false;
		if (!is_good)
			continue;
		// A notice may have overtaken this answer, or been overtaken: where they differ, it is asked for again.
		if (!person->is_noticed)
			learn(client, person, &ok.presence[i]);
		else if (person->is_online != ok.presence[i].is_online)
			people->is_due = true;
	}
	people->next += count;
	people->is_going = is_good && people->next < people->until;
	if (!people->is_going)
		people->due_at = mtime_add_us(now, is_full ? CLIENT_WATCH_FULL_US : CLIENT_WATCH_APART_US);
}

bool client_people_noticed(struct client *client, uint32_t slot, const uint8_t *body, size_t bytes)
{
	struct call_presence_notice notice;
	if (call_presence_decode(&notice, body, bytes) != MMS_OK)
		return false;
	for (uint32_t i = 0; i < notice.count && slot + 1 == client->present; i++) {
		struct client_person *person = find(&client->people, &notice.item[i].name);
		if (person == NULL)
			continue;
		person->is_noticed = true;
		learn(client, person, &notice.item[i].presence);
	}
	return true;
}
