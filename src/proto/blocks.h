// SPDX-License-Identifier: ISC
// The memory of calls: two pools of fixed-size blocks in memory the caller gives, one for small bodies and one for any.
// Every call or answer that a session keeps is one block. Layer: proto, pure.
// Blocks are named by handles, 0 meaning none; a handle is valid from blocks_take to blocks_give.
//
// A block is taken for an account, and an account belongs to a part of the pools. The accounts of a part share some of its
// blocks, each up to a most of them; beside those each has blocks of its own that nobody else can take. So whoever takes all that
// can be had starves nobody: neither the other parts, nor the other accounts of its part.
//
// Beside the blocks there are windows: where one side of a session keeps what it knows of its calls while it has any. There are
// two for each session, so that nobody's calls keep one from another. And there is one piece for each session for what an address has
// to prove (proto/path.h).
#ifndef MMS_PROTO_BLOCKS_H
#define MMS_PROTO_BLOCKS_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"
#include "base/time.h"
#include "proto/slab.h"

enum {
	BLOCK_SMALL_BYTES = 208,  // body of a small block
	BLOCK_LARGE_BYTES = 1160, // body of a large one: any call or answer
	BLOCKS_PARTS_MAX = 3,
	WINDOW_BYTES = 512,
	WINDOWS_PER_SESSION = 2, // our calls' and the peer's
	PROOF_BYTES = 80,
};

enum blocks_size { BLOCKS_SMALL, BLOCKS_LARGE, BLOCKS_SIZES };

// What a block is wanted for.
enum blocks_use {
	BLOCKS_TO_WAIT, // a call that waits for another: shared blocks only, and of these a quarter of the account's most is left
	BLOCKS_TO_GO,   // a call that can start, an answer, a call of ours: what is shared, then the account's own
};

// A call, or, once it is answered, the answer: then body and status are the answer's.
struct block {
	uint32_t next; // handle of the next on its list
	uint32_t number;
	uint64_t tag;          // our calls: the caller's own value, given back with the answer
	uint64_t sent_counter; // our calls: the DATA that carried it last
	struct mtime sent_at;  // our calls: when that was
	uint32_t account;      // who it was taken for
	uint16_t body_bytes;
	uint8_t kind;
	uint8_t status;
	uint8_t send_count; // our calls: transmissions, at most 255
	uint8_t share_count; // answers: calls beside the first that have this one, too
	bool is_own;        // of the account's own blocks
	uint8_t body[];
};

// The blocks of one size in a part.
struct blocks_limits {
	uint32_t shared_count; // of all its accounts together
	uint32_t shared_most;  // of these, for one account
	uint32_t own_count;    // of each account, beside them
};

struct blocks_part {
	uint32_t account_count;
	struct blocks_limits limits[BLOCKS_SIZES];
};

struct blocks_account {
	uint32_t part;
	uint32_t shared_used[BLOCKS_SIZES];
	uint32_t own_used[BLOCKS_SIZES];
};

struct blocks {
	struct slab pool[BLOCKS_SIZES];
	struct slab windows;
	struct slab proofs;
	struct blocks_part part[BLOCKS_PARTS_MAX];
	uint32_t shared_used[BLOCKS_PARTS_MAX][BLOCKS_SIZES];
	struct blocks_account *account; // of all parts, one part after the other
	uint32_t account_count;
};

// A part of one account, with so many blocks.
struct blocks_part blocks_of_one(uint32_t small_count, uint32_t large_count);

// Bytes of memory for the blocks and accounts of `part_count` parts, and the windows and proofs of `session_count`
// sessions.
size_t blocks_memory_bytes(const struct blocks_part *parts, uint32_t part_count, uint32_t session_count);

// Pools over blocks_memory_bytes(...) bytes at `memory`, aligned for any type, kept while the pools are used. The memory
// need not be cleared. Accounts are numbered from 0 through all parts, of which there are at most BLOCKS_PARTS_MAX.
void blocks_init(struct blocks *blocks, void *memory, const struct blocks_part *parts, uint32_t part_count,
		 uint32_t session_count);

// A block for an account, with room for `body_bytes` (at most BLOCK_LARGE_BYTES), its header zero but for the account. 0: the
// account can have no more for this use now.
uint32_t blocks_take(struct blocks *blocks, uint32_t account, size_t body_bytes, enum blocks_use use);

// Whether an account has no block.
bool blocks_has_none(const struct blocks *blocks, uint32_t account);

// Blocks that are taken, of all sizes and accounts.
uint32_t blocks_used_count(const struct blocks *blocks);

// A handle is the number of a piece; this bit says that it is one of the large pool.
#define BLOCKS_LARGE_BIT (1U << 31)

static inline enum blocks_size blocks_size_of(uint32_t handle)
{
	assert(handle != 0);
	return (handle & BLOCKS_LARGE_BIT) != 0 ? BLOCKS_LARGE : BLOCKS_SMALL;
}

// The block of a handle.
static inline struct block *blocks_get(const struct blocks *blocks, uint32_t handle)
{
	return slab_get(&blocks->pool[blocks_size_of(handle)], handle & ~BLOCKS_LARGE_BIT);
}

// Bytes its body has room for.
static inline size_t blocks_room(uint32_t handle)
{
	return blocks_size_of(handle) == BLOCKS_LARGE ? BLOCK_LARGE_BYTES : BLOCK_SMALL_BYTES;
}

// Puts a block's call into `other`, another block with its body still to be written, and gives the first back.
void blocks_move(struct blocks *blocks, uint32_t handle, uint32_t other);

// The block has another user, who gives it back, too: it is free when all have, at most UINT8_MAX beside the first. It is counted
// once, for the account that it was taken for.
void blocks_share(struct blocks *blocks, uint32_t handle);

// A window, WINDOW_BYTES bytes aligned for any type, undefined; there is one for each side of each session.
void *blocks_take_window(struct blocks *blocks, uint32_t *number);

// Gives a window back.
void blocks_give_window(struct blocks *blocks, uint32_t number);

// PROOF_BYTES bytes aligned for any type, undefined; there are as many for each session.
void *blocks_take_proof(struct blocks *blocks, uint32_t *number);

// Gives them back.
void blocks_give_proof(struct blocks *blocks, uint32_t number);

// Gives a block back, or one use of a shared one.
void blocks_give(struct blocks *blocks, uint32_t handle);

// Gives back a whole list.
void blocks_give_list(struct blocks *blocks, uint32_t head);

#endif
