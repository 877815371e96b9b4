// SPDX-License-Identifier: ISC
// What goes through the server's sessions as calls: that each is done once, and that answers and deliveries tell the truth. Seen
// where node/ passes them on, by wraps of the linker. The contract is in server_watch.h and server_watch_inside.h.
#include <string.h>

#include "msg/call_block.h"
#include "msg/call_change.h"
#include "msg/call_room.h"
#include "network.h"
#include "people.h"
#include "presence.h"
#include "report.h"
#include "server_watch.h"
#include "server_watch_inside.h"

void __real_server_called(struct server *server, const struct call_in *call, struct moment moment);
// Whether a user has a receiving session that was heard of within this time.
static bool is_heard(const struct server *server, uint32_t user, struct mtime now, int64_t within_us)
{
	const struct listener *listener = &world.server.node.listener;
	for (uint32_t i = 0; i < listener->fresh_count; i++)
		if (server->peer[i].state == PEER_SIGNED_IN && server->peer[i].is_receiving && server->peer[i].user == user &&
		    listener->slot[i].state == LISTENER_OPEN &&
		    mtime_diff_us(now, listener->slot[i].session.heard_at) < within_us)
			return true;
	return false;
}

// What the store is told of the recipient of this submission, if it was offered just now.
static void check_online(const struct server *server, const struct call_in *call, struct mtime now)
{
	enum { LEEWAY_US = 2000 * 1000 }; // a timer may be late
	const struct server_peer *peer = &server->peer[call->slot];
	const struct server_lane *lane = &server->lane[peer->lane];
	const struct server_batch *batch = &lane->batch[lane->filling];
	if (batch->op_count == 0)
		return;
	const struct storage_op *op = &batch->ops[batch->op_count - 1];
	const uint32_t user = users_place_of_id(server->users, op->submit.recipient_id);
	if (op->session != peer->session || op->call != call->number || op->kind != STORAGE_SUBMIT || op->submit.recipient_id == 0)
		return;
	if (op->submit.is_online ? !is_heard(server, user, now, LISTENER_SILENT_US + LEEWAY_US) :
				   is_heard(server, user, now, LISTENER_SILENT_US - LEEWAY_US))
		report_failure("a recipient is taken for what it is not, online or away");
	if (op->submit.is_online)
		report_sight(SIGHT_ONLINE);
}

void __wrap_server_called(struct server *server, const struct call_in *call, struct moment moment);
void __real_server_answered(struct server *server, const struct answer_in *answer, struct moment moment);
void __wrap_server_answered(struct server *server, const struct answer_in *answer, struct moment moment);
void __real_server_heard(struct server *server, uint32_t slot);
void __wrap_server_heard(struct server *server, uint32_t slot);
void __real_listener_answer(struct listener *listener, uint32_t slot, uint32_t number, uint8_t status, const void *body,
			    size_t body_bytes, struct mtime now);
void __wrap_listener_answer(struct listener *listener, uint32_t slot, uint32_t number, uint8_t status, const void *body,
			    size_t body_bytes, struct mtime now);
enum mms_err __real_listener_call(struct listener *listener, uint32_t slot, uint8_t kind, const void *body,
				  size_t body_bytes, uint64_t tag);
enum mms_err __wrap_listener_call(struct listener *listener, uint32_t slot, uint8_t kind, const void *body,
				  size_t body_bytes, uint64_t tag);
enum callee_verdict __real_callee_recv_call(struct callee *callee, struct blocks *blocks,
					    const struct wire_frame_view *frame, bool is_repeat_twice);
enum callee_verdict __wrap_callee_recv_call(struct callee *callee, struct blocks *blocks,
					    const struct wire_frame_view *frame, bool is_repeat_twice);
void __real_listener_defer(struct listener *listener, uint32_t slot, struct mtime until);
void __wrap_listener_defer(struct listener *listener, uint32_t slot, struct mtime until);

// Whether a call wants something that gets a verdict, and its id, and the stamp that it shows.
static bool read_wish(const struct call_in *call, struct uuid *id, struct storage_mark *stamp)
{
	memset(stamp, 0, sizeof *stamp);
	struct call_submit submit;
	struct call_join join;
	struct call_add add;
	struct call_leave leave;
	struct call_block block;
	bool is_well = false;
	if (call->kind == CALL_SUBMIT && (is_well = call_submit_decode(&submit, call->body, call->bytes) == MMS_OK))
		*id = submit.id;
	else if (call->kind == CALL_JOIN && (is_well = call_join_decode(&join, call->body, call->bytes) == MMS_OK))
		*id = join.change.id, *stamp = join.change.stamp;
	else if (call->kind == CALL_ADD && (is_well = call_add_decode(&add, call->body, call->bytes) == MMS_OK))
		*id = add.change.id, *stamp = add.change.stamp;
	else if (call->kind == CALL_LEAVE && (is_well = call_leave_decode(&leave, call->body, call->bytes) == MMS_OK))
		*id = leave.change.id, *stamp = leave.change.stamp;
	else if (call->kind == CALL_BLOCK && call_block_decode(&block, call->body, call->bytes) == MMS_OK &&
		 (is_well = block.what != BLOCK_LIST))
		*id = block.change.id, *stamp = block.change.stamp;
	return is_well;
}

static uint32_t wished_message(const struct call_in *call)
{
	static const struct storage_mark none;
	struct storage_mark stamp;
	struct uuid id;
	const int identity = world_identity_of_key(server_watched(call->slot)->key);
	if (identity < 0 || !read_wish(call, &id, &stamp))
		return MESSAGES_MAX;
	const uint32_t number = truth_find(world_user_of_identity((uint8_t)identity), &id);
	const struct message *message = number == MESSAGES_MAX ? NULL : truth_message(number);
	if (message != NULL && message->what != OUTBOX_MESSAGE && message->is_told_accepted && !message->is_disturbed &&
	    server_watched(call->slot)->signin.began_at.us > message->told_at.us &&
	    world_identity_is_honest((uint8_t)identity) && memcmp(&stamp, &none, sizeof none) == 0)
		report_failure("change %u is offered again without the stamp that it has", number);
	return number;
}

// The device of a session as the store has it, or NULL.
static const struct disk_device *device_of(uint32_t slot)
{
	return server_disk_device(&world.disk, server_watched(slot)->key);
}

// The highest row that this process has heard a device to have.
static uint64_t heard_row(uint32_t slot)
{
	const int identity = world_identity_of_key(server_watched(slot)->key);
	const struct disk_device *device = device_of(slot);
	return identity < 0 || device == NULL || device->held.device_id != world.server.heard_device[identity] ?
		       0 :
		       world.server.heard_row[identity];
}

static void note_heard(uint8_t identity, uint64_t row)
{
	world.server.heard_row[identity] = row;
	world.server.heard_full_count[identity] = world.server.full_count;
}

static void note_signin(uint32_t slot, struct mtime began_at)
{
	const int identity = world_identity_of_key(server_watched(slot)->key);
	const struct disk_device *device = device_of(slot);
	server_watched(slot)->signin = (struct watched_signin){
		.heard_row = heard_row(slot),
		.full_count = identity < 0 ? 0 : world.server.heard_full_count[identity],
		.device_id = device == NULL ? 0 : device->held.device_id,
		.began_at = began_at,
	};
}

// Sessions are known by their own names where operations name them.
static void note_session(const struct server *server, const struct call_in *call)
{
	struct watched_slot *slot = server_watched(call->slot);
	const uint64_t name = server->peer[call->slot].session;
	if (name == 0 || slot->session == name)
		return;
	slot->session = name;
	world.server.session[world.server.session_count++ % WATCHED_SESSIONS] = (struct watched_session){
		.session = name, .began_at = call->handshake_at};
}

void __wrap_server_called(struct server *server, const struct call_in *call, struct moment moment)
{
	struct look *look = &server_watched(call->slot)->look[call->number % LOOKS_MAX];
	if (look->number == call->number && look->is_answered && call->kind != CALL_WHO)
		report_failure("call %u of a session was done again after its answer", call->number);
	if (look->number > call->number)
		report_failure("call %u of a session was done after call %u", call->number, look->number);
	*look = (struct look){.number = call->number, .kind = call->kind, .message = MESSAGES_MAX};
	look->message = (uint16_t)wished_message(call);
	if (call->kind == CALL_SIGNIN)
		note_signin(call->slot, call->handshake_at);
	struct call_in seen = *call;
	seen.kind = presence_kind_seen(call->slot, call->kind);
	__real_server_called(server, &seen, moment);
	note_session(server, call);
	if (call->kind == CALL_SUBMIT)
		check_online(server, call, moment.now);
}

void __wrap_server_answered(struct server *server, const struct answer_in *answer, struct moment moment)
{
	const int identity = world_identity_of_key(server_watched(answer->slot)->key);
	const struct server_peer *peer = &server->peer[answer->slot];
	const bool is_done = answer->status == STATUS_OK || answer->status == STATUS_BAD;
	if (identity >= 0 && peer->state == PEER_SIGNED_IN && world.server.heard_device[identity] != peer->device_id) {
		world.server.heard_device[identity] = peer->device_id;
		world.server.heard_row[identity] = 0;
	}
	if (identity >= 0 && answer->kind == CALL_DELIVER && is_done && answer->tag > world.server.heard_row[identity] &&
	    peer->state == PEER_SIGNED_IN && !peer->is_stuck)
		note_heard((uint8_t)identity, answer->tag);
	presence_answered(answer->slot, answer->tag);
	__real_server_answered(server, answer, moment);
}

void __wrap_server_heard(struct server *server, uint32_t slot)
{
	report_sight(SIGHT_HEARD_AGAIN);
	__real_server_heard(server, slot);
}

// A batch of a lane has all moves that the server has heard of and the store has not.
static void check_moves(uint32_t lane, const struct storage_batch *batch)
{
	for (uint32_t i = 0; i < world.identity_count; i++) {
		const struct disk_device *device = server_disk_device(&world.disk, world.identity[i].keys.public_key);
		const uint8_t user = device == NULL ? DISK_USERS_MAX : server_disk_user(&world.disk, device->held.user_id);
		if (user == DISK_USERS_MAX || device->held.device_id != world.server.heard_device[i] ||
		    device->held.cursor >= world.server.heard_row[i] ||
		    world.server.lane_of[user].user_id != device->held.user_id || world.server.lane_of[user].lane != lane)
			continue;
		bool is_given = false;
		for (size_t k = 0; k < batch->move_count && !is_given; k++)
			is_given = batch->moves[k].device_id == device->held.device_id &&
				   batch->moves[k].row >= world.server.heard_row[i];
		if (!is_given)
			report_failure("a batch leaves out that a device has row %llu", (unsigned long long)world.server.heard_row[i]);
	}
}

void server_watch_append(uint32_t lane, const struct storage_batch *batch)
{
	for (size_t i = 0; i < batch->move_count; i++)
		server_watch_lane(lane, batch->moves[i].user_id);
	for (size_t i = 0; i < batch->op_count; i++) {
		const struct storage_op *op = &batch->ops[i];
		server_watch_lane(lane, op->kind == STORAGE_SUBMIT   ? op->submit.sender_id :
					op->kind == STORAGE_ENROLL ? op->enroll.user_id :
								     op->change.user_id);
		for (uint32_t k = 0; k < WATCHED_SESSIONS; k++) {
			struct watched_session *session = &world.server.session[k];
			if (session->session != op->session)
				continue;
			if (session->began_at.us != op->session_began_at.us)
				report_failure("an operation names another handshake than its session's");
			if (session->op_call >= op->call)
				report_failure("an operation of call %u comes after one of call %u", op->call, session->op_call);
			session->op_call = op->call;
		}
	}
	check_moves(lane, batch);
}

// What a user's devices called goes in one lane.
void server_watch_lane(uint32_t lane, int64_t user_id)
{
	const uint8_t user = server_disk_user(&world.disk, user_id);
	if (user == DISK_USERS_MAX)
		return;
	struct watched_lane *watched = &world.server.lane_of[user];
	if (watched->user_id == user_id && watched->lane != lane)
		report_failure("what a user called went in two lanes");
	*watched = (struct watched_lane){user_id, lane};
}

// Who is not in the users file, or revoked there, stays out.
void server_watch_admitted(uint32_t slot)
{
	const int identity = world_identity_of_key(server_watched(slot)->key);
	if (identity < 0 || world.server.is_reload_due)
		return;
	const struct identity *owner = &world.identity[identity];
	if (owner->is_revoked || !world.user[owner->user].is_listed)
		report_failure("a device of %s is signed in that is shut out", world.user[owner->user].name.text);
}

// Who is in the users file, was enrolled when it asked, and is not revoked, is let in.
static void check_refusal(uint32_t slot)
{
	const uint8_t *key = server_watched(slot)->key;
	const int identity = world_identity_of_key(key);
	if (identity < 0 || !world_identity_is_honest((uint8_t)identity) || world.server.is_reload_due)
		return;
	const struct identity *owner = &world.identity[identity];
	const struct disk_device *device = server_disk_device(&world.disk, key);
	if (device != NULL && !world.user[owner->user].is_listed && people_holder(owner->user) >= 0)
		report_sight(SIGHT_OLD_LIFE_REFUSED);
	if (device != NULL && world.user[owner->user].is_listed && !owner->is_revoked &&
	    device->held.user_id == world.disk.user[owner->user].user_id &&
	    device->held.device_id == server_watched(slot)->signin.device_id)
		report_failure("an enrolled device of %s was refused", world.user[owner->user].name.text);
}

// A mark promises what is durable, and all that it is given for.
static void check_mark(const struct storage_mark *mark, uint64_t commit)
{
	const struct storage_mark *start = &world.disk.start[world.disk.start_count - 1];
	if (memcmp(mark->start_id, start->start_id, sizeof mark->start_id) != 0)
		report_failure("a mark names another start than this one");
	if (mark->commit >= world.disk.commit_next)
		report_failure("a mark promises %llu, and %llu is durable", (unsigned long long)mark->commit,
			       (unsigned long long)world.disk.commit_next - 1);
	if (mark->commit < commit)
		report_failure("a mark promises %llu for what is %llu", (unsigned long long)mark->commit, (unsigned long long)commit);
}

static void check_verdict(uint32_t message, uint8_t status, const void *body, size_t body_bytes)
{
	struct call_accepted accepted;
	struct call_changed changed;
	const struct disk_held held = server_disk_held(&world.disk, message);
	truth_answered(message, status == STATUS_ACCEPTED, held.commit != 0);
	if (status != STATUS_ACCEPTED)
		return;
	if (held.is_change) {
		if (call_changed_decode(&changed, body, body_bytes) != MMS_OK)
			report_failure("the acceptance of a change cannot be read");
		check_mark(&changed.mark, held.commit);
		if (memcmp(&changed.stamp, &held.stamp, sizeof changed.stamp) != 0)
			report_failure("change %u was accepted with a stamp that it does not have", message);
		return;
	}
	if (call_accepted_decode(&accepted, body, body_bytes) != MMS_OK)
		report_failure("an acceptance cannot be read");
	check_mark(&accepted.mark, held.commit);
	if (accepted.was_online != held.was_online)
		report_failure("message %u was accepted as it was not", message);
}

// What a device is said to have waiting is no more than what it was not heard to have when it asked. Where a batch found no room
// since it was heard, its moves may have been counted as they were before, or be lost with a session that is over.
static void check_waiting(uint32_t slot, uint32_t waiting_count)
{
	const struct watched_signin *signin = &server_watched(slot)->signin;
	const struct disk_device *device = device_of(slot);
	uint32_t count = 0;
	if (device == NULL || signin->full_count != world.server.full_count || signin->heard_row == 0)
		return;
	for (uint32_t i = 0; i < world.disk.row_count; i++)
		count += world.disk.row[i].recipient_id == device->held.user_id && !world.disk.row[i].is_silent &&
			 world.disk.row[i].row > device->seen_row &&
			 world.disk.row[i].row > signin->heard_row;
	if (waiting_count > count)
		report_failure("%u messages are said to wait for a device, and it has all but %u", waiting_count, count);
}

static void check_signin(uint32_t slot, const void *body, size_t body_bytes)
{
	struct call_signin_ok ok;
	server_watch_admitted(slot);
	if (call_signin_ok_decode(&ok, body, body_bytes) != MMS_OK)
		report_failure("a sign-in's answer cannot be read");
	check_mark(&ok.mark, 0);
	check_waiting(slot, ok.waiting_count);
}

void __wrap_listener_answer(struct listener *listener, uint32_t slot, uint32_t number, uint8_t status, const void *body,
			    size_t body_bytes, struct mtime now)
{
	if (listener->slot[slot].state != LISTENER_OPEN && listener->slot[slot].state != LISTENER_CLOSING) {
		__real_listener_answer(listener, slot, number, status, body, body_bytes, now);
		return; // its session is over: the answer goes nowhere
	}
	struct look *look = &server_watched(slot)->look[number % LOOKS_MAX];
	if (look->number != number)
		report_failure("call %u of a session was answered and not done", number);
	if (look->is_answered && look->kind != CALL_WHO)
		report_failure("call %u of a session was answered twice", number);
	look->is_answered = true;
	look->answered_at = now;
	if (look->message < MESSAGES_MAX)
		check_verdict(look->message, status, body, body_bytes);
	if (look->kind == CALL_SUBMIT && status == STATUS_MAILBOX_FULL)
		report_sight(SIGHT_MAILBOX_FULL);
	if (look->kind == CALL_SUBMIT && status == STATUS_NO_SUCH_USER)
		report_sight(SIGHT_NO_SUCH_USER);
	if (status == STATUS_SERVER_FULL)
		report_sight(SIGHT_SERVER_FULL);
	if (look->kind == CALL_SIGNIN && status == STATUS_NOT_AUTHORIZED)
		check_refusal(slot);
	if (look->kind == CALL_SIGNIN && status == STATUS_OK)
		check_signin(slot, body, body_bytes);
	__real_listener_answer(listener, slot, number, status, body, body_bytes, now);
}

void __wrap_listener_defer(struct listener *listener, uint32_t slot, struct mtime until)
{
	report_sight(SIGHT_DEFERRED);
	__real_listener_defer(listener, slot, until);
}

static bool is_row(const struct disk_row *row, const struct call_deliver *deliver)
{
	const int64_t at_ms = row->accepted_at.ms < 0 ? 0 : row->accepted_at.ms; // the wire knows nothing before 1970
	const bool is_room = truth_had_place(truth_message(row->message), &(struct truth_place){deliver->room_id, row->room_row});
	return memcmp(row->id.bytes, deliver->id.bytes, ID_BYTES) == 0 && at_ms == deliver->accepted_at.ms &&
	       row->room_row == deliver->room_row && (row->room_row == 0 || is_room) && row->kind == deliver->kind &&
	       row->form == deliver->form && strcmp(row->sender.text, deliver->sender.text) == 0 &&
	       row->text_bytes == deliver->text_bytes && memcmp(row->text, deliver->text, row->text_bytes) == 0;
}

// A delivery is a row on the disk, and the next one of its mailbox for this session.
static void check_delivery(uint32_t slot, const void *body, size_t body_bytes, uint64_t row)
{
	struct call_deliver deliver;
	struct watched_slot *watched = server_watched(slot);
	const struct disk_device *device = device_of(slot);
	const struct disk_row *found = NULL;
	if (call_deliver_decode(&deliver, body, body_bytes) != MMS_OK)
		report_failure("a delivery cannot be read");
	if (device == NULL)
		return; // it was removed meanwhile
	const uint8_t user = server_disk_user(&world.disk, device->held.user_id);
	if (row > world.disk.user[user].row_newest)
		report_failure("row %llu is delivered that is not on the disk", (unsigned long long)row);
	if (watched->row_delivered == 0)
		watched->row_delivered = device->held.cursor;
	for (uint32_t i = 0; i < world.disk.row_count; i++) {
		const struct disk_row *other = &world.disk.row[i];
		if (other->recipient_id != device->held.user_id)
			continue;
		if (other->row == row)
			found = other;
		else if (other->in_mailbox && other->row > watched->row_delivered && other->row < row)
			report_failure("row %llu is delivered before row %llu", (unsigned long long)row, (unsigned long long)other->row);
	}
	if (found != NULL && !is_row(found, &deliver))
		report_failure("row %llu is delivered as what it is not", (unsigned long long)row);
	if (found == NULL && world.disk.compact_count == 0)
		report_failure("row %llu is delivered to one whose mailbox never had it", (unsigned long long)row);
	watched->row_delivered = row;
}

enum mms_err __wrap_listener_call(struct listener *listener, uint32_t slot, uint8_t kind, const void *body,
				  size_t body_bytes, uint64_t tag)
{
	if (kind == CALL_NOTICE && presence_finds_no_memory(body, body_bytes))
		return MMS_E_FULL;
	const enum mms_err err = __real_listener_call(listener, slot, kind, body, body_bytes, tag);
	if (err == MMS_OK && kind == CALL_DELIVER)
		check_delivery(slot, body, body_bytes, tag);
	if (err == MMS_OK && kind == CALL_NOTICE)
		presence_called(slot, body, body_bytes);
	struct call_notice notice;
	const int identity = world_identity_of_key(server_watched(slot)->key);
	if (err != MMS_OK || kind != CALL_NOTICE || call_notice_decode(&notice, body, body_bytes) != MMS_OK)
		return err;
	if (notice.what == NOTICE_REPLACED)
		server_watched(slot)->is_replaced = true;
	if (notice.what == NOTICE_GAP && identity >= 0)
		world.identity[identity].gap_id = notice.id;
	return err;
}

// The session at the server that a callee belongs to, or NULL.
static const struct watched_slot *watched_callee(const struct callee *callee)
{
	const struct listener *listener = &world.server.node.listener;
	for (uint32_t i = 0; world.server.is_up && i < listener->fresh_count; i++)
		if (&listener->slot[i].session.callee == callee)
			return server_watched(i);
	return NULL;
}

enum callee_verdict __wrap_callee_recv_call(struct callee *callee, struct blocks *blocks,
					    const struct wire_frame_view *frame, bool is_repeat_twice)
{
	const enum callee_verdict verdict = __real_callee_recv_call(callee, blocks, frame, is_repeat_twice);
	const struct watched_slot *slot = verdict == CALLEE_REPEAT ? watched_callee(callee) : NULL;
	const struct look *look = slot == NULL ? NULL : &slot->look[frame->number % LOOKS_MAX];
	if (look == NULL || look->number != frame->number || look->kind != CALL_SUBMIT || !look->is_answered)
		return verdict;
	// Later than an answer and a repetition that have crossed.
	if (mtime_diff_us(world.now, look->answered_at) > 2000LL * world.options.delay_ms_max)
		report_sight(SIGHT_ANSWER_LOST);
	return verdict;
}
