// SPDX-License-Identifier: ISC
// WATCH and NOTICE PRESENCE (doc/protocol.md section 6.15). The tables are told in server_watch.h, the contract in
// server_inside.h.
#include "msg/server_watch.h"

#include <assert.h>
#include <string.h>

#include "msg/call_watch.h"
#include "msg/server_inside.h"

static const struct bucket_rate tell_rate = {SERVER_TELLS_PER_SECOND, SERVER_TELLS_BURST};

static struct slot_links links_of_session(struct server_presence *presence)
{
	return SLOT_LINKS(presence->watch, of_session);
}

static struct slot_links links_of_name(struct server_presence *presence)
{
	return SLOT_LINKS(presence->watch, of_name);
}

static struct slot_links links_telling(struct server_presence *presence)
{
	return SLOT_LINKS(presence->watched, telling);
}

static struct slot_links links_name(struct server_presence *presence)
{
	return SLOT_LINKS(presence->watched, link);
}

static struct slot_links links_watcher(struct server_presence *presence)
{
	return SLOT_LINKS(presence->watcher, link);
}

// The next tick has something to do.
static void wake(struct server_presence *presence)
{
	presence->tick_at = (struct mtime){0};
}

// --- names ---

static bool is_online_now(const struct server *server, const struct server_watched *watched)
{
	return watched->user != USERS_NO_PLACE && server->user[watched->user].online_count > 0;
}

// Puts the name among those that somebody has to be told of, or takes it away from there, whichever is so now.
static void settle(struct server_presence *presence, uint32_t place)
{
	struct server_watched *watched = &presence->watched[place];
	const bool is_due = slot_list_first(&watched->told[!watched->is_online]) != SLOT_NONE;
	if (is_due && !slot_is_listed(&watched->telling)) {
		slot_list_add(&presence->telling, links_telling(presence), place);
		wake(presence);
	} else if (!is_due && slot_is_listed(&watched->telling)) {
		slot_list_remove(&presence->telling, links_telling(presence), place);
	}
}

// A name's user may have come or gone: it is looked at with the next tick, or when the name has rested.
static void look_at(struct server_presence *presence, uint32_t place)
{
	if (slot_is_listed(&presence->watched[place].link))
		return;
	slot_list_add(&presence->changed, links_name(presence), place);
	wake(presence);
}

void server_presence_changed(struct server *server, uint32_t user)
{
	if (server->user[user].watched != 0)
		look_at(&server->presence, server->user[user].watched - 1);
}

static void take_change(struct server *server, uint32_t place, struct mtime now)
{
	struct server_presence *presence = &server->presence;
	struct server_watched *watched = &presence->watched[place];
	const bool is_online = is_online_now(server, watched);
	if (watched->is_online == is_online)
		return;
	watched->is_online = is_online;
	watched->rests_until = mtime_add_us(now, SERVER_TELL_NAME_US);
	slot_list_add(&presence->resting, links_name(presence), place);
	settle(presence, place);
}

static struct call_presence presence_of(const struct server *server, const struct server_watched *watched)
{
	const bool is_known = !watched->is_online && watched->user != USERS_NO_PLACE;
	return (struct call_presence){
		.is_online = watched->is_online,
		.heard_at = is_known ? server->user[watched->user].heard_at : (struct wtime){0},
	};
}

// The record of a user's name, made if need be. Must: there is a free one; there are as many as watches.
static uint32_t watched_of(struct server *server, uint32_t user)
{
	struct server_presence *presence = &server->presence;
	if (server->user[user].watched != 0)
		return server->user[user].watched - 1;
	uint32_t place = slot_list_take(&presence->watched_free, links_name(presence));
	if (place == SLOT_NONE)
		place = presence->watched_fresh_count++;
	assert(place < server->config.watches_max);
	struct server_watched *watched = &presence->watched[place];
	*watched = (struct server_watched){.name = server->users->user[user].name, .user = user};
	watched->is_online = is_online_now(server, watched);
	server->user[user].watched = place + 1;
	return place;
}

static void forget_name(struct server *server, uint32_t place)
{
	struct server_presence *presence = &server->presence;
	struct server_watched *watched = &presence->watched[place];
	if (slot_is_listed(&watched->telling))
		slot_list_remove(&presence->telling, links_telling(presence), place);
	if (slot_is_listed(&watched->link)) {
		const bool is_resting = watched->rests_until.us != 0;
		slot_list_remove(is_resting ? &presence->resting : &presence->changed, links_name(presence), place);
	}
	if (watched->user != USERS_NO_PLACE)
		server->user[watched->user].watched = 0;
	slot_list_add(&presence->watched_free, links_name(presence), place);
}

// --- watches ---

// The watch of a session for a name. SLOT_NONE: it has none.
static uint32_t find(struct server_presence *presence, uint32_t slot, uint32_t place)
{
	uint32_t number = slot_list_first(&presence->watcher[slot].watches);
	while (number != SLOT_NONE && presence->watch[number].watched != place)
		number = slot_list_next(&presence->watch[number].of_session);
	return number;
}

// Takes a watch off the list of those who were told the same of its name.
static void unlist(struct server_presence *presence, uint32_t number)
{
	struct server_watch *watch = &presence->watch[number];
	if (!watch->is_queued) {
		slot_list_remove(&presence->watched[watch->watched].told[watch->is_told_online], links_of_name(presence), number);
		settle(presence, watch->watched);
	}
	watch->is_queued = true;
}

// The session of a watch knows its name to be as it is told now.
static void note_told(struct server_presence *presence, uint32_t number)
{
	struct server_watch *watch = &presence->watch[number];
	struct server_watched *watched = &presence->watched[watch->watched];
	unlist(presence, number);
	watch->is_queued = false;
	watch->is_told_online = watched->is_online;
	slot_list_add(&watched->told[watched->is_online], links_of_name(presence), number);
}

static void add_watch(struct server *server, uint32_t slot, uint32_t place)
{
	struct server_presence *presence = &server->presence;
	uint32_t number = slot_list_take(&presence->watch_free, links_of_session(presence));
	if (number == SLOT_NONE)
		number = presence->watch_fresh_count++;
	assert(number < server->config.watches_max);
	presence->watch[number] = (struct server_watch){.watched = place, .slot = slot, .is_queued = true};
	presence->watch_count++;
	presence->watched[place].watch_count++;
	presence->watcher[slot].watch_count++;
	server->user[server->peer[slot].user].watch_count++;
	slot_list_add(&presence->watcher[slot].watches, links_of_session(presence), number);
	note_told(presence, number);
}

// A session watches nobody any more.
static void forget_all(struct server *server, uint32_t slot)
{
	struct server_presence *presence = &server->presence;
	struct server_watcher *watcher = &presence->watcher[slot];
	uint32_t number;
	while ((number = slot_list_take(&watcher->watches, links_of_session(presence))) != SLOT_NONE) {
		const uint32_t place = presence->watch[number].watched;
		unlist(presence, number);
		slot_list_add(&presence->watch_free, links_of_session(presence), number);
		presence->watch_count--;
		server->user[server->peer[slot].user].watch_count--;
		if (--presence->watched[place].watch_count == 0)
			forget_name(server, place);
	}
	watcher->watch_count = 0;
	watcher->is_wanting = false;
}

void server_end_watching(struct server *server, uint32_t slot)
{
	struct server_presence *presence = &server->presence;
	struct server_watcher *watcher = &presence->watcher[slot];
	forget_all(server, slot);
	if (slot_is_listed(&watcher->link))
		slot_list_remove(watcher->pauses_until.us != 0 ? &presence->pausing : &presence->due, links_watcher(presence), slot);
	*watcher = (struct server_watcher){0};
}

// Whether all names of a call can be watched: counts those that the session does not watch already.
static bool has_room(struct server *server, uint32_t slot, const struct call_watch *watch)
{
	struct server_presence *presence = &server->presence;
	const struct server_user *user = &server->user[server->peer[slot].user];
	const uint32_t freed = watch->is_first ? presence->watcher[slot].watch_count : 0;
	uint32_t more = 0;
	for (uint32_t i = 0; i < watch->count; i++) {
		const struct user_entry *entry = users_find(server->users, &watch->name[i]);
		const uint32_t place = entry == NULL ? 0 : server->user[entry - server->users->user].watched;
		more += entry != NULL && (watch->is_first || place == 0 || find(presence, slot, place - 1) == SLOT_NONE);
	}
	return presence->watcher[slot].watch_count - freed + more <= CALL_WATCH_MAX &&
	       user->watch_count - freed + more <= WATCHES_PER_USER_MAX &&
	       presence->watch_count - freed + more <= server->config.watches_max;
}

void server_watch(struct server *server, const struct call_in *call, struct moment moment)
{
	struct server_presence *presence = &server->presence;
	struct call_watch watch;
	struct call_watch_ok ok;
	uint8_t body[CALL_BODY_BYTES_MAX];
	if (call_watch_decode(&watch, call->body, call->bytes) != MMS_OK) {
		server_answer_bare(server, call->slot, call->number, STATUS_BAD);
		return;
	}
	// The notice could arrive behind the answer, and be taken for the newer word.
	if (presence->watcher[call->slot].is_in_flight) {
		server->port.defer(server->port.context, call->slot, mtime_add_us(moment.now, SERVER_WATCH_RETRY_US));
		return;
	}
	if (!server_may_start(server, call, moment.now))
		return;
	if (!has_room(server, call->slot, &watch)) {
		server_answer_bare(server, call->slot, call->number, STATUS_LIMIT);
		return;
	}
	if (watch.is_first)
		forget_all(server, call->slot);
	ok.count = watch.count;
	for (uint32_t i = 0; i < watch.count; i++) {
		const struct user_entry *entry = users_find(server->users, &watch.name[i]);
		ok.presence[i] = (struct call_presence){0};
		if (entry == NULL)
			continue;
		const uint32_t place = watched_of(server, (uint32_t)(entry - server->users->user));
		const uint32_t number = find(presence, call->slot, place);
		if (number == SLOT_NONE)
			add_watch(server, call->slot, place);
		else
			note_told(presence, number);
		ok.presence[i] = presence_of(server, &presence->watched[place]);
	}
	const size_t bytes = call_watch_ok_encode(&ok, body);
	server->port.answer(server->port.context, call->slot, call->number, STATUS_OK, body, bytes);
}

// --- telling ---

// A session that has something to be told, and may be told now, is due.
static void make_due(struct server_presence *presence, uint32_t slot)
{
	struct server_watcher *watcher = &presence->watcher[slot];
	watcher->is_wanting = true;
	if (slot_is_listed(&watcher->link) || watcher->is_in_flight)
		return;
	watcher->pauses_until = (struct mtime){0};
	slot_list_add(&presence->due, links_watcher(presence), slot);
	wake(presence);
}

// The next watch whose session was told otherwise: that session will look at it. The name goes behind the others. False: there
// is none.
static bool queue_next(struct server_presence *presence)
{
	const uint32_t place = slot_list_take(&presence->telling, links_telling(presence));
	if (place == SLOT_NONE)
		return false;
	const struct server_watched *watched = &presence->watched[place];
	const uint32_t number = slot_list_first(&watched->told[!watched->is_online]);
	unlist(presence, number); // and lists the name anew, if there are more
	make_due(presence, presence->watch[number].slot);
	return true;
}

// Fills a notice with what the session was told otherwise. Returns whether there is more.
static bool fill(struct server *server, uint32_t slot, struct call_presence_notice *notice, uint32_t *numbers)
{
	struct server_presence *presence = &server->presence;
	uint32_t number = slot_list_first(&presence->watcher[slot].watches);
	notice->count = 0;
	for (; number != SLOT_NONE; number = slot_list_next(&presence->watch[number].of_session)) {
		const struct server_watch *watch = &presence->watch[number];
		const struct server_watched *watched = &presence->watched[watch->watched];
		if (watch->is_told_online == watched->is_online) {
			if (watch->is_queued)
				note_told(presence, number); // it was overtaken
			continue;
		}
		if (notice->count == CALL_PRESENCE_MAX)
			return true;
		numbers[notice->count] = number;
		notice->item[notice->count++] = (struct call_presence_item){presence_of(server, watched), watched->name};
	}
	return false;
}

// One notice on a session, if there is still something to be said. False: there is nothing.
static bool tell(struct server *server, uint32_t slot, struct mtime now)
{
	struct server_presence *presence = &server->presence;
	struct server_watcher *watcher = &presence->watcher[slot];
	struct call_presence_notice notice;
	uint32_t numbers[CALL_PRESENCE_MAX];
	uint8_t body[CALL_BODY_BYTES_MAX];
	watcher->is_wanting = fill(server, slot, &notice, numbers);
	if (notice.count == 0)
		return false;
	const size_t bytes = call_presence_encode(&notice, body);
	watcher->is_in_flight = server_make_call(server, slot, CALL_NOTICE, body, bytes, SERVER_PRESENCE_TAG);
	watcher->is_wanting = watcher->is_wanting || !watcher->is_in_flight; // no memory, or no room: in a while
	for (uint32_t i = 0; i < notice.count && watcher->is_in_flight; i++)
		note_told(presence, numbers[i]);
	watcher->pauses_until = mtime_add_us(now, SERVER_TELL_SESSION_US);
	slot_list_add(&presence->pausing, links_watcher(presence), slot);
	return true;
}

void server_presence_answered(struct server *server, uint32_t slot)
{
	struct server_watcher *watcher = &server->presence.watcher[slot];
	watcher->is_in_flight = false;
	if (watcher->is_wanting)
		make_due(&server->presence, slot);
}

static void end_pauses(struct server_presence *presence, struct mtime now)
{
	uint32_t slot;
	while ((slot = slot_list_first(&presence->pausing)) != SLOT_NONE &&
	       mtime_is_due(presence->watcher[slot].pauses_until, now)) {
		slot_list_remove(&presence->pausing, links_watcher(presence), slot);
		presence->watcher[slot].pauses_until = (struct mtime){0};
		if (presence->watcher[slot].is_wanting)
			make_due(presence, slot);
	}
}

static void end_rests(struct server_presence *presence, struct mtime now)
{
	uint32_t place;
	while ((place = slot_list_first(&presence->resting)) != SLOT_NONE &&
	       mtime_is_due(presence->watched[place].rests_until, now)) {
		slot_list_remove(&presence->resting, links_name(presence), place);
		presence->watched[place].rests_until = (struct mtime){0};
		slot_list_add(&presence->changed, links_name(presence), place);
	}
}

// Each round ends with a notice, or with one more session that pauses and has a watch queued: of these there are no more than
// CALL_WATCH_MAX times what the rate lets out in SERVER_TELL_SESSION_US.
static struct mtime tell_all(struct server *server, struct mtime now)
{
	struct server_presence *presence = &server->presence;
	for (;;) {
		while (slot_list_first(&presence->due) == SLOT_NONE)
			if (!queue_next(presence))
				return MTIME_NEVER;
		if (!bucket_take(&presence->tells, &tell_rate, now))
			return bucket_ready_at(&presence->tells, &tell_rate, now);
		if (!tell(server, slot_list_take(&presence->due, links_watcher(presence)), now))
			bucket_give(&presence->tells);
	}
}

void server_presence_tick(struct server *server, struct mtime now)
{
	struct server_presence *presence = &server->presence;
	uint32_t place;
	if (!mtime_is_due(presence->tick_at, now))
		return;
	end_rests(presence, now);
	while ((place = slot_list_take(&presence->changed, links_name(presence))) != SLOT_NONE)
		take_change(server, place, now);
	end_pauses(presence, now);
	struct mtime next = tell_all(server, now);
	if ((place = slot_list_first(&presence->resting)) != SLOT_NONE)
		next = mtime_min(next, presence->watched[place].rests_until);
	const uint32_t slot = slot_list_first(&presence->pausing);
	if (slot != SLOT_NONE)
		next = mtime_min(next, presence->watcher[slot].pauses_until);
	presence->tick_at = next;
}

// --- the users ---

void server_presence_move(struct server *server, const struct users_table *users, struct server_user *user)
{
	struct server_presence *presence = &server->presence;
	for (uint32_t i = 0; i < users->user_count; i++)
		user[i].watched = 0; // a session that ended meanwhile may have been the last to watch
	for (uint32_t place = 0; place < presence->watched_fresh_count; place++) {
		struct server_watched *watched = &presence->watched[place];
		if (watched->watch_count == 0)
			continue;
		const struct user_entry *entry = users_find(users, &watched->name);
		if (entry != NULL)
			watched->name = entry->name;
		watched->user = entry == NULL ? USERS_NO_PLACE : (uint32_t)(entry - users->user);
		if (entry != NULL)
			user[watched->user].watched = place + 1;
		look_at(presence, place);
	}
}
