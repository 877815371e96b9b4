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

static void work_done(struct server_node *node, enum server_node_work work)
{
	assert(node->work == work);
	node->work = WORK_NONE;
	node->has_news = true;
}

// What is neither done nor refused for want of room has broken the store; server_stored judges a batch by the same rule.
static void judge(struct server_node *node, enum mms_err result)
{
	if (result != MMS_OK && result != MMS_E_NOSPACE)
		server_break(&node->server);
}

// What came until now takes its effect, and due timers run: before the store's word, so that nothing is told to a session
// that is over.
static void happen(struct server_node *node, struct mtime now, struct wtime wall)
{
	node->now = now;
	if (!node->has_news)
		return;
	node->has_news = false;
	node->datagram_count = 0;
	server_node_run(node, now, wall);
}

// --- what happened ---

size_t server_node_recv(struct server_node *node, const struct addr *addr, const uint8_t *datagram, size_t bytes,
			struct mtime now, struct wtime wall, uint8_t *reply)
{
	if (node->life != LIFE_SERVING)
		return 0;
	node->now = now;
	const size_t reply_bytes = listener_recv(&node->listener, addr, datagram, bytes, now, reply);
	node->has_news = true;
	if (++node->datagram_count >= RUN_DATAGRAMS)
		happen(node, now, wall);
	return reply_bytes;
}

void server_node_stored(struct server_node *node, enum mms_err result, struct mtime now, struct wtime wall)
{
	happen(node, now, wall);
	work_done(node, WORK_APPEND);
	server_stored(&node->server, result, now);
	// At the end what found no room is refused, and not tried again.
	if (result == MMS_E_NOSPACE && node->life == LIFE_STOPPING)
		node->is_flushed = true;
}

void server_node_users_read(struct server_node *node, struct users_table *users, struct server_user *user)
{
	assert(node->is_reading);
	assert(node->fresh == NULL);
	node->is_reading = false;
	node->fresh = users;
	node->fresh_user = user;
}

void server_node_users_synced(struct server_node *node, enum mms_err result, struct mtime now, struct wtime wall)
{
	happen(node, now, wall);
	work_done(node, WORK_SYNC);
	judge(node, result);
	if (result == MMS_OK)
		server_reload(&node->server, node->fresh, node->fresh_user);
	node->fresh = NULL;
	node->fresh_user = NULL;
}

void server_node_housekept(struct server_node *node, enum mms_err result, bool has_more, struct mtime now)
{
	work_done(node, WORK_HOUSEKEEP);
	judge(node, result);
	node->housekeep_at = mtime_add_ms(now, result == MMS_OK && has_more ? HOUSEKEEP_SOON_MS : HOUSEKEEP_MS);
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
	order->batch = server_batch_take(&node->server, is_all, now);
	if (order->batch == NULL)
		return false;
	order->kind = ORDER_APPEND;
	node->work = WORK_APPEND;
	return true;
}

static bool sync_next(struct server_node *node, struct server_order *order)
{
	if (node->fresh == NULL)
		return false;
	order->kind = ORDER_SYNC_USERS;
	order->users = node->fresh;
	node->work = WORK_SYNC;
	return true;
}

static bool read_next(struct server_node *node, struct server_order *order)
{
	if (!node->is_reload_asked || node->is_reading || node->fresh != NULL || node->life != LIFE_SERVING)
		return false;
	node->is_reload_asked = false;
	node->is_reading = true;
	order->kind = ORDER_READ_USERS;
	return true;
}

static bool housekeep_next(struct server_node *node, struct mtime now, struct server_order *order)
{
	if (node->life != LIFE_SERVING || !mtime_is_due(node->housekeep_at, now))
		return false;
	order->kind = ORDER_HOUSEKEEP;
	node->work = WORK_HOUSEKEEP;
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

bool server_node_next(struct server_node *node, struct mtime now, struct wtime wall, struct server_order *order)
{
	if (node->life == LIFE_OVER)
		return false;
	happen(node, now, wall);
	if (server_is_broken(&node->server))
		return end_next(node, SERVER_BROKEN, order);
	const bool is_idle = node->work == WORK_NONE;
	if (is_idle && append_next(node, now, order))
		return true;
	if (read_next(node, order) || (is_idle && sync_next(node, order)))
		return true;
	if (node->life == LIFE_STOPPING && is_idle && !node->is_reading) {
		node->life = LIFE_PARTING;
		server_shutdown(&node->server);
	}
	if (send_next(node, now, order))
		return true;
	if (node->life == LIFE_PARTING)
		return end_next(node, SERVER_STOPPED, order);
	if (is_idle && housekeep_next(node, now, order))
		return true;
	node->has_news = true; // what happens until then begins the next turn
	return false;
}

struct mtime server_node_deadline(const struct server_node *node)
{
	if (node->life == LIFE_OVER)
		return MTIME_NEVER;
	const struct mtime due = listener_deadline(&node->listener);
	// What the store is to be ordered waits for the word of what it was ordered.
	return node->work == WORK_NONE ? mtime_min(due, mtime_min(server_deadline(&node->server), node->housekeep_at)) :
					 mtime_min(due, node->server.starved_at);
}
