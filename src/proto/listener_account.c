// SPDX-License-Identifier: ISC
// Whose memory a session's calls take: one account for all who have not signed in, then one for each user with a session, and
// as many again for the server's own calls to them. The contract is in listener.h.
#include <assert.h>

#include "proto/listener.h"

enum { PART_STRANGERS, PART_USERS, PART_SERVER };

void listener_parts(const struct listener_config *config, struct blocks_part *parts)
{
	const uint32_t sessions = config->sessions_max;
	const uint32_t small = config->blocks_small_max;
	const uint32_t large = config->blocks_large_max;
	const struct blocks_limits small_shares = {small, small / ACCOUNT_SHARE, ACCOUNT_SMALL_OWN};
	const struct blocks_limits large_shares = {large, large / ACCOUNT_SHARE, ACCOUNT_LARGE_OWN};
	parts[PART_STRANGERS] = (struct blocks_part){
		.account_count = 1,
		// Each stranger's SIGNIN finds a block, whatever the others send behind theirs.
		.limits = {{STRANGERS_SMALL_MAX, STRANGERS_SMALL_MAX, sessions},
			   {STRANGERS_LARGE_MAX, STRANGERS_LARGE_MAX, 0}},
	};
	parts[PART_USERS] = (struct blocks_part){sessions, {small_shares, large_shares}};
	parts[PART_SERVER] = (struct blocks_part){sessions + 1, {small_shares, large_shares}};
}

static uint32_t callee_account(uint32_t account)
{
	return 1 + account;
}

static uint32_t caller_account(const struct listener *listener, uint32_t account)
{
	return 1 + listener->sessions_max + account;
}

void listener_accounts_of_strangers(const struct listener *listener, struct session_birth *birth)
{
	birth->callee_account = 0;
	birth->caller_account = caller_account(listener, listener->sessions_max);
}

// An account for an owner who has none. There is one: an account has at least one session.
static uint32_t open_account(struct listener *listener, uint64_t owner)
{
	uint32_t account = listener->account_fresh_count;
	if (listener->account_free != 0) {
		account = listener->account_free - 1;
		listener->account_free = listener->account[account].free_next;
	} else {
		listener->account_fresh_count++;
	}
	assert(account < listener->sessions_max);
	listener->account[account] = (struct listener_account){.owner = owner};
	const enum mms_err err = map_put(&listener->by_owner, owner, account);
	assert(err == MMS_OK);
	return account;
}

// The account of an owner. False: it has none.
static bool find_account(const struct listener *listener, uint64_t owner, uint32_t *account)
{
	uint32_t cursor = 0;
	while (map_next(&listener->by_owner, owner, &cursor, account))
		if (listener->account[*account].owner == owner)
			return true;
	return false;
}

void listener_join_account(struct listener *listener, uint32_t slot, uint64_t owner)
{
	struct listener_slot *entry = &listener->slot[slot];
	uint32_t account;
	assert(entry->account == 0);
	if (!find_account(listener, owner, &account))
		account = open_account(listener, owner);
	listener->account[account].session_count++;
	entry->account = account + 1;
	session_set_accounts(&entry->session, caller_account(listener, account), callee_account(account));
}

void listener_leave_account(struct listener *listener, uint32_t slot)
{
	struct listener_slot *entry = &listener->slot[slot];
	if (entry->account == 0)
		return;
	const uint32_t account = entry->account - 1;
	struct listener_account *left = &listener->account[account];
	entry->account = 0;
	if (--left->session_count > 0)
		return;
	assert(blocks_has_none(&listener->blocks, callee_account(account)));
	assert(blocks_has_none(&listener->blocks, caller_account(listener, account)));
	const bool was_there = map_remove(&listener->by_owner, left->owner, account);
	assert(was_there);
	left->free_next = listener->account_free;
	listener->account_free = account + 1;
}
