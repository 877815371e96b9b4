// SPDX-License-Identifier: ISC
// What the server keeps of those who speak to it over the operator's socket: types only. What happens to them is told by
// server_node_operator_..., what follows comes as orders (node/server_node.h). Layer: node.
#ifndef MMS_NODE_SERVER_OPERATOR_H
#define MMS_NODE_SERVER_OPERATOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"
#include "base/time.h"
#include "node/operator.h"
#include "store/storage.h"

// How far a connection is.
enum operator_state {
	OPERATOR_FREE = 0,
	OPERATOR_SPEAKING,  // its request comes
	OPERATOR_ASKS,      // a question is to be asked for it
	OPERATOR_ASKED,     // the store has it
	OPERATOR_QUEUED,    // its edit, or its change of a room, waits for its turn
	OPERATOR_EDITING,   // ORDER_READ_USERS was given with its edit, or the users that it made are with the store
	OPERATOR_CHANGING,  // its change of a room is in a batch
	OPERATOR_LISTING,   // the next piece of the users table is to be written
	OPERATOR_TELLS,     // a piece of the answer is to be given
	OPERATOR_TOLD,      // it was, and has not been taken yet
	OPERATOR_PARTS,     // the connection is to be ended
};

struct operator_slot {
	enum operator_state state;
	bool is_gone;     // the connection has ended; what it began goes to its end
	bool is_known;    // ADD: there was a user of the name
	bool has_devices; // USER_LIST: all were told
	bool is_last;     // the piece
	struct mtime until; // while SPEAKING or TOLD: it ends the connection
	uint64_t turn;    // while QUEUED: those that came first go first
	uint32_t generation; // USER_LIST: of the users table
	uint32_t next;    // USER_LIST: place of the next user
	uint32_t bytes;   // of the request so far, then of the piece
	struct operator_request request;
	struct storage_question question;
	struct storage_list list;
	char text[OPERATOR_CHUNK_BYTES_MAX]; // the request, then a piece of the answer
};

struct operators {
	struct operator_slot slot[OPERATORS_MAX];
	uint32_t count; // that are not free: without any, nothing here is looked at
	uint64_t turn_next;
	uint32_t editing; // whose edit is under way; OPERATORS_MAX: nobody's
	struct storage_page page; // of ROOM_LIST; one of them is asked at a time
	bool is_page_asked;
};

#endif
