// SPDX-License-Identifier: ISC
// The operator's socket; the contract is in operator_serve.h.
#include "cmd/operator_serve.h"

#include <assert.h>
#include <stdio.h>
#include <unistd.h>

#include "cmd/data.h"
#include "cmd/exit.h"
#include "os/local.h"
#include "os/log.h"

static_assert((int)OPERATOR_DONE == EXIT_DONE && (int)OPERATOR_BAD == EXIT_USAGE && (int)OPERATOR_NO_USER == EXIT_NO_USER &&
		      (int)OPERATOR_STOPPING == EXIT_UNREACHABLE && (int)OPERATOR_NO_ROOM == EXIT_CANT_CREATE &&
		      (int)OPERATOR_CHANGED == EXIT_LATER,
	      "the answer's status is the command's");

enum mms_err operator_serve_open(struct operator_serve *serve, const char *folder, struct reason *why)
{
	int listener;
	assert(!serve->is_open);
	const enum mms_err err = local_listen(folder, DATA_SOCKET, &listener, why);
	if (err == MMS_OK)
		*serve = (struct operator_serve){.is_open = true, .listener = listener, .folder = folder};
	return err;
}

void operator_serve_poll(const struct operator_serve *serve, const struct server_node *node,
			 struct pollfd polled[OPERATOR_SERVE_FDS])
{
	polled[0] = (struct pollfd){server_node_operator_has_room(node) ? serve->listener : -1, POLLIN, 0};
	for (uint32_t i = 0; i < OPERATORS_MAX; i++) {
		const struct operator_client *client = &serve->client[i];
		const int events = (client->is_ended ? 0 : POLLIN) | (client->told_bytes > 0 ? POLLOUT : 0);
		polled[1 + i] = (struct pollfd){client->is_there ? client->fd : -1, (short)events, 0};
	}
}

static void welcome(struct operator_serve *serve, struct server_node *node, struct moment moment)
{
	int fd;
	uid_t user;
	while (server_node_operator_has_room(node) && local_accept(serve->listener, &fd, &user)) {
		const uint32_t slot = server_node_operator_came(node, moment);
		assert(!serve->client[slot].is_there);
		serve->client[slot] = (struct operator_client){.is_there = true, .fd = fd, .user = user};
	}
}

void operator_serve_part(struct operator_serve *serve, uint32_t slot)
{
	struct operator_client *client = &serve->client[slot];
	assert(client->is_there);
	close(client->fd);
	*client = (struct operator_client){0};
}

static void leave(struct operator_serve *serve, struct server_node *node, uint32_t slot)
{
	operator_serve_part(serve, slot);
	server_node_operator_left(node, slot);
}

// Gives what can be taken now.
static void give(struct operator_serve *serve, struct server_node *node, uint32_t slot)
{
	struct operator_client *client = &serve->client[slot];
	const ssize_t sent = local_send(client->fd, client->told, client->told_bytes);
	if (sent < 0) {
		leave(serve, node, slot);
		return;
	}
	client->told += sent;
	client->told_bytes -= (size_t)sent;
	if (client->told_bytes == 0)
		server_node_operator_told(node, slot);
}

static void hear(struct operator_serve *serve, struct server_node *node, uint32_t slot, struct moment moment)
{
	char data[OPERATOR_REQUEST_BYTES_MAX];
	struct operator_client *client = &serve->client[slot];
	const ssize_t got = local_recv(client->fd, data, sizeof data);
	if (got < 0) {
		client->is_ended = true;
		server_node_operator_ended(node, slot);
	} else if (got > 0) {
		server_node_operator_said(node, slot, data, (size_t)got, moment);
	}
}

void operator_serve_take(struct operator_serve *serve, const struct pollfd polled[OPERATOR_SERVE_FDS],
			 struct server_node *node, struct moment moment)
{
	for (uint32_t i = 0; i < OPERATORS_MAX; i++) {
		const int found = polled[1 + i].revents;
		if ((found & POLLIN) != 0)
			hear(serve, node, i, moment);
		if ((found & POLLOUT) != 0)
			give(serve, node, i);
		else if ((found & (POLLHUP | POLLERR)) != 0 && (found & POLLIN) == 0)
			leave(serve, node, i);
	}
	if (polled[0].revents != 0)
		welcome(serve, node, moment);
}

void operator_serve_tell(struct operator_serve *serve, struct server_node *node, const struct server_order *order)
{
	struct operator_client *client = &serve->client[order->slot];
	assert(client->is_there && client->told_bytes == 0);
	client->told = order->told;
	client->told_bytes = order->told_bytes;
	give(serve, node, order->slot);
}

void operator_serve_log(void *context, uint32_t slot, const struct operator_request *request)
{
	const struct operator_serve *serve = context;
	char room[1 + NAME_BUFFER_BYTES + 2] = "";
	const struct name *name = request->verb == OPERATOR_ROOM_RENAME ? &request->to : &request->name;
	if (operator_verb_is_of_rooms(request->verb))
		snprintf(room, sizeof room, "#%s%s", request->room.text, name->text[0] == 0 ? "" : ": ");
	log_info("the operator with user id %u asks for \"%s\" of %s%s", (unsigned)serve->client[slot].user,
		 operator_verb_word(request->verb), room, name->text);
}

void operator_serve_close(struct operator_serve *serve)
{
	if (!serve->is_open)
		return;
	for (uint32_t i = 0; i < OPERATORS_MAX; i++)
		if (serve->client[i].is_there)
			operator_serve_part(serve, i);
	close(serve->listener);
	local_remove(serve->folder, DATA_SOCKET);
	*serve = (struct operator_serve){0};
}
