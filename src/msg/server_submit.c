// SPDX-License-Identifier: ISC
// SUBMIT: one message into the batch, or the reason why not (doc/protocol.md section 6.6). The contract is in server_inside.h.
#include <assert.h>
#include <string.h>

#include "base/utf8.h"
#include "msg/server_inside.h"

// Where a sender's id stands in the table of a batch.
static uint64_t id_key(const struct server *server, int64_t sender_id, const struct uuid *id)
{
	uint8_t bytes[8 + ID_BYTES];
	memcpy(bytes, &sender_id, 8);
	memcpy(bytes + 8, id->bytes, ID_BYTES);
	return hash_table_key(server->table_secret, bytes, sizeof bytes);
}

static bool find_in_batch(const struct server_batch *batch, uint64_t key, int64_t sender_id, const struct uuid *id,
			  uint32_t *op)
{
	uint32_t cursor = 0;
	while (map_next(&batch->by_id, key, &cursor, op))
		if (batch->ops[*op].sender_id == sender_id &&
		    memcmp(batch->ops[*op].id.bytes, id->bytes, ID_BYTES) == 0)
			return true;
	return false;
}

enum repeat { REPEAT_NO, REPEAT_DONE };

// A message that waits in one of the batches already gets its verdict with it.
static enum repeat repeat_in_batches(struct server *server, uint32_t slot, uint32_t number, uint64_t key,
				     int64_t sender_id, const struct call_submit *submit,
				     const uint8_t digest[DIGEST_BYTES], struct mtime now)
{
	struct server_batch *batches[2] = {server_batch_storing(server), server_batch_filling(server)};
	for (int i = 0; i < 2; i++) {
		uint32_t op;
		if (batches[i] == NULL || !find_in_batch(batches[i], key, sender_id, &submit->id, &op))
			continue;
		if (memcmp(batches[i]->ops[op].digest, digest, DIGEST_BYTES) != 0)
			server_answer_bare(server, slot, number, STATUS_BAD);
		else if (!server_batch_wait(server, batches[i], slot, number, op))
			server->port.defer(server->port.context, slot, mtime_add_us(now, SERVER_RETRY_US));
		return REPEAT_DONE;
	}
	return REPEAT_NO;
}

// A message accepted before gets the same verdict again.
static enum repeat repeat_from_store(struct server *server, uint32_t slot, uint32_t number, int64_t sender_id,
				     const struct call_submit *submit, const uint8_t digest[DIGEST_BYTES])
{
	struct storage_accepted held;
	uint8_t body[CALL_BODY_BYTES_MAX];
	switch (server->storage.accepted_find(server->storage.context, sender_id, &submit->id, &held)) {
	case MMS_E_MISSING:
		return REPEAT_NO;
	case MMS_OK:
		break;
	default:
		server_break(server);
		return REPEAT_DONE;
	}
	if (memcmp(held.digest, digest, DIGEST_BYTES) != 0) {
		server_answer_bare(server, slot, number, STATUS_BAD);
		return REPEAT_DONE;
	}
	struct call_accepted accepted = {.was_online = held.was_online, .mark = server->mark};
	accepted.mark.commit = server->commit_durable;
	const size_t bytes = call_accepted_encode(&accepted, body);
	server->port.answer(server->port.context, slot, number, STATUS_ACCEPTED, body, bytes);
	return REPEAT_DONE;
}

static bool is_within_quota(const struct server *server, const struct server_user *user, size_t text_bytes)
{
	return user->is_usage_known && user->usage_rows < server->config.mailbox_rows_max &&
	       user->usage_bytes <= server->config.mailbox_bytes_max &&
	       server->config.mailbox_bytes_max - user->usage_bytes >= text_bytes;
}

// Whether a mailbox has room. Its usage is kept as an upper bound, since only additions are counted as they come;
// the bound is made exact when it is about to refuse.
static bool has_quota(struct server *server, uint32_t place, size_t text_bytes)
{
	struct server_user *user = &server->user[place];
	const int64_t user_id = server->users->user[place].user_id;
	if (is_within_quota(server, user, text_bytes))
		return true;
	if (server->storage.mailbox_usage(server->storage.context, user_id, &user->usage_rows, &user->usage_bytes) !=
	    MMS_OK) {
		server_break(server);
		return false;
	}
	user->usage_rows += user->pending_rows;
	user->usage_bytes += user->pending_bytes;
	user->is_usage_known = true;
	return is_within_quota(server, user, text_bytes);
}

// Whether the recipient has just taken messages that the store does not know of yet: the mailbox may have room after all.
static bool is_being_emptied(struct server *server, uint32_t place)
{
	if (server->user[place].pending_cursors > 0)
		return true;
	for (uint32_t link = server->user[place].peers; link != 0; link = server->peer[link - 1].next)
		if (server->peer[link - 1].is_cursor_dirty)
			return true;
	return false;
}

// Whether a message is to wait for that, until what had been taken when it came is stored: what is taken later is for those who
// come later, or a device that takes what another one has had already would hold up whoever writes to its user.
static bool is_room_awaited(struct server *server, uint32_t slot, uint32_t number, uint32_t place)
{
	struct server_peer *peer = &server->peer[slot];
	if (!is_being_emptied(server, place))
		return false;
	if (peer->room_number != number) {
		peer->room_number = number;
		peer->room_batch = server->stored_count + 1 + server->is_storing;
	}
	return server->stored_count < peer->room_batch;
}

void server_refuse(struct server *server, uint32_t slot, uint32_t number, const struct uuid *id, enum call_status status,
		   struct mtime now)
{
	const struct server_peer *peer = &server->peer[slot];
	server->refusal[server->refusal_count++ % SERVER_REFUSALS_MAX] = (struct server_refusal){
		peer->user_id, *id, now, peer->serial, (uint8_t)status};
	server_answer_bare(server, slot, number, status);
}

// The refusal of this message on another session after this one had begun, or NULL. On one that began later it is offered
// anew, and so it is where it was refused.
static const struct server_refusal *find_refusal(const struct server *server, uint32_t slot, int64_t sender_id,
						 const struct uuid *id, struct mtime now)
{
	const uint64_t kept = server->refusal_count < SERVER_REFUSALS_MAX ? server->refusal_count : SERVER_REFUSALS_MAX;
	for (uint64_t i = 0; i < kept; i++) {
		const struct server_refusal *refusal = &server->refusal[i];
		if (refusal->sender_id == sender_id && memcmp(refusal->id.bytes, id->bytes, ID_BYTES) == 0 &&
		    refusal->serial != server->peer[slot].serial && mtime_diff_us(now, refusal->at) < SERVER_REFUSAL_US &&
		    server->port.handshake_at(server->port.context, slot).us <= refusal->at.us)
			return refusal;
	}
	return NULL;
}

static void accept(struct server *server, uint32_t slot, uint32_t number, uint64_t key, const struct call_submit *submit,
		   uint32_t recipient, const uint8_t digest[DIGEST_BYTES], struct mtime now, struct wtime wall)
{
	struct server_batch *batch = server_batch_filling(server);
	const struct user_entry *sender = &server->users->user[server->peer[slot].user];
	struct storage_op op = {
		.kind = STORAGE_ACCEPT,
		.user_id = server->users->user[recipient].user_id,
		.row = server->mark.commit,
		.sender_id = sender->user_id,
		.sender = sender->name,
		.id = submit->id,
		.at = wall,
		.was_online = server_is_online(server, recipient, now),
		.text_bytes = (uint16_t)submit->text_bytes,
	};
	memcpy(op.digest, digest, DIGEST_BYTES);
	const uint32_t op_number = server_batch_add(server, batch, &op, recipient, submit->text);
	const enum mms_err err = map_put(&batch->by_id, key, op_number);
	assert(err == MMS_OK);
	const bool is_waiting = server_batch_wait(server, batch, slot, number, op_number);
	assert(is_waiting);
	server->mark.commit++;
	server->user[recipient].usage_rows++;
	server->user[recipient].usage_bytes += submit->text_bytes;
}

// A text of another form than UTF-8 is for the devices to understand.
static bool is_text(const struct call_submit *submit)
{
	if (submit->form == MESSAGE_UTF8)
		return utf8_is_message(submit->text, submit->text_bytes);
	return submit->text_bytes >= 1 && submit->text_bytes <= TEXT_BYTES_MAX;
}

void server_submit(struct server *server, uint32_t slot, uint32_t number, const uint8_t *body, size_t bytes,
		   struct mtime now, struct wtime wall)
{
	const uint32_t sender = server->peer[slot].user;
	struct server_batch *batch = server_batch_filling(server);
	struct call_submit submit;
	uint8_t digest[DIGEST_BYTES];
	// The rate first: a call that has to wait must not have been half done.
	if (batch->waiter_count == SERVER_WAITERS_MAX || !server_batch_has_room(batch, TEXT_BYTES_MAX)) {
		server->port.defer(server->port.context, slot, mtime_add_us(now, SERVER_RETRY_US));
		return;
	}
	if (!server_may_start(server, slot, number, CALL_SUBMIT, now))
		return;
	if (call_submit_decode(&submit, body, bytes) != MMS_OK) {
		server_answer_bare(server, slot, number, STATUS_BAD);
		return;
	}
	if (!is_text(&submit)) {
		server_answer_bare(server, slot, number, STATUS_BAD_TEXT);
		return;
	}
	const int64_t sender_id = server->users->user[sender].user_id;
	const uint64_t key = id_key(server, sender_id, &submit.id);
	hash_message(submit.kind, submit.form, &submit.recipient, submit.text, submit.text_bytes, digest);
	if (repeat_in_batches(server, slot, number, key, sender_id, &submit, digest, now) == REPEAT_DONE ||
	    repeat_from_store(server, slot, number, sender_id, &submit, digest) == REPEAT_DONE)
		return;
	const struct server_refusal *refusal = find_refusal(server, slot, sender_id, &submit.id, now);
	if (refusal != NULL) {
		server_answer_bare(server, slot, number, (enum call_status)refusal->status);
		return;
	}
	const struct user_entry *entry =
		submit.recipient.is_room ? NULL : users_find(server->users, &submit.recipient.name); // there are no rooms yet
	if (entry == NULL) {
		server_refuse(server, slot, number, &submit.id, STATUS_NO_SUCH_USER, now);
		return;
	}
	const uint32_t recipient = (uint32_t)(entry - server->users->user);
	if (!server->storage.has_room(server->storage.context)) {
		server_refuse(server, slot, number, &submit.id, STATUS_SERVER_FULL, now);
		return;
	}
	if (!has_quota(server, recipient, submit.text_bytes)) {
		if (server->is_broken)
			return;
		if (!is_room_awaited(server, slot, number, recipient)) {
			server_refuse(server, slot, number, &submit.id, STATUS_MAILBOX_FULL, now);
			return;
		}
		server->cursor_at = now; // the answer waits until the store knows
		server->port.defer(server->port.context, slot, mtime_add_us(now, SERVER_RETRY_US));
		return;
	}
	accept(server, slot, number, key, &submit, recipient, digest, now, wall);
}
