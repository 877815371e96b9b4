// SPDX-License-Identifier: ISC
// Judging: what becomes of each operation of a batch. The contract is in server_disk.h.
#include "server_disk.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "report.h"
#include "server_disk_inside.h"

enum { DAY_SECONDS = 24 * 60 * 60 };

void server_disk_begin(struct server_disk *disk, const struct disk_bounds *bounds)
{
	memset(disk, 0, offsetof(struct server_disk, device));
	disk->bounds = *bounds;
	disk->commit_next = 1;
	disk->user_id_next = 1;
}

void server_disk_copy(struct server_disk *to, const struct server_disk *from)
{
	memcpy(to, from, offsetof(struct server_disk, row));
	memcpy(to->row, from->row, from->row_count * sizeof *from->row);
	memcpy(to->line, from->line, from->line_count * sizeof *from->line);
}

void server_disk_start(struct server_disk *disk, struct disk_memory *memory, const uint8_t start_id[STORAGE_START_ID_BYTES])
{
	struct storage_mark mark = {.commit = disk->commit_next};
	memcpy(mark.start_id, start_id, sizeof mark.start_id);
	if (disk->start_count == DISK_STARTS_MAX) { // the oldest ones are of no use to a run any more
		memmove(disk->start, disk->start + 1, (DISK_STARTS_MAX - 1) * sizeof *disk->start);
		disk->start_count--;
	}
	disk->start[disk->start_count++] = mark;
	memory->refusal_count = 0;
	mark.commit--;
	for (uint32_t lane = 0; lane < DISK_LANES_MAX; lane++)
		memory->lane[lane] = mark;
}

// --- refusals ---

// What an operation is judged by, whatever it is: who calls, and its id.
struct called {
	int64_t user_id;
	const struct uuid *id;
	const uint8_t *digest;
};

static struct called called_of(const struct storage_op *op)
{
	if (op->kind == STORAGE_CHANGE)
		return (struct called){op->change.user_id, &op->change.id, op->change.digest};
	return (struct called){op->submit.sender_id, &op->submit.id, op->submit.digest};
}

static void note_refusal(const struct server_disk *disk, struct disk_memory *memory, const struct storage_op *op,
			 enum storage_verdict verdict, struct mtime at)
{
	const struct called called = called_of(op);
	server_disk_check_refused(disk, op, verdict);
	memory->refusal[memory->refusal_count++ % DISK_REFUSALS_MAX] = (struct disk_refusal){
		.sender_id = called.user_id,
		.id = *called.id,
		.session = op->session,
		.call = op->call,
		.verdict = verdict,
		.at = at,
	};
}

// The refusal that an operation gets again, or NULL.
static const struct disk_refusal *find_refusal(const struct disk_memory *memory, const struct storage_op *op, struct mtime now)
{
	const struct called called = called_of(op);
	const uint32_t kept = memory->refusal_count < DISK_REFUSALS_MAX ? memory->refusal_count : DISK_REFUSALS_MAX;
	for (uint32_t i = 1; i <= kept; i++) { // of several the newest
		const struct disk_refusal *refusal = &memory->refusal[(memory->refusal_count - i) % DISK_REFUSALS_MAX];
		if (refusal->sender_id != called.user_id || memcmp(refusal->id.bytes, called.id->bytes, ID_BYTES) != 0 ||
		    mtime_diff_us(now, refusal->at) >= STORAGE_REFUSAL_US)
			continue;
		const bool is_same_call = refusal->session == op->session && refusal->call == op->call;
		if (is_same_call || (refusal->session != op->session && op->session_began_at.us <= refusal->at.us))
			return refusal;
	}
	return NULL;
}

// --- a submission ---

static struct disk_row *find_id(struct server_disk *disk, int64_t sender_id, const struct uuid *id)
{
	for (uint32_t i = disk->row_count; i-- > 0;)
		if (disk->row[i].is_id_held && disk->row[i].sender_id == sender_id &&
		    memcmp(disk->row[i].id.bytes, id->bytes, ID_BYTES) == 0)
			return &disk->row[i];
	return NULL;
}

// The result of one that was given a place, which the caller writes down.
static struct storage_result placed(enum storage_verdict verdict, const struct disk_row *row, uint64_t row_before,
				    struct storage_place *place)
{
	*place = (struct storage_place){.user_id = row->recipient_id, .row_before = row_before};
	return (struct storage_result){.verdict = verdict, .was_online = row->was_online, .row = row->row, .place_count = 1};
}

static struct storage_result repeat(const struct disk_row *row, const uint8_t *digest, struct storage_place *place)
{
	if (memcmp(row->digest, digest, DIGEST_BYTES) != 0)
		return (struct storage_result){.verdict = VERDICT_ID_MISUSED};
	report_sight(SIGHT_RESUBMITTED);
	return placed(VERDICT_REPEAT, row, UINT64_MAX, place);
}

// Where rows are a mailbox's own, they have holes.
static uint64_t next_row(const struct server_disk *disk, const struct disk_user *user)
{
	enum { HOLE_EVERY = 5, HOLE_MAX = 3 };
	if (!disk->bounds.is_apart)
		return disk->commit_next;
	const uint64_t hole = disk->commit_next % HOLE_EVERY == 0 ? 1 + disk->commit_next % HOLE_MAX : 0;
	return user->row_newest + 1 + hole;
}

static struct storage_result accept(struct server_disk *disk, const struct storage_op *op, struct disk_user *user,
				    const uint8_t *text, struct storage_place *place)
{
	const struct storage_submit *submit = &op->submit;
	const uint64_t row_before = user->row_newest;
	struct disk_row row = {
		.row = next_row(disk, user),
		.commit = disk->commit_next,
		.is_id_held = true,
		.was_online = submit->is_online,
		.sender_id = submit->sender_id,
		.recipient_id = user->user_id,
		.id = submit->id,
		.sender = submit->sender,
		.accepted_at = op->at,
		.kind = submit->kind,
		.form = submit->form,
		.text_bytes = submit->text_bytes,
	};
	memcpy(row.digest, submit->digest, DIGEST_BYTES);
	server_disk_check_accepted(disk, &row, (uint8_t)(user - disk->user), text + submit->text_offset);
	const struct storage_result result = placed(VERDICT_NEW, &row, row_before, place);
	disk->commit_next++;
	disk->newest_at = op->at;
	disk_put_row(disk, user, &row);
	return result;
}

static struct storage_result post(struct server_disk *disk, const struct storage_op *op, struct disk_room *room,
				  const uint8_t *text, struct storage_place *places)
{
	const struct storage_submit *submit = &op->submit;
	struct disk_line said = {
		.was_online = submit->is_online,
		.sender_id = submit->sender_id,
		.id = submit->id,
		.sender = submit->sender,
		.accepted_at = op->at,
		.kind = submit->kind,
		.form = submit->form,
		.text_bytes = submit->text_bytes,
	};
	memcpy(said.digest, submit->digest, DIGEST_BYTES);
	struct storage_result result = {
		.verdict = VERDICT_NEW,
		.was_online = submit->is_online,
		.row = disk->commit_next,
		.room = room->is,
		.member_count = disk_room_members(disk, room->room_id),
	};
	result.place_count = disk_post(disk, room, &said, text + submit->text_offset, places);
	result.room_row = room->row_last;
	return result;
}

// Who may not have it, as the first reason says.
static enum storage_verdict judge_recipient(const struct server_disk *disk, const struct storage_submit *submit, bool lacks_room)
{
	const uint8_t user = server_disk_user(disk, submit->recipient_id);
	if (user == DISK_USERS_MAX)
		return VERDICT_NO_SUCH_USER;
	if (lacks_room)
		return VERDICT_STORE_FULL;
	if (server_disk_blocks(disk, submit->recipient_id, submit->sender_id))
		return VERDICT_BLOCKED;
	return disk_has_quota(disk, &disk->user[user], submit->sender_id, submit->text_bytes) ? VERDICT_NEW : VERDICT_MAILBOX_FULL;
}

static enum storage_verdict judge_room(const struct server_disk *disk, const struct disk_room *room,
				       const struct storage_submit *submit, bool lacks_room)
{
	const struct disk_pair *member = room == NULL ? NULL : server_disk_member(disk, room->room_id, submit->sender_id);
	if (lacks_room)
		return VERDICT_STORE_FULL;
	return member != NULL && member->is_so ? VERDICT_NEW : VERDICT_NOT_A_MEMBER;
}

// What was accepted with its id, or refused before, comes to the same. False: it is to be judged. `*commit`: what an acceptance promises.
static bool judge_again(struct server_disk *disk, const struct disk_memory *memory, const struct storage_op *op, struct mtime now,
			struct storage_place *places, struct storage_result *result, uint64_t *commit)
{
	const struct called called = called_of(op);
	if (called.user_id == 0)
		return false; // the operator's have no id
	const struct disk_row *row = find_id(disk, called.user_id, called.id);
	const struct disk_line *line = row == NULL ? disk_line_of_id(disk, called.user_id, called.id) : NULL;
	const struct disk_refusal *refusal = find_refusal(memory, op, now);
	if (row != NULL)
		*result = repeat(row, called.digest, places);
	else if (line != NULL)
		*result = disk_repeat_line(disk, line, called.digest, places);
	else if (refusal != NULL) {
		report_sight(refusal->session == op->session ? SIGHT_REFUSAL_REPEATED : SIGHT_REFUSAL_REMEMBERED);
		*result = (struct storage_result){.verdict = refusal->verdict};
	}
	*commit = row != NULL ? row->commit : line != NULL ? line->commit : 0;
	return row != NULL || line != NULL || refusal != NULL;
}

static struct storage_result judge_submit(struct server_disk *disk, const struct storage_batch *batch, size_t number, bool lacks_room,
					  struct storage_place *places)
{
	const struct storage_op *op = &batch->ops[number];
	const struct storage_submit *submit = &op->submit;
	bool is_taken;
	struct disk_room *room = submit->is_to_room ? disk_room_find(disk, &submit->recipient, &is_taken) : NULL;
	const enum storage_verdict verdict = submit->is_to_room ? judge_room(disk, room, submit, lacks_room)
								: judge_recipient(disk, submit, lacks_room);
	if (verdict != VERDICT_NEW)
		return (struct storage_result){.verdict = verdict};
	if (submit->is_to_room)
		return post(disk, op, room, batch->text, places);
	return accept(disk, op, &disk->user[server_disk_user(disk, submit->recipient_id)], batch->text, places);
}

static bool is_refusal(enum storage_verdict verdict)
{
	return verdict != VERDICT_NEW && verdict != VERDICT_REPEAT && verdict != VERDICT_ID_MISUSED;
}

static struct storage_result judge(struct server_disk *disk, struct disk_memory *memory, const struct storage_batch *batch,
				   size_t number, bool lacks_room, struct storage_place *places, uint64_t *commit)
{
	const struct storage_op *op = &batch->ops[number];
	struct storage_result result;
	if (judge_again(disk, memory, op, batch->now, places, &result, commit))
		return result;
	const uint64_t commit_before = disk->commit_next;
	if (op->kind == STORAGE_SUBMIT)
		result = judge_submit(disk, batch, number, lacks_room, places);
	else if (lacks_room)
		result = (struct storage_result){.verdict = VERDICT_STORE_FULL};
	else if (disk_is_forged(disk, &op->change.stamp))
		result = (struct storage_result){.verdict = VERDICT_ID_MISUSED};
	else
		result = disk_change(disk, op, places);
	*commit = disk->commit_next > commit_before ? commit_before : 0;
	if (is_refusal(result.verdict) && called_of(op).user_id != 0)
		note_refusal(disk, memory, op, result.verdict, batch->now);
	return result;
}

// --- a batch ---

static struct storage_mark mark_of(const struct server_disk *disk, struct disk_memory *memory, uint32_t lane,
				   uint64_t accepted)
{
	struct storage_mark *mark = &memory->lane[lane];
	if (!disk->bounds.is_apart)
		mark->commit = disk->commit_next - 1;
	else if (accepted > mark->commit)
		mark->commit = accepted;
	return *mark;
}

struct storage_mark server_disk_append(struct server_disk *disk, struct disk_memory *memory, uint32_t lane,
				       const struct storage_batch *batch, const bool *lacks_room, int64_t seconds,
				       struct storage_result *results)
{
	uint64_t accepted = 0;
	uint32_t place_next = 0;
	disk->seconds = seconds > disk->seconds ? seconds : disk->seconds;
	for (size_t i = 0; i < batch->move_count; i++)
		disk_move(disk, &batch->moves[i]);
	for (size_t i = 0; i < batch->op_count; i++) {
		const struct storage_op *op = &batch->ops[i];
		if (op->kind == STORAGE_ENROLL) {
			results[i] = (struct storage_result){.verdict = disk_enroll(disk, &op->enroll)};
			continue;
		}
		// A repeat may be of what another lane accepted, and its answer promises it as well.
		uint64_t commit = 0;
		results[i] = judge(disk, memory, batch, i, lacks_room != NULL && lacks_room[i], batch->places + place_next, &commit);
		results[i].place_first = place_next;
		place_next += results[i].place_count;
		accepted = commit > accepted ? commit : accepted;
	}
	return mark_of(disk, memory, lane, accepted);
}

struct storage_mark server_disk_roll_back(struct server_disk *disk, struct disk_memory *memory, uint32_t lane,
					  const struct storage_batch *batch, struct storage_result *results)
{
	uint64_t accepted = 0;
	uint32_t place_next = 0;
	for (size_t i = 0; i < batch->op_count; i++) {
		const struct storage_op *op = &batch->ops[i];
		results[i] = (struct storage_result){.verdict = VERDICT_STORE_FULL};
		if (op->kind == STORAGE_ENROLL) {
			const struct disk_device *known = server_disk_device(disk, op->enroll.key);
			if (known != NULL && known->held.user_id == op->enroll.user_id)
				results[i].verdict = VERDICT_ENROLLED;
			continue;
		}
		uint64_t commit = 0;
		if (!judge_again(disk, memory, op, batch->now, batch->places + place_next, &results[i], &commit) &&
		    called_of(op).user_id != 0)
			note_refusal(disk, memory, op, VERDICT_STORE_FULL, batch->now);
		results[i].place_first = place_next;
		place_next += results[i].place_count;
		accepted = commit > accepted ? commit : accepted;
	}
	return mark_of(disk, memory, lane, accepted);
}

struct disk_held server_disk_held(const struct server_disk *disk, uint32_t message)
{
	for (uint32_t i = disk->row_count; i-- > 0;)
		if (disk->row[i].message == message && disk->row[i].is_id_held)
			return (struct disk_held){.commit = disk->row[i].commit, .was_online = disk->row[i].was_online};
	for (uint32_t i = disk->line_count; i-- > 0;) {
		const struct disk_line *line = &disk->line[i];
		if (line->message == message && line->is_id_held)
			return (struct disk_held){line->commit, line->was_online, line->is_change, line->stamp};
	}
	return (struct disk_held){0};
}

// --- retention ---

// Who was absent first, of those who are for long; NULL: nobody.
static struct disk_user *find_absent(struct server_disk *disk, int64_t limit)
{
	struct disk_user *found = NULL;
	for (int i = 0; i < DISK_USERS_MAX; i++) {
		struct disk_user *user = &disk->user[i];
		if (user->is_absent && user->absent_since <= limit &&
		    (found == NULL || user->absent_since < found->absent_since ||
		     (user->absent_since == found->absent_since && user->user_id < found->user_id)))
			found = user;
	}
	return found;
}

static void expire_ids(struct server_disk *disk)
{
	const int64_t id_limit = disk->seconds - (int64_t)ID_RETENTION_DAYS * DAY_SECONDS;
	const int64_t pair_limit = disk->seconds - (int64_t)PAIR_DAYS * DAY_SECONDS;
	for (uint32_t i = 0; i < disk->row_count; i++) {
		struct disk_row *row = &disk->row[i];
		if (!row->is_id_held || row->in_mailbox || row->held_since > id_limit)
			continue;
		server_disk_check_kept("an id", row->held_ran, ID_RETENTION_DAYS);
		row->is_id_held = false;
		report_sight(SIGHT_ID_EXPIRED);
	}
	for (uint32_t i = 0; i < disk->line_count; i++) {
		struct disk_line *line = &disk->line[i];
		if (!line->is_id_held || line->kept_at > (line->is_change ? pair_limit : id_limit) || disk_line_has_place(disk, line))
			continue;
		server_disk_check_kept("an id", line->kept_ran, line->is_change ? PAIR_DAYS : ID_RETENTION_DAYS);
		line->is_id_held = false;
		report_sight(SIGHT_ID_EXPIRED);
	}
}

void server_disk_housekeep(struct server_disk *disk, int64_t seconds)
{
	disk->seconds = seconds > disk->seconds ? seconds : disk->seconds;
	const int64_t limit = disk->seconds - (int64_t)RETENTION_DAYS * DAY_SECONDS;
	struct disk_user *absent;
	for (uint32_t i = 0; i < disk->row_count; i++) {
		if (!disk->row[i].in_mailbox || !disk->row[i].is_taken || disk->row[i].taken_at > limit)
			continue;
		server_disk_check_kept("a message that a device has taken", disk->row[i].taken_ran, RETENTION_DAYS);
		disk_drop_row(disk, &disk->row[i]);
	}
	while ((absent = find_absent(disk, limit)) != NULL)
		disk_forget_user(disk, absent);
	disk_clean_rooms(disk);
	expire_ids(disk);
}
