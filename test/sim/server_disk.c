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

static void note_refusal(const struct server_disk *disk, struct disk_memory *memory, const struct storage_op *op,
			 enum storage_verdict verdict, struct mtime at)
{
	server_disk_check_refused(disk, &op->submit, verdict);
	memory->refusal[memory->refusal_count++ % DISK_REFUSALS_MAX] = (struct disk_refusal){
		.sender_id = op->submit.sender_id,
		.id = op->submit.id,
		.session = op->session,
		.call = op->call,
		.verdict = verdict,
		.at = at,
	};
}

// The refusal that an operation gets again, or NULL.
static const struct disk_refusal *find_refusal(const struct disk_memory *memory, const struct storage_op *op, struct mtime now)
{
	const uint32_t kept = memory->refusal_count < DISK_REFUSALS_MAX ? memory->refusal_count : DISK_REFUSALS_MAX;
	for (uint32_t i = 1; i <= kept; i++) { // of several the newest
		const struct disk_refusal *refusal = &memory->refusal[(memory->refusal_count - i) % DISK_REFUSALS_MAX];
		if (refusal->sender_id != op->submit.sender_id || memcmp(refusal->id.bytes, op->submit.id.bytes, ID_BYTES) != 0 ||
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

static struct storage_result repeat(const struct disk_row *row, const struct storage_submit *submit,
				    struct storage_place *place)
{
	if (memcmp(row->digest, submit->digest, DIGEST_BYTES) != 0)
		return (struct storage_result){.verdict = VERDICT_ID_MISUSED};
	report_sight(SIGHT_RESUBMITTED);
	return placed(VERDICT_REPEAT, row, UINT64_MAX, place);
}

// Rows of long ago that nothing refers to make room for new ones.
static void compact(struct server_disk *disk)
{
	uint32_t kept = 0;
	for (uint32_t i = 0; i < disk->row_count; i++)
		if (disk->row[i].in_mailbox || disk->row[i].is_id_held)
			disk->row[kept++] = disk->row[i];
	disk->row_count = kept;
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
	if (disk->row_count == ROWS_MAX)
		compact(disk);
	assert(disk->row_count < ROWS_MAX);
	struct disk_row *row = &disk->row[disk->row_count++];
	*row = (struct disk_row){
		.row = next_row(disk, user),
		.commit = disk->commit_next,
		.in_mailbox = true,
		.is_id_held = true,
		.was_online = submit->is_online,
		.sender_id = submit->sender_id,
		.recipient_id = submit->recipient_id,
		.id = submit->id,
		.sender = submit->sender,
		.accepted_at = op->at,
		.kind = submit->kind,
		.form = submit->form,
		.text_bytes = submit->text_bytes,
		.held_since = disk->seconds,
		.held_ran = server_disk_check_ran(disk->seconds),
	};
	memcpy(row->digest, submit->digest, DIGEST_BYTES);
	const struct storage_result result = placed(VERDICT_NEW, row, user->row_newest, place);
	disk->commit_next++;
	user->row_newest = row->row;
	server_disk_check_accepted(disk, row, (uint8_t)(user - disk->user), text + submit->text_offset);
	disk_shed(disk, user);
	return result;
}

static struct storage_result judge_submit(struct server_disk *disk, struct disk_memory *memory,
					  const struct storage_batch *batch, size_t number, bool lacks_room)
{
	const struct storage_op *op = &batch->ops[number];
	const struct storage_submit *submit = &op->submit;
	const struct disk_row *held = find_id(disk, submit->sender_id, &submit->id);
	if (held != NULL)
		return repeat(held, submit, &batch->places[number]);
	const struct disk_refusal *refusal = find_refusal(memory, op, batch->now);
	if (refusal != NULL) {
		report_sight(refusal->session == op->session ? SIGHT_REFUSAL_REPEATED : SIGHT_REFUSAL_REMEMBERED);
		return (struct storage_result){.verdict = refusal->verdict};
	}
	const uint8_t user = server_disk_user(disk, submit->recipient_id);
	enum storage_verdict verdict = VERDICT_NEW;
	if (user == DISK_USERS_MAX)
		verdict = VERDICT_NO_SUCH_USER;
	else if (lacks_room)
		verdict = VERDICT_STORE_FULL;
	else if (!disk_has_quota(disk, &disk->user[user], submit->sender_id, submit->text_bytes))
		verdict = VERDICT_MAILBOX_FULL;
	if (verdict == VERDICT_NEW)
		return accept(disk, op, &disk->user[user], batch->text, &batch->places[number]);
	note_refusal(disk, memory, op, verdict, batch->now);
	return (struct storage_result){.verdict = verdict};
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
	disk->seconds = seconds > disk->seconds ? seconds : disk->seconds;
	for (size_t i = 0; i < batch->move_count; i++)
		disk_move(disk, &batch->moves[i]);
	for (size_t i = 0; i < batch->op_count; i++) {
		const struct storage_op *op = &batch->ops[i];
		if (op->kind == STORAGE_ENROLL) {
			results[i] = (struct storage_result){.verdict = disk_enroll(disk, &op->enroll)};
			continue;
		}
		results[i] = judge_submit(disk, memory, batch, i, lacks_room != NULL && lacks_room[i]);
		results[i].place_first = (uint32_t)i; // an operation has one
		// A repeat may be of what another lane accepted, and its answer promises it as well.
		if (results[i].verdict == VERDICT_NEW || results[i].verdict == VERDICT_REPEAT) {
			const uint64_t commit = find_id(disk, op->submit.sender_id, &op->submit.id)->commit;
			accepted = commit > accepted ? commit : accepted;
		}
	}
	return mark_of(disk, memory, lane, accepted);
}

struct storage_mark server_disk_roll_back(struct server_disk *disk, struct disk_memory *memory, uint32_t lane,
					  const struct storage_batch *batch, struct storage_result *results)
{
	uint64_t accepted = 0;
	for (size_t i = 0; i < batch->op_count; i++) {
		const struct storage_op *op = &batch->ops[i];
		results[i] = (struct storage_result){.verdict = VERDICT_STORE_FULL};
		if (op->kind == STORAGE_ENROLL) {
			const struct disk_device *known = server_disk_device(disk, op->enroll.key);
			if (known != NULL && known->held.user_id == op->enroll.user_id)
				results[i].verdict = VERDICT_ENROLLED;
			continue;
		}
		const struct disk_row *held = find_id(disk, op->submit.sender_id, &op->submit.id);
		const struct disk_refusal *refusal = find_refusal(memory, op, batch->now);
		if (held != NULL)
			results[i] = repeat(held, &op->submit, &batch->places[i]);
		else if (refusal != NULL)
			results[i].verdict = refusal->verdict;
		else
			note_refusal(disk, memory, op, VERDICT_STORE_FULL, batch->now);
		results[i].place_first = (uint32_t)i;
		accepted = held != NULL && held->commit > accepted ? held->commit : accepted;
	}
	return mark_of(disk, memory, lane, accepted);
}

const struct disk_row *server_disk_held(const struct server_disk *disk, uint32_t message)
{
	for (uint32_t i = disk->row_count; i-- > 0;)
		if (disk->row[i].message == message && disk->row[i].is_id_held)
			return &disk->row[i];
	return NULL;
}

// --- retention ---

void server_disk_housekeep(struct server_disk *disk, int64_t seconds)
{
	disk->seconds = seconds > disk->seconds ? seconds : disk->seconds;
	const int64_t limit = disk->seconds - (int64_t)RETENTION_DAYS * DAY_SECONDS;
	const int64_t id_limit = disk->seconds - (int64_t)ID_RETENTION_DAYS * DAY_SECONDS;
	for (uint32_t i = 0; i < disk->row_count; i++) {
		if (!disk->row[i].in_mailbox || !disk->row[i].is_taken || disk->row[i].taken_at > limit)
			continue;
		server_disk_check_kept("a message that a device has taken", disk->row[i].taken_ran, RETENTION_DAYS);
		disk_drop_row(disk, &disk->row[i]);
	}
	for (int i = 0; i < DISK_USERS_MAX; i++)
		if (disk->user[i].is_absent && disk->user[i].absent_since <= limit)
			disk_forget_user(disk, &disk->user[i]);
	for (uint32_t i = 0; i < disk->row_count; i++) {
		struct disk_row *row = &disk->row[i];
		if (!row->is_id_held)
			continue;
		if (row->held_since > id_limit)
			break;
		if (row->in_mailbox)
			continue;
		server_disk_check_kept("an id", row->held_ran, ID_RETENTION_DAYS);
		row->is_id_held = false;
		report_sight(SIGHT_ID_EXPIRED);
	}
}
