// SPDX-License-Identifier: ISC
// Rooms in the server's store, in a world of their own (world.h): a script of joining, leaving, speaking, taking, blocking and
// forgetting, each step done to the store and to a model that shares no code with it; and what must hold between the tables.
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/message.h"
#include "server_world.h"
#include "store/server_store_inside.h"

enum { PEOPLE = WORLD_USERS, ROOMS = 2, MESSAGES_MAX = 200, OPS = 24, NOBODY = PEOPLE };

// A message in a room.
struct said {
	uint64_t row;
	uint64_t room_row;
	uint8_t room;
	uint8_t kind;
	bool is_kept;       // history has it
	bool has[PEOPLE];   // in this mailbox
	bool is_own[PEOPLE]; // or nobody waits for it there
};

struct room_model {
	uint64_t commit_next;
	bool is_gone[PEOPLE]; // forgotten
	bool is_there[ROOMS];
	uint64_t row_last[ROOMS];
	uint64_t came[ROOMS][PEOPLE]; // by which commit a member came; 0: none
	bool blocks[PEOPLE][PEOPLE];
	uint64_t cursor[PEOPLE];
	uint32_t said_count;
	struct said said[MESSAGES_MAX];
};

struct room_world {
	struct world world; // first
	struct server_store *store;
	struct room_model now;
	struct room_model next;
	bool has_next;
	uint8_t listed; // how many users, from the first
	uint32_t start_serial;
	uint32_t id_serial;
	struct mtime clock;
	size_t op_count; // of the last batch
	struct storage_op op[OPS];
	bool is_answered; // it was
};

static struct storage_place place[BATCH_PLACES_MAX];
static struct storage_page page;

static struct room_world *world_of(struct world *world)
{
	return (struct room_world *)(void *)world;
}

static struct name room_name(unsigned room)
{
	struct name name = {{0}};
	snprintf(name.text, sizeof name.text, "room%u", room);
	return name;
}

// --- the store ---

static enum mms_err open_world(struct world *world)
{
	struct room_world *rooms = world_of(world);
	world->why.text[0] = 0;
	rooms->is_answered = false;
	const enum mms_err err = server_store_open(world->path, rooms->clock, &rooms->store, &world->why);
	if (err == MMS_OK)
		rooms->store->tally_ids_max = 1;
	return err;
}

static void close_world(struct world *world)
{
	server_store_close(world_of(world)->store);
	world_of(world)->store = NULL;
}

static bool is_world_open(const struct world *world)
{
	return ((const struct room_world *)(const void *)world)->store != NULL;
}

static struct room_model *expect(struct room_world *rooms)
{
	rooms->next = rooms->now;
	rooms->store->sql.reason.text[0] = 0;
	return &rooms->next;
}

static enum mms_err settle(struct room_world *rooms, enum mms_err err)
{
	if (err == MMS_OK)
		rooms->now = rooms->next;
	else
		rooms->world.why = *server_store_reason(rooms->store);
	rooms->has_next = err != MMS_OK && err != MMS_E_NOSPACE;
	return err;
}

static enum mms_err sync_users(struct room_world *rooms)
{
	struct server_store_user users[PEOPLE] = {{.name = {{0}}}};
	int64_t ids[PEOPLE];
	int64_t removed[1];
	for (unsigned i = 0; i < rooms->listed; i++)
		users[i].name = world_name(i, false);
	struct server_store_sync sync = {users, rooms->listed, rooms->clock, ids, removed, 0};
	expect(rooms);
	return settle(rooms, server_store_users_sync(rooms->store, &sync));
}

static enum mms_err begin_world(struct world *world)
{
	struct room_world *rooms = world_of(world);
	uint8_t start_id[STORAGE_START_ID_BYTES];
	struct storage_mark mark;
	server_world_start_id(rooms->start_serial++, start_id);
	expect(rooms);
	const enum mms_err err = settle(rooms, server_store_start(rooms->store, start_id, &mark));
	return err == MMS_OK ? sync_users(rooms) : err;
}

// --- what is expected ---

static unsigned member_count(const struct room_model *model, unsigned room)
{
	unsigned count = 0;
	for (unsigned i = 0; i < PEOPLE; i++)
		count += model->came[room][i] != 0;
	return count;
}

static bool owns(const struct room_model *model, unsigned room, unsigned user)
{
	for (unsigned i = 0; i < PEOPLE; i++)
		if (model->came[room][i] != 0 && model->came[room][i] < model->came[room][user])
			return false;
	return model->came[room][user] != 0;
}

// Everybody who is in the room gets it.
static void post(struct room_model *model, unsigned room, uint8_t kind, unsigned author)
{
	assert(model->said_count < MESSAGES_MAX);
	struct said *said = &model->said[model->said_count++];
	*said = (struct said){.row = model->commit_next, .room_row = ++model->row_last[room], .room = (uint8_t)room, .kind = kind,
			      .is_kept = true};
	for (unsigned i = 0; i < PEOPLE; i++) {
		said->has[i] = model->came[room][i] != 0;
		said->is_own[i] = kind != MESSAGE_WRITTEN || i == author;
	}
}

static void go(struct room_model *model, unsigned room, unsigned user)
{
	model->came[room][user] = 0;
	model->is_there[room] = member_count(model, room) > 0;
}

static enum storage_verdict expect_change(struct room_model *model, enum storage_change_kind what, unsigned user, unsigned room,
					  unsigned other)
{
	const bool is_in = model->came[room][user] != 0;
	switch (what) {
	case CHANGE_JOIN:
		if (!model->is_there[room] && model->row_last[room] > 0)
			return VERDICT_NOT_A_MEMBER; // it is gone
		if (is_in)
			return VERDICT_REPEAT;
		model->is_there[room] = true;
		model->came[room][user] = model->commit_next;
		post(model, room, MESSAGE_JOINED, NOBODY);
		return VERDICT_NEW;
	case CHANGE_ADD:
		if (!is_in)
			return VERDICT_NOT_A_MEMBER;
		if (model->came[room][other] != 0)
			return VERDICT_REPEAT;
		if (model->blocks[other][user])
			return VERDICT_BLOCKED;
		model->came[room][other] = model->commit_next;
		post(model, room, MESSAGE_JOINED, NOBODY);
		return VERDICT_NEW;
	case CHANGE_LEAVE:
		if (other != user && !owns(model, room, user))
			return is_in ? VERDICT_NOT_ALLOWED : VERDICT_NOT_A_MEMBER;
		if (model->came[room][other] == 0)
			return VERDICT_REPEAT;
		post(model, room, other == user ? MESSAGE_LEFT : MESSAGE_REMOVED, NOBODY);
		go(model, room, other);
		return VERDICT_NEW;
	default:
		assert(what == CHANGE_BLOCK || what == CHANGE_UNBLOCK);
		if (model->blocks[user][other] == (what == CHANGE_BLOCK))
			return VERDICT_REPEAT;
		model->blocks[user][other] = what == CHANGE_BLOCK;
		return VERDICT_NEW;
	}
}

static enum storage_verdict expect_op(struct room_model *model, const struct storage_op *op)
{
	enum storage_verdict verdict = VERDICT_NOT_A_MEMBER;
	if (op->kind == STORAGE_SUBMIT) {
		const unsigned room = (unsigned)(op->submit.recipient.text[4] - '0');
		const unsigned user = (unsigned)op->submit.sender_id - 1;
		if (model->came[room][user] != 0) {
			post(model, room, MESSAGE_WRITTEN, user);
			verdict = VERDICT_NEW;
		}
	} else if (op->kind == STORAGE_ENROLL) {
		return VERDICT_ENROLLED;
	} else {
		verdict = expect_change(model, op->change.what, (unsigned)op->change.user_id - 1,
					op->change.room.text[0] == 0 ? 0 : (unsigned)(op->change.room.text[4] - '0'),
					(unsigned)op->change.other_id - 1);
	}
	model->commit_next += verdict == VERDICT_NEW || verdict == VERDICT_REPEAT;
	return verdict;
}

// --- batches ---

static enum mms_err append(struct room_world *rooms, const struct storage_move *move, bool is_again)
{
	static uint8_t text[TEXT_BYTES_MAX];
	struct storage_result results[OPS] = {{.verdict = 0}};
	enum storage_verdict expected[OPS] = {0};
	struct storage_appended appended = {.is_kept = false};
	const struct storage_batch batch = {move, move != NULL, rooms->op, rooms->op_count, results, place, text, rooms->clock};
	memset(text, 'r', sizeof text);
	for (size_t i = 0; i < rooms->op_count && !is_again; i++)
		expected[i] = expect_op(&rooms->next, &rooms->op[i]);
	rooms->clock = mtime_add_ms(rooms->clock, 1000);
	enum mms_err err = server_store_append(rooms->store, &batch, &appended, &rooms->world.why);
	for (size_t i = 0; i < rooms->op_count && err == MMS_OK && appended.is_kept; i++) {
		const bool was_said = expected[i] == VERDICT_NEW || expected[i] == VERDICT_REPEAT;
		if (is_again ? results[i].verdict == VERDICT_NEW : results[i].verdict != expected[i])
			world_complain(&rooms->world, "operation %zu: verdict %d, not %d", i, results[i].verdict,
				       is_again ? VERDICT_REPEAT : (int)expected[i]);
		else if (!is_again && was_said && rooms->op[i].kind == STORAGE_CHANGE && results[i].stamp.commit == 0)
			world_complain(&rooms->world, "operation %zu has no stamp", i);
	}
	if (err == MMS_OK && appended.is_kept)
		rooms->is_answered = true;
	if (err == MMS_OK && !appended.is_kept)
		return settle(rooms, MMS_E_NOSPACE);
	if (err == MMS_OK && appended.mark.commit != rooms->next.commit_next - 1)
		world_complain(&rooms->world, "the mark promises %llu, not %llu", (unsigned long long)appended.mark.commit,
			       (unsigned long long)rooms->next.commit_next - 1);
	return settle(rooms, err);
}

static struct storage_op *add_op(struct room_world *rooms, enum storage_op_kind kind)
{
	assert(rooms->op_count < OPS);
	struct storage_op *op = &rooms->op[rooms->op_count++];
	*op = (struct storage_op){.kind = kind, .call = ++rooms->id_serial, .session = 1, .at = {(int64_t)rooms->id_serial}};
	return op;
}

static enum mms_err enroll(struct room_world *rooms, unsigned user)
{
	rooms->op_count = 0;
	struct storage_op *op = add_op(rooms, STORAGE_ENROLL);
	op->enroll.user_id = user + 1;
	server_world_key(user, op->enroll.key);
	expect(rooms)->cursor[user] = rooms->now.commit_next - 1;
	return append(rooms, NULL, false);
}

// A user says `count` things, in turn in each room.
#define SAY(user, count) ((unsigned)(user) << 8 | (count))
static enum mms_err say(struct room_world *rooms, unsigned argument)
{
	rooms->op_count = 0;
	for (unsigned i = 0; i < (argument & 0xff); i++) {
		struct storage_op *op = add_op(rooms, STORAGE_SUBMIT);
		op->submit = (struct storage_submit){.sender_id = (argument >> 8) + 1, .device_id = 1, .is_to_room = true,
						     .recipient = room_name(i % ROOMS), .sender = world_name(argument >> 8, false),
						     .id = world_id(rooms->id_serial), .kind = MESSAGE_WRITTEN, .form = MESSAGE_UTF8,
						     .text_bytes = (uint16_t)(1 + rooms->id_serial % 90)};
	}
	expect(rooms);
	return append(rooms, NULL, false);
}

#define CHANGE(what, user, room, other) ((unsigned)(what) << 12 | (user) << 8 | (room) << 4 | (other))
static enum mms_err change(struct room_world *rooms, unsigned argument)
{
	const unsigned user = argument >> 8 & 15;
	const unsigned other = argument & 15;
	rooms->op_count = 0;
	struct storage_op *op = add_op(rooms, STORAGE_CHANGE);
	op->change = (struct storage_change){.what = (enum storage_change_kind)(argument >> 12), .user_id = user + 1, .device_id = 1,
					     .user = world_name(user, false), .id = world_id(rooms->id_serial), .may_make = true,
					     .other_id = other + 1, .other = world_name(other, false)};
	if (op->change.what <= CHANGE_LEAVE)
		op->change.room = room_name(argument >> 4 & 15);
	expect(rooms);
	return append(rooms, NULL, false);
}

static enum mms_err again(struct room_world *rooms, unsigned argument)
{
	(void)argument;
	expect(rooms);
	if (!rooms->is_answered)
		return MMS_OK; // nobody knows what was said to it
	return append(rooms, NULL, true);
}

// A user's device takes all, or all but a few.
#define TAKE(user, but) ((unsigned)(user) << 8 | (but))
static enum mms_err take(struct room_world *rooms, unsigned argument)
{
	const unsigned user = argument >> 8;
	struct storage_question question = {.kind = QUESTION_SIGNIN};
	struct room_model *model = expect(rooms);
	server_world_key(user, question.signin.key);
	enum mms_err err = server_store_ask(rooms->store, &question, &rooms->world.why);
	if (err != MMS_OK)
		return settle(rooms, err);
	const struct storage_move move = {.user_id = user + 1, .device_id = question.is.device.device_id,
					  .row = model->commit_next - 1 - (argument & 0xff)};
	model->cursor[user] = move.row > model->cursor[user] ? move.row : model->cursor[user];
	for (uint32_t i = 0; i < model->said_count; i++)
		model->said[i].has[user] = model->said[i].has[user] && model->said[i].row > model->cursor[user];
	rooms->op_count = 0;
	rooms->is_answered = false;
	return append(rooms, &move, false);
}

// --- time ---

// A batch of nothing makes the time durable: what passes while the store is closed counts for nothing.
static enum mms_err pass_days(struct room_world *rooms, unsigned days)
{
	rooms->clock = mtime_add_ms(rooms->clock, days * 24 * 60 * 60 * INT64_C(1000));
	rooms->op_count = 0;
	rooms->is_answered = false;
	expect(rooms);
	return append(rooms, NULL, false);
}

// All there is to do: history lets go what was said before the days that passed; who is listed no more leaves.
static enum mms_err housekeep(struct room_world *rooms, unsigned argument)
{
	struct room_model *model = expect(rooms);
	bool has_more;
	(void)argument;
	for (unsigned user = rooms->listed; user < PEOPLE; user++)
		for (unsigned room = 0; room < ROOMS && !model->is_gone[user]; room++) {
			if (model->came[room][user] == 0)
				continue;
			go(model, room, user);
			if (model->is_there[room])
				post(model, room, MESSAGE_LEFT, NOBODY);
			model->commit_next += model->is_there[room];
		}
	for (uint32_t i = 0; i < model->said_count; i++)
		model->said[i].is_kept = i >= rooms->now.said_count && model->is_there[model->said[i].room];
	for (unsigned user = rooms->listed; user < PEOPLE; user++) {
		model->is_gone[user] = true;
		for (uint32_t i = 0; i < model->said_count; i++)
			model->said[i].has[user] = false;
		for (unsigned other = 0; other < PEOPLE; other++)
			model->blocks[user][other] = model->blocks[other][user] = false;
	}
	return settle(rooms, server_store_housekeep(rooms->store, rooms->clock, 10000, &has_more));
}

static enum mms_err list_users(struct room_world *rooms, unsigned count)
{
	rooms->listed = (uint8_t)count;
	return sync_users(rooms);
}

static enum mms_err restart(struct room_world *rooms, unsigned argument)
{
	(void)argument;
	close_world(&rooms->world);
	const enum mms_err err = open_world(&rooms->world);
	return err == MMS_OK ? begin_world(&rooms->world) : err;
}

// --- compared ---

static void look_at_history(struct world *world, struct room_world *rooms, const struct room_model *model, unsigned room)
{
	struct storage_question question = {.kind = QUESTION_ROOMS, .list = {.is_mine = false}, .page = &page};
	struct room_id id = {{0}};
	unsigned asker = PEOPLE;
	for (unsigned i = 0; i < PEOPLE; i++)
		asker = model->came[room][i] != 0 ? i : asker;
	if (asker == PEOPLE)
		return;
	question.user_id = asker + 1;
	question.list.is_mine = true;
	if (server_store_ask(rooms->store, &question, &world->why) != MMS_OK)
		world_complain(world, "rooms cannot be listed");
	for (uint32_t i = 0; i < page.row_count; i++)
		if (page.room[i].room.name.text[4] == '0' + (int)room) {
			id = page.room[i].room.id;
			if (page.room[i].row_last != model->row_last[room] || page.room[i].member_count != member_count(model, room) ||
			    page.room[i].is_owner != owns(model, room, asker))
				world_complain(world, "room %u: row %llu, %u members, owner %d", room,
					       (unsigned long long)page.room[i].row_last, page.room[i].member_count,
					       page.room[i].is_owner);
		}
	question = (struct storage_question){.kind = QUESTION_HISTORY, .user_id = asker + 1, .page = &page,
					     .list = {.room_id = id, .from_row = 1, .to_row = 1000, .rows_max = 32}};
	if (server_store_ask(rooms->store, &question, &world->why) != MMS_OK || question.has.is_refused)
		world_complain(world, "room %u has no history for user %u", room, asker);
	uint32_t next = 0;
	for (uint32_t i = 0; i < model->said_count && next < 32 && world->complaint[0] == 0; i++) {
		const struct said *said = &model->said[i];
		if (!said->is_kept || said->room != room)
			continue;
		if (next == page.row_count || page.row[next].row != said->room_row || page.row[next].kind != said->kind)
			world_complain(world, "history of room %u lacks row %llu", room, (unsigned long long)said->room_row);
		next++;
	}
	if (next != page.row_count)
		world_complain(world, "history of room %u has %u rows, not %u", room, page.row_count, next);
}

static void look_at_mailbox(struct world *world, struct room_world *rooms, const struct room_model *model, unsigned user)
{
	struct storage_question question = {.kind = QUESTION_PAGE, .user_id = user + 1, .page = &page,
					    .mailbox = {.rows_max = STORAGE_PAGE_ROWS_MAX}};
	uint32_t next = 0;
	if (server_store_ask(rooms->store, &question, &world->why) != MMS_OK)
		world_complain(world, "a mailbox cannot be read");
	for (uint32_t i = 0; i < model->said_count && next < STORAGE_PAGE_ROWS_MAX && world->complaint[0] == 0; i++) {
		const struct said *said = &model->said[i];
		if (!said->has[user])
			continue;
		const struct storage_row *row = &page.row[next];
		if (next == page.row_count || row->row != said->row || row->room_row != said->room_row || row->kind != said->kind ||
		    row->is_counted == said->is_own[user] || row->room.name.text[4] != '0' + said->room)
			world_complain(world, "user %u lacks row %llu", user, (unsigned long long)said->row);
		next++;
	}
	if (next != page.row_count && !model->is_gone[user])
		world_complain(world, "user %u has %u rows, not %u", user, page.row_count, next);
}

static void compare(struct room_world *rooms, const struct room_model *model, char complaint[COMPLAINT_BYTES])
{
	struct world found = {.kind = rooms->world.kind};
	struct sqlite3 *db = rooms->store->sql.db;
	uint64_t bodies = 0;
	uint64_t blocks = 0;
	for (uint32_t i = 0; i < model->said_count; i++) {
		bool is_held = model->said[i].is_kept;
		for (unsigned user = 0; user < PEOPLE; user++)
			is_held |= model->said[i].has[user];
		bodies += is_held;
	}
	for (unsigned i = 0; i < PEOPLE * PEOPLE; i++)
		blocks += model->blocks[i / PEOPLE][i % PEOPLE];
	if (world_number(db, "SELECT count(*) FROM body") != (int64_t)bodies)
		world_complain(&found, "%lld bodies, not %llu", (long long)world_number(db, "SELECT count(*) FROM body"),
			       (unsigned long long)bodies);
	if (world_number(db, "SELECT count(*) FROM block WHERE ended_at IS NULL") != (int64_t)blocks)
		world_complain(&found, "not %llu blocks", (unsigned long long)blocks);
	if (world_number(db, "SELECT commit_next FROM counter") != (int64_t)model->commit_next)
		world_complain(&found, "the next commit is not %llu", (unsigned long long)model->commit_next);
	for (unsigned room = 0; room < ROOMS; room++)
		look_at_history(&found, rooms, model, room);
	for (unsigned user = 0; user < PEOPLE; user++)
		look_at_mailbox(&found, rooms, model, user);
	if (server_store_check_rules(&rooms->store->sql) != MMS_OK)
		world_complain(&found, "%.300s", server_store_reason(rooms->store)->text);
	memcpy(complaint, found.complaint, COMPLAINT_BYTES);
}

static void check(struct world *world)
{
	struct room_world *rooms = world_of(world);
	char before[COMPLAINT_BYTES];
	char after[COMPLAINT_BYTES] = "";
	world_check_integrity(world, rooms->store->sql.db);
	compare(rooms, &rooms->now, before);
	if (before[0] != 0 && rooms->has_next) {
		compare(rooms, &rooms->next, after);
		if (after[0] == 0) {
			rooms->now = rooms->next;
			before[0] = 0;
		}
	}
	rooms->has_next = false;
	if (before[0] != 0)
		world_complain(world, "%.400s%s%.400s", before, after[0] == 0 ? "" : "; nor as after the operation: ", after);
}

// --- the script ---

static const struct step {
	const char *name;
	enum mms_err (*run)(struct room_world *rooms, unsigned argument);
	unsigned argument;
} steps[] = {
	{"enroll fred", enroll, 0},
	{"enroll jimmy", enroll, 1},
	{"enroll tim", enroll, 2},
	{"fred makes a room", change, CHANGE(CHANGE_JOIN, 0, 0, 0)},
	{"the same again", again, 0},
	{"jimmy joins", change, CHANGE(CHANGE_JOIN, 1, 0, 1)},
	{"jimmy adds tim", change, CHANGE(CHANGE_ADD, 1, 0, 2)},
	{"tim makes another", change, CHANGE(CHANGE_JOIN, 2, 1, 2)},
	{"tim adds libero", change, CHANGE(CHANGE_ADD, 2, 1, 3)},
	{"fred blocks tim", change, CHANGE(CHANGE_BLOCK, 0, 0, 2)},
	{"the same again", again, 0},
	{"fred is not added", change, CHANGE(CHANGE_ADD, 2, 1, 0)},
	{"fred speaks", say, SAY(0, 4)},
	{"the same again", again, 0},
	{"tim speaks", say, SAY(2, 8)},
	{"jimmy takes some", take, TAKE(1, 4)},
	{"jimmy takes all", take, TAKE(1, 0)},
	{"tim takes some", take, TAKE(2, 3)},
	{"jimmy may not remove", change, CHANGE(CHANGE_LEAVE, 1, 0, 2)},
	{"fred removes tim", change, CHANGE(CHANGE_LEAVE, 0, 0, 2)},
	{"fred unblocks tim", change, CHANGE(CHANGE_UNBLOCK, 0, 0, 2)},
	{"fred leaves", change, CHANGE(CHANGE_LEAVE, 0, 0, 0)},
	{"the same again", again, 0},
	{"jimmy owns it and adds tim", change, CHANGE(CHANGE_ADD, 1, 0, 2)},
	{"restart", restart, 0},
	{"jimmy speaks", say, SAY(1, 5)},
	{"fred takes all", take, TAKE(0, 0)},
	{"jimmy takes all again", take, TAKE(1, 0)},
	{"tim takes all", take, TAKE(2, 0)},
	{"libero blocks jimmy", change, CHANGE(CHANGE_BLOCK, 3, 0, 1)},
	{"libero is suspended", list_users, 3},
	{"tim speaks to the suspended", say, SAY(2, 6)},
	{"jimmy takes it", take, TAKE(1, 0)},
	{"tim takes it", take, TAKE(2, 0)},
	{"a month", pass_days, 31},
	{"history lets go, libero is forgotten", housekeep, 0},
	{"tim speaks alone", say, SAY(2, 4)},
	{"tim leaves the other", change, CHANGE(CHANGE_LEAVE, 2, 1, 2)},
	{"nobody joins it", change, CHANGE(CHANGE_JOIN, 0, 1, 0)},
	{"tim takes the rest", take, TAKE(2, 0)},
	{"jimmy takes the rest", take, TAKE(1, 0)},
	{"restart again", restart, 0},
	{"jimmy speaks on", say, SAY(1, 2)},
};

static void init_world(struct world *world, uint64_t seed, const char *directory)
{
	struct room_world *rooms = world_of(world);
	memset(rooms, 0, sizeof *rooms);
	world->kind = &room_world_kind;
	world->seed = seed;
	snprintf(world->path, sizeof world->path, "%s/server.db", directory);
	rooms->now.commit_next = 1;
	rooms->listed = PEOPLE;
	rooms->clock.us = 1000 * 1000;
	rooms->id_serial = 1;
}

static enum mms_err step_world(struct world *world, uint32_t index)
{
	return steps[index].run(world_of(world), steps[index].argument);
}

static const char *step_name(uint32_t index)
{
	return steps[index].name;
}

static bool is_usable_after(enum mms_err err)
{
	return err == MMS_E_NOSPACE;
}

static void check_broken(struct world *world)
{
	struct room_world *rooms = world_of(world);
	struct storage_appended appended;
	struct reason why;
	const struct storage_batch batch = {.now = rooms->clock};
	if (!rooms->store->is_broken)
		return;
	if (server_store_append(rooms->store, &batch, &appended, &why) == MMS_OK)
		world_complain(world, "a broken store appends");
}

const struct world_kind room_world_kind = {
	.name = "room",
	.world_bytes = sizeof(struct room_world),
	.step_count = sizeof steps / sizeof *steps,
	.init = init_world,
	.open = open_world,
	.close = close_world,
	.is_open = is_world_open,
	.step = step_world,
	.begin = begin_world,
	.step_name = step_name,
	.check = check,
	.is_usable_after = is_usable_after,
	.check_broken = check_broken,
};
