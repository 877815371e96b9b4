// SPDX-License-Identifier: ISC
// The server's store in a world (world.h): what its script (server_script.c) and its check (server_check.c) share.
#ifndef MMS_TEST_SERVER_WORLD_H
#define MMS_TEST_SERVER_WORLD_H

#include "draw.h"
#include "server_model.h"
#include "store/server_store.h"
#include "world.h"

struct server_world {
	struct world world; // first
	struct server_store *store;
	struct server_storage storage;

	struct server_model now;  // what the store said is durable
	struct server_model next; // with the operation that failed
	bool has_next;            // nobody knows yet whether `next` or `now`

	int64_t clock_ms;
	uint32_t serial_next; // of messages and starts, also of those that failed
	uint64_t expired_row; // where housekeeping of the open store stands
};

// What start `serial` and device `key` are made of.
void server_world_start_id(uint32_t serial, uint8_t start_id[STORAGE_START_ID_BYTES]);
void server_world_key(unsigned key, uint8_t bytes[STORAGE_KEY_BYTES]);

// Compares the store with the model, and settles what became of an operation that failed.
void server_world_check(struct world *world);

#endif
