// SPDX-License-Identifier: ISC
// The store over SQLite beside the simulator's (test/sim/server_disk.h), which shares no code with it: random batches, repeats,
// moves, questions, syncs, housekeeping and new starts, and whatever one says the other says. So what the simulator shows of the
// server it shows of a server on this store.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../sim/draw.h"
#include "../sim/report.h"
#include "../sim/server_disk.h"
#include "../sim/server_disk_check.h"
#include "scratch.h"
#include "store/server_store.h"

enum {
	RUNS = 40,
	STEPS = 120,
	USERS = 4,
	KEYS = 8,
	INVITES = 3,
	SESSIONS = 6,
	IDS = 12,
	OPS = 12,
	MOVES = 6,
	ROOMS = 3,
	STAMPS = 4096,
	DAY_S = 24 * 60 * 60,
};

// --- what the simulator's store tells ---

static uint8_t *arena;
static size_t arena_bytes;
enum { ARENA_BYTES = 4 * 1024 * 1024 };

void report_sight(enum sight sight)
{
	(void)sight;
}

void report_trace(const char *format, ...)
{
	(void)format;
}

void report_failure(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	abort();
}

int server_disk_check_place(const struct name *name, const uint8_t life[STORAGE_LIFE_BYTES])
{
	(void)life;
	return name->text[0] - 'a';
}

void server_disk_check_line(uint8_t user, struct name *name, uint8_t life[STORAGE_LIFE_BYTES])
{
	*name = (struct name){{(char)('a' + user)}};
	memset(life, 0, STORAGE_LIFE_BYTES);
}

int64_t server_disk_check_ran(int64_t seconds)
{
	(void)seconds;
	return 0;
}

static const uint8_t *keep(const uint8_t *text, uint16_t bytes)
{
	uint8_t *kept = arena + arena_bytes;
	assert_true(arena_bytes + bytes <= ARENA_BYTES);
	memcpy(kept, text, bytes);
	arena_bytes += bytes;
	return kept;
}

void server_disk_check_accepted(const struct server_disk *disk, struct disk_row *row, uint8_t recipient, const uint8_t *text)
{
	(void)disk;
	(void)recipient;
	row->text = keep(text, row->text_bytes);
}

void server_disk_check_placed(const struct server_disk *disk, const struct disk_row *row, uint8_t user)
{
	(void)disk;
	(void)row;
	(void)user;
}

void server_disk_check_posted(const struct server_disk *disk, struct disk_line *line, const uint8_t *text)
{
	(void)disk;
	line->text = keep(text, line->text_bytes);
}

void server_disk_check_changed(const struct server_disk *disk, struct disk_line *line)
{
	(void)disk;
	(void)line;
}

void server_disk_check_refused(const struct server_disk *disk, const struct storage_op *op, enum storage_verdict verdict)
{
	(void)disk;
	(void)op;
	(void)verdict;
}

void server_disk_check_removed(const struct server_disk *disk, const struct disk_row *row)
{
	(void)disk;
	(void)row;
}

void server_disk_check_owed(const struct disk_device *device, const struct disk_row *row)
{
	(void)device;
	(void)row;
}

void server_disk_check_move(const struct server_disk *disk, const struct disk_device *device, uint64_t to)
{
	(void)disk;
	(void)device;
	(void)to;
}

void server_disk_check_gap_told(const struct disk_device *device)
{
	(void)device;
}

void server_disk_check_enrolled(const struct server_disk *disk, const struct storage_enroll *enroll, uint64_t cursor)
{
	(void)disk;
	(void)enroll;
	(void)cursor;
}

void server_disk_check_synced(const struct server_disk *disk, const struct users_table *table)
{
	(void)disk;
	(void)table;
}

void server_disk_check_kept(const char *what, int64_t since_ran, int days)
{
	(void)what;
	(void)since_ran;
	(void)days;
}

// --- the pair ---

struct pair {
	struct scratch scratch;
	char path[PATH_MAX];
	struct server_store *store;
	struct server_disk disk;
	struct disk_memory memory;
	struct draw draw;
	uint64_t seed;
	int step;
	struct mtime now;
	struct mtime opened_at;
	int64_t opened_s;
	bool is_listed[USERS];
	bool is_revoked[KEYS]; // on its user's line; key k is for user k % USERS
	bool has_invite[INVITES];
	int64_t store_user[USERS];
	struct mtime began_at[SESSIONS];
	uint32_t call[SESSIONS];
	uint8_t days_passed; // how often
	struct storage_op op[OPS];
	struct storage_move move[MOVES];        // as the simulator's store names devices and users
	struct storage_move store_move[MOVES];  // as the real one does
	struct storage_op store_op[OPS];
	struct storage_mark stamp[STAMPS]; // by the id of a change
	bool has_stamp[STAMPS];
	uint8_t text[OPS * 256];
};

static struct pair pair;

static uint32_t below(uint32_t count)
{
	return draw_below(&pair.draw, count);
}

static bool chance(uint32_t permille)
{
	return draw_chance(&pair.draw, permille);
}

static _Noreturn void differ(const char *what, uint64_t real, uint64_t twin)
{
	fail_msg("seed %llu, step %d: %s: the store says %llu, the simulator's %llu", (unsigned long long)pair.seed, pair.step, what,
		 (unsigned long long)real, (unsigned long long)twin);
	abort();
}

static void same(const char *what, uint64_t real, uint64_t twin)
{
	if (real != twin)
		differ(what, real, twin);
}

static void must(enum mms_err err)
{
	if (err != MMS_OK)
		fail_msg("seed %llu, step %d: %s", (unsigned long long)pair.seed, pair.step, server_store_reason(pair.store)->text);
}

static int64_t store_seconds(void)
{
	return pair.opened_s + mtime_diff_us(pair.now, pair.opened_at) / 1000000;
}

static void key_of(uint32_t key, uint8_t bytes[STORAGE_KEY_BYTES])
{
	memset(bytes, (int)(1 + key), STORAGE_KEY_BYTES);
}

static void fingerprint_of(uint32_t key, uint8_t bytes[STORAGE_KEY_BYTES])
{
	memset(bytes, (int)(101 + key), STORAGE_KEY_BYTES);
}

static void invite_of(uint32_t invite, uint8_t bytes[STORAGE_KEY_BYTES])
{
	memset(bytes, (int)(201 + invite), STORAGE_KEY_BYTES);
}

static struct name name_of(uint32_t user)
{
	struct name name;
	const char text[2] = {(char)('a' + (int)user), 0};
	assert_true(name_parse(&name, text, 1));
	return name;
}

// Names that differ in their case are the same.
static struct name room_name_of(uint32_t room)
{
	struct name name;
	const char text[3] = {'r', (char)((chance(200) ? 'A' : 'a') + (int)room), 0};
	assert_true(name_parse(&name, text, 2));
	return name;
}

static void start(void)
{
	struct reason why;
	struct storage_mark mark;
	uint8_t id[STORAGE_START_ID_BYTES];
	const struct server_store_bounds bounds = {
		.mailbox_rows_max = pair.disk.bounds.rows_max,
		.mailbox_bytes_max = pair.disk.bounds.bytes_max,
		.held_bytes_max = pair.disk.bounds.held_bytes_max,
		.sender_ids_max = SENDER_IDS_MAX,
		.room_days = HISTORY_DAYS_DEFAULT,
	};
	for (size_t i = 0; i < sizeof id; i++)
		id[i] = (uint8_t)below(256);
	if (server_store_open(pair.path, pair.now, &pair.store, &why) != MMS_OK)
		fail_msg("%s", why.text);
	server_store_bound(pair.store, &bounds);
	pair.opened_at = pair.now;
	pair.opened_s = pair.disk.seconds;
	must(server_store_start(pair.store, id, &mark));
	server_disk_start(&pair.disk, &pair.memory, id);
	same("the first mark", mark.commit, pair.memory.lane[0].commit);
	for (int i = 0; i < SESSIONS; i++) { // the sessions of a process end with it
		pair.began_at[i] = pair.now;
		pair.call[i] += 100;
	}
}

// --- users ---

static void sync_users(void)
{
	static uint8_t invite[INVITES][STORAGE_KEY_BYTES];
	static uint8_t revoked[KEYS][STORAGE_KEY_BYTES];
	struct server_store_user users[USERS];
	int64_t ids[USERS];
	int64_t removed[KEYS];
	int64_t twin_removed[DISK_DEVICES_MAX];
	struct user_entry entry[USERS];
	struct user_invite table_invite[INVITES];
	struct fingerprint table_revoke[KEYS];
	struct users_table table = {.user = entry, .invite = table_invite, .revoke = table_revoke};
	memset(entry, 0, sizeof entry);
	memset(users, 0, sizeof users);
	for (uint32_t u = 0; u < USERS; u++) {
		if (!pair.is_listed[u])
			continue;
		struct user_entry *line = &entry[table.user_count];
		struct server_store_user *user = &users[table.user_count++];
		user->name = line->name = name_of(u);
		line->revoke_first = table.revoke_count;
		user->revoked = (const uint8_t(*)[STORAGE_KEY_BYTES])&revoked[table.revoke_count];
		for (uint32_t k = u; k < KEYS; k += USERS) {
			if (!pair.is_revoked[k])
				continue;
			fingerprint_of(k, revoked[table.revoke_count]);
			fingerprint_of(k, table_revoke[table.revoke_count++].bytes);
			line->revoke_count++;
			user->revoked_count++;
		}
		user->invite = (const uint8_t(*)[STORAGE_KEY_BYTES])&invite[table.invite_count];
		line->invite_first = table.invite_count;
		for (uint32_t i = u; i < INVITES; i += USERS) {
			if (!pair.has_invite[i])
				continue;
			invite_of(i, invite[table.invite_count]);
			invite_of(i, table_invite[table.invite_count++].hash);
			line->invite_count++;
			user->invite_count++;
		}
	}
	struct server_store_sync sync = {
		.users = users, .count = table.user_count, .now = pair.now, .ids = ids, .removed = removed};
	must(server_store_users_sync(pair.store, &sync));
	const uint32_t count = server_disk_sync_users(&pair.disk, &table, store_seconds(), twin_removed);
	same("devices removed", sync.removed_count, count);
	for (uint32_t i = 0; i < table.user_count; i++)
		pair.store_user[entry[i].name.text[0] - 'a'] = ids[i];
}

static void change_users(void)
{
	const uint32_t user = below(USERS);
	switch (below(4)) {
	case 0:
		pair.is_listed[user] = !pair.is_listed[user] || user == 0;
		break;
	case 1:
		pair.is_revoked[below(KEYS)] = true;
		break;
	case 2:
		memset(pair.is_revoked, 0, sizeof pair.is_revoked);
		break;
	default:
		pair.has_invite[below(INVITES)] = chance(700);
	}
	sync_users();
}

// --- questions ---

static struct storage_page store_page;
static struct storage_page disk_page;

// Both stores about a key. False: neither has it.
static bool ask_signin(uint32_t key, uint32_t user, struct storage_device *real, struct storage_device *twin)
{
	struct reason why;
	struct storage_question question = {.kind = QUESTION_SIGNIN, .signin = {.has_invite = true}};
	key_of(key, question.signin.key);
	invite_of(below(INVITES), question.signin.invite_hash);
	if (pair.disk.start_count > 0 && chance(700)) {
		question.signin.mark = pair.disk.start[below(pair.disk.start_count)];
		question.signin.mark.commit += below(4);
		question.signin.mark.commit -= chance(500);
	}
	struct storage_question other = question;
	question.user_id = pair.store_user[user];
	other.user_id = pair.disk.user[user].user_id;
	must(server_store_ask(pair.store, &question, &why));
	server_disk_answer(&pair.disk, &pair.memory, &other, STORAGE_PAGE_ROWS_MAX);
	same("has_device", question.is.has_device, other.is.has_device);
	same("device_count", question.is.device_count, other.is.device_count);
	same("is_invite_spent", question.is.is_invite_spent, other.is.is_invite_spent);
	same("is_mark_known", question.is.is_mark_known, other.is.is_mark_known);
	same("mark", question.is.mark.commit, other.is.mark.commit);
	if (!question.is.has_device)
		return false;
	*real = question.is.device;
	*twin = other.is.device;
	same("cursor", real->cursor, twin->cursor);
	same("gap_row", real->gap_row, twin->gap_row);
	same("gap_count", real->gap_count, twin->gap_count);
	same("waiting_count", question.is.waiting_count, other.is.waiting_count);
	same("history_count", question.is.history_count, other.is.history_count);
	return true;
}

// What the pages of a mailbox or a room have. What the store itself says, when a user is forgotten, has ids of its own.
static void same_rows(void)
{
	for (uint32_t i = 0; i < store_page.row_count; i++) {
		const struct storage_row *real = &store_page.row[i];
		const struct storage_row *twin = &disk_page.row[i];
		same("row", real->row, twin->row);
		same("sender", strcmp(real->sender.text, twin->sender.text) != 0, 0);
		if (real->sender.text[0] != 0) {
			same("id", (uint64_t)memcmp(real->id.bytes, twin->id.bytes, ID_BYTES), 0);
			same("accepted_at", (uint64_t)real->accepted_at.ms, (uint64_t)twin->accepted_at.ms);
		}
		same("kind", real->kind, twin->kind);
		same("form", real->form, twin->form);
		same("is_counted", real->is_counted, twin->is_counted);
		same("room_row", real->room_row, twin->room_row);
		same("room", strcmp(real->room.name.text, twin->room.name.text) != 0, 0);
		same("text_bytes", real->text_bytes, twin->text_bytes);
		const uint8_t *text = disk_page.text + twin->text_offset;
		same("text", (uint64_t)memcmp(store_page.text + real->text_offset, text, twin->text_bytes), 0);
	}
}

static void ask_page(uint32_t user, uint64_t after_row)
{
	struct reason why;
	struct storage_question question = {
		.kind = QUESTION_PAGE,
		.mailbox = {.after_row = after_row, .rows_max = 1 + below(STORAGE_PAGE_ROWS_MAX)},
		.page = &store_page,
	};
	struct storage_question other = question;
	question.user_id = pair.store_user[user];
	other.user_id = pair.disk.user[user].user_id;
	other.page = &disk_page;
	must(server_store_ask(pair.store, &question, &why));
	server_disk_answer(&pair.disk, &pair.memory, &other, STORAGE_PAGE_ROWS_MAX);
	same("rows", store_page.row_count, disk_page.row_count);
	same("is_end", question.has.is_end, other.has.is_end);
	same("row_newest", question.has.row_newest, other.has.row_newest);
	same_rows();
}

static void prepare_list(struct storage_question *question, struct storage_question *other, uint32_t user)
{
	*other = *question;
	question->user_id = pair.store_user[user];
	other->user_id = pair.disk.user[user].user_id;
	question->page = &store_page;
	other->page = &disk_page;
}

static void ask_both(struct storage_question *question, struct storage_question *other)
{
	struct reason why;
	must(server_store_ask(pair.store, question, &why));
	server_disk_answer(&pair.disk, &pair.memory, other, STORAGE_PAGE_ROWS_MAX);
	same("rows", store_page.row_count, disk_page.row_count);
}

static void ask_rooms(uint32_t user)
{
	struct storage_question question = {.kind = QUESTION_ROOMS, .list = {.is_mine = chance(500)}};
	struct storage_question other;
	if (chance(300))
		question.list.after = room_name_of(below(ROOMS));
	prepare_list(&question, &other, user);
	if (chance(300))
		question.user_id = other.user_id = 0; // the operator asks
	ask_both(&question, &other);
	same("row_newest", question.has.row_newest, other.has.row_newest);
	same("has_more", question.has.has_more, other.has.has_more);
	for (uint32_t i = 0; i < store_page.row_count; i++) {
		const struct storage_room *real = &store_page.room[i];
		const struct storage_room *twin = &disk_page.room[i];
		same("room's name", !name_is_same(&real->room.name, &twin->room.name), 0);
		same("is_member", real->is_member, twin->is_member);
		same("is_owner", real->is_owner, twin->is_owner);
		same("is_private", real->is_private, twin->is_private);
		same("has_no_history", real->has_no_history, twin->has_no_history);
		same("from_row", real->from_row, twin->from_row);
		same("row_last", real->row_last, twin->row_last);
		same("member_count", real->member_count, twin->member_count);
	}
}

static void ask_life(uint32_t user)
{
	struct reason why;
	struct storage_question question = {.kind = QUESTION_LIFE, .name = {{(char)('a' + user)}}};
	struct storage_question other = question;
	must(server_store_ask(pair.store, &question, &why));
	server_disk_answer(&pair.disk, &pair.memory, &other, STORAGE_PAGE_ROWS_MAX);
	same("is_known", question.was.is_known, other.was.is_known);
}

static void ask_devices(void)
{
	static struct storage_list real, twin;
	struct reason why;
	struct storage_question question = {.kind = QUESTION_ALL_DEVICES, .devices = &real};
	struct storage_question other = {.kind = QUESTION_ALL_DEVICES, .devices = &twin};
	must(server_store_ask(pair.store, &question, &why));
	server_disk_answer(&pair.disk, &pair.memory, &other, STORAGE_PAGE_ROWS_MAX);
	same("devices", real.count, twin.count);
	for (uint32_t i = 0; i < real.count; i++) {
		same("user", !name_is_same(&real.device[i].user, &twin.device[i].user), 0);
		same("fingerprint",
		     (uint64_t)memcmp(real.device[i].fingerprint, twin.device[i].fingerprint, STORAGE_KEY_BYTES), 0);
	}
}

// Of a room's members, or of those whom a user blocks.
static void ask_names(uint32_t user, enum storage_question_kind kind)
{
	struct storage_question question = {.kind = kind, .list = {.room = room_name_of(below(ROOMS + 1))}};
	struct storage_question other;
	if (chance(300))
		question.list.after = name_of(below(USERS));
	prepare_list(&question, &other, user);
	if (kind == QUESTION_MEMBERS && chance(300))
		question.user_id = other.user_id = 0; // the operator asks
	ask_both(&question, &other);
	same("is_refused", kind == QUESTION_MEMBERS && question.has.is_refused, other.has.is_refused);
	for (uint32_t i = 0; i < store_page.row_count; i++) {
		const struct storage_member *real = &store_page.member[i];
		const struct storage_member *twin = &disk_page.member[i];
		same("member", !name_is_same(&real->name, &twin->name), 0);
		same("is_owner", real->is_owner, twin->is_owner);
		const uint8_t whose = server_disk_user(&pair.disk, twin->user_id);
		same("member's id", (uint64_t)real->user_id, (uint64_t)pair.store_user[whose]);
	}
}

// Each store knows the room by an id of its own.
static bool find_room_id(const struct name *name, struct room_id *real, struct room_id *twin)
{
	for (uint32_t user = 0; user < USERS; user++) {
		struct storage_question question = {.kind = QUESTION_ROOMS};
		struct storage_question other;
		if (pair.disk.user[user].user_id == 0)
			continue;
		prepare_list(&question, &other, user);
		ask_both(&question, &other);
		for (uint32_t i = 0; i < store_page.row_count; i++) {
			if (!name_is_same(&store_page.room[i].room.name, name))
				continue;
			*real = store_page.room[i].room.id;
			*twin = disk_page.room[i].room.id;
			return true;
		}
	}
	return false;
}

static void ask_history(uint32_t user)
{
	const struct name name = room_name_of(below(ROOMS));
	struct storage_question question = {
		.kind = QUESTION_HISTORY,
		.list = {.from_row = 1 + below(10), .rows_max = 1 + below(STORAGE_PAGE_ROWS_MAX)},
	};
	struct storage_question other;
	struct room_id twin = {{1}};
	question.list.room_id = twin;
	(void)find_room_id(&name, &question.list.room_id, &twin);
	question.list.to_row = question.list.from_row + below(40);
	prepare_list(&question, &other, user);
	other.list.room_id = twin;
	ask_both(&question, &other);
	same("is_refused", question.has.is_refused, other.has.is_refused);
	if (question.has.is_refused)
		return;
	same("is_end", question.has.is_end, other.has.is_end);
	same("row_newest", question.has.row_newest, other.has.row_newest);
	same("row_read", question.has.row_read, other.has.row_read);
	same_rows();
}

// All that can be asked.
static void ask_all(void)
{
	ask_devices();
	ask_life(below(USERS));
	struct storage_device real, twin;
	for (uint32_t key = 0; key < KEYS; key++)
		ask_signin(key, below(USERS), &real, &twin);
	for (uint32_t user = 0; user < USERS; user++) {
		if (pair.disk.user[user].user_id == 0)
			continue; // nobody has no mailbox to be read
		ask_page(user, below(2) == 0 ? 0 : below(1 + (uint32_t)pair.disk.commit_next));
		ask_rooms(user);
		ask_names(user, QUESTION_MEMBERS);
		ask_names(user, QUESTION_BLOCKED);
		ask_history(user);
	}
}

// --- batches ---

static size_t make_moves(void)
{
	size_t count = 0;
	for (uint32_t i = below(MOVES + 1); i > 0; i--) {
		struct storage_device real, twin;
		if (!ask_signin(below(KEYS), 0, &real, &twin))
			continue;
		const uint8_t user = server_disk_user(&pair.disk, twin.user_id);
		const uint64_t newest = pair.disk.user[user].row_newest;
		const uint64_t row = chance(300) ? 0 : below(1 + (uint32_t)newest);
		const uint64_t gap_row = chance(700) ? 0 : twin.gap_row - (twin.gap_row > 0 && chance(200));
		pair.store_move[count] = (struct storage_move){real.user_id, real.device_id, row, gap_row};
		pair.move[count++] = (struct storage_move){twin.user_id, twin.device_id, row, gap_row};
	}
	return count;
}

static int64_t nobody_or(uint32_t user, const int64_t id)
{
	return user == USERS ? 0 : id;
}

static void make_submit(size_t place, uint32_t *text_bytes)
{
	struct storage_submit *submit = &pair.op[place].submit;
	struct storage_submit *other = &pair.store_op[place].submit;
	const uint32_t somebody = below(USERS);
	const uint32_t sender = pair.disk.user[somebody].user_id != 0 ? somebody : 0; // a device of nobody calls nothing
	const uint32_t recipient = chance(50) ? USERS : below(1 + below(USERS));
	*submit = (struct storage_submit){
		.device_id = 1,
		.sender = name_of(sender),
		.kind = chance(500) ? MESSAGE_WRITTEN : 9, // or of a later version
		.form = (uint8_t)(1 + below(2)),
		.is_online = chance(500),
		.text_bytes = (uint16_t)(1 + below(1 + below(250))),
		.text_offset = *text_bytes,
	};
	memset(submit->id.bytes, 0, ID_BYTES);
	submit->id.bytes[0] = (uint8_t)below(IDS);
	submit->id.bytes[1] = (uint8_t)(pair.step / 10); // so that ids are new after a while,
	submit->id.bytes[2] = pair.days_passed; // and none is older than it must be kept: a store may keep it longer
	submit->is_to_room = chance(350);
	submit->recipient = submit->is_to_room ? room_name_of(below(ROOMS)) : name_of(recipient % USERS);
	memset(submit->digest, (int)(recipient + 10 * chance(30) + 20 * submit->is_to_room), DIGEST_BYTES);
	memset(pair.text + *text_bytes, 'a' + (int)below(26), submit->text_bytes);
	*text_bytes += submit->text_bytes;
	*other = *submit;
	submit->sender_id = pair.disk.user[sender].user_id;
	other->sender_id = pair.store_user[sender];
	if (submit->is_to_room)
		return;
	submit->recipient_id = nobody_or(recipient, pair.disk.user[recipient % USERS].user_id);
	other->recipient_id = nobody_or(recipient, pair.store_user[recipient % USERS]);
}

// A stamp that a device shows with a change, whenever it offers it: none, or of a start that is known, or of one that a restore has
// lost.
static struct storage_mark draw_stamp(void)
{
	struct storage_mark stamp = {.commit = below(20) + below(1 + (uint32_t)pair.disk.commit_next)};
	if (chance(500))
		return (struct storage_mark){.commit = 0};
	if (chance(300))
		memset(stamp.start_id, (int)(1 + below(3)), sizeof stamp.start_id);
	else
		memcpy(stamp.start_id, pair.disk.start[below(pair.disk.start_count)].start_id, sizeof stamp.start_id);
	return stamp;
}

static struct storage_mark stamp_of(const struct uuid *id)
{
	const uint32_t place = (id->bytes[0] + IDS * (id->bytes[1] + STEPS * (uint32_t)id->bytes[2])) % STAMPS;
	if (!pair.has_stamp[place])
		pair.stamp[place] = draw_stamp();
	pair.has_stamp[place] = true;
	return pair.stamp[place];
}

static void shape_change(struct storage_change *change)
{
	static const enum storage_change_kind kinds[] = {CHANGE_JOIN, CHANGE_JOIN, CHANGE_JOIN, CHANGE_ADD, CHANGE_ADD, CHANGE_LEAVE,
							 CHANGE_LEAVE, CHANGE_BLOCK, CHANGE_UNBLOCK, CHANGE_DEVICE_NAME};
	static const enum storage_change_kind others[] = {CHANGE_ROOM_MAKE, CHANGE_ROOM_RENAME, CHANGE_ROOM_RENAME, CHANGE_ROOM_DELETE,
							  CHANGE_ADD, CHANGE_LEAVE};
	const bool is_operator = change->user.text[0] == 0;
	change->what = is_operator ? others[below(sizeof others / sizeof *others)] : kinds[below(sizeof kinds / sizeof *kinds)];
	change->room = room_name_of(below(ROOMS));
	change->name = room_name_of(below(ROOMS));
	change->may_make = chance(700);
	change->is_private = chance(300);
	change->has_no_history = chance(300);
	memset(change->digest, (int)(change->what + 20 * chance(30)), DIGEST_BYTES);
}

static void make_change(size_t place)
{
	struct storage_change *change = &pair.op[place].change;
	struct storage_change *other = &pair.store_op[place].change;
	const uint32_t somebody = below(USERS);
	const uint32_t user = pair.disk.user[somebody].user_id != 0 ? somebody : 0;
	const uint32_t whom = below(USERS + 1);
	const bool is_operator = chance(100);
	*change = (struct storage_change){.device_id = 1};
	if (!is_operator)
		change->user = name_of(user);
	shape_change(change);
	change->id.bytes[0] = (uint8_t)below(IDS);
	change->id.bytes[1] = (uint8_t)(pair.step / 5);
	change->id.bytes[2] = pair.days_passed;
	change->id.bytes[3] = 1;
	if (!is_operator)
		change->stamp = stamp_of(&change->id);
	if (change->what == CHANGE_LEAVE && !is_operator && chance(500)) {
		*other = *change;
	} else {
		change->other = whom == USERS ? name_of(25) : name_of(whom);
		*other = *change;
		change->other_id = nobody_or(whom, pair.disk.user[whom % USERS].user_id);
		other->other_id = nobody_or(whom, pair.store_user[whom % USERS]);
	}
	change->user_id = is_operator ? 0 : pair.disk.user[user].user_id;
	other->user_id = is_operator ? 0 : pair.store_user[user];
}

static void make_enroll(size_t place)
{
	struct storage_enroll *enroll = &pair.op[place].enroll;
	const uint32_t key = below(KEYS);
	const uint32_t wanted = chance(900) ? key % USERS : below(USERS);
	const uint32_t user = pair.disk.user[wanted].user_id != 0 ? wanted : 0; // who is nobody has no line; the first always has
	*enroll = (struct storage_enroll){.has_invite = chance(500)};
	key_of(key, enroll->key);
	fingerprint_of(key, enroll->fingerprint);
	if (enroll->has_invite)
		invite_of(below(INVITES), enroll->invite_hash);
	pair.store_op[place].enroll = *enroll;
	enroll->user_id = pair.disk.user[user].user_id;
	pair.store_op[place].enroll.user_id = pair.store_user[user];
}

static size_t make_ops(void)
{
	uint32_t text_bytes = 0;
	const size_t count = below(OPS + 1);
	for (size_t i = 0; i < count; i++) {
		const uint32_t session = below(SESSIONS);
		pair.op[i] = (struct storage_op){
			.kind = chance(650) ? STORAGE_SUBMIT : chance(600) ? STORAGE_CHANGE : STORAGE_ENROLL,
			.call = ++pair.call[session],
			.session = session,
			.session_began_at = pair.began_at[session],
			.at = {1800000000000 + below(1000)},
		};
		pair.store_op[i] = pair.op[i];
		if (pair.op[i].kind == STORAGE_SUBMIT)
			make_submit(i, &text_bytes);
		else if (pair.op[i].kind == STORAGE_CHANGE)
			make_change(i);
		else
			make_enroll(i);
	}
	return count;
}

static bool is_operators(const struct storage_op *op)
{
	return op->kind == STORAGE_CHANGE && op->change.user_id == 0;
}

static void same_change(const struct storage_op *op, const struct storage_result *real, const struct storage_result *twin)
{
	if (op->kind == STORAGE_ENROLL)
		return;
	same("stamp's start", (uint64_t)memcmp(real->stamp.start_id, twin->stamp.start_id, STORAGE_START_ID_BYTES), 0);
	same("stamp", real->stamp.commit, twin->stamp.commit);
	if (twin->verdict != VERDICT_NEW)
		return;
	if (op->kind == STORAGE_CHANGE)
		same("kind", real->kind, twin->kind);
	same("room_row", real->room_row, twin->room_row);
	same("room", strcmp(real->room.name.text, twin->room.name.text) != 0, 0);
	same("about", strcmp(real->about.text, twin->about.text) != 0, 0);
	same("member_count", real->member_count, twin->member_count);
}

static void append(bool is_again, size_t move_count, size_t op_count, struct mtime handed_at)
{
	struct storage_result real[OPS];
	struct storage_result twin[OPS];
	static struct storage_place real_place[BATCH_PLACES_MAX];
	static struct storage_place twin_place[BATCH_PLACES_MAX];
	struct storage_appended appended;
	struct reason why;
	const struct storage_batch batch = {pair.store_move, move_count, pair.store_op, op_count, real, real_place, pair.text, handed_at};
	const struct storage_batch other = {pair.move, move_count, pair.op, op_count, twin, twin_place, pair.text, handed_at};
	memset(real, 0xdd, sizeof real);
	must(server_store_append(pair.store, &batch, &appended, &why));
	const struct storage_mark mark = server_disk_append(&pair.disk, &pair.memory, 0, &other, NULL, store_seconds(), twin);
	same("is_kept", appended.is_kept, true);
	same("has_room", appended.has_room, true);
	for (size_t i = 0; i < op_count; i++) {
		same(is_again ? "a repeated verdict" : "a verdict", real[i].verdict, twin[i].verdict);
		if (twin[i].verdict != VERDICT_NEW && twin[i].verdict != VERDICT_REPEAT)
			continue;
		const bool is_of_room = pair.op[i].kind != STORAGE_ENROLL &&
					(pair.op[i].kind == STORAGE_CHANGE || pair.op[i].submit.is_to_room);
		if (pair.op[i].kind == STORAGE_SUBMIT || twin[i].verdict == VERDICT_NEW)
			same("a result's row", real[i].row, twin[i].row);
		same("was_online", real[i].was_online, twin[i].was_online);
		same_change(&pair.op[i], &real[i], &twin[i]);
		if (is_of_room && twin[i].verdict == VERDICT_REPEAT)
			continue; // its places may be named or not
		same("places", real[i].place_count, twin[i].place_count);
		for (uint32_t j = 0; j < real[i].place_count; j++) {
			const struct storage_place *place = &real_place[real[i].place_first + j];
			const struct storage_place *other_place = &twin_place[twin[i].place_first + j];
			const uint8_t whose = server_disk_user(&pair.disk, other_place->user_id);
			same("place's user", (uint64_t)place->user_id, (uint64_t)pair.store_user[whose]);
			same("row_before", place->row_before, other_place->row_before);
			same("is_own", place->is_own, other_place->is_own);
		}
		if (is_again && !is_operators(&pair.op[i]))
			same("a repeat", real[i].verdict, VERDICT_REPEAT);
	}
	same("the mark", appended.mark.commit, mark.commit);
	same("the mark's start", (uint64_t)memcmp(appended.mark.start_id, mark.start_id, sizeof mark.start_id), 0);
}

static void append_some(void)
{
	const size_t move_count = make_moves();
	const size_t op_count = make_ops();
	const struct mtime handed_at = pair.now;
	append(false, move_count, op_count, handed_at);
	if (!chance(200))
		return;
	pair.now = mtime_add_ms(pair.now, below(5000));
	append(true, move_count, op_count, handed_at);
}

// --- a run ---

static void housekeep(void)
{
	bool has_more = true;
	while (has_more)
		must(server_store_housekeep(pair.store, pair.now, 1000, &has_more));
	server_disk_housekeep(&pair.disk, store_seconds());
	for (uint32_t user = 0; user < USERS; user++) // who was absent for long is nobody
		if (pair.disk.user[user].user_id == 0)
			pair.store_user[user] = 0;
}

static void let_days_pass(void)
{
	pair.now = mtime_add_us(pair.now, (int64_t)(1 + below(20)) * DAY_S * 1000000);
	pair.days_passed++;
}

static void start_anew(void)
{
	server_store_close(pair.store);
	start();
	sync_users();
}

static void take_step(void)
{
	const uint32_t what = below(100);
	if (chance(100))
		pair.began_at[below(SESSIONS)] = pair.now;
	pair.now = mtime_add_ms(pair.now, below(60) == 0 ? 200 * 1000 : below(3000));
	if (what < 70)
		append_some();
	else if (what < 85)
		ask_all();
	else if (what < 92)
		change_users();
	else if (what < 95)
		housekeep();
	else if (what < 97)
		let_days_pass();
	else
		start_anew();
}

static void run(uint64_t seed)
{
	pair.draw = (struct draw){.state = seed};
	pair.seed = seed;
	pair.now = (struct mtime){5000000000};
	arena_bytes = 0;
	const struct disk_bounds bounds = {
		.rows_max = chance(500) ? 1 + below(12) : 1000,
		.bytes_max = chance(300) ? 100 + below(2000) : 1000000,
		.held_bytes_max = chance(500) ? 300 + below(4000) : 10000000,
	};
	server_disk_begin(&pair.disk, &bounds);
	memset(pair.store_user, 0, sizeof pair.store_user);
	memset(pair.is_revoked, 0, sizeof pair.is_revoked);
	memset(pair.has_invite, 1, sizeof pair.has_invite);
	memset(pair.has_stamp, 0, sizeof pair.has_stamp);
	memset(pair.is_listed, 1, sizeof pair.is_listed);
	scratch_open(&pair.scratch);
	snprintf(pair.path, sizeof pair.path, "%.4000s/server.db", pair.scratch.directory);
	start();
	sync_users();
	for (pair.step = 0; pair.step < STEPS; pair.step++)
		take_step();
	ask_all();
	server_store_close(pair.store);
	scratch_close(&pair.scratch);
}

static void test_same(void **state)
{
	(void)state;
	arena = malloc(ARENA_BYTES);
	assert_non_null(arena);
	const char *only = getenv("TWIN_SEED"); // one run, after a failure
	for (uint64_t seed = 1; only == NULL && seed <= RUNS; seed++)
		run(seed);
	if (only != NULL)
		run(strtoull(only, NULL, 10));
	free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_same)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
