// SPDX-License-Identifier: ISC
// The batches of the server's script: each is put together, done to the model, and appended to the store.
#include <assert.h>
#include <string.h>

#include "server_world.h"

enum { OPS_MAX = 512 };

// A batch on its way.
struct build {
	struct storage_op op[OPS_MAX];
	uint8_t text[OPS_MAX * TEXT_BYTES_MAX];
	size_t count;
	size_t text_bytes;
	uint64_t row_next;
};

static struct build batch; // used within a call; too large to be copied with a world

static struct storage_op *add_op(struct server_world *server, enum storage_op_kind kind)
{
	struct build *build = &batch;
	assert(build->count < OPS_MAX);
	struct storage_op *op = &build->op[build->count++];
	*op = (struct storage_op){.kind = kind, .at = {server->clock.us / 1000}};
	return op;
}

static void begin_batch(struct server_world *server)
{
	struct build *build = &batch;
	build->count = build->text_bytes = 0;
	build->row_next = server_world_expect(server)->commit_next;
}

static enum mms_err append(struct server_world *server, enum mms_err expected)
{
	struct build *build = &batch;
	const struct storage_batch built = {build->op, build->count, build->text, build->row_next};
	model_batch_end(&server->next, build->row_next, server_world_seconds(server));
	server->world.why.text[0] = 0;
	const enum mms_err err = server_store_append(server->store, &built, server->clock, &server->world.why);
	server->clock = mtime_add_ms(server->clock, 1000);
	if (err != MMS_OK && server->world.why.text[0] == 0)
		world_complain(&server->world, "error %d of append without a reason", err);
	return server_world_settle(server, err, expected);
}

static void add_accept(struct server_world *server)
{
	struct build *build = &batch;
	const uint32_t serial = server->serial_next++;
	struct draw draw = {server->world.seed ^ serial};
	uint8_t sender;
	uint8_t recipient;
	do {
		sender = (uint8_t)draw_below(&draw, MODEL_USERS);
		recipient = (uint8_t)draw_below(&draw, MODEL_USERS);
	} while (server->next.user[sender].id == 0 || server->next.user[recipient].id == 0);
	struct storage_op *op = add_op(server, STORAGE_ACCEPT);
	op->row = build->row_next++;
	op->user_id = server->next.user[recipient].id;
	op->sender_id = server->next.user[sender].id;
	op->sender = world_name(sender, server->is_loud);
	op->at.ms = (int64_t)serial; // whatever a wall clock says
	op->id = world_id(serial);
	memset(op->digest, (int)serial, sizeof op->digest);
	op->was_online = serial % 2 == 0;
	op->text_offset = (uint32_t)build->text_bytes;
	op->text_bytes = world_text(serial, build->text + build->text_bytes);
	build->text_bytes += op->text_bytes;
	model_accept(&server->next, op->row, serial, sender, recipient, op->text_bytes,
		     server_world_seconds(server));
}

// The device moves to a row that is drawn; a key without one names a device that is not there.
static void add_cursor(struct server_world *server, unsigned key)
{
	const struct model_device *device = &server->next.device[key];
	const uint64_t row_last = batch.row_next - 1;
	struct draw draw = {server->world.seed ^ (row_last << 8) ^ key};
	struct storage_op *op = add_op(server, STORAGE_CURSOR);
	op->user_id = device->id == 0 ? 1 : device->user_id;
	op->device_id = device->id == 0 ? 999 : device->id;
	op->row = device->cursor + draw_below(&draw, row_last - device->cursor + 1);
	model_cursor(&server->next, key, op->row, server_world_seconds(server));
}

static struct storage_op *add_enroll(struct server_world *server, unsigned key, uint8_t user, bool has_invite)
{
	struct storage_op *op = add_op(server, STORAGE_ENROLL);
	op->user_id = server->next.user[user].id;
	op->has_invite = has_invite;
	server_world_key(key, op->key);
	server_world_key(key, op->invite_hash);
	memset(op->fingerprint, (int)~key & 0xff, sizeof op->fingerprint);
	return op;
}

static void add_gap_told(struct server_world *server, unsigned key, uint64_t row)
{
	struct storage_op *op = add_op(server, STORAGE_GAP_TOLD);
	op->user_id = server->next.device[key].user_id;
	op->device_id = server->next.device[key].id;
	op->row = row;
	model_gap_told(&server->next, key, row);
}

enum mms_err server_batch_accept(struct server_world *server, unsigned count)
{
	begin_batch(server);
	for (unsigned i = 0; i < count; i++)
		add_accept(server);
	return append(server, MMS_OK);
}

enum mms_err server_batch_take(struct server_world *server, unsigned key)
{
	begin_batch(server);
	add_cursor(server, key);
	return append(server, MMS_OK);
}

enum mms_err server_batch_enroll(struct server_world *server, unsigned argument)
{
	const unsigned key = argument & 0xf;
	begin_batch(server);
	add_enroll(server, key, key % MODEL_USERS, (argument & SERVER_BATCH_INVITE) != 0);
	model_enroll(&server->next, key, key % MODEL_USERS, (argument & SERVER_BATCH_INVITE) != 0);
	return append(server, MMS_OK);
}

enum mms_err server_batch_tell_gap(struct server_world *server, unsigned key)
{
	const uint64_t row = server->now.device[key].gap_row;
	begin_batch(server);
	add_gap_told(server, key, row);
	return append(server, MMS_OK);
}

enum mms_err server_batch_tell_old_gap(struct server_world *server, unsigned key)
{
	const uint64_t row = server->now.device[key].gap_row;
	begin_batch(server);
	add_gap_told(server, key, row == 0 ? 0 : row - 1);
	return append(server, MMS_OK);
}

enum mms_err server_batch_mixed(struct server_world *server, unsigned key)
{
	begin_batch(server);
	add_accept(server);
	add_cursor(server, 0);
	add_enroll(server, key, key % MODEL_USERS, true);
	model_enroll(&server->next, key, key % MODEL_USERS, true);
	add_accept(server);
	add_accept(server);
	add_cursor(server, 1);
	add_gap_told(server, 0, server->next.device[0].gap_row);
	add_cursor(server, MODEL_KEYS - 1);
	return append(server, MMS_OK);
}

enum mms_err server_batch_forbidden(struct server_world *server, unsigned which)
{
	struct build *build = &batch;
	begin_batch(server);
	add_accept(server);
	if (which == 0) { // the same id twice
		const struct storage_op first = build->op[0];
		*add_op(server, STORAGE_ACCEPT) = first;
		build->op[1].row = build->row_next++;
	} else if (which == 1) { // an invite that is spent
		server_world_key(1, add_enroll(server, MODEL_KEYS - 1, 0, true)->invite_hash);
	} else { // a key of another user
		add_enroll(server, 1, 2, false);
	}
	server->next = server->now;
	return append(server, MMS_E_EXISTS);
}
