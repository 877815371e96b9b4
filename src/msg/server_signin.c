// SPDX-License-Identifier: ISC
// SIGNIN: who may come in, by key, invite or claim; what the answer says; who has to make room (doc/protocol.md sections
// 6.2 to 6.4). A record goes with it: question, answer, perhaps ENROLL and the question again, verdict. Whatever changed
// meanwhile, the users or the session itself, is looked at anew at each step. The contract is in server_inside.h.
#include <assert.h>
#include <string.h>

#include "base/bytes.h"
#include "crypto/crypto.h"
#include "msg/server_inside.h"

static struct slot_links links_joining(struct server *server)
{
	return SLOT_LINKS(server->joining, link);
}

static bool take_record(struct server *server, uint32_t *number)
{
	*number = slot_list_take(&server->joining_free, links_joining(server));
	if (*number == SLOT_NONE && server->joining_fresh_count < SERVER_JOINING_MAX)
		*number = server->joining_fresh_count++;
	return *number != SLOT_NONE;
}

static void give_record(struct server *server, uint32_t number)
{
	struct server_joining *joining = &server->joining[number];
	*joining = (struct server_joining){0};
	slot_list_add(&server->joining_free, links_joining(server), number);
}

static void refuse(struct server *server, uint32_t number, enum call_status status)
{
	const struct server_joining *joining = &server->joining[number];
	server_answer_bare(server, joining->slot, joining->number, status);
	server_dismiss(server, joining->slot, 0);
	give_record(server, number);
}

static bool is_wanted(const struct server *server, const struct server_joining *joining)
{
	return server_is_here(server, joining->slot, joining->session) &&
	       server->peer[joining->slot].state == PEER_JOINING;
}

// The user's invite whose code was shown. As much work when there is none, so that time tells nothing about names.
static const struct user_invite *find_invite(const struct server *server, const struct user_entry *entry,
					     const struct server_joining *joining)
{
	static const struct user_invite none;
	const struct user_invite *shown = NULL;
	const uint32_t count = entry == NULL ? 0 : entry->invite_count;
	for (uint32_t i = 0; i < INVITES_PER_USER_MAX && joining->signin.has_proof; i++) {
		const struct user_invite *invite = i < count ? &server->users->invite[entry->invite_first + i] : &none;
		uint8_t proof[INVITE_PROOF_BYTES];
		hash_invite_proof(invite->hash, joining->handshake_hash, INVITE_DEVICE, proof);
		if (crypto_is_equal(proof, joining->signin.proof, sizeof proof) && invite != &none)
			shown = invite;
	}
	return shown;
}

static struct user_entry *entry_of(const struct server *server, const struct server_joining *joining)
{
	return users_find(server->users, &joining->signin.name);
}

// Makes the question, from the users as they are now, and queues it.
static void ask(struct server *server, uint32_t number)
{
	struct server_joining *joining = &server->joining[number];
	struct storage_question *question = &joining->question;
	const struct user_entry *entry = entry_of(server, joining);
	joining->generation = server->generation;
	joining->invite = find_invite(server, entry, joining);
	question->kind = QUESTION_SIGNIN;
	question->tag = number;
	question->user_id = entry == NULL ? 0 : entry->user_id; // as much work for no user
	question->lane = (uint32_t)(question->user_id % server->config.lane_count);
	question->signin.mark = joining->signin.mark;
	question->signin.has_invite = joining->invite != NULL;
	if (joining->invite != NULL)
		memcpy(question->signin.invite_hash, joining->invite->hash, STORAGE_KEY_BYTES);
	slot_list_add(&server->lane[question->lane].joining, links_joining(server), number);
}

void server_signin(struct server *server, const struct call_in *call, struct moment moment)
{
	struct call_signin signin;
	uint32_t number;
	struct server_peer *peer = &server->peer[call->slot];
	if (call_signin_decode(&signin, call->body, call->bytes) != MMS_OK) {
		server_answer_bare(server, call->slot, call->number, STATUS_BAD);
		server_dismiss(server, call->slot, 0);
		return;
	}
	if (!take_record(server, &number)) {
		peer->state = PEER_NONE; // the call starts again
		server_start_later(server, call, SERVER_JOINING_RETRY_US, &server->joining_retry_at, moment.now);
		return;
	}
	struct server_joining *joining = &server->joining[number];
	joining->slot = call->slot;
	joining->number = call->number;
	joining->session = peer->session;
	joining->signin = signin;
	joining->fingerprint = hash_fingerprint(call->peer_key);
	memcpy(joining->handshake_hash, call->handshake_hash, sizeof joining->handshake_hash);
	memcpy(joining->question.signin.key, call->peer_key, STORAGE_KEY_BYTES);
	peer->state = PEER_JOINING;
	ask(server, number);
}

struct storage_question *server_next_signin(struct server *server, struct server_lane *lane)
{
	// What the store was not given of moved cursors goes first, or the device would be told of what it has.
	while (server_are_moves_given(lane) && !server->holds_signins) {
		const uint32_t number = slot_list_take(&lane->joining, links_joining(server));
		if (number == SLOT_NONE)
			break;
		struct server_joining *joining = &server->joining[number];
		if (is_wanted(server, joining))
			return &joining->question;
		give_record(server, number);
	}
	return NULL;
}

// Whether a key that is not enrolled may become a device of this user now: by an unspent invite, or by a claim.
static bool may_enrol(const struct server *server, const struct server_joining *joining, const struct user_entry *entry,
		      struct wtime wall)
{
	const struct storage_question *question = &joining->question;
	if (entry == NULL || question->is.has_device || question->is.device_count >= DEVICES_PER_USER_MAX ||
	    users_is_revoked(server->users, entry, &joining->fingerprint))
		return false;
	if (joining->invite != NULL)
		return !question->is.is_invite_spent && joining->invite->expires_at.ms > wall.ms;
	// Who shows a proof wants the server's, and could not tell this one from an impostor: a wrong one claims nothing.
	return !joining->signin.has_proof && server->config.may_claim && users_is_plain(entry) &&
	       question->is.device_count == 0;
}

static void enrol(struct server *server, uint32_t number, const struct user_entry *entry, struct wtime wall)
{
	const struct server_joining *joining = &server->joining[number];
	struct server_pending *pending;
	struct server_lane *lane = &server->lane[joining->question.lane];
	struct storage_op *op =
		server_batch_add(server, lane, STORAGE_ENROLL, joining->slot, joining->number, &pending, wall);
	pending->joining = number;
	op->enroll = (struct storage_enroll){.user_id = entry->user_id, .has_invite = joining->invite != NULL};
	memcpy(op->enroll.key, joining->question.signin.key, STORAGE_KEY_BYTES);
	memcpy(op->enroll.fingerprint, joining->fingerprint.bytes, STORAGE_KEY_BYTES);
	if (joining->invite != NULL)
		memcpy(op->enroll.invite_hash, joining->invite->hash, STORAGE_KEY_BYTES);
}

void server_enrolled(struct server *server, uint32_t number, enum storage_verdict verdict)
{
	struct server_joining *joining = &server->joining[number];
	if (verdict == VERDICT_ENROLLED) {
		const struct user_entry *entry = entry_of(server, joining);
		server->port.enrolled(server->port.context, entry != NULL ? &entry->name : &joining->signin.name,
				      &joining->fingerprint);
	}
	if (!is_wanted(server, joining)) {
		give_record(server, number);
	} else if (verdict == VERDICT_ENROLLED) {
		joining->has_enrolled = true;
		ask(server, number);
	} else {
		refuse(server, number, verdict == VERDICT_STORE_FULL ? STATUS_SERVER_FULL : STATUS_NOT_AUTHORIZED);
	}
}

// Whether a receiving session of the device began later than this one, whose SIGNIN was held up on its way. It keeps its
// place, or a process that is gone could turn out the one its user started after it.
static bool is_outdated(const struct server *server, uint32_t slot, const struct server_user *user, int64_t device_id)
{
	for (uint32_t other = slot_list_first(&user->peers); other != SLOT_NONE;
	     other = slot_list_next(&server->peer[other].of_user)) {
		const struct server_peer *peer = &server->peer[other];
		if (peer->device_id == device_id && peer->is_receiving &&
		    peer->began_at.us > server->peer[slot].began_at.us)
			return true;
	}
	return false;
}

// Makes room for a new session of the device: one that receives, SENDING_PER_DEVICE_MAX that only send. Of these one that was not
// heard of late goes first, then the one that signed in first.
static void displace(struct server *server, const struct server_user *user, int64_t device_id, bool is_receiving)
{
	uint32_t sending_count = 0;
	uint32_t oldest = SLOT_NONE;
	uint32_t slot = slot_list_first(&user->peers);
	while (slot != SLOT_NONE) {
		const struct server_peer *peer = &server->peer[slot];
		const uint32_t next = slot_list_next(&peer->of_user);
		if (peer->device_id == device_id && peer->is_receiving == is_receiving) {
			sending_count++;
			if (is_receiving)
				server_dismiss(server, slot, NOTICE_REPLACED);
			else if (oldest == SLOT_NONE || (peer->is_silent && !server->peer[oldest].is_silent))
				oldest = slot;
		}
		slot = next;
	}
	if (!is_receiving && sending_count >= SENDING_PER_DEVICE_MAX)
		server_dismiss(server, oldest, NOTICE_REPLACED);
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

static void begin_receiving(struct server *server, uint32_t slot, const struct storage_device *device)
{
	if (device->gap_count > 0) {
		const struct call_notice gap = {.what = NOTICE_GAP, .id = gap_id(device), .count = device->gap_count};
		server_notice(server, slot, &gap, device->gap_row);
	}
	server_begin_receiving(server, slot, device);
}

static void answer_ok(struct server *server, const struct server_joining *joining, const struct user_entry *entry)
{
	uint8_t body[CALL_BODY_BYTES_MAX];
	const struct storage_question *question = &joining->question;
	const uint64_t waiting_count = question->is.waiting_count;
	const uint64_t history_count = question->is.history_count;
	struct call_signin_ok ok = {
		.is_reoffer_wanted = !question->is.is_mark_known, // promised by a store that this one is not (section 6.4)
		.has_proof = joining->invite != NULL,
		.mark = question->is.mark,
		.waiting_count = waiting_count > UINT32_MAX ? UINT32_MAX : (uint32_t)waiting_count,
		.history_count = history_count > UINT32_MAX ? UINT32_MAX : (uint32_t)history_count,
		.name = entry->name,
	};
	if (ok.has_proof)
		hash_invite_proof(joining->invite->hash, joining->handshake_hash, INVITE_SERVER, ok.proof);
	const size_t bytes = call_signin_ok_encode(&ok, body);
	server->port.answer(server->port.context, joining->slot, joining->number, STATUS_OK, body, bytes);
	server->port.signed_in(server->port.context, joining->slot, (uint64_t)entry->user_id);
}

static void grant(struct server *server, uint32_t number, const struct user_entry *entry)
{
	const struct server_joining *joining = &server->joining[number];
	const struct storage_device *device = &joining->question.is.device;
	const uint32_t slot = joining->slot;
	const uint32_t user = (uint32_t)(entry - server->users->user);
	const bool is_receiving = joining->signin.is_receiving;
	const bool is_late = is_receiving && is_outdated(server, slot, &server->user[user], device->device_id);
	if (!is_late)
		displace(server, &server->user[user], device->device_id, is_receiving);
	server_join(server, slot, user, device, is_receiving);
	answer_ok(server, joining, entry);
	if (is_late)
		server_dismiss(server, slot, NOTICE_REPLACED);
	else if (is_receiving)
		begin_receiving(server, slot, device);
	give_record(server, number);
}

void server_signin_answered(struct server *server, uint32_t number, struct moment moment)
{
	const struct server_joining *joining = &server->joining[number];
	if (!is_wanted(server, joining)) {
		give_record(server, number);
		return;
	}
	if (joining->generation != server->generation || server->holds_signins) {
		ask(server, number); // other users, now or soon: what was asked may be another question
		return;
	}
	const struct user_entry *entry = entry_of(server, joining);
	const struct storage_question *question = &joining->question;
	if (entry != NULL && question->is.has_device && question->is.device.user_id == entry->user_id &&
	    !users_is_revoked(server->users, entry, &joining->fingerprint))
		grant(server, number, entry);
	else if (!joining->has_enrolled && may_enrol(server, joining, entry, moment.wall))
		enrol(server, number, entry, moment.wall);
	else
		refuse(server, number, STATUS_NOT_AUTHORIZED);
}
