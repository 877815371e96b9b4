// SPDX-License-Identifier: ISC
// The server's turn: what happened goes in, the next order comes out. The contract is in server_node.h; why it is a stream of
// orders, in doc/design.md ("Accepted means on disk").
#include <assert.h>

#include "node/server_node_inside.h"

enum {
	RUN_DATAGRAMS = 64, // events run at the latest after so many datagrams, so that what they hold is given back
	HOUSEKEEP_MS = 60 * 1000,
	HOUSEKEEP_SOON_MS = 100, // when there was more to do
};

// What came until now takes its effect, and due timers run: before the store's word, so that nothing is told to a session
// that is over.
static void happen(struct server_node *node, struct moment moment)
{
	node->now = moment.now;
	if (!node->has_news)
		return;
	node->has_news = false;
	node->datagram_count = 0;
	server_node_run(node, moment);
}

// --- what happened ---

size_t server_node_recv(struct server_node *node, const struct addr *addr, const uint8_t *datagram, size_t bytes,
			struct moment moment, uint8_t *reply)
{
	if (node->life != LIFE_SERVING)
		return 0;
	node->now = moment.now;
	const size_t reply_bytes = listener_recv(&node->listener, addr, datagram, bytes, moment.now, reply);
	node->has_news = true;
	if (++node->datagram_count >= RUN_DATAGRAMS)
		happen(node, moment);
	return reply_bytes;
}

void server_node_appended(struct server_node *node, uint32_t lane, const struct storage_appended *appended,
			  struct moment moment)
{
	assert(node->append_count > 0);
	happen(node, moment);
	node->append_count--;
	node->has_news = true;
	server_appended(&node->server, lane, appended, moment);
	// At the end what found no room is refused, and not tried again.
	if (!appended->is_kept && node->life == LIFE_STOPPING)
		node->is_flushed = true;
}

void server_node_answered(struct server_node *node, struct storage_question *question, struct moment moment)
{
	assert(node->ask_count > 0);
	happen(node, moment);
	node->ask_count--;
	node->has_news = true;
	if (!server_operator_answered(node, question))
		server_question_answered(&node->server, question, moment);
}

void server_node_broken(struct server_node *node)
{
	server_break(&node->server);
}

void server_node_users_read(struct server_node *node, struct users_table *users, struct server_user *user)
{
	assert(node->is_reading);
	assert(node->fresh == NULL);
	node->is_reading = false;
	node->fresh = users;
	node->fresh_user = user;
}

void server_node_users_edited(struct server_node *node, const struct users_edited *edited)
{
	server_node_users_read(node, edited->users, edited->user);
	if (edited->users == NULL)
		server_operator_edited(node, edited->status, edited->reason);
}

void server_node_users_synced(struct server_node *node, const struct users_synced *synced, struct moment moment)
{
	assert(node->is_syncing);
	happen(node, moment);
	node->is_syncing = false;
	node->has_news = true;
	server_hold_signins(&node->server, false);
	if (synced->is_kept)
		server_reload(&node->server, node->fresh, node->fresh_user, synced->removed, synced->removed_count);
	node->fresh = NULL;
	node->fresh_user = NULL;
	if (synced->is_kept)
		server_operator_edited(node, OPERATOR_DONE, NULL);
	else
		server_operator_edited(node, OPERATOR_NO_ROOM,
				       "the users file was changed, but the server's disk is full: the change comes into effect when "
				       "there is room and the server is told to read it, by kill -HUP");
}

void server_node_housekept(struct server_node *node, bool has_more, struct moment moment)
{
	assert(node->is_housekeeping);
	node->is_housekeeping = false;
	node->has_news = true;
	node->housekeep_at = mtime_add_ms(moment.now, has_more ? HOUSEKEEP_SOON_MS : HOUSEKEEP_MS);
}

void server_node_reload_asked(struct server_node *node)
{
	node->is_reload_asked = true;
}

void server_node_stop_asked(struct server_node *node)
{
	if (node->life == LIFE_SERVING)
		node->life = LIFE_STOPPING;
}

// --- what is to be done ---

static bool append_next(struct server_node *node, struct mtime now, struct server_order *order)
{
	const bool is_all = node->life == LIFE_STOPPING && !node->is_flushed;
	order->batch = server_next_batch(&node->server, is_all, now, &order->lane);
	if (order->batch == NULL)
		return false;
	order->kind = ORDER_APPEND;
	node->append_count++;
	return true;
}

// After the batches, so that an answer holds what they moved. At the end no mailbox is read: nobody would hear of it.
static bool ask_next(struct server_node *node, struct server_order *order)
{
	order->question = server_next_question(&node->server, node->life == LIFE_SERVING);
	if (order->question == NULL)
		order->question = server_operator_next_question(node);
	if (order->question == NULL)
		return false;
	order->kind = ORDER_ASK;
	node->ask_count++;
	return true;
}

static bool sync_next(struct server_node *node, struct server_order *order)
{
	if (node->fresh == NULL || node->is_syncing)
		return false;
	order->kind = ORDER_SYNC_USERS;
	order->users = node->fresh;
	node->is_syncing = true;
	server_hold_signins(&node->server, true);
	return true;
}

static bool read_next(struct server_node *node, struct server_order *order)
{
	if (node->is_reading || node->fresh != NULL || node->life != LIFE_SERVING)
		return false;
	order->edit = node->is_reload_asked ? NULL : server_operator_next_edit(node);
	if (!node->is_reload_asked && order->edit == NULL)
		return false;
	node->is_reload_asked = false;
	node->is_reading = true;
	order->slot = node->operators.editing;
	order->kind = ORDER_READ_USERS;
	return true;
}

static bool housekeep_next(struct server_node *node, struct mtime now, struct server_order *order)
{
	if (node->life != LIFE_SERVING || node->is_housekeeping || !mtime_is_due(node->housekeep_at, now))
		return false;
	order->kind = ORDER_HOUSEKEEP;
	node->is_housekeeping = true;
	return true;
}

static bool end_next(struct server_node *node, enum server_end end, struct server_order *order)
{
	node->life = LIFE_OVER;
	order->kind = ORDER_END;
	order->end = end;
	return true;
}

static bool send_next(struct server_node *node, struct mtime now, struct server_order *order)
{
	order->kind = ORDER_SEND;
	return listener_send(&node->listener, now, &order->out);
}

// Whether nothing is ordered that has not come back.
static bool is_idle(const struct server_node *node)
{
	return node->append_count == 0 && node->ask_count == 0 && !node->is_syncing && !node->is_housekeeping &&
	       !node->is_reading;
}

bool server_node_next(struct server_node *node, struct moment moment, struct server_order *order)
{
	if (node->life == LIFE_OVER)
		return false;
	happen(node, moment);
	if (server_is_broken(&node->server))
		return end_next(node, SERVER_BROKEN, order);
	server_operator_offer(node, moment);
	if (node->life != LIFE_PARTING && (append_next(node, moment.now, order) || ask_next(node, order)))
		return true;
	if (read_next(node, order) || sync_next(node, order))
		return true;
	if (server_operator_next(node, moment.now, order))
		return true;
	if (node->life == LIFE_STOPPING && is_idle(node)) {
		node->life = LIFE_PARTING;
		server_shutdown(&node->server);
	}
	if (send_next(node, moment.now, order))
		return true;
	if (node->life == LIFE_PARTING)
		return end_next(node, SERVER_STOPPED, order);
	if (housekeep_next(node, moment.now, order))
		return true;
	node->has_news = true; // what happens until then begins the next turn
	return false;
}

struct mtime server_node_deadline(const struct server_node *node)
{
	if (node->life == LIFE_OVER)
		return MTIME_NEVER;
	const struct mtime due = mtime_min(server_operator_deadline(node),
					   mtime_min(listener_deadline(&node->listener), server_deadline(&node->server)));
	const bool may_housekeep = node->life == LIFE_SERVING && !node->is_housekeeping;
	return may_housekeep ? mtime_min(due, node->housekeep_at) : due;
}
