// SPDX-License-Identifier: ISC
// What the files of the server's node share: server_node.c joins protocol and meaning, server_turn.c decides what is
// done next, server_operator.c hears operators, server_operator_room.c what they want of rooms. Layer: node.
#ifndef MMS_NODE_SERVER_NODE_INSIDE_H
#define MMS_NODE_SERVER_NODE_INSIDE_H

#include "node/server_node.h"

// --- server_node.c ---

// Lets due timers run and every event take its effect, unless the store is broken.
void server_node_run(struct server_node *node, struct moment moment);

// --- server_operator.c ---

void server_operator_init(struct server_node *node); // of a node that is all zeros

// The next edit to be made to the users file; it is under way then. NULL: none, or one is.
const struct operator_request *server_operator_next_edit(struct server_node *node);

// It was made, and its users are not in effect: or they are, as they are since the store has them.
void server_operator_edited(struct server_node *node, int status, const char *reason);

// The next question for an operator. NULL: none.
struct storage_question *server_operator_next_question(struct server_node *node);

// Whether it is one of those. If so, its answer is there.
bool server_operator_answered(struct server_node *node, struct storage_question *question);

// The next order that is for operators alone. False: none.
bool server_operator_next(struct server_node *node, struct mtime now, struct server_order *order);

// When that is to be asked though nothing happened.
struct mtime server_operator_deadline(const struct server_node *node);

// The connection of a place. Must: it is not free.
struct operator_slot *server_operator_slot(struct server_node *node, uint32_t slot);

// Ends an answer, behind the `used` bytes of facts in the slot's text; of who is gone, frees the place.
void server_operator_end(struct server_node *node, struct operator_slot *slot, size_t used, int status, const char *reason);

// Of those whose turn is to come the one that came first: of changes of rooms, or of edits. NULL: there is none.
struct operator_slot *server_operator_first(struct server_node *node, bool is_of_rooms);

// --- server_operator_room.c ---

// A list of rooms, or of a room's members, was asked for.
void server_operator_list_rooms(struct server_node *node, struct operator_slot *slot);

// The page of one is there.
void server_operator_rooms_known(struct server_node *node, struct operator_slot *slot);

// Puts the changes of rooms whose turn has come into a batch, as many as have room. Must: before batches are asked for.
void server_operator_offer(struct server_node *node, struct moment moment);

// What became of the change of a connection.
void server_operator_changed(struct server_node *node, uint32_t place, const struct storage_result *result);

#endif
