// SPDX-License-Identifier: ISC
// WHO, and another users table in place of the one before (doc/protocol.md section 6.5). The contract is in server.h.
#include <assert.h>

#include "msg/server_inside.h"

void server_who(struct server *server, const struct call_in *call, struct moment moment)
{
	struct server_peer *peer = &server->peer[call->slot];
	struct call_who who;
	uint8_t page[CALL_BODY_BYTES_MAX];
	if (call_who_decode(&who, call->body, call->bytes) != MMS_OK) {
		server_answer_bare(server, call->slot, call->number, STATUS_BAD);
		return;
	}
	const bool goes_on = who.first != 0 && who.generation == server->generation && peer->who_next == who.first;
	if (!goes_on && !server_may_start(server, call, moment.now))
		return;
	const uint32_t first = goes_on ? who.first : 0;
	const uint32_t total_count = server->users->user_count;
	uint32_t next = first;
	struct writer writer = writer_of(page, sizeof page);
	call_who_page_begin(&writer, server->generation, total_count, first);
	while (next < total_count && call_who_page_add(&writer, &server->users->user[next].name,
						       server->user[next].online_count > 0))
		next++;
	peer->who_next = next;
	const size_t page_bytes = call_who_page_end(&writer, (uint16_t)(next - first));
	server->port.answer(server->port.context, call->slot, call->number, STATUS_OK, page, page_bytes);
}

static bool is_among(const int64_t *ascending, size_t count, int64_t id)
{
	size_t first = 0;
	while (count > 0) {
		const size_t half = count / 2;
		if (ascending[first + half] == id)
			return true;
		if (ascending[first + half] < id) {
			first += half + 1;
			count -= half + 1;
		} else {
			count = half;
		}
	}
	return false;
}

// Shuts out the peers of a user that is gone, or of its devices that are.
static void shut_out(struct server *server, const struct server_user *user, bool is_gone, const int64_t *removed,
		     size_t removed_count)
{
	uint32_t slot = slot_list_first(&user->peers);
	while (slot != SLOT_NONE) {
		const uint32_t next = slot_list_next(&server->peer[slot].of_user);
		if (is_gone || is_among(removed, removed_count, server->peer[slot].device_id))
			server_dismiss(server, slot, NOTICE_REMOVED);
		slot = next;
	}
}

void server_hold_signins(struct server *server, bool holds)
{
	server->holds_signins = holds;
}

void server_reload(struct server *server, struct users_table *users, struct server_user *user, const int64_t *removed,
		   size_t removed_count)
{
	for (uint32_t i = 0; i < server->users->user_count; i++) {
		const uint32_t place = users_place(users, &server->users->user[i]);
		shut_out(server, &server->user[i], place == USERS_NO_PLACE, removed, removed_count);
		if (place == USERS_NO_PLACE)
			continue;
		user[place] = server->user[i];
		for (uint32_t slot = slot_list_first(&user[place].peers); slot != SLOT_NONE;
		     slot = slot_list_next(&server->peer[slot].of_user)) {
			server->peer[slot].user = place;
			server->peer[slot].who_next = 0; // a list that was begun is begun again
		}
	}
	server_presence_move(server, users, user);
	users_index(users);
	server->users = users;
	server->user = user;
	server->generation++;
}
