// SPDX-License-Identifier: ISC
// A session's birth and end, its events and its timers; the contract is in session.h.
#include "crypto/crypto.h"
#include "proto/session.h"

#include <assert.h>
#include <string.h>

void session_init(struct session *session, struct blocks *blocks, const struct session_birth *birth, struct mtime now)
{
	assert(birth->local_index != 0 && birth->remote_index != 0);
	memset(session, 0, sizeof *session);
	session->keys = *birth->keys;
	session->local_index = birth->local_index;
	session->remote_index = birth->remote_index;
	session->is_server = birth->is_server;
	session->heard_at = now;
	session->mark_at = MTIME_NEVER;
	path_init(&session->path, blocks, &birth->addr, birth->is_addr_proved, birth->addr_recv_bytes,
		  birth->addr_sent_bytes);
	caller_init(&session->caller, birth->caller_account);
	callee_init(&session->callee, birth->is_server ? CALLEE_GATE_SIGNIN : CALLEE_GATE_ALL, birth->callee_account);
	session->told_base = 1;
}

void session_set_accounts(struct session *session, uint32_t caller_account, uint32_t callee_account)
{
	session->caller.account = caller_account;
	session->callee.account = callee_account;
}

void session_close(struct session *session, struct blocks *blocks, bool keeps_calls)
{
	if (!keeps_calls)
		caller_clear(&session->caller, blocks);
	callee_close(&session->callee, blocks);
}

void session_clear(struct session *session, struct blocks *blocks)
{
	caller_clear(&session->caller, blocks);
	callee_clear(&session->callee, blocks);
	path_clear(&session->path, blocks);
	if (session->polled != 0)
		blocks_give(blocks, session->polled);
	noise_keys_clear(&session->keys);
	crypto_wipe(session, sizeof *session);
}

bool session_has_event(const struct session *session, struct mtime now)
{
	const struct callee *callee = &session->callee;
	return caller_calls(&session->caller)->done != 0 || (callee_has_next(callee) && mtime_is_due(callee_start_after(callee), now));
}

bool session_poll(struct session *session, struct blocks *blocks, struct mtime now, struct session_event *event)
{
	if (session->polled != 0)
		blocks_give(blocks, session->polled);
	session->polled = caller_poll(&session->caller, blocks);
	if (session->polled != 0) {
		const struct block *block = blocks_get(blocks, session->polled);
		*event = (struct session_event){SESSION_ANSWER, block->number,     block->kind, block->status,
						block->body,    block->body_bytes, block->tag};
		return true;
	}
	const uint32_t started = callee_poll(&session->callee, now);
	if (started == 0)
		return false;
	const struct block *block = blocks_get(blocks, started);
	*event = (struct session_event){SESSION_CALL, block->number, block->kind, 0, block->body, block->body_bytes, 0};
	return true;
}

struct mtime session_deadline(const struct session *session, struct mtime now)
{
	struct mtime deadline = path_revert_at(&session->path);
	// A call that may start already is an event, which its owner may leave for later; no time is waited for.
	if (callee_has_next(&session->callee) && !mtime_is_due(callee_start_after(&session->callee), now))
		deadline = mtime_min(deadline, callee_start_after(&session->callee));
	// What an unproved path leaves no room for waits for the path, not for time.
	if (path_allowance_bytes(&session->path) < WIRE_DATA_BYTES_MIN + WIRE_PATH_FRAME_BYTES)
		return deadline;
	if (!caller_calls(&session->caller)->is_probe_due)
		deadline = mtime_min(deadline, caller_deadline(&session->caller, now, session->heard_at));
	deadline = mtime_min(deadline, session->mark_at);
	return mtime_min(deadline, path_challenge_at(&session->path));
}

void session_tick(struct session *session, struct mtime now)
{
	path_tick(&session->path, now);
	if (!caller_calls(&session->caller)->is_probe_due &&
	    mtime_is_due(caller_deadline(&session->caller, now, session->heard_at), now))
		caller_tick(&session->caller);
}
