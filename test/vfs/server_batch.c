// SPDX-License-Identifier: ISC
// The batches of the server's script: each is put together, done to the model, and appended to the store.
#include <assert.h>
#include <string.h>

#include "base/message.h"
#include "server_world.h"

enum { OPS_MAX = 512 };

// A batch on its way.
struct build {
	struct storage_move move[SERVER_MOVES_MAX];
	uint8_t moved_key[SERVER_MOVES_MAX];
	size_t move_count;
	struct server_op from[OPS_MAX];
	struct storage_op op[OPS_MAX];
	struct storage_result result[OPS_MAX];
	struct storage_place place[BATCH_PLACES_MAX];
	struct model_answer expected[OPS_MAX];
	uint8_t text[OPS_MAX * TEXT_BYTES_MAX];
	size_t count;
	size_t text_bytes;
	uint64_t session;
	struct mtime session_began_at;
};

static struct build batch; // used within a call; too large to be copied with a world

static void begin_batch(struct server_world *server)
{
	struct build *build = &batch;
	build->move_count = build->count = build->text_bytes = 0;
	build->session = server->serial_next;
	build->session_began_at = server->clock;
	server_world_expect(server);
}

// --- what is in it ---

static void put_submit(struct server_world *server, const struct server_op *from, struct storage_op *op)
{
	struct build *build = &batch;
	const struct model_submit *submit = &from->submit;
	const uint32_t serial = submit->serial;
	op->kind = STORAGE_SUBMIT;
	op->at.ms = (int64_t)serial; // whatever a wall clock says
	op->submit = (struct storage_submit){
		.sender_id = server->next.user[submit->sender].id,
		.device_id = 1,
		.recipient_id = submit->recipient == MODEL_USERS ? 0 : server->next.user[submit->recipient].id,
		.sender = world_name(submit->sender, server->is_loud),
		.id = world_id(serial),
		.kind = MESSAGE_WRITTEN,
		.form = MESSAGE_UTF8,
		.is_online = serial % 2 == 0,
		.text_offset = (uint32_t)build->text_bytes,
	};
	memset(op->submit.digest, (int)(serial + submit->is_other), sizeof op->submit.digest);
	op->submit.text_bytes = world_text(serial, build->text + build->text_bytes);
	build->text_bytes += op->submit.text_bytes;
}

static void put_enroll(struct server_world *server, const struct server_op *from, struct storage_op *op)
{
	op->kind = STORAGE_ENROLL;
	op->enroll = (struct storage_enroll){.user_id = server->next.user[from->user].id, .has_invite = from->has_invite};
	server_world_key(from->key, op->enroll.key);
	server_world_key(from->invite, op->enroll.invite_hash);
	memset(op->enroll.fingerprint, (int)(~(unsigned)from->key & 0xff), sizeof op->enroll.fingerprint);
}

// Adds an operation to the batch, and does it to the model.
static void add(struct server_world *server, const struct server_op *from)
{
	struct build *build = &batch;
	assert(build->count < OPS_MAX);
	struct storage_op *op = &build->op[build->count];
	*op = (struct storage_op){.call = (uint32_t)build->count + 1, .session = build->session,
				  .session_began_at = build->session_began_at};
	if (from->is_enroll) {
		put_enroll(server, from, op);
		build->expected[build->count] =
			model_enroll(&server->next, from->key, from->user, from->has_invite, from->invite);
	} else {
		put_submit(server, from, op);
		build->expected[build->count] = model_submit(&server->next, &from->submit, server_world_seconds(server));
	}
	build->from[build->count++] = *from;
}

static void add_move(struct server_world *server, unsigned key, const struct storage_move *move)
{
	struct build *build = &batch;
	assert(build->move_count < SERVER_MOVES_MAX);
	assert(build->count == 0); // moves come first
	build->moved_key[build->move_count] = (uint8_t)key;
	build->move[build->move_count++] = *move;
	if (server->next.device[key].id != move->device_id)
		return;
	model_gap_told(&server->next, key, move->gap_row);
	model_move(&server->next, key, move->row, server_world_seconds(server));
}

static void add_accept(struct server_world *server)
{
	const uint32_t serial = server->serial_next++;
	struct draw draw = {server->world.seed ^ serial};
	struct server_op op = {.submit = {.serial = serial}};
	static uint8_t text[TEXT_BYTES_MAX];
	do {
		op.submit.sender = (uint8_t)draw_below(&draw, MODEL_USERS);
		op.submit.recipient = (uint8_t)draw_below(&draw, MODEL_USERS);
	} while (server->next.user[op.submit.sender].id == 0 || server->next.user[op.submit.recipient].id == 0);
	if (serial % 17 == 5)
		op.submit.recipient = MODEL_USERS;
	op.submit.text_bytes = world_text(serial, text);
	add(server, &op);
}

// The device moves to a row that is drawn; a key without one names a device that is not there.
static void add_cursor(struct server_world *server, unsigned key)
{
	const struct model_device *device = &server->next.device[key];
	const uint64_t row_last = server->next.commit_next - 1;
	struct draw draw = {server->world.seed ^ (row_last << 8) ^ key};
	struct storage_move move = {1, 999, 0, 0};
	if (device->id != 0)
		move = (struct storage_move){device->user_id, device->id, 0, 0};
	move.row = device->cursor + draw_below(&draw, row_last - device->cursor + 1);
	add_move(server, key, &move);
}

static void add_enroll(struct server_world *server, unsigned key, uint8_t user, bool has_invite, unsigned invite)
{
	add(server, &(struct server_op){.is_enroll = true, .key = (uint8_t)key, .user = user, .invite = (uint8_t)invite,
					.has_invite = has_invite});
}

static void add_gap_told(struct server_world *server, unsigned key, uint64_t row)
{
	const struct model_device *device = &server->next.device[key];
	add_move(server, key, &(struct storage_move){device->user_id, device->id, 0, row});
}

// --- handing it over ---

// Keeps a batch for server_batch_again.
static void keep(struct server_world *server)
{
	const struct build *build = &batch;
	struct server_batch *last = &server->last;
	if (build->count > SERVER_OPS_MAX)
		return;
	last->move_count = build->move_count;
	memcpy(last->move, build->move, sizeof last->move);
	memcpy(last->moved_key, build->moved_key, sizeof last->moved_key);
	last->op_count = build->count;
	memcpy(last->op, build->from, build->count * sizeof *last->op);
	last->session = build->session;
	last->session_began_at = build->session_began_at;
	last->is_told = false;
}

static void judge(struct server_world *server, size_t i, const struct model_answer *expected)
{
	const struct storage_result *result = &batch.result[i];
	const bool has_row = expected->verdict == VERDICT_NEW || expected->verdict == VERDICT_REPEAT;
	const uint64_t row_before = has_row && result->place_count == 1 ? batch.place[result->place_first].row_before : 0;
	if ((int)result->verdict != expected->verdict ||
	    (has_row && (result->row != expected->row || row_before != expected->row_before ||
			 result->was_online != (batch.from[i].submit.serial % 2 == 0))))
		world_complain(&server->world, "operation %zu: verdict %d row %llu before %llu, not %d %llu %llu", i, result->verdict,
			       (unsigned long long)result->row, (unsigned long long)row_before, expected->verdict,
			       (unsigned long long)expected->row, (unsigned long long)expected->row_before);
}

// There was no room for the batch: what was so before is said, all else refused.
static void judge_unkept(struct server_world *server)
{
	for (size_t i = 0; i < batch.count; i++) {
		const struct server_op *from = &batch.from[i];
		const struct model_answer expected = from->is_enroll ?
							     model_unkept_enroll(&server->now, from->key, from->user) :
							     model_unkept_submit(&server->now, &from->submit);
		if (expected.verdict == VERDICT_STORE_FULL && batch.result[i].verdict != VERDICT_REPEAT &&
		    batch.result[i].verdict != VERDICT_ENROLLED && batch.result[i].verdict != VERDICT_ID_MISUSED)
			continue; // a refusal, which may have been told before in other words
		judge(server, i, &expected);
	}
}

static enum mms_err append(struct server_world *server)
{
	struct build *build = &batch;
	const struct storage_batch built = {build->move, build->move_count, build->op,  build->count,
					    build->result, build->place,    build->text, server->clock};
	struct storage_appended appended = {.is_kept = false};
	keep(server);
	model_batch_end(&server->next, server_world_seconds(server));
	server->world.why.text[0] = 0;
	enum mms_err err = server_store_append(server->store, &built, &appended, &server->world.why);
	server->clock = mtime_add_ms(server->clock, 1000);
	if (err == MMS_OK && !appended.is_kept) {
		judge_unkept(server);
		err = MMS_E_NOSPACE;
	} else if (err == MMS_OK) {
		for (size_t i = 0; i < build->count; i++)
			judge(server, i, &build->expected[i]);
		server->last.is_told = true;
	}
	if (err != MMS_OK && server->world.why.text[0] == 0)
		world_complain(&server->world, "error %d of append without a reason", err);
	const struct server_model *model = err == MMS_OK ? &server->next : &server->now;
	if ((err == MMS_OK || err == MMS_E_NOSPACE) && appended.mark.commit != model->commit_next - 1)
		world_complain(&server->world, "the mark promises %llu", (unsigned long long)appended.mark.commit);
	return server_world_settle(server, err, MMS_OK);
}

enum mms_err server_batch_again(struct server_world *server, unsigned argument)
{
	const struct server_batch last = server->last;
	(void)argument;
	begin_batch(server);
	if (last.is_told) { // the same calls; else other ones, of a session that began since
		batch.session = last.session;
		batch.session_began_at = last.session_began_at;
	}
	for (size_t i = 0; i < last.move_count; i++)
		add_move(server, last.moved_key[i], &last.move[i]);
	for (size_t i = 0; i < last.op_count; i++)
		add(server, &last.op[i]);
	for (size_t i = 0; i < last.op_count && last.is_told; i++)
		if (batch.expected[i].verdict == VERDICT_NEW)
			world_complain(&server->world, "the model takes a repeated message for new");
	return append(server);
}

enum mms_err server_batch_accept(struct server_world *server, unsigned count)
{
	begin_batch(server);
	for (unsigned i = 0; i < count; i++)
		add_accept(server);
	return append(server);
}

enum mms_err server_batch_take(struct server_world *server, unsigned key)
{
	begin_batch(server);
	add_cursor(server, key);
	return append(server);
}

enum mms_err server_batch_enroll(struct server_world *server, unsigned argument)
{
	const unsigned key = argument & 0xf;
	begin_batch(server);
	add_enroll(server, key, key % MODEL_USERS, (argument & SERVER_BATCH_INVITE) != 0, key);
	return append(server);
}

enum mms_err server_batch_tell_gap(struct server_world *server, unsigned key)
{
	const uint64_t row = server->now.device[key].gap_row;
	begin_batch(server);
	add_gap_told(server, key, row);
	return append(server);
}

enum mms_err server_batch_tell_old_gap(struct server_world *server, unsigned key)
{
	const uint64_t row = server->now.device[key].gap_row;
	begin_batch(server);
	add_gap_told(server, key, row == 0 ? 0 : row - 1);
	return append(server);
}

enum mms_err server_batch_mixed(struct server_world *server, unsigned key)
{
	begin_batch(server);
	add_cursor(server, 0);
	add_cursor(server, 1);
	add_gap_told(server, 0, server->next.device[0].gap_row);
	add_cursor(server, MODEL_KEYS - 1);
	add_accept(server);
	add_enroll(server, key, key % MODEL_USERS, true, key);
	add_accept(server);
	add_accept(server);
	return append(server);
}

enum mms_err server_batch_forbidden(struct server_world *server, unsigned which)
{
	begin_batch(server);
	add_accept(server);
	if (which == 0) { // an id that is held, and one that is another message's
		struct server_op copy = batch.from[0];
		add(server, &copy);
		copy.submit.is_other = true;
		add(server, &copy);
	} else if (which == 1) { // an invite that is spent
		add_enroll(server, MODEL_KEYS - 1, (MODEL_KEYS - 1) % MODEL_USERS, true, 1);
	} else { // a key of another user, and a claim of a name that has a device
		add_enroll(server, 1, 2, true, MODEL_KEYS - 1);
		add_enroll(server, MODEL_KEYS - 2, 0, false, 0);
	}
	add_accept(server);
	return append(server);
}
