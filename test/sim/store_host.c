// SPDX-License-Identifier: ISC
// The contract is in store_host.h.
#include "store_host.h"

#include <assert.h>
#include <string.h>

#include "report.h"
#include "server_host.h"
#include "store_sights.h"
#include "world.h"

enum {
	JOBS_MAX = 256,
	OPS_MAX = 16384, // of a batch
	SLOW_MS_MAX = 30000,
	SLOWER_MS_MAX = 240000, // longer than a session lives that is not heard of
};

enum job_state {
	JOB_NONE = 0,
	JOB_WAITING, // nothing of it is durable
	JOB_AGAIN,   // it is, and its connection was lost: the store performs it again
	JOB_DONE,    // it is to be told
};

struct job {
	enum job_state state;
	enum store_job_kind kind;
	enum mms_err fate;
	bool is_kept;  // whether it is durable though it broke the store
	bool is_twice;
	uint32_t lane;
	uint64_t number; // in the order of their orders
	struct mtime due;
	uint64_t digest; // of what was lent
	const struct storage_batch *batch;
	struct storage_question *question;
	struct users_table *table;
	struct store_told told;
};

static struct {
	struct job job[JOBS_MAX];
	uint32_t job_count; // places that were used
	uint32_t busy_count;
	uint64_t number_next;
	struct disk_memory memory;
	struct storage_result results[DISK_LANES_MAX][OPS_MAX]; // until they are told
	struct storage_result again[OPS_MAX];
	bool lacks_room[OPS_MAX];
} thread;

static bool may_fail(void)
{
	return world.is_faulty && mtime_is_due(world.absent_until, world.now);
}

static bool chance(uint32_t permille)
{
	return may_fail() && draw_chance(&world.draw, permille);
}

static uint32_t some_ms(void)
{
	return may_fail() && world.options.store_delay_ms > 0 ? draw_below(&world.draw, world.options.store_delay_ms + 1) : 0;
}

static void forget(void)
{
	for (uint32_t i = 0; i < thread.job_count; i++)
		thread.job[i].state = JOB_NONE;
	thread.job_count = thread.busy_count = 0;
}

void store_host_begin(const uint8_t start_id[STORAGE_START_ID_BYTES])
{
	forget();
	server_disk_start(&world.disk, &thread.memory, start_id);
	store_sights_begin();
}

// --- what was lent ---

static uint64_t mix(uint64_t digest, const void *bytes, size_t count)
{
	const uint8_t *at = bytes;
	for (; count >= 8; count -= 8, at += 8) {
		uint64_t word;
		memcpy(&word, at, 8);
		digest = (digest ^ word) * 0x100000001b3;
		digest ^= digest >> 29;
	}
	for (; count > 0; count--)
		digest = (digest ^ *at++) * 0x100000001b3;
	return digest;
}

static uint64_t digest_batch(const struct storage_batch *batch)
{
	uint64_t digest = mix(1, batch, sizeof *batch);
	digest = mix(digest, batch->moves, batch->move_count * sizeof *batch->moves);
	digest = mix(digest, batch->ops, batch->op_count * sizeof *batch->ops);
	for (size_t i = 0; i < batch->op_count; i++)
		if (batch->ops[i].kind == STORAGE_SUBMIT)
			digest = mix(digest, batch->text + batch->ops[i].submit.text_offset, batch->ops[i].submit.text_bytes);
	return digest;
}

static uint64_t digest_question(const struct storage_question *question)
{
	return mix(2, question, offsetof(struct storage_question, is));
}

static void check_lent(const struct job *job)
{
	if (job->kind == JOB_APPEND && digest_batch(job->batch) != job->digest)
		report_failure("a batch was changed while the store had it");
	if (job->kind == JOB_ASK && digest_question(job->question) != job->digest)
		report_failure("a question was changed while the store had it");
}

// --- orders ---

static struct job *begin_job(enum store_job_kind kind, uint32_t lane)
{
	uint32_t place = 0;
	while (place < thread.job_count && thread.job[place].state != JOB_NONE)
		place++;
	thread.job_count += place == thread.job_count;
	assert(thread.job_count <= JOBS_MAX);
	for (uint32_t i = 0; i < thread.job_count; i++) {
		const struct job *other = &thread.job[i];
		if (other->state == JOB_NONE || other->kind != kind || kind == JOB_ASK)
			continue;
		if (kind != JOB_APPEND || other->lane == lane)
			report_failure("the store is ordered something twice that it can only do once at a time");
	}
	struct job *job = &thread.job[place];
	*job = (struct job){.state = JOB_WAITING, .kind = kind, .lane = lane, .number = thread.number_next++};
	job->due = mtime_add_ms(world.now, some_ms());
	job->told.kind = kind;
	if (thread.busy_count++ > 0)
		report_sight(SIGHT_STORE_BUSY);
	return job;
}

static void take_long(struct job *job)
{
	const uint32_t most = draw_chance(&world.draw, 100) ? SLOWER_MS_MAX : SLOW_MS_MAX;
	job->due = mtime_add_ms(world.now, 1 + draw_below(&world.draw, most));
}

// Every order may take long, find no room, or break the store before or after it is durable.
static void draw_fate(struct job *job)
{
	const struct options *options = &world.options;
	const uint32_t more = job->kind == JOB_SYNC ? options->failed_reloads : 0;
	if (chance(options->slow_commits + more))
		take_long(job);
	if ((may_fail() && world.server.is_disk_full && draw_chance(&world.draw, 500)) || chance(options->full_commits + more)) {
		job->fate = MMS_E_NOSPACE;
	} else if (chance(options->failed_commits + more)) {
		job->fate = MMS_E_IO;
		job->is_kept = draw_chance(&world.draw, 500);
	}
}

void store_host_append(uint32_t lane, const struct storage_batch *batch)
{
	assert(lane < world.options.lanes);
	assert(batch->op_count <= OPS_MAX);
	assert(batch->op_count + batch->move_count > 0);
	struct job *job = begin_job(JOB_APPEND, lane);
	job->batch = batch;
	job->digest = digest_batch(batch);
	if (batch->op_count > 0)
		memset(batch->results, 0xdd, batch->op_count * sizeof *batch->results);
	store_sights_append(lane, batch);
	draw_fate(job);
	job->is_twice = job->fate == MMS_OK && chance(world.options.repeated_commits);
	if (job->fate == MMS_OK && !job->is_twice && chance(world.options.repeated_commits)) {
		report_sight(SIGHT_FIRST_TRY_LOST); // nothing of it came through: it is only later
		job->due = mtime_add_ms(world.now, 1 + draw_below(&world.draw, 2000));
	}
}

void store_host_ask(struct storage_question *question)
{
	assert(question->lane < world.options.lanes);
	struct job *job = begin_job(JOB_ASK, question->lane);
	job->question = question;
	job->digest = digest_question(question);
	if (chance(world.options.slow_commits))
		take_long(job);
	if (chance(world.options.failed_reads))
		job->fate = MMS_E_IO;
}

void store_host_sync(struct users_table *table)
{
	struct job *job = begin_job(JOB_SYNC, 0);
	job->table = table;
	draw_fate(job);
}

void store_host_housekeep(void)
{
	draw_fate(begin_job(JOB_HOUSEKEEP, 0));
}

// --- what becomes of them ---

// What an operation came to when it was performed first, it comes to again.
static bool is_same_result(const struct storage_op *op, const struct storage_result *first, const struct storage_result *second)
{
	if (op->kind == STORAGE_CHANGE && (first->verdict == VERDICT_NEW || first->verdict == VERDICT_REPEAT))
		return second->verdict == VERDICT_REPEAT && memcmp(&first->stamp, &second->stamp, sizeof first->stamp) == 0;
	if (first->verdict == VERDICT_NEW || first->verdict == VERDICT_REPEAT)
		return second->verdict == VERDICT_REPEAT && first->row == second->row && first->was_online == second->was_online;
	return first->verdict == second->verdict;
}

// A message of a rolled-back batch or of a full disk; or the disk is short of room for some.
static const bool *draw_room(const struct job *job)
{
	bool is_any = false;
	if (!may_fail() || (world.options.full_ops == 0 && !world.server.is_disk_full))
		return NULL;
	for (size_t i = 0; i < job->batch->op_count; i++) {
		thread.lacks_room[i] = world.server.is_disk_full || chance(world.options.full_ops);
		is_any = is_any || thread.lacks_room[i];
	}
	if (is_any && !world.server.is_disk_full)
		report_sight(SIGHT_OP_FULL);
	return thread.lacks_room;
}

// Whether housekeeping has forgotten an id since its batch was performed first; that it may, is checked where it does.
static bool is_forgotten(const struct storage_op *op, const struct storage_result *first)
{
	const bool was_held = first->verdict == VERDICT_NEW || first->verdict == VERDICT_REPEAT ||
			      first->verdict == VERDICT_ID_MISUSED;
	if (op->kind == STORAGE_ENROLL || !was_held)
		return false;
	const bool is_change = op->kind == STORAGE_CHANGE;
	const uint32_t message = truth_find(server_disk_user(&world.disk, is_change ? op->change.user_id : op->submit.sender_id),
					    is_change ? &op->change.id : &op->submit.id);
	return server_disk_held(&world.disk, message).commit == 0;
}

static void append(struct job *job, bool is_again)
{
	const struct storage_batch *batch = job->batch;
	struct storage_appended *appended = &job->told.appended;
	struct storage_result *results = is_again ? thread.again : thread.results[job->lane];
	const int64_t seconds = server_host_seconds(batch->now);
	appended->has_room = !world.server.is_disk_full;
	appended->is_kept = job->fate != MMS_E_NOSPACE;
	if (!appended->is_kept) {
		world.server.full_count++;
		appended->mark = server_disk_roll_back(&world.disk, &thread.memory, job->lane, batch, results);
		return;
	}
	bool has_gone[SERVER_OPS_MAX];
	for (size_t i = 0; is_again && i < batch->op_count; i++)
		has_gone[i] = is_forgotten(&batch->ops[i], &thread.results[job->lane][i]);
	appended->mark = server_disk_append(&world.disk, &thread.memory, job->lane, batch, is_again ? NULL : draw_room(job),
					    seconds, results);
	for (size_t i = 0; is_again && i < batch->op_count; i++) {
		const struct storage_result *first = &thread.results[job->lane][i];
		if (batch->ops[i].kind != STORAGE_ENROLL && !is_same_result(&batch->ops[i], first, &results[i]) && !has_gone[i])
			report_failure("a batch was repeated, and operation %zu came from %u to %u", i, first->verdict,
				       results[i].verdict);
		thread.results[job->lane][i] = results[i];
	}
}

// What was ordered takes its effect.
static void perform(struct job *job, bool is_again)
{
	switch (job->kind) {
	case JOB_APPEND:
		append(job, is_again);
		break;
	case JOB_ASK: {
		const bool is_short = chance(100);
		server_disk_answer(&world.disk, &thread.memory, job->question, is_short ? 1 : STORAGE_PAGE_ROWS_MAX);
		break;
	}
	case JOB_SYNC:
		if (job->fate != MMS_E_NOSPACE)
			job->told.removed_count = server_disk_sync_users(&world.disk, job->table,
									 server_host_seconds(world.now), job->told.removed);
		break;
	case JOB_HOUSEKEEP:
		for (uint32_t i = 0; i < thread.job_count; i++)
			if (thread.job[i].state == JOB_WAITING && thread.job[i].kind == JOB_APPEND)
				report_sight(SIGHT_HOUSEKEPT_BESIDE);
		if (job->fate != MMS_E_NOSPACE)
			server_disk_housekeep(&world.disk, server_host_seconds(world.now));
		break;
	}
}

// A question is answered from a state that holds what its lane was given before.
static bool waits_for_lane(struct job *job)
{
	for (uint32_t i = 0; job->kind == JOB_ASK && i < thread.job_count; i++) {
		const struct job *other = &thread.job[i];
		if (other->state != JOB_WAITING || other->kind != JOB_APPEND || other->lane != job->lane || other->number > job->number)
			continue;
		job->due = mtime_add_us(other->due, 1);
		return true;
	}
	return false;
}

// The next step of a job that is due. True: it is to be told now.
static bool step(struct job *job)
{
	if (job->state == JOB_DONE)
		return true;
	if (waits_for_lane(job))
		return false;
	check_lent(job);
	if (job->fate != MMS_E_IO || job->is_kept)
		perform(job, job->state == JOB_AGAIN);
	if (job->state == JOB_WAITING && job->is_twice) {
		report_sight(SIGHT_REPEATED);
		job->state = JOB_AGAIN;
		job->due = mtime_add_ms(world.now, 1 + draw_below(&world.draw, 3000));
		return false;
	}
	job->state = JOB_DONE;
	job->due = mtime_add_ms(world.now, some_ms());
	return mtime_is_due(job->due, world.now);
}

// --- words ---

// Whether what another lane was given earlier is told later.
static void look_for_order(const struct job *job)
{
	for (uint32_t i = 0; job->kind == JOB_APPEND && i < thread.job_count; i++)
		if (thread.job[i].state == JOB_DONE && thread.job[i].kind == JOB_APPEND && thread.job[i].number < job->number)
			report_sight(SIGHT_OUT_OF_ORDER);
}

static void tell(struct job *job, struct store_told *told)
{
	check_lent(job);
	*told = job->told;
	told->lane = job->lane;
	told->batch = job->batch;
	told->question = job->question;
	told->is_broken = job->fate == MMS_E_IO;
	told->is_full = job->fate == MMS_E_NOSPACE;
	if (job->kind == JOB_APPEND && !told->is_broken && job->batch->op_count > 0)
		memcpy(job->batch->results, thread.results[job->lane], job->batch->op_count * sizeof *job->batch->results);
	job->state = JOB_NONE;
	thread.busy_count--;
	look_for_order(job);
	store_sights_look(told);
}

bool store_host_is_busy(void)
{
	return thread.busy_count > 0;
}

struct mtime store_host_deadline(void)
{
	struct mtime due = MTIME_NEVER;
	for (uint32_t i = 0; thread.busy_count > 0 && i < thread.job_count; i++)
		if (thread.job[i].state != JOB_NONE)
			due = mtime_min(due, thread.job[i].due);
	return due;
}

bool store_host_next(struct store_told *told)
{
	for (uint32_t i = 0; thread.busy_count > 0 && i < thread.job_count; i++) {
		struct job *job = &thread.job[i];
		if (job->state == JOB_NONE || !mtime_is_due(job->due, world.now) || !step(job))
			continue;
		tell(job, told);
		return true;
	}
	return false;
}

void store_host_hurry(void)
{
	for (uint32_t i = 0; i < thread.job_count; i++)
		thread.job[i].due = world.now;
}

void store_host_kill(void)
{
	uint32_t lanes = 0;
	for (uint32_t i = 0; i < thread.job_count; i++) {
		struct job *job = &thread.job[i];
		if (job->state == JOB_NONE || job->kind == JOB_ASK)
			continue;
		lanes += job->kind == JOB_APPEND;
		bool is_kept = job->state != JOB_WAITING;
		if (!is_kept && (job->fate == MMS_OK || job->is_kept) && draw_chance(&world.draw, 500)) {
			perform(job, false);
			is_kept = true;
		}
		if (job->kind == JOB_APPEND)
			report_sight(is_kept ? SIGHT_BATCH_KEPT : SIGHT_BATCH_LOST);
		else if (is_kept)
			report_sight(SIGHT_SYNC_KEPT);
	}
	if (lanes > 1)
		report_sight(SIGHT_LANES_KILLED);
	forget();
}
