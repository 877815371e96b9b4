// SPDX-License-Identifier: ISC
// The memory of calls: two pools of fixed-size blocks in memory the caller gives, one for small bodies and one for any.
// Every call or answer that a session keeps is one block. Layer: proto, pure.
// Blocks are named by handles, 0 meaning none; a handle is valid from blocks_take to blocks_give.
#ifndef MMS_PROTO_BLOCKS_H
#define MMS_PROTO_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"
#include "base/time.h"

enum {
	BLOCK_SMALL_BYTES = 208,  // body of a small block
	BLOCK_LARGE_BYTES = 1160, // body of a large one: any call or answer
};

// A call, or, once it is answered, the answer: then body and status are the answer's.
struct block {
	uint32_t next; // handle of the next on its list
	uint32_t number;
	uint64_t tag;          // our calls: the caller's own value, given back with the answer
	uint64_t sent_counter; // our calls: the DATA that carried it last
	struct mtime sent_at;  // our calls: when that was
	uint16_t body_bytes;
	uint8_t kind;
	uint8_t status;
	uint8_t send_count; // our calls: transmissions, at most 255
	uint8_t body[];
};

struct blocks_pool {
	uint8_t *memory;
	uint32_t stride_bytes;
	uint32_t capacity;
	uint32_t fresh_count; // blocks from here on were never used
	uint32_t free_head;   // index + 1
	uint32_t used_count;
};

struct blocks {
	struct blocks_pool small;
	struct blocks_pool large;
};

// Bytes of memory for `small_count` small and `large_count` large blocks.
size_t blocks_memory_bytes(uint32_t small_count, uint32_t large_count);

// Pools over blocks_memory_bytes(...) bytes at `memory`, aligned for any type, kept while the pools are used. The memory
// need not be cleared.
void blocks_init(struct blocks *blocks, void *memory, uint32_t small_count, uint32_t large_count);

// A block with room for `body_bytes` (at most BLOCK_LARGE_BYTES), its header zero. 0: that pool, and any larger, is empty.
uint32_t blocks_take(struct blocks *blocks, size_t body_bytes);

// Whether more than `quarters` quarters of a pool are taken. Who can wait leaves the rest to those whom others wait for.
bool blocks_is_used(const struct blocks *blocks, uint32_t quarters);

// The block of a handle.
struct block *blocks_get(const struct blocks *blocks, uint32_t handle);

// Bytes its body has room for.
size_t blocks_room(uint32_t handle);

// Gives a block back.
void blocks_give(struct blocks *blocks, uint32_t handle);

// Gives back a whole list.
void blocks_give_list(struct blocks *blocks, uint32_t head);

#endif
