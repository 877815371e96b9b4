// SPDX-License-Identifier: ISC
// What server_node.c, the joining of protocol and meaning, gives to server_turn.c, which decides what is done next. Layer: node.
#ifndef MMS_NODE_SERVER_NODE_INSIDE_H
#define MMS_NODE_SERVER_NODE_INSIDE_H

#include "node/server_node.h"

// Lets due timers run and every event take its effect, unless the store is broken.
void server_node_run(struct server_node *node, struct moment moment);

#endif
