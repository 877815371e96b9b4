// SPDX-License-Identifier: ISC
// The operator's socket of a server that runs: connections in, bytes to and from the node, which says what follows
// (node/server_node.h). Layer: cmd. Nothing here waits.
#ifndef MMS_CMD_OPERATOR_SERVE_H
#define MMS_CMD_OPERATOR_SERVE_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/limits.h"
#include "node/server_node.h"

enum { OPERATOR_SERVE_FDS = 1 + OPERATORS_MAX };

// Places are the node's slots.
struct operator_serve {
	bool is_open;
	int listener;
	const char *folder;
	struct operator_client {
		bool is_there;
		bool is_ended; // it says nothing more
		int fd;
		uid_t user;
		const char *told; // what is still to be given
		size_t told_bytes; // 0: nothing
	} client[OPERATORS_MAX];
};

// Listens in the data directory `folder`, which is kept. Errors as local_listen. On error it is closed.
enum mms_err operator_serve_open(struct operator_serve *serve, const char *folder, struct reason *why) MUST_CHECK;

// What to poll for. While the node has no room, who comes waits.
void operator_serve_poll(const struct operator_serve *serve, const struct server_node *node,
			 struct pollfd polled[OPERATOR_SERVE_FDS]);

// Takes what poll(2) has found: who came, what they said, what they can take.
void operator_serve_take(struct operator_serve *serve, const struct pollfd polled[OPERATOR_SERVE_FDS],
			 struct server_node *node, struct moment moment);

// Carries out ORDER_TELL and ORDER_PART.
void operator_serve_tell(struct operator_serve *serve, struct server_node *node, const struct server_order *order);
void operator_serve_part(struct operator_serve *serve, uint32_t slot); // see operator_serve_tell

// Writes into the log what an operator asks for, and which user of this machine that is. `context` is a struct operator_serve.
void operator_serve_log(void *context, uint32_t slot, const struct operator_request *request);

// Ends all connections and removes the socket. Closed: nothing happens.
void operator_serve_close(struct operator_serve *serve);

#endif
