// SPDX-License-Identifier: ISC
// SIGNIN: who may come in, by key, invite or claim; what the answer says; who has to make room (doc/protocol.md sections
// 6.2 to 6.4). The contract is in server_inside.h.
#include <assert.h>
#include <string.h>

#include "crypto/crypto.h"
#include "msg/server_inside.h"

// What a request showed about itself.
struct request {
	struct call_signin signin;
	const uint8_t *peer_key;
	const uint8_t *handshake_hash;
	struct fingerprint fingerprint;
	struct user_entry *entry;         // NULL: no such user
	const struct user_invite *invite; // whose code was shown; NULL: none
	struct storage_device device;
	bool has_device; // the key is enrolled for this user
	bool is_foreign; // it is enrolled for another one
};

static void refuse(struct server *server, uint32_t slot, uint32_t number, enum call_status status)
{
	server_answer_bare(server, slot, number, status);
	server_dismiss(server, slot, 0);
}

// The user's invite whose code was shown. As much work when there is none, so that time tells nothing about names.
static const struct user_invite *find_invite(const struct server *server, const struct request *request)
{
	static const struct user_invite none;
	const struct user_invite *shown = NULL;
	const uint32_t count = request->entry == NULL ? 0 : request->entry->invite_count;
	for (uint32_t i = 0; i < INVITES_PER_USER_MAX; i++) {
		const struct user_invite *invite =
			i < count ? &server->users->invite[request->entry->invite_first + i] : &none;
		uint8_t proof[INVITE_PROOF_BYTES];
		hash_invite_proof(invite->hash, request->handshake_hash, INVITE_DEVICE, proof);
		const bool is_equal = crypto_is_equal(proof, request->signin.proof, sizeof proof);
		if (is_equal && invite != &none && request->signin.has_proof)
			shown = invite;
	}
	return shown;
}

// Learns all about a request. False: the storage failed.
static bool examine(struct server *server, uint32_t slot, const struct call_signin *signin, struct request *request)
{
	memset(request, 0, sizeof *request);
	request->signin = *signin;
	server->port.identity(server->port.context, slot, &request->peer_key, &request->handshake_hash);
	request->fingerprint = hash_fingerprint(request->peer_key);
	request->entry = users_find(server->users, &signin->name);
	request->invite = find_invite(server, request);
	const enum mms_err err =
		server->storage.device_find(server->storage.context, request->peer_key, &request->device);
	request->has_device =
		err == MMS_OK && request->entry != NULL && request->device.user_id == request->entry->user_id;
	request->is_foreign = err == MMS_OK && !request->has_device;
	return err == MMS_OK || err == MMS_E_MISSING;
}

// Whether an enrolment of this user, of this key or with this invite is in a batch.
static bool is_in_batch(const struct server_batch *batch, const struct request *request)
{
	uint32_t left = batch == NULL ? 0 : batch->enrol_count;
	for (uint32_t i = 0; left > 0; i++) {
		const struct storage_op *op = &batch->ops[i];
		if (op->kind != STORAGE_ENROLL)
			continue;
		left--;
		if (op->user_id == request->entry->user_id ||
		    memcmp(op->key, request->peer_key, STORAGE_KEY_BYTES) == 0 ||
		    (request->invite != NULL && op->has_invite &&
		     memcmp(op->invite_hash, request->invite->hash, STORAGE_KEY_BYTES) == 0))
			return true;
	}
	return false;
}

static bool is_enrolment_pending(struct server *server, const struct request *request)
{
	return is_in_batch(server_batch_storing(server), request) || is_in_batch(server_batch_filling(server), request);
}

// Whether a key that is not enrolled may become a device of this user now: by an unspent invite, or by a claim.
static bool may_enrol(struct server *server, const struct request *request, struct wtime wall)
{
	uint32_t count;
	bool is_spent = false;
	const int64_t user_id = request->entry == NULL ? 0 : request->entry->user_id; // as much work for no user
	if (server->storage.device_count(server->storage.context, user_id, &count) != MMS_OK) {
		server_break(server);
		return false;
	}
	if (request->entry == NULL || request->is_foreign || count >= DEVICES_PER_USER_MAX ||
	    users_is_revoked(server->users, request->entry, &request->fingerprint))
		return false;
	if (request->invite != NULL) {
		if (server->storage.invite_is_spent(server->storage.context, request->invite->hash, &is_spent) !=
		    MMS_OK) {
			server_break(server);
			return false;
		}
		return !is_spent && request->invite->expires_at.ms > wall.ms;
	}
	// Who shows a proof wants the server's, and could not tell this one from an impostor: a wrong one claims nothing.
	return !request->signin.has_proof && server->config.may_claim && users_is_plain(request->entry) && count == 0;
}

static void enrol(struct server *server, uint32_t slot, uint32_t number, const struct request *request,
		  struct mtime now, struct wtime wall)
{
	struct server_batch *batch = server_batch_filling(server);
	if (!server_batch_has_room(batch, 0) || batch->waiter_count == SERVER_WAITERS_MAX) {
		server->peer[slot].state = PEER_NONE; // the call starts again
		server->port.defer(server->port.context, slot, mtime_add_us(now, SERVER_RETRY_US));
		return;
	}
	struct storage_op op = {
		.kind = STORAGE_ENROLL,
		.user_id = request->entry->user_id,
		.at = wall,
		.has_invite = request->invite != NULL,
	};
	memcpy(op.key, request->peer_key, sizeof op.key);
	memcpy(op.fingerprint, request->fingerprint.bytes, sizeof op.fingerprint);
	if (op.has_invite)
		memcpy(op.invite_hash, request->invite->hash, sizeof op.invite_hash);
	const uint32_t user = (uint32_t)(request->entry - server->users->user);
	const uint32_t op_number = server_batch_add(server, batch, &op, user, NULL);
	const bool is_waiting = server_batch_wait(server, batch, slot, number, op_number);
	assert(is_waiting);
	server->peer[slot].state = PEER_JOINING;
	server->peer[slot].signin = request->signin;
	server->peer[slot].signin_number = number;
}

// Whether a receiving session of the device began later than this one, whose SIGNIN was held up on its way. It keeps its
// place, or a process that is gone could turn out the one its user started after it.
static bool is_outdated(const struct server *server, uint32_t slot, uint32_t user, int64_t device_id)
{
	const struct mtime began_at = server->port.handshake_at(server->port.context, slot);
	for (uint32_t link = server->user[user].peers; link != 0; link = server->peer[link - 1].next) {
		const struct server_peer *peer = &server->peer[link - 1];
		if (peer->device_id == device_id && peer->is_receiving &&
		    server->port.handshake_at(server->port.context, link - 1).us > began_at.us)
			return true;
	}
	return false;
}

// Makes room for a new session of the device: one that receives, SENDING_PER_DEVICE_MAX that only send.
static void displace(struct server *server, uint32_t user, int64_t device_id, bool is_receiving)
{
	uint32_t sending_count = 0;
	uint32_t oldest = 0;
	struct mtime oldest_at = MTIME_NEVER;
	for (uint32_t link = server->user[user].peers; link != 0;) {
		const uint32_t slot = link - 1;
		const struct server_peer *peer = &server->peer[slot];
		link = peer->next;
		if (peer->device_id != device_id || peer->is_receiving != is_receiving)
			continue;
		if (is_receiving) {
			server_dismiss(server, slot, NOTICE_REPLACED);
			continue;
		}
		sending_count++;
		const struct mtime heard_at = server->port.heard_at(server->port.context, slot);
		if (heard_at.us < oldest_at.us) {
			oldest = slot + 1;
			oldest_at = heard_at;
		}
	}
	if (sending_count >= SENDING_PER_DEVICE_MAX)
		server_dismiss(server, oldest - 1, NOTICE_REPLACED);
}

static bool is_zero(const uint8_t *bytes, size_t count)
{
	uint8_t any = 0;
	for (size_t i = 0; i < count; i++)
		any |= bytes[i];
	return any == 0;
}

// Whether the device was promised something that this store does not know (section 6.4). False on errors as well: then `server` is broken.
static bool is_reoffer_wanted(struct server *server, const struct storage_mark *mark)
{
	bool is_known = true;
	if (is_zero(mark->start_id, sizeof mark->start_id))
		return false;
	if (memcmp(mark->start_id, server->mark.start_id, sizeof mark->start_id) == 0)
		return mark->commit > server->commit_durable;
	if (server->storage.mark_is_known(server->storage.context, mark, &is_known) != MMS_OK)
		server_break(server);
	return !is_known;
}

// The notice of a gap has the same id every time it is given.
static struct uuid gap_id(const struct storage_device *device)
{
	uint8_t bytes[16];
	uint8_t hash[32];
	struct uuid id;
	struct writer writer = writer_of(bytes, sizeof bytes);
	const bool fits = write_u64(&writer, (uint64_t)device->device_id) && write_u64(&writer, device->gap_row);
	assert(fits);
	hash_bytes_256(bytes, sizeof bytes, hash);
	memcpy(id.bytes, hash, sizeof id.bytes);
	return id;
}

// The device's cursor may have moved further than the store knows by now: what it has is not announced as waiting again.
static void follow_cursor(struct server *server, uint32_t user, struct storage_device *device)
{
	const struct server_batch *batches[2] = {server_batch_storing(server), server_batch_filling(server)};
	for (int i = 0; i < 2 && server->user[user].pending_cursors > 0; i++)
		for (uint32_t op = 0; batches[i] != NULL && op < batches[i]->op_count; op++)
			if (batches[i]->ops[op].kind == STORAGE_CURSOR &&
			    batches[i]->ops[op].device_id == device->device_id && batches[i]->ops[op].row > device->cursor)
				device->cursor = batches[i]->ops[op].row;
	for (uint32_t link = server->user[user].peers; link != 0; link = server->peer[link - 1].next)
		if (server->peer[link - 1].device_id == device->device_id && server->peer[link - 1].cursor > device->cursor)
			device->cursor = server->peer[link - 1].cursor;
}

static void begin_receiving(struct server *server, uint32_t slot, const struct storage_device *device,
			    struct mtime now)
{
	struct server_peer *peer = &server->peer[slot];
	peer->is_receiving = true;
	peer->cursor = device->cursor;
	peer->row_sent = device->cursor;
	peer->has_backlog = true;
	peer->gap_row = device->gap_row;
	if (device->gap_count > 0) {
		const struct call_notice gap = {.what = NOTICE_GAP, .id = gap_id(device), .count = device->gap_count};
		server_notice(server, slot, &gap, device->gap_row);
	}
	server_fill(server, slot, now);
}

static void grant(struct server *server, uint32_t slot, uint32_t number, struct request *request, struct mtime now)
{
	struct server_peer *peer = &server->peer[slot];
	uint8_t body[CALL_BODY_BYTES_MAX];
	uint64_t rows;
	const uint32_t user = (uint32_t)(request->entry - server->users->user);
	struct call_signin_ok ok = {.has_proof = request->invite != NULL, .mark = server->mark, .name = request->entry->name};
	ok.mark.commit = server->commit_durable;
	follow_cursor(server, user, &request->device);
	if (server->storage.mailbox_waiting(server->storage.context, &request->device, request->device.cursor, &rows) !=
	    MMS_OK) {
		server_break(server);
		return;
	}
	ok.waiting_count = rows > UINT32_MAX ? UINT32_MAX : (uint32_t)rows;
	ok.is_reoffer_wanted = is_reoffer_wanted(server, &request->signin.mark);
	if (server->is_broken)
		return;
	if (ok.has_proof)
		hash_invite_proof(request->invite->hash, request->handshake_hash, INVITE_SERVER, ok.proof);

	const bool is_late = request->signin.is_receiving && is_outdated(server, slot, user, request->device.device_id);
	if (!is_late)
		displace(server, user, request->device.device_id, request->signin.is_receiving);
	peer->state = PEER_SIGNED_IN;
	peer->user = user;
	peer->user_id = request->entry->user_id;
	peer->device_id = request->device.device_id;
	peer->next = server->user[user].peers;
	server->user[user].peers = slot + 1;
	const size_t bytes = call_signin_ok_encode(&ok, body);
	server->port.answer(server->port.context, slot, number, STATUS_OK, body, bytes);
	server->port.signed_in(server->port.context, slot, (uint64_t)server->users->user[user].user_id);
	if (is_late)
		server_dismiss(server, slot, NOTICE_REPLACED);
	else if (request->signin.is_receiving)
		begin_receiving(server, slot, &request->device, now);
}

void server_signin(struct server *server, uint32_t slot, uint32_t number, const uint8_t *body, size_t bytes,
		   struct mtime now, struct wtime wall)
{
	struct call_signin signin;
	struct request request;
	if (call_signin_decode(&signin, body, bytes) != MMS_OK) {
		refuse(server, slot, number, STATUS_BAD);
		return;
	}
	if (!examine(server, slot, &signin, &request)) {
		server_break(server);
		return;
	}
	if (request.has_device && !users_is_revoked(server->users, request.entry, &request.fingerprint)) {
		grant(server, slot, number, &request, now);
		return;
	}
	// None of a user, a key and an invite is given twice within a batch: this starts anew when the other is through.
	if (request.entry != NULL && is_enrolment_pending(server, &request)) {
		enum { ENROLMENT_RETRY_MS = 20 };
		server->peer[slot].state = PEER_NONE;
		server->port.defer(server->port.context, slot, mtime_add_ms(now, ENROLMENT_RETRY_MS));
		return;
	}
	const bool may_join = may_enrol(server, &request, wall) && !request.has_device;
	if (server->is_broken)
		return;
	if (may_join)
		enrol(server, slot, number, &request, now, wall);
	else
		refuse(server, slot, number, STATUS_NOT_AUTHORIZED);
}

void server_joined(struct server *server, uint32_t slot, bool is_enrolled, struct mtime now)
{
	struct server_peer *peer = &server->peer[slot];
	struct request request;
	if (peer->state != PEER_JOINING)
		return;
	if (!is_enrolled) {
		refuse(server, slot, peer->signin_number, STATUS_SERVER_FULL);
		return;
	}
	if (!examine(server, slot, &peer->signin, &request)) {
		server_break(server);
		return;
	}
	if (!request.has_device || users_is_revoked(server->users, request.entry, &request.fingerprint)) {
		refuse(server, slot, peer->signin_number, STATUS_NOT_AUTHORIZED); // removed in the meantime
		return;
	}
	server->port.enrolled(server->port.context, &request.entry->name, &request.fingerprint);
	grant(server, slot, peer->signin_number, &request, now);
}
