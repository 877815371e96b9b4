// SPDX-License-Identifier: ISC
// A profile's store in a world (world.h): what its script (client_script.c) and its check (client_check.c) share.
#ifndef MMS_TEST_CLIENT_WORLD_H
#define MMS_TEST_CLIENT_WORLD_H

#include "client_model.h"
#include "draw.h"
#include "store/client_store.h"
#include "world.h"

struct client_world {
	struct world world; // first
	struct client_store *store;
	struct client_batch batch; // what gathers
	enum client_result expected[CLIENT_BATCH_OPS_MAX];
	struct client_appended appended;
	struct client_answer answer;

	struct client_model now;  // what the store said is durable
	struct client_model next; // with what has gathered, or with the operation that failed
	bool has_next;            // nobody knows yet whether `next` or `now`

	int64_t clock_ms;
	uint32_t serial_next; // of messages, also of those that failed
};

// What the identity is made of.
void client_world_identity(struct client_store_identity *identity);

// Compares the store with the model, and settles what became of an operation that failed.
void client_world_check(struct world *world);

#endif
